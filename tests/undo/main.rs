//! Every statement of the HRMS scripts and of the cases, carried out, taken back by its inverse, and carried out again: where its
//! inverse is said to be exact, the catalog must be what it was.
//!
//! `HRMS_TEST_CASE=part of a name` picks cases; `HRMS_TEST_CASE=_` is all of them, which takes minutes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![expect(clippy::disallowed_methods, reason = "tests read and write script files")]

#[path = "../support/mod.rs"]
mod support;

mod steps;

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use diesel::connection::SimpleConnection as _;
use hrms_migrate::{
    Migrator,
    catalog::Surroundings,
    config::{Environment, Flags, ReadFailure, Setting, Settings},
    db,
    diff::{self, DifferenceState, Inverse, InverseKind},
    event::Report,
    pg::Hazard,
    script::Script,
    sql,
};
use support::{TestDatabase, connect};

/// Everything that is in a database.
#[derive(Debug, PartialEq)]
struct Census {
    inside: Surroundings,
    counts: BTreeMap<&'static str, Option<String>>,
}

/// What is done in one database, statement after statement.
struct Bench {
    database: TestDatabase,
    scripts: tempfile::TempDir,
    /// How many inverses of each kind were tried.
    tried: BTreeMap<&'static str, usize>,
    failures: String,
}

impl Bench {
    fn new(name: &str) -> Option<Self> {
        let database = TestDatabase::new(name)?;
        Some(Self { database, scripts: tempfile::tempdir().unwrap(), tried: BTreeMap::new(), failures: String::new() })
    }

    /// Returns the program with one script, everything allowed that costs something.
    fn with(&self, script: &str) -> Migrator {
        fs::write(self.scripts.path().join("010_one.sql"), script).unwrap();
        let flags = Flags::default().with(Setting::DatabaseUrl, self.database.url()).with(Setting::NoJournal, "true");
        let none = |_: &Path| Err(ReadFailure::Missing);
        let settings = Settings::settle(&flags, &Environment::default(), Path::new(""), &none).unwrap();
        let migrator = Migrator::from_settings(settings).directory(self.scripts.path());
        Hazard::ALL.into_iter().fold(migrator, Migrator::allow)
    }

    fn run(&self, script: &str) -> Report {
        self.with(script).run(|_| {})
    }

    /// Makes the database empty again.
    fn clear(&self) {
        let schemas =
            "SELECT coalesce(string_agg(format('DROP SCHEMA %I CASCADE', nspname), '; '), '') FROM pg_namespace
            WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'";
        let extensions =
            "SELECT coalesce(string_agg(format('DROP EXTENSION %I CASCADE', extname), '; '), '') FROM pg_extension
            WHERE extname <> 'plpgsql'";
        let publications =
            "SELECT coalesce(string_agg(format('DROP PUBLICATION %I', pubname), '; '), '') FROM pg_publication";
        for query in [publications, extensions, schemas] {
            for statement in self.database.value(query).unwrap_or_default().split("; ").filter(|one| !one.is_empty()) {
                self.database.execute(statement);
            }
        }
        self.database.execute("CREATE SCHEMA public; GRANT ALL ON SCHEMA public TO PUBLIC");
    }

    /// Returns everything that is in the database, and how many rows the server's own tables have.
    fn census(&self) -> Census {
        /// Where every object has a row. A column that is dropped keeps its own.
        const CATALOGS: [&str; 16] = [
            "pg_attrdef",
            "pg_auth_members",
            "pg_class",
            "pg_constraint",
            "pg_default_acl",
            "pg_description",
            "pg_enum",
            "pg_extension",
            "pg_index",
            "pg_inherits",
            "pg_namespace",
            "pg_policy",
            "pg_proc",
            "pg_sequence",
            "pg_trigger",
            "pg_type",
        ];
        let mut connection = connect(self.database.url());
        connection.batch_execute(&db::settling(false)).unwrap();
        let inside = db::surroundings(&mut connection).unwrap();
        // A table gets one for long values when it first needs it, and keeps it.
        let counts = CATALOGS.map(|name| match name {
            "pg_class" => "(SELECT count(*) FROM pg_class WHERE relnamespace <> 'pg_toast'::regnamespace)".to_owned(),
            "pg_index" => "(SELECT count(*) FROM pg_index WHERE indrelid IN
                (SELECT oid FROM pg_class WHERE relnamespace <> 'pg_toast'::regnamespace))"
                .to_owned(),
            _ => format!("(SELECT count(*) FROM pg_catalog.{name})"),
        });
        let counts = self.database.rows(&format!("SELECT {}", counts.join(", "))).remove(0);
        Census { inside, counts: CATALOGS.into_iter().zip(counts).collect() }
    }

    /// Carries a statement out, takes it back, and carries it out again.
    fn statement(&mut self, place: &str, statement: &str) {
        // What is refused, or has nothing to do, has nothing to take back.
        let Ok(inverses) = self.with(statement).inverses() else { return };
        let Some((_, inverse)) = inverses.into_iter().next() else {
            self.run(statement);
            return;
        };
        let before = self.census();
        if self.run(statement).outcome.is_some() {
            return;
        }
        *self.tried.entry(inverse.kind().word()).or_default() += 1;
        if !matches!(inverse.kind(), InverseKind::Exact | InverseKind::Alike | InverseKind::Loses) || halfway(&before) {
            return;
        }
        for loss in &inverse.losses {
            let counted = self.database.value(&loss.count);
            assert!(counted.is_some_and(|count| count.parse::<u64>().is_ok()), "{place}: {}", loss.count);
        }
        let mut wrong = self.take_back(&inverse);
        if wrong.iter().any(|wrong| wrong.contains("nothing was changed") && wrong.contains("depends on it")) {
            // Refused before anything was changed, which is no silence.
            return;
        }
        wrong.extend(differences(&before, &self.census(), !inverse.otherwise.is_empty()));
        if wrong.is_empty() {
            let again = self.run(statement);
            wrong.extend(again.diagnostics.iter().map(|diagnostic| diagnostic.what.clone()));
        }
        if !wrong.is_empty() {
            let text = statement.trim();
            let _ = write!(
                self.failures,
                "\n=== {place}\n{text}\n--- taken back by\n{}---\n{}\n",
                inverse.script(),
                wrong.join("\n")
            );
        }
    }

    /// Takes back what was done; returns what stands in the way.
    fn take_back(&self, inverse: &Inverse) -> Vec<String> {
        if inverse.statements.is_empty() {
            let none = inverse.otherwise.is_empty().then(|| "it has no statements".to_owned());
            return none.into_iter().collect();
        }
        let report = self.run(&inverse.script());
        report.diagnostics.iter().map(|one| format!("{}: {}", one.what, one.why.join("; "))).collect()
    }
}

/// Returns whether a change that takes several steps was begun before: what only helps there does not come back.
fn halfway(census: &Census) -> bool {
    let keys = census.inside.schemas.values().flat_map(|schema| schema.entries.keys());
    keys.into_iter().any(|key| key.name.contains("__hm"))
}

/// Returns what is otherwise in the second database. What is said to be `otherwise` may be written in another way.
fn differences(before: &Census, after: &Census, otherwise: bool) -> Vec<String> {
    let mut found = Vec::new();
    let (was, is) = (&before.inside, &after.inside);
    if !was.schemas.keys().eq(is.schemas.keys()) || was.extensions != is.extensions {
        found.push("other schemas or extensions".to_owned());
    }
    for (name, was) in &was.schemas {
        let Some(is) = is.schemas.get(name) else { continue };
        for one in diff::between(was, is, true) {
            let invalid = one.here.as_ref().is_some_and(|here| here.ends_with("-- invalid"));
            if otherwise && (one.state == DifferenceState::Differs || invalid) {
                continue;
            }
            found.push(format!("{}: {:?}, then {:?}", one.object, one.here, one.there));
        }
    }
    for (name, was) in &before.counts {
        let is = &after.counts[name];
        if was != is && !otherwise {
            found.push(format!("{name}: {was:?} rows, then {is:?}"));
        }
    }
    found
}

/// Returns the statements of a script, each with the directives above it and those of the file.
fn statements(name: &str, text: &str) -> Vec<(String, String)> {
    let script = Script { number: Some(10), name: name.to_owned(), path: name.to_owned(), text: text.to_owned() };
    let Ok(parsed) = sql::parse(&script) else { return Vec::new() };
    let whole: Vec<&str> = parsed.directives.iter().map(|directive| &text[directive.span.range()]).collect();
    let whole = whole.join("\n");
    parsed
        .statements
        .iter()
        .map(|statement| {
            let first = statement.directives.first().map_or(statement.span.start, |directive| directive.span.start);
            let own = &text[first..statement.span.end];
            (script.location(statement.span.start).to_string(), format!("{whole}\n\n{own};\n"))
        })
        .collect()
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

#[test]
fn every_statement_of_the_hrms_scripts_is_taken_back_exactly() {
    for fixtures in [&[][..], &["varchar_first_release.sql", "total_days_integer.sql"][..]] {
        let Some(mut bench) = Bench::new("undo_hrms") else { return };
        for fixture in fixtures {
            bench.database.execute(&fs::read_to_string(root("tests/fixtures").join(fixture)).unwrap());
        }
        let base = files(&root("ensure/base")).into_iter().map(|directory| directory.join("up.sql"));
        let scripts = files(&root("ensure")).into_iter().filter(|path| path.extension().is_some());
        for path in base.chain(scripts) {
            let text = fs::read_to_string(&path).unwrap();
            let name = format!("{fixtures:?} {}", path.strip_prefix(root("ensure")).unwrap().display());
            for (place, statement) in statements(&name, &text) {
                bench.statement(&place, &statement);
            }
        }
        assert!(bench.failures.is_empty(), "{}", bench.failures);
        eprintln!("{fixtures:?}: {:?}", bench.tried);
        assert!(bench.tried.values().sum::<usize>() > 10, "{:?}", bench.tried);
    }
}

#[test]
fn every_statement_of_the_cases_is_taken_back_or_said_not_to_be() {
    let Some(mut bench) = Bench::new("undo_cases") else { return };
    let wanted = std::env::var("HRMS_TEST_CASE").unwrap_or_default();
    for case in files(&root("tests/cases")) {
        let name = case.file_name().unwrap().to_string_lossy().into_owned();
        // Those with a plan for programs are one of each kind.
        let chosen = if wanted.is_empty() { case.join("plan.json").exists() } else { name.contains(&wanted) };
        if !case.is_dir() || !chosen {
            continue;
        }
        let before = fs::read_to_string(case.join("before.sql")).unwrap_or_default();
        let since = before.lines().next().and_then(|line| line.strip_prefix("-- Since "));
        if since.is_some_and(|major| major.parse::<u32>().unwrap() > bench.database.server().major_version()) {
            continue;
        }
        bench.clear();
        if !before.is_empty() {
            bench.database.execute(&before);
        }
        let scripts = files(&case).into_iter().filter(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            name == "ensure.sql" || name.starts_with(|char: char| char.is_ascii_digit())
        });
        for path in scripts {
            let text = fs::read_to_string(&path).unwrap();
            let name = format!("{name}/{}", path.file_name().unwrap().to_string_lossy());
            for (place, statement) in statements(&name, &text) {
                bench.statement(&place, &statement);
            }
        }
    }
    assert!(bench.failures.is_empty(), "{}\n{:?}", bench.failures, bench.tried);
    eprintln!("{:?}", bench.tried);
}

/// A statement that the server has to try: what was there before it, the statement, and what its inverse is.
struct Told {
    before: &'static str,
    statement: &'static str,
    kind: InverseKind,
    inverse: &'static [&'static str],
}

#[test]
#[expect(clippy::too_many_lines, reason = "it is a list")]
fn what_was_there_comes_back_as_it_was_and_nothing_else_is_named() {
    let Some(mut bench) = Bench::new("undo_told") else { return };
    let table = "CREATE TABLE t (id serial PRIMARY KEY, a integer DEFAULT 7, b text); CREATE INDEX t_b ON t (lower(b)) WHERE a > 0";
    let told = [
        Told {
            before: table,
            statement: "ALTER TABLE t ADD COLUMN c integer NOT NULL DEFAULT 3 CHECK (c > 0)",
            kind: InverseKind::Loses,
            inverse: &["ALTER TABLE public.t DROP COLUMN IF EXISTS c"],
        },
        Told {
            before: "CREATE TABLE t (a integer DEFAULT 7); CREATE INDEX t_a ON t (a)",
            statement: "ALTER TABLE t ALTER COLUMN a TYPE numeric(8,2)",
            kind: InverseKind::Loses,
            inverse: &[
                "ALTER TABLE public.t ALTER COLUMN a DROP DEFAULT",
                "ALTER TABLE public.t ALTER COLUMN a TYPE integer USING a::integer",
                "ALTER TABLE public.t ALTER COLUMN a SET DEFAULT 7",
            ],
        },
        // The condition of the index keeps a cast.
        Told {
            before: table,
            statement: "ALTER TABLE t ALTER COLUMN a TYPE numeric(8,2)",
            kind: InverseKind::Loses,
            inverse: &[
                "ALTER TABLE public.t ALTER COLUMN a DROP DEFAULT",
                "ALTER TABLE public.t ALTER COLUMN a TYPE integer USING a::integer",
                "ALTER TABLE public.t ALTER COLUMN a SET DEFAULT 7",
            ],
        },
        // The index goes with the column, although only its condition names it.
        Told {
            before: table,
            statement: "ALTER TABLE t DROP COLUMN a",
            kind: InverseKind::Unknown,
            inverse: &[
                "ALTER TABLE public.t ADD COLUMN IF NOT EXISTS a integer DEFAULT 7",
                "CREATE INDEX IF NOT EXISTS t_b ON public.t USING btree ((lower(b))) WHERE (a > 0)",
            ],
        },
        Told {
            before: table,
            statement: "ALTER TABLE t RENAME COLUMN a TO \"Größe\"",
            kind: InverseKind::Exact,
            inverse: &["ALTER TABLE public.t RENAME COLUMN \"Größe\" TO a"],
        },
        Told {
            before: table,
            statement: "ALTER TABLE t RENAME TO u",
            kind: InverseKind::Exact,
            inverse: &["ALTER TABLE public.u RENAME TO t"],
        },
        Told {
            before: table,
            statement: "ALTER TABLE t ALTER COLUMN a SET NOT NULL, ALTER COLUMN a DROP DEFAULT",
            kind: InverseKind::Exact,
            inverse: &[
                "ALTER TABLE public.t ALTER COLUMN a SET DEFAULT 7",
                "ALTER TABLE public.t ALTER COLUMN a DROP NOT NULL",
            ],
        },
        Told {
            before: table,
            statement: "ALTER TABLE t DROP CONSTRAINT t_pkey",
            kind: InverseKind::Exact,
            inverse: &["ALTER TABLE public.t ADD CONSTRAINT t_pkey PRIMARY KEY (id)"],
        },
        Told {
            before: "CREATE TYPE mood AS ENUM ('good', 'bad')",
            statement: "ALTER TYPE mood ADD VALUE 'fair' BEFORE 'bad'",
            kind: InverseKind::Unknown,
            inverse: &[],
        },
        Told {
            before: "CREATE TABLE t (a integer); COMMENT ON TABLE t IS 'old'; COMMENT ON COLUMN t.a IS 'it''s'",
            statement: "COMMENT ON COLUMN t.a IS 'new'",
            kind: InverseKind::Exact,
            inverse: &["COMMENT ON COLUMN public.t.a IS 'it''s'"],
        },
        Told {
            before: "CREATE TABLE t (a integer)",
            statement: "GRANT SELECT, UPDATE (a) ON t TO PUBLIC",
            kind: InverseKind::Exact,
            inverse: &[
                "REVOKE SELECT ON TABLE public.t FROM PUBLIC",
                "REVOKE UPDATE (a) ON TABLE public.t FROM PUBLIC",
            ],
        },
        Told {
            before: "CREATE TABLE t (a integer); GRANT SELECT ON t TO PUBLIC",
            statement: "REVOKE SELECT ON t FROM PUBLIC",
            kind: InverseKind::Exact,
            inverse: &["GRANT SELECT ON TABLE public.t TO PUBLIC"],
        },
        Told {
            before: "CREATE TABLE t (a integer)",
            statement: "ALTER TABLE t ENABLE ROW LEVEL SECURITY",
            kind: InverseKind::Exact,
            inverse: &["ALTER TABLE public.t DISABLE ROW LEVEL SECURITY"],
        },
        Told {
            before: "CREATE TABLE t (a integer NOT NULL)",
            statement: "ALTER TABLE t ALTER COLUMN a ADD GENERATED ALWAYS AS IDENTITY",
            kind: InverseKind::Exact,
            inverse: &["ALTER TABLE public.t ALTER COLUMN a DROP IDENTITY IF EXISTS"],
        },
        Told {
            before: "CREATE TABLE t (a integer); INSERT INTO t VALUES (1)",
            statement: "UPDATE t SET a = 2 WHERE a = 1",
            kind: InverseKind::Unknown,
            inverse: &[],
        },
        Told {
            before: "CREATE TABLE t (a integer); INSERT INTO t VALUES (1)",
            statement: "-- ensure:down UPDATE t SET a = 1\n--   WHERE a = 2; DELETE FROM t WHERE a = 3\nUPDATE t SET a = 2 WHERE a = 1",
            kind: InverseKind::Written,
            inverse: &["UPDATE t SET a = 1\n     WHERE a = 2", "-- ensure:always\nDELETE FROM t WHERE a = 3"],
        },
    ];
    for Told { before, statement, kind, inverse } in told {
        bench.clear();
        bench.database.execute(before);
        let (_, found) = bench.with(statement).inverses().unwrap().remove(0);
        let statements: Vec<&str> = found.statements.iter().map(String::as_str).collect();
        assert_eq!((found.kind(), &statements[..]), (kind, inverse), "{statement}");
        bench.statement(statement, statement);
        if kind == InverseKind::Written {
            assert_eq!(bench.run(statement).outcome, None);
            assert_eq!(bench.take_back(&found), [""; 0]);
            assert_eq!(bench.database.value("SELECT a FROM t").as_deref(), Some("1"));
        }
    }
    assert!(bench.failures.is_empty(), "{}", bench.failures);
}

#[test]
fn what_a_script_says_of_its_way_back_is_read_by_check() {
    let Some(bench) = Bench::new("undo_check") else { return };
    for (down, place) in [("DROP TABEL t", ":2:21"), ("SELECT 1", ":2:16"), ("BEGIN", ":2:16")] {
        let script = format!("-- ensure:title x\n-- ensure:down {down}\nCREATE TABLE t (a integer);\n");
        let report = bench.with(&script).check();
        let at = report.diagnostics.first().and_then(|one| one.at.as_ref()).map(|at| at.location.to_string());
        assert!(report.outcome.is_some() && at.as_ref().is_some_and(|at| at.ends_with(place)), "{down}: {at:?}");
    }
}
