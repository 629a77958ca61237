//! The place of a replica's files at the source of a copy.

use std::path::{Path, PathBuf};

/// Maps the folders of replicas to those of the source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourcePaths {
    /// The folder of the replica that gets the contents of the source's root; `None` if the source has the replica at the
    /// same path as the destination.
    pub into: Option<PathBuf>,
}

impl SourcePaths {
    /// Returns the path below the source's root of a folder of a replica. Folders of the replica above the contents of the
    /// source stand for its root.
    pub fn at_source(&self, replica: &Path, folder: &Path) -> PathBuf {
        match &self.into {
            None => replica.join(folder),
            Some(into) => folder
                .strip_prefix(into)
                .unwrap_or(Path::new(""))
                .to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_map_to_the_source() {
        let at_source = |into: Option<&str>, folder: &str| {
            let into = into.map(PathBuf::from);
            let paths = SourcePaths { into };
            let path = paths.at_source(Path::new("footage/acme/spot"), folder.as_ref());
            path.display().to_string()
        };
        assert_eq!(at_source(None, "day 1"), "footage/acme/spot/day 1");
        assert_eq!(at_source(Some("cards/A001"), "cards/A001/CLIPS"), "CLIPS");
        assert_eq!(at_source(Some("cards/A001"), "cards/A001"), "");
        assert_eq!(at_source(Some("cards/A001"), "cards"), "");
        assert_eq!(at_source(Some(""), "CLIPS"), "CLIPS");
    }
}
