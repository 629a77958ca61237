//! Pictures as shapes, which the template draws as SVG.

/// A picture in two layouts: for a wide and for a narrow page. Both say the same.
#[derive(Debug)]
pub(super) struct Picture {
    pub(super) title: String,
    /// The picture in words.
    pub(super) description: String,
    pub(super) caption: String,
    pub(super) layouts: [Drawing; 2],
}

/// A drawing of some width and height, in pixels.
#[derive(Debug)]
pub(super) struct Drawing {
    /// The class of the page that shows it: `wide` or `narrow`.
    pub(super) class: &'static str,
    pub(super) width: f64,
    pub(super) height: f64,
    pub(super) shapes: Vec<Shape>,
}

/// A part of a drawing.
#[derive(Debug)]
pub(super) enum Shape {
    Area {
        bounds: Bounds,
        class: String,
    },
    Line {
        from: (f64, f64),
        to: (f64, f64),
    },
    /// A filled shape between these corners.
    Polygon {
        points: String,
    },
    Label {
        at: (f64, f64),
        class: &'static str,
        text: String,
    },
}

/// A rectangle.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Bounds {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) width: f64,
    pub(super) height: f64,
}

impl Bounds {
    /// Returns the rectangle without this much at each side.
    pub(super) fn inset(self, by: f64) -> Self {
        Self {
            x: self.x + by,
            y: self.y + by,
            width: (self.width - 2.0 * by).max(0.0),
            height: (self.height - 2.0 * by).max(0.0),
        }
    }

    /// Returns the rectangle without a strip at its top.
    pub(super) fn below(self, height: f64) -> Self {
        let height = height.min(self.height);
        Self {
            y: self.y + height,
            height: self.height - height,
            ..self
        }
    }

    /// Returns the rectangle with one decimal.
    pub(super) fn rounded(self) -> Self {
        Self {
            x: rounded(self.x),
            y: rounded(self.y),
            width: rounded(self.width),
            height: rounded(self.height),
        }
    }

    pub(super) fn area(self) -> f64 {
        self.width * self.height
    }
}

/// Rounds a coordinate to one decimal.
pub(super) fn rounded(value: f64) -> f64 {
    // Adding zero turns a negative zero, which prints with its sign, into a positive one.
    (value * 10.0).round() / 10.0 + 0.0
}

/// Returns a count or number of bytes for a computation of shares and places.
#[expect(
    clippy::cast_precision_loss,
    reason = "pictures show no more than three digits"
)]
pub(super) const fn magnitude(number: u64) -> f64 {
    number as f64
}
