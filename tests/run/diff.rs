//! `verify --strict` and `diff`: what is in the database and in no script, what differs from the scripts, and what differs between
//! two databases.

use serde_json::Value;

use crate::{
    support::{CliBuilder, TestDatabase, psql},
    tools::{Scripts, assert_says},
};

fn scripts() -> Scripts {
    Scripts::none()
        .and(
            "010_people.sql",
            "CREATE TYPE mood AS ENUM ('sad', 'glad');
             CREATE SEQUENCE numbers;
             CREATE TABLE people (id serial PRIMARY KEY, name text UNIQUE, mood mood, number bigint DEFAULT nextval('numbers'));
             CREATE INDEX ON people (lower(name));
             CREATE VIEW names AS SELECT name FROM people;
             CREATE FUNCTION greet() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
             CREATE TRIGGER greeted BEFORE INSERT ON people FOR EACH ROW EXECUTE FUNCTION greet();
             CREATE POLICY everybody ON people USING (true);",
        )
        .and("020_cars.sql", "CREATE TABLE cars (id integer PRIMARY KEY, owner integer REFERENCES people);\n")
        .and(
            "030_opaque.sql",
            "-- ensure:when SELECT to_regclass('by_hand') IS NULL\nDO $$ BEGIN CREATE TABLE by_hand (id integer); END $$;\n",
        )
}

/// What makes one object of every kind that no script speaks of.
const BESIDE: &str = "
    CREATE TABLE spare (id bigserial PRIMARY KEY, kind text NOT NULL DEFAULT 'a''b', person integer REFERENCES people);
    CREATE INDEX spare_kind ON spare (kind) WHERE kind <> 'x';
    ALTER TABLE people ADD COLUMN fax text;
    CREATE INDEX people_fax ON people (fax DESC);
    ALTER TABLE people ADD CONSTRAINT people_fax_check CHECK (fax <> '');
    CREATE TYPE size AS ENUM ('S', 'M');
    CREATE DOMAIN short AS varchar(3) CHECK (VALUE <> '');
    CREATE TYPE pair AS (a integer, b text);
    CREATE SEQUENCE loose;
    CREATE VIEW faxes AS SELECT fax FROM people;
    CREATE MATERIALIZED VIEW kept AS SELECT id FROM people;
    CREATE INDEX kept_id ON kept (id);
    CREATE FUNCTION twice(n integer) RETURNS integer LANGUAGE sql AS 'SELECT 2 * n';
    CREATE FUNCTION greet(who text) RETURNS text LANGUAGE sql AS 'SELECT who';
    CREATE TRIGGER again BEFORE UPDATE ON people FOR EACH ROW EXECUTE FUNCTION greet();
    CREATE POLICY nobody ON people FOR DELETE USING (false);";

fn json(run: CliBuilder, status: i32) -> Value {
    let run = run.arg("--format").arg("json").run().expect(status);
    serde_json::from_str(&run.stdout).unwrap()
}

/// Returns `state object` of every difference, in order.
fn told(report: &Value) -> Vec<String> {
    let differences = report["comparison"]["differences"].as_array().unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    differences.iter().map(|one| format!("{} {}", text(&one["state"]), text(&one["object"]))).collect()
}

#[test]
fn strict_finds_what_no_script_speaks_of_and_nothing_else() {
    let Some(database) = TestDatabase::new("strict") else { return };
    let scripts = scripts();
    scripts.run(&database).expect(0);
    let verify = |arguments: &[&str]| scripts.command(arguments).database(&database);
    let nothing = json(verify(&["verify", "--strict"]), 0);
    assert_eq!(told(&nothing), [""; 0]);

    psql(&database, BESIDE).unwrap();
    assert_eq!(json(verify(&["verify"]), 0)["comparison"], Value::Null);
    let report = json(verify(&["verify", "--strict"]), 3);
    assert_eq!(
        told(&report),
        [
            "view public.faxes",
            "materialized view public.kept",
            "sequence public.loose",
            "column public.people.fax",
            "constraint people_fax_check on public.people",
            "index people_fax on public.people",
            "trigger again on public.people",
            "policy nobody on public.people",
            "table public.spare",
            "enum public.size",
            "type public.pair",
            "type public.short",
            "routine public.greet(text)",
            "routine public.twice(integer)",
        ]
        .map(|object| format!("unmanaged {object}"))
    );
    assert_eq!(report["diagnostics"][0]["code"], "unmanaged");
    assert_eq!(report["verification"]["complete"], false);
    let text = verify(&["verify", "--strict"]).run().expect(3);
    assert_says(&text.stderr, &["error[unmanaged]", "14 objects of schema public are in no script", "and 4 more"]);
    assert_says(&text.stdout, &["not all as declared", "? table public.spare: unmanaged"]);
}

#[test]
fn what_diff_finds_in_no_script_is_managed_once_its_statements_stand_in_one() {
    let Some(database) = TestDatabase::new("diff_unmanaged") else { return };
    let scripts = scripts();
    scripts.run(&database).expect(0);
    psql(&database, BESIDE).unwrap();
    let diff = |arguments: &[&str]| scripts.command(arguments).database(&database);
    diff(&["diff"]).run().expect(0);
    let report = json(diff(&["diff", "--exit-code"]), 2);
    let mut script = String::new();
    for one in report["comparison"]["differences"].as_array().unwrap() {
        let statements = one["statements"].as_array().unwrap();
        assert!(!statements.is_empty(), "no statement: {one}");
        for statement in statements {
            // What is not read needs a guard, and is told so.
            let why = one["why"].as_array().unwrap().iter().filter_map(Value::as_str);
            for guard in why.filter_map(|why| why.split_once(": -- ensure:")) {
                script.extend(["-- ensure:", guard.1, "\n"]);
            }
            script.extend([statement.as_str().unwrap(), ";\n"]);
        }
    }
    scripts.write("040_found.sql", script);
    scripts.command(&["check"]).run().expect(0);
    diff(&["plan", "--exit-code"]).run().expect(0);
    diff(&["verify", "--strict"]).run().expect(0);
    assert_says(&diff(&["diff", "--exit-code"]).run().expect(0).stdout, &["nothing differs"]);
}

#[test]
fn diff_tells_by_objects_what_the_scripts_would_change_and_what_is_in_the_way() {
    let Some(database) = TestDatabase::new("diff_declared") else { return };
    let scripts = Scripts::none().and(
        "010_people.sql",
        "CREATE TABLE people (id integer PRIMARY KEY, name text, age integer, born date);
         CREATE INDEX people_name ON people (name);
         ALTER TABLE people ALTER COLUMN age TYPE bigint;
         -- ensure:allow drop -- nobody reads it
         ALTER TABLE people DROP COLUMN IF EXISTS fax;\n",
    );
    database.execute("CREATE TABLE people (id integer PRIMARY KEY, age integer, born text, fax text, shoe integer)");
    let diff = |arguments: &[&str]| scripts.command(arguments).database(&database);
    let report = json(diff(&["diff", "--exit-code"]), 2);
    assert_eq!(
        told(&report),
        [
            "missing index people_name on public.people",
            "differs column public.people.age integer → bigint",
            "left-over column public.people.fax",
            // Of a statement that is refused as a whole.
            "missing column public.people.name",
            "conflicting column public.people.born",
            "unmanaged column public.people.shoe",
        ]
    );
    database.execute("ALTER TABLE people ALTER COLUMN born TYPE date USING NULL");
    let report = json(diff(&["diff"]), 0);
    assert_eq!(
        told(&report),
        [
            "missing column public.people.name",
            "missing index people_name on public.people",
            "differs column public.people.age integer → bigint",
            "left-over column public.people.fax",
            "unmanaged column public.people.shoe",
        ]
    );
    assert_eq!(
        report["comparison"]["differences"][0]["statements"][0],
        "ALTER TABLE public.people ADD COLUMN name text"
    );
    let text = diff(&["diff"]).run().expect(0).stdout;
    assert_says(
        &text,
        &[
            "~ column public.people.age integer → bigint: differs",
            "ALTER TABLE public.people ADD COLUMN shoe integer;",
            "2 missing, 1 differs, 1 left over, 1 unmanaged",
            "`hrms-migrate run` carries out",
        ],
    );
    let catalog = database.catalog("public");
    for format in ["markdown", "junit", "github", "html"] {
        let drawn = diff(&["diff", "--format", format]).run().expect(0).stdout;
        assert_says(&drawn, &["left over", "shoe", "fax"]);
    }
    assert_eq!(catalog, database.catalog("public"), "diff only looks");
}

const ONE: &str = "
    CREATE TYPE mood AS ENUM ('sad', 'glad');
    CREATE TYPE old AS ENUM ('x');
    CREATE SEQUENCE numbers;
    CREATE TABLE gone (id integer PRIMARY KEY);
    CREATE TABLE going (id integer PRIMARY KEY, gone integer REFERENCES gone, kind old);
    CREATE TABLE people (id serial PRIMARY KEY, name varchar(10) NOT NULL, age integer DEFAULT 7, fax text, mood mood DEFAULT 'sad');
    CREATE INDEX people_name ON people (name);
    CREATE INDEX people_fax ON people (fax);
    ALTER TABLE people ADD CONSTRAINT adult CHECK (age > 18);
    ALTER TABLE people ADD CONSTRAINT old_fax UNIQUE (fax);
    CREATE VIEW faxes AS SELECT fax FROM people;
    CREATE VIEW a_fax AS SELECT fax FROM faxes;
    CREATE FUNCTION twice(n integer) RETURNS integer LANGUAGE sql AS 'SELECT 2 * n';
    CREATE FUNCTION touched() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
    CREATE TRIGGER touched BEFORE UPDATE ON people FOR EACH ROW EXECUTE FUNCTION touched();
    CREATE POLICY mine ON people USING (true);
    CREATE RULE kept AS ON DELETE TO people DO INSTEAD NOTHING;
    CREATE RULE old_rule AS ON UPDATE TO people WHERE old.age = 0 DO INSTEAD NOTHING;
    CREATE STATISTICS people_stats (dependencies) ON name, age FROM people;
    COMMENT ON TABLE people IS 'those who are here';
    COMMENT ON COLUMN people.age IS 'in years';
    COMMENT ON TABLE gone IS 'goes with its comment';
    GRANT SELECT, DELETE ON people TO PUBLIC;
    REVOKE EXECUTE ON FUNCTION touched() FROM PUBLIC;";

const OTHER: &str = "
    CREATE TYPE mood AS ENUM ('gloomy', 'sad', 'so so', 'glad');
    CREATE DOMAIN short AS varchar(3) NOT NULL CHECK (VALUE <> '');
    CREATE SEQUENCE numbers INCREMENT BY 5;
    CREATE TABLE teams (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, short short, lead integer, half integer);
    CREATE TABLE people (id serial PRIMARY KEY, name text, age bigint DEFAULT 8, mood mood DEFAULT 'so so',
        team bigint NOT NULL REFERENCES teams, full_name text GENERATED ALWAYS AS (upper(name)) STORED);
    ALTER TABLE teams ADD CONSTRAINT led FOREIGN KEY (lead) REFERENCES people ON DELETE CASCADE;
    CREATE INDEX people_name ON people (lower(name)) WHERE age > 3;
    CREATE UNIQUE INDEX people_team ON people (team, name DESC NULLS LAST);
    ALTER TABLE people ADD CONSTRAINT adult CHECK (age >= 18);
    CREATE VIEW b_names AS SELECT name FROM people;
    CREATE VIEW a_names AS SELECT name FROM b_names;
    CREATE FUNCTION twice(n integer) RETURNS integer LANGUAGE sql AS 'SELECT n + n';
    CREATE FUNCTION touched() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
    CREATE TRIGGER touched BEFORE INSERT OR UPDATE ON people FOR EACH ROW EXECUTE FUNCTION touched();
    ALTER TABLE people DISABLE TRIGGER touched;
    CREATE POLICY mine ON people FOR SELECT USING (age > 1);
    CREATE TABLE parts (id integer NOT NULL) PARTITION BY RANGE (id);
    CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (1) TO (10);
    CREATE MATERIALIZED VIEW counted AS SELECT count(*) AS many FROM teams;
    CREATE UNIQUE INDEX counted_many ON counted (many);
    CREATE RULE kept AS ON DELETE TO people WHERE old.age > 99 DO INSTEAD NOTHING;
    CREATE STATISTICS people_stats (ndistinct) ON name, age FROM people;
    CREATE STATISTICS more_stats (dependencies) ON team, age FROM people;
    COMMENT ON TABLE people IS 'those who are ''there''';
    COMMENT ON COLUMN people.team IS 'a team';
    COMMENT ON CONSTRAINT adult ON people IS 'by law';
    COMMENT ON INDEX people_name IS 'an index';
    COMMENT ON FUNCTION twice(integer) IS 'a function';
    COMMENT ON TYPE mood IS 'a type';
    COMMENT ON DOMAIN short IS 'a domain';
    COMMENT ON POLICY mine ON people IS 'a policy';
    COMMENT ON TRIGGER touched ON people IS 'a trigger';
    COMMENT ON RULE kept ON people IS 'a rule';
    COMMENT ON MATERIALIZED VIEW counted IS 'a materialized view';
    COMMENT ON COLUMN counted.many IS 'its column';
    GRANT SELECT, INSERT, UPDATE (name) ON people TO PUBLIC;
    GRANT SELECT ON teams, counted TO PUBLIC;
    GRANT USAGE ON SEQUENCE numbers TO PUBLIC;
    REVOKE EXECUTE ON FUNCTION twice(integer) FROM PUBLIC;
    REVOKE USAGE ON TYPE mood FROM PUBLIC;";

/// Compares one database with another and returns the report.
fn against(one: &TestDatabase, url: &str, status: i32) -> Value {
    json(crate::support::cli(&["diff", "--exit-code"]).database(one).arg("--against").arg(url), status)
}

#[test]
fn the_statements_between_two_databases_make_the_first_what_the_second_is() {
    let (Some(one), Some(other)) = (TestDatabase::new("diff_one"), TestDatabase::new("diff_other")) else { return };
    psql(&one, ONE).unwrap();
    psql(&other, OTHER).unwrap();
    let kept = other.catalog("public");
    let report = against(&one, other.url(), 2);
    let all = told(&report);
    for line in [
        "only-here table public.gone",
        "only-here column public.people.fax",
        "only-there table public.teams",
        "only-there column public.people.team",
        "only-there constraint led on public.teams",
        "differs column public.people.name",
        "differs index people_name on public.people",
        "differs constraint adult on public.people",
        "differs enum public.mood",
        "differs sequence public.numbers",
        "differs routine public.twice(integer)",
        "differs trigger touched on public.people",
        "differs policy mine on public.people",
        "only-there view public.a_names",
        "only-there materialized view public.counted",
        "differs rule kept on public.people",
        "only-here rule old_rule on public.people",
        "differs statistics people_stats on public.people",
        "only-there statistics more_stats on public.people",
        "differs comment on table public.people",
        "only-here comment on table column public.people.age",
        "only-there comment on table column public.people.team",
        "only-there comment on table constraint adult on public.people",
        "differs privileges on table public.people",
        "only-there privileges on table public.teams",
        "only-there privileges on sequence public.numbers",
        "only-there privileges on function public.twice(integer)",
        "only-here privileges on function public.touched()",
        "only-there privileges on type public.mood",
    ] {
        assert!(all.iter().any(|told| told == line), "{line} is not in {all:#?}");
    }
    // Of a table that is on one side only its parts are not told again.
    assert!(!all.iter().any(|line| line.contains("column public.teams")), "{all:#?}");
    // Nor is what goes with one.
    assert!(!all.iter().any(|line| line.contains("comment on table public.gone")), "{all:#?}");
    assert_eq!(report["comparison"]["against"]["database"], other.name());
    let name = report["comparison"]["differences"].as_array().unwrap().iter();
    let name = name.clone().find(|one| one["object"] == "column public.people.name").unwrap();
    assert_eq!((&name["here"], &name["there"]), (&"character varying(10) NOT NULL".into(), &"text".into()));

    let mut script = String::new();
    for one in report["comparison"]["differences"].as_array().unwrap() {
        for statement in one["statements"].as_array().unwrap() {
            script.extend([statement.as_str().unwrap(), ";\n"]);
        }
    }
    psql(&one, &script).unwrap_or_else(|error| panic!("{error}\n{script}"));
    assert_eq!(told(&against(&one, other.url(), 0)), [""; 0], "{script}");
    assert_eq!(other.catalog("public"), kept, "the second database is only looked at");
}

#[test]
fn two_databases_are_the_same_under_different_names_of_their_schemas() {
    let (Some(one), Some(other)) = (TestDatabase::new("diff_home"), TestDatabase::new("diff_app")) else { return };
    psql(&one, OTHER).unwrap();
    psql(&other, &format!("CREATE SCHEMA app; SET search_path = app; {OTHER}")).unwrap();
    let sign = if other.url().contains('?') { '&' } else { '?' };
    let url = format!("{}{sign}options=-csearch_path%3Dapp", other.url());
    assert_eq!(told(&against(&one, &url, 0)), [""; 0]);
    other.execute("ALTER TABLE app.people ALTER COLUMN team DROP NOT NULL");
    let report = against(&one, &url, 2);
    assert_eq!(told(&report), ["differs column public.people.team"]);
    assert_eq!(
        report["comparison"]["differences"][0]["statements"],
        serde_json::json!(["ALTER TABLE public.people ALTER COLUMN team DROP NOT NULL"])
    );
}

#[test]
fn what_is_wrong_with_the_second_database_is_told_apart_and_shows_no_password() {
    let Some(database) = TestDatabase::new("diff_second") else { return };
    let diff = |url: &str| crate::support::cli(&["diff"]).database(&database).arg(format!("--against={url}")).run();
    let missing = database.url().replace(database.name(), "t_no_such_database");
    let missing = diff(&missing).expect(7);
    assert_says(&missing.stderr, &["error[database-missing]: the second database (--against): "]);
    let nobody = diff("postgresql://somebody:SECRET-7f3a@127.0.0.1:1/x").expect(6);
    assert_says(&nobody.stderr, &["error[connection-refused]: the second database (--against): "]);
    let bad = diff("postgresql://somebody:SECRET-7f3a@host:port:1/x").expect(64);
    assert_says(&bad.stderr, &["error[usage]: --against: "]);
    for run in [missing, nobody, bad] {
        assert!(!format!("{}{}", run.stdout, run.stderr).contains("SECRET-7f3a"), "{}", run.stderr);
    }
    let first = crate::support::cli(&["diff", "--against", database.url()]);
    let first = first.env("DATABASE_URL", "postgresql://127.0.0.1:1/x").run().expect(6);
    assert!(!first.stderr.contains("second"), "{}", first.stderr);
}
