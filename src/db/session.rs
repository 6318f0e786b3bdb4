//! A session: what it is set to, asking, sending one statement at a time, the advisory locks.

#![expect(
    clippy::disallowed_methods,
    reason = "statements are timed here, to tell a time-out of ours from another one"
)]

use std::{
    collections::BTreeSet,
    mem,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use diesel::{
    QueryableByName, RunQueryDsl,
    connection::SimpleConnection,
    pg::PgConnection,
    r2d2::R2D2Connection as _,
    sql_query,
    sql_types::{Array, BigInt, Bool, Integer, Nullable, Text},
};
use r2d2::{ManageConnection, Pool, PooledConnection};
use scheduled_thread_pool::ScheduledThreadPool;

use crate::{
    catalog::{Census, Inventory, Scope, Snapshot, Surroundings},
    pg::{ConnectionTarget, Ident, LockMode, LockTimeout, ObjectName, RUNNER_LOCK, StatementTimeout, quote_literal},
};

use super::{
    Broken, ConnectError, Sent, ServerError, SnapshotError, broken, census, connect,
    connect::{attempt, attempts},
    inventory, journal, settling, snapshot, surroundings,
};

/// Makes connections for the pool, and keeps why the last one failed: the pool would only say that it waited too long.
struct Manager {
    target: ConnectionTarget,
    /// A connection made already, until it is taken.
    made: Arc<Mutex<Option<PgConnection>>>,
    failure: Arc<Mutex<Option<ConnectError>>>,
    retired: Arc<AtomicBool>,
}

impl std::fmt::Debug for Manager {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Manager").field("target", &self.target).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Control {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Control").finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").finish_non_exhaustive()
    }
}

impl ManageConnection for Manager {
    type Connection = PgConnection;
    type Error = ConnectError;

    fn connect(&self) -> Result<PgConnection, ConnectError> {
        let made = self.made.lock().unwrap_or_else(PoisonError::into_inner).take();
        let made = made.map_or_else(|| connect(&self.target), Ok);
        if let Err(error) = &made {
            *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.clone());
        }
        made
    }

    fn is_valid(&self, connection: &mut PgConnection) -> Result<(), ConnectError> {
        // Never asked: the pool is told not to test on check-out, and a lost connection is noticed by its first statement.
        if connection.is_broken() { connect(&self.target).map(drop) } else { Ok(()) }
    }

    fn has_broken(&self, connection: &mut PgConnection) -> bool {
        self.retired.load(Ordering::Relaxed) || connection.is_broken()
    }
}

/// A pool, and the flag that makes it close what is given back.
#[derive(Clone, Debug)]
struct Lent {
    pool: Pool<Manager>,
    retired: Arc<AtomicBool>,
}

/// The connections of one run: one to look and work, one to hold the runner lock and to cancel.
#[derive(Clone, Debug)]
pub struct Connections {
    lent: Arc<Mutex<Lent>>,
    target: ConnectionTarget,
    failure: Arc<Mutex<Option<ConnectError>>>,
    single: bool,
    /// The first session, until it is taken.
    ready: Arc<Mutex<Option<Session>>>,
    /// The connection for the runner lock, where it is being opened ahead.
    expected: Arc<Mutex<Option<Opening>>>,
}

/// A connection that is being opened.
type Opening = thread::JoinHandle<Option<PooledConnection<Manager>>>;

/// The first attempt to connect, made while something else is done.
///
/// Dropped without a look at what came of it, it goes on until its attempt ends, and closes what it opened.
#[derive(Debug)]
pub struct Knock(thread::JoinHandle<Result<Connections, ConnectError>>);

impl Knock {
    /// Begins to connect. `wait` is the time that there will be for further attempts. `None` where there is no thread to spare:
    /// the attempt is then made when it is needed.
    #[must_use]
    pub fn at(target: &ConnectionTarget, wait: Duration) -> Option<Self> {
        let target = target.clone();
        let knock = move || Connections::try_open(&target, false, wait, wait);
        thread::Builder::new().name("connect".to_owned()).spawn(knock).ok().map(Self)
    }
}

impl Connections {
    /// Connects, trying for up to `wait` while the server is not there yet. `single`: the server takes one connection only.
    /// `knock` is the first attempt, where it was begun before.
    ///
    /// # Errors
    /// [`ConnectError`].
    pub fn open(
        target: &ConnectionTarget,
        single: bool,
        knock: Option<Knock>,
        wait: Duration,
        stop: &AtomicBool,
        on_wait: &mut dyn FnMut(&ConnectError, Duration),
    ) -> Result<Self, ConnectError> {
        let mut knock = knock;
        attempts(wait, stop, on_wait, |left| {
            let begun = knock.take().and_then(|knock| knock.0.join().ok());
            begun.unwrap_or_else(|| Self::try_open(target, single, wait, left))
        })
    }

    /// Connects once, and begins the first look: a session that cannot do that says so when it is used.
    fn try_open(target: &ConnectionTarget, single: bool, wait: Duration, left: Duration) -> Result<Self, ConnectError> {
        let (made, failure) = (Arc::default(), Arc::default());
        // The pool's thread starts meanwhile.
        let pool = lend(target, single, Arc::clone(&made), &failure);
        *made.lock().unwrap_or_else(PoisonError::into_inner) = Some(attempt(target, wait, left)?);
        let connections = Self {
            lent: Arc::new(Mutex::new(pool)),
            target: target.clone(),
            failure,
            single,
            ready: Arc::default(),
            expected: Arc::default(),
        };
        let mut session = connections.session()?;
        if session.begin_to_look("").is_ok() {
            session.looking = Looking::Begun;
        }
        *connections.ready.lock().unwrap_or_else(PoisonError::into_inner) = Some(session);
        Ok(connections)
    }

    /// Gives up every connection made so far, for when one of them was lost: what is taken from now on is new.
    ///
    /// Invariant: an old session or [`Control`] is closed, with its locks, as soon as it is dropped. A connection that only seems
    /// to be alive never comes back, and a lock of our own never stands in our way.
    pub fn renew(&self) {
        drop((self.take_ready(), self.take_expected()));
        let mut lent = self.lent.lock().unwrap_or_else(PoisonError::into_inner);
        lent.retired.store(true, Ordering::Relaxed);
        *lent = lend(&self.target, self.single, Arc::default(), &self.failure);
    }

    /// Returns whether there can be one connection only.
    #[must_use]
    pub const fn is_single(&self) -> bool {
        self.single
    }

    /// Returns the server.
    #[must_use]
    pub const fn target(&self) -> &ConnectionTarget {
        &self.target
    }

    /// Takes a session to look and work in.
    ///
    /// # Errors
    /// [`ConnectError`].
    pub fn session(&self) -> Result<Session, ConnectError> {
        if let Some(session) = self.take_ready() {
            return Ok(session);
        }
        Ok(Session { connection: self.take()?, looking: Looking::No, open: false, recorded: None })
    }

    fn take_ready(&self) -> Option<Session> {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Takes the connection that holds the runner lock.
    ///
    /// # Errors
    /// [`ConnectError`].
    pub fn control(&self) -> Result<Control, ConnectError> {
        let ahead = self.take_expected().and_then(|opening| opening.join().ok().flatten());
        Ok(Control { connection: ahead.map_or_else(|| self.take(), Ok)?, pid: 0, seen: None, is_bare: false })
    }

    /// Begins to open the connection that holds the runner lock, while something else is done: it will be needed.
    pub fn expect_control(&self) {
        let mut expected = self.expected.lock().unwrap_or_else(PoisonError::into_inner);
        if expected.is_none() && !self.single {
            let pool = self.pool();
            // What fails here is tried again, and told, when the connection is needed.
            *expected = thread::Builder::new().name("connect".to_owned()).spawn(move || pool.get().ok()).ok();
        }
    }

    fn take_expected(&self) -> Option<Opening> {
        self.expected.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Finds out on a connection of its own whether the connection ends with the first transaction, as it does behind a pooler in
    /// statement mode, whose message libpq does not hand on.
    #[must_use]
    pub fn refuses_transactions(&self) -> bool {
        connect(&self.target).is_ok_and(|mut connection| {
            let mut send = |sql: &str| connection.batch_execute(sql).map_err(|error| recognise(&error, sql));
            send("SELECT").is_ok() && send("BEGIN").is_err_and(|error| error.is_connection_lost())
        })
    }

    fn pool(&self) -> Pool<Manager> {
        self.lent.lock().unwrap_or_else(PoisonError::into_inner).pool.clone()
    }

    fn take(&self) -> Result<PooledConnection<Manager>, ConnectError> {
        self.pool().get().map_err(|_| {
            let last = self.failure.lock().unwrap_or_else(PoisonError::into_inner).take();
            // Without a failure of our own there was no answer yet: two takers of two connections do not wait for each other.
            last.unwrap_or_else(|| ConnectError::no_answer(&self.target))
        })
    }
}

/// Makes a pool that connects when a connection is taken.
fn lend(
    target: &ConnectionTarget,
    single: bool,
    made: Arc<Mutex<Option<PgConnection>>>,
    failure: &Arc<Mutex<Option<ConnectError>>>,
) -> Lent {
    let retired = Arc::new(AtomicBool::new(false));
    let manager = Manager { target: target.clone(), made, failure: Arc::clone(failure), retired: Arc::clone(&retired) };
    // An attempt is to end by itself, with what was wrong. 0 is without an end.
    let seconds = target.get("connect_timeout").and_then(|seconds| seconds.parse::<u64>().ok()).unwrap_or(10);
    let patience = if seconds == 0 { Duration::from_hours(1) } else { Duration::from_secs(seconds.saturating_add(1)) };
    let pool = Pool::builder()
        .max_size(if single { 1 } else { 2 })
        .min_idle(Some(0))
        .test_on_check_out(false)
        .error_handler(Box::new(r2d2::NopErrorHandler))
        .connection_timeout(patience)
        .thread_pool(Arc::new(ScheduledThreadPool::new(1)))
        .build_unchecked(manager);
    Lent { pool, retired }
}

/// The session that looks and works.
///
/// Invariant: until [`prepare_to_work`](Self::prepare_to_work) everything is asked, and every setting made, within
/// transactions that are read-only and follow each other without a gap. A pooler in transaction mode so gives one session of
/// the server from the first look to the last question, and gets it back as it was.
pub struct Session {
    connection: PooledConnection<Manager>,
    looking: Looking,
    /// Whether a transaction of this program's own is open, of which diesel does not know.
    open: bool,
    /// The versions of base migrations in diesel's books, once they were read.
    pub(super) recorded: Option<BTreeSet<String>>,
}

/// What there is of the transaction of a look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Looking {
    /// It is not open.
    No,
    /// It has begun, and nothing was asked in it yet.
    Begun,
    /// It is open.
    Open,
}

/// What came of a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// The value as text.
    Value(Option<String>),
    /// The server's refusal.
    Error(ServerError),
}

#[derive(QueryableByName)]
struct Answered {
    #[diesel(sql_type = Array<Nullable<Text>>)]
    answers: Vec<Option<String>>,
}

#[derive(QueryableByName)]
struct Truth {
    #[diesel(sql_type = Bool)]
    value: bool,
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    value: i64,
}

#[derive(QueryableByName)]
struct Whole {
    #[diesel(sql_type = Integer)]
    value: i32,
}

impl Session {
    /// Reads the catalog: settles the session for that, then one query.
    ///
    /// # Errors
    /// [`SnapshotError`].
    pub fn look(&mut self, scope: &Scope, base: bool) -> Result<Snapshot, SnapshotError> {
        if self.looking != Looking::Begun {
            self.begin_to_look("").map_err(|error| SnapshotError::Server(Box::new(error)))?;
        }
        self.looking = Looking::Open;
        snapshot(&mut self.connection, scope, base)
    }

    /// Reads everything in a schema: settles the session for that, then one query.
    ///
    /// # Errors
    /// [`SnapshotError`].
    pub fn inventory(&mut self, schema: &Ident) -> Result<Inventory, SnapshotError> {
        self.begin_to_look("").map_err(|error| SnapshotError::Server(Box::new(error)))?;
        inventory(&mut self.connection, schema)
    }

    /// Reads what a copy of the database is made from: settles the session for that, then a query for each schema and some more.
    ///
    /// # Errors
    /// [`SnapshotError`].
    pub fn surroundings(&mut self) -> Result<Surroundings, SnapshotError> {
        self.begin_to_look("").map_err(|error| SnapshotError::Server(Box::new(error)))?;
        surroundings(&mut self.connection)
    }

    /// Counts everything in a database that has next to no rows; where the server is not `private`, without roles and what else
    /// concerns all databases.
    ///
    /// # Errors
    /// [`SnapshotError`].
    pub fn census(&mut self, private: bool) -> Result<Census, SnapshotError> {
        self.begin_to_look("").map_err(|error| SnapshotError::Server(Box::new(error)))?;
        census(&mut self.connection, private)
    }

    /// Reads what interrupted work has left behind. Cost: one query.
    ///
    /// # Errors
    /// [`ServerError`].
    pub fn broken(&mut self) -> Result<Vec<Broken>, ServerError> {
        broken(&mut self.connection)
    }

    /// Begins a read-only transaction, settled, and ends the one before it. One round trip.
    fn begin_to_look(&mut self, settings: &str) -> Result<(), ServerError> {
        let sql = format!(
            "{}BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY; {}{settings}",
            if self.looking == Looking::No { "" } else { "ROLLBACK; " },
            settling(true)
        );
        self.looking = Looking::Open;
        self.connection.batch_execute(&sql).map_err(|error| recognise(&error, &sql))
    }

    /// Ends the transaction of a look, if one is open: what follows is seen as it is then. A session that is closed instead
    /// ends it too.
    ///
    /// # Errors
    /// [`ServerError`].
    pub fn end_look(&mut self) -> Result<(), ServerError> {
        if mem::replace(&mut self.looking, Looking::No) == Looking::No {
            return Ok(());
        }
        self.connection.batch_execute("ROLLBACK").map_err(|error| recognise(&error, "ROLLBACK"))
    }

    /// Sends statements of this program's own after the transaction of a look, if one is open, in one round trip.
    ///
    /// # Errors
    /// [`ServerError`].
    pub fn execute_after_look(&mut self, sql: &str) -> Result<(), ServerError> {
        let looked = mem::replace(&mut self.looking, Looking::No) != Looking::No;
        let end = if looked { "ROLLBACK; " } else { "" };
        self.connection.batch_execute(&format!("{end}{sql}")).map_err(|error| recognise(&error, sql))
    }

    /// Asks questions in the search path and time zone of the scripts, read-only: all in one query, and where that fails one
    /// by one. `limit` is for each; no limit is `None`.
    ///
    /// Locks: ACCESS SHARE on the tables asked; a table that is locked is not waited for longer than 100 ms.
    pub fn ask(&mut self, target: &Ident, questions: &[(&str, Option<Duration>)]) -> Vec<Asked> {
        if questions.is_empty() {
            return Vec::new();
        }
        let limit = |limit: Option<Duration>| limit.map_or(0, |limit| limit.as_millis());
        let all = questions.iter().map(|(_, limit)| *limit).min().flatten();
        if self.go_on_to_ask(target, all).is_ok() {
            match self.values(questions) {
                Ok(values) => return values.into_iter().map(Asked::Value).collect(),
                Err(error) if questions.len() == 1 => {
                    self.after_a_refusal();
                    return vec![Asked::Error(error)];
                }
                Err(_) => {}
            }
        }
        let mut answers = Vec::with_capacity(questions.len());
        for question in questions {
            let answer = self.begin_to_ask(target, limit(question.1)).and_then(|()| {
                self.values(std::slice::from_ref(question)).map(|values| values.into_iter().next().flatten())
            });
            answers.push(answer.map_or_else(Asked::Error, Asked::Value));
        }
        if matches!(answers.last(), Some(Asked::Error(_))) {
            self.after_a_refusal();
        }
        answers
    }

    /// Begins anew: in the transaction that failed nothing more could be asked. What comes of this the next question tells.
    fn after_a_refusal(&mut self) {
        drop(self.begin_to_look(""));
    }

    fn values(&mut self, questions: &[(&str, Option<Duration>)]) -> Result<Vec<Option<String>>, ServerError> {
        // A query may end in a comment: the closing parenthesis stands on a line of its own. One array costs the server a quarter
        // of what a row for each question does.
        let list = questions.iter().map(|(query, _)| format!("({query}\n)::text")).collect::<Vec<_>>();
        let sql = format!("SELECT ARRAY[{}] AS answers", list.join(", "));
        let started = Instant::now();
        let answered: Answered = sql_query(&sql).get_result(&mut *self.connection).map_err(|error| {
            let limit = questions.iter().filter_map(|(_, limit)| *limit).min();
            let millis = limit.map_or(0, |limit| u64::try_from(limit.as_millis()).unwrap_or(u64::MAX));
            ServerError::recognise(
                &error,
                Sent {
                    sql: &sql,
                    elapsed: started.elapsed(),
                    lock_timeout: Some(LockTimeout::from_millis(100)),
                    statement_timeout: Some(StatementTimeout::from_millis(millis)),
                },
            )
        })?;
        Ok(answered.answers)
    }

    /// Goes on within the transaction of the look where the questions are short: it holds ACCESS SHARE on some of the tables looked
    /// at, which nobody should have to wait for.
    fn go_on_to_ask(&mut self, target: &Ident, limit: Option<Duration>) -> Result<(), ServerError> {
        match limit {
            Some(limit) if self.looking != Looking::No => {
                let limit = format!(", set_config('statement_timeout', '{}', true)", limit.as_millis());
                let sql = entering(target, true) + &limit;
                self.connection.batch_execute(&sql).map_err(|error| recognise(&error, &sql))
            }
            _ => self.begin_to_ask(target, limit.map_or(0, |limit| limit.as_millis())),
        }
    }

    fn begin_to_ask(&mut self, target: &Ident, statement_timeout: u128) -> Result<(), ServerError> {
        let limit = format!(", set_config('statement_timeout', '{statement_timeout}', true)");
        self.begin_to_look(&format!("; {}{limit}", entering(target, true)))
    }

    /// Prepares the session for carrying out steps. To be called again after every look or question.
    ///
    /// # Errors
    /// [`ServerError`].
    pub fn prepare_to_work(&mut self, target: &Ident) -> Result<(), ServerError> {
        self.execute_after_look(&format!("{}; {}", settling(false), entering(target, false)))
    }

    /// Begins a transaction, with its limits where they are given, and with what is locked first. One round trip.
    ///
    /// # Errors
    /// [`ServerError`]; no transaction is open then.
    pub fn begin(&mut self, limits: Option<(LockTimeout, StatementTimeout)>, locking: &str) -> Result<(), ServerError> {
        let limiting =
            limits.map_or_else(String::new, |(lock, statement)| format!("; {}", limiting(true, lock, statement)));
        let locks = if locking.is_empty() { String::new() } else { format!("; {locking}") };
        let sql = format!("BEGIN{limiting}{locks}");
        let started = Instant::now();
        let begun = self.connection.batch_execute(&sql).map_err(|error| {
            let (lock_timeout, statement_timeout) = limits.unzip();
            let sent = Sent { sql: &sql, elapsed: started.elapsed(), lock_timeout, statement_timeout };
            ServerError::recognise(&error, sent)
        });
        self.open = true;
        begun.inspect_err(|_| self.roll_back())
    }

    /// A transaction will begin with the first statement that is [sent](Work::send_limited).
    pub const fn begins(&mut self) {
        self.open = true;
    }

    /// Commits. When the connection is lost meanwhile, only a new look tells what came of it.
    ///
    /// # Errors
    /// [`ServerError`]; no transaction is open then.
    pub fn commit(&mut self) -> Result<(), ServerError> {
        self.commit_after("").map_err(|(error, _)| error)
    }

    /// Sends statements of this program's own and commits, in one round trip, for which locks are held.
    ///
    /// # Errors
    /// [`ServerError`], and whether it was these statements that failed: the transaction is to be undone then.
    pub fn commit_after(&mut self, last: &str) -> Result<(), (ServerError, bool)> {
        let separator = if last.is_empty() { "" } else { "; " };
        let sent = self.connection.batch_execute(&format!("{last}{separator}COMMIT"));
        self.open = false;
        sent.map_err(|error| {
            let error = recognise(&error, "COMMIT");
            // COMMIT ends the transaction, whatever comes of it. One that failed before takes no statement.
            let stands = !last.is_empty() && !error.is_connection_lost();
            self.recorded = None;
            self.open = stands && self.connection.batch_execute("SELECT").is_err();
            (error, self.open)
        })
    }

    /// Undoes the transaction, if one is open. A failure means that the server does it.
    pub fn roll_back(&mut self) {
        if mem::take(&mut self.open) {
            // Versions recorded in it are undone as well.
            self.recorded = None;
            drop(self.connection.batch_execute("ROLLBACK"));
        }
    }

    /// Returns what sends statements.
    pub fn work(&mut self) -> Work<'_> {
        Work::on(&mut self.connection)
    }

    /// Gives the connection to diesel's own migration harness.
    pub(super) fn diesel(&mut self) -> &mut PgConnection {
        &mut self.connection
    }

    /// Returns the server's process of this session.
    ///
    /// # Errors
    /// [`ServerError`].
    pub fn pid(&mut self) -> Result<i32, ServerError> {
        pid(&mut self.connection)
    }

    /// Returns which transactions have ended, as [`crate::catalog::Server::horizon`].
    ///
    /// # Errors
    /// [`ServerError`].
    pub fn horizon(&mut self) -> Result<String, ServerError> {
        Ok(self.value("SELECT pg_catalog.pg_current_snapshot()")?.unwrap_or_default())
    }

    /// Takes the second advisory lock, which an orphaned work session keeps until its last statement ends. `false`: another
    /// session has it.
    ///
    /// # Errors
    /// [`ServerError`].
    pub fn try_work_lock(&mut self) -> Result<bool, ServerError> {
        let (class, object) = RUNNER_LOCK;
        let sql = format!("SELECT pg_catalog.pg_try_advisory_lock({class}, {}) AS value", object + 1);
        let rows: Vec<Truth> = sql_query(&sql).load(&mut *self.connection).map_err(|error| recognise(&error, &sql))?;
        Ok(rows.first().is_some_and(|row| row.value))
    }

    /// Returns the value that a query of one row and one column gives, as text; `None` for NULL or no row.
    ///
    /// # Errors
    /// [`ServerError`].
    pub fn value(&mut self, sql: &str) -> Result<Option<String>, ServerError> {
        self.values(&[(sql, None)]).map(|values| values.into_iter().next().flatten())
    }

    /// Returns the number that a query of one row and one column gives.
    ///
    /// # Errors
    /// [`ServerError`].
    pub fn count(&mut self, sql: &str) -> Result<i64, ServerError> {
        let rows: Vec<Number> = sql_query(sql).load(&mut *self.connection).map_err(|error| recognise(&error, sql))?;
        Ok(rows.first().map_or(0, |row| row.value))
    }
}

/// What sends statements: a session's connection, or the one that diesel's harness lends.
pub struct Work<'a> {
    connection: &'a mut PgConnection,
}

impl std::fmt::Debug for Work<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Work").finish_non_exhaustive()
    }
}

impl<'a> Work<'a> {
    pub(super) const fn on(connection: &'a mut PgConnection) -> Self {
        Self { connection }
    }

    /// Sets the limits of what follows: of the transaction where `local`, otherwise of the session.
    ///
    /// # Errors
    /// [`ServerError`].
    pub fn limit(&mut self, local: bool, lock: LockTimeout, statement: StatementTimeout) -> Result<(), ServerError> {
        let sql = limiting(local, lock, statement);
        self.connection.batch_execute(&sql).map_err(|error| recognise(&error, &sql))
    }

    /// Sends statements of this program's own, whose limits do not matter.
    ///
    /// # Errors
    /// [`ServerError`].
    pub fn execute(&mut self, sql: &str) -> Result<(), ServerError> {
        self.connection.batch_execute(sql).map_err(|error| recognise(&error, sql))
    }

    /// Sends one statement under the limits given (which were set before). Returns the rows changed where `counts`.
    ///
    /// # Errors
    /// [`ServerError`].
    pub fn send(
        &mut self,
        sql: &str,
        counts: bool,
        lock: LockTimeout,
        statement: StatementTimeout,
    ) -> Result<Option<u64>, ServerError> {
        if !counts {
            return self.send_after("", sql, lock, statement).map(|()| None);
        }
        let started = Instant::now();
        let sent = sql_query(sql).execute(self.connection);
        sent.map(|rows| Some(rows as u64)).map_err(|error| refused(&error, sql, started.elapsed(), lock, statement))
    }

    /// Sends the beginning of a transaction (`begins`), the limits for what follows in it, and a statement, in one round trip.
    ///
    /// # Errors
    /// [`ServerError`] of the statement.
    pub fn send_limited(
        &mut self,
        begins: bool,
        sql: &str,
        lock: LockTimeout,
        statement: StatementTimeout,
    ) -> Result<(), ServerError> {
        let begin = if begins { "BEGIN; " } else { "" };
        self.send_after(&format!("{begin}{}; ", limiting(true, lock, statement)), sql, lock, statement)
    }

    fn send_after(
        &mut self,
        before: &str,
        sql: &str,
        lock: LockTimeout,
        statement: StatementTimeout,
    ) -> Result<(), ServerError> {
        let started = Instant::now();
        self.connection.batch_execute(&format!("{before}{sql}")).map_err(|error| {
            let mut error = refused(&error, sql, started.elapsed(), lock, statement);
            // Counted from the statement's own beginning.
            error.position = error.position.map(|position| position.saturating_sub(before.chars().count()));
            error
        })
    }
}

/// The connection that holds the runner lock; idle otherwise, so that nothing of it is ever waited for.
pub struct Control {
    connection: PooledConnection<Manager>,
    /// The server's process that [`is_alive`](Self::is_alive) expects.
    pid: i32,
    /// When it was the last time.
    seen: Option<Instant>,
    /// Whether there was no journal when the runner lock was taken.
    is_bare: bool,
}

impl Control {
    pub(super) fn connection(&mut self) -> &mut PgConnection {
        &mut self.connection
    }

    /// Tries to take the runner lock. `false`: another run has it. Notes, with the same round trip, whether there is
    /// anything under the names of the journal's tables in `schema`.
    ///
    /// # Errors
    /// [`ServerError`].
    pub fn try_runner_lock(&mut self, schema: Option<&Ident>) -> Result<bool, ServerError> {
        let (class, object) = RUNNER_LOCK;
        let bare = schema.map_or_else(|| "false".to_owned(), journal::is_bare);
        let sql = format!(
            "SELECT CASE WHEN NOT pg_catalog.pg_try_advisory_lock({class}, {object}) THEN 0 WHEN {bare} THEN 2 ELSE 1 END AS value"
        );
        let rows: Vec<Whole> = sql_query(&sql).load(&mut *self.connection).map_err(|error| recognise(&error, &sql))?;
        let found = rows.first().map_or(0, |row| row.value);
        self.is_bare = found == 2;
        self.seen = (found > 0).then(Instant::now);
        Ok(found > 0)
    }

    /// Returns whether there was no journal when the runner lock was taken.
    pub(super) const fn is_bare(&self) -> bool {
        self.is_bare
    }

    /// Returns the session that holds the runner lock or, after it, the work lock.
    pub fn lock_holder(&mut self) -> Option<i32> {
        let (class, object) = RUNNER_LOCK;
        let sql = format!(
            "SELECT pid AS value FROM pg_catalog.pg_locks WHERE locktype = 'advisory' AND granted AND classid = {class} \
             AND objid IN ({object}, {}) AND objsubid = 2 AND pid <> pg_backend_pid() \
             AND database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database()) LIMIT 1",
            object + 1
        );
        let rows: Vec<Whole> = sql_query(sql).load(&mut *self.connection).ok()?;
        rows.first().map(|row| row.value)
    }

    /// Makes sure that both connections are sessions of the server's own; returns the process of `session`. Keeps the role's
    /// `idle_session_timeout` from ending either while it waits. To be called before a lock is taken: a lock of a session that a
    /// pooler lends to others would stay with it.
    ///
    /// # Errors
    /// `None` behind a pooler in transaction mode; otherwise [`ServerError`].
    pub fn meet(&mut self, session: &mut Session) -> Result<i32, Option<ServerError>> {
        let first = session.pid()?;
        session.end_look()?;
        self.pid = pid(&mut self.connection)?;
        // Such a pooler lends the session given back last, or one after the other, and others take theirs in between: asked in
        // this order, it has to be lucky ten times.
        let mut own = first != self.pid;
        for asked in [0, 1, 1, 0, 1, 0, 0, 1, 0, 1] {
            own = own
                && if asked == 0 {
                    is_in(&mut session.connection, first)?
                } else {
                    is_in(&mut self.connection, self.pid)?
                };
        }
        if !own {
            return Err(None);
        }
        // What the role or database has set is for applications; a step's own limit comes with it. The second is of version 14 and
        // later. The others are for a network that fails without a word: the server gives the locks of a run that it has lost up
        // after 25 s, and not after hours. What that run was carrying out is not cancelled by it.
        let sql = "SELECT pg_catalog.set_config('statement_timeout', '0', false), \
                   CASE WHEN pg_catalog.current_setting('idle_session_timeout', true) IS NOT NULL \
                   THEN pg_catalog.set_config('idle_session_timeout', '0', false) END, \
                   pg_catalog.set_config('tcp_keepalives_idle', '10', false), \
                   pg_catalog.set_config('tcp_keepalives_interval', '5', false), \
                   pg_catalog.set_config('tcp_keepalives_count', '3', false), \
                   pg_catalog.set_config('tcp_user_timeout', '10000', false)";
        for connection in [&mut session.connection, &mut self.connection] {
            connection.batch_execute(sql).map_err(|error| recognise(&error, sql))?;
        }
        Ok(first)
    }

    /// Returns whether the runner lock is still held: a session's advisory lock lasts as long as the session. One round trip, and none
    /// where it was so within the last quarter of a second: who works has a lock of its own on its work.
    pub fn is_alive(&mut self) -> bool {
        const LATELY: Duration = Duration::from_millis(250);
        if self.seen.is_some_and(|seen| seen.elapsed() < LATELY) {
            return true;
        }
        let is_alive = is_in(&mut self.connection, self.pid).unwrap_or(false);
        self.seen = is_alive.then(Instant::now);
        is_alive
    }

    /// Asks the server to stop what a session is doing.
    pub fn cancel(&mut self, pid: i32) {
        cancel(&mut self.connection, pid);
    }

    /// Returns how far the index build of a session is, where the server tells. Locks: none. Cost: one round trip.
    pub fn building(&mut self, pid: i32) -> Option<Building> {
        let rows: Vec<Building> = sql_query(BUILDING).bind::<Integer, _>(pid).load(&mut *self.connection).ok()?;
        rows.into_iter().next()
    }

    /// Returns who stands in the way of a lock on a table, other than this program: who holds one that conflicts with it, or
    /// waits for one. Without a mode, everybody.
    pub fn blockers(&mut self, table: &ObjectName, mode: Option<LockMode>, own: i32) -> Vec<Blocker> {
        blockers(&mut self.connection, table, mode, own)
    }
}

/// A session that is in the way; named by pid, application, state and age, never by its query.
#[derive(Clone, Debug, PartialEq, Eq, QueryableByName)]
pub struct Blocker {
    /// Its process; 0 for a prepared transaction.
    #[diesel(sql_type = Integer)]
    pub pid: i32,
    /// `application_name`.
    #[diesel(sql_type = Text)]
    pub application: String,
    /// `idle in transaction`, `active`, …; `prepared transaction "…"`.
    #[diesel(sql_type = Text)]
    pub state: String,
    /// Seconds since its transaction began.
    #[diesel(sql_type = BigInt)]
    pub age_seconds: i64,
    /// The lock that it holds or waits for.
    #[diesel(sql_type = Text)]
    pub mode: String,
    /// Whether it holds it.
    #[diesel(sql_type = Bool)]
    pub granted: bool,
    /// Whether it gives way to whoever waits.
    #[diesel(sql_type = Bool)]
    pub yields: bool,
}

const BLOCKERS: &str = include_str!("introspect/blockers.sql");
/// How far an index build is.
#[derive(Clone, Debug, PartialEq, Eq, QueryableByName)]
pub struct Building {
    /// `building index: scanning table`, in the server's words.
    #[diesel(sql_type = Text)]
    pub phase: String,
    /// Pages or rows of the phase that are done.
    #[diesel(sql_type = BigInt)]
    pub done: i64,
    /// Pages or rows of the phase; 0 where there are none.
    #[diesel(sql_type = BigInt)]
    pub total: i64,
    /// The process of the session that it waits for.
    #[diesel(sql_type = Nullable<Integer>)]
    pub locker: Option<i32>,
    /// That session's `application_name`.
    #[diesel(sql_type = Text)]
    pub application: String,
    /// That session's state.
    #[diesel(sql_type = Text)]
    pub state: String,
    /// Seconds since that session's transaction began.
    #[diesel(sql_type = BigInt)]
    pub age_seconds: i64,
}

const BUILDING: &str = include_str!("introspect/building.sql");
/// Asks how far replicas, slots and the archive are behind: one value, JSON.
pub const REPLICATION: &str = include_str!("introspect/replication.sql");
/// Asks how many sessions wait for rows that the open transaction has changed: one number.
pub const WAITERS: &str = include_str!("introspect/waiters.sql");

fn blockers(connection: &mut PgConnection, table: &ObjectName, mode: Option<LockMode>, own: i32) -> Vec<Blocker> {
    let modes = LockMode::ALL.into_iter().filter(|held| mode.is_none_or(|mode| mode.conflicts_with(*held)));
    let modes: Vec<String> = modes.map(LockMode::catalog_name).collect();
    sql_query(BLOCKERS)
        .bind::<Text, _>(table.schema.as_str())
        .bind::<Text, _>(table.name.as_str())
        .bind::<Integer, _>(own)
        .bind::<Array<Text>, _>(modes)
        .load(connection)
        .unwrap_or_default()
}

/// Asks the server over a connection of its own to stop what a session is doing.
pub fn cancel_over(target: &ConnectionTarget, pid: i32) {
    if let Ok(mut connection) = connect(target) {
        cancel(&mut connection, pid);
    }
}

fn cancel(connection: &mut PgConnection, pid: i32) {
    // Whether it still runs is the server's to say; there is nothing to do about a refusal.
    drop(sql_query("SELECT pg_cancel_backend($1)").bind::<Integer, _>(pid).execute(connection));
}

/// Returns the statement that, after [`settling`], sets the scripts' search path and time zone.
///
/// The scripts' schema first, then what the role or database has; temporary tables last, so that none of them can take the place
/// of a table of the scripts.
fn entering(target: &Ident, local: bool) -> String {
    let path = quote_literal(&format!("{target}, "));
    format!(
        "SELECT set_config('search_path', {path} || CASE WHEN current_setting('hrms_migrate.search_path') = '' THEN '' \
         ELSE current_setting('hrms_migrate.search_path') || ', ' END || 'pg_temp', {local}), \
         set_config('TimeZone', current_setting('hrms_migrate.time_zone'), {local})"
    )
}

fn limiting(local: bool, lock: LockTimeout, statement: StatementTimeout) -> String {
    let local = if local { "LOCAL " } else { "" };
    let (lock, statement) = (lock.as_millis(), statement.as_millis());
    format!("SET {local}lock_timeout = {lock}; SET {local}statement_timeout = {statement}")
}

fn refused(
    error: &diesel::result::Error,
    sql: &str,
    elapsed: Duration,
    lock: LockTimeout,
    statement: StatementTimeout,
) -> ServerError {
    ServerError::recognise(error, Sent { sql, elapsed, lock_timeout: Some(lock), statement_timeout: Some(statement) })
}

fn recognise(error: &diesel::result::Error, sql: &str) -> ServerError {
    ServerError::recognise(error, Sent::new(sql))
}

fn pid(connection: &mut PgConnection) -> Result<i32, ServerError> {
    let sql = "SELECT pg_catalog.pg_backend_pid() AS value";
    let rows: Vec<Whole> = sql_query(sql).load(connection).map_err(|error| recognise(&error, sql))?;
    Ok(rows.first().map_or(0, |row| row.value))
}

/// Returns whether the server's process is this one. One round trip.
fn is_in(connection: &mut PgConnection, pid: i32) -> Result<bool, ServerError> {
    // A division by zero in any other.
    let sql = format!("SELECT 1 / (pg_catalog.pg_backend_pid() = {pid})::int");
    match connection.batch_execute(&sql).map_err(|error| recognise(&error, &sql)) {
        Err(error) if error.is_connection_lost() => Err(error),
        outcome => Ok(outcome.is_ok()),
    }
}

/// A flag that stops waiting, shared with the handler of signals.
#[derive(Clone, Debug, Default)]
pub struct Stop {
    asked: Arc<AtomicBool>,
    due: Option<Instant>,
}

impl Stop {
    /// The same flag for work of which nothing more is begun from `due` on.
    #[must_use]
    pub fn due(&self, due: Option<Instant>) -> Self {
        Self { asked: Arc::clone(&self.asked), due }
    }

    /// Returns whether nothing more is to be begun.
    #[must_use]
    pub fn is_due(&self) -> bool {
        self.due.is_some_and(|due| Instant::now() >= due)
    }

    /// Asks everything that waits to stop.
    pub fn set(&self) {
        self.asked.store(true, Ordering::Relaxed);
    }

    /// Returns whether it has been asked.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }

    /// Returns the flag itself.
    #[must_use]
    pub fn flag(&self) -> &AtomicBool {
        &self.asked
    }
}
