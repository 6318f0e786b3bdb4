//! Everything in a database, counted: for telling what a statement did that is not read.

use std::collections::BTreeMap;

use crate::pg::{Ident, ObjectName};

use super::Inventory;

/// Everything in a database that a statement may change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Census {
    /// What is in each schema, the server's own left out.
    pub schemas: BTreeMap<Ident, Inventory>,
    /// The server's own tables: what no inventory tells shows there.
    pub catalogs: BTreeMap<String, CatalogRows>,
    /// How many rows each table has.
    pub rows: BTreeMap<ObjectName, u64>,
}

/// The rows of one of the server's own tables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CatalogRows {
    /// How many there are.
    pub count: u64,
    /// A number that is the same where they are the same.
    pub digest: String,
}

/// What surrounds the schemas of a database, as far as a copy of it needs that.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// What is in each schema, the server's own left out.
    pub schemas: BTreeMap<Ident, Inventory>,
    /// The extensions with the schema that each is in.
    pub extensions: Vec<(Ident, Ident)>,
    /// The roles of the server, its own left out.
    pub roles: Vec<Ident>,
    /// `search_path`, as the role or database has it.
    pub search_path: String,
    /// `TimeZone`, likewise.
    pub time_zone: String,
}
