use std::{sync::Arc, path::Path, time::Instant};
fn main() {
    let args: Vec<String> = std::env::args().collect();
    let t=Instant::now();
    let graph = Arc::new(winterforge_model::load(Path::new(&args[1])).unwrap());
    eprintln!("load {:?}", t.elapsed());
    let samples = winterforge_model::read_input(Path::new(&args[2]), &graph).unwrap();
    let n: usize = args[3].parse().unwrap();
    let x: Vec<f32> = (0..n).flat_map(|i| samples.sample(i).to_vec()).collect();
    let t=Instant::now();
    let p = winterforge_prover::prove(&graph, &x, Default::default(), &winterforge_prover::Silent).unwrap();
    eprintln!("prove {:?} bundle {} bits {}", t.elapsed(), p.bundle.len(), p.instance.ledger.bits());
    for s in &p.instance.plan.shards { eprintln!("{:?} line {} window {} main {} aux {}", s.layout, s.line_rows.len(), s.window_rows.len(), s.layout.main_width(), s.layout.aux_width()); }
    eprintln!("{:?}", p.instance.plan.cells());
    let t=Instant::now();
    let i = winterforge_verifier::instance::Instance::new(graph.clone(), n, Default::default()).unwrap();
    eprintln!("instance {:?} queries {}", t.elapsed(), i.options.num_queries());
    let t=Instant::now();
    let g = Arc::new(winterforge_model::load(Path::new(&args[1])).unwrap());
    let r = winterforge_verifier::verify(&p.bundle, &g, &Default::default());
    eprintln!("verify {:?} {:?}", t.elapsed(), r.map(|v| v.ledger.bits()));
}
