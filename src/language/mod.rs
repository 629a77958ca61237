//! The language of a line: words and quotes, and the variables in them.
//!
//! A line comes in as text and goes out as words with their positions. Prompt, scripts, `-c`, the start-up file and
//! completion share this one lexer, and `save` writes what it reads back.

pub mod lexer;
pub(crate) mod quote;
pub mod variable;
