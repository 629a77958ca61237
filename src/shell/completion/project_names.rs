//! Names of clients and projects with the sizes and storages that completion shows beside them.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::sync::Arc;

use super::name_list::NameList;
use crate::base::error::Result;
use crate::base::unit;
use crate::index::Index;
use crate::index::overview;
use crate::model::registry::Registry;

/// Number of storages that a description names.
const MAX_NAMED: usize = 4;

/// Names of clients and projects.
#[derive(Debug, Default)]
pub(in crate::shell) struct ProjectNames {
    pub(super) clients: Arc<NameList>,
    pub(super) projects: Arc<NameList>,
    /// Totals of each client, by the tag of its name.
    client_totals: Vec<ClientTotal>,
    /// Size and storages of each project, by the tag of its name.
    extents: Vec<ProjectExtent>,
    /// Positions of storages in the registry, those of one project after those of another.
    holders: Vec<u16>,
    /// Names of the storages, in the order of the registry.
    databases: Vec<String>,
}

#[derive(Clone, Copy, Debug, Default)]
struct ClientTotal {
    projects: u64,
    bytes: u64,
}

#[derive(Clone, Copy, Debug)]
struct ProjectExtent {
    bytes: u64,
    /// End of its storages in `holders`.
    holders_end: u32,
}

/// One replica, before those of a project are added up.
struct SizedReplica {
    name: OsString,
    category: u16,
    database: u16,
    bytes: u64,
}

impl ProjectNames {
    pub(super) fn read(index: &Index, registry: &Registry) -> Result<Self> {
        let number = |place: usize| u16::try_from(place).unwrap_or(u16::MAX);
        let mut replicas = Vec::new();
        overview::visit_project_sizes(index, registry, |replica| {
            replicas.push(SizedReplica {
                name: OsString::from_vec([replica.client, b"/", replica.project].concat()),
                category: number(replica.category),
                database: number(replica.database),
                bytes: replica.bytes,
            });
        })?;
        let databases = registry.databases().iter().map(|known| known.name.clone());
        Ok(Self::from_replicas(replicas, databases.collect()))
    }

    fn from_replicas(mut replicas: Vec<SizedReplica>, databases: Vec<String>) -> Self {
        // They come in sorted runs, which this stable sort exploits.
        replicas
            .sort_by(|one, other| (&one.name, one.category).cmp(&(&other.name, other.category)));
        let (mut clients, mut projects) = (Vec::<OsString>::new(), Vec::new());
        let mut names = Self {
            databases,
            ..Self::default()
        };
        for same in replicas.chunk_by_mut(|one, other| one.name == other.name) {
            let bytes = names.add_extent(same);
            let Some(first) = same.first_mut() else {
                continue;
            };
            let name = std::mem::take(&mut first.name);
            let client = client_of(&name);
            if clients.last().is_none_or(|last| last != client) {
                clients.push(client.to_owned());
                names.client_totals.push(ClientTotal::default());
            }
            if let Some(total) = names.client_totals.last_mut() {
                total.projects += 1;
                total.bytes = total.bytes.saturating_add(bytes);
            }
            projects.push(name);
        }
        names.clients = Arc::new(clients.into_iter().collect());
        names.projects = Arc::new(projects.into_iter().collect());
        names
    }

    /// Adds size and storages of the next project: of each category the largest replica counts.
    fn add_extent(&mut self, replicas: &[SizedReplica]) -> u64 {
        let categories = replicas.chunk_by(|one, other| one.category == other.category);
        let largest = categories.filter_map(|same| same.iter().map(|replica| replica.bytes).max());
        let bytes = largest.fold(0, u64::saturating_add);
        let mut holders: Vec<u16> = replicas.iter().map(|replica| replica.database).collect();
        holders.sort_unstable();
        holders.dedup();
        self.holders.extend(holders);
        self.extents.push(ProjectExtent {
            bytes,
            holders_end: u32::try_from(self.holders.len()).unwrap_or(u32::MAX),
        });
        bytes
    }

    /// Describes the project with this tag: `6.50 GB on WORK, NAS`.
    pub(super) fn describe_project(&self, tag: u32) -> String {
        let place = tag as usize;
        let Some(extent) = self.extents.get(place) else {
            return String::new();
        };
        let before = place
            .checked_sub(1)
            .and_then(|place| self.extents.get(place));
        let start = before.map_or(0, |before| before.holders_end as usize);
        let holders = self.holders.get(start..extent.holders_end as usize);
        let holders = holders.unwrap_or_default();
        let named = holders
            .iter()
            .filter_map(|place| self.databases.get(usize::from(*place)));
        let named: Vec<&str> = named.take(MAX_NAMED).map(String::as_str).collect();
        let more = match holders.len().saturating_sub(named.len()) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let size = unit::format_bytes(extent.bytes);
        format!("{size} on {}{more}", named.join(", "))
    }

    /// Describes the client with this tag: `12 projects, 340 GB`.
    pub(super) fn describe_client(&self, tag: u32) -> String {
        let Some(total) = self.client_totals.get(tag as usize) else {
            return String::new();
        };
        let projects = unit::format_counted(total.projects, "project");
        format!("{projects}, {}", unit::format_bytes(total.bytes))
    }
}

fn client_of(project: &OsStr) -> &OsStr {
    let bytes = project.as_bytes();
    let end = bytes.iter().position(|byte| *byte == b'/');
    OsStr::from_bytes(&bytes[..end.unwrap_or(bytes.len())])
}

#[cfg(test)]
impl ProjectNames {
    /// Projects of 2 kB each on one storage.
    pub(super) fn of_names<N: Into<OsString>>(projects: impl IntoIterator<Item = N>) -> Self {
        let sized = |project: N| SizedReplica {
            name: project.into(),
            category: 0,
            database: 0,
            bytes: 2000,
        };
        let replicas = projects.into_iter().map(sized).collect();
        Self::from_replicas(replicas, vec!["WORK".to_owned()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn largest_replica_of_each_category_counts() {
        let replica = |name: &str, category, database, bytes| SizedReplica {
            name: name.into(),
            category,
            database,
            bytes,
        };
        let databases = ["WORK", "NAS", "A", "B", "C"].map(str::to_owned);
        let names = ProjectNames::from_replicas(
            vec![
                replica("acme/spot", 0, 0, 3000),
                replica("nova/x", 0, 0, 1),
                replica("acme/spot", 0, 1, 2500),
                replica("acme/spot", 1, 1, 4000),
                replica("acme/film", 0, 1, 10),
                replica("nova/x", 0, 1, 1),
                replica("nova/x", 0, 2, 1),
                replica("nova/x", 0, 3, 1),
                replica("nova/x", 0, 4, 1),
            ],
            databases.into(),
        );
        let described = |name: &str| {
            let place = names.projects.with_prefix(name).start;
            names.describe_project(names.projects.get(place).unwrap().tag)
        };
        assert_eq!(described("acme/spot"), "7.00 kB on WORK, NAS");
        assert_eq!(described("acme/film"), "10 B on NAS");
        assert_eq!(described("nova/x"), "1 B on WORK, NAS, A, B and 1 more");
        let client = names.clients.get(0).unwrap();
        assert_eq!(names.describe_client(client.tag), "2 projects, 7.01 kB");
    }
}
