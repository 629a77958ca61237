//! Names that a storage holds in another Unicode form: what has one is not sent beside it, or there were two of one name.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::Sending;
use super::round::{Fate, Round};
use crate::base::error::Result;
use crate::base::name::Name;
use crate::base::unicode::composed;

/// The names in folders of a storage; `None` where they cannot be listed.
type Folders = BTreeMap<PathBuf, Option<BTreeSet<Name>>>;

impl Sending<'_> {
    /// Fails the files of which a name on the way is there in another form, and not as it is at the source.
    pub(super) fn refuse_twins(&self, round: &mut Round<'_>, places: &[usize]) -> Result<()> {
        let mut folders = Folders::new();
        for place in places {
            let file = &round.files[*place];
            let whole = file.whole();
            let is_odd = !whole.as_os_str().is_ascii();
            if is_odd
                && !file.replaces
                && matches!(round.fates[*place], Fate::Unknown)
                && let Some(twin) = self.twin(&whole, &mut folders)?
            {
                round.fates[*place] = Fate::Failed(format!(
                    "this storage has `{twin}` in another Unicode form; give both one name, there or at the source"
                ));
            }
        }
        Ok(())
    }

    /// What is there under another form of a name of this path.
    fn twin(&self, path: &Path, folders: &mut Folders) -> Result<Option<Name>> {
        let mut above = PathBuf::new();
        for part in path {
            let name = Name::from(part);
            if !part.is_ascii() {
                if !folders.contains_key(&above) {
                    let names = self.destination.remote.names(&above)?;
                    folders.insert(above.clone(), names);
                }
                let names = folders.get(&above).and_then(Option::as_ref);
                let Some(names) = names.filter(|names| !names.contains(&name)) else {
                    above.push(part);
                    continue;
                };
                let form = composed(name.as_bytes());
                let mut names = names.iter();
                // Of what is not there nothing below is there either.
                return Ok(names
                    .find(|other| composed(other.as_bytes()) == form)
                    .cloned());
            }
            above.push(part);
        }
        Ok(None)
    }
}
