//! Rule 8: nothing is dropped, merged, renumbered or deleted to make a declaration fit; and objects of other kinds, types
//! and definitions under our names.

use crate::site::Site;

#[test]
fn duplicates_and_orphans_are_counted_and_named_by_primary_key() {
    for file in ["enum_halfway.sql", "varchar_halfway.sql"] {
        let Some(site) = Site::new("duplicates", &[file, "duplicates_and_orphans.sql"]) else { return };
        let run = site.refuses_in_every_way(4, &["error[duplicate-rows]", "error[orphan-rows]"]);
        // All findings come together: two templates of one name, two people of one number, one leave of nobody.
        assert_eq!(run.stderr.matches("error[duplicate-rows]").count(), 2, "{}", run.stderr);
        assert_eq!(run.stderr.matches("error[orphan-rows]").count(), 1, "{}", run.stderr);
        for name in ["public.email_templates", "public.employee_details", "public.leaves", "id 5", "id 1"] {
            assert!(run.stderr.contains(name), "no `{name}` in\n{}", run.stderr);
        }
        assert!(!run.stderr.contains("4711"), "the value is no business of a log:\n{}", run.stderr);

        site.add(
            "DELETE FROM email_templates WHERE id = 3; DELETE FROM employee_details WHERE id = 3; DELETE FROM leaves WHERE id = 5",
        );
        site.completes();
        site.assert_facts(&file.replace(".sql", ".expected"));
    }
}

#[test]
fn each_unique_key_is_checked_before_anything_is_changed() {
    for (part, object) in [
        (
            "DROP INDEX ix_users_email;
             INSERT INTO users (email, hashed_password, name, role) SELECT email, 'x', 'y', role FROM users WHERE id = 2",
            "public.users",
        ),
        (
            "ALTER TABLE email_templates DROP CONSTRAINT email_templates_name_key;
             INSERT INTO email_templates (name, subject, body, template_type) SELECT name, 'x', 'y', 'z' FROM email_templates",
            "public.email_templates",
        ),
        (
            "ALTER TABLE employee_details DROP CONSTRAINT employee_details_user_id_key;
             INSERT INTO employee_details (user_id) SELECT user_id FROM employee_details WHERE id = 1",
            "public.employee_details",
        ),
        (
            "DROP INDEX ix_employee_details_employee_id;
             INSERT INTO employee_details (user_id, employee_id) VALUES (1, 'E-002')",
            "public.employee_details",
        ),
        (
            "ALTER TABLE holidays DROP CONSTRAINT holidays_pkey; INSERT INTO holidays (id, date, title) VALUES (1, now(), 'x')",
            "public.holidays",
        ),
    ] {
        let Some(site) = Site::new("unique", &["enum_current.sql", part]) else { return };
        site.refuses(4, &["error[duplicate-rows]", object]);
    }
}

#[test]
fn nulls_are_no_duplicates_of_each_other() {
    let part = "DROP INDEX ix_employee_details_employee_id; UPDATE employee_details SET employee_id = NULL";
    let Some(site) = Site::new("nulls", &["enum_current.sql", part]) else { return };
    site.completes();
    site.assert_facts("enum_current.expected");
}

#[test]
fn each_foreign_key_is_checked_before_anything_is_changed() {
    for (table, key, change) in [
        ("leaves", "leaves_user_id_fkey", "UPDATE leaves SET user_id = 4711 WHERE id = 2"),
        ("tasks", "tasks_user_id_fkey", "UPDATE tasks SET user_id = 4711 WHERE id = 2"),
        ("employment_history", "employment_history_user_id_fkey", "UPDATE employment_history SET user_id = 4711"),
        ("employment_history", "employment_history_manager_id_fkey", "UPDATE employment_history SET manager_id = 4711"),
        (
            "employee_details",
            "employee_details_user_id_fkey",
            "UPDATE employee_details SET user_id = 4711 WHERE id = 2",
        ),
        (
            "employee_details",
            "employee_details_manager_id_fkey",
            "UPDATE employee_details SET manager_id = 4711 WHERE id = 2",
        ),
        (
            "employee_details",
            "employee_details_probation_reviewer_id_fkey",
            "UPDATE employee_details SET probation_reviewer_id = 4711 WHERE id = 2",
        ),
        (
            "employee_details",
            "employee_details_termination_initiated_by_fkey",
            "UPDATE employee_details SET termination_initiated_by = 4711 WHERE id = 2",
        ),
    ] {
        let flavour = if key.contains("manager") { "varchar_current.sql" } else { "enum_current.sql" };
        let part = format!("ALTER TABLE {table} DROP CONSTRAINT {key}; {change}");
        let Some(site) = Site::new("orphans", &[flavour, &part]) else { return };
        let table = format!("public.{table}");
        let run = site.refuses(4, &["error[orphan-rows]", "1 row", &table, "id "]);
        assert!(!run.stderr.contains("4711"), "the value is no business of a log:\n{}", run.stderr);
    }
}

#[test]
fn a_foreign_key_that_is_not_valid_is_validated_or_refused() {
    let part = "ALTER TABLE tasks DROP CONSTRAINT tasks_user_id_fkey,
        ADD CONSTRAINT tasks_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) NOT VALID";
    let Some(site) = Site::new("not_valid", &["enum_current.sql", part]) else { return };
    site.completes();
    site.assert_facts("enum_current.expected");

    let orphan = "ALTER TABLE tasks DROP CONSTRAINT tasks_user_id_fkey; UPDATE tasks SET user_id = 4711 WHERE id = 1;
        ALTER TABLE tasks ADD CONSTRAINT tasks_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) NOT VALID";
    let Some(site) = Site::new("not_valid", &["enum_current.sql", orphan]) else { return };
    site.refuses(4, &["error[orphan-rows]", "public.tasks", "id 1"]);
}

#[test]
fn a_name_that_belongs_to_another_kind_of_object_is_a_conflict() {
    let foreign =
        "DROP TABLE email_logs; CREATE FOREIGN DATA WRAPPER site; CREATE SERVER site FOREIGN DATA WRAPPER site;
        CREATE FOREIGN TABLE email_logs (id integer) SERVER site";
    for (part, kind) in [
        ("DROP TABLE email_logs; CREATE VIEW email_logs AS SELECT 1 AS id", "view"),
        ("DROP TABLE email_logs; CREATE MATERIALIZED VIEW email_logs AS SELECT 1 AS id", "materialized view"),
        (foreign, "foreign table"),
        ("DROP TABLE email_logs; CREATE SEQUENCE email_logs", "sequence"),
        ("DROP TABLE email_logs; CREATE TYPE email_logs AS (id integer)", "type"),
    ] {
        let Some(site) = Site::new("kind", &["varchar_current.sql", part]) else { return };
        site.refuses(4, &["error[kind-conflict]", "public.email_logs", kind]);
    }
}

#[test]
fn a_type_under_the_name_of_a_table_is_a_conflict() {
    for part in [
        "DROP TABLE email_logs; CREATE DOMAIN email_logs AS integer",
        "DROP TABLE email_logs; CREATE TYPE email_logs AS ENUM ('A')",
    ] {
        let Some(site) = Site::new("type_name", &["enum_current.sql", part]) else { return };
        site.refuses(4, &["public.email_logs"]);
    }
}

#[test]
fn an_enum_type_that_is_something_else_is_a_conflict() {
    for (part, word) in [
        ("CREATE DOMAIN documentstatus AS text", "documentstatus"),
        ("CREATE TABLE taskstatus (id integer)", "taskstatus"),
        ("CREATE TYPE leavestatus AS ENUM ('APPROVED', 'PENDING', 'REJECTED')", "leavestatus"),
    ] {
        let Some(site) = Site::new("enum", &[part]) else { return };
        site.refuses(4, &[word]);
    }
}

#[test]
fn a_label_of_the_site_stays() {
    let Some(site) = Site::new("label", &["enum_current.sql", "ALTER TYPE taskstatus ADD VALUE 'SITE_PAUSED'"]) else {
        return;
    };
    let before = site.fingerprint();
    site.completes();
    assert_eq!(site.fingerprint(), before);
}

#[test]
fn a_column_of_another_type_is_a_conflict_and_is_not_converted() {
    for (part, column) in [
        ("ALTER TABLE users ALTER COLUMN joining_date TYPE varchar", "public.users.joining_date"),
        ("ALTER TABLE email_logs ALTER COLUMN sent_at TYPE timestamp", "public.email_logs.sent_at"),
        ("ALTER TABLE employee_details ALTER COLUMN manager_id TYPE bigint", "public.employee_details.manager_id"),
        ("ALTER TABLE holidays ALTER COLUMN is_active TYPE integer USING 1", "public.holidays.is_active"),
        ("ALTER TABLE leaves ALTER COLUMN reason TYPE varchar(50)", "public.leaves.reason"),
        ("ALTER TABLE users ALTER COLUMN role TYPE text", "public.users.role"),
    ] {
        let Some(site) = Site::new("type", &["enum_current.sql", part]) else { return };
        site.refuses(4, &["error[type-conflict]", column]);
    }
}

#[test]
fn a_missing_column_that_forbids_null_is_refused_where_rows_exist() {
    for (column, part) in [
        ("public.users.name", "ALTER TABLE users DROP COLUMN name"),
        ("public.tasks.status", "ALTER TABLE tasks DROP COLUMN status"),
        ("public.email_settings.smtp_password", "ALTER TABLE email_settings DROP COLUMN smtp_password"),
    ] {
        let Some(site) = Site::new("not_null", &["enum_current.sql", part]) else { return };
        site.refuses(4, &[column]);
    }
}

#[test]
fn indexes_of_our_names_that_are_invalid_are_replaced() {
    for (flavour, expected) in
        [("enum_current.sql", "enum_current.expected"), ("varchar_current.sql", "hrms_varchar.expected")]
    {
        let Some(site) = Site::new("invalid", &[flavour, "invalid_index.sql"]) else { return };
        assert!(site.facts().contains("idx_leave_status (status) invalid"));
        let contents = site.contents();
        site.cli(&["verify"]).expect(3);
        site.completes();
        site.assert_facts(expected);
        site.assert_kept(&contents, &[]);
    }
}

#[test]
fn indexes_of_our_names_with_another_definition_are_replaced() {
    // One database is enough: each run leaves it complete.
    let Some(site) = Site::new("definition", &["enum_current.sql"]) else { return };
    for definition in [
        "(id)",
        "(status, user_id)",
        "(status DESC)",
        "(status NULLS FIRST)",
        "(status) WHERE id > 3",
        "(status) INCLUDE (user_id)",
        "((user_id + 1))",
    ] {
        site.add(&format!("DROP INDEX idx_leave_status; CREATE INDEX idx_leave_status ON leaves {definition}"));
        site.cli(&["verify"]).expect(3);
        site.run().expect(0);
        site.assert_facts("enum_current.expected");
    }
    for part in [
        "DROP INDEX idx_leave_status; CREATE INDEX idx_leave_status ON leaves USING hash (user_id)",
        "DROP INDEX idx_task_category; CREATE UNIQUE INDEX idx_task_category ON tasks (category)",
        "DROP INDEX ix_users_email; CREATE INDEX ix_users_email ON users (email)",
        "DROP INDEX ix_employee_details_employee_id; CREATE INDEX ix_employee_details_employee_id ON employee_details (employee_id)",
    ] {
        site.add(part);
        site.run().expect(0);
        site.assert_facts("enum_current.expected");
    }
    site.completes();
}

#[test]
fn an_index_of_our_name_on_a_table_of_the_site_is_not_ours_to_replace() {
    let part = "DROP INDEX idx_task_status; CREATE TABLE site_tasks (status text);
        CREATE INDEX idx_task_status ON site_tasks (status)";
    let Some(site) = Site::new("foreign_index", &["enum_current.sql", part]) else { return };
    site.refuses(4, &["idx_task_status", "site_tasks"]);
}

#[test]
fn an_index_that_serves_a_constraint_of_the_site_is_not_replaced() {
    let part = "DROP INDEX idx_task_category; ALTER TABLE tasks ADD CONSTRAINT idx_task_category UNIQUE (category, id)";
    let Some(site) = Site::new("constraint_index", &["enum_current.sql", part]) else { return };
    site.refuses(4, &["idx_task_category"]);
}

#[test]
fn an_index_of_another_name_that_does_the_same_work_is_enough() {
    let part =
        "ALTER INDEX idx_leave_status RENAME TO site_leave_status; ALTER INDEX ix_users_email RENAME TO site_email";
    let Some(site) = Site::new("other_name", &["enum_current.sql", part]) else { return };
    let before = site.fingerprint();
    site.completes();
    assert_eq!(site.fingerprint(), before);
}

#[test]
fn a_unique_constraint_does_the_work_of_the_unique_index() {
    let part = "DROP INDEX ix_users_email; ALTER TABLE users ADD CONSTRAINT site_email UNIQUE (email)";
    let Some(site) = Site::new("constraint", &["enum_current.sql", part]) else { return };
    let before = site.fingerprint();
    site.completes();
    assert_eq!(site.fingerprint(), before);
}

#[test]
fn a_replacement_that_was_interrupted_is_finished() {
    let Some(site) = Site::new("interrupted", &["enum_current.sql"]) else { return };
    for leftover in [
        "CREATE INDEX idx_leave_status__hm ON leaves (status)",
        "CREATE INDEX idx_leave_status__hm ON leaves (id)",
        "CREATE INDEX idx_leave_status__hm ON leaves (status);
         UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'idx_leave_status__hm'::regclass",
    ] {
        site.add(&format!("DROP INDEX idx_leave_status; CREATE INDEX idx_leave_status ON leaves (id); {leftover}"));
        site.completes();
        site.assert_facts("enum_current.expected");
    }
}

#[test]
fn a_serial_column_is_one_by_its_meaning() {
    let renamed = "ALTER SEQUENCE tasks_id_seq RENAME TO site_numbers";
    let Some(site) = Site::new("serial", &["enum_current.sql", renamed]) else { return };
    let before = site.fingerprint();
    site.completes();
    assert_eq!(site.fingerprint(), before);
    for (part, column) in [
        ("ALTER TABLE tasks ALTER COLUMN id DROP DEFAULT", "public.tasks.id"),
        ("ALTER TABLE users ALTER COLUMN id TYPE bigint", "public.users.id"),
        (
            "ALTER TABLE holidays ALTER COLUMN id DROP DEFAULT, ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY",
            "public.holidays.id",
        ),
    ] {
        let Some(site) = Site::new("serial", &["enum_current.sql", part]) else { return };
        site.refuses(4, &[column]);
    }
}

#[test]
fn a_foreign_key_with_another_action_is_a_conflict_and_gets_no_second_beside_it() {
    let part = "ALTER TABLE tasks DROP CONSTRAINT tasks_user_id_fkey,
        ADD CONSTRAINT tasks_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE";
    let Some(site) = Site::new("action", &["enum_current.sql", part]) else { return };
    site.refuses(4, &["constraint-conflict", "tasks_user_id_fkey", "ON DELETE CASCADE"]);
}
