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

/// What an object says.
pub(crate) struct Answer {
    /// `None` for the status, which only the sound threads know.
    pub(crate) text: Option<String>,
}

impl State {
    /// Answers a message to an object.
    pub(crate) fn object_message(
        &self,
        path: &str,
        message: &str,
        parameters: Option<&str>,
    ) -> Result<Answer, ErrorCode> {
        let path = path.strip_suffix('/').unwrap_or(path);
        if !matches!(path, "/core" | "/sealpulse") {
            return Err(ErrorCode::NoEntity);
        }
        // Parameters are JSON, or text that is meant as a JSON string.
        let parameters = parameters.filter(|text| !text.is_empty());
        if parameters.is_some_and(|text| !is_json(text) && !is_json(&format!("\"{text}\""))) {
            return Err(ErrorCode::Invalid);
        }
        match (path, message) {
            ("/core", "list-handlers") => json(&[CORE, SEALPULSE]),
            ("/sealpulse", "help") => json(HELP),
            ("/sealpulse", "status") => Ok(Answer { text: None }),
            _ => Err(ErrorCode::NotImplemented),
        }
    }
}

impl Handle for SendObjectMessage {
    fn handle(self, state: &mut State, caller: Caller) -> Handled<SendObjectMessageReply> {
        let path = self.object_path.ok_or(ErrorCode::Invalid)?;
        let message = self.message.ok_or(ErrorCode::Invalid)?;
        let answer = state.object_message(&path, &message, self.parameters.as_deref())?;
        if answer.text.is_none() {
            let playback: Vec<_> = state.registry.sink_inputs.values().map(|input| input.stream).collect();
            let record: Vec<_> = state.registry.source_outputs.values().map(|output| output.stream).collect();
            state.ask(caller.session, caller.tag, Question::Status, &playback, &record)?;
            return Ok(Outcome::Later);
        }
        Ok(Outcome::Reply(SendObjectMessageReply { response: answer.text }))
    }
}

fn is_json(text: &str) -> bool {
    serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

fn json<T: Serialize + ?Sized>(value: &T) -> Result<Answer, ErrorCode> {
    let text = serde_json::to_string(value).map_err(|_| ErrorCode::Internal)?;
    Ok(Answer { text: Some(text) })
}
