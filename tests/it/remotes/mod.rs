//! Databases behind rclone: the commands, run against real servers of every kind.

mod addresses;
mod cleanup;
mod compare;
mod connection_error;
mod copies;
mod rclone_program;
mod scan;
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

/// What a person uses of a studio whose databases are behind rclone: its files, and the program that knows the remotes.
pub(crate) struct RemoteStudio<'a> {
    studio: &'a Studio,
    remotes: &'a Remotes<'a>,
}

impl RemoteStudio<'_> {
    /// The program, which finds today's rclone first.
    fn command(&self) -> Command {
        self.with(rclone().unwrap())
    }

    /// The program, which finds this rclone first.
    fn with(&self, rclone: &Path) -> Command {
        let mut command = self.studio.command();
        self.remotes.add_to_environment(rclone, &mut command);
        command
    }

    /// Runs the program with these arguments.
    fn run<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> ProgramRun {
        self.studio.finish(self.command().args(arguments))
    }

    /// Runs each line as a `-c`.
    fn lines(&self, lines: &[&str]) -> ProgramRun {
        self.run(lines.iter().flat_map(|line| ["-c", line]))
    }

    /// Runs a line as a `-c` with a JSON answer.
    fn json(&self, line: &str) -> ProgramRun {
        self.run(["--format", "json", "-c", line])
    }

    /// Runs a line, and gives these of the numbers and words that its JSON answer has.
    #[track_caller]
    fn answer_fields(&self, line: &str, names: &[&str]) -> Vec<Value> {
        let document = self.json(line).document();
        names.iter().map(|name| document[name].clone()).collect()
    }

    /// Runs a look, and gives these of the numbers and words that its JSON answer has of its first database.
    #[track_caller]
    fn scan_fields(&self, line: &str, names: &[&str]) -> Vec<Value> {
        let document = self.json(line).document();
        let database = &document["databases"][0];
        names.iter().map(|name| database[name].clone()).collect()
    }

    /// Writes a file at an address, by rclone itself.
    #[track_caller]
    fn write_by_rclone(&self, address: &str, text: &str) {
        self.studio.file("text", text);
        let text = File::open(self.studio.path("text")).unwrap();
        let mut put = self.remotes.rclone();
        let output = put.args(["rcat", address]).stdin(text).output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }

    /// Brings what is on WORK to a root by rclone itself, so that our program knows nothing of it. One after the other:
    /// rclone's S3 fails where it makes the same folder for two files at once.
    #[track_caller]
    fn copy_by_rclone(&self, root: &str) {
        let work = self.studio.path("WORK");
        let words = ["copy", "--transfers=1", work.to_str().unwrap(), root];
        self.remotes.stdout_of(&words);
    }

    /// Tracks a root from now on.
    fn add_database(&self, name: &str, root: &str) {
        let file = "home/.config/auto-backup/.config";
        let lines = self.studio.read(file);
        self.studio
            .file(file, format!("{lines}add database {name} '{root}'\n"));
    }
}

/// A path of any bytes.
fn path_from_bytes(bytes: &[u8]) -> PathBuf {
    OsStr::from_bytes(bytes).into()
}

/// A kind of storage behind rclone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TestStorageKind {
    /// Without a shell: no digests.
    Sftp,
    /// With a shell, in which rclone makes digests.
    Shell,
    /// Times cost a question a file; no empty folders.
    S3,
    /// No times, no digests.
    WebDav,
    /// Encrypted, over S3.
    Crypt,
    /// A folder of this machine.
    Alias,
}

/// All of them.
pub(crate) const KINDS: [TestStorageKind; 6] = [
    TestStorageKind::Sftp,
    TestStorageKind::Shell,
    TestStorageKind::S3,
    TestStorageKind::WebDav,
    TestStorageKind::Crypt,
    TestStorageKind::Alias,
];

impl TestStorageKind {
    /// Whether it holds folders with nothing in them.
    const fn holds_empty_folders(self) -> bool {
        !matches!(self, Self::S3 | Self::Crypt)
    }
}

/// A storage of one kind. Where a test fails while it lives, it says which kind that was.
struct TestStorage<'a> {
    kind: TestStorageKind,
    server: Option<Server<'a>>,
    root: String,
    /// Where its files are in truth.
    folder: PathBuf,
}

impl<'a> TestStorage<'a> {
    /// Starts one; its remote has this name.
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

    /// What a person types for something on it.
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

/// Does something in a new studio for each of these kinds, with the storage as the database CLOUD.
fn with_each_kind(
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
