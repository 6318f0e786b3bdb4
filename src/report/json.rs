//! A report for programs. `docs/report.schema.json` describes the form, and a test holds both together.

use std::{fmt::Write as _, time::Duration};

use serde::Serialize;

use crate::{
    diagnostic::{Diagnostic, Excerpt, Outcome, Severity, Subject},
    diff::{Difference, DifferenceState, Effect},
    event::{
        BaseReport, Command, Comparison, Place, Rehearsal, Report, ScriptReport, ScriptState, StatementReport, StepEnd,
        StepReport, Trial, TrialEnd, Verification,
    },
    journal::{Backfill, Change, Drift, History, KeptValues, Run},
    plan::{Checked, CheckedKind, Form, State, Verb},
};

use super::{
    harmless::acts,
    rehearsal,
    text::{Totals, next},
    verification::{self, kind_name},
};

/// The version of the form. A reader may rely on everything of a version staying; what is added does not change it.
pub const FORMAT: u32 = 1;

/// Writes a report as one JSON object, ending with a line break.
///
/// Times are in milliseconds. What could act on a terminal is escaped, so that the text is also safe to look at.
#[must_use]
pub fn render_json(report: &Report) -> String {
    // Strings, numbers, lists and structs cannot fail to be written; keys are all strings.
    let json = serde_json::to_string_pretty(&ReportJson::of(report)).unwrap_or_default();
    let mut safe = String::with_capacity(json.len() + 1);
    for char in json.chars() {
        // Such characters occur in strings only, where an escape means the same; line breaks are the layout's.
        if acts(char) && char != '\n' {
            let mut units = [0; 2];
            for unit in char.encode_utf16(&mut units) {
                let written = write!(safe, "\\u{unit:04x}");
                debug_assert!(written.is_ok(), "writing to a string cannot fail");
            }
        } else {
            safe.push(char);
        }
    }
    safe.push('\n');
    safe
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[derive(Serialize)]
struct ReportJson<'a> {
    format: u32,
    version: &'static str,
    command: &'static str,
    outcome: &'static str,
    exit_code: u8,
    interrupted: Option<i32>,
    elapsed_ms: u64,
    blocked: BlockedJson,
    totals: TotalsJson,
    next: Option<String>,
    place: Option<PlaceJson<'a>>,
    run: Option<i64>,
    backup: Option<BackupJson<'a>>,
    hooks: Vec<HookJson<'a>>,
    base: Option<BaseJson<'a>>,
    scripts: Vec<ScriptJson<'a>>,
    verification: Option<VerificationJson<'a>>,
    comparison: Option<ComparisonJson<'a>>,
    rehearsal: Option<RehearsalJson<'a>>,
    history: Option<HistoryJson<'a>>,
    diagnostics: Vec<DiagnosticJson<'a>>,
}

#[derive(Serialize)]
struct TotalsJson {
    changed: usize,
    already_true: usize,
    conflicting: usize,
    unverified: usize,
    failed: usize,
    not_reached: usize,
    left_out: usize,
    steps: usize,
}

#[derive(Serialize)]
struct PlaceJson<'a> {
    database: &'a str,
    server: &'a str,
    version: &'a str,
    role: &'a str,
    schema: Option<&'a str>,
    embedded: bool,
}

#[derive(Serialize)]
struct BlockedJson {
    longest_ms: u64,
    total_ms: u64,
}

#[derive(Serialize)]
struct BackupJson<'a> {
    file: &'a str,
    bytes: Option<u64>,
    elapsed_ms: u64,
}

#[derive(Serialize)]
struct HookJson<'a> {
    name: &'static str,
    failure: Option<&'a str>,
    elapsed_ms: u64,
}

#[derive(Serialize)]
struct BaseJson<'a> {
    total: usize,
    unknown: usize,
    recorded: &'a [String],
    unrecorded: Option<&'a str>,
}

#[derive(Serialize)]
struct ScriptJson<'a> {
    number: &'a str,
    title: &'a str,
    path: &'a str,
    state: &'static str,
    statement_count: usize,
    elapsed_ms: u64,
    steps: Vec<StepJson<'a>>,
    statements: Vec<StatementJson<'a>>,
}

#[derive(Serialize)]
struct StepJson<'a> {
    location: &'a str,
    guards: Vec<GuardJson<'a>>,
    verb: &'static str,
    object: &'a str,
    sql: &'a str,
    form: FormJson<'a>,
    size: Option<SizeJson>,
    transaction: Option<usize>,
    lock: Option<LockJson<'a>>,
    hazards: &'a [&'static str],
    lock_timeout_ms: u64,
    statement_timeout_ms: u64,
    end: &'static str,
    elapsed_ms: Option<u64>,
    rows: Option<u64>,
    attempts: u32,
}

#[derive(Serialize)]
struct GuardJson<'a> {
    query: &'a str,
    applies_if: bool,
}

#[derive(Serialize)]
struct SizeJson {
    pages: u64,
    rows: Option<u64>,
    large_from_pages: u64,
    large_from_rows: u64,
}

#[derive(Serialize)]
struct FormJson<'a> {
    name: &'static str,
    why: Option<&'a str>,
}

#[derive(Serialize)]
struct LockJson<'a> {
    mode: &'a str,
    stops: &'static str,
}

#[derive(Serialize)]
struct StatementJson<'a> {
    location: &'a str,
    state: &'static str,
    why: Option<&'a str>,
    until: Option<UntilJson<'a>>,
}

#[derive(Serialize)]
struct UntilJson<'a> {
    script: &'a str,
    statement: usize,
}

#[derive(Serialize)]
struct VerificationJson<'a> {
    complete: bool,
    counts: Vec<CountJson>,
    unverified: &'a [String],
    queries: Vec<QueryJson<'a>>,
    checked: Vec<CheckedJson<'a>>,
}

#[derive(Serialize)]
struct HistoryJson<'a> {
    runs: Vec<RunJson<'a>>,
    changes: Vec<ChangeJson<'a>>,
    backfills: Vec<BackfillJson<'a>>,
    kept: Vec<KeptJson<'a>>,
    drift: Vec<DriftJson<'a>>,
}

#[derive(Serialize)]
struct KeptJson<'a> {
    of: &'a str,
    place: &'a str,
    bytes: u64,
    until: &'a str,
}

#[derive(Serialize)]
struct DriftJson<'a> {
    object: &'a str,
    run: i64,
    begun: &'a str,
    was: Option<&'a str>,
    is: Option<&'a str>,
    changed: Option<&'a str>,
}

#[derive(Serialize)]
struct RunJson<'a> {
    id: i64,
    command: &'a str,
    begun: &'a str,
    elapsed_ms: Option<u64>,
    state: &'a str,
    exit_code: Option<i32>,
    role: &'a str,
    os_user: Option<&'a str>,
    host: Option<&'a str>,
    tool_version: &'a str,
    revision: Option<&'a str>,
    scripts_digest: Option<&'a str>,
    backup: Option<&'a str>,
    blocked_ms: u64,
    error: Option<&'a str>,
    changes: u64,
    scripts: &'a [String],
}

#[derive(Serialize)]
struct ChangeJson<'a> {
    number: i32,
    state: &'static str,
    at: &'a str,
    script: &'a str,
    script_digest: &'a str,
    location: &'a str,
    verb: &'a str,
    object: &'a str,
    sql: &'a str,
    inverse: Option<InverseJson<'a>>,
    elapsed_ms: Option<f64>,
    rows: Option<u64>,
    attempts: u32,
    lock_wait_ms: f64,
    blocked_ms: Option<f64>,
    sqlstate: Option<&'a str>,
    error: Option<&'a str>,
    undone_by: Option<i64>,
}

#[derive(Serialize)]
struct InverseJson<'a> {
    kind: &'a str,
    sql: &'a str,
    notes: Option<&'a str>,
}

#[derive(Serialize)]
struct BackfillJson<'a> {
    id: i64,
    run: i64,
    location: &'a str,
    object: &'a str,
    state: &'a str,
    pass: i32,
    done_pages: u64,
    pages: u64,
    rows: u64,
    begun: &'a str,
    updated: &'a str,
}

impl<'a> HistoryJson<'a> {
    fn of(history: &'a History) -> Self {
        let run = |run: &'a Run| RunJson {
            id: run.id,
            command: &run.command,
            begun: &run.begun,
            elapsed_ms: run.elapsed_ms,
            state: run.state.word(),
            exit_code: run.exit_code,
            role: &run.role,
            os_user: run.os_user.as_deref(),
            host: run.host.as_deref(),
            tool_version: &run.tool_version,
            revision: run.revision.as_deref(),
            scripts_digest: run.scripts_digest.as_deref(),
            backup: run.backup.as_deref(),
            blocked_ms: run.blocked_ms,
            error: run.error.as_deref(),
            changes: run.changes,
            scripts: &run.scripts,
        };
        let change = |change: &'a Change| ChangeJson {
            number: change.number,
            state: change.state.word(),
            at: &change.at,
            script: &change.entry.script,
            script_digest: &change.entry.script_digest,
            location: &change.entry.location,
            verb: &change.entry.verb,
            object: &change.entry.object,
            sql: &change.entry.sql,
            inverse: change.entry.inverse.as_ref().map(|inverse| InverseJson {
                kind: &inverse.kind,
                sql: &inverse.sql,
                notes: inverse.notes.as_deref(),
            }),
            elapsed_ms: change.ended.map(|ended| ended.elapsed_ms),
            rows: change.ended.and_then(|ended| ended.rows),
            attempts: change.entry.attempts,
            lock_wait_ms: change.entry.lock_wait_ms,
            blocked_ms: change.ended.map(|ended| ended.blocked_ms),
            sqlstate: change.sqlstate.as_deref(),
            error: change.error.as_deref(),
            undone_by: change.undone_by,
        };
        let backfill = |backfill: &'a Backfill| BackfillJson {
            id: backfill.id,
            run: backfill.run,
            location: &backfill.location,
            object: &backfill.object,
            state: &backfill.state,
            pass: backfill.pass,
            done_pages: backfill.done_pages,
            pages: backfill.pages,
            rows: backfill.rows,
            begun: &backfill.begun,
            updated: &backfill.updated,
        };
        let kept =
            |kept: &'a KeptValues| KeptJson { of: &kept.of, place: &kept.place, bytes: kept.bytes, until: &kept.until };
        let drift = |drift: &'a Drift| DriftJson {
            object: &drift.object,
            run: drift.run,
            begun: &drift.begun,
            was: drift.was.as_deref(),
            is: drift.is.as_deref(),
            changed: drift.changed.as_deref(),
        };
        Self {
            runs: history.runs.iter().map(run).collect(),
            changes: history.changes.iter().map(change).collect(),
            backfills: history.backfills.iter().map(backfill).collect(),
            kept: history.kept.iter().map(kept).collect(),
            drift: history.drift.iter().map(drift).collect(),
        }
    }
}

#[derive(Serialize)]
struct ComparisonJson<'a> {
    against: Option<PlaceJson<'a>>,
    differences: Vec<DifferenceJson<'a>>,
}

#[derive(Serialize)]
struct DifferenceJson<'a> {
    object: &'a str,
    schema: Option<&'a str>,
    relation: Option<&'a str>,
    state: &'static str,
    here: Option<&'a str>,
    there: Option<&'a str>,
    statements: &'a [String],
    why: &'a [String],
    location: Option<&'a str>,
}

#[derive(Serialize)]
struct RehearsalJson<'a> {
    place: Option<PlaceJson<'a>>,
    unlike: &'a [String],
    trials: Vec<TrialJson<'a>>,
}

#[derive(Serialize)]
struct TrialJson<'a> {
    location: &'a str,
    object: &'a str,
    sql: &'a str,
    end: &'static str,
    error: Option<&'a str>,
    effects: Vec<EffectJson<'a>>,
    moved: Vec<MovedJson<'a>>,
    rows: Option<u64>,
    elapsed_ms: u64,
}

#[derive(Serialize)]
struct EffectJson<'a> {
    object: &'a str,
    schema: Option<&'a str>,
    relation: Option<&'a str>,
    change: &'static str,
    before: Option<&'a str>,
    after: Option<&'a str>,
}

#[derive(Serialize)]
struct MovedJson<'a> {
    schema: &'a str,
    table: &'a str,
    before: u64,
    after: u64,
}

#[derive(Serialize)]
struct CountJson {
    kind: &'static str,
    number: usize,
}

#[derive(Serialize)]
struct QueryJson<'a> {
    message: &'a str,
    rows: u64,
}

#[derive(Serialize)]
struct CheckedJson<'a> {
    kind: &'static str,
    schema: Option<&'a str>,
    table: Option<&'a str>,
    name: &'a str,
    details: &'a str,
}

#[derive(Serialize)]
struct DiagnosticJson<'a> {
    severity: &'static str,
    code: &'static str,
    what: &'a str,
    object: Option<SubjectJson<'a>>,
    at: Option<ExcerptJson<'a>>,
    why: &'a [String],
    done: Option<&'a str>,
    help: Option<&'a str>,
}

#[derive(Serialize)]
struct SubjectJson<'a> {
    kind: &'static str,
    schema: Option<&'a str>,
    relation: Option<&'a str>,
    name: &'a str,
}

#[derive(Serialize)]
struct ExcerptJson<'a> {
    file: &'a str,
    line: usize,
    column: usize,
    lines: Vec<&'a str>,
    marked: &'a str,
    label: &'a str,
}

impl<'a> ReportJson<'a> {
    fn of(report: &'a Report) -> Self {
        let totals = Totals::of(report);
        Self {
            format: FORMAT,
            version: env!("CARGO_PKG_VERSION"),
            command: report.command_name(),
            outcome: if report.interrupted.is_some() { "interrupted" } else { outcome_name(report.outcome) },
            exit_code: report.exit_code(),
            interrupted: report.interrupted,
            elapsed_ms: millis(report.elapsed),
            blocked: BlockedJson { longest_ms: millis(report.blocked.longest), total_ms: millis(report.blocked.total) },
            totals: TotalsJson {
                changed: totals.changed,
                already_true: totals.already_true,
                conflicting: totals.conflicting,
                unverified: totals.unverified,
                failed: totals.failed,
                not_reached: totals.not_reached,
                left_out: totals.left_out,
                steps: totals.steps,
            },
            next: next(report),
            place: report.place.as_ref().map(PlaceJson::of),
            run: report.aside.run,
            backup: report.aside.backup.as_ref().map(|backup| BackupJson {
                file: &backup.file,
                bytes: backup.bytes,
                elapsed_ms: millis(backup.elapsed),
            }),
            hooks: report
                .aside
                .hooks
                .iter()
                .map(|hook| HookJson {
                    name: hook.hook,
                    failure: hook.failure.as_deref(),
                    elapsed_ms: millis(hook.elapsed),
                })
                .collect(),
            base: report.base.as_ref().map(BaseJson::of),
            scripts: report.scripts.iter().map(|script| ScriptJson::of(script, report)).collect(),
            verification: report.verification.as_ref().map(VerificationJson::of),
            comparison: report.comparison.as_ref().map(ComparisonJson::of),
            rehearsal: report.rehearsal.as_ref().map(RehearsalJson::of),
            history: report.history.as_ref().map(HistoryJson::of),
            diagnostics: report.diagnostics.iter().map(DiagnosticJson::of).collect(),
        }
    }
}

impl<'a> PlaceJson<'a> {
    fn of(place: &'a Place) -> Self {
        Self {
            database: &place.database,
            server: &place.server,
            version: &place.version,
            role: &place.role,
            schema: place.schema.as_deref(),
            embedded: place.embedded,
        }
    }
}

impl<'a> BaseJson<'a> {
    fn of(base: &'a BaseReport) -> Self {
        Self {
            total: base.total,
            unknown: base.open.len(),
            recorded: &base.recorded,
            unrecorded: base.unrecorded.as_deref(),
        }
    }
}

impl<'a> ScriptJson<'a> {
    fn of(script: &'a ScriptReport, report: &'a Report) -> Self {
        Self {
            number: &script.name.number,
            title: &script.name.title,
            path: &script.name.path,
            state: state_name(script.state, report.command),
            statement_count: script.size,
            elapsed_ms: millis(script.elapsed),
            steps: script.steps.iter().map(StepJson::of).collect(),
            statements: script.statements.iter().map(|statement| StatementJson::of(statement, report)).collect(),
        }
    }
}

impl<'a> StepJson<'a> {
    fn of(step: &'a StepReport) -> Self {
        let (name, why) = match &step.form {
            Form::CatalogOnly => ("catalog-only", None),
            Form::Plain(why) => ("plain", Some(why.as_str())),
            Form::Rewrite(why) => ("rewrite", Some(why.as_str())),
            Form::Online(why) => ("online", Some(why.as_str())),
            Form::AsWritten => ("as-written", None),
        };
        Self {
            location: &step.location,
            guards: step
                .guards
                .iter()
                .map(|guard| GuardJson { query: &guard.query, applies_if: guard.applies_if })
                .collect(),
            verb: match step.verb {
                Verb::Add => "add",
                Verb::Alter => "alter",
                Verb::Drop => "drop",
                Verb::Fill => "fill",
                Verb::Run => "run",
            },
            object: &step.object,
            sql: &step.sql,
            form: FormJson { name, why },
            size: step.size.map(|size| SizeJson {
                pages: size.pages,
                rows: size.rows.map(|rows| rows.0),
                large_from_pages: size.limits.online_pages,
                large_from_rows: size.limits.online_rows,
            }),
            transaction: step.transaction,
            lock: step.lock.as_ref().map(|(mode, stops)| LockJson { mode, stops }),
            hazards: &step.hazards,
            lock_timeout_ms: step.lock_timeout_ms,
            statement_timeout_ms: step.statement_timeout_ms,
            end: match step.end {
                StepEnd::Planned => "planned",
                StepEnd::Applied => "applied",
                StepEnd::Undone => "undone",
                StepEnd::Failed => "failed",
                StepEnd::NotReached => "not-reached",
            },
            elapsed_ms: step.elapsed.map(millis),
            rows: step.rows.map(|rows| rows.0),
            attempts: step.attempts,
        }
    }
}

impl<'a> StatementJson<'a> {
    fn of(statement: &'a StatementReport, report: &'a Report) -> Self {
        let (state, why, until) = match &statement.state {
            State::Satisfied => ("satisfied", None, None),
            State::Missing => ("missing", None, None),
            State::Conflicting => ("conflicting", None, None),
            State::Unverified(why) => ("unverified", Some(why.as_str()), None),
            State::NotApplicable => ("not-applicable", None, None),
            State::Superseded => ("superseded", None, None),
            State::UnknownUntil(id) => {
                let script = report.scripts.iter().find(|script| script.name.id == id.script);
                let script = script.map_or("", |script| script.name.number.as_str());
                ("unknown", None, Some(UntilJson { script, statement: id.index + 1 }))
            }
        };
        Self { location: &statement.location, state, why, until }
    }
}

impl<'a> VerificationJson<'a> {
    fn of(verification: &'a Verification) -> Self {
        let counts = verification::counts(verification);
        Self {
            complete: verification.complete,
            counts: counts.into_iter().map(|(kind, number)| CountJson { kind: kind_name(kind), number }).collect(),
            unverified: &verification.unverified,
            queries: verification.queries.iter().map(|(message, rows)| QueryJson { message, rows: *rows }).collect(),
            checked: verification.checked.iter().map(CheckedJson::of).collect(),
        }
    }
}

impl<'a> ComparisonJson<'a> {
    fn of(comparison: &'a Comparison) -> Self {
        Self {
            against: comparison.against.as_ref().map(PlaceJson::of),
            differences: comparison.differences.iter().map(DifferenceJson::of).collect(),
        }
    }
}

impl<'a> DifferenceJson<'a> {
    fn of(difference: &'a Difference) -> Self {
        let relation = difference.relation.as_ref();
        Self {
            object: &difference.object,
            schema: relation.map(|relation| relation.schema.as_str()),
            relation: relation.map(|relation| relation.name.as_str()),
            state: match difference.state {
                DifferenceState::Missing => "missing",
                DifferenceState::Differs => "differs",
                DifferenceState::Leftover => "left-over",
                DifferenceState::Pending => "pending",
                DifferenceState::Conflicts => "conflicting",
                DifferenceState::Unmanaged => "unmanaged",
                DifferenceState::OnlyHere => "only-here",
                DifferenceState::OnlyThere => "only-there",
            },
            here: difference.here.as_deref(),
            there: difference.there.as_deref(),
            statements: &difference.statements,
            why: &difference.why,
            location: difference.location.as_deref(),
        }
    }
}

impl<'a> RehearsalJson<'a> {
    fn of(rehearsal: &'a Rehearsal) -> Self {
        Self {
            place: rehearsal.place.as_ref().map(PlaceJson::of),
            unlike: &rehearsal.unlike,
            trials: rehearsal.trials.iter().map(TrialJson::of).collect(),
        }
    }
}

impl<'a> TrialJson<'a> {
    fn of(trial: &'a Trial) -> Self {
        let moved = trial.moved.iter().map(|moved| MovedJson {
            schema: moved.table.schema.as_str(),
            table: moved.table.name.as_str(),
            before: moved.before,
            after: moved.after,
        });
        Self {
            location: &trial.location,
            object: &trial.object,
            sql: &trial.sql,
            end: rehearsal::end_name(&trial.end),
            error: match &trial.end {
                TrialEnd::Failed(error) => Some(error),
                TrialEnd::Done | TrialEnd::AsksOn => None,
            },
            effects: trial.effects.iter().map(EffectJson::of).collect(),
            moved: moved.collect(),
            rows: trial.rows.map(|rows| rows.0),
            elapsed_ms: millis(trial.elapsed),
        }
    }
}

impl<'a> EffectJson<'a> {
    fn of(effect: &'a Effect) -> Self {
        let relation = effect.relation.as_ref();
        Self {
            object: &effect.object,
            schema: relation.map(|relation| relation.schema.as_str()),
            relation: relation.map(|relation| relation.name.as_str()),
            change: effect.change.word(),
            before: effect.before.as_deref(),
            after: effect.after.as_deref(),
        }
    }
}

impl<'a> CheckedJson<'a> {
    fn of(checked: &'a Checked) -> Self {
        let table = checked.table.as_ref();
        // Of a table the plan looks at the schema, which has a property of its own here.
        let (schema, details) = match (table, checked.kind) {
            (None, CheckedKind::Table) => (Some(checked.details.as_str()), ""),
            _ => (table.map(|table| table.schema.as_str()), checked.details.as_str()),
        };
        Self {
            kind: kind_name(checked.kind),
            schema,
            table: table.map(|table| table.name.as_str()),
            name: checked.name.as_str(),
            details,
        }
    }
}

impl<'a> DiagnosticJson<'a> {
    fn of(diagnostic: &'a Diagnostic) -> Self {
        Self {
            severity: match diagnostic.severity {
                Severity::Note => "note",
                Severity::Warning => "warning",
                Severity::Error => "error",
            },
            code: diagnostic.code.name(),
            what: &diagnostic.what,
            object: diagnostic.subject.as_ref().map(SubjectJson::of),
            at: diagnostic.at.as_ref().map(ExcerptJson::of),
            why: &diagnostic.why,
            done: diagnostic.done.as_deref(),
            help: diagnostic.help.as_deref(),
        }
    }
}

impl<'a> SubjectJson<'a> {
    fn of(subject: &'a Subject) -> Self {
        let relation = subject.relation.as_ref();
        Self {
            kind: subject.kind,
            schema: relation.map(|relation| relation.schema.as_str()),
            relation: relation.map(|relation| relation.name.as_str()),
            name: &subject.name,
        }
    }
}

impl<'a> ExcerptJson<'a> {
    fn of(excerpt: &'a Excerpt) -> Self {
        Self {
            file: &excerpt.location.path,
            line: excerpt.location.line,
            column: excerpt.location.column,
            lines: excerpt.lines.lines().collect(),
            marked: excerpt.lines.get(excerpt.marked.range()).unwrap_or_default(),
            label: &excerpt.label,
        }
    }
}

const fn outcome_name(outcome: Option<Outcome>) -> &'static str {
    match outcome {
        None => "success",
        Some(Outcome::Failed) => "failed",
        Some(Outcome::Differs) => "differs",
        Some(Outcome::Refused) => "refused",
        Some(Outcome::NoLock) => "no-lock",
        Some(Outcome::Unreachable) => "unreachable",
        Some(Outcome::Denied) => "denied",
        Some(Outcome::Unfinished) => "unfinished",
        Some(Outcome::Unfit) => "unfit",
        Some(Outcome::Usage) => "usage",
        Some(Outcome::BadScript) => "bad-script",
        Some(Outcome::NoFile) => "no-file",
        Some(Outcome::Configuration) => "configuration",
    }
}

const fn state_name(state: ScriptState, command: Command) -> &'static str {
    match (state, command) {
        (ScriptState::AlreadyTrue, Command::Check) => "readable",
        (ScriptState::AlreadyTrue, _) => "already-true",
        (ScriptState::Changed, Command::Run) => "changed",
        (ScriptState::Changed, Command::Plan | Command::Status | Command::Diff) => "would-change",
        (ScriptState::Unverified, _) => "unverified",
        (ScriptState::Changed, _) => "not-as-declared",
        (ScriptState::Conflicting, _) => "conflicting",
        (ScriptState::Failed, _) => "failed",
        (ScriptState::NotReached, _) => "not-reached",
        (ScriptState::LeftOut, _) => "left-out",
    }
}
