//! The roles of docs/catalog.md, made by the statements of that page on a real server.

use std::fs;
use std::thread;
use std::time::Duration;

use auto_backup::catalog::{
    Catalog, CatalogAddress, LeaseAnswer, LeaseHolder, acquire, release, renew,
};
use postgres::{Client, NoTls};
use regex::Regex;

use super::{Workstations, remove_folder, startup};
use crate::source_tree::top;

/// The roles of the page. A server has one set of roles for all tests, so that each test gives them names of its own.
const ROLES: &str = r"(auto_backup\.)?\b(studio|writers|readers|freelancers|ws1|viewer|anna)\b";

/// The headings above the statements of the page.
const SHARED: &str = "### Writers and readers";
const CLIENTS: &str = "### One client for a freelancer";
const GRANT: &str = "### Give a client";

/// Rows of a second client in the tables that hold any, so that nothing is hidden because there is nothing.
const ROWS_OF_ZOO: &str = "
INSERT INTO auto_backup.hosts (key, name, program, seen_at) VALUES ('k9', 'ws9', 'p', 1);
INSERT INTO auto_backup.databases (identity, name, revision) VALUES ('zoo', 'ZOO-DISK', 1);
INSERT INTO auto_backup.aliases SELECT d.id, h.id, 'ZOO-DISK', convert_to('/mnt/zoo', 'UTF8')
    FROM auto_backup.databases d, auto_backup.hosts h WHERE d.identity = 'zoo' AND h.key = 'k9';
INSERT INTO auto_backup.replicas (database_id, category, client, project, scanned_at, host_id, revision)
    SELECT d.id, convert_to('zoo-only', 'UTF8'), convert_to('zoo', 'UTF8'), convert_to('film', 'UTF8'), 1, h.id, 1
    FROM auto_backup.databases d, auto_backup.hosts h WHERE d.identity = 'zoo' AND h.key = 'k9';
INSERT INTO auto_backup.evidence SELECT id, convert_to('zoo', 'UTF8'), NULL, '', '', '', 1, 1
    FROM auto_backup.replicas WHERE client = convert_to('zoo', 'UTF8');
INSERT INTO auto_backup.runs SELECT id, 99, convert_to('zoo', 'UTF8'), 'sync', 'zoo/film', 'NAS', 'ZOO-DISK', 'ended', 1, 1,
    1, 1, 0, 0, 0, 1 FROM auto_backup.hosts WHERE key = 'k9';
INSERT INTO auto_backup.failures SELECT id, 'zoo', 'NAS', convert_to('zoo/film/a.mov', 'UTF8'), convert_to('zoo', 'UTF8'),
    'ZOO-DISK', 'NAS', 'e', 1, 1, 1, 1, false, 1 FROM auto_backup.hosts WHERE key = 'k9';
INSERT INTO auto_backup.cards SELECT id, 1, convert_to('zoo', 'UTF8'), 'ZOO-CARD', NULL, '', '', '', '', 1, 0, 1
    FROM auto_backup.hosts WHERE key = 'k9';
INSERT INTO auto_backup.card_folders SELECT id, 1, convert_to('zoo', 'UTF8'), convert_to('zoo', 'UTF8'), '', ''
    FROM auto_backup.hosts WHERE key = 'k9';
INSERT INTO auto_backup.card_targets SELECT id, 1, '', convert_to('zoo', 'UTF8'), '', '', 1
    FROM auto_backup.hosts WHERE key = 'k9';
INSERT INTO auto_backup.policies SELECT convert_to('zoo-only', 'UTF8'), 2, 1, NULL, id, 1, 1
    FROM auto_backup.hosts WHERE key = 'k9';
INSERT INTO auto_backup.policies SELECT DISTINCT r.category, 2, 1, NULL::bigint, r.host_id, 1, 1
    FROM auto_backup.replicas r WHERE r.client = convert_to('acme', 'UTF8') ON CONFLICT DO NOTHING;
INSERT INTO auto_backup.leases SELECT id, 'ws9', 1, 1, 'zoo', 'zoo', 'zoo', 1, 1
    FROM auto_backup.databases WHERE identity = 'zoo';
";

/// Returns what of a table the freelancer may see: a condition for its rows. A table without a rule fails the test: decide
/// what a freelancer sees of it, in docs/catalog.md and here.
fn visible(table: &str) -> &'static str {
    match table {
        // Of no client: the version, and the workstations that evidence names.
        "meta" | "studio" | "hosts" => "true",
        "replicas" => "client = convert_to('acme', 'UTF8')",
        "folders" | "evidence" => {
            "replica_id IN (SELECT id FROM auto_backup.replicas WHERE client = convert_to('acme', 'UTF8'))"
        }
        "databases" => {
            "id IN (SELECT database_id FROM auto_backup.replicas WHERE client = convert_to('acme', 'UTF8'))"
        }
        "policies" => {
            "category IN (SELECT category FROM auto_backup.replicas WHERE client = convert_to('acme', 'UTF8'))"
        }
        "aliases" | "categories" | "runs" | "failures" | "cards" | "card_folders"
        | "card_targets" | "leases" => "false",
        _ => panic!("docs/catalog.md has no rule for what a freelancer sees of the table {table}"),
    }
}

/// Returns the statements below a heading of the page.
pub(super) fn statements(heading: &str) -> String {
    let page = fs::read_to_string(top().join("docs/catalog.md")).unwrap();
    let (_, section) = page
        .split_once(&format!("\n{heading}\n"))
        .unwrap_or_else(|| panic!("docs/catalog.md has no {heading}"));
    let section = section.split("\n#").next().unwrap();
    let block = Regex::new(r"(?s)```sql\n(.*?)```").unwrap();
    let blocks = block
        .captures_iter(section)
        .map(|found| found[1].to_owned());
    let sql: String = blocks.collect();
    assert!(!sql.is_empty(), "{heading} has no statements");
    sql
}

/// Two workstations that already share a scan, and the roles of the page.
struct Rights(Workstations);

impl Rights {
    fn new() -> Option<Self> {
        let rights = Self(Workstations::new()?);
        rights.0.lines("ws1", &["load"]).ok();
        rights.apply(&statements(SHARED));
        Some(rights)
    }

    fn with_freelancer() -> Option<Self> {
        let rights = Self::new()?;
        rights.apply(&statements(CLIENTS));
        rights.apply(&statements(GRANT));
        Some(rights)
    }

    /// Returns the name in this test of a role of the page.
    fn role(&self, role: &str) -> String {
        match role {
            "studio" => self.0.name.clone(),
            role => format!("{}_{role}", self.0.name),
        }
    }

    /// Executes statements of the page.
    fn apply(&self, sql: &str) {
        let roles = Regex::new(ROLES).unwrap();
        let sql = roles.replace_all(sql, |found: &regex::Captures<'_>| match found.get(1) {
            // A table of that name.
            Some(_) => found[0].to_owned(),
            None => self.role(&found[2]),
        });
        self.0.execute(&sql);
    }

    fn address(&self, role: &str) -> String {
        let server = &self.0.server;
        server.socket_address(&self.role(role), &self.0.name)
    }

    /// Lets a workstation use the catalog as this role.
    fn use_role(&self, host: &str, storage: &str, role: &str) {
        self.0.write_startup(host, storage, &self.address(role));
    }

    /// Opens a session of a role.
    fn session(&self, role: &str) -> Client {
        let mut config = Client::configure();
        config
            .host_path(self.0.server.folder())
            .port(self.0.server.port())
            .user(&self.role(role))
            .dbname(&self.0.name);
        config.connect(NoTls).unwrap()
    }

    /// Returns the tables of the catalog.
    fn tables(&self) -> Vec<String> {
        let sql = "SELECT CAST(c.relname AS text) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                   WHERE n.nspname = 'auto_backup' AND c.relkind NOT IN ('i', 'S') ORDER BY 1";
        let rows = self
            .0
            .server
            .superuser(&self.0.name)
            .query(sql, &[])
            .unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    }
}

/// Scans are compared by seconds, of two clocks whose difference is known to a second.
fn wait_for_a_newer_scan() {
    thread::sleep(Duration::from_millis(2100));
}

#[test]
fn freelancer_reads_one_client_of_every_table() {
    let Some(rights) = Rights::with_freelancer() else {
        return;
    };
    rights.0.lines("ws1", &["verify all"]).ok();
    rights.0.execute(ROWS_OF_ZOO);
    let mut anna = rights.session("anna");
    for table in rights.tables() {
        let condition = visible(&table);
        let all = rights
            .0
            .number(&format!("SELECT count(*) FROM auto_backup.{table}"));
        assert!(all > 0, "{table} is empty, so that the test proves nothing");
        let allowed = format!("SELECT count(*) FROM auto_backup.{table} WHERE {condition}");
        let rows = anna
            .query(
                &format!("SELECT CAST(t.* AS text) FROM auto_backup.{table} t"),
                &[],
            )
            .unwrap_or_else(|error| panic!("{table}: {error:?}"));
        let seen = i64::try_from(rows.len()).unwrap();
        assert_eq!(seen, rights.0.number(&allowed), "{table}");
        assert_eq!(rows.is_empty(), condition == "false", "{table}");
        for row in &rows {
            let text: String = row.get(0);
            let lower = text.to_lowercase();
            assert!(
                !lower.contains("zoo") && !lower.contains("7a6f6f"),
                "{table}: {text}"
            );
        }
    }
    // A table that comes with a later version is nobody's but the studio's.
    let owner = format!(
        "SET ROLE {}; CREATE TABLE auto_backup.later (client bytea); RESET ROLE",
        rights.role("studio")
    );
    rights.0.execute(&owner);
    let later = "SELECT 1 FROM auto_backup.later";
    assert!(anna.query(later, &[]).is_err());
    for role in ["ws1", "viewer"] {
        rights.session(role).query(later, &[]).unwrap();
    }
}

#[test]
fn only_writers_may_change_tables() {
    let Some(rights) = Rights::with_freelancer() else {
        return;
    };
    for table in rights.tables() {
        for (role, may_write) in [("anna", false), ("viewer", false), ("ws1", table != "meta")] {
            let role = rights.role(role);
            for right in ["INSERT", "UPDATE", "DELETE"] {
                let sql = format!(
                    "SELECT CAST(CAST(has_table_privilege('{role}', 'auto_backup.{table}', '{right}') AS int) AS bigint)"
                );
                assert_eq!(
                    rights.0.number(&sql) == 1,
                    may_write,
                    "{role} {right} {table}"
                );
            }
        }
    }
}

#[test]
fn freelancer_is_shown_one_client() {
    let Some(rights) = Rights::with_freelancer() else {
        return;
    };
    rights.use_role("ws2", "SERVER", "anna");
    let shown = rights
        .0
        .lines("ws2", &["fetch all", "list projects", "find '**'"])
        .ok();
    assert!(shown.stdout.contains("acme/spot"), "{shown}");
    assert!(!shown.stdout.contains("zoo"), "{shown}");
    // A second client that is allowed later is pulled too.
    rights.apply(&statements(GRANT).replace("acme", "zoo"));
    wait_for_a_newer_scan();
    let shown = rights.0.lines("ws2", &["list projects"]).ok();
    assert!(shown.stdout.contains("zoo/film"), "{shown}");
    assert_eq!(rights.0.files("ws2"), rights.0.files("ws1"));
}

#[test]
fn what_is_hidden_is_not_deleted() {
    let Some(rights) = Rights::with_freelancer() else {
        return;
    };
    let two = &rights.0;
    two.lines("ws2", &["list projects"]).ok();
    assert_eq!(two.files("ws2").len(), 3);
    rights.use_role("ws2", "SERVER", "anna");
    wait_for_a_newer_scan();
    two.studio.file("NAS/footage/acme/spot/new.mov", "new");
    two.lines("ws1", &["load"]).ok();
    assert_eq!(two.files("ws2"), two.files("ws1"));
    assert_eq!(two.files("ws2").len(), 4);
    // Without any client, the whole storage is hidden.
    rights.apply("DROP POLICY anna_acme ON auto_backup.replicas");
    assert_eq!(two.files("ws2").len(), 4);
    assert_eq!(two.files("ws2").len(), 4);
    rights.use_role("ws2", "SERVER", "viewer");
    assert_eq!(two.files("ws2"), two.files("ws1"));
}

#[test]
fn reader_answers_and_keeps_what_it_learns() {
    let Some(rights) = Rights::new() else {
        return;
    };
    let two = &rights.0;
    rights.use_role("ws2", "SERVER", "viewer");
    assert_eq!(two.files("ws2"), two.files("ws1"));
    wait_for_a_newer_scan();
    two.studio.file("NAS/footage/acme/spot/new.mov", "new");
    let revision = "SELECT revision FROM auto_backup.databases";
    let before = two.number(revision);
    let lines = ["load", "list projects", "load", "fetch all"];
    let run = two.lines("ws2", &lines).status(0);
    assert_eq!(
        run.stderr.matches("may only read the catalog").count(),
        1,
        "{run}"
    );
    assert_eq!(run.stderr.lines().count(), 1, "{run}");
    assert_eq!(two.number(revision), before);
    assert_eq!(two.files("ws2").len(), 4);
    // What others learn meanwhile is pulled.
    wait_for_a_newer_scan();
    two.studio.file("NAS/footage/zoo/film/b.mov", "b");
    two.lines("ws1", &["load"]).ok();
    assert_eq!(two.files("ws2"), two.files("ws1"));
    // What waited is pushed once the role may write.
    wait_for_a_newer_scan();
    two.studio.file("NAS/footage/acme/spot/last.mov", "last");
    two.lines("ws2", &["load"]).status(0);
    rights.apply("GRANT writers TO viewer");
    two.lines("ws2", &["list projects"]).ok();
    assert_eq!(two.files("ws1"), two.files("ws2"));
    assert_eq!(two.files("ws1").len(), 6);
}

#[test]
fn waiting_scan_is_whole_after_a_pull() {
    let Some(rights) = Rights::new() else {
        return;
    };
    let two = &rights.0;
    rights.use_role("ws2", "SERVER", "viewer");
    two.lines("ws2", &["list projects"]).ok();
    wait_for_a_newer_scan();
    // This scan of a folder that is soon gone is pushed late.
    two.studio.file("NAS/footage/acme/spot/gone/a.exr", "a");
    let with_catalog = two.studio.read(startup("ws1"));
    let (alone, _) = with_catalog.split_once("set catalog").unwrap();
    two.studio.file(startup("ws1"), alone);
    two.lines("ws1", &["load"]).ok();
    wait_for_a_newer_scan();
    remove_folder(two, "NAS/footage/acme/spot/gone");
    two.studio.file("NAS/footage/acme/spot/kept/a.exr", "a");
    two.lines("ws2", &["load"]).status(0);
    two.studio.file(startup("ws1"), with_catalog);
    two.lines("ws1", &["list projects"]).ok();
    // The reader pulls the older scan, and keeps its own.
    two.lines("ws2", &["list projects"]).status(0);
    assert_eq!(two.files("ws2").len(), 4);
    rights.apply("GRANT writers TO viewer");
    two.lines("ws2", &["list projects"]).ok();
    assert_eq!(two.files("ws1"), two.files("ws2"));
    two.studio.remove("ws1/.local");
    assert_eq!(two.files("ws1"), two.files("ws2"));
}

#[test]
fn writer_does_all_that_the_program_does() {
    let Some(rights) = Rights::with_freelancer() else {
        return;
    };
    let two = &rights.0;
    two.studio.remove("ws1/.local").folder("WORK");
    rights.use_role("ws1", "NAS", "ws1");
    let more = "add database WORK ../../../WORK --medium work\n";
    two.studio
        .file(startup("ws1"), two.studio.read(startup("ws1")) + more);
    wait_for_a_newer_scan();
    two.studio.file("NAS/footage/acme/spot/new.mov", "new");
    remove_folder(two, "NAS/footage/zoo");
    two.lines(
        "ws1",
        &["load", "copy acme/spot footage NAS WORK", "verify all"],
    )
    .ok();
    assert_eq!(two.number("SELECT count(*) FROM auto_backup.databases"), 2);
    assert!(two.number("SELECT count(*) FROM auto_backup.evidence") > 0);
    let mut catalog =
        Catalog::connect(&CatalogAddress::parse(&rights.address("ws1")).unwrap()).unwrap();
    let holder = LeaseHolder {
        host: "ws1".to_owned(),
        process: 7,
        run: 3,
        what: "sync".to_owned(),
        mark: String::new(),
    };
    let LeaseAnswer::Granted(lease) = acquire(&mut catalog, "new storage", &holder).unwrap() else {
        panic!("nobody else has it");
    };
    assert!(renew(&mut catalog, &lease).unwrap());
    assert!(release(&mut catalog, &lease).unwrap());
}
