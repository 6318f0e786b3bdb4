//! Making a backup: `pg_dump` writes beside the file that is wanted, `pg_restore` reads that, and then it gets its name.

#![expect(clippy::disallowed_methods, reason = "a backup is a file")]

use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use crate::pg::ConnectionTarget;

use super::{
    child::{self, Stopped},
    dump::{Call, call, fits, version_in},
};

/// How many lines of what a program says are kept, and how many bytes of them.
const TAIL: (usize, usize) = (6, 2_000);

/// Why there is no backup.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// No `pg_dump` was found.
    #[error("there is no {} to make a backup with", program.display())]
    NoProgram {
        /// What was looked for.
        program: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Every `pg_dump` that was found is older than the server.
    #[error("{} is of PostgreSQL {found}, and the server of {server}", program.display())]
    TooOld {
        /// The newest one.
        program: PathBuf,
        /// Its major version.
        found: u32,
        /// The server's.
        server: u32,
    },
    /// Something is there already.
    #[error("{} is there already", file.display())]
    Exists {
        /// What.
        file: PathBuf,
    },
    /// The file or its directory cannot be used.
    #[error("the backup {} cannot be written", file.display())]
    Io {
        /// The file.
        file: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A secret that has no way to `pg_dump`.
    #[error("{keyword} cannot be handed to pg_dump")]
    Secret {
        /// The connection parameter.
        keyword: String,
    },
    /// A program ended with an error, or said nothing.
    #[error("{} failed", program.display())]
    Failed {
        /// The program.
        program: PathBuf,
        /// The last lines of what it said, without passwords.
        says: Vec<String>,
    },
    /// Somebody wanted an end.
    #[error("the backup was stopped")]
    Stopped(Stopped),
}

/// The programs of PostgreSQL that make a backup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tools {
    dump: PathBuf,
    restore: PathBuf,
}

/// Finds a `pg_dump` that can read a server of a major version, and the `pg_restore` beside it: the one that is named; else the
/// one on the path, or the first in `directories` that will do.
///
/// # Errors
/// [`BackupError::NoProgram`], [`BackupError::TooOld`], and [`BackupError::Failed`] where one does not say its version.
pub fn find_tools(
    named: Option<&Path>,
    directories: impl IntoIterator<Item = PathBuf>,
    server: u32,
) -> Result<Tools, BackupError> {
    let usual = Path::new("pg_dump");
    let candidates: Box<dyn Iterator<Item = PathBuf>> = match named {
        Some(program) => Box::new([program.to_owned()].into_iter()),
        None => Box::new([usual.to_owned()].into_iter().chain(directories.into_iter().map(|dir| dir.join(usual)))),
    };
    let mut why: Option<BackupError> = None;
    for dump in candidates {
        match version_of(&dump) {
            Ok(found) if fits(found, server) => return Ok(Tools { restore: dump.with_file_name("pg_restore"), dump }),
            Ok(found) => {
                if !matches!(&why, Some(BackupError::TooOld { found: newest, .. }) if *newest >= found) {
                    why = Some(BackupError::TooOld { program: dump, found, server });
                }
            }
            // The first one is what the user knows of.
            Err(error) => why = why.or(Some(error)),
        }
    }
    Err(why.unwrap_or_else(|| BackupError::NoProgram {
        program: usual.to_owned(),
        source: io::ErrorKind::NotFound.into(),
    }))
}

fn version_of(program: &Path) -> Result<u32, BackupError> {
    let output = Command::new(program).arg("--version").stdin(Stdio::null()).output();
    let output = output.map_err(|source| BackupError::NoProgram { program: program.to_owned(), source })?;
    version_in(&String::from_utf8_lossy(&output.stdout)).filter(|_| output.status.success()).ok_or_else(|| {
        BackupError::Failed { program: program.to_owned(), says: tail(&String::from_utf8_lossy(&output.stderr)) }
    })
}

/// A backup that is about to be made. What there is of it is removed when this is dropped.
#[derive(Debug)]
pub struct Backup {
    tools: Tools,
    call: Call,
    file: PathBuf,
    part: PathBuf,
}

/// A backup that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// Where it is.
    pub file: PathBuf,
    /// How large it is.
    pub bytes: u64,
}

impl Backup {
    /// Makes sure that a backup can be written: to the file `place`, or into it under `name`, where it is a directory. Nobody but
    /// the user may read what is written.
    ///
    /// # Errors
    /// [`BackupError::Exists`], [`BackupError::Io`] and [`BackupError::Secret`].
    pub fn prepare(tools: Tools, target: &ConnectionTarget, place: &Path, name: &str) -> Result<Self, BackupError> {
        let file = if place.is_dir() { place.join(name) } else { place.to_owned() };
        if fs::symlink_metadata(&file).is_ok() {
            return Err(BackupError::Exists { file });
        }
        let Some(own) =
            file.file_name().filter(|_| !place.as_os_str().to_string_lossy().ends_with('/') || place.is_dir())
        else {
            return Err(BackupError::Io { file, source: io::ErrorKind::NotFound.into() });
        };
        let part = file.with_file_name(format!(".{}.{}.part", own.to_string_lossy(), std::process::id()));
        let call = call(target, &part).map_err(|keyword| BackupError::Secret { keyword })?;
        let mut options = fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(&part).map_err(|source| BackupError::Io { file: file.clone(), source })?;
        Ok(Self { tools, call, file, part })
    }

    /// Returns where it will be.
    #[must_use]
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Makes it. `watch` is told all the while how large it is by now, and may stop it.
    ///
    /// Duration: `pg_dump` reads every row of the database, in one snapshot of the moment at which it begins.
    ///
    /// # Errors
    /// [`BackupError::Failed`], [`BackupError::Io`], [`BackupError::Exists`] and [`BackupError::Stopped`]; nothing is left then.
    pub fn make(
        self,
        target: &ConnectionTarget,
        watch: &mut dyn FnMut(u64) -> Option<Stopped>,
    ) -> Result<Made, BackupError> {
        let io_error = |source| BackupError::Io { file: self.file.clone(), source };
        let mut service = None;
        if let Some(text) = &self.call.service_file {
            let mut file = tempfile::NamedTempFile::new().map_err(io_error)?;
            file.write_all(text.as_bytes()).map_err(io_error)?;
            service = Some(file);
        }
        let mut dump = Command::new(&self.tools.dump);
        dump.args(&self.call.arguments);
        if let Some(password) = &self.call.password {
            dump.env("PGPASSWORD", password);
        }
        if let Some(file) = &service {
            dump.env("PGSERVICEFILE", file.path());
        }
        self.run(dump, &self.tools.dump, target, watch)?;
        let mut list = Command::new(&self.tools.restore);
        list.arg("--list").arg(&self.part);
        let listed = self.run(list, &self.tools.restore, target, watch)?;
        let bytes = fs::metadata(&self.part).map_err(io_error)?.len();
        if bytes == 0 || !listed {
            let says = vec!["what pg_dump has written holds nothing".to_owned()];
            return Err(BackupError::Failed { program: self.tools.restore.clone(), says });
        }
        self.give_name()?;
        Ok(Made { file: self.file.clone(), bytes })
    }

    /// Runs a program to its end; returns whether it has written anything to its output.
    fn run(
        &self,
        mut command: Command,
        program: &Path,
        target: &ConnectionTarget,
        watch: &mut dyn FnMut(u64) -> Option<Stopped>,
    ) -> Result<bool, BackupError> {
        child::apart(&mut command);
        let no_program = |source| BackupError::NoProgram { program: program.to_owned(), source };
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(no_program)?;
        let said = read(child.stdout.take());
        let complained = read(child.stderr.take());
        let mut stop = || watch(fs::metadata(&self.part).map_or(0, |part| part.len()));
        let status = child::wait(&mut child, &mut stop).map_err(no_program)?.map_err(BackupError::Stopped)?;
        // Whoever else has its output, it has ended.
        let text = |from: &mpsc::Receiver<Vec<u8>>| from.recv_timeout(Duration::from_secs(2)).unwrap_or_default();
        if !status.success() {
            let says = tail(&target.mask(&String::from_utf8_lossy(&text(&complained))));
            return Err(BackupError::Failed { program: program.to_owned(), says });
        }
        Ok(!text(&said).is_empty())
    }

    /// Gives the part its name, unless something else has got it meanwhile.
    fn give_name(&self) -> Result<(), BackupError> {
        let exists = || BackupError::Exists { file: self.file.clone() };
        let named = match fs::hard_link(&self.part, &self.file) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(exists()),
            // Not every file system has links.
            Err(_) if fs::symlink_metadata(&self.file).is_ok() => return Err(exists()),
            Err(_) => fs::rename(&self.part, &self.file),
            Ok(()) => Ok(()),
        };
        named.map_err(|source| BackupError::Io { file: self.file.clone(), source })?;
        // pg_dump has written the rows through to the disk; the name is to be there too.
        let directory = self.file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let _ = fs::File::open(directory).and_then(|directory| directory.sync_all());
        Ok(())
    }
}

impl Drop for Backup {
    fn drop(&mut self) {
        // It has gone with its new name where there are no links.
        let _ = fs::remove_file(&self.part);
    }
}

/// Reads a pipe to its end, beside whatever else is done.
fn read(pipe: Option<impl io::Read + Send + 'static>) -> mpsc::Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    if let Some(mut pipe) = pipe {
        thread::spawn(move || {
            let mut bytes = Vec::new();
            // What was read until it broke is what there is.
            let _ = pipe.read_to_end(&mut bytes);
            let _ = sender.send(bytes);
        });
    }
    receiver
}

/// Returns the last lines of what a program said.
fn tail(text: &str) -> Vec<String> {
    let from = text.len().saturating_sub(TAIL.1);
    let from = (from..=text.len()).find(|byte| text.is_char_boundary(*byte)).unwrap_or(0);
    let lines: Vec<&str> = text[from..].lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines[lines.len().saturating_sub(TAIL.0)..].iter().map(|line| (*line).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(unix)]
    fn the_first_program_that_will_do_is_taken() {
        let directory = tempfile::tempdir().unwrap();
        for (place, version) in [("old", 13), ("new", 17)] {
            let dump = directory.path().join(place).join("pg_dump");
            fs::create_dir(dump.parent().unwrap()).unwrap();
            fs::write(&dump, format!("#!/bin/sh\necho 'pg_dump (PostgreSQL) {version}.1'\n")).unwrap();
            fs::set_permissions(&dump, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        }
        let at = |place: &str| directory.path().join(place);
        let tools = find_tools(None, [at("missing"), at("old"), at("new")], 17).unwrap();
        assert_eq!((tools.dump, tools.restore), (at("new/pg_dump"), at("new/pg_restore")));
        let named = |program: &str, server| find_tools(Some(&at(program)), [at("new")], server);
        let error = named("old/pg_dump", 14).unwrap_err();
        assert!(error.to_string().ends_with("old/pg_dump is of PostgreSQL 13, and the server of 14"), "{error}");
        assert!(matches!(named("missing/pg_dump", 14), Err(BackupError::NoProgram { .. })));
        assert!(named("old/pg_dump", 13).is_ok());
    }

    #[test]
    fn the_end_of_what_a_program_said_is_kept() {
        assert_eq!(tail("a\n\n b \n"), ["a", "b"]);
        let long = "ü".repeat(3_000);
        assert!(tail(&long)[0].len() <= TAIL.1);
        assert_eq!(tail(&"x\n".repeat(20)).len(), TAIL.0);
    }
}
