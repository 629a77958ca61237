//! XML of unknown origin, read element by element in bounded memory.
//!
//! Elements of one namespace come out, with any prefix. A document type declaration is refused, because it may define
//! entities that expand to any size; so are other entities, deep nesting, and tags and texts of more than 64 KiB.

pub(crate) mod escape;
mod source;

use std::io::{self, ErrorKind, Read};

use quick_xml::events::{BytesDecl, BytesRef, BytesStart, Event};
use quick_xml::name::{Namespace, ResolveResult};
use quick_xml::reader::NsReader;

use self::escape::is_representable;
use self::source::ByteSource;
use crate::snapshot::content_hash::HashValue;

/// Deepest nesting of elements.
const MAX_DEPTH: usize = 32;

/// Longest text of an element in bytes.
const MAX_TEXT_BYTES: usize = 64 << 10;

/// The reason why a file was not read.
#[derive(Debug)]
pub(crate) enum XmlError {
    /// The system could not read it.
    Read(io::Error),
    /// It is not what it should be, in words.
    Malformed(String),
}

impl XmlError {
    pub(crate) fn malformed(why: impl Into<String>) -> Self {
        Self::Malformed(why.into())
    }
}

impl From<io::Error> for XmlError {
    fn from(error: io::Error) -> Self {
        if error.kind() == ErrorKind::InvalidData {
            Self::Malformed(error.to_string())
        } else {
            Self::Read(error)
        }
    }
}

impl From<quick_xml::Error> for XmlError {
    fn from(error: quick_xml::Error) -> Self {
        match error {
            quick_xml::Error::Io(error) => io::Error::new(error.kind(), error.to_string()).into(),
            error => Self::malformed(format!("it is no valid XML: {error}")),
        }
    }
}

/// Result of reading XML.
pub(crate) type XmlResult<T> = Result<T, XmlError>;

/// The start of an element.
#[derive(Debug)]
pub(crate) struct Element {
    /// Its name without prefix.
    pub(crate) name: String,
    /// True if it is of the namespace of the file.
    is_own: bool,
    attributes: Vec<(String, String)>,
}

impl Element {
    /// Returns the value of an attribute.
    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        let mut attributes = self.attributes.iter();
        let found = attributes.find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// A part of the file.
enum XmlEvent {
    Start(Element),
    End,
    Text(String),
    EndOfFile,
}

/// Reads the elements of a file.
#[derive(Debug)]
pub(crate) struct XmlReader<R> {
    reader: NsReader<ByteSource<R>>,
    buffer: Vec<u8>,
    namespace: &'static str,
    depth: usize,
}

impl<R: Read> XmlReader<R> {
    /// Begins to read a file whose elements are of this namespace.
    pub(crate) fn new(bytes: R, namespace: &'static str) -> Self {
        let mut reader = NsReader::from_reader(ByteSource::new(bytes));
        reader.config_mut().expand_empty_elements = true;
        Self {
            reader,
            buffer: Vec::new(),
            namespace,
            depth: 0,
        }
    }

    /// Returns the root element, which must have this name.
    pub(crate) fn root(&mut self, name: &str) -> XmlResult<Element> {
        let root = self.next_child()?;
        root.filter(|root| root.name == name)
            .ok_or_else(|| XmlError::malformed(format!("it has no element `{name}`")))
    }

    /// Returns the next element inside the current one; `None` at its end.
    pub(crate) fn next_child(&mut self) -> XmlResult<Option<Element>> {
        loop {
            match self.next_event()? {
                XmlEvent::Start(element) if element.is_own => return Ok(Some(element)),
                XmlEvent::Start(element) => {
                    return Err(XmlError::malformed(format!(
                        "the element `{}` is not of the namespace `{}`",
                        shown(&element.name),
                        self.namespace
                    )));
                }
                XmlEvent::End => return Ok(None),
                XmlEvent::Text(text) if text.trim().is_empty() => {}
                XmlEvent::Text(_) => {
                    return Err(XmlError::malformed("there is text between elements"));
                }
                XmlEvent::EndOfFile => return Err(XmlError::malformed("it ends early")),
            }
        }
    }

    /// Returns the text of the current element, and ends it.
    pub(crate) fn text(&mut self) -> XmlResult<String> {
        let mut text = String::new();
        loop {
            match self.next_event()? {
                XmlEvent::Text(more) if text.len() + more.len() <= MAX_TEXT_BYTES => {
                    text.push_str(&more);
                }
                XmlEvent::Text(_) => {
                    return Err(XmlError::malformed("a text is longer than 64 KiB"));
                }
                XmlEvent::End => return Ok(text),
                XmlEvent::Start(_) => {
                    return Err(XmlError::malformed("there is an element inside a text"));
                }
                XmlEvent::EndOfFile => return Err(XmlError::malformed("it ends early")),
            }
        }
    }

    /// Passes over the rest of the current element, whatever it contains.
    pub(crate) fn skip(&mut self) -> XmlResult<()> {
        let depth = self.depth;
        while self.depth >= depth {
            if matches!(self.next_event()?, XmlEvent::EndOfFile) {
                return Err(XmlError::malformed("it ends early"));
            }
        }
        Ok(())
    }

    /// Checks that nothing follows the root element, and returns the C4 of the whole file.
    pub(crate) fn finish(mut self) -> XmlResult<HashValue> {
        loop {
            match self.next_event()? {
                XmlEvent::EndOfFile => break,
                XmlEvent::Text(text) if text.trim().is_empty() => {}
                _ => return Err(XmlError::malformed("something follows its last element")),
            }
        }
        let c4 = self.reader.into_inner().finish()?;
        c4.ok_or_else(|| XmlError::malformed("its hash was not computed"))
    }

    fn next_event(&mut self) -> XmlResult<XmlEvent> {
        loop {
            self.buffer.clear();
            self.reader.get_mut().begin_event();
            let (namespace, event) = self.reader.read_resolved_event_into(&mut self.buffer)?;
            let text = match event {
                Event::Start(start) => {
                    let is_own = namespace == ResolveResult::Bound(Namespace(self.namespace));
                    self.depth += 1;
                    if self.depth > MAX_DEPTH {
                        return Err(XmlError::malformed("its elements are nested too deeply"));
                    }
                    return Ok(XmlEvent::Start(element(&start, is_own)?));
                }
                Event::End(_) => {
                    self.depth = self.depth.saturating_sub(1);
                    return Ok(XmlEvent::End);
                }
                Event::Text(text) => text.xml10_content().into_owned(),
                Event::CData(text) => text.xml10_content().into_owned(),
                Event::GeneralRef(reference) => resolve(&reference)?,
                Event::Eof => return Ok(XmlEvent::EndOfFile),
                Event::DocType(_) => {
                    let why = "it has a document type declaration, which may define entities";
                    return Err(XmlError::malformed(why));
                }
                Event::Decl(declaration) => {
                    check_encoding(&declaration)?;
                    continue;
                }
                Event::PI(_) | Event::Comment(_) | Event::Empty(_) => continue,
            };
            if !is_representable(&text) {
                return Err(XmlError::malformed("it has a character that XML forbids"));
            }
            return Ok(XmlEvent::Text(text));
        }
    }
}

fn element(start: &BytesStart<'_>, is_own: bool) -> XmlResult<Element> {
    let mut attributes = Vec::new();
    for attribute in start.attributes() {
        let invalid = |error: &dyn std::fmt::Display| {
            XmlError::malformed(format!("it has an invalid attribute: {error}"))
        };
        let attribute = attribute.map_err(|error| invalid(&error))?;
        let name = attribute.key.as_ref();
        if name == "xmlns" || name.contains(':') {
            continue;
        }
        let value =
            quick_xml::escape::unescape(&attribute.value).map_err(|error| invalid(&error))?;
        attributes.push((name.to_owned(), value.into_owned()));
    }
    Ok(Element {
        name: start.local_name().as_ref().to_owned(),
        is_own,
        attributes,
    })
}

/// Returns the character that a reference stands for. Only the five entities of XML itself are known.
fn resolve(reference: &BytesRef<'_>) -> XmlResult<String> {
    if let Some(character) = reference.resolve_char_ref()? {
        return Ok(character.to_string());
    }
    let known = quick_xml::escape::resolve_xml_entity(reference);
    known.map(str::to_owned).ok_or_else(|| {
        XmlError::malformed(format!("it uses the unknown entity `{}`", shown(reference)))
    })
}

fn check_encoding(declaration: &BytesDecl<'_>) -> XmlResult<()> {
    match declaration.encoding() {
        Some(Ok(name)) if !name.eq_ignore_ascii_case("utf-8") => {
            let name = shown(&name);
            Err(XmlError::malformed(format!(
                "it is in {name}, not in UTF-8"
            )))
        }
        _ => Ok(()),
    }
}

/// Returns the beginning of a name from a file, for messages.
fn shown(name: &str) -> String {
    const MAX_CHARACTERS: usize = 40;
    name.chars().take(MAX_CHARACTERS).collect()
}

#[cfg(test)]
mod tests;
