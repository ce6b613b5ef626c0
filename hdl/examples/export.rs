//! Writes the Verilog of kernels, each with a harness for placing it alone, and prints its digest, its file and its parameters in
//! JSON; or prints the list of golden digests.
//!
//!     cargo run -p winterforge-hdl --example export -- FOLDER [KERNEL..]
//!     cargo run -p winterforge-hdl --example export -- --digests > hdl/golden.txt

use std::error::Error;
use std::path::Path;

use winterforge_hdl::export::{digest, harness};
use winterforge_hdl::registry::kernels;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let target = arguments
        .next()
        .ok_or("usage: export FOLDER [KERNEL..] | export --digests")?;
    if target == "--digests" {
        for kernel in kernels() {
            println!("{}  {}", digest(&kernel.verilog()?), kernel.name);
        }
        return Ok(());
    }
    let wanted: Vec<String> = arguments.collect();
    std::fs::create_dir_all(&target)?;
    for kernel in kernels() {
        if wanted.is_empty() || wanted.iter().any(|name| name == kernel.name) {
            let file = Path::new(&target).join(format!("{}.v", kernel.name));
            let verilog = kernel.verilog()?;
            std::fs::write(&file, &verilog)?;
            let around = harness(kernel.name, &kernel.design().ports());
            std::fs::write(file.with_extension("harness.v"), around)?;
            let parameters: Vec<String> = kernel
                .parameters
                .iter()
                .map(|(name, value)| format!("\"{name}\": {value}"))
                .collect();
            println!(
                "{}  {}  {{{}}}",
                digest(&verilog),
                file.display(),
                parameters.join(", ")
            );
        }
    }
    Ok(())
}
