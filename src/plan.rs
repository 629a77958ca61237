//! What a copy would do, worked out before anything is touched. A plan is a pure value: printing it is the dry run.

use std::path::{Path, PathBuf};

use crate::diff::{Change, Difference, diff};
use crate::name::Name;
use crate::os::stat::Kind;
use crate::tree::{Entry, Tree};

/// How differing files are handled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// Replace also what is newer at the destination; the old version is kept.
    pub overwrite: bool,
    /// Only add what is missing.
    pub only_add: bool,
}

/// What is to be done with one file, link or special file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Copy it; `replaces` is what has its name at the destination now.
    Copy {
        /// The version to be kept.
        replaces: Option<Entry>,
    },
    /// The destination has it.
    Same,
    /// The destination has another, and the rules do not say to replace it.
    Conflict(String),
    /// It is left out on purpose.
    Skip(String),
    /// It could not be looked at.
    Fail(String),
}

/// One item of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The path below the replica's folder.
    pub path: PathBuf,
    /// The entry at the source, where it could be looked at.
    pub entry: Option<Entry>,
    /// What is to be done.
    pub action: Action,
}

/// A folder of the source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedFolder {
    /// The folder at the source.
    pub entry: Entry,
    /// Whether the destination has it.
    pub exists: bool,
    /// What has its name at the destination now and is to be kept elsewhere.
    pub replaces: Option<Entry>,
}

/// What a copy of one replica would do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Folders, each before what is in it.
    pub folders: Vec<PlannedFolder>,
    /// Everything else, sorted by path.
    pub steps: Vec<Step>,
    /// Temporary files of ours at the destination.
    pub leftovers: Vec<PathBuf>,
}

impl Plan {
    /// Bytes that are to be copied.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let copied = self
            .steps
            .iter()
            .filter(|step| matches!(step.action, Action::Copy { .. }));
        let sizes = copied
            .filter_map(|step| step.entry.as_ref())
            .map(|entry| entry.bytes);
        sizes.fold(0, u64::saturating_add)
    }

    /// How many items are to be copied.
    #[must_use]
    pub fn copies(&self) -> u64 {
        self.steps
            .iter()
            .filter(|step| matches!(step.action, Action::Copy { .. }))
            .count() as u64
    }
}

/// Plans the copy of one replica.
#[must_use]
pub fn plan(source: &Tree, destination: &Tree, rules: Rules) -> Plan {
    let mut planner = Planner {
        plan: Plan::default(),
        destination,
        rules,
        blocked: Vec::new(),
    };
    for problem in &source.problems {
        let reason = problem.error.line();
        planner.step(&problem.path, None, Action::Fail(reason));
    }
    for change in diff(source, destination) {
        match change {
            Change::OnlyB(_) => {}
            Change::OnlyA(entry) => planner.entry(entry, None, None),
            Change::Same(entry, there) => planner.entry(entry, Some(there), None),
            Change::Differs(entry, there, why) => planner.entry(entry, Some(there), Some(why)),
        }
    }
    let mut plan = planner.plan;
    plan.steps
        .sort_by(|a, b| a.path.as_os_str().cmp(b.path.as_os_str()));
    plan.leftovers.clone_from(&destination.leftovers);
    plan
}

/// The state of planning.
struct Planner<'a> {
    plan: Plan,
    destination: &'a Tree,
    rules: Rules,
    /// Folders that cannot be made at the destination, and why.
    blocked: Vec<(PathBuf, Action)>,
}

impl Planner<'_> {
    fn step(&mut self, path: &Path, entry: Option<&Entry>, action: Action) {
        self.plan.steps.push(Step {
            path: path.to_owned(),
            entry: entry.cloned(),
            action,
        });
    }

    /// Plans one entry of the source.
    fn entry(&mut self, entry: &Entry, there: Option<&Entry>, difference: Option<Difference>) {
        if let Some(action) = self.obstacle(&entry.path) {
            // A folder that is there already needs nothing.
            if entry.kind != Kind::Folder || there.is_none() {
                self.step(&entry.path, Some(entry), action);
            }
            return;
        }
        match entry.kind {
            Kind::Folder => self.folder(entry, there, difference),
            Kind::Special => self.step(
                &entry.path,
                Some(entry),
                Action::Skip(format!("it is {}", entry.kind.noun())),
            ),
            Kind::File | Kind::Link => {
                let action = self.action(entry, there, difference);
                self.step(&entry.path, Some(entry), action);
            }
        }
    }

    /// Why nothing can be done at this path, if so.
    fn obstacle(&self, path: &Path) -> Option<Action> {
        let blocked = self
            .blocked
            .iter()
            .find(|(folder, _)| path.starts_with(folder));
        let unread = self
            .destination
            .problems
            .iter()
            .find(|problem| path.starts_with(&problem.path));
        blocked
            .map(|(_, action)| action.clone())
            .or_else(|| unread.map(|problem| Action::Fail(problem.error.line())))
    }

    /// Plans a folder; where something else has its name, all that is below it shares its fate.
    fn folder(&mut self, entry: &Entry, there: Option<&Entry>, difference: Option<Difference>) {
        let in_the_way = there.filter(|_| difference == Some(Difference::Kind));
        let action = in_the_way.map(|there| self.action(entry, Some(there), difference));
        if let Some(action) = action.filter(|action| !matches!(action, Action::Copy { .. })) {
            self.step(&entry.path, Some(entry), action.clone());
            self.blocked
                .push((entry.path.clone(), below(&entry.path, action)));
            return;
        }
        let exists = there.is_some() && in_the_way.is_none();
        self.plan.folders.push(PlannedFolder {
            entry: entry.clone(),
            exists,
            replaces: in_the_way.cloned(),
        });
    }

    /// What is to be done with an entry of the source that can be copied.
    fn action(
        &self,
        entry: &Entry,
        there: Option<&Entry>,
        difference: Option<Difference>,
    ) -> Action {
        let (Some(there), Some(difference)) = (there, difference) else {
            return if there.is_some() {
                Action::Same
            } else {
                Action::Copy { replaces: None }
            };
        };
        let newer = entry.modified > there.modified && difference != Difference::Kind;
        if self.rules.only_add {
            return Action::Skip(format!(
                "it differs in {}, and only what is missing is added",
                difference.word()
            ));
        }
        if newer || self.rules.overwrite {
            return Action::Copy {
                replaces: Some(there.clone()),
            };
        }
        Action::Conflict(match difference {
            Difference::Kind => {
                format!("{} is there, {} here", there.kind.noun(), entry.kind.noun())
            }
            _ if entry.modified == there.modified => {
                format!(
                    "it differs in {}, and both have the same time",
                    difference.word()
                )
            }
            _ => format!(
                "it differs in {}, and the one there is newer",
                difference.word()
            ),
        })
    }
}

/// What becomes of what is in a folder that is not made.
fn below(folder: &Path, action: Action) -> Action {
    let why = |reason| format!("its folder `{}`: {reason}", Name::from(folder));
    match action {
        Action::Conflict(reason) => Action::Conflict(why(reason)),
        Action::Skip(reason) => Action::Skip(why(reason)),
        Action::Fail(reason) => Action::Fail(why(reason)),
        action => action,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::moment::Moment;

    fn entry(path: &str, kind: Kind, bytes: u64, seconds: i64) -> Entry {
        let modified = Moment {
            seconds,
            nanoseconds: 0,
        };
        Entry {
            path: path.into(),
            kind,
            bytes,
            modified,
            mode: 0o644,
            target: None,
            shared: None,
        }
    }

    fn tree(entries: Vec<Entry>) -> Tree {
        Tree {
            entries,
            ..Tree::default()
        }
    }

    fn actions(
        source: Vec<Entry>,
        destination: Vec<Entry>,
        rules: Rules,
    ) -> Vec<(String, &'static str)> {
        let plan = plan(&tree(source), &tree(destination), rules);
        let word = |action: &Action| match action {
            Action::Copy { replaces: None } => "add",
            Action::Copy { replaces: Some(_) } => "replace",
            Action::Same => "same",
            Action::Conflict(_) => "conflict",
            Action::Skip(_) => "skip",
            Action::Fail(_) => "fail",
        };
        plan.steps
            .iter()
            .map(|step| (step.path.display().to_string(), word(&step.action)))
            .collect()
    }

    fn file(path: &str, bytes: u64, seconds: i64) -> Entry {
        entry(path, Kind::File, bytes, seconds)
    }

    #[test]
    fn newer_replaces_and_older_conflicts() {
        let source = || {
            vec![
                file("newer", 1, 9),
                file("older", 1, 1),
                file("same", 1, 5),
                file("size", 2, 5),
                file("x", 1, 1),
            ]
        };
        let there = || {
            vec![
                file("newer", 1, 5),
                file("older", 1, 5),
                file("same", 1, 5),
                file("size", 1, 5),
                file("z", 1, 1),
            ]
        };
        let fates = |rules| {
            actions(source(), there(), rules)
                .into_iter()
                .map(|(_, fate)| fate)
                .collect::<Vec<_>>()
        };
        assert_eq!(
            fates(Rules::default()),
            ["replace", "conflict", "same", "conflict", "add"]
        );
        let overwrite = Rules {
            overwrite: true,
            only_add: false,
        };
        assert_eq!(
            fates(overwrite),
            ["replace", "replace", "same", "replace", "add"]
        );
        let only_add = Rules {
            overwrite: false,
            only_add: true,
        };
        assert_eq!(fates(only_add), ["skip", "skip", "same", "skip", "add"]);
    }

    #[test]
    fn what_lies_below_a_blocked_folder_shares_its_fate() {
        let source = || {
            vec![
                entry("a", Kind::Folder, 0, 1),
                file("a-b", 1, 1),
                file("a/x", 1, 1),
            ]
        };
        let there = || vec![file("a", 1, 1)];
        let fates = actions(source(), there(), Rules::default());
        assert_eq!(
            fates,
            [
                ("a".into(), "conflict"),
                ("a-b".into(), "add"),
                ("a/x".into(), "conflict")
            ]
        );
        let overwrite = Rules {
            overwrite: true,
            only_add: false,
        };
        let fates = actions(source(), there(), overwrite);
        assert_eq!(fates, [("a-b".into(), "add"), ("a/x".into(), "add")]);
    }

    #[test]
    fn an_unread_destination_is_not_an_empty_one() {
        let error = crate::error::Error::Changed {
            path: "/d/a".into(),
        };
        let problems = vec![crate::tree::Problem {
            path: "a".into(),
            error,
        }];
        let destination = Tree {
            problems,
            ..tree(vec![entry("a", Kind::Folder, 0, 1)])
        };
        let source = tree(vec![entry("a", Kind::Folder, 0, 1), file("a/x", 1, 1)]);
        let plan = plan(&source, &destination, Rules::default());
        assert!(matches!(plan.steps[0].action, Action::Fail(_)));
    }
}
