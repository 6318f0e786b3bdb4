//! A plan, told from the view of the objects that it is about.

use crate::{
    plan::{Plan, Step, Verb},
    script::{Script, ScriptId, Span},
};

use super::{Difference, DifferenceState};

/// Returns what differs from the scripts: what a plan would change, and what stands in its way.
#[must_use]
pub fn declared(plan: &Plan, scripts: &[Script]) -> Vec<Difference> {
    let location =
        |script: ScriptId, span: Span| scripts.get(script.0).map(|script| script.location(span.start).to_string());
    let mut differences = Vec::new();
    for steps in plan.statements.iter().map(|statement| statement.steps.as_slice()).chain([plan.withheld.as_slice()]) {
        // The steps of one goal follow each other, and the last of them names the object.
        let same_goal = |one: &Step, next: &Step| one.statement == next.statement && one.span == next.span;
        for steps in steps.chunk_by(same_goal) {
            let Some(last) = steps.last() else { continue };
            differences.push(Difference {
                object: last.object.clone(),
                relation: last.table.clone(),
                state: state(last),
                here: None,
                there: None,
                statements: steps.iter().map(|step| step.sql.trim().to_owned()).collect(),
                why: Vec::new(),
                location: location(last.statement.script, last.span),
            });
        }
    }
    for finding in plan.findings.iter().chain(&plan.deferred) {
        // The object, where it is known, and what is said of it below.
        let subject = finding.subject.as_ref();
        let mut why: Vec<String> = subject.map(|_| finding.what.clone()).into_iter().collect();
        why.extend(finding.why.iter().cloned());
        if !finding.help.is_empty() {
            why.push(format!("help: {}", finding.help));
        }
        differences.push(Difference {
            object: subject.map_or_else(|| finding.what.clone(), ToString::to_string),
            relation: subject.and_then(|subject| subject.relation.clone()),
            state: DifferenceState::Conflicts,
            here: None,
            there: None,
            statements: Vec::new(),
            why,
            location: location(finding.script, finding.span),
        });
    }
    differences
}

const fn state(step: &Step) -> DifferenceState {
    match step.verb {
        Verb::Add => DifferenceState::Missing,
        Verb::Alter => DifferenceState::Differs,
        Verb::Drop => DifferenceState::Leftover,
        Verb::Fill | Verb::Run => DifferenceState::Pending,
    }
}
