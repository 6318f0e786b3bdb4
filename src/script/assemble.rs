//! From files to scripts in their order.

use super::Script;

/// The most bytes of one script.
pub const MAX_SCRIPT_BYTES: usize = 256 * 1024 * 1024;

/// A file as it was found: where, and what is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// The path to show.
    pub path: String,
    /// `010_user_columns.sql`, or the directory of a base migration.
    pub name: String,
    /// The content.
    pub bytes: Vec<u8>,
}

/// Why files are no scripts.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScriptError {
    /// A name without a number in front.
    #[error("{path} has no number in front of its name")]
    NoNumber {
        /// The file.
        path: String,
    },
    /// Two files with one number.
    #[error("{first} and {second} carry the same number")]
    SameNumber {
        /// One.
        first: String,
        /// The other.
        second: String,
    },
    /// A file that is not UTF-8.
    #[error("{path} is not UTF-8: byte {byte} (line {line}) cannot be read")]
    NotUtf8 {
        /// The file.
        path: String,
        /// The first byte that cannot be read, counted from 0.
        byte: usize,
        /// Its line, counted from 1.
        line: usize,
    },
    /// A file that is UTF-16.
    #[error("{path} is UTF-16")]
    Utf16 {
        /// The file.
        path: String,
    },
    /// A file that is too large.
    #[error("{path} is larger than {} MB", MAX_SCRIPT_BYTES / 1024 / 1024)]
    TooLarge {
        /// The file.
        path: String,
    },
}

impl ScriptError {
    /// Returns what to do, beginning with a verb.
    #[must_use]
    pub const fn help(&self) -> &'static str {
        match self {
            Self::NoNumber { .. } => {
                "name it <number>_<topic>.sql, such as 110_invoices.sql, or give it another extension"
            }
            Self::SameNumber { .. } => "give one of them another number; 10 and 010 are the same",
            Self::NotUtf8 { .. } | Self::Utf16 { .. } => "save the file as UTF-8",
            Self::TooLarge { .. } => "split it, or load the data in another way",
        }
    }
}

/// Puts base migrations and scripts into the order of the run: base migrations by name, scripts by number.
///
/// # Errors
/// Every file that is no script; all of them.
pub fn assemble(base: Vec<File>, files: Vec<File>) -> Result<Vec<Script>, Vec<ScriptError>> {
    let mut errors = Vec::new();
    let mut scripts: Vec<Script> = Vec::with_capacity(base.len() + files.len());
    for file in base {
        match read(file, None) {
            Ok(script) => scripts.push(script),
            Err(error) => errors.push(error),
        }
    }
    scripts.sort_by(|a, b| a.name.cmp(&b.name));
    let mut numbered: Vec<Script> = Vec::with_capacity(files.len());
    for mut file in files {
        if file.name.len() > 4 && file.name.to_ascii_lowercase().ends_with(".sql") {
            file.name.truncate(file.name.len() - 4);
        }
        let digits = file.name.bytes().take_while(u8::is_ascii_digit).count();
        let number = file.name[..digits].parse::<u64>().ok();
        let separated = file.name.as_bytes().get(digits) == Some(&b'_') && file.name.len() > digits + 1;
        let Some(number) = number.filter(|_| separated) else {
            errors.push(ScriptError::NoNumber { path: file.path });
            continue;
        };
        match read(file, Some(number)) {
            Ok(script) => numbered.push(script),
            Err(error) => errors.push(error),
        }
    }
    numbered.sort_by(|a, b| (a.number, &a.name).cmp(&(b.number, &b.name)));
    for pair in numbered.windows(2) {
        if let [first, second] = pair
            && first.number == second.number
        {
            errors.push(ScriptError::SameNumber { first: first.path.clone(), second: second.path.clone() });
        }
    }
    scripts.extend(numbered);
    if errors.is_empty() { Ok(scripts) } else { Err(errors) }
}

fn read(file: File, number: Option<u64>) -> Result<Script, ScriptError> {
    const BYTE_ORDER_MARK: &[u8] = &[0xEF, 0xBB, 0xBF];
    let File { path, name, mut bytes } = file;
    if bytes.len() > MAX_SCRIPT_BYTES {
        return Err(ScriptError::TooLarge { path });
    }
    if bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF]) {
        return Err(ScriptError::Utf16 { path });
    }
    if bytes.starts_with(BYTE_ORDER_MARK) {
        bytes.drain(..BYTE_ORDER_MARK.len());
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Script { path, number, name, text }),
        Err(error) => {
            let byte = error.utf8_error().valid_up_to();
            let line = error.as_bytes()[..byte].split(|other| *other == b'\n').count();
            Err(ScriptError::NotUtf8 { path, byte, line })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, bytes: &[u8]) -> File {
        File { path: format!("ensure/{name}"), name: name.to_owned(), bytes: bytes.to_vec() }
    }

    #[test]
    fn scripts_are_ordered_by_number_after_the_base() {
        let scripts = assemble(
            vec![file("00002_b", b""), file("00001_a", b"")],
            vec![file("100_c.sql", b""), file("20_b.sql", b""), file("3_a.SQL", b"")],
        )
        .expect("these are scripts");
        let names: Vec<_> = scripts.iter().map(|script| script.name.as_str()).collect();
        assert_eq!(names, ["00001_a", "00002_b", "3_a", "20_b", "100_c"]);
    }

    #[test]
    fn every_bad_file_is_told() {
        let errors = assemble(
            Vec::new(),
            vec![
                file("010_a.sql", b""),
                file("10_b.sql", b""),
                file("notes.sql", b""),
                file("20.sql", b""),
                file("30_latin.sql", b"-- x\n-- \xe9"),
                file("40_wide.sql", b"\xff\xfeS\0"),
            ],
        )
        .expect_err("none of these may pass");
        assert_eq!(errors.len(), 5);
        assert!(errors.contains(&ScriptError::NotUtf8 { path: "ensure/30_latin.sql".to_owned(), byte: 8, line: 2 }));
        assert!(matches!(errors.last(), Some(ScriptError::SameNumber { .. })));
    }

    #[test]
    fn a_byte_order_mark_and_crlf_are_accepted() {
        let scripts = assemble(Vec::new(), vec![file("1_a.sql", b"\xEF\xBB\xBFSELECT 1;\r\n")]).expect("a script");
        assert_eq!(scripts[0].text, "SELECT 1;\r\n");
    }
}
