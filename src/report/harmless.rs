//! Text from outside, made harmless: object names, server messages and script lines may hold anything.

use super::Style;

impl Style {
    /// Returns `text` on one line, with every character that acts on a terminal instead of being seen written as an escape.
    pub(super) fn clean(&self, text: &str) -> String {
        let mut clean = String::with_capacity(text.len());
        for char in text.chars() {
            self.push_clean(&mut clean, char);
        }
        clean
    }

    /// Appends one character as it may be shown.
    pub(super) fn push_clean(&self, clean: &mut String, char: char) {
        if acts(char) {
            clean.extend(char.escape_default());
        } else if self.unicode || char.is_ascii() {
            clean.push(char);
        } else {
            match char {
                '→' => clean.push_str("->"),
                '…' => clean.push_str("..."),
                _ => clean.extend(char.escape_unicode()),
            }
        }
    }

    /// Returns the sign for what was left out.
    pub(super) const fn ellipsis(&self) -> &'static str {
        if self.unicode { "…" } else { "..." }
    }
}

/// Returns whether a character does something other than being seen where it stands: control characters, those that turn the
/// direction of writing (CVE-2021-42574), those that take no room, and those that are none (XML may not hold them).
pub(super) fn acts(char: char) -> bool {
    char.is_control()
        || u32::from(char) & 0xfffe == 0xfffe
        || matches!(char,
            '\u{ad}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_acts_is_escaped_and_the_rest_stays() {
        let style = Style::default();
        for (text, clean) in [
            ("plain ä 漢 →", "plain ä 漢 →"),
            ("\u{1b}[2J", "\\u{1b}[2J"),
            ("a\nb\tc\r", "a\\nb\\tc\\r"),
            ("\u{9b}31m", "\\u{9b}31m"),
            ("user\u{202e}nimda", "user\\u{202e}nimda"),
            ("zero\u{200b}width", "zero\\u{200b}width"),
        ] {
            assert_eq!(style.clean(text), clean);
        }
    }

    #[test]
    fn a_reader_of_ascii_gets_ascii() {
        let style = Style { unicode: false, ..Style::default() };
        assert_eq!(style.clean("integer → é…"), "integer -> \\u{e9}...");
    }
}
