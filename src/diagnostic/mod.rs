//! A message as plain data: what happened, where, why, and what to do. The `report` room alone draws it.

mod code;
mod subject;

use crate::script::{Location, Script, ScriptId, Span};

pub use code::{Code, Outcome};
pub use subject::Subject;

/// One message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The stable code; its page is `docs/errors/<code>.md`.
    pub code: Code,
    /// How much it matters.
    pub severity: Severity,
    /// What happened, in one line that names the object: lower case, no full stop.
    pub what: String,
    /// The object, where it is about one.
    pub subject: Option<Subject>,
    /// The place in a script.
    pub at: Option<Excerpt>,
    /// The facts we know, one a line.
    pub why: Vec<String>,
    /// What was already done, where the database was changed before.
    pub done: Option<String>,
    /// One action that begins with a verb.
    pub help: Option<String>,
}

/// How much a message matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Good to know; changes nothing of the outcome.
    Note,
    /// May become an error one day.
    Warning,
    /// Stops the run.
    Error,
}

impl Diagnostic {
    /// Starts an error.
    #[must_use]
    pub fn error(code: Code, what: impl Into<String>) -> Self {
        Self {
            code,
            severity: Severity::Error,
            what: what.into(),
            subject: None,
            at: None,
            why: Vec::new(),
            done: None,
            help: None,
        }
    }

    /// Starts a note.
    #[must_use]
    pub fn note(code: Code, what: impl Into<String>) -> Self {
        Self { severity: Severity::Note, ..Self::error(code, what) }
    }

    /// Returns the message as a warning: it stops nothing.
    #[must_use]
    pub fn as_warning(self) -> Self {
        Self { severity: Severity::Warning, ..self }
    }

    /// Adds the place, with a few words beside the marked text.
    #[must_use]
    pub fn at(mut self, script: &Script, span: Span, label: impl Into<String>) -> Self {
        self.at = Some(Excerpt::new(script, span, label.into()));
        self
    }

    /// Adds a fact.
    #[must_use]
    pub fn why(mut self, fact: impl Into<String>) -> Self {
        self.why.push(fact.into());
        self
    }

    /// Adds what to do.
    #[must_use]
    pub fn help(mut self, action: impl Into<String>) -> Self {
        self.help = Some(action.into());
        self
    }
}

/// A message about a place in a script, made where only the script's identity is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The script.
    pub script: ScriptId,
    /// The place.
    pub span: Span,
    /// The code.
    pub code: Code,
    /// What is wrong.
    pub what: String,
    /// The object, where it is about one.
    pub subject: Option<Subject>,
    /// A few words beside the place.
    pub label: String,
    /// The facts.
    pub why: Vec<String>,
    /// Another place that has to do with it.
    pub related: Option<(ScriptId, Span)>,
    /// What to do.
    pub help: String,
}

impl Finding {
    /// Returns the message with the lines to show. A script that is not among `scripts` leaves the place out.
    #[must_use]
    pub fn diagnostic(&self, scripts: &[Script]) -> Diagnostic {
        let mut diagnostic = Diagnostic::error(self.code, self.what.clone());
        if let Some(script) = scripts.get(self.script.0) {
            diagnostic = diagnostic.at(script, self.span, self.label.clone());
        }
        diagnostic.subject.clone_from(&self.subject);
        diagnostic.why.clone_from(&self.why);
        if let Some((script, span)) = self.related
            && let Some(script) = scripts.get(script.0)
        {
            diagnostic.why.push(format!("the other place is {}", script.location(span.start)));
        }
        if self.help.is_empty() { diagnostic } else { diagnostic.help(self.help.clone()) }
    }
}

/// A place in a script with the lines to show, so that drawing needs no file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excerpt {
    /// File, line and column of the first marked character.
    pub location: Location,
    /// The lines that hold the marked text, at most [`Excerpt::MAX_LINES`], without the last line's end.
    pub lines: String,
    /// The marked bytes within `lines`.
    pub marked: Span,
    /// A few words beside the mark.
    pub label: String,
}

impl Excerpt {
    /// The most lines shown of one place; a longer text is marked up to there.
    pub const MAX_LINES: usize = 3;
    /// The most bytes shown of one line: a script may be one line of megabytes.
    const MAX_LINE_BYTES: usize = 400;

    fn new(script: &Script, span: Span, label: String) -> Self {
        let text = script.text.as_str();
        let start = floor_boundary(text, span.start);
        let end = floor_boundary(text, span.end.max(span.start)).max(start);
        let line_start = text[..start].rfind('\n').map_or(0, |newline| newline + 1);
        let line_start = line_start.max(floor_boundary(text, start.saturating_sub(Self::MAX_LINE_BYTES)));
        let mut line_end = line_start;
        for _ in 0..Self::MAX_LINES {
            let rest = &text[line_end..];
            line_end += rest.find('\n').map_or(rest.len(), |newline| newline + 1);
            if line_end >= end {
                break;
            }
        }
        let line_end = line_end.min(floor_boundary(text, start + Self::MAX_LINE_BYTES)).max(start);
        let lines = text[line_start..line_end].trim_end_matches(['\n', '\r']).to_owned();
        let marked_start = (start - line_start).min(lines.len());
        let marked_end = (end - line_start).clamp(marked_start, lines.len());
        Self { location: script.location(start), lines, marked: Span::new(marked_start, marked_end), label }
    }
}

fn floor_boundary(text: &str, byte: usize) -> usize {
    let mut byte = byte.min(text.len());
    while !text.is_char_boundary(byte) {
        byte -= 1;
    }
    byte
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script(text: &str) -> Script {
        Script {
            path: "ensure/010_a.sql".to_owned(),
            number: Some(10),
            name: "010_a".to_owned(),
            text: text.to_owned(),
        }
    }

    #[test]
    fn an_excerpt_holds_the_lines_of_its_span() {
        let script = script("SELECT 1;\nALTER TABLE é\n  DROP x;\n");
        let start = script.text.find("é").unwrap_or_default();
        let excerpt = Excerpt::new(&script, Span::new(start, start + "é\n  DROP".len()), String::new());
        assert_eq!(excerpt.lines, "ALTER TABLE é\n  DROP x;");
        assert_eq!(&excerpt.lines[excerpt.marked.range()], "é\n  DROP");
        assert_eq!(excerpt.location.to_string(), "ensure/010_a.sql:2:13");
    }

    #[test]
    fn an_excerpt_of_a_long_line_stays_short() {
        let text = "x".repeat(1_000_000);
        let excerpt = Excerpt::new(&script(&text), Span::new(500_000, 900_000), String::new());
        assert!(excerpt.lines.len() <= 2 * Excerpt::MAX_LINE_BYTES);
    }

    #[test]
    fn a_span_outside_the_text_is_no_panic() {
        let excerpt = Excerpt::new(&script("é"), Span::new(1, 99), String::new());
        assert_eq!(excerpt.lines, "é");
    }
}
