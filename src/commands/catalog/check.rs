//! `catalog check`: reads all rows of the catalog, and repairs damaged ones.

use std::path::PathBuf;

use serde::Serialize;

use crate::base::error::{CatalogProblem, Error, Result};
use crate::base::exit_status::ExitStatus;
use crate::base::monitor::ProgressEvent;
use crate::base::unit;
use crate::catalog::{
    Catalog, CatalogAddress, CheckedStorage, ExchangedStorage, catalog_storages, check_storage,
    check_studio, ensure_schema, mark_damaged,
};
use crate::commands::catalog_session::{ExchangeDirection, connect, exchange_all, shared_storages};
use crate::commands::command::RunCommand;
use crate::commands::workspace::Workspace;
use crate::index::Index;
use crate::output::answer::{Answer, Records};
use crate::output::cell::{Cell, Tone};
use crate::output::page::Page;

/// A check that was asked for.
#[derive(Debug)]
pub(super) struct CatalogCheck {
    pub(super) address: CatalogAddress,
    /// True if damaged rows are written anew.
    pub(super) repair: bool,
}

/// The result of a check.
#[derive(Debug, Serialize)]
pub(super) struct CatalogCheckAnswer {
    databases: Vec<CheckedRow>,
    /// What is damaged of policies, runs, failures and cards.
    studio: Vec<String>,
    /// What of them was damaged before the repair.
    studio_repaired: Vec<String>,
    #[serde(skip)]
    repair: bool,
}

/// A storage of the catalog.
#[derive(Debug, Serialize)]
struct CheckedRow {
    name: String,
    /// True if this workstation has added it.
    added: bool,
    /// Number of projects whose rows are whole.
    projects: u64,
    damaged: Vec<String>,
    /// What was damaged before the repair.
    repaired: Vec<String>,
}

/// A storage to check.
struct Checked {
    storage: ExchangedStorage,
    added: bool,
    rows: CheckedStorage,
}

/// The state of all rows.
struct State {
    storages: Vec<Checked>,
    studio: Vec<String>,
}

impl State {
    fn is_sound(&self) -> bool {
        self.studio.is_empty() && self.storages.iter().all(|one| one.rows.damaged.is_empty())
    }
}

impl RunCommand for CatalogCheck {
    type Answer = CatalogCheckAnswer;

    fn run(self, workspace: &mut Workspace) -> Result<CatalogCheckAnswer> {
        let before = self.read(workspace)?;
        if !self.repair || before.is_sound() {
            return Ok(CatalogCheckAnswer::new(&before, &before, false));
        }
        if workspace.dry_run {
            let notice = "dry run: nothing is repaired";
            workspace.monitor.on_event(&ProgressEvent::Notice(notice));
            return Ok(CatalogCheckAnswer::new(&before, &before, false));
        }
        self.repair(workspace, &before)?;
        let after = self.read(workspace)?;
        Ok(CatalogCheckAnswer::new(&before, &after, true))
    }
}

impl CatalogCheck {
    /// Checks all storages of the catalog: those of this workstation, and those that only others have added.
    fn read(&self, workspace: &mut Workspace) -> Result<State> {
        let monitor = workspace.monitor.as_ref();
        let databases = workspace.registry.databases();
        let own = shared_storages(&workspace.index, databases, monitor)?;
        let mut catalog = connect(&self.address, monitor)?;
        ensure_schema(&mut catalog)?;
        let studio = check_studio(&mut catalog, &mut workspace.index)?;
        let mut storages = Vec::new();
        for there in catalog_storages(&mut catalog)? {
            let added = own.iter().find(|one| one.identity == there.identity);
            let storage = added.cloned().unwrap_or_else(|| ExchangedStorage {
                root: PathBuf::from(&there.identity),
                identity: there.identity,
                name: there.name,
                keeps_tags: false,
            });
            let rows = check_storage(&mut catalog, &mut workspace.index, &storage)?;
            storages.push(Checked {
                added: added.is_some(),
                storage,
                rows,
            });
        }
        Ok(State { storages, studio })
    }

    /// Writes anew what this workstation knows of the damaged rows.
    fn repair(&self, workspace: &mut Workspace, state: &State) -> Result<()> {
        let monitor = workspace.monitor.as_ref();
        let mut catalog = connect(&self.address, monitor)?;
        mark_all(&mut catalog, &mut workspace.index, state)?;
        drop(catalog);
        let (index, registry) = (&mut workspace.index, &workspace.registry);
        let refusal = workspace.catalog_pace.refusal();
        let both = ExchangeDirection::Both;
        match exchange_all((index, registry), (&self.address, refusal), both, monitor) {
            // The second look says what is left.
            Ok(_)
            | Err(Error::Catalog {
                problem: CatalogProblem::Damaged(_),
                ..
            }) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

fn mark_all(catalog: &mut Catalog, index: &mut Index, state: &State) -> Result<()> {
    if !state.studio.is_empty() {
        index.share_studio()?;
    }
    let added = state.storages.iter().filter(|one| one.added);
    for one in added.filter(|one| !one.rows.damaged.is_empty()) {
        mark_damaged(catalog, index, &one.storage, &one.rows.damaged)?;
    }
    Ok(())
}

impl CatalogCheckAnswer {
    fn new(before: &State, after: &State, repair: bool) -> Self {
        let row = |one: &Checked| {
            let damaged: Vec<String> = one.rows.damaged.iter().map(ToString::to_string).collect();
            let was = before.storages.iter();
            let was = was.filter(|was| was.storage.identity == one.storage.identity);
            let was = was.flat_map(|was| &was.rows.damaged);
            let repaired = was.filter(|damage| !one.rows.damaged.contains(damage));
            CheckedRow {
                name: one.storage.name.clone(),
                added: one.added,
                projects: one.rows.sound_replicas,
                repaired: repaired.map(ToString::to_string).collect(),
                damaged,
            }
        };
        Self {
            databases: after.storages.iter().map(row).collect(),
            studio: after.studio.clone(),
            studio_repaired: before
                .studio
                .iter()
                .filter(|damage| !after.studio.contains(damage))
                .cloned()
                .collect(),
            repair,
        }
    }

    fn is_sound(&self) -> bool {
        self.studio.is_empty() && self.databases.iter().all(|row| row.damaged.is_empty())
    }
}

impl Answer for CatalogCheckAnswer {
    const COMMAND: &'static str = "catalog";

    fn write_page(&self, page: &mut Page) {
        let bad = |text: String| vec![Cell::Styled(text, Tone::Bad)];
        for row in &self.databases {
            let name = &row.name;
            let projects = unit::format_counted(row.projects, "sound project");
            page.line(format!("{name}: {projects}"));
            for damage in &row.damaged {
                page.cells(bad(format!("{name}: damaged: {damage}")));
            }
            for damage in &row.repaired {
                page.line(format!("{name}: written anew: {damage}"));
            }
        }
        for damage in &self.studio {
            page.cells(bad(format!("damaged: {damage}")));
        }
        for damage in &self.studio_repaired {
            page.line(format!("written anew: {damage}"));
        }
        if self.is_sound() {
            return;
        }
        page.line(if self.repair {
            "what is left is newer there, or unknown here: scan the storage with `load` and repair again, or repair on another workstation"
        } else {
            "`catalog check --repair` writes anew what this workstation knows"
        });
    }

    fn records(&self) -> Records {
        let row = |row: &CheckedRow| {
            let count = |list: &[String]| Cell::Count(list.len() as u64);
            vec![
                Cell::text(row.name.as_str()),
                Cell::Count(row.projects),
                count(&row.damaged),
                count(&row.repaired),
            ]
        };
        Records {
            headings: &["database", "projects", "damaged", "repaired"],
            rows: self.databases.iter().map(row).collect(),
        }
    }

    fn exit_status(&self) -> ExitStatus {
        if self.is_sound() {
            ExitStatus::Done
        } else {
            ExitStatus::Partial
        }
    }
}
