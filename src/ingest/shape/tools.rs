//! Calls of tools as text: `<tool_call>` around a JSON object with name and arguments, as the chat
//! templates of Hermes and Qwen write them.

use super::{Fields, Misfit};
use serde_json::{Value, json};

/// The calls of a turn, `None` where it makes none.
pub(super) fn calls_text(turn: &Fields) -> Result<Option<String>, Misfit> {
    let calls = match (turn.get("tool_calls"), turn.get("function_call")) {
        (Some(Value::Array(calls)), _) if !calls.is_empty() => calls.as_slice(),
        (_, Some(call @ Value::Object(_))) => std::slice::from_ref(call),
        _ => return Ok(None),
    };
    let texts: Result<Vec<String>, Misfit> = calls
        .iter()
        .map(|call| match call.get("function").unwrap_or(call) {
            Value::Object(call) => call_text(call),
            _ => Err(nameless()),
        })
        .collect();
    Ok(Some(texts?.join("\n")))
}

/// One call: its name, and its arguments as an object or as the text of one.
pub(super) fn call_text(call: &Fields) -> Result<String, Misfit> {
    let Some(Value::String(name)) = call.get("name") else {
        return Err(nameless());
    };
    let arguments = match call.get("arguments").or_else(|| call.get("input")) {
        Some(Value::String(text)) => {
            serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.clone()))
        }
        Some(arguments) => arguments.clone(),
        None => json!({}),
    };
    let call = json!({ "name": name, "arguments": arguments });
    Ok(format!("<tool_call>\n{call}\n</tool_call>"))
}

fn nameless() -> Misfit {
    Misfit::wrong("a call of a tool has no name".to_owned())
}
