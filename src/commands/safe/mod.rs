//! `safe`: may a copy be removed? Answered with proof, from the index.

mod answer;

use std::ffi::OsString;

use clap::Args;

use self::answer::{SafeReport, SafeRow};
use super::check::check_known;
use super::command::RunCommand;
use super::fetch::scan_databases;
use super::target::{Target, TargetForm};
use super::workspace::Workspace;
use crate::base::error::{Error, Result};
use crate::base::timestamp::Timestamp;
use crate::index::overview::add_holders;
use crate::trust::place::{self, Place};
use crate::trust::safe::{SafeAnswer, SafeQuestion, judge_replica};

const FORM: TargetForm = TargetForm {
    usage: "safe PROJECT [CATEGORY] on STORAGE",
    keyword: Some("on"),
    is_optional: false,
    takes_list: false,
};

/// Say whether a copy may be removed, and how that is proven
///
/// Yes only if every file of the copy has as many other copies as the policy of its category demands: on other media, with
/// the same content, read or stated by the storage within the time that the policy allows. The answer comes from the index
/// and removes nothing; `free` removes. `--live` scans the storages first.
///
/// The weakest proof is named. For no, the first files are named that have too few copies, and what to type.
#[derive(Debug, Args)]
#[command(
    override_usage = FORM.usage,
    after_help = "Examples:
  safe acme/spot on WORK
  safe acme/spot footage on WORK
  safe all on WORK
  safe acme on SHELF --live"
)]
pub(crate) struct SafeArgs {
    /// The project, a client for all of its projects, or `all`
    #[arg(value_name = "PROJECT")]
    project: OsString,
    /// The category, `on`, and the storage with the copy
    #[arg(value_name = "CATEGORY", num_args = 0..)]
    words: Vec<String>,
    /// Scan the storages first
    #[arg(long)]
    live: bool,
}

impl SafeArgs {
    fn target<'a>(&self, workspace: &'a Workspace) -> Result<Target<'a>> {
        let target = FORM.resolve(workspace, Some(&self.project), &self.words)?;
        target.without_rest(FORM)
    }

    /// True if the storages are scanned first.
    pub(super) const fn scans(&self) -> bool {
        self.live
    }

    /// Resolves the names of the line.
    pub(super) fn check(&self, workspace: &Workspace) -> Result<()> {
        let target = self.target(workspace)?;
        check_known(&target.scope, workspace)
    }
}

impl RunCommand for SafeArgs {
    type Answer = SafeReport;

    fn run(self, workspace: &mut Workspace) -> Result<SafeReport> {
        if self.live {
            let scope = self.target(workspace)?.scope;
            scan_databases(workspace, &scope)?;
        }
        let target = self.target(workspace)?;
        let database = target.database(FORM)?;
        let places = place::places(&workspace.index, &workspace.registry)?;
        let answers = judge_all(workspace, &target, &places)?;
        let number = places.iter().position(|place| place.database == *database);
        let id = number.and_then(|number| places[number].id);
        let outside = match id {
            Some(id) => workspace.index.outside(id)?,
            None => None,
        };
        let hosts = workspace.index.host_names()?;
        let report = SafeReport {
            project: target.scope.name(),
            database: database.name.clone(),
            categories: answers
                .into_iter()
                .map(|answer| SafeRow::new(answer, &places, &hosts))
                .collect(),
            outside: outside.map_or(0, |known| known.entries.len() as u64),
        };
        let projects = report.categories.iter().filter(|row| row.safe);
        let projects: Vec<_> = projects.map(|row| row.project.clone()).collect();
        workspace.last_answer.keep_names(&projects);
        Ok(report)
    }
}

/// Judges every replica of a scope on the storage of a line.
///
/// # Errors
/// The storage holds no such replica.
fn judge_all(
    workspace: &Workspace,
    target: &Target<'_>,
    places: &[Place],
) -> Result<Vec<SafeAnswer>> {
    let (index, registry) = (&workspace.index, &workspace.registry);
    let database = target.database(FORM)?;
    let Some(number) = places.iter().position(|place| place.database == *database) else {
        return Ok(Vec::new());
    };
    let _view = index.read_transaction()?;
    let witnesses = vec![true; places.len()];
    let mut answers = Vec::new();
    for category in target.categories.iter().copied() {
        let Some(id) = places[number].id else {
            break;
        };
        for replica in index.present_replicas(id, category.key())? {
            if !target.scope.contains(&replica.project) {
                continue;
            }
            let question = SafeQuestion {
                project: &replica.project,
                category,
                policy: registry.policy(&category.name),
                target: number,
                places,
                witnesses: &witnesses,
                now: Timestamp::now(),
            };
            answers.extend(judge_replica(index, &question)?);
        }
    }
    if answers.is_empty() {
        let error = Error::ReplicaNotFound {
            project: target.scope.name(),
            place: match target.categories.as_slice() {
                [category] => format!("category `{}`", category.name),
                _ => "any category".to_owned(),
            },
            database: database.name.clone(),
            suggestions: Vec::new(),
            elsewhere: Vec::new(),
        };
        return Err(add_holders(
            error,
            index,
            registry,
            &target.categories,
            &target.scope,
        )?);
    }
    answers.sort_by(|a, b| a.project.cmp(&b.project));
    Ok(answers)
}
