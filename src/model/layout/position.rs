//! The position of a path in a layout: on the way to the projects, or in one.

use std::path::{Path, PathBuf};

use super::{CategoryLayout, IN_HOUSE, LayoutPart};
use crate::base::name::Name;
use crate::model::project::{ProjectId, Scope};

impl CategoryLayout {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_on_the_way_hold_projects() {
        let footage = CategoryLayout::from_key(Path::new("footage"));
        for path in ["", "footage", "footage/acme"] {
            assert!(footage.is_on_the_way(Path::new(path)), "{path}");
        }
        for path in ["grades", "footage/acme/spot", "footage/acme/spot/shots"] {
            assert!(!footage.is_on_the_way(Path::new(path)), "{path}");
        }
    }
}
