//! Measures a command as a whole process: wall time, time of the first line, peak memory.

use std::env;
use std::ffi::OsString;
use std::process::Command;
use std::time::Duration;

use auto_backup::base::error::IoResultExt as _;

use super::interrupted;
use super::outcome::Outcome;

/// Option that makes this program the process around a command.
pub(crate) const OPTION: &str = "--measure";

/// One run of a command.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    pub(crate) wall: Duration,
    /// Peak memory in bytes.
    pub(crate) peak: u64,
}

/// Runs a command once and returns its sample and the time of its first line. A failing command is an error: its speed
/// is of no interest.
pub(crate) fn measure(command: &[OsString]) -> Outcome<(Sample, Duration)> {
    interrupted::check()?;
    let own = env::current_exe().at("find", "this program")?;
    let run = Command::new(&own)
        .arg(OPTION)
        .args(command)
        .output()
        .at("run", &own)?;
    interrupted::check()?;
    let told = String::from_utf8(run.stdout)?;
    let complaints = String::from_utf8_lossy(&run.stderr);
    let shown = command.join(" ".as_ref());
    match numbers(&told) {
        Some([0, peak, wall, first_line]) => {
            let sample = Sample {
                wall: Duration::from_nanos(u64::try_from(wall)?),
                peak: u64::try_from(peak)? * 1024,
            };
            Ok((sample, Duration::from_nanos(u64::try_from(first_line)?)))
        }
        Some([status, ..]) => {
            Err(format!("{} ended with {status}\n{complaints}", shown.display()).into())
        }
        None => Err(format!("{} was not measured\n{complaints}", shown.display()).into()),
    }
}

/// Parses the four numbers of the process around the command.
fn numbers(line: &str) -> Option<[i64; 4]> {
    let numbers: Result<Vec<i64>, _> = line.split_whitespace().map(str::parse).collect();
    numbers.ok()?.try_into().ok()
}
