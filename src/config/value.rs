//! Values as people write them.

use std::time::Duration;

/// Reads a duration: `500ms`, `1.5s`, `60s`, `5m`, `1h`, `1d`; a bare number is seconds.
#[must_use]
pub fn parse_duration(text: &str) -> Option<Duration> {
    // PostgreSQL keeps its time-outs as 32-bit milliseconds; what is longer (24 days) is a mistake.
    parse_age(text).filter(|duration| duration.as_millis() <= i32::MAX as u128)
}

/// Reads a duration as [`parse_duration`] does, of up to a hundred years: for how long something is kept.
#[must_use]
pub fn parse_age(text: &str) -> Option<Duration> {
    const LONGEST: f64 = 36_525.0 * 86_400_000.0;
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    if number.is_empty() || number.starts_with('.') || number.ends_with('.') {
        return None;
    }
    let millis_per_unit = match unit.trim() {
        "ms" => 1.0,
        "" | "s" | "sec" => 1_000.0,
        "m" | "min" => 60_000.0,
        "h" => 3_600_000.0,
        "d" => 86_400_000.0,
        _ => return None,
    };
    let millis = number.parse::<f64>().ok()? * millis_per_unit;
    if millis > LONGEST {
        return None;
    }
    // A time-out of half a millisecond must not become 0, which means none.
    let rounded = if millis > 0.0 { millis.round().max(1.0) } else { 0.0 };
    Duration::try_from_secs_f64(rounded / 1_000.0).ok()
}

/// Writes a duration the shortest way that [`parse_duration`] reads back.
#[must_use]
pub fn format_duration(duration: Duration) -> String {
    let millis = duration.as_millis();
    match millis {
        0 => "0".to_owned(),
        _ if millis.is_multiple_of(3_600_000) => format!("{}h", millis / 3_600_000),
        _ if millis.is_multiple_of(60_000) => format!("{}m", millis / 60_000),
        _ if millis.is_multiple_of(1_000) => format!("{}s", millis / 1_000),
        _ => format!("{millis}ms"),
    }
}

/// Reads a size as PostgreSQL's own settings have it: `16MB`, `1GB`, `512kB`; a bare number is pages of 8 kB. Returns pages.
#[must_use]
pub fn parse_pages(text: &str) -> Option<u64> {
    const PAGE: u64 = 8_192;
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let number: u64 = number.parse().ok()?;
    let bytes_per_unit = match unit.trim().to_ascii_lowercase().as_str() {
        "" => PAGE,
        "kb" => 1 << 10,
        "mb" => 1 << 20,
        "gb" => 1 << 30,
        "tb" => 1 << 40,
        _ => return None,
    };
    // What is no whole page counts as one.
    Some(number.checked_mul(bytes_per_unit)?.div_ceil(PAGE))
}

/// Reads a truth value of the environment.
pub(super) fn parse_switch(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" | "on" => Some(true),
        "0" | "false" | "no" | "off" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_with_their_unit() {
        for (text, millis) in [
            ("500ms", Some(500)),
            ("60s", Some(60_000)),
            ("1.5s", Some(1_500)),
            ("90", Some(90_000)),
            ("5m", Some(300_000)),
            ("5 min", Some(300_000)),
            ("1h", Some(3_600_000)),
            ("0", Some(0)),
            ("0.2ms", Some(1)),
            ("30d", None),
            ("", None),
            ("-1", None),
            ("s", None),
            ("1.", None),
            ("1.2.3", None),
            ("5 parsecs", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(parse_duration(text).map(|d| d.as_millis()), millis, "{text}");
        }
    }

    #[test]
    fn ages_are_longer_than_durations() {
        for (text, days) in
            [("30d", Some(30)), ("48h", Some(2)), ("36525d", Some(36_525)), ("36526d", None), ("x", None)]
        {
            assert_eq!(parse_age(text).map(|age| age.as_secs() / 86_400), days, "{text}");
        }
    }

    #[test]
    fn sizes_are_read_as_postgresql_reads_them() {
        for (text, pages) in [
            ("2000", Some(2_000)),
            ("0", Some(0)),
            ("16MB", Some(2_048)),
            ("1 gb", Some(131_072)),
            ("1kB", Some(1)),
            ("1TB", Some(134_217_728)),
            ("", None),
            ("MB", None),
            ("-1", None),
            ("1.5GB", None),
            ("16 pages", None),
            ("18446744073709551615", None),
        ] {
            assert_eq!(parse_pages(text), pages, "{text}");
        }
    }

    #[test]
    fn durations_survive_writing_and_reading() {
        for millis in [0, 1, 1_500, 60_000, 90_000, 600_000, 3_600_000] {
            let duration = Duration::from_millis(millis);
            assert_eq!(parse_duration(&format_duration(duration)), Some(duration));
        }
    }
}
