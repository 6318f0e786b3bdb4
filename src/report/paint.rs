//! Colour. Nothing else in this crate colours.

use colored::{ColoredString, Colorize};

use super::Style;

/// What a piece of text is, as far as colour tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Paint {
    /// As it is.
    Plain,
    /// What a line begins with.
    Strong,
    /// What may be passed over.
    Faint,
    /// As it should be.
    Good,
    /// Something changes.
    Change,
    /// Something is wrong.
    Bad,
    /// Names of places and of what to type.
    Name,
}

impl Style {
    /// Returns `text` coloured, if this style colours. `text` must be harmless already.
    pub(super) fn paint(&self, paint: Paint, text: &str) -> String {
        if !self.color || text.is_empty() || paint == Paint::Plain {
            return text.to_owned();
        }
        // `colored` asks the environment and the terminal by itself, once for the whole program. That is settled already, so
        // it is only ever told "yes" here, and text without colour never passes through it.
        colored::control::set_override(true);
        let painted: ColoredString = match paint {
            Paint::Plain => text.normal(),
            Paint::Strong => text.bold(),
            Paint::Faint => text.dimmed(),
            Paint::Good => text.green(),
            Paint::Change => text.yellow(),
            Paint::Bad => text.red().bold(),
            Paint::Name => text.cyan(),
        };
        painted.to_string()
    }
}
