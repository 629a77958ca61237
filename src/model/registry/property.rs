//! Properties of registered names: the policy of a category, the attributes of a database.

use super::{CategoryAttributes, DatabaseAttributes, Registry, named};
use crate::base::error::Result;
use crate::base::noun::Noun;
use crate::model::place::check_name;
use crate::model::policy::Policy;

impl Registry {
    /// Returns the policy of a category; without one, it demands two copies.
    pub fn policy(&self, category: &str) -> Policy {
        self.policies.get(category).copied().unwrap_or_default()
    }

    /// True if the category has a policy of its own.
    pub fn has_policy(&self, category: &str) -> bool {
        self.policies.contains_key(category)
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
