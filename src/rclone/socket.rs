//! Requests to the daemon through its socket file, by HTTP 1.0: an answer ends with the connection.

use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::command::UNREADABLE_ANSWER;
use crate::base::error::Result;
use crate::base::interrupt;
use crate::base::name::to_base64;
use crate::os::host;
use crate::os::scratch::SocketFolder;

/// Longest wait between two checks for an interruption.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Greatest length of an answer's head, in bytes.
const MAX_HEAD_BYTES: usize = 64 << 10;

/// User name for the daemon.
const USER: &str = "auto-backup";

/// The socket file and the daemon's password.
#[derive(Debug)]
pub(super) struct Socket {
    folder: SocketFolder,
    password: String,
}

#[derive(Debug)]
pub(super) enum HttpReply {
    /// An answer with the length that its head announces.
    Complete {
        status: u16,
        body: Vec<u8>,
    },
    /// No complete answer, with the reason.
    Failed(String),
    TimedOut,
}

impl Socket {
    /// Prepares a socket's path in a folder that only we can enter.
    pub(super) fn new() -> Result<Self> {
        Ok(Self {
            folder: SocketFolder::new()?,
            password: host::random_id()?,
        })
    }

    pub(super) fn path(&self) -> PathBuf {
        self.folder.socket()
    }

    /// Environment variables that set the daemon's user and password.
    pub(super) fn credentials(&self) -> [(&'static str, &str); 2] {
        [("RCLONE_RC_USER", USER), ("RCLONE_RC_PASS", &self.password)]
    }

    pub(super) fn accepts_connections(&self) -> bool {
        UnixStream::connect(self.path()).is_ok()
    }

    /// Sends a request and waits for the answer, within this time and this length.
    ///
    /// # Errors
    /// Interruption.
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
                    "rclone's answer is far too long".to_owned(),
                ));
            }
        }
    }

    /// Sends a request. Our half of the connection stays open: rclone would cancel the request if it were closed.
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

/// Parses the bytes received until the connection ended. The answer is unusable without a complete head or with a length other
/// than the announced one.
fn parse_response(mut received: Vec<u8>) -> HttpReply {
    let unreadable = || HttpReply::Failed(UNREADABLE_ANSWER.to_owned());
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
    fn incomplete_answers_fail() {
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
