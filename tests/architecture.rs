//! The rooms of `src/` and what each may know, compared with ARCHITECTURE.md and with every path in the code.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![expect(clippy::disallowed_methods, reason = "a test reads the sources")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// The rooms in reading order, and the rooms that each may import.
const ROOMS: &[(&str, &[&str])] = &[
    ("pg", &[]),
    ("script", &["pg"]),
    ("diagnostic", &["pg", "script"]),
    ("sql", &["pg", "script", "diagnostic"]),
    ("goal", &["pg", "script", "diagnostic", "sql"]),
    ("lint", &["pg", "script", "diagnostic", "sql", "goal"]),
    ("catalog", &["pg", "script", "diagnostic"]),
    ("journal", &["pg"]),
    ("plan", &["pg", "script", "diagnostic", "goal", "catalog"]),
    ("diff", &["pg", "script", "diagnostic", "goal", "catalog", "journal", "plan"]),
    ("event", &["pg", "script", "diagnostic", "catalog", "journal", "plan", "diff"]),
    ("db", &["pg", "script", "diagnostic", "catalog", "journal"]),
    ("engine", &["pg", "script", "diagnostic"]),
    ("process", &["pg"]),
    ("exec", &["pg", "script", "diagnostic", "goal", "catalog", "journal", "plan", "event", "db"]),
    ("report", &["pg", "script", "diagnostic", "goal", "catalog", "journal", "plan", "diff", "event"]),
    ("config", &["pg", "script", "diagnostic", "journal"]),
    (
        "ops",
        &[
            "pg",
            "script",
            "diagnostic",
            "sql",
            "goal",
            "lint",
            "catalog",
            "journal",
            "plan",
            "diff",
            "event",
            "db",
            "engine",
            "process",
            "exec",
            "config",
        ],
    ),
    ("cli", &["pg", "script", "diagnostic", "journal", "event", "exec", "config", "report", "ops"]),
];

/// Outside libraries that have one home.
const HOMES: &[(&str, &[&str])] = &[
    ("diesel", &["db"]),
    ("diesel_migrations", &["db"]),
    ("r2d2", &["db"]),
    ("dotenvy", &["config"]),
    ("chrono", &["config", "ops"]),
    ("colored", &["report"]),
    ("annotate_snippets", &["report"]),
    ("unicode_width", &["report"]),
    ("clap", &["cli"]),
    ("clap_complete", &["cli"]),
    ("clap_mangen", &["cli"]),
    ("maud", &["report"]),
    ("quick_junit", &["report"]),
    ("squawk_syntax", &["sql"]),
    ("squawk_linter", &["sql"]),
    ("gethostname", &["ops"]),
    ("include_dir", &["ops"]),
    ("signal_hook", &["exec"]),
    ("pglite_oxide", &["engine"]),
];

/// The rooms without clocks, files, sockets and terminals.
const PURE: &[&str] = &["pg", "script", "diagnostic", "sql", "goal", "lint", "catalog", "journal", "plan", "diff"];

/// What those rooms must not touch.
const OUTSIDE: &[&str] = &["fs", "net", "time", "env", "io", "thread", "process"];

/// What stands there all the same: the file, the module, why.
const EXCEPTIONS: &[(&str, &str, &str)] =
    &[("src/sql/grammar.rs", "thread", "deep nesting needs a larger stack than a thread of the caller may have")];

#[test]
fn architecture_md_tells_of_the_rooms_that_there_are() {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let mut told = BTreeMap::new();
    for line in text.lines() {
        let cells: Vec<&str> = line.trim().trim_matches('|').split(" | ").map(str::trim).collect();
        let [room, _, imports] = cells.as_slice() else { continue };
        let Some(room) = room.strip_prefix('`').and_then(|room| room.strip_suffix('`')) else { continue };
        if room == "main.rs" || !line.starts_with("| `") {
            continue;
        }
        let imports: BTreeSet<&str> = imports.split('`').skip(1).step_by(2).collect();
        told.insert(room, imports);
        if room == "cli" {
            break;
        }
    }
    let rooms: BTreeMap<&str, BTreeSet<&str>> =
        ROOMS.iter().map(|(room, imports)| (*room, imports.iter().copied().collect())).collect();
    assert_eq!(told, rooms, "the table of rooms in ARCHITECTURE.md and the one in this test");
}

#[test]
fn lib_rs_lists_the_rooms_in_reading_order() {
    let text = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let listed: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'))
        .filter(|name| *name != "schema")
        .collect();
    assert_eq!(listed, ROOMS.iter().map(|(room, _)| *room).collect::<Vec<_>>());
    // Every room may import only what was read before it, which is what makes the order one of reading.
    for (place, (room, imports)) in ROOMS.iter().enumerate() {
        for import in *imports {
            assert!(ROOMS[..place].iter().any(|(earlier, _)| earlier == import), "{room} comes before {import}");
        }
    }
}

#[test]
fn every_room_imports_what_it_may_and_nothing_else() {
    let mut wrong = Vec::new();
    for (room, imports) in ROOMS {
        for (file, text) in sources(room) {
            for import in crate_paths(&text) {
                if import != *room && !imports.contains(&import.as_str()) {
                    wrong.push(format!("{}: crate::{import}", file.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_outside_library_has_one_home() {
    let mut wrong = Vec::new();
    for (room, _) in ROOMS {
        for (file, text) in sources(room) {
            for (library, homes) in HOMES {
                if !homes.contains(room) && mentions(&text, library) {
                    wrong.push(format!("{}: {library}", file.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn rooms_from_pg_to_plan_touch_no_clock_file_socket_or_terminal() {
    let mut wrong = Vec::new();
    for room in PURE {
        for (file, text) in sources(room) {
            for outside in paths_after(&text, "std::") {
                let excepted = EXCEPTIONS.iter().any(|(at, module, _)| file == Path::new(at) && outside == *module);
                // Durations are numbers; it is the clock that is not there.
                if OUTSIDE.contains(&outside.as_str()) && !excepted && !only_durations(&text, &outside) {
                    wrong.push(format!("{}: std::{outside}", file.display()));
                }
            }
            for word in ["println!", "eprintln!", "Instant", "SystemTime", "disallowed_methods"] {
                if text.contains(word) {
                    wrong.push(format!("{}: {word}", file.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn main_rs_is_one_expression_of_cli() {
    let text = program_text(&fs::read_to_string(root().join("src/main.rs")).unwrap());
    let paths: BTreeSet<String> = paths_after(&text, "hrms_migrate::").into_iter().collect();
    assert_eq!(paths, BTreeSet::from(["cli".to_owned()]));
    assert!(text.lines().filter(|line| !line.trim().is_empty()).count() <= 4, "{text}");
}

#[test]
fn paths_are_read_out_of_code_and_not_out_of_comments_strings_or_tests() {
    let text = "
        //! crate::cli is not meant
        use crate::{pg::{Ident, Name}, script::Span};
        use crate::sql;
        /// [`crate::report`]
        fn f(x: crate::goal::Goal) -> &'static str { \"crate::db\" }
        #[cfg(test)]
        mod tests { use crate::ops; fn g() { crate::exec::h() } }
        use super::{other}; use crate::plan::*;
    ";
    let found: BTreeSet<String> = crate_paths(&program_text(text)).into_iter().collect();
    assert_eq!(found, ["goal", "pg", "plan", "script", "sql"].map(str::to_owned).into());
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The files of a room as [`program_text`], files of tests left out.
fn sources(room: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut open = vec![root().join("src").join(room)];
    while let Some(path) = open.pop() {
        for entry in fs::read_dir(&path).unwrap() {
            let path = entry.unwrap().path();
            let is_test = path.file_stem().is_some_and(|stem| stem == "tests");
            if is_test {
                continue;
            }
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = program_text(&fs::read_to_string(&path).unwrap());
                found.push((path.strip_prefix(root()).unwrap().to_owned(), text));
            }
        }
    }
    assert!(!found.is_empty(), "room {room} is empty");
    found
}

/// Returns Rust code without comments, without the contents of strings, and without what only tests see.
fn program_text(text: &str) -> String {
    without_tests(&without_comments(text))
}

/// Blanks comments and the contents of strings.
fn without_comments(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut kept = String::with_capacity(text.len());
    let mut place = 0;
    while place < chars.len() {
        let rest = &chars[place..];
        match rest {
            ['/', '/', ..] => place += rest.iter().position(|char| *char == '\n').unwrap_or(rest.len()),
            ['/', '*', ..] => {
                let end = rest.windows(2).position(|pair| pair == ['*', '/']).map_or(rest.len(), |end| end + 2);
                place += end;
            }
            ['r', '"' | '#', ..] if !kept.ends_with(|char: char| char.is_alphanumeric() || char == '_') => {
                let hashes = rest[1..].iter().take_while(|char| **char == '#').count();
                if rest.get(1 + hashes) != Some(&'"') {
                    kept.push('r');
                    place += 1;
                    continue;
                }
                let end: Vec<char> = std::iter::once('"').chain(std::iter::repeat_n('#', hashes)).collect();
                let body = &rest[2 + hashes..];
                let length = body.windows(end.len()).position(|part| part == end).unwrap_or(body.len());
                kept.push_str("\"\"");
                place += 2 + hashes + length + end.len();
            }
            ['"', ..] => {
                let mut length = 1;
                while length < rest.len() && rest[length] != '"' {
                    length += if rest[length] == '\\' { 2 } else { 1 };
                }
                kept.push_str("\"\"");
                place += length + 1;
            }
            // A character; otherwise the apostrophe begins a lifetime.
            ['\'', '\\', ..] => {
                let length = rest[2..].iter().skip(1).position(|char| *char == '\'').map_or(rest.len(), |end| end + 4);
                kept.push_str("' '");
                place += length;
            }
            ['\'', _, '\'', ..] => {
                kept.push_str("' '");
                place += 3;
            }
            [char, ..] => {
                kept.push(*char);
                place += 1;
            }
            [] => {}
        }
    }
    kept
}

/// Takes out every item under `#[cfg(test)]`: to its semicolon, or to the end of its braces.
fn without_tests(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("#[cfg(test)]") {
        kept.push_str(before);
        let mut depth = 0;
        let end = after.char_indices().find_map(|(byte, char)| {
            match char {
                '{' => depth += 1,
                '}' => depth -= 1,
                _ => {}
            }
            ((char == ';' || char == '}') && depth == 0).then_some(byte + 1)
        });
        rest = &after[end.unwrap_or(after.len())..];
    }
    kept.push_str(rest);
    kept
}

/// Returns the rooms named by `crate::room` and `use crate::{room, room::…}`.
fn crate_paths(text: &str) -> Vec<String> {
    paths_after(text, "crate::")
}

/// Returns the first parts of the paths that begin with `prefix`; those of a group one by one.
fn paths_after(text: &str, prefix: &str) -> Vec<String> {
    let name = |text: &str| text.chars().take_while(|char| char.is_alphanumeric() || *char == '_').collect::<String>();
    let mut found = Vec::new();
    for (byte, _) in text.match_indices(prefix) {
        if text[..byte].ends_with(|char: char| char.is_alphanumeric() || char == '_') {
            continue;
        }
        let rest = &text[byte + prefix.len()..];
        let Some(group) = rest.strip_prefix('{') else {
            found.push(name(rest));
            continue;
        };
        let mut depth = 0;
        let mut at_start = true;
        for (byte, char) in group.char_indices() {
            match char {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => at_start = true,
                char if at_start && !char.is_whitespace() => {
                    found.push(name(&group[byte..]));
                    at_start = false;
                }
                _ => {}
            }
        }
    }
    found
}

/// Returns whether the code names a library at the beginning of a path or in a derive of it.
fn mentions(text: &str, library: &str) -> bool {
    let path = format!("{library}::");
    text.match_indices(&path).any(|(byte, _)| {
        let before = &text[..byte];
        !before.ends_with(|char: char| char.is_alphanumeric() || char == '_')
            && (!before.ends_with("::") || before.ends_with(" ::"))
    })
}

/// Returns whether `std::time` stands for nothing but `Duration`.
fn only_durations(text: &str, module: &str) -> bool {
    module == "time" && text.matches("time::").count() == text.matches("time::Duration").count()
}
