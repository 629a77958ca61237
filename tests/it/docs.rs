//! Promises of the documents: the README's transcript, the examples, the list of commands, links.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use auto_backup::base::exit_status::ExitStatus;
use regex::Regex;

use crate::servers::{Remotes, rclone};
use crate::source_tree::sources;
use crate::studio::Studio;
use crate::trust::{flip_bit, three_media};

fn page(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// A studio with a copy of examples/ as git has it.
fn with_examples() -> Studio {
    let studio = Studio::bare();
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut pending = vec![top.join("examples")];
    while let Some(folder) = pending.pop() {
        studio.folder(folder.strip_prefix(top).unwrap());
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let relative = path.strip_prefix(top).unwrap();
            if copied_by_quickstart(relative) {
                continue;
            }
            if path.is_symlink() {
                studio.link(relative, fs::read_link(&path).unwrap());
            } else if path.is_dir() {
                pending.push(path);
            } else {
                studio.file(relative, fs::read(&path).unwrap());
            }
        }
    }
    studio
}

/// True for what a quickstart in the checkout itself has copied.
fn copied_by_quickstart(path: &Path) -> bool {
    [".auto-backup", "footage/acme", "scratch"]
        .iter()
        .any(|copied| path.starts_with(Path::new("examples/studio/NAS").join(copied)))
}

#[test]
fn quickstart_can_be_repeated() {
    let studio = with_examples();
    studio.run(["examples/quickstart.ab"]).ok();
    let again = studio.run(["examples/quickstart.ab"]).ok();
    assert!(
        again
            .stdout
            .contains("copied 0 files, 0 B in N s; 6 already there"),
        "{again}"
    );
}

#[test]
fn readme_shows_quickstart_output() {
    let readme = page("README.md");
    let transcript = readme
        .split("<!-- quickstart -->\n```console\n")
        .nth(1)
        .unwrap()
        .split("```")
        .next()
        .unwrap();
    let printed = with_examples().run(["examples/quickstart.ab"]).ok().stdout;
    let printed = printed.replace("$STUDIO", "/home/you/auto-backup");
    let shown = transcript.split_once('\n').unwrap().1;
    let time = Regex::new(r"\b\d+\.\d s\b").unwrap();
    assert_eq!(time.replace_all(shown, "N s"), printed);
}

#[test]
fn readme_shows_error_output() {
    let readme = page("README.md");
    let transcript = readme
        .split("<!-- mistake -->\n```console\n")
        .nth(1)
        .unwrap()
        .split("```")
        .next()
        .unwrap();
    let studio = Studio::filled();
    studio.file("nightly.ab", "load\ncopy acme/spot footage WORK NSA\n");
    let run = studio.run(["--quiet", "nightly.ab"]).status(1);
    assert_eq!(run.stderr, transcript.split_once('\n').unwrap().1);
}

#[test]
fn example_with_arguments_runs() {
    let studio = Studio::filled();
    studio.file("push-project.ab", page("examples/push-project.ab"));
    let run = studio.run(["push-project.ab", "acme/spot", "NAS"]).ok();
    assert!(
        run.stdout.starts_with("copying acme/spot to NAS\n"),
        "{run}"
    );
    assert!(run.stdout.contains("copied and verified 3 files"), "{run}");
    studio.run(["push-project.ab", "acme/spot"]).status(2);
}

#[test]
fn monthly_verification_continues_each_night() {
    let studio = three_media();
    studio
        .file("WORK/footage/acme/spot/reel.mov", "reel")
        .file("verify.ab", page("examples/monthly-verify.ab"));
    let copies = ["NAS", "SHELF"].map(|to| format!("copy acme/spot footage WORK {to}"));
    studio.lines(&["load", &copies[0], &copies[1]]).ok();
    // The copies read their files back; the source was read then, too.
    let line = |studio: &Studio| studio.run(["--keep-going", "verify.ab", "4h"]);
    let first = line(&studio).ok();
    assert!(first.stdout.contains("verified 0 files"), "{first}");
    flip_bit(&studio.path("NAS/footage/acme/spot/reel.mov"), 3);
    studio.lines(&["verify all in NAS"]).status(3);
    // Damage is reported until it is healed.
    let second = line(&studio).status(3);
    assert!(
        second
            .stdout
            .contains("1 file damaged on NAS: `heal all NAS`"),
        "{second}"
    );
    studio.lines(&["heal all NAS"]).ok();
    line(&studio).ok();
}

#[test]
fn make_room_frees_only_what_is_proven() {
    let studio = three_media();
    studio
        .file("WORK/footage/acme/spot/reel.mov", vec![7; 2000])
        .file("WORK/footage/nova/titles/one.mov", vec![8; 3000])
        .file("room.ab", page("examples/make-room.ab"));
    let copies = ["NAS", "SHELF"].map(|to| format!("copy acme/spot footage WORK {to}"));
    studio.lines(&["load", &copies[0], &copies[1]]).ok();
    let before = studio.tree("WORK");
    studio.run(["--dry-run", "room.ab", "WORK", "1kB"]).ok();
    assert_eq!(studio.tree("WORK"), before);
    studio.run(["room.ab", "WORK", "1kB"]).ok();
    assert!(!studio.path("WORK/footage/acme/spot/reel.mov").exists());
    assert!(studio.path("WORK/footage/nova/titles/one.mov").exists());
    // Nothing else is proven to be elsewhere.
    studio.run(["room.ab", "WORK", "1kB"]).status(3);
    assert!(studio.path("WORK/footage/nova/titles/one.mov").exists());
}

#[test]
fn offloaded_card_of_the_example_is_safe() {
    let studio = three_media();
    studio
        .file("A001/CLIPS/a.mov", vec![7; 2000])
        .file("A001/CLIPS/b.mov", vec![8; 3000])
        .file("offload-card.ab", page("examples/offload-card.ab"));
    let line = |options: &[&str]| {
        let words = ["offload-card.ab", "A001", "acme/spot"];
        studio.run([options, &words].concat())
    };
    let before = studio.tree("NAS");
    let dry = line(&["--dry-run"]).ok();
    assert!(dry.stdout.contains("would copy 4 files"), "{dry}");
    assert_eq!(studio.tree("NAS"), before);
    // One storage is away: the other one gets everything, and the card must wait.
    fs::rename(studio.path("SHELF"), studio.path("away")).unwrap();
    let one = line(&[]).status(3);
    assert!(one.stdout.contains("A001: copied: 2 of 2 files"), "{one}");
    fs::rename(studio.path("away"), studio.path("SHELF")).unwrap();
    let both = line(&[]).ok();
    assert!(
        both.stdout
            .starts_with("offloading A001 to NAS and SHELF\n"),
        "{both}"
    );
    let safe = "A001: safe to format: 2 proven copies of every file, on NAS and SHELF\n";
    assert!(both.stdout.contains(safe), "{both}");
    assert!(both.stdout.contains("│ A001 ┆ safe to format ┆"), "{both}");
    studio.run(["offload-card.ab", "A001"]).status(2);
}

#[test]
fn second_nightly_sync_sends_nothing() {
    let studio = Studio::filled();
    let (Some(remotes), Some(rclone)) = (Remotes::new(&studio), rclone()) else {
        return;
    };
    studio.folder("cloud");
    let cloud = remotes.alias("cloud", &studio.path("cloud"));
    let startup = studio.read("home/.config/auto-backup/.config");
    studio
        .file(
            "home/.config/auto-backup/.config",
            format!("{startup}add database CLOUD {cloud}\n"),
        )
        .file("nightly-sync.ab", page("examples/nightly-sync.ab"));
    let night = |options: &[&str]| {
        let mut command = studio.command();
        command
            .args(options)
            .args(["nightly-sync.ab", "WORK", "CLOUD", "NAS"]);
        studio.finish(remotes.add_to_environment(rclone, &mut command))
    };
    let dry = night(&["--dry-run"]).ok();
    assert!(dry.stdout.contains("would send 5 files"), "{dry}");
    assert_eq!(studio.tree("cloud"), "");
    let first = night(&[]).ok();
    assert!(first.stdout.starts_with("syncing WORK to CLOUD and NAS\n"));
    assert!(first.stdout.contains("sent 5 files"), "{first}");
    remotes.assert_mirrored(&studio.path("WORK"), &cloud);
    // An empty output means that cron sends no mail.
    let second = night(&["--quiet"]).ok();
    assert_eq!((second.stdout.as_str(), second.stderr.as_str()), ("", ""));
}

#[test]
fn example_startup_file_runs() {
    let studio = Studio::bare();
    studio.folder("home/studio/work").folder("home/studio/nas");
    studio
        .file("home/studio/work/scratch/cache/acme/spot/a.tmp", "")
        .file("example", page(".config.example"));
    let run = studio
        .run([
            "--config",
            "example",
            "--format",
            "plain",
            "-c",
            "list categories",
        ])
        .ok();
    let lines = run.stdout.lines();
    let paths: Vec<_> = lines.filter_map(|line| line.split('\t').nth(1)).collect();
    assert_eq!(
        paths,
        ["footage", "scratch/cache", "scratch/render", "delivery"]
    );
}

#[test]
fn screens_of_the_prompt_show_no_positions() {
    // The caret shows them at the prompt; the tags of the picture stand between the parts of a message.
    let position = Regex::new(r"prompt:\d+:\d+").unwrap();
    for path in ["docs/prompt.svg", "docs/tour.md", "README.md"] {
        assert!(!position.is_match(&page(path)), "{path}");
    }
    let picture = page("docs/prompt.svg");
    assert!(picture.contains(">error</text>"), "no mistake is shown");
}

#[test]
fn command_reference_matches_help() {
    let studio = Studio::bare();
    let help = |words: &str| studio.lines(&[&format!("help {words}")]).ok().stdout;
    let names = Regex::new(r"(?m)^  (\w+)  ").unwrap();
    let mut text = String::from(
        "# Commands\n\nGenerated from the program's own help by `UPDATE_DOCS=1 tests/run docs`; a test holds it.\n",
    );
    write!(text, "\n```text\n{}```\n", help("")).unwrap();
    let overview = help("");
    let (commands, topics) = overview.split_once("More help:\n").unwrap();
    for command in names.captures_iter(commands) {
        let command = &command[1];
        let whole = help(command);
        write!(text, "\n## {command}\n\n```text\n{whole}```\n").unwrap();
        let parts = whole
            .split("Commands:\n")
            .nth(1)
            .map(|rest| rest.split("\n\n").next().unwrap());
        for part in names.captures_iter(parts.unwrap_or_default()) {
            let words = format!("{command} {}", &part[1]);
            write!(text, "\n### {words}\n\n```text\n{}```\n", help(&words)).unwrap();
        }
    }
    let topic = Regex::new(r"(?m)^  ([\w-]+)  ").unwrap();
    for topic in topic.captures_iter(topics) {
        let page = help(&topic[1]);
        write!(text, "\n## help: {}\n\n```text\n{page}```\n", &topic[1]).unwrap();
    }
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(
            Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/commands.md"),
            &text,
        )
        .unwrap();
    }
    assert!(
        page("docs/commands.md") == text,
        "docs/commands.md is old; `UPDATE_DOCS=1 tests/run docs` renews it"
    );
}

#[test]
fn every_document_link_resolves() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let link = Regex::new(r"\]\(([^)#]+)(#[^)]*)?\)").unwrap();
    let mut pages = vec![top.join("README.md")];
    let mut pending = vec![top.join("docs")];
    while let Some(folder) = pending.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                pending.push(path);
            } else {
                pages.push(path);
            }
        }
    }
    for path in pages {
        for target in link.captures_iter(&fs::read_to_string(&path).unwrap()) {
            let target = path.parent().unwrap().join(&target[1]);
            assert!(
                target.exists(),
                "{} leads to {}",
                path.display(),
                target.display()
            );
        }
    }
}

#[test]
fn every_json_field_is_documented() {
    let output = page("docs/output.md");
    let studio = Studio::filled();
    studio.file("WORK/footage/acme/spot/plates/p2.exr", "plate two");
    let lines = [
        "load",
        "fetch all",
        "fetch all --files",
        "list databases",
        "list categories",
        "list clients",
        "list projects",
        "find .exr",
        "duplicates",
        "help",
        "copy acme/spot all WORK NAS",
        "sync acme/spot all WORK NAS",
        "compare acme/spot WORK NAS",
        "history",
        "history 1",
        "history sizes",
        "failures",
        "policy",
        "status",
        "report acme/spot",
        "report acme/spot --to x.html",
        "safe acme/spot on WORK",
        "verify",
        "heal acme/spot NAS",
        "mhl acme/spot NAS",
        "free acme/spot WORK --dry-run",
        "versions",
        "restore acme/spot NAS",
        "undo 2 --dry-run",
        "prune NAS --dry-run",
        "explore acme/spot footage WORK",
        "offload WORK/footage/acme/spot acme/cards footage NAS",
        "cards",
        "add category x y",
        "exclude a",
        "save",
        "remove category x",
    ];
    // Both storages are on one disk, which `status` and `safe` find too few.
    let run = studio.json(&lines).status(3);
    let field = Regex::new(r#""([a-z_]+)":"#).unwrap();
    for found in field.captures_iter(&run.stdout) {
        assert!(
            output.contains(&format!("\"{}\"", &found[1])),
            "{} is not in docs/output.md",
            &found[1]
        );
    }
    assert_eq!(run.stdout.lines().count(), lines.len());
}

/// The cells of a line of a table; of a median with its spread, the median.
fn cells(line: &str) -> Vec<&str> {
    let cells = line.trim_matches('|').split('|');
    cells
        .map(|cell| cell.split(" (").next().unwrap_or(cell).trim())
        .collect()
}

#[test]
fn summary_of_performance_repeats_the_results() {
    let page = page("docs/performance.md");
    let summary = page.split("<!-- summary -->").nth(1).unwrap();
    let rows: Vec<Vec<&str>> = summary.trim().lines().skip(2).map(cells).collect();
    assert!(rows.len() > 10, "{summary}");
    let measured: Vec<Vec<&str>> = page
        .split(" measured: begin -->")
        .skip(1)
        .flat_map(|part| part.split("<!-- ").next().unwrap().lines().map(cells))
        .collect();
    for row in rows {
        let [_, ours, peer, takes, ratio] = row[..] else {
            panic!("{row:?}");
        };
        let is_measured = |line: &Vec<&str>| {
            line.len() > 4 && [line[1], line[2], line[3], line[4]] == [ours, peer, takes, ratio]
        };
        assert!(measured.iter().any(is_measured), "{row:?}");
    }
}

#[test]
fn exit_statuses_match_in_all_documents() {
    let help = Studio::bare().run(["--help"]).ok().stdout;
    let one_line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let (output, scripts) = (page("docs/output.md"), page("docs/scripts.md"));
    let row = Regex::new(r"(?m)^\| (\d+) \| (.*) \|$").unwrap();
    let reported = [one_line(&help), one_line(&scripts)];
    let mut rows = Vec::new();
    for row in row.captures_iter(&output) {
        rows.push((row[1].to_owned(), row[2].to_owned()));
        let words = format!("{} {}", &row[1], &row[2]);
        assert!(reported.iter().all(|text| text.contains(&words)), "{words}");
    }
    let known =
        ExitStatus::ALL.map(|status| (status.code().to_string(), status.meaning().to_owned()));
    assert_eq!(rows, known);
}

#[test]
fn every_csv_column_is_documented() {
    let output = page("docs/output.md");
    let studio = Studio::filled();
    for line in [
        "load",
        "fetch all",
        "fetch all --files",
        "list databases",
        "list categories",
        "list clients",
        "list projects",
        "find reel",
        "duplicates",
        "help",
        "copy acme/spot all WORK NAS",
        "sync acme/spot all WORK NAS",
        "compare acme/spot WORK NAS",
        "history",
        "history 1",
        "history sizes",
        "failures",
        "policy",
        "status",
        "report acme/spot --to x.html",
        "safe acme/spot on WORK",
        "verify",
        "heal acme/spot NAS",
        "mhl acme/spot NAS",
        "free acme/spot WORK --dry-run",
        "versions",
        "restore acme/spot NAS",
        "undo 2 --dry-run",
        "prune NAS --dry-run",
        "explore acme/spot footage WORK",
        "offload WORK/footage/acme/spot acme/cards footage NAS",
        "cards",
        "add category x y",
        "exclude a",
        "save",
        "remove category render",
    ] {
        let run = studio.run(["--format", "csv", "-c", line]);
        assert!([0, 3].contains(&run.status), "{run}");
        let headings = run.stdout.lines().next().unwrap();
        assert!(
            output.contains(&format!("| `{headings}` |")),
            "{line}: {headings}"
        );
        assert!(!run.stdout.contains('\r'));
    }
}

#[test]
fn pages_name_existing_code_and_tests() {
    let sources = sources("src");
    let tests: String = sources_of_tests();
    let code = Regex::new(r"`([\w/]+\.rs): (\w+)`").unwrap();
    let quoted = Regex::new(r"`([a-z]+(?:_[a-z]+){3,})`").unwrap();
    for (name, least) in [("docs/safety.md", 100), ("docs/architecture.md", 20)] {
        let page = page(name);
        let mut count = 0;
        for found in code.captures_iter(&page) {
            let (path, function) = (&found[1], &found[2]);
            let text = sources.get(path);
            let text = text.unwrap_or_else(|| panic!("{name}: {path}"));
            let definition = Regex::new(&format!(r"\bfn {function}\b")).unwrap();
            assert!(definition.is_match(text), "{name}: {path}: {function}");
            count += 1;
        }
        assert!(count >= least, "{name} names {count} functions");
        for row in page.lines().filter(|line| line.starts_with('|')) {
            for found in quoted.captures_iter(row) {
                let definition = format!("fn {}(", &found[1]);
                assert!(tests.contains(&definition), "{name}: {}", &found[1]);
            }
        }
    }
}

/// The text of all integration tests and unit tests.
fn sources_of_tests() -> String {
    ["tests/it", "src"]
        .map(|folder| sources(folder).into_values().collect::<String>())
        .concat()
}
