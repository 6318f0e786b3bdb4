//! `plan --rehearse`: statements that cannot be read are carried out on a scratch database, a copy without rows, to see what they do.
//!
//! The database itself is looked at in read-only transactions, and left alone while the rehearsal takes place.

#![expect(clippy::disallowed_methods, reason = "a rehearsal is timed here")]

use std::{
    collections::{HashMap, HashSet},
    time::Instant,
};

use crate::{
    catalog::{Census, Snapshot, Surroundings},
    config::Settings,
    db::{Asked, ServerError, Session},
    diagnostic::{Code, Diagnostic},
    diff::{self, DifferenceState},
    event::{Event, Place, Rehearsal, Trial, TrialEnd},
    exec::{self, Group},
    goal::{GoalKind, Guard, StatementId},
    journal::Keeping,
    pg::{Ident, LockTimeout, RowCount, StatementTimeout, quote_literal},
    plan::{Answer, Answers, Policy, State, StatementPlan, Step, Transaction, Verb},
};

use super::{
    errors,
    look::{Seen, Subject, Watch},
    run::Operation,
    scratch::Scratch,
};

/// How long anything may take that a copy is made with.
const COPY_LIMIT: StatementTimeout = StatementTimeout::from_millis(60_000);
/// How many objects are named that are not alike.
const NAMED: usize = 10;
/// Every round carries out a statement that was not carried out before; a rehearsal that never ends is a fault of ours.
const MOST_ROUNDS: usize = 1_000;

impl Operation<'_, '_> {
    /// Carries out on a scratch database what cannot be read, and notes what it did. `answers` are those of the database.
    pub(super) fn rehearse(&mut self, session: &mut Session, seen: &Seen, answers: &Answers) {
        let waits = |state: &State, steps: &[Step]| !steps.is_empty() || matches!(state, State::UnknownUntil(_));
        let plan = &seen.plan;
        let waiting =
            plan.statements.iter().filter(|one| self.is_opaque(one.id) && waits(&one.state, &one.steps)).count();
        let Some(target) = seen.snapshot.target.clone().filter(|_| waiting > 0) else {
            self.notes.rehearsal = Some(Rehearsal::default());
            return;
        };
        self.complete = false;
        match self.on_scratch(session, seen, answers, &target, waiting) {
            Ok(rehearsal) => {
                self.complete = self.interrupt.signal().is_none();
                self.notes.rehearsal = Some(rehearsal);
            }
            Err(diagnostic) => self.error(diagnostic),
        }
        self.interrupt.working(None);
    }

    fn is_opaque(&self, id: StatementId) -> bool {
        let statement = self.subject.scripts.goals.get(id.script.0).and_then(|goals| goals.statements.get(id.index));
        statement.is_some_and(|one| one.goals.iter().any(|goal| matches!(goal.kind, GoalKind::Opaque { .. })))
    }

    fn on_scratch(
        &mut self,
        session: &mut Session,
        seen: &Seen,
        answers: &Answers,
        target: &Ident,
        waiting: usize,
    ) -> Result<Rehearsal, Box<Diagnostic>> {
        let original = session.surroundings().map_err(|error| Box::new(errors::of_snapshot(&error)))?;
        session.end_look().map_err(|error| Box::new(errors::of_server("the look could not be ended", &error)))?;
        // From here on there is nothing to cancel there.
        self.interrupt.working(None);
        let scratch = Scratch::make(self.settings, &seen.snapshot, self.interrupt, self.emit)?;
        let statements = if waiting == 1 { "statement" } else { "statements" };
        (self.emit)(Event::Note(format!("rehearsing {waiting} {statements} on {}", scratch.server)));
        // Names are looked up as in the database, whatever the server has for its search path.
        let settings =
            Settings { schema: Some(target.clone()), atomic: false, journal: Keeping::Not, ..self.settings.clone() };
        let subject = Subject::new(self.subject.scripts, &settings);
        let mut stage = Stage {
            operation: self,
            scratch: &scratch,
            policy: subject.policy.clone(),
            subject: &subject,
            session: None,
            target: target.clone(),
            rehearsal: Rehearsal::default(),
            pinned: Answers::default(),
            pinned_at: HashSet::new(),
            census: None,
        };
        stage.look_around(&seen.snapshot)?;
        stage.copy(&original, &seen.snapshot)?;
        stage.pin(answers)?;
        stage.play()?;
        Ok(stage.rehearsal)
    }
}

/// A rehearsal at work.
struct Stage<'a, 'o, 'e> {
    operation: &'a mut Operation<'o, 'e>,
    scratch: &'a Scratch,
    subject: &'a Subject<'a>,
    policy: Policy,
    /// Taken when it is needed: where there can be one connection only, the old one is closed before.
    session: Option<Session>,
    /// The schema of unqualified names.
    target: Ident,
    rehearsal: Rehearsal,
    /// What the database answers and the copy cannot: guards that ask about rows.
    pinned: Answers,
    /// The places of the statements that those stand above.
    pinned_at: HashSet<String>,
    /// Everything as it is now, where that is known.
    census: Option<Census>,
}

impl Stage<'_, '_, '_> {
    fn stopped(&self) -> bool {
        self.operation.interrupt.signal().is_some()
    }

    /// Returns the session. A signal cancels what runs in it.
    fn session(&mut self) -> Result<&mut Session, Box<Diagnostic>> {
        let new = if let Some(session) = self.session.take() {
            session
        } else {
            let connections = &self.scratch.connections;
            let mut session = connections.session().map_err(|error| Box::new(errors::of_connect(&error)))?;
            if !connections.is_single() {
                let pid = session.pid().map_err(|error| lost(&error))?;
                self.operation.interrupt.working(Some((connections.target().clone(), pid)));
            }
            session
        };
        Ok(self.session.insert(new))
    }

    /// Gives the connection up: for settings of the database to take effect, and where it is good for nothing.
    fn leave(&mut self) {
        self.operation.interrupt.working(None);
        self.session = None;
        self.scratch.connections.renew();
    }

    /// Notes where it takes place, and how that differs from the database whatever is in it.
    fn look_around(&mut self, original: &Snapshot) -> Result<(), Box<Diagnostic>> {
        let scope = &self.subject.scope;
        let here = self.session()?.look(scope, false).map_err(|error| Box::new(errors::of_snapshot(&error)))?.server;
        super::look::old_enough_version(here.version)?;
        let mut say = |words: String| self.rehearsal.unlike.push(words);
        say("it has no rows, and its sequences begin anew".to_owned());
        if here.version.major() != original.server.version.major() {
            say(format!("it is PostgreSQL {}, the database is on {}", here.version, original.server.version));
        }
        if here.superuser && !original.server.superuser {
            say(format!("statements run as a superuser, not as {}: missing rights do not show", original.server.role));
        }
        if !self.scratch.private {
            say("what concerns all databases of the server, such as roles, is neither copied nor told".to_owned());
        }
        if here.database != original.server.database {
            say(format!("it is called {}, not {}", here.database, original.server.database));
        }
        self.rehearsal.place = Some(Place {
            database: here.database,
            server: self.scratch.server.clone(),
            version: here.version.to_string(),
            role: here.role,
            schema: Some(self.target.to_string()),
            embedded: self.scratch.embedded,
        });
        Ok(())
    }

    /// Returns the session, ready to carry something out.
    fn prepared(&mut self) -> Result<&mut Session, Box<Diagnostic>> {
        let target = self.target.clone();
        let session = self.session()?;
        session.prepare_to_work(&target).map_err(|error| lost(&error))?;
        Ok(session)
    }

    /// Makes what is in the database, and notes what of it could not be made, or is otherwise.
    fn copy(&mut self, original: &Surroundings, snapshot: &Snapshot) -> Result<(), Box<Diagnostic>> {
        let mut statements: Vec<(String, String)> = Vec::new();
        if self.scratch.private {
            for role in &original.roles {
                statements.push((format!("role {role}"), format!("CREATE ROLE {role}")));
            }
        }
        let place = self.rehearsal.place.as_ref().map(|place| Ident::new(place.database.as_str()));
        if let Some(database) = place {
            let path = original.search_path.as_str();
            for (setting, value) in [("search_path", path), ("TimeZone", original.time_zone.as_str())] {
                // As text it would be one name: the list is what stands between its commas.
                let value = if setting == "search_path" { value.to_owned() } else { quote_literal(value) };
                if !value.is_empty() && value != "''" {
                    let sql = format!("ALTER DATABASE {database} SET {setting} = {value}");
                    statements.push((format!("setting {setting}"), sql));
                }
            }
        }
        for schema in original.schemas.keys() {
            statements.push((format!("schema {schema}"), format!("CREATE SCHEMA IF NOT EXISTS {schema}")));
        }
        for (extension, schema) in &original.extensions {
            let sql = format!("CREATE EXTENSION IF NOT EXISTS {extension} SCHEMA {schema}");
            statements.push((format!("extension {extension}"), sql));
        }
        // One by one: a role is there already where its name is that of our superuser.
        let superuser = self.rehearsal.place.as_ref().map(|place| format!("role {}", Ident::new(place.role.as_str())));
        statements.retain(|(object, _)| Some(object) != superuser.as_ref());
        self.make(statements)?;
        self.leave();
        let copies: Vec<_> = original.schemas.values().flat_map(diff::copy).collect();
        let mut statements = vec![(String::new(), "SET check_function_bodies = off".to_owned())];
        for one in &copies {
            statements.extend(one.statements.iter().map(|sql| (one.object.clone(), sql.clone())));
        }
        let failed = self.make(statements)?;
        self.compare(original, snapshot, &failed)
    }

    /// Carries out statements, each with the object that it is about: all at once, and where that fails one by one, again and again
    /// while that helps. Returns the objects that could not be made, and notes why.
    fn make(&mut self, statements: Vec<(String, String)>) -> Result<HashSet<String>, Box<Diagnostic>> {
        if statements.is_empty() || self.stopped() {
            return Ok(HashSet::new());
        }
        let mut session = self.prepared()?;
        let send = |session: &mut Session, sql: &str| session.work().send(sql, false, LockTimeout::NONE, COPY_LIMIT);
        let all: Vec<&str> = statements.iter().map(|(_, sql)| sql.as_str()).collect();
        // A statement may end in a comment.
        if send(session, &all.join("\n;\n")).is_ok() {
            return Ok(HashSet::new());
        }
        let mut rest = statements;
        loop {
            let before = rest.len();
            let mut failed = Vec::new();
            for (object, sql) in rest {
                if self.stopped() {
                    return Ok(HashSet::new());
                }
                session = self.session()?;
                match send(session, &sql) {
                    Ok(_) => {}
                    Err(error) if error.is_connection_lost() => return Err(lost(&error)),
                    Err(error) => failed.push((object, sql, error)),
                }
            }
            if failed.is_empty() || failed.len() == before {
                let words =
                    |(object, _, error): &(String, String, ServerError)| format!("{object} is missing: {error}");
                self.tell_some(&failed.iter().map(words).collect::<Vec<_>>());
                return Ok(failed.into_iter().map(|(object, _, _)| object).collect());
            }
            rest = failed.into_iter().map(|(object, sql, _)| (object, sql)).collect();
        }
    }

    /// Notes as many as a reader wants to read.
    fn tell_some(&mut self, words: &[String]) {
        let unlike = &mut self.rehearsal.unlike;
        unlike.extend(words.iter().take(NAMED).cloned());
        if words.len() > NAMED {
            unlike.push(format!("and {} more", words.len() - NAMED));
        }
    }

    /// Compares the copy with the original, object by object.
    fn compare(
        &mut self,
        original: &Surroundings,
        snapshot: &Snapshot,
        failed: &HashSet<String>,
    ) -> Result<(), Box<Diagnostic>> {
        if self.stopped() {
            return Ok(());
        }
        let here = self.session()?.surroundings().map_err(|error| Box::new(errors::of_snapshot(&error)))?;
        let major = |version: &str| version.split('.').next().and_then(|major| major.parse().ok());
        let same = self.rehearsal.place.as_ref().and_then(|place| major(&place.version))
            == Some(snapshot.server.version.major());
        let mut words = Vec::new();
        for (schema, wanted) in &original.schemas {
            let Some(made) = here.schemas.get(schema) else { continue };
            for one in diff::between(made, wanted, same) {
                if !failed.contains(&one.object) {
                    let is = if one.state == DifferenceState::Differs { "is not alike" } else { "is missing" };
                    words.push(format!("{} {is}", one.object));
                }
            }
        }
        self.tell_some(&words);
        Ok(())
    }

    /// Finds the guards that the copy answers otherwise than the database: they ask about rows, or about what the copy has not. As
    /// nothing was carried out yet, the database is right.
    fn pin(&mut self, answers: &Answers) -> Result<(), Box<Diagnostic>> {
        let (subject, target) = (self.subject, self.target.clone());
        // The question, the place of the guard, the place of the statement.
        let mut guards: Vec<(String, String, String)> = Vec::new();
        for script in subject.goals.iter() {
            for statement in &script.statements {
                for guard in &statement.directives.guards {
                    let question = Guard::question(guard);
                    if matches!(answers.get(&question), Some(Answer::Value(_))) {
                        let at = subject.place(script.id, guard.query.span.start);
                        guards.push((question, at, subject.place(script.id, statement.span.start)));
                    }
                }
            }
        }
        let mut each: Vec<&str> = guards.iter().map(|(question, ..)| question.as_str()).collect();
        each.sort_unstable();
        each.dedup();
        let questions: Vec<_> = each.iter().map(|question| (*question, None)).collect();
        let asked: HashMap<&str, Asked> = each.iter().copied().zip(self.session()?.ask(&target, &questions)).collect();
        let mut words = Vec::new();
        for (question, at, of) in &guards {
            let Some(there) = answers.get(question) else { continue };
            let here = match asked.get(question.as_str()) {
                Some(Asked::Value(value)) => Answer::Value(value.clone()).as_bool(),
                Some(Asked::Error(error)) if error.is_connection_lost() => return Err(lost(error)),
                _ => None,
            };
            if here != there.as_bool() {
                let value = if there.as_bool() == Some(true) { "true" } else { "false" };
                words.push(format!(
                    "{at}: this guard is {value} in the database and not on the copy; the database is right"
                ));
                self.pinned.insert(question.clone(), there.clone());
                self.pinned_at.insert(of.clone());
            }
        }
        self.tell_some(&words);
        Ok(())
    }

    /// Carries out what a run would, one step after the other, and watches what comes of those that cannot be read.
    fn play(&mut self) -> Result<(), Box<Diagnostic>> {
        let mut failed: HashSet<(StatementId, String)> = HashSet::new();
        let watch = Watch { interrupt: self.operation.interrupt, target: None, ahead: None };
        for _ in 0..MOST_ROUNDS {
            if self.stopped() {
                return Ok(());
            }
            let mut answers = self.pinned.clone();
            let (subject, policy) = (self.subject, self.policy.clone());
            let seen = subject.look(self.session()?, &policy, &mut answers, false, watch, &mut |_| {})?;
            self.asks_on(&seen);
            let Some(barrier) = seen.plan.barrier else { return Ok(()) };
            let grouping = |id| subject.grouping(id);
            let groups = exec::groups(&seen.plan.statements, Some(barrier), &grouping, false);
            let mut carried = false;
            for step in groups.iter().flat_map(|group| &group.steps) {
                if self.stopped() {
                    return Ok(());
                }
                if step.verb == Verb::Run {
                    self.trial(step)?;
                    carried = true;
                } else if !failed.contains(&(step.statement, step.sql.clone())) {
                    carried = true;
                    if let Err(error) = self.ordinary(step)? {
                        let at = self.location(step);
                        let words = format!("{at}: {} could not be carried out on the copy: {error}", step.object);
                        self.rehearsal.unlike.push(words);
                        failed.insert((step.statement, step.sql.clone()));
                    }
                }
            }
            if !carried {
                return Ok(());
            }
        }
        Ok(())
    }

    fn location(&self, step: &Step) -> String {
        self.subject.place(step.statement.script, step.span.start)
    }

    /// Notes where a guard goes on asking for a statement that did something. One that asks about rows of the database may.
    fn asks_on(&mut self, seen: &Seen) {
        let ran = |plan: &&StatementPlan| plan.state == State::Conflicting && self.policy.ran.contains(&plan.id);
        for plan in seen.plan.statements.iter().filter(ran) {
            let subject = self.subject;
            let Some(statement) = subject.scripts.goals[plan.id.script.0].statements.get(plan.id.index) else {
                continue;
            };
            let at = subject.place(plan.id.script, statement.span.start);
            for trial in self.rehearsal.trials.iter_mut().filter(|trial| trial.location == at) {
                let did = !trial.effects.is_empty() || !trial.moved.is_empty();
                if trial.end == TrialEnd::Done && did && !self.pinned_at.contains(&at) {
                    trial.end = TrialEnd::AsksOn;
                }
            }
        }
    }

    /// Carries out a step that is read.
    fn ordinary(&mut self, step: &Step) -> Result<Result<(), ServerError>, Box<Diagnostic>> {
        self.census = None;
        let interrupt = self.operation.interrupt;
        let transaction = if step.transaction == Transaction::Joined { Transaction::Own } else { step.transaction };
        let (script, steps) = (step.statement.script, vec![step]);
        let group = Group { script, steps, transaction, locks: Vec::new(), fences: Vec::new(), records: Vec::new() };
        match exec::carry_out(self.prepared()?, &group, false, interrupt.stop(), None, None, &mut |_| {}) {
            Ok(_) => Ok(Ok(())),
            Err(failure) if failure.error.is_connection_lost() => Err(lost(&failure.error)),
            Err(failure) => {
                self.after_a_refusal();
                Ok(Err(failure.error))
            }
        }
    }

    /// The embedded engine may refuse everything from an error on, in the same session.
    fn after_a_refusal(&mut self) {
        if self.scratch.embedded {
            self.leave();
        }
    }

    fn count(&mut self) -> Result<Census, Box<Diagnostic>> {
        let private = self.scratch.private;
        self.session()?.census(private).map_err(|error| Box::new(errors::of_snapshot(&error)))
    }

    /// Carries out a statement that is not read, and notes what came of it.
    fn trial(&mut self, step: &Step) -> Result<(), Box<Diagnostic>> {
        let before = match self.census.take() {
            Some(census) => census,
            None => self.count()?,
        };
        let session = self.prepared()?;
        let started = Instant::now();
        let sent = send(session, step);
        let elapsed = started.elapsed();
        if self.stopped() {
            return Ok(());
        }
        self.policy.ran.insert(step.statement);
        let (end, rows) = match sent {
            Ok(rows) => (TrialEnd::Done, rows),
            Err(error) => {
                let done = Some("nothing was changed: this was the rehearsal".to_owned());
                let mut diagnostic = errors::of_step(&self.subject.scripts.texts, step, &error, done);
                // Whatever it was there: it ends no run, and the server of the database is well.
                diagnostic.code = Code::StatementFailed;
                diagnostic.what = format!("the rehearsal failed: {}", diagnostic.what);
                diagnostic.help =
                    Some("correct the statement, or guard it; the plan says how the copy differs".to_owned());
                self.operation.notes.diagnostics.push(diagnostic);
                if error.is_connection_lost() {
                    self.leave();
                } else {
                    self.after_a_refusal();
                }
                (TrialEnd::Failed(error.to_string()), None)
            }
        };
        let after = self.count()?;
        self.rehearsal.trials.push(Trial {
            location: self.location(step),
            object: step.object.clone(),
            sql: step.sql.clone(),
            end,
            effects: diff::effects(&before, &after),
            moved: diff::rows_moved(&before, &after),
            rows,
            elapsed,
        });
        self.census = Some(after);
        Ok(())
    }
}

/// Sends a statement that is not read; returns how many rows it changed, where the server tells.
fn send(session: &mut Session, step: &Step) -> Result<Option<RowCount>, ServerError> {
    let counts = ["INSERT", "UPDATE", "DELETE", "MERGE"].iter().any(|verb| step.object.starts_with(verb));
    let (lock, limit) = (step.lock_timeout, step.statement_timeout);
    if step.transaction == Transaction::None {
        session.work().limit(false, LockTimeout::NONE, limit)?;
        return Ok(session.work().send(&step.sql, counts, LockTimeout::NONE, limit)?.map(RowCount));
    }
    session.begin(Some((lock, limit)), "")?;
    let sent = session.work().send(&step.sql, counts, lock, limit);
    let sent = sent.and_then(|rows| session.commit().map(|()| rows));
    if sent.is_err() {
        session.roll_back();
    }
    Ok(sent?.map(RowCount))
}

/// The scratch database went away.
fn lost(error: &ServerError) -> Box<Diagnostic> {
    Box::new(errors::of_scratch(
        vec![format!("it was lost: the server says: {error}")],
        "type `hrms-migrate plan --rehearse` again",
    ))
}
