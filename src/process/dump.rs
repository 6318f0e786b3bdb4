//! What `pg_dump` is called with, which one will do, and what its file is called. Nothing here touches anything.

use std::{ffi::OsString, path::Path};

use crate::pg::{ConnectionTarget, is_secret_keyword};

/// The section of a private service file.
const SERVICE: &str = "hrms_migrate_backup";

/// How a program of PostgreSQL is called. Nothing secret stands in its arguments, which everybody on the machine may see.
#[derive(Clone, PartialEq, Eq)]
pub struct Call {
    /// The arguments.
    pub arguments: Vec<OsString>,
    /// The password, for the variable `PGPASSWORD`.
    pub password: Option<String>,
    /// The text of a private service file, for secrets that have no variable.
    pub service_file: Option<String>,
}

impl std::fmt::Debug for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Call").field("arguments", &self.arguments).finish_non_exhaustive()
    }
}

/// Returns how `pg_dump` is called to write the database of a target into `file`: by the parameters of our own connection.
///
/// # Errors
/// The keyword of a secret that cannot be handed over: it has no variable, and a service of the user's takes the place of a file.
pub fn call(target: &ConnectionTarget, file: &Path) -> Result<Call, String> {
    let mut open = target.clone();
    let password = target.get("password").map(str::to_owned);
    open.unset("password");
    let secrets: Vec<(String, String)> = target
        .parameters()
        .filter(|(keyword, _)| is_secret_keyword(keyword) && *keyword != "password")
        .map(|(keyword, value)| (keyword.to_owned(), value.to_owned()))
        .collect();
    let mut service_file = None;
    if let Some((first, _)) = secrets.first() {
        // A line of such a file ends where the line ends, and loses its blanks there.
        let bad = secrets.iter().find(|(_, value)| value.contains(['\n', '\r']) || value.trim_end() != value);
        if target.get("service").is_some() || bad.is_some() {
            return Err(bad.map_or_else(|| first.clone(), |(keyword, _)| keyword.clone()));
        }
        let mut text = format!("[{SERVICE}]\n");
        for (keyword, value) in &secrets {
            text.extend([keyword, "=", value, "\n"]);
            open.unset(keyword);
        }
        open.set("service", SERVICE);
        service_file = Some(text);
    }
    // Of several servers the one that we work on takes changes.
    if target.get("host").or_else(|| target.get("hostaddr")).is_some_and(|hosts| hosts.contains(',')) {
        open.set_default("target_session_attrs", "read-write");
    }
    let mut out = OsString::from("--file=");
    out.push(file);
    let arguments =
        vec!["--format=custom".into(), "--no-password".into(), out, format!("--dbname={}", open.conninfo()).into()];
    Ok(Call { arguments, password, service_file })
}

/// Reads the major version in `pg_dump (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`.
#[must_use]
pub fn version_in(text: &str) -> Option<u32> {
    let version = text.split_whitespace().find(|word| word.starts_with(|char: char| char.is_ascii_digit()))?;
    let digits = version.find(|char: char| !char.is_ascii_digit()).unwrap_or(version.len());
    version[..digits].parse().ok()
}

/// Returns whether a `pg_dump` of a major version can read a server of another: it reads older ones and its own.
#[must_use]
pub const fn fits(program: u32, server: u32) -> bool {
    program >= server
}

/// Returns the name of a backup in a directory: `hrms_db-20261122T053000Z.dump`. `time` is in UTC.
#[must_use]
pub fn file_name(database: &str, time: &str) -> String {
    /// File systems take 255 bytes.
    const LONGEST: usize = 100;
    let plain = |char: char| if char.is_alphanumeric() || "_-.".contains(char) { char } else { '_' };
    let name: String = database.trim_start_matches('.').chars().take(LONGEST / 2).map(plain).collect();
    format!("{}-{time}.dump", if name.is_empty() { "database" } else { &name })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> (String, Call) {
        let call = call(&ConnectionTarget::parse(text).unwrap(), Path::new("/b/x.part")).unwrap();
        (call.arguments.iter().map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" "), call)
    }

    #[test]
    fn nothing_secret_stands_in_the_arguments() {
        let (words, call) = words(
            "postgres://u:geheim1@db:6000/x?sslmode=verify-full&sslkey=/k&sslpassword=geheim2&application_name=a",
        );
        assert_eq!(
            words,
            "--format=custom --no-password --file=/b/x.part --dbname=user='u' host='db' port='6000' dbname='x' \
             sslmode='verify-full' sslkey='/k' application_name='a' service='hrms_migrate_backup'"
        );
        assert_eq!(call.password.as_deref(), Some("geheim1"));
        assert_eq!(call.service_file.as_deref(), Some("[hrms_migrate_backup]\nsslpassword=geheim2\n"));
        assert!(!format!("{call:?}").contains("geheim"));
    }

    #[test]
    fn the_connection_is_ours() {
        let (words, call) = words("service=payroll sslrootcert=/ca.pem passfile=/p user=u");
        assert!(words.ends_with("--dbname=service='payroll' sslrootcert='/ca.pem' passfile='/p' user='u'"), "{words}");
        assert_eq!((call.password, call.service_file), (None, None));
    }

    #[test]
    fn of_several_servers_the_one_that_takes_changes_is_dumped() {
        assert!(words("host=a,b dbname=x").0.ends_with("target_session_attrs='read-write'"));
        assert!(words("host=a,b target_session_attrs=primary").0.ends_with("target_session_attrs='primary'"));
        assert!(!words("host=a dbname=x").0.contains("target_session_attrs"));
    }

    #[test]
    fn a_secret_that_cannot_be_handed_over_is_named() {
        for (text, keyword) in [
            ("service=payroll sslpassword=geheim", "sslpassword"),
            ("host=db oauth_client_secret='geheim '", "oauth_client_secret"),
        ] {
            let target = ConnectionTarget::parse(text).unwrap();
            assert_eq!(call(&target, Path::new("x")), Err(keyword.to_owned()));
        }
    }

    #[test]
    fn versions_are_read_and_compared() {
        assert_eq!(version_in("pg_dump (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n"), Some(15));
        assert_eq!(version_in("pg_dump (PostgreSQL) 18beta1"), Some(18));
        assert_eq!(version_in("no such thing"), None);
        assert!(fits(15, 15) && fits(16, 15) && !fits(14, 15));
    }

    #[test]
    fn names_of_backups_are_names_of_files() {
        assert_eq!(file_name("hrms_db", "20261122T053000Z"), "hrms_db-20261122T053000Z.dump");
        assert_eq!(file_name("../a b/ü", "T"), "_a_b_ü-T.dump");
        assert_eq!(file_name("..", "T"), "database-T.dump");
        assert!(file_name(&"ü".repeat(400), "T").len() < 255);
    }
}
