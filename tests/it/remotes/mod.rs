//! Databases behind rclone: all commands on real servers of every kind.

mod addresses;
mod cleanup;
mod compare;
mod connection_error;
mod copies;
mod layout;
mod offload;
mod rclone_program;
mod scan;
mod trust;
mod trust_heal;
mod trust_lies;
mod trust_removal;
mod unreliable_rclone;

use std::ffi::OsStr;
use std::fs::File;
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::servers::{Remotes, Server, rclone};
use crate::studio::{ProgramRun, Studio};

/// A studio with databases behind rclone: its files, and a program that knows the remotes.
pub(crate) struct RemoteStudio<'a> {
    studio: &'a Studio,
    remotes: &'a Remotes<'a>,
}

impl RemoteStudio<'_> {
    /// Returns the program with the current rclone first on PATH.
    pub(crate) fn command(&self) -> Command {
        self.with(rclone().unwrap())
    }

    /// Returns the program with this rclone first on PATH.
    fn with(&self, rclone: &Path) -> Command {
        let mut command = self.studio.command();
        self.remotes.add_to_environment(rclone, &mut command);
        command
    }

    pub(crate) fn run<A: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = A>,
    ) -> ProgramRun {
        self.studio.finish(self.command().args(arguments))
    }

    pub(crate) fn lines(&self, lines: &[&str]) -> ProgramRun {
        self.run(lines.iter().flat_map(|line| ["-c", line]))
    }

    fn json(&self, line: &str) -> ProgramRun {
        self.run(["--format", "json", "-c", line])
    }

    /// Runs a line and returns these fields of its JSON answer.
    #[track_caller]
    fn answer_fields(&self, line: &str, names: &[&str]) -> Vec<Value> {
        let document = self.json(line).document();
        names.iter().map(|name| document[name].clone()).collect()
    }

    /// Runs a scan and returns these fields of its first database.
    #[track_caller]
    fn scan_fields(&self, line: &str, names: &[&str]) -> Vec<Value> {
        let document = self.json(line).document();
        let database = &document["databases"][0];
        names.iter().map(|name| database[name].clone()).collect()
    }

    /// Writes a file at an address with rclone itself.
    #[track_caller]
    fn write_by_rclone(&self, address: &str, text: &str) {
        self.studio.file("text", text);
        let text = File::open(self.studio.path("text")).unwrap();
        let mut put = self.remotes.rclone();
        let output = put.args(["rcat", address]).stdin(text).output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }

    /// Copies WORK to a root with rclone itself, so that our program has no record. Transfers one file at a time,
    /// because rclone's S3 fails if it creates one folder for two files at once.
    #[track_caller]
    pub(crate) fn copy_by_rclone(&self, root: &str) {
        let work = self.studio.path("WORK");
        let words = ["copy", "--transfers=1", work.to_str().unwrap(), root];
        self.remotes.stdout_of(&words);
    }

    /// Adds a database with this root.
    fn add_database(&self, name: &str, root: &str) {
        let file = "home/.config/auto-backup/.config";
        let lines = self.studio.read(file);
        self.studio
            .file(file, format!("{lines}add database {name} '{root}'\n"));
    }
}

fn path_from_bytes(bytes: &[u8]) -> PathBuf {
    OsStr::from_bytes(bytes).into()
}

/// A kind of storage behind rclone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TestStorageKind {
    /// Without a shell: no digests.
    Sftp,
    /// With a shell in which rclone computes digests.
    Shell,
    /// Times cost a request per file; no empty folders.
    S3,
    /// No times, no digests.
    WebDav,
    /// Encrypted, on S3.
    Crypt,
    /// A folder of this machine.
    Alias,
}

pub(crate) const KINDS: [TestStorageKind; 6] = [
    TestStorageKind::Sftp,
    TestStorageKind::Shell,
    TestStorageKind::S3,
    TestStorageKind::WebDav,
    TestStorageKind::Crypt,
    TestStorageKind::Alias,
];

impl TestStorageKind {
    /// True if it can have empty folders.
    const fn holds_empty_folders(self) -> bool {
        !matches!(self, Self::S3 | Self::Crypt)
    }
}

/// A storage of one kind. A failing test names the kind.
pub(crate) struct TestStorage<'a> {
    kind: TestStorageKind,
    server: Option<Server<'a>>,
    pub(crate) root: String,
    /// Folder with its files.
    folder: PathBuf,
}

impl<'a> TestStorage<'a> {
    /// Starts a storage; its remote has this name.
    fn start(remotes: &'a Remotes<'a>, studio: &Studio, kind: TestStorageKind, name: &str) -> Self {
        let server = match kind {
            TestStorageKind::Sftp => Some(Server::sftp(remotes, name)),
            TestStorageKind::Shell => Some(Server::sftp_with_shell(remotes, name)),
            TestStorageKind::S3 => Some(Server::s3(remotes, name)),
            TestStorageKind::WebDav => Some(Server::webdav(remotes, name)),
            TestStorageKind::Crypt => Some(Server::s3(remotes, &format!("{name}-below"))),
            TestStorageKind::Alias => None,
        };
        let (root, folder) = match (&server, kind) {
            (Some(server), TestStorageKind::Crypt) => (
                remotes.crypt(name, &server.address("hidden")),
                server.folder().join("hidden"),
            ),
            (Some(server), _) => (server.root().to_owned(), server.folder().to_owned()),
            (None, _) => {
                let folder = studio.path(format!("remotes/{name}/root"));
                std::fs::create_dir_all(&folder).unwrap();
                (remotes.alias(name, &folder), folder)
            }
        };
        Self {
            kind,
            server,
            root,
            folder,
        }
    }

    /// Returns the typed address of a path on it.
    fn address(&self, path: &str) -> String {
        let slash = if self.root.ends_with(':') { "" } else { "/" };
        format!("{}{slash}{path}", self.root)
    }
}

impl Drop for TestStorage<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let line = format!("\nat a storage of the kind {:?}\n", self.kind);
            let _written = std::io::stderr().write_all(line.as_bytes());
        }
    }
}

/// Runs a check in a new studio for each of these kinds, with the storage as the database CLOUD.
pub(crate) fn with_each_kind(
    kinds: &[TestStorageKind],
    studio: fn() -> Studio,
    check: impl Fn(&RemoteStudio<'_>, &mut TestStorage<'_>),
) {
    for kind in kinds {
        let studio = studio();
        let Some(remotes) = Remotes::new(&studio) else {
            return;
        };
        let mut storage = TestStorage::start(&remotes, &studio, *kind, "cloud");
        let place = RemoteStudio {
            studio: &studio,
            remotes: &remotes,
        };
        place.add_database("CLOUD", &storage.root);
        check(&place, &mut storage);
    }
}
