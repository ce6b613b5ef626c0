//! The pinned numbers of queries.
//!
//! Rows: trace lengths 2^6 to 2^22. Derived with [`super::minimum_queries`] on
//! [`super::reference_load`]; `tests/security.rs` derives them again. Zero: out of reach.

use winter_air::FieldExtension;

use super::profile::{MAX_TRACE_LENGTH_LOG2, MIN_TRACE_LENGTH_LOG2, Profile, SecurityLevel};

const LENGTHS: usize = (MAX_TRACE_LENGTH_LOG2 - MIN_TRACE_LENGTH_LOG2 + 1) as usize;

type Row = [u8; LENGTHS];

const CUBIC_100: [Row; 3] = [
    [
        83, 82, 81, 81, 81, 81, 81, 81, 81, 81, 81, 81, 81, 81, 81, 81, 82,
    ],
    [
        55, 54, 54, 54, 54, 54, 54, 54, 54, 54, 54, 54, 54, 54, 54, 54, 55,
    ],
    [
        41, 41, 41, 41, 41, 41, 41, 41, 41, 41, 41, 41, 41, 41, 41, 41, 41,
    ],
];
const CUBIC_128: [Row; 3] = [
    [
        111, 110, 110, 110, 111, 111, 111, 112, 113, 114, 115, 117, 119, 123, 126, 131, 140,
    ],
    [
        74, 73, 73, 74, 74, 74, 74, 75, 75, 76, 77, 78, 80, 82, 85, 85, 131,
    ],
    [
        55, 55, 55, 55, 56, 56, 56, 56, 57, 57, 58, 59, 60, 61, 119, 119, 119,
    ],
];
const QUADRATIC_100: [Row; 3] = [
    [
        120, 120, 119, 119, 119, 119, 119, 119, 119, 119, 119, 119, 119, 119, 119, 119, 119,
    ],
    [
        98, 97, 97, 97, 97, 97, 97, 97, 97, 97, 97, 97, 97, 97, 97, 97, 0,
    ],
    [
        89, 89, 89, 88, 88, 88, 88, 88, 88, 88, 88, 88, 88, 88, 88, 0, 0,
    ],
];

/// The pinned number of queries, or `None` if the level is out of reach there.
pub(super) fn pinned_queries(
    level: SecurityLevel,
    profile: Profile,
    extension: FieldExtension,
    trace_length_log2: u32,
) -> Option<u32> {
    let rows = match (extension, level) {
        (FieldExtension::Cubic, SecurityLevel::Bits100) => &CUBIC_100,
        (FieldExtension::Cubic, SecurityLevel::Bits128) => &CUBIC_128,
        (FieldExtension::Quadratic, SecurityLevel::Bits100) => &QUADRATIC_100,
        (FieldExtension::Quadratic, SecurityLevel::Bits128) | (FieldExtension::None, _) => {
            return None;
        }
    };
    let row = match profile {
        Profile::Fast => &rows[0],
        Profile::Balanced => &rows[1],
        Profile::Small => &rows[2],
    };
    let index = trace_length_log2.checked_sub(MIN_TRACE_LENGTH_LOG2)? as usize;
    row.get(index)
        .map(|&queries| u32::from(queries))
        .filter(|&queries| queries > 0)
}
