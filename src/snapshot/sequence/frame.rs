//! Frames: images, and caches of simulations and renderers, with a number before their extension.

/// The parts of a name that may belong to a sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Bytes before the number.
    pub head: &'a [u8],
    /// Number of digits, without a sign.
    pub digits: usize,
    /// True if the number has a leading zero.
    pub is_padded: bool,
    /// The number; negative if the `-` before it is a sign.
    pub number: i64,
    /// Extension with its dot: the bytes after the digits.
    pub tail: &'a [u8],
}

impl<'a> Frame<'a> {
    /// Parses a name; `None` if it is not a frame, or its number does not fit into 64 bits.
    pub fn of(name: &'a [u8]) -> Option<Self> {
        let (stem, tail) = name.split_at(extension_start(name)?);
        let before = stem.iter().rposition(|byte| !byte.is_ascii_digit());
        let (head, digits) = stem.split_at(before.map_or(0, |position| position + 1));
        let magnitude = parse_number(digits)?;
        let unsigned = unsigned_head(head).filter(|_| magnitude > 0);
        Some(Self {
            head: unsigned.unwrap_or(head),
            digits: digits.len(),
            is_padded: digits.len() > 1 && digits.starts_with(b"0"),
            number: if unsigned.is_some() {
                -magnitude
            } else {
                magnitude
            },
            tail,
        })
    }
}

/// Returns the bytes before a minus sign at the end, if any: a `-` at the start of the name or after a separator. In
/// `shot-0001.exr` the `-` is a separator itself.
fn unsigned_head(head: &[u8]) -> Option<&[u8]> {
    let before = head.strip_suffix(b"-")?;
    matches!(before.last(), None | Some(b'.' | b'_')).then_some(before)
}

fn parse_number(digits: &[u8]) -> Option<i64> {
    let add = |sum: i64, digit: &u8| sum.checked_mul(10)?.checked_add(i64::from(digit - b'0'));
    (!digits.is_empty()).then(|| digits.iter().try_fold(0, add))?
}

/// Position of the dot of a frame's extension.
fn extension_start(name: &[u8]) -> Option<usize> {
    let dot = name.iter().rposition(|byte| *byte == b'.')?;
    let mut lower = [0; 4];
    let lower = lower.get_mut(..name.len() - dot - 1)?;
    lower.copy_from_slice(&name[dot + 1..]);
    lower.make_ascii_lowercase();
    match &*lower {
        b"gz" | b"sc" => packed_extension_start(&name[..dot]),
        lower => (is_image(lower) || is_raw(lower) || is_cache(lower)).then_some(dot),
    }
}

/// Position of the dot of a compressed cache's extension, as in `.bgeo.sc`. The name comes without the outer extension.
fn packed_extension_start(name: &[u8]) -> Option<usize> {
    let dot = name.iter().rposition(|byte| *byte == b'.')?;
    is_cache(&name[dot + 1..].to_ascii_lowercase()).then_some(dot)
}

/// True for extensions of single images. Movies, sound and animations such as `gif` are not frames.
fn is_image(extension: &[u8]) -> bool {
    matches!(
        extension,
        b"avif"
            | b"bmp"
            | b"cin"
            | b"dpx"
            | b"dtex"
            | b"exr"
            | b"hdr"
            | b"heic"
            | b"heif"
            | b"iff"
            | b"j2c"
            | b"j2k"
            | b"jp2"
            | b"jpeg"
            | b"jpg"
            | b"jxl"
            | b"pbm"
            | b"pfm"
            | b"pgm"
            | b"pic"
            | b"png"
            | b"pnm"
            | b"ppm"
            | b"psb"
            | b"psd"
            | b"rat"
            | b"rgb"
            | b"rgba"
            | b"rla"
            | b"rpf"
            | b"sgi"
            | b"sxr"
            | b"tga"
            | b"tif"
            | b"tiff"
            | b"tx"
            | b"webp"
    )
}

/// True for extensions of single camera images.
fn is_raw(extension: &[u8]) -> bool {
    matches!(
        extension,
        b"3fr"
            | b"ari"
            | b"arw"
            | b"arx"
            | b"cr2"
            | b"cr3"
            | b"crw"
            | b"dcr"
            | b"dng"
            | b"erf"
            | b"fff"
            | b"iiq"
            | b"kdc"
            | b"mef"
            | b"mos"
            | b"mrw"
            | b"nef"
            | b"nrw"
            | b"orf"
            | b"pef"
            | b"raf"
            | b"raw"
            | b"rw2"
            | b"rwl"
            | b"srf"
            | b"srw"
            | b"x3f"
    )
}

/// True for extensions of simulation and renderer caches with one frame a file. Alembic and USD files hold many frames.
fn is_cache(extension: &[u8]) -> bool {
    matches!(
        extension,
        b"ass"
            | b"bgeo"
            | b"geo"
            | b"ifd"
            | b"obj"
            | b"ply"
            | b"prt"
            | b"rib"
            | b"rs"
            | b"sim"
            | b"vdb"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the parts of a frame's name.
    fn parts(name: &str) -> Option<(&str, usize, i64, &str)> {
        let frame = Frame::of(name.as_bytes())?;
        let text = |bytes| std::str::from_utf8(bytes).unwrap();
        Some((
            text(frame.head),
            frame.digits,
            frame.number,
            text(frame.tail),
        ))
    }

    #[test]
    fn numbered_images_and_caches_are_frames() {
        for (name, expected) in [
            ("sh010.1001.exr", ("sh010.", 4, 1001, ".exr")),
            ("IMG_0042.CR2", ("IMG_", 4, 42, ".CR2")),
            ("0001.dpx", ("", 4, 1, ".dpx")),
            ("smoke.12.bgeo.sc", ("smoke.", 2, 12, ".bgeo.sc")),
            ("smoke_12.ass.gz", ("smoke_", 2, 12, ".ass.gz")),
            ("v2.7.jp2", ("v2.", 1, 7, ".jp2")),
            ("a.9223372036854775807.exr", ("a.", 19, i64::MAX, ".exr")),
            (
                "a.000000000000000000000000000001.exr",
                ("a.", 30, 1, ".exr"),
            ),
        ] {
            assert_eq!(parts(name), Some(expected), "{name}");
        }
    }

    #[test]
    fn minus_after_a_separator_is_a_sign() {
        for (name, expected) in [
            ("sh010.-0003.exr", ("sh010.", 4, -3, ".exr")),
            ("sh010_-3.exr", ("sh010_", 1, -3, ".exr")),
            ("-12.exr", ("", 2, -12, ".exr")),
            ("shot-0001.exr", ("shot-", 4, 1, ".exr")),
            ("a.--1.exr", ("a.--", 1, 1, ".exr")),
            ("a.-0.exr", ("a.-", 1, 0, ".exr")),
        ] {
            assert_eq!(parts(name), Some(expected), "{name}");
        }
    }

    #[test]
    fn movies_and_huge_numbers_are_no_frames() {
        for name in [
            "",
            ".",
            ".exr",
            "exr",
            "1001",
            "reel_01.mov",
            "take2.wav",
            "a.mp4",
            "sh010_plate.exr",
            "sh010.1001.left.exr",
            "notes.1.txt",
            "a.1.tar.gz",
            "a.1.exr.gz",
            "a.1.sc",
            "sc.1.gz",
            "a.9223372036854775808.exr",
            "a.1.exr ",
        ] {
            assert_eq!(parts(name), None, "{name}");
        }
    }
}
