//! Programs of others: `pg_dump` for a backup before the first change, and the commands that the user wants run beside a run.
//!
//! What is called with which arguments, and what a command is told in its environment, is decided by functions that touch
//! nothing (`dump` and `hook`); `child` waits for what was started, and ends it when somebody wants that.
//! The room reads no environment: a program inherits ours, and what it is told besides is an argument.

mod backup;
mod child;
mod dump;
mod hook;

pub use backup::{Backup, BackupError, Made, Tools, find_tools};
pub use child::Stopped;
pub use dump::{Call, call, file_name, fits, version_in};
pub use hook::{End, Facts, Hook, HookEnd, run_hook};
