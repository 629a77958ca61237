//! `catalog`: shows the state of the catalog, and exchanges what is known with it.

mod check;
mod exchange;
mod status;

use clap::{Args, Subcommand};

use self::check::CatalogCheck;
use self::exchange::CatalogExchange;
use super::catalog_session::ExchangeDirection;
use super::command::RunCommand as _;
use super::workspace::Workspace;
use crate::base::error::{Error, Result};
use crate::base::exit_status::ExitStatus;
use crate::catalog::CatalogAddress;
use crate::output::printer::Printer;

/// Show the state of the catalog, or exchange what is known with it now
///
/// `set catalog postgres://USER@HOST/NAME` names the catalog. Each question asks it by itself, and each run tells it what it
/// learned; these commands are for a look at it, and for what waits because the server was away.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  catalog status
  catalog pull
  catalog push
  catalog check --repair")]
pub(crate) struct CatalogArgs {
    #[command(subcommand)]
    subcommand: CatalogSubcommand,
}

#[derive(Clone, Copy, Debug, Subcommand)]
enum CatalogSubcommand {
    /// Show the server, what waits, who scanned last, and who writes
    ///
    /// Without the server, what this workstation knows is shown all the same.
    #[command(
        override_usage = "catalog status",
        after_help = "Examples:\n  catalog status"
    )]
    Status,
    /// Take over what other workstations know better; what this one knows better waits
    #[command(
        override_usage = "catalog pull",
        after_help = "Examples:\n  catalog pull"
    )]
    Pull,
    /// Take over what other workstations know better, and tell the catalog what it lacks
    #[command(
        override_usage = "catalog push",
        after_help = "Examples:\n  catalog push"
    )]
    Push,
    /// Read all rows, and name those that are damaged
    ///
    /// Rows that another program or a damaged disk changed are left out by every workstation, which keeps what it knew.
    #[command(
        override_usage = "catalog check [--repair]",
        after_help = "Examples:\n  catalog check\n  catalog check --repair"
    )]
    Check {
        /// Write damaged rows anew from what this workstation knows
        #[arg(long)]
        repair: bool,
    },
}

impl CatalogArgs {
    /// True if nothing is exchanged.
    pub(super) const fn is_question(&self) -> bool {
        matches!(self.subcommand, CatalogSubcommand::Status)
    }

    /// Does the work and prints the answer.
    pub(crate) fn execute(
        self,
        workspace: &mut Workspace,
        printer: &mut Printer,
    ) -> Result<ExitStatus> {
        let address = address(workspace)?;
        let direction = match self.subcommand {
            CatalogSubcommand::Status => {
                return printer.print(&status::read(workspace, &address)?);
            }
            CatalogSubcommand::Pull => ExchangeDirection::Pull,
            CatalogSubcommand::Push => ExchangeDirection::Both,
            CatalogSubcommand::Check { repair } => {
                return printer.print(&CatalogCheck { address, repair }.run(workspace)?);
            }
        };
        printer.print(&CatalogExchange { address, direction }.run(workspace)?)
    }
}

/// Returns the address of the catalog.
fn address(workspace: &Workspace) -> Result<CatalogAddress> {
    workspace.settings.catalog.clone().ok_or(Error::NoCatalog)
}
