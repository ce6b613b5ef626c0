//! EfficientNet-Lite0, proven and verified: from `../shared/models/efflite0` beside the repository, with 6 GB, so only on request.
//!
//! `WINTERFORGE_LONG=1 cargo test --release -p winterforge-prover --test efflite0 -- --nocapture`

use std::path::Path;
use std::sync::Arc;

use winterforge_model::{load, read_input};
use winterforge_prover::{Silent, prove};
use winterforge_verifier::{Policy, verify};

#[test]
fn a_picture_is_proven() {
    if std::env::var_os("WINTERFORGE_LONG").is_none() {
        println!("not run: set WINTERFORGE_LONG=1");
        return;
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/models/efflite0");
    let graph = Arc::new(load(&folder.join("model.onnx")).unwrap());
    let inputs = read_input(&folder.join("inputs.npz"), &graph).unwrap();
    let proved = prove(&graph, inputs.sample(0), Default::default(), &Silent).unwrap();
    println!(
        "{} bytes, {:?}",
        proved.bundle.len(),
        proved.instance.plan.cells()
    );
    let verified = verify(&proved.bundle, &graph, &Policy::default()).unwrap();
    assert_eq!(verified.header, proved.header);
}
