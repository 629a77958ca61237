//! A server of buckets: rclone serves a folder as S3, in which each folder is a bucket.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use super::process::guarded;
use super::programs::rclone;
use super::remotes::Remotes;
use super::server::{Server, ServerProtocol, home};

const ACCESS_KEY: &str = "ACCESSKEY";

#[derive(Debug)]
struct S3 {
    folder: PathBuf,
    secret: String,
}

impl<'a> Server<'a> {
    /// Starts a server with a bucket `bucket`.
    pub(crate) fn s3(remotes: &'a Remotes<'a>, name: &str) -> Self {
        let folder = home(remotes, name).join("root");
        let bucket = folder.join("bucket");
        fs::create_dir_all(&bucket).unwrap();
        let secret = format!("SECRETKEY{}", std::process::id());
        let root = format!("{name}:bucket");
        let speaks = Box::new(S3 { folder, secret });
        Self::new(remotes, name, speaks, (root, bucket))
    }
}

impl ServerProtocol for S3 {
    fn program(&self, port: u16) -> Command {
        let mut command = serving("s3", port, &self.folder);
        command.arg(format!("--auth-key={ACCESS_KEY},{}", self.secret));
        command
    }

    fn section(&self, port: u16) -> Vec<(&'static str, String)> {
        vec![
            ("type", "s3".to_owned()),
            ("provider", "Rclone".to_owned()),
            ("endpoint", format!("http://127.0.0.1:{port}")),
            ("access_key_id", ACCESS_KEY.to_owned()),
            ("secret_access_key", self.secret.clone()),
            ("use_multipart_uploads", "false".to_owned()),
        ]
    }
}

/// Returns the current rclone as a server of a folder. It sees changes by others almost at once; with no cache time at
/// all it would never rest.
pub(super) fn serving(what: &str, port: u16, folder: &PathBuf) -> Command {
    let mut command = guarded(rclone().unwrap());
    command
        .args(["serve", what, "--config=", "--dir-cache-time=1ms"])
        .arg(format!("--addr=127.0.0.1:{port}"))
        .arg(folder);
    command
}
