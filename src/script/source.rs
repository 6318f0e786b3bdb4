//! A script's text and places in it.

use std::{fmt, ops::Range};

/// A script by its place in the order of the run, counted from 0 (base migrations come first).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ScriptId(pub usize);

/// A stretch of a script's text, in bytes from its beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// The first byte.
    pub start: usize,
    /// The byte after the last.
    pub end: usize,
}

impl Span {
    /// Returns the stretch from `start` up to, not including, `end`.
    #[must_use]
    pub const fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }

    /// Returns the bytes as a range.
    #[must_use]
    pub const fn range(self) -> Range<usize> {
        self.start..self.end
    }
}

/// One file of SQL. The text is valid UTF-8 without a byte-order mark; spans count from its beginning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// The path to show: as given with `--dir`, or `ensure/…` for what is compiled in.
    pub path: String,
    /// The number at the front of the file's name; `None` for a base migration, which goes by `name`.
    pub number: Option<u64>,
    /// `010_user_columns` of `ensure/010_user_columns.sql`; a base migration's directory name.
    pub name: String,
    /// The text.
    pub text: String,
}

impl Script {
    /// Returns the line and column of a byte. Cost: linear in the text before it; meant for messages.
    #[must_use]
    pub fn location(&self, byte: usize) -> Location {
        let mut byte = byte.min(self.text.len());
        while !self.text.is_char_boundary(byte) {
            byte -= 1;
        }
        let before = &self.text[..byte];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Location {
            path: self.path.clone(),
            line: before.bytes().filter(|b| *b == b'\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        }
    }

    /// Returns the text of a span; empty where the span lies outside.
    #[must_use]
    pub fn slice(&self, span: Span) -> &str {
        self.text.get(span.range()).unwrap_or_default()
    }
}

/// A place for people: `ensure/010_user_columns.sql:7:1`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// The file.
    pub path: String,
    /// The line, counted from 1.
    pub line: usize,
    /// The column, in characters, counted from 1.
    pub column: usize,
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.path, self.line, self.column)
    }
}
