//! Walks over the tokens of one statement.

use crate::{
    pg::{Ident, QualifiedName, TypeName},
    script::Span,
};

use super::{
    ast::{Fragment, Label, Name, Relation},
    lexer::{Token, TokenKind},
    literal,
};

/// A place among the tokens of one statement, comments left out.
///
/// Every reading method takes what it returns, or returns `None`. After `None` the place is undefined: whoever wants to
/// try another way keeps a [`Mark`].
#[derive(Clone, Debug)]
pub(super) struct Cursor<'a> {
    text: &'a str,
    tokens: &'a [Token],
    at: usize,
    /// Something was passed over without being understood, so that the full grammar has to judge the statement.
    guessed: bool,
    /// How many expressions are open.
    pub(super) depth: usize,
    /// How many operators this expression has so far.
    pub(super) operators: usize,
}

/// A place to come back to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    at: usize,
    guessed: bool,
    depth: usize,
}

impl<'a> Cursor<'a> {
    /// Starts at the first of `tokens`, whose spans count from the beginning of `text`.
    pub(super) const fn new(text: &'a str, tokens: &'a [Token]) -> Self {
        Self { text, tokens, at: 0, guessed: false, depth: 0, operators: 0 }
    }

    pub(super) const fn mark(&self) -> Mark {
        Mark { at: self.at, guessed: self.guessed, depth: self.depth }
    }

    pub(super) const fn reset(&mut self, mark: Mark) {
        self.at = mark.at;
        self.guessed = mark.guessed;
        self.depth = mark.depth;
    }

    /// Returns whether something was passed over unread.
    pub(super) const fn guessed(&self) -> bool {
        self.guessed
    }

    pub(super) const fn guess(&mut self) {
        self.guessed = true;
    }

    pub(super) fn peek(&self) -> Option<Token> {
        self.tokens.get(self.at).copied()
    }

    pub(super) fn kind(&self) -> Option<TokenKind> {
        self.kind_at(0)
    }

    pub(super) fn kind_at(&self, ahead: usize) -> Option<TokenKind> {
        self.tokens.get(self.at + ahead).map(|token| token.kind)
    }

    pub(super) fn bump(&mut self) -> Option<Token> {
        let token = self.peek()?;
        self.at += 1;
        Some(token)
    }

    pub(super) fn text_of(&self, span: Span) -> &'a str {
        &self.text[span.range()]
    }

    fn text_at(&self, ahead: usize) -> &'a str {
        self.tokens.get(self.at + ahead).map_or("", |token| self.text_of(token.span))
    }

    pub(super) const fn at_end(&self) -> bool {
        self.at >= self.tokens.len()
    }

    /// Returns `Some` only where all tokens are taken.
    pub(super) fn end(&self) -> Option<()> {
        self.at_end().then_some(())
    }

    /// Returns whether the token so many places ahead is this key word (upper case).
    pub(super) fn is_word_at(&self, ahead: usize, word: &str) -> bool {
        self.kind_at(ahead) == Some(TokenKind::Word) && self.text_at(ahead).eq_ignore_ascii_case(word)
    }

    pub(super) fn is_word(&self, word: &str) -> bool {
        self.is_word_at(0, word)
    }

    pub(super) fn is_any_word(&self, words: &[&str]) -> bool {
        words.iter().any(|word| self.is_word(word))
    }

    /// Returns whether these key words stand here, one after the other.
    pub(super) fn is_words(&self, words: &[&str]) -> bool {
        words.iter().enumerate().all(|(ahead, word)| self.is_word_at(ahead, word))
    }

    /// Takes these key words if all of them stand here.
    pub(super) fn eat(&mut self, words: &[&str]) -> bool {
        let found = self.is_words(words);
        if found {
            self.at += words.len();
        }
        found
    }

    pub(super) fn eat_word(&mut self, word: &str) -> bool {
        let found = self.is_word(word);
        self.at += usize::from(found);
        found
    }

    pub(super) fn expect(&mut self, words: &[&str]) -> Option<()> {
        self.eat(words).then_some(())
    }

    pub(super) fn eat_kind(&mut self, kind: TokenKind) -> bool {
        let found = self.kind() == Some(kind);
        self.at += usize::from(found);
        found
    }

    pub(super) fn expect_kind(&mut self, kind: TokenKind) -> Option<()> {
        self.eat_kind(kind).then_some(())
    }

    pub(super) fn operator(&self) -> Option<&'a str> {
        (self.kind() == Some(TokenKind::Operator)).then(|| self.text_at(0))
    }

    pub(super) fn eat_operator(&mut self, operator: &str) -> bool {
        let found = self.operator() == Some(operator);
        self.at += usize::from(found);
        found
    }

    /// Returns the unquoted word here, as written.
    pub(super) fn word(&self) -> Option<&'a str> {
        (self.kind() == Some(TokenKind::Word)).then(|| self.text_at(0))
    }

    /// Returns where the token here begins; at the end, where the last one ended.
    pub(super) fn start(&self) -> usize {
        self.peek().map_or_else(|| self.previous_end(), |token| token.span.start)
    }

    fn previous_end(&self) -> usize {
        self.at.checked_sub(1).and_then(|at| self.tokens.get(at)).map_or(0, |token| token.span.end)
    }

    /// Returns from `start` to the end of the last token taken.
    pub(super) fn span_from(&self, start: usize) -> Span {
        Span::new(start, self.previous_end().max(start))
    }

    pub(super) fn fragment_from(&self, start: usize) -> Fragment {
        let span = self.span_from(start);
        Fragment { text: self.text_of(span).to_owned(), span }
    }

    /// Takes any identifier or key word, as after a dot or as an alias.
    pub(super) fn any_ident(&mut self) -> Option<Name> {
        let token = self.bump()?;
        let ident = match token.kind {
            TokenKind::Word | TokenKind::QuotedIdent => Ident::from_sql(self.text_of(token.span)),
            TokenKind::UnicodeIdent if !self.is_word("UESCAPE") => {
                Ident::new(literal::decode_unicode_ident(self.text_of(token.span))?)
            }
            _ => return None,
        };
        Some(Name { ident, span: token.span })
    }

    /// Takes the name of a column, table or other object: no reserved word.
    pub(super) fn ident(&mut self) -> Option<Name> {
        if self.word().is_some_and(is_reserved) { None } else { self.any_ident() }
    }

    /// Takes a possibly qualified name.
    pub(super) fn relation(&mut self) -> Option<Relation> {
        let first = self.ident()?;
        if !self.eat_kind(TokenKind::Dot) {
            return Some(Relation { name: QualifiedName::unqualified(first.ident), span: first.span });
        }
        let second = self.any_ident()?;
        if self.kind() == Some(TokenKind::Dot) {
            return None;
        }
        let span = Span::new(first.span.start, second.span.end);
        Some(Relation { name: QualifiedName { schema: Some(first.ident), name: second.ident }, span })
    }

    /// Takes `(a, b)`.
    pub(super) fn column_list(&mut self) -> Option<Vec<Name>> {
        self.expect_kind(TokenKind::OpenParen)?;
        let mut names = vec![self.ident()?];
        while self.eat_kind(TokenKind::Comma) {
            names.push(self.ident()?);
        }
        self.expect_kind(TokenKind::CloseParen)?;
        Some(names)
    }

    /// Takes a string and decodes it.
    pub(super) fn string(&mut self) -> Option<Label> {
        let token = self.bump()?;
        if token.kind == TokenKind::UnicodeText && self.is_word("UESCAPE") {
            return None;
        }
        let text = literal::decode_text(token.kind, self.text_of(token.span))?;
        Some(Label { text, span: token.span })
    }

    /// Takes a whole number, perhaps with a sign.
    pub(super) fn integer(&mut self) -> Option<i64> {
        let negative = self.eat_operator("-");
        if !negative {
            self.eat_operator("+");
        }
        let token = self.bump()?;
        if token.kind != TokenKind::Number {
            return None;
        }
        let digits = self.text_of(token.span);
        // The sign goes in front before reading, as the smallest number has no positive counterpart.
        if negative { format!("-{digits}").parse().ok() } else { digits.parse().ok() }
    }

    /// Takes everything from the parenthesis or bracket here to the one that closes it.
    pub(super) fn skip_group(&mut self) -> Option<Span> {
        let start = self.start();
        let mut depth = 0_usize;
        loop {
            match self.bump()?.kind {
                TokenKind::OpenParen | TokenKind::OpenBracket => depth += 1,
                TokenKind::CloseParen | TokenKind::CloseBracket => depth = depth.checked_sub(1)?,
                _ => {}
            }
            if depth == 0 {
                return Some(self.span_from(start));
            }
        }
    }

    /// Takes everything up to where `stop` says so outside of all parentheses, or to the end or a closing parenthesis.
    pub(super) fn skip_until(&mut self, stop: impl Fn(&Self) -> bool) -> Option<()> {
        self.guessed = true;
        while let Some(kind) = self.kind() {
            match kind {
                TokenKind::CloseParen | TokenKind::CloseBracket => break,
                _ if stop(self) => break,
                TokenKind::OpenParen | TokenKind::OpenBracket => {
                    self.skip_group()?;
                }
                _ => self.at += 1,
            }
        }
        Some(())
    }

    /// Returns the tokens taken since `mark`, unquoted words lower case and one space between.
    pub(super) fn tokens_since(&self, mark: Mark) -> String {
        let mut joined = String::new();
        for token in &self.tokens[mark.at..self.at] {
            if !joined.is_empty() {
                joined.push(' ');
            }
            let text = self.text_of(token.span);
            if token.kind == TokenKind::Word {
                joined.extend(text.chars().map(|c| c.to_ascii_lowercase()));
            } else {
                joined.push_str(text);
            }
        }
        joined
    }

    /// Takes the name of a type.
    pub(super) fn type_name(&mut self) -> Option<(TypeName, Span)> {
        let mark = self.mark();
        let start = self.start();
        self.skip_type()?;
        let span = self.span_from(start);
        let parsed = if self.tokens[mark.at..self.at].iter().any(|token| token.kind == TokenKind::UnicodeIdent) {
            None
        } else if self.at == mark.at + 1 {
            TypeName::parse(self.text_of(span)).ok()
        } else {
            // Joined anew, so that comments between the words do not matter.
            TypeName::parse(&self.tokens_since(mark)).ok()
        };
        Some((parsed?, span))
    }

    fn skip_type(&mut self) -> Option<()> {
        let qualified = self.kind_at(1) == Some(TokenKind::Dot);
        let word = if qualified { None } else { self.word().map(str::to_ascii_lowercase) };
        match word.as_deref() {
            Some("double") => {
                self.bump()?;
                self.expect(&["PRECISION"])?;
            }
            Some("national") => {
                self.bump()?;
                self.bump()?;
                self.eat_word("VARYING");
                self.skip_modifiers()?;
            }
            Some("character" | "char" | "nchar" | "bit") => {
                self.bump()?;
                self.eat_word("VARYING");
                self.skip_modifiers()?;
            }
            Some("time" | "timestamp") => {
                self.bump()?;
                self.skip_modifiers()?;
                if !self.eat(&["WITH", "TIME", "ZONE"]) {
                    self.eat(&["WITHOUT", "TIME", "ZONE"]);
                }
            }
            Some("interval") => {
                self.bump()?;
                self.skip_modifiers()?;
                self.skip_interval_fields()?;
            }
            _ => {
                if self.word().is_some_and(is_strictly_reserved) {
                    return None;
                }
                self.any_ident()?;
                while self.eat_kind(TokenKind::Dot) {
                    self.any_ident()?;
                }
                self.skip_modifiers()?;
            }
        }
        if self.eat_word("ARRAY") {
            if self.kind() == Some(TokenKind::OpenBracket) {
                self.skip_group()?;
            }
            return Some(());
        }
        while self.kind() == Some(TokenKind::OpenBracket) {
            self.skip_group()?;
        }
        Some(())
    }

    /// Takes the fields of an interval: `DAY TO SECOND(3)`.
    pub(super) fn skip_interval_fields(&mut self) -> Option<()> {
        const FIELDS: [&str; 6] = ["YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND"];
        if self.is_any_word(&FIELDS) {
            self.bump()?;
            if self.eat_word("TO") {
                self.bump()?;
            }
            self.skip_modifiers()?;
        }
        Some(())
    }

    fn skip_modifiers(&mut self) -> Option<()> {
        if self.kind() == Some(TokenKind::OpenParen) {
            self.skip_group()?;
        }
        Some(())
    }
}

/// Returns whether an unquoted word cannot name a column or table.
pub(super) fn is_reserved(word: &str) -> bool {
    contains_word(RESERVED, word)
}

/// Returns whether an unquoted word cannot even name a function or type.
pub(super) fn is_strictly_reserved(word: &str) -> bool {
    is_reserved(word) && !contains_word(FUNCTION_OR_TYPE, word)
}

fn contains_word(sorted: &[&str], word: &str) -> bool {
    // No key word is longer, and most words are not key words: nothing is allocated for them.
    let mut buffer = [0_u8; 18];
    let Some(lower) = buffer.get_mut(..word.len()) else { return false };
    lower.copy_from_slice(word.as_bytes());
    lower.make_ascii_lowercase();
    sorted.binary_search_by(|candidate| candidate.as_bytes().cmp(lower)).is_ok()
}

/// Key words that are "reserved", or "reserved (can be function or type name)".
///
/// Source: `pg_get_keywords()` of PostgreSQL 15, catcode R and T, with `system_user` of 16. Sorted, for binary search.
const RESERVED: &[&str] = &[
    "all",
    "analyse",
    "analyze",
    "and",
    "any",
    "array",
    "as",
    "asc",
    "asymmetric",
    "authorization",
    "binary",
    "both",
    "case",
    "cast",
    "check",
    "collate",
    "collation",
    "column",
    "concurrently",
    "constraint",
    "create",
    "cross",
    "current_catalog",
    "current_date",
    "current_role",
    "current_schema",
    "current_time",
    "current_timestamp",
    "current_user",
    "default",
    "deferrable",
    "desc",
    "distinct",
    "do",
    "else",
    "end",
    "except",
    "false",
    "fetch",
    "for",
    "foreign",
    "freeze",
    "from",
    "full",
    "grant",
    "group",
    "having",
    "ilike",
    "in",
    "initially",
    "inner",
    "intersect",
    "into",
    "is",
    "isnull",
    "join",
    "lateral",
    "leading",
    "left",
    "like",
    "limit",
    "localtime",
    "localtimestamp",
    "natural",
    "not",
    "notnull",
    "null",
    "offset",
    "on",
    "only",
    "or",
    "order",
    "outer",
    "overlaps",
    "placing",
    "primary",
    "references",
    "returning",
    "right",
    "select",
    "session_user",
    "similar",
    "some",
    "symmetric",
    "system_user",
    "table",
    "tablesample",
    "then",
    "to",
    "trailing",
    "true",
    "union",
    "unique",
    "user",
    "using",
    "variadic",
    "verbose",
    "when",
    "where",
    "window",
    "with",
];

/// Key words that are "reserved (can be function or type name)": catcode T. Sorted, for binary search.
const FUNCTION_OR_TYPE: &[&str] = &[
    "authorization",
    "binary",
    "collation",
    "concurrently",
    "cross",
    "current_schema",
    "freeze",
    "full",
    "ilike",
    "inner",
    "is",
    "isnull",
    "join",
    "left",
    "like",
    "natural",
    "notnull",
    "outer",
    "overlaps",
    "right",
    "similar",
    "tablesample",
    "verbose",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_words_are_sorted() {
        assert!(RESERVED.is_sorted() && FUNCTION_OR_TYPE.is_sorted());
        assert!(is_reserved("Select") && is_reserved("left") && !is_reserved("name") && !is_strictly_reserved("LEFT"));
    }
}
