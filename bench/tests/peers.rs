//! What is compared has to be the same thing: our proof is winterfell's to the byte, all trees have one root, and every
//! system's own verifier accepts.

use winter_air::{Air, TraceInfo};
use winterforge_air::field::Felt;
use winterforge_bench::peers::air::{ProductAir, WIDTH, columns};
use winterforge_bench::peers::suite::{LOG_BLOWUPS, SERIES_SYSTEMS};
use winterforge_bench::peers::{
    MEASURED_BITS, System, kernels, ledger, options, prove, stock, winterforge,
};

const LOG_ROWS: u32 = 10;

type Outcome = Result<(), Box<dyn std::error::Error>>;

#[test]
fn our_proof_is_winterfells() -> Outcome {
    for log_blowup in LOG_BLOWUPS {
        let options = options(LOG_ROWS, log_blowup);
        let trace = columns(LOG_ROWS);
        let first = trace[0][0];
        let ours = winterforge::proof(trace.clone(), &options)?;
        let air = ProductAir::new(TraceInfo::new(WIDTH, 1 << LOG_ROWS), first, options.clone());
        let ours = ours.to_winterfell(&air, &[first])?.to_bytes();
        let over_our_field = stock::proof::<Felt>(trace.clone(), options.clone())?;
        assert!(ours == over_our_field.to_bytes(), "blowup 2^{log_blowup}");
        let over_its_own = stock::proof::<stock::Upstream>(trace, options)?;
        assert!(ours == over_its_own.to_bytes(), "blowup 2^{log_blowup}");
    }
    Ok(())
}

#[test]
fn every_verifier_accepts() -> Outcome {
    for system in System::ALL {
        for log_blowup in LOG_BLOWUPS {
            let run = prove(system, LOG_ROWS, log_blowup)?;
            assert!(run.proof_bytes > 10_000, "{system:?}: {run:?}");
        }
    }
    Ok(())
}

#[test]
fn all_trees_have_one_root() -> Outcome {
    let roots = SERIES_SYSTEMS.map(|system| kernels::commit(system, LOG_ROWS, 3));
    let roots = roots.into_iter().collect::<Result<Vec<_>, _>>()?;
    assert_eq!(roots[0].root.len(), 64);
    assert!(roots.iter().all(|run| run.root == roots[0].root));
    Ok(())
}

#[test]
fn queries_are_as_few_as_the_level_allows() {
    for log_blowup in LOG_BLOWUPS {
        let options = options(LOG_ROWS, log_blowup);
        // A query is worth less than two bits.
        let bits = ledger(LOG_ROWS, &options).bits();
        assert!((MEASURED_BITS..MEASURED_BITS + 2).contains(&bits), "{bits}");
    }
}
