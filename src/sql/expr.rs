//! Expressions as trees, to be compared by meaning.

use crate::pg::{Ident, QualifiedName, TypeName};

/// An expression. What PostgreSQL prints back and what a person wrote become the same tree once [normalised]
/// (`Expr::normalise`) wherever they mean the same and we can tell.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Expr {
    /// `NULL`.
    Null,
    /// `DEFAULT`, as a value.
    Default,
    /// `TRUE`, `FALSE`.
    Bool(bool),
    /// A number as written, without a sign.
    Number(String),
    /// A string, decoded.
    Text(String),
    /// A column, perhaps behind its table: the parts in order.
    Column(Vec<Ident>),
    /// `a::t`, `CAST(a AS t)`, `t 'literal'`.
    Cast(Box<Expr>, TypeName),
    /// A function with positional arguments and nothing else (no DISTINCT, FILTER, OVER, named arguments). Words that
    /// PostgreSQL treats as functions (`CURRENT_TIMESTAMP`, `COALESCE`) are calls without a schema.
    Call(QualifiedName, Vec<Expr>),
    /// An operator before its operand, `NOT` included.
    Unary(String, Box<Expr>),
    /// An operator between two operands, `AND` and `OR` included.
    Binary(String, Box<Expr>, Box<Expr>),
    /// `a IS NULL`, or (true) `a IS NOT NULL`.
    IsNull(Box<Expr>, bool),
    /// `a IN (…)`, or (true) `a NOT IN (…)`, with a list of values.
    In(Box<Expr>, Vec<Expr>, bool),
    /// `a BETWEEN b AND c`, or (true) `NOT BETWEEN`.
    Between(Box<Expr>, Box<Expr>, Box<Expr>, bool),
    /// `a = ANY (b)`, or (true) `ALL`.
    AnyAll(String, Box<Expr>, Box<Expr>, bool),
    /// `ARRAY[…]`.
    Array(Vec<Expr>),
    /// `ROW(…)` or `(a, b)`.
    Row(Vec<Expr>),
    /// `CASE`: the operand, the branches, the rest.
    Case(Option<Box<Expr>>, Vec<(Expr, Expr)>, Option<Box<Expr>>),
    /// `a COLLATE c`.
    Collate(Box<Expr>, QualifiedName),
    /// Anything else, as its tokens: unquoted words lower case, one space between, no comments.
    Other(String),
}

/// How a value can change from one evaluation to the next, as PostgreSQL's function categories say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Volatility {
    /// Always the same for the same arguments.
    Immutable,
    /// The same within one statement.
    Stable,
    /// Anything, at any time: adding such a default rewrites the table.
    Volatile,
    /// A function that is not PostgreSQL's own, or something that was not read.
    Unknown,
}
