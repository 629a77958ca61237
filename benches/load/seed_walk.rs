//! The first program's way to answer: a walk of all roots that sums the sizes of the files. An index must be compared
//! with it.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use auto_backup::base::error::IoResultExt as _;

use crate::common::outcome::Outcome;
use crate::common::totals::totals;
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
