//! Queries of views, read where they are plain: one SELECT over tables and their joins. What is written and what the server
//! prints can then be compared part by part.

use crate::pg::{Ident, QualifiedName};

use super::{
    cursor::{Cursor, is_reserved},
    expr::Expr,
    lexer::{Lexer, Token, TokenKind},
};

/// A plain SELECT.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Query {
    /// `DISTINCT`.
    pub distinct: bool,
    /// What it returns.
    pub targets: Vec<Target>,
    /// `FROM`.
    pub from: Vec<FromItem>,
    /// `WHERE`.
    pub filter: Option<Expr>,
    /// `GROUP BY`.
    pub groups: Vec<Expr>,
    /// `HAVING`.
    pub having: Option<Expr>,
    /// `ORDER BY`: each with DESC and NULLS FIRST.
    pub orders: Vec<(Expr, bool, bool)>,
    /// `LIMIT`.
    pub limit: Option<Expr>,
    /// `OFFSET`.
    pub offset: Option<Expr>,
}

/// One part of what a query returns.
#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    /// `*`, or `table.*`.
    Star(Option<Ident>),
    /// An expression, and its name where written.
    Value(Expr, Option<Ident>),
}

/// One part of FROM.
#[derive(Clone, Debug, PartialEq)]
pub enum FromItem {
    /// A table or view.
    Table {
        /// Its name.
        name: QualifiedName,
        /// Its alias.
        alias: Option<Ident>,
    },
    /// A join.
    Join {
        /// `INNER`, `LEFT`, `RIGHT`, `FULL` or `CROSS`.
        kind: &'static str,
        /// What is joined.
        sides: Box<(Self, Self)>,
        /// `ON`.
        on: Option<Expr>,
        /// `USING`.
        using: Vec<Ident>,
    },
}

impl FromItem {
    /// Returns the tables in it, in order, with their aliases.
    #[must_use]
    pub fn tables(&self) -> Vec<(&QualifiedName, Option<&Ident>)> {
        match self {
            Self::Table { name, alias } => vec![(name, alias.as_ref())],
            Self::Join { sides, .. } => sides.0.tables().into_iter().chain(sides.1.tables()).collect(),
        }
    }
}

/// Reads a query; `None` where it is not a plain one.
#[must_use]
pub fn parse_query(text: &str) -> Option<Query> {
    let tokens: Vec<Token> =
        Lexer::new(text).filter(|token| !token.kind.is_comment() && token.kind != TokenKind::Semicolon).collect();
    let mut cursor = Cursor::new(text, &tokens);
    let query = cursor.plain_query()?;
    cursor.end()?;
    Some(query)
}

impl Cursor<'_> {
    fn plain_query(&mut self) -> Option<Query> {
        self.expect(&["SELECT"])?;
        let mut query = Query { distinct: self.eat_word("DISTINCT"), ..Query::default() };
        if self.is_word("ON") || self.is_word("ALL") {
            return None;
        }
        query.targets = self.listed(Self::target)?;
        if self.eat_word("FROM") {
            query.from = self.listed(|cursor| cursor.joined(0))?;
        }
        if self.eat_word("WHERE") {
            query.filter = Some(self.part()?);
        }
        if self.eat(&["GROUP", "BY"]) {
            query.groups = self.listed(Self::part)?;
        }
        if self.eat_word("HAVING") {
            query.having = Some(self.part()?);
        }
        if self.eat(&["ORDER", "BY"]) {
            query.orders = self.listed(Self::order)?;
        }
        if self.eat_word("LIMIT") {
            query.limit = Some(self.part()?);
        }
        if self.eat_word("OFFSET") {
            query.offset = Some(self.part()?);
        }
        Some(query)
    }

    fn listed<T>(&mut self, one: impl Fn(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let mut list = vec![one(self)?];
        while self.eat_kind(TokenKind::Comma) {
            list.push(one(self)?);
        }
        Some(list)
    }

    /// Takes an expression up to the next comma or word that it cannot hold.
    fn part(&mut self) -> Option<Expr> {
        let ends =
            |cursor: &Self| matches!(cursor.kind(), Some(TokenKind::Comma | TokenKind::Word | TokenKind::QuotedIdent));
        if ends(self) && self.word().is_none() && self.kind() == Some(TokenKind::Comma) {
            return None;
        }
        let expression = self.expression_until(ends)?;
        (!expression.source.text.is_empty()).then_some(expression.tree)
    }

    fn target(&mut self) -> Option<Target> {
        if self.eat_operator("*") {
            return Some(Target::Star(None));
        }
        if self.kind_at(1) == Some(TokenKind::Dot) && self.kind_at(2) == Some(TokenKind::Operator) {
            let table = self.ident()?.ident;
            self.bump()?;
            return self.eat_operator("*").then_some(Target::Star(Some(table)));
        }
        let value = self.part()?;
        let bare = self.kind() == Some(TokenKind::QuotedIdent) || self.word().is_some_and(|word| !is_reserved(word));
        let name = if self.eat_word("AS") || bare { Some(self.any_ident()?.ident) } else { None };
        Some(Target::Value(value, name))
    }

    fn order(&mut self) -> Option<(Expr, bool, bool)> {
        let value = self.part()?;
        let descending = self.eat_word("DESC");
        if !descending {
            self.eat_word("ASC");
        }
        let nulls_first =
            if self.eat(&["NULLS", "FIRST"]) { true } else { !self.eat(&["NULLS", "LAST"]) && descending };
        Some((value, descending, nulls_first))
    }

    fn joined(&mut self, depth: usize) -> Option<FromItem> {
        const DEEPEST: usize = 50;
        if depth > DEEPEST {
            return None;
        }
        let mut item = self.joinable(depth)?;
        loop {
            let kind = if self.eat_word("JOIN") || self.eat(&["INNER", "JOIN"]) {
                "INNER"
            } else if self.eat(&["CROSS", "JOIN"]) {
                "CROSS"
            } else if let Some(kind) = ["LEFT", "RIGHT", "FULL"].into_iter().find(|word| self.eat_word(word)) {
                self.eat_word("OUTER");
                self.expect(&["JOIN"])?;
                kind
            } else {
                return Some(item);
            };
            let right = self.joinable(depth)?;
            let (mut on, mut using) = (None, Vec::new());
            if kind != "CROSS" {
                if self.eat_word("USING") {
                    using = self.column_list()?.into_iter().map(|column| column.ident).collect();
                } else {
                    self.expect(&["ON"])?;
                    on = Some(self.part()?);
                }
            }
            item = FromItem::Join { kind, sides: Box::new((item, right)), on, using };
        }
    }

    fn joinable(&mut self, depth: usize) -> Option<FromItem> {
        if self.eat_kind(TokenKind::OpenParen) {
            let item = self.joined(depth + 1)?;
            self.expect_kind(TokenKind::CloseParen)?;
            return Some(item);
        }
        let name = self.relation()?.name;
        let bare = self.kind() == Some(TokenKind::QuotedIdent) || self.word().is_some_and(|word| !is_reserved(word));
        let alias = if self.eat_word("AS") || bare { Some(self.ident()?.ident) } else { None };
        Some(FromItem::Table { name, alias })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_queries_are_read_and_others_are_not() {
        for text in [
            "SELECT 1",
            "SELECT a, b AS c, count(*) n FROM t WHERE a > 1 GROUP BY a, b HAVING count(*) > 1 ORDER BY a DESC LIMIT 3",
            "SELECT u.*, l.id FROM public.users u LEFT OUTER JOIN leaves AS l ON l.user_id = u.id, other;",
            "SELECT DISTINCT a FROM ((a JOIN b ON ((a.x = b.x))) JOIN c USING (y))",
        ] {
            assert!(parse_query(text).is_some(), "{text}");
        }
        for text in [
            "",
            "SELECT",
            "SELECT a FROM",
            "SELECT a FROM (SELECT 1) x",
            "SELECT a FROM t UNION SELECT b FROM u",
            "WITH x AS (SELECT 1) SELECT * FROM x",
            "SELECT a FROM t NATURAL JOIN u",
            "SELECT DISTINCT ON (a) a FROM t",
            "SELECT a FROM t FOR UPDATE",
            "SELECT a FROM f(1)",
        ] {
            assert_eq!(parse_query(text), None, "{text}");
        }
    }
}
