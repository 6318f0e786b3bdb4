//! Columns: whether they are there as declared, adding them, and every ALTER COLUMN.

use crate::{
    catalog::{Column, ConstraintKind, Generation, IndexKey, IndexTarget, Object, TypeKind},
    diagnostic::Code,
    goal::{
        ColumnGoal, ConstraintGoal, ConstraintGoalKind, Expr, Expression, Goal, GoalKind, OnlineMode, Sameness,
        StatementGoals, Volatility, same_meaning_on,
    },
    pg::{Hazard, Ident, LockMode, ObjectName, QualifiedName, TypeName, quote_literal},
    script::Span,
};

use super::{
    Act, CheckedKind, Form, NAME_ONLY, Planner, Purpose, Question, Size, Sql, Transaction, Verb, convert,
    declared::Aspect,
    dependents::Address,
    example_words, hold_words,
    online::Choice,
    regclass, rows_words,
    shadow::{Shadowed, TypeChange, mentions},
};

impl Planner<'_> {
    /// Columns that one statement asks for: those that are there are compared, those that are missing are added together.
    pub(super) fn columns(&mut self, statement: &StatementGoals, name: &QualifiedName, goals: &[Goal]) {
        let Some(first) = goals.first() else { return };
        let optional = matches!(&first.kind, GoalKind::Column { if_exists: true, .. });
        if optional && !self.world.tables.contains_key(&self.locate(name)) {
            return;
        }
        let Some(table) = self.existing_table(first.span, name) else { return };
        // NOT NULL of a primary key comes with the key, which is a goal of its own.
        let keys: Vec<&Ident> = statement
            .goals
            .iter()
            .filter_map(|goal| match &goal.kind {
                GoalKind::Constraint { constraint, .. } => Some(&constraint.kind),
                _ => None,
            })
            .filter_map(
                |kind| if let ConstraintGoalKind::PrimaryKey { columns, .. } = kind { Some(columns) } else { None },
            )
            .flatten()
            .collect();
        let mut missing: Vec<(Span, &ColumnGoal)> = Vec::new();
        let mut constraints: Vec<(Span, &ConstraintGoal)> = Vec::new();
        for goal in goals {
            match &goal.kind {
                GoalKind::Column { column, .. } => {
                    let (declared_table, declared_name) = self.declared_column(&table, &column.name);
                    let aspect = Aspect::Column(declared_table, declared_name);
                    if self.declared.dropped_after(self.order, &aspect) {
                        self.superseded = true;
                        continue;
                    }
                    let located = self.locate_column(&table, &column.name);
                    let existing = self.table_state(&table).and_then(|state| state.column(&located)).cloned();
                    match existing {
                        Some(existing) => {
                            let with_key = keys.contains(&&column.name);
                            self.compare(goal.span, &table, &existing, column, with_key);
                        }
                        None => missing.push((goal.span, column)),
                    }
                }
                // The constraint of a column that is added comes with it.
                GoalKind::Constraint { constraint, .. }
                    if !missing.iter().any(|(_, column)| Some(&column.name) == constraint.inline.as_ref()) =>
                {
                    constraints.push((goal.span, constraint));
                }
                _ => {}
            }
        }
        if !missing.is_empty() {
            let inline: Vec<&ConstraintGoal> = goals
                .iter()
                .filter_map(|goal| match &goal.kind {
                    GoalKind::Constraint { constraint, .. }
                        if missing.iter().any(|(_, column)| Some(&column.name) == constraint.inline.as_ref()) =>
                    {
                        Some(constraint.as_ref())
                    }
                    _ => None,
                })
                .collect();
            self.add_columns(statement, name, &table, &missing, &inline);
        }
        for (span, constraint) in constraints {
            self.constraint(span, name, constraint);
        }
    }

    fn add_columns(
        &mut self,
        statement: &StatementGoals,
        name: &QualifiedName,
        table: &ObjectName,
        missing: &[(Span, &ColumnGoal)],
        inline: &[&ConstraintGoal],
    ) {
        let adding = self.adding(table, missing, inline);
        let steps = self.steps.len();
        self.add_columns_step(statement, table, missing, inline, &adding);
        let is_planned = self.steps.len() > steps;
        // Also where something stands in the way: one reason is told, not every statement that needs the column.
        for (_, column) in missing {
            if self.table_state(table).is_some_and(|state| state.column(&column.name).is_none()) {
                self.add_to_picture(table, column);
            }
            let fills = column.serial
                || column.identity.is_some()
                || column.generated.is_some()
                || column.default.as_ref().is_some_and(|default| default.tree.is_constant());
            self.added.insert((table.clone(), column.name.clone()), fills);
        }
        if !is_planned || !adding.apart {
            for constraint in inline {
                self.add_constraint_to_picture(table, constraint, true);
            }
        }
        if !is_planned {
            return;
        }
        for (span, column) in missing.iter().filter(|(_, column)| adding.fills(column)) {
            self.fill_column(*span, table, column, &column.name);
        }
        if adding.apart {
            for constraint in inline {
                self.constraint(constraint.span, name, constraint);
            }
        }
    }

    fn add_columns_step(
        &mut self,
        statement: &StatementGoals,
        table: &ObjectName,
        missing: &[(Span, &ColumnGoal)],
        inline: &[&ConstraintGoal],
        adding: &Adding,
    ) {
        let span = missing.first().map_or(statement.span, |(span, _)| *span);
        if !self.owns(span, table) {
            return;
        }
        let mut rewrites = false;
        for (span, column) in missing {
            let type_name = self.resolve_type(&column.type_name);
            if !self.has_type(column.type_span, &type_name) {
                return;
            }
            rewrites |=
                is_stored(column) || (may_be_filled(column) && !adding.fills(column)) || is_numbered_otherwise(column);
            let filled =
                column.default.is_some() || column.serial || column.identity.is_some() || column.generated.is_some();
            if column.not_null && !filled && !self.made.contains(table) {
                let sql = format!("SELECT EXISTS (SELECT 1 FROM {table})");
                let question = Question::new(sql, Purpose::Check, Some(table.clone()));
                if self.ask(question).and_then(|answer| answer.as_bool()) == Some(true) {
                    self.find(
                        *span,
                        Code::NullRows,
                        format!("column {table}.{} cannot be added: it is NOT NULL, and {table} has rows", column.name),
                        "no DEFAULT to fill the rows with",
                        vec!["every existing row would hold NULL in it".to_owned()],
                        "give it a DEFAULT, or add it without NOT NULL, fill it, and SET NOT NULL in a later statement",
                    );
                    return;
                }
            }
        }
        for constraint in inline {
            if !self.may_refer(table, constraint) {
                return;
            }
        }
        let size = if rewrites || !inline.is_empty() { self.size(table) } else { Size::New };
        if rewrites && !self.rewrite_allowed(span, table, size, "adding this column") {
            return;
        }
        for (span, column) in missing.iter().filter(|(_, column)| adding.fills(column)) {
            self.add_column_to_fill(*span, table, column, &adding.why);
        }
        let at_once: Vec<&ColumnGoal> =
            missing.iter().map(|(_, column)| *column).filter(|column| !adding.fills(column)).collect();
        if at_once.is_empty() {
            return;
        }
        let apart = if adding.apart { inline } else { &[] };
        let mut sql = Sql::new(format!("ALTER TABLE {table}"));
        for (index, column) in at_once.iter().enumerate() {
            sql = sql.push(if index == 0 { " ADD COLUMN " } else { ", ADD COLUMN " });
            sql = Self::without_constraints(column, apart, sql);
        }
        let names: Vec<_> = at_once.iter().map(|column| column.name.to_string()).collect();
        let object = if names.len() == 1 {
            format!("column {table}.{}", names[0])
        } else {
            format!("{} columns of {table}: {}", names.len(), names.join(", "))
        };
        let is_new = self.made.contains(table);
        let (form, timeout) = if rewrites && !is_new {
            (Form::Rewrite(Self::size_words(size)), self.policy.timeouts.scan)
        } else if inline.is_empty() || is_new || adding.apart {
            (Form::CatalogOnly, self.policy.timeouts.catalog)
        } else {
            (Form::Plain(Self::size_words(size)), self.policy.timeouts.scan)
        };
        let act = Act {
            verb: Verb::Add,
            object,
            table: Some(table),
            form,
            lock: (!is_new).then_some(LockMode::AccessExclusive),
            timeout,
            hazards: if rewrites && !is_new { vec![Hazard::Rewrite] } else { Vec::new() },
            transaction: Transaction::Shared,
        };
        self.step(span, sql, act);
    }

    /// Chooses how missing columns are added: with all that they bring in one command, or bit by bit while others read and
    /// write.
    fn adding(&mut self, table: &ObjectName, missing: &[(Span, &ColumnGoal)], inline: &[&ConstraintGoal]) -> Adding {
        let volatile = missing.iter().any(|(_, column)| may_be_filled(column));
        if !volatile && inline.is_empty() {
            return Adding::default();
        }
        let Choice { online, why, size } = self.choose(table, false);
        let too_large = match size {
            Size::Large { pages, .. } => pages >= self.policy.limits.hazard_pages && !self.allowed(Hazard::Rewrite),
            Size::New | Size::Small { .. } => false,
        };
        // What is written anew for another reason takes the default along.
        let computed = missing.iter().any(|(_, column)| is_stored(column) || is_numbered_otherwise(column));
        // Of a partitioned table the rows are not filled in batches.
        let filled = online
            && volatile
            && !computed
            && !self.is_partitioned(table)
            && (too_large || self.online == OnlineMode::Always);
        Adding { filled, apart: online && !inline.is_empty() || filled, why }
    }

    /// Says in words how large a table is, for the reason of a form.
    pub(super) fn size_words(size: Size) -> String {
        match size {
            Size::New => "new table".to_owned(),
            Size::Small { pages } => format!("small table, {}", bytes_words(pages)),
            Size::Large { pages, rows } => format!("{}, about {rows} rows", bytes_words(pages)),
        }
    }

    /// Says in words what would have allowed a long stop of others.
    pub(super) fn not_allowed_words(&self) -> String {
        let limit = bytes_words(self.policy.limits.hazard_pages);
        format!("neither the script nor `--allow` accepts that, as it has to be from {limit} on (`--hazard-from`)")
    }

    /// Returns whether a rewrite of the table may be done; a finding where it may not.
    fn rewrite_allowed(&mut self, span: Span, table: &ObjectName, size: Size, what: &str) -> bool {
        let pages = match size {
            Size::New => 0,
            Size::Small { pages } | Size::Large { pages, .. } => pages,
        };
        if pages < self.policy.limits.hazard_pages || self.allowed(Hazard::Rewrite) {
            return true;
        }
        let help = if what.starts_with("changing") {
            "write `-- ensure:online always` above the statement, which changes the type beside writers, or `-- ensure:allow \
             rewrite -- <reason>`, and run when nobody waits"
        } else {
            "write `-- ensure:allow rewrite -- <reason>` above the statement, and run when nobody waits"
        };
        self.find(
            span,
            Code::HazardNotAllowed,
            format!("{what} writes {table} anew, and it is large"),
            "rewrite",
            vec![
                format!("{table} has {}; reads and writes would wait for all of it", Self::size_words(size)),
                self.not_allowed_words(),
            ],
            help,
        );
        false
    }

    fn compare(&mut self, span: Span, table: &ObjectName, existing: &Column, column: &ColumnGoal, with_key: bool) {
        let (declared_table, declared_name) = self.declared_column(table, &existing.name);
        let key = (declared_table, declared_name);
        let altered = |this: &Self, aspect: fn(ObjectName, Ident) -> Aspect| {
            this.declared.altered_after(this.order, &aspect(key.0.clone(), key.1.clone()))
        };
        let details = format!(
            "{}{}{}",
            existing.type_name,
            if existing.not_null { " not null" } else { "" },
            existing.default.as_ref().map(|default| format!(" default {default}")).unwrap_or_default()
        );
        self.check(Some(table), CheckedKind::Column, &existing.name, || details);
        let accepts = if self.accepts.is_empty() {
            Vec::new()
        } else {
            self.accepts
                .get(&(table.clone(), existing.name.clone()))
                .or_else(|| self.accepts.get(&(table.clone(), column.name.clone())))
                .cloned()
                .unwrap_or_default()
        };
        let accepted = |type_name: &TypeName| accepts.iter().any(|accept| matches_accept(accept, type_name));
        let type_change = altered(self, Aspect::ColumnType);
        let mut freed = accepted(&existing.type_name);
        if let Some(Goal { kind: GoalKind::ColumnType { type_name, .. }, .. }) = type_change {
            freed |= accepted(&self.resolve_type(type_name));
        } else if !freed {
            let declared = self.resolve_type(&column.type_name);
            if declared != existing.type_name {
                self.find(
                    column.type_span,
                    Code::TypeConflict,
                    format!(
                        "column {table}.{} is {}; the script asks for {declared}",
                        existing.name, existing.type_name
                    ),
                    NAME_ONLY,
                    vec!["a type is changed only by a statement that says so".to_owned()],
                    format!(
                        "write {} here, accept it with `-- ensure:accept {}.{} {}`, or convert it: ALTER TABLE {} ALTER COLUMN {} \
                         TYPE {declared}",
                        existing.type_name, table.name, existing.name, existing.type_name, table, existing.name
                    ),
                );
                return;
            }
        }
        if type_change.is_none() {
            self.settle_type(span, table, &existing.name);
        }
        if self.is_being_filled(table, &existing.name) {
            if self.owns(span, table) {
                self.fill_column(span, table, column, &existing.name);
            }
            return;
        }
        self.compare_generation(span, table, existing, column);
        if column.not_null && !with_key && !existing.not_null && !freed && altered(self, Aspect::Nullability).is_none()
        {
            self.find(
                span,
                Code::NullabilityConflict,
                format!("column {table}.{} may be NULL; the script asks for NOT NULL", existing.name),
                NAME_ONLY,
                Vec::new(),
                format!(
                    "write ALTER TABLE {table} ALTER COLUMN {} SET NOT NULL in a script, or accept the column",
                    existing.name
                ),
            );
        }
        if !freed && altered(self, Aspect::Default).is_none() {
            self.compare_default(span, table, existing, column);
        }
    }

    fn compare_generation(&mut self, span: Span, table: &ObjectName, existing: &Column, column: &ColumnGoal) {
        let (declared_table, declared_name) = self.declared_column(table, &existing.name);
        if self.declared.altered_after(self.order, &Aspect::Identity(declared_table, declared_name)).is_some() {
            return;
        }
        let identity = match existing.generation {
            Generation::IdentityAlways => Some(true),
            Generation::IdentityByDefault => Some(false),
            _ => None,
        };
        let generated = matches!(existing.generation, Generation::Stored | Generation::Virtual);
        let wrong = match (&column.generated, column.identity) {
            (Some((expression, stored)), _) => {
                let kind = if *stored { Generation::Stored } else { Generation::Virtual };
                let same = if existing.generation == kind {
                    let mut current = expression.clone();
                    self.under_current_names(table, &mut current.tree);
                    let stored = existing.default.as_deref().unwrap_or_default();
                    self.same_text(table, &current, stored, Some(&existing.type_name))
                } else {
                    Sameness::Different
                };
                if same == Sameness::Unknown {
                    let what = format!("whether {table}.{} is generated from what is declared", existing.name);
                    self.unverified = Some(what);
                }
                same == Sameness::Different
            }
            (None, Some(always)) => identity != Some(always),
            (None, None) => generated,
        };
        if wrong {
            let is = match existing.generation {
                Generation::None => "takes its values from statements alone",
                Generation::IdentityAlways => "is an identity column, GENERATED ALWAYS",
                Generation::IdentityByDefault => "is an identity column, GENERATED BY DEFAULT",
                Generation::Stored | Generation::Virtual => "is generated from other columns",
            };
            let why = match (&existing.default, &column.generated) {
                (Some(stored), Some((asked, _))) if generated => vec![
                    format!("it is GENERATED ALWAYS AS ({stored})"),
                    format!("the script asks for ({})", asked.source.text),
                ],
                _ => Vec::new(),
            };
            self.find(
                span,
                Code::GenerationConflict,
                format!("column {table}.{} {is}; the script asks for something else", existing.name),
                NAME_ONLY,
                why,
                "write in the script what is there, or change the column by hand",
            );
        }
    }

    fn compare_default(&mut self, span: Span, table: &ObjectName, existing: &Column, column: &ColumnGoal) {
        if column.serial {
            let calls_nextval = existing.default.as_deref().is_some_and(|default| default.starts_with("nextval("));
            if calls_nextval && existing.owned_sequence.is_some() {
                return;
            }
        }
        let asked = match &column.default {
            Some(default) => default.source.text.clone(),
            None if column.serial => "nextval of a sequence of its own (serial)".to_owned(),
            None => return,
        };
        let same = match (&column.default, existing.default.as_deref()) {
            (Some(default), Some(stored)) => self.same_text(table, default, stored, Some(&existing.type_name)),
            _ => Sameness::Different,
        };
        match same {
            Sameness::Same => {}
            Sameness::Unknown => {
                self.unverified = Some(format!("whether the default of {table}.{} is the one declared", existing.name));
            }
            Sameness::Different => {
                let is = existing
                    .default
                    .as_deref()
                    .map_or_else(|| "has no default".to_owned(), |default| format!("has default {default}"));
                self.find(
                    span,
                    Code::DefaultConflict,
                    format!("column {table}.{} {is}; the script asks for {asked}", existing.name),
                    NAME_ONLY,
                    Vec::new(),
                    format!(
                        "write ALTER TABLE {table} ALTER COLUMN {} SET DEFAULT … in a script, or accept the column",
                        existing.name
                    ),
                );
            }
        }
    }

    /// Compares an expression of a script with one that the server printed.
    pub(super) fn same_text(
        &self,
        table: &ObjectName,
        written: &Expression,
        stored: &str,
        result: Option<&TypeName>,
    ) -> Sameness {
        if written.source.text == stored {
            return Sameness::Same;
        }
        let Some(tree) = crate::goal::parse_expression(stored) else { return Sameness::Unknown };
        let columns = |name: &Ident| {
            self.table_state(table).and_then(|state| state.column(name)).map(|column| column.type_name.clone())
        };
        let renamed = result.and_then(|result| self.renamed_label(&written.tree, result));
        same_meaning_on(self.world.server.version, renamed.as_ref().unwrap_or(&written.tree), &tree, &columns, result)
    }

    /// Returns a value that is a label of an enum under the name that the label has now; `None` where it is the written one.
    fn renamed_label(&self, written: &Expr, result: &TypeName) -> Option<Expr> {
        let name = ObjectName { schema: result.schema()?.clone(), name: Ident::new(result.name()) };
        let TypeKind::Enum(labels) = &self.world.types.get(&name)?.kind else { return None };
        match written {
            Expr::Text(label) => {
                let current = self.current_label(&name, label, labels);
                (current != *label).then_some(Expr::Text(current))
            }
            Expr::Cast(inner, type_name) => {
                let inner = self.renamed_label(inner, result)?;
                Some(Expr::Cast(Box::new(inner), type_name.clone()))
            }
            _ => None,
        }
    }

    /// Returns the defaults of a statement that name a label of an enum which has been renamed already by a later statement, and
    /// what to send in their place: the server knows the label under its new name only.
    pub(super) fn relabelled_defaults(&self, statement: &StatementGoals) -> Vec<(Span, String)> {
        if !self.declared.renames_labels() {
            return Vec::new();
        }
        let of_goal = |goal: &Goal| {
            let (default, type_name) = match &goal.kind {
                GoalKind::Column { column, .. } => (column.default.as_ref()?, self.resolve_type(&column.type_name)),
                GoalKind::ColumnDefault { table, column, default } => {
                    let table = self.locate(table);
                    let column = self.locate_column(&table, column);
                    (default.as_ref()?, self.table_state(&table)?.column(&column)?.type_name.clone())
                }
                _ => return None,
            };
            let label = match self.renamed_label(&default.tree, &type_name)? {
                Expr::Text(label) => quote_literal(&label),
                Expr::Cast(label, cast) => match *label {
                    Expr::Text(label) => format!("{}::{cast}", quote_literal(&label)),
                    _ => return None,
                },
                _ => return None,
            };
            Some((default.source.span, label))
        };
        statement.goals.iter().filter_map(of_goal).collect()
    }

    /// Finds the column of an ALTER COLUMN. `None` where it is not there, told or superseded.
    fn altered_column(&mut self, span: Span, name: &QualifiedName, column: &Ident) -> Option<(ObjectName, Column)> {
        let table = self.existing_table(span, name)?;
        let located = self.locate_column(&table, column);
        if let Some(existing) = self.table_state(&table).and_then(|state| state.column(&located)) {
            return Some((table, existing.clone()));
        }
        let (declared_table, declared_name) = self.declared_column(&table, column);
        if self.declared.dropped_after(self.order, &Aspect::Column(declared_table, declared_name)) {
            self.superseded = true;
        } else {
            self.no_column(span, &table, column);
        }
        None
    }

    /// A column that an index or constraint is made of is not there: a later statement drops it, and them with it, or it is
    /// missing.
    pub(super) fn no_column_of_its_own(&mut self, span: Span, table: &ObjectName, column: &Ident) {
        if self.column_dropped_after(table, column) {
            self.superseded = true;
        } else {
            self.no_column(span, table, column);
        }
    }

    pub(super) fn no_column(&mut self, span: Span, table: &ObjectName, column: &Ident) {
        self.find(
            span,
            Code::ColumnMissing,
            format!("column {table}.{column} is not there"),
            "",
            Vec::new(),
            "add it in an earlier statement",
        );
    }

    /// Returns whether a later statement decides of the aspect and the database is already as that one says.
    fn decided_later(&mut self, table: &ObjectName, column: &Column, aspect: fn(ObjectName, Ident) -> Aspect) -> bool {
        // On a table that this run makes, everything is carried out in order: rows that come in between need each state.
        if self.made.contains(table) {
            return false;
        }
        let (declared_table, declared_name) = self.declared_column(table, &column.name);
        let Some(later) = self.declared.altered_after(self.order, &aspect(declared_table, declared_name)) else {
            return false;
        };
        let holds = match &later.kind {
            GoalKind::ColumnType { type_name, .. } => self.resolve_type(type_name) == column.type_name,
            GoalKind::ColumnNullability { not_null, .. } => *not_null == column.not_null,
            GoalKind::ColumnDefault { default, .. } => match (default, column.default.as_deref()) {
                (None, None) => true,
                (Some(default), Some(stored)) => {
                    self.same_text(table, default, stored, Some(&column.type_name)) == Sameness::Same
                }
                _ => false,
            },
            GoalKind::ColumnIdentity { always, .. } => {
                let identity = match column.generation {
                    Generation::IdentityAlways => Some(true),
                    Generation::IdentityByDefault => Some(false),
                    _ => None,
                };
                identity == *always
            }
            _ => false,
        };
        self.superseded |= holds;
        holds
    }

    /// An ALTER COLUMN as the script writes it, on the table where it is and the column under its present name.
    fn alter_sql(statement: &StatementGoals, goal: &Goal, table: &ObjectName, written: &Ident, column: &Ident) -> Sql {
        let text = statement
            .text
            .get(goal.span.start - statement.span.start..goal.span.end - statement.span.start)
            .unwrap_or_default();
        let sql = Sql::new(format!("ALTER TABLE {table} "));
        match (column != written).then(|| after_column(text)).flatten() {
            Some(byte) => sql
                .push(&format!("ALTER COLUMN {column}"))
                .source(text.get(byte..).unwrap_or_default(), goal.span.start + byte),
            None => sql.source(text, goal.span.start),
        }
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one goal")]
    pub(super) fn column_type(
        &mut self,
        statement: &StatementGoals,
        goal: &Goal,
        name: &QualifiedName,
        column: &Ident,
        type_name: &TypeName,
        using: Option<&Expression>,
        collation: Option<&QualifiedName>,
    ) {
        let Some((table, existing)) = self.altered_column(goal.span, name, column) else { return };
        let wanted = self.resolve_type(type_name);
        let same_collation = collation.is_none_or(|collation| {
            existing.collation.as_ref().is_some_and(|existing| existing.name == collation.name)
        });
        let details = wanted.to_string();
        self.check(Some(&table), CheckedKind::Column, &existing.name, || details);
        if existing.type_name == wanted && same_collation {
            self.settle_type(goal.span, &table, &existing.name);
            return;
        }
        if self.decided_later(&table, &existing, Aspect::ColumnType) {
            return;
        }
        let current = match using.map(|using| self.current_using(goal.span, &table, &existing, using)) {
            Some(None) => return,
            Some(current) => current,
            None => None,
        };
        let using = current.as_ref();
        if !self.has_type(goal.span, &wanted) || !self.owns(goal.span, &table) {
            return;
        }
        let cost = convert::cost(&existing.type_name, &wanted, using, &existing.name);
        let what = format!("{} → {wanted}", existing.type_name);
        let (span, what) = (goal.span, what.as_str());
        let change = TypeChange { span, table: &table, column: &existing, wanted: &wanted, using, collation, what };
        let mut not_here = None;
        let size = self.size(&table);
        let burden = self.burden(&change, cost);
        let online = match &burden {
            Burden::None => false,
            Burden::Reads(_) => matches!(size, Size::Large { .. }),
            Burden::Rewrite => true,
        };
        if online && self.changes_types_online(&table) {
            match self.change_type_online(&change) {
                Shadowed::Settled => return,
                Shadowed::NotHere(why) => not_here = Some(why),
            }
        }
        let dependents_free = self.no_dependents(goal.span, &table, &existing.name);
        let values_fit = self.values_fit(goal.span, &table, &existing, &wanted, using);
        if !dependents_free || !values_fit {
            return;
        }
        let doing = format!("changing {} {what}", existing.name);
        let allowed = match &burden {
            Burden::None => true,
            Burden::Rewrite => self.rewrite_allowed(goal.span, &table, size, &doing),
            Burden::Reads(why) => self.reading_allowed(goal.span, &table, size, &doing, why),
        };
        if !allowed {
            return;
        }
        self.alter_type(statement, goal, column, &change, burden, not_here);
    }

    /// Changes a type in one statement.
    fn alter_type(
        &mut self,
        statement: &StatementGoals,
        goal: &Goal,
        written: &Ident,
        change: &TypeChange<'_>,
        burden: Burden,
        not_here: Option<String>,
    ) {
        let TypeChange { table, column: existing, wanted, using, collation, what, .. } = *change;
        let size = self.size(table);
        let is_new = self.made.contains(table);
        let rewrites = matches!(burden, Burden::Rewrite);
        self.give_up_for_rewrite(goal.span, table, &existing.name);
        let mut sql = match using {
            // The script speaks of the column by its old name.
            Some(using) if existing.name != *written => {
                let name = &existing.name;
                let collation = collation.map(|collation| format!(" COLLATE {collation}")).unwrap_or_default();
                let using = &using.source.text;
                Sql::new(format!("ALTER TABLE {table} ALTER COLUMN {name} TYPE {wanted}{collation} USING {using}"))
            }
            _ => Self::alter_sql(statement, goal, table, written, &existing.name),
        };
        if let Some(default) = &existing.default
            && !convert::default_follows(&existing.type_name, wanted)
        {
            // The server does not convert this default by itself; it is taken off and put back in the same command.
            let column = &existing.name;
            let default = cast_default(default, wanted);
            sql =
                sql.push(&format!(", ALTER COLUMN {column} DROP DEFAULT, ALTER COLUMN {column} SET DEFAULT {default}"));
        }
        let large = matches!(size, Size::Large { .. });
        let mut why = Self::size_words(size);
        if rewrites && large && self.allowed(Hazard::Rewrite) {
            why.push_str(", allowed");
        }
        if let Some(obstacle) = not_here {
            why = format!("{why}; not beside writers: {obstacle}");
        }
        if let Some(zone) = self.zone_of(change) {
            why = format!("{why}; values are taken as of time zone {zone}");
        }
        let (form, timeout, hazards) = match burden {
            Burden::None => (Form::CatalogOnly, self.policy.timeouts.catalog, Vec::new()),
            Burden::Rewrite => (Form::Rewrite(why), self.policy.timeouts.scan, vec![Hazard::Rewrite]),
            Burden::Reads(reads) if large => {
                (Form::Plain(format!("{why}; {reads}")), self.policy.timeouts.long, vec![Hazard::BlockingLock])
            }
            Burden::Reads(reads) => (Form::Plain(format!("{why}; {reads}")), self.policy.timeouts.scan, Vec::new()),
        };
        let act = Act {
            verb: Verb::Alter,
            object: format!("column {table}.{} {what}", existing.name),
            table: Some(table),
            form,
            lock: (!is_new).then_some(LockMode::AccessExclusive),
            timeout,
            hazards,
            transaction: Transaction::Shared,
        };
        self.step(goal.span, sql, act);
        self.touched.insert((table.clone(), existing.name.clone()));
        if let Some(state) = self.table_mut(table).and_then(|state| state.column_mut(&existing.name)) {
            state.type_name = wanted.clone();
            if let Some(collation) = collation {
                state.collation = Some(collation.resolve(&Ident::new("pg_catalog")));
            }
        }
    }

    /// Returns what a change does under its lock, with what depends on the column.
    ///
    /// Source: ONLINE-DDL section A.5.2.
    fn burden(&self, change: &TypeChange<'_>, cost: convert::Cost) -> Burden {
        let TypeChange { table, column, .. } = *change;
        let Some(state) = self.table_state(table).filter(|_| !self.made.contains(table)) else { return Burden::None };
        if cost == convert::Cost::Rewrite {
            return Burden::Rewrite;
        }
        let recollates = change.collation.is_some();
        let built = state.indexes.iter().find(|(_, index)| {
            let structure = &index.structure;
            let expression =
                |key: &IndexKey| matches!(&key.target, IndexTarget::Expression(text) if mentions(text, &column.name));
            recollates && index.uses(&column.name)
                || structure.keys.iter().any(expression)
                || structure.predicate.as_deref().is_some_and(|text| mentions(text, &column.name))
        });
        if let Some((name, _)) = built {
            return Burden::Reads(format!("index {name} is built anew"));
        }
        let checked = state.constraints.iter().find(|constraint| {
            constraint.validated
                && matches!(&constraint.kind, ConstraintKind::Check { expression } if mentions(expression, &column.name))
        });
        checked.map_or(Burden::None, |check| Burden::Reads(format!("every row is read for check {}", check.name)))
    }

    /// Returns whether a change may read all of a table under its lock; a finding where it may not.
    fn reading_allowed(&mut self, span: Span, table: &ObjectName, size: Size, what: &str, why: &str) -> bool {
        let pages = match size {
            Size::New => 0,
            Size::Small { pages } | Size::Large { pages, .. } => pages,
        };
        let allowed = self.allowed(Hazard::BlockingLock) || self.allowed(Hazard::Rewrite);
        if pages < self.policy.limits.hazard_pages || allowed {
            return true;
        }
        self.find(
            span,
            Code::HazardNotAllowed,
            format!("{what} reads all of {table}, and it is large"),
            "blocking-lock",
            vec![
                format!("{why}; {table} has {}, and reads and writes would wait for that", Self::size_words(size)),
                self.not_allowed_words(),
            ],
            "write `-- ensure:online always` above the statement, which changes the type beside writers, or `-- ensure:allow \
             blocking-lock -- <reason>`, and run when nobody waits; or drop the index or check and add it again in statements of their own",
        );
        false
    }

    /// Returns the session's time zone where the conversion depends on it: local time to instants or back, without a zone of its
    /// own.
    fn zone_of(&self, change: &TypeChange<'_>) -> Option<&str> {
        let zoned = |type_name: &TypeName| type_name.name() == "timestamp with time zone";
        let local = |type_name: &TypeName| matches!(type_name.name(), "timestamp without time zone" | "date");
        let (from, to) = (&change.column.type_name, change.wanted);
        let depends = (zoned(from) && local(to)) || (local(from) && zoned(to));
        let plain = change.using.is_none_or(|using| convert::is_plain(&using.tree, &change.column.name, to));
        (depends && plain).then_some(self.world.server.time_zone.as_str())
    }

    /// Returns a conversion under the names that the columns have now; a finding where it cannot be written so.
    fn current_using(
        &mut self,
        span: Span,
        table: &ObjectName,
        existing: &Column,
        using: &Expression,
    ) -> Option<Expression> {
        let current = using.renamed(&|name| {
            let located = self.locate_column(table, name);
            (located != *name).then_some(located)
        });
        if current.is_none() {
            self.find(
                span,
                Code::NotSupported,
                format!("the conversion of {table}.{} names columns that have been renamed since", existing.name),
                "",
                vec!["it cannot be written with their new names".to_owned()],
                "write the conversion with the names that the columns have now",
            );
        }
        current
    }

    /// Returns the default that a column has once its type is changed.
    pub(super) fn default_of(column: &Column, wanted: &TypeName) -> Option<String> {
        let default = column.default.as_ref()?;
        let follows = convert::default_follows(&column.type_name, wanted);
        Some(if follows { default.clone() } else { cast_default(default, wanted) })
    }

    /// Returns whether nothing depends on a column that would stop a change of its type; a finding where something does.
    fn no_dependents(&mut self, span: Span, table: &ObjectName, column: &Ident) -> bool {
        if self.made.contains(table) || self.added.contains_key(&(table.clone(), column.clone())) {
            return true;
        }
        // Views are named by themselves and not by their rule; a generated column depends by its expression, before 15 itself.
        let sql = format!(
            "SELECT pg_catalog.json_agg(DISTINCT CASE \
             WHEN c.relkind IN ('v', 'm') THEN pg_catalog.pg_describe_object('pg_catalog.pg_class'::regclass, c.oid, 0) \
             WHEN g.oid IS NOT NULL THEN pg_catalog.pg_describe_object('pg_catalog.pg_class'::regclass, g.adrelid, g.adnum) \
             ELSE pg_catalog.pg_describe_object(d.classid, d.objid, d.objsubid) END) \
               FROM pg_catalog.pg_attribute a \
               JOIN pg_catalog.pg_depend d ON d.refclassid = 'pg_catalog.pg_class'::regclass \
                    AND d.refobjid = a.attrelid AND d.refobjsubid = a.attnum AND d.deptype IN ('n', 'a') \
               LEFT JOIN pg_catalog.pg_rewrite r ON d.classid = 'pg_catalog.pg_rewrite'::regclass AND r.oid = d.objid \
               LEFT JOIN pg_catalog.pg_class c ON c.oid = r.ev_class \
               LEFT JOIN pg_catalog.pg_attrdef g ON d.classid = 'pg_catalog.pg_attrdef'::regclass AND g.oid = d.objid \
              WHERE a.attrelid = {} AND a.attname = {} \
                AND (d.classid IN ('pg_catalog.pg_rewrite'::regclass, 'pg_catalog.pg_trigger'::regclass, \
                                   'pg_catalog.pg_policy'::regclass, 'pg_catalog.pg_publication_rel'::regclass, \
                                   'pg_catalog.pg_proc'::regclass) \
                     OR g.adnum <> a.attnum \
                     OR d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = a.attrelid AND d.objsubid <> 0)",
            regclass(table),
            crate::pg::quote_literal(column.as_str())
        );
        let answer = self.ask(Question::new(sql, Purpose::Names, None));
        let mut names = answer.and_then(|answer| answer.as_names()).unwrap_or_default();
        names.retain(|name| !self.is_gone(name));
        if names.is_empty() {
            return true;
        }
        self.find(
            span,
            Code::DependentObjects,
            format!("the type of {table}.{column} cannot be changed: {} it", depend_words(&names)),
            "",
            vec![
                names.join(", "),
                "PostgreSQL refuses to change the type of a column that is used so; nothing was changed".to_owned(),
            ],
            "drop them, run, and create them again; their definitions are theirs alone to restore",
        );
        false
    }

    /// Returns whether every value of the column converts without loss; a finding where one does not.
    pub(super) fn values_fit(
        &mut self,
        span: Span,
        table: &ObjectName,
        existing: &Column,
        wanted: &TypeName,
        using: Option<&Expression>,
    ) -> bool {
        if !self.values_known(table, std::slice::from_ref(&existing.name)) {
            return true;
        }
        let plain = using.is_none_or(|using| convert::is_plain(&using.tree, &existing.name, wanted));
        let labels = self.world.types.iter().find_map(|(name, state)| {
            let matches = wanted.schema() == Some(&name.schema) && wanted.name() == name.name.as_str();
            match &state.kind {
                TypeKind::Enum(labels) if matches && !wanted.is_array() => Some(labels.clone()),
                _ => None,
            }
        });
        if !plain {
            return using.is_none_or(|using| self.expression_converts(span, table, existing, &using.source.text));
        }
        let value = existing.name.to_string();
        let Some(obstacles) = convert::obstacles(&value, &existing.type_name, wanted, labels.as_deref()) else {
            return self.expression_converts(span, table, existing, &format!("{value}::{wanted}"));
        };
        let mut fits = true;
        let conditions = [(obstacles.fails, "does not convert"), (obstacles.loses, "would lose digits or letters")];
        for (condition, words) in conditions {
            let Some(condition) = condition else { continue };
            let lossy = words.starts_with("would");
            if lossy && self.allowed(Hazard::DataLoss) {
                continue;
            }
            let question = self.row_check(table, &format!("({condition})"));
            let Some(answer) = self.ask(question) else { continue };
            let Some((count, example)) = answer.as_rows() else {
                self.unanswered(span, table, &answer);
                fits = false;
                continue;
            };
            if count > 0 {
                fits = false;
                self.find(
                    span,
                    Code::ValuesDoNotFit,
                    format!(
                        "{} of {table}.{} {} to {wanted}",
                        rows_words(count),
                        existing.name,
                        if lossy { "would lose digits or letters on the way" } else { "cannot be converted" }
                    ),
                    "checked before anything was changed",
                    vec![format!("the column is {}{}", existing.type_name, example_words(example.as_deref()))],
                    if lossy {
                        "round or shorten the values in a script before this one, or write `-- ensure:allow data-loss`"
                    } else {
                        "correct the values in those rows, then run again"
                    },
                );
            }
        }
        fits
    }

    /// A USING that is more than a cast, or a cast about which nothing is known, is tried on every row, read-only: an error
    /// there would be one later.
    fn expression_converts(&mut self, span: Span, table: &ObjectName, existing: &Column, using: &str) -> bool {
        let sql = format!("SELECT count(({using}\n)) FROM {table}");
        let question = Question::new(sql, Purpose::Check, Some(table.clone()));
        match self.ask(question) {
            Some(super::Answer::Failed(why)) => {
                self.find(
                    span,
                    Code::ValuesDoNotFit,
                    format!("column {table}.{} cannot be converted from {}", existing.name, existing.type_name),
                    "tried on every row, without changing anything",
                    vec![why],
                    "correct the values, or the expression after USING",
                );
                false
            }
            _ => true,
        }
    }

    /// A check that could not be carried out.
    pub(super) fn unanswered(&mut self, span: Span, table: &ObjectName, answer: &super::Answer) {
        let why = match answer {
            super::Answer::Undefined(why) | super::Answer::Failed(why) | super::Answer::Unknown(why) => why.clone(),
            super::Answer::Value(_) => "the answer makes no sense".to_owned(),
        };
        self.find(
            span,
            Code::QueryFailed,
            format!("the rows of {table} could not be checked"),
            "",
            vec![why],
            "run again when the table can be read",
        );
    }

    pub(super) fn column_nullability(
        &mut self,
        statement: &StatementGoals,
        goal: &Goal,
        name: &QualifiedName,
        column: &Ident,
        not_null: bool,
    ) {
        let Some((table, existing)) = self.altered_column(goal.span, name, column) else { return };
        if existing.not_null == not_null {
            // Somebody has finished by hand, or thought better of it, what an interrupted run had begun.
            self.drop_proof(goal.span, &table, &existing.name, false);
            return;
        }
        if self.decided_later(&table, &existing, Aspect::Nullability) || !self.owns(goal.span, &table) {
            return;
        }
        let key = (table.clone(), existing.name.clone());
        if not_null
            && !self.is_proved_not_null(&table, &existing.name)
            && !self.filled.contains(&key)
            && self.values_known(&table, std::slice::from_ref(&existing.name))
        {
            let question = self.row_check(&table, &format!("{} IS NULL", existing.name));
            if let Some((count, example)) = self.ask(question).and_then(|answer| answer.as_rows())
                && count > 0
            {
                self.find(
                    goal.span,
                    Code::NullRows,
                    format!("column {table}.{} cannot be made NOT NULL: {} NULL", existing.name, hold_words(count)),
                    "",
                    vec![format!("found before anything was changed{}", example_words(example.as_deref()))],
                    "fill them in a statement before this one: UPDATE … SET … WHERE … IS NULL",
                );
                return;
            }
        }
        let sql = Self::alter_sql(statement, goal, &table, column, &existing.name);
        if not_null {
            self.set_not_null(goal.span, &table, &existing.name, sql);
            return;
        }
        let object = format!("column {table}.{} may be null", existing.name);
        self.catalog_step(goal.span, sql, Verb::Alter, object, Some(&table));
        if let Some(state) = self.table_mut(&table).and_then(|state| state.column_mut(&existing.name)) {
            state.not_null = false;
        }
    }

    pub(super) fn column_default(
        &mut self,
        statement: &StatementGoals,
        goal: &Goal,
        name: &QualifiedName,
        column: &Ident,
        default: Option<&Expression>,
    ) {
        let Some((table, existing)) = self.altered_column(goal.span, name, column) else { return };
        let same = match (default, existing.default.as_deref()) {
            (None, None) => Sameness::Same,
            (Some(default), Some(stored)) => self.same_text(&table, default, stored, Some(&existing.type_name)),
            _ => Sameness::Different,
        };
        match same {
            Sameness::Same => return,
            Sameness::Unknown => {
                self.unverified = Some(format!("whether the default of {table}.{} is the one declared", existing.name));
                return;
            }
            Sameness::Different => {}
        }
        if self.decided_later(&table, &existing, Aspect::Default) || !self.owns(goal.span, &table) {
            return;
        }
        let sql = Self::alter_sql(statement, goal, &table, column, &existing.name);
        let object = default.map_or_else(
            || format!("default of {table}.{}", existing.name),
            |default| format!("default of {table}.{}: {}", existing.name, default.source.text),
        );
        let verb = if default.is_none() { Verb::Drop } else { Verb::Alter };
        self.catalog_step(goal.span, sql, verb, object, Some(&table));
        if let Some(state) = self.table_mut(&table).and_then(|state| state.column_mut(&existing.name)) {
            state.default = default.map(|default| default.source.text.clone());
        }
    }

    pub(super) fn column_identity(
        &mut self,
        statement: &StatementGoals,
        goal: &Goal,
        name: &QualifiedName,
        column: &Ident,
        always: Option<bool>,
    ) {
        let Some((table, existing)) = self.altered_column(goal.span, name, column) else { return };
        let wanted = match always {
            Some(true) => Generation::IdentityAlways,
            Some(false) => Generation::IdentityByDefault,
            None => Generation::None,
        };
        if existing.generation == wanted || self.decided_later(&table, &existing, Aspect::Identity) {
            return;
        }
        if always.is_some() && existing.generation != Generation::None {
            self.find(
                goal.span,
                Code::GenerationConflict,
                format!("column {table}.{} is generated already, in another way", existing.name),
                "",
                Vec::new(),
                "drop its identity or expression in an earlier statement",
            );
            return;
        }
        if !self.owns(goal.span, &table) {
            return;
        }
        let sql = Self::alter_sql(statement, goal, &table, column, &existing.name);
        let object = format!("identity of {table}.{}", existing.name);
        let verb = if always.is_none() { Verb::Drop } else { Verb::Add };
        self.catalog_step(goal.span, sql, verb, object, Some(&table));
        if let Some(state) = self.table_mut(&table).and_then(|state| state.column_mut(&existing.name)) {
            state.generation = wanted;
        }
    }

    pub(super) fn column_absent(&mut self, span: Span, name: &QualifiedName, column: &Ident, cascade: bool) {
        let table = self.locate(name);
        let Some(state) = self.world.tables.get(&table) else { return };
        if state.column(column).is_none() {
            return;
        }
        let (declared_table, declared_name) = self.declared_column(&table, column);
        // Made anew by a later statement: the new one is told from the old one by its type alone.
        let again =
            self.declared.asserted_after(self.order, &Aspect::Column(declared_table.clone(), declared_name.clone()));
        if let Some(Goal { kind: GoalKind::Column { column: again, .. }, .. }) = again {
            let altered = self.declared.altered_after(self.order, &Aspect::ColumnType(declared_table, declared_name));
            let altered = match altered.map(|goal| &goal.kind) {
                Some(GoalKind::ColumnType { type_name, .. }) => Some(self.resolve_type(type_name)),
                _ => None,
            };
            let existing = state.column(column).map(|existing| existing.type_name.clone());
            if existing == Some(self.resolve_type(&again.type_name)) || (altered.is_some() && existing == altered) {
                self.superseded = true;
                return;
            }
        }
        let words = format!("column {table}.{column}");
        if !self.owns(span, &table)
            || !self.drop_allowed(span, &words)
            || !(cascade || self.no_dependents_of(span, &words, &Address::column(&table, column)))
        {
            return;
        }
        let sql =
            Sql::new(format!("ALTER TABLE {table} DROP COLUMN {column}{}", if cascade { " CASCADE" } else { "" }));
        self.catalog_step(span, sql, Verb::Drop, words, Some(&table));
        if let Some(state) = self.table_mut(&table) {
            state.columns.retain(|existing| existing.name != *column);
            state.indexes.retain(|_, index| !index.uses(column));
            state.constraints.retain(|constraint| !constraint.uses(column));
        }
        self.world.forget_object(&Object::Column(table, column.clone()));
    }

    /// Returns whether dropping what holds data is allowed; a finding where it is not.
    pub(super) fn drop_allowed(&mut self, span: Span, object: &str) -> bool {
        if self.allowed(Hazard::Drop) {
            return true;
        }
        self.find(
            span,
            Code::HazardNotAllowed,
            format!("{object} would be dropped, with what it holds"),
            "drop",
            vec!["the script says so, but nobody has allowed it".to_owned()],
            "write `-- ensure:allow drop -- <reason>` above the statement, or run with `--allow drop`",
        );
        false
    }

    pub(super) fn column_renamed(&mut self, span: Span, name: &QualifiedName, from: &Ident, to: &Ident) {
        let Some(table) = self.existing_table(span, name) else { return };
        let Some(state) = self.table_state(&table) else { return };
        match (state.column(from).is_some(), state.column(to).is_some()) {
            (true, false) => {
                if !self.owns(span, &table) {
                    return;
                }
                let sql = Sql::new(format!("ALTER TABLE {table} RENAME COLUMN {from} TO {to}"));
                let object = format!("column {table}.{from} renamed to {to}");
                self.catalog_step(span, sql, Verb::Alter, object, Some(&table));
                if let Some(state) = self.table_mut(&table) {
                    state.rename_column(from, to);
                }
                let named = |name: &Ident| Object::Column(table.clone(), name.clone());
                let back = format!("ALTER TABLE {table} RENAME COLUMN {to} TO {from}");
                self.world.rename_objects(&[(named(from), named(to))], back);
                self.touched.insert((table, to.clone()));
            }
            (false, true) => self.check(Some(&table), CheckedKind::Column, to, String::new),
            (true, true) => {
                let (declared_table, _) = self.declared_column(&table, from);
                if !self.declared.made_after(self.order, &Aspect::Column(declared_table, from.clone())) {
                    self.both_names(span, &format!("column {table}.{from}"), &format!("column {table}.{to}"));
                }
            }
            (false, false) => {
                let (declared_table, last) = self.declared_column(&table, to);
                let located = self.locate_column(&table, to);
                let there = self.table_state(&table).is_some_and(|state| state.column(&located).is_some());
                if there || self.declared.dropped_after(self.order, &Aspect::Column(declared_table, last)) {
                    self.superseded = true;
                } else {
                    self.neither_name(span, &format!("column {table}.{from}"), &format!("column {table}.{to}"));
                }
            }
        }
    }
}

/// What a change of a type does while its lock is held.
enum Burden {
    /// Nothing that takes long.
    None,
    /// It reads all rows: what for.
    Reads(String),
    /// It writes the table anew.
    Rewrite,
}

/// Returns a default of a column's old type as one of its new type, where the server does not convert it by itself.
fn cast_default(default: &str, wanted: &TypeName) -> String {
    // A string is written as one of the new type, as a person would write it.
    let default = match crate::goal::parse_expression(default) {
        Some(Expr::Cast(inner, _)) if matches!(*inner, Expr::Text(_)) => match *inner {
            Expr::Text(text) => crate::pg::quote_literal(&text),
            _ => format!("({default})"),
        },
        _ => format!("({default})"),
    };
    // The column cuts the value itself; the server prints a default of text without its length.
    let wanted = if wanted.name() == "character varying" { wanted.without_modifiers() } else { wanted.clone() };
    format!("{default}::{wanted}")
}

/// How missing columns are added.
#[derive(Default)]
struct Adding {
    /// Without a default that differs from row to row, which the rows get afterwards.
    filled: bool,
    /// Without the constraints that stand in their definitions, which are added one by one.
    apart: bool,
    why: String,
}

impl Adding {
    fn fills(&self, column: &ColumnGoal) -> bool {
        self.filled && may_be_filled(column)
    }
}

/// Returns whether every row's value is computed when the column is added, and can be computed then only.
fn is_stored(column: &ColumnGoal) -> bool {
    column.generated.as_ref().is_some_and(|(_, stored)| *stored)
}

/// Returns whether every row gets its own value when the column is added, which it could get afterwards too.
fn may_be_filled(column: &ColumnGoal) -> bool {
    let volatile = |default: &Expression| default.tree.volatility() >= Volatility::Volatile;
    column.is_numbered() || column.default.as_ref().is_some_and(volatile)
}

/// Returns whether a column is an identity whose sequence has settings of its own.
fn is_numbered_otherwise(column: &ColumnGoal) -> bool {
    column.identity.is_some() && !column.is_numbered()
}

/// Returns whether `accept` covers a type; without modifiers it takes any.
fn matches_accept(accept: &TypeName, type_name: &TypeName) -> bool {
    accept == type_name || (accept.modifiers().is_none() && *accept == type_name.without_modifiers())
}

/// Returns where the column's name ends in `ALTER [COLUMN] name …`.
fn after_column(action: &str) -> Option<usize> {
    let word = |from: usize| {
        let rest = action.get(from..)?;
        let start = from + (rest.len() - rest.trim_start().len());
        let rest = action.get(start..)?;
        let length = match rest.strip_prefix('"') {
            // A quote within the name is written twice.
            Some(quoted) => {
                let mut chars = quoted.char_indices().peekable();
                loop {
                    let (byte, char) = chars.next()?;
                    if char == '"' && chars.next_if(|(_, next)| *next == '"').is_none() {
                        break byte + 2;
                    }
                }
            }
            None => rest.find(char::is_whitespace)?,
        };
        Some((start, start + length))
    };
    let (_, end) = word(0)?;
    let (start, end) = word(end)?;
    let is_keyword = action.get(start..end)?.eq_ignore_ascii_case("column");
    if is_keyword { word(end).map(|(_, end)| end) } else { Some(end) }
}

fn depend_words(names: &[String]) -> String {
    if names.len() == 1 { "1 object depends on".to_owned() } else { format!("{} objects depend on", names.len()) }
}

/// Returns a number of pages as a size: `38 MB`. A page is taken as 8 kB.
fn bytes_words(pages: u64) -> String {
    let kilobytes = pages * 8;
    match kilobytes {
        0..1_024 => format!("{kilobytes} kB"),
        1_024..1_048_576 => format!("{} MB", kilobytes / 1_024),
        _ => format!("{} GB", kilobytes / 1_048_576),
    }
}
