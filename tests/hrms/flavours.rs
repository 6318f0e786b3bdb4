//! Rules 1 to 4: an empty database, complete ones, the first release and halfway ones, of both flavours.

use crate::site::{Site, assert_lines, fixture};
use crate::support::{cli, psql};

#[test]
fn an_empty_database_becomes_exactly_the_enum_flavour() {
    let Some(site) = Site::new("empty", &[]) else { return };
    site.completes();
    site.assert_facts("hrms_enum.expected");
}

#[test]
fn what_is_small_stays_simple() {
    let Some(site) = Site::new("empty_plan", &[]) else { return };
    let plan = site.cli(&["plan", "--format", "json"]).expect(0).stdout;
    assert!(plan.contains("CREATE INDEX") && !plan.contains("online") && !plan.contains("CONCURRENTLY"), "{plan}");
}

#[test]
fn an_empty_database_becomes_the_same_in_one_transaction() {
    let Some(site) = Site::new("empty_atomic", &[]) else { return };
    site.cli(&["run", "--atomic"]).expect(0);
    site.assert_facts("hrms_enum.expected");
    site.completes();
}

#[test]
fn a_missing_column_default_does_not_stay_and_new_columns_allow_null() {
    let Some(site) = Site::new("nullable", &["enum_first_release.sql"]) else { return };
    let before = site.database.rows(COLUMNS);
    site.run().expect(0);
    let added: Vec<_> = site.database.rows(COLUMNS).into_iter().filter(|row| !before.contains(row)).collect();
    let strict: Vec<_> =
        added.iter().filter(|row| row[1].as_deref() == Some("true")).map(|row| row[0].as_deref()).collect();
    assert_eq!(strict, [Some("leaves.total_days")]);
    let defaults: Vec<_> =
        added.iter().filter(|row| row[2].as_deref() == Some("true")).map(|row| row[0].as_deref()).collect();
    assert_eq!(defaults, [Some("holidays.is_active")]);
}

const COLUMNS: &str = "SELECT c.relname || '.' || a.attname, a.attnotnull, a.atthasdef FROM pg_class c
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
    WHERE c.oid IN ('users'::regclass, 'leaves'::regclass, 'holidays'::regclass) ORDER BY 1";

#[test]
fn a_complete_enum_database_is_left_as_it_is() {
    complete("enum_current.sql", "enum_current.expected");
}

#[test]
fn a_complete_varchar_database_is_left_as_it_is() {
    complete("varchar_current.sql", "hrms_varchar.expected");
}

fn complete(file: &str, expected: &str) {
    let Some(site) = Site::new(file, &[file]) else { return };
    site.assert_facts(expected);
    let (contents, fingerprint) = (site.contents(), site.fingerprint());
    site.cli(&["verify", "--strict"]).expect(0);
    site.cli(&["plan", "--exit-code"]).expect(0);
    assert_eq!(site.books(), None, "verify and plan write nothing");
    site.completes();
    assert_eq!(site.fingerprint(), fingerprint);
    site.assert_kept(&contents, &[]);
    assert_eq!(site.contents().len(), contents.len());
    site.assert_facts(expected);
}

#[test]
fn the_first_release_of_the_enum_flavour_is_completed() {
    incomplete("enum_first_release.sql", "hrms_enum.expected", &[]);
}

#[test]
fn the_first_release_of_the_varchar_flavour_is_completed() {
    incomplete("varchar_first_release.sql", "varchar_first_release.expected", &[]);
}

#[test]
fn an_enum_database_left_halfway_is_completed() {
    incomplete("enum_halfway.sql", "enum_halfway.expected", &["holidays.is_active", "leaves.total_days"]);
}

#[test]
fn a_varchar_database_left_halfway_is_completed() {
    incomplete("varchar_halfway.sql", "varchar_halfway.expected", &["holidays.is_active", "leaves.total_days"]);
}

fn incomplete(file: &str, expected: &str, changed: &[&str]) {
    let Some(site) = Site::new(file, &[file]) else { return };
    let (contents, fingerprint) = (site.contents(), site.fingerprint());
    site.cli(&["verify"]).expect(3);
    site.cli(&["plan"]).expect(0);
    site.cli(&["plan", "--exit-code"]).expect(2);
    assert_eq!(site.fingerprint(), fingerprint, "plan and verify change nothing");
    site.completes();
    site.assert_facts(expected);
    site.assert_kept(&contents, changed);

    // The same in one transaction, and the same from a run that says little.
    for arguments in [&["run", "--atomic"][..], &["run", "--quiet"]] {
        let Some(other) = Site::new(file, &[file]) else { return };
        let contents = other.contents();
        crate::site::silent(cli(arguments).database(&other.database)).expect(0);
        assert_lines(&fixture(expected), &other.facts());
        other.assert_kept(&contents, changed);
    }
}

#[test]
fn whole_days_keep_their_values_and_leaves_from_before_count_as_one_day() {
    let Some(site) = Site::new("days", &["enum_halfway.sql"]) else { return };
    site.run().expect(0);
    let days = |site: &Site| site.database.value("SELECT string_agg(total_days::text, ' ' ORDER BY id) FROM leaves");
    assert_eq!(days(&site).as_deref(), Some("1.0 2.0 2.0 10.0"));
    let Some(site) = Site::new("days", &["varchar_first_release.sql"]) else { return };
    site.run().expect(0);
    assert_eq!(days(&site).as_deref(), Some("1.0 1.0 1.0 1.0"));
}

#[test]
fn no_stored_word_changes_its_case() {
    for file in ["enum_halfway.sql", "varchar_halfway.sql"] {
        let Some(site) = Site::new(file, &[file]) else { return };
        let words = "SELECT string_agg(role::text, ' ' ORDER BY id) FROM users
            UNION ALL SELECT string_agg(status::text, ' ' ORDER BY id) FROM leaves";
        let before = site.database.rows(words);
        site.run().expect(0);
        assert_eq!(site.database.rows(words), before);
    }
}

#[test]
fn document_statuses_that_are_missing_follow_the_role() {
    for (file, kind) in [("enum_current.sql", "documentstatus"), ("varchar_current.sql", "character varying")] {
        let drop = "ALTER TABLE users DROP pan_image_status, DROP aadhaar_back_status";
        let Some(site) = Site::new(file, &[file, drop]) else { return };
        site.completes();
        let types = "SELECT string_agg(DISTINCT format_type(atttypid, atttypmod), ' ') FROM pg_attribute
            WHERE attrelid = 'users'::regclass AND attname IN ('pan_image_status', 'aadhaar_back_status')";
        assert_eq!(site.database.value(types).as_deref(), Some(kind));
    }
}

#[test]
fn a_database_without_a_role_column_counts_as_enum() {
    let Some(site) = Site::new("no_role", &["varchar_first_release.sql", "ALTER TABLE users DROP role"]) else {
        return;
    };
    // Which role the people have is nothing that a script can know: the column is NOT NULL and has no default.
    site.refuses(4, &["users.role"]);
    site.add("TRUNCATE users CASCADE");
    site.completes();
    let kind = "SELECT string_agg(format_type(atttypid, NULL), ' ' ORDER BY attname) FROM pg_attribute
        WHERE attrelid = 'users'::regclass AND attname IN ('role', 'pan_image_status')";
    assert_eq!(site.database.value(kind).as_deref(), Some("documentstatus userrole"));
}

#[test]
fn a_table_missing_from_a_varchar_database_is_made() {
    for table in ["tasks", "email_logs", "email_settings", "email_templates", "employee_details", "employment_history"]
    {
        let Some(site) = Site::new(table, &["varchar_current.sql", &format!("DROP TABLE {table}")]) else { return };
        let contents = site.contents();
        site.completes();
        site.assert_kept(&contents, &[]);
        let prefixes = ["column", "constraint", "index"].map(|kind| format!("{kind} {table}."));
        let is_its = |line: &&str| prefixes.iter().any(|prefix| line.starts_with(prefix));
        let (facts, wanted) = (site.facts(), fixture("hrms_enum.expected"));
        let found: Vec<&str> = facts.lines().filter(is_its).collect();
        // Either flavour would be right; the enum one is what the scripts make, but for the index on the primary key.
        let wanted: Vec<&str> = wanted.lines().filter(is_its).filter(|line| !line.contains(".ix_")).collect();
        assert_eq!(
            found.iter().filter(|line| !line.contains(".ix_")).collect::<Vec<_>>(),
            wanted.iter().collect::<Vec<_>>()
        );
    }
}

#[test]
fn two_runs_at_once_both_end_well() {
    for files in [&[][..], &["enum_halfway.sql"], &["varchar_halfway.sql"]] {
        let Some(site) = Site::new("at_once", files) else { return };
        let runs: Vec<_> = (0..3).map(|_| cli(&["run"]).database(&site.database).spawn()).collect();
        for run in runs {
            run.wait().expect(0);
        }
        let expected = match files {
            [] => "hrms_enum.expected".to_owned(),
            [file, ..] => file.replace(".sql", ".expected"),
        };
        site.assert_facts(&expected);
    }
}

#[cfg(not(feature = "embedded"))]
#[test]
fn whoever_forgot_the_database_is_told_so() {
    for command in ["run", "plan", "verify"] {
        let run = cli(&[command]).run().expect(78);
        assert!(run.stderr.contains("DATABASE_URL"), "{}", run.stderr);
        assert!(run.stderr.contains("embedded"), "{}", run.stderr);
    }
}

#[test]
fn psql_ends_where_a_run_does_on_every_database_that_exists() {
    for (files, expected) in [
        (&[][..], "hrms_enum.expected"),
        (&["enum_first_release.sql"], "hrms_enum.expected"),
        (&["varchar_first_release.sql"], "varchar_first_release.expected"),
        (&["enum_halfway.sql"], "enum_halfway.expected"),
        (&["varchar_halfway.sql"], "varchar_halfway.expected"),
    ] {
        let Some(site) = Site::new("psql", files) else { return };
        let script = cli(&["plan", "--sql"]).database(&site.database).run().expect(0).stdout;
        psql(&site.database, &script).unwrap_or_else(|error| panic!("{files:?}: {error}\n{script}"));
        site.assert_facts(expected);
        assert_eq!(site.books().map(|versions| versions.len()), Some(4));
        let before = site.fingerprint();
        site.completes();
        assert_eq!(site.fingerprint(), before, "{files:?}: psql left something to be done");
    }
}
