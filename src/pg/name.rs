//! Identifiers, and names made of them.

use std::{fmt, sync::Arc};

/// The most bytes that PostgreSQL keeps of an identifier (`NAMEDATALEN - 1`).
///
/// Source: manual, "Lexical Structure", Identifiers and Key Words. A server compiled with another value is not supported.
pub const MAX_IDENTIFIER_BYTES: usize = 63;

/// One identifier as the catalog stores it: unquoted names already folded to lower case, quotes removed.
///
/// Cheap to clone: a plan over ten thousand statements passes names around a lot. Equality is that of the stored bytes. `Display` writes it as SQL, quoted where it has to be.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ident(Arc<str>);

impl Ident {
    /// Wraps a name as it is stored in the catalog.
    #[must_use]
    pub fn new(stored: impl Into<String>) -> Self {
        Self(Arc::from(stored.into()))
    }

    /// Reads an identifier as it is written in SQL: folds what is unquoted, unquotes what is quoted (`U&"…"` is not
    /// read here; the `sql` room decodes it).
    #[must_use]
    pub fn from_sql(written: &str) -> Self {
        match written.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
            Some(inner) => Self::new(inner.replace("\"\"", "\"")),
            // PostgreSQL folds ASCII only, in a multi-byte encoding such as UTF-8.
            None => Self::new(written.to_ascii_lowercase()),
        }
    }

    /// Returns the stored form.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the name with an ending, cut to what the server keeps.
    #[must_use]
    pub fn ending_with(&self, suffix: &str) -> Self {
        let mut end = self.0.len().min(MAX_IDENTIFIER_BYTES.saturating_sub(suffix.len()));
        while !self.0.is_char_boundary(end) {
            end -= 1;
        }
        Self::new(format!("{}{suffix}", &self.0[..end]))
    }

    /// Returns whether PostgreSQL would cut this name: it is longer than [`MAX_IDENTIFIER_BYTES`].
    #[must_use]
    pub fn is_too_long(&self) -> bool {
        self.0.len() > MAX_IDENTIFIER_BYTES
    }

    fn needs_quotes(&self) -> bool {
        let mut bytes = self.0.bytes();
        let plain_start = bytes.next().is_some_and(|b| b.is_ascii_lowercase() || b == b'_');
        let plain_rest = bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        !(plain_start && plain_rest) || KEYWORDS.binary_search(&self.as_str()).is_ok()
    }
}

impl fmt::Display for Ident {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.needs_quotes() { write!(f, "\"{}\"", self.0.replace('"', "\"\"")) } else { f.write_str(&self.0) }
    }
}

impl fmt::Debug for Ident {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl From<&str> for Ident {
    fn from(stored: &str) -> Self {
        Self::new(stored)
    }
}

/// A name as a script writes it: the schema may be left out.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QualifiedName {
    /// The schema, where the script gives one.
    pub schema: Option<Ident>,
    /// The object itself.
    pub name: Ident,
}

impl QualifiedName {
    /// Returns a name without a schema.
    #[must_use]
    pub const fn unqualified(name: Ident) -> Self {
        Self { schema: None, name }
    }

    /// Returns the object meant when unqualified names live in `target`.
    #[must_use]
    pub fn resolve(&self, target: &Ident) -> ObjectName {
        ObjectName { schema: self.schema.clone().unwrap_or_else(|| target.clone()), name: self.name.clone() }
    }
}

impl fmt::Display for QualifiedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(schema) = &self.schema {
            write!(f, "{schema}.")?;
        }
        write!(f, "{}", self.name)
    }
}

/// An object of the database, its schema known. `Display` writes it as SQL.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectName {
    /// The schema that holds it.
    pub schema: Ident,
    /// The object itself.
    pub name: Ident,
}

impl ObjectName {
    /// Names an object by its stored schema and name.
    #[must_use]
    pub fn new(schema: impl Into<String>, name: impl Into<String>) -> Self {
        Self { schema: Ident::new(schema), name: Ident::new(name) }
    }

    /// Returns another object of the same schema.
    #[must_use]
    pub fn sibling(&self, name: Ident) -> Self {
        Self { schema: self.schema.clone(), name }
    }
}

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.schema, self.name)
    }
}

impl fmt::Debug for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Returns `text` as a string literal, right whatever `standard_conforming_strings` says.
#[must_use]
pub fn quote_literal(text: &str) -> String {
    let doubled = text.replace('\'', "''");
    if doubled.contains('\\') { format!("E'{}'", doubled.replace('\\', "\\\\")) } else { format!("'{doubled}'") }
}

/// Every key word that is not "unreserved": such a name must be quoted to be safe everywhere, as `quote_ident` does.
///
/// Source: `pg_get_keywords()` of PostgreSQL 18, catcode other than U. Sorted, for binary search.
#[rustfmt::skip]
const KEYWORDS: &[&str] = &[
    "all", "analyse", "analyze", "and", "any", "array", "as", "asc", "asymmetric", "authorization", "between", "bigint",
    "binary", "bit", "boolean", "both", "case", "cast", "char", "character", "check", "coalesce", "collate", "collation",
    "column", "concurrently", "constraint", "create", "cross", "current_catalog", "current_date", "current_role",
    "current_schema", "current_time", "current_timestamp", "current_user", "dec", "decimal", "default", "deferrable",
    "desc", "distinct", "do", "else", "end", "except", "exists", "extract", "false", "fetch", "float", "for", "foreign",
    "freeze", "from", "full", "grant", "greatest", "group", "grouping", "having", "ilike", "in", "initially", "inner",
    "inout", "int", "integer", "intersect", "interval", "into", "is", "isnull", "join", "json", "json_array",
    "json_arrayagg", "json_exists", "json_object", "json_objectagg", "json_query", "json_scalar", "json_serialize",
    "json_table", "json_value", "lateral", "leading", "least", "left", "like", "limit", "localtime", "localtimestamp",
    "merge_action", "national", "natural", "nchar", "none", "normalize", "not", "notnull", "null", "nullif", "numeric",
    "offset", "on", "only", "or", "order", "out", "outer", "overlaps", "overlay", "placing", "position", "precision",
    "primary", "real", "references", "returning", "right", "row", "select", "session_user", "setof", "similar",
    "smallint", "some", "substring", "symmetric", "system_user", "table", "tablesample", "then", "time", "timestamp",
    "to", "trailing", "treat", "trim", "true", "union", "unique", "user", "using", "values", "varchar", "variadic",
    "verbose", "when", "where", "window", "with", "xmlattributes", "xmlconcat", "xmlelement", "xmlexists", "xmlforest",
    "xmlnamespaces", "xmlparse", "xmlpi", "xmlroot", "xmlserialize", "xmltable",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted_exactly_where_they_must_be() {
        for (stored, sql) in [
            ("users", "users"),
            ("user", "\"user\""),
            ("Leaves", "\"Leaves\""),
            ("a b", "\"a b\""),
            ("a\"b", "\"a\"\"b\""),
            ("1st", "\"1st\""),
            ("été", "\"été\""),
            ("", "\"\""),
        ] {
            assert_eq!(Ident::new(stored).to_string(), sql);
            assert_eq!(Ident::from_sql(sql), Ident::new(stored));
        }
    }

    #[test]
    fn keywords_are_sorted() {
        assert!(KEYWORDS.is_sorted());
    }

    #[test]
    fn literals_survive_backslashes_and_quotes() {
        assert_eq!(quote_literal("it's"), "'it''s'");
        assert_eq!(quote_literal("a\\'b"), "E'a\\\\''b'");
    }
}
