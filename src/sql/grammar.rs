//! The full grammar of PostgreSQL, as the judge of what our own reader does not know.
//!
//! Source: the crate squawk-syntax, which follows the grammar of PostgreSQL 18.

use std::cell::RefCell;

use rustc_hash::FxHashSet;
use squawk_syntax::SourceFile;

use crate::script::Span;

use super::{
    error::SqlError,
    lexer::{Lexer, Token, TokenKind},
};

/// The deepest nesting of parentheses and CASE that is read.
pub(super) const MAX_NESTING: usize = 1_000;

/// The most words and operators in a row at one level, without a comma between: with each of them the grammar's tree may
/// grow by one level, as in `1 + 1 + 1` or `NOT NOT a`.
const MAX_CHAIN: usize = 20_000;

/// Depth from which on the grammar gets a stack of its own.
pub(super) const DEEP: usize = 300;

/// How much deeper the grammar's recursion goes for a parenthesis than for a link of a chain.
const GROUP_WEIGHT: usize = 10;

/// Room for [`MAX_NESTING`] and [`MAX_CHAIN`] levels even without optimisation; only what is used is ever touched.
const STACK_BYTES: usize = 1024 * 1024 * 1024;

thread_local! {
    /// Texts that the grammar has nothing against: the same guard often stands above many statements, and to judge it takes
    /// longer than to read them.
    static SOUND: RefCell<FxHashSet<String>> = RefCell::default();
}

/// How many texts a thread keeps, and the longest that it keeps, in bytes.
const MOST_KEPT: usize = 1_000;

/// Returns what the grammar has against `text`, or `None`. `at` is where the text begins in the script.
///
/// Invariant: [`nesting`] has accepted the tokens of `text`.
pub(super) fn syntax_errors(text: &str, at: Span) -> Option<Vec<SqlError>> {
    if SOUND.with_borrow(|sound| sound.contains(text)) {
        return None;
    }
    let tokens: Vec<Token> = Lexer::new(text).filter(|token| !token.kind.is_comment()).collect();
    let deep = match nesting(text, &tokens) {
        Ok(levels) => levels > DEEP,
        Err(error) => return Some(vec![error.shifted(at.start)]),
    };
    let found = if deep {
        let owned = text.to_owned();
        std::thread::Builder::new()
            .name("grammar".to_owned())
            .stack_size(STACK_BYTES)
            .spawn(move || judge(&owned))
            .ok()
            .and_then(|thread| thread.join().ok())
            .unwrap_or_else(|| vec![(Span::new(0, text.len()), "the statement cannot be read".to_owned())])
    } else {
        judge(text)
    };
    if found.is_empty() {
        SOUND.with_borrow_mut(|sound| {
            if text.len() <= MOST_KEPT && sound.len() < MOST_KEPT {
                sound.insert(text.to_owned());
            }
        });
        return None;
    }
    Some(
        found
            .into_iter()
            .map(|(span, message)| SqlError::Syntax {
                span: Span::new(at.start + span.start, at.start + span.end),
                message,
            })
            .collect(),
    )
}

fn judge(text: &str) -> Vec<(Span, String)> {
    let parsed = SourceFile::parse(text);
    // After the first error the grammar looks for the next statement, and what it then finds misleads.
    let first = parsed.errors().into_iter().next();
    first
        .map(|error| {
            let range = error.range();
            let span = Span::new(usize::from(range.start()), usize::from(range.end()));
            told(text, widen(text, span), error.message())
        })
        .into_iter()
        .collect()
}

/// Puts an error of the grammar into words of SQL, at the word that is wrong.
fn told(text: &str, span: Span, message: &str) -> (Span, String) {
    if let Some(found) = message.strip_prefix("expected command, found ") {
        let mut tokens = Lexer::new(text).filter(|token| !token.kind.is_comment()).map(|token| token.span);
        let first = tokens.next().unwrap_or(span);
        // The grammar blames the whole command; where its first word is one, it is the next that does not fit.
        let wrong = if span.start > first.start {
            span
        } else if found.ends_with("_KW") {
            tokens.next().unwrap_or(first)
        } else {
            first
        };
        return (wrong, format!("syntax error at or near \"{}\"", text[wrong.range()].trim().escape_debug()));
    }
    let words: Vec<&str> = message.split(' ').map(shown).collect();
    (span, words.join(" "))
}

/// Returns how a kind of token of the grammar's is written.
fn shown(word: &str) -> &str {
    match word {
        "L_PAREN" => "\"(\"",
        "R_PAREN" => "\")\"",
        "SEMICOLON" => "\";\"",
        "COMMA" => "\",\"",
        "IDENT" => "a name",
        "EOF" => "the end of the statement",
        _ => word.strip_suffix("_KW").unwrap_or(word),
    }
}

/// Makes an empty span cover the token it stands before, so that something can be underlined.
fn widen(text: &str, span: Span) -> Span {
    if span.start < span.end {
        return span;
    }
    let mut lexer = Lexer::new(text);
    lexer.jump(span.start.min(text.len()));
    match lexer.next() {
        Some(token) => Span::new(span.start, token.span.end),
        None => span,
    }
}

/// Returns how deep the grammar's recursion can become at most, in links of a chain.
///
/// # Errors
/// [`SqlError::NestedTooDeeply`] above [`MAX_NESTING`] groups, or above [`MAX_CHAIN`] links.
pub(super) fn nesting(text: &str, tokens: &[Token]) -> Result<usize, SqlError> {
    // One entry for each open group: the links of the chain in it.
    let mut levels: Vec<usize> = vec![0];
    let mut cases = 0_usize;
    let mut chained = 0_usize;
    let mut deepest = 0_usize;
    for token in tokens {
        match token.kind {
            TokenKind::OpenParen | TokenKind::OpenBracket => levels.push(0),
            TokenKind::CloseParen | TokenKind::CloseBracket if levels.len() > 1 => {
                chained -= levels.pop().unwrap_or_default();
            }
            TokenKind::Comma | TokenKind::Semicolon => {
                chained -= levels.last_mut().map(std::mem::take).unwrap_or_default();
            }
            TokenKind::Word => match &text[token.span.range()] {
                word if word.eq_ignore_ascii_case("CASE") => cases += 1,
                word if word.eq_ignore_ascii_case("END") => cases = cases.saturating_sub(1),
                _ => {}
            },
            _ => {}
        }
        if !matches!(
            token.kind,
            TokenKind::OpenParen | TokenKind::OpenBracket | TokenKind::Comma | TokenKind::Semicolon
        ) && let Some(links) = levels.last_mut()
        {
            *links += 1;
            chained += 1;
        }
        let groups = levels.len() - 1 + cases;
        if groups > MAX_NESTING {
            return Err(SqlError::NestedTooDeeply { span: token.span, limit: MAX_NESTING });
        }
        if chained > MAX_CHAIN {
            return Err(SqlError::NestedTooDeeply { span: token.span, limit: MAX_CHAIN });
        }
        deepest = deepest.max(groups * GROUP_WEIGHT + chained);
    }
    Ok(deepest)
}
