//! Renaming many files on a remote by one rclone process, which is asked through a socket file (rclone's `rcd` and
//! `operations/movefile`).

use std::ffi::OsString;
use std::io::{Read as _, Write as _};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::{Remote, names, process};
use crate::error::{At as _, Result};
use crate::os::guard;
use crate::os::scratch::ScratchFolder;

/// How long rclone may take until it listens.
const START: Duration = Duration::from_secs(20);

/// How long one file may take: a storage without a rename copies it on its own side.
const FILE: Duration = Duration::from_secs(30 * 60);

/// An rclone process that renames files when asked; it ends with this.
#[derive(Debug)]
pub struct Mover<'a> {
    remote: &'a Remote,
    folder: ScratchFolder,
    child: Child,
}

/// What is asked.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Question<'a> {
    src_fs: &'a str,
    src_remote: &'a str,
    dst_fs: &'a str,
    dst_remote: &'a str,
}

/// What is answered where it failed.
#[derive(Deserialize)]
struct Answer {
    error: Option<String>,
}

impl<'a> Mover<'a> {
    /// Starts it.
    ///
    /// # Errors
    /// It does not start, or does not listen.
    pub fn start(remote: &'a Remote) -> Result<Self> {
        let folder = ScratchFolder::new()?;
        let mut address = OsString::from("--rc-addr=unix://");
        address.push(folder.path().join("s"));
        let mut command = process::command(&remote.program.path);
        command.arg("rcd").arg(address).args([
            "--rc-no-auth",
            "--low-level-retries=3",
            "--contimeout=15s",
            "--timeout=60s",
        ]);
        command
            .args(process::ALWAYS)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let child = command.spawn().at("start", &remote.program.path)?;
        let mover = Self {
            remote,
            folder,
            child,
        };
        let start = Instant::now();
        while UnixStream::connect(mover.folder.path().join("s")).is_err() {
            crate::interrupt::check()?;
            if start.elapsed() > START {
                return Err(process::failed(
                    "move files on",
                    remote.root(),
                    "it does not listen",
                ));
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(mover)
    }

    /// Gives a file another path below the root, which has to be free; `Err` says why not.
    ///
    /// # Errors
    /// What rclone said.
    pub fn rename(&self, from: &Path, to: &Path) -> Result<(), String> {
        let root = self.remote.root().to_str().unwrap_or_default();
        let [from, to] = [names::standard_path(from)?, names::standard_path(to)?];
        let question = Question {
            src_fs: root,
            src_remote: &from,
            dst_fs: root,
            dst_remote: &to,
        };
        let body = serde_json::to_vec(&question).map_err(|error| error.to_string())?;
        let answer = self
            .ask(&body)
            .map_err(|error| format!("rclone does not answer: {error}"))?;
        let body = answer.split("\r\n\r\n").nth(1).unwrap_or_default();
        // The body may come in pieces, each after its size; the answer to a rename is one small piece.
        let json = body
            .find('{')
            .zip(body.rfind('}'))
            .map(|(start, end)| &body[start..=end]);
        match json.and_then(|json| serde_json::from_str::<Answer>(json).ok()) {
            Some(Answer { error: None }) if answer.starts_with("HTTP/1.1 200") => Ok(()),
            Some(Answer { error: Some(error) }) => Err(error),
            _ => Err("rclone's answer cannot be understood".to_owned()),
        }
    }

    /// One question and its whole answer, by HTTP.
    fn ask(&self, body: &[u8]) -> std::io::Result<String> {
        let mut stream = UnixStream::connect(self.folder.path().join("s"))?;
        stream.set_read_timeout(Some(FILE))?;
        let head = format!(
            "POST /operations/movefile HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes())?;
        stream.write_all(body)?;
        stream.shutdown(Shutdown::Write).unwrap_or_default();
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    }
}

impl Drop for Mover<'_> {
    fn drop(&mut self) {
        guard::end_group(self.child.id(), true);
        self.child.wait().map(|_| ()).unwrap_or_default();
    }
}
