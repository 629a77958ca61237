//! A case-insensitive storage: names that it cannot distinguish are not sent.

use std::fs;

use super::SyncStudio;
use crate::servers::Remotes;
use crate::studio::Studio;

const SPOT: &str = "footage/acme/spot";

#[test]
fn case_colliding_names_fail_alone() {
    let studio = Studio::filled();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    let settings = [("type", "local"), ("case_insensitive", "true")];
    remotes.add(
        "ci",
        &settings.map(|(name, value)| (name, value.to_owned())),
    );
    let there = studio.path("there");
    fs::create_dir(&there).unwrap();
    let site = SyncStudio::new(&remotes, &studio, &format!("ci:{}", there.display()));
    let spot = |path: &str| studio.path(format!("WORK/{SPOT}")).join(path);

    studio.file(spot("Reel.mov"), "another");
    studio.file(spot("PLATES/x"), "x");
    let run = site.sync("").status(3);
    let clashing = [
        "PLATES",
        "PLATES/x",
        "Reel.mov",
        "plates",
        "plates/p1.exr",
        "reel.mov",
    ];
    let failed: Vec<String> = clashing.map(|path| format!("{SPOT}/{path}")).into();
    assert_eq!(run.paths_with("refused"), failed, "{run}");
    assert_eq!(site.failures().len(), failed.len());
    let again = site.sync("--retry-failed").status(3);
    assert_eq!(again.paths_with("refused"), failed, "{again}");
    assert!(!there.join(SPOT).join("reel.mov").exists());

    fs::remove_file(spot("Reel.mov")).unwrap();
    fs::remove_dir_all(spot("PLATES")).unwrap();
    site.sync("").assert_sent(2);
    site.assert_mirrored();
    assert_eq!(site.failures(), []);

    // Here the other case is another name, there the same: the existing file is moved away first.
    fs::rename(spot("reel.mov"), spot("REEL.mov")).unwrap();
    let run = site.sync("").status(3);
    assert_eq!(
        run.paths_with("refused"),
        [format!("{SPOT}/REEL.mov")],
        "{run}"
    );
    assert_eq!(
        run.paths_with("gone"),
        [format!("{SPOT}/reel.mov")],
        "{run}"
    );
    site.sync("--delete").status(3);
    site.sync("").assert_sent(1);
    site.assert_mirrored();
    assert_eq!(site.failures(), []);
}
