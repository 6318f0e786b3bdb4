//! Scripts from the binary or a directory, read into goals.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use include_dir::{Dir, include_dir};
use rayon::prelude::*;

use crate::{
    config::{Selection, Settings},
    diagnostic::{Code, Diagnostic, Finding},
    goal::{self, Down, ScriptGoals},
    script::{File, Script, ScriptError, ScriptId, assemble},
    sql,
};

use super::errors;

/// The HRMS schema, as it was when this program was built.
pub(super) static EMBEDDED: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/ensure");

/// From how much text on it is read by several threads. Less is read while the server makes a session, and threads cost time too.
const PARALLEL_BYTES: usize = 256 * 1024;

/// The scripts of a run, read.
#[derive(Clone, Debug)]
pub struct Scripts {
    /// The texts, base migrations first.
    pub texts: Vec<Script>,
    /// The goals, one for each text.
    pub goals: Vec<ScriptGoals>,
    /// How many of them are base migrations.
    pub base: usize,
    /// What base migrations say takes them back (`down.sql`), by their directories' names.
    pub downs: Vec<Script>,
    /// Those left out by `--only`, `--skip` or `--to`: they are shown, not planned.
    pub left_out: Vec<ScriptId>,
}

/// Reads all scripts: those of the settings' directory, or else those compiled in. No database is needed; what is wrong with
/// them comes in the order of the files.
pub(super) fn load(settings: &Settings, scripts: &Dir<'_>) -> Result<Scripts, Vec<Diagnostic>> {
    let (base, downs, files) = match &settings.dir {
        Some(dir) => from_directory(dir).map_err(|diagnostic| vec![*diagnostic])?,
        None => embedded(scripts),
    };
    if base.is_empty() && files.is_empty() {
        let place = settings.dir.as_ref().map_or_else(String::new, |dir| dir.display().to_string());
        return Err(vec![
            Diagnostic::error(Code::NoScripts, format!("{} holds no ensure script", shown(&place)))
                .why("a script is a file <number>_<topic>.sql in it; base migrations are directories in its base/")
                .help("name the right directory with `--dir`"),
        ]);
    }
    let base_count = base.len();
    let of_files = |errors: Vec<ScriptError>| errors.iter().map(errors::of_file).collect::<Vec<_>>();
    let texts = assemble(base, files).map_err(of_files)?;
    let downs = assemble(downs, Vec::new()).map_err(of_files)?;
    let one = |(index, script)| read_one(&texts, ScriptId(index), script);
    let read: Vec<Result<ScriptGoals, Vec<Diagnostic>>> =
        if texts.iter().map(|script| script.text.len()).sum::<usize>() < PARALLEL_BYTES {
            texts.iter().enumerate().map(one).collect()
        } else {
            texts.par_iter().enumerate().map(one).collect()
        };
    let mut goals = Vec::with_capacity(read.len());
    let mut diagnostics = Vec::new();
    for one in read {
        match one {
            Ok(script) => goals.push(script),
            Err(errors) => diagnostics.extend(errors),
        }
    }
    if !diagnostics.is_empty() {
        return Err(diagnostics);
    }
    let contradictions = goal::contradictions(&goals, &|_| None);
    if !contradictions.is_empty() {
        return Err(contradictions.iter().map(|finding| finding.diagnostic(&texts)).collect());
    }
    let left_out = left_out(&settings.selection, &texts)?;
    Ok(Scripts { texts, goals, base: base_count, downs, left_out })
}

fn read_one(texts: &[Script], id: ScriptId, script: &Script) -> Result<ScriptGoals, Vec<Diagnostic>> {
    let parsed = sql::parse(script)
        .map_err(|errors| errors.iter().map(|error| errors::of_sql(texts, id, error)).collect::<Vec<_>>())?;
    goal::read(id, script, parsed)
        .map_err(|findings| findings.iter().map(|finding: &Finding| finding.diagnostic(texts)).collect())
}

/// Reads what base migrations say takes them back.
///
/// # Errors
/// What is wrong with it.
pub(super) fn read_down(down: &Script) -> Result<Vec<Down>, Vec<Diagnostic>> {
    let (texts, id) = (std::slice::from_ref(down), ScriptId(0));
    let parsed = sql::parse(down)
        .map_err(|errors| errors.iter().map(|error| errors::of_sql(texts, id, error)).collect::<Vec<_>>())?;
    goal::read_down(id, down, &parsed)
        .map_err(|findings| findings.iter().map(|finding: &Finding| finding.diagnostic(texts)).collect())
}

fn left_out(selection: &Selection, texts: &[Script]) -> Result<Vec<ScriptId>, Vec<Diagnostic>> {
    let is_base = |name: &crate::config::ScriptName| name.matches(None, "base");
    let matches = |name: &crate::config::ScriptName, script: &Script| {
        name.matches(script.number, &script.name) || (script.number.is_none() && is_base(name))
    };
    let named = selection.only.iter().chain(&selection.skip).chain(&selection.to);
    let unknown: Vec<Diagnostic> = named
        .filter(|name| !texts.iter().any(|script| matches(name, script)))
        .map(|name| {
            Diagnostic::error(Code::Usage, format!("no script is called {name}"))
                .help("name a script by its number or its file's name; `hrms-migrate check` lists them")
        })
        .collect();
    if !unknown.is_empty() {
        return Err(unknown);
    }
    let last = selection.to.as_ref().and_then(|to| texts.iter().rposition(|script| matches(to, script)));
    let takes_part = |index: usize, script: &Script| {
        (selection.only.is_empty() || selection.only.iter().any(|name| matches(name, script)))
            && !selection.skip.iter().any(|name| matches(name, script))
            && last.is_none_or(|last| index <= last)
    };
    Ok(texts
        .iter()
        .enumerate()
        .filter(|(index, script)| !takes_part(*index, script))
        .map(|(index, _)| ScriptId(index))
        .collect())
}

/// Base migrations, what takes them back, scripts.
type Files = (Vec<File>, Vec<File>, Vec<File>);

fn embedded(scripts: &Dir<'_>) -> Files {
    let file = |path: &Path, name: String, bytes: &[u8]| File {
        path: format!("ensure/{}", path.display()),
        name,
        bytes: bytes.to_vec(),
    };
    let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let of_base = |own: &str| -> Vec<File> {
        let dirs = scripts.get_dir("base").into_iter().flat_map(Dir::dirs);
        dirs.filter_map(|dir| {
            let found = dir.get_file(dir.path().join(own))?;
            Some(file(found.path(), name(dir.path()), found.contents()))
        })
        .collect()
    };
    let files = scripts
        .files()
        .filter(|script| script.path().extension().is_some_and(|extension| extension == "sql"))
        .map(|script| file(script.path(), name(script.path()), script.contents()))
        .collect();
    (of_base("up.sql"), of_base("down.sql"), files)
}

fn from_directory(dir: &Path) -> Result<Files, Box<Diagnostic>> {
    let (mut base, mut downs, mut files) = (Vec::new(), Vec::new(), Vec::new());
    for (path, name) in entries(dir)? {
        if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("sql")) {
            files.push(File { bytes: read_file(&path)?, path: path.display().to_string(), name });
        }
    }
    let base_dir = dir.join("base");
    if base_dir.is_dir() {
        for (path, name) in entries(&base_dir)? {
            let (up, down) = (path.join("up.sql"), path.join("down.sql"));
            if path.is_dir() && up.exists() {
                if down.exists() {
                    downs.push(File { bytes: read_file(&down)?, path: down.display().to_string(), name: name.clone() });
                }
                base.push(File { bytes: read_file(&up)?, path: up.display().to_string(), name });
            }
        }
    }
    Ok((base, downs, files))
}

#[expect(clippy::disallowed_methods, reason = "this is where scripts are read from files")]
fn entries(dir: &Path) -> Result<Vec<(PathBuf, String)>, Box<Diagnostic>> {
    let failed = |error: &io::Error| unreadable(dir, error, "name the directory of the ensure scripts with `--dir`");
    let mut entries = Vec::new();
    for entry in fs::read_dir(dir).map_err(|error| failed(&error))? {
        let entry = entry.map_err(|error| failed(&error))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        // Hidden files are editors' and version control's.
        if !name.starts_with('.') {
            entries.push((entry.path(), name));
        }
    }
    entries.sort();
    Ok(entries)
}

#[expect(clippy::disallowed_methods, reason = "this is where scripts are read from files")]
fn read_file(path: &Path) -> Result<Vec<u8>, Box<Diagnostic>> {
    let failed = |error: &io::Error| unreadable(path, error, "make the file readable, or take it away");
    let metadata = fs::metadata(path).map_err(|error| failed(&error))?;
    if !metadata.is_file() {
        let what = format!("{} is no file", shown(&path.display().to_string()));
        return Err(Box::new(
            Diagnostic::error(Code::FileUnreadable, what)
                .why("its name is that of an ensure script")
                .help("take it away, or put a file in its place"),
        ));
    }
    fs::read(path).map_err(|error| failed(&error))
}

fn unreadable(path: &Path, error: &io::Error, help: &str) -> Box<Diagnostic> {
    let missing = error.kind() == io::ErrorKind::NotFound;
    let code = if missing { Code::FileMissing } else { Code::FileUnreadable };
    let path = shown(&path.display().to_string());
    let what = if missing { format!("{path} is not there") } else { format!("{path} cannot be read") };
    Box::new(Diagnostic::error(code, what).why(error.to_string()).help(help))
}

fn shown(path: &str) -> String {
    path.escape_debug().to_string()
}
