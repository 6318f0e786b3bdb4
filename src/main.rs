//! The command line program.

use std::process::ExitCode;

fn main() -> ExitCode {
    hrms_migrate::cli::main()
}
