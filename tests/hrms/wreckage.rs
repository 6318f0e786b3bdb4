//! Random halfway databases: whatever is missing from a complete one comes back in one run, and nothing else moves.

use std::collections::BTreeMap;

use fastrand::Rng;

use crate::site::{Site, assert_lines, fixture};

const SEEDS: u64 = 20;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Flavour {
    Enum,
    Varchar,
}

#[test]
fn a_wrecked_enum_database_is_made_whole() {
    for seed in 0..SEEDS {
        wreck(Flavour::Enum, "enum_current.sql", seed);
    }
}

#[test]
fn a_wrecked_varchar_database_is_made_whole() {
    for seed in 0..SEEDS {
        wreck(Flavour::Varchar, "varchar_current.sql", 1_000 + seed);
    }
}

fn wreck(flavour: Flavour, file: &str, seed: u64) {
    let Some(site) = Site::new(&format!("wreck_{seed}"), &[file]) else { return };
    let mut rng = Rng::with_seed(seed);
    let original = facts(&site.facts());
    let mut damage = Vec::new();
    for _ in 0..rng.usize(1..16) {
        let sql = blow(&mut rng, &facts(&site.facts()));
        site.database.execute(&sql);
        damage.push(sql);
    }
    let (wrecked, contents) = (facts(&site.facts()), site.contents());
    let expected = whole(flavour, &original, &wrecked);
    println!("seed {seed}:\n  {}", damage.join("\n  "));
    site.completes();
    let expected: Vec<_> = expected.values().map(String::as_str).collect();
    assert_lines(&expected.join("\n"), &site.facts());
    site.assert_kept(&contents, &["holidays.is_active", "leaves.total_days"]);
}

/// Facts by the object that they are about: kind and name.
fn facts(text: &str) -> BTreeMap<String, String> {
    let key = |line: &str| line.split(' ').take(2).collect::<Vec<_>>().join(" ");
    text.lines().map(|line| (key(line), line.to_owned())).collect()
}

/// Picks an object of a kind: its table and name.
fn pick(
    rng: &mut Rng,
    facts: &BTreeMap<String, String>,
    kind: &str,
    fits: impl Fn(&str) -> bool,
) -> Option<(String, String)> {
    let all: Vec<_> = facts
        .iter()
        .filter(|(key, line)| key.starts_with(kind) && fits(line))
        .filter_map(|(key, _)| key[kind.len()..].trim().split_once('.'))
        .collect();
    rng.choice(all).map(|(table, name)| (table.to_owned(), name.to_owned()))
}

/// Returns one statement that destroys something which a run can restore.
fn blow(rng: &mut Rng, facts: &BTreeMap<String, String>) -> String {
    let nothing = "SELECT 1".to_owned();
    match rng.u8(0..12) {
        0..=3 => {
            // What forbids NULL cannot come back where rows exist.
            let column = pick(rng, facts, "column ", |line| !line.contains(" not null"));
            column.map_or(nothing, |(table, name)| format!("ALTER TABLE {table} DROP COLUMN {name}"))
        }
        4..=6 => {
            let index = pick(rng, facts, "index ", |_| true);
            index.map_or(nothing, |(_, name)| format!("DROP INDEX {name}"))
        }
        7 => {
            let index = pick(rng, facts, "index ", |line| line.contains(".idx_"));
            index
                .map_or(nothing, |(table, name)| {
                    let wrong = ["(id)", "(id, created_at)", "(id DESC)", "(created_at) WHERE id > 1"];
                    format!("DROP INDEX {name}; CREATE INDEX {name} ON {table} {}", wrong[rng.usize(0..wrong.len())])
                })
                .replace("holidays (id, created_at)", "holidays (id)")
        }
        8 => {
            let index = pick(rng, facts, "index ", |_| true);
            index.map_or(nothing, |(_, name)| {
                format!("UPDATE pg_index SET indisvalid = false WHERE indexrelid = '{name}'::regclass")
            })
        }
        9 => {
            let constraint = pick(rng, facts, "constraint ", |_| true);
            constraint.map_or(nothing, |(table, name)| format!("ALTER TABLE {table} DROP CONSTRAINT {name} CASCADE"))
        }
        10 => {
            let tables =
                ["tasks", "email_logs", "email_settings", "email_templates", "employee_details", "employment_history"];
            let table = tables[rng.usize(0..tables.len())];
            format!("DROP TABLE IF EXISTS {table}")
        }
        _ => {
            let own = [
                "UPDATE holidays SET is_active = NULL WHERE id = 2",
                "ALTER TABLE leaves ALTER COLUMN total_days TYPE integer",
                "ALTER TABLE leaves ALTER COLUMN total_days TYPE varchar",
                "ALTER TABLE leaves ALTER COLUMN total_days TYPE numeric(10,2) USING total_days::text::numeric(10,2)",
                "ALTER TABLE leaves ALTER COLUMN total_days TYPE double precision USING total_days::text::double precision",
                "ALTER TABLE leaves ALTER COLUMN total_days DROP NOT NULL",
                "ALTER TABLE users ALTER COLUMN created_at DROP DEFAULT, ALTER COLUMN name DROP NOT NULL",
                "ALTER TABLE tasks ALTER COLUMN status SET DEFAULT 'PENDING'",
            ];
            let sql = own[rng.usize(0..own.len())];
            // Earlier blows may have taken the object away.
            let object = sql.split(' ').nth(if sql.starts_with("UPDATE") { 1 } else { 2 }).unwrap_or_default();
            let column = match object {
                "holidays" => "column holidays.is_active",
                "leaves" => "column leaves.total_days",
                "users" => "column users.created_at",
                _ => "column tasks.status",
            };
            if facts.contains_key(column) { sql.to_owned() } else { nothing }
        }
    }
}

/// What the schema must be after a run: what stands as it stood, and what is gone as the scripts declare it.
fn whole(
    flavour: Flavour,
    original: &BTreeMap<String, String>,
    wrecked: &BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let declared = facts(&fixture("hrms_enum.expected"));
    let mut expected = wrecked.clone();
    for (key, line) in original {
        match (wrecked.get(key), declared.get(key)) {
            // Columns that are there stay, whatever their default and nullability; only this one is converted.
            (Some(_), _) if key == "column leaves.total_days" => {
                let strict = wrecked[key].contains(" not null");
                let fact = "column leaves.total_days numeric(4,1)";
                expected.insert(key.clone(), format!("{fact}{}", if strict { " not null" } else { "" }));
            }
            (Some(_), _) if key.starts_with("column ") => {}
            // Indexes and constraints become what is declared, and those of the other flavour stay.
            (Some(_), _) => {
                expected.insert(key.clone(), line.clone());
            }
            (None, Some(declared)) => {
                let is_status = key.starts_with("column users.") && key.ends_with("_status");
                let line = if is_status && flavour == Flavour::Varchar {
                    format!("{key} character varying")
                } else {
                    declared.clone()
                };
                expected.insert(key.clone(), line);
            }
            // A unique constraint of the varchar flavour comes back as the unique index.
            (None, None) => {
                let index = match key.as_str() {
                    "constraint users.users_email_key" => "index users.ix_users_email",
                    _ => "index employee_details.ix_employee_details_employee_id",
                };
                expected.insert(index.to_owned(), declared[index].clone());
            }
        }
    }
    // A table that is made anew brings its enum type, and with it come the others.
    if flavour == Flavour::Varchar && !wrecked.contains_key("table tasks") {
        expected.extend(declared.into_iter().filter(|(key, _)| key.starts_with("enum ")));
    }
    expected
}
