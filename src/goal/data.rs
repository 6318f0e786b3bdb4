//! Data statements that say what must hold: backfills and seed rows.

use crate::{
    pg::{Ident, ObjectName, QualifiedName},
    script::Span,
    sql::{Assignment, Expr, Insert, Update, Volatility},
};

/// An UPDATE whose SET makes its own WHERE false: afterwards no row is left that it would change.
#[derive(Clone, Debug, PartialEq)]
pub struct Backfill {
    /// The table.
    pub table: QualifiedName,
    /// `AS alias`.
    pub alias: Option<Ident>,
    /// The columns that are set.
    pub sets: Vec<Ident>,
    /// The columns that WHERE and the values read.
    pub reads: Vec<Ident>,
    /// `WHERE`, as written.
    pub predicate: String,
    /// Where it stands in the script.
    pub condition: Span,
    /// Where the last value of SET ends in the script.
    pub values_end: usize,
    /// Whether something of it was not read: a query in it may look at rows that the statement itself changes.
    pub unread: bool,
    /// The column, where the predicate is `column IS NULL` and nothing else.
    pub null_column: Option<Ident>,
}

/// Rows that must be there, found by the columns of ON CONFLICT.
#[derive(Clone, Debug, PartialEq)]
pub struct Seed {
    /// The table.
    pub table: QualifiedName,
    /// The columns that are filled.
    pub columns: Vec<Ident>,
    /// For each row a condition that is true of the row when it is as the statement leaves it.
    pub rows: Vec<String>,
}

/// A data goal as a question: true when something is left to do.
pub trait Probe {
    /// Returns the query; one row, one boolean.
    fn probe(&self, table: &ObjectName) -> String;
}

impl Probe for Backfill {
    fn probe(&self, table: &ObjectName) -> String {
        let alias = self.alias.as_ref().map(|alias| format!(" AS {alias}")).unwrap_or_default();
        // A line of its own for the predicate, which may end in a comment.
        format!("SELECT EXISTS (SELECT 1 FROM {table}{alias} WHERE {}\n)", self.predicate)
    }
}

impl Probe for Seed {
    fn probe(&self, table: &ObjectName) -> String {
        let missing: Vec<_> =
            self.rows.iter().map(|row| format!("NOT EXISTS (SELECT 1 FROM {table} WHERE {row}\n)")).collect();
        format!("SELECT {}", missing.join(" OR "))
    }
}

/// Reads an UPDATE as a backfill; `None` where it might change the same row again.
pub(super) fn backfill(update: &Update) -> Option<Backfill> {
    let predicate = update.predicate.as_ref()?;
    if update.complex || update.assignments.is_empty() {
        return None;
    }
    let conjuncts = predicate.tree.conjuncts();
    let erased =
        conjuncts.iter().any(|conjunct| update.assignments.iter().any(|set| makes_false(conjunct, set, &conjuncts)));
    if !erased {
        return None;
    }
    let null_column = match conjuncts.as_slice() {
        [Expr::IsNull(column, false)] => column_name(column.as_ref()).cloned(),
        _ => None,
    };
    let mut reads: Vec<Ident> = predicate.tree.columns().into_iter().cloned().collect();
    reads.extend(update.assignments.iter().flat_map(|set| set.value.tree.columns().into_iter().cloned()));
    reads.sort();
    reads.dedup();
    Some(Backfill {
        table: update.table.name.clone(),
        alias: update.alias.clone(),
        sets: update.assignments.iter().map(|set| set.column.ident.clone()).collect(),
        reads,
        predicate: predicate.source.text.clone(),
        condition: predicate.source.span,
        values_end: update.assignments.last().map_or(0, |set| set.value.source.span.end),
        unread: predicate.tree.has_unread() || update.assignments.iter().any(|set| set.value.tree.has_unread()),
        null_column,
    })
}

/// Returns whether `conjunct` is false of a row once `set` has been carried out.
fn makes_false(conjunct: &Expr, set: &Assignment, conjuncts: &[&Expr]) -> bool {
    let is_set = |expr: &Expr| column_name(expr) == Some(&set.column.ident);
    let value = &set.value.tree;
    match conjunct {
        Expr::IsNull(operand, false) => is_set(operand) && never_null(value, conjuncts),
        Expr::Binary(operator, left, right) if is_set(left) => {
            match (operator.as_str(), literal(right), literal(value)) {
                ("=", Some(before), Some(after)) => before != after,
                ("<>" | "!=" | "IS DISTINCT FROM", Some(before), Some(after)) => before == after,
                _ => false,
            }
        }
        Expr::In(operand, values, false) if is_set(operand) => {
            let after = literal(value);
            after.is_some() && values.iter().all(|before| literal(before).is_some() && literal(before) != after)
        }
        _ => false,
    }
}

fn column_name(expr: &Expr) -> Option<&Ident> {
    match expr {
        Expr::Column(parts) => parts.last(),
        _ => None,
    }
}

/// The text of a literal that is not NULL, casts taken off.
fn literal(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Bool(value) => Some(value.to_string()),
        Expr::Number(text) | Expr::Text(text) => Some(text.clone()),
        Expr::Unary(sign, inner) if sign == "-" => literal(inner).map(|text| format!("-{text}")),
        Expr::Cast(inner, _) => literal(inner),
        _ => None,
    }
}

/// Returns whether a value cannot be NULL in a row that the conjuncts let through.
fn never_null(value: &Expr, conjuncts: &[&Expr]) -> bool {
    /// Functions of `pg_catalog` that never return NULL, whatever they are given (which is nothing).
    const NEVER_NULL: &[&str] = &[
        "now",
        "current_timestamp",
        "current_date",
        "current_time",
        "localtimestamp",
        "localtime",
        "clock_timestamp",
        "statement_timestamp",
        "transaction_timestamp",
        "gen_random_uuid",
        "random",
        "current_user",
        "session_user",
        "current_database",
    ];
    match value {
        Expr::Cast(inner, _) => never_null(inner, conjuncts),
        Expr::Column(_) => conjuncts.iter().any(
            |conjunct| matches!(conjunct, Expr::IsNull(operand, true) if column_name(operand) == column_name(value)),
        ),
        Expr::Call(name, arguments) if name.name.as_str() == "coalesce" => {
            arguments.last().is_some_and(|last| never_null(last, conjuncts))
        }
        Expr::Call(name, _) => NEVER_NULL.contains(&name.name.as_str()),
        _ => literal(value).is_some(),
    }
}

/// Reads an INSERT as seed rows; `None` where it cannot be told whether they are there.
pub(super) fn seed(insert: &Insert) -> Option<Seed> {
    /// More rows than this in one statement make a question too long to ask on every run.
    const MOST_ROWS: usize = 1_000;
    let (rows, conflict) = (insert.rows.as_ref()?, insert.on_conflict.as_ref()?);
    if insert.complex
        || conflict.complex
        || conflict.columns.is_empty()
        || insert.columns.is_empty()
        || rows.len() > MOST_ROWS
    {
        return None;
    }
    let place = |name: &Ident| insert.columns.iter().position(|column| column.ident == *name);
    let mut conditions = Vec::with_capacity(rows.len());
    for row in rows {
        if row.len() != insert.columns.len() {
            return None;
        }
        let mut condition = Vec::new();
        for key in &conflict.columns {
            let value = row.get(place(&key.ident)?)?;
            if matches!(value.tree, Expr::Default | Expr::Null) || value.tree.volatility() >= Volatility::Volatile {
                return None;
            }
            condition.push(format!("{} = ({}\n)", key.ident, value.source.text));
        }
        for set in conflict.update.iter().flatten() {
            let value = match &set.value.tree {
                Expr::Column(parts) => match parts.as_slice() {
                    [excluded, column] if excluded.as_str() == "excluded" => row.get(place(column)?)?,
                    _ => return None,
                },
                constant if constant.columns().is_empty() => &set.value,
                _ => return None,
            };
            if matches!(value.tree, Expr::Default) || value.tree.volatility() != Volatility::Immutable {
                return None;
            }
            condition.push(format!("{} IS NOT DISTINCT FROM ({}\n)", set.column.ident, value.source.text));
        }
        conditions.push(condition.join(" AND "));
    }
    Some(Seed {
        table: insert.table.name.clone(),
        columns: insert.columns.iter().map(|column| column.ident.clone()).collect(),
        rows: conditions,
    })
}
