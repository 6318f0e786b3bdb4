//! What differs, object by object: `diff`, and what `verify --strict` adds.

use crate::{
    diff::{Difference, DifferenceState},
    event::{Command, Comparison, Report},
};

use super::{
    layout::{count, grouped},
    paint::Paint,
    text::{Page, place_words},
};

/// Of how many unmanaged objects `verify` shows the definition; `diff` shows all.
const DEFINITIONS: usize = 120;

/// Returns the sign of a difference, and whether it is bad or a change.
pub(super) const fn mark(state: DifferenceState) -> (&'static str, Paint) {
    match state {
        DifferenceState::Missing | DifferenceState::OnlyThere => ("+", Paint::Good),
        DifferenceState::Differs => ("~", Paint::Change),
        DifferenceState::Leftover | DifferenceState::OnlyHere => ("-", Paint::Change),
        DifferenceState::Pending => ("!", Paint::Change),
        DifferenceState::Conflicts => ("x", Paint::Bad),
        DifferenceState::Unmanaged => ("?", Paint::Change),
    }
}

/// Returns an object with how it differs. Not harmless yet.
pub(super) fn words(difference: &Difference) -> String {
    let at = difference.location.as_ref().map(|location| format!("  {location}")).unwrap_or_default();
    format!("{}: {}{at}", difference.object, difference.state.word())
}

/// Returns the definitions of both sides, with a word before each where there are two.
pub(super) fn definitions(difference: &Difference) -> Vec<(&'static str, &str)> {
    // What is on one side only stands in the statement that makes it.
    match (&difference.here, &difference.there) {
        (Some(here), Some(there)) => vec![("here", here.as_str()), ("there", there.as_str())],
        _ => Vec::new(),
    }
}

/// Returns what differs as counts.
pub(super) fn headline(comparison: &Comparison) -> String {
    let of = |state: DifferenceState| comparison.differences.iter().filter(|one| one.state == state).count();
    let words: Vec<_> = DifferenceState::ALL
        .iter()
        .map(|state| (of(*state), state.word()))
        .filter(|(number, _)| *number > 0)
        .map(|(number, word)| format!("{} {word}", grouped(number)))
        .collect();
    if words.is_empty() { "nothing differs".to_owned() } else { words.join(", ") }
}

/// Returns the comparison of a report whose command shows it as its result.
pub(super) fn compared(report: &Report) -> Option<&Comparison> {
    report.comparison.as_ref().filter(|_| report.command == Command::Diff)
}

/// Draws what differs.
pub(super) fn draw(page: &mut Page<'_>) {
    let report = page.report;
    let Some(comparison) = &report.comparison else { return };
    if let Some(place) = &comparison.against {
        page.prose("against", &place_words(place).join("  "), Paint::Plain);
    }
    let diff = report.command == Command::Diff;
    if !comparison.differences.is_empty() {
        page.gap();
    }
    for difference in &comparison.differences {
        let (sign, paint) = mark(difference.state);
        let words = page.style.clean(&words(difference));
        page.hanging(1, sign, paint, &words, Paint::Plain);
        if !diff && !page.style.verbose {
            let definition = difference.here.as_deref().unwrap_or_default();
            if !definition.contains('\n') && definition.chars().count() <= DEFINITIONS {
                let definition = page.style.clean(definition);
                page.hanging(3, "", Paint::Plain, &definition, Paint::Faint);
            }
            continue;
        }
        for (side, definition) in definitions(difference) {
            let text = page.style.clean(&definition.split_whitespace().collect::<Vec<_>>().join(" "));
            page.hanging(3, "", Paint::Plain, &format!("{side}: {text}"), Paint::Faint);
        }
        for why in &difference.why {
            let why = page.style.clean(why);
            page.hanging(3, "", Paint::Plain, &why, Paint::Faint);
        }
        for statement in &difference.statements {
            page.sql(7, statement);
        }
    }
    if diff {
        page.gap();
        page.with_time("diff", vec![(headline(comparison), tone(comparison))], report.elapsed);
    }
}

/// Returns whether it is good that so much differs.
pub(super) fn tone(comparison: &Comparison) -> Paint {
    if comparison.differences.is_empty() { Paint::Good } else { Paint::Change }
}

/// Returns what to do about what differs.
pub(super) fn next(report: &Report) -> Option<String> {
    let comparison = compared(report)?;
    let has = |states: &[DifferenceState]| comparison.differences.iter().any(|one| states.contains(&one.state));
    if comparison.against.is_some() {
        let some = !comparison.differences.is_empty();
        return some.then(|| {
            "the statements, from top to bottom, make the first database what the second is; read them before you send them"
                .to_owned()
        });
    }
    if has(&[DifferenceState::Conflicts]) {
        return Some("`hrms-migrate plan` shows what stands in the way, with its place in the script".to_owned());
    }
    if has(&[DifferenceState::Missing, DifferenceState::Differs, DifferenceState::Leftover, DifferenceState::Pending]) {
        return Some("`hrms-migrate run` carries out what the scripts declare".to_owned());
    }
    has(&[DifferenceState::Unmanaged]).then(|| "write what is to stay into a script".to_owned())
}

/// Returns `3 differences`.
pub(super) fn number_words(comparison: &Comparison) -> String {
    count(comparison.differences.len(), "difference", "differences")
}
