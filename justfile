# `just check` is quick; `just ci` is all of it, and CI runs nothing else.

# What to run before each commit: format, lints, tests that need no server.
check:
    cargo fmt --check
    cargo clippy --all-targets -- -D warnings
    cargo test --lib

# Everything that CI does.
ci:
    .ci/run

# The tests on every supported version of PostgreSQL, or on those named: `just versions 13 18`.
versions *majors:
    .ci/versions {{majors}}

# The README's test command.
test:
    cargo test --features embedded

# Formats the code.
fmt:
    cargo fmt

# Licences, sources and advisories of the dependencies.
deny:
    cargo deny check

# Writes src/schema.rs anew from an empty database named by DATABASE_URL.
schema:
    cargo run -- run
    diesel print-schema > src/schema.rs

# How many lines of the pure rooms the tests reach; fails under 90 %.
coverage:
    .ci/coverage

# Installs the program, its manual pages and its completions below a directory.
install prefix="/usr/local":
    cargo build --release --locked
    .ci/package {{prefix}}

# A Debian package with the same.
deb file="target/hrms-migrate.deb":
    cargo build --release --locked
    .ci/package {{file}}

# Disturbs runs in every way, in small numbers: `just chaos`; at length one kind: `just chaos kills --seed 7`.
chaos *arguments="all":
    cargo build
    benches/chaos/chaos.py --binary target/debug/hrms-migrate {{arguments}}

# Fuzzes every target for a minute, or one for so many seconds: `just fuzz planner 600`. Needs cargo-fuzz.
fuzz *arguments:
    .ci/fuzz {{arguments}}
