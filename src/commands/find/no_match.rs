//! The message of `find` if no file matches. Only then are all projects read for a hint.

use std::ffi::OsStr;

use crate::base::error::Result;
use crate::commands::pattern::Pattern;
use crate::index::Index;
use crate::index::overview;
use crate::language::lexer::quote;
use crate::model::registry::Registry;

/// Why no file may match.
#[derive(Debug)]
pub(super) enum NoMatch<'a> {
    /// There was nothing to search; the reason.
    Unsearched(String),
    /// The names were searched for the typed pattern.
    Searched {
        typed: String,
        /// True if conditions left files out.
        has_conditions: bool,
        registry: &'a Registry,
    },
}

impl NoMatch<'_> {
    /// Returns the reason, with a hint at the likely mistake.
    pub(super) fn message(&self, index: &Index, pattern: &Pattern) -> Result<String> {
        match self {
            Self::Unsearched(why) => Ok(why.clone()),
            Self::Searched {
                typed,
                has_conditions,
                registry,
            } => {
                let text = if *has_conditions {
                    "no file matches the pattern and the conditions"
                } else {
                    no_match_message(typed, pattern)
                };
                Ok(text.to_owned() + &client_hint(index, registry, typed)?)
            }
        }
    }
}

/// Returns the message for no matches, with a hint at the likely mistake.
fn no_match_message(typed: &str, pattern: &Pattern) -> &'static str {
    let is_range = |text: &str| {
        text.split_once('-').is_some_and(|(first, last)| {
            let digits = |text: &str| text.chars().all(|c| c.is_ascii_digit());
            digits(first) && digits(last)
        })
    };
    let mut brackets = typed.split('[').skip(1);
    if brackets.any(|text| text.split_once(']').is_some_and(|(text, _)| is_range(text))) {
        "no file matches; to find a sequence, use only the part of its name before the `[`"
    } else if pattern.matches_paths() {
        "no file matches; a pattern with a `/` is matched against CLIENT/PROJECT/..., without root and category"
    } else if pattern.is_glob() {
        "no file matches; a pattern with `*`, `?`, `[` or `{` must match the whole name"
    } else {
        "no file matches"
    }
}

/// Returns the hint for a pattern that is the name of a client or project.
fn client_hint(index: &Index, registry: &Registry, typed: &str) -> Result<String> {
    let (mut client, mut project) = (None, None);
    let lower = typed.to_lowercase();
    overview::visit_projects(index, registry, |known, name| {
        let [known, name] = [known, name].map(|name| String::from_utf8_lossy(name).into_owned());
        if known.to_lowercase() == lower {
            client = Some(known);
        } else if name.to_lowercase() == lower || format!("{known}/{name}").to_lowercase() == lower
        {
            project = Some(format!("{known}/{name}"));
        }
    })?;
    Ok(match (client, project) {
        (Some(client), _) => {
            let line = quote(OsStr::new(&client));
            format!("; `{typed}` is a client: `fetch {line}`")
        }
        (None, Some(project)) => {
            let line = quote(OsStr::new(&project));
            format!("; `{typed}` is a project: `fetch {line}`")
        }
        (None, None) => String::new(),
    })
}
