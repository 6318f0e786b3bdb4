//! One ensure file as text: its name and number, places in it, and finding the files.

mod source;

pub use source::{Location, Script, ScriptId, Span};
