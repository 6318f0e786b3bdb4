//! Which hazards are allowed, which sizes count as large, which time-outs apply.

use std::collections::BTreeSet;

use crate::{
    goal::StatementId,
    pg::{Hazard, LockTimeout, StatementTimeout, TableLimits},
};

use super::KeepPolicy;

/// What a plan may do, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// Hazards allowed for every statement, by `--allow`.
    pub allow: BTreeSet<Hazard>,
    /// What counts as large.
    pub limits: TableLimits,
    /// The time-outs of steps.
    pub timeouts: Timeouts,
    /// Opaque statements that this run has carried out already, or that are not asked for now: what they did is unverified.
    pub ran: BTreeSet<StatementId>,
    /// Where old values are kept that a script asks to keep; `None` where nothing is remembered.
    pub keeps: Option<KeepPolicy>,
    /// Only statements that can share one transaction: plain forms.
    pub atomic: bool,
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
