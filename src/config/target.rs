//! Which database is meant: URL, libpq's own variables and the defaults, put together.

use std::path::{Path, PathBuf};

use super::{
    error::{ConfigError, Source},
    settings::{Lookup, ReadFailure},
};
use crate::pg::{ConnectionTarget, is_keyword, libpq_variables};

/// The database that the settings name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TargetChoice {
    /// One is named.
    Given {
        /// Where it is.
        target: ConnectionTarget,
        /// What named it.
        origin: Source,
    },
    /// None is: neither a URL nor `PGHOST`, `PGHOSTADDR` or `PGSERVICE`. The caller decides what that means.
    None,
}

/// Where a scratch database comes from, for a rehearsal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ScratchChoice {
    /// From server binaries found on the machine; where there are none, from the embedded engine, if that is built in.
    #[default]
    Found,
    /// From a server that is named: a database of its own is made there, and dropped.
    At(ConnectionTarget),
    /// From the server binaries in this directory.
    Binaries(PathBuf),
    /// From the embedded engine.
    Embedded,
}

/// Returns the server of `--scratch-url`, settled as the database is: by its own text, libpq's variables and the defaults.
pub(super) fn settle_scratch(
    lookup: &Lookup<'_>,
    url: Option<(String, Source)>,
    connect_timeout: Option<u64>,
) -> Result<ScratchChoice, ConfigError> {
    let Some((text, origin)) = url else { return Ok(ScratchChoice::Found) };
    // Not the database that libpq's variables name for other work: every server has this one.
    let names_a_database = ConnectionTarget::parse(&text).is_ok_and(|target| target.get("dbname").is_some());
    match settle(lookup, Some((text, origin)), connect_timeout)? {
        TargetChoice::Given { mut target, .. } => {
            if !names_a_database {
                target.set("dbname", "postgres");
            }
            Ok(ScratchChoice::At(target))
        }
        TargetChoice::None => Ok(ScratchChoice::Found),
    }
}

/// Where distributions keep the certificates they trust. The OpenSSL that is compiled in looks in a directory of its
/// own, which is empty.
const SYSTEM_CERTIFICATES: [&str; 5] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
];

/// Returns the target that URL, variables and defaults name together.
///
/// Precedence of a connection parameter: URL, service file, process environment, `.env`, default.
pub(super) fn settle(
    lookup: &Lookup<'_>,
    url: Option<(String, Source)>,
    connect_timeout: Option<u64>,
) -> Result<TargetChoice, ConfigError> {
    let (mut target, origin) = match url {
        Some((text, origin)) => match ConnectionTarget::parse(&text) {
            Ok(target) => (target, origin),
            Err(cause) => return Err(ConfigError::BadUrl { origin, cause }),
        },
        None => {
            match ["PGHOST", "PGHOSTADDR", "PGSERVICE"].into_iter().find_map(|name| lookup.variable(name).transpose()) {
                Some(found) => (ConnectionTarget::default(), found?.1),
                None => return Ok(TargetChoice::None),
            }
        }
    };
    if let Some((service, _)) = lookup.variable("PGSERVICE")? {
        target.set_default("service", &service);
    }
    if let Some(service) = target.get("service").map(str::to_owned) {
        read_service(lookup, &service, &mut target)?;
    }
    // While a service is left to libpq, so are the process environment and the defaults: set here, they would override
    // the service's own parameters.
    let left_to_libpq = target.get("service").is_some();
    for (variable, keyword) in libpq_variables().filter(|(variable, _)| *variable != "PGSERVICE") {
        match lookup.variable(variable)? {
            Some((_, Source::Environment(_))) if left_to_libpq => {}
            Some((value, _)) => target.set_default(keyword, &value),
            None => {}
        }
    }
    if let Some(seconds) = connect_timeout {
        target.set("connect_timeout", &seconds.to_string());
    }
    target.set_default("fallback_application_name", concat!("hrms-migrate/", env!("CARGO_PKG_VERSION")));
    if !left_to_libpq {
        set_defaults(&mut target);
    }
    use_system_certificates(lookup, &mut target);
    Ok(TargetChoice::Given { target, origin })
}

/// A cut connection has to be noticed before the time for obtaining locks is over (ONLINE-DDL B.1).
fn set_defaults(target: &mut ConnectionTarget) {
    for (keyword, value) in [
        ("connect_timeout", "10"),
        ("keepalives_idle", "10"),
        ("keepalives_interval", "5"),
        ("keepalives_count", "3"),
        ("tcp_user_timeout", "10000"),
    ] {
        target.set_default(keyword, value);
    }
    // The libpq that is compiled in looks for sockets in /tmp only; packages of Linux distributions put them elsewhere.
    if cfg!(target_os = "linux") && target.get("host").is_none() && target.get("hostaddr").is_none() {
        target.set("host", "/var/run/postgresql,/tmp");
    }
}

/// Reads a service from the file that `PGSERVICEFILE` names in `.env`: libpq has no keyword for that file. Elsewhere
/// libpq finds the service by itself.
fn read_service(lookup: &Lookup<'_>, service: &str, target: &mut ConnectionTarget) -> Result<(), ConfigError> {
    let Some((file, origin @ Source::EnvFile { .. })) = lookup.variable("PGSERVICEFILE")? else { return Ok(()) };
    let bytes = match lookup.read(Path::new(&file)) {
        Ok(bytes) => bytes,
        Err(ReadFailure::Missing) => return Err(ConfigError::EnvFileMissing { origin, file }),
        Err(ReadFailure::Other(reason)) => return Err(ConfigError::EnvFileUnreadable { file, reason }),
    };
    let text = String::from_utf8_lossy(&bytes);
    let mut found = false;
    let mut inside = false;
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if line.starts_with('[') {
            // libpq takes the first section of that name and stops at the next one.
            if found {
                break;
            }
            inside = line.strip_prefix('[').and_then(|name| name.strip_suffix(']')) == Some(service);
            found = inside;
        } else if inside {
            match line.split_once('=') {
                Some((keyword, value)) if is_keyword(keyword) && keyword != "service" => {
                    target.set_default(keyword, value);
                }
                _ => return Err(ConfigError::EnvFileMalformed { file, line: index + 1 }),
            }
        }
    }
    // What is not in this file may be in the system's, which libpq reads.
    if found {
        target.unset("service");
    }
    Ok(())
}

/// Names the distribution's certificates where `sslrootcert=system` asks for them.
fn use_system_certificates(lookup: &Lookup<'_>, target: &mut ConnectionTarget) {
    let asked = target.get("sslrootcert") == Some("system");
    // libpq refuses a weaker sslmode beside sslrootcert=system; its message is the right one.
    let strict = target.get("sslmode").is_none_or(|mode| mode == "verify-full");
    if !asked || !strict || lookup.has_process_variable("SSL_CERT_FILE") || lookup.has_process_variable("SSL_CERT_DIR")
    {
        return;
    }
    if let Some(file) = SYSTEM_CERTIFICATES.into_iter().find(|file| lookup.read(Path::new(file)).is_ok()) {
        target.set("sslrootcert", file);
        target.set("sslmode", "verify-full");
    }
}
