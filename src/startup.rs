//! The start-up file: where it is, whether it may be trusted, and how `save` writes a session's changes into it.

use std::collections::BTreeSet;
use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{
    DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _,
};
use std::path::{Path, PathBuf};

use crate::error::{At as _, Error, Result};
use crate::lexer::{continues, lex, quote};
use crate::moment::Moment;
use crate::name::Name;
use crate::naming::{category_path, overlap};
use crate::os::host;
use crate::paths;
use crate::registry::{Entry, Key, Kind, Registry};

/// The start-up file that was found, and what was passed over.
#[derive(Debug, Default)]
pub struct Found {
    /// The file to run, if there is one.
    pub run: Option<PathBuf>,
    /// The file that `save` writes, if there is a place for one.
    pub save: Option<PathBuf>,
    /// Why a file that is there is not used.
    pub passed_over: Option<String>,
}

/// Looks for the start-up file: the one named, else `$AUTO_BACKUP_CONFIG`, else `./.config`, else the user's.
#[must_use]
pub fn find(named: Option<&Path>, folder: &Path) -> Found {
    let from_environment = env::var_os("AUTO_BACKUP_CONFIG")
        .filter(|path| !path.is_empty())
        .map(PathBuf::from);
    if let Some(path) = named.map(Path::to_owned).or(from_environment) {
        // A file that was named must be there; running it says so if it is not.
        return Found {
            run: Some(path.clone()),
            save: Some(path),
            passed_over: None,
        };
    }
    let local = folder.join(".config");
    let passed_over = match trust(&local) {
        Trust::Full => {
            return Found {
                run: Some(local.clone()),
                save: Some(local),
                passed_over: None,
            };
        }
        Trust::Absent => None,
        Trust::None(why) => Some(format!(
            "passed over the start-up file `{}`: {why}",
            Name::from(local)
        )),
    };
    let users = paths::configuration_file();
    let run = users.clone().filter(|path| path.exists());
    Found {
        run,
        save: users,
        passed_over,
    }
}

/// Whether `./.config` may be run: it lies in a folder that anybody could have led the user into.
enum Trust {
    /// It is the user's own.
    Full,
    /// There is none.
    Absent,
    /// Somebody else could have written it.
    None(&'static str),
}

fn trust(path: &Path) -> Trust {
    // A link belongs to whoever made it, also where what it leads to is the user's own.
    let link = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Trust::Absent,
        Err(_) => return Trust::None("it cannot be read"),
        Ok(link) => link,
    };
    let strangers = |owner| owner != 0 && owner != host::user();
    match fs::metadata(path) {
        Err(_) => Trust::None("it is a link that leads nowhere"),
        // In a home folder it is where everybody's settings are, and no surprise.
        Ok(metadata) if metadata.is_dir() && paths::is_configuration_folder(path) => Trust::Absent,
        Ok(metadata) if !metadata.is_file() => Trust::None("it is not a regular file"),
        Ok(metadata) if strangers(metadata.uid()) || strangers(link.uid()) => {
            Trust::None("it belongs to another user")
        }
        Ok(metadata) if metadata.permissions().mode() & 0o022 != 0 => {
            Trust::None("others can write it; `chmod go-w .config` mends that")
        }
        Ok(_) => Trust::Full,
    }
}

/// What one session did to what is tracked; nothing else is its to change in the start-up file.
#[derive(Debug)]
pub struct Changes<'a> {
    /// What was tracked once the start-up file had run, or at the last `save`.
    pub before: &'a Registry,
    /// What is tracked now.
    pub now: &'a Registry,
    /// What was given its place with `--replace`, whatever place it had.
    pub replaced: &'a BTreeSet<Key>,
}

/// Writes a session's changes into the start-up file as it is now: lines that it took back go, lines that are not there
/// yet follow the last that registers something, all else stays as it is. The file before is kept beside it.
///
/// # Errors
/// The file cannot be read or written. [`Error::Taken`] or [`Error::Overlap`] if it has come to track something else
/// under a name, or on files, that the session added; then nothing is written.
pub fn save(path: &Path, changes: &Changes<'_>) -> Result<Saved> {
    let before = match fs::read_to_string(path) {
        Ok(text) => Some(text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => return Err(error).at("read", path),
    };
    // Its relative paths are relative to its own folder, as when it runs.
    let whole = std::path::absolute(path).at("find", path)?;
    let folder = whole.parent().unwrap_or(Path::new("/"));
    let after = rewritten(before.as_deref().unwrap_or_default(), changes, folder)?;
    let mut saved = Saved {
        path: path.to_owned(),
        kept: None,
        added: after.added,
        removed: after.removed,
    };
    if saved.added + saved.removed > 0 {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .at("create the folder", folder)?;
        saved.kept = before.map(|before| keep(path, &before)).transpose()?;
        write_whole(path, &after.text)?;
    }
    Ok(saved)
}

/// What saving came to.
#[derive(Debug)]
pub struct Saved {
    /// The start-up file.
    pub path: PathBuf,
    /// The copy of what it was before.
    pub kept: Option<PathBuf>,
    /// How many lines are new.
    pub added: usize,
    /// How many lines went.
    pub removed: usize,
}

/// Keeps the old text under a name that says when.
fn keep(path: &Path, text: &str) -> Result<PathBuf> {
    let stamp = Moment::now().file_name();
    for number in 1.. {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".{stamp}"));
        if number > 1 {
            name.push(format!("-{number}"));
        }
        let kept = PathBuf::from(name);
        match fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&kept)
        {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            opened => {
                let mut file = opened.at("create", &kept)?;
                file.write_all(text.as_bytes())
                    .and_then(|()| file.sync_all())
                    .at("write", &kept)?;
                return Ok(kept);
            }
        }
    }
    Err(Error::Io {
        action: "keep the old",
        path: path.to_owned(),
        source: std::io::ErrorKind::AlreadyExists.into(),
    })
}

/// Writes a file so that it is never half there; its permissions stay.
fn write_whole(path: &Path, text: &str) -> Result<()> {
    let mode = fs::metadata(path).map_or(0o600, |metadata| metadata.permissions().mode() & 0o777);
    // Through a link the file it means is written, not the link.
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}.part", std::process::id()));
    let temporary = PathBuf::from(name);
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(mode)
        .open(&temporary)
        .at("create", &temporary)?;
    let written = file
        .write_all(text.as_bytes())
        .and_then(|()| file.sync_all());
    if let Err(error) = written.and_then(|()| fs::rename(&temporary, &path)) {
        fs::remove_file(&temporary).unwrap_or_default();
        return Err(error).at("write", &path);
    }
    Ok(())
}

/// The new text of a start-up file, and how it differs from the old one.
#[derive(Debug)]
struct Rewritten {
    text: String,
    added: usize,
    removed: usize,
}

/// The text of a start-up file with a session's changes made to it.
fn rewritten(before: &str, changes: &Changes<'_>, folder: &Path) -> Result<Rewritten> {
    let body = before.strip_prefix('\u{feff}').unwrap_or(before);
    let lines = logical_lines(body, folder);
    let edits = edits(changes, &registered(&lines))?;
    let mut kept: Vec<&str> = Vec::new();
    let (mut removed, mut place) = (0, None);
    for line in &lines {
        let key = line.meaning.as_ref().map(Meaning::key);
        if key.as_ref().is_some_and(|key| edits.gone.contains(key)) {
            removed += 1;
        } else {
            kept.push(line.text);
        }
        if key.is_some() {
            place = Some(kept.len());
        }
    }
    let is_comment = |line: &&&str| line.trim_start().starts_with('#');
    let place = place.unwrap_or_else(|| kept.iter().take_while(is_comment).count());
    let (head, tail) = kept.split_at(place);
    let end = if body.contains("\r\n") { "\r\n" } else { "\n" };
    let mut text = before[..before.len() - body.len()].to_owned();
    text.push_str(&head.concat());
    for entry in &edits.wanted {
        end_line(&mut text, end);
        text.push_str(&line_for(entry));
        text.push_str(end);
    }
    text.push_str(&tail.concat());
    Ok(Rewritten {
        text,
        added: edits.wanted.len(),
        removed,
    })
}

/// Makes sure that what follows is a line of its own.
fn end_line(text: &mut String, end: &str) {
    if !text.is_empty() && text != "\u{feff}" && !text.ends_with('\n') {
        text.push_str(end);
    }
    if text.lines().last().is_some_and(continues) {
        text.push_str(end);
    }
}

/// What of a session's changes is not in the file yet.
#[derive(Debug, Default)]
struct Edits {
    /// What gets a line, in the order of the registry.
    wanted: Vec<Entry>,
    /// What loses all lines that are about it.
    gone: BTreeSet<Key>,
}

/// Holds a session's changes against what the file registers now.
fn edits(changes: &Changes<'_>, registered: &[Entry]) -> Result<Edits> {
    let (before, now) = (changes.before.entries(), changes.now.entries());
    let mut edits = Edits::default();
    let taken_back = before
        .iter()
        .filter(|entry| place(&now, &entry.key).is_none());
    for entry in now.iter().chain(taken_back) {
        let key = &entry.key;
        let (was, is) = (place(&before, key), place(&now, key));
        let replaced = changes.replaced.contains(key);
        let there = place(registered, key);
        if (was == is && !replaced) || is == there {
            continue;
        }
        // What somebody else wrote since then is not this session's to take away.
        let ours = there == was || replaced;
        match (is, there) {
            (Some(is), Some(there)) if !ours => return Err(taken(key, there, is)),
            (None, Some(_)) if !ours => continue,
            (_, Some(_)) => {
                edits.gone.insert(key.clone());
            }
            (_, None) => {}
        }
        edits.wanted.extend(is.map(|_| entry.clone()));
    }
    for entry in &edits.wanted {
        check_overlap(entry, registered, &edits.gone)?;
    }
    Ok(edits)
}

/// The place that entries give to a name.
fn place<'a>(entries: &'a [Entry], key: &Key) -> Option<&'a Path> {
    let found = entries.iter().find(|entry| entry.key == *key);
    found.map(|entry| entry.place.as_path())
}

fn taken(key: &Key, existing: &Path, wanted: &Path) -> Error {
    Error::Taken {
        noun: key.kind.noun(),
        name: key.name.clone(),
        existing: existing.to_owned(),
        wanted: wanted.to_owned(),
    }
}

/// Refuses what the file's other lines would refuse when it runs next.
fn check_overlap(entry: &Entry, registered: &[Entry], gone: &BTreeSet<Key>) -> Result<()> {
    let relation = |other: &Entry| match entry.key.kind {
        Kind::Database => overlap(&entry.place, &other.place),
        Kind::Category => (entry.place == other.place).then_some("is already"),
        Kind::Exclusion => None,
    };
    for other in registered {
        let beside = other.key.kind == entry.key.kind && other.key != entry.key;
        if !beside || gone.contains(&other.key) {
            continue;
        }
        if let Some(relation) = relation(other) {
            return Err(Error::Overlap {
                noun: entry.key.kind.noun(),
                path: entry.place.clone(),
                relation,
                other: other.key.name.clone(),
                existing: other.place.clone(),
            });
        }
    }
    Ok(())
}

/// A line of a start-up file with those that it goes on in, byte for byte, and what it does to the registry.
#[derive(Debug)]
struct Line<'a> {
    text: &'a str,
    meaning: Option<Meaning>,
}

/// The lines of a text.
fn logical_lines<'a>(text: &'a str, folder: &Path) -> Vec<Line<'a>> {
    let mut lines = Vec::new();
    let mut start = 0;
    let mut end = 0;
    for line in text.split_inclusive('\n') {
        end += line.len();
        let bare = line.strip_suffix('\n').unwrap_or(line);
        let goes_on = continues(bare.strip_suffix('\r').unwrap_or(bare));
        if !goes_on || end == text.len() {
            let text = &text[start..end];
            let meaning = meaning(text, folder);
            lines.push(Line { text, meaning });
            start = end;
        }
    }
    lines
}

/// What a line does to the registry, however it is written.
#[derive(Debug)]
enum Meaning {
    /// It adds something.
    Add { entry: Entry, replace: bool },
    /// It takes something back.
    Remove(Key),
}

impl Meaning {
    fn key(&self) -> Key {
        match self {
            Self::Add { entry, .. } => entry.key.clone(),
            Self::Remove(key) => key.clone(),
        }
    }
}

/// What a file's lines come to.
fn registered(lines: &[Line<'_>]) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    for meaning in lines.iter().filter_map(|line| line.meaning.as_ref()) {
        let key = meaning.key();
        let known = entries.iter().position(|entry| entry.key == key);
        match (meaning, known) {
            (Meaning::Add { entry, .. }, None) => entries.push(entry.clone()),
            (Meaning::Add { entry, replace }, Some(at)) if *replace => entries[at] = entry.clone(),
            (Meaning::Add { .. }, Some(_)) => {}
            (Meaning::Remove(_), _) => entries.retain(|entry| entry.key != key),
        }
    }
    entries
}

/// The line that registers something.
fn line_for(entry: &Entry) -> String {
    let name = quote(OsStr::new(&entry.key.name));
    let place = match entry.key.kind {
        Kind::Exclusion => return format!("exclude {name}"),
        // A folder that is called `~` is not the home folder.
        Kind::Category if entry.place.starts_with("~") => Path::new(".").join(&entry.place),
        Kind::Category if entry.place.as_os_str().is_empty() => PathBuf::from("."),
        _ => entry.place.clone(),
    };
    let place = quote(&paths::unexpanded(&place));
    format!("add {} {name} {place}", entry.key.kind.noun())
}

/// What a line does to the registry; `None` for one that does nothing to it.
fn meaning(line: &str, folder: &Path) -> Option<Meaning> {
    let words = words(line)?;
    let replace = words.iter().any(|word| word == "--replace");
    let is_option = |word: &OsStr| word == "--replace" || word == "--";
    let words = words.iter().map(OsString::as_os_str);
    let words: Vec<&OsStr> = words.filter(|word| !is_option(word)).collect();
    let key = |kind, name: &OsStr| Key {
        kind,
        name: name.to_string_lossy().into_owned(),
    };
    let kind = |noun: &OsStr| Kind::ALL.into_iter().find(|kind| noun == kind.noun());
    let (key, place) = match words.as_slice() {
        [add, noun, name, typed] if *add == "add" => {
            let kind = kind(noun)?;
            (key(kind, name), registered_place(kind, typed, folder)?)
        }
        [exclude, pattern] if *exclude == "exclude" => {
            (key(Kind::Exclusion, pattern), PathBuf::new())
        }
        [remove, noun, name] if *remove == "remove" => {
            return Some(Meaning::Remove(key(kind(noun)?, name)));
        }
        _ => return None,
    };
    let entry = Entry { key, place };
    Some(Meaning::Add { entry, replace })
}

/// The words of a line and of those that it goes on in; `None` if it cannot be run.
fn words(line: &str) -> Option<Vec<OsString>> {
    let bare = |part: &str| {
        if continues(part) {
            part[..part.trim_end().len() - 1].to_owned()
        } else {
            part.to_owned()
        }
    };
    let joined: Vec<String> = line.lines().map(bare).collect();
    let words = lex(&joined.join("\n")).ok()?;
    Some(words.into_iter().map(|word| word.text).collect())
}

/// The place that a word of an `add` line means; as it is typed where that cannot be told, as with a variable that is
/// not set here.
fn registered_place(kind: Kind, typed: &OsStr, folder: &Path) -> Option<PathBuf> {
    match kind {
        Kind::Database => Some(paths::absolute(typed, folder).unwrap_or_else(|_| typed.into())),
        Kind::Category => {
            let path = paths::expanded(typed).unwrap_or_else(|_| typed.into());
            Some(category_path(&path).unwrap_or(path))
        }
        Kind::Exclusion => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A registry of these databases and categories.
    fn registry(databases: &[(&str, &str)], categories: &[(&str, &str)]) -> Registry {
        let mut registry = Registry::default();
        for (name, root) in databases {
            registry.add_database(name, Path::new(root), false).unwrap();
        }
        for (name, path) in categories {
            registry.add_category(name, Path::new(path), false).unwrap();
        }
        registry
    }

    /// The text after a session that took `before` to `now` has saved.
    fn saved(text: &str, before: &Registry, now: &Registry) -> Result<String> {
        let changes = Changes {
            before,
            now,
            replaced: &BTreeSet::new(),
        };
        rewritten(text, &changes, Path::new("/s")).map(|after| after.text)
    }

    #[test]
    fn saving_changes_only_what_the_session_changed() {
        let text = "# studio\r\nadd database \\\r\n  WORK ./work # mine\r\nadd database OLD /old\r\n\
                    add category render scratch/render/\r\nadd database THEIRS /theirs\r\nload\r\n";
        let before = registry(
            &[("WORK", "/s/work"), ("OLD", "/old")],
            &[("render", "scratch/render")],
        );
        let now = registry(
            &[("WORK", "/s/work"), ("NAS 2", "/mnt/$x")],
            &[("render", "scratch/render")],
        );
        let after = saved(text, &before, &now).unwrap();
        assert_eq!(
            after,
            "# studio\r\nadd database \\\r\n  WORK ./work # mine\r\n\
             add category render scratch/render/\r\nadd database THEIRS /theirs\r\n\
             add database 'NAS 2' '/mnt/\\$x'\r\nload\r\n"
        );
        assert_eq!(saved(&after, &before, &now).unwrap(), after);
    }

    #[test]
    fn a_file_is_begun_after_its_first_comment() {
        let now = registry(&[("WORK", "/w")], &[("root", "."), ("home", "./~/x")]);
        let lines = "add database WORK /w\nadd category root .\nadd category home ./~/x\n";
        for text in ["", "# mine\n", "\u{feff}", "\u{feff}# mine\n"] {
            let after = saved(text, &Registry::default(), &now).unwrap();
            assert_eq!(after, [text, lines].concat());
        }
        let open = saved("add database A /a \\", &Registry::default(), &now).unwrap();
        assert_eq!(open, ["add database A /a \\\n\n", lines].concat());
    }

    #[test]
    fn a_name_that_the_file_gives_another_place_is_refused() {
        let now = registry(&[("NAS", "/a")], &[]);
        let nothing = Registry::default();
        let taken = saved("add database NAS /b\n", &nothing, &now);
        assert!(matches!(taken, Err(Error::Taken { .. })), "{taken:?}");
        let unknown = saved("add database NAS $NOT_SET/b\n", &nothing, &now);
        assert!(matches!(unknown, Err(Error::Taken { .. })), "{unknown:?}");
        let overlap = saved("add database OLD /a/b\n", &nothing, &now);
        assert!(matches!(overlap, Err(Error::Overlap { .. })), "{overlap:?}");
        let back = saved("add database NAS /b\nremove database NAS\n", &nothing, &now);
        assert!(
            back.unwrap()
                .ends_with("remove database NAS\nadd database NAS /a\n")
        );
    }

    #[test]
    fn a_replacement_takes_the_place_of_every_line_of_its_name() {
        let text = "add database NAS /a\nload\nadd database NAS /b --replace\n";
        let before = registry(&[("NAS", "/b")], &[]);
        let now = registry(&[("NAS", "/c")], &[]);
        assert_eq!(
            saved(text, &before, &now).unwrap(),
            "load\nadd database NAS /c\n"
        );
        assert_eq!(
            saved(text, &before, &Registry::default()).unwrap(),
            "load\n"
        );
    }

    #[test]
    fn what_somebody_else_moved_meanwhile_is_not_removed() {
        let before = registry(&[("NAS", "/a")], &[]);
        let text = "add database NAS /moved\n";
        assert_eq!(saved(text, &before, &Registry::default()).unwrap(), text);
    }
}
