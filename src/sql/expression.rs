//! Reads expressions, with the precedence of PostgreSQL's grammar.
//!
//! What is not understood becomes [`Expr::Other`], as little of it as possible, and marks the cursor, so that the full
//! grammar judges the statement.
//!
//! Source: manual, "Operator Precedence"; `gram.y`, rules `a_expr`, `b_expr`, `c_expr`.

use crate::{
    pg::{Ident, QualifiedName, TypeName},
    script::Span,
};

use super::{
    ast::{Expression, Fragment},
    cursor::{Cursor, Mark, is_reserved, is_strictly_reserved},
    expr::Expr,
    lexer::TokenKind,
};

/// The deepest nesting that becomes a tree. Trees are walked by recursion, and two megabytes of stack must do.
const MAX_DEPTH: usize = 80;

/// The most operators in one expression that becomes a tree: a chain of them is as deep as it is long.
const MAX_OPERATORS: usize = 500;

/// How strongly an operator binds; the higher, the tighter.
mod binding {
    pub(super) const OR: u8 = 1;
    pub(super) const AND: u8 = 2;
    pub(super) const NOT: u8 = 3;
    pub(super) const IS: u8 = 4;
    pub(super) const COMPARISON: u8 = 5;
    pub(super) const LIKE: u8 = 6;
    pub(super) const OTHER: u8 = 7;
    pub(super) const SUM: u8 = 8;
    pub(super) const PRODUCT: u8 = 9;
    pub(super) const POWER: u8 = 10;
    pub(super) const AT: u8 = 11;
    pub(super) const COLLATE: u8 = 12;
    pub(super) const SIGN: u8 = 13;
    pub(super) const CAST: u8 = 15;
}

/// Where an expression stands, which decides what words may belong to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// Any expression: `a_expr`.
    Full,
    /// What may stand without parentheses after DEFAULT and before AND in BETWEEN: `b_expr`.
    Restricted,
}

impl Cursor<'_> {
    /// Takes an expression that ends at the end, at a closing parenthesis, or where `stop` says so.
    pub(super) fn expression_until(&mut self, stop: impl Fn(&Self) -> bool) -> Option<Expression> {
        self.expression_form(Form::Full, stop)
    }

    /// Takes an expression without words such as NOT and NULL outside of parentheses, as it stands after DEFAULT.
    pub(super) fn restricted_expression_until(&mut self, stop: impl Fn(&Self) -> bool) -> Option<Expression> {
        self.expression_form(Form::Restricted, stop)
    }

    fn expression_form(&mut self, form: Form, stop: impl Fn(&Self) -> bool) -> Option<Expression> {
        let start = self.start();
        let mark = self.mark();
        self.operators = 0;
        let tree = self.expr(0, form).filter(|_| {
            self.at_end() || matches!(self.kind(), Some(TokenKind::CloseParen | TokenKind::CloseBracket)) || stop(self)
        });
        let tree = if let Some(tree) = tree {
            tree
        } else {
            self.reset(mark);
            self.skip_until(stop)?;
            Expr::Other(self.tokens_since(mark))
        };
        let source = self.fragment_from(start);
        if source.text.is_empty() { None } else { Some(Expression { source, tree }) }
    }

    /// Takes an expression, or `DEFAULT` in its place, as VALUES and SET have it.
    pub(super) fn value_until(&mut self, stop: impl Fn(&Self) -> bool) -> Option<Expression> {
        if self.is_word("DEFAULT") {
            let start = self.start();
            self.bump()?;
            return Some(Expression { source: self.fragment_from(start), tree: Expr::Default });
        }
        self.expression_until(stop)
    }

    /// Takes `(expression)`; the expression's source is what stands inside.
    pub(super) fn parenthesised_expression(&mut self) -> Option<Expression> {
        self.expect_kind(TokenKind::OpenParen)?;
        let expression = self.expression_until(|_| false)?;
        self.expect_kind(TokenKind::CloseParen)?;
        Some(expression)
    }

    fn expr(&mut self, lowest: u8, form: Form) -> Option<Expr> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return None;
        }
        let mut left = self.prefix(form)?;
        while let Some(next) = self.infix(&mut left, lowest, form)? {
            self.operators += 1;
            if self.operators > MAX_OPERATORS {
                return None;
            }
            left = next;
        }
        self.depth -= 1;
        Some(left)
    }

    fn prefix(&mut self, form: Form) -> Option<Expr> {
        if form == Form::Full && self.eat_word("NOT") {
            let operand = self.expr(binding::NOT, form)?;
            return Some(Expr::Unary("NOT".to_owned(), Box::new(operand)));
        }
        if let Some(operator) = self.operator() {
            let strength = match operator {
                "+" | "-" => binding::SIGN,
                "*" | "/" | "%" | "^" | "<" | ">" | "=" | "<=" | ">=" | "<>" | "!=" | "::" | ":=" | "=>" | ".." => {
                    return None;
                }
                _ => binding::OTHER,
            };
            let operator = operator.to_owned();
            self.bump()?;
            let operand = self.expr(strength, form)?;
            return Some(Expr::Unary(operator, Box::new(operand)));
        }
        self.primary()
    }

    /// Takes the operator here and what follows it. `Some(None)`: the expression ends here.
    #[expect(clippy::option_option, reason = "an error, an end and a longer expression are three things")]
    fn infix(&mut self, left: &mut Expr, lowest: u8, form: Form) -> Option<Option<Expr>> {
        // Whoever takes the left side returns the longer expression in its place, or gives up the whole expression.
        let mut left = || Box::new(std::mem::replace(left, Expr::Null));
        if let Some(operator) = self.operator() {
            let strength = match operator {
                "::" => binding::CAST,
                "^" => binding::POWER,
                "*" | "/" | "%" => binding::PRODUCT,
                "+" | "-" => binding::SUM,
                "<" | ">" | "=" | "<=" | ">=" | "<>" | "!=" => binding::COMPARISON,
                ":=" | "=>" | ".." => return Some(None),
                _ => binding::OTHER,
            };
            if strength <= lowest {
                return Some(None);
            }
            let operator = operator.to_owned();
            self.bump()?;
            if operator == "::" {
                let (type_name, _) = self.type_name()?;
                return Some(Some(Expr::Cast(left(), type_name)));
            }
            if self.is_any_word(&["ANY", "SOME", "ALL"]) && self.kind_at(1) == Some(TokenKind::OpenParen) {
                let all = self.is_word("ALL");
                self.bump()?;
                let operand = self.group()?;
                return Some(Some(Expr::AnyAll(operator, left(), Box::new(operand), all)));
            }
            let right = self.expr(strength, form)?;
            return Some(Some(Expr::Binary(operator, left(), Box::new(right))));
        }
        if self.is_word("OPERATOR") && self.kind_at(1) == Some(TokenKind::OpenParen) {
            if binding::OTHER <= lowest {
                return Some(None);
            }
            // The schema is left out: the server leaves out its own, too.
            self.bump()?;
            self.expect_kind(TokenKind::OpenParen)?;
            if self.kind().is_some_and(TokenKind::is_ident) {
                self.any_ident()?;
                self.expect_kind(TokenKind::Dot)?;
            }
            let operator = self.operator()?.to_owned();
            self.bump()?;
            self.expect_kind(TokenKind::CloseParen)?;
            let right = self.expr(binding::OTHER, form)?;
            return Some(Some(Expr::Binary(operator, left(), Box::new(right))));
        }
        if self.kind() == Some(TokenKind::Word) {
            if let Some(found) = self.infix_is(&mut left, lowest, form)? {
                return Some(Some(found));
            }
            if form == Form::Full {
                return self.infix_word(&mut left, lowest);
            }
        }
        Some(None)
    }

    /// Takes `IS …`, `ISNULL`, `NOTNULL`.
    #[expect(clippy::option_option, reason = "an error, an end and a longer expression are three things")]
    fn infix_is(&mut self, left: &mut impl FnMut() -> Box<Expr>, lowest: u8, form: Form) -> Option<Option<Expr>> {
        if lowest >= binding::IS {
            return Some(None);
        }
        if form == Form::Full && self.is_any_word(&["ISNULL", "NOTNULL"]) {
            let not = self.is_word("NOTNULL");
            self.bump()?;
            return Some(Some(Expr::IsNull(left(), not)));
        }
        if !self.is_word("IS") {
            return Some(None);
        }
        self.bump()?;
        let not = self.eat_word("NOT");
        if self.eat(&["DISTINCT", "FROM"]) {
            let right = self.expr(binding::IS, form)?;
            let operator = if not { "IS NOT DISTINCT FROM" } else { "IS DISTINCT FROM" };
            return Some(Some(Expr::Binary(operator.to_owned(), left(), Box::new(right))));
        }
        if form == Form::Restricted {
            return None;
        }
        if self.eat_word("NULL") {
            return Some(Some(Expr::IsNull(left(), not)));
        }
        for word in ["TRUE", "FALSE", "UNKNOWN"] {
            if self.eat_word(word) {
                let operator = if not { format!("IS NOT {word}") } else { format!("IS {word}") };
                return Some(Some(Expr::Unary(operator, left())));
            }
        }
        None
    }

    /// Takes an operator that is a word and stands only in full expressions.
    #[expect(clippy::option_option, reason = "an error, an end and a longer expression are three things")]
    fn infix_word(&mut self, left: &mut impl FnMut() -> Box<Expr>, lowest: u8) -> Option<Option<Expr>> {
        for (word, strength) in [("OR", binding::OR), ("AND", binding::AND)] {
            if self.is_word(word) {
                if strength <= lowest {
                    return Some(None);
                }
                self.bump()?;
                let right = self.expr(strength, Form::Full)?;
                return Some(Some(Expr::Binary(word.to_owned(), left(), Box::new(right))));
            }
        }
        if lowest < binding::AT && self.eat(&["AT", "TIME", "ZONE"]) {
            let zone = self.expr(binding::AT, Form::Full)?;
            return Some(Some(Expr::Binary("AT TIME ZONE".to_owned(), left(), Box::new(zone))));
        }
        if lowest < binding::COLLATE && self.eat_word("COLLATE") {
            let collation = self.relation()?;
            return Some(Some(Expr::Collate(left(), collation.name)));
        }
        let not = self.is_word("NOT");
        let ahead = usize::from(not);
        let is_matching = ["LIKE", "ILIKE", "SIMILAR", "IN", "BETWEEN"].iter().any(|word| self.is_word_at(ahead, word));
        if lowest >= binding::LIKE || !is_matching {
            return Some(None);
        }
        if not {
            self.bump()?;
        }
        if self.eat_word("IN") {
            return Some(Some(self.in_list(left, not)?));
        }
        if self.eat_word("BETWEEN") {
            let symmetric = self.eat_word("SYMMETRIC");
            if !symmetric {
                self.eat_word("ASYMMETRIC");
            }
            let low = Box::new(self.expr(binding::LIKE, Form::Restricted)?);
            self.expect(&["AND"])?;
            let high = Box::new(self.expr(binding::LIKE, Form::Full)?);
            let value = left();
            if symmetric {
                // Whichever of the two is the lower one; the grammar of the server says it in the same words.
                let one = Expr::Between(value.clone(), low.clone(), high.clone(), not);
                let other = Expr::Between(value, high, low, not);
                let joined = if not { "AND" } else { "OR" };
                return Some(Some(Expr::Binary(joined.to_owned(), Box::new(one), Box::new(other))));
            }
            return Some(Some(Expr::Between(value, low, high, not)));
        }
        let word = if self.eat_word("LIKE") {
            "LIKE"
        } else if self.eat_word("ILIKE") {
            "ILIKE"
        } else {
            self.expect(&["SIMILAR", "TO"])?;
            "SIMILAR TO"
        };
        let operator = if not { format!("NOT {word}") } else { word.to_owned() };
        if self.is_any_word(&["ANY", "SOME", "ALL"]) && self.kind_at(1) == Some(TokenKind::OpenParen) {
            let all = self.is_word("ALL");
            self.bump()?;
            let operand = self.group()?;
            return Some(Some(Expr::AnyAll(operator, left(), Box::new(operand), all)));
        }
        let mut pattern = self.expr(binding::LIKE, Form::Full)?;
        if self.eat_word("ESCAPE") {
            let escape = self.expr(binding::LIKE, Form::Full)?;
            let function = if word == "SIMILAR TO" { "similar_to_escape" } else { "like_escape" };
            pattern = call(function, vec![pattern, escape]);
        }
        Some(Some(Expr::Binary(operator, left(), Box::new(pattern))))
    }

    fn in_list(&mut self, left: &mut impl FnMut() -> Box<Expr>, not: bool) -> Option<Expr> {
        if self.is_query_group() {
            let mark = self.mark();
            self.skip_group()?;
            self.guess();
            let query = Expr::Other(self.tokens_since(mark));
            return Some(Expr::AnyAll(if not { "<>" } else { "=" }.to_owned(), left(), Box::new(query), not));
        }
        self.expect_kind(TokenKind::OpenParen)?;
        let values = self.expr_list()?;
        self.expect_kind(TokenKind::CloseParen)?;
        Some(Expr::In(left(), values, not))
    }

    fn expr_list(&mut self) -> Option<Vec<Expr>> {
        let mut values = vec![self.expr(0, Form::Full)?];
        while self.eat_kind(TokenKind::Comma) {
            values.push(self.expr(0, Form::Full)?);
        }
        Some(values)
    }

    /// Returns whether a query in parentheses begins here.
    fn is_query_group(&self) -> bool {
        let mut ahead = 0;
        while self.kind_at(ahead) == Some(TokenKind::OpenParen) {
            ahead += 1;
        }
        ahead > 0 && ["SELECT", "VALUES", "WITH", "TABLE"].iter().any(|word| self.is_word_at(ahead, word))
    }

    /// Takes an expression in parentheses, or a query in them.
    fn group(&mut self) -> Option<Expr> {
        if self.is_query_group() {
            let mark = self.mark();
            self.skip_group()?;
            self.guess();
            return Some(Expr::Other(self.tokens_since(mark)));
        }
        self.expect_kind(TokenKind::OpenParen)?;
        let mut values = self.expr_list()?;
        self.expect_kind(TokenKind::CloseParen)?;
        if values.len() == 1 { values.pop() } else { Some(Expr::Row(values)) }
    }

    fn primary(&mut self) -> Option<Expr> {
        let mark = self.mark();
        let token = self.peek()?;
        let found = match token.kind {
            TokenKind::Number => {
                self.bump()?;
                Expr::Number(self.text_of(token.span).to_owned())
            }
            TokenKind::OpenParen => self.group()?,
            kind if kind.is_text() => Expr::Text(self.string()?.text),
            TokenKind::Bits => {
                self.bump()?;
                // `B'1010'` is a bit string as long as it is; one of hexadecimal digits stays as it is written.
                let digits = self.text_of(token.span).strip_prefix(['b', 'B']).map(|text| text.trim_matches('\''));
                match (digits, TypeName::parse("\"bit\"")) {
                    (Some(digits), Ok(bit)) => Expr::Cast(Box::new(Expr::Text(digits.to_owned())), bit),
                    _ => Expr::Other(self.tokens_since(mark)),
                }
            }
            kind if kind.is_ident() => self.primary_word()?,
            _ => return None,
        };
        self.indirection(mark, found)
    }

    /// Takes subscripts and fields after a value.
    fn indirection(&mut self, mark: Mark, value: Expr) -> Option<Expr> {
        let mut found = false;
        loop {
            if self.kind() == Some(TokenKind::OpenBracket) {
                self.skip_group()?;
            } else if self.eat_kind(TokenKind::Dot) {
                if !self.eat_operator("*") {
                    self.any_ident()?;
                }
            } else {
                break;
            }
            found = true;
        }
        if found {
            self.guess();
            return Some(Expr::Other(self.tokens_since(mark)));
        }
        Some(value)
    }

    fn primary_word(&mut self) -> Option<Expr> {
        let mark = self.mark();
        if let Some(word) = self.word() {
            let word = word.to_ascii_lowercase();
            if let Some(found) = self.primary_keyword(&word)? {
                return Some(found);
            }
            self.reset(mark);
            if let Some(found) = self.typed_literal(&word) {
                return Some(found);
            }
            self.reset(mark);
        }
        let first_is_strict = self.word().is_some_and(is_strictly_reserved);
        let first_is_reserved = self.word().is_some_and(is_reserved);
        let mut parts = vec![self.any_ident()?.ident];
        while self.kind() == Some(TokenKind::Dot) && self.kind_at(1).is_some_and(TokenKind::is_ident) {
            self.bump()?;
            parts.push(self.any_ident()?.ident);
        }
        if first_is_strict {
            return None;
        }
        if self.kind() == Some(TokenKind::OpenParen) {
            return self.call(mark, parts);
        }
        if first_is_reserved { None } else { Some(Expr::Column(parts)) }
    }

    /// Takes what begins with a word of its own meaning. `Some(None)`: an ordinary name.
    #[expect(clippy::option_option, reason = "an error, an ordinary name and a value are three things")]
    fn primary_keyword(&mut self, word: &str) -> Option<Option<Expr>> {
        let opens = self.kind_at(1) == Some(TokenKind::OpenParen);
        let mark = self.mark();
        Some(Some(match word {
            "null" => {
                self.bump()?;
                Expr::Null
            }
            "true" | "false" => {
                self.bump()?;
                Expr::Bool(word == "true")
            }
            "current_date" | "current_user" | "session_user" | "user" | "current_role" | "current_catalog"
            | "system_user" => {
                self.bump()?;
                call(word, Vec::new())
            }
            "current_schema" if !opens => {
                self.bump()?;
                call(word, Vec::new())
            }
            "current_timestamp" | "current_time" | "localtime" | "localtimestamp" => {
                self.bump()?;
                let mut arguments = Vec::new();
                if opens {
                    self.bump()?;
                    let token = self.peek().filter(|token| token.kind == TokenKind::Number)?;
                    self.bump()?;
                    arguments.push(Expr::Number(self.text_of(token.span).to_owned()));
                    self.expect_kind(TokenKind::CloseParen)?;
                }
                call(word, arguments)
            }
            "case" => self.case()?,
            "cast" if opens => {
                self.bump()?;
                self.bump()?;
                let value = self.expr(0, Form::Full)?;
                self.expect(&["AS"])?;
                let (type_name, _) = self.type_name()?;
                self.expect_kind(TokenKind::CloseParen)?;
                Expr::Cast(Box::new(value), type_name)
            }
            "row" if opens => {
                self.bump()?;
                self.bump()?;
                let values = if self.kind() == Some(TokenKind::CloseParen) { Vec::new() } else { self.expr_list()? };
                self.expect_kind(TokenKind::CloseParen)?;
                Expr::Row(values)
            }
            "array" if self.kind_at(1) == Some(TokenKind::OpenBracket) => {
                self.bump()?;
                self.array()?
            }
            "array" | "exists" if opens => {
                self.bump()?;
                self.skip_group()?;
                self.guess();
                Expr::Other(self.tokens_since(mark))
            }
            "extract" if opens => {
                self.bump()?;
                self.bump()?;
                let field = if self.kind() == Some(TokenKind::Word) {
                    self.any_ident()?.ident.as_str().to_owned()
                } else {
                    self.string()?.text
                };
                self.expect(&["FROM"])?;
                let source = self.expr(0, Form::Full)?;
                self.expect_kind(TokenKind::CloseParen)?;
                call(word, vec![Expr::Text(field), source])
            }
            // Their arguments have words between them.
            "substring" | "position" | "overlay" | "trim" | "normalize" | "xmlelement" | "xmlforest" | "xmlparse"
            | "xmlpi" | "xmlroot" | "xmlserialize" | "xmlexists" | "treat" | "json_object" | "json_array"
            | "json_value" | "json_query" | "json_exists" | "json" | "json_scalar" | "json_serialize"
                if opens =>
            {
                self.bump()?;
                self.special_call(word, mark)?
            }
            _ => return Some(None),
        }))
    }

    fn special_call(&mut self, word: &str, mark: Mark) -> Option<Expr> {
        let inner = self.mark();
        let found = match word {
            "trim" => self.trim(),
            "overlay" => self.overlay(),
            "position" => self.position(),
            _ => self.special_arguments(word).map(|arguments| call(word, arguments)),
        };
        if found.is_some() {
            return found;
        }
        self.reset(inner);
        self.skip_group()?;
        self.guess();
        Some(Expr::Other(self.tokens_since(mark)))
    }

    /// Takes `(BOTH 'x' FROM a)`, which is `btrim(a, 'x')`.
    fn trim(&mut self) -> Option<Expr> {
        self.expect_kind(TokenKind::OpenParen)?;
        let function = if self.eat_word("LEADING") {
            "ltrim"
        } else if self.eat_word("TRAILING") {
            "rtrim"
        } else {
            self.eat_word("BOTH");
            "btrim"
        };
        let characters = if self.is_word("FROM") { Vec::new() } else { self.expr_list()? };
        let arguments = if self.eat_word("FROM") {
            let mut arguments = self.expr_list()?;
            arguments.extend(characters);
            arguments
        } else {
            characters
        };
        self.expect_kind(TokenKind::CloseParen)?;
        Some(call(function, arguments))
    }

    /// Takes `(a PLACING b FROM 1 FOR 2)`, or the same with commas.
    fn overlay(&mut self) -> Option<Expr> {
        self.expect_kind(TokenKind::OpenParen)?;
        let mut arguments = vec![self.expr(0, Form::Full)?];
        for separator in ["PLACING", "FROM", "FOR"] {
            if self.eat_word(separator) || self.eat_kind(TokenKind::Comma) {
                arguments.push(self.expr(0, Form::Full)?);
            }
        }
        self.expect_kind(TokenKind::CloseParen)?;
        Some(call("overlay", arguments))
    }

    /// Takes `('x' IN a)`; the function of that name has its arguments the other way round.
    fn position(&mut self) -> Option<Expr> {
        self.expect_kind(TokenKind::OpenParen)?;
        let part = self.expr(0, Form::Restricted)?;
        self.expect(&["IN"])?;
        let whole = self.expr(0, Form::Restricted)?;
        self.expect_kind(TokenKind::CloseParen)?;
        Some(call("position", vec![whole, part]))
    }

    fn special_arguments(&mut self, word: &str) -> Option<Vec<Expr>> {
        self.expect_kind(TokenKind::OpenParen)?;
        let mut arguments = vec![self.expr(0, Form::Full)?];
        let separators: &[&str] = if word == "substring" { &["FROM", "FOR"] } else { &[] };
        for separator in separators {
            if self.eat_word(separator) {
                arguments.push(self.expr(0, Form::Full)?);
            } else if *separator == "FROM" {
                break;
            }
        }
        if arguments.len() == 1 {
            while self.eat_kind(TokenKind::Comma) {
                arguments.push(self.expr(0, Form::Full)?);
            }
        }
        self.expect_kind(TokenKind::CloseParen)?;
        Some(arguments)
    }

    fn case(&mut self) -> Option<Expr> {
        self.expect(&["CASE"])?;
        let operand = if self.is_word("WHEN") { None } else { Some(Box::new(self.expr(0, Form::Full)?)) };
        let mut branches = Vec::new();
        while self.eat_word("WHEN") {
            let condition = self.expr(0, Form::Full)?;
            self.expect(&["THEN"])?;
            branches.push((condition, self.expr(0, Form::Full)?));
        }
        let rest = if self.eat_word("ELSE") { Some(Box::new(self.expr(0, Form::Full)?)) } else { None };
        self.expect(&["END"])?;
        if branches.is_empty() { None } else { Some(Expr::Case(operand, branches, rest)) }
    }

    fn array(&mut self) -> Option<Expr> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return None;
        }
        self.expect_kind(TokenKind::OpenBracket)?;
        let mut values = Vec::new();
        if !self.eat_kind(TokenKind::CloseBracket) {
            loop {
                values.push(if self.kind() == Some(TokenKind::OpenBracket) {
                    self.array()?
                } else {
                    self.expr(0, Form::Full)?
                });
                if self.eat_kind(TokenKind::CloseBracket) {
                    break;
                }
                self.expect_kind(TokenKind::Comma)?;
            }
        }
        self.depth -= 1;
        Some(Expr::Array(values))
    }

    /// Takes `date '2024-01-01'` and `interval '1' day`.
    fn typed_literal(&mut self, word: &str) -> Option<Expr> {
        let may_be_long = matches!(
            word,
            "double"
                | "national"
                | "character"
                | "char"
                | "nchar"
                | "bit"
                | "time"
                | "timestamp"
                | "interval"
                | "numeric"
                | "decimal"
                | "dec"
                | "varchar"
                | "float"
        );
        if !may_be_long && !self.kind_at(1).is_some_and(TokenKind::is_text) {
            return None;
        }
        if is_strictly_reserved(word) {
            return None;
        }
        let (type_name, _) = self.type_name()?;
        let text = self.string()?.text;
        if word == "interval" && self.is_any_word(&["YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND"]) {
            let mark = self.mark();
            self.skip_interval_fields()?;
            let restricted = TypeName::parse(&format!("interval {}", self.tokens_since(mark))).ok()?;
            return Some(Expr::Cast(Box::new(Expr::Text(text)), restricted));
        }
        Some(Expr::Cast(Box::new(Expr::Text(text)), type_name))
    }

    fn call(&mut self, mark: Mark, mut parts: Vec<Ident>) -> Option<Expr> {
        let inner = self.mark();
        let arguments = self.plain_arguments();
        let plain = arguments.is_some() && !self.is_any_word(&["FILTER", "OVER", "WITHIN"]) && parts.len() <= 2;
        if let Some(arguments) = arguments
            && plain
        {
            let name = parts.pop()?;
            return Some(Expr::Call(QualifiedName { schema: parts.pop(), name }, arguments));
        }
        self.reset(inner);
        self.skip_group()?;
        self.guess();
        if self.eat(&["WITHIN", "GROUP"]) {
            self.skip_group()?;
        }
        if self.eat_word("FILTER") {
            self.skip_group()?;
        }
        if self.eat_word("OVER") {
            if self.kind() == Some(TokenKind::OpenParen) {
                self.skip_group()?;
            } else {
                self.any_ident()?;
            }
        }
        Some(Expr::Other(self.tokens_since(mark)))
    }

    fn plain_arguments(&mut self) -> Option<Vec<Expr>> {
        self.expect_kind(TokenKind::OpenParen)?;
        if self.eat_kind(TokenKind::CloseParen) {
            return Some(Vec::new());
        }
        if self.is_any_word(&["DISTINCT", "ALL", "VARIADIC"]) {
            return None;
        }
        if self.eat_operator("*") {
            self.expect_kind(TokenKind::CloseParen)?;
            return Some(vec![Expr::Other("*".to_owned())]);
        }
        let mut arguments = vec![self.argument()?];
        while self.eat_kind(TokenKind::Comma) {
            arguments.push(self.argument()?);
        }
        self.expect_kind(TokenKind::CloseParen)?;
        Some(arguments)
    }

    /// Takes an argument of a function; `days => 1` becomes an operator between its name and its value.
    fn argument(&mut self) -> Option<Expr> {
        let mark = self.mark();
        if self.kind().is_some_and(TokenKind::is_ident) {
            let name = self.any_ident()?.ident;
            if self.eat_operator("=>") || self.eat_operator(":=") {
                let value = self.expr(0, Form::Full)?;
                let name = Box::new(Expr::Text(name.as_str().to_owned()));
                return Some(Expr::Binary("=>".to_owned(), name, Box::new(value)));
            }
            self.reset(mark);
        }
        self.expr(0, Form::Full)
    }
}

/// Returns the call of a function without a schema.
pub(super) fn call(name: &str, arguments: Vec<Expr>) -> Expr {
    Expr::Call(QualifiedName::unqualified(Ident::new(name)), arguments)
}

impl Expression {
    /// Returns the expression with other names of columns where `rename` knows some; `None` where it cannot be written so.
    #[must_use]
    pub fn renamed(&self, rename: &dyn Fn(&Ident) -> Option<Ident>) -> Option<Self> {
        if self.tree.columns().into_iter().all(|name| rename(name).is_none()) {
            return Some(self.clone());
        }
        let mut tree = self.tree.clone();
        tree.rename_columns(rename);
        let written = &self.source.text;
        let mut text = String::with_capacity(written.len());
        let mut end = 0;
        for token in super::lexer::Lexer::new(written).filter(|token| token.kind.is_ident()) {
            let token_text = written.get(token.span.start..token.span.end)?;
            let name = match token_text.strip_prefix('"') {
                Some(quoted) => Ident::new(quoted.strip_suffix('"')?.replace("\"\"", "\"")),
                None => Ident::new(token_text.to_ascii_lowercase()),
            };
            if let Some(name) = rename(&name) {
                text.push_str(written.get(end..token.span.start)?);
                text.push_str(&name.to_string());
                end = token.span.end;
            }
        }
        text.push_str(written.get(end..)?);
        // A function or a type may have the name of a column; what is read again must be what is meant.
        let same = parse_expression(&text).is_some_and(|read| read == tree);
        if same { Some(Self { source: Fragment { text, span: self.source.span }, tree }) } else { None }
    }
}

/// Reads an expression as `pg_get_expr` and its kin print it; `None` where the text is no expression.
#[must_use]
pub fn parse_expression(text: &str) -> Option<Expr> {
    let tokens: Vec<_> = super::lexer::Lexer::new(text).filter(|token| !token.kind.is_comment()).collect();
    let unreadable = |kind| {
        matches!(kind, TokenKind::Stray | TokenKind::Unterminated | TokenKind::PsqlCommand | TokenKind::Semicolon)
    };
    if tokens.is_empty() || tokens.iter().any(|token| unreadable(token.kind)) {
        return None;
    }
    let mut cursor = Cursor::new(text, &tokens);
    let tree = cursor.expression_until(|_| false)?.tree;
    cursor.end()?;
    if cursor.guessed() && super::grammar::syntax_errors(&format!("SELECT {text}"), Span::new(0, 0)).is_some() {
        return None;
    }
    Some(tree)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes a tree with all its parentheses, so that precedence can be seen.
    fn show(expr: &Expr) -> String {
        let list = |values: &[Expr]| values.iter().map(show).collect::<Vec<_>>().join(", ");
        match expr {
            Expr::Null => "NULL".to_owned(),
            Expr::Default => "DEFAULT".to_owned(),
            Expr::Bool(value) => value.to_string(),
            Expr::Number(text) => text.clone(),
            Expr::Text(text) => format!("'{text}'"),
            Expr::Column(parts) => parts.iter().map(ToString::to_string).collect::<Vec<_>>().join("."),
            Expr::Cast(value, type_name) => format!("{}::{type_name}", show(value)),
            Expr::Call(name, arguments) => format!("{name}({})", list(arguments)),
            Expr::Unary(operator, value) => format!("({operator} {})", show(value)),
            Expr::Binary(operator, left, right) => format!("({} {operator} {})", show(left), show(right)),
            Expr::IsNull(value, not) => format!("({} IS {}NULL)", show(value), if *not { "NOT " } else { "" }),
            Expr::In(value, values, not) => {
                format!("({} {}IN [{}])", show(value), if *not { "NOT " } else { "" }, list(values))
            }
            Expr::Between(value, low, high, not) => {
                format!("({} {}BETWEEN {} AND {})", show(value), if *not { "NOT " } else { "" }, show(low), show(high))
            }
            Expr::AnyAll(operator, value, array, all) => {
                format!("({} {operator} {} {})", show(value), if *all { "ALL" } else { "ANY" }, show(array))
            }
            Expr::Array(values) => format!("[{}]", list(values)),
            Expr::Row(values) => format!("row({})", list(values)),
            Expr::Case(operand, branches, rest) => {
                let operand = operand.as_deref().map(show).unwrap_or_default();
                let branches: Vec<_> = branches.iter().map(|(a, b)| format!("{} => {}", show(a), show(b))).collect();
                format!("case {operand} {{{}}} {}", branches.join("; "), rest.as_deref().map(show).unwrap_or_default())
            }
            Expr::Collate(value, collation) => format!("({} COLLATE {collation})", show(value)),
            Expr::Other(tokens) => format!("<{tokens}>"),
        }
    }

    fn check(text: &str, expected: &str) {
        let tree = parse_expression(text).unwrap_or_else(|| panic!("not read: {text}"));
        assert_eq!(show(&tree), expected, "{text}");
    }

    #[test]
    fn operators_bind_as_in_the_manual() {
        check("1 + 2 * 3 ^ 4", "(1 + (2 * (3 ^ 4)))");
        check("a - b - c", "((a - b) - c)");
        check("-a ^ 2", "((- a) ^ 2)");
        check("- 1::int", "(- 1::integer)");
        check("NOT a = b AND c OR d", "(((NOT (a = b)) AND c) OR d)");
        check("a || b = c", "((a || b) = c)");
        check("a < b IS NULL", "((a < b) IS NULL)");
        check("a + b BETWEEN 1 AND 2 AND c", "(((a + b) BETWEEN 1 AND 2) AND c)");
        check("a NOT IN (1, 2) AND b", "((a NOT IN [1, 2]) AND b)");
        check("x LIKE 'a%' ESCAPE '!'", "(x LIKE like_escape('a%', '!'))");
        check("a IS NOT DISTINCT FROM b", "(a IS NOT DISTINCT FROM b)");
        check("now() AT TIME ZONE 'utc' + interval '1 day'", "((now() AT TIME ZONE 'utc') + '1 day'::interval)");
        check("a COLLATE \"C\" < b", "((a COLLATE \"C\") < b)");
        check("a->>'k' = 'v'", "((a ->> 'k') = 'v')");
        check("@ a * b", "(@ (a * b))");
    }

    #[test]
    fn values_are_read() {
        check("users.name", "users.name");
        check("CAST(a AS varchar(3))", "a::character varying(3)");
        check("DATE '2024-01-01'", "'2024-01-01'::date");
        check("timestamp with time zone '2024-01-01'", "'2024-01-01'::timestamp with time zone");
        check("INTERVAL '1' DAY", "'1'::interval day");
        check("lower(Email)", "lower(email)");
        check("pg_catalog.lower(email)", "pg_catalog.lower(email)");
        check("CURRENT_TIMESTAMP(3)", "\"current_timestamp\"(3)");
        check("ARRAY[1, 2]::int[]", "[1, 2]::integer[]");
        check("x = ANY (ARRAY['a'::text])", "(x = ANY ['a'::text])");
        check("CASE WHEN a THEN 1 ELSE 2 END", "case  {a => 1} 2");
        check("CASE x WHEN 1 THEN 'b' END", "case x {1 => 'b'} ");
        check("(a, b) = ROW(1, 2)", "(row(a, b) = row(1, 2))");
        check("EXTRACT(YEAR FROM d)", "\"extract\"('year', d)");
        check("substring(a FROM 1 FOR 2)", "\"substring\"(a, 1, 2)");
        check("count(*)", "count(<*>)");
        check("$$x$$", "'x'");
        check("left(a, 1)", "\"left\"(a, 1)");
    }

    #[test]
    fn what_is_not_understood_stays_as_tokens() {
        check("(SELECT 1)", "<( select 1 )>");
        check("a[1] + 2", "(<a [ 1 ]> + 2)");
        check("sum(DISTINCT a) OVER ()", "<sum ( distinct a ) over ( )>");
        check("EXISTS (SELECT 1) AND b", "(<exists ( select 1 )> AND b)");
        check("f(VARIADIC a)", "<f ( variadic a )>");
        check("X'1F'", "<X'1F'>");
    }

    #[test]
    fn what_is_no_expression_is_refused() {
        for text in ["", "1 +", "a b c", "'open", "f(", "1; 2", "SELECT 1"] {
            assert_eq!(parse_expression(text), None, "{text}");
        }
    }

    #[test]
    fn deep_and_long_expressions_stay_as_tokens() {
        for text in [
            format!("{}1{}", "(".repeat(900), ")".repeat(900)),
            format!("1{}", " + 1".repeat(2000)),
            format!("{}true", "NOT ".repeat(900)),
            format!("{}1", "- ".repeat(900)),
        ] {
            assert!(matches!(parse_expression(&text), Some(Expr::Other(_))));
        }
    }
}
