//! What an accelerator answers, read by the driver: registers, and the words of results.
//!
//! The input is a script of answers. Most are what an accelerator would say, or no run would get past the first register;
//! the script decides which are not. When it ends, the way is closed.

use winterforge_driver::registers as map;
use winterforge_driver::{Accelerator, DriverError, Job, Transport, TransportError};

use crate::targets::Outcome;

/// Answers from a script.
#[derive(Debug)]
struct Script<'a> {
    rest: &'a [u8],
    scratch: u32,
    /// Words that were taken and given out, as an honest counter counts them.
    words: [u32; 2],
    /// Results that are due: so many words, and for trees their number.
    due: std::collections::VecDeque<(usize, Option<u32>)>,
    trees: u32,
}

impl Script<'_> {
    fn byte(&mut self) -> Result<u8, TransportError> {
        let (&byte, rest) = self
            .rest
            .split_first()
            .ok_or_else(|| TransportError::Closed {
                reason: "the script ends".to_owned(),
            })?;
        self.rest = rest;
        Ok(byte)
    }

    fn word(&mut self) -> Result<u64, TransportError> {
        let mut word = 0;
        for _ in 0..8 {
            word = word << 8 | u64::from(self.byte()?);
        }
        Ok(word)
    }

    fn honest(&self, offset: u32) -> u32 {
        match offset {
            map::ID => map::ID_VALUE,
            map::VERSION => map::MAP_VERSION,
            map::SCRATCH => self.scratch,
            map::CAPABILITIES => {
                map::CAPABILITIES_LANES.with(2)
                    | map::CAPABILITIES_LOG_N.with(5)
                    | map::CAPABILITIES_LOG_ROWS.with(4)
                    | map::CAPABILITIES_ROW_WORDS.with(16)
                    | map::CAPABILITIES_LOG_JOBS.with(2)
            }
            map::ENGINE => map::ENGINE_BLOCK_CYCLES.with(60) | map::ENGINE_LOG_SCRATCH.with(6),
            map::WORDS_IN => self.words[0],
            map::WORDS_OUT => self.words[1],
            _ => 0,
        }
    }
}

impl Transport for Script<'_> {
    fn read(&mut self, offset: u32) -> Result<u32, TransportError> {
        match self.byte()? {
            0..0xf0 => Ok(self.honest(offset)),
            0xf0..0xf8 => Ok(self.honest(offset) ^ (1 << (self.byte()? % 32))),
            0xf8..0xfe => Ok(self.word()? as u32),
            _ => Err(TransportError::Standstill {
                waited: 1,
                unit: "answers",
            }),
        }
    }

    fn write(&mut self, offset: u32, value: u32) -> Result<(), TransportError> {
        match offset {
            map::SCRATCH => self.scratch = value,
            map::JOB => {
                let size = 1usize << map::JOB_LOG_SIZE.of(value);
                match map::JOB_KIND.of(value) {
                    map::JOB_KIND_TRANSFORM => self.due.push_back((size, None)),
                    map::JOB_KIND_TREE => {
                        self.due.push_back((2 * size - 1, Some(self.trees)));
                        self.trees = (self.trees + 1) % 256;
                    }
                    _ => {}
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn send(&mut self, words: &[u64]) -> Result<(), TransportError> {
        self.words[0] = self.words[0].wrapping_add(words.len() as u32);
        Ok(())
    }

    fn receive(&mut self, most: usize) -> Result<Vec<u64>, TransportError> {
        let (count, tree) = self.due.pop_front().unwrap_or((0, None));
        let mut words = Vec::new();
        match tree {
            None => {
                for word in 0..count {
                    words.push(word as u64);
                }
            }
            Some(tree) => {
                for node in 1..=count as u64 {
                    words.extend([node | u64::from(tree) << 32, node, 0, u64::MAX, 1]);
                }
            }
        }
        let change = self.byte()?;
        let length = words.len().max(1);
        match change {
            0..0x80 => {}
            0x80..0xc0 => {
                let at = usize::from(self.byte()?) % length;
                let word = self.word()?;
                if let Some(place) = words.get_mut(at) {
                    *place = word;
                }
            }
            0xc0..0xd0 => words.truncate(usize::from(self.byte()?) % length),
            0xd0..0xe0 => words.extend(std::iter::repeat_n(0, usize::from(self.byte()?))),
            0xe0..0xf0 => return Err(TransportError::TooMany { most }),
            _ => {
                return Err(TransportError::Standstill {
                    waited: 1,
                    unit: "cycles",
                });
            }
        }
        // A transport hands over no more than was asked for.
        words.truncate(most);
        self.words[1] = self.words[1].wrapping_add(words.len() as u32);
        Ok(words)
    }

    fn discard(&mut self) -> Result<(), TransportError> {
        Ok(())
    }
}

/// Opens an accelerator, runs jobs of every kind, and reads the counters.
pub(crate) fn registers(bytes: &[u8]) -> Outcome {
    let done = run(bytes);
    Outcome::of(&done)
}

fn run(bytes: &[u8]) -> Result<(), DriverError> {
    let mut accelerator = Accelerator::open(Script {
        rest: bytes,
        scratch: 0,
        words: [0; 2],
        due: Default::default(),
        trees: 0,
    })?;
    let jobs = [
        Job::LoadShift {
            powers: vec![1; 16],
        },
        Job::Transform {
            inverse: false,
            coset: true,
            words: vec![3; 16],
            keep: Some(1),
        },
        Job::Transform {
            inverse: true,
            coset: false,
            words: vec![5; 8],
            keep: None,
        },
        Job::TransformKept {
            inverse: false,
            coset: true,
            log_size: 4,
            slot: 1,
        },
        Job::Tree {
            row_words: 3,
            words: vec![7; 12],
        },
        Job::Tree {
            row_words: 1,
            words: vec![9],
        },
    ];
    let lengths = [0, 16, 8, 16, 32, 8];
    accelerator.run(jobs, |index, words| {
        assert_eq!(words.len(), lengths[index], "results of another length");
        Ok(())
    })?;
    accelerator.counters()?;
    Ok(())
}
