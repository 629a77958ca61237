//! The answer of `offload`: what was copied to each storage, and whether the card may be formatted.

use serde::Serialize;

use crate::base::error::Result;
use crate::base::exit_status::ExitStatus;
use crate::base::interrupt;
use crate::base::name::Name;
use crate::commands::cards::{CardItem, standing_cells};
use crate::commands::copy::answer::{CopyAnswer, SyncLines};
use crate::commands::outcome_item::HEADINGS;
use crate::commands::run::FinishedRun;
use crate::index::RunState;
use crate::model::registry::Registry;
use crate::offload::OffloadReport;
use crate::output::cell::{Cell, Tone};
use crate::output::json::JsonWriter;
use crate::output::stream::{PageWriter, RowWriter, Stream};

/// The result of an offload, or of the dry run of one.
#[derive(Debug)]
pub(crate) struct OffloadAnswer {
    copy: CopyAnswer,
    state: RunState,
    place: OffloadPlace,
    card: Option<CardItem>,
}

/// The folder and the place within the project, as JSON.
#[derive(Debug, Serialize)]
struct OffloadPlace {
    folder: Name,
    into: Name,
}

impl OffloadAnswer {
    pub(super) fn new(
        finished: FinishedRun<OffloadReport>,
        registry: &Registry,
        group_sequences: bool,
    ) -> Self {
        let FinishedRun { run, state, report } = finished;
        let card = report.standing.as_ref();
        Self {
            card: card.map(|standing| CardItem::new(standing, registry)),
            place: OffloadPlace {
                folder: report.folder.as_path().into(),
                into: report.inside.as_path().into(),
            },
            state,
            copy: CopyAnswer {
                finished: FinishedRun {
                    run,
                    state: report.copied.state(),
                    report: report.copied,
                },
                count_only: false,
                group_sequences,
            },
        }
    }
}

impl Stream for OffloadAnswer {
    const COMMAND: &'static str = "offload";

    const HEADINGS: &'static [&'static str] = HEADINGS;

    fn write_page(&self, lines: &mut PageWriter<'_>) -> Result<()> {
        let verb = if self.copy.is_dry_run() {
            "would copy"
        } else {
            "copied"
        };
        let plain = SyncLines {
            counts: Vec::new(),
            lists_gone: false,
        };
        self.copy.write_lines(lines, verb, Some(plain))?;
        match &self.card {
            Some(card) if !self.copy.is_dry_run() => lines.cells(standing_cells(card)),
            None if !self.copy.is_dry_run() => lines.cells(vec![Cell::Styled(
                "do not format: what is copied could not be established".to_owned(),
                Tone::Bad,
            )]),
            _ => Ok(()),
        }
    }

    fn write_rows(&self, rows: &mut RowWriter<'_>) -> Result<()> {
        self.copy.write_rows(rows)
    }

    fn write_json(&self, json: &mut JsonWriter<'_>) -> Result<()> {
        self.copy.write_totals(json)?;
        json.fields(&self.place)?;
        json.fields(&OffloadedCard {
            card: self.card.as_ref(),
        })?;
        self.copy.write_json_items(json)
    }

    fn exit_status(&self) -> ExitStatus {
        match self.state {
            RunState::Complete => ExitStatus::Done,
            RunState::Interrupted => interrupt::exit_status(),
            _ => ExitStatus::Partial,
        }
    }

    fn is_routine(&self) -> bool {
        false
    }
}

/// The card, as JSON; `null` if it is not known.
#[derive(Debug, Serialize)]
struct OffloadedCard<'a> {
    card: Option<&'a CardItem>,
}
