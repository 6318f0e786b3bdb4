//! What a run did besides its changes, in words.

use crate::event::{Command, Report};

use super::{
    layout::{elapsed, size},
    paint::Paint,
};

/// Returns a line for the backup and one for the user's commands, where there are any: its label, its words.
pub(super) fn lines(report: &Report) -> Vec<(&'static str, String, Paint)> {
    let mut lines = Vec::new();
    if let Some(backup) = &report.aside.backup {
        let words = match backup.bytes {
            Some(bytes) => format!("{}, {}, {}", backup.file, size(bytes), elapsed(backup.elapsed)),
            None if report.command == Command::Plan => format!("a run would make one first: {}", backup.file),
            None => format!("{}, not made", backup.file),
        };
        lines.push(("backup", words, Paint::Plain));
    }
    let hooks: Vec<_> = report
        .aside
        .hooks
        .iter()
        .map(|hook| {
            let how = hook.failure.as_ref().map(|failure| format!(" {failure},")).unwrap_or_default();
            format!("{}{how} {}", hook.hook, elapsed(hook.elapsed))
        })
        .collect();
    if !hooks.is_empty() {
        let failed = report.aside.hooks.iter().any(|hook| hook.failure.is_some());
        lines.push(("hooks", hooks.join("; "), if failed { Paint::Change } else { Paint::Plain }));
    }
    lines
}
