//! Text to statements to a typed tree; every node keeps its span.

mod ast;
mod expr;
