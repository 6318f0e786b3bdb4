//! What was compared with the catalog, as counts, as a table, or object by object.

use std::collections::BTreeMap;

use crate::{
    event::{Command, Report, ScriptState, Verification},
    pg::ObjectName,
    plan::CheckedKind,
};

use super::{
    layout::{count, grouped, pad, pad_left, shorten, spaces, width, wrap},
    paint::Paint,
    text::Page,
};

/// Up to how many tables each is shown; of more, only those that differ.
const MANY_TABLES: usize = 40;
/// The widest column of names.
const NAMES: usize = 44;
/// The widest column of names within a table.
const INNER_NAMES: usize = 32;

/// The kinds in the order in which they are counted.
const KINDS: [(CheckedKind, &str, &str); 16] = [
    (CheckedKind::Table, "table", "tables"),
    (CheckedKind::Column, "column", "columns"),
    (CheckedKind::Index, "index", "indexes"),
    (CheckedKind::Constraint, "constraint", "constraints"),
    (CheckedKind::Enum, "enum", "enums"),
    (CheckedKind::Sequence, "sequence", "sequences"),
    (CheckedKind::View, "view", "views"),
    (CheckedKind::Routine, "routine", "routines"),
    (CheckedKind::Trigger, "trigger", "triggers"),
    (CheckedKind::Policy, "policy", "policies"),
    (CheckedKind::Comment, "comment", "comments"),
    (CheckedKind::Privileges, "grant", "grants"),
    (CheckedKind::Schema, "schema", "schemas"),
    (CheckedKind::Extension, "extension", "extensions"),
    (CheckedKind::Rows, "check of rows", "checks of rows"),
    (CheckedKind::Opaque, "statement known by its guard only", "statements known by their guards only"),
];

/// The kinds that are counted for each table.
pub(super) const OF_TABLES: [(CheckedKind, &str); 4] = [
    (CheckedKind::Column, "columns"),
    (CheckedKind::Index, "indexes"),
    (CheckedKind::Constraint, "constraints"),
    (CheckedKind::Rows, "rows"),
];

/// Every object once, however many statements speak of it, with what was compared of it.
type Objects<'a> = BTreeMap<(Option<ObjectName>, CheckedKind, &'a str), &'a str>;

fn objects(verification: &Verification) -> Objects<'_> {
    let mut objects = Objects::new();
    for checked in &verification.checked {
        // A table's schema is the detail that was looked at; its columns name the table by both.
        let table = match checked.kind {
            CheckedKind::Table if checked.table.is_none() => {
                Some(ObjectName::new(checked.details.as_str(), checked.name.as_str()))
            }
            _ => checked.table.clone(),
        };
        let name = if checked.kind == CheckedKind::Table { "" } else { checked.name.as_str() };
        let details = objects.entry((table, checked.kind, name)).or_insert("");
        if !checked.details.is_empty() {
            *details = &checked.details;
        }
    }
    objects
}

/// Returns how many objects of each kind were compared, leaving out kinds of which there are none.
pub(super) fn counts(verification: &Verification) -> Vec<(CheckedKind, usize)> {
    let objects = objects(verification);
    let of = |kind: CheckedKind| objects.keys().filter(|(_, other, _)| *other == kind).count();
    KINDS.iter().map(|(kind, ..)| (*kind, of(*kind))).filter(|(_, number)| *number > 0).collect()
}

/// Draws what was compared.
pub(super) fn draw(page: &mut Page<'_>) {
    let Some(verification) = &page.report.verification else { return };
    let verify = page.report.command == Command::Verify;
    match page.report.command {
        Command::Plan | Command::Diff => return unverified(page, verification),
        // What is not verified stands beside its script.
        Command::Status | Command::Check | Command::History | Command::Backfill => return,
        Command::Run | Command::Verify => {}
    }
    if verify {
        tables(page, verification);
    }
    page.gap();
    let (counts, verdict) = headline(verification);
    let last = counts.len() - 1;
    let comma = |place: usize| if place < last { "," } else { "" };
    let mut parts: Vec<_> =
        counts.iter().enumerate().map(|(place, count)| (format!("{count}{}", comma(place)), Paint::Plain)).collect();
    parts.push((format!("  {}", verdict.0), verdict.1));
    if verify {
        let time = page.report.elapsed;
        if !time.is_zero() {
            parts.push((format!("  {}", super::layout::elapsed(time)), Paint::Faint));
        }
    }
    page.labelled("verify", parts, " ");
    for (message, rows) in &verification.queries {
        if *rows > 0 || verify || page.style.verbose {
            let (words, paint) = query_words(message, *rows);
            page.prose("", &words, paint);
        }
    }
    unverified(page, verification);
}

/// Returns what was compared as counts, and what came of it.
pub(super) fn headline(verification: &Verification) -> (Vec<String>, (String, Paint)) {
    let mut words: Vec<_> = counts(verification).into_iter().map(|(kind, number)| number_words(kind, number)).collect();
    if words.is_empty() {
        words.push("nothing to compare".to_owned());
    }
    let broken = verification.queries.iter().any(|(_, rows)| *rows > 0);
    let verdict = match verification.unverified.len() {
        _ if !verification.complete || broken => ("not all as declared".to_owned(), Paint::Bad),
        0 => ("all as declared".to_owned(), Paint::Good),
        open => (format!("as declared, but {} not verified", grouped(open)), Paint::Change),
    };
    (words, verdict)
}

/// Returns what a `verify` query came to, and whether it holds.
pub(super) fn query_words(message: &str, rows: u64) -> (String, Paint) {
    if rows == 0 {
        return (format!("{message}: holds"), Paint::Faint);
    }
    let rows = usize::try_from(rows).unwrap_or(usize::MAX);
    (format!("{message}: {} too many", count(rows, "row", "rows")), Paint::Bad)
}

fn unverified(page: &mut Page<'_>, verification: &Verification) {
    for why in &verification.unverified {
        page.prose("", &format!("not verified: {why}"), Paint::Change);
    }
}

/// One table with the number of what was compared of it, kind by kind.
pub(super) struct Line {
    pub table: ObjectName,
    pub numbers: [usize; OF_TABLES.len()],
    pub differs: bool,
}

/// Returns every table that was compared, in order.
pub(super) fn lines(report: &Report, verification: &Verification) -> Vec<Line> {
    lines_of(report, &objects(verification))
}

fn lines_of(report: &Report, objects: &Objects<'_>) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    for (table, kind, _) in objects.keys() {
        let Some(table) = table else { continue };
        if lines.last().is_none_or(|line| line.table != *table) {
            let differs = differs(report, &table.to_string());
            lines.push(Line { table: table.clone(), numbers: [0; OF_TABLES.len()], differs });
        }
        if let Some(at) = OF_TABLES.iter().position(|(other, _)| other == kind)
            && let Some(line) = lines.last_mut()
        {
            line.numbers[at] += 1;
        }
    }
    lines
}

fn tables(page: &mut Page<'_>, verification: &Verification) {
    let objects = objects(verification);
    let mut lines = lines_of(page.report, &objects);
    let all = lines.len();
    if all > MANY_TABLES && !page.style.verbose {
        lines.retain(|line| line.differs);
    }
    if lines.is_empty() {
        return;
    }
    page.gap();
    if page.style.verbose {
        for line in &lines {
            page.gap();
            counted(page, line);
            inner(page, &objects, Some(&line.table));
        }
        if objects.keys().any(|(table, ..)| table.is_none()) {
            page.gap();
            page.line("without a table");
            inner(page, &objects, None);
        }
        return;
    }
    let kinds: Vec<usize> =
        (0..OF_TABLES.len()).filter(|kind| lines.iter().any(|line| line.numbers[*kind] > 0)).collect();
    let names = lines
        .iter()
        .map(|line| width(&page.style.clean(&line.table.to_string())))
        .max()
        .unwrap_or_default()
        .clamp(5, NAMES);
    let numbers: usize = kinds.iter().map(|kind| OF_TABLES[*kind].1.len() + 2).sum();
    let differ = lines.iter().any(|line| line.differs);
    if 1 + names + numbers + if differ { 9 } else { 0 } > page.style.columns() {
        for line in &lines {
            counted(page, line);
        }
    } else {
        let heads: Vec<_> = kinds.iter().map(|kind| OF_TABLES[*kind].1).collect();
        let head = page.style.paint(Paint::Faint, &format!(" {}  {}", pad("table", names), heads.join("  ")));
        page.line(&head);
        for line in &lines {
            let cell = |kind: &usize| pad_left(&grouped(line.numbers[*kind]), OF_TABLES[*kind].1.len());
            let numbers: Vec<_> = kinds.iter().map(cell).collect();
            let numbers = numbers.join("  ");
            let name = pad(&shorten(&page.style.clean(&line.table.to_string()), names, page.style.ellipsis()), names);
            let differs =
                if line.differs { format!("  {}", page.style.paint(Paint::Bad, "differs")) } else { String::new() };
            page.line(&format!(" {name}  {numbers}{differs}"));
        }
    }
    if lines.len() < all {
        let words = format!(" and {} without a difference", count(all - lines.len(), "table", "tables"));
        let words = page.style.paint(Paint::Faint, &words);
        page.line(&words);
    }
}

/// Draws a table's name and its numbers as words, for narrow terminals and above its objects.
fn counted(page: &mut Page<'_>, line: &Line) {
    let numbers = OF_TABLES.iter().zip(line.numbers).filter(|(_, number)| *number > 0);
    let words: Vec<_> = numbers.map(|((kind, _), number)| number_words(*kind, number)).collect();
    let name = page.style.paint(Paint::Strong, &page.style.clean(&line.table.to_string()));
    let differs = if line.differs { format!("  {}", page.style.paint(Paint::Bad, "differs")) } else { String::new() };
    page.line(&format!("{name}{differs}"));
    for words in wrap(&words.join(", "), page.style.columns() - 2) {
        let words = page.style.paint(Paint::Faint, &words);
        page.line(&format!("  {words}"));
    }
}

fn number_words(kind: CheckedKind, number: usize) -> String {
    KINDS.iter().find(|(other, ..)| *other == kind).map_or_else(String::new, |(_, one, many)| count(number, one, many))
}

/// Draws every object of a table, or those without one.
fn inner(page: &mut Page<'_>, objects: &Objects<'_>, table: Option<&ObjectName>) {
    let of_table = || {
        objects
            .iter()
            .filter(|((of, kind, _), _)| of.as_ref() == table && *kind != CheckedKind::Table)
            .map(|((_, kind, name), details)| (*kind, *name, *details))
    };
    let clean = |page: &Page<'_>, text: &str| page.style.clean(text);
    let names = of_table().map(|(_, name, _)| width(&clean(page, name))).max().unwrap_or_default().min(INNER_NAMES);
    for (kind, name, details) in of_table() {
        let before = format!("  {}  ", pad(kind_name(kind), 10));
        let name = clean(page, name);
        let indent = width(&before) + names.max(width(&name)) + 2;
        let room = page.style.columns().saturating_sub(indent);
        let details = clean(page, details);
        let before = page.style.paint(Paint::Faint, &before);
        if width(&details) <= room || room >= 24 {
            for (index, part) in wrap(&details, room).iter().enumerate() {
                let line = if index == 0 {
                    format!("{before}{}{part}", pad(&name, indent - 14))
                } else {
                    spaces(indent) + part
                };
                page.line(&line);
            }
        } else {
            page.line(&format!("{before}{name}"));
            for part in wrap(&details, page.style.columns() - 14) {
                page.line(&(spaces(14) + &part));
            }
        }
    }
}

/// Returns the word for one object of a kind.
pub(super) const fn kind_name(kind: CheckedKind) -> &'static str {
    match kind {
        CheckedKind::Table => "table",
        CheckedKind::Column => "column",
        CheckedKind::Index => "index",
        CheckedKind::Constraint => "constraint",
        CheckedKind::Enum => "enum",
        CheckedKind::Sequence => "sequence",
        CheckedKind::View => "view",
        CheckedKind::Routine => "routine",
        CheckedKind::Trigger => "trigger",
        CheckedKind::Policy => "policy",
        CheckedKind::Comment => "comment",
        CheckedKind::Privileges => "privileges",
        CheckedKind::Schema => "schema",
        CheckedKind::Extension => "extension",
        CheckedKind::Rows => "rows",
        CheckedKind::Opaque => "statement",
    }
}

/// Returns whether a message, or a step that is still to be done, names the object.
pub(super) fn differs(report: &Report, name: &str) -> bool {
    let behind = report.scripts.iter().filter(|script| script.state != ScriptState::AlreadyTrue);
    report.diagnostics.iter().any(|diagnostic| names(&diagnostic.what, name))
        || behind.flat_map(|script| &script.steps).any(|step| names(&step.object, name))
}

/// Returns whether `name` stands in the text as a whole.
pub(super) fn names(text: &str, name: &str) -> bool {
    text.match_indices(name).any(|(at, _)| {
        let inside = |char: char| char.is_alphanumeric() || matches!(char, '_' | '"' | '$');
        let before = text[..at].chars().next_back().is_some_and(|char| inside(char) || char == '.');
        let after = text[at + name.len()..].chars().next().is_some_and(inside);
        !before && !after
    })
}
