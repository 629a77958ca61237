//! Whether files hold the same bytes on two roots of which one is a remote: by the digests that storages say, or by
//! reading both.

use std::collections::HashMap;
use std::ffi::OsString;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use super::log;
use super::names;
use super::process::{self, End, Line, Patience, failed};
use super::{Abilities, Remote};
use crate::error::Result;
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
    #[must_use]
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
        if files.is_empty() {
            return Ok(HashMap::new());
        }
        let list = Scratch::list(super::listing::names_of(files))?;
        let mut words: Vec<OsString> = ["check", "--one-way", "--combined=-", "--checkers=8"]
            .into_iter()
            .chain(process::ALWAYS)
            .chain([
                "--low-level-retries=3",
                "--contimeout=15s",
                "--timeout=60s",
                "--log-level=INFO",
                "--stats=1s",
            ])
            .chain((proof == Proof::Reading).then_some("--download"))
            .map(OsString::from)
            .collect();
        words.push("--files-from-raw".into());
        words.push(list.path().into());
        words.push("--".into());
        words.push(other.into());
        words.push(self.root().into());
        let mut marks: HashMap<String, u8> = HashMap::new();
        let mut why: HashMap<String, String> = HashMap::new();
        let (mut said, mut bytes) = (None, 0);
        let end = process::run(&self.program, &words, Patience::LISTING, &mut |line| {
            match line {
                Line::Out(line) => {
                    if let [mark, b' ', name @ ..] = line.as_slice() {
                        marks.insert(String::from_utf8_lossy(name).into_owned(), *mark);
                    }
                }
                Line::Log(line) => {
                    let entry = log::read(&line);
                    if let Some(progress) = &entry.progress {
                        told(progress.bytes.saturating_sub(bytes));
                        bytes = progress.bytes.max(bytes);
                    }
                    match entry.object {
                        Some(object) if entry.is_error => {
                            why.entry(object).or_insert(entry.message);
                        }
                        None if entry.is_error => said = Some(entry.message),
                        _ => {}
                    }
                }
            }
            ControlFlow::Continue(())
        })?;
        if marks.is_empty() && end != End::Exited(Some(0)) {
            return Err(failed(
                "compare",
                self.root(),
                said.unwrap_or_else(|| "rclone ended early".to_owned()),
            ));
        }
        let verdict = |file: &PathBuf| {
            let name = names::standard_path(file).unwrap_or_default();
            let verdict = match marks.get(&name) {
                Some(b'=') => Verdict::Same,
                Some(b'*') => Verdict::Differs,
                _ => Verdict::Unread(
                    why.get(&name)
                        .cloned()
                        .unwrap_or_else(|| "rclone did not compare it".to_owned()),
                ),
            };
            (file.clone(), verdict)
        };
        Ok(files.iter().map(verdict).collect())
    }
}
