//! What differs, told object by object: the scripts against a database, what a database has and no script speaks of, two databases
//! against each other, and one before and after a statement. Pure.

mod between;
mod declared;
mod effect;
mod inverse;
mod left;
mod statement;
mod told;
mod unmanaged;

use crate::pg::ObjectName;

pub use between::between;
pub use declared::declared;
pub use effect::{Change, Effect, RowsMoved, copy, effects, rows_moved};
pub use inverse::{Inverse, InverseKind, Loss, down_script, inverse};
pub use left::{Touched, words_of};
pub use unmanaged::unmanaged;

/// One object that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The object in words: `column public.users.fax`.
    pub object: String,
    /// The table or view that it is or belongs to, where that is known.
    pub relation: Option<ObjectName>,
    /// How it differs.
    pub state: DifferenceState,
    /// What it is in the database (the first one, where there are two), as the server prints it.
    pub here: Option<String>,
    /// What it is in the other database.
    pub there: Option<String>,
    /// What makes the difference go away, in order: for the database, or of what is unmanaged for a script.
    pub statements: Vec<String>,
    /// What else is known, one a line.
    pub why: Vec<String>,
    /// The place in a script.
    pub location: Option<String>,
}

/// How an object differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DifferenceState {
    /// A script declares it; the database lacks it.
    Missing,
    /// It is there, and otherwise than declared, or otherwise than in the other database.
    Differs,
    /// A script drops it; it is there.
    Leftover,
    /// Rows of it are to be filled or added, or a statement that is not read is to run.
    Pending,
    /// It is otherwise than declared, and no statement of a script may change that, or it could not be found out.
    Conflicts,
    /// It is in the database; no script speaks of it.
    Unmanaged,
    /// It is in the first database only.
    OnlyHere,
    /// It is in the second database only.
    OnlyThere,
}

impl DifferenceState {
    /// Every state.
    pub const ALL: [Self; 8] = [
        Self::Missing,
        Self::Differs,
        Self::Leftover,
        Self::Pending,
        Self::Conflicts,
        Self::Unmanaged,
        Self::OnlyHere,
        Self::OnlyThere,
    ];

    /// Returns the word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Differs => "differs",
            Self::Leftover => "left over",
            Self::Pending => "pending",
            Self::Conflicts => "conflicting",
            Self::Unmanaged => "unmanaged",
            Self::OnlyHere => "only here",
            Self::OnlyThere => "only there",
        }
    }
}
