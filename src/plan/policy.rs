//! Which hazards are allowed, which sizes count as large, which time-outs apply.

use std::collections::BTreeSet;

use crate::{
    goal::StatementId,
    pg::{Hazard, LockTimeout, StatementTimeout},
};

/// What a plan may do, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// Hazards allowed for every statement, by `--allow`.
    pub allow: BTreeSet<Hazard>,
    /// What counts as large.
    pub limits: Limits,
    /// The time-outs of steps.
    pub timeouts: Timeouts,
    /// Opaque statements that this run has carried out already, or that are not asked for now: what they did is unverified.
    pub ran: BTreeSet<StatementId>,
    /// Only statements that can share one transaction: plain forms.
    pub atomic: bool,
}

/// From which size on a table counts as large.
///
/// Source: ONLINE-DDL sections A.4.3 and D.2: half a second of work on the machine they were measured on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Pages from which an index is built concurrently.
    pub scan_pages: u64,
    /// Rows from which an index is built concurrently.
    pub scan_rows: u64,
    /// Pages from which a rewrite has to be allowed.
    pub rewrite_pages: u64,
    /// Pages from which the space of old rows is given back while rows are changed in batches: it takes as long again as
    /// the batches.
    pub vacuum_pages: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { scan_pages: 2_000, scan_rows: 50_000, rewrite_pages: 4_000, vacuum_pages: 131_072 }
    }
}

/// The time-outs of steps by what they cost. Source: DESIGN section 4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// The wait for a lock, of one attempt.
    pub lock: LockTimeout,
    /// The wait of a batch for a row: the rows that it has changed by then are held meanwhile.
    pub row: LockTimeout,
    /// A change of the catalog alone.
    pub catalog: StatementTimeout,
    /// A plain scan, index build or small rewrite.
    pub scan: StatementTimeout,
    /// What the script allows to take long.
    pub long: StatementTimeout,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            lock: LockTimeout::from_millis(1_500),
            row: LockTimeout::from_millis(500),
            catalog: StatementTimeout::from_millis(5_000),
            scan: StatementTimeout::from_millis(60_000),
            long: StatementTimeout::NONE,
        }
    }
}
