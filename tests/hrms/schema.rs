//! `src/schema.rs` is what `diesel print-schema` prints of a complete database of the enum flavour.

use std::{fmt::Write as _, io::Write as _, path::Path, process::Command};

use crate::{site::Site, support::TestDatabase};

#[test]
fn the_schema_for_backends_is_what_diesel_prints() {
    let Some(site) = Site::new("schema", &[]) else { return };
    site.run().expect(0);
    let file = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/schema.rs")).unwrap();
    assert_same("src/schema.rs (`just schema` writes it anew)", &file, &printed(&site.database));
    if let Some(printed_by_diesel) = diesel(&site.database) {
        assert_same("src/schema.rs", &file, &printed_by_diesel);
    }
}

#[test]
fn lengths_arrays_and_foreign_keys_are_told_as_diesel_tells_them() {
    let Some(database) = TestDatabase::anywhere("printed_forms") else { return };
    database.execute(
        "CREATE TYPE mood_of_day AS ENUM ('good', 'bad');
         CREATE TABLE pair (a integer, b integer, mood mood_of_day, PRIMARY KEY (a, b));
         CREATE TABLE child (
             id bigserial PRIMARY KEY, code varchar(20) NOT NULL UNIQUE, words text[], moods mood_of_day[] NOT NULL,
             parent_id bigint REFERENCES child, only_id bigint REFERENCES child (id)
         );
         CREATE TABLE once (id integer PRIMARY KEY, child_id bigint NOT NULL REFERENCES child);
         CREATE TABLE twice (id integer PRIMARY KEY, a bigint REFERENCES child, b bigint REFERENCES child);
         CREATE TABLE by_code (id smallint PRIMARY KEY, code varchar(20) REFERENCES child (code));
         CREATE TABLE of_pair (id smallint PRIMARY KEY, a integer, b integer, FOREIGN KEY (a, b) REFERENCES pair);
         CREATE TABLE the_name_of_which_is_so_long_that_the_list_of_all_tables (id smallint PRIMARY KEY);
         CREATE VIEW seen AS SELECT id FROM child;",
    );
    let text = printed(&database);
    for words in [
        "    pub struct MoodOfDay;",
        "    pair (a, b) {",
        "        mood -> Nullable<MoodOfDay>,",
        "        #[max_length = 20]\n        code -> Varchar,",
        "        words -> Nullable<Array<Nullable<Text>>>,",
        "        moods -> Array<Nullable<MoodOfDay>>,",
        "\n\ndiesel::joinable!(once -> child (child_id));\n\n",
    ] {
        assert!(text.contains(words), "{words:?} is not in\n{text}");
    }
    assert_eq!(text.matches("joinable").count(), 1, "{text}");
    assert!(!text.contains("seen"), "{text}");
    if let Some(printed_by_diesel) = diesel(&database) {
        assert_same("our print", &text, &printed_by_diesel);
    }
}

/// Asserts that two texts are the same, and shows the first line that is not.
#[track_caller]
fn assert_same(what: &str, text: &str, diesels: &str) {
    for (number, (ours, theirs)) in text.lines().zip(diesels.lines()).enumerate() {
        assert_eq!(ours, theirs, "line {} of {what}", number + 1);
    }
    assert_eq!(text.len(), diesels.len(), "{what} ends elsewhere");
}

/// Returns what the program `diesel` prints; `None`, said loudly, where it is not installed: no build of ours needs it.
fn diesel(database: &TestDatabase) -> Option<String> {
    let output = database.at(|url| {
        let arguments = ["print-schema", "--database-url", url];
        Command::new("diesel").args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).output()
    });
    let Ok(output) = output else {
        let test = std::thread::current().name().unwrap_or_default().to_owned();
        let _ =
            writeln!(std::io::stderr(), "not run: {test}: the comparison with the program `diesel`, which is not here");
        return None;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).unwrap())
}

/// Prints the tables of the schema `public` as `diesel print-schema` 2.3 does with our `diesel.toml`.
///
/// Names that Rust cannot use as they are (`type`, `first name`) are left to it: they would need a second name. So are a
/// handful of tables whose list would fit into one line.
fn printed(database: &TestDatabase) -> String {
    let mut text = "// @generated automatically by Diesel CLI.\n\n".to_owned();
    let columns = database.rows(COLUMNS);
    let mut own_types: Vec<&str> = columns.iter().filter_map(|row| row[5].as_deref()).collect();
    own_types.sort_unstable();
    own_types.dedup();
    if !own_types.is_empty() {
        let types: Vec<String> = own_types
            .iter()
            .map(|name| {
                let rust = upper_camel(name);
                format!(
                    "    #[derive(diesel::query_builder::QueryId, Clone, diesel::sql_types::SqlType)]\n    \
                     #[diesel(postgres_type(name = \"{name}\"))]\n    pub struct {rust};\n"
                )
            })
            .collect();
        write!(text, "pub mod sql_types {{\n{}}}\n\n", types.join("\n")).unwrap();
    }
    let mut names = Vec::new();
    for table in columns.chunk_by(|a, b| a[0] == b[0]) {
        let (name, key) = (table[0][0].as_deref().unwrap(), table[0][1].as_deref().unwrap());
        names.push(name);
        text.push_str("diesel::table! {\n");
        let mut imports: Vec<&str> = Vec::new();
        for own_type in table.iter().filter_map(|row| row[5].as_deref()) {
            if !imports.contains(&own_type) {
                imports.push(own_type);
            }
        }
        if !imports.is_empty() {
            text.push_str("    use diesel::sql_types::*;\n");
            for own_type in &imports {
                writeln!(text, "    use super::sql_types::{};", upper_camel(own_type)).unwrap();
            }
            text.push('\n');
        }
        writeln!(text, "    {name} ({key}) {{").unwrap();
        for row in table {
            let [_, _, column, kind, length, _, array, null] = row.as_slice() else { unreachable!() };
            if let Some(length) = length {
                writeln!(text, "        #[max_length = {length}]").unwrap();
            }
            let mut kind = upper_camel(kind.as_deref().unwrap());
            if array.as_deref() == Some("true") {
                kind = format!("Array<Nullable<{kind}>>");
            }
            if null.as_deref() == Some("true") {
                kind = format!("Nullable<{kind}>");
            }
            writeln!(text, "        {} -> {kind},", column.as_deref().unwrap()).unwrap();
        }
        text.push_str("    }\n}\n\n");
    }
    let joinable = database.rows(JOINABLE);
    for row in &joinable {
        writeln!(text, "diesel::joinable!({});", row[0].as_deref().unwrap()).unwrap();
    }
    if !joinable.is_empty() {
        text.push('\n');
    }
    if names.len() > 1 {
        let lines = names.iter().fold(String::new(), |lines, name| format!("{lines}    {name},\n"));
        write!(text, "diesel::allow_tables_to_appear_in_same_query!(\n{lines});\n").unwrap();
    }
    text
}

/// Writes the name of a type as diesel names it: `timestamptz` as `Timestamptz`, `mood_of_day` as `MoodOfDay`.
fn upper_camel(name: &str) -> String {
    name.split('_').fold(String::new(), |mut text, word| {
        let mut chars = word.chars();
        text.extend(chars.next().map(|first| first.to_ascii_uppercase()));
        text.push_str(chars.as_str());
        text
    })
}

/// One row a column: table, primary key, column, type (of the element, if an array), longest text, the type again if it is
/// none of PostgreSQL's own, whether an array, whether it may be null.
const COLUMNS: &str = "
    SELECT c.relname,
           (SELECT string_agg(k.attname, ', ' ORDER BY array_position(i.indkey::int2[], k.attnum))
              FROM pg_index i JOIN pg_attribute k ON k.attrelid = i.indrelid AND k.attnum = ANY (i.indkey)
             WHERE i.indrelid = c.oid AND i.indisprimary),
           a.attname, e.typname,
           CASE WHEN t.typname IN ('varchar', 'bpchar') AND a.atttypmod > 4 THEN a.atttypmod - 4 END,
           CASE WHEN e.typnamespace <> 'pg_catalog'::regnamespace THEN e.typname END,
           t.typelem <> 0 AND t.typlen = -1, NOT a.attnotnull
      FROM pg_class c
      JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
      JOIN pg_type t ON t.oid = a.atttypid
      JOIN pg_type e ON e.oid = CASE WHEN t.typelem <> 0 AND t.typlen = -1 THEN t.typelem ELSE t.oid END
     WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND c.relname !~ '^__'
     ORDER BY c.relname COLLATE \"C\", a.attnum";

/// One row a pair of tables that can be joined without saying how: one foreign key of one column between them, in one
/// direction, to the primary key.
const JOINABLE: &str = "
    WITH key AS (
        SELECT conrelid, confrelid, conkey, confkey FROM pg_constraint
         WHERE contype = 'f' AND connamespace = 'public'::regnamespace
    )
    SELECT format('%s -> %s (%s)', c.relname, p.relname, a.attname)
      FROM key
      JOIN pg_class c ON c.oid = conrelid
      JOIN pg_class p ON p.oid = confrelid
      JOIN pg_attribute a ON a.attrelid = conrelid AND a.attnum = conkey[1]
     WHERE conrelid <> confrelid AND cardinality(conkey) = 1
       AND EXISTS (SELECT FROM pg_index WHERE indrelid = confrelid AND indisprimary AND indkey::text = array_to_string(confkey, ' '))
       AND 1 = (SELECT count(*) FROM key other
                 WHERE (other.conrelid, other.confrelid) IN ((key.conrelid, key.confrelid), (key.confrelid, key.conrelid)))
     ORDER BY c.relname COLLATE \"C\", p.relname COLLATE \"C\"";
