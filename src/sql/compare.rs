//! Comparison of expressions by meaning.

use crate::pg::{Ident, TypeName};

use super::expr::Expr;

/// What is known about two expressions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sameness {
    /// They mean the same to the server.
    Same,
    /// They do not mean the same.
    Different,
    /// It could not be found out from their texts.
    Unknown,
}

/// Compares what a script says with what the server prints.
#[must_use]
pub fn same_meaning(
    written: &Expr,
    stored: &Expr,
    _columns: &dyn Fn(&Ident) -> Option<TypeName>,
    _result_type: Option<&TypeName>,
) -> Sameness {
    if written == stored { Sameness::Same } else { Sameness::Unknown }
}
