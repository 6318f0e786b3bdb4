//! A plan as a script for psql, which ends where `run` would.

use std::fmt::Write as _;

use crate::{
    event::{GuardReport, Report, ScriptReport, StepReport},
    pg::{RUNNER_LOCK, SESSION_SETTINGS, quote_literal},
    plan::Verb,
};

use super::{
    Style,
    step::{form, hazards, lock_and_limits},
};

/// diesel's own words for its table of base migrations.
const BASE_TABLE: &str = "CREATE TABLE IF NOT EXISTS __diesel_schema_migrations (version VARCHAR(50) PRIMARY KEY NOT NULL, \
                          run_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP)";

/// Writes the steps of a plan as a script for psql: with the runner lock, transactions, limits, guards, and a comment on each
/// step. Concurrent builds stand outside transactions.
///
/// The script fits the database as it was when the plan was made. It stops at the first error, with nothing left of the
/// transaction that it came from.
#[must_use]
pub fn render_sql(report: &Report) -> String {
    let style = Style::default();
    let mut script = Script { style: &style, out: String::new(), transaction: None, limits: None };
    script.head(report);
    script.guards(report);
    for part in &report.scripts {
        script.part(part);
    }
    script.go_to(None);
    script.base(report);
    script.out.push_str("\n-- Done. `hrms-migrate verify` compares the result with the scripts.\n");
    script.release();
    script.out
}

/// A script while it is written.
struct Script<'a> {
    style: &'a Style,
    out: String,
    /// The transaction that is open.
    transaction: Option<usize>,
    /// The limits that hold: of a lock, of a statement, in milliseconds.
    limits: Option<(u64, u64)>,
}

impl Script<'_> {
    fn line(&mut self, line: &str) {
        self.out.push_str(line);
        self.out.push('\n');
    }

    /// Writes a comment. Names come from outside: a line break in one would end it.
    fn comment(&mut self, text: &str) {
        let clean = self.style.clean(text);
        self.line(&format!("-- {clean}"));
    }

    /// Writes a statement. It may end in a comment, so what ends it stands on a line of its own then.
    fn statement(&mut self, sql: &str) {
        let sql = sql.trim().trim_end_matches(';');
        self.out.push_str(sql);
        if sql.lines().next_back().is_some_and(|last| last.contains("--")) {
            self.out.push('\n');
        }
        self.line(";");
    }

    fn head(&mut self, report: &Report) {
        let steps: usize = report.scripts.iter().map(|script| script.steps.len()).sum();
        let place = report.place.clone().unwrap_or_default();
        self.comment(&format!(
            "hrms-migrate {}: what `run` would do to {} @ {} (PostgreSQL {}), in {steps} steps",
            env!("CARGO_PKG_VERSION"),
            place.database,
            place.server,
            place.version
        ));
        self.comment("Carry it out in a session of its own: psql -X -v ON_ERROR_STOP=1 -f FILE");
        self.comment("It fits the database as it was when the plan was made, and stops where that has changed.");
        self.line("\n\\set ON_ERROR_STOP on\n");
        let database = quote_literal(&place.database);
        self.raise_unless(&format!("current_database() = {database}"), "this plan was made for another database");
        self.line("\n-- No other run works meanwhile.");
        let (class, object) = RUNNER_LOCK;
        let locks = format!(
            "pg_catalog.pg_try_advisory_lock({class}, {object}) AND pg_catalog.pg_try_advisory_lock({class}, {})",
            object + 1
        );
        self.raise_unless(&locks, "another run is working on this database");
        self.line("\n-- As in a run: what statements mean depends on no setting of who carries them out.");
        for (name, value) in SESSION_SETTINGS {
            self.line(&format!("SET {name} = {};", quote_literal(value)));
        }
        if let Some(schema) = &place.schema {
            let path = quote_literal(&format!("{schema}, "));
            self.line(&format!(
                "SELECT pg_catalog.set_config('search_path', {path} || CASE WHEN current_setting('search_path') = '' THEN '' \
                 ELSE current_setting('search_path') || ', ' END || 'pg_temp', false) AS hm_path \\gset"
            ));
        }
    }

    /// Checks the guards that let statements apply. Those of statements that are not read stand before them: what is carried out
    /// before may decide them.
    fn guards(&mut self, report: &Report) {
        let mut told: Vec<&GuardReport> = Vec::new();
        for step in report.scripts.iter().flat_map(|script| &script.steps).filter(|step| step.verb != Verb::Run) {
            for guard in &step.guards {
                if told.contains(&guard) {
                    continue;
                }
                if told.is_empty() {
                    self.line("\n-- The plan is right only where the guards say what they said when it was made.");
                }
                told.push(guard);
                self.raise_unless(&condition(guard), &format!("a guard has another answer by now: {}", step.location));
            }
        }
    }

    /// Writes a block that ends the script where a condition is not true.
    fn raise_unless(&mut self, condition: &str, message: &str) {
        let message = quote_literal(&self.style.clean(message).replace('%', "%%"));
        let body = format!("BEGIN IF ({condition}) IS NOT TRUE THEN RAISE EXCEPTION {message}; END IF; END");
        let mut tag = "$hm$".to_owned();
        while body.contains(&tag) {
            tag.insert(tag.len() - 1, 'm');
        }
        self.line(&format!("DO {tag} {body} {tag};"));
    }

    fn part(&mut self, part: &ScriptReport) {
        let pending = |before: usize| {
            part.statements.iter().filter(move |statement| {
                statement.pending.as_ref().is_some_and(|pending| pending.steps_before == before)
            })
        };
        if part.steps.is_empty() && pending(0).next().is_none() {
            return;
        }
        let title = format!("{} {} ({})", part.name.number, part.name.title, part.name.path);
        self.out.push('\n');
        self.comment(&title);
        for place in 0..=part.steps.len() {
            for statement in pending(place) {
                let Some(pending) = &statement.pending else { continue };
                self.go_to(None);
                self.limit(0, 0);
                self.out.push('\n');
                self.comment(&format!("{}: whether it applies is known only by now", statement.location));
                self.guarded(&pending.guards, &pending.sql);
            }
            if let Some(step) = part.steps.get(place) {
                self.step(step);
            }
        }
    }

    fn step(&mut self, step: &StepReport) {
        self.go_to(step.transaction);
        // Waits within a concurrent build count as lock waits; a limit would leave an invalid index behind.
        let lock = if step.transaction.is_some() { step.lock_timeout_ms } else { 0 };
        let statement = if step.in_batches { 0 } else { step.statement_timeout_ms };
        self.limit(lock, statement);
        if !step.locks_first.is_empty() {
            self.statement(&step.locks_first);
        }
        self.out.push('\n');
        self.comment(&format!("{}: {}", step.location, step.object));
        if step.in_batches {
            self.comment(
                "All rows in one statement; `hrms-migrate run` changes them in batches, beside others who write.",
            );
            if step.as_replica {
                self.comment("Triggers that are not for replicas do not fire meanwhile.");
                self.line("SET session_replication_role = replica;");
            }
        } else {
            self.comment(&format!("{}; {}", form(&step.form), lock_and_limits(step)));
        }
        if let Some(hazards) = hazards(step) {
            self.comment(&hazards);
        }
        if step.transaction.is_none() && step.sql.contains("CONCURRENTLY") {
            self.comment("If this fails, it leaves an invalid index; drop it, or `hrms-migrate run` replaces it.");
        }
        if step.verb == Verb::Run && !step.guards.is_empty() {
            self.guarded(&step.guards, &step.sql);
        } else {
            self.statement(&step.sql);
        }
        if step.as_replica {
            self.line("SET session_replication_role = DEFAULT;");
        }
    }

    /// Writes a statement that is carried out only if its guards let it.
    fn guarded(&mut self, guards: &[GuardReport], sql: &str) {
        let all: Vec<_> = guards.iter().map(|guard| format!("({})", condition(guard))).collect();
        self.line(&format!("SELECT {} AS hm_applies \\gset", all.join(" AND ")));
        self.line("\\if :hm_applies");
        self.statement(sql);
        self.line("\\endif");
    }

    /// Ends the transaction that is open and begins the one that comes next.
    fn go_to(&mut self, transaction: Option<usize>) {
        if self.transaction == transaction {
            return;
        }
        if self.transaction.is_some() {
            self.line("COMMIT;");
        }
        if transaction.is_some() {
            self.line("\nBEGIN;");
        }
        self.transaction = transaction;
        self.limits = None;
    }

    fn limit(&mut self, lock: u64, statement: u64) {
        if self.limits == Some((lock, statement)) {
            return;
        }
        let local = if self.transaction.is_some() { "LOCAL " } else { "" };
        self.line(&format!("SET {local}lock_timeout = {lock}; SET {local}statement_timeout = {statement};"));
        self.limits = Some((lock, statement));
    }

    /// Records the base migrations, as diesel would.
    fn base(&mut self, report: &Report) {
        let Some(base) = report.base.as_ref().filter(|base| !base.open.is_empty()) else { return };
        let versions: Vec<_> = base.open.iter().map(|version| format!("({})", quote_literal(version))).collect();
        self.line("\n-- The base migrations, as diesel keeps them.");
        self.line("BEGIN;");
        self.statement(BASE_TABLE);
        self.statement(&format!(
            "INSERT INTO __diesel_schema_migrations (version) VALUES {} ON CONFLICT DO NOTHING",
            versions.join(", ")
        ));
        self.line("COMMIT;");
    }

    fn release(&mut self) {
        let (class, object) = RUNNER_LOCK;
        let written = writeln!(
            self.out,
            "SELECT pg_catalog.pg_advisory_unlock({class}, {object}) AND pg_catalog.pg_advisory_unlock({class}, {}) AS \
             hm_released \\gset",
            object + 1
        );
        debug_assert!(written.is_ok(), "writing to a string cannot fail");
    }
}

/// Returns the condition under which a guard lets its statement apply. NULL counts as false.
fn condition(guard: &GuardReport) -> String {
    // A query may end in a comment: the closing parenthesis stands on a line of its own.
    format!("coalesce(({}\n), false) = {}", guard.query, guard.applies_if)
}
