//! The proof for one replica: intents at the witnesses, live scans, and reading what is not proven yet.

use super::FreeRequest;
use super::intent;
use super::protocol::WitnessState;
use crate::base::error::{Error, Result};
use crate::base::monitor::Monitor;
use crate::base::timestamp::Timestamp;
use crate::base::unit;
use crate::index::Index;
use crate::model::policy::Policy;
use crate::model::project::{ProjectId, Scope};
use crate::model::registry::{Category, Registry};
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
}

impl Judged {
    /// Why the replica may not be removed; `None` if it may.
    pub(super) fn refusal(&self) -> Option<String> {
        let Some(answer) = &self.answer else {
            return Some("it is not there".to_owned());
        };
        if answer.is_safe() {
            return None;
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
/// listed are read.
pub(super) fn judge_live(
    index: &mut Index,
    registry: &Registry,
    (category, project): (&Category, &ProjectId),
    (target, request): (&Storage, &FreeRequest<'_>),
    monitor: &dyn Monitor,
) -> Result<Judged> {
    let layout = Layout::new(registry)?;
    let databases = registry.databases();
    let mut excluded = Vec::new();
    let mut states = Vec::with_capacity(databases.len());
    let replica = category.replica_path(project);
    // The intents first: what is removed between this and the scan is not found by the scan.
    for database in databases {
        let mut state = WitnessState {
            is_online: false,
            is_trusted: request.trusted.contains(&database.name),
            is_being_freed: false,
        };
        if database != target.database() {
            match Storage::open(index, &layout, database) {
                Ok(storage) => {
                    state.is_online = true;
                    if let Some(path) = intent::is_being_freed(&storage, &replica)? {
                        state.is_being_freed = true;
                        excluded.push(format!(
                            "{} does not count: its copy is being removed too (`{}`)",
                            database.name,
                            path.display()
                        ));
                    }
                }
                Err(Error::Interrupted) => return Err(Error::Interrupted),
                Err(error) if !state.is_trusted => {
                    excluded.push(format!(
                        "{} does not count: {error}; `--trust-offline {}` counts it as last seen",
                        database.name, database.name
                    ));
                }
                Err(_) => {}
            }
        }
        states.push(state);
    }
    let scanned: Vec<_> = databases
        .iter()
        .zip(&states)
        .filter(|(database, state)| state.is_online || *database == target.database())
        .map(|(database, _)| database)
        .collect();
    let scope = ScanScope {
        scope: Scope::Project(project.clone()),
        ..ScanScope::all_categories(registry, Scope::Project(project.clone()))
    };
    let scans = scan_all(index, registry, &scanned, &scope, monitor)?;
    for (database, scan) in scanned.iter().zip(&scans) {
        let is_complete = matches!(scan.state, ScanState::Complete);
        if !is_complete && *database == target.database() {
            return Err(Error::Unproven {
                path: database.root.clone(),
                why: "could not be read completely",
            });
        }
        let place = databases.iter().position(|one| one == *database);
        if let (false, Some(place)) = (is_complete, place) {
            states[place].is_online = false;
            excluded.push(format!(
                "{} does not count: it could not be scanned",
                database.name
            ));
        }
    }
    let places = place::places(index, registry)?;
    let number = databases.iter().position(|one| one == target.database());
    let question = SafeQuestion {
        project,
        category,
        policy: registry.policy(&category.name),
        target: number.unwrap_or_default(),
        places: &places,
        witnesses: &states
            .iter()
            .map(|state| state.counts())
            .collect::<Vec<_>>(),
        now: Timestamp::now(),
    };
    let mut answer = judge_replica(index, &question)?;
    if let Some(unread) = answer.as_ref().and_then(unread_databases) {
        let oldest = match question.policy {
            Policy::Keep(demand) => oldest_allowed(&demand, question.now),
            Policy::Expendable => None,
        };
        let verification = VerifyRequest {
            scope: Scope::Project(project.clone()),
            categories: vec![category],
            databases: databases
                .iter()
                .filter(|one| unread.contains(&one.name))
                .collect(),
            budget: Budget::default(),
            proven_since: oldest.or(Some(Timestamp::UNKNOWN)),
            dry_run: false,
        };
        verify(index, registry, &verification, monitor)?;
        answer = judge_replica(index, &question)?;
    }
    Ok(Judged {
        answer,
        places,
        excluded,
    })
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
    })
}

/// Returns the databases whose files must only be read; `None` if reading alone does not help.
fn unread_databases(answer: &SafeAnswer) -> Option<Vec<String>> {
    match answer.mend.as_slice() {
        [Mend::Verify { databases, .. }] if !answer.is_safe() => Some(databases.clone()),
        _ => None,
    }
}
