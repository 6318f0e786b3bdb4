//! The moving picture of the database, and what each statement moves in it: what its inverse is made from.

use std::{
    collections::{BTreeMap, BTreeSet},
    mem,
    ops::Deref,
};

use crate::{
    catalog::{
        ConstraintKind, Extension, Object, Policy, Privileges, RelationKind, Routine, Schema, Sequence, Snapshot,
        Table, Trigger, Type, View,
    },
    pg::{Ident, ObjectName, TypeName},
};

/// What the steps of one statement change: the objects that they touch, as they were and as they will be. What is only in one of
/// both is made or dropped.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Moved {
    /// As they were.
    pub before: Parts,
    /// As they will be.
    pub after: Parts,
    /// What takes renames back, last first. A statement that renames does nothing else.
    pub renamed_back: Vec<String>,
    /// Relations that have another name now, or whose definitions name something that has.
    pub renamed: Vec<ObjectName>,
    /// What the relations are whose comments and privileges are here.
    pub kinds: BTreeMap<ObjectName, RelationKind>,
}

/// Some objects of a snapshot.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parts {
    /// Schemas.
    pub schemas: BTreeMap<Ident, Schema>,
    /// Extensions.
    pub extensions: BTreeMap<Ident, Extension>,
    /// Tables.
    pub tables: BTreeMap<ObjectName, Table>,
    /// Materialised views as far as they are tables.
    pub materialized: BTreeMap<ObjectName, Table>,
    /// Types.
    pub types: BTreeMap<ObjectName, Type>,
    /// Sequences.
    pub sequences: BTreeMap<ObjectName, Sequence>,
    /// Views and materialised views.
    pub views: BTreeMap<ObjectName, View>,
    /// Functions and procedures.
    pub routines: BTreeMap<(ObjectName, Vec<TypeName>), Routine>,
    /// Triggers.
    pub triggers: BTreeMap<(ObjectName, Ident), Trigger>,
    /// Policies.
    pub policies: BTreeMap<(ObjectName, Ident), Policy>,
    /// Row-level security: enabled, forced.
    pub row_security: BTreeMap<ObjectName, (bool, bool)>,
    /// Comments.
    pub comments: BTreeMap<Object, String>,
    /// Privileges.
    pub privileges: BTreeMap<Object, Privileges>,
}

impl Parts {
    /// Returns whether tables are all that is here, but for comments, privileges and row-level security.
    pub(crate) fn is_of_tables_only(&self) -> bool {
        self.materialized.is_empty()
            && self.types.is_empty()
            && self.sequences.is_empty()
            && self.views.is_empty()
            && self.routines.is_empty()
            && self.triggers.is_empty()
            && self.policies.is_empty()
    }
}

/// What was there under a key before the statement at hand first touched it; `None` for nothing.
type Kept<K, V> = BTreeMap<K, Option<V>>;

/// The picture of the database that moves on with every planned step. It is read as a [`Snapshot`]; every way to change it keeps what
/// was there before the statement at hand.
///
/// Cost: nothing is copied but what is changed.
#[derive(Debug)]
pub(super) struct World {
    now: Snapshot,
    /// Something of it was touched by the statement at hand.
    touched: bool,
    schemas: Kept<Ident, Schema>,
    extensions: Kept<Ident, Extension>,
    tables: Kept<ObjectName, Table>,
    materialized: Kept<ObjectName, Table>,
    types: Kept<ObjectName, Type>,
    sequences: Kept<ObjectName, Sequence>,
    views: Kept<ObjectName, View>,
    routines: Kept<(ObjectName, Vec<TypeName>), Routine>,
    triggers: Kept<(ObjectName, Ident), Trigger>,
    policies: Kept<(ObjectName, Ident), Policy>,
    row_security: Kept<ObjectName, (bool, bool)>,
    comments: Kept<Object, String>,
    privileges: Kept<Object, Privileges>,
    renamed_back: Vec<String>,
    renamed: BTreeSet<ObjectName>,
    kinds: BTreeMap<ObjectName, RelationKind>,
}

impl Deref for World {
    type Target = Snapshot;

    fn deref(&self) -> &Snapshot {
        &self.now
    }
}

/// Keeps what is under a key, once, and returns the map to be changed there.
fn touch<'m, K: Ord + Clone, V: Clone>(
    kept: &mut Kept<K, V>,
    now: &'m mut BTreeMap<K, V>,
    key: &K,
) -> &'m mut BTreeMap<K, V> {
    if !kept.contains_key(key) {
        kept.insert(key.clone(), now.get(key).cloned());
    }
    now
}

/// Returns what was under the keys that were touched, and what is, where that differs.
fn sides<K: Ord + Clone, V: Clone + PartialEq>(
    kept: &mut Kept<K, V>,
    now: &BTreeMap<K, V>,
) -> (BTreeMap<K, V>, BTreeMap<K, V>) {
    let (mut before, mut after) = (BTreeMap::new(), BTreeMap::new());
    for (key, was) in mem::take(kept) {
        let is = now.get(&key);
        if was.as_ref() == is {
            continue;
        }
        after.extend(is.map(|is| (key.clone(), is.clone())));
        before.extend(was.map(|was| (key, was)));
    }
    (before, after)
}

impl World {
    pub(super) const fn new(now: Snapshot) -> Self {
        Self {
            now,
            touched: false,
            schemas: BTreeMap::new(),
            extensions: BTreeMap::new(),
            tables: BTreeMap::new(),
            materialized: BTreeMap::new(),
            types: BTreeMap::new(),
            sequences: BTreeMap::new(),
            views: BTreeMap::new(),
            routines: BTreeMap::new(),
            triggers: BTreeMap::new(),
            policies: BTreeMap::new(),
            row_security: BTreeMap::new(),
            comments: BTreeMap::new(),
            privileges: BTreeMap::new(),
            renamed_back: Vec::new(),
            renamed: BTreeSet::new(),
            kinds: BTreeMap::new(),
        }
    }

    pub(super) fn into_snapshot(self) -> Snapshot {
        self.now
    }

    /// Returns what the statement at hand has moved, if anything, and begins anew.
    pub(super) fn moved(&mut self) -> Option<Moved> {
        if !self.touched {
            return None;
        }
        self.touched = false;
        let mut moved = Moved {
            renamed_back: mem::take(&mut self.renamed_back),
            renamed: mem::take(&mut self.renamed).into_iter().collect(),
            kinds: mem::take(&mut self.kinds),
            ..Moved::default()
        };
        let (before, after, now) = (&mut moved.before, &mut moved.after, &self.now);
        (before.schemas, after.schemas) = sides(&mut self.schemas, &now.schemas);
        (before.extensions, after.extensions) = sides(&mut self.extensions, &now.extensions);
        (before.tables, after.tables) = sides(&mut self.tables, &now.tables);
        (before.materialized, after.materialized) = sides(&mut self.materialized, &now.materialized);
        (before.types, after.types) = sides(&mut self.types, &now.types);
        (before.sequences, after.sequences) = sides(&mut self.sequences, &now.sequences);
        (before.views, after.views) = sides(&mut self.views, &now.objects.views);
        (before.routines, after.routines) = sides(&mut self.routines, &now.objects.routines);
        (before.triggers, after.triggers) = sides(&mut self.triggers, &now.objects.triggers);
        (before.policies, after.policies) = sides(&mut self.policies, &now.objects.policies);
        (before.row_security, after.row_security) = sides(&mut self.row_security, &now.objects.row_security);
        (before.comments, after.comments) = sides(&mut self.comments, &now.objects.comments);
        (before.privileges, after.privileges) = sides(&mut self.privileges, &now.objects.privileges);
        Some(moved)
    }

    pub(super) fn schemas_at(&mut self, name: &Ident) -> &mut BTreeMap<Ident, Schema> {
        self.touched = true;
        touch(&mut self.schemas, &mut self.now.schemas, name)
    }

    pub(super) fn extensions_at(&mut self, name: &Ident) -> &mut BTreeMap<Ident, Extension> {
        self.touched = true;
        touch(&mut self.extensions, &mut self.now.extensions, name)
    }

    pub(super) fn tables_at(&mut self, name: &ObjectName) -> &mut BTreeMap<ObjectName, Table> {
        self.touched = true;
        touch(&mut self.tables, &mut self.now.tables, name)
    }

    pub(super) fn materialized_at(&mut self, name: &ObjectName) -> &mut BTreeMap<ObjectName, Table> {
        self.touched = true;
        touch(&mut self.materialized, &mut self.now.materialized, name)
    }

    pub(super) fn types_at(&mut self, name: &ObjectName) -> &mut BTreeMap<ObjectName, Type> {
        self.touched = true;
        touch(&mut self.types, &mut self.now.types, name)
    }

    pub(super) fn sequences_at(&mut self, name: &ObjectName) -> &mut BTreeMap<ObjectName, Sequence> {
        self.touched = true;
        touch(&mut self.sequences, &mut self.now.sequences, name)
    }

    /// Returns what shares the name space of tables. What a name stands for follows from the other parts, so nothing is kept.
    pub(super) const fn relations_mut(&mut self) -> &mut BTreeMap<ObjectName, RelationKind> {
        &mut self.now.relations
    }

    pub(super) fn views_at(&mut self, name: &ObjectName) -> &mut BTreeMap<ObjectName, View> {
        self.touched = true;
        touch(&mut self.views, &mut self.now.objects.views, name)
    }

    pub(super) fn routines_at(
        &mut self,
        key: &(ObjectName, Vec<TypeName>),
    ) -> &mut BTreeMap<(ObjectName, Vec<TypeName>), Routine> {
        self.touched = true;
        touch(&mut self.routines, &mut self.now.objects.routines, key)
    }

    pub(super) fn triggers_at(&mut self, key: &(ObjectName, Ident)) -> &mut BTreeMap<(ObjectName, Ident), Trigger> {
        self.touched = true;
        touch(&mut self.triggers, &mut self.now.objects.triggers, key)
    }

    pub(super) fn policies_at(&mut self, key: &(ObjectName, Ident)) -> &mut BTreeMap<(ObjectName, Ident), Policy> {
        self.touched = true;
        touch(&mut self.policies, &mut self.now.objects.policies, key)
    }

    pub(super) fn row_security_at(&mut self, table: &ObjectName) -> &mut BTreeMap<ObjectName, (bool, bool)> {
        self.touched = true;
        touch(&mut self.row_security, &mut self.now.objects.row_security, table)
    }

    pub(super) fn comments_at(&mut self, object: &Object) -> &mut BTreeMap<Object, String> {
        self.note_kind(object);
        self.touched = true;
        touch(&mut self.comments, &mut self.now.objects.comments, object)
    }

    pub(super) fn privileges_at(&mut self, object: &Object) -> &mut BTreeMap<Object, Privileges> {
        self.note_kind(object);
        self.touched = true;
        touch(&mut self.privileges, &mut self.now.objects.privileges, object)
    }

    /// Notes what a relation is while it is there.
    fn note_kind(&mut self, object: &Object) {
        let Object::Relation(name) = object else { return };
        let table = || self.now.tables.contains_key(name).then_some(RelationKind::Table);
        if let Some(kind) = self.now.relations.get(name).cloned().or_else(table) {
            self.kinds.entry(name.clone()).or_insert(kind);
        } else if self.is_index(name) {
            self.kinds
                .entry(name.clone())
                .or_insert_with(|| RelationKind::Index { table: name.clone(), partitioned: false });
        }
    }

    fn is_index(&self, name: &ObjectName) -> bool {
        let holds = |(table, state): (&ObjectName, &Table)| {
            table.schema == name.schema && state.indexes.contains_key(&name.name)
        };
        self.now.tables.iter().chain(&self.now.materialized).any(holds)
    }

    /// Forgets a relation and everything that belongs to it.
    pub(super) fn forget(&mut self, relation: &ObjectName) {
        self.views_at(relation);
        self.row_security_at(relation);
        for key in parts_of(&self.now.objects.triggers, relation) {
            self.triggers_at(&key);
        }
        for key in parts_of(&self.now.objects.policies, relation) {
            self.policies_at(&key);
        }
        let belongs = |object: &&Object| object.table() == Some(relation);
        let objects = &self.now.objects;
        let commented: Vec<_> = objects.comments.keys().filter(belongs).cloned().collect();
        let granted: Vec<_> = objects.privileges.keys().filter(belongs).cloned().collect();
        for object in &commented {
            self.comments_at(object);
        }
        for object in &granted {
            self.privileges_at(object);
        }
        self.now.objects.forget(relation);
    }

    /// Forgets what is known of one object.
    pub(super) fn forget_object(&mut self, object: &Object) {
        self.comments_at(object).remove(object);
        self.privileges_at(object).remove(object);
    }

    /// Renames a relation wherever its parts, comments and privileges are kept. `back` takes it back.
    pub(super) fn rename(&mut self, from: &ObjectName, to: &ObjectName, back: String) {
        self.now.objects.rename(from, to);
        self.touched = true;
        self.note_renamed(&[from, to]);
        self.renamed_back.insert(0, back);
    }

    /// Notes relations that have another name, or parts with another name, and all whose definitions may name them. Without any it is
    /// a type: any table may have columns of it.
    fn note_renamed(&mut self, relations: &[&ObjectName]) {
        let is_concerned = |(name, state): &(&ObjectName, &Table)| {
            let has_index =
                |relation: &&ObjectName| relation.schema == name.schema && state.indexes.contains_key(&relation.name);
            let refers = |relation: &&ObjectName| {
                state.constraints.iter().any(
                    |constraint| matches!(&constraint.kind, ConstraintKind::ForeignKey(key) if key.table == **relation),
                )
            };
            relations.is_empty() || relations.iter().any(|relation| has_index(relation) || refers(relation))
        };
        let tables = self.now.tables.iter().chain(&self.now.materialized).filter(is_concerned).map(|(name, _)| name);
        let names = tables.chain(self.now.objects.views.keys()).chain(relations.iter().copied());
        self.renamed.extend(names.cloned());
    }

    /// Renames parts of a table or type wherever their comments and privileges are kept. `back` takes it back.
    pub(super) fn rename_objects(&mut self, renamed: &[(Object, Object)], back: String) {
        for (from, to) in renamed {
            self.now.objects.rename_object(from, to);
        }
        self.touched = true;
        let relations: Vec<&ObjectName> = renamed.iter().filter_map(|(from, _)| from.table()).collect();
        self.note_renamed(&relations);
        self.renamed_back.insert(0, back);
    }
}

/// The keys of a relation's parts.
fn parts_of<V>(map: &BTreeMap<(ObjectName, Ident), V>, relation: &ObjectName) -> BTreeSet<(ObjectName, Ident)> {
    map.keys().filter(|(table, _)| table == relation).cloned().collect()
}
