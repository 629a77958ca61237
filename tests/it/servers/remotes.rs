//! The rclone configuration of a studio: its remotes, and a program that knows them.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::programs::{find, rclone};
use crate::studio::{Studio, report_skip};

/// The remotes of a studio, in its folder `remotes`: `rclone.conf`, and a folder for each server.
#[derive(Debug)]
pub(crate) struct Remotes<'a> {
    pub(super) studio: &'a Studio,
    rclone: &'static Path,
    config: PathBuf,
    sections: RefCell<BTreeMap<String, String>>,
}

impl<'a> Remotes<'a> {
    /// Returns an empty configuration. Reports a skip and returns `None` if a program of any server is missing.
    pub(crate) fn new(studio: &'a Studio) -> Option<Self> {
        let rclone = rclone()?;
        for program in ["sshd", "ssh-keygen"] {
            if find(program).is_none() {
                report_skip(&format!("{program} is not installed"));
                return None;
            }
        }
        studio.file("remotes/rclone.conf", "");
        Some(Self {
            studio,
            rclone,
            config: studio.path("remotes/rclone.conf"),
            sections: RefCell::default(),
        })
    }

    /// Returns the path for `RCLONE_CONFIG`.
    pub(crate) fn config(&self) -> &Path {
        &self.config
    }

    /// Puts this rclone first on a program's PATH, with these remotes.
    pub(crate) fn add_to_environment<'c>(
        &self,
        rclone: &Path,
        command: &'c mut Command,
    ) -> &'c mut Command {
        let folder = rclone.parent().unwrap().display();
        command
            .env("PATH", format!("{folder}:/usr/bin:/bin:/usr/sbin:/sbin"))
            .env("RCLONE_CONFIG", &self.config)
            // A third of the time of a short rclone process is garbage collection at its start.
            .env("GOGC", "off")
            .env("GOMEMLIMIT", "200MiB")
    }

    /// Returns the current rclone, without retries.
    pub(crate) fn rclone(&self) -> Command {
        self.with(self.rclone)
    }

    /// Returns another rclone, without retries.
    pub(crate) fn with(&self, rclone: &Path) -> Command {
        let mut command = self.studio.other_program(&rclone.to_string_lossy());
        self.add_to_environment(rclone, &mut command)
            .env("RCLONE_RETRIES", "1")
            .env("RCLONE_LOW_LEVEL_RETRIES", "1");
        command
    }

    /// Runs the current rclone and returns its output.
    pub(super) fn output(&self, words: &[&str]) -> Output {
        self.rclone().args(words).output().unwrap()
    }

    /// Runs the current rclone and returns its standard output; fails if it fails.
    #[track_caller]
    pub(crate) fn stdout_of(&self, words: &[&str]) -> String {
        let output = self.output(words);
        assert!(output.status.success(), "{words:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Writes a remote into the configuration and replaces one of this name.
    pub(crate) fn add(&self, name: &str, settings: &[(&str, String)]) {
        let mut section = format!("[{name}]\n");
        for (key, value) in settings {
            writeln!(section, "{key} = {value}").unwrap();
        }
        let mut sections = self.sections.borrow_mut();
        sections.insert(name.to_owned(), section);
        let text: Vec<_> = sections.values().map(String::as_str).collect();
        fs::write(&self.config, text.join("\n")).unwrap();
    }

    /// Adds a remote that stores everything encrypted at another place, such as `sf:folder`; returns its typed address.
    pub(crate) fn crypt(&self, name: &str, over: &str) -> String {
        let settings = [
            ("type", "crypt".to_owned()),
            ("remote", over.to_owned()),
            ("password", self.obscured("a password")),
        ];
        self.add(name, &settings);
        format!("{name}:")
    }

    /// Adds a remote that is a folder of this machine; returns its typed address.
    pub(crate) fn alias(&self, name: &str, folder: &Path) -> String {
        let remote = folder.to_str().unwrap().to_owned();
        self.add(name, &[("type", "alias".to_owned()), ("remote", remote)]);
        format!("{name}:")
    }

    /// Returns a password in the form of the configuration.
    pub(super) fn obscured(&self, password: &str) -> String {
        self.stdout_of(&["obscure", password]).trim_end().to_owned()
    }
}
