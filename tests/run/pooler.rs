//! Behind a real PgBouncer: a look is right in every mode that has transactions, and leaves nothing behind; nothing is changed
//! where sessions are not ours.

use std::{
    fs,
    net::{TcpListener, TcpStream},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use hrms_migrate::engine::cluster::{Cluster, ClusterOptions};

use crate::{
    support::{Run, catalog_digest, cli, connect, execute, rows, rows_on, say_not_run, start_cluster},
    tools::{assert_says, wait_for},
};

/// The sessions that the pooler has of the server: fewer than its clients.
const SESSIONS: usize = 3;

/// A PgBouncer before a cluster of its own, ended when dropped.
struct Pooler {
    process: Child,
    port: u16,
    cluster: Cluster,
    _directory: tempfile::TempDir,
}

impl Pooler {
    /// Starts both; `None`, said loudly, where one of them is not there. `settings` are lines of the pooler's configuration.
    fn start(mode: &str, settings: &str) -> Option<Self> {
        let Some(program) = ["/usr/sbin", "/usr/bin", "/usr/local/bin", "/opt/homebrew/bin"]
            .map(|directory| Path::new(directory).join("pgbouncer"))
            .into_iter()
            .find(|program| program.is_file())
        else {
            say_not_run("no pgbouncer");
            return None;
        };
        let Some(cluster) = start_cluster(ClusterOptions::tcp) else {
            say_not_run("no server binaries");
            return None;
        };
        let directory = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let write = |name: &str, text: &str| -> PathBuf {
            let path = directory.path().join(name);
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
            path
        };
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let users = write("users", "\"postgres\" \"\"\n");
        let configuration = write(
            "pgbouncer.ini",
            &format!(
                "[databases]\n* = host=127.0.0.1 port={}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
                 unix_socket_dir =\nauth_type = trust\nauth_file = {}\npool_mode = {mode}\n\
                 default_pool_size = {SESSIONS}\n{settings}\n",
                cluster.port(),
                users.display()
            ),
        );
        let mut command = Command::new(program);
        if Command::new("id").arg("-u").output().unwrap().stdout == b"0\n" {
            // It refuses to run as root.
            command.args(["-u", "nobody"]);
        }
        let process = command.arg(configuration).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let pooler = Self { process: process.spawn().unwrap(), port, cluster, _directory: directory };
        wait_for("the pooler to listen", || TcpStream::connect(("127.0.0.1", port)).is_ok());
        Some(pooler)
    }

    /// The database through the pooler.
    fn url(&self) -> String {
        format!("postgresql://postgres@127.0.0.1:{}/postgres?sslmode=disable&gssencmode=disable", self.port)
    }

    /// The database itself.
    fn direct(&self) -> String {
        self.cluster.url("postgres")
    }

    fn cli(&self, arguments: &[&str]) -> Run {
        cli(arguments).env("DATABASE_URL", self.url()).run()
    }

    /// What the settings of the pooler's sessions are, seen by as many clients at once.
    fn settings(&self) -> Vec<Vec<Option<String>>> {
        let mut clients: Vec<_> = (0..SESSIONS).map(|_| connect(&self.url())).collect();
        let mut seen = Vec::new();
        for client in &mut clients {
            diesel::connection::SimpleConnection::batch_execute(client, "BEGIN").unwrap();
            seen.extend(rows_on(
                client,
                "SELECT name, setting FROM pg_settings WHERE context IN ('user', 'superuser') \
                 AND name NOT IN ('TimeZone', 'application_name') AND setting IS DISTINCT FROM reset_val",
            ));
        }
        seen
    }

    fn advisory_locks(&self) -> Vec<Vec<Option<String>>> {
        rows(&self.direct(), "SELECT pid FROM pg_locks WHERE locktype = 'advisory'")
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Keeps sessions of the pooler moving between clients while `work` goes on.
fn among_others<T>(pooler: &Pooler, work: impl FnOnce() -> T) -> T {
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..SESSIONS {
            scope.spawn(|| {
                let mut client = connect(&pooler.url());
                while !over.load(Ordering::Relaxed) {
                    let path = rows_on(&mut client, "SELECT current_setting('search_path'), current_setting('jit')");
                    assert_eq!(path[0][0].as_deref(), Some("\"$user\", public"), "{path:?}");
                    thread::sleep(Duration::from_millis(2));
                }
            });
        }
        let came = work();
        over.store(true, Ordering::Relaxed);
        came
    })
}

#[test]
fn behind_a_pooler_in_transaction_mode_looks_are_right_and_nothing_is_changed() {
    for settings in ["server_round_robin = 0", "server_round_robin = 1"] {
        let Some(pooler) = Pooler::start("transaction", settings) else { return };
        let empty = catalog_digest(&pooler.direct(), "public");
        let untouched = pooler.settings();
        let refused = |run: Run| {
            let run = run.expect(9);
            assert_says(&run.stderr, &["error[transaction-pooler]", "nothing was changed"]);
            assert_eq!(catalog_digest(&pooler.direct(), "public"), empty, "{settings}");
            assert!(pooler.advisory_locks().is_empty(), "a lock of a session that is somebody else's now");
        };
        refused(pooler.cli(&["run"]));
        pooler.cli(&["plan", "--exit-code"]).expect(2);
        pooler.cli(&["verify"]).expect(3);
        among_others(&pooler, || {
            for _ in 0..3 {
                refused(pooler.cli(&["run"]));
                pooler.cli(&["plan", "--exit-code"]).expect(2);
            }
        });
        cli(&["run"]).env("DATABASE_URL", pooler.direct()).run().expect(0);
        among_others(&pooler, || {
            for command in [&["run"][..], &["plan", "--exit-code"], &["verify"]] {
                let run = pooler.cli(command).expect(0);
                assert!(!run.stdout.contains("not verified"), "{}", run.stdout);
            }
        });
        assert_eq!(pooler.settings(), untouched, "{settings}");
    }
}

#[test]
fn behind_a_pooler_in_session_mode_runs_are_as_anywhere() {
    let Some(pooler) = Pooler::start("session", "") else { return };
    for command in [&["run"][..], &["run"], &["plan", "--exit-code"], &["verify"]] {
        pooler.cli(command).expect(0);
    }
}

#[test]
fn a_pooler_without_transactions_is_told() {
    let Some(pooler) = Pooler::start("statement", "") else { return };
    execute(&pooler.direct(), "CREATE TABLE bystander (id integer)");
    for command in ["run", "plan", "verify"] {
        let run = pooler.cli(&[command]).expect(9);
        assert_says(&run.stderr, &["error[transaction-pooler]"]);
    }
}
