//! Widths, line breaks, and numbers in words. All of it works on text without colour.

use std::time::Duration;

use unicode_width::UnicodeWidthStr as _;

use crate::pg::RowCount;

/// Returns the columns that `text` takes.
pub(super) fn width(text: &str) -> usize {
    text.width()
}

/// Returns `text` with spaces after it, up to `columns`.
pub(super) fn pad(text: &str, columns: usize) -> String {
    format!("{text}{}", spaces(columns.saturating_sub(width(text))))
}

/// Returns `text` with spaces before it, up to `columns`.
pub(super) fn pad_left(text: &str, columns: usize) -> String {
    format!("{}{text}", spaces(columns.saturating_sub(width(text))))
}

/// Returns so many spaces.
pub(super) fn spaces(columns: usize) -> String {
    " ".repeat(columns)
}

/// Breaks `text` at spaces into lines of at most `columns`. What stands between backticks is not broken, since it is there to
/// be pasted; such a line, and a single word that is too long, may be longer.
pub(super) fn wrap(text: &str, columns: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in words(text) {
        if !line.is_empty() && width(&line) + 1 + width(word) > columns {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    if !line.is_empty() || lines.is_empty() {
        lines.push(line);
    }
    lines
}

/// Returns the pieces between which a line may end. A number stays with what follows it: `14 210 rows`, `5 s`.
fn words(text: &str) -> Vec<&str> {
    let quoted = text.matches('`').count().is_multiple_of(2);
    let mut inside = false;
    let mut words = Vec::new();
    let mut start = 0;
    for (at, char) in text.char_indices() {
        inside ^= char == '`' && quoted;
        if char == ' ' && !inside {
            let last = text[start..at].rsplit(' ').next().unwrap_or_default().trim_start_matches('(');
            if last.is_empty() || !last.chars().all(|char| char.is_ascii_digit() || char == '.') {
                words.push(&text[start..at]);
                start = at + 1;
            }
        }
    }
    words.push(&text[start..]);
    words.retain(|word| !word.is_empty());
    words
}

/// Breaks `text` like [`wrap`], and within words too where they are longer than a line.
pub(super) fn wrap_names(text: &str, columns: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for line in wrap(text, columns) {
        let mut rest = line.as_str();
        while width(rest) > columns {
            let fits = shorten(rest, columns, "").len();
            // A character wider than the line has a line of its own.
            let cut = if fits > 0 { fits } else { rest.chars().next().map_or(rest.len(), char::len_utf8) };
            lines.push(rest[..cut].to_owned());
            rest = &rest[cut..];
        }
        lines.push(rest.to_owned());
    }
    lines
}

/// Returns the beginning of `text` that fits into `columns`, with `ellipsis` in place of the rest.
pub(super) fn shorten(text: &str, columns: usize, ellipsis: &str) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let room = columns.saturating_sub(width(ellipsis));
    let mut short = String::new();
    let mut used = 0;
    for char in text.chars() {
        let next = used + width(char.encode_utf8(&mut [0; 4]));
        if next > room {
            break;
        }
        used = next;
        short.push(char);
    }
    short + ellipsis
}

/// Returns a duration as people say it: `8 ms`, `1.2 s`, `3 min 5 s`, `2 h 10 min`.
pub(super) fn elapsed(elapsed: Duration) -> String {
    let millis = elapsed.as_millis();
    let tenths = (millis + 50) / 100;
    let seconds = (millis + 500) / 1000;
    match millis {
        0 => "<1 ms".to_owned(),
        1..1000 => format!("{millis} ms"),
        _ if tenths < 600 => format!("{}.{} s", tenths / 10, tenths % 10),
        _ if seconds < 3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

/// Returns a limit as people say it: `500 ms`, `1.5 s`, `15 min`.
pub(super) fn limit(millis: u64) -> String {
    match millis {
        0..1000 => format!("{millis} ms"),
        _ if millis.is_multiple_of(60_000) => format!("{} min", millis / 60_000),
        _ if millis.is_multiple_of(1000) => format!("{} s", millis / 1000),
        _ => format!("{}.{} s", millis / 1000, format!("{:03}", millis % 1000).trim_end_matches('0')),
    }
}

/// Returns a number of bytes: `512 bytes`, `38 kB`, `1.2 GB`.
pub(super) fn size(bytes: u64) -> String {
    const STEP: u64 = 1024;
    let units = ["kB", "MB", "GB", "TB"];
    if bytes < STEP {
        return format!("{bytes} bytes");
    }
    let (mut whole, mut rest, mut unit) = (bytes / STEP, bytes % STEP, 0);
    while whole >= STEP && unit + 1 < units.len() {
        (whole, rest, unit) = (whole / STEP, whole % STEP, unit + 1);
    }
    if whole < 10 {
        format!("{whole}.{} {}", rest * 10 / STEP, units[unit])
    } else {
        format!("{whole} {}", units[unit])
    }
}

/// Returns a number with its noun: `1 table`, `1 480 columns`.
pub(super) fn count(number: usize, one: &str, many: &str) -> String {
    format!("{} {}", grouped(number), if number == 1 { one } else { many })
}

/// Returns a number in groups of three.
pub(super) fn grouped(number: usize) -> String {
    RowCount(u64::try_from(number).unwrap_or(u64::MAX)).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_as_people_say_them() {
        for (bytes, text) in [
            (0, "0 bytes"),
            (1_023, "1023 bytes"),
            (1_536, "1.5 kB"),
            (38 * 1_024, "38 kB"),
            (1_288_490_189, "1.1 GB"),
            (u64::MAX, "16777215 TB"),
        ] {
            assert_eq!(size(bytes), text);
        }
    }

    #[test]
    fn durations_read_as_people_say_them() {
        for (millis, text) in [
            (0, "<1 ms"),
            (8, "8 ms"),
            (999, "999 ms"),
            (1249, "1.2 s"),
            (59_949, "59.9 s"),
            (59_950, "1 min 0 s"),
            (185_000, "3 min 5 s"),
            (3_599_600, "1 h 0 min"),
            (7_800_000, "2 h 10 min"),
        ] {
            assert_eq!(elapsed(Duration::from_millis(millis)), text);
        }
        for (millis, text) in [(100, "100 ms"), (1500, "1.5 s"), (60_000, "1 min"), (61_050, "61.05 s"), (5000, "5 s")]
        {
            assert_eq!(limit(millis), text);
        }
    }

    #[test]
    fn lines_break_at_spaces_but_not_between_backticks() {
        assert_eq!(wrap("run `hrms-migrate run --to 10` again", 12), ["run", "`hrms-migrate run --to 10`", "again"]);
        assert_eq!(wrap("one ` two", 4), ["one", "`", "two"]);
        assert_eq!(wrap("", 4), [""]);
        assert_eq!(wrap("about 14 210 rows in 5 s", 10), ["about", "14 210 rows", "in 5 s"]);
        assert_eq!(wrap_names("holidays.is_active 漢字", 8), ["holidays", ".is_acti", "ve", "漢字"]);
    }

    #[test]
    fn widths_count_columns() {
        assert_eq!(pad("漢", 4), "漢  ");
        assert_eq!(shorten("漢字漢字", 5, "…"), "漢字…");
        assert_eq!(shorten("short", 5, "…"), "short");
    }
}
