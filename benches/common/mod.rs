//! Shared parts of all benchmarks: the process around a command, its times, the table of results and its page.

pub(crate) mod dice;
pub(crate) mod frame;
pub(crate) mod installed;
pub(crate) mod interrupted;
pub(crate) mod machine;
pub(crate) mod measure;
pub(crate) mod options;
pub(crate) mod outcome;
pub(crate) mod report;
pub(crate) mod row;
pub(crate) mod spread;
pub(crate) mod totals;
pub(crate) mod wrapper;
