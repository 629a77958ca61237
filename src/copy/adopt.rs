//! Adoption: a sync records files that the destination already holds as sent, so that it can tell later when they change.

use std::collections::BTreeMap;
use std::path::Path;

use super::destination::SourceReplica;
use crate::base::error::Result;
use crate::base::name::Name;
use crate::index::{SentChanges, SentFile, SentFolder};
use crate::os::stat::EntryKind;
use crate::rclone::UnicodeLookup;
use crate::snapshot::diff;
use crate::snapshot::diff::{DiffVisitor, EntryDiff};
use crate::snapshot::manifest::{ManifestFile, ManifestRef};
use crate::snapshot::tree::Tree;
use crate::storage::{EntryProbe, Storage};

/// Returns the files and empty folders of a replica that are the same on both sides. `destination` spells them as the source.
pub(super) fn adopt_same_files(
    source: &Storage,
    storage: &Storage,
    replica: &SourceReplica,
    destination: &Tree,
) -> Result<SentChanges> {
    let listing = storage.listing_of_replica(&replica.category, &replica.project)?;
    let listed = listing.as_ref();
    let forms = listed.map(|(listed, path)| UnicodeLookup::below(listed, path));
    let relative = replica.relative();
    let mut collector = SameFileCollector {
        ids: FileIds::new(source, replica),
        relative: &relative,
        folder: Path::new(""),
        tag_of: &|path| {
            let file = forms.as_ref().and_then(|forms| forms.file(path));
            file.map_or(0, |file| file.tag)
        },
        files: SentFolder::new(),
    };
    let mut changes = SentChanges::default();
    for (path, folder) in &replica.tree.folders {
        if !destination.folders.contains_key(path) {
            continue;
        }
        collector.folder = path;
        diff::diff_folder(&replica.tree, destination, path, &mut collector);
        let files = std::mem::take(&mut collector.files);
        if !files.is_empty() || (folder.manifest().is_empty() && folder.subfolders.is_empty()) {
            changes.add_folder(path, files);
        }
    }
    Ok(changes)
}

/// The ids of a replica's files at the source: from the record of sent files while a file is as it was sent.
pub(super) struct FileIds<'a> {
    source: EntryProbe<'a>,
    known: BTreeMap<&'a Path, SentFolder>,
}

impl<'a> FileIds<'a> {
    pub(super) fn new(source: &'a Storage, replica: &'a SourceReplica) -> Self {
        let rows = replica.changes.sent_rows.iter();
        Self {
            source: EntryProbe::new(source),
            known: rows
                .map(|row| (row.folder.as_path(), row.files()))
                .collect(),
        }
    }

    /// Returns the id of a file in a folder of the replica; 0 if it is unknown.
    pub(super) fn of(&mut self, replica: &Path, folder: &Path, file: &ManifestFile<'_>) -> u64 {
        let name = Name::from_bytes(file.name.to_vec());
        let sent = self.known.get(folder).and_then(|files| files.get(&name));
        if let Some(sent) = sent.filter(|sent| sent.matches(file)) {
            return sent.file_id;
        }
        let path = replica.join(folder).join(name.as_path());
        self.source.stat(&path).file_id()
    }
}

/// Collects the files of a folder that are the same on both sides.
struct SameFileCollector<'a> {
    ids: FileIds<'a>,
    relative: &'a Path,
    folder: &'a Path,
    tag_of: &'a dyn Fn(&Path) -> u64,
    files: SentFolder,
}

impl SameFileCollector<'_> {
    fn add(&mut self, file: &ManifestFile<'_>) {
        let name = Name::from_bytes(file.name.to_vec());
        let path = self.relative.join(self.folder).join(name.as_path());
        let sent = SentFile {
            file_id: self.ids.of(self.relative, self.folder, file),
            tag: (self.tag_of)(&path),
            ..SentFile::of(file)
        };
        self.files.insert(name, sent);
    }
}

impl DiffVisitor for SameFileCollector<'_> {
    fn visit_unchanged(&mut self, manifest: ManifestRef<'_>) {
        let mut files = manifest.files();
        while let Some(file) = files.next() {
            self.add(&file);
        }
    }

    fn visit_name(&mut self, name: &[u8], change: EntryDiff) {
        if let EntryDiff::Same(file, _) = change
            && file.kind == EntryKind::File
        {
            self.add(&ManifestFile::regular(name, file.bytes, file.modified));
        }
    }
}
