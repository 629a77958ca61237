//! The image sequences of a report.

use std::path::Path;

use serde::Serialize;

use crate::base::name::Name;
use crate::model::project::ProjectId;
use crate::snapshot::manifest::ManifestRef;
use crate::snapshot::sequence::{Frame, Sequence, SequenceBuilder};

/// The image sequences of projects.
#[derive(Debug, Default, Serialize)]
pub struct SequenceTotals {
    /// Number of sequences.
    pub count: u64,
    /// Number of frames of all sequences.
    pub frames: u64,
    /// The sequences with gaps.
    pub gapped: Vec<GappedSequence>,
}

/// A sequence with missing frames.
#[derive(Debug, Serialize)]
pub struct GappedSequence {
    pub project: ProjectId,
    pub category: String,
    /// Its pattern, below the project's folder.
    pub path: Name,
    pub first: i64,
    pub last: i64,
    pub files: u64,
    pub missing: Vec<(i64, i64)>,
    /// The gaps in words: `1107, 1110-1115`.
    #[serde(skip)]
    pub words: String,
}

impl SequenceTotals {
    /// Adds the sequences of a folder.
    pub(super) fn add(
        &mut self,
        project: &ProjectId,
        category: &str,
        folder: &Path,
        manifest: ManifestRef<'_>,
    ) {
        let mut builder = SequenceBuilder::default();
        let mut files = manifest.files();
        while let Some(file) = files.next() {
            if let Some(frame) = Frame::of(file.name) {
                builder.add(&frame, Some(&file));
            }
        }
        for sequence in builder.finish().all() {
            self.count += 1;
            self.frames += sequence.files;
            if let Some(words) = sequence.describe_gaps("") {
                let row = gapped(project, category, folder, sequence, &words);
                self.gapped.push(row);
            }
        }
    }
}

fn gapped(
    project: &ProjectId,
    category: &str,
    folder: &Path,
    sequence: &Sequence,
    words: &str,
) -> GappedSequence {
    GappedSequence {
        project: project.clone(),
        category: category.to_owned(),
        path: folder.join(sequence.pattern().as_path()).into(),
        first: sequence.first,
        last: sequence.last,
        files: sequence.files,
        missing: sequence.missing.clone(),
        words: words.trim_start().to_owned(),
    }
}
