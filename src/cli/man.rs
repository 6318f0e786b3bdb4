//! Manual pages, made of the same description as the help texts.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Command, CommandFactory as _};
use clap_mangen::Man;

use crate::{
    config::{Color, Verbosity},
    diagnostic::Code,
};

use super::{args::CommandLine, cannot_write, complain, print_to, style};

/// Prints the page of the whole program, or writes one for it and one for each command into a directory.
pub(super) fn print(out: Option<&Path>) -> ExitCode {
    let Some(directory) = out else {
        if let Some((_, page)) = pages().into_iter().next() {
            print_to(&mut io::stdout(), &page);
        }
        return ExitCode::SUCCESS;
    };
    match write(directory) {
        Ok(files) => {
            for file in files {
                print_to(&mut io::stdout(), &format!("{}\n", file.display().to_string().escape_debug()));
            }
            ExitCode::SUCCESS
        }
        Err((file, error)) => {
            let style = style(Color::Auto, Verbosity::Normal, &io::stderr());
            complain(&cannot_write("the manual page", &file, &error), &style);
            ExitCode::from(Code::CannotWrite.outcome().exit_code())
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the pages are written into the directory that the user names")]
fn write(directory: &Path) -> Result<Vec<PathBuf>, (PathBuf, io::Error)> {
    fs::create_dir_all(directory).map_err(|error| (directory.to_owned(), error))?;
    let mut files = Vec::new();
    for (name, page) in pages() {
        let file = directory.join(name);
        fs::write(&file, page).map_err(|error| (file.clone(), error))?;
        files.push(file);
    }
    Ok(files)
}

/// Returns every page with the name of its file, that of the whole program first.
fn pages() -> Vec<(String, String)> {
    // Building gives each command its full name and the options that all share.
    let mut whole = CommandLine::command().disable_help_subcommand(true);
    whole.build();
    let commands: Vec<Command> = whole.get_subcommands().cloned().collect();
    [whole].into_iter().chain(commands).map(|command| page(&command)).collect()
}

fn page(command: &Command) -> (String, String) {
    let man = Man::new(command.clone());
    let mut text = Vec::new();
    // Writing to memory does not fail.
    drop(man.render(&mut text));
    (man.get_filename(), String::from_utf8_lossy(&text).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns a page as it is read: without what roff acts on.
    fn read(page: &str) -> String {
        ["\\fB", "\\fI", "\\fR", "\\"].iter().fold(page.to_owned(), |text, sign| text.replace(sign, ""))
    }

    #[test]
    fn every_page_names_every_flag_of_its_command() {
        let pages = pages();
        let mut whole = CommandLine::command().disable_help_subcommand(true);
        whole.build();
        let commands: Vec<&Command> = [&whole].into_iter().chain(whole.get_subcommands()).collect();
        assert_eq!(pages.len(), commands.len());
        for (command, (file, page)) in commands.into_iter().zip(&pages) {
            let text = read(page);
            assert_eq!(*file, format!("{}.1", command.get_display_name().unwrap_or_else(|| command.get_name())));
            for argument in command.get_arguments().filter(|argument| !argument.is_hide_set()) {
                let flag = argument.get_long().map(|long| format!("--{long}"));
                assert!(flag.as_ref().is_none_or(|flag| text.contains(flag)), "{file} lacks {flag:?}");
            }
            assert!(command.get_arguments().any(|argument| argument.get_long() == Some("report")), "{file}");
        }
        let (_, first) = &pages[0];
        for command in whole.get_subcommands() {
            assert!(read(first).contains(&format!("hrms-migrate-{}(1)", command.get_name())), "{}", command.get_name());
        }
    }
}
