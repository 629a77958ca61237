//! Servers on this machine's own address: OpenSSH without a shell, as most NAS systems have it, and rclone serving S3.

use std::env;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use auto_backup::base::error::IoResultExt as _;

use crate::common::interrupted;
use crate::common::outcome::Outcome;
use crate::programs::{find, rclone};

/// Maximum time for a reply.
const PATIENCE: Duration = Duration::from_secs(30);

/// Maximum number of ports to try.
const TRIES: usize = 5;

/// Settings of `sshd`, besides its keys. It never locks a frequent client out.
const SSHD: &str = "\
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
ForceCommand internal-sftp
";

const ACCESS_KEY: &str = "ACCESSKEY";
const SECRET_KEY: &str = "SECRETKEY123";

/// Protocol of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Sftp,
    S3,
}

impl Kind {
    /// Returns the name in the table.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Sftp => "sftp",
            Self::S3 => "S3",
        }
    }
}

/// A server, with everything that rclone and our program need to reach it. It ends when dropped, and with the thread
/// that started it.
#[derive(Debug)]
pub(crate) struct Server {
    kind: Kind,
    /// Its keys, the configuration of rclone, and the records of sent files.
    pub(crate) home: PathBuf,
    /// The served folder.
    files: PathBuf,
    rclone: PathBuf,
    process: Option<Child>,
}

impl Server {
    /// Starts one below a folder, or returns the missing requirement.
    pub(crate) fn start(kind: Kind, folder: &Path) -> Outcome<Result<Self, String>> {
        let Some(rclone) = rclone() else {
            return Ok(Err("no rclone that serves S3 is installed".to_owned()));
        };
        let needed: &[&str] = match kind {
            Kind::Sftp => &["sshd", "ssh-keygen", "setpriv"],
            Kind::S3 => &["setpriv"],
        };
        if let Some(missing) = needed.iter().find(|program| find(program).is_none()) {
            return Ok(Err(format!("{missing} is not installed")));
        }
        let home = folder.join(kind.name());
        let files = home.join("files");
        fs::create_dir_all(&files).at("create the folder", &files)?;
        let mut server = Self {
            kind,
            home,
            files,
            rclone,
            process: None,
        };
        if kind == Kind::Sftp {
            server.make_keys()?;
        }
        for _ in 0..TRIES {
            if server.listens()? {
                return Ok(Ok(server));
            }
        }
        let log = fs::read_to_string(server.log()).unwrap_or_default();
        Err(format!("the server of {} does not start: {log}", kind.name()).into())
    }

    /// Returns the typed address of one of its roots.
    pub(crate) fn at(&self, root: &str) -> String {
        match self.kind {
            Kind::Sftp => format!("sftp:{}/{root}", self.files.display()),
            Kind::S3 => format!("s3:{root}"),
        }
    }

    /// Returns the words before a command that select the current rclone and this server.
    pub(crate) fn lent(&self) -> Vec<OsString> {
        let setting = |name: &str, value: &Path| {
            let mut setting = OsString::from(name);
            setting.push("=");
            setting.push(value);
            setting
        };
        let mut path = self
            .rclone
            .parent()
            .unwrap_or(&self.home)
            .as_os_str()
            .to_owned();
        path.push(":");
        path.push(env::var_os("PATH").unwrap_or_default());
        vec![
            "env".into(),
            "-i".into(),
            setting("PATH", path.as_ref()),
            setting("HOME", &self.home),
            setting("RCLONE_CONFIG", &self.configuration()),
        ]
    }

    /// Runs rclone outside the measured time.
    pub(crate) fn rclone(&self, words: &[OsString]) -> Outcome<()> {
        interrupted::check()?;
        let line = self.lent();
        let mut command = Command::new(&line[0]);
        let output = command.args(&line[1..]).arg("rclone").args(words).output();
        let output = output.at("run", "rclone")?;
        interrupted::check()?;
        if output.status.success() {
            return Ok(());
        }
        let complaints = String::from_utf8_lossy(&output.stderr);
        Err(format!("rclone ended with {}\n{complaints}", output.status).into())
    }

    /// Creates an empty root.
    pub(crate) fn empty(&self, root: &str) -> Outcome<()> {
        if self.kind == Kind::S3 {
            // The server caches folders: rclone must do it.
            for word in ["mkdir", "delete"] {
                self.rclone(&[word.into(), self.at(root).into()])?;
            }
            return Ok(());
        }
        self.remove(root)?;
        let folder = self.files.join(root);
        Ok(fs::create_dir_all(&folder).at("create the folder", folder)?)
    }

    /// Removes a root that is not needed again.
    pub(crate) fn remove(&self, root: &str) -> Outcome<()> {
        let folder = self.files.join(root);
        match fs::remove_dir_all(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => Ok(removed.at("remove", folder)?),
        }
    }

    fn make_keys(&self) -> Outcome<()> {
        for name in ["host", "user"] {
            let mut command = Command::new("ssh-keygen");
            command
                .args(["-q", "-t", "ed25519", "-N", "", "-C", "", "-f"])
                .arg(self.home.join(name));
            if !command.status().at("run", "ssh-keygen")?.success() {
                return Err("ssh-keygen failed".into());
            }
        }
        let home = self.home.display();
        let keys = format!("HostKey {home}/host\nAuthorizedKeysFile {home}/user.pub\n");
        let path = self.home.join("sshd.conf");
        fs::write(&path, [SSHD, &keys].concat()).at("write", path)?;
        if rustix::process::geteuid().is_root() {
            // It is missing if packages were installed and no service was ever started.
            let folder = "/run/sshd";
            fs::create_dir_all(folder).at("create the folder", folder)?;
        }
        Ok(())
    }

    /// True if it listens on a port that was free; otherwise another program took the port.
    fn listens(&mut self) -> Outcome<bool> {
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).at("listen on", "a port")?;
        let port = free.local_addr().at("listen on", "a port")?.port();
        drop(free);
        let configuration = self.configuration();
        fs::write(&configuration, self.section(port)?).at("write", configuration)?;
        let log = File::create(self.log()).at("create", self.log())?;
        let mut command = self.program(port);
        command
            .stdin(Stdio::null())
            .stdout(log.try_clone().at("write", self.log())?)
            .stderr(log);
        let process = command.spawn().at("run", "setpriv")?;
        let process = self.process.insert(process);
        let started = Instant::now();
        while started.elapsed() < PATIENCE {
            interrupted::check()?;
            if process.try_wait().at("wait for", "a server")?.is_some() {
                break;
            }
            if TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok() {
                // No other server has its keys.
                let root = self.at("");
                return Ok(self.rclone(&["lsf".into(), root.into()]).is_ok());
            }
            thread::sleep(Duration::from_millis(10));
        }
        self.stop();
        Ok(false)
    }

    fn program(&self, port: u16) -> Command {
        let mut command = Command::new("setpriv");
        command.arg("--pdeathsig=KILL");
        match self.kind {
            Kind::Sftp => {
                // It starts itself anew for each connection and requires its whole path.
                command.arg(find("sshd").unwrap_or_default());
                command.args(["-D", "-e", "-p", &port.to_string(), "-f"]);
                command.arg(self.home.join("sshd.conf"));
            }
            Kind::S3 => {
                command.arg(&self.rclone).args(["serve", "s3", "--config="]);
                command.arg(format!("--addr=127.0.0.1:{port}"));
                command.arg(format!("--auth-key={ACCESS_KEY},{SECRET_KEY}"));
                command.arg(&self.files);
            }
        }
        command.env_clear();
        command
    }

    /// Returns its section of the rclone configuration.
    fn section(&self, port: u16) -> Outcome<String> {
        if self.kind == Kind::S3 {
            return Ok(format!(
                "[s3]\ntype = s3\nprovider = Rclone\nendpoint = http://127.0.0.1:{port}\n\
                 access_key_id = {ACCESS_KEY}\nsecret_access_key = {SECRET_KEY}\n\
                 use_multipart_uploads = false\n"
            ));
        }
        let key = self.home.join("host.pub");
        let key = fs::read_to_string(&key).at("read", key)?;
        let known = self.home.join("known_hosts");
        fs::write(&known, format!("[127.0.0.1]:{port} {key}")).at("write", &known)?;
        let user = Command::new("id").arg("-un").output().at("run", "id")?;
        let mut section = format!("[sftp]\ntype = sftp\nhost = 127.0.0.1\nport = {port}\n");
        writeln!(
            section,
            "user = {}",
            String::from_utf8(user.stdout)?.trim_end()
        )?;
        writeln!(section, "key_file = {}", self.home.join("user").display())?;
        writeln!(section, "known_hosts_file = {}", known.display())?;
        Ok(section)
    }

    fn configuration(&self) -> PathBuf {
        self.home.join("rclone.conf")
    }

    fn log(&self) -> PathBuf {
        self.home.join("log")
    }

    fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            // It may have ended already.
            let _killed = process.kill();
            let _status = process.wait();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}
