//! Opens connections, and tells why one could not be opened.

#![expect(
    clippy::disallowed_methods,
    reason = "waits here are for the server, and the clock of `exec` is not known to this room"
)]

use std::{
    fmt,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use diesel::{Connection, PgConnection, result::ConnectionError};

use crate::pg::{ConnectionTarget, Ident};

/// What kept a connection from being opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectErrorKind {
    /// The host's name has no address.
    UnknownHost,
    /// Nobody listens there.
    Refused,
    /// No answer in time, or no way to the host.
    TimedOut,
    /// The socket's file is not there, or may not be used.
    SocketMissing,
    /// The server starts, stops or recovers (SQLSTATE 57P03).
    StartingUp,
    /// The server, or something before it, closed the connection.
    ServerClosed,
    /// No connection is free (53300).
    TooManyConnections,
    /// The password is wrong, or the role has none or does not exist (28P01).
    WrongPassword,
    /// The server asks for a password and none was given.
    NoPassword,
    /// `pg_hba.conf` rejects host, role and database together, or peer, ident or certificate authentication failed
    /// (28000).
    Rejected,
    /// The role does not exist (28000).
    MissingRole,
    /// The role may not log in (28000).
    LoginNotAllowed,
    /// The database does not exist (3D000).
    MissingDatabase,
    /// The role lacks CONNECT on the database (42501).
    NoConnectPrivilege,
    /// The database takes no connections (55000).
    DatabaseNotAccepting,
    /// TLS is asked for on one side and refused on the other.
    TlsRequired,
    /// The server's certificate could not be verified.
    CertificateNotVerified,
    /// TLS failed otherwise.
    TlsFailed,
    /// No server has the session attributes asked for (`target_session_attrs`).
    SessionAttributes,
    /// A connection parameter is invalid, or a file that it names cannot be used.
    BadParameter,
    /// Anything else.
    Other,
}

/// What a failure to connect means for the run's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectClass {
    /// Server not reachable: exit code 6.
    Unreachable,
    /// Authentication, database or right missing: exit code 7.
    Access,
    /// Unfit server: exit code 9.
    Unfit,
    /// Bad configuration: exit code 78.
    Configuration,
}

impl ConnectClass {
    /// Returns the exit code.
    #[must_use]
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Unreachable => 6,
            Self::Access => 7,
            Self::Unfit => 9,
            Self::Configuration => 78,
        }
    }
}

impl ConnectErrorKind {
    /// Returns what it means for the run's end.
    #[must_use]
    pub const fn class(self) -> ConnectClass {
        match self {
            Self::UnknownHost
            | Self::Refused
            | Self::TimedOut
            | Self::SocketMissing
            | Self::StartingUp
            | Self::ServerClosed
            | Self::TooManyConnections
            | Self::Other => ConnectClass::Unreachable,
            Self::WrongPassword
            | Self::NoPassword
            | Self::Rejected
            | Self::MissingRole
            | Self::LoginNotAllowed
            | Self::MissingDatabase
            | Self::NoConnectPrivilege
            | Self::DatabaseNotAccepting => ConnectClass::Access,
            Self::SessionAttributes => ConnectClass::Unfit,
            Self::TlsRequired | Self::CertificateNotVerified | Self::TlsFailed | Self::BadParameter => {
                ConnectClass::Configuration
            }
        }
    }

    /// Returns whether waiting may help: the server is not there yet, or busy. A wrong password stays wrong.
    #[must_use]
    pub const fn is_worth_waiting(self) -> bool {
        matches!(
            self,
            Self::UnknownHost
                | Self::Refused
                | Self::TimedOut
                | Self::SocketMissing
                | Self::StartingUp
                | Self::ServerClosed
                | Self::TooManyConnections
        )
    }

    /// Returns the code that `explain` knows.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::UnknownHost => "unknown-host",
            Self::Refused => "connection-refused",
            Self::TimedOut => "connection-timeout",
            Self::SocketMissing => "socket-missing",
            Self::StartingUp => "server-starting",
            Self::ServerClosed => "connection-closed",
            Self::TooManyConnections => "too-many-connections",
            Self::WrongPassword => "wrong-password",
            Self::NoPassword => "password-missing",
            Self::Rejected => "connection-rejected",
            Self::MissingRole => "missing-role",
            Self::LoginNotAllowed => "login-not-allowed",
            Self::MissingDatabase => "missing-database",
            Self::NoConnectPrivilege => "connect-privilege",
            Self::DatabaseNotAccepting => "database-closed",
            Self::TlsRequired => "tls-required",
            Self::CertificateNotVerified => "tls-certificate",
            Self::TlsFailed => "tls-failed",
            Self::SessionAttributes => "session-attributes",
            Self::BadParameter => "bad-connection-parameter",
            Self::Other => "connection-failed",
        }
    }
}

/// A connection that could not be opened. Holds no secret.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.what())]
pub struct ConnectError {
    /// What kept it from being opened.
    pub kind: ConnectErrorKind,
    // Boxed: an error should not make every result large.
    facts: Box<Facts>,
}

#[derive(Clone, PartialEq, Eq)]
struct Facts {
    /// `db:5432`.
    place: String,
    user: Option<String>,
    database: Option<String>,
    text: String,
}

impl fmt::Debug for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ConnectError({:?}, {}, {:?})", self.kind, self.facts.place, self.facts.text)
    }
}

impl ConnectError {
    /// Recognises libpq's text.
    fn recognise(target: &ConnectionTarget, text: &str) -> Self {
        Self::new(recognise(text), target, text)
    }

    /// An attempt that has neither failed nor come to anything.
    pub(super) fn no_answer(target: &ConnectionTarget) -> Self {
        Self::new(ConnectErrorKind::TimedOut, target, "no connection could be had in time")
    }

    fn new(kind: ConnectErrorKind, target: &ConnectionTarget, text: &str) -> Self {
        let facts = Facts {
            place: target.place(),
            user: target.user().map(str::to_owned),
            database: target.database().map(str::to_owned),
            text: target.mask(&essence(text)),
        };
        Self { kind, facts: Box::new(facts) }
    }

    /// Returns what happened, in one line.
    #[must_use]
    pub fn what(&self) -> String {
        let place = &self.facts.place;
        let user = self.facts.user.as_deref().map_or_else(|| "of the operating system's user".to_owned(), quoted);
        let database = self.facts.database.as_deref().map_or_else(|| "named like the role".to_owned(), quoted);
        match self.kind {
            ConnectErrorKind::UnknownHost => format!("the host of {place} is not known"),
            ConnectErrorKind::Refused => format!("nothing accepts connections at {place}"),
            ConnectErrorKind::TimedOut => format!("no answer from {place}"),
            ConnectErrorKind::SocketMissing => format!("no server at the {place}"),
            ConnectErrorKind::StartingUp => format!("the server at {place} does not accept connections yet"),
            ConnectErrorKind::ServerClosed => format!("{place} closed the connection while it was being opened"),
            ConnectErrorKind::TooManyConnections => format!("the server at {place} has no free connection"),
            ConnectErrorKind::WrongPassword => format!("the password for role {user} is not accepted at {place}"),
            ConnectErrorKind::NoPassword => format!("{place} asks for a password for role {user}, and none was given"),
            ConnectErrorKind::Rejected => format!("{place} does not let role {user} into database {database}"),
            ConnectErrorKind::MissingRole => format!("role {user} does not exist at {place}"),
            ConnectErrorKind::LoginNotAllowed => format!("role {user} may not log in at {place}"),
            ConnectErrorKind::MissingDatabase => format!("database {database} does not exist at {place}"),
            ConnectErrorKind::NoConnectPrivilege => {
                format!("permission denied for database {database}: role {user} lacks CONNECT")
            }
            ConnectErrorKind::DatabaseNotAccepting => format!("database {database} at {place} takes no connections"),
            ConnectErrorKind::TlsRequired => format!("{place} and this program do not agree on whether to use TLS"),
            ConnectErrorKind::CertificateNotVerified => format!("the certificate of {place} could not be verified"),
            ConnectErrorKind::TlsFailed => format!("no TLS connection to {place}"),
            ConnectErrorKind::SessionAttributes => format!("{place} is not the kind of server asked for"),
            ConnectErrorKind::BadParameter => format!("a connection parameter for {place} cannot be used"),
            ConnectErrorKind::Other => format!("no connection to {place}"),
        }
    }

    /// Returns why: what libpq or the server said, without secrets.
    #[must_use]
    pub fn why(&self) -> &str {
        &self.facts.text
    }

    /// Returns what to do about it: one action that begins with a verb.
    #[must_use]
    pub fn help(&self) -> String {
        let user = self.facts.user.as_deref().map_or_else(|| "…".to_owned(), quoted);
        let database = self.facts.database.as_deref().map_or_else(|| "…".to_owned(), quoted);
        match self.kind {
            ConnectErrorKind::UnknownHost => "correct the host's name in DATABASE_URL; in a container, use the \
                 service's name and add --wait"
                .to_owned(),
            ConnectErrorKind::Refused => {
                "start the server, correct host and port, or add --wait if it is about to start".to_owned()
            }
            ConnectErrorKind::TimedOut => "open the way to the server (firewall, security group, VPN), or correct \
                 host and port"
                .to_owned(),
            ConnectErrorKind::SocketMissing => "start the server, or name its socket's directory or host: \
                 postgres:///database?host=/directory"
                .to_owned(),
            ConnectErrorKind::StartingUp => "wait a moment and try again, or add --wait".to_owned(),
            ConnectErrorKind::ServerClosed => {
                "look into the server's log; a proxy without a server behind it closes connections too".to_owned()
            }
            ConnectErrorKind::TooManyConnections => {
                "close sessions, raise max_connections or the role's limit, or add --wait".to_owned()
            }
            ConnectErrorKind::WrongPassword => "correct the password in DATABASE_URL (percent-encoded there), \
                 PGPASSWORD or the password file"
                .to_owned(),
            ConnectErrorKind::NoPassword => {
                "give the password in DATABASE_URL, PGPASSWORD or a password file (PGPASSFILE, ~/.pgpass)".to_owned()
            }
            ConnectErrorKind::Rejected => "add a line for this role, database and host to the server's pg_hba.conf, \
                 or connect the way its lines allow (TLS, host name, password)"
                .to_owned(),
            ConnectErrorKind::MissingRole => {
                format!("correct the role's name, or create it: CREATE ROLE {user} LOGIN")
            }
            ConnectErrorKind::LoginNotAllowed => format!("run as a superuser: ALTER ROLE {user} LOGIN"),
            ConnectErrorKind::MissingDatabase => {
                format!("correct the database's name, or create it: CREATE DATABASE {database}")
            }
            ConnectErrorKind::NoConnectPrivilege => {
                format!("run as the database's owner: GRANT CONNECT ON DATABASE {database} TO {user}")
            }
            ConnectErrorKind::DatabaseNotAccepting => {
                "name another database; templates are not meant to be connected to".to_owned()
            }
            ConnectErrorKind::TlsRequired => {
                "set sslmode=prefer, or sslmode=require where the server insists on TLS".to_owned()
            }
            ConnectErrorKind::CertificateNotVerified => "set sslrootcert to the certificate that signed the server's, \
                 or sslrootcert=system for a public one, and use the host name that the certificate names"
                .to_owned(),
            ConnectErrorKind::TlsFailed => {
                "check sslcert, sslkey and the TLS versions that both sides allow".to_owned()
            }
            ConnectErrorKind::SessionAttributes => "name the primary server, or remove target_session_attrs".to_owned(),
            ConnectErrorKind::BadParameter => "correct the parameter in DATABASE_URL or its PG… variable".to_owned(),
            ConnectErrorKind::Other => "look into the server's log for this moment".to_owned(),
        }
    }

    /// Returns the exit code.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        self.kind.class().exit_code()
    }
}

/// Opens a connection. Its time zone is UTC: diesel sets that.
///
/// Cost: some five round trips; at most the target's `connect_timeout` for each of its addresses.
///
/// # Errors
/// [`ConnectError`], which tells the cases apart and holds no secret.
pub fn connect(target: &ConnectionTarget) -> Result<PgConnection, ConnectError> {
    PgConnection::establish(&target.conninfo()).map_err(|error| match error {
        ConnectionError::BadConnection(text) => ConnectError::recognise(target, &text),
        // The connection was there and broke, or refused diesel's first SET: a proxy that is not PostgreSQL does so.
        ConnectionError::CouldntSetupConfiguration(cause) => match recognise(&cause.to_string()) {
            ConnectErrorKind::Other => ConnectError::new(ConnectErrorKind::ServerClosed, target, &cause.to_string()),
            kind => ConnectError::new(kind, target, &cause.to_string()),
        },
        ConnectionError::InvalidCString(_) => {
            ConnectError::new(ConnectErrorKind::BadParameter, target, "a parameter holds a NUL character")
        }
        other => ConnectError::new(ConnectErrorKind::Other, target, &other.to_string()),
    })
}

/// Connects once, of `left` of the time to `wait`.
pub(super) fn attempt(target: &ConnectionTarget, wait: Duration, left: Duration) -> Result<PgConnection, ConnectError> {
    // An address that swallows packets must not hold the last attempt beyond the time given. libpq counts whole
    // seconds, and 1 was read as 2 before version 18.
    let left = left.as_secs().max(2);
    let limit = target.get("connect_timeout").and_then(|limit| limit.parse::<u64>().ok()).filter(|limit| *limit > 0);
    if wait.is_zero() || target.get("service").is_some() || limit.is_some_and(|limit| limit <= left) {
        return connect(target);
    }
    let mut hurried = target.clone();
    hurried.set("connect_timeout", &left.to_string());
    connect(&hurried)
}

/// Opens a connection, trying again for up to `wait` while the server is not there yet.
///
/// `on_wait` is called after each attempt that will be repeated, with its error and the time spent so far. Once `stop`
/// is set no further attempt is made, and the last error is returned.
///
/// # Errors
/// The last attempt's [`ConnectError`]; at once where waiting cannot help, such as for a wrong password.
pub fn connect_waiting(
    target: &ConnectionTarget,
    wait: Duration,
    stop: &AtomicBool,
    on_wait: &mut dyn FnMut(&ConnectError, Duration),
) -> Result<PgConnection, ConnectError> {
    attempts(wait, stop, on_wait, |left| attempt(target, wait, left))
}

/// Makes attempts until one succeeds, as [`connect_waiting`] does.
pub(super) fn attempts<T>(
    wait: Duration,
    stop: &AtomicBool,
    on_wait: &mut dyn FnMut(&ConnectError, Duration),
    attempt: impl FnMut(Duration) -> Result<T, ConnectError>,
) -> Result<T, ConnectError> {
    let started = Instant::now();
    let pause = |time: Duration| {
        let until = Instant::now() + time;
        while !stop.load(Ordering::Relaxed) {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return true;
            }
            thread::sleep(left.min(Duration::from_millis(50)));
        }
        false
    };
    attempt_until(wait, attempt, || started.elapsed(), pause, on_wait)
}

/// The waiting itself, its clock and its pauses given from outside. `pause` returns whether to go on.
///
/// Pauses double from 100 ms to 2 s: a server that starts is met soon, one that is away is not drowned in attempts.
fn attempt_until<T>(
    wait: Duration,
    mut attempt: impl FnMut(Duration) -> Result<T, ConnectError>,
    mut elapsed: impl FnMut() -> Duration,
    mut pause: impl FnMut(Duration) -> bool,
    on_wait: &mut dyn FnMut(&ConnectError, Duration),
) -> Result<T, ConnectError> {
    let mut next = Duration::from_millis(100);
    loop {
        let error = match attempt(wait.saturating_sub(elapsed())) {
            Ok(connection) => return Ok(connection),
            Err(error) => error,
        };
        let spent = elapsed();
        let left = wait.saturating_sub(spent);
        if !error.kind.is_worth_waiting() || left.is_zero() {
            return Err(error);
        }
        on_wait(&error, spent);
        if !pause(next.min(left)) {
            return Err(error);
        }
        next = (next * 2).min(Duration::from_secs(2));
    }
}

/// Texts and what they mean, the most telling first: a URL with several addresses yields one text for each attempt, and
/// what a server said tells more than that another was not there.
///
/// libpq's own text is English, whatever the locale: it is compiled in without translations. What follows `FATAL:`
/// comes from the server in its language, and libpq does not hand diesel the SQLSTATE of a connection that failed; hence the
/// most common other languages of PostgreSQL's message catalogues. All in lower case.
const TEXTS: &[(ConnectErrorKind, &[&str])] = &[
    (
        ConnectErrorKind::SessionAttributes,
        &[
            "session is read-only",
            "session is not read-only",
            "server is in hot standby mode",
            "server is not in hot standby mode",
        ],
    ),
    (
        ConnectErrorKind::StartingUp,
        &[
            "the database system is ",
            "not yet accepting connections",
            "das datenbanksystem startet",
            "das datenbanksystem fährt herunter",
            "das datenbanksystem ist im wiederherstellungsmodus",
            "das datenbanksystem nimmt noch keine verbindungen an",
            "le système de bases de données se lance",
            "le système de base de données s'arrête",
            "le système de bases de données est en cours",
            "le système de bases de données n'accepte pas encore",
            "el sistema de base de datos está",
            "el sistema de bases de datos está",
            "el sistema de bases de datos aún no",
        ],
    ),
    (
        ConnectErrorKind::TooManyConnections,
        &[
            "sorry, too many clients already",
            "remaining connection slots are reserved",
            "too many connections for ",
            "number of requested standby connections exceeds",
            "no more connections allowed",
            "tut mir leid, schon zu viele verbindungen",
            "verbindungen sind für",
            "verbindungen für normale",
            "zu viele verbindungen",
            "désolé, trop de clients",
            "trop de connexions",
            "emplacements de connexions restants",
            "demasiados clientes",
            "demasiadas conexiones",
            "conexiones restantes",
        ],
    ),
    (ConnectErrorKind::NoPassword, &["no password supplied", "password retrieved from file"]),
    (
        ConnectErrorKind::WrongPassword,
        &[
            "password authentication failed",
            "passwort-authentifizierung",
            "authentification par mot de passe",
            "autentificación password",
            "ldap authentication failed",
            "pam authentication failed",
            "radius authentication failed",
            "empty password returned by client",
            // PgBouncer.
            "sasl authentication failed",
            "auth failed",
        ],
    ),
    (ConnectErrorKind::TlsRequired, &["server does not support ssl"]),
    (
        // The name of the file stands in every language's text.
        ConnectErrorKind::Rejected,
        &[
            "pg_hba.conf",
            "pg_ident.conf",
            "peer authentication failed",
            "ident authentication failed",
            "certificate authentication failed",
            "gssapi authentication failed",
            "requires a valid client certificate",
            "ein gültiges client-zertifikat",
            "un certificat client valide",
            "un certificado de cliente",
            "zertifikatauthentifizierung",
            "authentification par le certificat",
            "autentificación por certificado",
            "requirepeer specifies",
            "peer-authentifizierung",
            "ident-authentifizierung",
            "authentification peer",
            "authentification ident",
            "autentificación peer",
            "autentificación ident",
            "authentication method requirement",
        ],
    ),
    (
        ConnectErrorKind::LoginNotAllowed,
        &[
            "is not permitted to log in",
            "keine berechtigung zum einloggen",
            "n'est pas autorisé à se connecter",
            "no se le permite conectarse",
        ],
    ),
    (
        ConnectErrorKind::DatabaseNotAccepting,
        &[
            "is not currently accepting connections",
            "akzeptiert gegenwärtig keine verbindungen",
            "n'accepte plus les connexions",
            "no acepta conexiones",
        ],
    ),
    (
        ConnectErrorKind::NoConnectPrivilege,
        &[
            "permission denied for database",
            "keine berechtigung für datenbank",
            "droit refusé pour la base de données",
            "permiso denegado a la base de datos",
        ],
    ),
    (
        ConnectErrorKind::CertificateNotVerified,
        &[
            "certificate verify failed",
            "does not match host name",
            "could not get home directory to locate root certificate",
            "root certificate file",
            "could not load system root certificate",
            "host name must be specified for a verified ssl connection",
        ],
    ),
    (
        ConnectErrorKind::BadParameter,
        &[
            "invalid connection option",
            "in connection info string",
            "invalid uri query parameter",
            "invalid integer value",
            "invalid port number",
            "could not match ",
            "weak sslmode",
            " value: \"",
            "definition of service",
            "service file",
            "syntax error in service",
            "socket path",
            "could not parse network address",
            "invalid require_auth",
            "when ssl support is not compiled in",
            "when gssapi support is not compiled in",
            "private key file",
            "certificate file",
            "private ssl key",
            "invalid command-line argument",
            "unrecognized configuration parameter",
            "invalid value for parameter",
            // PgBouncer.
            "unsupported startup parameter",
            "has group or world access",
        ],
    ),
    (
        ConnectErrorKind::ServerClosed,
        &[
            "ssl syscall error",
            "ssl connection has been closed",
            "unexpected eof while reading",
            // PgBouncer.
            "server login has been failing",
            "cannot connect to server",
            "server closed the connection unexpectedly",
            "connection reset by peer",
            "broken pipe",
            "terminating connection",
            "could not receive data from server",
            "could not send startup packet",
            "expected authentication request from server",
            "received invalid",
            "invalid response to ssl negotiation",
            "unexpected response from server",
        ],
    ),
    (ConnectErrorKind::TlsFailed, &["ssl error", "could not establish ssl", "could not create ssl", "ssl negotiation"]),
    (
        ConnectErrorKind::UnknownHost,
        &["could not translate host name", "name or service not known", "nodename nor servname"],
    ),
    (
        ConnectErrorKind::TimedOut,
        &[
            "timeout expired",
            "connection timed out",
            "no route to host",
            "network is unreachable",
            "host is down",
            "host is unreachable",
            "operation timed out",
        ],
    ),
    (ConnectErrorKind::SocketMissing, &["accepting connections on that socket"]),
    (ConnectErrorKind::Refused, &["connection refused", "accepting tcp/ip connections", "actively refused it"]),
];

fn recognise(text: &str) -> ConnectErrorKind {
    let text = text.to_lowercase();
    let found = TEXTS.iter().find(|(_, texts)| texts.iter().any(|known| text.contains(known))).map(|(kind, _)| *kind);
    match found {
        // Another address that was not there says less than this one, which answered.
        None => missing_object(&text).unwrap_or(ConnectErrorKind::Other),
        Some(kind) if kind.is_worth_waiting() && !is_answer(kind) => missing_object(&text).unwrap_or(kind),
        Some(kind) => kind,
    }
}

/// A name as it is written in SQL.
fn quoted(name: &str) -> String {
    Ident::new(name).to_string()
}

/// Keeps the line of each attempt and drops what follows it: libpq's guesses, and the server's DETAIL and HINT, whose
/// marks are in its language.
fn essence(text: &str) -> String {
    let mut lines = text.lines().map(str::trim_end);
    let mut essence = lines.next().unwrap_or_default().to_owned();
    for line in lines.filter(|line| line.starts_with("connection to server ") || line.starts_with("could not ")) {
        essence.push_str("; ");
        essence.push_str(line);
    }
    essence
}

/// Whether a server said so, and not the network.
const fn is_answer(kind: ConnectErrorKind) -> bool {
    matches!(kind, ConnectErrorKind::StartingUp | ConnectErrorKind::TooManyConnections)
}

/// A role or database that does not exist: in these texts a name stands in the middle.
fn missing_object(text: &str) -> Option<ConnectErrorKind> {
    // PgBouncer.
    if text.contains("no such database") {
        return Some(ConnectErrorKind::MissingDatabase);
    }
    if text.contains("no such user") {
        return Some(ConnectErrorKind::MissingRole);
    }
    let missing = ["does not exist", "existiert nicht", "n'existe pas", "no existe"];
    if !missing.iter().any(|known| text.contains(known)) {
        return None;
    }
    let message = text.rsplit("fatal: ").next().unwrap_or(text);
    // The word before the name decides; the name may hold the other word.
    let first = |words: &[&str]| words.iter().filter_map(|word| message.find(word)).min();
    let role = first(&["role ", "rolle ", "rôle ", "rol "]);
    let database = first(&["database ", "datenbank ", "base de données ", "base de datos "]);
    match (role, database) {
        (Some(role), Some(database)) if database < role => Some(ConnectErrorKind::MissingDatabase),
        (Some(_), _) => Some(ConnectErrorKind::MissingRole),
        (None, Some(_)) => Some(ConnectErrorKind::MissingDatabase),
        (None, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: ConnectErrorKind) {
        let target = ConnectionTarget::parse("postgres://hr:geheim@db/hrms").unwrap();
        let error = ConnectError::recognise(&target, text);
        assert_eq!(error.kind, expected, "{text}");
        let shown = format!("{error} {error:?} {} {}", error.why(), error.help());
        assert!(!shown.contains("geheim"), "{shown}");
    }

    /// Texts of PostgreSQL's message catalogues; libpq's own are always English.
    #[test]
    fn refusals_are_told_apart_in_four_languages() {
        let at = "connection to server at \"db\" (10.0.0.1), port 5432 failed: FATAL:  ";
        for (text, kind) in [
            ("password authentication failed for user \"hr\"", ConnectErrorKind::WrongPassword),
            ("Passwort-Authentifizierung für Benutzer »hr« fehlgeschlagen", ConnectErrorKind::WrongPassword),
            ("authentification par mot de passe échouée pour l'utilisateur  « hr »", ConnectErrorKind::WrongPassword),
            ("la autentificación password falló para el usuario «hr»", ConnectErrorKind::WrongPassword),
            ("role \"hr\" does not exist", ConnectErrorKind::MissingRole),
            ("Rolle »hr« existiert nicht", ConnectErrorKind::MissingRole),
            ("le rôle « hr » n'existe pas", ConnectErrorKind::MissingRole),
            ("no existe el rol «hr»", ConnectErrorKind::MissingRole),
            ("database \"role \" does not exist", ConnectErrorKind::MissingDatabase),
            ("Datenbank »hrms« existiert nicht", ConnectErrorKind::MissingDatabase),
            ("la base de données « hrms » n'existe pas", ConnectErrorKind::MissingDatabase),
            ("no existe la base de datos «hrms»", ConnectErrorKind::MissingDatabase),
            ("the database system is starting up", ConnectErrorKind::StartingUp),
            ("das Datenbanksystem fährt herunter", ConnectErrorKind::StartingUp),
            ("le système de bases de données est en cours de restauration", ConnectErrorKind::StartingUp),
            ("el sistema de base de datos está iniciándose", ConnectErrorKind::StartingUp),
            ("el sistema de bases de datos aún no está aceptando conexiones", ConnectErrorKind::StartingUp),
            ("sorry, too many clients already", ConnectErrorKind::TooManyConnections),
            ("zu viele Verbindungen von Rolle »hr«", ConnectErrorKind::TooManyConnections),
            ("désolé, trop de clients sont déjà connectés", ConnectErrorKind::TooManyConnections),
            ("lo siento, ya tenemos demasiados clientes", ConnectErrorKind::TooManyConnections),
            ("permission denied for database \"hrms\"", ConnectErrorKind::NoConnectPrivilege),
            ("keine Berechtigung für Datenbank hrms", ConnectErrorKind::NoConnectPrivilege),
            ("droit refusé pour la base de données hrms", ConnectErrorKind::NoConnectPrivilege),
            ("permiso denegado a la base de datos hrms", ConnectErrorKind::NoConnectPrivilege),
            ("no pg_hba.conf entry for host \"1.2.3.4\", user \"hr\", no encryption", ConnectErrorKind::Rejected),
            ("kein pg_hba.conf-Eintrag für Host »1.2.3.4«, Benutzer »hr«", ConnectErrorKind::Rejected),
            ("Peer-Authentifizierung für Benutzer »hr« fehlgeschlagen", ConnectErrorKind::Rejected),
            ("al rol «hr» no se le permite conectarse", ConnectErrorKind::LoginNotAllowed),
            ("Datenbank »hrms« akzeptiert gegenwärtig keine Verbindungen", ConnectErrorKind::DatabaseNotAccepting),
            ("что-то", ConnectErrorKind::Other),
        ] {
            check(&format!("{at}{text}"), kind);
        }
    }

    #[test]
    fn the_most_telling_of_several_attempts_counts() {
        let refused = "connection to server at \"db\" (::1), port 5432 failed: Connection refused\n\t\
                       Is the server running on that host and accepting TCP/IP connections?\n";
        let text = format!("{refused}connection to server at \"db\" failed: FATAL:  database \"hrms\" does not exist");
        // The refusal of the first address comes before a missing object in the text, not in the meaning.
        check(&text, ConnectErrorKind::MissingDatabase);
        check(&format!("{refused}connection to server failed: timeout expired"), ConnectErrorKind::TimedOut);
        check(refused, ConnectErrorKind::Refused);
    }

    #[test]
    fn secrets_in_libpq_texts_are_masked() {
        check("invalid connection option \"geheim\"", ConnectErrorKind::BadParameter);
    }

    fn failure(kind: ConnectErrorKind) -> ConnectError {
        ConnectError::new(kind, &ConnectionTarget::default(), "")
    }

    #[test]
    fn waiting_repeats_until_the_server_is_there() {
        let now = std::cell::Cell::new(Duration::ZERO);
        let mut answers = vec![
            Err(failure(ConnectErrorKind::UnknownHost)),
            Err(failure(ConnectErrorKind::Refused)),
            Err(failure(ConnectErrorKind::StartingUp)),
            Ok(7),
        ]
        .into_iter();
        let mut heard = Vec::new();
        let answer = attempt_until(
            Duration::from_mins(1),
            |_| answers.next().unwrap(),
            || now.get(),
            |pause| {
                now.set(now.get() + pause);
                true
            },
            &mut |error, spent| heard.push((error.kind, spent.as_millis())),
        );
        assert_eq!(answer, Ok(7));
        let kinds = [ConnectErrorKind::UnknownHost, ConnectErrorKind::Refused, ConnectErrorKind::StartingUp];
        assert_eq!(heard, kinds.into_iter().zip([0, 100, 300]).collect::<Vec<_>>());
    }

    #[test]
    fn waiting_ends_with_the_time_given_with_a_signal_or_where_it_cannot_help() {
        let run = |kind: ConnectErrorKind, wait: u64, pauses_allowed: usize| {
            let (now, attempts) = (std::cell::Cell::new(Duration::ZERO), std::cell::Cell::new(0));
            let answer: Result<(), _> = attempt_until(
                Duration::from_secs(wait),
                |_| {
                    attempts.set(attempts.get() + 1);
                    Err(failure(kind))
                },
                || now.get(),
                |pause| {
                    now.set(now.get() + pause);
                    attempts.get() <= pauses_allowed
                },
                &mut |_, _| {},
            );
            assert_eq!(answer.unwrap_err().kind, kind);
            (attempts.get(), now.get().as_secs())
        };
        assert_eq!(run(ConnectErrorKind::Refused, 10, usize::MAX), (10, 10));
        assert_eq!(run(ConnectErrorKind::Refused, 0, usize::MAX), (1, 0));
        assert_eq!(run(ConnectErrorKind::Refused, 60, 0), (1, 0));
        assert_eq!(run(ConnectErrorKind::WrongPassword, 60, usize::MAX), (1, 0));
    }
}
