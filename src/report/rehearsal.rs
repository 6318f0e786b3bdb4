//! What statements did on a scratch database that cannot be read: `plan --rehearse`.

use crate::{
    diff::{Change, Effect, RowsMoved},
    event::{Rehearsal, Trial, TrialEnd},
};

use super::{
    layout::{count, elapsed, grouped},
    paint::Paint,
    text::Page,
};

/// Of how long a definition text shows all; JSON and the page have every one.
const DEFINITION: usize = 120;

/// Returns what was rehearsed and where. Not harmless yet.
pub(super) fn headline(rehearsal: &Rehearsal) -> String {
    let Some(place) = &rehearsal.place else {
        return "nothing to rehearse: every statement that is to be carried out can be read".to_owned();
    };
    let failed = rehearsal.trials.iter().filter(|trial| matches!(trial.end, TrialEnd::Failed(_))).count();
    let failed = if failed > 0 { format!(", {} failed", grouped(failed)) } else { String::new() };
    let number = count(rehearsal.trials.len(), "statement", "statements");
    format!("{number} rehearsed{failed}, on {}, PostgreSQL {}", place.server, place.version)
}

/// Returns the sign of how a trial ended.
pub(super) const fn end_mark(end: &TrialEnd) -> (&'static str, Paint) {
    match end {
        TrialEnd::Done => (">", Paint::Good),
        TrialEnd::AsksOn => ("!", Paint::Change),
        TrialEnd::Failed(_) => ("x", Paint::Bad),
    }
}

/// Returns the name of how a trial ended, for programs.
pub(super) const fn end_name(end: &TrialEnd) -> &'static str {
    match end {
        TrialEnd::Done => "done",
        TrialEnd::AsksOn => "asks-on",
        TrialEnd::Failed(_) => "failed",
    }
}

/// Returns a statement with how it ended. Not harmless yet.
pub(super) fn trial_words(trial: &Trial) -> String {
    let Trial { location, object, .. } = trial;
    match &trial.end {
        TrialEnd::Failed(error) => format!("{location} {object}: fails: {error}"),
        TrialEnd::Done | TrialEnd::AsksOn => format!("{location} {object}: {}", comes_to(trial)),
    }
}

/// Returns in a few words what a statement came to.
fn comes_to(trial: &Trial) -> String {
    let mut words = Vec::new();
    for change in [Change::Made, Change::Changed, Change::Dropped] {
        let number = trial.effects.iter().filter(|effect| effect.change == change).count();
        if number > 0 {
            words.push(format!("{} {}", grouped(number), change.word()));
        }
    }
    if words.is_empty() {
        words.push("nothing in the catalog".to_owned());
    }
    if let Some(rows) = trial.rows {
        words.push(count(usize::try_from(rows.0).unwrap_or(usize::MAX), "row", "rows"));
    }
    words.join(", ")
}

/// Returns the further lines about a statement: its guard, and the rows that came or went.
pub(super) fn notes(trial: &Trial) -> Vec<String> {
    let mut notes: Vec<String> = trial.moved.iter().map(moved_words).collect();
    if trial.end == TrialEnd::AsksOn {
        notes.push("its guard goes on asking for it afterwards, so that every run would carry it out again".to_owned());
    }
    notes
}

fn moved_words(moved: &RowsMoved) -> String {
    let RowsMoved { table, before, after } = moved;
    let (number, word) = if after > before { (after - before, "more") } else { (before - after, "fewer") };
    let rows = if number == 1 { "row" } else { "rows" };
    format!("{table}: {number} {rows} {word}")
}

/// Returns the sign of an effect.
pub(super) const fn mark(change: Change) -> (&'static str, Paint) {
    match change {
        Change::Made => ("+", Paint::Good),
        Change::Changed => ("~", Paint::Change),
        Change::Dropped => ("-", Paint::Bad),
    }
}

/// Returns an effect in words: `table public.made: made`. Not harmless yet.
pub(super) fn words(effect: &Effect) -> String {
    format!("{}: {}", effect.object, effect.change.word())
}

/// Returns the definitions worth showing, with a word before each.
pub(super) fn definitions(effect: &Effect) -> Vec<(&'static str, &str)> {
    match effect.change {
        Change::Made => effect.after.as_deref().map(|after| ("as", after)).into_iter().collect(),
        Change::Changed | Change::Dropped => {
            let before = effect.before.as_deref().map(|before| ("before", before));
            let after =
                effect.after.as_deref().filter(|_| effect.change == Change::Changed).map(|after| ("after", after));
            before.into_iter().chain(after).collect()
        }
    }
}

/// Draws a rehearsal.
pub(super) fn draw(page: &mut Page<'_>) {
    let Some(rehearsal) = &page.report.rehearsal else { return };
    page.gap();
    page.prose("scratch", &headline(rehearsal), Paint::Plain);
    for trial in &rehearsal.trials {
        let (sign, paint) = end_mark(&trial.end);
        let time = if trial.elapsed.is_zero() { String::new() } else { format!(", {}", elapsed(trial.elapsed)) };
        let line = page.style.clean(&format!("{}{time}", trial_words(trial)));
        page.hanging(1, sign, paint, &line, Paint::Plain);
        for effect in &trial.effects {
            let (sign, paint) = mark(effect.change);
            let line = page.style.clean(&words(effect));
            page.hanging(5, sign, paint, &line, Paint::Plain);
            for (word, definition) in definitions(effect) {
                let text = page.style.clean(&definition.split_whitespace().collect::<Vec<_>>().join(" "));
                if page.style.verbose || text.chars().count() <= DEFINITION {
                    page.hanging(7, "", Paint::Plain, &format!("{word}: {text}"), Paint::Faint);
                }
            }
        }
        for note in notes(trial) {
            let line = page.style.clean(&note);
            page.hanging(5, "", Paint::Plain, &line, Paint::Plain);
        }
    }
    for unlike in &rehearsal.unlike {
        let line = page.style.clean(&format!("the copy: {unlike}"));
        page.hanging(1, "", Paint::Plain, &line, Paint::Faint);
    }
    page.gap();
}
