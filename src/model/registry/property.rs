//! Properties of registered names: the policy of a category, the attributes of a database.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::{CategoryAttributes, DatabaseAttributes, Registry, named};
use crate::base::error::Result;
use crate::base::noun::Noun;
use crate::model::place::check_name;
use crate::model::policy::{Policy, PolicyConflict, StudioPolicy};

impl Registry {
    /// Returns the policy of a category; without one, it demands two copies. Of one that is stated here and another one that
    /// workstations share, the stricter counts.
    pub fn policy(&self, category: &str) -> Policy {
        let studio = self.studio_policy(category).map(StudioPolicy::demanded);
        match (self.stated_policy(category), studio) {
            (Some(stated), Some(studio)) => stated.stricter(studio),
            (stated, studio) => stated.or(studio).unwrap_or_default(),
        }
    }

    /// Returns the policy that the start-up file or this session states.
    pub fn stated_policy(&self, category: &str) -> Option<Policy> {
        self.policies.get(category).copied()
    }

    /// Returns the policy that workstations share, also one that was removed.
    pub fn studio_policy(&self, category: &str) -> Option<&StudioPolicy> {
        let category = self.category(category).ok()?;
        self.studio_policies.get(category.key())
    }

    /// True if the category has a policy of its own.
    pub fn has_policy(&self, category: &str) -> bool {
        let studio = self.studio_policy(category);
        self.policies.contains_key(category) || studio.is_some_and(|one| one.policy.is_some())
    }

    /// Returns the two policies of a category that differ, if they do.
    pub fn policy_conflict(&self, category: &str) -> Option<PolicyConflict> {
        let stated = self.stated_policy(category)?;
        let studio = self.studio_policy(category)?;
        (studio.demanded() != stated).then(|| PolicyConflict {
            stated,
            studio: studio.clone(),
        })
    }

    /// Replaces the policies that workstations share, by the key of the category.
    pub fn set_studio_policies(&mut self, policies: BTreeMap<PathBuf, StudioPolicy>) {
        self.studio_policies = policies;
    }

    /// Returns the policies that are stated, by the key of the category.
    pub fn stated_policies(&self) -> Vec<(PathBuf, Policy)> {
        let categories = self.categories.iter();
        let stated = categories.filter_map(|category| {
            let policy = self.policies.get(&category.name)?;
            Some((category.key().to_owned(), *policy))
        });
        stated.collect()
    }

    /// Sets the policy of a category, or removes it. Returns true if that changed anything.
    ///
    /// # Errors
    /// [`Error::UnknownName`](crate::base::error::Error::UnknownName) with the nearest names.
    pub fn set_policy(&mut self, category: &str, policy: Option<Policy>) -> Result<bool> {
        self.category(category)?;
        let before = match policy {
            Some(policy) => self.policies.insert(category.to_owned(), policy),
            None => self.policies.remove(category),
        };
        Ok(before != policy)
    }

    /// Sets the attributes of a category: all of them if `replace`, else those that are stated. Returns true if that changed
    /// any.
    ///
    /// # Errors
    /// [`Error::UnknownName`](crate::base::error::Error::UnknownName) with the nearest names.
    pub fn set_category_attributes(
        &mut self,
        name: &str,
        stated: CategoryAttributes,
        replace: bool,
    ) -> Result<bool> {
        let at = named::position(&self.categories, name)?;
        let attributes = &mut self.categories[at].attributes;
        let before = *attributes;
        if replace {
            *attributes = stated;
        } else {
            attributes.merge(stated);
        }
        Ok(*attributes != before)
    }

    /// Sets the attributes of a database: all of them if `replace`, else those that are stated. Returns true if that changed
    /// any.
    ///
    /// # Errors
    /// [`Error::UnknownName`](crate::base::error::Error::UnknownName) with the nearest names;
    /// [`Error::InvalidWord`](crate::base::error::Error::InvalidWord) for an impossible name of a medium.
    pub fn set_attributes(
        &mut self,
        name: &str,
        stated: &DatabaseAttributes,
        replace: bool,
    ) -> Result<bool> {
        if let Some(medium) = &stated.medium {
            check_name(Noun::Medium, medium)?;
        }
        let at = named::position(&self.databases, name)?;
        let attributes = &mut self.databases[at].attributes;
        let before = attributes.clone();
        if replace {
            attributes.clone_from(stated);
        } else {
            attributes.merge(stated);
        }
        Ok(*attributes != before)
    }
}
