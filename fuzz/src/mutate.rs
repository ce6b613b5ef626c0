//! Mutations of seeds: a pure function of a seeded generator.

use winterforge_model::testing::Rng;

/// Integers at which decoders go wrong.
const EDGES: [u64; 20] = [
    0,
    1,
    2,
    7,
    8,
    15,
    16,
    63,
    64,
    127,
    128,
    255,
    256,
    65_535,
    65_536,
    0x7fff_ffff,
    0xffff_ffff,
    0x1_0000_0000,
    0x7fff_ffff_ffff_ffff,
    u64::MAX,
];

/// Files that are longer than this are cut.
pub const MAX_LENGTH: usize = 1 << 16;

/// Changes `bytes` in one to eight places; `others` are what pieces may come from.
pub fn mutate(bytes: &mut Vec<u8>, others: &[Vec<u8>], rng: &mut Rng) {
    // Mostly few: many changes at once are seldom understood.
    for _ in 0..1 + rng.int(0, 7) * rng.int(0, 7) / 7 {
        step(bytes, others, rng);
    }
    bytes.truncate(MAX_LENGTH);
}

fn below(rng: &mut Rng, end: usize) -> usize {
    if end == 0 {
        return 0;
    }
    (rng.next_u64() % end as u64) as usize
}

/// A part of something of this length, short as a rule.
fn part(rng: &mut Rng, length: usize) -> std::ops::Range<usize> {
    let start = below(rng, length + 1);
    let most = if rng.one_in(4) {
        length - start
    } else {
        32.min(length - start)
    };
    start..start + below(rng, most + 1)
}

fn step(bytes: &mut Vec<u8>, others: &[Vec<u8>], rng: &mut Rng) {
    let at = below(rng, bytes.len());
    match rng.int(0, 11) {
        0 | 1 => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << rng.int(0, 7);
            }
        }
        2 => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte = rng.next_u64() as u8;
            }
        }
        3 => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte = byte.wrapping_add(rng.int(-8, 8) as u8);
            }
        }
        4 | 5 => {
            let value = *rng.pick(&EDGES);
            let width = *rng.pick(&[1usize, 2, 4, 8]);
            let mut word = value.to_le_bytes();
            if rng.one_in(4) {
                word[..width].reverse();
            }
            for (byte, new) in bytes.iter_mut().skip(at).zip(&word[..width]) {
                *byte = *new;
            }
        }
        6 => bytes.truncate(below(rng, bytes.len() + 1)),
        7 => {
            let range = part(rng, bytes.len());
            bytes.drain(range);
        }
        8 => {
            let range = part(rng, bytes.len());
            let copy = bytes[range].to_vec();
            let at = below(rng, bytes.len() + 1);
            bytes.splice(at..at, copy);
        }
        9 => {
            let count = below(rng, 17);
            let byte = *rng.pick(&[0, 0xff, 0x80, b'[', b'"', b'9']);
            let noise: Vec<u8> = if rng.one_in(2) {
                vec![byte; count]
            } else {
                (0..count).map(|_| rng.next_u64() as u8).collect()
            };
            let at = below(rng, bytes.len() + 1);
            bytes.splice(at..at, noise);
        }
        10 => {
            // A varint of any size, in place of what is there.
            let mut value = *rng.pick(&EDGES);
            let mut varint = Vec::new();
            while value >= 0x80 {
                varint.push(value as u8 | 0x80);
                value >>= 7;
            }
            varint.push(value as u8);
            let end = (at + 1).min(bytes.len());
            bytes.splice(at.min(end)..end, varint);
        }
        _ => {
            if others.is_empty() {
                return;
            }
            let other = rng.pick(others);
            let piece = other[part(rng, other.len())].to_vec();
            let range = part(rng, bytes.len());
            bytes.splice(range, piece);
        }
    }
}
