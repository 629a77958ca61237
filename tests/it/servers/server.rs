//! A server of any protocol that can be started, stopped and restarted.

use std::fmt::Debug;
use std::fs;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::process::{Process, permissions_hold};
use super::remotes::Remotes;
use crate::studio::report_skip;

/// Maximum time for a reply.
const PATIENCE: Duration = Duration::from_secs(10);

/// Maximum number of ports to try.
const TRIES: usize = 5;

/// Ports that the system assigns to no program: a port without a listener refuses connections, and no other program
/// takes it while a server is stopped.
const PORTS: std::ops::Range<u32> = 20_000..32_000;

/// Protocol of a server.
pub(super) trait ServerProtocol: Debug {
    /// Returns its program, listening on this port.
    fn program(&self, port: u16) -> Command;
    /// Returns its section of the configuration.
    fn section(&self, port: u16) -> Vec<(&'static str, String)>;
}

/// A server and its remote. It is killed when dropped, and when the thread that started it ends.
#[derive(Debug)]
pub(crate) struct Server<'a> {
    remotes: &'a Remotes<'a>,
    speaks: Box<dyn ServerProtocol>,
    root: String,
    folder: PathBuf,
    log: PathBuf,
    port: u16,
    process: Option<Process>,
    forbidden: Vec<(PathBuf, u32)>,
}

impl<'a> Server<'a> {
    /// Starts one on a free port. `root` is the remote's path to `folder`.
    pub(super) fn new(
        remotes: &'a Remotes<'a>,
        name: &str,
        speaks: Box<dyn ServerProtocol>,
        (root, folder): (String, PathBuf),
    ) -> Self {
        let mut server = Self {
            remotes,
            speaks,
            root,
            folder,
            log: home(remotes, name).join("log"),
            port: 0,
            process: None,
            forbidden: Vec::new(),
        };
        for _ in 0..TRIES {
            server.port = free_port();
            remotes.add(name, &server.speaks.section(server.port));
            if server.start() {
                return server;
            }
        }
        panic!("{name} does not start: {}", server.log());
    }

    /// Returns the typed address of its files, such as `sf:/srv/files` or `s3:bucket`.
    pub(crate) fn root(&self) -> &str {
        &self.root
    }

    /// Returns the typed address of a path below that.
    pub(crate) fn address(&self, path: &str) -> String {
        let slash = if self.root.ends_with([':', '/']) {
            ""
        } else {
            "/"
        };
        format!("{}{slash}{path}", self.root)
    }

    /// Returns the folder with its files.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Returns its log.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Kills it with every connection.
    pub(crate) fn stop(&mut self) {
        self.process = None;
    }

    /// Starts it again on the same port.
    pub(crate) fn restart(&mut self) {
        assert!(self.process.is_none(), "it was not stopped");
        assert!(self.start(), "it does not start again: {}", self.log());
    }

    /// Removes all permissions of an entry below its folder, so that it can be listed but neither read nor written.
    /// Reports a skip and returns `false` if root cannot drop its privileges.
    pub(crate) fn forbid(&mut self, path: &str) -> bool {
        if !permissions_hold() {
            report_skip("root is allowed everything here");
            return false;
        }
        let path = self.folder.join(path);
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        self.forbidden.push((path.clone(), mode));
        fs::set_permissions(path, fs::Permissions::from_mode(0o000)).unwrap();
        true
    }

    /// Restores all removed permissions.
    pub(crate) fn allow(&mut self) {
        for (path, mode) in self.forbidden.drain(..).rev() {
            let _given = fs::set_permissions(path, fs::Permissions::from_mode(mode));
        }
    }

    /// True if it replies; otherwise it ended because another program has its port.
    fn start(&mut self) -> bool {
        let mut process = Process::start(self.speaks.program(self.port), &self.log);
        let started = Instant::now();
        while started.elapsed() < PATIENCE && !process.has_ended() {
            if self.answers() {
                self.process = Some(process);
                return true;
            }
            thread::sleep(Duration::from_millis(10));
        }
        false
    }

    /// True if this server replies: no other has its keys.
    fn answers(&self) -> bool {
        TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_ok()
            && self.remotes.output(&["lsf", &self.root]).status.success()
    }
}

impl Drop for Server<'_> {
    fn drop(&mut self) {
        self.stop();
        self.allow();
    }
}

/// Returns the folder of a server for its keys and its log.
pub(super) fn home(remotes: &Remotes<'_>, name: &str) -> PathBuf {
    let home = remotes.config().with_file_name(name);
    fs::create_dir_all(&home).unwrap();
    home
}

/// Returns a port without a listener; other processes of these tests start elsewhere.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let first = std::process::id().wrapping_mul(97);
    for _ in PORTS {
        let number = first.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed));
        let port = u16::try_from(PORTS.start + number % (PORTS.end - PORTS.start)).unwrap();
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
    panic!("no port is free");
}
