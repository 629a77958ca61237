//! The layout of a category: the folders between a database's root and the folder of a project.
//!
//! A layout is a path with the placeholders `{client}` and `{project}`. Without placeholders, `{client}/{project}` is
//! appended: `footage` is `footage/{client}/{project}`.

use std::ffi::{OsStr, OsString};
use std::path::{Component, Path, PathBuf};

use super::project::{ProjectId, Scope, composed_name};
use crate::base::error::{Error, Result};
use crate::base::name::Name;
use crate::base::noun::Noun;
use crate::base::own_name::OWN_FOLDER;
use crate::base::suggest::suggest;
use crate::language::quote::quote;

/// The client of the projects in layouts without client folders.
pub const IN_HOUSE: &str = "in-house";

/// One folder of a layout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LayoutPart {
    /// A folder with this name.
    Fixed(OsString),
    /// The folder of a client.
    Client,
    /// The folder of a project.
    Project,
}

impl LayoutPart {
    /// True for a placeholder.
    pub const fn is_placeholder(&self) -> bool {
        !matches!(self, Self::Fixed(_))
    }

    fn parse(name: &OsStr) -> Self {
        match name.as_encoded_bytes() {
            b"{client}" => Self::Client,
            b"{project}" => Self::Project,
            _ => Self::Fixed(name.to_owned()),
        }
    }

    /// True if a folder of this name can stand here.
    fn accepts(&self, name: &OsStr) -> bool {
        match self {
            Self::Fixed(fixed) => fixed == name,
            Self::Client | Self::Project => true,
        }
    }

    /// The name as it is typed.
    fn as_os_str(&self) -> &OsStr {
        match self {
            Self::Fixed(name) => name,
            Self::Client => OsStr::new("{client}"),
            Self::Project => OsStr::new("{project}"),
        }
    }
}

/// The position of clients and projects below every root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CategoryLayout {
    parts: Vec<LayoutPart>,
    /// The shortest text with this meaning, which is the category's key in the index.
    text: PathBuf,
}

impl CategoryLayout {
    /// Parses the typed path of the category `name`.
    ///
    /// # Errors
    /// [`Error::InvalidWord`] for an absolute path, a path that leaves the root, and the program's own folder;
    /// [`Error::InvalidLayout`] for placeholders that do not give each project one folder.
    pub fn parse(name: &str, typed: &Path) -> Result<Self> {
        let malformed = |why| Error::InvalidWord {
            noun: Noun::CategoryPath,
            word: typed.into(),
            why,
        };
        let mut path = PathBuf::new();
        for component in typed.components() {
            match component {
                Component::Normal(part) => path.push(part),
                Component::CurDir => {}
                Component::ParentDir => {
                    return Err(malformed("`..` would leave the storage's root"));
                }
                Component::RootDir | Component::Prefix(_) => {
                    return Err(malformed(
                        "it must be relative to the roots of the storages",
                    ));
                }
            }
        }
        if typed.as_os_str().is_empty() {
            return Err(malformed("it is empty; the root itself is written `.`"));
        }
        if path.components().any(|part| part.as_os_str() == OWN_FOLDER) {
            return Err(malformed(
                "`.auto-backup` is where auto-backup keeps its own files",
            ));
        }
        if let Some((why, corrected)) = placeholder_mistake(&path) {
            let corrected = corrected.map(|path| {
                let [name, path] = [OsStr::new(name), path.as_os_str()].map(quote);
                format!("add category {name} {path}")
            });
            return Err(Error::InvalidLayout {
                word: typed.into(),
                why,
                corrected,
            });
        }
        Ok(Self::from_key(&path))
    }

    /// Returns the layout of a category's key in the index.
    pub fn from_key(key: &Path) -> Self {
        let mut parts: Vec<LayoutPart> = key.iter().map(LayoutPart::parse).collect();
        if !parts.iter().any(LayoutPart::is_placeholder) {
            parts.extend([LayoutPart::Client, LayoutPart::Project]);
        }
        let short = match parts.as_slice() {
            [fixed @ .., LayoutPart::Client, LayoutPart::Project]
                if !fixed.iter().any(LayoutPart::is_placeholder) =>
            {
                fixed
            }
            parts => parts,
        };
        Self {
            text: short.iter().map(LayoutPart::as_os_str).collect(),
            parts,
        }
    }

    /// The layout as text, which is also its key in the index: without a final `{client}/{project}`, and empty for the root
    /// itself.
    pub fn text(&self) -> &Path {
        &self.text
    }

    /// The folders from the root to the project, which is the last one.
    pub fn parts(&self) -> &[LayoutPart] {
        &self.parts
    }

    /// The folder below the root that contains everything of the category; empty for the root itself.
    pub fn base(&self) -> PathBuf {
        let fixed = self.parts.iter().take_while(|part| !part.is_placeholder());
        fixed.map(LayoutPart::as_os_str).collect()
    }

    /// The folder below a root of a project that the layout can hold.
    pub fn replica_path(&self, project: &ProjectId) -> PathBuf {
        let names = self.parts.iter().map(|part| match part {
            LayoutPart::Fixed(name) => name,
            LayoutPart::Client => project.client.as_os_str(),
            LayoutPart::Project => project.project.as_os_str(),
        });
        names.collect()
    }

    /// Returns the project whose folder holds a path below the root, or is that path, and the project's folder.
    pub fn locate(&self, path: &Path) -> Option<(ProjectId, PathBuf)> {
        let (mut client, mut project) = (None, None);
        let (mut names, mut replica) = (path.iter(), PathBuf::new());
        for part in &self.parts {
            let name = names.next().filter(|name| part.accepts(name))?;
            replica.push(name);
            match part {
                LayoutPart::Fixed(_) => {}
                LayoutPart::Client => client = Some(Name::from(name)),
                LayoutPart::Project => project = Some(Name::from(name)),
            }
        }
        let client = client.unwrap_or_else(|| IN_HOUSE.into());
        let project = project?;
        Some((ProjectId { client, project }, replica))
    }

    /// True if a project can have a folder here. Without client folders, all projects belong to [`IN_HOUSE`].
    pub fn can_hold(&self, project: &ProjectId) -> bool {
        self.parts.contains(&LayoutPart::Client) || project.client == IN_HOUSE.into()
    }

    /// True if two layouts give every project the same folder, or swap clients and projects.
    pub fn overlaps(&self, other: &Self) -> bool {
        let mut pairs = self.parts.iter().zip(&other.parts);
        self.parts.len() == other.parts.len()
            && pairs.all(|(a, b)| a == b || (a.is_placeholder() && b.is_placeholder()))
    }

    /// The folders of a project's path below a root that are named after its client or itself, the topmost first.
    pub fn named_folders(&self, project: &ProjectId) -> Vec<PathBuf> {
        let (replica, mut folder) = (self.replica_path(project), PathBuf::new());
        let mut folders = Vec::new();
        for (part, name) in self.parts.iter().zip(&replica) {
            folder.push(name);
            folders.extend(part.is_placeholder().then(|| folder.clone()));
        }
        folders
    }

    /// True if a path below the root is a folder on the way to the projects.
    pub fn is_on_the_way(&self, path: &Path) -> bool {
        let mut parts = self.parts.iter();
        let mut names = path.iter();
        names.all(|name| parts.next().is_some_and(|part| part.accepts(name))) && parts.len() > 0
    }

    /// Returns the client whose folder a path lies in, or is.
    pub fn client_of(&self, path: &Path) -> Option<Name> {
        let mut names = self.parts.iter().zip(path);
        let found = names.find(|(part, _)| **part == LayoutPart::Client);
        found.map(|(_, name)| Name::from(name))
    }

    /// True if the layout names this folder, so that it is no client's or project's.
    pub fn names(&self, folder: &Path) -> bool {
        let depth = folder.iter().count();
        let part = depth.checked_sub(1).and_then(|last| self.parts.get(last));
        part.is_none_or(|part| !part.is_placeholder()) && self.is_on_the_way(folder)
    }

    /// True if a discovery of a scope lists this folder on the way to the projects.
    pub fn is_on_the_way_in(&self, path: &Path, scope: &Scope) -> bool {
        let is_listed = match scope {
            Scope::All => true,
            Scope::Client(client) => {
                let found = self.client_of(path);
                found.is_some_and(|found| found == *client)
            }
            Scope::Project(_) | Scope::Projects(_) => false,
        };
        is_listed && self.is_on_the_way(path)
    }
}

/// Returns the mistake in the placeholders of a path, with the corrected path if there is one.
fn placeholder_mistake(path: &Path) -> Option<(&'static str, Option<PathBuf>)> {
    let parts: Vec<LayoutPart> = path.iter().map(LayoutPart::parse).collect();
    for (at, part) in parts.iter().enumerate() {
        let LayoutPart::Fixed(name) = part else {
            if parts[..at].contains(part) {
                let rest = path.iter().enumerate().filter(|(other, _)| *other != at);
                let corrected = rest.map(|(_, name)| name).collect();
                return Some(("each placeholder can stand once", Some(corrected)));
            }
            continue;
        };
        let name = name.to_string_lossy();
        let inner = name
            .strip_prefix('{')
            .and_then(|rest| rest.strip_suffix('}'));
        if let Some(word) = inner.filter(|word| word.chars().all(char::is_alphanumeric)) {
            let near = suggest(word, ["client", "project"]);
            let corrected = near.first().map(|near| {
                let names = path.iter().enumerate();
                let meant = OsString::from(format!("{{{near}}}"));
                let names = names.map(|(other, name)| if other == at { &*meant } else { name });
                names.collect()
            });
            return Some(("the placeholders are `{client}` and `{project}`", corrected));
        }
        if name.contains("{client}") || name.contains("{project}") {
            return Some(("a placeholder is a whole folder of the path", None));
        }
    }
    let lacks_project =
        parts.contains(&LayoutPart::Client) && !parts.contains(&LayoutPart::Project);
    lacks_project.then(|| {
        let names = path.iter().flat_map(|name| {
            let is_client = LayoutPart::parse(name) == LayoutPart::Client;
            [Some(name), is_client.then(|| OsStr::new("{project}"))]
        });
        let corrected = names.flatten().collect();
        (
            "`{project}` is missing: every project needs a folder",
            Some(corrected),
        )
    })
}

/// Folders of other categories, below the root, which a category leaves out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InnerFolders {
    patterns: Vec<Vec<LayoutPart>>,
}

impl InnerFolders {
    /// Returns the folders that `layout` leaves out because the others hold them.
    ///
    /// Where one layout has a placeholder and another a fixed folder, the folder belongs to the layout that names it. A
    /// layout that goes on below the projects of another keeps its own folders.
    pub fn of<'a>(
        layout: &CategoryLayout,
        others: impl IntoIterator<Item = &'a CategoryLayout>,
    ) -> Self {
        let others = others.into_iter();
        let patterns = others.filter_map(|other| claim(&layout.parts, &other.parts));
        Self {
            patterns: patterns.collect(),
        }
    }

    pub const fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    /// True if a folder is one of these.
    pub fn contains(&self, folder: &Path) -> bool {
        let mut patterns = self.patterns.iter();
        patterns.any(|pattern| {
            let mut parts = pattern.iter();
            let mut names = folder.iter();
            names.all(|name| parts.next().is_some_and(|part| part.accepts(name)))
                && parts.len() == 0
        })
    }

    /// True if a path is one of these folders, or below one.
    pub fn covers(&self, path: &Path) -> bool {
        let mut patterns = self.patterns.iter();
        patterns.any(|pattern| {
            let mut names = path.iter();
            let mut parts = pattern.iter();
            parts.all(|part| names.next().is_some_and(|name| part.accepts(name)))
        })
    }

    /// The folders as text.
    pub fn paths(&self) -> impl Iterator<Item = PathBuf> {
        let patterns = self.patterns.iter();
        patterns.map(|pattern| pattern.iter().map(LayoutPart::as_os_str).collect())
    }
}

/// Returns the shortest beginning of `other` that names a folder and takes it from `layout`, or lies inside the projects of
/// `layout`.
fn claim(layout: &[LayoutPart], other: &[LayoutPart]) -> Option<Vec<LayoutPart>> {
    let is_end = |count: &usize| {
        let next = other.get(*count);
        next.is_none_or(LayoutPart::is_placeholder) && !other[count - 1].is_placeholder()
            || *count == other.len()
    };
    let mut ends = (1..=other.len()).filter(is_end);
    let end = ends.find(|count| takes(layout, &other[..*count]))?;
    Some(other[..end].to_vec())
}

/// True if the folders of a beginning of another layout are taken from a layout.
fn takes(layout: &[LayoutPart], beginning: &[LayoutPart]) -> bool {
    let mut takes = None;
    for (own, other) in layout.iter().zip(beginning) {
        match (own, other) {
            (LayoutPart::Fixed(own), LayoutPart::Fixed(other)) if own != other => return false,
            (own, other) if own.is_placeholder() != other.is_placeholder() => {
                takes.get_or_insert(own.is_placeholder());
            }
            _ => {}
        }
    }
    takes.unwrap_or(beginning.len() > layout.len())
}

/// True if a path is a folder or lies below it, whatever their Unicode normal forms.
pub fn is_within(path: &Path, folder: &Path) -> bool {
    if path.starts_with(folder) {
        return true;
    }
    let (mut names, mut folders) = (path.iter(), folder.iter());
    folders.all(|folder| {
        names.next().is_some_and(|name| {
            name == folder || composed_name(&name.into()) == composed_name(&folder.into())
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project(client: &str, project: &str) -> ProjectId {
        ProjectId {
            client: client.into(),
            project: project.into(),
        }
    }

    fn layout(typed: &str) -> CategoryLayout {
        CategoryLayout::parse("x", Path::new(typed)).unwrap()
    }

    #[test]
    fn path_without_placeholders_ends_in_projects() {
        let footage = layout("./scratch//footage/");
        assert_eq!(footage.text(), Path::new("scratch/footage"));
        assert_eq!(footage.base(), Path::new("scratch/footage"));
        let spot = project("acme", "spot");
        let replica = footage.replica_path(&spot);
        assert_eq!(replica, Path::new("scratch/footage/acme/spot"));
        let located = footage.locate(&replica.join("shots/a.mov"));
        assert_eq!(located, Some((spot, replica)));
        assert_eq!(footage.locate(Path::new("scratch/footage/acme")), None);
        assert_eq!(footage.locate(Path::new("scratch/other/acme/spot")), None);
        assert_eq!(
            layout(".").replica_path(&project("a", "b")),
            Path::new("a/b")
        );
    }

    #[test]
    fn placeholders_stand_anywhere() {
        let spot = project("acme", "spot");
        for (typed, text, replica) in [
            (
                "{client}/{project}/footage",
                "{client}/{project}/footage",
                "acme/spot/footage",
            ),
            ("{project}/{client}", "{project}/{client}", "spot/acme"),
            ("2026/{client}/{project}/", "2026", "2026/acme/spot"),
            ("{client}/{project}", "", "acme/spot"),
            (
                "a/{client}/b/{project}/c",
                "a/{client}/b/{project}/c",
                "a/acme/b/spot/c",
            ),
        ] {
            let layout = layout(typed);
            assert_eq!(layout.text(), Path::new(text), "{typed}");
            assert_eq!(CategoryLayout::from_key(layout.text()), layout, "{typed}");
            assert_eq!(layout.replica_path(&spot), Path::new(replica), "{typed}");
            let located = layout.locate(&Path::new(replica).join("x"));
            assert_eq!(located, Some((spot.clone(), replica.into())), "{typed}");
        }
    }

    #[test]
    fn projects_without_clients_are_in_house() {
        let docs = layout("docs/{project}");
        let own = project(IN_HOUSE, "spot");
        assert!(docs.can_hold(&own) && !docs.can_hold(&project("acme", "spot")));
        assert_eq!(docs.replica_path(&own), Path::new("docs/spot"));
        let located = docs.locate(Path::new("docs/spot/a"));
        assert_eq!(located, Some((own, "docs/spot".into())));
    }

    #[test]
    fn misplaced_placeholders_are_corrected() {
        for (typed, corrected) in [
            ("{client}/footage", Some("{client}/{project}/footage")),
            ("{client}/{project}/{client}", Some("{client}/{project}")),
            ("{Client}/{project}", Some("{client}/{project}")),
            ("{clinet}/{project}/x y", Some("'{client}/{project}/x y'")),
            ("{year}/{project}", None),
            ("old-{client}/{project}", None),
        ] {
            let refused = CategoryLayout::parse("f", Path::new(typed));
            let Err(Error::InvalidLayout {
                corrected: found, ..
            }) = refused
            else {
                panic!("{typed}: {refused:?}");
            };
            let corrected = corrected.map(|path| format!("add category f {path}"));
            assert_eq!(found, corrected, "{typed}");
        }
    }

    #[test]
    fn named_folder_beats_placeholder() {
        for (layout_text, other, left_out) in [
            ("{client}/{project}/x", "footage", Some("footage")),
            (
                "{client}/{project}/x",
                "2026/{client}/{project}",
                Some("2026"),
            ),
            (
                "{client}/{project}/x",
                "scratch/render",
                Some("scratch/render"),
            ),
            (
                "{client}/{project}/x",
                "{client}/shared/{project}",
                Some("{client}/shared"),
            ),
            ("{client}/{project}/x", "{client}/{project}/y", None),
            (
                "{client}/{project}",
                "{client}/{project}/y",
                Some("{client}/{project}/y"),
            ),
            ("a", "a/acme/spot/render", Some("a/acme/spot/render")),
            ("a", "a/acme/spot", Some("a/acme/spot")),
            (
                "{project}",
                "{project}/{client}/y",
                Some("{project}/{client}/y"),
            ),
        ] {
            let (own, other) = (layout(layout_text), layout(other));
            let folders: Vec<_> = InnerFolders::of(&own, [&other]).paths().collect();
            let expected: Vec<_> = left_out.into_iter().map(PathBuf::from).collect();
            assert_eq!(folders, expected, "{layout_text}");
            assert!(InnerFolders::of(&other, [&own]).is_empty(), "{layout_text}");
        }
    }

    #[test]
    fn folders_on_the_way_hold_projects() {
        let footage = layout("footage");
        for path in ["", "footage", "footage/acme"] {
            assert!(footage.is_on_the_way(Path::new(path)), "{path}");
        }
        for path in ["grades", "footage/acme/spot", "footage/acme/spot/shots"] {
            assert!(!footage.is_on_the_way(Path::new(path)), "{path}");
        }
    }

    #[test]
    fn inner_category_is_left_out() {
        let (outer, inner) = (layout("scratch"), layout("scratch/render"));
        let folders = InnerFolders::of(&outer, [&inner]);
        assert!(folders.contains(Path::new("scratch/render")));
        assert!(folders.covers(Path::new("scratch/render/acme/spot")));
        assert!(!folders.covers(Path::new("scratch/acme")));
        assert!(InnerFolders::of(&inner, [&outer]).is_empty());
        assert!(InnerFolders::of(&outer, [&layout("footage")]).is_empty());
    }
}
