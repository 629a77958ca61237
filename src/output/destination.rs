//! Where an answer goes: straight to standard output, or into a pager once it is more than a screen.

use std::io::{self, Write};
use std::mem;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::height;
use super::pager;
use super::pager::{Pager, PagerChoice};

/// What is found is held back so long for a screen to fill; then it is shown as it comes.
const BUFFER_TIMEOUT: Duration = Duration::from_secs(1);

/// Rows that stay free below an answer, for the prompt.
const SPARE_ROWS: u16 = 2;

/// Standard output, and the pager beside it.
pub(super) struct PagedOutput {
    state: Arc<Mutex<PagedOutputState>>,
    timer: Option<FlushTimer>,
    /// Whether the answer went into a pager.
    paged: bool,
    notice: Option<String>,
    /// Whether it was said that there is no such pager.
    has_noticed: bool,
}

/// What the timer takes part in.
struct PagedOutputState {
    writer: Box<dyn Write + Send>,
    mode: OutputMode,
    /// What went wrong when the timer wrote.
    write_error: Option<io::Error>,
}

/// The way of the answer that is being written.
enum OutputMode {
    Direct,
    Buffered(BufferedAnswer),
    Paged(Pager),
}

/// What may become more than a screen.
struct BufferedAnswer {
    text: Vec<u8>,
    screen: ScreenSize,
    row_count: usize,
    choice: PagerChoice,
}

/// How much a screen holds.
#[derive(Clone, Copy, Debug)]
pub(super) struct ScreenSize {
    /// Columns.
    pub(super) width: u16,
    /// Rows.
    pub(super) height: u16,
}

/// Ends the holding back; stopped by dropping the sender.
struct FlushTimer {
    stop: Sender<()>,
    /// None where the system gave no thread: then nothing is held back.
    thread: Option<JoinHandle<()>>,
}

impl PagedOutput {
    /// An outlet onto this writer.
    pub(super) fn new(writer: Box<dyn Write + Send>) -> Self {
        let state = PagedOutputState {
            writer,
            mode: OutputMode::Direct,
            write_error: None,
        };
        Self {
            state: Arc::new(Mutex::new(state)),
            timer: None,
            paged: false,
            notice: None,
            has_noticed: false,
        }
    }

    /// Begins an answer; what is more than a page goes into a pager, if there is one.
    pub(super) fn begin(&mut self, page: Option<ScreenSize>) {
        self.paged = false;
        let Some(page) = page else {
            return;
        };
        match pager::from_environment() {
            PagerChoice::Disabled => {}
            choice => self.buffer(page, choice),
        }
    }

    /// Holds back what comes until it is more than a page, or its time is up.
    fn buffer(&mut self, page: ScreenSize, choice: PagerChoice) {
        self.state().mode = OutputMode::Buffered(BufferedAnswer {
            text: Vec::new(),
            screen: page,
            row_count: 0,
            choice,
        });
        self.timer = Some(FlushTimer::start(&self.state));
    }

    /// Writes whole lines.
    ///
    /// # Errors
    /// Standard output or the pager takes no more.
    pub(super) fn write(&mut self, text: &[u8]) -> io::Result<()> {
        let mut state = lock(&self.state);
        if let Some(error) = state.write_error.take() {
            return Err(error);
        }
        match &mut state.mode {
            OutputMode::Direct => return state.write(text),
            OutputMode::Paged(pager) => return pager.write(text),
            OutputMode::Buffered(held) => {
                if !held.overflows(text) {
                    return Ok(());
                }
            }
        }
        let (written, why) = state.start_pager();
        self.paged = matches!(state.mode, OutputMode::Paged(_));
        drop(state);
        if let Some(why) = why {
            self.set_notice_once(why);
        }
        written
    }

    /// Ends the answer, and waits until the pager is left.
    ///
    /// # Errors
    /// As for [`Self::write`].
    pub(super) fn end(&mut self) -> io::Result<()> {
        if let Some(timer) = self.timer.take() {
            timer.stop();
        }
        let mut state = self.state();
        match mem::replace(&mut state.mode, OutputMode::Direct) {
            OutputMode::Direct => state.write_error.take().map_or(Ok(()), Err),
            OutputMode::Buffered(held) => state.write(&held.text),
            OutputMode::Paged(pager) => {
                drop(state);
                pager.finish();
                Ok(())
            }
        }
    }

    /// Whether the last answer went into a pager.
    pub(super) const fn was_paged(&self) -> bool {
        self.paged
    }

    /// What should be said about the pager.
    pub(super) const fn take_notice(&mut self) -> Option<String> {
        self.notice.take()
    }

    /// Says why there is no pager, the first time.
    fn set_notice_once(&mut self, why: String) {
        if !mem::replace(&mut self.has_noticed, true) {
            self.notice = Some(why);
        }
    }

    fn state(&self) -> MutexGuard<'_, PagedOutputState> {
        lock(&self.state)
    }
}

fn lock(state: &Mutex<PagedOutputState>) -> MutexGuard<'_, PagedOutputState> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl PagedOutputState {
    /// Writes to standard output.
    fn write(&mut self, text: &[u8]) -> io::Result<()> {
        self.writer.write_all(text)?;
        self.writer.flush()
    }

    /// Gives what is held back to a pager, or where none can be had to standard output, and then why.
    fn start_pager(&mut self) -> (io::Result<()>, Option<String>) {
        let OutputMode::Buffered(held) = mem::replace(&mut self.mode, OutputMode::Direct) else {
            return (Ok(()), None);
        };
        match Pager::start(&held.choice) {
            Ok(mut pager) => {
                let written = pager.write(&held.text);
                self.mode = OutputMode::Paged(pager);
                (written, None)
            }
            Err(why) => (self.write(&held.text), Some(why)),
        }
    }

    /// Shows what is held back, and from now on everything as it comes.
    fn flush_buffered(&mut self) {
        if matches!(self.mode, OutputMode::Buffered(_))
            && let OutputMode::Buffered(held) = mem::replace(&mut self.mode, OutputMode::Direct)
        {
            self.write_error = self.write(&held.text).err();
        }
    }
}

impl BufferedAnswer {
    /// Keeps more; gives whether it is more than a screen now.
    fn overflows(&mut self, text: &[u8]) -> bool {
        self.row_count += height::rows_needed(&String::from_utf8_lossy(text), self.screen.width);
        self.text.extend_from_slice(text);
        self.row_count > usize::from(self.screen.height.saturating_sub(SPARE_ROWS))
    }
}

impl FlushTimer {
    fn start(state: &Arc<Mutex<PagedOutputState>>) -> Self {
        let (stop, stopped) = mpsc::channel();
        let held = Arc::clone(state);
        let wait = move |stopped: &Receiver<()>| {
            if stopped.recv_timeout(BUFFER_TIMEOUT) == Err(RecvTimeoutError::Timeout) {
                lock(&held).flush_buffered();
            }
        };
        let thread = thread::Builder::new().spawn(move || wait(&stopped)).ok();
        if thread.is_none() {
            lock(state).flush_buffered();
        }
        Self { stop, thread }
    }

    /// Ends it; afterwards it touches nothing more.
    fn stop(self) {
        drop(self.stop);
        if let Some(thread) = self.thread {
            thread.join().unwrap_or_default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What was written, for two.
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

    /// An outlet that holds back, and what comes out of it.
    fn holding() -> (PagedOutput, SharedBuffer) {
        let written = SharedBuffer::default();
        let mut outlet = PagedOutput::new(Box::new(written.clone()));
        let page = ScreenSize {
            width: 80,
            height: 5,
        };
        outlet.buffer(page, PagerChoice::NotFound("most".into()));
        (outlet, written)
    }

    #[test]
    fn what_stays_less_than_a_screen_is_shown_at_its_end() {
        let (mut outlet, written) = holding();
        outlet.write(b"a\n").unwrap();
        assert_eq!(written.text(), b"");
        outlet.end().unwrap();
        assert_eq!(written.text(), b"a\n");
        // Of the next answer nothing is held back unless that is asked for.
        outlet.write(b"b\n").unwrap();
        assert_eq!(written.text(), b"a\nb\n");
    }

    #[test]
    fn what_takes_too_long_is_shown_as_it_comes() {
        let (mut outlet, written) = holding();
        outlet.write(b"a\n").unwrap();
        thread::sleep(BUFFER_TIMEOUT + BUFFER_TIMEOUT / 4);
        assert_eq!(written.text(), b"a\n");
        outlet.write(b"b\nc\nd\ne\n").unwrap();
        assert_eq!(written.text(), b"a\nb\nc\nd\ne\n");
        outlet.end().unwrap();
        assert!(!outlet.was_paged() && outlet.take_notice().is_none());
    }

    #[test]
    fn without_its_pager_a_long_answer_is_written_and_that_is_said_once() {
        let (mut outlet, written) = holding();
        outlet.write(b"a\nb\nc\nd\n").unwrap();
        assert_eq!(written.text(), b"a\nb\nc\nd\n");
        outlet.end().unwrap();
        assert!(outlet.take_notice().unwrap().contains("`most`"));
        outlet.buffer(
            ScreenSize {
                width: 80,
                height: 1,
            },
            PagerChoice::NotFound("most".into()),
        );
        outlet.write(b"e\n").unwrap();
        outlet.end().unwrap();
        assert!(outlet.take_notice().is_none());
    }

    #[test]
    fn what_fits_the_screen_but_for_two_rows_is_no_more_than_a_page() {
        let page = ScreenSize {
            width: 10,
            height: 5,
        };
        let mut held = BufferedAnswer {
            text: Vec::new(),
            screen: page,
            row_count: 0,
            choice: PagerChoice::Disabled,
        };
        assert!(!held.overflows(b"a\nb\n"));
        assert!(!held.overflows(b"0123456789\n"));
        assert!(held.overflows(b"d\n"));
        assert_eq!(held.text, b"a\nb\n0123456789\nd\n");
    }
}
