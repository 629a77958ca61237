//! `status`: the projects that fall short of their policy, and what to type to mend it.

mod answer;
mod verified;
mod words;

use std::ffi::OsString;

use clap::Args;

use self::answer::StatusAnswer;
pub(super) use self::answer::Wants;
pub(super) use self::words::{age_words, gap_words};
use super::check::check_known;
use super::command::RunCommand;
use super::workspace::Workspace;
use crate::base::error::Result;
use crate::base::timestamp::Timestamp;
use crate::base::unit;
use crate::index::overview::{self, StudioOverview};
use crate::model::project::Scope;
use crate::trust::place::{self, Place};
use crate::trust::status::{self, AGES, StudioStatus};

/// List the projects that fall short of their policy, and what to type
///
/// A project falls short if it has fewer whole copies on different media than its category demands, fewer off-site, or if
/// they were not read within the time that is demanded. Without a policy, a category demands two copies. The worst come
/// first. The last lines say how much was verified, and when. Storages that are offline count as they were last seen.
#[derive(Debug, Args)]
#[command(
    override_usage = "status [PROJECT]",
    after_help = "Examples:
  status
  status acme
  status acme/spot"
)]
pub(crate) struct StatusArgs {
    /// The project, a client for all of its projects, or `all`
    #[arg(value_name = "PROJECT")]
    project: Option<OsString>,
}

impl StatusArgs {
    fn scope(&self, workspace: &Workspace) -> Result<Scope> {
        match &self.project {
            Some(word) => workspace.last_answer.scope(word),
            None => Ok(Scope::All),
        }
    }

    /// Resolves the names of the line.
    pub(super) fn check(&self, workspace: &Workspace) -> Result<()> {
        check_known(&self.scope(workspace)?, workspace)?;
        workspace.last_answer.assume();
        Ok(())
    }
}

impl RunCommand for StatusArgs {
    type Answer = StatusAnswer;

    fn run(self, workspace: &mut Workspace) -> Result<StatusAnswer> {
        let setup_hint = workspace.setup_hint();
        let scope = self.scope(workspace)?;
        let overview = overview::read_and_store(&mut workspace.index, &workspace.registry, &scope)?;
        let (status, places) = measure(workspace, &overview)?;
        workspace
            .last_answer
            .keep(status.gaps.iter().map(|gap| &gap.project));
        Ok(StatusAnswer::new(status, &places, setup_hint))
    }
}

/// Measures the projects of an overview against their policies, and returns the places that the result refers to.
fn measure(workspace: &Workspace, overview: &StudioOverview) -> Result<(StudioStatus, Vec<Place>)> {
    let (index, registry) = (&workspace.index, &workspace.registry);
    let places = place::places(index, registry)?;
    let status = status::measure(index, registry, &places, overview, Timestamp::now())?;
    Ok((status, places))
}

/// Returns the answer of `status` in one line, for the greeting; `None` if no files are known.
pub(crate) fn status_line(workspace: &Workspace) -> Result<Option<String>> {
    let (index, registry) = (&workspace.index, &workspace.registry);
    let overview = overview::read(index, registry, &Scope::All)?;
    let (status, _) = measure(workspace, &overview)?;
    if status.judged == 0 {
        return Ok(None);
    }
    let line = match status.gaps.len() as u64 {
        0 => "Every project meets its policies".to_owned(),
        short => format!(
            "{} of {} short of policy (`status`)",
            unit::format_count(short),
            unit::format_count(status.judged)
        ),
    };
    let [_, within, _] = status.verified.within;
    if status.verified.total == 0 {
        return Ok(Some(line + "."));
    }
    let percent = unit::format_percent(within, status.verified.total);
    Ok(Some(format!(
        "{line}, {percent} verified within {} days.",
        AGES[1]
    )))
}
