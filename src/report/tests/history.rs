//! What the journal remembers, drawn.

use crate::journal::{Backfill, Change, ChangeState, Drift, Ended, Entry, History, Inverse, KeptValues, Run, RunState};

use super::*;

/// A history in which every text is this one.
pub(super) fn history_of(text: &str) -> History {
    let text = text.to_owned();
    History {
        runs: vec![Run {
            id: 12,
            command: text.clone(),
            begun: text.clone(),
            elapsed_ms: Some(1_250),
            state: RunState::Failed(text.clone()),
            exit_code: Some(1),
            role: text.clone(),
            os_user: Some(text.clone()),
            host: Some(text.clone()),
            tool_version: text.clone(),
            revision: Some(text.clone()),
            scripts_digest: Some(text.clone()),
            backup: Some(text.clone()),
            blocked_ms: 40,
            error: Some(text.clone()),
            changes: 3,
            scripts: vec![text.clone()],
        }],
        changes: vec![Change {
            run: 12,
            number: 1,
            state: ChangeState::Done,
            at: text.clone(),
            entry: Entry {
                script: text.clone(),
                script_digest: text.clone(),
                location: format!("{text}:7:1"),
                verb: text.clone(),
                object: text.clone(),
                sql: text.clone(),
                inverse: Some(Inverse { sql: text.clone(), kind: text.clone(), notes: Some(text.clone()) }),
                attempts: 2,
                lock_wait_ms: 1_500.0,
            },
            ended: Some(Ended { elapsed_ms: 2.5, rows: Some(4), blocked_ms: 2.5 }),
            sqlstate: Some(text.clone()),
            error: Some(text.clone()),
            undone_by: Some(14),
        }],
        backfills: vec![Backfill {
            id: 3,
            run: 12,
            location: text.clone(),
            object: text.clone(),
            state: "paused".to_owned(),
            pass: 1,
            done_pages: 10,
            pages: 40,
            rows: 1_000,
            begun: text.clone(),
            updated: text.clone(),
        }],
        kept: vec![KeptValues { of: text.clone(), place: text.clone(), bytes: 5_000_000, until: text.clone() }],
        drift: vec![Drift {
            object: text.clone(),
            run: 12,
            begun: text.clone(),
            was: Some(text.clone()),
            is: Some(text.clone()),
            changed: Some(text),
        }],
    }
}

/// What `history 12` comes to.
pub(super) fn remembered() -> Report {
    let mut report = report(Command::History);
    (report.base, report.elapsed) = (None, millis(9));
    let mut history = history_of("x");
    let run = &mut history.runs[0];
    (run.command, run.begun, run.role) = ("run".to_owned(), "2026-11-21T22:10:03Z".to_owned(), "app".to_owned());
    (run.os_user, run.host) = (Some("deploy".to_owned()), Some("build-7".to_owned()));
    run.state = RunState::Failed("lock-timeout".to_owned());
    run.error = Some("could not lock table public.users in 30 attempts of 1.5 s".to_owned());
    run.revision = Some("818f012b724e4a996a472ea691842cf76cc87161".to_owned());
    let change = &mut history.changes[0];
    change.entry.script = "ensure/010_user_columns.sql".to_owned();
    change.entry.location = "ensure/010_user_columns.sql:7:1".to_owned();
    change.entry.verb = "add".to_owned();
    change.entry.object = "column public.users.phone".to_owned();
    change.entry.sql = "ALTER TABLE public.users ADD COLUMN phone text".to_owned();
    (change.sqlstate, change.error) = (None, None);
    let mut begun = change.clone();
    (begun.state, begun.number, begun.ended) = (ChangeState::Begun, 2, None);
    begun.entry.object = "index ix_users_phone on public.users".to_owned();
    let mut failed = begun.clone();
    (failed.state, failed.number) = (ChangeState::Failed, 3);
    (failed.sqlstate, failed.error) = (Some("55P03".to_owned()), Some("lock timeout".to_owned()));
    history.changes.extend([begun, failed]);
    let backfill = &mut history.backfills[0];
    backfill.location = "ensure/040_leaves.sql:3:1".to_owned();
    backfill.object = "rows of public.leaves".to_owned();
    backfill.updated = "2026-11-21T22:10:03Z".to_owned();
    let drift = &mut history.drift[0];
    drift.object = "column public.users.phone".to_owned();
    (drift.begun, drift.changed) = ("2026-11-21T22:10:03Z".to_owned(), None);
    (drift.was, drift.is) = (Some("text".to_owned()), Some("character varying(20)".to_owned()));
    let gone = Drift { object: "index ix_users_fax on public.users".to_owned(), is: None, ..drift.clone() };
    let mut long = Drift { object: "view public.active".to_owned(), ..drift.clone() };
    long.was = Some(" SELECT users.id\n   FROM users\n  WHERE users.active;".to_owned());
    long.changed = Some("2026-11-22T08:30:00Z".to_owned());
    history.drift.extend([gone, long]);
    report.history = Some(history);
    report
}

#[test]
fn text_of_a_history() {
    insta::assert_snapshot!("history", render_report(&remembered(), &Style { verbose: true, ..Style::default() }));
    let nothing = Report { history: Some(History::default()), ..remembered() };
    insta::assert_snapshot!("history_nothing", render_report(&nothing, &Style::default()));
}
