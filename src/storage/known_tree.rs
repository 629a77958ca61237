//! The tree of a replica as the index holds it: the files of the last scan, without opening a storage.

use std::path::Path;

use crate::base::error::Result;
use crate::index::{DatabaseId, Index};
use crate::model::exclusion::Exclusions;
use crate::model::project::{ProjectId, Scope};
use crate::model::registry::Category;
use crate::snapshot::excluded::without_excluded;
use crate::snapshot::tree::Tree;

/// Reads the tree of a replica from the index, without the files that are excluded now; empty if the index holds none.
pub fn read_known_tree(
    index: &Index,
    database: DatabaseId,
    category: &Category,
    project: &ProjectId,
    exclusions: &Exclusions,
) -> Result<Tree> {
    let mut tree = Tree::default();
    if let Some(replica) = index.replica(database, category.key(), project)? {
        tree.proven_precision = Some(replica.aggregate.precision);
    }
    let scope = Scope::Project(project.clone());
    index.visit_folders(database, category.key(), &scope, &mut |folder| {
        if folder.project == project {
            for above in folder.path.ancestors().skip(1) {
                tree.add_parent(above);
            }
            let included = without_excluded(folder.manifest, folder.path, exclusions);
            let files = included
                .as_ref()
                .map_or_else(|| folder.files(), |(kept, _)| kept.files());
            tree.add_folder(folder.path, files);
        }
        Ok(true)
    })?;
    tree.add_parent(Path::new(""));
    tree.set_subfolder_names();
    Ok(tree)
}
