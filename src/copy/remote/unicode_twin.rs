//! Names that a storage holds in another Unicode form: what has one is not sent beside it, or there were two of one name.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::Upload;
use super::round::{SendBatch, SendState};
use crate::base::error::Result;
use crate::base::name::Name;
use crate::base::unicode::to_nfc;

/// The names in folders of a storage; `None` where they cannot be listed.
type NamesInFolders = BTreeMap<PathBuf, Option<BTreeSet<Name>>>;

impl Upload<'_> {
    /// Fails the files of which a name on the way is there in another form, and not as it is at the source.
    pub(super) fn reject_normalization_variants(
        &self,
        round: &mut SendBatch<'_>,
        places: &[usize],
    ) -> Result<()> {
        let mut folders = NamesInFolders::new();
        for place in places {
            let file = &round.files[*place];
            let whole = file.path_below_root();
            let is_odd = !whole.as_os_str().is_ascii();
            if is_odd
                && !file.replaces
                && matches!(round.states[*place], SendState::Unknown)
                && let Some(twin) = self.find_normalization_variant(&whole, &mut folders)?
            {
                round.states[*place] = SendState::Failed(format!(
                    "this storage has `{twin}` in another Unicode form; give both one name, there or at the source"
                ));
            }
        }
        Ok(())
    }

    /// What is there under another form of a name of this path.
    fn find_normalization_variant(
        &self,
        path: &Path,
        folders: &mut NamesInFolders,
    ) -> Result<Option<Name>> {
        let mut above = PathBuf::new();
        for part in path {
            let name = Name::from(part);
            if !part.is_ascii() {
                if !folders.contains_key(&above) {
                    let names = self.destination.remote.folder_names(&above)?;
                    folders.insert(above.clone(), names);
                }
                let names = folders.get(&above).and_then(Option::as_ref);
                let Some(names) = names.filter(|names| !names.contains(&name)) else {
                    above.push(part);
                    continue;
                };
                let form = to_nfc(name.as_bytes());
                let mut names = names.iter();
                // Of what is not there nothing below is there either.
                return Ok(names
                    .find(|other| to_nfc(other.as_bytes()) == form)
                    .cloned());
            }
            above.push(part);
        }
        Ok(None)
    }
}
