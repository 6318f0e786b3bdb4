//! What only the database can answer, as data: asked by the shell, read-only, and answered into [`Answers`].

use rustc_hash::FxHashMap;

use crate::pg::ObjectName;

/// One question. Its text is its identity: the same text is asked once.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Question {
    /// A query of one row and one column; for dependents a part of one, as they are asked for together.
    pub sql: String,
    /// What it is for.
    pub purpose: Purpose,
    /// The table that it reads, where it reads one: it may be locked.
    pub table: Option<ObjectName>,
    /// The answer where nothing is to be done, if that can be said.
    pub expected: Option<bool>,
}

impl Question {
    pub(super) fn new(sql: String, purpose: Purpose, table: Option<ObjectName>) -> Self {
        Self { sql, purpose, table, expected: (purpose == Purpose::Probe).then_some(false) }
    }

    /// Returns whether an answer is the one expected.
    #[must_use]
    pub fn expects(&self, answer: &Answer) -> bool {
        self.expected.is_some() && answer.as_bool() == self.expected
    }
}

/// What a question is for, which says how long it may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Purpose {
    /// `when` or `unless`: a boolean.
    Guard,
    /// Whether a backfill or seed has something left to do: a boolean. Bounded in a run with nothing else to do.
    Probe,
    /// How many pages a table has: a number.
    Size,
    /// What depends on a column, or what is available: a JSON array of words.
    Names,
    /// What depends on an object that is to be dropped, and what goes with it: a JSON array of words.
    Dependents,
    /// Rows that stand in the way: a JSON array of a count and an example.
    Check,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The value as text; `None` for NULL.
    Value(Option<String>),
    /// The server could not answer: an object is not there (yet).
    Undefined(String),
    /// The server could not answer for another reason.
    Failed(String),
    /// It could not be asked without waiting, or took too long: why.
    Unknown(String),
}

impl Answer {
    /// Reads a boolean; NULL counts as false, as in WHERE.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Value(value) => match value.as_deref() {
                Some("t" | "true" | "1" | "on" | "yes") => Some(true),
                Some("f" | "false" | "0" | "off" | "no") | None => Some(false),
                Some(_) => None,
            },
            _ => None,
        }
    }

    /// Reads a number.
    #[must_use]
    pub fn as_number(&self) -> Option<u64> {
        match self {
            Self::Value(Some(value)) => value.parse().ok(),
            _ => None,
        }
    }

    /// Reads a list of words.
    #[must_use]
    pub fn as_names(&self) -> Option<Vec<String>> {
        match self {
            Self::Value(Some(value)) => serde_json::from_str(value).ok(),
            Self::Value(None) => Some(Vec::new()),
            _ => None,
        }
    }

    /// Reads the count and example of a check.
    #[must_use]
    pub fn as_rows(&self) -> Option<(u64, Option<String>)> {
        match self {
            Self::Value(Some(value)) => serde_json::from_str(value).ok(),
            _ => None,
        }
    }
}

/// The answers so far, by the text of the question.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answers(FxHashMap<String, Answer>);

impl Answers {
    /// Returns the answer to a question, if it was asked.
    #[must_use]
    pub fn get(&self, sql: &str) -> Option<&Answer> {
        self.0.get(sql)
    }

    /// Notes an answer.
    pub fn insert(&mut self, sql: String, answer: Answer) {
        self.0.insert(sql, answer);
    }

    /// Forgets every answer that `keep` does not keep.
    pub fn retain(&mut self, mut keep: impl FnMut(&str, &Answer) -> bool) {
        self.0.retain(|sql, answer| keep(sql, answer));
    }
}
