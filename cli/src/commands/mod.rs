//! One module a command. Each reads its files, does its work and reports; none knows of another.

pub(crate) mod demo;
#[cfg(feature = "hardware")]
pub(crate) mod hw;
pub(crate) mod inspect;
pub(crate) mod manual;
pub(crate) mod prove;
pub(crate) mod run;
pub(crate) mod setup;
pub(crate) mod sign;
pub(crate) mod verify;

use winterforge_verifier::bundle::{PublicTensor, Values};

/// The samples of a quantized tensor of a statement.
fn samples_q(tensor: &PublicTensor) -> Vec<Vec<i32>> {
    let Values::Quantized(_, cells) = &tensor.values else {
        return Vec::new();
    };
    let batch = tensor.shape.first().copied().unwrap_or(0);
    cells
        .chunks((cells.len() / batch.max(1)).max(1))
        .map(<[i32]>::to_vec)
        .collect()
}

/// Up to four outputs as lines of a table.
fn output_rows(outputs_q: &[Vec<i32>]) -> Vec<(&'static str, String)> {
    const SHOWN: usize = 4;
    let mut rows: Vec<(&str, String)> = outputs_q
        .iter()
        .take(SHOWN)
        .map(|output| ("output", crate::output::list(output)))
        .collect();
    if outputs_q.len() > SHOWN {
        rows.push((
            "",
            format!("and {} more (--json shows all)", outputs_q.len() - SHOWN),
        ));
    }
    rows
}
