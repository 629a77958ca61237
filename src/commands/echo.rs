//! `echo`: prints words, so that a script can report its progress.

use std::ffi::OsString;

use clap::Args;
use serde::Serialize;

use super::command::RunCommand;
use super::workspace::Workspace;
use crate::base::error::Result;
use crate::base::name::Name;
use crate::output::answer::{Answer, Records};
use crate::output::cell::Cell;
use crate::output::page::Page;

/// Print words
///
/// Variables are replaced, as in every line. With `--quiet` nothing is printed.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  echo bringing the footage to the NAS
  echo my home is $HOME
  echo 'a $NAME in single quotes stays'")]
pub(crate) struct EchoArgs {
    /// The words; they are printed with a blank between them
    #[arg(
        value_name = "WORD",
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    words: Vec<OsString>,
}

/// The printed words.
#[derive(Debug, Serialize)]
pub(crate) struct EchoAnswer {
    text: Name,
}

impl RunCommand for EchoArgs {
    type Answer = EchoAnswer;

    fn run(self, _workspace: &mut Workspace) -> Result<EchoAnswer> {
        let text = self.words.join(std::ffi::OsStr::new(" "));
        Ok(EchoAnswer {
            text: Name::from(text.as_os_str()),
        })
    }
}

impl Answer for EchoAnswer {
    const COMMAND: &'static str = "echo";

    fn write_page(&self, page: &mut Page) {
        page.cells(vec![Cell::from(&self.text)]);
    }

    fn records(&self) -> Records {
        Records {
            headings: &["text"],
            rows: vec![vec![Cell::from(&self.text)]],
        }
    }

    fn is_routine(&self) -> bool {
        true
    }
}
