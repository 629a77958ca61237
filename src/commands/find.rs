//! `find`: files in the index by glob or part of their name.

use std::ffi::OsStr;
use std::path::Path;

use clap::Args;
use globset::{GlobBuilder, GlobMatcher};
use serde::Serialize;

use super::Run;
use crate::error::{Error, Result};
use crate::moment::Moment;
use crate::name::Name;
use crate::output::answer::{Answer, Records};
use crate::output::cell::{Cell, Tone};
use crate::output::page::Page;
use crate::project::Scope;
use crate::project::{ProjectId, below};
use crate::registry::{Category, Database};
use crate::units;
use crate::workspace::Workspace;

/// Find files in the index, also on databases that are offline
///
/// PATTERN is a glob (`*`, `?`, `[...]`, `{a,b}`) or, without any of these, a part of the name; upper and lower case
/// are the same. With a `/` in it, it is held against the path below the category's folder instead of the name.
#[derive(Debug, Args)]
#[command(
    override_usage = "find PATTERN [in DATABASE]",
    after_help = "Examples:
  find reel
  find '*.mov'
  find 'acme/*/plates/*.exr' in NAS"
)]
pub(crate) struct Find {
    /// What to look for
    #[arg(value_name = "PATTERN")]
    pattern: String,
    #[arg(value_name = "in", value_parser = ["in"], requires = "database", hide = true)]
    on_database: Option<String>,
    /// Only on this database
    #[arg(value_name = "DATABASE")]
    database: Option<String>,
}

/// The files that match.
#[derive(Debug, Serialize)]
pub(crate) struct FoundFiles {
    files: Vec<FoundFile>,
    /// What is said where there is none.
    #[serde(skip)]
    nothing: &'static str,
}

#[derive(Debug, Serialize)]
struct FoundFile {
    database: String,
    category: String,
    project: ProjectId,
    path: Name,
    bytes: u64,
    modified: Moment,
}

/// A file that was found.
struct Found {
    project: ProjectId,
    path: std::path::PathBuf,
    bytes: u64,
    modified: Moment,
}

/// What a file is held against.
struct Pattern {
    glob: GlobMatcher,
    whole_path: bool,
}

impl Pattern {
    fn parse(typed: &str) -> Result<Self> {
        let malformed = |why| Error::Malformed {
            noun: "pattern",
            word: typed.into(),
            why,
        };
        if typed.is_empty() {
            return Err(malformed("it is empty"));
        }
        let whole_path = typed.contains('/');
        let is_glob = typed.contains(['*', '?', '[', '{']);
        let text = if is_glob {
            typed.to_owned()
        } else {
            format!("*{}*", globset::escape(typed))
        };
        let mut builder = GlobBuilder::new(&text);
        // Only in a glob that spells out a path does a star stop at a slash.
        builder
            .case_insensitive(true)
            .literal_separator(is_glob && whole_path)
            .backslash_escape(true);
        let glob = builder
            .build()
            .map_err(|_| malformed("it is not a glob like `*.mov` or `sh0[12]*`"))?;
        Ok(Self {
            glob: glob.compile_matcher(),
            whole_path,
        })
    }

    fn matches(&self, found: &Found) -> bool {
        if self.whole_path {
            return self.glob.is_match(found.project.path().join(&found.path));
        }
        self.glob
            .is_match(Path::new(found.path.file_name().unwrap_or(OsStr::new(""))))
    }
}

impl Run for Find {
    type Answer = FoundFiles;

    fn run(self, workspace: &mut Workspace) -> Result<FoundFiles> {
        let pattern = Pattern::parse(&self.pattern)?;
        let registry = &workspace.registry;
        let databases = match &self.database {
            Some(name) => std::slice::from_ref(registry.database(name)?),
            None => registry.databases(),
        };
        let mut files = Vec::new();
        let mut looked_at = false;
        for database in databases {
            let known = workspace.index.database(&database.root)?;
            looked_at |= known.looked_at.is_some();
            let Some(id) = known.id else {
                continue;
            };
            for category in registry.categories() {
                workspace
                    .index
                    .visit_folders(id, &category.path, &Scope::All, &mut |folder| {
                        let mut listed = folder.files();
                        while let Ok(Some(file)) = listed.next() {
                            let found = Found {
                                project: folder.project.clone(),
                                path: folder
                                    .path
                                    .join(Name::from_bytes(file.name.to_vec()).as_path()),
                                bytes: file.bytes,
                                modified: file.modified,
                            };
                            if pattern.matches(&found) {
                                files.push(found_file(database, category, found));
                            }
                        }
                        Ok(true)
                    })?;
            }
        }
        let nothing = match registry.lacking() {
            Some(lacking) => lacking,
            None if !looked_at && self.database.is_some() => {
                "nobody looked at this database yet: `load`"
            }
            None if !looked_at => "the index is empty: `load`",
            None if self.pattern.contains('*') => {
                "no file matches; a pattern with `*` must match the whole name"
            }
            None => "no file matches",
        };
        Ok(FoundFiles { files, nothing })
    }
}

fn found_file(database: &Database, category: &Category, found: Found) -> FoundFile {
    let path = database
        .root
        .join(below(&category.path, &found.project))
        .join(&found.path);
    FoundFile {
        database: database.name.clone(),
        category: category.name.clone(),
        project: found.project,
        path: path.into(),
        bytes: found.bytes,
        modified: found.modified,
    }
}

impl Answer for FoundFiles {
    const COMMAND: &'static str = "find";

    fn page(&self, page: &mut Page) {
        // Lines, not a table: a path is there to be copied whole.
        for file in &self.files {
            page.cells(vec![
                file.database.as_str().into(),
                Cell::text("  "),
                Cell::from(&file.path),
                Cell::text("  "),
                Cell::Bytes(file.bytes),
                Cell::Toned(format!("  {}", file.modified.ago()), Tone::Faint),
            ]);
        }
        page.line(match self.files.len() as u64 {
            0 => self.nothing.to_owned(),
            files => units::counted(files, "file"),
        });
    }

    fn records(&self) -> Records {
        let rows = self.files.iter().map(|file| {
            vec![
                file.database.as_str().into(),
                file.category.as_str().into(),
                Cell::from(&file.project.name()),
                Cell::from(&file.path),
                Cell::Bytes(file.bytes),
                Cell::Moment(file.modified),
            ]
        });
        let headings = &[
            "database", "category", "project", "path", "bytes", "modified",
        ];
        Records {
            headings,
            rows: rows.collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, path: &str) -> bool {
        let project = ProjectId {
            client: "acme".into(),
            project: "spot".into(),
        };
        let found = Found {
            project,
            path: path.into(),
            bytes: 0,
            modified: Moment::default(),
        };
        Pattern::parse(pattern).unwrap().matches(&found)
    }

    #[test]
    fn names_match_by_glob_or_part_whatever_the_case() {
        for pattern in [
            "reel",
            "REEL",
            "*.mov",
            "reel_0?.MOV",
            "{a,reel}*",
            "e/spot",
            "acme/*/plates/*",
            "acme/**/*.mov",
        ] {
            assert!(matches(pattern, "plates/reel_01.mov"), "{pattern}");
        }
        for pattern in ["plates", "*.mo", "acme/*", "acme/*.mov"] {
            assert!(!matches(pattern, "plates/reel_01.mov"), "{pattern}");
        }
    }

    #[test]
    fn a_broken_pattern_is_refused() {
        assert!(Pattern::parse("a[").is_err() && Pattern::parse("").is_err());
    }
}
