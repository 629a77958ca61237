//! The proof for one replica: intents at the witnesses, live scans, and reading what is not proven yet.

use std::path::Path;
use std::sync::Arc;

use super::intent;
use super::protocol::WitnessState;
use super::request::FreeRequest;
use super::rewritten::rewritten_copies;
use crate::base::error::{Error, Result};
use crate::base::lease::Leases;
use crate::base::monitor::Monitor;
use crate::base::timestamp::Timestamp;
use crate::base::unit;
use crate::index::Index;
use crate::model::policy::Policy;
use crate::model::project::{ProjectId, Scope};
use crate::model::registry::{Category, Database, Registry};
use crate::scan::ScanState;
use crate::scan::discover::ScanScope;
use crate::scan::load::scan_all;
use crate::storage::{Layout, Storage};
use crate::trust::mend::Mend;
use crate::trust::place::{self, Place};
use crate::trust::proof::oldest_allowed;
use crate::trust::safe::{SafeAnswer, SafeQuestion, judge_replica};
use crate::verify::{Budget, VerifyRequest, verify};

/// A replica as it was judged.
#[derive(Debug)]
pub(super) struct Judged {
    pub(super) answer: Option<SafeAnswer>,
    places: Vec<Place>,
    /// Why witnesses do not count.
    excluded: Vec<String>,
    /// Names of storages with files that changed since their proofs, and that could not be read again.
    doubted: Vec<String>,
}

impl Judged {
    /// Why the replica may not be removed, or not be erased; `None` if it may.
    pub(super) fn refusal(&self, erase: bool) -> Option<String> {
        let Some(answer) = &self.answer else {
            return Some("it is not there".to_owned());
        };
        if answer.is_safe() && !self.doubted.is_empty() {
            let names = self.doubted.join(", ");
            return Some(format!(
                "files on {names} changed since they were read, and could not be read again"
            ));
        }
        if answer.is_safe() {
            // The program cannot distinguish damage from an edit that kept the time.
            let files = unit::format_counted(answer.damaged, "file");
            return (erase && answer.damaged > 0).then(|| {
                format!("{files} damaged there, or rewritten: `heal` first, or leave out `--erase`")
            });
        }
        let mut why = Vec::new();
        if answer.short_files > 0 {
            let files = unit::format_counted(answer.short_files, "file");
            why.push(format!("{files} without enough proven copies elsewhere"));
        }
        if answer.unreadable > 0 {
            let entries = unit::format_counted(answer.unreadable, "file or folder");
            why.push(format!("{entries} could not be read there"));
        }
        why.extend(self.excluded.iter().cloned());
        Some(why.join("; "))
    }

    /// Returns a line for each witness.
    pub(super) fn proof_lines(&self) -> Vec<String> {
        let witnesses = self.answer.iter().flat_map(|answer| &answer.witnesses);
        let lines = witnesses.map(|witness| {
            let name = self.places[witness.place].name();
            let kind = witness.kind.map_or("listed", |kind| kind.word());
            let files = unit::format_counted(witness.files, "file");
            match witness.oldest {
                Some(Timestamp::UNKNOWN) | None => format!("  {name}: {files}, {kind}"),
                Some(at) => format!("  {name}: {files}, {kind} {} at the earliest", at.ago()),
            }
        });
        lines.collect()
    }
}

/// Reads the intents at the witnesses, scans the target and them, and judges the replica. Files at witnesses that are only
/// listed, or that may have been rewritten, are read.
pub(super) fn judge_live(
    index: &mut Index,
    registry: &Registry,
    (category, project): (&Category, &ProjectId),
    (target, request): (&Storage, &FreeRequest<'_>),
    monitor: &dyn Monitor,
) -> Result<Judged> {
    let layout = Layout::new(registry)?;
    let databases = registry.databases();
    // The intents first: what is removed between this and the scan is not found by the scan.
    let replica = category.replica_path(project);
    let mut witnesses = WitnessList::read(index, (registry, &layout), (target, request), &replica)?;
    witnesses.scan(index, registry, (target, project), monitor)?;
    let places = place::places(index, registry)?;
    let number = databases.iter().position(|one| one == target.database());
    let question = SafeQuestion {
        project,
        category,
        policy: registry.policy(&category.name),
        target: number.unwrap_or_default(),
        places: &places,
        witnesses: &witnesses
            .states
            .iter()
            .map(|state| state.counts())
            .collect::<Vec<_>>(),
        now: Timestamp::now(),
    };
    let (mut answer, mut doubted) = (judge_replica(index, &question)?, Vec::new());
    if let Some(unread) = answer.as_ref().and_then(unread_databases) {
        let oldest = match question.policy {
            Policy::Keep(demand) => oldest_allowed(&demand, question.now),
            Policy::Expendable => None,
        };
        let since = oldest.or(Some(Timestamp::UNKNOWN));
        read_files(index, registry, (&question, &unread), since, monitor)?;
        answer = judge_replica(index, &question)?;
    }
    if let Some(safe) = answer.as_ref().filter(|answer| answer.is_safe()) {
        let asked = (&question, &*request.trusted);
        let rewritten = rewritten_copies(index, &layout, safe, asked)?;
        if !rewritten.is_empty() {
            read_files(index, registry, (&question, &rewritten), None, monitor)?;
            answer = judge_replica(index, &question)?;
            if let Some(safe) = answer.as_ref().filter(|answer| answer.is_safe()) {
                let asked = (&question, &*request.trusted);
                doubted = rewritten_copies(index, &layout, safe, asked)?;
            }
        }
    }
    let excluded = witnesses.excluded;
    Ok(Judged {
        answer,
        places,
        excluded,
        doubted,
    })
}

/// The storages that may be witnesses, in the order of the registry.
struct WitnessList {
    states: Vec<WitnessState>,
    /// Why some of them do not count.
    excluded: Vec<String>,
}

impl WitnessList {
    /// Opens the storages, and reads the intents there.
    fn read(
        index: &Index,
        (registry, layout): (&Registry, &Arc<Layout>),
        (target, request): (&Storage, &FreeRequest<'_>),
        replica: &Path,
    ) -> Result<Self> {
        let mut witnesses = Self {
            states: Vec::new(),
            excluded: Vec::new(),
        };
        for database in registry.databases() {
            let mut state = WitnessState {
                is_online: false,
                is_trusted: request.trusted.contains(&database.name),
                is_being_freed: false,
            };
            if database != target.database() {
                match Storage::open(index, layout, database) {
                    Ok(storage) => {
                        state.is_online = true;
                        if let Some(path) = intent::is_being_freed(&storage, replica)? {
                            state.is_being_freed = true;
                            witnesses.exclude(
                                &database.name,
                                &format!(
                                    "its copy is being removed too (`{}`; delete that file only if the run that wrote it will never end)",
                                    path.display()
                                ),
                            );
                        }
                    }
                    Err(Error::Interrupted) => return Err(Error::Interrupted),
                    Err(error) if !state.is_trusted => {
                        let name = &database.name;
                        let why =
                            format!("{error}; `--trust-offline {name}` counts it as last seen");
                        witnesses.exclude(name, &why);
                    }
                    Err(_) => {
                        if let Some(holder) = freeing_elsewhere(index, database)? {
                            state.is_being_freed = true;
                            let why = format!("copies are being removed there by {holder}");
                            witnesses.exclude(&database.name, &why);
                        }
                    }
                }
            }
            witnesses.states.push(state);
        }
        Ok(witnesses)
    }

    fn exclude(&mut self, name: &str, why: &str) {
        self.excluded.push(format!("{name} does not count: {why}"));
    }

    /// Scans the target and the witnesses. A witness that cannot be scanned completely does not count.
    fn scan(
        &mut self,
        index: &mut Index,
        registry: &Registry,
        (target, project): (&Storage, &ProjectId),
        monitor: &dyn Monitor,
    ) -> Result<()> {
        let databases = registry.databases();
        let scanned: Vec<(usize, &Database)> = databases
            .iter()
            .enumerate()
            .filter(|(number, one)| self.states[*number].is_online || *one == target.database())
            .collect();
        let scope = ScanScope::all_categories(registry, Scope::Project(project.clone()));
        let list: Vec<&Database> = scanned.iter().map(|(_, database)| *database).collect();
        let scans = scan_all(index, registry, &list, &scope, monitor)?;
        for ((number, database), scan) in scanned.into_iter().zip(&scans) {
            if scan.state == ScanState::Complete {
                continue;
            }
            if database == target.database() {
                return Err(Error::Unproven {
                    path: database.root.clone(),
                    why: "could not be read completely",
                });
            }
            self.states[number].is_online = false;
            self.exclude(&database.name, "it could not be scanned completely");
        }
        Ok(())
    }
}

/// Returns the run of another workstation that removes copies from a storage which cannot be reached from here, so that its
/// intents cannot be read either. Only the leases of a catalog tell.
fn freeing_elsewhere(index: &Index, database: &Database) -> Result<Option<String>> {
    let Leases(Some(source)) = &database.access.leases else {
        return Ok(None);
    };
    match index.identity(&database.root)? {
        Some(identity) => source.freeing(&identity),
        None => Ok(None),
    }
}

/// Reads the files of a replica on these databases that were not proven since that time.
fn read_files(
    index: &mut Index,
    registry: &Registry,
    (question, names): (&SafeQuestion<'_>, &[String]),
    proven_since: Option<Timestamp>,
    monitor: &dyn Monitor,
) -> Result<()> {
    let databases = registry.databases().iter();
    let verification = VerifyRequest {
        histories: None,
        scope: Scope::Project(question.project.clone()),
        categories: vec![question.category],
        databases: databases.filter(|one| names.contains(&one.name)).collect(),
        budget: Budget::default(),
        proven_since,
        download: false,
        dry_run: false,
    };
    verify(index, registry, &verification, monitor).map(drop)
}

/// Judges a replica from the index alone, for a dry run.
pub(super) fn judge_known(
    index: &Index,
    registry: &Registry,
    (category, project): (&Category, &ProjectId),
    request: &FreeRequest<'_>,
) -> Result<Judged> {
    let places = place::places(index, registry)?;
    let mut excluded = Vec::new();
    let witnesses: Vec<bool> = places
        .iter()
        .map(|place| {
            let is_trusted = request.trusted.iter().any(|name| name == place.name());
            let counts = !place.is_offline || is_trusted;
            if !counts {
                excluded.push(format!("{} does not count: it is offline", place.name()));
            }
            counts
        })
        .collect();
    let target = places
        .iter()
        .position(|place| place.database == *request.target);
    let question = SafeQuestion {
        project,
        category,
        policy: registry.policy(&category.name),
        target: target.unwrap_or_default(),
        places: &places,
        witnesses: &witnesses,
        now: Timestamp::now(),
    };
    let answer = judge_replica(index, &question)?;
    Ok(Judged {
        answer,
        places,
        excluded,
        doubted: Vec::new(),
    })
}

/// Returns the databases whose files must only be read; `None` if reading alone does not help.
fn unread_databases(answer: &SafeAnswer) -> Option<Vec<String>> {
    match answer.mend.as_slice() {
        [Mend::Verify { databases, .. }] if !answer.is_safe() => Some(databases.clone()),
        _ => None,
    }
}
