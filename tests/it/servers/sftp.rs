//! An OpenSSH server for files, as most NAS systems have one: without a shell.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::process::guarded;
use super::programs::find;
use super::remotes::Remotes;
use super::server::{Server, ServerProtocol, home};
use crate::disks::MountedDisk;

/// Settings of `sshd`, besides its keys and address. It never locks a frequent client out.
const SETTINGS: &str = "\
ListenAddress 127.0.0.1
PidFile none
StrictModes no
UsePAM no
UseDNS no
PermitRootLogin yes
PasswordAuthentication no
KbdInteractiveAuthentication no
MaxStartups 1000
MaxSessions 1000
Subsystem sftp internal-sftp
";

#[derive(Debug)]
struct Sftp {
    home: PathBuf,
}

impl<'a> Server<'a> {
    /// Starts one without a shell, so that rclone has no hashes there, with a folder of its own.
    pub(crate) fn sftp(remotes: &'a Remotes<'a>, name: &str) -> Self {
        let folder = home(remotes, name).join("root");
        Self::sftp_at(remotes, name, folder)
    }

    /// Starts one without a shell and with this folder.
    pub(crate) fn sftp_at(remotes: &'a Remotes<'a>, name: &str, folder: PathBuf) -> Self {
        Self::sftp_with(remotes, name, folder, "ForceCommand internal-sftp\n")
    }

    /// Starts one with a shell, in which rclone can compute hashes.
    pub(crate) fn sftp_with_shell(remotes: &'a Remotes<'a>, name: &str) -> Self {
        let folder = home(remotes, name).join("root");
        Self::sftp_with(remotes, name, folder, "")
    }

    /// Starts one without a shell whose folder is a disk of this size, in the syntax of `mount`. Reports a skip and
    /// returns `None` if mounting is not permitted.
    pub(crate) fn sftp_on_small_disk(
        remotes: &'a Remotes<'a>,
        name: &str,
        size: &str,
    ) -> Option<(MountedDisk, Self)> {
        let folder = home(remotes, name).join("root");
        let disk = MountedDisk::mount(remotes.studio, folder.to_str().unwrap(), size)?;
        Some((disk, Self::sftp_at(remotes, name, folder)))
    }

    fn sftp_with(remotes: &'a Remotes<'a>, name: &str, folder: PathBuf, forced: &str) -> Self {
        let home = home(remotes, name);
        fs::create_dir_all(&folder).unwrap();
        for key in ["host", "user"] {
            make_key(&home.join(key));
        }
        let path = home.display();
        // The shell reads no start-up file of the user, which would run for each digest.
        let keys = format!(
            "HostKey {path}/host\nAuthorizedKeysFile {path}/user.pub\nSetEnv HOME={path}\n"
        );
        fs::write(home.join("conf"), format!("{SETTINGS}{keys}{forced}")).unwrap();
        if rustix::process::geteuid().is_root() {
            // It is missing if packages were installed and no service was ever started.
            fs::create_dir_all("/run/sshd").unwrap();
        }
        let root = format!("{name}:{}", folder.display());
        Self::new(remotes, name, Box::new(Sftp { home }), (root, folder))
    }
}

impl ServerProtocol for Sftp {
    fn program(&self, port: u16) -> Command {
        // It starts itself anew for each connection and requires its whole path.
        let mut command = guarded(&find("sshd").unwrap());
        command.args(["-D", "-e", "-p"]).arg(port.to_string());
        command.arg("-f").arg(self.home.join("conf"));
        command
    }

    fn section(&self, port: u16) -> Vec<(&'static str, String)> {
        let key = fs::read_to_string(self.home.join("host.pub")).unwrap();
        let known = self.home.join("known_hosts");
        fs::write(&known, format!("[127.0.0.1]:{port} {key}")).unwrap();
        vec![
            ("type", "sftp".to_owned()),
            ("host", "127.0.0.1".to_owned()),
            ("port", port.to_string()),
            ("user", user()),
            ("key_file", self.home.join("user").display().to_string()),
            ("known_hosts_file", known.display().to_string()),
        ]
    }
}

fn make_key(path: &Path) {
    let mut command = Command::new("ssh-keygen");
    command
        .args(["-q", "-t", "ed25519", "-N", "", "-C", "", "-f"])
        .arg(path);
    assert!(command.status().unwrap().success());
}

/// Returns the name of the user that runs these tests.
fn user() -> String {
    let output = Command::new("id").arg("-un").output().unwrap();
    String::from_utf8(output.stdout)
        .unwrap()
        .trim_end()
        .to_owned()
}
