//! Files of one replica that other storages have too, by the index alone.

use std::path::Path;

use super::candidate::KnownCopy;
use super::folder::{TargetFolder, judge_file, visit_pairs};
use super::place::Place;
use super::proof::Match;
use crate::base::error::Result;
use crate::base::timestamp::TimePrecision;
use crate::index::{Index, ProvenFolder};
use crate::model::project::ProjectId;
use crate::model::registry::Category;
use crate::snapshot::manifest::ManifestRef;

/// The replica of a project on one storage, and its replicas on the others.
#[derive(Debug)]
pub struct Elsewhere {
    own: KnownCopy,
    others: Vec<KnownCopy>,
}

impl Elsewhere {
    /// Finds the replicas of a project. `None` if the storage `own` has none.
    pub fn find(
        index: &Index,
        places: &[Place],
        own: &str,
        category: &Category,
        project: &ProjectId,
    ) -> Result<Option<Self>> {
        let (mut found, mut others) = (None, Vec::new());
        for place in places {
            let copy = KnownCopy::find(index, place, category, project)?;
            if place.name() == own {
                found = copy;
            } else {
                others.extend(copy);
            }
        }
        Ok(found.map(|own| Self { own, others }))
    }

    /// Returns for each file of a folder whether another storage has it: under the same path, with equal content, or equal
    /// size and time where no content is known.
    pub fn files(
        &mut self,
        index: &Index,
        category: &Category,
        path: &Path,
        manifest: ManifestRef<'_>,
    ) -> Result<Vec<bool>> {
        let Self { own, others } = self;
        let (precision, mut found) = (own.precision, Ok(Vec::new()));
        // The path is spelled as in this replica, which may have other folders of the same composed form.
        let (key, place) = (category.key(), (path, precision));
        let mut visit = |folder: &ProvenFolder<'_>| {
            let own = TargetFolder::read(folder);
            found = find_copies(index, category, &own, precision, others);
        };
        index.visit_proven_folder(own.id, key, &own.replica, place, manifest, &mut visit)?;
        found
    }
}

/// Returns for each file of a folder whether one of the replicas has it.
fn find_copies(
    index: &Index,
    category: &Category,
    own: &TargetFolder<'_>,
    precision: TimePrecision,
    others: &mut [KnownCopy],
) -> Result<Vec<bool>> {
    let mut found = vec![false; own.files.len()];
    for other in others {
        let precision = other.precision.max(precision);
        other.visit_folder(index, category, own.path, own.manifest, &mut |folder| {
            visit_pairs(own, folder, &mut |place, file| {
                let judged = judge_file(&own.files[place], file, precision, None);
                found[place] |= matches!(judged, Match::Proven | Match::Unproven);
            });
        })?;
    }
    Ok(found)
}
