//! The text of a C4 ID: a SHA-512 as a number with the digits of base 58, after `c4`.

/// The digits, without those that are easily confused.
const DIGITS: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

/// Length of an ID in bytes.
const LENGTH: usize = 90;

/// Number of digits that are converted at once; their value fits into 32 bits.
const GROUP: usize = 5;

/// 58 to the power of [`GROUP`].
const GROUP_BASE: u64 = 58 * 58 * 58 * 58 * 58;

/// A number of 512 bits; the most significant word comes first.
type Words = [u32; 16];

/// Returns the ID of a SHA-512.
pub(super) fn encode(hash: &[u8; 64]) -> String {
    let mut words: Words = [0; 16];
    for (word, bytes) in words.iter_mut().zip(hash.as_chunks().0) {
        *word = u32::from_be_bytes(*bytes);
    }
    let mut digits = Vec::with_capacity(LENGTH);
    while digits.len() < LENGTH - 2 {
        let mut rest = divide(&mut words);
        for _ in 0..GROUP {
            digits.push(DIGITS[usize::try_from(rest % 58).unwrap_or_default()]);
            rest /= 58;
        }
    }
    digits.truncate(LENGTH - 2);
    let digits = digits.iter().rev().map(|digit| char::from(*digit));
    ['c', '4'].into_iter().chain(digits).collect()
}

/// Returns the SHA-512 of an ID; `None` for other text.
pub(super) fn decode(text: &str) -> Option<[u8; 64]> {
    let digits = text.strip_prefix("c4")?.as_bytes();
    if digits.len() != LENGTH - 2 {
        return None;
    }
    let mut words: Words = [0; 16];
    // The first group has the digits that are left over, so that all others are complete.
    let (first, rest) = digits.split_at(digits.len() % GROUP);
    for group in [first].into_iter().chain(rest.chunks_exact(GROUP)) {
        let mut value = 0;
        for digit in group {
            let digit = DIGITS.iter().position(|known| known == digit)?;
            value = value * 58 + digit as u64;
        }
        multiply_and_add(&mut words, value)?;
    }
    let mut hash = [0; 64];
    for (bytes, word) in hash.as_chunks_mut().0.iter_mut().zip(words) {
        *bytes = word.to_be_bytes();
    }
    Some(hash)
}

/// Divides by [`GROUP_BASE`] and returns the remainder.
fn divide(words: &mut Words) -> u64 {
    let mut rest = 0;
    for word in words {
        let value = rest << 32 | u64::from(*word);
        // The quotient fits into 32 bits, because the remainder is less than the divisor.
        *word = u32::try_from(value / GROUP_BASE).unwrap_or(u32::MAX);
        rest = value % GROUP_BASE;
    }
    rest
}

/// Multiplies by [`GROUP_BASE`] and adds; `None` if the result has more than 512 bits.
fn multiply_and_add(words: &mut Words, value: u64) -> Option<()> {
    let mut carry = value;
    for word in words.iter_mut().rev() {
        let product = u64::from(*word) * GROUP_BASE + carry;
        *word = u32::try_from(product & u64::from(u32::MAX)).unwrap_or(u32::MAX);
        carry = product >> 32;
    }
    (carry == 0).then_some(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_hash_is_read_back(hash in prop::collection::vec(any::<u8>(), 64)) {
            let hash: [u8; 64] = hash.try_into().unwrap();
            let text = encode(&hash);
            prop_assert_eq!(text.len(), LENGTH);
            prop_assert_eq!(decode(&text), Some(hash));
        }
    }

    #[test]
    fn extreme_hashes_are_read_back() {
        for hash in [[0; 64], [0xff; 64]] {
            assert_eq!(decode(&encode(&hash)), Some(hash));
        }
        assert_eq!(encode(&[0; 64]), format!("c4{}", "1".repeat(88)));
    }

    #[test]
    fn other_text_is_refused() {
        let zeros = "1".repeat(88);
        let too_large = format!("c4{}", "z".repeat(88));
        let wrong_digit = format!("c4{}0", "1".repeat(87));
        for text in ["", "c4", &zeros, &too_large, &wrong_digit] {
            assert_eq!(decode(text), None, "{text}");
        }
    }
}
