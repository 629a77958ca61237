//! The storages whose published index changed since this workstation saw it: looked at when a session starts, without
//! waiting for a storage that hangs.

use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use super::local_file;
use crate::base::error::Result;
use crate::base::ignore::ignore;
use crate::index::{FileSignature, Index};
use crate::model::registry::Database;
use crate::os::folder::Folder;
use crate::os::timeout::receive_within;

/// Longest wait for all storages together. One that takes longer is looked at by the next session.
const TIMEOUT: Duration = Duration::from_millis(200);

/// A storage on a disk with a published index that this workstation has not seen.
#[derive(Debug)]
pub struct UnseenPublication {
    /// The storage.
    pub database: Database,
    /// The state of the file.
    pub signature: FileSignature,
}

/// Returns the storages on disks with a published index that this workstation has not seen. One that cannot be read is left
/// out: it is no failure of the session.
pub fn unseen_publications(
    index: &Index,
    databases: &[Database],
) -> Result<Vec<UnseenPublication>> {
    let local: Vec<&Database> = databases
        .iter()
        .filter(|found| !found.is_remote())
        .collect();
    let (sender, found) = mpsc::channel();
    for (place, database) in local.iter().enumerate() {
        let (sender, root) = (sender.clone(), database.root.clone());
        let look = move || {
            let signature = Folder::open(&root).and_then(|root| local_file::signature(&root));
            let signature = signature.ok().flatten();
            ignore(
                sender.send((place, signature)),
                "after the timeout the receiver is dropped",
            );
        };
        ignore(
            thread::Builder::new().spawn(look),
            "without a thread the next session looks",
        );
    }
    drop(sender);
    let start = Instant::now();
    let mut unseen = Vec::new();
    while let Ok((place, signature)) =
        receive_within(&found, TIMEOUT.saturating_sub(start.elapsed()))
    {
        let Some(signature) = signature else { continue };
        let database = local[place];
        let seen = match index.database_id(&database.root)? {
            Some(id) => index.seen_publication(id)?,
            None => None,
        };
        if seen.is_none_or(|seen| seen.signature != signature) {
            let database = database.clone();
            unseen.push((
                place,
                UnseenPublication {
                    database,
                    signature,
                },
            ));
        }
    }
    unseen.sort_by_key(|(place, _)| *place);
    Ok(unseen.into_iter().map(|(_, unseen)| unseen).collect())
}
