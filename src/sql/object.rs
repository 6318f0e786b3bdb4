//! Views, routines, triggers, policies, comments and privileges: what such a statement says, and how it is read.
//!
//! The reader takes what people write and what the server prints of a view, routine or trigger alike, so that both can be
//! compared part by part.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    pg::{Ident, QualifiedName, TypeName},
    script::Span,
};

use super::{
    ast::{Expression, Fragment, Name, Relation, StatementKind, Timing},
    cursor::Cursor,
    lexer::TokenKind,
};

/// An object as COMMENT ON, GRANT, REVOKE and DROP name it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ObjectRef {
    /// A table, view, index or sequence.
    Relation {
        /// The word that the statement uses for it.
        kind: RelationWord,
        /// Its name.
        name: QualifiedName,
    },
    /// A column.
    Column {
        /// Its table or view.
        table: QualifiedName,
        /// Its name.
        column: Ident,
    },
    /// A constraint of a table.
    Constraint {
        /// The table.
        table: QualifiedName,
        /// Its name.
        name: Ident,
    },
    /// A trigger.
    Trigger {
        /// Its table.
        table: QualifiedName,
        /// Its name.
        name: Ident,
    },
    /// A policy.
    Policy {
        /// Its table.
        table: QualifiedName,
        /// Its name.
        name: Ident,
    },
    /// A function or procedure.
    Routine {
        /// The word that the statement uses for it.
        kind: RoutineWord,
        /// Its name.
        name: QualifiedName,
        /// The types of its input arguments; `None` where they are left out.
        arguments: Option<Vec<TypeName>>,
    },
    /// A type or domain.
    Type(QualifiedName),
    /// A schema.
    Schema(Ident),
    /// An extension.
    Extension(Ident),
    /// A database.
    Database(Ident),
}

/// The word that a statement uses for a relation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RelationWord {
    /// `TABLE`; in GRANT also a view.
    Table,
    /// `VIEW`.
    View,
    /// `MATERIALIZED VIEW`.
    MaterializedView,
    /// `INDEX`.
    Index,
    /// `SEQUENCE`.
    Sequence,
}

impl RelationWord {
    /// Returns the key word.
    #[must_use]
    pub const fn sql(self) -> &'static str {
        match self {
            Self::Table => "TABLE",
            Self::View => "VIEW",
            Self::MaterializedView => "MATERIALIZED VIEW",
            Self::Index => "INDEX",
            Self::Sequence => "SEQUENCE",
        }
    }
}

/// The word that a statement uses for a routine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RoutineWord {
    /// `FUNCTION`.
    Function,
    /// `PROCEDURE`.
    Procedure,
    /// `ROUTINE`: either.
    Routine,
}

impl RoutineWord {
    /// Returns the key word.
    #[must_use]
    pub const fn sql(self) -> &'static str {
        match self {
            Self::Function => "FUNCTION",
            Self::Procedure => "PROCEDURE",
            Self::Routine => "ROUTINE",
        }
    }
}

/// `COMMENT ON`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comment {
    /// The object.
    pub on: ObjectRef,
    /// The comment, decoded; `None` for `IS NULL`.
    pub text: Option<String>,
}

/// `GRANT` or `REVOKE` of privileges on one object or several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The objects, each with its place.
    pub objects: Vec<(ObjectRef, Span)>,
    /// What is said of each.
    pub terms: GrantTerms,
}

/// What a `GRANT` or `REVOKE` says of its object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantTerms {
    /// `GRANT`, rather than `REVOKE`.
    pub grant: bool,
    /// The privileges, upper case, each with its columns; `None` for ALL, perhaps of columns.
    pub privileges: Vec<(Option<String>, Vec<Ident>)>,
    /// The roles; `None` for PUBLIC.
    pub roles: Vec<Option<Ident>>,
    /// `WITH GRANT OPTION`, or `GRANT OPTION FOR`.
    pub grant_option: bool,
    /// `CASCADE`.
    pub cascade: bool,
}

/// `CREATE VIEW` or `CREATE MATERIALIZED VIEW`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// The view.
    pub name: Relation,
    /// A materialised one.
    pub materialized: bool,
    /// `OR REPLACE`.
    pub or_replace: bool,
    /// The names of its columns, where written.
    pub columns: Vec<Ident>,
    /// `WITH (…)`, and `check_option` for `WITH … CHECK OPTION`.
    pub options: BTreeMap<String, String>,
    /// The query.
    pub query: Fragment,
    /// `WITH NO DATA` is not written.
    pub with_data: bool,
}

/// `CREATE FUNCTION` or `CREATE PROCEDURE`.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "each is an independent word of the grammar")]
pub struct Routine {
    /// `PROCEDURE`, rather than `FUNCTION`.
    pub procedure: bool,
    /// `OR REPLACE`.
    pub or_replace: bool,
    /// The routine.
    pub name: Relation,
    /// Its arguments in order, the columns of `RETURNS TABLE` included.
    pub arguments: Vec<RoutineArgument>,
    /// `RETURNS`, and whether a set; `None` where not written, and for `RETURNS TABLE`.
    pub returns: Option<(TypeName, bool)>,
    /// `LANGUAGE`, lower case.
    pub language: String,
    /// `IMMUTABLE`, `STABLE` or `VOLATILE`.
    pub volatility: &'static str,
    /// `STRICT`.
    pub strict: bool,
    /// `SECURITY DEFINER`.
    pub security_definer: bool,
    /// `LEAKPROOF`.
    pub leakproof: bool,
    /// `UNSAFE`, `RESTRICTED` or `SAFE`.
    pub parallel: &'static str,
    /// `COST`, where written.
    pub cost: Option<String>,
    /// `ROWS`, where written.
    pub rows: Option<String>,
    /// `SET`: each setting with the values of its list.
    pub settings: BTreeMap<String, Vec<String>>,
    /// Its body.
    pub body: RoutineBody,
}

impl Routine {
    /// Returns the types that tell it from others of its name.
    #[must_use]
    pub fn signature(&self) -> Vec<TypeName> {
        self.arguments.iter().filter(|argument| argument.mode.is_input()).map(|a| a.type_name.clone()).collect()
    }
}

/// The body of a routine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RoutineBody {
    /// `AS '…'`, decoded.
    Text(String),
    /// `RETURN …` or `BEGIN ATOMIC … END`: its tokens, which the server keeps parsed and prints in its own way.
    Parsed(String),
}

/// An argument of a routine, or a column of the table that it returns.
#[derive(Clone, Debug, PartialEq)]
pub struct RoutineArgument {
    /// How it is passed.
    pub mode: ArgumentMode,
    /// Its name.
    pub name: Option<Ident>,
    /// Its type, without modifiers: the server drops those.
    pub type_name: TypeName,
    /// Where the type stands.
    pub type_span: Span,
    /// `DEFAULT`.
    pub default: Option<Expression>,
}

/// How an argument is passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArgumentMode {
    /// `IN`.
    In,
    /// `OUT`.
    Out,
    /// `INOUT`.
    InOut,
    /// `VARIADIC`.
    Variadic,
    /// A column of `RETURNS TABLE`.
    Table,
}

impl ArgumentMode {
    /// Returns whether a caller gives it.
    #[must_use]
    pub const fn is_input(self) -> bool {
        matches!(self, Self::In | Self::InOut | Self::Variadic)
    }
}

/// `CREATE TRIGGER`.
#[derive(Clone, Debug, PartialEq)]
pub struct Trigger {
    /// The trigger.
    pub name: Name,
    /// `OR REPLACE`.
    pub or_replace: bool,
    /// `CONSTRAINT`.
    pub constraint: bool,
    /// Its table.
    pub table: Relation,
    /// `BEFORE`, `AFTER` or `INSTEAD OF`.
    pub timing: &'static str,
    /// The events, and the columns of `UPDATE OF`.
    pub events: BTreeSet<&'static str>,
    /// The columns of `UPDATE OF`.
    pub columns: BTreeSet<Ident>,
    /// `FROM table`, of a constraint trigger.
    pub from: Option<QualifiedName>,
    /// `DEFERRABLE`, `INITIALLY DEFERRED`.
    pub deferral: Timing,
    /// `REFERENCING OLD TABLE AS`.
    pub old_table: Option<Ident>,
    /// `REFERENCING NEW TABLE AS`.
    pub new_table: Option<Ident>,
    /// `FOR EACH ROW`, rather than `STATEMENT`.
    pub for_each_row: bool,
    /// `WHEN`.
    pub condition: Option<Expression>,
    /// The function.
    pub function: Relation,
    /// Its arguments.
    pub arguments: Vec<String>,
}

/// `CREATE POLICY`.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// The policy.
    pub name: Name,
    /// Its table.
    pub table: Relation,
    /// `PERMISSIVE`, rather than `RESTRICTIVE`.
    pub permissive: bool,
    /// `ALL`, `SELECT`, `INSERT`, `UPDATE` or `DELETE`.
    pub command: &'static str,
    /// The roles; `None` for PUBLIC.
    pub roles: BTreeSet<Option<Ident>>,
    /// `USING`.
    pub using: Option<Expression>,
    /// `WITH CHECK`.
    pub check: Option<Expression>,
}

/// `DROP FUNCTION`, `DROP TRIGGER`, `DROP POLICY`: what `DROP` of a mere name does not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DropObjects {
    /// The objects, each with its place.
    pub objects: Vec<(ObjectRef, Span)>,
    /// `CASCADE`.
    pub cascade: bool,
}

impl Cursor<'_> {
    /// Takes `COMMENT ON`.
    pub(super) fn comment(&mut self) -> Option<Comment> {
        self.expect(&["COMMENT", "ON"])?;
        let relation = |kind| move |name: Relation| ObjectRef::Relation { kind, name: name.name };
        let on = if self.eat_word("TABLE") {
            relation(RelationWord::Table)(self.relation()?)
        } else if self.eat_word("VIEW") {
            relation(RelationWord::View)(self.relation()?)
        } else if self.eat(&["MATERIALIZED", "VIEW"]) {
            relation(RelationWord::MaterializedView)(self.relation()?)
        } else if self.eat_word("INDEX") {
            relation(RelationWord::Index)(self.relation()?)
        } else if self.eat_word("SEQUENCE") {
            relation(RelationWord::Sequence)(self.relation()?)
        } else if self.eat_word("COLUMN") {
            self.column_ref()?
        } else if self.eat_word("CONSTRAINT") {
            let name = self.ident()?.ident;
            self.expect(&["ON"])?;
            if self.is_word("DOMAIN") {
                return None;
            }
            ObjectRef::Constraint { name, table: self.relation()?.name }
        } else if self.is_word("TRIGGER") || self.is_word("POLICY") {
            self.part_of_table()?
        } else if let Some(kind) = self.routine_word() {
            self.routine_ref(kind)?
        } else if self.eat_word("TYPE") || self.eat_word("DOMAIN") {
            ObjectRef::Type(self.relation()?.name)
        } else if self.eat_word("SCHEMA") {
            ObjectRef::Schema(self.ident()?.ident)
        } else if self.eat_word("EXTENSION") {
            ObjectRef::Extension(self.ident()?.ident)
        } else {
            self.expect(&["DATABASE"])?;
            ObjectRef::Database(self.ident()?.ident)
        };
        self.expect(&["IS"])?;
        let text = if self.eat_word("NULL") { None } else { Some(self.string()?.text) };
        self.end()?;
        // An empty comment is none.
        Some(Comment { on, text: text.filter(|text| !text.is_empty()) })
    }

    /// Takes `table.column` or `schema.table.column`.
    fn column_ref(&mut self) -> Option<ObjectRef> {
        let first = self.ident()?.ident;
        self.expect_kind(TokenKind::Dot)?;
        let second = self.any_ident()?.ident;
        let (table, column) = if self.eat_kind(TokenKind::Dot) {
            (QualifiedName { schema: Some(first), name: second }, self.any_ident()?.ident)
        } else {
            (QualifiedName::unqualified(first), second)
        };
        Some(ObjectRef::Column { table, column })
    }

    /// Takes `TRIGGER name ON table` or `POLICY name ON table`.
    fn part_of_table(&mut self) -> Option<ObjectRef> {
        let trigger = self.eat_word("TRIGGER");
        if !trigger {
            self.expect(&["POLICY"])?;
        }
        self.eat(&["IF", "EXISTS"]);
        let name = self.ident()?.ident;
        self.expect(&["ON"])?;
        let table = self.relation()?.name;
        Some(if trigger { ObjectRef::Trigger { table, name } } else { ObjectRef::Policy { table, name } })
    }

    fn routine_word(&mut self) -> Option<RoutineWord> {
        if self.eat_word("FUNCTION") {
            Some(RoutineWord::Function)
        } else if self.eat_word("PROCEDURE") {
            Some(RoutineWord::Procedure)
        } else {
            self.eat_word("ROUTINE").then_some(RoutineWord::Routine)
        }
    }

    /// Takes `name`, or `name(types)`.
    fn routine_ref(&mut self, kind: RoutineWord) -> Option<ObjectRef> {
        let name = self.relation()?.name;
        let arguments = if self.kind() == Some(TokenKind::OpenParen) {
            let arguments = self.routine_arguments()?;
            if arguments.iter().any(|argument| argument.default.is_some()) {
                return None;
            }
            let input = arguments.into_iter().filter(|argument| argument.mode.is_input());
            Some(input.map(|argument| argument.type_name).collect())
        } else {
            None
        };
        Some(ObjectRef::Routine { kind, name, arguments })
    }

    /// Takes `GRANT` or `REVOKE` of privileges.
    pub(super) fn grant(&mut self) -> Option<Grant> {
        let grant = self.eat_word("GRANT");
        if !grant {
            self.expect(&["REVOKE"])?;
        }
        let mut grant_option = !grant && self.eat(&["GRANT", "OPTION", "FOR"]);
        let mut privileges = vec![self.privilege()?];
        while self.eat_kind(TokenKind::Comma) {
            privileges.push(self.privilege()?);
        }
        self.expect(&["ON"])?;
        let objects = self.granted()?;
        self.expect(&[if grant { "TO" } else { "FROM" }])?;
        let mut roles = vec![self.role()?];
        while self.eat_kind(TokenKind::Comma) {
            roles.push(self.role()?);
        }
        if grant {
            grant_option = self.eat(&["WITH", "GRANT", "OPTION"]);
        }
        let cascade = !grant && self.eat_word("CASCADE");
        if !grant && !cascade {
            self.eat_word("RESTRICT");
        }
        self.end()?;
        Some(Grant { objects, terms: GrantTerms { grant, privileges, roles, grant_option, cascade } })
    }

    fn privilege(&mut self) -> Option<(Option<String>, Vec<Ident>)> {
        const KNOWN: [&str; 15] = [
            "SELECT",
            "INSERT",
            "UPDATE",
            "DELETE",
            "TRUNCATE",
            "REFERENCES",
            "TRIGGER",
            "MAINTAIN",
            "USAGE",
            "CREATE",
            "CONNECT",
            "TEMPORARY",
            "TEMP",
            "EXECUTE",
            "ALL",
        ];
        let word = self.word()?.to_ascii_uppercase();
        if !KNOWN.contains(&word.as_str()) {
            return None;
        }
        self.bump()?;
        let name = match word.as_str() {
            "ALL" => {
                self.eat_word("PRIVILEGES");
                None
            }
            "TEMP" => Some("TEMPORARY".to_owned()),
            _ => Some(word),
        };
        let columns = if self.kind() == Some(TokenKind::OpenParen) {
            self.column_list()?.into_iter().map(|column| column.ident).collect()
        } else {
            Vec::new()
        };
        Some((name, columns))
    }

    fn granted(&mut self) -> Option<Vec<(ObjectRef, Span)>> {
        let routine = self.routine_word();
        let word = if routine.is_some() {
            ""
        } else {
            let words = ["TABLE", "SEQUENCE", "SCHEMA", "TYPE", "DOMAIN", "DATABASE"];
            let found = words.into_iter().find(|word| self.is_word(word) && self.kind_at(1) != Some(TokenKind::Dot));
            found
                .inspect(|word| {
                    self.eat_word(word);
                })
                .unwrap_or("")
        };
        let mut objects = Vec::new();
        loop {
            let start = self.start();
            let object = match (routine, word) {
                (Some(kind), _) => self.routine_ref(kind)?,
                (None, "SCHEMA") => ObjectRef::Schema(self.ident()?.ident),
                (None, "DATABASE") => ObjectRef::Database(self.ident()?.ident),
                (None, "TYPE" | "DOMAIN") => ObjectRef::Type(self.relation()?.name),
                (None, "SEQUENCE") => ObjectRef::Relation { kind: RelationWord::Sequence, name: self.relation()?.name },
                _ => ObjectRef::Relation { kind: RelationWord::Table, name: self.relation()?.name },
            };
            objects.push((object, self.span_from(start)));
            if !self.eat_kind(TokenKind::Comma) {
                return Some(objects);
            }
        }
    }

    /// Takes the name of a role; `Some(None)` is PUBLIC. `CURRENT_USER` and its kin are not read.
    #[expect(clippy::option_option, reason = "the outer layer is this room's way to say that it cannot be read")]
    fn role(&mut self) -> Option<Option<Ident>> {
        self.eat_word("GROUP");
        if self.eat_word("PUBLIC") {
            return Some(None);
        }
        if self.is_any_word(&["CURRENT_USER", "CURRENT_ROLE", "SESSION_USER", "NONE"]) {
            return None;
        }
        Some(Some(self.ident()?.ident))
    }

    /// Takes a view from after `CREATE [OR REPLACE]`.
    pub(super) fn create_view(&mut self, or_replace: bool) -> Option<View> {
        let materialized = self.eat_word("MATERIALIZED");
        self.expect(&["VIEW"])?;
        if materialized {
            self.eat(&["IF", "NOT", "EXISTS"]);
        }
        let name = self.relation()?;
        let columns = if self.kind() == Some(TokenKind::OpenParen) { self.column_list()? } else { Vec::new() };
        let mut options: BTreeMap<String, String> =
            if self.eat_word("WITH") { self.storage_parameters()?.into_iter().collect() } else { BTreeMap::new() };
        self.expect(&["AS"])?;
        let start = self.start();
        let ends = |cursor: &Self| {
            cursor.is_word("WITH")
                && (cursor.is_words(&["WITH", "DATA"])
                    || cursor.is_words(&["WITH", "NO", "DATA"])
                    || cursor.is_words(&["WITH", "CHECK", "OPTION"])
                    || cursor.is_word_at(2, "CHECK"))
        };
        self.skip_until(ends)?;
        let query = self.fragment_from(start);
        let mut with_data = true;
        if materialized {
            with_data = !self.eat(&["WITH", "NO", "DATA"]);
            if with_data {
                self.eat(&["WITH", "DATA"]);
            }
        } else if self.eat_word("WITH") {
            let local = self.eat_word("LOCAL");
            if !local {
                self.eat_word("CASCADED");
            }
            self.expect(&["CHECK", "OPTION"])?;
            options.insert("check_option".to_owned(), if local { "local" } else { "cascaded" }.to_owned());
        }
        self.end()?;
        let columns = columns.into_iter().map(|column| column.ident).collect();
        Some(View { name, materialized, or_replace, columns, options, query, with_data })
    }

    /// Takes a routine from after `CREATE [OR REPLACE]`.
    pub(super) fn create_routine(&mut self, or_replace: bool) -> Option<Routine> {
        let procedure = self.eat_word("PROCEDURE");
        if !procedure {
            self.expect(&["FUNCTION"])?;
        }
        let name = self.relation()?;
        let mut arguments = self.routine_arguments()?;
        let mut returns = None;
        if !procedure && self.eat_word("RETURNS") {
            if self.eat_word("TABLE") {
                arguments.extend(self.table_columns()?);
            } else {
                let set = self.eat_word("SETOF");
                returns = Some((self.routine_type()?.0, set));
            }
        }
        let mut routine = Routine {
            procedure,
            or_replace,
            name,
            arguments,
            returns,
            language: String::new(),
            volatility: "VOLATILE",
            strict: false,
            security_definer: false,
            leakproof: false,
            parallel: "UNSAFE",
            cost: None,
            rows: None,
            settings: BTreeMap::new(),
            body: RoutineBody::Text(String::new()),
        };
        let mut body = None;
        while !self.at_end() {
            if body.is_none() && (self.is_word("RETURN") || self.is_words(&["BEGIN", "ATOMIC"])) {
                let mark = self.mark();
                self.guess();
                while self.bump().is_some() {}
                body = Some(RoutineBody::Parsed(self.tokens_since(mark)));
            } else if body.is_none() && self.eat_word("AS") {
                body = Some(RoutineBody::Text(self.string()?.text));
                // `AS 'file', 'symbol'` belongs to C.
                if self.kind() == Some(TokenKind::Comma) {
                    return None;
                }
            } else {
                self.routine_option(&mut routine)?;
            }
        }
        routine.body = body?;
        if routine.language.is_empty() {
            if matches!(routine.body, RoutineBody::Text(_)) {
                return None;
            }
            "sql".clone_into(&mut routine.language);
        }
        Some(routine)
    }

    fn routine_option(&mut self, routine: &mut Routine) -> Option<()> {
        if self.eat_word("LANGUAGE") {
            routine.language = if self.kind().is_some_and(TokenKind::is_text) {
                self.string()?.text.to_ascii_lowercase()
            } else {
                self.any_ident()?.ident.as_str().to_owned()
            };
        } else if self.eat_word("IMMUTABLE") {
            routine.volatility = "IMMUTABLE";
        } else if self.eat_word("STABLE") {
            routine.volatility = "STABLE";
        } else if self.eat_word("VOLATILE") {
            routine.volatility = "VOLATILE";
        } else if self.eat_word("STRICT") || self.eat(&["RETURNS", "NULL", "ON", "NULL", "INPUT"]) {
            routine.strict = true;
        } else if self.eat(&["CALLED", "ON", "NULL", "INPUT"]) {
            routine.strict = false;
        } else if self.eat_word("LEAKPROOF") {
            routine.leakproof = true;
        } else if self.eat(&["NOT", "LEAKPROOF"]) {
            routine.leakproof = false;
        } else if self.is_words(&["EXTERNAL", "SECURITY"]) || self.is_word("SECURITY") {
            self.eat_word("EXTERNAL");
            self.expect(&["SECURITY"])?;
            routine.security_definer = self.eat_word("DEFINER");
            if !routine.security_definer {
                self.expect(&["INVOKER"])?;
            }
        } else if self.eat_word("PARALLEL") {
            let words = ["UNSAFE", "RESTRICTED", "SAFE"];
            routine.parallel = words.into_iter().find(|word| self.eat_word(word))?;
        } else if self.eat_word("COST") {
            routine.cost = Some(self.number()?);
        } else if self.eat_word("ROWS") {
            routine.rows = Some(self.number()?);
        } else {
            self.expect(&["SET"])?;
            let mut name = self.any_ident()?.ident.as_str().to_owned();
            if self.eat_kind(TokenKind::Dot) {
                name = format!("{name}.{}", self.any_ident()?.ident.as_str());
            }
            if !self.eat_operator("=") {
                self.expect(&["TO"])?;
            }
            if self.is_word("DEFAULT") {
                return None;
            }
            let mut values = vec![self.parameter_value()?];
            while self.eat_kind(TokenKind::Comma) {
                values.push(self.parameter_value()?);
            }
            routine.settings.insert(name, values);
        }
        Some(())
    }

    fn number(&mut self) -> Option<String> {
        let token = self.bump().filter(|token| token.kind == TokenKind::Number)?;
        let text = self.text_of(token.span);
        Some(text.parse::<f32>().map_or_else(|_| text.to_owned(), |number| number.to_string()))
    }

    /// Takes `(…)` with the arguments of a routine.
    fn routine_arguments(&mut self) -> Option<Vec<RoutineArgument>> {
        self.expect_kind(TokenKind::OpenParen)?;
        let mut arguments = Vec::new();
        if self.eat_kind(TokenKind::CloseParen) {
            return Some(arguments);
        }
        loop {
            arguments.push(self.routine_argument()?);
            if self.eat_kind(TokenKind::CloseParen) {
                return Some(arguments);
            }
            self.expect_kind(TokenKind::Comma)?;
        }
    }

    fn argument_mode(&mut self) -> Option<ArgumentMode> {
        if self.eat_word("INOUT") || self.eat(&["IN", "OUT"]) {
            Some(ArgumentMode::InOut)
        } else if self.eat_word("IN") {
            Some(ArgumentMode::In)
        } else if self.eat_word("OUT") {
            Some(ArgumentMode::Out)
        } else {
            self.eat_word("VARIADIC").then_some(ArgumentMode::Variadic)
        }
    }

    fn routine_argument(&mut self) -> Option<RoutineArgument> {
        let ends = |cursor: &Self| {
            matches!(cursor.kind(), Some(TokenKind::Comma | TokenKind::CloseParen))
                || cursor.is_word("DEFAULT")
                || cursor.operator() == Some("=")
        };
        let before = self.argument_mode();
        let mark = self.mark();
        let mut mode = before;
        let mut name = None;
        // A type alone, unless more words follow.
        let (type_name, type_span) = if let Some(found) = self.routine_type().filter(|_| ends(self)) {
            found
        } else {
            self.reset(mark);
            name = Some(self.any_ident()?.ident);
            mode = before.or_else(|| self.argument_mode());
            self.routine_type().filter(|_| ends(self))?
        };
        let default = if self.eat_word("DEFAULT") || self.eat_operator("=") {
            Some(self.expression_until(|cursor| cursor.kind() == Some(TokenKind::Comma))?)
        } else {
            None
        };
        Some(RoutineArgument { mode: mode.unwrap_or(ArgumentMode::In), name, type_name, type_span, default })
    }

    /// Takes the columns of `RETURNS TABLE`.
    fn table_columns(&mut self) -> Option<Vec<RoutineArgument>> {
        self.expect_kind(TokenKind::OpenParen)?;
        let mut columns = Vec::new();
        loop {
            let name = Some(self.any_ident()?.ident);
            let (type_name, type_span) = self.routine_type()?;
            columns.push(RoutineArgument { mode: ArgumentMode::Table, name, type_name, type_span, default: None });
            if self.eat_kind(TokenKind::CloseParen) {
                return Some(columns);
            }
            self.expect_kind(TokenKind::Comma)?;
        }
    }

    /// Takes a type of an argument or result; `%TYPE` and the serial pseudo types are not read.
    fn routine_type(&mut self) -> Option<(TypeName, Span)> {
        let (type_name, span) = self.type_name()?;
        (self.operator() != Some("%") && type_name.serial().is_none()).then(|| (type_name.without_modifiers(), span))
    }

    /// Takes a trigger from after `CREATE [OR REPLACE]`.
    pub(super) fn create_trigger(&mut self, or_replace: bool) -> Option<Trigger> {
        let constraint = self.eat_word("CONSTRAINT");
        self.expect(&["TRIGGER"])?;
        let name = self.ident()?;
        let timing = if self.eat_word("BEFORE") {
            "BEFORE"
        } else if self.eat_word("AFTER") {
            "AFTER"
        } else {
            self.expect(&["INSTEAD", "OF"])?;
            "INSTEAD OF"
        };
        let mut events = BTreeSet::new();
        let mut columns = BTreeSet::new();
        loop {
            let event = ["INSERT", "UPDATE", "DELETE", "TRUNCATE"].into_iter().find(|word| self.eat_word(word))?;
            if !events.insert(event) {
                return None;
            }
            if event == "UPDATE" && self.eat_word("OF") {
                columns.insert(self.ident()?.ident);
                while self.eat_kind(TokenKind::Comma) {
                    columns.insert(self.ident()?.ident);
                }
            }
            if !self.eat_word("OR") {
                break;
            }
        }
        self.expect(&["ON"])?;
        let table = self.relation()?;
        let from = if constraint && self.eat_word("FROM") { Some(self.relation()?.name) } else { None };
        let deferral = self.deferral(constraint)?;
        let (mut old_table, mut new_table) = (None, None);
        if self.eat_word("REFERENCING") {
            loop {
                let transition = if self.eat(&["OLD", "TABLE"]) {
                    &mut old_table
                } else if self.eat(&["NEW", "TABLE"]) {
                    &mut new_table
                } else {
                    break;
                };
                self.eat_word("AS");
                *transition = Some(self.ident()?.ident);
            }
        }
        let mut for_each_row = false;
        if self.eat_word("FOR") {
            self.eat_word("EACH");
            for_each_row = self.eat_word("ROW");
            if !for_each_row {
                self.expect(&["STATEMENT"])?;
            }
        }
        let condition = if self.eat_word("WHEN") { Some(self.parenthesised_expression()?) } else { None };
        self.expect(&["EXECUTE"])?;
        if !self.eat_word("FUNCTION") {
            self.expect(&["PROCEDURE"])?;
        }
        let function = self.relation()?;
        self.expect_kind(TokenKind::OpenParen)?;
        let mut arguments = Vec::new();
        while !self.eat_kind(TokenKind::CloseParen) {
            if !arguments.is_empty() {
                self.expect_kind(TokenKind::Comma)?;
            }
            arguments.push(self.parameter_value()?);
        }
        self.end()?;
        Some(Trigger {
            name,
            or_replace,
            constraint,
            table,
            timing,
            events,
            columns,
            from,
            deferral,
            old_table,
            new_table,
            for_each_row,
            condition,
            function,
            arguments,
        })
    }

    fn deferral(&mut self, constraint: bool) -> Option<Timing> {
        let mut timing = Timing::default();
        if !constraint {
            return Some(timing);
        }
        let mut immediate = false;
        loop {
            if self.eat(&["NOT", "DEFERRABLE"]) {
                immediate = true;
            } else if self.eat_word("DEFERRABLE") {
                timing.deferrable = true;
            } else if self.eat(&["INITIALLY", "DEFERRED"]) {
                timing.initially_deferred = true;
                timing.deferrable = true;
            } else if !self.eat(&["INITIALLY", "IMMEDIATE"]) {
                return (!(immediate && timing.deferrable)).then_some(timing);
            }
        }
    }

    /// Takes a policy from after `CREATE`.
    pub(super) fn create_policy(&mut self) -> Option<Policy> {
        self.expect(&["POLICY"])?;
        let name = self.ident()?;
        self.expect(&["ON"])?;
        let table = self.relation()?;
        let mut permissive = true;
        if self.eat_word("AS") {
            permissive = self.eat_word("PERMISSIVE");
            if !permissive {
                self.expect(&["RESTRICTIVE"])?;
            }
        }
        let mut command = "ALL";
        if self.eat_word("FOR") {
            command = ["ALL", "SELECT", "INSERT", "UPDATE", "DELETE"].into_iter().find(|word| self.eat_word(word))?;
        }
        let mut roles = BTreeSet::new();
        if self.eat_word("TO") {
            roles.insert(self.role()?);
            while self.eat_kind(TokenKind::Comma) {
                roles.insert(self.role()?);
            }
        } else {
            roles.insert(None);
        }
        // PUBLIC is everybody.
        if roles.contains(&None) {
            roles.retain(Option::is_none);
        }
        let using = if self.eat_word("USING") { Some(self.parenthesised_expression()?) } else { None };
        let check = if self.eat(&["WITH", "CHECK"]) { Some(self.parenthesised_expression()?) } else { None };
        self.end()?;
        Some(Policy { name, table, permissive, command, roles, using, check })
    }

    /// Takes `FUNCTION …`, `TRIGGER …` or `POLICY …` from after `DROP`; `None` where it is none of these.
    pub(super) fn drop_named_otherwise(&mut self) -> Option<StatementKind> {
        let mut objects = Vec::new();
        let start = self.start();
        if self.is_word("TRIGGER") || self.is_word("POLICY") {
            let object = self.part_of_table()?;
            objects.push((object, self.span_from(start)));
        } else {
            let kind = self.routine_word()?;
            self.eat(&["IF", "EXISTS"]);
            loop {
                let start = self.start();
                let object = self.routine_ref(kind)?;
                objects.push((object, self.span_from(start)));
                if !self.eat_kind(TokenKind::Comma) {
                    break;
                }
            }
        }
        let cascade = self.eat_word("CASCADE");
        if !cascade {
            self.eat_word("RESTRICT");
        }
        self.end()?;
        Some(StatementKind::DropObjects(DropObjects { objects, cascade }))
    }
}
