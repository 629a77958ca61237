//! Blocks: folders of one replica whose names share their posting lists, so that small folders cost little.

use std::collections::BTreeMap;
use std::path::Path;

use super::posting_list::Postings;
use super::trigram::{Space, Trigram, TrigramSet, visit_trigrams};
use crate::base::unicode::search_key_of_bytes;
use crate::index::checksum::corruption_error;
use crate::model::project::ProjectId;
use crate::snapshot::digest::Digest;
use crate::snapshot::manifest::ManifestRef;
use crate::snapshot::varint::{read_varint, write_varint};

/// Number of files from which a block is complete. A larger one makes the index smaller and lets a search read more names.
const FILES_PER_BLOCK: u64 = 64;

/// The folders of a block are of one group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct BlockGroup {
    /// The replica.
    pub(super) replica: i64,
    /// True if the numbers of the folders count from the first new row of a scan.
    pub(super) is_new: bool,
}

/// A complete block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NameBlock {
    /// Its number in the segment.
    pub(super) place: u64,
    pub(super) group: BlockGroup,
    /// The numbers of its folders, packed.
    pub(super) folders: Vec<u8>,
}

#[derive(Debug, Default)]
struct PendingBlock {
    folders: Vec<i64>,
    files: u64,
    trigrams: Vec<Trigram>,
}

/// Groups folders into blocks and collects their posting lists.
#[derive(Debug, Default)]
pub(super) struct BlockBuilder {
    set: TrigramSet,
    pending: BTreeMap<BlockGroup, PendingBlock>,
    /// Number of complete blocks.
    blocks: u64,
    complete: Vec<NameBlock>,
    postings: Postings,
}

/// Blocks with their posting lists.
#[derive(Debug)]
pub(super) struct BuiltSegment {
    /// Number of blocks.
    pub(super) blocks: u64,
    /// The posting lists, sorted by trigram.
    pub(super) lists: Vec<(Trigram, Vec<u8>)>,
}

impl BlockBuilder {
    /// Adds a folder under a number.
    pub(super) fn add_folder(
        &mut self,
        group: BlockGroup,
        number: i64,
        project: &ProjectId,
        path: &Path,
        manifest: ManifestRef<'_>,
    ) {
        let set = &mut self.set;
        let mut files = manifest.files();
        let mut count = 0;
        while let Some((shared, name)) = files.next_name() {
            count += 1;
            let add = |trigram| set.add(trigram);
            if name.is_ascii() {
                // The name before has the trigrams of the shared letters.
                visit_trigrams(name, shared.saturating_sub(2), Space::Name, add);
            } else {
                visit_trigrams(&search_key_of_bytes(name), 0, Space::Name, add);
            }
        }
        if count == 0 {
            return;
        }
        let text = folder_text(project, path);
        visit_trigrams(&search_key_of_bytes(&text), 0, Space::Folder, |trigram| {
            set.add(trigram);
        });
        let pending = self.pending.entry(group).or_default();
        pending.folders.push(number);
        pending.files += count;
        set.drain(|trigram| pending.trigrams.push(trigram));
        if pending.files >= FILES_PER_BLOCK {
            self.complete_block(group);
        }
    }

    /// Completes the block of a group, if one was begun.
    fn complete_block(&mut self, group: BlockGroup) {
        let Some(mut pending) = self.pending.remove(&group) else {
            return;
        };
        let place = self.blocks;
        self.blocks += 1;
        for trigram in pending.trigrams {
            self.set.add(trigram);
        }
        let postings = &mut self.postings;
        self.set.drain(|trigram| postings.add(trigram, place));
        pending.folders.sort_unstable();
        self.complete.push(NameBlock {
            place,
            group,
            folders: pack_folders(&pending.folders),
        });
    }

    /// Completes the blocks of a replica.
    pub(super) fn end_replica(&mut self, replica: i64) {
        for is_new in [false, true] {
            self.complete_block(BlockGroup { replica, is_new });
        }
    }

    /// Returns the blocks that were completed since the last call.
    pub(super) fn take_blocks(&mut self) -> Vec<NameBlock> {
        std::mem::take(&mut self.complete)
    }

    /// True if neither a block nor a folder was added.
    pub(super) fn is_empty(&self) -> bool {
        self.blocks == 0 && self.pending.is_empty()
    }

    /// Size of the posting lists in bytes.
    pub(super) const fn bytes(&self) -> usize {
        self.postings.bytes()
    }

    /// Completes every block.
    pub(super) fn complete_all(&mut self) {
        let groups: Vec<BlockGroup> = self.pending.keys().copied().collect();
        for group in groups {
            self.complete_block(group);
        }
    }

    /// Returns the posting lists of the complete blocks.
    pub(super) fn finish(self) -> BuiltSegment {
        BuiltSegment {
            blocks: self.blocks,
            lists: self.postings.into_lists(),
        }
    }
}

/// Returns the text that path patterns are compared with, up to the name: `CLIENT/PROJECT/.../`.
pub(super) fn folder_text(project: &ProjectId, path: &Path) -> Vec<u8> {
    let path = project.path().join(path).join("");
    path.into_os_string().into_encoded_bytes()
}

/// Packs ascending numbers of folders.
fn pack_folders(folders: &[i64]) -> Vec<u8> {
    let (mut packed, mut last) = (Vec::with_capacity(folders.len() + 4), 0);
    for folder in folders {
        write_varint(&mut packed, (folder - last).cast_unsigned());
        last = *folder;
    }
    packed
}

/// Returns the packed numbers of folders, each increased by `base`.
pub(super) fn unpack_folders(mut packed: &[u8], base: i64) -> rusqlite::Result<Vec<i64>> {
    let (mut folders, mut last) = (Vec::new(), base);
    while !packed.is_empty() {
        let step = read_varint(&mut packed).and_then(|step| i64::try_from(step).ok());
        let next = step.and_then(|step| last.checked_add(step));
        last = next.ok_or_else(|| corruption_error("a block of the name index cannot be read"))?;
        folders.push(last);
    }
    Ok(folders)
}

/// Returns a checksum of bytes that leaves room for a sum of several in a column.
pub(super) fn part_checksum(bytes: &[u8]) -> i64 {
    let low = Digest::of_bytes(bytes).0 & ((1 << 60) - 1);
    i64::try_from(low).unwrap_or_default()
}

/// Returns the part of a block's checksum that its replica and the base of its folders give.
pub(super) fn place_checksum(replica: i64, base: i64) -> i64 {
    part_checksum(&[replica.to_le_bytes(), base.to_le_bytes()].concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::timestamp::Timestamp;
    use crate::snapshot::manifest::{Manifest, ManifestFile};

    fn manifest(names: &[&str]) -> Manifest {
        let file =
            |name: &&'static str| ManifestFile::regular(name.as_bytes(), 1, Timestamp::default());
        let names: Vec<&'static str> = names.iter().map(|name| &*name.to_string().leak()).collect();
        Manifest::of_files(names.iter().map(file)).0
    }

    fn add(builder: &mut BlockBuilder, number: i64, names: &[&str]) {
        let group = BlockGroup {
            replica: 1,
            is_new: false,
        };
        let project = ProjectId {
            client: "acme".into(),
            project: "spot".into(),
        };
        builder.add_folder(
            group,
            number,
            &project,
            Path::new("plates"),
            manifest(names).as_ref(),
        );
    }

    /// The trigrams of a builder.
    fn trigrams(builder: BlockBuilder) -> Vec<Trigram> {
        builder
            .finish()
            .lists
            .into_iter()
            .map(|(trigram, _)| trigram)
            .collect()
    }

    #[test]
    fn shared_letters_lose_no_trigram() {
        let names = [
            "comp.1001.exr",
            "comp.1002.exr",
            "comp.1010.exr",
            "comq",
            "co\u{301}mq",
        ];
        let mut builder = BlockBuilder::default();
        add(&mut builder, 1, &names);
        builder.complete_all();
        let found = trigrams(builder);
        for name in names {
            let key = search_key_of_bytes(name.as_bytes());
            visit_trigrams(&key, 0, Space::Name, |trigram| {
                assert!(found.contains(&trigram), "{name}");
            });
        }
    }

    #[test]
    fn small_folders_share_a_block() {
        let mut builder = BlockBuilder::default();
        for number in [5, 3, 9] {
            add(&mut builder, number, &["reel.mov"]);
        }
        assert!(builder.take_blocks().is_empty() && !builder.is_empty());
        builder.end_replica(1);
        let blocks = builder.take_blocks();
        assert_eq!(blocks.len(), 1);
        assert_eq!(unpack_folders(&blocks[0].folders, 0).unwrap(), [3, 5, 9]);
        assert_eq!(
            unpack_folders(&blocks[0].folders, 100).unwrap(),
            [103, 105, 109]
        );
    }

    #[test]
    fn full_block_is_completed() {
        let mut builder = BlockBuilder::default();
        let names: Vec<String> = (1000..1064).map(|number| format!("f{number}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        add(&mut builder, 1, &names);
        add(&mut builder, 2, &names);
        assert_eq!(builder.take_blocks().len(), 2);
    }

    #[test]
    fn empty_folder_is_in_no_block() {
        let mut builder = BlockBuilder::default();
        add(&mut builder, 1, &[]);
        assert!(builder.is_empty());
    }
}
