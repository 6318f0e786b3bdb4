//! Rows changed bit by bit: the SQL of one batch, as data.
//!
//! A backfill takes away what its own condition asks for, so that any part of the table may be done in any order, and again:
//! a run that was killed is gone on with by doing the same. That nothing is left is found out at the end by asking.

use crate::pg::{Ident, ObjectName, quote_literal};

use super::{partition::longest_query, size_query};

/// The first version that goes to a page without reading those before it.
pub(super) const FINDS_PAGES: u32 = 14;

/// How the rows of a step are changed: in batches, each in a transaction of its own.
///
/// Source: ONLINE-DDL section D. Ranges of pages were the quickest of all ways measured, quicker than one statement; rows that
/// others move meanwhile are found by asking again, so that it takes several passes where there are some.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batches {
    /// The statement up to and with its condition, to which the bounds of a batch are added.
    pub(super) head: String,
    /// What comes after it: the bounds are added before each part. Empty where the condition is the end.
    pub(super) rest: Vec<String>,
    /// The table.
    pub(super) table: ObjectName,
    /// Whether it is partitioned: a batch is then the same range of pages of every partition.
    pub(super) partitioned: bool,
    /// The primary key, where batches go by it; otherwise they are ranges of pages.
    pub(super) key: Option<Vec<Ident>>,
    /// The query that says whether a row is left.
    pub(super) probe: String,
    /// Rows on a page, or on the page of each partition together; estimated.
    pub(super) rows_per_page: u64,
    /// Rows of a batch, where the script says it.
    pub(super) rows: Option<u64>,
    /// Whether the table is so large that the space of the old rows is given back on the way.
    pub(super) vacuums: bool,
    /// Whether the session works as a replica meanwhile, so that triggers of others do not fire.
    pub(super) replica: bool,
}

impl Batches {
    /// Returns the query for whether a row is left: one boolean.
    #[must_use]
    pub fn probe(&self) -> &str {
        &self.probe
    }

    /// Returns the table.
    #[must_use]
    pub const fn table(&self) -> &ObjectName {
        &self.table
    }

    /// Returns what is the same for the same work on the same table, and different otherwise.
    #[must_use]
    pub fn identity(&self) -> String {
        format!("{}\n{}", self.table, self.head)
    }

    /// Returns whether the session works as a replica meanwhile: what is written is nothing that triggers of others should see.
    #[must_use]
    pub const fn as_replica(&self) -> bool {
        self.replica
    }

    /// Returns the query for the number of pages; of a partitioned table those of its largest partition.
    #[must_use]
    pub fn pages(&self) -> String {
        if self.partitioned { longest_query(&self.table) } else { size_query(&self.table) }
    }

    /// Returns whether batches go by the primary key: on servers before 14, which read the whole table to find a page.
    #[must_use]
    pub const fn goes_by_key(&self) -> bool {
        self.key.is_some()
    }

    /// Returns how many rows a page holds, at least one.
    #[must_use]
    pub fn rows_per_page(&self) -> u64 {
        self.rows_per_page.max(1)
    }

    /// Returns how many rows a batch has, where the script says it.
    #[must_use]
    pub const fn rows(&self) -> Option<u64> {
        self.rows
    }

    /// Returns the statement for the rows on the pages from one on and before another.
    #[must_use]
    pub fn of_pages(&self, from: u64, to: u64) -> String {
        let bounds = format!(" AND ctid >= '({from},0)' AND ctid < '({to},0)'");
        self.within(&bounds, &bounds)
    }

    /// Returns the query for the key that is `rows` rows after another, as a JSON array of texts; no row, where there are fewer.
    #[must_use]
    pub fn boundary(&self, after: Option<&[String]>, rows: u64) -> String {
        let columns = self.columns();
        let texts: Vec<String> = self.key.iter().flatten().map(|column| format!("k.{column}::text")).collect();
        let condition = after.map(|after| format!(" WHERE {}", self.compare(">", after))).unwrap_or_default();
        format!(
            "SELECT pg_catalog.json_build_array({}) FROM (SELECT {columns} FROM {}{condition} ORDER BY {columns} OFFSET {} LIMIT 1) k",
            texts.join(", "),
            self.table,
            rows.saturating_sub(1)
        )
    }

    /// Returns the statement for the rows after one key and up to another; all further ones, where there is none.
    #[must_use]
    pub fn of_keys(&self, after: Option<&[String]>, to: Option<&[String]>) -> String {
        let after = after.map(|after| format!(" AND {}", self.compare(">", after))).unwrap_or_default();
        let to = to.map(|to| format!(" AND {}", self.compare("<=", to))).unwrap_or_default();
        // Of a comparison of several columns the server takes the first for the whole: it would read both sides in full to join
        // them. Without it the key finds each row.
        self.within(&format!("{after}{to}"), "")
    }

    /// Returns the statement that gives the space of old rows back, where the table is large enough for that.
    #[must_use]
    pub fn vacuum(&self) -> Option<String> {
        // Cutting off empty pages would need a strong lock.
        self.vacuums.then(|| format!("VACUUM (SKIP_LOCKED, TRUNCATE OFF) {}", self.table))
    }

    /// Returns the statement with the bounds where the rows are found, and with others in each place after that.
    fn within(&self, first: &str, others: &str) -> String {
        let mut sql = format!("{}{first}", self.head);
        for (place, part) in self.rest.iter().enumerate() {
            sql.push_str(part);
            sql.push_str(if place + 1 < self.rest.len() { others } else { "" });
        }
        sql
    }

    fn columns(&self) -> String {
        self.key.iter().flatten().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    }

    fn compare(&self, operator: &str, values: &[String]) -> String {
        let values: Vec<String> = values.iter().map(|value| quote_literal(value)).collect();
        format!("({}) {operator} ({})", self.columns(), values.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batches(key: &[&str]) -> Batches {
        Batches {
            head: "UPDATE t SET a = 1 WHERE (a IS NULL\n)".to_owned(),
            rest: Vec::new(),
            table: ObjectName { schema: Ident::new("public"), name: Ident::new("t") },
            partitioned: false,
            key: (!key.is_empty()).then(|| key.iter().copied().map(Ident::new).collect()),
            probe: "SELECT EXISTS (SELECT 1 FROM t WHERE a IS NULL\n)".to_owned(),
            rows_per_page: 0,
            rows: None,
            vacuums: true,
            replica: false,
        }
    }

    #[test]
    fn a_batch_is_a_range_of_pages() {
        let batches = batches(&[]);
        assert_eq!(
            batches.of_pages(0, 128),
            "UPDATE t SET a = 1 WHERE (a IS NULL\n) AND ctid >= '(0,0)' AND ctid < '(128,0)'"
        );
        assert_eq!(batches.rows_per_page(), 1);
        assert_eq!(batches.vacuum().as_deref(), Some("VACUUM (SKIP_LOCKED, TRUNCATE OFF) public.t"));
    }

    #[test]
    fn bounds_stand_where_rows_are_found_and_pages_wherever_they_are_read() {
        let rest = || vec![" FOR UPDATE) k WHERE t.id = k.id".to_owned(), " RETURNING 1".to_owned()];
        let of =
            |key: &[&str]| Batches { head: "UPDATE … (… WHERE (a\n)".to_owned(), rest: rest(), ..batches(key) };
        assert_eq!(
            of(&["id"]).of_keys(None, Some(&["8".to_owned()])),
            "UPDATE … (… WHERE (a\n) AND (id) <= ('8') FOR UPDATE) k WHERE t.id = k.id RETURNING 1"
        );
        assert_eq!(
            of(&[]).of_pages(0, 8),
            "UPDATE … (… WHERE (a\n) AND ctid >= '(0,0)' AND ctid < '(8,0)' FOR UPDATE) k WHERE t.id = k.id AND ctid >= '(0,0)' AND \
             ctid < '(8,0)' RETURNING 1"
        );
    }

    #[test]
    fn a_batch_is_a_range_of_keys_with_their_values_quoted() {
        let batches = batches(&["id", "Part"]);
        let key = ["1".to_owned(), "o'clock".to_owned()];
        assert_eq!(
            batches.boundary(Some(&key), 100),
            "SELECT pg_catalog.json_build_array(k.id::text, k.\"Part\"::text) FROM (SELECT id, \"Part\" FROM public.t WHERE \
             (id, \"Part\") > ('1', 'o''clock') ORDER BY id, \"Part\" OFFSET 99 LIMIT 1) k"
        );
        assert_eq!(
            batches.of_keys(None, Some(&key)),
            "UPDATE t SET a = 1 WHERE (a IS NULL\n) AND (id, \"Part\") <= ('1', 'o''clock')"
        );
        assert_eq!(
            batches.of_keys(Some(&key), None),
            "UPDATE t SET a = 1 WHERE (a IS NULL\n) AND (id, \"Part\") > ('1', 'o''clock')"
        );
    }
}
