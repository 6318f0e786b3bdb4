//! One ensure file as text: its name and number, places in it, and the order of the files.

mod assemble;
mod source;

pub use assemble::{File, MAX_SCRIPT_BYTES, ScriptError, assemble};
pub use source::{Location, Script, ScriptId, Span};
