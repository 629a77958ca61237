//! The program: everything is in the library.

use auto_backup::cli;
use auto_backup::exit_status::ExitStatus;

fn main() -> ExitStatus {
    cli::run()
}
