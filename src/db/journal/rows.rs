//! The rows of the journal's queries, and what they are in memory.

use diesel::{
    QueryableByName,
    sql_types::{BigInt, Bool, Double, Integer, Nullable, Text},
};

use crate::journal::{Backfill, Change, ChangeState, Ended, Entry, Inverse, Run, RunState};

#[derive(QueryableByName)]
pub(super) struct RunRow {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = Text)]
    command: String,
    #[diesel(sql_type = Text)]
    begun: String,
    #[diesel(sql_type = Nullable<BigInt>)]
    elapsed_ms: Option<i64>,
    #[diesel(sql_type = Nullable<Text>)]
    outcome: Option<String>,
    #[diesel(sql_type = Nullable<Integer>)]
    exit_code: Option<i32>,
    #[diesel(sql_type = Text)]
    role: String,
    #[diesel(sql_type = Nullable<Text>)]
    os_user: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    host: Option<String>,
    #[diesel(sql_type = Text)]
    tool_version: String,
    #[diesel(sql_type = Nullable<Text>)]
    revision: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    scripts_digest: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    backup: Option<String>,
    #[diesel(sql_type = BigInt)]
    blocked_ms: i64,
    #[diesel(sql_type = Nullable<Text>)]
    error: Option<String>,
    #[diesel(sql_type = BigInt)]
    changes: i64,
    #[diesel(sql_type = diesel::sql_types::Array<Text>)]
    scripts: Vec<String>,
    #[diesel(sql_type = Bool)]
    at_work: bool,
}

impl From<RunRow> for Run {
    fn from(row: RunRow) -> Self {
        let state = RunState::of(row.outcome.as_deref(), row.at_work);
        Self {
            id: row.id,
            command: row.command,
            begun: row.begun,
            elapsed_ms: row.elapsed_ms.and_then(|elapsed| u64::try_from(elapsed).ok()),
            state,
            exit_code: row.exit_code,
            role: row.role,
            os_user: row.os_user,
            host: row.host,
            tool_version: row.tool_version,
            revision: row.revision,
            scripts_digest: row.scripts_digest,
            backup: row.backup,
            blocked_ms: u64::try_from(row.blocked_ms).unwrap_or(0),
            error: row.error,
            changes: u64::try_from(row.changes).unwrap_or(0),
            scripts: row.scripts,
        }
    }
}

#[derive(QueryableByName)]
pub(super) struct ChangeRow {
    #[diesel(sql_type = BigInt)]
    run_id: i64,
    #[diesel(sql_type = Integer)]
    number: i32,
    #[diesel(sql_type = Text)]
    state: String,
    #[diesel(sql_type = Text)]
    at: String,
    #[diesel(sql_type = Text)]
    script: String,
    #[diesel(sql_type = Text)]
    script_digest: String,
    #[diesel(sql_type = Text)]
    location: String,
    #[diesel(sql_type = Text)]
    verb: String,
    #[diesel(sql_type = Text)]
    object: String,
    #[diesel(sql_type = Text)]
    sql: String,
    #[diesel(sql_type = Nullable<Text>)]
    inverse: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    inverse_kind: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    inverse_notes: Option<String>,
    #[diesel(sql_type = Nullable<Double>)]
    elapsed_ms: Option<f64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    rows: Option<i64>,
    #[diesel(sql_type = Integer)]
    attempts: i32,
    #[diesel(sql_type = Double)]
    lock_wait_ms: f64,
    #[diesel(sql_type = Double)]
    blocked_ms: f64,
    #[diesel(sql_type = Nullable<Text>)]
    sqlstate: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    error: Option<String>,
    #[diesel(sql_type = Nullable<BigInt>)]
    undone_by: Option<i64>,
}

impl From<ChangeRow> for Change {
    fn from(row: ChangeRow) -> Self {
        let (rows, blocked_ms) = (row.rows.and_then(|rows| u64::try_from(rows).ok()), row.blocked_ms);
        Self {
            run: row.run_id,
            number: row.number,
            state: ChangeState::read(&row.state),
            at: row.at,
            entry: Entry {
                script: row.script,
                script_digest: row.script_digest,
                location: row.location,
                verb: row.verb,
                object: row.object,
                sql: row.sql,
                inverse: row.inverse_kind.map(|kind| Inverse {
                    sql: row.inverse.unwrap_or_default(),
                    kind,
                    notes: row.inverse_notes,
                }),
                attempts: u32::try_from(row.attempts).unwrap_or(1),
                lock_wait_ms: row.lock_wait_ms,
            },
            ended: row.elapsed_ms.map(|elapsed_ms| Ended { elapsed_ms, rows, blocked_ms }),
            sqlstate: row.sqlstate,
            error: row.error,
            undone_by: row.undone_by,
        }
    }
}

#[derive(QueryableByName)]
pub(super) struct BackfillRow {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = BigInt)]
    run_id: i64,
    #[diesel(sql_type = Text)]
    location: String,
    #[diesel(sql_type = Text)]
    object: String,
    #[diesel(sql_type = Text)]
    state: String,
    #[diesel(sql_type = Integer)]
    pass: i32,
    #[diesel(sql_type = BigInt)]
    next_page: i64,
    #[diesel(sql_type = BigInt)]
    pages: i64,
    #[diesel(sql_type = BigInt)]
    rows: i64,
    #[diesel(sql_type = Text)]
    begun: String,
    #[diesel(sql_type = Text)]
    updated: String,
}

impl From<BackfillRow> for Backfill {
    fn from(row: BackfillRow) -> Self {
        let number = |value: i64| u64::try_from(value).unwrap_or(0);
        Self {
            id: row.id,
            run: row.run_id,
            location: row.location,
            object: row.object,
            state: row.state,
            pass: row.pass,
            done_pages: number(row.next_page),
            pages: number(row.pages),
            rows: number(row.rows),
            begun: row.begun,
            updated: row.updated,
        }
    }
}
