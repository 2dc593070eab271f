//! Who may do what: every operation of the API x every kind of viewer x whose it is, and the canary.
//!
//! An operation without a row fails the run. After each refusal all tables are as before; what is foreign answers
//! like what is missing, to the byte. The last line is `N passed, M failed`.

#![allow(clippy::disallowed_methods, reason = "tests measure, and choose by chance")]

mod canary;
mod rows;
mod world;

use std::time::Instant;

use axum::http::StatusCode;
use rows::ROWS;
use rows::Row;
use rows::Whose;
use world::Answer;
use world::Target;
use world::Template;
use world::VIEWERS;
use world::Viewer;
use world::World;

#[derive(Default)]
pub struct Outcome {
    passed: u32,
    failed: u32,
}

impl Outcome {
    pub fn case(&mut self, name: impl FnOnce() -> String, problem: Option<String>) {
        match problem {
            None => self.passed += 1,
            Some(problem) => {
                self.failed += 1;
                println!("FAILED {}: {problem}", name());
            }
        }
    }
}

fn main() {
    let log = canary::capture_log();
    let runtime = tokio::runtime::Runtime::new().expect("runtime");
    let mut outcome = Outcome::default();
    runtime.block_on(async {
        let began = Instant::now();
        let template = Template::make().await;
        every_operation_has_a_row(&mut outcome);
        for row in ROWS {
            for viewer in VIEWERS {
                let world = template.open().await;
                check(&world, row, viewer, &mut outcome).await;
            }
        }
        println!(
            "matrix: {} operations x {} kinds of viewer, {:.1} s",
            ROWS.len(),
            VIEWERS.len(),
            began.elapsed().as_secs_f64()
        );
        canary::run(&template, &log, &mut outcome).await;
    });
    println!("{} passed, {} failed", outcome.passed, outcome.failed);
    std::process::exit(i32::from(outcome.failed > 0));
}

/// Taken from the document that the router makes, so that nothing can be forgotten.
fn every_operation_has_a_row(outcome: &mut Outcome) {
    let document: serde_json::Value = serde_json::from_str(&api::openapi_json()).expect("document");
    for (path, operations) in document["paths"].as_object().expect("paths") {
        let path = path.trim_start_matches("/api/v1");
        for method in operations.as_object().expect("operations").keys() {
            let method = method.to_uppercase();
            let has_row = ROWS
                .iter()
                .any(|row| row.method == method && row.path.split('?').next() == Some(path));
            let problem = (!has_row).then(|| "it has no row in the matrix".to_owned());
            outcome.case(|| format!("{method} {path}"), problem);
        }
    }
}

async fn check(world: &World, row: &Row, viewer: Viewer, outcome: &mut Outcome) {
    let mut foreign: Option<Answer> = None;
    // Alice's own is what is granted to others: once is enough, and some calls leave nothing behind.
    let targets = row.targets().iter();
    for target in targets.filter(|target| (viewer, **target) != (Viewer::Owner, Target::Granted)) {
        let name = || format!("{} {} as {viewer:?}, {target:?}", row.method, row.path);
        let before = world.dump().await;
        let answer = world.call(row, viewer, *target).await;
        let expected = expected(row, viewer, *target);
        let wrong = answer.status != expected;
        let problem = wrong.then(|| format!("{} in place of {expected}: {}", answer.status, answer.body));
        outcome.case(name, problem);
        if answer.status.as_u16() >= 400 {
            let changed = world.dump().await != before;
            outcome.case(name, changed.then(|| "a refusal changed something".to_owned()));
        }
        match target {
            Target::Foreign => foreign = Some(answer),
            Target::Missing => {
                let same = foreign.as_ref().is_some_and(|foreign| *foreign == answer);
                outcome.case(name, (!same).then(|| format!("{foreign:?} is not {answer:?}")));
            }
            _ => {}
        }
    }
}

/// The whole policy, once more and in other words than the code has it.
fn expected(row: &Row, viewer: Viewer, target: Target) -> StatusCode {
    let granted = row.success;
    let status = match (row.whose, viewer) {
        (Whose::Everybodys, _) => granted,
        (_, Viewer::Anonymous | Viewer::DisabledOwner) => 401,
        (Whose::OwnRecord, _) => granted,
        (Whose::Supers, Viewer::Super) => granted,
        (Whose::Supers, _) => 403,
        (Whose::Draft, Viewer::SealedOwner) => 404,
        (Whose::Session | Whose::Draft, _) if target == Target::Own => granted,
        (Whose::Session | Whose::Draft, _) => 404,
        (
            Whose::Account(_) | Whose::Message(_) | Whose::Thread(_) | Whose::Outgoing(_),
            Viewer::SealedOwner,
        ) if target == Target::Own => row.sealed,
        (Whose::Account(_) | Whose::Message(_) | Whose::Thread(_) | Whose::Outgoing(_), _) => {
            let needed = match row.whose {
                Whose::Account(needed)
                | Whose::Message(needed)
                | Whose::Thread(needed)
                | Whose::Outgoing(needed) => needed,
                _ => rows::Level::See,
            };
            let held = match target {
                Target::Own => Some(rows::Level::Own),
                Target::Granted => viewer.level_at_alices(),
                Target::Foreign | Target::Missing => None,
            };
            if held >= Some(needed) { granted } else { 404 }
        }
    };
    StatusCode::from_u16(status).expect("status")
}
