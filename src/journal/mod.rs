//! The memory of what was done to a database, as plain data: runs, their changes, backfills.
//!
//! The catalog is the truth; this only remembers. A database without it is planned, changed and verified just the same.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::pg::{Ident, ObjectName};

/// The schema that the journal lives in where nothing else is said.
pub const SCHEMA: &str = "hrms_migrate";

/// Where the journal of a run is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Keeping {
    /// Nowhere.
    Not,
    /// In this schema.
    In(Ident),
}

impl Default for Keeping {
    fn default() -> Self {
        Self::In(Ident::new(SCHEMA))
    }
}

/// What is known of a run when it begins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewRun {
    /// `run`, `rollback`, `adopt`, `stamp`.
    pub command: String,
    /// The user of the operating system.
    pub os_user: Option<String>,
    /// The machine.
    pub host: Option<String>,
    /// The version of this program.
    pub tool_version: String,
    /// The revision of the scripts in version control.
    pub revision: Option<String>,
    /// SHA-256 over the tokens of all scripts.
    pub scripts_digest: Option<String>,
    /// The file or directory of the backup made before the first change.
    pub backup: Option<String>,
}

/// How a run ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunEnd {
    /// `done`, `interrupted`, or an error code.
    pub outcome: String,
    /// The exit code.
    pub exit_code: u8,
    /// For how long others may have waited for locks of the run, in milliseconds.
    pub blocked_ms: u64,
    /// What went wrong: no secret and no content of a row.
    pub error: Option<String>,
    /// The objects that it has touched, as they are now, as [`write_left`] writes them; `None` where that is written already.
    pub left: Option<String>,
}

/// What is known of a step before it is sent.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Entry {
    /// The script's path.
    pub script: String,
    /// SHA-256 over its tokens.
    pub script_digest: String,
    /// `ensure/010_user_columns.sql:7:1`.
    pub location: String,
    /// `add`, `alter`, `drop`, `fill`, `run`.
    pub verb: String,
    /// The object, in words.
    pub object: String,
    /// What is sent.
    pub sql: String,
    /// What takes it back, where it is this entry's to say.
    pub inverse: Option<Inverse>,
    /// How often it was tried, this time included.
    pub attempts: u32,
    /// Time spent in attempts that did not get their lock, in milliseconds.
    pub lock_wait_ms: f64,
}

/// What takes a change back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inverse {
    /// The text of an ensure script; empty where there is none.
    pub sql: String,
    /// `exact`, `alike`, `loses`, `unknown`, `written`.
    pub kind: String,
    /// What it loses and how to count it, or why there is none: JSON.
    pub notes: Option<String>,
}

/// What is to be known about an inverse before it is carried out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InverseNotes {
    /// What would be lost, in words, and the query that counts the rows concerned.
    pub losses: Vec<(String, String)>,
    /// What does not come back, in words.
    pub stays: Vec<String>,
    /// The old values of rows, where they were kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<KeptNotes>,
}

/// What is to be known about old values that were kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptNotes {
    /// The table whose old values they are.
    pub of: String,
    /// The table that has them.
    pub table: String,
    /// The query for how many rows were changed since, or are gone.
    pub changed: String,
    /// The day on which they were dropped, once they were; empty where there were none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expired: Option<String>,
}

/// What is to be taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Back {
    /// The last runs that changed something, so many.
    Last(u32),
    /// One run.
    Run(i64),
    /// All runs after this one.
    To(i64),
    /// What a script has changed.
    Script(String),
}

/// What came of a step.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Ended {
    /// How long it took, in milliseconds.
    pub elapsed_ms: f64,
    /// The rows that it changed.
    pub rows: Option<u64>,
    /// From its strong lock to the end of its transaction, in milliseconds.
    pub blocked_ms: f64,
}

/// A run of the past, or one that still works.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// Its number in this database.
    pub id: i64,
    /// `run`, `rollback`, …
    pub command: String,
    /// When it began: `2026-11-21T22:10:03Z`.
    pub begun: String,
    /// How long it took, in milliseconds; `None` where it has not ended.
    pub elapsed_ms: Option<u64>,
    /// How it stands.
    pub state: RunState,
    /// Its exit code.
    pub exit_code: Option<i32>,
    /// The role of the database.
    pub role: String,
    /// The user of the operating system.
    pub os_user: Option<String>,
    /// The machine.
    pub host: Option<String>,
    /// The version of this program.
    pub tool_version: String,
    /// The revision of the scripts.
    pub revision: Option<String>,
    /// SHA-256 over the tokens of all scripts.
    pub scripts_digest: Option<String>,
    /// The file or directory of the backup made before the first change, on that machine.
    pub backup: Option<String>,
    /// For how long others may have waited, in milliseconds.
    pub blocked_ms: u64,
    /// What went wrong.
    pub error: Option<String>,
    /// How many changes were made.
    pub changes: u64,
    /// The scripts that they came from, in order.
    pub scripts: Vec<String>,
}

/// How a run stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunState {
    /// It works.
    Working,
    /// It did everything.
    Done,
    /// It was stopped, or its process died.
    Interrupted,
    /// It failed: the error code.
    Failed(String),
}

impl RunState {
    /// Returns how a run stands by its outcome, and by whether a run is at work now.
    #[must_use]
    pub fn of(outcome: Option<&str>, at_work: bool) -> Self {
        match outcome {
            None if at_work => Self::Working,
            None | Some("interrupted") => Self::Interrupted,
            Some("done") => Self::Done,
            Some(code) => Self::Failed(code.to_owned()),
        }
    }

    /// Returns it as a word: `done`, `working`, `interrupted`, or the error code.
    #[must_use]
    pub fn word(&self) -> &str {
        match self {
            Self::Working => "working",
            Self::Done => "done",
            Self::Interrupted => "interrupted",
            Self::Failed(code) => code,
        }
    }
}

/// A change of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The run.
    pub run: i64,
    /// Its place in the run.
    pub number: i32,
    /// Whether it was carried out.
    pub state: ChangeState,
    /// When it was recorded: `2026-11-21T22:10:03Z`.
    pub at: String,
    /// What was sent and where it came from.
    pub entry: Entry,
    /// What came of it; `None` where it was begun and nothing more is known.
    pub ended: Option<Ended>,
    /// The SQLSTATE of what went wrong.
    pub sqlstate: Option<String>,
    /// What went wrong.
    pub error: Option<String>,
    /// The run that took it back.
    pub undone_by: Option<i64>,
}

/// Whether a change was carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeState {
    /// It was begun; of a run that is no more it is not known what came of it.
    Begun,
    /// It was.
    Done,
    /// It failed.
    Failed,
}

impl ChangeState {
    /// Returns it as a word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Begun => "begun",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn read(word: &str) -> Self {
        match word {
            "done" => Self::Done,
            "failed" => Self::Failed,
            _ => Self::Begun,
        }
    }
}

/// A backfill in batches, and how far it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backfill {
    /// Its number in this database.
    pub id: i64,
    /// The run that works on it, or did last.
    pub run: i64,
    /// `ensure/020_leaves.sql:3:1`.
    pub location: String,
    /// The rows, in words.
    pub object: String,
    /// `working`, `pausing`, `paused`, `cancelling`, `canceled`, `done`.
    pub state: String,
    /// Which time it goes through the table.
    pub pass: i32,
    /// Pages of the table gone through.
    pub done_pages: u64,
    /// Pages of the table.
    pub pages: u64,
    /// Rows changed.
    pub rows: u64,
    /// When it began.
    pub begun: String,
    /// When it was written last.
    pub updated: String,
}

/// An object as a run has left it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Left {
    /// Its schema.
    pub schema: String,
    /// The table, view or other relation that it is or belongs to.
    pub relation: Option<String>,
    /// What it is: `table`, `column`, …; empty: nothing that was left of the relation before counts any more.
    pub kind: String,
    /// Its own name.
    pub name: String,
    /// Its definition, as the server prints it; `None`: it is not there.
    pub is: Option<String>,
    /// Whether that was found out: a run that failed did not look.
    pub known: bool,
}

/// Definitions by schema, relation (empty: none), kind and name.
type Definitions<S> = BTreeMap<S, BTreeMap<S, BTreeMap<S, BTreeMap<S, Option<S>>>>>;

/// What a run has left behind, as it is kept: no word twice, as the server takes long over long texts.
#[derive(Serialize, Deserialize)]
struct KeptLeft<S: Ord> {
    known: bool,
    objects: Definitions<S>,
}

/// Returns what a run has left behind as a text.
#[must_use]
pub fn write_left(left: &[Left]) -> String {
    let mut objects: Definitions<&str> = BTreeMap::new();
    for Left { schema, relation, kind, name, is, .. } in left {
        let of_schema = objects.entry(schema).or_default();
        let of_relation = of_schema.entry(relation.as_deref().unwrap_or_default()).or_default();
        of_relation.entry(kind).or_default().insert(name, is.as_deref());
    }
    let known = left.iter().all(|left| left.known || left.kind.is_empty());
    serde_json::to_string(&KeptLeft { known, objects }).unwrap_or_default()
}

/// Reads what [`write_left`] has written; `None` where it is something else.
#[must_use]
pub fn read_left(text: &str) -> Option<Vec<Left>> {
    let KeptLeft { known, objects } = serde_json::from_str::<KeptLeft<String>>(text).ok()?;
    let mut left = Vec::new();
    for (schema, relations) in objects {
        for (relation, kinds) in relations {
            for (kind, names) in kinds {
                left.extend(names.into_iter().map(|(name, is)| Left {
                    schema: schema.clone(),
                    relation: Some(relation.clone()).filter(|relation| !relation.is_empty()),
                    kind: kind.clone(),
                    name,
                    is,
                    known: known && !kind.is_empty(),
                }));
            }
        }
    }
    Some(left)
}

impl Left {
    /// From now on something else counts of a relation.
    #[must_use]
    pub fn anew(relation: &ObjectName) -> Self {
        Self {
            schema: relation.schema.as_str().to_owned(),
            relation: Some(relation.name.as_str().to_owned()),
            ..Self::default()
        }
    }

    /// Returns whether it says of a relation that nothing before counts: it has another name, or went, with all that belonged to it.
    fn ends(&self) -> bool {
        self.kind.is_empty()
            || self.is.is_none() && matches!(self.kind.as_str(), "table" | "view" | "materialized view" | "sequence")
    }
}

/// What a run has left behind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunLeft {
    /// The run.
    pub run: i64,
    /// When it began.
    pub begun: String,
    /// The objects; `None` where it was killed.
    pub left: Option<Vec<Left>>,
    /// Where it was killed: the objects in words that it has changed.
    pub objects: Vec<String>,
}

/// Returns each object as the last run that touched it has left it, with that run, as far as that is known. `runs`: the newest
/// first.
#[must_use]
pub fn last_left(runs: &[RunLeft]) -> Vec<(Left, &RunLeft)> {
    let mut seen = BTreeSet::new();
    let mut ended = BTreeSet::new();
    let mut unknown: Vec<&str> = Vec::new();
    let mut last = Vec::new();
    for run in runs {
        let mut ends = Vec::new();
        for left in run.left.iter().flatten() {
            let relation = (left.schema.as_str(), left.relation.as_deref());
            if left.ends() {
                ends.push(relation);
            }
            if left.kind.is_empty()
                || relation.1.is_some() && ended.contains(&relation)
                || !seen.insert((relation, left.kind.as_str(), left.name.as_str()))
            {
                continue;
            }
            // Of a run that was killed only words are known.
            let named = |words: &&&str| {
                let name = relation.1.unwrap_or(&left.name);
                words.contains(name) && (words.contains(&left.name) || relation.1.is_some())
            };
            if left.known && !unknown.iter().any(|words| named(&words)) {
                last.push((left.clone(), run));
            }
        }
        ended.extend(ends);
        unknown.extend(run.objects.iter().map(String::as_str));
    }
    last
}

/// An object that is not as the last run that touched it has left it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drift {
    /// The object in words.
    pub object: String,
    /// The run.
    pub run: i64,
    /// When it began.
    pub begun: String,
    /// What it was then; `None`: not there.
    pub was: Option<String>,
    /// What it is now; `None`: not there.
    pub is: Option<String>,
    /// When something of its relation was changed last, where the server keeps such times.
    pub changed: Option<String>,
}

/// What is wanted of the history.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// This run alone, with its changes.
    pub run: Option<i64>,
    /// Runs that changed something for a script whose path holds this.
    pub script: Option<String>,
    /// Runs that changed an object whose name holds this.
    pub object: Option<String>,
    /// Runs on a machine whose name holds this.
    pub host: Option<String>,
    /// Runs that began after this: a date or time as PostgreSQL reads it, or an interval before now.
    pub since: Option<String>,
    /// Most runs.
    pub limit: u32,
}

/// Old values of rows that are kept for a rollback.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeptValues {
    /// The table whose rows they were in.
    pub of: String,
    /// The table in which they are.
    pub place: String,
    /// The size of that, in bytes.
    pub bytes: u64,
    /// From when on a later run drops them.
    pub until: String,
}

/// What the journal remembers, newest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    /// The runs.
    pub runs: Vec<Run>,
    /// The changes of the one run that was asked for.
    pub changes: Vec<Change>,
    /// Backfills that are not done.
    pub backfills: Vec<Backfill>,
    /// Old values that are kept.
    pub kept: Vec<KeptValues>,
    /// What others have changed since.
    pub drift: Vec<Drift>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_without_an_outcome_works_or_was_killed() {
        assert_eq!(RunState::of(None, true), RunState::Working);
        assert_eq!(RunState::of(None, false), RunState::Interrupted);
        assert_eq!(RunState::of(Some("done"), true), RunState::Done);
        assert_eq!(RunState::of(Some("lock-timeout"), false).word(), "lock-timeout");
    }

    #[test]
    fn the_last_run_that_touched_an_object_counts() {
        let left = |kind: &str, name: &str, is: Option<&str>| Left {
            schema: "public".to_owned(),
            relation: Some("t".to_owned()),
            kind: kind.to_owned(),
            name: name.to_owned(),
            is: is.map(str::to_owned),
            known: true,
        };
        let run = |run, left: Vec<Left>| RunLeft { run, left: Some(left), ..RunLeft::default() };
        let told = |runs: &[RunLeft]| {
            last_left(runs).into_iter().map(|(left, run)| (left.name, left.is, run.run)).collect::<Vec<_>>()
        };
        let (old, new) = (Some("integer".to_owned()), Some("bigint".to_owned()));
        let first = run(1, vec![left("column", "a", old.as_deref()), left("column", "b", old.as_deref())]);
        let second = run(2, vec![left("column", "a", new.as_deref())]);
        assert_eq!(
            told(&[second.clone(), first.clone()]),
            [("a".to_owned(), new.clone(), 2), ("b".to_owned(), old.clone(), 1)]
        );
        // The table went, and came again without b.
        let gone = run(2, vec![left("table", "t", None)]);
        assert_eq!(told(&[gone.clone(), first.clone()]), [("t".to_owned(), None, 2)]);
        let renamed = run(2, vec![Left { kind: String::new(), ..left("", "", None) }]);
        assert_eq!(told(&[renamed, first.clone()]), []);
        let failed = run(2, vec![Left { known: false, ..left("column", "a", None) }]);
        assert_eq!(told(&[failed, first.clone()]), [("b".to_owned(), old.clone(), 1)]);
        let killed = RunLeft { run: 2, objects: vec!["column public.t.b".to_owned()], ..RunLeft::default() };
        assert_eq!(told(&[killed, first]), []);
    }

    #[test]
    fn what_was_left_is_read_as_it_was_written() {
        let left = |relation: Option<&str>, kind: &str, name: &str, is: Option<&str>| Left {
            schema: "a \"b\"".to_owned(),
            relation: relation.map(str::to_owned),
            kind: kind.to_owned(),
            name: name.to_owned(),
            is: is.map(str::to_owned),
            known: !kind.is_empty(),
        };
        let all = [
            left(None, "enum", "e", Some("'x'")),
            left(Some("t"), "", "", None),
            left(Some("t"), "column", "c", None),
            left(Some("t"), "column", "d", Some("text")),
            left(Some("t"), "table", "t", Some("")),
        ];
        assert_eq!(read_left(&write_left(&all)).as_deref(), Some(all.as_slice()));
        let unknown: Vec<Left> = all.iter().map(|left| Left { known: false, ..left.clone() }).collect();
        assert_eq!(read_left(&write_left(&unknown)), Some(unknown));
        assert_eq!(read_left(&write_left(&[])), Some(Vec::new()));
        assert_eq!(read_left("[]"), None);
    }

    #[test]
    fn states_are_read_as_they_are_written() {
        for state in [ChangeState::Begun, ChangeState::Done, ChangeState::Failed] {
            assert_eq!(ChangeState::read(state.word()), state);
        }
    }
}
