//! What tools see of a kernel: a block with ports that are reached by position.
//!
//! Every kernel top implements [`Design`] through [`crate::ports!`]. The same list of ports drives
//! the rust-hdl simulation here, names the accessors of the Verilated model, and documents the
//! interface.

use rust_hdl_core::prelude::*;

use crate::word::Word;

/// A port of a kernel's top module. The clock is not listed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Port {
    /// Name in Verilog.
    pub name: String,
    /// Width in bits, at most 128.
    pub width: usize,
    /// Whether it is driven from outside.
    pub is_input: bool,
}

/// A block whose ports can be driven and sampled by position in [`Design::ports`].
pub trait Design: Block {
    /// All ports but the clock, inputs first.
    fn ports(&self) -> Vec<Port>;
    /// Drives an input.
    fn drive(&mut self, port: usize, value: u128);
    /// Reads an output.
    fn sample(&self, port: usize) -> u128;
    /// Drives the clock; does nothing in a block without one.
    fn set_clock(&mut self, level: bool);
    /// Whether there is a port `clock`.
    fn is_clocked(&self) -> bool;
}

/// A signal type that converts to and from an integer.
pub trait Value: Synth {
    /// The low bits of `value`.
    fn from_integer(value: u128) -> Self;
    /// The bits as an unsigned integer.
    fn to_integer(self) -> u128;
}

impl<const N: usize> Value for Word<N> {
    fn from_integer(value: u128) -> Self {
        Self::new(value)
    }
    fn to_integer(self) -> u128 {
        self.value()
    }
}

impl Value for bool {
    fn from_integer(value: u128) -> Self {
        value & 1 == 1
    }
    fn to_integer(self) -> u128 {
        u128::from(self)
    }
}

/// A signal, or an array of them, in the list of ports.
pub trait PortField {
    /// Number of ports.
    fn count(&self) -> usize;
    /// Appends the ports.
    fn describe(&self, name: &str, is_input: bool, ports: &mut Vec<Port>);
    /// Drives port `index` of the field; nothing for an output.
    fn drive(&mut self, index: usize, value: u128);
    /// Reads port `index` of the field.
    fn sample(&self, index: usize) -> u128;
}

impl<T: Value> PortField for Signal<In, T> {
    fn count(&self) -> usize {
        1
    }
    fn describe(&self, name: &str, is_input: bool, ports: &mut Vec<Port>) {
        ports.push(Port {
            name: name.into(),
            width: T::BITS,
            is_input,
        });
    }
    fn drive(&mut self, _index: usize, value: u128) {
        self.next = T::from_integer(value);
    }
    fn sample(&self, _index: usize) -> u128 {
        self.val().to_integer()
    }
}

impl<T: Value> PortField for Signal<Out, T> {
    fn count(&self) -> usize {
        1
    }
    fn describe(&self, name: &str, is_input: bool, ports: &mut Vec<Port>) {
        ports.push(Port {
            name: name.into(),
            width: T::BITS,
            is_input,
        });
    }
    fn drive(&mut self, _index: usize, _value: u128) {}
    fn sample(&self, _index: usize) -> u128 {
        self.val().to_integer()
    }
}

impl<F: PortField, const N: usize> PortField for [F; N] {
    fn count(&self) -> usize {
        N
    }
    fn describe(&self, name: &str, is_input: bool, ports: &mut Vec<Port>) {
        for (index, field) in self.iter().enumerate() {
            field.describe(&format!("{name}${index}"), is_input, ports);
        }
    }
    fn drive(&mut self, index: usize, value: u128) {
        self[index].drive(0, value);
    }
    fn sample(&self, index: usize) -> u128 {
        self[index].sample(0)
    }
}

/// Implements [`Design`](crate::design::Design) from lists of port fields.
///
/// ```text
/// ports! { [const LANES: usize] Kernel<LANES> { clock; in: reset, a, b; out: y } }
/// ```
///
/// The generic parameters in brackets and `clock;` may be absent. A field is a `Signal<In, T>` or
/// `Signal<Out, T>` with `T` a `Word` or `bool`, or an array of those.
#[macro_export]
macro_rules! ports {
    ([$($generics:tt)*] $kernel:ty {
        clock; in: $($input:ident),*; out: $($output:ident),*
    }) => {
        $crate::ports! { @all [$($generics)*] $kernel { $($input),*; $($output),* }
            fn set_clock(&mut self, level: bool) {
                self.clock.next = ::rust_hdl_core::prelude::Clock { clk: level };
            }
            fn is_clocked(&self) -> bool {
                true
            }
        }
    };
    ([$($generics:tt)*] $kernel:ty { in: $($input:ident),*; out: $($output:ident),* }) => {
        $crate::ports! { @all [$($generics)*] $kernel { $($input),*; $($output),* }
            fn set_clock(&mut self, _level: bool) {}
            fn is_clocked(&self) -> bool {
                false
            }
        }
    };
    (@all [$($generics:tt)*] $kernel:ty { $($input:ident),*; $($output:ident),* }
        $($clock:item)*
    ) => {
        impl<$($generics)*> $crate::design::Design for $kernel {
            fn ports(&self) -> Vec<$crate::design::Port> {
                let mut ports = Vec::new();
                $($crate::design::PortField::describe(
                    &self.$input, stringify!($input), true, &mut ports);)*
                $($crate::design::PortField::describe(
                    &self.$output, stringify!($output), false, &mut ports);)*
                ports
            }
            #[allow(unused_assignments)]
            fn drive(&mut self, port: usize, value: u128) {
                let mut index = port;
                $(
                    let count = $crate::design::PortField::count(&self.$input);
                    if index < count {
                        return $crate::design::PortField::drive(&mut self.$input, index, value);
                    }
                    index -= count;
                )*
            }
            #[allow(unused_assignments)]
            fn sample(&self, port: usize) -> u128 {
                let mut index = port;
                $(
                    let count = $crate::design::PortField::count(&self.$input);
                    if index < count {
                        return $crate::design::PortField::sample(&self.$input, index);
                    }
                    index -= count;
                )*
                $(
                    let count = $crate::design::PortField::count(&self.$output);
                    if index < count {
                        return $crate::design::PortField::sample(&self.$output, index);
                    }
                    index -= count;
                )*
                0
            }
            $($clock)*
        }
    };
    ($kernel:ident { $($lists:tt)* }) => {
        $crate::ports! { [] $kernel { $($lists)* } }
    };
}

/// A device under test: the rust-hdl simulation of a kernel, or its Verilated model.
pub trait Dut {
    /// All ports but the clock, inputs first.
    fn ports(&self) -> &[Port];
    /// Drives an input; takes effect at the next [`Dut::settle`] or [`Dut::clock_edge`].
    fn set(&mut self, port: usize, value: u128);
    /// Reads a port as of the last [`Dut::settle`] or [`Dut::clock_edge`].
    fn get(&self, port: usize) -> u128;
    /// Propagates the inputs to the outputs.
    fn settle(&mut self);
    /// Propagates the inputs, raises the clock, lowers it again.
    fn clock_edge(&mut self);

    /// Position of a port.
    ///
    /// # Panics
    /// If there is none of that name: a mistake in the test bench.
    fn port(&self, name: &str) -> usize {
        let found = self.ports().iter().position(|port| port.name == name);
        found.unwrap_or_else(|| panic!("no port {name}; there are {:?}", self.ports()))
    }
}

/// The rust-hdl simulation of a design, driven directly: no threads and no event queue.
pub struct HdlSimulation {
    design: Box<dyn Design>,
    ports: Vec<Port>,
}

/// Rounds of propagation before a design counts as oscillating; each level of hierarchy takes one.
const MAX_ROUNDS: usize = 1000;

impl HdlSimulation {
    /// A simulation of a design that has been connected.
    pub fn new(design: Box<dyn Design>) -> Self {
        let ports = design.ports();
        let mut simulation = Self { design, ports };
        simulation.settle();
        simulation
    }
}

impl Dut for HdlSimulation {
    fn ports(&self) -> &[Port] {
        &self.ports
    }

    fn set(&mut self, port: usize, value: u128) {
        self.design.drive(port, value);
    }

    fn get(&self, port: usize) -> u128 {
        self.design.sample(port)
    }

    fn settle(&mut self) {
        for _ in 0..MAX_ROUNDS {
            self.design.update_all();
            if !self.design.has_changed() {
                return;
            }
        }
        panic!("the design does not settle");
    }

    fn clock_edge(&mut self) {
        self.settle();
        for level in [true, false] {
            self.design.set_clock(level);
            self.settle();
        }
    }
}

impl<D: Dut + ?Sized> Dut for &mut D {
    fn ports(&self) -> &[Port] {
        (**self).ports()
    }
    fn set(&mut self, port: usize, value: u128) {
        (**self).set(port, value);
    }
    fn get(&self, port: usize) -> u128 {
        (**self).get(port)
    }
    fn settle(&mut self) {
        (**self).settle();
    }
    fn clock_edge(&mut self) {
        (**self).clock_edge();
    }
}
