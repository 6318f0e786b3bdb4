//! Where the server is: connection URLs and conninfo strings, read once and never shown with their password.

use std::fmt;

/// Keywords of libpq with the environment variable that stands for each, where there is one.
///
/// Source: `PQconninfoOptions` in `fe-connect.c` of libpq 18, the version compiled in.
const KEYWORDS: &[(&str, Option<&str>)] = &[
    ("service", Some("PGSERVICE")),
    ("user", Some("PGUSER")),
    ("password", Some("PGPASSWORD")),
    ("passfile", Some("PGPASSFILE")),
    ("channel_binding", Some("PGCHANNELBINDING")),
    ("connect_timeout", Some("PGCONNECT_TIMEOUT")),
    ("dbname", Some("PGDATABASE")),
    ("host", Some("PGHOST")),
    ("hostaddr", Some("PGHOSTADDR")),
    ("port", Some("PGPORT")),
    ("client_encoding", Some("PGCLIENTENCODING")),
    ("options", Some("PGOPTIONS")),
    ("application_name", Some("PGAPPNAME")),
    ("fallback_application_name", None),
    ("keepalives", None),
    ("keepalives_idle", None),
    ("keepalives_interval", None),
    ("keepalives_count", None),
    ("tcp_user_timeout", None),
    ("sslmode", Some("PGSSLMODE")),
    ("sslnegotiation", Some("PGSSLNEGOTIATION")),
    ("sslcompression", Some("PGSSLCOMPRESSION")),
    ("sslcert", Some("PGSSLCERT")),
    ("sslkey", Some("PGSSLKEY")),
    ("sslcertmode", Some("PGSSLCERTMODE")),
    ("sslpassword", None),
    ("sslrootcert", Some("PGSSLROOTCERT")),
    ("sslcrl", Some("PGSSLCRL")),
    ("sslcrldir", Some("PGSSLCRLDIR")),
    ("sslsni", Some("PGSSLSNI")),
    ("requirepeer", Some("PGREQUIREPEER")),
    ("require_auth", Some("PGREQUIREAUTH")),
    ("min_protocol_version", Some("PGMINPROTOCOLVERSION")),
    ("max_protocol_version", Some("PGMAXPROTOCOLVERSION")),
    ("ssl_min_protocol_version", Some("PGSSLMINPROTOCOLVERSION")),
    ("ssl_max_protocol_version", Some("PGSSLMAXPROTOCOLVERSION")),
    ("gssencmode", Some("PGGSSENCMODE")),
    ("krbsrvname", Some("PGKRBSRVNAME")),
    ("gsslib", Some("PGGSSLIB")),
    ("gssdelegation", Some("PGGSSDELEGATION")),
    ("replication", None),
    ("target_session_attrs", Some("PGTARGETSESSIONATTRS")),
    ("load_balance_hosts", Some("PGLOADBALANCEHOSTS")),
    ("scram_client_key", None),
    ("scram_server_key", None),
    ("oauth_issuer", None),
    ("oauth_client_id", None),
    ("oauth_client_secret", None),
    ("oauth_scope", None),
    ("sslkeylogfile", None),
];

/// Keywords whose values are never shown.
const SECRET: &[&str] = &["password", "sslpassword", "oauth_client_secret", "scram_client_key", "scram_server_key"];

/// Parameters that only a Python or Node.js driver or its pool understands. They say nothing about where the server is.
const DRIVER_ONLY: &[&str] = &[
    "async_fallback",
    "autocommit",
    "command_timeout",
    "connection_class",
    "connection_limit",
    "cursor_factory",
    "echo",
    "executemany_batch_page_size",
    "executemany_mode",
    "executemany_values_page_size",
    "json_deserializer",
    "json_serializer",
    "loop",
    "max_cacheable_statement_size",
    "max_cached_statement_lifetime",
    "max_overflow",
    "passfile_loader",
    "pgbouncer",
    "pool_pre_ping",
    "pool_recycle",
    "pool_size",
    "pool_timeout",
    "prepare_threshold",
    "prepared_statement_cache_size",
    "prepared_statement_name_func",
    "record_class",
    "server_settings",
    "statement_cache_size",
    "timeout",
    "use_native_hstore",
    "use_native_unicode",
];

/// Parameters of other drivers that choose a schema; dropping them would change where tables are looked for.
const CHOOSES_SCHEMA: &[&str] = &["schema", "currentschema", "search_path", "searchpath"];

/// Returns the environment variables that libpq reads, each with its keyword.
pub fn libpq_variables() -> impl Iterator<Item = (&'static str, &'static str)> {
    KEYWORDS.iter().filter_map(|(keyword, variable)| variable.map(|variable| (variable, *keyword)))
}

/// Returns whether libpq knows a keyword.
#[must_use]
pub fn is_keyword(keyword: &str) -> bool {
    KEYWORDS.iter().any(|(known, _)| *known == keyword)
}

/// Returns whether the value of a keyword must never be shown.
#[must_use]
pub fn is_secret_keyword(keyword: &str) -> bool {
    SECRET.contains(&keyword)
}

/// A server and a database on it, as libpq's keywords.
///
/// Promise: neither `Display` nor `Debug` shows a password or another secret; only [`Self::conninfo`] holds them.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ConnectionTarget {
    parameters: Vec<(String, String)>,
    notes: Vec<String>,
}

/// Why a connection URL or conninfo string could not be read. No variant holds any part of the text that may be secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConninfoError {
    /// Another kind of database.
    #[error("this is a {scheme} URL, not a PostgreSQL one")]
    OtherScheme {
        /// The part before `:`.
        scheme: String,
    },
    /// A JDBC URL.
    #[error("this is a JDBC URL, which PostgreSQL's own library does not read")]
    Jdbc,
    /// The quotes of a shell or a `.env` file came along.
    #[error("the value is surrounded by quotation marks")]
    Quoted,
    /// Neither a URL nor `keyword=value` pairs.
    #[error("this is neither a postgres:// URL nor a list of keyword=value pairs")]
    Unreadable,
    /// A character of the user name or password splits the URL in the wrong place.
    #[error("the URL's user name or password holds an unencoded \"{character}\"")]
    NotEncoded {
        /// The character that has to be percent-encoded.
        character: char,
    },
    /// A `%` that is not followed by two hexadecimal digits, or `%00`.
    #[error("the URL's {part} holds a \"%\" that is not followed by two hexadecimal digits")]
    BadPercent {
        /// Which part of the URL.
        part: &'static str,
    },
    /// A port that is not a number between 1 and 65535.
    #[error("the port is not a number between 1 and 65535")]
    BadPort,
    /// A `[` without `]`.
    #[error("the IPv6 address lacks its closing \"]\"")]
    BadAddress,
    /// A quotation mark of a conninfo string is not closed.
    #[error("a quotation mark is not closed")]
    UnterminatedQuote,
    /// A parameter that libpq does not have.
    #[error("unknown connection parameter \"{keyword}\"")]
    UnknownKeyword {
        /// The parameter.
        keyword: String,
        /// The nearest known one.
        suggestion: Option<&'static str>,
    },
    /// A parameter of another driver that chooses a schema.
    #[error("PostgreSQL's own library has no connection parameter \"{keyword}\"")]
    ChoosesSchema {
        /// The parameter.
        keyword: String,
    },
    /// A value of `ssl=` or `sslmode=` that nobody knows.
    #[error("unknown value of {keyword}")]
    BadSslMode {
        /// `ssl` or `sslmode`.
        keyword: &'static str,
    },
}

impl ConninfoError {
    /// Returns what to do about it: one action that begins with a verb.
    #[must_use]
    pub fn help(&self) -> String {
        match self {
            Self::OtherScheme { .. } | Self::Unreadable => {
                "write postgres://user:password@host:5432/database, or host=… dbname=… user=…".to_owned()
            }
            Self::Jdbc => "remove \"jdbc:\" and write postgresql://user:password@host:5432/database".to_owned(),
            Self::Quoted => {
                "remove the quotation marks; `docker --env-file` and Kubernetes pass them on as part of the value"
                    .to_owned()
            }
            Self::NotEncoded { .. } => {
                "percent-encode the password: @ is %40, : is %3A, / is %2F, ? is %3F, # is %23, % is %25; \
                 or give it in PGPASSWORD or a password file, where nothing is encoded"
                    .to_owned()
            }
            Self::BadPercent { .. } => "write %25 for a percent sign that stands for itself".to_owned(),
            Self::BadPort => {
                "write host:5432; if the password holds \"/\", \"?\" or \"#\", percent-encode it (%2F, %3F, %23)"
                    .to_owned()
            }
            Self::BadAddress => "write an IPv6 address as [::1]".to_owned(),
            Self::UnterminatedQuote => {
                "close the quotation mark; inside one, write \\' for a quotation mark and \\\\ for a backslash"
                    .to_owned()
            }
            Self::UnknownKeyword { suggestion: Some(suggestion), .. } => format!("write {suggestion}, or remove it"),
            Self::UnknownKeyword { suggestion: None, .. } => {
                "remove it; the parameters are listed in PostgreSQL's manual, \"Parameter Key Words\"".to_owned()
            }
            Self::ChoosesSchema { .. } => "remove it and choose the schema with --schema".to_owned(),
            Self::BadSslMode { .. } => "write disable, allow, prefer, require, verify-ca or verify-full".to_owned(),
        }
    }
}

impl ConnectionTarget {
    /// Reads a URL (`postgres://`, `postgresql://`, or with a Python driver as `postgresql+asyncpg://`) or a string of
    /// `keyword=value` pairs.
    ///
    /// Parameters that only a driver understands are dropped; [`Self::notes`] names them.
    ///
    /// # Errors
    /// [`ConninfoError`] where the text cannot be read, without any part of it that may be secret.
    ///
    /// Source: PostgreSQL manual, "Connection Strings"; `conninfo_uri_parse` in `fe-connect.c`.
    pub fn parse(text: &str) -> Result<Self, ConninfoError> {
        let text = text.trim();
        if text.starts_with(['"', '\'']) {
            return Err(ConninfoError::Quoted);
        }
        let mut target = Self::default();
        match text.split_once("://").filter(|(scheme, _)| is_scheme(scheme)) {
            Some((scheme, rest)) => {
                target.check_scheme(scheme)?;
                target.read_url(rest)?;
            }
            // `sqlite:file.db` has a scheme but no authority.
            None if !text.contains('=') => {
                return Err(match text.split_once(':').filter(|(scheme, _)| is_scheme(scheme)) {
                    Some((scheme, _)) if !scheme.starts_with("postgres") => {
                        ConninfoError::OtherScheme { scheme: scheme.to_ascii_lowercase() }
                    }
                    _ => ConninfoError::Unreadable,
                });
            }
            None => target.read_pairs(text)?,
        }
        Ok(target)
    }

    /// Returns the value of a keyword, where it is set.
    #[must_use]
    pub fn get(&self, keyword: &str) -> Option<&str> {
        self.parameters.iter().find(|(known, _)| known == keyword).map(|(_, value)| value.as_str())
    }

    /// Returns every keyword that is set, with its value. Some of them are secret: [`is_secret_keyword`].
    pub fn parameters(&self) -> impl Iterator<Item = (&str, &str)> {
        self.parameters.iter().map(|(keyword, value)| (keyword.as_str(), value.as_str()))
    }

    /// Sets a keyword, replacing an earlier value. An empty value unsets it, as in libpq.
    pub fn set(&mut self, keyword: &str, value: &str) {
        self.parameters.retain(|(known, _)| known != keyword);
        if !value.is_empty() {
            self.parameters.push((keyword.to_owned(), value.to_owned()));
        }
    }

    /// Sets a keyword that is not set yet.
    pub fn set_default(&mut self, keyword: &str, value: &str) {
        if self.get(keyword).is_none() {
            self.set(keyword, value);
        }
    }

    /// Removes a keyword.
    pub fn unset(&mut self, keyword: &str) {
        self.set(keyword, "");
    }

    /// Returns what was dropped or changed while reading, one sentence each.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Returns the string that libpq connects with. It holds the password: never show it.
    #[must_use]
    pub fn conninfo(&self) -> String {
        let quoted = |value: &str| value.replace('\\', "\\\\").replace('\'', "\\'");
        let pairs: Vec<String> =
            self.parameters.iter().map(|(keyword, value)| format!("{keyword}='{}'", quoted(value))).collect();
        pairs.join(" ")
    }

    /// Returns the role that logs in, where the target names one; else libpq takes the operating system's user.
    #[must_use]
    pub fn user(&self) -> Option<&str> {
        self.get("user")
    }

    /// Returns the database, as libpq finds it: the user's name where none is named.
    #[must_use]
    pub fn database(&self) -> Option<&str> {
        self.get("dbname").or_else(|| self.user())
    }

    /// Returns the hosts for people: `db:5432`, `a:5432, b:5433`, or `local socket`.
    #[must_use]
    pub fn place(&self) -> String {
        let Some(hosts) = self.get("host").or_else(|| self.get("hostaddr")) else {
            return match self.get("service") {
                Some(service) => format!("service {service}"),
                None => "local socket".to_owned(),
            };
        };
        let ports: Vec<&str> = self.get("port").unwrap_or_default().split(',').collect();
        let mut places: Vec<String> = Vec::new();
        for (index, host) in hosts.split(',').enumerate() {
            // libpq: one port stands for all hosts, an empty one for the default.
            let port = if ports.len() == 1 { ports.first() } else { ports.get(index) };
            let port = port.copied().filter(|port| !port.is_empty()).unwrap_or("5432");
            let place = if host.is_empty() || host.starts_with(['/', '@']) {
                "local socket".to_owned()
            } else if host.contains(':') {
                format!("[{host}]:{port}")
            } else {
                format!("{host}:{port}")
            };
            if !places.contains(&place) {
                places.push(place);
            }
        }
        places.join(", ")
    }

    /// Returns `text` with every secret of this target replaced by `***`.
    #[must_use]
    pub fn mask(&self, text: &str) -> String {
        let mut secrets: Vec<String> = Vec::new();
        for (keyword, value) in &self.parameters {
            if is_secret_keyword(keyword) && !value.is_empty() {
                secrets.push(value.clone());
                secrets.push(value.replace('\\', "\\\\").replace('\'', "\\'"));
            }
        }
        // The longest first: one secret may be a part of another.
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        secrets.iter().fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), "***"))
    }

    fn check_scheme(&mut self, scheme: &str) -> Result<(), ConninfoError> {
        let scheme = scheme.to_ascii_lowercase();
        let (dialect, driver) = match scheme.split_once('+') {
            Some((dialect, driver)) => (dialect, Some(driver)),
            None => (scheme.as_str(), None),
        };
        match dialect {
            "postgres" | "postgresql" => {
                if let Some(driver) = driver {
                    self.notes.push(format!("the Python driver {driver} in the database URL is ignored"));
                }
                Ok(())
            }
            _ if scheme.starts_with("jdbc:") => Err(ConninfoError::Jdbc),
            _ => Err(ConninfoError::OtherScheme { scheme }),
        }
    }

    /// Reads what follows `://`, splitting where libpq splits.
    fn read_url(&mut self, rest: &str) -> Result<(), ConninfoError> {
        // libpq takes the first "@" before any "/" as the end of the credentials.
        let before_slash = rest.split('/').next().unwrap_or_default();
        let (credentials, rest) = match before_slash.find('@') {
            Some(at) => (Some(&rest[..at]), &rest[at + 1..]),
            None => (None, rest),
        };
        let (location, query) = match rest.split_once('?') {
            Some((location, query)) => (location, Some(query)),
            None => (rest, None),
        };
        let (hosts, database) = match location.split_once('/') {
            Some((hosts, database)) => (hosts, database),
            None => (location, ""),
        };
        // A second "@" means that the first one belonged to the password (or to the user's name), and one after a "/"
        // that the slash did.
        if hosts.contains('@')
            || query.is_some_and(|query| query.split('=').next().is_some_and(|key| key.contains('@')))
        {
            return Err(ConninfoError::NotEncoded { character: '@' });
        }
        if database.contains('@') {
            return Err(ConninfoError::NotEncoded { character: if credentials.is_none() { '/' } else { '@' } });
        }
        if let Some(credentials) = credentials {
            let (user, password) = match credentials.split_once(':') {
                Some((user, password)) => (user, password),
                None => (credentials, ""),
            };
            self.set("user", &decode(user, "user name")?);
            self.set("password", &decode(password, "password")?);
        }
        self.read_hosts(hosts)?;
        self.set("dbname", &decode(database, "database name")?);
        for pair in query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
            let (keyword, value) = pair.split_once('=').unwrap_or((pair, ""));
            let keyword = decode(keyword, "parameter name")?;
            let value = decode(value, "parameter value")?;
            self.read_parameter(&keyword, &value)?;
        }
        Ok(())
    }

    fn read_hosts(&mut self, hosts: &str) -> Result<(), ConninfoError> {
        let (mut names, mut ports): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
        for host in hosts.split(',') {
            let (name, port) = match host.strip_prefix('[') {
                Some(address) => {
                    let (address, after) = address.split_once(']').ok_or(ConninfoError::BadAddress)?;
                    (address, after.strip_prefix(':').unwrap_or(after))
                }
                None => host.split_once(':').unwrap_or((host, "")),
            };
            names.push(decode(name, "host")?);
            let port = decode(port, "port")?;
            if !port.is_empty() && !port.parse::<u16>().is_ok_and(|number| number > 0) {
                return Err(ConninfoError::BadPort);
            }
            ports.push(port);
        }
        if names.iter().any(|name| !name.is_empty()) {
            self.set("host", &names.join(","));
        }
        if ports.iter().any(|port| !port.is_empty()) {
            self.set("port", &ports.join(","));
        }
        Ok(())
    }

    /// Reads `keyword = value` pairs; values may stand in single quotes, with backslash escapes.
    fn read_pairs(&mut self, text: &str) -> Result<(), ConninfoError> {
        let mut rest = text.trim_start();
        while !rest.is_empty() {
            let end = rest.find(|c: char| c == '=' || c.is_whitespace()).ok_or(ConninfoError::Unreadable)?;
            let keyword = rest[..end].to_owned();
            let after = rest[end..].trim_start().strip_prefix('=').ok_or(ConninfoError::Unreadable)?.trim_start();
            let quoted = after.starts_with('\'');
            let mut value = String::new();
            let mut characters = after[usize::from(quoted)..].char_indices();
            let mut closed = !quoted;
            let mut next = after.len();
            while let Some((index, character)) = characters.next() {
                match character {
                    '\\' => value.extend(characters.next().map(|(_, escaped)| escaped)),
                    '\'' if quoted => {
                        closed = true;
                        next = index + 2;
                        break;
                    }
                    c if !quoted && c.is_whitespace() => {
                        next = index;
                        break;
                    }
                    c => value.push(c),
                }
            }
            if !closed {
                return Err(ConninfoError::UnterminatedQuote);
            }
            rest = after[next..].trim_start();
            self.read_parameter(&keyword, &value)?;
        }
        Ok(())
    }

    fn read_parameter(&mut self, keyword: &str, value: &str) -> Result<(), ConninfoError> {
        let lower = keyword.to_ascii_lowercase();
        match keyword {
            "ssl" => {
                let mode = ssl_mode(value).ok_or(ConninfoError::BadSslMode { keyword: "ssl" })?;
                if self.get("sslmode").is_none() {
                    self.set("sslmode", mode);
                    self.notes.push(format!("ssl in the database URL is read as sslmode={mode}"));
                } else {
                    self.notes.push("ssl in the database URL is ignored, sslmode is there too".to_owned());
                }
            }
            "sslmode" => {
                if !["disable", "allow", "prefer", "require", "verify-ca", "verify-full"].contains(&value) {
                    return Err(ConninfoError::BadSslMode { keyword: "sslmode" });
                }
                self.set("sslmode", value);
            }
            "direct_tls" => {
                if ssl_mode(value) == Some("require") {
                    self.set("sslnegotiation", "direct");
                }
            }
            // SQLAlchemy's psycopg dialects call it "database".
            "database" => self.set("dbname", value),
            "server_settings" => self.notes.push(
                "server_settings in the database URL is for asyncpg and is ignored; use options=-c%20name%3Dvalue"
                    .to_owned(),
            ),
            _ if is_keyword(keyword) => self.set(keyword, value),
            _ if DRIVER_ONLY.contains(&lower.as_str()) => {
                self.notes.push(format!("{keyword} in the database URL is for another driver and is ignored"));
            }
            _ if CHOOSES_SCHEMA.contains(&lower.as_str()) => {
                return Err(ConninfoError::ChoosesSchema { keyword: keyword.to_owned() });
            }
            _ => return Err(unknown_keyword(keyword)),
        }
        Ok(())
    }
}

/// A URL's scheme, `jdbc:postgresql` included: nothing that could be a part of a conninfo string's value.
fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "+-.:_".contains(c))
}

/// asyncpg takes what `sslmode` takes; others write a truth value.
fn ssl_mode(value: &str) -> Option<&'static str> {
    Some(match value.to_ascii_lowercase().as_str() {
        "true" | "1" | "on" | "yes" | "require" => "require",
        "false" | "0" | "off" | "no" | "disable" => "disable",
        "allow" => "allow",
        "prefer" => "prefer",
        "verify-ca" => "verify-ca",
        "verify-full" => "verify-full",
        _ => return None,
    })
}

/// The name is shown only where it looks like one: a password that was split apart may have ended up here.
fn unknown_keyword(keyword: &str) -> ConninfoError {
    let suggestion = KEYWORDS
        .iter()
        .map(|(known, _)| (strsim::jaro_winkler(keyword, known), *known))
        .filter(|(likeness, _)| *likeness > 0.85)
        .max_by(|left, right| left.0.total_cmp(&right.0))
        .map(|(_, known)| known);
    let looks_like_a_name = suggestion.is_some()
        || (keyword.len() <= 40
            && keyword.chars().all(|c| c.is_ascii_lowercase() || c == '_')
            && keyword.contains('_'));
    let keyword = if looks_like_a_name { keyword.to_owned() } else { "***".to_owned() };
    ConninfoError::UnknownKeyword { keyword, suggestion }
}

fn decode(text: &str, part: &'static str) -> Result<String, ConninfoError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || rest.next().and_then(|digit| char::from(digit).to_digit(16));
        let (high, low) = (digit(), digit());
        match (high, low) {
            // %00 would end the string within libpq.
            (Some(high), Some(low)) if high + low > 0 => bytes.push(u8::try_from(high * 16 + low).unwrap_or_default()),
            _ => return Err(ConninfoError::BadPercent { part }),
        }
    }
    String::from_utf8(bytes).map_err(|_| ConninfoError::BadPercent { part })
}

impl fmt::Display for ConnectionTarget {
    /// Writes `hrms_db @ db:5432`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.database() {
            Some(database) => write!(f, "{database} @ {}", self.place()),
            None => f.write_str(&self.place()),
        }
    }
}

impl fmt::Debug for ConnectionTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ConnectionTarget ")?;
        f.debug_map()
            .entries(
                self.parameters
                    .iter()
                    .map(|(keyword, value)| (keyword, if is_secret_keyword(keyword) { "***" } else { value.as_str() })),
            )
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let read = match ConnectionTarget::parse(text) {
            Ok(target) => target.conninfo(),
            Err(error) => format!("error: {error}"),
        };
        assert_eq!(read, expected, "{text}");
    }

    #[test]
    fn urls_are_read_as_libpq_reads_them() {
        check("postgres://u:p@db:5433/hrms", "user='u' password='p' host='db' port='5433' dbname='hrms'");
        check("postgresql://db", "host='db'");
        check("postgresql:///hrms", "dbname='hrms'");
        check("postgres://", "");
        check("postgres://u@/hrms?host=/run/pg", "user='u' dbname='hrms' host='/run/pg'");
        check("postgres://%2Frun%2Fpg/hrms", "host='/run/pg' dbname='hrms'");
        check("postgres://[::1]:5432/hrms", "host='::1' port='5432' dbname='hrms'");
        check("postgres://a:1,b:2/x", "host='a,b' port='1,2' dbname='x'");
        check("postgres://a,b/x", "host='a,b' dbname='x'");
        check("postgres://u:p%40s%25s'%5C@db/x", r"user='u' password='p@s%s\'\\' host='db' dbname='x'");
        check("postgres://u:a:b?c#d@db/x", "user='u' password='a:b?c#d' host='db' dbname='x'");
        check("  postgres://db/x\n", "host='db' dbname='x'");
        check("POSTGRES://db/x?connect_timeout=3", "host='db' dbname='x' connect_timeout='3'");
    }

    #[test]
    fn conninfo_strings_are_read_as_libpq_reads_them() {
        check("host=db dbname=x", "host='db' dbname='x'");
        check(r"host = db  password = 'a b\'c\\' user=u", r"host='db' password='a b\'c\\' user='u'");
        check("password='' host=db", "host='db'");
        check(r"password=a\ b host=db", "password='a b' host='db'");
        check("host=db password='abc", "error: a quotation mark is not closed");
        check("host=db secret", "error: this is neither a postgres:// URL nor a list of keyword=value pairs");
        check("dbname=postgres://x", "dbname='postgres://x'");
    }

    #[test]
    fn python_urls_lose_their_driver() {
        for scheme in ["postgresql+asyncpg", "postgresql+psycopg2", "postgresql+psycopg", "postgres+asyncpg"] {
            check(&format!("{scheme}://u:p@db/x"), "user='u' password='p' host='db' dbname='x'");
        }
        for (ssl, mode) in [
            ("true", "require"),
            ("require", "require"),
            ("prefer", "prefer"),
            ("0", "disable"),
            ("verify-full", "verify-full"),
        ] {
            check(&format!("postgresql+asyncpg://db/x?ssl={ssl}"), &format!("host='db' dbname='x' sslmode='{mode}'"));
        }
        check("postgresql+asyncpg://db/x?ssl=maybe", "error: unknown value of ssl");
        let target = ConnectionTarget::parse(
            "postgresql+asyncpg://db/x?prepared_statement_cache_size=0&command_timeout=5&async_fallback=true",
        );
        let target = target.unwrap();
        assert_eq!(target.conninfo(), "host='db' dbname='x'");
        assert_eq!(target.notes().len(), 4, "{:?}", target.notes());
    }

    #[test]
    fn what_is_not_a_postgresql_url_is_named() {
        check("mysql://u:p@db/x", "error: this is a mysql URL, not a PostgreSQL one");
        check("sqlite:///hrms.db", "error: this is a sqlite URL, not a PostgreSQL one");
        check("sqlite:hrms.db", "error: this is a sqlite URL, not a PostgreSQL one");
        check("jdbc:postgresql://db/x", "error: this is a JDBC URL, which PostgreSQL's own library does not read");
        check("\"postgres://db/x\"", "error: the value is surrounded by quotation marks");
        check("postgres:/x", "error: this is neither a postgres:// URL nor a list of keyword=value pairs");
        check("hrms", "error: this is neither a postgres:// URL nor a list of keyword=value pairs");
        check("postgres://db/x?hots=y", "error: unknown connection parameter \"hots\"");
        check("postgres://db/x?schema=y", "error: PostgreSQL's own library has no connection parameter \"schema\"");
        check("postgres://db:0/x", "error: the port is not a number between 1 and 65535");
        check("postgres://[::1/x", "error: the IPv6 address lacks its closing \"]\"");
    }

    #[test]
    fn an_unencoded_password_is_explained_and_not_shown() {
        for (url, expected) in [
            ("postgres://u:s3cr@t@db/x", Some('@')),
            ("postgres://u:s3cr/t@db/x", Some('/')),
            ("postgres://u:12/s3cret@db:1/x", Some('/')),
            ("postgres://u:s3cr@t/s3cret@db/x", Some('@')),
            ("postgres://u:s3cr%t@db/x", None),
            ("postgres://u:s3cr%@db/x", None),
            ("postgres://u:s3cr%00@db/x", None),
        ] {
            let error = ConnectionTarget::parse(url).unwrap_err();
            match (&error, expected) {
                (ConninfoError::NotEncoded { character }, Some(expected)) => assert_eq!(*character, expected, "{url}"),
                (ConninfoError::BadPercent { part: "password" }, None) => {}
                _ => panic!("{url}: {error:?}"),
            }
            assert!(!format!("{error} {error:?} {}", error.help()).contains("s3cr"), "{url}: {error:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_written_is_read_back(password in ".*", host in "[a-z/ '\\\\]+", database in "\\PC*") {
            let mut target = ConnectionTarget::default();
            for (keyword, value) in [("password", &password), ("host", &host), ("dbname", &database)] {
                target.set(keyword, value);
            }
            if !target.conninfo().is_empty() {
                proptest::prop_assert_eq!(ConnectionTarget::parse(&target.conninfo()), Ok(target));
            }
        }

        #[test]
        fn no_text_makes_reading_panic(text in ".*", url in "postgres://[a-z:@/?%#,&=\\[\\]0-9é]*") {
            let _ = ConnectionTarget::parse(&text);
            let _ = ConnectionTarget::parse(&url);
        }
    }

    #[test]
    fn nothing_secret_is_shown() {
        let target =
            ConnectionTarget::parse("postgres://u:geheim1@db/x?sslpassword=geheim2&oauth_client_secret=geheim3")
                .unwrap();
        let shown = format!("{target} {target:?} {target:#?} {}", target.mask(&target.conninfo()));
        assert!(!shown.contains("geheim"), "{shown}");
        assert!(shown.contains("x @ db:5432"), "{shown}");
    }

    #[test]
    fn places_are_described_for_people() {
        for (text, expected) in [
            ("postgres://u:p@db/hrms", "hrms @ db:5432"),
            ("postgres://u@[::1]:6000", "u @ [::1]:6000"),
            ("postgres:///hrms?host=/run/pg", "hrms @ local socket"),
            ("postgres:///hrms", "hrms @ local socket"),
            ("postgres://a,b:6000/hrms", "hrms @ a:5432, b:6000"),
            ("host=a,b port=6000 dbname=hrms", "hrms @ a:6000, b:6000"),
            ("service=payroll", "service payroll"),
        ] {
            assert_eq!(ConnectionTarget::parse(text).unwrap().to_string(), expected);
        }
    }
}
