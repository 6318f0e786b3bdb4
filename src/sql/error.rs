//! What can be wrong with a script's text.

use crate::script::Span;

/// One thing that is wrong with a script. Nothing of such a script is carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SqlError {
    /// The text is no SQL that PostgreSQL reads.
    #[error("{message}")]
    Syntax {
        /// Where.
        span: Span,
        /// What was found or missed there.
        message: String,
    },
    /// A string, quoted name or comment does not end.
    #[error("{what} begins here and does not end")]
    Unterminated {
        /// From its beginning to the end of its line.
        span: Span,
        /// What it is, with its article.
        what: &'static str,
    },
    /// A NUL byte, at which libpq would cut the statement without a word.
    #[error("the script holds a NUL byte")]
    NulByte {
        /// Where.
        span: Span,
    },
    /// A byte-order mark inside the text, which the server takes for a letter.
    #[error("the script holds a byte-order mark in the middle")]
    ByteOrderMark {
        /// Where.
        span: Span,
    },
    /// More levels of nesting than the program reads.
    #[error("the statement is nested more than {limit} levels deep")]
    NestedTooDeeply {
        /// Where the limit is passed.
        span: Span,
        /// The limit.
        limit: usize,
    },
    /// A command of psql, which the server does not know.
    #[error("`{command}` is a command of psql, not SQL")]
    PsqlCommand {
        /// Where.
        span: Span,
        /// Its first word.
        command: String,
    },
    /// A directive with a key that does not exist.
    #[error("there is no directive `{key}`")]
    UnknownDirective {
        /// The comment.
        span: Span,
        /// The key.
        key: String,
        /// The key that was probably meant.
        suggestion: Option<&'static str>,
    },
    /// A directive whose value cannot be read.
    #[error("directive `{key}`: {reason}")]
    BadDirectiveValue {
        /// The comment.
        span: Span,
        /// The key.
        key: String,
        /// What is wrong with the value.
        reason: String,
        /// The value that was probably meant.
        suggestion: Option<String>,
    },
    /// A directive where it has no meaning.
    #[error("directive `{key}` cannot stand here: {reason}")]
    MisplacedDirective {
        /// The comment.
        span: Span,
        /// The key.
        key: String,
        /// Why, and where it may stand.
        reason: &'static str,
    },
    /// A directive that is given twice.
    #[error("directive `{key}` is given twice")]
    DuplicateDirective {
        /// The second one.
        span: Span,
        /// The key.
        key: String,
        /// The first one.
        first: Span,
    },
    /// A name that PostgreSQL would cut.
    #[error("name `{name}` is {bytes} bytes long; PostgreSQL keeps 63")]
    IdentifierTooLong {
        /// Where.
        span: Span,
        /// The name.
        name: String,
        /// Its length in bytes.
        bytes: usize,
    },
    /// A statement longer than the program sends.
    #[error("the statement is {bytes} bytes long; at most {limit} are read")]
    StatementTooLarge {
        /// The statement.
        span: Span,
        /// Its length.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
}

impl SqlError {
    /// Returns the place to show.
    #[must_use]
    pub const fn span(&self) -> Span {
        match self {
            Self::Syntax { span, .. }
            | Self::Unterminated { span, .. }
            | Self::NulByte { span }
            | Self::ByteOrderMark { span }
            | Self::NestedTooDeeply { span, .. }
            | Self::PsqlCommand { span, .. }
            | Self::UnknownDirective { span, .. }
            | Self::BadDirectiveValue { span, .. }
            | Self::MisplacedDirective { span, .. }
            | Self::DuplicateDirective { span, .. }
            | Self::IdentifierTooLong { span, .. }
            | Self::StatementTooLarge { span, .. } => *span,
        }
    }

    /// Returns the error as that of a text which begins `by` bytes later.
    #[must_use]
    pub(super) fn shifted(mut self, by: usize) -> Self {
        match &mut self {
            Self::Syntax { span, .. }
            | Self::Unterminated { span, .. }
            | Self::NulByte { span }
            | Self::ByteOrderMark { span }
            | Self::NestedTooDeeply { span, .. }
            | Self::PsqlCommand { span, .. }
            | Self::UnknownDirective { span, .. }
            | Self::BadDirectiveValue { span, .. }
            | Self::MisplacedDirective { span, .. }
            | Self::DuplicateDirective { span, .. }
            | Self::IdentifierTooLong { span, .. }
            | Self::StatementTooLarge { span, .. } => *span = Span::new(span.start + by, span.end + by),
        }
        self
    }

    /// Returns a second place that explains the first, with its label.
    #[must_use]
    pub const fn related(&self) -> Option<(Span, &'static str)> {
        match self {
            Self::DuplicateDirective { first, .. } => Some((*first, "given here first")),
            _ => None,
        }
    }

    /// Returns the stable code, which names the page under `docs/errors/`.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Syntax { .. } | Self::Unterminated { .. } => "syntax-error",
            Self::NulByte { .. } => "nul-byte",
            Self::ByteOrderMark { .. } => "byte-order-mark-inside",
            Self::NestedTooDeeply { .. } => "nested-too-deeply",
            Self::PsqlCommand { .. } => "psql-command",
            Self::UnknownDirective { .. } => "unknown-directive",
            Self::BadDirectiveValue { .. } => "bad-directive-value",
            Self::MisplacedDirective { .. } => "misplaced-directive",
            Self::DuplicateDirective { .. } => "duplicate-directive",
            Self::IdentifierTooLong { .. } => "identifier-too-long",
            Self::StatementTooLarge { .. } => "statement-too-large",
        }
    }

    /// Returns every code, in alphabetical order.
    #[must_use]
    pub const fn codes() -> &'static [&'static str] {
        &[
            "bad-directive-value",
            "byte-order-mark-inside",
            "duplicate-directive",
            "identifier-too-long",
            "misplaced-directive",
            "nested-too-deeply",
            "nul-byte",
            "psql-command",
            "statement-too-large",
            "syntax-error",
            "unknown-directive",
        ]
    }

    /// Returns what to do, beginning with a verb.
    #[must_use]
    pub fn help(&self) -> String {
        match self {
            Self::Syntax { .. } => "correct the statement; the grammar is that of PostgreSQL 18".to_owned(),
            Self::Unterminated { .. } => "close it".to_owned(),
            Self::NulByte { .. } => "remove the byte, or save the file as UTF-8 if it is UTF-16".to_owned(),
            Self::ByteOrderMark { .. } => {
                "remove the mark; it is invisible and often comes from joining two files".to_owned()
            }
            Self::NestedTooDeeply { .. } => "split the statement, or take parentheses away".to_owned(),
            Self::PsqlCommand { .. } => "write plain SQL instead; ensure scripts are not run through psql".to_owned(),
            Self::UnknownDirective { suggestion: Some(suggestion), .. } => {
                format!("write `-- ensure:{suggestion}`")
            }
            Self::UnknownDirective { suggestion: None, .. } => {
                format!("use one of {}", super::directive::KEYS.join(", "))
            }
            Self::BadDirectiveValue { suggestion: Some(suggestion), .. } => format!("write `{suggestion}`"),
            Self::BadDirectiveValue { key, .. } => super::directive::usage(key).to_owned(),
            Self::MisplacedDirective { .. } => "move the directive".to_owned(),
            Self::DuplicateDirective { .. } => "keep one of the two".to_owned(),
            Self::IdentifierTooLong { .. } => {
                "shorten the name; two names that differ only after byte 63 are one to the server".to_owned()
            }
            Self::StatementTooLarge { .. } => "split the statement, or load the data in another way".to_owned(),
        }
    }
}
