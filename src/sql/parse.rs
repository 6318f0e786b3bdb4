//! A whole script: cuts it into statements and gives each its directives.

use std::{fmt::Write as _, mem};

use sha2::{Digest as _, Sha256};

use crate::{
    pg::MAX_IDENTIFIER_BYTES,
    script::{Script, Span},
};

use super::{
    ast::{Directive, DirectiveKind, Fragment, ParsedScript, Statement, StatementKind, Verify},
    directive::{self, Found, Read},
    error::SqlError,
    grammar,
    lexer::{Lexer, Token, TokenKind},
    literal, since, statement,
};

/// The longest statement that is read. libpq and the server take a little less than 1 GB; nobody writes even this.
const MAX_STATEMENT_BYTES: usize = 256 * 1024 * 1024;

/// Reads a script.
///
/// Every statement is in the result, in the order of the file; no clause of a statement that is read as a goal is lost.
/// Cost: linear in the text; memory beyond the result is that of the longest statement.
///
/// # Errors
/// Everything that is wrong with the script, in the order of the file.
pub fn parse(script: &Script) -> Result<ParsedScript, Vec<SqlError>> {
    let text = script.text.as_str();
    let errors: Vec<SqlError> =
        text.match_indices('\0').map(|(at, _)| SqlError::NulByte { span: Span::new(at, at + 1) }).collect();
    if !errors.is_empty() {
        return Err(errors);
    }
    let mut parser = Parser {
        text,
        lexer: Lexer::new(text),
        tokens: Vec::new(),
        comments: Vec::new(),
        has_mark: text.contains('\u{feff}'),
        parsed: ParsedScript::default(),
        statements: 0,
        errors: Vec::new(),
    };
    parser.run();
    if parser.errors.is_empty() {
        return Ok(parser.parsed);
    }
    parser.errors.sort_by_key(SqlError::span);
    Err(parser.errors)
}

/// Returns the SHA-256 of a script's tokens, in hexadecimal. White space and comments do not count.
#[must_use]
pub fn checksum(script: &Script) -> String {
    let mut hasher = Sha256::new();
    for token in Lexer::new(&script.text).filter(|token| !token.kind.is_comment()) {
        let text = script.slice(token.span);
        hasher.update([token.kind as u8]);
        // The length in front keeps two tokens apart from one.
        hasher.update(text.len().to_le_bytes());
        hasher.update(text);
    }
    hex(&hasher.finalize())
}

/// Returns one digest of several scripts, of which each has its [`checksum`].
#[must_use]
pub fn checksum_of_all(checksums: &[String]) -> String {
    let mut hasher = Sha256::new();
    for checksum in checksums {
        hasher.update(checksum);
    }
    hex(&hasher.finalize())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(64), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// A comment that stands before a statement.
#[derive(Clone, Copy, Debug)]
struct Comment {
    span: Span,
    /// `-- …`, and the first thing on its line.
    is_line: bool,
    /// An empty line stands above it.
    blank_before: bool,
}

struct Parser<'a> {
    text: &'a str,
    lexer: Lexer<'a>,
    /// The tokens of the statement at hand, without comments and semicolon.
    tokens: Vec<Token>,
    /// The comments before it.
    comments: Vec<Comment>,
    /// A byte-order mark is somewhere in the text.
    has_mark: bool,
    parsed: ParsedScript,
    /// The statements seen so far, of every kind.
    statements: usize,
    errors: Vec<SqlError>,
}

/// Returns whether two texts are made of the same words and signs, whatever their case, spaces and comments.
#[must_use]
pub fn same_tokens(a: &str, b: &str) -> bool {
    let tokens = |text: &str| {
        let words = Lexer::new(text).filter(|token| !token.kind.is_comment() && token.kind != TokenKind::Semicolon);
        words
            .map(|token| {
                let written = &text[token.span.range()];
                if token.kind == TokenKind::Word { written.to_ascii_lowercase() } else { written.to_owned() }
            })
            .collect::<Vec<_>>()
    };
    tokens(a) == tokens(b)
}

/// Reads one statement that the server printed, and which the grammar therefore need not judge.
#[must_use]
pub fn parse_statement(text: &str) -> StatementKind {
    let tokens: Vec<Token> =
        Lexer::new(text).filter(|token| !token.kind.is_comment() && token.kind != TokenKind::Semicolon).collect();
    statement::read(text, &tokens).0
}

/// What the directives above a statement say about it.
#[derive(Default)]
struct Above {
    directives: Vec<(Directive, &'static str)>,
    verify: Option<(Span, String)>,
}

impl Parser<'_> {
    fn run(&mut self) {
        loop {
            self.tokens.clear();
            self.comments.clear();
            let sound = self.cut();
            let above = self.directives_above();
            if self.tokens.is_empty() {
                if let Some((span, _)) = above.verify {
                    self.misplaced(span, "verify", "no statement follows that it could check");
                }
                if self.lexer.clone().next().is_none() {
                    return;
                }
                continue;
            }
            self.statements += 1;
            if sound {
                self.statement(above);
            }
            if statement::is_copy_from_stdin(self.text, &self.tokens) {
                self.skip_copy_data();
            }
        }
    }

    fn misplaced(&mut self, span: Span, key: &str, reason: &'static str) {
        self.errors.push(SqlError::MisplacedDirective { span, key: key.to_owned(), reason });
    }

    /// Collects the next statement's tokens and the comments above it. Returns false where something is wrong with it.
    fn cut(&mut self) -> bool {
        let errors_before = self.errors.len();
        let mut previous_end = self.lexer.position();
        let mut depth = 0_usize;
        // Open BEGIN and CASE inside of a body BEGIN ATOMIC … END.
        let mut atomic = 0_usize;
        let mut previous_is_begin = false;
        while let Some(token) = self.lexer.next() {
            let span = token.span;
            match token.kind {
                TokenKind::LineComment | TokenKind::BlockComment => {
                    self.comment(token, previous_end);
                    previous_end = span.end;
                    continue;
                }
                TokenKind::Semicolon if depth == 0 && atomic == 0 => {
                    if self.tokens.is_empty() {
                        previous_end = span.end;
                        continue;
                    }
                    break;
                }
                TokenKind::OpenParen | TokenKind::OpenBracket => depth += 1,
                TokenKind::CloseParen | TokenKind::CloseBracket => depth = depth.saturating_sub(1),
                TokenKind::Word | TokenKind::QuotedIdent | TokenKind::UnicodeIdent => self.check_ident(token),
                TokenKind::PsqlCommand => {
                    let command = self.text[span.range()].split_whitespace().next().unwrap_or("\\").to_owned();
                    self.errors.push(SqlError::PsqlCommand { span, command });
                    continue;
                }
                TokenKind::Unterminated => self.unterminated(span),
                TokenKind::Stray => {
                    let message = format!("`{}` belongs nowhere", self.text[span.range()].escape_default());
                    self.errors.push(SqlError::Syntax { span, message });
                }
                _ => {}
            }
            if token.kind == TokenKind::Word && (atomic > 0 || previous_is_begin) {
                let word = &self.text[span.range()];
                let is = |expected: &str| word.eq_ignore_ascii_case(expected);
                if atomic == 0 {
                    atomic = usize::from(is("ATOMIC"));
                } else if is("CASE") || is("BEGIN") {
                    atomic += 1;
                } else if is("END") {
                    atomic -= 1;
                }
            }
            previous_is_begin = depth == 0
                && token.kind == TokenKind::Word
                && self.text[span.range()].eq_ignore_ascii_case("BEGIN")
                && self.creates_routine();
            previous_end = span.end;
            self.tokens.push(token);
        }
        self.errors.len() == errors_before
    }

    fn creates_routine(&self) -> bool {
        let is = |at: usize, word: &str| {
            self.tokens.get(at).is_some_and(|token| self.text[token.span.range()].eq_ignore_ascii_case(word))
        };
        let at = if is(1, "OR") { 3 } else { 1 };
        is(0, "CREATE") && (is(at, "FUNCTION") || is(at, "PROCEDURE"))
    }

    fn comment(&mut self, token: Token, previous_end: usize) {
        let before = &self.text[previous_end..token.span.start];
        let starts_line = previous_end == 0 && !before.contains('\n') || before.contains(['\n', '\r']);
        let is_line = token.kind == TokenKind::LineComment;
        if is_line && !(starts_line && self.tokens.is_empty()) {
            // Between the words of a statement or behind one, a directive would belong to nothing in particular.
            if let Some((key, _)) = directive::split(&self.text[token.span.range()]) {
                self.misplaced(token.span, &key, "a directive stands on a line of its own, above the statement");
            }
        }
        if self.tokens.is_empty() {
            let blank_before = is_blank(before);
            self.comments.push(Comment { span: token.span, is_line: is_line && starts_line, blank_before });
        }
    }

    fn check_ident(&mut self, token: Token) {
        let written = &self.text[token.span.range()];
        if self.has_mark && token.kind == TokenKind::Word && written.contains('\u{feff}') {
            for (at, mark) in written.match_indices('\u{feff}') {
                let start = token.span.start + at;
                self.errors.push(SqlError::ByteOrderMark { span: Span::new(start, start + mark.len()) });
            }
            return;
        }
        if written.len() <= MAX_IDENTIFIER_BYTES {
            return;
        }
        let name = match token.kind {
            TokenKind::QuotedIdent => written[1..written.len() - 1].replace("\"\"", "\""),
            TokenKind::UnicodeIdent => literal::decode_unicode_ident(written).unwrap_or_default(),
            _ => written.to_owned(),
        };
        if name.len() > MAX_IDENTIFIER_BYTES {
            let bytes = name.len();
            self.errors.push(SqlError::IdentifierTooLong { span: token.span, name, bytes });
        }
    }

    fn unterminated(&mut self, span: Span) {
        let rest = &self.text[span.range()];
        let line = rest.find('\n').unwrap_or(rest.len());
        let what = if rest.starts_with('$') {
            "a string in dollar quotes"
        } else if rest.starts_with("/*") {
            "a comment"
        } else if rest.starts_with('"') || rest.starts_with("U&\"") || rest.starts_with("u&\"") {
            "a quoted name"
        } else {
            "a string"
        };
        self.errors.push(SqlError::Unterminated { span: Span::new(span.start, span.start + line), what });
    }

    /// Reads the directives among the comments: keeps those of the file, returns those of the statement below.
    fn directives_above(&mut self) -> Above {
        let mut above = Above::default();
        if self.comments.is_empty() {
            return above;
        }
        let comments = mem::take(&mut self.comments);
        let statement_start = self.tokens.first().map(|token| token.span.start);
        let touches_statement = statement_start
            .is_some_and(|start| comments.last().is_some_and(|last| !is_blank(&self.text[last.span.end..start])));
        let last_block = comments.iter().rposition(|comment| comment.blank_before).unwrap_or(0);
        let mut at = 0;
        while at < comments.len() {
            let first = at;
            let in_last_block = first >= last_block;
            at += 1;
            if !comments[first].is_line {
                continue;
            }
            let Some((key, _)) = directive::split(&self.text[comments[first].span.range()]) else { continue };
            if matches!(key.as_str(), "when" | "unless" | "down") {
                while at < comments.len() && self.continues(comments[at]) {
                    at += 1;
                }
            }
            let lines: Vec<(Span, &str)> = comments[first..at]
                .iter()
                .map(|comment| (comment.span, self.text[comment.span.range()].trim_end()))
                .collect();
            let span = Span::new(comments[first].span.start, comments[at - 1].span.end);
            match directive::read(span, &lines) {
                Some(Ok(found)) => self.place(found, touches_statement && in_last_block, &mut above),
                Some(Err(errors)) => self.errors.extend(errors),
                None => {}
            }
        }
        above
    }

    /// Returns whether a comment goes on with the query above it: it is indented by two spaces or more.
    fn continues(&self, comment: Comment) -> bool {
        let text = &self.text[comment.span.range()];
        comment.is_line && !comment.blank_before && text.starts_with("--  ") && directive::split(text).is_none()
    }

    fn place(&mut self, found: Found, touches_statement: bool, above: &mut Above) {
        let Found { span, key, read } = found;
        let kind = match read {
            Read::Verify(message) => {
                if let Some((first, _)) = &above.verify {
                    let first = *first;
                    self.errors.push(SqlError::DuplicateDirective { span, key: key.to_owned(), first });
                } else {
                    above.verify = Some((span, message));
                }
                return;
            }
            Read::Kept(kind) => kind,
        };
        let directive = Directive { span, kind };
        let in_file = match directive.kind {
            DirectiveKind::Title(_) | DirectiveKind::Transaction(_) | DirectiveKind::Accept { .. } => true,
            _ if touches_statement => false,
            DirectiveKind::Always | DirectiveKind::KeepOld | DirectiveKind::Batch(_) | DirectiveKind::Down(_) => {
                self.misplaced(span, key, "it stands directly above a statement, without an empty line between");
                return;
            }
            _ if self.statements == 0 => true,
            _ => {
                let reason = "it stands directly above a statement, or at the top of the file with an empty line below";
                self.misplaced(span, key, reason);
                return;
            }
        };
        let repeatable = matches!(
            directive.kind,
            DirectiveKind::Allow { .. }
                | DirectiveKind::Waive { .. }
                | DirectiveKind::Accept { .. }
                | DirectiveKind::When(_)
                | DirectiveKind::Unless(_)
                | DirectiveKind::Down(_)
        );
        let same = |other: &Directive| mem::discriminant(&other.kind) == mem::discriminant(&directive.kind);
        let first = if repeatable {
            None
        } else if in_file {
            self.parsed.directives.iter().find(|other| same(other)).map(|other| other.span)
        } else {
            above.directives.iter().find(|(other, _)| same(other)).map(|(other, _)| other.span)
        };
        if let Some(first) = first {
            self.errors.push(SqlError::DuplicateDirective { span, key: key.to_owned(), first });
        } else if in_file {
            self.parsed.directives.push(directive);
        } else {
            above.directives.push((directive, key));
        }
    }

    fn statement(&mut self, above: Above) {
        let (Some(first), Some(last)) = (self.tokens.first(), self.tokens.last()) else { return };
        let span = Span::new(first.span.start, last.span.end);
        let text = &self.text[span.range()];
        if text.len() > MAX_STATEMENT_BYTES {
            let bytes = text.len();
            self.errors.push(SqlError::StatementTooLarge { span, bytes, limit: MAX_STATEMENT_BYTES });
            return;
        }
        // A short statement cannot be nested deeply.
        if self.tokens.len() > grammar::MAX_NESTING
            && let Err(error) = grammar::nesting(self.text, &self.tokens)
        {
            self.errors.push(error);
            return;
        }
        let (kind, unjudged) = statement::read(self.text, &self.tokens);
        if unjudged && let Some(errors) = grammar::syntax_errors(text, span) {
            self.errors.extend(errors);
            return;
        }
        if let Some((verify_span, message)) = above.verify {
            for (directive, key) in above.directives {
                self.misplaced(directive.span, key, "a query under `verify` takes no other directive");
            }
            if kind == StatementKind::Query {
                let query = Fragment { text: text.to_owned(), span };
                self.parsed.verifies.push(Verify { message, query });
            } else {
                self.errors.push(SqlError::BadDirectiveValue {
                    span: verify_span,
                    key: "verify".to_owned(),
                    reason: "the statement below it is no query".to_owned(),
                    suggestion: None,
                });
            }
            return;
        }
        let directives = above.directives.into_iter().map(|(directive, _)| directive).collect();
        let since = since::since(self.text, &self.tokens).map(Box::new);
        let statement = Statement { span, kind, directives, since };
        self.parsed.statements.push(statement);
    }

    /// Passes over the lines of data that follow COPY … FROM STDIN, which are no SQL.
    fn skip_copy_data(&mut self) {
        let mut at = self.lexer.position();
        for line in self.text[at..].split_inclusive('\n') {
            at += line.len();
            if line.trim_end() == "\\." {
                break;
            }
        }
        self.lexer.jump(at);
    }
}

/// Returns whether white space between two things holds an empty line.
fn is_blank(space: &str) -> bool {
    space.bytes().filter(|byte| *byte == b'\n').count() > 1
}
