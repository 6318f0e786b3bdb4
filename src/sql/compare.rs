//! Comparison of expressions by meaning.
//!
//! The server prints an expression back after it has found the types of everything in it. Both sides are brought into
//! one form in which what the server adds (casts of literals to the type that the place asks for, parentheses, operators
//! for words) is gone. Equal forms mean the same; unequal ones are told apart only where that can be proved.
//!
//! Source: `ruleutils.c`, `parse_expr.c`; the cases in `tests/cases/expressions.txt` come from real servers.

use std::collections::BTreeSet;

use crate::pg::{Ident, QualifiedName, TypeName};

use super::expr::Expr;

/// What is known about two expressions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sameness {
    /// They mean the same to the server.
    Same,
    /// They do not mean the same.
    Different,
    /// It could not be found out from their texts.
    Unknown,
}

/// Compares what a script says with what the server prints.
///
/// `columns` gives the type of a column of the table at hand; `result_type` is the type of the column that a default
/// belongs to. Each may know nothing, which makes [`Sameness::Unknown`] more likely and the others never wrong.
#[must_use]
pub fn same_meaning(
    written: &Expr,
    stored: &Expr,
    columns: &dyn Fn(&Ident) -> Option<TypeName>,
    result_type: Option<&TypeName>,
) -> Sameness {
    let normaliser = Normaliser { columns };
    let written = normaliser.top(written, result_type);
    let stored = normaliser.top(stored, result_type);
    if written == stored || same_but_for_schemas(&written, &stored) {
        Sameness::Same
    } else if proved_different(&written, &stored, result_type) {
        Sameness::Different
    } else {
        Sameness::Unknown
    }
}

struct Normaliser<'a> {
    columns: &'a dyn Fn(&Ident) -> Option<TypeName>,
}

impl Normaliser<'_> {
    fn top(&self, expr: &Expr, result_type: Option<&TypeName>) -> Expr {
        let mut normal = self.normal(expr);
        if let Some(type_name) = result_type {
            normal = in_place_of(normal, type_name);
            // A constant DEFAULT of a column is converted on assignment, so that the way it is written does not count.
            if let Expr::Cast(inner, from) = &normal
                && is_stringy(type_name)
                && matches!(**inner, Expr::Text(_))
                && is_stringy(from)
                && from.modifiers().is_none()
            {
                normal = (**inner).clone();
            }
        }
        match normal {
            // `DEFAULT 'x'` without knowledge of the column: text is what an untyped literal becomes.
            Expr::Cast(inner, type_name) if matches!(*inner, Expr::Text(_)) && is_plain(&type_name, "text") => *inner,
            other => other,
        }
    }

    fn boxed(&self, expr: &Expr) -> Box<Expr> {
        Box::new(self.normal(expr))
    }

    fn list(&self, values: &[Expr]) -> Vec<Expr> {
        values.iter().map(|value| self.normal(value)).collect()
    }

    fn normal(&self, expr: &Expr) -> Expr {
        match expr {
            Expr::Null | Expr::Default | Expr::Bool(_) | Expr::Text(_) | Expr::Other(_) => expr.clone(),
            Expr::Number(text) => number(text),
            Expr::Column(parts) => Expr::Column(parts.last().cloned().into_iter().collect()),
            Expr::Cast(value, type_name) => self.cast(self.normal(value), type_name),
            Expr::Call(name, arguments) => self.call(name, arguments),
            Expr::Unary(operator, value) => unary(operator, self.normal(value)),
            Expr::Binary(operator, left, right) => self.binary(operator, left, right),
            Expr::IsNull(value, not) => Expr::IsNull(self.boxed(value), *not),
            Expr::In(value, values, not) => self.in_list(value, values, *not),
            Expr::Between(value, low, high, not) => {
                let (first, second, joined) = if *not { ("<", ">", "OR") } else { (">=", "<=", "AND") };
                chain(joined, vec![self.binary(first, value, low), self.binary(second, value, high)])
            }
            Expr::AnyAll(operator, value, array, all) => self.any_all(operator, value, array, *all),
            Expr::Array(values) => Expr::Array(self.list(values)),
            Expr::Row(values) => Expr::Row(self.list(values)),
            Expr::Case(operand, branches, rest) => self.case(operand.as_deref(), branches, rest.as_deref()),
            Expr::Collate(value, collation) => {
                Expr::Collate(Box::new(without_text_cast(self.normal(value))), collation.clone())
            }
        }
    }

    fn cast(&self, value: Expr, type_name: &TypeName) -> Expr {
        let simple = type_name.without_modifiers() == *type_name;
        match value {
            // The cast of an array is a cast of its elements.
            Expr::Array(values) if type_name.is_array() && simple => match type_name.element() {
                Some(element) => Expr::Array(values.into_iter().map(|value| self.cast(value, &element)).collect()),
                None => Expr::Array(values),
            },
            // varchar and text are the same bytes.
            Expr::Cast(inner, from)
                if matches!(*inner, Expr::Text(_))
                    && is_stringy(type_name)
                    && simple
                    && is_stringy(&from)
                    && from.modifiers().is_none() =>
            {
                Expr::Cast(inner, type_name.clone())
            }
            Expr::Cast(inner, from) if from == *type_name && !from.is_array() => Expr::Cast(inner, from),
            // The server's operators work on text, and varchar needs no work to become that.
            ref plain
                if simple
                    && is_plain(type_name, "text")
                    && !is_literal(plain)
                    && self.type_of(plain).is_some_and(|from| is_stringy(&from)) =>
            {
                value
            }
            Expr::Text(ref text) if simple && is_plain(type_name, "boolean") => match boolean(text) {
                Some(truth) => Expr::Bool(truth),
                None => Expr::Cast(Box::new(value), type_name.clone()),
            },
            Expr::Bool(_) if is_plain(type_name, "boolean") => value,
            Expr::Text(ref text) if simple && is_number_type(type_name) => match decimal(text) {
                Some(digits) => literal_of(digits, type_name),
                None => Expr::Cast(Box::new(value), type_name.clone()),
            },
            Expr::Number(digits) if simple && is_number_type(type_name) => literal_of(digits, type_name),
            Expr::Null => Expr::Null,
            other => Expr::Cast(Box::new(other), type_name.clone()),
        }
    }

    fn call(&self, name: &QualifiedName, arguments: &[Expr]) -> Expr {
        let schema = name.schema.clone().filter(|schema| schema.as_str() != "pg_catalog");
        let mut arguments: Vec<Expr> = self.list(arguments);
        // bpchar is cast to text for a function by the server itself.
        for argument in &mut arguments {
            let is_char = matches!(&*argument, Expr::Cast(inner, to) if is_plain(to, "text")
                && matches!(&**inner, Expr::Column(_))
                && self.type_of(inner).is_some_and(|from| is_char(&from)));
            let taken = std::mem::replace(argument, Expr::Null);
            *argument = match taken {
                Expr::Cast(inner, _) if is_char => *inner,
                other => without_text_cast(other),
            };
        }
        if schema.is_none() {
            match name.name.as_str() {
                "coalesce" | "greatest" | "least" | "nullif" => {
                    arguments = self.unify(arguments);
                }
                "extract" => {
                    if let Some(Expr::Text(field)) = arguments.first_mut() {
                        field.make_ascii_lowercase();
                    }
                }
                "nextval" | "currval" | "setval" => {
                    if let Some(first) = arguments.first_mut() {
                        *first = sequence_literal(std::mem::replace(first, Expr::Null));
                    }
                }
                _ => {}
            }
        }
        Expr::Call(QualifiedName { schema, name: name.name.clone() }, arguments)
    }

    /// Drops the casts of literals to the one type that the others have.
    fn unify(&self, values: Vec<Expr>) -> Vec<Expr> {
        let known = values.iter().find(|value| !is_literal(value)).and_then(|value| self.type_of(value));
        match known {
            Some(type_name) => values.into_iter().map(|value| in_place_of(value, &type_name)).collect(),
            None => values,
        }
    }

    fn binary(&self, operator: &str, left: &Expr, right: &Expr) -> Expr {
        if matches!(operator, "AND" | "OR") {
            let mut parts = Vec::new();
            self.flatten(operator, left, &mut parts);
            self.flatten(operator, right, &mut parts);
            return chain(operator, parts);
        }
        let (left, right) = (self.normal(left), self.normal(right));
        if operator == "AT TIME ZONE" {
            return plain_call("timezone", vec![without_text_cast(right), left]);
        }
        let operator = match operator {
            "!=" => "<>",
            "LIKE" => "~~",
            "NOT LIKE" => "!~~",
            "ILIKE" => "~~*",
            "NOT ILIKE" => "!~~*",
            "SIMILAR TO" | "NOT SIMILAR TO" => {
                let pattern = match right {
                    Expr::Call(..) => right,
                    other => plain_call("similar_to_escape", vec![without_text_cast(other)]),
                };
                let operator = if operator == "SIMILAR TO" { "~" } else { "!~" };
                return Expr::Binary(operator.to_owned(), Box::new(left), Box::new(pattern));
            }
            "IS NOT DISTINCT FROM" => {
                let (left, right) = self.operands("IS DISTINCT FROM", left, right);
                let distinct = Expr::Binary("IS DISTINCT FROM".to_owned(), Box::new(left), Box::new(right));
                return Expr::Unary("NOT".to_owned(), Box::new(distinct));
            }
            other => other,
        };
        let (left, right) = self.operands(operator, left, right);
        Expr::Binary(operator.to_owned(), Box::new(left), Box::new(right))
    }

    /// Drops the casts that the server adds to the operands of an operator.
    fn operands(&self, operator: &str, left: Expr, right: Expr) -> (Expr, Expr) {
        let (mut left, mut right) = (without_text_cast(left), without_text_cast(right));
        if is_comparison(operator) {
            // Whole numbers compare with wider types without loss.
            left = self.without_widening(left);
            right = self.without_widening(right);
        }
        let (left_type, right_type) = (self.type_of(&left), self.type_of(&right));
        if let Some(type_name) = right_type.filter(|_| is_literal(&left)) {
            left = operand_in_place(left, &type_name, operator);
        } else if let Some(type_name) = left_type.filter(|_| is_literal(&right)) {
            right = operand_in_place(right, &type_name, operator);
        }
        (left, right)
    }

    fn without_widening(&self, expr: Expr) -> Expr {
        match expr {
            Expr::Cast(inner, to) if to.without_modifiers() == to && !to.is_array() => {
                let width = |name: &str| match name {
                    "smallint" => Some(1),
                    "integer" => Some(2),
                    "bigint" => Some(3),
                    "numeric" => Some(4),
                    _ => None,
                };
                let from = match &*inner {
                    Expr::Column(_) => self.type_of(&inner).filter(|from| !from.is_array()),
                    _ => None,
                };
                let widens = from.is_some_and(|from| {
                    from.is_builtin()
                        && width(from.name()).is_some_and(|from| {
                            from < 4 && to.is_builtin() && width(to.name()).is_some_and(|to| from < to)
                        })
                });
                let is_number =
                    matches!(&*inner, Expr::Number(_)) && matches!(to.name(), "smallint" | "bigint" | "numeric");
                if widens || (is_number && to.is_builtin()) { *inner } else { Expr::Cast(inner, to) }
            }
            other => other,
        }
    }

    fn flatten(&self, operator: &str, expr: &Expr, parts: &mut Vec<Expr>) {
        match expr {
            Expr::Binary(inner, left, right) if inner == operator => {
                self.flatten(operator, left, parts);
                self.flatten(operator, right, parts);
            }
            other => match self.normal(other) {
                Expr::Call(name, inner) if name == chain_name(operator) => parts.extend(inner),
                normal => parts.push(normal),
            },
        }
    }

    fn in_list(&self, value: &Expr, values: &[Expr], not: bool) -> Expr {
        let operator = if not { "<>" } else { "=" };
        // The server makes a plain comparison of a list of one.
        if let [only] = values {
            return self.binary(operator, value, only);
        }
        self.any_all(operator, value, &Expr::Array(values.to_vec()), not)
    }

    fn any_all(&self, operator: &str, value: &Expr, array: &Expr, all: bool) -> Expr {
        let operator = match operator {
            "!=" => "<>",
            "LIKE" => "~~",
            "NOT LIKE" => "!~~",
            "ILIKE" => "~~*",
            "NOT ILIKE" => "!~~*",
            other => other,
        };
        let value = self.normal(value);
        let array = match self.normal(array) {
            Expr::Array(values) => {
                let mut values: Vec<Expr> =
                    values.into_iter().map(|element| self.operands(operator, value.clone(), element).1).collect();
                // Neither order nor repetition matters.
                values.sort();
                values.dedup();
                Expr::Array(values)
            }
            other => other,
        };
        let value = if is_comparison(operator) { self.without_widening(without_text_cast(value)) } else { value };
        Expr::AnyAll(operator.to_owned(), Box::new(value), Box::new(array), all)
    }

    fn case(&self, operand: Option<&Expr>, branches: &[(Expr, Expr)], rest: Option<&Expr>) -> Expr {
        let operand = operand.map(|operand| self.normal(operand));
        let mut results: Vec<Expr> =
            branches.iter().map(|(_, result)| without_text_cast(self.normal(result))).collect();
        let has_rest = rest.is_some();
        results.extend(rest.map(|rest| without_text_cast(self.normal(rest))));
        let mut results = self.unify(results);
        // The server writes ELSE NULL where nothing is written.
        let rest = if has_rest { results.pop() } else { None };
        let rest = rest.filter(|rest| *rest != Expr::Null).map(Box::new);
        let conditions = branches.iter().map(|(condition, _)| match &operand {
            Some(operand) => self.operands("=", operand.clone(), self.normal(condition)).1,
            None => self.normal(condition),
        });
        let branches = conditions.zip(results).collect();
        Expr::Case(operand.map(Box::new), branches, rest)
    }

    fn type_of(&self, expr: &Expr) -> Option<TypeName> {
        match expr {
            Expr::Column(parts) => (self.columns)(parts.last()?).map(|column| column.underlying()),
            Expr::Cast(_, type_name) => Some(type_name.clone()),
            Expr::Bool(_) => Some(TypeName::builtin("boolean")),
            Expr::Collate(value, _) => self.type_of(value),
            Expr::Unary(operator, value) if operator == "-" || operator == "+" => self.type_of(value),
            Expr::Binary(operator, left, right) => match operator.as_str() {
                "->>" | "#>>" => Some(TypeName::builtin("text")),
                "+" | "-" | "*" | "/" | "%" => {
                    let (left_type, right_type) = (self.type_of(left), self.type_of(right));
                    match (left_type, right_type) {
                        (Some(one), Some(other)) => (one.without_modifiers() == other.without_modifiers()
                            && is_number_type(&one))
                        .then(|| one.without_modifiers()),
                        (Some(one), None) if is_literal(right) && is_number_type(&one) => Some(one.without_modifiers()),
                        _ => None,
                    }
                }
                _ => None,
            },
            Expr::Call(name, arguments) if name.schema.is_none() => match name.name.as_str() {
                "lower" | "upper" | "btrim" | "ltrim" | "rtrim" | "substring" | "replace" | "concat" | "left"
                | "right" | "md5"
                    if arguments.iter().all(|argument| {
                        is_literal(argument) || self.type_of(argument).is_none_or(|found| is_stringy(&found))
                    }) =>
                {
                    Some(TypeName::builtin("text"))
                }
                "length" | "char_length" | "octet_length" => Some(TypeName::builtin("integer")),
                "now" | "current_timestamp" | "clock_timestamp" | "transaction_timestamp" | "statement_timestamp" => {
                    Some(TypeName::builtin("timestamp with time zone"))
                }
                "current_date" => Some(TypeName::builtin("date")),
                "coalesce" => arguments.iter().find_map(|argument| self.type_of(argument)),
                _ => None,
            },
            _ => None,
        }
    }
}

fn unary(operator: &str, value: Expr) -> Expr {
    match (operator, value) {
        ("+", value @ Expr::Number(_)) => value,
        ("-", Expr::Number(digits)) => Expr::Number(negated(&digits)),
        ("+", Expr::Cast(inner, to)) if matches!(*inner, Expr::Number(_)) => Expr::Cast(inner, to),
        ("-", Expr::Cast(inner, to)) if matches!(*inner, Expr::Number(_)) => match *inner {
            Expr::Number(digits) => Expr::Cast(Box::new(Expr::Number(negated(&digits))), to),
            other => Expr::Unary("-".to_owned(), Box::new(Expr::Cast(Box::new(other), to))),
        },
        (operator, value) => Expr::Unary(operator.to_owned(), Box::new(value)),
    }
}

fn negated(digits: &str) -> String {
    match digits.strip_prefix('-') {
        Some(positive) => positive.to_owned(),
        None if digits.bytes().all(|byte| byte == b'0' || byte == b'.') => digits.to_owned(),
        None => format!("-{digits}"),
    }
}

/// Returns the number that a script writes; one with an exponent is numeric even where it is whole.
fn number(text: &str) -> Expr {
    let Some(digits) = decimal(text) else { return Expr::Number(text.to_owned()) };
    if text.contains(['e', 'E']) && !text.starts_with("0x") && !text.starts_with("0X") && !digits.contains('.') {
        return Expr::Cast(Box::new(Expr::Number(digits)), TypeName::builtin("numeric"));
    }
    Expr::Number(digits)
}

/// Returns a number of a type; the type stays only where the number would not have it by itself.
fn literal_of(digits: String, type_name: &TypeName) -> Expr {
    let own = if digits.contains('.') {
        "numeric"
    } else if digits.parse::<i32>().is_ok() {
        "integer"
    } else if digits.parse::<i64>().is_ok() {
        "bigint"
    } else {
        "numeric"
    };
    // A fraction cast to a whole number is rounded, and must keep its cast.
    if type_name.name() == own {
        Expr::Number(digits)
    } else {
        Expr::Cast(Box::new(Expr::Number(digits)), type_name.clone())
    }
}

/// Returns the digits of a number without sign of plus, leading zeros, underscores and exponent.
fn decimal(text: &str) -> Option<String> {
    let text = text.trim().replace('_', "");
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest.trim_start()),
        None => (false, text.strip_prefix('+').unwrap_or(&text)),
    };
    for (prefix, radix) in [("0x", 16), ("0X", 16), ("0o", 8), ("0O", 8), ("0b", 2), ("0B", 2)] {
        if let Some(digits) = text.strip_prefix(prefix) {
            let value = u128::from_str_radix(digits, radix).ok()?;
            return Some(if negative { format!("-{value}") } else { value.to_string() });
        }
    }
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits_only = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if (whole.is_empty() && fraction.is_empty()) || !digits_only(whole) || !digits_only(fraction) {
        return None;
    }
    // Beyond this the server does not print all digits either.
    if exponent.abs() > 400 {
        return None;
    }
    let mut digits = format!("{whole}{fraction}");
    let point = i32::try_from(whole.len()).ok()? + exponent;
    if point <= 0 {
        digits.insert_str(0, &"0".repeat(usize::try_from(1 - point).ok()?));
    }
    let mut point = usize::try_from(point.max(1)).ok()?;
    while digits.len() < point {
        digits.push('0');
    }
    while point > 1 && digits.starts_with('0') {
        digits.remove(0);
        point -= 1;
    }
    if digits.len() > point {
        digits.insert(point, '.');
    }
    let zero = digits.bytes().all(|byte| byte == b'0' || byte == b'.');
    Some(if negative && !zero { format!("-{digits}") } else { digits })
}

/// Returns the value without trailing zeros of its fraction, by which numbers are equal.
fn value_of(digits: &str) -> &str {
    if digits.contains('.') { digits.trim_end_matches('0').trim_end_matches('.') } else { digits }
}

fn boolean(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "t" | "tr" | "tru" | "true" | "y" | "ye" | "yes" | "on" | "1" => Some(true),
        "f" | "fa" | "fal" | "fals" | "false" | "n" | "no" | "of" | "off" | "0" => Some(false),
        _ => None,
    }
}

/// Drops the cast of a literal, or gives an untyped literal its value, where the place asks for `type_name`.
fn in_place_of(expr: Expr, type_name: &TypeName) -> Expr {
    match expr {
        Expr::Cast(inner, from) if is_literal(&inner) && same_type(&from, type_name) => in_place_of(*inner, type_name),
        Expr::Text(text) if is_plain(type_name, "boolean") => match boolean(&text) {
            Some(truth) => Expr::Bool(truth),
            None => Expr::Text(text),
        },
        Expr::Text(text) if is_number_type(type_name) => match decimal(&text) {
            Some(digits) => Expr::Number(digits),
            None => Expr::Text(text),
        },
        // A whole number fits wherever a number is asked for.
        Expr::Cast(inner, from)
            if matches!(&*inner, Expr::Number(digits) if !digits.contains('.'))
                && is_number_type(type_name)
                && is_number_type(&from)
                && from.modifiers().is_none() =>
        {
            *inner
        }
        Expr::Array(values) if type_name.is_array() => match type_name.element() {
            Some(element) => Expr::Array(values.into_iter().map(|value| in_place_of(value, &element)).collect()),
            None => Expr::Array(values),
        },
        other => other,
    }
}

/// As [`in_place_of`], for the operand beside one of type `type_name`: only the very type is dropped there, as `date`
/// beside `timestamp` is another operator.
fn operand_in_place(expr: Expr, type_name: &TypeName, operator: &str) -> Expr {
    match expr {
        Expr::Cast(inner, from) if is_literal(&inner) && from.modifiers().is_none() && same_type(&from, type_name) => {
            operand_in_place(*inner, type_name, operator)
        }
        Expr::Text(text) if is_plain(type_name, "boolean") && is_comparison(operator) => match boolean(&text) {
            Some(truth) => Expr::Bool(truth),
            None => Expr::Text(text),
        },
        Expr::Text(text) if is_number_type(type_name) && is_comparison(operator) => match decimal(&text) {
            Some(digits) => Expr::Number(digits),
            None => Expr::Text(text),
        },
        other => other,
    }
}

fn without_text_cast(expr: Expr) -> Expr {
    match expr {
        Expr::Cast(inner, to) if matches!(*inner, Expr::Text(_)) && is_plain(&to, "text") => *inner,
        other => other,
    }
}

/// Writes the name of a sequence in one way, whether cast to regclass or not.
fn sequence_literal(expr: Expr) -> Expr {
    let text = match &expr {
        Expr::Text(text) => text,
        Expr::Cast(inner, to) if is_plain(to, "regclass") => match &**inner {
            Expr::Text(text) => text,
            _ => return expr,
        },
        _ => return expr,
    };
    let name = TypeName::parse(text).ok().filter(|name| !name.is_builtin() && name.modifiers().is_none());
    match name {
        Some(name) => Expr::Cast(Box::new(Expr::Text(name.to_string())), TypeName::builtin("regclass")),
        None => expr,
    }
}

/// Returns whether two expressions are equal once a schema is left out that only one of them names.
fn same_but_for_schemas(written: &Expr, stored: &Expr) -> bool {
    match (written, stored) {
        (Expr::Cast(one, one_type), Expr::Cast(other, other_type)) => {
            let same_cast = same_type(one_type, other_type) && one_type.modifiers() == other_type.modifiers();
            if let (true, Expr::Text(one), Expr::Text(other)) = (is_plain(one_type, "regclass"), &**one, &**other) {
                return same_cast && same_sequence(one, other);
            }
            same_cast && same_but_for_schemas(one, other)
        }
        (Expr::Call(one, one_arguments), Expr::Call(other, other_arguments)) => {
            one == other && all_same(one_arguments, other_arguments)
        }
        (Expr::Unary(one, one_value), Expr::Unary(other, other_value)) => {
            one == other && same_but_for_schemas(one_value, other_value)
        }
        (Expr::Binary(one, a, b), Expr::Binary(other, c, d)) => {
            one == other && same_but_for_schemas(a, c) && same_but_for_schemas(b, d)
        }
        (Expr::AnyAll(one, a, b, one_all), Expr::AnyAll(other, c, d, other_all)) => {
            one == other && one_all == other_all && same_but_for_schemas(a, c) && same_but_for_schemas(b, d)
        }
        (Expr::IsNull(one, one_not), Expr::IsNull(other, other_not)) => {
            one_not == other_not && same_but_for_schemas(one, other)
        }
        (Expr::Array(one), Expr::Array(other)) => all_same(one, other),
        _ => written == stored,
    }
}

fn all_same(one: &[Expr], other: &[Expr]) -> bool {
    one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same_but_for_schemas(one, other))
}

fn same_sequence(one: &str, other: &str) -> bool {
    match (TypeName::parse(one), TypeName::parse(other)) {
        (Ok(one), Ok(other)) => same_type(&one, &other),
        _ => one == other,
    }
}

/// Returns whether two names are of one type, modifiers aside; a schema that only one of them gives does not count.
fn same_type(one: &TypeName, other: &TypeName) -> bool {
    let schemas = match (one.schema(), other.schema()) {
        (Some(one), Some(other)) => one == other,
        _ => true,
    };
    let names = one.name() == other.name() || (is_char(one) && is_char(other));
    schemas && names && one.is_array() == other.is_array() && one.is_builtin() == other.is_builtin()
}

fn is_plain(type_name: &TypeName, name: &str) -> bool {
    type_name.is_builtin() && !type_name.is_array() && type_name.name() == name
}

fn is_stringy(type_name: &TypeName) -> bool {
    is_plain(type_name, "text") || is_plain(type_name, "character varying")
}

fn is_char(type_name: &TypeName) -> bool {
    is_plain(type_name, "character") || is_plain(type_name, "bpchar")
}

fn is_number_type(type_name: &TypeName) -> bool {
    ["smallint", "integer", "bigint", "numeric", "real", "double precision"]
        .iter()
        .any(|name| is_plain(type_name, name))
}

fn is_literal(expr: &Expr) -> bool {
    match expr {
        Expr::Text(_) | Expr::Number(_) | Expr::Bool(_) | Expr::Null => true,
        Expr::Cast(inner, _) => is_literal(inner),
        _ => false,
    }
}

fn is_comparison(operator: &str) -> bool {
    matches!(operator, "=" | "<>" | "<" | ">" | "<=" | ">=" | "IS DISTINCT FROM")
}

/// The name under which a flat chain of AND or OR is kept; no function can have an empty schema.
fn chain_name(operator: &str) -> QualifiedName {
    QualifiedName { schema: Some(Ident::new("")), name: Ident::new(operator) }
}

fn chain(operator: &str, mut parts: Vec<Expr>) -> Expr {
    parts.sort();
    parts.dedup();
    Expr::Call(chain_name(operator), parts)
}

fn plain_call(name: &str, arguments: Vec<Expr>) -> Expr {
    Expr::Call(QualifiedName::unqualified(Ident::new(name)), arguments)
}

/// Returns whether two normal forms cannot mean the same.
fn proved_different(one: &Expr, other: &Expr, result_type: Option<&TypeName>) -> bool {
    if is_read(one) && is_read(other) {
        let columns = |expr: &Expr| expr.columns().into_iter().cloned().collect::<BTreeSet<Ident>>();
        if columns(one) != columns(other) {
            return true;
        }
    }
    match (one, other) {
        (one, other) if is_literal(one) && is_literal(other) => literals_differ(one, other, result_type),
        (literal, Expr::Call(name, _)) | (Expr::Call(name, _), literal) if is_literal(literal) => {
            name.schema.as_ref().is_none_or(|schema| !schema.as_str().is_empty())
        }
        (Expr::Call(one, arguments), Expr::Call(other, more)) if arguments.is_empty() && more.is_empty() => {
            let kind = |name: &QualifiedName| {
                if name.schema.is_some() { None } else { nullary_kind(name.name.as_str()) }
            };
            matches!((kind(one), kind(other)), (Some(one), Some(other)) if one != other)
        }
        (Expr::Call(call, arguments), Expr::Call(other_call, more)) if call == other_call => {
            // Two sequences.
            matches!(call.name.as_str(), "nextval")
                && matches!((arguments.as_slice(), more.as_slice()), ([Expr::Cast(a, t)], [Expr::Cast(b, u)])
                    if is_plain(t, "regclass") && is_plain(u, "regclass")
                        && matches!((&**a, &**b), (Expr::Text(a), Expr::Text(b)) if !same_sequence(a, b)))
        }
        (Expr::IsNull(one, one_not), Expr::IsNull(other, other_not)) => one == other && one_not != other_not,
        (Expr::Unary(operator, inner), plain) | (plain, Expr::Unary(operator, inner)) if operator == "NOT" => {
            **inner == *plain
        }
        (Expr::Binary(one, a, b), Expr::Binary(other, c, d)) if is_comparison(one) && is_comparison(other) => {
            a == c && ((one == other && both_literals_differ(b, d)) || (one != other && b == d))
        }
        (Expr::AnyAll(one, a, b, one_all), Expr::AnyAll(other, c, d, other_all)) => {
            one == other && one_all == other_all && a == c && lists_differ(b, d)
        }
        _ => false,
    }
}

fn both_literals_differ(one: &Expr, other: &Expr) -> bool {
    is_literal(one) && is_literal(other) && literals_differ(one, other, None)
}

fn lists_differ(one: &Expr, other: &Expr) -> bool {
    let (Expr::Array(one), Expr::Array(other)) = (one, other) else { return false };
    let missing = |from: &[Expr], list: &[Expr]| {
        from.iter().any(|value| !list.is_empty() && list.iter().all(|found| both_literals_differ(value, found)))
    };
    missing(one, other) || missing(other, one)
}

fn literals_differ(one: &Expr, other: &Expr, result_type: Option<&TypeName>) -> bool {
    match (one, other) {
        (Expr::Null, Expr::Null) => false,
        // A default NULL is no value at all.
        (Expr::Null, _) | (_, Expr::Null) => true,
        (Expr::Bool(one), Expr::Bool(other)) => one != other,
        (Expr::Number(one), Expr::Number(other)) => value_of(one) != value_of(other),
        (Expr::Cast(one, one_type), Expr::Cast(other, other_type)) if same_type(one_type, other_type) => {
            literals_differ(one, other, Some(one_type))
        }
        (Expr::Text(one), Expr::Text(other)) => {
            // Types such as dates have many spellings of one value; words have one.
            let stringy = result_type.is_none_or(|type_name| is_stringy(type_name) || !type_name.is_builtin());
            let word = |text: &str| {
                text.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-')
                    && !text.starts_with(|c: char| c.is_ascii_digit() || c == '-')
                    && !matches!(text, "now" | "today" | "tomorrow" | "yesterday" | "epoch" | "infinity" | "allballs")
            };
            let certain = result_type.is_some_and(is_stringy) || (word(one) && word(other));
            stringy && certain && one != other
        }
        _ => false,
    }
}

/// Tells apart the functions without arguments that never give one value.
fn nullary_kind(name: &str) -> Option<u8> {
    Some(match name {
        "now" | "current_timestamp" | "transaction_timestamp" | "localtimestamp" => 1,
        "statement_timestamp" => 2,
        "clock_timestamp" => 3,
        "current_date" => 4,
        "current_time" | "localtime" => 5,
        "current_user" | "session_user" | "user" | "current_role" => 6,
        "gen_random_uuid" | "uuid_generate_v4" => 7,
        "random" => 8,
        "current_schema" => 9,
        "current_database" | "current_catalog" => 10,
        _ => return None,
    })
}

/// Returns whether all of an expression was read, so that its columns are known.
fn is_read(expr: &Expr) -> bool {
    !expr.any(&|part| matches!(part, Expr::Other(_)))
}

#[cfg(test)]
mod tests {
    use super::{super::parse_expression, *};

    const CASES: &str = include_str!("../../tests/cases/expressions.txt");

    /// Returns the types of the columns that the checks of the case file use.
    fn columns(name: &Ident) -> Option<TypeName> {
        let (_, list) = CASES.lines().find(|line| line.contains("columns of checks"))?.split_once(": ")?;
        let list = list.replace("numeric(10,2)", "numeric");
        let written = list.split(", ").find_map(|column| {
            let (column, type_name) = column.split_once(' ')?;
            (column == name.as_str()).then(|| type_name.to_owned())
        })?;
        TypeName::parse(&written).ok()
    }

    #[test]
    fn what_the_server_stores_is_recognised() {
        let mut count = 0;
        let mut wrong = Vec::new();
        for line in CASES.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
            let parts: Vec<&str> = line.split(" | ").collect();
            let [kind, type_name, written, stored, verdict] = parts[..] else { panic!("{line}") };
            let read = |text| parse_expression(text).unwrap_or_else(|| panic!("not read: {line}"));
            let result_type = (kind == "default").then(|| TypeName::parse(type_name).unwrap());
            let found = same_meaning(&read(written), &read(stored), &columns, result_type.as_ref());
            let expected = match verdict {
                "same" => Sameness::Same,
                "different" => Sameness::Different,
                "unknown" | "UNKNOWN" => Sameness::Unknown,
                _ => panic!("{line}"),
            };
            if found != expected {
                wrong.push(format!("{line}  =>  {found:?}"));
            }
            count += 1;
        }
        assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
        assert!(count >= 150, "only {count} cases");
    }

    #[test]
    fn without_knowledge_of_columns_nothing_is_claimed_wrongly() {
        for line in CASES.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
            let parts: Vec<&str> = line.split(" | ").collect();
            let (Some(written), Some(stored)) = (parse_expression(parts[2]), parse_expression(parts[3])) else {
                panic!("{line}")
            };
            let found = same_meaning(&written, &stored, &|_| None, None);
            match parts[4] {
                "same" | "UNKNOWN" => assert_ne!(found, Sameness::Different, "{line}"),
                _ => assert_ne!(found, Sameness::Same, "{line}"),
            }
        }
    }
}
