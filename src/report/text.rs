//! A report for people.

use std::time::Duration;

use crate::{
    diagnostic::{Code, Diagnostic, Outcome, Severity},
    event::{Command, Place, Report, ScriptReport, ScriptState, StepEnd, StepReport},
    plan::State,
};

use super::{
    Style, aside,
    diagnostic::render_diagnostic,
    difference, history,
    layout::{count, elapsed, grouped, pad, pad_left, shorten, spaces, width, wrap, wrap_names},
    paint::Paint,
    rehearsal,
    step::{self, Row},
    verification,
};

/// The width of the words that begin the lines about everything: `base`, `verify`, `run`.
const LABEL: usize = 8;
/// From how many scripts on, rows of scripts without anything to tell are told in one line.
const MANY_SCRIPTS: usize = 40;
/// How many scripts such a line stands for at least.
const FOLDED_SCRIPTS: usize = 3;
/// The titles' column is at least this wide where there is room, so that short reports look alike.
const TITLES: usize = 40;
/// The least room for details beside an object.
const LEAST_DETAILS: usize = 26;

/// Draws what a run, a plan or a verification came to.
///
/// For a terminal the header is left out, because the [`Progress`](super::Progress) beside it has shown it, and a plan's
/// totals stand last, where the eye is; elsewhere they stand first.
#[must_use]
pub fn render_report(report: &Report, style: &Style) -> String {
    render(report, style, true)
}

/// Draws what [`render_report`] draws without its messages, for when [`render_problems`] goes elsewhere.
#[must_use]
pub fn render_result(report: &Report, style: &Style) -> String {
    render(report, style, false)
}

fn render(report: &Report, style: &Style, problems: bool) -> String {
    let mut page = Page { report, style, out: String::new() };
    if !style.terminal
        && let Some(place) = &report.place
    {
        page.out.push_str(&render_header(place, style));
    }
    let looks = matches!(report.command, Command::Plan | Command::Status);
    if looks && !style.terminal {
        page.totals();
    }
    if report.command == Command::Check {
        page.files();
        if problems {
            page.diagnostics();
        }
        return page.out;
    }
    page.base();
    page.aside();
    if report.command != Command::Diff {
        page.scripts();
    }
    rehearsal::draw(&mut page);
    if problems {
        page.diagnostics();
    }
    verification::draw(&mut page);
    difference::draw(&mut page);
    history::draw(&mut page);
    if report.command == Command::Run || (looks && style.terminal) {
        page.totals();
    }
    page.next();
    page.out
}

/// Draws only what went wrong or is worth knowing: what is left of a report when it is to be quiet.
#[must_use]
pub fn render_problems(report: &Report, style: &Style) -> String {
    let drawn: Vec<_> = told(report, style).map(|diagnostic| render_diagnostic(diagnostic, style)).collect();
    drawn.join("\n")
}

/// Returns the messages to draw in full. `status` is one screen: it has a line for what stands in a script's way.
fn told<'a>(report: &'a Report, style: &Style) -> impl Iterator<Item = &'a Diagnostic> {
    let all = report.command != Command::Status || style.verbose;
    report.diagnostics.iter().filter(move |diagnostic| all || diagnostic.severity == Severity::Error)
}

/// Draws the line that says where a command works.
#[must_use]
pub fn render_header(place: &Place, style: &Style) -> String {
    let paints = [Paint::Strong].into_iter().chain(std::iter::repeat(Paint::Plain));
    let parts = place_words(place).iter().map(|part| style.clean(part)).zip(paints).collect();
    flow(style, "", parts, "  ", 2)
}

/// Returns where a command works: database and server, version, role, schema.
pub(super) fn place_words(place: &Place) -> Vec<String> {
    let mut words = vec![format!("{} @ {}", place.database, place.server), format!("PostgreSQL {}", place.version)];
    if !place.role.is_empty() {
        words.push(format!("role {}", place.role));
    }
    words.extend(place.schema.as_ref().map(|schema| format!("schema {schema}")));
    words
}

/// Lets parts follow each other, breaking lines between them; the first line begins with `label`, the others with `indent`
/// spaces. Parts are harmless already.
pub(super) fn flow(style: &Style, label: &str, parts: Vec<(String, Paint)>, separator: &str, indent: usize) -> String {
    let mut text = style.paint(Paint::Strong, label);
    let mut column = width(label);
    let mut fresh = true;
    let last = parts.len().saturating_sub(1);
    for (index, (mut part, paint)) in parts.into_iter().enumerate() {
        let after = if index == last { "" } else { separator };
        if !fresh && column + width(&part) + width(after.trim_end()) > style.columns() {
            text.truncate(text.trim_end().len());
            text.push('\n');
            text.push_str(&spaces(indent));
            column = indent;
            part.drain(..part.len() - part.trim_start().len());
        }
        text.push_str(&style.paint(paint, &part));
        text.push_str(after);
        column += width(&part) + width(after);
        fresh = false;
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

/// Returns what `check` read, and whether it found fault with it.
pub(super) fn read_words(report: &Report) -> (String, String) {
    let scripts = count(report.scripts.len(), "script", "scripts");
    let base = count(report.base.as_ref().map_or(0, |base| base.total), "base migration", "base migrations");
    let statements: usize = report.scripts.iter().map(|script| script.size).sum();
    let statements = count(statements, "statement", "statements");
    let errors = report.diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error).count();
    let verdict = if errors == 0 { "all readable".to_owned() } else { count(errors, "error", "errors") };
    (format!("{scripts} ({base}), {statements}"), verdict)
}

/// How many scripts stand how. Base migrations that hold already are told in a line of their own and not counted here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Totals {
    pub changed: usize,
    pub already_true: usize,
    pub conflicting: usize,
    pub unverified: usize,
    pub failed: usize,
    pub not_reached: usize,
    pub left_out: usize,
    pub steps: usize,
}

impl Totals {
    pub(super) fn of(report: &Report) -> Self {
        let mut totals = Self::default();
        for script in report.scripts.iter().filter(|script| is_told(script)) {
            *match script.state {
                ScriptState::Changed => &mut totals.changed,
                ScriptState::AlreadyTrue => &mut totals.already_true,
                ScriptState::Conflicting => &mut totals.conflicting,
                ScriptState::Unverified => &mut totals.unverified,
                ScriptState::Failed => &mut totals.failed,
                ScriptState::NotReached => &mut totals.not_reached,
                ScriptState::LeftOut => &mut totals.left_out,
            } += 1;
            totals.steps += script.steps.len();
        }
        totals
    }
}

pub(super) fn is_told(script: &ScriptReport) -> bool {
    script.name.number != "base" || script.state != ScriptState::AlreadyTrue
}

/// Returns the totals in words, one part for each kind of end.
pub(super) fn totals_parts(report: &Report) -> Vec<(String, Paint)> {
    let totals = Totals::of(report);
    let plan = matches!(report.command, Command::Plan | Command::Status);
    let some = |number: usize, paint: Paint| if number > 0 { paint } else { Paint::Plain };
    let changed = if plan { "would change" } else { "changed" };
    let changed_paint = if plan { Paint::Change } else { Paint::Good };
    let mut parts = vec![
        (format!("{} {changed}", grouped(totals.changed)), some(totals.changed, changed_paint)),
        (format!("{} already true", grouped(totals.already_true)), Paint::Plain),
        (format!("{} conflicting", grouped(totals.conflicting)), some(totals.conflicting, Paint::Bad)),
    ];
    if !plan || totals.failed > 0 {
        parts.push((format!("{} failed", grouped(totals.failed)), some(totals.failed, Paint::Bad)));
    }
    if totals.unverified > 0 {
        parts.push((format!("{} unverified", grouped(totals.unverified)), Paint::Change));
    }
    if totals.not_reached > 0 {
        parts.push((format!("{} not reached", grouped(totals.not_reached)), Paint::Change));
    }
    if totals.left_out > 0 {
        parts.push((format!("{} left out", grouped(totals.left_out)), Paint::Plain));
    }
    if plan {
        parts.push((count(totals.steps, "step", "steps"), Paint::Plain));
    }
    parts
}

/// Returns what to type or do next, where there is something to do.
pub(super) fn next(report: &Report) -> Option<String> {
    let applied = steps(report).any(|step| step.end == StepEnd::Applied);
    let on = goes_on_at(report).map(|at| format!("; it goes on at {at}")).unwrap_or_default();
    let state = if applied { "what is done stays" } else { "nothing was changed" };
    if let Some(signal) = report.interrupted {
        let by = match signal {
            2 => "SIGINT".to_owned(),
            15 => "SIGTERM".to_owned(),
            other => format!("signal {other}"),
        };
        return Some(format!("interrupted by {by}; {state}; type `hrms-migrate {}` again{on}", report.command_name()));
    }
    if report.outcome.is_none() && difference::compared(report).is_some() {
        return difference::next(report);
    }
    if report.outcome.is_none() && matches!(report.command, Command::History | Command::Backfill) {
        return history::next(report);
    }
    let no_journal =
        |diagnostic: &Diagnostic| diagnostic.code == Code::NoJournal && diagnostic.severity == Severity::Error;
    match (report.command, report.outcome) {
        // Doing the same again would come to the same.
        (Command::Run, Some(_)) if report.diagnostics.iter().any(no_journal) => None,
        (Command::Run, None) => {
            let open = report.verification.as_ref().is_some_and(|verification| !verification.unverified.is_empty());
            open.then(|| "`hrms-migrate verify` looks again at what is not verified".to_owned())
        }
        (Command::Run, Some(Outcome::Refused)) => {
            Some(format!("{state}; settle what was found, then type `hrms-migrate {}`", report.command_name()))
        }
        (Command::Run, Some(Outcome::Failed | Outcome::NoLock | Outcome::Unfinished)) => {
            Some(format!("{state}; type `hrms-migrate {}` again{on}", report.command_name()))
        }
        (Command::Plan, None) => {
            let words = format!(
                "`hrms-migrate {}` carries it out",
                match report.guise {
                    Some("repair") => "repair --yes",
                    Some(name) => name,
                    None => "run",
                }
            );
            (Totals::of(report).changed > 0).then_some(words)
        }
        (Command::Status, None) => {
            let totals = Totals::of(report);
            (totals.changed + totals.conflicting > 0).then(|| "`hrms-migrate plan` shows what would be done".to_owned())
        }
        (Command::Plan, Some(Outcome::Refused)) => {
            Some("settle what was found; until then `hrms-migrate run` changes nothing".to_owned())
        }
        (Command::Run | Command::Verify, Some(Outcome::Differs | Outcome::Refused)) => {
            Some("`hrms-migrate plan` shows what would be done about it".to_owned())
        }
        _ => None,
    }
}

fn steps(report: &Report) -> impl Iterator<Item = &StepReport> {
    report.scripts.iter().flat_map(|script| &script.steps)
}

fn goes_on_at(report: &Report) -> Option<String> {
    let script = report.scripts.iter().find(|script| {
        matches!(script.state, ScriptState::Failed | ScriptState::NotReached | ScriptState::Conflicting)
            || script.steps.iter().any(|step| step.end != StepEnd::Applied)
    })?;
    let done = script.steps.iter().take_while(|step| step.end == StepEnd::Applied).count();
    let script_words = format!("{} {}", script.name.number, script.name.title);
    Some(if done > 0 { format!("step {} of {script_words}", done + 1) } else { script_words })
}

/// Returns the words for how a script stands.
pub(super) const fn state_words(state: ScriptState, command: Command) -> &'static str {
    match (state, command) {
        (ScriptState::AlreadyTrue, Command::Check) => "readable",
        (ScriptState::AlreadyTrue, _) => "already true",
        (ScriptState::Changed, Command::Run) => "changed",
        (ScriptState::Changed, Command::Plan | Command::Status | Command::Diff) => "would change",
        (ScriptState::Unverified, _) => "unverified",
        (ScriptState::Changed, _) => "not as declared",
        (ScriptState::Conflicting, _) => "conflicting",
        (ScriptState::Failed, _) => "failed",
        (ScriptState::NotReached, _) => "not reached",
        (ScriptState::LeftOut, _) => "left out",
    }
}

/// A report while it is drawn.
pub(super) struct Page<'a> {
    pub report: &'a Report,
    pub style: &'a Style,
    pub out: String,
}

/// The widths of the columns of the lines about scripts.
struct Columns {
    number: usize,
    title: usize,
    state: usize,
    elapsed: usize,
    /// Of the objects of steps.
    object: usize,
}

impl Columns {
    const fn indent(&self) -> usize {
        // A space, the number, two spaces, two more below the title.
        self.number + 5
    }
}

impl Page<'_> {
    pub(super) fn line(&mut self, line: &str) {
        self.out.push_str(line.trim_end());
        self.out.push('\n');
    }

    /// Sets what follows apart from what stands already.
    pub(super) fn gap(&mut self) {
        if !self.out.is_empty() && !self.out.ends_with("\n\n") {
            self.out.push('\n');
        }
    }

    /// Draws a line that begins with a word in the margin.
    pub(super) fn labelled(&mut self, label: &str, parts: Vec<(String, Paint)>, separator: &str) {
        let drawn = flow(self.style, &pad(label, LABEL.max(width(label) + 1)), parts, separator, LABEL);
        self.out.push_str(&drawn);
    }

    /// Draws prose below a line that begins with a word in the margin, or beside the word.
    pub(super) fn prose(&mut self, label: &str, text: &str, paint: Paint) {
        for (index, line) in wrap(&self.style.clean(text), self.style.columns() - LABEL).iter().enumerate() {
            let label = pad(if index == 0 { label } else { "" }, LABEL);
            let line = self.style.paint(Paint::Strong, &label) + &self.style.paint(paint, line);
            self.line(&line);
        }
    }

    /// Draws the files that were read, and how many statements stand in them.
    fn files(&mut self) {
        if self.report.scripts.is_empty() {
            return;
        }
        for script in &self.report.scripts {
            let path = self.style.clean(&script.name.path);
            self.line(&path);
        }
        let (counts, verdict) = read_words(self.report);
        self.line(&format!("check  {counts}   {verdict}"));
    }

    fn base(&mut self) {
        let Some(base) = &self.report.base else { return };
        let total = count(base.total, "diesel migration", "diesel migrations");
        let recorded: Vec<_> = base.recorded.iter().map(|version| self.style.clean(version)).collect();
        let words = match recorded.as_slice() {
            [] if base.unrecorded.is_some() => format!("{total}, not recorded"),
            [] if !base.open.is_empty() => format!("{total}, {} of them not recorded yet", grouped(base.open.len())),
            [] => format!("{total}, up to date"),
            [one] => format!("{total}, recorded now: {one}"),
            many if many.len() <= 3 || self.style.verbose => format!("{total}, recorded now: {}", many.join(", ")),
            many => format!("{total}, {} of them recorded now", grouped(many.len())),
        };
        self.prose("base", &words, Paint::Plain);
        if let Some(why) = &base.unrecorded {
            self.prose("", why, Paint::Change);
        }
    }

    fn aside(&mut self) {
        for (label, words, paint) in aside::lines(self.report) {
            self.prose(label, &words, paint);
        }
    }

    fn columns(&self, told: &[&ScriptReport]) -> Columns {
        let style = self.style;
        let widest = |widths: &mut dyn Iterator<Item = usize>| widths.max().unwrap_or_default();
        let number = widest(&mut told.iter().map(|script| width(&style.clean(&script.name.number)))).clamp(3, 12);
        let state = widest(&mut told.iter().map(|script| width(self.state_words(script))));
        let time = widest(&mut told.iter().map(|script| width(&script_elapsed(script))));
        let taken = 1 + number + 2 + 2 + state + if time > 0 { time + 2 } else { 0 };
        let room = style.columns().saturating_sub(taken).max(10);
        let title = widest(&mut told.iter().map(|script| width(&style.clean(&script.name.title))));
        let title = title.max(TITLES).min(room);
        let indent = number + 5;
        let rows = told.iter().flat_map(|script| step::rows(&script.steps, style.verbose));
        let object = widest(&mut rows.map(|row| width(&style.clean(&row.object))));
        let object = object.min(style.columns().saturating_sub(indent + 4 + LEAST_DETAILS));
        Columns { number, title, state, elapsed: time, object }
    }

    const fn state_words(&self, script: &ScriptReport) -> &'static str {
        state_words(script.state, self.report.command)
    }

    const fn state_paint(&self, state: ScriptState) -> Paint {
        match (state, self.report.command) {
            (ScriptState::AlreadyTrue | ScriptState::LeftOut, _) => Paint::Faint,
            (ScriptState::Changed, Command::Run) => Paint::Good,
            (ScriptState::Changed, Command::Plan | Command::Status | Command::Diff)
            | (ScriptState::NotReached | ScriptState::Unverified, _) => Paint::Change,
            (ScriptState::Changed | ScriptState::Conflicting | ScriptState::Failed, _) => Paint::Bad,
        }
    }

    fn scripts(&mut self) {
        // What `verify` compares are objects; a script is named only where something of it does not hold.
        let quiet = self.report.command == Command::Verify && !self.style.verbose;
        let told: Vec<_> = self.report.scripts.iter().filter(|script| is_told(script)).collect();
        let told: Vec<_> =
            told.into_iter().filter(|script| !quiet || script.state != ScriptState::AlreadyTrue).collect();
        if told.is_empty() {
            return;
        }
        self.gap();
        let columns = self.columns(&told);
        let fold = told.len() > MANY_SCRIPTS && !self.style.verbose;
        let mut rest = told.as_slice();
        while let Some(first) = rest.first() {
            let plain =
                |script: &ScriptReport| script.steps.is_empty() && script.statements.iter().all(|s| is_minor(&s.state));
            let alike = rest.iter().take_while(|script| script.state == first.state && plain(script)).count();
            if fold && alike >= FOLDED_SCRIPTS {
                let title = format!(
                    "to {}: {}",
                    self.style.clean(&rest[alike - 1].name.number),
                    count(alike, "script", "scripts")
                );
                self.script_line(&columns, first, &title, "");
                rest = &rest[alike..];
            } else {
                self.script(&columns, first);
                rest = &rest[1..];
            }
        }
        self.gap();
    }

    fn script(&mut self, columns: &Columns, script: &ScriptReport) {
        self.script_line(columns, script, &self.style.clean(&script.name.title), &script_elapsed(script));
        if self.report.command == Command::Status {
            self.stands(columns, script);
            return;
        }
        for statement in &script.statements {
            if let Some(words) = statement_words(self.report, &statement.state, self.style.verbose) {
                let text = format!("{} {words}", statement.location);
                self.hanging(columns.indent(), "?", Paint::Change, &self.style.clean(&text), Paint::Faint);
            }
        }
        let planned = self.report.command == Command::Plan;
        for row in step::rows(&script.steps, planned || self.style.verbose) {
            if planned { self.planned_step(columns, &row) } else { self.step(columns, &row) }
        }
    }

    /// Draws in a line or two why a script does not simply hold.
    fn stands(&mut self, columns: &Columns, script: &ScriptReport) {
        let of_script = |diagnostic: &&Diagnostic| {
            diagnostic.at.as_ref().is_some_and(|excerpt| excerpt.location.path == script.name.path)
        };
        let mut conflicts = self.report.diagnostics.iter().filter(of_script).map(|diagnostic| &diagnostic.what);
        let first = conflicts.next().cloned();
        let more = conflicts.count();
        let mut lines = Vec::new();
        if let Some(first) = first {
            let more = if more > 0 { format!("; and {more} more") } else { String::new() };
            lines.push(("x", Paint::Bad, format!("{first}{more}")));
        }
        if !script.steps.is_empty() {
            lines.push(("!", Paint::Change, count(script.steps.len(), "step", "steps")));
        }
        let open: Vec<_> = script
            .statements
            .iter()
            .filter_map(|s| Some((s, statement_words(self.report, &s.state, self.style.verbose)?)))
            .collect();
        if let Some((statement, words)) = open.first() {
            let more = if open.len() > 1 { format!("; and {} more", open.len() - 1) } else { String::new() };
            lines.push(("?", Paint::Change, format!("{} {words}{more}", statement.location)));
        }
        for (mark, paint, text) in lines {
            self.hanging(columns.indent(), mark, paint, &self.style.clean(&text), Paint::Faint);
        }
    }

    fn script_line(&mut self, columns: &Columns, script: &ScriptReport, title: &str, time: &str) {
        let style = self.style;
        let number =
            pad_left(&shorten(&style.clean(&script.name.number), columns.number, style.ellipsis()), columns.number);
        let mut titles = wrap_names(title, columns.title).into_iter();
        let first = titles.next().unwrap_or_default();
        let faint = script.state == ScriptState::AlreadyTrue || script.state == ScriptState::LeftOut;
        let title_paint = if faint { Paint::Plain } else { Paint::Strong };
        let state = style.paint(self.state_paint(script.state), &pad(self.state_words(script), columns.state));
        let time = if time.is_empty() { String::new() } else { format!("  {}", pad_left(time, columns.elapsed)) };
        let number = style.paint(title_paint, &number);
        let first = style.paint(title_paint, &pad(&first, columns.title));
        self.line(&format!(" {number}  {first}  {state}{time}"));
        for further in titles {
            let further = style.paint(title_paint, &further);
            self.line(&format!("{}{further}", spaces(columns.number + 3)));
        }
    }

    /// Draws a sign with text after it, its further lines below the text.
    pub(super) fn hanging(&mut self, indent: usize, mark: &str, mark_paint: Paint, text: &str, paint: Paint) {
        for (index, line) in wrap(text, self.style.columns().saturating_sub(indent + 2)).iter().enumerate() {
            let mark = pad(if index == 0 { mark } else { "" }, 2);
            let line = spaces(indent) + &self.style.paint(mark_paint, &mark) + &self.style.paint(paint, line);
            self.line(&line);
        }
    }

    fn step(&mut self, columns: &Columns, row: &Row<'_>) {
        let style = self.style;
        let indent = columns.indent();
        let object = style.clean(&row.object);
        let details = style.clean(&row.details);
        let room = style.columns();
        let column = indent + 2 + width(&object).max(columns.object) + 2;
        let beside = if column + width(&details) <= room {
            Some(column)
        } else {
            // Beside its object, though not below the others.
            Some(indent + 2 + width(&object) + 2).filter(|column| column + width(&details) <= room)
        };
        if let Some(column) = beside {
            let mark = style.paint(row.paint, &pad(row.mark, 2));
            let object = pad(&object, column - indent - 2);
            let details = style.paint(row.details_paint, &details);
            self.line(&format!("{}{mark}{object}{details}", spaces(indent)));
        } else {
            self.hanging(indent, row.mark, row.paint, &object, Paint::Plain);
            self.hanging(indent + 2, "", Paint::Plain, &details, row.details_paint);
        }
        let Some(step) = row.step else { return };
        if style.verbose {
            self.hanging(indent + 2, "", Paint::Plain, &style.clean(&step::lock_and_limits(step)), Paint::Faint);
        }
        // What is sent may differ from what the script says, so it is shown where it is to be looked into.
        if step.end == StepEnd::Failed {
            self.sql(indent + 4, &step.sql);
        }
    }

    fn planned_step(&mut self, columns: &Columns, row: &Row<'_>) {
        let indent = columns.indent();
        self.hanging(indent, row.mark, row.paint, &self.style.clean(&row.object), Paint::Plain);
        let Some(step) = row.step else { return };
        self.hanging(indent + 2, "", Paint::Plain, &self.style.clean(&step::details(step, true)), Paint::Faint);
        self.hanging(indent + 2, "", Paint::Plain, &self.style.clean(&step::lock_and_limits(step)), Paint::Faint);
        if self.style.verbose {
            self.hanging(indent + 2, "", Paint::Plain, &self.style.clean(&step::place(step)), Paint::Faint);
        }
        if let Some(hazards) = step::hazards(step) {
            self.hanging(indent + 2, "", Paint::Plain, &self.style.clean(&hazards), Paint::Change);
        }
        self.sql(indent + 6, &step.sql);
        self.gap();
    }

    /// Draws SQL as it is sent, whatever the width, so that it can be copied.
    pub(super) fn sql(&mut self, indent: usize, sql: &str) {
        let sql = sql.trim().trim_end_matches(';');
        let mut lines: Vec<_> = sql
            .lines()
            .map(|line| self.style.clean(&line.trim_end().replace('\t', "    ")))
            .skip_while(String::is_empty)
            .collect();
        if let Some(last) = lines.last_mut() {
            last.push(';');
        }
        // Further lines keep their indentation towards each other, not that of the script.
        let further = lines.iter().skip(1).filter(|line| !line.is_empty());
        let common = further.map(|line| line.len() - line.trim_start().len()).min().unwrap_or_default();
        for (index, line) in lines.iter().enumerate() {
            let line =
                if index == 0 { line.as_str() } else { line.get(common.saturating_sub(2)..).unwrap_or_default() };
            self.line(&(spaces(indent) + &self.style.paint(Paint::Name, line)));
        }
    }

    fn diagnostics(&mut self) {
        let mut any = false;
        for diagnostic in told(self.report, self.style) {
            self.gap();
            self.out.push_str(&render_diagnostic(diagnostic, self.style));
            any = true;
        }
        if any {
            self.gap();
        }
    }

    fn totals(&mut self) {
        let report = self.report;
        // Without a connection, or with scripts that cannot be read, there is nothing to count.
        if report.scripts.is_empty() {
            return;
        }
        let parts = totals_parts(report);
        let label = report.command_name();
        self.with_time(label, parts, report.elapsed);
    }

    /// Draws a labelled line of parts between commas, with the time it took at its end.
    pub(super) fn with_time(&mut self, label: &str, mut parts: Vec<(String, Paint)>, time: Duration) {
        let last = parts.len().saturating_sub(1);
        for (part, _) in &mut parts[..last] {
            part.push(',');
        }
        if !time.is_zero() {
            parts.push((format!("  {}", elapsed(time)), Paint::Faint));
        }
        self.labelled(label, parts, " ");
    }

    fn next(&mut self) {
        if let Some(next) = next(self.report) {
            self.prose("next", &next, Paint::Plain);
        }
    }
}

/// Returns how a statement stands, where that is worth a line.
pub(super) fn statement_words(report: &Report, state: &State, verbose: bool) -> Option<String> {
    match state {
        State::Unverified(why) => Some(format!("not verified: {why}")),
        State::UnknownUntil(id) => {
            let script = report.scripts.iter().find(|script| script.name.id == id.script);
            let script = script.map_or_else(String::new, |script| format!(" of {}", script.name.number));
            Some(format!("is known only once statement {}{script} has run", id.index + 1))
        }
        State::NotApplicable if verbose => Some("does not apply here: its guard says so".to_owned()),
        State::Superseded if verbose => Some("is superseded by a later statement".to_owned()),
        _ => None,
    }
}

fn is_minor(state: &State) -> bool {
    !matches!(state, State::Unverified(_) | State::UnknownUntil(_))
}

fn script_elapsed(script: &ScriptReport) -> String {
    if script.elapsed.is_zero() { String::new() } else { elapsed(script.elapsed) }
}
