//! The command line program.

use std::process::ExitCode;

/// Reading scripts makes and drops many small values, on several threads: half of that time is saved here.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    hrms_migrate::cli::main()
}
