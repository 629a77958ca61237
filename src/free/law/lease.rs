//! The law of leases: after its loss no command changes a name on the storage, and the repeated command finishes the work.
//!
//! Every command that writes runs with a lease that is lost at its first check, at its second, and so on, until it needs no
//! more. The law is in the highest layer that writes, so that it reaches all of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use super::command::{COPIES, Case, HISTORIES, REMOVALS};
use crate::base::error::Error;
use crate::base::exit_status::ExitStatus;
use crate::base::fixture::{CountedLease, OneLease};
use crate::base::lease::Leases;
use crate::base::own_name::{OWN_FOLDER, is_temporary};
use crate::copy::fixture::Studio;
use crate::index::RunState;
use crate::model::access::Access;
use crate::model::registry::Registry;

/// The file that lists the generations of a history.
const CHAIN_FILE: &str = "ascmhl_chain.xml";

/// The entries below a root with the contents of files, without those that are the program's alone: the lock, temporary
/// copies, and the intents of `free`.
type Entries = BTreeMap<PathBuf, Option<Vec<u8>>>;

fn entries(root: &Path) -> Entries {
    let own = root.join(OWN_FOLDER);
    let mut found = Entries::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let is_own = path == own.join("lock") || path == own.join("freeing");
            if is_own || is_temporary(path.file_name().unwrap()) {
                continue;
            }
            if path.is_dir() {
                folders.push(path.clone());
                found.insert(path, None);
            } else {
                let content = fs::read(&path).unwrap();
                found.insert(path, Some(content));
            }
        }
    }
    found
}

/// Returns the contents, without that of the chain file of a history, which is replaced by a longer one.
fn contents(entries: &Entries) -> BTreeSet<&[u8]> {
    let files = entries.iter();
    let files = files.filter(|(path, _)| !path.ends_with(CHAIN_FILE));
    files
        .filter_map(|(_, content)| content.as_deref())
        .collect()
}

/// Returns the entries that are not the program's, and of histories the names alone: their text has times.
fn visible(entries: &Entries, root: &Path) -> Entries {
    let own = root.join(OWN_FOLDER);
    let visible = entries.iter().filter(|(path, _)| !path.starts_with(&own));
    let is_history = |path: &Path| path.components().any(|name| name.as_os_str() == "ascmhl");
    let visible = visible.filter(|(path, _)| !is_history(path));
    visible
        .map(|(path, content)| {
            let path = path.strip_prefix(root).unwrap();
            (path.to_owned(), content.clone())
        })
        .collect()
}

fn files_of(entries: &Entries) -> Entries {
    let files = entries.iter().filter(|(_, content)| content.is_some());
    let files = files.map(|(path, content)| (path.clone(), content.clone()));
    files.collect()
}

fn begin(case: &Case) -> (Studio, PathBuf) {
    let mut studio = Studio::new();
    (case.prepare)(&mut studio);
    let root = studio.root("NAS");
    (studio, root)
}

fn lease(registry: &mut Registry, lease: &Arc<CountedLease>) {
    let source = Arc::new(OneLease(Arc::clone(lease)));
    registry.set_access(Access {
        leases: Leases(Some(source)),
        // With one thread no write is under way while another thread loses the lease.
        ..Access::new(NonZeroUsize::new(1), None)
    });
}

/// Runs a command with a lease that is lost at a check. Returns false if it needs fewer checks.
fn lose(case: &Case, checks: u64, expected: &Entries) -> bool {
    let at = format!("{} after {checks} checks", case.name);
    let (mut studio, root) = begin(case);
    let before = entries(&root);
    let at_loss: Arc<Mutex<Option<Entries>>> = Arc::default();
    let lost = Arc::new({
        let (at_loss, root) = (Arc::clone(&at_loss), root.clone());
        CountedLease::with_loss(checks, move || {
            *at_loss.lock().unwrap() = Some(entries(&root));
        })
    });
    lease(&mut studio.registry, &lost);
    let ended = (case.run)(&mut studio);
    let after = entries(&root);
    let Some(at_loss) = at_loss.lock().unwrap().take() else {
        assert_eq!(ended.unwrap(), RunState::Complete, "{at}");
        return false;
    };
    assert_eq!(after, at_loss, "{at}");
    match ended {
        // It was lost after the last write.
        Ok(RunState::Complete) => assert_eq!(visible(&after, &root), *expected, "{at}"),
        Ok(state) => assert_eq!(state, RunState::Partial, "{at}"),
        Err(error) => {
            assert!(matches!(error, Error::LeaseLost { .. }), "{at}: {error}");
            assert_eq!(error.exit_status(), ExitStatus::Locked);
        }
    }
    if !case.removes {
        let gone: Vec<_> = contents(&before)
            .difference(&contents(&after))
            .map(|content| content.to_vec())
            .collect();
        assert!(gone.is_empty(), "{at}: {gone:?}");
    }
    assert!(leftovers(&root).is_empty(), "{at}: {:?}", leftovers(&root));
    studio.registry.set_access(Access::default());
    let repeated = (case.run)(&mut studio);
    // As after a kill, a folder that the first run emptied may stay.
    let now = visible(&entries(&root), &root);
    let (now, then) = (files_of(&now), files_of(expected));
    assert_eq!(now, then, "{at}, repeated: {repeated:?}");
    true
}

/// Returns the temporary files and the intents below a root.
fn leftovers(root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if is_temporary(path.file_name().unwrap()) || folder.ends_with("freeing") {
                found.push(path);
            }
        }
    }
    found
}

/// Checks the law for each of the commands.
fn check(cases: &[Case]) {
    for case in cases {
        let (mut studio, root) = begin(case);
        let state = (case.run)(&mut studio).unwrap();
        assert_eq!(state, RunState::Complete, "{}", case.name);
        let expected = visible(&entries(&root), &root);
        let mut checks = 0;
        while lose(case, checks, &expected) {
            checks += 1;
        }
        assert!(checks > 1, "{} checks nothing", case.name);
    }
}

#[test]
fn copies_end_with_their_lease() {
    check(&COPIES);
}

#[test]
fn removals_end_with_their_lease() {
    check(&REMOVALS);
}

#[test]
fn histories_end_with_their_lease() {
    check(&HISTORIES);
}
