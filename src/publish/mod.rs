//! Published indexes: a storage carries its own index, `.auto-backup/index.sqlite`, so that other workstations take it over
//! instead of walking the storage.
//!
//! A scanned storage comes in; its index is written to a private file, sent to the storage and put in place whole. Another
//! workstation fetches the file, checks it and takes over what is newer. `at_start` finds the storages whose file has
//! changed since this workstation saw it.
//!
//! Rule: a published index is untrusted. It is read from a private copy of limited size, and at worst refused.

pub mod at_start;
mod carrier;
mod local_file;
mod published_file;
mod remote_file;

use std::fs;
use std::thread;
use std::time::Duration;

use self::carrier::Carrier;
use self::published_file::{FILE_NAME, refused, require_size};
use crate::base::error::{Error, IoResultExt as _, PublicationProblem, Result};
use crate::index::{
    DatabaseId, FileSignature, Index, Publication, PublicationHeader, PublicationName,
    SeenPublication, TakenOver,
};
use crate::model::registry::Database;
use crate::os::scratch::TempFolder;
use crate::storage::Storage;
use crate::storage::ensure_identity::ensure_identity;

/// Number of attempts to publish while other workstations do.
const ATTEMPTS: u32 = 12;

/// Pause before the second attempt; each further one is longer by as much, so that two workstations do not meet each time.
const ATTEMPT_PAUSE: Duration = Duration::from_millis(20);

/// A published index that was taken over.
#[derive(Debug)]
pub struct TakenPublication {
    /// The workstation that published it, and when.
    pub header: PublicationHeader,
    /// What was new.
    pub taken: TakenOver,
}

/// Takes over the published index of a storage. `None` if it has none, or none that this workstation has not seen.
///
/// # Errors
/// [`Error::Publication`] if the file is refused; the storage cannot be read.
pub fn take_over(
    index: &mut Index,
    storage: &Storage,
    is_forced: bool,
) -> Result<Option<TakenPublication>> {
    let carrier = Carrier::of(storage);
    let Some(signature) = carrier.signature()? else {
        return Ok(None);
    };
    let database = index.database_id(&storage.database().root)?;
    let seen = match database {
        Some(id) => index.seen_publication(id)?,
        None => None,
    };
    let is_known = |seen: SeenPublication| seen.signature == signature && !seen.is_refused;
    if !is_forced && seen.is_some_and(is_known) {
        return Ok(None);
    }
    let identity = carrier.identity()?;
    let shown_path = carrier.shown_path();
    let Some(identity) = identity else {
        let why = "the storage has no identity file".to_owned();
        return Err(refused(shown_path, PublicationProblem::Unread(why)));
    };
    require_size(&shown_path, signature.bytes)?;
    let folder = TempFolder::new()?;
    let copy = folder.path().join(FILE_NAME);
    carrier.fetch(&copy, signature.bytes)?;
    let publication = Publication::open(&copy, &shown_path, &identity)?;
    let root = &storage.database().root;
    let root_id = carrier.root_id();
    let taken = index.take_over(root, root_id.as_deref(), &publication, carrier.keeps_tags())?;
    if let Some(database) = index.database_id(root)? {
        record_seen(index, database, signature)?;
    }
    Ok(Some(TakenPublication {
        header: publication.header,
        taken,
    }))
}

/// Returns the state of a storage's published index, if it has one that this workstation has not seen.
///
/// # Errors
/// The storage cannot be read.
pub fn unseen_signature(index: &Index, storage: &Storage) -> Result<Option<FileSignature>> {
    let signature = Carrier::of(storage).signature()?;
    let seen = match index.database_id(&storage.database().root)? {
        Some(id) => index.seen_publication(id)?,
        None => None,
    };
    Ok(signature.filter(|found| seen.is_none_or(|seen| seen.signature != *found)))
}

/// Records a file that was refused, so that each session does not report it again.
pub fn record_refusal(
    index: &mut Index,
    database: &Database,
    signature: FileSignature,
) -> Result<()> {
    match index.database_id(&database.root)? {
        Some(id) => {
            let is_refused = true;
            let seen = SeenPublication {
                signature,
                is_refused,
            };
            index.record_publication(id, seen)
        }
        None => Ok(()),
    }
}

/// Publishes what the index knows of a storage. Takes over first what another workstation published meanwhile.
///
/// # Errors
/// The storage cannot be written; [`Error::Publication`] if its file is not of this program, and therefore not replaced.
pub fn publish(index: &mut Index, storage: &Storage) -> Result<()> {
    for attempt in 1..ATTEMPTS {
        // Another workstation may publish at the same moment.
        match publish_once(index, storage) {
            Err(Error::ConcurrentChange { .. }) => thread::sleep(ATTEMPT_PAUSE * attempt),
            published => return published,
        }
    }
    publish_once(index, storage)
}

fn publish_once(index: &mut Index, storage: &Storage) -> Result<()> {
    let carrier = Carrier::of(storage);
    let database = storage.database();
    let identity = ensure_identity(index, storage)?;
    take_over_before(index, storage)?;
    let Some(id) = index.database_id(&database.root)? else {
        return Ok(());
    };
    let folder = TempFolder::new()?;
    let file = folder.path().join(FILE_NAME);
    let name = PublicationName {
        identity: &identity,
        name: &database.name,
    };
    index.write_publication(id, name, &file)?;
    let bytes = fs::metadata(&file).at("read the metadata of", &file)?.len();
    require_size(&carrier.shown_path(), bytes)?;
    let signature = carrier.put(&file, bytes)?;
    record_seen(index, id, signature)
}

/// Records a file that was written or taken over.
fn record_seen(index: &mut Index, database: DatabaseId, signature: FileSignature) -> Result<()> {
    let seen = SeenPublication {
        signature,
        is_refused: false,
    };
    index.record_publication(database, seen)
}

/// Takes over the file that will be replaced. A damaged one is replaced all the same, but not a file of another program.
fn take_over_before(index: &mut Index, storage: &Storage) -> Result<()> {
    match take_over(index, storage, false) {
        Err(Error::Publication {
            problem:
                PublicationProblem::Damaged(_)
                | PublicationProblem::OtherStorage
                | PublicationProblem::TooLarge { .. },
            ..
        }) => Ok(()),
        taken => taken.map(drop),
    }
}
