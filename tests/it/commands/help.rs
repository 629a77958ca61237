//! `help`.

use insta::assert_snapshot;

use super::run_with_format;
use crate::studio::Studio;

/// Returns the commands of the overview.
fn commands(studio: &Studio) -> Vec<String> {
    let overview = studio.lines(&["help"]).ok().stdout;
    let (commands, _) = overview.split_once("More help:").unwrap();
    let indented = commands.lines().filter_map(|line| line.strip_prefix("  "));
    indented
        .filter(|line| !line.starts_with(' '))
        .map(|line| line.split_whitespace().next().unwrap().to_owned())
        .collect()
}

/// Returns the lines below `Examples:`.
fn examples(page: &str) -> Vec<String> {
    let after = page.split("Examples:\n").nth(1).unwrap_or_default();
    after
        .lines()
        .take_while(|line| line.starts_with("  "))
        .map(|line| line.trim().to_owned())
        .collect()
}

/// Returns the line that `watch` repeats, which it does only in a terminal.
fn without_watch(example: &str) -> &str {
    let question = example.strip_prefix("watch ");
    question.map_or(example, |rest| rest.split_once(' ').unwrap().1)
}

#[test]
fn the_overview_lists_every_command() {
    assert_snapshot!(Studio::bare().lines(&["help"]), @"
    exit 0
    --- stdout
    Commands:
      add         Track a storage or a category
      cards       List every card that was offloaded, and whether it may be formatted
      catalog     Show the state of the catalog, or exchange what is known with it now
      compare     Compare a project on two storages, file by file
      copy        Copy projects from one storage to others
      duplicates  List files of equal content at several places, the largest waste first
      echo        Print words
      exclude     Exclude files and folders that match a pattern
      explore     Open a project's folder in the file manager
      failures    List the files that `sync` could not copy yet
      fetch       Show where projects are, how big they are and how their copies compare
      find        Find files in the index, also on storages that are offline
      free        Remove a copy that is proven to be elsewhere
      heal        Replace damaged and missing files by intact copies
      help        Show the commands, or one command with examples
      history     List the last runs, the files of one run, or sizes over time
      list        List projects, clients, categories, storages or workstations
      load        Scan storages and update the index
      mhl         Write an ASC MHL history for what lies on a storage
      offload     Copy a card or any folder into a project, and say whether it may be formatted
      policy      List how many copies categories demand, or set it
      prune       Remove old versions for good
      remove      Stop tracking a storage, a category or an exclusion
      report      Write a page about projects for a client or a producer
      restore     Put old versions of files back
      safe        Say whether a copy may be removed, and how that is proven
      save        Save the changes of this session in the start-up file
      set         List the settings, or change one
      source      Run a file of commands
      status      List the projects that fall short of their policy, and what to type
      sync        Send what changed since the last sync to other storages
      undo        Reverse a copy, sync, heal or free
      verify      Read files again and compare them with what is known of them
      versions    List the old versions of files
      watch       Repeat a question every few seconds
      exit        Leave the prompt or end the script

    More help:
      examples     Common tasks and their commands
      scripts      Scripts: arguments, variables, quotes, cron
      keys         Keys at the prompt
      exit-status  Exit statuses and their use in a shell

    `help COMMAND` explains a command with examples. Quote names with spaces: 'Camera Raw'.
    To begin:
      add database WORK ~/studio
      add category footage footage/
      load
      fetch all
    ");
}

#[test]
fn page_lists_arguments_options_and_examples() {
    let studio = Studio::bare();
    assert_snapshot!(studio.lines(&["help copy"]), @"
    exit 0
    --- stdout
    Copy projects from one storage to others

    Files missing at the destination are copied. Older files there are replaced, and their old versions
    are kept in `.auto-backup/versions/` at the root of that storage. Newer files there, and files that
    differ with the same time, are conflicts: they are kept and reported. Files that only the
    destination has stay. A copy is written under a temporary name, flushed, read back and compared, and
    only then gets its name. To continue after an interruption, run the same line again.

    Usage: copy [OPTIONS] PROJECT [CATEGORY] FROM TO[,TO...]

    Arguments:
      <PROJECT>
              The project, a client for all of its projects, or `all`

      <CATEGORY>
              The category; all categories if left out

      [FROM]
              The storage to copy from

      [TO]...
              The storages to copy to, separated by commas

    Options:
          --count
              Only count the files and bytes that would be copied

          --dry-run
              Only show the files that would be copied

          --no-sequences
              List every frame of an image sequence

          --overwrite
              Replace newer files too; the old versions are kept

          --no-update
              Only add missing files

          --checksum
              Compare files of equal size by content instead of time

          --verify
              Read copies back, even after `set verify off`

          --no-verify
              Do not read copies back

          --yes
              Replace older files without asking at the prompt

      -h, --help
              Print help

    Examples:
      copy acme/spot WORK NAS
      copy acme/spot footage WORK NAS,ARCHIVE
      copy acme render NAS ARCHIVE --no-update
      copy acme/spot footage WORK NAS --checksum --dry-run
      copy all WORK NAS --count
      copy -- -odd-/name footage WORK NAS
    ");
    assert_snapshot!(studio.lines(&["help list projects"]), @"
    exit 0
    --- stdout
    List projects

    Usage: list projects [in CLIENT|CATEGORY|STORAGE]... [OPTIONS]

    Arguments:
      [IN]...  `in` and a client, category or storage, whichever the name is; repeatable

    Options:
          --copies <N>         Only projects with at most this number of whole copies
          --only-in <STORAGE>  Only projects that no other storage holds any file of
          --older-than <AGE>   Only projects whose newest file is older than this: 12h, 90d, 52w
          --sort <COLUMN>      Sort by this column [possible values: name, size, files, copies, newest,
                               scanned, free]
          --reverse            Turn the order around
          --limit <N>          List at most this number of rows
      -h, --help               Print help

    Examples:
      list projects
      list projects in acme in NAS
      list projects --sort size --limit 10
      list projects --only-in WORK
      list projects --older-than 90d --sort newest --reverse
    ");
}

#[test]
fn page_of_find_names_its_patterns() {
    let studio = Studio::bare();
    assert_snapshot!(studio.lines(&["help find"]), @"
    exit 0
    --- stdout
    Find files in the index, also on storages that are offline

    PATTERN is a glob (`*`, `?`, `[...]`, `{a,b}`) for the whole name or, without any of these, a part
    of the name. Case and accents are ignored: `cafe` finds `Café`. A PATTERN with a `/` is matched
    against the path below the category's folder instead of the name.

    Conditions may follow in any order: `larger SIZE`, `smaller SIZE`, `newer AGE` for files that
    changed within this time, `older AGE`, `only on STORAGE` for files that no other storage has, and
    `in WHERE`. WHERE is a storage, a category, a client or a project.

    The matching frames of an image sequence are one line, with their number and the frames missing
    between the first and the last. `plain` and `csv` list every file.

    Usage: find [OPTIONS] PATTERN [CONDITION]...

    Arguments:
      <PATTERN>
              A glob or a part of the name

      [CONDITION]...
              Conditions: `larger SIZE`, `smaller SIZE`, `newer AGE`, `older AGE`, `only on STORAGE`,
              `in WHERE`

    Options:
          --newer <AGE>
              Only files that changed within this time: `2d`, `12h`

          --larger <SIZE>
              Only files of more than this size: `10GB`, `500k`

          --limit <N>
              Stop after N lines; in `plain`, `csv` and `json` after N files

          --no-sequences
              List every frame of an image sequence

      -s, --case-sensitive
              Match case and accents exactly

      -h, --help
              Print help

    Examples:
      find reel
      find '*.mov' in acme
      find 'acme/*/plates/*.exr' in NAS
      find '*' newer 2d larger 10GB
      find '*.mov' only on WORK older 30d
      find sh010 --no-sequences --limit 20
    ");
}

#[test]
fn help_is_written_in_every_format() {
    let studio = Studio::bare();
    assert_snapshot!(studio.json(&["help save"]), @r#"
    exit 0
    --- stdout
    {"command":"help","text":"Save the changes of this session in the start-up file\n\nEach added storage, category or exclusion gets an `add` or `exclude` line. Lines of removed or\nreplaced ones are deleted. Of the settings, `publish` and `catalog` are saved. All other lines stay\nas they are, including those that another session has saved. A backup of the file is kept beside it.\nIf the file now gives a name another location, `save` fails, unless the name was added with\n`--replace`.\n\nUsage: save\n\nOptions:\n  -h, --help\n          Print help\n\nExamples:\n  save\n"}
    "#);
    assert_snapshot!(run_with_format(&studio, "plain", "help save"), @"
    exit 0
    --- stdout
    Save the changes of this session in the start-up file

    Each added storage, category or exclusion gets an `add` or `exclude` line. Lines of removed or
    replaced ones are deleted. Of the settings, `publish` and `catalog` are saved. All other lines stay
    as they are, including those that another session has saved. A backup of the file is kept beside it.
    If the file now gives a name another location, `save` fails, unless the name was added with
    `--replace`.

    Usage: save

    Options:
      -h, --help
              Print help

    Examples:
      save
    ");
    assert_snapshot!(run_with_format(&studio, "csv", "help save"), @r#"
    exit 0
    --- stdout
    help
    Save the changes of this session in the start-up file
    ""
    "Each added storage, category or exclusion gets an `add` or `exclude` line. Lines of removed or"
    "replaced ones are deleted. Of the settings, `publish` and `catalog` are saved. All other lines stay"
    "as they are, including those that another session has saved. A backup of the file is kept beside it."
    "If the file now gives a name another location, `save` fails, unless the name was added with"
    `--replace`.
    ""
    Usage: save
    ""
    Options:
    "  -h, --help"
              Print help
    ""
    Examples:
      save
    "#);
}

#[test]
fn every_command_example_parses() {
    let studio = Studio::bare();
    for command in commands(&studio) {
        let page = studio.lines(&[&format!("help {command}")]).ok().stdout;
        let examples = examples(&page);
        assert!(
            !examples.is_empty(),
            "help {command} has no examples:\n{page}"
        );
        for example in examples {
            // Paths with variables need these variables.
            let mut process = studio.command();
            process
                .env("NAS_MOUNT", studio.path("mnt"))
                .args(["-c", without_watch(&example)]);
            let run = studio.finish(&mut process);
            assert!(matches!(run.status, 0 | 1 | 3), "`{example}`: {run}");
        }
    }
}

#[test]
fn every_subcommand_has_examples() {
    let studio = Studio::bare();
    for kind in [
        "add database",
        "add category",
        "fetch",
        "list clients",
        "list projects",
        "list databases",
        "list categories",
        "remove database",
        "remove category",
        "remove exclusion",
    ] {
        let page = studio.lines(&[&format!("help {kind}")]).ok().stdout;
        let examples = examples(&page);
        assert!(
            examples.iter().all(|example| example.starts_with(kind)) && !examples.is_empty(),
            "{page}"
        );
    }
}

#[test]
fn unknown_command_suggests_nearest() {
    let studio = Studio::bare();
    assert_snapshot!(studio.lines(&["help cpoy"]).status(2), @"
    exit 2
    --- stderr
    -c:1:6: error: unknown command `cpoy`
        help cpoy
             ^^^^
    hint: did you mean `copy`?
    ");
    assert_snapshot!(studio.lines(&["help add databse"]).status(2), @"
    exit 2
    --- stderr
    -c:1:10: error: unknown command `add databse`
        help add databse
                 ^^^^^^^
    hint: did you mean `add database`?
    ");
    assert_snapshot!(studio.lines(&["help zzz"]).status(2), @"
    exit 2
    --- stderr
    -c:1:6: error: unknown command `zzz`
        help zzz
             ^^^
    hint: `help` lists the commands
    ");
}

#[test]
fn short_option_shows_the_same_page() {
    let studio = Studio::bare();
    for line in ["copy", "add database", "list clients"] {
        let [short, long] =
            ["-h", "--help"].map(|option| studio.lines(&[&format!("{line} {option}")]).ok());
        assert_eq!(short.stdout, long.stdout, "{line}");
    }
    assert_eq!(
        studio.run(["-h"]).ok().stdout,
        studio.run(["--help"]).ok().stdout
    );
}

#[test]
fn topic_pages_are_listed_and_shown() {
    let studio = Studio::bare();
    let overview = studio.lines(&["help"]).ok().stdout;
    let (_, topics) = overview.split_once("More help:\n").unwrap();
    let topics: Vec<_> = topics.lines().take_while(|line| !line.is_empty()).collect();
    assert_eq!(topics.len(), 4, "{overview}");
    for topic in topics {
        let name = topic.split_whitespace().next().unwrap();
        let page = studio.lines(&[&format!("help {name}")]).ok().stdout;
        assert!(page.lines().count() > 8, "{page}");
        assert!(page.lines().any(|line| line.starts_with("  ")), "{page}");
    }
    let statuses = studio.lines(&["help exit-status"]).ok().stdout;
    assert!(statuses.contains("    3  some items failed"), "{statuses}");
    let near = studio.lines(&["help exit-statsu"]).status(2).stderr;
    assert!(near.contains("did you mean `exit-status`"), "{near}");
}

#[test]
fn every_line_of_examples_runs() {
    let studio = Studio::filled();
    studio.lines(&["load"]).ok();
    let page = studio.lines(&["help examples"]).ok().stdout;
    let examples: Vec<_> = page
        .lines()
        .filter_map(|line| line.strip_prefix("  "))
        .collect();
    assert!(examples.len() > 10, "{page}");
    for example in examples {
        let run = studio.run(["--dry-run", "-c", without_watch(example)]);
        assert!([0, 1, 3].contains(&run.status), "{example}: {run}");
    }
}

#[test]
fn examples_use_registered_names() {
    let studio = Studio::bare();
    studio
        .file(
            "home/.config/auto-backup/.config",
            "add database DISK /disk\nadd database 'NAS 2' NAS2\nadd category plates plates\n",
        )
        .file("home/.config/auto-backup/NAS2/plates/Bob's/film/x", "");
    studio.lines(&["load"]).status(3);
    for line in ["help copy", "copy --help", "help examples", "help add"] {
        let page = studio.lines(&[line]).status(0).stdout;
        let own = "copy \"Bob's/film\" plates DISK 'NAS 2'";
        assert_eq!(page.contains(own), line != "help add", "{line}: {page}");
    }
}
