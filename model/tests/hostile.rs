//! Damaged and hostile bytes: an error or a valid graph, never a panic, never much memory.

mod support;

use std::fs;

use winterforge_model::import;
use winterforge_model::testing::{Form, RandomMlp, RandomNet, Rng, onnx_bytes};

/// Real files without the large one, and written ones with views and every operator.
fn corpus() -> Vec<Vec<u8>> {
    let mut corpus = Vec::new();
    for model in ["mlp_digits", "mlp_bc"] {
        for file in ["model.onnx", "model_qdq.onnx", "model_u8.onnx"] {
            corpus.push(fs::read(support::path(model, file)).unwrap());
        }
    }
    for seed in 0..10 {
        corpus.push(onnx_bytes(&RandomMlp::any(seed, 5).build(), Form::Qdq));
    }
    for seed in 0..60 {
        let form = [Form::QOperator, Form::Qdq][seed as usize % 2];
        corpus.push(RandomNet::any(seed).file(form));
        corpus.push(RandomNet::encoder(seed).file(form));
    }
    corpus
}

/// Must come back; what is accepted must be executable.
fn feed(bytes: &[u8]) -> bool {
    match import(bytes, "hostile.onnx") {
        Ok(graph) => {
            graph.validate().unwrap();
            graph.id();
            let cells: usize = graph.tensors.iter().map(|tensor| tensor.len()).sum();
            if cells < 1 << 16 {
                let input = vec![
                    graph.tensor(graph.input).quantization.zero_point;
                    graph.tensor(graph.input).len()
                ];
                winterforge_model::execute(&graph, &input).unwrap();
            }
            true
        }
        Err(error) => {
            assert!(error.to_string().starts_with("hostile.onnx: "));
            false
        }
    }
}

#[test]
fn truncated_files() {
    for bytes in corpus() {
        let step = (bytes.len() / 400).max(1);
        for len in (0..bytes.len()).step_by(step) {
            feed(&bytes[..len]);
        }
    }
}

#[test]
fn mutated_files() {
    let corpus = corpus();
    let mut accepted = 0;
    for round in 0..20_000u64 {
        let mut rng = Rng::new(round);
        let mut bytes = corpus[rng.int(0, corpus.len() as i64 - 1) as usize].clone();
        for _ in 0..rng.int(1, 4) {
            let at = rng.int(0, bytes.len() as i64 - 1) as usize;
            match rng.int(0, 5) {
                0 => bytes[at] ^= 1 << rng.int(0, 7),
                1 => bytes[at] = rng.next_u64() as u8,
                2 => bytes[at] = [0, 0x7f, 0x80, 0xff][rng.int(0, 3) as usize],
                3 => drop(bytes.remove(at)),
                4 => bytes.insert(at, rng.next_u64() as u8),
                _ => {
                    let len = rng.int(1, 40).min((bytes.len() - at) as i64) as usize;
                    let from = rng.int(0, (bytes.len() - len) as i64) as usize;
                    bytes.copy_within(from..from + len, at);
                }
            }
            if bytes.is_empty() {
                break;
            }
        }
        accepted += usize::from(feed(&bytes));
    }
    // In files with weights, most mutations hit these, and any value is fine for them.
    assert!(
        (400..19_900).contains(&accepted),
        "{accepted} of 20000 accepted"
    );
}

#[test]
fn random_bytes() {
    for round in 0..5_000 {
        let mut rng = Rng::new(round);
        let len = rng.int(0, 200) as usize;
        let bytes: Vec<u8> = (0..len).map(|_| rng.next_u64() as u8).collect();
        assert!(!feed(&bytes));
    }
}

#[test]
fn structure_of_every_operator_is_mutated() {
    for seed in 0..80 {
        let mut net = if seed < 40 {
            RandomNet::any(seed)
        } else {
            RandomNet::encoder(seed)
        };
        net.operators = 2;
        net.max_size = 2;
        let bytes = net.file([Form::QOperator, Form::Qdq][seed as usize % 2]);
        let mut rng = Rng::new(seed);
        for at in 0..bytes.len() {
            for value in [0, 0x7f, 0xff, bytes[at] ^ 1, rng.next_u64() as u8] {
                let mut mutated = bytes.clone();
                mutated[at] = value;
                feed(&mutated);
            }
        }
    }
}

#[test]
fn structure_is_mutated_where_weights_are_few() {
    // A file of 400 bytes or so: nearly every byte is structure.
    let bytes = onnx_bytes(&RandomMlp::any(3, 1).build(), Form::Qdq);
    for at in 0..bytes.len() {
        for value in [
            0,
            1,
            2,
            0x0a,
            0x12,
            0x7f,
            0x80,
            0xff,
            bytes[at] ^ 1,
            bytes[at] ^ 8,
        ] {
            let mut mutated = bytes.clone();
            mutated[at] = value;
            feed(&mutated);
        }
    }
}
