//! The command line: what was typed, turned into settings and one call of an operation; what came of it, into an exit code.

pub mod args;
mod man;

use std::{
    env, fs,
    io::{self, Write as _},
    path::Path,
    process::ExitCode,
    sync::Arc,
};

use clap::CommandFactory as _;

use crate::{
    config::{self, Color, ConfigError, Format, Settings, TargetChoice, Verbosity},
    diagnostic::{Code, Diagnostic, Outcome, Severity},
    event::{self, Event, Report, ScriptState},
    exec::Interrupt,
    journal::Keeping,
    ops::{self, Migrator},
    report::{self, Progress, Style},
};

use args::{Command, CommandLine};

/// Reads the command line, does what it says, and returns the exit code.
#[must_use]
pub fn main() -> ExitCode {
    let line = match CommandLine::read(env::args_os()) {
        Ok(line) => line,
        Err(error) => {
            // Help and version arrive as errors too, and go to stdout.
            drop(error.print());
            return ExitCode::from(if error.use_stderr() { Outcome::Usage.exit_code() } else { 0 });
        }
    };
    match &line.command {
        Command::Explain { code } => return explain(code.as_deref()),
        Command::Completions { shell } => return completions(*shell),
        Command::Man { out } => return man::print(out.as_deref()),
        _ => {}
    }
    let settings = match settle(&line) {
        Ok(settings) => settings,
        Err(diagnostic) => {
            let style = style(Color::Auto, Verbosity::Normal, &io::stderr());
            complain(&diagnostic, &style);
            return ExitCode::from(diagnostic.code.outcome().exit_code());
        }
    };
    let terminal = Terminal {
        out: style(settings.color, settings.verbosity, &io::stdout()),
        err: style(settings.color, settings.verbosity, &io::stderr()),
        quiet: settings.verbosity == Verbosity::Quiet,
    };
    terminal.notes(&settings);
    match &line.command {
        Command::Run => terminal.operate(settings, &|migrator, emit| migrator.run(emit), Wanted::default()),
        Command::Plan(options) => {
            let wanted = Wanted { exit_code: options.exit_code, sql: options.sql };
            let plan: Operation = if options.rehearse { |m, emit| m.rehearse(emit) } else { |m, emit| m.plan(emit) };
            // psql writes no journal, so nothing could be kept there.
            let journal = if options.sql { Keeping::Not } else { settings.journal.clone() };
            terminal.operate(Settings { journal, ..settings }, &plan, wanted)
        }
        Command::Status(options) => {
            let wanted = Wanted { exit_code: options.exit_code, ..Wanted::default() };
            terminal.operate(settings, &|migrator, emit| migrator.status_and_history(emit), wanted)
        }
        Command::Verify(options) => {
            let verify: Operation =
                if options.strict { |m, emit| m.verify_strictly(emit) } else { |m, emit| m.verify(emit) };
            terminal.operate(settings, &verify, Wanted::default())
        }
        Command::Diff(options) => {
            let wanted = Wanted { exit_code: options.exit_code, ..Wanted::default() };
            match against(&line, options) {
                Ok(None) => terminal.operate(settings, &|m, emit| m.diff(emit), wanted),
                Ok(Some(other)) => terminal.operate(settings, &|m, emit| m.diff_against(&other, emit), wanted),
                Err(diagnostic) => {
                    complain(&diagnostic, &terminal.err);
                    ExitCode::from(diagnostic.code.outcome().exit_code())
                }
            }
        }
        Command::History(options) => {
            let filter = options.filter();
            terminal.operate(settings, &|migrator, emit| migrator.history(&filter, emit), Wanted::default())
        }
        Command::Rollback(options) => {
            let to = match &settings.selection.to {
                Some(config::ScriptName::Number(run)) => i64::try_from(*run).ok(),
                Some(name) => {
                    let what = format!("--to takes the number of a run here, not {name}");
                    let help = "`hrms-migrate history` lists the runs; `--script` takes back what a script has changed";
                    complain(&Diagnostic::error(Code::Usage, what).help(help), &terminal.err);
                    return ExitCode::from(Outcome::Usage.exit_code());
                }
                None => None,
            };
            let (back, wanted) = (options.back(to), Wanted { sql: options.sql, ..Wanted::default() });
            if options.dry_run || options.sql {
                terminal.operate(settings, &|migrator, emit| migrator.plan_rollback(&back, emit), wanted)
            } else {
                terminal.operate(settings, &|migrator, emit| migrator.rollback(&back, emit), wanted)
            }
        }
        Command::Adopt(options) => {
            let wanted = Wanted { exit_code: options.exit_code, ..Wanted::default() };
            let keeper = options.keeper();
            terminal.operate(settings, &|migrator, emit| migrator.adopt(keeper, emit), wanted)
        }
        Command::Stamp if settings.yes => terminal.operate(settings, &|m, emit| m.stamp(emit), Wanted::default()),
        Command::Stamp => {
            let diagnostic = Diagnostic::error(Code::Usage, "everything would be written down as done without looking")
                .why("`adopt` writes down what holds, which is almost always what is wanted")
                .help("to do it all the same: `hrms-migrate stamp --yes`");
            complain(&diagnostic, &terminal.err);
            ExitCode::from(Outcome::Usage.exit_code())
        }
        Command::Repair if settings.yes => terminal.operate(settings, &|m, emit| m.repair(emit), Wanted::default()),
        Command::Repair => terminal.operate(settings, &|m, emit| m.plan_repair(emit), Wanted::default()),
        Command::Backfill(options) => {
            let wish = options.wish();
            terminal.operate(settings, &|migrator, emit| migrator.backfill(wish, emit), Wanted::default())
        }
        Command::Check(options) => terminal.check(settings, options.strict),
        Command::Wait => terminal.wait(settings),
        Command::Explain { .. } | Command::Completions { .. } | Command::Man { .. } => ExitCode::SUCCESS,
    }
}

#[expect(clippy::disallowed_methods, reason = "the current directory is where `.env` is looked for")]
fn settle(line: &CommandLine) -> Result<Settings, Box<Diagnostic>> {
    let directory = env::current_dir().unwrap_or_default();
    Settings::settle(&line.options.flags(), &config::process_environment(), &directory, &config::read_file)
        .map_err(|error| Box::new(ops::of_config(&error)))
}

/// Returns the database of `--against`, settled as the first one is: by its own text, libpq's variables and the defaults.
#[expect(clippy::disallowed_methods, reason = "the current directory is where `.env` is looked for")]
fn against(line: &CommandLine, options: &args::DiffOptions) -> Result<Option<TargetChoice>, Box<Diagnostic>> {
    let Some(url) = &options.against else { return Ok(None) };
    let flags = line.options.flags().with_only(config::Setting::DatabaseUrl, url);
    let directory = env::current_dir().unwrap_or_default();
    let settled = Settings::settle(&flags, &config::process_environment(), &directory, &config::read_file);
    match settled {
        Ok(settings) => Ok(Some(settings.target)),
        Err(ConfigError::BadUrl { cause, .. }) => {
            let error = ConfigError::BadUrl { origin: config::Source::Flag("against"), cause };
            Err(Box::new(ops::of_config(&error)))
        }
        Err(error) => Err(Box::new(ops::of_config(&error))),
    }
}

/// How to write to a stream.
fn style(color: Color, verbosity: Verbosity, stream: &impl io::IsTerminal) -> Style {
    const NARROWEST: usize = 40;
    let terminal = stream.is_terminal();
    let width = terminal_size::terminal_size().map_or(100, |(width, _)| usize::from(width.0));
    Style {
        color: match color {
            Color::Auto => terminal,
            Color::Always => true,
            Color::Never => false,
        },
        width: if terminal { width.max(NARROWEST) } else { 100 },
        verbose: matches!(verbosity, Verbosity::Verbose | Verbosity::Statements),
        unicode: true,
        terminal,
    }
}

fn complain(diagnostic: &Diagnostic, style: &Style) {
    print_to(&mut io::stderr(), &report::render_diagnostic(diagnostic, style));
}

/// Writes text; a reader that has gone away is no error worth a word.
fn print_to(stream: &mut dyn io::Write, text: &str) {
    drop(stream.write_all(text.as_bytes()).and_then(|()| stream.flush()));
}

struct Terminal {
    out: Style,
    err: Style,
    quiet: bool,
}

/// What is wanted of a command beyond its report.
#[derive(Clone, Copy, Default)]
struct Wanted {
    /// Exit code 2 where something is to be done.
    exit_code: bool,
    /// A script for psql instead of the report.
    sql: bool,
}

type Operation = fn(&Migrator, &mut dyn FnMut(Event<'_>)) -> Report;
type Operate<'a> = &'a dyn Fn(&Migrator, &mut dyn FnMut(Event<'_>)) -> Report;

impl Terminal {
    fn notes(&self, settings: &Settings) {
        if self.quiet {
            return;
        }
        for note in &settings.notes {
            print_to(&mut io::stderr(), &format!("note: {note}\n"));
        }
        if self.err.verbose {
            for variable in &settings.unknown_variables {
                print_to(&mut io::stderr(), &format!("note: {variable} is no setting of this program\n"));
            }
        }
    }

    fn interrupt() -> Arc<Interrupt> {
        // Where signals cannot be caught, the default action still ends the run.
        Arc::new(Interrupt::listen().unwrap_or_else(|_| Interrupt::never()))
    }

    fn progress<'a>(&self, stream: &'a mut (dyn io::Write + Send)) -> Progress<'a> {
        let progress = Progress::new(stream, self.err);
        if self.quiet { progress.quiet() } else { progress }
    }

    fn operate(&self, settings: Settings, operation: Operate<'_>, wanted: Wanted) -> ExitCode {
        let migrator = Migrator::from_settings(settings).interrupted_by(Self::interrupt());
        let settings = migrator.settings();
        let mut stderr = io::stderr();
        let mut progress = self.progress(&mut stderr);
        let report = operation(&migrator, &mut |event| {
            progress.tell(&event);
            // What the user's commands read; it is written once more when they are done.
            if let Event::Concluded(report) = event {
                self.write_reports(settings, report, false);
            }
        });
        progress.finish();
        self.conclude(settings, &report, wanted)
    }

    fn check(&self, settings: Settings, strict: bool) -> ExitCode {
        let migrator = Migrator::from_settings(settings);
        let report = migrator.check();
        let code = self.conclude(migrator.settings(), &report, Wanted::default());
        let told = report.outcome.is_none() && !report.diagnostics.is_empty();
        if strict && told && code == ExitCode::SUCCESS {
            return ExitCode::from(Outcome::BadScript.exit_code());
        }
        code
    }

    /// Writes what a command came to in every format that is asked for, and returns the exit code.
    fn conclude(&self, settings: &Settings, report: &Report, wanted: Wanted) -> ExitCode {
        // Without a server there is no result, only what went wrong.
        let result = !self.quiet && (report.place.is_some() || report.command == event::Command::Check);
        match settings.format {
            _ if wanted.sql => {
                // A part of a plan would be no way to its end.
                if report.exit_code() == 0 {
                    print_to(&mut io::stdout(), &report::render_sql(report));
                }
                print_to(&mut io::stderr(), &report::render_problems(report, &self.err));
            }
            // A terminal shows everything in one place. Elsewhere the result goes to stdout and what went wrong to stderr.
            Format::Text if self.out.terminal && result => {
                print_to(&mut io::stdout(), &report::render_report(report, &self.out));
            }
            Format::Text => {
                if result {
                    print_to(&mut io::stdout(), &report::render_result(report, &self.out));
                }
                print_to(&mut io::stderr(), &report::render_problems(report, &self.err));
            }
            format => {
                print_to(&mut io::stdout(), &draw(format, report, &self.out));
                if !self.out.terminal {
                    print_to(&mut io::stderr(), &report::render_problems(report, &self.err));
                }
            }
        }
        let written = self.write_reports(settings, report, true);
        let code = report.exit_code();
        let open = [ScriptState::Changed, ScriptState::Conflicting];
        let changes = match &report.comparison {
            Some(comparison) => !comparison.differences.is_empty(),
            None => report.scripts.iter().any(|script| open.contains(&script.state)),
        };
        match code {
            0 if !written => ExitCode::from(Code::CannotWrite.outcome().exit_code()),
            0 if wanted.exit_code && changes => ExitCode::from(2),
            code => ExitCode::from(code),
        }
    }

    #[expect(clippy::disallowed_methods, reason = "reports are written to the files that the user names")]
    fn write_reports(&self, settings: &Settings, report: &Report, complains: bool) -> bool {
        let plain = Style { verbose: self.out.verbose, ..Style::default() };
        let mut all = true;
        for wanted in &settings.reports {
            if let Err(error) = fs::write(&wanted.file, draw(wanted.format, report, &plain)) {
                if complains {
                    complain(&cannot_write("the report", &wanted.file, &error), &self.err);
                }
                all = false;
            }
        }
        all
    }

    fn wait(&self, mut settings: Settings) -> ExitCode {
        const USUAL: std::time::Duration = std::time::Duration::from_mins(1);
        if settings.limits.wait.is_zero() {
            settings.limits.wait = USUAL;
        }
        let interrupt = Self::interrupt();
        let mut stderr = io::stderr();
        let mut progress = self.progress(&mut stderr);
        let migrator = Migrator::from_settings(settings).interrupted_by(Arc::clone(&interrupt));
        let outcome = migrator.wait(|event| progress.tell(&event));
        progress.finish();
        match outcome {
            Ok(place) => {
                if !self.quiet {
                    print_to(&mut io::stdout(), &format!("{} accepts connections\n", place.server));
                }
                ExitCode::SUCCESS
            }
            Err(diagnostic) => {
                complain(&diagnostic, &self.err);
                let code = interrupt.signal().map_or(diagnostic.code.outcome().exit_code(), of_signal);
                ExitCode::from(code)
            }
        }
    }
}

/// Draws a report in one of the formats. All of them are made of the same value; `style` is for text alone.
fn draw(format: Format, report: &Report, style: &Style) -> String {
    match format {
        Format::Text => report::render_report(report, style),
        Format::Json => report::render_json(report),
        Format::Markdown => report::render_markdown(report),
        Format::Junit => report::render_junit(report),
        Format::Github => report::render_github(report),
        Format::Html => report::render_html(report),
    }
}

fn cannot_write(what: &str, file: &Path, error: &io::Error) -> Diagnostic {
    let file = file.display().to_string();
    Diagnostic::error(Code::CannotWrite, format!("{what} {} could not be written", file.escape_debug()))
        .why(error.to_string())
        .help("name a file that can be written")
}

fn of_signal(signal: i32) -> u8 {
    u8::try_from(128 + signal).unwrap_or(1)
}

fn explain(code: Option<&str>) -> ExitCode {
    let Some(name) = code else {
        let widest = Code::ALL.iter().map(|code| code.name().len()).max().unwrap_or(0);
        for code in Code::ALL {
            print_to(&mut io::stdout(), &format!("{:widest$}  {}\n", code.name(), code.summary()));
        }
        return ExitCode::SUCCESS;
    };
    if let Some(code) = Code::ALL.iter().find(|code| code.name() == name) {
        print_to(&mut io::stdout(), code.page());
        return ExitCode::SUCCESS;
    }
    let close = Code::ALL
        .iter()
        .map(|code| (strsim::jaro_winkler(code.name(), name), code.name()))
        .filter(|(likeness, _)| *likeness > 0.7)
        .max_by(|a, b| a.0.total_cmp(&b.0));
    let help = close.map_or_else(
        || "list all codes with `hrms-migrate explain`".to_owned(),
        |(_, name)| format!("write `hrms-migrate explain {name}`"),
    );
    let shown = name.escape_debug();
    let diagnostic = Diagnostic::error(Code::Usage, format!("there is no error code {shown}")).help(help);
    debug_assert_eq!(diagnostic.severity, Severity::Error);
    complain(&diagnostic, &style(Color::Auto, Verbosity::Normal, &io::stderr()));
    ExitCode::from(Outcome::Usage.exit_code())
}

const fn generator(shell: args::Shell) -> clap_complete::Shell {
    match shell {
        args::Shell::Bash => clap_complete::Shell::Bash,
        args::Shell::Elvish => clap_complete::Shell::Elvish,
        args::Shell::Fish => clap_complete::Shell::Fish,
        args::Shell::PowerShell => clap_complete::Shell::PowerShell,
        args::Shell::Zsh => clap_complete::Shell::Zsh,
    }
}

fn completions(shell: args::Shell) -> ExitCode {
    let mut command = CommandLine::command();
    let mut text = Vec::new();
    clap_complete::generate(generator(shell), &mut command, "hrms-migrate", &mut text);
    drop(io::stdout().write_all(&text));
    ExitCode::SUCCESS
}
