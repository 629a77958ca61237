//! Carrying out a plan: folders first, then files folder by folder, then the folders' own times.
//!
//! Every step of the plan ends in exactly one outcome. A file counts as copied only once it has its final name and its
//! folder has been flushed.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::copy_file::{Part, copy_file, make_link, sweep};
use crate::error::{Error, Result};
use crate::exclusions::{OWN_FOLDER, is_temporary};
use crate::interrupt;
use crate::monitor::{Event, Monitor};
use crate::os::folder::{Folder, is_missing};
use crate::os::stat::Kind;
use crate::plan::{Action, Plan, PlannedFolder, Step};
use crate::tree::Entry;
use crate::versions::{Kept, Versions};

/// How one step ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is whole at the destination.
    Copied {
        /// Its size.
        bytes: u64,
        /// Whether it took the place of an older version, which was kept.
        replaced: bool,
    },
    /// It was there already.
    Same,
    /// Another version is there and was kept.
    Conflict(String),
    /// It was left out.
    Skipped(String),
    /// It is not at the destination, or not as it should be.
    Failed(String),
    /// The run was stopped before it came to this.
    Unreached,
}

/// The two folders between which a plan is carried out.
#[derive(Debug)]
pub struct Route<'a> {
    /// The source database's root.
    pub source: &'a Folder,
    /// The destination database's root.
    pub destination: &'a Folder,
    /// The replica's folder below both roots.
    pub relative: &'a Path,
}

/// Carries out a plan; `report` is told the path and outcome of every step, once.
///
/// Stopping on request is no error here: what was not reached is reported so.
pub fn transfer(
    plan: &Plan,
    route: &Route<'_>,
    versions: &Versions<'_>,
    monitor: &dyn Monitor,
    report: &mut dyn FnMut(&Path, Outcome),
) {
    let mut transfer = Transfer {
        route,
        versions,
        monitor,
        report,
        failed: Vec::new(),
        touched: BTreeSet::new(),
    };
    transfer.make_folders(plan);
    transfer.copy_all(&plan.steps);
    transfer.sweep_leftovers(&plan.leftovers);
    transfer.finish_folders(&plan.folders);
}

/// Removes what killed runs left in our own folder at a root.
pub fn sweep_own(root: &Folder) {
    let Ok(own) = root.child(OsStr::new(OWN_FOLDER)) else {
        return;
    };
    let names = own.entries().unwrap_or_default();
    for name in names.iter().filter(|name| is_temporary(name)) {
        // One that is in use, or cannot be removed, stays for a later run.
        let _swept = sweep(&own, name);
    }
}

/// The state of a transfer.
struct Transfer<'a, 'b> {
    route: &'a Route<'b>,
    versions: &'a Versions<'b>,
    monitor: &'a dyn Monitor,
    report: &'a mut dyn FnMut(&Path, Outcome),
    /// Folders that could not be made, and why.
    failed: Vec<(PathBuf, String)>,
    /// Folders that were made or written into.
    touched: BTreeSet<PathBuf>,
}

impl Transfer<'_, '_> {
    /// The folder of this path at the destination.
    fn destination(&self, path: &Path) -> Result<Folder> {
        self.route
            .destination
            .beneath(&self.route.relative.join(path))
    }

    /// Makes the replica's own folder and all folders of the plan that are not there.
    fn make_folders(&mut self, plan: &Plan) {
        let work = plan.copies() > 0 || plan.folders.iter().any(|folder| !folder.exists);
        if !work {
            return;
        }
        if let Err(error) = self.make_replica_folder() {
            self.fail_folder(Path::new(""), &error);
        }
        self.touched.insert(PathBuf::new());
        for folder in plan
            .folders
            .iter()
            .filter(|folder| !folder.exists && folder.entry.path != Path::new(""))
        {
            if interrupt::requested() || self.failure(&folder.entry.path).is_some() {
                continue;
            }
            if let Err(error) = self.make_folder(folder) {
                self.fail_folder(&folder.entry.path, &error);
            }
        }
    }

    /// Makes the folders down to the replica's own where they are not there. Those of the category are everybody's, as
    /// the root is; the client's and the project's are never wider than at the source, also if the run is killed.
    fn make_replica_folder(&self) -> Result<()> {
        const CLIENT_AND_PROJECT: usize = 2;
        let root = self.route.destination;
        let shared = self
            .route
            .relative
            .iter()
            .count()
            .saturating_sub(CLIENT_AND_PROJECT);
        let mut source = self.route.source.beneath(Path::new(""))?;
        let mut folder = root.beneath(Path::new(""))?;
        for (level, name) in self.route.relative.iter().enumerate() {
            source = source.child(name)?;
            folder = folder.child_like(name, if level < shared { root } else { &source })?;
        }
        Ok(())
    }

    fn fail_folder(&mut self, path: &Path, error: &Error) {
        (self.report)(path, Outcome::Failed(error.line()));
        self.failed.push((path.to_owned(), error.line()));
    }

    /// Makes one folder, after keeping what has its name.
    fn make_folder(&mut self, folder: &PlannedFolder) -> Result<()> {
        let path = &folder.entry.path;
        let (above, name) = split(path);
        let parent = self.destination(above)?;
        if let Some(old) = &folder.replaces {
            check_unchanged(&parent, name, old)?;
            self.versions
                .keep(&parent, name, self.route.relative, path, true)?;
        }
        if let Err(error) = parent.make(name, folder.entry.mode | 0o700) {
            if folder.replaces.is_some() {
                self.versions
                    .put_back(&parent, name, self.route.relative, path)?;
            }
            return Err(error);
        }
        parent.flush()?;
        self.touched.insert(above.to_owned());
        self.touched.insert(path.clone());
        Ok(())
    }

    /// Why nothing can be written at a path, if a folder above it could not be made.
    fn failure(&self, path: &Path) -> Option<String> {
        self.failed
            .iter()
            .find(|(folder, _)| path.starts_with(folder))
            .map(|(_, why)| why.clone())
    }

    /// Handles all steps, grouped by folder so that each is opened and flushed once.
    fn copy_all(&mut self, steps: &[Step]) {
        let mut groups: BTreeMap<&Path, Vec<&Step>> = BTreeMap::new();
        for step in steps {
            let outcome = match &step.action {
                Action::Copy { .. } => {
                    groups.entry(split(&step.path).0).or_default().push(step);
                    continue;
                }
                Action::Same => Outcome::Same,
                Action::Conflict(why) => Outcome::Conflict(why.clone()),
                Action::Skip(why) => Outcome::Skipped(why.clone()),
                Action::Fail(why) => Outcome::Failed(why.clone()),
            };
            (self.report)(&step.path, outcome);
        }
        for (folder, steps) in groups {
            self.copy_group(folder, &steps);
        }
    }

    /// Copies the files and links of one folder.
    fn copy_group(&mut self, folder: &Path, steps: &[&Step]) {
        let reason = self.failure(folder);
        let opened = self.destination(folder).and_then(|to| {
            let from = self
                .route
                .source
                .beneath(&self.route.relative.join(folder))?;
            Ok((from, to))
        });
        let (from, to) = match (interrupt::check(), reason, opened) {
            (Err(_), ..) => return self.skip(steps),
            (_, Some(why), _) => return self.fail(steps, &why),
            (_, _, Err(error)) => return self.fail(steps, &error.line()),
            (_, _, Ok(folders)) => folders,
        };
        let mut copied = Vec::new();
        for (place, step) in steps.iter().enumerate() {
            if interrupt::requested() {
                self.skip(&steps[place..]);
                break;
            }
            match self.copy_step(&from, &to, step) {
                Ok(bytes) => copied.push((step, bytes)),
                Err(Error::Interrupted) => self.skip(&[step]),
                Err(error) => (self.report)(&step.path, Outcome::Failed(error.line())),
            }
            self.monitor.event(&Event::Files(1));
        }
        self.touched.insert(folder.to_owned());
        let flushed = to.flush();
        for (step, bytes) in copied {
            let outcome = match &flushed {
                Ok(()) => Outcome::Copied {
                    bytes,
                    replaced: matches!(step.action, Action::Copy { replaces: Some(_) }),
                },
                Err(error) => Outcome::Failed(error.line()),
            };
            (self.report)(&step.path, outcome);
        }
    }

    fn skip(&mut self, steps: &[&Step]) {
        for step in steps {
            (self.report)(&step.path, Outcome::Unreached);
        }
    }

    fn fail(&mut self, steps: &[&Step], why: &str) {
        for step in steps {
            (self.report)(&step.path, Outcome::Failed(why.to_owned()));
        }
    }

    /// Copies one file or link, after keeping the version it replaces; gives its bytes.
    fn copy_step(&self, from: &Folder, to: &Folder, step: &Step) -> Result<u64> {
        let name = split(&step.path).1;
        let replaces = match &step.action {
            Action::Copy { replaces } => replaces.as_ref(),
            _ => None,
        };
        if step
            .entry
            .as_ref()
            .is_some_and(|entry| entry.kind == Kind::Link)
        {
            return self.copy_link(from, to, step, replaces).map(|()| 0);
        }
        let progress = |bytes| self.monitor.event(&Event::Bytes(bytes));
        let part = match copy_file(from, name, to, &progress) {
            // Written to while it was read: once more, in case that was the end of it.
            Err(Error::Changed { .. }) => copy_file(from, name, to, &progress)?,
            copied => copied?,
        };
        let bytes = part.source.bytes;
        self.place(to, part, step, replaces)?;
        Ok(bytes)
    }

    /// Makes a link like the one at the source.
    fn copy_link(
        &self,
        from: &Folder,
        to: &Folder,
        step: &Step,
        replaces: Option<&Entry>,
    ) -> Result<()> {
        let part = make_link(from, split(&step.path).1, to)?;
        self.place(to, part, step, replaces)
    }

    /// Gives a whole copy its name, after keeping what has that name.
    fn place(
        &self,
        to: &Folder,
        part: Part<'_>,
        step: &Step,
        replaces: Option<&Entry>,
    ) -> Result<()> {
        let name = split(&step.path).1;
        let Some(old) = replaces else {
            return part.place_new(name);
        };
        check_unchanged(to, name, old)?;
        let (versions, relative) = (self.versions, self.route.relative);
        match versions.keep(to, name, relative, &step.path, false)? {
            // Somebody may have saved a newer version while the old one was kept.
            Kept::Doubled(state) if !to.stat(name)?.unchanged_since(&state) => Err(Error::Raced {
                path: to.path().join(name),
            }),
            Kept::Doubled(_) => part.place_over(name),
            Kept::Moved => part.place_new(name).map_err(|error| {
                match versions.put_back(to, name, relative, &step.path) {
                    Ok(()) => error,
                    // Both failed: the second says where the old version is.
                    Err(lost) => lost,
                }
            }),
        }
    }

    /// Removes what killed runs left behind.
    fn sweep_leftovers(&self, leftovers: &[PathBuf]) {
        for path in leftovers {
            let (above, name) = split(path);
            // One that is in use, or cannot be removed, stays for a later run.
            let _swept = self
                .destination(above)
                .is_ok_and(|folder| sweep(&folder, name));
        }
    }

    /// Gives folders that were made or written into their times, and the new ones their permissions, deepest first.
    fn finish_folders(&mut self, folders: &[PlannedFolder]) {
        for folder in folders
            .iter()
            .rev()
            .filter(|folder| self.touched.contains(&folder.entry.path))
        {
            let path = &folder.entry.path;
            if let Err(error) = self.finish_folder(folder)
                && !is_missing(&error)
            {
                (self.report)(path, Outcome::Failed(error.line()));
            }
        }
    }

    fn finish_folder(&self, folder: &PlannedFolder) -> Result<()> {
        let path = self.route.relative.join(&folder.entry.path);
        let (above, name) = split(&path);
        let parent = self.route.destination.beneath(above)?;
        if !folder.exists {
            parent.child(name)?.set_own_mode(folder.entry.mode)?;
        }
        match parent.set_modified(name, folder.entry.modified) {
            // The time of a folder that was there before is its owner's to set.
            Err(Error::Io { source, .. })
                if folder.exists && source.kind() == ErrorKind::PermissionDenied =>
            {
                Ok(())
            }
            set => set,
        }
    }
}

/// Fails unless the destination's entry is still what the plan saw.
fn check_unchanged(folder: &Folder, name: &OsStr, planned: &Entry) -> Result<()> {
    let now = folder.stat(name)?;
    let bytes = if now.kind == Kind::File { now.bytes } else { 0 };
    if (now.kind, bytes, now.modified) == (planned.kind, planned.bytes, planned.modified) {
        return Ok(());
    }
    Err(Error::Raced {
        path: folder.path().join(name),
    })
}

/// The folder of a path and its last name.
fn split(path: &Path) -> (&Path, &OsStr) {
    (
        path.parent().unwrap_or(Path::new("")),
        path.file_name().unwrap_or_default(),
    )
}
