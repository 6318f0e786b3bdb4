//! Scripts as goals and databases as snapshots, made without a server: for properties and benchmarks.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::unreachable,
    reason = "a test fails by panicking"
)]
#![allow(dead_code, reason = "every program that includes this file uses a part of it")]

use std::collections::{BTreeMap, BTreeSet};

use hrms_migrate::{
    catalog::{Column, Generation, Objects, Schema, Server, Snapshot, Table},
    goal::{self, ScriptGoals},
    pg::{Ident, ObjectName, RowCount, ServerVersion, TypeName},
    plan::{self, Answer, Answers, Foreseen, Plan, Policy},
    script::{File, ScriptId, assemble},
    sql,
};

/// Reads one script; `None` where it is refused before any database is asked.
pub fn goals(text: &str) -> Option<Vec<ScriptGoals>> {
    let file = File { path: "010_ensure.sql".to_owned(), name: "010_ensure.sql".to_owned(), bytes: text.into() };
    let scripts = assemble(Vec::new(), vec![file]).ok()?;
    let mut read = Vec::new();
    for (index, script) in scripts.iter().enumerate() {
        let parsed = sql::parse(script).ok()?;
        read.push(goal::read(ScriptId(index), script, parsed).ok()?);
    }
    goal::contradictions(&read, &|_| None).is_empty().then_some(read)
}

/// A database that holds the schema `public` and nothing in it.
pub fn empty() -> Snapshot {
    let public = Ident::new("public");
    Snapshot {
        server: Server {
            version: ServerVersion(150_000),
            database: "hrms".to_owned(),
            role: "migrator".to_owned(),
            superuser: false,
            may_create_schema: true,
            in_recovery: false,
            read_only: false,
            time_zone: "UTC".to_owned(),
            horizon: String::new(),
        },
        target: Some(public.clone()),
        search_path: vec![public.clone()],
        also_in: BTreeSet::new(),
        schemas: BTreeMap::from([(public, Schema { may_create: true, may_use: true })]),
        tables: BTreeMap::new(),
        relations: BTreeMap::new(),
        types: BTreeMap::new(),
        sequences: BTreeMap::new(),
        extensions: BTreeMap::new(),
        objects: Objects::default(),
        materialized: BTreeMap::new(),
        base_versions: None,
    }
}

/// A table of ours with nothing in it.
pub fn table() -> Table {
    Table {
        owner: "migrator".to_owned(),
        owned: true,
        may_select: true,
        may_insert: true,
        may_update: true,
        may_reference: true,
        pages: 1,
        rows: Some(RowCount(10)),
        ..Table::default()
    }
}

/// A plain column.
pub fn column(name: &str, type_name: &str) -> Column {
    Column {
        name: Ident::new(name),
        type_name: TypeName::parse(type_name).unwrap(),
        not_null: false,
        default: None,
        generation: Generation::None,
        owned_sequence: None,
        collation: None,
    }
}

/// A name in `public`.
pub fn public(name: &str) -> ObjectName {
    ObjectName::new("public", name)
}

/// Plans, and lets `answer` answer every question, until none is left; with the number of rounds that took.
pub fn settle(
    scripts: &[ScriptGoals],
    snapshot: &Snapshot,
    policy: &Policy,
    mut answer: impl FnMut(&str) -> Answer,
) -> (Plan, usize) {
    let mut answers = Answers::default();
    for round in 1.. {
        let Foreseen { mut plan, complete } = plan::foresee(scripts, snapshot, &answers, policy);
        let mut as_expected = complete;
        for question in &plan.questions {
            assert!(answers.get(&question.sql).is_none(), "asked again: {}", question.sql);
            let answer = answer(&question.sql);
            as_expected &= question.expects(&answer);
            answers.insert(question.sql.clone(), answer);
        }
        if as_expected {
            plan.questions.clear();
            assert_eq!(
                plan,
                plan::plan(scripts, snapshot, &answers, policy),
                "what was foreseen is not what is planned"
            );
            return (plan, round);
        }
    }
    unreachable!("numbers do not end")
}
