//! The shell: lines from prompt, scripts, `-c` and standard input become commands, and failures become messages.

mod complaint;
mod completion;
mod diagnostic;
mod highlight;
mod hint;
mod line;
mod position;
pub mod prompt;
mod quoting;
pub mod script;
pub mod session;
mod statement;
mod synonyms;
pub mod tally;
