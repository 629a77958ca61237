//! The files of the demo: four projects on three storages, and the folder of a remote.

use std::fs::{self, File, FileTimes};
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::base::error::{IoResultExt as _, Result};
use crate::base::interrupt;
use crate::base::name::Name;

/// Folders below the home folder: the roots of WORK, NAS and SHELF, and the target of the remote `cloud`.
const WORK: &str = "productions";
const NAS: &str = "nas";
const SHELF: &str = "shelf";
const CLOUD: &str = "cloud";

/// Folder with SHELF's root while the storage is away.
const AWAY: &str = "unplugged";

/// Files: the folder of the storage, path, bytes, and days since the last change.
const FILES: &[(&str, &str, u64, u64)] = &[
    (WORK, "footage/acme/spot/sound.wav", 9_600_044, 40),
    (WORK, "footage/acme/teaser/edit.mov", 2_480_000, 2),
    (WORK, "footage/acme/teaser/logo.mov", 640_000, 30),
    (WORK, "footage/Bob's Diner/menu film/a001.mov", 3_145_728, 9),
    (WORK, "footage/Bob's Diner/menu film/a002.mov", 2_726_297, 9),
    (NAS, "footage/acme/spot/sound.wav", 9_600_044, 40),
    (NAS, "footage/acme/teaser/edit.mov", 2_310_000, 5),
    (NAS, "footage/acme/teaser/logo.mov", 640_000, 30),
    (NAS, "footage/nova/titles/titles.mov", 12_582_912, 90),
    (SHELF, "footage/acme/spot/sound.wav", 9_600_044, 40),
    (SHELF, "footage/nova/titles/titles.mov", 12_582_912, 90),
];

/// Image sequences: the folder of the storage, the path before the number, first and last frame, and days since the last
/// change.
const SEQUENCES: &[(&str, &str, u32, u32, u64)] = &[
    (WORK, "footage/acme/spot/sh010", 1001, 1024, 40),
    (WORK, "footage/acme/spot/sh020", 1001, 1016, 40),
    (WORK, "scratch/render/acme/spot/sh010_comp", 1001, 1024, 12),
    (NAS, "footage/acme/spot/sh010", 1001, 1024, 40),
    (SHELF, "footage/acme/spot/sh010", 1001, 1018, 40),
    (SHELF, "footage/acme/spot/sh010", 1021, 1024, 40),
    (SHELF, "footage/acme/spot/sh020", 1001, 1016, 40),
    (SHELF, "footage/nova/titles/sh010", 101, 148, 90),
];

/// Bytes of a frame.
const FRAME_BYTES: u64 = 1_258_291;

/// The start-up file.
const STARTUP: &str = "\
add database WORK ~/productions --medium workstation
add database NAS ~/nas --medium nas
add database SHELF ~/shelf --shelf --medium drive-1
add category footage footage/
add category render scratch/render/
";

/// A studio in a home folder.
#[derive(Debug)]
pub(super) struct DemoStudio {
    home: PathBuf,
}

impl DemoStudio {
    pub(super) const fn new(home: PathBuf) -> Self {
        Self { home }
    }

    pub(super) fn home(&self) -> &Path {
        &self.home
    }

    pub(super) fn startup_file(&self) -> PathBuf {
        self.home.join(".config/auto-backup/.config")
    }

    pub(super) fn rclone_configuration(&self) -> PathBuf {
        self.home.join(".config/rclone/rclone.conf")
    }

    /// Returns the message before the greeting.
    pub(super) fn introduction(&self) -> String {
        format!(
            "A small studio to try everything, in `{}` until you leave.\n\
             docs/tour.md walks through it.",
            Name::from(self.home.as_path())
        )
    }

    /// Creates all files. Media are sparse: they have a size and take no space.
    pub(super) fn create_files(&self) -> Result<()> {
        let now = SystemTime::now();
        for (storage, path, bytes, days) in FILES {
            self.create_media(&format!("{storage}/{path}"), *bytes, now - age(*days))?;
        }
        for (storage, path, first, last, days) in SEQUENCES {
            for number in *first..=*last {
                let path = format!("{storage}/{path}.{number:04}.exr");
                self.create_media(&path, FRAME_BYTES, now - age(*days))?;
            }
        }
        let bucket = self.home.join(CLOUD).join(WORK);
        fs::create_dir_all(&bucket).at("create", &bucket)?;
        write(&self.startup_file(), STARTUP.as_bytes())?;
        let target = self.home.join(CLOUD);
        let remote = [
            b"[cloud]\ntype = alias\nremote = ",
            target.as_os_str().as_bytes(),
            b"\n",
        ];
        write(&self.rclone_configuration(), &remote.concat())
    }

    /// Fails with `Error::Interrupted` after Ctrl-C, so that the folder is removed.
    fn create_media(&self, path: &str, bytes: u64, modified: SystemTime) -> Result<()> {
        interrupt::check()?;
        let path = self.home.join(path);
        let file = create(&path)?;
        file.set_len(bytes).at("write", &path)?;
        let times = FileTimes::new().set_modified(modified);
        file.set_times(times).at("write", &path)
    }

    /// Moves the root of SHELF away, as if the drive were unplugged.
    pub(super) fn take_shelf_away(&self) -> Result<()> {
        let root = self.home.join(SHELF);
        fs::rename(&root, self.home.join(AWAY)).at("rename", &root)
    }
}

/// Returns this number of days and half a day more, so that ages do not change during a session.
fn age(days: u64) -> Duration {
    Duration::from_secs((24 * days + 12) * 3600)
}

fn create(path: &Path) -> Result<File> {
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder).at("create", folder)?;
    File::create_new(path).at("create", path)
}

fn write(path: &Path, text: &[u8]) -> Result<()> {
    let written = create(path)?.write_all(text);
    written.at("write", path)
}
