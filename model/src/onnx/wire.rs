//! A structural check of the protobuf encoding, in front of the decoder.
//!
//! The decoder recurses into nested messages without a limit, adds lengths without a check, and
//! silently passes over fields that it does not know. So this walks the bytes first: lengths stay
//! inside of their message, nesting and the number of messages are bounded (which bounds what the
//! decoder allocates), and fields that would change the meaning of the model are refused.
//!
//! Source: the protobuf encoding and `onnx.proto`.

/// Nesting of a plain model is below ten; each level costs the decoder a stack frame.
const MAX_DEPTH: usize = 16;

/// Every message costs the decoder a few hundred bytes, whatever its length.
const MAX_MESSAGES: usize = 1 << 18;

#[derive(Clone, Copy, Debug)]
enum Message {
    Model,
    Graph,
    Node,
    Attribute,
    Tensor,
    ValueInfo,
    Type,
    TensorType,
    SequenceType,
    Shape,
    Dimension,
    Entry,
    OperatorSet,
}

enum Field {
    /// A string, bytes or number: its encoding is the decoder's business.
    Scalar,
    /// A list of numbers that may be packed into one block of varints.
    PackedVarints,
    /// A list of numbers that may be packed into one block of this many bytes each.
    PackedFixed(usize),
    /// A nested message of which there may be many.
    Nested(Message),
    /// A nested message of which there may be one. Protobuf merges repetitions, the decoder keeps
    /// the last: a file on which they disagree is refused.
    Single(Message),
    /// Something that must not be passed over in silence.
    Refused(&'static str),
}

impl Message {
    fn field(self, number: u64) -> Field {
        use Field::{Nested, PackedFixed, PackedVarints, Refused, Scalar, Single};
        match (self, number) {
            (Self::Model, 7) => Single(Self::Graph),
            (Self::Model, 8) => Nested(Self::OperatorSet),
            (Self::Model, 14) => Nested(Self::Entry),
            (Self::Model, 25) => Refused("model-local functions; inline them first"),
            (Self::Graph, 1) => Nested(Self::Node),
            (Self::Graph, 5) => Nested(Self::Tensor),
            (Self::Graph, 11..=13) => Nested(Self::ValueInfo),
            (Self::Graph, 15) => Refused("sparse initializers; store them as dense ones"),
            (Self::Node, 5) => Nested(Self::Attribute),
            (Self::Node, 8) => Refused("overloaded functions; inline them first"),
            (Self::Attribute, 5) => Single(Self::Tensor),
            (Self::Attribute, 6) => Single(Self::Graph),
            (Self::Attribute, 21) => Refused("attributes that refer to a function's; inline it"),
            (Self::Tensor, 3) => Refused("segmented tensors; store each in one piece"),
            (Self::Tensor, 4) => PackedFixed(4),
            (Self::Tensor, 10) => PackedFixed(8),
            (Self::Tensor, 5 | 7) => PackedVarints,
            (Self::Tensor, 13) => Nested(Self::Entry),
            (Self::ValueInfo, 2) => Single(Self::Type),
            (Self::Type, 1) => Single(Self::TensorType),
            (Self::Type, 4) => Single(Self::SequenceType),
            (Self::TensorType, 2) => Single(Self::Shape),
            (Self::SequenceType, 1) => Single(Self::Type),
            (Self::Shape, 1) => Nested(Self::Dimension),
            _ => Scalar,
        }
    }
}

/// Checks that `bytes` are a well-formed encoding of bounded size.
pub(super) fn check(bytes: &[u8]) -> Result<(), String> {
    if bytes.is_empty() {
        return Err("the file is empty".to_string());
    }
    let mut messages = 0;
    walk(bytes, 0, Message::Model, 0, &mut messages)
}

fn walk(
    body: &[u8],
    start: usize,
    message: Message,
    depth: usize,
    messages: &mut usize,
) -> Result<(), String> {
    *messages += 1;
    if *messages > MAX_MESSAGES {
        return Err(format!(
            "more than {MAX_MESSAGES} nodes, tensors and other parts"
        ));
    }
    if depth > MAX_DEPTH {
        return Err(format!("nested more than {MAX_DEPTH} deep at byte {start}"));
    }
    let mut rest = body;
    let mut seen = 0u64;
    while !rest.is_empty() {
        let at = start + (body.len() - rest.len());
        let fail = |what: &str| format!("{what} in a {message:?} message at byte {at}");
        let tag = varint(&mut rest).ok_or_else(|| fail("a broken field tag"))?;
        let number = tag >> 3;
        // Protobuf's own decoder drops the bits above and reads another field, this one's none.
        if tag > u64::from(u32::MAX) || number == 0 {
            return Err(fail("an impossible field number"));
        }
        let field = message.field(number);
        if let Field::Refused(what) = field {
            return Err(fail(&format!("unsupported: {what};")));
        }
        match tag & 7 {
            0 => {
                varint(&mut rest).ok_or_else(|| fail("a broken number"))?;
            }
            1 => {
                take(&mut rest, 8).ok_or_else(|| fail("a cut number"))?;
            }
            5 => {
                take(&mut rest, 4).ok_or_else(|| fail("a cut number"))?;
            }
            2 => {
                let len = varint(&mut rest).ok_or_else(|| fail("a broken length"))?;
                let inside = start + (body.len() - rest.len());
                let len = usize::try_from(len).map_err(|_| fail("an impossible length"))?;
                let mut block = take(&mut rest, len)
                    .ok_or_else(|| fail(&format!("field {number} runs past the end")))?;
                if let Field::Single(_) = field {
                    if seen & 1 << number != 0 {
                        return Err(fail(&format!("field {number} twice")));
                    }
                    seen |= 1 << number;
                }
                match field {
                    Field::Nested(nested) | Field::Single(nested) => {
                        walk(block, inside, nested, depth + 1, messages)?
                    }
                    Field::PackedFixed(size) if len % size != 0 => {
                        return Err(fail("a list of numbers of uneven length"));
                    }
                    Field::PackedVarints => {
                        while !block.is_empty() {
                            varint(&mut block).ok_or_else(|| fail("a broken list of numbers"))?;
                        }
                    }
                    _ => {}
                }
            }
            _ => return Err(fail("an unknown wire type")),
        }
    }
    Ok(())
}

fn take<'a>(rest: &mut &'a [u8], len: usize) -> Option<&'a [u8]> {
    let (head, tail) = rest.split_at_checked(len)?;
    *rest = tail;
    Some(head)
}

/// A varint of at most 64 bits.
fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for (index, &byte) in rest.iter().take(10).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte < 0x80 {
            *rest = &rest[index + 1..];
            return (index < 9 || byte < 2).then_some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nested(levels: usize) -> Vec<u8> {
        // graph { node { attribute { graph { ... } } } }
        let mut bytes = Vec::new();
        for level in (0..levels).rev() {
            let number: u8 = if level == 0 { 7 } else { [6, 1, 5][level % 3] };
            let mut outer = vec![number << 3 | 2];
            let mut len = bytes.len();
            while len >= 0x80 {
                outer.push(len as u8 | 0x80);
                len >>= 7;
            }
            outer.push(len as u8);
            outer.append(&mut bytes);
            bytes = outer;
        }
        bytes
    }

    #[test]
    fn nesting_is_bounded() {
        assert_eq!(check(&nested(10)), Ok(()));
        let error = check(&nested(100_000)).unwrap_err();
        assert!(error.contains("nested more than"), "{error}");
    }

    #[test]
    fn lengths_stay_inside() {
        for bytes in [
            &[0x3a, 0x05, 0x0a][..],
            &[
                0x3a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01,
            ],
            &[0x3a, 0x02, 0x0a, 0x01, 0x00],
            &[0x08],
            &[0x0d, 0, 0],
            &[0x0b],
            &[0x80; 11],
            &[],
        ] {
            assert!(check(bytes).is_err(), "{bytes:x?}");
        }
    }

    #[test]
    fn a_second_graph_is_refused() {
        assert_eq!(check(&[0x3a, 0x00]), Ok(()));
        assert!(
            check(&[0x3a, 0x00, 0x3a, 0x00])
                .unwrap_err()
                .contains("twice")
        );
    }

    /// Nor one that other decoders see only.
    #[test]
    fn field_numbers_beyond_the_format_are_refused() {
        for bytes in [
            // As `i` of an attribute to those who keep 32 bits, as a second graph, as nothing at all.
            &[0x98, 0x80, 0x80, 0x80, 0x10, 0x02][..],
            &[0x3a, 0x00, 0xba, 0x80, 0x80, 0x80, 0x10, 0x00],
            &[0x00, 0x00],
        ] {
            let error = check(bytes).unwrap_err();
            assert!(error.contains("field number"), "{error}");
        }
        // Longer than it need be, but the same number to all.
        assert_eq!(check(&[0xba, 0x80, 0x80, 0x80, 0x00, 0x00]), Ok(()));
    }

    #[test]
    fn the_number_of_messages_is_bounded() {
        let bytes = [0x42, 0x00].repeat(MAX_MESSAGES);
        assert!(check(&bytes).unwrap_err().contains("more than"));
    }
}
