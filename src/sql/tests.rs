//! What scripts are read as.

use proptest::prelude::*;

use crate::script::{Script, Span};

use super::*;

fn script(text: &str) -> Script {
    Script { path: "ensure/010_x.sql".to_owned(), number: Some(10), name: "010_x".to_owned(), text: text.to_owned() }
}

fn read(text: &str) -> ParsedScript {
    parse(&script(text)).unwrap_or_else(|errors| panic!("{text}\n{errors:?}"))
}

/// Reads one statement.
fn one(text: &str) -> StatementKind {
    let mut parsed = read(text);
    assert_eq!(parsed.statements.len(), 1, "{text}");
    parsed.statements.remove(0).kind
}

/// Names a statement: its kind, and of an opaque or forbidden one its verb.
fn label(kind: &StatementKind) -> String {
    match kind {
        StatementKind::Opaque { verb } => format!("opaque {verb}"),
        StatementKind::Forbidden { verb, .. } => format!("forbidden {verb}"),
        StatementKind::AlterTable { actions, .. } => {
            let actions: Vec<String> = actions
                .iter()
                .map(|action| match &action.kind {
                    AlterActionKind::Other { verb } => format!("other {verb}"),
                    kind => first_word(&format!("{kind:?}")),
                })
                .collect();
            format!("AlterTable {}", actions.join(", "))
        }
        kind => first_word(&format!("{kind:?}")),
    }
}

fn first_word(debug: &str) -> String {
    debug.chars().take_while(char::is_ascii_alphanumeric).collect()
}

fn check(text: &str, expected: &str) {
    assert_eq!(label(&one(text)), expected, "{text}");
}

#[test]
fn every_kind_of_statement_is_recognised() {
    for (text, expected) in [
        ("CREATE SCHEMA IF NOT EXISTS hr", "CreateSchema"),
        ("CREATE SCHEMA AUTHORIZATION joe", "opaque CREATE SCHEMA"),
        ("CREATE SCHEMA hr CREATE TABLE t (a int)", "opaque CREATE SCHEMA"),
        ("CREATE EXTENSION IF NOT EXISTS pg_trgm WITH SCHEMA public VERSION '1.6' CASCADE", "CreateExtension"),
        ("CREATE TYPE userrole AS ENUM ('a', 'b')", "CreateEnum"),
        ("CREATE TYPE pair AS (a int, b int)", "opaque CREATE TYPE"),
        ("ALTER TYPE userrole ADD VALUE IF NOT EXISTS 'c' AFTER 'a'", "AddEnumValue"),
        ("ALTER TYPE userrole RENAME VALUE 'a' TO 'z'", "RenameEnumValue"),
        ("ALTER TYPE userrole RENAME TO role", "opaque ALTER TYPE"),
        ("CREATE SEQUENCE IF NOT EXISTS s AS bigint START 5 INCREMENT BY -1 NO CYCLE OWNED BY t.id", "CreateSequence"),
        ("CREATE TEMP SEQUENCE s", "opaque CREATE SEQUENCE"),
        ("CREATE TABLE IF NOT EXISTS t (id serial PRIMARY KEY)", "CreateTable"),
        ("CREATE UNLOGGED TABLE t (id int) WITH (fillfactor = 70) TABLESPACE x", "CreateTable"),
        ("CREATE TEMP TABLE t (id int)", "opaque CREATE TABLE"),
        ("CREATE TABLE t AS SELECT 1", "opaque CREATE TABLE"),
        ("CREATE TABLE t (LIKE u)", "opaque CREATE TABLE"),
        ("CREATE TABLE t (a int) INHERITS (u)", "opaque CREATE TABLE"),
        ("CREATE TABLE t (a int) PARTITION BY RANGE (a)", "opaque CREATE TABLE"),
        ("CREATE TABLE t PARTITION OF u DEFAULT", "opaque CREATE TABLE"),
        ("CREATE TABLE t OF u", "opaque CREATE TABLE"),
        ("CREATE TABLE t (a text STORAGE plain)", "opaque CREATE TABLE"),
        ("CREATE INDEX ON t (a)", "CreateIndex"),
        ("CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS i ON ONLY s.t USING gin (a)", "CreateIndex"),
        ("ALTER INDEX IF EXISTS i RENAME TO j", "RenameIndex"),
        ("ALTER INDEX i SET (fillfactor = 70)", "opaque ALTER INDEX"),
        ("DROP TABLE IF EXISTS a, s.b CASCADE", "Drop"),
        ("DROP INDEX CONCURRENTLY IF EXISTS i", "Drop"),
        ("DROP FUNCTION f(int)", "DropObjects"),
        ("DROP AGGREGATE f(int)", "opaque DROP AGGREGATE"),
        ("DROP MATERIALIZED VIEW v", "Drop"),
        ("UPDATE t SET a = 1 WHERE a IS NULL", "Update"),
        ("INSERT INTO t (a) VALUES (1) ON CONFLICT (a) DO NOTHING", "Insert"),
        ("SELECT 1", "Query"),
        ("VALUES (1)", "Query"),
        ("TABLE t", "Query"),
        ("(SELECT 1) UNION (SELECT 2)", "Query"),
        ("WITH a AS (SELECT 1) SELECT * FROM a FOR UPDATE", "Query"),
        ("WITH a AS (DELETE FROM t RETURNING *) SELECT * FROM a", "opaque WITH"),
        ("WITH a AS (SELECT 1) UPDATE t SET b = 1", "opaque WITH"),
        ("SELECT 1 AS a INTO t", "opaque SELECT"),
        ("DELETE FROM t", "opaque DELETE FROM"),
        ("DO $$ BEGIN NULL; END $$", "opaque DO"),
        ("CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'", "CreateRoutine"),
        ("CREATE FUNCTION f(a t.b%TYPE) RETURNS int LANGUAGE sql AS 'SELECT 1'", "opaque CREATE FUNCTION"),
        ("CREATE FUNCTION f() RETURNS int LANGUAGE c AS 'file', 'symbol'", "opaque CREATE FUNCTION"),
        ("CREATE TRIGGER g BEFORE UPDATE OF a OR INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()", "CreateTrigger"),
        ("CREATE POLICY p ON t USING (a = current_user)", "CreatePolicy"),
        ("CREATE POLICY p ON t TO CURRENT_USER", "opaque CREATE POLICY"),
        (
            "ALTER TABLE t ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY",
            "AlterTable RowSecurity, ForceRowSecurity",
        ),
        ("ALTER TABLE t ENABLE TRIGGER g", "AlterTable other ENABLE TRIGGER G"),
        ("CREATE TEMP VIEW v AS SELECT 1 AS a", "opaque CREATE VIEW"),
        ("CREATE RECURSIVE VIEW v (a) AS SELECT 1", "opaque CREATE VIEW"),
        ("CREATE OR REPLACE VIEW v AS SELECT 1 AS a", "CreateView"),
        ("CREATE MATERIALIZED VIEW v AS SELECT 1 AS a", "CreateView"),
        ("COMMENT ON TABLE t IS 'x'", "Comment"),
        ("COMMENT ON ROLE joe IS 'x'", "opaque COMMENT ON"),
        ("GRANT SELECT ON t TO joe", "Grant"),
        ("GRANT admin TO joe", "opaque GRANT"),
        ("GRANT SELECT ON ALL TABLES IN SCHEMA public TO joe", "opaque GRANT"),
        ("REVOKE ALL ON SCHEMA public FROM PUBLIC", "Grant"),
        ("MERGE INTO t USING u ON t.a = u.a WHEN MATCHED THEN DELETE", "opaque MERGE"),
        ("BEGIN", "forbidden BEGIN"),
        ("START TRANSACTION ISOLATION LEVEL SERIALIZABLE", "forbidden START TRANSACTION"),
        ("COMMIT", "forbidden COMMIT"),
        ("ROLLBACK TO SAVEPOINT a", "forbidden ROLLBACK TO"),
        ("SAVEPOINT a", "forbidden SAVEPOINT"),
        ("PREPARE TRANSACTION 'x'", "forbidden PREPARE TRANSACTION"),
        ("SET TRANSACTION READ ONLY", "forbidden SET TRANSACTION"),
        ("SET search_path = public", "forbidden SET"),
        ("SET LOCAL lock_timeout = 1", "forbidden SET LOCAL"),
        ("RESET ALL", "forbidden RESET"),
        ("DISCARD ALL", "forbidden DISCARD"),
        ("TRUNCATE t", "forbidden TRUNCATE"),
        ("LOCK TABLE t", "forbidden LOCK TABLE"),
        ("VACUUM FULL t", "forbidden VACUUM FULL"),
        ("CLUSTER t", "forbidden CLUSTER"),
        ("LISTEN x", "forbidden LISTEN"),
        ("COPY t (a) FROM STDIN WITH (FORMAT csv)", "forbidden COPY"),
        ("COPY t FROM '/x'", "opaque COPY"),
        ("CREATE DATABASE x", "forbidden CREATE DATABASE"),
        ("ALTER SYSTEM SET work_mem = 1", "forbidden ALTER SYSTEM"),
    ] {
        check(text, expected);
    }
}

#[test]
fn actions_of_alter_table_are_recognised() {
    for (action, expected) in [
        ("ADD COLUMN IF NOT EXISTS a varchar(20) COLLATE \"C\" DEFAULT 'x' NOT NULL", "AddColumn"),
        ("ADD a int, ADD b int", "AddColumn, AddColumn"),
        ("DROP COLUMN IF EXISTS a CASCADE", "DropColumn"),
        ("DROP a", "DropColumn"),
        ("ALTER COLUMN a TYPE numeric(4,1) USING a::numeric(4,1)", "AlterType"),
        ("ALTER a SET DATA TYPE text", "AlterType"),
        ("ALTER a SET NOT NULL, ALTER a DROP NOT NULL", "SetNotNull, DropNotNull"),
        ("ALTER a SET DEFAULT now(), ALTER b DROP DEFAULT", "SetDefault, DropDefault"),
        ("ALTER a ADD GENERATED BY DEFAULT AS IDENTITY (START 3)", "AddIdentity"),
        ("ALTER a DROP IDENTITY IF EXISTS", "DropIdentity"),
        ("ADD CONSTRAINT c CHECK (a > 0) NOT VALID", "AddConstraint"),
        ("ADD UNIQUE (a, b)", "AddConstraint"),
        ("ADD CONSTRAINT c UNIQUE USING INDEX i", "AddConstraint"),
        ("ADD CONSTRAINT c EXCLUDE USING gist (a WITH &&)", "AddConstraint"),
        ("DROP CONSTRAINT IF EXISTS c", "DropConstraint"),
        ("VALIDATE CONSTRAINT c", "ValidateConstraint"),
        ("RENAME COLUMN a TO b", "RenameColumn"),
        ("RENAME a TO b", "RenameColumn"),
        ("RENAME CONSTRAINT a TO b", "RenameConstraint"),
        ("RENAME TO u", "RenameTable"),
        ("ENABLE ROW LEVEL SECURITY", "RowSecurity"),
        ("ALTER COLUMN a SET STATISTICS 100", "other ALTER COLUMN SET STATISTICS"),
        ("OWNER TO joe", "other OWNER TO JOE"),
        ("ADD a int, SET (fillfactor = 70)", "AddColumn, other SET"),
        ("ALTER a SET (n_distinct = 5)", "other ALTER COLUMN SET"),
    ] {
        check(&format!("ALTER TABLE IF EXISTS ONLY s.t {action}"), &format!("AlterTable {expected}"));
    }
}

#[test]
fn a_table_is_read_with_all_its_parts() {
    let text = r#"CREATE TABLE IF NOT EXISTS hr.users (
        id bigserial PRIMARY KEY,
        "Name" varchar(255) NOT NULL DEFAULT 'a' || 'b' CHECK (length("Name") > 1) NO INHERIT,
        role hr.userrole DEFAULT 'x'::hr.userrole NOT NULL,
        n integer GENERATED ALWAYS AS (id * 2) STORED,
        boss bigint CONSTRAINT fk_boss REFERENCES hr.users (id) ON DELETE SET NULL DEFERRABLE INITIALLY DEFERRED,
        k int GENERATED BY DEFAULT AS IDENTITY (START WITH 10 INCREMENT BY 2),
        CONSTRAINT uq UNIQUE NULLS NOT DISTINCT (boss, n) INCLUDE (k),
        FOREIGN KEY (boss, n) REFERENCES other MATCH FULL ON UPDATE CASCADE ON DELETE SET NULL (boss),
        EXCLUDE USING gist (n WITH =)
    ) WITH (fillfactor = 70)"#;
    let source = script(text);
    let StatementKind::CreateTable(table) = one(text) else { panic!("no table") };
    assert_eq!(table.name.name.to_string(), "hr.users");
    assert_eq!(source.slice(table.name.span), "hr.users");
    let columns: Vec<String> =
        table.columns.iter().map(|column| format!("{} {}", column.name.ident, column.type_name)).collect();
    assert_eq!(
        columns,
        [
            "id bigserial",
            "\"Name\" character varying(255)",
            "role hr.userrole",
            "n integer",
            "boss bigint",
            "k integer"
        ]
    );
    for column in &table.columns {
        assert_eq!(source.slice(column.source.span), column.source.text);
        assert!(column.source.text.starts_with(source.slice(column.name.span)));
        for constraint in &column.constraints {
            assert!(!source.slice(constraint.span).is_empty());
        }
    }
    let name = &table.columns[1].constraints;
    assert!(matches!(&name[1].kind, ColumnConstraintKind::Default(value) if value.source.text == "'a' || 'b'"));
    assert!(matches!(&name[2].kind, ColumnConstraintKind::Check(value) if value.source.text == "length(\"Name\") > 1"));
    assert!(name[2].timing.no_inherit);
    assert_eq!(source.slice(name[2].span), "CHECK (length(\"Name\") > 1) NO INHERIT");
    let boss = &table.columns[4].constraints[0];
    assert_eq!(boss.name.as_ref().unwrap().ident.as_str(), "fk_boss");
    assert!(boss.timing.deferrable && boss.timing.initially_deferred);
    assert!(matches!(&boss.kind, ColumnConstraintKind::References(to) if to.on_delete == ReferentialAction::SetNull));
    assert!(matches!(
        &table.columns[5].constraints[0].kind,
        ColumnConstraintKind::Identity(Identity { always: false, options })
            if options.start == Some(10) && options.source == "START WITH 10 INCREMENT BY 2"
    ));
    assert!(matches!(
        &table.constraints[0].kind,
        ConstraintKind::Unique { nulls_not_distinct: true, include, .. } if include.len() == 1
    ));
    assert!(matches!(
        &table.constraints[1].kind,
        ConstraintKind::ForeignKey { references, .. }
            if references.match_full && references.on_delete_columns.len() == 1 && references.columns.is_empty()
    ));
    assert_eq!(table.constraints[2].kind, ConstraintKind::Other);
    assert_eq!(table.constraints[2].source.text, "EXCLUDE USING gist (n WITH =)");
    assert_eq!(table.options.unwrap().text, "WITH (fillfactor = 70)");
}

#[test]
fn an_index_is_read_with_all_its_parts() {
    let text = "CREATE UNIQUE INDEX ux ON s.t USING gist (lower(a) COLLATE \"C\" x.ops DESC, (b + 1) NULLS FIRST, c \
                gist_trgm_ops (siglen = 32), nulls) INCLUDE (d) NULLS NOT DISTINCT WITH (fillfactor = 70, fastupdate) \
                TABLESPACE ts WHERE a IS NOT NULL AND b > 0";
    let StatementKind::CreateIndex(index) = one(text) else { panic!("no index") };
    assert!(index.unique && index.nulls_not_distinct);
    assert_eq!(index.method.as_str(), "gist");
    assert_eq!(index.keys.len(), 4);
    assert!(matches!(&index.keys[0].target, IndexTarget::Expression(call) if call.source.text == "lower(a)"));
    assert_eq!(index.keys[0].collation.as_ref().unwrap().to_string(), "\"C\"");
    assert_eq!(index.keys[0].operator_class.as_ref().unwrap().to_string(), "x.ops");
    assert!(index.keys[0].descending && index.keys[0].nulls_first);
    assert!(matches!(&index.keys[1].target, IndexTarget::Expression(sum) if sum.source.text == "b + 1"));
    assert!(index.keys[1].nulls_first && !index.keys[1].descending);
    assert_eq!(index.keys[2].operator_class_parameters.as_deref(), Some("siglen = 32"));
    assert!(matches!(&index.keys[3].target, IndexTarget::Column(name) if name.as_str() == "nulls"));
    assert_eq!(
        index.storage,
        [("fillfactor".to_owned(), "70".to_owned()), ("fastupdate".to_owned(), "true".to_owned())]
    );
    assert_eq!(index.predicate.unwrap().source.text, "a IS NOT NULL AND b > 0");
    assert!(index.definition.text.starts_with("USING gist (") && index.definition.text.ends_with("b > 0"));
}

#[test]
fn data_statements_are_read() {
    let StatementKind::Update(update) = one("UPDATE s.t AS x SET a = DEFAULT, b = lower(x.b) WHERE x.a IS NULL") else {
        panic!("no update")
    };
    assert_eq!(update.alias.unwrap().as_str(), "x");
    assert_eq!(update.assignments.len(), 2);
    assert_eq!(update.assignments[0].value.tree, Expr::Default);
    assert!(!update.complex);
    for complex in [
        "UPDATE t SET a = 1 FROM u WHERE t.id = u.id",
        "UPDATE ONLY t SET a = 1",
        "UPDATE t SET (a, b) = (1, 2)",
        "UPDATE t SET a[1] = 2",
        "UPDATE t SET a = 1 RETURNING a",
        "UPDATE t SET a = 1 WHERE CURRENT OF c",
    ] {
        assert!(matches!(one(complex), StatementKind::Update(Update { complex: true, .. })), "{complex}");
    }
    let text = "INSERT INTO t (a, b) VALUES ('x', -1), (DEFAULT, (SELECT 1)) \
                ON CONFLICT (a) DO UPDATE SET b = EXCLUDED.b";
    let StatementKind::Insert(insert) = one(text) else { panic!("no insert") };
    let rows = insert.rows.unwrap();
    assert_eq!((rows.len(), rows[0].len()), (2, 2));
    assert_eq!(rows[1][0].tree, Expr::Default);
    assert!(matches!(rows[1][1].tree, Expr::Other(_)));
    let conflict = insert.on_conflict.unwrap();
    assert_eq!(conflict.columns.len(), 1);
    assert_eq!(conflict.update.unwrap().len(), 1);
    assert!(!conflict.complex && !insert.complex);
    for complex in [
        "INSERT INTO t AS x (a) VALUES (1)",
        "INSERT INTO t OVERRIDING SYSTEM VALUE VALUES (1)",
        "INSERT INTO t VALUES (1) RETURNING a",
        "INSERT INTO t WITH a AS (SELECT 1) SELECT * FROM a",
    ] {
        assert!(matches!(one(complex), StatementKind::Insert(Insert { complex: true, .. })), "{complex}");
    }
    for query in ["INSERT INTO t SELECT 1", "INSERT INTO t DEFAULT VALUES", "INSERT INTO t (SELECT 1)"] {
        assert!(matches!(one(query), StatementKind::Insert(Insert { rows: None, .. })), "{query}");
    }
    for target in ["(lower(a)) DO NOTHING", "(a) WHERE b DO NOTHING", "(a) DO UPDATE SET b = 1 WHERE t.b > 2"] {
        let StatementKind::Insert(insert) = one(&format!("INSERT INTO t VALUES (1) ON CONFLICT {target}")) else {
            panic!("no insert")
        };
        assert!(insert.on_conflict.unwrap().complex, "{target}");
    }
}

#[test]
fn scripts_are_cut_at_the_right_places() {
    let text = "\
-- first
SELECT 1; ;;
/* ; */ CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END;
DO $x$ BEGIN PERFORM 1; END $x$ ; -- after é;x
CREATE RULE r AS ON INSERT TO t DO ALSO (SELECT 1; SELECT 2);
INSERT INTO t VALUES ('a;b') -- last
";
    let source = script(text);
    let found: Vec<&str> = read(text).statements.iter().map(|statement| source.slice(statement.span)).collect();
    assert_eq!(
        found,
        [
            "SELECT 1",
            "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END",
            "DO $x$ BEGIN PERFORM 1; END $x$",
            "CREATE RULE r AS ON INSERT TO t DO ALSO (SELECT 1; SELECT 2)",
            "INSERT INTO t VALUES ('a;b')",
        ]
    );
}

#[test]
fn data_behind_copy_is_no_sql() {
    let parsed = read("COPY t FROM STDIN;\n1\t'open\n\\.\nSELECT 1;");
    assert_eq!(parsed.statements.len(), 2);
}

#[test]
fn directives_belong_to_the_file_or_to_the_statement_below() {
    let parsed = read(
        "-- ensure:title Half-day leaves\n-- ensure:allow rewrite -- small\n-- ensure:tx none\n\n\
         ALTER TABLE t ADD a int;\n\n\
         -- some words\n-- ensure:unless SELECT EXISTS (\n--   SELECT 1 FROM t\n--   WHERE a = 1)\n-- more words\n\
         -- ensure:batch 1_000\nUPDATE t SET a = 1 WHERE a IS NULL;\n\
         --ensure:accept s.t.a varchar\n\
         -- ensure:verify no a is 2\nSELECT 1 FROM t WHERE a = 2;\n\
         -- ensure:down UPDATE t SET a = NULL\n--   WHERE a = 1; DROP INDEX i;\n-- ensure:always\nALTER TABLE t DROP a;\n",
    );
    let keys: Vec<String> =
        parsed.directives.iter().map(|directive| first_word(&format!("{:?}", directive.kind))).collect();
    assert_eq!(keys, ["Title", "Allow", "Transaction", "Accept"]);
    assert!(parsed.statements[0].directives.is_empty());
    assert!(matches!(
        &parsed.statements[1].directives[..],
        [Directive { kind: DirectiveKind::Unless(query), .. }, Directive { kind: DirectiveKind::Batch(1000), .. }]
            if query.text == "SELECT EXISTS (\nSELECT 1 FROM t\nWHERE a = 1)"
    ));
    assert_eq!(parsed.verifies.len(), 1);
    assert_eq!(parsed.verifies[0].query.text, "SELECT 1 FROM t WHERE a = 2");
    let [Directive { kind: DirectiveKind::Down(down), .. }, Directive { kind: DirectiveKind::Always, .. }] =
        &parsed.statements[2].directives[..]
    else {
        panic!("{:?}", parsed.statements[2].directives)
    };
    let down: Vec<&str> = down.iter().map(|statement| statement.text.as_str()).collect();
    assert_eq!(down, ["UPDATE t SET a = NULL\n     WHERE a = 1", "DROP INDEX i"]);
}

#[test]
fn a_block_that_touches_the_first_statement_belongs_to_it() {
    let parsed = read("-- ensure:title T\n-- ensure:allow drop\nDROP TABLE t;");
    assert_eq!((parsed.directives.len(), parsed.statements[0].directives.len()), (1, 1));
    let parsed = read("-- ensure:allow drop\r\n\r\nDROP TABLE t;");
    assert_eq!((parsed.directives.len(), parsed.statements[0].directives.len()), (1, 0));
}

#[test]
fn words_about_ensuring_are_no_directives() {
    for text in [
        "-- we ensure: nothing\nSELECT 1",
        "SELECT '-- ensure:nonsense'",
        "SELECT $$\n-- ensure:nonsense\n$$",
        "/* -- ensure:nonsense */ SELECT 1",
        "-- ensure that all is well\nSELECT 1",
    ] {
        assert_eq!(read(text).statements.len(), 1, "{text}");
    }
}

/// Reads a script that is wrong, and gives the codes and the marked texts.
fn errors(text: &str) -> Vec<(&'static str, String)> {
    let source = script(text);
    let errors = parse(&source).expect_err(text);
    errors
        .iter()
        .map(|error| {
            assert!(!error.help().is_empty() && !error.to_string().is_empty());
            assert!(SqlError::codes().contains(&error.code()));
            (error.code(), source.slice(error.span()).to_owned())
        })
        .collect()
}

#[test]
fn everything_wrong_is_reported_with_its_place() {
    let long = "x".repeat(64);
    let deep = format!("SELECT {}1{}", "(".repeat(1_001), ")".repeat(1_001));
    for (text, expected) in [
        ("SELECT 1; SELEC 2; SELECT 3; CREATE TABLE (a int)".to_owned(), vec!["syntax-error", "syntax-error"]),
        ("SELECT 'open".to_owned(), vec!["syntax-error"]),
        ("SELECT 1 /* open".to_owned(), vec!["syntax-error"]),
        ("DO $x$ BEGIN".to_owned(), vec!["syntax-error"]),
        ("SELECT 1;\0".to_owned(), vec!["nul-byte"]),
        ("SELECT 1;\n\u{feff}SELECT 2".to_owned(), vec!["byte-order-mark-inside"]),
        ("\\i other.sql\nSELECT 1;\n\\d".to_owned(), vec!["psql-command", "psql-command"]),
        (format!("ALTER TABLE t ADD {long} int"), vec!["identifier-too-long"]),
        (deep, vec!["nested-too-deeply"]),
        ("-- ensure:titel x\nSELECT 1".to_owned(), vec!["unknown-directive"]),
        ("-- Ensure:title x\nSELECT 1".to_owned(), vec!["unknown-directive"]),
        ("-- ensure : title x\nSELECT 1".to_owned(), vec!["unknown-directive"]),
        ("-- ensure:allow rewritte\nSELECT 1".to_owned(), vec!["bad-directive-value"]),
        ("-- ensure:tx all\nSELECT 1".to_owned(), vec!["bad-directive-value"]),
        ("-- ensure:batch 0\nSELECT 1".to_owned(), vec!["bad-directive-value"]),
        ("-- ensure:when DELETE FROM t\nSELECT 1".to_owned(), vec!["bad-directive-value"]),
        ("-- ensure:when SELECT FROM WHERE\nSELECT 1".to_owned(), vec!["bad-directive-value"]),
        ("-- ensure:unless\nSELECT 1".to_owned(), vec!["bad-directive-value"]),
        ("-- ensure:accept t varchar\nSELECT 1".to_owned(), vec!["bad-directive-value"]),
        ("-- ensure:always yes\nSELECT 1".to_owned(), vec!["bad-directive-value"]),
        ("-- ensure:verify\nSELECT 1".to_owned(), vec!["bad-directive-value"]),
        ("-- ensure:verify x\nDROP TABLE t".to_owned(), vec!["bad-directive-value"]),
        ("-- ensure:verify x\n".to_owned(), vec!["misplaced-directive"]),
        ("-- ensure:always\n\nSELECT 1".to_owned(), vec!["misplaced-directive"]),
        ("SELECT 1;\n-- ensure:allow drop\n\nSELECT 1".to_owned(), vec!["misplaced-directive"]),
        ("SELECT 1; -- ensure:allow drop\nSELECT 1".to_owned(), vec!["misplaced-directive"]),
        ("ALTER TABLE t\n-- ensure:allow drop\nDROP a".to_owned(), vec!["misplaced-directive"]),
        ("-- ensure:title a\n-- ensure:title b\nSELECT 1".to_owned(), vec!["duplicate-directive"]),
        ("-- ensure:down\nSELECT 1".to_owned(), vec!["bad-directive-value"]),
        ("-- ensure:down DROP TABLE t\n\nSELECT 1".to_owned(), vec!["misplaced-directive"]),
        ("-- ensure:down DROP TABLE t;\n--   DROP INDEKS i\nSELECT 1".to_owned(), vec!["syntax-error"]),
    ] {
        let found: Vec<&str> = errors(&text).into_iter().map(|(code, _)| code).collect();
        assert_eq!(found, expected, "{}", text.chars().take(60).collect::<String>());
    }
    assert_eq!(errors("SELECT 1;\n\\i x")[0].1, "\\i x");
    assert_eq!(errors("ALTER TABLE t ADD COLUMN;\n")[0].0, "syntax-error");
    assert!(errors("-- é\n-- ensure:down DROP INDEX é;\n--    DROP INDEKS i\nSELECT 1")[0].1.starts_with("INDEKS"));
}

#[test]
fn suggestions_name_what_was_meant() {
    for (text, help) in [
        ("-- ensure:titel x", "write `-- ensure:title`"),
        ("-- Ensure:Title x", "write `-- ensure:title`"),
        ("-- ensure:keep_old\nSELECT 1", "write `-- ensure:keep-old`"),
        ("-- ensure:allow rewrit\nSELECT 1", "write `-- ensure:allow rewrite`"),
        ("-- ensure:online alway\nSELECT 1", "write `-- ensure:online always`"),
    ] {
        let found = parse(&script(text)).expect_err(text);
        assert_eq!(found[0].help(), help, "{text}");
    }
}

#[test]
fn depth_never_ends_the_process() {
    for text in [
        format!("SELECT 1{}", " + 1".repeat(100_000)),
        format!("SELECT {}1", "- ".repeat(100_000)),
        format!("SELECT {}true", "NOT ".repeat(100_000)),
        format!("SELECT {}1{}", "CASE WHEN true THEN ".repeat(50_000), " END".repeat(50_000)),
        format!("SELECT {}1{}", "(SELECT ".repeat(50_000), ")".repeat(50_000)),
        format!("SELECT 1{}", " UNION SELECT 1".repeat(50_000)),
        format!("SELECT a{}", "[1]".repeat(100_000)),
        format!("SELECT a{}", "::int".repeat(100_000)),
        format!("SELECT {}", "(".repeat(100_000)),
        format!("SELECT * FROM a{}", " JOIN a ON true".repeat(50_000)),
        format!("ALTER TABLE t ADD a int DEFAULT {}1{}", "(".repeat(100_000), ")".repeat(100_000)),
        format!("CREATE FUNCTION f() RETURNS int {} SELECT 1", "BEGIN ATOMIC ".repeat(10_000)),
        format!("{}SELECT 1", "EXPLAIN ".repeat(50_000)),
        format!("SELECT {}1{}", "f(".repeat(999), ")".repeat(999)),
        format!("SELECT 1{}", " + 1".repeat(4_900)),
        format!("SELECT {}1{}", "CASE WHEN true THEN ".repeat(900), " END".repeat(900)),
        format!("SELECT a{}", "[1]".repeat(4_000)),
        format!("SELECT 1 {}", "a ".repeat(100_000)),
        format!("SELECT a {}", "IS TRUE ".repeat(4_000)),
    ] {
        let _ = parse(&script(&text));
    }
}

#[test]
fn checksums_follow_the_tokens() {
    let one = checksum(&script("SELECT 1, 'a'"));
    assert_eq!(one.len(), 64);
    assert_eq!(one, checksum(&script("-- note\nSELECT  1 ,/* x */ 'a'\n")));
    assert_ne!(one, checksum(&script("SELECT 1, 'b'")));
    assert_ne!(checksum(&script("a b")), checksum(&script("ab")));
}

/// Statements to mutate.
const SEEDS: &[&str] = &[
    "ALTER TABLE s.t ADD COLUMN IF NOT EXISTS c varchar(20) DEFAULT 'x'::text NOT NULL, DROP COLUMN d CASCADE;",
    "CREATE TABLE t (id serial PRIMARY KEY, a int REFERENCES u (id) ON DELETE CASCADE, CHECK (a > 0 AND b IN (1, 2)));",
    "CREATE UNIQUE INDEX CONCURRENTLY i ON t USING btree (lower(a) DESC NULLS LAST, (b + 1)) WHERE a IS NOT NULL;",
    "INSERT INTO t (a, b) VALUES ('x', -1.5e3), (DEFAULT, now()) ON CONFLICT (a) DO UPDATE SET b = EXCLUDED.b;",
    "UPDATE t SET a = CASE WHEN b BETWEEN 1 AND 2 THEN E'\\n' ELSE U&'\\0061' END WHERE a IS NULL;",
    "CREATE TYPE r AS ENUM ('a', 'b'); ALTER TYPE r ADD VALUE 'c' BEFORE 'a';",
    "-- ensure:unless SELECT true\nCREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; END;",
    "CREATE SEQUENCE s AS bigint INCREMENT BY -2 NO MAXVALUE OWNED BY t.id; DROP INDEX IF EXISTS a, b;",
];

fn tokens_of(text: &str) -> Vec<&str> {
    lexer::Lexer::new(text).map(|token| &text[token.span.range()]).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_makes_it_panic(text in "(\\PC|\\s|;|'|\"|\\(|--|ensure:|\\$\\$|SELECT |CREATE TABLE ){0,80}") {
        let _ = parse(&script(&text));
        let _ = parse_expression(&text);
    }

    #[test]
    fn mutated_statements_are_read_as_the_full_grammar_reads_them(
        seed in 0..SEEDS.len(), at in any::<prop::sample::Index>(), other in any::<prop::sample::Index>(), how in 0..3_u8,
    ) {
        let mut tokens = tokens_of(SEEDS[seed]);
        let (at, other) = (at.index(tokens.len()), other.index(tokens.len()));
        match how {
            0 => { tokens.remove(at); }
            1 => tokens.swap(at, other),
            _ => { let token = tokens[other]; tokens.insert(at, token); }
        }
        let text = tokens.join("\n");
        if let Ok(parsed) = parse(&script(&text)) {
            for statement in &parsed.statements {
                let source = &text[statement.span.range()];
                let judged = grammar::syntax_errors(source, Span::new(0, 0));
                let strict = !matches!(statement.kind, StatementKind::Forbidden { .. });
                prop_assert!(!strict || judged.is_none(), "{source}\n{judged:?}");
            }
        }
    }

    #[test]
    fn cutting_loses_nothing_but_separators(pieces in prop::collection::vec(0..SEEDS.len(), 0..6)) {
        let text: String = pieces.iter().map(|seed| SEEDS[*seed]).collect::<Vec<_>>().join("\n");
        let parsed = parse(&script(&text)).unwrap();
        let mut kept: Vec<&str> = Vec::new();
        for statement in &parsed.statements {
            kept.extend(tokens_of(&text[statement.span.range()]));
        }
        let all: Vec<&str> = pieces
            .iter()
            .flat_map(|seed| parse(&script(SEEDS[*seed])).unwrap().statements.into_iter().map(move |s| (seed, s.span)))
            .flat_map(|(seed, span)| tokens_of(&SEEDS[*seed][span.range()]))
            .collect();
        prop_assert_eq!(kept, all);
    }
}
