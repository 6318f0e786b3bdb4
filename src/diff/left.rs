//! What statements have touched, and what it is like in a snapshot: what the journal keeps, to find later what others have changed.

use std::collections::BTreeSet;

use crate::{
    catalog::{EntryKey, EntryKind, Inventory, Scope, Snapshot},
    journal::Left,
    pg::{Ident, ObjectName},
    plan::{Moved, Parts},
};

use super::{
    inverse::schemas,
    told::{Telling, told},
};

/// Returns an object in words.
#[must_use]
pub fn words_of(left: &Left) -> String {
    let Some(kind) = EntryKind::ALL.into_iter().find(|kind| kind.word() == left.kind) else { return left.name.clone() };
    let relation = left.relation.as_deref().map(Ident::new);
    Inventory::empty(Ident::new(&left.schema)).words(&EntryKey { relation, kind, name: left.name.clone() })
}

/// Objects that were made, changed or dropped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Touched {
    objects: BTreeSet<(Ident, EntryKey)>,
    /// Relations of which nothing that was known before holds: they are new, or they or parts of them have other names.
    renewed: BTreeSet<ObjectName>,
    /// Tables that are new.
    made: BTreeSet<ObjectName>,
}

impl Touched {
    /// Adds what a statement has moved. Cost: grows with that.
    pub fn add(&mut self, moved: &Moved) {
        let (before, after) = (&moved.before, &moved.after);
        let is_made = |name: &ObjectName| self.made.contains(name);
        let are_made = |parts: &Parts| parts.is_of_tables_only() && parts.tables.keys().all(is_made);
        // All that belongs to a new table is asked for at the end.
        if are_made(before) && are_made(after) && before.tables.len() == after.tables.len() {
            self.renewed.extend(moved.renamed.iter().cloned());
            return;
        }
        for schema in schemas(before, after) {
            let of = |one, other| told(one, other, &schema, Telling::Tables);
            let (is, was) = (of(after, before), of(before, after));
            let differs = |key: &&EntryKey| is.entries.get(key) != was.entries.get(key);
            let keys: BTreeSet<&EntryKey> = is.entries.keys().chain(was.entries.keys()).filter(differs).collect();
            self.objects.extend(keys.into_iter().map(|key| (schema.clone(), key.clone())));
        }
        let made = after.tables.keys().filter(|name| !before.tables.contains_key(name));
        self.made.extend(made.clone().cloned());
        self.renewed.extend(made.cloned());
        self.renewed.extend(moved.renamed.iter().cloned());
    }

    /// Adds objects that were touched in the past.
    pub fn of_past(left: &[Left]) -> Self {
        let mut touched = Self::default();
        for left in left {
            let Some(kind) = EntryKind::ALL.into_iter().find(|kind| kind.word() == left.kind) else { continue };
            let relation = left.relation.as_deref().map(Ident::new);
            touched.objects.insert((Ident::new(&left.schema), EntryKey { relation, kind, name: left.name.clone() }));
        }
        touched
    }

    /// Returns whether there is nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty() && self.renewed.is_empty()
    }

    /// Returns what a snapshot has to hold to tell what they are like.
    #[must_use]
    pub fn scope(&self) -> Scope {
        let mut scope = Scope::default();
        for (schema, key) in &self.objects {
            scope.schemas.insert(schema.clone());
            let name = Ident::new(&key.name);
            match (key.kind, &key.relation) {
                (EntryKind::Routine, _) => {
                    let end = key.name.rfind('(').unwrap_or(key.name.len());
                    scope.objects.routines.insert(Ident::from_sql(&key.name[..end]));
                }
                (kind, Some(relation)) => {
                    scope.qualified.insert(ObjectName { schema: schema.clone(), name: relation.clone() });
                    scope.objects.views |= matches!(kind, EntryKind::View | EntryKind::MaterializedView);
                    scope.objects.triggers |= kind == EntryKind::Trigger;
                    scope.objects.policies |= kind == EntryKind::Policy;
                }
                (_, None) => {
                    scope.types.insert(name);
                }
            }
        }
        scope
    }

    /// Returns what they are like in a snapshot; without one, that it is not known.
    #[must_use]
    pub fn left(&self, snapshot: Option<&Snapshot>) -> Vec<Left> {
        let mut left: Vec<Left> = self.renewed.iter().map(Left::anew).collect();
        let schemas: BTreeSet<&Ident> =
            self.objects.iter().map(|(schema, _)| schema).chain(self.renewed.iter().map(|name| &name.schema)).collect();
        for schema in schemas {
            let inventory = match snapshot {
                Some(snapshot) => told(&self.parts(schema, snapshot), &Parts::default(), schema, Telling::All),
                None => Inventory::empty(schema.clone()),
            };
            let mut keys: BTreeSet<&EntryKey> =
                self.objects.iter().filter(|(other, _)| other == schema).map(|(_, key)| key).collect();
            let is_renewed = |key: &&EntryKey| {
                key.relation.as_ref().is_some_and(|relation| self.renewed.contains(&inventory.named(relation)))
            };
            keys.extend(inventory.entries.keys().filter(is_renewed));
            left.extend(keys.into_iter().map(|key| Left {
                schema: schema.as_str().to_owned(),
                relation: key.relation.as_ref().map(|relation| relation.as_str().to_owned()),
                kind: key.kind.word().to_owned(),
                name: key.name.clone(),
                is: inventory.entries.get(key).map(|entry| entry.definition.clone()),
                known: snapshot.is_some(),
            }));
        }
        left
    }

    /// Returns the parts of a snapshot that are concerned.
    fn parts(&self, schema: &Ident, snapshot: &Snapshot) -> Parts {
        let mut relations: BTreeSet<ObjectName> =
            self.renewed.iter().filter(|name| name.schema == *schema).cloned().collect();
        let mut parts = Parts::default();
        for (_, key) in self.objects.iter().filter(|(other, _)| other == schema) {
            let named = |name: &Ident| ObjectName { schema: schema.clone(), name: name.clone() };
            match (key.kind, &key.relation) {
                (_, Some(relation)) => {
                    relations.insert(named(relation));
                }
                (EntryKind::Routine, None) => {
                    let own = |name: &ObjectName| {
                        key.name.strip_prefix(&name.name.to_string()).is_some_and(|rest| rest.starts_with('('))
                    };
                    let routines = snapshot.objects.routines.iter();
                    let found = routines.filter(|((name, _), _)| name.schema == *schema && own(name));
                    parts.routines.extend(found.map(|(key, routine)| (key.clone(), routine.clone())));
                }
                (_, None) => {
                    let name = named(&Ident::new(&key.name));
                    parts.types.extend(snapshot.types.get(&name).map(|found| (name, found.clone())));
                }
            }
        }
        let objects = &snapshot.objects;
        for name in relations {
            let of = |table: &ObjectName| *table == name;
            parts.tables.extend(snapshot.tables.get(&name).map(|table| (name.clone(), table.clone())));
            parts.materialized.extend(snapshot.materialized.get(&name).map(|table| (name.clone(), table.clone())));
            parts.views.extend(objects.views.get(&name).map(|view| (name.clone(), view.clone())));
            parts.sequences.extend(snapshot.sequences.get(&name).map(|sequence| (name.clone(), sequence.clone())));
            let triggers = objects.triggers.iter().filter(|((table, _), _)| of(table));
            parts.triggers.extend(triggers.map(|(key, trigger)| (key.clone(), trigger.clone())));
            let policies = objects.policies.iter().filter(|((table, _), _)| of(table));
            parts.policies.extend(policies.map(|(key, policy)| (key.clone(), policy.clone())));
        }
        parts
    }
}
