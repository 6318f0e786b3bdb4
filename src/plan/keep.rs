//! Old values of a backfill's rows: where they are kept, how they come there, and the statement that brings them back.
//!
//! A table in the journal's schema holds, for each run and row, the key, the values that were there and those that were written.
//! Types of the database's own are kept as text: nothing that is kept may stand in the way of a `DROP TYPE`.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use crate::{
    diagnostic::Code,
    goal::{Backfill, StatementGoals},
    pg::{Ident, ObjectName, TypeName, quote_literal},
};

use super::{
    Act, Batches, Form, Planner, Size, Sql, Transaction, Verb,
    batch::FINDS_PAGES,
    online::{Choice, Fill},
};

/// Where old values are kept, and how much of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeepPolicy {
    /// The journal's schema.
    pub schema: Ident,
    /// The most that one table of them may take, in bytes.
    pub most: u64,
}

/// The old values of one statement's rows, as they are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The table whose rows are filled.
    table: ObjectName,
    /// The table that keeps their old values.
    place: ObjectName,
    most: u64,
    key: Vec<KeptColumn>,
    values: Vec<KeptColumn>,
}

/// A column of a row that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
struct KeptColumn {
    name: Ident,
    type_name: TypeName,
}

impl KeptColumn {
    /// Returns a value of the column as it is kept.
    fn kept(&self, value: &str) -> String {
        if self.type_name.is_builtin() { value.to_owned() } else { format!("{value}::text") }
    }

    /// Returns a value that is kept as the column has it.
    fn restored(&self, value: &str) -> String {
        if self.type_name.is_builtin() { value.to_owned() } else { format!("{value}::{}", self.type_name) }
    }
}

impl Kept {
    /// Returns the table in the journal's schema.
    #[must_use]
    pub const fn place(&self) -> &ObjectName {
        &self.place
    }

    /// Returns the table whose old values these are.
    #[must_use]
    pub const fn table(&self) -> &ObjectName {
        &self.table
    }

    /// Returns a query that has a row where more is kept than may be.
    #[must_use]
    pub fn is_too_much(&self) -> String {
        let place = quote_literal(&self.place.to_string());
        format!("SELECT 1 WHERE pg_catalog.pg_total_relation_size({place}) > {}", self.most)
    }

    /// Returns the number of a run as [`inverse`](Self::inverse) and [`changed_since`](Self::changed_since) have it: that of the last
    /// run that kept something. Whoever knows the run puts its number in its place.
    #[must_use]
    pub fn last_run(place: &str) -> String {
        format!("(SELECT max(run) FROM {place})")
    }

    /// Returns the statement that brings the old values back, as a script says it. What is brought back is no longer kept; a row
    /// that holds another value than the one written stays as it is.
    #[must_use]
    pub fn inverse(&self) -> String {
        let (table, place, run) = (&self.table, &self.place, Self::last_run(&self.place.to_string()));
        let values: Vec<String> = (1..)
            .zip(&self.values)
            .map(|(number, column)| format!("{} = {}", column.name, column.restored(&format!("k.old_{number}"))))
            .collect();
        format!(
            "-- ensure:allow blocking-lock -- the rows that are kept are all there is to change\n\
             -- ensure:when {}\n\
             {TAKING}{place}{OF_RUN}{run}{TAKEN}\n\
             {UPDATING}{table} t SET {} FROM k WHERE {}",
            left(&place.to_string(), &run),
            values.join(", "),
            self.is_as_written()
        )
    }

    /// Returns the query for how many of the rows have been changed since, or are gone.
    #[must_use]
    pub fn changed_since(&self) -> String {
        let (table, place) = (&self.table, &self.place);
        format!(
            "SELECT count(*) FROM {place} k WHERE k.run = {} AND NOT EXISTS (SELECT FROM {table} t WHERE {})",
            Self::last_run(&place.to_string()),
            self.is_as_written()
        )
    }

    /// The condition under which row `t` is the one kept as `k`, with the values that were written.
    fn is_as_written(&self) -> String {
        let key = (1..).zip(&self.key).map(|(number, column)| {
            let (name, value) = (format!("t.{}", column.name), format!("k.key_{number}"));
            if column.type_name.is_builtin() { format!("{name} = {value}") } else { is_same(&name, &value) }
        });
        let values = (1..)
            .zip(&self.values)
            .map(|(number, column)| is_same(&format!("t.{}", column.name), &format!("k.new_{number}")));
        key.chain(values).collect::<Vec<_>>().join(" AND ")
    }

    /// Returns the statements that make the table which keeps the values, where it is not there.
    fn making(&self) -> String {
        let (table, place) = (&self.table, &self.place);
        let column = |(number, column): (usize, &KeptColumn), name: &str| {
            format!("{} AS {name}_{number}", column.kept(&format!("t.{}", column.name)))
        };
        let columns: Vec<String> = (1..)
            .zip(&self.key)
            .map(|one| column(one, "key"))
            .chain((1..).zip(&self.values).map(|one| column(one, "old")))
            .chain((1..).zip(&self.values).map(|one| column(one, "new")))
            .collect();
        format!(
            "CREATE TABLE IF NOT EXISTS {place} AS SELECT 0::bigint AS run, {} FROM {table} t WITH NO DATA;\n\
             CREATE UNIQUE INDEX IF NOT EXISTS {}_key ON {place} ({})",
            columns.join(", "),
            place.name,
            self.identity()
        )
    }

    /// The columns by which a row that is kept is known.
    fn identity(&self) -> String {
        std::iter::once("run".to_owned())
            .chain((1..=self.key.len()).map(|number| format!("key_{number}")))
            .collect::<Vec<_>>()
            .join(", ")
    }

    /// Returns the statement that fills rows and keeps what was there, as it is written up to each place where the bounds of a batch
    /// are added, and after the last of them.
    ///
    /// The rows are locked before they are changed, so that what is kept is what the change replaces, whatever others do; what
    /// RETURNING says is what triggers leave.
    fn filling(&self, statement: &StatementGoals, goal: &Backfill) -> (Sql, String, String) {
        let who = goal.alias.as_ref().unwrap_or(&goal.table.name);
        let alias = goal.alias.as_ref().map(|alias| format!(" AS {alias}")).unwrap_or_default();
        let start = statement.span.start;
        let change = statement.text.get(..goal.values_end - start).unwrap_or_default();
        let numbered = |columns: &[KeptColumn], letter: char| -> Vec<String> {
            let one =
                |(number, column): (usize, &KeptColumn)| format!("{who}.{} AS __hm_{letter}{number}", column.name);
            (1..).zip(columns).map(one).collect()
        };
        let read = [numbered(&self.key, 'k'), numbered(&self.values, 'o')].concat().join(", ");
        let head = Sql::new("WITH __hm_changed AS (\n")
            .source(change, start)
            .push(&format!("\nFROM (SELECT {read} FROM {}{alias} WHERE (", self.table))
            .source(&goal.predicate, goal.condition.start)
            .push("\n)");
        let same: Vec<String> = (1..)
            .zip(&self.key)
            .map(|(number, column)| format!("{who}.{} = __hm.__hm_k{number}", column.name))
            .collect();
        let middle = format!(" FOR NO KEY UPDATE) __hm WHERE {}", same.join(" AND "));
        let numbers = || 1..=self.values.len();
        let columns = |name: &str| numbers().map(|number| format!("{name}_{number}")).collect::<Vec<_>>().join(", ");
        let values = |columns: &[KeptColumn], letter: char| -> Vec<String> {
            (1..).zip(columns).map(|(number, column)| column.kept(&format!("__hm_{letter}{number}"))).collect()
        };
        let written =
            [values(&self.key, 'k'), values(&self.values, 'o'), values(&self.values, 'n')].concat().join(", ");
        let taken = ["old", "new"].map(|name| {
            let one = |number| format!("{name}_{number} = EXCLUDED.{name}_{number}");
            numbers().map(one).collect::<Vec<_>>().join(", ")
        });
        let (place, runs) = (&self.place, self.place.sibling(Ident::new("runs")));
        // One run at a time changes a database: the one that has not ended, or else the next one, whose row comes with its change.
        let tail = format!(
            " RETURNING __hm.*, {})\nINSERT INTO {place} ({}, {}, {})\nSELECT (SELECT coalesce(min(id) FILTER (WHERE outcome IS \
             NULL), max(id) + 1, 1) FROM {runs}), {written} FROM __hm_changed\nON CONFLICT ({}) DO UPDATE SET {}",
            numbered(&self.values, 'n').join(", "),
            self.identity(),
            columns("old"),
            columns("new"),
            self.identity(),
            taken.join(", ")
        );
        (head, middle, tail)
    }
}

/// How [`Kept::inverse`] begins, goes on, and takes the old values that it brings back out of their table.
const TAKING: &str = "WITH k AS (DELETE FROM ";
const OF_RUN: &str = " WHERE run = ";
const TAKEN: &str = " RETURNING *)";
const UPDATING: &str = "UPDATE ";

/// Returns the query for whether old values of a run are left.
fn left(place: &str, run: &str) -> String {
    format!("SELECT EXISTS (SELECT FROM {place}{OF_RUN}{run})")
}

/// The parts of a statement that brings old values back, as [`Kept::inverse`] says it.
#[derive(Debug, PartialEq, Eq)]
struct Returning<'a> {
    place: ObjectName,
    /// The table whose rows get them back.
    table: &'a str,
    /// Up to and with the condition for the rows that are kept.
    head: &'a str,
    /// What comes after it.
    rest: &'a str,
    probe: String,
    /// The columns by which a row that is kept is known.
    key: Vec<Ident>,
}

impl<'a> Returning<'a> {
    /// Reads a statement; `None` where it is another one.
    fn read(text: &'a str, schema: &Ident) -> Option<Self> {
        let (place, run) = text.strip_prefix(TAKING)?.split_once(OF_RUN)?;
        let own = place.strip_prefix(&format!("{schema}."))?;
        let digits = own.strip_prefix("old_").filter(|digits| digits.len() == 12)?;
        let (run, rest) = run.split_once(TAKEN)?;
        if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) || run.parse::<i64>().is_err() {
            return None;
        }
        let keys = (1..).map(|number| format!("key_{number}"));
        let keys = keys.take_while(|key| rest.contains(&format!("k.{key}"))).map(Ident::new);
        Some(Self {
            place: ObjectName { schema: schema.clone(), name: Ident::new(own) },
            table: rest.trim_start().strip_prefix(UPDATING)?.split_once(" t SET ")?.0,
            head: &text[..text.len() - TAKEN.len() - rest.len()],
            rest: &text[text.len() - TAKEN.len() - rest.len()..],
            probe: left(place, run),
            key: std::iter::once(Ident::new("run")).chain(keys).collect(),
        })
    }
}

/// The condition under which a value is the one that is kept. Texts are compared, byte by byte: not every type has an equality, and
/// one that calls other spellings the same says too little.
fn is_same(value: &str, kept: &str) -> String {
    format!("({value}::text COLLATE \"C\") IS NOT DISTINCT FROM ({kept}::text COLLATE \"C\")")
}

impl Planner<'_> {
    /// Returns what a statement brings back, in words, the form in which it does, and its batches beside writers, where there are
    /// some; `None` where it is no such statement.
    ///
    /// A batch is a range of pages of the table that keeps them: each row that is kept is found and taken out once, and its own row
    /// by its key, wherever that is.
    pub(super) fn returning(&mut self, statement: &StatementGoals) -> Option<(String, Form, Option<Batches>)> {
        let schema = self.policy.keeps.as_ref()?.schema.clone();
        let Returning { place, table, head, rest, probe, key } = Returning::read(&statement.text, &schema)?;
        let object = format!("old values of {table}");
        let Choice { online, why, size } = self.choose(&place, false);
        if !online {
            return Some((object, Form::Plain(why), None));
        }
        let rows_per_page = match size {
            Size::Large { pages, rows } => rows.0 / pages.max(1),
            Size::New | Size::Small { .. } => 0,
        };
        let batches = Batches {
            head: head.to_owned(),
            rest: vec![rest.to_owned()],
            table: place,
            partitioned: false,
            key: (self.world.server.version.major() < FINDS_PAGES).then_some(key),
            probe,
            rows_per_page,
            rows: self.batch,
            vacuums: false,
            replica: false,
        };
        Some((object, Form::Online(format!("{why}; in batches")), Some(batches)))
    }

    /// Plans the table in which the old values of a backfill are kept, where the script asks for that, and makes the fill keep them.
    /// Nothing where there is no journal. Returns false where they cannot be kept, which is a finding.
    pub(super) fn keep(
        &mut self,
        statement: &StatementGoals,
        goal: &Backfill,
        table: &ObjectName,
        fill: &mut Fill,
    ) -> bool {
        if !self.keep_old {
            return true;
        }
        let state = self.table_state(table);
        let key = state.and_then(|state| state.primary_key()).map(<[Ident]>::to_vec).unwrap_or_default();
        let columns = |names: &[Ident]| -> Vec<KeptColumn> {
            let column = |name: &Ident| state.and_then(|state| state.column(name));
            let kept = |name| column(name).map(|found| (found.name.clone(), found.type_name.clone()));
            names.iter().filter_map(kept).map(|(name, type_name)| KeptColumn { name, type_name }).collect()
        };
        let (key_columns, values) = (columns(&key), columns(&goal.sets));
        let why = if goal.unread {
            "a part of the statement was not read: a query, or a form that is not known"
        } else if key.is_empty() {
            "the table has no primary key by which its rows could be found again"
        } else if goal.sets.iter().any(|column| key.contains(column)) {
            "the statement changes the key by which its rows would be found again"
        } else {
            let Some(policy) = self.policy.keeps.clone() else { return true };
            let kept = Kept::new(&policy, table, &statement.text, key_columns, values);
            self.keep_in(statement, goal, fill, kept);
            return true;
        };
        self.keeps_nothing(statement, table.to_string().as_str(), why);
        false
    }

    /// Tells that the old values of a statement's rows cannot be kept.
    pub(super) fn keeps_nothing(&mut self, statement: &StatementGoals, rows: &str, why: &str) {
        self.find(
            statement.span,
            Code::NotSupported,
            format!("the old values of rows of {rows} cannot be kept"),
            "",
            vec![why.to_owned(), "`-- ensure:keep-old` asks for it; nothing was sent".to_owned()],
            "leave `-- ensure:keep-old` out, or say in SQL what takes the statement back: `-- ensure:down`",
        );
    }

    fn keep_in(&mut self, statement: &StatementGoals, goal: &Backfill, fill: &mut Fill, kept: Kept) {
        let act = Act {
            verb: Verb::Add,
            object: format!("table {} for old values of {}", kept.place, kept.table),
            table: None,
            form: Form::CatalogOnly,
            lock: None,
            timeout: self.policy.timeouts.catalog,
            hazards: Vec::new(),
            transaction: Transaction::Shared,
        };
        self.step(statement.span, Sql::new(kept.making()), act);
        let (head, middle, tail) = kept.filling(statement, goal);
        fill.head = Some(head.text.clone());
        fill.sql = head.push(&middle).push(&tail);
        fill.rest = vec![middle, tail];
        fill.keeps = Some(kept);
    }
}

impl Kept {
    fn new(
        policy: &KeepPolicy,
        table: &ObjectName,
        statement: &str,
        key: Vec<KeptColumn>,
        values: Vec<KeptColumn>,
    ) -> Self {
        // Another statement, or the same one over other types, keeps its values elsewhere.
        let mut hasher = Sha256::new();
        let types = key.iter().chain(&values).map(|column| format!("{} {}", column.name, column.type_name));
        let words = statement.split_whitespace().map(str::to_owned);
        for word in std::iter::once(table.to_string()).chain(types).chain(words) {
            hasher.update(word.as_bytes());
            hasher.update([0]);
        }
        let digest = hasher.finalize().iter().take(6).fold(String::new(), |mut digest, byte| {
            let _ = write!(digest, "{byte:02x}");
            digest
        });
        let place = ObjectName { schema: policy.schema.clone(), name: Ident::new(format!("old_{digest}")) };
        Self { table: table.clone(), place, most: policy.most, key, values }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(statement: &str, type_name: &str) -> Kept {
        let column = |name: &str, type_name: &str| KeptColumn {
            name: Ident::new(name),
            type_name: TypeName::parse(type_name).unwrap(),
        };
        let table = ObjectName { schema: Ident::new("public"), name: Ident::new("t") };
        let policy = KeepPolicy { schema: Ident::new("The journal"), most: 7 };
        Kept::new(&policy, &table, statement, vec![column("Id", "integer")], vec![column("a", type_name)])
    }

    #[test]
    fn a_table_is_of_one_statement_whatever_its_spaces() {
        let one = kept("UPDATE t SET a = 'x' WHERE a IS NULL", "text");
        assert_eq!(one.place(), kept("UPDATE t\n  SET a = 'x'  WHERE a IS NULL", "text").place());
        assert_ne!(one.place(), kept("UPDATE t SET a = 'y' WHERE a IS NULL", "text").place());
        assert_ne!(one.place(), kept("UPDATE t SET a = 'x' WHERE a IS NULL", "integer").place());
        assert!(one.place().name.as_str().starts_with("old_") && one.place().name.as_str().len() == 16);
    }

    #[test]
    fn what_brings_old_values_back_is_read_as_it_was_written() {
        let kept = kept("UPDATE t SET a = 'x' WHERE a IS NULL", "text");
        let inverse = kept.inverse().replace(&Kept::last_run(&kept.place().to_string()), "7");
        let statement = inverse.lines().filter(|line| !line.starts_with("--")).collect::<Vec<_>>().join("\n");
        let schema = Ident::new("The journal");
        let returning = Returning::read(&statement, &schema).unwrap();
        assert_eq!(returning.place, *kept.place());
        assert_eq!(returning.head, format!("WITH k AS (DELETE FROM {} WHERE run = 7", kept.place()));
        assert_eq!(format!("{}{}", returning.head, returning.rest), statement);
        assert_eq!(returning.table, "public.t");
        assert_eq!(returning.key, ["run", "key_1"].map(Ident::new));
        assert!(inverse.contains(&returning.probe), "{inverse}");
        assert_eq!(Returning::read(&statement, &Ident::new("other")), None);
        assert_eq!(Returning::read(&statement.replace("run = 7", "run = 7 OR true"), &schema), None);
        assert_eq!(Returning::read(&statement.replace(".old_", ".young_"), &schema), None);
    }

    #[test]
    fn types_of_the_database_are_kept_as_text() {
        let (own, builtin) = (kept("UPDATE", "public.mood"), kept("UPDATE", "numeric"));
        assert!(own.making().contains("t.a::text AS old_1, t.a::text AS new_1"), "{}", own.making());
        assert!(own.inverse().contains("SET a = k.old_1::public.mood FROM"), "{}", own.inverse());
        assert!(builtin.making().contains("t.\"Id\" AS key_1, t.a AS old_1, t.a AS new_1"), "{}", builtin.making());
        assert!(
            builtin.inverse().contains("SET a = k.old_1 FROM k WHERE t.\"Id\" = k.key_1 AND"),
            "{}",
            builtin.inverse()
        );
        assert!(own.is_too_much().contains("'\"The journal\".old_"), "{}", own.is_too_much());
    }
}
