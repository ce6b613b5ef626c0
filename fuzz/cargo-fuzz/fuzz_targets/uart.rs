#![no_main]
winterforge_cargo_fuzz::feed!("uart");
