//! Views, routines, triggers, policies, comments and privileges.

use std::collections::{BTreeMap, BTreeSet};

use crate::pg::{Ident, ObjectName, TypeName};

/// An object that can have a comment or privileges.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Object {
    /// A table, view, index or sequence.
    Relation(ObjectName),
    /// A column, behind its table.
    Column(ObjectName, Ident),
    /// A constraint, behind its table.
    Constraint(ObjectName, Ident),
    /// A trigger, behind its table.
    Trigger(ObjectName, Ident),
    /// A policy, behind its table.
    Policy(ObjectName, Ident),
    /// A routine, and the types of its input arguments.
    Routine(ObjectName, Vec<TypeName>),
    /// A type or domain.
    Type(ObjectName),
    /// A schema.
    Schema(Ident),
    /// An extension.
    Extension(Ident),
    /// A database.
    Database(Ident),
}

impl Object {
    /// Returns the table that it belongs to, itself included.
    #[must_use]
    pub const fn table(&self) -> Option<&ObjectName> {
        match self {
            Self::Relation(table)
            | Self::Column(table, _)
            | Self::Constraint(table, _)
            | Self::Trigger(table, _)
            | Self::Policy(table, _) => Some(table),
            Self::Routine(..) | Self::Type(_) | Self::Schema(_) | Self::Extension(_) | Self::Database(_) => None,
        }
    }

    const fn table_mut(&mut self) -> Option<&mut ObjectName> {
        match self {
            Self::Relation(table)
            | Self::Column(table, _)
            | Self::Constraint(table, _)
            | Self::Trigger(table, _)
            | Self::Policy(table, _) => Some(table),
            Self::Routine(..) | Self::Type(_) | Self::Schema(_) | Self::Extension(_) | Self::Database(_) => None,
        }
    }
}

/// What a snapshot holds of views, routines, triggers, policies, comments and privileges: only where the scripts speak of
/// such things.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Objects {
    /// Views and materialised views.
    pub views: BTreeMap<ObjectName, View>,
    /// Functions and procedures, with the types of their input arguments.
    pub routines: BTreeMap<(ObjectName, Vec<TypeName>), Routine>,
    /// Triggers, behind their tables.
    pub triggers: BTreeMap<(ObjectName, Ident), Trigger>,
    /// Policies, behind their tables.
    pub policies: BTreeMap<(ObjectName, Ident), Policy>,
    /// Tables with row-level security: whether it is enabled, and forced on the owner.
    pub row_security: BTreeMap<ObjectName, (bool, bool)>,
    /// Comments.
    pub comments: BTreeMap<Object, String>,
    /// Who may do what with an object. What is not here was not looked at, or is made by the plan.
    pub privileges: BTreeMap<Object, Privileges>,
    /// The roles that the scripts name and that exist.
    pub roles: BTreeSet<Ident>,
}

impl Objects {
    /// Forgets a relation and everything that belongs to it.
    pub fn forget(&mut self, relation: &ObjectName) {
        self.views.remove(relation);
        self.triggers.retain(|(table, _), _| table != relation);
        self.policies.retain(|(table, _), _| table != relation);
        self.row_security.remove(relation);
        self.comments.retain(|object, _| object.table() != Some(relation));
        self.privileges.retain(|object, _| object.table() != Some(relation));
    }

    /// Forgets what is known of one object.
    pub fn forget_object(&mut self, object: &Object) {
        self.comments.remove(object);
        self.privileges.remove(object);
    }

    /// Renames a relation wherever it is named.
    pub fn rename(&mut self, from: &ObjectName, to: &ObjectName) {
        fn renamed<V>(map: &mut BTreeMap<(ObjectName, Ident), V>, from: &ObjectName, to: &ObjectName) {
            let keys: Vec<_> = map.keys().filter(|(table, _)| table == from).cloned().collect();
            for key in keys {
                if let Some(value) = map.remove(&key) {
                    map.insert((to.clone(), key.1), value);
                }
            }
        }
        renamed(&mut self.triggers, from, to);
        renamed(&mut self.policies, from, to);
        if let Some(state) = self.row_security.remove(from) {
            self.row_security.insert(to.clone(), state);
        }
        self.rekey(&|object| {
            let mut object = object.clone();
            let table = object.table_mut().filter(|table| *table == from)?;
            *table = to.clone();
            Some(object)
        });
    }

    /// Renames a column or constraint wherever its comment and privileges are kept.
    pub fn rename_object(&mut self, from: &Object, to: &Object) {
        self.rekey(&|object| (object == from).then(|| to.clone()));
    }

    fn rekey(&mut self, rename: &dyn Fn(&Object) -> Option<Object>) {
        fn rekeyed<V>(map: &mut BTreeMap<Object, V>, rename: &dyn Fn(&Object) -> Option<Object>) {
            let keys: Vec<_> = map.keys().filter_map(|key| rename(key).map(|new| (key.clone(), new))).collect();
            for (old, new) in keys {
                if let Some(value) = map.remove(&old) {
                    map.insert(new, value);
                }
            }
        }
        rekeyed(&mut self.comments, rename);
        rekeyed(&mut self.privileges, rename);
    }
}

/// A view or materialised view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// Its columns with their types.
    pub columns: Vec<(Ident, TypeName)>,
    /// `WITH (…)`.
    pub options: BTreeMap<String, String>,
    /// Its query as the server prints it.
    pub query: String,
    /// Whether a materialised view holds rows.
    pub populated: bool,
    /// Whether our role has the rights of its owner.
    pub owned: bool,
}

/// A function or procedure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Routine {
    /// What it is.
    pub kind: RoutineKind,
    /// The statement that makes it, as the server prints it; `None` for an aggregate.
    pub definition: Option<String>,
    /// Whether our role has the rights of its owner.
    pub owned: bool,
}

/// What a routine is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RoutineKind {
    /// A function or window function.
    Function,
    /// A procedure.
    Procedure,
    /// An aggregate.
    Aggregate,
}

/// A trigger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trigger {
    /// The statement that makes it, as the server prints it.
    pub definition: String,
    /// When it fires: O, D, R or A, as in `pg_trigger`.
    pub enabled: char,
}

/// A policy of row-level security.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// `PERMISSIVE`, rather than `RESTRICTIVE`.
    pub permissive: bool,
    /// The command: r, a, w, d or *, as in `pg_policy`.
    pub command: char,
    /// The roles; `None` for PUBLIC.
    pub roles: BTreeSet<Option<Ident>>,
    /// `USING`, as the server prints it.
    pub using: Option<String>,
    /// `WITH CHECK`, as the server prints it.
    pub check: Option<String>,
}

/// Who may do what with an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Privileges {
    /// Its owner.
    pub owner: Ident,
    /// Whether our role has the rights of the owner.
    pub owned: bool,
    /// The privileges, those that nobody had to grant included.
    pub granted: BTreeSet<Granted>,
}

/// One privilege of one role.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Granted {
    /// The role; `None` for PUBLIC.
    pub role: Option<Ident>,
    /// The privilege, upper case.
    pub privilege: String,
    /// Whether the role may grant it to others.
    pub grantable: bool,
    /// Who granted it.
    pub grantor: Ident,
    /// Whether our role has the rights of that role.
    pub ours: bool,
}

/// Which of these things the scripts speak of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a part of the snapshot that is taken or left out")]
pub struct ObjectScope {
    /// Routines by bare name.
    pub routines: BTreeSet<Ident>,
    /// Databases.
    pub databases: BTreeSet<Ident>,
    /// Roles.
    pub roles: BTreeSet<Ident>,
    /// Views.
    pub views: bool,
    /// Triggers of the tables named.
    pub triggers: bool,
    /// Policies and row-level security of the tables named.
    pub policies: bool,
    /// Comments of everything named.
    pub comments: bool,
    /// Privileges on everything named.
    pub privileges: bool,
}
