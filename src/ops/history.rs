//! `history` and `backfill`: what the journal remembers.

#![expect(clippy::disallowed_methods, reason = "a command is timed here")]

use std::{collections::BTreeMap, time::Instant};

use crate::{
    config::Settings,
    db::{ServerError, Session, SnapshotError},
    diagnostic::{Code, Diagnostic},
    diff::{Touched, words_of},
    event::{Command, Event, Report},
    exec::Interrupt,
    journal::{Drift, Filter, Keeping, Left, last_left},
    pg::{Ident, ObjectName},
};

use super::{errors, look, run::Operation, tell::Notes};

/// How many runs `status` tells of.
const LAST: u32 = 3;

/// What is wanted of a backfill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// That it stops, and stays stopped.
    Pause,
    /// That the next run goes on with it.
    Resume,
    /// That it stops, and begins anew the next time.
    Cancel,
}

impl Wish {
    /// The states in which it can be wanted, the state it leads to where a run works on the backfill, and its word.
    const fn terms(self) -> (&'static [&'static str], &'static str, &'static str) {
        match self {
            Self::Pause => (&["working"], "pausing", "paused"),
            Self::Resume => (&["paused", "pausing"], "working", "resumed"),
            Self::Cancel => (&["working", "pausing", "paused"], "cancelling", "canceled"),
        }
    }
}

impl Operation<'_, '_> {
    /// Notes the last runs, and what they left to do. Without a journal, or without the right to read it, there are none.
    pub(super) fn recall(&mut self, session: &mut Session) {
        if let Keeping::In(schema) = &self.settings.journal {
            let filter = Filter { limit: LAST, ..Filter::default() };
            self.notes.history = session.history(schema, &filter).ok().flatten();
            if let Some(history) = &mut self.notes.history {
                let kept = session.kept_values(schema, self.settings.limits.keep_old_for);
                history.kept = kept.unwrap_or_default();
                history.drift = drift(session, schema).unwrap_or_default();
            }
        }
    }
}

/// Tells what the journal remembers. Read-only.
pub(super) fn history(
    settings: &Settings,
    filter: &Filter,
    interrupt: &Interrupt,
    emit: &mut dyn FnMut(Event<'_>),
) -> Report {
    with_journal(Command::History, settings, interrupt, emit, &mut |session, schema, notes| {
        let found = session.history(schema, filter).map_err(|error| unreadable(&error, filter))?;
        let mut found = found.unwrap_or_default();
        if filter.run.is_none() {
            let kept = session.kept_values(schema, settings.limits.keep_old_for);
            found.kept = kept.map_err(|error| unreadable(&error, filter))?;
            found.kept.retain(|one| filter.object.as_ref().is_none_or(|object| one.of.contains(object)));
            found.drift = drift(session, schema).map_err(|error| Box::new(errors::of_snapshot(&error)))?;
            // As the runs are narrowed down.
            found.drift.retain(|one| filter.object.as_ref().is_none_or(|object| one.object.contains(object)));
        }
        if let (Some(run), true) = (filter.run, found.runs.is_empty()) {
            return Err(Box::new(
                Diagnostic::error(Code::Usage, format!("the journal knows no run {run}"))
                    .help("`hrms-migrate history` lists them"),
            ));
        }
        notes.history = Some(found);
        Ok(())
    })
}

/// Returns the objects that are not as the last run that touched them has left them. Cost: a look at these objects.
fn drift(session: &mut Session, schema: &Ident) -> Result<Vec<Drift>, SnapshotError> {
    let server = |error| SnapshotError::Server(Box::new(error));
    let runs = session.left(schema).map_err(server)?;
    let last = last_left(&runs);
    if last.is_empty() {
        return Ok(Vec::new());
    }
    let left: Vec<Left> = last.iter().map(|(left, _)| left.clone()).collect();
    let touched = Touched::of_past(&left);
    let snapshot = session.look(&touched.scope(), false)?;
    let now: BTreeMap<_, Left> = touched.left(Some(&snapshot)).into_iter().map(|left| (key(&left), left)).collect();
    let mut drift = Vec::new();
    let mut relations = Vec::new();
    for (left, run) in last {
        let Some(is) = now.get(&key(&left)).filter(|now| now.is != left.is) else { continue };
        let name = left.relation.as_ref().unwrap_or(&left.name);
        relations.push(ObjectName { schema: Ident::new(&left.schema), name: Ident::new(name) });
        drift.push(Drift {
            object: words_of(is),
            run: run.run,
            begun: run.begun.clone(),
            was: left.is,
            is: is.is.clone(),
            changed: None,
        });
    }
    for (one, changed) in drift.iter_mut().zip(session.changed_at(&relations).map_err(server)?) {
        one.changed = changed;
    }
    drift.sort_by(|one, other| (other.run, &one.object).cmp(&(one.run, &other.object)));
    Ok(drift)
}

fn key(left: &Left) -> (String, Option<String>, String, String) {
    (left.schema.clone(), left.relation.clone(), left.kind.clone(), left.name.clone())
}

/// Lists the backfills that are not done, after asking for something else of one. `id`: which one; where there is only one it
/// need not be named.
pub(super) fn backfill(
    settings: &Settings,
    wish: Option<(Wish, Option<i64>)>,
    interrupt: &Interrupt,
    emit: &mut dyn FnMut(Event<'_>),
) -> Report {
    with_journal(Command::Backfill, settings, interrupt, emit, &mut |session, schema, notes| {
        let filter = Filter { limit: 0, ..Filter::default() };
        let read =
            |session: &mut Session| session.history(schema, &filter).map_err(|error| unreadable(&error, &filter));
        let mut found = read(session)?.unwrap_or_default();
        if let Some((wish, id)) = wish {
            let (from, to, word) = wish.terms();
            let open = found.backfills.iter().filter(|one| one.state != "canceled");
            let ids: Vec<i64> = open.map(|backfill| backfill.id).collect();
            let id = match (id, ids.as_slice()) {
                (Some(id), _) => id,
                (None, [only]) => *only,
                (None, several) => {
                    let what = match several.len() {
                        0 => "no backfill is open".to_owned(),
                        some => format!("{some} backfills are open; none is named"),
                    };
                    return Err(Box::new(
                        Diagnostic::error(Code::Usage, what)
                            .help("name one by its number; `hrms-migrate backfill` lists them"),
                    ));
                }
            };
            let at_work = found.backfills.iter().any(|one| one.id == id && one.state == "working");
            let changed = session.set_backfill(schema, id, from, to).map_err(|error| unwritable(&error))?;
            if !changed {
                return Err(Box::new(
                    Diagnostic::error(Code::Usage, format!("backfill {id} cannot be {word}"))
                        .why("it is not open, or is so already")
                        .help("`hrms-migrate backfill` lists those that are open"),
                ));
            }
            if !at_work && wish != Wish::Resume {
                // Nobody is there to obey.
                session.set_backfill(schema, id, &[to], word).map_err(|error| unwritable(&error))?;
            }
            found = read(session)?.unwrap_or_default();
        }
        notes.history = Some(found);
        Ok(())
    })
}

/// What is done with the journal of a schema.
type Action<'a> = dyn FnMut(&mut Session, &Ident, &mut Notes) -> Result<(), Box<Diagnostic>> + 'a;

/// Connects, and does what is wanted with the journal.
fn with_journal(
    command: Command,
    settings: &Settings,
    interrupt: &Interrupt,
    emit: &mut dyn FnMut(Event<'_>),
    action: &mut Action<'_>,
) -> Report {
    let started = Instant::now();
    let mut notes = Notes::new(command);
    let mut go = || {
        let Keeping::In(schema) = &settings.journal else {
            let what = "`--no-journal` leaves nothing to look at";
            return Err(Box::new(Diagnostic::error(Code::NoJournal, what).help("leave it out")));
        };
        let site = look::connect(settings, None, interrupt, emit)?;
        let mut session = site.connections.session().map_err(|error| Box::new(errors::of_connect(&error)))?;
        let snapshot = session.look(&crate::catalog::Scope::default(), false);
        let snapshot = snapshot.map_err(|error| Box::new(errors::of_snapshot(&error)))?;
        look::old_enough(&snapshot)?;
        let place = look::place(&site, &snapshot);
        emit(Event::Connected(&place));
        notes.place = Some(place);
        if command == Command::Backfill {
            session.end_look().map_err(|error| unwritable(&error))?;
        }
        action(&mut session, schema, &mut notes)
    };
    if let Err(diagnostic) = go() {
        notes.diagnostics.push(*diagnostic);
    }
    notes.interrupted = interrupt.signal().filter(|_| notes.history.is_none());
    notes.report(None, None, None, started.elapsed())
}

fn unreadable(error: &ServerError, filter: &Filter) -> Box<Diagnostic> {
    let diagnostic = match &filter.since {
        // The only filter that the server reads.
        Some(since) if error.message.contains("timestamp") || error.message.contains("date/time") => {
            Diagnostic::error(Code::Usage, format!("--since: {} is no date or time", since.escape_debug()))
                .help("write 2026-11-21, 2026-11-21 05:30, yesterday, or anything else that PostgreSQL reads")
        }
        _ => Diagnostic::error(Code::NoJournal, "the journal could not be read")
            .why(format!("the server says: {error}"))
            .help("grant the role SELECT on its tables"),
    };
    Box::new(diagnostic)
}

fn unwritable(error: &ServerError) -> Box<Diagnostic> {
    Box::new(
        Diagnostic::error(Code::NoJournal, "the journal could not be written")
            .why(format!("the server says: {error}"))
            .help("grant the role UPDATE on its tables, and connect to the primary"),
    )
}
