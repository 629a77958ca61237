//! Digests of files on a remote: those that the storage states, and XXH3-128 of their bytes.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use super::command::{PATIENT_FLAGS, UNREADABLE_ANSWER};
use super::entry::{ListEntry, ListParser, decode_path_below};
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

/// Number of the low bits of a tag that are of the text of the digest; those above are of its kind.
const TEXT_BITS: u32 = 56;

impl StatedDigest {
    /// True if the digest is the one with this tag; `None` if it is of another kind, or one of them is not known.
    pub fn equals(&self, tag: u64) -> Option<bool> {
        let own = self
            .tag
            .filter(|own| own >> TEXT_BITS == tag >> TEXT_BITS)?;
        (tag != 0).then_some(own == tag)
    }
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
        let (mut why, mut parser) = (None, ListParser::default());
        let end = command.run(ProcessLimits::LISTING, &mut |line| {
            match &line {
                OutputLine::Stdout(line) => {
                    if let Some(entry) = parser.parse_line(line) {
                        add_entry(folder, kind, &entry, &mut found);
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
        if end.is_success() && parser.is_complete() {
            return Ok(Some(found));
        }
        if found.is_empty() && parser.is_well_formed() && is_missing(end) {
            return Ok(Some(found));
        }
        let why = why.or_else(|| end.failure());
        let why = why.unwrap_or_else(|| UNREADABLE_ANSWER.to_owned());
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

/// Adds an entry. Of a name that is listed twice, nothing is known.
fn add_entry(
    folder: &Path,
    kind: &str,
    entry: &ListEntry<'_>,
    found: &mut BTreeMap<PathBuf, StatedDigest>,
) {
    let Ok(path) = decode_path_below(folder, &entry.path) else {
        return;
    };
    let stated = entry.hashes.get(kind).filter(|digest| !digest.is_empty());
    let mut added = StatedDigest {
        bytes: u64::try_from(entry.size).ok(),
        tag: stated.map(|digest| tag_of(kind, digest)),
    };
    if found.contains_key(&path) {
        (added.bytes, added.tag) = (None, None);
    }
    found.insert(path, added);
}

fn tag_of(kind: &str, digest: &str) -> u64 {
    let hash = |text: &str| Digest::of_bytes(text.as_bytes()).low_64();
    let text = hash(&format!("{kind}={digest}")) & ((1 << TEXT_BITS) - 1);
    (hash(kind) >> TEXT_BITS << TEXT_BITS) | text.max(1)
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
            r#"{"Path":"a","Name":"a","Size":6,"IsDir":false,"Hashes":{"md5":"b1","sha1":"f5"}}"#,
            r#"{"Path":"b","Name":"b","Size":-1,"IsDir":false}"#,
            r#"{"Path":"../c","Name":"c","Size":1,"IsDir":false}"#,
            r#"{"Path":"d","Name":"d","Size":1,"IsDir":false,"Hashes":{"md5":"b1"}}"#,
            r#"{"Path":"d","Name":"d","Size":1,"IsDir":false,"Hashes":{"md5":"b2"}}"#,
        ] {
            let entry = serde_json::from_str(line).unwrap();
            add_entry(folder, "md5", &entry, &mut found);
        }
        let tag = tag_of("md5", "b1");
        let stated = |bytes, tag| StatedDigest { bytes, tag };
        let expected = [
            (folder.join("a"), stated(Some(6), Some(tag))),
            (folder.join("b"), stated(None, None)),
            (folder.join("d"), stated(None, None)),
        ];
        assert_eq!(found.into_iter().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn digests_of_two_kinds_are_not_compared() {
        let stated = StatedDigest {
            bytes: Some(6),
            tag: Some(tag_of("md5", "b1")),
        };
        assert_eq!(stated.equals(tag_of("md5", "b1")), Some(true));
        assert_eq!(stated.equals(tag_of("md5", "b2")), Some(false));
        assert_eq!(stated.equals(tag_of("sha1", "b1")), None);
        assert_eq!(stated.equals(0), None);
        let silent = StatedDigest {
            tag: None,
            ..stated
        };
        assert_eq!(silent.equals(tag_of("md5", "b1")), None);
    }
}
