//! Remotes that report altered times.

use std::fs::{self, File, FileTimes};
use std::time::{Duration, SystemTime};

use super::SyncStudio;
use crate::faulty_fs::{FAT_YEARS, Faults, FaultyMount, TimeFaults};
use crate::servers::Remotes;
use crate::studio::{CHANGED, Studio};

const REEL: &str = "WORK/footage/acme/spot/reel.mov";

/// Sets a time before 1970 and one with nanoseconds on files of the source.
fn set_times(studio: &Studio) {
    let moment = |after: u64| SystemTime::UNIX_EPOCH + Duration::new(CHANGED + after, 987_654_321);
    let early = SystemTime::UNIX_EPOCH - Duration::from_secs(86_400);
    for (path, time) in [
        (REEL, moment(1)),
        ("WORK/footage/acme/spot/plates/p1.exr", early),
    ] {
        let file = File::options()
            .append(true)
            .open(studio.path(path))
            .unwrap();
        file.set_times(FileTimes::new().set_modified(time)).unwrap();
    }
}

#[test]
fn unstorable_times_are_sent_only_once() {
    for step in [Duration::from_nanos(1), Duration::from_secs(2)] {
        let studio = Studio::filled();
        let Some(remotes) = Remotes::new(&studio) else {
            return;
        };
        let range = Some(FAT_YEARS);
        let times = TimeFaults {
            step,
            range,
            ..TimeFaults::default()
        };
        let Some(_mount) =
            FaultyMount::new(&studio, "there", Faults::only(|lies| lies.times = times))
        else {
            return;
        };
        set_times(&studio);
        let root = format!(":local:{}", studio.path("there").display());
        let site = SyncStudio::new(&remotes, &studio, &root);
        site.sync("").assert_sent(5);
        for before in ["", "load CLOUD"] {
            if !before.is_empty() {
                site.lines(&[before]).ok();
            }
            site.sync("").assert_sent(0);
            let copied = site.json("copy all all WORK CLOUD").ok().document();
            assert_eq!(
                (&copied["copied_files"], &copied["same_files"]),
                (&0.into(), &5.into())
            );
            site.lines(&["compare all all WORK CLOUD"]).status(0);
        }
        // Another workstation recognizes them by their content.
        fs::remove_file(studio.path("home/.local/share/auto-backup/index.sqlite")).unwrap();
        let copied = site.json("copy all all WORK CLOUD").ok().document();
        assert_eq!(
            (&copied["copied_files"], &copied["same_files"]),
            (&0.into(), &5.into())
        );
        // Only the edited file is sent.
        studio.file(REEL, "an edit");
        site.sync("").assert_sent(1);
        assert_eq!(
            fs::read(studio.path("there/footage/acme/spot/reel.mov")).unwrap(),
            b"an edit"
        );
    }
}
