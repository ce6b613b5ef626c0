//! The board's top, Verilated, through its own serial line: an extension and a tree, a pseudo-terminal, a plug that is pulled.
//!
//! `WINTERFORGE_UART=1` adds a whole proof of `mlp_bc`, some minutes long.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use winter_math::StarkField;
use winterforge_air::field::Felt;
use winterforge_driver::uart::{Limits, Line, SerialLine, UartTransport};
use winterforge_driver::{
    Accelerator, DriverError, HardwareDevice, Transport, TransportError, registers,
};
use winterforge_hdl::bench::Rng;
use winterforge_hdl::boards::SUMS_ID;
use winterforge_hdl::goldilocks::{P, model as field};
use winterforge_hdl::registry::kernel;
use winterforge_model::{load, read_input};
use winterforge_prover::device::{
    CpuDevice, Device, Domain, Dual, Extension, Fallback, Form, Matrix, Shape,
};
use winterforge_prover::{Mode, Proved, Resources, Silent, prove_on};
use winterforge_sim::board::{Pty, SimLine};
use winterforge_verifier::bundle::{HashId, Parameters};
use winterforge_verifier::{Policy, verify};

/// A simulation is slow, and slower on a machine with other work.
fn limits() -> Limits {
    Limits {
        answer: Duration::from_secs(5),
        line: Duration::from_millis(200),
        job: Duration::from_secs(60),
        ..Limits::default()
    }
}

fn board(name: &str) -> SimLine {
    SimLine::start(kernel(name).unwrap()).unwrap()
}

fn device<L: Line + 'static>(line: L) -> HardwareDevice<UartTransport<L>> {
    let transport = UartTransport::open(line, limits()).unwrap();
    HardwareDevice::new("board", Accelerator::open(transport).unwrap())
}

/// One column's extension and a tree, each word compared with the processor's.
fn an_extension_and_a_tree(board: Arc<dyn Device>, hash: HashId) {
    let dual = Dual::new(Arc::new(CpuDevice::default()), board.clone());
    let mut rng = Rng::new(51);
    let column: Vec<Felt> = (0..64).map(|_| Felt::new(rng.next_u64())).collect();
    let job = Extension {
        columns: &[&column],
        form: Form::Values,
        domain: Domain {
            log_rows: 6,
            log_cosets: 3,
            offset: Felt::GENERATOR,
        },
    };
    dual.extend(&job).unwrap();

    let shape = Shape {
        columns: 5,
        cosets: 2,
        rows: 8,
    };
    let words = (0..shape.words()).map(|_| Felt::new(rng.next_u64()));
    let matrix = Matrix::new(shape, words.collect::<Vec<_>>());
    let tree = |device: &dyn Device| {
        let leaves = device.hash_rows(hash, &matrix).unwrap().data;
        let nodes = device.merkle_tree(hash, leaves).unwrap().data;
        nodes.read().unwrap().to_vec()
    };
    assert_eq!(tree(&*board), tree(&CpuDevice::default()));
}

#[test]
fn the_line_of_the_rtl_with_blake3() {
    an_extension_and_a_tree(Arc::new(device(board("ulx3s_85f_blake3"))), HashId::Blake3);
}

#[test]
fn the_line_of_the_rtl_with_poseidon2() {
    an_extension_and_a_tree(
        Arc::new(device(board("ulx3s_85f_poseidon2"))),
        HashId::Poseidon2,
    );
}

/// As the switches of a board are when it is delivered: 3 Mbaud.
#[test]
fn the_line_of_the_rtl_at_its_usual_rate() {
    let line = SimLine::start_at(kernel("ulx3s_85f_blake3").unwrap(), 0).unwrap();
    an_extension_and_a_tree(Arc::new(device(line)), HashId::Blake3);
}

/// Each setting of the switches, on the smallest board that has them.
#[test]
fn every_rate_of_the_switches() {
    for rate in 0..4 {
        let line = SimLine::start_at(kernel("tang_nano_20k_blake3").unwrap(), rate).unwrap();
        let mut transport = UartTransport::open(line, limits()).unwrap();
        let id = transport.read(registers::ID).unwrap();
        assert_eq!(id, registers::ID_VALUE, "rate {rate}");
    }
}

/// A board with a hash alone: the processor extends, and a transform is refused, by the driver and by the board.
#[test]
fn a_board_without_transforms() {
    let board = device(board("tang_nano_20k_blake3"));
    assert_eq!(board.accelerator().capabilities().lanes, 0);
    let refused = board.accelerator().run(
        [winterforge_driver::Job::Transform {
            inverse: false,
            coset: false,
            words: vec![1; 8],
            keep: None,
        }],
        |_, _| Ok(()),
    );
    assert!(matches!(refused, Err(DriverError::Job(_))), "{refused:?}");
    {
        let mut accelerator = board.accelerator();
        let transport = accelerator.transport();
        let job = registers::JOB_KIND.with(registers::JOB_KIND_TRANSFORM)
            | registers::JOB_LOG_SIZE.with(3);
        transport.write(registers::JOB, job).unwrap();
        let cause = transport.read(registers::ERROR).unwrap();
        let cause = registers::ERROR_CAUSE.of(cause);
        assert_eq!(cause, registers::ERROR_CAUSE_SIZE);
        accelerator.reset().unwrap();
    }
    an_extension_and_a_tree(Arc::new(board), HashId::Blake3);
}

/// The smallest bitstream: sums of words, through the same link and the same transport.
#[test]
fn sums_over_the_line() {
    let mut transport = UartTransport::open(board("icebreaker_sums"), limits()).unwrap();
    assert_eq!(transport.read(0).unwrap(), SUMS_ID);
    assert!(transport.read(4).is_err() && transport.write(0, 1).is_err());
    let mut rng = Rng::new(52);
    for length in [1, 2, 3, 700] {
        let mut words: Vec<u64> = (0..length).map(|_| rng.next_u64() % P).collect();
        words[0] = P - 1;
        transport.send(&words).unwrap();
        let sum = words.iter().fold(0, |sum, &word| field::add(sum, word));
        assert_eq!(transport.receive(8).unwrap(), [sum], "{length} words");
    }
}

#[test]
fn a_pseudo_terminal_is_a_serial_port() {
    let pty = Pty::new(board("ulx3s_85f_blake3")).unwrap();
    let line = SerialLine::open(pty.path(), 1_000_000).unwrap();
    an_extension_and_a_tree(Arc::new(device(line)), HashId::Blake3);
}

/// In mid-job: the plug is pulled and put in again behind another terminal under the same name. Nothing is lost.
#[test]
fn a_plug_put_in_again_resumes_the_job() {
    let folder = std::env::temp_dir().join(format!("winterforge-board-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let port = folder.join("port");
    let place = |pty: &Pty| {
        let _ = std::fs::remove_file(&port);
        std::os::unix::fs::symlink(pty.path(), &port).unwrap();
    };
    let pty = Pty::new(board("ulx3s_85f_blake3")).unwrap();
    place(&pty);
    let line = SerialLine::open(&port, 1_000_000).unwrap();
    let transport = UartTransport::open(line, limits()).unwrap();
    let mut accelerator = Accelerator::open(transport).unwrap();
    let words: Vec<u64> = (0..256).collect();
    let transform = |inverse| winterforge_driver::Job::Transform {
        inverse,
        coset: false,
        words: words.clone(),
        keep: None,
    };
    let mut results = Vec::new();
    let mut plugged = Some(pty);
    let jobs = (0..6).map(|job| {
        if job == 3 {
            let board = plugged.take().unwrap().unplug().unwrap();
            let pty = Pty::new(board).unwrap();
            place(&pty);
            plugged = Some(pty);
        }
        transform(job % 2 == 0)
    });
    accelerator
        .run(jobs, |_, words| {
            results.push(words);
            Ok(())
        })
        .unwrap();
    assert_eq!(results.len(), 6);
    assert!(results[0] == results[2] && results[2] == results[4]);
    assert!(results[1] == results[3] && results[3] == results[5]);
    assert!(accelerator.transport().traffic().reopened > 0);
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn a_pulled_plug_is_a_clear_error() {
    let transport = UartTransport::open(board("ulx3s_85f_blake3"), limits()).unwrap();
    let mut accelerator = Accelerator::open(transport).unwrap();
    accelerator.transport().line().cut();
    let error = accelerator.counters().unwrap_err();
    assert!(
        matches!(
            &error,
            DriverError::Transport(TransportError::Closed { .. })
        ),
        "{error:?}"
    );
    assert!(error.to_string().contains("unplugged"), "{error}");
}

fn proof(device: &dyn Device) -> Proved {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/models/mlp_bc");
    let graph = Arc::new(load(&folder.join("model.onnx")).unwrap());
    let samples = read_input(&folder.join("inputs.npz"), &graph).unwrap();
    let mode = Mode::Open(Parameters {
        hash: HashId::Blake3,
        ..Parameters::default()
    });
    let proved = prove_on(
        Resources::on(device),
        &graph,
        samples.sample(0),
        mode,
        &Silent,
    )
    .unwrap();
    verify(&proved.bundle, &graph, &Policy::default()).unwrap();
    proved
}

/// A line that is cut after some bytes.
#[derive(Debug)]
struct Doomed {
    line: SimLine,
    left: usize,
}

impl Line for Doomed {
    fn read(&mut self, buffer: &mut [u8], patience: Duration) -> std::io::Result<usize> {
        let count = self.line.read(buffer, patience)?;
        self.left = self.left.saturating_sub(count);
        if self.left == 0 {
            self.line.cut();
        }
        Ok(count)
    }

    fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.line.write(bytes)
    }

    fn reopen(&mut self) -> std::io::Result<()> {
        self.line.reopen()
    }
}

/// In mid-proof: the processor goes on, and the bundle is the same.
#[test]
fn a_proof_survives_a_pulled_plug() {
    let line = Doomed {
        line: board("ulx3s_85f_blake3"),
        left: 40_000,
    };
    let board = Arc::new(device(line));
    let cpu = proof(&CpuDevice::default());
    let fallback = Fallback::new(board, Arc::new(CpuDevice::default()), Box::new(|_| ()));
    assert_eq!(proof(&fallback).bundle, cpu.bundle);
}

#[test]
fn a_whole_proof_over_the_line() {
    if std::env::var_os("WINTERFORGE_UART").is_none() {
        println!("not run: WINTERFORGE_UART is not set");
        return;
    }
    let cpu = proof(&CpuDevice::default());
    let board = device(board("ulx3s_85f_blake3"));
    assert_eq!(proof(&board).bundle, cpu.bundle);
    let mut accelerator = board.accelerator();
    println!("{:?}", accelerator.counters().unwrap());
    println!("{:?}", accelerator.transport().traffic());
}
