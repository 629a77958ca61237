//! The start-up file of the process: which one runs, and how.

use std::mem;
use std::path::Path;

use super::options::Options;
use crate::base::error::Result;
use crate::commands::startup;
use crate::commands::startup::{StartupFile, StartupSearch};
use crate::model::path;
use crate::model::place::RootPrefetch;
use crate::output::printer::Printer;
use crate::shell::failure_summary::FailureSummary;
use crate::shell::script::Script;
use crate::shell::session::{ScriptOutcome, Session};
use crate::storage::availability::Reach;

pub(super) fn find_startup_file(options: &Options, folder: &Path) -> StartupSearch {
    if options.no_config {
        return StartupSearch {
            save_path: path::configuration_file(),
            ..StartupSearch::default()
        };
    }
    startup::find(options.config.as_deref(), folder)
}

/// Runs the start-up file. At the prompt its answers are shown as under `--quiet`; otherwise they are discarded, because
/// standard output belongs to the script.
pub(super) fn run_startup(
    file: StartupFile,
    session: &mut Session,
    options: &Options,
    interactive: bool,
    folder: &Path,
) -> Result<ScriptOutcome> {
    let base = folder.join(file.path.parent().unwrap_or(Path::new("")));
    let script = Script::read_startup(file)?;
    let printer = (!interactive).then(|| mem::replace(&mut session.printer, Printer::discarding()));
    session.printer.set_quiet(true);
    let roots = startup::database_roots(script.text(), &base, &session.workspace.variables);
    session.workspace.root_prefetch = Some(RootPrefetch::start(roots));
    session.is_startup = true;
    let ended = session.run_script(&script, &base, Vec::new());
    session.is_startup = false;
    session.workspace.root_prefetch = None;
    if let Some(printer) = printer {
        session.printer = printer;
    }
    session.printer.set_quiet(options.quiet);
    options.apply(&mut session.workspace.settings)?;
    session.apply_settings();
    session
        .workspace
        .saved_settings
        .clone_from(&session.workspace.settings);
    // Failures of the start-up file were reported; the summary covers the script, and a check both.
    if session.is_check {
        session.failure_summary.restart_count();
    } else {
        session.failure_summary = FailureSummary::default();
    }
    session
        .workspace
        .saved_registry
        .clone_from(&session.workspace.registry);
    session.workspace.replaced_keys.clear();
    session.workspace.last_answer.forget();
    session.workspace.adopt_moved_databases(Reach::Local)?;
    ended
}
