//! A report as one page for a browser: nothing is loaded from anywhere, and nothing in it runs.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::{
    diagnostic::{Diagnostic, Excerpt, Severity},
    event::{Command, Report, ScriptReport, ScriptState, StepReport},
};

use super::{
    Style, aside, difference, history,
    layout::{count, elapsed},
    markdown,
    paint::Paint,
    picture, rehearsal, step,
    summary::summary,
    tables::{self, Mark, TableView},
    text::{is_told, next, place_words, state_words, statement_words},
    verification::{counts, kind_name, query_words},
};

const STYLE: &str = include_str!("html.css");
/// Up to how many messages are there unfolded.
const FEW_MESSAGES: usize = 3;
/// Up to how many tables each is there from the start; of more, only those that differ are open.
const MANY_TABLES: usize = 400;

/// Writes a report as one HTML page.
///
/// The page needs no network and runs no script: its policy forbids both. It bends to a phone, follows the reader's choice
/// of light or dark, and prints. Everything from outside is escaped where it is put in.
#[must_use]
pub fn render_html(report: &Report) -> String {
    let page = Page { report, style: Style::default(), tables: tables::tables(report) };
    page.draw().into_string()
}

struct Page<'a> {
    report: &'a Report,
    style: Style,
    tables: Vec<TableView<'a>>,
}

const fn tone(paint: Paint) -> &'static str {
    match paint {
        Paint::Bad => "bad",
        Paint::Change => "change",
        Paint::Good => "good",
        _ => "",
    }
}

impl Page<'_> {
    fn clean(&self, text: &str) -> String {
        self.style.clean(text)
    }

    fn draw(&self) -> Markup {
        let (words, paint) = summary(self.report);
        let command = self.report.command_name();
        let database = self.report.place.as_ref().map(|place| format!(" · {}", place.database)).unwrap_or_default();
        html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'";
                    meta name="color-scheme" content="light dark";
                    title { (self.clean(&format!("{command}{database}"))) }
                    style { (PreEscaped(STYLE)) }
                }
                body class=(command) {
                    header {
                        p.tool { "hrms-migrate " b { (command) } }
                        @if let Some(place) = &self.report.place {
                            p.place { @for word in place_words(place) { span { (self.clean(&word)) } } }
                        }
                        @for (label, words, _) in aside::lines(self.report) {
                            p.place { span { (label) " " (self.clean(&words)) } }
                        }
                        p class=(format!("verdict {}", tone(paint))) { (self.clean(&words)) }
                        @if let Some(next) = next(self.report) { p.next { (self.inline(&next)) } }
                    }
                    main {
                        (self.problems())
                        (self.unverified())
                        // What `verify` compares are tables; the others go by scripts.
                        (self.differences())
                        @if !matches!(self.report.command, Command::Verify | Command::Diff) { (self.scripts()) }
                        (self.rehearsal())
                        (self.history())
                        (self.picture())
                        (self.details())
                        @if self.report.command == Command::Verify { (self.scripts()) }
                        (self.others())
                    }
                    footer {
                        "hrms-migrate " (env!("CARGO_PKG_VERSION"))
                        @if !self.report.elapsed.is_zero() { " · " (elapsed(self.report.elapsed)) }
                    }
                }
            }
        }
    }

    /// Draws prose; what stands between backticks is code.
    fn inline(&self, text: &str) -> Markup {
        let text = self.clean(text);
        let quoted = text.matches('`').count().is_multiple_of(2);
        html! {
            @if quoted {
                @for (place, part) in text.split('`').enumerate() {
                    @if place % 2 == 1 { code { (part) } } @else { (part) }
                }
            } @else { (text) }
        }
    }

    fn problems(&self) -> Markup {
        html! {
            @if !self.report.diagnostics.is_empty() {
                section id="problems" {
                    h2 { "Messages" }
                    @for diagnostic in &self.report.diagnostics {
                        (self.problem(diagnostic, self.report.diagnostics.len() <= FEW_MESSAGES))
                    }
                }
            }
        }
    }

    fn problem(&self, diagnostic: &Diagnostic, open: bool) -> Markup {
        let (word, class) = match diagnostic.severity {
            Severity::Error => ("error", "bad"),
            Severity::Warning => ("warning", "change"),
            Severity::Note => ("note", "note"),
        };
        html! {
            details class=(format!("problem {class}")) open[open] {
                summary {
                    span.badge { (word) } " "
                    b { (self.inline(&diagnostic.what)) }
                    @if let Some(excerpt) = &diagnostic.at { " " span.at { (self.clean(&excerpt.location.to_string())) } }
                }
                @if let Some(excerpt) = &diagnostic.at { (self.excerpt(excerpt)) }
                @for why in &diagnostic.why { p { (self.inline(why)) } }
                @if let Some(done) = &diagnostic.done { p { "Done so far: " (self.inline(done)) } }
                @if let Some(help) = &diagnostic.help { p { b { "Help: " } (self.inline(help)) } }
                p.code { "hrms-migrate explain " (diagnostic.code.name()) }
            }
        }
    }

    fn excerpt(&self, excerpt: &Excerpt) -> Markup {
        let part = |from: usize, to: usize| {
            let text = excerpt.lines.get(from..to).unwrap_or_default().replace('\t', "    ");
            let lines: Vec<_> = text.split('\n').map(|line| self.clean(line.trim_end_matches('\r'))).collect();
            lines.join("\n")
        };
        let marked = excerpt.marked;
        html! {
            figure {
                pre {
                    (part(0, marked.start)) mark { (part(marked.start, marked.end)) }
                    (part(marked.end, excerpt.lines.len()))
                }
                @if !excerpt.label.is_empty() { p { (self.inline(&excerpt.label)) } }
            }
        }
    }

    fn unverified(&self) -> Markup {
        let verification = self.report.verification.as_ref();
        let open = verification.map_or(&[][..], |verification| &verification.unverified);
        let queries = verification.map_or(&[][..], |verification| &verification.queries);
        html! {
            @if !open.is_empty() {
                section {
                    h2 { "Not verified" }
                    ul.plain { @for why in open { li.change { (self.inline(why)) } } }
                }
            }
            @if !queries.is_empty() {
                section {
                    h2 { "Conditions on rows" }
                    ul.plain {
                        @for (message, rows) in queries {
                            li class=(if *rows > 0 { "bad" } else { "good" }) {
                                (self.inline(&query_words(message, *rows).0))
                            }
                        }
                    }
                }
            }
        }
    }

    fn differences(&self) -> Markup {
        let Some(comparison) = &self.report.comparison else { return html! {} };
        let open = comparison.differences.len() <= FEW_MESSAGES;
        html! {
            @if let Some(place) = &comparison.against {
                p.place { "against " @for word in place_words(place) { span { (self.clean(&word)) } " " } }
            }
            @if !comparison.differences.is_empty() {
                section id="differences" {
                    h2 { (difference::number_words(comparison)) }
                    @for one in &comparison.differences {
                        details class="script" open[open] {
                            summary {
                                b { (difference::mark(one.state).0) } " " (self.clean(&one.object)) " "
                                span class=(format!("badge {}", tone(difference::mark(one.state).1))) { (one.state.word()) }
                                @if let Some(at) = &one.location { " " span.at { (self.clean(at)) } }
                            }
                            @for (side, definition) in difference::definitions(one) {
                                p { (side) ":" } pre { (markdown::lines(&self.style, definition)) }
                            }
                            @for why in &one.why { p { (self.inline(why)) } }
                            @for statement in &one.statements {
                                pre { (markdown::lines(&self.style, statement)) ";" }
                            }
                        }
                    }
                }
            }
        }
    }

    fn rehearsal(&self) -> Markup {
        let Some(rehearsal) = &self.report.rehearsal else { return html! {} };
        html! {
            section id="rehearsal" {
                h2 { "Rehearsal" }
                p { (self.inline(&rehearsal::headline(rehearsal))) }
                @for trial in &rehearsal.trials {
                    details.script open[rehearsal.trials.len() <= FEW_MESSAGES] {
                        summary {
                            span class=(tone(rehearsal::end_mark(&trial.end).1)) { b { (rehearsal::end_mark(&trial.end).0) } } " "
                            (self.inline(&rehearsal::trial_words(trial)))
                        }
                        @for effect in &trial.effects {
                            p.object {
                                b class=(tone(rehearsal::mark(effect.change).1)) { (rehearsal::mark(effect.change).0) } " "
                                (self.clean(&rehearsal::words(effect)))
                            }
                            @for (word, definition) in rehearsal::definitions(effect) {
                                p.facts { (word) ":" } pre { (markdown::lines(&self.style, definition)) }
                            }
                        }
                        @for note in rehearsal::notes(trial) { p { (self.inline(&note)) } }
                        p.facts { "sent was:" } pre { (markdown::lines(&self.style, &trial.sql)) }
                    }
                }
                @for unlike in &rehearsal.unlike { p.facts { "The copy: " (self.inline(unlike)) } }
            }
        }
    }

    fn history(&self) -> Markup {
        let items: Vec<_> = self.report.history.iter().flat_map(history::items).collect();
        html! {
            @if !items.is_empty() {
                section id="history" {
                    h2 { "History" }
                    @for item in &items {
                        details.script {
                            summary { span class=(tone(item.paint)) { b { (item.sign) } } " " (self.inline(&item.words)) }
                            @for note in &item.notes { p { (self.inline(note)) } }
                            @for statement in &item.statements { pre { (markdown::lines(&self.style, statement)) } }
                        }
                    }
                }
            }
        }
    }

    fn scripts(&self) -> Markup {
        let told: Vec<_> = self.report.scripts.iter().filter(|script| is_told(script)).collect();
        html! {
            @if !told.is_empty() {
                section {
                    h2 { "Scripts" }
                    ul.scripts { @for script in told { li { (self.script(script)) } } }
                }
            }
        }
    }

    fn script(&self, script: &ScriptReport) -> Markup {
        let tone = match (script.state, self.report.command) {
            (ScriptState::AlreadyTrue, _) | (ScriptState::Changed, Command::Run) => "good",
            (ScriptState::Changed, Command::Plan | Command::Status | Command::Diff) | (ScriptState::NotReached, _) => {
                "change"
            }
            (ScriptState::LeftOut, _) => "faint",
            _ => "bad",
        };
        let notes: Vec<_> = script
            .statements
            .iter()
            .filter_map(|statement| {
                Some((statement.location.as_str(), statement_words(self.report, &statement.state, true)?))
            })
            .collect();
        let head = html! {
            span.number { (self.clean(&script.name.number)) } " "
            span.title { (self.clean(&script.name.title)) } " "
            span class=(format!("badge {tone}")) { (state_words(script.state, self.report.command)) }
            @if !script.steps.is_empty() { " " span.count { (count(script.steps.len(), "step", "steps")) } }
        };
        html! {
            @if script.steps.is_empty() && notes.is_empty() {
                div.script { (head) }
            } @else {
                details.script {
                    summary { (head) }
                    @for (location, words) in notes { p { code { (self.clean(location)) } " " (self.inline(&words)) } }
                    @for step in &script.steps { (self.step(step)) }
                }
            }
        }
    }

    fn step(&self, step: &StepReport) -> Markup {
        html! {
            div.step {
                p.object { b { (step::mark(step.verb)) } " " (self.clean(&step.object)) }
                p.facts {
                    (self.clean(&step::details(step, true))) br;
                    (self.clean(&step::lock_and_limits(step)))
                    @if let Some(hazards) = step::hazards(step) { br; span.change { (self.clean(&hazards)) } }
                }
                pre { (markdown::lines(&self.style, &step.sql)) }
            }
        }
    }

    fn picture(&self) -> Markup {
        let shown = picture::drawn(&self.tables).len();
        let home = self.report.place.as_ref().and_then(|place| place.schema.as_deref());
        html! {
            @if shown > 0 {
                section id="picture" {
                    h2 { "Tables and relations" }
                    p.legend {
                        @if shown < self.tables.len() {
                            (count(shown, "table", "tables")) " of " (self.tables.len())
                            ": those that differ, and what they refer to. "
                        }
                        @for (mark, words) in self.legend() {
                            span class=(class(mark)) { b { (picture::sign(mark)) } " " (words) } " "
                        }
                    }
                    div.scroll {
                        @for wide in [true, false] { (picture::draw(&self.tables, wide, home, &self.style)) }
                    }
                }
            }
        }
    }

    /// Returns the marks that occur, and what they mean in this command.
    fn legend(&self) -> Vec<(Mark, &'static str)> {
        let marks = |table: &TableView<'_>| -> Vec<Mark> {
            let columns = table.columns.iter().map(|column| column.mark);
            let parts = table.parts.iter().map(|part| part.mark);
            columns.chain(parts).chain(table.links.iter().map(|link| link.mark)).chain([table.mark]).collect()
        };
        let occur: std::collections::BTreeSet<_> = self.tables.iter().flat_map(marks).collect();
        occur.into_iter().filter(|mark| mark.differs()).map(|mark| (mark, self.mark_words(mark))).collect()
    }

    fn mark_words(&self, mark: Mark) -> &'static str {
        let verify = matches!(self.report.command, Command::Verify | Command::Diff);
        match mark {
            Mark::Same => "",
            Mark::Unnamed => "in no script",
            Mark::Added if verify => "missing",
            Mark::Added => "new",
            Mark::Changed if verify => "not as declared",
            Mark::Changed => "changes",
            Mark::Dropped if verify => "should not be there",
            Mark::Dropped => "is dropped",
            Mark::Told => "conflicting",
        }
    }

    fn details(&self) -> Markup {
        let shown: Vec<_> = self
            .tables
            .iter()
            .enumerate()
            .filter(|(_, table)| self.tables.len() <= MANY_TABLES || table.differs())
            .collect();
        html! {
            @if !shown.is_empty() {
                section id="tables" {
                    h2 { "Tables" }
                    @for (place, table) in &shown { (self.table(*place, table)) }
                    @if shown.len() < self.tables.len() {
                        p.legend {
                            "and " (count(self.tables.len() - shown.len(), "table", "tables")) " without a difference"
                        }
                    }
                }
            }
        }
    }

    fn table(&self, place: usize, table: &TableView<'_>) -> Markup {
        html! {
            details class=(format!("table {}", class(table.mark))) id=(format!("t{place}")) open[table.differs()] {
                summary {
                    span.title { (self.clean(&table.name.to_string())) } " "
                    @if table.mark.differs() {
                        span class=(format!("badge {}", class(table.mark))) { (self.mark_words(table.mark)) }
                    } @else if table.differs() { span.badge.changed { "differs" } }
                    " " span.count { (count(table.columns.len(), "column", "columns")) }
                }
                @for diagnostic in &table.told { p.bad { (self.inline(&diagnostic.what)) } }
                div.rows {
                    @for column in &table.columns {
                        div class=(format!("row {}", class(column.mark))) {
                            span.mark title=(self.mark_words(column.mark)) { (picture::sign(column.mark)) }
                            span.name {
                                (self.clean(&column.name.to_string()))
                                @if column.primary { " " small { "PK" } }
                                @if column.refers { " " small { "FK" } }
                            }
                            span.what {
                                (self.clean(&column.type_name))
                                @for fact in &column.facts { " " span.fact { (self.clean(fact)) } }
                                @if let Some(was) = &column.was { br; span.was { "found: " (self.clean(was)) } }
                                @if column.mark == Mark::Unnamed { " " span.faint { (self.mark_words(column.mark)) } }
                            }
                        }
                    }
                    @for part in &table.parts {
                        div class=(format!("row part {}", class(part.mark))) {
                            span.mark title=(self.mark_words(part.mark)) { (picture::sign(part.mark)) }
                            span.name { (self.clean(&part.name)) " " small { (part.kind) } }
                            span.what { (self.clean(&part.definition)) }
                        }
                    }
                }
            }
        }
    }

    /// Draws what was compared and belongs to no table, and the counts of everything.
    fn others(&self) -> Markup {
        let Some(verification) = &self.report.verification else { return html! {} };
        let free: Vec<_> = verification
            .checked
            .iter()
            .filter(|checked| checked.table.is_none() && kind_name(checked.kind) != "table")
            .collect();
        html! {
            section {
                h2 { "Compared" }
                p.counts {
                    @for (kind, number) in counts(verification) {
                        span { b { (number) } " " (kind_name(kind)) }
                    }
                }
                @if !free.is_empty() {
                    div.rows {
                        @for checked in free {
                            div.row {
                                span.mark {}
                                span.name { (self.clean(&checked.name.to_string())) " " small { (kind_name(checked.kind)) } }
                                span.what { (self.clean(&checked.details)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

const fn class(mark: Mark) -> &'static str {
    picture::class(mark)
}
