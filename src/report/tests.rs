//! What people and programs get to see, as snapshots. The values are made by hand, as `ops` and `exec` would make them.

use std::time::Duration;

use crate::{
    diagnostic::{Code, Diagnostic, Outcome, Severity, Subject},
    diff::{Change, Difference, DifferenceState, Effect, RowsMoved},
    event::{
        Aside, Backup, BaseReport, Blocked, Command, Comparison, Event, GuardReport, HookReport, Place, Rehearsal,
        Report, ScriptName, ScriptReport, ScriptState, StatementReport, StepEnd, StepReport, Trial, TrialEnd,
        Verification,
    },
    goal::StatementId,
    pg::{Ident, LockMode, LockTimeout, ObjectName, RowCount, StatementTimeout},
    plan::{Checked, CheckedKind, Form, State, Step, TableSize, Transaction, Verb},
    script::{Script, ScriptId, Span},
};

use super::{
    Progress, Style, render_diagnostic, render_github, render_json, render_junit, render_markdown, render_problems,
    render_report, render_result,
};

mod aside;
mod formats;
mod history;
mod schema;

use aside::backed_up;
use history::{history_of, remembered};

const HOSTILE: &str = "\u{1b}[2J\u{1b}]0;owned\u{7}a\u{202e}b\nc\u{9b}31m\u{200b}\r";

fn piped() -> Style {
    Style::default()
}

fn terminal(width: usize) -> Style {
    Style { width, terminal: true, ..Style::default() }
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn report(command: Command) -> Report {
    Report {
        command,
        place: Some(Place {
            database: "hrms_db".to_owned(),
            server: "db:5432".to_owned(),
            version: "15.18".to_owned(),
            role: "migrator".to_owned(),
            schema: Some("public".to_owned()),
            embedded: false,
        }),
        base: Some(BaseReport { total: 3, ..BaseReport::default() }),
        scripts: Vec::new(),
        verification: None,
        comparison: None,
        rehearsal: None,
        history: None,
        guise: None,
        blocked: Blocked::default(),
        aside: Aside::default(),
        look: None,
        diagnostics: Vec::new(),
        elapsed: millis(5400),
        outcome: None,
        interrupted: None,
    }
}

/// Two databases that differ.
fn diff() -> Report {
    let mut report = report(Command::Diff);
    let place = report.place.clone().unwrap();
    let column = |state, object: &str, here: &str, there: &str, statements: &[&str]| Difference {
        object: object.to_owned(),
        relation: Some(ObjectName::new("public", "users")),
        state,
        here: Some(here.to_owned()).filter(|here| !here.is_empty()),
        there: Some(there.to_owned()).filter(|there| !there.is_empty()),
        statements: statements.iter().map(|&statement| statement.to_owned()).collect(),
        why: Vec::new(),
        location: None,
    };
    let mut mood = column(
        DifferenceState::Differs,
        "enum public.mood",
        "'sad', 'old'",
        "'sad', 'glad'",
        &["ALTER TYPE public.mood ADD VALUE 'glad' AFTER 'sad'"],
    );
    mood.relation = None;
    mood.why = vec!["PostgreSQL does not take labels away: make a new type, or rename them".to_owned()];
    let differences = vec![
        mood,
        column(
            DifferenceState::OnlyHere,
            "column public.users.fax",
            "text",
            "",
            &["ALTER TABLE public.users DROP COLUMN fax"],
        ),
        column(
            DifferenceState::Differs,
            "column public.users.name",
            "character varying(10)",
            "text NOT NULL",
            &[
                "ALTER TABLE public.users ALTER COLUMN name TYPE text USING name::text",
                "ALTER TABLE public.users ALTER COLUMN name SET NOT NULL",
            ],
        ),
        column(
            DifferenceState::OnlyThere,
            "table public.teams",
            "",
            "",
            &["CREATE TABLE public.teams (\n    id integer\n)"],
        ),
    ];
    let against = Place { database: "hrms_next".to_owned(), version: "17.2".to_owned(), ..place };
    (report.base, report.comparison) = (None, Some(Comparison { against: Some(against), differences }));
    report
}

/// A plan whose statements that cannot be read were rehearsed.
fn rehearsed() -> Report {
    let mut report = plan();
    let effect = |object: &str, change, before: &str, after: &str| Effect {
        object: object.to_owned(),
        relation: object.contains("users").then(|| ObjectName::new("public", "users")),
        change,
        before: Some(before.to_owned()).filter(|before| !before.is_empty()),
        after: Some(after.to_owned()).filter(|after| !after.is_empty()),
    };
    let trial = |line: usize, object: &str, sql: &str, end| Trial {
        location: format!("ensure/010_user_columns.sql:{line}:1"),
        object: object.to_owned(),
        sql: sql.to_owned(),
        end,
        effects: Vec::new(),
        moved: Vec::new(),
        rows: None,
        elapsed: millis(12),
    };
    let error = "relation \"nosuch\" does not exist";
    let mut made = trial(20, "DO", "DO $$ BEGIN\n    PERFORM build();\nEND $$", TrialEnd::AsksOn);
    made.effects = vec![
        effect("table public.teams", Change::Made, "", "CREATE TABLE public.teams (\n    id integer\n)"),
        effect("column public.users.name", Change::Changed, "text", "character varying(9)"),
        effect(
            "index idx_old on public.users",
            Change::Dropped,
            "CREATE INDEX idx_old ON public.users USING btree (a)",
            "",
        ),
        effect("catalog pg_cast", Change::Changed, "218 rows", "219 rows"),
    ];
    made.moved = vec![
        RowsMoved { table: ObjectName::new("public", "teams"), before: 0, after: 3 },
        RowsMoved { table: ObjectName::new("public", "users"), before: 2, after: 1 },
    ];
    let filled = Trial { rows: Some(RowCount(0)), ..trial(24, "DELETE FROM", "DELETE FROM users", TrialEnd::Done) };
    let failed = trial(30, "INSERT INTO", "INSERT INTO nosuch VALUES (1)", TrialEnd::Failed(error.to_owned()));
    report.rehearsal = Some(Rehearsal {
        place: report.place.clone().map(|place| Place { server: "a private server".to_owned(), ..place }),
        unlike: vec!["it has no rows, and its sequences begin anew".to_owned()],
        trials: vec![made, filled, failed],
    });
    report.diagnostics.push(at(
        Diagnostic::error(Code::StatementFailed, format!("the rehearsal failed: INSERT INTO: {error}")),
        "ensure/010_user_columns.sql",
        "INSERT INTO nosuch VALUES (1);",
        "nosuch",
        "",
    ));
    report.outcome = Some(Outcome::Failed);
    report
}

#[test]
fn text_of_a_rehearsal() {
    insta::assert_snapshot!("plan_rehearsed", render_report(&rehearsed(), &piped()));
    let nothing = Report { rehearsal: Some(Rehearsal::default()), ..plan() };
    assert!(render_report(&nothing, &piped()).contains("scratch nothing to rehearse"));
}

/// A database with more in it than the scripts say, as `diff` and `verify --strict` see it.
fn unmanaged(command: Command) -> Report {
    let mut report = Report { command, ..verify() };
    let spare = |object: &str, here: &str, statement: &str| Difference {
        object: object.to_owned(),
        relation: None,
        state: DifferenceState::Unmanaged,
        here: Some(here.to_owned()).filter(|here| !here.is_empty()),
        there: None,
        statements: vec![statement.to_owned()],
        why: Vec::new(),
        location: None,
    };
    let mut differences = vec![
        spare("column public.users.fax", "text", "ALTER TABLE public.users ADD COLUMN fax text"),
        spare("table public.spare", "", "CREATE TABLE public.spare (\n    id integer\n)"),
    ];
    if command == Command::Diff {
        let missing = spare("column public.users.age", "", "ALTER TABLE public.users ADD COLUMN age integer");
        let location = Some("ensure/010_user_columns.sql:7:1".to_owned());
        differences.insert(0, Difference { state: DifferenceState::Missing, location, ..missing });
    } else {
        let what = "2 objects of schema public are in no script";
        report.diagnostics.push(Diagnostic::error(Code::Unmanaged, what).why("column public.users.fax"));
        report.outcome = Some(Outcome::Differs);
        if let Some(verification) = &mut report.verification {
            verification.complete = false;
        }
    }
    report.comparison = Some(Comparison { against: None, differences });
    report
}

#[test]
fn text_of_what_differs() {
    insta::assert_snapshot!("diff_two", render_report(&diff(), &piped()));
    insta::assert_snapshot!("diff_scripts", render_report(&unmanaged(Command::Diff), &piped()));
    insta::assert_snapshot!("verify_strict", render_report(&unmanaged(Command::Verify), &terminal(70)));
    let nothing = Report { comparison: Some(Comparison::default()), ..diff() };
    assert!(render_report(&nothing, &piped()).contains("diff    nothing differs"));
}

fn script(number: &str, title: &str, state: ScriptState) -> ScriptReport {
    let id = ScriptId(number.parse::<usize>().unwrap_or_default());
    ScriptReport {
        name: ScriptName {
            id,
            number: number.to_owned(),
            title: title.to_owned(),
            path: format!("ensure/{number}_{}.sql", title.replace([' ', '.'], "_")),
        },
        state,
        size: 7,
        steps: Vec::new(),
        statements: Vec::new(),
        elapsed: Duration::ZERO,
    }
}

impl ScriptReport {
    fn with(mut self, steps: Vec<StepReport>) -> Self {
        self.elapsed = steps.iter().filter_map(|step| step.elapsed).sum();
        self.steps = steps;
        self
    }

    fn statement(mut self, line: usize, state: State) -> Self {
        self.statements.push(StatementReport {
            location: format!("{}:{line}:1", self.name.path),
            state,
            pending: None,
        });
        self
    }
}

fn step(verb: Verb, object: &str, form: Form, sql: &str) -> StepReport {
    StepReport {
        location: "ensure/010_user_columns.sql:7:1".to_owned(),
        guards: Vec::new(),
        size: None,
        transaction: Some(1),
        verb,
        object: object.to_owned(),
        sql: sql.to_owned(),
        form,
        lock: Some((LockMode::AccessExclusive.to_string(), LockMode::AccessExclusive.stops())),
        hazards: Vec::new(),
        lock_timeout_ms: 1500,
        statement_timeout_ms: 5000,
        end: StepEnd::Planned,
        in_batches: false,
        as_replica: false,
        locks_first: String::new(),
        elapsed: None,
        rows: None,
        attempts: 0,
    }
}

impl StepReport {
    fn took(mut self, time: u64) -> Self {
        self.end = StepEnd::Applied;
        self.elapsed = Some(millis(time));
        self.attempts = 1;
        self
    }

    fn rows(mut self, rows: u64) -> Self {
        self.rows = Some(RowCount(rows));
        self
    }

    fn ended(mut self, end: StepEnd) -> Self {
        self.end = end;
        self
    }

    fn locking(mut self, mode: LockMode, timeout: u64) -> Self {
        self.lock = Some((mode.to_string(), mode.stops()));
        self.statement_timeout_ms = timeout;
        self
    }
}

fn default_true() -> StepReport {
    let sql = "ALTER TABLE public.holidays ALTER COLUMN is_active SET DEFAULT true";
    step(Verb::Alter, "column public.holidays.is_active default true", Form::CatalogOnly, sql)
}

fn backfill() -> StepReport {
    let sql = "UPDATE holidays\n   SET is_active = true\n WHERE is_active IS NULL";
    let form = Form::Plain("1 MB, about 14210 rows".to_owned());
    step(Verb::Fill, "rows of public.holidays: is_active IS NULL", form, sql).locking(LockMode::RowExclusive, 60_000)
}

fn half_days() -> StepReport {
    let sql = "ALTER TABLE public.leaves ALTER COLUMN total_days TYPE numeric(4,1) USING total_days::numeric(4,1)";
    let form = Form::Rewrite("38 MB, about 210000 rows, allowed".to_owned());
    let mut step = step(Verb::Alter, "column public.leaves.total_days integer → numeric(4,1)", form, sql);
    step.hazards = vec!["rewrite", "blocking-lock"];
    step.statement_timeout_ms = 0;
    step
}

fn index(name: &str) -> StepReport {
    let sql = format!("CREATE INDEX CONCURRENTLY idx_leave_{name} ON public.leaves ({name})");
    let form = Form::Online("38 MB, about 210000 rows".to_owned());
    step(Verb::Add, &format!("index idx_leave_{name} on public.leaves"), form, &sql)
        .locking(LockMode::ShareUpdateExclusive, 0)
}

const INDEXED: [&str; 6] = ["status", "user_id", "start_date", "end_date", "leave_type", "created_at"];

fn scripts(changed: ScriptState, middle: Vec<StepReport>, end: Vec<StepReport>) -> Vec<ScriptReport> {
    vec![
        script("010", "user columns", ScriptState::AlreadyTrue),
        script("020", "holidays.is_active", changed).with(middle),
        script("030", "e-mail tables", ScriptState::AlreadyTrue),
        script("040", "Half-day leaves", changed).with(end),
        script("100", "tasks", ScriptState::AlreadyTrue),
    ]
}

fn checked(table: Option<&str>, kind: CheckedKind, name: &str, details: &str) -> Checked {
    let table = table.map(|table| ObjectName::new("public", table));
    Checked { table, kind, name: Ident::new(name), details: details.to_owned() }
}

fn table(name: &str, columns: &[(&str, &str)]) -> Vec<Checked> {
    let mut all = vec![checked(None, CheckedKind::Table, name, "public")];
    all.extend(columns.iter().map(|(column, details)| checked(Some(name), CheckedKind::Column, column, details)));
    all.push(checked(Some(name), CheckedKind::Constraint, &format!("{name}_pkey"), "primary key"));
    all
}

fn verification() -> Verification {
    let mut checked_objects =
        table("users", &[("id", "integer not null"), ("email", "character varying(255) not null")]);
    checked_objects.extend(table(
        "leaves",
        &[("id", "integer not null"), ("user_id", "integer not null"), ("total_days", "numeric(4,1) not null")],
    ));
    checked_objects.push(checked(Some("leaves"), CheckedKind::Index, "idx_leave_status", "btree (status)"));
    checked_objects.push(checked(Some("users"), CheckedKind::Index, "ux_users_email", "btree (lower(email))"));
    // A second statement about the same column is not a second column.
    checked_objects.push(checked(Some("leaves"), CheckedKind::Column, "total_days", "numeric(4,1)"));
    checked_objects.push(checked(None, CheckedKind::Enum, "leave_status", "pending, approved, rejected"));
    Verification { checked: checked_objects, complete: true, unverified: Vec::new(), queries: Vec::new() }
}

fn changing_run() -> Report {
    let middle = vec![default_true().took(8), backfill().took(1190).rows(14_210)];
    let mut end = vec![half_days().took(1600)];
    end.extend(INDEXED.map(|name| index(name).took(383)));
    end[0].attempts = 3;
    let mut report = report(Command::Run);
    report.base = Some(BaseReport {
        total: 3,
        open: vec!["00000000000001".to_owned()],
        recorded: vec!["00000000000001_core".to_owned()],
        unrecorded: None,
    });
    report.scripts = scripts(ScriptState::Changed, middle, end);
    report.verification = Some(verification());
    report
}

fn no_op_run() -> Report {
    let mut report = report(Command::Run);
    report.scripts = scripts(ScriptState::AlreadyTrue, Vec::new(), Vec::new());
    report.verification = Some(verification());
    report.elapsed = millis(84);
    report
}

const USERS: &str = "\n\n\n\n\n\nALTER TABLE users ADD COLUMN IF NOT EXISTS designation varchar(255);\n";
const LEAVES: &str = "-- Half days.\n\nALTER TABLE leaves\n\tADD COLUMN IF NOT EXISTS total_days numeric(4,1) NOT NULL,\n\tADD \
                      COLUMN IF NOT EXISTS half_day boolean;\n";

fn file(path: &str, text: &str) -> Script {
    Script { path: path.to_owned(), number: Some(10), name: "010_a".to_owned(), text: text.to_owned() }
}

fn at(diagnostic: Diagnostic, path: &str, text: &str, marked: &str, label: &str) -> Diagnostic {
    let start = text.find(marked).unwrap();
    diagnostic.at(&file(path, text), Span::new(start, start + marked.len()), label)
}

fn lock_timeout() -> Diagnostic {
    let what = "could not lock table public.users in 30 attempts of 1.5 s";
    let label = "needs ACCESS EXCLUSIVE for a moment; reads and writes would queue behind it";
    let mut diagnostic = at(
        Diagnostic::error(Code::LockTimeout, what),
        "ensure/010_user_columns.sql",
        USERS,
        "ALTER TABLE users",
        label,
    )
    .why("session 4182 (\"payroll-report\") has held ACCESS SHARE for 14 min, idle in transaction")
    .help("end that transaction, then run `hrms-migrate run` again; it goes on at step 7");
    diagnostic.done = Some("steps 1 to 6 of 21; this step changed nothing".to_owned());
    diagnostic
}

fn type_conflict() -> Diagnostic {
    let what = "column public.leaves.total_days is numeric(10,2); the script asks for numeric(4,1)";
    let marked = "total_days numeric(4,1) NOT NULL";
    let subject = Subject::part("column", ObjectName::new("public", "leaves"), "total_days".to_owned());
    at(
        Diagnostic { subject: Some(subject), ..Diagnostic::error(Code::TypeConflict, what) },
        "ensure/040_leaves_total_days.sql",
        LEAVES,
        marked,
        "IF NOT EXISTS looks at the name only",
    )
    .why("narrowing rewrites the table, rounds 41 values without notice and fails on 3 that do not fit")
    .help("write numeric(10,2) here, or round the values in a script of their own before this one")
}

fn duplicate_rows() -> Diagnostic {
    Diagnostic::error(Code::DuplicateRows, "2 values of lower(email) in public.users occur more than once")
        .why("the rows have ids 17 and 4211, and 3 more pairs")
        .help("merge them, then run again")
}

fn refused_run() -> Report {
    let mut report = report(Command::Run);
    report.scripts = scripts(ScriptState::Conflicting, Vec::new(), Vec::new());
    report.scripts[4].state = ScriptState::NotReached;
    report.diagnostics = vec![
        type_conflict(),
        duplicate_rows(),
        Diagnostic {
            severity: Severity::Note,
            ..Diagnostic::note(Code::QueryFailed, "table public.tasks is locked by pid 12")
        },
    ];
    report.outcome = Some(Outcome::Refused);
    report.elapsed = millis(320);
    report
}

fn failed_run() -> Report {
    let middle = vec![default_true().took(8), backfill().took(1190).rows(14_210)];
    let mut end = vec![index("status").took(380), half_days().ended(StepEnd::Failed)];
    end[1].elapsed = Some(millis(46_000));
    end[1].attempts = 30;
    end.extend(INDEXED.map(|name| index(name).ended(StepEnd::NotReached)));
    let mut report = report(Command::Run);
    report.scripts = scripts(ScriptState::Changed, middle, end);
    report.scripts[3].state = ScriptState::Failed;
    report.scripts[4].state = ScriptState::NotReached;
    report.diagnostics = vec![lock_timeout()];
    report.outcome = Some(Outcome::NoLock);
    report.elapsed = millis(61_000);
    report
}

fn plan() -> Report {
    let mut end = vec![half_days()];
    end.extend(["status", "user_id"].map(index));
    let mut report = report(Command::Plan);
    report.scripts = scripts(ScriptState::Changed, vec![default_true(), backfill()], end);
    report.scripts[4].state = ScriptState::LeftOut;
    let until = StatementId { script: ScriptId(20), index: 1 };
    report.scripts[3] = report.scripts[3].clone().statement(31, State::UnknownUntil(until));
    report.elapsed = millis(96);
    report
}

fn verify() -> Report {
    let mut report = report(Command::Verify);
    report.scripts = scripts(ScriptState::AlreadyTrue, Vec::new(), Vec::new());
    report.scripts[3] = script("040", "Half-day leaves", ScriptState::Changed).with(vec![index("status")]);
    report.verification = Some(Verification {
        complete: false,
        unverified: vec!["rows of public.holidays: table locked by pid 4182".to_owned()],
        queries: vec![
            ("no half-day value has more than one decimal".to_owned(), 3),
            ("every task has an owner".to_owned(), 0),
        ],
        ..verification()
    });
    let what = "index idx_leave_status on public.leaves is not there";
    report.diagnostics = vec![type_conflict(), Diagnostic::error(Code::VerificationFailed, what)];
    report.outcome = Some(Outcome::Differs);
    report.elapsed = millis(143);
    report
}

/// Everything that can be said, said by somebody who means harm.
fn hostile() -> Report {
    let mut report = changing_run();
    let bad = |text: &mut String| text.insert_str(0, HOSTILE);
    if let Some(place) = &mut report.place {
        for text in [&mut place.database, &mut place.server, &mut place.version, &mut place.role] {
            bad(text);
        }
        place.schema = Some(HOSTILE.to_owned());
    }
    report.base = Some(BaseReport {
        total: 1,
        open: vec!["00000000000001".to_owned()],
        recorded: vec![HOSTILE.to_owned()],
        unrecorded: Some(HOSTILE.to_owned()),
    });
    for script in &mut report.scripts {
        for text in [&mut script.name.number, &mut script.name.title, &mut script.name.path] {
            bad(text);
        }
        for step in &mut script.steps {
            bad(&mut step.object);
            bad(&mut step.sql);
            step.form = Form::Plain(HOSTILE.to_owned());
            step.end = StepEnd::Failed;
        }
        script.statements = vec![StatementReport {
            location: HOSTILE.to_owned(),
            state: State::Unverified(HOSTILE.to_owned()),
            pending: None,
        }];
    }
    report.aside = Aside {
        begun: true,
        run: None,
        backup: Some(Backup { file: HOSTILE.to_owned(), bytes: Some(1), elapsed: millis(1) }),
        hooks: vec![HookReport { hook: "after-run", failure: Some(HOSTILE.to_owned()), elapsed: millis(1) }],
    };
    report.diagnostics = vec![
        at(Diagnostic::error(Code::TypeConflict, HOSTILE), HOSTILE, &format!("a {HOSTILE} b"), HOSTILE, HOSTILE)
            .why(HOSTILE)
            .help(HOSTILE),
    ];
    report.diagnostics[0].done = Some(HOSTILE.to_owned());
    report.verification = Some(Verification {
        checked: table(HOSTILE, &[(HOSTILE, HOSTILE)]),
        complete: true,
        unverified: vec![HOSTILE.to_owned()],
        queries: vec![(HOSTILE.to_owned(), 1)],
    });
    report
}

#[test]
fn a_run_that_changed_something() {
    insta::assert_snapshot!("run", render_report(&changing_run(), &piped()));
    insta::assert_snapshot!("run_narrow", render_report(&changing_run(), &terminal(48)));
    insta::assert_snapshot!("run_verbose", render_report(&changing_run(), &Style { verbose: true, ..piped() }));
    insta::assert_snapshot!("run_colour", render_report(&changing_run(), &Style { color: true, ..terminal(100) }));
    insta::assert_snapshot!("run_ascii", render_report(&changing_run(), &Style { unicode: false, ..piped() }));
}

#[test]
fn a_run_with_nothing_to_do() {
    insta::assert_snapshot!("run_no_op", render_report(&no_op_run(), &piped()));
    insta::assert_snapshot!("run_no_op_wide", render_report(&no_op_run(), &terminal(200)));
    assert_eq!(render_problems(&no_op_run(), &piped()), "");
}

#[test]
fn a_refused_run() {
    insta::assert_snapshot!("run_refused", render_report(&refused_run(), &piped()));
    insta::assert_snapshot!("run_refused_narrow", render_report(&refused_run(), &terminal(50)));
    insta::assert_snapshot!("run_refused_quiet", render_problems(&refused_run(), &piped()));
    insta::assert_snapshot!("run_refused_result", render_result(&refused_run(), &piped()));
}

#[test]
fn a_failed_run() {
    insta::assert_snapshot!("run_failed", render_report(&failed_run(), &piped()));
    let mut interrupted = failed_run();
    interrupted.outcome = None;
    interrupted.interrupted = Some(2);
    interrupted.diagnostics.clear();
    let text = render_report(&interrupted, &Style { width: 200, ..piped() }).replace("\n        ", " ");
    let next = "next    interrupted by SIGINT; what is done stays; type `hrms-migrate run` again; it goes on at step 2 of 040 \
                Half-day leaves\n";
    assert!(text.ends_with(next), "{text}");
}

#[test]
fn a_run_that_came_to_nothing_counts_nothing() {
    let mut report = report(Command::Run);
    (report.place, report.base, report.outcome) = (None, None, Some(Outcome::Unreachable));
    report.diagnostics =
        vec![Diagnostic::error(Code::ConnectionRefused, "nothing listens at db:5432").help("start the server")];
    let expected = "error[connection-refused]: nothing listens at db:5432\n   = help: start the server\n";
    for style in [piped(), terminal(80)] {
        assert_eq!(render_report(&report, &style).trim_end(), expected.trim_end());
        assert_eq!(render_problems(&report, &style), expected);
    }
}

#[test]
fn a_plan_that_finds_conflicts() {
    let mut report = plan();
    report.scripts[1].state = ScriptState::Conflicting;
    report.diagnostics = vec![duplicate_rows()];
    report.outcome = Some(Outcome::Refused);
    insta::assert_snapshot!("plan_refused", render_report(&report, &terminal(100)));
}

#[test]
fn a_verification_where_all_is_as_declared() {
    let mut report = Report { command: Command::Verify, ..no_op_run() };
    insta::assert_snapshot!("verify_good", render_report(&report, &piped()));
    report.verification = Some(Verification { unverified: vec!["table locked".to_owned()], ..verification() });
    let text = render_report(&report, &piped());
    assert!(text.contains("1 enum   as declared, but 1 not verified"), "{text}");
}

#[test]
fn a_plan() {
    insta::assert_snapshot!("plan", render_report(&plan(), &piped()));
    insta::assert_snapshot!("plan_terminal", render_report(&plan(), &terminal(80)));
    insta::assert_snapshot!("plan_narrow", render_report(&plan(), &terminal(40)));
}

#[test]
fn a_verification_with_differences() {
    insta::assert_snapshot!("verify", render_report(&verify(), &piped()));
    insta::assert_snapshot!("verify_narrow", render_report(&verify(), &terminal(44)));
    insta::assert_snapshot!("verify_verbose", render_report(&verify(), &Style { verbose: true, ..piped() }));
}

#[test]
fn a_thousand_tables_take_a_few_lines() {
    let mut report = verify();
    let mut many = verification();
    for number in 0..1000 {
        many.checked.extend(table(&format!("part_{number}"), &[("id", "integer")]));
    }
    report.verification = Some(Verification { complete: false, ..many });
    report.diagnostics = vec![Diagnostic::error(Code::TypeConflict, "column public.part_77.id is text")];
    report.scripts = (1..=300).map(|n| script(&format!("{n:03}"), "part", ScriptState::AlreadyTrue)).collect();
    insta::assert_snapshot!("verify_many", render_report(&report, &piped()));
    report.command = Command::Run;
    report.scripts[99].state = ScriptState::Conflicting;
    insta::assert_snapshot!("run_many", render_report(&report, &piped()));
}

#[test]
fn diagnostics_have_the_form_that_craft_gives() {
    let expected = r#"error[lock-timeout]: could not lock table public.users in 30 attempts of 1.5 s
  --> ensure/010_user_columns.sql:7:1
   |
 7 | ALTER TABLE users ADD COLUMN IF NOT EXISTS designation varchar(255);
   | ^^^^^^^^^^^^^^^^^ needs ACCESS EXCLUSIVE for a moment; reads and writes would queue behind it
   = why: session 4182 ("payroll-report") has held ACCESS SHARE for 14 min, idle in transaction
   = done so far: steps 1 to 6 of 21; this step changed nothing
   = help: end that transaction, then run `hrms-migrate run` again; it goes on at step 7
"#;
    assert_eq!(render_diagnostic(&lock_timeout(), &piped()), expected);
    assert_eq!(render_diagnostic(&lock_timeout(), &terminal(110)), expected);
}

#[test]
fn marks_stand_below_what_they_mark() {
    let sample = |text: &str, marked: &str, width: usize| {
        let diagnostic = Diagnostic::error(Code::SyntaxError, "here");
        let label = "a label of some length that may have to be broken";
        render_diagnostic(&at(diagnostic, "a.sql", text, marked, label), &terminal(width))
    };
    let long = format!("SELECT {}, wrong FROM t, {};", "column_a, ".repeat(12), "u, ".repeat(40));
    let drawn = [
        sample("SELECT '漢字', wrong;", "wrong", 100),
        sample("\tSELECT\twrong;", "wrong", 100),
        sample("SELECT 1,\r\n\t\t2,\r\n  3;\r\nSELECT 2", "1,\r\n\t\t2,\r\n  3", 100),
        sample("CREATE TABLE t (\n  a integer\n);", "(\n  a integer\n)", 50),
        sample(&long, "wrong", 60),
        sample(&"x".repeat(300), &"x".repeat(300), 60),
        sample("SELECT 'a\u{1b}[31m\u{202e}', wrong;", "wrong", 100),
    ];
    insta::assert_snapshot!("marks", drawn.join("\n"));
}

#[test]
fn an_empty_mark_is_one_sign() {
    let script = file("a.sql", "SELECT");
    let diagnostic =
        Diagnostic::error(Code::SyntaxError, "the statement ends too early").at(&script, Span::new(6, 6), "here");
    let drawn = render_diagnostic(&diagnostic, &piped());
    assert!(drawn.contains("\n 1 | SELECT\n   |       ^ here\n"), "{drawn}");
}

#[test]
fn nothing_from_outside_acts_on_a_terminal() {
    for command in [Command::Run, Command::Plan, Command::Verify] {
        let report = Report { command, ..hostile() };
        for style in
            [piped(), terminal(40), Style { verbose: true, ..terminal(80) }, Style { unicode: false, ..piped() }]
        {
            let text = render_report(&report, &style);
            let found: Vec<_> = text.chars().filter(|char| super::harmless::acts(*char) && *char != '\n').collect();
            assert!(found.is_empty(), "{found:?} in\n{text}");
            assert!(style.unicode || text.is_ascii(), "{text}");
        }
        let json = render_json(&report);
        assert!(!json.chars().any(|char| super::harmless::acts(char) && char != '\n'));
        let value: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(value["place"]["schema"], HOSTILE);
    }
    insta::assert_snapshot!("hostile", render_report(&hostile(), &terminal(80)));
}

#[test]
fn no_line_is_wider_than_the_terminal() {
    for report in [changing_run(), no_op_run(), refused_run(), failed_run(), verify()] {
        for width in [40, 50, 60, 80, 200] {
            for line in render_report(&report, &terminal(width)).lines() {
                // SQL, places and what stands between backticks are kept whole, to be pasted.
                let whole = line.contains('`') || line.ends_with(';') || line.contains("--> ");
                let limit = if line.contains(" | ") { width } else { width.min(110) };
                assert!(whole || super::layout::width(line) <= limit, "{width}: {line}");
            }
        }
    }
}

#[test]
fn colour_adds_nothing_but_colour() {
    for report in [changing_run(), refused_run(), plan(), verify()] {
        let plain = render_report(&report, &terminal(90));
        let coloured = render_report(&report, &Style { color: true, ..terminal(90) });
        let mut stripped = String::new();
        let mut rest = coloured.as_str();
        while let Some((before, after)) = rest.split_once('\u{1b}') {
            stripped.push_str(before);
            rest = after.split_once('m').unwrap().1;
        }
        stripped.push_str(rest);
        let lines = |text: &str| text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n");
        assert_eq!(lines(&stripped), lines(&plain));
        assert_ne!(coloured, plain);
    }
}

fn sent() -> Step {
    Step {
        statement: StatementId { script: ScriptId(40), index: 0 },
        span: Span::new(0, 0),
        sql: "ALTER TABLE …".to_owned(),
        origins: Vec::new(),
        verb: Verb::Alter,
        object: "column public.leaves.total_days integer → numeric(4,1)".to_owned(),
        table: None,
        size: None,
        form: Form::CatalogOnly,
        lock: None,
        lock_timeout: LockTimeout::from_millis(1500),
        statement_timeout: StatementTimeout::NONE,
        hazards: Vec::new(),
        transaction: Transaction::Shared,
        leftover: None,
        batches: None,
        keeps: None,
        looks_again: false,
    }
}

fn told(style: Style, quiet: bool) -> String {
    let step = sent();
    let report = report(Command::Run);
    let place = report.place.unwrap();
    let ended = script("040", "Half-day leaves", ScriptState::Changed).with(vec![half_days().took(1600)]);
    let blockers = || vec!["session 4182 (\"payroll-report\"), idle in transaction for 14 min".to_owned()];
    let retry = |attempt: u32, blockers: Vec<String>| Event::Retry {
        step: &step,
        attempt,
        why: "the table was not free within 1.5 s".to_owned(),
        blockers,
        pause: millis(2100),
    };
    let events = [
        Event::WaitingForServer { why: format!("connection refused{HOSTILE}"), waited: millis(2000) },
        Event::Connected(&place),
        Event::WaitingForRunner { pid: Some(311), waited: millis(12_000) },
        Event::Asking { what: "whether rows of public.holidays are left" },
        Event::ScriptBegins { script: &ended.name, steps: 7 },
        Event::StepBegins(&step),
        retry(1, blockers()),
        retry(2, blockers()),
        retry(3, Vec::new()),
        Event::Batch { step: &step, rows: RowCount(9_000), pages: (40, 100), elapsed: millis(12_500) },
        Event::Batch { step: &step, rows: RowCount(10_000), pages: (45, 100), elapsed: millis(13_000) },
        Event::Batch { step: &step, rows: RowCount(14_210), pages: (100, 100), elapsed: millis(31_000) },
        Event::StepDone { step: &step, elapsed: millis(1600), rows: Some(RowCount(14_210)) },
        Event::Blocked { longest: millis(1500), total: millis(3200) },
        Event::ScriptEnds(&ended),
        Event::Note("the journal may not be written by this role".to_owned()),
    ];
    let mut out = Vec::new();
    let progress = Progress::new(&mut out, style);
    let mut progress = if quiet { progress.quiet() } else { progress };
    for event in &events {
        progress.tell(event);
    }
    drop(progress);
    String::from_utf8(out).unwrap()
}

#[test]
fn progress_is_one_plain_line_an_event_where_no_terminal_reads_it() {
    let told_lines = told(piped(), false);
    assert!(!told_lines.contains(['\u{1b}', '\r']));
    insta::assert_snapshot!("progress_lines", told_lines);
}

#[test]
fn progress_writes_over_one_line_on_a_terminal() {
    let told_live = told(terminal(70), false);
    insta::assert_snapshot!(
        "progress_terminal",
        told_live.replace('\r', "\\r").replace('\u{1b}', "\\e").replace("\\e[K", "\\e[K\n")
    );
}

#[test]
fn quiet_progress_says_nothing() {
    assert_eq!(told(terminal(70), true), "");
}

#[test]
fn status_is_one_screen() {
    let mut status = plan();
    status.command = Command::Status;
    status.scripts.push(
        script("090", "Employment history", ScriptState::Unverified)
            .statement(12, State::Unverified("no right to read it (SELECT)".to_owned())),
    );
    let source = Script {
        path: "ensure/100_tasks.sql".to_owned(),
        number: Some(100),
        name: "100_tasks".to_owned(),
        text: "ALTER TABLE tasks ADD COLUMN priority varchar;".to_owned(),
    };
    let mut conflict = Diagnostic::error(
        Code::TypeConflict,
        "column public.tasks.priority is integer; the script asks for character varying",
    )
    .at(&source, Span::new(0, 11), "");
    conflict.severity = Severity::Warning;
    let mut conflicting = script("100", "Tasks", ScriptState::Conflicting);
    conflicting.name.path.clone_from(&source.path);
    status.scripts.push(conflicting);
    status.diagnostics.push(conflict);
    insta::assert_snapshot!(render_report(&status, &piped()));
}
