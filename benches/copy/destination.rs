//! Where a tool copies to: a folder of its own with the root of a database in it, and for ours the index beside that.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use auto_backup::base::error::IoResultExt as _;

use crate::common::interrupted;
use crate::common::outcome::Outcome;
use crate::set::PROJECT;
use crate::tool::Tool;

#[derive(Debug)]
pub(crate) struct Destination {
    folder: PathBuf,
}

impl Destination {
    pub(crate) const fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// The root of our database.
    pub(crate) fn root(&self) -> PathBuf {
        self.folder.join("NAS")
    }

    /// The folder that becomes like the one that is copied.
    pub(crate) fn project(&self) -> PathBuf {
        self.root().join(PROJECT)
    }

    pub(crate) fn index(&self) -> PathBuf {
        self.folder.join("index.sqlite")
    }

    /// Makes it as it is before a first copy. The peers have their folder, because they differ in what they do without.
    pub(crate) fn empty(&self, tool: Tool) -> Outcome<()> {
        self.remove()?;
        let folder = if tool.is_ours() {
            self.root()
        } else {
            self.project()
        };
        Ok(fs::create_dir_all(&folder).at("create the folder", folder)?)
    }

    /// Removes everything, the index too.
    pub(crate) fn remove(&self) -> Outcome<()> {
        match fs::remove_dir_all(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => Ok(removed.at("remove", &self.folder)?),
        }
    }
}

/// Lets the file system below a folder write all it has to, so that nobody pays for what was done before.
pub(crate) fn settle(folder: &Path) -> Outcome<()> {
    let status = Command::new("sync")
        .arg("-f")
        .arg(folder)
        .status()
        .at("run", "sync")?;
    interrupted::check()?;
    if status.success() {
        return Ok(());
    }
    Err(format!("`sync -f {}` ended with {status}", folder.display()).into())
}

/// Takes so much memory for a file, and gives it back. A virtual machine leaves to its host what was free for two seconds,
/// and who takes it while that goes on, or afterwards, waits for it: that would be whoever comes when it falls due. So,
/// where it is much, this waits until it is over, takes the memory back, and leaves the two seconds to the next.
pub(crate) fn warm(folder: &Path, bytes: u64) -> Outcome<()> {
    const PIECE: usize = 1 << 20;
    const MUCH: u64 = 1 << 30;
    const OVER: Duration = Duration::from_secs(5);
    if bytes >= MUCH {
        thread::sleep(OVER);
    }
    let path = folder.join("warm");
    let mut file = File::create(&path).at("create", &path)?;
    let piece = vec![0; PIECE];
    for _ in 0..bytes.div_ceil(PIECE as u64) {
        interrupted::check()?;
        file.write_all(&piece).at("write", &path)?;
    }
    Ok(fs::remove_file(&path).at("remove", path)?)
}
