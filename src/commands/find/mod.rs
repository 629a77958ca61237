//! `find`: finds files in the index by a glob or a part of the name, and by conditions.

mod answer;
mod area;
mod no_match;
mod outside;

use std::ffi::OsString;
use std::time::Duration;

use clap::Args;

use self::answer::FindAnswer;
use self::area::SearchArea;
use self::no_match::NoMatch;
use self::outside::outside_notice;
use super::file_filter::FilterWords;
use super::pattern::Pattern;
use super::search_place;
use super::search_place::SearchPlace;
use super::workspace::Workspace;
use crate::base::error::Result;
use crate::base::ignore::ignore;
use crate::base::monitor::ProgressEvent;
use crate::base::unit;
use crate::index::{NameCandidates, ReadTransaction};
use crate::model::registry::Database;
use crate::trust::place;

/// Find files in the index, also on storages that are offline
///
/// PATTERN is a glob (`*`, `?`, `[...]`, `{a,b}`) for the whole name or, without any of these, a part of the name. Case and
/// accents are ignored: `cafe` finds `Café`. A PATTERN with a `/` is matched against the path below the category's folder
/// instead of the name.
///
/// Conditions may follow in any order: `larger SIZE`, `smaller SIZE`, `newer AGE` for files that changed within this time, `older
/// AGE`, `only on STORAGE` for files that no other storage has, and `in WHERE`. WHERE is a storage, a category, a client or a
/// project.
///
/// The matching frames of an image sequence are one line, with their number and the frames missing between the first and the
/// last. `plain` and `csv` list every file.
#[derive(Debug, Args)]
#[command(
    override_usage = "find [OPTIONS] PATTERN [CONDITION]...",
    after_help = "Examples:
  find reel
  find '*.mov' in acme
  find 'acme/*/plates/*.exr' in NAS
  find '*' newer 2d larger 10GB
  find '*.mov' only on WORK older 30d
  find sh010 --no-sequences --limit 20"
)]
pub(crate) struct FindArgs {
    /// A glob or a part of the name
    #[arg(value_name = "PATTERN")]
    pattern: String,
    /// Conditions: `larger SIZE`, `smaller SIZE`, `newer AGE`, `older AGE`, `only on STORAGE`, `in WHERE`
    #[arg(value_name = "CONDITION")]
    conditions: Vec<OsString>,
    /// Only files that changed within this time: `2d`, `12h`
    #[arg(long, value_name = "AGE", value_parser = unit::parse_duration)]
    newer: Option<Duration>,
    /// Only files of more than this size: `10GB`, `500k`
    #[arg(long, value_name = "SIZE", value_parser = unit::parse_bytes)]
    larger: Option<u64>,
    /// Stop after N lines; in `plain`, `csv` and `json` after N files
    #[arg(long, value_name = "N", value_parser = unit::parse_count)]
    limit: Option<u64>,
    /// List every frame of an image sequence
    #[arg(long)]
    no_sequences: bool,
    /// Match case and accents exactly
    #[arg(short = 's', long)]
    case_sensitive: bool,
}

impl FindArgs {
    /// Resolves the names of the line.
    pub(super) fn check(&self, workspace: &Workspace) -> Result<()> {
        Pattern::parse(&self.pattern, self.case_sensitive)?;
        let words = self.filter_words()?;
        if let Some(name) = &words.only_on {
            workspace.registry.database(name)?;
        }
        if let Some(word) = &words.place {
            search_place::check(word, workspace)?;
        }
        workspace.last_answer.assume();
        Ok(())
    }

    /// Returns the conditions of the line.
    fn filter_words(&self) -> Result<FilterWords> {
        FilterWords::parse(&self.conditions)?.with_options(self.larger, self.newer)
    }

    /// Prepares the search; the index is read while the answer is printed.
    pub(crate) fn search(self, workspace: &Workspace) -> Result<FindAnswer<'_>> {
        let (index, registry) = (&workspace.index, &workspace.registry);
        let pattern = Pattern::parse(&self.pattern, self.case_sensitive)?;
        let (snapshot, candidates) = find_candidates(workspace, &pattern)?;
        let words = self.filter_words()?;
        let place = match &words.place {
            Some(word) => SearchPlace::parse(index, registry, word)?,
            None => SearchPlace::all(registry),
        };
        let only_on = match &words.only_on {
            Some(name) => Some(registry.database(name)?),
            None => None,
        };
        let is_searched =
            |database: &&Database| only_on.is_none_or(|only| only.name == database.name);
        let databases: Vec<&Database> = place.databases.iter().filter(is_searched).collect();
        if let Some(notice) = outside_notice(index, &databases, &pattern)? {
            workspace.monitor.on_event(&ProgressEvent::Notice(&notice));
        }
        let area = SearchArea::find(index, &databases, &place, candidates.as_ref())?;
        let no_match = match workspace
            .setup_hint()
            .or_else(|| area.why_unsearched(&databases))
        {
            Some(why) => NoMatch::Unsearched(why),
            None => NoMatch::Searched {
                typed: self.pattern,
                has_conditions: words.has_conditions(),
                registry,
            },
        };
        let places = match only_on {
            Some(_) => Some(place::places(index, registry)?),
            None => None,
        };
        Ok(FindAnswer {
            index,
            last_answer: &workspace.last_answer,
            _snapshot: snapshot,
            pattern,
            filter: words.file_filter(),
            elsewhere: places,
            candidates,
            area,
            group_sequences: !self.no_sequences,
            limit: self.limit,
            no_match,
        })
    }
}

/// Asks the name index for the folders that may have a match; `None` for all of them. The index stays as it is for the answer.
fn find_candidates<'a>(
    workspace: &'a Workspace,
    pattern: &Pattern,
) -> Result<(ReadTransaction<'a>, Option<NameCandidates>)> {
    let index = &workspace.index;
    let snapshot = index.read_transaction()?;
    let Some(query) = pattern.query() else {
        return Ok((snapshot, None));
    };
    if let Some(candidates) = index.name_candidates(query)? {
        return Ok((snapshot, Some(candidates)));
    }
    drop(snapshot);
    ignore(
        index.discard_damaged_names(query),
        "the next search tries again",
    );
    let notice = "note: the index of names is missing, so every name is read; `load` builds it";
    workspace.monitor.on_event(&ProgressEvent::Notice(notice));
    Ok((index.read_transaction()?, None))
}
