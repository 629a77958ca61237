//! `free`: removes a copy that is proven to be elsewhere.

mod answer;

use std::ffi::OsString;

use clap::Args;

use self::answer::FreeAnswer;
use super::check::check_known;
use super::command::RunCommand;
use super::run;
use super::run::{RunOptions, RunReport};
use super::target::{Target, TargetForm};
use super::workspace::Workspace;
use crate::base::confirmation::Question;
use crate::base::error::Result;
use crate::base::unit;
use crate::free::free;
use crate::free::proposal::propose;
use crate::free::request::{FreeReport, FreeRequest};
use crate::index::{OutcomeKind, RunEnd, RunItem, RunStart};
use crate::model::project::{ProjectId, Scope};
use crate::storage::availability::Reach;

const FORM: TargetForm = TargetForm {
    usage: "free [OPTIONS] PROJECT [CATEGORY] STORAGE | free --to-win SIZE on STORAGE",
    keyword: None,
    is_optional: false,
    takes_list: false,
};

/// The form of a line with `--to-win`.
const WIN_FORM: TargetForm = TargetForm {
    keyword: Some("on"),
    ..FORM
};

/// Remove a copy that is proven to be elsewhere
///
/// The storages are scanned first, and files elsewhere that were only listed are read. The copy is removed only if every
/// file of it has as many proven copies on other media as the policy of its category demands; otherwise nothing is touched,
/// and the answer says what is lacking. A storage that is offline counts only with `--trust-offline`. While a copy is being
/// removed, it is no proof for another machine.
///
/// The files are moved to `.auto-backup/versions/` there: `undo` brings them back, `prune` wins their space. With `--erase`
/// they are removed at once. `--to-win` proposes the copies whose newest file is the oldest.
#[derive(Debug, Args)]
#[command(
    override_usage = FORM.usage,
    after_help = "Examples:
  free acme/spot footage WORK
  free acme/spot WORK --dry-run
  free acme/spot WORK --erase --yes
  free acme/spot WORK --trust-offline SHELF
  free --to-win 4T on WORK"
)]
pub(crate) struct FreeArgs {
    /// The project, a client for all of its projects, or `all`
    #[arg(value_name = "PROJECT", required_unless_present = "to_win")]
    project: Option<OsString>,
    /// The category, and the storage with the copy
    #[arg(value_name = "CATEGORY", num_args = 0..)]
    words: Vec<String>,
    /// Propose the oldest copies that may go, until this much is won
    #[arg(long, value_name = "SIZE", value_parser = unit::parse_bytes)]
    to_win: Option<u64>,
    /// Erase the files instead of keeping them as old versions
    #[arg(long)]
    erase: bool,
    /// Count an offline storage as it was last seen
    #[arg(long, value_name = "STORAGE")]
    trust_offline: Vec<String>,
    /// Only show what would be removed, as far as the index shows
    #[arg(long)]
    dry_run: bool,
    /// Remove without asking
    #[arg(long)]
    yes: bool,
}

impl FreeArgs {
    fn target<'a>(&self, workspace: &'a Workspace) -> Result<Target<'a>> {
        let form = if self.to_win.is_some() {
            WIN_FORM
        } else {
            FORM
        };
        let target = form.resolve(workspace, self.project.as_deref(), &self.words)?;
        target.without_rest(form)
    }

    /// Resolves the names of the line.
    pub(super) fn check(&self, workspace: &Workspace) -> Result<()> {
        for name in &self.trust_offline {
            workspace.registry.database(name)?;
        }
        check_known(&self.target(workspace)?.scope, workspace)
    }

    /// Returns the replicas to remove, by category and project.
    fn replicas(&self, workspace: &Workspace) -> Result<Vec<(String, ProjectId)>> {
        let (index, registry) = (&workspace.index, &workspace.registry);
        let target = self.target(workspace)?;
        let database = target.database(FORM)?;
        if let Some(bytes) = self.to_win {
            let proposed = propose(index, registry, database, bytes)?.into_iter();
            return Ok(proposed
                .map(|one| (one.category.name.clone(), one.project))
                .collect());
        }
        let mut replicas = Vec::new();
        if let Some(id) = index.database_id(&database.root)? {
            for category in &target.categories {
                let found = index.present_replicas(id, category.key())?.into_iter();
                let found = found.map(|replica| replica.project().clone());
                let found = found.filter(|project| target.scope.contains(project));
                replicas.extend(found.map(|project| (category.name.clone(), project)));
            }
        }
        if replicas.is_empty() {
            // A replica that no scan has seen yet.
            if let Scope::Project(project) = &target.scope {
                let categories = target.categories.iter();
                let storable = categories.filter(|category| !category.leaves_out(project));
                let project = project.clone();
                return Ok(storable
                    .map(|category| (category.name.clone(), project.clone()))
                    .collect());
            }
        }
        Ok(replicas)
    }

    /// Shows the proposals of `--to-win`, and asks whether they are to be removed.
    fn confirm_proposals(&self, workspace: &Workspace, options: &RunOptions) -> Result<()> {
        let Some(bytes) = self.to_win else {
            return Ok(());
        };
        let (index, registry) = (&workspace.index, &workspace.registry);
        let target = self.target(workspace)?;
        let database = target.database(WIN_FORM)?;
        let proposals = propose(index, registry, database, bytes)?;
        if options.dry_run || proposals.is_empty() {
            return Ok(());
        }
        let sum: u64 = proposals.iter().map(|one| one.bytes).sum();
        let list = proposals.iter().map(|one| {
            let newest = one
                .newest
                .map_or_else(String::new, |at| format!(", newest {}", at.ago()));
            format!(
                "  {} {}: {}, {}{newest}",
                one.project.name(),
                one.category.name,
                unit::format_counted(one.files, "file"),
                unit::format_bytes(one.bytes)
            )
        });
        options.confirmation.require(&Question {
            text: format!(
                "Remove {} from {}: {}, where {} are wanted?",
                unit::format_counted(proposals.len() as u64, "copy"),
                database.name,
                unit::format_bytes(sum),
                unit::format_bytes(bytes)
            ),
            list: list.collect(),
        })
    }
}

impl RunReport for FreeReport {
    fn end(&self) -> RunEnd {
        RunEnd {
            state: self.state(),
            files: self.files(),
            bytes: self.bytes(),
            failed: self.failed.len() as u64,
            conflicts: 0,
            refused: self.refused(),
        }
    }

    fn items(&self) -> Vec<RunItem<'_>> {
        let failed = self.failed.iter().map(|(path, why)| RunItem {
            path,
            outcome: OutcomeKind::Failed,
            reason: Some(why),
        });
        let replicas = self.replicas.iter().map(|replica| RunItem {
            path: &replica.path,
            outcome: match replica.refusal {
                Some(_) => OutcomeKind::Refused,
                None => OutcomeKind::Deleted,
            },
            reason: replica.refusal.as_deref(),
        });
        failed.chain(replicas).collect()
    }
}

impl RunCommand for FreeArgs {
    type Answer = FreeAnswer;

    fn run(self, workspace: &mut Workspace) -> Result<FreeAnswer> {
        workspace.adopt_moved_databases(Reach::All)?;
        self.check(workspace)?;
        let mut options = RunOptions::of(workspace, self.dry_run, self.yes);
        self.confirm_proposals(workspace, &options)?;
        if self.to_win.is_some() {
            options.confirmation = options.confirmation.or_granted(true);
        }
        let replicas = self.replicas(workspace)?;
        let target = self.target(workspace)?;
        let name = target.database(FORM)?.name.clone();
        let subject = match self.to_win {
            Some(bytes) => format!("--to-win {}", unit::format_bytes(bytes)),
            None => target.subject.clone(),
        };
        let (index, registry) = (&mut workspace.index, &workspace.registry);
        let replicas = replicas.into_iter().map(|(category, project)| {
            let category = registry.category(&category)?;
            Ok((category, project))
        });
        let request = FreeRequest {
            replicas: replicas.collect::<Result<_>>()?,
            target: registry.database(&name)?,
            erase: self.erase,
            trusted: self.trust_offline.clone(),
            dry_run: options.dry_run,
            confirmation: options.confirmation,
        };
        let start = RunStart {
            command: "free",
            subject: &subject,
            source: None,
            destination: Some(&name),
        };
        let monitor = workspace.monitor.as_ref();
        let finished = run::execute(
            (index, registry),
            &start,
            &options,
            monitor,
            |index, run| free(index, registry, &request, run, monitor),
        )?;
        Ok(FreeAnswer {
            finished,
            is_dry_run: options.dry_run,
            is_erased: self.erase,
            database: name,
            to_win: self.to_win,
        })
    }
}
