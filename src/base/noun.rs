//! The nouns of messages: kinds of things that a line names.

use std::fmt;

/// A kind of thing that a line names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant is named by its word")]
pub enum Noun {
    Database,
    Medium,
    Category,
    Exclusion,
    Policy,
    Client,
    Project,
    /// What `in` names.
    Place,
    Command,
    Setting,
    Pattern,
    Root,
    RemoteRoot,
    CategoryPath,
    Destination,
    Rate,
    Size,
    Age,
    Script,
    StartupFile,
    File,
    Folder,
}

impl Noun {
    /// The noun for users.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Database => "storage",
            Self::Medium => "medium",
            Self::Category => "category",
            Self::Exclusion => "exclusion",
            Self::Policy => "policy",
            Self::Client => "client",
            Self::Project => "project",
            Self::Place => "client, category or storage",
            Self::Command => "command",
            Self::Setting => "setting",
            Self::Pattern => "pattern",
            Self::Root => "root",
            Self::RemoteRoot => "remote root",
            Self::CategoryPath => "category path",
            Self::Destination => "destination",
            Self::Rate => "rate",
            Self::Size => "size",
            Self::Age => "age",
            Self::Script => "script",
            Self::StartupFile => "start-up file",
            Self::File => "file",
            Self::Folder => "folder",
        }
    }

    /// The article before the word.
    pub fn article(self) -> &'static str {
        if self.word().starts_with(['a', 'e', 'i', 'o', 'u']) {
            "an"
        } else {
            "a"
        }
    }
}

impl fmt::Display for Noun {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn article_fits_the_word() {
        for (noun, article) in [
            (Noun::Age, "an"),
            (Noun::Exclusion, "an"),
            (Noun::Size, "a"),
            (Noun::StartupFile, "a"),
        ] {
            assert_eq!(noun.article(), article, "{noun}");
        }
    }
}
