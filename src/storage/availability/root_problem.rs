//! The reasons why a root is not the expected database.

use std::io;

use crate::base::error::{Error, OfflineCause, Result};
use crate::base::name::Name;
use crate::base::unit;
use crate::model::identity::Identity;
use crate::model::registry::Database;
use crate::os::folder::is_not_found;

/// The reason why a root is not the expected one.
pub(super) struct RootProblem {
    pub(super) why: String,
    pub(super) cause: OfflineCause,
}

impl RootProblem {
    /// Nothing answers at the path.
    pub(super) const fn absent(why: String) -> Self {
        let cause = OfflineCause::Absent;
        Self { why, cause }
    }

    /// The root could not be opened.
    pub(super) fn unopened(error: &Error) -> Self {
        let (why, cause) = match error {
            Error::Io { source, .. } if source.kind() == io::ErrorKind::NotADirectory => {
                ("is not a folder".to_owned(), OfflineCause::Unreadable)
            }
            error if is_not_found(error) => ("does not exist".to_owned(), OfflineCause::Absent),
            Error::Io { source, .. } => (
                format!("cannot be read: {source}"),
                OfflineCause::Unreadable,
            ),
            error => (error.to_string(), OfflineCause::Unreadable),
        };
        Self { why, cause }
    }

    /// The root is empty, although the index knows files there.
    pub(super) fn empty(known_files: u64) -> Self {
        let files = unit::format_counted(known_files, "file");
        Self {
            why: format!("is empty, though the index knows {files} there: is it mounted?"),
            cause: OfflineCause::Empty,
        }
    }

    /// Another root was found.
    pub(super) fn unexpected(why: impl Into<String>) -> Self {
        Self {
            why: why.into(),
            cause: OfflineCause::OtherRoot,
        }
    }

    /// The root contains no category folder, although the index knows files there.
    pub(super) fn no_categories(known_files: u64) -> Self {
        let files = unit::format_counted(known_files, "file");
        Self::unexpected(format!(
            "holds none of the category folders, though the index knows {files} there"
        ))
    }

    pub(super) fn into_error(self, database: &Database) -> Error {
        Error::Offline {
            database: database.name.clone(),
            root: database.root.clone(),
            why: self.why,
            cause: self.cause,
        }
    }
}

/// Fails if the identity of the root of database `name` is not the known one; `noun` is what a root is: `drive`.
pub(super) fn check_identity(
    name: &str,
    known: Option<&str>,
    found: Option<&Identity>,
    noun: &str,
) -> Result<(), RootProblem> {
    let why = match found {
        _ if known.is_none() || known == found.map(|found| found.id.as_str()) => return Ok(()),
        // The name in the file is that of its first days.
        Some(other) if other.name == name => {
            format!("is another {noun} that was added as `{name}` too")
        }
        Some(other) if !other.name.is_empty() => {
            let other = shorten_name(&other.name);
            format!("is the {noun} `{other}`, not `{name}`")
        }
        Some(_) => format!("is another {noun} than `{name}`"),
        None => format!(
            "is not the {noun} that was `{name}`, or is empty: it has no identity file `.auto-backup/database.json`"
        ),
    };
    Err(RootProblem::unexpected(why))
}

/// Returns a name from an identity file, which anybody may have written, for a message.
fn shorten_name(name: &str) -> Name {
    const MAX_LENGTH: usize = 60;
    let short: String = name.chars().take(MAX_LENGTH).collect();
    Name::from(short.as_str())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::model::identity;

    #[test]
    fn name_in_identity_file_is_only_shown() {
        let refused = |name: &str| {
            let text = serde_json::json!({ "id": "abd", "name": name }).to_string();
            let found = identity::parse(&text, Path::new("x")).unwrap();
            check_identity("NAS", Some("abc"), Some(&found), "drive")
                .unwrap_err()
                .why
        };
        assert_eq!(
            refused("NAS"),
            "is another drive that was added as `NAS` too"
        );
        assert_eq!(refused(""), "is another drive than `NAS`");
        assert!(!refused("a\nb").contains('\n'));
        assert!(refused(&"x".repeat(9000)).len() < 200);
    }
}
