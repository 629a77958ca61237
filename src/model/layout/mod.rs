//! The layout of a category: the folders between a database's root and the folder of a project.
//!
//! A layout is a path with the placeholders `{client}` and `{project}`. Without placeholders, `{client}/{project}` is
//! appended: `footage` is `footage/{client}/{project}`.

mod inner;
mod parse;
mod part;
mod position;

use std::path::{Path, PathBuf};

pub use self::inner::InnerFolders;
pub use self::part::LayoutPart;

use super::project::{ProjectId, composed_name};

/// The client of the projects in layouts without client folders.
pub const IN_HOUSE: &str = "in-house";

/// The position of clients and projects below every root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CategoryLayout {
    parts: Vec<LayoutPart>,
    /// The shortest text with this meaning, which is the category's key in the index.
    text: PathBuf,
}

impl CategoryLayout {
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
}
