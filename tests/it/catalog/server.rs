//! A `PostgreSQL` server in a temporary folder: on a socket without passwords, on a port with them.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use postgres::{Client, NoTls};
use rustix::process::Signal;
use tempfile::TempDir;

use super::authority;
use super::process::ServerProcess;
use crate::servers::{find, free_port};
use crate::studio::{NOBODY, report_skip};

/// The password of every role but `postgres`, which has none.
pub(crate) const PASSWORD: &str = "correct:horse\\battery";

/// Maximum time until a server replies.
const PATIENCE: Duration = Duration::from_secs(60);

/// Maximum number of ports to try.
const TRIES: usize = 5;

/// Folder of the versions that Debian installs.
const VERSIONS: &str = "/usr/lib/postgresql";

/// Settings of a server whose data may be lost with the machine.
const FAST: [&str; 3] = [
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
];

/// A server. It ends when it is dropped, and when these tests end.
#[derive(Debug)]
pub(crate) struct PostgresServer {
    folder: TempDir,
    settings: Vec<String>,
    port: u16,
    process: Option<ServerProcess>,
}

impl PostgresServer {
    /// Returns the server that all tests share as long as one of them uses it: it encrypts, and its data may be lost with
    /// the machine. Reports a skip and returns `None` where `PostgreSQL` or `OpenSSL` is not installed.
    pub(crate) fn shared() -> Option<Arc<Self>> {
        static SHARED: Mutex<Weak<PostgresServer>> = Mutex::new(Weak::new());
        if !authority::is_available() {
            return None;
        }
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(server) = shared.upgrade() {
            return Some(server);
        }
        let server = Arc::new(Self::start(&FAST, true)?);
        *shared = Arc::downgrade(&server);
        Some(server)
    }

    /// Starts a server of the test's own, which keeps its data when it is killed, and does not encrypt.
    pub(crate) fn own() -> Option<Self> {
        Self::start(&["fsync=on"], false)
    }

    fn start(settings: &[&str], is_encrypted: bool) -> Option<Self> {
        programs()?;
        let folder = tempfile::Builder::new()
            .prefix("pg-")
            .tempdir_in("/tmp")
            .unwrap();
        let mut server = Self {
            folder,
            settings: settings
                .iter()
                .map(|setting| (*setting).to_owned())
                .collect(),
            port: 0,
            process: None,
        };
        give_away(server.folder.path());
        server.create();
        if is_encrypted {
            server.encrypt();
        }
        Some(server.on_free_port())
    }

    /// Starts a standby of this server, which receives what is committed here from now on.
    pub(crate) fn standby(&self) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("pg-")
            .tempdir_in("/tmp")
            .unwrap();
        let standby = Self {
            folder,
            settings: self.settings.clone(),
            port: 0,
            process: None,
        };
        give_away(standby.folder());
        let mut command = standby.program("pg_basebackup");
        command.arg("--pgdata").arg(standby.data());
        command.arg("--host").arg(self.folder());
        command.arg(format!("--port={}", self.port));
        command.args([
            "--username=postgres",
            "--write-recovery-conf",
            "--checkpoint=fast",
            "--no-sync",
        ]);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        standby.on_free_port()
    }

    /// Makes a standby accept changes.
    pub(crate) fn promote(&self) {
        self.execute("postgres", "SELECT pg_promote()");
    }

    fn on_free_port(mut self) -> Self {
        for _ in 0..TRIES {
            self.port = free_port();
            if self.try_start() {
                return self;
            }
        }
        panic!("no server starts: {}", self.log());
    }

    /// Returns the folder with its socket and its certificates.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Returns the port where it listens at `localhost` and 127.0.0.1, with passwords.
    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    /// Returns the address of a catalog at its socket.
    pub(crate) fn socket_address(&self, role: &str, name: &str) -> String {
        let folder = self.folder().display();
        format!("postgres://{role}@:{}/{name}?host={folder}", self.port)
    }

    /// Returns the address of a catalog at its port.
    pub(crate) fn port_address(&self, role: &str, name: &str) -> String {
        format!("postgres://{role}@localhost:{}/{name}", self.port)
    }

    /// Creates a database of a new name that belongs to a new role of the same name.
    pub(crate) fn create_database(&self) -> String {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("studio{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        self.create_role(&name);
        self.execute(
            "postgres",
            &format!("CREATE DATABASE {name} OWNER {name} TEMPLATE template0"),
        );
        name
    }

    /// Creates a role that may do nothing of its own.
    pub(crate) fn create_role(&self, name: &str) {
        self.execute(
            "postgres",
            &format!("CREATE ROLE {name} LOGIN PASSWORD '{PASSWORD}'"),
        );
    }

    /// Executes statements as the superuser.
    #[track_caller]
    pub(crate) fn execute(&self, database: &str, sql: &str) {
        self.superuser(database).batch_execute(sql).unwrap();
    }

    /// Returns the number that a query results in.
    #[track_caller]
    pub(crate) fn number(&self, database: &str, sql: &str) -> i64 {
        self.superuser(database).query_one(sql, &[]).unwrap().get(0)
    }

    /// Opens a session of the superuser.
    #[track_caller]
    pub(crate) fn superuser(&self, database: &str) -> Client {
        self.try_superuser(database).unwrap()
    }

    /// Waits until a query results in this number.
    #[track_caller]
    pub(crate) fn wait_for(&self, database: &str, sql: &str, number: i64) {
        let start = Instant::now();
        while self.number(database, sql) != number {
            assert!(
                start.elapsed() < PATIENCE,
                "{sql} never results in {number}"
            );
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Ends it: `INT` cleanly, `KILL` at once.
    pub(crate) fn end(&mut self, signal: Signal) {
        self.process.take().unwrap().end(signal);
    }

    /// Starts it again with the same data on the same port.
    pub(crate) fn restart(&mut self) {
        let start = Instant::now();
        // The processes of its sessions end a little later than one that was killed.
        while !self.try_start() {
            assert!(start.elapsed() < PATIENCE, "{}", self.log());
        }
    }

    /// Sends a signal to its first process.
    pub(crate) fn signal(&self, signal: Signal) {
        self.process.as_ref().unwrap().signal(signal);
    }

    fn try_superuser(&self, database: &str) -> Result<Client, postgres::Error> {
        let mut config = Client::configure();
        config
            .host_path(self.folder())
            .port(self.port)
            .user("postgres")
            .dbname(database);
        config.connect(NoTls)
    }

    fn data(&self) -> PathBuf {
        self.folder().join("data")
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder().join("log")).unwrap_or_default()
    }

    /// Creates its data and its rules for logins.
    fn create(&self) {
        let mut command = self.program("initdb");
        command.arg("-D").arg(self.data());
        command.args([
            "-U",
            "postgres",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C",
            "--no-sync",
        ]);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let rules = "local all all trust\nlocal replication postgres trust\n\
                     host all all 127.0.0.1/32 scram-sha-256\n";
        fs::write(self.data().join("pg_hba.conf"), rules).unwrap();
    }

    /// Makes an authority and a certificate for it.
    fn encrypt(&mut self) {
        authority::make_authority(self.folder(), "authority");
        let (certificate, key) = authority::make_server_certificate(self.folder(), "authority");
        fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
        for path in [&certificate, &key] {
            give_away(path);
        }
        self.settings.push("ssl=on".to_owned());
        self.settings
            .push(format!("ssl_cert_file={}", certificate.display()));
        self.settings
            .push(format!("ssl_key_file={}", key.display()));
    }

    /// True if it replies; otherwise it ended, because another program has its port or its data.
    fn try_start(&mut self) -> bool {
        let mut command = self.program("postgres");
        let log = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.folder().join("log"));
        let log = log.unwrap();
        command.arg("-D").arg(self.data());
        let own = [
            "listen_addresses=127.0.0.1".to_owned(),
            "max_connections=150".to_owned(),
            "password_encryption=scram-sha-256".to_owned(),
            format!("port={}", self.port),
            format!("unix_socket_directories={}", self.folder().display()),
        ];
        for setting in own.iter().chain(&self.settings) {
            command.arg("-c").arg(setting);
        }
        command
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log);
        let process = ServerProcess::start(command);
        let start = Instant::now();
        while start.elapsed() < PATIENCE && !process.has_ended() {
            if self.try_superuser("postgres").is_ok() {
                self.process = Some(process);
                return true;
            }
            thread::sleep(Duration::from_millis(20));
        }
        false
    }

    /// Returns a command that runs one of its programs as its account, until these tests end.
    fn program(&self, name: &str) -> Command {
        let mut command = Command::new("setpriv");
        command.arg("--pdeathsig=QUIT");
        if let Some((user, group)) = account() {
            command
                .arg(format!("--reuid={user}"))
                .arg(format!("--regid={group}"));
            command.arg("--clear-groups");
        }
        command.arg(programs().unwrap().join(name));
        command
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .current_dir(self.folder());
        command
    }
}

/// Returns the folder of the programs: that of a link on `PATH`, or the newest that Debian has installed. Reports a skip and
/// returns `None` without them.
fn programs() -> Option<&'static Path> {
    static FOUND: OnceLock<Option<PathBuf>> = OnceLock::new();
    let found = FOUND.get_or_init(|| {
        let linked = find("initdb").and_then(|path| path.canonicalize().ok());
        let linked = linked.and_then(|path| path.parent().map(Path::to_owned));
        let versions = fs::read_dir(VERSIONS).into_iter().flatten().flatten();
        let mut folders: Vec<_> = versions.map(|version| version.path().join("bin")).collect();
        folders.sort_by_key(|folder| {
            let version = folder.parent().and_then(Path::file_name);
            version.and_then(|version| version.to_str()?.parse::<u32>().ok())
        });
        let mut candidates = linked.into_iter().chain(folders.into_iter().rev());
        candidates.find(|folder| {
            ["initdb", "postgres"]
                .iter()
                .all(|program| folder.join(program).is_file())
        })
    });
    if found.is_none() {
        report_skip("PostgreSQL is not installed");
    }
    found.as_deref()
}

/// Returns the account that runs servers: root may not.
fn account() -> Option<(u32, u32)> {
    if !rustix::process::geteuid().is_root() {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let found = users.lines().find_map(|line| {
        let mut fields = line.strip_prefix("postgres:x:")?.split(':');
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    });
    Some(found.unwrap_or((NOBODY, NOBODY)))
}

/// Makes a folder that belongs to the account of servers, below one that it may enter.
pub(crate) fn make_folder(above: &Path) -> String {
    let folder = above.join("tablespace");
    fs::create_dir(&folder).unwrap();
    give_away(&folder);
    for path in above
        .ancestors()
        .take_while(|path| *path != Path::new("/tmp"))
    {
        fs::set_permissions(path, fs::Permissions::from_mode(0o711)).unwrap();
    }
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).unwrap();
    folder.display().to_string()
}

/// Gives a file or folder to the account that runs servers.
fn give_away(path: &Path) {
    if let Some((user, group)) = account() {
        chown(path, Some(user), Some(group)).unwrap();
    }
}
