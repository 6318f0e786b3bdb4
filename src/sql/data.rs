//! Reads UPDATE and INSERT.

use super::{
    ast::{Assignment, Expression, Insert, OnConflict, Update},
    cursor::Cursor,
    lexer::TokenKind,
};

impl Cursor<'_> {
    /// Takes UPDATE.
    pub(super) fn update(&mut self) -> Option<Update> {
        self.expect(&["UPDATE"])?;
        let mut complex = self.eat_word("ONLY");
        let table = self.relation()?;
        complex |= self.eat_operator("*");
        let alias = if self.eat_word("AS") {
            Some(self.ident()?.ident)
        } else if self.is_word("SET") {
            None
        } else {
            Some(self.ident()?.ident)
        };
        self.expect(&["SET"])?;
        let (assignments, unread) = self.assignments(&["FROM", "WHERE", "RETURNING"])?;
        complex |= unread;
        if self.is_word("FROM") {
            complex = true;
            self.bump()?;
            self.skip_until(|cursor| cursor.is_any_word(&["WHERE", "RETURNING"]))?;
        }
        let mut predicate = None;
        if self.eat_word("WHERE") {
            if self.is_words(&["CURRENT", "OF"]) {
                complex = true;
                self.skip_until(|cursor| cursor.is_word("RETURNING"))?;
            } else {
                predicate = Some(self.expression_until(|cursor| cursor.is_word("RETURNING"))?);
            }
        }
        complex |= self.returning()?;
        Some(Update { table, alias, assignments, predicate, complex })
    }

    fn returning(&mut self) -> Option<bool> {
        let found = self.is_word("RETURNING");
        if found {
            self.skip_until(|_| false)?;
        }
        self.end()?;
        Some(found)
    }

    /// Takes `a = 1, b = 2` up to one of `ends`. The second value is true, and the list empty, where another form is used.
    fn assignments(&mut self, ends: &[&str]) -> Option<(Vec<Assignment>, bool)> {
        let mark = self.mark();
        let mut assignments = Vec::new();
        loop {
            let Some(assignment) = self.assignment(ends) else {
                self.reset(mark);
                self.skip_until(|cursor| cursor.is_any_word(ends))?;
                return Some((Vec::new(), true));
            };
            assignments.push(assignment);
            if !self.eat_kind(TokenKind::Comma) {
                return Some((assignments, false));
            }
        }
    }

    fn assignment(&mut self, ends: &[&str]) -> Option<Assignment> {
        let column = self.ident()?;
        if !self.eat_operator("=") {
            return None;
        }
        let value = self.value_until(|cursor| cursor.kind() == Some(TokenKind::Comma) || cursor.is_any_word(ends))?;
        Some(Assignment { column, value })
    }

    /// Takes INSERT.
    pub(super) fn insert(&mut self) -> Option<Insert> {
        self.expect(&["INSERT", "INTO"])?;
        let table = self.relation()?;
        let mut complex = false;
        if self.eat_word("AS") {
            self.ident()?;
            complex = true;
        }
        let is_query = ["SELECT", "VALUES", "WITH", "TABLE"].iter().any(|word| self.is_word_at(1, word));
        let columns =
            if self.kind() == Some(TokenKind::OpenParen) && !is_query { self.column_list()? } else { Vec::new() };
        if self.eat_word("OVERRIDING") {
            complex = true;
            if !self.eat_word("SYSTEM") {
                self.expect(&["USER"])?;
            }
            self.expect(&["VALUE"])?;
        }
        let rows = self.insert_source(&mut complex)?;
        let on_conflict = if self.is_words(&["ON", "CONFLICT"]) { Some(self.on_conflict()?) } else { None };
        complex |= self.returning()?;
        Some(Insert { table, columns, rows, on_conflict, complex })
    }

    #[expect(clippy::option_option, reason = "the outer layer is this room's way to say that it cannot be read")]
    fn insert_source(&mut self, complex: &mut bool) -> Option<Option<Vec<Vec<Expression>>>> {
        let ends = |cursor: &Self| cursor.is_words(&["ON", "CONFLICT"]) || cursor.is_word("RETURNING");
        if self.eat(&["DEFAULT", "VALUES"]) {
            return Some(None);
        }
        let mark = self.mark();
        if self.is_word("VALUES") {
            if let Some(rows) = self.rows()
                && (self.at_end() || ends(self))
            {
                return Some(Some(rows));
            }
            self.reset(mark);
        }
        // WITH may hold statements that change data.
        *complex |= self.is_word("WITH");
        let start = self.start();
        self.skip_until(ends)?;
        if self.fragment_from(start).text.is_empty() { None } else { Some(None) }
    }

    fn rows(&mut self) -> Option<Vec<Vec<Expression>>> {
        let ends_value = |cursor: &Self| cursor.kind() == Some(TokenKind::Comma);
        self.expect(&["VALUES"])?;
        let mut rows = Vec::new();
        loop {
            self.expect_kind(TokenKind::OpenParen)?;
            let mut row = vec![self.value_until(ends_value)?];
            while self.eat_kind(TokenKind::Comma) {
                row.push(self.value_until(ends_value)?);
            }
            self.expect_kind(TokenKind::CloseParen)?;
            // Scripts may hold hundreds of thousands of rows.
            row.shrink_to_fit();
            rows.push(row);
            if !self.eat_kind(TokenKind::Comma) {
                return Some(rows);
            }
        }
    }

    fn on_conflict(&mut self) -> Option<OnConflict> {
        self.expect(&["ON", "CONFLICT"])?;
        let mut columns = Vec::new();
        let mut constraint = None;
        let mut complex = false;
        if self.eat(&["ON", "CONSTRAINT"]) {
            constraint = Some(self.ident()?);
        } else if self.kind() == Some(TokenKind::OpenParen) {
            let mark = self.mark();
            if let Some(names) = self.column_list() {
                columns = names;
            } else {
                self.reset(mark);
                self.skip_group()?;
                self.guess();
                complex = true;
            }
            if self.is_word("WHERE") {
                complex = true;
                self.skip_until(|cursor| cursor.is_word("DO"))?;
            }
        }
        self.expect(&["DO"])?;
        if self.eat_word("NOTHING") {
            return Some(OnConflict { columns, constraint, update: None, complex });
        }
        self.expect(&["UPDATE", "SET"])?;
        let (assignments, unread) = self.assignments(&["WHERE", "RETURNING"])?;
        complex |= unread;
        if self.is_word("WHERE") {
            complex = true;
            self.skip_until(|cursor| cursor.is_word("RETURNING"))?;
        }
        Some(OnConflict { columns, constraint, update: Some(assignments), complex })
    }
}
