//! `check`: what is worth a second look, without a database.

use crate::{
    support::cli,
    tools::{Scripts, assert_says},
};

#[test]
fn a_finding_is_shown_at_its_place_and_fails_only_where_that_is_asked_for() {
    let scripts = Scripts::one(
        "CREATE TABLE cities (id integer PRIMARY KEY);\nCREATE TABLE offices (\n  city_id integer REFERENCES cities\n);\n",
    );
    let told = scripts.command(&["check"]).run().expect(0);
    assert_says(
        &told.stderr,
        &["warning[lint]: no index begins with city_id", "010_test.sql:3:19", "foreign-key-index"],
    );
    scripts.command(&["check", "--strict"]).run().expect(65);
    scripts.write(
        "020_waived.sql",
        "-- ensure:waive foreign-key-index -- few\n\nCREATE TABLE t (c integer REFERENCES cities);\n",
    );
    scripts.write("010_test.sql", "CREATE TABLE cities (id integer PRIMARY KEY);\n");
    let silent = scripts.command(&["check", "--strict"]).run().expect(0);
    assert_eq!(silent.stderr, "");
}

#[test]
fn settings_bring_rules_of_their_own() {
    let scripts = Scripts::one("CREATE TABLE t (id integer REFERENCES t ON DELETE CASCADE PRIMARY KEY);\n");
    scripts.command(&["check", "--strict"]).run().expect(0);
    let tenant = scripts.command(&["check", "--strict", "--tenant-column", "company_id"]).run().expect(65);
    assert_says(&tenant.stderr, &["table t has no column company_id that is NOT NULL"]);
    let cascade = scripts.command(&["check"]).env("HRMS_MIGRATE_DENY_CASCADE", "true").run().expect(0);
    assert_says(&cascade.stderr, &["CASCADE takes more with it"]);
}

#[test]
fn a_waiver_without_a_reason_is_an_error_and_the_hrms_scripts_need_no_other() {
    let scripts = Scripts::one("-- ensure:waive cascade\n\nCREATE TABLE t (id integer);\n");
    let refused = scripts.command(&["check"]).run().expect(65);
    assert_says(&refused.stderr, &["a rule and a reason are needed"]);
    assert_eq!(cli(&["check", "--strict"]).run().expect(0).stderr, "");
}
