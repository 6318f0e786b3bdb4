//! Rules of a linter for PostgreSQL migrations, for what does not depend on how a change is carried out.
//!
//! Source: the crate squawk-linter. Most of its rules ask for forms that this program chooses by itself (CONCURRENTLY, NOT
//! VALID, time-outs, transactions, IF NOT EXISTS), are told by rules of our own where goals know more (drops, renames), or are
//! a matter of taste (bigint, text, identity). What is left is here.

use squawk_linter::{Linter, Rule};
use squawk_syntax::SourceFile;

use super::{
    grammar::{DEEP, nesting},
    lexer::{Lexer, Token, TokenKind},
};
use crate::script::Span;

/// The longest statement that is looked at, in bytes.
const LONGEST: usize = 256 * 1024;

/// The rules that are applied.
const RULES: [Rule; 7] = [
    Rule::AddingRequiredField,
    Rule::BanAlterDomainWithAddConstraint,
    Rule::BanCharField,
    Rule::BanCreateDomainWithConstraint,
    Rule::BanDuplicateColumnAssignments,
    Rule::BanTruncateCascade,
    Rule::PreferTimestampTz,
];

/// One thing that a rule has against a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lint {
    /// The rule's name.
    pub rule: String,
    /// The place, counted from the beginning of the statement.
    pub span: Span,
    /// What is the matter.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
}

/// Returns the names of the rules.
#[must_use]
pub fn lint_rules() -> Vec<String> {
    RULES.iter().map(ToString::to_string).collect()
}

/// Words without which no rule has anything to say: to build the tree costs far more than to look for them.
const WORDS: [&str; 8] = ["add", "bpchar", "char", "character", "domain", "timestamp", "truncate", "update"];

/// Returns what the rules have against a statement. Statements that are very long or nested very deeply are not looked at.
#[must_use]
pub fn lint(text: &str) -> Vec<Lint> {
    let tokens: Vec<Token> = Lexer::new(text).filter(|token| !token.kind.is_comment()).collect();
    let words = |wanted: &dyn Fn(&str) -> bool| {
        tokens.iter().any(|token| token.kind == TokenKind::Word && wanted(&text[token.span.range()]))
    };
    let concerned = |word: &str| WORDS.iter().any(|known| word.eq_ignore_ascii_case(known));
    // Of what is added, only a column that is NOT NULL is looked at.
    let only_adds = |word: &str| concerned(word) && !word.eq_ignore_ascii_case("add");
    let adds_not_null = words(&concerned) && words(&|word| word.eq_ignore_ascii_case("not"));
    if !(adds_not_null || words(&only_adds)) {
        return Vec::new();
    }
    if text.len() > LONGEST || !nesting(text, &tokens).is_ok_and(|levels| levels <= DEEP) {
        return Vec::new();
    }
    let found = Linter::from(RULES).lint(&SourceFile::parse(text), text);
    found
        .into_iter()
        .map(|violation| Lint {
            rule: violation.code.to_string(),
            span: Span::new(usize::from(violation.text_range.start()), usize::from(violation.text_range.end())),
            message: violation.message,
            help: violation.help,
        })
        .collect()
}
