//! Rules 6 and 7: `leaves.total_days` of every type that has been seen becomes numeric(4,1), or the run refuses.

use crate::site::Site;

const RELEASES: [&str; 2] = ["enum_first_release.sql", "varchar_first_release.sql"];

/// Makes the column with a type and the values of the leaves 1 to 4, as SQL.
fn column(kind: &str, values: [&str; 4]) -> String {
    let [one, two, three, four] = values;
    format!(
        "ALTER TABLE leaves ADD COLUMN total_days {kind};
         UPDATE leaves SET total_days = CASE id WHEN 1 THEN {one} WHEN 2 THEN {two} WHEN 3 THEN {three} WHEN 4 THEN {four} END"
    )
}

fn days(site: &Site) -> Option<String> {
    site.database.value("SELECT string_agg(coalesce(total_days::text, 'null'), ' ' ORDER BY id) FROM leaves")
}

/// Runs on both flavours of the first release with `part` on top; the days must become `expected`.
#[track_caller]
fn converts(part: &str, expected: &str, nullable: bool) {
    for release in RELEASES {
        let Some(site) = Site::new("converts", &[release, part]) else { return };
        let contents = site.contents();
        site.completes();
        assert_eq!(days(&site).as_deref(), Some(expected), "{part}");
        site.assert_kept(&contents, &["leaves.total_days"]);
        let facts = if release.starts_with("enum") { "hrms_enum.expected" } else { "varchar_first_release.expected" };
        if nullable {
            let fact = "\ncolumn leaves.total_days numeric(4,1)\n";
            assert!(site.facts().contains(fact), "{}", site.facts());
        } else {
            site.assert_facts(facts);
        }
    }
}

/// Runs on both flavours of the first release with each part on top, which must be refused with its words.
#[track_caller]
fn refuses(parts: &[(&str, &[&str])]) {
    for release in RELEASES {
        let Some(site) = Site::new("refuses", &[release]) else { return };
        for (part, words) in parts {
            site.add(part);
            let mut all = vec!["error[values-do-not-fit]", "public.leaves.total_days", "numeric(4,1)"];
            all.extend(*words);
            let run = site.refuses(4, &all);
            assert!(run.stderr.contains("040_leaves_total_days.sql"), "{}", run.stderr);
            // Nothing was changed, so that the next part finds the release as it was.
            site.add("ALTER TABLE leaves DROP COLUMN total_days");
        }
    }
}

#[test]
fn a_missing_column_is_added_as_one_day_and_keeps_no_default() {
    converts("SELECT", "1.0 1.0 1.0 1.0", false);
}

#[test]
fn whole_numbers_are_converted() {
    converts("total_days_integer.sql", "1.0 2.0 2.0 999.0", false);
    converts(&column("smallint", ["1", "2", "-3", "NULL"]), "1.0 2.0 -3.0 null", true);
    converts(&column("bigint NOT NULL DEFAULT 0", ["1", "2", "0", "-999"]), "1.0 2.0 0.0 -999.0", false);
}

#[test]
fn floating_point_is_converted() {
    converts("total_days_double.sql", "1.0 0.5 null 10.1", true);
    converts(&column("real", ["1", "0.5", "10.1", "NULL"]), "1.0 0.5 10.1 null", true);
}

#[test]
fn numbers_in_text_are_converted_with_blanks_around_them() {
    converts("total_days_varchar_numbers.sql", "1.0 0.5 null 10.5", true);
    converts(
        &column("varchar(20) NOT NULL DEFAULT '1'", ["' 1'", "'2 '", "'0.50'", "'1e2'"]),
        "1.0 2.0 0.5 100.0",
        false,
    );
    converts(&column("text", ["'1'", "'+2.0'", "'-.5'", "E'\\t3\\n'"]), "1.0 2.0 -0.5 3.0", true);
    converts(&column("char(6)", ["'1'", "'2.5'", "NULL", "'999.9'"]), "1.0 2.5 null 999.9", true);
}

#[test]
fn another_precision_is_converted_because_the_full_type_counts() {
    converts("total_days_numeric_10_2_fits.sql", "1.0 10.5 0.5 999.9", false);
    converts(&column("numeric", ["1", "10.5000", "NULL", "-999.9"]), "1.0 10.5 null -999.9", true);
    converts(&column("numeric(3,1)", ["1", "10.5", "0.5", "99.9"]), "1.0 10.5 0.5 99.9", true);
    converts(&column("numeric(6,0)", ["1", "10", "0", "999"]), "1.0 10.0 0.0 999.0", true);
}

#[test]
fn the_right_type_stays_with_its_nullability() {
    converts(&column("numeric(4,1)", ["1", "0.5", "NULL", "2"]), "1.0 0.5 null 2.0", true);
    for release in RELEASES {
        let part = column("numeric(4,1) NOT NULL DEFAULT 1.0", ["1", "0.5", "7", "2"]);
        let Some(site) = Site::new("right", &[release, &part]) else { return };
        let place = "SELECT pg_relation_filenode('leaves')";
        let before = site.database.value(place);
        site.completes();
        assert_eq!(site.database.value(place), before, "nothing to rewrite");
    }
}

#[test]
fn a_table_without_rows_is_converted_from_any_type() {
    for kind in ["varchar", "integer NOT NULL", "numeric(10,2)", "double precision"] {
        let part = format!("TRUNCATE leaves; ALTER TABLE leaves ADD COLUMN total_days {kind}");
        let Some(site) = Site::new("no_rows", &["enum_first_release.sql", &part]) else { return };
        site.completes();
        assert!(site.facts().contains("column leaves.total_days numeric(4,1)"));
    }
}

#[test]
fn values_that_lose_digits_are_refused() {
    refuses(&[
        ("total_days_numeric_10_2_loses.sql", &["1 row ", "id 3"]),
        ("total_days_double_loses.sql", &["1 row ", "id 2"]),
        (&column("varchar", ["'1'", "'4.25'", "'0.05'", "' 0.500 '"]), &["2 rows ", "id 2"]),
        (&column("numeric", ["1.01", "2", "3", "4"]), &["1 row ", "id 1"]),
    ]);
}

#[test]
fn values_that_are_too_large_are_refused() {
    refuses(&[
        ("total_days_too_large.sql", &["1 row ", "id 4"]),
        (&column("numeric(10,2)", ["1", "999.95", "-1000", "1000"]), &["3 rows ", "id 2"]),
        (&column("bigint", ["1", "9223372036854775807", "2", "3"]), &["1 row ", "id 2"]),
        (&column("double precision", ["1", "1e300", "2", "-1e300"]), &["2 rows ", "id 2"]),
        (&column("varchar", ["'1'", "'2'", "'1e1000'", "'3'"]), &["1 row ", "id 3"]),
    ]);
}

#[test]
fn values_that_are_no_numbers_are_refused() {
    refuses(&[
        ("total_days_not_finite.sql", &["3 rows ", "id 2"]),
        ("total_days_not_numbers.sql", &["3 rows ", "id 2"]),
        (&column("varchar", ["'1'", "'   '", "'1,5'", "'1 2'"]), &["3 rows ", "id 2"]),
        (&column("text", ["'inf'", "'2'", "'-Infinity'", "'nan'"]), &["3 rows ", "id 1"]),
        (&column("numeric", ["numeric 'NaN'", "2", "3", "4"]), &["1 row ", "id 1"]),
        (&column("real", ["real 'NaN'", "real 'Infinity'", "3", "4"]), &["2 rows ", "id 1"]),
    ]);
}

#[test]
fn types_that_hold_no_numbers_are_refused() {
    for (kind, value) in [("boolean", "true"), ("date", "'2024-01-01'"), ("jsonb", "'{}'"), ("interval", "'1 day'")] {
        let value = format!("{value}::{kind}");
        let part = column(kind, [&value, "NULL", "NULL", "NULL"]);
        let Some(site) = Site::new(kind, &["enum_first_release.sql", &part]) else { return };
        site.refuses(4, &["public.leaves.total_days"]);
    }
}

#[test]
fn rows_are_named_by_the_primary_key_that_the_scripts_declare() {
    let part =
        format!("{}; ALTER TABLE leaves DROP CONSTRAINT leaves_pkey", column("varchar", ["'x'", "'1'", "'2'", "'3'"]));
    let Some(site) = Site::new("declared", &["enum_first_release.sql", &part]) else { return };
    let run = site.refuses_in_every_way(4, &["error[values-do-not-fit]", "1 row "]);
    assert!(run.stderr.contains("(the first: id 1)"), "{}", run.stderr);
}

#[test]
fn a_refused_run_goes_on_when_the_values_are_corrected() {
    let Some(site) = Site::new("corrected", &["enum_first_release.sql", "total_days_not_numbers.sql"]) else { return };
    site.run().expect(4);
    site.add(
        "UPDATE leaves SET total_days = '1.5' WHERE id > 1; ALTER TABLE leaves ALTER COLUMN total_days SET NOT NULL",
    );
    site.completes();
    assert_eq!(days(&site).as_deref(), Some("1.0 1.5 1.5 1.5"));
    site.assert_facts("hrms_enum.expected");
}

#[test]
fn a_view_that_reads_the_column_is_named() {
    for release in RELEASES {
        let parts = [release, "total_days_integer.sql", "total_days_view.sql"];
        let Some(site) = Site::new("view", &parts) else { return };
        site.refuses_in_every_way(4, &["error[dependent-objects]", "site_leave_days", "public.leaves.total_days"]);
    }
}

#[test]
fn everything_else_that_holds_the_column_is_named() {
    for (object, name) in [
        ("CREATE MATERIALIZED VIEW site_days AS SELECT sum(total_days) FROM leaves", "site_days"),
        ("CREATE SCHEMA other; CREATE VIEW other.site_days AS SELECT total_days FROM public.leaves", "site_days"),
        ("ALTER TABLE leaves ADD COLUMN site_hours integer GENERATED ALWAYS AS (total_days * 8) STORED", "site_hours"),
        (
            "CREATE FUNCTION site_check() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
             CREATE TRIGGER site_check BEFORE UPDATE OF total_days ON leaves FOR EACH ROW EXECUTE FUNCTION site_check()",
            "site_check",
        ),
        ("CREATE POLICY site_long ON leaves USING (total_days < 100)", "site_long"),
        ("CREATE RULE site_rule AS ON UPDATE TO leaves WHERE NEW.total_days > 5 DO ALSO NOTHING", "site_rule"),
    ] {
        let Some(site) = Site::new("holds", &["enum_first_release.sql", "total_days_integer.sql", object]) else { return };
        site.refuses(4, &["error[dependent-objects]", name]);
    }
}

#[test]
fn a_view_on_a_column_of_the_right_type_is_in_nobodys_way() {
    let Some(site) = Site::new("harmless", &["enum_current.sql", "total_days_view.sql"]) else { return };
    let before = site.fingerprint();
    site.completes();
    assert_eq!(site.fingerprint(), before);
}

#[test]
fn indexes_and_checks_of_the_site_on_the_column_come_through_the_conversion() {
    let own = "CREATE INDEX site_days ON leaves (total_days) WHERE total_days > 3;
        ALTER TABLE leaves ADD CONSTRAINT site_positive CHECK (total_days > 0);
        COMMENT ON COLUMN leaves.total_days IS 'of the site';
        GRANT SELECT (total_days) ON leaves TO PUBLIC";
    let Some(site) = Site::new("own", &["enum_first_release.sql", "total_days_integer.sql", own]) else { return };
    site.completes();
    let rows = site.database.rows(
        "SELECT col_description('leaves'::regclass, a.attnum), a.attacl::text, pg_get_indexdef('site_days'::regclass),
                (SELECT convalidated FROM pg_constraint WHERE conname = 'site_positive')
           FROM pg_attribute a WHERE attrelid = 'leaves'::regclass AND attname = 'total_days'",
    );
    let [comment, grant, index, check] = rows[0].as_slice() else { unreachable!() };
    assert_eq!(comment.as_deref(), Some("of the site"));
    assert!(grant.as_deref().is_some_and(|grant| grant.contains("=r/")), "{grant:?}");
    assert!(index.as_deref().is_some_and(|index| index.contains("(total_days) WHERE")), "{index:?}");
    assert_eq!(check.as_deref(), Some("true"));
}

#[test]
fn a_generated_total_days_is_no_column_of_ours() {
    let part = "ALTER TABLE leaves ADD COLUMN total_days integer GENERATED ALWAYS AS (1) STORED";
    let Some(site) = Site::new("generated", &["enum_first_release.sql", part]) else { return };
    site.refuses(4, &["public.leaves.total_days"]);
}
