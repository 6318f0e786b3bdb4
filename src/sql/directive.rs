//! Directives: `-- ensure:key value`.

use crate::{
    pg::{Hazard, Ident, QualifiedName, TypeName},
    script::{Script, Span},
};

use super::{
    ast::{DirectiveKind, Fragment, OnlineMode, TransactionGrouping},
    cursor::Cursor,
    error::SqlError,
    lexer::{Lexer, TokenKind},
};

/// Every key, as DESIGN section 3 lists them.
pub(super) const KEYS: [&str; 13] = [
    "title", "tx", "allow", "online", "accept", "when", "unless", "always", "keep-old", "batch", "verify", "down",
    "waive",
];

/// Returns how a key is used, as a sentence that begins with a verb.
pub(super) fn usage(key: &str) -> &'static str {
    match key {
        "title" => "write `-- ensure:title <what the script does>`",
        "tx" => "write `-- ensure:tx step` or `-- ensure:tx none`",
        "allow" => "write `-- ensure:allow <hazard> -- <reason>`",
        "online" => "write `-- ensure:online auto`, `always` or `off`",
        "accept" => "write `-- ensure:accept <table>.<column> <type>`",
        "when" => "write `-- ensure:when <query that returns true or false>`",
        "unless" => "write `-- ensure:unless <query that returns true or false>`",
        "always" => "write `-- ensure:always`, without a value",
        "keep-old" => "write `-- ensure:keep-old`, without a value",
        "batch" => "write `-- ensure:batch <rows>`",
        "waive" => "write `-- ensure:waive <rule> -- <reason>`",
        "verify" => "write `-- ensure:verify <message>` above a query that must return no rows",
        "down" => "write `-- ensure:down <statements that take it back>` above a statement",
        _ => "write one of the keys that exist",
    }
}

/// What a comment that is a directive says.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Read {
    /// One of those that the tree keeps.
    Kept(DirectiveKind),
    /// `verify`.
    Verify(String),
}

/// A directive with its place and key.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Found {
    /// The comment; of several lines, from the first to the last.
    pub span: Span,
    /// The key.
    pub key: &'static str,
    /// What it says.
    pub read: Read,
}

/// Returns the key and the value of a comment's text, if it is meant as a directive.
///
/// `ensure:` in other spellings is taken too: a directive that is silently a comment would be worse than an error.
pub(super) fn split(comment: &str) -> Option<(String, &str)> {
    let body = comment.strip_prefix("--")?.trim_start_matches('-').trim_start();
    let head = body.get(..6)?;
    if !head.eq_ignore_ascii_case("ensure") {
        return None;
    }
    let after = &body[6..];
    let rest = after.trim_start().strip_prefix(':')?;
    let exact = head == "ensure" && after.starts_with(':') && !rest.starts_with(char::is_whitespace);
    let trimmed = rest.trim_start();
    let end = trimmed.find(char::is_whitespace).unwrap_or(trimmed.len());
    let (key, value) = trimmed.split_at(end);
    // "ensure : the index is there" is prose; only what looks like a key is worth an error.
    let key = if exact { key.to_owned() } else { format!("{}{key}", &body[..body.len() - trimmed.len()]) };
    Some((key, value.trim()))
}

/// Reads a directive from its comment `text`, whose lines after the first continue the value of a query.
pub(super) fn read(span: Span, lines: &[(Span, &str)]) -> Option<Result<Found, Vec<SqlError>>> {
    let (first_span, first) = *lines.first()?;
    let (key, value) = split(first)?;
    let Some(known) = KEYS.into_iter().find(|known| **known == key) else {
        return Some(Err(vec![unknown(first_span, key)]));
    };
    let read = if known == "down" {
        down(span, value, lines).map(Read::Kept)
    } else {
        read_value(span, known, value, lines).map_err(|error| vec![error])
    };
    Some(read.map(|read| Found { span, key: known, read }))
}

/// Reads the statements of `down`, as those of a script.
fn down(span: Span, value: &str, lines: &[(Span, &str)]) -> Result<DirectiveKind, Vec<SqlError>> {
    // Where the comment is, blanks are, so that every byte keeps its place.
    let mut text = String::new();
    for (place, (at, line)) in lines.iter().enumerate() {
        let sql = if place == 0 { value } else { line.trim_start_matches('-') };
        while text.len() < at.start - span.start {
            text.push('\n');
        }
        text.push_str(&" ".repeat(line.len() - sql.len()));
        text.push_str(sql);
    }
    let script = Script { path: String::new(), number: None, name: String::new(), text };
    let parsed = super::parse(&script)
        .map_err(|errors| errors.into_iter().map(|error| error.shifted(span.start)).collect::<Vec<_>>())?;
    if parsed.statements.is_empty() {
        return Err(vec![SqlError::BadDirectiveValue {
            span,
            key: "down".to_owned(),
            reason: "the statements are missing".to_owned(),
            suggestion: None,
        }]);
    }
    let statements = parsed.statements.iter().map(|statement| Fragment {
        text: script.slice(statement.span).to_owned(),
        span: Span::new(span.start + statement.span.start, span.start + statement.span.end),
    });
    Ok(DirectiveKind::Down(statements.collect()))
}

fn unknown(span: Span, key: String) -> SqlError {
    let bare = key.rsplit(':').next().unwrap_or(&key).trim().to_ascii_lowercase().replace('_', "-");
    let suggestion = nearest(&bare, &KEYS);
    SqlError::UnknownDirective { span, key, suggestion }
}

fn nearest<'k>(written: &str, known: &[&'k str]) -> Option<&'k str> {
    known
        .iter()
        .map(|candidate| (strsim::damerau_levenshtein(written, candidate), *candidate))
        .filter(|(distance, candidate)| *distance <= (candidate.len() / 3).max(1))
        .min()
        .map(|(_, candidate)| candidate)
}

fn read_value(span: Span, key: &'static str, value: &str, lines: &[(Span, &str)]) -> Result<Read, SqlError> {
    let bad = |reason: &str, suggestion: Option<String>| SqlError::BadDirectiveValue {
        span,
        key: key.to_owned(),
        reason: reason.to_owned(),
        suggestion,
    };
    let one_of = |known: &[&str]| {
        let reason = if value.is_empty() {
            format!("a value is missing: {}", known.join(", "))
        } else {
            format!("`{value}` is none of {}", known.join(", "))
        };
        bad(&reason, nearest(value, known).map(|nearest| format!("-- ensure:{key} {nearest}")))
    };
    let kind = match key {
        "title" if value.is_empty() => return Err(bad("the title is missing", None)),
        "title" => DirectiveKind::Title(value.to_owned()),
        "tx" => DirectiveKind::Transaction(match value {
            "step" => TransactionGrouping::Step,
            "none" => TransactionGrouping::None,
            _ => return Err(one_of(&["step", "none"])),
        }),
        "online" => DirectiveKind::Online(match value {
            "auto" => OnlineMode::Auto,
            "always" => OnlineMode::Always,
            "off" => OnlineMode::Off,
            _ => return Err(one_of(&["auto", "always", "off"])),
        }),
        "allow" => {
            let (name, reason) = match value.split_once("--") {
                Some((name, reason)) => (name.trim(), Some(reason.trim())),
                None => (value, None),
            };
            let names = Hazard::ALL.map(Hazard::name);
            let Some(hazard) = Hazard::ALL.into_iter().find(|hazard| hazard.name() == name) else {
                let reason = if name.is_empty() {
                    format!("a hazard is missing: {}", names.join(", "))
                } else {
                    format!("`{name}` is none of {}", names.join(", "))
                };
                let near = nearest(&name.to_ascii_lowercase().replace(['_', ' '], "-"), &names);
                return Err(bad(&reason, near.map(|near| format!("-- ensure:allow {near}"))));
            };
            DirectiveKind::Allow { hazard, reason: reason.filter(|text| !text.is_empty()).map(str::to_owned) }
        }
        "waive" => {
            let parts = value.split_once("--").map(|(rule, reason)| (rule.trim(), reason.trim()));
            let Some((rule, reason)) = parts.filter(|(rule, reason)| !rule.is_empty() && !reason.is_empty()) else {
                return Err(bad("a rule and a reason are needed", None));
            };
            DirectiveKind::Waive { rule: rule.to_owned(), reason: reason.to_owned() }
        }
        "accept" => {
            let Some((table, column, type_name)) = accept(value) else {
                return Err(bad("a table, a column and a type are needed", None));
            };
            DirectiveKind::Accept { table, column, type_name }
        }
        "when" | "unless" => {
            let query = query(value, lines).map_err(|reason| bad(&reason, None))?;
            if key == "when" { DirectiveKind::When(query) } else { DirectiveKind::Unless(query) }
        }
        "batch" => match value.replace('_', "").parse() {
            Ok(rows) if rows > 0 => DirectiveKind::Batch(rows),
            _ => return Err(bad("a number of rows above 0 is needed", None)),
        },
        "verify" if value.is_empty() => return Err(bad("the message is missing", None)),
        "verify" => return Ok(Read::Verify(value.to_owned())),
        _ if !value.is_empty() => return Err(bad("no value is taken", Some(format!("-- ensure:{key}")))),
        "always" => DirectiveKind::Always,
        _ => DirectiveKind::KeepOld,
    };
    Ok(Read::Kept(kind))
}

/// Reads `table.column type`, the table perhaps behind its schema.
fn accept(value: &str) -> Option<(QualifiedName, Ident, TypeName)> {
    let tokens: Vec<_> = Lexer::new(value).collect();
    let mut cursor = Cursor::new(value, &tokens);
    let mut parts = vec![cursor.any_ident()?.ident];
    while cursor.eat_kind(TokenKind::Dot) {
        parts.push(cursor.any_ident()?.ident);
    }
    let (type_name, _) = cursor.type_name()?;
    cursor.end()?;
    let column = parts.pop()?;
    let name = parts.pop()?;
    let schema = parts.pop();
    if parts.is_empty() { Some((QualifiedName { schema, name }, column, type_name)) } else { None }
}

fn query(value: &str, lines: &[(Span, &str)]) -> Result<Fragment, String> {
    let mut text = value.to_owned();
    for (_, line) in &lines[1..] {
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(line.trim_start_matches('-').trim());
    }
    let tokens: Vec<_> = Lexer::new(&text).filter(|token| !token.kind.is_comment()).collect();
    let without_semicolon = match tokens.last() {
        Some(last) if last.kind == TokenKind::Semicolon => {
            let length = last.span.start;
            text[..length].trim_end().len()
        }
        _ => text.len(),
    };
    text.truncate(without_semicolon);
    if text.is_empty() {
        return Err("the query is missing".to_owned());
    }
    let tokens: Vec<_> = Lexer::new(&text).filter(|token| !token.kind.is_comment()).collect();
    if tokens.iter().any(|token| token.kind == TokenKind::Semicolon) || !super::statement::is_query(&text, &tokens) {
        return Err("one SELECT or VALUES is needed".to_owned());
    }
    if let Some(errors) = super::grammar::syntax_errors(&text, Span::new(0, 0)) {
        let first = errors.first().map_or_else(String::new, ToString::to_string);
        return Err(format!("the query cannot be read: {first}"));
    }
    let start = lines[0].0.start + lines[0].1.find(value).filter(|_| !value.is_empty()).unwrap_or(0);
    let end = lines.last().map_or(start, |(span, _)| span.end);
    Ok(Fragment { text, span: Span::new(start, end) })
}
