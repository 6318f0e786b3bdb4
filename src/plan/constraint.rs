//! Constraints: looked up by name, or by what they say; added, validated, dropped, renamed.

use std::collections::BTreeMap;

use crate::{
    catalog::{
        Constraint, ConstraintKind, ForeignKey, Index, IndexConstraint, IndexKey, IndexStructure, IndexTarget, Object,
    },
    diagnostic::Code,
    goal::{ConstraintGoal, ConstraintGoalKind, Goal, GoalKind, ReferentialAction, Sameness},
    pg::{Hazard, Ident, LockMode, ObjectName, QualifiedName, RowCount},
    script::Span,
};

use super::{
    Act, CheckedKind, Form, Planner, Size, Sql, Transaction, Verb,
    declared::Aspect,
    dependents::Address,
    example_words, hold_words, list,
    online::{Choice, object_name},
    partition::Spread,
    rows_words,
};

impl Planner<'_> {
    pub(super) fn constraint(&mut self, span: Span, name: &QualifiedName, goal: &ConstraintGoal) {
        let Some(table) = self.existing_table(span, name) else { return };
        let renamed = self.renamed_constraint(&table, goal);
        let current = renamed.as_ref().unwrap_or(goal);
        if let Some(written) = &goal.name {
            let (declared_table, _) = self.declared_column(&table, written);
            let last = self.declared.constraint_name(self.order, &declared_table, written);
            if self.declared.dropped_after(self.order, &Aspect::Constraint(declared_table.clone(), last)) {
                self.superseded = true;
                return;
            }
            let Some(state) = self.table_state(&table) else { return };
            let has = |name: &Ident| state.constraint(name).is_some();
            let located = self.declared.constraint_name_until(self.order, &declared_table, written, &has);
            let named = state.constraint(&located).cloned();
            if let Some(existing) = named {
                self.named_constraint(span, &table, current, &existing);
                return;
            }
        }
        // Under another name it does the same work. Of several that say the same, one that has been validated is the best.
        let (mut found, mut perhaps, mut rival) = (None::<Constraint>, None, None);
        for existing in self.table_state(&table).map(|state| state.constraints.clone()).unwrap_or_default() {
            match self.same_constraint(&table, current, &existing) {
                Sameness::Same if found.as_ref().is_none_or(|found| !found.validated) => found = Some(existing),
                Sameness::Unknown => perhaps = Some(existing),
                Sameness::Different if self.is_rival(&table, current, &existing) => rival = Some(existing),
                Sameness::Same | Sameness::Different => {}
            }
        }
        match (found, rival, perhaps) {
            (Some(existing), _, _) => {
                self.check(Some(&table), CheckedKind::Constraint, &existing.name, || goal.kind.described().to_owned());
                self.validate_if_asked(span, &table, goal, &existing);
            }
            (None, Some(existing), _) => self.constraint_conflict(span, &table, goal, &existing),
            // Nothing but its structure tells an unnamed one: it would be added again on every run.
            (None, None, Some(existing)) if goal.name.is_none() => {
                self.unverified =
                    Some(format!("whether constraint {} of {table} says what is declared", existing.name));
            }
            (None, None, _) => self.add_constraint(span, &table, goal),
        }
    }

    /// Returns whether a constraint that differs from the goal answers the same question in another way: a foreign key of
    /// the same columns to the same table. The two side by side would contradict each other, whatever they are called.
    fn is_rival(&self, table: &ObjectName, goal: &ConstraintGoal, existing: &Constraint) -> bool {
        let (Some(key), ConstraintKind::ForeignKey(existing_key)) = (self.foreign_key(&goal.kind), &existing.kind)
        else {
            return false;
        };
        let declared_table = self.declared.table_name(self.order, table);
        let name = self.declared.constraint_name(self.order, &declared_table, &existing.name);
        same_columns(&key, existing_key)
            && !self.fresh_constraints.contains(&(table.clone(), existing.name.clone()))
            && !self.declared.dropped_after(self.order, &Aspect::Constraint(declared_table, name))
    }

    /// Returns the goal with the names that its columns have now; `None` where they are the written ones.
    fn renamed_constraint(&self, table: &ObjectName, goal: &ConstraintGoal) -> Option<ConstraintGoal> {
        if !self.declared.renames_columns() {
            return None;
        }
        let rename = |columns: &mut [Ident], table: &ObjectName| {
            for column in columns {
                *column = self.locate_column(table, column);
            }
        };
        let mut goal = goal.clone();
        match &mut goal.kind {
            ConstraintGoalKind::PrimaryKey { columns, include }
            | ConstraintGoalKind::Unique { columns, include, .. } => {
                rename(columns, table);
                rename(include, table);
            }
            ConstraintGoalKind::Check(expression) => self.under_current_names(table, &mut expression.tree),
            ConstraintGoalKind::ForeignKey { columns, table: to, referenced, .. } => {
                rename(columns, table);
                rename(referenced, &self.locate(to));
            }
        }
        Some(goal)
    }

    fn named_constraint(&mut self, span: Span, table: &ObjectName, goal: &ConstraintGoal, existing: &Constraint) {
        self.check(Some(table), CheckedKind::Constraint, &existing.name, || goal.kind.described().to_owned());
        match self.same_constraint(table, goal, existing) {
            Sameness::Same => self.validate_if_asked(span, table, goal, existing),
            Sameness::Unknown => {
                self.unverified =
                    Some(format!("whether constraint {} of {table} says what is declared", existing.name));
            }
            Sameness::Different => self.constraint_conflict(span, table, goal, existing),
        }
    }

    fn constraint_conflict(&mut self, span: Span, table: &ObjectName, goal: &ConstraintGoal, existing: &Constraint) {
        let Constraint { name, .. } = existing;
        let same_name = goal.name.as_ref().is_none_or(|asked| asked == name);
        let mut why = vec![format!("it is {}", constraint_words(existing))];
        if let (Some(key), ConstraintKind::ForeignKey(existing_key)) = (self.foreign_key(&goal.kind), &existing.kind)
            && same_columns(&key, existing_key)
        {
            let asked = key_words(&key, goal.timing.deferrable, goal.timing.initially_deferred);
            why.push(format!("the script asks for {asked}"));
        }
        self.find(
            span,
            Code::ConstraintConflict,
            format!("constraint {name} of table {table} says something else than the script"),
            if same_name { "the name is taken" } else { "it would stand beside that one" },
            why,
            format!(
                "write in the script what is there, or drop it in an earlier statement: ALTER TABLE {table} DROP \
                 CONSTRAINT {name}"
            ),
        );
    }

    fn validate_if_asked(&mut self, span: Span, table: &ObjectName, goal: &ConstraintGoal, existing: &Constraint) {
        if !existing.validated && !goal.timing.not_valid {
            self.validate(span, table, &existing.name);
        }
        if self.is_unfinished(table, &existing.name) {
            self.finish_key(span, table, goal, &existing.name);
        }
    }

    fn validate(&mut self, span: Span, table: &ObjectName, name: &Ident) {
        let kind =
            self.table_state(table).and_then(|state| state.constraint(name)).map(|existing| existing.kind.clone());
        // A constraint that this plan adds has been checked already.
        let fresh = self.fresh_constraints.contains(&(table.clone(), name.clone()));
        let rows_fit = match kind {
            Some(ConstraintKind::ForeignKey(key)) => {
                !self.values_known(table, &key.columns) || self.no_orphans_of(span, table, &key)
            }
            Some(ConstraintKind::Check { expression }) if !fresh => self.no_violations(span, table, &expression),
            _ => true,
        };
        if !rows_fit || !self.owns(span, table) {
            return;
        }
        self.validate_step(span, table, name, format!("constraint {name} of {table} validated"));
    }

    /// Compares a goal with a constraint by what they say, names left aside.
    fn same_constraint(&self, table: &ObjectName, goal: &ConstraintGoal, existing: &Constraint) -> Sameness {
        let same = |condition: bool| if condition { Sameness::Same } else { Sameness::Different };
        if goal.timing.deferrable != existing.deferrable
            || goal.timing.initially_deferred != existing.initially_deferred
            || goal.timing.no_inherit != existing.no_inherit && matches!(existing.kind, ConstraintKind::Check { .. })
        {
            return Sameness::Different;
        }
        match (&goal.kind, &existing.kind) {
            (
                ConstraintGoalKind::PrimaryKey { columns, include },
                ConstraintKind::PrimaryKey { columns: existing, include: existing_include },
            ) => same(columns == existing && include == existing_include),
            (
                ConstraintGoalKind::Unique { columns, include, nulls_not_distinct },
                ConstraintKind::Unique {
                    columns: existing,
                    include: existing_include,
                    nulls_not_distinct: existing_nulls,
                },
            ) => same(columns == existing && include == existing_include && nulls_not_distinct == existing_nulls),
            (ConstraintGoalKind::Check(expression), ConstraintKind::Check { expression: stored }) => {
                self.same_text(table, expression, stored, None)
            }
            (ConstraintGoalKind::ForeignKey { .. }, ConstraintKind::ForeignKey(existing)) => {
                same(self.foreign_key(&goal.kind).is_some_and(|key| same_key(&key, existing)))
            }
            _ => Sameness::Different,
        }
    }

    /// The foreign key that a goal asks for, with everything that it leaves out filled in.
    pub(super) fn foreign_key(&self, goal: &ConstraintGoalKind) -> Option<ForeignKey> {
        let ConstraintGoalKind::ForeignKey { columns, table, referenced, on_update, on_delete, match_full } = goal
        else {
            return None;
        };
        let table = self.locate(table);
        let referenced = if referenced.is_empty() {
            self.table_state(&table).and_then(|state| state.primary_key()).map(<[Ident]>::to_vec).unwrap_or_default()
        } else {
            referenced.clone()
        };
        Some(ForeignKey {
            columns: columns.clone(),
            table,
            referenced,
            on_update: action_letter(*on_update),
            on_delete: action_letter(*on_delete),
            match_full: *match_full,
        })
    }

    fn add_constraint(&mut self, span: Span, table: &ObjectName, goal: &ConstraintGoal) {
        if !self.owns(span, table) || !self.may_refer(table, goal) {
            return;
        }
        let columns: Vec<Ident> = match &goal.kind {
            ConstraintGoalKind::PrimaryKey { columns, .. }
            | ConstraintGoalKind::Unique { columns, .. }
            | ConstraintGoalKind::ForeignKey { columns, .. } => columns.clone(),
            ConstraintGoalKind::Check(expression) => expression.tree.columns().into_iter().cloned().collect(),
        };
        let Some(state) = self.table_state(table) else { return };
        if let Some(missing) = columns.iter().find(|column| state.column(column).is_none()) {
            let missing = missing.clone();
            self.no_column_of_its_own(span, table, &missing);
            return;
        }
        let keyed = matches!(&goal.kind, ConstraintGoalKind::PrimaryKey { .. } | ConstraintGoalKind::Unique { .. });
        if let ConstraintGoalKind::PrimaryKey { .. } = &goal.kind
            && let Some(key) = state.primary_key()
        {
            let what = format!("table {table} has another primary key, on ({})", list(key));
            self.find(span, Code::ConstraintConflict, what, "", Vec::new(), "write in the script what is there");
            return;
        }
        // A key makes an index of its name, which shares the name space of tables.
        if let Some(name) = &goal.name
            && keyed
            && !self.has_index_for(table, name, &goal.kind)
        {
            let index = table.sibling(name.clone());
            if let Some(described) = self.holder_of_name(&index) {
                let what = format!("{index} is {described}; constraint {name} needs the name for its index");
                self.find(span, Code::KindConflict, what, "", Vec::new(), "use another name in the script");
                return;
            }
        }
        if (keyed && !self.may_create(span, &table.schema)) || !self.rows_allow(span, table, goal, &columns) {
            return;
        }
        let object = self.constraint_object(table, goal, &columns);
        let mut choice = self.choose(table, false);
        if self.is_partitioned(table) {
            if !self.add_in_partitions(span, table, goal, &object, &mut choice) {
                return;
            }
        } else if keyed && self.add_key_online(span, table, goal, &object, &choice) {
            return;
        }
        let Choice { online, why, size } = choice;
        let name = goal.name.as_ref().map(|name| format!("CONSTRAINT {name} ")).unwrap_or_default();
        let not_valid = if goal.timing.not_valid { " NOT VALID" } else { "" };
        let sql = Sql::new(format!("ALTER TABLE {table} ADD {name}{}{not_valid}", goal.definition));
        let is_new = self.made.contains(table);
        let lock = if matches!(&goal.kind, ConstraintGoalKind::ForeignKey { .. }) {
            LockMode::ShareRowExclusive
        } else {
            LockMode::AccessExclusive
        };
        if online && !keyed && !goal.timing.not_valid {
            self.add_validated(span, table, goal, &object, lock, why);
            return;
        }
        // What holds for new rows only needs no scan.
        let scans = !is_new && !goal.timing.not_valid;
        let act = Act {
            verb: Verb::Add,
            object,
            table: Some(table),
            form: if scans { Form::Plain(why) } else { Form::CatalogOnly },
            lock: (!is_new).then_some(lock),
            timeout: if scans || is_new { self.policy.timeouts.scan } else { self.policy.timeouts.catalog },
            hazards: if scans && matches!(size, Size::Large { .. }) { vec![Hazard::BlockingLock] } else { Vec::new() },
            transaction: Transaction::Shared,
        };
        self.step(span, sql, act);
        self.add_constraint_to_picture(table, goal, !goal.timing.not_valid);
    }

    /// Adds a constraint of a partitioned table beside writers, where that takes more than for another table. Returns whether it is
    /// still to be added; `choice` says how.
    fn add_in_partitions(
        &mut self,
        span: Span,
        table: &ObjectName,
        goal: &ConstraintGoal,
        object: &str,
        choice: &mut Choice,
    ) -> bool {
        if !choice.online {
            return true;
        }
        let spread = match &goal.kind {
            ConstraintGoalKind::Check(_) => return true,
            ConstraintGoalKind::ForeignKey { .. } if goal.timing.not_valid => return true,
            ConstraintGoalKind::ForeignKey { .. } => self.spread_foreign_key(span, table, goal, object, choice),
            ConstraintGoalKind::PrimaryKey { .. } | ConstraintGoalKind::Unique { .. } => {
                self.spread_key(span, table, goal, choice)
            }
        };
        let Spread::Impossible(why) = spread else { return false };
        if !self.waiting_allowed(span, table, choice, object, &why) {
            return false;
        }
        choice.online = false;
        choice.why = format!("{}; not beside writers: {why}", choice.why);
        true
    }

    fn constraint_object(&self, table: &ObjectName, goal: &ConstraintGoal, columns: &[Ident]) -> String {
        let name = goal.name.as_ref().map(|name| format!(" {name}")).unwrap_or_default();
        let target = match &goal.kind {
            ConstraintGoalKind::ForeignKey { table, .. } => format!(" → {}", self.locate(table)),
            _ => String::new(),
        };
        format!("{}{name} on {table} ({}){target}", goal.kind.described(), list(columns))
    }

    /// Returns whether the rows that are there let the constraint be added; findings where they do not.
    fn rows_allow(&mut self, span: Span, table: &ObjectName, goal: &ConstraintGoal, columns: &[Ident]) -> bool {
        if !self.values_known(table, columns) {
            return true;
        }
        match &goal.kind {
            ConstraintGoalKind::PrimaryKey { columns, .. } => {
                let nulls: Vec<_> = columns.iter().map(|column| format!("{column} IS NULL")).collect();
                let question = self.row_check(table, &nulls.join(" OR "));
                let answer = self.ask(question);
                if let Some((count, example)) = answer.and_then(|answer| answer.as_rows())
                    && count > 0
                {
                    self.find(
                        span,
                        Code::NullRows,
                        format!(
                            "primary key on {table} ({}) cannot be added: {} NULL",
                            list(columns),
                            hold_words(count)
                        ),
                        "",
                        vec![format!("found before anything was changed{}", example_words(example.as_deref()))],
                        "fill the column, then run again",
                    );
                    return false;
                }
                self.unique_rows(span, table, columns, true, None)
            }
            ConstraintGoalKind::Unique { columns, nulls_not_distinct, .. } => {
                self.unique_rows(span, table, columns, *nulls_not_distinct, None)
            }
            ConstraintGoalKind::ForeignKey { .. } if goal.timing.not_valid => true,
            ConstraintGoalKind::ForeignKey { .. } => self.no_orphans(span, table, &goal.kind),
            ConstraintGoalKind::Check(expression) if !goal.timing.not_valid => {
                let expression = expression.source.text.clone();
                self.no_violations(span, table, &expression)
            }
            ConstraintGoalKind::Check(_) => true,
        }
    }

    /// Returns whether no two rows share a key; a finding where some do. `keys` are columns; for expressions see `index`.
    fn unique_rows(
        &mut self,
        span: Span,
        table: &ObjectName,
        keys: &[Ident],
        nulls_equal: bool,
        predicate: Option<&str>,
    ) -> bool {
        let texts: Vec<String> = keys.iter().map(ToString::to_string).collect();
        self.unique_keys(span, table, &texts, nulls_equal, predicate)
    }

    /// Returns whether no two rows share a key made of expressions; a finding where some do.
    pub(super) fn unique_keys(
        &mut self,
        span: Span,
        table: &ObjectName,
        keys: &[String],
        nulls_equal: bool,
        predicate: Option<&str>,
    ) -> bool {
        let key = self.key_text(table);
        let order = self.key_order(table);
        let mut conditions: Vec<String> = Vec::new();
        if !nulls_equal {
            conditions.extend(keys.iter().map(|key| format!("({key}) IS NOT NULL")));
        }
        conditions.extend(predicate.map(|predicate| format!("({predicate}\n)")));
        let condition = if conditions.is_empty() { "true".to_owned() } else { conditions.join(" AND ") };
        let keys_list = keys.iter().map(|key| format!("({key})")).collect::<Vec<_>>().join(", ");
        let sql = format!(
            "SELECT pg_catalog.json_build_array(count(*), min(g.rows)) FROM (SELECT \
             (pg_catalog.array_agg({key} ORDER BY {order}))[1] || ' and ' || (pg_catalog.array_agg({key} ORDER BY {order}))[2] AS rows \
             FROM {table} WHERE {condition} GROUP BY {keys_list} HAVING count(*) > 1) g"
        );
        let question = super::Question::new(sql, super::Purpose::Check, Some(table.clone()));
        let Some(answer) = self.ask(question) else { return true };
        let Some((count, example)) = answer.as_rows() else {
            self.unanswered(span, table, &answer);
            return false;
        };
        if count == 0 {
            return true;
        }
        let groups = if count == 1 { "1 key occurs".to_owned() } else { format!("{} keys occur", RowCount(count)) };
        self.find(
            span,
            Code::DuplicateRows,
            format!("{groups} more than once in {table} ({})", keys.join(", ")),
            "found before anything was changed",
            vec![example.map_or_else(String::new, |rows| format!("the first: rows {rows}"))],
            "merge or correct those rows, then run again; nothing is deleted or merged by itself",
        );
        false
    }

    /// Returns whether every row fulfils a check; a finding where one does not.
    fn no_violations(&mut self, span: Span, table: &ObjectName, expression: &str) -> bool {
        if self.opaque_before.is_some() || self.made.contains(table) {
            return true;
        }
        let question = self.row_check(table, &format!("NOT ({expression}\n)"));
        let answer = self.ask(question);
        let Some((count, example)) = answer.and_then(|answer| answer.as_rows()) else { return true };
        if count == 0 {
            return true;
        }
        self.find(
            span,
            Code::CheckRows,
            format!("{} of {table} would violate the check", rows_words(count)),
            "",
            vec![format!("found before anything was changed{}", example_words(example.as_deref()))],
            "correct those rows, then run again",
        );
        false
    }

    fn no_orphans(&mut self, span: Span, table: &ObjectName, goal: &ConstraintGoalKind) -> bool {
        match self.foreign_key(goal) {
            Some(key) => self.no_orphans_of(span, table, &key),
            None => true,
        }
    }

    /// Returns whether every row refers to one that is there; a finding where one does not.
    fn no_orphans_of(&mut self, span: Span, table: &ObjectName, key: &ForeignKey) -> bool {
        // Rows that this plan adds may be the ones that are referred to: the server's own check decides.
        let made = self.made.contains(&key.table);
        if self.seeded.contains(&key.table) || (!made && !self.values_known(&key.table, &key.referenced)) {
            return true;
        }
        if key.referenced.len() != key.columns.len() {
            return true;
        }
        let set: Vec<_> = key.columns.iter().map(|column| format!("{column} IS NOT NULL")).collect();
        let condition = if self.made.contains(&key.table) {
            // The referenced table is made by this run and empty: every row that refers to anything is an orphan.
            set.join(" AND ")
        } else {
            let pairs: Vec<_> = key
                .columns
                .iter()
                .zip(&key.referenced)
                .map(|(from, to)| format!("hm_referenced.{to} = {table}.{from}"))
                .collect();
            format!(
                "{} AND NOT EXISTS (SELECT 1 FROM {} AS hm_referenced WHERE {})",
                set.join(" AND "),
                key.table,
                pairs.join(" AND ")
            )
        };
        let question = self.row_check(table, &condition);
        let Some(answer) = self.ask(question) else { return true };
        let Some((count, example)) = answer.as_rows() else {
            self.unanswered(span, table, &answer);
            return false;
        };
        if count == 0 {
            return true;
        }
        self.find(
            span,
            Code::OrphanRows,
            format!(
                "{} of {table} {} to nothing in {} ({})",
                rows_words(count),
                if count == 1 { "refers" } else { "refer" },
                key.table,
                list(&key.columns)
            ),
            "found before anything was changed",
            vec![format!("their ({}) has no row there{}", list(&key.columns), example_words(example.as_deref()))],
            "correct or remove those rows, or write NOT VALID in the script; nothing is deleted by itself",
        );
        false
    }

    /// Adds a constraint, and the index that it brings, to the picture.
    pub(super) fn add_constraint_to_picture(&mut self, table: &ObjectName, goal: &ConstraintGoal, validated: bool) {
        let name = self.constraint_name(table, goal);
        let kind = match &goal.kind {
            ConstraintGoalKind::PrimaryKey { columns, include } => {
                ConstraintKind::PrimaryKey { columns: columns.clone(), include: include.clone() }
            }
            ConstraintGoalKind::Unique { columns, include, nulls_not_distinct } => ConstraintKind::Unique {
                columns: columns.clone(),
                include: include.clone(),
                nulls_not_distinct: *nulls_not_distinct,
            },
            ConstraintGoalKind::Check(expression) => {
                ConstraintKind::Check { expression: expression.source.text.clone() }
            }
            ConstraintGoalKind::ForeignKey { .. } => match self.foreign_key(&goal.kind) {
                Some(key) => ConstraintKind::ForeignKey(key),
                None => return,
            },
        };
        self.check(Some(table), CheckedKind::Constraint, &name, || goal.kind.described().to_owned());
        let index = match &goal.kind {
            ConstraintGoalKind::PrimaryKey { columns, include } => {
                Some((columns, include, false, IndexConstraint::PrimaryKey))
            }
            ConstraintGoalKind::Unique { columns, include, nulls_not_distinct } => {
                Some((columns, include, *nulls_not_distinct, IndexConstraint::Other))
            }
            _ => None,
        }
        .map(|(columns, include, nulls_not_distinct, constraint)| Index {
            valid: true,
            structure: IndexStructure {
                method: Ident::new("btree"),
                unique: true,
                nulls_not_distinct,
                keys: columns
                    .iter()
                    .map(|column| IndexKey {
                        target: IndexTarget::Column(column.clone()),
                        operator_class: None,
                        operator_class_parameters: None,
                        collation: None,
                        descending: false,
                        nulls_first: false,
                    })
                    .collect(),
                include: include.clone(),
                predicate: None,
                storage: BTreeMap::new(),
            },
            constraint: Some(constraint),
        });
        let primary: Vec<Ident> = match &goal.kind {
            ConstraintGoalKind::PrimaryKey { columns, .. } => columns.clone(),
            _ => Vec::new(),
        };
        self.fresh_constraints.insert((table.clone(), name.clone()));
        let Some(state) = self.table_mut(table) else { return };
        for column in &primary {
            if let Some(column) = state.column_mut(column) {
                column.not_null = true;
            }
        }
        state.constraints.push(Constraint {
            name: name.clone(),
            kind,
            validated,
            deferrable: goal.timing.deferrable,
            initially_deferred: goal.timing.initially_deferred,
            no_inherit: goal.timing.no_inherit,
        });
        if let Some(index) = index {
            state.indexes.insert(name, index);
        }
    }

    /// Returns the name that PostgreSQL would choose for a constraint of the table. `taken` knows of more names that are not free
    /// than those of the table's constraints.
    pub(super) fn free_name(
        &self,
        table: &ObjectName,
        columns: &[Ident],
        suffix: &str,
        taken: &dyn Fn(&Ident) -> bool,
    ) -> Ident {
        let is_free =
            |name: &Ident| self.table_state(table).is_none_or(|state| state.constraint(name).is_none()) && !taken(name);
        let first = object_name(&table.name, columns, suffix);
        if is_free(&first) {
            return first;
        }
        let further = (1..=u32::MAX).map(|n| object_name(&table.name, columns, &format!("{suffix}{n}")));
        further.into_iter().find(is_free).unwrap_or(first)
    }

    pub(super) fn constraint_absent(&mut self, span: Span, name: &QualifiedName, constraint: &Ident, cascade: bool) {
        let table = self.locate(name);
        let Some(state) = self.world.tables.get(&table) else { return };
        if state.constraint(constraint).is_none() {
            return;
        }
        let last = self.declared.table_name(self.order, &table);
        let later = self.declared.asserted_after(self.order, &Aspect::Constraint(last, constraint.clone()));
        if let Some(Goal { kind: GoalKind::Constraint { constraint: later, .. }, .. }) = later
            && let Some(existing) = state.constraint(constraint)
            && self.same_constraint(&table, later, existing) != Sameness::Different
        {
            self.superseded = true;
            return;
        }
        let words = format!("constraint {constraint} of {table}");
        if !self.owns(span, &table)
            || !(cascade || self.no_dependents_of(span, &words, &Address::constraint(&table, constraint)))
        {
            return;
        }
        let cascade = if cascade { " CASCADE" } else { "" };
        let sql = Sql::new(format!("ALTER TABLE {table} DROP CONSTRAINT {constraint}{cascade}"));
        self.catalog_step(span, sql, Verb::Drop, words, Some(&table));
        if let Some(state) = self.table_mut(&table) {
            state.constraints.retain(|existing| existing.name != *constraint);
            state.indexes.remove(constraint);
        }
        self.world.forget_object(&Object::Constraint(table.clone(), constraint.clone()));
        let index = table.sibling(constraint.clone());
        self.world.forget_object(&Object::Relation(index.clone()));
        // The name of its index is free.
        self.world.relations_mut().remove(&index);
        self.freed.insert(index);
    }

    pub(super) fn constraint_validated(&mut self, span: Span, name: &QualifiedName, constraint: &Ident) {
        let Some(table) = self.existing_table(span, name) else { return };
        let last = self.declared.table_name(self.order, &table);
        if self.declared.dropped_after(self.order, &Aspect::Constraint(last, constraint.clone())) {
            self.superseded = true;
            return;
        }
        let Some(state) = self.table_state(&table) else { return };
        match state.constraint(constraint).map(|existing| existing.validated) {
            Some(true) => {}
            Some(false) => self.validate(span, &table, constraint),
            None if self.constraint_settled_later(&table, constraint) => self.superseded = true,
            None if let Some(other) = self.stand_in(&table, constraint) => {
                if !other.validated {
                    self.validate(span, &table, &other.name);
                }
            }
            None => self.find(
                span,
                Code::ObjectMissing,
                format!("constraint {constraint} of table {table} is not there"),
                "",
                Vec::new(),
                "add it in an earlier statement",
            ),
        }
    }

    pub(super) fn constraint_renamed(&mut self, span: Span, name: &QualifiedName, from: &Ident, to: &Ident) {
        let Some(table) = self.existing_table(span, name) else { return };
        let Some(state) = self.table_state(&table) else { return };
        let words = |name: &Ident| format!("constraint {name} of {table}");
        match (state.constraint(from).is_some(), state.constraint(to).is_some()) {
            (true, false) => {
                if !self.owns(span, &table) {
                    return;
                }
                let sql = Sql::new(format!("ALTER TABLE {table} RENAME CONSTRAINT {from} TO {to}"));
                self.catalog_step(span, sql, Verb::Alter, format!("{} renamed to {to}", words(from)), Some(&table));
                if let Some(state) = self.table_mut(&table) {
                    if let Some(constraint) = state.constraints.iter_mut().find(|existing| existing.name == *from) {
                        constraint.name = to.clone();
                    }
                    if let Some(index) = state.indexes.remove(from) {
                        state.indexes.insert(to.clone(), index);
                    }
                }
                let named = |name: &Ident| Object::Constraint(table.clone(), name.clone());
                let index = |name: &Ident| Object::Relation(table.sibling(name.clone()));
                let renamed = [(named(from), named(to)), (index(from), index(to))];
                let back = format!("ALTER TABLE {table} RENAME CONSTRAINT {to} TO {from}");
                self.world.rename_objects(&renamed, back);
            }
            (false, true) => {}
            (true, true) => {
                let last = self.declared.table_name(self.order, &table);
                if !self.declared.made_after(self.order, &Aspect::Constraint(last, from.clone())) {
                    self.both_names(span, &words(from), &words(to));
                }
            }
            (false, false) if self.constraint_settled_later(&table, to) => self.superseded = true,
            (false, false) if self.stand_in(&table, to).is_some() => {}
            (false, false) => self.neither_name(span, &words(from), &words(to)),
        }
    }

    /// Returns the constraint that does the work of the one that an earlier statement declares under `name`, where that one
    /// is not there.
    fn stand_in(&self, table: &ObjectName, name: &Ident) -> Option<Constraint> {
        let declared_table = self.declared.table_name(self.order, table);
        let last = self.declared.constraint_name(self.order, &declared_table, name);
        let (_, goal) = self.declared.assertion(&Aspect::Constraint(declared_table, last))?;
        let GoalKind::Constraint { constraint, .. } = &goal.kind else { return None };
        let existing = &self.table_state(table)?.constraints;
        existing.iter().find(|existing| self.same_constraint(table, constraint, existing) == Sameness::Same).cloned()
    }

    /// Returns whether a constraint that is not there has a later name under which it is, or is dropped later.
    fn constraint_settled_later(&self, table: &ObjectName, name: &Ident) -> bool {
        let declared_table = self.declared.table_name(self.order, table);
        let has = |name: &Ident| self.table_state(table).is_some_and(|state| state.constraint(name).is_some());
        let last = self.declared.constraint_name(self.order, &declared_table, name);
        has(&self.declared.constraint_name_until(self.order, &declared_table, name, &has))
            || self.declared.dropped_after(self.order, &Aspect::Constraint(declared_table.clone(), last.clone()))
            || self.gone_with_its_columns(&Aspect::Constraint(declared_table, last))
    }
}

fn same_columns(a: &ForeignKey, b: &ForeignKey) -> bool {
    // The pairs of columns may be written in another order.
    let pairs = |key: &ForeignKey| {
        let mut pairs: Vec<_> = key.columns.iter().cloned().zip(key.referenced.iter().cloned()).collect();
        pairs.sort();
        pairs
    };
    a.table == b.table && a.columns.len() == b.columns.len() && pairs(a) == pairs(b)
}

pub(super) fn same_key(a: &ForeignKey, b: &ForeignKey) -> bool {
    same_columns(a, b) && a.on_update == b.on_update && a.on_delete == b.on_delete && a.match_full == b.match_full
}

const fn action_letter(action: ReferentialAction) -> char {
    match action {
        ReferentialAction::NoAction => 'a',
        ReferentialAction::Restrict => 'r',
        ReferentialAction::Cascade => 'c',
        ReferentialAction::SetNull => 'n',
        ReferentialAction::SetDefault => 'd',
    }
}

fn constraint_words(constraint: &Constraint) -> String {
    match &constraint.kind {
        ConstraintKind::PrimaryKey { columns, .. } => format!("a primary key on ({})", list(columns)),
        ConstraintKind::Unique { columns, .. } => format!("a unique constraint on ({})", list(columns)),
        ConstraintKind::Check { expression } => format!("CHECK ({expression})"),
        ConstraintKind::ForeignKey(key) => key_words(key, constraint.deferrable, constraint.initially_deferred),
        ConstraintKind::Other { definition } => definition.clone(),
    }
}

/// Returns a foreign key with everything by which two of the same columns can differ.
fn key_words(key: &ForeignKey, deferrable: bool, initially_deferred: bool) -> String {
    let action = |letter| match letter {
        'r' => "RESTRICT",
        'c' => "CASCADE",
        'n' => "SET NULL",
        'd' => "SET DEFAULT",
        _ => "NO ACTION",
    };
    let mut words = format!("a foreign key ({}) → {} ({})", list(&key.columns), key.table, list(&key.referenced));
    if key.match_full {
        words.push_str(" MATCH FULL");
    }
    for (event, letter) in [("UPDATE", key.on_update), ("DELETE", key.on_delete)] {
        if letter != 'a' {
            for word in [" ON ", event, " ", action(letter)] {
                words.push_str(word);
            }
        }
    }
    match (deferrable, initially_deferred) {
        (_, true) => words.push_str(" DEFERRABLE INITIALLY DEFERRED"),
        (true, false) => words.push_str(" DEFERRABLE"),
        (false, false) if words.ends_with(')') => words.push_str(", without actions"),
        (false, false) => {}
    }
    words
}
