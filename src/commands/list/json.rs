//! The JSON document of `list`: the fields depend on the kind of the rows.

use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};

use super::answer::ListAnswer;
use super::kind::ListKind;
use super::row::{ListPlace, ListRow};

impl Serialize for ListAnswer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        let rows: Vec<_> = self
            .rows
            .iter()
            .map(|row| JsonRow {
                kind: self.kind,
                row,
            })
            .collect();
        map.serialize_entry(self.kind.keyword(), &rows)?;
        map.serialize_entry("found", &self.found)?;
        map.serialize_entry("total", &self.total)?;
        map.end()
    }
}

struct JsonRow<'a> {
    kind: ListKind,
    row: &'a ListRow,
}

impl Serialize for JsonRow<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        let (row, sum) = (self.row, &self.row.sum);
        let name = if self.kind == ListKind::Projects {
            "project"
        } else {
            "name"
        };
        map.serialize_entry(name, &row.name)?;
        match &row.place {
            ListPlace::HeldBy(databases) => map.serialize_entry("databases", databases)?,
            ListPlace::Path(path, format) => {
                map.serialize_entry("path", path)?;
                map.serialize_entry("mhl", format)?;
            }
            ListPlace::Database(database) => {
                map.serialize_entry("root", &database.root)?;
                map.serialize_entry("online", &database.online)?;
                map.serialize_entry("shelf", &database.attributes.is_shelf)?;
                map.serialize_entry("offsite", &database.attributes.is_offsite)?;
                map.serialize_entry("medium", &database.attributes.medium)?;
                map.serialize_entry("media", &database.media)?;
                map.serialize_entry("free", &database.free)?;
                map.serialize_entry("total", &database.total)?;
            }
        }
        if self.kind != ListKind::Projects {
            map.serialize_entry("projects", &sum.projects)?;
        }
        map.serialize_entry("files", &sum.files)?;
        map.serialize_entry("bytes", &sum.bytes)?;
        if self.kind != ListKind::Databases {
            map.serialize_entry("copies", &sum.copies)?;
        }
        map.serialize_entry("newest", &sum.newest)?;
        map.serialize_entry("scanned_at", &sum.scanned_at)?;
        map.end()
    }
}
