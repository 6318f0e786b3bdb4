//! Plans, events and diagnostics as text or JSON: all colour and all layout is here, and nothing is decided here.
//!
//! [`render_report`] and [`render_diagnostic`] write for people, [`render_sql`] for psql, [`render_json`] for programs (its form is
//! `docs/report.schema.json`), and [`Progress`] tells events while they happen. Names, messages and script lines come from
//! outside: what could move the cursor or turn the direction of writing is shown as an escape, never sent to a terminal.

mod aside;
mod diagnostic;
mod difference;
mod github;
mod harmless;
mod history;
mod html;
mod json;
mod junit;
mod layout;
mod markdown;
mod paint;
mod picture;
mod progress;
mod psql;
mod rehearsal;
mod step;
mod summary;
mod tables;
mod text;
mod verification;

#[cfg(test)]
mod tests;

pub use diagnostic::render_diagnostic;
pub use github::render_github;
pub use html::render_html;
pub use json::{FORMAT, render_json};
pub use junit::render_junit;
pub use markdown::render_markdown;
pub use progress::Progress;
pub use psql::render_sql;
pub use text::{render_header, render_problems, render_report, render_result};

/// How text is drawn, settled by the caller from settings and the terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each says one thing about the reader, and all combinations occur")]
pub struct Style {
    /// Whether to colour.
    pub color: bool,
    /// The width in columns; 0 where it is unknown.
    pub width: usize,
    /// Whether to say more: locks and limits of each step, every column that was compared, nothing folded.
    pub verbose: bool,
    /// Whether the reader shows more than ASCII.
    pub unicode: bool,
    /// Whether a terminal reads it: the [`Progress`] beside it has then shown the header, and what matters most stands last.
    pub terminal: bool,
}

impl Default for Style {
    /// Plain text of 100 columns, as for a pipe or a file.
    fn default() -> Self {
        Self { color: false, width: 100, verbose: false, unicode: true, terminal: false }
    }
}

impl Style {
    /// The widest that layout spreads: longer lines are hard to read, and a figure far from its name is hard to find.
    const WIDEST: usize = 110;
    /// The narrowest that layout bends to; below that the terminal breaks the lines.
    const NARROWEST: usize = 40;

    /// Returns the columns of the whole reader, for what is shown as it is, such as a script's line.
    fn full_width(&self) -> usize {
        if self.width == 0 { Self::default().width } else { self.width.max(Self::NARROWEST) }
    }

    /// Returns the columns that layout uses.
    fn columns(&self) -> usize {
        self.full_width().min(Self::WIDEST)
    }
}
