//! The sources of commands: the prompt, a script, standard input, `-c`, or the arguments of the program.

use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};

use super::options::Options;
use super::usage_error::explain_missing_script;
use crate::base::error::Result;
use crate::shell::script::Script;

/// True if commands come from the prompt.
pub(super) fn is_interactive(options: &Options) -> bool {
    options.script.is_none()
        && options.command.is_empty()
        && options.words.is_empty()
        && !options.check
        && io::stdin().is_terminal()
        && io::stdout().is_terminal()
}

/// Reads the scripts, each with the folder that its relative paths start from.
pub(super) fn read_scripts(options: &Options) -> Result<Vec<(Script, PathBuf)>> {
    let here = PathBuf::new;
    if !options.words.is_empty() {
        return Ok(vec![(Script::from_words(&options.words), here())]);
    }
    if !options.command.is_empty() {
        let lines = options.command.iter().zip(1..);
        let script = |(text, number): (&String, _)| (Script::from_option(text, number), here());
        return Ok(lines.map(script).collect());
    }
    match &options.script {
        Some(path) if path != Path::new("-") => {
            let script = Script::read(path).map_err(|error| explain_missing_script(error, path))?;
            let folder = path.parent().map_or_else(here, Path::to_owned);
            Ok(vec![(script, folder)])
        }
        _ => Ok(vec![(Script::read_stdin()?, here())]),
    }
}
