//! Copies from a remote source: files are fetched into a private folder, verified there, and then moved like local copies.

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;

use super::fetch::{FetchState, RemoteFetch, RequestedFile};
use super::fetch_folder::FetchFolder;
use super::transfer::{TransferSettings, transfer_plans};
use crate::base::error::Result;
use crate::base::interrupt;
use crate::copy::destination::DestinationCopy;
use crate::copy::outcome::{Outcome, VANISHED};
use crate::copy::plan::Plan;
use crate::rclone::TransferLimits;
use crate::storage::{LocalStorage, Storage};

/// Fetches the files of all plans and copies them. Files that could not be fetched fail with the reason.
pub(super) fn fetch_plans(
    copy: &mut DestinationCopy<'_>,
    storage: &LocalStorage,
    plans: &[&Plan],
    is_locked: bool,
    unfinished: &BTreeSet<PathBuf>,
) -> Result<()> {
    let Storage::Remote(source) = &*copy.spec.source else {
        return Ok(());
    };
    let requested = requested_files(plans);
    let mut staging = FetchFolder::open(&mut copy.index, &storage.root, &source.database.root)?;
    if let Some(error) = staging.record_error.take() {
        copy.report_problem(error);
    }
    for plan in plans {
        staging.make_folder(&plan.replica)?;
    }
    let meter = copy.meter;
    // Copying the fetched files ends at the deadline.
    let limits = TransferLimits {
        deadline: None,
        ..copy.spec.limits.transfer.clone()
    };
    let fetch = RemoteFetch {
        source,
        staging: &staging,
        files: &requested,
        limits: &limits,
        verify: copy.spec.verify,
        on_progress: &|bytes| meter.add_bytes(bytes),
    };
    let (states, is_complete) = fetch.run()?;
    let mut unavailable = HashMap::new();
    for (file, state) in requested.into_iter().zip(states) {
        let outcome = match state {
            FetchState::Failed(why) => Outcome::Failed(why),
            FetchState::Missing => Outcome::Skipped(VANISHED.to_owned()),
            FetchState::Unreported | FetchState::ReportedDone | FetchState::Verified => continue,
        };
        unavailable.insert((file.plan, file.path), outcome);
    }
    let settings = TransferSettings {
        source: &staging.folder,
        move_source: true,
        is_locked,
        unfinished,
        unavailable,
    };
    transfer_plans(copy, storage, plans, &settings);
    // After cancellation the fetched files stay, and the next run verifies them.
    if is_complete && !interrupt::is_requested() {
        let removed = staging.remove(&mut copy.index);
        copy.report_problems([removed]);
    }
    Ok(())
}

/// Returns all files that the plans copy.
fn requested_files(plans: &[&Plan]) -> Vec<RequestedFile> {
    let mut requested = Vec::new();
    for (number, plan) in plans.iter().enumerate() {
        requested.extend(plan.files().map(|(path, file)| RequestedFile {
            plan: number,
            path_below_root: plan.replica.join(&path),
            path,
            bytes: file.bytes,
            modified: file.modified,
        }));
    }
    requested
}
