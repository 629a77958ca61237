//! Questions to rclone through its socket file, by HTTP 1.0: an answer comes in one piece and ends with the connection.

use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::base::error::Result;
use crate::base::interrupt;
use crate::base::name::to_base64;
use crate::os::host;
use crate::os::scratch::SocketFolder;

/// Time that is waited at once before Ctrl-C is looked for.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Length of what stands before an answer, in bytes.
const MAX_HEAD_BYTES: usize = 64 << 10;

/// The user that rclone knows us by.
const USER: &str = "auto-backup";

/// The socket file, and the password that rclone answers to.
#[derive(Debug)]
pub(super) struct Socket {
    folder: SocketFolder,
    password: String,
}

/// An answer, as it came.
#[derive(Debug)]
pub(super) enum HttpReply {
    /// A whole answer.
    Complete {
        /// The status of HTTP.
        status: u16,
        /// What it says.
        body: Vec<u8>,
    },
    /// No whole answer, and why.
    Failed(String),
    /// No whole answer in this time.
    TimedOut,
}

impl Socket {
    /// A place for one, in a folder that only we can use.
    ///
    /// # Errors
    /// The folder cannot be made.
    pub(super) fn new() -> Result<Self> {
        Ok(Self {
            folder: SocketFolder::new()?,
            password: host::random_id()?,
        })
    }

    /// Path of the socket.
    pub(super) fn path(&self) -> PathBuf {
        self.folder.socket()
    }

    /// Variables by which rclone learns user and password.
    pub(super) fn credentials(&self) -> [(&'static str, &str); 2] {
        [("RCLONE_RC_USER", USER), ("RCLONE_RC_PASS", &self.password)]
    }

    /// Whether anybody listens.
    pub(super) fn accepts_connections(&self) -> bool {
        UnixStream::connect(self.path()).is_ok()
    }

    /// Asks something, and waits at most so long for an answer of at most so many bytes.
    ///
    /// # Errors
    /// An interruption.
    pub(super) fn post(
        &self,
        path: &str,
        params: &Value,
        timeout: Duration,
        max_bytes: usize,
    ) -> Result<HttpReply> {
        let failed = |error| {
            Ok(HttpReply::Failed(format!(
                "rclone does not answer: {error}"
            )))
        };
        let start = Instant::now();
        let mut stream = match self.send(path, params) {
            Ok(stream) => stream,
            Err(error) => return failed(error),
        };
        let mut received = Vec::new();
        let mut chunk = [0; 16_384];
        loop {
            interrupt::check()?;
            if start.elapsed() > timeout {
                return Ok(HttpReply::TimedOut);
            }
            match stream.read(&mut chunk) {
                Ok(0) => return Ok(parse_response(received)),
                Ok(read) => received.extend_from_slice(&chunk[..read]),
                Err(error)
                    if matches!(
                        error.kind(),
                        ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
                    ) => {}
                Err(error) => return failed(error),
            }
            if received.len() > max_bytes + MAX_HEAD_BYTES {
                return Ok(HttpReply::Failed(
                    "rclone answered far more than was asked for".to_owned(),
                ));
            }
        }
    }

    /// Sends a question. Our half stays open: rclone takes its end for a change of mind.
    fn send(&self, path: &str, params: &Value) -> std::io::Result<UnixStream> {
        let mut stream = UnixStream::connect(self.path())?;
        stream.set_read_timeout(Some(POLL_INTERVAL))?;
        stream.set_write_timeout(Some(Duration::from_secs(20)))?;
        let body = params.to_string();
        let secret = to_base64(format!("{USER}:{}", self.password).as_bytes());
        let head = format!(
            "POST /{path} HTTP/1.0\r\nHost: localhost\r\nAuthorization: Basic {secret}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes())?;
        stream.write_all(body.as_bytes())?;
        Ok(stream)
    }
}

/// The answer in what came until the connection ended; no answer where it has no whole head, or another length than that says.
fn parse_response(mut received: Vec<u8>) -> HttpReply {
    let unreadable = || HttpReply::Failed("rclone's answer cannot be understood".to_owned());
    let Some(end) = received.windows(4).position(|four| four == b"\r\n\r\n") else {
        return unreadable();
    };
    let body = received.split_off(end + 4);
    let Ok(head) = std::str::from_utf8(&received) else {
        return unreadable();
    };
    let mut lines = head.lines();
    let mut words = lines.next().unwrap_or_default().split(' ');
    let (version, status) = (words.next().unwrap_or_default(), words.next());
    let status = status.and_then(|status| status.parse().ok());
    let Some(status) = status.filter(|_| version.starts_with("HTTP/1.")) else {
        return unreadable();
    };
    let length = lines.find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let is_length = name.eq_ignore_ascii_case("content-length");
        is_length.then(|| value.trim().parse::<usize>())
    });
    match length {
        Some(Ok(length)) if length == body.len() => HttpReply::Complete { status, body },
        None => HttpReply::Complete { status, body },
        Some(_) => HttpReply::Failed("rclone's answer ended early".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_answers_come() {
        let good =
            parse_response(b"HTTP/1.0 404 Not Found\r\nContent-Length: 2\r\n\r\n{}".to_vec());
        assert!(matches!(good, HttpReply::Complete { status: 404, body } if body == b"{}"));
        let good = parse_response(b"HTTP/1.1 200 OK\r\nServer: x\r\n\r\n{}".to_vec());
        assert!(matches!(good, HttpReply::Complete { status: 200, .. }));
        for bad in [
            "",
            "HTTP/1.0 200 OK\r\n",
            "HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\n{}",
            "HTTP/1.0 200 OK\r\nContent-Length: x\r\n\r\n{}",
            "200 OK\r\n\r\n{}",
            "HTTP/1.0 yes\r\n\r\n{}",
        ] {
            let reply = parse_response(bad.as_bytes().to_vec());
            assert!(matches!(reply, HttpReply::Failed(_)), "{bad}");
        }
    }
}
