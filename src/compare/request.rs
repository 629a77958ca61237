//! A request to compare two databases.

use crate::model::project::Scope;
use crate::model::registry::{Category, Database};

/// Replicas to compare, and the options of the comparison.
#[derive(Debug)]
pub struct CompareRequest<'a> {
    /// Projects in scope.
    pub scope: Scope,
    /// Categories in scope.
    pub categories: Vec<&'a Category>,
    /// The two databases, A and B.
    pub databases: [&'a Database; 2],
    /// Compare contents instead of mtimes.
    pub checksum: bool,
    /// Read files even if their digests are in the index.
    pub reread: bool,
}
