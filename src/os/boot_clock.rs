//! A clock that nobody sets and that goes on while the machine is suspended.

use std::time::Duration;

/// Returns the time since the machine started, including the time that it was suspended.
#[cfg(target_os = "linux")]
pub fn since_boot() -> Duration {
    read(rustix::time::ClockId::Boottime)
}

/// Returns the time since some start. On macOS, it goes on while the machine is suspended.
#[cfg(not(target_os = "linux"))]
pub fn since_boot() -> Duration {
    read(rustix::time::ClockId::Monotonic)
}

fn read(clock: rustix::time::ClockId) -> Duration {
    // Such a clock is never negative.
    Duration::try_from(rustix::time::clock_gettime(clock)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clock_never_goes_back() {
        let mut last = since_boot();
        assert!(last > Duration::ZERO);
        for _ in 0..1000 {
            let now = since_boot();
            assert!(now >= last);
            last = now;
        }
    }
}
