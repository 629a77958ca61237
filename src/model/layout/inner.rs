//! Where layouts meet: the folders that one category leaves out because another holds them (decision 31).

use std::path::{Path, PathBuf};

use super::{CategoryLayout, LayoutPart};

/// Folders of other categories, below the root, which a category leaves out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InnerFolders {
    patterns: Vec<Vec<LayoutPart>>,
}

impl InnerFolders {
    /// Returns the folders that `layout` leaves out because the others hold them.
    ///
    /// Where one layout has a placeholder and another a fixed folder, the folder belongs to the layout that names it. A
    /// layout that goes on below the projects of another keeps its own folders.
    pub fn of<'a>(
        layout: &CategoryLayout,
        others: impl IntoIterator<Item = &'a CategoryLayout>,
    ) -> Self {
        let others = others.into_iter();
        let patterns = others.filter_map(|other| claim(&layout.parts, &other.parts));
        Self {
            patterns: patterns.collect(),
        }
    }

    pub const fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    /// True if a folder is one of these.
    pub fn contains(&self, folder: &Path) -> bool {
        let mut patterns = self.patterns.iter();
        patterns.any(|pattern| {
            let mut parts = pattern.iter();
            let mut names = folder.iter();
            names.all(|name| parts.next().is_some_and(|part| part.accepts(name)))
                && parts.len() == 0
        })
    }

    /// True if a path is one of these folders, or below one.
    pub fn covers(&self, path: &Path) -> bool {
        let mut patterns = self.patterns.iter();
        patterns.any(|pattern| {
            let mut names = path.iter();
            let mut parts = pattern.iter();
            parts.all(|part| names.next().is_some_and(|name| part.accepts(name)))
        })
    }

    /// The folders as text.
    pub fn paths(&self) -> impl Iterator<Item = PathBuf> {
        let patterns = self.patterns.iter();
        patterns.map(|pattern| pattern.iter().map(LayoutPart::as_os_str).collect())
    }
}

/// Returns the shortest beginning of `other` that names a folder and takes it from `layout`, or lies inside the projects of
/// `layout`.
fn claim(layout: &[LayoutPart], other: &[LayoutPart]) -> Option<Vec<LayoutPart>> {
    let is_end = |count: &usize| {
        let next = other.get(*count);
        next.is_none_or(LayoutPart::is_placeholder) && !other[count - 1].is_placeholder()
            || *count == other.len()
    };
    let mut ends = (1..=other.len()).filter(is_end);
    let end = ends.find(|count| takes(layout, &other[..*count]))?;
    Some(other[..end].to_vec())
}

/// True if the folders of a beginning of another layout are taken from a layout.
fn takes(layout: &[LayoutPart], beginning: &[LayoutPart]) -> bool {
    let mut takes = None;
    for (own, other) in layout.iter().zip(beginning) {
        match (own, other) {
            (LayoutPart::Fixed(own), LayoutPart::Fixed(other)) if own != other => return false,
            (own, other) if own.is_placeholder() != other.is_placeholder() => {
                takes.get_or_insert(own.is_placeholder());
            }
            _ => {}
        }
    }
    takes.unwrap_or(beginning.len() > layout.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(typed: &str) -> CategoryLayout {
        CategoryLayout::parse("x", Path::new(typed)).unwrap()
    }

    #[test]
    fn named_folder_beats_placeholder() {
        for (layout_text, other, left_out) in [
            ("{client}/{project}/x", "footage", Some("footage")),
            (
                "{client}/{project}/x",
                "2026/{client}/{project}",
                Some("2026"),
            ),
            (
                "{client}/{project}/x",
                "scratch/render",
                Some("scratch/render"),
            ),
            (
                "{client}/{project}/x",
                "{client}/shared/{project}",
                Some("{client}/shared"),
            ),
            ("{client}/{project}/x", "{client}/{project}/y", None),
            (
                "{client}/{project}",
                "{client}/{project}/y",
                Some("{client}/{project}/y"),
            ),
            ("a", "a/acme/spot/render", Some("a/acme/spot/render")),
            ("a", "a/acme/spot", Some("a/acme/spot")),
            (
                "{project}",
                "{project}/{client}/y",
                Some("{project}/{client}/y"),
            ),
        ] {
            let (own, other) = (layout(layout_text), layout(other));
            let folders: Vec<_> = InnerFolders::of(&own, [&other]).paths().collect();
            let expected: Vec<_> = left_out.into_iter().map(PathBuf::from).collect();
            assert_eq!(folders, expected, "{layout_text}");
            assert!(InnerFolders::of(&other, [&own]).is_empty(), "{layout_text}");
        }
    }

    #[test]
    fn inner_category_is_left_out() {
        let (outer, inner) = (layout("scratch"), layout("scratch/render"));
        let folders = InnerFolders::of(&outer, [&inner]);
        assert!(folders.contains(Path::new("scratch/render")));
        assert!(folders.covers(Path::new("scratch/render/acme/spot")));
        assert!(!folders.covers(Path::new("scratch/acme")));
        assert!(InnerFolders::of(&inner, [&outer]).is_empty());
        assert!(InnerFolders::of(&outer, [&layout("footage")]).is_empty());
    }
}
