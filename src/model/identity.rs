//! The identity file `ROOT/.auto-backup/database.json`, which distinguishes a database from an empty mount point or another
//! disk.

use std::ffi::OsStr;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::own_folder;
use crate::base::error::{Error, IoResultExt as _, Result};
use crate::base::ignore::ignore;
use crate::base::own_name::{self, OWN_FOLDER};
use crate::base::timestamp::Timestamp;
use crate::os::file;
use crate::os::folder::Folder;
use crate::os::host;

/// Name of the identity file in the program's folder.
const FILE_NAME: &str = "database.json";

/// Largest size of the file that is read, in bytes: other users may be able to write it.
pub const MAX_FILE_SIZE: u64 = 64 << 10;

/// The contents of the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// 128 random bits in hexadecimal.
    pub id: String,
    /// The database's name when the file was created. It proves nothing; messages show it.
    #[serde(default)]
    pub name: String,
    /// Time of creation, RFC 3339 in UTC; for readers only.
    created: Option<String>,
}

/// Returns the identity of a root; `None` if it has no identity file.
pub fn read(root: &Folder) -> Result<Option<String>> {
    Ok(read_file(root)?.map(|identity| identity.id))
}

/// Returns the contents of the identity file of a root, if it has one.
pub fn read_file(root: &Folder) -> Result<Option<Identity>> {
    let Some(own) = own_folder::find(root)? else {
        return Ok(None);
    };
    let Some(file) = own.open_trusted_file(OsStr::new(FILE_NAME))? else {
        return Ok(None);
    };
    let path = root.path().join(OWN_FOLDER).join(FILE_NAME);
    let mut text = String::new();
    file.take(MAX_FILE_SIZE)
        .read_to_string(&mut text)
        .at("read", &path)?;
    parse(&text, &path).map(Some)
}

/// Parses the text of an identity file.
pub fn parse(text: &str, path: &Path) -> Result<Identity> {
    match serde_json::from_str::<Identity>(text) {
        Ok(identity) if is_id(&identity.id) => Ok(identity),
        _ => Err(io::Error::other(
            "it is not an identity file of auto-backup; if it belongs to another program, move it away",
        ))
        .at("read", path),
    }
}

/// True for at most 64 letters and digits. Any user may have written the file.
fn is_id(id: &str) -> bool {
    const MAX_ID_LENGTH: usize = 64;
    (1..=MAX_ID_LENGTH).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// Returns the text of a new identity file.
pub fn generate(database: &str, path: &Path) -> Result<String> {
    Identity::new(database)?.to_json(path)
}

pub fn relative_path() -> PathBuf {
    Path::new(OWN_FOLDER).join(FILE_NAME)
}

impl Identity {
    fn new(database: &str) -> Result<Self> {
        Ok(Self {
            id: host::random_id()?,
            name: database.to_owned(),
            created: Timestamp::now().rfc3339(),
        })
    }

    fn to_json(&self, path: &Path) -> Result<String> {
        let text = serde_json::to_string_pretty(self).map_err(io::Error::from);
        Ok(text.at("write", path)? + "\n")
    }
}

/// Returns the identity of a root; creates it if the root has none.
pub fn read_or_create(root: &Folder, database: &str) -> Result<String> {
    if let Some(id) = read(root)? {
        return Ok(id);
    }
    let identity = Identity::new(database)?;
    let own = own_folder::open(root)?;
    match write(&own, &identity, root) {
        // Another first copy created the identity meanwhile.
        Err(Error::ConcurrentChange { path }) => {
            read(root)?.ok_or(Error::ConcurrentChange { path })
        }
        written => written.map(|()| identity.id),
    }
}

/// Writes the complete file, readable for all who can read the root.
fn write(own: &Folder, identity: &Identity, root: &Folder) -> Result<()> {
    let mode = root.stat_self()?.mode;
    let path = own.path().join(FILE_NAME);
    let temporary = own_name::temporary(&identity.id);
    let text = identity.to_json(&path)?;
    let mut file = own.create_file(&temporary)?;
    // A run that removes leftovers skips locked files.
    ignore(file.try_lock(), "a file system without locks");
    root.assign_owner_to(&file);
    let written = file
        .write_all(text.as_bytes())
        .and_then(|()| file::set_mode(&file, mode & 0o666 | 0o600))
        .and_then(|()| file.sync_all())
        .at("write", &path)
        .and_then(|()| {
            own.rename_no_replace(&temporary, own, OsStr::new(FILE_NAME), &own.permit()?)
        });
    if written.is_err() {
        ignore(own.remove_temporary(&temporary), "a later run removes it");
    }
    written?;
    own.flush()
}
