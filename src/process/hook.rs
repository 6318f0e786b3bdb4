//! Commands that the user wants run beside a run, and what they are told.

use std::{
    io,
    process::{Command, Stdio},
};

use super::child::{self, Stopped};

/// When a command is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hook {
    /// Before the first change.
    BeforeRun,
    /// After a run that came to its first change, however it ended.
    AfterRun,
    /// After a run that ended with another exit code than 0.
    OnFailure,
}

impl Hook {
    /// Returns the name of its flag, without the dashes.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::BeforeRun => "before-run",
            Self::AfterRun => "after-run",
            Self::OnFailure => "on-failure",
        }
    }
}

/// What a command is told, as far as it is known by then. No secret is among it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// The command of this program: `run`.
    pub command: String,
    /// The database.
    pub database: Option<String>,
    /// The server: `db:5432`.
    pub server: Option<String>,
    /// The role.
    pub role: Option<String>,
    /// The schema of unqualified names.
    pub schema: Option<String>,
    /// How many steps are to be carried out, or were.
    pub changes: usize,
    /// The numbers of the scripts that they belong to.
    pub scripts: Vec<String>,
    /// The backup, once it is made.
    pub backup: Option<String>,
    /// The number of the run in the journal.
    pub run: Option<i64>,
    /// How the run ended.
    pub end: Option<End>,
    /// Reports that were written: the name of the format, and the file.
    pub reports: Vec<(&'static str, String)>,
}

/// The end of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// `done`, the code of an error, or `interrupted`.
    pub outcome: String,
    /// The exit code.
    pub exit_code: u8,
    /// The first line of the error.
    pub error: Option<String>,
    /// How long it took, in milliseconds.
    pub elapsed_ms: u128,
}

impl Facts {
    /// Returns the variables of a command's environment; one without a value is not to be there.
    #[must_use]
    pub fn variables(&self, hook: Hook) -> Vec<(String, Option<String>)> {
        let end = self.end.as_ref();
        let scripts = (!self.scripts.is_empty()).then(|| self.scripts.join(" "));
        let mut variables = vec![
            ("HRMS_MIGRATE_HOOK".to_owned(), Some(hook.name().to_owned())),
            ("HRMS_MIGRATE_HOOK_COMMAND".to_owned(), Some(self.command.clone())),
            ("HRMS_MIGRATE_HOOK_VERSION".to_owned(), Some(env!("CARGO_PKG_VERSION").to_owned())),
            ("HRMS_MIGRATE_HOOK_DATABASE".to_owned(), self.database.clone()),
            ("HRMS_MIGRATE_HOOK_SERVER".to_owned(), self.server.clone()),
            ("HRMS_MIGRATE_HOOK_ROLE".to_owned(), self.role.clone()),
            ("HRMS_MIGRATE_HOOK_SCHEMA".to_owned(), self.schema.clone()),
            ("HRMS_MIGRATE_HOOK_CHANGES".to_owned(), Some(self.changes.to_string())),
            ("HRMS_MIGRATE_HOOK_SCRIPTS".to_owned(), scripts),
            ("HRMS_MIGRATE_HOOK_BACKUP".to_owned(), self.backup.clone()),
            ("HRMS_MIGRATE_HOOK_RUN".to_owned(), self.run.map(|run| run.to_string())),
            ("HRMS_MIGRATE_HOOK_OUTCOME".to_owned(), end.map(|end| end.outcome.clone())),
            ("HRMS_MIGRATE_HOOK_EXIT_CODE".to_owned(), end.map(|end| end.exit_code.to_string())),
            ("HRMS_MIGRATE_HOOK_ERROR".to_owned(), end.and_then(|end| end.error.clone())),
            ("HRMS_MIGRATE_HOOK_ELAPSED_MS".to_owned(), end.map(|end| end.elapsed_ms.to_string())),
        ];
        for (format, file) in &self.reports {
            variables.push((format!("HRMS_MIGRATE_HOOK_REPORT_{}", format.to_ascii_uppercase()), Some(file.clone())));
        }
        // The environment takes no NUL, and a message of one line is easier to pass on.
        let tame = |value: String| value.chars().map(|char| if char.is_control() { ' ' } else { char }).collect();
        variables.into_iter().map(|(name, value)| (name, value.map(tame))).collect()
    }
}

/// How a command ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HookEnd {
    /// With 0.
    Done,
    /// Otherwise, in words: `ended with 3`.
    Failed(String),
    /// It was ended.
    Stopped(Stopped),
}

/// Runs a command by the shell (`/bin/sh -c`; `cmd /C` on Windows). It has no input, and what it writes goes to standard error as
/// it is. `stop` is asked all the while.
pub fn run_hook(
    command: &str,
    variables: &[(String, Option<String>)],
    stop: &mut dyn FnMut() -> Option<Stopped>,
) -> HookEnd {
    let mut shell = shell(command);
    for (name, value) in variables {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    child::apart(&mut shell);
    shell.stdin(Stdio::null()).stdout(io::stderr()).stderr(Stdio::inherit());
    let ended = shell.spawn().and_then(|mut child| child::wait(&mut child, stop));
    match ended {
        Ok(Ok(status)) if status.success() => HookEnd::Done,
        Ok(Ok(status)) => HookEnd::Failed(
            status.code().map_or_else(|| "was ended by a signal".to_owned(), |code| format!("ended with {code}")),
        ),
        Ok(Err(stopped)) => HookEnd::Stopped(stopped),
        Err(error) => HookEnd::Failed(format!("could not be started: {error}")),
    }
}

#[cfg(unix)]
fn shell(command: &str) -> Command {
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", command]);
    shell
}

#[cfg(not(unix))]
fn shell(command: &str) -> Command {
    let mut shell = Command::new("cmd");
    shell.args(["/C", command]);
    shell
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value<'a>(variables: &'a [(String, Option<String>)], name: &str) -> Option<&'a str> {
        let name = format!("HRMS_MIGRATE_HOOK{name}");
        let found: Vec<_> = variables.iter().filter(|(known, _)| *known == name).collect();
        assert_eq!(found.len(), 1, "{name}");
        found[0].1.as_deref()
    }

    #[test]
    fn a_command_is_told_what_is_known() {
        let mut facts = Facts {
            command: "run".to_owned(),
            changes: 2,
            scripts: vec!["010".to_owned(), "020".to_owned()],
            ..Facts::default()
        };
        let before = facts.variables(Hook::BeforeRun);
        assert_eq!(value(&before, ""), Some("before-run"));
        assert_eq!(value(&before, "_SCRIPTS"), Some("010 020"));
        assert_eq!(value(&before, "_EXIT_CODE"), None);
        facts.end = Some(End {
            outcome: "statement-failed".to_owned(),
            exit_code: 1,
            error: Some("two\nlines\0".to_owned()),
            elapsed_ms: 7,
        });
        facts.reports.push(("json", "r.json".to_owned()));
        let after = facts.variables(Hook::OnFailure);
        assert_eq!(value(&after, "_EXIT_CODE"), Some("1"));
        assert_eq!(value(&after, "_ERROR"), Some("two lines "));
        assert_eq!(value(&after, "_REPORT_JSON"), Some("r.json"));
    }

    #[test]
    #[cfg(unix)]
    fn the_shell_runs_it_without_input_and_in_our_environment() {
        let variables = [("HM_SET".to_owned(), Some("a b".to_owned())), ("HOME".to_owned(), None)];
        let run = |command: &str| run_hook(command, &variables, &mut || None);
        assert_eq!(run(r#"test "$HM_SET" = 'a b' && test -n "$PATH" && test -z "${HOME+set}""#), HookEnd::Done);
        assert_eq!(run("read line"), HookEnd::Failed("ended with 1".to_owned()));
        assert_eq!(run("kill -s KILL $$"), HookEnd::Failed("was ended by a signal".to_owned()));
        assert_eq!(run_hook("sleep 100", &[], &mut || Some(Stopped::TooLong)), HookEnd::Stopped(Stopped::TooLong));
    }
}
