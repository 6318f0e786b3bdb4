//! Rule 8: what the site has added stays as it is.

use crate::site::Site;

/// Objects of every kind that a site may have added; all are called site_ something.
const ADDITIONS: &str = "
    CREATE TABLE site_rooms (id integer PRIMARY KEY, user_id integer REFERENCES users (id), note text DEFAULT 'SECRET-7f3a');
    INSERT INTO site_rooms VALUES (1, 2, 'SECRET-7f3a-room');
    ALTER TABLE users ADD COLUMN site_level integer NOT NULL DEFAULT 3, ADD COLUMN site_code varchar(9) COLLATE \"C\";
    ALTER TABLE users ADD CONSTRAINT site_level_check CHECK (site_level > 0), ADD CONSTRAINT site_code_key UNIQUE (site_code);
    ALTER TABLE leaves ADD COLUMN site_approver integer REFERENCES users (id) ON DELETE SET NULL;
    ALTER TABLE leaves ADD CONSTRAINT site_dates CHECK (end_date >= start_date) NOT VALID;
    CREATE INDEX site_lower_email ON users (lower(email)) WHERE is_active;
    CREATE INDEX site_leave_reason ON leaves USING hash (reason);
    CREATE STATISTICS site_statistics ON user_id, status FROM leaves;
    CREATE FUNCTION site_touch() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN NEW.updated_at := now(); RETURN NEW; END $$;
    CREATE TRIGGER site_touch BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION site_touch();
    CREATE VIEW site_people AS SELECT id, name FROM users;
    CREATE MATERIALIZED VIEW site_heads AS SELECT count(*) AS heads FROM users;
    CREATE TYPE site_mood AS ENUM ('GOOD', 'BAD');
    CREATE SEQUENCE site_numbers START 7;
    CREATE POLICY site_own ON leaves FOR SELECT TO PUBLIC USING (user_id > 0);
    ALTER TABLE leaves ENABLE ROW LEVEL SECURITY;
    ALTER TABLE users SET (fillfactor = 70);
    ALTER TABLE users ALTER COLUMN name SET STATISTICS 500;
    ALTER TABLE leaves CLUSTER ON leaves_pkey;
    ALTER TABLE users REPLICA IDENTITY FULL;
    COMMENT ON TABLE leaves IS 'comment of the site';
    COMMENT ON COLUMN users.email IS 'comment of the site';
    COMMENT ON CONSTRAINT leaves_pkey ON leaves IS 'comment of the site';
    GRANT SELECT ON users TO PUBLIC;
    GRANT UPDATE (phone) ON users TO PUBLIC";

#[test]
fn a_complete_database_with_additions_needs_nothing() {
    for file in ["enum_current.sql", "varchar_current.sql"] {
        let Some(site) = Site::new("additions", &[file, ADDITIONS]) else { return };
        let before = site.fingerprint();
        site.completes();
        assert_eq!(site.fingerprint(), before);
    }
}

#[test]
fn an_incomplete_database_is_completed_around_the_additions() {
    for file in ["enum_first_release.sql", "varchar_first_release.sql", "enum_halfway.sql", "varchar_halfway.sql"] {
        let Some(site) = Site::new("additions", &[file, ADDITIONS]) else { return };
        let (catalog, contents) = (site.database.catalog("public"), site.contents());
        site.completes();
        site.assert_kept(&contents, &["holidays.is_active", "leaves.total_days"]);
        let after = site.database.catalog("public");
        for line in catalog.lines() {
            let may_change =
                ["total_days", "idx_user_role_active", "idx_leave_dates", "idx_employee_department", "enum "]
                    .iter()
                    .any(|part| line.contains(part));
            let is_theirs = line.contains("site_") || line.contains("of the site");
            // Nothing that was there is gone or changed, but for what the schema declares otherwise.
            assert!((may_change && !is_theirs) || after.lines().any(|other| other == line), "gone or changed: {line}");
        }
        let settings = site.database.rows(
            "SELECT (SELECT attstattarget FROM pg_attribute WHERE attrelid = 'users'::regclass AND attname = 'name'),
                    (SELECT relreplident FROM pg_class WHERE oid = 'users'::regclass),
                    (SELECT indisclustered FROM pg_index WHERE indexrelid = 'leaves_pkey'::regclass),
                    (SELECT count(*) FROM pg_statistic_ext WHERE stxname = 'site_statistics')",
        );
        assert_eq!(settings[0], ["500", "f", "true", "1"].map(|value| Some(value.to_owned())));
    }
}

#[test]
fn other_schemas_are_not_touched() {
    let other = "CREATE SCHEMA other; CREATE TABLE other.users (id integer); CREATE TABLE other.tasks (status text);
        CREATE INDEX idx_task_status ON other.tasks (status); CREATE TYPE other.userrole AS ENUM ('x')";
    for file in ["enum_first_release.sql", "varchar_halfway.sql"] {
        let other =
            if file == "varchar_halfway.sql" { other.replace("CREATE SCHEMA other;", "") } else { other.to_owned() };
        let Some(site) = Site::new("others", &[file, &other]) else { return };
        let before = site.database.catalog("other");
        site.completes();
        assert_eq!(site.database.catalog("other"), before);
    }
}

#[test]
fn existing_defaults_nullability_and_lengths_stay() {
    let own = "
        ALTER TABLE users ALTER COLUMN is_active SET DEFAULT false, ALTER COLUMN phone SET NOT NULL,
            ALTER COLUMN designation TYPE varchar(40), ALTER COLUMN wifi_user_id TYPE varchar(7),
            ALTER COLUMN role SET DEFAULT 'USER', ALTER COLUMN created_at DROP DEFAULT, ALTER COLUMN name DROP NOT NULL;
        ALTER TABLE holidays ALTER COLUMN is_active SET DEFAULT false;
        ALTER TABLE leaves ALTER COLUMN status SET DEFAULT 'PENDING', ALTER COLUMN total_days DROP NOT NULL;
        ALTER TABLE email_settings ALTER COLUMN smtp_port SET DEFAULT 25, ALTER COLUMN smtp_use_tls SET NOT NULL;
        ALTER TABLE employee_details ALTER COLUMN currency SET DEFAULT 'INR'";
    let fill = "UPDATE users SET phone = '-' WHERE phone IS NULL; UPDATE email_settings SET smtp_use_tls = true";
    let Some(site) = Site::new("own", &["enum_current.sql", fill, own]) else { return };
    let before = site.fingerprint();
    site.completes();
    assert_eq!(site.fingerprint(), before);
}
