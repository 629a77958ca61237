//! Writing a hash list, in the order of the schema.

use std::io::{self, Write};

use super::{
    FolderHash, HashEntry, HashList, HashListHead, HashedFile, HashedFolder, NAMESPACE, VERSION,
};
use crate::base::timestamp::Timestamp;
use crate::mhl::xml::escape::write_escaped;

/// Writes a hash list. Text is never indented: blanks would become part of it.
pub(crate) fn write_hash_list(list: &HashList, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, r#"<?xml version="1.0" encoding="UTF-8"?>"#)?;
    writeln!(out, r#"<hashlist version="{VERSION}" xmlns="{NAMESPACE}">"#)?;
    write_creator(&list.head, out)?;
    write_process(list, out)?;
    if !list.files.is_empty() || !list.folders.is_empty() {
        writeln!(out, "  <hashes>")?;
        for file in &list.files {
            write_file(file, out)?;
        }
        for folder in &list.folders {
            write_folder(folder, out)?;
        }
        writeln!(out, "  </hashes>")?;
    }
    if !list.head.references.is_empty() {
        writeln!(out, "  <references>")?;
        for reference in &list.head.references {
            writeln!(out, "    <hashlistreference>")?;
            write_element(out, "      ", "path", &reference.path)?;
            write_element(out, "      ", "c4", &reference.c4.to_string())?;
            writeln!(out, "    </hashlistreference>")?;
        }
        writeln!(out, "  </references>")?;
    }
    writeln!(out, "</hashlist>")
}

fn write_creator(head: &HashListHead, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "  <creatorinfo>")?;
    let created = head.created.rfc3339().unwrap_or_default();
    write_element(out, "    ", "creationdate", &created)?;
    write_element(out, "    ", "hostname", &head.host)?;
    write!(out, r#"    <tool version=""#)?;
    write_escaped(out, &head.tool_version)?;
    write!(out, r#"">"#)?;
    write_escaped(out, &head.tool)?;
    writeln!(out, "</tool>")?;
    if let Some(comment) = &head.comment {
        write_element(out, "    ", "comment", comment)?;
    }
    writeln!(out, "  </creatorinfo>")
}

fn write_process(list: &HashList, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "  <processinfo>")?;
    write_element(out, "    ", "process", list.head.process.word())?;
    if !list.root.is_empty() {
        writeln!(out, "    <roothash>")?;
        write_folder_hashes(&list.root, out)?;
        writeln!(out, "    </roothash>")?;
    }
    if !list.head.ignore.is_empty() {
        writeln!(out, "    <ignore>")?;
        for pattern in &list.head.ignore {
            write_element(out, "      ", "pattern", pattern)?;
        }
        writeln!(out, "    </ignore>")?;
    }
    writeln!(out, "  </processinfo>")
}

fn write_file(file: &HashedFile, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "    <hash>")?;
    // The reference tool leaves the size of an empty file out.
    write_path(
        out,
        &file.path,
        file.bytes.filter(|bytes| *bytes > 0),
        file.modified,
    )?;
    for HashEntry { value, action, at } in &file.hashes {
        let (tag, action) = (value.format(), action.word());
        write!(out, r#"      <{tag} action="{action}""#)?;
        write_time(out, "hashdate", *at)?;
        writeln!(out, ">{value}</{tag}>")?;
    }
    if let Some(path) = &file.previous_path {
        write_element(out, "      ", "previousPath", path)?;
    }
    writeln!(out, "    </hash>")
}

fn write_folder(folder: &HashedFolder, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "    <directoryhash>")?;
    write_path(out, &folder.path, None, folder.modified)?;
    write_folder_hashes(&folder.hashes, out)?;
    writeln!(out, "    </directoryhash>")
}

fn write_folder_hashes(hashes: &[FolderHash], out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "      <content>")?;
    for FolderHash { content, .. } in hashes {
        let tag = content.format();
        writeln!(out, "        <{tag}>{content}</{tag}>")?;
    }
    writeln!(out, "      </content>")?;
    writeln!(out, "      <structure>")?;
    for FolderHash { structure, .. } in hashes {
        let tag = structure.format();
        writeln!(out, "        <{tag}>{structure}</{tag}>")?;
    }
    writeln!(out, "      </structure>")
}

fn write_path(
    out: &mut impl Write,
    path: &str,
    bytes: Option<u64>,
    modified: Option<Timestamp>,
) -> io::Result<()> {
    write!(out, "      <path")?;
    if let Some(bytes) = bytes {
        write!(out, r#" size="{bytes}""#)?;
    }
    write_time(out, "lastmodificationdate", modified)?;
    write!(out, ">")?;
    write_escaped(out, path)?;
    writeln!(out, "</path>")
}

/// Writes a time as an attribute, unless it is unknown or before the year 1.
fn write_time(out: &mut impl Write, name: &str, time: Option<Timestamp>) -> io::Result<()> {
    match time.and_then(Timestamp::rfc3339) {
        Some(time) => write!(out, r#" {name}="{time}""#),
        None => Ok(()),
    }
}

fn write_element(out: &mut impl Write, indent: &str, name: &str, text: &str) -> io::Result<()> {
    write!(out, "{indent}<{name}>")?;
    write_escaped(out, text)?;
    writeln!(out, "</{name}>")
}
