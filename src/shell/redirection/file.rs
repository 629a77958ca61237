//! Files that answers are written to. A file gets its name only when the answer is whole.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use crate::base::error::{Error, IoResultExt as _, Result};
use crate::base::name::Name;
use crate::base::unit;
use crate::commands::answer_path::check_answer_path;
use crate::commands::workspace::Workspace;
use crate::os::scratch::AnswerFile;
use crate::output::printer::Format;

/// A file for an answer.
#[derive(Clone, Debug)]
pub(super) struct FileTarget {
    pub(super) path: OsString,
    pub(super) appends: bool,
}

impl FileTarget {
    /// Returns the absolute path, after refusing what must not be overwritten.
    pub(super) fn check(&self, workspace: &Workspace) -> Result<PathBuf> {
        let path = check_answer_path(&self.path, workspace)?;
        if self.appends && self.extension_format() == Some(Format::Json) {
            return Err(Error::Redirection {
                path,
                why: "a second document would break it; write a new file with `>`".to_owned(),
            });
        }
        Ok(path)
    }

    pub(super) fn extension_format(&self) -> Option<Format> {
        let extension = Path::new(&self.path).extension().and_then(OsStr::to_str)?;
        match &*extension.to_lowercase() {
            "csv" => Some(Format::Csv),
            "json" => Some(Format::Json),
            "tsv" => Some(Format::Plain),
            _ => None,
        }
    }

    /// Gives the whole answer its name, or adds it to the file. Returns what was done.
    pub(super) fn finish(&self, path: &Path, pending: AnswerFile, is_csv: bool) -> Result<String> {
        let shown = Name::from(Path::new(&self.path));
        let existed = path.exists();
        if !self.appends {
            let bytes = unit::format_bytes(pending.persist()?);
            let verb = if existed { "replaced" } else { "wrote" };
            return Ok(format!("{verb} `{shown}`, {bytes}"));
        }
        let Some(added) = pending.append(is_csv)? else {
            return Err(Error::Redirection {
                path: path.to_owned(),
                why: "its columns are others; write a new file with `>`".to_owned(),
            });
        };
        Ok(format!("added {} to `{shown}`", unit::format_bytes(added)))
    }
}

/// True for a file that is missing or regular. Others, as `/dev/null`, are written as they are.
pub(super) fn is_replaceable(path: &Path) -> bool {
    fs::metadata(path).map_or(true, |found| found.is_file())
}

pub(super) fn open_device(path: &Path) -> Result<File> {
    File::options().write(true).open(path).at("write to", path)
}
