//! Content comparison of files on two roots, at least one of them a remote: by the storages' checksums, or by reading both
//! sides.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use super::command::{PATIENT_FLAGS, PROGRESS_FLAGS, RcloneCommand};
use super::feature::RemoteFeatures;
use super::line::OutputLine;
use super::log;
use super::log::{LogEntry, LogEvent};
use super::name;
use super::process::ProcessLimits;
use super::remote::{Remote, remote_error};
use super::retry::Backoff;
use super::status::{ProcessEnd, RcloneStatus};
use crate::base::error::Result;
use crate::os::scratch::TempFile;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckMethod {
    /// Compares the checksums that the storages report.
    Digests,
    /// Reads both sides completely.
    Download,
}

/// Result for one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CheckVerdict {
    Same,
    Differs,
    /// The file could not be compared, with the reason.
    Unknown(String),
}

impl CheckMethod {
    /// The strongest method that needs no reading, between a remote and a folder or between two remotes.
    pub fn best_for(one: &RemoteFeatures, other: Option<&RemoteFeatures>) -> Self {
        if other.map_or_else(|| one.has_hashes(), |other| one.shares_hash(other)) {
            Self::Digests
        } else {
            Self::Download
        }
    }
}

impl Remote {
    /// Compares files, given by their paths below both roots, with those of another root. Returns a verdict for each.
    ///
    /// # Errors
    /// No file could be compared, or interruption.
    pub fn check(
        &self,
        other: &Path,
        files: &[PathBuf],
        method: CheckMethod,
        on_progress: &mut dyn FnMut(u64),
    ) -> Result<HashMap<PathBuf, CheckVerdict>> {
        let (mut verdicts, lacks_hashes) = self.check_all(other, files, method, on_progress)?;
        if !lacks_hashes {
            return Ok(verdicts);
        }
        // rclone reports files of the same size as equal if a storage has no checksum of them: read these.
        let same: Vec<PathBuf> = verdicts
            .extract_if(|_, verdict| *verdict == CheckVerdict::Same)
            .map(|(file, _)| file)
            .collect();
        let (read, _) = self.check_all(other, &same, CheckMethod::Download, on_progress)?;
        verdicts.extend(read);
        Ok(verdicts)
    }

    /// Compares files, and repeats it for those that the storage refused because there were too many requests. Also returns
    /// true if checksums were requested and a storage lacks some of them.
    fn check_all(
        &self,
        other: &Path,
        files: &[PathBuf],
        method: CheckMethod,
        on_progress: &mut dyn FnMut(u64),
    ) -> Result<(HashMap<PathBuf, CheckVerdict>, bool)> {
        let (mut verdicts, mut lacks_hashes) = (HashMap::new(), false);
        let (mut due, mut backoff) = (files.to_vec(), Backoff::until(None));
        while !due.is_empty() {
            let list = TempFile::with_lines(name::encoded_paths(&due))?;
            let mut output = CheckOutput::new(&due);
            let command = self.check_command(other, &list, method);
            let end = command.run(ProcessLimits::LISTING, &mut |line| {
                output.read_line(&line, on_progress);
                ControlFlow::Continue(())
            })?;
            let refused = due.iter().filter(|file| output.is_refused(file));
            let refused: Vec<PathBuf> = refused.cloned().collect();
            let has_compared = output.symbols.values().any(Option::is_some) || end.is_success();
            if !has_compared && refused.is_empty() {
                let error = output.last_error.map(|error| error.message);
                let why = error.or_else(|| end.failure()).unwrap_or_default();
                return Err(remote_error("compare", self.root(), why));
            }
            lacks_hashes |= method == CheckMethod::Digests && !output.used_hashes(end);
            // Before rclone reached its end, no file that it reported as equal counts.
            let has_finished = matches!(
                end,
                ProcessEnd::Exited(RcloneStatus::SUCCESS | RcloneStatus::FAILURE)
            );
            for file in due {
                let verdict = output.verdict(self.root(), &file, has_finished);
                verdicts.insert(file, verdict);
            }
            due = refused;
            if !due.is_empty() && !backoff.wait()? {
                break;
            }
        }
        Ok((verdicts, lacks_hashes))
    }

    fn check_command(
        &self,
        other: &Path,
        list: &TempFile,
        method: CheckMethod,
    ) -> RcloneCommand<'_> {
        self.command(&["check"])
            .flags(["--one-way", "--combined=-", "--checkers=8"])
            .flags(PATIENT_FLAGS)
            .flags(PROGRESS_FLAGS)
            .flags((method == CheckMethod::Download).then_some("--download"))
            .files_from(list.path())
            .operands([other, self.root()])
    }
}

/// Meaning of the first character of a line of `rclone check --combined`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CombinedSymbol {
    Same,
    Differs,
    /// Missing on one side, unreadable, or reported twice.
    Unknown,
}

impl From<u8> for CombinedSymbol {
    fn from(symbol: u8) -> Self {
        match symbol {
            b'=' => Self::Same,
            b'*' => Self::Differs,
            _ => Self::Unknown,
        }
    }
}

/// Output of one comparison.
#[derive(Default)]
struct CheckOutput {
    /// By file names in rclone's encoding; `None` if the file was not reported.
    symbols: HashMap<String, Option<CombinedSymbol>>,
    /// Reasons why single files could not be compared.
    file_errors: HashMap<String, LogEntry>,
    /// The last error that is not about a requested file.
    last_error: Option<LogEntry>,
    has_common_hash: bool,
    has_missing_hashes: bool,
    bytes: u64,
}

impl CheckOutput {
    fn new(files: &[PathBuf]) -> Self {
        let names = name::encoded_paths(files);
        Self {
            symbols: names.map(|name| (name, None)).collect(),
            ..Self::default()
        }
    }

    fn read_line(&mut self, line: &OutputLine, on_progress: &mut dyn FnMut(u64)) {
        match line {
            OutputLine::Stdout(line) => self.read_symbol(line),
            OutputLine::Log(line) => self.read_log_line(line, on_progress),
        }
    }

    fn read_symbol(&mut self, line: &[u8]) {
        if let [symbol, b' ', name @ ..] = line
            && let Some(known) = self.symbols.get_mut(&*String::from_utf8_lossy(name))
        {
            let symbol = CombinedSymbol::from(*symbol);
            *known = Some(known.map_or(symbol, |_| CombinedSymbol::Unknown));
        }
    }

    fn read_log_line(&mut self, line: &[u8], on_progress: &mut dyn FnMut(u64)) {
        let entry = log::parse_line(line);
        if let Some(progress) = &entry.progress {
            on_progress(progress.bytes.saturating_sub(self.bytes));
            self.bytes = progress.bytes.max(self.bytes);
        }
        match entry.event() {
            LogEvent::UsesHash if entry.object.is_none() => self.has_common_hash = true,
            LogEvent::HashesMissing => self.has_missing_hashes = true,
            _ => {}
        }
        let is_error = entry.is_error();
        match &entry.object {
            Some(object) if is_error && self.symbols.contains_key(object) => {
                self.file_errors.entry(object.clone()).or_insert(entry);
            }
            None if is_error => self.last_error = Some(entry),
            _ => {}
        }
    }

    /// True if every file reported as equal has equal checksums. rclone counts missing checksums at its end only, so a
    /// process that did not reach its end proves nothing.
    fn used_hashes(&self, end: ProcessEnd) -> bool {
        self.has_common_hash && !self.has_missing_hashes && end.exited_normally()
    }

    /// Returns the error about a file, or about all files.
    fn error(&self, name: &str) -> Option<&LogEntry> {
        let is_reported = self.symbols.values().any(Option::is_some);
        let common_error = self.last_error.as_ref().filter(|_| !is_reported);
        self.file_errors.get(name).or(common_error)
    }

    /// True if the storage refused to compare a file because there were too many requests.
    fn is_refused(&self, file: &Path) -> bool {
        let name = name::encode_path(file).unwrap_or_default();
        self.error(&name).is_some_and(LogEntry::is_rate_limited)
    }

    /// Returns the verdict on a file of a storage with this root.
    fn verdict(&self, root: &Path, file: &Path, has_finished: bool) -> CheckVerdict {
        let name = name::encode_path(file).unwrap_or_default();
        match self.symbols.get(&name).copied().flatten() {
            Some(CombinedSymbol::Same) if has_finished => CheckVerdict::Same,
            Some(CombinedSymbol::Differs) => CheckVerdict::Differs,
            _ => {
                let why = self.error(&name).map(|error| error.explained(root));
                CheckVerdict::Unknown(why.unwrap_or_else(|| "rclone did not compare it".to_owned()))
            }
        }
    }
}
