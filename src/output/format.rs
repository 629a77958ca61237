//! Output formats.

/// Format of answers on standard output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// Tables for people.
    #[default]
    Table,
    /// Tab-separated lines.
    Plain,
    /// CSV with a heading.
    Csv,
    /// One JSON document per line.
    Json,
}
