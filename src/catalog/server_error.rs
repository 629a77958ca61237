//! Problems of the catalog from the errors of the crate `postgres`, by codes and types, never by words.

use std::error::Error as _;
use std::io;

use postgres::error::{DbError, SqlState};

use super::address::{CatalogAddress, TlsMode};
use super::tls::handshake_problem;
use crate::base::error::{CatalogProblem, Error};

/// The circumstances of a failed connection.
#[derive(Debug)]
pub(super) struct Attempt {
    /// True if a password was known.
    pub(super) has_password: bool,
    /// The password file that was not used, and the reason.
    pub(super) ignored_file: Option<String>,
    /// True if the server agreed to encrypt.
    pub(super) is_tls_offered: bool,
}

/// Returns the error of a connection that did not come about.
pub(super) fn connect_error(
    error: &postgres::Error,
    address: &CatalogAddress,
    attempt: Attempt,
) -> Error {
    catalog_error(address, connect_problem(error, address, attempt))
}

/// Returns the error of a failed statement.
pub(super) fn statement_error(error: &postgres::Error, address: &CatalogAddress) -> Error {
    catalog_error(address, statement_problem(error, address))
}

/// Returns the error of rows that another program or a damaged disk changed.
pub(super) fn damaged_rows(address: &CatalogAddress, what: &str) -> Error {
    catalog_error(address, CatalogProblem::Damaged(what.to_owned()))
}

/// Returns an error of the catalog.
pub(super) fn catalog_error(address: &CatalogAddress, problem: CatalogProblem) -> Error {
    Error::Catalog {
        address: address.to_string(),
        problem,
    }
}

fn connect_problem(
    error: &postgres::Error,
    address: &CatalogAddress,
    attempt: Attempt,
) -> CatalogProblem {
    if let Some(reported) = error.as_db_error() {
        return match reported.code() {
            &SqlState::INVALID_PASSWORD if attempt.has_password => CatalogProblem::WrongPassword,
            &SqlState::INVALID_PASSWORD => CatalogProblem::NoPassword {
                line: address.password_line(),
                ignored: attempt.ignored_file,
            },
            &SqlState::INVALID_AUTHORIZATION_SPECIFICATION | &SqlState::INSUFFICIENT_PRIVILEGE => {
                CatalogProblem::LoginRefused(words(reported))
            }
            code if is_end_of_server(code) => CatalogProblem::Unreachable(words(reported)),
            _ => reported_problem(reported, address),
        };
    }
    let Some(cause) = error.source() else {
        return CatalogProblem::Unreachable("the server closed the connection".to_owned());
    };
    if let Some(problem) = handshake_problem(cause) {
        return problem;
    }
    if let Some(cause) = cause.downcast_ref::<io::Error>() {
        return CatalogProblem::Unreachable(cause.to_string());
    }
    if address.tls != TlsMode::Disable && !attempt.is_tls_offered {
        return CatalogProblem::TlsRefused(None);
    }
    CatalogProblem::LoginRefused(cause.to_string())
}

fn statement_problem(error: &postgres::Error, address: &CatalogAddress) -> CatalogProblem {
    if let Some(reported) = error.as_db_error() {
        return if is_end_of_server(reported.code()) {
            CatalogProblem::Lost(words(reported))
        } else {
            reported_problem(reported, address)
        };
    }
    let Some(cause) = error.source() else {
        return CatalogProblem::Lost("the server closed the connection".to_owned());
    };
    match cause.downcast_ref::<io::Error>() {
        Some(cause) => CatalogProblem::Lost(cause.to_string()),
        None => CatalogProblem::Failed(format!("{error}: {cause}")),
    }
}

/// Returns the problem that the server reports for a session.
fn reported_problem(reported: &DbError, address: &CatalogAddress) -> CatalogProblem {
    match reported.code() {
        &SqlState::INVALID_CATALOG_NAME => CatalogProblem::NoSuchDatabase,
        &SqlState::INSUFFICIENT_PRIVILEGE => CatalogProblem::NoRights {
            role: address.user.clone(),
        },
        &SqlState::DISK_FULL => CatalogProblem::DiskFull,
        &SqlState::READ_ONLY_SQL_TRANSACTION => CatalogProblem::ReadOnly,
        code if is_contention(code) => CatalogProblem::Busy(words(reported)),
        _ => CatalogProblem::Failed(words(reported)),
    }
}

/// True if others use the same rows: the same statement may succeed later.
fn is_contention(code: &SqlState) -> bool {
    [
        SqlState::LOCK_NOT_AVAILABLE,
        SqlState::T_R_SERIALIZATION_FAILURE,
        SqlState::T_R_DEADLOCK_DETECTED,
        SqlState::QUERY_CANCELED,
        SqlState::TOO_MANY_CONNECTIONS,
    ]
    .contains(code)
}

/// True if the server ends, starts, or has closed the connection.
fn is_end_of_server(code: &SqlState) -> bool {
    let is_connection_exception = code.code().starts_with("08");
    is_connection_exception
        || [
            SqlState::ADMIN_SHUTDOWN,
            SqlState::CRASH_SHUTDOWN,
            SqlState::CANNOT_CONNECT_NOW,
            SqlState::DATABASE_DROPPED,
            SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
            SqlState::IDLE_SESSION_TIMEOUT,
        ]
        .contains(code)
}

/// True if another client has just created the same object.
pub(super) fn is_creation_race(error: &postgres::Error) -> bool {
    let races = [
        SqlState::UNIQUE_VIOLATION,
        SqlState::DUPLICATE_SCHEMA,
        SqlState::DUPLICATE_TABLE,
        SqlState::DUPLICATE_OBJECT,
    ];
    error
        .code()
        .is_some_and(|code| races.contains(code) || is_retried(code))
}

/// True if the server has undone the transaction because of another, so that it can be repeated at once.
pub(super) fn is_transient(error: &postgres::Error) -> bool {
    error.code().is_some_and(is_retried)
}

fn is_retried(code: &SqlState) -> bool {
    let retried = [
        SqlState::T_R_SERIALIZATION_FAILURE,
        SqlState::T_R_DEADLOCK_DETECTED,
    ];
    retried.contains(code)
}

/// True if a table or its schema does not exist.
pub(super) fn is_missing_table(error: &postgres::Error) -> bool {
    let missing = [SqlState::UNDEFINED_TABLE, SqlState::INVALID_SCHEMA_NAME];
    error.code().is_some_and(|code| missing.contains(code))
}

/// True if the role has not the right.
pub(super) fn is_missing_right(error: &postgres::Error) -> bool {
    error.code() == Some(&SqlState::INSUFFICIENT_PRIVILEGE)
}

/// Returns the reason why a change was refused, if the same session may read: its role has not the right, or the server is a
/// standby. It says nothing of other failures.
pub(super) fn write_refusal(
    error: &postgres::Error,
    address: &CatalogAddress,
) -> Option<CatalogProblem> {
    let refusals = [
        SqlState::INSUFFICIENT_PRIVILEGE,
        SqlState::READ_ONLY_SQL_TRANSACTION,
    ];
    let is_refusal = error.code().is_some_and(|code| refusals.contains(code));
    is_refusal.then(|| statement_problem(error, address))
}

/// Returns the message of the server on one line.
fn words(reported: &DbError) -> String {
    let lines = reported.message().lines().map(str::trim);
    lines.collect::<Vec<_>>().join(" ")
}
