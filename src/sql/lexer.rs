//! SQL text to tokens, by the rules of PostgreSQL's own scanner.
//!
//! A lexer of our own, as cutting scripts needs operators the way the server reads them, comments with their places and
//! memory that does not grow with the file. It is a plain iterator: nothing is copied.
//!
//! Source: `src/backend/parser/scan.l`, `src/fe_utils/psqlscan.l`.

use crate::script::Span;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum TokenKind {
    /// An unquoted identifier or key word.
    Word,
    /// `"…"`.
    QuotedIdent,
    /// `U&"…"`.
    UnicodeIdent,
    /// A number.
    Number,
    /// `'…'`.
    Text,
    /// `E'…'`.
    EscapeText,
    /// `U&'…'`.
    UnicodeText,
    /// `B'…'` or `X'…'`.
    Bits,
    /// `$tag$…$tag$`.
    DollarText,
    /// `$1`.
    Parameter,
    /// One or more operator characters, `::`, `:=`, `=>` and `..` included.
    Operator,
    /// `(`.
    OpenParen,
    /// `)`.
    CloseParen,
    /// `[`.
    OpenBracket,
    /// `]`.
    CloseBracket,
    /// `,`.
    Comma,
    /// `;`.
    Semicolon,
    /// `.`.
    Dot,
    /// `:` alone.
    Colon,
    /// `-- …` up to the end of the line.
    LineComment,
    /// `/* … */`.
    BlockComment,
    /// `\…` outside of everything, up to the end of the line: a command of psql.
    PsqlCommand,
    /// Something that was begun and does not end.
    Unterminated,
    /// A character that belongs nowhere.
    Stray,
}

impl TokenKind {
    /// Returns whether this is a comment.
    pub(super) const fn is_comment(self) -> bool {
        matches!(self, Self::LineComment | Self::BlockComment)
    }

    /// Returns whether this is an identifier, quoted or not.
    pub(super) const fn is_ident(self) -> bool {
        matches!(self, Self::Word | Self::QuotedIdent | Self::UnicodeIdent)
    }

    /// Returns whether this is a string.
    pub(super) const fn is_text(self) -> bool {
        matches!(self, Self::Text | Self::EscapeText | Self::UnicodeText | Self::DollarText)
    }
}

/// A token and its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token {
    /// What it is.
    pub kind: TokenKind,
    /// Where it stands.
    pub span: Span,
}

/// Reads tokens from a text, white space left out.
#[derive(Clone, Debug)]
pub(super) struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

const fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | b'\x0c' | b'\x0b')
}

const fn is_word_start(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || byte >= 0x80
}

const fn is_word(byte: u8) -> bool {
    is_word_start(byte) || byte.is_ascii_digit() || byte == b'$'
}

const fn is_operator(byte: u8) -> bool {
    matches!(
        byte,
        b'~' | b'!'
            | b'@'
            | b'#'
            | b'^'
            | b'&'
            | b'|'
            | b'`'
            | b'?'
            | b'+'
            | b'-'
            | b'*'
            | b'/'
            | b'%'
            | b'<'
            | b'>'
            | b'='
    )
}

impl<'a> Lexer<'a> {
    /// Starts at the beginning of `text`.
    pub(super) const fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// Goes on at byte `at`, which must be the boundary of a character.
    pub(super) const fn jump(&mut self, at: usize) {
        self.at = at;
    }

    /// Returns the byte after the last token taken.
    pub(super) const fn position(&self) -> usize {
        self.at
    }

    fn byte(&self, at: usize) -> u8 {
        self.text.as_bytes().get(at).copied().unwrap_or(0)
    }

    fn skip_bytes(&self, mut at: usize, accept: impl Fn(u8) -> bool) -> usize {
        let bytes = self.text.as_bytes();
        while at < bytes.len() && accept(bytes[at]) {
            at += 1;
        }
        at
    }

    fn line_end(&self, at: usize) -> usize {
        self.skip_bytes(at, |byte| byte != b'\n' && byte != b'\r')
    }

    /// Returns where a quoted text ends whose inside begins at `at`.
    fn quoted_end(&self, mut at: usize, quote: u8, escapes: bool) -> Option<usize> {
        let bytes = self.text.as_bytes();
        loop {
            let byte = *bytes.get(at)?;
            if byte == quote {
                if bytes.get(at + 1) != Some(&quote) {
                    return Some(at + 1);
                }
                at += 2;
            } else if escapes && byte == b'\\' {
                at += 2;
            } else {
                at += 1;
            }
        }
    }

    /// Returns where a string ends, with the pieces that follow it on later lines.
    fn string_end(&self, at: usize, escapes: bool) -> Option<usize> {
        let mut end = self.quoted_end(at, b'\'', escapes)?;
        loop {
            // Two strings with only white space between, a line break included, are one.
            let mut next = end;
            let mut newline = false;
            loop {
                let byte = self.byte(next);
                if is_space(byte) && next < self.text.len() {
                    newline |= byte == b'\n' || byte == b'\r';
                    next += 1;
                } else if newline && byte == b'-' && self.byte(next + 1) == b'-' {
                    next = self.line_end(next);
                } else {
                    break;
                }
            }
            if !newline || self.byte(next) != b'\'' {
                return Some(end);
            }
            end = self.quoted_end(next + 1, b'\'', escapes)?;
        }
    }

    fn block_comment_end(&self, at: usize) -> Option<usize> {
        let bytes = self.text.as_bytes();
        let mut depth = 1_usize;
        let mut at = at + 2;
        while depth > 0 {
            match (*bytes.get(at)?, self.byte(at + 1)) {
                (b'/', b'*') => {
                    depth += 1;
                    at += 2;
                }
                (b'*', b'/') => {
                    depth -= 1;
                    at += 2;
                }
                _ => at += 1,
            }
        }
        Some(at)
    }

    fn number_end(&self, at: usize) -> usize {
        let digits = |byte: u8| byte.is_ascii_digit() || byte == b'_';
        if self.byte(at) == b'0' && matches!(self.byte(at + 1), b'x' | b'X' | b'o' | b'O' | b'b' | b'B') {
            let end = self.skip_bytes(at + 2, |byte| byte.is_ascii_hexdigit() || byte == b'_');
            if end > at + 2 {
                return end;
            }
        }
        let mut end = self.skip_bytes(at, digits);
        // `1..10` is a range in PL/pgSQL, not the number `1.`.
        if self.byte(end) == b'.' && self.byte(end + 1) != b'.' {
            end = self.skip_bytes(end + 1, digits);
        }
        if matches!(self.byte(end), b'e' | b'E') {
            let sign = usize::from(matches!(self.byte(end + 1), b'+' | b'-'));
            let exponent = self.skip_bytes(end + 1 + sign, |byte| byte.is_ascii_digit());
            if exponent > end + 1 + sign {
                end = exponent;
            }
        }
        end
    }

    fn operator_end(&self, at: usize) -> usize {
        let bytes = self.text.as_bytes();
        let mut end = self.skip_bytes(at, is_operator);
        // A comment ends an operator.
        if let Some(length) = bytes[at..end].windows(2).skip(1).position(|pair| matches!(pair, b"--" | b"/*")) {
            end = at + 1 + length;
        }
        // An operator of several characters ends in + or - only if it holds one of these, so that `a=-1` is `a = -1`.
        let special = |byte: &u8| matches!(byte, b'~' | b'!' | b'@' | b'#' | b'^' | b'&' | b'|' | b'`' | b'?' | b'%');
        while end > at + 1 && matches!(bytes[end - 1], b'+' | b'-') && !bytes[at..end - 1].iter().any(special) {
            end -= 1;
        }
        end
    }

    fn dollar(&self, at: usize) -> (TokenKind, usize) {
        if self.byte(at + 1).is_ascii_digit() {
            return (TokenKind::Parameter, self.skip_bytes(at + 1, |byte| byte.is_ascii_digit()));
        }
        let tag_end = if is_word_start(self.byte(at + 1)) {
            self.skip_bytes(at + 1, |byte| is_word(byte) && byte != b'$')
        } else {
            at + 1
        };
        if self.byte(tag_end) != b'$' {
            return (TokenKind::Stray, at + 1);
        }
        let tag = &self.text[at..=tag_end];
        match self.text[tag_end + 1..].find(tag) {
            Some(length) => (TokenKind::DollarText, tag_end + 1 + length + tag.len()),
            None => (TokenKind::Unterminated, self.text.len()),
        }
    }

    fn word(&self, at: usize) -> (TokenKind, usize) {
        let bytes = self.text.as_bytes();
        let next = self.byte(at + 1);
        let string = |kind, start, escapes| match self.string_end(start, escapes) {
            Some(end) => (kind, end),
            None => (TokenKind::Unterminated, self.text.len()),
        };
        match bytes[at] {
            b'e' | b'E' if next == b'\'' => return string(TokenKind::EscapeText, at + 2, true),
            b'b' | b'B' | b'x' | b'X' if next == b'\'' => return string(TokenKind::Bits, at + 2, false),
            b'n' | b'N' if next == b'\'' => return string(TokenKind::Text, at + 2, false),
            b'u' | b'U' if next == b'&' && self.byte(at + 2) == b'\'' => {
                return string(TokenKind::UnicodeText, at + 3, false);
            }
            b'u' | b'U' if next == b'&' && self.byte(at + 2) == b'"' => {
                return match self.quoted_end(at + 3, b'"', false) {
                    Some(end) => (TokenKind::UnicodeIdent, end),
                    None => (TokenKind::Unterminated, self.text.len()),
                };
            }
            _ => {}
        }
        (TokenKind::Word, self.skip_bytes(at, is_word))
    }

    fn token(&self, at: usize) -> (TokenKind, usize) {
        let or_unterminated = |kind, end: Option<usize>| match end {
            Some(end) => (kind, end),
            None => (TokenKind::Unterminated, self.text.len()),
        };
        let byte = self.byte(at);
        let next = self.byte(at + 1);
        match byte {
            _ if is_word_start(byte) => self.word(at),
            b'0'..=b'9' => (TokenKind::Number, self.number_end(at)),
            b'.' if next.is_ascii_digit() => (TokenKind::Number, self.number_end(at)),
            b'.' if next == b'.' => (TokenKind::Operator, at + 2),
            b'.' => (TokenKind::Dot, at + 1),
            b'\'' => or_unterminated(TokenKind::Text, self.string_end(at + 1, false)),
            b'"' => or_unterminated(TokenKind::QuotedIdent, self.quoted_end(at + 1, b'"', false)),
            b'$' => self.dollar(at),
            b'-' if next == b'-' => (TokenKind::LineComment, self.line_end(at)),
            b'/' if next == b'*' => or_unterminated(TokenKind::BlockComment, self.block_comment_end(at)),
            b':' if next == b':' || next == b'=' => (TokenKind::Operator, at + 2),
            b':' => (TokenKind::Colon, at + 1),
            b'(' => (TokenKind::OpenParen, at + 1),
            b')' => (TokenKind::CloseParen, at + 1),
            b'[' => (TokenKind::OpenBracket, at + 1),
            b']' => (TokenKind::CloseBracket, at + 1),
            b',' => (TokenKind::Comma, at + 1),
            b';' => (TokenKind::Semicolon, at + 1),
            b'\\' => (TokenKind::PsqlCommand, self.line_end(at)),
            _ if is_operator(byte) => (TokenKind::Operator, self.operator_end(at)),
            _ => (TokenKind::Stray, at + 1),
        }
    }
}

impl Iterator for Lexer<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        let start = self.skip_bytes(self.at, is_space);
        if start >= self.text.len() {
            self.at = self.text.len();
            return None;
        }
        let (kind, end) = self.token(start);
        // An escape may stand before the end of the text or before a character of several bytes.
        let mut end = end.min(self.text.len());
        while !self.text.is_char_boundary(end) {
            end += 1;
        }
        self.at = end;
        Some(Token { kind, span: Span::new(start, end) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[&str]) {
        let found: Vec<&str> = Lexer::new(text).map(|token| &text[token.span.range()]).collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn tokens_are_cut_as_the_server_cuts_them() {
        check("a=-1", &["a", "=", "-", "1"]);
        check("a@-1", &["a", "@-", "1"]);
        check("a--b\nc", &["a", "--b", "c"]);
        check("a/* x /* y */ z */b", &["a", "/* x /* y */ z */", "b"]);
        check("$$a;b$$ $x$ $$ $x$ $1", &["$$a;b$$", "$x$ $$ $x$", "$1"]);
        check("'it''s' E'a\\'b' U&'\\0061' x'1f'", &["'it''s'", "E'a\\'b'", "U&'\\0061'", "x'1f'"]);
        check("'a'\n  'b' 'c'", &["'a'\n  'b'", "'c'"]);
        check("1.5e3 .5 1..2 0x1F 1_000 1e", &["1.5e3", ".5", "1", "..", "2", "0x1F", "1_000", "1", "e"]);
        check("a::int[] \"x\"\"y\".z", &["a", "::", "int", "[", "]", "\"x\"\"y\"", ".", "z"]);
        check("été$1 \\d t\nx", &["été$1", "\\d t", "x"]);
        check("a->>'b'||c<>-1", &["a", "->>", "'b'", "||", "c", "<>", "-", "1"]);
        check("'open", &["'open"]);
    }

    proptest::proptest! {
        #[test]
        fn tokens_never_overlap_and_leave_out_white_space_only(text in "(\\PC|[-'\"$\\\\/*;(]|E'|\\s)*") {
            let mut end = 0;
            for token in Lexer::new(&text) {
                proptest::prop_assert!(text[end..token.span.start].bytes().all(is_space));
                proptest::prop_assert!(token.span.end > token.span.start);
                end = token.span.end;
            }
            proptest::prop_assert!(text[end..].bytes().all(is_space));
        }
    }
}
