//! Partitioned tables: what is made in each partition beside writers, and then put together.
//!
//! PostgreSQL builds no index of a partitioned table concurrently, and checks no foreign key of one beside writers before 18. So
//! the index is made on the parent alone, which is invalid then, and one concurrently in each partition; the parent's turns valid
//! as the last of them is attached. A run that was killed leaves that much in the catalog: the next one goes on with what is
//! missing, and drops nothing that is complete. A partition that somebody attaches meanwhile gets its index from the server.
//!
//! Source: ONLINE-DDL sections A.4.4 and A.4.5.

use std::collections::BTreeSet;

use serde::{Deserialize, Deserializer};

use crate::{
    catalog::{ForeignKey, Index},
    diagnostic::Code,
    goal::{ConstraintGoal, ConstraintGoalKind, Expr, GoalKind, IndexGoal, IndexKeyTarget, Sameness, read_definition},
    pg::{Hazard, Ident, LockMode, ObjectName, quote_literal},
    script::Span,
};

use super::{
    Act, Answer, Form, Planner, Purpose, Question, Size, Sql, Transaction, Verb,
    constraint::same_key,
    list,
    online::{Choice, could_serve, naming, object_name, timing_words},
    regclass,
};

/// The query behind its parameter, which [`question`] puts before it.
const PARTITIONS: &str = include_str!("partition.sql");

/// The first version in which a foreign key of a partitioned table can be added without a look at the rows.
const KEYS_NOT_VALID: u32 = 18;

/// A partition, at whatever depth.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Partition {
    #[serde(deserialize_with = "object")]
    name: ObjectName,
    #[serde(deserialize_with = "object")]
    parent: ObjectName,
    /// How far below the table it is.
    level: u32,
    /// What it is, as in `pg_class`.
    kind: char,
    /// Whether our role may make an index of it.
    ours: bool,
    #[serde(deserialize_with = "idents")]
    constraints: Vec<Ident>,
    indexes: Vec<PartIndex>,
    keys: Vec<PartKey>,
}

/// An index of a partition.
#[derive(Clone, Debug, Deserialize)]
struct PartIndex {
    #[serde(deserialize_with = "ident")]
    name: Ident,
    valid: bool,
    definition: String,
    /// The index of the parent that it is a part of.
    attached: Option<(String, String)>,
    /// The kind of the constraint that it belongs to.
    constraint: Option<char>,
}

/// A foreign key of a partition that is no part of one of its parent.
#[derive(Clone, Debug, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of the catalog, independent of the others")]
struct PartKey {
    #[serde(deserialize_with = "ident")]
    name: Ident,
    validated: bool,
    deferrable: bool,
    deferred: bool,
    #[serde(deserialize_with = "idents")]
    columns: Vec<Ident>,
    #[serde(deserialize_with = "object")]
    table: ObjectName,
    #[serde(deserialize_with = "idents")]
    referenced: Vec<Ident>,
    on_update: char,
    on_delete: char,
    match_full: bool,
}

impl Partition {
    const fn is_partitioned(&self) -> bool {
        self.kind == 'p'
    }
}

/// What is asked for of the whole table.
#[derive(Clone, Copy)]
pub(super) enum Whole<'g> {
    /// An index.
    Index(&'g IndexGoal),
    /// A primary key or unique constraint.
    Key(&'g ConstraintGoal),
}

/// What became of an attempt to make something in each partition.
pub(super) enum Spread {
    /// The steps are planned, or something that was told is in the way.
    Settled,
    /// PostgreSQL offers no such way here: why.
    Impossible(String),
}

/// How far a partition is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// There is nothing.
    Missing,
    /// There is an index that an interrupted build left.
    Invalid,
    /// There is the index, but not its constraint.
    Bare,
    /// There is all that can be attached.
    Ready,
    /// It is a part of the whole.
    Attached,
    /// It is a part of the whole, but invalid: the server took over what an interrupted build had left.
    Broken,
}

/// A partition, how far it is, and the name of its index.
struct Share {
    partition: Partition,
    stage: Stage,
    index: Ident,
    /// The index of the parent.
    into: ObjectName,
}

impl Planner<'_> {
    /// Returns whether an index or constraint has been made on a partitioned table but not in all of its partitions.
    pub(super) fn is_unfinished(&self, table: &ObjectName, index: &Ident) -> bool {
        self.table_state(table)
            .is_some_and(|state| state.partitioned && state.indexes.get(index).is_some_and(|index| !index.valid))
    }

    /// Returns whether a table is partitioned.
    pub(super) fn is_partitioned(&self, table: &ObjectName) -> bool {
        self.table_state(table).is_some_and(|state| state.partitioned)
    }

    /// Returns the partitions of a table; an error where they cannot be known, `None` as long as they have not been asked for.
    fn partitions(&mut self, table: &ObjectName) -> Result<Option<Vec<Partition>>, String> {
        if let Some(known) = self.partitions.get(table) {
            return Ok(Some(known.clone()));
        }
        let sql = format!(
            "WITH t AS MATERIALIZED (SELECT p.relid, p.parentrelid, p.level FROM pg_catalog.pg_partition_tree({}) p WHERE \
             p.level > 0) {PARTITIONS}",
            regclass(table)
        );
        let found: Vec<Partition> = match self.ask(Question::new(sql, Purpose::Names, None)) {
            None => return Ok(None),
            Some(Answer::Value(None)) => Vec::new(),
            Some(Answer::Value(Some(text))) => {
                serde_json::from_str(&text).map_err(|_| "its partitions could not be understood".to_owned())?
            }
            Some(Answer::Undefined(why) | Answer::Failed(why) | Answer::Unknown(why)) => return Err(why),
        };
        self.partitions.insert(table.clone(), found.clone());
        Ok(Some(found))
    }

    /// Returns in how many partitions the rows of a table are; `None` where some are not on this server, or nothing is known yet.
    pub(super) fn leaves(&mut self, table: &ObjectName) -> Option<u64> {
        if !self.is_partitioned(table) {
            return Some(1);
        }
        let found = self.partitions(table).ok()??;
        let here = found.iter().all(|partition| matches!(partition.kind, 'r' | 'p'));
        let leaves = found.iter().filter(|partition| !partition.is_partitioned()).count();
        (here && leaves > 0).then_some(u64::try_from(leaves).unwrap_or(u64::MAX))
    }

    /// Returns the partitions of a table in which we can make what is to be made; an error where some are not such.
    fn workable(&mut self, table: &ObjectName) -> Result<Option<Vec<Partition>>, String> {
        let Some(found) = self.partitions(table)? else { return Ok(None) };
        if let Some(foreign) = found.iter().find(|partition| !matches!(partition.kind, 'r' | 'p')) {
            return Err(format!("partition {} is a foreign table", foreign.name));
        }
        if let Some(other) = found.iter().find(|partition| !partition.ours) {
            return Err(format!("partition {} belongs to another role", other.name));
        }
        Ok(Some(found))
    }

    /// Makes an index or key of a partitioned table: on the table alone, in each partition, and put together. `name` is the one
    /// that it has or gets on the table; `begun`: it is there, and invalid.
    pub(super) fn spread(
        &mut self,
        span: Span,
        table: &ObjectName,
        whole: Whole<'_>,
        name: &Ident,
        begun: bool,
        choice: &Choice,
    ) -> Spread {
        let partitions = match self.workable(table) {
            Ok(Some(partitions)) => partitions,
            Ok(None) => return Spread::Settled,
            Err(why) => return Spread::Impossible(why),
        };
        if begun && partitions.is_empty() {
            return Spread::Impossible("it has no partitions any more".to_owned());
        }
        let Some(shares) = self.shares(table, whole, name, partitions) else { return Spread::Settled };
        let why = match (begun, choice.online) {
            (true, _) => "an interrupted run has begun it so".to_owned(),
            (false, _) => choice.why.clone(),
        };
        let before = self.steps.len();
        if !begun {
            self.make_alone(span, table, whole, name, choice.online, format!("{why}; in its partitions afterwards"));
        }
        for share in &shares {
            self.make_share(span, whole, share, choice.online, &why);
        }
        let mut attached = false;
        // From the bottom up: the last one makes the whole valid.
        let mut open: Vec<&Share> = shares.iter().filter(|share| share.stage != Stage::Attached).collect();
        if open.is_empty() {
            // The server looks again whether it is complete, where a partition without its part has gone meanwhile.
            open = shares.iter().collect();
        }
        open.sort_by_key(|share| std::cmp::Reverse(share.partition.level));
        for share in open {
            let (index, leaf) = (share.partition.name.sibling(share.index.clone()), &share.partition.name);
            let act = Act {
                verb: Verb::Alter,
                object: format!("{} (with that of {leaf})", of_table(whole, name, table)),
                // The lock is one on the partition's index, which every query of the partition opens.
                table: Some(leaf),
                form: Form::CatalogOnly,
                lock: Some(LockMode::AccessExclusive),
                timeout: self.policy.timeouts.catalog,
                hazards: Vec::new(),
                transaction: if choice.online { self.alone() } else { Transaction::Shared },
            };
            self.step(span, Sql::new(format!("ALTER INDEX {} ATTACH PARTITION {index}", share.into)), act);
            // The builds may have taken hours, in which others may have attached and detached partitions.
            if !attached
                && choice.online
                && self.steps.len() > before + 1
                && let Some(step) = self.steps.last_mut()
            {
                step.looks_again = true;
            }
            attached = true;
        }
        self.note_shares(table, &shares);
        Spread::Settled
    }

    /// Finds out how far each partition is, from the top down; `None` as long as something has to be asked.
    fn shares(
        &mut self,
        table: &ObjectName,
        whole: Whole<'_>,
        name: &Ident,
        partitions: Vec<Partition>,
    ) -> Option<Vec<Share>> {
        let mut shares: Vec<Share> = Vec::with_capacity(partitions.len());
        for partition in partitions {
            // Those above come first.
            let above = shares.iter().find(|share| share.partition.name == partition.parent);
            let into = match above {
                Some(above) => above.partition.name.sibling(above.index.clone()),
                None => table.sibling(name.clone()),
            };
            let found = partition
                .indexes
                .iter()
                .filter_map(|index| Some((self.stage(table, whole, &partition, index, &into)?, index.name.clone())))
                .max_by_key(|(stage, _)| match stage {
                    Stage::Attached | Stage::Broken => 3,
                    Stage::Ready => 2,
                    Stage::Bare => 1,
                    Stage::Missing | Stage::Invalid => 0,
                });
            let (stage, index) = found.unwrap_or_else(|| (Stage::Missing, Ident::new("")));
            shares.push(Share { partition, stage, index, into });
        }
        let wanted: Vec<&Partition> =
            shares.iter().filter(|share| share.stage == Stage::Missing).map(|share| &share.partition).collect();
        let mut names = self.free_index_names(whole, &wanted)?.into_iter();
        for share in shares.iter_mut().filter(|share| share.stage == Stage::Missing) {
            share.index = names.next()?;
        }
        // What is made now has a name only now.
        for at in 0..shares.len() {
            let above = shares.iter().find(|share| share.partition.name == shares[at].partition.parent);
            if let Some(into) = above.map(|above| above.partition.name.sibling(above.index.clone())) {
                shares[at].into = into;
            }
        }
        Some(shares)
    }

    /// Returns how far an index of a partition is on its way to be a part of the index `into`; `None` where it is another one.
    fn stage(
        &self,
        table: &ObjectName,
        whole: Whole<'_>,
        partition: &Partition,
        index: &PartIndex,
        into: &ObjectName,
    ) -> Option<Stage> {
        let attached = index
            .attached
            .as_ref()
            .map(|(schema, name)| ObjectName { schema: Ident::new(schema.clone()), name: Ident::new(name.clone()) });
        match attached {
            // The server has made sure that it is alike.
            Some(attached) if attached == *into => {
                let broken = !index.valid && !partition.is_partitioned();
                return Some(if broken { Stage::Broken } else { Stage::Attached });
            }
            Some(_) => return None,
            None => {}
        }
        let Some(GoalKind::Index(definition)) = read_definition(&index.definition) else { return None };
        let structure = Self::structure(&definition);
        let constrained = match whole {
            Whole::Index(goal) => {
                if self.same_structure(table, goal, &structure) != Sameness::Same
                    || (index.constraint == Some('p') && !goal.unique)
                {
                    return None;
                }
                true
            }
            Whole::Key(goal) => {
                let wanted = if matches!(goal.kind, ConstraintGoalKind::PrimaryKey { .. }) { 'p' } else { 'u' };
                let plain = Index { valid: true, structure, constraint: None };
                if !could_serve(&plain, &goal.kind) || index.constraint.is_some_and(|kind| kind != wanted) {
                    return None;
                }
                index.constraint.is_some()
            }
        };
        Some(match (partition.is_partitioned(), index.valid, constrained) {
            // Of a partitioned one that is not complete the rest is made; a constraint takes over no index there.
            (true, _, true) | (false, true, true) => Stage::Ready,
            (true, _, false) => return None,
            (false, true, false) => Stage::Bare,
            (false, false, _) => Stage::Invalid,
        })
    }

    /// Returns the names that PostgreSQL would choose for indexes of partitions; `None` as long as something has to be asked.
    fn free_index_names(&mut self, whole: Whole<'_>, partitions: &[&Partition]) -> Option<Vec<Ident>> {
        let (columns, suffix) = match whole {
            Whole::Index(goal) => (name_parts(goal), "idx"),
            Whole::Key(goal) => naming(&goal.kind),
        };
        let mut taken: BTreeSet<ObjectName> = self.named.clone();
        loop {
            let mut chosen: Vec<ObjectName> = Vec::with_capacity(partitions.len());
            for partition in partitions {
                let mut tries = (0..u32::MAX).map(|n| {
                    let suffix = if n == 0 { suffix.to_owned() } else { format!("{suffix}{n}") };
                    partition.name.sibling(object_name(&partition.name.name, &columns, &suffix))
                });
                chosen.push(tries.find(|name| {
                    !taken.contains(name) && !chosen.contains(name) && !partition.constraints.contains(&name.name)
                })?);
            }
            if chosen.is_empty() {
                return Some(Vec::new());
            }
            let rows: Vec<String> = chosen
                .iter()
                .enumerate()
                .map(|(at, name)| {
                    let (schema, name) = (quote_literal(name.schema.as_str()), quote_literal(name.name.as_str()));
                    format!("({at}, {schema}, {name})")
                })
                .collect();
            let sql = format!(
                "SELECT json_agg(v.place::text) FROM (VALUES {}) v(place, schema, name) WHERE EXISTS (SELECT FROM \
                 pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = \
                 v.schema::name AND c.relname = v.name::name)",
                rows.join(", ")
            );
            let answer = self.ask(Question::new(sql, Purpose::Names, None))?;
            let found = answer.as_names().unwrap_or_default();
            let found: Vec<usize> = found.iter().filter_map(|place| place.parse().ok()).collect();
            if found.is_empty() {
                return Some(chosen.into_iter().map(|name| name.name).collect());
            }
            taken.extend(found.into_iter().filter_map(|at| chosen.get(at).cloned()));
        }
    }

    /// Makes an index or key of a partitioned table without its partitions.
    fn make_alone(
        &mut self,
        span: Span,
        table: &ObjectName,
        whole: Whole<'_>,
        name: &Ident,
        online: bool,
        why: String,
    ) {
        let (sql, lock) = match whole {
            Whole::Index(goal) => {
                let unique = if goal.unique { "UNIQUE " } else { "" };
                let sql = Sql::new(format!("CREATE {unique}INDEX {name} ON ONLY {table} "))
                    .source(&goal.definition.text, goal.definition.span.start);
                (sql, LockMode::Share)
            }
            Whole::Key(goal) => {
                let sql = format!("ALTER TABLE ONLY {table} ADD CONSTRAINT {name} {}", key_sql(goal));
                (Sql::new(sql), LockMode::AccessExclusive)
            }
        };
        let act = Act {
            verb: Verb::Add,
            object: of_table(whole, name, table),
            table: Some(table),
            form: if online { Form::Online(why) } else { Form::CatalogOnly },
            lock: Some(lock),
            timeout: self.policy.timeouts.catalog,
            hazards: Vec::new(),
            transaction: if online { self.alone() } else { Transaction::Shared },
        };
        self.step(span, sql, act);
    }

    /// Makes what one partition lacks, but for its attachment.
    fn make_share(&mut self, span: Span, whole: Whole<'_>, share: &Share, online: bool, why: &str) {
        let (leaf, index) = (&share.partition.name, &share.index);
        if share.partition.is_partitioned() {
            if share.stage == Stage::Missing {
                self.make_alone(span, leaf, whole, index, online, why.to_owned());
            }
            return;
        }
        let long = if online { self.policy.timeouts.long } else { self.policy.timeouts.scan };
        let transaction = if online { Transaction::None } else { Transaction::Shared };
        let word = if online { "CONCURRENTLY " } else { "" };
        let form = || if online { Form::Online(why.to_owned()) } else { Form::Plain(why.to_owned()) };
        let lock = if online { LockMode::ShareUpdateExclusive } else { LockMode::AccessExclusive };
        let act = |verb, object, lock| Act {
            verb,
            object,
            table: Some(leaf),
            form: form(),
            lock: Some(lock),
            timeout: long,
            hazards: Vec::new(),
            transaction,
        };
        if share.stage == Stage::Invalid {
            let object = format!("index {index} on {leaf} (invalid, left by an interrupted build)");
            let sql = Sql::new(format!("DROP INDEX {word}{}", leaf.sibling(index.clone())));
            self.step(span, sql, act(Verb::Drop, object, lock));
        }
        if share.stage == Stage::Broken {
            let object = format!("index {index} on {leaf} (invalid, left by an interrupted build)");
            let sql = Sql::new(format!("REINDEX INDEX {word}{}", leaf.sibling(index.clone())));
            self.step(span, sql, act(Verb::Alter, object, lock));
        }
        if matches!(share.stage, Stage::Missing | Stage::Invalid) && (online || matches!(whole, Whole::Index(_))) {
            let (unique, sql) = match whole {
                Whole::Index(goal) => {
                    let unique = if goal.unique { "unique " } else { "" };
                    let sql = Sql::new(format!("CREATE {}INDEX {word}{index} ON {leaf} ", unique.to_uppercase()))
                        .source(&goal.definition.text, goal.definition.span.start);
                    (unique, sql)
                }
                Whole::Key(goal) => {
                    let sql = format!("CREATE UNIQUE INDEX {word}{index} ON {leaf} {}", key_columns(goal));
                    ("unique ", Sql::new(sql))
                }
            };
            let lock = if online { lock } else { LockMode::Share };
            self.step(span, sql, act(Verb::Add, format!("{unique}index {index} on {leaf}"), lock));
            if online && let Some(step) = self.steps.last_mut() {
                step.leftover = Some(leaf.sibling(index.clone()));
            }
        }
        let Whole::Key(goal) = whole else { return };
        if !matches!(share.stage, Stage::Missing | Stage::Invalid | Stage::Bare) {
            return;
        }
        let sql = if online || share.stage == Stage::Bare {
            let (kind, timing) = (key_word(goal), timing_words(goal.timing));
            format!("ALTER TABLE {leaf} ADD CONSTRAINT {index} {kind} USING INDEX {index}{timing}")
        } else {
            format!("ALTER TABLE {leaf} ADD CONSTRAINT {index} {}", key_sql(goal))
        };
        let lock = LockMode::AccessExclusive;
        let object = of_table(whole, index, leaf);
        if online {
            self.brief_step(span, Sql::new(sql), Verb::Add, object, leaf, lock, Form::CatalogOnly);
        } else {
            self.step(span, Sql::new(sql), act(Verb::Add, object, lock));
        }
    }

    /// Notes in the picture that all partitions have their part.
    fn note_shares(&mut self, table: &ObjectName, shares: &[Share]) {
        for share in shares {
            self.named.insert(share.partition.name.sibling(share.index.clone()));
            let known = self.partitions.get_mut(table).into_iter().flatten();
            for partition in known.filter(|partition| partition.name == share.partition.name) {
                partition.indexes.retain(|index| index.name != share.index);
                partition.indexes.push(PartIndex {
                    name: share.index.clone(),
                    valid: true,
                    definition: String::new(),
                    attached: Some((share.into.schema.as_str().to_owned(), share.into.name.as_str().to_owned())),
                    constraint: None,
                });
            }
        }
    }

    /// Returns the name for an index of a partitioned table that the script gives none; `None` as long as it has to be asked.
    pub(super) fn whole_name(&mut self, table: &ObjectName, whole: Whole<'_>) -> Option<Ident> {
        let constraints = self.table_state(table)?.constraints.iter().map(|found| found.name.clone()).collect();
        let as_partition = Partition {
            name: table.clone(),
            parent: table.clone(),
            level: 0,
            kind: 'p',
            ours: true,
            constraints,
            indexes: Vec::new(),
            keys: Vec::new(),
        };
        let name = self.free_index_names(whole, &[&as_partition])?.into_iter().next()?;
        self.named.insert(table.sibling(name.clone()));
        Some(name)
    }

    /// Adds a primary key or unique constraint of a partitioned table beside writers. Returns why that is not possible, where it
    /// is not.
    pub(super) fn spread_key(
        &mut self,
        span: Span,
        table: &ObjectName,
        goal: &ConstraintGoal,
        choice: &Choice,
    ) -> Spread {
        match self.workable(table) {
            Ok(Some(_)) => {}
            Ok(None) => return Spread::Settled,
            Err(why) => return Spread::Impossible(why),
        }
        let whole = Whole::Key(goal);
        let name = match &goal.name {
            Some(name) => name.clone(),
            None => match self.whole_name(table, whole) {
                Some(name) => name,
                None => return Spread::Settled,
            },
        };
        if let ConstraintGoalKind::PrimaryKey { columns, .. } = &goal.kind {
            self.key_not_null(span, table, columns, true);
        }
        let spread = self.spread(span, table, whole, &name, false, choice);
        let goal = ConstraintGoal { name: Some(name), ..goal.clone() };
        self.add_constraint_to_picture(table, &goal, true);
        spread
    }

    /// Goes on with a primary key or unique constraint that is on a partitioned table, but not in all of its partitions.
    pub(super) fn finish_key(&mut self, span: Span, table: &ObjectName, goal: &ConstraintGoal, name: &Ident) {
        if !self.owns(span, table) {
            return;
        }
        let choice = self.choose(table, false);
        if let Spread::Impossible(why) = self.spread(span, table, Whole::Key(goal), name, true, &choice) {
            self.find(
                span,
                Code::IndexConflict,
                format!("constraint {name} of {table} does not hold in all of its partitions"),
                "",
                vec!["its index is invalid, and cannot be completed".to_owned(), why],
                format!("drop it, and run again: ALTER TABLE {table} DROP CONSTRAINT {name}"),
            );
            return;
        }
        if let Some(index) = self.table_mut(table).and_then(|state| state.indexes.get_mut(name)) {
            index.valid = true;
        }
    }

    /// Adds a foreign key of a partitioned table beside writers: in each partition, then on the table, which takes those over
    /// without a scan. From 18 on the server does that by itself.
    pub(super) fn spread_foreign_key(
        &mut self,
        span: Span,
        table: &ObjectName,
        goal: &ConstraintGoal,
        object: &str,
        choice: &Choice,
    ) -> Spread {
        if self.world.server.version.major() >= KEYS_NOT_VALID {
            let lock = LockMode::ShareRowExclusive;
            self.add_validated(span, table, goal, object, lock, choice.why.clone());
            return Spread::Settled;
        }
        let Some(key) = self.foreign_key(&goal.kind) else { return Spread::Settled };
        if self.is_partitioned(&key.table) {
            return Spread::Impossible(format!("{} is partitioned too", key.table));
        }
        let partitions = match self.workable(table) {
            Ok(Some(partitions)) => partitions,
            Ok(None) => return Spread::Settled,
            Err(why) => return Spread::Impossible(why),
        };
        let name = self.constraint_name(table, goal);
        let before = self.steps.len();
        for leaf in partitions.iter().filter(|partition| !partition.is_partitioned()) {
            let same = |found: &&PartKey| {
                let timing = (found.deferrable, found.deferred);
                timing == (goal.timing.deferrable, goal.timing.initially_deferred) && same_key(&key, &found.key())
            };
            let found = leaf.keys.iter().filter(same).max_by_key(|found| found.validated);
            if found.is_some_and(|found| found.validated) {
                continue;
            }
            let part = found.map_or_else(|| leaf.free_constraint_name(&name, &key.columns), |found| found.name.clone());
            let leaf = &leaf.name;
            let object = format!("foreign key {part} on {leaf} ({}) → {}", list(&key.columns), key.table);
            if found.is_none() {
                let sql = format!("ALTER TABLE {leaf} ADD CONSTRAINT {part} {} NOT VALID", goal.definition);
                let form = Form::Online(choice.why.clone());
                let lock = LockMode::ShareRowExclusive;
                self.brief_step(span, Sql::new(sql), Verb::Add, object.clone(), leaf, lock, form);
            }
            self.validate_step(span, leaf, &part, format!("{object} validated"));
        }
        let sql = format!("ALTER TABLE {table} ADD CONSTRAINT {name} {}", goal.definition);
        let form = Form::Online("takes over those of its partitions without a scan".to_owned());
        // For a moment that of the other table too: the triggers of the partitions' keys make way.
        let lock = LockMode::AccessExclusive;
        self.brief_step(span, Sql::new(sql), Verb::Add, object.to_owned(), table, lock, form);
        if self.steps.len() > before + 1
            && let Some(step) = self.steps.last_mut()
        {
            step.looks_again = true;
        }
        self.add_constraint_to_picture(table, goal, true);
        Spread::Settled
    }

    /// Returns whether something may be done to a large partitioned table in which writers wait, because PostgreSQL has no other
    /// way; a finding where it may not.
    pub(super) fn waiting_allowed(
        &mut self,
        span: Span,
        table: &ObjectName,
        choice: &Choice,
        what: &str,
        why: &str,
    ) -> bool {
        let pages = match choice.size {
            Size::Large { pages, .. } => pages,
            Size::New | Size::Small { .. } => 0,
        };
        if !choice.online || pages < self.policy.limits.hazard_pages || self.allowed(Hazard::BlockingLock) {
            return true;
        }
        self.find(
            span,
            Code::HazardNotAllowed,
            format!("{what} cannot be made beside writers, and the table is large"),
            "blocking-lock",
            vec![
                format!("{why}; {table} has {}, and writes would wait for all of it", Self::size_words(choice.size)),
                self.not_allowed_words(),
            ],
            "write `-- ensure:allow blocking-lock -- <reason>` above the statement, and run when nobody waits",
        );
        false
    }
}

impl Partition {
    /// Returns the name that PostgreSQL would give the partition's part of a foreign key: that of the whole, where it is free.
    fn free_constraint_name(&self, whole: &Ident, columns: &[Ident]) -> Ident {
        let further = (0..u32::MAX).map(|n| {
            let suffix = if n == 0 { "fkey".to_owned() } else { format!("fkey{n}") };
            object_name(&self.name.name, columns, &suffix)
        });
        let mut names = std::iter::once(whole.clone()).chain(further);
        names.find(|name| !self.constraints.contains(name)).unwrap_or_else(|| whole.clone())
    }
}

impl PartKey {
    fn key(&self) -> ForeignKey {
        ForeignKey {
            columns: self.columns.clone(),
            table: self.table.clone(),
            referenced: self.referenced.clone(),
            on_update: self.on_update,
            on_delete: self.on_delete,
            match_full: self.match_full,
        }
    }
}

/// Returns the query for the size of a partitioned table: that of its partitions, and their rows where all were counted.
pub(super) fn size_query(table: &ObjectName) -> String {
    format!(
        "SELECT pg_catalog.json_build_array(coalesce(sum(greatest(pg_catalog.pg_relation_size(c.oid) / \
         current_setting('block_size')::int, c.relpages)), 0), CASE WHEN bool_and(c.reltuples > 0 OR c.relpages = 0 AND \
         pg_catalog.pg_relation_size(c.oid) = 0) THEN sum(greatest(c.reltuples, 0))::int8::text END) FROM \
         pg_catalog.pg_partition_tree({}) t JOIN pg_catalog.pg_class c ON c.oid = t.relid WHERE t.isleaf AND c.relkind = 'r'",
        regclass(table)
    )
}

/// Returns the query for the number of pages of the largest partition of a table.
pub(super) fn longest_query(table: &ObjectName) -> String {
    format!(
        "SELECT coalesce(max(pg_catalog.pg_relation_size(t.relid)), 0) / current_setting('block_size')::int FROM \
         pg_catalog.pg_partition_tree({}) t WHERE t.isleaf",
        regclass(table)
    )
}

/// The object of a step, in words.
fn of_table(whole: Whole<'_>, name: &Ident, table: &ObjectName) -> String {
    match whole {
        Whole::Index(goal) => format!("{}index {name} on {table}", if goal.unique { "unique " } else { "" }),
        Whole::Key(goal) => format!("{} {name} on {table} ({})", goal.kind.described(), list(key_names(goal))),
    }
}

fn key_names(goal: &ConstraintGoal) -> &[Ident] {
    match &goal.kind {
        ConstraintGoalKind::PrimaryKey { columns, .. } | ConstraintGoalKind::Unique { columns, .. } => columns,
        ConstraintGoalKind::Check(_) | ConstraintGoalKind::ForeignKey { .. } => &[],
    }
}

const fn key_word(goal: &ConstraintGoal) -> &'static str {
    if matches!(goal.kind, ConstraintGoalKind::PrimaryKey { .. }) { "PRIMARY KEY" } else { "UNIQUE" }
}

/// The columns of a unique index, as `CREATE INDEX` has them.
fn key_columns(goal: &ConstraintGoal) -> String {
    let (columns, include, nulls) = match &goal.kind {
        ConstraintGoalKind::PrimaryKey { columns, include } => (columns, include, false),
        ConstraintGoalKind::Unique { columns, include, nulls_not_distinct } => (columns, include, *nulls_not_distinct),
        ConstraintGoalKind::Check(_) | ConstraintGoalKind::ForeignKey { .. } => return String::new(),
    };
    let include = if include.is_empty() { String::new() } else { format!(" INCLUDE ({})", list(include)) };
    format!("({}){include}{}", list(columns), if nulls { " NULLS NOT DISTINCT" } else { "" })
}

/// A primary key or unique constraint as `ADD CONSTRAINT` has it.
fn key_sql(goal: &ConstraintGoal) -> String {
    let (columns, include, nulls) = match &goal.kind {
        ConstraintGoalKind::PrimaryKey { columns, include } => (columns, include, ""),
        ConstraintGoalKind::Unique { columns, include, nulls_not_distinct } => {
            (columns, include, if *nulls_not_distinct { " NULLS NOT DISTINCT" } else { "" })
        }
        ConstraintGoalKind::Check(_) | ConstraintGoalKind::ForeignKey { .. } => return String::new(),
    };
    let include = if include.is_empty() { String::new() } else { format!(" INCLUDE ({})", list(include)) };
    format!("{}{nulls} ({}){include}{}", key_word(goal), list(columns), timing_words(goal.timing))
}

/// Returns the parts from which PostgreSQL makes an index's name: its columns, and words for its expressions.
///
/// Source: `ChooseIndexColumnNames` in PostgreSQL's indexcmds.c.
fn name_parts(goal: &IndexGoal) -> Vec<Ident> {
    let mut parts: Vec<Ident> = Vec::new();
    let keys = goal.keys.iter().map(|key| match &key.target {
        IndexKeyTarget::Column(column) => column.clone(),
        IndexKeyTarget::Expression(expression) => word_of(&expression.tree).unwrap_or_else(|| Ident::new("expr")),
    });
    for first in keys.chain(goal.include.iter().cloned()) {
        let further = (1..u32::MAX).map(|n| Ident::new(format!("{}{n}", first.as_str())));
        let free = std::iter::once(first.clone()).chain(further).find(|part| !parts.contains(part));
        parts.push(free.unwrap_or(first));
    }
    parts
}

/// Returns the word for an expression, as a column of a query would be called; `None` where it has none.
fn word_of(tree: &Expr) -> Option<Ident> {
    match tree {
        Expr::Column(parts) => parts.last().cloned(),
        Expr::Call(name, _) => Some(name.name.clone()),
        Expr::Collate(inner, _) => word_of(inner),
        Expr::Cast(inner, to) => word_of(inner).or_else(|| Some(Ident::new(to.name()))),
        _ => None,
    }
}

fn ident<'de, D: Deserializer<'de>>(from: D) -> Result<Ident, D::Error> {
    String::deserialize(from).map(Ident::new)
}

fn idents<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Ident>, D::Error> {
    Ok(Vec::<String>::deserialize(from)?.into_iter().map(Ident::new).collect())
}

fn object<'de, D: Deserializer<'de>>(from: D) -> Result<ObjectName, D::Error> {
    let (schema, name) = <(String, String)>::deserialize(from)?;
    Ok(ObjectName { schema: Ident::new(schema), name: Ident::new(name) })
}
