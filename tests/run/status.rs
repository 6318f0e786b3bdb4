//! `status`: how each script stands, on one screen.

use crate::{
    support::TestDatabase,
    tools::{Scripts, assert_says},
};

fn scripts() -> Scripts {
    Scripts::none()
        .and("010_people.sql", "CREATE TABLE people (id integer PRIMARY KEY, name text);\n")
        .and("020_names.sql", "ALTER TABLE people ADD COLUMN IF NOT EXISTS nick text;\n")
        .and("030_rows.sql", "UPDATE people SET name = '' WHERE name IS NULL;\n")
}

#[test]
fn scripts_hold_would_change_conflict_or_are_not_verified() {
    let Some(database) = TestDatabase::new("status") else { return };
    let scripts = scripts();
    let status = |arguments: &[&str]| scripts.command(arguments).database(&database).run();
    assert_says(&status(&["status"]).expect(0).stdout, &["2 would change, 1 already true, 0 conflicting", "next"]);
    status(&["current", "--exit-code"]).expect(2);
    scripts.run(&database).expect(0);
    let all = status(&["info", "--exit-code"]).expect(0);
    assert_says(&all.stdout, &["0 would change, 3 already true"]);

    database.execute("ALTER TABLE people ALTER COLUMN nick TYPE integer USING NULL");
    let conflict = status(&["status"]).expect(0);
    assert_says(&conflict.stdout, &["conflicting", "column public.people.nick is integer; the script asks for text"]);
    assert!(conflict.stdout.lines().count() <= 12, "{}", conflict.stdout);
    // What is in the way has its line; `plan` tells all of it.
    assert!(!conflict.stderr.contains("error"), "{}", conflict.stderr);
    status(&["status", "--exit-code"]).expect(2);
}

#[test]
fn a_role_that_may_only_connect_gets_every_goal_of_the_catalog() {
    let Some(database) = TestDatabase::new("status_connect") else { return };
    let scripts = scripts();
    scripts.run(&database).expect(0);
    let role = format!("{}_reader", database.name());
    database.execute(&format!("CREATE ROLE \"{role}\""));
    let without_usage = "REVOKE ALL ON SCHEMA public FROM PUBLIC";
    for (rights, schema) in [("SELECT", &[][..]), (without_usage, &["--schema", "public"])] {
        database.execute(rights);
        // What no script speaks of is in the catalog, which everybody may read.
        for looks in [["verify", "--strict"], ["diff", "--exit-code"]] {
            let run = scripts.command(&[&looks[..], schema].concat()).database(&database);
            run.env("PGOPTIONS", format!("-c role={role}")).run().expect(0);
        }
        for (command, words) in [
            ("status", &["1 unverified", "no right to read it (SELECT)", "2 already true"][..]),
            ("plan", &["no right to read it (SELECT)", "0 would change"]),
            ("verify", &["1 table", "3 columns", "no right to read it (SELECT)"]),
        ] {
            let run = scripts.command(&[&[command], schema].concat()).database(&database);
            let run = run.env("PGOPTIONS", format!("-c role={role}")).run().expect(0);
            assert_says(&run.stdout, words);
        }
    }
    database.execute(&format!("DROP ROLE \"{role}\""));
}

#[test]
fn looking_is_read_only_even_where_a_guard_writes() {
    let Some(database) = TestDatabase::new("read_only") else { return };
    database.execute(
        "CREATE TABLE asked (n integer);
         CREATE FUNCTION asks() RETURNS boolean LANGUAGE sql AS 'INSERT INTO asked VALUES (1) RETURNING true'",
    );
    let scripts = Scripts::one("-- ensure:when SELECT asks()\nCREATE TABLE t (id integer);\n");
    for command in ["plan", "status", "verify", "run"] {
        scripts.command(&[command]).database(&database).run();
    }
    assert_eq!(database.value("SELECT count(*) FROM asked").as_deref(), Some("0"));
}
