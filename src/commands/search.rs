//! Goes through the files of a folder of the index, and tells the frames of a sequence from single files.

use crate::base::error::Result;
use crate::base::interrupt;
use crate::base::name::Name;
use crate::base::unit;
use crate::index::{FolderFiles, Index};
use crate::output::cell::{Cell, Tone};
use crate::snapshot::manifest::ManifestFile;
use crate::snapshot::sequence::{Frame, Sequence, SequenceBuilder, Sequences};

/// A file that is wanted.
#[derive(Clone, Copy, Debug)]
pub struct Hit<'a> {
    /// The file.
    pub file: ManifestFile<'a>,
    /// The sequence it is a frame of, with other files that are wanted.
    pub sequence: Option<&'a Sequence>,
    /// Whether it is the first of its sequence.
    is_first_of_sequence: bool,
}

impl Hit<'_> {
    /// Whether it stands for itself, or is the one to stand for its sequence.
    pub const fn has_own_line(&self) -> bool {
        self.sequence.is_none() || self.is_first_of_sequence
    }

    /// The sequence, where it is the one to stand for it.
    pub fn sequence_if_first(&self) -> Option<&Sequence> {
        self.sequence.filter(|_| self.is_first_of_sequence)
    }

    /// How many files its line is about.
    pub fn file_count(&self) -> u64 {
        self.sequence.map_or(1, |sequence| sequence.files)
    }

    /// The name of what its line is about.
    pub fn line_name(&self) -> Name {
        let own = || Name::from_bytes(self.file.name.to_vec());
        self.sequence.map_or_else(own, Sequence::pattern)
    }

    /// What its line says after the name: `  240 files  missing 1107  2.40 GB  3 h ago`.
    pub fn detail_cells(&self) -> Vec<Cell> {
        let mut cells = Vec::new();
        let (mut bytes, mut changed) = (self.file.bytes, self.file.modified);
        if let Some(sequence) = self.sequence {
            (bytes, changed) = (sequence.bytes, sequence.newest);
            let files = unit::format_counted(sequence.files, "file");
            cells.push(Cell::text(format!("  {files}")));
            let missing = sequence.describe_missing();
            cells.extend(missing.map(|words| Cell::Styled(format!("  {words}"), Tone::Warning)));
        }
        cells.extend([
            Cell::text("  "),
            Cell::Bytes(bytes),
            Cell::Styled(format!("  {}", changed.ago()), Tone::Faint),
        ]);
        cells
    }
}

/// Whether a name is wanted.
pub type NameFilter<'a> = &'a mut dyn FnMut(&[u8]) -> bool;

/// Takes a file that is wanted; says whether to go on.
pub type HitVisitor<'a> = &'a mut dyn FnMut(&Hit<'_>) -> Result<bool>;

/// Hands the files of a folder that are wanted to `take`, in the order of their names, none as part of a sequence. Gives
/// whether it got to the end.
///
/// # Errors
/// What `take` says; the index is damaged, or the search was interrupted.
pub fn visit(
    index: &Index,
    folder: &FolderFiles<'_>,
    matches: NameFilter<'_>,
    on_hit: HitVisitor<'_>,
) -> Result<bool> {
    visit_files(index, folder, &mut |file| {
        let hit = Hit {
            file,
            sequence: None,
            is_first_of_sequence: false,
        };
        Ok(!matches(file.name) || on_hit(&hit)?)
    })
}

/// As [`visit`], but frames know their sequence.
///
/// A folder in which nothing is wanted is gone through once, any other three times: a sequence is told of where its first
/// frame stands, and what there is to tell is known only after its last.
///
/// # Errors
/// As for [`visit`].
pub fn visit_sequences(
    index: &Index,
    folder: &FolderFiles<'_>,
    matches: NameFilter<'_>,
    on_hit: HitVisitor<'_>,
) -> Result<bool> {
    let mut hits = Vec::new();
    visit_files(index, folder, &mut |file| {
        hits.push(matches(file.name));
        Ok(true)
    })?;
    if !hits.contains(&true) {
        return Ok(true);
    }
    let mut sequences = sequences(index, folder, &hits)?;
    let mut hits = hits.into_iter();
    visit_files(index, folder, &mut |file| {
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

/// The sequences that the wanted files of a folder make.
fn sequences(index: &Index, folder: &FolderFiles<'_>, hits: &[bool]) -> Result<Sequences> {
    let mut grouping = SequenceBuilder::default();
    let mut hits = hits.iter();
    visit_files(index, folder, &mut |file| {
        let file_if_wanted = hits.next().filter(|is_wanted| **is_wanted).map(|_| &file);
        if let Some(frame) = Frame::of(file.name) {
            grouping.add(&frame, file_if_wanted);
        }
        Ok(true)
    })?;
    Ok(grouping.finish())
}

/// Hands every file of a folder to `visit`, while it says to go on; gives whether it did to the end.
fn visit_files(
    index: &Index,
    folder: &FolderFiles<'_>,
    visit: &mut dyn FnMut(ManifestFile<'_>) -> Result<bool>,
) -> Result<bool> {
    let mut files = folder.files();
    while let Some(file) = files
        .next()
        .map_err(|malformed| index.damaged_error(malformed))?
    {
        interrupt::check()?;
        if !visit(file)? {
            return Ok(false);
        }
    }
    Ok(true)
}
