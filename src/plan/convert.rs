//! Changing a column's type: what it costs, and which values stand in the way.
//!
//! Source: the measured matrix of ONLINE-DDL section A.5, the same on 13 to 18.

use crate::{
    goal::{Expr, Expression},
    pg::{Ident, TypeName},
};

/// What a type change costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Cost {
    /// The catalog alone.
    Catalog,
    /// The table and all its indexes are written anew.
    Rewrite,
}

/// Returns the cost of changing a column by itself; indexes, checks and other dependents may add to it.
pub(super) fn cost(from: &TypeName, to: &TypeName, using: Option<&Expression>, column: &Ident) -> Cost {
    if using.is_some_and(|using| !is_plain(&using.tree, column, to)) {
        return Cost::Rewrite;
    }
    if from.is_array() || to.is_array() {
        return Cost::Rewrite;
    }
    let (a, b) = (from.modifier_numbers(), to.modifier_numbers());
    let (a, b) = (a.as_slice(), b.as_slice());
    let widens = |all: &[i32]| all.is_empty() || (a.len() == 1 && b.len() == 1 && b[0] >= a[0]);
    let free = match (from.name(), to.name()) {
        ("character varying" | "text" | "xml", "text") | ("cidr", "inet") => true,
        ("text", "character varying") => b.is_empty(),
        ("numeric", "numeric") => b.is_empty() || (a.len() == 2 && b.len() == 2 && b[1] == a[1] && b[0] >= a[0]),
        ("character varying", "character varying") | ("bit varying", "bit varying") => widens(b),
        (x, y) if x == y && x.starts_with("time") => b.is_empty() || (!a.is_empty() && widens(b)),
        _ => false,
    };
    if free && from.is_builtin() && to.is_builtin() { Cost::Catalog } else { Cost::Rewrite }
}

/// Returns whether an expression is the column, or the column cast to the type: what ALTER does by itself.
pub(super) fn is_plain(using: &Expr, column: &Ident, to: &TypeName) -> bool {
    match using {
        Expr::Column(parts) => parts.last() == Some(column),
        Expr::Cast(inner, type_name) => {
            // A type that is not the server's own may be written without its schema.
            let (written, wanted) = (type_name.without_modifiers(), to.without_modifiers());
            let same = written == wanted
                || (!written.is_builtin()
                    && written.schema().is_none()
                    && written.name() == wanted.name()
                    && written.is_array() == wanted.is_array());
            same && is_plain(inner, column, to)
        }
        _ => false,
    }
}

/// Returns whether a default of the old type becomes one of the new type without help. One of a type of a user would become text, but
/// still depend on that type.
pub(super) fn default_follows(from: &TypeName, to: &TypeName) -> bool {
    let family = |type_name: &TypeName| match type_name.name() {
        "character varying" | "text" | "character" | "name" => 1,
        "smallint" | "integer" | "bigint" | "numeric" | "real" | "double precision" => 2,
        "date" | "timestamp without time zone" | "timestamp with time zone" => 3,
        _ => 0,
    };
    from == to || (family(from) != 0 && family(from) == family(to)) || (family(to) == 1 && from.is_builtin())
}

/// The conditions under which a value stands in the way of a conversion, as SQL over the expression `value`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Obstacles {
    /// The value does not become one of the new type: the conversion fails.
    pub(super) fails: Option<String>,
    /// The value becomes another one: digits or letters are lost without notice.
    pub(super) loses: Option<String>,
}

/// A number as text, as PostgreSQL 13 reads one: blanks around it, a sign, digits, an exponent of at most three digits.
const NUMBER: &str = r"^\s*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?\s*$";
/// An integer as text.
const INTEGER: &str = r"^\s*[+-]?[0-9]{1,30}\s*$";

/// Returns what stands in the way of converting `value` (an SQL expression of type `from`) to `to`. `labels` are those of an
/// enum. Neither condition ever raises an error, whatever the value. `None`: no condition is known, the server decides.
pub(super) fn obstacles(value: &str, from: &TypeName, to: &TypeName, labels: Option<&[String]>) -> Option<Obstacles> {
    if from.is_array() || to.is_array() {
        return None;
    }
    let text = matches!(from.name(), "character varying" | "text" | "character");
    let integer = matches!(from.name(), "smallint" | "integer" | "bigint");
    let float = matches!(from.name(), "real" | "double precision");
    let numeric = from.name() == "numeric";
    if let Some(labels) = labels {
        let list: Vec<_> = labels.iter().map(|label| crate::pg::quote_literal(label)).collect();
        let list = if list.is_empty() { "NULL".to_owned() } else { list.join(", ") };
        return (text || !from.is_builtin())
            .then(|| Obstacles { fails: Some(format!("({value})::text NOT IN ({list})")), loses: None });
    }
    match to.name() {
        "numeric" | "smallint" | "integer" | "bigint" if text || integer || float || numeric => {
            Some(to_number(value, to, text, float || numeric))
        }
        "character varying" | "character" if text => {
            let length = *to.modifier_numbers().first()?;
            Some(Obstacles { fails: None, loses: Some(format!("char_length(rtrim({value})) > {length}")) })
        }
        "real" | "double precision" if text => Some(Obstacles {
            fails: Some(format!(
                "({value}) !~ '{NUMBER}' AND lower(btrim({value})) NOT IN ('nan', 'infinity', '-infinity', '+infinity', 'inf', \
                 '-inf', '+inf')"
            )),
            loses: None,
        }),
        "boolean" if text => Some(Obstacles {
            fails: Some(format!(
                "lower(btrim({value})) NOT IN ('t', 'tr', 'tru', 'true', 'y', 'ye', 'yes', 'on', '1', 'f', 'fa', 'fal', 'fals', \
                 'false', 'n', 'no', 'of', 'off', '0')"
            )),
            loses: None,
        }),
        _ => None,
    }
}

fn to_number(value: &str, to: &TypeName, text: bool, special: bool) -> Obstacles {
    let modifiers = to.modifier_numbers();
    // The largest absolute value that fits, exclusive, and the digits after the point that are kept.
    let (limit, scale): (Option<String>, Option<i32>) = match (to.name(), modifiers.as_slice()) {
        ("smallint", _) => (Some("32767.5".to_owned()), Some(0)),
        ("integer", _) => (Some("2147483647.5".to_owned()), Some(0)),
        ("bigint", _) => (Some("9223372036854775807.5".to_owned()), Some(0)),
        (_, [precision, scale]) => {
            let digits = precision - scale;
            let limit = if digits >= 0 {
                format!("1{}", "0".repeat(digits.unsigned_abs() as usize))
            } else {
                format!("1e{digits}")
            };
            (Some(limit), Some(*scale))
        }
        _ => (None, None),
    };
    // Every branch of CASE is reached only by values for which its cast is known to succeed.
    let pattern = if to.name() == "numeric" { NUMBER } else { INTEGER };
    let number = format!("({value})::numeric");
    let unfit = limit.as_ref().zip(scale).map_or_else(
        || "false".to_owned(),
        |(limit, scale)| format!("abs(round({number}, {scale})) >= {limit}::numeric"),
    );
    let lossy = scale.map_or_else(|| "false".to_owned(), |scale| format!("{number} <> round({number}, {scale})"));
    let not_a_number = if text {
        Some(format!("({value}) !~ '{pattern}'"))
    } else if special {
        Some(format!("({value})::text IN ('NaN', 'Infinity', '-Infinity')"))
    } else {
        None
    };
    let case = |condition: &str, otherwise: &str| match &not_a_number {
        Some(bad) => format!("CASE WHEN {bad} THEN {otherwise} ELSE {condition} END"),
        None => condition.to_owned(),
    };
    Obstacles {
        fails: Some(case(&unfit, "true")),
        // Text that an integer type reads has no digits after the point.
        loses: (lossy != "false" && !(text && to.name() != "numeric")).then(|| case(&lossy, "false")),
    }
}
