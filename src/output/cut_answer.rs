//! The beginning of an answer, as far as it fits a number of rows. The rest is only counted.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use super::wrap::rows_needed;
use crate::base::unit;

/// Collector of an answer. Clones share it.
#[derive(Clone, Debug)]
pub struct CutAnswer(Arc<Mutex<Collected>>);

#[derive(Debug)]
struct Collected {
    columns: u16,
    rows: usize,
    /// Lines that fit, each with its number of rows.
    lines: Vec<(String, usize)>,
    used_rows: usize,
    /// Number of lines that did not fit.
    left_out: u64,
    /// Beginning of a line whose end was not written yet.
    pending: Vec<u8>,
}

impl CutAnswer {
    pub fn new(columns: u16, rows: usize) -> Self {
        Self(Arc::new(Mutex::new(Collected {
            columns,
            rows,
            lines: Vec::new(),
            used_rows: 0,
            left_out: 0,
            pending: Vec::new(),
        })))
    }

    /// Returns the lines that fit. The last one gives the number of those that are left out, if any.
    pub fn into_lines(self) -> Vec<String> {
        let mut collected = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let pending = std::mem::take(&mut collected.pending);
        if !pending.is_empty() {
            collected.add_line(&pending);
        }
        if collected.left_out > 0 {
            collected.make_room();
        }
        let lines = std::mem::take(&mut collected.lines).into_iter();
        let mut lines: Vec<String> = lines.map(|(line, _)| line).collect();
        if collected.left_out > 0 {
            let count = unit::format_counted(collected.left_out, "more line");
            lines.push(format!("{count}: the window is too small"));
        }
        lines
    }
}

impl Collected {
    fn add_line(&mut self, line: &[u8]) {
        let line = String::from_utf8_lossy(line).into_owned();
        let rows = rows_needed(&format!("{line}\n"), self.columns);
        if self.left_out > 0 || self.used_rows + rows > self.rows {
            self.left_out += 1;
            return;
        }
        self.used_rows += rows;
        self.lines.push((line, rows));
    }

    /// Frees a row for the number of lines that are left out.
    fn make_room(&mut self) {
        while self.used_rows + 1 > self.rows
            && let Some((_, rows)) = self.lines.pop()
        {
            self.used_rows -= rows;
            self.left_out += 1;
        }
    }
}

impl Write for CutAnswer {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        let mut collected = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for part in text.split_inclusive(|byte| *byte == b'\n') {
            collected.pending.extend_from_slice(part);
            if part.ends_with(b"\n") {
                let line = std::mem::take(&mut collected.pending);
                let line = line.strip_suffix(b"\n").unwrap_or(&line);
                collected.add_line(line);
            }
        }
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(columns: u16, rows: usize, parts: &[&str]) -> Vec<String> {
        let answer = CutAnswer::new(columns, rows);
        let mut writer = answer.clone();
        for part in parts {
            writer.write_all(part.as_bytes()).unwrap();
        }
        answer.into_lines()
    }

    #[test]
    fn answer_that_fits_is_whole() {
        assert_eq!(cut(10, 3, &["a\nb", "\nc"]), ["a", "b", "c"]);
        assert_eq!(cut(10, 3, &[]), [""; 0]);
        assert_eq!(cut(10, 3, &["a\n\nb\n"]), ["a", "", "b"]);
    }

    #[test]
    fn last_row_counts_the_lines_left_out() {
        assert_eq!(
            cut(10, 3, &["a\nb\nc\nd\n"]),
            ["a", "b", "2 more lines: the window is too small"]
        );
        // A line that takes two rows gives way as a whole.
        assert_eq!(
            cut(10, 3, &["a\n0123456789a\nb\nc\n"]),
            ["a", "3 more lines: the window is too small"]
        );
        assert_eq!(
            cut(10, 0, &["a\n"]),
            ["1 more line: the window is too small"]
        );
    }
}
