//! Lines on their way to standard error, written by a thread of their own: a batch at a time, since to wake
//! that thread and to write cost more for one line than the line itself.
//!
//! Where nobody reads them, the next ones are dropped and counted: a log that is not read holds up no
//! request.

use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tracing::{Level, Metadata};
use tracing_subscriber::fmt::MakeWriter;

/// Lines that wait to be written.
const MOST: usize = 10_000;
/// How long a line waits for others. What is wrong waits for nothing.
const GATHER: Duration = Duration::from_millis(50);
/// A batch of so many bytes is written at once.
const BATCH: usize = 64 * 1024;

/// Where lines are handed in. Clones are the same.
#[derive(Clone, Debug)]
pub(super) struct Lines(Arc<Inner>);

/// How many lines were dropped. Clones are the same.
#[derive(Clone, Debug)]
pub struct DroppedLines(Arc<Inner>);

/// Writes, until it is dropped: then what is left is written.
pub(super) struct Writing {
    lines: Lines,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Inner {
    waiting: Mutex<Batch>,
    bell: Condvar,
    dropped: AtomicU64,
}

#[derive(Debug, Default)]
struct Batch {
    text: Vec<u8>,
    lines: usize,
    /// It is to be written now.
    is_urgent: bool,
    /// Nothing is to follow.
    is_last: bool,
}

impl Lines {
    /// Starts a thread that writes lines.
    pub(super) fn start(to: impl Write + Send + 'static) -> io::Result<(Self, Writing)> {
        let lines = Self(Arc::default());
        let inner = Arc::clone(&lines.0);
        let thread = thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || inner.write_all(to))?;
        let writing = Writing {
            lines: lines.clone(),
            thread: Some(thread),
        };
        Ok((lines, writing))
    }

    pub(super) fn dropped(&self) -> DroppedLines {
        DroppedLines(Arc::clone(&self.0))
    }

    fn line(&self, is_urgent: bool) -> Line<'_> {
        Line {
            text: Vec::new(),
            is_urgent,
            to: &self.0,
        }
    }
}

impl DroppedLines {
    /// Since the start.
    pub fn count(&self) -> u64 {
        self.0.dropped.load(Ordering::Relaxed)
    }
}

impl Inner {
    fn add(&self, line: &[u8], is_urgent: bool) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.lines >= MOST {
            self.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        waiting.text.extend_from_slice(line);
        waiting.lines = waiting.lines.saturating_add(1);
        let was_urgent = waiting.is_urgent;
        waiting.is_urgent |= is_urgent || waiting.text.len() >= BATCH;
        // The thread sleeps for the first of a batch, and gathers from then on.
        let rings = waiting.lines == 1 || waiting.is_urgent && !was_urgent;
        drop(waiting);
        if rings {
            self.bell.notify_one();
        }
    }

    fn write_all(&self, mut to: impl Write) {
        let mut written = Vec::new();
        loop {
            let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            let is_empty = |batch: &mut Batch| batch.lines == 0 && !batch.is_last;
            let waiting = self.bell.wait_while(waiting, is_empty);
            let waiting = waiting.unwrap_or_else(PoisonError::into_inner);
            let gathers = |batch: &mut Batch| !batch.is_urgent && !batch.is_last;
            let gathered = self.bell.wait_timeout_while(waiting, GATHER, gathers);
            let (mut waiting, _) = gathered.unwrap_or_else(PoisonError::into_inner);
            let (is_last, lines) = (waiting.is_last, waiting.lines);
            std::mem::swap(&mut waiting.text, &mut written);
            waiting.lines = 0;
            waiting.is_urgent = false;
            drop(waiting);
            if to.write_all(&written).and_then(|()| to.flush()).is_err() {
                // Some of them may have been written. If nobody can read it, there is nobody to tell.
                let lines = u64::try_from(lines).unwrap_or(u64::MAX);
                self.dropped.fetch_add(lines, Ordering::Relaxed);
            }
            written.clear();
            written.shrink_to(BATCH);
            if is_last {
                return;
            }
        }
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        let waiting = self.lines.0.waiting.lock();
        waiting.unwrap_or_else(PoisonError::into_inner).is_last = true;
        self.lines.0.bell.notify_one();
        if let Some(thread) = self.thread.take() {
            let (done, ended) = std::sync::mpsc::channel();
            // A log that nobody reads does not hold up the end either.
            let waited = thread::Builder::new().spawn(move || {
                let _ = thread.join();
                let _ = done.send(());
            });
            if waited.is_ok() {
                let _ = ended.recv_timeout(LAST);
            }
        }
    }
}

/// How long the last lines are waited for.
const LAST: Duration = Duration::from_secs(1);

/// Takes one line, written in whatever pieces.
pub(super) struct Line<'a> {
    text: Vec<u8>,
    is_urgent: bool,
    to: &'a Inner,
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        self.line(true)
    }

    fn make_writer_for(&'a self, about: &Metadata<'_>) -> Line<'a> {
        self.line(*about.level() <= Level::WARN)
    }
}

impl Write for Line<'_> {
    fn write(&mut self, part: &[u8]) -> io::Result<usize> {
        // As the log writes it: each line whole, and with its end.
        if self.text.is_empty() && part.ends_with(b"\n") {
            self.to.add(part, self.is_urgent);
        } else {
            self.text.extend_from_slice(part);
        }
        Ok(part.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Line<'_> {
    fn drop(&mut self) {
        if !self.text.is_empty() {
            self.to.add(&self.text, self.is_urgent);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Sender, channel};

    use super::*;

    /// Tells of each write; the first waits until it may go on.
    struct Slow(Sender<Vec<u8>>, Option<std::sync::mpsc::Receiver<()>>);

    impl Write for Slow {
        fn write(&mut self, part: &[u8]) -> io::Result<usize> {
            self.0.send(part.to_vec()).unwrap();
            if let Some(go_on) = self.1.take() {
                let _ = go_on.recv();
            }
            Ok(part.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lines_are_written_whole_in_order_and_together_and_the_last_at_the_end() {
        let (told, written) = channel();
        let (lines, writing) = Lines::start(Slow(told, None)).unwrap();
        for number in 0..100 {
            lines.0.add(format!("{number}\n").as_bytes(), false);
        }
        drop(writing);
        let batches = written.into_iter().collect::<Vec<_>>();
        assert!(batches.len() < 10, "{}", batches.len());
        let expected = (0..100).map(|it| format!("{it}\n")).collect::<String>();
        assert_eq!(String::from_utf8(batches.concat()).unwrap(), expected);
    }

    #[test]
    fn what_is_wrong_is_written_at_once() {
        let (told, written) = channel();
        let (lines, _writing) = Lines::start(Slow(told, None)).unwrap();
        let began = std::time::Instant::now();
        lines.0.add(b"quiet\n", false);
        lines.0.add(b"wrong\n", true);
        let mut text = Vec::new();
        while !text.ends_with(b"wrong\n") {
            text.extend(written.recv().unwrap());
        }
        assert!(began.elapsed() < GATHER);
    }

    #[test]
    fn lines_that_nobody_reads_are_dropped_and_counted() {
        let (told, written) = channel();
        let (go_on, waits) = channel();
        let (lines, writing) = Lines::start(Slow(told, Some(waits))).unwrap();
        lines.0.add(b"first\n", true);
        written.recv().unwrap();
        for _ in 0..MOST + 5 {
            lines.0.add(b"more\n", false);
        }
        assert_eq!(lines.dropped().count(), 5);
        drop(go_on);
        drop(writing);
        assert_eq!(
            written.into_iter().map(|it| it.len()).sum::<usize>(),
            5 * MOST
        );
    }
}
