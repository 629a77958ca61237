//! Notices about categories that no scanned database has, and about trees that look one level off, with the corrected lines.
//!
//! Decision 32 lists the evidence that each notice needs. Everything comes from the index and the scans just made.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use crate::base::error::Result;
use crate::base::name::Name;
use crate::base::suggest::suggest;
use crate::index::Index;
use crate::language::lexer::quote;
use crate::model::layout::LayoutPart;
use crate::model::outside::OutsideEntry;
use crate::model::project::ProjectId;
use crate::model::registry::{Category, Database, Registry};
use crate::os::stat::EntryKind;
use crate::scan::{AbsentCategory, ScanState, ScanSummary};
use crate::snapshot::sequence::Frame;

/// Number of folders that a notice names.
const MAX_NAMES: usize = 3;

/// Extensions of films, sound and scenes, which lie in projects.
const MEDIA: [&str; 22] = [
    "mov", "mp4", "mxf", "avi", "mkv", "braw", "r3d", "ari", "crm", "wav", "aif", "aiff", "nk",
    "ma", "mb", "hip", "blend", "aep", "prproj", "drp", "c4d", "abc",
];

/// The index's knowledge of one scanned database.
struct ScannedDatabase<'s> {
    database: &'s Database,
    absent: &'s [AbsentCategory],
    outside: Vec<OutsideEntry>,
}

/// Returns the notices after a load of these databases.
pub(super) fn layout_notices(
    index: &Index,
    registry: &Registry,
    scans: &[(&Database, &ScanSummary)],
) -> Result<Vec<String>> {
    let mut scanned = Vec::new();
    for (database, summary) in scans {
        let id = index.database_id(&database.root)?;
        let known = id.map_or(Ok(None), |id| index.outside(id))?;
        if let (ScanState::Complete | ScanState::Partial, Some(known)) = (summary.state, known) {
            scanned.push(ScannedDatabase {
                database,
                absent: &summary.absent,
                outside: known.entries,
            });
        }
    }
    let mut notices = Vec::new();
    for category in registry.categories() {
        let notice = match absent_notice(index, registry, category, &scanned)? {
            None => level_notice(index, registry, category, &scanned)?,
            notice => notice,
        };
        notices.extend(notice);
    }
    Ok(notices)
}

/// Returns the line that gives a category another path.
fn corrected_line(category: &Category, path: &Path) -> String {
    let [name, path] = [OsStr::new(&category.name), path.as_os_str()].map(quote);
    format!("add category {name} {path} --replace")
}

fn display_folder(path: &Path) -> String {
    format!("{}/", Name::from(path))
}

/// Returns the notice about a category that no scanned database has a folder for.
fn absent_notice(
    index: &Index,
    registry: &Registry,
    category: &Category,
    scanned: &[ScannedDatabase<'_>],
) -> Result<Option<String>> {
    let absences = scanned.iter().map(|scan| {
        let mut absent = scan.absent.iter();
        absent.find(|absent| absent.name == category.name)
    });
    let Some(absences) = absences.collect::<Option<Vec<_>>>() else {
        return Ok(None);
    };
    for database in registry.databases() {
        if let Some(id) = index.database_id(&database.root)?
            && !index.projects(id, category.key())?.is_empty()
        {
            return Ok(None);
        }
    }
    let elsewhere = absences.iter().flat_map(|absent| &absent.elsewhere);
    let elsewhere: BTreeSet<&PathBuf> = elsewhere.collect();
    let folder = display_folder(category.display_path());
    let name = &category.name;
    let lack = format!("category `{name}`: no scanned storage has the folder `{folder}`");
    if let Some((found, meant)) = deeper_layout(&elsewhere) {
        let (found, line) = (display_folder(found), corrected_line(category, &meant));
        return Ok(Some(format!("{lack}, but `{found}` is there: `{line}`")));
    }
    let beside = absences.iter().flat_map(|absent| &absent.beside);
    let beside = beside_paths(category, beside);
    let found = beside.or_else(|| siblings_of(category, scanned));
    let Some((typed, siblings)) = found else {
        return Ok(None);
    };
    let names: BTreeSet<String> = siblings.keys().cloned().collect();
    let near = suggest(&typed.to_string_lossy(), names.iter().map(String::as_str));
    if let Some(path) = near.first().and_then(|near| siblings.get(*near)) {
        let line = corrected_line(category, path);
        return Ok(Some(format!("{lack}; did you mean `{line}`?")));
    }
    let shown: Vec<String> = names
        .iter()
        .take(MAX_NAMES)
        .map(|name| format!("`{name}/`"))
        .collect();
    let more = match names.len().saturating_sub(MAX_NAMES) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    Ok(Some(format!(
        "{lack}; folders of no category are {}{more}",
        shown.join(", ")
    )))
}

/// Returns a folder with the category's name that lies deeper, and the path of a category that contains all of them.
fn deeper_layout<'f>(found: &BTreeSet<&'f PathBuf>) -> Option<(&'f Path, PathBuf)> {
    let first = found.first()?;
    let names: Vec<&OsStr> = first.iter().collect();
    let meant = match names.as_slice() {
        [_, _, name] => ["{client}".as_ref(), "{project}".as_ref(), *name]
            .iter()
            .collect(),
        [_, name] if found.len() > 1 => ["{project}".as_ref(), *name].iter().collect(),
        _ => (*first).clone(),
    };
    Some((first, meant))
}

/// Returns the last folder of a category's path, and the paths that end in the folders which projects have instead.
fn beside_paths<'n>(
    category: &Category,
    names: impl Iterator<Item = &'n Name>,
) -> Option<(OsString, BTreeMap<String, PathBuf>)> {
    let text = category.layout.text();
    let paths = names.filter_map(|name| {
        let path = text.with_file_name(name.as_os_str());
        Some((name.as_os_str().to_str()?.to_owned(), path))
    });
    let paths: BTreeMap<String, PathBuf> = paths.collect();
    let typed = text.file_name()?.to_owned();
    (!paths.is_empty()).then_some((typed, paths))
}

/// Returns the first folder of a category's path that is missing, and the paths that the folders of no category beside it
/// would give the category.
fn siblings_of(
    category: &Category,
    scanned: &[ScannedDatabase<'_>],
) -> Option<(OsString, BTreeMap<String, PathBuf>)> {
    let base = category.base();
    let mut missing = base.ancestors().filter(|path| path.file_name().is_some());
    missing.find_map(|path| {
        let (parent, name) = (path.parent()?, path.file_name()?);
        let entries = scanned.iter().flat_map(|scan| &scan.outside);
        let folders = entries
            .filter(|entry| entry.kind == EntryKind::Folder && entry.path.parent() == Some(parent));
        let rest = category
            .layout
            .text()
            .strip_prefix(path)
            .unwrap_or(Path::new(""));
        let named: BTreeMap<String, PathBuf> = folders
            .filter_map(|entry| {
                let name = entry.path.file_name()?.to_str()?.to_owned();
                let path: PathBuf = entry.path.iter().chain(rest).collect();
                Some((name, path))
            })
            .collect();
        (!named.is_empty()).then(|| (name.to_owned(), named))
    })
}

/// The tree of a category on one database, as far as it tells clients and projects apart.
#[derive(Default)]
struct CategoryTree {
    clients: BTreeSet<Name>,
    /// Clients with media files beside their projects.
    clients_with_media: BTreeSet<Name>,
    /// Clients by the names of their projects.
    projects: BTreeMap<Name, BTreeSet<Name>>,
}

impl CategoryTree {
    fn read(index: &Index, category: &Category, scan: &ScannedDatabase<'_>) -> Result<Self> {
        let mut tree = Self::default();
        if let Some(id) = index.database_id(&scan.database.root)? {
            for ProjectId { client, project } in index.projects(id, category.key())? {
                tree.projects
                    .entry(project)
                    .or_default()
                    .insert(client.clone());
                tree.clients.insert(client);
            }
        }
        let base = category.base();
        for entry in scan
            .outside
            .iter()
            .filter(|entry| entry.kind == EntryKind::File)
        {
            let folder = entry
                .path
                .parent()
                .and_then(|folder| folder.strip_prefix(&base).ok());
            let names: Vec<&OsStr> = folder.into_iter().flatten().collect();
            if let [client] = names.as_slice() {
                let client = Name::from(*client);
                if is_media(&entry.path) {
                    tree.clients_with_media.insert(client.clone());
                }
                tree.clients.insert(client);
            }
        }
        Ok(tree)
    }

    /// True if at least half of the clients have media files beside their projects.
    fn has_media_at_clients(&self) -> bool {
        let media = self.clients_with_media.len();
        media > 0 && media * 2 >= self.clients.len()
    }

    /// True if at least half of the projects have a name that another client's project has too.
    fn repeats_projects(&self) -> bool {
        let all: usize = self.projects.values().map(BTreeSet::len).sum();
        let repeated = self.projects.values().map(BTreeSet::len);
        let repeated: usize = repeated.filter(|clients| *clients > 1).sum();
        repeated > 0 && repeated * 2 >= all
    }
}

/// Returns the notice about a category whose clients and projects look one level off.
fn level_notice(
    index: &Index,
    registry: &Registry,
    category: &Category,
    scanned: &[ScannedDatabase<'_>],
) -> Result<Option<String>> {
    let parts = category.layout.parts();
    if !matches!(parts, [.., LayoutPart::Client, LayoutPart::Project]) {
        return Ok(None);
    }
    for scan in scanned {
        let tree = CategoryTree::read(index, category, scan)?;
        let (name, base) = (&category.name, category.base());
        if let Some(above) = outer_folder(registry, category, scan)
            && (tree.has_media_at_clients() || tree.repeats_projects())
        {
            let line = corrected_line(category, above);
            let (base, above) = (display_folder(&base), display_folder(above));
            return Ok(Some(format!(
                "category `{name}` looks one level too deep on {}: `{base}` looks like one client of `{above}`: `{line}`",
                scan.database.name
            )));
        }
        if tree.clients_with_media.len() > 1 && tree.has_media_at_clients() {
            let line = corrected_line(category, &base.join("{project}"));
            let (media, clients) = (tree.clients_with_media.len(), tree.clients.len());
            return Ok(Some(format!(
                "category `{name}` looks one level off on {}: {media} of {clients} client folders have media files beside their projects; if the studio has no client folders: `{line}`",
                scan.database.name
            )));
        }
    }
    Ok(None)
}

/// Returns the folder around a category, if it holds folders of no category, and no other category.
fn outer_folder<'p>(
    registry: &Registry,
    category: &'p Category,
    scan: &ScannedDatabase<'_>,
) -> Option<&'p Path> {
    let above = category
        .key()
        .parent()
        .filter(|path| path.file_name().is_some())?;
    let mut others = registry
        .categories()
        .iter()
        .filter(|other| *other != category);
    if others.any(|other| other.base().starts_with(above) || above.starts_with(other.base())) {
        return None;
    }
    let mut folders = scan.outside.iter();
    folders
        .any(|entry| entry.kind == EntryKind::Folder && entry.path.parent() == Some(above))
        .then_some(above)
}

/// True for names of films, sound, scenes and frames. Documents lie beside projects in any studio.
fn is_media(path: &Path) -> bool {
    let extension = path.extension().map(OsStr::to_ascii_lowercase);
    let is_listed =
        extension.is_some_and(|extension| MEDIA.iter().any(|media| extension == *media));
    let name = path.file_name().unwrap_or_default();
    is_listed || Frame::of(name.as_encoded_bytes()).is_some()
}
