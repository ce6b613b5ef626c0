//! The serial transport against a peer in software, over a line that loses, changes, doubles and delays bytes.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use proptest::prelude::*;
use winterforge_driver::uart::{Answer, Decoder, Kind, Limits, Line, Request, UartTransport};
use winterforge_driver::{Transport, TransportError};

/// Words that the peer keeps on each way.
const WINDOW: usize = 512;

/// Random numbers: the high bits of a linear congruence.
#[derive(Debug)]
struct Rng(u64);

impl Rng {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(0x5851_f42d_4c95_7f2d)
            .wrapping_add(0x1405_7b7e_f767_814f);
        (self.0 >> 33) % bound
    }
}

/// A peer that gives back every job's words, each plus one, over a bad line.
#[derive(Debug)]
struct Peer {
    rng: Rng,
    /// Bytes in a thousand that are damaged, on both ways.
    damage: u64,
    content: Vec<u8>,
    is_escaped: bool,
    number: Option<u8>,
    answer: Option<Answer>,
    registers: [u32; 64],
    results: VecDeque<(u64, bool)>,
    sent: usize,
    to_host: VecDeque<u8>,
    /// It takes no words, and always has some.
    floods: bool,
    /// Requests until the plug is pulled, and tries until it is in again.
    life: u64,
    tries: Option<u64>,
    executed: u64,
}

impl Peer {
    fn new(seed: u64, damage: u64) -> Self {
        Self {
            rng: Rng(seed),
            damage,
            content: Vec::new(),
            is_escaped: false,
            number: None,
            answer: None,
            registers: [0; 64],
            results: VecDeque::new(),
            sent: 0,
            to_host: VecDeque::new(),
            floods: false,
            life: u64::MAX,
            tries: None,
            executed: 0,
        }
    }

    fn through(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut damaged = Vec::new();
        for &byte in bytes {
            if self.rng.below(1000) >= self.damage {
                damaged.push(byte);
                continue;
            }
            match self.rng.below(3) {
                0 => {}
                1 => damaged.push(byte ^ 1 << self.rng.below(8)),
                _ => damaged.extend([byte, byte]),
            }
        }
        damaged
    }

    fn byte(&mut self, byte: u8) {
        match (std::mem::take(&mut self.is_escaped), byte) {
            (_, 0xc0) => {
                let content = std::mem::take(&mut self.content);
                self.frame(&content);
            }
            (false, 0xdb) => self.is_escaped = true,
            (false, byte) => self.content.push(byte),
            (true, 0xdc) => self.content.push(0xc0),
            (true, _) => self.content.push(0xdb),
        }
    }

    fn frame(&mut self, content: &[u8]) {
        let Some((content, checksum)) = content.split_last_chunk::<4>() else {
            return;
        };
        if content.len() < 8
            || content.len() % 8 != 0
            || crc32fast::hash(content) != u32::from_le_bytes(*checksum)
        {
            return;
        }
        let [number, kind, argument, flags] = [content[0], content[1], content[2], content[3]];
        let given = u32::from_le_bytes(content[4..8].try_into().unwrap());
        if self.number == Some(number) && kind != 0 {
            let again = self.answer.clone().unwrap();
            return self.say(&again);
        }
        self.executed += 1;
        self.number = Some(number);
        let released = std::mem::take(&mut self.sent).min(self.results.len());
        self.results.drain(..released);
        let register = usize::from(argument / 4);
        let (mut status, mut value, mut words, mut is_last) = (0, 0, Vec::new(), false);
        match kind {
            0 => {
                value = 1 | 9 << 8;
                if flags & 2 != 0 {
                    self.results.clear();
                }
            }
            1 | 2 if register >= 60 => status = 2,
            1 => value = self.registers[register],
            2 => self.registers[register] = given,
            _ => {
                let (chunks, _) = content[8..].as_chunks::<8>();
                if self.floods {
                    (status, words) = (1, vec![number.into(); argument.into()]);
                } else if chunks.len() > WINDOW - self.results.len().min(WINDOW) {
                    status = 1;
                } else {
                    let last = chunks.len().wrapping_sub(1);
                    self.results
                        .extend(chunks.iter().enumerate().map(|(i, chunk)| {
                            let word = u64::from_le_bytes(*chunk).wrapping_add(1);
                            (word, flags & 1 == 1 && i == last)
                        }));
                }
                for &(word, mark) in self.results.iter().take(argument.into()) {
                    words.push(word);
                    is_last = mark;
                    if mark {
                        break;
                    }
                }
                self.sent = words.len();
                value = (WINDOW - self.results.len().min(WINDOW)) as u32;
            }
        }
        let answer = Answer {
            number,
            kind,
            status,
            value,
            words,
            is_last,
        };
        self.say(&answer);
        self.answer = Some(answer);
    }

    fn say(&mut self, answer: &Answer) {
        let bytes = self.through(&answer.encode());
        self.to_host.extend(bytes);
    }
}

fn unplugged() -> io::Error {
    io::ErrorKind::BrokenPipe.into()
}

impl Line for Peer {
    fn read(&mut self, buffer: &mut [u8], _: Duration) -> io::Result<usize> {
        if self.life == 0 {
            return Err(unplugged());
        }
        let count = self
            .to_host
            .len()
            .min(buffer.len())
            .min(1 + self.rng.below(100) as usize);
        for (place, byte) in buffer.iter_mut().zip(self.to_host.drain(..count)) {
            *place = byte;
        }
        Ok(count)
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.life = self.life.saturating_sub(1);
        if self.life == 0 {
            return Err(unplugged());
        }
        for byte in self.through(bytes) {
            self.byte(byte);
        }
        Ok(())
    }

    fn reopen(&mut self) -> io::Result<()> {
        match &mut self.tries {
            Some(0) => {
                self.life = 30;
                self.tries = Some(1);
                self.to_host.clear();
                Ok(())
            }
            Some(tries) => {
                *tries -= 1;
                Err(unplugged())
            }
            None => Err(unplugged()),
        }
    }
}

fn limits() -> Limits {
    Limits {
        answer: Duration::from_millis(1),
        line: Duration::from_millis(300),
        job: Duration::from_secs(20),
        waiting_words: 20_000,
    }
}

/// Jobs of many sizes come back whole and in order; registers keep what was written.
fn jobs_come_back(transport: &mut UartTransport<Peer>, seed: u64) {
    let mut rng = Rng(seed);
    for job in 0..40_u64 {
        let count = [1, 2, 7, 128, 129, 255, 256, 1500][rng.below(8) as usize];
        let words: Vec<u64> = (0..count).map(|i| job << 32 | i).collect();
        transport.write(16, job as u32).unwrap();
        transport.send(&words).unwrap();
        transport.send(&words).unwrap();
        let expected: Vec<u64> = words.iter().map(|word| word + 1).collect();
        assert_eq!(transport.read(16).unwrap(), job as u32, "seed {seed}");
        for _ in 0..2 {
            let results = transport.receive(expected.len()).unwrap();
            assert_eq!(results, expected, "seed {seed}, job {job}");
        }
    }
}

#[test]
fn a_bad_line_costs_only_time() {
    for (seed, damage) in [(91, 0), (92, 1), (93, 4)] {
        let mut transport = UartTransport::open(Peer::new(seed, damage), limits()).unwrap();
        jobs_come_back(&mut transport, seed);
        let traffic = transport.traffic();
        assert_eq!(traffic.repeated > 0, damage > 0, "{traffic:?}");
        // No request is carried out twice.
        assert_eq!(transport.line().executed, traffic.requests, "{traffic:?}");
    }
}

/// A plug that is pulled and put in again, over and over.
#[test]
fn a_line_that_comes_back_is_used_again() {
    let mut peer = Peer::new(94, 0);
    (peer.life, peer.tries) = (20, Some(1));
    let mut transport = UartTransport::open(peer, limits()).unwrap();
    jobs_come_back(&mut transport, 94);
    assert!(transport.traffic().reopened > 3);
}

#[test]
fn a_line_that_stays_away_is_an_error() {
    let mut peer = Peer::new(95, 0);
    peer.life = 20;
    let mut transport = UartTransport::open(peer, limits()).unwrap();
    let error = (0..40).find_map(|_| transport.send(&[1, 2, 3]).err());
    assert!(
        matches!(error, Some(TransportError::Closed { .. })),
        "{error:?}"
    );
}

/// Results without an end do not fill the memory, nor keep anyone waiting for ever.
#[test]
fn a_peer_that_floods_is_an_error() {
    let mut peer = Peer::new(98, 0);
    peer.floods = true;
    let mut transport = UartTransport::open(peer, limits()).unwrap();
    let most = limits().waiting_words;
    assert_eq!(transport.send(&[1]), Err(TransportError::TooMany { most }));
    transport.discard().unwrap();
    assert_eq!(
        transport.receive(100),
        Err(TransportError::TooMany { most: 100 })
    );
}

#[test]
fn a_peer_that_is_silent_or_strange_is_an_error() {
    let short = Limits {
        job: Duration::from_millis(30),
        ..limits()
    };
    let silent = UartTransport::open(Peer::new(96, 1000), short);
    assert!(
        matches!(silent, Err(TransportError::Standstill { .. })),
        "{silent:?}"
    );

    let mut transport = UartTransport::open(Peer::new(97, 0), short).unwrap();
    let refused = |is_write| TransportError::Register {
        offset: 252,
        is_write,
    };
    assert_eq!(transport.read(252), Err(refused(false)));
    assert_eq!(transport.write(252, 1), Err(refused(true)));
    let wide = TransportError::Register {
        offset: 1000,
        is_write: false,
    };
    assert_eq!(transport.read(1000), Err(wide));
    transport.send(&[1, 2, 3]).unwrap();
    assert_eq!(
        transport.receive(2),
        Err(TransportError::TooMany { most: 2 })
    );
    transport.discard().unwrap();
    let nothing = transport.receive(2);
    assert!(
        matches!(nothing, Err(TransportError::Standstill { .. })),
        "{nothing:?}"
    );
}

fn decoded(bytes: &[u8]) -> Vec<Answer> {
    let mut decoder = Decoder::default();
    bytes
        .iter()
        .filter_map(|&byte| decoder.push(byte))
        .collect()
}

fn any_answer() -> impl Strategy<Value = Answer> {
    let words = prop::collection::vec(
        prop_oneof![any::<u64>(), Just(0xc0db_c0db_dcdd_c0db)],
        0..20,
    );
    (
        any::<[u8; 2]>(),
        any::<u32>(),
        words,
        0..4_u8,
        any::<bool>(),
    )
        .prop_map(|([number, kind], value, words, status, is_last)| Answer {
            number,
            kind: kind & 0x7f,
            status,
            value,
            words,
            is_last,
        })
}

proptest! {
    #[test]
    fn answers_are_found_behind_anything(answer in any_answer(), noise: Vec<u8>) {
        let bytes = [noise, answer.encode()].concat();
        prop_assert_eq!(decoded(&bytes).pop(), Some(answer));
    }

    /// Up to 32 bits in a row that are wrong, and any odd number of them, are always noticed.
    #[test]
    fn damaged_answers_are_refused(answer in any_answer(), place: prop::sample::Index, flips in 1..=255_u8) {
        let mut bytes = answer.encode();
        let place = place.index(bytes.len());
        bytes[place] ^= flips;
        // Damage at the ends leaves noise around a frame.
        prop_assert!(decoded(&bytes).iter().all(|found| *found == answer));
        bytes[place] ^= flips;
        bytes.truncate(place);
        prop_assert_eq!(decoded(&bytes), vec![]);
    }

    #[test]
    fn noise_is_no_answer(noise in prop::collection::vec(any::<u8>(), 0..5000)) {
        prop_assert_eq!(decoded(&noise), vec![]);
    }

    #[test]
    fn requests_have_no_end_within(number: u8, argument: u8, value: u32, words: Vec<u64>) {
        let request = Request { number, kind: Kind::Exchange, argument, is_last: true, drops: false, value, words: &words };
        let bytes = request.encode();
        let ends = bytes.iter().filter(|&&byte| byte == 0xc0).count();
        prop_assert_eq!((ends, bytes[0], bytes[bytes.len() - 1]), (2, 0xc0, 0xc0));
    }
}
