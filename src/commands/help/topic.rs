//! Pages of help that are about no single command.

use crate::base::exit_status::ExitStatus;

/// A page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Topic {
    Examples,
    Scripts,
    Keys,
    ExitStatus,
}

impl Topic {
    /// All of them, as `help` lists them.
    pub(super) const ALL: [Self; 4] = [Self::Examples, Self::Scripts, Self::Keys, Self::ExitStatus];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Examples => "examples",
            Self::Scripts => "scripts",
            Self::Keys => "keys",
            Self::ExitStatus => "exit-status",
        }
    }

    /// What it is about, in a line.
    pub(super) const fn about(self) -> &'static str {
        match self {
            Self::Examples => "What people do with it, and the lines for it",
            Self::Scripts => "Files of commands: arguments, variables, quotes, cron",
            Self::Keys => "Keys at the prompt",
            Self::ExitStatus => "What the program ends with, and how to use it",
        }
    }

    /// The page. Lines that are examples begin with two blanks.
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
Where a project is, how big, and which copies agree:
  fetch project acme/spot
  fetch client acme
  fetch all

Look at the disks again, all of them or one:
  load
  load NAS --older-than 1h

What differs between two storages, file by file, or by content:
  compare acme/spot WORK NAS
  compare acme/spot footage WORK NAS --checksum

See what a copy would do, then do it. What is replaced is kept:
  copy acme/spot footage WORK NAS --dry-run
  copy acme/spot footage WORK NAS
  copy acme all WORK NAS

Push what changed since the last time, every night, and see what did not arrive:
  sync all all WORK NAS --count
  sync all all WORK NAS
  failures

Find files, also on a drive that lies on the shelf:
  find 'sh010*.exr'
  find reel in NAS

Track one more storage, also one behind rclone, and keep it for the next time:
  add database ARCHIVE /mnt/archive
  add database CLOUD s3:bucket/studio
  save

Names with blanks are quoted, and Tab does it:
  fetch project \"Bob's Diner/menu film\"
";

const SCRIPTS: &str = "\
A script is a file of the same commands, one a line; `#` begins a comment. It stops at the first line that fails.

  #!/usr/bin/env -S auto-backup --quiet
  load
  copy all footage WORK NAS

Run it, try it out, give it arguments, run it every night at two:
  auto-backup nightly.ab
  auto-backup --dry-run nightly.ab
  auto-backup push.ab acme/spot NAS
  0 2 * * *  auto-backup --quiet --keep-going /home/me/nightly.ab

In it, `$1` is the first argument and `$NAME` a variable of the environment or of `-D NAME=VALUE`. A value stays one word; one that is not set is an error. In single quotes, and as `\\$`, a dollar sign is one:
  copy $1 footage WORK $2
  echo 'costs 5 $'

`source FILE` runs another file, `echo` writes a line, ` \\` at the end of a line goes on in the next, `--` ends the options:
  source studio.ab
  fetch client -- -odd-

One command needs no file:
  auto-backup -c 'fetch project acme/spot' --format json
";

const KEYS: &str = "\
While a line is typed:
  Tab             completes commands, options, names and paths, also from letters within them
  Right, End      take over the grey hint, where it is a line from the history
  Up, Down        go through the history; Ctrl-R searches it
  Ctrl-A, Ctrl-E  go to the beginning, to the end of the line
  Ctrl-W, Ctrl-U  delete the word, all before the cursor; Ctrl-Y brings it back
  Ctrl-C          clears the line, and stops what is running; a second time it leaves at once
  Ctrl-D          leaves, on an empty line

Several lines that are pasted run one after the other, up to the first that fails.
A line that begins with a blank is not kept in the history, and `--yes`, `--overwrite`, `--delete` and `--force` never are.
`set hints off` turns the grey hints off; in the start-up file for good.
";

fn exit_status() -> String {
    let statuses = ExitStatus::ALL.map(|status| {
        let (code, meaning) = (status.code(), status.meaning());
        format!("{code:>5}  {meaning}\n")
    });
    let statuses = statuses.concat();
    format!(
        "The program ends with the worst of its lines; never with 0 after an error.

{statuses}
A script stops at the first line that ends with 1, 2 or 5, unless with `--keep-going`; after a 3 it goes on. In a shell:

  auto-backup nightly.ab || echo \"nightly copy: status $?\"
  auto-backup -c 'compare acme/spot WORK NAS' && echo same
"
    )
}
