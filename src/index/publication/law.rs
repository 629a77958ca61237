//! Laws of published indexes: what one workstation knew, another one answers; a file that is not sound changes nothing.

use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::{Publication, PublicationName};
use crate::base::error::Error;
use crate::base::name::Name;
use crate::base::timestamp::Timestamp;
use crate::index::fixture::{ROOT, answers, fill};
use crate::index::{EvidenceKind, Index, TakenOver};

const IDENTITY: &str = "0123456789abcdef";

/// An index with the studio of the fixture, and another one that knows nothing.
struct Workstations {
    own: Index,
    other: Index,
    published: PathBuf,
    _temporary: tempfile::TempDir,
}

impl Workstations {
    fn new() -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let [own, other, published] =
            ["own", "other", "published"].map(|name| temporary.path().join(name));
        fill(&own);
        let mut workstations = Self {
            own: Index::open(&own).unwrap().index,
            other: Index::open(&other).unwrap().index,
            published,
            _temporary: temporary,
        };
        workstations.publish();
        workstations
    }

    fn publish(&mut self) {
        if self.published.exists() {
            fs::remove_file(&self.published).unwrap();
        }
        let database = self.own.database_id(Path::new(ROOT)).unwrap().unwrap();
        let name = PublicationName {
            identity: IDENTITY,
            name: "NAS",
        };
        self.own
            .write_publication(database, name, &self.published)
            .unwrap();
    }

    fn open(&self) -> Result<Publication, Error> {
        Publication::open(&self.published, Path::new("/nas/index.sqlite"), IDENTITY)
    }

    fn take_over(&mut self) -> Result<TakenOver, Error> {
        let publication = self.open()?;
        let root_id = Some("another root id");
        self.other
            .take_over(Path::new(ROOT), root_id, &publication, false)
    }

    /// Changes the published file.
    fn edit(&self, sql: &str) {
        let connection = Connection::open(&self.published).unwrap();
        connection.execute_batch(sql).unwrap();
    }
}

#[test]
fn other_workstation_answers_the_same() {
    let mut workstations = Workstations::new();
    let taken = workstations.take_over().unwrap();
    assert!(taken.replicas > 0 && taken.folders_with_evidence == 1);
    let [own, other] = [&workstations.own, &workstations.other].map(|index| {
        let (said, _) = answers(index).unwrap();
        // Before the replicas: the id of the root's folder and the mounts, which each workstation sees for itself.
        let replicas = said.find("{\"footage\": [").unwrap();
        said[replicas..].to_owned()
    });
    assert!(other == own, "{other}\n\n{own}");
    let root = Path::new(ROOT);
    let database = workstations.other.database_id(root).unwrap().unwrap();
    let evidence = workstations
        .other
        .evidence(database, Path::new("footage/acme/spot"))
        .unwrap();
    let file = &evidence[&Name::from("reel.mov")];
    assert_eq!((file.proof.kind, file.proof.tag), (EvidenceKind::Stored, 0));
    let hosts = workstations.other.host_names().unwrap();
    assert_eq!(hosts[&file.proof.host.unwrap()], crate::os::host::name());
    assert!(workstations.take_over().unwrap().is_empty());
}

/// The reason why a published index is refused.
fn refusal(workstations: &mut Workstations) -> String {
    let database = |index: &Index| index.database(Path::new(ROOT)).unwrap();
    let before = database(&workstations.other);
    let error = workstations.take_over().unwrap_err();
    assert!(matches!(error, Error::Publication { .. }), "{error:?}");
    assert_eq!(database(&workstations.other), before);
    error.to_string()
}

#[test]
fn foreign_file_is_refused() {
    let mut workstations = Workstations::new();
    for content in [&b""[..], &[b'x'; 4096], b"SQLite format 3\0"] {
        fs::write(&workstations.published, content).unwrap();
        assert!(refusal(&mut workstations).contains("was not written by auto-backup"));
    }
    for sql in [
        "PRAGMA application_id = 7",
        "PRAGMA user_version = 0",
        "CREATE TABLE more (x)",
        "CREATE VIEW more AS SELECT 1",
        "CREATE INDEX more ON published_folders (path)",
        "CREATE TRIGGER more AFTER INSERT ON published_hosts BEGIN DELETE FROM published_folders; END",
        "ALTER TABLE published_hosts ADD COLUMN more TEXT",
        "DROP TABLE published_times; CREATE VIEW published_times AS SELECT 1 AS folder",
        "DROP TABLE published_times",
    ] {
        workstations.publish();
        workstations.edit(sql);
        assert!(
            refusal(&mut workstations).contains("was not written by auto-backup"),
            "{sql}"
        );
    }
    workstations.publish();
    workstations.edit("PRAGMA user_version = 2");
    assert!(refusal(&mut workstations).contains("has version 2"));
}

#[test]
fn published_index_of_another_storage_is_refused() {
    let mut workstations = Workstations::new();
    workstations.edit("UPDATE published_header SET identity = 'another'");
    // Its checksum shows the change first.
    assert!(refusal(&mut workstations).contains("a checksum is wrong"));
    workstations.publish();
    let opened = Publication::open(&workstations.published, Path::new("x"), "another");
    assert!(
        opened
            .unwrap_err()
            .to_string()
            .contains("is of another storage")
    );
}

#[test]
fn changed_row_is_refused() {
    let mut workstations = Workstations::new();
    for sql in [
        "DELETE FROM published_folders WHERE id = 2",
        "DELETE FROM published_folders",
        "UPDATE published_folders SET id = 1000 - id",
        "UPDATE published_folders SET path = x'2e2e' WHERE id = 2",
        "UPDATE published_folders SET manifest = x'' WHERE id = 2",
        "DELETE FROM published_evidence",
        "INSERT INTO published_evidence SELECT * FROM published_evidence",
        "UPDATE published_evidence SET digests = zeroblob(16)",
        "UPDATE published_evidence SET proofs = x''",
        "UPDATE published_evidence SET folder = x'2e2e'",
        "DELETE FROM published_header",
        "INSERT INTO published_header SELECT * FROM published_header",
        "DELETE FROM published_replicas WHERE id = 1",
        "UPDATE published_replicas SET client = x'2e2e'",
        "UPDATE published_replicas SET host = 99",
        "UPDATE published_categories SET scanned_at = scanned_at + 1",
        "INSERT INTO published_times VALUES (x'61', x'ff', x'ff')",
    ] {
        workstations.publish();
        workstations.edit(sql);
        let why = refusal(&mut workstations);
        assert!(why.contains("is damaged"), "{sql}: {why}");
    }
}

/// Recomputes the checksum of the header, as a program that means harm would.
fn forge(workstations: &Workstations, sql: &str) {
    workstations.edit(sql);
    let connection = Connection::open(&workstations.published).unwrap();
    let checksum = super::tables::checksum(&connection).unwrap();
    let sql = "UPDATE published_header SET checksum = ?1";
    connection.execute(sql, [checksum]).unwrap();
}

#[test]
fn forged_name_is_refused() {
    let mut workstations = Workstations::new();
    for sql in [
        "UPDATE published_replicas SET client = x'2e2e'",
        "UPDATE published_replicas SET project = x'612f62'",
        "UPDATE published_replicas SET category = x'2f'",
        "UPDATE published_replicas SET host = 99",
        "UPDATE published_header SET host_key = 'a b'",
        "INSERT INTO published_hosts VALUES (7, '', 'ws', 0)",
        "INSERT INTO published_categories VALUES (x'2e2e', 0)",
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i <= 10001)
         INSERT INTO published_hosts SELECT i, 'k' || i, 'ws', 0 FROM n",
        "UPDATE published_replicas SET folder_rows = 1000",
        "INSERT INTO published_times VALUES (x'2e2e', x'', x'')",
        "INSERT INTO published_times VALUES (x'61', x'ff', x'ff')",
    ] {
        workstations.publish();
        forge(&workstations, sql);
        let why = refusal(&mut workstations);
        assert!(why.contains("is damaged"), "{sql}: {why}");
    }
}

#[test]
fn clock_ahead_counts_as_now() {
    let mut workstations = Workstations::new();
    let sql = "UPDATE published_header SET scanned_at = 9999999999, published_at = 9999999999;
               UPDATE published_replicas SET scanned_at = 9999999999;
               UPDATE published_categories SET scanned_at = 9999999999";
    forge(&workstations, sql);
    workstations.take_over().unwrap();
    let now = Timestamp::now();
    let known = workstations.other.database(Path::new(ROOT)).unwrap();
    assert!(known.scanned_at.unwrap() <= now);
    let id = known.id.unwrap();
    for replica in workstations
        .other
        .replicas(id, Path::new("footage"))
        .unwrap()
    {
        assert!(replica.scanned_at <= now);
    }
}

#[test]
fn name_of_a_workstation_is_safe_to_show() {
    let workstations = Workstations::new();
    forge(
        &workstations,
        "UPDATE published_header SET host_name = 'ws\u{1b}[2J 1'",
    );
    let header = workstations.open().unwrap().header;
    assert_eq!(header.host.name, "ws2J1");
}

#[test]
fn damaged_page_is_refused_or_harmless() {
    let mut workstations = Workstations::new();
    workstations.take_over().unwrap();
    let (expected, _) = answers(&workstations.other).unwrap();
    let sound = fs::read(&workstations.published).unwrap();
    for at in (0..sound.len()).step_by(sound.len() / 400) {
        let mut damaged = sound.clone();
        damaged[at] ^= 0x55;
        fs::write(&workstations.published, &damaged).unwrap();
        match workstations.take_over() {
            Ok(_) => {}
            Err(error) => assert!(
                matches!(error, Error::Publication { .. }),
                "{at}: {error:?}"
            ),
        }
        let (said, _) = answers(&workstations.other).unwrap();
        let start = |said: &str| said[said.find("{\"footage\": [").unwrap()..].to_owned();
        assert!(start(&said) == start(&expected), "{at}");
    }
}
