//! `set`: lists the settings, changes one, or sets `$1`, `$2` and so on.

use std::ffi::{OsStr, OsString};

use clap::Args;
use serde::Serialize;

use super::command::RunCommand;
use super::settings::Setting;
use super::workspace::Workspace;
use crate::base::error::{Error, Result};
use crate::base::noun::Noun;
use crate::base::suggest::suggest;
use crate::model::path;
use crate::output::answer::{Answer, Records};
use crate::output::cell::Cell;
use crate::output::page::Page;

/// List the settings, or change one
///
/// A setting lasts until the prompt or script ends. In the start-up file it applies to every session. Options of the program
/// override the start-up file.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  set
  set format json
  set hints off
  set pager off
  set jobs 4
  set publish on
  set catalog postgres://studio@server/studio
  set rclone ~/bin/rclone
  set -- acme/spot NAS")]
pub(crate) struct SetArgs {
    /// The setting: format, color, pager, hints, verify, jobs, polite, confirm, housekeeping, publish, catalog or rclone
    #[arg(value_name = "SETTING", conflicts_with = "arguments")]
    name: Option<String>,
    /// The new value
    #[arg(value_name = "VALUE", conflicts_with = "arguments")]
    value: Option<String>,
    /// New values of `$1`, `$2` and so on
    #[arg(value_name = "ARGUMENT", last = true)]
    arguments: Vec<OsString>,
}

/// Settings and their values.
#[derive(Debug, Serialize)]
pub(crate) struct SetAnswer {
    settings: Vec<SettingRow>,
    #[serde(skip)]
    changed: bool,
}

#[derive(Debug, Serialize)]
struct SettingRow {
    name: &'static str,
    value: String,
    values: String,
    #[serde(skip)]
    about: &'static str,
}

impl RunCommand for SetArgs {
    type Answer = SetAnswer;

    fn run(self, workspace: &mut Workspace) -> Result<SetAnswer> {
        if !self.arguments.is_empty() {
            workspace.variables.set_arguments(self.arguments);
            return Ok(SetAnswer {
                settings: Vec::new(),
                changed: true,
            });
        }
        let setting = self.name.as_deref().map(find_setting).transpose()?;
        let value = self
            .value
            .as_deref()
            .map(|value| resolve_value(setting, value, workspace));
        if let (Some(setting), Some(value)) = (setting, value.transpose()?) {
            workspace.settings.set(setting, &value)?;
        }
        workspace
            .registry
            .exclude_housekeeping(workspace.settings.housekeeping);
        let shown = setting.map_or_else(|| Setting::ALL.to_vec(), |setting| vec![setting]);
        let line = |setting: Setting| SettingRow {
            name: setting.name(),
            value: workspace.settings.get(setting),
            values: setting.accepted_values(),
            about: setting.about(),
        };
        Ok(SetAnswer {
            settings: shown.into_iter().map(line).collect(),
            changed: self.value.is_some(),
        })
    }
}

/// Makes a path absolute: it starts at the folder of the script, at the prompt at the current folder.
fn resolve_value(setting: Option<Setting>, value: &str, workspace: &Workspace) -> Result<String> {
    if setting != Some(Setting::Rclone) || value == "auto" || value.is_empty() {
        return Ok(value.to_owned());
    }
    let path = path::absolute(OsStr::new(value), &workspace.base)?;
    Ok(path.display().to_string())
}

fn find_setting(name: &str) -> Result<Setting> {
    let names = Setting::ALL.map(Setting::name);
    Setting::from_name(name).ok_or_else(|| Error::UnknownName {
        noun: Noun::Setting,
        name: name.into(),
        suggestions: suggest(name, names)
            .into_iter()
            .map(str::to_owned)
            .collect(),
        known: names.map(str::to_owned).to_vec(),
    })
}

impl Answer for SetAnswer {
    const COMMAND: &'static str = "set";

    fn write_page(&self, page: &mut Page) {
        if let ([one], true) = (self.settings.as_slice(), self.changed) {
            page.line(format!("{} is {}", one.name, one.value));
            return;
        }
        let row = |setting: &SettingRow| {
            [setting.name, &setting.value, &setting.values, setting.about]
                .map(Cell::text)
                .to_vec()
        };
        let rows = self.settings.iter().map(row).collect();
        page.table(&["setting", "value", "accepts", "purpose"], rows);
    }

    fn records(&self) -> Records {
        let row = |setting: &SettingRow| {
            [setting.name, &setting.value, &setting.values]
                .map(Cell::text)
                .to_vec()
        };
        Records {
            headings: &["name", "value", "values"],
            rows: self.settings.iter().map(row).collect(),
        }
    }

    fn is_routine(&self) -> bool {
        self.changed
    }
}
