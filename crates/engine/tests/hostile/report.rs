//! Counts what passed, names what failed.

use std::time::Instant;

#[derive(Default)]
pub struct Report {
    passed: u32,
    failed: u32,
}

pub struct Suite<'a> {
    report: &'a mut Report,
    name: &'static str,
    began: Instant,
    passed: u32,
    failed: u32,
}

impl Report {
    pub fn absent(&self, name: &str) {
        println!("absent: {name}");
    }

    pub fn suite(&mut self, name: &'static str) -> Suite<'_> {
        Suite {
            report: self,
            name,
            began: Instant::now(),
            passed: 0,
            failed: 0,
        }
    }

    /// The exit code.
    pub fn finish(self) -> i32 {
        println!("{} passed, {} failed", self.passed, self.failed);
        i32::from(self.failed > 0)
    }
}

impl Suite<'_> {
    pub fn case(&mut self, name: &str, outcome: Result<(), String>) {
        match outcome {
            Ok(()) => self.passed += 1,
            Err(why) => {
                self.failed += 1;
                println!("FAILED {} / {name}: {why}", self.name);
            }
        }
    }

    pub fn note(&self, text: &str) {
        println!("{}: {text}", self.name);
    }
}

impl Drop for Suite<'_> {
    fn drop(&mut self) {
        let seconds = self.began.elapsed().as_secs_f64();
        println!(
            "{}: {} passed, {} failed, {seconds:.1} s",
            self.name, self.passed, self.failed
        );
        self.report.passed += self.passed;
        self.report.failed += self.failed;
    }
}

/// `Err` with the text unless `holds`.
pub fn check(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(otherwise()) }
}
