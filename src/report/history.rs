//! What the journal remembers: runs, the changes of one, backfills. Every format draws the same items.

use std::time::Duration;

use crate::{
    event::{Command, Report},
    journal::{Backfill, Change, ChangeState, Drift, History, KeptValues, Run, RunState},
};

use super::{
    layout::{count, elapsed, grouped, size},
    paint::Paint,
    text::Page,
};

/// Up to how many scripts of a run are named.
const FEW_SCRIPTS: usize = 3;

/// One line with lines below it. Not harmless yet.
pub(super) struct Item {
    pub sign: &'static str,
    pub paint: Paint,
    pub words: String,
    pub notes: Vec<String>,
    /// Statements, told where there is room.
    pub statements: Vec<String>,
}

/// Returns a history as items: runs, changes, backfills.
pub(super) fn items(history: &History) -> Vec<Item> {
    let mut items: Vec<Item> = history.runs.iter().map(|one| run(one, history.changes.is_empty())).collect();
    for changes in history.changes.chunk_by(|one, next| one.entry.script == next.entry.script) {
        items.extend(changes.first().map(|first| Item {
            sign: "",
            paint: Paint::Plain,
            words: first.entry.script.clone(),
            notes: Vec::new(),
            statements: Vec::new(),
        }));
        items.extend(changes.iter().map(change));
    }
    items.extend(history.backfills.iter().map(backfill));
    items.extend(history.kept.iter().map(kept));
    items.extend(history.drift.iter().map(drift));
    items
}

/// Old values that are kept for a rollback.
fn kept(kept: &KeptValues) -> Item {
    let KeptValues { of, place, bytes, until } = kept;
    Item {
        sign: "=",
        paint: Paint::Plain,
        words: format!("old values of {of}: {} in {place}, kept until {}", size(*bytes), time(until)),
        notes: Vec::new(),
        statements: Vec::new(),
    }
}

/// An object that others have changed. What it was and is stands in the line where that is short.
fn drift(drift: &Drift) -> Item {
    /// The longest definition that is told in a line.
    const SHORT: usize = 120;
    let Drift { object, run, begun, was, is, changed } = drift;
    let is_short = |text: &Option<String>| text.as_ref().is_none_or(|text| text.len() <= SHORT && !text.contains('\n'));
    let told = |text: &Option<String>| match text.as_deref() {
        None => "not there".to_owned(),
        Some("") => "there".to_owned(),
        Some(text) => text.to_owned(),
    };
    let since = changed.as_ref().map(|at| format!(", changed {}", time(at))).unwrap_or_default();
    let after = format!("run {run} of {}", time(begun));
    let (words, statements) = if is_short(was) && is_short(is) {
        (format!("{object}: {} after {after}, now {}{since}", told(was), told(is)), Vec::new())
    } else {
        let shown = [("was", was), ("is", is)].map(|(word, text)| format!("-- {word}\n{}", told(text)));
        (format!("{object}: no longer as {after} has left it{since}"), shown.to_vec())
    };
    Item { sign: "!", paint: Paint::Change, words, notes: Vec::new(), statements }
}

fn run(run: &Run, with_scripts: bool) -> Item {
    let (sign, paint) = match run.state {
        RunState::Done => (">", Paint::Good),
        RunState::Working | RunState::Interrupted => ("!", Paint::Change),
        RunState::Failed(_) => ("x", Paint::Bad),
    };
    let mut parts = vec![run.state.word().to_owned(), count(usize_of(run.changes), "change", "changes")];
    if let Some(millis) = run.elapsed_ms {
        parts.push(elapsed(Duration::from_millis(millis)));
    }
    if run.blocked_ms > 0 {
        parts.push(format!("others blocked up to {}", elapsed(Duration::from_millis(run.blocked_ms))));
    }
    let user = run.os_user.as_ref().filter(|user| **user != run.role);
    let user = user.map(|user| format!(" ({user})")).unwrap_or_default();
    let host = run.host.as_ref().map(|host| format!(" on {host}")).unwrap_or_default();
    let mut notes = Vec::new();
    match run.scripts.as_slice() {
        [first, .., last] if with_scripts && run.scripts.len() > FEW_SCRIPTS => {
            notes.push(format!("{} scripts, from {first} to {last}", run.scripts.len()));
        }
        [] => {}
        few if with_scripts => notes.push(few.join(", ")),
        _ => {}
    }
    notes.extend(run.revision.as_ref().map(|revision| format!("scripts of revision {revision}")));
    notes.extend(run.backup.as_ref().map(|backup| format!("backup before it: {backup}")));
    notes.extend(run.error.iter().cloned());
    Item {
        sign,
        paint,
        words: format!(
            "{} {} of {}: {}; by {}{user}{host}",
            run.command,
            run.id,
            time(&run.begun),
            parts.join(", "),
            run.role
        ),
        notes,
        statements: Vec::new(),
    }
}

fn change(change: &Change) -> Item {
    let (sign, paint) = match (change.state, change.entry.verb.as_str()) {
        (ChangeState::Failed, _) => ("x", Paint::Bad),
        (ChangeState::Begun, _) => ("!", Paint::Change),
        (ChangeState::Done, "add") => ("+", Paint::Good),
        (ChangeState::Done, "drop") => ("-", Paint::Change),
        (ChangeState::Done, "fill" | "run") => (">", Paint::Good),
        (ChangeState::Done, _) => ("~", Paint::Good),
    };
    let mut parts = Vec::new();
    match change.state {
        ChangeState::Begun => parts.push("begun; what came of it is not known".to_owned()),
        ChangeState::Failed => parts.push("failed".to_owned()),
        ChangeState::Done => {}
    }
    if let Some(ended) = change.ended {
        parts.push(elapsed(Duration::from_secs_f64(ended.elapsed_ms.max(0.0) / 1_000.0)));
        if let Some(rows) = ended.rows {
            parts.push(count(usize_of(rows), "row", "rows"));
        }
    }
    parts.extend(change.undone_by.map(|run| format!("taken back by run {run}")));
    if change.entry.attempts > 1 {
        parts.push(format!("{} attempts", grouped(usize_of(u64::from(change.entry.attempts)))));
    }
    let at = change.entry.location.strip_prefix(&change.entry.script).unwrap_or(&change.entry.location);
    let at = at.trim_start_matches(':');
    let mut notes: Vec<String> = change.error.iter().cloned().collect();
    notes.extend(change.sqlstate.as_ref().map(|state| format!("SQLSTATE {state}")));
    Item {
        sign,
        paint,
        words: format!("{at} {}: {}", change.entry.object, parts.join(", ")),
        notes,
        statements: vec![change.entry.sql.clone()],
    }
}

fn backfill(backfill: &Backfill) -> Item {
    let Backfill { id, object, location, state, pages, done_pages, rows, updated, .. } = backfill;
    let percent = (done_pages * 100)
        .checked_div(*pages)
        .filter(|percent| *percent > 0)
        .map(|percent| format!(", {} %", percent.min(100)));
    let percent = percent.unwrap_or_default();
    let rows = count(usize_of(*rows), "row", "rows");
    Item {
        sign: if state == "working" { "~" } else { "!" },
        paint: Paint::Change,
        words: format!(
            "backfill {id} of {object}, {location}: {state}, {rows}{percent}, last written {}",
            time(updated)
        ),
        notes: Vec::new(),
        statements: Vec::new(),
    }
}

/// Returns a time as people write it: `2026-11-21 22:10:03 UTC`.
fn time(text: &str) -> String {
    text.replace('T', " ").replace('Z', " UTC")
}

fn usize_of(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// Returns what there is, in a few words.
pub(super) fn headline(report: &Report) -> String {
    let none = History::default();
    let history = report.history.as_ref().unwrap_or(&none);
    let open = || count(history.backfills.len(), "backfill is open", "backfills are open");
    if report.command == Command::Backfill {
        return if history.backfills.is_empty() { "no backfill is open".to_owned() } else { open() };
    }
    if history.runs.is_empty() {
        return "no run is remembered".to_owned();
    }
    let mut parts = vec![count(history.runs.len(), "run", "runs")];
    if !history.backfills.is_empty() {
        parts.push(open());
    }
    if !history.drift.is_empty() {
        parts.push(count(history.drift.len(), "object was changed by others", "objects were changed by others"));
    }
    parts.join(", ")
}

/// Returns what to type next.
pub(super) fn next(report: &Report) -> Option<String> {
    let history = report.history.as_ref()?;
    let is = |state: &str| history.backfills.iter().any(|backfill| backfill.state == state);
    if is("paused") {
        return Some("`hrms-migrate backfill resume`, and the next run goes on".to_owned());
    }
    if is("stopped") {
        return Some("`hrms-migrate run` goes on where the backfill stopped".to_owned());
    }
    let first = history.runs.first().filter(|_| report.command == Command::History && history.changes.is_empty())?;
    Some(format!("`hrms-migrate history {}` shows what the last run changed", first.id))
}

/// Draws what is remembered.
pub(super) fn draw(page: &mut Page<'_>) {
    let Some(history) = &page.report.history else { return };
    let items = items(history);
    if !items.is_empty() {
        page.gap();
    }
    for item in &items {
        let words = page.style.clean(&item.words);
        page.hanging(1, item.sign, item.paint, &words, Paint::Plain);
        for note in item.notes.iter().filter(|_| page.report.command != Command::Status) {
            let note = page.style.clean(note);
            page.hanging(5, "", Paint::Plain, &note, Paint::Faint);
        }
        if page.style.verbose {
            for statement in &item.statements {
                page.sql(7, statement);
            }
        }
    }
    if page.report.command != Command::Status {
        page.gap();
        let headline = headline(page.report);
        page.with_time("history", vec![(headline, Paint::Good)], page.report.elapsed);
    }
}
