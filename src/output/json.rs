//! JSON output: one document per command, on one line.

use serde::Serialize;

use super::sink::{Sink, output_error};
use crate::base::error::Result;
use crate::base::escape;

/// Returns a document as one line without control characters.
pub(super) fn document_line(value: &impl Serialize) -> String {
    let text = serde_json::to_string(value).unwrap_or_default();
    escape::escape_json(&text)
}

/// Returns the document of a command as it is printed: `{"command":...}` and a line feed.
pub fn document(command: &str, value: &impl Serialize) -> Result<Vec<u8>> {
    #[derive(Serialize)]
    struct CommandDocument<'a, T> {
        command: &'a str,
        #[serde(flatten)]
        value: &'a T,
    }
    let mut text = Vec::new();
    append_value(&CommandDocument { command, value }, &mut text)?;
    text.push(b'\n');
    Ok(text)
}

fn append_value(value: &impl Serialize, text: &mut Vec<u8>) -> Result<()> {
    serde_json::to_writer(text, value).map_err(|error| output_error(error.into()))
}

/// Writer of a document piece by piece, so that no list is held in memory.
pub struct JsonWriter<'a> {
    sink: &'a mut Sink,
    /// True if the next value needs no comma before it.
    is_first: bool,
}

impl<'a> JsonWriter<'a> {
    /// Begins the document of a command: `{"command": ...`.
    pub(super) fn begin(sink: &'a mut Sink, command: &str) -> Result<Self> {
        sink.batch().push(b'{');
        let is_first = true;
        let mut json = Self { sink, is_first };
        json.field("command", &command)?;
        Ok(json)
    }

    pub(super) fn end(self) {
        self.sink.batch().push(b'}');
    }

    /// Writes a field of the current object.
    pub fn field(&mut self, name: &str, value: &impl Serialize) -> Result<()> {
        self.write_name(name)?;
        append_value(value, self.sink.batch())
    }

    /// Writes all fields of a struct into the current object.
    pub fn fields(&mut self, value: &impl Serialize) -> Result<()> {
        let mut text = Vec::new();
        append_value(value, &mut text)?;
        let inner = text.strip_prefix(b"{").unwrap_or(&text);
        let inner = inner.strip_suffix(b"}").unwrap_or(inner);
        if !inner.is_empty() {
            self.write_comma();
            self.sink.batch().extend_from_slice(inner);
        }
        Ok(())
    }

    /// Writes a field whose value is the list that `fill` writes.
    pub fn list(&mut self, name: &str, fill: impl FnOnce(&mut Self) -> Result<()>) -> Result<()> {
        self.write_name(name)?;
        self.write_enclosed(*b"[]", fill)
    }

    /// Writes a field whose value is the object that `fill` writes.
    pub fn object(&mut self, name: &str, fill: impl FnOnce(&mut Self) -> Result<()>) -> Result<()> {
        self.write_name(name)?;
        self.write_enclosed(*b"{}", fill)
    }

    /// Writes a value of the current list.
    pub fn item(&mut self, value: &impl Serialize) -> Result<()> {
        self.write_comma();
        append_value(value, self.sink.batch())?;
        self.sink.end_row()
    }

    /// Writes an object, filled by `fill`, into the current list.
    pub fn object_item(&mut self, fill: impl FnOnce(&mut Self) -> Result<()>) -> Result<()> {
        self.write_comma();
        self.write_enclosed(*b"{}", fill)?;
        self.sink.end_row()
    }

    fn write_enclosed(
        &mut self,
        brackets: [u8; 2],
        fill: impl FnOnce(&mut Self) -> Result<()>,
    ) -> Result<()> {
        self.sink.batch().push(brackets[0]);
        self.is_first = true;
        fill(self)?;
        self.is_first = false;
        self.sink.batch().push(brackets[1]);
        Ok(())
    }

    fn write_name(&mut self, name: &str) -> Result<()> {
        self.write_comma();
        append_value(&name, self.sink.batch())?;
        self.sink.batch().push(b':');
        Ok(())
    }

    fn write_comma(&mut self) {
        if !self.is_first {
            self.sink.batch().push(b',');
        }
        self.is_first = false;
    }
}
