//! The shell: lines from prompt, scripts, `-c` and standard input become commands, and failures become messages.

mod clap_error;
mod completion;
mod diagnostic;
pub mod failure_summary;
mod highlight;
mod hint;
mod line;
mod position;
pub mod prompt;
pub mod script;
pub mod session;
mod statement;
mod synonym;
mod unquoted_name;
