//! Annotations of GitHub Actions: messages that stand at their line of a script in the view of a pull request.

use std::fmt::Write as _;

use crate::{
    diagnostic::{Diagnostic, Severity},
    diff::Difference,
    event::{Command, Report, ScriptReport, ScriptState, Trial, TrialEnd},
};

use super::{
    Style,
    difference::definitions,
    history,
    paint::Paint,
    rehearsal,
    step::{details, mark},
    summary::summary,
    text::next,
};

/// How many steps are named in the annotation of a script.
const STEPS: usize = 20;

/// Writes the workflow commands that annotate the scripts, and a last line for the log.
///
/// Source: GitHub's documentation, "Workflow commands for GitHub Actions", and `@actions/core`, `command.ts`, for what has
/// to be escaped. Every line that we write begins with a command or with our own words, so text from outside cannot begin
/// a command of its own.
#[must_use]
pub fn render_github(report: &Report) -> String {
    let style = Style { width: usize::MAX, ..Style::default() };
    let mut text = String::new();
    for diagnostic in &report.diagnostics {
        annotate(&mut text, &style, diagnostic);
    }
    if matches!(report.command, Command::Plan | Command::Status) {
        for script in report.scripts.iter().filter(|script| script.state == ScriptState::Changed) {
            pending(&mut text, &style, script);
        }
    }
    for difference in report.comparison.iter().flat_map(|comparison| &comparison.differences) {
        differing(&mut text, &style, difference);
    }
    for trial in report.rehearsal.iter().flat_map(|rehearsal| &rehearsal.trials) {
        rehearsed(&mut text, &style, trial);
    }
    for item in report.history.iter().flat_map(history::items).filter(|item| item.paint == Paint::Bad) {
        command(&mut text, "warning", &[("title", "history")], &style.clean(&item.words));
    }
    let verification = report.verification.iter().flat_map(|verification| &verification.unverified);
    for why in verification {
        command(&mut text, "warning", &[("title", "not verified")], &style.clean(why));
    }
    let (words, _) = summary(report);
    let _ = writeln!(text, "hrms-migrate {}: {}", report.command_name(), style.clean(&words));
    if let Some(next) = next(report) {
        let _ = writeln!(text, "next: {}", style.clean(&next));
    }
    text
}

fn annotate(text: &mut String, style: &Style, diagnostic: &Diagnostic) {
    let name = match diagnostic.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "notice",
    };
    let mut properties = Vec::new();
    let mut lines = vec![style.clean(&diagnostic.what)];
    if let Some(excerpt) = &diagnostic.at {
        let marked = excerpt.lines.get(excerpt.marked.range()).unwrap_or_default();
        let (line, column) = (excerpt.location.line, excerpt.location.column);
        properties.push(("file", style.clean(&excerpt.location.path)));
        properties.push(("line", line.to_string()));
        properties.push(("endLine", (line + marked.matches('\n').count()).to_string()));
        properties.push(("col", column.to_string()));
        // GitHub takes columns only where one line is meant.
        if !marked.is_empty() && !marked.contains('\n') {
            properties.push(("endColumn", (column + marked.chars().count() - 1).to_string()));
        }
        if !excerpt.label.is_empty() {
            lines.push(style.clean(&excerpt.label));
        }
    }
    properties.push(("title", diagnostic.code.name().to_owned()));
    lines.extend(diagnostic.why.iter().map(|why| format!("why: {}", style.clean(why))));
    lines.extend(diagnostic.done.iter().map(|done| format!("done so far: {}", style.clean(done))));
    lines.extend(diagnostic.help.iter().map(|help| format!("help: {}", style.clean(help))));
    let properties: Vec<_> = properties.iter().map(|(name, value)| (*name, value.as_str())).collect();
    command(text, name, &properties, &lines.join("\n"));
}

/// Annotates a script that is going to change something.
fn pending(text: &mut String, style: &Style, script: &ScriptReport) {
    let file = style.clean(&script.name.path);
    let title = style.clean(&format!("{} {} would change", script.name.number, script.name.title));
    let mut lines: Vec<_> = script
        .steps
        .iter()
        .take(STEPS)
        .map(|step| style.clean(&format!("{} {}  {}", mark(step.verb), step.object, details(step, false))))
        .collect();
    if script.steps.len() > STEPS {
        lines.push(format!("and {} more", script.steps.len() - STEPS));
    }
    command(text, "notice", &[("file", &file), ("line", "1"), ("title", &title)], &lines.join("\n"));
}

/// Returns the file and line of a location.
fn place(location: &str, style: &Style) -> Vec<(&'static str, String)> {
    let place = location.rsplit_once(':').and_then(|(rest, _column)| rest.rsplit_once(':'));
    place.map(|(file, line)| vec![("file", style.clean(file)), ("line", style.clean(line))]).unwrap_or_default()
}

/// Annotates a statement with what it did in the rehearsal. One that failed has an error there.
fn rehearsed(text: &mut String, style: &Style, trial: &Trial) {
    let name = match trial.end {
        TrialEnd::Done => "notice",
        TrialEnd::AsksOn => "warning",
        TrialEnd::Failed(_) => return,
    };
    let mut properties = place(&trial.location, style);
    properties.push(("title", "rehearsal".to_owned()));
    let mut lines = vec![rehearsal::trial_words(trial)];
    let effects = trial.effects.iter().take(STEPS);
    lines.extend(effects.map(|one| format!("{} {}", rehearsal::mark(one.change).0, rehearsal::words(one))));
    if trial.effects.len() > STEPS {
        lines.push(format!("and {} more", trial.effects.len() - STEPS));
    }
    lines.extend(rehearsal::notes(trial));
    let lines: Vec<_> = lines.iter().map(|line| style.clean(line)).collect();
    let properties: Vec<_> = properties.iter().map(|(name, value)| (*name, value.as_str())).collect();
    command(text, name, &properties, &lines.join("\n"));
}

/// Annotates an object that differs, at the place of the script that speaks of it.
fn differing(text: &mut String, style: &Style, difference: &Difference) {
    let mut properties = difference.location.as_deref().map(|location| place(location, style)).unwrap_or_default();
    properties.push(("title", style.clean(difference.state.word())));
    let mut lines = vec![difference.object.clone()];
    lines.extend(definitions(difference).into_iter().map(|(side, definition)| format!("{side}: {definition}")));
    lines.extend(difference.why.iter().cloned());
    lines.extend(difference.statements.iter().take(STEPS).map(|statement| format!("{statement};")));
    let lines: Vec<_> = lines.iter().flat_map(|line| line.lines()).map(|line| style.clean(line)).collect();
    let properties: Vec<_> = properties.iter().map(|(name, value)| (*name, value.as_str())).collect();
    command(text, "warning", &properties, &lines.join("\n"));
}

/// Writes one workflow command. Values are harmless already, but for the signs that have a meaning here.
fn command(text: &mut String, name: &str, properties: &[(&str, &str)], message: &str) {
    let data = |value: &str| value.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    let property = |value: &str| data(value).replace(':', "%3A").replace(',', "%2C");
    let properties: Vec<_> = properties.iter().map(|(name, value)| format!("{name}={}", property(value))).collect();
    let _ = writeln!(text, "::{name} {}::{}", properties.join(","), data(message));
}
