//! Whether files hold the same bytes on two roots of which one is a remote: by the digests that storages say, or by
//! reading both.

use std::collections::HashMap;
use std::ffi::OsString;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use super::log;
use super::name;
use super::process;
use super::process::{End, Line, Patience, failed};
use super::{Abilities, Remote};
use crate::base::error::Result;
use crate::os::scratch::Scratch;

/// How files are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// By the digests that the storages say.
    Digests,
    /// By reading both sides whole.
    Reading,
}

/// What is known of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Both sides hold the same bytes.
    Same,
    /// They hold others.
    Differs,
    /// It could not be compared, and why.
    Unread(String),
}

impl Proof {
    /// What proves most without reading, between a remote and a folder, or between two remotes.
    pub fn between(one: &Abilities, other: Option<&Abilities>) -> Self {
        if other.map_or_else(|| one.proves_content(), |other| one.shares_digest(other)) {
            Self::Digests
        } else {
            Self::Reading
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
        proof: Proof,
        told: &mut dyn FnMut(u64),
    ) -> Result<HashMap<PathBuf, Verdict>> {
        let (verdicts, without_digest) = self.check_once(other, files, proof, told)?;
        if !without_digest {
            return Ok(verdicts);
        }
        // rclone calls files of one size the same where a storage has no digest of them: these are read.
        let (mut same, mut verdicts): (Vec<_>, HashMap<_, _>) = (Vec::new(), verdicts);
        verdicts.retain(|file, verdict| {
            let is_same = *verdict == Verdict::Same;
            same.extend(is_same.then(|| file.clone()));
            !is_same
        });
        let (read, _) = self.check_once(other, &same, Proof::Reading, told)?;
        verdicts.extend(read);
        Ok(verdicts)
    }

    /// Compares files once; also returns whether digests were asked for and a storage had none of some of them.
    fn check_once(
        &self,
        other: &Path,
        files: &[PathBuf],
        proof: Proof,
        told: &mut dyn FnMut(u64),
    ) -> Result<(HashMap<PathBuf, Verdict>, bool)> {
        if files.is_empty() {
            return Ok((HashMap::new(), false));
        }
        let list = Scratch::list(super::list::names_of(files))?;
        let words = self.check_words(other, &list, proof);
        let mut heard = Heard::of(files);
        let end = process::run(&self.program, &words, Patience::LISTING, &mut |line| {
            heard.hear(&line, told);
            ControlFlow::Continue(())
        })?;
        if heard.marks.values().all(Option::is_none) && end != End::Exited(Some(0)) {
            let said = heard
                .said
                .or_else(|| end.failure())
                .unwrap_or_else(|| "rclone ended early".to_owned());
            return Err(failed("compare", self.root(), said));
        }
        let without_digest = proof == Proof::Digests && !heard.compared_digests(end);
        // Where it did not come to its end nothing that it said of files that agree counts.
        let is_ended = matches!(end, End::Exited(Some(0 | 1)));
        let verdicts = files
            .iter()
            .map(|file| (file.clone(), heard.verdict(file, is_ended)));
        Ok((verdicts.collect(), without_digest))
    }

    fn check_words(&self, other: &Path, list: &Scratch, proof: Proof) -> Vec<OsString> {
        let mut words: Vec<OsString> = ["check", "--one-way", "--combined=-", "--checkers=8"]
            .into_iter()
            .chain(process::ALWAYS)
            .chain(["--low-level-retries=3", "--contimeout=15s", "--timeout=60s"])
            .chain(["--log-level=INFO", "--stats=1s"])
            // Else of two names that look the same one is left out.
            .chain(["--no-unicode-normalization"])
            .chain((proof == Proof::Reading).then_some("--download"))
            .map(OsString::from)
            .collect();
        words.push("--files-from-raw".into());
        words.push(list.path().into());
        words.push("--".into());
        words.push(other.into());
        words.push(self.root().into());
        words
    }
}

/// What a comparison said.
#[derive(Default)]
struct Heard {
    /// By the names of files as rclone writes them: `=`, `*` and others; `None` where nothing was said.
    marks: HashMap<String, Option<u8>>,
    /// Why a file could not be compared.
    why: HashMap<String, String>,
    /// What was said last of no file.
    said: Option<String>,
    /// Whether a kind of digest was named that both sides have.
    names_digest: bool,
    /// Whether files were counted of which there is none.
    lacks_digests: bool,
    bytes: u64,
}

impl Heard {
    /// Of these files, of none of which anything was said.
    fn of(files: &[PathBuf]) -> Self {
        let names = super::list::names_of(files);
        Self {
            marks: names.map(|name| (name, None)).collect(),
            ..Self::default()
        }
    }

    fn hear(&mut self, line: &Line, told: &mut dyn FnMut(u64)) {
        let line = match line {
            Line::Out(line) => {
                if let [mark, b' ', name @ ..] = line.as_slice() {
                    let name = String::from_utf8_lossy(name);
                    if let Some(said) = self.marks.get_mut(name.as_ref()) {
                        // Of a name that is there twice nothing is known.
                        *said = Some(said.map_or(*mark, |_| b'!'));
                    }
                }
                return;
            }
            Line::Log(line) => line,
        };
        let entry = log::read(line);
        if let Some(progress) = &entry.progress {
            told(progress.bytes.saturating_sub(self.bytes));
            self.bytes = progress.bytes.max(self.bytes);
        }
        self.names_digest |= entry.object.is_none() && entry.is_about(&["Using "]);
        self.lacks_digests |= entry.message.ends_with("hashes could not be checked")
            || entry.message.ends_with("hash could not be checked");
        match entry.object {
            Some(object) if entry.is_error && self.marks.contains_key(&object) => {
                self.why.entry(object).or_insert(entry.message);
            }
            None if entry.is_error => self.said = Some(entry.message),
            _ => {}
        }
    }

    /// Whether all files that are called the same have the same digest. What is wanting is counted at the end, so that a
    /// process which did not come to its end says too little.
    fn compared_digests(&self, end: End) -> bool {
        self.names_digest && !self.lacks_digests && end.is_by_itself()
    }

    fn verdict(&self, file: &Path, is_ended: bool) -> Verdict {
        let name = name::standard_path(file).unwrap_or_default();
        match self.marks.get(&name).copied().flatten() {
            Some(b'=') if is_ended => Verdict::Same,
            Some(b'*') => Verdict::Differs,
            _ => {
                let why = self.why.get(&name).cloned();
                Verdict::Unread(why.unwrap_or_else(|| "rclone did not compare it".to_owned()))
            }
        }
    }
}
