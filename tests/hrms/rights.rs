//! Rule 10: no superuser is needed, and rights that are missing are found before anything is changed.

use crate::site::{Role, Site};

/// Every database that exists, and what a run makes of it.
const DATABASES: [(&[&str], &str); 5] = [
    (&[], "hrms_enum.expected"),
    (&["enum_first_release.sql"], "hrms_enum.expected"),
    (&["varchar_first_release.sql"], "varchar_first_release.expected"),
    (&["enum_halfway.sql"], "enum_halfway.expected"),
    (&["varchar_halfway.sql"], "varchar_halfway.expected"),
];

#[test]
fn an_owner_who_is_no_superuser_can_do_everything() {
    for (files, expected) in DATABASES {
        let Some(role) = Role::new("owner") else { return };
        let Some(site) = Site::on_server("owner", files) else { return };
        role.take_over(&site);
        role.cli(&site, &["run"]).expect(0);
        site.assert_facts(expected);
        assert_eq!(site.books().map(|versions| versions.len()), Some(4));
        let before = site.fingerprint();
        role.cli(&site, &["run"]).expect(0);
        role.cli(&site, &["verify"]).expect(0);
        assert_eq!(site.fingerprint(), before);
    }
}

#[test]
fn missing_rights_are_named_in_the_words_of_the_server_and_nothing_is_changed() {
    let Some(role) = Role::new("nobody") else { return };
    let lacks_create = format!("permission denied for schema public: role {} lacks CREATE", role.name);
    for (files, words) in [
        (&[][..], &[lacks_create.as_str()][..]),
        (
            &["enum_first_release.sql"],
            &[&lacks_create, "must be owner of table holidays", "must be owner of table users"],
        ),
        (
            &["varchar_first_release.sql"],
            &[&lacks_create, "must be owner of table holidays", "must be owner of table leaves"],
        ),
        (&["enum_halfway.sql"], &["must be owner of table users", "must be owner of type userrole"]),
        (&["varchar_halfway.sql"], &["must be owner of table employee_details"]),
    ] {
        let Some(site) = Site::on_server("nobody", files) else { return };
        site.add("REVOKE CREATE ON SCHEMA public FROM PUBLIC; GRANT SELECT ON ALL TABLES IN SCHEMA public TO PUBLIC");
        let before = site.fingerprint();
        for command in ["run", "plan", "verify"] {
            let run = role.cli(&site, &[command]).expect(7);
            for word in words {
                assert!(run.stderr.contains(word), "{command}: no `{word}` in\n{}", run.stderr);
            }
        }
        assert_eq!(site.fingerprint(), before);
        assert_eq!(site.books(), None);
    }
}

#[test]
fn a_reader_gets_exit_0_when_nothing_is_missing() {
    for file in ["enum_current.sql", "varchar_current.sql"] {
        let Some(role) = Role::new("reader") else { return };
        let Some(site) = Site::on_server("reader", &[file]) else { return };
        site.add(&format!(
            "REVOKE CREATE ON SCHEMA public FROM PUBLIC; GRANT SELECT ON ALL TABLES IN SCHEMA public TO {}",
            role.name
        ));
        let before = site.fingerprint();
        let run = role.cli(&site, &["run"]).expect(0);
        // The record of diesel cannot be written: said in one line, and no failure.
        assert!(
            run.stdout.contains("not recorded") || run.stderr.contains("not recorded"),
            "{}{}",
            run.stdout,
            run.stderr
        );
        role.cli(&site, &["verify"]).expect(0);
        role.cli(&site, &["plan", "--exit-code"]).expect(0);
        assert_eq!(site.fingerprint(), before);
        assert_eq!(site.books(), None);
        site.add(&format!("DROP OWNED BY {}", role.name));
    }
}

#[test]
fn a_role_that_may_not_even_read_can_still_look_at_the_catalog() {
    let Some(role) = Role::new("blind") else { return };
    let Some(site) = Site::on_server("blind", &["enum_current.sql"]) else { return };
    site.add("REVOKE CREATE ON SCHEMA public FROM PUBLIC");
    let before = site.fingerprint();
    let run = role.cli(&site, &["run"]).expect(0);
    // Whether holidays.is_active holds NULL cannot be found out, which is said.
    assert!(run.stdout.contains("SELECT") || run.stderr.contains("SELECT"), "{}{}", run.stdout, run.stderr);
    assert_eq!(site.fingerprint(), before);
}

#[test]
fn a_backfill_needs_no_more_than_the_right_to_update() {
    let Some(role) = Role::new("updater") else { return };
    let Some(site) =
        Site::on_server("updater", &["enum_current.sql", "UPDATE holidays SET is_active = NULL WHERE id = 1"])
    else {
        return;
    };
    let name = &role.name;
    site.add(&format!(
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC; GRANT SELECT ON ALL TABLES IN SCHEMA public TO {name}"
    ));
    let run = role.cli(&site, &["run"]).expect(7);
    assert!(run.stderr.contains("permission denied for table holidays"), "{}", run.stderr);
    site.add(&format!("GRANT UPDATE ON holidays TO {name}"));
    role.cli(&site, &["run"]).expect(0);
    assert_eq!(site.database.value("SELECT is_active FROM holidays WHERE id = 1").as_deref(), Some("true"));
    site.add(&format!("DROP OWNED BY {name}"));
}

#[test]
fn an_owner_of_the_tables_needs_the_schema_too() {
    let Some(role) = Role::new("half") else { return };
    let Some(site) = Site::on_server("half", &["enum_first_release.sql"]) else { return };
    role.take_over(&site);
    site.add("ALTER SCHEMA public OWNER TO CURRENT_USER; REVOKE CREATE ON SCHEMA public FROM PUBLIC");
    site.add(&format!("REVOKE CREATE ON SCHEMA public FROM {}; GRANT USAGE ON SCHEMA public TO PUBLIC", role.name));
    let before = site.fingerprint();
    let run = role.cli(&site, &["run"]).expect(7);
    let words = format!("permission denied for schema public: role {} lacks CREATE", role.name);
    assert!(run.stderr.contains(&words), "{}", run.stderr);
    assert_eq!(site.fingerprint(), before);
}

#[test]
fn a_foreign_key_to_a_table_of_somebody_else_needs_references() {
    let Some(role) = Role::new("referrer") else { return };
    let Some(site) = Site::on_server("referrer", &["enum_current.sql", "DROP TABLE tasks"]) else { return };
    role.take_over(&site);
    site.add("ALTER TABLE users OWNER TO CURRENT_USER; REVOKE ALL ON users FROM PUBLIC");
    site.add(&format!("GRANT SELECT ON users TO {}", role.name));
    let before = site.fingerprint();
    let run = role.cli(&site, &["run"]).expect(7);
    assert!(run.stderr.contains("permission denied for table users"), "{}", run.stderr);
    assert_eq!(site.fingerprint(), before);
    site.add(&format!("GRANT REFERENCES ON users TO {}", role.name));
    role.cli(&site, &["run"]).expect(0);
    site.assert_facts("enum_current.expected");
    site.add(&format!("REVOKE ALL ON users FROM {}", role.name));
}

#[test]
fn rows_that_policies_hide_are_not_overlooked() {
    // The owner is subject to its own policies here: a check that sees less than the change does would lose digits.
    let hide = "ALTER TABLE leaves ADD COLUMN total_days numeric(10,2);
        UPDATE leaves SET total_days = CASE id WHEN 3 THEN 4.25 ELSE 1 END;
        CREATE POLICY site_hide ON leaves USING (id <> 3);
        ALTER TABLE leaves ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY";
    let Some(role) = Role::new("hidden") else { return };
    let Some(site) = Site::on_server("hidden", &["enum_first_release.sql", hide]) else { return };
    role.take_over(&site);
    let before = site.fingerprint();
    let run = role.cli(&site, &["run"]);
    assert!([4, 7].contains(&run.status), "{}{}", run.stdout, run.stderr);
    assert!(run.stderr.contains("leaves"), "{}", run.stderr);
    assert_eq!(site.fingerprint(), before);

    let hide = "CREATE POLICY site_hide ON holidays USING (id <> 2);
        ALTER TABLE holidays ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY";
    let Some(site) = Site::on_server("hidden", &["enum_halfway.sql", hide]) else { return };
    role.take_over(&site);
    // Whether the hidden rows hold NULL cannot be found out: that is said, and nobody is told that all is well.
    let run = role.cli(&site, &["run"]);
    assert!(run.stdout.contains("not verified") && run.stdout.contains("row-level security"), "{}", run.stdout);
    let verify = role.cli(&site, &["verify"]);
    assert!(verify.stdout.contains("not verified"), "{}", verify.stdout);
    let admin = site.run().expect(0);
    assert!(!admin.stdout.contains("not verified"), "{}", admin.stdout);
    site.assert_facts("enum_halfway.expected");
    assert_eq!(site.database.value("SELECT count(*) FROM holidays WHERE is_active IS NULL").as_deref(), Some("0"));
}
