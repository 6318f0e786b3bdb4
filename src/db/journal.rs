//! The journal: its tables, made by diesel migrations of its own, and what is written and read there.
//!
//! Its schema is the user's to name, so statements name it themselves; diesel's `table!` knows names only when it is compiled.

mod composites;
mod left;
mod rows;

use std::{
    error::Error,
    fmt::Write as _,
    sync::mpsc::{self, Receiver},
    thread::{self, JoinHandle},
    time::Duration,
};

use diesel::{
    Connection as _, QueryableByName, RunQueryDsl,
    connection::SimpleConnection,
    pg::PgConnection,
    sql_query,
    sql_types::{BigInt, Bool, Integer, Nullable, Text},
};
use diesel_migrations::MigrationHarness as _;

use crate::{
    journal::{Back, Backfill, Change, ChangeState, Ended, Entry, Filter, History, KeptValues, NewRun, Run, RunEnd},
    pg::{Ident, RUNNER_LOCK, quote_literal},
};

use super::{
    BaseVersion, Control, Sent, ServerError, ServerErrorKind, Session, WAITERS, Work,
    base::{note, recognise as recognise_dyn},
};

use composites::Composites;
use rows::{BackfillRow, ChangeRow, RunRow};

/// How long the other connection waits for a lock when it makes the journal or writes there. An event trigger may make it wait for the run itself.
const LOCK_TIMEOUT_MS: u32 = 2_000;

/// The migrations of the journal, in order, and what each makes. The first run makes the first, the second what is missing of the others,
/// but for the table of backfills, which is made when it is needed.
const PARTS: [(&str, &str); 4] = [
    (FIRST, include_str!("journal/migrations/00000000000001_journal/up.sql")),
    ("00000000000002_key", include_str!("journal/migrations/00000000000002_key/up.sql")),
    (FOR_BACKFILLS, include_str!("journal/migrations/00000000000003_backfills/up.sql")),
    ("00000000000004_backup", include_str!("journal/migrations/00000000000004_backup/up.sql")),
];
/// Tables by which a journal is known: one of its own, and diesel's books, which come with its second part.
const TABLES: [&str; 2] = ["changes", "__diesel_schema_migrations"];
const FIRST: &str = "00000000000001_journal";
const FOR_BACKFILLS: &str = "00000000000003_backfills";
const RUNS: &str = include_str!("journal/runs.sql");
const CHANGES: &str = include_str!("journal/changes.sql");
const UNDONE: &str = include_str!("journal/undone.sql");
const BACKFILLS: &str = include_str!("journal/backfills.sql");
const KEPT_VALUES: &str = include_str!("journal/kept.sql");

/// Why there is no journal.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// A newer version of this program has made it.
    #[error("the journal in schema {schema} is of a newer version of this program ({version})")]
    Newer {
        /// Its schema.
        schema: Ident,
        /// The version of it that this program does not know.
        version: String,
    },
    /// The server refused; for want of rights, mostly.
    #[error("the journal could not be kept: {0}")]
    Server(Box<ServerError>),
}

impl From<ServerError> for JournalError {
    fn from(error: ServerError) -> Self {
        Self::Server(Box::new(error))
    }
}

/// The journal of one run, open for writing.
///
/// Invariant: nothing is written before something is to be remembered; the run's own row comes with its first change, in the
/// same transaction.
#[derive(Clone, Debug)]
pub struct Journal {
    schema: Ident,
    id: i64,
    run: NewRun,
    /// Whether old values of other runs were kept when it was opened.
    keeps: bool,
    /// Whether the run's row is committed.
    recorded: bool,
    /// Whether it is written and not committed yet.
    written: bool,
    /// The number of the next change.
    next: i32,
    /// The number of the first change that is not committed yet.
    uncommitted: i32,
}

/// The journal of a run: open, in the making on the connection that holds the runner lock, or not there.
///
/// Its tables cost as much as those of a small script, and nothing is written before the first change is done: meanwhile the
/// other connection works.
#[derive(Debug, Default)]
pub struct KeptJournal {
    journal: Option<Journal>,
    making: Option<JoinHandle<(Control, Result<Journal, JournalError>)>>,
    /// Tells whether it is made anew, as soon as that is known.
    anew: Option<Receiver<bool>>,
    /// The connection on which it was made, and why it was not.
    made_on: Option<(Control, Option<JournalError>)>,
    /// Why it was not made, where nothing is to be done without it: a lock that another attempt will get, or a full disk.
    fault: Option<ServerError>,
}

impl KeptJournal {
    /// A journal that is open.
    #[must_use]
    pub fn open(journal: Journal) -> Self {
        Self { journal: Some(journal), ..Self::default() }
    }

    /// Opens the journal in a thread of its own, and makes its tables where there are none yet. To be called with the runner lock,
    /// which the connection holds; [`given_back`](Self::given_back) returns it.
    #[must_use]
    pub fn make(mut control: Control, schema: Ident, run: NewRun) -> Self {
        let (tell, anew) = mpsc::channel();
        let making = thread::spawn(move || {
            let bare = Tables { any: false, books: false };
            let found = if control.is_bare() { Ok(bare) } else { tables(control.connection(), &schema) };
            // Who does not ask does not want to know.
            tell.send(matches!(found, Ok(Tables { any: false, .. }))).unwrap_or_default();
            let opened = found.map_err(JournalError::from);
            let opened = opened.and_then(|found| open(control.connection(), &schema, found, run));
            (control, opened)
        });
        Self { making: Some(making), anew: Some(anew), ..Self::default() }
    }

    /// Returns once whether the journal was there before, or cannot be kept: what is wrong with it is to be known before the first
    /// change. Waits until it is open then; where it is made anew, it goes on beside others.
    pub fn was_there(&mut self) -> bool {
        let was_there = self.anew.take().is_some_and(|anew| !anew.recv().unwrap_or(false));
        if was_there {
            self.wait();
        }
        was_there
    }

    /// Returns whether there is a journal, or will be.
    #[must_use]
    pub const fn is_kept(&self) -> bool {
        self.journal.is_some() || self.making.is_some() || self.fault.is_some()
    }

    /// Returns the journal; waits for it where it is being made.
    pub fn get(&mut self) -> Option<&mut Journal> {
        self.wait();
        self.journal.as_mut()
    }

    /// As [`get`](Self::get), for a transaction that may itself be what the making waited for.
    ///
    /// # Errors
    /// A lock that was not obtained: it is to be made again when this transaction is over. A full disk.
    pub fn get_within(&mut self) -> Result<Option<&mut Journal>, ServerError> {
        self.wait();
        match &self.fault {
            Some(fault) => Err(fault.clone()),
            None => Ok(self.journal.as_mut()),
        }
    }

    /// Returns the journal, if it is open.
    #[must_use]
    pub const fn opened(&self) -> Option<&Journal> {
        self.journal.as_ref()
    }

    /// Returns the connection on which it was made, once, and why it was not; waits until it is done.
    pub fn given_back(&mut self) -> Option<(Control, Option<JournalError>)> {
        self.wait();
        self.made_on.take()
    }

    /// Gives the journal up.
    pub fn forget(&mut self) {
        self.wait();
        (self.journal, self.fault) = (None, None);
    }

    fn wait(&mut self) {
        let Some(making) = self.making.take() else { return };
        let (control, opened) = making.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        let (journal, error) = match opened {
            Ok(journal) => (Some(journal), None),
            Err(error) => (None, Some(error)),
        };
        self.journal = journal;
        self.fault = match &error {
            Some(JournalError::Server(error))
                if matches!(error.kind, ServerErrorKind::LockTimeout | ServerErrorKind::DiskFull) =>
            {
                Some((**error).clone())
            }
            _ => None,
        };
        self.made_on = Some((control, error));
    }
}

impl Control {
    /// Opens the journal for writing on this connection, makes or upgrades it where that is needed, and marks runs that are no
    /// more. To be called with the runner lock.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn open_journal(&mut self, schema: &Ident, run: NewRun) -> Result<Journal, JournalError> {
        let found = tables(self.connection(), schema)?;
        open(self.connection(), schema, found, run)
    }
}

impl Session {
    /// As [`Control::open_journal`], where there is one connection only.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn open_journal(&mut self, schema: &Ident, run: NewRun) -> Result<Journal, JournalError> {
        let found = tables(self.diesel(), schema)?;
        open(self.diesel(), schema, found, run)
    }

    /// Reads the journal; `None` where there is none. Read-only, ACCESS SHARE on its tables. Cost: a round trip for each kind of
    /// thing.
    ///
    /// # Errors
    /// [`ServerError`]: a filter that cannot be read, or a right missing.
    pub fn history(&mut self, schema: &Ident, filter: &Filter) -> Result<Option<History>, ServerError> {
        read(self.diesel(), schema, filter)
    }

    /// Returns the old values that are kept, each until `age` after the run that kept some last; nothing where there is no journal.
    /// Read-only, ACCESS SHARE on its tables. Cost: two round trips.
    ///
    /// # Errors
    /// [`ServerError`].
    pub fn kept_values(&mut self, schema: &Ident, age: Duration) -> Result<Vec<KeptValues>, ServerError> {
        if !exists(self.diesel(), schema)? {
            return Ok(Vec::new());
        }
        let name = quote_literal(&schema.to_string());
        let sql = query(KEPT_VALUES, schema).replace("{name}", &name).replace("{seconds}", &age.as_secs().to_string());
        let rows: Vec<KeptRow> = sql_query(&sql).load(self.diesel()).map_err(|error| recognise(&error, &sql))?;
        let of = |row: KeptRow| KeptValues {
            of: row.of,
            place: row.place,
            bytes: u64::try_from(row.bytes).unwrap_or(0),
            until: row.until,
        };
        Ok(rows.into_iter().map(of).collect())
    }

    /// Returns the changes that can be taken back, the last one first; `None` where there is no journal. Read-only, ACCESS SHARE on
    /// its tables.
    ///
    /// # Errors
    /// [`ServerError`].
    pub fn to_take_back(&mut self, schema: &Ident, back: &Back) -> Result<Option<Vec<Change>>, ServerError> {
        if !exists(self.diesel(), schema)? {
            return Ok(None);
        }
        let (run, after, last) = match back {
            Back::Last(runs) => (0, 0, i64::from(*runs)),
            Back::Run(run) => (*run, 0, 0),
            Back::To(run) => (0, *run, 0),
            Back::Script(_) => (0, 0, 0),
        };
        let sql = query(UNDONE, schema);
        let rows: Vec<ChangeRow> = sql_query(&sql)
            .bind::<BigInt, _>(run)
            .bind::<BigInt, _>(after)
            .bind::<BigInt, _>(last)
            .load(self.diesel())
            .map_err(|error| recognise(&error, &sql))?;
        Ok(Some(rows.into_iter().map(Change::from).collect()))
    }

    /// Returns the statements that rollbacks have carried out because a script says so (`-- ensure:down`), each with the script in
    /// which it stood, as often as it was. Read-only, ACCESS SHARE on the journal. To be called where there is one.
    ///
    /// # Errors
    /// [`ServerError`].
    pub fn taken_back_by_hand(&mut self, schema: &Ident) -> Result<Vec<(String, String)>, ServerError> {
        let sql = format!(
            "SELECT c.script, c.sql FROM {schema}.changes c JOIN {schema}.runs r ON r.id = c.run_id WHERE r.command = 'rollback' AND \
             c.verb = 'run' AND c.state = 'done'"
        );
        let rows: Vec<ByHand> = sql_query(&sql).load(self.diesel()).map_err(|error| recognise(&error, &sql))?;
        Ok(rows.into_iter().map(|row| (row.script, row.sql)).collect())
    }

    /// Takes versions of base migrations out of diesel's books, where they are in them.
    ///
    /// # Errors
    /// [`ServerError`].
    pub fn forget_base(&mut self, versions: &[BaseVersion]) -> Result<(), ServerError> {
        let books: Found = sql_query("SELECT to_regclass('__diesel_schema_migrations') IS NOT NULL AS value")
            .get_result(self.diesel())
            .map_err(|error| recognise(&error, ""))?;
        if !books.value || versions.is_empty() {
            return Ok(());
        }
        let versions: Vec<String> = versions.iter().map(|version| quote_literal(&version.version)).collect();
        let sql = format!("DELETE FROM __diesel_schema_migrations WHERE version IN ({})", versions.join(", "));
        self.work().execute(&sql)
    }

    /// Asks for another state of a backfill that is in one of the states given. Returns whether there was one.
    ///
    /// # Errors
    /// [`ServerError`].
    pub fn set_backfill(&mut self, schema: &Ident, id: i64, from: &[&str], to: &str) -> Result<bool, ServerError> {
        let from: Vec<String> = from.iter().map(|state| quote_literal(state)).collect();
        let sql = format!(
            "UPDATE {schema}.backfills SET state = {}, updated_at = clock_timestamp() WHERE id = {id} AND state IN ({})",
            quote_literal(to),
            from.join(", ")
        );
        let changed = sql_query(&sql).execute(self.diesel()).map_err(|error| recognise(&error, &sql))?;
        Ok(changed > 0)
    }
}

#[derive(QueryableByName)]
struct Found {
    #[diesel(sql_type = Bool)]
    value: bool,
}

#[derive(QueryableByName)]
struct KeptRow {
    #[diesel(sql_type = Text)]
    of: String,
    #[diesel(sql_type = Text)]
    place: String,
    #[diesel(sql_type = BigInt)]
    bytes: i64,
    #[diesel(sql_type = Text)]
    until: String,
}

#[derive(QueryableByName)]
struct ByHand {
    #[diesel(sql_type = Text)]
    script: String,
    #[diesel(sql_type = Text)]
    sql: String,
}

#[derive(QueryableByName)]
struct Word {
    #[diesel(sql_type = Text)]
    value: String,
}

#[derive(QueryableByName)]
struct Advanced {
    #[diesel(sql_type = Text)]
    state: String,
    #[diesel(sql_type = BigInt)]
    waiting: i64,
}

#[derive(QueryableByName)]
struct Opened {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = Bool)]
    keeps: bool,
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    value: i64,
}

fn recognise(error: &diesel::result::Error, sql: &str) -> ServerError {
    ServerError::recognise(error, Sent::new(sql))
}

/// Which of its tables a journal has.
#[derive(Clone, Copy, Debug, QueryableByName)]
struct Tables {
    /// Any, so that it is one.
    #[diesel(sql_type = Bool)]
    any: bool,
    /// Diesel's books.
    #[diesel(sql_type = Bool)]
    books: bool,
}

fn tables(connection: &mut PgConnection, schema: &Ident) -> Result<Tables, ServerError> {
    let [changes, books] = TABLES.map(|table| quote_literal(&format!("{schema}.{table}")));
    // A table of somebody else's may have that name. A later version may have others, but it has books.
    let sql = format!(
        "SELECT b.books, b.books OR EXISTS (SELECT FROM pg_catalog.pg_attribute a WHERE a.attrelid = \
         pg_catalog.to_regclass({changes}) AND a.attname = 'inverse_kind') AS any FROM (SELECT pg_catalog.to_regclass({books}) IS \
         NOT NULL AS books) b"
    );
    sql_query(&sql).get_result(connection).map_err(|error| recognise(&error, &sql))
}

/// Returns the condition under which there is nothing of the names of these tables. Whoever may not look into the schema learns that, too.
pub(super) fn is_bare(schema: &Ident) -> String {
    let (schema, tables) = (quote_literal(schema.as_str()), TABLES.map(quote_literal).join(", "));
    format!(
        "NOT EXISTS (SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = \
         {schema} AND c.relname IN ({tables}))"
    )
}

fn exists(connection: &mut PgConnection, schema: &Ident) -> Result<bool, ServerError> {
    tables(connection, schema).map(|tables| tables.any)
}

fn has_backfills(connection: &mut PgConnection, schema: &Ident) -> Result<bool, ServerError> {
    let table = quote_literal(&format!("{schema}.backfills"));
    let sql = format!("SELECT pg_catalog.to_regclass({table}) IS NOT NULL AS value");
    let found: Found = sql_query(&sql).get_result(connection).map_err(|error| recognise(&error, &sql))?;
    Ok(found.value)
}

fn version_of(part: &str) -> String {
    BaseVersion::of_directory(part).version
}

/// The versions of the journal that this program knows.
fn known() -> Vec<String> {
    PARTS.iter().map(|(name, _)| version_of(name)).collect()
}

fn open(connection: &mut PgConnection, schema: &Ident, found: Tables, run: NewRun) -> Result<Journal, JournalError> {
    let mut found = found;
    if !found.any {
        match make_anew(connection, schema) {
            // It has no runs and no old values.
            Ok(()) => return Ok(Journal::new(schema, Opened { id: 1, keeps: false }, run)),
            // In the moment in which another run gave the lock up, it may have been there already.
            Err(error) if error.kind == ServerErrorKind::DuplicateObject => {
                found = tables(connection, schema)?;
                if !found.any {
                    return Err(error.into());
                }
            }
            Err(error) => return Err(error.into()),
        }
    }
    // Where only the first run has written there, there are no books yet.
    let mut recorded = vec![version_of(FIRST)];
    if found.books {
        let sql = format!("SELECT version AS value FROM {schema}.__diesel_schema_migrations");
        let words: Vec<Word> = sql_query(&sql).load(connection).map_err(|error| recognise(&error, &sql))?;
        recorded = words.into_iter().map(|word| word.value).collect();
    }
    let known = known();
    if let Some(version) = recorded.iter().filter(|version| !known.contains(version)).max() {
        return Err(JournalError::Newer { schema: schema.clone(), version: version.clone() });
    }
    let is_wanted = |part: &str| part != FOR_BACKFILLS;
    if PARTS.iter().any(|(name, _)| is_wanted(name) && !recorded.contains(&version_of(name))) {
        let made = make(connection, schema, &is_wanted);
        // Without the key everything is found as well, and the next run makes it.
        let does_without = recorded.len() == 1
            && made.as_ref().is_err_and(|error| {
                matches!(error.kind, ServerErrorKind::InsufficientPrivilege | ServerErrorKind::LockTimeout)
            });
        if !does_without {
            made?;
        }
    }
    // Who has the runner lock knows that all others are dead. When they ended nobody knows.
    let sql = format!("UPDATE {schema}.runs SET outcome = 'interrupted' WHERE outcome IS NULL");
    connection.batch_execute(&sql).map_err(|error| recognise(&error, &sql))?;
    let kept = KEPT.replace("{schema}", &quote_literal(&schema.to_string()));
    let sql = format!("SELECT coalesce(max(id), 0) + 1 AS id, EXISTS ({kept}) AS keeps FROM {schema}.runs");
    let opened = sql_query(&sql).get_result(connection).map_err(|error| recognise(&error, &sql))?;
    Ok(Journal::new(schema, opened, run))
}

/// What the tables of the journal are made under. The commit of what is written there first waits for the disk.
fn settled(schema: &Ident, create: &str) -> String {
    format!(
        "SET LOCAL lock_timeout = {LOCK_TIMEOUT_MS}; SET LOCAL synchronous_commit = off; {create}SET LOCAL search_path = {schema}"
    )
}

/// Makes the first part of the journal where there is none, in one message, which is a transaction: the first step waits for it.
/// Diesel's harness would take a dozen round trips; its books come with the second part.
fn make_anew(connection: &mut PgConnection, schema: &Ident) -> Result<(), ServerError> {
    let [(_, makes), ..] = PARTS;
    let sql = format!("{}; {makes}", settled(schema, &format!("CREATE SCHEMA IF NOT EXISTS {schema}; ")));
    connection.batch_execute(&sql).map_err(|error| recognise(&error, &sql))
}

/// Makes the parts of the journal that are wanted and not there, with diesel's harness: its books are in the journal's own schema.
fn make(connection: &mut PgConnection, schema: &Ident, is_wanted: &dyn Fn(&str) -> bool) -> Result<(), ServerError> {
    let sql = settled(schema, "");
    // All of it or nothing.
    let made = connection.transaction::<_, Box<dyn Error + Send + Sync>, _>(|connection| {
        connection.batch_execute(&sql)?;
        let applied: Vec<String> = connection.applied_migrations()?.iter().map(ToString::to_string).collect();
        for (name, makes) in PARTS.iter().filter(|(name, _)| is_wanted(name)) {
            let version = BaseVersion::of_directory(name);
            if applied.contains(&version.version) {
                continue;
            }
            // The first run has made the first part, without books.
            if *name != FIRST {
                Work::on(connection).execute(makes)?;
            }
            note(connection, &version)?;
        }
        Ok(())
    });
    made.map_err(|error| match error.downcast::<ServerError>() {
        Ok(error) => *error,
        Err(error) => recognise_dyn(error.as_ref()),
    })
}

fn text(value: Option<&str>) -> String {
    value.map_or_else(|| "NULL".to_owned(), quote_literal)
}

impl Journal {
    fn new(schema: &Ident, Opened { id, keeps }: Opened, run: NewRun) -> Self {
        Self { schema: schema.clone(), id, run, keeps, recorded: false, written: false, next: 1, uncommitted: 1 }
    }

    /// Returns the number of this run.
    #[must_use]
    pub const fn id(&self) -> i64 {
        self.id
    }

    /// Returns the journal's schema.
    #[must_use]
    pub const fn schema(&self) -> &Ident {
        &self.schema
    }

    /// Returns whether anything of this run is remembered.
    #[must_use]
    pub const fn is_recorded(&self) -> bool {
        self.recorded
    }

    /// Returns what writes steps down, with what came of them where that is known: to be sent in the transaction that is open, if one
    /// is, before it is said to be [`committed`](Self::committed) or [`undone`](Self::undone).
    pub fn record(&mut self, entries: &[Entry], ended: Option<&[Ended]>) -> String {
        let mut sql = self.opening();
        // One literal costs the server two thirds of what a value for each column does.
        let mut rows = Composites::default();
        for (place, entry) in entries.iter().enumerate() {
            let Entry { script, script_digest, location, verb, object, sql: sent, inverse, attempts, lock_wait_ms } =
                entry;
            let ended = ended.and_then(|ended| ended.get(place));
            let state = if ended.is_none() { ChangeState::Begun } else { ChangeState::Done };
            rows.begin();
            rows.plain(&self.id);
            rows.plain(&self.next);
            rows.plain(&state.word());
            // When the transaction began: a literal knows no other time.
            rows.plain(&"now");
            for text in [script, script_digest, location, verb, object, sent] {
                rows.text(Some(text));
            }
            rows.text(inverse.as_ref().map(|inverse| inverse.sql.as_str()));
            rows.text(inverse.as_ref().map(|inverse| inverse.kind.as_str()));
            rows.text(inverse.as_ref().and_then(|inverse| inverse.notes.as_deref()));
            match ended {
                Some(ended) => rows.plain(&format_args!("{:.3}", ended.elapsed_ms)),
                None => rows.text(None),
            }
            match ended.and_then(|ended| ended.rows) {
                Some(number) => rows.plain(&number),
                None => rows.text(None),
            }
            rows.plain(attempts);
            rows.plain(lock_wait_ms);
            rows.plain(&format_args!("{:.3}", ended.map_or(0.0, |ended| ended.blocked_ms)));
            // The SQLSTATE, the error, and the run that took it back.
            for _ in 0..3 {
                rows.text(None);
            }
            self.next += 1;
        }
        let (schema, rows) = (&self.schema, quote_literal(&rows.end()));
        let _ = write!(sql, "INSERT INTO {schema}.changes SELECT * FROM pg_catalog.unnest({rows}::{schema}.changes[])");
        sql
    }

    /// What was written since is committed.
    pub const fn committed(&mut self) {
        self.recorded |= self.written;
        self.uncommitted = self.next;
    }

    /// What was written since was undone with its transaction.
    pub const fn undone(&mut self) {
        self.written = self.recorded;
        self.next = self.uncommitted;
    }

    /// Finds out, over a new connection, what of this run is committed: a connection may be lost between a COMMIT and its answer.
    /// Returns how many changes more than was known.
    ///
    /// # Errors
    /// [`ServerError`].
    pub fn find_again(&mut self, session: &mut Session) -> Result<usize, ServerError> {
        let sql = format!(
            "SELECT (SELECT count(*) FROM {0}.runs WHERE id = {1}) + (SELECT coalesce(max(number), 0) FROM {0}.changes WHERE \
             run_id = {1}) AS value",
            self.schema, self.id
        );
        let found: Number = sql_query(&sql).get_result(session.diesel()).map_err(|error| recognise(&error, &sql))?;
        (self.recorded, self.written) = (found.value > 0, found.value > 0);
        let known = self.uncommitted;
        // One for the run's own row, one because numbers begin with it.
        self.next = i32::try_from(found.value.max(1)).unwrap_or(i32::MAX);
        self.uncommitted = self.next;
        Ok(usize::try_from(self.next - known).unwrap_or(0))
    }

    /// Writes down what came of the steps recorded last, which stand outside of a transaction.
    ///
    /// # Errors
    /// [`ServerError`].
    pub fn done(&mut self, work: &mut Work<'_>, ended: &[Ended]) -> Result<(), ServerError> {
        let first = self.next - i32::try_from(ended.len()).unwrap_or(0);
        let mut sql = String::new();
        for (number, ended) in (first..).zip(ended) {
            let _ = write!(
                sql,
                "UPDATE {}.changes SET (state, elapsed_ms, rows, blocked_ms) = ROW('done', {}) WHERE run_id = {} AND number = \
                 {number};",
                self.schema,
                figures(ended),
                self.id
            );
        }
        work.execute(&sql)
    }

    /// Writes down that a step failed: the one recorded last, or one that was undone with its transaction.
    ///
    /// # Errors
    /// [`ServerError`].
    pub fn failed(
        &mut self,
        work: &mut Work<'_>,
        undone: Option<Entry>,
        elapsed_ms: f64,
        sqlstate: Option<&str>,
        error: &str,
    ) -> Result<(), ServerError> {
        if let Some(entry) = undone {
            work.execute(&self.record(&[Entry { inverse: None, ..entry }], None))?;
            self.committed();
        }
        let sql = format!(
            "UPDATE {}.changes SET state = 'failed', inverse = NULL, elapsed_ms = {elapsed_ms}, sqlstate = {}, error = {} WHERE \
             run_id = {} AND number = {} AND state = 'begun'",
            self.schema,
            text(sqlstate),
            quote_literal(error),
            self.id,
            self.next - 1
        );
        work.execute(&sql)
    }

    /// Writes down that changes were taken back, by this run if it did anything.
    ///
    /// # Errors
    /// [`ServerError`].
    pub fn taken_back(&self, work: &mut Work<'_>, changes: &[(i64, i32)]) -> Result<(), ServerError> {
        let changes: Vec<String> = changes.iter().map(|(run, number)| format!("({run}, {number})")).collect();
        work.execute(&format!(
            "UPDATE {}.changes SET undone_by = {} WHERE (run_id, number) IN (VALUES {})",
            self.schema,
            self.id,
            changes.join(", ")
        ))
    }

    /// Writes down how the run ended, after the transaction of a look, if one is open. One round trip.
    ///
    /// # Errors
    /// [`ServerError`].
    pub fn end(&mut self, session: &mut Session, end: &RunEnd) -> Result<(), ServerError> {
        // A server that crashes at once after it takes the run for interrupted, and that is all.
        let mut sql = format!("SET LOCAL synchronous_commit = off; {}", self.opening());
        let left = end.left.as_ref().map(|left| format!(", left_as = {}", quote_literal(left))).unwrap_or_default();
        let _ = write!(
            sql,
            "UPDATE {}.runs SET ended_at = clock_timestamp(), outcome = {}, exit_code = {}, blocked_ms = {}, error = {}{left} WHERE \
             id = {}",
            self.schema,
            quote_literal(&end.outcome),
            end.exit_code,
            end.blocked_ms,
            text(end.error.as_deref()),
            self.id
        );
        session.execute_after_look(&sql)
    }

    /// Writes down what the run has left behind, on the other connection: it takes the server as long as a step. Returns whether it is
    /// written; what is not then is to be written with the run's [`end`](Self::end).
    #[must_use]
    pub fn leaves(&self, control: &mut Control, left: &str) -> bool {
        let sql = format!(
            "SET LOCAL lock_timeout = {LOCK_TIMEOUT_MS}; SET LOCAL synchronous_commit = off; UPDATE {}.runs SET left_as = {} WHERE id = \
             {}",
            self.schema,
            quote_literal(left),
            self.id
        );
        self.recorded && control.connection().batch_execute(&sql).is_ok()
    }

    /// Returns the statement that makes the run's own row, where it is still to be made.
    fn opening(&mut self) -> String {
        if self.written {
            return String::new();
        }
        self.written = true;
        let NewRun { command, os_user, host, tool_version, revision, scripts_digest, backup } = &self.run;
        format!(
            "INSERT INTO {}.runs (id, command, begun_at, role, process, blocked_ms, os_user, host, tool_version, revision, \
             scripts_digest, backup) VALUES ({}, {}, pg_catalog.clock_timestamp(), session_user, pg_catalog.pg_backend_pid(), 0, {}, {}, \
             {}, {}, {}, {}); ",
            self.schema,
            self.id,
            quote_literal(command),
            text(os_user.as_deref()),
            text(host.as_deref()),
            quote_literal(tool_version),
            text(revision.as_deref()),
            text(scripts_digest.as_deref()),
            text(backup.as_deref())
        )
    }
}

fn figures(ended: &Ended) -> String {
    let rows = ended.rows.map_or_else(|| "NULL".to_owned(), |rows| rows.to_string());
    format!("{:.3}, {rows}, {:.3}", ended.elapsed_ms, ended.blocked_ms)
}

/// Tables of old values, which their names say, and how each stands: nothing is in it, or the run that was the last to keep
/// something there is past, or is not.
const KEPT: &str = "SELECT c.relname::text AS value FROM pg_catalog.pg_class c WHERE c.relnamespace = \
                    pg_catalog.to_regnamespace({schema})::oid AND c.relkind = 'r' AND c.relname ~ '^old_[0-9a-f]{12}$' AND \
                    pg_catalog.pg_has_role(c.relowner, 'USAGE') ORDER BY 1";

impl Journal {
    /// Drops the old values that the last run to keep them kept longer than `age` ago, and tables in which none are left, and notes
    /// the day with the changes that they belong to. Returns whose values were dropped. To be called with the runner lock.
    ///
    /// # Errors
    /// [`ServerError`]; what is dropped until then is.
    pub fn expire(&self, session: &mut Session, age: Duration) -> Result<Vec<String>, ServerError> {
        if !self.keeps {
            return Ok(Vec::new());
        }
        let schema = &self.schema;
        let sql = KEPT.replace("{schema}", &quote_literal(&schema.to_string()));
        let tables: Vec<Word> = sql_query(&sql).load(session.diesel()).map_err(|error| recognise(&error, &sql))?;
        let mut dropped = Vec::new();
        for Word { value: name } in tables {
            let (table, seconds) = (format!("{schema}.{name}"), age.as_secs());
            // A run that nobody remembers is none that could be taken back.
            let sql = format!(
                "SELECT CASE WHEN k.run IS NULL THEN 'empty' WHEN r.id IS NULL OR r.begun_at < pg_catalog.clock_timestamp() - \
                 {seconds} * interval '1 second' THEN 'expired' ELSE 'kept' END AS value FROM (SELECT max(run) AS run FROM \
                 {table}) k LEFT JOIN {schema}.runs r ON r.id = k.run"
            );
            let state: Word = sql_query(&sql).get_result(session.diesel()).map_err(|error| recognise(&error, &sql))?;
            if state.value == "kept" {
                continue;
            }
            let notes = quote_literal(&table);
            let of = format!(
                "SELECT coalesce((SELECT c.inverse_notes::jsonb #>> '{{kept,of}}' FROM {schema}.changes c WHERE \
                 strpos(c.inverse_notes, {notes}) > 0 LIMIT 1), {notes}) AS value"
            );
            let of: Word = sql_query(&of).get_result(session.diesel()).map_err(|error| recognise(&error, &of))?;
            let is_expired = state.value == "expired";
            let format = if is_expired { "YYYY-MM-DD" } else { "" };
            let sql = format!(
                "SET LOCAL lock_timeout = {LOCK_TIMEOUT_MS}; DROP TABLE {table}; UPDATE {schema}.changes SET inverse_notes = \
                 pg_catalog.jsonb_set(inverse_notes::jsonb, '{{kept,expired}}', pg_catalog.to_jsonb(coalesce(pg_catalog.to_char(\
                 pg_catalog.clock_timestamp() AT TIME ZONE 'UTC', '{format}'), '')))::text WHERE undone_by IS NULL AND \
                 strpos(inverse_notes, {notes}) > 0 AND inverse_notes::jsonb #> '{{kept,expired}}' IS NULL"
            );
            session.begin(None, "")?;
            let done = session.work().execute(&sql).and_then(|()| session.commit());
            done.inspect_err(|_| session.roll_back())?;
            if is_expired {
                dropped.push(of.value);
            }
        }
        Ok(dropped)
    }
}

/// How far a backfill is, as it stands in the journal.
#[derive(Clone, Debug, PartialEq, Eq, QueryableByName)]
pub struct Watermark {
    /// Its number.
    #[diesel(sql_type = BigInt)]
    pub id: i64,
    /// `working`, `pausing`, `paused`, `cancelling`, `canceled`, `done`.
    #[diesel(sql_type = Text)]
    pub state: String,
    /// Which time it goes through the table.
    #[diesel(sql_type = Integer)]
    pub pass: i32,
    /// The page at which the next batch begins.
    #[diesel(sql_type = BigInt)]
    pub next_page: i64,
    /// The key after which it begins, as a JSON array of texts.
    #[diesel(sql_type = Nullable<Text>)]
    pub after_key: Option<String>,
    /// The rows changed so far.
    #[diesel(sql_type = BigInt)]
    pub rows: i64,
}

impl Journal {
    /// Finds or makes the watermark of a backfill, of which `identity` says which it is. Where its `table` is in another file than
    /// before, it begins anew.
    ///
    /// A backfill that is paused is returned as it stands; one that was killed goes on where it was.
    ///
    /// # Errors
    /// [`ServerError`].
    pub fn watermark(
        &self,
        session: &mut Session,
        identity: &str,
        entry: (&str, &str),
        table: &str,
    ) -> Result<Watermark, ServerError> {
        let (schema, id) = (&self.schema, self.id);
        if !has_backfills(session.diesel(), schema)? {
            make(session.diesel(), schema, &|_| true)?;
        }
        let (location, object) = (quote_literal(entry.0), quote_literal(entry.1));
        let (identity, table) = (quote_literal(identity), quote_literal(table));
        let digest = format!("pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to({identity}, 'UTF8')), 'hex')");
        let file = format!("pg_catalog.pg_relation_filenode(pg_catalog.to_regclass({table}))");
        // In a SET the columns are those of before.
        let kept = "b.file = EXCLUDED.file AND b.state NOT IN ('done', 'canceled')";
        let sql = format!(
            "INSERT INTO {schema}.backfills AS b (digest, id, run_id, location, object, state, file) VALUES ({digest}, (SELECT \
             coalesce(max(id), 0) + 1 FROM {schema}.backfills), {id}, {location}, {object}, 'working', {file}) ON CONFLICT (digest) DO UPDATE SET run_id = EXCLUDED.run_id, location = \
             EXCLUDED.location, object = EXCLUDED.object, file = EXCLUDED.file, state = CASE WHEN b.state IN ('paused', \
             'pausing') THEN 'paused' ELSE 'working' END, pass = CASE WHEN {kept} THEN b.pass ELSE 1 END, next_page = CASE WHEN \
             {kept} THEN b.next_page ELSE 0 END, after_key = CASE WHEN {kept} THEN b.after_key END, rows = CASE WHEN {kept} THEN \
             b.rows ELSE 0 END, updated_at = clock_timestamp() RETURNING id, state, pass, next_page, after_key, rows"
        );
        sql_query(&sql).get_result(session.diesel()).map_err(|error| recognise(&error, &sql))
    }
}

/// Where a backfill is after a batch.
#[derive(Clone, Copy, Debug)]
pub struct Mark<'a> {
    /// Which time it goes through the table.
    pub pass: i32,
    /// The page at which the next batch begins, and the pages of the table.
    pub pages: (u64, u64),
    /// The key after which it begins, as a JSON array of texts.
    pub after_key: Option<&'a str>,
    /// The rows of this batch.
    pub rows: u64,
}

impl Watermark {
    /// Writes in the transaction of a batch how far the backfill is then; returns the state that is wanted of it. `None`: its row
    /// is gone.
    ///
    /// # Errors
    /// [`ServerError`].
    pub fn advance(
        &self,
        session: &mut Session,
        schema: &Ident,
        mark: Mark<'_>,
    ) -> Result<Option<(String, u64)>, ServerError> {
        let sql = format!(
            "UPDATE {schema}.backfills SET pass = {}, next_page = {}, pages = {}, after_key = {}, rows = rows + {}, updated_at = \
             clock_timestamp() WHERE id = {} RETURNING state, ({WAITERS}) AS waiting",
            mark.pass,
            mark.pages.0,
            mark.pages.1,
            text(mark.after_key),
            mark.rows,
            self.id
        );
        let rows: Vec<Advanced> = sql_query(&sql).load(session.diesel()).map_err(|error| recognise(&error, &sql))?;
        Ok(rows.into_iter().next().map(|row| (row.state, u64::try_from(row.waiting).unwrap_or(0))))
    }

    /// Writes down that the backfill is in another state.
    ///
    /// # Errors
    /// [`ServerError`].
    pub fn settle(&self, session: &mut Session, schema: &Ident, state: &str) -> Result<(), ServerError> {
        let sql = format!(
            "UPDATE {schema}.backfills SET state = {}, updated_at = clock_timestamp() WHERE id = {}",
            quote_literal(state),
            self.id
        );
        session.work().execute(&sql)
    }
}

/// Returns a query of this folder about the journal of a schema.
fn query(text: &str, schema: &Ident) -> String {
    let (class, object) = RUNNER_LOCK;
    text.replace("{schema}", &schema.to_string())
        .replace("{class}", &class.to_string())
        .replace("{object}", &object.to_string())
}

fn read(connection: &mut PgConnection, schema: &Ident, filter: &Filter) -> Result<Option<History>, ServerError> {
    if !exists(connection, schema)? {
        return Ok(None);
    }
    let optional = |text: &Option<String>| text.clone().unwrap_or_default();
    let sql = query(RUNS, schema);
    let runs: Vec<RunRow> = sql_query(&sql)
        .bind::<BigInt, _>(filter.run.unwrap_or(0))
        .bind::<Text, _>(optional(&filter.script))
        .bind::<Text, _>(optional(&filter.object))
        .bind::<Text, _>(optional(&filter.host))
        .bind::<Text, _>(optional(&filter.since))
        .bind::<BigInt, _>(i64::from(filter.limit))
        .load(connection)
        .map_err(|error| recognise(&error, &sql))?;
    let mut changes = Vec::new();
    if let Some(run) = filter.run {
        let sql = query(CHANGES, schema);
        let rows: Vec<ChangeRow> =
            sql_query(&sql).bind::<BigInt, _>(run).load(connection).map_err(|error| recognise(&error, &sql))?;
        changes = rows.into_iter().map(Change::from).collect();
    }
    let mut backfills: Vec<BackfillRow> = Vec::new();
    if has_backfills(connection, schema)? {
        let sql = query(BACKFILLS, schema);
        backfills = sql_query(&sql).load(connection).map_err(|error| recognise(&error, &sql))?;
    }
    Ok(Some(History {
        runs: runs.into_iter().map(Run::from).collect(),
        changes,
        backfills: backfills.into_iter().map(Backfill::from).collect(),
        ..History::default()
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_version_of_the_journal_is_known() {
        assert_eq!(known(), ["00000000000001", "00000000000002", "00000000000003", "00000000000004"]);
    }

    #[test]
    fn queries_name_the_schema_quoted() {
        let schema = Ident::new("Odd schema");
        let sql = query(RUNS, &schema);
        assert!(sql.contains("\"Odd schema\".runs") && !sql.contains('{'), "{sql}");
    }
}
