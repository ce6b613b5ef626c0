//! A Verilated board behind a pseudo-terminal, for `prove --device board:PORT`. Prints the terminal's path, and ends with its input.
//!
//!     cargo run --release -p winterforge-sim --example board -- [KERNEL]

use std::error::Error;
use std::io::Read;

use winterforge_hdl::registry::kernel;
use winterforge_sim::board::{Pty, SimLine};

fn main() -> Result<(), Box<dyn Error>> {
    let name = std::env::args().nth(1);
    let name = name.as_deref().unwrap_or("ulx3s_85f_blake3");
    let kernel = kernel(name).filter(|kernel| kernel.family == "board");
    let kernel = kernel.ok_or_else(|| format!("there is no board {name}"))?;
    let pty = Pty::new(SimLine::start(kernel)?)?;
    println!("{}", pty.path().display());
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
