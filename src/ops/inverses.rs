//! What would take back what a run would do.

use include_dir::Dir;

use crate::{
    config::Settings,
    diagnostic::Diagnostic,
    diff::{self, Inverse},
    event::Command,
    exec::Interrupt,
    plan::Answers,
};

use super::{
    errors,
    load::load,
    look::{self, Seen, Subject, Watch},
};

/// Plans, and returns for each statement that would change something its place and what takes that back.
pub(super) fn inverses(
    settings: &Settings,
    embedded: &Dir<'_>,
    interrupt: &Interrupt,
) -> Result<Vec<(String, Inverse)>, Vec<Diagnostic>> {
    let one = |diagnostic: Box<Diagnostic>| vec![*diagnostic];
    let scripts = load(settings, embedded)?;
    let subject = Subject::new(&scripts, settings);
    let site = look::connect(settings, None, interrupt, &mut |_| {}).map_err(one)?;
    let mut session = site.connections.session().map_err(|error| vec![errors::of_connect(&error)])?;
    let policy = subject.policy(Command::Run);
    let watch = Watch { interrupt, target: None, ahead: None };
    let mut answers = Answers::default();
    let Seen { plan, .. } =
        subject.look(&mut session, &policy, &mut answers, false, watch, &mut |_| {}).map_err(one)?;
    if !plan.findings.is_empty() {
        return Err(plan.findings.iter().map(|finding| finding.diagnostic(&scripts.texts)).collect());
    }
    let inverses = plan.statements.iter().filter_map(|planned| {
        let goals = subject.goals.iter().find(|goals| goals.id == planned.id.script)?;
        let statement = goals.statements.get(planned.id.index)?;
        let inverse = diff::inverse(statement, planned)?;
        Some((subject.place(planned.id.script, statement.span.start), inverse))
    });
    Ok(inverses.collect())
}
