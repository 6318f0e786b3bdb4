//! GRANT and REVOKE: who has which privileges on an object.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    catalog::{Granted, Object, RelationKind},
    diagnostic::Code,
    goal::{GrantTerms, ObjectRef},
    pg::{Ident, ServerVersion},
    script::Span,
};

use super::{Act, CheckedKind, Form, Planner, Sql, Transaction, Verb};

/// One privilege, on the object as a whole or on one of its columns.
type Item = (String, Option<Ident>);

impl Planner<'_> {
    pub(super) fn privileges(&mut self, span: Span, named: &ObjectRef, terms: &GrantTerms) {
        let Some(object) = self.existing_object(span, named, false) else { return };
        let Some(items) = self.items(span, &object, terms) else { return };
        for role in terms.roles.iter().flatten() {
            if !self.world.objects.roles.contains(role) {
                let what = format!("role {role} is not there");
                let why = vec!["roles belong to the whole server, and are made where it is set up".to_owned()];
                self.find(span, Code::ObjectMissing, what, "", why, format!("create it: CREATE ROLE {role}"));
                return;
            }
        }
        let roles: Vec<String> = terms.roles.iter().map(|role| role_sql(role.as_ref())).collect();
        let name = format!("{} on {}", roles.join(", "), self.object_words(&object));
        self.check(None, CheckedKind::Privileges, &Ident::new(name), || {
            format!("{}{}", if terms.grant { "" } else { "none of " }, item_list(&items))
        });
        let last = self.declared.object_named(self.order, named, &self.target);
        let later = self.declared.granted_after(self.order, &last);
        // What each role lacks, or has too much; roles with the same are told together.
        let mut changes: BTreeMap<Vec<Item>, Vec<Option<Ident>>> = BTreeMap::new();
        let mut all_overruled = true;
        for role in &terms.roles {
            let mut due = Vec::new();
            for item in &items {
                let (overruled, option) = self.overruled(&object, item, role.as_ref(), terms, &later);
                all_overruled &= overruled;
                if !overruled && self.is_due(&object, item, role.as_ref(), terms, option, &later) {
                    due.push(item.clone());
                }
            }
            if !due.is_empty() {
                changes.entry(due).or_default().push(role.clone());
            }
        }
        if all_overruled {
            self.superseded = true;
            return;
        }
        for (items, roles) in changes {
            if !self.may_grant(span, &object, &items)
                || !terms.grant && !self.may_revoke(span, &object, &items, &roles, terms)
            {
                return;
            }
            self.change_privileges(span, &object, &items, &roles, terms);
        }
    }

    /// Returns the privileges that a statement speaks of; `None`, with a finding, where the object has no such.
    fn items(&mut self, span: Span, object: &Object, terms: &GrantTerms) -> Option<Vec<Item>> {
        let all = self.all_privileges(object);
        let mut items = BTreeSet::new();
        for (privilege, columns) in &terms.privileges {
            let of_columns = ["SELECT", "INSERT", "UPDATE", "REFERENCES"];
            let known: &[&str] = if columns.is_empty() { &all } else { &of_columns };
            let names: Vec<&str> = match privilege {
                Some(privilege) => vec![privilege.as_str()],
                None => known.to_vec(),
            };
            if let Some(wrong) = names.iter().find(|name| !known.contains(name)) {
                let words = self.object_words(object);
                let what = format!("{words} has no privilege {wrong}");
                let why = vec![format!("it has {}", known.join(", "))];
                self.find(span, Code::KindConflict, what, "", why, "correct the script");
                return None;
            }
            for column in columns {
                let Object::Relation(table) = object else { return None };
                let located = self.locate_column(table, column);
                let there = match self.table_state(table) {
                    Some(state) => state.column(&located).is_some(),
                    None => self.world.objects.views.get(table).is_none_or(|view| {
                        view.columns.is_empty() || view.columns.iter().any(|(name, _)| name == column)
                    }),
                };
                if !there {
                    self.missing(span, Code::ColumnMissing, &format!("column {table}.{column}"));
                    return None;
                }
                items.extend(names.iter().map(|name| ((*name).to_owned(), Some(located.clone()))));
            }
            if columns.is_empty() {
                items.extend(names.iter().map(|name| ((*name).to_owned(), None)));
            }
        }
        Some(items.into_iter().collect())
    }

    fn all_privileges(&self, object: &Object) -> Vec<&'static str> {
        match object {
            Object::Relation(name) if self.world.relations.get(name) == Some(&RelationKind::Sequence) => {
                vec!["USAGE", "SELECT", "UPDATE"]
            }
            Object::Routine(..) => vec!["EXECUTE"],
            Object::Type(_) => vec!["USAGE"],
            Object::Schema(_) => vec!["USAGE", "CREATE"],
            Object::Database(_) => vec!["CREATE", "CONNECT", "TEMPORARY"],
            _ => {
                let mut all = vec!["SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER"];
                if self.world.server.version >= ServerVersion(170_000) {
                    all.push("MAINTAIN");
                }
                all
            }
        }
    }

    /// Returns whether a later statement decides of a privilege, and whether this one still decides of its grant option.
    fn overruled(
        &self,
        object: &Object,
        item: &Item,
        role: Option<&Ident>,
        terms: &GrantTerms,
        later: &[&GrantTerms],
    ) -> (bool, bool) {
        let mut option = terms.grant_option;
        let whole = self.all_privileges(object);
        for other in later.iter().filter(|other| other.grant != terms.grant && speaks_of(other, item, role, &whole)) {
            match (other.grant, other.grant_option) {
                // A later REVOKE of everything, or a later GRANT of what this one revokes.
                (false, false) => return (true, option),
                (false, true) => option = false,
                (true, with_option) => {
                    if !terms.grant_option || with_option {
                        return (true, option);
                    }
                }
            }
        }
        (false, option)
    }

    /// Returns whether something has to be done for this privilege of this role.
    fn is_due(
        &self,
        object: &Object,
        item: &Item,
        role: Option<&Ident>,
        terms: &GrantTerms,
        option: bool,
        later: &[&GrantTerms],
    ) -> bool {
        let Some(whole) = self.world.objects.privileges.get(object) else {
            // An object of this plan: default privileges may come with it, so that it is said whatever it is.
            return true;
        };
        let holds = |granted: &BTreeSet<Granted>, privilege: &str| {
            granted
                .iter()
                .any(|one| one.role.as_ref() == role && one.privilege == privilege && (one.grantable || !option))
        };
        let (privilege, column) = item;
        let of_column = |column: &Ident| {
            let Object::Relation(table) = object else { return false };
            let state = self.world.objects.privileges.get(&Object::Column(table.clone(), column.clone()));
            state.is_some_and(|state| holds(&state.granted, privilege))
        };
        if terms.grant {
            return !column.as_ref().map_or_else(|| holds(&whole.granted, privilege), of_column);
        }
        if let Some(column) = column {
            return of_column(column);
        }
        // What is revoked of a table is revoked of its columns too.
        holds(&whole.granted, privilege)
            || self.world.objects.privileges.keys().any(|key| match (key, object) {
                (Object::Column(of, column), Object::Relation(table)) if of == table => {
                    let item = (privilege.clone(), Some(column.clone()));
                    of_column(column) && !later.iter().any(|other| other.grant && speaks_of(other, &item, role, &[]))
                }
                _ => false,
            })
    }

    /// Returns whether our role may grant and revoke these; a finding where it may not.
    fn may_grant(&mut self, span: Span, object: &Object, items: &[Item]) -> bool {
        let Some(state) = self.world.objects.privileges.get(object) else { return true };
        if state.owned {
            return true;
        }
        let Some((lacking, _)) = items.iter().find(|(privilege, _)| {
            !state.granted.iter().any(|one| one.ours && one.grantable && one.privilege == *privilege)
        }) else {
            return true;
        };
        let (owner, role) = (state.owner.clone(), self.world.server.role.clone());
        let words = self.object_words(object);
        self.find(
            span,
            Code::PermissionDenied,
            format!("permission denied for {words}: role {role} may not grant {lacking}"),
            "",
            vec![format!("{words} belongs to {owner}"), "PostgreSQL would only warn, and change nothing".to_owned()],
            format!("run as {owner}, or let it run: GRANT {lacking} … TO {} WITH GRANT OPTION", Ident::new(role)),
        );
        false
    }

    /// Returns whether these are revoked by REVOKE: not where another role has granted them, or has been given them by the role.
    fn may_revoke(
        &mut self,
        span: Span,
        object: &Object,
        items: &[Item],
        roles: &[Option<Ident>],
        terms: &GrantTerms,
    ) -> bool {
        let Some(state) = self.world.objects.privileges.get(object).cloned() else { return true };
        let of =
            |one: &Granted| items.iter().any(|(privilege, column)| column.is_none() && *privilege == one.privilege);
        let words = self.object_words(object);
        if let Some(other) = state.granted.iter().find(|one| {
            of(one) && roles.contains(&one.role) && one.grantor != state.owner && (one.grantable || !terms.grant_option)
        }) {
            let role = role_sql(other.role.as_ref());
            self.find(
                span,
                Code::PermissionDenied,
                format!("{} on {words} cannot be revoked from {role}: {} granted it", other.privilege, other.grantor),
                "",
                vec![format!("a REVOKE takes back what the owner, {}, has granted", state.owner)],
                format!(
                    "run as {}: REVOKE {} ON {} FROM {role}",
                    other.grantor,
                    other.privilege,
                    self.granted_sql(object)
                ),
            );
            return false;
        }
        let passed_on = |one: &&Granted| of(one) && roles.iter().flatten().any(|role| one.grantor == *role);
        if !terms.cascade
            && let Some(other) = state.granted.iter().find(passed_on)
        {
            self.find(
                span,
                Code::DependentObjects,
                format!("{} on {words} cannot be revoked: {} has passed it on", other.privilege, other.grantor),
                "",
                vec![format!("{} has it from there", role_sql(other.role.as_ref()))],
                "write CASCADE, or revoke it there first",
            );
            return false;
        }
        true
    }

    fn change_privileges(
        &mut self,
        span: Span,
        object: &Object,
        items: &[Item],
        roles: &[Option<Ident>],
        terms: &GrantTerms,
    ) {
        let list = item_list(items);
        let to: Vec<String> = roles.iter().map(|role| role_sql(role.as_ref())).collect();
        let (to, on) = (to.join(", "), self.granted_sql(object));
        let words = self.object_words(object);
        let (sql, object_words) = if terms.grant {
            let option = if terms.grant_option { " WITH GRANT OPTION" } else { "" };
            (format!("GRANT {list} ON {on} TO {to}{option}"), format!("{list} on {words} for {to}"))
        } else {
            let option = if terms.grant_option { "GRANT OPTION FOR " } else { "" };
            let cascade = if terms.cascade { " CASCADE" } else { "" };
            (format!("REVOKE {option}{list} ON {on} FROM {to}{cascade}"), format!("{list} on {words} from {to}"))
        };
        let act = Act {
            verb: if terms.grant { Verb::Add } else { Verb::Drop },
            object: object_words,
            table: None,
            form: Form::CatalogOnly,
            lock: None,
            timeout: self.policy.timeouts.catalog,
            hazards: Vec::new(),
            transaction: Transaction::Shared,
        };
        self.step(span, Sql::new(sql), act);
        self.move_privileges(object, items, roles, terms);
    }

    /// Moves the picture on.
    fn move_privileges(&mut self, object: &Object, items: &[Item], roles: &[Option<Ident>], terms: &GrantTerms) {
        let Some(whole) = self.world.objects.privileges.get(object).cloned() else { return };
        for (privilege, column) in items {
            let mut keys = vec![match (object, column) {
                (Object::Relation(table), Some(column)) => Object::Column(table.clone(), column.clone()),
                _ => object.clone(),
            }];
            if !terms.grant
                && column.is_none()
                && let Object::Relation(table) = object
            {
                let of_columns = self.world.objects.privileges.keys();
                keys.extend(of_columns.filter(|key| matches!(key, Object::Column(of, _) if of == table)).cloned());
            }
            for key in keys {
                let mut fresh = whole.clone();
                fresh.granted.clear();
                let granted = &mut self.world.privileges_at(&key.clone()).entry(key).or_insert(fresh).granted;
                for role in roles {
                    let is = |one: &Granted| one.role == *role && one.privilege == *privilege;
                    let had: Vec<Granted> = granted.iter().filter(|one| is(one)).cloned().collect();
                    granted.retain(|one| !is(one));
                    if !terms.grant && !terms.grant_option {
                        continue;
                    }
                    let mut one = had.into_iter().next().unwrap_or_else(|| Granted {
                        role: role.clone(),
                        privilege: privilege.clone(),
                        grantable: false,
                        grantor: whole.owner.clone(),
                        ours: false,
                    });
                    one.grantable = if terms.grant { one.grantable || terms.grant_option } else { false };
                    granted.insert(one);
                }
            }
        }
    }

    /// Returns the object as GRANT names it: views are tables there.
    fn granted_sql(&self, object: &Object) -> String {
        match object {
            Object::Relation(name) if self.world.relations.get(name) != Some(&RelationKind::Sequence) => {
                format!("TABLE {name}")
            }
            _ => self.object_sql(object),
        }
    }
}

/// Returns whether a GRANT or REVOKE speaks of this privilege of this role. `all` is what ALL stands for.
fn speaks_of(terms: &GrantTerms, item: &Item, role: Option<&Ident>, all: &[&str]) -> bool {
    let (privilege, column) = item;
    terms.roles.iter().any(|other| other.as_ref() == role)
        && terms.privileges.iter().any(|(name, columns)| {
            let named = match name {
                Some(name) => name == privilege,
                None => all.is_empty() || column.is_some() || all.contains(&privilege.as_str()),
            };
            named && column.as_ref().map_or(columns.is_empty(), |column| columns.contains(column))
        })
}

fn role_sql(role: Option<&Ident>) -> String {
    role.map_or_else(|| "PUBLIC".to_owned(), ToString::to_string)
}

/// Returns `SELECT, UPDATE (a, b)`.
fn item_list(items: &[Item]) -> String {
    let mut by_privilege: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (privilege, column) in items {
        by_privilege.entry(privilege).or_default().extend(column.iter().map(ToString::to_string));
    }
    let whole = items.iter().filter(|(_, column)| column.is_none()).map(|(privilege, _)| privilege.clone());
    let of_columns = by_privilege
        .into_iter()
        .filter(|(_, columns)| !columns.is_empty())
        .map(|(privilege, columns)| format!("{privilege} ({})", columns.join(", ")));
    whole.chain(of_columns).collect::<Vec<_>>().join(", ")
}
