//! Removes a replica that is proven to be elsewhere.
//!
//! `protocol` holds the steps and the decisions, as pure functions that the exhaustive model of tests uses too: the intent to
//! remove is written before anything is looked at, so that two machines that free each other's witness see it. `intent`
//! writes and reads intents, `witness` scans and judges, `rewritten` finds files that may have been written over, `removal`
//! moves the files to the old versions, each checked to be the one that was proven. `proposal` finds the replicas that win
//! space.
//!
//! Rule: without proof the answer is no, with the reason.

mod intent;
#[cfg(test)]
mod law;
pub mod proposal;
pub mod protocol;
mod removal;
pub mod request;
mod rewritten;
mod witness;

use std::path::Path;
use std::time::{Duration, Instant};

use self::intent::{Intent, IntentName};
use self::protocol::{PROTOCOL, Step};
use self::request::{FreeReport, FreeRequest, FreedReplica};
use self::witness::{Judged, judge_known, judge_live};
use crate::base::confirmation::{Confirmation, Question};
use crate::base::error::{Error, Result};
use crate::base::interrupt;
use crate::base::monitor::{Monitor, ProgressEvent};
use crate::base::unit;
use crate::index::{Index, RunId};
use crate::model::project::ProjectId;
use crate::model::registry::{Category, Registry};
use crate::storage::lock::Lock;
use crate::storage::{Layout, Storage};

/// Longest time between a judgement and a removal. When a question waited longer for its answer, the proof is renewed.
const MAX_WAIT: Duration = Duration::from_secs(60);

/// Removes replicas one by one, each by the whole protocol.
///
/// # Errors
/// The target is offline or locked; the user declines, or nobody can confirm.
pub fn free(
    index: &mut Index,
    registry: &Registry,
    request: &FreeRequest<'_>,
    run: RunId,
    monitor: &dyn Monitor,
) -> Result<FreeReport> {
    let start = Instant::now();
    let mut report = FreeReport::default();
    let storage = Storage::open(index, &Layout::new(registry)?, request.target)?;
    if !storage.keeps_versions() {
        return Err(Error::Unproven {
            path: request.target.root.clone(),
            why: "cannot keep old versions, because it cannot move files",
        });
    }
    let mut confirmation = request.confirmation;
    for (category, project) in &request.replicas {
        if interrupt::is_requested() {
            break;
        }
        let mut work = ReplicaRemoval {
            index,
            registry,
            request,
            storage: &storage,
            category,
            project,
            run,
            monitor,
            confirmation: &mut confirmation,
            intent: None,
            lock: None,
            judged: None,
        };
        let freed = work.execute(&mut report);
        match freed {
            Ok(freed) => report.replicas.push(freed),
            Err(Error::Interrupted) => break,
            Err(
                error @ (Error::Locked { .. }
                | Error::Declined
                | Error::ConfirmationRequired { .. }),
            ) if report.replicas.is_empty() => return Err(error),
            Err(error) => {
                let path = storage.path(&category.replica_path(project), "".as_ref());
                report.replicas.push(FreedReplica::refused(
                    (category, project),
                    path,
                    error.full_message(),
                ));
            }
        }
    }
    report.is_interrupted = interrupt::is_requested();
    report.elapsed = start.elapsed();
    Ok(report)
}

/// The protocol for one replica.
struct ReplicaRemoval<'a> {
    index: &'a mut Index,
    registry: &'a Registry,
    request: &'a FreeRequest<'a>,
    storage: &'a Storage,
    category: &'a Category,
    project: &'a ProjectId,
    run: RunId,
    monitor: &'a dyn Monitor,
    confirmation: &'a mut Confirmation,
    intent: Option<Intent<'a>>,
    lock: Option<Lock>,
    judged: Option<Judged>,
}

impl ReplicaRemoval<'_> {
    /// Executes the steps in their order. The intent is withdrawn whatever happens; after a kill, the next run does that.
    fn execute(&mut self, report: &mut FreeReport) -> Result<FreedReplica> {
        let project = self.storage.stored_spelling(self.category, self.project);
        let relative = self.category.replica_path(&project);
        let path = self.storage.path(&relative, "".as_ref());
        let mut freed = FreedReplica {
            refusal: None,
            ..FreedReplica::refused((self.category, self.project), path, String::new())
        };
        let mut done = Ok(());
        for step in PROTOCOL {
            if done.is_ok() {
                done = self.take(step, &relative, &mut freed, report);
            }
            if freed.refusal.is_some() {
                break;
            }
        }
        self.withdraw(report);
        self.lock = None;
        done.map(|()| freed)
    }

    fn take(
        &mut self,
        step: Step,
        relative: &Path,
        freed: &mut FreedReplica,
        report: &mut FreeReport,
    ) -> Result<()> {
        match step {
            Step::WriteIntent => {
                if !self.request.dry_run {
                    let name = IntentName::new(self.run, relative)?;
                    self.intent = Some(Intent::write(self.storage, name, relative)?);
                }
            }
            Step::TakeLock => {
                if !self.request.dry_run {
                    self.lock = Some(self.storage.lock(self.run)?);
                    intent::remove_leftovers(self.storage, self.intent.as_ref())?;
                }
            }
            Step::ReadIntentsAndScan => self.judge(freed)?,
            Step::Remove => {
                if self.request.dry_run {
                    return Ok(());
                }
                let asked = Instant::now();
                self.confirm(freed)?;
                if asked.elapsed() > MAX_WAIT {
                    self.judge(freed)?;
                }
                if freed.refusal.is_some() {
                    return Ok(());
                }
                let place = (self.category, self.project);
                let removed = removal::remove(
                    self.index,
                    (self.storage, self.run),
                    place,
                    self.request.erase,
                    self.monitor,
                )?;
                (freed.files, freed.bytes, freed.left) =
                    (removed.files, removed.bytes, removed.left);
                report.failed.extend(removed.failed);
                report.version_folders.extend(removed.version_folder);
                report.is_unrecorded |= removed.is_unrecorded;
            }
            Step::WithdrawIntent => self.withdraw(report),
        }
        Ok(())
    }

    /// Removes the intent, if there is one. One that stays is reported: until it is gone, this copy proves nothing.
    fn withdraw(&mut self, report: &mut FreeReport) {
        if let Some(intent) = self.intent.take()
            && let Err(error) = interrupt::with_grace_period(|| intent.withdraw())
        {
            self.monitor.on_event(&ProgressEvent::Problem(&error));
            report.is_unrecorded = true;
        }
    }

    /// Decides whether the replica may be removed, and keeps the proof.
    fn judge(&mut self, freed: &mut FreedReplica) -> Result<()> {
        let place = (self.category, self.project);
        let judged = if self.request.dry_run {
            judge_known(self.index, self.registry, place, self.request)?
        } else {
            let target = (self.storage, self.request);
            judge_live(self.index, self.registry, place, target, self.monitor)?
        };
        freed.answer.clone_from(&judged.answer);
        freed.refusal = judged.refusal(self.request.erase);
        let counted = judged.answer.as_ref().filter(|_| freed.refusal.is_none());
        (freed.files, freed.bytes) = counted.map_or((0, 0), |answer| (answer.files, answer.bytes));
        self.judged = Some(judged);
        Ok(())
    }

    /// Requests confirmation, with the proof.
    fn confirm(&mut self, freed: &FreedReplica) -> Result<()> {
        let database = &self.request.target.name;
        let verb = if self.request.erase {
            "Erase"
        } else {
            "Move to the old versions"
        };
        let files = unit::format_counted(freed.files, "file");
        let text = format!(
            "{verb}: {} {} on {database}, {files}, {}?",
            freed.project.name(),
            freed.category,
            unit::format_bytes(freed.bytes)
        );
        let list = self
            .judged
            .as_ref()
            .map(Judged::proof_lines)
            .unwrap_or_default();
        self.confirmation.require(&Question { text, list })
    }
}
