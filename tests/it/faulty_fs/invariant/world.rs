//! A source and a destination, of which one or both lie, and edits of users between two runs.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use proptest::prelude::*;
use unicode_normalization::UnicodeNormalization as _;

use super::catalog::NamedFaults;
use crate::faulty_fs::{Faults, FaultyMount, FuseOperation, NameFault, RenameFlagFault};
use crate::studio::{CHANGED, Studio};

pub(super) const FROM: &str = "WORK/footage/acme/spot";
pub(super) const TO: &str = "NAS/footage/acme/spot";

/// Files by their paths below a database.
pub(super) type ContentsByPath = BTreeMap<PathBuf, Vec<u8>>;

/// The lying side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FaultySide {
    Source,
    Destination,
    Both,
}

/// An edit of a replica. The number of a name is an index into [`NAMES`].
#[derive(Clone, Debug)]
pub(super) enum WorldEdit {
    /// Writes new content: its length and its time.
    Write(usize, usize, EdgeTime),
    Delete(usize),
    Rename(usize, usize),
}

/// A time that few file systems store exactly.
#[derive(Clone, Copy, Debug)]
pub(super) enum EdgeTime {
    Usual(u64),
    Fraction(u32),
    Before1980,
    After2038,
}

/// Few names, so that later edits meet earlier ones.
const NAMES: [&str; 6] = [
    "a",
    "Reel.mov",
    "d/a",
    "d/e/\u{fc}",
    "\u{c9}t\u{e9}/b",
    "x y",
];

pub(super) fn change() -> impl Strategy<Value = WorldEdit> {
    let name = || 0..NAMES.len();
    let length = prop_oneof![6 => 1..5_usize, 1 => Just(20_000)];
    let time = prop_oneof![
        4 => (0..9_u64).prop_map(EdgeTime::Usual),
        2 => (1..1_000_000_000_u32).prop_map(EdgeTime::Fraction),
        1 => Just(EdgeTime::Before1980),
        1 => Just(EdgeTime::After2038),
    ];
    prop_oneof![
        6 => (name(), length, time).prop_map(|(name, length, time)| WorldEdit::Write(name, length, time)),
        1 => name().prop_map(WorldEdit::Delete),
        1 => (name(), name()).prop_map(|(from, to)| WorldEdit::Rename(from, to)),
    ]
}

/// Two databases, WORK and NAS.
pub(super) struct World {
    source: Option<FaultyMount>,
    destination: Option<FaultyMount>,
    pub(super) studio: Studio,
    pub(super) lies: Faults,
    written: u64,
}

impl World {
    /// Mounts the lying sides; `None` if mounting is not permitted.
    pub(super) fn new(side: FaultySide, lies: &[NamedFaults]) -> Option<Self> {
        let lies = Faults::only(|all| lies.iter().for_each(|lie| (lie.tell)(all)));
        let studio = Studio::new();
        let mount = |path: &str, lying: bool| {
            if lying {
                FaultyMount::new(&studio, path, lies.between_runs()).map(Some)
            } else {
                Some(None)
            }
        };
        let source = mount("WORK", side != FaultySide::Destination)?;
        let destination = mount("NAS", side != FaultySide::Source)?;
        studio.folder(FROM).folder("NAS/footage");
        Some(Self {
            source,
            destination,
            studio,
            lies,
            written: 0,
        })
    }

    /// Edits a side as far as possible; faults are inactive meanwhile.
    pub(super) fn change(&mut self, top: &str, change: &WorldEdit) {
        let at = |name: usize| self.studio.path(top).join(NAMES[name]);
        let with_folder = |path: PathBuf| {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            path
        };
        match *change {
            WorldEdit::Write(name, length, time) => {
                self.written += 1;
                let path = with_folder(at(name));
                fs::write(&path, format!("{:05}", self.written).repeat(length)).unwrap();
                let file = fs::File::options().write(true).open(&path).unwrap();
                // The same time twice for one name would be an invisible change.
                let time = time.point() + Duration::from_secs(20 * self.written);
                file.set_times(fs::FileTimes::new().set_modified(time))
                    .unwrap();
                file.sync_all().unwrap();
            }
            WorldEdit::Delete(name) => drop(fs::remove_file(at(name))),
            WorldEdit::Rename(from, to) => drop(fs::rename(at(from), with_folder(at(to)))),
        }
    }

    /// Activates or deactivates the faults.
    pub(super) fn set_faults_active(&self, active: bool) {
        for mount in [&self.source, &self.destination].into_iter().flatten() {
            mount.set_faults(if active {
                self.lies.clone()
            } else {
                self.lies.between_runs()
            });
        }
    }

    /// Returns the real content of the source.
    pub(super) fn source_files(&self) -> ContentsByPath {
        self.held(self.source.as_ref(), "WORK")
    }

    /// Returns the real content of the destination.
    pub(super) fn destination_files(&self) -> ContentsByPath {
        self.held(self.destination.as_ref(), "NAS")
    }

    /// Returns the number of files that another machine wrote at the destination.
    pub(super) fn foreign_writes(&self) -> usize {
        self.destination
            .as_ref()
            .map_or(0, FaultyMount::foreign_writes)
    }

    /// True if the destination can rename without replacing: by the flag, an exchange or a link. Otherwise a file that
    /// another machine writes at the very moment of a rename is replaced.
    pub(super) fn has_noreplace(&self) -> bool {
        let lies = &self.lies;
        let flags = [lies.exchange, lies.no_replace];
        flags
            .iter()
            .any(|flag| matches!(flag, RenameFlagFault::Honoured))
            || !lies.failures.contains_key(&FuseOperation::HardLink)
    }

    fn held(&self, mount: Option<&FaultyMount>, top: &str) -> ContentsByPath {
        let mut files = mount.map_or_else(|| read(&self.studio.path(top)), FaultyMount::contents);
        // Of our own folder only old versions count.
        files.retain(|path, _| {
            !path.starts_with(".auto-backup") || path.starts_with(".auto-backup/versions")
        });
        files
    }

    /// True if the faulty side takes different names for one, so that one of two files is refused.
    pub(super) fn confuses_names(&self) -> bool {
        !matches!(self.lies.names, NameFault::Exact)
    }

    /// Returns the content under a name, in the spelling of the destination.
    pub(super) fn at<'a>(&self, files: &'a ContentsByPath, path: &Path) -> Option<&'a Vec<u8>> {
        let key = |path: &Path| match self.lies.names {
            NameFault::Exact => path.to_owned(),
            _ => PathBuf::from(
                path.to_str()
                    .unwrap()
                    .to_lowercase()
                    .nfc()
                    .collect::<String>(),
            ),
        };
        let wanted = key(path);
        let mut found = files.iter().filter(|(path, _)| key(path) == wanted);
        let exact = files.get(path);
        exact.or_else(|| found.next().map(|(_, content)| content))
    }
}

impl Faults {
    /// Returns the faults that are active during edits: no operation fails or stays incomplete.
    fn between_runs(&self) -> Self {
        Self {
            exchange: RenameFlagFault::Honoured,
            no_replace: RenameFlagFault::Honoured,
            rival: None,
            size_lag: 0,
            failures: BTreeMap::new(),
            ..self.clone()
        }
    }
}

impl EdgeTime {
    fn point(self) -> SystemTime {
        let after =
            |seconds, nanoseconds| SystemTime::UNIX_EPOCH + Duration::new(seconds, nanoseconds);
        match self {
            Self::Usual(second) => after(CHANGED + second, 0),
            Self::Fraction(nanosecond) => after(CHANGED, nanosecond),
            Self::Before1980 => after(86_400, 0),
            Self::After2038 => after(2_500_000_000, 0),
        }
    }
}

fn read(top: &Path) -> ContentsByPath {
    let (mut files, mut pending) = (ContentsByPath::new(), vec![top.to_owned()]);
    while let Some(folder) = pending.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                pending.push(path);
            } else {
                let content = fs::read(&path).unwrap();
                files.insert(path.strip_prefix(top).unwrap().to_owned(), content);
            }
        }
    }
    files
}
