//! Standard output, with a pager for answers that are longer than the screen.
//!
//! The beginning of an answer is held back until it fills the screen or the answer ends. A search that has not filled the
//! screen one second after its first row is written directly, row by row.

use std::io::{self, Write};
use std::mem;
use std::time::{Duration, Instant};

use super::pager;
use super::pager::{Pager, PagerChoice};
use super::wrap::rows_needed;

/// Longest time that rows are held back for a screen to fill.
const BUFFER_TIMEOUT: Duration = Duration::from_secs(1);

/// Rows kept free below an answer for the prompt.
const SPARE_ROWS: u16 = 2;

/// Standard output and the pager of the current answer, if any.
pub(super) struct PagedOutput {
    writer: Box<dyn Write + Send>,
    mode: OutputMode,
    /// True if the last answer went to a pager.
    paged: bool,
    notice: Option<String>,
    /// True once a missing pager was reported.
    has_noticed: bool,
}

/// Destination of the current answer.
enum OutputMode {
    Direct,
    Buffered(BufferedAnswer),
    Paged(Pager),
}

/// Beginning of an answer that may become longer than the screen.
struct BufferedAnswer {
    text: Vec<u8>,
    screen: ScreenSize,
    row_count: usize,
    choice: PagerChoice,
    /// Time of the first row.
    started: Instant,
}

/// Size of a terminal in columns and rows.
#[derive(Clone, Copy, Debug)]
pub(super) struct ScreenSize {
    pub(super) width: u16,
    pub(super) height: u16,
}

impl PagedOutput {
    pub(super) fn new(writer: Box<dyn Write + Send>) -> Self {
        Self {
            writer,
            mode: OutputMode::Direct,
            paged: false,
            notice: None,
            has_noticed: false,
        }
    }

    /// Begins an answer. With a screen size, an answer longer than that screen goes to the pager.
    pub(super) fn begin(&mut self, screen: Option<ScreenSize>) {
        self.paged = false;
        let Some(screen) = screen else {
            return;
        };
        match pager::from_environment() {
            PagerChoice::Disabled => {}
            choice => self.buffer(screen, choice),
        }
    }

    fn buffer(&mut self, screen: ScreenSize, choice: PagerChoice) {
        self.mode = OutputMode::Buffered(BufferedAnswer {
            text: Vec::new(),
            screen,
            row_count: 0,
            choice,
            started: Instant::now(),
        });
    }

    /// Writes whole lines, or holds them back.
    pub(super) fn write(&mut self, text: &[u8]) -> io::Result<()> {
        match &mut self.mode {
            OutputMode::Direct => self.write_directly(text),
            OutputMode::Paged(pager) => pager.write(text),
            OutputMode::Buffered(held) => {
                let overflows = held.overflows(text);
                if held.started.elapsed() >= BUFFER_TIMEOUT {
                    self.end()
                } else if overflows {
                    self.start_pager()
                } else {
                    Ok(())
                }
            }
        }
    }

    /// Ends the answer and waits until the user leaves the pager.
    pub(super) fn end(&mut self) -> io::Result<()> {
        match mem::replace(&mut self.mode, OutputMode::Direct) {
            OutputMode::Direct => Ok(()),
            OutputMode::Buffered(held) => self.write_directly(&held.text),
            OutputMode::Paged(pager) => {
                pager.finish();
                Ok(())
            }
        }
    }

    /// True if the last answer went to a pager.
    pub(super) const fn was_paged(&self) -> bool {
        self.paged
    }

    /// Returns a warning about the pager, once.
    pub(super) const fn take_notice(&mut self) -> Option<String> {
        self.notice.take()
    }

    fn write_directly(&mut self, text: &[u8]) -> io::Result<()> {
        self.writer.write_all(text)?;
        self.writer.flush()
    }

    /// Sends the held rows to a pager. If none starts, writes them directly and reports the reason once.
    fn start_pager(&mut self) -> io::Result<()> {
        let OutputMode::Buffered(held) = mem::replace(&mut self.mode, OutputMode::Direct) else {
            return Ok(());
        };
        match Pager::start(&held.choice) {
            Ok(mut pager) => {
                let written = pager.write(&held.text);
                self.mode = OutputMode::Paged(pager);
                self.paged = true;
                written
            }
            Err(why) => {
                if !mem::replace(&mut self.has_noticed, true) {
                    self.notice = Some(why);
                }
                self.write_directly(&held.text)
            }
        }
    }
}

impl BufferedAnswer {
    /// Adds text and returns true once the answer is longer than the screen.
    fn overflows(&mut self, text: &[u8]) -> bool {
        if self.text.is_empty() {
            self.started = Instant::now();
        }
        self.row_count += rows_needed(&String::from_utf8_lossy(text), self.screen.width);
        self.text.extend_from_slice(text);
        self.row_count > usize::from(self.screen.height.saturating_sub(SPARE_ROWS))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};
    use std::thread;

    use super::*;

    /// Written text, shared between the output and the test.
    #[derive(Clone, Default)]
    struct SharedBuffer(Arc<Mutex<Vec<u8>>>);

    impl SharedBuffer {
        fn text(&self) -> Vec<u8> {
            self.0.lock().unwrap().clone()
        }
    }

    impl Write for SharedBuffer {
        fn write(&mut self, text: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(text)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// An output that holds rows back, and the text written so far.
    fn holding() -> (PagedOutput, SharedBuffer) {
        let written = SharedBuffer::default();
        let mut output = PagedOutput::new(Box::new(written.clone()));
        let page = ScreenSize {
            width: 80,
            height: 5,
        };
        output.buffer(page, PagerChoice::NotFound("most".into()));
        (output, written)
    }

    #[test]
    fn answer_shorter_than_screen_is_written_at_end() {
        let (mut output, written) = holding();
        output.write(b"a\n").unwrap();
        assert_eq!(written.text(), b"");
        output.end().unwrap();
        assert_eq!(written.text(), b"a\n");
        // The next answer is not held back unless `buffer` is called again.
        output.write(b"b\n").unwrap();
        assert_eq!(written.text(), b"a\nb\n");
    }

    #[test]
    fn slow_answer_is_written_directly() {
        let (mut output, written) = holding();
        output.write(b"a\n").unwrap();
        thread::sleep(BUFFER_TIMEOUT + BUFFER_TIMEOUT / 4);
        // The first row found after the timeout shows the held ones as well.
        output.write(b"b\nc\nd\ne\n").unwrap();
        assert_eq!(written.text(), b"a\nb\nc\nd\ne\n");
        output.end().unwrap();
        assert!(!output.was_paged() && output.take_notice().is_none());
    }

    #[test]
    fn missing_pager_is_reported_once() {
        let (mut output, written) = holding();
        output.write(b"a\nb\nc\nd\n").unwrap();
        assert_eq!(written.text(), b"a\nb\nc\nd\n");
        output.end().unwrap();
        assert!(output.take_notice().unwrap().contains("`most`"));
        output.buffer(
            ScreenSize {
                width: 80,
                height: 1,
            },
            PagerChoice::NotFound("most".into()),
        );
        output.write(b"e\n").unwrap();
        output.end().unwrap();
        assert!(output.take_notice().is_none());
    }

    #[test]
    fn two_rows_stay_free_for_prompt() {
        let page = ScreenSize {
            width: 10,
            height: 5,
        };
        let mut held = BufferedAnswer {
            text: Vec::new(),
            screen: page,
            row_count: 0,
            choice: PagerChoice::Disabled,
            started: Instant::now(),
        };
        assert!(!held.overflows(b"a\nb\n"));
        assert!(!held.overflows(b"0123456789\n"));
        assert!(held.overflows(b"d\n"));
        assert_eq!(held.text, b"a\nb\n0123456789\nd\n");
    }
}
