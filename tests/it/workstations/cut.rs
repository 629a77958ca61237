//! Connections that are cut between any two messages, as if the client had been killed: the catalog and the index stay whole,
//! and the next exchange completes the work.

use std::io::{Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

use super::{Workstations, startup};

/// Passes on at most this number of messages of clients, then cuts every connection.
pub(super) struct Cutter {
    left: Arc<AtomicUsize>,
    /// Milliseconds that each message takes in each direction.
    delay: Arc<AtomicU64>,
    /// The folder of its socket.
    _folder: TempDir,
}

impl Cutter {
    /// Stands between a workstation and the server from now on.
    pub(super) fn between(two: &Workstations, host: &str) -> Self {
        let folder = two.address.split("?host=").nth(1).unwrap();
        let port = two.address.split(':').nth(2).unwrap();
        let port = port.split('/').next().unwrap();
        let socket = format!(".s.PGSQL.{port}");
        let between = tempfile::Builder::new()
            .prefix("cut-")
            .tempdir_in("/tmp")
            .unwrap();
        let lines = two.studio.read(startup(host));
        let through = lines.replace(folder, between.path().to_str().unwrap());
        two.studio.file(startup(host), through);
        let listener = UnixListener::bind(between.path().join(&socket)).unwrap();
        Self::start(listener, &Path::new(folder).join(&socket), between)
    }

    fn start(listener: UnixListener, server: &Path, folder: TempDir) -> Self {
        let left = Arc::new(AtomicUsize::new(usize::MAX));
        let delay = Arc::new(AtomicU64::new(0));
        let (server, shared) = (server.to_owned(), (Arc::clone(&left), Arc::clone(&delay)));
        thread::spawn(move || {
            for client in listener.incoming() {
                let (client, (left, delay)) = (client.unwrap(), shared.clone());
                let Ok(upstream) = UnixStream::connect(&server) else {
                    continue;
                };
                thread::spawn(move || forward((&client, &upstream), &left, &delay));
            }
        });
        Self {
            left,
            delay,
            _folder: folder,
        }
    }

    /// Delays each message in each direction by a number of milliseconds.
    pub(super) fn delay(&self, milliseconds: u64) {
        self.delay.store(milliseconds, Ordering::SeqCst);
    }

    /// Returns the number of messages of clients since the last call, and allows any number from now on.
    pub(super) fn take_messages(&self) -> usize {
        usize::MAX - self.left.swap(usize::MAX, Ordering::SeqCst)
    }

    pub(super) fn allow(&self, messages: usize) {
        self.left.store(messages, Ordering::SeqCst);
    }
}

fn forward((client, upstream): (&UnixStream, &UnixStream), left: &AtomicUsize, delay: &AtomicU64) {
    let wait = || thread::sleep(Duration::from_millis(delay.load(Ordering::SeqCst)));
    thread::scope(|scope| {
        scope.spawn(|| {
            let (mut from, mut to) = (upstream, client);
            let mut bytes = vec![0; 1 << 16];
            while let Ok(count @ 1..) = from.read(&mut bytes) {
                wait();
                if to.write_all(&bytes[..count]).is_err() {
                    break;
                }
            }
            let _ended = client.shutdown(std::net::Shutdown::Both);
        });
        let (mut from, mut to) = (client, upstream);
        let mut bytes = vec![0; 1 << 16];
        while let Ok(count @ 1..) = from.read(&mut bytes) {
            let allowed = left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
                left.checked_sub(1)
            });
            wait();
            if allowed.is_err() || to.write_all(&bytes[..count]).is_err() {
                break;
            }
        }
        for end in [client, upstream] {
            let _ended = end.shutdown(std::net::Shutdown::Both);
        }
    });
}

#[test]
fn connection_cut_anywhere_leaves_both_sides_whole() {
    let Some(two) = Workstations::new() else {
        return;
    };
    two.lines("ws1", &["load"]).ok();
    two.lines("ws2", &["load"]).ok();
    let cutter = Cutter::between(&two, "ws1");
    let mut was_cut = 0;
    for messages in 0.. {
        two.studio
            .file(format!("NAS/footage/acme/spot/sh{messages}/a.exr"), "a");
        let old = two
            .studio
            .path(format!("NAS/footage/acme/spot/sh{}", messages / 2));
        if messages % 3 == 2 && old.exists() {
            std::fs::remove_dir_all(old).unwrap();
        }
        cutter.allow(messages);
        let loaded = two.lines("ws1", &["load"]).status(0);
        let is_complete = loaded.stderr.is_empty();
        was_cut += usize::from(!is_complete);
        cutter.allow(usize::MAX);
        two.lines("ws1", &["list projects"]).ok();
        assert_eq!(two.files("ws2"), two.files("ws1"), "{messages}");
        if is_complete && messages > 10 {
            break;
        }
        assert!(messages < 400, "{loaded}");
    }
    assert!(was_cut > 10, "{was_cut}");
}

#[test]
fn connection_cut_anywhere_leaves_studio_whole() {
    let Some(two) = Workstations::new() else {
        return;
    };
    two.lines("ws1", &["load"]).ok();
    two.lines("ws2", &["load"]).ok();
    let cutter = Cutter::between(&two, "ws1");
    let count = |line: &str, key: &str| {
        let document = two.json("ws2", line);
        document[key].as_array().unwrap().len()
    };
    let own = |line: &str| two.json("ws1", line);
    let mut was_cut = 0;
    for messages in 0.. {
        let policy = format!("policy footage copies {}", 1 + messages % 99);
        cutter.allow(messages);
        let changed = two.lines("ws1", &[&policy, "load --project acme/spot"]);
        let is_complete = changed.status(0).stderr.is_empty();
        was_cut += usize::from(!is_complete);
        cutter.allow(usize::MAX);
        two.lines("ws1", &["list projects"]).ok();
        let policies = ["ws1", "ws2"].map(|host| two.json(host, "policy")["policies"][0].clone());
        assert_eq!(policies[0]["copies"], 1 + messages % 99, "{messages}");
        assert_eq!(policies[1]["copies"], policies[0]["copies"], "{messages}");
        let runs = own("history --all")["runs"].as_array().unwrap().len();
        // That of ws2 is among those of all.
        assert_eq!(
            count("history --hosts --all", "runs"),
            runs + 1,
            "{messages}"
        );
        if is_complete && messages > 10 {
            break;
        }
        assert!(messages < 400, "{policy}");
    }
    assert!(was_cut > 10, "{was_cut}");
}
