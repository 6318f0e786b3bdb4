//! Options that change what a run does or how it tells.

use serde_json::Value;

use crate::{
    support::{Server, TestDatabase, cli},
    tools::{Scripts, assert_clean, assert_says},
};

fn three() -> Scripts {
    Scripts::none()
        .and("010_first.sql", "CREATE TABLE first (id integer);\n")
        .and("020_second.sql", "CREATE TABLE second (id integer);\n")
        .and("030_third.sql", "CREATE TABLE third (id integer);\n")
}

fn tables(database: &TestDatabase) -> Vec<String> {
    let rows = database.rows(
        "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY oid",
    );
    rows.into_iter().map(|row| row[0].clone().unwrap()).collect()
}

#[test]
fn only_skip_and_to_choose_scripts_by_number_or_name() {
    for (options, expected) in [
        (&["--only=20"][..], &["second"][..]),
        (&["--only=010", "--only=third"], &["first", "third"]),
        (&["--skip=20"], &["first", "third"]),
        (&["--to=020_second"], &["first", "second"]),
        (&["--to=30", "--skip=first"], &["second", "third"]),
    ] {
        let Some(database) = TestDatabase::new("selection") else { return };
        let scripts = three();
        let mut command = scripts.on(&database);
        for option in options {
            command = command.arg(option);
        }
        command.run().expect(0);
        assert_eq!(tables(&database), expected, "{options:?}");
        scripts.run(&database).expect(0);
        scripts.assert_nothing_left(&database);
    }
}

#[test]
fn an_atomic_run_that_fails_leaves_nothing() {
    let Some(database) = TestDatabase::new("atomic") else { return };
    let scripts = three();
    scripts.write("020_second.sql", "CREATE TABLE second (id integer DEFAULT nosuch(1));\n");
    let run = scripts.on(&database).arg("--atomic").run().expect(1);
    assert_says(&run.stderr, &["error[statement-failed]", "020_second.sql:1:", "nothing was changed"]);
    assert!(tables(&database).is_empty());
    scripts.write("020_second.sql", "CREATE TABLE second (id integer);\n");
    scripts.on(&database).arg("--atomic").run().expect(0);
    assert_eq!(tables(&database), ["first", "second", "third"]);
    scripts.assert_nothing_left(&database);
}

#[test]
fn an_atomic_run_that_would_need_two_transactions_is_refused_before_anything_is_sent() {
    let Some(database) = TestDatabase::new("atomic_twice") else { return };
    let scripts = Scripts::none()
        .and("010_first.sql", "CREATE TABLE first (id integer);")
        .and("020_do.sql", "-- ensure:unless SELECT to_regclass('made') IS NOT NULL\nDO $$ BEGIN CREATE TABLE made (id integer); END $$;")
        .and("030_third.sql", "ALTER TABLE made ADD COLUMN word text;");
    for command in ["plan", "run"] {
        let run = scripts.command(&[command]).database(&database).arg("--atomic").run().expect(4);
        assert_says(&run.stderr, &["error[not-supported]", "--atomic", "one transaction"]);
        assert!(tables(&database).is_empty());
    }
    scripts.run(&database).expect(0);
    scripts.on(&database).arg("--atomic").run().expect(0);
}

#[test]
fn an_atomic_run_with_an_opaque_statement_at_its_end_is_one_transaction() {
    let Some(database) = TestDatabase::new("atomic_once") else { return };
    let scripts = Scripts::one(
        "-- ensure:unless SELECT to_regclass('made') IS NOT NULL\nDO $$ BEGIN CREATE TABLE made (id integer); END $$;",
    );
    scripts.on(&database).arg("--atomic").run().expect(0);
    assert_eq!(tables(&database), ["made"]);
    scripts.assert_nothing_left(&database);
}

#[test]
fn an_atomic_run_of_the_hrms_schema_makes_the_same_catalog() {
    let Some(plain) = TestDatabase::new("plain_hrms") else { return };
    let Some(atomic) = TestDatabase::new("atomic_hrms") else { return };
    cli(&["run"]).database(&plain).run().expect(0);
    cli(&["run", "--atomic"]).database(&atomic).run().expect(0);
    let hrms = |database: &TestDatabase| {
        database
            .catalog("public")
            .lines()
            .filter(|line| !line.contains("__diesel"))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(hrms(&plain), hrms(&atomic));
    cli(&["plan", "--exit-code"]).database(&atomic).run().expect(0);
    assert_clean(&atomic);
}

#[test]
fn keep_going_does_what_can_be_done_and_ends_with_the_findings_code() {
    let Some(database) = TestDatabase::new("keep_going") else { return };
    database.execute("CREATE VIEW second AS SELECT 1");
    let scripts = three();
    scripts.run(&database).expect(4);
    assert!(tables(&database).is_empty());
    let run = scripts.on(&database).arg("--keep-going").run().expect(4);
    assert_says(&run.stderr, &["error[kind-conflict]", "020_second.sql:1:"]);
    assert_eq!(tables(&database), ["first", "third"]);
    database.execute("DROP VIEW second");
    scripts.run(&database).expect(0);
    scripts.assert_nothing_left(&database);
}

#[test]
fn json_is_valid_and_says_what_happened() {
    let Some(database) = TestDatabase::new("json") else { return };
    let scripts = three();
    let directory = tempfile::tempdir().unwrap();
    let (json_file, text_file) = (directory.path().join("report.json"), directory.path().join("report.txt"));
    let read = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_else(|error| panic!("{error}:\n{text}"));
    let plan = read(&scripts.command(&["plan", "--format=json"]).database(&database).run().expect(0).stdout);
    let run = scripts
        .on(&database)
        .arg("--format=json")
        .arg(format!("--report=json={}", json_file.display()))
        .arg(format!("--report=text={}", text_file.display()))
        .run()
        .expect(0);
    let report = read(&run.stdout);
    assert_eq!(report, read(&std::fs::read_to_string(&json_file).unwrap()));
    assert_says(&std::fs::read_to_string(&text_file).unwrap(), &["first", "second", "third"]);
    for value in [&plan, &report] {
        assert_eq!(value["scripts"].as_array().map(Vec::len), Some(3), "{value:#}");
    }
    assert_eq!(report["exit_code"], 0, "{report:#}");
    scripts.write("020_second.sql", "CREATE TABEL second (id integer);\n");
    let failed = scripts.on(&database).arg("--format=json").run().expect(65);
    assert_eq!(read(&failed.stdout)["exit_code"], 65);
    let verify = scripts.command(&["verify", "--format=json", "--skip=20"]).database(&database).run();
    read(&verify.stdout);
}

#[test]
fn a_report_that_cannot_be_written_is_an_error() {
    let Some(database) = TestDatabase::new("unwritable") else { return };
    let scripts = three();
    let run = scripts.on(&database).arg("--report=json=not/there/report.json").run().expect(1);
    assert_says(&run.stderr, &["error[cannot-write]", "not/there/report.json"]);
    assert_eq!(tables(&database).len(), 3);
}

#[test]
fn a_quiet_success_says_nothing() {
    let Some(database) = TestDatabase::new("quiet") else { return };
    let scripts = three();
    for _ in 0..2 {
        let run = scripts.on(&database).arg("-q").run().expect(0);
        assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("", ""));
    }
    scripts.write("020_second.sql", "CREATE TABEL second (id integer);\n");
    let run = scripts.on(&database).arg("-q").run().expect(65);
    assert_says(&run.stderr, &["error[syntax-error]"]);
}

#[test]
fn urls_in_the_style_of_python_are_accepted() {
    let Some(database) = TestDatabase::new("python") else { return };
    let scripts = three();
    for driver in ["postgresql+asyncpg", "postgresql+psycopg2", "postgres"] {
        let url = database.url().replacen("postgresql", driver, 1);
        scripts.command(&["run"]).env("DATABASE_URL", url).run().expect(0);
    }
    assert_eq!(tables(&database).len(), 3);
}

#[test]
fn the_environment_of_libpq_is_enough() {
    let Some(database) = TestDatabase::new("pghost") else { return };
    let Server::Private(cluster) = database.server() else { return };
    let scripts = three();
    scripts
        .command(&["run"])
        .env("PGHOST", cluster.socket_directory())
        .env("PGPORT", cluster.port().to_string())
        .env("PGUSER", "postgres")
        .env("PGDATABASE", database.name())
        .run()
        .expect(0);
    assert_eq!(tables(&database).len(), 3);
}

#[test]
fn a_dotenv_file_of_the_current_directory_is_read_and_the_environment_goes_before_it() {
    let Some(database) = TestDatabase::new("dotenv") else { return };
    let scripts = three();
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join(".env"), format!("# the database\nDATABASE_URL=\"{}\"\n", database.url()))
        .unwrap();
    scripts.command(&["run"]).current_dir(directory.path()).run().expect(0);
    assert_eq!(tables(&database).len(), 3);
    scripts
        .command(&["run"])
        .current_dir(directory.path())
        .env("DATABASE_URL", "postgresql://nowhere.invalid/x")
        .run()
        .expect(6);
    if !cfg!(feature = "embedded") {
        scripts.command(&["run", "--no-env-file"]).current_dir(directory.path()).run().expect(78);
    }
    scripts.command(&["run", "--env-file=other.env"]).current_dir(directory.path()).run().expect(66);
}

const FORMATS: [&str; 6] = ["text", "json", "markdown", "junit", "github", "html"];

#[test]
fn every_format_is_written_beside_the_text_and_shows_neither_password_nor_row() {
    let Some(database) = TestDatabase::new("formats") else { return };
    database.execute(
        "CREATE TABLE people (id integer PRIMARY KEY, email text);
         INSERT INTO people VALUES (1, 'SECRET-7f3a'), (2, 'SECRET-7f3a'), (3, NULL)",
    );
    let scripts = Scripts::one(
        "ALTER TABLE people ADD COLUMN IF NOT EXISTS \"a|b <i>\" integer;\n\
         CREATE UNIQUE INDEX IF NOT EXISTS people_email ON people (email);\n\
         -- ensure:verify everybody can be reached\nSELECT email FROM people WHERE email IS NULL;\n",
    );
    let out = tempfile::tempdir().unwrap();
    let file = |command: &str, format: &str| out.path().join(format!("{command}.{format}"));
    for (command, code) in [("plan", 4), ("run", 4), ("verify", 3), ("status", 0), ("check", 0)] {
        let mut line = scripts.command(&[command]).env("PGPASSWORD", "geheim-5d1f");
        line = if command == "check" { line } else { line.database(&database) };
        for format in FORMATS {
            line = line.arg(format!("--report={format}={}", file(command, format).display()));
        }
        let run = line.run().expect(code);
        assert!(run.stdout.contains("010") && !run.stdout.contains("geheim-5d1f"), "{}", run.stdout);
        for format in FORMATS {
            let text = std::fs::read_to_string(file(command, format)).unwrap();
            let named = text.contains("010") || text.contains("all readable: 1 script");
            assert!(named, "{command} as {format}:\n{text}");
            assert!(!text.contains("SECRET-7f3a") && !text.contains("geheim-5d1f"), "{command} as {format}:\n{text}");
            assert!(code == 0 || text.contains("duplicate-rows"), "{command} as {format}:\n{text}");
        }
    }
    // On stdout stands what `--report` writes.
    for format in FORMATS {
        let run = scripts.command(&["check", &format!("--format={format}")]).run().expect(0);
        let first = |text: &str| text.lines().next().unwrap_or_default().to_owned();
        let written = std::fs::read_to_string(file("check", format)).unwrap();
        assert_eq!(first(&run.stdout), first(&written), "{format}");
    }
}

#[test]
fn manual_pages_are_written_into_a_directory() {
    let out = tempfile::tempdir().unwrap();
    let pages = out.path().join("man1");
    let run = cli(&["man", "--out"]).arg(pages.as_os_str()).run().expect(0);
    let first = std::fs::read_to_string(pages.join("hrms-migrate.1")).unwrap();
    assert!(first.contains(".TH hrms-migrate 1") && pages.join("hrms-migrate-run.1").is_file());
    assert_eq!(run.stdout.lines().count(), std::fs::read_dir(&pages).unwrap().count());
    assert_eq!(cli(&["man"]).run().expect(0).stdout, first);
    std::fs::write(out.path().join("file"), "").unwrap();
    let run = cli(&["man", "--out"]).arg(out.path().join("file/man1").as_os_str()).run().expect(1);
    assert_says(&run.stderr, &["error[cannot-write]", "man1"]);
}

#[test]
fn sizes_from_which_a_table_counts_as_large_are_settings() {
    let Some(database) = TestDatabase::new("sizes") else { return };
    database.execute(
        "CREATE TABLE t (a integer PRIMARY KEY, word text); INSERT INTO t SELECT n FROM generate_series(1, 2000) AS n",
    );
    let scripts = Scripts::one("CREATE INDEX t_a ON t (a);\nUPDATE t SET word = 'none' WHERE word IS NULL;\n");
    let plan = |options: &[&str]| {
        let arguments: Vec<&str> = ["plan", "-v"].iter().chain(options).copied().collect();
        scripts.command(&arguments).database(&database).run().expect(0).stdout
    };
    assert_says(&plan(&[]), &["CREATE INDEX t_a", "from 2 000 pages or"]);
    for options in [&["--online-from=0"][..], &["--online-from=40kB"], &["--online-from-rows=1000"]] {
        assert_says(&plan(options), &["CREATE INDEX CONCURRENTLY t_a", "in batches"]);
    }
    let run = scripts.on(&database).env("HRMS_MIGRATE_ONLINE_FROM_ROWS", "1000").run().expect(0);
    assert_says(&run.stdout, &["online"]);
    database.execute("ALTER TABLE t ALTER word TYPE varchar(10)");
    let rewrite = Scripts::one("ALTER TABLE t ALTER COLUMN word TYPE varchar(5);\n");
    let refused = rewrite.on(&database).arg("--hazard-from=8kB").run().expect(4);
    assert_says(&refused.stderr, &["error[hazard-not-allowed]", "from 8 kB on (`--hazard-from`)"]);
    rewrite.on(&database).arg("--hazard-from=1MB").run().expect(0);
    let bad = rewrite.on(&database).arg("--online-from=16 pages").run().expect(64);
    assert_says(
        &bad.stderr,
        &["--online-from", "16 pages", "a size such as 16MB or 1GB, or a number of pages of 8 kB"],
    );
}
