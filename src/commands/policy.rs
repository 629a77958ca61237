//! `policy`: lists what categories demand, or sets it.

use clap::Args;
use serde::Serialize;

use super::command::RunCommand;
use super::workspace::Workspace;
use crate::base::error::{Error, Result};
use crate::model::policy::{Demand, Policy, typed_duration};
use crate::output::answer::{Answer, Records};
use crate::output::cell::{Cell, Tone};
use crate::output::page::Page;

/// List how many copies categories demand, or set it
///
///   copies N           N whole copies, each on a medium of its own
///   offsite M          at least M of them off-site: on storages added with `--offsite`
///   verified DURATION  each of them read, or stated by its storage, within this time
///   none               losing the category is acceptable, as with caches
///   default            as without a policy: `copies 2`
///
/// `save` keeps policies. With a catalog, a policy that is set at the prompt or in a
/// script is one of all workstations at once, without `save`. A policy that the start-up
/// file states beside it must be the same: otherwise both are shown, and the stricter
/// counts.
#[derive(Debug, Args)]
#[command(
    verbatim_doc_comment,
    override_usage = "policy [CATEGORY [copies N [offsite M] [verified DURATION] | none | default]]",
    after_help = "Examples:
  policy
  policy footage copies 3 offsite 1 verified 180d
  policy render copies 1
  policy cache none
  policy footage default"
)]
pub(crate) struct PolicyArgs {
    /// The category
    #[arg(value_name = "CATEGORY")]
    category: Option<String>,
    /// What it demands
    #[arg(value_name = "DEMAND")]
    words: Vec<String>,
}

/// The policies of categories.
#[derive(Debug, Serialize)]
pub(crate) struct PolicyAnswer {
    policies: Vec<PolicyRow>,
    /// True if the line set one.
    #[serde(skip)]
    is_set: bool,
    #[serde(skip)]
    has_changed: bool,
    /// True if the policy that was set is one of the studio.
    #[serde(skip)]
    is_shared: bool,
}

/// The policy of one category.
#[derive(Debug, Serialize)]
struct PolicyRow {
    category: String,
    /// True without a policy of its own.
    default: bool,
    /// Number of copies; `None` if losing the category is acceptable, as in the following.
    copies: Option<u64>,
    offsite: Option<u64>,
    verified_seconds: Option<u64>,
    /// The policy that the start-up file or the session states, as it is typed.
    stated: Option<String>,
    /// The policy that the workstations of a catalog share, as it is typed; `default` if it was removed.
    studio: Option<String>,
    /// The workstation that set the shared one; `None` for this one.
    host: Option<String>,
    /// True if the two differ: the stricter counts.
    conflict: bool,
    #[serde(skip)]
    policy: Policy,
    /// The conflict in words.
    #[serde(skip)]
    conflict_words: Option<String>,
}

impl PolicyRow {
    fn of(category: &str, workspace: &Workspace) -> Self {
        let policy = workspace.registry.policy(category);
        let demand = match policy {
            Policy::Expendable => None,
            Policy::Keep(demand) => Some(demand),
        };
        let registry = &workspace.registry;
        let studio = registry.studio_policy(category);
        let conflict = registry.policy_conflict(category);
        let typed = |policy: Policy| policy.to_string();
        Self {
            category: category.to_owned(),
            default: !registry.has_policy(category),
            stated: registry.stated_policy(category).map(typed),
            studio: studio.map(|one| one.policy.map_or_else(|| "default".to_owned(), typed)),
            host: studio.and_then(|one| one.host.clone()),
            conflict: conflict.is_some(),
            conflict_words: conflict.map(|conflict| conflict.words(category)),
            copies: demand.map(|demand| demand.copies),
            offsite: demand.map(|demand| demand.offsite),
            verified_seconds: demand.and_then(verified_seconds),
            policy,
        }
    }

    fn cells(&self) -> Vec<Cell> {
        let verified = match self.policy {
            Policy::Keep(demand) => demand.verified_within,
            Policy::Expendable => None,
        };
        let tone = if self.conflict {
            Tone::Warning
        } else {
            Tone::Faint
        };
        vec![
            self.category.as_str().into(),
            Cell::optional(self.copies, Cell::Count),
            Cell::optional(self.offsite, Cell::Count),
            Cell::optional(verified, |within| Cell::text(typed_duration(within))),
            Cell::Styled(self.origin().to_owned(), tone),
        ]
    }

    /// Returns the word for where the policy comes from.
    const fn origin(&self) -> &'static str {
        match (self.default, self.conflict, &self.studio) {
            (_, true, _) => "conflict",
            (true, ..) => "default",
            (_, _, Some(_)) => "studio",
            (_, _, None) => "set",
        }
    }
}

fn verified_seconds(demand: Demand) -> Option<u64> {
    demand.verified_within.map(|within| within.as_secs())
}

/// Sets or removes a policy: with a catalog that of the studio, otherwise that of this session.
fn set_policy(workspace: &mut Workspace, category: &str, policy: Option<Policy>) -> Result<bool> {
    if workspace.shares_policies() {
        workspace.share_policy(category, policy)
    } else {
        workspace.registry.set_policy(category, policy)
    }
}

impl PolicyArgs {
    /// True if no policy is set.
    pub(super) const fn is_question(&self) -> bool {
        self.words.is_empty()
    }
}

impl RunCommand for PolicyArgs {
    type Answer = PolicyAnswer;

    fn run(self, workspace: &mut Workspace) -> Result<PolicyAnswer> {
        let Some(category) = self.category else {
            let categories = workspace.registry.categories().iter();
            let rows = categories.map(|category| PolicyRow::of(&category.name, workspace));
            return Ok(PolicyAnswer {
                policies: rows.collect(),
                is_set: false,
                has_changed: false,
                is_shared: false,
            });
        };
        let words: Vec<&str> = self.words.iter().map(String::as_str).collect();
        let has_changed = match words.as_slice() {
            [] => {
                workspace.registry.category(&category)?;
                false
            }
            ["default"] => set_policy(workspace, &category, None)?,
            words => {
                let policy = Policy::parse(words).map_err(|why| Error::UnexpectedWord {
                    word: words[words.len() - 1].into(),
                    hint: why,
                })?;
                set_policy(workspace, &category, Some(policy))?
            }
        };
        Ok(PolicyAnswer {
            policies: vec![PolicyRow::of(&category, workspace)],
            is_set: !words.is_empty(),
            has_changed,
            is_shared: workspace.shares_policies(),
        })
    }
}

impl PolicyAnswer {
    /// Writes a line for each category with two policies.
    fn write_conflicts(&self, page: &mut Page) {
        let conflicts = self.policies.iter();
        for words in conflicts.filter_map(|row| row.conflict_words.as_deref()) {
            page.line(words);
        }
    }
}

impl Answer for PolicyAnswer {
    const COMMAND: &'static str = "policy";

    fn write_page(&self, page: &mut Page) {
        if let ([row], true) = (self.policies.as_slice(), self.is_set) {
            let words = match (self.has_changed, row.policy) {
                (false, _) => " already demands ",
                (true, _) => " demands from now on: ",
            };
            let demand = match row.policy {
                Policy::Expendable => "nothing; losing it is acceptable".to_owned(),
                policy @ Policy::Keep(_) => policy.to_string(),
            };
            page.cells(vec![
                Cell::text("category "),
                row.category.as_str().into(),
                Cell::text(words),
                Cell::text(demand),
                Cell::text(if self.is_shared {
                    ", on all workstations"
                } else {
                    ""
                }),
            ]);
            self.write_conflicts(page);
            return;
        }
        if self.policies.is_empty() {
            page.line("no categories; `add category NAME PATH` tracks one");
            return;
        }
        let rows = self.policies.iter().map(PolicyRow::cells).collect();
        let headings = [
            "category",
            "copies",
            "off-site",
            "verified within",
            "policy",
        ];
        page.table(&headings, rows);
        self.write_conflicts(page);
    }

    fn records(&self) -> Records {
        let row = |row: &PolicyRow| {
            vec![
                row.category.as_str().into(),
                Cell::optional(row.copies, Cell::Count),
                Cell::optional(row.offsite, Cell::Count),
                Cell::optional(row.verified_seconds, Cell::Count),
                Cell::text(row.origin()),
            ]
        };
        Records {
            headings: &[
                "category",
                "copies",
                "offsite",
                "verified_seconds",
                "origin",
            ],
            rows: self.policies.iter().map(row).collect(),
        }
    }

    fn is_routine(&self) -> bool {
        self.is_set
    }
}
