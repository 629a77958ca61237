//! The studio of the tour: three storages with the same four projects, and constant names of their folders.

use std::fs::{self, File, FileTimes};
use std::time::{Duration, SystemTime};

use regex::Regex;
use rusqlite::Connection;

use super::text::TourLine;
use crate::studio::{ProgramRun, Studio, reseal_index_file};

/// Folders below the studio's, and their names in the tour. The lengths are equal, because tables depend on the widths
/// of their cells.
const FOLDERS: [(&str, &str); 3] = [
    ("/n", "/mnt/nas/productions"),
    ("/sh", "/media/kim/shelf-2025"),
    ("", "/home/kim-andersen"),
];

/// Files of the three storages: path, bytes, and days since the last change.
const FILES: &[(&str, u64, u64)] = &[
    ("productions/footage/acme/spot/sound.wav", 9_600_044, 40),
    ("productions/footage/acme/teaser/edit.mov", 2_480_000, 2),
    ("productions/footage/acme/teaser/logo.mov", 640_000, 30),
    (
        "productions/footage/Bob's Diner/menu film/a001.mov",
        3_145_728,
        9,
    ),
    (
        "productions/footage/Bob's Diner/menu film/a002.mov",
        2_726_297,
        9,
    ),
    ("n/footage/acme/spot/sound.wav", 9_600_044, 40),
    ("n/footage/acme/teaser/edit.mov", 2_310_000, 5),
    ("n/footage/acme/teaser/logo.mov", 640_000, 30),
    ("n/footage/nova/titles/titles.mov", 12_582_912, 90),
    ("sh/footage/acme/spot/sound.wav", 9_600_044, 40),
    ("sh/footage/nova/titles/titles.mov", 12_582_912, 90),
    // The folder of a remote, which exists and is empty.
    ("cloud/productions/.keep", 0, 90),
];

/// Image sequences: the path before the number, first and last frame, and days since the last change.
const SEQUENCES: &[(&str, u64, u64, u64)] = &[
    ("productions/footage/acme/spot/sh010", 1001, 1024, 40),
    ("productions/footage/acme/spot/sh020", 1001, 1016, 40),
    (
        "productions/scratch/render/acme/spot/sh010_comp",
        1001,
        1024,
        12,
    ),
    ("n/footage/acme/spot/sh010", 1001, 1024, 40),
    ("sh/footage/acme/spot/sh010", 1001, 1018, 40),
    ("sh/footage/acme/spot/sh010", 1021, 1024, 40),
    ("sh/footage/acme/spot/sh020", 1001, 1016, 40),
    ("sh/footage/nova/titles/sh010", 101, 148, 90),
];

/// Bytes of a frame.
const FRAME: u64 = 1_258_291;

/// The start-up file after the first chapter.
const STARTUP: &str = "add database WORK ~/productions\n\
                       add database NAS ~/n\n\
                       add database SHELF ~/sh\n\
                       add category footage footage/\n\
                       add category render scratch/render/\n";

/// The studio of the tour. Its own folder is the home folder.
#[derive(Debug)]
pub(super) struct TourStudio {
    pub(super) studio: Studio,
    /// The present for all files.
    now: SystemTime,
}

impl TourStudio {
    pub(super) fn new() -> Self {
        let place = Self {
            studio: Studio::bare(),
            now: SystemTime::now(),
        };
        for (path, bytes, days) in FILES {
            place.file(path, *bytes, *days);
        }
        for (path, first, last, days) in SEQUENCES {
            for number in *first..=*last {
                place.file(&format!("{path}.{number:04}.exr"), FRAME, *days);
            }
        }
        place
    }

    /// Creates a sparse file of this size.
    fn file(&self, path: &str, bytes: u64, days: u64) {
        self.studio.file(path, "");
        let file = File::options()
            .write(true)
            .open(self.studio.path(path))
            .unwrap();
        file.set_len(bytes).unwrap();
        // Half a day more, so that the number of days stays the same during the tour.
        let age = Duration::from_secs((24 * days + 12) * 3600);
        let time = self.now - age;
        file.set_times(FileTimes::new().set_modified(time)).unwrap();
    }

    /// Events between the first chapter and the second: the other storages were added and scanned, and the drive was
    /// unplugged.
    pub(super) fn add_other_storages(&self) {
        self.studio
            .file(".config/auto-backup/.config", STARTUP)
            .remove(".local/share/auto-backup/index.sqlite");
        self.run_hidden("load").ok();
        fs::rename(self.studio.path("sh"), self.studio.path("taken away")).unwrap();
        self.run_hidden("load").status(3);
        self.age_scans();
    }

    /// Runs a line that the tour does not show.
    pub(super) fn run_hidden(&self, line: &str) -> ProgramRun {
        let mut command = self.studio.command();
        command.env("HOME", self.studio.path("")).args(["-c", line]);
        self.studio.finish(&mut command)
    }

    /// Backdates the scans: 40 days for the drive, two hours for the others.
    fn age_scans(&self) {
        let path = self.studio.path(".local/share/auto-backup/index.sqlite");
        let index = Connection::open(&path).unwrap();
        for table in ["looks", "replicas"] {
            let sql = format!(
                "UPDATE {table} SET looked_at = looked_at -
                 CASE WHEN (SELECT offline_since FROM databases WHERE id = database_id) IS NULL
                 THEN 9000 ELSE 40 * 86400 + 43200 END"
            );
            index.execute(&sql, ()).unwrap();
        }
        drop(index);
        reseal_index_file(&path);
    }

    /// Replaces everything that varies between runs.
    pub(super) fn normalize(&self, line: &mut TourLine) {
        let home = self.studio.path("").display().to_string();
        for (folder, name) in FOLDERS {
            let path = home.trim_end_matches('/').to_owned() + folder;
            assert_eq!(path.len(), name.len(), "{path}, {name}");
            line.replace(&format!(r"{}\b", regex::escape(&path)), name);
        }
        for (pattern, replacement) in [
            // Equally wide in tables; longer times occur only at the end of a line, unless the machine is very slow.
            (r"\b\d\.\d s\b", "0.0 s"),
            (r"\bin \d+ s\b", "in 0.0 s"),
            // On a disk with reflinks nothing is copied that could be read back.
            (
                r"^copied (.* in 0\.0 s); \d+ of these cloned, sharing their blocks",
                "copied and verified $1",
            ),
            (
                r"\d{8}T\d{6}Z-[A-Za-z0-9-]+-(\d+)-[0-9a-f]{32}$",
                "20261126T180000Z-kim-$1-5f1e8c0a7d2b49368e94c1b07a6d3f52",
            ),
            (r"\(scanned \d+ min ago\)$", "(scanned just now)"),
        ] {
            line.replace(pattern, replacement);
        }
        let left = Regex::new("/tmp|studio-").unwrap();
        assert!(!left.is_match(&line.text()), "{}", line.text());
    }
}
