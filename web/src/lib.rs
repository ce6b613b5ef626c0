//! The verifier for a browser: bytes in, a verdict out. scripts/build-web.sh makes WebAssembly of it and puts that into
//! the page `web/page/`; docs/browser.md tells how to use it.

mod exports;
mod judge;

pub use judge::{Claims, Judged, Report, Verdict, judge};
