//! Messages to objects: `/core` as in PulseAudio, and `/sealpulse` for what PulseAudio does not have.

use sealpulse_protocol::ErrorCode;
use sealpulse_protocol::command::{SendObjectMessage, SendObjectMessageReply};
use serde::Serialize;

use super::{Caller, Handle, Handled, Outcome};
use crate::queries::Question;
use crate::state::State;

/// An object that takes messages, as `list-handlers` shows it.
#[derive(Serialize)]
struct Handler {
    name: &'static str,
    description: &'static str,
}

const CORE: Handler = Handler { name: "/core", description: "Core message handler" };
const SEALPULSE: Handler = Handler { name: "/sealpulse", description: "sealpulse: status, help" };

/// What `/sealpulse help` answers.
const HELP: &[&str] = &["help: this list", "status: clients, devices and threads, as JSON"];

impl Handle for SendObjectMessage {
    fn handle(self, state: &mut State, caller: Caller) -> Handled<SendObjectMessageReply> {
        let path = self.object_path.ok_or(ErrorCode::Invalid)?;
        let message = self.message.ok_or(ErrorCode::Invalid)?;
        let path = path.strip_suffix('/').unwrap_or(&path);
        if !matches!(path, "/core" | "/sealpulse") {
            return Err(ErrorCode::NoEntity);
        }
        // Parameters are JSON, or text that is meant as a JSON string.
        let parameters = self.parameters.as_deref().filter(|text| !text.is_empty());
        if parameters.is_some_and(|text| !is_json(text) && !is_json(&format!("\"{text}\""))) {
            return Err(ErrorCode::Invalid);
        }
        match (path, message.as_str()) {
            ("/core", "list-handlers") => json(&[CORE, SEALPULSE]),
            ("/sealpulse", "help") => json(HELP),
            ("/sealpulse", "status") => {
                let playback: Vec<_> =
                    state.registry.sink_inputs.values().map(|input| input.stream).collect();
                let record: Vec<_> =
                    state.registry.source_outputs.values().map(|output| output.stream).collect();
                state.ask(caller.session, caller.tag, Question::Status, &playback, &record)?;
                Ok(Outcome::Later)
            }
            _ => Err(ErrorCode::NotImplemented),
        }
    }
}

fn is_json(text: &str) -> bool {
    serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

fn json<T: Serialize + ?Sized>(value: &T) -> Handled<SendObjectMessageReply> {
    let response = serde_json::to_string(value).map_err(|_| ErrorCode::Internal)?;
    Ok(Outcome::Reply(SendObjectMessageReply { response: Some(response) }))
}
