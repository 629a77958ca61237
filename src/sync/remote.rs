//! A sync to a database behind rclone: what changed goes there in one process, what failed before first.

use std::path::PathBuf;

use super::Sync;
use super::respelled::OtherSpellings;
use super::source::Looked;
use super::work::Work;
use crate::base::error::Result;
use crate::base::interrupt;
use crate::base::monitor::Event;
use crate::copy::outcome::Outcome;
use crate::copy::remote;
use crate::copy::remote::{End, Outgoing, Sending};
use crate::copy::report::Report;
use crate::index::{Index, SentFolder, SentRecord};
use crate::storage::{Opened, RemoteSide};

/// What came of sending.
#[derive(Default)]
struct SentAll {
    /// The folders of old versions in which something was kept.
    kept: Vec<PathBuf>,
    /// Why the destination did not answer to the end, if it did not.
    lost: Option<String>,
}

impl Sync<'_> {
    pub(super) fn to_remote(
        &self,
        index: &mut Index,
        side: &RemoteSide,
        looked: Looked,
    ) -> Result<Report> {
        let mut report = Report::default();
        if !self.request.dry_run {
            remote::settle(index, side, &self.source)?;
        }
        // Before the record says that anything is there.
        self.refuse_same_place(Opened::Remote(side), side.identity().is_none())?;
        if self.request.retry_failed {
            self.retry(index, side, &mut report)?;
            return Ok(report);
        }
        self.monitor.event(&Event::Started {
            task: "comparing",
            files: None,
            bytes: None,
        });
        let mut replicas = self.gather(index, looked, &mut report)?;
        self.adopt(index, side, &mut replicas)?;
        let mut work = self.work(index, side, &replicas, &mut report)?;
        self.monitor.event(&Event::Finished);
        work.renames = self.find_renames(side, &mut work, &replicas);
        work.respelled = OtherSpellings::take_out(&replicas, &mut work.gone);
        self.refuse_disappearance(&work)?;
        if self.request.dry_run {
            self.foresee(work, &mut report);
            return Ok(report);
        }
        let deletes = self.carry_out(index, side, &mut work, &mut report)?;
        self.remove_emptied(index, side, &replicas, deletes, &mut work)?;
        let noted = interrupt::shielded(|| self.note_destination(index, side, &replicas, &work));
        if let Err(error) = noted {
            self.monitor.event(&Event::Problem(&error));
            report.unrecorded = true;
        }
        Ok(report)
    }

    /// Does it: renames, then what is to be sent, then what is to be deleted. Says whether that was done.
    pub(super) fn carry_out(
        &self,
        index: &mut Index,
        side: &RemoteSide,
        work: &mut Work,
        report: &mut Report,
    ) -> Result<bool> {
        let is_needed =
            !work.send.is_empty() || !work.folders.is_empty() || !work.renames.is_empty();
        let takes_away = self.request.delete && !work.gone.is_empty();
        self.refuse_same_place(Opened::Remote(side), is_needed || takes_away)?;
        if is_needed {
            side.ensure_identity()?;
        }
        self.rename(index, side, work, report)?;
        let most = self.request.max_files.map_or(usize::MAX, |most| {
            usize::try_from(most).unwrap_or(usize::MAX)
        });
        let (now, later) = work.send.split_at(most.min(work.send.len()));
        let bytes: u64 = now.iter().map(|file| file.bytes).sum();
        report.planned_bytes = bytes;
        self.monitor.event(&Event::Started {
            task: "syncing",
            files: Some(now.len() as u64),
            bytes: Some(bytes),
        });
        let (first, rest) = now.split_at(work.failed_before.min(now.len()));
        self.refuse(index, &work.refused, report)?;
        let mut sent = SentAll::default();
        for files in [first, rest] {
            self.send(index, side, files, report, &mut sent)?;
        }
        self.monitor.event(&Event::Finished);
        for file in later {
            report.left_files += 1;
            report.add(Outcome::Unreached, || self.there(&file.whole()));
        }
        let kept = sent.kept.iter().map(|versions| side.remote.path(versions));
        report.versions.extend(kept);
        let mut deletes = false;
        if sent.lost.is_none() {
            self.make_folders(index, side, &work.folders, report)?;
            deletes = self.delete(index, side, work, report)?;
        }
        Ok(deletes)
    }

    /// Sends files, unless the destination was lost before.
    fn send(
        &self,
        index: &mut Index,
        side: &RemoteSide,
        files: &[Outgoing],
        report: &mut Report,
        sent: &mut SentAll,
    ) -> Result<()> {
        if let Some(why) = &sent.lost {
            let failed = files.iter().map(|file| (file.whole(), why.clone()));
            return self.refuse(index, &failed.collect::<Vec<_>>(), report);
        }
        let told = |files, bytes| {
            self.monitor.event(&Event::Files(files));
            self.monitor.event(&Event::Bytes(bytes));
        };
        let sending = Sending {
            source: &self.source,
            destination: side,
            limits: &self.request.limits,
            verify: self.request.verify,
            run: self.run,
            told: &told,
        };
        let (mut failed, mut good) = (Vec::new(), Vec::new());
        let is_bounded = self.request.limits.until.is_some();
        let end = sending.send(index, files, &mut sent.kept, &mut |file, outcome| {
            match &outcome {
                Outcome::Failed(why) => failed.push((file.whole(), why.clone())),
                Outcome::Copied(_) | Outcome::Skipped(_) => good.push(file.whole()),
                Outcome::Unreached if is_bounded && !interrupt::requested() => {
                    report.left_files += 1;
                }
                _ => {}
            }
            report.add(outcome, || self.there(&file.whole()));
        });
        let (source, destination) = self.roots();
        index.note_failures(self.run, source, destination, &failed)?;
        index.clear_failures(source, destination, &good)?;
        if let End::Lost(why) = end? {
            sent.lost = Some(why);
        }
        Ok(())
    }

    /// Notes that files cannot be sent, and why.
    fn refuse(
        &self,
        index: &mut Index,
        files: &[(PathBuf, String)],
        report: &mut Report,
    ) -> Result<()> {
        if files.is_empty() {
            return Ok(());
        }
        for (whole, why) in files {
            report.add(Outcome::Failed(why.clone()), || self.there(whole));
        }
        let (source, destination) = self.roots();
        index.note_failures(self.run, source, destination, files)
    }

    fn make_folders(
        &self,
        index: &mut Index,
        side: &RemoteSide,
        folders: &[(PathBuf, PathBuf)],
        report: &mut Report,
    ) -> Result<()> {
        if folders.is_empty() || interrupt::requested() {
            return Ok(());
        }
        let whole: Vec<PathBuf> = folders
            .iter()
            .map(|(replica, folder)| replica.join(folder))
            .collect();
        if side.abilities.holds_empty_folders()
            && let Err(error) = side.remote.make_folders(&whole)
        {
            for path in &whole {
                report.add(Outcome::Failed(error.line()), || self.there(path));
            }
            return Ok(());
        }
        let (source, destination) = self.roots();
        let mut made = SentRecord::new();
        for (replica, folder) in folders {
            let changes = made.entry(replica.clone()).or_default();
            changes.folder(folder, SentFolder::new());
        }
        index.keep_sent(destination, source, &made)
    }
}
