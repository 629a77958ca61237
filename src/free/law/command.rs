//! The commands that write, each with what is there before it.

use std::fs;
use std::time::Duration;

use crate::base::confirmation::Confirmation;
use crate::base::error::Result;
use crate::copy::fixture::Studio;
use crate::free::free;
use crate::free::request::FreeRequest;
use crate::index::{RunId, RunState};
use crate::model::policy::{Demand, Policy};
use crate::model::project::{ProjectId, Scope};
use crate::model::registry::{CategoryAttributes, DatabaseAttributes};
use crate::offload::{OffloadRequest, offload};
use crate::rclone::TransferLimits;
use crate::seal::in_place::{InPlaceRequest, seal_in_place};
use crate::sync::{SyncRequest, sync_each};
use crate::verify::heal::heal;
use crate::verify::heal::request::HealRequest;
use crate::verify::{Budget, VerifyRequest, verify};
use crate::versions::list::VersionScope;
use crate::versions::prune::{PruneRequest, prune};
use crate::versions::restore::{RestoreRequest, WhichVersion, restore};
use crate::versions::undo::{UndoRequest, subject, undo};

/// The first run of a studio, which the commands put back or reverse.
const FIRST_RUN: RunId = RunId(1);

/// A command, and what is there before it.
pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) prepare: fn(&mut Studio),
    pub(super) run: fn(&mut Studio) -> Result<RunState>,
    /// True if contents are removed for good.
    pub(super) removes: bool,
}

/// Commands that add and replace files.
pub(super) const COPIES: [Case; 5] = [
    Case {
        name: "copy",
        prepare: write_files,
        run: copy,
        removes: false,
    },
    Case {
        name: "copy with histories",
        prepare: |studio| {
            write_files(studio);
            keep_histories(studio);
        },
        run: copy,
        removes: false,
    },
    Case {
        name: "sync",
        prepare: |studio| {
            write_files(studio);
            sync(studio).unwrap();
            fs::remove_dir_all(studio.path("WORK", "d")).unwrap();
            studio.write("WORK", "a", b"newest a", 2_100_000_000);
            studio.write("WORK", "g/n", b"new n", 2_100_000_000);
        },
        run: sync,
        removes: false,
    },
    Case {
        name: "heal",
        prepare: |studio| {
            copied(studio);
            studio.write("NAS", "a", b"bad a", 2_000_000_000);
            fs::remove_file(studio.path("NAS", "d/b")).unwrap();
            check(studio, false).unwrap();
        },
        run: healed,
        removes: false,
    },
    Case {
        name: "offload",
        prepare: write_files,
        run: offloaded,
        removes: false,
    },
];

/// Commands that remove files and put them back.
pub(super) const REMOVALS: [Case; 5] = [
    Case {
        name: "free",
        prepare: copied,
        run: |studio| freed(studio, false),
        removes: false,
    },
    Case {
        name: "free --erase",
        prepare: copied,
        run: |studio| freed(studio, true),
        removes: true,
    },
    Case {
        name: "restore",
        prepare: copied,
        run: restored,
        removes: false,
    },
    Case {
        name: "undo",
        prepare: copied,
        run: undone,
        removes: false,
    },
    Case {
        name: "prune",
        prepare: copied,
        run: pruned,
        removes: true,
    },
];

/// Commands that append to histories.
pub(super) const HISTORIES: [Case; 2] = [
    Case {
        name: "verify with histories",
        prepare: |studio| {
            write_files(studio);
            keep_histories(studio);
            copy(studio).unwrap();
        },
        run: |studio| check(studio, true),
        removes: false,
    },
    Case {
        name: "mhl",
        prepare: |studio| {
            copied(studio);
            keep_histories(studio);
        },
        run: sealed,
        removes: false,
    },
];

fn write_files(studio: &mut Studio) {
    studio.write("WORK", "a", b"new a", 2_000_000_000);
    studio.write("WORK", "d/b", b"new b", 2_000_000_000);
    studio.write("WORK", "d/e/c", b"new c", 2_000_000_000);
    studio.write("NAS", "a", b"old a", 1_000_000_000);
    studio.write("NAS", "d/b", b"old b", 1_000_000_000);
    studio.write("NAS", "other", b"other", 1_000_000_000);
    for (name, content) in [("CARD/clip", "clip"), ("CARD/DCIM/still", "still")] {
        Studio::write_at(&studio.root(name), content.as_bytes(), 2_000_000_000);
    }
    for name in ["WORK", "NAS"] {
        let medium = DatabaseAttributes {
            medium: Some(name.to_owned()),
            ..DatabaseAttributes::default()
        };
        studio.registry.set_attributes(name, &medium, true).unwrap();
    }
    let demand = Demand {
        copies: 1,
        ..Demand::default()
    };
    let policy = Some(Policy::Keep(demand));
    studio.registry.set_policy("c0", policy).unwrap();
}

fn copied(studio: &mut Studio) {
    write_files(studio);
    fs::remove_file(studio.path("NAS", "other")).unwrap();
    copy(studio).unwrap();
}

fn keep_histories(studio: &mut Studio) {
    let attributes = CategoryAttributes {
        keeps_history: true,
        hash_format: None,
    };
    let set = studio
        .registry
        .set_category_attributes("c0", attributes, true);
    set.unwrap();
}

fn copy(studio: &mut Studio) -> Result<RunState> {
    studio
        .copy_to(&["NAS"], |_| {})
        .map(|report| report.state())
}

fn sync(studio: &mut Studio) -> Result<RunState> {
    let run = studio.begin_run("sync");
    let registry = &studio.registry;
    let databases = registry.databases();
    let request = |destination| SyncRequest {
        scope: Scope::All,
        categories: registry.categories().iter().collect(),
        source: &databases[0],
        destination,
        retry_failed: false,
        delete: true,
        force: true,
        dry_run: false,
        verify: true,
        max_files: None,
        limits: TransferLimits::default(),
        confirmation: Confirmation::Granted,
    };
    let destinations = [&databases[1]];
    let (index, messages) = (&mut studio.index, &studio.messages);
    let synced = sync_each(index, registry, &destinations, request, run, messages);
    synced.map(|report| report.state())
}

fn check(studio: &mut Studio, with_histories: bool) -> Result<RunState> {
    let run = studio.begin_run("verify");
    let registry = &studio.registry;
    let request = VerifyRequest {
        scope: Scope::All,
        categories: registry.categories().iter().collect(),
        databases: vec![registry.database("NAS").unwrap()],
        budget: Budget::new(None, None),
        proven_since: None,
        download: false,
        histories: with_histories.then_some(run),
        dry_run: false,
    };
    verify(&mut studio.index, registry, &request, &studio.messages).map(|report| report.state())
}

fn healed(studio: &mut Studio) -> Result<RunState> {
    let run = studio.begin_run("heal");
    let registry = &studio.registry;
    let request = HealRequest {
        scope: Scope::All,
        categories: registry.categories().iter().collect(),
        target: registry.database("NAS").unwrap(),
        dry_run: false,
        confirmation: Confirmation::Granted,
    };
    let (index, messages) = (&mut studio.index, &studio.messages);
    heal(index, registry, &request, run, messages).map(|report| report.state())
}

fn freed(studio: &mut Studio, erase: bool) -> Result<RunState> {
    let run = studio.begin_run("free");
    let registry = &studio.registry;
    let request = FreeRequest {
        replicas: vec![(&registry.categories()[0], project())],
        target: registry.database("NAS").unwrap(),
        erase,
        trusted: Vec::new(),
        dry_run: false,
        confirmation: Confirmation::Granted,
    };
    let (index, messages) = (&mut studio.index, &studio.messages);
    free(index, registry, &request, run, messages).map(|report| report.state())
}

fn restored(studio: &mut Studio) -> Result<RunState> {
    let run = studio.begin_run("restore");
    let registry = &studio.registry;
    let request = RestoreRequest {
        scope: VersionScope {
            scope: Scope::All,
            categories: registry.categories().iter().collect(),
        },
        target: registry.database("NAS").unwrap(),
        path: None,
        which: WhichVersion::OfRun(FIRST_RUN),
        dry_run: false,
        confirmation: Confirmation::Granted,
    };
    let (index, messages) = (&mut studio.index, &studio.messages);
    restore(index, registry, &request, run, messages).map(|report| report.state())
}

fn undone(studio: &mut Studio) -> Result<RunState> {
    let run = studio.begin_run_of("undo", &subject(FIRST_RUN));
    let request = UndoRequest {
        run: FIRST_RUN,
        dry_run: false,
        confirmation: Confirmation::Granted,
    };
    let (index, messages) = (&mut studio.index, &studio.messages);
    undo(index, &studio.registry, &request, run, messages).map(|report| report.state())
}

fn pruned(studio: &mut Studio) -> Result<RunState> {
    let run = studio.begin_run("prune");
    let registry = &studio.registry;
    let request = PruneRequest {
        target: registry.database("NAS").unwrap(),
        keep: Duration::ZERO,
        keep_last: 0,
        force: true,
        dry_run: false,
        confirmation: Confirmation::Granted,
    };
    let (index, messages) = (&mut studio.index, &studio.messages);
    prune(index, registry, &request, run, messages).map(|report| report.state())
}

fn sealed(studio: &mut Studio) -> Result<RunState> {
    let run = studio.begin_run("mhl");
    let registry = &studio.registry;
    let request = InPlaceRequest {
        scope: Scope::All,
        categories: registry.categories().iter().collect(),
        database: registry.database("NAS").unwrap(),
        format: None,
        dry_run: false,
    };
    let (index, messages) = (&mut studio.index, &studio.messages);
    seal_in_place(index, registry, &request, run, messages).map(|report| report.state())
}

fn offloaded(studio: &mut Studio) -> Result<RunState> {
    let run = studio.begin_run("offload");
    let folder = studio.root("CARD");
    let registry = &studio.registry;
    let request = OffloadRequest {
        folder: &folder,
        project: project(),
        category: &registry.categories()[0],
        destinations: vec![registry.database("NAS").unwrap()],
        into: "card",
        dry_run: false,
        confirmation: Confirmation::Granted,
    };
    let (index, messages) = (&mut studio.index, &studio.messages);
    let report = offload(index, registry, &request, run, messages)?;
    Ok(report.copied.state())
}

fn project() -> ProjectId {
    ProjectId {
        client: "acme".into(),
        project: "spot".into(),
    }
}
