//! Objects as the statements that make, drop or change them.

use crate::{
    catalog::{ColumnEntry, Entry, EntryKey, EntryKind, Inventory},
    pg::{Ident, quote_literal},
};

/// For whom statements are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    /// To be carried out once.
    Once,
    /// As an ensure script has them: each may find that it holds already.
    Ensured,
}

impl Manner {
    /// Returns `IF EXISTS `, where that is said.
    const fn if_exists(self) -> &'static str {
        match self {
            Self::Once => "",
            Self::Ensured => "IF EXISTS ",
        }
    }

    /// Returns `IF NOT EXISTS `, where that is said.
    const fn if_not_exists(self) -> &'static str {
        match self {
            Self::Once => "",
            Self::Ensured => "IF NOT EXISTS ",
        }
    }
}

/// Returns the statements that make an object; none where that takes more than its definition tells.
///
/// Of a table these are the table with its columns and constraints, and its indexes; what [`later_parts`] returns follows once
/// everything that it may refer to is there.
pub(super) fn create(inventory: &Inventory, key: &EntryKey, entry: &Entry, manner: Manner) -> Vec<String> {
    let definition = &entry.definition;
    let name = Ident::new(key.name.as_str());
    let own = inventory.named(&name);
    let on = key.relation.as_ref().map(|relation| inventory.named(relation).to_string()).unwrap_or_default();
    match key.kind {
        EntryKind::Enum => vec![format!("CREATE TYPE {own} AS ENUM ({definition})")],
        EntryKind::Type if definition.starts_with("AS (") || definition.starts_with("AS RANGE") => {
            vec![format!("CREATE TYPE {own} {definition}")]
        }
        EntryKind::Type if definition.starts_with("AS ") => vec![format!("CREATE DOMAIN {own} {definition}")],
        EntryKind::Type | EntryKind::ForeignTable => Vec::new(),
        EntryKind::Table => table(inventory, &name, definition, manner),
        EntryKind::Sequence => vec![format!("CREATE SEQUENCE {}{own} {definition}", manner.if_not_exists())],
        EntryKind::View => vec![format!("CREATE VIEW {own} {definition}")],
        EntryKind::MaterializedView => {
            let mut statements = vec![format!("CREATE MATERIALIZED VIEW {own} {definition}")];
            let indexes = inventory.parts(&name, EntryKind::Index);
            statements.extend(indexes.map(|(_, entry)| uncommented(&entry.definition).to_owned()));
            statements
        }
        EntryKind::Column => vec![format!("ALTER TABLE {on} ADD COLUMN {}{name} {definition}", manner.if_not_exists())],
        EntryKind::Constraint => vec![format!("ALTER TABLE {on} ADD CONSTRAINT {name} {definition}")],
        EntryKind::Routine if definition == "aggregate" => Vec::new(),
        // The server prints `CREATE OR REPLACE`.
        EntryKind::Index | EntryKind::Routine => vec![uncommented(definition).trim_end().to_owned()],
        EntryKind::Statistics => vec![definition.clone()],
        EntryKind::Extension => vec![format!("CREATE EXTENSION IF NOT EXISTS {name} SCHEMA {}", inventory.schema)],
        EntryKind::Comment => {
            let on = commented(&key.name);
            on.map(|on| format!("COMMENT ON {on} IS {}", quote_literal(definition))).into_iter().collect()
        }
        EntryKind::Privileges => entry.labels.iter().map(|term| granting(&key.name, term, true)).collect(),
        EntryKind::Trigger | EntryKind::Rule => {
            let mut statements = vec![uncommented(definition).to_owned()];
            let word = match definition.rsplit_once(" -- ").map(|(_, when)| when) {
                Some("disabled") => Some("DISABLE"),
                Some("on replicas") => Some("ENABLE REPLICA"),
                Some("always") => Some("ENABLE ALWAYS"),
                _ => None,
            };
            let kind = key.kind.word().to_uppercase();
            statements.extend(word.map(|word| format!("ALTER TABLE {on} {word} {kind} {name}")));
            statements
        }
        EntryKind::Policy => vec![format!("CREATE POLICY {name} ON {on} {definition}")],
    }
}

/// Returns an object as COMMENT ON names it, from what the server calls it: `table column public.users.fax`.
fn commented(object: &str) -> Option<String> {
    const KINDS: &[(&str, &str)] = &[
        ("table column ", "COLUMN"),
        ("view column ", "COLUMN"),
        ("materialized view column ", "COLUMN"),
        ("foreign table column ", "COLUMN"),
        ("composite type column ", "COLUMN"),
        ("table constraint ", "CONSTRAINT"),
        ("materialized view ", "MATERIALIZED VIEW"),
        ("foreign table ", "FOREIGN TABLE"),
        ("table ", "TABLE"),
        ("view ", "VIEW"),
        ("sequence ", "SEQUENCE"),
        ("index ", "INDEX"),
        ("trigger ", "TRIGGER"),
        ("policy ", "POLICY"),
        ("rule ", "RULE"),
        ("function ", "FUNCTION"),
        ("procedure ", "PROCEDURE"),
        ("aggregate ", "AGGREGATE"),
        ("type ", "TYPE"),
    ];
    KINDS.iter().find_map(|(kind, word)| Some(format!("{word} {}", object.strip_prefix(kind)?)))
}

/// Returns what grants a privilege (`SELECT TO boss`) or takes it away; one that begins with `NOT` is taken away from the beginning.
fn granting(object: &str, term: &str, grant: bool) -> String {
    let (term, grant) = term.strip_prefix("NOT ").map_or((term, grant), |term| (term, !grant));
    let (privilege, rest) = term.split_once(" TO ").unwrap_or((term, "PUBLIC"));
    if grant {
        return format!("GRANT {privilege} ON {object} TO {rest}");
    }
    let role = rest.strip_suffix(" WITH GRANT OPTION").unwrap_or(rest);
    format!("REVOKE {privilege} ON {object} FROM {role}")
}

/// Returns the definition without the note that the query puts behind it.
fn uncommented(definition: &str) -> &str {
    let notes = ["invalid", "disabled", "on replicas", "always"];
    match definition.rsplit_once(" -- ") {
        Some((statement, note)) if notes.contains(&note) => statement,
        _ => definition,
    }
}

fn table(inventory: &Inventory, name: &Ident, definition: &str, manner: Manner) -> Vec<String> {
    let unless = manner.if_not_exists();
    let own = inventory.named(name);
    let (unlogged, rest) = match definition.strip_prefix("UNLOGGED") {
        Some(rest) => ("UNLOGGED ", rest.trim_start()),
        None => ("", definition),
    };
    let (rest, forced) = rest.strip_suffix("FORCED").map_or((rest, false), |rest| (rest.trim_end(), true));
    let (rest, secured) = rest.strip_suffix("ROW LEVEL SECURITY").map_or((rest, false), |rest| (rest.trim_end(), true));
    let mut columns: Vec<(i64, String)> = inventory
        .parts(name, EntryKind::Column)
        .map(|(key, entry)| {
            let place = entry.column.as_ref().map_or(0, |column| column.place);
            (place, format!("    {} {}", Ident::new(key.name.as_str()), entry.definition))
        })
        .collect();
    columns.sort();
    let constraints = inventory
        .parts(name, EntryKind::Constraint)
        .filter(|(_, entry)| !is_foreign_key(entry))
        .map(|(key, entry)| format!("    CONSTRAINT {} {}", Ident::new(key.name.as_str()), entry.definition));
    let inside: Vec<_> = columns.into_iter().map(|(_, line)| line).chain(constraints).collect();
    let inside = if inside.is_empty() { "()".to_owned() } else { format!("(\n{}\n)", inside.join(",\n")) };
    let text = if rest.starts_with("PARTITION OF") {
        format!("CREATE {unlogged}TABLE {unless}{own} {rest}")
    } else {
        format!("CREATE {unlogged}TABLE {unless}{own} {inside} {rest}")
    };
    let mut statements = vec![text.trim_end().to_owned()];
    if secured {
        statements.push(format!("ALTER TABLE {own} ENABLE ROW LEVEL SECURITY"));
    }
    if forced {
        statements.push(format!("ALTER TABLE {own} FORCE ROW LEVEL SECURITY"));
    }
    let indexes = inventory.parts(name, EntryKind::Index);
    statements.extend(indexes.map(|(_, entry)| uncommented(&entry.definition).to_owned()));
    statements
}

/// Returns whether a part of a table is made with the table by [`create`].
pub(super) fn comes_with_its_table(key: &EntryKey, entry: &Entry) -> bool {
    match key.kind {
        EntryKind::Column | EntryKind::Index => true,
        EntryKind::Constraint => !is_foreign_key(entry),
        _ => false,
    }
}

/// Returns what of a table or view is made once everything else is there: foreign keys, triggers, policies.
pub(super) fn later_parts<'a>(
    inventory: &'a Inventory,
    relation: &'a Ident,
) -> impl Iterator<Item = (&'a EntryKey, &'a Entry)> {
    [EntryKind::Constraint, EntryKind::Trigger, EntryKind::Policy, EntryKind::Rule, EntryKind::Statistics]
        .into_iter()
        .flat_map(move |kind| inventory.parts(relation, kind))
        .filter(|(key, entry)| !comes_with_its_table(key, entry))
}

pub(super) fn is_foreign_key(entry: &Entry) -> bool {
    entry.definition.starts_with("FOREIGN KEY")
}

/// Returns the statement that drops an object.
pub(super) fn drop(inventory: &Inventory, key: &EntryKey, entry: &Entry, manner: Manner) -> Vec<String> {
    let where_there = manner.if_exists();
    let name = Ident::new(key.name.as_str());
    let own = inventory.named(&name);
    let on = key.relation.as_ref().map(|relation| inventory.named(relation).to_string()).unwrap_or_default();
    let statement = match key.kind {
        EntryKind::Privileges => {
            return entry.labels.iter().map(|term| granting(&key.name, term, false)).collect();
        }
        EntryKind::Comment => match commented(&key.name) {
            Some(on) => format!("COMMENT ON {on} IS NULL"),
            None => return Vec::new(),
        },
        EntryKind::Extension => format!("DROP EXTENSION {where_there}{name}"),
        EntryKind::Type if is_domain(entry) => format!("DROP DOMAIN {where_there}{own}"),
        EntryKind::Enum | EntryKind::Type => format!("DROP TYPE {where_there}{own}"),
        EntryKind::Column => format!("ALTER TABLE {on} DROP COLUMN {where_there}{name}"),
        EntryKind::Constraint => format!("ALTER TABLE {on} DROP CONSTRAINT {where_there}{name}"),
        EntryKind::Trigger | EntryKind::Policy | EntryKind::Rule => {
            format!("DROP {} {where_there}{name} ON {on}", key.kind.word().to_uppercase())
        }
        EntryKind::Routine => {
            let word = if entry.definition == "aggregate" { "AGGREGATE" } else { "ROUTINE" };
            format!("DROP {word} {where_there}{}.{}", inventory.schema, key.name)
        }
        kind => format!("DROP {} {where_there}{own}", kind.word().to_uppercase()),
    };
    vec![statement]
}

fn is_domain(entry: &Entry) -> bool {
    entry.definition.starts_with("AS ")
        && !entry.definition.starts_with("AS (")
        && !entry.definition.starts_with("AS RANGE")
}

/// Returns the statements that make of an object what it is to be, and what they do not reach. `wanted` is told in the names of
/// `inventory`.
pub(super) fn change(
    inventory: &Inventory,
    key: &EntryKey,
    found: &Entry,
    wanted: &Entry,
    manner: Manner,
) -> (Vec<String>, Vec<String>) {
    let again = || [drop(inventory, key, found, manner), create(inventory, key, wanted, manner)].concat();
    let name = Ident::new(key.name.as_str());
    let own = inventory.named(&name);
    match key.kind {
        EntryKind::Column => {
            let (Some(found), Some(wanted)) = (&found.column, &wanted.column) else { return Default::default() };
            let table = key.relation.as_ref().map(|table| inventory.named(table).to_string()).unwrap_or_default();
            column(&format!("ALTER TABLE {table} ALTER COLUMN {name}"), &name, found, wanted, manner)
        }
        EntryKind::Enum => labels(&own.to_string(), &found.labels, &wanted.labels),
        EntryKind::Sequence => (vec![format!("ALTER SEQUENCE {own} {}", wanted.definition)], Vec::new()),
        // Replaced where that is possible, otherwise made anew.
        EntryKind::View if manner == Manner::Ensured => {
            let create = format!("CREATE OR REPLACE VIEW {own} {}", wanted.definition);
            ([drop(inventory, key, found, manner), vec![create]].concat(), Vec::new())
        }
        EntryKind::Routine if manner == Manner::Ensured && wanted.definition != "aggregate" => (again(), Vec::new()),
        EntryKind::View => {
            let note = "CREATE OR REPLACE may only add columns; drop the view first where it changes others".to_owned();
            (vec![format!("CREATE OR REPLACE VIEW {own} {}", wanted.definition)], vec![note])
        }
        EntryKind::Constraint
        | EntryKind::Index
        | EntryKind::Trigger
        | EntryKind::Policy
        | EntryKind::Rule
        | EntryKind::Statistics
        | EntryKind::MaterializedView => (again(), Vec::new()),
        EntryKind::Comment => (create(inventory, key, wanted, manner), Vec::new()),
        EntryKind::Privileges => {
            let lacks = |one: &'_ Entry, term: &String| !one.labels.contains(term);
            let gone =
                found.labels.iter().filter(|term| lacks(wanted, term)).map(|term| granting(&key.name, term, false));
            let new =
                wanted.labels.iter().filter(|term| lacks(found, term)).map(|term| granting(&key.name, term, true));
            (gone.chain(new).collect(), Vec::new())
        }
        EntryKind::Extension => {
            let version = wanted.definition.trim_start_matches("version ");
            (vec![format!("ALTER EXTENSION {name} UPDATE TO {}", quote_literal(version))], Vec::new())
        }
        EntryKind::Routine if wanted.definition != "aggregate" => (create(inventory, key, wanted, manner), Vec::new()),
        EntryKind::Routine | EntryKind::Type | EntryKind::Table | EntryKind::ForeignTable => {
            (Vec::new(), vec!["to be changed by hand".to_owned()])
        }
    }
}

fn column(
    alter: &str,
    name: &Ident,
    found: &ColumnEntry,
    wanted: &ColumnEntry,
    manner: Manner,
) -> (Vec<String>, Vec<String>) {
    let (mut statements, mut notes) = (Vec::new(), Vec::new());
    let generated = |column: &ColumnEntry| column.generation.as_ref().is_some_and(|words| !words.ends_with("IDENTITY"));
    let by_hand = manner == Manner::Once || generated(found) || generated(wanted);
    if found.generation != wanted.generation && !by_hand {
        if found.generation.is_some() {
            statements.push(format!("{alter} DROP IDENTITY IF EXISTS"));
        }
        if let Some(words) = &wanted.generation {
            if wanted.not_null && !found.not_null {
                statements.push(format!("{alter} SET NOT NULL"));
            }
            statements.push(format!("{alter} ADD {words}"));
            notes.push("the sequence of the identity begins anew".to_owned());
        }
        let not_null = if wanted.generation.is_some() { wanted.not_null } else { found.not_null };
        let same = ColumnEntry { generation: wanted.generation.clone(), not_null, ..found.clone() };
        let (rest, more) = column(alter, name, &same, wanted, manner);
        statements.extend(rest);
        notes.extend(more);
        return (statements, notes);
    }
    if found.generation != wanted.generation {
        notes.push("whether a column is generated, or an identity, is to be changed by hand".to_owned());
    }
    let serial = |column: &ColumnEntry| column.type_name.ends_with("serial");
    let typed = found.type_name != wanted.type_name;
    if typed && (serial(found) || serial(wanted)) {
        notes.push("the sequence of a serial column is to be made or dropped by hand".to_owned());
    } else if typed {
        // A default that does not convert would be in the way.
        if found.default.is_some() {
            statements.push(format!("{alter} DROP DEFAULT"));
        }
        let type_name = wanted.type_name.split(" COLLATE ").next().unwrap_or(&wanted.type_name);
        statements.push(format!("{alter} TYPE {} USING {name}::{type_name}", wanted.type_name));
    }
    if found.default != wanted.default || !statements.is_empty() {
        match &wanted.default {
            Some(default) => statements.push(format!("{alter} SET DEFAULT {default}")),
            None if found.default.is_some() && statements.is_empty() => {
                statements.push(format!("{alter} DROP DEFAULT"));
            }
            None => {}
        }
    }
    if found.not_null != wanted.not_null {
        statements.push(format!("{alter} {} NOT NULL", if wanted.not_null { "SET" } else { "DROP" }));
    }
    (statements, notes)
}

fn labels(name: &str, found: &[String], wanted: &[String]) -> (Vec<String>, Vec<String>) {
    let mut statements = Vec::new();
    for (place, label) in wanted.iter().enumerate().filter(|(_, label)| !found.contains(label)) {
        let at = match place.checked_sub(1).and_then(|before| wanted.get(before)) {
            Some(before) => format!("AFTER {}", quote_literal(before)),
            None => found.first().map(|first| format!("BEFORE {}", quote_literal(first))).unwrap_or_default(),
        };
        statements.push(format!("ALTER TYPE {name} ADD VALUE {} {at}", quote_literal(label)).trim_end().to_owned());
    }
    let kept: Vec<_> = found.iter().filter(|label| wanted.contains(label)).collect();
    let in_order: Vec<_> = wanted.iter().filter(|label| found.contains(label)).collect();
    let mut notes = Vec::new();
    if kept.len() < found.len() {
        notes.push("PostgreSQL does not take labels away: make a new type, or rename them".to_owned());
    }
    if kept != in_order {
        notes.push("PostgreSQL does not move labels: make a new type".to_owned());
    }
    (statements, notes)
}
