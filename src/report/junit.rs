//! A report as the list of tests that CI servers show: one test for each script, and one for each `verify` query.

use quick_junit::{NonSuccessKind, Property, Report as Tests, TestCase, TestCaseStatus, TestSuite};

use crate::{
    diagnostic::{Diagnostic, Severity},
    diff::Difference,
    event::{Command, Report, ScriptReport, ScriptState, Trial, TrialEnd},
};

use super::{
    Style,
    diagnostic::render_diagnostic,
    difference::{definitions, words},
    history::{self, Item},
    rehearsal,
    step::{details, mark},
    summary::summary,
    text::{is_told, place_words, state_words, statement_words},
    verification::query_words,
};

/// Writes a report as `JUnit` XML.
///
/// A script is a test: it fails where something of it stands in the way, failed or is not as declared, it is skipped where
/// its turn did not come, and what it would change or has changed stands in its output. A message that belongs to no
/// script is a test of the command itself. So something fails here exactly when the command ends with
/// an error; only `status` and `diff`, which tell and judge nothing, end well with tests that fail. An object that differs
/// (`diff`, `verify --strict`) is a test of its own, and so is a statement that was rehearsed.
#[must_use]
pub fn render_junit(report: &Report) -> String {
    let style = Style::default();
    let name = format!("hrms-migrate {}", report.command_name());
    let mut suite = TestSuite::new(name.clone());
    suite.set_time(report.elapsed);
    for word in report.place.iter().flat_map(place_words).chain([summary(report).0]) {
        let (key, value) = match word.split_once(' ') {
            Some((key @ ("PostgreSQL" | "role" | "schema"), value)) => (key, value),
            _ if suite.properties.is_empty() && report.place.is_some() => ("database", word.as_str()),
            _ => ("summary", word.as_str()),
        };
        suite.add_property(Property::new(key.to_owned(), style.clean(value)));
    }
    let of = |script: &ScriptReport| -> Vec<&Diagnostic> {
        let here = |diagnostic: &&Diagnostic| {
            diagnostic.at.as_ref().is_some_and(|excerpt| excerpt.location.path == script.name.path)
        };
        report.diagnostics.iter().filter(here).collect()
    };
    // `diff` goes by objects.
    let told = |script: &&ScriptReport| report.command != Command::Diff && is_told(script);
    let scripts: Vec<_> = report.scripts.iter().filter(told).collect();
    for script in &scripts {
        let case = script_case(report, script, &of(script), &style);
        suite.add_test_case(case);
    }
    let elsewhere = report.diagnostics.iter().filter(|diagnostic| {
        diagnostic
            .at
            .as_ref()
            .is_none_or(|excerpt| scripts.iter().all(|script| script.name.path != excerpt.location.path))
    });
    let elsewhere: Vec<_> = elsewhere.collect();
    if !elsewhere.is_empty() || scripts.is_empty() || report.interrupted.is_some() {
        let mut case = TestCase::new(report.command_name(), status(&elsewhere, NonSuccessKind::Error, &style));
        if let (Some(signal), TestCaseStatus::Success { .. }) = (report.interrupted, &case.status) {
            case.status = TestCaseStatus::non_success(NonSuccessKind::Error);
            case.status.set_message(format!("interrupted by signal {signal}"));
        }
        case.set_classname(name.clone());
        suite.add_test_case(case);
    }
    if report.command == Command::Verify {
        for (message, rows) in report.verification.iter().flat_map(|verification| &verification.queries) {
            let mut status = TestCaseStatus::success();
            if *rows > 0 {
                status = TestCaseStatus::non_success(NonSuccessKind::Failure);
                status.set_type("verify-query").set_message(style.clean(&query_words(message, *rows).0));
            }
            let mut case = TestCase::new(style.clean(message), status);
            case.set_classname(format!("{name} query"));
            suite.add_test_case(case);
        }
    }
    for difference in report.comparison.iter().flat_map(|comparison| &comparison.differences) {
        suite.add_test_case(difference_case(&name, difference, &style));
    }
    for trial in report.rehearsal.iter().flat_map(|rehearsal| &rehearsal.trials) {
        suite.add_test_case(trial_case(&name, trial, &style));
    }
    for item in report.history.iter().flat_map(history::items) {
        suite.add_test_case(item_case(&name, &item, &style));
    }
    let mut tests = Tests::new("hrms-migrate");
    tests.set_time(report.elapsed).add_test_suite(suite);
    // Writing to memory does not fail, and what XML cannot hold was taken out.
    tests.to_string().unwrap_or_default()
}

fn script_case(report: &Report, script: &ScriptReport, diagnostics: &[&Diagnostic], style: &Style) -> TestCase {
    let kind = if report.command == Command::Run { NonSuccessKind::Error } else { NonSuccessKind::Failure };
    let words = state_words(script.state, report.command);
    let mut status = status(diagnostics, kind, style);
    if matches!(status, TestCaseStatus::Success { .. }) {
        match script.state {
            ScriptState::NotReached | ScriptState::LeftOut | ScriptState::Unverified => {
                status = TestCaseStatus::skipped();
                status.set_message(words);
            }
            ScriptState::Conflicting | ScriptState::Failed => {
                status = TestCaseStatus::non_success(kind);
                status.set_message(words);
            }
            ScriptState::Changed
                if !matches!(report.command, Command::Run | Command::Plan | Command::Status | Command::Diff) =>
            {
                status = TestCaseStatus::non_success(kind);
                status.set_message(words);
            }
            ScriptState::Changed | ScriptState::AlreadyTrue => {}
        }
    }
    let mut case = TestCase::new(style.clean(&format!("{} {}", script.name.number, script.name.title)), status);
    case.set_classname(format!("hrms-migrate {}", report.command_name())).set_time(script.elapsed);
    case.extra.insert("file".into(), style.clean(&script.name.path).into());
    let mut lines = vec![words.to_owned()];
    lines.extend(script.steps.iter().map(|step| {
        format!("{} {}  {}", mark(step.verb), style.clean(&step.object), style.clean(&details(step, true)))
    }));
    lines.extend(script.statements.iter().filter_map(|statement| {
        let words = statement_words(report, &statement.state, true)?;
        Some(style.clean(&format!("? {} {words}", statement.location)))
    }));
    case.set_system_out(lines.join("\n"));
    case
}

/// An object that differs is a test that fails.
fn difference_case(name: &str, difference: &Difference, style: &Style) -> TestCase {
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
    status.set_type(difference.state.word()).set_message(style.clean(&words(difference)));
    let mut lines: Vec<String> =
        definitions(difference).into_iter().map(|(side, definition)| format!("{side}: {definition}")).collect();
    lines.extend(difference.why.iter().cloned());
    lines.extend(difference.statements.iter().map(|statement| format!("{statement};")));
    let lines: Vec<_> = lines.iter().flat_map(|line| line.lines()).map(|line| style.clean(line)).collect();
    status.set_description(lines.join("\n"));
    let mut case = TestCase::new(style.clean(&difference.object), status);
    case.set_classname(format!("{name} object"));
    case
}

/// What is remembered is a test that was: told, and judged no more.
fn item_case(name: &str, item: &Item, style: &Style) -> TestCase {
    let mut case = TestCase::new(style.clean(&item.words), TestCaseStatus::success());
    case.set_classname(format!("{name} item"));
    let lines = item.notes.iter().chain(&item.statements).flat_map(|line| line.lines());
    case.set_system_out(lines.map(|line| style.clean(line)).collect::<Vec<_>>().join("\n"));
    case
}

/// A statement that was rehearsed is a test.
fn trial_case(name: &str, trial: &Trial, style: &Style) -> TestCase {
    let mut status = TestCaseStatus::success();
    if let TrialEnd::Failed(error) = &trial.end {
        status = TestCaseStatus::non_success(NonSuccessKind::Failure);
        status.set_type("rehearsal").set_message(style.clean(error));
    }
    let mut case = TestCase::new(style.clean(&format!("{} {}", trial.location, trial.object)), status);
    case.set_classname(format!("{name} rehearsal")).set_time(trial.elapsed);
    let mut lines = vec![rehearsal::trial_words(trial)];
    lines
        .extend(trial.effects.iter().map(|one| format!("{} {}", rehearsal::mark(one.change).0, rehearsal::words(one))));
    lines.extend(rehearsal::notes(trial));
    let lines: Vec<_> = lines.iter().map(|line| style.clean(line)).collect();
    case.set_system_out(lines.join("\n"));
    case
}

/// Returns how a test ends that these messages belong to: errors make it fail, everything is told.
fn status(diagnostics: &[&Diagnostic], kind: NonSuccessKind, style: &Style) -> TestCaseStatus {
    let errors: Vec<_> =
        diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error).copied().collect();
    let Some(first) = errors.first() else { return TestCaseStatus::success() };
    let mut status = TestCaseStatus::non_success(kind);
    let more = if errors.len() > 1 { format!(", and {} more", errors.len() - 1) } else { String::new() };
    status.set_type(first.code.name()).set_message(format!("{}{more}", style.clean(&first.what)));
    let drawn: Vec<_> = diagnostics.iter().map(|diagnostic| render_diagnostic(diagnostic, style)).collect();
    status.set_description(drawn.join("\n"));
    status
}
