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
            let words = |label: &&str| format!("label {}", quote_literal(label));
            let labels = labels.iter().map(|label| (label.text.as_str(), label.span));
            found.again(labels, words, "an enum type has each of its labels once");
        }
        StatementKind::CreateTable(table) => found.table(table),
        _ => {}
    }
    found.0
}

#[derive(Default)]
struct Found(Vec<Twice>);

impl Found {
    /// Adds whatever comes again, in `words`.
    fn again<K: Copy + Ord>(
        &mut self,
        all: impl Iterator<Item = (K, Span)>,
        words: impl Fn(&K) -> String,
        why: &'static str,
    ) {
        let mut seen = BTreeSet::new();
        for (key, span) in all {
            if !seen.insert(key) {
                self.0.push(Twice { span, what: words(&key), why });
            }
        }
    }

    fn names<'a>(&mut self, kind: &str, all: impl Iterator<Item = &'a Name>, why: &'static str) {
        self.again(all.map(|name| (&name.ident, name.span)), |name| format!("{kind} {name}"), why);
    }

    fn table(&mut self, table: &CreateTable) {
        self.names("column", table.columns.iter().map(|column| &column.name), "a table has one column of a name");
        let of_columns = table.columns.iter().flat_map(|column| &column.constraints).map(|one| &one.name);
        let names = of_columns.chain(table.constraints.iter().map(|one| &one.name)).flatten();
        self.names("constraint", names, "a table has one constraint of a name");
        let own = table.columns.iter().flat_map(|column| &column.constraints);
        let own = own.filter(|one| one.kind == ColumnConstraintKind::PrimaryKey).map(|one| one.span);
        let whole = table.constraints.iter().filter(|one| {
            matches!(one.kind, ConstraintKind::PrimaryKey { .. } | ConstraintKind::UsingIndex { primary: true, .. })
        });
        let keys = own.chain(whole.map(|one| one.source.span)).map(|span| ((), span));
        self.again(keys, |()| "PRIMARY KEY".to_owned(), "a table has one primary key");
        for constraint in &table.constraints {
            if let ConstraintKind::PrimaryKey { columns, .. } | ConstraintKind::Unique { columns, .. } =
                &constraint.kind
            {
                self.names("column", columns.iter(), "a key names each of its columns once");
            }
        }
        table.columns.iter().for_each(|column| self.column(column));
    }

    fn column(&mut self, column: &ColumnDef) {
        let values = column.constraints.iter().filter_map(|one| match one.kind {
            ColumnConstraintKind::Default(_)
            | ColumnConstraintKind::Identity(_)
            | ColumnConstraintKind::Generated { .. } => Some(((), one.span)),
            _ => None,
        });
        let words = |(): &()| format!("where column {} has its values from", column.name.ident);
        self.again(values, words, "a column has one default, or is an identity, or is generated");
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
