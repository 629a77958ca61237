//! The start-up file: where it is, whether it may be trusted, and how `save` writes the registry into it.

use std::env;
use std::ffi::OsStr;
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
use crate::os::host;
use crate::paths;
use crate::registry::Registry;

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

/// Writes the registry into a start-up file: lines that still hold stay as they are, others go, new ones follow the
/// last of their kind. The file before is kept beside it. Gives that copy's path, or `None` if nothing changed.
///
/// # Errors
/// The file cannot be read or written.
pub fn save(path: &Path, registry: &Registry) -> Result<Saved> {
    let before = match fs::read_to_string(path) {
        Ok(text) => Some(text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => return Err(error).at("read", path),
    };
    let text = rewritten(
        before.as_deref().unwrap_or_default(),
        registry,
        path.parent().unwrap_or(Path::new("/")),
    );
    // How lines end, and whether the last one does, is no difference.
    let same = |before: &str| before.lines().eq(text.lines());
    if before.as_deref().is_some_and(same) {
        return Ok(Saved {
            path: path.to_owned(),
            kept: None,
            changed: false,
        });
    }
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .at("create the folder", folder)?;
    let kept = before.map(|before| keep(path, &before)).transpose()?;
    write_whole(path, &text)?;
    Ok(Saved {
        path: path.to_owned(),
        kept,
        changed: true,
    })
}

/// What saving came to.
#[derive(Debug)]
pub struct Saved {
    /// The start-up file.
    pub path: PathBuf,
    /// The copy of what it was before.
    pub kept: Option<PathBuf>,
    /// Whether it was written at all.
    pub changed: bool,
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

/// The text of a start-up file that registers exactly this registry.
fn rewritten(before: &str, registry: &Registry, folder: &Path) -> String {
    let mut wanted = statements(registry);
    let mut lines: Vec<String> = Vec::new();
    let mut place = None;
    for line in logical_lines(before) {
        let meaning = meaning(&line, folder);
        let holds = meaning
            .as_ref()
            .map(|meaning| wanted.iter().position(|wanted| wanted.meaning == *meaning));
        match holds {
            // No line of ours: it stays.
            None => lines.push(line),
            Some(Some(at)) => {
                wanted.remove(at);
                lines.push(line);
                place = Some(lines.len());
            }
            // What it registered is gone, or it says the same a second time.
            Some(None) => place = Some(lines.len()),
        }
    }
    let place = place.unwrap_or_else(|| {
        lines
            .iter()
            .take_while(|line| line.trim_start().starts_with('#'))
            .count()
    });
    lines.splice(
        place..place,
        wanted.into_iter().map(|statement| statement.line),
    );
    lines.iter().flat_map(|line| [line, "\n"]).collect()
}

/// The lines of a text, each with those that it goes on in.
fn logical_lines(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut open = false;
    for line in text.lines() {
        match lines.last_mut() {
            Some(last) if open => {
                last.push('\n');
                last.push_str(line);
            }
            _ => lines.push(line.to_owned()),
        }
        open = continues(line);
    }
    lines
}

/// A line that registers something.
struct Statement {
    meaning: Meaning,
    line: String,
}

/// What such a line means, however it is written: verb, name, place.
type Meaning = (String, String, PathBuf);

/// The lines that register everything.
fn statements(registry: &Registry) -> Vec<Statement> {
    let word = |text: &str| quote(OsStr::new(text));
    let databases = registry.databases().iter().map(|database| Statement {
        meaning: (
            "add database".to_owned(),
            database.name.clone(),
            database.root.clone(),
        ),
        line: format!(
            "add database {} {}",
            word(&database.name),
            quote(&paths::unexpanded(&database.root))
        ),
    });
    let categories = registry.categories().iter().map(|category| Statement {
        meaning: (
            "add category".to_owned(),
            category.name.clone(),
            category.path.clone(),
        ),
        line: format!(
            "add category {} {}",
            word(&category.name),
            quote(&paths::unexpanded(category.shown_path()))
        ),
    });
    let exclusions = registry.exclusions().iter().map(|pattern| Statement {
        meaning: ("exclude".to_owned(), pattern.clone(), PathBuf::new()),
        line: format!("exclude {}", word(pattern)),
    });
    databases.chain(categories).chain(exclusions).collect()
}

/// What a line registers; `None` for every other line.
fn meaning(line: &str, folder: &Path) -> Option<Meaning> {
    let joined: Vec<&str> = line
        .lines()
        .map(|part| {
            if continues(part) {
                &part[..part.trim_end().len() - 1]
            } else {
                part
            }
        })
        .collect();
    let words = lex(&joined.join("\n")).ok()?;
    let words: Vec<&OsStr> = words
        .iter()
        .map(|word| word.text.as_os_str())
        .filter(|word| *word != "--replace")
        .collect();
    let text = |word: &OsStr| word.to_string_lossy().into_owned();
    match words.as_slice() {
        [add, noun, name, root] if *add == "add" && *noun == "database" => {
            let root = paths::absolute(root, folder).unwrap_or_default();
            Some(("add database".to_owned(), text(name), root))
        }
        [add, noun, name, path] if *add == "add" && *noun == "category" => {
            let path = paths::absolute(path, Path::new("/")).unwrap_or_default();
            Some((
                "add category".to_owned(),
                text(name),
                path.strip_prefix("/").unwrap_or(&path).to_owned(),
            ))
        }
        [exclude, pattern] if *exclude == "exclude" => {
            Some(("exclude".to_owned(), text(pattern), PathBuf::new()))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn registry() -> Registry {
        let mut registry = Registry::default();
        registry
            .add_database("WORK", Path::new("/s/work"), false)
            .unwrap();
        registry
            .add_database("NAS 2", Path::new("/mnt/$x"), false)
            .unwrap();
        registry
            .add_category("render", Path::new("scratch/render/"), false)
            .unwrap();
        registry
    }

    #[test]
    fn saving_keeps_every_other_line() {
        let before = "# studio\nadd database WORK ./work # mine\nadd database OLD /old\nadd category render scratch/render/\nload\n";
        let after = rewritten(before, &registry(), Path::new("/s"));
        assert_eq!(
            after,
            "# studio\nadd database WORK ./work # mine\nadd category render scratch/render/\nadd database 'NAS 2' '/mnt/\\$x'\nload\n"
        );
        assert_eq!(rewritten(&after, &registry(), Path::new("/s")), after);
    }

    #[test]
    fn a_new_file_registers_everything() {
        let text = rewritten("", &registry(), Path::new("/s"));
        assert_eq!(
            text,
            "add database WORK /s/work\nadd database 'NAS 2' '/mnt/\\$x'\nadd category render scratch/render\n"
        );
    }
}
