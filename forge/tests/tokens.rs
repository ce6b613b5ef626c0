//! A statement about other tokens than those that were executed, with everything else of the proof made for it.

use std::sync::Arc;

use winterforge_forge::case::Case;
use winterforge_forge::forger::Witness;
use winterforge_forge::stark::Deviation;
use winterforge_model::testing::RandomNet;
use winterforge_model::{Graph, InputBoundary};
use winterforge_verifier::bundle::{Parameters, Values};
use winterforge_verifier::{Policy, verify};

/// An encoder whose first two tokens have the same row, and others not.
fn graph(seed: u64) -> Option<Graph> {
    let mut graph = RandomNet::encoder(seed).build();
    let vocabulary = graph.vocabulary()?;
    let InputBoundary::Tokens(embedding) = &mut graph.input_boundary else {
        return None;
    };
    let row = embedding.codes.len() / vocabulary;
    let (first, rest) = embedding.codes.split_at_mut(row);
    rest.get_mut(..row)?.copy_from_slice(first);
    let differs = rest.get(row..2 * row).is_some_and(|third| third != first);
    differs.then_some(graph)
}

/// Whether the verifier accepts the execution of tokens 0 as one of `token`, with the claims of an honest proof and with those
/// that the shards add up to.
fn accepted(case: &Case, graph: &Arc<Graph>, token: u32) -> [bool; 2] {
    let state = || {
        let mut witness = Witness::honest(case);
        let Values::Tokens(tokens) = &mut witness.header.input.values else {
            panic!("the statement holds tokens");
        };
        tokens[0] = token;
        witness.commit().fill()
    };
    let claims = [state(), state().as_summed()];
    claims.map(|filled| {
        let bundle = filled.finish(Deviation::None).bundle();
        verify(&bundle, graph, &Policy::default()).is_ok()
    })
}

#[test]
fn other_tokens_are_accepted_only_with_the_same_rows() {
    let mut cases = 0;
    for seed in 0..30 {
        let Some(graph) = graph(seed) else { continue };
        let x = vec![0.0; graph.input_len()];
        let case = Case::new(graph.clone(), x, Parameters::default());
        let graph = Arc::new(graph);
        assert_eq!(accepted(&case, &graph, 0), [true; 2], "seed {seed}");
        // Another statement, as true as the first.
        assert_eq!(accepted(&case, &graph, 1), [true; 2], "seed {seed}");
        assert_eq!(accepted(&case, &graph, 2), [false; 2], "seed {seed}");
        cases += 1;
    }
    assert!(cases >= 4, "{cases}");
}
