//! `source`: the grammar of the command. The shell runs the file in place of the line.

use std::ffi::OsString;

use clap::Args;

/// Run a file of commands
///
/// The file runs as a part of the script or prompt: what it adds and sets stays, and an error that stops it stops the
/// calling script too. Relative paths in the file start at its own folder. `$1` is the first ARGUMENT.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  source studio.ab
  source push-project.ab acme/spot NAS")]
pub(crate) struct SourceArgs {
    /// The file; a relative path starts at the folder of the script, at the prompt at the current folder
    #[arg(value_name = "FILE")]
    pub(crate) file: OsString,
    /// The values of `$1`, `$2` and so on in the file
    #[arg(value_name = "ARGUMENT", allow_hyphen_values = true)]
    pub(crate) arguments: Vec<OsString>,
}
