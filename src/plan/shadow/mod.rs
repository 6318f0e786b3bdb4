//! The change of a column's type beside writers: a second column of the new type is kept in step by a trigger, filled in batches,
//! given the indexes and constraints of the first, compared with it, and takes its place.
//!
//! Each phase can be gone on with from the catalog alone: the column `…__hm` with its trigger, indexes and constraints of that ending,
//! the check that both columns say the same, and after the swap the column `…__hm_old` are all the memory there is.
//!
//! Source: ONLINE-DDL section C.

mod facts;
mod text;

use std::collections::BTreeSet;

use crate::{
    catalog::{Column, Constraint, ConstraintKind, Generation, Index},
    diagnostic::Code,
    goal::{Expr, Expression, OnlineMode, Timing, Volatility},
    pg::{Hazard, Ident, LockMode, MAX_IDENTIFIER_BYTES, ObjectName, QualifiedName, TypeName, quote_literal},
    script::Span,
};

use super::{
    Act, Answer, Form, Planner, Size, Sql, Transaction, Verb, convert, list,
    online::{Choice, Fill, object_name, timing_words},
};

use facts::Facts;
use text::Conversion;

pub(super) use text::mentions;

/// The end of the name of everything that is to take another's place.
const NEW: &str = "__hm";
/// The end of the name of what was replaced.
const OLD: &str = "__hm_old";
/// The end of the name of the check that the two columns say the same.
const SAME: &str = "__hm_same";
/// Gives up a strong lock at the COMMIT rather than when the disk has it. A crash then takes back this and all that came after, never
/// this alone, and the next run goes on from there; the last step of a change waits for the disk.
const NO_WAIT: &str = "SET LOCAL synchronous_commit = off";
/// The comment on a column that was replaced: no other is ever dropped.
const REPLACED: &str = "replaced by hrms-migrate; dropped by its next run";

/// The names of what a change needs.
struct Names {
    /// The column of the new type.
    shadow: Ident,
    /// The old column, after the swap.
    old: Ident,
    /// The check that both say the same.
    same: Ident,
    trigger: Ident,
    function: ObjectName,
}

impl Names {
    fn of(table: &ObjectName, column: &Ident) -> Self {
        let shadow = column.ending_with(NEW);
        // Triggers fire in the order of their names: after all that begin with a letter.
        let mut end = shadow.as_str().len().min(MAX_IDENTIFIER_BYTES - 1);
        while !shadow.as_str().is_char_boundary(end) {
            end -= 1;
        }
        Self {
            trigger: Ident::new(format!("~{}", &shadow.as_str()[..end])),
            function: table.sibling(object_name(&table.name, std::slice::from_ref(column), "_hm")),
            old: column.ending_with(OLD),
            same: column.ending_with(SAME),
            shadow,
        }
    }
}

/// A type change that is asked for.
pub(super) struct TypeChange<'c> {
    pub(super) span: Span,
    pub(super) table: &'c ObjectName,
    /// The column as it is.
    pub(super) column: &'c Column,
    pub(super) wanted: &'c TypeName,
    pub(super) using: Option<&'c Expression>,
    pub(super) collation: Option<&'c QualifiedName>,
    /// The change in words: `integer → numeric(4,1)`.
    pub(super) what: &'c str,
}

/// Whether a change is made beside writers.
pub(super) enum Shadowed {
    /// It is planned, or refused, or not to be planned before something was asked.
    Settled,
    /// It cannot be; the table is small enough to be written anew: why.
    NotHere(String),
}

/// Something that the new column gets because the old one has it.
enum Twin {
    /// An index of its own.
    Index { new: Ident, sql: String },
    /// The index of a primary key or unique constraint, which is added in the swap: ` PRIMARY KEY`, and when it is checked.
    Key { new: Ident, sql: String, words: String },
    /// A check or foreign key, with its words; whether its rows have been checked, and the table that it refers to.
    Constraint { new: Ident, words: String, validated: bool, refers: Option<ObjectName> },
}

/// What the new column gets, each by the name of what the old one has.
type Twins = Vec<(Ident, Twin)>;

/// Writes the build of an index on the new column, under its new name; `None` where that cannot be written.
type Build<'b> = dyn Fn(&Ident, &Index) -> Option<(Ident, String)> + 'b;

impl Planner<'_> {
    /// Returns whether the table holds a column of ours: nothing else has to be looked at on all others.
    pub(super) fn has_shadows(&self, table: &ObjectName) -> bool {
        self.shadows.contains(table)
    }

    /// Returns the tables that hold columns of ours.
    pub(super) fn shadowed(world: &crate::catalog::Snapshot) -> BTreeSet<ObjectName> {
        let ours = |column: &Column| column.name.as_str().ends_with(NEW) || column.name.as_str().ends_with(OLD);
        world.tables.iter().filter(|(_, table)| table.columns.iter().any(ours)).map(|(name, _)| name.clone()).collect()
    }

    /// Returns whether the script wants type changes of this table beside writers, and that is possible in general.
    pub(super) fn changes_types_online(&self, table: &ObjectName) -> bool {
        self.online == OnlineMode::Always && !self.policy.atomic && !self.made.contains(table)
    }

    /// Changes a column's type beside writers, from wherever an earlier run has come to.
    pub(super) fn change_type_online(&mut self, change: &TypeChange<'_>) -> Shadowed {
        let TypeChange { span, table, column, wanted, .. } = *change;
        let names = Names::of(table, &column.name);
        let size = self.size(table);
        let question = facts::question(table, &column.name, &names, wanted, self.world.server.version.major());
        let Some(answer) = self.ask(question) else { return Shadowed::Settled };
        let facts: Option<Facts> = match &answer {
            Answer::Value(Some(value)) => serde_json::from_str(value).ok(),
            _ => None,
        };
        let Some(facts) = facts else {
            self.unanswered(span, table, &answer);
            return Shadowed::Settled;
        };
        let begun = self.table_state(table).and_then(|state| state.column(&names.shadow)).cloned();
        let plain = change.using.is_none_or(|using| convert::is_plain(&using.tree, &column.name, wanted));
        // A whole number has no digits to lose.
        let whole = matches!(column.type_name.name(), "smallint" | "integer" | "bigint")
            && wanted.modifier_numbers().get(1).is_none_or(|scale| *scale >= 0);
        let loses = if plain && !whole && !self.allowed(Hazard::DataLoss) {
            let value = column.name.to_string();
            convert::obstacles(&value, &column.type_name, wanted, None).and_then(|obstacles| obstacles.loses)
        } else {
            None
        };
        let conversion = Conversion { column: &column.name, wanted, using: change.using.filter(|_| !plain), loses };
        let (twins, mut obstacles) = self.twins(change, &names, &facts);
        obstacles.extend(self.obstacles(change, &conversion, &facts));
        if begun.is_some() && facts.body.is_none() {
            obstacles.push(format!("column {} is there, and no trigger keeps it in step", names.shadow));
        }
        if let Some(state) = self.table_state(table)
            && state.column(&names.old).is_some()
        {
            obstacles.push(format!("column {} is there", names.old));
        }
        let reorders = !facts.last && !facts.by_order.is_empty() && !self.allowed(Hazard::ColumnReorder);
        if (!obstacles.is_empty() || reorders) && begun.is_none() && self.may_rewrite(size) {
            let why = obstacles.into_iter().next();
            return Shadowed::NotHere(why.unwrap_or_else(|| "functions go by the order of its columns".to_owned()));
        }
        if !obstacles.is_empty() {
            self.no_online_change(change, obstacles);
            return Shadowed::Settled;
        }
        if reorders {
            self.would_reorder(change, &facts);
            return Shadowed::Settled;
        }
        let proved = begun.is_some() && self.constraint_state(table, &names.same) == Some(true);
        if !proved && !self.values_fit(span, table, column, wanted, change.using) {
            return Shadowed::Settled;
        }
        let same_type = begun.is_some_and(|shadow| shadow.type_name == *wanted);
        let goes_on = same_type && facts.body.as_deref() == Some(conversion.body(table, &names.shadow).as_str());
        if facts.body.is_some() && !goes_on {
            self.give_up(span, table, &names, "begun for another conversion");
        }
        self.phases(change, &names, &facts, &conversion, &twins, goes_on);
        Shadowed::Settled
    }

    /// Plans what is left of a change, phase by phase. `goes_on`: the new column is there.
    fn phases(
        &mut self,
        change: &TypeChange<'_>,
        names: &Names,
        facts: &Facts,
        conversion: &Conversion<'_>,
        twins: &Twins,
        goes_on: bool,
    ) {
        let TypeChange { span, table, .. } = *change;
        let Choice { why, .. } = self.choose(table, false);
        if !goes_on {
            self.prepare(change, names, conversion, facts, &why);
        }
        let checked = goes_on.then(|| self.constraint_state(table, &names.same)).flatten();
        if checked != Some(true) && self.rows_left(change, names, conversion, goes_on) {
            self.copy(change, names, conversion, facts);
        }
        for (of, twin) in twins {
            self.add_twin(change, of, twin, &why);
        }
        self.compare_columns(change, names, conversion, checked);
        // The check proves it otherwise.
        if self.lacks_not_null(change, names) && !self.is_proved_not_null(table, &names.shadow) {
            let sql = Sql::new(format!("ALTER TABLE {table} ALTER COLUMN {} SET NOT NULL", names.shadow));
            self.set_not_null(span, table, &names.shadow, sql);
        }
        self.analyze(change, names, twins);
        self.swap(change, names, facts, twins);
        if !self.keep_old {
            self.drop_old(span, table, &names.old, twins);
        }
    }

    /// Returns whether the new column is still to become NOT NULL.
    fn lacks_not_null(&self, change: &TypeChange<'_>, names: &Names) -> bool {
        let shadow = self.table_state(change.table).and_then(|state| state.column(&names.shadow));
        change.column.not_null && shadow.is_some_and(|shadow| !shadow.not_null)
    }

    /// Returns whether a check or other constraint is there, and then whether its rows have been checked.
    fn constraint_state(&self, table: &ObjectName, name: &Ident) -> Option<bool> {
        self.table_state(table)?.constraint(name).map(|constraint| constraint.validated)
    }

    /// Returns whether the table is so small that it may be written anew.
    fn may_rewrite(&self, size: Size) -> bool {
        let pages = match size {
            Size::New => 0,
            Size::Small { pages } | Size::Large { pages, .. } => pages,
        };
        pages < self.policy.limits.hazard_pages || self.allowed(Hazard::Rewrite)
    }

    // What stands in the way.

    /// Returns what makes the change impossible, as far as one column and the rights of our role are concerned.
    fn obstacles(&self, change: &TypeChange<'_>, conversion: &Conversion<'_>, facts: &Facts) -> Vec<String> {
        /// The first version that goes to a page without reading those before it.
        const FINDS_PAGES: u32 = 14;
        let TypeChange { table, column, wanted, .. } = *change;
        let mut found = facts.obstacles.clone();
        if !self.allowed(Hazard::Breaking) {
            found.extend(facts.breaks.iter().map(|what| format!("{what} (`allow breaking` accepts that)")));
        }
        match column.generation {
            Generation::None => {}
            Generation::IdentityAlways | Generation::IdentityByDefault => {
                found.push("it is an identity column".to_owned());
            }
            Generation::Stored | Generation::Virtual => found.push("it is a generated column".to_owned()),
        }
        if let Some(state) = self.table_state(table) {
            if state.partitioned || state.inherits {
                found.push("the table is partitioned, a partition, or inherits".to_owned());
            }
            if self.world.server.version.major() < FINDS_PAGES && state.primary_key().is_none() {
                found.push("the table has no primary key, by which its rows could be copied in batches".to_owned());
            }
        }
        if !self.world.schemas.get(&table.schema).is_some_and(|schema| schema.may_create) {
            found.push(format!("{} may not create a function in schema {}", self.world.server.role, table.schema));
        }
        match conversion.using {
            None if facts.session => {
                found.push("the conversion depends on the time zone or date style of a session".to_owned());
            }
            Some(using)
                if using.tree.volatility() > Volatility::Immutable || reads_session(&using.tree, column, wanted) =>
            {
                found.push("the expression after USING may give another value in another session".to_owned());
            }
            _ => {}
        }
        found
    }

    fn no_online_change(&mut self, change: &TypeChange<'_>, mut why: Vec<String>) {
        let TypeChange { span, table, column, what, .. } = *change;
        why.push("nothing was changed".to_owned());
        self.find(
            span,
            Code::OnlineTypeChange,
            format!("column {table}.{} cannot be changed {what} beside writers", column.name),
            "online always",
            why,
            "settle that first, or write `-- ensure:allow rewrite -- <reason>` in place of `online always` and run when nobody waits",
        );
    }

    fn would_reorder(&mut self, change: &TypeChange<'_>, facts: &Facts) {
        let TypeChange { span, table, column, .. } = *change;
        self.find(
            span,
            Code::HazardNotAllowed,
            format!(
                "column {} would become the last one of {table}, and functions go by the order of its columns",
                column.name
            ),
            "column-reorder",
            vec![facts.by_order.join(", "), "neither the script nor `--allow` accepts that".to_owned()],
            "let them name the columns, or write `-- ensure:allow column-reorder -- <reason>` above the statement",
        );
    }

    // The phases.

    /// Adds the new column, and what keeps it in step with the old one.
    fn prepare(
        &mut self,
        change: &TypeChange<'_>,
        names: &Names,
        conversion: &Conversion<'_>,
        facts: &Facts,
        why: &str,
    ) {
        let TypeChange { span, table, column, wanted, .. } = *change;
        let Names { shadow, trigger, function, .. } = names;
        let collation = change.collation.map(|collation| format!(" COLLATE {collation}")).unwrap_or_default();
        let body = conversion.body(table, shadow);
        let mut tag = "$hm$".to_owned();
        while body.contains(&tag) {
            tag.insert(tag.len() - 1, 'm');
        }
        // The path on which the script's names are found; the server looks into pg_catalog first all the same.
        let mut path: Vec<Ident> = vec![Ident::new("pg_catalog"), self.target.clone()];
        path.extend(self.world.search_path.iter().filter(|schema| **schema != self.target).cloned());
        let sql = format!(
            "{NO_WAIT};\n\
             ALTER TABLE {table} ADD COLUMN {shadow} {wanted}{collation};\n\
             CREATE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql SET search_path = {} AS {tag}{body}{tag};\n\
             CREATE TRIGGER {trigger} BEFORE INSERT OR UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION {function}();\n\
             ALTER TABLE {table} ENABLE ALWAYS TRIGGER {trigger}",
            list(&path),
        );
        let place = if facts.last { "" } else { "; it will be the last column" };
        let why = format!("{why}; takes the place of {} in the end{place}", column.name);
        self.own_step(
            span,
            sql,
            Verb::Add,
            format!("column {table}.{shadow} {wanted}, kept in step by a trigger"),
            table,
            LockMode::AccessExclusive,
            Form::Online(why),
        );
        self.shadows.insert(table.clone());
        let new = Column {
            name: shadow.clone(),
            type_name: wanted.clone(),
            not_null: false,
            default: None,
            generation: Generation::None,
            owned_sequence: None,
            collation: change.collation.map(|collation| collation.resolve(&Ident::new("pg_catalog"))),
        };
        if let Some(state) = self.table_mut(table) {
            state.columns.push(new);
        }
        self.added.insert((table.clone(), shadow.clone()), false);
    }

    /// A step in a transaction of its own, under a lock for a moment.
    #[expect(clippy::too_many_arguments, reason = "the parts of one step")]
    fn own_step(
        &mut self,
        span: Span,
        sql: String,
        verb: Verb,
        object: String,
        table: &ObjectName,
        lock: LockMode,
        form: Form,
    ) {
        self.brief_step(span, Sql::new(sql), verb, object, table, lock, form);
    }

    /// Returns whether rows have to be copied. Where the new column is there already the database is asked.
    fn rows_left(
        &mut self,
        change: &TypeChange<'_>,
        names: &Names,
        conversion: &Conversion<'_>,
        goes_on: bool,
    ) -> bool {
        if !goes_on {
            return true;
        }
        let sql = left(change.table, names, conversion);
        let question = super::Question::new(sql, super::Purpose::Probe, Some(change.table.clone()));
        // Where it is not known, they are gone through: that changes nothing where nothing is left.
        self.ask(question).and_then(|answer| answer.as_bool()) != Some(false)
    }

    /// Copies the values of the rows that were there before the trigger.
    fn copy(&mut self, change: &TypeChange<'_>, names: &Names, conversion: &Conversion<'_>, facts: &Facts) {
        let TypeChange { span, table, .. } = *change;
        let shadow = &names.shadow;
        let update =
            format!("UPDATE {table} SET {shadow} = {} WHERE {}", conversion.assigned(), conversion.holds(shadow, true));
        let fill = Fill {
            sql: Sql::new(update.clone()),
            head: Some(update),
            probe: left(table, names, conversion),
            object: format!("rows of {table}: {shadow}"),
            rest: Vec::new(),
            keeps: None,
            replica: facts.fires && facts.replica,
        };
        let transaction = self.alone();
        self.fill_step(span, table, fill, transaction);
    }

    /// Returns what the new column gets because the old one has it, and what it cannot get.
    fn twins(&self, change: &TypeChange<'_>, names: &Names, facts: &Facts) -> (Twins, Vec<String>) {
        let TypeChange { table, column, .. } = *change;
        let (from, to) = (&column.name, &names.shadow);
        let (mut twins, mut problems): (Twins, Vec<String>) = (Vec::new(), Vec::new());
        let Some(state) = self.table_state(table) else { return (twins, problems) };
        let tablespace = |name: &Ident| facts.tablespaces.as_ref().and_then(|all| all.get(name.as_str()));
        let build = |of: &Ident, index: &Index| {
            let new = of.ending_with(NEW);
            text::index(table, &new, index, from, to, tablespace(of)).map(|sql| (new, sql))
        };
        for (name, index) in &state.indexes {
            let concerned = index.valid && index.constraint.is_none();
            if !concerned || text::index_mentions(index, to) || !text::index_mentions(index, from) {
                continue;
            }
            match build(name, index) {
                Some((new, sql)) => twins.push((name.clone(), Twin::Index { new, sql })),
                None => problems.push(format!("index {name} has an expression that cannot be written anew")),
            }
        }
        for constraint in &state.constraints {
            if mentions_constraint(constraint, to) || !mentions_constraint(constraint, from) {
                continue;
            }
            match self.twin_of(change, constraint, to, &build) {
                Some(twin) => twins.push((constraint.name.clone(), twin)),
                None => problems.push(format!("constraint {} cannot be made on another column", constraint.name)),
            }
        }
        // What is there under a name of ours must be what we would make.
        let mut new_names = BTreeSet::new();
        for (_, twin) in &twins {
            let new = twin.name();
            let ours = match state.indexes.get(new) {
                Some(index) => text::index_mentions(index, to) && index.constraint.is_none(),
                None => state.constraint(new).is_none_or(|found| mentions_constraint(found, to)),
            };
            if !ours || !new_names.insert(new.clone()) {
                problems.push(format!("the name {new} is taken"));
            }
        }
        (twins, problems)
    }

    fn twin_of(&self, change: &TypeChange<'_>, constraint: &Constraint, to: &Ident, build: &Build<'_>) -> Option<Twin> {
        let from = &change.column.name;
        let timing = timing_words(Timing {
            deferrable: constraint.deferrable,
            initially_deferred: constraint.initially_deferred,
            ..Timing::default()
        });
        let new = constraint.name.ending_with(NEW);
        let validated = constraint.validated;
        Some(match &constraint.kind {
            ConstraintKind::Check { expression } => {
                let expression = text::with_column(expression, from, to)?;
                let inherit = if constraint.no_inherit { " NO INHERIT" } else { "" };
                Twin::Constraint { new, words: format!("CHECK ({expression}){inherit}"), validated, refers: None }
            }
            ConstraintKind::ForeignKey(key) => {
                let words = format!("{}{timing}", text::foreign_key(key, from, to));
                Twin::Constraint { new, words, validated, refers: Some(key.table.clone()) }
            }
            ConstraintKind::PrimaryKey { .. } | ConstraintKind::Unique { .. } => {
                let index =
                    self.table_state(change.table)?.indexes.get(&constraint.name).filter(|index| index.valid)?;
                let (new, sql) = build(&constraint.name, index)?;
                let primary = matches!(constraint.kind, ConstraintKind::PrimaryKey { .. });
                let kind = if primary { "PRIMARY KEY" } else { "UNIQUE" };
                Twin::Key {
                    new,
                    sql,
                    words: format!("{kind} USING INDEX {}{timing}", constraint.name.ending_with(NEW)),
                }
            }
            ConstraintKind::Other { .. } => return None,
        })
    }

    /// Makes one index or constraint on the new column, or goes on with it.
    fn add_twin(&mut self, change: &TypeChange<'_>, of: &Ident, twin: &Twin, why: &str) {
        let TypeChange { span, table, .. } = *change;
        match twin {
            Twin::Index { new, sql } | Twin::Key { new, sql, .. } => {
                let there = self.table_state(table).and_then(|state| state.indexes.get(new)).map(|index| index.valid);
                let name = table.sibling(new.clone());
                if there == Some(true) {
                    return;
                }
                if there == Some(false) {
                    self.drop_step(span, table, &name, "invalid, left by an interrupted build");
                }
                let act = Act {
                    verb: Verb::Add,
                    object: format!("index {new} on {table}, to replace {of}"),
                    table: Some(table),
                    form: Form::Online(why.to_owned()),
                    lock: Some(LockMode::ShareUpdateExclusive),
                    timeout: self.policy.timeouts.long,
                    hazards: Vec::new(),
                    transaction: Transaction::None,
                };
                self.step(span, Sql::new(sql.as_str()), act);
                if let Some(step) = self.steps.last_mut() {
                    step.leftover = Some(name);
                }
            }
            Twin::Constraint { new, words, validated, refers } => {
                let there = self.constraint_state(table, new);
                let object = format!("constraint {new} on {table}, to replace {of}");
                if there.is_none() {
                    let lock = if refers.is_some() { LockMode::ShareRowExclusive } else { LockMode::AccessExclusive };
                    let sql = format!("{NO_WAIT};\nALTER TABLE {table} ADD CONSTRAINT {new} {words} NOT VALID");
                    let form = Form::Online(why.to_owned());
                    self.own_step(span, sql, Verb::Add, object.clone(), table, lock, form);
                }
                if *validated && there != Some(true) {
                    self.validate_step(span, table, new, format!("{object}, validated"));
                }
            }
        }
    }

    /// Proves that both columns say the same, by a check that holds for new rows from then on: whoever writes what does not fit is
    /// told so from here, as after the swap.
    fn compare_columns(
        &mut self,
        change: &TypeChange<'_>,
        names: &Names,
        conversion: &Conversion<'_>,
        checked: Option<bool>,
    ) {
        let TypeChange { span, table, column, .. } = *change;
        let Names { shadow, same, .. } = names;
        if checked.is_none() {
            let kept = conversion.loses.as_ref().map(|loses| format!(" AND ({loses}) IS NOT TRUE")).unwrap_or_default();
            // Then SET NOT NULL needs no scan.
            let filled = if column.not_null { format!(" AND {shadow} IS NOT NULL") } else { String::new() };
            let condition = format!("({}){kept}{filled}", conversion.holds(shadow, false));
            let sql = format!("{NO_WAIT};\nALTER TABLE {table} ADD CONSTRAINT {same} CHECK ({condition}) NOT VALID");
            self.own_step(
                span,
                sql,
                Verb::Add,
                format!("check {same} on {table}: {shadow} says what {} says", column.name),
                table,
                LockMode::AccessExclusive,
                Form::Online("from here on a value that does not fit the new type is refused".to_owned()),
            );
            self.add_helper(table, same, condition);
        }
        if checked != Some(true) {
            self.validate_step(span, table, same, format!("check {same} of {table} validated: every row is the same"));
        }
    }

    /// Counts the new column's values, so that plans are no guesses after the swap. Whatever depends on the column is looked at
    /// again before this: what was planned may be long ago.
    fn analyze(&mut self, change: &TypeChange<'_>, names: &Names, twins: &Twins) {
        let TypeChange { span, table, .. } = *change;
        // The values of an index's expressions are counted with the whole table only.
        let expressions = twins.iter().any(|(_, twin)| matches!(twin, Twin::Index { sql, .. } if sql.contains("((")));
        let columns = if expressions { String::new() } else { format!(" ({})", names.shadow) };
        let act = Act {
            verb: Verb::Alter,
            object: format!("statistics of {table}.{}", names.shadow),
            table: Some(table),
            form: Form::Online("reads a sample of the rows".to_owned()),
            lock: Some(LockMode::ShareUpdateExclusive),
            timeout: self.policy.timeouts.long,
            hazards: Vec::new(),
            transaction: self.alone(),
        };
        self.step(span, Sql::new(format!("ANALYZE {table}{columns}")), act);
        if let Some(step) = self.steps.last_mut() {
            step.looks_again = true;
        }
    }

    /// Puts the new column in the place of the old one.
    fn swap(&mut self, change: &TypeChange<'_>, names: &Names, facts: &Facts, twins: &Twins) {
        let TypeChange { span, table, column, wanted, .. } = *change;
        let statements = Self::swapping(change, names, facts, twins, self.lacks_not_null(change, names));
        let mut notes = vec!["takes its place in the catalog".to_owned()];
        if !facts.last {
            notes.push("it is the last column then".to_owned());
        }
        notes.push("statements that sessions have prepared fail once".to_owned());
        let act = Act {
            verb: Verb::Alter,
            object: format!("column {table}.{} {}", column.name, change.what),
            table: Some(table),
            form: Form::Online(notes.join("; ")),
            lock: Some(LockMode::AccessExclusive),
            timeout: self.policy.timeouts.catalog,
            hazards: if facts.last { Vec::new() } else { vec![Hazard::ColumnReorder] },
            transaction: self.alone(),
        };
        self.step(span, Sql::new(statements.join(";\n")), act);
        let default = Self::default_of(column, wanted);
        self.touched.insert((table.clone(), column.name.clone()));
        self.added.remove(&(table.clone(), names.shadow.clone()));
        let collation = change.collation.map(|collation| collation.resolve(&Ident::new("pg_catalog")));
        if let Some(state) = self.table_mut(table) {
            state.columns.retain(|other| other.name != column.name && other.name != names.shadow);
            state.columns.push(Column { type_name: wanted.clone(), default, collation, ..column.clone() });
            // What was made for the new column has the old names again, and says the same under them.
            let ours: BTreeSet<&Ident> = twins.iter().map(|(_, twin)| twin.name()).collect();
            state.constraints.retain(|constraint| constraint.name != names.same && !ours.contains(&constraint.name));
            state.indexes.retain(|name, index| {
                !ours.contains(name) && (index.valid || !text::index_mentions(index, &column.name))
            });
        }
    }

    /// Returns the statements of the swap, in order.
    fn swapping(change: &TypeChange<'_>, names: &Names, facts: &Facts, twins: &Twins, not_null: bool) -> Vec<String> {
        let TypeChange { table, column, wanted, .. } = *change;
        let Names { shadow, old, same, trigger, function } = names;
        let name = &column.name;
        let mut tables: Vec<&ObjectName> = vec![table];
        tables.extend(twins.iter().filter_map(|(_, twin)| match twin {
            Twin::Constraint { refers, .. } => refers.as_ref(),
            _ => None,
        }));
        tables.sort();
        tables.dedup();
        let tables: Vec<String> = tables.into_iter().map(ToString::to_string).collect();
        let mut sql = vec![
            NO_WAIT.to_owned(),
            format!("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE", tables.join(", ")),
            format!("DROP TRIGGER {trigger} ON {table}"),
            format!("DROP FUNCTION {function}()"),
        ];
        sql.extend(facts.before.iter().cloned());
        if not_null {
            sql.push(format!("ALTER TABLE {table} ALTER COLUMN {shadow} SET NOT NULL"));
        }
        let mut drops = vec![format!("DROP CONSTRAINT {same}")];
        for (of, twin) in twins {
            if !matches!(twin, Twin::Index { .. }) {
                drops.push(format!("DROP CONSTRAINT {of}"));
            }
        }
        sql.push(format!("ALTER TABLE {table} {}", drops.join(", ")));
        let default = Self::default_of(column, wanted);
        let mut alters = Vec::new();
        if let Some(default) = &default {
            alters.push(format!("ALTER COLUMN {name} DROP DEFAULT"));
            alters.push(format!("ALTER COLUMN {shadow} SET DEFAULT {default}"));
        }
        if column.not_null {
            alters.push(format!("ALTER COLUMN {name} DROP NOT NULL"));
        }
        if !alters.is_empty() {
            sql.push(format!("ALTER TABLE {table} {}", alters.join(", ")));
        }
        sql.push(format!("ALTER TABLE {table} RENAME COLUMN {name} TO {old}"));
        sql.push(format!("ALTER TABLE {table} RENAME COLUMN {shadow} TO {name}"));
        if let Some(not_null) = &facts.not_null {
            let made = object_name(&table.name, std::slice::from_ref(shadow), "not_null");
            sql.push(format!("ALTER TABLE {table} RENAME CONSTRAINT {made} TO {}", Ident::new(not_null.as_str())));
        }
        for (of, twin) in twins {
            match twin {
                Twin::Index { new, .. } => {
                    let schema = &table.schema;
                    sql.push(format!("ALTER INDEX {schema}.{of} RENAME TO {}", of.ending_with(OLD)));
                    sql.push(format!("ALTER INDEX {schema}.{new} RENAME TO {of}"));
                }
                Twin::Key { words, .. } => sql.push(format!("ALTER TABLE {table} ADD CONSTRAINT {of} {words}")),
                Twin::Constraint { new, .. } => {
                    sql.push(format!("ALTER TABLE {table} RENAME CONSTRAINT {new} TO {of}"));
                }
            }
        }
        if let Some((sequence, data_type)) = &facts.sequence {
            sql.push(format!("ALTER SEQUENCE {sequence} OWNED BY {table}.{name}"));
            let wider = matches!(
                (data_type.as_str(), wanted.name()),
                ("smallint", "integer") | ("smallint" | "integer", "bigint")
            );
            if wider {
                sql.push(format!("ALTER SEQUENCE {sequence} AS {}", wanted.name()));
            }
        }
        sql.extend(facts.after.iter().cloned());
        sql.push(format!("COMMENT ON COLUMN {table}.{old} IS {}", quote_literal(REPLACED)));
        sql
    }

    // The end, and the way back.

    /// Drops the column that was replaced, and first its indexes, so that the lock does not last while files are removed.
    fn drop_old(&mut self, span: Span, table: &ObjectName, old: &Ident, twins: &Twins) {
        let mut indexes: Vec<Ident> = twins
            .iter()
            .filter(|(_, twin)| matches!(twin, Twin::Index { .. }))
            .map(|(of, _)| of.ending_with(OLD))
            .collect();
        if let Some(state) = self.table_state(table) {
            let left = |(name, index): &(&Ident, &Index)| {
                name.as_str().ends_with(OLD) && index.constraint.is_none() && text::index_mentions(index, old)
            };
            indexes.extend(state.indexes.iter().filter(left).map(|(name, _)| name.clone()));
        }
        for index in indexes {
            self.drop_ours(span, table, &index, "replaced");
        }
        let sql = format!("ALTER TABLE {table} DROP COLUMN {old}");
        let object = format!("column {table}.{old} (replaced)");
        self.own_step(span, sql, Verb::Drop, object, table, LockMode::AccessExclusive, Form::CatalogOnly);
        self.forget_column(table, old);
    }

    /// Drops an index of ours, whatever the size of the table.
    fn drop_ours(&mut self, span: Span, table: &ObjectName, index: &Ident, why: &str) {
        let act = Act {
            verb: Verb::Drop,
            object: format!("index {index} on {table} ({why})"),
            table: Some(table),
            form: Form::Online("reads and writes go on".to_owned()),
            lock: Some(LockMode::ShareUpdateExclusive),
            timeout: self.policy.timeouts.long,
            hazards: Vec::new(),
            transaction: Transaction::None,
        };
        self.step(span, Sql::new(format!("DROP INDEX CONCURRENTLY {}", table.sibling(index.clone()))), act);
        if let Some(state) = self.table_mut(table) {
            state.indexes.remove(index);
        }
    }

    /// Takes back a change that has not come to its swap. No row loses anything.
    fn give_up(&mut self, span: Span, table: &ObjectName, names: &Names, why: &str) {
        let Names { shadow, trigger, function, .. } = names;
        let indexes: Vec<Ident> = self.table_state(table).map_or_else(Vec::new, |state| {
            let ours = |(_, index): &(&Ident, &Index)| text::index_mentions(index, shadow);
            state.indexes.iter().filter(ours).map(|(name, _)| name.clone()).collect()
        });
        for index in indexes {
            self.drop_ours(span, table, &index, why);
        }
        // Somebody may have dropped the column, and left a trigger behind that fails.
        let is_there = self.table_state(table).is_some_and(|state| state.column(shadow).is_some());
        let column = if is_there { format!(";\nALTER TABLE {table} DROP COLUMN {shadow}") } else { String::new() };
        let sql = format!("DROP TRIGGER {trigger} ON {table};\nDROP FUNCTION {function}(){column}");
        let object = format!("column {table}.{shadow} and its trigger ({why})");
        self.own_step(span, sql, Verb::Drop, object, table, LockMode::AccessExclusive, Form::CatalogOnly);
        self.forget_column(table, shadow);
    }

    fn forget_column(&mut self, table: &ObjectName, name: &Ident) {
        if let Some(state) = self.table_mut(table) {
            state.columns.retain(|column| column.name != *name);
            state.indexes.retain(|_, index| !text::index_mentions(index, name));
            state.constraints.retain(|constraint| !mentions_constraint(constraint, name));
        }
    }

    /// Leaves nothing of a type change behind where the column has the type that the scripts ask for: the old column after the
    /// swap, or all of a change that nobody asks for any more.
    pub(super) fn settle_type(&mut self, span: Span, table: &ObjectName, column: &Ident) {
        if !self.has_shadows(table) {
            return;
        }
        let names = Names::of(table, column);
        let has = |this: &Self, name: &Ident| this.table_state(table).is_some_and(|state| state.column(name).is_some());
        if has(self, &names.old)
            && !self.keep_old
            && let Some(Answer::Value(Some(comment))) = self.ask(facts::comment(table, &names.old))
            && comment == REPLACED
            && self.owns(span, table)
        {
            self.drop_old(span, table, &names.old, &Vec::new());
        }
        if has(self, &names.shadow)
            && let Some(Answer::Value(Some(_))) = self.ask(facts::body(table, &names))
            && self.owns(span, table)
        {
            self.give_up(span, table, &names, "no longer asked for");
        }
    }

    /// Takes back what was begun beside writers, where the change is now made in one statement.
    pub(super) fn give_up_for_rewrite(&mut self, span: Span, table: &ObjectName, column: &Ident) {
        if !self.has_shadows(table) {
            return;
        }
        let names = Names::of(table, column);
        if self.table_state(table).is_some_and(|state| state.column(&names.shadow).is_some())
            && let Some(Answer::Value(Some(_))) = self.ask(facts::body(table, &names))
        {
            self.give_up(span, table, &names, "the table is written anew instead");
        }
    }
}

impl Twin {
    /// Returns the name of what the new column gets.
    const fn name(&self) -> &Ident {
        match self {
            Self::Index { new, .. } | Self::Key { new, .. } | Self::Constraint { new, .. } => new,
        }
    }
}

/// Returns the query for whether a row is left to copy.
fn left(table: &ObjectName, names: &Names, conversion: &Conversion<'_>) -> String {
    format!("SELECT EXISTS (SELECT 1 FROM {table} WHERE {})", conversion.holds(&names.shadow, true))
}

/// Returns whether a constraint is about a column, by name or in its expression.
fn mentions_constraint(constraint: &Constraint, column: &Ident) -> bool {
    match &constraint.kind {
        ConstraintKind::PrimaryKey { columns, include } | ConstraintKind::Unique { columns, include, .. } => {
            columns.contains(column) || include.contains(column)
        }
        ConstraintKind::ForeignKey(key) => key.columns.contains(column),
        ConstraintKind::Check { expression } => mentions(expression, column),
        ConstraintKind::Other { definition } => definition.contains(column.as_str()),
    }
}

/// Returns whether an expression turns text or local time into an instant, or back, as the session is set: a cast does, AT TIME ZONE
/// does not.
fn reads_session(tree: &Expr, column: &Column, wanted: &TypeName) -> bool {
    let zoned = |type_name: &TypeName| type_name.name().ends_with("with time zone");
    let timed = |type_name: &TypeName| type_name.name() == "date" || type_name.name().starts_with("time");
    let explicit = matches!(tree, Expr::Binary(operator, ..) if operator == "AT TIME ZONE");
    let types = [&column.type_name, wanted];
    !explicit && (types.into_iter().any(zoned) || timed(&column.type_name) != timed(wanted))
}
