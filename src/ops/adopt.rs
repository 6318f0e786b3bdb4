//! `adopt` and `stamp`: what holds already is written into the journal as done, with or without proof.

use crate::{
    db::{BaseVersion, Session},
    diagnostic::{Code, Diagnostic},
    exec,
    journal::{Ended, Entry},
    pg::Ident,
    plan::{State, StatementPlan},
};

use super::{
    look::{Seen, Site},
    run::Operation,
};

/// How much of a statement is told as its object.
const SHOWN: usize = 80;

/// What kept the schema before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeper {
    /// Alembic.
    Alembic,
    /// diesel.
    Diesel,
}

impl Operation<'_, '_> {
    /// Writes statements down as done: those that hold (`proven`), or all of them. Base migrations go into diesel's books too.
    pub(super) fn adopt(&mut self, site: &Site, session: &mut Session, seen: &Seen, proven: bool) {
        if let Some(unfit) = super::work::unfit(seen) {
            self.notes.diagnostics.push(unfit);
            return;
        }
        let Some(target) = seen.snapshot.target.clone() else { return };
        let holds = |statement: &StatementPlan| !proven || statement.state == State::Satisfied;
        let entries: Vec<Entry> =
            seen.plan.statements.iter().filter(|one| holds(one)).filter_map(|one| self.adopted(one, proven)).collect();
        let open = self.unrecorded(seen);
        let base: Vec<BaseVersion> =
            open.into_iter().filter(|version| !proven || self.is_whole(seen, version)).collect();
        let written = self.enter(site, session).and_then(|mut workplace| {
            self.remember(session, &mut workplace.control)?;
            self.take_control_back(&mut workplace.control);
            self.write_adopted(session, &target, &entries, &base)
        });
        self.interrupt.working(None);
        match written {
            Ok(()) => {
                let all = seen.plan.statements.len();
                let words = format!("{} of {all} statements are written down as done", entries.len());
                let why = if proven { "each holds in the catalog" } else { "without looking whether they hold" };
                self.notes.diagnostics.push(Diagnostic::note(Code::Adopted, words).why(why));
            }
            Err(diagnostic) => self.error(diagnostic),
        }
    }

    fn write_adopted(
        &mut self,
        session: &mut Session,
        target: &Ident,
        entries: &[Entry],
        base: &[BaseVersion],
    ) -> Result<(), Box<Diagnostic>> {
        let failed = |error: crate::db::ServerError| {
            Box::new(
                Diagnostic::error(Code::NoJournal, "it could not be written down")
                    .why(format!("the server says: {error}")),
            )
        };
        session.prepare_to_work(target).map_err(failed)?;
        let Some(journal) = self.memory.journal.get() else {
            return Err(Box::new(
                Diagnostic::error(Code::NoJournal, "there is no journal to write it into")
                    .help("leave out `--no-journal`, or grant the role CREATE on the database"),
            ));
        };
        let ended = vec![Ended::default(); entries.len()];
        // A message has its limits.
        for (entries, ended) in entries.chunks(500).zip(ended.chunks(500)) {
            session.work().execute(&journal.record(entries, Some(ended))).map_err(failed)?;
            journal.committed();
        }
        let recorded = exec::record_base(session, base).map_err(failed)?;
        if let Some(report) = &mut self.notes.base {
            report.recorded = recorded;
        }
        self.remember_end(session);
        Ok(())
    }

    /// Returns whether every statement of a base migration holds.
    fn is_whole(&self, seen: &Seen, version: &BaseVersion) -> bool {
        let texts = &self.subject.scripts.texts;
        let mut of = seen.plan.statements.iter().filter(|one| texts[one.id.script.0].name == version.directory);
        of.all(|one| matches!(one.state, State::Satisfied | State::Superseded | State::NotApplicable))
    }

    fn adopted(&self, statement: &StatementPlan, proven: bool) -> Option<Entry> {
        let id = statement.id;
        let text = &self.subject.scripts.texts[id.script.0];
        let goals = self.subject.scripts.goals.get(id.script.0)?.statements.get(id.index)?;
        let line: String = goals.text.lines().next().unwrap_or_default().chars().take(SHOWN).collect();
        Some(Entry {
            script: text.path.clone(),
            script_digest: self.subject.digests()[id.script.0].clone(),
            location: text.location(goals.span.start).to_string(),
            verb: if proven { "adopt" } else { "stamp" }.to_owned(),
            object: line,
            sql: goals.text.clone(),
            inverse: None,
            attempts: 1,
            lock_wait_ms: 0.0,
        })
    }

    /// Says what another tool's books say, and what comes of it.
    pub(super) fn read_books(&mut self, session: &mut Session, seen: &Seen, keeper: Keeper) {
        let (what, why) = match keeper {
            Keeper::Alembic => {
                let query = "SELECT string_agg(version_num, ', ') FROM alembic_version";
                let asked = seen.snapshot.target.as_ref().map(|target| session.ask(target, &[(query, None)]));
                match asked.as_deref() {
                    Some([crate::db::Asked::Value(Some(version))]) => (
                        format!("alembic_version says revision {version}"),
                        "what a revision means stands in its file; what holds was found in the catalog. Once nothing is left to do, \
                         the table may go",
                    ),
                    _ => (
                        "there is no alembic_version here, or it is empty".to_owned(),
                        "what holds was found in the catalog",
                    ),
                }
            }
            Keeper::Diesel => {
                let known = seen.snapshot.base_versions.as_ref().map_or(0, std::collections::BTreeSet::len);
                let open = self.unrecorded(seen).len();
                (
                    format!(
                        "__diesel_schema_migrations has {known} versions; {open} of the base migrations are not among them"
                    ),
                    "those that hold are recorded there; what it has and the scripts have not is left alone",
                )
            }
        };
        self.notes.diagnostics.push(Diagnostic::note(Code::Adopted, what).why(why));
    }
}
