//! Whether replicas and the archive keep up with what a backfill writes.

use serde::Deserialize;

use crate::db::{ServerError, Session};

/// The most that a replica may be behind. Source: ONLINE-DDL section B.4.
const MOST_BYTES: i64 = 64 << 20;
/// The longest that a replica may be behind. Source: the same.
const MOST_MILLIS: i64 = 5_000;
/// A lag in time is not of now where hardly anything is left to be replayed.
const LEAST_BYTES: i64 = 1 << 20;

/// How far behind a server its replicas and its archive are.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Replication {
    /// Replicas of which this role may not see more.
    hidden: u64,
    replicas: Vec<Follower>,
    slots: Vec<Follower>,
    archive: Option<Archive>,
}

#[derive(Debug, Deserialize)]
struct Follower {
    name: String,
    bytes: i64,
    #[serde(default)]
    millis: i64,
    /// Bytes from which on a slot is given up.
    #[serde(default)]
    kept: i64,
}

/// WAL that is not archived yet.
#[derive(Debug, Deserialize)]
struct Archive {
    bytes: i64,
    /// `max_wal_size`: as much as the server is made for.
    kept: i64,
}

impl Replication {
    /// Asks the server. Where it does not say, nothing is known of any replica. Locks: none. Cost: one round trip.
    ///
    /// # Errors
    /// That the connection was lost.
    pub(super) fn of(session: &mut Session) -> Result<Self, ServerError> {
        match session.value(crate::db::REPLICATION) {
            Ok(text) => Ok(text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default()),
            Err(error) if error.is_connection_lost() => Err(error),
            Err(_) => Ok(Self::default()),
        }
    }

    /// Returns whether there are replicas of which nothing can be seen.
    pub(super) const fn is_hidden(&self) -> bool {
        self.hidden > 0
    }

    /// Returns who has to catch up first, in words.
    pub(super) fn behind(&self) -> Option<String> {
        let late = |replica: &&Follower| {
            replica.bytes > MOST_BYTES || (replica.millis > MOST_MILLIS && replica.bytes > LEAST_BYTES)
        };
        let replica = self.replicas.iter().filter(late).max_by_key(|replica| replica.bytes);
        let slot = self.slots.iter().find(|slot| slot.bytes > slot.kept / 2);
        let archive = self.archive.as_ref().filter(|archive| archive.bytes > archive.kept / 2);
        replica
            .map(|replica| format!("replica \"{}\" is {} MB behind", replica.name, replica.bytes >> 20))
            .or_else(|| slot.map(|slot| format!("slot \"{}\" holds back {} MB", slot.name, slot.bytes >> 20)))
            .or_else(|| archive.map(|archive| format!("{} MB of WAL are not archived yet", archive.bytes >> 20)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Replication {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn who_is_far_behind_is_waited_for() {
        assert_eq!(Replication::default().behind(), None);
        let mut all = read(
            r#"{"hidden": 1, "slots": [], "replicas": [{"name": "near", "bytes": 900000, "millis": 9000},
                {"name": "slow", "bytes": 2000000, "millis": 6000}, {"name": "far", "bytes": 300000000, "millis": 0}]}"#,
        );
        assert!(all.is_hidden());
        assert_eq!(all.behind().as_deref(), Some("replica \"far\" is 286 MB behind"));
        all.replicas.pop();
        assert_eq!(all.behind().as_deref(), Some("replica \"slow\" is 1 MB behind"));
        all.replicas.pop();
        assert_eq!(all.behind(), None);
    }

    #[test]
    fn a_slot_that_holds_back_half_of_what_is_kept_is_waited_for() {
        let slots = |bytes: i64| {
            read(&format!(
                r#"{{"hidden": 0, "replicas": [], "slots": [{{"name": "s", "bytes": {bytes}, "kept": 1000000000}}]}}"#
            ))
        };
        assert_eq!(slots(400_000_000).behind(), None);
        assert_eq!(slots(600_000_000).behind().as_deref(), Some("slot \"s\" holds back 572 MB"));
    }

    #[test]
    fn an_archive_that_has_half_of_what_the_server_keeps_before_it_is_waited_for() {
        let archive = |bytes: i64| {
            read(&format!(
                r#"{{"hidden": 0, "replicas": [], "slots": [], "archive": {{"bytes": {bytes}, "kept": 1073741824}}}}"#
            ))
        };
        assert_eq!(archive(400 << 20).behind(), None);
        assert_eq!(archive(600 << 20).behind().as_deref(), Some("600 MB of WAL are not archived yet"));
    }
}
