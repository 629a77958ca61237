//! Reading a hash list, entry by entry.

use std::io::Read;

use super::{
    HashAction, HashEntry, HashListHead, HashListReference, HashedFile, NAMESPACE, Process, VERSION,
};
use crate::base::timestamp::Timestamp;
use crate::mhl::relative_path;
use crate::mhl::xml::{Element, XmlError, XmlReader, XmlResult};
use crate::snapshot::content_hash::{HashFormat, HashValue};

/// Largest number of files and folders in one list.
const MAX_ENTRIES: u64 = 5_000_000;

/// Largest number of ignore patterns, references to nested histories, and hashes of one file.
const MAX_PATTERNS: usize = 1000;
const MAX_REFERENCES: usize = 100_000;

/// Receives the entries of a hash list. An entry that it refuses makes the list unreadable.
pub(crate) trait HashListVisitor {
    fn file(&mut self, file: HashedFile) -> Result<(), String>;

    /// Receives the path of a folder.
    fn folder(&mut self, path: &str) -> Result<(), String>;
}

/// Reads a hash list; returns its head and the C4 of its bytes.
pub(crate) fn read_hash_list(
    bytes: impl Read,
    visitor: &mut dyn HashListVisitor,
) -> XmlResult<(HashListHead, HashValue)> {
    let mut reader = XmlReader::new(bytes, NAMESPACE);
    let root = reader.root("hashlist")?;
    if root.attribute("version") != Some(VERSION) {
        return Err(XmlError::malformed("it is not of version 2.0"));
    }
    let mut head = HashListHead {
        created: Timestamp::UNKNOWN,
        host: String::new(),
        tool: String::new(),
        tool_version: String::new(),
        comment: None,
        process: Process::InPlace,
        ignore: Vec::new(),
        references: Vec::new(),
    };
    let mut seen: Vec<String> = Vec::new();
    while let Some(element) = reader.next_child()? {
        if seen.contains(&element.name) {
            return Err(unexpected(&element));
        }
        match element.name.as_str() {
            "creatorinfo" => read_creator(&mut reader, &mut head)?,
            "processinfo" => read_process(&mut reader, &mut head)?,
            "hashes" => read_entries(&mut reader, visitor)?,
            "metadata" => reader.skip()?,
            "references" => read_references(&mut reader, &mut head.references)?,
            _ => return Err(unexpected(&element)),
        }
        seen.push(element.name);
    }
    for needed in ["creatorinfo", "processinfo"] {
        if !seen.iter().any(|name| name == needed) {
            return Err(XmlError::malformed(format!("it has no `{needed}`")));
        }
    }
    Ok((head, reader.finish()?))
}

fn unexpected(element: &Element) -> XmlError {
    let name: String = element.name.chars().take(40).collect();
    XmlError::malformed(format!("the element `{name}` is not expected there"))
}

fn read_creator<R: Read>(reader: &mut XmlReader<R>, head: &mut HashListHead) -> XmlResult<()> {
    while let Some(element) = reader.next_child()? {
        match element.name.as_str() {
            "creationdate" => head.created = parse_time(&reader.text()?),
            "hostname" => head.host = reader.text()?,
            "tool" => {
                let version = element.attribute("version").unwrap_or_default();
                version.clone_into(&mut head.tool_version);
                head.tool = reader.text()?;
            }
            "comment" => head.comment = Some(reader.text()?),
            "author" | "location" => drop(reader.text()?),
            _ => return Err(unexpected(&element)),
        }
    }
    Ok(())
}

fn read_process<R: Read>(reader: &mut XmlReader<R>, head: &mut HashListHead) -> XmlResult<()> {
    let mut process = None;
    while let Some(element) = reader.next_child()? {
        match element.name.as_str() {
            "process" => {
                let word = reader.text()?;
                let known = Process::from_word(word.trim());
                process = Some(known.ok_or_else(|| XmlError::malformed("its process is unknown"))?);
            }
            "roothash" => reader.skip()?,
            "ignore" => {
                while let Some(pattern) = reader.next_child()? {
                    if pattern.name != "pattern" || head.ignore.len() >= MAX_PATTERNS {
                        return Err(unexpected(&pattern));
                    }
                    head.ignore.push(reader.text()?);
                }
            }
            _ => return Err(unexpected(&element)),
        }
    }
    head.process = process.ok_or_else(|| XmlError::malformed("it names no process"))?;
    Ok(())
}

fn read_entries<R: Read>(
    reader: &mut XmlReader<R>,
    visitor: &mut dyn HashListVisitor,
) -> XmlResult<()> {
    let mut entries = 0;
    while let Some(element) = reader.next_child()? {
        entries += 1;
        if entries > MAX_ENTRIES {
            return Err(XmlError::malformed("it has more than 5,000,000 entries"));
        }
        match element.name.as_str() {
            "hash" => {
                let file = read_file(reader)?;
                visitor.file(file).map_err(XmlError::Malformed)?;
            }
            "directoryhash" => {
                let path = read_folder(reader)?;
                visitor.folder(&path).map_err(XmlError::Malformed)?;
            }
            _ => return Err(unexpected(&element)),
        }
    }
    Ok(())
}

fn read_file<R: Read>(reader: &mut XmlReader<R>) -> XmlResult<HashedFile> {
    let mut file = HashedFile {
        path: String::new(),
        bytes: None,
        modified: None,
        hashes: Vec::new(),
        previous_path: None,
    };
    while let Some(element) = reader.next_child()? {
        match element.name.as_str() {
            "path" if file.path.is_empty() => {
                if let Some(size) = element.attribute("size") {
                    let size = size.trim().parse();
                    file.bytes = Some(
                        size.map_err(|_| XmlError::malformed("the size of a file is no size"))?,
                    );
                }
                file.modified = element
                    .attribute("lastmodificationdate")
                    .and_then(Timestamp::parse);
                file.path = read_path(reader)?;
            }
            "previousPath" if file.previous_path.is_none() => {
                file.previous_path = Some(read_path(reader)?);
            }
            "metadata" => reader.skip()?,
            name => {
                let format = HashFormat::from_tag(name).ok_or_else(|| unexpected(&element))?;
                if file.hashes.iter().any(|hash| hash.value.format() == format) {
                    return Err(unexpected(&element));
                }
                file.hashes.push(read_hash(reader, format, &element)?);
            }
        }
    }
    if file.path.is_empty() {
        return Err(XmlError::malformed("a file has no path"));
    }
    Ok(file)
}

fn read_hash<R: Read>(
    reader: &mut XmlReader<R>,
    format: HashFormat,
    element: &Element,
) -> XmlResult<HashEntry> {
    let word = element.attribute("action");
    let mut actions = HashAction::ALL.into_iter();
    let action = actions.find(|action| word == Some(action.word()));
    let action = action.ok_or_else(|| {
        XmlError::malformed("a hash does not say whether it is original, verified or failed")
    })?;
    let at = element.attribute("hashdate").and_then(Timestamp::parse);
    let value = read_value(reader, format)?;
    Ok(HashEntry { value, action, at })
}

fn read_value<R: Read>(reader: &mut XmlReader<R>, format: HashFormat) -> XmlResult<HashValue> {
    let text = reader.text()?;
    HashValue::parse(format, text.trim())
        .ok_or_else(|| XmlError::malformed(format!("it has an invalid {format}")))
}

/// Reads a folder and returns its path. The hashes of folders follow from those of files.
fn read_folder<R: Read>(reader: &mut XmlReader<R>) -> XmlResult<String> {
    let mut path = String::new();
    while let Some(element) = reader.next_child()? {
        match element.name.as_str() {
            "path" if path.is_empty() => path = read_path(reader)?,
            "content" | "structure" | "metadata" => reader.skip()?,
            "previousPath" => drop(read_path(reader)?),
            _ => return Err(unexpected(&element)),
        }
    }
    if path.is_empty() {
        return Err(XmlError::malformed("a folder has no path"));
    }
    Ok(path)
}

fn read_references<R: Read>(
    reader: &mut XmlReader<R>,
    references: &mut Vec<HashListReference>,
) -> XmlResult<()> {
    while let Some(element) = reader.next_child()? {
        if element.name != "hashlistreference" || references.len() >= MAX_REFERENCES {
            return Err(unexpected(&element));
        }
        let (mut path, mut c4) = (None, None);
        while let Some(part) = reader.next_child()? {
            match part.name.as_str() {
                "path" => path = Some(read_path(reader)?),
                "c4" => c4 = Some(read_value(reader, HashFormat::C4)?),
                _ => return Err(unexpected(&part)),
            }
        }
        let (Some(path), Some(c4)) = (path, c4) else {
            return Err(XmlError::malformed("a reference lacks its path or hash"));
        };
        references.push(HashListReference { path, c4 });
    }
    Ok(())
}

fn read_path<R: Read>(reader: &mut XmlReader<R>) -> XmlResult<String> {
    let path = reader.text()?;
    match relative_path::problem(&path) {
        None => Ok(path),
        Some(why) => {
            let shown: String = path.chars().take(80).flat_map(char::escape_debug).collect();
            Err(XmlError::malformed(format!("the path `{shown}` {why}")))
        }
    }
}

fn parse_time(text: &str) -> Timestamp {
    Timestamp::parse(text.trim()).unwrap_or(Timestamp::UNKNOWN)
}
