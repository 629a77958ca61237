//! The catalog: a `PostgreSQL` database through which workstations share what each of them knows about the storages.
//!
//! An address comes in, without a password. `connection` opens a session that no server can hang; `migration` makes the
//! tables or brings them up to date; `exchange` pushes and pulls what is known of a storage; `lease` lets one
//! workstation at a time write to a storage, by the clock of the server; `lease_source` takes the leases of a run.
//!
//! Rules: answers come from the local index, never from here; every failure is one error that says what to do; and the SQL
//! stands in constants and keeps to what `YugabyteDB` and `CockroachDB` understand, too.

mod address;
mod address_text;
mod connection;
mod exchange;
mod lease;
mod lease_keeper;
mod lease_source;
mod lease_term;
mod migration;
mod password_file;
mod schema;
mod server_error;
mod status;
mod tls;

pub use self::address::CatalogAddress;
pub use self::connection::Catalog;
pub use self::exchange::{
    CatalogDamage, CatalogRevisions, CheckedStorage, ExchangeReport, ExchangedStorage,
    StudioReport, check_storage, check_studio, exchange, exchange_studio, mark_damaged,
    read_revisions,
};
pub use self::lease::{
    Lease, LeaseAnswer, LeaseHeld, LeaseHolder, LeaseRecord, acquire, acquire_by, list, release,
    renew,
};
pub use self::lease_keeper::{LeaseGuard, LeaseKeeper, LeaseTiming};
pub use self::lease_source::CatalogLeases;
pub use self::lease_term::LeaseTerm;
pub use self::migration::{ensure_schema, ensure_steps};
pub use self::schema::STEPS;
pub use self::status::{
    CatalogServer, CatalogStorage, StorageAlias, catalog_storages, server_state,
};
