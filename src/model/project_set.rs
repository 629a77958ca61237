//! A set of projects that a command works on as one scope, as `_` selects them.

use std::collections::BTreeSet;

use super::project_id::{ProjectId, composed_name};
use crate::base::name::Name;
use crate::base::unit;

/// Number of projects that a description names.
const MAX_NAMED: usize = 3;

/// Projects, each in the form it was named and found in any Unicode form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProjectSet {
    /// The projects as named.
    named: BTreeSet<ProjectId>,
    /// Their composed forms, where these differ.
    composed: BTreeSet<ProjectId>,
}

impl ProjectSet {
    pub fn len(&self) -> usize {
        self.named.len()
    }

    pub fn is_empty(&self) -> bool {
        self.named.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = &ProjectId> {
        self.named.iter()
    }

    /// True if the set has this project, in any Unicode form.
    pub fn contains(&self, project: &ProjectId) -> bool {
        self.named.contains(project)
            || (!self.composed.is_empty() || !project.is_ascii()) && self.has_composed(project)
    }

    fn has_composed(&self, project: &ProjectId) -> bool {
        let composed = project.composed();
        self.named.contains(&composed) || self.composed.contains(&composed)
    }

    /// True if the set has a project of this client, in any Unicode form.
    pub fn has_client(&self, client: &Name) -> bool {
        let composed = composed_name(client);
        let mut all = self.named.iter().chain(&self.composed);
        all.any(|project| project.client == *client || project.client == composed)
    }

    /// Returns the client of all projects, if they have one in common.
    pub fn common_client(&self) -> Option<&Name> {
        let client = &self.named.first()?.client;
        let is_common = self.named.iter().all(|project| project.client == *client);
        is_common.then_some(client)
    }

    /// Names the first projects and counts the others: `acme/spot, acme/teaser, zoo/film and 5 more`.
    pub fn description(&self) -> Name {
        let mut text = Vec::new();
        for (place, project) in self.named.iter().take(MAX_NAMED).enumerate() {
            if place > 0 {
                text.extend_from_slice(b", ");
            }
            text.extend_from_slice(project.name().as_bytes());
        }
        if let Some(more) = self.len().checked_sub(MAX_NAMED).filter(|more| *more > 0) {
            let more = unit::format_count(more as u64);
            text.extend_from_slice(format!(" and {more} more").as_bytes());
        }
        Name::from_bytes(text)
    }
}

impl FromIterator<ProjectId> for ProjectSet {
    fn from_iter<I: IntoIterator<Item = ProjectId>>(projects: I) -> Self {
        let named: BTreeSet<ProjectId> = projects.into_iter().collect();
        let composed = named.iter().filter(|project| !project.is_ascii());
        let composed = composed.map(ProjectId::composed);
        let composed = composed.filter(|project| !named.contains(project));
        let composed = composed.collect();
        Self { named, composed }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project(client: &str, project: &str) -> ProjectId {
        ProjectId {
            client: client.into(),
            project: project.into(),
        }
    }

    #[test]
    fn set_has_project_in_any_form() {
        let (composed, stored) = ("caf\u{e9}", "cafe\u{301}");
        for (named, asked) in [(composed, stored), (stored, composed), (stored, stored)] {
            let set = ProjectSet::from_iter([project(named, "a"), project("zoo", "b")]);
            assert!(set.contains(&project(asked, "a")), "{named} {asked}");
            assert!(set.has_client(&asked.into()));
            assert!(!set.contains(&project(asked, "b")) && !set.has_client(&"cafe".into()));
        }
    }

    #[test]
    fn long_set_is_described_by_first_names() {
        let set = |count: usize| {
            let projects = (0..count).map(|number| project("acme", &format!("p{number}")));
            projects.collect::<ProjectSet>()
        };
        assert_eq!(set(1).description().to_string(), "acme/p0");
        let three = "acme/p0, acme/p1, acme/p2";
        assert_eq!(set(3).description().to_string(), three);
        let more = "acme/p0, acme/p1, acme/p10 and 1,497 more";
        assert_eq!(set(1500).description().to_string(), more);
        assert_eq!(set(2).common_client(), Some(&"acme".into()));
    }
}
