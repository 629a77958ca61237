//! Ground for everything above: errors and exit statuses, names, units of measure, points in time, cancellation, and
//! progress events.
//!
//! Nothing here touches a disk. Each error names the path it is about and the status the process ends with.

pub(crate) mod confirmation;
pub mod error;
pub(crate) mod escape;
pub mod exit_status;
pub(crate) mod hash_format;
pub(crate) mod ignore;
pub(crate) mod interrupt;
pub(crate) mod lease;
pub(crate) mod monitor;
pub(crate) mod name;
pub mod noun;
pub(crate) mod own_name;
pub(crate) mod password;
pub(crate) mod suggest;
pub mod timestamp;
pub(crate) mod unicode;
pub mod unit;

#[cfg(test)]
pub(crate) mod fixture;
