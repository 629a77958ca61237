//! `watch`: the grammar of the command. The shell repeats the question and shows its answers.

use std::ffi::OsString;
use std::time::Duration;

use clap::Args;

use crate::base::unit;

/// Repeat a question every few seconds
///
/// The screen shows the answer as far as it fits, below a line with the interval, the command and the time. `q` or Ctrl-C
/// ends it. It repeats `fetch`, `list`, `find`, `history`, `failures` and `compare --known`, which answer from the index
/// alone: what scans, copies and syncs of other sessions record meanwhile appears in the next answer. It works at the prompt,
/// and from the shell as `auto-backup watch 5 fetch all`, but not in scripts.
#[derive(Debug, Args)]
#[command(
    override_usage = "watch SECONDS COMMAND...",
    after_help = "Examples:
  watch 5 fetch all
  watch 2 history --last 5
  watch 1m list databases"
)]
pub(crate) struct WatchArgs {
    /// The interval from one answer to the next: seconds, or a duration like `1m`
    #[arg(value_name = "SECONDS", value_parser = parse_interval)]
    pub(crate) interval: Duration,
    /// The command to repeat
    #[arg(
        value_name = "COMMAND",
        trailing_var_arg = true,
        allow_hyphen_values = true,
        required = true
    )]
    pub(crate) command: Vec<OsString>,
}

/// Names of the commands that can be repeated.
pub(crate) const WATCHED_COMMANDS: [&str; 8] = [
    "compare", "failures", "fetch", "find", "history", "list", "safe", "status",
];

fn parse_interval(word: &str) -> Result<Duration, String> {
    const LONGEST: Duration = Duration::from_secs(86_400);
    let interval = unit::parse_duration(word)?;
    if interval.is_zero() || interval > LONGEST {
        return Err("it is between 1 second and 1 day, like 5 or 1m".to_owned());
    }
    Ok(interval)
}
