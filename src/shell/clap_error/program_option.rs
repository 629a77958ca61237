//! Options of the program that were typed after a command.

use std::ffi::OsStr;

use crate::language::lexer::quote;

/// The place where an option of the program belongs.
struct ProgramOption {
    name: &'static str,
    /// The placeholder of its value, if it takes one.
    value: &'static str,
    /// The setting of a session that does the same, if there is one.
    setting: Option<&'static str>,
}

const fn option(name: &'static str, value: &'static str) -> ProgramOption {
    ProgramOption {
        name,
        value,
        setting: None,
    }
}

/// The options of the program that commands do not have, or not all of them.
const PROGRAM_OPTIONS: [ProgramOption; 14] = [
    option("accessible", ""),
    ProgramOption {
        name: "catalog",
        value: "ADDRESS",
        setting: Some("catalog"),
    },
    option("check", ""),
    ProgramOption {
        name: "color",
        value: "WHEN",
        setting: Some("color"),
    },
    option("config", "FILE"),
    option("define", "NAME=VALUE"),
    option("demo", ""),
    option("dry-run", ""),
    ProgramOption {
        name: "format",
        value: "FORMAT",
        setting: Some("format"),
    },
    option("index", "FILE"),
    option("keep-going", ""),
    option("no-config", ""),
    option("quiet", ""),
    option("yes", ""),
];

/// Names of the options, for the test that compares them with those of the program.
#[cfg(test)]
pub(crate) fn program_option_names() -> Vec<&'static str> {
    PROGRAM_OPTIONS.iter().map(|option| option.name).collect()
}

/// Returns the hint for an option of the program after a command: `--format json`, or `--format=json`. `next` is the word
/// after it.
pub(super) fn program_option_hint(word: &str, next: Option<&str>) -> Option<String> {
    let (name, attached) = match word.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (word, None),
    };
    let name = name.strip_prefix("--")?;
    let option = PROGRAM_OPTIONS.iter().find(|option| option.name == name)?;
    let typed = attached.or_else(|| next.filter(|next| !next.starts_with('-')));
    let value = match (option.value, typed) {
        ("", _) => String::new(),
        (_, Some(typed)) => quote(OsStr::new(typed)),
        (placeholder, None) => placeholder.to_owned(),
    };
    let start = format!("auto-backup --{name} {value}");
    let start = start.trim_end();
    Some(match option.setting {
        Some(setting) => format!(
            "`--{name}` is an option of the program: type `set {setting} {value}` first, or start with `{start}`"
        ),
        None => format!("`--{name}` is an option of the program: start with `{start}`"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hint_names_setting_or_start() {
        let json = "`--format` is an option of the program: type `set format json` first, or start with `auto-backup --format json`";
        for (word, next, hint) in [
            ("--format=json", None, Some(json)),
            ("--format", Some("json"), Some(json)),
            (
                "--quiet",
                Some("NAS"),
                Some("`--quiet` is an option of the program: start with `auto-backup --quiet`"),
            ),
            (
                "--index",
                Some("--yes"),
                Some(
                    "`--index` is an option of the program: start with `auto-backup --index FILE`",
                ),
            ),
            ("--nope", None, None),
            ("quiet", None, None),
        ] {
            assert_eq!(program_option_hint(word, next).as_deref(), hint, "{word}");
        }
    }
}
