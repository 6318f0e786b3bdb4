//! Rule 5: `holidays.is_active` is filled where it is NULL, and nowhere else.

use crate::site::Site;

const HALFWAY: [&str; 2] = ["enum_halfway.sql", "varchar_halfway.sql"];

fn activity(site: &Site) -> Option<String> {
    site.database.value("SELECT string_agg(coalesce(is_active::text, 'null'), ' ' ORDER BY id) FROM holidays")
}

#[test]
fn only_rows_with_null_become_true_and_triggers_see_no_other() {
    for file in HALFWAY {
        let Some(site) = Site::new("witness", &[file, "holidays_witness.sql"]) else { return };
        let contents = site.contents();
        site.completes();
        assert_eq!(activity(&site).as_deref(), Some("true true false"));
        let seen = site.database.rows("SELECT holiday_id FROM site_holiday_updates ORDER BY 1");
        assert_eq!(seen, [[Some("2".to_owned())]]);
        site.assert_kept(&contents, &["holidays.is_active", "leaves.total_days", "site_holiday_updates.holiday_id"]);
        assert_eq!(
            site.database.value("SELECT count(*) FROM holidays WHERE updated_at IS NOT NULL").as_deref(),
            Some("0")
        );
    }
}

#[test]
fn a_column_that_is_missing_is_added_as_true_without_an_update() {
    for file in ["enum_first_release.sql", "varchar_first_release.sql"] {
        let Some(site) = Site::new("added", &[file, "holidays_witness.sql"]) else { return };
        site.completes();
        assert_eq!(activity(&site).as_deref(), Some("true true true"));
        assert_eq!(site.database.value("SELECT count(*) FROM site_holiday_updates").as_deref(), Some("0"));
        let new = "INSERT INTO holidays (date, title) VALUES (now(), 'New') RETURNING is_active";
        assert_eq!(site.database.value(new).as_deref(), Some("true"));
    }
}

#[test]
fn rows_that_the_application_leaves_empty_later_are_filled_by_the_next_run() {
    let Some(site) = Site::new("later", &["enum_current.sql"]) else { return };
    site.run().expect(0);
    site.add("UPDATE holidays SET is_active = NULL WHERE id = 3");
    let contents = site.contents();
    site.cli(&["verify"]).expect(3);
    site.cli(&["plan", "--exit-code"]).expect(2);
    site.completes();
    assert_eq!(activity(&site).as_deref(), Some("true true true"));
    site.assert_kept(&contents, &["holidays.is_active"]);
}

#[test]
fn a_large_table_is_filled_completely() {
    let rows = "INSERT INTO holidays (date, title, is_active)
        SELECT now(), 'SECRET-7f3a', CASE g % 3 WHEN 0 THEN false WHEN 1 THEN NULL ELSE true END FROM generate_series(1, 60000) g;
        ANALYZE holidays";
    let Some(site) = Site::new("large", &["enum_halfway.sql", "holidays_witness.sql", rows]) else { return };
    site.completes();
    let counts = site.database.rows(
        "SELECT count(*) FILTER (WHERE is_active), count(*) FILTER (WHERE NOT is_active), (SELECT count(*) FROM site_holiday_updates)
           FROM holidays",
    );
    assert_eq!(counts[0], ["40002", "20001", "20001"].map(|count| Some(count.to_owned())));
    // 20,000 of the rows, and number 2 of the fixture.
    let twice =
        "SELECT count(*) FROM (SELECT holiday_id FROM site_holiday_updates GROUP BY 1 HAVING count(*) > 1) twice";
    assert_eq!(site.database.value(twice).as_deref(), Some("0"));
}

#[test]
fn a_row_that_the_sites_own_rules_refuse_is_reported_and_the_next_run_goes_on() {
    let refusal = "CREATE FUNCTION site_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION 'SECRET-7f3a holiday % is frozen', OLD.title; END $$;
        CREATE TRIGGER site_frozen BEFORE UPDATE ON holidays FOR EACH ROW EXECUTE FUNCTION site_frozen()";
    let Some(site) = Site::new("frozen", &["enum_halfway.sql", refusal]) else { return };
    site.run().expect(1);
    assert_eq!(activity(&site).as_deref(), Some("true null false"));
    site.add("DROP TRIGGER site_frozen ON holidays; DROP FUNCTION site_frozen()");
    site.completes();
    site.assert_facts("enum_halfway.expected");
}
