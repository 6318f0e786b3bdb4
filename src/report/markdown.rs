//! A report for a comment on a pull request: what it comes to first, then what is in the way, details folded.

use std::fmt::Write as _;

use crate::{
    diagnostic::Severity,
    event::{Command, Report, ScriptReport, ScriptState},
};

use super::{
    Style, aside,
    diagnostic::render_diagnostic,
    difference, history,
    layout::{count, grouped},
    paint::Paint,
    rehearsal, step,
    summary::summary,
    text::{is_told, next, place_words, state_words, statement_words},
    verification::{self, OF_TABLES, query_words},
};

/// Details are left out from here on: GitHub takes 65 536 characters a comment, and a footer needs room too.
const MOST_BYTES: usize = 60_000;
/// Up to how many tables each has a line.
const MANY_TABLES: usize = 60;

/// Writes a report as GitHub flavoured Markdown.
///
/// Names and messages stand in code spans or are escaped: they cannot end a table's cell, make a link, mention anybody or
/// bring in HTML.
#[must_use]
pub fn render_markdown(report: &Report) -> String {
    let mut page = Page { report, style: Style::default(), text: String::new(), left_out: 0 };
    page.head();
    page.problems();
    if report.command != Command::Diff {
        page.scripts();
    }
    page.rehearsal();
    page.differences();
    page.history();
    page.verification();
    if let Some(next) = next(report) {
        page.block(&format!("**Next:** {}", prose(&page.style.clean(&next))));
    }
    if page.left_out > 0 {
        let parts = count(page.left_out, "part was", "parts were");
        page.block(&format!("_{parts} left out here for its length; the other formats have everything._"));
    }
    page.text
}

struct Page<'a> {
    report: &'a Report,
    style: Style,
    text: String,
    /// How many details were too long to be shown.
    left_out: usize,
}

impl Page<'_> {
    /// Adds a block, an empty line between it and the one before.
    fn block(&mut self, block: &str) {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        self.text.push_str(block.trim_end());
        self.text.push('\n');
    }

    /// Adds a folded block, unless the whole would become too long.
    fn folded(&mut self, summary: &str, body: &str) {
        if self.text.len() + body.len() > MOST_BYTES {
            self.left_out += 1;
            return;
        }
        self.block(&format!("<details><summary>{summary}</summary>\n\n{}\n\n</details>", body.trim_end()));
    }

    fn head(&mut self) {
        let (words, paint) = summary(self.report);
        let sign = match paint {
            Paint::Bad => "❌",
            Paint::Change => "🔸",
            _ => "✅",
        };
        self.block(&format!("### {sign} {}: {}", self.report.command_name(), prose(&self.style.clean(&words))));
        if let Some(place) = &self.report.place {
            let words: Vec<_> = place_words(place).iter().map(|word| code(&self.style.clean(word))).collect();
            self.block(&words.join(" · "));
        }
        for (label, words, _) in aside::lines(self.report) {
            self.block(&format!("{label}: {}", prose(&self.style.clean(&words))));
        }
    }

    fn problems(&mut self) {
        for diagnostic in &self.report.diagnostics {
            let word = match diagnostic.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
                Severity::Note => "note",
            };
            let what = html(&self.style.clean(&diagnostic.what));
            let at = diagnostic.at.as_ref().map(|excerpt| self.style.clean(&excerpt.location.to_string()));
            let at = at.map(|at| format!(" <code>{}</code>", html(&at))).unwrap_or_default();
            let head = format!("<b>{word}[{}]</b> {what}{at}", diagnostic.code.name());
            let body = fence(&render_diagnostic(diagnostic, &self.style), "");
            self.folded(&head, &body);
        }
    }

    fn scripts(&mut self) {
        let told: Vec<_> = self.report.scripts.iter().filter(|script| is_told(script)).collect();
        let quiet = |script: &ScriptReport| script.steps.is_empty() && script.statements.is_empty();
        let as_is = |script: &ScriptReport| script.state == ScriptState::AlreadyTrue && quiet(script);
        let (same, others): (Vec<_>, Vec<_>) = told.into_iter().partition(|script| as_is(script));
        if !others.is_empty() {
            let mut table = "| script | state | steps |\n|:--|:--|--:|\n".to_owned();
            for script in &others {
                let _ = writeln!(
                    table,
                    "| {} | {} | {} |",
                    prose(&self.style.clean(&format!("{} {}", script.name.number, script.name.title))),
                    state_words(script.state, self.report.command),
                    grouped(script.steps.len())
                );
            }
            self.block(&table);
        }
        for script in &others {
            self.script(script);
        }
        if !same.is_empty() {
            let words = state_words(ScriptState::AlreadyTrue, self.report.command);
            let names: Vec<_> = same
                .iter()
                .map(|script| self.style.clean(&format!("{} {}", script.name.number, script.name.title)))
                .map(|name| format!("- {}", prose(&name)))
                .collect();
            self.folded(&format!("{} {words}", count(same.len(), "script", "scripts")), &names.join("\n"));
        }
    }

    /// Adds the steps of a script, with the SQL that is sent, and the statements that need a word.
    fn script(&mut self, script: &ScriptReport) {
        let style = self.style;
        let mut body = String::new();
        for statement in &script.statements {
            if let Some(words) = statement_words(self.report, &statement.state, true) {
                let _ = writeln!(body, "- {} {}", code(&style.clean(&statement.location)), prose(&style.clean(&words)));
            }
        }
        for step in &script.steps {
            if !body.is_empty() {
                body.push('\n');
            }
            let _ = writeln!(body, "**{}** {}  ", step::mark(step.verb), code(&style.clean(&step.object)));
            let mut facts = vec![step::details(step, true), step::lock_and_limits(step)];
            facts.extend(step::hazards(step));
            let facts: Vec<_> =
                facts.iter().filter(|fact| !fact.is_empty()).map(|fact| prose(&style.clean(fact))).collect();
            let _ = writeln!(body, "{}\n", facts.join("; "));
            body.push_str(&fence(&lines(&style, &step.sql), "sql"));
        }
        if body.is_empty() {
            return;
        }
        let name = html(&style.clean(&format!("{} {}", script.name.number, script.name.title)));
        let steps = match script.steps.len() {
            0 => String::new(),
            steps => format!(": {}", count(steps, "step", "steps")),
        };
        self.folded(&format!("<b>{name}</b>{steps}"), &body);
    }

    fn rehearsal(&mut self) {
        let Some(rehearsal) = &self.report.rehearsal else { return };
        let style = self.style;
        self.block(&format!("**Rehearsal:** {}", prose(&style.clean(&rehearsal::headline(rehearsal)))));
        for trial in &rehearsal.trials {
            let mut body = String::new();
            for effect in &trial.effects {
                let sign = rehearsal::mark(effect.change).0;
                let _ = writeln!(body, "**{sign}** {} {}\n", code(&style.clean(&effect.object)), effect.change.word());
                for (word, definition) in rehearsal::definitions(effect) {
                    let _ = writeln!(body, "{word}:\n\n{}", fence(&lines(&style, definition), "sql"));
                }
            }
            for note in rehearsal::notes(trial) {
                let _ = writeln!(body, "- {}\n", prose(&style.clean(&note)));
            }
            let _ = writeln!(body, "sent was:\n\n{}", fence(&lines(&style, &trial.sql), "sql"));
            let head = html(&style.clean(&rehearsal::trial_words(trial)));
            let sign = html(rehearsal::end_mark(&trial.end).0);
            self.folded(&format!("<b>{sign}</b> {head}"), &body);
        }
        let unlike: Vec<_> =
            rehearsal.unlike.iter().map(|words| format!("- the copy: {}", prose(&style.clean(words)))).collect();
        if !unlike.is_empty() {
            self.block(&unlike.join("\n"));
        }
    }

    fn history(&mut self) {
        let items: Vec<_> = self.report.history.iter().flat_map(history::items).collect();
        for item in items {
            let style = self.style;
            let mut body = String::new();
            for note in &item.notes {
                let _ = writeln!(body, "- {}", prose(&style.clean(note)));
            }
            for statement in &item.statements {
                let _ = writeln!(body, "\n{}", fence(&lines(&style, statement), "sql"));
            }
            self.folded(&format!("<b>{}</b> {}", html(item.sign), html(&style.clean(&item.words))), &body);
        }
    }

    fn differences(&mut self) {
        let Some(comparison) = &self.report.comparison else { return };
        if let Some(place) = &comparison.against {
            let words: Vec<_> = place_words(place).iter().map(|word| code(&self.style.clean(word))).collect();
            self.block(&format!("against {}", words.join(" · ")));
        }
        for difference in &comparison.differences {
            let style = self.style;
            let mut body = String::new();
            for (side, definition) in difference::definitions(difference) {
                let _ = writeln!(body, "{side}:\n\n{}", fence(&lines(&style, definition), "sql"));
            }
            for why in &difference.why {
                let _ = writeln!(body, "- {}", prose(&style.clean(why)));
            }
            if !difference.statements.is_empty() {
                let statements: Vec<_> =
                    difference.statements.iter().map(|sql| format!("{};", lines(&style, sql))).collect();
                let _ = writeln!(body, "\n{}", fence(&statements.join("\n"), "sql"));
            }
            let at = difference.location.as_ref().map(|at| format!(" <code>{}</code>", html(&style.clean(at))));
            let head = format!(
                "<b>{}</b> {}{}",
                difference.state.word(),
                html(&style.clean(&difference.object)),
                at.unwrap_or_default()
            );
            self.folded(&head, &body);
        }
    }

    fn verification(&mut self) {
        let Some(verification) = &self.report.verification else { return };
        if self.report.command == Command::Verify {
            let lines = verification::lines(self.report, verification);
            let shown: Vec<_> = lines.iter().filter(|line| lines.len() <= MANY_TABLES || line.differs).collect();
            let heads: Vec<_> = OF_TABLES.iter().map(|(_, head)| *head).collect();
            let mut table =
                format!("| table | {} | |\n|:--|{}:--|\n", heads.join(" | "), "--:|".repeat(OF_TABLES.len()));
            for line in &shown {
                let numbers: Vec<_> = line.numbers.iter().map(|number| grouped(*number)).collect();
                let differs = if line.differs { "**differs**" } else { "" };
                let name = cell(&self.style.clean(&line.table.to_string()));
                let _ = writeln!(table, "| {name} | {} | {differs} |", numbers.join(" | "));
            }
            if shown.len() < lines.len() {
                let rest = count(lines.len() - shown.len(), "table", "tables");
                let _ = writeln!(table, "\nand {rest} without a difference");
            }
            if !lines.is_empty() {
                self.folded(&format!("{} compared", count(lines.len(), "table", "tables")), &table);
            }
            let queries: Vec<_> = verification
                .queries
                .iter()
                .map(|(message, rows)| (query_words(&self.style.clean(message), *rows).0, *rows))
                .map(|(words, rows)| format!("- {}{}", if rows > 0 { "❌ " } else { "" }, prose(&words)))
                .collect();
            if !queries.is_empty() {
                self.block(&queries.join("\n"));
            }
        } else if self.report.command == Command::Run {
            let (counts, verdict) = verification::headline(verification);
            self.block(&format!("**Verified:** {}, {}", counts.join(", "), verdict.0));
        }
        let open: Vec<_> = verification
            .unverified
            .iter()
            .map(|why| format!("- not verified: {}", prose(&self.style.clean(why))))
            .collect();
        if !open.is_empty() {
            self.block(&open.join("\n"));
        }
    }
}

/// Returns the lines of SQL, each harmless.
pub(super) fn lines(style: &Style, sql: &str) -> String {
    let lines: Vec<_> = sql.trim().lines().map(|line| style.clean(&line.trim_end().replace('\t', "    "))).collect();
    lines.join("\n")
}

/// Returns a block of code. Its fence is longer than any run of backticks in it.
fn fence(text: &str, language: &str) -> String {
    let fence = "`".repeat(longest_ticks(text).max(2) + 1);
    format!("{fence}{language}\n{}\n{fence}\n", text.trim_end())
}

fn longest_ticks(text: &str) -> usize {
    text.split(|char| char != '`').map(str::len).max().unwrap_or_default()
}

/// Returns a span of code.
fn code(text: &str) -> String {
    if text.trim().is_empty() {
        return String::new();
    }
    let ticks = "`".repeat(longest_ticks(text) + 1);
    let pad = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{ticks}{pad}{text}{pad}{ticks}")
}

/// Returns a span of code for a cell of a table, where a bar ends the cell even in code.
fn cell(text: &str) -> String {
    // A backslash before a bar is taken away with it by the table, whatever stands before the backslash.
    code(&text.replace('|', "\\|"))
}

/// Returns text in which nothing has a meaning in Markdown or HTML; what stands between backticks stays code.
fn prose(text: &str) -> String {
    let quoted = text.matches('`').count().is_multiple_of(2);
    let mut out = String::with_capacity(text.len());
    for (place, part) in text.split('`').enumerate() {
        if quoted && place % 2 == 1 {
            out.push_str(&code(part));
            continue;
        }
        if place > 0 && !quoted {
            out.push_str("\\`");
        }
        for char in part.chars() {
            match char {
                // So that nobody is mentioned and no issue linked, wherever the text came from.
                '@' | '#' => {
                    out.push(char);
                    out.push_str("<!-- -->");
                }
                '<' => out.push_str("&lt;"),
                '>' => out.push_str("&gt;"),
                '&' => out.push_str("&amp;"),
                '\\' | '*' | '_' | '{' | '}' | '[' | ']' | '!' | '|' | '~' | '$' => {
                    out.push('\\');
                    out.push(char);
                }
                _ => out.push(char),
            }
        }
    }
    out.replace("://", "\\://").replace("www.", "www\\.")
}

/// Returns text for the inside of an HTML element, without meaning in Markdown either.
fn html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '@' | '#' => {
                out.push(char);
                out.push_str("<!-- -->");
            }
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '<' | '>' | '&' | '!' | '|' | '~' | '$' | ':' | '"' => {
                let _ = write!(out, "&#{};", u32::from(char));
            }
            _ => out.push(char),
        }
    }
    out
}
