//! Replaces damaged and missing files by intact copies.
//!
//! The recorded digest says which content is intact. A copy is read before it is used, the usual copy replaces the file and
//! keeps the damaged one among the versions, and the digest of the new file is compared with the recorded one.

mod patient;
mod replacement;
pub mod request;
mod search;
mod source;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use self::patient::Patient;
use self::request::{HealReport, HealRequest, HealedFile};
use self::search::find_patients;
use crate::base::confirmation::Question;
use crate::base::error::Result;
use crate::base::interrupt;
use crate::base::monitor::Monitor;
use crate::base::name::Name;
use crate::base::unit;
use crate::index::{Index, RunId};
use crate::model::registry::Registry;
use crate::storage::Layout;
use crate::trust::place::{self, Place};

/// Heals the files of a scope that the index knows to be damaged, or that are missing and were verified before.
///
/// # Errors
/// The target is offline or locked; the user declines; the index cannot be read.
pub fn heal(
    index: &mut Index,
    registry: &Registry,
    request: &HealRequest<'_>,
    run: RunId,
    monitor: &dyn Monitor,
) -> Result<HealReport> {
    let start = Instant::now();
    let places = place::places(index, registry)?;
    let patients = find_patients(index, request, &places)?;
    let mut report = HealReport::default();
    let full = |path: &Path| request.target.path(path);
    let layout = Layout::new(registry)?;
    let chosen = source::choose(index, &layout, &places, patients)?;
    let refused = chosen.refused.iter();
    let refused = refused.map(|patient| (full(&patient.path), patient.refusal(&places)));
    report.failed.extend(refused);
    let groups = chosen.by_place;
    let all: Vec<&Patient> = groups.values().flatten().collect();
    report.bytes = all.iter().map(|patient| patient.bytes).sum();
    if request.dry_run {
        report.healed = planned(&groups, &places, &full);
        report.elapsed = start.elapsed();
        return Ok(report);
    }
    if !all.is_empty() {
        require_consent(request, &all)?;
    }
    report.bytes = 0;
    for (place, patients) in groups {
        if interrupt::is_requested() {
            break;
        }
        let source = &places[place].database;
        replacement::heal_from(
            index,
            registry,
            request,
            (source, &patients),
            run,
            monitor,
            &mut report,
        )?;
    }
    report.is_interrupted = interrupt::is_requested();
    report.elapsed = start.elapsed();
    Ok(report)
}

/// Returns what would be healed.
fn planned(
    groups: &BTreeMap<usize, Vec<Patient>>,
    places: &[Place],
    full: &dyn Fn(&Path) -> PathBuf,
) -> Vec<HealedFile> {
    let files = groups.iter().flat_map(|(place, patients)| {
        patients.iter().map(|patient| HealedFile {
            path: full(&patient.path),
            source: places[*place].name().to_owned(),
            is_missing: patient.is_missing,
        })
    });
    files.collect()
}

fn require_consent(request: &HealRequest<'_>, patients: &[&Patient]) -> Result<()> {
    if !request.confirmation.is_interactive() {
        return Ok(());
    }
    let missing = patients.iter().filter(|patient| patient.is_missing).count() as u64;
    let damaged = patients.len() as u64 - missing;
    let mut parts = Vec::new();
    if damaged > 0 {
        let files = unit::format_counted(damaged, "damaged file");
        parts.push(format!("Replace {files} (kept as old versions)"));
    }
    if missing > 0 {
        let verb = if parts.is_empty() { "Add" } else { "add" };
        parts.push(format!(
            "{verb} {}",
            unit::format_counted(missing, "missing file")
        ));
    }
    let name = &request.target.name;
    request.confirmation.require(&Question {
        text: format!("{} on {name} by intact copies?", parts.join(" and ")),
        list: patients
            .iter()
            .map(|patient| format!("  {}", Name::from(patient.path.as_path())))
            .collect(),
    })
}
