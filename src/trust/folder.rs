//! One folder of the replica or card that a question is about, joined with the same folder elsewhere.

use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use crate::base::name::Name;
use crate::base::timestamp::{TimePrecision, Timestamp};
use crate::base::unicode::to_nfc;
use crate::index::{KnownContent, ProvenFolder};
use crate::snapshot::manifest::ManifestRef;
use crate::trust::copies::Copies;
use crate::trust::proof::{self, Match};

/// One folder of the replica.
pub(super) struct TargetFolder<'a> {
    pub(super) path: &'a Path,
    pub(super) manifest: ManifestRef<'a>,
    names: Vec<u8>,
    pub(super) files: Vec<TargetFile>,
}

/// One file of the replica.
pub(super) struct TargetFile {
    /// The end of its name in the names of the folder.
    name_end: usize,
    pub(super) bytes: u64,
    pub(super) modified: Timestamp,
    pub(super) link: Option<Vec<u8>>,
    pub(super) content: Option<KnownContent>,
    pub(super) copies: Copies,
}

impl<'a> TargetFolder<'a> {
    pub(super) fn read(folder: &ProvenFolder<'a>) -> Self {
        let mut own = Self {
            path: folder.path,
            manifest: folder.manifest(),
            names: Vec::new(),
            files: Vec::new(),
        };
        folder.visit(&mut |file, content| {
            own.names.extend_from_slice(file.name);
            own.files.push(TargetFile {
                name_end: own.names.len(),
                bytes: file.bytes,
                modified: file.modified,
                link: file.target.map(<[u8]>::to_vec),
                content: content.copied(),
                copies: Copies::default(),
            });
        });
        own
    }

    /// Returns the name of a file.
    pub(super) fn name(&self, place: usize) -> &[u8] {
        let start = place
            .checked_sub(1)
            .map_or(0, |before| self.files[before].name_end);
        &self.names[start..self.files[place].name_end]
    }

    /// Returns the path of a file below the replica's folder.
    pub(super) fn path_of(&self, place: usize) -> Name {
        let mut path = self.path.as_os_str().as_bytes().to_vec();
        if !path.is_empty() {
            path.push(b'/');
        }
        path.extend_from_slice(self.name(place));
        Name::from_bytes(path)
    }
}

/// A file of another storage, as it is compared.
pub(super) struct OtherFile {
    pub(super) bytes: u64,
    pub(super) modified: Timestamp,
    pub(super) link: Option<Vec<u8>>,
    pub(super) content: Option<KnownContent>,
}

/// Passes the files of another folder to `visit` that have the name of an own file, with its number. A name in another
/// Unicode normal form is the same if the own one has no equal.
pub(super) fn visit_pairs(
    own: &TargetFolder<'_>,
    folder: &ProvenFolder<'_>,
    visit: &mut dyn FnMut(usize, &OtherFile),
) {
    let mut place = 0;
    let mut respelled: BTreeMap<Vec<u8>, OtherFile> = BTreeMap::new();
    let mut is_met = vec![false; own.files.len()];
    folder.visit(&mut |file, content| {
        let other = OtherFile {
            bytes: file.bytes,
            modified: file.modified,
            link: file.target.map(<[u8]>::to_vec),
            content: content.copied(),
        };
        while place < own.files.len() && own.name(place) < file.name {
            place += 1;
        }
        if place < own.files.len() && own.name(place) == file.name {
            is_met[place] = true;
            visit(place, &other);
        } else if !file.name.is_ascii() {
            respelled.insert(to_nfc(file.name).into_owned(), other);
        }
    });
    if respelled.is_empty() {
        return;
    }
    for number in (0..own.files.len()).filter(|number| !is_met[*number]) {
        let name = own.name(number);
        if !name.is_ascii()
            && let Some(other) = respelled.get(&*to_nfc(name))
        {
            visit(number, other);
        }
    }
}

/// Judges the copy of a file on another storage. Evidence before `oldest` does not count.
pub(super) fn judge_file(
    own: &TargetFile,
    other: &OtherFile,
    precision: TimePrecision,
    oldest: Option<Timestamp>,
) -> Match {
    match (&own.link, &other.link) {
        (Some(own), Some(other)) if own == other => Match::Proven,
        (None, None) => {
            let same_time = own.modified.equals_at(other.modified, precision);
            let agrees = own.bytes == other.bytes && same_time;
            let contents = [own.content.as_ref(), other.content.as_ref()];
            match proof::judge(contents, agrees, oldest) {
                Match::Differs if !same_time && other.modified > own.modified => Match::Newer,
                judged => judged,
            }
        }
        _ => Match::Differs,
    }
}
