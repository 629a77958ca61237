//! Trigrams: three neighboring letters of a search key, packed into 18 bits.
//!
//! A letter counts as one of 64 classes, so two texts may have a trigram in common that their letters do not have. A search
//! therefore reads a few names too many, and never misses one.

/// Number of trigrams: those of names, then those of folders.
pub(super) const TRIGRAM_COUNT: usize = 1 << 19;

/// Bits of one letter.
const CLASS_BITS: u32 = 6;

/// Bits of three letters.
const MASK: u32 = (1 << (3 * CLASS_BITS)) - 1;

/// Three neighboring letters in a name or in the path of a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Trigram(pub(super) u32);

impl Trigram {
    /// The position among all trigrams.
    pub(super) const fn place(self) -> usize {
        self.0 as usize
    }
}

/// The texts that trigrams are taken from. A name and a folder have no trigram in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Space {
    /// The name of a file.
    Name,
    /// The path `CLIENT/PROJECT/.../` of a folder.
    Folder,
}

impl Space {
    const fn bits(self) -> u32 {
        match self {
            Self::Name => 0,
            Self::Folder => 1 << (3 * CLASS_BITS),
        }
    }
}

/// The class of each byte: letters, digits and the usual separators have their own, other punctuation shares seven classes,
/// and bytes of letters outside ASCII share sixteen.
const CLASSES: [u8; 256] = classes();

const fn classes() -> [u8; 256] {
    const SEPARATORS: &[u8] = b"._- /";
    let mut classes = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        #[expect(clippy::cast_possible_truncation, reason = "the loop ends at 256")]
        let letter = (byte as u8).to_ascii_lowercase();
        classes[byte] = match letter {
            b'a'..=b'z' => letter - b'a',
            b'0'..=b'9' => 26 + letter - b'0',
            0x80.. => 48 + letter % 16,
            _ => 41 + letter % 7,
        };
        let mut separator = 0;
        while separator < SEPARATORS.len() {
            if SEPARATORS[separator] == letter {
                #[expect(clippy::cast_possible_truncation, reason = "there are five separators")]
                let place = separator as u8;
                classes[byte] = 36 + place;
            }
            separator += 1;
        }
        byte += 1;
    }
    classes
}

/// Passes the trigrams of a search key that begin at `start` or later to `visit`, also those that occur several times.
pub(super) fn visit_trigrams(
    key: &[u8],
    start: usize,
    space: Space,
    mut visit: impl FnMut(Trigram),
) {
    let key = key.get(start..).unwrap_or_default();
    let class = |byte: u8| u32::from(CLASSES[usize::from(byte)]);
    let [first, second, rest @ ..] = key else {
        return;
    };
    let mut code = class(*first) << CLASS_BITS | class(*second);
    for byte in rest {
        code = (code << CLASS_BITS | class(*byte)) & MASK;
        visit(Trigram(code | space.bits()));
    }
}

/// A set of trigrams that is filled and emptied many times.
#[derive(Debug)]
pub(super) struct TrigramSet {
    bits: Vec<u64>,
    found: Vec<Trigram>,
}

impl Default for TrigramSet {
    fn default() -> Self {
        Self {
            bits: vec![0; TRIGRAM_COUNT / 64],
            found: Vec::new(),
        }
    }
}

impl TrigramSet {
    /// Adds a trigram.
    pub(super) fn add(&mut self, trigram: Trigram) {
        let (word, bit) = (trigram.place() / 64, 1 << (trigram.0 % 64));
        if self.bits[word] & bit == 0 {
            self.bits[word] |= bit;
            self.found.push(trigram);
        }
    }

    /// Empties the set and passes its trigrams to `visit`, in no order.
    pub(super) fn drain(&mut self, mut visit: impl FnMut(Trigram)) {
        for trigram in self.found.drain(..) {
            self.bits[trigram.place() / 64] = 0;
            visit(trigram);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trigrams(key: &str, start: usize, space: Space) -> Vec<u32> {
        let mut found = Vec::new();
        visit_trigrams(key.as_bytes(), start, space, |trigram| {
            found.push(trigram.0);
        });
        found
    }

    #[test]
    fn every_neighboring_triple_is_one_trigram() {
        assert_eq!(trigrams("ab", 0, Space::Name), [0; 0]);
        assert_eq!(trigrams("abcd", 0, Space::Name).len(), 2);
        assert_eq!(
            trigrams("abcd", 1, Space::Name),
            trigrams("bcd", 0, Space::Name)
        );
        assert_eq!(trigrams("abcd", 9, Space::Name), [0; 0]);
        assert_eq!(
            trigrams("ABC", 0, Space::Name),
            trigrams("abc", 0, Space::Name)
        );
    }

    #[test]
    fn classes_fill_six_bits() {
        assert!(CLASSES.iter().all(|class| *class < 64));
        for (a, b) in [
            (b'a', b'z'),
            (b'0', b'a'),
            (b'.', b'_'),
            (b'/', b'-'),
            (b' ', b'!'),
        ] {
            assert_ne!(CLASSES[usize::from(a)], CLASSES[usize::from(b)]);
        }
    }

    #[test]
    fn names_and_folders_share_no_trigram() {
        let names = trigrams("\u{e9}t\u{e9}/zzz999", 0, Space::Name);
        let folders = trigrams("\u{e9}t\u{e9}/zzz999", 0, Space::Folder);
        assert!(names.iter().all(|trigram| !folders.contains(trigram)));
        assert!(
            folders
                .iter()
                .all(|trigram| (*trigram as usize) < TRIGRAM_COUNT)
        );
    }

    #[test]
    fn drained_set_is_empty() {
        let mut set = TrigramSet::default();
        for _ in 0..2 {
            for code in [7, 7, 64, 7] {
                set.add(Trigram(code));
            }
            let mut drained = Vec::new();
            set.drain(|trigram| drained.push(trigram.0));
            assert_eq!(drained, [7, 64]);
        }
    }
}
