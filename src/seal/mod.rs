//! Appends generations to the ASC MHL histories of a replica: from a copy, a verification, or what lies there.
//!
//! A replica comes in. `file` lists its files beside their records and evidence, and decides what to hash; `read` hashes
//! what no evidence proves; `entry` compares with the records; `draft` makes the hash lists; and the innermost history is
//! written first. `import` takes the hashes of a history that arrived with a drive as evidence `claimed`.
//!
//! Rule: a hash is recorded only if the bytes were read from this storage, and nothing is added to a damaged history.

mod absent_record;
mod draft;
mod entry;
mod file;
pub mod import;
pub mod in_place;
mod read;
mod replica;
pub mod report;
pub mod request;
mod write;

use self::absent_record::MissingRecords;
use self::draft::Drafts;
use self::entry::EntryBuilder;
use self::file::list_files;
use self::read::read_files;
use self::replica::ReplicaHistories;
use self::report::{SealFindingKind, SealReport};
use self::request::{SealRequest, SealScope};
use crate::base::error::{Error, Result};
use crate::base::interrupt;
use crate::base::monitor::Monitor;
use crate::index::Index;

/// Appends a generation to each history of a replica that has something to record, the innermost first. If one of them is
/// damaged, nothing is recorded in any, and the report says what is wrong.
///
/// The caller holds the lock of the storage.
///
/// # Errors
/// The replica cannot be read; [`Error::Interrupted`], in which case no generation was written.
pub fn seal(
    index: &mut Index,
    request: &SealRequest<'_>,
    monitor: &dyn Monitor,
) -> Result<SealReport> {
    let replica = ReplicaHistories::load(request)?;
    let mut report = SealReport::default();
    if report.add_damage(&replica) {
        return Ok(report);
    }
    let database = request.storage.database_id(index)?;
    let mut files = list_files(index, database, request, &replica, &mut report)?;
    let mut missing = MissingRecords::find(&replica, &files)?;
    missing.match_names(&mut files, request);
    let progress = (&mut report, monitor);
    read_files(index, database, request, &replica, &mut files, progress)?;
    interrupt::check()?;
    let mut builder = EntryBuilder::new(request, &replica, missing);
    let entries = builder.build(files, &mut report);
    let missing = builder.into_missing();
    if !matches!(request.scope, SealScope::Copied(_)) {
        missing.report(&mut report);
    }
    let drafts = Drafts::new(request, &replica, entries)?;
    let written = interrupt::with_grace_period(|| {
        write::write(index, database, &replica, drafts, &mut report)
    });
    if report.generations.is_empty() && !matches!(request.scope, SealScope::Whole) {
        // What a history cannot hold is said once, with the generation that leaves it out.
        report
            .findings
            .retain(|found| found.kind != SealFindingKind::Unrepresentable);
    }
    report.findings.sort();
    match written {
        Err(Error::Interrupted) => Err(Error::Interrupted),
        written => {
            report.unwritten.extend(written.err());
            Ok(report)
        }
    }
}
