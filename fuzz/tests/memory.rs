//! A file of a kilobyte does not make a decoder hold more than 64 MB, whatever it promises.

use winterforge_fuzz::memory::Counting;
use winterforge_fuzz::run::execute;
use winterforge_fuzz::{MAX_BYTES, Outcome, TARGETS, allowance, seeds, target};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Feeds a target; `execute` fails where too much is held.
fn held(name: &str, input: &[u8]) -> usize {
    assert!(input.len() <= 1 << 10, "{name}: {} bytes", input.len());
    assert_eq!(allowance(input.len()), MAX_BYTES);
    match execute(target(name).unwrap(), input) {
        Ok((outcome, bytes)) => {
            assert!(outcome != Outcome::Accepted, "{name}: a bomb was accepted");
            bytes
        }
        Err(what) => panic!("{name}: {what}"),
    }
}

fn npy(shape: &str) -> Vec<u8> {
    let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes
}

#[test]
fn arrays_that_promise_much() {
    for shape in [
        "(1000000000, 4)",
        "(4611686018427387904, 4)",
        "(18446744073709551615, 4)",
    ] {
        let bytes = npy(shape);
        assert!(held("npy", &bytes) < 1 << 20);
    }
    // The longest header that the length field can promise.
    let mut long = npy("(1, 4)");
    long[6] = 2;
    long[8..12].fill(0xff);
    assert!(held("npy", &long) < 1 << 20);
    assert!(held("json", "[".repeat(1 << 10).as_bytes()) < 1 << 20);
    assert!(held("json", format!("[[1{}]]", "0".repeat(1_000)).as_bytes()) < 1 << 20);
}

/// An array of zeros, deflated to a thousandth.
#[test]
fn a_compressed_bomb() {
    use std::io::Write;
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::DEFAULT
        .compression_method(zip::CompressionMethod::Deflated)
        .compression_level(Some(9));
    archive.start_file("x.npy", options).unwrap();
    let samples = 700_000 / 16;
    archive
        .write_all(&npy(&format!("({}, 4)", 2 * samples)))
        .unwrap();
    archive.write_all(&vec![0; 16 * samples]).unwrap();
    let bytes = archive.finish().unwrap().into_inner();
    // A header that promises twice what is there; what is there takes its room.
    let bytes_held = held("npz", &bytes);
    assert!((1 << 19..8 << 20).contains(&bytes_held), "{bytes_held}");
}

#[test]
fn headers_that_promise_much() {
    let seed = &seeds::read("bundle").unwrap()[0];
    // The sizes of the input, whose rank is at byte 57.
    for sizes in [[65_536u32, u32::MAX], [1, u32::MAX], [u32::MAX, u32::MAX]] {
        let mut bytes = seed.clone();
        for (at, size) in sizes.iter().enumerate() {
            bytes[58 + 4 * at..][..4].copy_from_slice(&size.to_le_bytes());
        }
        assert!(held("bundle", &bytes) < 1 << 20);
        assert!(held("proof", &bytes) < 1 << 20);
    }
    let mut lines = b"{\"payloadType\":\"\",\"payload\":\"".to_vec();
    lines.resize(1 << 10, b'A');
    assert!(held("signatures", &lines) < 1 << 20);
}

/// A varint of the largest 64-bit number, wherever a length may stand.
#[test]
fn lengths_in_keys_and_models() {
    let huge = |value: u64| {
        let (mut value, mut bytes) = (value, Vec::new());
        while value >= 0x80 {
            bytes.push(value as u8 | 0x80);
            value >>= 7;
        }
        bytes.push(value as u8);
        bytes
    };
    for name in ["key", "onnx"] {
        let mut most = 0;
        let seeds = seeds::read(name).unwrap();
        let small = seeds.iter().filter(|seed| seed.len() < 1_000);
        let mut count = 0;
        for seed in small {
            count += 1;
            for at in 0..seed.len() {
                for value in [
                    1 << 20,
                    1 << 30,
                    u64::from(u32::MAX),
                    1 << 40,
                    u64::MAX >> 1,
                    u64::MAX,
                ] {
                    let mut bytes = seed.clone();
                    bytes.splice(at..=at, huge(value));
                    match execute(target(name).unwrap(), &bytes) {
                        Ok((_, bytes)) => most = most.max(bytes),
                        Err(what) => panic!("{name}, {value} at byte {at}: {what}"),
                    }
                }
            }
        }
        assert!(count > 0, "{name}: no seed of less than a kilobyte");
        println!("{name}: {most} bytes at most");
    }
}

/// What holds for any input at all is asserted by every execution; here it is shown to be asserted.
#[test]
fn every_target_stays_below_the_bound_on_its_seeds() {
    for target in &TARGETS {
        for seed in seeds::read(target.name).unwrap() {
            let (_, bytes) = execute(target, &seed).unwrap();
            assert!(bytes > 0, "{}: nothing is counted", target.name);
            assert!(bytes < MAX_BYTES, "{}: {bytes}", target.name);
        }
    }
}
