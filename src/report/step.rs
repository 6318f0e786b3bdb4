//! Steps in words, and many similar ones in one line.

use std::{borrow::Cow, time::Duration};

use crate::{
    event::{StepEnd, StepReport},
    pg::RowCount,
    plan::{Form, Verb},
};

use super::{
    layout::{elapsed, grouped, limit},
    paint::Paint,
};

/// From how many on similar steps are told in one line.
const FOLDED: usize = 3;

/// The kinds of object of which many may be told in one line, the longer names before those that they begin with.
const KINDS: &[(&str, &str)] = &[
    ("unique index", "unique indexes"),
    ("unique constraint", "unique constraints"),
    ("foreign key", "foreign keys"),
    ("index", "indexes"),
    ("constraint", "constraints"),
    ("check", "checks"),
    ("column", "columns"),
    ("table", "tables"),
    ("enum type", "enum types"),
    ("label", "labels"),
    ("sequence", "sequences"),
];

/// A line about a step, or about several similar ones.
#[derive(Debug)]
pub(super) struct Row<'a> {
    /// Its sign.
    pub mark: &'static str,
    /// The sign's colour.
    pub paint: Paint,
    /// What it is about; not harmless yet.
    pub object: Cow<'a, str>,
    /// The rest in words; not harmless yet.
    pub details: String,
    /// The colour of the rest.
    pub details_paint: Paint,
    /// The step, where it is one.
    pub step: Option<&'a StepReport>,
}

/// Returns the sign of what a step does.
pub(super) const fn mark(verb: Verb) -> &'static str {
    match verb {
        Verb::Add => "+",
        Verb::Fill => "~",
        Verb::Alter => "!",
        Verb::Drop => "-",
        Verb::Run => ">",
    }
}

const fn mark_paint(verb: Verb) -> Paint {
    match verb {
        Verb::Add => Paint::Good,
        Verb::Fill | Verb::Alter | Verb::Run => Paint::Change,
        Verb::Drop => Paint::Bad,
    }
}

/// Returns the lines of a script's steps; with `all`, one for each step.
pub(super) fn rows(steps: &[StepReport], all: bool) -> Vec<Row<'_>> {
    let mut rows = Vec::new();
    let mut rest = steps;
    while let Some(first) = rest.first() {
        let key = similar(first);
        let alike = rest.iter().take_while(|step| key.is_some() && similar(step) == key).count();
        if let Some(key) = key.filter(|_| alike >= FOLDED && !all) {
            let (folded, further) = rest.split_at(alike);
            rows.push(folded_row(folded, key));
            rest = further;
        } else {
            rows.push(Row {
                mark: mark(first.verb),
                paint: mark_paint(first.verb),
                object: Cow::Borrowed(&first.object),
                details: details(first, all),
                details_paint: end_paint(first.end),
                step: Some(first),
            });
            rest = &rest[1..];
        }
    }
    rows
}

/// What steps have in common that are told in one line. Only what is added, or was not reached, is told so: of a change or a
/// drop each one matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Alike<'a> {
    end: StepEnd,
    /// The kind of object, the form and the table; `None` for steps that were not reached, which are only counted.
    added: Option<(usize, &'static str, &'a str)>,
}

fn similar(step: &StepReport) -> Option<Alike<'_>> {
    match step.end {
        StepEnd::NotReached => Some(Alike { end: step.end, added: None }),
        StepEnd::Failed => None,
        StepEnd::Planned | StepEnd::Applied | StepEnd::Undone => {
            if step.verb != Verb::Add || !step.hazards.is_empty() {
                return None;
            }
            let (kind, rest) = KINDS
                .iter()
                .enumerate()
                .find_map(|(index, (one, _))| Some((index, step.object.strip_prefix(one)?.strip_prefix(' ')?)))?;
            Some(Alike { end: step.end, added: Some((kind, form_name(&step.form), table(rest))) })
        }
    }
}

fn folded_row<'a>(steps: &'a [StepReport], alike: Alike<'a>) -> Row<'a> {
    let number = grouped(steps.len());
    let Some((kind, form, table)) = alike.added else {
        return Row {
            mark: " ",
            paint: Paint::Plain,
            object: Cow::Owned(format!("{number} more steps")),
            details: "not reached".to_owned(),
            details_paint: Paint::Change,
            step: None,
        };
    };
    let (_, many) = KINDS[kind];
    let on = if table.is_empty() { String::new() } else { format!(" on {table}") };
    let mut parts = vec![end_words(alike.end).unwrap_or(form).to_owned()];
    if alike.end == StepEnd::Applied && many.ends_with("indexes") {
        parts.push("all valid".to_owned());
    }
    let total: Duration = steps.iter().filter_map(|step| step.elapsed).sum();
    if !total.is_zero() {
        parts.push(elapsed(total));
    }
    Row {
        mark: mark(Verb::Add),
        paint: mark_paint(Verb::Add),
        object: Cow::Owned(format!("{number} {many}{on}")),
        details: parts.join(", "),
        details_paint: end_paint(alike.end),
        step: None,
    }
}

/// Returns the table in `idx_a on public.leaves (x)` or `public.users.designation`; nothing where there is none.
fn table(object: &str) -> &str {
    if let Some((_, rest)) = object.split_once(" on ").or_else(|| object.split_once(" of ")) {
        return &rest[..name_end(rest)];
    }
    let name = &object[..name_end(object)];
    let dots = dots(name);
    match dots.as_slice() {
        [.., _, last] => &name[..*last],
        _ => "",
    }
}

/// Returns where a name ends: at the first space outside quotes.
fn name_end(text: &str) -> usize {
    let mut quoted = false;
    text.find(|char: char| {
        quoted ^= char == '"';
        !quoted && matches!(char, ' ' | '(' | ',' | ':')
    })
    .unwrap_or(text.len())
}

fn dots(name: &str) -> Vec<usize> {
    let mut quoted = false;
    name.match_indices(['"', '.'])
        .filter_map(|(at, sign)| {
            quoted ^= sign == "\"";
            (sign == "." && !quoted).then_some(at)
        })
        .collect()
}

/// Returns what is worth knowing of a step beside its object. Of what is done already, the reason for its form is told only in
/// `full`, but for a rewrite, which others have felt.
pub(super) fn details(step: &StepReport, full: bool) -> String {
    let mut parts: Vec<String> = end_words(step.end).map(str::to_owned).into_iter().collect();
    match (&step.form, step.end) {
        (_, StepEnd::NotReached) => {}
        (Form::Plain(_) | Form::Online(_), StepEnd::Applied) if !full => {
            if step.rows.is_none() {
                parts.push(form_name(&step.form).to_owned());
            }
        }
        (step_form, _) => parts.push(form(step_form)),
    }
    if step.verb == Verb::Run && step.form == Form::AsWritten && step.end == StepEnd::Planned {
        parts.push("what it does is unknown".to_owned());
    }
    if let Some(rows) = step.rows {
        parts.push(format!("{rows} {}", if rows.0 == 1 { "row" } else { "rows" }));
    }
    if step.attempts > 1 {
        parts.push(format!("{} attempts", step.attempts));
    }
    if let Some(time) = step.elapsed {
        parts.push(elapsed(time));
    }
    parts.join(", ")
}

/// Returns the lock, told by what it stops, and the limits.
pub(super) fn lock_and_limits(step: &StepReport) -> String {
    let run = match step.statement_timeout_ms {
        0 => "no statement timeout".to_owned(),
        millis => format!("statement timeout {}", limit(millis)),
    };
    match &step.lock {
        None if step.verb == Verb::Run => format!("what it locks is unknown; {run}"),
        None => format!("locks nothing that exists; {run}"),
        Some((mode, stops)) => {
            let wait = match step.lock_timeout_ms {
                0 => "no lock timeout".to_owned(),
                millis => format!("lock timeout {}", limit(millis)),
            };
            format!("{mode} {stops}; {wait}, {run}")
        }
    }
}

/// Returns where a planned step comes from, how large its table is, and which transaction it is in.
pub(super) fn place(step: &StepReport) -> String {
    let mut parts = vec![step.location.clone()];
    for guard in &step.guards {
        parts.push(format!("{} {}", if guard.applies_if { "when" } else { "unless" }, guard.query));
    }
    if let Some(size) = step.size {
        let rows = size.rows.map(|rows| format!(", about {rows} rows")).unwrap_or_default();
        let (pages, most) = (count_of_pages(size.limits.online_pages), RowCount(size.limits.online_rows));
        parts
            .push(format!("the table has {}{rows} (large from {pages} or {most} rows on)", count_of_pages(size.pages)));
    }
    parts.push(step.transaction.map_or_else(|| "outside a transaction".to_owned(), |n| format!("transaction {n}")));
    parts.join("; ")
}

fn count_of_pages(pages: u64) -> String {
    if pages == 1 { "1 page".to_owned() } else { format!("{} pages", RowCount(pages)) }
}

/// Returns the hazards in words, where there are any.
pub(super) fn hazards(step: &StepReport) -> Option<String> {
    let word = if step.hazards.len() == 1 { "hazard" } else { "hazards" };
    (!step.hazards.is_empty()).then(|| format!("{word}: {}", step.hazards.join(", ")))
}

/// Returns the form and why it is this one.
pub(super) fn form(form: &Form) -> String {
    match form {
        Form::CatalogOnly | Form::AsWritten => form_name(form).to_owned(),
        Form::Plain(why) | Form::Rewrite(why) | Form::Online(why) => format!("{} ({why})", form_name(form)),
    }
}

const fn form_name(form: &Form) -> &'static str {
    match form {
        Form::CatalogOnly => "catalog only",
        Form::Plain(_) => "plain",
        Form::Rewrite(_) => "table rewrite",
        Form::Online(_) => "online",
        Form::AsWritten => "as written",
    }
}

const fn end_words(end: StepEnd) -> Option<&'static str> {
    match end {
        StepEnd::Planned | StepEnd::Applied => None,
        StepEnd::Undone => Some("undone with its transaction"),
        StepEnd::Failed => Some("failed"),
        StepEnd::NotReached => Some("not reached"),
    }
}

const fn end_paint(end: StepEnd) -> Paint {
    match end {
        StepEnd::Planned | StepEnd::Applied => Paint::Faint,
        StepEnd::Undone | StepEnd::NotReached => Paint::Change,
        StepEnd::Failed => Paint::Bad,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_found_in_what_a_step_is_about() {
        for (object, expected) in [
            ("idx_a on public.leaves", "public.leaves"),
            ("on public.tasks (user_id) → public.users", ""),
            ("fk on public.tasks (user_id) → public.users", "public.tasks"),
            ("public.users.designation", "public.users"),
            ("public.\"a.b c\".x integer → text", "public.\"a.b c\""),
            ("public.users", ""),
            ("open of enum type public.status", "enum"),
        ] {
            assert_eq!(table(object), expected, "{object}");
        }
    }
}
