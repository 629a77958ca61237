//! `catalog pull` and `catalog push`: exchange now.

use serde::Serialize;

use crate::base::error::Result;
use crate::base::exit_status::ExitStatus;
use crate::base::monitor::ProgressEvent;
use crate::base::unit;
use crate::catalog::{CatalogAddress, ExchangeReport};
use crate::commands::catalog_session::{ExchangeDirection, ensure_identities, exchange_all};
use crate::commands::command::RunCommand;
use crate::commands::workspace::Workspace;
use crate::output::answer::{Answer, Records};
use crate::output::cell::Cell;
use crate::output::page::Page;

/// An exchange that was asked for.
#[derive(Debug)]
pub(super) struct CatalogExchange {
    pub(super) address: CatalogAddress,
    pub(super) direction: ExchangeDirection,
}

/// The result of the exchange.
#[derive(Debug, Serialize)]
pub(super) struct CatalogExchangeAnswer {
    /// The storages with news in either direction.
    databases: Vec<ExchangedRow>,
    #[serde(skip)]
    is_dry_run: bool,
}

#[derive(Debug, Serialize)]
struct ExchangedRow {
    name: String,
    revision: i64,
    pulled_projects: u64,
    pulled_evidence: u64,
    pushed_projects: u64,
    pushed_folders: u64,
    /// What is damaged in the catalog and was left out.
    damaged: Vec<String>,
}

impl ExchangedRow {
    fn new(name: String, report: &ExchangeReport) -> Self {
        Self {
            name,
            revision: report.revision,
            pulled_projects: report.pulled.replicas,
            pulled_evidence: report.pulled.folders_with_evidence,
            pushed_projects: report.pushed_replicas,
            pushed_folders: report.pushed_folders,
            damaged: report.damaged.iter().map(ToString::to_string).collect(),
        }
    }
}

impl RunCommand for CatalogExchange {
    type Answer = CatalogExchangeAnswer;

    fn run(self, workspace: &mut Workspace) -> Result<CatalogExchangeAnswer> {
        if workspace.dry_run {
            let notice = "dry run: nothing is exchanged with the catalog";
            workspace.monitor.on_event(&ProgressEvent::Notice(notice));
            return Ok(CatalogExchangeAnswer {
                databases: Vec::new(),
                is_dry_run: true,
            });
        }
        let (index, registry) = (&mut workspace.index, &workspace.registry);
        let monitor = workspace.monitor.as_ref();
        if self.direction == ExchangeDirection::Both {
            ensure_identities((&mut *index, registry), registry.databases(), monitor)?;
        }
        let reports = exchange_all(
            (index, registry),
            (&self.address, workspace.catalog_pace.refusal()),
            self.direction,
            monitor,
        )?;
        let rows = reports.into_iter();
        Ok(CatalogExchangeAnswer {
            databases: rows
                .map(|(name, report)| ExchangedRow::new(name, &report))
                .collect(),
            is_dry_run: false,
        })
    }
}

impl Answer for CatalogExchangeAnswer {
    const COMMAND: &'static str = "catalog";

    fn write_page(&self, page: &mut Page) {
        if self.databases.is_empty() && !self.is_dry_run {
            page.line("nothing new");
        }
        for row in &self.databases {
            let parts = [
                ("pulled", row.pulled_projects, "project"),
                ("pulled evidence of", row.pulled_evidence, "folder"),
                ("pushed", row.pushed_projects, "project"),
                ("pushed", row.pushed_folders, "folder"),
            ];
            let parts: Vec<String> = parts
                .into_iter()
                .filter(|(_, count, _)| *count > 0)
                .map(|(verb, count, noun)| format!("{verb} {}", unit::format_counted(count, noun)))
                .collect();
            let done = if parts.is_empty() {
                "nothing new".to_owned()
            } else {
                parts.join(", ")
            };
            page.line(format!("{}: {done}", row.name));
        }
    }

    fn exit_status(&self) -> ExitStatus {
        if self.databases.iter().all(|row| row.damaged.is_empty()) {
            ExitStatus::Done
        } else {
            ExitStatus::Partial
        }
    }

    fn records(&self) -> Records {
        let row = |row: &ExchangedRow| {
            let mut cells = vec![Cell::text(row.name.as_str())];
            cells.extend(
                [
                    u64::try_from(row.revision).unwrap_or_default(),
                    row.pulled_projects,
                    row.pulled_evidence,
                    row.pushed_projects,
                    row.pushed_folders,
                    row.damaged.len() as u64,
                ]
                .map(Cell::Count),
            );
            cells
        };
        Records {
            headings: &[
                "database",
                "revision",
                "pulled_projects",
                "pulled_evidence",
                "pushed_projects",
                "pushed_folders",
                "damaged",
            ],
            rows: self.databases.iter().map(row).collect(),
        }
    }
}
