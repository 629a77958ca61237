//! The settings that `set` lists and changes, and the values that each accepts.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use clap::builder::PossibleValue;

use super::startup::ChangedSetting;
use crate::base::error::{Error, Result};
use crate::catalog::CatalogAddress;
use crate::output::color::ColorChoice;
use crate::output::printer::Format;

/// Upper bound of `jobs`: no disk gets faster with more threads.
const MAX_JOBS: usize = 64;

/// Value of `jobs` and `rclone` that leaves the choice to the program.
const AUTO: &str = "auto";

/// Value of `catalog` without a catalog.
const OFF: &str = "off";

/// A setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setting {
    Format,
    Color,
    Pager,
    Hints,
    Verify,
    Jobs,
    Polite,
    Confirm,
    Housekeeping,
    Publish,
    Catalog,
    Rclone,
}

impl Setting {
    /// All settings, in the order that `set` lists them.
    pub const ALL: [Self; 12] = [
        Self::Format,
        Self::Color,
        Self::Pager,
        Self::Hints,
        Self::Verify,
        Self::Jobs,
        Self::Polite,
        Self::Confirm,
        Self::Housekeeping,
        Self::Publish,
        Self::Catalog,
        Self::Rclone,
    ];

    /// The settings that `save` keeps: those about what a studio shares.
    pub const KEPT: [Self; 2] = [Self::Publish, Self::Catalog];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Format => "format",
            Self::Color => "color",
            Self::Pager => "pager",
            Self::Hints => "hints",
            Self::Verify => "verify",
            Self::Jobs => "jobs",
            Self::Polite => "polite",
            Self::Confirm => "confirm",
            Self::Housekeeping => "housekeeping",
            Self::Publish => "publish",
            Self::Catalog => "catalog",
            Self::Rclone => "rclone",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|setting| setting.name() == name)
    }

    /// Returns the words that the setting accepts. `jobs` also accepts a number, and `rclone` a path.
    pub fn keywords(self) -> Vec<String> {
        match self {
            Self::Format => Format::value_variants().iter().map(word).collect(),
            Self::Color => ColorChoice::value_variants().iter().map(word).collect(),
            Self::Jobs | Self::Rclone => vec![AUTO.to_owned()],
            Self::Catalog => vec![OFF.to_owned()],
            Self::Pager
            | Self::Hints
            | Self::Verify
            | Self::Polite
            | Self::Confirm
            | Self::Housekeeping
            | Self::Publish => [true, false].map(switch_word).into(),
        }
    }

    /// Returns all accepted values, in words for people.
    pub fn accepted_values(self) -> String {
        let words = self.keywords().join(", ");
        match self {
            Self::Jobs => format!("{words}, 1 to {MAX_JOBS}"),
            Self::Rclone => format!("{words}, the path of the program"),
            Self::Catalog => format!("{words}, postgres://USER@HOST/NAME"),
            _ => words,
        }
    }

    /// Returns the purpose of the setting, as a phrase.
    pub const fn about(self) -> &'static str {
        match self {
            Self::Format => "format of answers",
            Self::Color => "color in output",
            Self::Pager => "page answers longer than the screen through $PAGER, at the prompt",
            Self::Hints => "gray hints at the prompt",
            Self::Verify => "read copies back and compare them with the source",
            Self::Jobs => "threads on each disk",
            Self::Polite => "scan slowly while other programs use the disk",
            Self::Confirm => "ask before files are replaced, at the prompt",
            Self::Housekeeping => "skip files that storages and desktops keep for themselves",
            Self::Publish => {
                "write what is known of a storage to the storage, for other workstations"
            }
            Self::Catalog => "PostgreSQL server through which workstations share what they know",
            Self::Rclone => {
                "the program behind storages like s3:bucket/studio; auto is the one on PATH"
            }
        }
    }
}

/// The value of every setting.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct Settings {
    pub format: Format,
    pub color: ColorChoice,
    pub pager: bool,
    pub hints: bool,
    pub verify: bool,
    /// Number of threads on each disk; `None` lets the kind of disk decide.
    pub jobs: Option<NonZeroUsize>,
    pub polite: bool,
    pub confirm: bool,
    pub housekeeping: bool,
    pub publish: bool,
    /// The catalog, if workstations share one.
    pub catalog: Option<CatalogAddress>,
    /// The rclone program; `None` for the one on PATH.
    pub rclone: Option<PathBuf>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            format: Format::default(),
            color: ColorChoice::default(),
            pager: true,
            hints: true,
            verify: true,
            jobs: None,
            polite: false,
            confirm: true,
            housekeeping: true,
            publish: false,
            catalog: None,
            rclone: None,
        }
    }
}

impl Settings {
    /// Returns the kept settings whose values differ from those that were saved.
    pub fn changed_since(&self, saved: &Self) -> Vec<ChangedSetting> {
        let default = Self::default();
        let changed = Setting::KEPT
            .into_iter()
            .filter(|setting| self.get(*setting) != saved.get(*setting));
        changed
            .map(|setting| ChangedSetting {
                name: setting.name(),
                value: self.get(setting),
                is_default: self.get(setting) == default.get(setting),
            })
            .collect()
    }

    /// Returns the value of a setting in the form that [`Self::set`] accepts.
    pub fn get(&self, setting: Setting) -> String {
        let auto = || AUTO.to_owned();
        match setting {
            Setting::Format => word(&self.format),
            Setting::Color => word(&self.color),
            Setting::Pager => switch_word(self.pager),
            Setting::Hints => switch_word(self.hints),
            Setting::Verify => switch_word(self.verify),
            Setting::Polite => switch_word(self.polite),
            Setting::Confirm => switch_word(self.confirm),
            Setting::Housekeeping => switch_word(self.housekeeping),
            Setting::Publish => switch_word(self.publish),
            Setting::Catalog => {
                let address = self.catalog.as_ref();
                address.map_or_else(|| OFF.to_owned(), ToString::to_string)
            }
            Setting::Jobs => self.jobs.map_or_else(auto, |jobs| jobs.to_string()),
            Setting::Rclone => {
                let path = self.rclone.as_ref();
                path.map_or_else(auto, |path| path.display().to_string())
            }
        }
    }

    /// Changes a setting. A value that it does not accept changes nothing and is an [`Error::InvalidValue`].
    pub fn set(&mut self, setting: Setting, value: &str) -> Result<()> {
        let accepted = match setting {
            Setting::Format => assign(&mut self.format, parse_word(value)),
            Setting::Color => assign(&mut self.color, parse_word(value)),
            Setting::Pager => assign(&mut self.pager, parse_switch(value)),
            Setting::Hints => assign(&mut self.hints, parse_switch(value)),
            Setting::Verify => assign(&mut self.verify, parse_switch(value)),
            Setting::Polite => assign(&mut self.polite, parse_switch(value)),
            Setting::Confirm => assign(&mut self.confirm, parse_switch(value)),
            Setting::Housekeeping => assign(&mut self.housekeeping, parse_switch(value)),
            Setting::Publish => assign(&mut self.publish, parse_switch(value)),
            Setting::Catalog if value == OFF => assign(&mut self.catalog, Some(None)),
            Setting::Catalog => {
                self.catalog = Some(CatalogAddress::parse(value)?);
                return Ok(());
            }
            Setting::Jobs if value == AUTO => assign(&mut self.jobs, Some(None)),
            Setting::Jobs => assign(&mut self.jobs, parse_jobs(value).map(Some)),
            Setting::Rclone if value == AUTO => assign(&mut self.rclone, Some(None)),
            Setting::Rclone => assign(&mut self.rclone, parse_program(value).map(Some)),
        };
        accepted.ok_or_else(|| Error::InvalidValue {
            setting: setting.name(),
            word: value.into(),
            values: setting.accepted_values(),
        })
    }
}

fn assign<T>(field: &mut T, value: Option<T>) -> Option<()> {
    *field = value?;
    Some(())
}

fn word<T: ValueEnum>(value: &T) -> String {
    let value = value.to_possible_value();
    value.map_or_else(String::new, |value| value.get_name().to_owned())
}

fn parse_word<T: ValueEnum>(value: &str) -> Option<T> {
    T::from_str(value, false).ok()
}

fn switch_word(on: bool) -> String {
    if on { "on" } else { "off" }.to_owned()
}

fn parse_switch(value: &str) -> Option<bool> {
    match value {
        "on" => Some(true),
        "off" => Some(false),
        _ => None,
    }
}

fn parse_jobs(value: &str) -> Option<NonZeroUsize> {
    let jobs = value.parse().ok().filter(|jobs| *jobs <= MAX_JOBS)?;
    NonZeroUsize::new(jobs)
}

fn parse_program(value: &str) -> Option<PathBuf> {
    Path::new(value).is_absolute().then(|| value.into())
}

impl ValueEnum for Format {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::Table, Self::Plain, Self::Csv, Self::Json]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let (word, help) = match self {
            Self::Table => ("table", "Tables for people"),
            Self::Plain => ("plain", "Tab-separated lines without a heading"),
            Self::Csv => ("csv", "CSV with a heading"),
            Self::Json => ("json", "One JSON document a command and line"),
        };
        Some(PossibleValue::new(word).help(help))
    }
}

impl ValueEnum for ColorChoice {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::Auto, Self::Always, Self::Never]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let (word, help) = match self {
            Self::Auto => ("auto", "On a terminal"),
            Self::Always => ("always", "Everywhere"),
            Self::Never => ("never", "Nowhere"),
        };
        Some(PossibleValue::new(word).help(help))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_accepts_its_words_and_returns_them() {
        let mut settings = Settings::default();
        for setting in Setting::ALL {
            assert_eq!(Setting::from_name(setting.name()), Some(setting));
            assert!(setting.keywords().contains(&settings.get(setting)));
            for word in setting.keywords() {
                settings.set(setting, &word).unwrap();
                assert_eq!(settings.get(setting), word);
            }
            let before = settings.clone();
            for wrong in ["", "maybe", "0", "-1", "65"] {
                let refused = settings.set(setting, wrong);
                assert!(refused.is_err(), "{} {wrong}", setting.name());
            }
            assert_eq!(settings, before);
        }
        settings.set(Setting::Jobs, "4").unwrap();
        assert_eq!(settings.get(Setting::Jobs), "4");
    }
}
