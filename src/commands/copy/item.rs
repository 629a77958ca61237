//! The items of a copy, folder by folder: files that a dry run would copy, and items that need attention.

use std::path::Path;

use super::answer::CopyAnswer;
use crate::base::error::Result;
use crate::commands::outcome_item::{OutcomeList, split_item};
use crate::commands::outcome_sequence::{FolderItem, ItemVisitor};
use crate::copy::plan::PlannedFolder;
use crate::copy::report::ReportedItem;
use crate::index::OutcomeKind;
use crate::model::project::path_within;

/// Passes the files of a folder that a dry run would copy to `on_item`.
fn visit_planned(
    folder: &PlannedFolder,
    on_item: &mut dyn FnMut(&FolderItem<'_>) -> Result<()>,
) -> Result<()> {
    folder.files().try_for_each(|file| {
        let reason = if file.replaced.is_some() {
            "replace, keeping the old version"
        } else {
            "add"
        };
        on_item(&FolderItem {
            name: file.name.as_bytes(),
            outcome: OutcomeKind::Planned,
            reason: Some(reason),
            bytes: Some(file.bytes),
        })
    })
}

/// Passes the items of one folder to `on_item`.
fn visit_reported(
    items: &[ReportedItem],
    on_item: &mut dyn FnMut(&FolderItem<'_>) -> Result<()>,
) -> Result<()> {
    items.iter().try_for_each(|item| {
        on_item(&FolderItem {
            name: split_item(&item.path).1,
            outcome: item.outcome.kind(),
            reason: item.outcome.reason(),
            bytes: None,
        })
    })
}

impl OutcomeList for CopyAnswer {
    /// Visits the folders that a dry run would copy to, then those of the reported items.
    fn visit_folders(
        &self,
        on_folder: &mut dyn FnMut(&Path, &ItemVisitor<'_>) -> Result<()>,
    ) -> Result<()> {
        if self.count_only {
            return Ok(());
        }
        for (base, plan) in &self.finished.report.dry_run_plans {
            for folder in plan.folders.iter().filter(|folder| folder.has_files()) {
                let path = path_within(base, &folder.path);
                on_folder(&path, &|on_item| visit_planned(folder, on_item))?;
            }
        }
        let items = &self.finished.report.items;
        let mut folders = items.chunk_by(|a, b| a.path.parent() == b.path.parent());
        folders.try_for_each(|items| {
            let folder = split_item(&items[0].path).0;
            on_folder(folder, &|on_item| visit_reported(items, on_item))
        })
    }
}
