//! From a packet to its command's handler, and back with the answer.

use std::os::fd::OwnedFd;

use sealpulse_engine::{Data, Seek};
use sealpulse_protocol::command::Ack;
use sealpulse_protocol::frame::SeekMode;
use sealpulse_protocol::{Answered, Command, CommandCode, DecodeError, ErrorCode};
use sealpulse_transport::{Credentials, Incoming, Payload};

use super::SessionKey;
use crate::state::State;

/// Who sent a command.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Caller {
    pub(crate) session: SessionKey,
    pub(crate) tag: u32,
    pub(crate) version: u32,
}

/// What became of a command.
pub(crate) enum Outcome<R> {
    Reply(R),
    /// The reply is sent later, when something has happened.
    Later,
}

/// What a handler returns: an error is for the client alone.
pub(crate) type Handled<R> = Result<Outcome<R>, ErrorCode>;

/// A command that the server understands.
pub(crate) trait Handle: Answered {
    fn handle(self, state: &mut State, caller: Caller) -> Handled<Self::Reply>;
}

/// "It is done."
pub(crate) fn done() -> Handled<Ack> {
    Ok(Outcome::Reply(Ack {}))
}

impl State {
    /// Handles what has come from a client, until the session ends.
    pub(crate) fn handle_incoming(&mut self, key: SessionKey, incoming: &mut Vec<Incoming>) {
        for item in incoming.drain(..) {
            if self.sessions.get(key).is_none() {
                // What is left closes its descriptors and releases its blocks by being dropped.
                continue;
            }
            match item {
                Incoming::Packet { data, credentials, fds } => {
                    self.handle_packet(key, &data, credentials, fds);
                    if let Some(session) = self.sessions.get_mut(key) {
                        session.link.reuse(data);
                    }
                }
                Incoming::Block { channel, offset, seek, payload } => {
                    self.handle_block(key, channel, offset, seek, payload);
                }
            }
        }
    }

    fn handle_packet(
        &mut self,
        key: SessionKey,
        data: &[u8],
        credentials: Option<Credentials>,
        fds: Vec<OwnedFd>,
    ) {
        let version = self.sessions.version(key);
        let (tag, command) = match Command::decode(data, version) {
            Ok(decoded) => decoded,
            // An answer to something that was not asked.
            Err(DecodeError::NotACommand { code: CommandCode::Reply | CommandCode::Error, .. }) => return,
            Err(error @ DecodeError::UnknownCommand { .. }) => return self.close_for(key, &error),
            Err(error) => match error.answer() {
                Some((tag, code)) => return self.refuse(key, tag, code),
                None => return self.close_for(key, &error),
            },
        };
        tracing::trace!(client = key.client(), tag, ?command, "command");
        let authorized = self.sessions.get(key).is_some_and(|session| session.authorized);
        let caller = Caller { session: key, tag, version };
        match command {
            Command::Auth(auth) => self.authenticate(caller, &auth, credentials),
            _ if !authorized => self.refuse(key, tag, ErrorCode::Access),
            Command::EnableSrbchannel(_) => self.ring_confirmed(key, tag),
            Command::RegisterMemfdShmid(register) => self.register_memfd(key, register.shm_id, fds),
            command => self.dispatch(caller, command),
        }
    }

    fn dispatch(&mut self, caller: Caller, command: Command) {
        macro_rules! handlers {
            ($($name:ident)*) => {
                match command {
                    $(Command::$name(command) => self.run(caller, command),)*
                    // What only a server sends, and what is obsolete.
                    other => self.close_for(caller.session, &format_args!("{} is not for a server", other.code())),
                }
            };
        }
        handlers! {
            CreatePlaybackStream DeletePlaybackStream CreateRecordStream DeleteRecordStream Exit SetClientName
            LookupSink LookupSource DrainPlaybackStream Stat GetPlaybackLatency CreateUploadStream
            DeleteUploadStream FinishUploadStream PlaySample RemoveSample GetServerInfo GetSinkInfo
            GetSinkInfoList GetSourceInfo GetSourceInfoList GetModuleInfo GetModuleInfoList GetClientInfo
            GetClientInfoList GetSinkInputInfo GetSinkInputInfoList GetSourceOutputInfo GetSourceOutputInfoList
            GetSampleInfo GetSampleInfoList Subscribe SetSinkVolume SetSinkInputVolume SetSourceVolume
            SetSinkMute SetSourceMute CorkPlaybackStream FlushPlaybackStream TriggerPlaybackStream
            SetDefaultSink SetDefaultSource SetPlaybackStreamName SetRecordStreamName KillClient KillSinkInput
            KillSourceOutput LoadModule UnloadModule GetRecordLatency CorkRecordStream FlushRecordStream
            PrebufPlaybackStream MoveSinkInput MoveSourceOutput SetSinkInputMute SuspendSink SuspendSource
            SetPlaybackStreamBufferAttr SetRecordStreamBufferAttr UpdatePlaybackStreamSampleRate
            UpdateRecordStreamSampleRate UpdateRecordStreamProplist UpdatePlaybackStreamProplist
            UpdateClientProplist RemoveRecordStreamProplist RemovePlaybackStreamProplist RemoveClientProplist
            Extension GetCardInfo GetCardInfoList SetCardProfile SetSinkPort SetSourcePort
            SetSourceOutputVolume SetSourceOutputMute SetPortLatencyOffset SendObjectMessage
        }
    }

    fn run<C: Handle>(&mut self, caller: Caller, command: C) {
        match command.handle(self, caller) {
            Ok(Outcome::Reply(reply)) => self.reply(caller.session, caller.tag, &reply),
            Ok(Outcome::Later) => {}
            Err(error) => {
                tracing::debug!(client = caller.session.client(), code = %C::CODE, %error, "refused");
                self.refuse(caller.session, caller.tag, error);
            }
        }
    }

    fn handle_block(&mut self, key: SessionKey, channel: u32, offset: i64, seek: SeekMode, payload: Payload) {
        let Some(session) = self.sessions.get_mut(key) else { return };
        if let Some(upload) = session.uploads.get_mut(&channel) {
            return match &payload {
                Payload::Chunk(chunk) => upload.take(chunk),
                Payload::Lost { length } => upload.skip(*length as usize),
            };
        }
        // A block may still be under way when the stream has ended.
        let Some(index) = session.playback_index(channel).filter(|_| session.authorized) else { return };
        let Some(input) = self.registry.sink_inputs.get(index) else { return };
        let length = match &payload {
            Payload::Chunk(chunk) => chunk.len(),
            Payload::Lost { length } => *length as usize,
        };
        if length % input.spec.frame_size().max(1) != 0 {
            if self.warnings.allow() {
                tracing::warn!(client = key.client(), stream = index, length, "a block ends within a frame");
            }
            return;
        }
        let data = match payload {
            Payload::Chunk(chunk) => Data::Chunk(chunk),
            Payload::Lost { .. } => Data::Hole(length),
        };
        let seek = match seek {
            SeekMode::Relative => Seek::Relative,
            SeekMode::Absolute => Seek::Absolute,
            SeekMode::RelativeOnRead => Seek::RelativeOnRead,
            SeekMode::RelativeEnd => Seek::RelativeEnd,
        };
        self.engine.push(input.stream, seek, offset, data);
    }
}
