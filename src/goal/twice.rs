//! What one statement says twice, so that no server takes it.

use std::collections::BTreeSet;

use crate::{
    pg::quote_literal,
    script::Span,
    sql::{ColumnConstraintKind, ColumnDef, ConstraintKind, CreateTable, Name, StatementKind},
};

/// Something that is said for the second time.
pub(super) struct Twice {
    /// Where.
    pub(super) span: Span,
    /// What it is, in words.
    pub(super) what: String,
    /// Why it may be said once only.
    pub(super) why: &'static str,
}

/// Returns what a statement says twice. That two statements say different things of one object is found by
/// [`contradictions`](super::contradictions).
pub(super) fn said_twice(kind: &StatementKind) -> Vec<Twice> {
    let mut found = Found::default();
    match kind {
        StatementKind::CreateEnum { labels, .. } => {
            let labels = labels.iter().map(|label| (format!("label {}", quote_literal(&label.text)), label.span));
            found.again(labels, "an enum type has each of its labels once");
        }
        StatementKind::CreateTable(table) => found.table(table),
        _ => {}
    }
    found.0
}

#[derive(Default)]
struct Found(Vec<Twice>);

impl Found {
    /// Adds whatever comes again.
    fn again<K: Ord + ToString>(&mut self, all: impl Iterator<Item = (K, Span)>, why: &'static str) {
        let mut seen = BTreeSet::new();
        for (key, span) in all {
            let what = key.to_string();
            if !seen.insert(key) {
                self.0.push(Twice { span, what, why });
            }
        }
    }

    fn table(&mut self, table: &CreateTable) {
        let columns = table.columns.iter().map(|column| named("column", &column.name));
        self.again(columns, "a table has one column of a name");
        let of_columns = table.columns.iter().flat_map(|column| &column.constraints).map(|one| &one.name);
        let names = of_columns.chain(table.constraints.iter().map(|one| &one.name)).flatten();
        self.again(names.map(|name| named("constraint", name)), "a table has one constraint of a name");
        let own = table.columns.iter().flat_map(|column| &column.constraints);
        let own = own.filter(|one| one.kind == ColumnConstraintKind::PrimaryKey).map(|one| one.span);
        let whole = table.constraints.iter().filter(|one| {
            matches!(one.kind, ConstraintKind::PrimaryKey { .. } | ConstraintKind::UsingIndex { primary: true, .. })
        });
        let keys = own.chain(whole.map(|one| one.source.span)).map(|span| ("PRIMARY KEY", span));
        self.again(keys, "a table has one primary key");
        for constraint in &table.constraints {
            if let ConstraintKind::PrimaryKey { columns, .. } | ConstraintKind::Unique { columns, .. } =
                &constraint.kind
            {
                self.again(columns.iter().map(|name| named("column", name)), "a key names each of its columns once");
            }
        }
        table.columns.iter().for_each(|column| self.column(column));
    }

    fn column(&mut self, column: &ColumnDef) {
        let values = column.constraints.iter().filter_map(|one| match one.kind {
            ColumnConstraintKind::Default(_)
            | ColumnConstraintKind::Identity(_)
            | ColumnConstraintKind::Generated { .. } => {
                Some((format!("where column {} has its values from", column.name.ident), one.span))
            }
            _ => None,
        });
        self.again(values, "a column has one default, or is an identity, or is generated");
        let nulls = column.constraints.iter().map(|one| &one.kind);
        let (mut may, mut must_not) = (false, false);
        for kind in nulls {
            may |= *kind == ColumnConstraintKind::Null;
            must_not |= *kind == ColumnConstraintKind::NotNull;
        }
        if may && must_not {
            let what = format!("whether column {} may be NULL", column.name.ident);
            self.0.push(Twice { span: column.source.span, what, why: "it is either NULL or NOT NULL" });
        }
    }
}

fn named(kind: &str, name: &Name) -> (String, Span) {
    (format!("{kind} {}", name.ident), name.span)
}
