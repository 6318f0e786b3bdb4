//! Any lines as directives: above a file, above a statement, between two.

#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| {
    let mut script = String::new();
    for (place, part) in text.split('\u{c}').enumerate() {
        for line in part.lines() {
            script.push_str(if line.starts_with(' ') { "--" } else { "-- ensure:" });
            script.push_str(line);
            script.push('\n');
        }
        // Some stand for the whole file, the others for the statement below them.
        if place % 2 == 0 {
            script.push('\n');
        }
        script.push_str(["CREATE TABLE t (id integer);\n", "UPDATE t SET id = 1 WHERE id IS NULL;\n"][place % 2]);
    }
    fuzzing::read(script.as_bytes());
});
