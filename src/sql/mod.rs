//! Text to statements to a typed tree; every node keeps its span.
//!
//! A script is cut into statements by a lexer that follows PostgreSQL's own, so that memory depends on the longest
//! statement and not on the file. Each statement is read by a strict reader that knows the forms which become goals; what
//! it does not know is judged by the full grammar (squawk-syntax) and is opaque.

mod ast;
mod compare;
mod cursor;
mod data;
mod directive;
mod error;
mod expr;
mod expression;
mod grammar;
mod lexer;
mod linter;
mod literal;
mod object;
mod parse;
mod query;
mod since;
mod statement;
mod table;
#[cfg(test)]
mod tests;
mod value;

pub use ast::*;
pub use compare::{Sameness, same_meaning, same_meaning_on};
pub use error::SqlError;
pub use expr::{Expr, Volatility};
pub use expression::parse_expression;
pub use linter::{Lint, lint, lint_rules};
pub use object::{
    ArgumentMode, Comment, DropObjects, Grant, GrantTerms, ObjectRef, Policy, RelationWord, Routine, RoutineArgument,
    RoutineBody, RoutineWord, Trigger, View,
};
pub use parse::{checksum, checksum_of_all, parse, parse_statement, same_tokens};
pub use query::{FromItem, Query, Target, parse_query};
