//! `repair`: what interrupted work has left behind, as a script that mends it.

#![expect(clippy::disallowed_methods, reason = "a repair is timed here, and is as long as it may be")]

use std::{collections::BTreeSet, time::Instant};

use crate::{
    catalog::Scope,
    config::Settings,
    db::{Broken, Session},
    diagnostic::{Code, Diagnostic, Severity},
    event::{Command, Event, Report},
    exec::Interrupt,
    pg::Hazard,
    script::File,
};

use super::{
    Scripts, errors,
    look::{self, Site},
    memory::Memory,
    rollback::{Made, carry_out, read},
    tell::Notes,
};

/// Mends what interrupted work has left behind, or tells what that would be (`command`: run or plan).
pub(super) fn repair(
    settings: &Settings,
    command: Command,
    interrupt: &Interrupt,
    emit: &mut dyn FnMut(Event<'_>),
) -> Report {
    let started = Instant::now();
    let mut notes = Notes::new(command);
    notes.guise = Some("repair");
    match prepare(settings, interrupt, emit, &mut notes) {
        Ok((site, session, scripts)) => {
            let made = Made {
                scripts,
                allowed: &[Hazard::Drop, Hazard::DataLoss],
                memory: Memory::default(),
                ran: BTreeSet::new(),
            };
            carry_out(settings, made, command, notes, (&site, session), interrupt, (started, emit))
        }
        Err(diagnostics) => {
            notes.diagnostics.extend(diagnostics);
            notes.report(None, None, None, started.elapsed())
        }
    }
}

fn prepare(
    settings: &Settings,
    interrupt: &Interrupt,
    emit: &mut dyn FnMut(Event<'_>),
    notes: &mut Notes,
) -> Result<(Site, Session, Scripts), Vec<Diagnostic>> {
    let site = look::connect(settings, None, interrupt, emit).map_err(|diagnostic| vec![*diagnostic])?;
    let mut session = site.connections.session().map_err(|error| vec![errors::of_connect(&error)])?;
    let scope = Scope { target: settings.schema.clone(), ..Scope::default() };
    let snapshot = session.look(&scope, false).map_err(|error| vec![errors::of_snapshot(&error)])?;
    look::old_enough(&snapshot).map_err(|diagnostic| vec![*diagnostic])?;
    let place = look::place(&site, &snapshot);
    emit(Event::Connected(&place));
    notes.place = Some(place);
    let failed = |error| vec![errors::of_server("what is broken could not be found out", &error)];
    let broken = session.broken().map_err(failed)?;
    if broken.is_empty() {
        return Err(vec![Diagnostic::note(Code::Broken, "nothing is to be repaired").why(
            "no invalid index, no constraint that is not validated, nothing left of a change that was not finished",
        )]);
    }
    for Broken { object, why, .. } in &broken {
        let mut diagnostic = Diagnostic::note(Code::Broken, object.clone()).why(why.clone());
        diagnostic.severity = Severity::Warning;
        notes.diagnostics.push(diagnostic);
    }
    Ok((site, session, script(&broken)?))
}

/// Returns the script that mends all of it.
fn script(broken: &[Broken]) -> Result<Scripts, Vec<Diagnostic>> {
    let mut text = String::new();
    for Broken { sql, .. } in broken {
        text.extend([sql, ";\n"]);
    }
    let file = File { path: "repair".to_owned(), name: "001_repair.sql".to_owned(), bytes: text.into_bytes() };
    read(vec![file])
}
