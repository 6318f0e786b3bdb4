//! What every session of ours has in common, whoever opens it.

/// The two halves of the key of our advisory lock: "HRMS" in ASCII, and the first 31 bits of the SHA-256 of `hrms_migrate`. The
/// session that works holds the next key besides.
///
/// Invariant: it never changes. It is how runners of all versions meet.
pub const RUNNER_LOCK: (i32, i32) = (0x4852_4D53, 0x39D8_7B10);

/// The settings under which scripts are looked at and carried out, apart from search path, time zone and limits.
pub const SESSION_SETTINGS: &str = include_str!("settings.sql");
