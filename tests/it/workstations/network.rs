//! A network between a workstation and the server: one with a delay, and one whose packets vanish without an answer.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::{Workstations, startup};
use crate::servers::find;
use crate::studio::{ProgramRun, report_skip};

/// The addresses of the workstation and of the server.
const CLIENT: &str = "10.213.0.1";
const SERVER: &str = "10.213.0.2";

/// The port of the server.
const PORT: u16 = 5432;

/// A network namespace, held by a process that sleeps.
struct Namespace(Child);

impl Namespace {
    fn new() -> Option<Self> {
        // It ends with these tests, and says when the namespace is there.
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig=KILL", "unshare", "--net", "--"]);
        command.args(["sh", "-c", "echo && exec sleep 600"]);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut child = command.spawn().ok()?;
        let mut line = [0; 1];
        let is_there = child.stdout.take().unwrap().read(&mut line);
        let namespace = Self(child);
        matches!(is_there, Ok(1)).then_some(namespace)
    }

    fn path(&self) -> PathBuf {
        format!("/proc/{}/ns/net", self.0.id()).into()
    }

    /// Returns a command within.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.arg(format!("--net={}", self.path().display()));
        command.arg(program);
        command
    }

    /// Configures its network.
    fn ip(&self, words: &str) -> bool {
        let mut command = self.command("ip");
        command.args(words.split(' ')).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let _sent = self.0.kill();
        let _status = self.0.wait();
    }
}

/// A cable between the namespace of the first workstation and that of the server.
struct Cable {
    client: Namespace,
    server: Arc<Namespace>,
    state: Arc<CableState>,
}

/// The messages of clients.
#[derive(Default)]
struct CableState {
    /// Number of further messages until the cable is pulled out; 0 for never.
    left: AtomicUsize,
    /// Time for which it then stays out; without one, until it is plugged in.
    time: Mutex<Option<Duration>>,
}

impl Cable {
    /// Reports a skip and returns `None` where no namespace can be made.
    fn new(two: &Workstations) -> Option<Self> {
        let programs = ["ip", "unshare", "nsenter", "setpriv"];
        if programs.iter().any(|program| find(program).is_none()) {
            report_skip("iproute2 or util-linux is not installed");
            return None;
        }
        let cable = Self::try_new();
        if cable.is_none() {
            report_skip("no network can be made here, as without root");
        }
        let cable = cable?;
        cable.relay(two);
        let address = format!(
            "postgres://{0}@{SERVER}/{0}?sslmode=disable&connect_timeout=1",
            two.name
        );
        let lines = two.studio.read(startup("ws1"));
        two.studio
            .file(startup("ws1"), lines.replace(&two.address, &address));
        Some(cable)
    }

    fn try_new() -> Option<Self> {
        let (client, server) = (Namespace::new()?, Namespace::new()?);
        let pair = format!(
            "link add cable type veth peer name cable netns {}",
            server.0.id()
        );
        let is_up = client.ip(&pair)
            && client.ip(&format!("address add {CLIENT}/24 dev cable"))
            && server.ip(&format!("address add {SERVER}/24 dev cable"))
            && client.ip("link set cable up")
            && server.ip("link set cable up");
        is_up.then(|| Self {
            client,
            server: Arc::new(server),
            state: Arc::default(),
        })
    }

    /// Passes connections in the namespace of the server on to its socket.
    fn relay(&self, two: &Workstations) {
        let folder = two.server.folder();
        let socket = folder.join(format!(".s.PGSQL.{}", two.server.port()));
        let namespace = File::open(self.server.path()).unwrap();
        let (server, state) = (Arc::clone(&self.server), Arc::clone(&self.state));
        // Only this thread enters the namespace.
        let listener = thread::spawn(move || {
            let kind = Some(LinkNameSpaceType::Network);
            move_into_link_name_space(namespace.as_fd(), kind).unwrap();
            TcpListener::bind((SERVER, PORT)).unwrap()
        });
        let listener = listener.join().unwrap();
        thread::spawn(move || {
            for client in listener.incoming() {
                let (server, state) = (Arc::clone(&server), Arc::clone(&state));
                let (client, socket) = (client.unwrap(), socket.clone());
                thread::spawn(move || pass_on(&client, &socket, (&server, &state)));
            }
        });
    }

    /// Pulls the cable out before this message of a client reaches the server: for a time, or until it is plugged in.
    fn pull_out_at(&self, message: usize, time: Option<Duration>) {
        *self.state.time.lock().unwrap() = time;
        self.state.left.store(message, Ordering::SeqCst);
    }

    fn pull_out(&self) {
        assert!(self.server.ip("link set cable down"));
    }

    fn plug_in(&self) {
        self.state.left.store(0, Ordering::SeqCst);
        assert!(self.server.ip("link set cable up"));
    }

    /// Executes lines on the first workstation, whose only network is the cable.
    fn lines(&self, two: &Workstations, lines: &[&str]) -> ProgramRun {
        let program = two.command("ws1");
        let mut command = self.client.command(program.get_program().to_str().unwrap());
        command.env_clear().stdin(Stdio::null());
        for (name, value) in program.get_envs() {
            command.env(name, value.unwrap());
        }
        command.current_dir(program.get_current_dir().unwrap());
        command.args(lines.iter().flat_map(|line| ["-c", line]));
        two.studio.finish(&mut command)
    }
}

fn pass_on(client: &TcpStream, socket: &Path, (namespace, state): (&Namespace, &CableState)) {
    let upstream = UnixStream::connect(socket).unwrap();
    thread::scope(|scope| {
        scope.spawn(|| {
            let (mut from, mut to) = (&upstream, client);
            let _copied = std::io::copy(&mut from, &mut to);
            let _ended = client.shutdown(std::net::Shutdown::Both);
        });
        let (mut from, mut to) = (client, &upstream);
        let mut bytes = vec![0; 1 << 16];
        while let Ok(count @ 1..) = from.read(&mut bytes) {
            let is_last = state
                .left
                .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
                    left.checked_sub(1)
                });
            if is_last == Ok(1) {
                assert!(namespace.ip("link set cable down"));
                if let Some(time) = *state.time.lock().unwrap() {
                    // The answer of the server is lost, and sent again.
                    scope.spawn(move || {
                        thread::sleep(time);
                        assert!(namespace.ip("link set cable up"));
                    });
                }
            }
            if to.write_all(&bytes[..count]).is_err() {
                break;
            }
        }
        let _ended = upstream.shutdown(std::net::Shutdown::Both);
    });
}

#[test]
fn server_without_a_network_costs_one_notice() {
    let Some(two) = Workstations::new() else {
        return;
    };
    let Some(cable) = Cable::new(&two) else {
        return;
    };
    cable.lines(&two, &["load"]).ok();
    assert_eq!(two.files("ws2").len(), 3);
    cable.pull_out();
    let listed = cable
        .lines(&two, &["list projects", "fetch acme/spot"])
        .status(0);
    assert!(listed.stdout.contains("whole, 2 files"), "{listed}");
    assert!(
        listed.stderr.contains("cannot reach the catalog"),
        "{listed}"
    );
    assert_eq!(listed.stderr.lines().count(), 1, "{listed}");
    cable.plug_in();
    cable.lines(&two, &["list projects"]).ok();
}

#[test]
fn packets_that_vanish_within_a_push_let_it_wait() {
    let Some(two) = Workstations::new() else {
        return;
    };
    let Some(cable) = Cable::new(&two) else {
        return;
    };
    cable.lines(&two, &["load"]).ok();
    assert_eq!(two.files("ws2").len(), 3);
    two.studio.file("NAS/footage/acme/spot/new.mov", "new");
    cable.pull_out_at(30, None);
    let loaded = cable.lines(&two, &["load"]).status(0);
    assert!(loaded.stderr.contains("lost the connection"), "{loaded}");
    assert!(
        loaded.stderr.ends_with("; what this run learned waits\n"),
        "{loaded}"
    );
    assert_eq!(loaded.stderr.lines().count(), 1, "{loaded}");
    cable.plug_in();
    cable.lines(&two, &["list projects"]).ok();
    assert_eq!(two.files("ws2").len(), 4);
}

#[test]
fn short_outage_within_a_push_is_not_noticed() {
    let Some(two) = Workstations::new() else {
        return;
    };
    let Some(cable) = Cable::new(&two) else {
        return;
    };
    for (round, message) in [3, 25, 40].into_iter().enumerate() {
        two.studio
            .file(format!("NAS/footage/acme/spot/sh{round}/a.exr"), "a");
        cable.pull_out_at(message, Some(Duration::from_millis(500)));
        cable.lines(&two, &["load"]).ok();
        assert_eq!(cable.state.left.load(Ordering::SeqCst), 0, "{message}");
        assert_eq!(two.files("ws2").len(), 4 + round);
    }
}
