//! A server of web folders (`WebDAV`) by rclone: it keeps neither the times of files nor hashes.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use super::remotes::Remotes;
use super::s3::serving;
use super::server::{Server, ServerProtocol, home};

const USER: &str = "artist";

#[derive(Debug)]
struct WebDav {
    folder: PathBuf,
    password: String,
    obscured: String,
}

impl<'a> Server<'a> {
    /// Starts one with a folder of its own.
    pub(crate) fn webdav(remotes: &'a Remotes<'a>, name: &str) -> Self {
        let folder = home(remotes, name).join("root");
        fs::create_dir_all(&folder).unwrap();
        let password = format!("password{}", std::process::id());
        let speaks = Box::new(WebDav {
            folder: folder.clone(),
            obscured: remotes.obscured(&password),
            password,
        });
        Self::new(remotes, name, speaks, (format!("{name}:"), folder))
    }
}

impl ServerProtocol for WebDav {
    fn program(&self, port: u16) -> Command {
        let mut command = serving("webdav", port, &self.folder);
        command.args(["--user", USER, "--pass", &self.password]);
        command
    }

    fn section(&self, port: u16) -> Vec<(&'static str, String)> {
        vec![
            ("type", "webdav".to_owned()),
            ("vendor", "other".to_owned()),
            ("url", format!("http://127.0.0.1:{port}")),
            ("user", USER.to_owned()),
            ("pass", self.obscured.clone()),
        ]
    }
}
