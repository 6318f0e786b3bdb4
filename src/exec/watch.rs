//! What is told of a statement that takes its time: how far an index build is, and whom it waits for; how long rows are read.

use std::{
    panic,
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use crate::{
    db::{Building, Control, ServerError},
    event::Event,
    plan::{Form, Step, Verb},
};

/// How often it is looked.
const INTERVAL: Duration = Duration::from_secs(1);

/// A connection from which a session at work can be seen.
#[derive(Debug)]
pub struct Watch<'a> {
    /// The connection: the one that holds the runner lock.
    pub control: &'a mut Control,
    /// The server's process of the session at work.
    pub pid: i32,
}

impl Watch<'_> {
    /// Sends in a thread of its own, and tells meanwhile how far the server is.
    pub(super) fn over<T: Send>(
        &mut self,
        step: &Step,
        send: impl FnOnce() -> Result<T, ServerError> + Send,
        emit: &mut dyn FnMut(Event<'_>),
    ) -> Result<T, ServerError> {
        let started = Instant::now();
        thread::scope(|scope| {
            let (done, wait) = mpsc::channel::<()>();
            let work = scope.spawn(move || {
                // Dropped at the end, whatever that is: the wait is over then.
                let _done = done;
                send()
            });
            while wait.recv_timeout(INTERVAL) == Err(mpsc::RecvTimeoutError::Timeout) {
                let elapsed = started.elapsed();
                if reads_rows(step) {
                    // How far it is the server does not tell.
                    emit(Event::Building { step, phase: "reading rows", percent: None, waits_for: None, elapsed });
                } else if let Some(building) = self.control.building(self.pid) {
                    let percent = percent(&building);
                    let waits_for = waits_for(&building);
                    emit(Event::Building { step, phase: &building.phase, percent, waits_for, elapsed });
                }
            }
            work.join().unwrap_or_else(|panic| panic::resume_unwind(panic))
        })
    }
}

/// Returns whether a step reads the rows of a table while others write: VALIDATE CONSTRAINT, ANALYZE.
pub(super) fn reads_rows(step: &Step) -> bool {
    step.verb == Verb::Alter && matches!(step.form, Form::Online(_))
}

fn percent(building: &Building) -> Option<u8> {
    let done = building.done.clamp(0, building.total.max(0));
    (building.total > 0).then(|| u8::try_from(i128::from(done) * 100 / i128::from(building.total)).unwrap_or(100))
}

fn waits_for(building: &Building) -> Option<String> {
    let pid = building.locker?;
    let (application, state, age) = (&building.application, &building.state, building.age_seconds);
    Some(format!("session {pid} (\"{application}\"), {state}, its transaction open for {age} s"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_is_told_in_whole_percent() {
        let of = |done, total| Building {
            phase: "building index: scanning table".to_owned(),
            done,
            total,
            locker: None,
            application: String::new(),
            state: String::new(),
            age_seconds: 0,
        };
        assert_eq!(percent(&of(0, 0)), None);
        assert_eq!(percent(&of(999, 1_000)), Some(99));
        assert_eq!(percent(&of(1_200, 1_000)), Some(100));
        assert_eq!(percent(&of(i64::MAX, i64::MAX)), Some(100));
        assert_eq!(waits_for(&of(1, 2)), None);
    }
}
