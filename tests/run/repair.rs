//! What interrupted work has left behind is shown, and mended where that is wanted.

use crate::{
    support::TestDatabase,
    tools::{Scripts, assert_clean, assert_says},
};

const BROKEN: &str = "CREATE TABLE big (id integer PRIMARY KEY, a integer, b integer, c integer);
    INSERT INTO big SELECT n, n, n, n FROM generate_series(1, 100) n;
    ALTER TABLE big ADD CONSTRAINT pos CHECK (b > 0) NOT VALID;
    CREATE INDEX ixb ON big (b);
    UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'ixb'::regclass;";
const LEFT: &str = "ALTER TABLE big ADD COLUMN a__hm bigint;
    CREATE FUNCTION big_a__hm() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.a__hm := NEW.a; RETURN NEW; END';
    CREATE TRIGGER \"~a__hm\" BEFORE INSERT OR UPDATE ON big FOR EACH ROW EXECUTE FUNCTION big_a__hm();
    ALTER TABLE big ADD CONSTRAINT a__hm_same CHECK (a = a__hm) NOT VALID;
    CREATE INDEX ixa__hm ON big (a__hm);
    UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'ixa__hm'::regclass;
    CREATE INDEX ixc_ccnew ON big (c);
    UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'ixc_ccnew'::regclass;
    ALTER TABLE big ADD CONSTRAINT c__hm_nn CHECK (c IS NOT NULL) NOT VALID;";

#[test]
fn leftovers_are_shown_and_mended_when_that_is_wanted() {
    let Some(database) = TestDatabase::new("repair") else { return };
    database.execute(BROKEN);
    let scripts = Scripts::none();
    let repair = |arguments: &[&str]| scripts.command(&[&["repair"][..], arguments].concat()).database(&database).run();
    // As it should be: valid, and without leftovers.
    let Some(whole) = TestDatabase::new("repair_whole") else { return };
    whole.execute(BROKEN);
    whole.execute("UPDATE pg_index SET indisvalid = true; ALTER TABLE big VALIDATE CONSTRAINT pos;");
    database.execute(LEFT);
    let before = database.catalog("public");
    let shown = repair(&[]).expect(0);
    let all = ["big_a__hm()", "a__hm_same", "public.big.a__hm", "c__hm_nn", "ixc_ccnew", "ixb", "pos"];
    assert_says(&shown.stderr, &all);
    assert_says(
        &shown.stdout,
        &["VALIDATE CONSTRAINT pos", "DROP COLUMN a__hm", "`hrms-migrate repair --yes` carries it out"],
    );
    assert_eq!(database.catalog("public"), before, "showing changes nothing");
    repair(&["--yes"]).expect(0);
    assert_eq!(database.catalog("public"), whole.catalog("public"));
    assert_clean(&database);
    assert_says(&repair(&[]).expect(0).stderr, &["nothing is to be repaired"]);
    let history = scripts.command(&["history"]).database(&database).run().expect(0);
    assert_says(&history.stdout, &["repair 1 of"]);
    // A repair is nothing to take back.
    let rollback = scripts.command(&["rollback"]).database(&database).run().expect(0);
    assert_says(&rollback.stderr, &["nothing is to be taken back"]);
}

#[test]
fn rows_that_break_a_constraint_stop_a_repair_before_it_begins() {
    let Some(database) = TestDatabase::new("repair_rows") else { return };
    database.execute(BROKEN);
    database.execute("ALTER TABLE big DROP CONSTRAINT pos; UPDATE big SET b = -1 WHERE id = 1; ALTER TABLE big ADD CONSTRAINT pos CHECK (b > 0) NOT VALID");
    let before = database.catalog("public");
    let run = Scripts::none().command(&["repair", "--yes"]).database(&database).run().expect(4);
    assert_says(&run.stderr, &["error[check-rows]", "pos"]);
    assert_eq!(database.catalog("public"), before);
}
