//! Up and Down: through the lines of the history that begin with the typed text.

use rustyline::history::{History, SearchDirection};

use super::line_edit::LineEdit;

/// Position in the history between two presses of Up or Down.
#[derive(Debug, Default)]
pub(super) struct HistoryWalk {
    /// Text that was typed before the first press; empty for the plain history.
    typed: String,
    /// Line shown by the last press. Any other line begins a new walk.
    shown: Option<String>,
    /// Its position in the history.
    index: usize,
}

impl HistoryWalk {
    /// True if this line came from the history.
    pub(super) fn is_showing(&self, line: &str) -> bool {
        self.shown.as_deref() == Some(line)
    }

    /// Returns the next older line that begins with the typed text, or else the line itself.
    pub(super) fn older(&mut self, line: &str, history: &dyn History) -> LineEdit {
        if !self.is_showing(line) {
            *self = Self {
                typed: line.to_owned(),
                shown: None,
                index: history.len(),
            };
        }
        let mut place = self.index;
        while let Some(before) = place.checked_sub(1) {
            let found = self.find(history, before, SearchDirection::Reverse);
            let Some((entry, index)) = found else {
                break;
            };
            // Only lines that differ from the shown one are a step.
            if entry != line {
                return self.show(entry, index);
            }
            place = index;
        }
        LineEdit::whole(line)
    }

    /// Returns the next newer line that begins with the typed text, or else the typed text.
    pub(super) fn newer(&mut self, line: &str, history: &dyn History) -> LineEdit {
        if !self.is_showing(line) {
            return LineEdit::whole(line);
        }
        let mut place = self.index + 1;
        while place < history.len() {
            let found = self.find(history, place, SearchDirection::Forward);
            let Some((entry, index)) = found else {
                break;
            };
            if entry != line {
                return self.show(entry, index);
            }
            place = index + 1;
        }
        self.shown = None;
        LineEdit::whole(std::mem::take(&mut self.typed))
    }

    fn show(&mut self, entry: String, index: usize) -> LineEdit {
        self.index = index;
        self.shown = Some(entry.clone());
        LineEdit::whole(entry)
    }

    fn find(
        &self,
        history: &dyn History,
        start: usize,
        direction: SearchDirection,
    ) -> Option<(String, usize)> {
        let found = if self.typed.is_empty() {
            history.get(start, direction)
        } else {
            history.starts_with(&self.typed, start, direction)
        };
        let found = found.ok().flatten()?;
        Some((found.entry.into_owned(), found.idx))
    }
}

#[cfg(test)]
mod tests {
    use rustyline::history::MemHistory;

    use super::*;

    fn history(lines: &[&str]) -> MemHistory {
        let mut history = MemHistory::new();
        for line in lines {
            history.add(line).unwrap();
        }
        history
    }

    #[test]
    fn typed_text_limits_the_walk() {
        let history = history(&["copy a", "list b", "copy c", "load"]);
        let mut walk = HistoryWalk::default();
        let mut line = "cop".to_owned();
        for expected in ["copy c", "copy a", "copy a"] {
            line = walk.older(&line, &history).text;
            assert_eq!(line, expected);
        }
        for expected in ["copy c", "cop", "cop"] {
            line = walk.newer(&line, &history).text;
            assert_eq!(line, expected);
        }
        assert_eq!(walk.older(&line, &history).text, "copy c");
    }

    #[test]
    fn empty_line_walks_all_lines() {
        let history = history(&["copy a", "list b"]);
        let mut walk = HistoryWalk::default();
        assert_eq!(walk.older("", &history), LineEdit::whole("list b"));
        assert_eq!(walk.older("list b", &history).text, "copy a");
        assert_eq!(walk.newer("copy a", &history).text, "list b");
        assert_eq!(walk.newer("list b", &history).text, "");
    }

    #[test]
    fn edited_line_begins_a_new_walk() {
        let history = history(&["list a", "load b", "list c"]);
        let mut walk = HistoryWalk::default();
        assert_eq!(walk.older("l", &history).text, "list c");
        assert_eq!(walk.older("lo", &history).text, "load b");
        assert_eq!(walk.newer("load b", &history).text, "lo");
        assert_eq!(walk.newer("x", &history).text, "x");
        assert_eq!(walk.older("x", &history).text, "x");
    }
}
