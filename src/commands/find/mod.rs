//! `find`: finds files in the index by a glob or a part of the name, and by conditions.

mod answer;
mod no_match;
mod outside;

use std::ffi::OsString;
use std::time::Duration;

use clap::Args;

use self::answer::{FindAnswer, SearchLocation};
use self::no_match::NoMatch;
use self::outside::outside_notice;
use super::file_filter::FilterWords;
use super::pattern::Pattern;
use super::search_place;
use super::search_place::SearchPlace;
use super::workspace::Workspace;
use crate::base::error::Result;
use crate::base::monitor::ProgressEvent;
use crate::base::unit;
use crate::index::PresentReplica;
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
    #[arg(long, value_name = "N", value_parser = parse_limit)]
    limit: Option<u64>,
    /// List every frame of an image sequence
    #[arg(long)]
    no_sequences: bool,
    /// Match case and accents exactly
    #[arg(short = 's', long)]
    case_sensitive: bool,
}

fn parse_limit(word: &str) -> Result<u64, &'static str> {
    match word.parse() {
        Ok(0) | Err(_) => Err("a limit is a number of 1 or more"),
        Ok(limit) => Ok(limit),
    }
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
        let pattern = Pattern::parse(&self.pattern, self.case_sensitive)?;
        let (index, registry) = (&workspace.index, &workspace.registry);
        let mut snapshot = index.read_transaction()?;
        let candidates = match pattern.query() {
            Some(query) => index.name_candidates(query)?,
            None => None,
        };
        if pattern.query().is_some() && candidates.is_none() {
            drop(snapshot);
            index.discard_names()?;
            snapshot = index.read_transaction()?;
            let notice =
                "note: the index of names is missing, so every name is read; `load` builds it";
            workspace.monitor.on_event(&ProgressEvent::Notice(notice));
        }
        let words = self.filter_words()?;
        let place = match &words.place {
            Some(word) => SearchPlace::parse(index, registry, word)?,
            None => SearchPlace::all(registry),
        };
        let only_on = match &words.only_on {
            Some(name) => Some(registry.database(name)?),
            None => None,
        };
        if let Some(notice) = outside_notice(index, place.databases, &pattern)? {
            workspace.monitor.on_event(&ProgressEvent::Notice(&notice));
        }
        let (mut locations, mut replicas) = (Vec::new(), Vec::new());
        let mut is_scanned = false;
        let is_searched =
            |database: &&Database| only_on.is_none_or(|only| only.name == database.name);
        for database in place.databases.iter().filter(is_searched) {
            let known = index.database(&database.root)?;
            is_scanned |= known.scanned_at.is_some();
            let Some(id) = known.id else {
                continue;
            };
            for category in place.categories {
                let found = index.present_replicas(id, category.key())?;
                let may_hold = |replica: &PresentReplica| {
                    let known = candidates.as_ref();
                    known.is_none_or(|candidates| candidates.may_hold(replica))
                        && place.scope.contains(&replica.project)
                };
                let found = found.into_iter().filter(may_hold);
                replicas.extend(found.map(|replica| (replica, locations.len())));
                locations.push(SearchLocation { database, category });
            }
        }
        // Stable: the storages of a project stay in the order of the registry.
        replicas.sort_by_cached_key(|(replica, _)| replica.project.composed());
        let no_match = match workspace.setup_hint() {
            Some(lacking) => NoMatch::Unsearched(lacking),
            None if !is_scanned && place.databases.len() == 1 => {
                NoMatch::Unsearched("this storage was never scanned: `load` scans it".to_owned())
            }
            None if !is_scanned => {
                NoMatch::Unsearched("the index is empty: `load` fills it".to_owned())
            }
            None => NoMatch::Searched {
                typed: self.pattern,
                registry,
            },
        };
        let places = match only_on {
            Some(_) => place::places(index, registry)?,
            None => Vec::new(),
        };
        Ok(FindAnswer {
            index,
            last_answer: &workspace.last_answer,
            _snapshot: snapshot,
            pattern,
            filter: words.file_filter(),
            elsewhere: only_on.map(|_| places),
            candidates,
            locations,
            replicas,
            group_sequences: !self.no_sequences,
            limit: self.limit,
            no_match,
        })
    }
}
