//! The home folder in which the tour's shell runs, and constant names of everything that varies between runs.

use std::path::PathBuf;

use regex::Regex;

use super::text::TourLine;
use crate::studio::Studio;

/// A home folder without any studio: the tour takes place in the demo.
#[derive(Debug)]
pub(super) struct TourStudio {
    pub(super) studio: Studio,
}

impl TourStudio {
    pub(super) fn new() -> Self {
        Self {
            studio: Studio::bare(),
        }
    }

    /// Replaces everything that varies between runs.
    pub(super) fn normalize(line: &mut TourLine) {
        for (pattern, replacement) in [
            // Equally long, because the widths of tables depend on it.
            (r"/tmp/demo-[A-Za-z0-9]{6}\b", "/tmp/demo-k1mA7x"),
            // Equally wide in tables; longer times occur only at the end of a line, unless the machine is very slow.
            (r"\b\d\.\d s\b", "0.0 s"),
            (r"\bin \d+ s\b", "in 0.0 s"),
            // On a disk with reflinks nothing is copied that could be read back.
            (
                r"^copied (.* in 0\.0 s); \d+ of these cloned, sharing their blocks",
                "copied and verified $1",
            ),
            (
                r"\d{8}T\d{6}Z-[A-Za-z0-9-]+-(\d+)-[0-9a-f]{32}$",
                "20261126T180000Z-kim-$1-5f1e8c0a7d2b49368e94c1b07a6d3f52",
            ),
            (r"\b\d min ago\b", "just now"),
        ] {
            line.replace(pattern, replacement);
        }
        let left = Regex::new("studio-").unwrap();
        assert!(!left.is_match(&line.text()), "{}", line.text());
    }
}

/// Returns the folder of the demo that a screen names.
pub(super) fn demo_folder(screen: &str) -> PathBuf {
    let named = Regex::new("`(/tmp/demo-[A-Za-z0-9]{6})`").unwrap();
    PathBuf::from(&named.captures(screen).unwrap()[1])
}
