//! The question that a report answers.

use crate::base::timestamp::Timestamp;
use crate::model::project::Scope;

/// The projects of a report, and who makes it when.
#[derive(Clone, Debug)]
pub struct ReportRequest {
    pub scope: Scope,
    pub now: Timestamp,
    /// The name of the user.
    pub user: String,
    /// The name of this machine.
    pub host: String,
}
