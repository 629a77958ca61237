//! Answers into programs and files.

use std::os::unix::fs::PermissionsExt as _;

use insta::assert_snapshot;

use crate::prompt::screen::PromptScreen;
use crate::studio::Studio;

fn scanned() -> Studio {
    let studio = Studio::filled();
    studio.lines(&["load"]).ok();
    studio
}

/// Returns the first cell of each line of a file.
fn names(studio: &Studio, path: &str) -> Vec<String> {
    let text = studio.read(path);
    let cell = |line: &str| {
        line.split([',', '\t'])
            .next()
            .unwrap_or_default()
            .to_owned()
    };
    text.lines().map(cell).collect()
}

#[test]
fn program_gets_whole_plain_answer() {
    let studio = scanned();
    let run = studio.lines(&["list projects | grep acme | sort -r"]).ok();
    assert!(run.stdout.contains("acme/teaser"), "{run}");
    assert!(!run.stdout.contains("Bob"), "{run}");
    let colored = |arguments: &[&str]| {
        let run = studio.run(arguments).ok();
        run.stdout.contains('\u{1b}')
    };
    assert!(!colored(&["-c", "fetch all | cat"]));
    assert!(colored(&["--color", "always", "-c", "fetch all | cat"]));
    let file = ["--color", "always", "-c", "fetch all | cat > all.txt"];
    studio.run(file).ok();
    studio
        .run(["--color", "always", "-c", "fetch all >> all.txt"])
        .ok();
    assert!(!studio.read("all.txt").contains('\u{1b}'));
    // Words are words: no shell looks at them.
    let run = studio.lines(&["echo a | sed 's/a/$HOME; echo b/'"]).ok();
    assert_eq!(run.stdout, "$HOME; echo b\n");
    let run = studio.lines(&["echo '|' '>' \">>\" a|b"]).ok();
    assert_eq!(run.stdout, "| > >> a|b\n");
}

#[test]
fn failing_program_fails_the_line() {
    let studio = scanned();
    assert_snapshot!(studio.lines(&["list clients | no-such-program -x"]), @"
    exit 1
    --- stderr
    -c:1:16: error: the program `no-such-program` was not found
        list clients | no-such-program -x
                       ^^^^^^^^^^^^^^^
    ");
    let run = studio.lines(&["list clients | grep nothing", "echo after"]);
    assert!(
        run.status(1)
            .stderr
            .contains("`grep` ended with exit status 1")
    );
    // The reader may stop early.
    studio.lines(&["list clients | true", "echo after"]).ok();
    studio.lines(&["fetch all | cat | head -1"]).ok();
    // The status of the command stays.
    studio
        .lines(&["compare acme/spot WORK NAS | cat"])
        .status(3);
}

#[test]
fn extension_decides_format() {
    let studio = scanned();
    studio
        .lines(&[
            "list projects > a.csv",
            "list projects > a.JSON",
            "list projects > a.tsv",
            "list projects > a.txt",
            "set format csv",
            "list projects > a",
        ])
        .status(0);
    assert_eq!(names(&studio, "a.csv")[..2], ["project", "Bob's/long film"]);
    assert!(studio.read("a.JSON").starts_with("{\"command\":\"list\""));
    assert_eq!(
        names(&studio, "a.tsv"),
        ["Bob's/long film", "acme/spot", "acme/teaser"]
    );
    assert_eq!(
        studio.read("a.txt").into_bytes(),
        studio.lines(&["list projects"]).ok().bytes
    );
    assert_eq!(studio.read("a"), studio.read("a.csv"));
    let mode = studio
        .path("a.csv")
        .metadata()
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o600, 0o600);
}

#[test]
fn file_is_replaced_only_by_whole_answer() {
    let studio = scanned();
    studio.file("list.csv", "mine\n").mode("list.csv", 0o640);
    studio
        .lines(&["list projects in nobody > list.csv"])
        .status(1);
    assert_eq!(studio.read("list.csv"), "mine\n");
    studio
        .lines(&["list clients | grep nothing > list.csv"])
        .status(1);
    assert_eq!(studio.read("list.csv"), "mine\n");
    studio.lines(&["list clients > list.csv"]).ok();
    assert_eq!(names(&studio, "list.csv"), ["client", "Bob's", "acme"]);
    let mode = studio
        .path("list.csv")
        .metadata()
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o640);
    studio.link("link.csv", "list.csv");
    studio.lines(&["list categories > link.csv"]).ok();
    assert!(studio.path("link.csv").is_symlink());
    assert!(studio.read("list.csv").contains("footage"));
    // Nothing is left behind.
    let left = studio.tree("");
    assert!(!left.contains(".tmp"), "{left}");
    studio.lines(&["list clients > /dev/null"]).ok();
    studio
        .run(["--format", "plain", "-c", "list clients | sort -r > sorted"])
        .ok();
    assert_eq!(names(&studio, "sorted"), ["acme", "Bob's"]);
}

#[test]
fn appended_answers_follow_each_other() {
    let studio = scanned();
    studio.file("log.tsv", "first");
    studio
        .lines(&["list clients >> log.tsv", "list clients >> log.tsv"])
        .ok();
    assert_eq!(
        names(&studio, "log.tsv"),
        ["first", "Bob's", "acme", "Bob's", "acme"]
    );
    studio
        .lines(&["list clients >> c.csv", "list clients >> c.csv"])
        .ok();
    assert_eq!(
        names(&studio, "c.csv"),
        ["client", "Bob's", "acme", "Bob's", "acme"]
    );
    let run = studio.lines(&["list projects >> c.csv"]).status(1);
    assert!(run.stderr.contains("its columns are others"), "{run}");
    assert_eq!(
        names(&studio, "c.csv"),
        ["client", "Bob's", "acme", "Bob's", "acme"]
    );
    studio.lines(&["list clients >> c.json"]).status(1);
    assert!(!studio.path("c.json").exists());
}

#[test]
fn wrong_places_are_refused_before_work() {
    let studio = scanned();
    for (place, why) in [
        ("WORK/list.csv", "lies in the storage `WORK`"),
        (
            "NAS/../WORK/footage/acme/spot/reel.mov",
            "lies in the storage",
        ),
        ("home", "it is a folder"),
        (
            "home/.config/auto-backup/.config",
            "it is the start-up file",
        ),
    ] {
        let line = format!("copy acme/spot footage WORK NAS > {place}");
        let run = studio.lines(&[&line]).status(1);
        assert!(run.stderr.contains(why), "{run}");
    }
    assert_eq!(studio.tree("NAS"), "");
    assert_eq!(studio.read("WORK/footage/acme/spot/reel.mov"), "reel");
    studio.lines(&["list clients > no/such/folder/a"]).status(1);
    studio.lines(&["exit > a"]).status(2);
}

#[test]
fn paths_start_at_folder_of_script() {
    let studio = scanned();
    studio.file("scripts/a.ab", "list clients > out.tsv\n");
    studio.run(["scripts/a.ab"]).ok();
    assert_eq!(names(&studio, "scripts/out.tsv"), ["Bob's", "acme"]);
}

#[test]
fn startup_file_starts_no_program() {
    let studio = scanned();
    let startup = studio.read("home/.config/auto-backup/.config");
    for line in [
        "list clients | touch pwned",
        "list clients > pwned",
        "source more.ab",
    ] {
        studio.file(
            "home/.config/auto-backup/more.ab",
            "list clients | touch pwned\n",
        );
        let text = format!("{startup}{line}\n");
        studio.file("home/.config/auto-backup/.config", text);
        let run = studio.lines(&["list clients"]).status(2);
        assert!(
            run.stderr
                .contains("a start-up file can neither run programs"),
            "{run}"
        );
        assert!(!studio.path("pwned").exists());
    }
}

#[test]
fn quiet_does_not_silence_redirected_answers() {
    let studio = scanned();
    studio.run(["--quiet", "-c", "load > load.txt"]).ok();
    assert!(studio.read("load.txt").contains("WORK"));
}

#[test]
fn pager_gets_table_that_fits_the_window() {
    let studio = Studio::new();
    let name = "a very long name of a project that takes much room in every table of its client";
    studio.file(format!("WORK/footage/acme/{name}/a.mov"), "film");
    studio.lines(&["load"]).ok();
    // A stand-in, whose output is not interactive.
    studio
        .file("bin/less", "#!/bin/sh\ncat\n")
        .mode("bin/less", 0o755);
    let path = studio.path("bin/less");
    let line = format!("list projects | {}", path.display());
    let mut screen = PromptScreen::start(&studio, (24, 80), &[("NO_COLOR", "1")], &[]);
    screen
        .press(&format!("{line}\r"))
        .until("the answer", |screen| {
            let shown = screen.contents();
            shown.contains("1 project,") && shown.contains('\u{2026}')
        });
    screen
        .press("list projects | cat\r")
        .until("the answer", |screen| {
            screen.contents().replace('\n', "").contains(name)
        });
}
