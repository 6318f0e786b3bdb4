//! The servers of the room `engine`: scratch clusters and, with the feature `embedded`, PostgreSQL inside the process.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![expect(clippy::disallowed_methods, reason = "a test of processes, files and waits")]

mod support;

use diesel::prelude::*;
use hrms_migrate::engine::cluster::StopMode;
use support::{TestDatabase, connect, execute, rows};

#[test]
fn a_cluster_keeps_its_data_over_every_kind_of_restart() {
    let Some(mut cluster) = support::start_cluster(|options| options.setting("work_mem", "7MB")) else {
        return support::say_not_run("no server binaries");
    };
    let url = cluster.url("postgres");
    execute(&url, "CREATE TABLE t (i int); INSERT INTO t SELECT generate_series(1, 10)");
    assert_eq!(
        rows(&url, "SELECT current_setting('work_mem'), current_setting('max_prepared_transactions')"),
        [[Some("7MB".to_owned()), Some("10".to_owned())]]
    );
    for mode in [StopMode::Fast, StopMode::Immediate] {
        cluster.restart(mode).unwrap();
        assert_eq!(rows(&url, "SELECT count(*) FROM t")[0][0].as_deref(), Some("10"), "{mode:?}");
    }
    cluster.stop(StopMode::Fast).unwrap();
    cluster.stop(StopMode::Fast).unwrap();
    assert!(PgConnection::establish(&url).is_err());
    assert_eq!(cluster.pid(), None);
}

#[test]
fn a_cluster_is_gone_when_it_is_dropped() {
    let Some(cluster) = support::start_cluster(|options| options) else {
        return support::say_not_run("no server binaries");
    };
    let directory = cluster.socket_directory();
    assert!(directory.exists());
    assert!(cluster.tcp_url("postgres").is_none());
    drop(cluster);
    assert!(!directory.parent().unwrap().exists());
}

#[test]
fn a_cluster_listens_on_tcp_where_asked_and_tells_what_is_wrong_with_a_setting() {
    let Some(cluster) = support::start_cluster(hrms_migrate::engine::ClusterOptions::tcp) else {
        return support::say_not_run("no server binaries");
    };
    let url = cluster.tcp_url("postgres").unwrap();
    assert_eq!(rows(&url, "SELECT 1")[0][0].as_deref(), Some("1"));
    assert_eq!(
        rows(&url, "SELECT current_setting('server_version_num')::int / 10000")[0][0],
        Some(cluster.major_version().to_string())
    );
    let bindir = std::env::var_os("HRMS_TEST_PG_BINDIR").map(std::path::PathBuf::from);
    let binaries = hrms_migrate::engine::cluster::find_binaries(bindir.as_deref()).unwrap();
    let options = hrms_migrate::engine::ClusterOptions::new(binaries).setting("no_such_setting", "it's\\on");
    let error = hrms_migrate::engine::Cluster::start(options).unwrap_err();
    assert_eq!(error.code(), "engine-start");
    assert!(error.why().unwrap().contains("no_such_setting"), "{:?}", error.why());
}

#[test]
fn a_directory_without_binaries_is_a_clear_error() {
    let directory = tempfile::tempdir().unwrap();
    let options = hrms_migrate::engine::ClusterOptions::new(directory.path());
    let error = hrms_migrate::engine::Cluster::start(options).unwrap_err();
    assert_eq!(error.code(), "engine-program");
}

#[test]
fn a_killed_owner_leaves_no_server_behind() {
    // The test plays its own victim: a copy of this program starts a cluster, tells where, and waits to be killed.
    if let Some(report) = std::env::var_os("HRMS_TEST_VICTIM") {
        if let Some(cluster) = support::start_cluster(|options| options) {
            let text = format!("{}\n{}", cluster.pid().unwrap(), cluster.socket_directory().display());
            let unfinished = std::path::Path::new(&report).with_extension("new");
            std::fs::write(&unfinished, text).unwrap();
            std::fs::rename(&unfinished, &report).unwrap();
            std::thread::sleep(std::time::Duration::from_mins(1));
        }
        return;
    }
    if support::require_server().is_none() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let report = directory.path().join("report");
    let mut victim = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_killed_owner_leaves_no_server_behind"])
        .env("HRMS_TEST_VICTIM", &report)
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    wait_for("the victim's report", || report.exists());
    let text = std::fs::read_to_string(&report).unwrap();
    let (pid, sockets) = text.split_once('\n').unwrap();
    let url = format!("host={sockets} user=postgres dbname=postgres");
    drop(connect(&url));
    victim.kill().unwrap();
    victim.wait().unwrap();
    wait_for("the end of the server", || !std::path::Path::new("/proc").join(pid).exists());
    wait_for("the removal of its files", || !std::path::Path::new(sockets).parent().unwrap().exists());
    assert!(PgConnection::establish(&url).is_err());
}

#[test]
fn every_test_has_a_database_of_its_own_that_goes_with_it() {
    let Some(database) = TestDatabase::new("every test has a database of its own: ÄÖ 'quoted' and very long indeed")
    else {
        return;
    };
    assert!(database.name().len() <= 63);
    database.execute("CREATE TABLE t (b text, a int); INSERT INTO t VALUES (NULL, 1), ('x', 2)");
    assert_eq!(
        database.rows("SELECT b, a FROM t ORDER BY a;"),
        [[None, Some("1".into())], [Some("x".into()), Some("2".into())]]
    );
    assert_eq!(database.value("INSERT INTO t VALUES ('y', 3) RETURNING a").as_deref(), Some("3"));
    let (name, server) = (database.name().to_owned(), database.server());
    // An open connection does not keep it.
    let _open = database.connect();
    drop(database);
    assert!(rows(&server.admin_url(), &format!("SELECT 1 FROM pg_database WHERE datname = '{name}'")).is_empty());
}

#[test]
fn the_catalog_digest_tells_schemas_apart_by_content_only() {
    let Some(database) = TestDatabase::new("catalog digest") else { return };
    let define = |schema: &str, columns: &str| {
        database.execute(&format!(
            "CREATE SCHEMA {schema}; SET search_path = {schema};
             CREATE TYPE mood AS ENUM ('sad', 'ok');
             CREATE TABLE t (id serial PRIMARY KEY, {columns}, CHECK (a > 0));
             CREATE INDEX ON t (a) WHERE m = 'ok';
             CREATE VIEW v AS SELECT a FROM t;
             CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1';
             COMMENT ON TABLE t IS 'c'"
        ));
        database.catalog(schema).replace(&format!("{schema}."), "")
    };
    let one = define("one", "a int NOT NULL DEFAULT 1, m mood");
    assert_eq!(one, define("two", "m mood, a int NOT NULL DEFAULT 1"));
    let three = define("three", "a bigint NOT NULL DEFAULT 1, m mood");
    assert_ne!(one, three);
    assert!(one.contains("column t.a type=integer"), "{one}");
    assert!(one.contains("enum mood labels='sad', 'ok'"), "{one}");
    assert!(one.contains("sequence t_id_seq"), "{one}");
    assert!(one.contains("validated=t"), "{one}");
}

/// Waits until something is so.
fn wait_for(what: &str, mut condition: impl FnMut() -> bool) {
    let started = std::time::Instant::now();
    while !condition() {
        assert!(started.elapsed() < std::time::Duration::from_secs(30), "waited in vain for {what}");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

#[cfg(feature = "embedded")]
mod embedded {
    use std::time::Duration;

    use diesel::prelude::*;
    use hrms_migrate::engine::Embedded;

    use crate::support::{connect, execute, rows};

    const WAIT: Duration = Duration::from_secs(1);

    #[test]
    fn data_survive_a_restart_and_a_path_may_hold_any_character() {
        let parent = tempfile::tempdir().unwrap();
        let directory = parent.path().join("données & 'quotes'").join(".hrms-migrate");
        let server = Embedded::start(&directory, WAIT).unwrap();
        assert!(server.created());
        execute(server.url(), "CREATE TABLE t (i int); INSERT INTO t VALUES (1)");
        execute(server.url(), "CREATE INDEX CONCURRENTLY ON t (i)");
        server.stop().unwrap();

        let server = Embedded::start(&directory, WAIT).unwrap();
        assert!(!server.created());
        let found = rows(
            server.url(),
            "SELECT i, current_setting('search_path'), current_setting('server_version_num')::int / 10000 FROM t",
        );
        assert_eq!(found, [["1", "\"$user\", public", "17"].map(|value| Some(value.to_owned()))]);
    }

    #[test]
    fn a_second_owner_waits_and_is_then_told_who_holds_the_directory() {
        let directory = tempfile::tempdir().unwrap();
        let server = Embedded::start(directory.path(), WAIT).unwrap();
        let error = Embedded::start(directory.path(), Duration::from_millis(200)).unwrap_err();
        assert_eq!(error.code(), "engine-directory-locked");
        assert!(error.why().unwrap().contains(&std::process::id().to_string()));
        let path = directory.path().to_path_buf();
        let second = std::thread::spawn(move || Embedded::start(&path, Duration::from_secs(20)).map(drop));
        std::thread::sleep(Duration::from_millis(300));
        drop(server);
        second.join().unwrap().unwrap();
    }

    #[test]
    fn what_is_wrong_with_a_directory_is_told() {
        let parent = tempfile::tempdir().unwrap();
        let file = parent.path().join("file");
        std::fs::write(&file, "").unwrap();
        assert_eq!(Embedded::start(&file, WAIT).unwrap_err().code(), "engine-not-a-directory");
        assert_eq!(Embedded::start(&file.join("sub"), WAIT).unwrap_err().code(), "engine-not-a-directory");

        let data = parent.path().join("pgdata/tmp/pglite/base");
        std::fs::create_dir_all(&data).unwrap();
        assert_eq!(Embedded::start(parent.path(), WAIT).unwrap_err().code(), "engine-damaged-data");
        std::fs::write(data.join("PG_VERSION"), "16\n").unwrap();
        assert_eq!(Embedded::start(parent.path(), WAIT).unwrap_err().code(), "engine-incompatible-data");
    }

    #[test]
    fn an_open_connection_keeps_the_server_and_the_lock() {
        let directory = tempfile::tempdir().unwrap();
        let server = Embedded::start(directory.path(), WAIT).unwrap();
        let mut connection = connect(server.url());
        assert_eq!(server.stop().unwrap_err().code(), "engine-stop");
        diesel::sql_query("SELECT 1").execute(&mut connection).unwrap();
        assert_eq!(Embedded::start(directory.path(), Duration::ZERO).unwrap_err().code(), "engine-directory-locked");
        drop(connection);
        Embedded::start(directory.path(), Duration::from_secs(10)).unwrap();
    }
}
