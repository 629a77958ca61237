//! Law: after any edits of the source and a whole sync with `--delete`, the destination equals the source, and every
//! old version still exists.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::SyncStudio;
use crate::servers::Remotes;
use crate::studio::{CHANGED, Studio};

const SPOT: &str = "WORK/footage/acme/spot";

/// File names, some in folders; few, so that they collide.
const NAMES: [&str; 6] = ["a", "b", "sub/a", "sub/c", "sub/inner/a", "other/d"];

/// An edit between two syncs.
#[derive(Clone, Debug)]
enum SyncStep {
    /// Writes a file with this length and a new time or the previous one.
    Write(usize, usize, bool),
    Rename(usize, usize),
    Delete(usize),
    /// Removes a file at the destination.
    TakeAway(usize),
    Load,
    Sync {
        delete: bool,
        limited: bool,
    },
}

fn step() -> impl Strategy<Value = SyncStep> {
    let name = || 0..NAMES.len();
    prop_oneof![
        5 => (name(), 1..4_usize, any::<bool>()).prop_map(|(name, bytes, new)| SyncStep::Write(name, bytes, new)),
        3 => (name(), name()).prop_map(|(from, to)| SyncStep::Rename(from, to)),
        2 => name().prop_map(SyncStep::Delete),
        1 => name().prop_map(SyncStep::TakeAway),
        1 => Just(SyncStep::Load),
        4 => (any::<bool>(), any::<bool>()).prop_map(|(delete, limited)| SyncStep::Sync { delete, limited }),
    ]
}

/// Returns the files below a folder with their contents.
fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let files = super::files(folder).into_iter();
    files
        .map(|path| (path.clone(), fs::read(folder.join(path)).unwrap()))
        .collect()
}

/// A running history.
struct SyncHistory<'a> {
    site: &'a SyncStudio<'a>,
    /// Number of writes so far.
    written: u64,
    /// True if a file was removed at the destination, which only `load` can find.
    unknown: bool,
}

impl SyncHistory<'_> {
    fn path(&self, name: usize) -> PathBuf {
        self.site.studio.path(SPOT).join(NAMES[name])
    }

    fn take(&mut self, step: &SyncStep) -> Result<(), TestCaseError> {
        let studio = self.site.studio;
        match step {
            SyncStep::Write(name, bytes, new) => {
                self.written += 1;
                let content = format!("{:08}", self.written).repeat(*bytes);
                // A file with the previous time gets another size: equal size and time would hide the edit.
                let seconds = if *new {
                    CHANGED + self.written
                } else {
                    CHANGED
                };
                let content = if *new {
                    content
                } else {
                    content + &"x".repeat(usize::try_from(self.written).unwrap())
                };
                studio.file_at(format!("{SPOT}/{}", NAMES[*name]), content, seconds);
            }
            SyncStep::Rename(from, to) if self.path(*from).exists() && from != to => {
                fs::create_dir_all(self.path(*to).parent().unwrap()).unwrap();
                fs::rename(self.path(*from), self.path(*to)).unwrap();
            }
            SyncStep::Delete(name) if self.path(*name).exists() => {
                fs::remove_file(self.path(*name)).unwrap();
            }
            SyncStep::TakeAway(name) => {
                let path = studio.path("DISK/footage/acme/spot").join(NAMES[*name]);
                self.unknown |= fs::remove_file(path).is_ok();
            }
            SyncStep::Load => {
                let run = self.site.lines(&["load CLOUD"]);
                prop_assert_eq!(run.status, 0, "{}", run);
                self.unknown = false;
            }
            SyncStep::Sync { delete, limited } => self.sync(*delete, *limited)?,
            SyncStep::Rename(..) | SyncStep::Delete(_) => {}
        }
        Ok(())
    }

    fn sync(&mut self, delete: bool, limited: bool) -> Result<(), TestCaseError> {
        let mut options = String::new();
        if delete {
            options += " --delete --force";
        }
        if limited {
            options += " --max-files 1";
        }
        let synced = self.site.sync(&options);
        prop_assert_eq!(synced.run.status, 0, "{}", synced);
        let (work, there) = self.both();
        if delete && !limited && !self.unknown {
            prop_assert_eq!(&there, &work, "{}", synced);
        }
        for (path, content) in work {
            let right = there.get(&path) == Some(&content);
            let left = synced
                .paths_with("unreached")
                .iter()
                .any(|left| Path::new(left).ends_with(&path));
            prop_assert!(
                right || left || self.unknown,
                "{}: {}",
                path.display(),
                synced
            );
        }
        Ok(())
    }

    /// Returns the contents of both sides.
    fn both(&self) -> (BTreeMap<PathBuf, Vec<u8>>, BTreeMap<PathBuf, Vec<u8>>) {
        let [work, there] = ["WORK/footage", "DISK/footage"];
        (
            contents(&self.site.studio.path(work)),
            contents(&self.site.studio.path(there)),
        )
    }
}

/// Number of histories: `AUTO_BACKUP_HISTORIES` sets it for long campaigns.
fn cases() -> u32 {
    std::env::var("AUTO_BACKUP_HISTORIES").map_or(8, |count| count.parse().unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, max_shrink_iters: 60, ..ProptestConfig::default() })]

    #[test]
    fn sync_mirrors_source_after_any_history(
        history in prop::collection::vec(step(), 1..12),
    ) {
        let studio = Studio::new();
        let Some(remotes) = Remotes::new(&studio) else {
            return Ok(());
        };
        studio.folder("DISK").file("WORK/footage/acme/keep/f", "keep");
        let root = remotes.alias("disk", &studio.path("DISK"));
        let site = SyncStudio::new(&remotes, &studio, &root);
        let mut under_way = SyncHistory { site: &site, written: 0, unknown: false };
        for step in &history {
            under_way.take(step)?;
        }
        under_way.take(&SyncStep::Load)?;
        under_way.sync(true, false)?;
        let again = site.sync("--delete");
        prop_assert_eq!(again.run.status, 0, "{}", again);
        prop_assert_eq!((again.count("copied"), again.items.len()), (0, 0), "{}", again);
        prop_assert_eq!(site.failures(), []);
    }
}
