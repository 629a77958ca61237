//! A request to verify files.

use super::budget::Budget;
use crate::base::timestamp::Timestamp;
use crate::index::RunId;
use crate::model::project::Scope;
use crate::model::registry::{Category, Database};

/// A request to verify files.
#[derive(Debug)]
pub struct VerifyRequest<'a> {
    pub scope: Scope,
    pub categories: Vec<&'a Category>,
    pub databases: Vec<&'a Database>,
    pub budget: Budget,
    /// Files that were proven at this time or later are left out.
    pub proven_since: Option<Timestamp>,
    /// Reads the files of remotes, instead of the digests that they state.
    pub download: bool,
    /// The run whose results are compared with ASC MHL histories and appended to them.
    pub histories: Option<RunId>,
    /// Lists the files, and reads none.
    pub dry_run: bool,
}
