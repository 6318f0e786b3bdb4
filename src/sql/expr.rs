//! Expressions as trees, to be compared by meaning.

use crate::pg::{Ident, QualifiedName, TypeName};

/// An expression. What PostgreSQL prints back and what a person wrote become the same tree once
/// [`same_meaning`](super::same_meaning) has normalised both, wherever they mean the same and we can tell.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Expr {
    /// `NULL`.
    Null,
    /// `DEFAULT`, as a value.
    Default,
    /// `TRUE`, `FALSE`.
    Bool(bool),
    /// A number as written, without a sign.
    Number(String),
    /// A string, decoded.
    Text(String),
    /// A column, perhaps behind its table: the parts in order.
    Column(Vec<Ident>),
    /// `a::t`, `CAST(a AS t)`, `t 'literal'`.
    Cast(Box<Expr>, TypeName),
    /// A function with its arguments and nothing else (no DISTINCT, FILTER, OVER); a named argument is the operator `=>`
    /// between its name, as a text, and its value. Words that
    /// PostgreSQL treats as functions (`CURRENT_TIMESTAMP`, `COALESCE`) are calls without a schema.
    Call(QualifiedName, Vec<Expr>),
    /// An operator before its operand, `NOT` included; also `IS TRUE`, `IS NOT UNKNOWN` and their kin, behind theirs.
    Unary(String, Box<Expr>),
    /// An operator between two operands. Those that are words are upper case: `AND`, `OR`, `LIKE`, `NOT ILIKE`,
    /// `IS DISTINCT FROM`, `AT TIME ZONE`.
    Binary(String, Box<Expr>, Box<Expr>),
    /// `a IS NULL`, or (true) `a IS NOT NULL`.
    IsNull(Box<Expr>, bool),
    /// `a IN (…)`, or (true) `a NOT IN (…)`, with a list of values.
    In(Box<Expr>, Vec<Expr>, bool),
    /// `a BETWEEN b AND c`, or (true) `NOT BETWEEN`.
    Between(Box<Expr>, Box<Expr>, Box<Expr>, bool),
    /// `a = ANY (b)`, or (true) `ALL`; also `IN` and `NOT IN` with a query, which is [`Expr::Other`].
    AnyAll(String, Box<Expr>, Box<Expr>, bool),
    /// `ARRAY[…]`.
    Array(Vec<Expr>),
    /// `ROW(…)` or `(a, b)`.
    Row(Vec<Expr>),
    /// `CASE`: the operand, the branches, the rest.
    Case(Option<Box<Expr>>, Vec<(Expr, Expr)>, Option<Box<Expr>>),
    /// `a COLLATE c`.
    Collate(Box<Expr>, QualifiedName),
    /// Anything else, as its tokens: unquoted words lower case, one space between, no comments.
    Other(String),
}

/// How a value can change from one evaluation to the next, as PostgreSQL's function categories say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Volatility {
    /// Always the same for the same arguments.
    Immutable,
    /// The same within one statement.
    Stable,
    /// Anything, at any time: adding such a default rewrites the table.
    Volatile,
    /// A function that is not PostgreSQL's own, or something that was not read.
    Unknown,
}

impl Expr {
    /// Returns the parts that AND joins, in order; one part where there is no AND.
    #[must_use]
    pub fn conjuncts(&self) -> Vec<&Self> {
        let mut found = Vec::new();
        let mut open = vec![self];
        while let Some(expr) = open.pop() {
            match expr {
                Self::Binary(operator, left, right) if operator == "AND" => {
                    open.push(right);
                    open.push(left);
                }
                other => found.push(other),
            }
        }
        found
    }

    /// Returns the columns it names, each once, without their tables. Those inside of [`Expr::Other`] are not known.
    #[must_use]
    pub fn columns(&self) -> Vec<&Ident> {
        let mut found: Vec<&Ident> = Vec::new();
        self.visit(&mut |part| {
            if let Self::Column(parts) = part
                && let Some(name) = parts.last()
                && !found.contains(&name)
            {
                found.push(name);
            }
        });
        found
    }

    /// Returns whether it is NULL, perhaps of a type of the server's own: as a default it says nothing. Of a domain it does: the domain
    /// may have another default.
    #[must_use]
    pub fn is_null(&self) -> bool {
        match self {
            Self::Null => true,
            Self::Cast(value, type_name) => type_name.is_builtin() && value.is_null(),
            _ => false,
        }
    }

    /// Returns whether it names no column and is read completely.
    #[must_use]
    pub fn is_constant(&self) -> bool {
        !self.any(&|part| matches!(part, Self::Column(_) | Self::Other(_) | Self::Default))
    }

    /// Returns whether something in it was not read, the star of `count(*)` excepted.
    #[must_use]
    pub fn has_unread(&self) -> bool {
        self.any(&|part| matches!(part, Self::Other(text) if text != "*"))
    }

    /// Returns whether it may give another value for every row, as far as is known.
    #[must_use]
    pub fn is_volatile(&self) -> bool {
        self.volatility() == Volatility::Volatile
    }

    /// Returns how its value can change, by the functions it calls. Operators and casts count as immutable.
    #[must_use]
    pub fn volatility(&self) -> Volatility {
        let mut worst = Volatility::Immutable;
        self.visit(&mut |part| {
            let found = match part {
                Self::Call(name, _) if name.schema.as_ref().is_none_or(|schema| schema.as_str() == "pg_catalog") => {
                    of_function(name.name.as_str())
                }
                // An extension may live in any schema.
                Self::Call(name, _) if of_function(name.name.as_str()) == Volatility::Volatile => Volatility::Volatile,
                Self::Call(..) | Self::Other(_) => Volatility::Unknown,
                _ => Volatility::Immutable,
            };
            // What is certainly volatile stays so, whatever else is not known.
            if worst != Volatility::Volatile && (found == Volatility::Volatile || found > worst) {
                worst = found;
            }
        });
        worst
    }

    /// Gives every column another name where `rename` knows one. Those inside of [`Expr::Other`] keep theirs.
    pub fn rename_columns(&mut self, rename: &dyn Fn(&Ident) -> Option<Ident>) {
        self.map_columns(&|parts| {
            let mut renamed = parts.to_vec();
            let last = renamed.last_mut()?;
            *last = rename(last)?;
            Some(renamed)
        });
    }

    /// Names every column otherwise where `map` does; it sees the column behind its table, as written. Those inside of
    /// [`Expr::Other`] stay.
    pub fn map_columns(&mut self, map: &dyn Fn(&[Ident]) -> Option<Vec<Ident>>) {
        let mut open = vec![self];
        while let Some(expr) = open.pop() {
            match expr {
                Self::Null | Self::Default | Self::Bool(_) | Self::Number(_) | Self::Text(_) | Self::Other(_) => {}
                Self::Column(parts) => {
                    if let Some(mapped) = map(parts) {
                        *parts = mapped;
                    }
                }
                Self::Cast(value, _) | Self::Unary(_, value) | Self::IsNull(value, _) | Self::Collate(value, _) => {
                    open.push(value);
                }
                Self::Binary(_, left, right) | Self::AnyAll(_, left, right, _) => open.extend([&mut **left, right]),
                Self::Between(value, low, high, _) => open.extend([&mut **value, low, high]),
                Self::Call(_, values) | Self::Array(values) | Self::Row(values) => open.extend(values),
                Self::In(value, values, _) => {
                    open.push(value);
                    open.extend(values);
                }
                Self::Case(operand, branches, rest) => {
                    open.extend(operand.as_deref_mut());
                    open.extend(branches.iter_mut().flat_map(|(condition, result)| [condition, result]));
                    open.extend(rest.as_deref_mut());
                }
            }
        }
    }

    /// Returns whether the condition holds for it or anything in it.
    pub(super) fn any(&self, condition: &dyn Fn(&Self) -> bool) -> bool {
        let mut found = false;
        self.visit(&mut |part| found |= condition(part));
        found
    }

    /// Shows every part, the whole first.
    fn visit<'a>(&'a self, see: &mut dyn FnMut(&'a Self)) {
        let mut open = vec![self];
        while let Some(expr) = open.pop() {
            see(expr);
            match expr {
                Self::Null
                | Self::Default
                | Self::Bool(_)
                | Self::Number(_)
                | Self::Text(_)
                | Self::Column(_)
                | Self::Other(_) => {}
                Self::Cast(value, _) | Self::Unary(_, value) | Self::IsNull(value, _) | Self::Collate(value, _) => {
                    open.push(value);
                }
                Self::Binary(_, left, right) | Self::AnyAll(_, left, right, _) => open.extend([&**right, &**left]),
                Self::Between(value, low, high, _) => open.extend([&**high, &**low, &**value]),
                Self::Call(_, values) | Self::Array(values) | Self::Row(values) => open.extend(values.iter().rev()),
                Self::In(value, values, _) => {
                    open.extend(values.iter().rev());
                    open.push(value);
                }
                Self::Case(operand, branches, rest) => {
                    open.extend(rest.as_deref());
                    for (condition, result) in branches.iter().rev() {
                        open.extend([result, condition]);
                    }
                    open.extend(operand.as_deref());
                }
            }
        }
    }
}

/// Source: `pg_proc.provolatile` of PostgreSQL 15; `uuid-ossp` for the names that begin with `uuid_generate`.
fn of_function(name: &str) -> Volatility {
    match name {
        "random" | "gen_random_uuid" | "clock_timestamp" | "timeofday" | "nextval" | "setval" | "currval"
        | "lastval" | "setseed" | "pg_sleep" | "gen_random_bytes" | "uuidv4" | "uuidv7" => Volatility::Volatile,
        _ if name.starts_with("uuid_generate") => Volatility::Volatile,
        "now"
        | "current_timestamp"
        | "current_date"
        | "current_time"
        | "localtime"
        | "localtimestamp"
        | "transaction_timestamp"
        | "statement_timestamp"
        | "current_user"
        | "session_user"
        | "user"
        | "current_role"
        | "current_schema"
        | "current_database"
        | "current_catalog"
        | "current_setting"
        | "to_char"
        | "to_timestamp"
        | "to_date"
        | "to_number"
        | "age"
        | "concat"
        | "concat_ws"
        | "to_json"
        | "to_jsonb"
        | "json_build_object"
        | "jsonb_build_object"
        | "json_build_array"
        | "jsonb_build_array"
        | "txid_current"
        | "pg_current_xact_id"
        | "format"
        | "timezone"
        | "date_trunc"
        | "date_part"
        | "extract"
        | "to_tsvector"
        | "to_tsquery" => Volatility::Stable,
        "coalesce" | "nullif" | "greatest" | "least" | "lower" | "upper" | "initcap" | "length" | "char_length"
        | "octet_length" | "substring" | "substr" | "left" | "right" | "trim" | "btrim" | "ltrim" | "rtrim"
        | "lpad" | "rpad" | "replace" | "translate" | "repeat" | "reverse" | "split_part" | "strpos" | "position"
        | "overlay" | "md5" | "sha256" | "abs" | "ceil" | "ceiling" | "floor" | "round" | "trunc" | "sign" | "mod"
        | "power" | "sqrt" | "exp" | "ln" | "log" | "make_date" | "make_interval" | "regexp_replace"
        | "regexp_match" | "like_escape" | "similar_to_escape" | "jsonb_typeof" | "json_typeof" | "array_length"
        | "cardinality" | "array_append" | "array_cat" | "array_remove" | "array_position" | "encode" | "decode"
        | "ascii" | "chr" => Volatility::Immutable,
        _ => Volatility::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::{super::parse_expression, *};

    #[test]
    fn volatility_is_that_of_the_worst_function() {
        for (text, expected) in [
            ("1 + 2", Volatility::Immutable),
            ("lower(a)", Volatility::Immutable),
            ("now()", Volatility::Stable),
            ("CURRENT_TIMESTAMP", Volatility::Stable),
            ("now() + random() * interval '1 day'", Volatility::Volatile),
            ("public.uuid_generate_v4()", Volatility::Volatile),
            ("nextval('s')", Volatility::Volatile),
            ("my_function(1)", Volatility::Unknown),
            ("my_function(random())", Volatility::Volatile),
            ("(SELECT 1)", Volatility::Unknown),
        ] {
            assert_eq!(parse_expression(text).unwrap().volatility(), expected, "{text}");
        }
        assert!(parse_expression("gen_random_uuid()").unwrap().is_volatile());
    }

    #[test]
    fn parts_can_be_asked_for() {
        let expr = parse_expression("t.a IS NULL AND (b = 1 OR a > 2) AND c IN (d, 3)").unwrap();
        assert_eq!(expr.conjuncts().len(), 3);
        let names: Vec<&str> = expr.columns().into_iter().map(Ident::as_str).collect();
        assert_eq!(names, ["a", "b", "c", "d"]);
        assert!(!expr.is_constant());
        assert!(parse_expression("'x'::text || lower('A')").unwrap().is_constant());
    }

    #[test]
    fn columns_are_renamed_wherever_they_stand() {
        let text = "CASE t.a WHEN b THEN lower(a) ELSE x END = ANY (ARRAY[a, 1]) AND a BETWEEN b AND a::text COLLATE \"C\" \
                    AND (a, b) IS NOT NULL AND NOT a IN (a, b)";
        let mut expr = parse_expression(text).unwrap();
        expr.rename_columns(&|name| (name.as_str() == "a").then(|| Ident::new("z")));
        assert_eq!(
            expr,
            parse_expression(
                &text
                    .replace("t.a", "t.z")
                    .replace("(a", "(z")
                    .replace("[a", "[z")
                    .replace(" a ", " z ")
                    .replace(" a:", " z:")
            )
            .unwrap()
        );
    }
}
