//! What comes over a serial line, read by the driver.
//!
//! The input is a script of what the line says to each request: an answer with fields of the script's choosing and the right
//! checksum, one of its bytes damaged, other bytes, or nothing. When it ends, the line is broken for good.

use std::io;
use std::time::Duration;

use winterforge_driver::uart::{Answer, Decoder, Limits, Line, UartTransport};
use winterforge_driver::{Transport, TransportError};

use crate::targets::Outcome;

/// Results of a job at most.
const MOST_WORDS: usize = 300;

/// A line that follows a script.
#[derive(Debug)]
struct Script<'a> {
    rest: &'a [u8],
    due: Vec<u8>,
}

impl<'a> Script<'a> {
    fn take(&mut self, count: usize) -> io::Result<&'a [u8]> {
        let (taken, rest) = self
            .rest
            .split_at_checked(count)
            .ok_or(io::ErrorKind::UnexpectedEof)?;
        self.rest = rest;
        Ok(taken)
    }

    fn byte(&mut self) -> io::Result<u8> {
        Ok(self.take(1)?[0])
    }

    /// An answer to a request of this number and kind.
    fn answer(&mut self, number: u8, kind: u8) -> io::Result<Vec<u8>> {
        let shape = self.byte()?;
        let is_other = |bit: u8| shape & bit != 0;
        let mut answer = Answer {
            number: number.wrapping_add(u8::from(is_other(1))),
            kind: if is_other(2) {
                self.byte()? & 0x7f
            } else {
                kind
            },
            status: if is_other(4) { self.byte()? } else { 0 },
            // A greeting; or room.
            value: 1 | 9 << 8,
            words: Vec::new(),
            is_last: is_other(8),
        };
        if is_other(16) {
            answer.value =
                u32::from_le_bytes([self.byte()?, self.byte()?, self.byte()?, self.byte()?]);
        }
        if is_other(32) {
            let word = u64::from(self.byte()?) | 0xc0db << 8;
            answer.words = vec![word; usize::from(self.byte()?)];
        }
        let mut bytes = answer.encode();
        if is_other(64) {
            let place = usize::from(self.byte()?) % bytes.len();
            bytes[place] ^= self.byte()?;
        }
        Ok(bytes)
    }
}

impl Line for Script<'_> {
    fn read(&mut self, buffer: &mut [u8], _: Duration) -> io::Result<usize> {
        let count = self.due.len().min(buffer.len());
        for (place, byte) in buffer.iter_mut().zip(self.due.drain(..count)) {
            *place = byte;
        }
        Ok(count)
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        // Behind END: the number, which takes two bytes if it is a special one, and the kind.
        let (number, kind) = match *bytes {
            [_, 0xdb, 0xdc, kind, ..] => (0xc0, kind),
            [_, 0xdb, _, kind, ..] => (0xdb, kind),
            [_, number, kind, ..] => (number, kind),
            _ => (0, 0),
        };
        self.due = match self.byte()? {
            0..0x10 => Vec::new(),
            0x10..0x20 => {
                let count = usize::from(self.byte()?);
                self.take(count)?.to_vec()
            }
            _ => self.answer(number, kind)?,
        };
        Ok(())
    }

    fn reopen(&mut self) -> io::Result<()> {
        Err(io::ErrorKind::NotFound.into())
    }
}

/// Talks to a line that follows the script; and finds frames in the bytes themselves.
pub(crate) fn uart(bytes: &[u8]) -> Outcome {
    let mut decoder = Decoder::default();
    for &byte in bytes {
        if let Some(answer) = decoder.push(byte) {
            let mut again = Decoder::default();
            let found = answer
                .encode()
                .into_iter()
                .find_map(|byte| again.push(byte));
            assert_eq!(found.as_ref(), Some(&answer), "another frame");
        }
    }
    Outcome::of(&talk(bytes))
}

fn talk(bytes: &[u8]) -> Result<(), TransportError> {
    let limits = Limits {
        answer: Duration::ZERO,
        line: Duration::ZERO,
        job: Duration::from_secs(3600),
        waiting_words: 1000,
    };
    let script = Script {
        rest: bytes,
        due: Vec::new(),
    };
    let mut transport = UartTransport::open(script, limits)?;
    transport.read(4)?;
    transport.write(8, 1)?;
    transport.send(&[7; 200])?;
    let words = transport.receive(MOST_WORDS)?;
    assert!(words.len() <= MOST_WORDS, "more words than there may be");
    transport.discard()
}
