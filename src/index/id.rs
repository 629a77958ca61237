//! Ids of rows that other modules keep and pass back.

use std::fmt;

use rusqlite::ToSql;
use rusqlite::types::{FromSql, FromSqlResult, ToSqlOutput, ValueRef};
use serde::Serialize;

macro_rules! row_id {
    ($(#[$attribute:meta])* $name:ident) => {
        $(#[$attribute])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(formatter)
            }
        }

        impl ToSql for $name {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                self.0.to_sql()
            }
        }

        impl FromSql for $name {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                i64::column_result(value).map(Self)
            }
        }
    };
}

row_id! {
    /// The number of a run, as `history` shows it.
    RunId
}

row_id! {
    /// The row of a database. A database that was forgotten and scanned again may get another one.
    DatabaseId
}

row_id! {
    /// The row of another workstation.
    HostId
}

impl HostId {
    /// The number that stands for it in packed evidence.
    pub(super) const fn number(self) -> u64 {
        self.0.cast_unsigned()
    }

    /// Returns the id with this number; `None` if no row can have it.
    pub(super) fn from_number(number: u64) -> Option<Self> {
        i64::try_from(number).ok().filter(|row| *row > 0).map(Self)
    }
}

impl RunId {
    /// A dry run: it is not recorded, and nothing that it does needs a number.
    pub const DRY_RUN: Self = Self(0);
}
