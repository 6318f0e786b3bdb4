//! What is in a schema and no script speaks of.

use std::collections::{BTreeSet, HashSet};

use crate::{
    catalog::{EntryKey, EntryKind, Inventory},
    goal::{self, GoalKind, ObjectRef, ScriptGoals},
    pg::{Ident, QualifiedName, quote_literal},
    plan::{Checked, CheckedKind},
};

use super::{
    Difference, DifferenceState,
    statement::{Manner, create, later_parts},
};

/// Returns what is in the schema and no script speaks of, with the statements that a script would need.
///
/// `checked` is what the plan of the scripts compared, under the names that it found. A script speaks of what it names, whether
/// its guard lets it apply or not; of a statement that is not read every word counts. The parts of a table are looked at only
/// where the scripts declare the table or columns of it.
#[must_use]
pub fn unmanaged(scripts: &[ScriptGoals], checked: &[Checked], inventory: &Inventory) -> Vec<Difference> {
    let spoken = Spoken::of(scripts, checked, &inventory.schema);
    let mut differences = Vec::new();
    // Comments and privileges are no objects, and an extension may be there for other schemas.
    let is_object =
        |key: &EntryKey| !matches!(key.kind, EntryKind::Comment | EntryKind::Privileges | EntryKind::Extension);
    let unspoken = |key: &EntryKey| is_object(key) && !spoken.names(key, &inventory.schema);
    for (key, entry) in inventory.entries.iter().filter(|(key, _)| unspoken(key)) {
        let mut statements = create(inventory, key, entry, Manner::Once);
        if let Some(relation) = &key.relation
            && matches!(key.kind, EntryKind::Table | EntryKind::View | EntryKind::MaterializedView)
        {
            let later = later_parts(inventory, relation);
            statements.extend(later.flat_map(|(key, entry)| create(inventory, key, entry, Manner::Once)));
        }
        let mut why = Vec::new();
        if key.kind == EntryKind::Type {
            let name = quote_literal(&inventory.named(&Ident::new(key.name.as_str())).to_string());
            why.push(format!(
                "a script does not read it, and needs a guard: -- ensure:unless SELECT to_regtype({name}) IS NOT NULL"
            ));
        }
        let guard = match key.kind {
            EntryKind::Rule => Some(format!(
                "SELECT EXISTS (SELECT FROM pg_rules WHERE schemaname = {} AND rulename = {})",
                quote_literal(inventory.schema.as_str()),
                quote_literal(&key.name)
            )),
            EntryKind::Statistics => Some(format!(
                "SELECT EXISTS (SELECT FROM pg_statistic_ext WHERE stxname = {})",
                quote_literal(&key.name)
            )),
            _ => None,
        };
        why.extend(
            guard.map(|guard| format!("a script does not read it, and needs a guard: -- ensure:unless {guard}")),
        );
        differences.push(Difference {
            object: inventory.words(key),
            relation: key.relation.as_ref().map(|relation| inventory.named(relation)),
            state: DifferenceState::Unmanaged,
            here: Some(entry.definition.clone()).filter(|definition| !definition.is_empty()),
            there: None,
            statements,
            why,
            location: None,
        });
    }
    // Tables with all that belongs to them, then the others.
    differences.sort_by(|one, other| {
        let place = |difference: &Difference| (difference.relation.is_none(), difference.relation.clone());
        place(one).cmp(&place(other))
    });
    differences
}

/// What scripts speak of in one schema.
#[derive(Default)]
struct Spoken {
    relations: BTreeSet<Ident>,
    /// Tables of which the scripts declare something.
    declared: BTreeSet<Ident>,
    columns: BTreeSet<(Ident, Ident)>,
    /// Indexes, constraints, triggers and policies, behind their tables.
    parts: BTreeSet<(Ident, Ident)>,
    /// Indexes that a script names without their table.
    loose: BTreeSet<Ident>,
    types: BTreeSet<Ident>,
    routines: BTreeSet<Ident>,
    /// Routines with the types of their arguments.
    signatures: BTreeSet<String>,
    /// Words of statements that are not read, in lower case.
    words: HashSet<String>,
}

impl Spoken {
    fn of(scripts: &[ScriptGoals], checked: &[Checked], schema: &Ident) -> Self {
        let mut spoken = Self::default();
        let at_home = |name: &QualifiedName| name.schema.as_ref().is_none_or(|named| named == schema);
        let names = goal::scope(scripts);
        let relations = names.relations.iter().map(|(name, _)| name).filter(|name| at_home(name));
        spoken.relations.extend(relations.map(|name| name.name.clone()));
        spoken.types.extend(names.types.iter().filter(|name| at_home(name)).map(|name| name.name.clone()));
        spoken.routines.extend(names.routines);
        for Checked { table, kind, name, details } in checked {
            match (table, kind) {
                (None, CheckedKind::Table) if details == schema.as_str() || details == &schema.to_string() => {
                    spoken.relations.insert(name.clone());
                    spoken.declared.insert(name.clone());
                }
                (None, CheckedKind::Routine) => drop(spoken.signatures.insert(name.as_str().to_owned())),
                (Some(table), kind) if table.schema == *schema => {
                    let key = (table.name.clone(), name.clone());
                    match kind {
                        CheckedKind::Column => {
                            spoken.declared.insert(table.name.clone());
                            spoken.columns.insert(key);
                        }
                        CheckedKind::Index | CheckedKind::Constraint | CheckedKind::Trigger | CheckedKind::Policy => {
                            spoken.parts.insert(key);
                        }
                        _ => {}
                    }
                }
                _ => {}
            }
        }
        for script in scripts {
            for accept in script.accepts.iter().filter(|accept| at_home(&accept.table)) {
                spoken.columns.insert((accept.table.name.clone(), accept.column.clone()));
            }
            for statement in &script.statements {
                for goal in &statement.goals {
                    spoken.goal(&goal.kind, &statement.text);
                }
            }
        }
        spoken
    }

    /// Adds what a goal names itself, for those that do not apply here.
    fn goal(&mut self, goal: &GoalKind, text: &str) {
        let mut column = |table: &QualifiedName, column: &Ident| {
            self.columns.insert((table.name.clone(), column.clone()));
        };
        match goal {
            GoalKind::Column { table, column: goal, .. } => column(table, &goal.name),
            GoalKind::ColumnAbsent { table, column: name, .. }
            | GoalKind::ColumnType { table, column: name, .. }
            | GoalKind::ColumnNullability { table, column: name, .. }
            | GoalKind::ColumnDefault { table, column: name, .. }
            | GoalKind::ColumnIdentity { table, column: name, .. } => column(table, name),
            GoalKind::ColumnRenamed { table, from, to } => {
                column(table, from);
                column(table, to);
            }
            GoalKind::Constraint { table, constraint } => {
                self.parts.extend(constraint.name.clone().map(|name| (table.name.clone(), name)));
            }
            GoalKind::ConstraintAbsent { table, name, .. } | GoalKind::ConstraintValidated { table, name } => {
                self.parts.insert((table.name.clone(), name.clone()));
            }
            GoalKind::ConstraintRenamed { table, from, to } => {
                self.parts.extend([from, to].map(|name| (table.name.clone(), name.clone())));
            }
            GoalKind::View(view) if view.materialized => drop(self.declared.insert(view.name.name.name.clone())),
            GoalKind::Index(index) => self.loose.extend(index.name.clone()),
            GoalKind::IndexRenamed { from, to } => self.loose.extend([from.name.clone(), to.clone()]),
            GoalKind::Absent { name, .. } => drop(self.loose.insert(name.name.clone())),
            GoalKind::Trigger(trigger) => {
                self.parts.insert((trigger.table.name.name.clone(), trigger.name.ident.clone()));
            }
            GoalKind::Policy(policy) => {
                self.parts.insert((policy.table.name.name.clone(), policy.name.ident.clone()));
            }
            GoalKind::ObjectAbsent { object, .. } => self.object(object),
            GoalKind::Comment(comment) => self.object(&comment.on),
            GoalKind::Opaque { .. } => {
                let words = text.split(|char: char| !(char.is_alphanumeric() || matches!(char, '_' | '$')));
                self.words.extend(words.filter(|word| !word.is_empty()).map(str::to_lowercase));
            }
            _ => {}
        }
    }

    fn object(&mut self, object: &ObjectRef) {
        match object {
            ObjectRef::Relation { name, .. } => drop(self.loose.insert(name.name.clone())),
            ObjectRef::Column { table, column } => drop(self.columns.insert((table.name.clone(), column.clone()))),
            ObjectRef::Constraint { table, name }
            | ObjectRef::Trigger { table, name }
            | ObjectRef::Policy { table, name } => drop(self.parts.insert((table.name.clone(), name.clone()))),
            _ => {}
        }
    }

    fn names(&self, key: &EntryKey, schema: &Ident) -> bool {
        let name = Ident::new(key.name.as_str());
        let bare = key.name.split('(').next().unwrap_or(&key.name).trim_matches('"');
        if self.words.contains(&bare.to_lowercase()) {
            return true;
        }
        match (key.kind, &key.relation) {
            (EntryKind::Enum | EntryKind::Type, _) => self.types.contains(&name),
            (EntryKind::Routine, _) => {
                let signature = format!("{schema}.{}", key.name);
                let overloads = format!("{schema}.{}(", Ident::new(bare));
                self.signatures.contains(&signature)
                    || (self.routines.contains(&Ident::new(bare))
                        && !self.signatures.iter().any(|known| known.starts_with(&overloads)))
            }
            (
                EntryKind::Column
                | EntryKind::Constraint
                | EntryKind::Index
                | EntryKind::Trigger
                | EntryKind::Policy
                | EntryKind::Rule
                | EntryKind::Statistics,
                Some(table),
            ) => {
                // Without its table it is told with the table, or nobody looks after it.
                !self.declared.contains(table)
                    || self.columns.contains(&(table.clone(), name.clone())) && key.kind == EntryKind::Column
                    || key.kind != EntryKind::Column && self.parts.contains(&(table.clone(), name.clone()))
                    || key.kind == EntryKind::Index && (self.loose.contains(&name) || self.relations.contains(&name))
            }
            _ => self.relations.contains(&name),
        }
    }
}
