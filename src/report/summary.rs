//! A report in one line, for the head of every format.

use crate::{
    diagnostic::Severity,
    event::{Command, Report},
};

use super::{
    difference, history,
    paint::Paint,
    text::{Totals, read_words, totals_parts},
    verification,
};

/// Returns what a report comes to, and whether that is good, a change or bad. Not harmless yet.
pub(super) fn summary(report: &Report) -> (String, Paint) {
    let words = match (report.command, &report.verification) {
        (Command::Check, _) if !report.scripts.is_empty() => {
            let (counts, verdict) = read_words(report);
            format!("{verdict}: {counts}")
        }
        (Command::Verify, Some(verification)) => {
            let (counts, verdict) = verification::headline(verification);
            format!("{}: {}", verdict.0, counts.join(", "))
        }
        (Command::Diff, _) if difference::compared(report).is_some() => {
            difference::compared(report).map(difference::headline).unwrap_or_default()
        }
        (Command::History | Command::Backfill, _) if report.history.is_some() => history::headline(report),
        _ if report.scripts.is_empty() => problems(report),
        _ => totals_parts(report).into_iter().map(|(part, _)| part).collect::<Vec<_>>().join(", "),
    };
    let open = report.verification.as_ref().is_some_and(|verification| !verification.unverified.is_empty());
    let paint = if report.outcome.is_some() || report.interrupted.is_some() {
        Paint::Bad
    } else if open
        || difference::compared(report).is_some_and(|comparison| !comparison.differences.is_empty())
        || (matches!(report.command, Command::Plan | Command::Status) && Totals::of(report).changed > 0)
    {
        Paint::Change
    } else {
        Paint::Good
    };
    (words, paint)
}

/// Returns what is left to say where nothing could be looked at.
fn problems(report: &Report) -> String {
    let mut errors = report.diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error);
    match (errors.next(), errors.count()) {
        (None, _) => "nothing to tell".to_owned(),
        (Some(first), 0) => first.what.clone(),
        (Some(first), others) => format!("{}, and {others} more", first.what),
    }
}
