//! The options that all measurings have.

use std::env;
use std::path::{Path, PathBuf};

use clap::Args;

/// Fewer files would not fill the 80 replicas of `load`, and tell of `copy` only how long tools take to start.
const FEWEST_FILES: u64 = 2000;

/// How much is measured, and where.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// How many files there are
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(FEWEST_FILES..))]
    pub(crate) files: u64,
    /// How often each command is measured, after once to warm up
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) runs: u64,
    /// Where the files are made; else in memory, where the system has a place for that
    #[arg(long, value_name = "FOLDER")]
    at: Option<PathBuf>,
    /// Put the results into docs/performance.md
    #[arg(long)]
    pub(crate) write: bool,
    /// What cargo adds for every benchmark
    #[arg(long, hide = true)]
    pub(crate) bench: bool,
}

impl Options {
    /// The command line that measures the same again.
    pub(crate) fn command(&self, measuring: &str) -> String {
        let write = if self.write { " --write" } else { "" };
        format!(
            "benches/run {measuring} --files {} --runs {}{write}",
            self.files, self.runs
        )
    }

    /// Memory, if there is a place for that: a disk would be measured rather than the programs.
    pub(crate) fn place(&self) -> PathBuf {
        let memory = Path::new("/dev/shm");
        match &self.at {
            Some(folder) => folder.clone(),
            None if memory.is_dir() => memory.to_owned(),
            None => env::temp_dir(),
        }
    }
}
