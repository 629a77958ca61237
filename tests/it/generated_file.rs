//! Generated files beside the program: the man page and the completions of shells, each read by its own reader.

use std::fs::{self, OpenOptions};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use regex::Regex;
use rexpect::reader::Options;
use rexpect::session::spawn_with_options;

use crate::studio::{PROGRAM, Studio, report_skip};

/// Values of `--generate`.
const GENERATED: [&str; 4] = ["man", "bash", "zsh", "fish"];

/// Writes generated text to this file, as a user does.
fn generate(studio: &Studio, what: &str, path: &str) {
    let text = studio.run(["--generate", what]).ok().bytes;
    assert!(!text.is_empty());
    studio.file(path, text);
}

/// True if a program is installed; reports a skip otherwise.
fn is_there(studio: &Studio, program: &str) -> bool {
    let tried = studio.other_program(program).arg("--version").output();
    let there = !tried.is_err_and(|error| error.kind() == ErrorKind::NotFound);
    if !there {
        report_skip(&format!("there is no {program} here"));
    }
    there
}

/// Returns the output of a program that must succeed without any message.
#[track_caller]
fn printed(studio: &Studio, program: &str, arguments: &[&str]) -> String {
    let run = studio
        .finish(studio.other_program(program).args(arguments))
        .ok();
    run.stdout
}

/// Returns the folder in which shells find the program.
fn programs() -> String {
    Path::new(PROGRAM).parent().unwrap().display().to_string()
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn top(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn page(path: &str) -> String {
    fs::read_to_string(top(path)).unwrap()
}

/// Returns the rendered man page on one line; `None` if no program can render it.
fn man_page(studio: &Studio) -> Option<String> {
    if !is_there(studio, "groff") {
        return None;
    }
    generate(studio, "man", "auto-backup.1");
    // All warnings, no bold or underline, no hyphenation.
    let arguments = [
        "-man",
        "-ww",
        "-Tutf8",
        "-P-cbou",
        "-rHY=0",
        "auto-backup.1",
    ];
    let shown = printed(studio, "groff", &arguments);
    // Some systems show the dash of an option as a minus.
    Some(one_line(&shown.replace('\u{2212}', "-")))
}

#[test]
fn generate_runs_no_startup_file() {
    let studio = Studio::new();
    studio.file("broken", "no such command\n");
    for what in GENERATED {
        let mut command = studio.command();
        command.env("AUTO_BACKUP_CONFIG", "broken");
        command.args(["--index", "missing/index", "--generate", what]);
        let run = studio.finish(&mut command).ok();
        assert!(run.stdout.ends_with('\n'), "{run}");
    }
    assert!(!studio.path("home/.local").exists());
    assert!(!studio.path("missing").exists());
}

#[test]
fn generate_tolerates_closed_pipe_reports_full_disk() {
    let studio = Studio::bare();
    for what in GENERATED {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let run = studio.finish_with(studio.command().args(["--generate", what]), writer);
        assert!(run.status == 0 && run.stderr.is_empty(), "{what}: {run}");
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let run = studio.finish_with(studio.command().args(["--generate", what]), full);
        assert!(run.stderr.contains("No space left"), "{what}: {run}");
        assert_eq!(run.status, 1);
    }
}

#[test]
fn generate_option_is_hidden() {
    let studio = Studio::bare();
    let mut shown = studio.run(["--help"]).ok().stdout;
    for what in GENERATED {
        shown += &studio.run(["--generate", what]).ok().stdout;
    }
    assert!(!shown.contains("generate"));
    studio.run(["--generate", "man", "-c", "help"]).status(2);
    studio.run(["--generate", "csh"]).status(2);
}

#[test]
fn readme_commands_install_generated_files() {
    let studio = Studio::bare();
    if !is_there(&studio, "bash") {
        return;
    }
    let readme = page("README.md");
    let line = Regex::new(r"(?m)^auto-backup --generate (\w+) > ~/((.*)/[\w.-]+)").unwrap();
    let mut reported = Vec::new();
    for found in line.captures_iter(&readme) {
        studio.folder(format!("home/{}", &found[3]));
        let line = format!("PATH={}:$PATH; {}", programs(), &found[0]);
        printed(&studio, "bash", &["-c", &line]);
        let generated = studio.run(["--generate", &found[1]]).ok().bytes;
        let written = fs::read(studio.path(format!("home/{}", &found[2]))).unwrap();
        assert_eq!(written, generated);
        reported.push(found[1].to_owned());
    }
    assert_eq!(reported, GENERATED);
}

#[test]
fn man_page_has_every_section_and_option() {
    let studio = Studio::bare();
    let Some(shown) = man_page(&studio) else {
        return;
    };
    let sections = [
        "NAME auto-backup - See",
        "SYNOPSIS auto-backup [OPTIONS] auto-backup [OPTIONS] SCRIPT auto-backup [OPTIONS] COMMAND [ARGUMENTS] auto-backup [OPTIONS] -c COMMAND",
        "DESCRIPTION See",
        "OPTIONS -c",
        "COMMANDS Commands",
        "EXAMPLES auto-backup",
        "EXIT STATUS 0 all done",
        "FILES ~/",
        "ENVIRONMENT AUTO_BACKUP_CONFIG",
        "SEE ALSO cp(1)",
    ];
    let places = sections.map(|section| {
        shown
            .find(section)
            .unwrap_or_else(|| panic!("{section}: {shown}"))
    });
    assert!(places.is_sorted(), "{places:?}");
    let quotes = ['`', '\u{2018}', '\u{2019}', '\\'];
    assert!(!shown.contains(quotes), "{shown}");

    let help = studio.run(["--help"]).ok().stdout;
    let option = Regex::new(r"(?m)^ +(-\w|--[\w-]+)(, --[\w-]+)?.*\n +(\S.*)$").unwrap();
    let options: Vec<_> = option.captures_iter(&help).collect();
    assert!(options.len() > 10, "{help}");
    for option in options {
        let (name, about) = (&option[1], option[3].replace('`', ""));
        assert!(shown.contains(&format!(" {name}")), "{name}");
        assert!(shown.contains(&about), "{about}");
    }
    let (_, examples) = help.split_once("Examples:\n").unwrap();
    let (examples, statuses) = examples.split_once("\n\nExit status:\n").unwrap();
    for line in examples.lines().chain(statuses.lines()) {
        assert!(shown.contains(&format!(" {} ", one_line(line))), "{line}");
    }
}

#[test]
fn man_page_has_every_command() {
    let studio = Studio::bare();
    let Some(shown) = man_page(&studio) else {
        return;
    };
    // Another test compares this list with the program's own help.
    let list = page("docs/commands.md");
    let command = Regex::new(r"(?m)^##+ ([^:\n]+)\n\n```text\n(.+)$").unwrap();
    let commands: Vec<_> = command.captures_iter(&list).collect();
    assert!(commands.len() > 20, "{list}");
    for command in commands {
        let entry = format!(" {} {} ", &command[1], command[2].replace('`', ""));
        assert!(shown.contains(&entry), "{entry}");
    }
}

#[test]
fn man_page_has_every_file_and_variable() {
    let studio = Studio::bare();
    let Some(shown) = man_page(&studio) else {
        return;
    };
    let readme = page("README.md");
    let files = readme.split("## Files of the program").nth(1).unwrap();
    let files = files.split("\n## ").next().unwrap();
    let own = Regex::new(r"`([~$/.][^`]+|--[\w-]+)").unwrap();
    for found in own.captures_iter(files) {
        let word = found[1].trim_start_matches('$');
        let word = word.split(' ').next().unwrap();
        assert!(shown.contains(word), "{word}");
    }
    let (_, environment) = shown.split_once(" ENVIRONMENT ").unwrap();
    let read = Regex::new(r#"(?:var_os|set)\("([A-Z_]+)"\)"#).unwrap();
    let mut pending = vec![top("src")];
    while let Some(path) = pending.pop() {
        if path.is_dir() {
            let entries = fs::read_dir(&path).unwrap();
            pending.extend(entries.map(|entry| entry.unwrap().path()));
            continue;
        }
        for found in read.captures_iter(&fs::read_to_string(&path).unwrap()) {
            let name = &found[1];
            // PATH needs no explanation.
            let reported = name == "PATH" || environment.contains(name);
            assert!(reported, "{name} of {}", path.display());
        }
    }
}

#[test]
fn bash_completes_options_values_and_files() {
    let studio = Studio::bare();
    if !is_there(&studio, "bash") {
        return;
    }
    generate(&studio, "bash", "completions/auto-backup");
    studio.file("nightly one.ab", "load\n");
    // Called as by readline: the program, the word at the cursor, the word before it.
    studio.file(
        "offered",
        r#"source completions/auto-backup
        [[ "$(complete -p auto-backup)" =~ -F\ ([^ ]+) ]]
        function=${BASH_REMATCH[1]}
        compopt() { :; }
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
        "$function" auto-backup "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
        printf '%s\n' "${COMPREPLY[@]}""#,
    );
    let offered = |words: &[&str]| {
        let arguments = [&["offered", "auto-backup"], words].concat();
        printed(&studio, "bash", &arguments)
    };
    assert_eq!(offered(&["--for"]), "--format\n");
    assert_eq!(offered(&["--quiet", "--no"]), "--no-config\n");
    assert_eq!(offered(&["--format", ""]), "table\nplain\ncsv\njson\n");
    assert_eq!(offered(&["--format", "c"]), "csv\n");
    assert_eq!(offered(&["--config", "ni"]), "nightly one.ab\n");
    // SCRIPT has no completions, so that readline completes file names.
    assert_eq!(offered(&["ni"]), "\n");
    let reported = printed(
        &studio,
        "bash",
        &["-c", "source completions/auto-backup; complete -p"],
    );
    assert!(reported.contains("-o default"), "{reported}");
}

#[test]
fn zsh_completes_options_values_and_files() {
    let studio = Studio::bare();
    if !is_there(&studio, "zsh") {
        return;
    }
    generate(&studio, "zsh", "functions/_auto-backup");
    studio.file("nightly.ab", "load\n");
    printed(&studio, "zsh", &["-n", "functions/_auto-backup"]);
    // A shell in a terminal with the folder on its path; the program prints its arguments.
    let mut zsh = studio.other_program("zsh");
    zsh.args(["-f", "-i"])
        .env("TERM", "dumb")
        .stdin(Stdio::inherit());
    let options = Options::new().timeout_ms(Some(20_000));
    let mut zsh = spawn_with_options(zsh, options).unwrap();
    zsh.send_line("fpath=($PWD/functions $fpath); autoload -Uz compinit && compinit -D -u")
        .unwrap();
    zsh.send_line("auto-backup() { print -r -- \"given: $*.\" }")
        .unwrap();
    for (typed, given) in [
        ("--for\t", "given: --format."),
        ("--format js\t", "given: --format json."),
        ("--config nig\t", "given: --config nightly.ab."),
        ("nig\t", "given: nightly.ab."),
    ] {
        zsh.send_line(&format!("auto-backup {typed}")).unwrap();
        zsh.exp_string(given).unwrap();
    }
    zsh.send_line("exit").unwrap();
    zsh.exp_eof().unwrap();
}

#[test]
fn fish_completes_options_values_and_files() {
    let studio = Studio::bare();
    if !is_there(&studio, "fish") {
        return;
    }
    let path = "home/.config/fish/completions/auto-backup.fish";
    generate(&studio, "fish", path);
    studio.file("nightly.ab", "load\n");
    printed(&studio, "fish", &["-n", path]);
    // fish reads completions only of programs that it finds.
    let offered = |line: &str| {
        let mut fish = studio.other_program("fish");
        fish.env("PATH", format!("{}:/usr/bin:/bin", programs()))
            .args(["-c", &format!("complete -C 'auto-backup {line}'")]);
        let text = studio.finish(&mut fish).ok().stdout;
        let words = text
            .lines()
            .map(|line| line.split('\t').next().unwrap().to_owned());
        words.collect::<Vec<_>>()
    };
    assert_eq!(offered("--for"), ["--format"]);
    assert_eq!(offered("--format j"), ["json"]);
    assert_eq!(offered("--config nig"), ["nightly.ab"]);
    assert_eq!(offered("nig"), ["nightly.ab"]);
}
