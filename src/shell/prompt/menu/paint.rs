//! The rows of the menu: a word and its description each, and the position if it scrolls.
//!
//! rustyline does not know these rows. They are painted below the line with each repaint of it, and the cursor returns to the
//! row where it was. The next repaint erases everything below the prompt first, so that a resized terminal keeps no rests.

use std::fmt::Write as _;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr as _};

use super::Menu;
use crate::base::unit;
use crate::output::shorten::shorten;

/// Maximum number of entries shown at once.
const MAX_VISIBLE: usize = 15;

/// Columns before each word: the mark of the selected entry.
const MARGIN: usize = 2;

/// Columns between a word and its description.
const GAP: usize = 2;

/// Smallest width of a description that is worth its space.
const MIN_DESCRIPTION: usize = 8;

/// Keeps the terminal from breaking a row that is wider than computed.
const NO_WRAP: &str = "\u{1b}[?7l";
const WRAP: &str = "\u{1b}[?7h";

/// Size of the terminal, and the part of it that the typed line takes.
#[derive(Clone, Copy, Debug)]
pub(in crate::shell) struct MenuScreen {
    pub(in crate::shell) columns: usize,
    pub(in crate::shell) rows: usize,
    /// Width of the prompt before the line.
    pub(in crate::shell) prompt_width: usize,
    pub(in crate::shell) has_color: bool,
}

impl MenuScreen {
    /// Returns the number of rows of the prompt and a line.
    pub(super) fn line_rows(self, line: &str) -> usize {
        let mut indent = self.prompt_width;
        let rows = line.split('\n').map(|row| {
            let width = std::mem::take(&mut indent) + terminal_width(row);
            width / self.columns.max(1) + 1
        });
        rows.sum()
    }

    /// True if a text after the line leaves the last column of its row empty: a terminal begins a new row behind it.
    pub(in crate::shell) fn has_room(self, line: &str, text: &str) -> bool {
        let last = line.rsplit('\n').next().unwrap_or_default();
        let column = (self.prompt_width + terminal_width(last)) % self.columns.max(1);
        column + terminal_width(text) < self.columns
    }

    /// Returns blanks after the line, behind which the menu begins. They end within the last columns of the row, so that
    /// rustyline repaints when the terminal becomes narrower.
    pub(in crate::shell) fn padding(self, line: &str) -> String {
        let last = line.rsplit('\n').next().unwrap_or_default();
        let used = self.prompt_width + terminal_width(last);
        let target = self.columns * 3 / 4;
        " ".repeat(target.saturating_sub(used).max(1))
    }
}

/// Returns the width of a text on a terminal that joins no characters.
fn terminal_width(text: &str) -> usize {
    text.chars().filter_map(UnicodeWidthChar::width).sum()
}

/// Returns the control sequences that paint the menu below the line and return to its last row.
pub(in crate::shell) fn paint_menu(menu: &mut Menu, screen: MenuScreen) -> String {
    let rows = menu_rows(menu, screen);
    if rows.is_empty() {
        return String::new();
    }
    let mut text = format!("\r{NO_WRAP}");
    for row in &rows {
        text.push_str("\r\n");
        text.push_str(row);
    }
    // Writing to a string cannot fail.
    let _written = write!(text, "{WRAP}\u{1b}[{}A\r", rows.len());
    text
}

/// Returns the rows that fit the screen.
fn menu_rows(menu: &mut Menu, screen: MenuScreen) -> Vec<String> {
    let total = menu.list.len();
    let room = screen
        .rows
        .saturating_sub(screen.line_rows(&menu.line.text));
    let scrolls = total > room.min(MAX_VISIBLE);
    let has_position = scrolls && room > 1;
    let visible = total
        .min(MAX_VISIBLE)
        .min(room.saturating_sub(usize::from(has_position)));
    if visible == 0 || screen.columns < MARGIN + 2 {
        return Vec::new();
    }
    menu.scroll(visible);
    let shown = menu.first..(menu.first + visible).min(total);
    let entries: Vec<_> = shown
        .map(|place| {
            menu.described += 1;
            let word = menu.list.shown_word(place);
            menu.word_width = menu.word_width.max(word.width());
            (place, word, menu.list.description(place))
        })
        .collect();
    // The last column stays free: a full row would move the cursor.
    let layout = RowLayout::new(screen.columns - 1 - MARGIN, menu.word_width, &entries);
    let row = |(place, word, description): &(usize, String, String)| {
        let is_selected = menu.selected == Some(*place);
        layout.row(word, description, is_selected, screen.has_color)
    };
    let mut rows: Vec<String> = entries.iter().map(row).collect();
    if has_position {
        let position = position(menu.selected, total);
        let position = cut(&position, screen.columns - 1 - MARGIN);
        rows.push(faint(&format!("  {position}"), screen.has_color));
    }
    rows
}

/// `12 of 340`, or the number of matches if none is selected.
fn position(selected: Option<usize>, total: usize) -> String {
    let total = unit::format_count(total as u64);
    match selected {
        Some(place) => format!("{} of {total}", unit::format_count(place as u64 + 1)),
        None => format!("{total} matches"),
    }
}

/// Widths of the two columns.
struct RowLayout {
    word: usize,
    /// 0 if the descriptions do not fit.
    description: usize,
    total: usize,
}

impl RowLayout {
    fn new(total: usize, widest_word: usize, entries: &[(usize, String, String)]) -> Self {
        let descriptions = entries.iter().map(|(_, _, text)| text.width());
        let wanted = descriptions.max().unwrap_or(0);
        let only_words = Self {
            word: widest_word.min(total),
            description: 0,
            total,
        };
        if wanted == 0 {
            return only_words;
        }
        // Long words leave half of the row to the descriptions, or what these need.
        let reserved = wanted.min(total / 2);
        let word = widest_word.min(total.saturating_sub(GAP + reserved));
        let description = total.saturating_sub(word + GAP).min(wanted);
        if description < MIN_DESCRIPTION.min(wanted) {
            return only_words;
        }
        Self {
            word,
            description,
            total,
        }
    }

    fn row(&self, word: &str, description: &str, is_selected: bool, has_color: bool) -> String {
        let mark = if is_selected { "> " } else { "  " };
        let word = shorten(word, self.word);
        let padding = " ".repeat(self.word.saturating_sub(word.width()));
        let description = cut(description, self.description);
        if description.is_empty() {
            let row = format!("{mark}{word}");
            return highlighted(&row, is_selected && has_color);
        }
        let gap = " ".repeat(GAP);
        if is_selected {
            let row = format!("{mark}{word}{padding}{gap}{description}");
            let rest = (self.total + MARGIN).saturating_sub(row.width());
            let row = if has_color {
                format!("{row}{}", " ".repeat(rest))
            } else {
                row
            };
            return highlighted(&row, has_color);
        }
        format!(
            "{mark}{word}{padding}{gap}{}",
            faint(&description, has_color)
        )
    }
}

/// Returns the beginning of a text that fits, with `…` if it is cut.
fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut short = String::new();
    for letter in text.chars() {
        if short.width() + letter.width().unwrap_or(0) + 1 > width {
            break;
        }
        short.push(letter);
    }
    if width > 0 {
        short = format!("{}…", short.trim_end());
    }
    short
}

/// Returns the text with exchanged colors.
fn highlighted(text: &str, has_color: bool) -> String {
    if has_color {
        format!("\u{1b}[7m{text}\u{1b}[0m")
    } else {
        text.to_owned()
    }
}

fn faint(text: &str, has_color: bool) -> String {
    if has_color {
        format!("\u{1b}[90m{text}\u{1b}[0m")
    } else {
        text.to_owned()
    }
}
