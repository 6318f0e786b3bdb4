//! Goals and a snapshot turned into a plan. Pure: same input, same plan; no clock, file, socket or terminal.
//!
//! Statements are planned in order against a picture of the database that moves on with every planned step, so the whole run
//! is planned at once. What only the database can answer is listed as [`Question`]s; the shell answers them and plans again,
//! until none is left.

mod batch;
mod column;
mod comment;
mod constraint;
mod convert;
mod declared;
mod definition;
mod dependents;
mod index;
mod keep;
mod moved;
mod object;
mod online;
mod partition;
mod policy;
mod privilege;
mod question;
mod rows;
mod shadow;
mod step;
mod subject;
mod table;
mod view;

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::FxHashSet;

use crate::{
    catalog::{ObjectScope, Scope, Snapshot, Table},
    diagnostic::{Code, Finding},
    goal::{
        Expr, Goal, GoalKind, Names, ObjectKind, OnlineMode, ScriptGoals, Since, StatementGoals, StatementId,
        contradictions,
    },
    pg::{Hazard, Ident, LockMode, ObjectName, QualifiedName, RowCount, StatementTimeout, TypeName},
    script::{ScriptId, Span},
};

use declared::{Aspect, Declared};
use moved::World;

pub use batch::Batches;
pub use dependents::{dependents_answers, dependents_query};
pub use keep::{KeepPolicy, Kept};
pub use moved::{Moved, Parts};
pub use policy::{Policy, Timeouts};
pub use question::{Answer, Answers, Purpose, Question};
pub use step::{Barrier, Checked, CheckedKind, Form, Plan, State, StatementPlan, Step, TableSize, Transaction, Verb};

/// Returns what a snapshot has to hold for these scripts. `target` is `--schema`.
#[must_use]
pub fn scope(names: &Names, target: Option<&Ident>) -> Scope {
    let mut scope = Scope { target: target.cloned(), ..Scope::default() };
    for (name, is_table) in &names.relations {
        match &name.schema {
            Some(schema) => {
                scope.schemas.insert(schema.clone());
                scope.qualified.insert(ObjectName { schema: schema.clone(), name: name.name.clone() });
            }
            None if *is_table => {
                scope.tables.insert(name.name.clone());
                // A type of that name would be in the way of the table's row type.
                scope.types.insert(name.name.clone());
            }
            None => {
                scope.others.insert(name.name.clone());
            }
        }
    }
    for name in &names.types {
        scope.types.insert(name.name.clone());
        scope.schemas.extend(name.schema.clone());
    }
    scope.schemas.extend(names.schemas.iter().cloned());
    scope.extensions.extend(names.extensions.iter().cloned());
    let speaks_of = |kind| names.kinds.contains(&kind);
    scope.objects = ObjectScope {
        routines: names.routines.iter().cloned().collect(),
        databases: names.databases.iter().cloned().collect(),
        roles: names.roles.iter().cloned().collect(),
        // Comments and privileges may be those of a view's columns.
        views: [ObjectKind::View, ObjectKind::Comment, ObjectKind::Privileges].into_iter().any(speaks_of),
        triggers: speaks_of(ObjectKind::Trigger),
        policies: speaks_of(ObjectKind::Policy),
        comments: speaks_of(ObjectKind::Comment),
        privileges: speaks_of(ObjectKind::Privileges),
    };
    scope
}

/// Plans all scripts against a snapshot.
///
/// The plan is final when it has no open questions. Cost: linear in the statements.
#[must_use]
pub fn plan(scripts: &[ScriptGoals], snapshot: &Snapshot, answers: &Answers, policy: &Policy) -> Plan {
    Planner::new(snapshot.clone(), answers, policy).finish(scripts).plan
}

/// A plan made before its questions are answered.
#[derive(Debug)]
pub struct Foreseen {
    /// The plan, with its open questions.
    pub plan: Plan,
    /// Whether nothing is missing but that every open question is answered as expected.
    pub complete: bool,
}

/// Plans as [`plan`] does, but gives every open question the answer that it has where nothing is to be done. Where the database
/// then answers just that, this is the plan, and need not be made again.
///
/// Invariant: no rows are asked for a statement that applies only if its guard is answered as expected.
#[must_use]
pub fn foresee(scripts: &[ScriptGoals], snapshot: &Snapshot, answers: &Answers, policy: &Policy) -> Foreseen {
    Planner { foresight: Some(Foresight::default()), ..Planner::new(snapshot.clone(), answers, policy) }.finish(scripts)
}

/// The label of a conflict that `IF NOT EXISTS` hides; shown only where a statement says so.
const NAME_ONLY: &str = "IF NOT EXISTS looks at the name only";

/// What the guards of a statement say.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Guarded {
    Applies,
    Not,
    /// Not asked yet.
    Open,
    /// The query could not be answered, because an object is not there.
    Undefined(String),
    Failed(String),
}

/// A table's size, as far as it matters for the form of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Size {
    /// Made by this plan.
    New,
    Small {
        pages: u64,
    },
    Large {
        pages: u64,
        rows: RowCount,
    },
}

/// SQL being written, with the places that are the script's own text.
#[derive(Clone, Debug, Default)]
struct Sql {
    text: String,
    origins: Vec<(usize, usize, usize)>,
}

impl Sql {
    fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), origins: Vec::new() }
    }

    fn push(mut self, text: &str) -> Self {
        self.text.push_str(text);
        self
    }

    /// Puts other text in place of a part of the script's own.
    fn with(mut self, part: Span, text: &str) -> Self {
        let inside = |(from, to, start): &(usize, usize, usize)| *start <= part.start && part.end <= start + to - from;
        let Some(place) = self.origins.iter().position(inside) else { return self };
        let (from, to, start) = self.origins.remove(place);
        let (begin, end) = (from + part.start - start, from + part.end - start);
        if self.text.get(begin..end).is_none() {
            self.origins.insert(place, (from, to, start));
            return self;
        }
        self.text.replace_range(begin..end, text);
        let moved = |byte: usize| byte - (end - begin) + text.len();
        for (from, to, _) in self.origins.iter_mut().filter(|(from, ..)| *from >= end) {
            (*from, *to) = (moved(*from), moved(*to));
        }
        self.origins.splice(place..place, [(from, begin, start), (moved(end), moved(to), part.end)]);
        self
    }

    /// Adds text of the script that begins at `start` there.
    fn source(mut self, text: &str, start: usize) -> Self {
        let from = self.text.len();
        self.text.push_str(text);
        self.origins.push((from, self.text.len(), start));
        self
    }
}

/// What a step does, apart from its SQL.
struct Act<'a> {
    verb: Verb,
    object: String,
    table: Option<&'a ObjectName>,
    form: Form,
    lock: Option<LockMode>,
    timeout: StatementTimeout,
    hazards: Vec<Hazard>,
    transaction: Transaction,
}

/// What is planned on the strength of expected answers.
#[derive(Debug, Default)]
struct Foresight {
    /// Statements whose guards are open.
    guarded: BTreeSet<StatementId>,
    /// Something was not asked, because it would be for one of those.
    held_back: bool,
}

struct Planner<'a> {
    world: World,
    answers: &'a Answers,
    policy: &'a Policy,
    target: Ident,
    guards: BTreeMap<StatementId, Guarded>,
    declared: Declared<'a>,
    accepts: BTreeMap<(ObjectName, Ident), Vec<TypeName>>,
    plan: Plan,
    /// Tables made by this plan: they hold no row.
    made: BTreeSet<ObjectName>,
    /// Tables to which this plan adds rows.
    seeded: BTreeSet<ObjectName>,
    /// Columns added by this plan, and whether every row holds a value in them.
    added: BTreeMap<(ObjectName, Ident), bool>,
    /// Columns whose values an earlier step changes: what the database says of them now is not what will be.
    touched: BTreeSet<(ObjectName, Ident)>,
    /// Columns without NULL once the earlier steps are done.
    filled: BTreeSet<(ObjectName, Ident)>,
    /// Tables that this plan renames, under their new names.
    renamed: BTreeSet<ObjectName>,
    /// Constraints that this plan adds.
    fresh_constraints: BTreeSet<(ObjectName, Ident)>,
    /// Tables that hold columns of an unfinished type change.
    shadows: BTreeSet<ObjectName>,
    /// Names of indexes that this plan drops.
    freed: BTreeSet<ObjectName>,
    /// The partitions of the tables of which they were asked for.
    partitions: BTreeMap<ObjectName, Vec<partition::Partition>>,
    /// Names that this plan gives to indexes of partitions.
    named: BTreeSet<ObjectName>,
    /// An opaque statement comes before: nothing is known of values.
    opaque_before: Option<StatementId>,
    /// What is dropped so far, and what goes with it: catalog, OID and column of each.
    dropped: FxHashSet<String>,
    open: FxHashSet<String>,
    /// Where open questions are taken as answered as expected.
    foresight: Option<Foresight>,
    told: FxHashSet<(Code, String)>,
    checked: FxHashSet<(Option<ObjectName>, CheckedKind, Ident)>,
    // Of the statement at hand.
    order: usize,
    steps: Vec<Step>,
    unverified: Option<String>,
    superseded: bool,
    /// Something stands in the way that was told before.
    refused: bool,
    allow: BTreeSet<Hazard>,
    online: OnlineMode,
    /// Rows of a batch, where the script says it.
    batch: Option<u64>,
    /// What is replaced is kept.
    keep_old: bool,
    current: StatementId,
    text: &'a str,
    goals: &'a [Goal],
    /// Defaults that are labels of an enum under names that have been changed since, and what they are called now.
    relabelled: Vec<(Span, String)>,
}

impl<'a> Planner<'a> {
    fn new(world: Snapshot, answers: &'a Answers, policy: &'a Policy) -> Self {
        let shadows = Self::shadowed(&world);
        Self {
            world: World::new(world),
            shadows,
            answers,
            policy,
            target: Ident::new(""),
            guards: BTreeMap::new(),
            declared: Declared::default(),
            accepts: BTreeMap::new(),
            plan: Plan::default(),
            made: BTreeSet::new(),
            seeded: BTreeSet::new(),
            added: BTreeMap::new(),
            touched: BTreeSet::new(),
            filled: BTreeSet::new(),
            renamed: BTreeSet::new(),
            fresh_constraints: BTreeSet::new(),
            freed: BTreeSet::new(),
            partitions: BTreeMap::new(),
            named: BTreeSet::new(),
            opaque_before: None,
            dropped: FxHashSet::default(),
            open: FxHashSet::default(),
            foresight: None,
            told: FxHashSet::default(),
            checked: FxHashSet::default(),
            order: 0,
            steps: Vec::new(),
            unverified: None,
            superseded: false,
            refused: false,
            allow: BTreeSet::new(),
            online: OnlineMode::Auto,
            batch: None,
            keep_old: false,
            current: StatementId { script: ScriptId(0), index: 0 },
            text: "",
            goals: &[],
            relabelled: Vec::new(),
        }
    }

    fn finish(mut self, scripts: &'a [ScriptGoals]) -> Foreseen {
        let planned = self.all(scripts);
        let held_back = self.foresight.is_some_and(|foresight| foresight.held_back);
        let complete = !held_back && self.plan.questions.iter().all(|question| question.expected.is_some());
        Foreseen { plan: Plan { after: planned.then(|| Box::new(self.world.into_snapshot())), ..self.plan }, complete }
    }

    /// Plans every statement; returns false where there is no sense in that.
    fn all(&mut self, scripts: &'a [ScriptGoals]) -> bool {
        let Some(target) = self.settle_target(scripts) else { return false };
        self.settle_guards(scripts);
        // Without guards everything has been compared when the scripts were read.
        if !self.guards.is_empty() {
            let found = contradictions(scripts, &|statement| match self.guards.get(&statement.id) {
                Some(Guarded::Applies) => Some(true),
                Some(Guarded::Not) => Some(false),
                _ => None,
            });
            self.plan.findings.extend(found);
        }
        if !self.plan.findings.is_empty() {
            return false;
        }
        self.declared = Declared::fold(scripts, &target, &|statement| {
            !matches!(self.guards.get(&statement.id), Some(Guarded::Not))
        });
        self.target = target;
        for accept in scripts.iter().flat_map(|script| &script.accepts) {
            let table = accept.table.resolve(&self.target);
            let type_name = self.resolve_type(&accept.type_name);
            self.accepts.entry((table, accept.column.clone())).or_default().push(type_name);
        }
        for (order, statement) in scripts.iter().flat_map(|script| &script.statements).enumerate() {
            self.statement(order, statement);
        }
        if self.policy.atomic {
            self.one_transaction(scripts);
        }
        true
    }

    /// Finds the schema in which unqualified names live; a finding where there is none or more than one.
    fn settle_target(&mut self, scripts: &[ScriptGoals]) -> Option<Ident> {
        let first =
            scripts.iter().find_map(|script| script.statements.first().map(|statement| (script.id, statement.span)));
        let (script, span) = first?;
        let finding = |code, what: String, why: String, help: &str| Finding {
            script,
            span: Span::new(span.start, span.start),
            code,
            what,
            subject: None,
            label: String::new(),
            why: vec![why, "nothing was changed".to_owned()],
            related: None,
            help: help.to_owned(),
        };
        let Some(target) = self.world.target.clone() else {
            self.plan.findings.push(finding(
                Code::SchemaMissing,
                "no schema to work in: none of search_path exists".to_owned(),
                format!("role {}, database {}", self.world.server.role, self.world.server.database),
                "name one with `--schema`, or create it",
            ));
            return None;
        };
        if target.as_str().starts_with("pg_") || target.as_str() == "information_schema" {
            self.plan.findings.push(finding(
                Code::SchemaMissing,
                format!("no schema to work in: {target} is the server's own"),
                "nobody may make tables there".to_owned(),
                "name another with `--schema`, or put one of yours first on search_path",
            ));
            return None;
        }
        let makes_it = |goal: &Goal| matches!(&goal.kind, GoalKind::Schema(name) if *name == target);
        let made = scripts.iter().flat_map(|s| &s.statements).flat_map(|s| &s.goals).any(makes_it);
        if !self.world.schemas.contains_key(&target) && !made {
            self.plan.findings.push(finding(
                Code::SchemaMissing,
                format!("schema {target} is not there"),
                format!("database {}", self.world.server.database),
                "create it, or name another with `--schema`",
            ));
            return None;
        }
        if !self.world.also_in.is_empty() {
            let tables: Vec<_> = self.world.also_in.iter().map(ToString::to_string).collect();
            let mut others: Vec<_> = self.world.also_in.iter().map(|table| table.schema.to_string()).collect();
            others.dedup();
            self.plan.findings.push(finding(
                Code::SeveralSchemas,
                format!("the scripts' tables are spread over schemas {target} and {}", others.join(", ")),
                format!("unqualified names must live in one schema; elsewhere: {}", tables.join(", ")),
                "choose one with `--schema`, or move the tables together",
            ));
            return None;
        }
        Some(target)
    }

    fn settle_guards(&mut self, scripts: &[ScriptGoals]) {
        for statement in scripts.iter().flat_map(|script| &script.statements) {
            if statement.directives.guards.is_empty() {
                continue;
            }
            self.current = statement.id;
            // A guard that keeps a statement from being repeated does just that; of others it is not known what they ask.
            let is_opaque = statement.goals.iter().any(|goal| matches!(goal.kind, GoalKind::Opaque { .. }));
            let mut settled = Guarded::Applies;
            for guard in &statement.directives.guards {
                let mut question = Question::new(guard.question(), Purpose::Guard, None);
                question.expected = Some(is_opaque && !guard.applies_if);
                let answer = self.ask(question);
                let one = match answer {
                    None => Guarded::Open,
                    Some(Answer::Undefined(why)) => Guarded::Undefined(why),
                    Some(Answer::Failed(why) | Answer::Unknown(why)) => Guarded::Failed(why),
                    Some(answer) => match answer.as_bool() {
                        Some(value) if value == guard.applies_if => Guarded::Applies,
                        Some(_) => Guarded::Not,
                        None => Guarded::Failed("the query does not return a boolean".to_owned()),
                    },
                };
                // Any guard that holds the statement back is enough; otherwise the first that is not known.
                if one == Guarded::Not {
                    settled = Guarded::Not;
                    break;
                }
                if settled == Guarded::Applies {
                    settled = one;
                }
            }
            self.guards.insert(statement.id, settled);
        }
    }

    /// Returns the answer to a question, or notes that it is open.
    fn ask(&mut self, question: Question) -> Option<Answer> {
        if let Some(answer) = self.answers.get(&question.sql) {
            return Some(answer.clone());
        }
        let (is_guard, reads_rows) =
            (question.purpose == Purpose::Guard, matches!(question.purpose, Purpose::Probe | Purpose::Check));
        let mut expected = None;
        if let Some(foresight) = &mut self.foresight {
            if is_guard {
                foresight.guarded.insert(self.current);
            } else if reads_rows && foresight.guarded.contains(&self.current) {
                foresight.held_back = true;
                return None;
            }
            expected = question.expected;
        }
        if self.open.insert(question.sql.clone()) {
            self.plan.questions.push(question);
        }
        expected.map(|value| Answer::Value(Some(value.to_string())))
    }

    fn statement(&mut self, order: usize, statement: &'a StatementGoals) {
        self.order = order;
        self.current = statement.id;
        self.text = &statement.text;
        self.goals = &statement.goals;
        self.relabelled = self.relabelled_defaults(statement);
        self.steps.clear();
        self.unverified = None;
        self.superseded = false;
        self.refused = false;
        self.allow = self.policy.allow.union(&statement.directives.allow).copied().collect();
        self.online = statement.directives.online;
        self.batch = statement.directives.batch;
        self.keep_old = statement.directives.keep_old;
        let (found, deferred) = (self.plan.findings.len(), self.plan.deferred.len());
        let findings = found + deferred;
        let state = match self.guards.get(&statement.id).cloned().unwrap_or(Guarded::Applies) {
            Guarded::Not => Some(State::NotApplicable),
            Guarded::Open => Some(State::Unverified("its guard has not been asked".to_owned())),
            Guarded::Undefined(why) => Some(self.guard_undefined(statement, &why)),
            Guarded::Failed(why) => {
                self.guard_failed(statement, &why);
                Some(State::Conflicting)
            }
            Guarded::Applies => None,
        };
        let state = state.unwrap_or_else(|| {
            self.goals(statement);
            if self.refused || self.plan.findings.len() + self.plan.deferred.len() > findings {
                // What would be done besides is not shown: the statement is refused as a whole.
                self.plan.withheld.append(&mut self.steps);
                State::Conflicting
            } else if !self.steps.is_empty() {
                State::Missing
            } else if let Some(reason) = self.unverified.take() {
                State::Unverified(reason)
            } else if self.superseded {
                State::Superseded
            } else {
                State::Satisfied
            }
        });
        let state = match statement.since.as_deref() {
            Some(since)
                if since.major > self.world.server.version.major()
                    && matches!(state, State::Missing | State::Conflicting | State::Unverified(_)) =>
            {
                // Whatever else was found of a statement that cannot be sent is beside the point.
                self.steps.clear();
                self.plan.findings.truncate(found);
                self.plan.deferred.truncate(deferred);
                self.too_new(since);
                State::Conflicting
            }
            _ => state,
        };
        let steps = std::mem::take(&mut self.steps);
        let moved = self.world.moved().filter(|_| !steps.is_empty()).map(Box::new);
        let moved = moved.or_else(|| (!steps.is_empty()).then(Box::default));
        self.plan.statements.push(StatementPlan { id: statement.id, state, steps, moved });
    }

    /// Findings where the plan cannot be carried out in one transaction, as `--atomic` promises: what cannot run in one at
    /// all, and what can be planned only once something before it has been committed.
    fn one_transaction(&mut self, scripts: &[ScriptGoals]) {
        let place = |id: StatementId| {
            scripts.iter().find(|script| script.id == id.script).and_then(|script| script.statements.get(id.index))
        };
        let alone =
            self.plan.steps().find(|step| step.transaction == Transaction::None).map(|step| {
                (step.statement, step.span, format!("{} cannot be carried out in a transaction", step.object))
            });
        let later = self.plan.barrier.and_then(|barrier| {
            let waits = |plan: &&StatementPlan| {
                (plan.id > barrier.statement || (plan.id == barrier.statement && !barrier.inclusive))
                    && (!plan.steps.is_empty() || matches!(plan.state, State::UnknownUntil(_) | State::Conflicting))
            };
            let first = self.plan.statements.iter().find(waits)?;
            let span = place(first.id)?.span;
            Some((first.id, span, "what is to be done here is known only once what comes before it is done".to_owned()))
        });
        for (id, span, what) in alone.into_iter().chain(later) {
            self.current = id;
            self.find(
                span,
                Code::NotSupported,
                what,
                "",
                vec!["`--atomic` promises one transaction; nothing was sent".to_owned()],
                "run without `--atomic`, or run the scripts before this one first (`--to`)",
            );
        }
    }

    /// What only a later server knows is told before anything is sent.
    fn too_new(&mut self, since: &Since) {
        let version = self.world.server.version;
        self.find(
            since.span,
            Code::ServerTooOld,
            format!("{} needs PostgreSQL {}; the server is {version}", since.what, since.major),
            "",
            vec!["the server would refuse this statement; nothing was sent".to_owned()],
            format!(
                "upgrade the server, or guard the statement: \
                 -- ensure:when SELECT current_setting('server_version_num')::int >= {}0000",
                since.major
            ),
        );
    }

    /// A guard that speaks of an object which is not there yet is asked again just before its statement.
    fn guard_undefined(&mut self, statement: &StatementGoals, why: &str) -> State {
        if self.plan.steps().next().is_none() && self.plan.barrier.is_none() {
            self.guard_failed(statement, why);
            return State::Conflicting;
        }
        let until = self.opaque_before.unwrap_or_else(|| {
            self.plan.statements.iter().rev().find(|plan| !plan.steps.is_empty()).map_or(statement.id, |plan| plan.id)
        });
        if self.plan.barrier.is_none() {
            self.plan.barrier = Some(Barrier { statement: statement.id, inclusive: false });
        }
        self.opaque_before.get_or_insert(statement.id);
        State::UnknownUntil(until)
    }

    fn guard_failed(&mut self, statement: &StatementGoals, why: &str) {
        let span = statement.directives.guards.first().map_or(statement.span, |guard| guard.query.span);
        self.find(
            span,
            Code::QueryFailed,
            "the guard of this statement could not be answered".to_owned(),
            "",
            vec![why.to_owned()],
            "correct the query, so that it returns true or false on every database",
        );
    }

    fn goals(&mut self, statement: &StatementGoals) {
        // CREATE TABLE, and ALTER TABLE with several columns to add, are carried out as one command.
        if let Some(GoalKind::Table { name }) = statement.goals.first().map(|goal| &goal.kind) {
            self.table(statement, name);
            return;
        }
        let mut rest = statement.goals.as_slice();
        while let Some(goal) = rest.first() {
            if let GoalKind::Column { table, .. } = &goal.kind {
                let length = rest
                    .iter()
                    .take_while(|goal| match &goal.kind {
                        GoalKind::Column { .. } => true,
                        GoalKind::Constraint { constraint, .. } => constraint.inline.is_some(),
                        _ => false,
                    })
                    .count();
                let (columns, others) = rest.split_at(length);
                self.columns(statement, table, columns);
                rest = others;
            } else {
                self.goal(statement, goal);
                rest = &rest[1..];
            }
        }
    }

    fn goal(&mut self, statement: &StatementGoals, goal: &Goal) {
        match &goal.kind {
            GoalKind::Table { .. } | GoalKind::Column { .. } => {}
            GoalKind::Schema(name) => self.schema(goal.span, name),
            GoalKind::Extension { name, schema, version } => {
                self.extension(statement, goal.span, name, schema.as_ref(), version.as_deref());
            }
            GoalKind::Enum { name, labels } => self.enum_type(goal.span, name, labels),
            GoalKind::EnumLabel { name, label, position } => self.enum_label(goal.span, name, label, position.as_ref()),
            GoalKind::EnumLabelRenamed { name, from, to } => self.enum_label_renamed(goal.span, name, from, to),
            GoalKind::Sequence { name, options } => self.sequence(goal.span, name, options),
            GoalKind::ColumnAbsent { table, column, cascade } => self.column_absent(goal.span, table, column, *cascade),
            GoalKind::ColumnType { table, column, type_name, using, collation } => {
                self.column_type(statement, goal, table, column, type_name, using.as_ref(), collation.as_ref());
            }
            GoalKind::ColumnNullability { table, column, not_null } => {
                self.column_nullability(statement, goal, table, column, *not_null);
            }
            GoalKind::ColumnDefault { table, column, default } => {
                self.column_default(statement, goal, table, column, default.as_ref());
            }
            GoalKind::ColumnIdentity { table, column, always } => {
                self.column_identity(statement, goal, table, column, *always);
            }
            GoalKind::Constraint { table, constraint } => self.constraint(goal.span, table, constraint),
            GoalKind::ConstraintAbsent { table, name, cascade } => {
                self.constraint_absent(goal.span, table, name, *cascade);
            }
            GoalKind::ConstraintValidated { table, name } => self.constraint_validated(goal.span, table, name),
            GoalKind::Index(index) => self.index(goal.span, index),
            GoalKind::Absent { kind, name, cascade } => self.absent(goal.span, *kind, name, *cascade),
            GoalKind::ColumnRenamed { table, from, to } => self.column_renamed(goal.span, table, from, to),
            GoalKind::TableRenamed { from, to } => self.table_renamed(goal.span, from, to),
            GoalKind::ConstraintRenamed { table, from, to } => self.constraint_renamed(goal.span, table, from, to),
            GoalKind::IndexRenamed { from, to } => self.index_renamed(goal.span, from, to),
            GoalKind::View(view) => self.view(statement, view),
            GoalKind::Routine(routine) => self.routine(statement, routine),
            GoalKind::Trigger(trigger) => self.trigger(statement, trigger),
            GoalKind::Policy(policy) => self.policy_goal(statement, policy),
            GoalKind::RowSecurity { table, force, on } => self.row_security(goal.span, table, *force, *on),
            GoalKind::Comment(comment) => self.comment(goal.span, comment),
            GoalKind::Privileges { object, terms } => self.privileges(goal.span, object, terms),
            GoalKind::ObjectAbsent { object, cascade } => self.object_absent(goal.span, object, *cascade),
            GoalKind::Backfill(backfill) => self.backfill(statement, backfill),
            GoalKind::Seed(seed) => self.seed(statement, seed),
            GoalKind::Opaque { verb } => self.opaque(statement, verb),
        }
    }

    // What every goal needs.

    /// Notes what stands in the way. After a statement whose effect is not known, what is missing may be its work.
    fn find(&mut self, span: Span, code: Code, what: String, label: &str, why: Vec<String>, help: impl Into<String>) {
        if !self.told.insert((code, what.clone())) {
            // Told once is enough, but the statement still counts as refused.
            self.refused = true;
            return;
        }
        let words: Vec<&str> = if label == NAME_ONLY { self.text.split_whitespace().collect() } else { Vec::new() };
        let hides = words.windows(3).any(|words| words.join(" ").eq_ignore_ascii_case("IF NOT EXISTS"));
        let finding = Finding {
            script: self.current.script,
            span,
            code,
            what,
            subject: self.subject_at(span),
            label: if label == NAME_ONLY && !hides { String::new() } else { label.to_owned() },
            why,
            related: None,
            help: help.into(),
        };
        let may_come = matches!(
            code,
            Code::TableMissing | Code::ColumnMissing | Code::ObjectMissing | Code::SchemaMissing | Code::QueryFailed
        );
        if may_come && self.opaque_before.is_some() {
            self.plan.deferred.push(finding);
        } else {
            self.plan.findings.push(finding);
        }
    }

    fn step(&mut self, span: Span, sql: Sql, act: Act<'_>) {
        let sql = self.relabelled.iter().fold(sql, |sql, (part, label)| sql.with(*part, label));
        let long = act.hazards.contains(&Hazard::Rewrite) && self.allow.contains(&Hazard::Rewrite);
        self.steps.push(Step {
            statement: self.current,
            span,
            sql: sql.text,
            origins: sql.origins,
            verb: act.verb,
            object: act.object,
            size: act.table.and_then(|table| self.known_size(table)),
            table: act.table.cloned(),
            form: act.form,
            lock: act.lock,
            lock_timeout: self.policy.timeouts.lock,
            statement_timeout: if long { self.policy.timeouts.long } else { act.timeout },
            hazards: act.hazards,
            transaction: act.transaction,
            leftover: None,
            batches: None,
            keeps: None,
            looks_again: false,
        });
    }

    /// A change of the catalog alone, under ACCESS EXCLUSIVE where it is about a table that exists.
    fn catalog_step(&mut self, span: Span, sql: Sql, verb: Verb, object: String, table: Option<&ObjectName>) {
        let lock = table.filter(|table| !self.made.contains(*table)).map(|_| LockMode::AccessExclusive);
        let act = Act {
            verb,
            object,
            table,
            form: Form::CatalogOnly,
            lock,
            timeout: self.policy.timeouts.catalog,
            hazards: Vec::new(),
            transaction: Transaction::Shared,
        };
        self.step(span, sql, act);
    }

    /// Notes that an object was looked at; once.
    fn check(&mut self, table: Option<&ObjectName>, kind: CheckedKind, name: &Ident, details: impl FnOnce() -> String) {
        if self.checked.insert((table.cloned(), kind, name.clone())) {
            self.plan.checked.push(Checked { table: table.cloned(), kind, name: name.clone(), details: details() });
        }
    }

    fn allowed(&self, hazard: Hazard) -> bool {
        self.allow.contains(&hazard)
    }

    /// Returns whether our role may change the table; a finding where it may not.
    fn owns(&mut self, span: Span, table: &ObjectName) -> bool {
        let Some(state) = self.table_state(table) else { return true };
        if state.owned {
            return true;
        }
        let (owner, role) = (state.owner.clone(), self.world.server.role.clone());
        let word = if self.world.materialized.contains_key(table) { "materialized view" } else { "table" };
        self.find(
            span,
            Code::NotOwner,
            format!("must be owner of {word} {}", table.name),
            "",
            vec![format!("{word} {table} belongs to {owner}; this run is by {role}")],
            format!(
                "run as {owner}, or grant its rights: GRANT {} TO {}",
                Ident::new(owner.as_str()),
                Ident::new(role)
            ),
        );
        false
    }

    /// Returns whether our role may create in the schema; a finding where it may not.
    fn may_create(&mut self, span: Span, schema: &Ident) -> bool {
        match self.world.schemas.get(schema) {
            Some(rights) if rights.may_create => true,
            Some(_) => {
                let role = self.world.server.role.clone();
                self.find(
                    span,
                    Code::PermissionDenied,
                    format!("permission denied for schema {schema}: role {role} lacks CREATE"),
                    "",
                    vec!["found before anything was changed".to_owned()],
                    format!("let its owner run: GRANT CREATE ON SCHEMA {schema} TO {}", Ident::new(role)),
                );
                false
            }
            None => {
                self.find(
                    span,
                    Code::SchemaMissing,
                    format!("schema {schema} is not there"),
                    "",
                    Vec::new(),
                    format!("create it: CREATE SCHEMA {schema}"),
                );
                false
            }
        }
    }

    /// Returns the type with its schema, as the catalog would show it.
    fn resolve_type(&self, type_name: &TypeName) -> TypeName {
        if type_name.is_builtin() || type_name.schema().is_some() {
            return type_name.clone();
        }
        let name = Ident::new(type_name.name());
        let schema = std::iter::once(&self.target)
            .chain(&self.world.search_path)
            .find(|schema| self.world.types.contains_key(&ObjectName { schema: (*schema).clone(), name: name.clone() }))
            .unwrap_or(&self.target);
        type_name.with_schema(schema.clone())
    }

    /// Returns whether a type is there; a finding where it is not.
    fn has_type(&mut self, span: Span, type_name: &TypeName) -> bool {
        if type_name.is_builtin() {
            return true;
        }
        let name = ObjectName {
            schema: type_name.schema().unwrap_or(&self.target).clone(),
            name: Ident::new(type_name.name()),
        };
        if self.world.types.contains_key(&name) || self.world.tables.contains_key(&name) {
            return true;
        }
        self.find(
            span,
            Code::ObjectMissing,
            format!("type {name} is not there"),
            "",
            Vec::new(),
            "create it in an earlier statement, or install the extension that brings it",
        );
        false
    }

    /// Returns the table that a statement means by `name`: under its later name, where it has been renamed already.
    fn locate(&self, name: &QualifiedName) -> ObjectName {
        let written = name.resolve(&self.target);
        if self.world.tables.contains_key(&written) {
            return written;
        }
        let there = |name: &ObjectName| self.world.tables.contains_key(name);
        let found = self.declared.table_name_until(self.order, &written, &there);
        if there(&found) { found } else { written }
    }

    /// Returns the column that a statement means by `name`: under its later name, where it has been renamed already.
    fn locate_column(&self, table: &ObjectName, name: &Ident) -> Ident {
        let has = |name: &Ident| self.table_state(table).is_some_and(|table| table.column(name).is_some());
        let final_table = self.declared.table_name(self.order, table);
        if has(name) {
            // A column of that name may be a later one, made after the one that is meant was renamed.
            if self.declared.renames_columns()
                && self.declared.made_after(self.order, &Aspect::Column(final_table.clone(), name.clone()))
            {
                let other = |found: &Ident| found != name && has(found);
                let found = self.declared.column_name_until(self.order, &final_table, name, &other);
                if other(&found) {
                    return found;
                }
            }
            return name.clone();
        }
        let found = self.declared.column_name_until(self.order, &final_table, name, &has);
        if has(&found) { found } else { name.clone() }
    }

    /// Returns the names under which aspects of a column are declared: those it has in the end.
    fn declared_column(&self, table: &ObjectName, column: &Ident) -> (ObjectName, Ident) {
        let table = self.declared.table_name(self.order, table);
        let column = self.declared.column_name(self.order, &table, column);
        (table, column)
    }

    /// Gives an expression the names that the columns have now, where they have been renamed already.
    fn under_current_names(&self, table: &ObjectName, tree: &mut Expr) {
        tree.rename_columns(&|name| {
            let located = self.locate_column(table, name);
            (located != *name).then_some(located)
        });
    }

    /// Returns whether a later statement drops the column.
    fn column_dropped_after(&self, table: &ObjectName, column: &Ident) -> bool {
        let (table, column) = self.declared_column(table, column);
        self.declared.dropped_after(self.order, &Aspect::Column(table, column))
    }

    /// Returns whether an index or constraint has gone with its table or with one of its columns, which a later statement
    /// drops. `aspect` is under the name that it has in the end.
    fn gone_with_its_columns(&self, aspect: &Aspect) -> bool {
        let Some((at, goal)) = self.declared.assertion(aspect) else { return false };
        let (table, columns): (_, Vec<&Ident>) = match &goal.kind {
            GoalKind::Index(index) => (&index.table, index.columns()),
            GoalKind::Constraint { table, constraint } => (table, constraint.kind.columns()),
            _ => return false,
        };
        let table = self.declared.table_name(at, &table.resolve(&self.target));
        self.declared.dropped_after(self.order, &Aspect::Relation(table.clone()))
            || columns.into_iter().any(|column| {
                let column = self.declared.column_name(at, &table, column);
                self.declared.dropped_after(self.order, &Aspect::Column(table.clone(), column))
            })
    }

    /// Returns the table, or tells what is there in its place. `None` also where a later statement drops it.
    fn existing_table(&mut self, span: Span, name: &QualifiedName) -> Option<ObjectName> {
        let table = self.locate(name);
        if self.world.tables.contains_key(&table) {
            return Some(table);
        }
        let last = self.declared.table_name(self.order, &table);
        if self.declared.dropped_after(self.order, &Aspect::Relation(last)) {
            self.superseded = true;
            return None;
        }
        self.no_table(span, &table);
        None
    }

    /// Returns the table or materialised view that an index is asked for, or tells what is there in its place.
    fn existing_indexable(&mut self, span: Span, name: &QualifiedName) -> Option<ObjectName> {
        let view = name.resolve(&self.target);
        if !self.world.materialized.contains_key(&view) {
            return self.existing_table(span, name);
        }
        if self.declared.dropped_after(self.order, &Aspect::Relation(view.clone())) {
            self.superseded = true;
            return None;
        }
        Some(view)
    }

    /// Returns every table and materialised view that was looked at.
    fn indexables(&self) -> impl Iterator<Item = (&ObjectName, &Table)> {
        self.world.tables.iter().chain(&self.world.materialized)
    }

    fn no_table(&mut self, span: Span, table: &ObjectName) {
        if let Some(kind) = self.world.relations.get(table) {
            let described = kind.described();
            self.find(
                span,
                Code::KindConflict,
                format!("{table} is {described}; the script asks for a table"),
                "",
                vec!["the name is taken, and nothing is replaced by guessing".to_owned()],
                format!("rename or drop {table}, or use another name in the script"),
            );
        } else {
            self.find(
                span,
                Code::TableMissing,
                format!("table {table} is not there"),
                "",
                Vec::new(),
                "create it in an earlier statement",
            );
        }
    }

    /// Returns a table, or a materialised view, which is one where indexes are concerned.
    fn table_state(&self, table: &ObjectName) -> Option<&Table> {
        self.world.tables.get(table).or_else(|| self.world.materialized.get(table))
    }

    fn table_mut(&mut self, table: &ObjectName) -> Option<&mut Table> {
        if self.world.tables.contains_key(table) {
            self.world.tables_at(table).get_mut(table)
        } else {
            self.world.materialized_at(table).get_mut(table)
        }
    }

    /// Returns how large a table is, as far as that is known without asking.
    fn known_size(&self, table: &ObjectName) -> Option<TableSize> {
        let state = self.table_state(table).filter(|_| !self.made.contains(table))?;
        if state.partitioned {
            let (pages, rows) = self.answers.get(&partition::size_query(table))?.as_rows()?;
            let rows = rows.and_then(|rows| rows.parse().ok()).map(RowCount);
            return Some(TableSize { pages, rows, limits: self.policy.limits });
        }
        let asked = self.answers.get(&size_query(table)).and_then(Answer::as_number);
        let pages = asked.unwrap_or(0).max(state.pages);
        let counted = state.rows.filter(|_| state.pages > 0 || pages == 0);
        let rows = counted.map(|rows| RowCount(rows.0.saturating_mul(pages) / state.pages.max(1)));
        (asked.is_some() || rows.is_some()).then_some(TableSize { pages, rows, limits: self.policy.limits })
    }

    /// Returns how large a table is now; asks for it, because statistics may be old.
    fn size(&mut self, table: &ObjectName) -> Size {
        if self.made.contains(table) {
            return Size::New;
        }
        let partitioned = self.is_partitioned(table);
        let sql = if partitioned { partition::size_query(table) } else { size_query(table) };
        let asked = self.ask(Question::new(sql, Purpose::Size, Some(table.clone())));
        // Of a table that the scripts name only by an index of it nothing else is known.
        let state = self.table_state(table);
        // Never counted: rows of a header and eight bytes a column, as the server's own planner assumes.
        let assumed = 8_192 / (28 + 8 * state.map_or(8, |state| state.columns.len() as u64));
        let (pages, rows) = if partitioned {
            let (pages, rows) = asked.and_then(|answer| answer.as_rows()).unwrap_or_default();
            (pages, rows.and_then(|rows| rows.parse().ok()).unwrap_or(assumed.saturating_mul(pages)))
        } else {
            let known = state.map_or(0, |state| state.pages);
            let pages = asked.and_then(|answer| answer.as_number()).unwrap_or(known).max(known);
            let per_page = match state.and_then(|state| state.rows) {
                Some(RowCount(rows)) if known > 0 => rows.div_ceil(known),
                _ => assumed,
            };
            (pages, per_page.saturating_mul(pages))
        };
        let rows = RowCount(rows);
        let limits = self.policy.limits;
        if limits.is_large(pages, rows) { Size::Large { pages, rows } } else { Size::Small { pages } }
    }

    /// Returns whether what the database says now of these columns' values still holds when this statement's turn comes.
    fn values_known(&self, table: &ObjectName, columns: &[Ident]) -> bool {
        self.opaque_before.is_none()
            && !self.made.contains(table)
            && columns.iter().all(|column| {
                let key = (table.clone(), column.clone());
                !self.touched.contains(&key) && !self.added.contains_key(&key)
            })
            // A table that this plan renames cannot be asked under its new name.
            && !self.renamed.contains(table)
            && self.table_state(table).is_some_and(|state| columns.iter().all(|column| state.column(column).is_some()))
    }

    /// Returns a question for rows that stand in the way: how many, and one by its primary key.
    fn row_check(&self, table: &ObjectName, condition: &str) -> Question {
        let key = self.key_text(table);
        let order = self.key_order(table);
        let sql = format!(
            "SELECT pg_catalog.json_build_array(c.n, CASE WHEN c.n > 0 THEN (SELECT {key} FROM {table} WHERE {condition}\n \
             ORDER BY {order} LIMIT 1) END) FROM (SELECT count(*) AS n FROM {table} WHERE {condition}\n) c"
        );
        Question::new(sql, Purpose::Check, Some(table.clone()))
    }

    /// An expression that names a row: its primary key, or its place where it has none.
    fn key_text(&self, table: &ObjectName) -> String {
        let Some(key) = self.table_state(table).and_then(Table::primary_key) else {
            return "'ctid ' || ctid::text".to_owned();
        };
        key.iter()
            .map(|column| format!("{} || {column}::text", crate::pg::quote_literal(&format!("{column} "))))
            .collect::<Vec<_>>()
            .join(" || ', ' || ")
    }

    fn key_order(&self, table: &ObjectName) -> String {
        let key = self.table_state(table).and_then(Table::primary_key);
        key.map_or_else(|| "ctid".to_owned(), |key| key.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))
    }
}

/// Returns the question for the pages of a table.
fn size_query(table: &ObjectName) -> String {
    format!("SELECT pg_catalog.pg_relation_size({}) / current_setting('block_size')::int", regclass(table))
}

/// Returns a table as a constant of type regclass.
fn regclass(table: &ObjectName) -> String {
    format!("{}::pg_catalog.regclass", crate::pg::quote_literal(&table.to_string()))
}

fn list(idents: &[Ident]) -> String {
    idents.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// Returns `3 rows` or `1 row`.
fn rows_words(count: u64) -> String {
    if count == 1 { "1 row".to_owned() } else { format!("{} rows", RowCount(count)) }
}

/// Returns `3 rows hold` or `1 row holds`.
fn hold_words(count: u64) -> String {
    if count == 1 { "1 row holds".to_owned() } else { format!("{} hold", rows_words(count)) }
}

/// Returns ` (the first is id 17)`, or nothing.
fn example_words(example: Option<&str>) -> String {
    example.map(|row| format!(" (the first: {row})")).unwrap_or_default()
}
