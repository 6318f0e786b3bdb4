//! Reads a `.env` file: which variables, and on which line each stands.

use std::{
    cell::Cell,
    io::{self, Read},
};

use super::error::ConfigError;

/// One assignment of a `.env` file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Assignment {
    /// The variable.
    pub variable: String,
    /// The value, quotes and escapes resolved.
    pub value: String,
    /// The line where it begins, counted from 1.
    pub line: usize,
    /// Whether a `$` in it stood for a variable.
    pub substituted: bool,
}

/// Returns the assignments of a `.env` file in their order.
///
/// The dialect is dotenvy's: `export` may stand in front, `'…'` is literal, `"…"` knows escapes, and an unquoted or
/// double-quoted `$NAME` is replaced by an earlier variable of the file or of the process environment.
pub(super) fn parse(file: &str, bytes: &[u8]) -> Result<Vec<Assignment>, ConfigError> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let byte = error.valid_up_to();
        let line = bytes[..byte].split(|b| *b == b'\n').count();
        ConfigError::EnvFileNotUtf8 { file: file.to_owned(), line, byte }
    })?;
    // dotenvy does not accept a blank at the end of a last line without a newline.
    let text = format!("{}\n", text.strip_prefix('\u{feff}').unwrap_or(text));
    let read = Cell::new(0);
    let reader = LineReader { rest: text.as_bytes(), lines: &read };
    let lines: Vec<&str> = text.lines().collect();
    let mut assignments = Vec::new();
    let mut consumed = 0;
    for entry in dotenvy::from_read_iter(reader) {
        // dotenvy skips blank lines and comments silently; the entry begins on the first line that is neither.
        let is_entry = |line: &&str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
        let skipped = lines.iter().skip(consumed).take_while(|line| !is_entry(line)).count();
        let line = consumed + skipped + 1;
        consumed = read.get();
        match entry {
            Ok((variable, value)) => {
                let written = lines.get(line - 1..consumed).unwrap_or_default().join("\n");
                let substituted = written.matches('$').count() > value.matches('$').count();
                assignments.push(Assignment { variable, value, line, substituted });
            }
            // The error's text is not shown: it repeats the line, which may hold a password.
            Err(_) => return Err(ConfigError::EnvFileMalformed { file: file.to_owned(), line }),
        }
    }
    Ok(assignments)
}

/// Gives out one line per call, so that the lines taken by dotenvy, which names none, can be counted.
struct LineReader<'a> {
    rest: &'a [u8],
    lines: &'a Cell<usize>,
}

impl Read for LineReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let line = self.rest.iter().position(|b| *b == b'\n').map_or(self.rest.len(), |newline| newline + 1);
        let length = line.min(buffer.len());
        buffer[..length].copy_from_slice(&self.rest[..length]);
        self.rest = &self.rest[length..];
        if length > 0 && buffer[length - 1] == b'\n' {
            self.lines.set(self.lines.get() + 1);
        }
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_variable_knows_its_line() {
        let text = "\u{feff}# comment\n\nA=1\nexport B='x y' # z\n\nC=\"two\nlines\"\n# D=4\nE='$A#'  ";
        let found = parse(".env", text.as_bytes()).unwrap();
        let found: Vec<_> = found.iter().map(|a| (a.variable.as_str(), a.value.as_str(), a.line)).collect();
        assert_eq!(found, [("A", "1", 3), ("B", "x y", 4), ("C", "two\nlines", 6), ("E", "$A#", 9)]);
    }

    #[test]
    fn windows_line_ends_and_long_lines_are_read() {
        let long = "x".repeat(20_000);
        let found = parse(".env", format!("A=1\r\nB={long}\r\nC=3\r\n").as_bytes()).unwrap();
        assert_eq!(found.iter().map(|a| a.line).collect::<Vec<_>>(), [1, 2, 3]);
        assert_eq!(found[1].value, long);
    }

    #[test]
    fn a_broken_file_is_named_with_its_line_and_without_its_text() {
        for (text, line) in [
            (&b"A=1\n\nsecret word\n"[..], 3),
            (b"A=1\n# x\nB='secret\nC=2\n", 3),
            (b"A=secret word\n", 1),
            (b"A=1\nB=secret\xff\n", 2),
        ] {
            let error = parse(".env", text).unwrap_err();
            assert!(error.to_string().starts_with(&format!(".env:{line} ")), "{error}");
            assert!(!format!("{error:?}").contains("secret"), "{error:?}");
        }
    }
}
