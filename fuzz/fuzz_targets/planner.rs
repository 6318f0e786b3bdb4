//! Two scripts, the second on the database that the first one leads to: planning ends, what was foreseen is what is planned, what is
//! planned leads to where nothing is left, and its way back can be told.

#![no_main]

use fuzzing::picture;
use hrms_migrate::{
    diff,
    pg::Hazard,
    plan::{Answer, Plan, Policy, State, Verb},
};

/// Separates the script that makes the database from the one that is planned on it.
const CUT: &str = "\n-- cut\n";

/// The answers of a database that has nothing against anything.
fn peaceful(sql: &str) -> Answer {
    Answer::Value(match sql {
        sql if sql.contains("json_build_array") => Some("[0, null]".to_owned()),
        sql if sql.contains("json_agg") => None,
        sql if sql.contains("pg_relation_size") => Some("0".to_owned()),
        _ => Some("f".to_owned()),
    })
}

/// Any answer at all, the same one for the same question.
fn any(sql: &str, seed: usize) -> Answer {
    let value = |text: &str| Answer::Value(Some(text.to_owned()));
    let hash = sql.bytes().fold(seed, |hash, byte| hash.wrapping_mul(31).wrapping_add(usize::from(byte)));
    match hash % 10 {
        0 => Answer::Value(None),
        1 => value("t"),
        2 => value("f"),
        3 => value("9000"),
        4 => value("[3, \"id 1\"]"),
        5 => value("[0, null]"),
        6 => value("[\"view v\"]"),
        7 => value("\u{1f600}{"),
        8 => Answer::Undefined("relation \"x\" does not exist".to_owned()),
        _ => Answer::Unknown("table locked by pid 1".to_owned()),
    }
}

/// What the moving picture has as the server will have it. Of a view, of a routine, and of an expression whose column gets another name
/// only the server can print what it makes.
const PICTURED: [&str; 8] =
    ["table ", "column ", "index ", "unique index ", "constraint ", "sequence ", "enum ", "schema "];

/// Whether a plan leads to a database that is known: nothing is in the way, nothing unknown is done.
fn is_certain(plan: &Plan) -> bool {
    let is_known = |state: &State| !matches!(state, State::UnknownUntil(_) | State::Unverified(_) | State::Conflicting);
    plan.findings.is_empty()
        && plan.deferred.is_empty()
        && plan.barrier.is_none()
        && plan.statements.iter().all(|statement| is_known(&statement.state))
        && plan.steps().all(|step| step.verb == Verb::Add && PICTURED.iter().any(|kind| step.object.starts_with(kind)))
}

libfuzzer_sys::fuzz_target!(|text: &str| {
    let (before, text) = text.split_once(CUT).unwrap_or(("", text));
    let policy =
        Policy { allow: [Hazard::Drop, Hazard::Rewrite, Hazard::DataLoss].into_iter().collect(), ..Policy::default() };
    let mut snapshot = picture::empty();
    if let Some((_, scripts)) = fuzzing::read(before.as_bytes()) {
        let (plan, _) = picture::settle(&scripts, &snapshot, &policy, peaceful);
        if let Some(after) = plan.after.filter(|_| plan.findings.is_empty()) {
            snapshot = *after;
        }
    }
    let Some((_, scripts)) = fuzzing::read(text.as_bytes()) else { return };
    let (plan, _) = picture::settle(&scripts, &snapshot, &policy, peaceful);
    for (statement, planned) in scripts.iter().flat_map(|script| &script.statements).zip(&plan.statements) {
        let _ = diff::inverse(statement, planned);
    }
    if is_certain(&plan)
        && let Some(after) = &plan.after
    {
        let (again, _) = picture::settle(&scripts, after, &policy, peaceful);
        let left: Vec<_> = again.steps().map(|step| step.sql.as_str()).collect();
        let findings: Vec<_> = again.findings.iter().map(|finding| finding.what.as_str()).collect();
        let sent: Vec<_> = plan.steps().map(|step| step.sql.as_str()).collect();
        assert!(left.is_empty() && findings.is_empty(), "after {sent:#?}\nthere is left {left:#?}\n{findings:#?}");
    }
    // Whatever the database answers, and on whatever terms.
    for seed in [1, 2] {
        let policy = Policy { atomic: seed == 1, ..Policy::default() };
        let (plan, rounds) = picture::settle(&scripts, &snapshot, &policy, |sql| any(sql, seed));
        assert!(rounds <= 2 + 4 * plan.statements.len().max(1), "{rounds} rounds");
    }
});
