//! Numbers of variable length: seven bits a byte, the lowest first, and the high bit set in all but the last byte. Zigzag
//! moves the sign to the lowest bit. Both are encodings of Protocol Buffers.

pub fn write_varint(packed: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        packed.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    packed.push(number.to_le_bytes()[0]);
}

/// Appends a length and the bytes.
pub fn write_bytes(packed: &mut Vec<u8>, bytes: &[u8]) {
    write_varint(packed, bytes.len() as u64);
    packed.extend_from_slice(bytes);
}

/// Removes a number from the front; `None` if none is there.
#[inline]
pub fn read_varint(rest: &mut &[u8]) -> Option<u64> {
    // Most numbers take one byte.
    if let [byte @ ..0x80, others @ ..] = *rest {
        *rest = others;
        return Some(u64::from(*byte));
    }
    read_long_varint(rest)
}

fn read_long_varint(rest: &mut &[u8]) -> Option<u64> {
    let bytes = *rest;
    let mut number = 0;
    for (shift, (place, byte)) in (0..u64::BITS).step_by(7).zip(bytes.iter().enumerate()) {
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            *rest = &bytes[place + 1..];
            return Some(number);
        }
    }
    None
}

/// Removes a length and that number of bytes from the front; `None` if they are incomplete.
pub fn read_bytes<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(read_varint(rest)?).ok()?;
    rest.split_off(..length)
}

/// Moves the sign to the lowest bit: 0, -1, 1, -2 become 0, 1, 2, 3.
pub const fn zigzag(number: i64) -> u64 {
    (number.cast_unsigned() << 1) ^ (number >> 63).cast_unsigned()
}

/// Reverses [`zigzag`].
pub const fn unzigzag(number: u64) -> i64 {
    (number >> 1).cast_signed() ^ -(number & 1).cast_signed()
}
