//! Whether files hold the same bytes on two roots of which one is a remote: by the digests that storages say, or by
//! reading both.

use std::collections::HashMap;
use std::ffi::OsString;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use super::log;
use super::name;
use super::process;
use super::process::{OutputLine, ProcessEnd, ProcessLimits, remote_error};
use super::{Remote, RemoteFeatures};
use crate::base::error::Result;
use crate::os::scratch::TempFile;

/// How files are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckMethod {
    /// By the digests that the storages say.
    Digests,
    /// By reading both sides whole.
    Download,
}

/// What is known of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CheckVerdict {
    /// Both sides hold the same bytes.
    Same,
    /// They hold others.
    Differs,
    /// It could not be compared, and why.
    Unknown(String),
}

impl CheckMethod {
    /// What proves most without reading, between a remote and a folder, or between two remotes.
    pub fn best_for(one: &RemoteFeatures, other: Option<&RemoteFeatures>) -> Self {
        if other.map_or_else(|| one.has_hashes(), |other| one.shares_hash(other)) {
            Self::Digests
        } else {
            Self::Download
        }
    }
}

impl Remote {
    /// Compares files, by their paths below both roots, with those of another root; each gets a verdict.
    ///
    /// # Errors
    /// Nothing could be compared, or an interruption.
    pub fn check(
        &self,
        other: &Path,
        files: &[PathBuf],
        method: CheckMethod,
        on_progress: &mut dyn FnMut(u64),
    ) -> Result<HashMap<PathBuf, CheckVerdict>> {
        let (verdicts, without_digest) = self.check_once(other, files, method, on_progress)?;
        if !without_digest {
            return Ok(verdicts);
        }
        // rclone calls files of one size the same where a storage has no digest of them: these are read.
        let (mut same, mut verdicts): (Vec<_>, HashMap<_, _>) = (Vec::new(), verdicts);
        verdicts.retain(|file, verdict| {
            let is_same = *verdict == CheckVerdict::Same;
            same.extend(is_same.then(|| file.clone()));
            !is_same
        });
        let (read, _) = self.check_once(other, &same, CheckMethod::Download, on_progress)?;
        verdicts.extend(read);
        Ok(verdicts)
    }

    /// Compares files once; also returns whether digests were asked for and a storage had none of some of them.
    fn check_once(
        &self,
        other: &Path,
        files: &[PathBuf],
        method: CheckMethod,
        on_progress: &mut dyn FnMut(u64),
    ) -> Result<(HashMap<PathBuf, CheckVerdict>, bool)> {
        if files.is_empty() {
            return Ok((HashMap::new(), false));
        }
        let list = TempFile::with_lines(super::list::encoded_paths(files))?;
        let args = self.check_args(other, &list, method);
        let mut output = CheckOutput::new(files);
        let end = process::run(&self.program, &args, ProcessLimits::LISTING, &mut |line| {
            output.read_line(&line, on_progress);
            ControlFlow::Continue(())
        })?;
        if output.symbols.values().all(Option::is_none) && end != ProcessEnd::Exited(Some(0)) {
            let error = output
                .last_error
                .or_else(|| end.failure())
                .unwrap_or_else(|| "rclone ended early".to_owned());
            return Err(remote_error("compare", self.root(), error));
        }
        let without_digest = method == CheckMethod::Digests && !output.used_hashes(end);
        // Where it did not come to its end nothing that it said of files that agree counts.
        let has_finished = matches!(end, ProcessEnd::Exited(Some(0 | 1)));
        let verdicts = files
            .iter()
            .map(|file| (file.clone(), output.verdict(file, has_finished)));
        Ok((verdicts.collect(), without_digest))
    }

    fn check_args(&self, other: &Path, list: &TempFile, method: CheckMethod) -> Vec<OsString> {
        let mut args: Vec<OsString> = ["check", "--one-way", "--combined=-", "--checkers=8"]
            .into_iter()
            .chain(process::COMMON_FLAGS)
            .chain(["--low-level-retries=3", "--contimeout=15s", "--timeout=60s"])
            .chain(["--log-level=INFO", "--stats=1s"])
            // Else of two names that look the same one is left out.
            .chain(["--no-unicode-normalization"])
            .chain((method == CheckMethod::Download).then_some("--download"))
            .map(OsString::from)
            .collect();
        args.push("--files-from-raw".into());
        args.push(list.path().into());
        args.push("--".into());
        args.push(other.into());
        args.push(self.root().into());
        args
    }
}

/// What a comparison said.
#[derive(Default)]
struct CheckOutput {
    /// By the names of files as rclone writes them: `=`, `*` and others; `None` where nothing was said.
    symbols: HashMap<String, Option<u8>>,
    /// Why a file could not be compared.
    file_errors: HashMap<String, String>,
    /// What was said last of no file.
    last_error: Option<String>,
    /// Whether a kind of digest was named that both sides have.
    has_common_hash: bool,
    /// Whether files were counted of which there is none.
    has_missing_hashes: bool,
    bytes: u64,
}

impl CheckOutput {
    /// Of these files, of none of which anything was said.
    fn new(files: &[PathBuf]) -> Self {
        let names = super::list::encoded_paths(files);
        Self {
            symbols: names.map(|name| (name, None)).collect(),
            ..Self::default()
        }
    }

    fn read_line(&mut self, line: &OutputLine, on_progress: &mut dyn FnMut(u64)) {
        let line = match line {
            OutputLine::Stdout(line) => {
                if let [symbol, b' ', name @ ..] = line.as_slice() {
                    let name = String::from_utf8_lossy(name);
                    if let Some(known) = self.symbols.get_mut(name.as_ref()) {
                        // Of a name that is there twice nothing is known.
                        *known = Some(known.map_or(*symbol, |_| b'!'));
                    }
                }
                return;
            }
            OutputLine::Log(line) => line,
        };
        let entry = log::parse_line(line);
        if let Some(progress) = &entry.progress {
            on_progress(progress.bytes.saturating_sub(self.bytes));
            self.bytes = progress.bytes.max(self.bytes);
        }
        self.has_common_hash |= entry.object.is_none() && entry.starts_with_any(&["Using "]);
        self.has_missing_hashes |= entry.message.ends_with("hashes could not be checked")
            || entry.message.ends_with("hash could not be checked");
        match entry.object {
            Some(object) if entry.is_error && self.symbols.contains_key(&object) => {
                self.file_errors.entry(object).or_insert(entry.message);
            }
            None if entry.is_error => self.last_error = Some(entry.message),
            _ => {}
        }
    }

    /// Whether all files that are called the same have the same digest. What is wanting is counted at the end, so that a
    /// process which did not come to its end says too little.
    fn used_hashes(&self, end: ProcessEnd) -> bool {
        self.has_common_hash && !self.has_missing_hashes && end.exited_normally()
    }

    fn verdict(&self, file: &Path, has_finished: bool) -> CheckVerdict {
        let name = name::encode_path(file).unwrap_or_default();
        match self.symbols.get(&name).copied().flatten() {
            Some(b'=') if has_finished => CheckVerdict::Same,
            Some(b'*') => CheckVerdict::Differs,
            _ => {
                let why = self.file_errors.get(&name).cloned();
                CheckVerdict::Unknown(why.unwrap_or_else(|| "rclone did not compare it".to_owned()))
            }
        }
    }
}
