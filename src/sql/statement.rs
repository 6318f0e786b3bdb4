//! Reads one statement.
//!
//! The reader knows the forms that become goals and takes every token of them; a statement with anything else in it is
//! opaque as a whole, so that no clause is lost. What the reader took completely is known to be valid; the rest is judged
//! by the full grammar.

use crate::pg::TypeName;

use super::{
    ast::{DropKind, LabelPosition, SequenceOptions, StatementKind},
    cursor::Cursor,
    lexer::{Token, TokenKind},
};

/// Why a statement may not stand in an ensure script, and what to do.
type Ban = (&'static str, &'static str);

const TRANSACTION: Ban = (
    "the runner opens and ends transactions itself",
    "remove the statement; `-- ensure:tx none` makes every statement stand by itself",
);
const CLIENT_COPY: Ban = (
    "its data come from or go to the client, which is not psql here",
    "write INSERT … ON CONFLICT, or load the data in another way",
);
const TRUNCATE: Ban =
    ("it empties a table on every run", "remove the statement; write an UPDATE or DELETE with a guard if rows must go");
const LOCK: Ban = ("the runner takes the locks that a step needs, with a time-out", "remove the statement");
const MAINTENANCE: Ban = (
    "maintenance is no change of the schema, and it cannot be checked whether it holds",
    "run it by hand or by cron, outside of the ensure scripts",
);
const SESSION: Ban = (
    "the runner owns the settings of its session",
    "remove the statement; use the options of hrms-migrate, or ALTER ROLE or ALTER DATABASE … SET",
);
const NOTIFICATION: Ban = ("nobody listens on the runner's session", "remove the statement");
const CURSOR: Ban =
    ("cursors and prepared statements do not outlive a step", "write the query as a statement of its own");
const CLUSTER_WIDE: Ban =
    ("it concerns the whole server rather than one database", "run it when the server or the database is set up");

/// Returns what a statement says, and whether the full grammar has yet to judge it.
///
/// `tokens` are its tokens without comments and without the semicolon; there is at least one.
pub(super) fn read(text: &str, tokens: &[Token]) -> (StatementKind, bool) {
    let cursor = Cursor::new(text, tokens);
    if let Some((why, help)) = banned(&cursor) {
        return (StatementKind::Forbidden { verb: verb(text, tokens), why, help }, false);
    }
    if is_query(text, tokens) {
        return (StatementKind::Query, true);
    }
    let mut reader = cursor;
    match goal(&mut reader) {
        Some(kind) if reader.at_end() => (kind, reader.guessed()),
        _ => (StatementKind::Opaque { verb: verb(text, tokens) }, true),
    }
}

fn goal(cursor: &mut Cursor<'_>) -> Option<StatementKind> {
    let word = cursor.word()?;
    // One allocation less for the long list of common statements.
    match () {
        () if word.eq_ignore_ascii_case("ALTER") => alter(cursor),
        () if word.eq_ignore_ascii_case("CREATE") => create(cursor),
        () if word.eq_ignore_ascii_case("DROP") => drop_objects(cursor),
        () if word.eq_ignore_ascii_case("UPDATE") => cursor.update().map(StatementKind::Update),
        () if word.eq_ignore_ascii_case("COMMENT") => cursor.comment().map(StatementKind::Comment),
        () if word.eq_ignore_ascii_case("GRANT") || word.eq_ignore_ascii_case("REVOKE") => {
            cursor.grant().map(StatementKind::Grant)
        }
        () if word.eq_ignore_ascii_case("INSERT") => cursor.insert().map(StatementKind::Insert),
        () => None,
    }
}

fn alter(cursor: &mut Cursor<'_>) -> Option<StatementKind> {
    cursor.expect(&["ALTER"])?;
    if cursor.eat_word("TABLE") {
        return cursor.alter_table();
    }
    if cursor.eat_word("INDEX") {
        let if_exists = cursor.eat(&["IF", "EXISTS"]);
        let name = cursor.relation()?;
        cursor.expect(&["RENAME", "TO"])?;
        let to = cursor.ident()?;
        return Some(StatementKind::RenameIndex { name, if_exists, to });
    }
    cursor.expect(&["TYPE"])?;
    let name = cursor.relation()?;
    if cursor.eat(&["RENAME", "VALUE"]) {
        let from = cursor.string()?;
        cursor.expect(&["TO"])?;
        let to = cursor.string()?;
        return Some(StatementKind::RenameEnumValue { name, from, to });
    }
    cursor.expect(&["ADD", "VALUE"])?;
    let if_not_exists = cursor.eat(&["IF", "NOT", "EXISTS"]);
    let label = cursor.string()?;
    let position = if cursor.eat_word("BEFORE") {
        Some(LabelPosition::Before(cursor.string()?))
    } else if cursor.eat_word("AFTER") {
        Some(LabelPosition::After(cursor.string()?))
    } else {
        None
    };
    Some(StatementKind::AddEnumValue { name, label, if_not_exists, position })
}

fn create(cursor: &mut Cursor<'_>) -> Option<StatementKind> {
    cursor.expect(&["CREATE"])?;
    if cursor.is_word("TABLE") || cursor.is_words(&["UNLOGGED", "TABLE"]) {
        return cursor.create_table().map(StatementKind::CreateTable);
    }
    if cursor.is_word("INDEX") || cursor.is_words(&["UNIQUE", "INDEX"]) {
        return cursor.create_index().map(StatementKind::CreateIndex);
    }
    if cursor.eat_word("SCHEMA") {
        let if_not_exists = cursor.eat(&["IF", "NOT", "EXISTS"]);
        if cursor.is_word("AUTHORIZATION") {
            return None;
        }
        return Some(StatementKind::CreateSchema { name: cursor.ident()?, if_not_exists });
    }
    if cursor.eat_word("EXTENSION") {
        return create_extension(cursor);
    }
    if cursor.eat_word("TYPE") {
        let name = cursor.relation()?;
        cursor.expect(&["AS", "ENUM"])?;
        cursor.expect_kind(TokenKind::OpenParen)?;
        let mut labels = Vec::new();
        if !cursor.eat_kind(TokenKind::CloseParen) {
            labels.push(cursor.string()?);
            while cursor.eat_kind(TokenKind::Comma) {
                labels.push(cursor.string()?);
            }
            cursor.expect_kind(TokenKind::CloseParen)?;
        }
        return Some(StatementKind::CreateEnum { name, labels });
    }
    if cursor.is_word("POLICY") {
        return cursor.create_policy().map(|policy| StatementKind::CreatePolicy(Box::new(policy)));
    }
    let or_replace = cursor.eat(&["OR", "REPLACE"]);
    if cursor.is_word("VIEW") || !or_replace && cursor.is_words(&["MATERIALIZED", "VIEW"]) {
        return cursor.create_view(or_replace).map(StatementKind::CreateView);
    }
    if cursor.is_any_word(&["FUNCTION", "PROCEDURE"]) {
        return cursor.create_routine(or_replace).map(|routine| StatementKind::CreateRoutine(Box::new(routine)));
    }
    if cursor.is_any_word(&["TRIGGER", "CONSTRAINT"]) {
        return cursor.create_trigger(or_replace).map(|trigger| StatementKind::CreateTrigger(Box::new(trigger)));
    }
    if or_replace {
        return None;
    }
    cursor.expect(&["SEQUENCE"])?;
    cursor.eat(&["IF", "NOT", "EXISTS"]);
    let name = cursor.relation()?;
    let options = cursor.sequence_options()?;
    Some(StatementKind::CreateSequence { name, options })
}

fn create_extension(cursor: &mut Cursor<'_>) -> Option<StatementKind> {
    cursor.eat(&["IF", "NOT", "EXISTS"]);
    let name = cursor.ident()?;
    cursor.eat_word("WITH");
    let (mut schema, mut version, mut cascade) = (None, None, false);
    loop {
        if schema.is_none() && cursor.eat_word("SCHEMA") {
            schema = Some(cursor.ident()?);
        } else if version.is_none() && cursor.eat_word("VERSION") {
            version = Some(if cursor.kind().is_some_and(TokenKind::is_text) {
                cursor.string()?.text
            } else {
                cursor.any_ident()?.ident.as_str().to_owned()
            });
        } else if !cascade && cursor.eat_word("CASCADE") {
            cascade = true;
        } else {
            return Some(StatementKind::CreateExtension { name, schema, version, cascade });
        }
    }
}

fn drop_objects(cursor: &mut Cursor<'_>) -> Option<StatementKind> {
    cursor.expect(&["DROP"])?;
    if cursor.is_any_word(&["FUNCTION", "PROCEDURE", "ROUTINE", "TRIGGER", "POLICY"]) {
        return cursor.drop_named_otherwise();
    }
    let kind = if cursor.eat_word("TABLE") {
        DropKind::Table
    } else if cursor.eat_word("INDEX") {
        DropKind::Index
    } else if cursor.eat_word("TYPE") || cursor.eat_word("DOMAIN") {
        DropKind::Type
    } else if cursor.eat_word("SEQUENCE") {
        DropKind::Sequence
    } else if cursor.eat_word("VIEW") {
        DropKind::View
    } else if cursor.eat(&["MATERIALIZED", "VIEW"]) {
        DropKind::MaterializedView
    } else if cursor.eat_word("SCHEMA") {
        DropKind::Schema
    } else {
        cursor.expect(&["EXTENSION"])?;
        DropKind::Extension
    };
    let concurrently = kind == DropKind::Index && cursor.eat_word("CONCURRENTLY");
    let if_exists = cursor.eat(&["IF", "EXISTS"]);
    let mut names = vec![cursor.relation()?];
    while cursor.eat_kind(TokenKind::Comma) {
        names.push(cursor.relation()?);
    }
    if matches!(kind, DropKind::Schema | DropKind::Extension) && names.iter().any(|name| name.name.schema.is_some()) {
        return None;
    }
    let cascade = cursor.eat_word("CASCADE");
    if !cascade {
        cursor.eat_word("RESTRICT");
    }
    Some(StatementKind::Drop { kind, names, if_exists, cascade, concurrently })
}

impl Cursor<'_> {
    /// Takes the options of a sequence, up to the first word that is none.
    pub(super) fn sequence_options(&mut self) -> Option<SequenceOptions> {
        let mut options = SequenceOptions::default();
        let start = self.start();
        // Each option at most once, as the server has it.
        let once = |already: bool| if already { None } else { Some(()) };
        loop {
            if self.eat_word("AS") {
                once(options.data_type.is_some())?;
                let (type_name, _) = self.type_name()?;
                if !["smallint", "integer", "bigint"].map(TypeName::builtin).contains(&type_name) {
                    return None;
                }
                options.data_type = Some(type_name);
            } else if self.eat_word("INCREMENT") {
                once(options.increment.is_some())?;
                self.eat_word("BY");
                options.increment = Some(self.integer()?);
            } else if self.eat_word("MINVALUE") {
                once(options.min_value.is_some())?;
                options.min_value = Some(Some(self.integer()?));
            } else if self.eat(&["NO", "MINVALUE"]) {
                once(options.min_value.is_some())?;
                options.min_value = Some(None);
            } else if self.eat_word("MAXVALUE") {
                once(options.max_value.is_some())?;
                options.max_value = Some(Some(self.integer()?));
            } else if self.eat(&["NO", "MAXVALUE"]) {
                once(options.max_value.is_some())?;
                options.max_value = Some(None);
            } else if self.eat_word("START") {
                once(options.start.is_some())?;
                self.eat_word("WITH");
                options.start = Some(self.integer()?);
            } else if self.eat_word("CACHE") {
                once(options.cache.is_some())?;
                options.cache = Some(self.integer()?);
            } else if self.eat_word("CYCLE") {
                once(options.cycle.is_some())?;
                options.cycle = Some(true);
            } else if self.eat(&["NO", "CYCLE"]) {
                once(options.cycle.is_some())?;
                options.cycle = Some(false);
            } else if self.eat(&["OWNED", "BY"]) {
                once(options.owned_by.is_some())?;
                options.owned_by = Some(self.sequence_owner()?);
            } else {
                self.text_of(self.span_from(start)).clone_into(&mut options.source);
                return Some(options);
            }
        }
    }

    #[expect(clippy::option_option, reason = "the outer layer is this room's way to say that it cannot be read")]
    fn sequence_owner(&mut self) -> Option<Option<(crate::pg::QualifiedName, crate::pg::Ident)>> {
        if self.eat_word("NONE") {
            return Some(None);
        }
        let first = self.ident()?.ident;
        self.expect_kind(TokenKind::Dot)?;
        let second = self.any_ident()?.ident;
        let (schema, name, column) = if self.eat_kind(TokenKind::Dot) {
            (Some(first), second, self.any_ident()?.ident)
        } else {
            (None, first, second)
        };
        Some(Some((crate::pg::QualifiedName { schema, name }, column)))
    }
}

/// Returns whether the statement only reads: `SELECT`, `VALUES` or `TABLE`, perhaps behind `WITH` or in parentheses.
pub(super) fn is_query(text: &str, tokens: &[Token]) -> bool {
    let is = |token: &Token, word: &str| {
        token.kind == TokenKind::Word && text[token.span.range()].eq_ignore_ascii_case(word)
    };
    let Some(first) = tokens.iter().find(|token| token.kind != TokenKind::OpenParen) else { return false };
    let begins = ["SELECT", "VALUES", "TABLE", "WITH"].iter().any(|word| is(first, word));
    if !begins {
        return false;
    }
    // A data-changing statement follows WITH either at the top or directly behind a parenthesis; INTO makes a table.
    let mut depth = 0_usize;
    let mut previous: Option<&Token> = None;
    for token in tokens {
        match token.kind {
            TokenKind::OpenParen => depth += 1,
            TokenKind::CloseParen => depth = depth.saturating_sub(1),
            TokenKind::Word => {
                let opens_statement =
                    previous.is_some_and(|p| matches!(p.kind, TokenKind::OpenParen | TokenKind::CloseParen));
                let changes = ["INSERT", "UPDATE", "DELETE", "MERGE"].iter().any(|word| is(token, word));
                let locks = previous.is_some_and(|previous| is(previous, "FOR") || is(previous, "KEY"));
                if changes && !locks && opens_statement && is(first, "WITH") || is(token, "INTO") && depth == 0 {
                    return false;
                }
            }
            _ => {}
        }
        previous = Some(token);
    }
    true
}

fn banned(cursor: &Cursor<'_>) -> Option<Ban> {
    let word = cursor.word()?;
    let is = |expected: &str| word.eq_ignore_ascii_case(expected);
    let any = |expected: &[&str]| expected.iter().any(|expected| is(expected));
    // Nearly every statement of a script leaves here.
    if any(&["ALTER", "CREATE", "DROP"]) {
        let second = |words: &[&str]| words.iter().any(|word| cursor.is_word_at(1, word));
        return (second(&["DATABASE", "TABLESPACE"]) && !is("ALTER") || is("ALTER") && second(&["SYSTEM"]))
            .then_some(CLUSTER_WIDE);
    }
    if any(&["BEGIN", "COMMIT", "END", "ROLLBACK", "ABORT", "SAVEPOINT", "RELEASE"])
        || cursor.is_words(&["START", "TRANSACTION"])
        || cursor.is_words(&["PREPARE", "TRANSACTION"])
        || cursor.is_words(&["SET", "TRANSACTION"])
        || cursor.is_words(&["SET", "SESSION", "CHARACTERISTICS"])
        || cursor.is_words(&["SET", "CONSTRAINTS"])
    {
        return Some(TRANSACTION);
    }
    if is("COPY") {
        return copies_from_client(cursor).then_some(CLIENT_COPY);
    }
    if any(&["SET", "RESET", "DISCARD", "LOAD"]) {
        return Some(SESSION);
    }
    if any(&["VACUUM", "CLUSTER", "CHECKPOINT"]) {
        return Some(MAINTENANCE);
    }
    if any(&["LISTEN", "UNLISTEN", "NOTIFY"]) {
        return Some(NOTIFICATION);
    }
    if any(&["DECLARE", "FETCH", "MOVE", "CLOSE", "PREPARE", "EXECUTE", "DEALLOCATE"]) {
        return Some(CURSOR);
    }
    if is("TRUNCATE") {
        return Some(TRUNCATE);
    }
    is("LOCK").then_some(LOCK)
}

fn copies_from_client(cursor: &Cursor<'_>) -> bool {
    let mut cursor = cursor.clone();
    while !cursor.at_end() {
        if cursor.is_words(&["FROM", "STDIN"]) || cursor.is_words(&["TO", "STDOUT"]) {
            return true;
        }
        let opens = cursor.kind() == Some(TokenKind::OpenParen);
        if opens && cursor.skip_group().is_none() {
            return false;
        }
        if !opens && cursor.bump().is_none() {
            return false;
        }
    }
    false
}

/// Returns whether lines of data follow the statement, up to one that holds `\.`.
pub(super) fn is_copy_from_stdin(text: &str, tokens: &[Token]) -> bool {
    let mut cursor = Cursor::new(text, tokens);
    if !cursor.is_word("COPY") {
        return false;
    }
    while !cursor.at_end() {
        if cursor.is_words(&["FROM", "STDIN"]) {
            return true;
        }
        cursor.bump();
    }
    false
}

/// Returns the first words of a statement, upper case: `CREATE FUNCTION`.
pub(super) fn verb(text: &str, tokens: &[Token]) -> String {
    let words: Vec<String> = tokens
        .iter()
        .map_while(|token| (token.kind == TokenKind::Word).then(|| text[token.span.range()].to_ascii_uppercase()))
        .take(6)
        .collect();
    let word = |at: usize| words.get(at).map_or("", String::as_str);
    match word(0) {
        "" => "STATEMENT".to_owned(),
        first @ ("CREATE" | "ALTER" | "DROP") => {
            let mut at = 1;
            if word(at) == "OR" {
                at += 2;
            }
            while matches!(
                word(at),
                "UNIQUE"
                    | "TEMP"
                    | "TEMPORARY"
                    | "UNLOGGED"
                    | "GLOBAL"
                    | "LOCAL"
                    | "RECURSIVE"
                    | "TRUSTED"
                    | "PROCEDURAL"
            ) {
                at += 1;
            }
            let pair = matches!(
                (word(at), word(at + 1)),
                ("MATERIALIZED", "VIEW")
                    | ("FOREIGN", "TABLE" | "DATA")
                    | ("EVENT" | "CONSTRAINT", "TRIGGER")
                    | ("DEFAULT", "PRIVILEGES")
                    | ("TEXT", "SEARCH")
                    | ("USER", "MAPPING")
                    | ("ACCESS", "METHOD")
                    | ("OPERATOR", "CLASS" | "FAMILY")
            );
            let count = if pair { 2 } else { 1 };
            let object = words.get(at..(at + count).min(words.len())).unwrap_or_default().join(" ");
            if object.is_empty() { first.to_owned() } else { format!("{first} {object}") }
        }
        first @ ("SET" | "START" | "PREPARE" | "COMMENT" | "REFRESH" | "SECURITY" | "IMPORT" | "INSERT" | "DELETE"
        | "LOCK" | "ROLLBACK" | "RELEASE" | "VACUUM" | "REASSIGN") => {
            let keep = matches!(
                word(1),
                "TRANSACTION"
                    | "SESSION"
                    | "LOCAL"
                    | "CONSTRAINTS"
                    | "ON"
                    | "MATERIALIZED"
                    | "LABEL"
                    | "FOREIGN"
                    | "INTO"
                    | "FROM"
                    | "TABLE"
                    | "SAVEPOINT"
                    | "FULL"
                    | "OWNED"
                    | "TO"
            ) && !matches!((first, word(1)), ("PREPARE" | "SET", "TO" | "FROM"));
            if keep { format!("{first} {}", word(1)) } else { first.to_owned() }
        }
        first => first.to_owned(),
    }
}
