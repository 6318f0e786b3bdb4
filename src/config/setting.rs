//! Every setting by name: its flag, its environment variable, its default and one line of explanation.

/// What a setting's value looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueKind {
    /// One value.
    One,
    /// A flag without a value; in the environment `true` or `false`.
    Switch,
    /// Several values: the flag repeated, or a list with commas.
    List,
    /// `-v`, counted.
    Count,
}

/// A setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "each is explained by its line in SETTINGS, which the help and .env.example show")]
pub enum Setting {
    DatabaseUrl,
    EnvFile,
    NoEnvFile,
    Dir,
    Schema,
    Wait,
    ConnectTimeout,
    RunnerLockTimeout,
    LockTimeout,
    LockRetries,
    LockBudget,
    MaxBlocked,
    Until,
    StatementTimeout,
    OnlineFrom,
    OnlineFromRows,
    HazardFrom,
    VacuumFrom,
    JournalSchema,
    NoJournal,
    KeepOldLimit,
    KeepOldFor,
    Revision,
    Allow,
    Only,
    Skip,
    To,
    KeepGoing,
    Atomic,
    Backup,
    PgDump,
    BeforeRun,
    AfterRun,
    OnFailure,
    HookTimeout,
    TenantColumn,
    DenyCascade,
    ScratchUrl,
    Format,
    Report,
    Color,
    Quiet,
    Verbose,
    Yes,
}

/// What there is to know about a setting.
#[derive(Clone, Copy, Debug)]
pub struct SettingInfo {
    /// The setting.
    pub setting: Setting,
    /// Its flag, without the dashes.
    pub flag: &'static str,
    /// Its environment variable.
    pub variable: &'static str,
    /// What its value looks like.
    pub kind: ValueKind,
    /// The default as it would be written; empty where there is none.
    pub default: &'static str,
    /// One line for people.
    pub explanation: &'static str,
}

const fn info(
    setting: Setting,
    flag: &'static str,
    variable: &'static str,
    kind: ValueKind,
    default: &'static str,
    explanation: &'static str,
) -> SettingInfo {
    SettingInfo { setting, flag, variable, kind, default, explanation }
}

/// Every setting, in the order of the help and of `.env.example`.
pub const SETTINGS: &[SettingInfo] = &[
    info(
        Setting::DatabaseUrl,
        "database-url",
        "HRMS_MIGRATE_DATABASE_URL",
        ValueKind::One,
        "",
        "The database, as URL or keyword=value pairs; DATABASE_URL is read too",
    ),
    info(
        Setting::EnvFile,
        "env-file",
        "HRMS_MIGRATE_ENV_FILE",
        ValueKind::One,
        "",
        "Read this file instead of .env (has no effect inside such a file)",
    ),
    info(
        Setting::NoEnvFile,
        "no-env-file",
        "HRMS_MIGRATE_NO_ENV_FILE",
        ValueKind::Switch,
        "false",
        "Read no .env file (has no effect inside such a file)",
    ),
    info(
        Setting::Dir,
        "dir",
        "HRMS_MIGRATE_DIR",
        ValueKind::One,
        "",
        "Directory of ensure scripts, instead of the ones compiled in",
    ),
    info(
        Setting::Schema,
        "schema",
        "HRMS_MIGRATE_SCHEMA",
        ValueKind::One,
        "",
        "Schema of unqualified names, instead of the first fitting one on search_path",
    ),
    info(
        Setting::Wait,
        "wait",
        "HRMS_MIGRATE_WAIT",
        ValueKind::One,
        "0",
        "Wait so long for the server to accept connections (--wait alone: 60s)",
    ),
    info(
        Setting::ConnectTimeout,
        "connect-timeout",
        "HRMS_MIGRATE_CONNECT_TIMEOUT",
        ValueKind::One,
        "10s",
        "Longest wait for one attempt to connect",
    ),
    info(
        Setting::RunnerLockTimeout,
        "runner-lock-timeout",
        "HRMS_MIGRATE_RUNNER_LOCK_TIMEOUT",
        ValueKind::One,
        "15m",
        "Longest wait for another run to end",
    ),
    info(
        Setting::LockTimeout,
        "lock-timeout",
        "HRMS_MIGRATE_LOCK_TIMEOUT",
        ValueKind::One,
        "1500ms",
        "Longest wait for a table lock in one attempt, and so the longest others queue",
    ),
    info(
        Setting::LockRetries,
        "lock-retries",
        "HRMS_MIGRATE_LOCK_RETRIES",
        ValueKind::One,
        "30",
        "Most attempts to obtain a table lock",
    ),
    info(
        Setting::LockBudget,
        "lock-budget",
        "HRMS_MIGRATE_LOCK_BUDGET",
        ValueKind::One,
        "10m",
        "Longest time for all attempts to obtain a table lock",
    ),
    info(
        Setting::MaxBlocked,
        "max-blocked",
        "HRMS_MIGRATE_MAX_BLOCKED",
        ValueKind::One,
        "",
        "Longest time for which others may have waited for locks of this run, all together (none: no limit)",
    ),
    info(
        Setting::Until,
        "until",
        "HRMS_MIGRATE_UNTIL",
        ValueKind::One,
        "",
        "Begin nothing more from this time on: 05:30, 2026-11-22T05:30, or 2h from now (none: no limit)",
    ),
    info(
        Setting::StatementTimeout,
        "statement-timeout",
        "HRMS_MIGRATE_STATEMENT_TIMEOUT",
        ValueKind::One,
        "",
        "Longest time of any statement, instead of the limit that fits each (0: no limit)",
    ),
    info(
        Setting::OnlineFrom,
        "online-from",
        "HRMS_MIGRATE_ONLINE_FROM",
        ValueKind::One,
        "2000",
        "Size from which a table is changed beside its writers: 16MB, or pages of 8 kB (0: always)",
    ),
    info(
        Setting::OnlineFromRows,
        "online-from-rows",
        "HRMS_MIGRATE_ONLINE_FROM_ROWS",
        ValueKind::One,
        "50000",
        "Number of rows from which a table is changed beside its writers",
    ),
    info(
        Setting::HazardFrom,
        "hazard-from",
        "HRMS_MIGRATE_HAZARD_FROM",
        ValueKind::One,
        "4000",
        "Size of a table from which a rewrite, or another long stop of others, has to be allowed",
    ),
    info(
        Setting::VacuumFrom,
        "vacuum-from",
        "HRMS_MIGRATE_VACUUM_FROM",
        ValueKind::One,
        "1GB",
        "Size of a table from which VACUUM runs between the batches of a backfill",
    ),
    info(
        Setting::JournalSchema,
        "journal-schema",
        "HRMS_MIGRATE_JOURNAL_SCHEMA",
        ValueKind::One,
        "hrms_migrate",
        "Schema of the journal, which remembers what runs have changed",
    ),
    info(
        Setting::NoJournal,
        "no-journal",
        "HRMS_MIGRATE_NO_JOURNAL",
        ValueKind::Switch,
        "false",
        "Remember nothing of this run",
    ),
    info(
        Setting::KeepOldLimit,
        "keep-old-limit",
        "HRMS_MIGRATE_KEEP_OLD_LIMIT",
        ValueKind::One,
        "1GB",
        "Most room for the old values of one backfill (`-- ensure:keep-old`)",
    ),
    info(
        Setting::KeepOldFor,
        "keep-old-for",
        "HRMS_MIGRATE_KEEP_OLD_FOR",
        ValueKind::One,
        "30d",
        "How long the old values of backfills are kept for rollback",
    ),
    info(
        Setting::Revision,
        "revision",
        "HRMS_MIGRATE_REVISION",
        ValueKind::One,
        "",
        "Revision of the scripts, for the journal; found out where their directory is in a git checkout",
    ),
    info(
        Setting::Allow,
        "allow",
        "HRMS_MIGRATE_ALLOW",
        ValueKind::List,
        "",
        "Accept a hazard: rewrite, data-loss, blocking-lock, drop, column-reorder, breaking",
    ),
    info(Setting::Only, "only", "HRMS_MIGRATE_ONLY", ValueKind::List, "", "Only these scripts, by number or name"),
    info(Setting::Skip, "skip", "HRMS_MIGRATE_SKIP", ValueKind::List, "", "All scripts but these, by number or name"),
    info(
        Setting::To,
        "to",
        "HRMS_MIGRATE_TO",
        ValueKind::One,
        "",
        "Scripts up to and with this one, by number or name",
    ),
    info(
        Setting::KeepGoing,
        "keep-going",
        "HRMS_MIGRATE_KEEP_GOING",
        ValueKind::Switch,
        "false",
        "Do the steps that can be done, and fail at the end",
    ),
    info(
        Setting::Atomic,
        "atomic",
        "HRMS_MIGRATE_ATOMIC",
        ValueKind::Switch,
        "false",
        "Put the whole run into one transaction",
    ),
    info(
        Setting::Backup,
        "backup",
        "HRMS_MIGRATE_BACKUP",
        ValueKind::One,
        "",
        "Make a backup with pg_dump before the first change: a file that is not there yet, or a directory",
    ),
    info(
        Setting::PgDump,
        "pg-dump",
        "HRMS_MIGRATE_PG_DUMP",
        ValueKind::One,
        "",
        "The pg_dump for backups, instead of the one on the PATH or in PostgreSQL's usual directories",
    ),
    info(
        Setting::BeforeRun,
        "before-run",
        "HRMS_MIGRATE_BEFORE_RUN",
        ValueKind::One,
        "",
        "Command to run before the first change, by the shell; nothing is changed if it fails",
    ),
    info(
        Setting::AfterRun,
        "after-run",
        "HRMS_MIGRATE_AFTER_RUN",
        ValueKind::One,
        "",
        "Command to run after a run that came to its first change, however it ended",
    ),
    info(
        Setting::OnFailure,
        "on-failure",
        "HRMS_MIGRATE_ON_FAILURE",
        ValueKind::One,
        "",
        "Command to run after a run that ended with an exit code other than 0",
    ),
    info(
        Setting::HookTimeout,
        "hook-timeout",
        "HRMS_MIGRATE_HOOK_TIMEOUT",
        ValueKind::One,
        "10m",
        "Longest time of each of these commands (0: no limit)",
    ),
    info(
        Setting::TenantColumn,
        "tenant-column",
        "HRMS_MIGRATE_TENANT_COLUMN",
        ValueKind::One,
        "",
        "check: every table must have this column, NOT NULL",
    ),
    info(
        Setting::DenyCascade,
        "deny-cascade",
        "HRMS_MIGRATE_DENY_CASCADE",
        ValueKind::Switch,
        "false",
        "check: no CASCADE, neither of a DROP nor of a foreign key",
    ),
    info(
        Setting::ScratchUrl,
        "scratch-url",
        "HRMS_MIGRATE_SCRATCH_URL",
        ValueKind::One,
        "",
        "plan --rehearse: make the scratch database on this server, instead of one that is started for it",
    ),
    info(
        Setting::Format,
        "format",
        "HRMS_MIGRATE_FORMAT",
        ValueKind::One,
        "text",
        "Format of the result on stdout: text, json, markdown, junit, github or html",
    ),
    info(
        Setting::Report,
        "report",
        "HRMS_MIGRATE_REPORT",
        ValueKind::List,
        "",
        "Write the result to a file too, in any format: markdown=FILE",
    ),
    info(
        Setting::Color,
        "color",
        "HRMS_MIGRATE_COLOR",
        ValueKind::One,
        "auto",
        "Colour: auto, always or never; NO_COLOR and CLICOLOR_FORCE are read too",
    ),
    info(Setting::Quiet, "quiet", "HRMS_MIGRATE_QUIET", ValueKind::Switch, "false", "Say only what went wrong"),
    info(
        Setting::Verbose,
        "verbose",
        "HRMS_MIGRATE_VERBOSE",
        ValueKind::Count,
        "0",
        "Say more; twice (or 2): every statement sent",
    ),
    info(Setting::Yes, "yes", "HRMS_MIGRATE_YES", ValueKind::Switch, "false", "Answer every question with yes"),
];

impl Setting {
    /// Returns what there is to know about this setting.
    ///
    /// # Panics
    /// Never: a test holds that every setting stands in [`SETTINGS`] at its own place.
    #[must_use]
    pub const fn info(self) -> &'static SettingInfo {
        &SETTINGS[self as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_stands_at_its_own_place() {
        for (index, info) in SETTINGS.iter().enumerate() {
            assert_eq!(info.setting as usize, index);
            assert_eq!(info.setting.info().flag, info.flag);
            assert_eq!(info.variable, format!("HRMS_MIGRATE_{}", info.flag.to_ascii_uppercase().replace('-', "_")));
        }
        assert_eq!(SETTINGS.len(), Setting::Yes as usize + 1);
    }

    #[test]
    fn the_example_file_names_every_setting_with_its_default() {
        let example = include_str!("../../.env.example");
        for info in SETTINGS {
            let line = format!("# {}={}", info.variable, info.default);
            let lines: Vec<&str> = example.lines().collect();
            let place = lines.iter().position(|found| *found == line);
            let place = place.unwrap_or_else(|| panic!(".env.example lacks the line {line:?}"));
            assert_eq!(lines[place - 1], format!("# {}.", info.explanation));
        }
        let count = example.lines().filter(|line| line.starts_with("# HRMS_MIGRATE_")).count();
        assert_eq!(count, SETTINGS.len(), ".env.example names a setting that is not there");
    }
}
