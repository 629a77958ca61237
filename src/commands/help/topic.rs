//! Pages of `help` about topics instead of commands.

use crate::base::exit_status::ExitStatus;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Topic {
    Examples,
    Scripts,
    Keys,
    ExitStatus,
}

impl Topic {
    /// All topics, in the order that `help` lists them.
    pub(super) const ALL: [Self; 4] = [Self::Examples, Self::Scripts, Self::Keys, Self::ExitStatus];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Examples => "examples",
            Self::Scripts => "scripts",
            Self::Keys => "keys",
            Self::ExitStatus => "exit-status",
        }
    }

    /// Returns the line of the topic in the overview.
    pub(super) const fn about(self) -> &'static str {
        match self {
            Self::Examples => "Common tasks and their commands",
            Self::Scripts => "Scripts: arguments, variables, quotes, cron",
            Self::Keys => "Keys at the prompt",
            Self::ExitStatus => "Exit statuses and their use in a shell",
        }
    }

    /// Returns the page. Examples begin with two blanks, so that names of the studio can replace theirs.
    pub(super) fn text(self) -> String {
        match self {
            Self::Examples => EXAMPLES.to_owned(),
            Self::Scripts => SCRIPTS.to_owned(),
            Self::Keys => KEYS.to_owned(),
            Self::ExitStatus => exit_status(),
        }
    }
}

const EXAMPLES: &str = "\
Show where a project is, how big it is and which replicas differ:
  fetch project acme/spot
  fetch client acme
  fetch all

Scan the storages again, all or one:
  load
  load NAS --older-than 1h

Compare two storages file by file, or by content:
  compare acme/spot WORK NAS
  compare acme/spot footage WORK NAS --checksum

Show what a copy would do, then copy. Old versions of replaced files are kept:
  copy acme/spot footage WORK NAS --dry-run
  copy acme/spot footage WORK NAS
  copy acme all WORK NAS

Send the changes since the last sync, every night, and list failed files:
  sync all all WORK NAS --count
  sync all all WORK NAS
  failures

Find files, also on offline drives:
  find 'sh010*.exr'
  find reel in NAS

Write a page about a project for a client or a producer:
  report acme/spot --to spot.html

Watch what other sessions do, until `q`:
  watch 5 fetch all
  watch 2 history --last 5

Track another storage, also one behind rclone, and save it for the next session:
  add database ARCHIVE /mnt/archive
  add database CLOUD s3:bucket/studio
  save

Quote names with blanks; Tab adds the quotes:
  fetch project \"Bob's Diner/menu film\"
";

const SCRIPTS: &str = "\
A script is a file of the same commands, one on each line. `#` begins a comment. A script stops at the first line that fails.

  #!/usr/bin/env -S auto-backup --quiet
  load
  copy all footage WORK NAS

Run a script, try it as a dry run, pass arguments, run it every night at two:
  auto-backup nightly.ab
  auto-backup --dry-run nightly.ab
  auto-backup push.ab acme/spot NAS
  0 2 * * *  auto-backup --quiet --keep-going /home/me/nightly.ab

`$1` is the first argument, and `$NAME` a variable of the environment or of `-D NAME=VALUE`. A value stays one word; an unset variable is an error. In single quotes, and after a backslash, `$` is a dollar sign:
  copy $1 footage WORK $2
  echo 'costs 5 $'

`source FILE` runs another file, `echo` prints a line, ` \\` at the end of a line continues it on the next, `--` ends the options:
  source studio.ab
  fetch client -- -odd-

A single command needs no file:
  auto-backup -c 'fetch project acme/spot' --format json
";

const KEYS: &str = "\
While you type a line:
  Tab             completes commands, options, names and paths, also without accents and from letters inside them; several matches open a menu
  Right, End      accept the gray hint if it is a line from the history
  Up, Down        move through the history: through all lines, or those that begin with the typed text; Ctrl-R searches it; after a mistake, Up brings the corrected line if one is likely
  Ctrl-A, Ctrl-E  move to the beginning, to the end of the line
  Ctrl-W, Ctrl-U  delete the word, everything before the cursor; Ctrl-Y inserts it again
  Ctrl-C          clears the line, or stops the running command; the second Ctrl-C quits at once
  Ctrl-D          quits, on an empty line; `save? [Y/n]` follows if something added or removed is not saved

In the menu below the line:
  Tab, Up, Down   select an entry, also Shift-Tab, Page Up and Page Down
  Enter           inserts the selected entry, quoted where necessary; without one, it runs the line
  any text        narrows the menu
  Esc, Ctrl-C     close the menu and restore the line

Pasted lines run one after the other, up to the first that fails.
The history leaves out lines that begin with a blank, and the options `--yes`, `--overwrite`, `--delete` and `--force`.
`set hints off` turns the gray hints off; in the start-up file, permanently.
";

fn exit_status() -> String {
    let statuses = ExitStatus::ALL.map(|status| {
        let (code, meaning) = (status.code(), status.meaning());
        format!("{code:>5}  {meaning}\n")
    });
    let statuses = statuses.concat();
    format!(
        "The exit status is that of the worst line, and never 0 after an error.

{statuses}
The status of a command by what it meets:

                                       load  copy  sync  compare
  nothing to report                       0     0     0     0
  a file differs                          -     -     -     3
  a file fails, or is in conflict         3     3     3     3
  a shelf storage is away                 0     1     1     1
  another storage is offline              3     1     1     1
  a storage that the line names is away   3     1     1     1
  one of several destinations is away     -     3     3     -
  another run has locked the storage      -     5     5     -

A storage is a shelf storage after `add database NAME ROOT --shelf`. The start-up file counts only with 1, 2 and 5: then the script does not run. `find` without a hit ends with 0.

A script stops at the first line with status 1, 2 or 5, unless run with `--keep-going`. After status 3 it continues. In a shell:

  auto-backup nightly.ab || echo \"nightly copy: status $?\"
  auto-backup -c 'compare acme/spot WORK NAS' && echo same
"
    )
}
