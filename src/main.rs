//! The program: everything is in the library.

use auto_backup::base::exit_status::ExitStatus;
use auto_backup::cli;

fn main() -> ExitStatus {
    cli::run()
}
