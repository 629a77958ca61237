//! The shell: lines become commands, and failures become messages.
//!
//! Lines come from the prompt, scripts, `-c`, the start-up file and standard input. Each is lexed, its variables are replaced,
//! clap parses it, and the command runs. A failure is reported with file, line and column, the line itself and a hint. A
//! script stops at its first failed line unless `--keep-going` is set. The prompt adds completion, hints and colors, all from
//! memory: typing never waits for a disk.

mod clap_error;
mod completion;
mod correction;
mod diagnostic;
pub mod failure_summary;
mod highlight;
mod hint;
mod line;
mod position;
pub mod prompt;
mod redirection;
pub mod script;
pub mod session;
mod statement;
mod unquoted_name;

#[cfg(test)]
pub(crate) use self::clap_error::program_option_names;
