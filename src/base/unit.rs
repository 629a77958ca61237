//! Formats of sizes, counts and durations, and the parser of typed durations.

use std::time::Duration;

/// Formats a number of bytes in decimal units with three significant digits: `0 B`, `999 B`, `1.23 kB`, `45.6 GB`.
pub fn format_bytes(count: u64) -> String {
    const UNITS: [&str; 6] = ["kB", "MB", "GB", "TB", "PB", "EB"];
    if count < 1000 {
        return format!("{count} B");
    }
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    let mut value = count as f64 / 1000.0;
    let mut unit = 0;
    // 999.5 and more would print as 1000; the next unit is used instead.
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    let decimals = if value < 9.995 {
        2
    } else {
        usize::from(value < 99.95)
    };
    format!("{value:.decimals$} {}", UNITS[unit])
}

/// Formats a count with thousands separators: `1,234,567`.
pub fn format_count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Formats bytes for a narrow column, with two significant digits below ten and whole units above: `6.5 GB`, `46 GB`, `0 B`.
pub fn format_bytes_short(count: u64) -> String {
    shorten_number(&format_bytes(count))
}

/// Formats a count for a narrow column: `1234`, then `12 k`, `1.2 M` in thousands and millions.
pub fn format_count_short(number: u64) -> String {
    if number < 10_000 {
        return number.to_string();
    }
    shorten_number(format_bytes(number).trim_end_matches('B'))
}

/// Rounds `6.50 GB` to `6.5 GB` and `45.6 GB` to `46 GB`.
fn shorten_number(text: &str) -> String {
    let Some((number, unit)) = text.split_once(' ') else {
        return text.to_owned();
    };
    match number.parse::<f64>() {
        Ok(value) if number.contains('.') && value >= 9.95 => format!("{value:.0} {unit}"),
        Ok(value) if number.contains('.') => format!("{value:.1} {unit}"),
        _ => text.to_owned(),
    }
}

/// Formats a count with its noun: `1 file`, `12 files`, `2 copies`.
pub fn format_counted(number: u64, noun: &str) -> String {
    let count = format_count(number);
    match noun.strip_suffix('y') {
        _ if number == 1 => format!("{count} {noun}"),
        Some(stem) => format!("{count} {stem}ies"),
        None => format!("{count} {noun}s"),
    }
}

/// Formats a part in percent, rounded down, so that 100 % is all; what is there is never 0 %.
pub fn format_percent(part: u64, whole: u64) -> String {
    let percent = u128::from(part) * 100 / u128::from(whole.max(1));
    match percent {
        0 if part > 0 => "under 1 %".to_owned(),
        percent => format!("{percent} %"),
    }
}

/// Formats a part in percent, rounded up, so that a part is never 0 %.
pub fn format_percent_up(part: u64, whole: u64) -> String {
    let percent = (u128::from(part) * 100).div_ceil(u128::from(whole.max(1)));
    format!("{percent} %")
}

/// Formats a duration in at most two units: `0.4 s`, `12 s`, `3 min 5 s`, `2 h 10 min`, `5 d 3 h`.
pub fn format_duration(length: Duration) -> String {
    let seconds = length.as_secs();
    match seconds {
        0..10 => format!("{:.1} s", length.as_secs_f64()),
        10..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        3600..86_400 => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds % 86_400 / 3600),
    }
}

/// Parses a number of 1 or more.
pub fn parse_count(word: &str) -> Result<u64, &'static str> {
    match word.parse() {
        Ok(0) | Err(_) => Err("write a number of 1 or more"),
        Ok(count) => Ok(count),
    }
}

/// Parses a typed duration: `90s`, `15m`, `1h`, `2d`, `1w`; a number without a unit is seconds.
///
/// # Errors
/// A message that describes the format of a duration.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let seconds_per_unit = match &text[digits.len()..] {
        "" | "s" => 1,
        "m" | "min" => 60,
        "h" => 3600,
        "d" => 86_400,
        "w" => 604_800,
        _ => 0,
    };
    match digits
        .parse::<u64>()
        .ok()
        .and_then(|n| n.checked_mul(seconds_per_unit))
    {
        Some(seconds) if seconds_per_unit > 0 => Ok(Duration::from_secs(seconds)),
        _ => Err("a duration is a number and a unit, like 90s, 15m, 1h, 2d or 1w; without a unit it is seconds".to_owned()),
    }
}

/// Parses a typed size in decimal units: `500`, `10k`, `1.5GB`, `2 TB`.
///
/// # Errors
/// A message that describes the format of a size.
pub fn parse_bytes(text: &str) -> Result<u64, String> {
    const UNITS: [&str; 7] = ["", "k", "m", "g", "t", "p", "e"];
    let lower = text.trim().to_lowercase();
    let number =
        lower.trim_end_matches(|letter: char| letter.is_ascii_alphabetic() || letter == ' ');
    let unit = lower[number.len()..].trim();
    let unit = unit.strip_suffix('b').unwrap_or(unit);
    let power = UNITS.iter().position(|known| *known == unit);
    let (whole, decimals) = number.split_once('.').unwrap_or((number, ""));
    let is_number = !whole.is_empty() && decimals.len() <= 3;
    let digits = format!("{whole}{decimals}").parse::<u64>().ok();
    let bytes = digits
        .zip(power)
        .filter(|_| is_number)
        .and_then(|(digits, power)| {
            let scale = 1000_u64.checked_pow(u32::try_from(power).ok()?)?;
            let parts = 10_u64.pow(u32::try_from(decimals.len()).ok()?);
            let product = u128::from(digits) * u128::from(scale) / u128::from(parts);
            u64::try_from(product).ok()
        });
    bytes.ok_or_else(|| "a size is a number and a unit, like 500k, 10M or 1.5GB".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_use_three_digits() {
        let shown = [
            0,
            999,
            1000,
            1234,
            9_994,
            9_995,
            99_949,
            99_950,
            999_499,
            999_500,
            45_600_000_000,
        ];
        let texts: Vec<_> = shown.into_iter().map(format_bytes).collect();
        assert_eq!(
            texts,
            [
                "0 B", "999 B", "1.00 kB", "1.23 kB", "9.99 kB", "10.0 kB", "99.9 kB", "100 kB",
                "999 kB", "1.00 MB", "45.6 GB"
            ]
        );
        assert_eq!(format_bytes(u64::MAX), "18.4 EB");
    }

    #[test]
    fn short_forms_round_to_narrow_columns() {
        let sizes = [0, 999, 1234, 9_990, 12_345, 6_500_000_000, 192_000_000_000];
        let sizes = sizes.map(format_bytes_short);
        assert_eq!(
            sizes,
            [
                "0 B", "999 B", "1.2 kB", "10 kB", "12 kB", "6.5 GB", "192 GB"
            ]
        );
        let counts = [0, 9_999, 12_345, 480_000, 1_234_567].map(format_count_short);
        assert_eq!(counts, ["0", "9999", "12 k", "480 k", "1.2 M"]);
    }

    #[test]
    fn counts_are_grouped_by_thousands() {
        assert_eq!(
            [0, 999, 1000, 1_234_567].map(format_count),
            ["0", "999", "1,000", "1,234,567"]
        );
        assert_eq!(
            [0, 1, 2].map(|n| format_counted(n, "file")),
            ["0 files", "1 file", "2 files"]
        );
    }

    #[test]
    fn sizes_are_parsed() {
        for (text, bytes) in [
            ("0", 0),
            ("500", 500),
            ("10k", 10_000),
            ("10 kB", 10_000),
            ("1.5GB", 1_500_000_000),
            ("18.4E", 18_400_000_000_000_000_000),
        ] {
            assert_eq!(parse_bytes(text), Ok(bytes), "{text}");
        }
        for wrong in ["", "k", ".5M", "1.2345M", "1X", "-1", "19E", "1 2", "1_0"] {
            assert!(parse_bytes(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn durations_are_parsed_and_formatted() {
        assert_eq!(parse_duration("1h"), Ok(Duration::from_secs(3600)));
        assert_eq!(parse_duration("90"), Ok(Duration::from_secs(90)));
        assert_eq!(parse_duration("1w"), Ok(Duration::from_secs(604_800)));
        for wrong in ["", "h", "1y", "-1h", "1.5h", "99999999999999999d"] {
            assert!(parse_duration(wrong).is_err(), "{wrong}");
        }
        assert_eq!(format_duration(Duration::from_millis(420)), "0.4 s");
        assert_eq!(format_duration(Duration::from_secs(3725)), "1 h 2 min");
    }
}
