//! Rule 9: where unqualified names lead.

use crate::site::Site;
use crate::support::cli;

/// Makes a database with a schema `app` and a search path of its own.
fn with_path(test: &str, path: &str, parts: &[&str]) -> Option<Site> {
    let site = Site::on_server(test, &["CREATE SCHEMA app"])?;
    set_path(&site, path);
    for part in parts {
        site.add(part);
    }
    Some(site)
}

fn set_path(site: &Site, path: &str) {
    site.database.execute(&format!("ALTER DATABASE \"{}\" SET search_path = {path}", site.database.name()));
}

fn objects(site: &Site, schema: &str) -> Option<String> {
    let sql = format!("SELECT count(*) FROM pg_class WHERE relnamespace = '{schema}'::regnamespace");
    site.database.value(&sql)
}

#[test]
fn an_empty_database_gets_everything_in_the_first_schema_of_the_path() {
    let Some(site) = with_path("first", "app, public", &[]) else { return };
    site.completes();
    site.assert_facts("hrms_enum.expected");
    assert_eq!(objects(&site, "public").as_deref(), Some("0"));
}

#[test]
fn tables_are_found_where_they_are_on_the_path() {
    for (file, expected) in
        [("enum_halfway.sql", "enum_halfway.expected"), ("varchar_halfway.sql", "varchar_halfway.expected")]
    {
        // They are in public; app stands before it and is empty.
        let Some(site) = Site::on_server("found", &[file, "CREATE SCHEMA app"]) else { return };
        set_path(&site, "app, public");
        site.completes();
        assert_eq!(objects(&site, "app").as_deref(), Some("0"));
        set_path(&site, "public");
        site.assert_facts(expected);

        // They are in app, and nothing of ours is in public.
        let Some(site) = with_path("found", "app, public", &[file]) else { return };
        site.completes();
        site.assert_facts(expected);
        assert_eq!(objects(&site, "public").as_deref(), Some("0"));
    }
}

#[test]
fn a_schema_option_decides_and_other_schemas_are_none_of_our_business() {
    // `leaves` and a view `users` in public, which is on the path, and our tables in app, which is not.
    let strangers = "CREATE TABLE public.leaves (id text); CREATE VIEW public.users AS SELECT 1 AS id;
        CREATE INDEX idx_leave_status ON public.leaves (id)";
    for (file, expected) in [
        ("enum_first_release.sql", "hrms_enum.expected"),
        ("varchar_first_release.sql", "varchar_first_release.expected"),
    ] {
        let Some(site) = with_path("option", "app", &[file, strangers]) else { return };
        set_path(&site, "public");
        let before = site.facts();
        site.cli(&["run", "--schema", "app"]).expect(0);
        assert_eq!(site.facts(), before, "public is as it was");
        let fingerprint = site.fingerprint();
        site.cli(&["run", "--schema", "app"]).expect(0);
        site.cli(&["verify", "--schema=app"]).expect(0);
        assert_eq!(site.fingerprint(), fingerprint);
        set_path(&site, "app");
        site.assert_facts(expected);
    }
}

#[test]
fn a_schema_that_is_not_there_is_refused() {
    let Some(site) = Site::on_server("missing_schema", &[]) else { return };
    let run = site.cli(&["run", "--schema", "nowhere"]).expect(4);
    assert!(run.stderr.contains("error[schema-missing]") && run.stderr.contains("nowhere"), "{}", run.stderr);
    set_path(&site, "nowhere");
    let run = site.run().expect(4);
    assert!(run.stderr.contains("error[schema-missing]"), "{}", run.stderr);
    assert_eq!(objects(&site, "public").as_deref(), Some("0"));
}

#[test]
fn tables_spread_over_two_schemas_are_refused() {
    let Some(site) =
        Site::on_server("spread", &["enum_current.sql", "CREATE SCHEMA app; ALTER TABLE leaves SET SCHEMA app"])
    else {
        return;
    };
    // Where app is not on the path, its table is a stranger, and ours is missing.
    set_path(&site, "public, app");
    site.refuses_in_every_way(4, &["error[several-schemas]", "public", "app", "leaves"]);
    set_path(&site, "app, public");
    site.refuses(4, &["error[several-schemas]", "public", "app"]);
    set_path(&site, "public");
    let before = site.database.value("SELECT count(*) FROM app.leaves");
    site.completes();
    assert_eq!(site.database.value("SELECT count(*) FROM app.leaves"), before);
    assert_eq!(site.database.value("SELECT count(*) FROM leaves").as_deref(), Some("0"));
    site.assert_facts("enum_current.expected");
}

#[test]
fn a_table_whose_name_differs_in_case_is_another_table() {
    let part = r#"ALTER TABLE leaves RENAME TO "Leaves"; CREATE TABLE "Users" (id integer); CREATE TYPE "UserRole" AS ENUM ('x')"#;
    let Some(site) = Site::on_server("case", &["varchar_first_release.sql", part]) else { return };
    let before = site.database.value(r#"SELECT count(*) FROM "Leaves""#);
    site.completes();
    assert_eq!(site.database.value(r#"SELECT count(*) FROM "Leaves""#), before);
    assert_eq!(site.database.value("SELECT count(*) FROM leaves").as_deref(), Some("0"));
}

#[test]
fn a_schema_of_any_name_works() {
    for name in ["Österreich", "select", "two words", r#"quo"ted"#, "o'clock", "$user$"] {
        let quoted = format!("\"{}\"", name.replace('"', "\"\""));
        let Some(site) = Site::on_server("any_name", &[&format!("CREATE SCHEMA {quoted}")]) else { return };
        set_path(&site, &quoted);
        site.completes();
        site.assert_facts("hrms_enum.expected");
        site.add("ALTER TABLE users DROP COLUMN pan_image_status; DROP INDEX idx_task_status");
        set_path(&site, "public");
        site.cli(&["run", "--schema", name]).expect(0);
        set_path(&site, &quoted);
        site.assert_facts("hrms_enum.expected");
        assert_eq!(objects(&site, "public").as_deref(), Some("0"));
    }
}

#[test]
fn the_schema_of_the_user_is_taken_as_the_server_takes_it() {
    let Some(site) =
        Site::on_server("of_user", &[r"DO $$ BEGIN EXECUTE format('CREATE SCHEMA %I', current_user); END $$"])
    else {
        return;
    };
    site.completes();
    site.assert_facts("hrms_enum.expected");
    assert_eq!(objects(&site, "public").as_deref(), Some("0"));
}

#[test]
fn temporary_tables_of_other_sessions_are_nobodys_business() {
    let Some(site) = Site::on_server("temporary", &["enum_current.sql"]) else { return };
    let mut other = site.database.connect();
    diesel::connection::SimpleConnection::batch_execute(&mut other, "CREATE TEMPORARY TABLE users (id text)").unwrap();
    site.run().expect(0);
    let run = cli(&["verify"]).database(&site.database).run();
    run.expect(0);
}
