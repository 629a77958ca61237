//! The place of a replica's files at the source of a copy.

use std::path::{Path, PathBuf};

/// The meaning of a source's root.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SourceRoot {
    /// The root of a database, which has each replica at the same path as the destination.
    #[default]
    Database,
    /// The folder of the only replica.
    Replica,
}

impl SourceRoot {
    /// Returns the path below the source's root of a folder of a replica.
    pub fn path(self, replica: &Path, folder: &Path) -> PathBuf {
        match self {
            Self::Database => replica.join(folder),
            Self::Replica => folder.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_map_to_the_source() {
        let path = |root: SourceRoot| {
            let path = root.path(Path::new("footage/acme/spot/A001"), Path::new("CLIPS"));
            path.display().to_string()
        };
        assert_eq!(path(SourceRoot::Database), "footage/acme/spot/A001/CLIPS");
        assert_eq!(path(SourceRoot::Replica), "CLIPS");
    }
}
