//! The identity file `ROOT/.auto-backup/database.json`: tells a database from an empty mount point or another disk.

use std::ffi::OsStr;
use std::io::{Read as _, Write as _};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::{At as _, Result};
use crate::exclusions::{OWN_FOLDER, TEMPORARY};
use crate::moment::Moment;
use crate::os::folder::{Folder, is_missing};
use crate::os::host;

/// The file's name within our folder.
const FILE: &str = "database.json";

/// What the file says.
#[derive(Debug, Serialize, Deserialize)]
struct Identity {
    /// 128 random bits in hexadecimal.
    id: String,
    /// What the database was called when the file was made; for people.
    name: String,
    /// When it was made, RFC 3339 UTC; for people.
    created: Option<String>,
}

/// The identity at a root; `None` where there is no file or it is not readable as one.
///
/// # Errors
/// The file is there and the disk refused to read it.
pub fn read(root: &Folder) -> Result<Option<String>> {
    let opened = root
        .child(OsStr::new(OWN_FOLDER))
        .and_then(|own| own.open_file(OsStr::new(FILE)));
    let (file, _) = match opened {
        Err(error) if is_missing(&error) => return Ok(None),
        opened => opened?,
    };
    let mut text = String::new();
    file.take(65_536)
        .read_to_string(&mut text)
        .at("read", root.path().join(OWN_FOLDER).join(FILE))?;
    Ok(serde_json::from_str::<Identity>(&text)
        .ok()
        .map(|identity| identity.id))
}

/// The identity at a root, made where there is none.
///
/// # Errors
/// The root cannot be written.
pub fn ensure(root: &Folder, database: &str) -> Result<String> {
    if let Some(id) = read(root)? {
        return Ok(id);
    }
    let identity = Identity {
        id: host::random_id()?,
        name: database.to_owned(),
        created: Moment::now().rfc3339(),
    };
    let own = root.make_beneath(Path::new(OWN_FOLDER))?;
    let temporary = format!("{}{}{}", TEMPORARY.0, identity.id, TEMPORARY.1);
    let path = own.path().join(FILE);
    let mut file = own.create_file(OsStr::new(&temporary))?;
    let text = serde_json::to_string_pretty(&identity)
        .map_err(std::io::Error::from)
        .at("write", &path)?;
    let written = file
        .write_all(text.as_bytes())
        .and_then(|()| file.write_all(b"\n"));
    written.and_then(|()| file.sync_all()).at("write", &path)?;
    own.rename_new(OsStr::new(&temporary), OsStr::new(FILE))?;
    own.flush()?;
    Ok(identity.id)
}
