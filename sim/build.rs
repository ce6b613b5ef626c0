//! Exports every kernel to Verilog, translates it with Verilator and compiles the model.
//!
//! A model is rebuilt only when its Verilog, the shim or this file changes. With
//! `WINTERFORGE_COVERAGE=1` the models count how often lines are passed, and record which bits toggle
//! instead of waveforms (shim/coverage).

use std::collections::HashSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, exit};
use std::sync::Mutex;
use std::{env, fs, thread};

use winterforge_hdl::export;
use winterforge_hdl::lint::specimens::specimens;
use winterforge_hdl::registry::{Kernel, kernels};

/// Warnings of `verilator -Wall` that are waived; docs/hardware/waivers.md says why.
const WAIVED: &str = include_str!("../hardware/waivers.txt");

/// How models are translated and compiled, and faults injected.
const THIS: &str = include_str!("build.rs");

/// Sources of Verilator's run-time library, in its include folder.
const RUNTIME: &[&str] = &[
    "verilated.cpp",
    "verilated_cov.cpp",
    "verilated_threads.cpp",
];

/// The writer of waveforms, in the same folder, and what takes its place when coverage is counted.
const WAVEFORMS: &str = "verilated_fst_c.cpp";
const TOGGLES: &str = "shim/coverage/toggles.cpp";
const TOGGLES_HEADER: &str = "shim/coverage/verilated_fst_c.h";

struct Setting {
    out: PathBuf,
    include: PathBuf,
    has_coverage: bool,
    fingerprint: String,
}

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=shim");
    println!("cargo::rerun-if-env-changed=WINTERFORGE_COVERAGE");
    let version = verilator_output(&["--version"]);
    let has_coverage = env::var("WINTERFORGE_COVERAGE").is_ok_and(|value| value == "1");
    let mut shim = read("shim/shim.h");
    if has_coverage {
        shim = [shim, read(TOGGLES), read(TOGGLES_HEADER)].concat();
    }
    let own = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    let setting = Setting {
        out: models_folder(&own, has_coverage),
        include: PathBuf::from(verilator_output(&["--getenv", "VERILATOR_ROOT"])).join("include"),
        has_coverage,
        fingerprint: format!("{version}\n{has_coverage}\n{WAIVED}\n{shim}\n{THIS}\n"),
    };

    let designs = all_designs(has_coverage);
    build_runtime(&setting);
    build_models(&setting, &designs);
    write(&own.join("models.rs"), &accessors(&designs));

    println!("cargo::rustc-link-search=native={}", setting.out.display());
    for (kernel, _) in &designs {
        println!("cargo::rustc-link-lib=static={}", library(kernel.name));
    }
    println!("cargo::rustc-link-lib=static=verilated_runtime");
    println!("cargo::rustc-link-lib=stdc++");
    println!("cargo::rustc-link-lib=z");
}

/// One folder for all profiles, so that checks and tests of a workspace share the models.
fn models_folder(own: &Path, has_coverage: bool) -> PathBuf {
    let name = if has_coverage {
        "verilated-coverage"
    } else {
        "verilated"
    };
    let folder = own.ancestors().nth(4).unwrap_or(own).join(name);
    if let Err(error) = fs::create_dir_all(&folder) {
        fail(&format!("{}: {error}", folder.display()));
    }
    folder
}

fn fail(message: &str) -> ! {
    eprintln!("error: {message}");
    exit(1);
}

fn verilator_output(arguments: &[&str]) -> String {
    match Command::new("verilator").args(arguments).output() {
        Ok(output) if output.status.success() => {
            String::from_utf8_lossy(&output.stdout).trim().to_owned()
        }
        _ => fail(
            "Verilator is missing. The hardware simulation needs it; scripts/setup-hardware.sh \
             installs it. The software does not: build without --workspace and without the \
             feature `hardware`.",
        ),
    }
}

/// Kernels, and the specimens of mistranslation whose Verilog compiles; each with its Verilog. Coverage is counted of the
/// engines by themselves, not of what joins them.
fn all_designs(has_coverage: bool) -> Vec<(Kernel, String)> {
    let joined = |kernel: &Kernel| ["accelerator", "board"].contains(&kernel.family);
    let built = kernels()
        .into_iter()
        .filter(|kernel| !(has_coverage && joined(kernel)));
    let checked = built.map(|kernel| match kernel.verilog() {
        Ok(verilog) => (kernel, verilog),
        Err(error) => fail(&format!("{}: {error}", kernel.name)),
    });
    let compilable = specimens()
        .into_iter()
        .filter(|specimen| specimen.witness.is_some());
    let unlinted = compilable.map(|specimen| {
        let design = specimen.kernel.design();
        let verilog = export::verilog_unlinted(design.as_ref(), specimen.kernel.name);
        (specimen.kernel, verilog)
    });
    checked.chain(unlinted).collect()
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| fail(&format!("{path}: {error}")))
}

fn write(path: &Path, text: &str) {
    if let Err(error) = fs::write(path, text) {
        fail(&format!("{}: {error}", path.display()));
    }
}

/// Whether `name` was built from the same inputs before.
fn is_fresh(setting: &Setting, name: &str, inputs: &str) -> bool {
    let stamp = fs::read_to_string(setting.out.join(format!("{name}.stamp"))).unwrap_or_default();
    stamp == blake3::hash(inputs.as_bytes()).to_hex().as_str()
}

fn mark_fresh(setting: &Setting, name: &str, inputs: &str) {
    let stamp = setting.out.join(format!("{name}.stamp"));
    write(&stamp, blake3::hash(inputs.as_bytes()).to_hex().as_str());
}

fn compiler(setting: &Setting) -> cc::Build {
    let mut build = cc::Build::new();
    build
        .cpp(true)
        .std("c++17")
        .warnings(false)
        .cargo_metadata(false)
        .debug(false)
        .opt_level(1)
        .flag("-fno-strict-aliasing")
        .define("VM_TRACE", "1")
        .define("VM_TRACE_FST", "1")
        .define("VM_COVERAGE", if setting.has_coverage { "1" } else { "0" });
    if setting.has_coverage {
        build
            .define("WINTERFORGE_COVERAGE", "1")
            .include("shim/coverage");
    }
    build
        .include("shim")
        .include(&setting.include)
        .include(setting.include.join("vltstd"))
        .out_dir(&setting.out);
    build
}

fn build_runtime(setting: &Setting) {
    if is_fresh(setting, "runtime", &setting.fingerprint) {
        return;
    }
    let mut sources: Vec<PathBuf> = RUNTIME
        .iter()
        .map(|name| setting.include.join(name))
        .collect();
    sources.push(if setting.has_coverage {
        TOGGLES.into()
    } else {
        setting.include.join(WAVEFORMS)
    });
    compiler(setting)
        .files(sources)
        .compile("verilated_runtime");
    mark_fresh(setting, "runtime", &setting.fingerprint);
}

fn build_models(setting: &Setting, designs: &[(Kernel, String)]) {
    let workers = env::var("NUM_JOBS")
        .ok()
        .and_then(|jobs| jobs.parse().ok())
        .unwrap_or(1);
    let queue = Mutex::new(designs.iter());
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let next = queue
                        .lock()
                        .map(|mut queue| queue.next())
                        .unwrap_or_default();
                    let Some((kernel, verilog)) = next else {
                        return;
                    };
                    build_model(setting, kernel, verilog);
                }
            });
        }
    });
}

fn build_model(setting: &Setting, kernel: &Kernel, verilog: &str) {
    let shim = model_shim(kernel, "");
    let cells = kernel.cell_models.concat();
    let inputs = format!("{}{verilog}{cells}{shim}", setting.fingerprint);
    if is_fresh(setting, kernel.name, &inputs) {
        return;
    }
    let folder = setting.out.join(kernel.name);
    // Sources of an earlier translation must not be compiled again.
    let _ = fs::remove_dir_all(&folder);
    if let Err(error) = fs::create_dir_all(&folder) {
        fail(&format!("{}: {error}", folder.display()));
    }
    let source = folder.join(format!("{}.v", kernel.name));
    write(&source, verilog);
    let mut sources = vec![source];
    if !cells.is_empty() {
        sources.push(folder.join("cells.v"));
        write(&folder.join("cells.v"), &cells);
    }
    translate(setting, kernel, &folder, &sources);
    let faults = fault_shim(kernel, &folder, verilog);
    write(&folder.join("shim.cpp"), &model_shim(kernel, &faults));
    compile(setting, kernel, &folder);
    mark_fresh(setting, kernel.name, &inputs);
}

/// Compiles what Verilator wrote as two units: what runs in every cycle, and what runs once, which
/// is most of it and need not be fast.
fn compile(setting: &Setting, kernel: &Kernel, folder: &Path) {
    let names = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = names
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    let (mut fast, mut slow) = (String::new(), String::new());
    for name in names.iter().filter(|name| name.ends_with(".cpp")) {
        let unit = if name.ends_with("__Slow.cpp") {
            &mut slow
        } else {
            &mut fast
        };
        let _ = writeln!(unit, "#include \"{name}\"");
    }
    let mut objects = Vec::new();
    for (name, text, optimisation) in [("fast", fast, 1), ("slow", slow, 0)] {
        let unit = folder.join(format!("{name}.cc"));
        write(&unit, &text);
        let mut build = compiler(setting);
        build.include(folder).file(unit).opt_level(optimisation);
        objects.extend(build.compile_intermediates());
    }
    compiler(setting)
        .objects(objects)
        .compile(&library(kernel.name));
}

fn translate(setting: &Setting, kernel: &Kernel, folder: &Path, sources: &[PathBuf]) {
    let mut command = Command::new("verilator");
    command
        .args(["--cc", "--trace-fst", "-O3", "--output-split", "0", "-Wall"])
        .args(WAIVED.lines().map(|warning| format!("-Wno-{warning}")))
        .args([
            "--prefix",
            &format!("V{}", kernel.name),
            "--top-module",
            kernel.name,
            "--Mdir",
        ])
        .arg(folder)
        .args(sources);
    if setting.has_coverage {
        command.arg("--coverage-line");
    }
    match command.output() {
        Ok(output) if output.status.success() => {}
        Ok(output) => fail(&format!(
            "{}: {}",
            kernel.name,
            String::from_utf8_lossy(&output.stderr)
        )),
        Err(error) => fail(&error.to_string()),
    }
}

/// The C++ that flips bits of a kernel's registers and memories: all variables of the model by the names that the Verilog
/// assigns at a clock edge. None for kernels into which no faults are injected.
fn fault_shim(kernel: &Kernel, folder: &Path, verilog: &str) -> String {
    if kernel.family != "accelerator" {
        return "static uint64_t state_bits(void*, int) { return 0; }
static void flip(void*, int, uint64_t) {}
"
        .to_owned();
    }
    let name = kernel.name;
    let header =
        fs::read_to_string(folder.join(format!("V{name}___024root.h"))).unwrap_or_default();
    let clocked: HashSet<&str> = verilog
        .lines()
        .filter_map(|line| line.trim_start().split_once("<="))
        .map(|(target, _)| target.split(['[', ' ']).next().unwrap_or_default())
        .collect();
    let (mut registers, mut memories) = (String::new(), String::new());
    for line in header.lines() {
        let Some((declared, variable)) =
            (line.trim().strip_suffix(';')).and_then(|line| line.rsplit_once(' '))
        else {
            continue;
        };
        let last = variable.rsplit("__DOT__").next().unwrap_or_default();
        let last = last.rsplit("__024").next().unwrap_or_default();
        let high = declared
            .split_once("/*")
            .and_then(|(_, rest)| rest.split_once(':'));
        let Some(width) = high
            .and_then(|(high, _)| high.parse::<u32>().ok())
            .map(|high| high + 1)
        else {
            continue;
        };
        if !clocked.contains(last) {
            continue;
        }
        if declared.starts_with("VlUnpacked<") {
            let _ = writeln!(
                memories,
                "        {{&root.{variable}[0], sizeof(root.{variable}) / sizeof(root.{variable}[0]), \
                 sizeof(root.{variable}[0]), {width}}},"
            );
        } else {
            let _ = writeln!(
                registers,
                "        {{&root.{variable}, 1, sizeof(root.{variable}), {width}}},"
            );
        }
    }
    let settle = format!("V{name}___024root___eval_settle");
    format!(
        "#include \"V{name}___024root.h\"
extern void {settle}(V{name}___024root* self);
template <typename Action>
static auto with_state(void* instance, int memories, Action action) {{
    V{name}___024root& root = *Model::of(instance).model.rootp;
    const Variable registers[] = {{
{registers}    }};
    const Variable words[] = {{
{memories}    }};
    if (memories) return action(words, sizeof(words) / sizeof(words[0]));
    return action(registers, sizeof(registers) / sizeof(registers[0]));
}}
static uint64_t state_bits(void* instance, int memories) {{
    return with_state(instance, memories, bits_of);
}}
static void flip(void* instance, int memories, uint64_t bit) {{
    with_state(instance, memories, [bit](const Variable* all, std::size_t count) {{ winterforge::flip(all, count, bit); }});
    // What hangs on it.
    {settle}(Model::of(instance).model.rootp);
}}
"
    )
}

fn library(name: &str) -> String {
    format!("model_{name}")
}

/// The C++ that fills the table of functions for one kernel, around what injects faults.
fn model_shim(kernel: &Kernel, faults: &str) -> String {
    let name = kernel.name;
    let design = kernel.design();
    let mut set = String::new();
    let mut get = String::new();
    for (index, port) in design.ports().iter().enumerate() {
        let signal = port.name.replace('$', "__024");
        let access = format!("Model::of(instance).model.{signal}");
        if port.is_input {
            let _ = writeln!(set, "    case {index}: put({access}, low, high); break;");
        }
        let _ = writeln!(get, "    case {index}: take({access}, words); break;");
    }
    let clock = if design.is_clocked() {
        "Model::of(instance).model.clock = level;"
    } else {
        "(void)level;"
    };
    format!(
        "// Generated.
#include \"shim.h\"
#include \"V{name}.h\"
using namespace winterforge;
using Model = Instance<V{name}>;
static void set_clock(void* instance, int level) {{ {clock} }}
static void set(void* instance, uint32_t port, uint64_t low, uint64_t high) {{
    switch (port) {{
{set}    }}
}}
static void get(void* instance, uint32_t port, uint64_t* words) {{
    switch (port) {{
{get}    }}
}}
{faults}static const WinterforgeApi api = {{
    Model::create, Model::destroy, Model::eval, set_clock, set, get,
    Model::open_trace, Model::dump_trace, Model::write_coverage, state_bits, flip,
}};
extern \"C\" const WinterforgeApi* winterforge_{name}() {{ return &api; }}
"
    )
}

/// The Rust that finds a kernel's table by name.
fn accessors(designs: &[(Kernel, String)]) -> String {
    let mut declarations = String::new();
    let mut arms = String::new();
    for (kernel, _) in designs {
        let name = kernel.name;
        let _ = writeln!(declarations, "    fn winterforge_{name}() -> *const Api;");
        let _ = writeln!(arms, "        \"{name}\" => winterforge_{name},");
    }
    format!(
        "unsafe extern \"C\" {{
{declarations}}}

fn table(name: &str) -> Option<unsafe extern \"C\" fn() -> *const Api> {{
    Some(match name {{
{arms}        _ => return None,
    }})
}}
"
    )
}
