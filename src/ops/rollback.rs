//! `rollback`: the inverses that the journal has are put together as scripts, and carried out as any other.

#![expect(clippy::disallowed_methods, reason = "a rollback is timed here, and is as long as it may be")]

use std::{collections::BTreeSet, thread, time::Instant};

use chrono::Local;

use crate::{
    config::Settings,
    db::{Asked, BaseVersion, ServerError, ServerErrorKind, Session},
    diagnostic::{Code, Diagnostic, Outcome, Severity},
    event::{Command, Event, Report},
    exec::{Fence, GUARD, Group, Guard, Interrupt},
    goal::{self, StatementId},
    journal::{Back, Change, InverseNotes, Keeping, KeptNotes},
    pg::{Hazard, Ident, ObjectName, quote_literal},
    plan::{Kept, Step, Transaction, Verb},
    script::{File, Script, ScriptId, assemble},
    sql,
};

use super::{
    Scripts, errors,
    look::{self, Site, Subject},
    memory::Memory,
    run::{Extra, Operation},
    tell::Notes,
    work::{RECONNECT_EVERY, RECONNECT_FOR},
};

/// Takes back what runs have changed, or finds out what that would do (`command`: run or plan).
pub(super) fn rollback(
    settings: &Settings,
    back: &Back,
    command: Command,
    interrupt: &Interrupt,
    emit: &mut dyn FnMut(Event<'_>),
) -> Report {
    let started = Instant::now();
    let mut notes = Notes::new(command);
    notes.guise = Some("rollback");
    let mut lost = false;
    let prepared = loop {
        let prepared = prepare(settings, back, interrupt, emit, &mut notes);
        let Err(diagnostics) = &prepared else { break prepared };
        // Nothing was changed yet: all of it is asked again.
        let away = diagnostics.iter().find(|diagnostic| {
            diagnostic.code == Code::ConnectionLost || (lost && diagnostic.code.outcome() == Outcome::Unreachable)
        });
        let Some(away) = away.filter(|_| started.elapsed() < RECONNECT_FOR && interrupt.signal().is_none()) else {
            break prepared;
        };
        lost = true;
        emit(Event::WaitingForServer { why: away.what.clone(), waited: started.elapsed() });
        thread::sleep(RECONNECT_EVERY);
    };
    let Prepared { site, session, changes, none_lost, scripts, ran } = match prepared {
        Ok(Some(prepared)) => prepared,
        Ok(None) => return notes.report(None, None, None, started.elapsed()),
        Err(diagnostics) => {
            notes.diagnostics.extend(diagnostics);
            return notes.report(None, None, None, started.elapsed());
        }
    };
    // That nothing is lost has been counted, or the user allows it.
    let allowed = [Hazard::Drop, Hazard::DataLoss, Hazard::Breaking];
    let made = Made { scripts, allowed: &allowed, memory: Memory::for_rollback(&changes, none_lost), ran };
    carry_out(settings, made, command, notes, (&site, session), interrupt, (started, emit))
}

/// Scripts of our own making, and what goes with them.
pub(super) struct Made<'a> {
    pub(super) scripts: Scripts,
    /// Hazards that are accepted, besides those that the user accepts.
    pub(super) allowed: &'a [Hazard],
    pub(super) memory: Memory,
    /// Statements that are not repeatable and were carried out already.
    pub(super) ran: BTreeSet<StatementId>,
}

/// Runs or plans scripts of our own making in a session that is there already.
pub(super) fn carry_out(
    settings: &Settings,
    made: Made<'_>,
    command: Command,
    notes: Notes,
    (site, session): (&Site, Session),
    interrupt: &Interrupt,
    (started, emit): (Instant, &mut dyn FnMut(Event<'_>)),
) -> Report {
    let mut settings = settings.clone();
    settings.allow.extend(made.allowed);
    settings.selection = crate::config::Selection::default();
    let mut subject = Subject::new(&made.scripts, &settings);
    subject.policy.ran = made.ran;
    let due = settings.limits.until.map(|until| started + until.left(&Local::now()));
    let stop = interrupt.stop().due(due);
    let memory = made.memory;
    let (settings, subject_of) = (&settings, &subject);
    let mut operation =
        Operation { settings, interrupt, subject: subject_of, notes, emit, complete: false, stop, memory };
    let plan = operation.go_on(command, Extra::Nothing, site, session);
    interrupt.working(None);
    let Operation { mut notes, complete, .. } = operation;
    notes.interrupted = interrupt.signal().filter(|_| !complete);
    notes.report(Some(&made.scripts), Some(&subject), plan.as_ref(), started.elapsed())
}

/// What a rollback needs.
struct Prepared {
    site: Site,
    session: Session,
    /// In the order in which they are taken back.
    changes: Vec<Change>,
    /// What must not be lost, in words and with the query that counted none of it.
    none_lost: Vec<(String, String)>,
    /// What does it.
    scripts: Scripts,
    /// What of it was done by a rollback that was not finished, and is not to be done again.
    ran: BTreeSet<StatementId>,
}

/// Finds the changes, refuses where something would be lost, and makes scripts of their inverses. `None`: there is nothing to take
/// back.
fn prepare(
    settings: &Settings,
    back: &Back,
    interrupt: &Interrupt,
    emit: &mut dyn FnMut(Event<'_>),
    notes: &mut Notes,
) -> Result<Option<Prepared>, Vec<Diagnostic>> {
    let one = |diagnostic: Box<Diagnostic>| vec![*diagnostic];
    let Keeping::In(schema) = &settings.journal else {
        let what = "`--no-journal` leaves nothing to take back";
        return Err(vec![Diagnostic::error(Code::NoJournal, what).help("leave it out")]);
    };
    let site = look::connect(settings, None, interrupt, emit).map_err(one)?;
    let mut session = site.connections.session().map_err(|error| vec![errors::of_connect(&error)])?;
    let scope = crate::catalog::Scope { target: settings.schema.clone(), ..crate::catalog::Scope::default() };
    let snapshot = session.look(&scope, false).map_err(|error| vec![errors::of_snapshot(&error)])?;
    look::old_enough(&snapshot).map_err(one)?;
    let place = look::place(&site, &snapshot);
    emit(Event::Connected(&place));
    notes.place = Some(place);
    let changes = session.to_take_back(schema, back).map_err(|error| vec![unreadable(&error)])?;
    let Some(mut changes) = changes else {
        return Err(vec![
            Diagnostic::error(Code::NoJournal, "there is no journal in this database")
                .why(format!("schema {schema} is not there, so nobody knows what was changed and how it was before"))
                .help("take it back by hand, or with a script"),
        ]);
    };
    if let Back::Script(name) = back {
        changes.retain(|change| is_called(&change.entry.script, name));
    }
    if changes.is_empty() {
        notes.diagnostics.push(
            Diagnostic::note(Code::NotReturnable, "nothing is to be taken back")
                .why("the journal has no such change that was not taken back already")
                .help("`hrms-migrate history` shows what it has"),
        );
        return Ok(None);
    }
    let mut refused = what_is_kept(settings, &mut session, snapshot.target.as_ref(), &mut changes);
    let (lost, none_lost) = what_is_lost(settings, &mut session, snapshot.target.as_ref(), &changes);
    refused.extend(lost);
    // Where the connection is lost nothing of what was asked until here is to be believed; this says so.
    let by_hand = session.taken_back_by_hand(schema).map_err(|error| vec![unreadable(&error)])?;
    if refused.iter().any(|diagnostic| diagnostic.severity == Severity::Error) {
        return Err(refused);
    }
    notes.diagnostics.extend(refused);
    let scripts = scripts_of(&changes)?;
    let ran = ran_before(&scripts, by_hand);
    Ok(Some(Prepared { site, session, changes, none_lost, scripts, ran }))
}

/// Returns the statements which a script has written for its way back and that a rollback of the same run has carried out: it was not
/// finished, and nobody knows whether they may be repeated. `by_hand`: each with its script, as often as it was.
fn ran_before(scripts: &Scripts, mut by_hand: Vec<(String, String)>) -> BTreeSet<StatementId> {
    let mut ran = BTreeSet::new();
    for goals in &scripts.goals {
        let text = &scripts.texts[goals.id.0];
        for statement in goals.statements.iter().filter(|statement| statement.directives.always) {
            let own = &statement.text;
            if let Some(place) = by_hand.iter().position(|(script, sql)| *script == text.path && sql == own) {
                by_hand.swap_remove(place);
                ran.insert(statement.id);
            }
        }
    }
    ran
}

fn unreadable(error: &ServerError) -> Diagnostic {
    const WHAT: &str = "the journal could not be read";
    if error.is_connection_lost() {
        return errors::of_server(WHAT, error);
    }
    Diagnostic::error(Code::NoJournal, WHAT)
        .why(format!("the server says: {error}"))
        .help("grant the role SELECT on its tables")
}

/// Returns the name of a script without `.sql`; of a base migration that of its directory.
fn stem(path: &str) -> &str {
    let mut parts = path.rsplit('/');
    let file = parts.next().unwrap_or(path);
    let file = if file == "up.sql" { parts.next().unwrap_or(file) } else { file };
    file.strip_suffix(".sql").unwrap_or(file)
}

/// Returns whether a script is meant by its number, its name, or its file.
fn is_called(path: &str, name: &str) -> bool {
    let stem = stem(path);
    let wanted = name.rsplit('/').next().unwrap_or(name);
    let wanted = wanted.strip_suffix(".sql").unwrap_or(wanted);
    let digits = stem.len() - stem.trim_start_matches(|char: char| char.is_ascii_digit()).len();
    let (number, topic) = stem.split_at(digits);
    let same_number = wanted.parse::<u64>().is_ok_and(|wanted| number.parse() == Ok(wanted));
    path == name || stem == wanted || same_number || (!number.is_empty() && topic.trim_start_matches('_') == wanted)
}

/// Says what would be lost, counted, and what does not come back: an error unless the user allows it. Returns also what would be lost
/// where it was not allowed, with the query for it: nothing of it is there yet.
fn what_is_lost(
    settings: &Settings,
    session: &mut Session,
    target: Option<&Ident>,
    changes: &[Change],
) -> (Vec<Diagnostic>, Vec<(String, String)>) {
    let allowed = settings.allow.contains(&Hazard::DataLoss);
    let dropped = dropped(changes);
    let is_gone = |change: &Change| dropped.iter().any(|table| mentions(&change.entry.object, table));
    let mut told = Vec::new();
    let mut queries = BTreeSet::new();
    for change in changes {
        let Some(InverseNotes { losses, stays, .. }) = notes_of(change) else { continue };
        queries.extend(losses);
        // What is dropped with its table need not come back.
        for stays in stays.iter().filter(|_| !is_gone(change)) {
            let what = format!("{}: {} cannot be taken back", change.entry.location, change.entry.object);
            let mut diagnostic = Diagnostic::error(Code::NotReturnable, what).why(stays.clone()).help(
                "`--allow data-loss` takes back the rest; `-- ensure:down` in the script says how, for the next time",
            );
            if allowed {
                diagnostic = diagnostic.as_warning();
            }
            told.push(diagnostic);
        }
    }
    let queries: Vec<(String, String)> = queries.into_iter().collect();
    let asked: Vec<_> = queries.iter().map(|(_, query)| (query.as_str(), None)).collect();
    let Some(target) = target else { return (told, Vec::new()) };
    for ((object, _), asked) in queries.iter().zip(session.ask(target, &asked)) {
        let why = match asked {
            Asked::Value(count) => match count.as_deref() {
                None | Some("0") => continue,
                Some("1") => "1 row has some".to_owned(),
                Some(count) => format!("{count} rows have some"),
            },
            // It is gone already.
            Asked::Error(error)
                if matches!(error.kind, ServerErrorKind::UndefinedTable | ServerErrorKind::UndefinedColumn) =>
            {
                continue;
            }
            Asked::Error(error) => format!("how many cannot be counted; the server says: {error}"),
        };
        let mut diagnostic = Diagnostic::error(Code::WouldLose, format!("{object} would be lost"))
            .why(why)
            .help("save them, then allow it: `--allow data-loss`");
        if allowed {
            diagnostic = diagnostic.as_warning();
        }
        told.push(diagnostic);
    }
    (told, if allowed { Vec::new() } else { queries })
}

/// Lets a group of steps count once more what they would lose, of `none_lost`: between the first count and theirs others may have
/// written some. `is_large`: whether it takes long to read a table.
pub(super) fn fence(group: &mut Group<'_>, none_lost: &[(String, String)], is_large: &dyn Fn(&ObjectName) -> bool) {
    if none_lost.is_empty() || group.transaction == Transaction::None {
        return;
    }
    for (place, step) in group.steps.iter().enumerate() {
        let several = step.object.contains(" columns of ");
        let table = step.table.as_ref().filter(|_| several && step.verb == Verb::Drop).map(ToString::to_string);
        for (object, count) in none_lost {
            // `values of column public.t.a`, and the step's object is `column public.t.a` or `column public.t.a bigint → integer`.
            let of = object.split_once(" of ").and_then(|(_, of)| step.object.strip_prefix(of));
            let named = of.is_some_and(|rest| rest.is_empty() || rest.starts_with(' '));
            let is_lost = named || table.as_ref().is_some_and(|table| mentions(object, table));
            if is_lost && group.fences.iter().all(|fence| fence.object != *object) {
                // Long names that are cut to the same one: the second column is counted under the lock.
                let others: Vec<_> = group.fences.iter().filter_map(|fence| fence.guard.as_ref()).collect();
                let is_free =
                    |own: &Guard| others.iter().all(|other| (&other.table, &other.name) != (&own.table, &own.name));
                let guard = guard(step, object, count, is_large).filter(is_free);
                group.fences.push(Fence { step: place, object: object.clone(), count: count.clone(), guard });
            }
        }
    }
}

/// Returns what keeps others from writing to a column that goes with a step.
fn guard(step: &Step, object: &str, count: &str, is_large: &dyn Fn(&ObjectName) -> bool) -> Option<Guard> {
    let table = step.table.as_ref().filter(|_| step.verb == Verb::Drop)?;
    let column = object.strip_prefix(&format!("values of column {table}."))?;
    let condition = count.strip_prefix(&format!("SELECT count(*) FROM {table} WHERE "))?;
    Some(Guard {
        table: table.clone(),
        name: Ident::from_sql(column).ending_with(GUARD),
        condition: condition.to_owned(),
        is_large: is_large(table),
    })
}

/// Says which old values of rows come back: how many rows keep what they hold because it was changed since, and what is no longer
/// kept, an error unless the user allows that. The inverses get the number of their run; those without values are left out.
fn what_is_kept(
    settings: &Settings,
    session: &mut Session,
    target: Option<&Ident>,
    changes: &mut [Change],
) -> Vec<Diagnostic> {
    let dropped: Vec<String> = dropped(changes).into_iter().map(str::to_owned).collect();
    let (mut told, mut seen) = (Vec::new(), BTreeSet::new());
    for change in changes.iter_mut() {
        let Some(KeptNotes { of, table, changed, expired }) = notes_of(change).and_then(|notes| notes.kept) else {
            continue;
        };
        let (run, last) = (change.run.to_string(), Kept::last_run(&table));
        // A fill that was tried again has as many changes.
        let is_first = seen.insert((table.clone(), change.run));
        let there = format!("SELECT pg_catalog.to_regclass({}) IS NOT NULL", quote_literal(&table));
        let is_there = session.value(&there).is_ok_and(|there| there.as_deref() == Some("true"));
        let object = change.entry.object.clone();
        let Some(inverse) = &mut change.entry.inverse else { continue };
        if expired.is_none() && is_there {
            inverse.sql = inverse.sql.replace(&last, &run);
            let count = changed.replace(&last, &run);
            let asked = target.filter(|_| is_first).map(|target| session.ask(target, &[(count.as_str(), None)]));
            if let Some(Asked::Value(Some(count))) = asked.and_then(|asked| asked.into_iter().next())
                && count != "0"
            {
                let rows = if count == "1" { "1 row".to_owned() } else { format!("{count} rows") };
                told.push(
                    Diagnostic::note(Code::KeepOld, format!("{rows} of {of} will stay as they are"))
                        .why("they were changed since run ".to_owned() + &run + ", or are gone"),
                );
            }
            continue;
        }
        inverse.sql.clear();
        // What is dropped with its table need not come back.
        if !is_first || expired.as_deref() == Some("") || dropped.iter().any(|table| mentions(&object, table)) {
            continue;
        }
        let why = match expired {
            Some(day) => format!("its old values were kept in {table}, and expired on {day}"),
            None => format!("its old values were kept in {table}, which is gone"),
        };
        let what = format!("{}: rows of {of} cannot be taken back", change.entry.location);
        let mut diagnostic = Diagnostic::error(Code::NotReturnable, what)
            .why(why)
            .help("`--allow data-loss` takes back the rest; `--keep-old-for` says how long old values are kept");
        if settings.allow.contains(&Hazard::DataLoss) {
            diagnostic = diagnostic.as_warning();
        }
        told.push(diagnostic);
    }
    told
}

/// Returns the tables that are dropped as a whole.
fn dropped(changes: &[Change]) -> Vec<&str> {
    let statements =
        changes.iter().filter_map(|change| change.entry.inverse.as_ref()).flat_map(|inverse| inverse.sql.lines());
    statements
        .filter_map(|line| line.strip_prefix("DROP TABLE IF EXISTS "))
        .map(|name| name.trim_end_matches(';'))
        .collect()
}

/// Returns whether an object in words is this table or of it: `index ix on public.t`, `column public.t.a`.
fn mentions(object: &str, table: &str) -> bool {
    object.match_indices(table).any(|(at, _)| {
        let before = object[..at].chars().next_back();
        let after = object[at + table.len()..].chars().next();
        before.is_none_or(|char| char == ' ') && after.is_none_or(|char| matches!(char, ' ' | '.' | ',' | ':'))
    })
}

fn notes_of(change: &Change) -> Option<InverseNotes> {
    serde_json::from_str(change.entry.inverse.as_ref()?.notes.as_deref()?).ok()
}

/// Puts the inverses together: a script for each run of changes that came from one.
fn scripts_of(changes: &[Change]) -> Result<Scripts, Vec<Diagnostic>> {
    let mut files: Vec<File> = Vec::new();
    for changes in changes.chunk_by(|one, next| one.run == next.run && one.entry.script == next.entry.script) {
        let Some(first) = changes.first() else { continue };
        let mut text = String::new();
        for change in changes {
            let Some(inverse) = change.entry.inverse.as_ref().filter(|inverse| !inverse.sql.is_empty()) else {
                continue;
            };
            let object = change.entry.object.replace(['\n', '\r'], " ");
            text.extend(["-- ", &object, "\n", inverse.sql.trim_end(), "\n"]);
        }
        let number = files.len() + 1;
        files.push(File {
            path: format!("rollback of run {}, {}", first.run, first.entry.script),
            name: format!("{number:03}_take_back_{}.sql", stem(&first.entry.script)),
            bytes: text.into_bytes(),
        });
    }
    read(files)
}

/// Reads scripts of our own making.
pub(super) fn read(files: Vec<File>) -> Result<Scripts, Vec<Diagnostic>> {
    let texts: Vec<Script> =
        assemble(Vec::new(), files).map_err(|errors| errors.iter().map(errors::of_file).collect::<Vec<_>>())?;
    let mut goals = Vec::with_capacity(texts.len());
    for (index, text) in texts.iter().enumerate() {
        let id = ScriptId(index);
        let parsed = sql::parse(text)
            .map_err(|errors| errors.iter().map(|error| errors::of_sql(&texts, id, error)).collect::<Vec<_>>())?;
        goals.push(
            goal::read(id, text, parsed)
                .map_err(|findings| findings.iter().map(|finding| finding.diagnostic(&texts)).collect::<Vec<_>>())?,
        );
    }
    Ok(Scripts { texts, goals, base: 0, downs: Vec::new(), left_out: Vec::new() })
}

/// Returns the base migrations whose changes are taken back: diesel's books are to forget them.
pub(super) fn base_of(changes: &[Change]) -> Vec<BaseVersion> {
    let directory = |change: &Change| {
        let path = change.entry.script.strip_suffix("/up.sql")?;
        let (base, directory) = path.rsplit_once('/')?;
        base.ends_with("base").then(|| BaseVersion::of_directory(directory))
    };
    let versions: BTreeSet<BaseVersion> = changes.iter().filter_map(directory).collect();
    versions.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_are_known_by_number_name_and_file() {
        for name in
            ["10", "010", "010_user_columns", "user_columns", "ensure/010_user_columns.sql", "010_user_columns.sql"]
        {
            assert!(is_called("ensure/010_user_columns.sql", name), "{name}");
        }
        for name in ["1", "columns", "user_columns_2", ""] {
            assert!(!is_called("ensure/010_user_columns.sql", name), "{name}");
        }
        assert!(is_called("ensure/base/00000000000002_users/up.sql", "00000000000002_users"));
    }

    #[test]
    fn an_object_belongs_to_its_table_and_to_no_other() {
        for object in ["table public.t", "column public.t.a", "index ix on public.t", "rows of public.t"] {
            assert!(mentions(object, "public.t"), "{object}");
        }
        for object in ["table public.tt", "index public.t2_ix on public.u", "column mypublic.t.a"] {
            assert!(!mentions(object, "public.t"), "{object}");
        }
    }
}
