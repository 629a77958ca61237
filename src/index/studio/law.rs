//! Laws of marks: every change is marked until it was pushed, whatever happens meanwhile.

use std::collections::BTreeMap;
use std::path::Path;

use super::*;
use crate::base::timestamp::Timestamp;
use crate::index::{
    CardTarget, ForeignFailure, HostId, Index, NewFailure, RunEnd, RunId, RunStart, RunState,
    SeenCard,
};
use crate::model::policy::Policy;
use crate::model::project::ProjectId;
use crate::snapshot::manifest::{Manifest, ManifestFile};

const START: RunStart<'_> = RunStart {
    command: "copy",
    subject: "acme/spot footage",
    source: Some("WORK"),
    destination: Some("NAS"),
};

const END: RunEnd = RunEnd {
    state: RunState::Complete,
    files: 1,
    bytes: 2,
    failed: 0,
    conflicts: 0,
    refused: 0,
};

fn index() -> (tempfile::TempDir, Index) {
    let temporary = tempfile::tempdir().unwrap();
    let mut index = Index::open(&temporary.path().join("index")).unwrap().index;
    for (root, identity) in [("/work", "w"), ("/nas", "n")] {
        let known = index.database(Path::new(root)).unwrap();
        let writer = index.write_scan(Path::new(root), &known).unwrap();
        writer.record_root(Some(identity), None).unwrap();
        writer.finish(false).unwrap();
    }
    (temporary, index)
}

fn fail(index: &mut Index, path: &str) {
    let failure = NewFailure {
        path: path.into(),
        error: "no room".to_owned(),
        is_permanent: false,
    };
    let [work, nas] = ["/work", "/nas"].map(Path::new);
    index
        .record_failures(RunId(1), work, nas, &[failure])
        .unwrap();
}

fn clear(index: &mut Index, path: &str) {
    let [work, nas] = ["/work", "/nas"].map(Path::new);
    index.clear_failures(work, nas, &[path.into()]).unwrap();
}

/// Ends an exchange that pushed everything.
fn push(index: &mut Index) -> UnsharedStudio {
    let unshared = index.unshared_studio().unwrap();
    let revision = unshared.revision + 1;
    let incoming = IncomingStudio::default();
    assert!(
        index
            .end_studio_exchange(&unshared, &incoming, revision)
            .unwrap()
    );
    unshared
}

#[test]
fn nothing_is_marked_without_catalog() {
    let (_temporary, mut index) = index();
    let run = index.begin_run(&START).unwrap();
    index.end_run(run, &END).unwrap();
    fail(&mut index, "a");
    assert!(!index.has_unshared_studio().unwrap());
    // With the first exchange everything is.
    index.ensure_studio_shared().unwrap();
    let unshared = push(&mut index);
    assert_eq!((unshared.runs.len(), unshared.failures.len()), (1, 1));
    assert!(!index.has_unshared_studio().unwrap());
}

#[test]
fn each_change_of_run_is_marked() {
    let (_temporary, mut index) = index();
    index.ensure_studio_shared().unwrap();
    let run = index.begin_run(&START).unwrap();
    assert_eq!(push(&mut index).runs[0].state, RunState::Running);
    index.end_run(run, &END).unwrap();
    assert_eq!(push(&mut index).runs[0].state, RunState::Complete);
    let discarded = index.begin_run(&START).unwrap();
    index.discard_run(discarded).unwrap();
    let unshared = push(&mut index);
    assert_eq!(unshared.discarded_runs, [discarded]);
    assert!(unshared.runs.is_empty());
    // A run that another one ended by its cleanup.
    let folder = Path::new("footage/acme/spot");
    let killed = index.begin_run(&START).unwrap();
    index
        .mark_in_progress(killed, Path::new("/nas"), &[folder])
        .unwrap();
    push(&mut index);
    let next = index.begin_run(&START).unwrap();
    index
        .clear_in_progress(next, Path::new("/nas"), &[folder])
        .unwrap();
    let states: Vec<_> = push(&mut index).runs.iter().map(|run| run.state).collect();
    assert_eq!(states, [RunState::Interrupted, RunState::Running]);
}

#[test]
fn each_change_of_failure_is_marked() {
    let (_temporary, mut index) = index();
    index.ensure_studio_shared().unwrap();
    fail(&mut index, "a");
    assert!(push(&mut index).failures[0].failure.is_some());
    fail(&mut index, "a");
    let again = push(&mut index).failures.remove(0);
    assert_eq!(again.failure.map(|known| known.attempts), Some(2));
    clear(&mut index, "a");
    assert!(push(&mut index).failures[0].failure.is_none());
    // Nothing was there.
    clear(&mut index, "a");
    assert!(!index.has_unshared_studio().unwrap());
}

#[test]
fn change_during_push_stays_marked() {
    let (_temporary, mut index) = index();
    index.ensure_studio_shared().unwrap();
    let run = index.begin_run(&START).unwrap();
    fail(&mut index, "a");
    index.set_shared_policy(Path::new("footage"), None).unwrap();
    let pushed = index.unshared_studio().unwrap();
    index.end_run(run, &END).unwrap();
    clear(&mut index, "a");
    let policy = Some(Policy::Expendable);
    index
        .set_shared_policy(Path::new("footage"), policy)
        .unwrap();
    // Others set one, too: what was set here meanwhile waits, and is newer.
    let incoming = IncomingStudio {
        policies: vec![SharedPolicy {
            category: "footage".into(),
            policy: Some(Policy::default()),
            host: None,
            changed_at: Some(Timestamp::default()),
        }],
        ..IncomingStudio::default()
    };
    assert!(index.end_studio_exchange(&pushed, &incoming, 7).unwrap());
    let left = index.unshared_studio().unwrap();
    assert_eq!(left.revision, 7);
    assert_eq!(left.runs[0].state, RunState::Complete);
    assert!(left.failures[0].failure.is_none());
    assert_eq!(left.policies[0].policy, policy);
}

#[test]
fn overtaken_exchange_writes_nothing() {
    let (_temporary, mut index) = index();
    index.ensure_studio_shared().unwrap();
    index.begin_run(&START).unwrap();
    let pushed = index.unshared_studio().unwrap();
    push(&mut index);
    index.begin_run(&START).unwrap();
    let incoming = IncomingStudio::default();
    assert!(!index.end_studio_exchange(&pushed, &incoming, 9).unwrap());
    assert_eq!(index.studio_revision().unwrap(), Some(1));
    assert!(index.has_unshared_studio().unwrap());
}

#[test]
fn stated_policy_replaces_nothing() {
    let (_temporary, mut index) = index();
    let stated = |policy| [("footage".into(), policy)];
    index.state_policies(&stated(Policy::default())).unwrap();
    index.state_policies(&stated(Policy::Expendable)).unwrap();
    let known = index.shared_policies().unwrap();
    assert_eq!(known.len(), 1);
    assert_eq!(
        (known[0].policy, known[0].changed_at),
        (Some(Policy::default()), None)
    );
    index.set_shared_policy(Path::new("footage"), None).unwrap();
    index.state_policies(&stated(Policy::Expendable)).unwrap();
    assert_eq!(index.shared_policies().unwrap()[0].policy, None);
}

/// A card with one file, copied to one project.
fn seen_card() -> (SeenCard, CardTarget) {
    let file = ManifestFile::regular(b"a.mov", 7, Timestamp::default());
    let seen = SeenCard {
        name: "A001".to_owned(),
        serial: Some("1234".to_owned()),
        place: "".into(),
        path: "/media/A001".into(),
        media: vec!["disk".to_owned()],
        at: Timestamp::default(),
        unread: 2,
        folders: vec![("CLIPS".into(), Manifest::of_files([file]).0)],
    };
    let target = CardTarget {
        category: "footage".into(),
        project: ProjectId {
            client: "acme".into(),
            project: "spot".into(),
        },
        inside: "A001".into(),
        at: Timestamp::default(),
    };
    (seen, target)
}

#[test]
fn shared_card_is_never_taken_for_an_own_one() {
    let (_one, mut there) = index();
    let (_other, mut here) = index();
    there.ensure_studio_shared().unwrap();
    let (seen, target) = seen_card();
    let card = there.record_card(&seen, &target).unwrap();
    assert_eq!(push(&mut there).cards, std::slice::from_ref(&card));
    assert!(!there.has_unshared_studio().unwrap());
    let host = there.own_host().unwrap();
    let own = here.own_host().unwrap();
    let hosts = here.add_hosts(&own, vec![(HostId(5), host)]).unwrap();
    let number = hosts.number_here(5).flatten().unwrap();
    let outgoing = || {
        let mut card = there.outgoing_card(&card, &BTreeMap::new()).unwrap();
        card.own_storages = vec!["w".to_owned()];
        card
    };
    // The same card twice, as after an exchange that ended early.
    for _ in 0..2 {
        here.write_shared_card((number, 1), outgoing(), &hosts)
            .unwrap();
        let cards = here.cards().unwrap();
        assert_eq!(cards.len(), 1);
        assert_eq!(
            (cards[0].files, cards[0].unread, cards[0].number()),
            (1, 2, -1)
        );
        assert_eq!(here.card_folders(&cards[0]).unwrap(), seen.folders);
        assert_eq!(
            here.card_targets(&cards[0]).unwrap(),
            std::slice::from_ref(&target)
        );
        let origin = here.card_origin(&cards[0]).unwrap().unwrap();
        assert_eq!(
            (origin.host, origin.own_storages),
            (number, vec!["w".to_owned()])
        );
    }
    assert_eq!(here.find_card(&seen).unwrap(), None);
    let own = here.record_card(&seen, &target).unwrap();
    assert_eq!((own.number(), here.card_origin(&own).unwrap()), (1, None));
    assert_eq!(here.cards().unwrap().len(), 2);
    let mut damaged = outgoing();
    damaged.folders[0].manifest.push(0);
    let refused = here.write_shared_card((number, 2), damaged, &hosts);
    assert!(matches!(refused, Err(ForeignFailure::Foreign(_))));
    assert_eq!(here.cards().unwrap().len(), 2);
}
