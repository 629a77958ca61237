//! The rows of this benchmark in order, with their targets.

use std::path::Path;

use auto_backup::base::unit;

use crate::arena::{Arena, Contest, Course, skipped};
use crate::common::outcome::Outcome;
use crate::common::row::Row;
use crate::programs;
use crate::seed_sync;
use crate::server::{Kind, Server};
use crate::tool::Tool;
use crate::tree::Tree;

/// Number of files for which the targets apply.
pub(crate) const FULL: u64 = 100_000;

type Peers = &'static [(Tool, Option<f64>)];

const SFTP_UNCHANGED: Peers = &[(Tool::RcloneCopy, Some(0.2))];
const SFTP_CHANGED: Peers = &[(Tool::RcloneCopy, Some(0.3)), (Tool::RcloneSync, None)];
const S3: Peers = &[(Tool::RcloneCopy, None)];
const NEW: Peers = &[(Tool::RcloneCopyEight, Some(1.15))];
const SEED: Peers = &[(Tool::Seed, Some(0.02))];

/// Runs the whole benchmark with this number of tiny files, a tenth as many of 4 KiB, and this number of runs.
pub(crate) fn all(folder: &Path, files: u64, runs: u64) -> Outcome<Vec<Row>> {
    let sftp = Server::start(Kind::Sftp, folder)?;
    let s3 = Server::start(Kind::S3, folder)?;
    let servers = [(Kind::Sftp, &sftp), (Kind::S3, &s3)];

    // A hundred in a full benchmark.
    let changed = files / 1000;
    let mut rows = Vec::new();
    let tiny = Tree::make(folder.join("tiny"), files, 70)?;
    for (kind, server) in servers {
        let arena = Arena {
            tree: &tiny,
            set: "tiny",
            kind,
            server,
            runs,
        };
        let (unchanged_peers, changed_peers) = match kind {
            Kind::Sftp => (SFTP_UNCHANGED, SFTP_CHANGED),
            Kind::S3 => (S3, S3),
        };
        let unchanged = contest(files, "nothing changed", Course::Unchanged, unchanged_peers);
        let grown = grown(files, changed, changed_peers);
        rows.extend(arena.rows(&[unchanged, grown])?);
    }
    tiny.remove()?;

    let files = files / 10;
    let small = Tree::make(folder.join("small"), files, 4096)?;
    for (kind, server) in servers {
        let arena = Arena {
            tree: &small,
            set: "small",
            kind,
            server,
            runs,
        };
        let fresh = contest(files, "all new, of 4 KiB", Course::Fresh, NEW);
        let grown = grown(files, changed, SEED);
        rows.extend(match (kind, programs::find(seed_sync::LANGUAGE)) {
            (Kind::S3, _) => arena.rows(&[fresh])?,
            (Kind::Sftp, Some(_)) => arena.rows(&[fresh, grown])?,
            (Kind::Sftp, None) => {
                let reason = format!("{} is not installed", seed_sync::LANGUAGE);
                let mut rows = arena.rows(&[fresh])?;
                rows.extend(skipped(&[grown], kind, &reason));
                rows
            }
        });
    }
    small.remove()?;
    Ok(rows)
}

fn grown(files: u64, changed: u64, peers: Peers) -> Contest {
    let what = format!("{} changed", unit::format_count(changed));
    contest(files, &what, Course::Changed(changed), peers)
}

fn contest(files: u64, what: &str, course: Course, peers: Peers) -> Contest {
    Contest {
        title: format!("{}, {what}", unit::format_counted(files, "file")),
        course,
        peers,
    }
}
