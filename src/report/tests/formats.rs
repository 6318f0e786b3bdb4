//! Markdown, `JUnit` and GitHub annotations: what they look like, and that nothing from outside gets a meaning in them.

use std::collections::{BTreeMap, BTreeSet};

use pulldown_cmark::{Event as Piece, Options, Parser, Tag, TagEnd};

use crate::{
    catalog::{
        Column, Constraint, ConstraintKind, ForeignKey, Generation, Index, IndexKey, IndexStructure, IndexTarget,
        Server, Snapshot, Table,
    },
    event::Look,
    pg::{ServerVersion, TypeName},
    report::render_html,
};

use super::*;

/// Signs that mean something in one of the formats, in every place where text comes from outside.
const SIGNS: &str = "`` a|b <img src=x onerror=alert(1)> </details></pre> ]]> &amp; @everyone #1 ![x](http://h/) **b** \
                     ::error file=x,line=1::y %0A%25 \u{0} \u{fffe} \u{1b}[31m \\| \"' -->\n::error::z\r\n\
                     ```\n# head | | \u{202e}";

/// A report that says everything it can with `SIGNS`.
fn signs(command: Command) -> Report {
    let mut report = Report { command, ..hostile() };
    let text = |text: &mut String| *text = SIGNS.to_owned();
    if let Some(place) = &mut report.place {
        for field in [&mut place.database, &mut place.server, &mut place.version, &mut place.role] {
            text(field);
        }
        place.schema = Some(SIGNS.to_owned());
    }
    for script in &mut report.scripts {
        for field in [&mut script.name.number, &mut script.name.title, &mut script.name.path] {
            text(field);
        }
        for step in &mut script.steps {
            text(&mut step.object);
            text(&mut step.sql);
            step.form = Form::Plain(SIGNS.to_owned());
        }
        script.state = ScriptState::Changed;
        script.statements = vec![StatementReport {
            location: SIGNS.to_owned(),
            state: State::Unverified(SIGNS.to_owned()),
            pending: None,
        }];
    }
    let diagnostic = at(Diagnostic::error(Code::TypeConflict, SIGNS), SIGNS, &format!("a {SIGNS} b"), SIGNS, SIGNS);
    report.diagnostics = vec![diagnostic.why(SIGNS).help(SIGNS)];
    report.diagnostics[0].done = Some(SIGNS.to_owned());
    report.outcome = Some(Outcome::Refused);
    report.comparison = Some(Comparison {
        against: report.place.clone(),
        differences: vec![Difference {
            object: SIGNS.to_owned(),
            relation: None,
            state: DifferenceState::Differs,
            here: Some(SIGNS.to_owned()),
            there: Some(SIGNS.to_owned()),
            statements: vec![SIGNS.to_owned()],
            why: vec![SIGNS.to_owned()],
            location: Some(format!("{SIGNS}:1:1")),
        }],
    });
    report.rehearsal = Some(Rehearsal {
        place: report.place.clone(),
        unlike: vec![SIGNS.to_owned()],
        trials: vec![Trial {
            location: format!("{SIGNS}:1:1"),
            object: SIGNS.to_owned(),
            sql: SIGNS.to_owned(),
            end: TrialEnd::Done,
            effects: vec![Effect {
                object: SIGNS.to_owned(),
                relation: None,
                change: Change::Changed,
                before: Some(SIGNS.to_owned()),
                after: Some(SIGNS.to_owned()),
            }],
            moved: vec![RowsMoved { table: ObjectName::new(SIGNS, SIGNS), before: 0, after: 1 }],
            rows: Some(RowCount(1)),
            elapsed: millis(1),
        }],
    });
    report.history = Some(history_of(SIGNS));
    report.verification = Some(Verification {
        checked: self::table(SIGNS, &[(SIGNS, SIGNS)]),
        complete: true,
        unverified: vec![SIGNS.to_owned()],
        queries: vec![(SIGNS.to_owned(), 1)],
    });
    report
}

/// What `check` comes to.
fn check() -> Report {
    let mut report = report(Command::Check);
    (report.place, report.elapsed) = (None, millis(12));
    report.scripts = scripts(ScriptState::AlreadyTrue, Vec::new(), Vec::new());
    report
}

fn refused_plan() -> Report {
    let mut report = plan();
    report.scripts[1].state = ScriptState::Conflicting;
    report.diagnostics = vec![duplicate_rows(), type_conflict()];
    report.diagnostics[1].at.as_mut().unwrap().location.path.clone_from(&report.scripts[1].name.path);
    report.outcome = Some(Outcome::Refused);
    report
}

fn interrupted_run() -> Report {
    let mut report = failed_run();
    (report.outcome, report.interrupted) = (None, Some(15));
    report.diagnostics.clear();
    report
}

fn unreachable() -> Report {
    let mut report = report(Command::Plan);
    (report.place, report.base, report.outcome) = (None, None, Some(Outcome::Unreachable));
    report.diagnostics =
        vec![Diagnostic::error(Code::ConnectionRefused, "nothing listens at db:5432").help("start the server")];
    report
}

fn all() -> Vec<Report> {
    let mut all = vec![
        plan(),
        rehearsed(),
        refused_plan(),
        verify(),
        changing_run(),
        no_op_run(),
        refused_run(),
        failed_run(),
        interrupted_run(),
        unreachable(),
        check(),
        unmanaged(Command::Verify),
    ];
    all.extend([Command::Run, Command::Plan, Command::Verify, Command::Diff, Command::Check].map(signs));
    all
}

#[test]
fn check_in_text() {
    insta::assert_snapshot!(render_report(&check(), &piped()), @r"
    ensure/010_user_columns.sql
    ensure/020_holidays_is_active.sql
    ensure/030_e-mail_tables.sql
    ensure/040_Half-day_leaves.sql
    ensure/100_tasks.sql
    check  5 scripts (3 base migrations), 35 statements   all readable
    ");
}

#[test]
fn markdown() {
    insta::assert_snapshot!("plan_markdown", render_markdown(&plan()));
    insta::assert_snapshot!("plan_rehearsed_markdown", render_markdown(&rehearsed()));
    insta::assert_snapshot!("plan_refused_markdown", render_markdown(&refused_plan()));
    insta::assert_snapshot!("verify_markdown", render_markdown(&verify()));
    insta::assert_snapshot!("diff_markdown", render_markdown(&diff()));
    insta::assert_snapshot!("run_markdown", render_markdown(&changing_run()));
    insta::assert_snapshot!("check_markdown", render_markdown(&check()));
    insta::assert_snapshot!("unreachable_markdown", render_markdown(&unreachable()));
}

#[test]
fn markdown_keeps_its_form_whatever_is_in_it() {
    const OURS: [&str; 8] = ["<details>", "<summary>", "</summary>", "</details>", "<b>", "</b>", "<code>", "</code>"];
    for report in all() {
        let text = render_markdown(&report);
        assert!(!text.chars().any(|char| super::super::harmless::acts(char) && char != '\n'));
        let mut cells = Vec::new();
        let (mut headings, mut in_code) = (0, false);
        // Outside code, whoever is named is not told.
        let tells = |text: &str| text.contains("@everyone") || text.contains("#1 ");
        for piece in Parser::new_ext(&text, Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH) {
            match piece {
                Piece::Text(text) => assert!(in_code || !tells(&text), "{text}"),
                Piece::Start(Tag::CodeBlock(_)) => in_code = true,
                Piece::End(TagEnd::CodeBlock) => in_code = false,
                Piece::Html(html) | Piece::InlineHtml(html) => {
                    assert!(!tells(&html), "{html}");
                    let html = html.replace("<!-- -->", "");
                    let mut rest = html.as_str();
                    while let Some(at) = rest.find('<') {
                        let ours = OURS.iter().find(|tag| rest[at..].starts_with(**tag));
                        let ours = ours.unwrap_or_else(|| panic!("{html}\n{text}"));
                        rest = &rest[at + ours.len()..];
                    }
                }
                Piece::Start(Tag::Link { .. } | Tag::Image { .. }) => panic!("a link in\n{text}"),
                Piece::Start(Tag::Heading { .. }) => headings += 1,
                Piece::Start(Tag::Table(columns)) => cells = vec![columns.len(), 0],
                Piece::Start(Tag::TableCell) => cells[1] += 1,
                Piece::End(TagEnd::TableRow | TagEnd::TableHead) => {
                    assert_eq!(cells[0], cells[1], "{text}");
                    cells[1] = 0;
                }
                _ => {}
            }
        }
        assert_eq!(headings, 1, "{text}");
        assert_eq!(text.matches("<details>").count(), text.matches("\n</details>").count(), "{text}");
    }
}

#[test]
fn markdown_stays_below_what_a_comment_takes() {
    let mut report = plan();
    let long = format!("CREATE TABLE t ({})", "a integer, ".repeat(400));
    for number in 200..400 {
        let steps = vec![step(Verb::Add, "table public.t", Form::CatalogOnly, &long)];
        report.scripts.push(script(&number.to_string(), "more", ScriptState::Changed).with(steps));
    }
    let text = render_markdown(&report);
    assert!(text.len() < 65_536 && text.contains("left out here for its length"), "{}", text.len());
}

#[test]
fn junit() {
    insta::assert_snapshot!("plan_junit", render_junit(&plan()));
    insta::assert_snapshot!("plan_rehearsed_junit", render_junit(&rehearsed()));
    insta::assert_snapshot!("verify_junit", render_junit(&verify()));
    insta::assert_snapshot!("diff_junit", render_junit(&diff()));
    insta::assert_snapshot!("run_failed_junit", render_junit(&failed_run()));
}

#[test]
fn junit_is_xml_and_fails_exactly_where_the_command_does() {
    for report in all() {
        let text = render_junit(&report);
        let document = roxmltree::Document::parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        let named = |name: &'static str| document.descendants().filter(move |node| node.has_tag_name(name));
        let number = |name: &str| document.root_element().attribute(name).unwrap().parse::<usize>().unwrap();
        assert_eq!(number("tests"), named("testcase").count());
        assert_eq!(number("failures"), named("failure").count());
        assert_eq!(number("errors"), named("error").count());
        let tags: BTreeSet<_> =
            document.descendants().filter(roxmltree::Node::is_element).map(|n| n.tag_name().name()).collect();
        let known = [
            "testsuites",
            "testsuite",
            "testcase",
            "properties",
            "property",
            "failure",
            "error",
            "skipped",
            "system-out",
        ];
        assert!(tags.iter().all(|tag| known.contains(tag)), "{tags:?}");
        let fails = number("failures") + number("errors") > 0;
        let ends_badly = report.outcome.is_some() || report.interrupted.is_some();
        assert_eq!(fails, ends_badly, "{text}");
        let told = document.descendants().filter_map(|node| node.text()).collect::<String>();
        assert!(!told.chars().any(|char| super::super::harmless::acts(char) && char != '\n'), "{told:?}");
    }
}

#[test]
fn github() {
    insta::assert_snapshot!("plan_github", render_github(&plan()));
    insta::assert_snapshot!("plan_rehearsed_github", render_github(&rehearsed()));
    insta::assert_snapshot!("plan_refused_github", render_github(&refused_plan()));
    insta::assert_snapshot!("verify_github", render_github(&verify()));
    insta::assert_snapshot!("diff_github", render_github(&unmanaged(Command::Diff)));
}

#[test]
fn github_commands_are_ours_alone() {
    for report in all() {
        let text = render_github(&report);
        let expected = report.diagnostics.len()
            + report.verification.as_ref().map_or(0, |verification| verification.unverified.len())
            + report.comparison.as_ref().map_or(0, |comparison| comparison.differences.len())
            + report.rehearsal.as_ref().map_or(0, |rehearsal| {
                // One that failed is among the messages.
                rehearsal.trials.iter().filter(|trial| !matches!(trial.end, TrialEnd::Failed(_))).count()
            })
            // A run of the past that failed.
            + report.history.as_ref().map_or(0, |history| history.runs.len())
            + if report.command == Command::Plan {
                report.scripts.iter().filter(|script| script.state == ScriptState::Changed).count()
            } else {
                0
            };
        let commands: Vec<_> = text.lines().filter(|line| line.trim_start().starts_with("::")).collect();
        assert_eq!(commands.len(), expected, "{text}");
        for command in commands {
            // As GitHub reads it: a name, properties up to the next `::`, each `name=value` between commas.
            let (head, message) = command[2..].split_once("::").unwrap();
            let (name, properties) = head.split_once(' ').unwrap();
            assert!(["error", "warning", "notice"].contains(&name), "{command}");
            for property in properties.split(',') {
                let (name, value) = property.split_once('=').unwrap();
                assert!(["file", "line", "endLine", "col", "endColumn", "title"].contains(&name), "{command}");
                assert!(!value.contains(':'), "{command}");
            }
            assert!(!message.contains(['\r', '\u{1b}', '\0']), "{command}");
        }
        assert!(text.is_empty() || text.lines().last().unwrap().starts_with(|char: char| char.is_ascii_lowercase()));
    }
}

fn column(name: &str, type_name: &str, not_null: bool) -> Column {
    Column {
        name: Ident::new(name),
        type_name: TypeName::parse(type_name).unwrap(),
        not_null,
        default: None,
        generation: Generation::None,
        owned_sequence: None,
        collation: None,
    }
}

fn constraint(name: &str, kind: ConstraintKind) -> Constraint {
    Constraint {
        name: Ident::new(name),
        kind,
        validated: true,
        deferrable: false,
        initially_deferred: false,
        no_inherit: false,
    }
}

fn catalog_table(columns: Vec<Column>, refers: &[(&str, &str)]) -> Table {
    let primary = ConstraintKind::PrimaryKey { columns: vec![columns[0].name.clone()], include: Vec::new() };
    let mut constraints = vec![constraint("pkey", primary)];
    constraints.extend(refers.iter().map(|(column, table)| {
        let key = ForeignKey {
            columns: vec![Ident::new(*column)],
            table: ObjectName::new("public", *table),
            referenced: vec![Ident::new("id")],
            on_update: 'a',
            on_delete: 'c',
            match_full: false,
        };
        constraint(&format!("{column}_fkey"), ConstraintKind::ForeignKey(key))
    }));
    Table { columns, constraints, ..Table::default() }
}

fn catalog_index(columns: &[&str], predicate: Option<&str>) -> Index {
    let key = |name: &&str| IndexKey {
        target: IndexTarget::Column(Ident::new(*name)),
        operator_class: None,
        operator_class_parameters: None,
        collation: None,
        descending: false,
        nulls_first: false,
    };
    let structure = IndexStructure {
        method: Ident::new("btree"),
        unique: false,
        nulls_not_distinct: false,
        keys: columns.iter().map(key).collect(),
        include: Vec::new(),
        predicate: predicate.map(str::to_owned),
        storage: BTreeMap::new(),
    };
    Index { valid: true, structure, constraint: None }
}

fn snapshot(tables: Vec<(&str, Table)>) -> Snapshot {
    Snapshot {
        server: Server {
            version: ServerVersion::OLDEST,
            database: "hrms_db".to_owned(),
            role: "migrator".to_owned(),
            superuser: false,
            may_create_schema: false,
            in_recovery: false,
            read_only: false,
            time_zone: "UTC".to_owned(),
            horizon: String::new(),
        },
        target: Some(Ident::new("public")),
        search_path: vec![Ident::new("public")],
        also_in: BTreeSet::new(),
        schemas: BTreeMap::new(),
        tables: tables.into_iter().map(|(name, table)| (ObjectName::new("public", name), table)).collect(),
        relations: BTreeMap::new(),
        types: BTreeMap::new(),
        sequences: BTreeMap::new(),
        extensions: BTreeMap::new(),
        objects: crate::catalog::Objects::default(),
        materialized: BTreeMap::new(),
        base_versions: None,
    }
}

/// Every mark: a new table with a new foreign key, a changed column, one that no script names, dropped ones, one that a
/// message is about, and new, changed and dropped indexes.
fn look() -> Look {
    let id = || column("id", "integer", true);
    let users = || catalog_table(vec![id(), column("email", "character varying(255)", true)], &[]);
    let mut leaves = catalog_table(
        vec![
            id(),
            column("user_id", "integer", true),
            column("total_days", "integer", false),
            column("fax", "text", false),
        ],
        &[("user_id", "users")],
    );
    leaves.indexes.insert(Ident::new("idx_leave_status"), catalog_index(&["id"], None));
    leaves.indexes.insert(Ident::new("idx_old"), catalog_index(&["fax"], None));
    let mut planned = leaves.clone();
    planned.columns[2] = column("total_days", "numeric(4,1)", true);
    planned.columns[2].default = Some("1.0".to_owned());
    planned.columns.pop();
    planned.indexes.remove(&Ident::new("idx_old"));
    planned.indexes.insert(Ident::new("idx_leave_status"), catalog_index(&["id"], Some("(total_days > 0)")));
    planned.indexes.insert(Ident::new("idx_leave_user"), catalog_index(&["user_id"], None));
    let legacy = catalog_table(vec![id()], &[("id", "users")]);
    let tasks = catalog_table(
        vec![id(), column("parent_id", "integer", false), column("user_id", "integer", true)],
        &[("parent_id", "tasks"), ("user_id", "users")],
    );
    let mut wide = users();
    wide.columns.push(column("shoe_size", "integer", false));
    Look {
        found: snapshot(vec![("users", wide.clone()), ("leaves", leaves), ("legacy", legacy)]),
        planned: snapshot(vec![("users", wide), ("leaves", planned), ("tasks", tasks)]),
    }
}

fn pictured(command: Command) -> Report {
    let mut report = Report { command, ..verify() };
    report.diagnostics.push(Diagnostic::error(Code::TypeConflict, "column public.users.email is text").help("see"));
    report.look = Some(Box::new(look()));
    report
}

fn page(report: &Report) -> String {
    let text = render_html(report);
    let (before, rest) = text.split_once("<style>").unwrap();
    let (_, after) = rest.split_once("</style>").unwrap();
    format!("{before}{after}").replace(env!("CARGO_PKG_VERSION"), "<version>").replace("><", ">\n<")
}

#[test]
fn html() {
    insta::assert_snapshot!("verify_html", page(&pictured(Command::Verify)));
    insta::assert_snapshot!("plan_html", page(&Report { look: Some(Box::new(look())), ..plan() }));
}

#[test]
fn html_is_ours_alone_whatever_is_in_it() {
    const TAGS: &str = " a b body br circle code details div figure footer g h2 head header html li main mark p path pre \
                        rect section small span summary svg text title ul ";
    let hostile_table = ObjectName::new(SIGNS, SIGNS);
    let mut samples = all();
    for command in [Command::Plan, Command::Verify] {
        let mut report = signs(command);
        let mut bad = look();
        let mut table = catalog_table(vec![column(SIGNS, "text", false)], &[(SIGNS, "users")]);
        table.columns[0].default = Some(SIGNS.to_owned());
        table.indexes.insert(Ident::new(SIGNS), catalog_index(&[SIGNS], Some(SIGNS)));
        table.constraints.push(constraint(SIGNS, ConstraintKind::Check { expression: SIGNS.to_owned() }));
        bad.planned.tables.insert(hostile_table.clone(), table);
        report.look = Some(Box::new(bad));
        samples.push(report);
    }
    for report in samples {
        let text = render_html(&report);
        assert!(!text.chars().any(|char| super::super::harmless::acts(char) && char != '\n'));
        let (_, body) = text.split_once("</style>").unwrap();
        let mut open: Vec<&str> = Vec::new();
        for (at, _) in body.match_indices('<') {
            let tag = body[at + 1..].split(['>', ' ']).next().unwrap();
            let name = tag.trim_start_matches('/');
            assert!(TAGS.contains(&format!(" {name} ")), "<{tag}> in\n{body}");
            if tag.starts_with('/') {
                // The style and what stands before it are not looked at.
                let last = open.pop();
                assert!(last == Some(name) || (last.is_none() && ["head", "html"].contains(&name)), "</{name}>");
            } else if name != "br" {
                open.push(name);
            }
        }
        assert!(open.is_empty(), "{open:?}");
        // Nothing is loaded, nothing runs, and the policy says so.
        assert!(text.contains("default-src 'none'"));
        for loads in ["src=", "url(", "@import", "<script", "<link", "<iframe", "javascript:"] {
            let shown = text.replace("img src=x", "").replace("default-src", "");
            assert!(!shown.contains(loads), "{loads} in\n{text}");
        }
        for (at, _) in text.match_indices(" href=\"") {
            assert!(text[at + 7..].starts_with("#t"), "{}", &text[at..at + 40]);
        }
    }
}

#[test]
fn html_of_a_thousand_tables_draws_those_that_matter() {
    let mut report = pictured(Command::Verify);
    let mut many = look();
    for number in 0..1000 {
        let table = catalog_table(vec![column("id", "integer", true)], &[("id", "users")]);
        let name = ObjectName::new("public", format!("part_{number}"));
        many.found.tables.insert(name.clone(), table.clone());
        many.planned.tables.insert(name, table);
    }
    report.look = Some(Box::new(many));
    let text = render_html(&report);
    assert!(text.contains("4 tables of 1004: those that differ, and what they refer to."), "{}", text.len());
    assert!(text.contains("and 1 000 tables without a difference"));
    assert!(text.len() < 100_000, "{}", text.len());
}

#[test]
fn html_keeps_a_run_and_check_without_a_picture() {
    for report in [changing_run(), check(), unreachable()] {
        let text = render_html(&report);
        assert!(!text.contains("<svg") && text.contains("<p class=\"verdict"), "{text}");
    }
}
