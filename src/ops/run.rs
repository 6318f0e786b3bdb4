//! `run`, `plan`, `verify` and `status`: one look, and what is made of it.

#![expect(clippy::disallowed_methods, reason = "a run is timed here, and is as long as it may be")]

use std::time::{Duration, Instant};

use chrono::Local;
use include_dir::Dir;

use crate::{
    config::Settings,
    db::{Asked, Knock, Session, Stop},
    diagnostic::{Code, Diagnostic, Severity},
    event::{BaseReport, Command, Event, Look, Report, Verification},
    exec::Interrupt,
    lint::{self, Rules},
    pg::Ident,
    plan::{Answers, Plan, State, Verb},
    script::ScriptId,
};

use super::{
    adopt::Keeper,
    errors,
    load::{load, read_down},
    look::{self, Seen, Site, Subject, Watch},
    memory::Memory,
    tell::Notes,
};

/// Reads and judges all scripts without a database.
pub(super) fn check(settings: &Settings, embedded: &Dir<'_>) -> Report {
    let started = Instant::now();
    let mut notes = Notes::new(Command::Check);
    match load(settings, embedded) {
        Ok(scripts) => {
            notes.base = Some(BaseReport { total: scripts.base, ..BaseReport::default() });
            let house = settings.house_rules.clone();
            let rules = Rules { tenant_column: house.tenant_column, deny_cascade: house.deny_cascade };
            let found = lint::lint(&scripts.goals, &rules);
            notes.diagnostics = found.iter().map(|finding| finding.diagnostic(&scripts.texts).as_warning()).collect();
            let downs = scripts.downs.iter().filter_map(|down| read_down(down).err());
            notes.diagnostics.extend(downs.flatten());
            notes.report(Some(&scripts), None, None, started.elapsed())
        }
        Err(diagnostics) => {
            notes.diagnostics = diagnostics;
            notes.report(None, None, None, started.elapsed())
        }
    }
}

/// What a command does besides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extra {
    /// Nothing.
    Nothing,
    /// `verify` tells what no script speaks of, too.
    Strict,
    /// `status` tells of the last runs.
    Memory,
    /// What holds is written down as done, after saying what another tool's books say.
    Adoption(Option<Keeper>),
    /// Everything is written down as done.
    Stamp,
    /// `plan` finds out on a scratch database what cannot be read.
    Rehearsal,
}

/// Does a command, from reading the scripts to its report. Never prints; `emit` is told what happens.
pub(super) fn operate(
    command: Command,
    extra: Extra,
    settings: &Settings,
    embedded: &Dir<'_>,
    interrupt: &Interrupt,
    emit: &mut dyn FnMut(Event<'_>),
) -> Report {
    let started = Instant::now();
    let mut notes = Notes::new(command);
    notes.guise = match extra {
        Extra::Adoption(_) => Some("adopt"),
        Extra::Stamp => Some("stamp"),
        _ => None,
    };
    // The server makes a session while the scripts are read. Where they are at fault nothing is asked in it.
    let knock = look::knock(settings);
    let scripts = match load(settings, embedded) {
        Ok(scripts) => scripts,
        Err(diagnostics) => {
            notes.diagnostics = diagnostics;
            return notes.report(None, None, None, started.elapsed());
        }
    };
    let subject = Subject::new(&scripts, settings);
    let due = settings.limits.until.map(|until| started + until.left(&Local::now()));
    let stop = interrupt.stop().due(due);
    let mut operation = Operation {
        settings,
        interrupt,
        subject: &subject,
        notes,
        emit,
        complete: false,
        stop,
        memory: Memory::default(),
    };
    let plan = operation.go(command, extra, knock);
    interrupt.working(None);
    let Operation { mut notes, complete, .. } = operation;
    // A signal that came when everything was done changes nothing.
    notes.interrupted = interrupt.signal().filter(|_| !complete);
    notes.report(Some(&scripts), Some(&subject), plan.as_ref(), started.elapsed())
}

/// One command at work: what it was given, and its notes so far.
pub(super) struct Operation<'a, 'e> {
    pub(super) settings: &'a Settings,
    pub(super) interrupt: &'a Interrupt,
    pub(super) subject: &'a Subject<'a>,
    pub(super) notes: Notes,
    pub(super) emit: &'e mut dyn FnMut(Event<'_>),
    /// Whether the command came to its end: nothing is left that a signal could have stopped.
    pub(super) complete: bool,
    /// Stops waiting and, when its time has come, begins nothing more.
    pub(super) stop: Stop,
    /// What is written down.
    pub(super) memory: Memory,
}

impl Operation<'_, '_> {
    pub(super) fn error(&mut self, diagnostic: Box<Diagnostic>) {
        self.notes.diagnostics.push(*diagnostic);
    }

    pub(super) fn watch<'s>(&self, site: &'s Site) -> Watch<'s>
    where
        Self: 's,
    {
        let target = (!site.connections.is_single()).then(|| site.connections.target());
        Watch { interrupt: self.interrupt, target, ahead: None }
    }

    /// Does the command; returns the last plan made.
    fn go(&mut self, command: Command, extra: Extra, knock: Option<Knock>) -> Option<Plan> {
        let site = match look::connect(self.settings, knock, self.interrupt, self.emit) {
            Ok(site) => site,
            Err(diagnostic) => {
                self.error(diagnostic);
                return None;
            }
        };
        match site.connections.session() {
            Ok(session) => self.go_on(command, extra, &site, session),
            Err(error) => {
                self.error(Box::new(errors::of_connect(&error)));
                None
            }
        }
    }

    /// Does the command in a session that is there already.
    pub(super) fn go_on(&mut self, command: Command, extra: Extra, site: &Site, mut session: Session) -> Option<Plan> {
        let mut answers = Answers::default();
        let bounded = matches!(command, Command::Run | Command::Status);
        let ahead = (command == Command::Run).then_some(&site.connections);
        let policy = self.subject.policy(command);
        let mut look = |operation: &mut Self, session: &mut Session| {
            let watch = Watch { ahead, ..operation.watch(site) };
            operation.subject.look(session, &policy, &mut answers, bounded, watch, operation.emit)
        };
        let mut looked = look(self, &mut session);
        let mut since = None;
        while command == Command::Run
            && looked.as_ref().is_err_and(|diagnostic| diagnostic.code == Code::LockTimeout)
            && self.waits_to_look(&mut since)
        {
            looked = look(self, &mut session);
        }
        if looked.as_ref().is_err_and(|diagnostic| diagnostic.code == Code::ConnectionLost) {
            if site.connections.refuses_transactions() {
                looked = Err(Box::new(errors::of_pooler("a pooler takes no transactions")));
            } else if command == Command::Run && self.interrupt.signal().is_none() {
                looked = self.connect_again(site, &mut session, look);
            }
        }
        let seen = match looked {
            Ok(seen) => seen,
            Err(diagnostic) => {
                self.error(diagnostic);
                return None;
            }
        };
        let place = look::place(site, &seen.snapshot);
        if self.notes.place.is_none() {
            (self.emit)(Event::Connected(&place));
        }
        self.notes.place = Some(place);
        if self.subject.has_base() {
            let open = self.unrecorded(&seen).into_iter().map(|base| base.version).collect();
            self.notes.base = Some(BaseReport { total: self.subject.scripts.base, open, ..BaseReport::default() });
        }
        match command {
            Command::Plan | Command::Status => {
                self.complete = true;
                self.findings(&seen.plan);
                self.unverified(&seen.plan);
                if command == Command::Plan && matches!(extra, Extra::Nothing | Extra::Rehearsal) {
                    self.foretell(&seen);
                }
                if extra == Extra::Memory {
                    self.recall(&mut session);
                }
                match extra {
                    Extra::Rehearsal => self.rehearse(&mut session, &seen, &answers),
                    Extra::Adoption(keeper) => {
                        if let Some(keeper) = keeper {
                            self.read_books(&mut session, &seen, keeper);
                        }
                        self.adopt(site, &mut session, &seen, true);
                    }
                    Extra::Stamp => self.adopt(site, &mut session, &seen, false),
                    _ => {}
                }
            }
            Command::Verify => {
                self.verified(site, &mut session, &seen, &|_| true);
                if extra == Extra::Strict && self.complete {
                    self.unmanaged(&mut session, &seen);
                }
            }
            Command::Diff => {
                self.complete = true;
                self.unverified(&seen.plan);
                self.differences(&mut session, &seen);
            }
            // Reading scripts is no operation on a database.
            Command::Check | Command::History | Command::Backfill => return None,
            Command::Run => return self.run(site, session, seen, answers),
        }
        // Before the session is given up: a pooler lends it to others at once, and nothing of theirs may be cancelled.
        self.interrupt.working(None);
        Some(self.shown(seen))
    }

    /// Keeps the catalog for the report; returns the plan.
    fn shown(&mut self, seen: Seen) -> Plan {
        let Seen { snapshot: found, mut plan } = seen;
        if let Some(planned) = plan.after.take() {
            self.notes.look = Some(Box::new(Look { found, planned: *planned }));
        }
        plan
    }

    /// Notes what stands in the way. Returns whether anything does.
    pub(super) fn findings(&mut self, plan: &Plan) -> bool {
        let done = (self.notes.count_applied() > 0).then(|| self.done_so_far());
        for finding in plan.findings.iter().chain(&plan.deferred) {
            // What a later look may find otherwise is no refusal yet.
            if plan.deferred.contains(finding) && plan.barrier.is_some() {
                continue;
            }
            let mut diagnostic = finding.diagnostic(&self.subject.scripts.texts);
            if self.notes.command == Command::Status {
                // To tell how things stand is all that it is asked for.
                diagnostic.severity = Severity::Warning;
            }
            diagnostic.done.clone_from(&done);
            self.notes.diagnostics.push(diagnostic);
        }
        plan.findings.iter().any(|finding| !plan.deferred.contains(finding))
    }

    pub(super) fn done_so_far(&self) -> String {
        match self.notes.count_applied() {
            0 => "nothing was changed".to_owned(),
            1 => "1 step was carried out and stays".to_owned(),
            steps => format!("{steps} steps were carried out and stay"),
        }
    }

    pub(super) fn unverified(&mut self, plan: &Plan) {
        let unverified = self.unverified_words(plan);
        self.notes.verification = Some(Verification {
            checked: plan.checked.clone(),
            complete: plan.is_empty(),
            unverified,
            queries: Vec::new(),
        });
    }

    fn unverified_words(&self, plan: &Plan) -> Vec<String> {
        plan.statements
            .iter()
            .filter_map(|statement| match &statement.state {
                State::Unverified(why) => {
                    let id = statement.id;
                    let span = self.subject.scripts.goals[id.script.0].statements[id.index].span;
                    Some(format!("{}: {why}", self.subject.scripts.texts[id.script.0].location(span.start)))
                }
                _ => None,
            })
            .collect()
    }

    /// Compares a look with an empty plan, and asks the `verify` queries of the scripts that `asks` names.
    pub(super) fn verified(
        &mut self,
        site: &Site,
        session: &mut Session,
        seen: &Seen,
        asks: &dyn Fn(ScriptId) -> bool,
    ) {
        let Seen { snapshot, plan } = seen;
        let refused = self.findings(plan);
        let mut missing = 0;
        for statement in &plan.statements {
            let text = &self.subject.scripts.texts[statement.id.script.0];
            // The steps of one goal follow each other, and the last of them names what the goal is about: those before it
            // only help, and are no differences of their own. What helped may be dropped at the end.
            for steps in statement.steps.chunk_by(|one, next| one.span == next.span) {
                let made = steps.iter().rfind(|step| step.verb != Verb::Drop);
                let Some(step) = made.or(steps.last()) else { continue };
                missing += 1;
                let mut diagnostic =
                    Diagnostic::error(Code::VerificationFailed, format!("{} is not as declared", step.object))
                        .at(text, first_line(text.slice(step.span), step.span), "")
                        .help("run `hrms-migrate run`; `hrms-migrate plan` shows what it would do");
                if self.notes.command == Command::Run {
                    diagnostic = diagnostic.why("the run has carried it out, and it is otherwise all the same");
                }
                self.notes.diagnostics.push(diagnostic);
            }
        }
        let mut queries = Vec::new();
        if let Some(target) = &snapshot.target {
            let verifies: Vec<_> = self
                .subject
                .goals
                .iter()
                .filter(|script| asks(script.id))
                .flat_map(|script| script.verifies.iter().map(|verify| (script.id, verify)))
                .collect();
            let texts: Vec<String> = verifies
                .iter()
                .map(|(_, verify)| format!("SELECT count(*) FROM ({}\n) AS hm_rows", verify.query.text))
                .collect();
            let questions: Vec<_> = texts.iter().map(|text| (text.as_str(), None)).collect();
            if !questions.is_empty() {
                self.watch(site).over(session);
            }
            let asked = match self.ask_again_if_lost(site, session, target, &questions) {
                Ok(asked) => asked,
                Err(diagnostic) => {
                    self.error(diagnostic);
                    return;
                }
            };
            if self.interrupt.signal().is_some() && !questions.is_empty() {
                return;
            }
            for ((id, verify), asked) in verifies.into_iter().zip(asked) {
                let text = &self.subject.scripts.texts[id.0];
                let place = first_line(&verify.query.text, verify.query.span);
                match asked {
                    Asked::Value(value) => {
                        let rows = value.and_then(|value| value.parse::<u64>().ok()).unwrap_or(0);
                        if rows > 0 {
                            self.notes.diagnostics.push(
                                Diagnostic::error(
                                    Code::VerifyQuery,
                                    format!(
                                        "{rows} {}: {}",
                                        if rows == 1 { "row contradicts" } else { "rows contradict" },
                                        verify.message
                                    ),
                                )
                                .at(text, place, "returned rows")
                                .help("run the query by hand to see them"),
                            );
                        }
                        queries.push((verify.message.clone(), rows));
                    }
                    Asked::Error(error) => self.notes.diagnostics.push(
                        Diagnostic::error(Code::QueryFailed, format!("could not be asked: {}", verify.message))
                            .at(text, place, "")
                            .why(format!("the server says: {error}"))
                            .help("correct the query"),
                    ),
                }
            }
        }
        self.complete = true;
        let unverified = self.unverified_words(plan);
        self.notes.verification = Some(Verification {
            checked: plan.checked.clone(),
            complete: !refused
                && missing == 0
                && plan.deferred.is_empty()
                && queries.iter().all(|(_, rows)| *rows == 0),
            unverified,
            queries,
        });
    }
}

impl Operation<'_, '_> {
    /// Asks the `verify` queries; once more on a new connection, where theirs is lost: they change nothing.
    fn ask_again_if_lost(
        &self,
        site: &Site,
        session: &mut Session,
        target: &Ident,
        questions: &[(&str, Option<Duration>)],
    ) -> Result<Vec<Asked>, Box<Diagnostic>> {
        let lost = |asked: &[Asked]| {
            asked.iter().find_map(|asked| match asked {
                Asked::Error(error) if error.is_connection_lost() => Some(error.clone()),
                _ => None,
            })
        };
        let mut asked = session.ask(target, questions);
        if lost(&asked).is_some() && self.interrupt.signal().is_none() {
            site.connections.renew();
            if let Ok(new) = site.connections.session() {
                *session = new;
                // A new session is settled by its first look.
                drop(session.look(&self.subject.scope, self.subject.has_base()));
                asked = session.ask(target, questions);
            }
        }
        match lost(&asked) {
            None => Ok(asked),
            Some(error) => {
                let what = "the connection was lost while the `verify` queries were asked";
                let mut diagnostic = errors::of_server(what, &error);
                if self.notes.command == Command::Run {
                    diagnostic.done = Some(self.done_so_far());
                }
                Err(Box::new(diagnostic))
            }
        }
    }
}

fn first_line(text: &str, span: crate::script::Span) -> crate::script::Span {
    crate::script::Span::new(span.start, span.start + text.find('\n').unwrap_or(text.len()).min(span.end - span.start))
}
