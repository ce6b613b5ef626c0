//! The accelerator, Verilated, through the driver: jobs beside the software's, whole proofs, and what goes wrong.

use std::sync::Arc;

use winter_math::{FieldElement, StarkField};
use winterforge_air::field::Felt;
use winterforge_driver::{Accelerator, DriverError, Job, Transport, TransportError, registers};
use winterforge_hdl::bench::Rng;
use winterforge_prover::device::{
    CpuDevice, Device, Domain, Dual, Extension, Form, Matrix, Shape,
};
use winterforge_sim::accelerator::{SimDevice, SimTransport, open};
use winterforge_verifier::bundle::HashId;

fn columns(rng: &mut Rng, count: usize, rows: usize) -> Vec<Vec<Felt>> {
    let column = |rng: &mut Rng| (0..rows).map(|_| Felt::new(rng.next_u64())).collect();
    (0..count).map(|_| column(rng)).collect()
}

/// `cpu` and `sim` on the same jobs; `Dual` compares every word.
fn dual() -> Dual {
    Dual::new(Arc::new(CpuDevice::default()), Arc::new(SimDevice::default()))
}

#[test]
fn extensions_of_every_size_are_the_processors() {
    let device = dual();
    let mut rng = Rng::new(41);
    for (log_rows, log_cosets, count) in [(3, 0, 3), (4, 3, 2), (6, 1, 3), (9, 2, 2), (12, 1, 1)] {
        for form in [Form::Values, Form::Coefficients] {
            let columns = columns(&mut rng, count, 1 << log_rows);
            let columns: Vec<&[Felt]> = columns.iter().map(Vec::as_slice).collect();
            let domain = Domain {
                log_rows,
                log_cosets,
                offset: Felt::GENERATOR,
            };
            let job = Extension {
                columns: &columns,
                form,
                domain,
            };
            let done = device.extend(&job).unwrap();
            assert!(done.report.cycles.unwrap() > 0);
        }
    }
}

/// Longer than the hardware: in two steps.
#[test]
fn longer_transforms_are_split() {
    let device = dual();
    let columns = columns(&mut Rng::new(42), 1, 1 << 13);
    let columns: Vec<&[Felt]> = columns.iter().map(Vec::as_slice).collect();
    let domain = Domain {
        log_rows: 13,
        log_cosets: 1,
        offset: Felt::GENERATOR.exp(5),
    };
    let job = Extension {
        columns: &columns,
        form: Form::Values,
        domain,
    };
    device.extend(&job).unwrap();
}

#[test]
fn trees_are_the_processors() {
    let device = dual();
    let mut rng = Rng::new(43);
    for hash in HashId::ALL {
        for (rows, cosets, count) in [(2, 1, 1), (8, 2, 9), (16, 4, 30), (2, 1, 254)] {
            let shape = Shape {
                columns: count,
                cosets,
                rows,
            };
            let words = columns(&mut rng, 1, shape.words()).remove(0);
            let matrix = Matrix::new(shape, words);
            // Each device has a matrix of its own in a proof; here both read the host's.
            let job = |device: &dyn Device| {
                let leaves = device.hash_rows(hash, &matrix).unwrap().data;
                device.merkle_tree(hash, leaves).unwrap().data
            };
            let (cpu, sim) = (job(&CpuDevice::default()), job(&SimDevice::default()));
            assert_eq!(cpu.read().unwrap(), sim.read().unwrap(), "{hash:?} {shape:?}");
        }
    }
    drop(device);
}
