//! The words of clap's errors: the context that an error carries, and arguments as clap writes them.

use clap::error::{ContextKind, ContextValue};

pub(super) fn first_context_text(error: &clap::Error, kind: ContextKind) -> Option<String> {
    context_texts(error, kind).into_iter().next()
}

/// Returns all texts of a kind of context.
pub(super) fn context_texts(error: &clap::Error, kind: ContextKind) -> Vec<String> {
    match error.get(kind) {
        Some(ContextValue::String(text)) => vec![text.clone()],
        Some(ContextValue::Strings(texts)) => texts.clone(),
        Some(ContextValue::StyledStr(text)) => vec![text.to_string()],
        Some(ContextValue::StyledStrs(texts)) => texts.iter().map(ToString::to_string).collect(),
        _ => Vec::new(),
    }
}

/// Returns a usage line or argument without clap's decoration.
pub(super) fn strip_decoration(text: &str) -> String {
    text.trim_start_matches("Usage: ")
        .trim_start_matches("auto-backup ")
        .replace(['<', '>'], "")
        .trim()
        .to_owned()
}

/// `PROJECT` from `[PROJECT]`, `<PROJECT>` or `--project <PROJECT>`.
pub(super) fn placeholder_name(argument: &str) -> String {
    let name = argument.split_whitespace().last().unwrap_or(argument);
    name.trim_matches(['<', '>', '[', ']', '.']).to_owned()
}

/// `--project` from `--project <PROJECT>`, `STORAGE` from `[STORAGE]...`.
pub(super) fn argument_label(argument: &str) -> String {
    match argument.split_whitespace().next() {
        Some(option) if option.starts_with('-') => option.to_owned(),
        _ => placeholder_name(argument),
    }
}

/// `` `--last` needs a value: N ``, `TO needs a value`.
pub(super) fn needs_value_message(argument: &str) -> String {
    let (term, name) = (argument_label(argument), placeholder_name(argument));
    if term.starts_with('-') && term != name {
        format!("`{term}` needs a value: {name}")
    } else {
        format!("{name} needs a value")
    }
}

/// True for `-r`, as clap reports one letter of a word like `-rf`.
pub(super) fn is_short_option(option: &str) -> bool {
    option.starts_with('-') && !option.starts_with("--")
}

/// True for the keyword `in`.
pub(super) fn is_in_keyword(argument: &str) -> bool {
    argument.trim_matches(['<', '>', '[', ']', ' ']) == "in"
}
