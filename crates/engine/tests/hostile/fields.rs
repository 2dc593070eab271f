//! What a list says is played, or refused: a step or a field that is passed over in silence proves nothing.

use serde_json::Value;

/// The first key of an entry that its suite does not know.
pub fn only(entry: &Value, known: &[&str]) -> Result<(), String> {
    let fields = entry.as_object().ok_or_else(|| format!("no object: {entry}"))?;
    match fields.keys().find(|key| !known.contains(&key.as_str())) {
        Some(key) => Err(format!("this runner does not know {key:?}")),
        None => Ok(()),
    }
}

pub fn text<'v>(entry: &'v Value, key: &str) -> Result<&'v str, String> {
    entry[key]
        .as_str()
        .ok_or_else(|| format!("no text under {key:?}: {}", entry[key]))
}
