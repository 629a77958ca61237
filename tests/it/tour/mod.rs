//! The screens of docs/tour.md and docs/prompt.svg, made in a terminal. `UPDATE_DOCS=1 tests/run tour` renews them.

mod chapter;
mod picture;
mod screen;
mod text;
mod tour_studio;

use std::fs;
use std::path::{Path, PathBuf};

use regex::{Captures, Regex};

use tour_studio::TourStudio;

use crate::servers;

/// Columns of the terminal in the picture.
const COLUMNS: u16 = 92;

/// Title and description of the picture, for screen readers.
const WORDS: (&str, &str) = (
    "The prompt of auto-backup",
    "A terminal. A list shows the size of four projects, the number of their whole copies and the storages that have them. \
     A table shows that the copy of the project acme/teaser is whole on WORK and that one file is older on NAS. A copy names \
     an unknown storage: a caret marks the mistyped name, and a hint suggests the right one. Another copy is half typed: the \
     command is green, known names are blue, an option is cyan, and the expected next word is gray.",
);

#[test]
fn tour_matches_the_terminal() {
    let place = TourStudio::new();
    if servers::rclone().is_none() {
        return;
    }
    let screens: Vec<_> = chapter::ACTS.iter().flat_map(|act| act(&place)).collect();
    let screen = chapter::picture(&place, COLUMNS);
    let picture = picture::svg(&screen.rows(), COLUMNS, screen.cursor(), WORDS);
    screen.leave();
    assert_document("docs/prompt.svg", &picture);
    assert_document("docs/tour.md", &filled(&file("docs/tour.md"), &screens));
}

/// Returns the page with each of these screens below the comment of its name.
fn filled(page: &str, screens: &[(&str, String)]) -> String {
    let screen = Regex::new(r"(?s)<!-- (\w+) -->\n```console\n.*?```\n").unwrap();
    let mut missing = screens.iter();
    let page = screen.replace_all(page, |found: &Captures<'_>| {
        let (name, text) = missing.next().unwrap();
        assert_eq!(&found[1], *name, "the screens come in another order");
        format!("<!-- {name} -->\n```console\n{text}```\n")
    });
    let page = page.into_owned();
    assert_eq!(missing.next(), None, "docs/tour.md has no place for it");
    page
}

/// Fails unless the document has this text; writes it if `UPDATE_DOCS` is set.
fn assert_document(path: &str, text: &str) {
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(whole(path), text).unwrap();
    }
    let committed = file(path);
    let is_other = |(one, other): &(&str, &str)| one != other;
    let first = committed.lines().zip(text.lines()).find(is_other);
    assert!(
        committed == text,
        "{path} is old; `UPDATE_DOCS=1 tests/run tour` renews it: {first:?}"
    );
}

fn file(path: &str) -> String {
    fs::read_to_string(whole(path)).unwrap_or_default()
}

fn whole(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}
