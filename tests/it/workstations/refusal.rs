//! Catalogs that cannot be used: one clear line each, no password in it, and answers from the local index.

use std::fs;
use std::path::PathBuf;

use super::{Workstations, startup};
use crate::catalog::{PASSWORD, PostgresServer, make_authority, make_folder};
use crate::disks::MountedDisk;
use crate::servers::free_port;

/// A password that no role has.
const WRONG: &str = "wrong-secret";

/// A workstation that knows two projects, and addresses of catalogs that cannot be used.
struct Refused {
    two: Workstations,
    /// A server that does not encrypt.
    plain: PostgresServer,
}

impl Refused {
    fn new() -> Option<Self> {
        let refused = Self {
            two: Workstations::new()?,
            plain: PostgresServer::own()?,
        };
        refused.two.lines("ws1", &["load"]).ok();
        Some(refused)
    }

    /// Writes a password file for all servers, and returns its path.
    fn password_file(&self, password: &str) -> PathBuf {
        let escaped = password.replace('\\', r"\\").replace(':', r"\:");
        let path = "ws1/passwords";
        self.two
            .studio
            .file(path, format!("*:*:*:*:{escaped}\n"))
            .mode(path, 0o600);
        self.two.studio.path(path)
    }

    /// Checks what the workstation says with this address and password.
    #[track_caller]
    fn assert_line(&self, (address, password): (&str, &str), expected: &str) {
        let passwords = self.password_file(password);
        let run = |line: &str| {
            let mut command = self.two.command("ws1");
            command.env("PGPASSFILE", &passwords);
            command.args(["--catalog", address, "-c", line]);
            self.two.studio.finish(&mut command)
        };
        let listed = run("list projects").status(0);
        assert!(listed.stdout.contains("acme/spot"), "{listed}");
        assert!(listed.stdout.contains("zoo/film"), "{listed}");
        assert!(listed.stderr.contains(expected), "{expected}: {listed}");
        let answered =
            "; answers are as of the last exchange, and what this workstation learns waits\n";
        assert!(listed.stderr.ends_with(answered), "{listed}");
        assert_eq!(listed.stderr.lines().count(), 1, "{listed}");
        // A run that ends within a minute asks once.
        let loaded = run("load").status(0);
        assert_eq!(loaded.stderr.matches(expected).count(), 1, "{loaded}");
        assert!(loaded.stderr.ends_with(answered), "{loaded}");
        assert_eq!(loaded.stderr.lines().count(), 1, "{loaded}");
        // Asked for in words, it is an error.
        let pulled = run("catalog pull").status(1);
        assert!(pulled.stderr.contains(expected), "{expected}: {pulled}");
        for run in [listed, loaded, pulled] {
            let shown = run.to_string();
            assert!(!shown.contains(WRONG) && !shown.contains(PASSWORD), "{run}");
        }
    }
}

#[test]
fn catalog_that_cannot_be_used_is_one_line() {
    let Some(refused) = Refused::new() else {
        return;
    };
    let name = &refused.two.name;
    let server = &refused.two.server;
    let at_port = server.port_address(name, name);
    let encrypted = format!("{at_port}?sslmode=require");
    let plain = refused.plain.port_address("postgres", "postgres");
    let authority = make_authority(&refused.two.studio.path(""), "other");
    let other_authority = format!(
        "{at_port}?sslmode=verify-full&sslrootcert={}",
        authority.display()
    );
    let closed = format!("postgres://a@127.0.0.1:{}/c", free_port());
    let no_role = server.port_address("nobody_here", name);
    let no_role_at_socket = server.socket_address("nobody_here", name);
    for (address, password, expected) in [
        (&*encrypted, WRONG, "rejected the password"),
        (&at_port, WRONG, "rejected the password"),
        (&no_role, WRONG, "rejected the password"),
        (
            &no_role_at_socket,
            "",
            "refused the user: role \"nobody_here\" does not exist",
        ),
        (
            &format!("{plain}?sslmode=require"),
            "",
            "offers no encrypted connection",
        ),
        (
            &format!("{plain}?sslmode=verify-full"),
            "",
            "offers no encrypted connection",
        ),
        (&other_authority, PASSWORD, "is not accepted: "),
        (
            &server.port_address(name, "nothing"),
            PASSWORD,
            "has no PostgreSQL database of this name",
        ),
        (
            "postgres://a@no-such-host.invalid/c",
            "",
            "cannot reach the catalog",
        ),
        (&closed, "", "Connection refused"),
        (
            "postgres://a@/c?host=/nowhere",
            "",
            "cannot reach the catalog",
        ),
    ] {
        refused.assert_line((address, password), expected);
    }
    // The right password, and all that waited is pushed.
    let passwords = refused.password_file(PASSWORD);
    let mut command = refused.two.command("ws1");
    command.env("PGPASSFILE", &passwords);
    command.args(["--catalog", &encrypted, "-c", "list projects"]);
    refused.two.studio.finish(&mut command).ok();
    assert_eq!(refused.two.files("ws2"), refused.two.files("ws1"));
}

#[test]
fn missing_password_names_the_line_to_add() {
    let Some(two) = Workstations::new() else {
        return;
    };
    two.lines("ws1", &["load"]).ok();
    let address = two.server.port_address(&two.name, &two.name);
    let mut command = two.command("ws1");
    command.args(["--catalog", &address, "-c", "list projects"]);
    let listed = two.studio.finish(&mut command).status(0);
    assert!(listed.stdout.contains("acme/spot"), "{listed}");
    assert!(listed.stderr.contains("asks for a password"), "{listed}");
    assert_eq!(listed.stderr.lines().count(), 1, "{listed}");
    let mut command = two.command("ws1");
    command.args(["--catalog", &address, "-c", "catalog pull"]);
    let pulled = two.studio.finish(&mut command).status(1);
    let line = format!("localhost:{}:{1}:{1}:PASSWORD", two.server.port(), two.name);
    assert!(pulled.stderr.contains(&line), "{pulled}");
}

#[test]
fn full_disk_of_the_server_lets_a_scan_wait() {
    // Its own, because a server that lost a disk refuses all others, too.
    let Some(two) = Workstations::at_own_server() else {
        return;
    };
    let Some(_disk) = MountedDisk::mount(&two.studio, "small", "48m") else {
        return;
    };
    two.lines("ws1", &["load"]).ok();
    two.lines("ws2", &["list projects"]).ok();
    let place = make_folder(&two.studio.path("small"));
    let name = &two.name;
    for sql in [
        format!("CREATE TABLESPACE {name} LOCATION '{place}'"),
        format!("ALTER DATABASE {name} SET TABLESPACE {name}"),
        "ALTER SYSTEM SET autovacuum = off".to_owned(),
        "SELECT pg_reload_conf()".to_owned(),
    ] {
        two.server.execute("postgres", &sql);
    }
    // The first session writes a file of the server's own.
    two.lines("ws2", &["list projects"]).ok();
    // Nothing is left but the room within the pages of the tables.
    let filler = two.studio.path("small/filler");
    let fill = || {
        let mut file = fs::File::create(&filler).unwrap();
        let _full = std::io::copy(&mut std::io::repeat(7), &mut file);
    };
    fill();
    for number in 0..400 {
        let folder = "a folder with a long name that fills the pages of the server ".repeat(3);
        two.studio
            .file(format!("NAS/footage/acme/spot/{folder}{number}/a.exr"), "a");
    }
    let loaded = two.lines("ws1", &["load"]).status(0);
    assert!(loaded.stderr.contains("has no space left"), "{loaded}");
    assert!(
        loaded.stderr.contains("; what this run learned waits"),
        "{loaded}"
    );
    assert_eq!(loaded.stderr.lines().count(), 1, "{loaded}");
    let found = two.lines("ws1", &["list projects"]).status(0);
    assert!(found.stdout.contains("acme/spot"), "{found}");
    assert_eq!(two.files("ws2").len(), 3);
    fs::remove_file(&filler).unwrap();
    two.lines("ws1", &["list projects"]).ok();
    assert_eq!(two.files("ws1").len(), 403);
    assert_eq!(two.files("ws2"), two.files("ws1"));
    two.server
        .execute("postgres", &format!("DROP DATABASE {name} WITH (FORCE)"));
    two.server
        .execute("postgres", &format!("DROP TABLESPACE {name}"));
}

#[test]
fn startup_file_with_an_unusable_catalog_still_answers() {
    let Some(two) = Workstations::new() else {
        return;
    };
    two.lines("ws1", &["load"]).ok();
    let lines = two.studio.read(startup("ws1"));
    let other = lines.replace(&format!("/{}?", two.name), "/nothing?");
    two.studio.file(startup("ws1"), other);
    let listed = two
        .lines("ws1", &["list projects", "fetch acme/spot"])
        .status(0);
    assert!(listed.stdout.contains("whole, 2 files"), "{listed}");
    assert_eq!(listed.stderr.lines().count(), 1, "{listed}");
}
