//! Words that completion offers, and the descriptions beside them.

use std::ffi::{OsStr, OsString};
use std::sync::Arc;

use super::name_list::{NameEntry, NameList};
use super::project_names::ProjectNames;
use crate::base::escape;

/// Words of one kind.
#[derive(Clone, Debug, Default)]
pub(in crate::shell) struct WordSource {
    pub(super) names: Arc<NameList>,
    pub(super) description: Description,
    /// Text after each name that the typed word continues after: `/` or `:`.
    pub(super) suffix: &'static str,
    /// True for `$NAME`, which is inserted without quotes.
    pub(super) is_verbatim: bool,
}

/// Descriptions of the words of one kind.
#[derive(Clone, Debug, Default)]
pub(super) enum Description {
    #[default]
    None,
    /// One for each word, by the tag of its name.
    Texts(Arc<[String]>),
    /// `folder` or `file`.
    Paths,
    Projects(Arc<ProjectNames>),
    Clients(Arc<ProjectNames>),
}

impl WordSource {
    /// Returns the words with their descriptions.
    pub(super) fn described(words: impl IntoIterator<Item = (OsString, String)>) -> Self {
        let (names, texts): (Vec<_>, Vec<_>) = words.into_iter().unzip();
        Self {
            names: Arc::new(names.into_iter().collect()),
            description: Description::Texts(texts.into()),
            ..Self::default()
        }
    }

    pub(super) fn plain(words: impl IntoIterator<Item = OsString>) -> Self {
        Self {
            names: Arc::new(words.into_iter().collect()),
            ..Self::default()
        }
    }

    pub(super) fn paths(names: Arc<NameList>) -> Self {
        Self {
            names,
            description: Description::Paths,
            ..Self::default()
        }
    }

    pub(super) fn projects(projects: &Arc<ProjectNames>) -> Self {
        Self {
            names: Arc::clone(&projects.projects),
            description: Description::Projects(Arc::clone(projects)),
            ..Self::default()
        }
    }

    /// Returns the clients as words, or with `/` as the beginnings of projects.
    pub(super) fn clients(projects: &Arc<ProjectNames>, suffix: &'static str) -> Self {
        Self {
            names: Arc::clone(&projects.clients),
            description: Description::Clients(Arc::clone(projects)),
            suffix,
            ..Self::default()
        }
    }

    /// Returns a word of this kind.
    pub(super) fn word(&self, entry: &NameEntry) -> OsString {
        let mut word = entry.name.clone();
        word.push(self.suffix);
        word
    }

    /// Returns the description of a word, on one line.
    pub(super) fn describe(&self, entry: &NameEntry) -> String {
        let text = match &self.description {
            Description::None => String::new(),
            Description::Texts(texts) => {
                let text = texts.get(entry.tag as usize);
                text.cloned().unwrap_or_default()
            }
            Description::Paths if is_folder(&entry.name) => "folder".to_owned(),
            Description::Paths => "file".to_owned(),
            Description::Projects(projects) => projects.describe_project(entry.tag),
            Description::Clients(clients) => clients.describe_client(entry.tag),
        };
        escape::visible(text.as_bytes())
    }
}

/// True if a completed path ends in `/`.
fn is_folder(name: &OsStr) -> bool {
    name.as_encoded_bytes().ends_with(b"/")
}
