//! The words of the man page that neither options nor commands say themselves. What stands between backticks is bold.

/// Something that is explained, and its explanation.
pub(super) type ManualEntry = (&'static str, &'static str);

/// The ways to start the program.
pub(super) const SYNOPSIS: &str = "auto-backup [OPTIONS]
auto-backup [OPTIONS] SCRIPT
auto-backup [OPTIONS] -c COMMAND ...";

/// How the program is started; the help shows the lines alone.
pub(super) const EXAMPLES: &[ManualEntry] = &[
    ("auto-backup", "The prompt: Tab completes, Ctrl-D leaves."),
    ("auto-backup nightly.ab", "The commands in a file."),
    (
        "auto-backup push-project.ab acme/spot NAS",
        "The same, with arguments for `$1` and `$2` in it.",
    ),
    (
        "auto-backup --dry-run -D TO=NAS nightly.ab",
        "What that would do, with a value for `$TO`.",
    ),
    (
        "auto-backup -c 'load --older-than 1h' -c 'fetch all' --format json",
        "Two commands, `load` only where the last look is older than an hour, and their answers as JSON.",
    ),
];

/// What comes before the list of commands.
pub(super) const COMMANDS: &str = "Given at the prompt, in scripts and with `-c`. \
     `auto-backup -c 'help COMMAND'` explains one with examples.";

/// What comes after the list of exit statuses.
pub(super) const EXIT_STATUS: &str = "Of several the process ends with the worst: 3, then 1, 5, 2, 130, 143. \
     A script stops at the first line that ends with 1, 2 or 5; after a 3 it goes on.";

/// Where our own files are.
pub(super) const FILES: &[ManualEntry] = &[
    (
        "~/.local/share/auto-backup/index.sqlite",
        "The index, unless `--index` names another. It may be deleted at any time: \
         the next `load` fills it again.",
    ),
    (
        "~/.local/state/auto-backup/history",
        "The history of the prompt.",
    ),
    (
        "~/.local/state/auto-backup/YYYY-MM.log",
        "The log of the runs of a month.",
    ),
    (
        "~/.local/state/auto-backup/locks",
        "The locks of databases behind rclone.",
    ),
    (
        "./.config",
        "The start-up file, unless `--config` or `$AUTO_BACKUP_CONFIG` names another. \
         It counts only if it is yours or root's and nobody else can write it.",
    ),
    (
        "~/.config/auto-backup/.config",
        "The start-up file where there is none of these.",
    ),
    (
        "/var/tmp",
        "What a look has found so far; it is gone with the program.",
    ),
    (
        "/tmp",
        "Lists of files for rclone, and the socket by which it is asked; gone with the program.",
    ),
    (
        "ROOT/.auto-backup/versions",
        "In a database: what copies and syncs replaced or took away there.",
    ),
];

/// Where the first of our files are on macOS.
pub(super) const FILES_ELSEWHERE: &str =
    "On macOS the folder `auto-backup` is in `~/Library/Application Support`.";

/// The variables of the environment that count.
pub(super) const ENVIRONMENT: &[ManualEntry] = &[
    (
        "AUTO_BACKUP_CONFIG",
        "The start-up file, unless `--config` names another.",
    ),
    (
        "NO_COLOR",
        "Set to anything: no colour, unless `--color` says otherwise.",
    ),
    (
        "CLICOLOR_FORCE",
        "Set to anything but 0: colour also where there is no terminal. `NO_COLOR` wins over it.",
    ),
    (
        "TERM",
        "The kind of terminal. Where it is `dumb` or not set, there is no prompt, no progress bar and no colour.",
    ),
    (
        "ACCESSIBLE",
        "Set to anything but 0: no boxes, colours or repainting.",
    ),
    (
        "PAGER",
        "The program that shows what is longer than the screen, in place of `less` or `more`; \
         none where it is empty or `cat`.",
    ),
    ("LESS", "The options of `less`, in place of `FRX`."),
    (
        "LESSCHARSET",
        "What `less` takes answers for, in place of `utf-8`.",
    ),
    (
        "XDG_CONFIG_HOME, XDG_DATA_HOME, XDG_STATE_HOME",
        "The folders in place of `~/.config`, `~/.local/share` and `~/.local/state`.",
    ),
    (
        "XDG_RUNTIME_DIR",
        "The folder for the socket by which rclone is asked, where it is this user's alone.",
    ),
    (
        "SQLITE_TMPDIR, TMPDIR",
        "The folder in place of `/var/tmp`; the second also in place of `/tmp`.",
    ),
    (
        "RCLONE_CONFIG",
        "The configuration of rclone, in place of `~/.config/rclone/rclone.conf`.",
    ),
    (
        "RCLONE_CONFIG_PASS, RCLONE_PASSWORD_COMMAND",
        "The password of that configuration, or a command that prints it. Of the other variables that begin with \
         `RCLONE_` only those of remotes, `RCLONE_CONFIG_...`, reach rclone.",
    ),
    (
        "DISPLAY, WAYLAND_DISPLAY, SSH_CONNECTION",
        "Whether there is a desktop on which `explore` can open a folder (the last on macOS only). \
         Elsewhere it prints the path.",
    ),
];

/// The pages that are near.
pub(super) const SEE_ALSO: &str = "`cp`(1), `du`(1), `find`(1), `rclone`(1), `rsync`(1)";
