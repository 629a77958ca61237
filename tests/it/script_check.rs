//! `--check`: every bad line of a script is reported, and nothing runs.

use crate::studio::Studio;

fn scanned() -> Studio {
    let studio = Studio::filled();
    studio.lines(&["load"]).ok();
    studio
}

fn check(studio: &Studio, text: &str) -> crate::studio::ProgramRun {
    studio.file("nightly.ab", text);
    studio.run(["--check", "nightly.ab"])
}

#[test]
fn every_bad_line_is_reported() {
    let studio = scanned();
    let text = "load\n\
        copy acme/sopt footage WORK NAS\n\
        copy acme/spot footage WORK \\\n  NSA\n\
        compare all fotage WORK NAS\n\
        lod\n\
        find 'x\n\
        echo $NO_SUCH\n\
        sync all all WORK NAS --nope\n\
        set fromat json\n\
        list projects in amce\n\
        fetch all |\n\
        fetch all\n";
    let run = check(&studio, text).status(2);
    for part in [
        "nightly.ab:2:6: error: unknown project `acme/sopt`",
        "hint: did you mean `acme/spot`?",
        "nightly.ab:4:3: error: unknown storage `NSA`",
        "nightly.ab:5:13: error: unknown category `fotage`",
        "nightly.ab:6:1: error: unknown command `lod`",
        "nightly.ab:7:6: error: unclosed quote '",
        "nightly.ab:8:6: error: the variable `$NO_SUCH` is not set",
        "nightly.ab:9:23: error: unknown option `--nope`",
        "nightly.ab:10:5: error: unknown setting `fromat`",
        "`amce`",
        "nightly.ab:12:11: error: `|` needs a program",
        "checked 12 commands, 10 with mistakes: nightly.ab:2, 3, 5, 6, 7, 8, 9, 10, 11, 12",
    ] {
        assert!(run.stderr.contains(part), "{part}: {run}");
    }
    assert_eq!(run.stdout, "");
}

#[test]
fn good_script_changes_nothing() {
    let studio = scanned();
    let before = studio.tree("");
    let text = "load\n\
        add database NAS2 \"$(pwd)/none\"\n\
        add category audio audio/\n\
        exclude '*.tmp'\n\
        set format csv\n\
        copy acme/spot all WORK NAS\n\
        explore acme/spot footage NAS2\n\
        sync acme audio WORK NAS2 --delete\n\
        remove database NAS2\n\
        list projects in acme\n\
        copy _ all WORK NAS\n\
        list projects > list.csv\n\
        fetch all | touch touched\n\
        save\n";
    let run = check(&studio, text).status(0);
    assert_eq!(run.stderr.trim(), "checked 14 commands: no mistake found");
    assert_eq!(run.stdout, "");
    studio.remove("nightly.ab");
    assert_eq!(studio.tree(""), before);
}

#[test]
fn lines_take_effect_for_later_lines() {
    let studio = scanned();
    check(&studio, "copy all all WORK TAPE\n").status(2);
    let text = "add database TAPE ./tape\ncopy all all WORK TAPE\n";
    check(&studio, text).status(0);
    let text = "remove category render\ncopy all render WORK NAS\n";
    check(&studio, text).status(2);
    studio.file(
        "more.ab",
        "add category audio audio\ncopy $1 audio WORK NAS\n",
    );
    let text = "source more.ab acme/spot\nload --category audio\n";
    check(&studio, text).status(0);
    let run = check(&studio, "source more.ab acme/nope\nlod\n").status(2);
    for part in ["more.ab:2:6", "nightly.ab:2:1"] {
        assert!(run.stderr.contains(part), "{run}");
    }
}

#[test]
fn arguments_and_other_sources_are_checked() {
    let studio = scanned();
    studio.file("push.ab", "copy $1 all WORK $TO\n");
    let run = |arguments: &[&str]| studio.run(arguments).status;
    assert_eq!(run(&["--check", "-D", "TO=NAS", "push.ab", "acme/spot"]), 0);
    assert_eq!(run(&["--check", "-D", "TO=NAS", "push.ab"]), 2);
    assert_eq!(run(&["--check", "-c", "load WORK", "-c", "load NOPE"]), 2);
    assert_eq!(
        run(&["--check", "copy", "acme/spot", "all", "WORK", "NAS"]),
        0
    );
    assert!(!studio.path("NAS/footage").exists());
}

#[test]
fn unscanned_database_may_hold_project() {
    let studio = Studio::filled();
    let run = check(&studio, "copy acme/new all WORK NAS\n").status(0);
    assert!(
        !studio.path("home/.local/share/auto-backup").exists(),
        "{run}"
    );
    check(&studio, "copy acme/new all WORK NSA\n").status(2);
}

#[test]
fn startup_file_is_checked_too() {
    let studio = scanned();
    let startup = studio.read("home/.config/auto-backup/.config");
    let startup = format!("{startup}lod\nadd database TAPE /nowhere\n");
    studio.file("home/.config/auto-backup/.config", startup);
    let run = check(&studio, "copy all all WORK TAPE\n").status(2);
    assert!(run.stderr.contains(".config:5:1: error"), "{run}");
    assert!(run.stderr.contains("1 with mistakes"), "{run}");
}
