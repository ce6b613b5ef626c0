//! Requests and answers as bytes on a line. docs/hardware/link.md.
//!
//! Sources: RFC 1055 (SLIP) for the ends of frames, IEEE 802.3 for the checksum.

/// Ends a frame.
const END: u8 = 0xc0;

/// What follows stands for END or ESC.
const ESC: u8 = 0xdb;

/// END behind ESC.
const ESC_END: u8 = 0xdc;

/// ESC behind ESC.
const ESC_ESC: u8 = 0xdd;

/// Words of an answer at most.
pub(super) const MAX_ANSWER_WORDS: usize = 255;

/// Bytes of an answer with the most words: header, words, mark, checksum.
const MAX_ANSWER_BYTES: usize = 8 + 8 * MAX_ANSWER_WORDS + 1 + 4;

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The protocol; is always carried out.
    Hello = 0,
    /// The register at the offset `argument`.
    Read = 1,
    /// To write `value` there.
    Write = 2,
    /// To take the words, and for up to `argument` words of results.
    Exchange = 3,
}

/// A request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request<'a> {
    /// Another than that of the request before.
    pub number: u8,
    /// What for.
    pub kind: Kind,
    /// See [`Kind`].
    pub argument: u8,
    /// The last word is the last of its job.
    pub is_last: bool,
    /// With [`Kind::Hello`]: all words on their way are to be dropped.
    pub drops: bool,
    /// See [`Kind`].
    pub value: u32,
    /// Words of a job.
    pub words: &'a [u64],
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// That of the request.
    pub number: u8,
    /// That of the request, as a number.
    pub kind: u8,
    /// 0 if it was carried out; 1: no room for the words, 2: no such register, 3: no such kind.
    pub status: u8,
    /// Of a register; the places for words after an exchange; the protocol.
    pub value: u32,
    /// Of results.
    pub words: Vec<u64>,
    /// The last of them is the last of its job.
    pub is_last: bool,
}

impl Request<'_> {
    /// The bytes on the line.
    pub fn encode(&self) -> Vec<u8> {
        let flags = u8::from(self.is_last) | u8::from(self.drops) << 1;
        let mut content = vec![self.number, self.kind as u8, self.argument, flags];
        content.extend(self.value.to_le_bytes());
        content.extend(self.words.iter().flat_map(|word| word.to_le_bytes()));
        framed(content)
    }
}

/// A frame around bytes: with their checksum, an END before them and one behind.
fn framed(mut content: Vec<u8>) -> Vec<u8> {
    content.extend(crc32fast::hash(&content).to_le_bytes());
    let mut frame = Vec::with_capacity(content.len() + 2);
    frame.push(END);
    for byte in content {
        match byte {
            END => frame.extend([ESC, ESC_END]),
            ESC => frame.extend([ESC, ESC_ESC]),
            _ => frame.push(byte),
        }
    }
    frame.push(END);
    frame
}

impl Answer {
    /// The bytes on the line, for peers in software.
    pub fn encode(&self) -> Vec<u8> {
        let mut content = vec![self.number, self.kind | 0x80, self.status, 0];
        content.extend(self.value.to_le_bytes());
        content.extend(self.words.iter().flat_map(|word| word.to_le_bytes()));
        content.push(u8::from(self.is_last));
        framed(content)
    }

    /// An answer from the content of a frame; `None` for anything else.
    fn decode(content: &[u8]) -> Option<Self> {
        let (content, checksum) = content.split_last_chunk()?;
        let (&[number, kind, status, 0, ref value @ ..], rest) =
            content.split_first_chunk::<8>()?
        else {
            return None;
        };
        let (&mark, words) = rest.split_last()?;
        let (words, []) = words.as_chunks::<8>() else {
            return None;
        };
        let is_answer = kind >= 0x80 && mark <= 1 && words.len() <= MAX_ANSWER_WORDS;
        (is_answer && crc32fast::hash(content) == u32::from_le_bytes(*checksum)).then(|| Self {
            number,
            kind: kind & 0x7f,
            status,
            value: u32::from_le_bytes(*value),
            words: words.iter().map(|word| u64::from_le_bytes(*word)).collect(),
            is_last: mark == 1,
        })
    }
}

/// Finds answers in the bytes of a line. Holds one frame at most, however long the line goes on without an END.
#[derive(Clone, Debug, Default)]
pub struct Decoder {
    content: Vec<u8>,
    is_escaped: bool,
    is_spoiled: bool,
}

impl Decoder {
    /// The answer that this byte completes.
    pub fn push(&mut self, byte: u8) -> Option<Answer> {
        if byte == END {
            let answer = (!self.is_spoiled && !self.is_escaped)
                .then(|| Answer::decode(&self.content))
                .flatten();
            *self = Self::default();
            return answer;
        }
        let is_escaped = std::mem::take(&mut self.is_escaped);
        let byte = match (is_escaped, byte) {
            (false, ESC) => {
                self.is_escaped = true;
                return None;
            }
            (false, byte) => byte,
            (true, ESC_END) => END,
            (true, ESC_ESC) => ESC,
            (true, _) => {
                self.is_spoiled = true;
                return None;
            }
        };
        if self.content.len() == MAX_ANSWER_BYTES {
            self.is_spoiled = true;
        }
        if !self.is_spoiled {
            self.content.push(byte);
        }
        None
    }
}
