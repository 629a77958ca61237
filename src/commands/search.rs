//! Visits the files of one folder of the index and groups frames into image sequences, for `find` and `fetch --files`.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use serde::Serialize;

use crate::base::error::Result;
use crate::base::interrupt;
use crate::base::name::Name;
use crate::base::timestamp::Timestamp;
use crate::base::unit;
use crate::index::FolderFiles;
use crate::output::cell::{Cell, Tone};
use crate::snapshot::manifest::ManifestFile;
use crate::snapshot::sequence::{Frame, Sequence, SequenceBuilder, Sequences};

/// A file that matches.
#[derive(Clone, Copy, Debug)]
pub struct Hit<'a> {
    pub file: ManifestFile<'a>,
    /// The sequence that the file and other matching files are frames of, if any.
    pub sequence: Option<&'a Sequence>,
    is_first_of_sequence: bool,
}

/// A matching file, as JSON.
#[derive(Serialize)]
pub struct FileItem {
    path: Name,
    bytes: u64,
    modified: Timestamp,
    sequence: Option<Name>,
}

/// A sequence of matching files, as JSON.
#[derive(Serialize)]
pub struct SequenceItem<'a> {
    path: Name,
    #[serde(flatten)]
    sequence: &'a Sequence,
}

impl Hit<'_> {
    /// True for a single file and for the first frame of a sequence.
    pub const fn has_own_line(&self) -> bool {
        self.sequence.is_none() || self.is_first_of_sequence
    }

    /// Returns the number of files on the line of this hit.
    pub fn file_count(&self) -> u64 {
        self.sequence.map_or(1, |sequence| sequence.files)
    }

    /// Returns the bytes on the line of this hit.
    pub fn line_bytes(&self) -> u64 {
        self.sequence
            .map_or(self.file.bytes, |sequence| sequence.bytes)
    }

    /// Returns the newest time on the line of this hit.
    pub fn line_time(&self) -> Timestamp {
        self.sequence
            .map_or(self.file.modified, |sequence| sequence.newest)
    }

    /// Returns the gaps of the sequence in words.
    pub fn gaps(&self) -> Option<String> {
        self.sequence.and_then(Sequence::describe_missing)
    }

    /// Returns the path of the file, in a folder with the given path.
    pub fn file_path(&self, folder: &Path) -> Name {
        folder.join(OsStr::from_bytes(self.file.name)).into()
    }

    /// Returns the path for the line of this hit: of the file or of its sequence.
    pub fn line_path(&self, folder: &Path) -> Name {
        match self.sequence {
            Some(sequence) => sequence_path(folder, sequence),
            None => self.file_path(folder),
        }
    }

    pub fn file_item(&self, folder: &Path) -> FileItem {
        FileItem {
            path: self.file_path(folder),
            bytes: self.file.bytes,
            modified: self.file.modified,
            sequence: self.sequence.map(Sequence::pattern),
        }
    }

    /// Returns the sequence if this hit is its first frame.
    pub fn sequence_item(&self, folder: &Path) -> Option<SequenceItem<'_>> {
        let sequence = self.sequence.filter(|_| self.is_first_of_sequence)?;
        let path = sequence_path(folder, sequence);
        Some(SequenceItem { path, sequence })
    }

    /// Returns the end of the line, after the path: `  240 files  missing 1107  2.40 GB  3 h ago`.
    pub fn detail_cells(&self) -> Vec<Cell> {
        let mut cells = Vec::new();
        let (mut bytes, mut modified) = (self.file.bytes, self.file.modified);
        if let Some(sequence) = self.sequence {
            (bytes, modified) = (sequence.bytes, sequence.newest);
            let files = unit::format_counted(sequence.files, "file");
            cells.push(Cell::text(format!("  {files}")));
            let missing = sequence.describe_missing();
            cells.extend(missing.map(|words| Cell::Styled(format!("  {words}"), Tone::Warning)));
        }
        cells.extend([
            Cell::text("  "),
            Cell::Bytes(bytes),
            Cell::Styled(format!("  {}", modified.ago()), Tone::Faint),
        ]);
        cells
    }
}

fn sequence_path(folder: &Path, sequence: &Sequence) -> Name {
    folder.join(sequence.pattern().as_path()).into()
}

/// Reports matching files in the order of their names until `on_hit` returns false. Returns false if it did.
///
/// With `group_sequences` each frame refers to its sequence. The line of a sequence stands at its first frame but needs the
/// last one, so a folder with matches is then read three times, and any other folder once.
///
/// # Errors
/// The error of `on_hit`; the index is damaged; the search was interrupted.
pub fn visit(
    folder: &FolderFiles<'_>,
    group_sequences: bool,
    matches: &mut dyn FnMut(&ManifestFile<'_>) -> bool,
    on_hit: &mut dyn FnMut(&Hit<'_>) -> Result<bool>,
) -> Result<bool> {
    if !group_sequences {
        return visit_files(folder, &mut |file| {
            let hit = Hit {
                file,
                sequence: None,
                is_first_of_sequence: false,
            };
            Ok(!matches(&file) || on_hit(&hit)?)
        });
    }
    let mut hits = Vec::new();
    visit_files(folder, &mut |file| {
        hits.push(matches(&file));
        Ok(true)
    })?;
    if !hits.contains(&true) {
        return Ok(true);
    }
    let mut sequences = sequences(folder, &hits)?;
    let mut hits = hits.into_iter();
    visit_files(folder, &mut |file| {
        if hits.next() != Some(true) {
            return Ok(true);
        }
        let frame = Frame::of(file.name);
        let sequence = frame.and_then(|frame| sequences.of(&frame));
        let is_first = |(sequence, frame): (&Sequence, _)| sequence.is_first_by_name(&frame);
        on_hit(&Hit {
            file,
            sequence,
            is_first_of_sequence: sequence.zip(frame).is_some_and(is_first),
        })
    })
}

/// Groups the matching files of a folder; `hits` has one value for each of its files.
fn sequences(folder: &FolderFiles<'_>, hits: &[bool]) -> Result<Sequences> {
    let mut builder = SequenceBuilder::default();
    let mut hits = hits.iter();
    visit_files(folder, &mut |file| {
        let matching_file = hits.next().filter(|is_hit| **is_hit).map(|_| &file);
        if let Some(frame) = Frame::of(file.name) {
            builder.add(&frame, matching_file);
        }
        Ok(true)
    })?;
    Ok(builder.finish())
}

/// Reports every file of a folder until `on_file` returns false. Returns false if it did.
fn visit_files(
    folder: &FolderFiles<'_>,
    on_file: &mut dyn FnMut(ManifestFile<'_>) -> Result<bool>,
) -> Result<bool> {
    let mut files = folder.files();
    while let Some(file) = files.next() {
        interrupt::check()?;
        if !on_file(file)? {
            return Ok(false);
        }
    }
    Ok(true)
}
