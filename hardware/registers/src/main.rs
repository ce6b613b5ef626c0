//! Writes everything that is made of `registers.toml`: the register file in rust-hdl, the driver's constants and
//! the page for people.
//!
//!     cargo run -p winterforge-registers [-- --check]
//!
//! With `--check` nothing is written; the exit code is 1 if a file is not what it should be.

use std::fmt::Write;
use std::path::Path;
use std::process::ExitCode;

use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Map {
    version: u32,
    register: Vec<Register>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Register {
    name: String,
    access: Access,
    value: Option<u32>,
    doc: String,
    #[serde(default)]
    field: Vec<Field>,
}

#[derive(Clone, Copy, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Access {
    Constant,
    Status,
    Stored,
    Command,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Field {
    name: String,
    low: u32,
    bits: u32,
    doc: String,
    #[serde(default)]
    value: Vec<Value>,
}

/// What a field may hold.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Value {
    name: String,
    value: u32,
    doc: String,
}

const SOURCE: &str = "hardware/registers/registers.toml";

fn main() -> ExitCode {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let is_check = std::env::args().any(|argument| argument == "--check");
    match run(&root, is_check) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

fn run(root: &Path, is_check: bool) -> Result<(), String> {
    let text = std::fs::read_to_string(root.join(SOURCE)).map_err(|e| format!("{SOURCE}: {e}"))?;
    let map: Map = toml::from_str(&text).map_err(|error| format!("{SOURCE}: {error}"))?;
    map.validate()
        .map_err(|error| format!("{SOURCE}: {error}"))?;
    for (path, text) in [
        ("hdl/src/accelerator/registers.rs", rtl(&map)),
        ("hardware/driver/src/registers.rs", constants(&map)),
        ("docs/hardware/registers.md", page(&map)),
    ] {
        let file = root.join(path);
        let is_current = std::fs::read_to_string(&file).is_ok_and(|found| found == text);
        if is_check && !is_current {
            return Err(format!(
                "{path} is not what {SOURCE} says; run `cargo run -p winterforge-registers`"
            ));
        }
        if !is_current {
            std::fs::write(&file, text).map_err(|error| format!("{path}: {error}"))?;
        }
    }
    Ok(())
}

impl Map {
    fn validate(&self) -> Result<(), String> {
        if self.register.len() > 64 {
            return Err("there is room for 64 registers".to_owned());
        }
        for (index, register) in self.register.iter().enumerate() {
            let name = &register.name;
            let is_name = |name: &str| {
                !name.is_empty()
                    && name
                        .bytes()
                        .all(|b| b.is_ascii_lowercase() || b == b'_' || b.is_ascii_digit())
            };
            if !is_name(name)
                || self.register[..index]
                    .iter()
                    .any(|other| other.name == *name)
            {
                return Err(format!("`{name}` is no name, or used twice"));
            }
            if register.value.is_some() && register.access != Access::Constant {
                return Err(format!("{name}: only constants have a value"));
            }
            let mut used = 0u32;
            for field in &register.field {
                let inside = field.bits > 0 && field.low + field.bits <= 32;
                if !inside || !is_name(&field.name) {
                    return Err(format!("{name}.{}: no field of 32 bits", field.name));
                }
                let mask = field.mask();
                if used & mask != 0 {
                    return Err(format!("{name}.{} overlaps another field", field.name));
                }
                used |= mask;
                for (index, value) in field.value.iter().enumerate() {
                    let is_new = field.value[..index]
                        .iter()
                        .all(|other| other.value != value.value);
                    if !is_name(&value.name) || !is_new || value.value > mask >> field.low {
                        return Err(format!(
                            "{name}.{}.{}: no value of its own",
                            field.name, value.name
                        ));
                    }
                }
            }
        }
        Ok(())
    }

    fn with(&self, access: Access) -> impl Iterator<Item = (usize, &Register)> {
        let registers = self.register.iter().enumerate();
        registers.filter(move |(_, register)| register.access == access)
    }

    /// Constants that the builder of the RTL tells.
    fn built(&self) -> impl Iterator<Item = &Register> {
        let constants = self.with(Access::Constant).map(|(_, register)| register);
        constants.filter(|register| register.value.is_none() && register.name != "version")
    }
}

impl Field {
    fn mask(&self) -> u32 {
        (u32::MAX >> (32 - self.bits)) << self.low
    }
}

/// The register file in rust-hdl.
fn rtl(map: &Map) -> String {
    let mut ports = String::new();
    let mut parts = String::new();
    let mut defaults = String::new();
    let mut clocked = Vec::new();
    let mut body = String::new();
    for (index, register) in map.register.iter().enumerate() {
        let Register { name, doc, .. } = register;
        let mut reads = |value: &str| {
            let _ = write!(
                body,
                "        if self.read_index.val() == {index} {{
            self.read_data.next = {value};
            self.is_readable.next = true;
        }}
"
            );
        };
        match register.access {
            Access::Constant => {
                let value = match register.value {
                    Some(value) => format!("{value:#x}"),
                    None if name == "version" => map.version.to_string(),
                    None => format!("{name}.into()"),
                };
                let _ = writeln!(parts, "    {name}: Constant<Word<32>>,");
                let _ = writeln!(
                    defaults,
                    "            {name}: Constant::new(Word::new({value})),"
                );
                reads(&format!("self.{name}.val()"));
            }
            Access::Status => {
                let _ = writeln!(
                    ports,
                    "    /// {doc}\n    pub {name}: Signal<In, Word<32>>,"
                );
                let _ = writeln!(defaults, "            {name}: Signal::default(),");
                reads(&format!("self.{name}.val()"));
            }
            Access::Stored => {
                let _ = writeln!(
                    ports,
                    "    /// {doc}\n    pub {name}: Signal<Out, Word<32>>,"
                );
                let _ = writeln!(parts, "    {name}_value: DFF<Word<32>>,");
                let _ = writeln!(defaults, "            {name}: Signal::default(),");
                let _ = writeln!(defaults, "            {name}_value: DFF::default(),");
                clocked.push(format!("{name}_value"));
                reads(&format!("self.{name}_value.q.val()"));
                let _ = write!(
                    body,
                    "        self.{name}.next = self.{name}_value.q.val();
        if self.write_index.val() == {index} {{
            self.is_writable.next = true;
            if self.is_writing.val() {{
                self.{name}_value.d.next = self.write_data.val();
            }}
        }}
"
                );
            }
            Access::Command => {
                let _ = writeln!(
                    ports,
                    "    /// Written with `write_data`: {doc}\n    pub {name}: Signal<Out, Bit>,"
                );
                let _ = writeln!(defaults, "            {name}: Signal::default(),");
                let _ = write!(
                    body,
                    "        self.{name}.next = false;
        if self.write_index.val() == {index} {{
            self.is_writable.next = true;
            self.{name}.next = self.is_writing.val();
        }}
"
                );
            }
        }
    }
    let words: String = map
        .built()
        .filter(|register| !register.field.is_empty())
        .map(word)
        .collect();
    let arguments: Vec<String> = map
        .built()
        .map(|register| format!("{}: u32", register.name))
        .collect();
    format!(
        "//! The register file of the accelerator. Generated from {SOURCE}: edits are lost.

use rust_hdl_core::prelude::*;
use rust_hdl_widgets::prelude::*;

use crate::word::Word;

/// Answers reads and takes writes of one word a cycle, by the number of the register.
#[derive(LogicBlock)]
pub(super) struct Registers {{
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// A register is written.
    pub is_writing: Signal<In, Bit>,
    /// Which.
    pub write_index: Signal<In, Word<6>>,
    /// With what.
    pub write_data: Signal<In, Word<32>>,
    /// Whether there is such a register, and it may be written.
    pub is_writable: Signal<Out, Bit>,
    /// The register that is read.
    pub read_index: Signal<In, Word<6>>,
    /// What it holds.
    pub read_data: Signal<Out, Word<32>>,
    /// Whether there is such a register, and it may be read.
    pub is_readable: Signal<Out, Bit>,
{ports}{parts}}}

impl Registers {{
    /// The register file of an accelerator.
    pub(super) fn new({arguments}) -> Self {{
        Self {{
            clock: Signal::default(),
            is_writing: Signal::default(),
            write_index: Signal::default(),
            write_data: Signal::default(),
            is_writable: Signal::default(),
            read_index: Signal::default(),
            read_data: Signal::default(),
            is_readable: Signal::default(),
{defaults}        }}
    }}
}}

impl Logic for Registers {{
    #[hdl_gen]
    fn update(&mut self) {{
        dff_setup!(self, clock, {clocked});
        self.read_data.next = 0u64.into();
        self.is_readable.next = false;
        self.is_writable.next = false;
{body}    }}
}}
{words}",
        arguments = arguments.join(", "),
        clocked = clocked.join(", "),
    )
}

/// The function that makes the word of a constant register from its fields.
fn word(register: &Register) -> String {
    let Register {
        name, doc, field, ..
    } = register;
    let arguments: Vec<String> = field
        .iter()
        .map(|field| format!("{}: u32", field.name))
        .collect();
    let part = |field: &Field| {
        let value = format!("{} & {:#x}", field.name, field.mask() >> field.low);
        match field.low {
            0 => format!("    word |= {value};\n"),
            low => format!("    word |= ({value}) << {low};\n"),
        }
    };
    let parts: String = field.iter().map(part).collect();
    format!(
        "
/// {doc} Bits beyond a field are lost.
pub(super) const fn {name}({}) -> u32 {{
    let mut word = 0;
{parts}    word
}}
",
        arguments.join(", ")
    )
}

/// Numbers and masks for the driver.
fn constants(map: &Map) -> String {
    let mut text = format!(
        "//! The accelerator's registers. Generated from {SOURCE}: edits are lost.

/// Version of this map.
pub const MAP_VERSION: u32 = {};
",
        map.version
    );
    for (index, register) in map.register.iter().enumerate() {
        let name = register.name.to_uppercase();
        let _ = write!(
            text,
            "\n/// {}\npub const {name}: u32 = {:#04x};\n",
            register.doc,
            4 * index
        );
        if let Some(value) = register.value {
            let _ = write!(
                text,
                "/// Its value.\npub const {name}_VALUE: u32 = {value:#010x};\n"
            );
        }
        for field in &register.field {
            let upper = field.name.to_uppercase();
            let _ = write!(
                text,
                "/// {}\npub const {name}_{upper}: Field = Field {{\n    low: {},\n    bits: {},\n}};\n",
                field.doc, field.low, field.bits
            );
            for value in &field.value {
                let each = value.name.to_uppercase();
                let _ = write!(
                    text,
                    "/// {}.\npub const {name}_{upper}_{each}: u32 = {};\n",
                    value.doc, value.value
                );
            }
        }
    }
    text + "
/// Some bits of a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// The lowest bit.
    pub low: u32,
    /// How many there are.
    pub bits: u32,
}

impl Field {
    /// The field of a word.
    pub const fn of(self, word: u32) -> u32 {
        (word >> self.low) & (u32::MAX >> (32 - self.bits))
    }

    /// A word with this field alone; bits beyond the field are lost.
    pub const fn with(self, value: u32) -> u32 {
        (value & (u32::MAX >> (32 - self.bits))) << self.low
    }
}
"
}

/// The page for people.
fn page(map: &Map) -> String {
    let mut text = format!(
        "# Registers of the accelerator

Version {} of the map. Generated from `{SOURCE}`, as are the register file in rust-hdl (`hdl/src/accelerator/registers.rs`) and the
driver's constants (`hardware/driver/src/registers.rs`). AXI4-Lite, 32 bits, little-endian. A read of a register that cannot be read,
a write of one that cannot be written, or a write of less than a word is answered with SLVERR and does nothing else.

| offset | register | access | |
|---|---|---|---|
",
        map.version
    );
    let access = |register: &Register| match register.access {
        Access::Constant => "read, constant",
        Access::Status => "read",
        Access::Stored => "read and write",
        Access::Command => "write",
    };
    for (index, register) in map.register.iter().enumerate() {
        let value = register
            .value
            .map_or(String::new(), |value| format!(" {value:#010x}"));
        let (name, doc) = (&register.name, &register.doc);
        let _ = writeln!(
            text,
            "| {:#04x} | `{name}` | {}{value} | {doc} |",
            4 * index,
            access(register)
        );
    }
    for register in map
        .register
        .iter()
        .filter(|register| !register.field.is_empty())
    {
        let _ = write!(
            text,
            "\n## `{}`\n\n| bits | field | |\n|---|---|---|\n",
            register.name
        );
        for Field {
            name,
            low,
            bits,
            doc,
            value,
        } in &register.field
        {
            let range = match bits {
                1 => low.to_string(),
                _ => format!("{} to {low}", low + bits - 1),
            };
            let values: String = (value.iter())
                .map(|value| format!(" {}: {}.", value.value, value.doc))
                .collect();
            let _ = writeln!(text, "| {range} | `{name}` | {doc}{values} |");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(text: &str) -> Result<(), String> {
        let map: Map = toml::from_str(text).map_err(|error| error.to_string())?;
        map.validate()
    }

    #[test]
    fn everything_made_of_the_source_is_current() {
        run(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."), true).unwrap();
    }

    #[test]
    fn sources_that_make_no_sense_are_refused() {
        let register =
            |rest: &str| format!("version = 1\n[[register]]\nname = \"a\"\ndoc = \"\"\n{rest}");
        assert!(map(&register("access = \"stored\"")).is_ok());
        for rest in [
            "access = \"secret\"",
            "access = \"stored\"\nvalue = 1",
            "access = \"stored\"\nsize = 8",
            "access = \"status\"\nfield = [{ name = \"b\", low = 30, bits = 3, doc = \"\" }]",
            "access = \"status\"\nfield = [{ name = \"b\", low = 0, bits = 0, doc = \"\" }]",
            "access = \"status\"\nfield = [{ name = \"B\", low = 0, bits = 1, doc = \"\" }]",
            "access = \"status\"\nfield = [{ name = \"b\", low = 0, bits = 2, doc = \"\" }, { name = \"c\", low = 1, bits = 1, doc = \"\" }]",
            "access = \"status\"\nfield = [{ name = \"b\", low = 0, bits = 1, doc = \"\", value = [{ name = \"c\", value = 2, doc = \"\" }] }]",
            "access = \"status\"\n[[register]]\nname = \"a\"\ndoc = \"\"\naccess = \"status\"",
        ] {
            assert!(map(&register(rest)).is_err(), "{rest}");
        }
    }
}
