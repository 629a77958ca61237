//! A session with the server of a catalog. Opening one takes no longer than the timeout of its address.

use std::io;
use std::net::{IpAddr, ToSocketAddrs as _};
use std::path::Path;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use postgres::config::SslMode;
use postgres::types::{FromSql, ToSql};
use postgres::{Client, Config, IsolationLevel, NoTls, Row, Transaction};

use super::address::{CatalogAddress, ServerPlace, TlsMode};
use super::password_file::{self, PasswordSearch};
use super::server_error::{self, Attempt, catalog_error, connect_error, statement_error};
use super::tls::{self, TlsConnector};
use crate::base::error::{CatalogProblem, Error, Result};
use crate::base::interrupt;
use crate::os::timeout::call_with_timeout;

/// The name that the server shows for the session.
const APPLICATION: &str = "auto-backup";

/// Time after which a connection whose bytes are not acknowledged is given up.
const UNACKNOWLEDGED_TIMEOUT: Duration = Duration::from_secs(10);

/// Time without traffic after which the other end is asked for a sign of life.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(10);

/// Time between two such questions.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(3);

/// Number of unanswered questions after which the connection is given up.
const KEEPALIVE_RETRIES: u32 = 3;

/// The limits of a session: a statement, a wait for a lock, and a transaction that waits for its client.
const SESSION_LIMITS: &str = "
SET statement_timeout = '60s';
SET lock_timeout = '30s';
SET idle_in_transaction_session_timeout = '60s';
";

/// The limits of a transaction that only reads: it locks nothing, and may pull a storage of any size.
const READ_LIMITS: &str = "
SET LOCAL statement_timeout = '1h';
SET LOCAL idle_in_transaction_session_timeout = '1h';
";

/// Maximum number of attempts at a transaction that the server undoes because of another.
const MAX_ATTEMPTS: u32 = 8;

/// Pause before the second attempt; each further one is longer by as much.
const ATTEMPT_PAUSE: Duration = Duration::from_millis(20);

/// A session with the server of a catalog.
pub struct Catalog {
    client: Client,
    address: CatalogAddress,
    notice: Option<String>,
    is_pull_only: bool,
    write_refusal: Option<CatalogProblem>,
}

impl std::fmt::Debug for Catalog {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_tuple("Catalog")
            .field(&self.address)
            .finish()
    }
}

impl Catalog {
    /// Opens a session, with the password from the user's password file if the server asks for one.
    ///
    /// # Errors
    /// [`Error::Catalog`]; [`Error::Interrupted`].
    pub fn connect(address: &CatalogAddress) -> Result<Self> {
        Self::connect_with(address, password_file::path().as_deref())
    }

    /// Opens a session with the password from a file.
    ///
    /// # Errors
    /// As for [`Self::connect`].
    pub fn connect_with(address: &CatalogAddress, password_file: Option<&Path>) -> Result<Self> {
        let found = password_file.map(|path| password_file::search(path, address));
        let PasswordSearch { password, ignored } = found.unwrap_or_default();
        let notice = ignored.clone();
        let connector = connector(address).map_err(|problem| catalog_error(address, problem))?;
        let is_tls_offered = connector.as_ref().map(TlsConnector::offered_flag);
        let has_password = password.is_some();
        let server = address.clone();
        let opened = call_with_timeout(address.connect_timeout, move || {
            open_session(&server, password, connector)
        });
        match opened {
            Some(Ok(client)) => Ok(Self {
                client,
                address: address.clone(),
                notice,
                is_pull_only: false,
                write_refusal: None,
            }),
            Some(Err(SessionFailure::Name(error))) => {
                let problem = CatalogProblem::Unreachable(error.to_string());
                Err(catalog_error(address, problem))
            }
            Some(Err(SessionFailure::Server(error))) => {
                let attempt = Attempt {
                    has_password,
                    ignored_file: ignored,
                    is_tls_offered: is_tls_offered.is_some_and(|flag| flag.load(Ordering::Acquire)),
                };
                Err(connect_error(&error, address, attempt))
            }
            None if interrupt::is_requested() => Err(Error::Interrupted),
            None => {
                let seconds = address.connect_timeout.as_secs();
                let why = format!("no answer within {seconds} s");
                Err(catalog_error(address, CatalogProblem::Unreachable(why)))
            }
        }
    }

    /// Returns its address.
    pub const fn address(&self) -> &CatalogAddress {
        &self.address
    }

    /// Returns a message about a password file that was not used.
    pub fn notice(&self) -> Option<&str> {
        self.notice.as_deref()
    }

    /// Lets exchanges of this session only pull.
    pub const fn pull_only(&mut self) {
        self.is_pull_only = true;
    }

    /// True unless exchanges of this session only pull.
    pub const fn may_push(&self) -> bool {
        !self.is_pull_only && self.write_refusal.is_none()
    }

    /// Returns the reason why the catalog takes no changes from this session, once that is known. Then it only pulls.
    pub const fn write_refusal(&self) -> Option<&CatalogProblem> {
        self.write_refusal.as_ref()
    }

    /// Records that the catalog takes no changes from this session.
    pub fn refuse_writes(&mut self, why: CatalogProblem) {
        self.write_refusal = Some(why);
    }

    /// Returns the rows of one statement, which is a transaction of its own.
    pub(super) fn query(&mut self, sql: &str, values: &[&(dyn ToSql + Sync)]) -> Result<Vec<Row>> {
        self.retry(|client| {
            if values.is_empty() {
                query_now(client, sql)
            } else {
                client.query(sql, values)
            }
        })
    }

    /// Executes one statement, which is a transaction of its own, and returns the number of its rows.
    pub(super) fn execute(&mut self, sql: &str, values: &[&(dyn ToSql + Sync)]) -> Result<u64> {
        self.retry(|client| client.execute(sql, values))
    }

    /// Returns the rows of one statement, or the error of the server.
    pub(super) fn try_query(&mut self, sql: &str) -> Result<Vec<Row>, postgres::Error> {
        query_now(&mut self.client, sql)
    }

    /// Executes a transaction once; the error is that of the server.
    pub(super) fn try_transaction<T>(
        &mut self,
        work: impl FnOnce(&mut Transaction<'_>) -> Result<T, postgres::Error>,
    ) -> Result<T, postgres::Error> {
        let mut transaction = self.client.transaction()?;
        let done = work(&mut transaction)?;
        transaction.commit()?;
        Ok(done)
    }

    /// Begins a transaction that sees what others commit meanwhile.
    pub(super) fn begin(&mut self) -> Result<Transaction<'_>> {
        let address = self.address.clone();
        let begun = self.client.transaction();
        begun.map_err(|error| statement_error(&error, &address))
    }

    /// Begins a transaction that reads one state of the tables.
    pub(super) fn begin_snapshot(&mut self) -> Result<Transaction<'_>> {
        let address = self.address.clone();
        let begun = self
            .client
            .build_transaction()
            .isolation_level(IsolationLevel::RepeatableRead)
            .read_only(true)
            .start();
        let limited = begun.and_then(|mut transaction| {
            transaction.batch_execute(READ_LIMITS)?;
            Ok(transaction)
        });
        limited.map_err(|error| statement_error(&error, &address))
    }

    /// Returns a column of a row.
    pub(super) fn get<'a, T: FromSql<'a>>(&self, row: &'a Row, column: usize) -> Result<T> {
        row.try_get(column).map_err(|error| self.error(&error))
    }

    /// Returns the error of a statement of this session.
    pub(super) fn error(&self, error: &postgres::Error) -> Error {
        statement_error(error, &self.address)
    }

    /// Returns an error of this catalog.
    pub(super) fn refuse(&self, problem: CatalogProblem) -> Error {
        catalog_error(&self.address, problem)
    }

    /// Repeats a statement that the server undoes because of another.
    fn retry<T>(
        &mut self,
        mut work: impl FnMut(&mut Client) -> Result<T, postgres::Error>,
    ) -> Result<T> {
        let mut attempt = 1;
        loop {
            match work(&mut self.client) {
                Err(error) if attempt < MAX_ATTEMPTS && server_error::is_transient(&error) => {
                    thread::sleep(ATTEMPT_PAUSE * attempt);
                    attempt += 1;
                }
                done => return done.map_err(|error| self.error(&error)),
            }
        }
    }
}

/// Returns the rows of a statement without values in one round trip: it is not prepared before.
fn query_now(client: &mut Client, sql: &str) -> Result<Vec<Row>, postgres::Error> {
    client.query_typed(sql, &[])
}

/// The reason why no session was opened.
enum SessionFailure {
    /// The name of the host has no address.
    Name(io::Error),
    Server(postgres::Error),
}

impl From<postgres::Error> for SessionFailure {
    fn from(error: postgres::Error) -> Self {
        Self::Server(error)
    }
}

/// Returns what encrypts the connection, if it is to be encrypted.
fn connector(address: &CatalogAddress) -> Result<Option<TlsConnector>, CatalogProblem> {
    match (address.tls, &address.trusted) {
        (TlsMode::Disable, _) => Ok(None),
        (TlsMode::Require, _) => tls::without_check().map(Some),
        (TlsMode::VerifyFull, Some(file)) => tls::with_trusted_file(file).map(Some),
        (TlsMode::VerifyFull, None) => tls::with_system_roots().map(Some),
    }
}

/// Connects, logs in and sets the limits of the session.
fn open_session(
    address: &CatalogAddress,
    password: Option<Vec<u8>>,
    connector: Option<TlsConnector>,
) -> Result<Client, SessionFailure> {
    let mut config = Config::new();
    config
        .user(&address.user)
        .dbname(&address.name)
        .port(address.port)
        // Without a password, an empty one lets the server say that it needs one.
        .password(password.unwrap_or_default())
        .application_name(APPLICATION)
        .tcp_user_timeout(UNACKNOWLEDGED_TIMEOUT)
        .keepalives_idle(KEEPALIVE_IDLE)
        .keepalives_interval(KEEPALIVE_INTERVAL)
        .keepalives_retries(KEEPALIVE_RETRIES);
    match &address.server {
        ServerPlace::Socket(folder) => {
            config.host_path(folder);
            config.connect_timeout(address.connect_timeout);
        }
        ServerPlace::Host(host) => {
            let addresses = resolve(host, address.port).map_err(SessionFailure::Name)?;
            for ip in &addresses {
                config.host(host).hostaddr(*ip);
            }
            let number = u32::try_from(addresses.len()).unwrap_or(u32::MAX);
            config.connect_timeout(address.connect_timeout / number);
        }
    }
    let mut client = match connector {
        Some(connector) => config.ssl_mode(SslMode::Require).connect(connector)?,
        None => config.ssl_mode(SslMode::Disable).connect(NoTls)?,
    };
    client.batch_execute(SESSION_LIMITS)?;
    Ok(client)
}

/// Returns the addresses of a host; at least one.
fn resolve(host: &str, port: u16) -> io::Result<Vec<IpAddr>> {
    let mut addresses: Vec<IpAddr> = Vec::new();
    for found in (host, port).to_socket_addrs()? {
        if !addresses.contains(&found.ip()) {
            addresses.push(found.ip());
        }
    }
    if addresses.is_empty() {
        return Err(io::Error::other("the name of its host has no address"));
    }
    Ok(addresses)
}
