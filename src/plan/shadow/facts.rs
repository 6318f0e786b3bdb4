//! What has to be known of a column whose type is changed beside writers: what depends on it, and what stands in the way.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::{
    pg::{Ident, ObjectName, TypeName, quote_literal},
    plan::{Purpose, Question, regclass},
};

use super::Names;

/// The query behind its parameters, which [`question`] puts before it.
const FACTS: &str = include_str!("facts.sql");

/// What the database says of a column.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of the catalog, independent of the others")]
pub(super) struct Facts {
    /// Whether it is the last column, so that its place stays the same.
    pub(super) last: bool,
    /// The body of the function that keeps the new column in step, where its trigger is there.
    pub(super) body: Option<String>,
    /// Whether triggers of others fire for every row copied, unless the session works as a replica.
    pub(super) fires: bool,
    /// Whether our role may work as a replica.
    pub(super) replica: bool,
    /// The name of its NOT NULL constraint, from 18 on.
    pub(super) not_null: Option<String>,
    /// The sequence that it owns, and the type of that.
    pub(super) sequence: Option<(String, String)>,
    /// The indexes that are not where the database's own are.
    pub(super) tablespaces: Option<BTreeMap<String, String>>,
    /// Whether the conversion depends on how a session is set.
    pub(super) session: bool,
    /// What makes the change impossible.
    pub(super) obstacles: Vec<String>,
    /// What others would notice.
    pub(super) breaks: Vec<String>,
    /// The functions that go by the order of the table's columns.
    pub(super) by_order: Vec<String>,
    /// Statements that make way for the swap.
    pub(super) before: Vec<String>,
    /// Statements that put back what had to go.
    pub(super) after: Vec<String>,
}

/// Returns the question for the facts of a column.
pub(super) fn question(table: &ObjectName, column: &Ident, names: &Names, wanted: &TypeName, major: u32) -> Question {
    // Of version 15 and later: a right to change this one setting.
    let replica = if major >= 15 {
        "has_parameter_privilege('session_replication_role', 'SET')"
    } else {
        "(SELECT r.rolsuper FROM pg_catalog.pg_roles r WHERE r.rolname = current_user)"
    };
    // Of version 14 and later.
    let facts = if major >= 14 { FACTS.to_owned() } else { FACTS.replace("a.attcompression", "''") };
    let text = |ident: &Ident| quote_literal(ident.as_str());
    let sql = format!(
        "WITH RECURSIVE p AS (SELECT {} AS oid, {} AS called, {} AS name, {} AS shadow, {} AS trigger, {} AS function, \
         to_regtype({}) AS wanted, {replica} AS replica){facts}",
        regclass(table),
        quote_literal(&table.to_string()),
        text(column),
        text(&names.shadow),
        text(&names.trigger),
        text(&names.function.name),
        quote_literal(&wanted.without_modifiers().to_string()),
    );
    Question::new(sql, Purpose::Names, None)
}

/// Returns the question for the body of the function behind the trigger that keeps a new column in step; NULL, where it is not there.
pub(super) fn body(table: &ObjectName, names: &Names) -> Question {
    let sql = format!(
        "SELECT f.prosrc FROM pg_catalog.pg_trigger g JOIN pg_catalog.pg_proc f ON f.oid = g.tgfoid \
          WHERE g.tgrelid = {} AND g.tgname = {} AND f.proname = {}",
        regclass(table),
        quote_literal(names.trigger.as_str()),
        quote_literal(names.function.name.as_str()),
    );
    Question::new(sql, Purpose::Names, None)
}

/// Returns the question for the comment of a column.
pub(super) fn comment(table: &ObjectName, column: &Ident) -> Question {
    let sql = format!(
        "SELECT pg_catalog.col_description(a.attrelid, a.attnum) FROM pg_catalog.pg_attribute a WHERE a.attrelid = {} \
         AND a.attname = {}",
        regclass(table),
        quote_literal(column.as_str()),
    );
    Question::new(sql, Purpose::Names, None)
}
