//! The measured command lines: ours and those of the peers.

use std::ffi::OsString;

use auto_backup::language::lexer::quote;

use crate::destination::Destination;
use crate::set::Set;
use crate::tool::{How, Tool};

/// The measured release build.
const PROGRAM: &str = env!("CARGO_BIN_EXE_auto-backup");

/// Flushes the files of a peer to the disk, as our program does without an option.
const FLUSH: &str = r#" && sync -f "$2""#;

/// Returns the command of a tool that copies a set, with a flush if that is part of the work.
pub(crate) fn command(tool: Tool, set: &Set, to: &Destination, is_flushed: bool) -> Vec<OsString> {
    match tool.how {
        How::Ours(options) => ours(options, set, to),
        How::Peer { script, .. } => {
            let script = [script, if is_flushed { FLUSH } else { "" }].concat();
            let words: [OsString; 6] = [
                "sh".into(),
                "-c".into(),
                script.into(),
                "sh".into(),
                set.project().into(),
                to.project().into(),
            ];
            words.into()
        }
    }
}

/// Returns auto-backup with the two databases and the category, and the copy from one to the other, as one process.
fn ours(options: &str, set: &Set, to: &Destination) -> Vec<OsString> {
    let mut line: Vec<OsString> = [PROGRAM, "--quiet", "--no-config", "--index"]
        .map(OsString::from)
        .into();
    line.push(to.index().into());
    for command in [
        format!("add database WORK {}", quote(set.root.as_os_str())),
        format!("add database NAS {}", quote(to.root().as_os_str())),
        "add category footage footage".to_owned(),
        format!("copy acme/spot footage WORK NAS{options}"),
    ] {
        line.extend(["-c".into(), command.into()]);
    }
    line
}
