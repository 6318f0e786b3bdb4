//! What a run does besides its changes: a backup before the first of them, and the commands that the user wants run.

#![expect(clippy::disallowed_methods, reason = "programs of others are timed here")]

use std::{
    path::Path,
    time::{Duration, Instant},
};

use chrono::Utc;

use crate::{
    config::Settings,
    db::Session,
    diagnostic::{Code, Diagnostic, Severity},
    event::{self, Command, Event, HookReport, Report, StepEnd},
    exec::Interrupt,
    pg::ConnectionTarget,
    process::{self, Backup, BackupError, End, Facts, Hook, HookEnd, Stopped},
};

use super::{
    errors,
    look::{Seen, Site},
    run::Operation,
    tell::{script_name, worst_of},
    work::time_up,
};

/// How often it is told how large a backup is by now.
const TELLING: Duration = Duration::from_secs(1);

impl Operation<'_, '_> {
    /// Notes that a run would make a backup, where it would.
    pub(super) fn foretell(&mut self, seen: &Seen) {
        let Some(place) = self.settings.backup.as_ref().filter(|_| !seen.plan.is_empty()) else { return };
        let file = if place.is_dir() {
            place.join(process::file_name(&seen.snapshot.server.database, "TIME"))
        } else {
            place.clone()
        };
        let file = file.display().to_string();
        self.notes.aside.backup = Some(event::Backup { file, bytes: None, elapsed: Duration::ZERO });
    }

    /// Does what is to be done once before the first change: runs the user's command, and makes a backup. To be called with the
    /// runner lock. Returns whether it has done anything: then everything is to be looked at anew.
    ///
    /// # Errors
    /// Why the run is to end here. Nothing was changed.
    pub(super) fn set_out(&mut self, site: &Site, session: &mut Session, seen: &Seen) -> Result<bool, Box<Diagnostic>> {
        if self.notes.aside.begun {
            return Ok(false);
        }
        // No transaction stays open meanwhile; a connection that is lost is found by the look that follows.
        let settings = self.settings;
        if settings.backup.is_some() || settings.hooks.before_run.is_some() {
            drop(session.end_look());
        }
        // What can be known to fail is told before anybody's queue is drained.
        let backup = match &settings.backup {
            Some(place) => Some(prepare(settings, place, site, seen).map_err(|error| of_backup(&error))?),
            None => None,
        };
        self.notes.aside.begun = true;
        if let Some(command) = &settings.hooks.before_run {
            self.before(command, seen)?;
        }
        let made = backup.is_some();
        if let Some(backup) = backup {
            self.back_up(backup, site.connections.target())?;
        }
        Ok(made || settings.hooks.before_run.is_some())
    }

    /// Runs the command of `--before-run`.
    fn before(&mut self, command: &str, seen: &Seen) -> Result<(), Box<Diagnostic>> {
        let mut scripts: Vec<String> = Vec::new();
        for statement in seen.plan.statements.iter().filter(|statement| !statement.steps.is_empty()) {
            let number = script_name(self.subject.scripts, statement.id.script).number;
            if !scripts.contains(&number) {
                scripts.push(number);
            }
        }
        let place = self.notes.place.clone().unwrap_or_default();
        let facts = Facts {
            command: self.notes.guise.unwrap_or_else(|| self.notes.command.name()).to_owned(),
            database: Some(place.database),
            server: Some(place.server),
            role: Some(place.role),
            schema: place.schema,
            changes: seen.plan.steps().count(),
            scripts,
            ..Facts::default()
        };
        let hook = Hook::BeforeRun;
        (self.emit)(Event::HookBegins { hook: hook.name() });
        let (started, timeout) = (Instant::now(), self.settings.hooks.timeout);
        let (interrupt, due) = (self.interrupt, &self.stop);
        let end = process::run_hook(command, &facts.variables(hook), &mut || {
            interrupted(interrupt.heard() > 0, due.is_due()).or_else(|| too_long(started, timeout))
        });
        let elapsed = started.elapsed();
        let failure = failure(&end, timeout);
        self.notes.aside.hooks.push(HookReport { hook: hook.name(), failure: failure.clone(), elapsed });
        match (end, failure) {
            (HookEnd::Stopped(Stopped::Signal), _) => Err(stopped("the command of `--before-run`")),
            (HookEnd::Stopped(Stopped::Due), _) => Err(due_within("the command of `--before-run` was at work")),
            (_, Some(failure)) => {
                let mut diagnostic =
                    Diagnostic::error(Code::HookFailed, format!("the command of `--before-run` {failure}"))
                        .why("its failure stops a run before the first change")
                        .help("correct what it says, or run without it");
                diagnostic.done = Some("nothing was changed".to_owned());
                Err(Box::new(diagnostic))
            }
            (_, None) => Ok(()),
        }
    }

    fn back_up(&mut self, backup: Backup, target: &ConnectionTarget) -> Result<(), Box<Diagnostic>> {
        let file = backup.file().display().to_string();
        let started = Instant::now();
        let (interrupt, due, emit) = (self.interrupt, &self.stop, &mut self.emit);
        let mut told: Option<Duration> = None;
        let made = backup.make(target, &mut |bytes| {
            let elapsed = started.elapsed();
            if told.is_none_or(|told| elapsed > told + TELLING) {
                told = Some(elapsed);
                emit(Event::BackingUp { file: &file, bytes, elapsed });
            }
            interrupted(interrupt.heard() > 0, due.is_due())
        });
        let made = made.map_err(|error| of_backup(&error))?;
        self.notes.aside.backup = Some(event::Backup { file, bytes: Some(made.bytes), elapsed: started.elapsed() });
        Ok(())
    }
}

/// Runs the commands of `--after-run` and `--on-failure`, where their time has come, and adds to a report what came of them. What
/// they come to changes nothing of the outcome.
pub(super) fn conclude(
    settings: &Settings,
    interrupt: &Interrupt,
    mut report: Report,
    emit: &mut dyn FnMut(Event<'_>),
) -> Report {
    debug_assert_eq!(report.command, Command::Run);
    let after = settings.hooks.after_run.as_deref().filter(|_| report.aside.begun);
    let failed = settings.hooks.on_failure.as_deref().filter(|_| report.exit_code() != 0);
    let hooks = [(Hook::AfterRun, after), (Hook::OnFailure, failed)];
    if hooks.iter().all(|(_, command)| command.is_none()) {
        return report;
    }
    emit(Event::Concluded(&report));
    let facts = facts_after(settings, &report);
    for (hook, command) in hooks {
        let Some(command) = command else { continue };
        emit(Event::HookBegins { hook: hook.name() });
        let (started, timeout) = (Instant::now(), settings.hooks.timeout);
        // A run that was interrupted is told of all the same; the next signal ends the telling.
        let heard = interrupt.heard();
        let end = process::run_hook(command, &facts.variables(hook), &mut || {
            interrupted(interrupt.heard() > heard, false).or_else(|| too_long(started, timeout))
        });
        let failure = failure(&end, timeout);
        if let Some(failure) = &failure {
            let what = format!("the command of `--{}` {failure}", hook.name());
            let mut diagnostic = Diagnostic::note(Code::HookFailed, what)
                .why("that changes nothing of what the run came to, nor its exit code");
            diagnostic.severity = Severity::Warning;
            report.diagnostics.push(diagnostic);
        }
        report.aside.hooks.push(HookReport { hook: hook.name(), failure, elapsed: started.elapsed() });
    }
    report
}

/// Returns what a command is told after a run.
fn facts_after(settings: &Settings, report: &Report) -> Facts {
    let place = report.place.clone();
    let applied = |script: &&event::ScriptReport| script.steps.iter().any(|step| step.end == StepEnd::Applied);
    let worst = worst_of(&report.diagnostics);
    let outcome = match (report.interrupted, worst) {
        (Some(_), _) => "interrupted",
        (None, Some(worst)) => worst.code.name(),
        (None, None) => "done",
    };
    Facts {
        command: report.command_name().to_owned(),
        database: place.as_ref().map(|place| place.database.clone()),
        server: place.as_ref().map(|place| place.server.clone()),
        role: place.as_ref().map(|place| place.role.clone()),
        schema: place.and_then(|place| place.schema),
        changes: report.scripts.iter().flat_map(|script| &script.steps).filter(|s| s.end == StepEnd::Applied).count(),
        scripts: report.scripts.iter().filter(applied).map(|script| script.name.number.clone()).collect(),
        backup: report.aside.backup.as_ref().map(|backup| backup.file.clone()),
        run: report.aside.run,
        end: Some(End {
            outcome: outcome.to_owned(),
            exit_code: report.exit_code(),
            error: worst.map(|worst| worst.what.clone()),
            elapsed_ms: report.elapsed.as_millis(),
        }),
        reports: settings
            .reports
            .iter()
            .map(|written| (written.format.name(), written.file.display().to_string()))
            .collect(),
    }
}

const fn interrupted(heard: bool, due: bool) -> Option<Stopped> {
    match (heard, due) {
        (true, _) => Some(Stopped::Signal),
        (_, true) => Some(Stopped::Due),
        _ => None,
    }
}

fn too_long(started: Instant, timeout: Duration) -> Option<Stopped> {
    (!timeout.is_zero() && started.elapsed() >= timeout).then_some(Stopped::TooLong)
}

/// Returns in words why a command failed.
fn failure(end: &HookEnd, timeout: Duration) -> Option<String> {
    match end {
        HookEnd::Done => None,
        HookEnd::Failed(how) => Some(how.clone()),
        HookEnd::Stopped(Stopped::TooLong) => {
            Some(format!("took longer than {} s (`--hook-timeout`) and was ended", timeout.as_secs_f64()))
        }
        HookEnd::Stopped(Stopped::Signal | Stopped::Due) => Some("was ended".to_owned()),
    }
}

/// Finds the programs and makes sure of the file.
fn prepare(settings: &Settings, place: &Path, site: &Site, seen: &Seen) -> Result<Backup, BackupError> {
    let server = &seen.snapshot.server;
    if site.connections.is_single() {
        let why = "the embedded PostgreSQL takes one connection, and that is taken; copy its directory instead";
        return Err(BackupError::Failed { program: "pg_dump".into(), says: vec![why.to_owned()] });
    }
    #[cfg(unix)]
    let directories = crate::engine::cluster::directories();
    #[cfg(not(unix))]
    let directories = std::iter::empty();
    let tools = process::find_tools(settings.pg_dump.as_deref(), directories, server.version.major())?;
    let name = process::file_name(&server.database, &Utc::now().format("%Y%m%dT%H%M%SZ").to_string());
    Backup::prepare(tools, site.connections.target(), place, &name)
}

fn of_backup(error: &BackupError) -> Box<Diagnostic> {
    match error {
        BackupError::Stopped(Stopped::Due) => return due_within("a backup was made"),
        BackupError::Stopped(_) => return stopped("the backup"),
        _ => {}
    }
    let mut diagnostic = errors::of_backup(error);
    diagnostic.done = Some("nothing was changed".to_owned());
    Box::new(diagnostic)
}

fn stopped(what: &str) -> Box<Diagnostic> {
    Box::new(Diagnostic::note(Code::BackupFailed, format!("interrupted: {what} was ended, nothing was changed")))
}

fn due_within(what: &str) -> Box<Diagnostic> {
    let mut diagnostic = time_up().why(format!("it came while {what}; that was ended"));
    diagnostic.done = Some("nothing was changed".to_owned());
    Box::new(diagnostic)
}
