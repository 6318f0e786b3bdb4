//! Tables: CREATE TABLE as a list of goals, and renames.

use crate::{
    catalog::{self, Table},
    diagnostic::Code,
    goal::{ColumnGoal, ConstraintGoal, ConstraintGoalKind, Goal, GoalKind, StatementGoals},
    pg::{Ident, LockMode, ObjectName, QualifiedName},
    script::Span,
};

use super::{Act, CheckedKind, Form, Planner, Sql, Transaction, Verb, declared::Aspect};

impl Planner<'_> {
    /// CREATE TABLE: one command where the table is missing, otherwise its columns and constraints one by one.
    pub(super) fn table(&mut self, statement: &StatementGoals, name: &QualifiedName) {
        let Some((head, parts)) = statement.goals.split_first() else { return };
        let table = self.locate(name);
        let last = self.declared.table_name(self.order, &table);
        if self.declared.dropped_after(self.order, &Aspect::Relation(last)) {
            self.superseded = true;
            return;
        }
        if self.world.tables.contains_key(&table) {
            self.check(None, CheckedKind::Table, &table.name, || table.schema.to_string());
            let columns: Vec<_> = parts
                .iter()
                .filter(|goal| matches!(&goal.kind, GoalKind::Column { .. }) || is_inline(goal))
                .cloned()
                .collect();
            self.columns(statement, name, &columns);
            for goal in parts.iter().filter(|goal| !matches!(&goal.kind, GoalKind::Column { .. }) && !is_inline(goal)) {
                self.goal(statement, goal);
            }
            return;
        }
        if self.world.relations.contains_key(&table) {
            self.no_table(head.span, &table);
            return;
        }
        // A table brings a row type of its name along.
        if self.world.types.contains_key(&table) {
            let what = format!("{table} is a type; the script asks for a table, which needs the name for its row type");
            self.find(
                head.span,
                Code::KindConflict,
                what,
                "",
                Vec::new(),
                "rename that type, or the table in the script",
            );
            return;
        }
        if !self.may_create(head.span, &table.schema) || !self.parts_exist(&table, parts) {
            // One reason is told, not every statement that needs the table.
            self.create(&table, parts);
            return;
        }
        let after = head.span.end;
        let body = statement.text.get(after - statement.span.start..).unwrap_or_default();
        let sql = Sql::new(format!("CREATE TABLE {table}")).source(body, after);
        // A foreign key stops writes to the table that it refers to.
        let referenced = parts.iter().find_map(|goal| match &goal.kind {
            GoalKind::Constraint { constraint, .. } => match &constraint.kind {
                ConstraintGoalKind::ForeignKey { table: to, .. } => {
                    Some(self.locate(to)).filter(|to| *to != table && !self.made.contains(to))
                }
                _ => None,
            },
            _ => None,
        });
        let act = Act {
            verb: Verb::Add,
            object: format!("table {table}"),
            table: referenced.as_ref(),
            form: Form::CatalogOnly,
            lock: referenced.as_ref().map(|_| LockMode::ShareRowExclusive),
            timeout: self.policy.timeouts.catalog,
            hazards: Vec::new(),
            transaction: Transaction::Shared,
        };
        self.step(statement.span, sql, act);
        self.create(&table, parts);
    }

    /// Returns whether the types and tables that a new table refers to are there; findings where they are not.
    fn parts_exist(&mut self, table: &ObjectName, parts: &[Goal]) -> bool {
        let mut all = true;
        for goal in parts {
            match &goal.kind {
                GoalKind::Column { column, .. } => {
                    let type_name = self.resolve_type(&column.type_name);
                    all &= self.has_type(column.type_span, &type_name);
                }
                GoalKind::Constraint { constraint, .. } => all &= self.may_refer(table, constraint),
                _ => {}
            }
        }
        all
    }

    /// Returns whether the table that a foreign key refers to is there and may be referred to.
    pub(super) fn may_refer(&mut self, from: &ObjectName, constraint: &ConstraintGoal) -> bool {
        let ConstraintGoalKind::ForeignKey { table, referenced, .. } = &constraint.kind else { return true };
        let to = self.locate(table);
        if to == *from {
            return true;
        }
        let Some(state) = self.world.tables.get(&to) else {
            let last = self.declared.table_name(self.order, &to);
            if self.declared.dropped_after(self.order, &Aspect::Relation(last)) {
                self.superseded = true;
            } else {
                self.no_table(constraint.span, &to);
            }
            return false;
        };
        if let Some(missing) = referenced.iter().find(|column| state.column(column).is_none()) {
            let what = format!("column {to}.{missing} is not there");
            self.find(constraint.span, Code::ColumnMissing, what, "", Vec::new(), "add it in an earlier statement");
            return false;
        }
        if !state.may_reference && !state.owned {
            let role = self.world.server.role.clone();
            let what = format!("permission denied for table {}: role {role} lacks REFERENCES", to.name);
            let help = format!("let its owner run: GRANT REFERENCES ON {to} TO {}", Ident::new(role));
            self.find(constraint.span, Code::PermissionDenied, what, "", Vec::new(), help);
            return false;
        }
        true
    }

    /// Adds a new table to the picture.
    fn create(&mut self, table: &ObjectName, parts: &[Goal]) {
        self.check(None, CheckedKind::Table, &table.name, || table.schema.to_string());
        let state = Table {
            owner: self.world.server.role.clone(),
            owned: true,
            may_select: true,
            may_insert: true,
            may_update: true,
            may_reference: true,
            ..Table::default()
        };
        self.world.tables_at(table).insert(table.clone(), state);
        self.made.insert(table.clone());
        for goal in parts {
            if let GoalKind::Column { column, .. } = &goal.kind {
                self.add_to_picture(table, column);
            }
        }
        for goal in parts {
            if let GoalKind::Constraint { constraint, .. } = &goal.kind {
                self.add_constraint_to_picture(table, constraint, true);
            }
        }
    }

    /// Adds a new column to the picture.
    pub(super) fn add_to_picture(&mut self, table: &ObjectName, column: &ColumnGoal) {
        let type_name = self.resolve_type(&column.type_name);
        let details = type_name.to_string();
        self.check(Some(table), CheckedKind::Column, &column.name, || details);
        let sequence = table.sibling(Ident::new(format!("{}_{}_seq", table.name.as_str(), column.name.as_str())));
        let generation = match (&column.generated, column.identity) {
            (Some((_, true)), _) => catalog::Generation::Stored,
            (Some((_, false)), _) => catalog::Generation::Virtual,
            (None, Some(true)) => catalog::Generation::IdentityAlways,
            (None, Some(false)) => catalog::Generation::IdentityByDefault,
            (None, None) => catalog::Generation::None,
        };
        let default = if column.serial {
            Some(format!("nextval('{sequence}'::regclass)"))
        } else {
            let expression = column.default.as_ref().or(column.generated.as_ref().map(|(expression, _)| expression));
            expression.map(|expression| expression.source.text.clone())
        };
        let owned_sequence = (column.serial || column.identity.is_some()).then_some(sequence);
        let new = catalog::Column {
            name: column.name.clone(),
            type_name,
            not_null: column.not_null,
            default,
            generation,
            owned_sequence,
            collation: column.collation.as_ref().map(|collation| collation.resolve(&Ident::new("pg_catalog"))),
        };
        if let Some(state) = self.table_mut(table) {
            state.columns.push(new);
        }
    }

    pub(super) fn table_renamed(&mut self, span: Span, from: &QualifiedName, to: &Ident) {
        let old = from.resolve(&self.target);
        let new = old.sibling(to.clone());
        match (self.world.tables.contains_key(&old), self.world.tables.contains_key(&new)) {
            (true, false) if self.world.relations.contains_key(&new) => self.no_table(span, &new),
            (true, false) => {
                if !self.owns(span, &old) || !self.may_create(span, &old.schema) {
                    return;
                }
                let sql = Sql::new(format!("ALTER TABLE {old} RENAME TO {to}"));
                self.catalog_step(span, sql, Verb::Alter, format!("table {old} renamed to {to}"), Some(&old));
                if let Some(state) = self.world.tables_at(&old).remove(&old) {
                    self.world.tables_at(&new).insert(new.clone(), state);
                }
                self.world.types_at(&old).remove(&old);
                self.world.rename(&old, &new, format!("ALTER TABLE {new} RENAME TO {}", old.name));
                if self.seeded.remove(&old) {
                    self.seeded.insert(new.clone());
                }
                if self.made.remove(&old) {
                    self.made.insert(new.clone());
                }
                self.renamed.insert(new);
            }
            (false, true) => self.check(None, CheckedKind::Table, to, || old.schema.to_string()),
            (true, true) => {
                let last = self.declared.table_name(self.order, &new);
                if !self.declared.made_after(self.order, &Aspect::Relation(old.clone())) || last == old {
                    self.both_names(span, &format!("table {old}"), &format!("table {new}"));
                }
            }
            (false, false) => {
                let last = self.declared.table_name(self.order, &new);
                let gone = self.declared.dropped_after(self.order, &Aspect::Relation(last.clone()));
                let there = |name: &ObjectName| self.world.tables.contains_key(name);
                if there(&self.declared.table_name_until(self.order, &new, &there)) || gone {
                    self.superseded = true;
                } else {
                    self.neither_name(span, &format!("table {old}"), &format!("table {new}"));
                }
            }
        }
    }

    pub(super) fn both_names(&mut self, span: Span, old: &str, new: &str) {
        self.find(
            span,
            Code::RenameConflict,
            format!("both {old} and {new} are there"),
            "",
            vec!["a rename cannot tell which of the two holds what is meant".to_owned()],
            "drop or rename one of them by hand",
        );
    }

    pub(super) fn neither_name(&mut self, span: Span, old: &str, new: &str) {
        self.find(
            span,
            Code::RenameConflict,
            format!("neither {old} nor {new} is there"),
            "",
            Vec::new(),
            "create it in an earlier statement",
        );
    }
}

fn is_inline(goal: &Goal) -> bool {
    matches!(&goal.kind, GoalKind::Constraint { constraint, .. } if constraint.inline.is_some())
}
