//! Views, routines, triggers, policies, comments and privileges: parts of the snapshot that are taken only where the scripts
//! speak of such things.

use std::collections::BTreeSet;

use serde::de::DeserializeOwned;
use serde_json::json;

use crate::{
    catalog::{Granted, Object, ObjectScope, Objects, Policy, Privileges, Routine, RoutineKind, Trigger, View},
    pg::{Ident, ObjectName, TypeName},
};

use super::{Fields, Reader, SnapshotError, type_name};

const VIEWS: &str = include_str!("objects/views.sql");
const ROUTINES: &str = include_str!("objects/routines.sql");
const TRIGGERS: &str = include_str!("objects/triggers.sql");
const POLICIES: &str = include_str!("objects/policies.sql");
const COMMENTS: &str = include_str!("objects/comments.sql");
const PRIVILEGES: &str = include_str!("objects/privileges.sql");
const ROLES: &str = include_str!("objects/roles.sql");

/// Returns the parts of the snapshot's query that `scope` asks for.
pub(super) fn parts(scope: &ObjectScope) -> impl Iterator<Item = &'static str> {
    [
        (scope.views, VIEWS),
        (!scope.routines.is_empty(), ROUTINES),
        (scope.triggers, TRIGGERS),
        (scope.policies, POLICIES),
        (scope.comments, COMMENTS),
        (scope.privileges, PRIVILEGES),
        (!scope.roles.is_empty(), ROLES),
    ]
    .into_iter()
    .filter_map(|(wanted, part)| wanted.then_some(part))
}

/// Returns the names for these parts, as one parameter.
pub(super) fn names(scope: &ObjectScope) -> String {
    let list = |names: &BTreeSet<Ident>| names.iter().map(|name| name.as_str().to_owned()).collect::<Vec<_>>();
    json!({
        "routines": list(&scope.routines),
        "databases": list(&scope.databases),
        "roles": list(&scope.roles),
    })
    .to_string()
}

/// Kind, schema, name, part, types of arguments.
type ObjectPart = (String, Option<String>, String, Option<String>, Option<Vec<String>>);

fn read<T: DeserializeOwned>(fields: &mut Fields<'_>) -> Result<T, SnapshotError> {
    fields.json()?.ok_or_else(|| fields.wrong())
}

impl Reader {
    /// Reads one fact, if it is of these. Its one field is JSON.
    pub(super) fn object_fact(&mut self, objects: &mut Objects, fields: &mut Fields<'_>) -> Result<(), SnapshotError> {
        match fields.kind {
            "view" => {
                type ViewPart =
                    (String, String, Option<Vec<(String, String)>>, Option<Vec<String>>, String, bool, bool);
                let (schema, name, columns, options, query, populated, owned): ViewPart = read(fields)?;
                let mut typed = Vec::new();
                for (column, text) in columns.unwrap_or_default() {
                    typed.push((Ident::new(column), type_name(&mut self.types, &text)?));
                }
                let options = options
                    .iter()
                    .flatten()
                    .filter_map(|option| option.split_once('='))
                    .map(|(name, value)| (name.to_owned(), value.to_owned()))
                    .collect();
                let view = View { columns: typed, options, query, populated, owned };
                objects.views.insert(ObjectName::new(schema, name), view);
            }
            "routine" => {
                type RoutinePart = (String, String, Option<Vec<String>>, String, Option<String>, bool);
                let (schema, name, arguments, kind, definition, owned): RoutinePart = read(fields)?;
                let kind = match kind.as_str() {
                    "p" => RoutineKind::Procedure,
                    "a" => RoutineKind::Aggregate,
                    _ => RoutineKind::Function,
                };
                let key = (ObjectName::new(schema, name), self.types_of(arguments)?);
                objects.routines.insert(key, Routine { kind, definition, owned });
            }
            "trigger" => {
                let (schema, table, name, definition, enabled): (String, String, String, String, char) = read(fields)?;
                let key = (ObjectName::new(schema, table), Ident::new(name));
                objects.triggers.insert(key, Trigger { definition, enabled });
            }
            "policies" => {
                type PolicyPart = (String, bool, char, Vec<Option<String>>, Option<String>, Option<String>);
                let (schema, table, enabled, forced, policies): (String, String, bool, bool, Option<Vec<PolicyPart>>) =
                    read(fields)?;
                let table = ObjectName::new(schema, table);
                for (name, permissive, command, roles, using, check) in policies.unwrap_or_default() {
                    let roles = roles.into_iter().map(|role| role.map(Ident::new)).collect();
                    let policy = Policy { permissive, command, roles, using, check };
                    objects.policies.insert((table.clone(), Ident::new(name)), policy);
                }
                objects.row_security.insert(table, (enabled, forced));
            }
            "comment" => {
                type CommentPart = (String, Option<String>, String, Option<String>, Option<Vec<String>>, String);
                let (kind, schema, name, sub, arguments, text): CommentPart = read(fields)?;
                if let Some(object) = self.object((kind, schema, name, sub, arguments))? {
                    objects.comments.insert(object, text);
                }
            }
            "privileges" => {
                type GrantedPart = (Option<String>, String, bool, String, bool);
                type PrivilegesPart = (
                    String,
                    Option<String>,
                    String,
                    Option<String>,
                    Option<Vec<String>>,
                    String,
                    bool,
                    Option<Vec<GrantedPart>>,
                );
                let (kind, schema, name, sub, arguments, holder, owned, granted): PrivilegesPart = read(fields)?;
                let granted = granted
                    .unwrap_or_default()
                    .into_iter()
                    .map(|(role, privilege, grantable, grantor, ours)| Granted {
                        role: role.map(Ident::new),
                        privilege,
                        grantable,
                        grantor: Ident::new(grantor),
                        ours,
                    })
                    .collect();
                if let Some(object) = self.object((kind, schema, name, sub, arguments))? {
                    objects.privileges.insert(object, Privileges { owner: Ident::new(holder), owned, granted });
                }
            }
            "role" => {
                objects.roles.insert(Ident::new(read::<String>(fields)?));
            }
            _ => {}
        }
        Ok(())
    }

    fn types_of(&mut self, names: Option<Vec<String>>) -> Result<Vec<TypeName>, SnapshotError> {
        names.unwrap_or_default().iter().map(|name| type_name(&mut self.types, name)).collect()
    }

    fn object(&mut self, part: ObjectPart) -> Result<Option<Object>, SnapshotError> {
        let (kind, schema, name, sub, arguments) = part;
        let ident = Ident::new(name.as_str());
        let Some(schema) = schema else {
            return Ok(match kind.as_str() {
                "schema" => Some(Object::Schema(ident)),
                "extension" => Some(Object::Extension(ident)),
                "database" => Some(Object::Database(ident)),
                _ => None,
            });
        };
        let name = ObjectName::new(schema, name);
        Ok(match (kind.as_str(), sub.map(Ident::new)) {
            ("relation", _) => Some(Object::Relation(name)),
            ("type", _) => Some(Object::Type(name)),
            ("routine", _) => Some(Object::Routine(name, self.types_of(arguments)?)),
            ("column", Some(sub)) => Some(Object::Column(name, sub)),
            ("constraint", Some(sub)) => Some(Object::Constraint(name, sub)),
            ("trigger", Some(sub)) => Some(Object::Trigger(name, sub)),
            ("policy", Some(sub)) => Some(Object::Policy(name, sub)),
            _ => None,
        })
    }
}
