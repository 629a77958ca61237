//! Leases: one workstation at a time writes to a storage, whatever becomes of it and of the server.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::startup;
use crate::catalog::PostgresServer;
use crate::servers::{Remotes, rclone};
use crate::studio::{ProgramRun, Studio};

/// Time after which a wait fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// Number of files of the project, each of a megabyte.
const FILES: usize = 24;

const SYNC: &str = "sync all all WORK CLOUD --yes";

/// A sync that lasts long enough to be looked at.
const SLOW_SYNC: &str = "sync all all WORK CLOUD --yes --bwlimit 1M";

const LEASES: &str = "SELECT count(*) FROM auto_backup.leases";

/// Two workstations with the same storages: WORK, NAS, and CLOUD behind rclone. Each has locks of its own for CLOUD.
struct Site<'a> {
    studio: &'a Studio,
    server: &'a PostgresServer,
    remotes: Remotes<'a>,
    name: String,
}

impl<'a> Site<'a> {
    fn new(studio: &'a Studio, server: &'a PostgresServer) -> Option<Self> {
        let remotes = Remotes::new(studio)?;
        let name = server.create_database();
        let site = Self {
            studio,
            server,
            remotes,
            name,
        };
        site.remotes.alias("cloud", &studio.path("CLOUD"));
        studio.folder("CLOUD");
        for number in 0..FILES {
            let content = vec![u8::try_from(number).unwrap(); 1 << 20];
            studio.file(format!("WORK/footage/acme/spot/f{number:02}"), content);
        }
        studio.file("NAS/footage/zoo/film/a.mov", "film");
        let address = server.socket_address(&site.name, &site.name);
        site.set_catalog(&address);
        Some(site)
    }

    /// Gives both workstations this catalog.
    fn set_catalog(&self, address: &str) {
        for host in ["ws1", "ws2"] {
            let lines = format!(
                "add database WORK ../../../WORK --medium work\nadd database NAS ../../../NAS --medium nas\n\
                 add database CLOUD cloud: --offsite\nadd category footage footage/\nset catalog '{address}'\n"
            );
            self.studio.file(startup(host), lines);
        }
    }

    fn command(&self, host: &str, line: &str) -> Command {
        let mut command = self.studio.command();
        self.remotes
            .add_to_environment(rclone().unwrap(), &mut command);
        command.env("HOME", self.studio.path(host));
        command.args(["-c", line]);
        command
    }

    fn line(&self, host: &str, line: &str) -> ProgramRun {
        self.studio.finish(&mut self.command(host, line))
    }

    /// Starts a slow sync of the first workstation, and waits until it has sent a file.
    fn begin_slow_sync(&self) -> Child {
        let mut command = self.command("ws1", SLOW_SYNC);
        let mut child = command
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let start = Instant::now();
        while self.sent() == 0 {
            assert!(child.try_wait().unwrap().is_none(), "it ended before");
            assert!(start.elapsed() < PATIENCE, "it sends nothing");
            thread::sleep(Duration::from_millis(10));
        }
        child
    }

    /// Returns the number of files at CLOUD.
    fn sent(&self) -> usize {
        count(self.studio.path("CLOUD/footage/acme/spot"))
    }

    fn execute(&self, sql: &str) {
        self.server.execute(&self.name, sql);
    }

    fn leases(&self) -> i64 {
        self.server.number(&self.name, LEASES)
    }

    /// Gives the lease of a storage to another workstation, for a minute.
    fn give_away(&self, storage: &str, what: &str) {
        self.execute(&format!(
            "INSERT INTO auto_backup.leases
                (database_id, host, process, run, what, mark, token, since, expires_at)
             SELECT id, 'far', 7, 3, '{what}', '', 'far', CAST(extract(epoch FROM now()) AS bigint),
                    CAST(extract(epoch FROM now()) AS bigint) + 60
             FROM auto_backup.databases WHERE name = '{storage}'"
        ));
    }
}

fn count(folder: PathBuf) -> usize {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let is_whole = |path: PathBuf| path.extension().is_none_or(|end| end != "partial");
    entries.filter(|entry| is_whole(entry.path())).count()
}

fn signal(child: &Child, signal: Signal) {
    let process = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    kill_process(process, signal).unwrap();
}

#[test]
fn second_workstation_is_refused_naming_the_first() {
    let studio = Studio::bare();
    let Some(server) = PostgresServer::shared() else {
        return;
    };
    let Some(site) = Site::new(&studio, &server) else {
        return;
    };
    let mut first = site.begin_slow_sync();
    let second = site.line("ws2", SYNC).status(5);
    let who = "another run has locked `CLOUD`: run 1 (sync) of process N on `HOST`, since NOW: it holds the lease";
    assert!(second.stderr.contains(who), "{second}");
    assert!(first.try_wait().unwrap().is_none(), "it ended before");
    // Its lease does not outlive it on its own machine.
    first.kill().unwrap();
    first.wait().unwrap();
    assert_eq!(site.leases(), 1);
    assert!(site.sent() < FILES);
    site.line("ws2", SYNC).status(0);
    assert_eq!(site.sent(), FILES);
    assert_eq!(site.leases(), 0);
    site.line("ws1", SYNC).status(0);
    assert_eq!(site.leases(), 0);
}

#[test]
fn cancelled_run_leaves_no_lease() {
    let studio = Studio::bare();
    let Some(server) = PostgresServer::shared() else {
        return;
    };
    let Some(site) = Site::new(&studio, &server) else {
        return;
    };
    for end in [Signal::INT, Signal::TERM] {
        fs::remove_dir_all(studio.path("CLOUD/footage")).unwrap_or_default();
        let mut child = site.begin_slow_sync();
        assert_eq!(site.leases(), 1);
        signal(&child, end);
        let status = child.wait().unwrap();
        assert!(!status.success());
        assert_eq!(site.leases(), 0, "{end:?}");
    }
}

#[test]
fn lease_of_another_excludes_until_it_expires() {
    let studio = Studio::bare();
    let Some(server) = PostgresServer::shared() else {
        return;
    };
    let Some(site) = Site::new(&studio, &server) else {
        return;
    };
    site.line("ws1", "load").status(0);
    site.give_away("NAS", "sync");
    let copy = "copy all all WORK NAS --yes";
    let refused = site.line("ws1", copy).status(5);
    let who = "another run has locked `NAS`: run 3 (sync) of process N on `HOST`, since NOW: it holds the lease";
    assert!(refused.stderr.contains(who), "{refused}");
    assert!(!studio.path("NAS/footage/acme").exists());
    // Of two destinations, the other gets its files, and its lease ends.
    site.line("ws1", "copy all all WORK NAS,CLOUD --yes")
        .status(3);
    assert_eq!((site.sent(), site.leases()), (FILES, 1));
    site.execute("UPDATE auto_backup.leases SET expires_at = expires_at - 120");
    site.line("ws1", copy).status(0);
    assert_eq!(count(studio.path("NAS/footage/acme/spot")), FILES);
    assert_eq!(site.leases(), 0);
}

#[test]
fn run_stops_when_another_took_its_lease() {
    let studio = Studio::bare();
    let Some(server) = PostgresServer::shared() else {
        return;
    };
    let Some(site) = Site::new(&studio, &server) else {
        return;
    };
    let mut child = site.begin_slow_sync();
    site.execute("UPDATE auto_backup.leases SET token = 'far', host = 'far', mark = ''");
    // Part of its work is done.
    assert_eq!(child.wait().unwrap().code(), Some(3));
    assert!(site.sent() < FILES, "it wrote on");
    // It is not its lease any more.
    assert_eq!(site.leases(), 1);
    site.execute("DELETE FROM auto_backup.leases");
    site.line("ws1", SYNC).status(0);
    assert_eq!(site.sent(), FILES);
}

#[test]
fn run_outlives_the_server() {
    let studio = Studio::bare();
    let Some(mut server) = PostgresServer::own() else {
        return;
    };
    let Some(site) = Site::new(&studio, &server) else {
        return;
    };
    let mut child = site.begin_slow_sync();
    server.signal(Signal::KILL);
    let status = child.wait().unwrap();
    assert_eq!(site.sent(), FILES);
    assert!(status.success(), "{status}");
    // The lease that it could not give back excludes nobody on its own machine.
    let (mut again, name) = (site.command("ws2", SYNC), site.name.clone());
    server.end(Signal::KILL);
    server.restart();
    assert_eq!(server.number(&name, LEASES), 1);
    studio.finish(&mut again).status(0);
    assert_eq!(server.number(&name, LEASES), 0);
}

#[test]
fn copy_goes_on_without_the_server() {
    let studio = Studio::bare();
    let Some(server) = PostgresServer::shared() else {
        return;
    };
    let Some(site) = Site::new(&studio, &server) else {
        return;
    };
    site.set_catalog("postgres://a@/c?connect_timeout=1&host=/nowhere");
    let copied = site
        .line("ws1", "copy all all WORK NAS,CLOUD --yes")
        .status(0);
    let told = "only lock files keep other workstations from writing during this run";
    assert_eq!(copied.stderr.matches(told).count(), 1, "{copied}");
    assert_eq!(site.sent(), FILES);
    // Nothing was tried without need.
    let loaded = site.line("ws1", "load").status(0);
    assert!(!loaded.stderr.contains(told), "{loaded}");
}

#[test]
fn reading_role_writes_to_no_storage() {
    let studio = Studio::bare();
    let Some(server) = PostgresServer::shared() else {
        return;
    };
    let Some(site) = Site::new(&studio, &server) else {
        return;
    };
    site.line("ws1", "load").status(0);
    let role = format!("{}_reader", site.name);
    server.create_role(&role);
    site.execute(&format!(
        "GRANT USAGE ON SCHEMA auto_backup TO {role}; GRANT SELECT ON ALL TABLES IN SCHEMA auto_backup TO {role}"
    ));
    site.set_catalog(&server.socket_address(&role, &site.name));
    let copy = "copy all all WORK NAS --yes";
    let refused = site.line("ws1", copy).status(1);
    for part in [
        &format!("the role `{role}` may not take the lease of NAS"),
        "`set catalog off`",
    ] {
        assert!(refused.stderr.contains(part), "{refused}");
    }
    assert!(!studio.path("NAS/footage/acme").exists());
    site.line("ws1", &format!("set catalog off\n{copy}"))
        .status(0);
    assert_eq!(site.leases(), 0);
}

#[test]
fn witness_that_is_freed_elsewhere_does_not_count() {
    let studio = Studio::bare();
    let Some(server) = PostgresServer::shared() else {
        return;
    };
    let Some(site) = Site::new(&studio, &server) else {
        return;
    };
    let prepare = "policy footage copies 1\ncopy all all WORK NAS --yes\nverify all\nload";
    site.line("ws1", prepare).status(0);
    // NAS is offline, but trusted.
    fs::rename(studio.path("NAS"), studio.path("away")).unwrap();
    let free = "policy footage copies 1\nfree acme/spot footage WORK --trust-offline NAS --yes";
    site.give_away("NAS", "free");
    let refused = site.line("ws1", free).status(3);
    let why = "NAS does not count: copies are being removed there by run 3 (free)";
    let said = format!("{}{}", refused.stdout, refused.stderr);
    assert!(said.contains(why), "{refused}");
    assert_eq!(count(studio.path("WORK/footage/acme/spot")), FILES);
    site.execute("DELETE FROM auto_backup.leases");
    site.give_away("NAS", "sync");
    site.line("ws1", free).status(0);
    assert_eq!(count(studio.path("WORK/footage/acme/spot")), 0);
}
