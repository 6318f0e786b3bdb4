//! A database of one site, and runs of the program on it that must not tell its secrets.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use diesel::PgConnection;

use crate::support::{CliBuilder, Run, TestDatabase, cli, connect, execute, rows, rows_on};

/// What occurs in the rows of the fixtures, in passwords, and must occur in no output.
const SECRETS: [&str; 9] =
    ["SECRET", "example.test", "555-01", "Asha", "Bela", "Chand", "Republic Day", "Gandhi Jayanti", "E-002"];

/// Returns the text of a file in `tests/fixtures`.
pub fn fixture(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The database of one site.
pub struct Site {
    /// The database itself.
    pub database: TestDatabase,
}

impl Site {
    /// Makes a database from fixtures (names that end in `.sql`) and statements. Where there is no server the embedded engine
    /// serves, if it is built in; `None`, said loudly, where it is not.
    pub fn new(test: &str, parts: &[&str]) -> Option<Self> {
        Some(Self::of(TestDatabase::anywhere(test)?, parts))
    }

    /// The same for a test that needs a server: other connections, other roles, settings of the database.
    pub fn on_server(test: &str, parts: &[&str]) -> Option<Self> {
        Some(Self::of(TestDatabase::new(test)?, parts))
    }

    fn of(database: TestDatabase, parts: &[&str]) -> Self {
        let site = Self { database };
        for part in parts {
            site.add(part);
        }
        site
    }

    /// Carries out a fixture or statements.
    pub fn add(&self, part: &str) {
        let is_file = Path::new(part).extension().is_some_and(|extension| extension == "sql");
        self.database.execute(&if is_file { fixture(part) } else { part.to_owned() });
    }

    /// Runs a command at its most talkative.
    #[track_caller]
    pub fn cli(&self, arguments: &[&str]) -> Run {
        silent(cli(arguments).arg("-vv").database(&self.database))
    }

    /// Runs `run`.
    #[track_caller]
    pub fn run(&self) -> Run {
        self.cli(&["run"])
    }

    /// Runs `run`, which has to end well, and again, which must change nothing at all; then `verify` agrees.
    #[track_caller]
    pub fn completes(&self) -> Run {
        let run = self.run().expect(0);
        let before = self.fingerprint();
        self.run().expect(0);
        assert_eq!(self.fingerprint(), before, "the second run changed something");
        self.cli(&["verify"]).expect(0);
        run
    }

    /// Runs `run`, which has to end with `status`, name each of `words`, and change nothing at all.
    #[track_caller]
    pub fn refuses(&self, status: i32, words: &[&str]) -> Run {
        let before = self.fingerprint();
        let run = self.run().expect(status);
        for word in words {
            assert!(run.stderr.contains(word), "no `{word}` in\n{}", run.stderr);
        }
        assert_eq!(self.fingerprint(), before, "a refused run changed something");
        assert_eq!(self.books(), None, "a refused run wrote the record");
        run
    }

    /// The same, and `plan`, `verify` and a run in one transaction say it too without changing anything.
    #[track_caller]
    pub fn refuses_in_every_way(&self, status: i32, words: &[&str]) -> Run {
        let run = self.refuses(status, words);
        let before = self.fingerprint();
        for arguments in [&["plan"][..], &["verify"], &["run", "--atomic"]] {
            // What stands in the way is a difference to `verify`, where there is anything to be compared at all.
            let differs = arguments == ["verify"] && status == 4 && !words.contains(&"error[several-schemas]");
            let other = self.cli(arguments).expect(if differs { 3 } else { status });
            for word in words {
                assert!(other.stderr.contains(word), "{arguments:?}: no `{word}` in\n{}", other.stderr);
            }
        }
        assert_eq!(self.fingerprint(), before, "plan, verify or an atomic run changed something");
        run
    }

    /// Returns the facts about the first schema on the path, as the `.expected` files hold them.
    pub fn facts(&self) -> String {
        self.database.at(|url| Self::facts_on(&mut connect(url)))
    }

    /// The same on a connection that is there.
    pub fn facts_on(connection: &mut PgConnection) -> String {
        let mut text = String::new();
        for row in rows_on(connection, &fixture("catalog_lines.sql")) {
            writeln!(text, "{}", row[0].as_deref().unwrap()).unwrap();
        }
        text
    }

    /// Compares the facts with an `.expected` file.
    #[track_caller]
    pub fn assert_facts(&self, expected: &str) {
        assert_lines(&fixture(expected), &self.facts());
    }

    /// Digests what a change of any kind would leave a trace in: the rows of the catalog with their transaction numbers,
    /// and those of all tables with their places. The journal and diesel's record are left out, see [`Self::books`].
    pub fn fingerprint(&self) -> String {
        let texts = |query: &str| -> Vec<String> {
            self.database.rows(query).into_iter().map(|row| row[0].clone().unwrap()).collect()
        };
        let mut lines = texts(FINGERPRINT);
        let of_rows = texts(FINGERPRINTS_OF_ROWS);
        if !of_rows.is_empty() {
            lines.extend(texts(&of_rows.join(" UNION ALL ")));
        }
        lines.join("\n")
    }

    /// Returns the versions in diesel's record; `None` where there is no record.
    pub fn books(&self) -> Option<Vec<String>> {
        self.database.value("SELECT to_regclass('__diesel_schema_migrations')")?;
        let rows = self.database.rows("SELECT version FROM __diesel_schema_migrations ORDER BY version");
        Some(rows.into_iter().map(|row| row[0].clone().unwrap()).collect())
    }

    /// Digests the values of each column of each table of the first schema on the path, in the order of its rows.
    pub fn contents(&self) -> BTreeMap<String, String> {
        let columns = self.database.rows(
            "SELECT quote_ident(c.relname), quote_ident(a.attname),
                    EXISTS (SELECT FROM pg_attribute i WHERE i.attrelid = c.oid AND i.attname = 'id')
               FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
              WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p')
                AND c.relname <> '__diesel_schema_migrations'",
        );
        let queries: Vec<String> = columns
            .iter()
            .map(|row| {
                let [table, column, has_id] = row.as_slice() else { unreachable!() };
                let (table, column) = (table.as_deref().unwrap(), column.as_deref().unwrap());
                let order = if has_id.as_deref() == Some("true") { "id" } else { "ctid" };
                format!(
                    "(SELECT '{table}.{column}', count(*) || ' ' || md5(coalesce(string_agg(coalesce({column}::text, '-'), \
                     '|' ORDER BY {order}), '')) FROM {table})"
                )
            })
            .collect();
        let rows = self.database.rows(&queries.join(" UNION ALL "));
        rows.into_iter().map(|row| (row[0].clone().unwrap(), row[1].clone().unwrap())).collect()
    }

    /// Compares the contents with earlier ones: no value of a column that was there may differ, unless `changed` names it.
    #[track_caller]
    pub fn assert_kept(&self, before: &BTreeMap<String, String>, changed: &[&str]) {
        let after = self.contents();
        for (column, digest) in before.iter().filter(|(column, _)| !changed.contains(&column.as_str())) {
            assert_eq!(after.get(column), Some(digest), "the values of {column} changed");
        }
    }
}

/// Runs the program with reports of every kind, and checks that none of its output tells a secret.
#[track_caller]
pub fn silent(program: CliBuilder) -> Run {
    let directory = tempfile::tempdir().unwrap();
    let (json, text) = (directory.path().join("report.json"), directory.path().join("report.txt"));
    let run = program
        .arg("--report")
        .arg(format!("json={}", json.display()))
        .arg("--report")
        .arg(format!("text={}", text.display()))
        .run();
    let reports = [&json, &text].map(|path| std::fs::read_to_string(path).unwrap_or_default());
    for (name, output) in [
        ("stdout", &run.stdout),
        ("stderr", &run.stderr),
        ("the JSON report", &reports[0]),
        ("the text report", &reports[1]),
    ] {
        for secret in SECRETS {
            assert!(!output.contains(secret), "{name} tells {secret}:\n{output}");
        }
    }
    assert!(!run.stderr.contains("panicked"), "{}", run.stderr);
    run
}

/// Compares two sorted texts line by line and shows only what differs.
#[track_caller]
pub fn assert_lines(expected: &str, found: &str) {
    let missing: Vec<&str> = expected.lines().filter(|line| !found.lines().any(|other| other == *line)).collect();
    let surplus: Vec<&str> = found.lines().filter(|line| !expected.lines().any(|other| other == *line)).collect();
    assert!(
        missing.is_empty() && surplus.is_empty() && expected.lines().count() == found.lines().count(),
        "missing:\n  {}\nnot expected:\n  {}",
        missing.join("\n  "),
        surplus.join("\n  ")
    );
}

/// A role for one test; dropped after the databases that the test made later.
pub struct Role {
    /// Its name.
    pub name: String,
    admin_url: String,
}

impl Role {
    /// Makes a role that may connect and nothing else; `None`, said loudly, without a server.
    pub fn new(test: &str) -> Option<Self> {
        let admin_url = crate::support::require_server()?.admin_url();
        let name = format!("r_{test:.40}_{:08x}", fastrand::u32(..));
        execute(&admin_url, &format!("CREATE ROLE {name} LOGIN PASSWORD 'SECRET-7f3a-password'"));
        Some(Self { name, admin_url })
    }

    /// Returns the URL of a database for this role.
    pub fn url(&self, site: &Site) -> String {
        let (scheme, rest) = site.database.url().split_once("://").unwrap();
        let end = rest.find('/').unwrap_or(rest.len());
        let host = rest[..end].rsplit_once('@').map_or(&rest[..end], |(_, host)| host);
        format!("{scheme}://{}:SECRET-7f3a-password@{host}{}", self.name, &rest[end..])
    }

    /// Runs a command as this role.
    #[track_caller]
    pub fn cli(&self, site: &Site, arguments: &[&str]) -> Run {
        silent(cli(arguments).arg("-vv").env("DATABASE_URL", self.url(site)))
    }

    /// Gives everything in the public schema, and the schema, to this role.
    pub fn take_over(&self, site: &Site) {
        let name = &self.name;
        site.database.execute(&format!(
            "DO $$
             DECLARE object record;
             BEGIN
                 ALTER SCHEMA public OWNER TO {name};
                 FOR object IN SELECT oid::regclass AS name FROM pg_class
                                WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm') LOOP
                     EXECUTE format('ALTER TABLE %s OWNER TO {name}', object.name);
                 END LOOP;
                 FOR object IN SELECT oid::regtype AS name FROM pg_type
                                WHERE typnamespace = 'public'::regnamespace AND typtype = 'e' LOOP
                     EXECUTE format('ALTER TYPE %s OWNER TO {name}', object.name);
                 END LOOP;
             END $$"
        ));
    }
}

impl Drop for Role {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        execute(&self.admin_url, &format!("DROP ROLE IF EXISTS {}", self.name));
    }
}

/// Returns the first value of a query.
pub fn value(url: &str, sql: &str) -> Option<String> {
    rows(url, sql).into_iter().next().and_then(|row| row.into_iter().next()).flatten()
}

const FINGERPRINT: &str = r"
    WITH schema AS (
        SELECT oid, nspname, xmin FROM pg_namespace
         WHERE nspname NOT IN ('pg_catalog', 'information_schema', 'hrms_migrate') AND nspname !~ '^pg_'
    ), relation AS (
        SELECT c.oid, c.relname, c.relkind, c.relfilenode, c.xmin, s.nspname FROM pg_class c JOIN schema s ON s.oid = c.relnamespace
         WHERE c.relname !~ '^__diesel'
    )
    SELECT format('schema %s %s %s', nspname, oid, xmin) AS line FROM schema
    UNION ALL SELECT format('%s %s.%s %s %s %s', relkind, nspname, relname, oid, relfilenode, xmin) FROM relation
    UNION ALL SELECT format('column %s %s %s', a.attrelid::regclass, a.attname, a.xmin)
                FROM pg_attribute a JOIN relation r ON r.oid = a.attrelid
    UNION ALL SELECT format('default %s %s %s', a.adrelid::regclass, a.adnum, a.xmin)
                FROM pg_attrdef a JOIN relation r ON r.oid = a.adrelid
    UNION ALL SELECT format('index %s %s', i.indexrelid::regclass, i.xmin) FROM pg_index i JOIN relation r ON r.oid = i.indexrelid
    UNION ALL SELECT format('constraint %s %s %s', k.conname, k.oid, k.xmin) FROM pg_constraint k JOIN relation r ON r.oid = k.conrelid
    UNION ALL SELECT format('trigger %s %s %s', t.tgname, t.oid, t.xmin) FROM pg_trigger t JOIN relation r ON r.oid = t.tgrelid
    UNION ALL SELECT format('type %s %s %s', t.typname, t.oid, t.xmin) FROM pg_type t JOIN schema s ON s.oid = t.typnamespace
               WHERE t.typname !~ '__diesel'
    UNION ALL SELECT format('label %s %s', e.enumlabel, e.xmin) FROM pg_enum e
    UNION ALL SELECT format('function %s %s %s', p.proname, p.oid, p.xmin) FROM pg_proc p JOIN schema s ON s.oid = p.pronamespace
    UNION ALL SELECT format('comment %s %s %s', d.objoid, d.objsubid, d.description) FROM pg_description d JOIN relation r ON r.oid = d.objoid
    UNION ALL SELECT format('setting %s', setconfig) FROM pg_db_role_setting
               WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())
    ORDER BY line";

/// One query for each table: it digests the rows with their places and transaction numbers; of a sequence, its state.
const FINGERPRINTS_OF_ROWS: &str = r"
    SELECT format('SELECT %L || md5(coalesce(string_agg(%s, chr(10) ORDER BY ctid), %L)) FROM %I.%I t',
                  format('rows %s.%s ', nspname, relname),
                  CASE WHEN relkind = 'S' THEN 'concat(last_value, is_called)' ELSE 'concat(ctid, xmin, t)' END, '', nspname, relname)
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE nspname NOT IN ('pg_catalog', 'information_schema', 'hrms_migrate') AND nspname !~ '^pg_'
       AND relname !~ '^__diesel' AND relkind IN ('r', 'm', 'S')
     ORDER BY nspname, relname";
