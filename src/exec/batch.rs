//! Rows changed in batches: how many at a time, how long to rest, when to try again.

use std::{
    thread,
    time::{Duration, Instant},
};

use crate::{
    db::{ServerError, Session, Stop},
    event::Event,
    pg::{RowCount, StatementTimeout},
    plan::{Batches, Step},
};

use super::{may_retry, pause, replicas::Replication};

/// How long a batch is to take: so long writers wait for one of its rows at most. Source: ONLINE-DDL section D.3.
const TARGET: Duration = Duration::from_millis(200);
/// Rows of the first batch.
const FIRST: u64 = 1_000;
/// Rows of the largest batch.
const MOST: u64 = 50_000;
/// Rows of the smallest batch.
const LEAST: u64 = 100;
/// The part of the time in which batches run; the rest belongs to others.
const DUTY: f64 = 0.8;
/// The same where there are replicas of which this role may not see how far they are.
const BLIND_DUTY: f64 = 0.5;
/// How often it is looked how far replicas are.
const LOOK: Duration = Duration::from_secs(1);
/// How often it is told that one is waited for.
const TELL: Duration = Duration::from_secs(10);
/// How often a batch is tried that lost against others.
const TRIES: u32 = 10;
/// How often the table is gone through. Rows are left after the first time where others have moved them.
const PASSES: u32 = 20;

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

/// Changes the rows of a backfill until none is left, and returns how many it changed.
///
/// # Errors
/// What the server says; the batches before stay done.
pub(super) fn carry_out_batches(
    session: &mut Session,
    backfill: &Step,
    batches: &Batches,
    stop: &Stop,
    emit: &mut dyn FnMut(Event<'_>),
) -> Result<u64, ServerError> {
    if !batches.as_replica() {
        return all_batches(session, backfill, batches, stop, emit);
    }
    let set = |session: &mut Session, role: &str| {
        let sql = format!("SET session_replication_role = {role}");
        session.work().send(&sql, false, backfill.lock_timeout, backfill.statement_timeout).map(drop)
    };
    set(session, "replica")?;
    let changed = all_batches(session, backfill, batches, stop, emit);
    // Where the connection is lost the setting is too.
    match (set(session, "DEFAULT"), changed) {
        (_, Err(error)) | (Err(error), Ok(_)) => Err(error),
        (Ok(()), Ok(changed)) => Ok(changed),
    }
}

fn all_batches(
    session: &mut Session,
    backfill: &Step,
    batches: &Batches,
    stop: &Stop,
    emit: &mut dyn FnMut(Event<'_>),
) -> Result<u64, ServerError> {
    let started = Instant::now();
    let mut pace = Pace::new(batches.rows());
    let mut others = Others::default();
    let mut changed = 0;
    for _ in 0..PASSES {
        let pages = number(session, &batches.pages())?;
        let mut at = if batches.goes_by_key() { Place::Key(None) } else { Place::Pages(0, pages) };
        let (mut passed, mut vacuumed) = (0, 0);
        let mut failures = 0;
        loop {
            if stop.is_set() {
                return Err(ServerError::interrupted());
            }
            if stop.is_due() {
                return Err(ServerError::time_up());
            }
            if !others.keep_up(session, backfill, stop, emit)? {
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
            let sent = session.work().send(&sql, true, backfill.lock_timeout, backfill.statement_timeout);
            let elapsed = begun.elapsed();
            match sent {
                Ok(rows) => {
                    failures = 0;
                    let rows = rows.unwrap_or(0);
                    changed += rows;
                    passed += match (&at, &next) {
                        (Place::Pages(from, _), Place::Pages(to, _)) => to - from,
                        _ => (pace.rows() / batches.rows_per_page()).max(1),
                    };
                    at = next;
                    emit(Event::Batch {
                        step: backfill,
                        rows: RowCount(changed),
                        pages: (passed.min(pages), pages),
                        elapsed: started.elapsed(),
                    });
                    pace.took(elapsed);
                    if rows > 0 {
                        let duty = if others.are_hidden { BLIND_DUTY } else { DUTY };
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
    Ok(changed)
}

/// The replicas that have to keep up.
#[derive(Default)]
struct Others {
    /// When it was looked how far they are.
    looked: Option<Instant>,
    /// Since when one is waited for, and when that was told.
    waits: Option<(Instant, Instant)>,
    are_hidden: bool,
}

impl Others {
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
            emit(Event::WaitingForReplica { step: backfill, who: &who, waited: since.elapsed() });
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
        pace.took(Duration::from_millis(200));
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
