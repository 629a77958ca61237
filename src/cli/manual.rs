//! Text of the man page beside options and commands. Text between backticks is printed bold.

/// Term and its explanation.
pub(super) type ManualEntry = (&'static str, &'static str);

/// Command lines of the program.
pub(super) const SYNOPSIS: &str = "auto-backup [OPTIONS]
auto-backup [OPTIONS] SCRIPT
auto-backup [OPTIONS] COMMAND [ARGUMENTS]
auto-backup [OPTIONS] -c COMMAND ...";

/// Examples; the help shows the lines without explanations.
pub(super) const EXAMPLES: &[ManualEntry] = &[
    (
        "auto-backup",
        "Starts the prompt: Tab completes, Ctrl-D leaves.",
    ),
    (
        "auto-backup --demo",
        "Starts the prompt in a small studio of its own, which is removed afterwards.",
    ),
    ("auto-backup nightly.ab", "Runs the commands in a file."),
    (
        "auto-backup list clients --format json",
        "Runs one command; options of the program may stand before or after it.",
    ),
    (
        "auto-backup --check nightly.ab",
        "Checks every line and its names, and runs nothing.",
    ),
    (
        "auto-backup push-project.ab acme/spot NAS",
        "Runs a script with arguments for `$1` and `$2`.",
    ),
    (
        "auto-backup --dry-run -D TO=NAS nightly.ab",
        "Reports what a script would do, with a value for `$TO`.",
    ),
    (
        "auto-backup -c 'load --older-than 1h' -c 'fetch all' --format json",
        "Runs two commands and writes their answers as JSON; `load` scans only storages whose last scan is older than an hour.",
    ),
];

/// Introduction of the list of commands.
pub(super) const COMMANDS: &str = "Commands work at the prompt, in scripts and with `-c`. \
     `auto-backup -c 'help COMMAND'` explains a command with examples.";

/// Text after the list of exit statuses.
pub(super) const EXIT_STATUS: &str = "The process exits with the worst status of its commands. From least to worst: 3, 1, 5, 2, 130, 143. \
     A script stops at the first line with status 1, 2 or 5 and continues after status 3.";

/// Files of the program.
pub(super) const FILES: &[ManualEntry] = &[
    (
        "~/.local/share/auto-backup/index.sqlite",
        "The index, unless `--index` names another. It may be deleted at any time: \
         the next `load` creates it again.",
    ),
    (
        "~/.local/state/auto-backup/history",
        "The history of the prompt.",
    ),
    (
        "~/.local/state/auto-backup/YYYY-MM.log",
        "The run log of a month.",
    ),
    (
        "~/.local/state/auto-backup/locks",
        "The locks of rclone storages.",
    ),
    (
        "./.config",
        "The start-up file, unless `--config` or `$AUTO_BACKUP_CONFIG` names another. \
         It is read only if it belongs to you or root and no other user can write it.",
    ),
    (
        "~/.config/auto-backup/.config",
        "The start-up file if none of these exists.",
    ),
    (
        "/var/tmp",
        "Results of a scan in progress; deleted when the program ends.",
    ),
    (
        "/tmp",
        "File lists for rclone, its control socket, and the studio of `--demo`; deleted when the program ends.",
    ),
    (
        "ROOT/.auto-backup/versions",
        "In a storage: the files that copies and syncs replaced or removed.",
    ),
];

/// Location of the first files on macOS.
pub(super) const FILES_ELSEWHERE: &str =
    "On macOS the folder `auto-backup` is in `~/Library/Application Support`.";

/// Environment variables that the program reads.
pub(super) const ENVIRONMENT: &[ManualEntry] = &[
    (
        "AUTO_BACKUP_CONFIG",
        "The start-up file, unless `--config` names another.",
    ),
    (
        "NO_COLOR",
        "If not empty: no color, unless `--color` is given.",
    ),
    (
        "CLICOLOR_FORCE",
        "If not empty or 0: color even without a terminal. `NO_COLOR` takes precedence.",
    ),
    (
        "TERM",
        "The type of terminal. If it is `dumb` or not set: no line editor, no progress bar and no color.",
    ),
    (
        "ACCESSIBLE",
        "If not empty or 0: no boxes, colors or repainting.",
    ),
    (
        "PAGER",
        "The program for answers longer than the screen, instead of `less` or `more`; \
         an empty value or `cat` turns it off.",
    ),
    ("LESS", "The options of `less`, instead of `FRX`."),
    (
        "LESSCHARSET",
        "The character set of `less`, instead of `utf-8`.",
    ),
    (
        "XDG_CONFIG_HOME, XDG_DATA_HOME, XDG_STATE_HOME",
        "The folders to use instead of `~/.config`, `~/.local/share` and `~/.local/state`.",
    ),
    (
        "XDG_RUNTIME_DIR",
        "The folder for the control socket of rclone, if it belongs to this user alone.",
    ),
    (
        "SQLITE_TMPDIR, TMPDIR",
        "The folder to use instead of `/var/tmp`; `TMPDIR` also replaces `/tmp`.",
    ),
    (
        "RCLONE_CONFIG",
        "The configuration of rclone, instead of `~/.config/rclone/rclone.conf`.",
    ),
    (
        "RCLONE_CONFIG_PASS, RCLONE_PASSWORD_COMMAND",
        "The password of that configuration, or a command that prints it. Of the other variables that begin with \
         `RCLONE_` only those of remotes, `RCLONE_CONFIG_...`, reach rclone.",
    ),
    (
        "DISPLAY, WAYLAND_DISPLAY, SSH_CONNECTION",
        "Detection of a desktop on which `explore` can open a folder (`SSH_CONNECTION` on macOS only). \
         Without a desktop `explore` prints the path.",
    ),
];

/// Related manual pages.
pub(super) const SEE_ALSO: &str = "`cp`(1), `du`(1), `find`(1), `rclone`(1), `rsync`(1)";
