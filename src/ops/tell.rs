//! What a run came to, put together for the report.

use std::{collections::BTreeMap, time::Duration};

use crate::{
    catalog::Snapshot,
    diagnostic::{Diagnostic, Outcome},
    event::{
        Aside, BaseReport, Blocked, Command, Comparison, GuardReport, Look, Pending, Place, Rehearsal, Report,
        ScriptName, ScriptReport, ScriptState, StatementReport, StepEnd, StepReport, Verification,
    },
    exec::{self, Done},
    goal::{StatementGoals, StatementId},
    journal::History,
    plan::{Batches, Plan, State, Step, Transaction},
    script::ScriptId,
};

use super::{Scripts, look::Subject};

/// The notes of a run, from which its report is made.
pub(super) struct Notes {
    pub(super) command: Command,
    pub(super) place: Option<Place>,
    pub(super) base: Option<BaseReport>,
    pub(super) diagnostics: Vec<Diagnostic>,
    pub(super) verification: Option<Verification>,
    pub(super) comparison: Option<Comparison>,
    pub(super) rehearsal: Option<Rehearsal>,
    pub(super) history: Option<History>,
    /// What it is called, where that is another name than the command's.
    pub(super) guise: Option<&'static str>,
    pub(super) look: Option<Box<Look>>,
    pub(super) interrupted: Option<i32>,
    /// Steps that were sent, in order, by script.
    pub(super) sent: BTreeMap<ScriptId, Vec<StepReport>>,
    /// Attempts so far of the step that a statement is at.
    pub(super) attempts: BTreeMap<StatementId, u32>,
    /// Time of those that did not get their lock.
    pub(super) lock_waits: BTreeMap<StatementId, Duration>,
    /// For how long others may have waited for locks of this run: at once, and in all.
    pub(super) blocked: Blocked,
    pub(super) aside: Aside,
}

impl Notes {
    pub(super) fn new(command: Command) -> Self {
        Self {
            command,
            place: None,
            base: None,
            diagnostics: Vec::new(),
            verification: None,
            comparison: None,
            rehearsal: None,
            history: None,
            guise: None,
            look: None,
            interrupted: None,
            sent: BTreeMap::new(),
            attempts: BTreeMap::new(),
            lock_waits: BTreeMap::new(),
            blocked: Blocked::default(),
            aside: Aside::default(),
        }
    }

    pub(super) fn applied(&mut self, subject: &Subject<'_>, steps: &[&Step], done: &[Done]) {
        for (step, done) in steps.iter().zip(done) {
            let attempts = self.attempts.get(&step.statement).copied().unwrap_or(0) + 1;
            let mut told = step_report(subject.scripts, step, StepEnd::Applied);
            told.elapsed = Some(done.elapsed);
            told.rows = done.rows;
            told.attempts = attempts;
            self.sent.entry(step.statement.script).or_default().push(told);
        }
    }

    /// Notes a group that failed for good: the steps before the one that failed were undone with it.
    pub(super) fn failed(
        &mut self,
        subject: &Subject<'_>,
        steps: &[&Step],
        failed: usize,
        in_transaction: bool,
        elapsed: Duration,
    ) {
        for (place, step) in steps.iter().enumerate() {
            let end = match place.cmp(&failed) {
                std::cmp::Ordering::Less if in_transaction => StepEnd::Undone,
                std::cmp::Ordering::Less => StepEnd::Applied,
                std::cmp::Ordering::Equal => StepEnd::Failed,
                std::cmp::Ordering::Greater => StepEnd::NotReached,
            };
            let mut told = step_report(subject.scripts, step, end);
            if end == StepEnd::Failed {
                told.elapsed = Some(elapsed);
                told.attempts = self.attempts.get(&step.statement).copied().unwrap_or(0) + 1;
            }
            self.sent.entry(step.statement.script).or_default().push(told);
        }
    }

    pub(super) fn count_applied(&self) -> usize {
        self.sent.values().flatten().filter(|step| step.end == StepEnd::Applied).count()
    }

    pub(super) fn has_changed(&self, script: ScriptId) -> bool {
        self.sent.get(&script).is_some_and(|steps| steps.iter().any(|step| step.end == StepEnd::Applied))
    }

    /// Makes the report. `plan` is the last one made: before anything was done, or what is left.
    pub(super) fn report(
        self,
        scripts: Option<&Scripts>,
        subject: Option<&Subject<'_>>,
        plan: Option<&Plan>,
        elapsed: Duration,
    ) -> Report {
        let mut reports = Vec::new();
        if let Some(scripts) = scripts.filter(|_| subject.is_some() || self.command == Command::Check) {
            for goals in &scripts.goals {
                reports.push(self.script(scripts, goals.id, plan));
            }
            if let (Command::Plan, Some(plan), Some(subject)) = (self.command, plan, subject) {
                let found = self.look.as_ref().map(|look| &look.found);
                number_transactions(&mut reports, subject, plan, found);
            }
        }
        let outcome = match worst(&self.diagnostics) {
            // To `verify` a conflict is a difference: it was not to change anything that it could refuse.
            Some(Outcome::Refused)
                if self.command == Command::Verify && plan.is_some_and(|plan| !plan.statements.is_empty()) =>
            {
                Some(Outcome::Differs)
            }
            outcome => outcome,
        };
        Report {
            command: self.command,
            place: self.place,
            base: self.base,
            scripts: reports,
            verification: self.verification,
            comparison: self.comparison,
            rehearsal: self.rehearsal,
            history: self.history,
            guise: self.guise,
            blocked: self.blocked,
            aside: self.aside,
            look: self.look,
            diagnostics: self.diagnostics,
            elapsed,
            outcome,
            interrupted: self.interrupted,
        }
    }

    pub(super) fn script(&self, scripts: &Scripts, id: ScriptId, plan: Option<&Plan>) -> ScriptReport {
        let name = script_name(scripts, id);
        let mut steps = self.sent.get(&id).cloned().unwrap_or_default();
        // Statements are planned in the order of their scripts.
        let planned = plan.map_or(&[][..], |plan| {
            let from = plan.statements.partition_point(|statement| statement.id.script < id);
            let to = plan.statements.partition_point(|statement| statement.id.script <= id);
            &plan.statements[from..to]
        });
        let mut statements = Vec::new();
        let mut conflicting =
            plan.is_some_and(|plan| plan.findings.iter().chain(&plan.deferred).any(|finding| finding.script == id));
        let mut steps_before = 0;
        for statement in planned {
            steps_before += statement.steps.len();
            conflicting |= statement.state == State::Conflicting;
            if !matches!(statement.state, State::Satisfied | State::NotApplicable | State::Superseded | State::Missing)
                && let Some(goals) = scripts.goals[id.0].statements.get(statement.id.index)
            {
                let location = scripts.texts[id.0].location(goals.span.start).to_string();
                let pending = matches!(statement.state, State::UnknownUntil(_)).then(|| Pending {
                    guards: guards(goals),
                    sql: goals.text.clone(),
                    steps_before,
                });
                statements.push(StatementReport { location, state: statement.state.clone(), pending });
            }
        }
        let changed = steps.iter().any(|step| step.end == StepEnd::Applied);
        let failed = steps.iter().any(|step| step.end == StepEnd::Failed);
        let left = planned.iter().any(|statement| !statement.steps.is_empty());
        let state = if scripts.left_out.contains(&id) {
            ScriptState::LeftOut
        } else if failed {
            ScriptState::Failed
        } else if conflicting {
            ScriptState::Conflicting
        } else if self.command == Command::Check {
            ScriptState::AlreadyTrue
        } else if plan.is_none() && !changed {
            ScriptState::NotReached
        } else if self.command == Command::Run {
            if left && !changed {
                ScriptState::NotReached
            } else if changed {
                ScriptState::Changed
            } else {
                ScriptState::AlreadyTrue
            }
        } else if left {
            ScriptState::Changed
        } else if self.command == Command::Status && planned.iter().any(|statement| is_open(&statement.state)) {
            ScriptState::Unverified
        } else {
            ScriptState::AlreadyTrue
        };
        if steps.is_empty() && self.command != Command::Verify {
            let looked = matches!(self.command, Command::Plan | Command::Status | Command::Diff);
            let end = if looked { StepEnd::Planned } else { StepEnd::NotReached };
            let planned = planned.iter().flat_map(|statement| &statement.steps);
            steps = planned.map(|step| step_report(scripts, step, end)).collect();
        }
        let elapsed = steps.iter().filter_map(|step| step.elapsed).sum();
        let size = scripts.goals[id.0].statements.len();
        ScriptReport { name, state, size, steps, statements, elapsed }
    }
}

/// Tells each planned step which transaction it is in, and what that locks first. What comes after a barrier is put together as if
/// nothing came between.
fn number_transactions(reports: &mut [ScriptReport], subject: &Subject<'_>, plan: &Plan, found: Option<&Snapshot>) {
    let groups = exec::groups(&plan.statements, None, &|id| subject.grouping(id), subject.policy.atomic);
    let mut steps = reports.iter_mut().flat_map(|script| &mut script.steps);
    let mut number = 0;
    for mut group in groups {
        let shared = group.transaction != Transaction::None;
        number += usize::from(shared);
        if let Some(found) = found {
            group.lock_first(found);
        }
        for (place, step) in steps.by_ref().take(group.steps.len()).enumerate() {
            step.transaction = shared.then_some(number);
            if place == 0 {
                step.locks_first = group.locking();
            }
        }
    }
}

/// Returns the error that decides how a command ends: the first of those that come before the others.
pub(super) fn worst_of(diagnostics: &[Diagnostic]) -> Option<&Diagnostic> {
    let errors = diagnostics.iter().filter(|diagnostic| diagnostic.severity == crate::diagnostic::Severity::Error);
    errors.min_by_key(|diagnostic| diagnostic.code.outcome().precedence())
}

/// Returns the end that comes before the others.
pub(super) fn worst(diagnostics: &[Diagnostic]) -> Option<Outcome> {
    worst_of(diagnostics).map(|diagnostic| diagnostic.code.outcome())
}

pub(super) fn script_name(scripts: &Scripts, id: ScriptId) -> ScriptName {
    let script = &scripts.texts[id.0];
    let digits = script.name.bytes().take_while(u8::is_ascii_digit).count();
    let topic = script.name[digits..].trim_start_matches(['_', '-']).replace('_', " ");
    let title = scripts.goals.get(id.0).and_then(|goals| goals.title.clone()).unwrap_or(topic);
    let number = if script.number.is_some() { script.name[..digits].to_owned() } else { "base".to_owned() };
    ScriptName { id, number, title, path: script.path.clone() }
}

fn guards(statement: &StatementGoals) -> Vec<GuardReport> {
    let guards = statement.directives.guards.iter();
    guards.map(|guard| GuardReport { query: guard.query.text.clone(), applies_if: guard.applies_if }).collect()
}

fn is_open(state: &State) -> bool {
    matches!(state, State::Unverified(_) | State::UnknownUntil(_))
}

fn step_report(scripts: &Scripts, step: &Step, end: StepEnd) -> StepReport {
    let id = step.statement;
    let statement = scripts.goals.get(id.script.0).and_then(|goals| goals.statements.get(id.index));
    StepReport {
        location: scripts.texts[id.script.0].location(step.span.start).to_string(),
        guards: statement.map(guards).unwrap_or_default(),
        size: step.size,
        transaction: None,
        verb: step.verb,
        object: step.object.clone(),
        sql: step.sql.clone(),
        form: step.form.clone(),
        lock: step.lock.map(|mode| {
            // The table is told where the object does not name it.
            let table = step.table.as_ref().map(ToString::to_string);
            let on = table.filter(|table| !step.object.contains(table.as_str()));
            (on.map_or_else(|| mode.to_string(), |table| format!("{mode} on {table}")), mode.stops())
        }),
        hazards: step.hazards.iter().map(|hazard| hazard.name()).collect(),
        lock_timeout_ms: step.lock_timeout.as_millis(),
        statement_timeout_ms: step.statement_timeout.as_millis(),
        end,
        in_batches: step.batches.is_some(),
        as_replica: step.batches.as_ref().is_some_and(Batches::as_replica),
        locks_first: String::new(),
        elapsed: None,
        rows: None,
        attempts: 0,
    }
}
