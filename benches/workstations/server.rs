//! A `PostgreSQL` server in a folder of its own, with its usual settings. It ends when it is dropped.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use auto_backup::base::error::IoResultExt as _;
use tempfile::TempDir;

use crate::common::outcome::Outcome;

/// Folder of the versions that Debian installs.
const VERSIONS: &str = "/usr/lib/postgresql";

/// The account of the server, for root: the server refuses to run as root.
const NOBODY: u32 = 65534;

/// The port, which is only part of the name of the socket.
const PORT: u16 = 5432;

/// Maximum time until it replies.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server.
#[derive(Debug)]
pub(crate) struct Server {
    folder: TempDir,
    programs: PathBuf,
    process: Option<Child>,
}

impl Server {
    /// Starts a server with its data below `at`.
    pub(crate) fn start(at: &Path) -> Outcome<Self> {
        let programs = programs().ok_or("PostgreSQL is not installed")?;
        let mut folder = tempfile::Builder::new();
        let folder = folder
            .prefix("auto-backup-bench-")
            .tempdir_in(at)
            .at("create a folder in", at)?;
        let mut server = Self {
            folder,
            programs,
            process: None,
        };
        let path = server.folder.path();
        fs::set_permissions(path, fs::Permissions::from_mode(0o711)).at("open", path)?;
        if is_root() {
            chown(path, Some(NOBODY), Some(NOBODY)).at("give away", path)?;
        }
        server.create()?;
        let mut process = server.command("postgres");
        process
            .args(["-c", "listen_addresses=", "-k"])
            .arg(server.folder.path())
            .arg("-p")
            .arg(PORT.to_string())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        server.process = Some(process.spawn().at("run", "postgres")?);
        let start = Instant::now();
        while server.query("postgres", "SELECT 1").is_err() {
            if start.elapsed() > PATIENCE {
                return Err("the PostgreSQL server does not reply".into());
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(server)
    }

    /// Creates a `PostgreSQL` database and returns its address.
    pub(crate) fn create_database(&self, name: &str) -> Outcome<String> {
        self.query("postgres", &format!("CREATE DATABASE {name}"))?;
        let folder = self.folder.path().display();
        Ok(format!("postgres://postgres@:{PORT}/{name}?host={folder}"))
    }

    /// Returns the only value that a query results in, as text.
    pub(crate) fn query(&self, database: &str, sql: &str) -> Outcome<String> {
        let output = self
            .command("psql")
            .args(["-At", "-U", "postgres", "-h"])
            .arg(self.folder.path())
            .args(["-p", &PORT.to_string(), "-c", sql, database])
            .output()
            .at("run", "psql")?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).trim().into());
        }
        Ok(String::from_utf8(output.stdout)?.trim().to_owned())
    }

    /// Returns the path of one of its programs.
    pub(crate) fn program(&self, name: &str) -> String {
        self.programs.join(name).display().to_string()
    }

    fn create(&self) -> Outcome<()> {
        let created = self
            .command("initdb")
            .args(["-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C"])
            .output()
            .at("run", "initdb")?;
        if created.status.success() {
            return Ok(());
        }
        Err(String::from_utf8_lossy(&created.stderr).trim().into())
    }

    /// Returns one of its programs, as the account of the server.
    fn command(&self, name: &str) -> Command {
        let mut command = Command::new("setpriv");
        command.arg("--pdeathsig=QUIT");
        if is_root() {
            let account = NOBODY.to_string();
            command.args(["--reuid", &account, "--regid", &account, "--clear-groups"]);
        }
        command
            .arg(self.programs.join(name))
            .env("PGDATA", self.folder.path().join("data"))
            .current_dir(self.folder.path());
        command
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            let number = rustix::process::Pid::from_child(&process);
            // A server that has ended is waited for all the same.
            rustix::process::kill_process(number, rustix::process::Signal::INT).unwrap_or_default();
            process.wait().map(drop).unwrap_or_default();
        }
    }
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Returns the folder of the programs of the newest version.
fn programs() -> Option<PathBuf> {
    let versions = fs::read_dir(VERSIONS).ok()?.flatten();
    let folders = versions.map(|version| version.path().join("bin"));
    folders
        .filter(|folder| folder.join("initdb").is_file())
        .max_by_key(|folder| {
            let version = folder.parent().and_then(Path::file_name);
            version.and_then(|version| version.to_str()?.parse::<u32>().ok())
        })
}
