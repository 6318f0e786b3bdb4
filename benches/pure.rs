//! How long the rooms without a database take: reading 10 000 statements, their goals, and their plan over 200 tables.
//!
//! `cargo bench --bench pure`; docs/benchmarks.md tells of whole runs.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![expect(clippy::disallowed_methods, reason = "a benchmark reads the scripts that it measures")]

#[path = "../tests/support/picture.rs"]
mod picture;

use std::{fmt::Write as _, fs, hint::black_box, path::Path};

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use hrms_migrate::{
    catalog::{Index, IndexKey, IndexStructure, IndexTarget, Snapshot},
    goal::{self, ScriptGoals},
    pg::Ident,
    plan::{Answer, Answers, Policy, plan},
    script::{File, Script, ScriptId, assemble},
    sql,
};

const TABLES: usize = 200;
const COLUMNS: usize = 29;
const INDEXES: usize = 20;
const STATEMENTS: u64 = (TABLES * (1 + COLUMNS + INDEXES)) as u64;

fn reading(criterion: &mut Criterion) {
    let scripts = scripts(workload());
    let mut group = criterion.benchmark_group("10 000 statements");
    group.throughput(Throughput::Elements(STATEMENTS)).sample_size(20);
    group.bench_function("parse", |bencher| {
        bencher.iter(|| {
            scripts.iter().map(|script| black_box(sql::parse(script).unwrap()).statements.len()).sum::<usize>()
        });
    });
    let parsed: Vec<_> = scripts.iter().map(|script| sql::parse(script).unwrap()).collect();
    group.bench_function("goals", |bencher| {
        bencher.iter_batched(
            || parsed.clone(),
            |parsed| {
                for (index, (script, parsed)) in scripts.iter().zip(parsed).enumerate() {
                    black_box(goal::read(ScriptId(index), script, parsed).unwrap());
                }
            },
            BatchSize::LargeInput,
        );
    });
    let goals = goals(&scripts);
    group.bench_function("contradictions", |bencher| {
        bencher.iter(|| black_box(goal::contradictions(&goals, &|_| None)));
    });
    group.finish();
}

fn planning(criterion: &mut Criterion) {
    let goals = goals(&scripts(workload()));
    let snapshot = satisfied();
    let (policy, answers) = (Policy::default(), Answers::default());
    assert!(plan(&goals, &snapshot, &answers, &policy).is_empty(), "the snapshot holds what the scripts say");
    let mut group = criterion.benchmark_group("plan");
    group.throughput(Throughput::Elements(STATEMENTS)).sample_size(20);
    group.bench_function("10 000 statements, all satisfied", |bencher| {
        bencher.iter(|| black_box(plan(&goals, &snapshot, &answers, &policy)));
    });
    group.bench_function("10 000 statements, an empty database", |bencher| {
        let snapshot = picture::empty();
        bencher.iter(|| black_box(plan(&goals, &snapshot, &answers, &policy)));
    });
    group.finish();
    let hrms = self::goals(&scripts(hrms()));
    criterion.bench_function("plan the HRMS schema for an empty database", |bencher| {
        let snapshot = picture::empty();
        bencher.iter(|| {
            let answer = |_: &str| Answer::Value(Some("f".to_owned()));
            black_box(picture::settle(&hrms, &snapshot, &policy, answer))
        });
    });
}

/// One script for each table: the table, its columns one by one, and indexes on most of them.
fn workload() -> (Vec<File>, Vec<File>) {
    let files = (0..TABLES).map(|table| {
        let mut text = format!("CREATE TABLE IF NOT EXISTS table_{table} (id bigint NOT NULL);\n");
        for column in 0..COLUMNS {
            let rest = if column % 3 == 0 { "varchar(255) DEFAULT 'none'" } else { "numeric(10,2) DEFAULT 0 NOT NULL" };
            writeln!(text, "ALTER TABLE table_{table} ADD COLUMN IF NOT EXISTS column_{column} {rest};").unwrap();
        }
        for index in 0..INDEXES {
            let name = format!("ix_{table}_{index}");
            writeln!(text, "CREATE INDEX IF NOT EXISTS {name} ON table_{table} (column_{index}, id);").unwrap();
        }
        let name = format!("{:03}_table_{table}.sql", table + 1);
        File { path: name.clone(), name, bytes: text.into_bytes() }
    });
    (Vec::new(), files.collect())
}

/// The snapshot of a database in which all of [`workload`] holds.
fn satisfied() -> Snapshot {
    let mut snapshot = picture::empty();
    for number in 0..TABLES {
        let mut table = picture::table();
        let mut id = picture::column("id", "bigint");
        id.not_null = true;
        table.columns.push(id);
        for place in 0..COLUMNS {
            let textual = place % 3 == 0;
            let type_name = if textual { "character varying(255)" } else { "numeric(10,2)" };
            let mut column = picture::column(&format!("column_{place}"), type_name);
            column.default = Some(if textual { "'none'::character varying" } else { "0" }.to_owned());
            column.not_null = !textual;
            table.columns.push(column);
        }
        for place in 0..INDEXES {
            let key = |name: String| IndexKey {
                target: IndexTarget::Column(Ident::new(name)),
                operator_class: None,
                operator_class_parameters: None,
                collation: None,
                descending: false,
                nulls_first: false,
            };
            let structure = IndexStructure {
                method: Ident::new("btree"),
                unique: false,
                nulls_not_distinct: false,
                keys: vec![key(format!("column_{place}")), key("id".to_owned())],
                include: Vec::new(),
                predicate: None,
                storage: std::collections::BTreeMap::new(),
            };
            let index = Index { valid: true, structure, constraint: None };
            table.indexes.insert(Ident::new(format!("ix_{number}_{place}")), index);
        }
        snapshot.tables.insert(picture::public(&format!("table_{number}")), table);
    }
    snapshot
}

/// The scripts that the program brings.
fn hrms() -> (Vec<File>, Vec<File>) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("ensure");
    let file =
        |path: &Path, name: String| File { path: path.display().to_string(), name, bytes: fs::read(path).unwrap() };
    let names = |directory: &Path| {
        let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        entries.collect::<Vec<_>>()
    };
    let base =
        names(&root.join("base")).into_iter().map(|name| file(&root.join("base").join(&name).join("up.sql"), name));
    let files = names(&root)
        .into_iter()
        .filter(|name| !name.starts_with('.') && *name != "base")
        .map(|name| file(&root.join(&name), name));
    (base.collect(), files.collect())
}

fn scripts((base, files): (Vec<File>, Vec<File>)) -> Vec<Script> {
    assemble(base, files).unwrap()
}

fn goals(scripts: &[Script]) -> Vec<ScriptGoals> {
    let read = |(index, script)| goal::read(ScriptId(index), script, sql::parse(script).unwrap()).unwrap();
    scripts.iter().enumerate().map(read).collect()
}

criterion_group!(pure, reading, planning);
criterion_main!(pure);
