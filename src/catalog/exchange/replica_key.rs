//! The key of a replica in rows of the catalog: category, client and project, which may be any bytes.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use postgres::Row;

use crate::base::name::Name;
use crate::index::{SharedReplicaKey, is_possible_name, possible_path};
use crate::model::project::ProjectId;

/// Reads the key of a replica from this column on; `None` if no scan could have found it.
pub(super) fn read_key(row: &Row, column: usize) -> Option<SharedReplicaKey> {
    let [client, project] = [1, 2].map(|offset| row.get::<_, &[u8]>(column + offset));
    if !is_possible_name(client) || !is_possible_name(project) {
        return None;
    }
    Some(SharedReplicaKey {
        category: path_of(row.get(column))?.to_owned(),
        project: ProjectId {
            client: Name::from_bytes(client.to_vec()),
            project: Name::from_bytes(project.to_vec()),
        },
    })
}

/// Returns the path of a row; `None` if no scan could have found it.
pub(super) fn path_of(bytes: &[u8]) -> Option<&Path> {
    possible_path(bytes)
}

/// The bytes of a path, as rows hold them.
pub(super) fn bytes_of(path: &Path) -> &[u8] {
    let path: &OsStr = path.as_os_str();
    path.as_bytes()
}
