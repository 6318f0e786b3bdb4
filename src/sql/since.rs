//! Which statements an older server does not know: the grammar that judges scripts is the newest one.
//!
//! Only the oldest supported version's newcomers are listed, as words that stand in no other place; a name that could be a
//! user's own (a function, a column) is never taken for one. Statements in strings, such as the bodies of functions, are not read.
//!
//! Source: the release notes of PostgreSQL 14 to 18; `run::versions` tries each form on the server at hand.

use crate::script::Span;

use super::{
    ast::Since,
    cursor::is_reserved,
    lexer::{Token, TokenKind},
};

/// Returns the newest form in a statement that not every supported server knows.
pub(super) fn since(text: &str, tokens: &[Token]) -> Option<Since> {
    let words = Words { text, tokens };
    let mut newest: Option<Since> = None;
    for (at, token) in tokens.iter().enumerate() {
        let found = match token.kind {
            TokenKind::Word => words.form(at),
            TokenKind::Number => words.number(at),
            _ => None,
        };
        if let Some((major, what, from)) = found
            && newest.as_ref().is_none_or(|newest| newest.major < major)
        {
            newest = Some(Since { major, what, span: Span::new(tokens[from].span.start, token.span.end) });
        }
    }
    newest
}

/// Version, words, and the first token of them.
type Form = (u32, &'static str, usize);

struct Words<'a> {
    text: &'a str,
    tokens: &'a [Token],
}

impl Words<'_> {
    fn is(&self, at: usize, word: &str) -> bool {
        self.tokens.get(at).is_some_and(|token| {
            token.kind == TokenKind::Word && self.text[token.span.range()].eq_ignore_ascii_case(word)
        })
    }

    fn is_any(&self, at: usize, words: &[&str]) -> bool {
        words.iter().any(|word| self.is(at, word))
    }

    /// Returns whether these words stand directly before the token.
    fn follows(&self, at: usize, words: &[&str]) -> bool {
        at >= words.len() && words.iter().enumerate().all(|(place, word)| self.is(at - words.len() + place, word))
    }

    fn kind(&self, at: usize) -> Option<TokenKind> {
        self.tokens.get(at).map(|token| token.kind)
    }

    /// Returns whether the token is a name: quoted, or a word that the grammar does not keep for itself.
    fn is_name(&self, at: usize) -> bool {
        self.tokens.get(at).is_some_and(|token| {
            token.kind.is_ident() && (token.kind != TokenKind::Word || !is_reserved(&self.text[token.span.range()]))
        })
    }

    /// Returns the token after the parentheses that open at `at`.
    fn after_parentheses(&self, at: usize) -> usize {
        let mut depth = 0_usize;
        for (place, token) in self.tokens.iter().enumerate().skip(at) {
            match token.kind {
                TokenKind::OpenParen => depth += 1,
                TokenKind::CloseParen => depth = depth.saturating_sub(1),
                _ => {}
            }
            if depth == 0 {
                return place + 1;
            }
        }
        self.tokens.len()
    }

    /// Returns the parenthesis within which the token stands.
    fn parenthesis_around(&self, at: usize) -> Option<usize> {
        let mut depth = 0_usize;
        for place in (0..at).rev() {
            match self.kind(place)? {
                TokenKind::CloseParen => depth += 1,
                TokenKind::OpenParen if depth == 0 => return Some(place),
                TokenKind::OpenParen => depth -= 1,
                _ => {}
            }
        }
        None
    }

    fn form(&self, at: usize) -> Option<Form> {
        let word = &self.text[self.tokens[at].span.range()];
        // The first letter and the length pass over nearly every word.
        let form = match (word.as_bytes()[0] | 0x20, word.len()) {
            (b'a', 6) if self.is(at, "ATOMIC") && self.follows(at, &["BEGIN"]) => (14, "BEGIN ATOMIC", at - 1),
            (b'c', 11)
                if self.is(at, "COMPRESSION")
                    && self.changes_table()
                    && self.is_any(at + 1, &["pglz", "lz4", "DEFAULT"]) =>
            {
                (14, "COMPRESSION", at)
            }
            (b'c', 12) | (b'f', 8) if self.is_any(at, &["CONCURRENTLY", "FINALIZE"]) && self.detaches(at) => {
                (14, "DETACH PARTITION … CONCURRENTLY", at)
            }
            (b'd', 8) if self.is(at, "DISTINCT") && self.follows(at, &["NULLS", "NOT"]) => {
                (15, "NULLS NOT DISTINCT", at - 2)
            }
            (b'd', 8) if self.is(at, "DISTINCT") && self.follows(at, &["NULLS"]) => (15, "NULLS DISTINCT", at - 1),
            (b'e', 8) if self.is(at, "ENFORCED") && self.changes_table() => {
                let negated = self.follows(at, &["NOT"]);
                let before = at.checked_sub(if negated { 2 } else { 1 })?;
                // Otherwise an expression's column of that name.
                if self.kind(before) != Some(TokenKind::CloseParen) && !(negated && self.is_name(before)) {
                    return None;
                }
                if negated { (18, "NOT ENFORCED", at - 1) } else { (18, "ENFORCED", at) }
            }
            (b'e', 10) if self.is(at, "EXPRESSION") && self.follows(at, &["SET"]) && self.is(at + 1, "AS") => {
                (17, "SET EXPRESSION", at - 1)
            }
            (b'g', 9) if self.is(at, "GENERATED") && self.is(at + 1, "ALWAYS") && self.is(at + 2, "AS") => {
                if self.kind(at + 3) != Some(TokenKind::OpenParen) || self.is(self.after_parentheses(at + 3), "STORED")
                {
                    return None;
                }
                (18, "a generated column that is not STORED", at)
            }
            (b'm', 5) if at == 0 && self.is(at, "MERGE") && self.is(1, "INTO") => (15, "MERGE", at),
            (b'm', 6) if self.is(at, "METHOD") && self.follows(at, &["SET", "ACCESS"]) => {
                (15, "SET ACCESS METHOD", at - 2)
            }
            (b'n', 4) if self.is(at, "NULL") && self.changes_table() => self.null(at)?,
            (b'n' | b'd', 7) if self.is_any(at, &["NUMERIC", "DECIMAL"]) => self.numeric(at)?,
            (b'o', 8) if self.is(at, "OVERLAPS") && self.follows(at, &["WITHOUT"]) => (18, "WITHOUT OVERLAPS", at - 1),
            (b'p', 6) if self.is(at, "PERIOD") && self.changes_table() && self.is_name(at + 1) => {
                let around = self.parenthesis_around(at)?;
                if !self.follows(around, &["FOREIGN", "KEY"]) {
                    return None;
                }
                (18, "PERIOD", at)
            }
            (b's', 7) if self.is(at, "STORAGE") && self.changes_table() && !self.follows(at, &["SET"]) => {
                let strategies = ["PLAIN", "EXTERNAL", "EXTENDED", "MAIN", "DEFAULT"];
                if !self.is_any(at + 1, &strategies) || !at.checked_sub(1).is_some_and(|before| self.ends_type(before))
                {
                    return None;
                }
                (16, "STORAGE in a column's definition", at)
            }
            (b's', 8) if self.is(at, "SEQUENCE") && self.follows(at, &["CREATE", "UNLOGGED"]) => {
                (15, "UNLOGGED SEQUENCE", at - 1)
            }
            (b's', 16) if self.is(at, "SECURITY_INVOKER") && (1..4).any(|place| self.is(place, "VIEW")) => {
                if !self.follows(self.parenthesis_around(at)?, &["WITH"]) {
                    return None;
                }
                (15, "security_invoker", at)
            }
            (b't', 7) if at == 3 && self.is(at, "TRIGGER") && self.follows(at, &["CREATE", "OR", "REPLACE"]) => {
                (14, "CREATE OR REPLACE TRIGGER", 0)
            }
            (_, 12..=14) if MULTIRANGES.iter().any(|name| self.is(at, name)) && self.names_type(at) => {
                (14, "multirange types", at)
            }
            _ => return None,
        };
        Some(form)
    }

    fn changes_table(&self) -> bool {
        self.is_any(0, &["CREATE", "ALTER"]) && (1..5).any(|at| self.is(at, "TABLE"))
    }

    fn detaches(&self, at: usize) -> bool {
        self.changes_table() && (0..at).any(|place| self.is(place, "DETACH") && self.is(place + 1, "PARTITION"))
    }

    /// A name, `)` or `]` may end a type; `,` and `(` come before a column of the name.
    fn ends_type(&self, at: usize) -> bool {
        self.is_name(at) || matches!(self.kind(at), Some(TokenKind::CloseParen | TokenKind::CloseBracket))
    }

    /// After the name of a column or a cast, and not a qualified name's part of somebody's own schema.
    fn names_type(&self, at: usize) -> bool {
        let Some(before) = at.checked_sub(1) else { return false };
        self.is_name(before)
            && self.kind(at + 1) != Some(TokenKind::OpenParen)
            && self.kind(at + 1) != Some(TokenKind::Dot)
    }

    /// `SET NULL (column)`, and NOT NULL as a constraint of the table.
    fn null(&self, at: usize) -> Option<Form> {
        if self.follows(at, &["ON", "DELETE", "SET"]) && self.kind(at + 1) == Some(TokenKind::OpenParen) {
            return Some((15, "ON DELETE SET NULL with columns", at - 3));
        }
        if !self.follows(at, &["NOT"]) || !self.is_name(at + 1) {
            return None;
        }
        let not = at - 1;
        let begins = |place: usize| {
            place.checked_sub(1).is_some_and(|before| {
                self.is(before, "ADD")
                    || (matches!(self.kind(before), Some(TokenKind::Comma | TokenKind::OpenParen))
                        && self.is(0, "CREATE"))
            })
        };
        let named = not.checked_sub(2).filter(|place| self.is(*place, "CONSTRAINT"));
        if begins(not) || named.is_some_and(begins) { Some((18, "NOT NULL as a table constraint", not)) } else { None }
    }

    /// `numeric(p, s)` with a scale below zero or above the precision.
    fn numeric(&self, at: usize) -> Option<Form> {
        let number = |place: usize| {
            let token = self.tokens.get(place).filter(|token| token.kind == TokenKind::Number)?;
            self.text[token.span.range()].parse::<u32>().ok()
        };
        if self.kind(at + 1) != Some(TokenKind::OpenParen) || self.kind(at + 3) != Some(TokenKind::Comma) {
            return None;
        }
        let precision = number(at + 2)?;
        let negative = self
            .tokens
            .get(at + 4)
            .is_some_and(|token| token.kind == TokenKind::Operator && &self.text[token.span.range()] == "-");
        let odd = if negative { number(at + 5).is_some() } else { number(at + 4)? > precision };
        odd.then_some((15, "numeric with a scale below zero or above its precision", at))
    }

    /// `1_000`, `0x1F`, `0o17`, `0b1`.
    fn number(&self, at: usize) -> Option<Form> {
        let text = self.text[self.tokens[at].span.range()].as_bytes();
        let based = text.len() > 2 && text[0] == b'0' && matches!(text[1] | 0x20, b'x' | b'o' | b'b');
        (based || text.contains(&b'_')).then_some((16, "numbers with underscores or in another base", at))
    }
}

const MULTIRANGES: &[&str] =
    &["int4multirange", "int8multirange", "nummultirange", "datemultirange", "tsmultirange", "tstzmultirange"];
