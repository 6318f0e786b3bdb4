//! What a message is about.

use std::fmt;

use crate::pg::ObjectName;

/// The object that a message is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// What it is: `column`.
    pub kind: &'static str,
    /// The table, view or sequence that it is or belongs to.
    pub relation: Option<ObjectName>,
    /// Its name as SQL writes it, with its schema where it belongs to no relation.
    pub name: String,
}

impl Subject {
    /// Returns a table, view or sequence.
    #[must_use]
    pub fn relation(kind: &'static str, name: ObjectName) -> Self {
        Self { kind, name: name.name.to_string(), relation: Some(name) }
    }

    /// Returns what belongs to a table or view.
    #[must_use]
    pub const fn part(kind: &'static str, relation: ObjectName, name: String) -> Self {
        Self { kind, relation: Some(relation), name }
    }

    /// Returns what belongs to none.
    #[must_use]
    pub const fn named(kind: &'static str, name: String) -> Self {
        Self { kind, relation: None, name }
    }

    /// Returns whether it is a column of this name.
    #[must_use]
    pub fn is_column(&self, name: &str) -> bool {
        self.kind == "column" && self.name == name
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, relation, name } = self;
        match (relation, *kind) {
            (None, _) => write!(f, "{kind} {name}"),
            (Some(table), "column") => write!(f, "column {table}.{name}"),
            (Some(table), "index" | "constraint" | "trigger" | "policy") => write!(f, "{kind} {name} on {table}"),
            (Some(relation), _) => write!(f, "{kind} {relation}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_told_as_in_other_messages() {
        let table = ObjectName::new("public", "users");
        for (subject, words) in [
            (Subject::relation("table", table.clone()), "table public.users"),
            (Subject::part("column", table.clone(), "fax".to_owned()), "column public.users.fax"),
            (Subject::part("index", table, "idx".to_owned()), "index idx on public.users"),
            (Subject::named("enum", "public.mood".to_owned()), "enum public.mood"),
        ] {
            assert_eq!(subject.to_string(), words);
        }
    }
}
