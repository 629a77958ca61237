//! Names that a storage already holds in another Unicode form. Files under such names are not sent, because the storage
//! would then hold one name twice (decision 27).

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::batch::{SendBatch, SendState};
use super::upload::Upload;
use crate::base::error::Result;
use crate::base::name::Name;
use crate::base::unicode::to_nfc;

/// Names in folders of a storage; `None` for a folder that cannot be listed.
type NamesInFolders = BTreeMap<PathBuf, Option<BTreeSet<Name>>>;

impl Upload<'_> {
    /// Fails each file whose path has a name that the storage holds only in another Unicode form.
    pub(super) fn reject_unicode_variants(
        &self,
        batch: &mut SendBatch<'_>,
        indexes: &[usize],
    ) -> Result<()> {
        let mut folders = NamesInFolders::new();
        for index in indexes {
            let file = &batch.files[*index];
            let path = file.path_below_root();
            if !path.as_os_str().is_ascii()
                && !file.replaces
                && matches!(batch.states[*index], SendState::Unknown)
                && let Some(variant) = self.find_unicode_variant(&path, &mut folders)?
            {
                batch.states[*index] = SendState::Failed(format!(
                    "this storage has `{variant}` in another Unicode form; rename it there or at the source"
                ));
            }
        }
        Ok(())
    }

    /// Returns the name that the storage holds instead of the first missing name of a path.
    fn find_unicode_variant(
        &self,
        path: &Path,
        folders: &mut NamesInFolders,
    ) -> Result<Option<Name>> {
        let mut parent = PathBuf::new();
        for part in path {
            let name = Name::from(part);
            if !part.is_ascii() {
                if !folders.contains_key(&parent) {
                    let names = self.destination.remote.folder_names(&parent)?;
                    folders.insert(parent.clone(), names);
                }
                let names = folders.get(&parent).and_then(Option::as_ref);
                if let Some(names) = names.filter(|names| !names.contains(&name)) {
                    // Nothing exists below a missing name, so the search ends here.
                    let form = to_nfc(name.as_bytes());
                    let mut names = names.iter();
                    return Ok(names
                        .find(|other| to_nfc(other.as_bytes()) == form)
                        .cloned());
                }
            }
            parent.push(part);
        }
        Ok(None)
    }
}
