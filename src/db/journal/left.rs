//! What runs have left behind, read from the journal, and when something of a table was changed last.

use diesel::{
    QueryableByName, RunQueryDsl, sql_query,
    sql_types::{Array, BigInt, Nullable, Text},
};

use crate::{
    journal::{RunLeft, read_left},
    pg::{Ident, ObjectName, quote_literal},
};

use super::{super::ServerError, Found, Session, exists, query, recognise};

const LEFT: &str = include_str!("left.sql");
const CHANGED: &str = include_str!("changed.sql");

#[derive(QueryableByName)]
struct LeftRow {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = Text)]
    begun: String,
    #[diesel(sql_type = Nullable<Text>)]
    left_as: Option<String>,
    #[diesel(sql_type = Array<Text>)]
    objects: Vec<String>,
}

#[derive(QueryableByName)]
struct Changed {
    #[diesel(sql_type = BigInt)]
    place: i64,
    #[diesel(sql_type = Nullable<Text>)]
    at: Option<String>,
}

impl Session {
    /// Returns what the last thousand runs have left behind, the newest first; nothing where there is no journal. Read-only, ACCESS
    /// SHARE on its tables.
    ///
    /// # Errors
    /// [`ServerError`].
    pub fn left(&mut self, schema: &Ident) -> Result<Vec<RunLeft>, ServerError> {
        if !exists(self.diesel(), schema)? {
            return Ok(Vec::new());
        }
        let sql = query(LEFT, schema);
        let rows: Vec<LeftRow> = sql_query(&sql).load(self.diesel()).map_err(|error| recognise(&error, &sql))?;
        let run = |row: LeftRow| RunLeft {
            run: row.id,
            begun: row.begun,
            // What a later version has written otherwise is as if it were not known.
            left: row.left_as.as_deref().and_then(read_left),
            objects: row.objects,
        };
        Ok(rows.into_iter().map(run).collect())
    }

    /// Returns when something of each relation was changed last in the catalog: `None` where the server keeps no such times
    /// (`track_commit_timestamp`), or none so old. Read-only.
    ///
    /// # Errors
    /// [`ServerError`].
    pub fn changed_at(&mut self, relations: &[ObjectName]) -> Result<Vec<Option<String>>, ServerError> {
        const KEPT: &str = "SELECT current_setting('track_commit_timestamp') = 'on' AS value";
        let mut times = vec![None; relations.len()];
        let kept: Found = sql_query(KEPT).get_result(self.diesel()).map_err(|error| recognise(&error, KEPT))?;
        if !kept.value || relations.is_empty() {
            return Ok(times);
        }
        let names: Vec<String> = relations.iter().map(|name| quote_literal(&name.to_string())).collect();
        let sql = CHANGED.replace("{names}", &names.join(", "));
        let rows: Vec<Changed> = sql_query(&sql).load(self.diesel()).map_err(|error| recognise(&error, &sql))?;
        for row in rows {
            let place = usize::try_from(row.place).unwrap_or(0);
            if let Some(time) = times.get_mut(place.wrapping_sub(1)) {
                *time = row.at;
            }
        }
        Ok(times)
    }
}
