//! Remotes in rclone's configuration, for completion.

use std::ffi::OsString;
use std::ops::ControlFlow;
use std::time::Duration;

use super::line::OutputLine;
use super::process::{self, ProcessLimits};
use super::program;
use crate::base::ignore::ignore;
use crate::model::access::Access;

/// Time for `rclone listremotes`, which reads one file.
const LIST_TIMEOUT: Duration = Duration::from_secs(2);

/// A remote in rclone's configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfiguredRemote {
    /// Its name without the colon.
    pub name: String,
    /// Its type, as `s3`.
    pub kind: String,
}

/// Returns the configured remotes; none without rclone, or if the configuration cannot be read in time.
pub fn configured_remotes(access: &Access) -> Vec<ConfiguredRemote> {
    let Ok(program) = program::find_program(access) else {
        return Vec::new();
    };
    let arguments = ["listremotes", "--long", "--ask-password=false"].map(OsString::from);
    let mut remotes = Vec::new();
    let limits = ProcessLimits::with_timeout(LIST_TIMEOUT);
    let ended = process::run(&program, &arguments, limits, &mut |line| {
        if let OutputLine::Stdout(line) = line {
            remotes.extend(parse(&line));
        }
        ControlFlow::Continue(())
    });
    ignore(ended, "a remote that is not listed can still be typed");
    remotes
}

/// Identifies the present content of rclone's configuration file.
pub fn configuration_state() -> String {
    program::configuration_fingerprint()
}

/// Parses a line as `cloud:   s3`.
fn parse(line: &[u8]) -> Option<ConfiguredRemote> {
    let line = std::str::from_utf8(line).ok()?;
    let (name, kind) = line.split_once(':')?;
    Some(ConfiguredRemote {
        name: name.to_owned(),
        kind: kind.split_whitespace().collect::<Vec<_>>().join(" "),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_has_name_and_type() {
        let parsed = |line: &str| parse(line.as_bytes()).map(|remote| (remote.name, remote.kind));
        let pair = |name: &str, kind: &str| Some((name.to_owned(), kind.to_owned()));
        assert_eq!(parsed("cloud:      s3"), pair("cloud", "s3"));
        assert_eq!(
            parsed("my drive: drive  of kim"),
            pair("my drive", "drive of kim")
        );
        assert_eq!(parsed("old:"), pair("old", ""));
        assert_eq!(parsed("no remote"), None);
    }
}
