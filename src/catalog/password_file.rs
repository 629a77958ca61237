//! Passwords from the file that PGPASSFILE names, or from `~/.pgpass`, by the rules of libpq.

use std::ffi::OsStr;
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use super::address::{CatalogAddress, ServerPlace};
use crate::base::error::{Error, Result};
use crate::base::name::Name;
use crate::model::path::expand_home;
use crate::os::own_file::OwnFile;

/// The variable with the path of the file.
const VARIABLE: &str = "PGPASSFILE";

/// The file without that variable.
const DEFAULT_FILE: &str = "~/.pgpass";

/// Permissions of the group and of others.
const OTHERS: u32 = 0o077;

/// Length from which a file is no password file.
const MAX_BYTES: u64 = 1 << 20;

/// The result of a search in a password file.
#[derive(Default)]
pub(super) struct PasswordSearch {
    pub(super) password: Option<Vec<u8>>,
    /// The file that was not used, and the reason.
    pub(super) ignored: Option<String>,
}

/// Returns the path of the user's password file.
pub(super) fn path() -> Option<PathBuf> {
    let named = std::env::var_os(VARIABLE).filter(|path| !path.is_empty());
    match named {
        Some(path) => Some(PathBuf::from(path)),
        None => expand_home(OsStr::new(DEFAULT_FILE)).ok(),
    }
}

/// Searches the password of an address in a file. A missing file has none.
pub(super) fn search(path: &Path, address: &CatalogAddress) -> PasswordSearch {
    match read(path) {
        Ok(content) => PasswordSearch {
            password: content.and_then(|content| find(&content, address)),
            ignored: None,
        },
        Err(why) => PasswordSearch {
            password: None,
            ignored: Some(format!("`{}` is ignored: {why}", Name::from(path))),
        },
    }
}

/// Reads the file; `None` if it is missing. The error is the reason not to use it.
fn read(path: &Path) -> Result<Option<Vec<u8>>, String> {
    let words = |error: &Error| match error {
        Error::Io { source, .. } => source.to_string(),
        other => other.full_message(),
    };
    let file = match OwnFile::find(path) {
        Ok(file) => file,
        Err(_) if !path.exists() => return Ok(None),
        Err(error) => return Err(words(&error)),
    };
    let Some(stat) = file.stat().map_err(|error| words(&error))? else {
        return Ok(None);
    };
    if stat.mode & OTHERS != 0 {
        return Err("its group or others may use it; `chmod 600` makes it private".to_owned());
    }
    let (opened, _) = file.open().map_err(|error| words(&error))?;
    let mut content = Vec::new();
    let read = opened.take(MAX_BYTES).read_to_end(&mut content);
    read.map_err(|error| error.to_string())?;
    Ok(Some(content))
}

/// Returns the password of the first line that fits the address.
fn find(content: &[u8], address: &CatalogAddress) -> Option<Vec<u8>> {
    let port = address.port.to_string();
    let hosts: Vec<&[u8]> = match &address.server {
        ServerPlace::Host(host) => vec![host.as_bytes()],
        ServerPlace::Socket(folder) => vec![b"localhost", folder.as_os_str().as_bytes()],
    };
    let wanted: [&[&[u8]]; 4] = [
        &hosts,
        &[port.as_bytes()],
        &[address.name.as_bytes()],
        &[address.user.as_bytes()],
    ];
    let lines = content.split(|byte| *byte == b'\n');
    lines
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
        .filter(|line| !line.starts_with(b"#"))
        .find_map(|line| {
            let mut rest = line;
            for accepted in wanted {
                let field = take_field(&mut rest)?;
                let fits = field.raw == b"*" || accepted.contains(&field.text.as_slice());
                if !fits {
                    return None;
                }
            }
            let password = take_last_field(rest);
            (!password.is_empty()).then_some(password)
        })
}

/// A field of a line.
struct PasswordField<'a> {
    /// As it stands in the file.
    raw: &'a [u8],
    /// Without the backslashes before other characters.
    text: Vec<u8>,
}

/// Takes a field and the colon after it from the beginning of a line; `None` without a colon.
fn take_field<'a>(rest: &mut &'a [u8]) -> Option<PasswordField<'a>> {
    let line = *rest;
    let end = field_end(line);
    *rest = line.get(end + 1..)?;
    let raw = &line[..end];
    Some(PasswordField {
        raw,
        text: unescape(raw),
    })
}

/// Returns the field that a line ends with.
fn take_last_field(rest: &[u8]) -> Vec<u8> {
    unescape(&rest[..field_end(rest)])
}

/// Returns the position of the colon after a field, or the length of the line.
fn field_end(line: &[u8]) -> usize {
    let mut is_escaped = false;
    for (position, byte) in line.iter().enumerate() {
        match byte {
            b':' if !is_escaped => return position,
            b'\\' => is_escaped = !is_escaped,
            _ => is_escaped = false,
        }
    }
    line.len()
}

/// Removes each backslash before another character.
fn unescape(raw: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(raw.len());
    let mut bytes = raw.iter();
    while let Some(byte) = bytes.next() {
        let next = (*byte == b'\\').then(|| bytes.next()).flatten();
        text.push(*next.unwrap_or(byte));
    }
    text
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn found(content: &str, address: &str) -> Option<String> {
        let address = CatalogAddress::parse(address).unwrap();
        let password = find(content.as_bytes(), &address)?;
        Some(String::from_utf8(password).unwrap())
    }

    #[test]
    fn first_line_that_fits_gives_the_password() {
        let content = "# nas:5432:c:a:comment\n\
                       nas:5432:c:b:of-b\n\
                       nas:5433:*:a:other-port\r\n\
                       nas:*:c:a:right\r\n\
                       *:*:*:*:last\n";
        for (address, password) in [
            ("postgres://a@nas/c", "right"),
            ("postgres://b@nas/c", "of-b"),
            ("postgres://a@nas:5433/x", "other-port"),
            ("postgres://z@z/z", "last"),
        ] {
            assert_eq!(found(content, address).as_deref(), Some(password));
        }
        assert_eq!(found("nas:5432:c:a:p", "postgres://a@nas2/c"), None);
        assert_eq!(found("nas:5432:c:a", "postgres://a@nas/c"), None);
        assert_eq!(found("nas:5432:c:a:", "postgres://a@nas/c"), None);
        assert_eq!(found("", "postgres://a@nas/c"), None);
    }

    #[test]
    fn colons_and_backslashes_are_escaped() {
        let content = r"\:\:1:5432:c\\d:a:p\:w\\x:rest";
        let address = "postgres://a@[::1]/c%5Cd?sslmode=disable";
        assert_eq!(found(content, address).as_deref(), Some(r"p:w\x"));
        assert_eq!(
            found(r"nas:5432:c:a:end\", "postgres://a@nas/c").as_deref(),
            Some(r"end\")
        );
        // An escaped star is a name.
        assert_eq!(found(r"\*:5432:c:a:p", "postgres://a@nas/c"), None);
    }

    #[test]
    fn sockets_are_localhost() {
        let address = "postgres://a@/c?host=/run/pg";
        assert_eq!(found("localhost:5432:c:a:p", address).as_deref(), Some("p"));
        assert_eq!(found("/run/pg:5432:c:a:p", address).as_deref(), Some("p"));
        assert_eq!(found("nas:5432:c:a:p", address), None);
    }

    #[test]
    fn file_that_others_may_read_is_ignored() {
        let temporary = tempfile::tempdir().unwrap();
        let path = temporary.path().join("pgpass");
        let address = CatalogAddress::parse("postgres://a@nas/c").unwrap();
        let search = || search(&path, &address);
        assert!(search().password.is_none() && search().ignored.is_none());
        fs::write(&path, "nas:5432:c:a:p\n").unwrap();
        for mode in [0o640, 0o604, 0o620, 0o601] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            assert!(search().password.is_none());
            assert!(search().ignored.unwrap().contains("chmod 600"), "{mode:o}");
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(search().password.as_deref(), Some(&b"p"[..]));
        assert!(super::search(temporary.path(), &address).ignored.is_some());
    }
}
