//! Reads what the server prints: composite values, names and lists, each as its own output function writes it.

use std::borrow::Cow;

use crate::pg::{Ident, ObjectName};

/// The fields of a composite value, in order; `None` is NULL. `None` altogether where the text is no composite value.
///
/// Source: manual, "Composite Type Input and Output Syntax".
pub(super) fn record(text: &str) -> Option<Vec<Option<Cow<'_, str>>>> {
    let mut rest = text.strip_prefix('(')?;
    let mut fields = Vec::new();
    loop {
        let (field, after) = field(rest)?;
        fields.push(field);
        match after.strip_prefix(',') {
            Some(next) => rest = next,
            None => return (after == ")").then_some(fields),
        }
    }
}

fn field(text: &str) -> Option<(Option<Cow<'_, str>>, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([',', ')'])?;
        return Some(((end > 0).then(|| Cow::Borrowed(&text[..end])), &text[end..]));
    };
    let bytes = quoted.as_bytes();
    let mut plain = String::new();
    let (mut from, mut at) = (0, 0);
    loop {
        match bytes.get(at)? {
            b'"' if bytes.get(at + 1) != Some(&b'"') => {
                let last = &quoted[from..at];
                let content = if plain.is_empty() { Cow::Borrowed(last) } else { Cow::Owned(plain + last) };
                return Some((Some(content), &quoted[at + 1..]));
            }
            b'"' | b'\\' => {
                plain.push_str(&quoted[from..at]);
                from = at + 1;
                at += 2;
            }
            _ => at += 1,
        }
    }
}

/// Reads an identifier and returns what follows it.
fn identifier(text: &str) -> (Ident, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(['.', ',', '(', ')']).unwrap_or(text.len());
        return (Ident::new(&text[..end]), &text[end..]);
    };
    let mut at = 0;
    while let Some(end) = quoted[at..].find('"') {
        at += end + 1;
        if !quoted[at..].starts_with('"') {
            return (Ident::new(quoted[..at - 1].replace("\"\"", "\"")), &quoted[at..]);
        }
        at += 1;
    }
    (Ident::new(quoted), "")
}

fn qualified(text: &str) -> (ObjectName, &str) {
    let (first, rest) = identifier(text);
    match rest.strip_prefix('.') {
        Some(rest) => {
            let (name, rest) = identifier(rest);
            (ObjectName { schema: first, name }, rest)
        }
        None => (ObjectName { schema: Ident::new("pg_catalog"), name: first }, rest),
    }
}

/// A name as `regclass` and its kin print it where `search_path` is empty: only the system's own names lack their schema.
pub(super) fn object_name(text: &str) -> ObjectName {
    qualified(text).0
}

/// The referenced columns of a foreign key, from its definition.
pub(super) fn referenced_columns(definition: &str) -> Option<Vec<Ident>> {
    let (_, rest) = identifiers(definition.strip_prefix("FOREIGN KEY (")?)?;
    let (_, rest) = qualified(rest.strip_prefix(" REFERENCES ")?);
    identifiers(rest.strip_prefix('(')?).map(|(columns, _)| columns)
}

/// Whether a definition says what a primary key, a unique constraint, a check or a foreign key of its columns does not: that it
/// is not enforced, or only for periods, or that ON DELETE sets some of the columns only.
pub(super) fn is_more_than_its_kind(definition: &str) -> bool {
    definition.ends_with(" NOT ENFORCED")
        || [" WITHOUT OVERLAPS)", ", PERIOD ", " SET NULL (", " SET DEFAULT ("]
            .iter()
            .any(|words| definition.contains(words))
}

/// Reads `a, b)`.
fn identifiers(mut text: &str) -> Option<(Vec<Ident>, &str)> {
    let mut names = Vec::new();
    loop {
        let (name, rest) = identifier(text);
        names.push(name);
        match rest.strip_prefix(", ") {
            Some(next) => text = next,
            None => return rest.strip_prefix(')').map(|rest| (names, rest)),
        }
    }
}

/// Cuts a list of expressions at its outermost commas.
pub(super) fn expressions(list: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut depth, mut from) = (0_i32, 0);
    let mut quote = None;
    for (at, byte) in list.bytes().enumerate() {
        match (quote, byte) {
            (Some(open), _) if open == byte => quote = None,
            // A doubled quote closes and opens again, which comes to the same.
            (None, b'\'' | b'"') => quote = Some(byte),
            (None, b'(' | b'[') => depth += 1,
            (None, b')' | b']') => depth -= 1,
            (None, b',') if depth == 0 => {
                parts.push(list[from..at].trim());
                from = at + 1;
            }
            (Some(_) | None, _) => {}
        }
    }
    parts.push(list[from..].trim());
    parts
}

/// The numbers in `1 2 3`, as vectors print, and in `{1,2,3}`, as arrays do.
pub(super) fn numbers(text: &str) -> impl Iterator<Item = i64> {
    text.split([' ', ',', '{', '}']).filter_map(|number| number.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_read_as_the_server_prints_them() {
        let read = |text| {
            record(text).map(|fields| fields.into_iter().map(|field| field.map(Cow::into_owned)).collect::<Vec<_>>())
        };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(read("(1,a,,\"\")"), Some(vec![some("1"), some("a"), None, some("")]));
        assert_eq!(read(r#"("a ""b"" \\ (c), d",é)"#), Some(vec![some(r#"a "b" \ (c), d"#), some("é")]));
        assert_eq!(read(r#"("""")"#), Some(vec![some("\"")]));
        assert_eq!(read("()"), Some(vec![None]));
        for broken in ["", "1,2", "(1", "(\"a)", "(1)2", "(\"a\\"] {
            assert_eq!(read(broken), None, "{broken}");
        }
    }

    #[test]
    fn names_are_read_as_regclass_prints_them() {
        assert_eq!(object_name("public.users"), ObjectName::new("public", "users"));
        assert_eq!(object_name(r#""my ""s"""."T.x, y""#), ObjectName::new("my \"s\"", "T.x, y"));
        assert_eq!(object_name("\"C\""), ObjectName::new("pg_catalog", "C"));
        assert_eq!(object_name("\"unclosed"), ObjectName::new("pg_catalog", "unclosed"));
    }

    #[test]
    fn referenced_columns_are_read_from_the_definition() {
        let columns = |text| referenced_columns(text);
        assert_eq!(
            columns(r#"FOREIGN KEY (a, ") REFERENCES (") REFERENCES s."T("(x, "y, z") ON DELETE CASCADE NOT VALID"#),
            Some(vec![Ident::new("x"), Ident::new("y, z")])
        );
        assert_eq!(columns("FOREIGN KEY (a) REFERENCES t"), None);
    }

    #[test]
    fn what_a_constraint_says_beyond_its_kind_is_seen() {
        for more in [
            "CHECK ((a > 0)) NOT ENFORCED",
            "PRIMARY KEY (id, valid_at WITHOUT OVERLAPS)",
            "FOREIGN KEY (id, PERIOD p) REFERENCES s.t(id, PERIOD p)",
            "FOREIGN KEY (a, b) REFERENCES s.t(a, b) ON DELETE SET NULL (b)",
        ] {
            assert!(is_more_than_its_kind(more), "{more}");
        }
        for plain in
            ["CHECK ((a > 0)) NOT VALID", "FOREIGN KEY (a) REFERENCES s.t(a) ON DELETE SET NULL", "UNIQUE (a, b)"]
        {
            assert!(!is_more_than_its_kind(plain), "{plain}");
        }
    }

    #[test]
    fn lists_of_expressions_are_cut_at_their_own_commas() {
        assert_eq!(
            expressions(r#"lower(a), COALESCE("b,", ', ('::text, 'it''s'), (c || ARRAY[1, 2])"#),
            ["lower(a)", r#"COALESCE("b,", ', ('::text, 'it''s')"#, "(c || ARRAY[1, 2])"]
        );
    }

    #[test]
    fn numbers_are_read_from_vectors_and_arrays() {
        assert_eq!(numbers("1 2 -3").collect::<Vec<_>>(), [1, 2, -3]);
        assert_eq!(numbers("{4,5}").collect::<Vec<_>>(), [4, 5]);
        assert_eq!(numbers("").count(), 0);
    }
}
