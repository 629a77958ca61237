//! A file system of a certain kind in a disk image, mounted while it is needed and removed when dropped.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use auto_backup::base::error::IoResultExt as _;

use crate::common::installed::is_installed;
use crate::common::interrupted;
use crate::common::outcome::Outcome;
use crate::set::GIB;

/// Space that a file system needs for itself, more than the minimum for xfs.
const OVERHEAD: u64 = GIB;

/// A kind of file system whose files can share blocks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    maker: &'static str,
    options: &'static [&'static str],
}

pub(crate) const BTRFS: Kind = Kind {
    name: "btrfs",
    maker: "mkfs.btrfs",
    options: &["-q"],
};

pub(crate) const XFS: Kind = Kind {
    name: "xfs",
    maker: "mkfs.xfs",
    options: &["-q", "-m", "reflink=1"],
};

/// A mounted file system.
#[derive(Debug)]
pub(crate) struct Volume {
    image: PathBuf,
    pub(crate) folder: PathBuf,
}

impl Volume {
    /// Creates one below a folder with this space; or returns the reason why this machine cannot, which does not end
    /// the benchmark.
    pub(crate) fn new(kind: Kind, below: &Path, room: u64) -> Outcome<Result<Self, String>> {
        if let Some(lack) = lack(kind) {
            return Ok(Err(lack));
        }
        let image = below.join(format!("{}.image", kind.name));
        let file = File::create(&image).at("create", &image)?;
        file.set_len(room + OVERHEAD)
            .at("set the length of", &image)?;
        let folder = below.join(kind.name);
        fs::create_dir_all(&folder).at("create the folder", &folder)?;
        let mut make = Command::new(kind.maker);
        make.args(kind.options).arg(&image);
        let mut mount = Command::new("mount");
        mount.args(["-o", "loop"]).args([&image, &folder]);
        for command in [&mut make, &mut mount] {
            if let Err(failure) = run(command)? {
                return Ok(Err(failure));
            }
        }
        Ok(Ok(Self { image, folder }))
    }

    /// Unmounts it and frees its memory; reports a failure.
    pub(crate) fn remove(self) -> Outcome<()> {
        let image = self.image.clone();
        drop(self);
        Ok(fs::remove_file(&image).at("remove", image)?)
    }
}

impl Drop for Volume {
    fn drop(&mut self) {
        let unmount = |options: &[&str]| {
            let mut umount = Command::new("umount");
            let ended = umount.args(options).arg(&self.folder).status();
            ended.is_ok_and(|status| status.success())
        };
        // If a process still uses it, it is removed when that ends.
        if !unmount(&[]) && !unmount(&["--lazy"]) {
            let folder = self.folder.display();
            // If standard error is closed, no other channel exists.
            writeln!(io::stderr(), "`{folder}` is still mounted").unwrap_or_default();
        }
    }
}

/// Returns the missing requirement of such a file system, as far as known before a trial.
fn lack(kind: Kind) -> Option<String> {
    if !rustix::process::geteuid().is_root() {
        return Some("only root can mount".to_owned());
    }
    let absent = [kind.maker, "mount"]
        .into_iter()
        .find(|program| !is_installed(program));
    absent.map(|program| format!("`{program}` is not installed"))
}

/// Runs a command. After a failure the table has its status, and standard error the reason.
fn run(command: &mut Command) -> Outcome<Result<(), String>> {
    let program = command.get_program().display().to_string();
    let output = command.output().at("run", &program)?;
    interrupted::check()?;
    if output.status.success() {
        return Ok(Ok(()));
    }
    io::stderr().write_all(&output.stderr)?;
    Ok(Err(format!("`{program}` ended with {}", output.status)))
}
