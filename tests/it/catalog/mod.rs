//! The catalog on real `PostgreSQL` servers of this machine.

mod authority;
mod connection;
mod disk;
mod encryption;
mod keeper;
mod kill;
mod lease;
mod password_file;
mod portable_sql;
mod process;
mod read_only;
mod schema;
mod server;
mod silence;

use auto_backup::base::error::{CatalogProblem, Error};
use auto_backup::catalog::{Catalog, CatalogAddress, LeaseHolder};

pub(crate) use authority::make_authority;
pub(crate) use server::{PASSWORD, PostgresServer, make_folder};

/// Parses an address.
#[track_caller]
fn address(text: &str) -> CatalogAddress {
    CatalogAddress::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// Opens a session.
#[track_caller]
fn connect(address: &CatalogAddress) -> Catalog {
    Catalog::connect(address).unwrap_or_else(|error| panic!("{error}"))
}

/// Returns the problem of a failed call, whose message and hint each fit on a line.
#[track_caller]
fn problem<T>(result: Result<T, Error>) -> CatalogProblem {
    let Err(error) = result else {
        panic!("it succeeded");
    };
    let message = error.full_message();
    let hint = error.hint().unwrap_or_default();
    assert!(
        !message.contains('\n') && !hint.contains('\n'),
        "{message}\n{hint}"
    );
    match error.catalog_problem() {
        Some(problem) => problem.clone(),
        None => panic!("{message}"),
    }
}

/// Returns a holder of leases.
fn holder(host: &str) -> LeaseHolder {
    LeaseHolder {
        host: host.to_owned(),
        process: 7,
        run: 3,
        what: "sync".to_owned(),
        mark: String::new(),
    }
}
