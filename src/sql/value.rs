//! The value of a literal of a type, so that two spellings of one value can be told from two values.
//!
//! Source: manual, "Data Types"; `datetime.c`, `uuid.c`, `varlena.c`, `arrayfuncs.c`.

use crate::pg::TypeName;

/// Returns a text that is equal for two literals exactly where their values of the type are; `None` where the value is not
/// known, because the type is not, or because it depends on settings of the session (the order of a date, its zone).
pub(super) fn canonical(type_name: &TypeName, literal: &str) -> Option<String> {
    if !type_name.is_builtin() || type_name.is_array() {
        return None;
    }
    let text = literal.trim();
    match type_name.name() {
        "text" | "character varying" | "name" | "xml" => Some(literal.to_owned()),
        "character" | "bpchar" => Some(literal.trim_end_matches(' ').to_owned()),
        "real" | "double precision" => text.parse::<f64>().ok().map(|number| number.to_string()),
        "date" => match text {
            "infinity" | "-infinity" => Some(text.to_owned()),
            "epoch" => Some("0".to_owned()),
            _ => Some(date(text)?.to_string()),
        },
        "time without time zone" => Some(time(text)?.to_string()),
        "timestamp without time zone" => instant(text, false),
        "timestamp with time zone" => instant(text, true),
        "interval" => interval(text, type_name.interval_fields()).map(|parts| format!("{parts:?}")),
        "uuid" => uuid(text),
        "jsonb" => jsonb(text),
        "bytea" => bytea(literal),
        "inet" => Some(text.strip_suffix("/32").filter(|_| !text.contains(':')).unwrap_or(text).to_lowercase()),
        "bit" | "bit varying" => text.bytes().all(|byte| matches!(byte, b'0' | b'1')).then(|| text.to_owned()),
        _ => None,
    }
}

/// Returns the elements of an array of one dimension, as `'{a,"b c",NULL}'` writes it; an element NULL is `None`.
pub(super) fn elements(literal: &str) -> Option<Vec<Option<String>>> {
    let inner = literal.trim().strip_prefix('{')?.strip_suffix('}')?;
    let mut elements = Vec::new();
    let mut rest = inner.trim();
    while !rest.is_empty() {
        if let Some(quoted) = rest.strip_prefix('"') {
            let mut element = String::new();
            let mut chars = quoted.char_indices();
            let end = loop {
                match chars.next()? {
                    (byte, '"') => break byte + 1,
                    (_, '\\') => element.push(chars.next()?.1),
                    (_, char) => element.push(char),
                }
            };
            elements.push(Some(element));
            rest = quoted[end..].trim_start();
        } else {
            let end = rest.find(',').unwrap_or(rest.len());
            let element = rest[..end].trim_end();
            if element.is_empty() || element.contains(['{', '}', '"', '\\']) {
                return None;
            }
            elements.push((!element.eq_ignore_ascii_case("null")).then(|| element.to_owned()));
            rest = &rest[end..];
        }
        if !rest.is_empty() {
            rest = rest.strip_prefix(',')?.trim_start();
            if rest.is_empty() {
                return None;
            }
        }
    }
    Some(elements)
}

/// Days since 1970-01-01 of `2024-01-31` or `20240131`, which no setting reads otherwise.
fn date(text: &str) -> Option<i64> {
    let parts: Vec<&str> = text.split('-').collect();
    let (year, month, day) = match parts[..] {
        [year, month, day] if year.len() == 4 => (year, month, day),
        [all] if all.len() == 8 => (all.get(..4)?, all.get(4..6)?, all.get(6..)?),
        _ => return None,
    };
    let (year, month, day) = (number(year)?, number(month)?, number(day)?);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        4 | 6 | 9 | 11 => 30,
        2 => 28 + i64::from(leap),
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=length).contains(&day) || year == 0 {
        return None;
    }
    // Years that begin in March end with the leap day.
    let (year, month) = if month <= 2 { (year - 1, month + 9) } else { (year, month - 3) };
    Some(365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1 - 719_468)
}

/// Microseconds of an hour.
const HOUR: i64 = 3_600_000_000;

/// Microseconds since midnight of `09:30`, `9:30 PM`, `09:30:15.5`.
fn time(text: &str) -> Option<i64> {
    let upper = text.to_ascii_uppercase();
    let (clock, half) = match (upper.strip_suffix("AM"), upper.strip_suffix("PM")) {
        (Some(clock), _) => (clock.trim_end(), Some(0)),
        (_, Some(clock)) => (clock.trim_end(), Some(12)),
        _ => (upper.as_str(), None),
    };
    let micros = clock_micros(clock)?;
    match half {
        None => (micros <= 24 * HOUR).then_some(micros),
        Some(half) => (HOUR..13 * HOUR).contains(&micros).then(|| micros % (12 * HOUR) + half * HOUR),
    }
}

/// Microseconds of `HH:MM[:SS[.ffffff]]`.
fn clock_micros(text: &str) -> Option<i64> {
    let parts: Vec<&str> = text.split(':').collect();
    let (hours, minutes, seconds) = match parts[..] {
        [hours, minutes] => (hours, minutes, "0"),
        [hours, minutes, seconds] => (hours, minutes, seconds),
        _ => return None,
    };
    let minutes = number(minutes).filter(|minutes| *minutes < 60)?;
    let seconds = scaled(seconds, 1_000_000).filter(|micros| *micros <= 60_000_000)?;
    Some((number(hours)? * 60 + minutes) * 60_000_000 + seconds)
}

/// A point in time; with a zone only where the text names its offset.
fn instant(text: &str, with_zone: bool) -> Option<String> {
    match text {
        "infinity" | "-infinity" => return Some(text.to_owned()),
        "epoch" => return Some("0".to_owned()),
        _ => {}
    }
    let (day, rest) = match text.find(['T', ' ']) {
        Some(byte) => (&text[..byte], text[byte + 1..].trim()),
        None => (text, ""),
    };
    let clock_end =
        rest.find(|char: char| !(char.is_ascii_digit() || char == ':' || char == '.')).unwrap_or(rest.len());
    let (clock, zone) = (&rest[..clock_end], rest[clock_end..].trim());
    let micros = if clock.is_empty() { 0 } else { clock_micros(clock)? };
    let offset = match (with_zone, zone) {
        (false, "") | (true, "Z" | "z" | "UTC" | "utc") => 0,
        // A zone is read and forgotten; a text of that kind is too rare to be worth a rule.
        (false, _) | (true, "") => return None,
        (true, zone) => {
            let sign = if zone.starts_with('-') { -1 } else { 1 };
            let digits = zone.strip_prefix(['+', '-'])?;
            let (hours, minutes) = match digits.split_once(':') {
                Some((hours, minutes)) => (hours, minutes),
                None if digits.len() == 4 => (&digits[..2], &digits[2..]),
                None => (digits, "0"),
            };
            sign * (number(hours)? * 60 + number(minutes)?) * 60_000_000
        }
    };
    Some((date(day)? * 86_400_000_000 + micros - offset).to_string())
}

/// Months, days and microseconds, by which intervals are stored.
fn interval(text: &str, fields: Option<&str>) -> Option<(i64, i64, i64)> {
    let mut parts = (0, 0, 0);
    let lower = text.to_ascii_lowercase();
    if let Some(iso) = lower.strip_prefix('p') {
        let (date_part, time_part) = iso.split_once('t').unwrap_or((iso, ""));
        for (part, in_time) in [(date_part, false), (time_part, true)] {
            let mut rest = part;
            while !rest.is_empty() {
                let end = rest.find(|char: char| char.is_ascii_alphabetic())?;
                let unit = match (&rest[end..=end], in_time) {
                    ("y", false) => "year",
                    ("m", false) => "month",
                    ("w", false) => "week",
                    ("d", false) => "day",
                    ("h", true) => "hour",
                    ("m", true) => "minute",
                    ("s", true) => "second",
                    _ => return None,
                };
                add(&mut parts, &rest[..end], unit)?;
                rest = &rest[end + 1..];
            }
        }
        return Some(parts);
    }
    let lower = lower.trim_start_matches('@').trim();
    let (lower, ago) = lower.strip_suffix("ago").map_or((lower, false), |rest| (rest.trim(), true));
    let mut words = lower.split_whitespace().peekable();
    let mut any = false;
    while let Some(word) = words.next() {
        any = true;
        if word.contains(':') {
            let (negative, clock) =
                word.strip_prefix('-').map_or((false, word.trim_start_matches('+')), |rest| (true, rest));
            let micros = clock_micros(clock)?;
            parts.2 += if negative { -micros } else { micros };
            continue;
        }
        let end = word.find(|char: char| char.is_ascii_alphabetic()).unwrap_or(word.len());
        let (amount, attached) = word.split_at(end);
        let unit = if !attached.is_empty() {
            attached
        } else if let Some(unit) = words.next_if(|next| next.starts_with(|char: char| char.is_ascii_alphabetic())) {
            unit
        } else {
            // A bare number is of the last field that the type has.
            fields.and_then(|fields| fields.rsplit(' ').next()).unwrap_or("second")
        };
        add(&mut parts, amount, unit)?;
    }
    if ago {
        parts = (-parts.0, -parts.1, -parts.2);
    }
    any.then_some(parts)
}

/// Adds an amount of a unit to an interval.
fn add(parts: &mut (i64, i64, i64), amount: &str, unit: &str) -> Option<()> {
    let whole = |amount: &str| scaled(amount, 1);
    match unit {
        "year" | "years" | "yr" | "yrs" | "y" => parts.0 += whole(amount)? * 12,
        "month" | "months" | "mon" | "mons" => parts.0 += whole(amount)?,
        "week" | "weeks" | "w" => parts.1 += whole(amount)? * 7,
        "day" | "days" | "d" => parts.1 += whole(amount)?,
        "hour" | "hours" | "hr" | "hrs" | "h" => parts.2 += scaled(amount, 3_600_000_000)?,
        "minute" | "minutes" | "min" | "mins" | "m" => parts.2 += scaled(amount, 60_000_000)?,
        "second" | "seconds" | "sec" | "secs" | "s" => parts.2 += scaled(amount, 1_000_000)?,
        "millisecond" | "milliseconds" | "ms" => parts.2 += scaled(amount, 1_000)?,
        "microsecond" | "microseconds" | "us" => parts.2 += whole(amount)?,
        _ => return None,
    }
    Some(())
}

/// Returns a number times a factor, where that is a whole number.
fn scaled(text: &str, factor: i64) -> Option<i64> {
    let (negative, text) = text.strip_prefix('-').map_or((false, text.trim_start_matches('+')), |rest| (true, rest));
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let mut value = if whole.is_empty() { 0 } else { number(whole)?.checked_mul(factor)? };
    if !fraction.is_empty() {
        let digits = number(fraction)?;
        let divisor = 10_i64.checked_pow(u32::try_from(fraction.len()).ok()?)?;
        let part = digits.checked_mul(factor)?;
        if part % divisor != 0 {
            return None;
        }
        value += part / divisor;
    }
    Some(if negative { -value } else { value })
}

fn number(digits: &str) -> Option<i64> {
    // Years of intervals and hours of days are small; what is longer than this is nothing that a person writes.
    let plain = !digits.is_empty() && digits.len() <= 9 && digits.bytes().all(|byte| byte.is_ascii_digit());
    if plain { digits.parse().ok() } else { None }
}

fn uuid(text: &str) -> Option<String> {
    let inner = text.strip_prefix('{').map_or(Some(text), |rest| rest.strip_suffix('}'))?;
    let digits: String = inner.chars().filter(|char| *char != '-').collect::<String>().to_ascii_lowercase();
    (digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(digits)
}

fn jsonb(text: &str) -> Option<String> {
    // Numbers are kept exactly by the server, and to sixteen digits here.
    let exact = !text.split(|char: char| !(char.is_ascii_digit() || char == '.')).any(|digits| digits.len() > 15);
    let value: serde_json::Value = serde_json::from_str(text).ok().filter(|_| exact)?;
    Some(value.to_string())
}

fn bytea(text: &str) -> Option<String> {
    use std::fmt::Write as _;

    if let Some(hex) = text.strip_prefix("\\x") {
        let digits: String = hex.split_whitespace().collect::<String>().to_ascii_lowercase();
        return digits.bytes().all(|byte| byte.is_ascii_hexdigit()).then_some(digits);
    }
    if text.contains('\\') {
        return None;
    }
    text.bytes().try_fold(String::new(), |mut digits, byte| write!(digits, "{byte:02x}").ok().map(|()| digits))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(type_name: &str, one: &str, other: &str, expected: Option<bool>) {
        let type_name = TypeName::parse(type_name).unwrap();
        let values = canonical(&type_name, one).zip(canonical(&type_name, other));
        assert_eq!(values.map(|(one, other)| one == other), expected, "{type_name} {one} {other}");
    }

    #[test]
    fn spellings_of_one_value_are_equal() {
        for (type_name, one, other) in [
            ("date", "2024-02-29", "20240229"),
            ("time", "9:30 PM", "21:30:00"),
            ("time", "12:00 AM", "00:00"),
            ("timestamp", "2024-01-01", "2024-01-01 00:00:00"),
            ("timestamp", "2024-01-01T10:00:00.500", "2024-01-01 10:00:00.5"),
            ("timestamptz", "2024-01-01 05:30:00+05:30", "2024-01-01 00:00:00+00"),
            ("timestamptz", "2024-01-01T00:00:00Z", "2023-12-31 23:00:00-0100"),
            ("interval", "1 year 2 months", "14 mons"),
            ("interval", "1.5 hours", "01:30:00"),
            ("interval", "P1DT2H", "1 day 02:00:00"),
            ("interval", "1 day ago", "-1 days"),
            ("interval", "1w", "7 days"),
            ("interval minute", "90", "01:30:00"),
            ("uuid", "{A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11}", "a0eebc999c0b4ef8bb6d6bb9bd380a11"),
            ("jsonb", "{\"b\":1,\"a\":[1,2]}", "{\"a\": [1, 2], \"b\": 1}"),
            ("bytea", "abc", "\\x616263"),
            ("double precision", "1e3", "1000"),
            ("character(3)", "a", "a  "),
            ("inet", "10.0.0.1/32", "10.0.0.1"),
        ] {
            check(type_name, one, other, Some(true));
        }
    }

    #[test]
    fn two_values_differ() {
        for (type_name, one, other) in [
            ("date", "2024-02-28", "2024-02-29"),
            ("interval", "1 day", "24 hours"),
            ("interval", "1 month", "30 days"),
            ("timestamptz", "2024-01-01 00:00:00+01", "2024-01-01 00:00:00+00"),
            ("jsonb", "{}", "[]"),
            ("text", "a", "a "),
            ("time", "09:00", "21:00"),
        ] {
            check(type_name, one, other, Some(false));
        }
    }

    #[test]
    fn what_depends_on_settings_is_not_known() {
        for (type_name, text) in [
            ("date", "01/02/2024"),
            ("date", "today"),
            ("date", "2024-13-01"),
            ("timestamptz", "2024-01-01"),
            ("timestamptz", "2024-01-01 00:00:00 Europe/Berlin"),
            ("timestamp", "now"),
            ("interval", ""),
            ("interval", "1 fortnight"),
            ("jsonb", "12345678901234567890"),
            ("uuid", "x"),
            ("bytea", "a\\001"),
            ("integer[]", "{1}"),
        ] {
            assert_eq!(canonical(&TypeName::parse(type_name).unwrap(), text), None, "{type_name} {text}");
        }
    }

    #[test]
    fn elements_of_arrays_are_read() {
        let read = |text: &str| {
            elements(text).map(|found| found.into_iter().map(Option::unwrap_or_default).collect::<Vec<_>>())
        };
        assert_eq!(read("{}"), Some(Vec::new()));
        assert_eq!(read("{ a, \"b, \\\"c\\\"\",NULL}"), Some(vec!["a".into(), "b, \"c\"".into(), String::new()]));
        for text in ["a", "{a", "{{a},{b}}", "{a,}", "{\"a}"] {
            assert_eq!(elements(text), None, "{text}");
        }
    }
}
