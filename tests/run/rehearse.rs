//! `plan --rehearse`: what statements do that cannot be read, found out on a scratch database.

use hrms_migrate::{
    Migrator,
    config::{ScratchChoice, Settings},
    engine::cluster::find_binaries,
    event::{Report, TrialEnd},
};
use serde_json::Value;

use crate::{
    support::{CliBuilder, TestDatabase, psql, require_server},
    tools::{Scripts, assert_says, wait_for},
};

/// A rehearsal in a database of its own on the server of the tests.
fn rehearse(scripts: &Scripts, database: &TestDatabase) -> CliBuilder {
    let url = database.server().admin_url();
    scripts.command(&["plan", "--rehearse"]).database(database).arg(format!("--scratch-url={url}"))
}

fn json(run: CliBuilder, status: i32) -> Value {
    let run = run.arg("--format").arg("json").run().expect(status);
    serde_json::from_str(&run.stdout).unwrap()
}

/// Returns `change object` of everything that a trial did.
fn effects(trial: &Value) -> Vec<String> {
    let effects = trial["effects"].as_array().unwrap();
    effects
        .iter()
        .map(|one| format!("{} {}", one["change"].as_str().unwrap(), one["object"].as_str().unwrap()))
        .collect()
}

fn unlike(report: &Value) -> Vec<&str> {
    report["rehearsal"]["unlike"].as_array().unwrap().iter().map(|words| words.as_str().unwrap()).collect()
}

/// The scratch databases of this server. Those of other tests come and go.
fn scratch_databases(database: &TestDatabase, of: u32) -> Vec<Vec<Option<String>>> {
    database.rows(&format!("SELECT datname FROM pg_database WHERE datname LIKE 'hrms\\_scratch\\_{of}\\_%'"))
}

/// What a statement can do besides, each told in its own words.
const OF_EVERY_KIND: &str = "-- ensure:always
DO $$ BEGIN
    CREATE RULE kept AS ON DELETE TO t DO INSTEAD NOTHING;
    CREATE STATISTICS stats (dependencies) ON id, word FROM t;
    COMMENT ON TABLE t IS 'a table';
    GRANT SELECT ON t TO PUBLIC;
    CREATE CAST (point AS text) WITH INOUT AS ASSIGNMENT;
END $$;
-- ensure:always
ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC;
-- ensure:always
ALTER TABLE t SET (fillfactor = 50);
-- ensure:always
ALTER TABLE t REPLICA IDENTITY FULL;
";

#[test]
fn nothing_of_the_catalog_changes_unseen() {
    let Some(database) = TestDatabase::new("rehearsal_kinds") else { return };
    database.execute("CREATE TABLE t (id integer, word text)");
    let report = json(rehearse(&Scripts::one(OF_EVERY_KIND), &database), 0);
    let trials = report["rehearsal"]["trials"].as_array().unwrap();
    let all: Vec<Vec<String>> = trials.iter().map(effects).collect();
    assert_eq!(
        all[0],
        [
            "made rule kept on public.t",
            "made statistics stats on public.t",
            "made comment on table public.t",
            "made privileges on table public.t",
            "changed catalog pg_cast"
        ]
    );
    assert_eq!(all[1], ["changed catalog pg_default_acl"]);
    assert_eq!(all[2], ["changed table public.t"]);
    assert_eq!(all[3], ["changed catalog pg_class"]);
}

const OPAQUE: &str = "CREATE TABLE first (id integer PRIMARY KEY);
-- ensure:unless SELECT to_regclass('made') IS NOT NULL
DO $$ BEGIN
    CREATE TABLE made (id integer);
    INSERT INTO made VALUES (1), (2);
    ALTER TABLE old ALTER COLUMN note TYPE varchar(9);
    DROP TABLE gone;
    CREATE SCHEMA audit;
    CREATE TABLE audit.log (line text);
END $$;
ALTER TABLE made ADD COLUMN IF NOT EXISTS word text NOT NULL DEFAULT 'w';
-- ensure:always
UPDATE made SET word = 'x';
-- ensure:always
DO $$ BEGIN PERFORM count(*) FROM made; END $$;
";

#[test]
fn a_rehearsal_tells_what_each_statement_did_and_leaves_the_database_alone() {
    let Some(database) = TestDatabase::new("rehearsal") else { return };
    database.execute("CREATE TABLE old (id integer, note text); CREATE TABLE gone (id integer)");
    // Whatever would write here is refused.
    database.execute(&format!("ALTER DATABASE \"{}\" SET default_transaction_read_only = on", database.name()));
    let before = database.catalog("public");
    let scripts = Scripts::one(OPAQUE);
    let report = json(rehearse(&scripts, &database), 0);
    let trials = report["rehearsal"]["trials"].as_array().unwrap();
    assert_eq!(trials.len(), 3, "{report:#}");
    assert_eq!(
        effects(&trials[0]),
        [
            "made schema audit",
            "made table audit.log",
            "made table public.made",
            "changed column public.old.note",
            "dropped table public.gone"
        ]
    );
    let note = &trials[0]["effects"][3];
    assert_eq!((&note["before"], &note["after"]), (&"text".into(), &"character varying(9)".into()));
    assert_eq!(trials[0]["effects"][2]["after"], "CREATE TABLE public.made (\n    id integer\n)");
    assert_eq!(trials[0]["moved"][0]["table"], "made");
    assert_eq!(trials[0]["moved"][0]["after"], 2);
    assert!(trials[0]["location"].as_str().unwrap().ends_with("010_test.sql:3:1"));
    // The column of the statement between them was there.
    assert_eq!((&trials[1]["end"], &trials[1]["rows"]), (&"done".into(), &2.into()));
    assert_eq!(effects(&trials[2]), [""; 0]);
    assert_eq!(database.catalog("public"), before);
    assert_eq!(database.value("SELECT to_regclass('made')"), None);

    let text = rehearse(&scripts, &database).run().expect(0);
    assert_says(
        &text.stdout,
        &[
            "scratch 3 statements rehearsed, on ",
            "what it does is unknown",
            "+ schema audit: made",
            "before: text",
            "public.made: 2 rows more",
            "UPDATE MADE: nothing in the catalog, 2 rows",
            "DO: nothing in the catalog",
            "the copy: it has no rows",
        ],
    );
    assert!(text.stderr.contains("rehearsing 3 statements on "), "{}", text.stderr);
}

#[test]
fn a_statement_that_fails_is_shown_at_its_place_and_the_others_go_on() {
    let Some(database) = TestDatabase::new("rehearsal_fails") else { return };
    let scripts = Scripts::one(
        "CREATE TABLE t (id integer);
-- ensure:always
INSERT INTO t (id) VALUES (1), (nosuch(2));
-- ensure:always
DO $$ BEGIN RAISE EXCEPTION 'not here'; END $$;
-- ensure:always
INSERT INTO t (id) VALUES (3);
",
    );
    let run = rehearse(&scripts, &database).run().expect(1);
    assert_says(
        &run.stderr,
        &["error[statement-failed]: the rehearsal failed: INSERT", "010_test.sql:3:33", "not here"],
    );
    assert_says(&run.stdout, &["3 statements rehearsed, 2 failed", "fails: function nosuch(integer) does not exist"]);
    let report = json(rehearse(&scripts, &database), 1);
    let ends: Vec<_> =
        report["rehearsal"]["trials"].as_array().unwrap().iter().map(|trial| trial["end"].clone()).collect();
    assert_eq!(ends, ["failed", "failed", "done"]);
    assert_eq!(database.value("SELECT to_regclass('t')"), None);
}

#[test]
fn every_object_is_copied_and_what_cannot_be_is_named() {
    let Some(database) = TestDatabase::new("rehearsal_copy") else { return };
    let scripts = Scripts::one("-- ensure:always\nDO $$ BEGIN PERFORM 1; END $$;\n");
    psql(
        &database,
        "CREATE TYPE mood AS ENUM ('sad', 'glad');
         CREATE SEQUENCE numbers START 7;
         CREATE TABLE people (id serial PRIMARY KEY, name text UNIQUE, mood mood, number bigint DEFAULT nextval('numbers'),
           born date, upper text GENERATED ALWAYS AS (upper(name)) STORED, CHECK (name <> ''));
         CREATE INDEX ON people (lower(name)) WHERE mood = 'sad';
         CREATE TABLE cars (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, owner integer REFERENCES people);
         CREATE TABLE parts (id integer, at date NOT NULL) PARTITION BY RANGE (at);
         CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
         CREATE VIEW z AS SELECT name FROM people;
         CREATE VIEW a AS SELECT name FROM z;
         CREATE MATERIALIZED VIEW kept AS SELECT id FROM people;
         CREATE UNIQUE INDEX kept_id ON kept (id);
         CREATE FUNCTION greet() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
         CREATE FUNCTION whole() RETURNS SETOF people LANGUAGE sql AS 'SELECT * FROM people';
         CREATE TRIGGER greeted BEFORE INSERT ON people FOR EACH ROW EXECUTE FUNCTION greet();
         CREATE POLICY everybody ON people USING (true);
         CREATE DOMAIN short AS varchar(3) CHECK (VALUE <> '');
         CREATE SCHEMA other;
         CREATE TABLE other.t (m public.mood, p integer REFERENCES people (id));
         INSERT INTO people (name) VALUES ('SECRET-7f3a');
         CREATE RULE kept AS ON DELETE TO people DO INSTEAD NOTHING;
         CREATE STATISTICS stats (dependencies) ON name, mood FROM people;
         COMMENT ON COLUMN people.name IS 'a comment';
         COMMENT ON INDEX kept_id IS 'another';
         GRANT SELECT, UPDATE (name) ON people TO PUBLIC;
         REVOKE EXECUTE ON FUNCTION greet() FROM PUBLIC;",
    )
    .unwrap();
    let report = json(rehearse(&scripts, &database), 0);
    let told = unlike(&report);
    assert!(
        told.iter().all(|words| ["it has no rows", "what concerns all", "it is called "]
            .iter()
            .any(|begin| words.starts_with(begin))),
        "{told:#?}"
    );
    database.execute("CREATE AGGREGATE total(integer) (sfunc = int4pl, stype = integer)");
    let report = json(rehearse(&scripts, &database), 0);
    assert!(unlike(&report).contains(&"routine public.total(integer) is missing"), "{:#?}", unlike(&report));
}

#[test]
fn a_guard_about_rows_is_answered_by_the_database() {
    let Some(database) = TestDatabase::new("rehearsal_guard") else { return };
    database.execute("CREATE TABLE settings (version integer); INSERT INTO settings VALUES (1)");
    let scripts = Scripts::one(
        "-- ensure:when SELECT version < 3 FROM settings
DO $$ BEGIN CREATE TABLE third (id integer); END $$;
-- ensure:unless SELECT to_regclass('fourth') IS NULL
DO $$ BEGIN DROP TABLE fourth; END $$;
-- ensure:unless SELECT to_regclass('never') IS NOT NULL
DO $$ BEGIN CREATE TABLE fifth (id integer); END $$;
",
    );
    let report = json(rehearse(&scripts, &database), 0);
    let trials = report["rehearsal"]["trials"].as_array().unwrap();
    assert_eq!(trials.len(), 2, "{report:#}");
    assert_eq!(effects(&trials[0]), ["made table public.third"]);
    assert_eq!(trials[0]["end"], "done");
    // Nothing of the database keeps this guard from asking on.
    assert_eq!(
        (effects(&trials[1]), &trials[1]["end"]),
        (vec!["made table public.fifth".to_owned()], &"asks-on".into())
    );
    let told = unlike(&report);
    assert!(
        told.iter().any(|words| words.contains("010_test.sql:1:16: this guard is true in the database")),
        "{told:#?}"
    );
    assert!(!told.iter().any(|words| words.contains(":3:")), "{told:#?}");
}

#[test]
fn a_role_that_may_only_connect_rehearses() {
    let Some(database) = TestDatabase::new("rehearsal_reader") else { return };
    database.execute("CREATE TABLE t (id integer); CREATE VIEW v AS SELECT id FROM t");
    let role = format!("reader_{}", database.name());
    database.execute(&format!("CREATE ROLE \"{role}\" LOGIN"));
    let sign = if database.url().contains('?') { '&' } else { '?' };
    let url = format!("{}{sign}user={role}", database.url());
    let scripts = Scripts::one("-- ensure:always\nDO $$ BEGIN DROP VIEW v; END $$;\n");
    let admin = database.server().admin_url();
    let run = scripts.command(&["plan", "--rehearse"]).arg(format!("--database-url={url}"));
    let run = run.arg(format!("--scratch-url={admin}"));
    let report = json(run, 0);
    assert_eq!(effects(&report["rehearsal"]["trials"][0]), ["dropped view public.v"]);
    assert!(unlike(&report).iter().any(|words| words.starts_with("statements run as a superuser")), "{report:#}");
    database.execute(&format!("DROP ROLE \"{role}\""));
}

#[test]
fn nothing_is_started_where_there_is_nothing_to_rehearse() {
    let Some(database) = TestDatabase::new("rehearsal_nothing") else { return };
    let scripts = Scripts::one("CREATE TABLE t (id integer);\n");
    let plan = scripts.command(&["plan", "--rehearse", "--scratch-url=host=127.0.0.1 port=1"]).database(&database);
    let run = plan.run().expect(0);
    assert_says(&run.stdout, &["scratch nothing to rehearse"]);
}

#[test]
fn without_a_scratch_database_the_plan_is_told_and_the_command_fails() {
    let Some(database) = TestDatabase::new("rehearsal_nowhere") else { return };
    let scripts = Scripts::one("CREATE TABLE t (id integer);\n-- ensure:always\nDO $$ BEGIN PERFORM 1; END $$;\n");
    let plan = scripts.command(&["plan", "--rehearse", "--scratch-url=host=127.0.0.1 port=1"]).database(&database);
    let run = plan.run().expect(78);
    assert_says(&run.stderr, &["error[no-scratch]", "127.0.0.1:1"]);
    assert_says(&run.stdout, &["+ table public.t"]);
}

#[test]
fn a_signal_ends_a_rehearsal_and_nothing_is_left() {
    let Some(database) = TestDatabase::new("rehearsal_signal") else { return };
    let scripts = Scripts::one("-- ensure:always\nDO $$ BEGIN PERFORM pg_sleep(600), 'in the rehearsal'; END $$;\n");
    let run = rehearse(&scripts, &database).spawn();
    let pid = run.id();
    wait_for("the statement to run", || {
        let sql = format!(
            "SELECT count(*) FROM pg_stat_activity WHERE datname LIKE 'hrms\\_scratch\\_{pid}\\_%' AND query LIKE '%in the rehearsal%'"
        );
        database.value(&sql).as_deref() == Some("1")
    });
    assert_eq!(scratch_databases(&database, pid).len(), 1);
    // A run on the database waits for nobody: no lock and no transaction is open there.
    Scripts::one("CREATE TABLE meanwhile (id integer);\n").run(&database).expect(0);
    run.signal("INT");
    let run = run.wait().expect(130);
    assert_says(&run.stdout, &["interrupted by SIGINT"]);
    assert_eq!(scratch_databases(&database, pid), Vec::<Vec<Option<String>>>::new());
}

/// Rehearses through the library, on the scratch server that `choice` names.
fn through_the_library(scripts: &Scripts, database: &TestDatabase, choice: ScratchChoice) -> Report {
    database.at(|url| {
        let settings = Migrator::new(url).unwrap().settings().clone();
        let settings = Settings { scratch: choice, dir: Some(scripts.path().to_owned()), ..settings };
        Migrator::from_settings(settings).rehearse(|_| {})
    })
}

fn assert_rehearsed(report: &Report) {
    assert_eq!(report.outcome, None, "{:?}", report.diagnostics);
    let rehearsal = report.rehearsal.as_ref().unwrap();
    assert_eq!(rehearsal.trials.len(), 3, "{rehearsal:#?}");
    assert!(rehearsal.trials.iter().all(|trial| trial.end == TrialEnd::Done), "{rehearsal:#?}");
    assert_eq!(rehearsal.trials[0].effects.len(), 5, "{rehearsal:#?}");
}

#[test]
fn a_private_server_is_made_for_a_rehearsal_and_removed() {
    let explicit = std::env::var_os("HRMS_TEST_PG_BINDIR").map(std::path::PathBuf::from);
    let (Some(_), Some(binaries)) = (require_server(), find_binaries(explicit.as_deref())) else { return };
    let Some(database) = TestDatabase::new("rehearsal_private") else { return };
    database.execute("CREATE TABLE old (id integer, note text); CREATE TABLE gone (id integer)");
    let name = format!("GRANT CONNECT ON DATABASE \"{}\" TO PUBLIC", database.name());
    let scripts = Scripts::one(
        format!("{OPAQUE}-- ensure:always\nDO $$ BEGIN {name}; END $$;\n")
            .replace("-- ensure:always\nDO $$ BEGIN PERFORM count(*) FROM made; END $$;\n", ""),
    );
    let report = through_the_library(&scripts, &database, ScratchChoice::Binaries(binaries));
    assert_rehearsed(&report);
    let place = report.rehearsal.as_ref().unwrap().place.clone().unwrap();
    assert_eq!((place.server.as_str(), place.database.as_str()), ("a private server", database.name()));
}

#[cfg(feature = "embedded")]
#[test]
fn the_embedded_engine_serves_a_rehearsal() {
    let Some(database) = TestDatabase::anywhere("rehearsal_embedded") else { return };
    database.execute("CREATE TABLE old (id integer, note text); CREATE TABLE gone (id integer)");
    let report = through_the_library(&Scripts::one(OPAQUE), &database, ScratchChoice::Embedded);
    assert_rehearsed(&report);
    let place = report.rehearsal.as_ref().unwrap().place.clone().unwrap();
    assert!(place.embedded);
    // One that fails does not spoil what comes after it.
    let scripts = Scripts::one(
        "-- ensure:always\nDO $$ BEGIN PERFORM 1 / 0; EXCEPTION WHEN division_by_zero THEN NULL; END $$;
-- ensure:always\nDO $$ BEGIN CREATE TABLE after (id integer); END $$;\n",
    );
    let report = through_the_library(&scripts, &database, ScratchChoice::Embedded);
    let trials = report.rehearsal.unwrap().trials;
    assert_eq!((trials.len(), trials[1].effects.len()), (2, 1), "{trials:#?}");
}

#[test]
fn a_statement_that_ends_its_own_session_fails_and_the_others_go_on() {
    let Some(database) = TestDatabase::new("rehearsal_lost") else { return };
    let scripts = Scripts::one(
        "-- ensure:always\nDO $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); END $$;
-- ensure:always\nDO $$ BEGIN CREATE TABLE after (id integer); END $$;\n",
    );
    let report = json(rehearse(&scripts, &database), 1);
    let trials = report["rehearsal"]["trials"].as_array().unwrap();
    assert_eq!(
        (&trials[0]["end"], effects(&trials[1])),
        (&"failed".into(), vec!["made table public.after".to_owned()])
    );
}
