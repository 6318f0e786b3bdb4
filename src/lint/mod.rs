//! Rules about scripts that are valid: what is worth a second look, found without a database.
//!
//! A finding never stops a run. It is waived by `-- ensure:waive <rule> -- <reason>` above its statement or at the top of its
//! file. Every rule is described on the page of the code `lint`.

mod keys;

use crate::{
    diagnostic::{Code, Finding},
    goal::{
        ConstraintGoalKind, DirectiveSite, DropKind, Goal, GoalKind, ReferentialAction, ScriptGoals, SiteKind,
        StatementGoals, StatementId,
    },
    pg::{Hazard, Ident},
    script::{ScriptId, Span},
    sql,
};

/// What the settings ask for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// The column that every table has to have, as in a database of several tenants.
    pub tenant_column: Option<Ident>,
    /// Whether CASCADE is not wanted.
    pub deny_cascade: bool,
}

/// The rules that are not squawk's.
const OWN: [&str; 8] = [
    "breaking",
    "cascade",
    "foreign-key-index",
    "needs-allow",
    "tenant-column",
    "unknown-rule",
    "unused-allow",
    "unused-waive",
];

/// What a rule has to say, before waivers are looked at.
struct Found {
    rule: String,
    statement: Option<StatementId>,
    finding: Finding,
}

struct Linter<'a> {
    scripts: &'a [ScriptGoals],
    rules: &'a Rules,
    found: Vec<Found>,
}

/// Returns what is worth a second look, in the order of the scripts. The name of the rule stands beside the place.
#[must_use]
pub fn lint(scripts: &[ScriptGoals], rules: &Rules) -> Vec<Finding> {
    let mut linter = Linter { scripts, rules, found: Vec::new() };
    for script in scripts {
        for statement in &script.statements {
            linter.statement(statement);
        }
    }
    linter.foreign_keys();
    linter.allows();
    linter.settle()
}

impl Linter<'_> {
    fn tell(
        &mut self,
        rule: &str,
        (script, statement): (ScriptId, Option<StatementId>),
        span: Span,
        what: String,
        why: &str,
        help: &str,
    ) {
        let finding = Finding {
            script,
            span,
            code: Code::Lint,
            what,
            subject: None,
            label: rule.to_owned(),
            why: if why.is_empty() { Vec::new() } else { vec![why.to_owned()] },
            related: None,
            help: help.to_owned(),
        };
        self.found.push(Found { rule: rule.to_owned(), statement, finding });
    }

    fn statement(&mut self, statement: &StatementGoals) {
        let at = (statement.id.script, Some(statement.id));
        for found in sql::lint(&statement.text) {
            let from = statement.span.start;
            let span = Span::new(from + found.span.start, from + found.span.end);
            let help = found.help.unwrap_or_default();
            let mut what = found.message.trim_end_matches('.').to_owned();
            if let Some(first) = what.get(..1).filter(|_| !what.chars().nth(1).is_some_and(char::is_uppercase)) {
                what = first.to_lowercase() + &what[1..];
            }
            self.tell(&found.rule, at, span, what, "", &help);
        }
        for goal in &statement.goals {
            self.goal(statement, goal);
        }
        self.tenant(statement);
    }

    fn goal(&mut self, statement: &StatementGoals, goal: &Goal) {
        let at = (statement.id.script, Some(statement.id));
        let allows = |hazard| statement.directives.allow.contains(&hazard);
        let dropped = match &goal.kind {
            GoalKind::ColumnAbsent { table, column, .. } => Some(format!("column {table}.{column}")),
            GoalKind::Absent { kind: DropKind::Table, name, .. } => Some(format!("table {name}")),
            _ => None,
        };
        if let Some(object) = dropped.filter(|_| !allows(Hazard::Drop)) {
            self.tell(
                "needs-allow",
                at,
                goal.span,
                format!("{object} is dropped, and nothing allows it"),
                "a run is refused wherever it is still there",
                "write `-- ensure:allow drop -- <reason>` above the statement",
            );
        }
        let renamed = match &goal.kind {
            GoalKind::ColumnRenamed { table, from, .. } => Some(format!("column {table}.{from}")),
            GoalKind::TableRenamed { from, .. } => Some(format!("table {from}")),
            _ => None,
        };
        if let Some(object) = renamed.filter(|_| !allows(Hazard::Breaking)) {
            self.tell(
                "breaking",
                at,
                goal.span,
                format!("{object} is renamed"),
                "an application that still uses the old name fails from then on",
                "rename when none does, and write `-- ensure:allow breaking -- <reason>` above the statement",
            );
        }
        if self.rules.deny_cascade && cascades(&goal.kind) {
            self.tell(
                "cascade",
                at,
                goal.span,
                "CASCADE takes more with it than the statement names".to_owned(),
                "`--deny-cascade` is set",
                "name what goes, or write `-- ensure:waive cascade -- <reason>` above the statement",
            );
        }
    }

    /// Every table has the tenants' column, and NOT NULL.
    fn tenant(&mut self, statement: &StatementGoals) {
        let Some(tenant) = &self.rules.tenant_column else { return };
        let Some(GoalKind::Table { name }) = statement.goals.first().map(|goal| &goal.kind) else { return };
        let has = statement.goals.iter().any(|goal| match &goal.kind {
            GoalKind::Column { column, .. } => column.name == *tenant && column.not_null,
            _ => false,
        });
        if !has {
            let text = &statement.text;
            let head = text.find(['(', '\n']).unwrap_or(text.len());
            let span = Span::new(statement.span.start, statement.span.start + head);
            let what = format!("table {name} has no column {tenant} that is NOT NULL");
            let help =
                "add it, or write `-- ensure:waive tenant-column -- <reason>` above the statement of a shared table";
            self.tell(
                "tenant-column",
                (statement.id.script, Some(statement.id)),
                span,
                what,
                "`--tenant-column` names it",
                help,
            );
        }
    }

    /// A foreign key without an index on its columns makes every DELETE of a referenced row read the whole table.
    fn foreign_keys(&mut self) {
        let keys = keys::Keys::of(self.scripts);
        for (statement, goal) in self.scripts.iter().flat_map(goals) {
            let GoalKind::Constraint { table, constraint } = &goal.kind else { continue };
            let ConstraintGoalKind::ForeignKey { columns, table: referenced, .. } = &constraint.kind else { continue };
            if keys.covers(table, columns) {
                continue;
            }
            let names = columns.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            self.tell(
                "foreign-key-index",
                (statement.id.script, Some(statement.id)),
                goal.span,
                format!("no index begins with {names}, which refers to {referenced}"),
                &format!("whoever deletes a row of {referenced}, or changes its key, reads all of {table}"),
                &format!("write CREATE INDEX IF NOT EXISTS … ON {table} ({names})"),
            );
        }
    }

    /// An `allow` is there for a statement that could make use of it.
    fn allows(&mut self) {
        for script in self.scripts {
            for site in &script.sites {
                let SiteKind::Allow(hazard) = &site.kind else { continue };
                let used = concerned(script, site)
                    .flat_map(|statement| &statement.goals)
                    .any(|goal| may_cost(&goal.kind, *hazard));
                if !used {
                    let what = format!("nothing here makes use of `allow {}`", hazard.name());
                    let why = "what is written later would be allowed without a word";
                    self.tell(
                        "unused-allow",
                        (script.id, site_statement(script, site)),
                        site.span,
                        what,
                        why,
                        "remove it",
                    );
                }
            }
        }
    }

    /// Takes out what is waived, and adds what is wrong with the waivers.
    fn settle(mut self) -> Vec<Finding> {
        let known: Vec<String> = OWN.iter().map(|rule| (*rule).to_owned()).chain(sql::lint_rules()).collect();
        for script in self.scripts {
            for site in &script.sites {
                let SiteKind::Waive(rule) = &site.kind else { continue };
                let at = (script.id, site_statement(script, site));
                if !known.contains(rule) {
                    let what = format!("there is no rule {rule}");
                    let help = format!("name one of {}", known.join(", "));
                    self.tell("unknown-rule", at, site.span, what, "", &help);
                    continue;
                }
                let before = self.found.len();
                let concerned: Vec<StatementId> = concerned(script, site).map(|statement| statement.id).collect();
                self.found.retain(|found| {
                    found.rule != *rule || !found.statement.is_some_and(|statement| concerned.contains(&statement))
                });
                // A rule of the settings may be off here and on elsewhere.
                let configured = matches!(rule.as_str(), "tenant-column" | "cascade");
                if self.found.len() == before && !configured {
                    let what = format!("nothing here makes use of `waive {rule}`");
                    self.tell("unused-waive", at, site.span, what, "", "remove it");
                }
            }
        }
        self.found.sort_by_key(|found| (found.finding.script, found.finding.span.start));
        self.found.into_iter().map(|found| found.finding).collect()
    }
}

fn goals(script: &ScriptGoals) -> impl Iterator<Item = (&StatementGoals, &Goal)> {
    script.statements.iter().flat_map(|statement| statement.goals.iter().map(move |goal| (statement, goal)))
}

/// Returns the statements that a directive is about: its own, or all of its file.
fn concerned<'a>(script: &'a ScriptGoals, site: &DirectiveSite) -> impl Iterator<Item = &'a StatementGoals> {
    let only = site.statement;
    script.statements.iter().filter(move |statement| only.is_none_or(|index| statement.id.index == index))
}

fn site_statement(script: &ScriptGoals, site: &DirectiveSite) -> Option<StatementId> {
    site.statement.map(|index| StatementId { script: script.id, index })
}

const fn cascades(goal: &GoalKind) -> bool {
    match goal {
        GoalKind::ColumnAbsent { cascade, .. }
        | GoalKind::ConstraintAbsent { cascade, .. }
        | GoalKind::Absent { cascade, .. } => *cascade,
        GoalKind::Constraint { constraint, .. } => {
            let ConstraintGoalKind::ForeignKey { on_update, on_delete, .. } = &constraint.kind else { return false };
            matches!(on_update, ReferentialAction::Cascade) || matches!(on_delete, ReferentialAction::Cascade)
        }
        _ => false,
    }
}

/// Returns whether carrying out a goal may cost what a hazard names. Of what is not read anything is possible.
const fn may_cost(goal: &GoalKind, hazard: Hazard) -> bool {
    if matches!(goal, GoalKind::Opaque { .. }) {
        return true;
    }
    match hazard {
        Hazard::Drop => matches!(
            goal,
            // An index of the name with another definition is dropped for the new one.
            GoalKind::Index(_)
                | GoalKind::ColumnAbsent { .. }
                | GoalKind::ConstraintAbsent { .. }
                | GoalKind::Absent { .. }
        ),
        Hazard::Rewrite => {
            matches!(goal, GoalKind::Column { .. } | GoalKind::ColumnType { .. } | GoalKind::ColumnIdentity { .. })
        }
        Hazard::DataLoss => {
            matches!(goal, GoalKind::ColumnType { .. } | GoalKind::ColumnAbsent { .. } | GoalKind::Absent { .. })
        }
        Hazard::Breaking => matches!(
            goal,
            GoalKind::ColumnRenamed { .. }
                | GoalKind::TableRenamed { .. }
                // Others may notice a change beside writers.
                | GoalKind::ColumnType { .. }
                | GoalKind::ColumnAbsent { .. }
                | GoalKind::Absent { .. }
        ),
        Hazard::ColumnReorder => matches!(goal, GoalKind::ColumnType { .. }),
        // It is shown of many steps, and a script may name it for its readers.
        Hazard::BlockingLock => true,
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        goal,
        pg::Ident,
        script::{File, ScriptId, assemble},
        sql,
    };

    use super::{Rules, lint};

    /// Returns the findings as `line rule`.
    fn check(text: &str, rules: &Rules) -> Vec<String> {
        let file = File { path: "010_a.sql".to_owned(), name: "010_a.sql".to_owned(), bytes: text.into() };
        let scripts = assemble(Vec::new(), vec![file]).unwrap();
        let parsed = sql::parse(&scripts[0]).unwrap();
        let goals = goal::read(ScriptId(0), &scripts[0], parsed).unwrap();
        let found = lint(&[goals], rules);
        found
            .iter()
            .map(|finding| format!("{} {}", scripts[0].location(finding.span.start).line, finding.label))
            .collect()
    }

    #[track_caller]
    fn says(text: &str, expected: &[&str]) {
        assert_eq!(check(text, &Rules::default()), expected, "{text}");
    }

    const TABLES: &str = "CREATE TABLE a (id integer PRIMARY KEY); CREATE TABLE b (a_id integer REFERENCES a);";

    #[test]
    fn a_foreign_key_wants_an_index_that_begins_with_its_columns() {
        says(TABLES, &["1 foreign-key-index"]);
        for index in [
            "CREATE INDEX ON b (a_id);",
            "ALTER TABLE b ADD UNIQUE (a_id, x);",
            "CREATE TABLE c (id integer);\nALTER TABLE b ADD COLUMN x integer; CREATE INDEX ON b (a_id, x);",
        ] {
            says(&format!("{TABLES} ALTER TABLE b ADD COLUMN IF NOT EXISTS x integer; {index}"), &[]);
        }
        for other in
            ["CREATE INDEX ON b (x, a_id);", "CREATE INDEX ON a (id);", "CREATE INDEX ON b (a_id) WHERE x > 1;"]
        {
            says(&format!("{TABLES} ALTER TABLE b ADD COLUMN x integer; {other}"), &["1 foreign-key-index"]);
        }
        says(&format!("{TABLES}\n-- ensure:allow drop\nDROP TABLE b;"), &[]);
    }

    #[test]
    fn a_waiver_has_a_reason_and_a_use() {
        says(&format!("-- ensure:waive foreign-key-index -- b is tiny\n\n{TABLES}"), &[]);
        says(
            "-- ensure:waive cascade -- not here\n-- ensure:waive breaking -- nor here\n\nCREATE TABLE t (a int);",
            &["2 unused-waive"],
        );
        says("-- ensure:waive nonsense -- why not\n\nCREATE TABLE t (a int);", &["1 unknown-rule"]);
    }

    #[test]
    fn an_allow_has_a_use() {
        says("-- ensure:allow drop\n\nCREATE TABLE t (a int);", &["1 unused-allow"]);
        says("-- ensure:allow drop\n\nCREATE TABLE t (a int);\nCREATE INDEX ON t (a);", &[]);
        says("CREATE TABLE t (a int);\n-- ensure:allow rewrite\nCREATE INDEX ON t (a);", &["2 unused-allow"]);
        says("-- ensure:allow rewrite\n\nALTER TABLE t ALTER a TYPE bigint;", &[]);
    }

    #[test]
    fn drops_and_renames_are_told_unless_allowed() {
        says("ALTER TABLE t DROP COLUMN a;\nDROP TABLE IF EXISTS u;", &["1 needs-allow", "2 needs-allow"]);
        says("ALTER TABLE t RENAME a TO b;\nALTER TABLE t RENAME TO u;", &["1 breaking", "2 breaking"]);
        says("-- ensure:allow breaking -- at night\nALTER TABLE t RENAME a TO b;", &[]);
    }

    #[test]
    fn the_settings_ask_for_more() {
        let rules = Rules { tenant_column: Some(Ident::new("company_id")), deny_cascade: true };
        let tables = "CREATE TABLE a (id int PRIMARY KEY, company_id int NOT NULL);\nCREATE TABLE b (id int);\n";
        assert_eq!(check(tables, &rules), ["2 tenant-column"]);
        let cascade = "-- ensure:allow drop\nDROP TABLE IF EXISTS a CASCADE;";
        assert_eq!(check(cascade, &rules), ["2 cascade"]);
        says(cascade, &[]);
        let key = "CREATE TABLE c (company_id int NOT NULL PRIMARY KEY REFERENCES a ON DELETE CASCADE);";
        assert_eq!(check(key, &rules), ["1 cascade"]);
    }

    #[test]
    fn rules_of_the_linter_are_applied_where_they_make_sense() {
        says("CREATE TABLE t (at timestamp, c char(3));", &["1 prefer-timestamp-tz", "1 ban-char-field"]);
        says(
            "CREATE INDEX ON t (a);\nALTER TABLE t ADD CONSTRAINT k CHECK (a > 0);\nCREATE TABLE u (id serial, x varchar(3));",
            &[],
        );
        let waived =
            "-- ensure:waive prefer-timestamp-tz -- local times of a time clock\nCREATE TABLE t (at timestamp);";
        says(waived, &[]);
    }
}
