//! Paths whose bytes sort as their components do.

/// Before each component of a sortable path, in place of the `/`: no letter of a name is smaller.
const SEPARATOR: u8 = 0;

/// Returns a path whose bytes sort as its components do: `plates/a` before `plates.old`.
pub(super) fn sortable(path: &[u8]) -> Vec<u8> {
    let separated = path
        .iter()
        .map(|byte| if *byte == b'/' { SEPARATOR } else { *byte });
    separated.collect()
}

/// Returns the beginning that all sortable paths between these two, the first and the last in order, have in common: whole
/// components.
pub(super) fn common_beginning<'a>(low: &'a [u8], high: &[u8]) -> &'a [u8] {
    let equal = low.iter().zip(high).take_while(|(a, b)| a == b).count();
    let ends = |path: &[u8]| equal == path.len() || path[equal] == SEPARATOR;
    if ends(low) && ends(high) {
        return &low[..equal];
    }
    let start = low[..equal].iter().rposition(|byte| *byte == SEPARATOR);
    &low[..start.unwrap_or(0)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beginning_has_whole_components() {
        let common = |paths: &[&str]| {
            let mut paths: Vec<Vec<u8>> =
                paths.iter().map(|path| sortable(path.as_bytes())).collect();
            paths.sort_unstable();
            common_beginning(&paths[0], &paths[paths.len() - 1]).len()
        };
        assert_eq!(common(&["/plates/a", "/plates/b"]), "/plates".len());
        assert_eq!(common(&["/plates", "/plates/b"]), "/plates".len());
        assert_eq!(common(&["/plates", "/platesb"]), 0);
        assert_eq!(common(&["/plates", "/plates.old", "/plates/sub"]), 0);
        assert_eq!(common(&["/a/b c", "/a/b", "/a/b/d"]), "/a".len());
        assert_eq!(common(&["/x", "/x"]), "/x".len());
        assert_eq!(common(&["", "/x"]), 0);
    }
}
