//! The accelerator behind a serial line. docs/hardware/link.md.
//!
//! One request is under way at a time, and is sent again until its answer comes: damaged frames, lost bytes and a line that was
//! broken for a while cost time only, since the other side carries out no request twice.

mod frame;
mod line;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

pub use frame::{Answer, Decoder, Kind, Request};
pub use line::Line;
#[cfg(feature = "serial")]
pub use line::SerialLine;

use crate::transport::{Transport, TransportError};
use frame::MAX_ANSWER_WORDS;

/// Version of the protocol.
const PROTOCOL: u8 = 1;

/// Words of a request at most. A damaged one is sent again as a whole, and a longer one saves little.
const MAX_REQUEST_WORDS: usize = 128;

/// How long to wait, and for how much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Without a byte coming, before a request is sent again.
    pub answer: Duration,
    /// For a line to be there again.
    pub line: Duration,
    /// Without a word of a job moving.
    pub job: Duration,
    /// Words of results that nobody has asked for yet, at most: the other side may not fill the memory here.
    pub waiting_words: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            answer: Duration::from_millis(500),
            line: Duration::from_secs(3),
            job: Duration::from_secs(10),
            // A tree of 2^22 rows has 5 (2^23 - 1).
            waiting_words: 1 << 26,
        }
    }
}

/// What went over a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Requests, each counted once.
    pub requests: u64,
    /// Requests that were sent again.
    pub repeated: u64,
    /// Bytes sent.
    pub sent_bytes: u64,
    /// Bytes received.
    pub received_bytes: u64,
    /// Times that the line was opened again.
    pub reopened: u64,
}

/// A transport over a serial line.
#[derive(Debug)]
pub struct UartTransport<L> {
    line: L,
    limits: Limits,
    number: u8,
    decoder: Decoder,
    /// Places for words on the other side, at least.
    room: usize,
    incoming: VecDeque<u64>,
    /// How many of `incoming` are results of each job that is complete.
    complete: VecDeque<usize>,
    /// How many of `incoming` are of the job that is not.
    begun: usize,
    traffic: Traffic,
}

impl<L: Line> UartTransport<L> {
    /// Greets the other side.
    ///
    /// # Errors
    /// If nobody answers, or in another protocol.
    pub fn open(line: L, limits: Limits) -> Result<Self, TransportError> {
        let mut transport = Self {
            line,
            limits,
            number: 0,
            decoder: Decoder::default(),
            room: 0,
            incoming: VecDeque::new(),
            complete: VecDeque::new(),
            begun: 0,
            traffic: Traffic::default(),
        };
        transport.greet()?;
        Ok(transport)
    }

    /// What went over the line so far.
    pub fn traffic(&self) -> Traffic {
        self.traffic
    }

    /// The line.
    pub fn line(&mut self) -> &mut L {
        &mut self.line
    }

    /// Begins anew: no words are on their way.
    fn greet(&mut self) -> Result<(), TransportError> {
        let answer = self.ask(Kind::Hello, 0, 0, &[], (false, true))?;
        let [protocol, log_window, ..] = answer.value.to_le_bytes();
        if protocol != PROTOCOL || answer.status != 0 || log_window > 16 {
            return Err(TransportError::Closed {
                reason: format!(
                    "version {protocol} of the protocol is spoken there, here {PROTOCOL}"
                ),
            });
        }
        self.room = 1 << log_window;
        self.incoming.clear();
        self.complete.clear();
        self.begun = 0;
        Ok(())
    }

    /// Sends a request until it is answered. `flags`: the last word is a job's last; drop all words.
    fn ask(
        &mut self,
        kind: Kind,
        argument: u8,
        value: u32,
        words: &[u64],
        (is_last, drops): (bool, bool),
    ) -> Result<Answer, TransportError> {
        self.number = self.number.wrapping_add(1);
        self.traffic.requests += 1;
        let request = Request {
            number: self.number,
            kind,
            argument,
            is_last,
            drops,
            value,
            words,
        };
        let bytes = request.encode();
        let begin = Instant::now();
        loop {
            match self.attempt(&bytes, kind) {
                Ok(Some(answer)) => return Ok(answer),
                Ok(None) if begin.elapsed() > self.limits.job => {
                    return Err(standstill(begin.elapsed()));
                }
                Ok(None) => {}
                Err(error) => self.reopen(&error)?,
            }
            self.traffic.repeated += 1;
        }
    }

    /// Sends a request once, and reads until its answer or until nothing comes any more.
    fn attempt(&mut self, bytes: &[u8], kind: Kind) -> std::io::Result<Option<Answer>> {
        self.line.write(bytes)?;
        self.traffic.sent_bytes += bytes.len() as u64;
        let mut buffer = [0; 4096];
        let begin = Instant::now();
        // A line that babbles must end, too.
        while begin.elapsed() < self.limits.job {
            let count = self.line.read(&mut buffer, self.limits.answer)?;
            if count == 0 {
                break;
            }
            self.traffic.received_bytes += count as u64;
            let mut found = None;
            for &byte in &buffer[..count] {
                let answer = self.decoder.push(byte);
                found = found.or(answer
                    .filter(|answer| answer.number == self.number && answer.kind == kind as u8));
            }
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// Opens the line again, if that is possible before long.
    fn reopen(&mut self, error: &std::io::Error) -> Result<(), TransportError> {
        let begin = Instant::now();
        self.decoder = Decoder::default();
        while self.line.reopen().is_err() {
            if begin.elapsed() > self.limits.line {
                return Err(TransportError::Closed {
                    reason: error.to_string(),
                });
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        self.traffic.reopened += 1;
        Ok(())
    }

    /// Sends some words of a job, as there is room, and takes the results that are there; how many words went each way.
    fn exchange(&mut self, words: &[u64]) -> Result<[usize; 2], TransportError> {
        let count = words.len().min(self.room).min(MAX_REQUEST_WORDS);
        let is_last = count > 0 && count == words.len();
        let most = MAX_ANSWER_WORDS as u8;
        let answer = self.ask(Kind::Exchange, most, 0, &words[..count], (is_last, false))?;
        self.room = answer.value as usize;
        let received = answer.words.len();
        self.begun += received;
        self.incoming.extend(answer.words);
        if self.incoming.len() > self.limits.waiting_words {
            return Err(TransportError::TooMany {
                most: self.limits.waiting_words,
            });
        }
        if answer.is_last {
            self.complete.push_back(std::mem::take(&mut self.begun));
        }
        match answer.status {
            0 => Ok([count, received]),
            // No room after all: the words were not taken.
            1 => Ok([0, received]),
            status => Err(TransportError::Closed {
                reason: format!("words were refused with status {status}"),
            }),
        }
    }
}

fn standstill(waited: Duration) -> TransportError {
    TransportError::Standstill {
        waited: waited.as_millis() as u64,
        unit: "ms",
    }
}

impl<L: Line> Transport for UartTransport<L> {
    fn read(&mut self, offset: u32) -> Result<u32, TransportError> {
        let refused = TransportError::Register {
            offset,
            is_write: false,
        };
        let Ok(argument) = u8::try_from(offset) else {
            return Err(refused);
        };
        let answer = self.ask(Kind::Read, argument, 0, &[], (false, false))?;
        if answer.status == 0 {
            Ok(answer.value)
        } else {
            Err(refused)
        }
    }

    fn write(&mut self, offset: u32, value: u32) -> Result<(), TransportError> {
        let refused = TransportError::Register {
            offset,
            is_write: true,
        };
        let Ok(argument) = u8::try_from(offset) else {
            return Err(refused);
        };
        let answer = self.ask(Kind::Write, argument, value, &[], (false, false))?;
        if answer.status == 0 {
            Ok(())
        } else {
            Err(refused)
        }
    }

    /// Results that come meanwhile are kept, so that the other side does not wait for room.
    fn send(&mut self, words: &[u64]) -> Result<(), TransportError> {
        let mut rest = words;
        let mut moved = Instant::now();
        while !rest.is_empty() {
            let [sent, received] = self.exchange(rest)?;
            rest = &rest[sent..];
            if sent + received > 0 {
                moved = Instant::now();
            } else if moved.elapsed() > self.limits.job {
                return Err(standstill(moved.elapsed()));
            }
        }
        Ok(())
    }

    fn receive(&mut self, most: usize) -> Result<Vec<u64>, TransportError> {
        let mut moved = Instant::now();
        loop {
            let waiting = self.complete.front().copied().unwrap_or(self.begun);
            if waiting > most {
                return Err(TransportError::TooMany { most });
            }
            if let Some(count) = self.complete.pop_front() {
                return Ok(self.incoming.drain(..count).collect());
            }
            let [_, received] = self.exchange(&[])?;
            if received > 0 {
                moved = Instant::now();
            } else if moved.elapsed() > self.limits.job {
                return Err(standstill(moved.elapsed()));
            }
        }
    }

    fn discard(&mut self) -> Result<(), TransportError> {
        self.greet()
    }
}
