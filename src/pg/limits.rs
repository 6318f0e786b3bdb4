//! Locks, time-outs, counts and versions, each with its unit in its type.

use std::{fmt, time::Duration};

/// A table lock mode. Ordered by strength.
///
/// Source: manual, "Explicit Locking", table 13.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LockMode {
    /// Taken by reading.
    AccessShare,
    /// Taken by `SELECT … FOR UPDATE` and by the referenced side of validating a foreign key.
    RowShare,
    /// Taken by `INSERT`, `UPDATE`, `DELETE`.
    RowExclusive,
    /// Taken by `CREATE INDEX CONCURRENTLY`, `VALIDATE CONSTRAINT`, `VACUUM`.
    ShareUpdateExclusive,
    /// Taken by `CREATE INDEX`.
    Share,
    /// Taken by `ADD FOREIGN KEY`, `CREATE TRIGGER`.
    ShareRowExclusive,
    /// Taken by `REFRESH MATERIALIZED VIEW CONCURRENTLY`.
    Exclusive,
    /// Taken by most forms of `ALTER TABLE` and by `DROP`.
    AccessExclusive,
}

impl LockMode {
    /// Every mode, the weakest first.
    pub const ALL: [Self; 8] = [
        Self::AccessShare,
        Self::RowShare,
        Self::RowExclusive,
        Self::ShareUpdateExclusive,
        Self::Share,
        Self::ShareRowExclusive,
        Self::Exclusive,
        Self::AccessExclusive,
    ];

    /// Returns whether two sessions cannot hold these modes at once.
    ///
    /// Source: manual, "Conflicting Lock Modes".
    #[must_use]
    pub const fn conflicts_with(self, other: Self) -> bool {
        let (weak, strong) = if (self as u8) < (other as u8) { (self, other) } else { (other, self) };
        match strong {
            Self::AccessShare | Self::RowShare | Self::RowExclusive => false,
            Self::ShareUpdateExclusive => matches!(weak, Self::ShareUpdateExclusive),
            // The one mode that two sessions may hold although it stops what is weaker.
            Self::Share => matches!(weak, Self::RowExclusive | Self::ShareUpdateExclusive),
            Self::ShareRowExclusive => !matches!(weak, Self::AccessShare | Self::RowShare),
            Self::Exclusive => !matches!(weak, Self::AccessShare),
            Self::AccessExclusive => true,
        }
    }

    /// Returns its name in `pg_locks`: `AccessShareLock`.
    #[must_use]
    pub fn catalog_name(self) -> String {
        let words = self.to_string();
        let mut name: String = words
            .split(' ')
            .flat_map(|word| {
                word[..1].chars().chain(word[1..].chars().map(|char| char.to_ascii_lowercase())).collect::<Vec<_>>()
            })
            .collect();
        name.push_str("Lock");
        name
    }

    /// Returns what others cannot do while this lock is held, in plain words.
    #[must_use]
    pub const fn stops(self) -> &'static str {
        match self {
            Self::AccessShare | Self::RowShare | Self::RowExclusive => "stops nobody who reads or writes",
            Self::ShareUpdateExclusive => "stops only other schema changes and VACUUM",
            Self::Share | Self::ShareRowExclusive | Self::Exclusive => "stops writes",
            Self::AccessExclusive => "stops reads and writes",
        }
    }
}

impl fmt::Display for LockMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AccessShare => "ACCESS SHARE",
            Self::RowShare => "ROW SHARE",
            Self::RowExclusive => "ROW EXCLUSIVE",
            Self::ShareUpdateExclusive => "SHARE UPDATE EXCLUSIVE",
            Self::Share => "SHARE",
            Self::ShareRowExclusive => "SHARE ROW EXCLUSIVE",
            Self::Exclusive => "EXCLUSIVE",
            Self::AccessExclusive => "ACCESS EXCLUSIVE",
        })
    }
}

/// What a step may cost. The names are those that `allow` takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Hazard {
    /// The table is written anew under ACCESS EXCLUSIVE.
    Rewrite,
    /// Values are lost.
    DataLoss,
    /// Others wait for longer than a moment.
    BlockingLock,
    /// An object is dropped.
    Drop,
    /// A column moves to the end of its table.
    ColumnReorder,
    /// Running applications may break.
    Breaking,
}

impl Hazard {
    /// Every hazard, in the order of DESIGN section 3.
    pub const ALL: [Self; 6] =
        [Self::Rewrite, Self::DataLoss, Self::BlockingLock, Self::Drop, Self::ColumnReorder, Self::Breaking];

    /// Returns the name that `allow` takes.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rewrite => "rewrite",
            Self::DataLoss => "data-loss",
            Self::BlockingLock => "blocking-lock",
            Self::Drop => "drop",
            Self::ColumnReorder => "column-reorder",
            Self::Breaking => "breaking",
        }
    }
}

/// The longest a statement may wait for a lock, and so the longest that others queue behind it. Milliseconds; 0 waits
/// for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LockTimeout(u64);

/// The longest a statement may run. Milliseconds; 0 is no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct StatementTimeout(u64);

macro_rules! timeout {
    ($name:ident) => {
        impl $name {
            /// No limit.
            pub const NONE: Self = Self(0);

            /// Returns a limit of so many milliseconds; 0 is no limit.
            #[must_use]
            pub const fn from_millis(millis: u64) -> Self {
                Self(millis)
            }

            /// Returns the limit in milliseconds; 0 is no limit.
            #[must_use]
            pub const fn as_millis(self) -> u64 {
                self.0
            }

            /// Returns the limit, if there is one.
            #[must_use]
            pub const fn limit(self) -> Option<Duration> {
                if self.0 == 0 { None } else { Some(Duration::from_millis(self.0)) }
            }
        }
    };
}
timeout!(LockTimeout);
timeout!(StatementTimeout);

/// A number of rows, counted or (where it says so) estimated by the server's statistics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct RowCount(pub u64);

impl fmt::Display for RowCount {
    /// Writes the number in groups of three: `14 210`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.0.to_string();
        for (index, digit) in digits.chars().enumerate() {
            if index > 0 && (digits.len() - index).is_multiple_of(3) {
                f.write_str(" ")?;
            }
            write!(f, "{digit}")?;
        }
        Ok(())
    }
}

/// A server's version as `server_version_num` gives it: 150018 is 15.18.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ServerVersion(pub u32);

impl ServerVersion {
    /// The oldest version this program works with.
    pub const OLDEST: Self = Self(130_000);

    /// Returns the major version, such as 15.
    #[must_use]
    pub const fn major(self) -> u32 {
        self.0 / 10_000
    }
}

impl fmt::Display for ServerVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0 / 10_000, self.0 % 10_000)
    }
}

/// From which size on a table counts as large, for what.
///
/// Source: ONLINE-DDL sections A.4.3 and D.2: half a second of work on the machine they were measured on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableLimits {
    /// Pages from which indexes are built, and rows read and changed, beside writers.
    pub online_pages: u64,
    /// Rows from which the same is done.
    pub online_rows: u64,
    /// Pages from which a rewrite, or another long stop of others, has to be allowed.
    pub hazard_pages: u64,
    /// Pages from which the space of old rows is given back while rows are changed in batches: it takes as long again as
    /// the batches.
    pub vacuum_pages: u64,
}

impl TableLimits {
    /// Returns whether a table counts as large, so that work on it is done beside writers.
    #[must_use]
    pub const fn is_large(&self, pages: u64, rows: RowCount) -> bool {
        pages >= self.online_pages || rows.0 >= self.online_rows
    }
}

impl Default for TableLimits {
    fn default() -> Self {
        Self { online_pages: 2_000, online_rows: 50_000, hazard_pages: 4_000, vacuum_pages: 131_072 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_grouped_by_three() {
        for (count, text) in [(0, "0"), (999, "999"), (1000, "1 000"), (14210, "14 210"), (1_234_567, "1 234 567")] {
            assert_eq!(RowCount(count).to_string(), text);
        }
    }

    #[test]
    fn versions_read_as_people_say_them() {
        assert_eq!(ServerVersion(150_018).to_string(), "15.18");
        assert_eq!(ServerVersion(150_018).major(), 15);
    }
}
