//! The command line: what was typed, turned into settings and one call of an operation.

pub mod args;
