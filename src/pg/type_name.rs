//! Type names: as people write them, and as `format_type` prints them.

use std::fmt;

use super::name::Ident;

/// A data type, normalised: two names of one type are equal, whichever alias each was written with.
///
/// `Display` writes built-in types exactly as `format_type` does, and others as a SQL name. A type that is not built in
/// is known by the name the script gives; [`TypeName::with_schema`] says where it was found.
///
/// Source: manual, "Data Types"; `format_type.c` and the rule `SimpleTypename` of the grammar.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TypeName {
    kind: Kind,
    schema: Option<Ident>,
    /// The name that `format_type` prints for built-in types, without modifiers; otherwise the stored identifier.
    name: String,
    /// `day to second` and its kin; only of an interval.
    fields: Option<&'static str>,
    /// The modifiers, separated by commas, without the parentheses.
    modifiers: Option<String>,
    array: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Kind {
    BuiltIn,
    User,
    Serial,
}

/// Why a text is not the name of a type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TypeNameError {
    /// There is no text.
    #[error("a type name is missing")]
    Empty,
    /// Something that no type name holds.
    #[error("`{found}` does not belong in a type name")]
    Unexpected {
        /// What stands there.
        found: String,
    },
    /// The text ends too early.
    #[error("the type name `{text}` is not complete")]
    Incomplete {
        /// The text.
        text: String,
    },
    /// A modifier that the type does not take.
    #[error("type {type_name} does not take the modifier ({modifiers})")]
    Modifier {
        /// The type.
        type_name: String,
        /// What stands in its parentheses.
        modifiers: String,
    },
}

/// The pseudo types that make an integer column with a sequence of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SerialKind {
    /// `smallserial`, `serial2`.
    Small,
    /// `serial`, `serial4`.
    Regular,
    /// `bigserial`, `serial8`.
    Big,
}

impl SerialKind {
    /// Returns the type that the column has in fact.
    #[must_use]
    pub fn underlying(self) -> TypeName {
        TypeName::builtin(match self {
            Self::Small => "smallint",
            Self::Regular => "integer",
            Self::Big => "bigint",
        })
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Small => "smallserial",
            Self::Regular => "serial",
            Self::Big => "bigserial",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        match name {
            "smallserial" | "serial2" => Some(Self::Small),
            "serial" | "serial4" => Some(Self::Regular),
            "bigserial" | "serial8" => Some(Self::Big),
            _ => None,
        }
    }
}

impl TypeName {
    /// Reads a type as SQL writes it, or as `format_type` prints it with an empty search path.
    ///
    /// A name that `pg_catalog` holds is the built-in type, as `pg_catalog` comes first in every search path.
    ///
    /// # Errors
    /// [`TypeNameError`] where the text is no type name, or a built-in type does not take its modifiers.
    pub fn parse(text: &str) -> Result<Self, TypeNameError> {
        let tokens = tokens(text)?;
        let mut parser = Parser { text, tokens: &tokens, next: 0 };
        let mut type_name = parser.simple()?;
        type_name.array |= parser.array_bounds()?;
        match parser.peek() {
            None => Ok(type_name),
            Some(token) => Err(TypeNameError::Unexpected { found: token.to_string() }),
        }
    }

    /// Returns a built-in type by the name that `format_type` prints, without modifiers.
    #[must_use]
    pub fn builtin(name: &str) -> Self {
        Self { kind: Kind::BuiltIn, schema: None, name: name.to_owned(), fields: None, modifiers: None, array: false }
    }

    /// Returns a type that is not built in, by its stored names.
    #[must_use]
    pub fn user(schema: Option<Ident>, name: &Ident) -> Self {
        Self { kind: Kind::User, schema, ..Self::builtin(name.as_str()) }
    }

    /// Returns whether the type is PostgreSQL's own (the serial pseudo types included), so that it need not be looked up.
    #[must_use]
    pub fn is_builtin(&self) -> bool {
        self.kind != Kind::User
    }

    /// Returns the schema; built-in types have none.
    #[must_use]
    pub const fn schema(&self) -> Option<&Ident> {
        self.schema.as_ref()
    }

    /// Returns the name without schema, modifiers and array: `numeric`, `character varying`, `userrole`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns what stands in the parentheses: `10,2` of `numeric(10,2)`.
    #[must_use]
    pub fn modifiers(&self) -> Option<&str> {
        self.modifiers.as_deref()
    }

    /// Returns the modifiers as numbers; empty where there are none or where they are not numbers.
    #[must_use]
    pub fn modifier_numbers(&self) -> Vec<i32> {
        self.modifiers
            .as_deref()
            .and_then(|text| text.split(',').map(|part| part.parse().ok()).collect())
            .unwrap_or_default()
    }

    /// Returns the fields that an interval is restricted to: `day to second`.
    #[must_use]
    pub const fn interval_fields(&self) -> Option<&'static str> {
        self.fields
    }

    /// Returns whether this is an array.
    #[must_use]
    pub const fn is_array(&self) -> bool {
        self.array
    }

    /// Returns the type of an array's elements; `None` for what is no array.
    #[must_use]
    pub fn element(&self) -> Option<Self> {
        self.array.then(|| Self { array: false, ..self.clone() })
    }

    /// Returns the array of this type.
    #[must_use]
    pub fn array_of(&self) -> Self {
        Self { array: true, ..self.clone() }
    }

    /// Returns the same type, known to live in `schema`. A built-in type stays as it is.
    #[must_use]
    pub fn with_schema(&self, schema: Ident) -> Self {
        let mut resolved = self.clone();
        if resolved.kind == Kind::User {
            resolved.schema = Some(schema);
        }
        resolved
    }

    /// Returns the type without modifiers and interval fields.
    #[must_use]
    pub fn without_modifiers(&self) -> Self {
        Self { modifiers: None, fields: None, ..self.clone() }
    }

    /// Returns which serial pseudo type this is, if it is one.
    #[must_use]
    pub fn serial(&self) -> Option<SerialKind> {
        if self.kind == Kind::Serial { SerialKind::from_name(&self.name) } else { None }
    }

    /// Returns the type that a column of this type has in the catalog: `integer` for `serial`, otherwise itself.
    #[must_use]
    pub fn underlying(&self) -> Self {
        self.serial().map_or_else(|| self.clone(), SerialKind::underlying)
    }

    /// Resolves a stored name of `pg_catalog` (`int4`, `varchar`); `None` where there is no such type.
    fn from_internal(stored: &str, modifiers: Option<Vec<String>>) -> Option<Result<Self, TypeNameError>> {
        let name = match stored {
            "int2" => "smallint",
            "int4" => "integer",
            "int8" => "bigint",
            "float4" => "real",
            "float8" => "double precision",
            "bool" => "boolean",
            "varchar" => "character varying",
            "varbit" => "bit varying",
            "time" => "time without time zone",
            "timetz" => "time with time zone",
            "timestamp" => "timestamp without time zone",
            "timestamptz" => "timestamp with time zone",
            // Printed as a SQL name, so that reading it again does not add the length 1.
            "bpchar" if modifiers.is_some() => "character",
            "char" => "\"char\"",
            "bit" if modifiers.is_none() => "\"bit\"",
            "any" => "\"any\"",
            _ => {
                let Ok(index) = BUILT_IN.binary_search(&stored) else {
                    // `_int4` is how the catalog stores the array of int4.
                    let element = Self::from_internal(stored.strip_prefix('_')?, modifiers)?;
                    return Some(element.map(|element| element.array_of()));
                };
                BUILT_IN[index]
            }
        };
        Some(Self::builtin(name).with_modifiers(modifiers))
    }

    fn with_modifiers(mut self, modifiers: Option<Vec<String>>) -> Result<Self, TypeNameError> {
        let Some(mut modifiers) = modifiers else { return Ok(self) };
        let wrong = |type_name: &Self, modifiers: &[String]| TypeNameError::Modifier {
            type_name: type_name.name.clone(),
            modifiers: modifiers.join(","),
        };
        let is_number = |text: &String| text.parse::<i32>().is_ok();
        if self.kind == Kind::BuiltIn {
            let most = match self.name.as_str() {
                "numeric" => 2,
                "character" | "character varying" | "bit" | "bit varying" | "interval" => 1,
                name if name.starts_with("time") => 1,
                _ => 0,
            };
            if modifiers.is_empty() || modifiers.len() > most || !modifiers.iter().all(is_number) {
                return Err(wrong(&self, &modifiers));
            }
            if self.name == "numeric" && modifiers.len() == 1 {
                modifiers.push("0".to_owned());
            }
            // The server lowers a precision above 6 with a warning.
            if self.name.starts_with("time") || self.name == "interval" {
                let precision = modifiers[0].parse::<i32>().unwrap_or_default();
                if precision < 0 {
                    return Err(wrong(&self, &modifiers));
                }
                modifiers[0] = precision.min(6).to_string();
            } else {
                for modifier in &mut modifiers {
                    *modifier = modifier.parse::<i32>().unwrap_or_default().to_string();
                }
            }
        }
        self.modifiers = Some(modifiers.join(","));
        Ok(self)
    }
}

impl fmt::Display for TypeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.kind == Kind::User {
            if let Some(schema) = &self.schema {
                write!(f, "{schema}.")?;
            }
            write!(f, "{}", Ident::new(self.name.as_str()))?;
            if let Some(modifiers) = &self.modifiers {
                write!(f, "({modifiers})")?;
            }
        } else {
            // The precision of `timestamp(3) with time zone` stands after the first word.
            let (head, tail) = match self.name.split_once(' ') {
                Some((head @ ("time" | "timestamp"), tail)) => (head, Some(tail)),
                _ => (self.name.as_str(), None),
            };
            f.write_str(head)?;
            if let Some(fields) = self.fields {
                write!(f, " {fields}")?;
            }
            if let Some(modifiers) = &self.modifiers {
                write!(f, "({modifiers})")?;
            }
            if let Some(tail) = tail {
                write!(f, " {tail}")?;
            }
        }
        if self.array { f.write_str("[]") } else { Ok(()) }
    }
}

/// The names of `pg_catalog` that `format_type` prints as they are stored.
///
/// Source: `pg_type` of PostgreSQL 15 to 18. Sorted, for binary search.
const BUILT_IN: &[&str] = &[
    "aclitem",
    "anyarray",
    "anycompatible",
    "anycompatiblearray",
    "anycompatiblemultirange",
    "anycompatiblenonarray",
    "anycompatiblerange",
    "anyelement",
    "anyenum",
    "anymultirange",
    "anynonarray",
    "anyrange",
    "bit",
    "box",
    "bpchar",
    "bytea",
    "cid",
    "cidr",
    "circle",
    "cstring",
    "date",
    "datemultirange",
    "daterange",
    "event_trigger",
    "fdw_handler",
    "gtsvector",
    "index_am_handler",
    "inet",
    "int2vector",
    "int4multirange",
    "int4range",
    "int8multirange",
    "int8range",
    "internal",
    "interval",
    "json",
    "jsonb",
    "jsonpath",
    "language_handler",
    "line",
    "lseg",
    "macaddr",
    "macaddr8",
    "money",
    "name",
    "numeric",
    "nummultirange",
    "numrange",
    "oid",
    "oidvector",
    "path",
    "pg_brin_bloom_summary",
    "pg_brin_minmax_multi_summary",
    "pg_ddl_command",
    "pg_dependencies",
    "pg_lsn",
    "pg_mcv_list",
    "pg_ndistinct",
    "pg_node_tree",
    "pg_snapshot",
    "point",
    "polygon",
    "record",
    "refcursor",
    "regclass",
    "regcollation",
    "regconfig",
    "regdictionary",
    "regnamespace",
    "regoper",
    "regoperator",
    "regproc",
    "regprocedure",
    "regrole",
    "regtype",
    "table_am_handler",
    "text",
    "tid",
    "trigger",
    "tsm_handler",
    "tsmultirange",
    "tsquery",
    "tsrange",
    "tstzmultirange",
    "tstzrange",
    "tsvector",
    "txid_snapshot",
    "unknown",
    "uuid",
    "void",
    "xid",
    "xid8",
    "xml",
];

#[derive(Clone, Debug, PartialEq)]
enum Token {
    /// An unquoted word, folded.
    Word(String),
    /// A quoted identifier, unquoted.
    Quoted(String),
    Number(String),
    Text(String),
    Mark(char),
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Word(text) | Self::Number(text) => f.write_str(text),
            Self::Quoted(text) => write!(f, "\"{text}\""),
            Self::Text(text) => write!(f, "'{text}'"),
            Self::Mark(mark) => write!(f, "{mark}"),
        }
    }
}

fn tokens(text: &str) -> Result<Vec<Token>, TypeNameError> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '$' || !c.is_ascii();
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = if first == '"' || first == '\'' {
            let (inner, length) =
                quoted(rest, first).ok_or_else(|| TypeNameError::Incomplete { text: text.trim().to_owned() })?;
            tokens.push(if first == '"' { Token::Quoted(inner) } else { Token::Text(inner) });
            length
        } else if first.is_ascii_digit() || (first == '-' && rest[1..].starts_with(|c: char| c.is_ascii_digit())) {
            let length = rest[1..].find(|c: char| !c.is_ascii_digit()).map_or(rest.len(), |end| end + 1);
            tokens.push(Token::Number(rest[..length].to_owned()));
            length
        } else if is_word(first) && first != '$' {
            let length = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
            tokens.push(Token::Word(rest[..length].to_ascii_lowercase()));
            length
        } else if "()[].,".contains(first) {
            tokens.push(Token::Mark(first));
            1
        } else {
            return Err(TypeNameError::Unexpected { found: first.to_string() });
        };
        rest = rest[length..].trim_start();
    }
    if tokens.is_empty() { Err(TypeNameError::Empty) } else { Ok(tokens) }
}

/// Returns what a quoted text at the front of `rest` holds, and how many bytes it takes with its quotes.
fn quoted(rest: &str, quote: char) -> Option<(String, usize)> {
    let mut inner = String::new();
    let mut chars = rest.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if c != quote {
            inner.push(c);
        } else if chars.next_if(|(_, next)| *next == quote).is_some() {
            inner.push(quote);
        } else {
            return Some((inner, at + 1));
        }
    }
    None
}

struct Parser<'a> {
    text: &'a str,
    tokens: &'a [Token],
    next: usize,
}

impl Parser<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.next)
    }

    fn eat(&mut self, mark: char) -> bool {
        let found = self.peek() == Some(&Token::Mark(mark));
        self.next += usize::from(found);
        found
    }

    fn eat_word(&mut self, word: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Word(found)) if found == word);
        self.next += usize::from(found);
        found
    }

    fn unexpected(&self) -> TypeNameError {
        match self.peek() {
            Some(token) => TypeNameError::Unexpected { found: token.to_string() },
            None => TypeNameError::Incomplete { text: self.text.trim().to_owned() },
        }
    }

    fn expect_word(&mut self, word: &str) -> Result<(), TypeNameError> {
        if self.eat_word(word) { Ok(()) } else { Err(self.unexpected()) }
    }

    fn simple(&mut self) -> Result<TypeName, TypeNameError> {
        let qualified = self.tokens.get(1) == Some(&Token::Mark('.'));
        if let Some(Token::Word(word)) = self.peek()
            && !qualified
        {
            let word = word.clone();
            self.next += 1;
            if let Some(found) = self.keyword(&word)? {
                return Ok(found);
            }
            self.next -= 1;
        }
        self.generic()
    }

    /// Reads the types whose names are key words; `None` where `word` is an ordinary name.
    fn keyword(&mut self, word: &str) -> Result<Option<TypeName>, TypeNameError> {
        let found = match word {
            "int" | "integer" => TypeName::builtin("integer"),
            "smallint" => TypeName::builtin("smallint"),
            "bigint" => TypeName::builtin("bigint"),
            "real" => TypeName::builtin("real"),
            "boolean" => TypeName::builtin("boolean"),
            "double" => {
                self.expect_word("precision")?;
                TypeName::builtin("double precision")
            }
            "float" => self.float()?,
            "decimal" | "dec" | "numeric" => {
                let modifiers = self.modifiers()?;
                TypeName::builtin("numeric").with_modifiers(modifiers)?
            }
            "character" | "char" | "nchar" => self.character()?,
            "national" => {
                if !self.eat_word("character") {
                    self.expect_word("char")?;
                }
                self.character()?
            }
            "varchar" => {
                let modifiers = self.modifiers()?;
                TypeName::builtin("character varying").with_modifiers(modifiers)?
            }
            "bit" => {
                let varying = self.eat_word("varying");
                let modifiers = self.modifiers()?;
                if varying {
                    TypeName::builtin("bit varying").with_modifiers(modifiers)?
                } else {
                    TypeName::builtin("bit").with_modifiers(modifiers.or_else(|| Some(vec!["1".to_owned()])))?
                }
            }
            "time" | "timestamp" => {
                let modifiers = self.modifiers()?;
                let with_zone = if self.eat_word("with") {
                    self.expect_word("time")?;
                    self.expect_word("zone")?;
                    true
                } else {
                    if self.eat_word("without") {
                        self.expect_word("time")?;
                        self.expect_word("zone")?;
                    }
                    false
                };
                let zone = if with_zone { "with" } else { "without" };
                TypeName::builtin(&format!("{word} {zone} time zone")).with_modifiers(modifiers)?
            }
            "interval" => self.interval()?,
            "setof" => return Err(TypeNameError::Unexpected { found: "SETOF".to_owned() }),
            _ => return Ok(None),
        };
        Ok(Some(found))
    }

    fn float(&mut self) -> Result<TypeName, TypeNameError> {
        let Some(modifiers) = self.modifiers()? else { return Ok(TypeName::builtin("double precision")) };
        match modifiers.as_slice() {
            [digits] if matches!(digits.parse(), Ok(1..=24)) => Ok(TypeName::builtin("real")),
            [digits] if matches!(digits.parse(), Ok(25..=53)) => Ok(TypeName::builtin("double precision")),
            _ => Err(TypeNameError::Modifier { type_name: "float".to_owned(), modifiers: modifiers.join(",") }),
        }
    }

    fn character(&mut self) -> Result<TypeName, TypeNameError> {
        let varying = self.eat_word("varying");
        let modifiers = self.modifiers()?;
        if varying {
            TypeName::builtin("character varying").with_modifiers(modifiers)
        } else {
            TypeName::builtin("character").with_modifiers(modifiers.or_else(|| Some(vec!["1".to_owned()])))
        }
    }

    fn interval(&mut self) -> Result<TypeName, TypeNameError> {
        let mut interval = TypeName::builtin("interval");
        if self.peek() == Some(&Token::Mark('(')) {
            let modifiers = self.modifiers()?;
            return interval.with_modifiers(modifiers);
        }
        for (words, fields) in INTERVAL_FIELDS {
            let fits = words.split(' ').enumerate().all(|(offset, word)| {
                matches!(self.tokens.get(self.next + offset), Some(Token::Word(found)) if found == word)
            });
            if fits {
                self.next += words.split(' ').count();
                interval.fields = Some(fields);
                break;
            }
        }
        if interval.fields.is_some_and(|fields| fields.ends_with("second")) {
            let modifiers = self.modifiers()?;
            return interval.with_modifiers(modifiers);
        }
        Ok(interval)
    }

    fn generic(&mut self) -> Result<TypeName, TypeNameError> {
        let mut parts = Vec::new();
        loop {
            match self.peek() {
                Some(Token::Word(name) | Token::Quoted(name)) => parts.push(name.clone()),
                _ => return Err(self.unexpected()),
            }
            self.next += 1;
            if !self.eat('.') {
                break;
            }
        }
        let modifiers = self.modifiers()?;
        let (schema, name) = match parts.as_slice() {
            [name] => (None, name),
            [schema, name] => (Some(schema), name),
            _ => return Err(TypeNameError::Unexpected { found: parts.join(".") }),
        };
        if schema.is_none_or(|schema| schema == "pg_catalog") {
            if let Some(builtin) = TypeName::from_internal(name, modifiers.clone()) {
                return builtin;
            }
            if schema.is_none()
                && let Some(serial) = SerialKind::from_name(name)
            {
                if let Some(modifiers) = modifiers {
                    return Err(TypeNameError::Modifier { type_name: name.clone(), modifiers: modifiers.join(",") });
                }
                return Ok(TypeName { kind: Kind::Serial, ..TypeName::builtin(serial.name()) });
            }
        }
        TypeName::user(schema.map(|schema| Ident::new(schema.as_str())), &Ident::new(name.as_str()))
            .with_modifiers(modifiers)
    }

    fn modifiers(&mut self) -> Result<Option<Vec<String>>, TypeNameError> {
        if !self.eat('(') {
            return Ok(None);
        }
        let mut modifiers = Vec::new();
        loop {
            match self.peek() {
                Some(Token::Word(text) | Token::Number(text) | Token::Text(text) | Token::Quoted(text)) => {
                    modifiers.push(text.clone());
                }
                _ => return Err(self.unexpected()),
            }
            self.next += 1;
            if self.eat(')') {
                return Ok(Some(modifiers));
            }
            if !self.eat(',') {
                return Err(self.unexpected());
            }
        }
    }

    fn array_bounds(&mut self) -> Result<bool, TypeNameError> {
        let word = self.eat_word("array");
        let mut found = word;
        while self.eat('[') {
            found = true;
            if matches!(self.peek(), Some(Token::Number(_))) {
                self.next += 1;
            }
            if !self.eat(']') {
                return Err(self.unexpected());
            }
            if word {
                break;
            }
        }
        Ok(found)
    }
}

/// What an interval can be restricted to; the longer forms first, as the first that fits is taken.
const INTERVAL_FIELDS: [(&str, &str); 13] = [
    ("year to month", "year to month"),
    ("day to hour", "day to hour"),
    ("day to minute", "day to minute"),
    ("day to second", "day to second"),
    ("hour to minute", "hour to minute"),
    ("hour to second", "hour to second"),
    ("minute to second", "minute to second"),
    ("year", "year"),
    ("month", "month"),
    ("day", "day"),
    ("hour", "hour"),
    ("minute", "minute"),
    ("second", "second"),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// Each line: a type as written, and what PostgreSQL says it is (`format_type` with an empty search path).
    const CASES: &str = include_str!("../../tests/cases/types.txt");

    #[test]
    fn types_print_as_format_type_prints_them() {
        let mut count = 0;
        for line in CASES.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
            let (written, printed) = line.split_once(" | ").unwrap();
            let type_name = TypeName::parse(written).unwrap_or_else(|error| panic!("{written}: {error}"));
            assert_eq!(type_name.to_string(), printed, "written {written}");
            assert_eq!(TypeName::parse(printed).as_ref(), Ok(&type_name), "printed {printed}");
            count += 1;
        }
        assert!(count >= 120, "only {count} cases");
    }

    #[test]
    fn serial_is_a_pseudo_type() {
        for (written, kind, underlying) in [
            ("serial", SerialKind::Regular, "integer"),
            ("SERIAL4", SerialKind::Regular, "integer"),
            ("bigserial", SerialKind::Big, "bigint"),
            ("serial8", SerialKind::Big, "bigint"),
            ("smallserial", SerialKind::Small, "smallint"),
            ("serial2", SerialKind::Small, "smallint"),
        ] {
            let type_name = TypeName::parse(written).unwrap();
            assert_eq!(type_name.serial(), Some(kind));
            assert_eq!(type_name.underlying().to_string(), underlying);
        }
        assert_eq!(TypeName::parse("integer").unwrap().serial(), None);
    }

    #[test]
    fn parts_can_be_asked_for() {
        let numeric = TypeName::parse("numeric(10, 2)[]").unwrap();
        assert_eq!((numeric.name(), numeric.modifiers()), ("numeric", Some("10,2")));
        assert_eq!(numeric.modifier_numbers(), [10, 2]);
        assert_eq!(numeric.element().unwrap().to_string(), "numeric(10,2)");
        assert_eq!(numeric.without_modifiers().to_string(), "numeric[]");
        let role = TypeName::parse("UserRole").unwrap();
        assert!(!role.is_builtin() && role.schema().is_none());
        assert_eq!(role.with_schema(Ident::new("public")).to_string(), "public.userrole");
        assert_eq!(TypeName::parse("public.\"UserRole\"").unwrap().to_string(), "public.\"UserRole\"");
    }

    #[test]
    fn what_is_no_type_is_refused() {
        for written in
            ["", "  ", "int(5)", "double", "numeric(", "a.b.c", "text text", "setof text", "varchar(x)", "\"a", "a;b"]
        {
            assert!(TypeName::parse(written).is_err(), "{written}");
        }
    }

    #[test]
    fn built_in_names_are_sorted() {
        assert!(BUILT_IN.is_sorted());
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in ".*") {
            let _ = TypeName::parse(&text);
        }

        #[test]
        fn printing_and_reading_gives_the_type_back(text in "[a-zA-Z\" .(),0-9\\[\\]]{0,30}") {
            if let Ok(type_name) = TypeName::parse(&text) {
                proptest::prop_assert_eq!(TypeName::parse(&type_name.to_string()), Ok(type_name));
            }
        }
    }
}
