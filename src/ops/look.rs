//! Looking: a connection, a snapshot, the questions, and the plan that comes of them.

use std::{borrow::Cow, collections::HashSet, sync::OnceLock, time::Duration};

use crate::{
    catalog::{Scope, Snapshot},
    config::{Settings, TargetChoice},
    db::{Asked, Connections, Knock, ServerErrorKind, Session},
    diagnostic::{Code, Diagnostic},
    event::{Command, Event, Place},
    exec::Interrupt,
    goal::{self, GoalKind, Guard, ScriptGoals, TransactionGrouping},
    journal::Keeping,
    pg::{ConnectionTarget, ServerVersion},
    plan::{self, Answer, Answers, Foreseen, KeepPolicy, Plan, Policy, Purpose, Question, Timeouts},
    script::ScriptId,
    sql,
};

use super::{Scripts, errors};

/// The longest that a probe may take in a run with nothing else to do. Source: DESIGN section 3.
const PROBE_LIMIT: Duration = Duration::from_millis(200);
/// The longest that a guard, a size or a list of names may take.
const QUESTION_LIMIT: Duration = Duration::from_secs(30);

/// The server that a run works on; the embedded engine lives as long as this.
pub(super) struct Site {
    // Connections before the engine: they have to be closed before it stops, and fields are dropped in this order.
    pub(super) connections: Connections,
    #[cfg(feature = "embedded")]
    _engine: Option<crate::engine::Embedded>,
    pub(super) server: String,
    pub(super) embedded: bool,
}

/// Begins to connect to the server, if one is named, while something else is done.
pub(super) fn knock(settings: &Settings) -> Option<Knock> {
    match &settings.target {
        TargetChoice::Given { target, .. } => Knock::at(target, settings.limits.wait),
        TargetChoice::None => None,
    }
}

/// Connects to the server named, or starts the embedded engine where none is. `knock` is the first attempt, where it was begun
/// before.
pub(super) fn connect(
    settings: &Settings,
    knock: Option<Knock>,
    interrupt: &Interrupt,
    emit: &mut dyn FnMut(Event<'_>),
) -> Result<Site, Box<Diagnostic>> {
    match &settings.target {
        TargetChoice::Given { target, .. } => {
            let connections = open(settings, target, knock, false, interrupt, emit)?;
            let server = target.place();
            let server = server.rsplit_once(" @ ").map_or(server.as_str(), |(_, server)| server).to_owned();
            Ok(Site {
                connections,
                #[cfg(feature = "embedded")]
                _engine: None,
                server,
                embedded: false,
            })
        }
        TargetChoice::None => without_server(settings, interrupt, emit),
    }
}

fn open(
    settings: &Settings,
    target: &ConnectionTarget,
    knock: Option<Knock>,
    single: bool,
    interrupt: &Interrupt,
    emit: &mut dyn FnMut(Event<'_>),
) -> Result<Connections, Box<Diagnostic>> {
    Connections::open(target, single, knock, settings.limits.wait, interrupt.stop().flag(), &mut |error, waited| {
        emit(Event::WaitingForServer { why: error.what(), waited });
    })
    .map_err(|error| Box::new(errors::of_connect(&error)))
}

#[cfg(feature = "embedded")]
fn without_server(
    settings: &Settings,
    interrupt: &Interrupt,
    emit: &mut dyn FnMut(Event<'_>),
) -> Result<Site, Box<Diagnostic>> {
    let directory = std::path::Path::new(".hrms-migrate");
    let engine = crate::engine::Embedded::start(directory, settings.limits.runner_lock_timeout)
        .map_err(|error| Box::new(errors::of_engine(&error)))?;
    let target = ConnectionTarget::parse(engine.url()).map_err(|error| {
        Box::new(
            Diagnostic::error(Code::EngineFailed, "the embedded PostgreSQL cannot be reached").why(error.to_string()),
        )
    })?;
    let connections = open(settings, &target, None, true, interrupt, emit)?;
    let server = format!("embedded in {}", directory.display());
    Ok(Site { connections, _engine: Some(engine), server, embedded: true })
}

#[cfg(not(feature = "embedded"))]
fn without_server(_: &Settings, _: &Interrupt, _: &mut dyn FnMut(Event<'_>)) -> Result<Site, Box<Diagnostic>> {
    Err(Box::new(
        Diagnostic::error(Code::NoDatabase, "no database was named: DATABASE_URL is not set")
            .why("neither --database-url, DATABASE_URL, PGHOST nor PGSERVICE is there, and .env has none of them")
            .help("set DATABASE_URL=postgresql://user@host/database, or build with `--features embedded` to work without a server"),
    ))
}

/// What a signal cancels while questions are asked that may take long.
#[derive(Clone, Copy)]
pub(super) struct Watch<'a> {
    pub(super) interrupt: &'a Interrupt,
    /// `None` where nothing can be cancelled.
    pub(super) target: Option<&'a ConnectionTarget>,
    /// Where the connection for the runner lock is opened as soon as there is something to do.
    pub(super) ahead: Option<&'a Connections>,
}

impl Watch<'_> {
    /// Lets a signal cancel what runs in `session`, if it does not yet. Costs a round trip, so a run with nothing to do does
    /// without: its questions are short.
    pub(super) fn over(self, session: &mut Session) {
        if let Some(target) = self.target
            && !self.interrupt.is_working()
            && let Ok(pid) = session.pid()
        {
            self.interrupt.working(Some((target.clone(), pid)));
        }
    }
}

/// What a look saw.
pub(super) struct Seen {
    pub(super) snapshot: Snapshot,
    pub(super) plan: Plan,
}

/// The scripts that take part, and what looking at them needs.
pub(super) struct Subject<'a> {
    pub(super) scripts: &'a Scripts,
    pub(super) goals: Cow<'a, [ScriptGoals]>,
    pub(super) scope: Scope,
    pub(super) policy: Policy,
    /// Guards of statements that are read as goals: settled once in a run.
    settled_guards: HashSet<String>,
    digests: OnceLock<Vec<String>>,
}

impl<'a> Subject<'a> {
    /// Returns the checksum of each script, base migrations first. Cost: once, reads the tokens of all of them.
    pub(super) fn digests(&self) -> &[String] {
        self.digests.get_or_init(|| self.scripts.texts.iter().map(sql::checksum).collect())
    }

    pub(super) fn new(scripts: &'a Scripts, settings: &Settings) -> Self {
        let goals: Cow<'a, [ScriptGoals]> = if scripts.left_out.is_empty() {
            Cow::Borrowed(&scripts.goals)
        } else {
            scripts.goals.iter().filter(|goals| !scripts.left_out.contains(&goals.id)).cloned().collect()
        };
        let scope = plan::scope(&goal::scope(&goals), settings.schema.as_ref());
        let mut timeouts = Timeouts { lock: settings.limits.lock_timeout, ..Timeouts::default() };
        if let Some(limit) = settings.limits.statement_timeout {
            timeouts = Timeouts { catalog: limit, scan: limit, long: limit, ..timeouts };
        }
        let statements = || goals.iter().flat_map(|script| &script.statements);
        let is_opaque = |statement: &&goal::StatementGoals| {
            statement.goals.iter().any(|goal| matches!(goal.kind, GoalKind::Opaque { .. }))
        };
        let texts = |opaque: bool| {
            statements()
                .filter(move |statement| is_opaque(statement) == opaque)
                .flat_map(|statement| statement.directives.guards.iter().map(Guard::question))
                .collect::<HashSet<_>>()
        };
        let of_opaque = texts(true);
        let settled_guards = texts(false).into_iter().filter(|text| !of_opaque.contains(text)).collect();
        Self {
            scripts,
            scope,
            policy: Policy {
                allow: settings.allow.iter().copied().collect(),
                limits: settings.table_limits,
                timeouts,
                keeps: match &settings.journal {
                    Keeping::In(schema) => {
                        Some(KeepPolicy { schema: schema.clone(), most: settings.limits.keep_old_limit })
                    }
                    Keeping::Not => None,
                },
                atomic: settings.atomic,
                ..Policy::default()
            },
            settled_guards,
            digests: OnceLock::new(),
            goals,
        }
    }

    /// Returns how the statements of a script share transactions.
    pub(super) fn grouping(&self, id: ScriptId) -> TransactionGrouping {
        self.scripts.goals.get(id.0).map(|goals| goals.grouping).unwrap_or_default()
    }

    /// Returns a place of a script in words.
    pub(super) fn place(&self, id: ScriptId, byte: usize) -> String {
        self.scripts.texts.get(id.0).map(|text| text.location(byte).to_string()).unwrap_or_default()
    }

    /// Returns the policy of a command. What runs every time is no difference to one that only compares.
    pub(super) fn policy(&self, command: Command) -> Cow<'_, Policy> {
        if !matches!(command, Command::Verify | Command::Status | Command::Diff) {
            return Cow::Borrowed(&self.policy);
        }
        let always = self.goals.iter().flat_map(|script| &script.statements).filter(|s| s.directives.always);
        Cow::Owned(Policy { ran: always.map(|statement| statement.id).collect(), ..self.policy.clone() })
    }

    /// Returns whether base migrations take part.
    pub(super) fn has_base(&self) -> bool {
        self.goals.iter().any(|goals| goals.id.0 < self.scripts.base)
    }

    /// Keeps only the answers that hold for a whole run.
    pub(super) fn forget(&self, answers: &mut Answers) {
        // A guard that spoke of what was not there yet is not settled.
        answers.retain(|sql, answer| self.settled_guards.contains(sql) && matches!(answer, Answer::Value(_)));
    }

    /// Takes a snapshot and plans, asking until no question is open. `bounded`: probes may remain unanswered.
    pub(super) fn look(
        &self,
        session: &mut Session,
        policy: &Policy,
        answers: &mut Answers,
        bounded: bool,
        watch: Watch<'_>,
        emit: &mut dyn FnMut(Event<'_>),
    ) -> Result<Seen, Box<Diagnostic>> {
        let snapshot = self.snapshot(session)?;
        let plan = self.plan(session, &snapshot, policy, answers, bounded, watch, emit)?;
        Ok(Seen { snapshot, plan })
    }

    /// Takes a snapshot.
    pub(super) fn snapshot(&self, session: &mut Session) -> Result<Snapshot, Box<Diagnostic>> {
        let snapshot =
            session.look(&self.scope, self.has_base()).map_err(|error| Box::new(errors::of_snapshot(&error)))?;
        old_enough(&snapshot)?;
        Ok(snapshot)
    }

    /// Plans on a snapshot, as [`look`](Self::look) does.
    #[expect(clippy::too_many_arguments, reason = "what a look takes, and what it has seen")]
    pub(super) fn plan(
        &self,
        session: &mut Session,
        snapshot: &Snapshot,
        policy: &Policy,
        answers: &mut Answers,
        bounded: bool,
        watch: Watch<'_>,
        emit: &mut dyn FnMut(Event<'_>),
    ) -> Result<Plan, Box<Diagnostic>> {
        let expect = |is_needed: bool| {
            watch.ahead.iter().filter(|_| is_needed).for_each(|connections| connections.expect_control());
        };
        // Where nothing is there yet it takes no plan to know.
        expect(snapshot.tables.is_empty() && snapshot.base_versions.is_none() && self.has_base());
        loop {
            let Foreseen { mut plan, complete } = plan::foresee(&self.goals, snapshot, answers, policy);
            if plan.questions.is_empty() {
                return Ok(plan);
            }
            let Some(target) = snapshot.target.clone() else { return Ok(plan) };
            expect(!plan.is_empty());
            let checked: std::collections::BTreeSet<_> = plan
                .questions
                .iter()
                .filter(|question| question.purpose == Purpose::Check)
                .filter_map(|question| question.table.as_ref())
                .collect();
            for table in checked {
                emit(Event::Asking { what: &format!("whether the rows of {table} allow it") });
            }
            let (drops, others): (Vec<&Question>, Vec<&Question>) =
                plan.questions.iter().partition(|question| question.purpose == Purpose::Dependents);
            let mut questions: Vec<(&str, Option<Duration>)> =
                others.iter().map(|question| (question.sql.as_str(), limit(question.purpose, bounded))).collect();
            let dropped: Vec<&str> = drops.iter().map(|question| question.sql.as_str()).collect();
            let together = plan::dependents_query(&dropped);
            if !drops.is_empty() {
                questions.push((&together, limit(Purpose::Dependents, bounded)));
            }
            if questions.iter().any(|(_, limit)| limit.is_none()) {
                watch.over(session);
            }
            let mut asked = session.ask(&target, &questions);
            if !drops.is_empty()
                && let Some(of_all) = asked.pop()
            {
                asked.extend(each(of_all, drops.len()));
            }
            if watch.interrupt.signal().is_some() {
                return Err(Box::new(Diagnostic::note(Code::QueryFailed, "interrupted while asking")));
            }
            let mut as_expected = complete;
            for (question, asked) in others.into_iter().chain(drops).zip(asked) {
                let answer = match asked {
                    Asked::Value(value) => Answer::Value(value),
                    Asked::Error(error) if error.is_connection_lost() => {
                        return Err(Box::new(errors::of_server("the connection was lost while asking", &error)));
                    }
                    Asked::Error(error) => match error.kind {
                        ServerErrorKind::UndefinedTable
                        | ServerErrorKind::UndefinedColumn
                        | ServerErrorKind::UndefinedObject => Answer::Undefined(format!("the server says: {error}")),
                        ServerErrorKind::LockTimeout => {
                            let table = question.table.as_ref().map(|table| format!(" {table}")).unwrap_or_default();
                            Answer::Unknown(format!("table{table} is locked by another session"))
                        }
                        ServerErrorKind::StatementTimeout | ServerErrorKind::Canceled => {
                            Answer::Unknown("asking took too long".to_owned())
                        }
                        ServerErrorKind::InsufficientPrivilege if question.purpose == Purpose::Probe => {
                            // Rows that a policy hides are not known either: the session asks the server to say so.
                            Answer::Unknown(if error.message.contains("row-level security") {
                                error.to_string()
                            } else {
                                "no right to read it (SELECT)".to_owned()
                            })
                        }
                        _ => Answer::Failed(format!("the server says: {error}")),
                    },
                };
                as_expected &= question.expects(&answer);
                answers.insert(question.sql.clone(), answer);
            }
            if as_expected {
                plan.questions.clear();
                return Ok(plan);
            }
        }
    }
}

/// Takes the answer to several questions for dependents apart.
fn each(of_all: Asked, questions: usize) -> Vec<Asked> {
    match of_all {
        Asked::Value(Some(answer)) => plan::dependents_answers(&answer).into_iter().map(Asked::Value).collect(),
        other => vec![other; questions],
    }
}

fn limit(purpose: Purpose, bounded: bool) -> Option<Duration> {
    match purpose {
        Purpose::Probe if bounded => Some(PROBE_LIMIT),
        Purpose::Probe | Purpose::Check => None,
        Purpose::Guard | Purpose::Size | Purpose::Names | Purpose::Dependents => Some(QUESTION_LIMIT),
    }
}

/// Refuses a server that is older than any that is supported.
pub(super) fn old_enough(snapshot: &Snapshot) -> Result<(), Box<Diagnostic>> {
    old_enough_version(snapshot.server.version)
}

/// Refuses a version that is older than any that is supported.
pub(super) fn old_enough_version(version: ServerVersion) -> Result<(), Box<Diagnostic>> {
    if version >= ServerVersion::OLDEST {
        return Ok(());
    }
    Err(Box::new(
        Diagnostic::error(Code::ServerTooOld, format!("the server is PostgreSQL {version}"))
            .why(format!("the oldest version supported is {}", ServerVersion::OLDEST.major()))
            .help("upgrade the server"),
    ))
}

/// Where a snapshot was taken.
pub(super) fn place(site: &Site, snapshot: &Snapshot) -> Place {
    Place {
        database: snapshot.server.database.clone(),
        server: site.server.clone(),
        version: snapshot.server.version.to_string(),
        role: snapshot.server.role.clone(),
        schema: snapshot.target.as_ref().map(ToString::to_string),
        embedded: site.embedded,
    }
}
