//! Blocks with a part that depends on a parameter, which rust-hdl's derive cannot make: [`block_with_part!`] and [`wired`] are what
//! the hand-written ones share.

use rust_hdl_core::ast::{VerilogExpression, VerilogStatement};
use rust_hdl_core::prelude::Verilog;

/// Implements `Block` for a type by its ports, in the order of the Verilog's, and by the part that its methods `part` and
/// `part_mut` hand out, if it has one; the part is called `unit`.
macro_rules! block_with_part {
    ([$($generics:tt)*] $block:ty { $($port:ident),* $(,)? }) => {
        impl<$($generics)*> ::rust_hdl_core::prelude::Block for $block {
            fn connect_all(&mut self) {
                ::rust_hdl_core::prelude::Logic::connect(self);
                if let Some(part) = self.part_mut() {
                    part.connect_all();
                }
            }

            fn update_all(&mut self) {
                ::rust_hdl_core::prelude::Logic::update(self);
                $(::rust_hdl_core::prelude::Block::update_all(&mut self.$port);)*
                if let Some(part) = self.part_mut() {
                    part.update_all();
                }
            }

            fn has_changed(&self) -> bool {
                $(::rust_hdl_core::prelude::Block::has_changed(&self.$port) ||)*
                    self.part().is_some_and(|part| part.has_changed())
            }

            fn accept(&self, name: &str, probe: &mut dyn ::rust_hdl_core::prelude::Probe) {
                probe.visit_start_scope(name, self);
                $(::rust_hdl_core::prelude::Block::accept(&self.$port, stringify!($port), probe);)*
                if let Some(part) = self.part() {
                    part.accept("unit", probe);
                }
                probe.visit_end_scope(name, self);
            }
        }
    };
}

pub(crate) use block_with_part;

/// The assignment of a signal to another.
pub(crate) fn assign(to: String, from: VerilogExpression) -> VerilogStatement {
    VerilogStatement::Assignment(VerilogExpression::Signal(to), from)
}

/// The Verilog of a block whose inputs go to its part, called `unit`, and whose outputs come from there.
pub(crate) fn wired<I: AsRef<str>, O: AsRef<str>>(
    inputs: impl IntoIterator<Item = I>,
    outputs: impl IntoIterator<Item = O>,
) -> Verilog {
    let signal = VerilogExpression::Signal;
    let inward = inputs.into_iter().map(|port| {
        let port = port.as_ref();
        assign(format!("unit${port}"), signal(port.to_owned()))
    });
    let outward = outputs.into_iter().map(|port| {
        let port = port.as_ref();
        assign(port.to_owned(), signal(format!("unit${port}")))
    });
    Verilog::Combinatorial(inward.chain(outward).collect())
}

#[cfg(test)]
mod tests {
    use rust_hdl_core::prelude::*;

    #[derive(LogicBlock, Default)]
    struct Not {
        pub x: Signal<In, Bit>,
        pub y: Signal<Out, Bit>,
    }

    impl Logic for Not {
        #[hdl_gen]
        fn update(&mut self) {
            self.y.next = !self.x.val();
        }
    }

    #[derive(Default)]
    struct Wrapped {
        x: Signal<In, Bit>,
        y: Signal<Out, Bit>,
        unit: Box<Not>,
    }

    impl Logic for Wrapped {
        fn update(&mut self) {
            self.unit.x.next = self.x.val();
            self.y.next = self.unit.y.val();
        }
    }

    impl Wrapped {
        fn part(&self) -> Option<&dyn Block> {
            Some(&*self.unit)
        }

        fn part_mut(&mut self) -> Option<&mut dyn Block> {
            Some(&mut *self.unit)
        }
    }

    block_with_part! { [] Wrapped { x, y } }

    /// What comes out of one goes into the next, in the order that takes most passes.
    #[derive(LogicBlock, Default)]
    struct Chain {
        pub x: Signal<In, Bit>,
        pub y: Signal<Out, Bit>,
        second: Wrapped,
        first: Wrapped,
    }

    impl Logic for Chain {
        #[hdl_gen]
        fn update(&mut self) {
            self.y.next = self.second.y.val();
            self.second.x.next = self.first.y.val();
            self.first.x.next = self.x.val();
        }
    }

    /// A port that changes alone keeps the simulation going.
    #[test]
    fn a_chain_settles() {
        let mut chain = Chain::default();
        for x in [true, false, true] {
            chain.x.next = x;
            assert!(simulate(&mut chain, 100), "x = {x} does not settle");
            assert_eq!(chain.y.val(), x);
        }
    }
}
