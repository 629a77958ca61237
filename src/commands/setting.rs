//! What `set` lists and changes, and the words that each setting takes.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use crate::output::color::ColorChoice;
use crate::output::printer::Format;

/// A setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setting {
    /// How answers are written.
    Format,
    /// Whether there is colour.
    Color,
    /// Whether long answers go through a pager.
    Pager,
    /// Whether the prompt shows hints.
    Hints,
    /// Whether copies are read back.
    Verify,
    /// How many threads work on a disk.
    Jobs,
    /// Whether commands ask.
    Confirm,
    /// Whether what storages and desktops keep for themselves is left alone.
    Housekeeping,
    /// Which rclone program is used.
    Rclone,
}

impl Setting {
    /// All of them, as `set` lists them.
    pub const ALL: [Self; 9] = [
        Self::Format,
        Self::Color,
        Self::Pager,
        Self::Hints,
        Self::Verify,
        Self::Jobs,
        Self::Confirm,
        Self::Housekeeping,
        Self::Rclone,
    ];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Format => "format",
            Self::Color => "color",
            Self::Pager => "pager",
            Self::Hints => "hints",
            Self::Verify => "verify",
            Self::Jobs => "jobs",
            Self::Confirm => "confirm",
            Self::Housekeeping => "housekeeping",
            Self::Rclone => "rclone",
        }
    }

    /// The setting of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|setting| setting.name() == name)
    }

    /// The words it takes; `jobs` also takes a number, `rclone` a path.
    pub const fn keywords(self) -> &'static [&'static str] {
        match self {
            Self::Format => &["table", "plain", "csv", "json"],
            Self::Color => &["auto", "always", "never"],
            Self::Jobs | Self::Rclone => &["auto"],
            Self::Pager | Self::Hints | Self::Verify | Self::Confirm | Self::Housekeeping => {
                &["on", "off"]
            }
        }
    }

    /// What it takes, for people.
    pub fn accepted_values(self) -> String {
        let words = self.keywords().join(", ");
        match self {
            Self::Jobs => format!("{words}, 1 to {MAX_JOBS}"),
            Self::Rclone => format!("{words}, the path of the program"),
            _ => words,
        }
    }

    /// What it does.
    pub const fn about(self) -> &'static str {
        match self {
            Self::Format => "how answers are written",
            Self::Color => "whether there is colour",
            Self::Pager => "answers longer than the screen go through $PAGER, at the prompt",
            Self::Hints => "grey hints at the prompt",
            Self::Verify => "what was copied is read back",
            Self::Jobs => "threads on each disk",
            Self::Confirm => "ask before files are replaced, at the prompt",
            Self::Housekeeping => "leave alone what storages and desktops keep for themselves",
            Self::Rclone => {
                "the program behind databases like s3:bucket/studio; auto is the one on PATH"
            }
        }
    }
}

/// More threads than this help no disk.
const MAX_JOBS: usize = 64;

/// What is set.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct Settings {
    /// How answers are written.
    pub format: Format,
    /// Whether there is colour.
    pub color: ColorChoice,
    /// Whether answers longer than the screen go through a pager, at the prompt.
    pub pager: bool,
    /// Whether the prompt shows hints.
    pub hints: bool,
    /// Whether copies are read back.
    pub verify: bool,
    /// How many threads work on a disk; `None` for what suits it.
    pub jobs: Option<NonZeroUsize>,
    /// Whether commands ask at the prompt.
    pub confirm: bool,
    /// Whether what storages and desktops keep for themselves is left alone.
    pub housekeeping: bool,
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
            confirm: true,
            housekeeping: true,
            rclone: None,
        }
    }
}

impl Settings {
    /// The value of a setting, as `set` takes it.
    pub fn get(&self, setting: Setting) -> String {
        let switch = |on| if on { "on" } else { "off" };
        match setting {
            Setting::Format => match self.format {
                Format::Table => "table",
                Format::Plain => "plain",
                Format::Csv => "csv",
                Format::Json => "json",
            },
            Setting::Color => match self.color {
                ColorChoice::Auto => "auto",
                ColorChoice::Always => "always",
                ColorChoice::Never => "never",
            },
            Setting::Pager => switch(self.pager),
            Setting::Hints => switch(self.hints),
            Setting::Verify => switch(self.verify),
            Setting::Confirm => switch(self.confirm),
            Setting::Housekeeping => switch(self.housekeeping),
            Setting::Jobs => {
                return self
                    .jobs
                    .map_or_else(|| "auto".to_owned(), |jobs| jobs.to_string());
            }
            Setting::Rclone => {
                let path = self.rclone.as_ref();
                return path.map_or_else(|| "auto".to_owned(), |path| path.display().to_string());
            }
        }
        .to_owned()
    }

    /// Changes a setting; `false` for a word that it does not take.
    pub fn set(&mut self, setting: Setting, value: &str) -> bool {
        if setting == Setting::Jobs && value != "auto" {
            let jobs = value.parse().ok().filter(|jobs| *jobs <= MAX_JOBS);
            let jobs = jobs.and_then(NonZeroUsize::new);
            self.jobs = jobs.or(self.jobs);
            return jobs.is_some();
        }
        if setting == Setting::Rclone && Path::new(value).is_absolute() {
            self.rclone = Some(value.into());
            return true;
        }
        if !setting.keywords().contains(&value) {
            return false;
        }
        let on = value == "on";
        match setting {
            Setting::Format => {
                self.format = match value {
                    "plain" => Format::Plain,
                    "csv" => Format::Csv,
                    "json" => Format::Json,
                    _ => Format::Table,
                }
            }
            Setting::Color => {
                self.color = match value {
                    "always" => ColorChoice::Always,
                    "never" => ColorChoice::Never,
                    _ => ColorChoice::Auto,
                }
            }
            Setting::Pager => self.pager = on,
            Setting::Hints => self.hints = on,
            Setting::Verify => self.verify = on,
            Setting::Confirm => self.confirm = on,
            Setting::Housekeeping => self.housekeeping = on,
            Setting::Jobs => self.jobs = None,
            Setting::Rclone => self.rclone = None,
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_takes_its_words_and_gives_them_back() {
        let mut settings = Settings::default();
        for setting in Setting::ALL {
            assert_eq!(Setting::from_name(setting.name()), Some(setting));
            assert!(setting.keywords().contains(&settings.get(setting).as_str()));
            for word in setting.keywords() {
                assert!(settings.set(setting, word));
                assert_eq!(settings.get(setting), *word);
            }
            let before = settings.clone();
            for wrong in ["", "maybe", "0", "-1", "65"] {
                assert!(!settings.set(setting, wrong), "{} {wrong}", setting.name());
            }
            assert_eq!(settings, before);
        }
        assert!(settings.set(Setting::Jobs, "4"));
        assert_eq!(settings.get(Setting::Jobs), "4");
    }
}
