//! Reads CREATE TABLE, ALTER TABLE and CREATE INDEX.

use crate::pg::{Ident, QualifiedName};

use super::{
    ast::{
        AlterAction, AlterActionKind, ColumnConstraint, ColumnConstraintKind, ColumnDef, ConstraintDef, ConstraintKind,
        CreateIndex, CreateTable, Expression, Identity, IndexKey, IndexTarget, Name, References, ReferentialAction,
        SequenceOptions, StatementKind, Timing,
    },
    cursor::{Cursor, is_reserved},
    expr::Expr,
    lexer::TokenKind,
};

/// What of a constraint's ending words has been said.
#[derive(Clone, Copy, Debug, Default)]
struct Said {
    timing: Timing,
    deferrable: Option<bool>,
    initially: Option<bool>,
}

impl Cursor<'_> {
    /// Takes CREATE TABLE from after CREATE.
    pub(super) fn create_table(&mut self) -> Option<CreateTable> {
        let unlogged = self.eat_word("UNLOGGED");
        self.expect(&["TABLE"])?;
        let if_not_exists = self.eat(&["IF", "NOT", "EXISTS"]);
        let name = self.relation()?;
        self.expect_kind(TokenKind::OpenParen)?;
        let mut columns = Vec::new();
        let mut constraints = Vec::new();
        if !self.eat_kind(TokenKind::CloseParen) {
            loop {
                if self.is_word("LIKE") {
                    return None;
                }
                if self.begins_constraint() {
                    constraints.push(self.table_constraint()?);
                } else {
                    columns.push(self.column_def()?);
                }
                if self.eat_kind(TokenKind::CloseParen) {
                    break;
                }
                self.expect_kind(TokenKind::Comma)?;
            }
        }
        let start = self.start();
        self.table_options()?;
        let options = Some(self.fragment_from(start)).filter(|options| !options.text.is_empty());
        Some(CreateTable { name, if_not_exists, unlogged, columns, constraints, options })
    }

    fn table_options(&mut self) -> Option<()> {
        if self.eat_word("USING") {
            self.ident()?;
        }
        if self.eat_word("WITH") {
            self.storage_parameters()?;
        } else {
            self.eat(&["WITHOUT", "OIDS"]);
        }
        if self.eat_word("TABLESPACE") {
            self.ident()?;
        }
        self.end()
    }

    /// Takes `(name = value, …)`.
    pub(super) fn storage_parameters(&mut self) -> Option<Vec<(String, String)>> {
        self.expect_kind(TokenKind::OpenParen)?;
        let mut parameters = Vec::new();
        loop {
            let mut name = self.any_ident()?.ident.as_str().to_owned();
            if self.eat_kind(TokenKind::Dot) {
                name = format!("{name}.{}", self.any_ident()?.ident.as_str());
            }
            let value = if self.eat_operator("=") { self.parameter_value()? } else { "true".to_owned() };
            parameters.push((name, value));
            if self.eat_kind(TokenKind::CloseParen) {
                return Some(parameters);
            }
            self.expect_kind(TokenKind::Comma)?;
        }
    }

    /// Takes a string, word or number.
    pub(super) fn parameter_value(&mut self) -> Option<String> {
        if self.kind().is_some_and(TokenKind::is_text) {
            return Some(self.string()?.text);
        }
        if self.kind().is_some_and(TokenKind::is_ident) {
            return Some(self.any_ident()?.ident.as_str().to_owned());
        }
        let negative = self.eat_operator("-");
        let token = self.bump().filter(|token| token.kind == TokenKind::Number)?;
        let number = self.text_of(token.span);
        Some(if negative { format!("-{number}") } else { number.to_owned() })
    }

    fn begins_constraint(&self) -> bool {
        self.is_any_word(&["CONSTRAINT", "CHECK", "UNIQUE", "PRIMARY", "FOREIGN", "NOT"])
            || (self.is_word("EXCLUDE")
                && (self.is_word_at(1, "USING") || self.kind_at(1) == Some(TokenKind::OpenParen)))
    }

    fn ends_element(&self) -> bool {
        self.at_end() || matches!(self.kind(), Some(TokenKind::Comma | TokenKind::CloseParen))
    }

    fn column_def(&mut self) -> Option<ColumnDef> {
        let start = self.start();
        let name = self.ident()?;
        let (type_name, type_span) = self.type_name()?;
        let mut collation = None;
        let mut constraints: Vec<ColumnConstraint> = Vec::with_capacity(1);
        let mut said = Said::default();
        while !self.ends_element() {
            if collation.is_none() && self.eat_word("COLLATE") {
                collation = Some(self.relation()?.name);
                continue;
            }
            if let Some(last) = constraints.last_mut()
                && self.constraint_ending(&mut said)?
            {
                // Only these may be put off; NO INHERIT is for CHECK and (18) NOT NULL.
                let deferrable = matches!(
                    last.kind,
                    ColumnConstraintKind::PrimaryKey
                        | ColumnConstraintKind::Unique { .. }
                        | ColumnConstraintKind::References(_)
                );
                let inheritable = matches!(last.kind, ColumnConstraintKind::Check(_) | ColumnConstraintKind::NotNull);
                let deferral_written = said.deferrable.is_some() || said.initially.is_some();
                if (deferral_written && !deferrable)
                    || (said.timing.no_inherit && !inheritable)
                    || said.timing.not_valid
                {
                    return None;
                }
                last.timing = said.timing;
                last.span = self.span_from(last.span.start);
                continue;
            }
            said = Said::default();
            constraints.push(self.column_constraint()?);
        }
        Some(ColumnDef { source: self.fragment_from(start), name, type_name, type_span, collation, constraints })
    }

    /// Takes one of the words that end a constraint; false where there is none.
    fn constraint_ending(&mut self, said: &mut Said) -> Option<bool> {
        if self.eat_word("DEFERRABLE") {
            set_once(&mut said.deferrable, true)?;
        } else if self.eat(&["NOT", "DEFERRABLE"]) {
            set_once(&mut said.deferrable, false)?;
        } else if self.eat(&["INITIALLY", "DEFERRED"]) {
            set_once(&mut said.initially, true)?;
        } else if self.eat(&["INITIALLY", "IMMEDIATE"]) {
            set_once(&mut said.initially, false)?;
        } else if self.eat(&["NOT", "VALID"]) {
            said.timing.not_valid = true;
        } else if self.eat(&["NO", "INHERIT"]) {
            said.timing.no_inherit = true;
        } else {
            return Some(false);
        }
        let deferred = said.initially == Some(true);
        if deferred && said.deferrable == Some(false) {
            return None;
        }
        said.timing.initially_deferred = deferred;
        said.timing.deferrable = deferred || said.deferrable == Some(true);
        Some(true)
    }

    fn column_constraint(&mut self) -> Option<ColumnConstraint> {
        let start = self.start();
        let name = if self.eat_word("CONSTRAINT") { Some(self.ident()?) } else { None };
        let kind = if self.eat(&["NOT", "NULL"]) {
            ColumnConstraintKind::NotNull
        } else if self.eat_word("NULL") {
            ColumnConstraintKind::Null
        } else if self.eat_word("DEFAULT") {
            ColumnConstraintKind::Default(self.restricted_expression_until(ends_default)?)
        } else if self.eat(&["PRIMARY", "KEY"]) {
            ColumnConstraintKind::PrimaryKey
        } else if self.eat_word("UNIQUE") {
            ColumnConstraintKind::Unique { nulls_not_distinct: self.nulls_not_distinct() }
        } else if self.eat_word("CHECK") {
            ColumnConstraintKind::Check(self.parenthesised_expression()?)
        } else if self.eat_word("REFERENCES") {
            ColumnConstraintKind::References(self.references()?)
        } else {
            self.expect(&["GENERATED"])?;
            self.generated()?
        };
        Some(ColumnConstraint { span: self.span_from(start), name, kind, timing: Timing::default() })
    }

    fn generated(&mut self) -> Option<ColumnConstraintKind> {
        let always = self.eat_word("ALWAYS");
        if !always {
            self.expect(&["BY", "DEFAULT"])?;
        }
        self.expect(&["AS"])?;
        if self.is_word("IDENTITY") {
            return Some(ColumnConstraintKind::Identity(self.identity(always)?));
        }
        if !always {
            return None;
        }
        let expression = self.parenthesised_expression()?;
        let stored = self.eat_word("STORED");
        if !stored {
            self.eat_word("VIRTUAL");
        }
        Some(ColumnConstraintKind::Generated { expression, stored })
    }

    fn identity(&mut self, always: bool) -> Option<Identity> {
        self.expect(&["IDENTITY"])?;
        let mut options = SequenceOptions::default();
        if self.eat_kind(TokenKind::OpenParen) {
            options = self.sequence_options()?;
            self.expect_kind(TokenKind::CloseParen)?;
        }
        Some(Identity { always, options })
    }

    fn nulls_not_distinct(&mut self) -> bool {
        let found = self.eat(&["NULLS", "NOT", "DISTINCT"]);
        if !found {
            self.eat(&["NULLS", "DISTINCT"]);
        }
        found
    }

    fn references(&mut self) -> Option<References> {
        let table = self.relation()?;
        let columns = if self.kind() == Some(TokenKind::OpenParen) { self.column_list()? } else { Vec::new() };
        let mut match_full = false;
        if self.eat_word("MATCH") {
            match_full = self.eat_word("FULL");
            if !match_full {
                self.expect(&["SIMPLE"])?;
            }
        }
        let (mut on_update, mut on_delete) = (None, None);
        let mut on_delete_columns = Vec::new();
        loop {
            if self.eat(&["ON", "UPDATE"]) {
                set_once(&mut on_update, self.referential_action()?)?;
            } else if self.eat(&["ON", "DELETE"]) {
                let action = self.referential_action()?;
                set_once(&mut on_delete, action)?;
                let takes_columns = matches!(action, ReferentialAction::SetNull | ReferentialAction::SetDefault);
                if takes_columns && self.kind() == Some(TokenKind::OpenParen) {
                    on_delete_columns = self.column_list()?.into_iter().map(|name| name.ident).collect();
                }
            } else {
                break;
            }
        }
        Some(References {
            table,
            columns,
            match_full,
            on_update: on_update.unwrap_or_default(),
            on_delete: on_delete.unwrap_or_default(),
            on_delete_columns,
        })
    }

    fn referential_action(&mut self) -> Option<ReferentialAction> {
        for (words, action) in [
            (&["NO", "ACTION"][..], ReferentialAction::NoAction),
            (&["RESTRICT"], ReferentialAction::Restrict),
            (&["CASCADE"], ReferentialAction::Cascade),
            (&["SET", "NULL"], ReferentialAction::SetNull),
            (&["SET", "DEFAULT"], ReferentialAction::SetDefault),
        ] {
            if self.eat(words) {
                return Some(action);
            }
        }
        None
    }

    /// Takes a table constraint; what is not understood of it becomes [`ConstraintKind::Other`].
    fn table_constraint(&mut self) -> Option<ConstraintDef> {
        let start = self.start();
        let name = if self.eat_word("CONSTRAINT") { Some(self.ident()?) } else { None };
        let mark = self.mark();
        let (kind, timing) = match self.table_constraint_body() {
            Some(read) if self.ends_element() => read,
            _ => {
                self.reset(mark);
                self.skip_until(|cursor| cursor.kind() == Some(TokenKind::Comma))?;
                (ConstraintKind::Other, Timing::default())
            }
        };
        let source = self.fragment_from(start);
        Some(ConstraintDef { source, name, kind, timing })
    }

    fn table_constraint_body(&mut self) -> Option<(ConstraintKind, Timing)> {
        let kind = if self.eat_word("CHECK") {
            ConstraintKind::Check(self.parenthesised_expression()?)
        } else if self.eat(&["FOREIGN", "KEY"]) {
            let columns = self.column_list()?;
            self.expect(&["REFERENCES"])?;
            ConstraintKind::ForeignKey { columns, references: self.references()? }
        } else {
            let primary = self.eat(&["PRIMARY", "KEY"]);
            if !primary {
                self.expect(&["UNIQUE"])?;
            }
            if self.eat(&["USING", "INDEX"]) {
                ConstraintKind::UsingIndex { primary, index: self.ident()? }
            } else {
                let nulls_not_distinct = !primary && self.nulls_not_distinct();
                let columns = self.column_list()?;
                let include = if self.eat_word("INCLUDE") { self.column_list()? } else { Vec::new() };
                if primary {
                    ConstraintKind::PrimaryKey { columns, include }
                } else {
                    ConstraintKind::Unique { columns, include, nulls_not_distinct }
                }
            }
        };
        let mut said = Said::default();
        while self.constraint_ending(&mut said)? {}
        let (is_check, is_key) =
            (matches!(kind, ConstraintKind::Check(_)), matches!(kind, ConstraintKind::ForeignKey { .. }));
        let deferral_written = said.deferrable.is_some() || said.initially.is_some();
        if (said.timing.no_inherit && !is_check)
            || (said.timing.not_valid && !is_check && !is_key)
            || (deferral_written && is_check)
        {
            return None;
        }
        Some((kind, said.timing))
    }

    /// Takes ALTER TABLE from after TABLE.
    pub(super) fn alter_table(&mut self) -> Option<StatementKind> {
        let if_exists = self.eat(&["IF", "EXISTS"]);
        let only = self.eat_word("ONLY");
        let table = self.relation()?;
        if !only {
            self.eat_operator("*");
        }
        // Most have one, and there may be very many statements.
        let mut actions = Vec::with_capacity(1);
        loop {
            let start = self.start();
            let mark = self.mark();
            let kind = match self.alter_action() {
                Some(kind) if self.at_end() || self.kind() == Some(TokenKind::Comma) => kind,
                _ => {
                    self.reset(mark);
                    let verb = self.action_verb();
                    self.skip_until(|cursor| cursor.kind() == Some(TokenKind::Comma))?;
                    AlterActionKind::Other { verb }
                }
            };
            let source = self.fragment_from(start);
            if source.text.is_empty() {
                return None;
            }
            actions.push(AlterAction { source, kind });
            if !self.eat_kind(TokenKind::Comma) {
                break;
            }
        }
        // RENAME stands alone in its statement.
        let renames = actions.iter().any(|action| {
            matches!(
                action.kind,
                AlterActionKind::RenameTable { .. }
                    | AlterActionKind::RenameColumn { .. }
                    | AlterActionKind::RenameConstraint { .. }
            )
        });
        if renames && actions.len() > 1 {
            return None;
        }
        Some(StatementKind::AlterTable { table, if_exists, only, actions })
    }

    fn action_verb(&self) -> String {
        let mut cursor = self.clone();
        let mut words: Vec<String> = Vec::new();
        if cursor.is_word("ALTER") && !cursor.is_word_at(1, "CONSTRAINT") {
            cursor.bump();
            cursor.eat_word("COLUMN");
            cursor.any_ident();
            words.push("ALTER COLUMN".to_owned());
        }
        while let Some(word) = cursor.word()
            && words.len() < 4
        {
            words.push(word.to_ascii_uppercase());
            cursor.bump();
        }
        words.join(" ")
    }

    fn alter_action(&mut self) -> Option<AlterActionKind> {
        if self.eat_word("ADD") {
            if self.begins_constraint() {
                return self.table_constraint().map(AlterActionKind::AddConstraint);
            }
            self.eat_word("COLUMN");
            let if_not_exists = self.eat(&["IF", "NOT", "EXISTS"]);
            let column = self.column_def()?;
            return Some(AlterActionKind::AddColumn { if_not_exists, column });
        }
        if self.eat_word("DROP") {
            if self.eat_word("CONSTRAINT") {
                self.eat(&["IF", "EXISTS"]);
                let name = self.ident()?;
                return Some(AlterActionKind::DropConstraint { name, cascade: self.cascade() });
            }
            self.eat_word("COLUMN");
            self.eat(&["IF", "EXISTS"]);
            let column = self.ident()?;
            return Some(AlterActionKind::DropColumn { column, cascade: self.cascade() });
        }
        if self.eat_word("ALTER") {
            if self.is_word("CONSTRAINT") {
                return None;
            }
            self.eat_word("COLUMN");
            let column = self.ident()?;
            return self.alter_column(column);
        }
        if self.eat(&["VALIDATE", "CONSTRAINT"]) {
            return Some(AlterActionKind::ValidateConstraint { name: self.ident()? });
        }
        for (words, on) in [("ENABLE", true), ("DISABLE", false)] {
            if self.eat(&[words, "ROW", "LEVEL", "SECURITY"]) {
                return Some(AlterActionKind::RowSecurity { enable: on });
            }
        }
        if self.eat(&["NO", "FORCE", "ROW", "LEVEL", "SECURITY"]) {
            return Some(AlterActionKind::ForceRowSecurity { force: false });
        }
        if self.eat(&["FORCE", "ROW", "LEVEL", "SECURITY"]) {
            return Some(AlterActionKind::ForceRowSecurity { force: true });
        }
        self.expect(&["RENAME"])?;
        if self.eat_word("TO") {
            return Some(AlterActionKind::RenameTable { to: self.ident()? });
        }
        if self.eat_word("CONSTRAINT") {
            let from = self.ident()?;
            self.expect(&["TO"])?;
            return Some(AlterActionKind::RenameConstraint { from, to: self.ident()? });
        }
        self.eat_word("COLUMN");
        let from = self.ident()?;
        self.expect(&["TO"])?;
        Some(AlterActionKind::RenameColumn { from, to: self.ident()? })
    }

    fn cascade(&mut self) -> bool {
        let cascade = self.eat_word("CASCADE");
        if !cascade {
            self.eat_word("RESTRICT");
        }
        cascade
    }

    fn alter_column(&mut self, column: Name) -> Option<AlterActionKind> {
        let ends_action = |cursor: &Self| cursor.kind() == Some(TokenKind::Comma);
        if self.eat_word("TYPE") || self.eat(&["SET", "DATA", "TYPE"]) {
            let (type_name, type_span) = self.type_name()?;
            let collation = if self.eat_word("COLLATE") { Some(self.relation()?.name) } else { None };
            let using = if self.eat_word("USING") { Some(self.expression_until(ends_action)?) } else { None };
            return Some(AlterActionKind::AlterType { column, type_name, type_span, collation, using });
        }
        if self.eat(&["SET", "NOT", "NULL"]) {
            return Some(AlterActionKind::SetNotNull { column });
        }
        if self.eat(&["DROP", "NOT", "NULL"]) {
            return Some(AlterActionKind::DropNotNull { column });
        }
        if self.eat(&["SET", "DEFAULT"]) {
            let expression = self.expression_until(ends_action)?;
            return Some(AlterActionKind::SetDefault { column, expression });
        }
        if self.eat(&["DROP", "DEFAULT"]) {
            return Some(AlterActionKind::DropDefault { column });
        }
        if self.eat(&["ADD", "GENERATED"]) {
            let always = self.eat_word("ALWAYS");
            if !always {
                self.expect(&["BY", "DEFAULT"])?;
            }
            self.expect(&["AS"])?;
            return Some(AlterActionKind::AddIdentity { column, identity: self.identity(always)? });
        }
        self.expect(&["DROP", "IDENTITY"])?;
        self.eat(&["IF", "EXISTS"]);
        Some(AlterActionKind::DropIdentity { column })
    }

    /// Takes CREATE INDEX from after CREATE.
    pub(super) fn create_index(&mut self) -> Option<CreateIndex> {
        let unique = self.eat_word("UNIQUE");
        self.expect(&["INDEX"])?;
        let concurrently = self.eat_word("CONCURRENTLY");
        let if_not_exists = self.eat(&["IF", "NOT", "EXISTS"]);
        let name = if self.is_word("ON") { None } else { Some(self.ident()?) };
        if if_not_exists && name.is_none() {
            return None;
        }
        self.expect(&["ON"])?;
        let only = self.eat_word("ONLY");
        let table = self.relation()?;
        let start = self.start();
        let method = if self.eat_word("USING") { self.ident()?.ident } else { Ident::new("btree") };
        let keys = self.index_keys()?;
        let include = if self.eat_word("INCLUDE") { self.column_list()? } else { Vec::new() };
        let nulls_not_distinct = self.nulls_not_distinct();
        let storage = if self.eat_word("WITH") { self.storage_parameters()? } else { Vec::new() };
        let tablespace = if self.eat_word("TABLESPACE") { Some(self.ident()?) } else { None };
        let predicate = if self.eat_word("WHERE") { Some(self.expression_until(|_| false)?) } else { None };
        Some(CreateIndex {
            name,
            unique,
            concurrently,
            if_not_exists,
            only,
            table,
            method,
            keys,
            include,
            nulls_not_distinct,
            storage,
            tablespace,
            predicate,
            definition: self.fragment_from(start),
        })
    }

    fn index_keys(&mut self) -> Option<Vec<IndexKey>> {
        self.expect_kind(TokenKind::OpenParen)?;
        let mut keys = vec![self.index_key()?];
        while self.eat_kind(TokenKind::Comma) {
            keys.push(self.index_key()?);
        }
        self.expect_kind(TokenKind::CloseParen)?;
        Some(keys)
    }

    fn index_key(&mut self) -> Option<IndexKey> {
        let start = self.start();
        let target = if self.kind() == Some(TokenKind::OpenParen) {
            IndexTarget::Expression(self.parenthesised_expression()?)
        } else if self.kind_at(1) == Some(TokenKind::OpenParen) || self.kind_at(1) == Some(TokenKind::Dot) {
            IndexTarget::Expression(self.index_call()?)
        } else {
            IndexTarget::Column(self.ident()?.ident)
        };
        let collation = if self.eat_word("COLLATE") { Some(self.relation()?.name) } else { None };
        let mut operator_class: Option<QualifiedName> = None;
        let mut operator_class_parameters = None;
        let no_class =
            self.word().is_some_and(is_reserved) || (self.is_word("NULLS") && self.kind_at(1) == Some(TokenKind::Word));
        if !no_class && self.kind().is_some_and(TokenKind::is_ident) {
            operator_class = Some(self.relation()?.name);
            if self.kind() == Some(TokenKind::OpenParen) {
                let span = self.skip_group()?;
                let written = self.text_of(span);
                operator_class_parameters = Some(written[1..written.len() - 1].trim().to_owned());
                self.guess();
            }
        }
        let descending = self.eat_word("DESC");
        if !descending {
            self.eat_word("ASC");
        }
        let nulls_first = if self.eat(&["NULLS", "FIRST"]) {
            true
        } else if self.eat(&["NULLS", "LAST"]) {
            false
        } else {
            descending
        };
        let span = self.span_from(start);
        Some(IndexKey { target, span, collation, operator_class, operator_class_parameters, descending, nulls_first })
    }

    /// Takes the call of a function, or what the grammar counts as one, which alone needs no parentheses in an index.
    fn index_call(&mut self) -> Option<Expression> {
        let is_cast = self.is_word("CAST");
        let expression = self.restricted_expression_until(|cursor| {
            cursor.kind() == Some(TokenKind::Comma)
                || cursor.kind() == Some(TokenKind::Word)
                || cursor.kind() == Some(TokenKind::QuotedIdent)
        })?;
        let is_call = match &expression.tree {
            Expr::Call(..) | Expr::Other(_) => true,
            // Not `lower(a)::text`, which needs its parentheses.
            Expr::Cast(..) => is_cast && expression.source.text.ends_with(')'),
            _ => false,
        };
        is_call.then_some(expression)
    }
}

fn ends_default(cursor: &Cursor<'_>) -> bool {
    cursor.kind() == Some(TokenKind::Comma)
        || cursor.is_any_word(&[
            "CONSTRAINT",
            "NOT",
            "NULL",
            "CHECK",
            "UNIQUE",
            "PRIMARY",
            "REFERENCES",
            "DEFAULT",
            "GENERATED",
            "COLLATE",
            "DEFERRABLE",
            "INITIALLY",
            "NO",
        ])
}

fn set_once<T>(slot: &mut Option<T>, value: T) -> Option<()> {
    if slot.is_some() {
        return None;
    }
    *slot = Some(value);
    Some(())
}
