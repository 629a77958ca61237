//! The options of all benchmarks.

use std::env;
use std::path::{Path, PathBuf};

use clap::Args;

/// Fewer files would not fill the 80 replicas of `load`, and would measure only the start of the tools of `copy`.
const FEWEST_FILES: u64 = 2000;

/// Size and place of a benchmark.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Number of files
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(FEWEST_FILES..))]
    pub(crate) files: u64,
    /// Number of runs of each command, after one to warm up
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) runs: u64,
    /// Folder for the files; by default in memory if the system has a place for that
    #[arg(long, value_name = "FOLDER")]
    at: Option<PathBuf>,
    /// Put the results into docs/performance.md
    #[arg(long)]
    pub(crate) write: bool,
    /// Argument that cargo adds for every benchmark
    #[arg(long, hide = true)]
    pub(crate) bench: bool,
}

impl Options {
    /// Returns the command line that repeats this benchmark.
    pub(crate) fn command(&self, measuring: &str) -> String {
        let write = if self.write { " --write" } else { "" };
        format!(
            "benches/run {measuring} --files {} --runs {}{write}",
            self.files, self.runs
        )
    }

    /// Returns a folder in memory if possible: on a disk, the disk would be measured.
    pub(crate) fn place(&self) -> PathBuf {
        let memory = Path::new("/dev/shm");
        match &self.at {
            Some(folder) => folder.clone(),
            None if memory.is_dir() => memory.to_owned(),
            None => env::temp_dir(),
        }
    }
}
