//! Online forms: which form a change of a table takes, and the steps by which it is made while others read and write.
//!
//! Every form can be gone on with from the catalog alone. What a run that was killed leaves is a constraint that is NOT VALID, a
//! unique index without its constraint, or a helper constraint whose name ends in `__hm_…`; the next plan begins there, and
//! ends without any of them.
//!
//! Source: ONLINE-DDL sections A.4.2, A.4.4 and A.4.5.

use crate::{
    catalog::{Constraint, ConstraintKind, Generation, Index, IndexStructure, IndexTarget},
    goal::{ColumnGoal, ConstraintGoal, ConstraintGoalKind, Expr, OnlineMode, Timing, parse_expression},
    pg::{Hazard, Ident, LockMode, MAX_IDENTIFIER_BYTES, ObjectName, quote_literal},
    script::Span,
};

use super::{Act, Batches, Form, Kept, Planner, Size, Sql, Transaction, Verb, batch::FINDS_PAGES, list};

/// The end of the name of the check that proves a column NOT NULL, so that SET NOT NULL need not scan.
const PROOF: &str = "__hm_nn";

/// The end of the name of the check that says that a column's rows are still being filled. It is always true.
const FILLING: &str = "__hm_fill";

/// Which form a change of a table takes, and why.
pub(super) struct Choice {
    pub online: bool,
    pub why: String,
    pub size: Size,
}

/// An UPDATE that fills rows.
pub(super) struct Fill {
    /// All of it.
    pub sql: Sql,
    /// The same, ending in its condition, so that the bounds of a batch can be added; `None` where it has to stay one
    /// statement.
    pub head: Option<String>,
    /// What comes after it: the bounds are added before each part. Empty where the condition is the end.
    pub rest: Vec<String>,
    /// Where the old values of the rows are kept, where they are.
    pub keeps: Option<Kept>,
    /// The query that says whether rows are left.
    pub probe: String,
    /// Which rows, in words.
    pub object: String,
    /// Whether triggers of others are not to fire.
    pub replica: bool,
}

/// An index of the name that a unique constraint's index is to have.
enum Ready {
    /// It is as the constraint needs it.
    Valid,
    /// An interrupted build left it.
    Invalid,
    /// It is not there.
    Missing,
}

impl Planner<'_> {
    /// Chooses the form of a change of a table by its size and by what the script says. `written`: the script itself asks
    /// for the online form.
    pub(super) fn choose(&mut self, table: &ObjectName, written: bool) -> Choice {
        let size = self.size(table);
        let (online, why) = if size == Size::New || self.policy.atomic {
            (false, Self::size_words(size))
        } else {
            match (self.online, size) {
                (OnlineMode::Off, _) if written => (true, "as written".to_owned()),
                (OnlineMode::Off, _) => (false, "`online off`".to_owned()),
                (OnlineMode::Always, _) => (true, "`online always`".to_owned()),
                (OnlineMode::Auto, Size::Large { .. }) => (true, Self::size_words(size)),
                (OnlineMode::Auto, _) => (false, Self::size_words(size)),
            }
        };
        Choice { online, why, size }
    }

    /// A step that is committed before the next one begins, unless everything shares one transaction.
    pub(super) const fn alone(&self) -> Transaction {
        if self.policy.atomic { Transaction::Shared } else { Transaction::Own }
    }

    /// A change of the catalog alone, under a lock for a moment only: it stands by itself, so that the lock does not last while
    /// something else is done.
    #[expect(clippy::too_many_arguments, reason = "the parts of one step")]
    pub(super) fn brief_step(
        &mut self,
        span: Span,
        sql: Sql,
        verb: Verb,
        object: String,
        table: &ObjectName,
        lock: LockMode,
        form: Form,
    ) {
        let act = Act {
            verb,
            object,
            table: Some(table),
            form,
            lock: Some(lock),
            timeout: self.policy.timeouts.catalog,
            hazards: Vec::new(),
            transaction: self.alone(),
        };
        self.step(span, sql, act);
    }

    // NOT NULL.

    /// Returns the check that proves or will prove the column NOT NULL, if it is there.
    fn proof(&self, table: &ObjectName, column: &Ident) -> Option<&Constraint> {
        let name = column.ending_with(PROOF);
        self.table_state(table)?.constraint(&name).filter(|found| says_not_null(found, column))
    }

    /// Returns whether a validated check, ours or the script's, shows that the column holds no NULL. SET NOT NULL then needs no
    /// scan.
    pub(super) fn is_proved_not_null(&self, table: &ObjectName, column: &Ident) -> bool {
        self.table_state(table).is_some_and(|state| {
            state.constraints.iter().any(|found| found.validated && !found.no_inherit && says_not_null(found, column))
        })
    }

    /// Drops the check that was to prove a column NOT NULL, if it is there and `joined` to what was planned last.
    pub(super) fn drop_proof(&mut self, span: Span, table: &ObjectName, column: &Ident, joined: bool) {
        let Some(name) = self.proof(table, column).map(|proof| proof.name.clone()) else { return };
        let transaction = if joined && !self.policy.atomic { Transaction::Joined } else { self.alone() };
        self.drop_helper(span, table, &name, "no longer needed", transaction);
    }

    fn drop_helper(&mut self, span: Span, table: &ObjectName, name: &Ident, why: &str, transaction: Transaction) {
        let act = Act {
            verb: Verb::Drop,
            object: format!("check {name} on {table} ({why})"),
            table: Some(table),
            form: Form::CatalogOnly,
            lock: Some(LockMode::AccessExclusive),
            timeout: self.policy.timeouts.catalog,
            hazards: Vec::new(),
            transaction,
        };
        self.step(span, Sql::new(format!("ALTER TABLE {table} DROP CONSTRAINT {name}")), act);
        if let Some(state) = self.table_mut(table) {
            state.constraints.retain(|existing| existing.name != *name);
        }
    }

    /// Makes a column NOT NULL. Online by a check that is validated while others read and write, then SET NOT NULL, which the
    /// check spares its scan, and the check dropped in the same transaction. `sql` is the SET NOT NULL.
    pub(super) fn set_not_null(&mut self, span: Span, table: &ObjectName, column: &Ident, sql: Sql) {
        let Choice { online, why, size } = self.choose(table, false);
        let is_new = size == Size::New;
        let begun = self.proof(table, column).map(|proof| proof.validated);
        let name = column.ending_with(PROOF);
        let taken = begun.is_none() && self.table_state(table).is_some_and(|state| state.constraint(&name).is_some());
        let object = format!("column {table}.{column} not null");
        let proved = self.is_proved_not_null(table, column);
        let by_check = !proved && !is_new && !taken && (online || begun.is_some());
        if by_check {
            let why = if begun.is_some() { "an interrupted run has begun it so".to_owned() } else { why.clone() };
            if begun.is_none() {
                let add = format!("ALTER TABLE {table} ADD CONSTRAINT {name} CHECK ({column} IS NOT NULL) NOT VALID");
                self.brief_step(
                    span,
                    Sql::new(add),
                    Verb::Add,
                    format!("check {name} on {table} ({column})"),
                    table,
                    LockMode::AccessExclusive,
                    Form::Online(format!("{why}; spares SET NOT NULL its scan")),
                );
                self.add_helper(table, &name, format!("{column} IS NOT NULL"));
            }
            self.validate_step(span, table, &name, format!("check {name} of {table} validated"));
        }
        let spared = proved || by_check;
        let act = Act {
            verb: Verb::Alter,
            object,
            table: Some(table),
            form: match (spared || is_new, online) {
                (true, _) => Form::CatalogOnly,
                (false, _) => Form::Plain(why),
            },
            lock: (!is_new).then_some(LockMode::AccessExclusive),
            timeout: if spared { self.policy.timeouts.catalog } else { self.policy.timeouts.scan },
            hazards: if !spared && matches!(size, Size::Large { .. }) {
                vec![Hazard::BlockingLock]
            } else {
                Vec::new()
            },
            transaction: if spared && matches!(size, Size::Large { .. }) || by_check {
                self.alone()
            } else {
                Transaction::Shared
            },
        };
        self.step(span, sql, act);
        if let Some(state) = self.table_mut(table).and_then(|state| state.column_mut(column)) {
            state.not_null = true;
        }
        self.drop_proof(span, table, column, true);
    }

    pub(super) fn add_helper(&mut self, table: &ObjectName, name: &Ident, expression: String) {
        let Some(state) = self.table_mut(table) else { return };
        state.constraints.push(Constraint {
            name: name.clone(),
            kind: ConstraintKind::Check { expression },
            validated: false,
            deferrable: false,
            initially_deferred: false,
            no_inherit: false,
        });
    }

    // Checks and foreign keys.

    /// Checks the rows of a constraint while others read and write.
    pub(super) fn validate_step(&mut self, span: Span, table: &ObjectName, name: &Ident, object: String) {
        let act = Act {
            verb: Verb::Alter,
            object,
            table: Some(table),
            form: Form::Online("reads and writes go on while the rows are checked".to_owned()),
            lock: Some(LockMode::ShareUpdateExclusive),
            timeout: self.policy.timeouts.long,
            hazards: Vec::new(),
            transaction: self.alone(),
        };
        self.step(span, Sql::new(format!("ALTER TABLE {table} VALIDATE CONSTRAINT {name}")), act);
        if let Some(state) = self.table_mut(table)
            && let Some(constraint) = state.constraints.iter_mut().find(|constraint| constraint.name == *name)
        {
            constraint.validated = true;
        }
    }

    /// Adds a check or foreign key that holds for new rows only, then checks the others in another transaction.
    pub(super) fn add_validated(
        &mut self,
        span: Span,
        table: &ObjectName,
        goal: &ConstraintGoal,
        object: &str,
        lock: LockMode,
        why: String,
    ) {
        let name = self.constraint_name(table, goal);
        let goal = ConstraintGoal { name: Some(name.clone()), ..goal.clone() };
        let sql = format!("ALTER TABLE {table} ADD CONSTRAINT {name} {} NOT VALID", goal.definition);
        self.brief_step(span, Sql::new(sql), Verb::Add, object.to_owned(), table, lock, Form::Online(why));
        self.add_constraint_to_picture(table, &goal, false);
        self.validate_step(span, table, &name, format!("{object} validated"));
    }

    // Primary keys and unique constraints.

    /// Returns the name of a constraint: the written one, or the one that PostgreSQL would choose.
    pub(super) fn constraint_name(&self, table: &ObjectName, goal: &ConstraintGoal) -> Ident {
        goal.name.clone().unwrap_or_else(|| {
            let (columns, suffix) = naming(&goal.kind);
            self.free_name(table, &columns, suffix, &|name| {
                self.table_state(table).is_some_and(|state| match state.indexes.get(name) {
                    Some(index) => state.partitioned || !could_serve(index, &goal.kind),
                    None => false,
                })
            })
        })
    }

    /// Returns whether an index of that name is one that the constraint can take over, or a leftover of a build of it.
    pub(super) fn has_index_for(&self, table: &ObjectName, name: &Ident, kind: &ConstraintGoalKind) -> bool {
        !self.is_partitioned(table)
            && self
                .table_state(table)
                .and_then(|state| state.indexes.get(name))
                .is_some_and(|index| could_serve(index, kind))
    }

    /// Adds a primary key or unique constraint by an index that is built while others read and write. Returns whether it did:
    /// the form may be the plain one, and then nothing is begun.
    pub(super) fn add_key_online(
        &mut self,
        span: Span,
        table: &ObjectName,
        goal: &ConstraintGoal,
        object: &str,
        choice: &Choice,
    ) -> bool {
        let name = self.constraint_name(table, goal);
        let index = table.sibling(name.clone());
        let ready = match self.table_state(table).and_then(|state| state.indexes.get(&name)) {
            Some(index) if could_serve(index, &goal.kind) && index.valid => Ready::Valid,
            Some(index) if could_serve(index, &goal.kind) => Ready::Invalid,
            _ => Ready::Missing,
        };
        if let Ready::Invalid = ready {
            self.drop_step(span, table, &index, "invalid, left by an interrupted build");
        }
        // The server finds another name, where the one that it would choose is taken.
        let taken = goal.name.is_none()
            && choice.online
            && matches!(ready, Ready::Missing)
            && self.holder_of_name(&index).is_some();
        let by_index = (choice.online && !taken) || matches!(ready, Ready::Valid);
        let (columns, include, nulls_not_distinct, primary) = match &goal.kind {
            ConstraintGoalKind::PrimaryKey { columns, include } => (columns, include, false, true),
            ConstraintGoalKind::Unique { columns, include, nulls_not_distinct } => {
                (columns, include, *nulls_not_distinct, false)
            }
            _ => return false,
        };
        if primary {
            self.key_not_null(span, table, columns, by_index);
        }
        if !by_index {
            return false;
        }
        if !matches!(ready, Ready::Valid) {
            let include = if include.is_empty() { String::new() } else { format!(" INCLUDE ({})", list(include)) };
            let nulls = if nulls_not_distinct { " NULLS NOT DISTINCT" } else { "" };
            let sql = format!("CREATE UNIQUE INDEX CONCURRENTLY {name} ON {table} ({}){include}{nulls}", list(columns));
            let act = Act {
                verb: Verb::Add,
                object: format!("unique index {name} on {table}"),
                table: Some(table),
                form: Form::Online(choice.why.clone()),
                lock: Some(LockMode::ShareUpdateExclusive),
                timeout: self.policy.timeouts.long,
                hazards: Vec::new(),
                transaction: Transaction::None,
            };
            self.step(span, Sql::new(sql), act);
            if let Some(step) = self.steps.last_mut() {
                step.leftover = Some(index);
            }
        }
        let kind = if primary { "PRIMARY KEY" } else { "UNIQUE" };
        let timing = timing_words(goal.timing);
        let sql = format!("ALTER TABLE {table} ADD CONSTRAINT {name} {kind} USING INDEX {name}{timing}");
        let lock = LockMode::AccessExclusive;
        self.brief_step(span, Sql::new(sql), Verb::Add, object.to_owned(), table, lock, Form::CatalogOnly);
        let goal = ConstraintGoal { name: Some(name), ..goal.clone() };
        self.add_constraint_to_picture(table, &goal, true);
        true
    }

    /// Makes the columns of a primary key NOT NULL, where it is to be made by an index, or this was begun. Otherwise USING INDEX
    /// would scan for NULL under its lock.
    pub(super) fn key_not_null(&mut self, span: Span, table: &ObjectName, columns: &[Ident], by_index: bool) {
        for column in columns {
            let known = self.table_state(table).and_then(|state| state.column(column));
            let begun = self.proof(table, column).is_some();
            if known.is_some_and(|column| column.not_null) {
                self.drop_proof(span, table, column, false);
            } else if by_index || begun {
                let sql = Sql::new(format!("ALTER TABLE {table} ALTER COLUMN {column} SET NOT NULL"));
                self.set_not_null(span, table, column, sql);
            }
        }
    }

    // Columns.

    /// Adds a column whose default differs from row to row: without it first, which changes the catalog alone, then the
    /// default for new rows, both in one command. A check that is always true marks the column as one that is being filled.
    pub(super) fn add_column_to_fill(&mut self, span: Span, table: &ObjectName, column: &ColumnGoal, why: &str) {
        let name = &column.name;
        let marker =
            format!(", ADD CONSTRAINT {} CHECK (({name} IS NULL) IS NOT NULL) NOT VALID", name.ending_with(FILLING));
        let from = column.type_span.start - column.definition.span.start;
        let to = column.type_span.end - column.definition.span.start;
        let collation = column.collation.as_ref().map(|collation| format!(" COLLATE {collation}")).unwrap_or_default();
        let sql = if let Some(default) = &column.default {
            Sql::new(format!("ALTER TABLE {table} ADD COLUMN {name} "))
                .source(column.definition.text.get(from..to).unwrap_or_default(), column.type_span.start)
                .push(&format!("{collation}, ALTER COLUMN {name} SET DEFAULT "))
                .source(&default.source.text, default.source.span.start)
                .push(&marker)
        } else {
            let (sequence, type_name) = (number_sequence(table, name), &column.type_name);
            Sql::new(format!(
                "ALTER TABLE {table} ADD COLUMN {name} {type_name};\n\
                     CREATE SEQUENCE {sequence} AS {type_name} OWNED BY {table}.{name};\n\
                     ALTER TABLE {table} ALTER COLUMN {name} SET DEFAULT nextval({}::regclass){marker}",
                quote_literal(&sequence.to_string())
            ))
        };
        self.brief_step(
            span,
            sql,
            Verb::Add,
            format!("column {table}.{name}"),
            table,
            LockMode::AccessExclusive,
            Form::Online(format!("{why}; its rows are filled afterwards")),
        );
        self.add_to_picture(table, column);
        let marker = name.ending_with(FILLING);
        self.add_helper(table, &marker, format!("({name} IS NULL) IS NOT NULL"));
        if let Some(state) = self.table_mut(table).and_then(|state| state.column_mut(name)) {
            state.not_null = false;
            // It is one in the end.
            state.generation = Generation::None;
        }
    }

    /// Returns whether a column is marked as one whose rows are still being filled.
    pub(super) fn is_being_filled(&self, table: &ObjectName, column: &Ident) -> bool {
        let Some(state) = self.table_state(table) else { return false };
        state
            .constraints
            .iter()
            .any(|found| found.name.as_str().ends_with(FILLING) && found.name == column.ending_with(FILLING))
    }

    /// Fills the rows of a column that was added without its default, makes it NOT NULL where it is to be, and takes the mark
    /// away.
    pub(super) fn fill_column(&mut self, span: Span, table: &ObjectName, column: &ColumnGoal, existing: &Ident) {
        let name = existing;
        if column.default.is_some() || column.is_numbered() {
            let fill = Fill {
                sql: Sql::new(format!("UPDATE {table} SET {name} = DEFAULT WHERE {name} IS NULL")),
                head: Some(format!("UPDATE {table} SET {name} = DEFAULT WHERE {name} IS NULL")),
                probe: format!("SELECT EXISTS (SELECT 1 FROM {table} WHERE {name} IS NULL)"),
                object: format!("rows of {table}: {name}"),
                rest: Vec::new(),
                keeps: None,
                replica: false,
            };
            let transaction = self.alone();
            self.fill_step(span, table, fill, transaction);
            let key = (table.clone(), name.clone());
            self.filled.insert(key.clone());
            self.touched.insert(key);
        }
        let nullable =
            self.table_state(table).and_then(|state| state.column(name)).is_some_and(|state| !state.not_null);
        if column.not_null && nullable {
            let sql = Sql::new(format!("ALTER TABLE {table} ALTER COLUMN {name} SET NOT NULL"));
            self.set_not_null(span, table, name, sql);
        }
        let generation = self.table_state(table).and_then(|state| state.column(name)).map(|state| state.generation);
        if let Some(always) = column.identity
            && generation == Some(Generation::None)
        {
            self.make_identity(span, table, name, always);
        }
        let transaction = self.alone();
        self.drop_helper(span, table, &name.ending_with(FILLING), "every row is filled", transaction);
    }

    /// Makes a column that takes numbers from a sequence of its own an identity, which goes on where the sequence is.
    fn make_identity(&mut self, span: Span, table: &ObjectName, name: &Ident, always: bool) {
        let sequence = number_sequence(table, name);
        let aside = sequence.name.ending_with("__hm");
        let words = if always { "ALWAYS" } else { "BY DEFAULT" };
        let sql = format!(
            "ALTER TABLE {table} ALTER COLUMN {name} DROP DEFAULT;\n\
             ALTER SEQUENCE {sequence} OWNED BY NONE;\n\
             ALTER SEQUENCE {sequence} RENAME TO {aside};\n\
             ALTER TABLE {table} ALTER COLUMN {name} ADD GENERATED {words} AS IDENTITY;\n\
             SELECT setval(pg_get_serial_sequence({}, {}), last_value, is_called) FROM {};\n\
             DROP SEQUENCE {}",
            quote_literal(&table.to_string()),
            quote_literal(name.as_str()),
            table.sibling(aside.clone()),
            table.sibling(aside.clone()),
        );
        let object = format!("identity of {table}.{name}");
        let lock = LockMode::AccessExclusive;
        self.brief_step(span, Sql::new(sql), Verb::Add, object, table, lock, Form::CatalogOnly);
        if let Some(state) = self.table_mut(table).and_then(|state| state.column_mut(name)) {
            state.generation = if always { Generation::IdentityAlways } else { Generation::IdentityByDefault };
            state.default = None;
        }
    }

    /// Fills rows: in batches beside writers, or in one statement, in `transaction`.
    pub(super) fn fill_step(&mut self, span: Span, table: &ObjectName, fill: Fill, transaction: Transaction) {
        let Choice { online, why, size } = self.choose(table, false);
        let large = matches!(size, Size::Large { .. });
        let batches = if online { self.batches(table, &fill, size) } else { None };
        let act = Act {
            verb: Verb::Fill,
            object: fill.object,
            table: Some(table),
            form: match (&batches, size) {
                (Some(_), _) => Form::Online(format!("{why}; in batches")),
                (None, Size::New) => Form::AsWritten,
                (None, _) => Form::Plain(why),
            },
            lock: Some(LockMode::RowExclusive),
            timeout: if large && batches.is_none() { self.policy.timeouts.long } else { self.policy.timeouts.scan },
            hazards: if large && batches.is_none() { vec![Hazard::BlockingLock] } else { Vec::new() },
            transaction: if batches.is_some() { Transaction::None } else { transaction },
        };
        self.step(span, fill.sql, act);
        let Some(step) = self.steps.last_mut() else { return };
        step.keeps = fill.keeps;
        if let Some(batches) = batches {
            self.in_batches(batches);
        }
    }

    /// Lets the last step change its rows in batches.
    pub(super) fn in_batches(&mut self, batches: Batches) {
        let row = self.policy.timeouts.row;
        let Some(step) = self.steps.last_mut() else { return };
        if row.as_millis() < step.lock_timeout.as_millis() {
            step.lock_timeout = row;
        }
        step.batches = Some(batches);
    }

    /// Returns how rows are changed in batches; `None` where they have to be changed in one statement.
    fn batches(&mut self, table: &ObjectName, fill: &Fill, size: Size) -> Option<Batches> {
        let leaves = self.leaves(table)?;
        let state = self.table_state(table)?;
        let key =
            if self.world.server.version.major() >= FINDS_PAGES { None } else { Some(state.primary_key()?.to_vec()) };
        let (pages, rows) = match size {
            Size::Large { pages, rows } => (pages, rows.0),
            // Not worth a division: such a table is one batch, or few.
            Size::New | Size::Small { .. } => (0, 0),
        };
        Some(Batches {
            head: fill.head.clone()?,
            rest: fill.rest.clone(),
            table: table.clone(),
            partitioned: state.partitioned,
            key,
            probe: fill.probe.clone(),
            // Too many rather than too few: then the first batches are small, and grow.
            rows_per_page: (rows / pages.max(1)).saturating_mul(leaves),
            rows: self.batch,
            vacuums: pages >= self.policy.limits.vacuum_pages && state.owned,
            replica: fill.replica,
        })
    }

    /// Returns a column's definition without its constraints that are goals of their own.
    pub(super) fn without_constraints(column: &ColumnGoal, constraints: &[&ConstraintGoal], sql: Sql) -> Sql {
        let of_column = |constraint: &&&ConstraintGoal| constraint.inline.as_ref() == Some(&column.name);
        let mut spans: Vec<Span> = constraints.iter().filter(of_column).map(|constraint| constraint.span).collect();
        spans.sort_by_key(|span| span.start);
        let start = column.definition.span.start;
        let part = |from: usize, to: usize| column.definition.text.get(from - start..to - start).unwrap_or_default();
        let (mut sql, mut from) = (sql, start);
        for span in spans {
            sql = sql.source(part(from, span.start).trim_end(), from);
            from = span.end;
        }
        sql.source(part(from, column.definition.span.end), from)
    }
}

/// Returns the sequence of a column, under the name that the server would choose.
fn number_sequence(table: &ObjectName, column: &Ident) -> ObjectName {
    table.sibling(object_name(&table.name, std::slice::from_ref(column), "seq"))
}

/// Returns whether a check says, alone or among other things, that a column is not NULL.
fn says_not_null(constraint: &Constraint, column: &Ident) -> bool {
    let ConstraintKind::Check { expression } = &constraint.kind else { return false };
    // Most checks say something else, and reading an expression takes its time.
    if !expression.to_ascii_uppercase().contains("NOT NULL") {
        return false;
    }
    parse_expression(expression).is_some_and(|tree| {
        tree.conjuncts().iter().any(|conjunct| match conjunct {
            Expr::IsNull(operand, true) => {
                matches!(operand.as_ref(), Expr::Column(parts) if parts.as_slice() == [column.clone()])
            }
            _ => false,
        })
    })
}

/// Returns whether an index that belongs to no constraint is made as the index of that constraint would be. Of an invalid
/// one its structure does not matter: it is built anew.
pub(super) fn could_serve(index: &Index, kind: &ConstraintGoalKind) -> bool {
    if index.constraint.is_some() {
        return false;
    }
    let (columns, include, nulls_not_distinct) = match kind {
        ConstraintGoalKind::PrimaryKey { columns, include } => (columns, include, false),
        ConstraintGoalKind::Unique { columns, include, nulls_not_distinct } => (columns, include, *nulls_not_distinct),
        _ => return false,
    };
    let IndexStructure { method, unique, nulls_not_distinct: nulls, keys, include: included, predicate, storage: _ } =
        &index.structure;
    let plain = keys.len() == columns.len()
        && keys.iter().zip(columns).all(|(key, column)| {
            key.target == IndexTarget::Column(column.clone())
                && key.operator_class.is_none()
                && key.operator_class_parameters.is_none()
                && key.collation.is_none()
                && !key.descending
                && !key.nulls_first
        });
    !index.valid
        || (method.as_str() == "btree"
            && *unique
            && *nulls == nulls_not_distinct
            && plain
            && included == include
            && predicate.is_none())
}

/// Returns the columns and the ending from which PostgreSQL makes a constraint's name.
pub(super) fn naming(kind: &ConstraintGoalKind) -> (Vec<Ident>, &'static str) {
    match kind {
        ConstraintGoalKind::PrimaryKey { .. } => (Vec::new(), "pkey"),
        ConstraintGoalKind::Unique { columns, include, .. } => {
            (columns.iter().chain(include).cloned().collect(), "key")
        }
        ConstraintGoalKind::ForeignKey { columns, .. } => (columns.clone(), "fkey"),
        ConstraintGoalKind::Check(expression) => {
            let mut columns: Vec<Ident> = expression.tree.columns().into_iter().cloned().collect();
            columns.sort();
            columns.dedup();
            // Of several none is named.
            (if columns.len() == 1 { columns } else { Vec::new() }, "check")
        }
    }
}

/// Returns the name that PostgreSQL makes of a table, columns and an ending: the longer of the first two is cut.
///
/// Source: `makeObjectName` in PostgreSQL's indexcmds.c.
pub(super) fn object_name(table: &Ident, columns: &[Ident], suffix: &str) -> Ident {
    let cut = |text: &str, length: usize| {
        let mut end = length.min(text.len());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text[..end].to_owned()
    };
    let joined = columns.iter().map(Ident::as_str).collect::<Vec<_>>().join("_");
    let joined = cut(&joined, MAX_IDENTIFIER_BYTES);
    let room = MAX_IDENTIFIER_BYTES - suffix.len() - 1 - usize::from(!joined.is_empty());
    let (mut first, mut second) = (table.as_str().len(), joined.len());
    while first + second > room {
        if first > second {
            first -= 1;
        } else {
            second -= 1;
        }
    }
    let mut parts = vec![cut(table.as_str(), first)];
    if !joined.is_empty() {
        parts.push(cut(&joined, second));
    }
    parts.push(suffix.to_owned());
    Ident::new(parts.join("_"))
}

pub(super) fn timing_words(timing: Timing) -> &'static str {
    match (timing.deferrable, timing.initially_deferred) {
        (_, true) => " DEFERRABLE INITIALLY DEFERRED",
        (true, false) => " DEFERRABLE",
        (false, false) => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_postgresql_chooses() {
        let long = "a".repeat(60);
        for (table, columns, suffix, expected) in [
            ("users", vec!["email"], "key", "users_email_key".to_owned()),
            ("users", vec!["a", "b"], "key", "users_a_b_key".to_owned()),
            ("users", vec![], "pkey", "users_pkey".to_owned()),
            (long.as_str(), vec![long.as_str()], "fkey", format!("{}_{}_fkey", "a".repeat(29), "a".repeat(28))),
            (long.as_str(), vec!["b"], "key", format!("{}_b_key", "a".repeat(57))),
        ] {
            let columns: Vec<Ident> = columns.into_iter().map(Ident::new).collect();
            assert_eq!(object_name(&Ident::new(table), &columns, suffix), Ident::new(expected));
        }
    }

    #[test]
    fn a_check_says_not_null_alone_or_among_other_things() {
        let check = |expression: &str| Constraint {
            name: Ident::new("c"),
            kind: ConstraintKind::Check { expression: expression.to_owned() },
            validated: true,
            deferrable: false,
            initially_deferred: false,
            no_inherit: false,
        };
        let column = Ident::new("n");
        for (expression, expected) in [
            ("(n IS NOT NULL)", true),
            ("((n > 0) AND (n IS NOT NULL))", true),
            ("((n > 0) OR (n IS NOT NULL))", false),
            ("(m IS NOT NULL)", false),
            ("(n IS NULL)", false),
            ("((n IS NULL) IS NOT NULL)", false),
            ("(NOT (n IS NOT NULL))", false),
        ] {
            assert_eq!(says_not_null(&check(expression), &column), expected, "{expression}");
        }
    }
}
