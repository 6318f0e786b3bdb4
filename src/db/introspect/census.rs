//! Everything in a database, for a rehearsal: what a copy of it is made from, and what a statement changed.

use std::collections::BTreeMap;

use diesel::{
    QueryableByName, RunQueryDsl,
    pg::PgConnection,
    sql_query,
    sql_types::{BigInt, Nullable, Text},
};

use crate::{
    catalog::{CatalogRows, Census, Inventory, Surroundings},
    pg::{Ident, ObjectName, quote_literal},
};

use super::{
    super::{Sent, ServerError},
    SnapshotError, inventory,
};

/// How many tables are counted in one query.
const AT_ONCE: usize = 200;

/// The schemas that are not the server's own.
const SCHEMAS: &str = "SELECT n.nspname::text AS one, NULL::text AS other FROM pg_catalog.pg_namespace n
 WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'";

const EXTENSIONS: &str = "SELECT x.extname::text AS one, n.nspname::text AS other
  FROM pg_catalog.pg_extension x JOIN pg_catalog.pg_namespace n ON n.oid = x.extnamespace WHERE x.extname <> 'plpgsql' ORDER BY x.oid";

const ROLES: &str = "SELECT r.rolname::text AS one, NULL::text AS other FROM pg_catalog.pg_roles r WHERE r.rolname !~ '^pg_' ORDER BY 1";

/// What the session had for them before it was settled.
const SETTINGS: &str = "SELECT current_setting('hrms_migrate.search_path', true) AS one,
       current_setting('hrms_migrate.time_zone', true) AS other";

/// The server's own tables, but for what says the same as others (`pg_depend`), what is about rows (statistics), and what is about
/// other databases.
const CATALOGS: &str = "SELECT c.relname::text AS one, NULL::text AS other FROM pg_catalog.pg_class c
 WHERE c.relnamespace = 'pg_catalog'::regnamespace AND c.relkind = 'r' AND pg_catalog.has_table_privilege(c.oid, 'SELECT')
   AND c.relname NOT IN ('pg_depend', 'pg_shdepend', 'pg_statistic', 'pg_statistic_ext_data', 'pg_init_privs', 'pg_largeobject',
     'pg_database', 'pg_replication_origin', 'pg_subscription')";

/// What of a relation changes with its rows, or with a VACUUM, and says nothing.
const RELATIONS: &str = "SELECT c.oid, c.relname, c.relnamespace, c.reloftype, c.relowner, c.relam, c.reltablespace, c.relpersistence,
       c.relkind, c.relnatts, c.relchecks, c.relrowsecurity, c.relforcerowsecurity, c.relreplident, c.relispartition, c.relacl,
       c.reloptions FROM pg_catalog.pg_class c WHERE c.relnamespace <> 'pg_toast'::regnamespace";

const SETTINGS_HERE: &str = "SELECT s.* FROM pg_catalog.pg_db_role_setting s
 WHERE s.setdatabase IN (0, (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = current_database()))";

const TABLES: &str = "SELECT n.nspname::text AS one, c.relname::text AS other
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND (c.relkind = 'r' OR c.relkind = 'm' AND c.relispopulated)";

#[derive(QueryableByName)]
struct Pair {
    #[diesel(sql_type = Nullable<Text>)]
    one: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    other: Option<String>,
}

#[derive(QueryableByName)]
struct Counted {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = BigInt)]
    rows: i64,
    #[diesel(sql_type = Text)]
    digest: String,
}

fn load<T>(connection: &mut PgConnection, sql: &str) -> Result<Vec<T>, SnapshotError>
where
    T: QueryableByName<diesel::pg::Pg> + 'static,
{
    sql_query(sql)
        .load(connection)
        .map_err(|error| SnapshotError::Server(Box::new(ServerError::recognise(&error, Sent::new("")))))
}

/// Reads what is in each schema: a query for each of them, in a session that is settled for reading the catalog.
fn schemas(connection: &mut PgConnection) -> Result<BTreeMap<Ident, Inventory>, SnapshotError> {
    let names: Vec<Pair> = load(connection, SCHEMAS)?;
    let names = names.into_iter().filter_map(|pair| pair.one).map(Ident::new);
    names.map(|name| inventory(connection, &name).map(|found| (name, found))).collect()
}

/// Reads what a copy of a database is made from.
///
/// # Errors
/// [`SnapshotError`].
pub fn surroundings(connection: &mut PgConnection) -> Result<Surroundings, SnapshotError> {
    let extensions: Vec<Pair> = load(connection, EXTENSIONS)?;
    let roles: Vec<Pair> = load(connection, ROLES)?;
    let settings: Option<Pair> = load(connection, SETTINGS)?.pop();
    let (search_path, time_zone) = settings.map(|pair| (pair.one, pair.other)).unwrap_or_default();
    Ok(Surroundings {
        schemas: schemas(connection)?,
        extensions: extensions
            .into_iter()
            .filter_map(|pair| Some((Ident::new(pair.one?), Ident::new(pair.other?))))
            .collect(),
        roles: roles.into_iter().filter_map(|pair| pair.one).map(Ident::new).collect(),
        search_path: search_path.unwrap_or_default(),
        time_zone: time_zone.unwrap_or_default(),
    })
}

/// Counts everything; where the server is not `private`, without what concerns all of its databases (roles), which others may change
/// meanwhile. Reads every row of every table, so it is for a database that has next to none.
///
/// # Errors
/// [`SnapshotError`].
pub fn census(connection: &mut PgConnection, private: bool) -> Result<Census, SnapshotError> {
    let schemas = schemas(connection)?;
    let names: Vec<Pair> = load(connection, &format!("{CATALOGS} AND (NOT c.relisshared OR {private})"))?;
    let parts: Vec<String> = names
        .into_iter()
        .filter_map(|pair| pair.one)
        .map(|name| {
            let rows = match name.as_str() {
                "pg_class" => RELATIONS.to_owned(),
                "pg_db_role_setting" => SETTINGS_HERE.to_owned(),
                _ => format!("SELECT * FROM pg_catalog.{}", Ident::new(name.as_str())),
            };
            format!(
                "SELECT {} AS name, count(*) AS rows, \
                 coalesce(sum(pg_catalog.hashtextextended(hm_row::text, 0)), 0)::text AS digest FROM ({rows}) AS hm_row",
                quote_literal(&name)
            )
        })
        .collect();
    let counted: Vec<Counted> = load(connection, &parts.join(" UNION ALL "))?;
    let number = |rows: i64| u64::try_from(rows).unwrap_or(0);
    let catalogs =
        counted.into_iter().map(|one| (one.name, CatalogRows { count: number(one.rows), digest: one.digest }));
    let catalogs = catalogs.collect();
    let tables: Vec<Pair> = load(connection, TABLES)?;
    let tables: Vec<ObjectName> = tables
        .into_iter()
        .filter_map(|pair| Some(ObjectName { schema: Ident::new(pair.one?), name: Ident::new(pair.other?) }))
        .collect();
    let mut rows = BTreeMap::new();
    for some in tables.chunks(AT_ONCE) {
        let parts: Vec<String> = some
            .iter()
            .enumerate()
            .map(|(place, table)| format!("SELECT '{place}' AS name, count(*) AS rows, '' AS digest FROM ONLY {table}"))
            .collect();
        for one in load::<Counted>(connection, &parts.join(" UNION ALL "))? {
            if let Some(table) = one.name.parse().ok().and_then(|place: usize| some.get(place)) {
                rows.insert(table.clone(), number(one.rows));
            }
        }
    }
    Ok(Census { schemas, catalogs, rows })
}
