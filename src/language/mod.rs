//! The language of a line: words, quotes and variables.
//!
//! A line comes in as text and goes out as words with their positions. The prompt, scripts, `-c`, the start-up file and
//! completion share this one lexer. The module `quote` writes words that the lexer reads back unchanged; `save` relies on it.

pub mod lexer;
pub(crate) mod quote;
pub mod variable;
pub mod variable_name;
