//! Many workstations that share a catalog on a real server.

mod card;
mod clock;
mod commit;
mod crowd;
mod cut;
mod damage;
mod delay;
mod failure;
mod history;
mod law;
mod lease;
mod mount;
mod network;
mod outage;
mod policy;
mod question;
mod refusal;
mod restore;
mod rights;
mod standby;
mod version;

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::catalog::PostgresServer;
use crate::studio::{ProgramRun, Studio};

/// Workstations at one storage, each with its own HOME, index and name for the storage.
pub(crate) struct Workstations {
    pub(crate) studio: Studio,
    /// The address of the catalog.
    pub(crate) address: String,
    server: Arc<PostgresServer>,
    /// The name of the `PostgreSQL` database.
    name: String,
}

impl Workstations {
    /// Two workstations and three files of two projects; nothing is scanned yet. `None` where no server can be started.
    pub(crate) fn new() -> Option<Self> {
        Some(Self::at(PostgresServer::shared()?))
    }

    /// The same at a server of the test's own, which may be killed.
    fn at_own_server() -> Option<Self> {
        Some(Self::at(Arc::new(PostgresServer::own()?)))
    }

    fn at(server: Arc<PostgresServer>) -> Self {
        let name = server.create_database();
        let address = server.socket_address(&name, &name);
        let workstations = Self {
            studio: Studio::bare(),
            address,
            server,
            name,
        };
        workstations
            .studio
            .file("NAS/footage/acme/spot/reel.mov", "reel")
            .file("NAS/footage/acme/spot/plates/p1.exr", "plate one")
            .file("NAS/footage/zoo/film/a.mov", "film");
        workstations.add("ws1", "NAS");
        workstations.add("ws2", "SERVER");
        workstations
    }

    /// Two workstations at two storages, which each of them calls otherwise. The second storage has no file.
    pub(crate) fn with_two_storages() -> Option<Self> {
        let two = Self::new()?;
        for (host, names) in [("ws1", ["NAS", "VAULT"]), ("ws2", ["SERVER", "SAFE"])] {
            let lines = format!(
                "add database {} ../../../NAS --medium nas\nadd database {} ../../../VAULT --medium vault\n\
                 add category footage footage/\nset catalog '{}'\n",
                names[0], names[1], two.address
            );
            two.studio.file(startup(host), lines);
        }
        fs::create_dir_all(two.studio.path("VAULT/footage")).unwrap();
        Some(two)
    }

    /// Adds a workstation that calls the storage by this name.
    pub(crate) fn add(&self, host: &str, storage: &str) {
        self.write_startup(host, storage, &self.address);
    }

    /// The server, if it is the test's own.
    fn own_server(&mut self) -> &mut PostgresServer {
        Arc::get_mut(&mut self.server).unwrap()
    }

    /// Gives both workstations another address of the catalog.
    fn set_address(&mut self, address: &str) {
        for host in ["ws1", "ws2"] {
            let lines = self.studio.read(startup(host));
            self.studio
                .file(startup(host), lines.replace(&self.address, address));
        }
        address.clone_into(&mut self.address);
    }

    /// Gives both workstations another server, with the same tables.
    fn move_to(&mut self, server: PostgresServer) {
        self.server = Arc::new(server);
        let address = self.server.socket_address(&self.name, &self.name);
        self.set_address(&address);
    }

    fn write_startup(&self, host: &str, storage: &str, address: &str) {
        let lines = format!(
            "add database {storage} ../../../NAS --medium nas\nadd category footage footage/\nset catalog '{address}'\n"
        );
        self.studio.file(startup(host), lines);
    }

    /// Returns the program on a workstation.
    pub(crate) fn command(&self, host: &str) -> Command {
        let mut command = self.studio.command();
        command.env("HOME", self.studio.path(host));
        command
    }

    pub(crate) fn lines(&self, host: &str, lines: &[&str]) -> ProgramRun {
        let mut command = self.command(host);
        command.args(lines.iter().flat_map(|line| ["-c", line]));
        self.studio.finish(&mut command)
    }

    pub(crate) fn json(&self, host: &str, line: &str) -> Value {
        let mut command = self.command(host);
        command.args(["--format", "json", "-c", line]);
        self.studio.finish(&mut command).document()
    }

    /// Returns a number from the tables of the catalog.
    pub(crate) fn number(&self, sql: &str) -> i64 {
        self.server.number(&self.name, sql)
    }

    /// Changes the tables of the catalog.
    pub(crate) fn execute(&self, sql: &str) {
        self.server.execute(&self.name, sql);
    }

    /// Returns all that a workstation says of the files, without times, names of storages and totals of scans.
    pub(crate) fn files(&self, host: &str) -> Vec<String> {
        let found = self.json(host, "find '**'");
        let entries = found["files"]
            .as_array()
            .unwrap_or_else(|| panic!("{found}"));
        let mut files: Vec<String> = entries
            .iter()
            .map(|file| format!("{} {} {}", file["path"], file["bytes"], file["modified"]))
            .collect();
        files.sort();
        files
    }

    /// Returns all that a workstation says of the projects by `fetch all`, with one name for the storage and without times of
    /// scans, which differ by the second between clocks.
    fn states(&self, host: &str) -> String {
        let mut document = self.json(host, "fetch all");
        let projects = document["projects"].as_array_mut().unwrap();
        let replicas = projects
            .iter_mut()
            .filter_map(|project| project["replicas"].as_array_mut());
        for replica in replicas.flatten() {
            replica["indexed_at"].take();
            replica["database"].take();
        }
        document["projects"].to_string()
    }
}

/// The start-up file of a workstation.
pub(crate) fn startup(host: &str) -> PathBuf {
    format!("{host}/.config/auto-backup/.config").into()
}

/// Removes a folder of a studio.
pub(crate) fn remove_folder(workstations: &Workstations, folder: &str) {
    fs::remove_dir_all(workstations.studio.path(folder)).unwrap();
}

/// Waits until the times of what happened before and after differ: they are compared by seconds.
pub(crate) fn wait_a_second() {
    thread::sleep(Duration::from_millis(1100));
}
