//! Comparison of expressions by meaning.
//!
//! The server prints an expression back after it has found the types of everything in it. Both sides are brought into
//! one form in which what the server adds (casts of literals to the type that the place asks for, parentheses, operators
//! for words) is gone. Equal forms mean the same; unequal ones are told apart only where that can be proved.
//!
//! Source: `ruleutils.c`, `parse_expr.c`; the cases in `tests/cases/expressions.txt` come from real servers.

use crate::pg::{Ident, QualifiedName, ServerVersion, TypeName};

use super::{
    expr::Expr,
    value::{canonical, elements},
};

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
    compare(&Normaliser { columns, extract_is_date_part: false }, written, stored, result_type)
}

/// As [`same_meaning`], for an expression that a server of this version printed: before 14 `EXTRACT` is another way to write
/// `date_part`, and is printed so.
#[must_use]
pub fn same_meaning_on(
    version: ServerVersion,
    written: &Expr,
    stored: &Expr,
    columns: &dyn Fn(&Ident) -> Option<TypeName>,
    result_type: Option<&TypeName>,
) -> Sameness {
    compare(&Normaliser { columns, extract_is_date_part: version.major() < 14 }, written, stored, result_type)
}

fn compare(normaliser: &Normaliser<'_>, written: &Expr, stored: &Expr, result_type: Option<&TypeName>) -> Sameness {
    let written = normaliser.top(written, result_type);
    let stored = normaliser.top(stored, result_type);
    normaliser.judge(&written, &stored, result_type)
}

/// Numbers, by how far the server widens them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum NumberClass {
    Integer,
    Numeric,
    Float,
}

struct Normaliser<'a> {
    columns: &'a dyn Fn(&Ident) -> Option<TypeName>,
    /// The server knows no `EXTRACT` of its own.
    extract_is_date_part: bool,
}

impl Normaliser<'_> {
    fn top(&self, expr: &Expr, result_type: Option<&TypeName>) -> Expr {
        let mut normal = self.normal(expr);
        if let Some(type_name) = result_type {
            // A value is converted on assignment; a cast to the very type of the column says the same.
            normal = match normal {
                Expr::Cast(inner, to) if !is_literal(&inner) && to == type_name.without_modifiers() => *inner,
                other => other,
            };
            normal = clock_of(in_place_of(normal, type_name), type_name);
            normal = match normal {
                // A whole number or a truth value becomes text as it is written.
                Expr::Number(digits) if is_stringy(type_name) && digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                    Expr::Text(digits)
                }
                Expr::Bool(truth) if is_stringy(type_name) => Expr::Text(truth.to_string()),
                other => other,
            };
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
            Expr::Unary(operator, value) if operator == "NOT" => negation(self.normal(value)),
            Expr::Unary(operator, value) => unary(operator, self.normal(value)),
            Expr::Binary(operator, left, right) => self.binary(operator, left, right),
            Expr::IsNull(value, not) => Expr::IsNull(self.boxed(value), *not),
            Expr::In(value, values, not) => self.in_list(value, values, *not),
            Expr::Between(value, low, high, not) => {
                let (first, second, joined) = if *not { ("<", ">", "OR") } else { (">=", "<=", "AND") };
                chain(joined, vec![self.binary(first, value, low), self.binary(second, value, high)])
            }
            Expr::AnyAll(operator, value, array, all) => self.any_all(operator, value, array, *all),
            Expr::Array(values) => Expr::Array(self.list(values).into_iter().map(without_text_cast).collect()),
            Expr::Row(values) => Expr::Row(self.list(values)),
            Expr::Case(operand, branches, rest) => self.case(operand.as_deref(), branches, rest.as_deref()),
            Expr::Collate(value, collation) => {
                Expr::Collate(Box::new(without_text_cast(self.normal(value))), collation.clone())
            }
        }
    }

    fn cast(&self, value: Expr, type_name: &TypeName) -> Expr {
        let simple = type_name.without_modifiers() == *type_name;
        let value = if simple { clock_of(value, type_name) } else { value };
        match value {
            Expr::Call(ref name, ref arguments) if arguments.is_empty() && is_clock_of(name, type_name) => value,
            // `'{a,b}'` is written more often than the ARRAY that it is.
            Expr::Text(ref text) if type_name.is_array() => match (array(text), type_name.element()) {
                (Some(values), Some(element)) => {
                    Expr::Array(values.into_iter().map(|value| self.cast(value, &element)).collect())
                }
                _ => Expr::Cast(Box::new(value), type_name.clone()),
            },
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
                // Functions of one value under several names.
                "current_timestamp" | "transaction_timestamp" if arguments.is_empty() => {
                    return plain_call("now", arguments);
                }
                "current_role" | "user" => return plain_call("current_user", arguments),
                "current_catalog" => return plain_call("current_database", arguments),
                "extract" | "date_part" if self.extract_is_date_part => {
                    if let Some(Expr::Text(field)) = arguments.first_mut() {
                        field.make_ascii_lowercase();
                    }
                    return plain_call("date_part", arguments);
                }
                // The names of fields and of zones are read in either case.
                "extract" | "timezone" => {
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
        // The server compares rows field by field.
        if let ("=", Expr::Row(fields), Expr::Row(others)) = (operator, left, right)
            && fields.len() == others.len()
        {
            let pairs = fields.iter().zip(others);
            return chain("AND", pairs.map(|(field, other)| self.binary("=", field, other)).collect());
        }
        let (left, right) = (self.normal(left), self.normal(right));
        if operator == "AT TIME ZONE" {
            return self.call(&QualifiedName::unqualified(Ident::new("timezone")), &[right, left]);
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
            "IS DISTINCT FROM" if right == Expr::Null => return Expr::IsNull(Box::new(left), true),
            "IS NOT DISTINCT FROM" if right == Expr::Null => return Expr::IsNull(Box::new(left), false),
            "IS NOT DISTINCT FROM" => {
                let (left, right) = self.operands("IS DISTINCT FROM", left, right);
                let distinct = Expr::Binary("IS DISTINCT FROM".to_owned(), Box::new(left), Box::new(right));
                return Expr::Unary("NOT".to_owned(), Box::new(distinct));
            }
            other => other,
        };
        let (left, right) = self.operands(operator, left, right);
        match (operator, right) {
            // The truth of a boolean is the boolean.
            ("=", Expr::Bool(true)) | ("<>", Expr::Bool(false)) => left,
            ("=", Expr::Bool(false)) | ("<>", Expr::Bool(true)) => negation(left),
            (_, right) => {
                let (left, right) = self.arithmetic(operator, left, right);
                Expr::Binary(operator.to_owned(), Box::new(left), Box::new(right))
            }
        }
    }

    /// Writes down the conversion that the server adds where it has no operator for two types of numbers.
    fn arithmetic(&self, operator: &str, left: Expr, right: Expr) -> (Expr, Expr) {
        if !is_arithmetic(operator) {
            return (left, right);
        }
        let (Some(left_class), Some(right_class)) = (self.number_class(&left), self.number_class(&right)) else {
            return (left, right);
        };
        let mut common = left_class.max(right_class);
        if operator == "^" && common == NumberClass::Integer {
            common = NumberClass::Float;
        }
        let target = TypeName::builtin(match common {
            NumberClass::Integer => return (left, right),
            NumberClass::Numeric => "numeric",
            NumberClass::Float => "double precision",
        });
        let convert = |operand: Expr, class: NumberClass| match operand {
            Expr::Cast(inner, _) if matches!(*inner, Expr::Number(_)) => *inner,
            Expr::Number(_) => operand,
            other if class < common => Expr::Cast(Box::new(other), target.clone()),
            other => other,
        };
        (convert(left, left_class), convert(right, right_class))
    }

    /// Returns what kind of number an operand is.
    fn number_class(&self, expr: &Expr) -> Option<NumberClass> {
        let of_type = |type_name: &TypeName| match type_name.name() {
            _ if !type_name.is_builtin() || type_name.is_array() => None,
            "smallint" | "integer" | "bigint" => Some(NumberClass::Integer),
            "numeric" => Some(NumberClass::Numeric),
            "real" | "double precision" => Some(NumberClass::Float),
            _ => None,
        };
        match expr {
            Expr::Number(digits) if digits.contains('.') || digits.parse::<i64>().is_err() => {
                Some(NumberClass::Numeric)
            }
            Expr::Number(_) => Some(NumberClass::Integer),
            Expr::Binary(operator, left, right) if is_arithmetic(operator) => {
                Some(self.number_class(left)?.max(self.number_class(right)?))
            }
            other => of_type(&self.type_of(other)?),
        }
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
        // Values that name columns are compared one by one.
        let (rows, constants): (Vec<&Expr>, Vec<&Expr>) = values.iter().partition(|value| !value.columns().is_empty());
        if !rows.is_empty() {
            let mut parts: Vec<Expr> = rows.iter().map(|other| self.binary(operator, value, other)).collect();
            match constants[..] {
                [] => {}
                [only] => parts.push(self.binary(operator, value, only)),
                _ => {
                    let array = Expr::Array(constants.into_iter().cloned().collect());
                    parts.push(self.any_all(operator, value, &array, not));
                }
            }
            return chain(if not { "AND" } else { "OR" }, parts);
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
            Expr::Text(text) => array_of(text),
            other => other,
        };
        let array = match array {
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
                "||" if [left, right].iter().any(|side| self.type_of(side).is_some_and(|side| is_stringy(&side))) => {
                    Some(TypeName::builtin("text"))
                }
                "+" | "-" | "*" | "/" | "%" | "^" => {
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
        Expr::Cast(inner, from)
            if is_literal(&inner)
                && same_type(&from, type_name)
                && from.interval_fields() == type_name.interval_fields() =>
        {
            in_place_of(*inner, type_name)
        }
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
        Expr::Text(text) if type_name.is_array() && array(&text).is_some() => in_place_of(array_of(text), type_name),
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
            // Looked up anew by each call; it is the same sequence.
            Expr::Cast(inner, to) if is_plain(to, "text") => match &**inner {
                Expr::Text(text) => text,
                _ => return expr,
            },
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

fn is_arithmetic(operator: &str) -> bool {
    matches!(operator, "+" | "-" | "*" | "/" | "%" | "^")
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
    match <[Expr; 1]>::try_from(parts) {
        Ok([only]) => only,
        Err(parts) => Expr::Call(chain_name(operator), parts),
    }
}

/// Returns the opposite, as the server's comparison operators have it; NULL stays NULL.
fn negation(expr: Expr) -> Expr {
    let opposite = match &expr {
        Expr::Binary(operator, ..) | Expr::AnyAll(operator, ..) => match operator.as_str() {
            "=" => Some("<>"),
            "<>" => Some("="),
            "<" => Some(">="),
            ">=" => Some("<"),
            ">" => Some("<="),
            "<=" => Some(">"),
            "~~" => Some("!~~"),
            "!~~" => Some("~~"),
            "~~*" => Some("!~~*"),
            "!~~*" => Some("~~*"),
            "~" => Some("!~"),
            "!~" => Some("~"),
            _ => None,
        },
        _ => None,
    };
    match (expr, opposite) {
        (Expr::Binary(_, left, right), Some(opposite)) => Expr::Binary(opposite.to_owned(), left, right),
        (Expr::AnyAll(_, value, array, all), Some(opposite)) => Expr::AnyAll(opposite.to_owned(), value, array, !all),
        (Expr::IsNull(value, not), _) => Expr::IsNull(value, !not),
        (Expr::Bool(truth), _) => Expr::Bool(!truth),
        (Expr::Unary(operator, inner), _) if operator == "NOT" => *inner,
        (other, _) => Expr::Unary("NOT".to_owned(), Box::new(other)),
    }
}

/// The clock of the transaction, as a type shows it.
fn is_clock_of(name: &QualifiedName, type_name: &TypeName) -> bool {
    name.schema.is_none()
        && match name.name.as_str() {
            "now" => is_plain(type_name, "timestamp with time zone"),
            "localtimestamp" => is_plain(type_name, "timestamp without time zone"),
            "current_date" => is_plain(type_name, "date"),
            "localtime" => is_plain(type_name, "time without time zone"),
            _ => false,
        }
}

/// Returns `now()` made a date, a time or a timestamp of the session's zone under its own name.
fn clock_of(expr: Expr, type_name: &TypeName) -> Expr {
    if !matches!(&expr, Expr::Call(name, arguments)
        if arguments.is_empty() && name.schema.is_none() && name.name.as_str() == "now")
    {
        return expr;
    }
    let names = ["localtimestamp", "current_date", "localtime"];
    let call = names
        .into_iter()
        .map(|name| plain_call(name, Vec::new()))
        .find(|call| matches!(call, Expr::Call(name, _) if is_clock_of(name, type_name)));
    call.unwrap_or(expr)
}

/// Returns the elements of an array that is written as a text.
fn array(text: &str) -> Option<Vec<Expr>> {
    Some(elements(text)?.into_iter().map(|element| element.map_or(Expr::Null, Expr::Text)).collect())
}

fn array_of(text: String) -> Expr {
    array(&text).map_or(Expr::Text(text), Expr::Array)
}

fn plain_call(name: &str, arguments: Vec<Expr>) -> Expr {
    Expr::Call(QualifiedName::unqualified(Ident::new(name)), arguments)
}

impl Normaliser<'_> {
    /// Compares two normal forms. `written` and `stored` are of the type `context` where the place they stand in says so.
    ///
    /// They differ where the server would print them differently for another reason than what it adds by itself: casts
    /// that it makes without being asked, and spellings of one value.
    fn judge(&self, written: &Expr, stored: &Expr, context: Option<&TypeName>) -> Sameness {
        use Sameness::{Different, Same, Unknown};

        if written == stored {
            return Same;
        }
        match (written, stored) {
            (Expr::Other(_) | Expr::Row(_) | Expr::Default, _) | (_, Expr::Other(_) | Expr::Row(_) | Expr::Default) => {
                Unknown
            }
            (one, other) if is_literal(one) && is_literal(other) => literals(one, other, context),
            (Expr::Cast(one, one_type), Expr::Cast(other, other_type)) if same_type(one_type, other_type) => {
                if one_type.modifiers() == other_type.modifiers() {
                    self.judge(one, other, Some(one_type))
                } else {
                    Different
                }
            }
            (Expr::Cast(one, one_type), Expr::Cast(other, other_type)) => {
                let explicit = |value: &Expr, to: &TypeName| {
                    self.type_of(value).is_some_and(|from| !same_type(&from, to) && !converts_silently(&from, to))
                };
                match self.judge(one, other, None) {
                    Same | Unknown if explicit(one, one_type) && explicit(other, other_type) => Different,
                    Same => Unknown,
                    found => found,
                }
            }
            (Expr::Cast(inner, to), other) => self.cast_of_one(inner, to, self.judge(inner, other, Some(to))),
            (other, Expr::Cast(inner, to)) => self.cast_of_one(inner, to, self.judge(other, inner, Some(to))),
            (Expr::Call(one, arguments), Expr::Call(other, others)) => {
                self.calls((one, arguments), (other, others), context)
            }
            (Expr::Unary(one, value), Expr::Unary(other, other_value)) => {
                if one == other {
                    self.judge(value, other_value, None)
                } else {
                    Different
                }
            }
            (Expr::IsNull(value, not), Expr::IsNull(other, other_not)) => {
                if not == other_not {
                    self.judge(value, other, None)
                } else {
                    Different
                }
            }
            (Expr::Binary(one, a, b), Expr::Binary(other, c, d)) => {
                let straight = if one == other { self.sides(one, (a, b), (c, d)) } else { Different };
                let turned = if mirrored(one) == Some(other) { self.sides(one, (a, b), (d, c)) } else { Different };
                match (straight, turned) {
                    (Same, _) | (_, Same) => Same,
                    (Different, Different) => Different,
                    _ => Unknown,
                }
            }
            (Expr::AnyAll(one, value, array, all), Expr::AnyAll(other, other_value, other_array, other_all)) => {
                if one != other || all != other_all {
                    return Different;
                }
                let element = self.type_of(value).or_else(|| self.type_of(other_value));
                let arrays = match (&**array, &**other_array) {
                    // Neither order nor repetition matters.
                    (Expr::Array(values), Expr::Array(others)) => self.sets(values, others, element.as_ref()),
                    (array, other) => self.judge(array, other, None),
                };
                both(self.judge(value, other_value, None), arrays)
            }
            (Expr::Array(values), Expr::Array(others)) => {
                let element = context.and_then(TypeName::element);
                self.lists(values, others, element.as_ref())
            }
            (Expr::Array(values), Expr::Text(text)) | (Expr::Text(text), Expr::Array(values)) => match array(text) {
                Some(others) => self.lists(values, &others, context.and_then(TypeName::element).as_ref()),
                None => Unknown,
            },
            (Expr::Array(_), literal) | (literal, Expr::Array(_)) if is_literal(literal) => Unknown,
            (Expr::Case(operand, branches, rest), Expr::Case(other_operand, other_branches, other_rest)) => both(
                self.branches(branches, other_branches),
                both(
                    self.optional(operand.as_deref(), other_operand.as_deref()),
                    self.optional(rest.as_deref(), other_rest.as_deref()),
                ),
            ),
            // The truth of a boolean of which it is not known that it is one.
            (Expr::Binary(operator, _, literal), _) | (_, Expr::Binary(operator, _, literal))
                if matches!(operator.as_str(), "=" | "<>")
                    && matches!(&**literal, Expr::Text(text) if boolean(text).is_some()) =>
            {
                Unknown
            }
            (Expr::Collate(value, collation), Expr::Collate(other, other_collation)) => {
                if collation.name == other_collation.name { self.judge(value, other, None) } else { Different }
            }
            _ => Different,
        }
    }

    fn optional(&self, one: Option<&Expr>, other: Option<&Expr>) -> Sameness {
        match (one, other) {
            (Some(one), Some(other)) => self.judge(one, other, None),
            (None, None) => Sameness::Same,
            _ => Sameness::Different,
        }
    }

    /// Compares the branches of two CASE.
    fn branches(&self, one: &[(Expr, Expr)], other: &[(Expr, Expr)]) -> Sameness {
        if one.len() != other.len() {
            return Sameness::Different;
        }
        one.iter().zip(other).fold(Sameness::Same, |found, ((condition, result), (other, other_result))| {
            both(found, both(self.judge(condition, other, None), self.judge(result, other_result, None)))
        })
    }

    /// What is known where only one side casts a value, and the rest of them compares as `found`.
    fn cast_of_one(&self, value: &Expr, to: &TypeName, found: Sameness) -> Sameness {
        if found == Sameness::Different {
            return found;
        }
        match self.type_of(value) {
            None => Sameness::Unknown,
            Some(from) if same_type(&from, to) && to.modifiers().is_none() => found,
            Some(from) if converts_silently(&from, to) && to.modifiers().is_none() => found,
            Some(_) => Sameness::Different,
        }
    }

    /// Compares the operands of one operator.
    fn sides(&self, operator: &str, one: (&Expr, &Expr), other: (&Expr, &Expr)) -> Sameness {
        let text = TypeName::builtin("text");
        let known = |expr: &Expr, other: &Expr| self.type_of(expr).or_else(|| self.type_of(other));
        let (left, right) = match operator {
            "->" | "->>" | "?" => (None, Some(text)),
            "#>" | "#>>" | "?|" | "?&" => (None, Some(text.array_of())),
            // What stands beside a date is no date.
            _ if is_arithmetic(operator) => (None, None),
            _ => (known(one.1, other.1), known(one.0, other.0)),
        };
        let found = both(self.judge(one.0, other.0, left.as_ref()), self.judge(one.1, other.1, right.as_ref()));
        // There a cast decides how it is calculated, and both sides have got those that the server makes by itself.
        let casts = |side: &Expr| matches!(side, Expr::Cast(inner, _) if !is_literal(inner));
        let unequal = casts(one.0) != casts(other.0) || casts(one.1) != casts(other.1);
        if is_arithmetic(operator) && unequal && found == Sameness::Same { Sameness::Unknown } else { found }
    }

    fn calls(
        &self,
        (one, arguments): (&QualifiedName, &[Expr]),
        (other, others): (&QualifiedName, &[Expr]),
        context: Option<&TypeName>,
    ) -> Sameness {
        const CLOCKS: &[&str] = &["now", "localtimestamp", "current_date", "localtime"];
        if one.schema.as_ref().is_some_and(|schema| schema.as_str().is_empty()) {
            return if one == other { self.sets(arguments, others, None) } else { Sameness::Different };
        }
        if one.name != other.name {
            // The clock of the transaction is one; the place that it is put in may make it a date or a time.
            let clocks = context.is_none() && [one, other].iter().all(|name| CLOCKS.contains(&name.name.as_str()));
            let alike = clocks || alike(one.name.as_str(), other.name.as_str());
            return if alike { Sameness::Unknown } else { Sameness::Different };
        }
        // A name without its schema is found along the path, as a type's is.
        if one.schema.is_some() && one.schema != other.schema {
            return if other.schema.is_none() { Sameness::Unknown } else { Sameness::Different };
        }
        let takes_text =
            matches!(one.name.as_str(), "timezone" | "to_char" | "date_trunc" | "date_part" | "extract" | "format");
        let context = if takes_text {
            Some(TypeName::builtin("text"))
        } else {
            arguments.iter().chain(others).find_map(|argument| self.type_of(argument)).filter(is_stringy)
        };
        self.lists(arguments, others, context.as_ref())
    }

    fn lists(&self, one: &[Expr], other: &[Expr], context: Option<&TypeName>) -> Sameness {
        if one.len() != other.len() {
            return Sameness::Different;
        }
        one.iter().zip(other).fold(Sameness::Same, |found, (one, other)| both(found, self.judge(one, other, context)))
    }

    /// Compares lists in which the order does not matter.
    fn sets(&self, one: &[Expr], other: &[Expr], context: Option<&TypeName>) -> Sameness {
        let mut rest: Vec<&Expr> = other.iter().collect();
        let mut left: Vec<&Expr> = Vec::new();
        for part in one {
            match rest.iter().position(|found| self.judge(part, found, context) == Sameness::Same) {
                Some(place) => drop(rest.swap_remove(place)),
                None => left.push(part),
            }
        }
        let alone = |part: &Expr, parts: &[&Expr], written: bool| {
            parts.iter().all(|found| {
                let judged = if written { self.judge(part, found, context) } else { self.judge(found, part, context) };
                judged == Sameness::Different
            })
        };
        if left.is_empty() && rest.is_empty() {
            Sameness::Same
        } else if left.iter().any(|part| alone(part, &rest, true)) || rest.iter().any(|part| alone(part, &left, false))
        {
            Sameness::Different
        } else {
            Sameness::Unknown
        }
    }
}

/// Returns what is known of two things of which each was compared.
fn both(one: Sameness, other: Sameness) -> Sameness {
    match (one, other) {
        (Sameness::Different, _) | (_, Sameness::Different) => Sameness::Different,
        (Sameness::Same, Sameness::Same) => Sameness::Same,
        _ => Sameness::Unknown,
    }
}

/// The comparison that says the same with its operands turned round.
fn mirrored(operator: &str) -> Option<&'static str> {
    Some(match operator {
        "=" => "=",
        "<>" => "<>",
        "<" => ">",
        ">" => "<",
        "<=" => ">=",
        ">=" => "<=",
        _ => return None,
    })
}

/// Returns whether two functions give the same for the arguments that matter, so that nothing is told of the difference.
fn alike(one: &str, other: &str) -> bool {
    const GROUPS: &[&[&str]] = &[
        &["length", "char_length", "character_length"],
        &["substr", "substring"],
        &["ceil", "ceiling"],
        &["pow", "power"],
        &["date_part", "extract"],
        &["strpos", "position"],
        &["gen_random_uuid", "uuid_generate_v4", "uuidv4"],
        &["now", "localtimestamp"],
        &["current_user", "session_user"],
    ];
    GROUPS.iter().any(|group| group.contains(&one) && group.contains(&other))
}

/// Returns whether the server converts between two of its types without being asked.
///
/// Source: `pg_cast`, `castcontext = 'i'`.
fn converts_silently(from: &TypeName, to: &TypeName) -> bool {
    if !from.is_builtin() || !to.is_builtin() || from.is_array() != to.is_array() {
        return false;
    }
    let rank = |name: &str| {
        ["smallint", "integer", "bigint", "numeric", "real", "double precision"].iter().position(|n| *n == name)
    };
    if let (Some(from), Some(to)) = (rank(from.name()), rank(to.name())) {
        return from < to;
    }
    let text = |name: &str| matches!(name, "text" | "character varying" | "character" | "bpchar");
    match (from.name(), to.name()) {
        (from, to) if text(from) && (text(to) || to == "regclass") => true,
        ("name" | "\"char\"", "text")
        | ("date", "timestamp without time zone" | "timestamp with time zone")
        | ("timestamp without time zone", "timestamp with time zone")
        | ("time without time zone", "interval" | "time with time zone")
        | ("cidr", "inet")
        | ("bit", "bit varying")
        | ("bit varying", "bit") => true,
        _ => false,
    }
}

/// Compares two literals.
fn literals(one: &Expr, other: &Expr, context: Option<&TypeName>) -> Sameness {
    use Sameness::{Different, Same, Unknown};

    let ((one, one_type), (other, other_type)) = (bare(one), bare(other));
    let type_name = match (one_type, other_type) {
        (Some(one), Some(other)) => {
            let both = |is: fn(&TypeName) -> bool| is(one) && is(other);
            let text = |type_name: &TypeName| is_stringy(type_name) || is_char(type_name);
            if !same_type(one, other) && !both(text) && !both(is_number_type) {
                return if one.is_builtin() && other.is_builtin() { Unknown } else { Different };
            }
            Some(one)
        }
        (found, None) | (None, found) => found.or(context),
    };
    let when = |same: bool| if same { Same } else { Different };
    match (one, other) {
        (Expr::Null, Expr::Null) => Same,
        // A default NULL is no value at all.
        (Expr::Null, _) | (_, Expr::Null) => Different,
        (Expr::Bool(one), Expr::Bool(other)) => when(one == other),
        (Expr::Number(one), Expr::Number(other)) => {
            // A numeric without modifiers keeps the zeros that it was written with.
            let zeros =
                one != other && type_name.is_none_or(|found| is_plain(found, "numeric") && found.modifiers().is_none());
            match value_of(one) == value_of(other) {
                true if zeros => Unknown,
                same => when(same),
            }
        }
        (Expr::Number(number), Expr::Text(text)) | (Expr::Text(text), Expr::Number(number)) => match decimal(text) {
            Some(digits) if value_of(&digits) == value_of(number) => {
                if type_name.is_some_and(is_number_type) {
                    Same
                } else {
                    Unknown
                }
            }
            Some(_) => Different,
            None => Unknown,
        },
        (Expr::Text(one), Expr::Text(other)) => match type_name {
            Some(found) if is_plain(found, "regclass") => when(same_sequence(one, other)),
            _ if one == other => Same,
            Some(found) => match (canonical(found, one), canonical(found, other)) {
                (Some(one), Some(other)) => when(one == other),
                _ => words(one, other),
            },
            None => words(one, other),
        },
        _ => Unknown,
    }
}

/// Compares two texts of a type that is not known: words have one spelling, dates and their like have many.
fn words(one: &str, other: &str) -> Sameness {
    let word = |text: &str| {
        text.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-')
            && text.starts_with(|c: char| c.is_alphabetic() || c == '_')
            && !matches!(text, "now" | "today" | "tomorrow" | "yesterday" | "epoch" | "infinity" | "allballs")
    };
    if word(one) && word(other) { Sameness::Different } else { Sameness::Unknown }
}

/// Returns a literal without its casts, and the type that the outermost of them gives it.
fn bare(literal: &Expr) -> (&Expr, Option<&TypeName>) {
    match literal {
        Expr::Cast(inner, type_name) => (bare(inner).0, Some(type_name)),
        other => (other, None),
    }
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
    fn extract_is_date_part_where_the_server_knows_no_other() {
        let read = |text| parse_expression(text).unwrap();
        let on = |version, written, stored| {
            same_meaning_on(ServerVersion(version), &read(written), &read(stored), &columns, None)
        };
        let (written, stored) = ("EXTRACT(DOW FROM d) < 6", "(date_part('dow'::text, d) < (6)::double precision)");
        assert_eq!(on(130_000, written, stored), Sameness::Same);
        assert_eq!(on(140_000, written, stored), Sameness::Unknown);
        assert_eq!(on(130_000, "EXTRACT(DAY FROM d) < 6", stored), Sameness::Different);
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
