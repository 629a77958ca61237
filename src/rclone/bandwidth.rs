//! Bandwidth limits in rclone's form: a rate or a timetable, for example `10M`, `1M:off`, `08:00,512k 23:00,off` or
//! `Mon-08:00,1M`.

/// Returns true if rclone accepts the limit. Checked when it is set, so that a mistake does not fail at night.
pub fn is_rate(text: &str) -> bool {
    let mut entries = text.split_whitespace().peekable();
    entries.peek().is_some()
        && entries.all(|entry| match entry.split_once(',') {
            Some((time, rate)) => is_time(time) && is_rate_pair(rate),
            // A time without a rate is incomplete.
            None => !is_time(entry) && is_rate_pair(entry),
        })
}

/// `08:00` or `Mon-08:00`.
fn is_time(text: &str) -> bool {
    const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    let (day, clock) = text
        .split_once('-')
        .map_or((None, text), |(day, clock)| (Some(day), clock));
    let is_day = day.is_none_or(|day| {
        let day = day.to_ascii_lowercase();
        day.get(..3).is_some_and(|short| DAYS.contains(&short))
    });
    let part = |text: &str, below: u32| {
        text.len() <= 2 && text.parse::<u32>().is_ok_and(|number| number < below)
    };
    let is_clock = clock
        .split_once(':')
        .is_some_and(|(hour, minute)| part(hour, 24) && part(minute, 60));
    is_day && is_clock
}

/// A rate, or one for uploads and one for downloads.
fn is_rate_pair(text: &str) -> bool {
    text.split(':').count() <= 2 && text.split(':').all(is_size)
}

/// `off`, or a number with a suffix for its unit.
fn is_size(text: &str) -> bool {
    if text == "off" {
        return true;
    }
    let number = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = text[number.len()..].to_ascii_lowercase();
    let units = [
        "", "b", "k", "ki", "kib", "kb", "m", "mi", "mib", "mb", "g", "gi", "gib", "gb", "t", "ti",
        "tib", "p", "pi", "pib",
    ];
    number
        .parse::<f64>()
        .is_ok_and(|number| number.is_finite() && number >= 0.0)
        && units.contains(&unit.as_str())
}

#[cfg(test)]
mod tests {
    use super::is_rate;

    #[test]
    fn wrong_rates_are_refused() {
        for rate in [
            "10M",
            "512k",
            "off",
            "1.5M:off",
            "08:00,512k 23:00,off",
            "Mon-08:00,1M Sat-0:30,off",
            "100",
        ] {
            assert!(is_rate(rate), "{rate}");
        }
        for wrong in [
            "",
            "banana",
            "10Q",
            "25:00,1M",
            "08:00",
            "Foo-08:00,1M",
            "1:2:3",
            "-1M",
            "inf",
        ] {
            assert!(!is_rate(wrong), "{wrong}");
        }
    }
}
