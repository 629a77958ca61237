//! The chain file of a history: the hash list of each generation with the C4 of its bytes.

use std::io::{self, Read, Write};

use super::relative_path;
use super::xml::escape::write_escaped;
use super::xml::{XmlError, XmlReader, XmlResult};
use crate::snapshot::content_hash::{HashFormat, HashValue};

/// The name of the chain file.
pub const FILE_NAME: &str = "ascmhl_chain.xml";

/// The namespace of chain files.
const NAMESPACE: &str = "urn:ASC:MHL:DIRECTORY:v2.0";

/// Largest number of generations.
const MAX_GENERATIONS: usize = 1_000_000;

/// A generation as the chain file lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainEntry {
    /// Its number, from 1.
    pub number: u64,
    /// The name of its hash list.
    pub name: String,
    /// The C4 of the hash list.
    pub c4: HashValue,
}

/// Reads a chain file; returns its entries in their order, and the C4 of its bytes.
pub(super) fn read_chain(bytes: impl Read) -> XmlResult<(Vec<ChainEntry>, HashValue)> {
    let mut reader = XmlReader::new(bytes, NAMESPACE);
    reader.root("ascmhldirectory")?;
    let mut entries = Vec::new();
    while let Some(element) = reader.next_child()? {
        if element.name != "hashlist" || entries.len() >= MAX_GENERATIONS {
            return Err(XmlError::malformed(
                "it lists something else than hash lists",
            ));
        }
        let number = element
            .attribute("sequencenr")
            .and_then(|text| text.trim().parse().ok());
        let (mut name, mut c4) = (None, None);
        while let Some(part) = reader.next_child()? {
            let text = reader.text()?;
            match part.name.as_str() {
                "path" => name = Some(text),
                "c4" => c4 = HashValue::parse(HashFormat::C4, text.trim()),
                _ => {}
            }
        }
        let name = name.filter(|name| is_file_name(name));
        let (Some(number), Some(name), Some(c4)) = (number, name, c4) else {
            let why = "a generation lacks a valid number, name or C4";
            return Err(XmlError::malformed(why));
        };
        entries.push(ChainEntry { number, name, c4 });
    }
    Ok((entries, reader.finish()?))
}

/// True for the name of a file in the folder of the history itself.
fn is_file_name(name: &str) -> bool {
    relative_path::problem(name).is_none() && !name.contains('/')
}

/// Writes a chain file.
pub(super) fn write_chain(entries: &[ChainEntry], out: &mut impl Write) -> io::Result<()> {
    writeln!(out, r#"<?xml version="1.0" encoding="UTF-8"?>"#)?;
    writeln!(out, r#"<ascmhldirectory xmlns="{NAMESPACE}">"#)?;
    for ChainEntry { number, name, c4 } in entries {
        writeln!(out, r#"  <hashlist sequencenr="{number}">"#)?;
        write!(out, "    <path>")?;
        write_escaped(out, name)?;
        writeln!(out, "</path>")?;
        writeln!(out, "    <c4>{c4}</c4>")?;
        writeln!(out, "  </hashlist>")?;
    }
    writeln!(out, "</ascmhldirectory>")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::content_hash::hash_bytes;

    fn entries() -> Vec<ChainEntry> {
        let entry = |number, name: &str| ChainEntry {
            number,
            name: name.to_owned(),
            c4: hash_bytes(HashFormat::C4, name.as_bytes()),
        };
        vec![entry(1, "0001_a & b.mhl"), entry(2, "0002_a.mhl")]
    }

    fn text() -> String {
        let mut bytes = Vec::new();
        write_chain(&entries(), &mut bytes).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn written_chain_is_read_back() {
        let (read, c4) = read_chain(text().as_bytes()).unwrap();
        assert_eq!(read, entries());
        assert_eq!(c4, hash_bytes(HashFormat::C4, text().as_bytes()));
    }

    #[test]
    fn malformed_chains_are_refused() {
        for (from, to) in [
            (NAMESPACE, "urn:ASC:MHL:v2.0"),
            ("sequencenr=\"1\"", ""),
            ("sequencenr=\"1\"", "sequencenr=\"one\""),
            ("0002_a.mhl", "../0002_a.mhl"),
            ("0002_a.mhl", "a/0002_a.mhl"),
            ("<c4>c4", "<c4>"),
            ("</ascmhldirectory>", ""),
        ] {
            let changed = text().replacen(from, to, 1);
            assert!(read_chain(changed.as_bytes()).is_err(), "{from} to {to}");
        }
    }
}
