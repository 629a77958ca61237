//! How the first program answered every question: a walk of all roots that adds up the sizes of the files. It is what an
//! index has to be compared with.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use auto_backup::error::At as _;

use crate::outcome::Outcome;
use crate::studio::CATEGORIES;

/// Prints the bytes of every project below these roots.
pub(crate) fn run(roots: impl Iterator<Item = impl AsRef<Path>>) -> Outcome<()> {
    for root in roots {
        for (_, category) in CATEGORIES {
            let category = root.as_ref().join(category);
            for client in fs::read_dir(&category).at("read", &category)? {
                let client = client.at("read", &category)?.path();
                for project in fs::read_dir(&client).at("read", &client)? {
                    let project = project.at("read", &client)?.path();
                    let (_, bytes) = totals(&project)?;
                    writeln!(io::stdout(), "{bytes}\t{}", project.display())?;
                }
            }
        }
    }
    Ok(())
}

/// How many files are below a folder, and their sizes.
pub(crate) fn totals(folder: &Path) -> Outcome<(u64, u64)> {
    let (mut files, mut bytes) = (0, 0);
    for entry in fs::read_dir(folder).at("read", folder)? {
        let entry = entry.at("read", folder)?;
        let path = entry.path();
        let (more_files, more_bytes) = if entry.file_type().at("read", &path)?.is_dir() {
            totals(&path)?
        } else {
            (1, entry.metadata().at("read", &path)?.len())
        };
        files += more_files;
        bytes += more_bytes;
    }
    Ok((files, bytes))
}
