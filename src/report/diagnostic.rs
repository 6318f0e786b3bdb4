//! One message: what, where, why, what is done, what to do. CRAFT section 4 shows the form.

use crate::diagnostic::{Diagnostic, Excerpt, Severity};

use super::{
    Style,
    layout::{pad_left, shorten, spaces, width, wrap},
    paint::Paint,
};

/// The least width of the column of line numbers, so that most messages line up with each other.
const GUTTER: usize = 2;
/// A tab stands for spaces up to the next multiple of this.
const TAB: usize = 4;
/// What is kept of a long line before the mark.
const BEFORE_MARK: usize = 12;
/// The least room in which a label still reads well beside or below its mark.
const LEAST_LABEL: usize = 28;

/// Draws one message, ending with a line break.
///
/// Lines are broken for a terminal only, so that a search in a log finds whole messages.
#[must_use]
pub fn render_diagnostic(diagnostic: &Diagnostic, style: &Style) -> String {
    let (word, paint) = match diagnostic.severity {
        Severity::Error => ("error", Paint::Bad),
        Severity::Warning => ("warning", Paint::Change),
        Severity::Note => ("note", Paint::Name),
    };
    let gutter = diagnostic.at.as_ref().map_or(GUTTER, |excerpt| {
        let last = excerpt.location.line + excerpt.lines.matches('\n').count();
        last.to_string().len().max(GUTTER)
    });
    let mut drawing = Drawing { style, gutter, text: String::new() };
    let head = format!("{word}[{}]", diagnostic.code.name());
    for (index, line) in drawing.prose(&format!("{head}: {}", style.clean(&diagnostic.what)), 2).iter().enumerate() {
        match line.strip_prefix(head.as_str()).filter(|_| index == 0) {
            Some(rest) => drawing.line(&(style.paint(paint, &head) + &style.paint(Paint::Strong, rest))),
            None => drawing.line(&(spaces(if index == 0 { 0 } else { 2 }) + &style.paint(Paint::Strong, line))),
        }
    }
    if let Some(excerpt) = &diagnostic.at {
        drawing.excerpt(excerpt, paint);
    }
    for why in &diagnostic.why {
        drawing.fact("why", why);
    }
    if let Some(done) = &diagnostic.done {
        drawing.fact("done so far", done);
    }
    if let Some(help) = &diagnostic.help {
        drawing.fact("help", help);
    }
    drawing.text
}

struct Drawing<'a> {
    style: &'a Style,
    gutter: usize,
    text: String,
}

/// A line of a script as it is shown, and which of its columns are marked.
struct Shown {
    text: String,
    /// The first marked column and the one after the last.
    marked: Option<(usize, usize)>,
}

impl Drawing<'_> {
    fn line(&mut self, line: &str) {
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }

    /// Breaks prose into lines that leave `indent` columns free, where a terminal reads it.
    fn prose(&self, text: &str, indent: usize) -> Vec<String> {
        if self.style.terminal {
            wrap(text, self.style.columns().saturating_sub(indent))
        } else {
            vec![text.to_owned()]
        }
    }

    fn fact(&mut self, word: &str, fact: &str) {
        let head = format!("= {word}: ");
        let indent = self.gutter + 1 + width(&head);
        for (index, line) in self.prose(&self.style.clean(fact), indent).iter().enumerate() {
            let before = if index == 0 {
                spaces(self.gutter + 1) + &self.style.paint(Paint::Strong, &head)
            } else {
                spaces(indent)
            };
            self.line(&(before + line));
        }
    }

    fn excerpt(&mut self, excerpt: &Excerpt, paint: Paint) {
        let place = self.style.clean(&excerpt.location.to_string());
        let arrow = self.style.paint(Paint::Faint, "-->");
        self.line(&format!("{}{arrow} {}", spaces(self.gutter), self.style.paint(Paint::Name, &place)));
        self.bar("");
        let label = self.style.clean(&excerpt.label);
        let shown = self.shown(excerpt);
        let last = shown.iter().rposition(|line| line.marked.is_some());
        for (index, line) in shown.iter().enumerate() {
            let number = pad_left(&(excerpt.location.line + index).to_string(), self.gutter);
            let head = self.style.paint(Paint::Faint, &format!("{number} |"));
            self.line(&format!("{head} {}", line.text));
            if let Some((from, to)) = line.marked {
                let label = if Some(index) == last { label.as_str() } else { "" };
                self.mark(from, to, label, paint);
            }
        }
    }

    /// Draws the mark below a line, with its label beside it where there is room, else below it.
    fn mark(&mut self, from: usize, to: usize, label: &str, paint: Paint) {
        let mark = spaces(from) + &self.style.paint(paint, &"^".repeat(to - from));
        let room = self.style.full_width().saturating_sub(self.gutter + 3);
        if label.is_empty() || to + 1 + width(label) <= room || !self.style.terminal {
            self.bar(&format!("{mark} {}", self.style.paint(paint, label)));
            return;
        }
        let beside = room.saturating_sub(to + 1);
        let (first, indent) =
            if beside >= LEAST_LABEL { (true, to + 1) } else { (false, from.min(room.saturating_sub(LEAST_LABEL))) };
        let mut lines = wrap(label, room.saturating_sub(indent)).into_iter();
        let first_line = if first { lines.next().unwrap_or_default() } else { String::new() };
        self.bar(&format!("{mark} {}", self.style.paint(paint, &first_line)));
        for line in lines {
            self.bar(&(spaces(indent) + &self.style.paint(paint, &line)));
        }
    }

    fn bar(&mut self, text: &str) {
        let bar = self.style.paint(Paint::Faint, &format!("{} |", spaces(self.gutter)));
        self.line(&format!("{bar} {text}"));
    }

    fn shown(&self, excerpt: &Excerpt) -> Vec<Shown> {
        let mut lines = Vec::new();
        let mut start = 0;
        for line in excerpt.lines.split('\n') {
            let end = start + line.len();
            let from = excerpt.marked.start.clamp(start, end) - start;
            let to = excerpt.marked.end.clamp(start, end) - start;
            let is_first = (start..=end).contains(&excerpt.marked.start);
            // The indentation of a further line is not what is meant.
            let text = &line[from..to];
            let from = from + if is_first { 0 } else { text.len() - text.trim_start().len() };
            let to = (from + line[from..to.max(from)].trim_end().len()).max(from);
            let marked = (is_first || from < to).then_some((from, to));
            lines.push(self.one_shown(line.trim_end_matches('\r'), marked));
            start = end + 1;
        }
        lines
    }

    /// Makes one line harmless, finds the columns of the marked bytes, and cuts what is too wide around the mark.
    fn one_shown(&self, line: &str, marked: Option<(usize, usize)>) -> Shown {
        let mut text = String::new();
        let mut columns = (0, 0);
        for (byte, char) in line.char_indices().chain([(line.len(), '\n')]) {
            if let Some((from, to)) = marked {
                let column = width(&text);
                if byte <= from {
                    columns.0 = column;
                }
                if byte <= to {
                    columns.1 = column;
                }
            }
            match char {
                _ if byte == line.len() => {}
                '\t' => text.push_str(&spaces(TAB - width(&text) % TAB)),
                _ => self.style.push_clean(&mut text, char),
            }
        }
        let marked = marked.map(|_| (columns.0, columns.1.max(columns.0 + 1)));
        let room = self.style.full_width().saturating_sub(self.gutter + 3);
        if width(&text) <= room {
            return Shown { text, marked };
        }
        let ellipsis = self.style.ellipsis();
        let (from, to) = marked.unwrap_or_default();
        let cut = if to < room { 0 } else { from.saturating_sub(BEFORE_MARK) };
        let (text, cut) = drop_columns(&text, cut, ellipsis);
        let text = shorten(&text, room, ellipsis);
        let end = width(&text).max(1);
        let column = |column: usize| column.saturating_sub(cut).min(end);
        let marked =
            marked.map(|(from, to)| (column(from).min(end - 1), column(to).max(column(from).min(end - 1) + 1)));
        Shown { text, marked }
    }
}

/// Returns `text` without its first columns, an ellipsis in their place, and by how many columns it moved to the left.
fn drop_columns(text: &str, columns: usize, ellipsis: &str) -> (String, usize) {
    if columns <= width(ellipsis) {
        return (text.to_owned(), 0);
    }
    let mut dropped = 0;
    for (byte, char) in text.char_indices() {
        if dropped >= columns {
            return (format!("{ellipsis}{}", &text[byte..]), dropped - width(ellipsis));
        }
        dropped += width(char.encode_utf8(&mut [0; 4]));
    }
    (ellipsis.to_owned(), dropped.saturating_sub(width(ellipsis)))
}
