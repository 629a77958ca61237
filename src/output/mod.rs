//! Everything that reaches a person or a pipe: answers on standard output, messages and progress on standard error.

pub mod answer;
pub mod cell;
pub mod color;
mod column;
mod csv;
mod destination;
mod height;
pub mod json;
pub mod message;
pub mod page;
mod pager;
mod plain;
pub mod printer;
pub mod progress;
pub mod screen;
mod shorten;
mod sink;
pub mod stream;
mod table;
pub mod wrap;
