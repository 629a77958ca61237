//! The treemap of a report: a rectangle for each part, as large as its bytes.

mod squarify;

use self::squarify::squarify;
use super::data::SizedPart;
use super::picture::{Bounds, Drawing, Picture, Shape, magnitude, rounded};
use crate::base::name::Name;
use crate::base::unit;
use crate::output::shorten::shorten;

/// Greatest number of groups, and of parts in a group; the smaller ones share a tile.
const MAX_GROUPS: usize = 10;
const MAX_PARTS: usize = 12;

/// Number of colors that groups take in turn.
const COLORS: usize = 6;

/// Height of the name above the tiles of a group.
const STRIP: f64 = 20.0;

/// Height of a line of text, and about the width of a character.
const LINE: f64 = 16.0;
const CHARACTER: f64 = 7.0;

/// A tile: a part or a group, or several small ones together.
struct WeightedTile<T> {
    name: String,
    bytes: u64,
    inner: T,
}

/// A group with its parts.
type GroupTile = WeightedTile<Vec<WeightedTile<()>>>;

/// Draws the parts, which are sorted by size. Returns `None` if they have no bytes.
pub(super) fn picture(parts: &[SizedPart], noun: &str) -> Option<Picture> {
    let groups = groups(parts);
    let total: u64 = groups.iter().map(|group| group.bytes).sum();
    if total == 0 {
        return None;
    }
    let largest = groups.iter().take(3).map(|group| {
        let bytes = unit::format_bytes(group.bytes);
        format!("{}, {bytes}", group.name)
    });
    let largest: Vec<String> = largest.collect();
    Some(Picture {
        title: "Sizes".to_owned(),
        description: format!(
            "A treemap of {}: each rectangle is as large as the bytes of its {noun}. The largest groups: {}. The table below has the same numbers.",
            unit::format_bytes(total),
            largest.join("; ")
        ),
        caption: format!(
            "Each rectangle is as large as the bytes of its {noun}, each file counted once."
        ),
        layouts: [("wide", 920.0, 400.0), ("narrow", 360.0, 440.0)]
            .map(|(class, width, height)| draw(&groups, class, (width, height))),
    })
}

/// Returns the groups, the largest first, each with its largest parts.
fn groups(parts: &[SizedPart]) -> Vec<GroupTile> {
    let mut groups: Vec<(&Name, Vec<WeightedTile<()>>)> = Vec::new();
    for part in parts.iter().filter(|part| part.bytes > 0) {
        let place = groups.iter().position(|(name, _)| *name == &part.group);
        let place = place.unwrap_or_else(|| {
            groups.push((&part.group, Vec::new()));
            groups.len() - 1
        });
        groups[place].1.push(WeightedTile {
            name: part_name(&part.name),
            bytes: part.bytes,
            inner: (),
        });
    }
    let groups = groups.into_iter().map(|(name, parts)| {
        let bytes = parts.iter().map(|part| part.bytes).sum();
        WeightedTile {
            name: name.to_string(),
            bytes,
            inner: cut(parts, MAX_PARTS, || ()),
        }
    });
    let mut groups: Vec<GroupTile> = groups.collect();
    groups.sort_by_key(|group| std::cmp::Reverse(group.bytes));
    cut(groups, MAX_GROUPS, Vec::new)
}

/// Returns the name of a part. Files above all folders have none of their own.
pub(super) fn part_name(name: &Name) -> String {
    if name.as_bytes().is_empty() {
        "loose files".to_owned()
    } else {
        name.to_string()
    }
}

/// Replaces the smallest tiles by one.
fn cut<T>(
    mut tiles: Vec<WeightedTile<T>>,
    limit: usize,
    inner: impl Fn() -> T,
) -> Vec<WeightedTile<T>> {
    if tiles.len() > limit {
        let rest = tiles.split_off(limit - 1);
        tiles.push(WeightedTile {
            name: format!("{} more", unit::format_count(rest.len() as u64)),
            bytes: rest.iter().map(|tile| tile.bytes).sum(),
            inner: inner(),
        });
    }
    tiles
}

fn draw(groups: &[GroupTile], class: &'static str, (width, height): (f64, f64)) -> Drawing {
    let whole = Bounds {
        x: 0.0,
        y: 0.0,
        width,
        height,
    };
    let mut shapes = Vec::new();
    let weights: Vec<f64> = groups.iter().map(|group| magnitude(group.bytes)).collect();
    for (number, (group, bounds)) in groups.iter().zip(squarify(&weights, whole)).enumerate() {
        let color = format!("c{}", number % COLORS);
        shapes.push(Shape::Area {
            bounds: bounds.inset(1.0).rounded(),
            class: color,
        });
        let has_strip = bounds.height >= 3.0 * STRIP && !group.inner.is_empty();
        if !has_strip {
            label(&mut shapes, bounds, &group.name, group.bytes, "b");
            continue;
        }
        let strip = Bounds {
            height: STRIP,
            ..bounds
        };
        label(&mut shapes, strip, &group.name, group.bytes, "b");
        let inner = bounds.below(STRIP).inset(1.0);
        let weights: Vec<f64> = group
            .inner
            .iter()
            .map(|part| magnitude(part.bytes))
            .collect();
        for (part, bounds) in group.inner.iter().zip(squarify(&weights, inner)) {
            let class = "t".to_owned();
            shapes.push(Shape::Area {
                bounds: bounds.inset(1.0).rounded(),
                class,
            });
            label(&mut shapes, bounds, &part.name, part.bytes, "");
        }
    }
    Drawing {
        class,
        width,
        height,
        shapes,
    }
}

/// Writes name and size into a rectangle, as far as they fit.
fn label(shapes: &mut Vec<Shape>, bounds: Bounds, name: &str, bytes: u64, class: &'static str) {
    let room = columns(bounds.width - 12.0);
    if room < 4 || bounds.height < LINE + 2.0 {
        return;
    }
    let (x, y) = (rounded(bounds.x + 6.0), rounded(bounds.y + LINE));
    let size = unit::format_bytes_short(bytes);
    let is_single = bounds.height < 2.0 * LINE + 4.0;
    let text = match room.checked_sub(size.len() + 2) {
        Some(left) if is_single && left >= 4 => format!("{}  {size}", shorten(name, left)),
        _ => shorten(name, room),
    };
    shapes.push(Shape::Label {
        at: (x, y),
        class,
        text,
    });
    if !is_single && size.len() <= room {
        let at = (x, rounded(y + LINE));
        shapes.push(Shape::Label {
            at,
            class: "s",
            text: size,
        });
    }
}

/// Returns the number of characters in a width.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a drawing has some hundred pixels"
)]
fn columns(width: f64) -> usize {
    (width / CHARACTER).max(0.0) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(group: &str, name: &str, bytes: u64) -> SizedPart {
        SizedPart {
            group: group.into(),
            name: name.into(),
            files: 1,
            bytes,
        }
    }

    #[test]
    fn small_parts_share_a_tile() {
        let parts: Vec<_> = (0..40)
            .map(|n| part("acme", &format!("p{n}"), 100 - n))
            .collect();
        let groups = groups(&parts);
        assert_eq!(groups.len(), 1);
        assert_eq!(groups[0].inner.len(), MAX_PARTS);
        let last = groups[0].inner.last().unwrap();
        assert_eq!(last.name, "29 more");
        let sum: u64 = groups[0].inner.iter().map(|tile| tile.bytes).sum();
        assert_eq!(sum, parts.iter().map(|part| part.bytes).sum::<u64>());
    }

    #[test]
    fn nothing_is_drawn_without_bytes() {
        assert!(picture(&[part("acme", "spot", 0)], "project").is_none());
        assert!(picture(&[], "project").is_none());
    }

    #[test]
    fn names_are_cut_to_their_tile() {
        let parts = [part("acme", &"x".repeat(255), 9), part("nova", "东京", 1)];
        let drawn = picture(&parts, "project").unwrap();
        for layout in &drawn.layouts {
            for shape in &layout.shapes {
                if let Shape::Label { at, text, .. } = shape {
                    let end = at.0 + magnitude(text.chars().count() as u64) * CHARACTER;
                    assert!(end <= layout.width + 1.0, "{text}");
                }
            }
        }
    }
}
