//! `fetch --files --evidence`: how the content of each file is known, and since when.

use std::collections::HashMap;

use serde::Serialize;

use crate::base::error::Result;
use crate::base::name::Name;
use crate::base::timestamp::{TimePrecision, Timestamp};
use crate::commands::search::{self, FileItem, Hit};
use crate::index::{
    DatabaseId, EvidenceKind, FileEvidence, FolderEvidence, FolderFiles, Index, Proof,
};
use crate::model::project::path_within;
use crate::model::registry::Category;
use crate::output::cell::{Cell, Tone};
use crate::snapshot::manifest::ManifestFile;
use crate::snapshot::sequence::Sequence;

/// What is known of the contents of the files of one folder.
#[derive(Debug)]
pub(super) struct FolderKnowledge {
    files: FolderEvidence,
    precision: TimePrecision,
    /// The weakest and oldest evidence of each image sequence, by its pattern.
    sequences: HashMap<Name, Option<Known>>,
}

/// How the content of files is known, and since when; ordered from the weakest and oldest.
type Known = (EvidenceKind, Timestamp);

/// A file with its evidence, as JSON.
#[derive(Serialize)]
pub(super) struct KnownFileItem {
    #[serde(flatten)]
    file: FileItem,
    evidence: &'static str,
    known_at: Option<Timestamp>,
    digest: Option<String>,
}

impl FolderKnowledge {
    /// Knows nothing: the answer shows no evidence.
    pub(super) fn none() -> Self {
        Self {
            files: FolderEvidence::new(),
            precision: TimePrecision::Nanosecond,
            sequences: HashMap::new(),
        }
    }

    /// Reads the evidence of a folder of a replica.
    pub(super) fn read(
        index: &Index,
        database: DatabaseId,
        category: &Category,
        folder: &FolderFiles<'_>,
    ) -> Result<Self> {
        let replica = index.replica(database, category.key(), folder.project)?;
        let path = path_within(&category.replica_path(folder.project), folder.path);
        let mut knowledge = Self {
            files: index.evidence(database, &path)?,
            precision: replica.map_or(TimePrecision::Nanosecond, |known| known.aggregate.precision),
            sequences: HashMap::new(),
        };
        let mut sequences: HashMap<Name, Option<Known>> = HashMap::new();
        search::visit(folder, true, &mut |_| true, &mut |hit| {
            if let Some(sequence) = hit.sequence {
                let known = knowledge.of(&hit.file).map(known);
                let weakest = sequences.entry(sequence.pattern()).or_insert(known);
                *weakest = known.min(*weakest);
            }
            Ok(true)
        })?;
        knowledge.sequences = sequences;
        Ok(knowledge)
    }

    /// Returns the evidence of a file that the scan found, if it holds.
    fn of(&self, file: &ManifestFile<'_>) -> Option<&FileEvidence> {
        let evidence = self.files.get(&Name::from_bytes(file.name.to_vec()))?;
        let holds = evidence.holds_for(file.bytes, file.modified, self.precision);
        holds.then_some(evidence)
    }

    /// Returns the words at the end of a line: `  read 3 days ago`, `  listed`; those of a sequence are of its weakest file.
    pub(super) fn line_cell(&self, hit: &Hit<'_>) -> Cell {
        let of_sequence = |sequence: &Sequence| self.sequences.get(&sequence.pattern()).copied();
        let known = match hit.sequence {
            Some(sequence) => of_sequence(sequence).flatten(),
            None => self.of(&hit.file).map(known),
        };
        let words = match known {
            None => "  listed".to_owned(),
            Some((kind, Timestamp::UNKNOWN)) => format!("  {} at an unknown time", kind.word()),
            Some((kind, at)) => format!("  {} {}", kind.word(), at.ago()),
        };
        Cell::Styled(words, Tone::Faint)
    }

    /// Returns the cells `evidence`, `known_at` and `digest`.
    pub(super) fn row_cells(&self, hit: &Hit<'_>) -> [Cell; 3] {
        let evidence = self.of(&hit.file);
        [
            Cell::text(word(evidence)),
            Cell::optional(evidence.and_then(known_at), Cell::Timestamp),
            Cell::optional(evidence, |evidence| Cell::text(evidence.digest.to_string())),
        ]
    }

    /// Adds the evidence to the item of a file.
    pub(super) fn file_item(&self, file: FileItem, hit: &Hit<'_>) -> KnownFileItem {
        let evidence = self.of(&hit.file);
        KnownFileItem {
            file,
            evidence: word(evidence),
            known_at: evidence.and_then(known_at),
            digest: evidence.map(|evidence| evidence.digest.to_string()),
        }
    }
}

fn known(evidence: &FileEvidence) -> Known {
    let Proof { kind, at, .. } = evidence.proof;
    (kind, at)
}

fn word(evidence: Option<&FileEvidence>) -> &'static str {
    evidence.map_or("listed", |evidence| evidence.proof.kind.word())
}

/// Returns the time since when a content is known; `None` if it is unknown.
fn known_at(evidence: &FileEvidence) -> Option<Timestamp> {
    Some(evidence.proof.at).filter(|at| *at != Timestamp::UNKNOWN)
}
