//! The menu of completions below the typed line.
//!
//! The first Tab completes what all matches have in common and opens the menu; Tab and the arrows walk it, typed text narrows
//! it, Enter takes the selected entry, and Esc restores the line. The line keeps what was typed until an entry is taken.

mod paint;

pub(super) use self::paint::{MenuScreen, paint_menu};
use super::line_edit::LineEdit;
use crate::shell::completion::{CompletionList, DiskAccess, FolderListing};

/// Action of a key on the menu.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MenuAction {
    /// Opens the menu, or selects the next entry.
    Next,
    Previous,
    NextPage,
    PreviousPage,
    /// Inserts the selected entry.
    Take,
    /// Closes the menu and restores the line.
    Cancel,
}

/// State of the menu that the meaning of a key depends on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum MenuStatus {
    #[default]
    Closed,
    /// Nothing is selected: Enter runs the line.
    Open,
    Selected {
        /// True if a blank takes the entry, because it would end the typed word.
        takes_blank: bool,
    },
}

/// Completes a line at its cursor.
pub(super) type Complete<'a> = dyn Fn(&str, usize, DiskAccess<'_>) -> CompletionList + 'a;

/// An open menu.
#[derive(Debug)]
pub(super) struct Menu {
    list: CompletionList,
    /// Line that the list completes.
    line: LineEdit,
    /// Line before the menu was opened, or as it was typed since then.
    original: LineEdit,
    selected: Option<usize>,
    /// First visible entry.
    first: usize,
    /// Number of entries shown by the last repaint.
    visible: usize,
    /// Width of the widest word shown so far, so that the descriptions stay in their column.
    word_width: usize,
    /// Number of entries described so far.
    described: usize,
}

/// Performs an action. Returns the line as it should become, or `None` if nothing matches.
pub(super) fn press(
    menu: &mut Option<Menu>,
    action: MenuAction,
    line: LineEdit,
    complete: &Complete<'_>,
) -> Option<LineEdit> {
    let Some(open) = menu else {
        let (opened, line) = open_menu(line, complete)?;
        *menu = opened;
        return Some(line);
    };
    match action {
        MenuAction::Next if open.list.len() == 1 => open.selected = Some(0),
        MenuAction::Next => open.step(true),
        MenuAction::Previous => open.step(false),
        MenuAction::NextPage => open.turn_page(true),
        MenuAction::PreviousPage => open.turn_page(false),
        MenuAction::Cancel => return menu.take().map(|menu| menu.original),
        MenuAction::Take => {}
    }
    let is_taken = action == MenuAction::Take || action == MenuAction::Next && open.list.len() == 1;
    if !is_taken {
        return Some(line);
    }
    let taken = open.taken();
    *menu = None;
    let taken = taken?;
    // A client is followed by its projects, a folder by its entries.
    if taken.text.get(..taken.cursor)?.ends_with('/') {
        let list = complete(&taken.text, taken.cursor, DiskAccess::Read);
        *menu = (list.len() > 0).then(|| Menu::new(list, taken.clone(), taken.clone()));
    }
    Some(taken)
}

/// Completes the only match, or the common part of all, and opens a menu of several.
fn open_menu(line: LineEdit, complete: &Complete<'_>) -> Option<(Option<Menu>, LineEdit)> {
    let list = complete(&line.text, line.cursor, DiskAccess::Read);
    if list.len() == 0 {
        return None;
    }
    let part = (list.start, line.cursor);
    if let Some(word) = list.only_match() {
        return Some((None, LineEdit::replace(&line.text, part, &word)));
    }
    let Some(common) = list.common_part() else {
        return Some((Some(Menu::new(list, line.clone(), line.clone())), line));
    };
    let longer = LineEdit::replace(&line.text, part, &common);
    let known = DiskAccess::Cached(list.listing.as_ref());
    let list = complete(&longer.text, longer.cursor, known);
    let menu = Menu::new(list, longer.clone(), line);
    Some((Some(menu), longer))
}

/// Narrows the menu to the matches of a changed line. Closes it if none are left, or the cursor left the word.
pub(super) fn follow(menu: &mut Option<Menu>, line: &str, cursor: usize, complete: &Complete<'_>) {
    let Some(open) = menu else {
        return;
    };
    if open.line.text == line {
        if open.line.cursor != cursor {
            *menu = None;
        }
        return;
    }
    let list = complete(line, cursor, DiskAccess::Cached(open.listing()));
    if list.len() == 0 || list.start != open.list.start {
        *menu = None;
        return;
    }
    let typed = LineEdit::new(line, cursor);
    let word_width = open.word_width;
    let described = open.described;
    *open = Menu {
        word_width,
        described,
        ..Menu::new(list, typed.clone(), typed)
    };
}

impl Menu {
    fn new(list: CompletionList, line: LineEdit, original: LineEdit) -> Self {
        Self {
            list,
            line,
            original,
            selected: None,
            first: 0,
            visible: 1,
            word_width: 0,
            described: 0,
        }
    }

    const fn listing(&self) -> Option<&FolderListing> {
        self.list.listing.as_ref()
    }

    pub(super) fn status(&self) -> MenuStatus {
        if self.selected.is_none() {
            return MenuStatus::Open;
        }
        let word = self.line.text.get(self.list.start..self.line.cursor);
        let is_quoted = word.is_some_and(|word| word.starts_with(['\'', '"', '$']));
        MenuStatus::Selected {
            takes_blank: !is_quoted,
        }
    }

    /// Selects the next or the previous entry; the first follows the last.
    fn step(&mut self, forward: bool) {
        let last = self.list.len().saturating_sub(1);
        self.selected = Some(match (self.selected, forward) {
            (None, true) => 0,
            (None, false) => last,
            (Some(place), true) if place >= last => 0,
            (Some(place), true) => place + 1,
            (Some(place), false) => place.checked_sub(1).unwrap_or(last),
        });
    }

    /// Selects the entry one page further, at most the first or the last.
    fn turn_page(&mut self, forward: bool) {
        let last = self.list.len().saturating_sub(1);
        self.selected = Some(match self.selected {
            None if forward => self.visible.min(last),
            None => 0,
            Some(place) if forward => (place + self.visible).min(last),
            Some(place) => place.saturating_sub(self.visible),
        });
    }

    /// Returns the line with the selected entry.
    fn taken(&self) -> Option<LineEdit> {
        let word = self.list.replacement(self.selected?)?;
        let part = (self.list.start, self.line.cursor);
        Some(LineEdit::replace(&self.line.text, part, &word))
    }

    /// Scrolls so that the selected entry is among this number of visible ones.
    fn scroll(&mut self, visible: usize) {
        self.visible = visible.max(1);
        let selected = self.selected.unwrap_or(0);
        if selected < self.first {
            self.first = selected;
        } else if selected >= self.first + self.visible {
            self.first = selected + 1 - self.visible;
        }
        self.first = self.first.min(self.list.len().saturating_sub(self.visible));
    }
}

#[cfg(test)]
mod tests;
