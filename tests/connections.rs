//! Connecting to real servers, and recognising their errors. Needs PostgreSQL's server binaries.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::unreachable,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test fails by panicking, and says what it is about"
)]
#![expect(clippy::disallowed_methods, reason = "a test of time-outs and of the environment")]

use std::{
    env, fs,
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        LazyLock,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use diesel::{
    Connection, PgConnection, RunQueryDsl,
    connection::SimpleConnection,
    sql_query,
    sql_types::{Integer, Text},
};
use hrms_migrate::{
    db::{ConnectErrorKind, Sent, ServerError, ServerErrorKind, connect, connect_waiting},
    pg::{ConnectionTarget, LockTimeout, StatementTimeout, quote_literal},
};

const PASSWORD: &str = "gehe:im@/%'\\ x";

/// A private server, stopped and removed when dropped.
struct Cluster {
    directory: PathBuf,
    port: u16,
}

/// Runs a script as a user that PostgreSQL accepts: it refuses root.
fn shell(script: &str) -> Option<String> {
    let is_root = Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n");
    let mut command = if is_root {
        let mut command = Command::new("su");
        command.args(["postgres", "-s", "/bin/sh", "-c", script]);
        command
    } else {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    };
    // The output of a server started in the background must not keep this waiting.
    let output = command.current_dir("/").stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn binaries() -> Option<PathBuf> {
    let mut candidates: Vec<PathBuf> = env::var_os("HRMS_TEST_PG_BINDIR").map(PathBuf::from).into_iter().collect();
    if let Ok(versions) = fs::read_dir("/usr/lib/postgresql") {
        let mut versions: Vec<PathBuf> = versions.flatten().map(|entry| entry.path().join("bin")).collect();
        versions.sort();
        candidates.extend(versions.into_iter().rev());
    }
    candidates.into_iter().find(|directory| directory.join("initdb").exists())
}

impl Cluster {
    /// Makes a cluster with `settings` in its configuration; it does not run yet.
    fn create(settings: &str) -> Option<Self> {
        let binaries = binaries()?;
        let directory = PathBuf::from(shell("mktemp -d")?);
        let port = TcpListener::bind("127.0.0.1:0").ok()?.local_addr().ok()?.port();
        let at = directory.display();
        let hba = "local all postgres trust\nlocal all nopeer peer\nhost all pw 127.0.0.1/32 scram-sha-256\n\
                   hostssl all tlsonly 127.0.0.1/32 trust\n\
                   host all trusted,limited,sleeper,ghost 127.0.0.1/32 trust\n";
        shell(&format!(
            "set -e; {bin}/initdb -D {at}/data -A trust -U postgres -E UTF8 --no-locale --no-sync >/dev/null
             cat > {at}/data/pg_hba.conf <<'END'\n{hba}END\n\
             cat >> {at}/data/postgresql.conf <<'END'\nport={port}\nlisten_addresses='127.0.0.1'\nfsync=off\n\
             password_encryption='scram-sha-256'\nunix_socket_directories='{at}'\n{settings}\nEND\n",
            bin = binaries.display(),
        ))?;
        Some(Self { directory, port })
    }

    fn start(&self, options: &str, environment: &str) -> Option<()> {
        let (at, bin) = (self.directory.display(), binaries()?);
        shell(&format!("{environment} {}/pg_ctl -D {at}/data -l {at}/log {options} start >/dev/null", bin.display()))?;
        Some(())
    }

    fn prepare(&self) {
        let password = PASSWORD.replace('\'', "''");
        self.admin("postgres")
            .batch_execute(&format!(
                "CREATE ROLE pw LOGIN PASSWORD '{password}'; CREATE ROLE trusted LOGIN; CREATE ROLE tlsonly LOGIN;
                 CREATE ROLE limited LOGIN CONNECTION LIMIT 0; CREATE ROLE sleeper NOLOGIN; CREATE ROLE nopeer LOGIN"
            ))
            .unwrap();
        for sql in [
            "CREATE DATABASE closed",
            "REVOKE CONNECT ON DATABASE closed FROM PUBLIC",
            "CREATE DATABASE shut ALLOW_CONNECTIONS false",
        ] {
            self.admin("postgres").batch_execute(sql).unwrap();
        }
    }

    fn admin(&self, database: &str) -> PgConnection {
        connect(&self.socket("postgres", database)).unwrap()
    }

    fn socket(&self, user: &str, database: &str) -> ConnectionTarget {
        let text = format!("host={} port={} user={user} dbname={database}", self.directory.display(), self.port);
        ConnectionTarget::parse(&text).unwrap()
    }

    fn tcp(&self, user: &str, database: &str) -> ConnectionTarget {
        let text = format!("postgres://{user}@127.0.0.1:{}/{database}?connect_timeout=5", self.port);
        ConnectionTarget::parse(&text).unwrap()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let at = self.directory.display();
        if let Some(bin) = binaries() {
            let _ = shell(&format!("{}/pg_ctl -D {at}/data -m immediate -w stop >/dev/null", bin.display()));
        }
        let _ = shell(&format!("rm -rf {at}"));
    }
}

/// Fails where servers are required, and says so where they are not.
fn not_run(why: &str) {
    assert!(env::var_os("HRMS_TEST_REQUIRE_SERVER").is_none(), "not run: {why}");
    eprintln!("NOT RUN: {why}");
}

/// The server of most tests. A static is never dropped, so it is stopped by the last test that lets go of it.
fn with_server(test: impl FnOnce(&Cluster)) {
    use std::sync::{Arc, Mutex, Weak};
    static SHARED: LazyLock<Mutex<Weak<Cluster>>> = LazyLock::new(Mutex::default);
    let cluster = {
        let mut shared = SHARED.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(cluster) = shared.upgrade() {
            cluster
        } else {
            let Some(cluster) = Cluster::create("") else { return not_run("no PostgreSQL server binaries found") };
            cluster.start("-w", "").unwrap();
            cluster.prepare();
            let cluster = Arc::new(cluster);
            *shared = Arc::downgrade(&cluster);
            cluster
        }
    };
    test(&cluster);
}

fn check(target: &ConnectionTarget, kind: ConnectErrorKind) {
    let error = connect(target).map(|_| ()).unwrap_err();
    let shown = format!("{error} | {error:?} | {} | {}", error.why(), error.help());
    assert_eq!(error.kind, kind, "{shown}");
    assert!(!shown.contains("gehe"), "{shown}");
    eprintln!("{error}\n  = why: {}\n  = help: {}", error.why(), error.help());
}

fn with(mut target: ConnectionTarget, keyword: &str, value: &str) -> ConnectionTarget {
    target.set(keyword, value);
    target
}

#[test]
fn each_refusal_of_the_server_is_recognised() {
    with_server(|server| {
        assert!(connect(&with(server.tcp("pw", "postgres"), "password", PASSWORD)).is_ok());
        let wrong = with(server.tcp("pw", "postgres"), "password", "gehe nicht");
        check(&wrong, ConnectErrorKind::WrongPassword);
        check(&with(server.tcp("pw", "postgres"), "passfile", "/nowhere"), ConnectErrorKind::NoPassword);
        check(&server.tcp("trusted", "nowhere"), ConnectErrorKind::MissingDatabase);
        check(&server.tcp("trusted", "role "), ConnectErrorKind::MissingDatabase);
        check(&server.tcp("ghost", "postgres"), ConnectErrorKind::MissingRole);
        check(&server.tcp("stranger", "postgres"), ConnectErrorKind::Rejected);
        check(&server.socket("nopeer", "postgres"), ConnectErrorKind::Rejected);
        check(&server.tcp("sleeper", "postgres"), ConnectErrorKind::LoginNotAllowed);
        check(&server.tcp("trusted", "closed"), ConnectErrorKind::NoConnectPrivilege);
        check(&server.tcp("trusted", "shut"), ConnectErrorKind::DatabaseNotAccepting);
        check(&server.tcp("limited", "postgres"), ConnectErrorKind::TooManyConnections);
        let standby = with(server.tcp("trusted", "postgres"), "target_session_attrs", "standby");
        check(&standby, ConnectErrorKind::SessionAttributes);
        check(&with(server.tcp("trusted", "postgres"), "options", "-c nonsense=1"), ConnectErrorKind::BadParameter);
        check(&with(server.tcp("trusted", "postgres"), "sslmode", "require"), ConnectErrorKind::TlsRequired);
        let several = with(server.tcp("trusted", "nowhere"), "host", "127.0.0.1,127.0.0.1");
        check(&with(several, "port", &format!("1,{}", server.port)), ConnectErrorKind::MissingDatabase);
    });
}

#[test]
fn without_a_server_the_network_tells_what_is_missing() {
    let parse = |text: &str| ConnectionTarget::parse(text).unwrap();
    check(&parse("postgres://u:geheim@127.0.0.1:1/x"), ConnectErrorKind::Refused);
    check(&parse("postgres://u:geheim@no-such-host.invalid/x"), ConnectErrorKind::UnknownHost);
    check(&parse("postgres:///x?host=/nowhere&user=u"), ConnectErrorKind::SocketMissing);
    check(&parse("service=nowhere"), ConnectErrorKind::BadParameter);
    check(&parse("postgres://u@127.0.0.1:1/x?sslrootcert=system&sslmode=require"), ConnectErrorKind::BadParameter);

    // One that accepts and says nothing, and one that hangs up.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = format!("postgres://u@{}/x?connect_timeout=2", listener.local_addr().unwrap());
    check(&parse(&silent), ConnectErrorKind::TimedOut);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            for stream in listener.incoming() {
                drop(stream);
                if stop.load(Ordering::Relaxed) {
                    break;
                }
            }
        });
        check(&parse(&format!("postgres://u@{address}/x?sslmode=disable")), ConnectErrorKind::ServerClosed);
        check(&parse(&format!("postgres://u@{address}/x")), ConnectErrorKind::ServerClosed);
        stop.store(true, Ordering::Relaxed);
        drop(TcpStream::connect(address));
    });
}

#[test]
fn certificates_are_verified_where_asked() {
    let Some(server) = Cluster::create("ssl=on\nssl_cert_file='../server.crt'\nssl_key_file='../server.key'") else {
        return not_run("no PostgreSQL server binaries found");
    };
    let at = server.directory.display().to_string();
    let made = shell(&format!(
        "cd {at} && umask 077 && openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost \
         -addext subjectAltName=DNS:localhost -keyout server.key -out server.crt && chmod 644 server.crt"
    ));
    if made.is_none() {
        return not_run("no openssl command to make a certificate");
    }
    server.start("-w", "").unwrap();
    server.prepare();
    let tls = |mode: &str| with(server.tcp("tlsonly", "postgres"), "sslmode", mode);
    let encrypted = |target: &ConnectionTarget| {
        #[derive(diesel::QueryableByName)]
        struct Row {
            #[diesel(sql_type = Text)]
            version: String,
        }
        let mut connection = connect(target).unwrap();
        sql_query("SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
            .get_result::<Row>(&mut connection)
            .unwrap()
            .version
    };
    assert_eq!(encrypted(&tls("require")), "TLSv1.3");
    assert_eq!(encrypted(&tls("prefer")), "TLSv1.3");
    check(&tls("disable"), ConnectErrorKind::Rejected);
    let certificate = format!("{at}/server.crt");
    let named = |host: &str, mode: &str| {
        let target = with(with(tls(mode), "hostaddr", "127.0.0.1"), "host", host);
        with(target, "sslrootcert", &certificate)
    };
    assert_eq!(encrypted(&named("localhost", "verify-full")), "TLSv1.3");
    assert_eq!(encrypted(&named("other.example", "verify-ca")), "TLSv1.3");
    check(&named("other.example", "verify-full"), ConnectErrorKind::CertificateNotVerified);
    check(&with(tls("verify-full"), "sslrootcert", "/nowhere.crt"), ConnectErrorKind::CertificateNotVerified);
    // The certificates that the distribution trusts do not include this one.
    let system = with(named("localhost", "verify-full"), "sslrootcert", "system");
    check(&system, ConnectErrorKind::CertificateNotVerified);
}

#[test]
fn a_server_that_starts_is_waited_for() {
    // A standby without hot_standby stays in the state of starting.
    let Some(server) = Cluster::create("hot_standby=off\nrestore_command='false'") else {
        return not_run("no PostgreSQL server binaries found");
    };
    let target = server.tcp("trusted", "postgres");
    let stop = AtomicBool::new(false);
    check(&target, ConnectErrorKind::Refused);
    shell(&format!("touch {}/data/standby.signal", server.directory.display())).unwrap();
    server.start("-W", "").unwrap();
    let mut heard = Vec::new();
    let started = Instant::now();
    let error = connect_waiting(&target, Duration::from_secs(3), &stop, &mut |error, _| heard.push(error.kind));
    assert_eq!(error.map(|_| ()).unwrap_err().kind, ConnectErrorKind::StartingUp);
    assert!((3..6).contains(&started.elapsed().as_secs()), "{:?}", started.elapsed());
    assert!(heard.contains(&ConnectErrorKind::StartingUp), "{heard:?}");

    // A signal ends the waiting.
    let started = Instant::now();
    let mut on_wait = |_: &_, _| stop.store(true, Ordering::Relaxed);
    assert!(connect_waiting(&target, Duration::from_mins(1), &stop, &mut on_wait).is_err());
    assert!(started.elapsed() < Duration::from_secs(3));
    stop.store(false, Ordering::Relaxed);

    // Promoted while somebody waits: the role is not there, and that is no reason to wait on.
    thread::scope(|scope| {
        scope.spawn(|| {
            thread::sleep(Duration::from_millis(500));
            let bin = binaries().unwrap();
            shell(&format!("{}/pg_ctl -D {}/data promote", bin.display(), server.directory.display()))
        });
        let error = connect_waiting(&target, Duration::from_mins(1), &stop, &mut |_, _| {});
        assert_eq!(error.map(|_| ()).unwrap_err().kind, ConnectErrorKind::MissingRole);
    });
}

#[test]
fn german_servers_are_understood() {
    let Some(server) = Cluster::create("lc_messages='de_DE.UTF-8'") else {
        return not_run("no PostgreSQL server binaries found");
    };
    let locales = server.directory.join("locales");
    let at = locales.display();
    // localedef warns about nothing that matters and then ends with 1.
    let _ = shell(&format!("mkdir {at} && localedef -i de_DE -f UTF-8 {at}/de_DE.UTF-8"));
    if !Path::new(&locales.join("de_DE.UTF-8/LC_MESSAGES")).exists() {
        eprintln!("NOT RUN: no German locale can be made here");
        return;
    }
    server.start("-w", &format!("LOCPATH={at}")).unwrap();
    server.prepare();
    let german = connect(&server.tcp("trusted", "nowhere")).map(|_| ()).unwrap_err();
    if !german.why().contains("existiert nicht") {
        eprintln!("NOT RUN: this server has no German messages");
        return;
    }
    check(&server.tcp("trusted", "nowhere"), ConnectErrorKind::MissingDatabase);
    check(&server.tcp("ghost", "postgres"), ConnectErrorKind::MissingRole);
    check(&server.tcp("stranger", "postgres"), ConnectErrorKind::Rejected);
    check(&with(server.tcp("pw", "postgres"), "password", "gehe nicht"), ConnectErrorKind::WrongPassword);
    check(&server.socket("nopeer", "postgres"), ConnectErrorKind::Rejected);
    check(&server.tcp("trusted", "closed"), ConnectErrorKind::NoConnectPrivilege);
    check(&server.tcp("limited", "postgres"), ConnectErrorKind::TooManyConnections);

    // Where lc_messages may not be set, what we set ourselves tells what happened.
    let (mut holder, mut waiter) = (server.admin("postgres"), server.admin("postgres"));
    holder.batch_execute("CREATE TABLE t (id int)").unwrap();
    holder.batch_execute("BEGIN; LOCK TABLE t").unwrap();
    waiter.batch_execute("SET lock_timeout = 100").unwrap();
    let sql = "ALTER TABLE t ADD COLUMN c int";
    let started = Instant::now();
    let error = waiter.batch_execute(sql).unwrap_err();
    let sent = Sent { elapsed: started.elapsed(), lock_timeout: Some(LockTimeout::from_millis(100)), ..Sent::new(sql) };
    let error = ServerError::recognise(&error, sent);
    assert_eq!(error.kind, ServerErrorKind::LockTimeout, "{error:?}");
    let error = waiter.batch_execute("SELECT 'geheim'::int").unwrap_err();
    let error = ServerError::recognise(&error, Sent::default());
    assert!(!error.message.contains("geheim"), "{error:?}");
}

#[test]
#[expect(clippy::too_many_lines, reason = "one case per error")]
fn errors_of_statements_are_recognised_and_hold_no_values() {
    use ServerErrorKind as Kind;
    with_server(|server| {
        server.admin("postgres").batch_execute("CREATE DATABASE statements").unwrap();
        let mut admin = server.admin("statements");
        admin
            .batch_execute(
                "SET lc_messages = 'C';
                 CREATE TABLE p (id int PRIMARY KEY, name text NOT NULL CHECK (name <> 'geheim'),
                                 CONSTRAINT u UNIQUE (name));
                 CREATE TABLE c (id int REFERENCES p); CREATE VIEW v AS SELECT name FROM p;
                 CREATE TYPE e AS ENUM ('a'); INSERT INTO p VALUES (1, 'heimlich geheim');
                 CREATE TABLE n (name text); INSERT INTO n VALUES (NULL), ('x'), ('x'), ('geheim')",
            )
            .unwrap();
        for (sql, kind, message) in [
            (
                "INSERT INTO p VALUES (2, 'heimlich geheim')",
                Kind::UniqueViolation,
                "duplicate key value violates unique constraint \"u\"",
            ),
            ("CREATE UNIQUE INDEX ON n (name)", Kind::UniqueViolation, "could not create unique index \"n_name_idx\""),
            (
                "INSERT INTO c VALUES (9)",
                Kind::ForeignKeyViolation,
                "insert or update on table \"c\" violates foreign key constraint \"c_id_fkey\"",
            ),
            (
                "ALTER TABLE n ALTER name SET NOT NULL",
                Kind::NotNullViolation,
                "column \"name\" of relation \"n\" contains null values",
            ),
            (
                "ALTER TABLE n ADD CHECK (name <> 'geheim')",
                Kind::CheckViolation,
                "check constraint \"n_name_check\" of relation \"n\" is violated by some row",
            ),
            (
                "ALTER TABLE p ALTER name TYPE int USING name::int",
                Kind::DependentObjects,
                "cannot alter type of a column used by a view or rule",
            ),
            (
                "ALTER TABLE n ALTER name TYPE int USING name::int",
                Kind::InvalidData,
                "invalid input syntax for type integer",
            ),
            (
                "ALTER TABLE n ALTER name TYPE int",
                Kind::DatatypeMismatch,
                "column \"name\" cannot be cast automatically to type integer",
            ),
            (
                "ALTER TABLE n ALTER name TYPE varchar(3)",
                Kind::InvalidData,
                "value too long for type character varying(3)",
            ),
            ("SELECT 'geheim'::e", Kind::InvalidData, "invalid input value for enum e"),
            ("SELECT 99999999999::int", Kind::InvalidData, "integer out of range"),
            ("SELECT 12345::numeric(3,1)", Kind::InvalidData, "numeric field overflow"),
            ("SELECT '1990-13-41'::date", Kind::InvalidData, "date/time field value out of range"),
            ("DROP TABLE p", Kind::DependentObjects, "cannot drop table p because other objects depend on it"),
            ("SELECT * FROM missing", Kind::UndefinedTable, "relation \"missing\" does not exist"),
            ("SELECT missing FROM p", Kind::UndefinedColumn, "column \"missing\" does not exist"),
            ("SELECT 1::missing", Kind::UndefinedObject, "type \"missing\" does not exist"),
            ("CREATE TABLE p ()", Kind::DuplicateObject, "relation \"p\" already exists"),
            ("CREATE TYPE e AS ENUM ()", Kind::DuplicateObject, "type \"e\" already exists"),
            ("SELEC 1", Kind::Syntax, "syntax error at or near \"SELEC\""),
            (
                "BEGIN READ ONLY; DROP VIEW v",
                Kind::ReadOnlyTransaction,
                "cannot execute DROP VIEW in a read-only transaction",
            ),
            (
                "BEGIN; ALTER TYPE e ADD VALUE 'b'; SELECT 'b'::e",
                Kind::InvalidEnumUse,
                "unsafe use of new value \"b\" of enum type e",
            ),
            (
                "BEGIN; CREATE INDEX CONCURRENTLY ON n (name)",
                Kind::ActiveTransaction,
                "CREATE INDEX CONCURRENTLY cannot run inside a transaction block",
            ),
            (
                "SET statement_timeout = 50; SELECT pg_sleep(1)",
                Kind::StatementTimeout,
                "canceling statement due to statement timeout",
            ),
            (
                "SET statement_timeout = 0; SET ROLE trusted; DROP TABLE n",
                Kind::InsufficientPrivilege,
                "must be owner of table n",
            ),
            ("SET ROLE trusted; SELECT * FROM n", Kind::InsufficientPrivilege, "permission denied for table n"),
            (
                "DO $$BEGIN RAISE 'no \"geheim\" here' USING ERRCODE = 'check_violation'; END$$",
                Kind::CheckViolation,
                "no \"geheim\" here",
            ),
        ] {
            let error = admin.batch_execute(sql).unwrap_err();
            admin.batch_execute("ROLLBACK; RESET ROLE").unwrap();
            let error = ServerError::recognise(&error, Sent::new(sql));
            assert_eq!((error.kind, error.message.as_str()), (kind, message), "{sql}");
        }
        let error = admin.batch_execute("SELECT\n  é, missing FROM p").unwrap_err();
        assert_eq!(ServerError::recognise(&error, Sent::default()).position, Some(10));
        let error = admin.batch_execute("INSERT INTO p VALUES (1, 'x')").unwrap_err();
        let error = ServerError::recognise(&error, Sent::default());
        assert_eq!((error.table.as_deref(), error.constraint.as_deref()), (Some("p"), Some("p_pkey")));
    });
}

#[test]
#[expect(clippy::too_many_lines, reason = "one statement per error")]
fn the_sqlstate_of_an_error_is_the_servers_or_unknown() {
    with_server(|server| {
        server.admin("postgres").batch_execute("CREATE DATABASE sqlstates").unwrap();
        let mut admin = server.admin("sqlstates");
        admin
            .batch_execute(
                "SET lc_messages = 'C';
                 CREATE TABLE p (id int PRIMARY KEY, name text NOT NULL CHECK (name <> 'x'), CONSTRAINT u UNIQUE (name));
                 CREATE TABLE c (id int REFERENCES p, at date, EXCLUDE (id WITH =)); CREATE VIEW v AS SELECT name FROM p;
                 CREATE TABLE g (a int, b int GENERATED ALWAYS AS (a + 1) STORED, i int GENERATED ALWAYS AS IDENTITY);
                 CREATE TABLE q (id int, part int) PARTITION BY LIST (part); CREATE TABLE j (a json, b point);
                 CREATE FUNCTION f(int) RETURNS int LANGUAGE sql VOLATILE AS 'SELECT 1'; CREATE SEQUENCE s MAXVALUE 2;
                 CREATE TYPE e AS ENUM ('a'); INSERT INTO p VALUES (1, 'y'); SELECT setval('s', 2);
                 CREATE MATERIALIZED VIEW m AS SELECT 1 AS a WITH NO DATA; CREATE ROLE sqlstate_role",
            )
            .unwrap();
        let (mut unknown, mut wrong) = (Vec::new(), Vec::new());
        let statements = [
            "INSERT INTO p VALUES (2, 'y')",
            "INSERT INTO p VALUES (2, NULL)",
            "INSERT INTO p VALUES (2, 'x')",
            "INSERT INTO c VALUES (9)",
            "INSERT INTO c VALUES (1), (1)",
            "DELETE FROM p WHERE id = 1 AND (SELECT true)",
            "INSERT INTO q VALUES (1, 1)",
            "INSERT INTO g (b) VALUES (1)",
            "INSERT INTO g (i) VALUES (1)",
            "UPDATE g SET b = 1",
            "INSERT INTO p (id, name) VALUES (3, 'z') ON CONFLICT (id, name) DO NOTHING",
            "INSERT INTO p (id) VALUES (1, 2)",
            "DROP TABLE p",
            "DROP TYPE missing",
            "DROP TABLE missing",
            "DROP VIEW missing",
            "DROP SEQUENCE missing",
            "DROP MATERIALIZED VIEW missing",
            "DROP FOREIGN TABLE missing",
            "DROP INDEX missing",
            "DROP SCHEMA missing",
            "DROP FUNCTION missing()",
            "DROP ROLE missing",
            "DROP TRIGGER missing ON p",
            "DROP POLICY missing ON p",
            "DROP EXTENSION missing",
            "CREATE EXTENSION missing",
            "DROP TABLE v",
            "DROP VIEW p",
            "SELECT * FROM missing",
            "SELECT missing FROM p",
            "SELECT missing.id FROM p",
            "SELECT missing(1)",
            "SELECT 1::missing",
            "SELECT id FROM p a, p b",
            "SELECT id, count(*) FROM p",
            "SELECT 1 WHERE count(*) > 1",
            "SELECT 1 = 'a'::text",
            "SELEC 1",
            "SELECT 'x",
            "CREATE TABLE missing.t ()",
            "CREATE TABLE p ()",
            "CREATE VIEW p AS SELECT 1",
            "CREATE TYPE e AS ENUM ()",
            "CREATE SCHEMA public",
            "CREATE SCHEMA pg_own",
            "CREATE FUNCTION f(int) RETURNS int LANGUAGE sql AS 'SELECT 1'",
            "CREATE OR REPLACE FUNCTION f(int) RETURNS text LANGUAGE sql AS 'SELECT ''1'''",
            "CREATE ROLE sqlstate_role",
            "CREATE TABLE t (a int, a int)",
            "CREATE TABLE t (a int PRIMARY KEY, b int PRIMARY KEY)",
            "CREATE TABLE t (a int DEFAULT 1 DEFAULT 2)",
            "CREATE TABLE t (a int NULL NOT NULL)",
            "CREATE TABLE t (a int REFERENCES c)",
            "CREATE TABLE t (a int REFERENCES p (name))",
            "CREATE TABLE t (a int REFERENCES g (a))",
            "CREATE TABLE t (a int CHECK (a > (SELECT 1)))",
            "CREATE TABLE t (a int, b int GENERATED ALWAYS AS (a + random()) STORED)",
            "CREATE INDEX ON p (f(id))",
            "CREATE INDEX ON j (a)",
            "CREATE INDEX ON j USING gin (b)",
            "CREATE UNIQUE INDEX ON q (id)",
            "CREATE OR REPLACE VIEW v AS SELECT id FROM p",
            "CREATE OR REPLACE VIEW v AS SELECT 1 AS name",
            "ALTER TABLE p ADD COLUMN name text",
            "ALTER TABLE p ADD CONSTRAINT u UNIQUE (name)",
            "ALTER TABLE p ADD PRIMARY KEY (name)",
            "ALTER TABLE p DROP CONSTRAINT missing",
            "ALTER TABLE p DROP COLUMN missing",
            "ALTER TABLE p ALTER id DROP NOT NULL",
            "ALTER TABLE p ALTER name TYPE int USING name::int",
            "ALTER TABLE c ALTER at TYPE int",
            "ALTER TABLE c ALTER at TYPE int USING at::int",
            "ALTER TABLE c ALTER at SET DEFAULT 1",
            "ALTER TYPE e ADD VALUE 'a'",
            "COMMENT ON COLUMN p.missing IS 'x'",
            "GRANT SELECT ON p TO missing",
            "SELECT 'y'::int",
            "SELECT 'y'::date",
            "SELECT 'y'::timestamptz",
            "SELECT 'y'::interval",
            "SELECT 'y'::uuid",
            "SELECT 'y'::json",
            "SELECT '{'::int[]",
            "SELECT 'y'::e",
            "SELECT 99999999999::int",
            "SELECT '99999999999'::int",
            "SELECT 1e300::float8 * 1e300::float8",
            "SELECT 12345::numeric(3,1)",
            "SELECT '1990-13-41'::date",
            "SELECT '4714-01-01 BC'::date - 99999",
            "SELECT '294276-01-01'::timestamp + interval '1 year'",
            "SELECT 1 / 0",
            "SELECT sqrt(-1)",
            "SELECT ln(-1)",
            "SELECT now() AT TIME ZONE 'nowhere'",
            "SELECT to_date('ab', 'YYYY')",
            "SELECT 'a' ~ '('",
            "SELECT 'a' LIKE 'a' ESCAPE 'ab'",
            "SELECT '101'::bit(3)::text::bit(3) | '1'::bit(1)",
            "INSERT INTO c (id) VALUES ('1'::bit(3)::int)",
            "SELECT (SELECT generate_series(1, 2))",
            "SELECT nextval('s')",
            "SELECT setval('s', 7)",
            "SELECT int4range(2, 1)",
            "SELECT decode('zz', 'hex')",
            "SELECT convert_from('\\xff', 'UTF8')",
            "SELECT repeat('a', 3000)::varchar(5) FROM missing",
            "INSERT INTO p VALUES (5, repeat(md5(random()::text), 1))",
            "SELECT * FROM m",
            "REFRESH MATERIALIZED VIEW CONCURRENTLY m",
            "SET missing.x.y = 1",
            "SET statement_timeout = 'x'",
            "VACUUM p",
            "CREATE DATABASE x",
            "CALL missing()",
            "TRUNCATE p",
        ];
        for sql in statements {
            let Err(error) = admin.batch_execute(sql) else { continue };
            let error = ServerError::recognise(&error, Sent::new(sql));
            let ask = format!(
                "DO $do$ BEGIN EXECUTE {}; EXCEPTION WHEN OTHERS THEN RAISE 'sqlstate %', SQLSTATE; END $do$",
                quote_literal(sql)
            );
            let said = admin.batch_execute(&ask).unwrap_err();
            let diesel::result::Error::DatabaseError(_, said) = said else { panic!("{sql}") };
            let Some(own) = said.message().strip_prefix("sqlstate ") else { panic!("{sql}: {}", said.message()) };
            match error.sqlstate {
                None => unknown.push(format!("{sql}: {own} ({})", error.message)),
                // What is refused in a transaction is refused with other words in a function.
                Some(known) if known != own && known != "25001" => {
                    wrong.push(format!("{sql}: {known}, and it is {own} ({})", error.message));
                }
                Some(_) => {}
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
        assert!(unknown.len() < statements.len() / 20, "{unknown:#?}");
    });
}

#[test]
fn locks_deadlocks_and_lost_connections_are_worth_another_attempt() {
    #[derive(diesel::QueryableByName)]
    struct Pid {
        #[diesel(sql_type = Integer)]
        pid: i32,
    }
    with_server(|server| {
        server.admin("postgres").batch_execute("CREATE DATABASE locks").unwrap();
        let (mut one, mut two) = (server.admin("locks"), server.admin("locks"));
        one.batch_execute("CREATE TABLE a (); CREATE TABLE b (); SET deadlock_timeout = 50").unwrap();
        two.batch_execute("SET deadlock_timeout = '5s'; SET lock_timeout = 100").unwrap();
        one.batch_execute("BEGIN; LOCK TABLE a").unwrap();
        for sql in ["BEGIN; LOCK TABLE a", "BEGIN; LOCK TABLE a NOWAIT"] {
            let error = ServerError::recognise(&two.batch_execute(sql).unwrap_err(), Sent::new(sql));
            assert_eq!(error.kind, ServerErrorKind::LockTimeout);
            assert!(error.is_retryable() && !error.is_connection_lost());
            two.batch_execute("ROLLBACK").unwrap();
        }
        two.batch_execute("SET lock_timeout = 0; BEGIN; LOCK TABLE b").unwrap();
        thread::scope(|scope| {
            let waiter = scope.spawn(move || two.batch_execute("LOCK TABLE a; ROLLBACK"));
            thread::sleep(Duration::from_millis(200));
            let error = ServerError::recognise(&one.batch_execute("LOCK TABLE b").unwrap_err(), Sent::default());
            assert_eq!(error.kind, ServerErrorKind::Deadlock);
            assert!(error.is_retryable());
            one.batch_execute("ROLLBACK").unwrap();
            waiter.join().unwrap().unwrap();
        });
        let pid = sql_query("SELECT pg_backend_pid() AS pid").get_result::<Pid>(&mut one).unwrap().pid;
        let mut cancel = |sql: &str| {
            thread::scope(|scope| {
                let one = &mut one;
                let sleeper = scope.spawn(move || one.batch_execute("SELECT pg_sleep(20)").unwrap_err());
                thread::sleep(Duration::from_millis(200));
                server.admin("locks").batch_execute(&format!("SELECT {sql}({pid})")).unwrap();
                ServerError::recognise(&sleeper.join().unwrap(), Sent::default())
            })
        };
        let error = cancel("pg_cancel_backend");
        assert_eq!(error.kind, ServerErrorKind::Canceled);
        assert!(!error.is_retryable());
        let error = cancel("pg_terminate_backend");
        // libpq keeps the last of two errors, so who ended the session may be lost.
        assert!(error.is_retryable() && error.is_connection_lost());
        let error = ServerError::recognise(&one.batch_execute("SELECT 1").unwrap_err(), Sent::default());
        assert_eq!(error.kind, ServerErrorKind::ConnectionLost, "{error:?}");
        let sent = Sent { statement_timeout: Some(StatementTimeout::from_millis(50)), ..Sent::default() };
        let mut three = PgConnection::establish(&server.socket("postgres", "locks").conninfo()).unwrap();
        let error = three.batch_execute("SET statement_timeout = 50; SELECT pg_sleep(1)").unwrap_err();
        assert!(ServerError::recognise(&error, sent).is_retryable());
    });
}
