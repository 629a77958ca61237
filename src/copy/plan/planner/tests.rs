//! Tests of the planner.

use super::*;
use crate::base::error::Error;
use crate::base::timestamp::Timestamp;
use crate::index::SentFile;
use crate::snapshot::tree::Problem;

/// Returns the plan for a destination under these constraints.
fn plan_under(
    constraints: &Constraints<'_>,
    source: &Tree,
    destination: &Tree,
    rules: CopyRules,
    contents: &ContentComparison,
) -> Plan {
    super::plan(PlanInput::new(
        [source, destination],
        rules,
        contents,
        constraints,
    ))
}

fn plan(source: &Tree, destination: &Tree, rules: CopyRules, contents: &ContentComparison) -> Plan {
    plan_under(&Constraints::none(), source, destination, rules, contents)
}

/// Returns the decision about each file, sorted by path.
fn decisions(source: &Tree, destination: &Tree, rules: CopyRules) -> Vec<String> {
    let plan = plan(source, destination, rules, &ContentComparison::default());
    let copied = plan.paths().map(|(path, replaces)| {
        let word = if replaces { "replace" } else { "add" };
        format!("{}: {word}", path.display())
    });
    let left_out = plan.omissions.iter().map(|item| {
        let word = match item.reason {
            OmissionReason::Conflict(_) => "conflict",
            OmissionReason::Skipped(_) => "skip",
            OmissionReason::Failed(_) => "fail",
            OmissionReason::Refused(_) => "refuse",
            OmissionReason::Postponed => "later",
        };
        format!("{}: {word}", item.path.display())
    });
    let mut decisions: Vec<_> = copied.chain(left_out).collect();
    decisions.sort();
    decisions
}

const OVERWRITE: CopyRules = CopyRules {
    overwrite: true,
    only_add: false,
    checksum: false,
    is_offload: false,
};

const ONLY_ADD: CopyRules = CopyRules {
    overwrite: false,
    only_add: true,
    checksum: false,
    is_offload: false,
};

#[test]
fn newer_replaces_and_older_conflicts() {
    let source = Tree::of_files(&[
        ("newer", 1, 9),
        ("older", 1, 1),
        ("same", 1, 5),
        ("size", 2, 5),
        ("x", 1, 1),
    ]);
    let destination = Tree::of_files(&[
        ("newer", 1, 5),
        ("older", 1, 5),
        ("same", 1, 5),
        ("size", 1, 5),
        ("z", 1, 1),
    ]);
    let decisions = |rules| decisions(&source, &destination, rules);
    assert_eq!(
        decisions(CopyRules::default()),
        [
            "newer: replace",
            "older: conflict",
            "size: conflict",
            "x: add"
        ]
    );
    assert_eq!(
        decisions(OVERWRITE),
        [
            "newer: replace",
            "older: replace",
            "size: replace",
            "x: add"
        ]
    );
    assert_eq!(
        decisions(ONLY_ADD),
        ["newer: skip", "older: skip", "size: skip", "x: add"]
    );
    let plan = plan(
        &source,
        &destination,
        CopyRules::default(),
        &ContentComparison::default(),
    );
    assert_eq!((plan.same_files, plan.files, plan.bytes), (1, 2, 2));
}

#[test]
fn checksum_rule_compares_content() {
    let source = Tree::of_files(&[
        ("equal", 1, 9),
        ("new", 1, 9),
        ("rot", 1, 5),
        ("size", 2, 9),
    ]);
    let destination = Tree::of_files(&[
        ("equal", 1, 5),
        ("new", 1, 5),
        ("rot", 1, 5),
        ("size", 1, 5),
    ]);
    let rules = CopyRules {
        checksum: true,
        ..CopyRules::default()
    };
    let contents = ContentComparison {
        differing: ["new".into(), "rot".into()].into(),
        covers_all: true,
        ..ContentComparison::default()
    };
    let plan = plan(&source, &destination, rules, &contents);
    let copied: Vec<_> = plan.paths().map(|(path, _)| path).collect();
    assert_eq!(copied, [PathBuf::from("new"), "size".into()]);
    assert_eq!(plan.same_files, 1);
    let why = "it differs in content, and both have the same time".to_owned();
    assert_eq!(plan.omissions[0].reason, OmissionReason::Conflict(why));
}

#[test]
fn contents_of_a_blocked_folder_are_omitted() {
    let source = Tree::of_files(&[("a/", 0, 1), ("a-b", 1, 1), ("a/x", 1, 1)]);
    let destination = Tree::of_files(&[("a", 1, 1)]);
    let blocked = decisions(&source, &destination, CopyRules::default());
    assert_eq!(blocked, ["a-b: add", "a/x: conflict", "a: conflict"]);
    let replaced = decisions(&source, &destination, OVERWRITE);
    assert_eq!(replaced, ["a-b: add", "a/x: add"]);
}

#[test]
fn unreadable_destination_is_not_empty() {
    let error = Error::SourceChanged {
        path: "/d/a".into(),
    };
    let source = Tree::of_files(&[("a/", 0, 1), ("a/x", 1, 1)]);
    let mut destination = Tree::of_files(&[("a/", 0, 1)]);
    destination.problems.push(Problem {
        path: "a".into(),
        error,
    });
    assert_eq!(
        decisions(&source, &destination, CopyRules::default()),
        ["a/x: fail"]
    );
}

#[test]
fn unsupported_names_are_not_planned() {
    let constraints = Constraints::of_simple_remote();
    let source = Tree::of_files(&[
        ("A/", 0, 1),
        ("A/x", 3, 1),
        ("B", 5, 1),
        ("a", 7, 1),
        ("b", 7, 1),
        ("changed", 2, 9),
        ("plain", 2, 1),
        ("\u{201b}", 2, 1),
    ]);
    let destination = Tree::of_files(&[("b", 7, 1), ("changed", 1, 1)]);
    let contents = ContentComparison::default();
    let plan = plan_under(&constraints, &source, &destination, OVERWRITE, &contents);
    assert_eq!(plan.paths().collect::<Vec<_>>(), [("plain".into(), false)]);
    assert_eq!((plan.files, plan.bytes, plan.same_files), (1, 2, 1));
    let omitted: Vec<_> = plan.omissions.iter().map(|item| &item.path).collect();
    assert_eq!(
        omitted,
        ["A", "A/x", "B", "a", "changed", "\u{201b}"].map(Path::new)
    );
}

#[test]
fn refused_rename_leaves_its_old_file_missing() {
    let old = |path: &str| MissingFile {
        replica: "spot".into(),
        path: path.into(),
        sent: SentFile::default(),
        respelled: None,
    };
    let renames = [("B", "old b"), ("new", "old")].map(|(path, previous)| Rename {
        path: path.into(),
        bytes: 1,
        modified: Timestamp::default(),
        previous: old(previous),
    });
    let source = Tree::of_files(&[("B", 1, 1), ("new", 1, 1)]);
    let destination = Tree::of_files(&[("b", 7, 1)]);
    let (constraints, contents) = (
        Constraints::of_simple_remote(),
        ContentComparison::default(),
    );
    let mut input = PlanInput::new([&source, &destination], OVERWRITE, &contents, &constraints);
    input.renames = &renames;
    let plan = super::plan(input);
    assert_eq!(plan.renames, renames[1..]);
    assert_eq!(plan.missing, [old("old b")]);
    assert_eq!(plan.omissions.len(), 1);
}
