//! Measures the prompt in a terminal of its own: its start, a key press, and Tab. `benches/run` starts it;
//! docs/performance.md explains the results.

/// Only the used parts: no process here is waited for to its end.
#[path = "../common"]
mod common {
    pub(crate) mod frame;
    pub(crate) mod interrupted;
    pub(crate) mod machine;
    pub(crate) mod options;
    pub(crate) mod outcome;
    pub(crate) mod report;
    pub(crate) mod row;
    pub(crate) mod spread;
}
mod bound;
mod duel;
mod programs;
mod rows;
mod studio;
mod terminal;

use std::io::{self, Write as _};
use std::process::ExitCode;

use auto_backup::base::unit;
use clap::{CommandFactory as _, FromArgMatches as _, Parser};

use common::frame::{Benchmark, Measured};
use common::machine;
use common::options::Options;
use common::outcome::{self, Outcome};
use studio::Studio;

/// This benchmark.
const PROMPT: Benchmark = Benchmark {
    name: "prompt",
    asked_with: ASKED_WITH,
};

/// Number of files for which the targets apply.
const ASKED_WITH: u64 = 1_000_000;

/// Measures the prompt beside bash, each in a terminal of its own, with an index of all files, a tenth as many
/// projects, and a hundred databases
///
/// A run is six starts, forty key presses at each place, and ten times Tab at each place.
#[derive(Debug, Parser)]
#[command(name = "benches/run prompt", bin_name = "benches/run prompt")]
struct Prompt {
    #[command(flatten)]
    options: Options,
}

fn main() -> ExitCode {
    // The targets apply to all files, and the index is built once for everything.
    let grammar = Prompt::command()
        .mut_arg("files", |files| files.default_value(ASKED_WITH.to_string()))
        .mut_arg("runs", |runs| runs.help("How much is measured"));
    let parsed = Prompt::from_arg_matches(&grammar.get_matches());
    outcome::ending(parsed.map_or_else(
        |error| Err(error.into()),
        |prompt| measure_everything(&prompt.options),
    ))
}

fn measure_everything(options: &Options) -> Outcome<()> {
    PROMPT.publish(options, || measured(options))
}

fn measured(options: &Options) -> Outcome<Measured> {
    let count = unit::format_counted(options.files, "file");
    writeln!(io::stderr(), "making a studio of {count} and its index")?;
    let studio = Studio::new(&options.place(), options.files)?;
    let machine = measured_on(&studio);
    let filled = studio.fill().and_then(|()| studio.load());
    let rows = filled.and_then(|()| rows::all(&studio, options.runs));
    writeln!(io::stderr(), "removing the studio")?;
    studio.remove()?;
    let rows = rows?;
    Ok(Measured { rows, machine })
}

/// Returns the description of the machine.
fn measured_on(studio: &Studio) -> String {
    let file_system = machine::file_system(&studio.path(""));
    let places = format!("the studio and the index on {file_system}");
    machine::description(&places, &["bash", "setsid"])
}
