//! The policies that all workstations share through the catalog, beside those that the start-up file states.
//!
//! Rule: where the two differ, both are shown and the stricter counts, until one of them is given up.

use std::collections::BTreeMap;

use super::catalog_session::{ExchangeDirection, exchange_all};
use super::workspace::Workspace;
use crate::base::error::{Error, Result};
use crate::base::monitor::ProgressEvent;
use crate::model::policy::{Policy, StudioPolicy};

impl Workspace {
    /// Reads the policies of the studio, as far as this index knows them.
    pub fn learn_policies(&mut self) -> Result<()> {
        let shared = self.index.shared_policies()?;
        let mut policies = BTreeMap::new();
        if !shared.is_empty() {
            let names = self.index.host_names()?;
            for one in shared {
                let host = one.host.and_then(|host| names.get(&host).cloned());
                let policy = one.policy;
                policies.insert(one.category, StudioPolicy { policy, host });
            }
        }
        self.registry.set_studio_policies(policies);
        Ok(())
    }

    /// Reports each category for which the start-up file states another policy than the studio has, once in a session.
    pub(super) fn report_policy_conflicts(&mut self) {
        for category in self.registry.categories() {
            if let Some(conflict) = self.registry.policy_conflict(&category.name) {
                let notice = conflict.words(&category.name);
                if !self.catalog_pace.is_new(&notice) {
                    continue;
                }
                self.monitor.on_event(&ProgressEvent::Notice(&notice));
            }
        }
    }

    /// True if a policy that is set now is one of the studio, not one of this session or of the start-up file.
    pub(super) const fn shares_policies(&self) -> bool {
        let is_startup = self.root_prefetch.is_some();
        self.settings.catalog.is_some()
            && !is_startup
            && !self.dry_run
            && !self.index.is_read_only()
    }

    /// Sets the policy of a category for the studio, or removes it, in place of what the start-up file states. Returns true if
    /// that changed anything. A catalog that is away learns it later.
    pub(super) fn share_policy(&mut self, category: &str, policy: Option<Policy>) -> Result<bool> {
        self.learn_policies()?;
        let key = self.registry.category(category)?.key().to_owned();
        let is_stated = self.registry.set_policy(category, None)?;
        let known = self.registry.studio_policy(category);
        if !is_stated && known.and_then(|one| one.policy) == policy {
            return Ok(false);
        }
        self.index.set_shared_policy(&key, policy)?;
        if let Some(address) = self.settings.catalog.clone() {
            let exchanged = exchange_all(
                (&mut self.index, &self.registry),
                (&address, self.catalog_pace.refusal()),
                ExchangeDirection::Both,
                self.monitor.as_ref(),
            );
            match exchanged {
                Err(error @ Error::Catalog { .. }) => {
                    let notice = format!(
                        "{}; other workstations learn the policy at the next exchange",
                        error.full_message()
                    );
                    self.monitor.on_event(&ProgressEvent::Notice(&notice));
                }
                exchanged => drop(exchanged?),
            }
        }
        self.learn_policies()?;
        Ok(true)
    }
}
