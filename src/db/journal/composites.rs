//! Rows written as one literal: an array of composite values.

use std::fmt::{Display, Write as _};

/// The text of an array of composite values.
#[derive(Debug, Default)]
pub(super) struct Composites {
    text: String,
    /// Whether the value at hand has a field already.
    goes_on: bool,
}

impl Composites {
    /// Begins the next value.
    pub(super) fn begin(&mut self) {
        self.text.push_str(if self.text.is_empty() { "{\"(" } else { ")\",\"(" });
        self.goes_on = false;
    }

    fn next_field(&mut self) {
        if self.goes_on {
            self.text.push(',');
        }
        self.goes_on = true;
    }

    /// Adds a field that needs no quotation marks.
    pub(super) fn plain(&mut self, value: &dyn Display) {
        self.next_field();
        let _ = write!(self.text, "{value}");
    }

    /// Adds a field that is any text, or NULL.
    pub(super) fn text(&mut self, value: Option<&str>) {
        self.next_field();
        let Some(value) = value else { return };
        if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-./:".contains(&byte)) {
            self.text.push_str(value);
            return;
        }
        // In a composite value quotation marks and backslashes are doubled, and in an array each of these has a backslash before it.
        self.text.push_str("\\\"");
        for part in value.split_inclusive(['"', '\\']) {
            let (plain, mark) = match part.as_bytes().last() {
                Some(b'"') => (&part[..part.len() - 1], "\\\"\\\""),
                Some(b'\\') => (&part[..part.len() - 1], "\\\\\\\\"),
                _ => (part, ""),
            };
            self.text.push_str(plain);
            self.text.push_str(mark);
        }
        self.text.push_str("\\\"");
    }

    /// Returns the array.
    pub(super) fn end(self) -> String {
        if self.text.is_empty() { "{}".to_owned() } else { self.text + ")\"}" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_composite_values_are_quoted_where_that_is_needed() {
        let mut rows = Composites::default();
        rows.begin();
        rows.plain(&7);
        rows.text(Some("ensure/010_users.sql:7:1"));
        rows.text(None);
        rows.text(Some(""));
        rows.begin();
        rows.text(Some("a \"b\" \\c"));
        assert_eq!(rows.end(), r#"{"(7,ensure/010_users.sql:7:1,,\"\")","(\"a \"\"b\"\" \\\\c\")"}"#);
    }
}
