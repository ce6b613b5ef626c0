//! Proofs within a bound on memory: what is kept and what is made twice, and that no byte depends on it.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use winterforge_air::plan::PlanParameters;
use winterforge_model::Graph;
use winterforge_model::testing::{RandomMlp, random_sample};
use winterforge_prover::device::{
    CpuDevice, Device, DeviceError, Digests, Done, Extension, Matrix,
};
use winterforge_prover::{
    Demand, Mode, Phase, Progress, ProveError, ProvingKey, Resources, Silent, TooLittleMemory,
    prove_on,
};
use winterforge_verifier::bundle::{HashId, Parameters};
use winterforge_verifier::instance::Instance;
use winterforge_verifier::{Policy, verify, verify_with_key};

/// A model and a batch that take several short traces.
fn sharded() -> (Arc<Graph>, Vec<f32>, Parameters) {
    let graph = Arc::new(RandomMlp::new(5, &[12, 30, 20]).build());
    let x = (0..1200)
        .flat_map(|sample| random_sample(sample, &graph))
        .collect();
    let parameters = Parameters {
        plan: PlanParameters { max_log_rows: 9 },
        ..Parameters::default()
    };
    (graph, x, parameters)
}

fn instance(graph: &Arc<Graph>, x: &[f32], parameters: Parameters) -> Instance {
    Instance::new(graph.clone(), x.len() / graph.input_len(), parameters).unwrap()
}

/// The processor, with a count of the extensions that it makes; from the one at `fault` on it gets one word wrong.
#[derive(Debug, Default)]
struct Counting {
    cpu: CpuDevice,
    extensions: AtomicUsize,
    fault: Option<usize>,
}

impl Device for Counting {
    fn name(&self) -> String {
        String::from("counting")
    }

    fn extend(&self, job: &Extension<'_>) -> Result<Done<Matrix>, DeviceError> {
        let count = self.extensions.fetch_add(1, Ordering::SeqCst);
        if self.fault.is_none_or(|fault| count < fault) {
            return self.cpu.extend(job);
        }
        let mut columns: Vec<Vec<_>> = job.columns.iter().map(|column| column.to_vec()).collect();
        columns[0].swap(0, 1);
        columns[0].reverse();
        let columns: Vec<_> = columns.iter().map(Vec::as_slice).collect();
        let columns = &columns;
        self.cpu.extend(&Extension { columns, ..*job })
    }

    fn hash_rows(&self, hash: HashId, matrix: &Matrix) -> Result<Done<Digests>, DeviceError> {
        self.cpu.hash_rows(hash, matrix)
    }

    fn merkle_tree(&self, hash: HashId, leaves: Digests) -> Result<Done<Digests>, DeviceError> {
        self.cpu.merkle_tree(hash, leaves)
    }
}

fn on_threads<T: Send>(threads: usize, work: impl FnOnce() -> T + Send) -> T {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    pool.unwrap().install(work)
}

#[test]
fn bytes_do_not_depend_on_the_bound() {
    let (graph, x, parameters) = sharded();
    let instance = instance(&graph, &x, parameters);
    let shards = instance.plan.shards.len();
    assert!(shards >= 4, "{shards} shards");
    for threads in [1, 3] {
        let demand = Demand::new(&instance, threads, 1);
        let prove = |memory_bytes: Option<u64>| {
            let device = Counting::default();
            let resources = Resources {
                device: &device,
                memory_bytes,
            };
            let mode = Mode::Open(parameters);
            let proved = prove_on(resources, &graph, &x, mode, &Silent).unwrap();
            (proved.bundle, device.extensions.into_inner())
        };
        on_threads(threads, || {
            let (expected, extensions) = prove(None);
            verify(&expected, &graph, &Policy::default()).unwrap();
            // Main, auxiliary and composition columns of each shard.
            assert_eq!(extensions, 3 * shards);
            let (least, most) = (
                demand.least_bytes(),
                demand.schedule(None).unwrap().peak_bytes,
            );
            let mut kept = Vec::new();
            for step in 0..=6 {
                let bound = least + step * (most - least) / 6;
                let schedule = demand.schedule(Some(bound)).unwrap();
                assert!(schedule.peak_bytes <= bound);
                let (bundle, extensions) = prove(Some(bound));
                assert!(bundle == expected, "{threads} threads, {bound} bytes");
                assert_eq!(extensions, 4 * shards - schedule.kept_shards);
                kept.push(schedule.kept_shards);
            }
            // One can always be kept: it is proven first, in no more room than if it were made again.
            assert!(
                kept.is_sorted() && kept[0] == 1 && kept[6] == shards,
                "{kept:?} of {shards}"
            );
        });
    }
}

#[test]
fn a_bound_below_a_single_trace_is_refused() {
    let (graph, x, parameters) = sharded();
    let demand = Demand::new(&instance(&graph, &x, parameters), 1, 1);
    let least_bytes = demand.least_bytes();
    let device = CpuDevice::default();
    let prove = |bound: u64| {
        let resources = Resources {
            device: &device,
            memory_bytes: Some(bound),
        };
        on_threads(1, || {
            prove_on(resources, &graph, &x, Mode::Open(parameters), &Silent).map(|_| ())
        })
    };
    for bound_bytes in [0, 1, least_bytes - 1] {
        let error = prove(bound_bytes).unwrap_err();
        let expected = TooLittleMemory {
            least_bytes,
            bound_bytes,
        };
        assert!(matches!(error, ProveError::Memory(found) if found == expected));
        assert!(error.to_string().contains(&least_bytes.to_string()));
    }
    prove(least_bytes).unwrap();
    // A shorter bound on the trace is a way out: less at a time.
    let long = Parameters {
        plan: PlanParameters { max_log_rows: 12 },
        ..parameters
    };
    let of_long = Demand::new(&instance(&graph, &x, long), 1, 1).least_bytes();
    assert!(of_long > 3 * least_bytes / 2, "{of_long} {least_bytes}");
}

#[test]
fn committed_models_within_a_bound() {
    let (graph, x, parameters) = sharded();
    let batch = x.len() / graph.input_len();
    let key = ProvingKey::setup(&graph, parameters).unwrap();
    let instance = Instance::committed(graph.clone(), batch, parameters).unwrap();
    on_threads(2, || {
        let device = CpuDevice::default();
        let prove = |memory_bytes: Option<u64>| {
            let resources = Resources {
                device: &device,
                memory_bytes,
            };
            let mode = Mode::Committed(&key);
            prove_on(resources, &graph, &x, mode, &Silent)
                .unwrap()
                .bundle
        };
        let expected = prove(None);
        verify_with_key(&expected, &key.key, &Policy::default()).unwrap();
        let demand = Demand::new(&instance, 2, 1);
        let least = demand.least_bytes();
        assert!(!demand.schedule(Some(least)).unwrap().holds_parameters);
        assert!(demand.schedule(Some(2 * least)).unwrap().holds_parameters);
        assert!(prove(Some(least)) == expected);
    });
}

#[test]
fn a_segment_that_changes_between_the_phases_is_noticed() {
    let (graph, x, parameters) = sharded();
    let instance = instance(&graph, &x, parameters);
    let device = Counting {
        fault: Some(instance.plan.shards.len()),
        ..Counting::default()
    };
    let demand = Demand::new(&instance, 1, 1);
    let least = Some(demand.least_bytes());
    let resources = Resources {
        device: &device,
        memory_bytes: least,
    };
    let proved = on_threads(1, || {
        prove_on(resources, &graph, &x, Mode::Open(parameters), &Silent).map(|_| ())
    });
    let first = demand.schedule(least).unwrap().kept_shards;
    assert!(matches!(proved, Err(ProveError::OtherRoot { shard }) if shard == first));
}

/// Notes what it hears.
#[derive(Default)]
struct Notes(Mutex<Vec<(Option<Phase>, usize)>>);

impl Progress for Notes {
    fn phase(&self, phase: Phase) {
        self.0.lock().unwrap().push((Some(phase), 0));
    }

    fn shard_done(&self) {
        self.0.lock().unwrap().last_mut().unwrap().1 += 1;
    }
}

#[test]
fn progress_counts_each_shard_once_in_each_phase() {
    let (graph, x, parameters) = sharded();
    let instance = instance(&graph, &x, parameters);
    let shards = instance.plan.shards.len();
    let demand = Demand::new(&instance, 2, 1);
    for memory_bytes in [None, Some(demand.least_bytes())] {
        let again = shards - demand.schedule(memory_bytes).unwrap().kept_shards;
        assert_eq!(again > 0, memory_bytes.is_some());
        let (device, notes) = (CpuDevice::default(), Notes::default());
        let resources = Resources {
            device: &device,
            memory_bytes,
        };
        on_threads(2, || {
            prove_on(resources, &graph, &x, Mode::Open(parameters), &notes).unwrap();
        });
        let expected = [
            (Some(Phase::Execute), 0),
            (Some(Phase::Commit { shards, again }), shards),
            (Some(Phase::Prove { shards, again }), shards),
        ];
        assert_eq!(*notes.0.lock().unwrap(), expected);
    }
}
