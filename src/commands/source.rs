//! `source`: run a file of commands in the place of this line. What runs lines is the shell; here is only the grammar.

use std::ffi::OsString;

use clap::Args;

/// Run a file of commands
///
/// Relative paths in it are relative to its own folder. It is run as a part of the script or prompt: what it adds is
/// there afterwards, and where it stops, the script that runs it stops too. `$1` stands for the first ARGUMENT in it.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  source studio.ab
  source push-project.ab acme/spot NAS")]
pub(crate) struct SourceArgs {
    /// The file; a relative path is relative to the script, at the prompt to the current folder
    #[arg(value_name = "FILE")]
    pub(crate) file: OsString,
    /// What `$1`, `$2` and so on stand for in it
    #[arg(value_name = "ARGUMENT", allow_hyphen_values = true)]
    pub(crate) arguments: Vec<OsString>,
}
