//! A server behind a delay: a question costs few messages, whatever the catalog holds, and a cut costs one notice.

use super::Workstations;
use super::cut::Cutter;

/// Milliseconds in each direction, as between two towns.
const DELAY: u64 = 50;

/// Messages of a question without news: the login, its limits, the version, the revisions of all storages, and the end. Only
/// the end is not waited for.
const QUESTION: usize = 5;

/// Messages of a pull besides those of a question: one state of a storage or of the studio takes some statements, each of
/// which is prepared.
const PULL: usize = 70;

#[test]
fn delay_changes_no_answer() {
    let Some(two) = Workstations::new() else {
        return;
    };
    two.lines("ws1", &["load"]).ok();
    let cutter = Cutter::between(&two, "ws1");
    cutter.delay(DELAY);
    two.studio.file("NAS/footage/acme/spot/new.mov", "new");
    two.lines("ws1", &["load"]).ok();
    assert_eq!(two.files("ws2").len(), 4);
    // The connection is cut within a question.
    cutter.allow(QUESTION - 2);
    let cut = two
        .lines("ws1", &["find new.mov", "list clients"])
        .status(0);
    assert!(cut.stdout.contains("new.mov"), "{cut}");
    let notice = "; answers are as of the last exchange, and what this workstation learns waits\n";
    assert!(cut.stderr.ends_with(notice), "{cut}");
    assert_eq!(cut.stderr.lines().count(), 1, "{cut}");
}

#[test]
fn messages_do_not_grow_with_the_catalog() {
    let Some(two) = Workstations::with_two_storages() else {
        return;
    };
    two.studio.file("VAULT/footage/acme/archive/old.mov", "old");
    for host in ["ws1", "ws2", "ws1"] {
        two.lines(host, &["load"]).ok();
    }
    let cutter = Cutter::between(&two, "ws1");
    for projects in [1, 200] {
        for number in 0..projects {
            two.studio
                .file(format!("NAS/footage/zoo/p{number}/a.exr"), "a");
        }
        two.lines("ws2", &["load"]).ok();
        two.lines("ws1", &["list projects"]).ok();
        let pull = cutter.take_messages();
        assert!(pull <= QUESTION + PULL, "{projects}: {pull}");
        let fetched = two.lines("ws1", &["fetch all", "list projects"]).ok();
        assert!(fetched.stdout.contains("zoo/p0"), "{fetched}");
        assert_eq!(cutter.take_messages(), QUESTION, "{projects}");
    }
    assert_eq!(two.files("ws1").len(), 204);
}
