//! What differs, object by object: `diff`, and what `verify --strict` adds.

#![expect(clippy::disallowed_methods, reason = "a comparison is timed here")]

use std::time::Instant;

use crate::{
    catalog::{Inventory, Scope, Snapshot},
    config::{Settings, TargetChoice},
    db::Session,
    diagnostic::{Code, Diagnostic},
    diff,
    event::{Command, Comparison, Event, Place, Report},
    exec::Interrupt,
    pg::{Ident, ServerVersion},
};

use super::{
    errors,
    look::{self, Seen},
    run::Operation,
    tell::Notes,
};

/// How many objects the message of `verify --strict` names; the report has them all.
const NAMED: usize = 10;

impl Operation<'_, '_> {
    /// Notes what is in the schema and no script speaks of, as something that is not as declared.
    pub(super) fn unmanaged(&mut self, session: &mut Session, seen: &Seen) {
        let Some((schema, differences)) = self.in_no_script(session, seen) else { return };
        if !differences.is_empty() {
            let count = differences.len();
            let (objects, are) = if count == 1 { ("object", "is") } else { ("objects", "are") };
            let mut diagnostic =
                Diagnostic::error(Code::Unmanaged, format!("{count} {objects} of schema {schema} {are} in no script"));
            for difference in differences.iter().take(NAMED) {
                diagnostic = diagnostic.why(difference.object.clone());
            }
            if count > NAMED {
                diagnostic = diagnostic.why(format!("and {} more", count - NAMED));
            }
            let help = "write them into a script (`hrms-migrate diff` shows how), or drop them";
            self.notes.diagnostics.push(diagnostic.help(help));
            if let Some(verification) = &mut self.notes.verification {
                verification.complete = false;
            }
        }
        self.notes.comparison = Some(Comparison { against: None, differences });
    }

    /// Notes everything that differs from the scripts.
    pub(super) fn differences(&mut self, session: &mut Session, seen: &Seen) {
        let mut differences = diff::declared(&seen.plan, &self.subject.scripts.texts);
        if let Some((_, unmanaged)) = self.in_no_script(session, seen) {
            differences.extend(unmanaged);
        }
        self.notes.comparison = Some(Comparison { against: None, differences });
    }

    /// Returns what no script speaks of; `None` where it did not come to comparing, or could not be read.
    fn in_no_script(&mut self, session: &mut Session, seen: &Seen) -> Option<(Ident, Vec<diff::Difference>)> {
        let schema = seen.snapshot.target.clone()?;
        seen.plan.after.as_ref()?;
        let inventory = match session.inventory(&schema) {
            Ok(inventory) => inventory,
            Err(error) => {
                self.complete = false;
                self.error(Box::new(errors::of_snapshot(&error)));
                return None;
            }
        };
        let differences = diff::unmanaged(&self.subject.scripts.goals, &seen.plan.checked, &inventory);
        Some((schema, differences))
    }
}

/// Compares two databases. Read-only on both; no script is read.
pub(super) fn against(
    settings: &Settings,
    other: &TargetChoice,
    interrupt: &Interrupt,
    emit: &mut dyn FnMut(Event<'_>),
) -> Report {
    let started = Instant::now();
    let mut notes = Notes::new(Command::Diff);
    match compare(settings, other, interrupt, emit, &mut notes) {
        Ok(comparison) => notes.comparison = Some(comparison),
        Err(diagnostic) => notes.diagnostics.push(*diagnostic),
    }
    notes.interrupted = interrupt.signal().filter(|_| notes.comparison.is_none());
    notes.report(None, None, None, started.elapsed())
}

fn compare(
    settings: &Settings,
    other: &TargetChoice,
    interrupt: &Interrupt,
    emit: &mut dyn FnMut(Event<'_>),
    notes: &mut Notes,
) -> Result<Comparison, Box<Diagnostic>> {
    let (place, version, here) = all_of(settings, interrupt, emit)?;
    emit(Event::Connected(&place));
    notes.place = Some(place);
    let second = Settings { target: other.clone(), ..settings.clone() };
    let (place, other_version, there) = all_of(&second, interrupt, emit).map_err(|mut diagnostic| {
        diagnostic.what = format!("the second database (--against): {}", diagnostic.what);
        diagnostic
    })?;
    let differences = diff::between(&here, &there, version.major() == other_version.major());
    Ok(Comparison { against: Some(place), differences })
}

/// Returns everything in the schema of a database.
fn all_of(
    settings: &Settings,
    interrupt: &Interrupt,
    emit: &mut dyn FnMut(Event<'_>),
) -> Result<(Place, ServerVersion, Inventory), Box<Diagnostic>> {
    let site = look::connect(settings, None, interrupt, emit)?;
    let mut session = site.connections.session().map_err(|error| Box::new(errors::of_connect(&error)))?;
    let failed = |error| Box::new(errors::of_snapshot(&error));
    let scope = Scope {
        target: settings.schema.clone(),
        schemas: settings.schema.iter().cloned().collect(),
        ..Scope::default()
    };
    let snapshot: Snapshot = session.look(&scope, false).map_err(failed)?;
    look::old_enough(&snapshot)?;
    let place = look::place(&site, &snapshot);
    let schema = snapshot.target.clone().filter(|schema| snapshot.schemas.contains_key(schema)).ok_or_else(|| {
        let what = match &settings.schema {
            Some(schema) => format!("schema {schema} is not there"),
            None => "no schema to look at: none of search_path exists".to_owned(),
        };
        let why = format!("role {}, database {}", snapshot.server.role, snapshot.server.database);
        Box::new(Diagnostic::error(Code::SchemaMissing, what).why(why).help("name one with `--schema`"))
    })?;
    let inventory = session.inventory(&schema).map_err(failed)?;
    Ok((place, snapshot.server.version, inventory))
}
