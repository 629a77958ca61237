//! How one item of a copy ended.

/// How one item ended; each ends in exactly one way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is whole at the destination, on stable storage.
    Copied(Copied),
    /// It was there already.
    Same,
    /// Another version is there and was kept.
    Conflict(String),
    /// It was left out.
    Skipped(String),
    /// It is not at the destination, or not as it should be.
    Failed(String),
    /// The run was stopped before it came to this.
    Unreached,
}

/// What is to be said of something that was copied.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Copied {
    /// Its size.
    pub bytes: u64,
    /// Whether it took the place of an older version, which was kept.
    pub replaced: bool,
    /// Whether it was read back and was what the source is.
    pub verified: bool,
    /// Whether it shares the blocks of the source, so that there is nothing to be read back.
    pub cloned: bool,
    /// What of it could not be kept: extended attributes.
    pub remark: Option<String>,
}
