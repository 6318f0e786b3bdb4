//! Rows changed in batches: how many at a time, how long to rest, when to try again.

use std::{
    thread,
    time::{Duration, Instant},
};

use crate::{
    db::{Mark, ServerError, Session, Stop, WAITERS, Watermark},
    event::Event,
    pg::{Ident, RowCount, StatementTimeout},
    plan::{Batches, Step},
};

use super::{Ledger, may_retry, pause, replicas::Replication};

/// How long a batch is to take: so long writers wait for one of its rows. ONLINE-DDL section D.3 has 200 ms; then one in some hundred
/// writers beside 2,000,000 rows was held up for 100 to 200 ms, which is to be noticed by nobody.
const TARGET: Duration = Duration::from_millis(60);
/// Rows of the first batch.
const FIRST: u64 = 1_000;
/// Rows of the largest batch.
const MOST: u64 = 50_000;
/// Rows of the smallest batch.
const LEAST: u64 = 100;
/// The part of the time in which batches run; the rest belongs to others.
const DUTY: f64 = 0.9;
/// The same where there are replicas of which this role may not see how far they are.
const BLIND_DUTY: f64 = 0.5;
/// The same where others wait for rows of the batches. Source: ONLINE-DDL section D.3.
const CROWDED_DUTY: f64 = 0.3;
/// How many may wait for rows of a batch before more of the time is left to them. Source: the same.
const CROWD: u64 = 3;
/// How often it is looked how far replicas are.
const LOOK: Duration = Duration::from_secs(1);
/// How often it is told that one is waited for.
const TELL: Duration = Duration::from_secs(10);
/// How often a batch is tried that lost against others.
const TRIES: u32 = 10;
/// How often the table is gone through. Rows are left after the first time where others have moved them.
const PASSES: i32 = 20;

/// How many rows the next batch takes.
#[derive(Clone, Copy, Debug)]
struct Pace {
    rows: f64,
    fixed: bool,
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "batches have some hundred to some thousand rows"
)]
impl Pace {
    fn new(rows: Option<u64>) -> Self {
        Self { rows: rows.unwrap_or(FIRST).max(1) as f64, fixed: rows.is_some() }
    }

    fn rows(self) -> u64 {
        self.rows as u64
    }

    fn pages(self, rows_per_page: u64) -> u64 {
        (self.rows() / rows_per_page).max(1)
    }

    /// A batch took that long.
    fn took(&mut self, elapsed: Duration) {
        if !self.fixed {
            let factor = TARGET.as_secs_f64() / elapsed.as_secs_f64().max(0.000_1);
            self.rows = (self.rows * factor.clamp(0.5, 1.5)).clamp(LEAST as f64, MOST as f64);
        }
    }

    /// A batch lost against others: fewer rows meet fewer of them.
    fn lost(&mut self) {
        if !self.fixed {
            self.rows = (self.rows / 2.0).max(LEAST as f64);
        }
    }
}

/// Where a pass through the table is.
enum Place {
    /// The next page, and the number of pages.
    Pages(u64, u64),
    /// The key after which the next batch begins.
    Key(Option<Vec<String>>),
    Done,
}

/// Changes the rows of a backfill until none is left, and returns how many it changed. With a journal it goes on where the last
/// run was, and stops where somebody asks it to.
///
/// # Errors
/// What the server says; the batches before stay done.
pub(super) fn carry_out_batches(
    session: &mut Session,
    backfill: &Step,
    ledger: Option<&Ledger<'_>>,
    stop: &Stop,
    emit: &mut dyn FnMut(Event<'_>),
) -> Result<u64, ServerError> {
    let Some(batches) = &backfill.batches else { return Ok(0) };
    let mut pass = Pass { backfill, batches, stop, books: Books::open(session, batches, ledger)?, asks: true, emit };
    if !batches.as_replica() {
        return pass.all(session);
    }
    let set = |session: &mut Session, role: &str| {
        let sql = format!("SET session_replication_role = {role}");
        session.work().send(&sql, false, backfill.lock_timeout, backfill.statement_timeout).map(drop)
    };
    set(session, "replica")?;
    let changed = pass.all(session);
    // Where the connection is lost the setting is too.
    match (set(session, "DEFAULT"), changed) {
        (_, Err(error)) | (Err(error), Ok(_)) => Err(error),
        (Ok(()), Ok(changed)) => Ok(changed),
    }
}

/// How far a backfill is, as the journal has it.
struct Books {
    mark: Watermark,
    schema: Ident,
}

impl Books {
    /// Opens the books of a backfill. Without a journal, or where its tables are gone, there are none: the rows themselves say
    /// what is left.
    fn open(
        session: &mut Session,
        batches: &Batches,
        ledger: Option<&Ledger<'_>>,
    ) -> Result<Option<Self>, ServerError> {
        let Some(ledger) = ledger else { return Ok(None) };
        let (Some(entry), Some(journal)) = (ledger.entries.first(), ledger.journal.opened()) else { return Ok(None) };
        let words = (entry.location.as_str(), entry.object.as_str());
        let mark = match journal.watermark(session, &batches.identity(), words, &batches.table().to_string()) {
            Ok(mark) => mark,
            Err(error) if error.is_connection_lost() => return Err(error),
            Err(_) => return Ok(None),
        };
        if mark.state == "paused" {
            return Err(ServerError::paused(mark.id, "is paused"));
        }
        Ok(Some(Self { mark, schema: journal.schema().clone() }))
    }
}

/// What came of a batch.
struct Sent {
    rows: u64,
    /// The state that is wanted of the backfill, where there are books.
    wanted: Option<String>,
    /// How many sessions waited for its rows at its end.
    waiting: u64,
}

/// One backfill at work.
struct Pass<'a, 'e> {
    backfill: &'a Step,
    batches: &'a Batches,
    stop: &'a Stop,
    books: Option<Books>,
    /// Whether it is asked who waits for rows.
    asks: bool,
    emit: &'e mut dyn FnMut(Event<'_>),
}

impl Pass<'_, '_> {
    /// Goes through the table until no row is left.
    fn all(&mut self, session: &mut Session) -> Result<u64, ServerError> {
        let (backfill, batches, stop) = (self.backfill, self.batches, self.stop);
        let started = Instant::now();
        let mut pace = Pace::new(batches.rows());
        let mut others = Others::default();
        let mut changed = 0;
        let first = self.books.as_ref().map_or(1, |books| books.mark.pass);
        for number_of_pass in first..first + PASSES {
            let pages = number(session, &batches.pages())?;
            let mut at = self.place(number_of_pass == first, pages);
            let mut passed = if let Place::Pages(from, _) = at { from } else { 0 };
            let mut vacuumed = passed;
            let mut failures = 0;
            loop {
                if stop.is_set() {
                    return Err(ServerError::interrupted());
                }
                if stop.is_due() {
                    return Err(ServerError::time_up());
                }
                if !others.keep_up(session, backfill, stop, self.emit)? {
                    continue;
                }
                let (sql, next) = match &at {
                    Place::Done => break,
                    Place::Pages(from, to) if from >= to => break,
                    Place::Pages(from, last) => {
                        let to = (from + pace.pages(batches.rows_per_page())).min(*last);
                        (batches.of_pages(*from, to), Place::Pages(to, *last))
                    }
                    Place::Key(after) => {
                        let to = session.value(&batches.boundary(after.as_deref(), pace.rows()))?;
                        let to: Option<Vec<String>> = to.and_then(|to| serde_json::from_str(&to).ok());
                        let sql = batches.of_keys(after.as_deref(), to.as_deref());
                        (sql, to.map_or(Place::Done, |to| Place::Key(Some(to))))
                    }
                };
                let begun = Instant::now();
                let sent = self.one(session, &sql, number_of_pass, &next, pages);
                let elapsed = begun.elapsed();
                match sent {
                    Ok(Sent { rows, wanted, waiting }) => {
                        failures = 0;
                        changed += rows;
                        passed += match (&at, &next) {
                            (Place::Pages(from, _), Place::Pages(to, _)) => to - from,
                            _ => (pace.rows() / batches.rows_per_page()).max(1),
                        };
                        at = next;
                        (self.emit)(Event::Batch {
                            step: backfill,
                            rows: RowCount(changed),
                            pages: (passed.min(pages), pages),
                            elapsed: started.elapsed(),
                        });
                        self.obey(session, wanted.as_deref())?;
                        pace.took(elapsed);
                        if rows > 0 {
                            let duty = others.duty(waiting, backfill, self.emit);
                            rest(elapsed.mul_f64(1.0 / duty - 1.0), stop);
                        }
                    }
                    Err(error) if may_retry(&error) && !error.is_connection_lost() && failures < TRIES => {
                        pace.lost();
                        rest(pause(failures, Duration::ZERO, fastrand::f64()), stop);
                        failures += 1;
                    }
                    Err(error) => return Err(error),
                }
                if let Some(vacuum) = batches.vacuum()
                    && passed - vacuumed >= (pages / 10).max(1)
                {
                    vacuumed = passed;
                    // Only space is at stake: who may not, or finds the table locked, goes on without.
                    let mut work = session.work();
                    work.limit(false, backfill.lock_timeout, StatementTimeout::NONE)?;
                    drop(work.send(&vacuum, false, backfill.lock_timeout, StatementTimeout::NONE));
                    work.limit(false, backfill.lock_timeout, backfill.statement_timeout)?;
                }
            }
            if session.value(batches.probe())?.as_deref() != Some("true") {
                break;
            }
        }
        if let Some(books) = &self.books {
            drop(books.mark.settle(session, &books.schema, "done"));
        }
        Ok(changed)
    }

    /// Returns where a pass begins: the first one where the last run was.
    fn place(&self, first: bool, pages: u64) -> Place {
        let mark = self.books.as_ref().map(|books| &books.mark).filter(|_| first);
        if self.batches.goes_by_key() {
            return Place::Key(mark.and_then(|mark| serde_json::from_str(mark.after_key.as_deref()?).ok()));
        }
        let from = mark.map_or(0, |mark| u64::try_from(mark.next_page).unwrap_or(0));
        Place::Pages(if from < pages { from } else { 0 }, pages)
    }

    /// Sends one batch and, in its transaction, how far the backfill is then.
    fn one(
        &mut self,
        session: &mut Session,
        sql: &str,
        pass: i32,
        next: &Place,
        pages: u64,
    ) -> Result<Sent, ServerError> {
        let rows = self.begin(session, sql)?;
        let Some(books) = &self.books else { return self.end_without_books(session, sql, rows) };
        let after = match next {
            Place::Key(Some(after)) => serde_json::to_string(after).ok(),
            _ => None,
        };
        let at = if let Place::Pages(at, _) = next { *at } else { 0 };
        let mark = Mark { pass, pages: (at, pages), after_key: after.as_deref(), rows };
        match books.mark.advance(session, &books.schema, mark) {
            Ok(state) => {
                session.commit().inspect_err(|_| session.roll_back())?;
                let (wanted, waiting) = state.map_or((None, 0), |(wanted, waiting)| (Some(wanted), waiting));
                Ok(Sent { rows, wanted, waiting })
            }
            Err(error) if error.is_connection_lost() => Err(error),
            Err(_) => {
                // The journal is gone, and the batch with it: once more, without.
                session.roll_back();
                self.books = None;
                let rows = self.begin(session, sql)?;
                self.end_without_books(session, sql, rows)
            }
        }
    }

    /// Begins a transaction and sends a batch in it.
    fn begin(&self, session: &mut Session, sql: &str) -> Result<u64, ServerError> {
        let (lock, statement) = (self.backfill.lock_timeout, self.backfill.statement_timeout);
        session.begin(None, "")?;
        let mut work = session.work();
        let sent = work.send(sql, true, lock, statement);
        let sent = sent.and_then(|rows| super::not_too_much(&mut work, self.backfill).map(|()| rows));
        Ok(sent.inspect_err(|_| session.roll_back())?.unwrap_or(0))
    }

    fn end_without_books(&mut self, session: &mut Session, sql: &str, mut rows: u64) -> Result<Sent, ServerError> {
        let mut waiting = 0;
        if self.asks {
            match number(session, WAITERS) {
                Ok(number) => waiting = number,
                Err(error) if error.is_connection_lost() => return Err(error),
                Err(_) => {
                    // A role may be forbidden to see locks; that has undone the batch.
                    session.roll_back();
                    self.asks = false;
                    rows = self.begin(session, sql)?;
                }
            }
        }
        session.commit().inspect_err(|_| session.roll_back())?;
        Ok(Sent { rows, wanted: None, waiting })
    }

    /// Stops where somebody asked for that.
    fn obey(&self, session: &mut Session, wanted: Option<&str>) -> Result<(), ServerError> {
        let (settled, words) = match wanted {
            Some("pausing") => ("paused", "was paused"),
            Some("cancelling") => ("canceled", "was canceled"),
            _ => return Ok(()),
        };
        let Some(books) = &self.books else { return Ok(()) };
        books.mark.settle(session, &books.schema, settled)?;
        Err(ServerError::paused(books.mark.id, words))
    }
}

/// Those whom a backfill has to leave room for.
#[derive(Default)]
struct Others {
    /// When it was looked how far they are.
    looked: Option<Instant>,
    /// Since when one is waited for, and when that was told.
    waits: Option<(Instant, Instant)>,
    are_hidden: bool,
    /// When it was told that many wait for rows.
    crowded: Option<Instant>,
}

impl Others {
    /// Returns the part of the time in which batches may run, after one whose rows so many were waiting for.
    fn duty(&mut self, waiting: u64, backfill: &Step, emit: &mut dyn FnMut(Event<'_>)) -> f64 {
        if waiting <= CROWD {
            return if self.are_hidden { BLIND_DUTY } else { DUTY };
        }
        if self.crowded.is_none_or(|told| told.elapsed() >= TELL) {
            let who = format!("{waiting} sessions want rows of its batches");
            emit(Event::WaitingForOthers { step: backfill, who: &who, waited: Duration::ZERO });
            self.crowded = Some(Instant::now());
        }
        CROWDED_DUTY
    }

    /// Returns whether the next batch may begin; where a replica is far behind, after a pause.
    fn keep_up(
        &mut self,
        session: &mut Session,
        backfill: &Step,
        stop: &Stop,
        emit: &mut dyn FnMut(Event<'_>),
    ) -> Result<bool, ServerError> {
        if self.looked.is_some_and(|looked| looked.elapsed() < LOOK) {
            return Ok(true);
        }
        let replication = Replication::of(session)?;
        self.are_hidden = replication.is_hidden();
        let Some(who) = replication.behind() else {
            (self.looked, self.waits) = (Some(Instant::now()), None);
            return Ok(true);
        };
        let (since, told) = self.waits.unwrap_or_else(|| (Instant::now(), Instant::now()));
        let tell = self.waits.is_none() || told.elapsed() >= TELL;
        if tell {
            emit(Event::WaitingForOthers { step: backfill, who: &who, waited: since.elapsed() });
        }
        self.waits = Some((since, if tell { Instant::now() } else { told }));
        rest(LOOK, stop);
        Ok(false)
    }
}

fn number(session: &mut Session, sql: &str) -> Result<u64, ServerError> {
    Ok(session.value(sql)?.and_then(|value| value.parse().ok()).unwrap_or(0))
}

#[expect(clippy::disallowed_methods, reason = "leaving time to others is the work of this file")]
fn rest(time: Duration, stop: &Stop) {
    let until = Instant::now() + time;
    while Instant::now() < until && !stop.is_set() {
        thread::sleep(until.saturating_duration_since(Instant::now()).min(Duration::from_millis(50)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_grow_and_shrink_towards_the_target() {
        let mut pace = Pace::new(None);
        assert_eq!((pace.rows(), pace.pages(75)), (1_000, 13));
        pace.took(Duration::from_millis(10));
        assert_eq!(pace.rows(), 1_500);
        pace.took(Duration::from_secs(2));
        assert_eq!(pace.rows(), 750);
        pace.took(TARGET);
        assert_eq!(pace.rows(), 750);
        for _ in 0..100 {
            pace.took(Duration::from_millis(1));
        }
        assert_eq!(pace.rows(), MOST);
        for _ in 0..100 {
            pace.lost();
        }
        assert_eq!((pace.rows(), pace.pages(1_000)), (LEAST, 1));
    }

    #[test]
    fn a_size_that_the_script_gives_stays() {
        let mut pace = Pace::new(Some(5_000));
        pace.took(Duration::from_secs(2));
        pace.lost();
        assert_eq!(pace.rows(), 5_000);
    }
}
