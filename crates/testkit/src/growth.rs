//! Whether work grows with its input: foreign bytes of any shape cost time in proportion to their number.
//!
//! Measured in processor time of the thread, so that a busy machine does not matter.

use std::time::Duration;

use rustix::time::ClockId;
use rustix::time::clock_gettime;

/// Twice the input may take so many times as long; what is quadratic takes four times.
const MOST: f64 = 2.6;
/// Below this the clock and the caches are what is measured.
const WORTH_MEASURING: Duration = Duration::from_millis(2);
/// What has not grown in proportion by here never does: up to it a small cost may be any function of the size.
const MUST_BE_LINEAR: Duration = Duration::from_millis(250);
/// So often has the excess to be seen again.
const CONFIRMATIONS: usize = 4;
const FIRST_BYTES: usize = 2 * 1024;
const LAST_BYTES: usize = 8 * 1024 * 1024;

/// A name, and such input of about so many bytes.
pub type Shape = (&'static str, fn(usize) -> String);
/// A name, and what is done with the input.
pub type Work<'w> = (&'static str, &'w dyn Fn(&str));

/// The shapes for which some work costs more than its share, as `work on shape: time, time of twice as much`.
pub fn superlinear(shapes: &[Shape], works: &[Work<'_>]) -> Vec<String> {
    let pairs = shapes
        .iter()
        .flat_map(|shape| works.iter().map(move |work| (shape, work)));
    pairs
        .filter_map(|((shape, input), (name, work))| {
            let (bytes, half, whole) = first_excess(*input, *work)?;
            Some(format!(
                "{name} on {shape}: {half:?} for {bytes} bytes, {whole:?} for twice as many"
            ))
        })
        .collect()
}

/// Doubles the input until twice as much takes about twice as long, or it is plain that it never will.
fn first_excess(input: fn(usize) -> String, work: &dyn Fn(&str)) -> Option<(usize, Duration, Duration)> {
    let mut bytes = FIRST_BYTES;
    let mut half = time(&input(bytes), work);
    loop {
        let whole = time(&input(bytes * 2), work);
        let is_linear = whole.as_secs_f64() < half.as_secs_f64() * MOST;
        if is_linear && whole > WORTH_MEASURING || bytes * 2 >= LAST_BYTES {
            return None;
        }
        if !is_linear && whole > MUST_BE_LINEAR {
            return confirmed(bytes, input, work);
        }
        (bytes, half) = (bytes * 2, whole);
    }
}

/// None if it was the machine: where a host gives its processor to others, that time, too, counts as the thread's.
fn confirmed(
    bytes: usize,
    input: fn(usize) -> String,
    work: &dyn Fn(&str),
) -> Option<(usize, Duration, Duration)> {
    let mut last = None;
    for _ in 0..CONFIRMATIONS {
        let (half, whole) = (time(&input(bytes), work), time(&input(bytes * 2), work));
        if whole.as_secs_f64() < half.as_secs_f64() * MOST {
            return None;
        }
        last = Some((bytes, half, whole));
    }
    last
}

/// The lesser of two runs.
fn time(input: &str, work: &dyn Fn(&str)) -> Duration {
    let run = || {
        let before = processor_time();
        work(input);
        processor_time().saturating_sub(before)
    };
    run().min(run())
}

/// What the current thread has used.
pub fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(
        time.tv_sec.unsigned_abs(),
        u32::try_from(time.tv_nsec).unwrap_or_default(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_at_everything_again_and_again_is_found() {
        let lines: &[Shape] = &[("lines", |bytes| "\n".repeat(bytes))];
        let once = |text: &str| {
            std::hint::black_box(text.lines().count());
        };
        let each_time = |text: &str| {
            let rest = |at| text[at..].bytes().filter(|byte| *byte == b'x').count();
            std::hint::black_box((0..text.len()).map(rest).sum::<usize>());
        };
        assert_eq!(superlinear(lines, &[("once", &once)]), Vec::<String>::new());
        assert_eq!(superlinear(lines, &[("each time", &each_time)]).len(), 1);
    }
}
