//! Events as they happen, for whoever waits.

use std::{io::Write, time::Duration};

use crate::{
    event::{Command, Event, ScriptName},
    goal::StatementId,
    pg::RowCount,
    plan::{Form, Step},
};

use super::{
    Style,
    layout::{count, elapsed, shorten, size, spaces, wrap},
    paint::Paint,
    step::mark,
    text::{render_header, state_words},
};

/// How far further lines of what is told are indented: below the words after a script's number.
const FURTHER: usize = 5;

/// Tells events while they happen.
///
/// On a terminal one line is written over and over with what is being done, and only what is worth keeping stays above it:
/// the report at the end tells the rest. Anywhere else each event is one plain line. What cannot be written is lost: a run does
/// not fail because nobody listens.
pub struct Progress<'a> {
    out: &'a mut dyn Write,
    style: Style,
    quiet: bool,
    /// Whether the line that is written over stands there.
    live: bool,
    script: Option<Turn>,
    /// The last reason for trying again, so that a terminal is told each once.
    retried: Option<String>,
    /// When a batch was told last, as the time that its step had taken by then.
    told: Duration,
}

/// The script whose turn it is.
struct Turn {
    number: String,
    steps: usize,
    /// The steps that were begun, each once: an attempt that is made again begins its steps again.
    begun: Vec<(StatementId, String)>,
}

impl Turn {
    /// Returns the place of a step, counted from 1.
    fn place(&self, step: &Step) -> usize {
        let same = |(statement, sql): &(StatementId, String)| *statement == step.statement && *sql == step.sql;
        self.begun.iter().position(same).unwrap_or(self.begun.len()) + 1
    }
}

/// Returns whether a step does more than change the catalog or touch a small table.
fn may_take_long(step: &Step) -> bool {
    match &step.form {
        Form::CatalogOnly => false,
        Form::Plain(_) => !step.hazards.is_empty(),
        Form::Rewrite(_) | Form::Online(_) | Form::AsWritten => true,
    }
}

impl<'a> Progress<'a> {
    /// Starts telling to `out`.
    #[must_use]
    pub fn new(out: &'a mut dyn Write, style: Style) -> Self {
        Self { out, style, quiet: false, live: false, script: None, retried: None, told: Duration::ZERO }
    }

    /// Says nothing from now on.
    #[must_use]
    pub const fn quiet(mut self) -> Self {
        self.quiet = true;
        self
    }

    /// Takes the line away that is written over, before something else is written to the same terminal.
    pub fn finish(&mut self) {
        if self.live {
            self.live = false;
            self.write("\r\u{1b}[K");
        }
    }

    /// Tells one event.
    pub fn tell(&mut self, event: &Event<'_>) {
        if self.quiet {
            return;
        }
        match event {
            Event::WaitingForServer { why, waited } => {
                self.passing(&format!("waiting for the server, {}: {}", elapsed(*waited), self.style.clean(why)));
            }
            Event::Connected(place) => {
                self.finish();
                let header = render_header(place, &self.style);
                self.write(&header);
            }
            Event::WaitingForRunner { pid, waited } => {
                let who = pid.map_or_else(|| "another run".to_owned(), |pid| format!("another run (session {pid})"));
                self.passing(&format!("waiting for {who} to end, {}", elapsed(*waited)));
            }
            Event::ScriptBegins { script, steps } => self.script_begins(script, *steps),
            Event::Asking { what } => self.passing(&format!("asking {}", self.style.clean(what))),
            Event::StepBegins(step) => {
                self.told = Duration::ZERO;
                if let Some(turn) = &mut self.script
                    && turn.place(step) > turn.begun.len()
                {
                    turn.begun.push((step.statement, step.sql.clone()));
                }
                // A log of a hundred quick steps helps nobody; one that may take long is worth knowing of before it is done.
                if self.style.terminal || self.style.verbose || may_take_long(step) {
                    let line = self.step_words(step);
                    self.passing(&line);
                }
            }
            Event::Batch { step, rows, pages, elapsed: time } => self.batch(step, *rows, *pages, *time),
            Event::Building { step, phase, percent, waits_for, elapsed: time } => {
                // That somebody is in the way is worth knowing before ten seconds have gone by.
                let stuck = waits_for.is_some() && self.told.is_zero();
                if self.is_time_to_tell(*time) || stuck {
                    self.told = *time;
                    let parts = [Some(self.style.clean(phase)), percent.map(|percent| self.part(percent))];
                    let who = waits_for.as_ref().map(|who| format!("waits for {}", self.style.clean(who)));
                    let parts: Vec<_> = parts.into_iter().chain([who, Some(elapsed(*time))]).flatten().collect();
                    self.passing(&format!("{}: {}", self.step_place(step), parts.join(", ")));
                }
            }
            Event::WaitingForOthers { step, who, waited } => {
                let so_far = if *waited < Duration::from_secs(1) {
                    String::new()
                } else {
                    format!(" for {} now", elapsed(*waited))
                };
                self.passing(&format!("{}: waits{so_far}: {}", self.step_place(step), self.style.clean(who)));
            }
            Event::StepDone { step, elapsed: time, rows } => {
                let rows = rows.map(|rows| format!("{rows} {}, ", if rows.0 == 1 { "row" } else { "rows" }));
                let done = format!("done, {}{}", rows.unwrap_or_default(), elapsed(*time));
                self.retried = None;
                if self.style.terminal {
                    self.passing(&format!("{}: {done}", self.step_words(step)));
                } else if self.style.verbose || may_take_long(step) || *time >= Duration::from_secs(1) {
                    self.passing(&format!("{}: {done}", self.step_place(step)));
                }
            }
            Event::Retry { step, attempt, why, blockers, pause } => self.retry(step, *attempt, why, blockers, *pause),
            Event::Blocked { longest, total } => {
                let (longest, total) = (elapsed(*longest), elapsed(*total));
                self.keep(
                    &format!("others waited for locks of this run: at most {longest} at once, {total} in all"),
                    Paint::Plain,
                );
            }
            Event::ScriptEnds(script) => {
                self.script = None;
                if !self.style.terminal {
                    let name = self.style.clean(&format!("{}  {}", script.name.number, script.name.title));
                    let time = elapsed(script.elapsed);
                    let words = state_words(script.state, Command::Run);
                    self.keep(&format!("{name}: {words}, {time}"), Paint::Plain);
                }
            }
            Event::BackingUp { file, bytes, elapsed: time } => {
                if self.told.is_zero() || self.is_time_to_tell(*time) {
                    self.told = (*time).max(Duration::from_millis(1));
                    let file = self.style.clean(file);
                    self.passing(&format!("making a backup: {file}, {} so far, {}", size(*bytes), elapsed(*time)));
                }
            }
            // Its own words follow.
            Event::HookBegins { hook } => self.keep(&format!("running the command of --{hook}"), Paint::Plain),
            Event::Concluded(_) => self.finish(),
            Event::Note(note) => self.keep(&format!("note: {}", self.style.clean(note)), Paint::Plain),
        }
    }

    fn script_begins(&mut self, script: &ScriptName, steps: usize) {
        let number = self.style.clean(&script.number);
        let title = self.style.clean(&script.title);
        self.passing(&format!("{number}  {title}: {}", count(steps, "step", "steps")));
        self.retried = None;
        self.script = Some(Turn { number, steps, begun: Vec::new() });
    }

    /// Returns whether a step that has taken so long is to be told of: all the time on a terminal, now and then elsewhere.
    fn is_time_to_tell(&mut self, time: Duration) -> bool {
        /// A log is told so often.
        const INTERVAL: Duration = Duration::from_secs(10);
        if !self.style.terminal && time < self.told + INTERVAL {
            return false;
        }
        self.told = time;
        true
    }

    fn batch(&mut self, step: &Step, rows: RowCount, (passed, pages): (u64, u64), time: Duration) {
        if !self.is_time_to_tell(time) {
            return;
        }
        // On a narrow terminal the end is cut off.
        let mut parts = Vec::new();
        if passed < pages {
            parts.push(self.part(u8::try_from(passed * 100 / pages).unwrap_or(100)));
            // The first batches tell little of what is to come.
            if time >= Duration::from_secs(2) && passed > 0 {
                let left = time.as_millis() * u128::from(pages - passed) / u128::from(passed);
                let left = Duration::from_secs(u64::try_from(left / 1_000).unwrap_or(u64::MAX));
                if !left.is_zero() {
                    parts.push(format!("about {} left", elapsed(left)));
                }
            }
        }
        parts.push(format!("{rows} {}", if rows.0 == 1 { "row" } else { "rows" }));
        if time >= Duration::from_secs(1) {
            let rate = u128::from(rows.0) * 1_000 / time.as_millis().max(1);
            parts.push(format!("{} a second", RowCount(u64::try_from(rate).unwrap_or(u64::MAX))));
        }
        parts.push(elapsed(time));
        self.passing(&format!("{}: {}", self.step_place(step), parts.join(", ")));
    }

    /// Says how much of a step is done; on a terminal with a bar.
    fn part(&self, percent: u8) -> String {
        /// How long a whole bar is.
        const LENGTH: usize = 10;
        if !self.style.terminal {
            return format!("{percent} %");
        }
        let done = LENGTH * usize::from(percent.min(100)) / 100;
        format!("[{}{}] {percent} %", "#".repeat(done), spaces(LENGTH - done))
    }

    fn retry(&mut self, step: &Step, attempt: u32, why: &str, blockers: &[String], pause: Duration) {
        let blockers: Vec<_> = blockers.iter().map(|blocker| self.style.clean(blocker)).collect();
        let who = if blockers.is_empty() { String::new() } else { format!("; in the way: {}", blockers.join(", ")) };
        let why = format!("{}{who}", self.style.clean(why));
        let again = format!("attempt {attempt} was undone, the next in {}", elapsed(pause));
        // Thirty attempts against one session are one line to keep; who is in the way is what changes.
        if self.style.terminal && self.retried.as_ref() != Some(&why) {
            self.keep(&format!("{}: {why}", self.step_words(step)), Paint::Change);
            self.retried = Some(why);
            self.passing(&format!("{}: {again}", self.step_place(step)));
        } else if self.style.terminal {
            self.passing(&format!("{}: {again}", self.step_place(step)));
        } else {
            self.passing(&format!("{}: {again}: {why}", self.step_place(step)));
        }
    }

    /// Returns which step of which script it is.
    fn step_place(&self, step: &Step) -> String {
        self.script.as_ref().map_or_else(
            || self.style.clean(&step.object),
            |turn| {
                let place = turn.place(step);
                format!("{}  step {place} of {}", turn.number, turn.steps.max(place))
            },
        )
    }

    fn step_words(&self, step: &Step) -> String {
        let step_words = format!("{} {}", mark(step.verb), self.style.clean(&step.object));
        if self.script.is_some() { format!("{}: {step_words}", self.step_place(step)) } else { step_words }
    }

    /// Tells what will be out of date in a moment: written over on a terminal, a line elsewhere.
    fn passing(&mut self, line: &str) {
        if self.style.terminal {
            // One column stays free: a line that fills the terminal would break, and could not be taken away.
            let line = shorten(line, self.style.full_width().saturating_sub(1), self.style.ellipsis());
            let line = self.style.paint(Paint::Faint, &line);
            self.live = true;
            self.write(&format!("\r\u{1b}[K{line}"));
        } else {
            self.keep(line, Paint::Plain);
        }
    }

    /// Tells what is to stay.
    fn keep(&mut self, line: &str, paint: Paint) {
        self.finish();
        let lines = if self.style.terminal {
            wrap(line, self.style.columns().saturating_sub(FURTHER))
        } else {
            vec![line.to_owned()]
        };
        for (index, line) in lines.iter().enumerate() {
            let indent = spaces(if index == 0 { 0 } else { FURTHER });
            let line = self.style.paint(paint, line);
            self.write(&format!("{indent}{line}\n"));
        }
    }

    fn write(&mut self, text: &str) {
        // Nobody listens: see the type's documentation.
        drop(self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush()));
    }
}

impl Drop for Progress<'_> {
    fn drop(&mut self) {
        self.finish();
    }
}
