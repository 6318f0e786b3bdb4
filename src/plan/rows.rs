//! Statements about rows: backfills, seeds, and what cannot be read at all.

use crate::{
    catalog::Generation,
    goal::{Backfill, GoalKind, Probe as _, Seed, StatementGoals},
    pg::{Hazard, Ident, LockMode, ObjectName, QualifiedName},
    script::Span,
};

use super::{
    Act, Answer, Barrier, CheckedKind, Form, Planner, Purpose, Question, Size, Sql, Transaction, Verb,
    declared::Aspect, online::Fill, rows_words,
};

impl Planner<'_> {
    pub(super) fn backfill(&mut self, statement: &StatementGoals, goal: &Backfill) {
        let Some(table) = self.table_of_rows(statement.span, &goal.table) else { return };
        let mut columns = goal.reads.clone();
        columns.extend(goal.sets.iter().cloned());
        // Inside a function or sub-query a name may be another table's column: only names of this table are judged.
        if !self.columns_there(statement, &table, &goal.sets) {
            return;
        }
        let shown = Ident::new(goal.sets.iter().map(Ident::as_str).collect::<Vec<_>>().join(", "));
        self.check(Some(&table), CheckedKind::Rows, &shown, || goal.predicate.clone());
        // A new table holds no rows but those that this plan puts there.
        if self.made.contains(&table) && !self.seeded.contains(&table) {
            return;
        }
        if let Some(column) = &goal.null_column
            && self.table_state(&table).and_then(|state| state.column(column)).is_some_and(|column| column.not_null)
        {
            return;
        }
        let key = |column: &Ident| (table.clone(), column.clone());
        if let Some(column) = &goal.null_column
            && (self.added.get(&key(column)) == Some(&true) || self.filled.contains(&key(column)))
        {
            return;
        }
        let known =
            self.values_known(&table, &columns.iter().filter(|c| self.has(&table, c)).cloned().collect::<Vec<_>>());
        if known {
            let question = Question::new(goal.probe(&table), Purpose::Probe, Some(table.clone()));
            match self.ask(question) {
                None => {
                    self.unverified = Some("whether rows are left to fill has not been asked".to_owned());
                    return;
                }
                Some(Answer::Value(value)) => {
                    if Answer::Value(value).as_bool() != Some(true) {
                        return;
                    }
                }
                Some(Answer::Unknown(why)) => {
                    self.unverified = Some(format!("whether rows of {table} are left to fill: {why}"));
                    return;
                }
                // It corrected the values of a type that a later statement has changed since.
                Some(Answer::Failed(_)) if columns.iter().any(|column| self.converted_later(&table, column)) => {
                    self.superseded = true;
                    return;
                }
                Some(Answer::Undefined(why) | Answer::Failed(why)) => {
                    self.probe_failed(statement, &table, &why);
                    return;
                }
            }
        }
        let may = self.table_state(&table).is_some_and(|state| state.owned || state.may_update);
        if !self.may_write(statement, &table, may, "UPDATE") {
            return;
        }
        let text = &statement.text;
        let head = text.get(..goal.condition.start - statement.span.start);
        let mut fill = Fill {
            sql: Sql::default().source(text, statement.span.start),
            head: head.filter(|_| !goal.unread).map(|head| format!("{head}({}\n)", goal.predicate)),
            probe: goal.probe(&table),
            object: format!("rows of {table}: {shown}"),
            rest: Vec::new(),
            keeps: None,
            replica: false,
        };
        if !self.keep(statement, goal, &table, &mut fill) {
            return;
        }
        self.fill_step(statement.span, &table, fill, Transaction::Shared);
        for column in &goal.sets {
            self.touched.insert(key(column));
        }
        if let Some(column) = &goal.null_column {
            self.filled.insert(key(column));
        }
    }

    /// Returns whether a later statement changes the column's type, and the database is as that one says.
    fn converted_later(&self, table: &ObjectName, column: &Ident) -> bool {
        let (declared_table, declared_name) = self.declared_column(table, column);
        let later = self.declared.altered_after(self.order, &Aspect::ColumnType(declared_table, declared_name));
        let Some(GoalKind::ColumnType { type_name, .. }) = later.map(|goal| &goal.kind) else { return false };
        let wanted = self.resolve_type(type_name);
        self.table_state(table).and_then(|state| state.column(column)).is_some_and(|column| column.type_name == wanted)
    }

    fn has(&self, table: &ObjectName, column: &Ident) -> bool {
        self.table_state(table).is_some_and(|state| state.column(column).is_some())
    }

    /// Returns whether the columns are there; superseded where a later statement drops one of them, told otherwise.
    fn columns_there(&mut self, statement: &StatementGoals, table: &ObjectName, columns: &[Ident]) -> bool {
        let Some(missing) = columns.iter().find(|column| !self.has(table, column)).cloned() else { return true };
        let (declared_table, declared_name) = self.declared_column(table, &missing);
        if declared_name != missing && self.has(table, &declared_name)
            || self.declared.dropped_after(self.order, &Aspect::Column(declared_table, declared_name))
        {
            self.superseded = true;
        } else {
            self.no_column(statement.span, table, &missing);
        }
        false
    }

    fn probe_failed(&mut self, statement: &StatementGoals, table: &ObjectName, why: &str) {
        self.find(
            statement.span,
            crate::diagnostic::Code::QueryFailed,
            format!("whether rows of {table} are left to do could not be asked"),
            "its condition was asked as a question",
            vec![why.to_owned()],
            "correct the condition, so that it can be evaluated for every row",
        );
    }

    fn may_write(&mut self, statement: &StatementGoals, table: &ObjectName, may: bool, right: &str) -> bool {
        if may {
            return true;
        }
        let role = self.world.server.role.clone();
        self.find(
            statement.span,
            crate::diagnostic::Code::PermissionDenied,
            format!("permission denied for table {}: role {role} lacks {right}", table.name),
            "",
            vec!["found before anything was changed".to_owned()],
            format!("let its owner run: GRANT {right} ON {table} TO {}", Ident::new(role)),
        );
        false
    }

    fn seed_step(&mut self, statement: &StatementGoals, table: &ObjectName, size: Size, object: &str) {
        let sql = Sql::default().source(&statement.text, statement.span.start);
        let act = Act {
            verb: Verb::Fill,
            object: object.to_owned(),
            table: Some(table),
            form: if size == Size::New { Form::AsWritten } else { Form::Plain(Self::size_words(size)) },
            lock: Some(LockMode::RowExclusive),
            timeout: self.policy.timeouts.scan,
            hazards: Vec::new(),
            transaction: Transaction::Shared,
        };
        self.step(statement.span, sql, act);
    }

    /// Returns the table whose rows a statement is about. `None` also where it has its later name already: the statement is sent
    /// as it is written, and a database that is past the rename is past the statement too.
    fn table_of_rows(&mut self, span: Span, name: &QualifiedName) -> Option<ObjectName> {
        let table = self.existing_table(span, name)?;
        if table == name.resolve(&self.target) {
            return Some(table);
        }
        self.superseded = true;
        None
    }

    pub(super) fn seed(&mut self, statement: &StatementGoals, goal: &Seed) {
        let Some(table) = self.table_of_rows(statement.span, &goal.table) else { return };
        if !self.columns_there(statement, &table, &goal.columns) {
            return;
        }
        let shown = Ident::new(format!("{} seed rows", goal.rows.len()));
        self.check(Some(&table), CheckedKind::Rows, &shown, || goal.rows.len().to_string());
        if self.values_known(&table, &goal.columns) {
            let question = Question::new(goal.probe(&table), Purpose::Probe, Some(table.clone()));
            match self.ask(question) {
                None => {
                    self.unverified = Some("whether the rows are there has not been asked".to_owned());
                    return;
                }
                Some(Answer::Value(value)) => {
                    if Answer::Value(value).as_bool() != Some(true) {
                        return;
                    }
                }
                Some(Answer::Unknown(why)) => {
                    self.unverified = Some(format!("whether the rows of {table} are there: {why}"));
                    return;
                }
                Some(Answer::Undefined(why) | Answer::Failed(why)) => {
                    self.probe_failed(statement, &table, &why);
                    return;
                }
            }
        }
        let may = self.table_state(&table).is_some_and(|state| state.owned || state.may_insert);
        if !self.may_write(statement, &table, may, "INSERT") {
            return;
        }
        let size = if self.made.contains(&table) { Size::New } else { Size::Small { pages: 0 } };
        self.seed_step(statement, &table, size, &format!("{} of {table}", rows_words(goal.rows.len() as u64)));
        // The new rows hold what is written, and otherwise the default, or NULL where there is none.
        let only = self.made.contains(&table) && !self.seeded.contains(&table);
        let others: Vec<(Ident, bool)> = self
            .table_state(&table)
            .into_iter()
            .flat_map(|state| &state.columns)
            .filter(|column| !goal.columns.contains(&column.name))
            .map(|column| (column.name.clone(), column.default.is_some() || column.generation != Generation::None))
            .collect();
        for column in &goal.columns {
            let key = (table.clone(), column.clone());
            self.filled.remove(&key);
            self.touched.insert(key);
        }
        for (column, has_value) in others {
            let key = (table.clone(), column);
            if !has_value {
                self.filled.remove(&key);
                self.touched.insert(key);
            } else if only {
                self.filled.insert(key);
            }
        }
        self.seeded.insert(table);
    }

    /// A statement that says nothing about the catalog: its guard or `always` decides, and what it did is found out after it.
    pub(super) fn opaque(&mut self, statement: &StatementGoals, verb: &str) {
        self.check(None, CheckedKind::Opaque, &Ident::new(format!("{verb} #{}", self.order)), || verb.to_owned());
        if self.policy.ran.contains(&statement.id) {
            let always = statement.directives.always;
            let when = if always { "runs every time" } else { "has run" };
            self.unverified = Some(format!("{verb} {when}; what it does cannot be compared"));
            if !statement.directives.guards.is_empty() && !always {
                self.find(
                    statement.span,
                    crate::diagnostic::Code::NoProgress,
                    format!("{verb} has run, but its guard still asks for it"),
                    "",
                    vec!["on the next run it would be run again".to_owned()],
                    "let the guard ask for what the statement does",
                );
            }
            return;
        }
        if self.keep_old {
            self.keeps_nothing(statement, &format!("what {verb} changes"), "the statement is not read");
            return;
        }
        // Its guard may look at what earlier steps change: it is asked again once they are done.
        let earlier = self.plan.steps().next().is_some();
        if self.plan.barrier.is_none() {
            self.plan.barrier = Some(Barrier {
                statement: statement.id,
                inclusive: !earlier || statement.directives.guards.is_empty(),
            });
        }
        self.opaque_before.get_or_insert(statement.id);
        let may_take_long = statement.directives.allow.contains(&Hazard::BlockingLock);
        let returning = self.returning(statement);
        let lock = returning.as_ref().map(|_| LockMode::RowExclusive);
        let (object, form, batches) = returning.unwrap_or_else(|| (verb.to_owned(), Form::AsWritten, None));
        let act = Act {
            verb: Verb::Run,
            object,
            table: None,
            form,
            lock,
            // What the script allows to stop others for long may take as long.
            timeout: if may_take_long && batches.is_none() {
                self.policy.timeouts.long
            } else {
                self.policy.timeouts.scan
            },
            hazards: Vec::new(),
            transaction: if batches.is_some() || cannot_share(verb) { Transaction::None } else { Transaction::Shared },
        };
        let sql = Sql::default().source(&statement.text, statement.span.start);
        self.step(statement.span, sql, act);
        if let Some(batches) = batches {
            self.in_batches(batches);
        }
    }
}

/// Statements that PostgreSQL refuses within a transaction block.
fn cannot_share(verb: &str) -> bool {
    const ALONE: &[&str] =
        &["VACUUM", "REINDEX", "CREATE DATABASE", "DROP DATABASE", "ALTER SYSTEM", "CREATE TABLESPACE"];
    ALONE.iter().any(|alone| verb.starts_with(alone))
}
