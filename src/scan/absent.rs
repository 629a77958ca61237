//! Categories whose folders a scan did not find, and folders of their names elsewhere.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::base::name::Name;
use crate::model::layout::LayoutPart;
use crate::model::outside::OutsideListing;
use crate::model::registry::Category;
use crate::os::stat::EntryKind;
use crate::snapshot::discovery::ProjectListing;
use crate::storage::Discovery;

/// A category without a folder on a database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AbsentCategory {
    pub name: String,
    /// Folders of the category's name in folders of no category, below the root.
    pub elsewhere: Vec<PathBuf>,
    /// Folders that projects have in place of the one that the category's path ends in.
    pub beside: BTreeSet<Name>,
}

/// Number of folders of no category in which a misplaced folder is looked for, on each level.
const MAX_FOLDERS: usize = 20;

/// Returns the categories without a folder.
pub(super) fn find_absent(
    discovery: &mut Discovery<'_>,
    listings: &[ProjectListing<'_>],
    outside: &OutsideListing,
) -> Vec<AbsentCategory> {
    let mut absent = Vec::new();
    for listing in listings {
        if listing.projects.is_empty()
            && listing.unread.is_empty()
            && discovery.lacks_folder(listing.category)
        {
            absent.push(AbsentCategory {
                name: listing.category.name.clone(),
                elsewhere: find_elsewhere(discovery, listing.category, outside),
                beside: find_beside(discovery, listing.category),
            });
        }
    }
    absent
}

/// Returns the folders named as the category, one or two levels below folders of no category at the root.
fn find_elsewhere(
    discovery: &mut Discovery<'_>,
    category: &Category,
    outside: &OutsideListing,
) -> Vec<PathBuf> {
    let Some(name) = own_name(category) else {
        return Vec::new();
    };
    let entries = outside.entries.iter();
    let tops = entries.filter(|entry| {
        entry.kind == EntryKind::Folder && entry.path.parent() == Some(Path::new(""))
    });
    let mut folders: Vec<PathBuf> = tops
        .map(|entry| entry.path.clone())
        .take(MAX_FOLDERS)
        .collect();
    for _ in 0..2 {
        let mut deeper = Vec::new();
        let mut found = Vec::new();
        for folder in folders {
            let names = discovery.subfolders(&folder);
            if names.contains(&Name::from(name)) {
                found.push(folder.join(name));
            }
            let paths = names.iter().take(MAX_FOLDERS);
            deeper.extend(paths.map(|name| folder.join(name.as_path())));
        }
        if !found.is_empty() {
            return found;
        }
        folders = deeper;
    }
    Vec::new()
}

/// Returns the folders of projects, for a category whose path ends in a fixed folder of theirs.
fn find_beside(discovery: &mut Discovery<'_>, category: &Category) -> BTreeSet<Name> {
    let mut beside = BTreeSet::new();
    let Some((LayoutPart::Fixed(_), way)) = category.layout.parts().split_last() else {
        return beside;
    };
    let mut folders = vec![PathBuf::new()];
    for part in way {
        let mut deeper = Vec::new();
        for folder in folders {
            match part {
                LayoutPart::Fixed(name) => deeper.push(folder.join(name)),
                LayoutPart::Client | LayoutPart::Project => {
                    let names = discovery.subfolders(&folder).into_iter().take(MAX_FOLDERS);
                    deeper.extend(names.map(|name| folder.join(name.as_path())));
                }
            }
        }
        folders = deeper;
    }
    for folder in folders {
        beside.extend(discovery.subfolders(&folder));
    }
    beside
}

/// The last fixed folder of a category's path.
fn own_name(category: &Category) -> Option<&OsStr> {
    let mut parts = category.layout.parts().iter().rev();
    parts.find_map(|part| match part {
        LayoutPart::Fixed(name) => Some(&**name),
        LayoutPart::Client | LayoutPart::Project => None,
    })
}
