//! The result of an offload.

use std::path::PathBuf;

use crate::copy::report::Report;
use crate::index::RunState;
use crate::trust::card::{CardStanding, CardState};

/// Result of the copies, and the judgement of the card.
#[derive(Debug)]
pub struct OffloadReport {
    /// The folder.
    pub folder: PathBuf,
    /// The folder within the project.
    pub inside: PathBuf,
    pub copied: Report,
    /// May the card be formatted? `None` if that is not known.
    pub standing: Option<CardStanding>,
    pub is_dry_run: bool,
}

impl OffloadReport {
    /// Returns the state of a run that ended with this report. A card of which something is not copied is not complete.
    pub fn state(&self) -> RunState {
        let is_copied = self
            .standing
            .as_ref()
            .is_some_and(|standing| standing.state != CardState::DoNotFormat);
        match self.copied.state() {
            RunState::Complete if !is_copied && !self.is_dry_run => RunState::Partial,
            state => state,
        }
    }
}
