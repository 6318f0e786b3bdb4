//! What every session of ours has in common, whoever opens it.

/// The two halves of the key of our advisory lock: "HRMS" in ASCII, and the first 31 bits of the SHA-256 of `hrms_migrate`. The
/// session that works holds the next key besides.
///
/// Invariant: it never changes. It is how runners of all versions meet.
pub const RUNNER_LOCK: (i32, i32) = (0x4852_4D53, 0x39D8_7B10);

/// The settings under which scripts are looked at and carried out, apart from search path, time zone and limits.
///
/// `row_security`: a check or a backfill that silently saw fewer rows than a change of type does would lose values; the server
/// refuses instead.
pub const SESSION_SETTINGS: [(&str, &str); 10] = [
    ("DateStyle", "ISO, YMD"),
    ("IntervalStyle", "postgres"),
    ("extra_float_digits", "1"),
    ("bytea_output", "hex"),
    ("quote_all_identifiers", "off"),
    ("standard_conforming_strings", "on"),
    ("lc_monetary", "C"),
    ("client_encoding", "UTF8"),
    ("jit", "off"),
    ("row_security", "off"),
];
