//! Reports: one page about projects for a producer or a client, and the same facts for programs.
//!
//! The index comes in; `data` collects an immutable value from it, `page` turns that value into one HTML file. `treemap` and
//! `chart` compute the pictures. No storage is touched, and the same index at the same time gives the same bytes.
//!
//! Rule: a name from a disk is text. It is escaped by the template, isolated from the direction of the text around it, and
//! never becomes markup.

mod chart;
pub mod data;
mod page;
mod picture;
mod treemap;

pub use self::data::{ReportData, ReportRequest};
pub use self::page::{FIRST_LINE, render};
