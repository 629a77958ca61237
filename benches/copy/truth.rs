//! Checks of copies: the speed of a wrong copy is meaningless.

use std::process::Command;

use auto_backup::base::error::IoResultExt as _;

use crate::common::installed::is_installed;
use crate::common::interrupted;
use crate::common::outcome::Outcome;
use crate::common::totals::totals;
use crate::destination::Destination;
use crate::set::Set;
use crate::tool::Tool;

/// Compares a tool's copy with the set: number of files, bytes, and for ours the content.
pub(crate) fn check(tool: Tool, set: &Set, to: &Destination) -> Outcome<()> {
    interrupted::check()?;
    let (files, bytes) = totals(&to.project())?;
    if (files, bytes) != (set.files, set.files * set.size) {
        let name = tool.name;
        return Err(format!(
            "{name} made {files} files, {bytes} bytes of {}",
            set.title()
        )
        .into());
    }
    if tool.is_ours() && is_installed("rsync") {
        let differing = differing(set, to)?;
        if !differing.is_empty() {
            return Err(format!("{} made other files:\n{differing}", tool.name).into());
        }
    }
    interrupted::check()?;
    Ok(())
}

/// Returns the changes, one line a file, that rsync would make to the copy after reading both sides.
fn differing(set: &Set, to: &Destination) -> Outcome<String> {
    // With a final slash the contents of the folders are compared.
    let [from, to] = [set.project(), to.project()].map(|folder| folder.join(""));
    let output = Command::new("rsync")
        .args(["-rcn", "--delete", "-i"])
        .args([from, to])
        .output()
        .at("run", "rsync")?;
    interrupted::check()?;
    if !output.status.success() {
        let complaints = String::from_utf8_lossy(&output.stderr);
        return Err(format!("rsync ended with {}\n{complaints}", output.status).into());
    }
    Ok(String::from_utf8(output.stdout)?)
}
