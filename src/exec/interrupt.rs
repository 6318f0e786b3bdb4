//! SIGINT and SIGTERM: what runs on the server is cancelled, what waits stops, the run cleans up and ends.

use std::{
    io,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI32, AtomicU32, Ordering},
    },
    thread,
    time::Duration,
};

use signal_hook::{
    consts::{SIGINT, SIGTERM},
    iterator::{Handle, Signals},
};

use crate::{
    db::{Stop, cancel_over},
    pg::ConnectionTarget,
};

/// Time between two cancellations: the first may come between two statements and find nothing to cancel.
const AGAIN: Duration = Duration::from_millis(500);

/// Listens for signals until it is dropped.
#[derive(Debug)]
pub struct Interrupt {
    shared: Arc<Shared>,
    handle: Option<Handle>,
}

#[derive(Debug, Default)]
struct Shared {
    signal: AtomicI32,
    heard: AtomicU32,
    stop: Stop,
    working: Mutex<Option<(ConnectionTarget, i32)>>,
}

impl Shared {
    fn working(&self) -> MutexGuard<'_, Option<(ConnectionTarget, i32)>> {
        self.working.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Cancels what runs in the session named; `false` where none is. Meanwhile no other can be named, and none given up.
    fn cancel(&self) -> bool {
        let working = self.working();
        if let Some((target, pid)) = &*working {
            cancel_over(target, *pid);
        }
        working.is_some()
    }
}

impl Interrupt {
    /// Starts to listen.
    ///
    /// # Errors
    /// When the signals cannot be caught.
    pub fn listen() -> io::Result<Self> {
        let mut signals = Signals::new([SIGINT, SIGTERM])?;
        let handle = signals.handle();
        let shared = Arc::new(Shared::default());
        let heard = Arc::clone(&shared);
        thread::spawn(move || {
            for signal in &mut signals {
                heard.signal.store(signal, Ordering::Relaxed);
                heard.heard.fetch_add(1, Ordering::Relaxed);
                heard.stop.set();
                while heard.cancel() {
                    sleep(AGAIN);
                }
            }
        });
        Ok(Self { shared, handle: Some(handle) })
    }

    /// An interrupt that never comes: for a library's caller, who has signals of their own.
    #[must_use]
    pub fn never() -> Self {
        Self { shared: Arc::new(Shared::default()), handle: None }
    }

    /// Names the session to cancel when a signal comes, again and again until another or `None` is named: nothing can be
    /// cancelled, or nothing should, as what runs now only tidies up.
    pub fn working(&self, session: Option<(ConnectionTarget, i32)>) {
        *self.shared.working() = session;
    }

    /// Returns whether a session is named.
    #[must_use]
    pub fn is_working(&self) -> bool {
        self.shared.working().is_some()
    }

    /// Returns the signal that came, if one did.
    #[must_use]
    pub fn signal(&self) -> Option<i32> {
        match self.shared.signal.load(Ordering::Relaxed) {
            0 => None,
            signal => Some(signal),
        }
    }

    /// Returns how many signals have come, for what begins after the first one.
    #[must_use]
    pub fn heard(&self) -> u32 {
        self.shared.heard.load(Ordering::Relaxed)
    }

    /// Returns the flag that stops waiting.
    #[must_use]
    pub fn stop(&self) -> &Stop {
        &self.shared.stop
    }
}

impl Drop for Interrupt {
    fn drop(&mut self) {
        if let Some(handle) = &self.handle {
            handle.close();
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "waiting for others is this room's work")]
fn sleep(time: Duration) {
    thread::sleep(time);
}
