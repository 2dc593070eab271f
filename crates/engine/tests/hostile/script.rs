//! Written-down IMAP servers: what they say, and at which command.

use std::time::Duration;

use serde_json::Value;
use testkit::imap_server::Fault;
use testkit::imap_server::Say;
use testkit::imap_server::UIDS;

use crate::fields::only;
use crate::fields::text;

const FIELDS: &[&str] = &["id", "cls", "name", "desc", "steps", "expect"];
const STEPS: &[&str] = &["on", "send", "repeat", "drip", "deflate", "stall", "close"];

/// What is said before the first `on` is the greeting; what follows one is said at that command.
pub fn fault(case: &Value) -> Result<Fault, String> {
    only(case, FIELDS)?;
    let steps = case["steps"].as_array().ok_or("no steps")?;
    let mut fault = Fault::default();
    for step in steps {
        if !step.is_string() {
            only(step, STEPS)?;
        }
        if step.get("on").is_some() {
            fault.reactions.push((text(step, "on")?.to_owned(), Vec::new()));
        }
        let said = match fault.reactions.last_mut() {
            Some((_, said)) => said,
            None => &mut fault.greeting,
        };
        said.extend(says(step)?);
    }
    Ok(fault)
}

/// In the order of [`STEPS`], whatever the order in the list: JSON has none.
fn says(step: &Value) -> Result<Vec<Say>, String> {
    let mut says = Vec::new();
    if let Some(text) = step.as_str() {
        says.push(Say::Bytes(text.as_bytes().to_vec()));
    }
    if step.get("send").is_some() {
        says.push(Say::Bytes(text(step, "send")?.as_bytes().to_vec()));
    }
    if let Some(repeat) = step.get("repeat") {
        let (text, count) = pair(repeat)?;
        let count = count.as_u64().ok_or_else(|| format!("no count: {count}"))?;
        says.push(Say::Repeat(text.to_owned(), count));
    }
    if let Some(drip) = step.get("drip") {
        let (text, seconds) = pair(drip)?;
        let seconds = seconds.as_f64().ok_or_else(|| format!("no seconds: {seconds}"))?;
        let pause = Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())?;
        says.push(Say::Drip(text.as_bytes().to_vec(), pause));
    }
    if let Some(bytes) = step.get("deflate") {
        let bytes = bytes.as_u64().ok_or_else(|| format!("no bytes: {bytes}"))?;
        says.push(Say::Deflated(bytes));
    }
    // How long is not asked: it lasts until the other side has had enough.
    if step.get("stall").is_some() {
        says.push(Say::Stall);
    }
    if step
        .get("close")
        .is_some_and(|close| *close != Value::Bool(false))
    {
        says.push(Say::Close);
    }
    Ok(says)
}

fn pair(value: &Value) -> Result<(&str, &Value), String> {
    match value.as_array().map(Vec::as_slice) {
        Some([Value::String(text), number]) => Ok((text, number)),
        _ => Err(format!("no text and number: {value}")),
    }
}

/// Messages that the script itself gives, well-formed, for UIDs that are there: they may be stored.
/// Independent of our parser.
pub fn given(case: &Value) -> Vec<(u32, Vec<u8>)> {
    let texts = case["steps"].as_array().into_iter().flatten();
    let texts = texts.filter_map(|step| step.as_str().or(step["send"].as_str()));
    let responses = texts.flat_map(|text| text.split("FETCH (").skip(1));
    responses.filter_map(given_by).collect()
}

fn given_by(response: &str) -> Option<(u32, Vec<u8>)> {
    let (_, uid) = response.split_once("UID ")?;
    let digits = uid.find(|c: char| !c.is_ascii_digit())?;
    let uid: u32 = uid[..digits].parse().ok().filter(|uid| UIDS.contains(uid))?;
    let (_, value) = response.split_once("BODY[]")?;
    let value = value.strip_prefix("<0>").unwrap_or(value).strip_prefix(' ')?;
    if let Some(quoted) = value.strip_prefix('"') {
        return Some((uid, quoted.split_once('"')?.0.as_bytes().to_vec()));
    }
    let literal = value.strip_prefix('~').unwrap_or(value).strip_prefix('{')?;
    let (size, bytes) = literal.split_once("}\r\n")?;
    let size = size.strip_suffix('+').unwrap_or(size);
    let is_number = size.len() < 20 && size.bytes().all(|byte| byte.is_ascii_digit());
    let size: usize = size.parse().ok().filter(|_| is_number)?;
    let body = bytes.as_bytes().get(..size)?;
    matches!(bytes.as_bytes().get(size), Some(b' ' | b')')).then(|| (uid, body.to_vec()))
}
