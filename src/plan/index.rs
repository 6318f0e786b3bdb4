//! Indexes: satisfied by structure, built plain or concurrently by size, replaced where the script allows it.

use std::collections::BTreeMap;

use crate::{
    catalog::{Index, IndexConstraint, IndexKey, IndexStructure, IndexTarget, RelationKind},
    diagnostic::Code,
    goal::{Goal, GoalKind, IndexGoal, IndexKeyTarget, Sameness},
    pg::{Hazard, Ident, LockMode, ObjectName, QualifiedName, quote_literal},
    script::Span,
};

use super::{
    Act, CheckedKind, Form, NAME_ONLY, Planner, Purpose, Question, Size, Sql, Transaction, Verb,
    declared::Aspect,
    dependents::Address,
    online::Choice,
    partition::{Spread, Whole},
};

/// The end of the name under which an index is built that is to take another one's place.
const BESIDE: &str = "__hm";

impl Planner<'_> {
    pub(super) fn index(&mut self, span: Span, goal: &IndexGoal) {
        let Some(table) = self.existing_indexable(span, &goal.table) else { return };
        let name = goal.name.clone().map(|name| table.sibling(name));
        let renamed = self.renamed_index(&table, goal);
        let current = renamed.as_ref().unwrap_or(goal);
        if let Some(name) = &name {
            let last = self.declared.index_name(self.order, name);
            if self.declared.dropped_after(self.order, &Aspect::Relation(last.clone())) {
                self.superseded = true;
                return;
            }
            // Under its later name it is the same index.
            let has = |name: &ObjectName| {
                self.table_state(&table).is_some_and(|state| state.indexes.contains_key(&name.name))
            };
            let found = self.declared.index_name_until(self.order, name, &has);
            let located = if has(&found) { &found } else { name };
            let existing = self.table_state(&table).and_then(|state| state.indexes.get(&located.name)).cloned();
            if let Some(existing) = existing {
                let located = located.clone();
                self.named_index(span, &table, goal, current, &located, &existing);
                return;
            }
            if self.name_taken(span, &table, name) {
                return;
            }
        }
        if let Some(other) = self.same_elsewhere(&table, current) {
            self.check(Some(&table), CheckedKind::Index, &other, || goal.definition.text.clone());
            return;
        }
        // Nothing but its structure tells one without a name: it would be built again on every run.
        let perhaps = self.table_state(&table).and_then(|state| {
            let mut indexes = state.indexes.iter().filter(|(_, index)| index.valid && name.is_none());
            indexes.find(|(_, index)| self.same_structure(&table, current, &index.structure) == Sameness::Unknown)
        });
        if let Some((perhaps, _)) = perhaps {
            self.unverified = Some(format!("whether index {perhaps} of {table} is made of what is declared"));
            return;
        }
        // What an interrupted run has begun on a partitioned table.
        if let Some(begun) = self.unfinished_like(&table, current).filter(|_| name.is_none()) {
            self.build(span, &table, goal, Some(&table.sibling(begun)), true);
            return;
        }
        self.build(span, &table, goal, name.as_ref(), false);
    }

    /// Returns the goal with the names that its columns have now; `None` where they are the written ones.
    fn renamed_index(&self, table: &ObjectName, goal: &IndexGoal) -> Option<IndexGoal> {
        if !self.declared.renames_columns() {
            return None;
        }
        let mut goal = goal.clone();
        for column in &mut goal.include {
            *column = self.locate_column(table, column);
        }
        for key in &mut goal.keys {
            match &mut key.target {
                IndexKeyTarget::Column(column) => *column = self.locate_column(table, column),
                IndexKeyTarget::Expression(expression) => self.under_current_names(table, &mut expression.tree),
            }
        }
        if let Some(predicate) = &mut goal.predicate {
            self.under_current_names(table, &mut predicate.tree);
        }
        Some(goal)
    }

    /// Returns whether the name belongs to something else than an index of this table; a finding where it does.
    fn name_taken(&mut self, span: Span, table: &ObjectName, name: &ObjectName) -> bool {
        let Some(described) = self.holder_of_name(name) else { return false };
        self.find(
            span,
            Code::KindConflict,
            format!("{name} is {described}; the script asks for an index on {table}"),
            NAME_ONLY,
            vec!["the name is taken, and nothing is replaced by guessing".to_owned()],
            "use another name in the script",
        );
        true
    }

    /// Returns what has the name of an index that is to be made, in words; `None` where nothing has.
    pub(super) fn holder_of_name(&mut self, name: &ObjectName) -> Option<String> {
        if self.world.tables.contains_key(name) {
            return Some("a table".to_owned());
        }
        let other = self
            .indexables()
            .find(|(table, state)| table.schema == name.schema && state.indexes.contains_key(&name.name));
        if let Some((table, _)) = other {
            let word = if self.world.tables.contains_key(table) { "table" } else { "materialized view" };
            return Some(format!("an index of {word} {table}"));
        }
        if self.freed.contains(name) || !self.world.schemas.get(&name.schema).is_some_and(|schema| schema.may_use) {
            return None;
        }
        // Nearly every name is free, and this is a question of microseconds; what follows is not.
        let sql = format!("SELECT pg_catalog.to_regclass({}) IS NOT NULL", quote_literal(&name.to_string()));
        let free = Question { expected: Some(false), ..Question::new(sql, Purpose::Names, None) };
        let taken = self.ask(free);
        if taken.and_then(|answer| answer.as_bool()) != Some(true) {
            return None;
        }
        let sql = format!(
            "SELECT pg_catalog.json_agg(CASE c.relkind WHEN 'i' THEN 'an index' || coalesce(' of table ' || \
             (SELECT i.indrelid::regclass::text FROM pg_catalog.pg_index i WHERE i.indexrelid = c.oid), '') \
             WHEN 'I' THEN 'an index of a partitioned table' WHEN 'S' THEN 'a sequence' WHEN 'v' THEN 'a view' \
             WHEN 'm' THEN 'a materialized view' WHEN 'f' THEN 'a foreign table' WHEN 'c' THEN 'a composite type' \
             ELSE 'a table' END) FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
             WHERE n.nspname = {} AND c.relname = {}",
            quote_literal(name.schema.as_str()),
            quote_literal(name.name.as_str())
        );
        let answer = self.ask(Question::new(sql, Purpose::Names, None));
        answer.and_then(|answer| answer.as_names()).and_then(|names| names.into_iter().next())
    }

    /// An index of the name is there. `current` is the goal under the names that columns have now.
    fn named_index(
        &mut self,
        span: Span,
        table: &ObjectName,
        goal: &IndexGoal,
        current: &IndexGoal,
        name: &ObjectName,
        existing: &Index,
    ) {
        if !existing.valid && self.is_partitioned(table) && existing.constraint.is_none() {
            // Not all of its partitions have theirs.
            match self.same_structure(table, current, &existing.structure) {
                Sameness::Same => self.build(span, table, goal, Some(name), true),
                Sameness::Unknown => {
                    self.unverified = Some(format!("whether index {name} is made of what is declared"));
                }
                Sameness::Different if !self.allowed(Hazard::Drop) => {
                    let is = structure_words(&existing.structure);
                    self.index_conflict(span, table, name, &format!("it is {is}"));
                }
                Sameness::Different => self.replace(span, table, goal, name),
            }
            return;
        }
        if !existing.valid {
            // A leftover of an interrupted build, whatever its definition.
            if !self.owns(span, table) {
                return;
            }
            if existing.constraint.is_some() {
                self.index_conflict(span, table, name, "it belongs to a constraint, and is invalid");
                return;
            }
            if let Some(other) = self.same_elsewhere(table, current) {
                self.drop_step(span, table, name, "invalid");
                self.check(Some(table), CheckedKind::Index, &other, || goal.definition.text.clone());
                return;
            }
            self.drop_step(span, table, name, "invalid, left by an interrupted build");
            self.build(span, table, goal, Some(name), false);
            return;
        }
        self.check(Some(table), CheckedKind::Index, &name.name, || goal.definition.text.clone());
        match self.same_structure(table, current, &existing.structure) {
            Sameness::Same if existing.constraint == Some(IndexConstraint::PrimaryKey) && !goal.unique => {
                self.index_conflict(span, table, name, "it is the index of the primary key");
            }
            Sameness::Same => {}
            Sameness::Unknown => {
                self.unverified = Some(format!("whether index {name} is made of what is declared"));
            }
            Sameness::Different if existing.constraint.is_some() => {
                self.index_conflict(span, table, name, "it belongs to a constraint of that name");
            }
            Sameness::Different if !self.allowed(Hazard::Drop) => {
                let is = structure_words(&existing.structure);
                self.index_conflict(span, table, name, &format!("it is {is}"));
            }
            Sameness::Different => self.replace(span, table, goal, name),
        }
    }

    fn index_conflict(&mut self, span: Span, table: &ObjectName, name: &ObjectName, why: &str) {
        self.find(
            span,
            Code::IndexConflict,
            format!("index {name} on {table} has another definition than the script asks for"),
            NAME_ONLY,
            vec![why.to_owned()],
            "use another name, or write `-- ensure:allow drop` above the statement to have it replaced",
        );
    }

    /// Builds the index beside the one that has its name, then lets it take that place.
    fn replace(&mut self, span: Span, table: &ObjectName, goal: &IndexGoal, name: &ObjectName) {
        if !self.owns(span, table) {
            return;
        }
        let beside = beside(name);
        let leftover = self.table_state(table).and_then(|state| state.indexes.get(&beside.name)).cloned();
        let mut begun = false;
        let ready = match leftover {
            Some(index)
                if self.same_structure(table, goal, &index.structure) == Sameness::Same
                    && (index.valid || self.is_partitioned(table)) =>
            {
                begun = !index.valid;
                index.valid
            }
            Some(_) => {
                self.drop_step(span, table, &beside, "left by an interrupted run");
                false
            }
            None => false,
        };
        let steps = self.steps.len();
        if !ready {
            self.build(span, table, goal, Some(&beside), begun);
            if self.steps.len() == steps {
                return;
            }
        }
        let takes_place = [
            (Verb::Drop, format!("DROP INDEX {name}"), "replaced by its new definition", vec![Hazard::Drop]),
            (Verb::Alter, format!("ALTER INDEX {beside} RENAME TO {}", name.name), "its new definition", Vec::new()),
        ];
        for (verb, sql, words, hazards) in takes_place {
            let act = Act {
                verb,
                object: format!("index {} on {table} ({words})", name.name),
                table: Some(table),
                form: Form::CatalogOnly,
                lock: Some(LockMode::AccessExclusive),
                timeout: self.policy.timeouts.catalog,
                hazards,
                transaction: Transaction::Shared,
            };
            self.step(span, Sql::new(sql), act);
        }
        let structure = Self::structure(goal);
        self.world.forget(name);
        if let Some(state) = self.table_mut(table) {
            state.indexes.remove(&beside.name);
            state.indexes.insert(name.name.clone(), Index { valid: true, structure, constraint: None });
        }
    }

    pub(super) fn drop_step(&mut self, span: Span, table: &ObjectName, name: &ObjectName, why: &str) {
        let Choice { online, why: chosen, .. } = self.choose(table, false);
        let of_partitions = self.is_partitioned(table)
            || matches!(self.world.relations.get(name), Some(RelationKind::Index { partitioned: true, .. }));
        let concurrently = online && !of_partitions;
        // It takes ACCESS EXCLUSIVE on every partition, for a moment.
        let at_once = if online && !concurrently { "; in all partitions at once: not concurrently" } else { "" };
        let word = if concurrently { "CONCURRENTLY " } else { "" };
        let act = Act {
            verb: Verb::Drop,
            object: format!("index {} on {table} ({why}{at_once})", name.name),
            table: Some(table),
            form: if concurrently { Form::Online(chosen) } else { Form::CatalogOnly },
            lock: Some(if concurrently { LockMode::ShareUpdateExclusive } else { LockMode::AccessExclusive }),
            timeout: if concurrently { self.policy.timeouts.long } else { self.policy.timeouts.catalog },
            hazards: Vec::new(),
            transaction: if concurrently { Transaction::None } else { Transaction::Shared },
        };
        self.step(span, Sql::new(format!("DROP INDEX {word}{name}")), act);
        if let Some(state) = self.table_mut(table) {
            state.indexes.remove(&name.name);
        }
        self.world.relations_mut().remove(name);
        self.freed.insert(name.clone());
    }

    /// Builds an index. `begun`: it is there on a partitioned table, but not in all of its partitions.
    fn build(&mut self, span: Span, table: &ObjectName, goal: &IndexGoal, name: Option<&ObjectName>, begun: bool) {
        if !self.owns(span, table) || !self.may_create(span, &table.schema) {
            return;
        }
        let mut named: Vec<Ident> = goal.include.clone();
        let mut reads: Vec<Ident> = Vec::new();
        for key in &goal.keys {
            match &key.target {
                IndexKeyTarget::Column(column) => named.push(column.clone()),
                IndexKeyTarget::Expression(expression) => reads.extend(expression.tree.columns().into_iter().cloned()),
            }
        }
        reads.extend(goal.predicate.iter().flat_map(|predicate| predicate.tree.columns().into_iter().cloned()));
        let Some(state) = self.table_state(table) else { return };
        // What columns a view has that this plan makes, the server will know.
        let known = !self.made.contains(table) || self.world.tables.contains_key(table);
        let missing = named.iter().chain(&reads).find(|column| known && state.column(column).is_none()).cloned();
        if let Some(missing) = missing {
            self.no_column_of_its_own(span, table, &missing);
            return;
        }
        if goal.unique {
            named.extend(reads);
            let keys: Vec<String> = goal
                .keys
                .iter()
                .map(|key| match &key.target {
                    IndexKeyTarget::Column(column) => column.to_string(),
                    IndexKeyTarget::Expression(expression) => expression.source.text.clone(),
                })
                .collect();
            let predicate = goal.predicate.as_ref().map(|predicate| predicate.source.text.as_str());
            // A materialised view that holds no rows cannot be asked.
            let populated = self.world.objects.views.get(table).is_none_or(|view| view.populated);
            if populated
                && self.values_known(table, &named)
                && !self.unique_keys(span, table, &keys, goal.nulls_not_distinct, predicate)
            {
                return;
            }
        }
        let mut choice = self.choose(table, goal.concurrently);
        if self.is_partitioned(table) && !self.build_in_partitions(span, table, goal, name, begun, &mut choice) {
            return;
        }
        let Choice { online: concurrently, why, size } = choice;
        let is_new = self.made.contains(table);
        let unique = if goal.unique { "UNIQUE " } else { "" };
        let word = if concurrently { "CONCURRENTLY " } else { "" };
        let written = name.map(|name| format!("{} ", name.name)).unwrap_or_default();
        let sql = Sql::new(format!("CREATE {unique}INDEX {word}{written}ON {table} "))
            .source(&goal.definition.text, goal.definition.span.start);
        let shown = name.map_or_else(|| goal.definition.text.clone(), |name| name.name.to_string());
        let act = Act {
            verb: Verb::Add,
            object: format!("{}index {shown} on {table}", if goal.unique { "unique " } else { "" }),
            table: Some(table),
            form: match (concurrently, is_new) {
                (true, _) => Form::Online(why),
                (false, true) => Form::CatalogOnly,
                (false, false) => Form::Plain(why),
            },
            lock: (!is_new).then_some(if concurrently { LockMode::ShareUpdateExclusive } else { LockMode::Share }),
            timeout: if concurrently { self.policy.timeouts.long } else { self.policy.timeouts.scan },
            hazards: if !concurrently && matches!(size, Size::Large { .. }) {
                vec![Hazard::BlockingLock]
            } else {
                Vec::new()
            },
            transaction: if concurrently { Transaction::None } else { Transaction::Shared },
        };
        self.step(span, sql, act);
        if concurrently && let Some(step) = self.steps.last_mut() {
            step.leftover = name.cloned();
        }
        let shown = name.map_or_else(|| Ident::new(goal.definition.text.clone()), |name| name.name.clone());
        if !shown.as_str().ends_with(BESIDE) {
            self.check(Some(table), CheckedKind::Index, &shown, || goal.definition.text.clone());
        }
        let structure = Self::structure(goal);
        if let Some(state) = self.table_mut(table) {
            state.indexes.insert(shown, Index { valid: true, structure, constraint: None });
        }
    }

    /// Builds an index of a partitioned table beside writers, or goes on with it. Returns whether it is still to be built; `choice`
    /// says how.
    fn build_in_partitions(
        &mut self,
        span: Span,
        table: &ObjectName,
        goal: &IndexGoal,
        name: Option<&ObjectName>,
        begun: bool,
        choice: &mut Choice,
    ) -> bool {
        if !choice.online && !begun {
            return true;
        }
        let whole = Whole::Index(goal);
        let name = match name {
            Some(name) => name.name.clone(),
            None => match self.whole_name(table, whole) {
                Some(name) => name,
                None => return false,
            },
        };
        if let Spread::Impossible(why) = self.spread(span, table, whole, &name, begun, choice) {
            let index = table.sibling(name);
            if !self.waiting_allowed(span, table, choice, &format!("index {} on {table}", index.name), &why) {
                return false;
            }
            if begun {
                self.drop_step(span, table, &index, "invalid, and cannot be completed");
            }
            choice.online = false;
            choice.why = format!("{}; not beside writers: {why}", choice.why);
            return true;
        }
        if !name.as_str().ends_with(BESIDE) {
            self.check(Some(table), CheckedKind::Index, &name, || goal.definition.text.clone());
        }
        let structure = Self::structure(goal);
        if let Some(state) = self.table_mut(table) {
            state.indexes.insert(name, Index { valid: true, structure, constraint: None });
        }
        false
    }

    /// Returns an index of a partitioned table that is as asked for, but not in all of its partitions.
    fn unfinished_like(&self, table: &ObjectName, goal: &IndexGoal) -> Option<Ident> {
        let state = self.table_state(table).filter(|state| state.partitioned)?;
        let found = state.indexes.iter().find(|(_, index)| {
            !index.valid
                && index.constraint.is_none()
                && self.same_structure(table, goal, &index.structure) == Sameness::Same
        });
        found.map(|(name, _)| name.clone())
    }

    /// Returns another index of the table that does exactly the same work.
    fn same_elsewhere(&self, table: &ObjectName, goal: &IndexGoal) -> Option<Ident> {
        let state = self.table_state(table)?;
        let found = state.indexes.iter().find(|(_, index)| {
            index.valid
                && (goal.unique || index.constraint != Some(IndexConstraint::PrimaryKey))
                && self.same_structure(table, goal, &index.structure) == Sameness::Same
        });
        found.map(|(name, _)| name.clone())
    }

    pub(super) fn same_structure(&self, table: &ObjectName, goal: &IndexGoal, existing: &IndexStructure) -> Sameness {
        if goal.method != existing.method
            || goal.unique != existing.unique
            || goal.nulls_not_distinct != existing.nulls_not_distinct
            || goal.include != existing.include
            || goal.keys.len() != existing.keys.len()
            || goal.predicate.is_some() != existing.predicate.is_some()
            || goal.storage.iter().cloned().collect::<BTreeMap<_, _>>() != existing.storage
        {
            return Sameness::Different;
        }
        let mut same = Sameness::Same;
        for (key, existing) in goal.keys.iter().zip(&existing.keys) {
            if key.descending != existing.descending
                || key.nulls_first != existing.nulls_first
                || key.operator_class_parameters.is_some() != existing.operator_class_parameters.is_some()
            {
                return Sameness::Different;
            }
            let target = match (&key.target, &existing.target) {
                (IndexKeyTarget::Column(column), IndexTarget::Column(existing)) if column == existing => Sameness::Same,
                (IndexKeyTarget::Expression(expression), IndexTarget::Expression(stored)) => {
                    self.same_text(table, expression, stored, None)
                }
                _ => Sameness::Different,
            };
            // What is written may be the default of the type, which the catalog does not show as written.
            let class = match (&key.operator_class, &existing.operator_class) {
                (Some(written), Some(existing)) if written != existing => Sameness::Different,
                (None, Some(_)) => Sameness::Different,
                (Some(written), None) if is_special_class(written) => Sameness::Different,
                _ => Sameness::Same,
            };
            // What the catalog does not show is the collation of the column; that of an expression is not known.
            let of_column = || match &key.target {
                IndexKeyTarget::Column(column) => {
                    let column = self.table_state(table).and_then(|state| state.column(column));
                    column.map(|column| column.collation.as_ref().map_or("default", |found| found.name.as_str()))
                }
                IndexKeyTarget::Expression(_) => None,
            };
            let collation = match (&key.collation, &existing.collation) {
                (Some(written), Some(existing)) if written != existing => Sameness::Different,
                (None, Some(_)) => Sameness::Different,
                (Some(written), None) => match of_column() {
                    Some(collation) if collation == written.as_str() => Sameness::Same,
                    Some(_) => Sameness::Different,
                    None if written.as_str() == "default" => Sameness::Same,
                    None => Sameness::Unknown,
                },
                _ => Sameness::Same,
            };
            for part in [target, class, collation] {
                match part {
                    Sameness::Different => return Sameness::Different,
                    Sameness::Unknown => same = Sameness::Unknown,
                    Sameness::Same => {}
                }
            }
        }
        if let (Some(written), Some(stored)) = (&goal.predicate, &existing.predicate) {
            match self.same_text(table, written, stored, None) {
                Sameness::Different => return Sameness::Different,
                Sameness::Unknown => same = Sameness::Unknown,
                Sameness::Same => {}
            }
        }
        same
    }

    /// The structure that a goal asks for, for the picture.
    pub(super) fn structure(goal: &IndexGoal) -> IndexStructure {
        IndexStructure {
            method: goal.method.clone(),
            unique: goal.unique,
            nulls_not_distinct: goal.nulls_not_distinct,
            keys: goal
                .keys
                .iter()
                .map(|key| IndexKey {
                    target: match &key.target {
                        IndexKeyTarget::Column(column) => IndexTarget::Column(column.clone()),
                        IndexKeyTarget::Expression(expression) => {
                            IndexTarget::Expression(expression.source.text.clone())
                        }
                    },
                    operator_class: key.operator_class.clone(),
                    operator_class_parameters: key.operator_class_parameters.clone(),
                    collation: key.collation.clone(),
                    descending: key.descending,
                    nulls_first: key.nulls_first,
                })
                .collect(),
            include: goal.include.clone(),
            predicate: goal.predicate.as_ref().map(|predicate| predicate.source.text.clone()),
            storage: goal.storage.iter().cloned().collect(),
        }
    }

    pub(super) fn index_absent(&mut self, span: Span, name: &ObjectName, cascade: bool) {
        let owner = self
            .indexables()
            .find(|(table, state)| table.schema == name.schema && state.indexes.contains_key(&name.name));
        let table = match (owner, self.world.relations.get(name)) {
            (Some((table, _)), _) | (None, Some(RelationKind::Index { table, .. })) => table.clone(),
            (None, Some(kind)) => {
                let described = kind.described();
                let what = format!("{name} is {described}; the script drops an index");
                self.find(span, Code::KindConflict, what, "", Vec::new(), "correct the script");
                return;
            }
            (None, None) => {
                if self.world.tables.contains_key(name) {
                    let what = format!("{name} is a table; the script drops an index");
                    self.find(span, Code::KindConflict, what, "", Vec::new(), "correct the script");
                }
                return;
            }
        };
        let later = self.declared.asserted_after(self.order, &Aspect::Relation(name.clone()));
        if let Some(Goal { kind: GoalKind::Index(later), .. }) = later
            && let Some(existing) = self.table_state(&table).and_then(|state| state.indexes.get(&name.name))
            && existing.valid
            && self.same_structure(&table, later, &existing.structure) != Sameness::Different
        {
            self.superseded = true;
            return;
        }
        if !self.owns(span, &table)
            || !(cascade || self.no_dependents_of(span, &format!("index {name}"), &Address::relation(name)))
        {
            return;
        }
        if cascade {
            let sql = Sql::new(format!("DROP INDEX {name} CASCADE"));
            self.catalog_step(span, sql, Verb::Drop, format!("index {name}"), Some(&table));
        } else {
            self.drop_step(span, &table, name, "the script drops it");
        }
        self.world.forget(name);
        self.world.relations_mut().remove(name);
        if let Some(state) = self.table_mut(&table) {
            state.indexes.remove(&name.name);
        }
    }

    pub(super) fn index_renamed(&mut self, span: Span, from: &QualifiedName, to: &Ident) {
        let old = from.resolve(&self.target);
        let new = old.sibling(to.clone());
        let owner = |this: &Self, name: &ObjectName| {
            let of = |(table, state): (&ObjectName, &crate::catalog::Table)| {
                (table.schema == name.schema && state.indexes.contains_key(&name.name)).then(|| table.clone())
            };
            this.indexables().find_map(of).or_else(|| match this.world.relations.get(name) {
                Some(RelationKind::Index { table, .. }) => Some(table.clone()),
                _ => None,
            })
        };
        match (owner(self, &old), owner(self, &new)) {
            (Some(table), None) => {
                if !self.owns(span, &table) || self.name_taken(span, &table, &new) {
                    return;
                }
                let act = Act {
                    verb: Verb::Alter,
                    object: format!("index {old} renamed to {to}"),
                    table: Some(&table),
                    form: Form::CatalogOnly,
                    lock: Some(LockMode::ShareUpdateExclusive),
                    timeout: self.policy.timeouts.catalog,
                    hazards: Vec::new(),
                    transaction: Transaction::Shared,
                };
                self.step(span, Sql::new(format!("ALTER INDEX {old} RENAME TO {to}")), act);
                self.world.relations_mut().remove(&old);
                if let Some(state) = self.table_mut(&table)
                    && let Some(index) = state.indexes.remove(&old.name)
                {
                    state.indexes.insert(to.clone(), index);
                }
                let back = format!("ALTER INDEX {new} RENAME TO {}", old.name);
                self.world.rename(&old, &new, back);
            }
            (None, Some(_)) => {}
            (Some(_), Some(_)) if self.declared.made_after(self.order, &Aspect::Relation(old.clone())) => {}
            (Some(_), Some(_)) => self.both_names(span, &format!("index {old}"), &format!("index {new}")),
            (None, None) => {
                let last = self.declared.index_name(self.order, &new);
                let gone = |name: &ObjectName| self.declared.dropped_after(self.order, &Aspect::Relation(name.clone()));
                let table_gone = self.gone_with_its_columns(&Aspect::Relation(last.clone()));
                let there = |name: &ObjectName| owner(self, name).is_some();
                if there(&self.declared.index_name_until(self.order, &new, &there)) || gone(&last) || table_gone {
                    self.superseded = true;
                } else {
                    self.neither_name(span, &format!("index {old}"), &format!("index {new}"));
                }
            }
        }
    }
}

/// The name under which an index is built that is to take the place of `name`.
fn beside(name: &ObjectName) -> ObjectName {
    name.sibling(name.name.ending_with(BESIDE))
}

/// Operator classes of the server that are the default of no type.
fn is_special_class(name: &Ident) -> bool {
    let name = name.as_str();
    name.ends_with("_pattern_ops")
        || name == "jsonb_path_ops"
        || name.ends_with("_minmax_multi_ops")
        || name.ends_with("_bloom_ops")
}

fn structure_words(structure: &IndexStructure) -> String {
    let keys: Vec<_> = structure
        .keys
        .iter()
        .map(|key| {
            let target = match &key.target {
                IndexTarget::Column(column) => column.to_string(),
                IndexTarget::Expression(expression) => expression.clone(),
            };
            format!("{target}{}", if key.descending { " DESC" } else { "" })
        })
        .collect();
    format!(
        "{}{} ({}){}",
        if structure.unique { "unique, " } else { "" },
        structure.method,
        keys.join(", "),
        structure.predicate.as_ref().map(|predicate| format!(" WHERE {predicate}")).unwrap_or_default()
    )
}
