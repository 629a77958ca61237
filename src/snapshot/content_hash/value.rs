//! One hash of one content, and its text.

use std::fmt;

use super::c4;
use crate::base::hash_format::HashFormat;

/// A hash of some content in one format. Its text is that of the reference tool of ASC MHL: hexadecimal digits, or a C4 ID.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HashValue {
    C4([u8; 64]),
    Md5([u8; 16]),
    Sha1([u8; 20]),
    Xxh128([u8; 16]),
    Xxh3([u8; 8]),
    Xxh64([u8; 8]),
}

impl HashValue {
    pub const fn format(&self) -> HashFormat {
        match self {
            Self::C4(_) => HashFormat::C4,
            Self::Md5(_) => HashFormat::Md5,
            Self::Sha1(_) => HashFormat::Sha1,
            Self::Xxh128(_) => HashFormat::Xxh128,
            Self::Xxh3(_) => HashFormat::Xxh3,
            Self::Xxh64(_) => HashFormat::Xxh64,
        }
    }

    /// The bytes of the hash; numbers are big-endian.
    pub const fn as_bytes(&self) -> &[u8] {
        match self {
            Self::C4(bytes) => bytes,
            Self::Md5(bytes) | Self::Xxh128(bytes) => bytes,
            Self::Sha1(bytes) => bytes,
            Self::Xxh3(bytes) | Self::Xxh64(bytes) => bytes,
        }
    }

    /// Reads the text of a hash; `None` if it is none in this format.
    pub fn parse(format: HashFormat, text: &str) -> Option<Self> {
        Some(match format {
            HashFormat::C4 => Self::C4(c4::decode(text)?),
            HashFormat::Md5 => Self::Md5(parse_hex(text)?),
            HashFormat::Sha1 => Self::Sha1(parse_hex(text)?),
            HashFormat::Xxh128 => Self::Xxh128(parse_hex(text)?),
            HashFormat::Xxh3 => Self::Xxh3(parse_hex(text)?),
            HashFormat::Xxh64 => Self::Xxh64(parse_hex(text)?),
        })
    }
}

impl fmt::Display for HashValue {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::C4(bytes) => formatter.write_str(&c4::encode(bytes)),
            _ => write_hex(formatter, self.as_bytes()),
        }
    }
}

fn write_hex(formatter: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    for byte in bytes {
        write!(formatter, "{byte:02x}")?;
    }
    Ok(())
}

/// Reads hexadecimal digits, of which other programs write the upper case too.
fn parse_hex<const LENGTH: usize>(text: &str) -> Option<[u8; LENGTH]> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if pairs.len() != LENGTH || !rest.is_empty() {
        return None;
    }
    let digit = |byte: u8| u8::try_from(char::from(byte).to_digit(16)?).ok();
    let mut bytes = [0; LENGTH];
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(bytes)
}
