//! Digests of files on a remote: those that the storage states, and XXH3-128 of their bytes.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::command::PATIENT_FLAGS;
use super::entry::decode_path_below;
use super::feature::RemoteFeatures;
use super::line::OutputLine;
use super::log;
use super::name;
use super::process::ProcessLimits;
use super::remote::{Remote, remote_error};
use super::status::ProcessEnd;
use crate::base::error::Result;
use crate::os::scratch::TempFile;
use crate::snapshot::digest::Digest;

/// Kinds of digests that are preferred, strongest first. Others are taken in the order in which rclone names them.
const PREFERRED: [&str; 4] = ["sha256", "sha1", "md5", "quickxor"];

/// A file with the digest that its storage states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatedDigest {
    /// `None` if the storage does not know the size.
    pub bytes: Option<u64>,
    /// Hash of the kind and the text of the digest; `None` if the storage states none for this file. Never 0.
    pub tag: Option<u64>,
}

/// An entry of a list with digests.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct HashedEntry {
    path: String,
    size: i64,
    #[serde(default)]
    hashes: BTreeMap<String, String>,
}

impl Remote {
    /// Lists the files in a folder and below it with their stated digests, by paths below the root; none if the folder is
    /// missing. `None` if the storage states no digests.
    ///
    /// # Errors
    /// The list is not complete.
    pub fn list_digests(
        &self,
        folder: &Path,
        features: &RemoteFeatures,
    ) -> Result<Option<BTreeMap<PathBuf, StatedDigest>>> {
        let Some(kind) = preferred_kind(features.hash_names()) else {
            return Ok(None);
        };
        let command = self
            .command(&[
                "lsjson",
                "--recursive",
                "--files-only",
                "--no-mimetype",
                "--no-modtime",
            ])
            .flags(["--hash"])
            .arg(format!("--hash-type={kind}"))
            .flags(PATIENT_FLAGS)
            .operands([self.rclone_path(folder)?]);
        let mut found = BTreeMap::new();
        let mut why = None;
        let end = command.run(ProcessLimits::LISTING, &mut |line| {
            match &line {
                OutputLine::Stdout(line) => add_entry(folder, kind, line, &mut found),
                OutputLine::Log(line) => {
                    let entry = log::parse_line(line);
                    if entry.is_error() {
                        why.get_or_insert(entry.message);
                    }
                }
            }
            ControlFlow::Continue(())
        })?;
        if end.is_success() {
            return Ok(Some(found));
        }
        if found.is_empty() && is_missing(end) {
            return Ok(Some(found));
        }
        let why = why.or_else(|| end.failure()).unwrap_or_default();
        Err(remote_error("list", &self.path(folder), why))
    }

    /// Downloads files, by their paths below the root, and passes the digest of each to `on_digest`.
    ///
    /// # Errors
    /// rclone does not know XXH3-128, which came with version 1.72, or could not read a file.
    pub fn download_digests(
        &self,
        files: &[PathBuf],
        on_digest: &mut dyn FnMut(PathBuf, Digest),
    ) -> Result<()> {
        let list = TempFile::with_lines(name::encoded_paths(files))?;
        let command = self
            .command(&["hashsum", "xxh128", "--download"])
            .flags(PATIENT_FLAGS)
            .files_from(list.path())
            .operands([self.root()]);
        let mut why = None;
        let end = command.run(ProcessLimits::LISTING, &mut |line| {
            match &line {
                OutputLine::Stdout(line) => {
                    if let Some((path, digest)) = parse_sum(line) {
                        on_digest(path, digest);
                    }
                }
                OutputLine::Log(line) => {
                    let entry = log::parse_line(line);
                    if entry.is_error() {
                        why.get_or_insert(entry.message);
                    }
                }
            }
            ControlFlow::Continue(())
        })?;
        if end.is_success() {
            return Ok(());
        }
        let why = why.or_else(|| end.failure()).unwrap_or_default();
        Err(remote_error("read", self.root(), why))
    }
}

fn preferred_kind(names: &[String]) -> Option<&str> {
    let known = PREFERRED
        .iter()
        .find_map(|kind| names.iter().find(|name| name == kind));
    known.or(names.first()).map(String::as_str)
}

fn is_missing(end: ProcessEnd) -> bool {
    use super::status::RcloneStatus;
    matches!(
        end,
        ProcessEnd::Exited(RcloneStatus::DIRECTORY_NOT_FOUND | RcloneStatus::FILE_NOT_FOUND)
    )
}

fn add_entry(folder: &Path, kind: &str, line: &[u8], found: &mut BTreeMap<PathBuf, StatedDigest>) {
    let text = line.strip_suffix(b",").unwrap_or(line);
    let Ok(entry) = serde_json::from_slice::<HashedEntry>(text) else {
        return;
    };
    let Ok(path) = decode_path_below(folder, &entry.path) else {
        return;
    };
    let stated = entry.hashes.get(kind).filter(|digest| !digest.is_empty());
    let tag = stated.map(|digest| {
        let text = format!("{kind}={digest}");
        Digest::of_bytes(text.as_bytes()).low_64().max(1)
    });
    let bytes = u64::try_from(entry.size).ok();
    found.insert(path, StatedDigest { bytes, tag });
}

/// Parses a line of `hashsum`: `6bba86c7e069f56d5a10b435f1c8e49c  footage/acme/spot/a.mov`.
fn parse_sum(line: &[u8]) -> Option<(PathBuf, Digest)> {
    let text = std::str::from_utf8(line).ok()?;
    let (digest, path) = text.split_once("  ")?;
    if digest.len() != 32 {
        return None;
    }
    let digest = u128::from_str_radix(digest, 16).ok()?;
    let path = decode_path_below(Path::new(""), path).ok()?;
    Some((path, Digest(digest)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_read_as_rclone_writes_them() {
        let line = b"06b05ab6733a618578af5f94892f3950  footage/y z";
        let expected = (PathBuf::from("footage/y z"), Digest::of_bytes(b"abc"));
        assert_eq!(parse_sum(line), Some(expected));
        for line in [
            "",
            "ERROR  x",
            "06b05ab6733a618578af5f94892f395g  x",
            "short  x",
        ] {
            assert_eq!(parse_sum(line.as_bytes()), None, "{line}");
        }
    }

    #[test]
    fn one_kind_of_digest_is_the_tag() {
        let names = |list: &[&str]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(preferred_kind(&names(&["md5", "sha1"])), Some("sha1"));
        assert_eq!(preferred_kind(&names(&["dropbox"])), Some("dropbox"));
        assert_eq!(preferred_kind(&[]), None);
        let mut found = BTreeMap::new();
        let folder = Path::new("footage");
        for line in [
            r#"{"Path":"a","Name":"a","Size":6,"IsDir":false,"Hashes":{"md5":"b1","sha1":"f5"}},"#,
            r#"{"Path":"b","Name":"b","Size":-1,"IsDir":false}"#,
            r#"{"Path":"../c","Name":"c","Size":1,"IsDir":false}"#,
            "[",
        ] {
            add_entry(folder, "md5", line.as_bytes(), &mut found);
        }
        let tag = Digest::of_bytes(b"md5=b1").low_64();
        let stated = |bytes, tag| StatedDigest { bytes, tag };
        let expected = [
            (folder.join("a"), stated(Some(6), Some(tag))),
            (folder.join("b"), stated(None, None)),
        ];
        assert_eq!(found.into_iter().collect::<Vec<_>>(), expected);
    }
}
