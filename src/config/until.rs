//! The end of a time window: `05:30`, `2026-11-22T05:30`, `2026-11-22T05:30Z`, or how long from now.

use std::time::Duration;

use chrono::{DateTime, Days, FixedOffset, NaiveDateTime, NaiveTime, TimeZone};

use super::parse_duration;

/// When a run is to begin nothing more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// So long after it began.
    In(Duration),
    /// When the clock of this machine next shows that time.
    Clock(NaiveTime),
    /// A time of this machine's time zone.
    Local(NaiveDateTime),
    /// A time with its offset from UTC.
    At(DateTime<FixedOffset>),
}

impl Until {
    /// Reads a time as people write it; `None` where it is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let local = |format| NaiveDateTime::parse_from_str(text, format).ok().map(Self::Local);
        let clock = |format| NaiveTime::parse_from_str(text, format).ok().map(Self::Clock);
        // Chrono wants seconds beside an offset.
        let padded = text.replacen('Z', ":00Z", usize::from(text.matches(':').count() == 1));
        clock("%H:%M")
            .or_else(|| clock("%H:%M:%S"))
            .or_else(|| {
                ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S"]
                    .into_iter()
                    .find_map(local)
            })
            .or_else(|| DateTime::parse_from_rfc3339(text).ok().map(Self::At))
            .or_else(|| DateTime::parse_from_rfc3339(&padded).ok().map(Self::At))
            .or_else(|| parse_duration(text).map(Self::In))
    }

    /// Returns how long that is from `now`, in the time zone of `now`; zero where it has passed. An hour that the clocks leave out
    /// ends when they have.
    #[must_use]
    pub fn left<Zone: TimeZone>(&self, now: &DateTime<Zone>) -> Duration {
        let zone = now.timezone();
        let local = |time: NaiveDateTime| {
            let found = zone.from_local_datetime(&time);
            found.earliest().or_else(|| zone.from_local_datetime(&(time + Duration::from_hours(1))).earliest())
        };
        let until = match self {
            Self::In(time) => return *time,
            Self::At(time) => Some(time.with_timezone(&zone)),
            Self::Local(time) => local(*time),
            Self::Clock(time) => {
                let today = now.date_naive();
                let next = if *time > now.time() { Some(today) } else { today.checked_add_days(Days::new(1)) };
                next.and_then(|day| local(day.and_time(*time)))
            }
        };
        until.and_then(|until| (until - now).to_std().ok()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_people_write_them() {
        let now = DateTime::parse_from_rfc3339("2026-11-21T22:00:30+01:00").unwrap();
        for (text, seconds) in [
            ("05:30", Some(7 * 3_600 + 30 * 60 - 30)),
            ("22:01", Some(30)),
            ("22:00", Some(86_400 - 30)),
            ("23:00:30", Some(3_600)),
            ("2h", Some(7_200)),
            ("90", Some(90)),
            ("2026-11-21T23:00:30", Some(3_600)),
            ("2026-11-22 22:00", Some(86_400 - 30)),
            ("2026-11-21T22:00:30Z", Some(3_600)),
            ("2026-11-21T22:00Z", Some(3_570)),
            ("2026-11-21T22:30:30+01:00", Some(1_800)),
            ("2026-11-20T22:00", Some(0)),
            ("24:30", None),
            ("tomorrow", None),
            ("2026-11-31T22:00", None),
            ("", None),
        ] {
            assert_eq!(Until::parse(text).map(|until| until.left(&now).as_secs()), seconds, "{text}");
        }
    }
}
