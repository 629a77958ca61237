//! One file a command.

mod fetch;
