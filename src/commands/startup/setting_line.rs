//! Lines of the start-up file that change a setting.

use std::ffi::{OsStr, OsString};

use crate::language::lexer::quote;

/// A setting that changed in this session, and that `save` keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangedSetting {
    /// Name of the setting.
    pub name: &'static str,
    /// Its value now.
    pub value: String,
    /// True if it has this value without a line.
    pub is_default: bool,
}

impl ChangedSetting {
    /// Returns the line that makes the change, if it needs one.
    pub(super) fn line(&self) -> Option<String> {
        let value = quote(OsStr::new(&self.value));
        (!self.is_default).then(|| format!("set {} {value}", self.name))
    }

    /// True if lines with these settings, in their order, already lead to the value.
    pub(super) fn is_in<'a>(&self, lines: impl Iterator<Item = &'a SettingLine>) -> bool {
        let last = lines.filter(|line| line.name == self.name).last();
        last.map_or(self.is_default, |line| line.value == self.value)
    }
}

/// The effect of a line on a setting.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct SettingLine {
    pub(super) name: String,
    value: String,
}

impl SettingLine {
    /// Parses the words of a line, if it changes a setting.
    pub(super) fn parse(words: &[OsString]) -> Option<Self> {
        match words {
            [set, name, value] if set == "set" => Some(Self {
                name: name.to_string_lossy().into_owned(),
                value: value.to_string_lossy().into_owned(),
            }),
            _ => None,
        }
    }
}
