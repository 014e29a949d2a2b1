//! The one table of commands. Everything that must know all of them is made from it.

/// Calls the macro `$make` with a row for each command, in the order of the codes:
/// `code NAME Struct direction since => Reply;`. What only notifies has no reply.
macro_rules! for_each_command {
    ($make:ident) => {
        $make! {
            3 CREATE_PLAYBACK_STREAM CreatePlaybackStream Client 8 => CreatePlaybackStreamReply;
            4 DELETE_PLAYBACK_STREAM DeletePlaybackStream Client 8 => Ack;
            5 CREATE_RECORD_STREAM CreateRecordStream Client 8 => CreateRecordStreamReply;
            6 DELETE_RECORD_STREAM DeleteRecordStream Client 8 => Ack;
            7 EXIT Exit Client 8 => Ack;
            8 AUTH Auth Client 8 => AuthReply;
            9 SET_CLIENT_NAME SetClientName Client 8 => SetClientNameReply;
            10 LOOKUP_SINK LookupSink Client 8 => LookupReply;
            11 LOOKUP_SOURCE LookupSource Client 8 => LookupReply;
            12 DRAIN_PLAYBACK_STREAM DrainPlaybackStream Client 8 => Ack;
            13 STAT Stat Client 8 => StatReply;
            14 GET_PLAYBACK_LATENCY GetPlaybackLatency Client 8 => PlaybackLatency;
            15 CREATE_UPLOAD_STREAM CreateUploadStream Client 8 => CreateUploadStreamReply;
            16 DELETE_UPLOAD_STREAM DeleteUploadStream Client 8 => Ack;
            17 FINISH_UPLOAD_STREAM FinishUploadStream Client 8 => Ack;
            18 PLAY_SAMPLE PlaySample Client 8 => PlaySampleReply;
            19 REMOVE_SAMPLE RemoveSample Client 8 => Ack;
            20 GET_SERVER_INFO GetServerInfo Client 8 => ServerInfo;
            21 GET_SINK_INFO GetSinkInfo Client 8 => SinkInfo;
            22 GET_SINK_INFO_LIST GetSinkInfoList Client 8 => Vec<SinkInfo>;
            23 GET_SOURCE_INFO GetSourceInfo Client 8 => SourceInfo;
            24 GET_SOURCE_INFO_LIST GetSourceInfoList Client 8 => Vec<SourceInfo>;
            25 GET_MODULE_INFO GetModuleInfo Client 8 => ModuleInfo;
            26 GET_MODULE_INFO_LIST GetModuleInfoList Client 8 => Vec<ModuleInfo>;
            27 GET_CLIENT_INFO GetClientInfo Client 8 => ClientInfo;
            28 GET_CLIENT_INFO_LIST GetClientInfoList Client 8 => Vec<ClientInfo>;
            29 GET_SINK_INPUT_INFO GetSinkInputInfo Client 8 => SinkInputInfo;
            30 GET_SINK_INPUT_INFO_LIST GetSinkInputInfoList Client 8 => Vec<SinkInputInfo>;
            31 GET_SOURCE_OUTPUT_INFO GetSourceOutputInfo Client 8 => SourceOutputInfo;
            32 GET_SOURCE_OUTPUT_INFO_LIST GetSourceOutputInfoList Client 8 => Vec<SourceOutputInfo>;
            33 GET_SAMPLE_INFO GetSampleInfo Client 8 => SampleInfo;
            34 GET_SAMPLE_INFO_LIST GetSampleInfoList Client 8 => Vec<SampleInfo>;
            35 SUBSCRIBE Subscribe Client 8 => Ack;
            36 SET_SINK_VOLUME SetSinkVolume Client 8 => Ack;
            37 SET_SINK_INPUT_VOLUME SetSinkInputVolume Client 8 => Ack;
            38 SET_SOURCE_VOLUME SetSourceVolume Client 8 => Ack;
            39 SET_SINK_MUTE SetSinkMute Client 8 => Ack;
            40 SET_SOURCE_MUTE SetSourceMute Client 8 => Ack;
            41 CORK_PLAYBACK_STREAM CorkPlaybackStream Client 8 => Ack;
            42 FLUSH_PLAYBACK_STREAM FlushPlaybackStream Client 8 => Ack;
            43 TRIGGER_PLAYBACK_STREAM TriggerPlaybackStream Client 8 => Ack;
            44 SET_DEFAULT_SINK SetDefaultSink Client 8 => Ack;
            45 SET_DEFAULT_SOURCE SetDefaultSource Client 8 => Ack;
            46 SET_PLAYBACK_STREAM_NAME SetPlaybackStreamName Client 8 => Ack;
            47 SET_RECORD_STREAM_NAME SetRecordStreamName Client 8 => Ack;
            48 KILL_CLIENT KillClient Client 8 => Ack;
            49 KILL_SINK_INPUT KillSinkInput Client 8 => Ack;
            50 KILL_SOURCE_OUTPUT KillSourceOutput Client 8 => Ack;
            51 LOAD_MODULE LoadModule Client 8 => LoadModuleReply;
            52 UNLOAD_MODULE UnloadModule Client 8 => Ack;
            53 ADD_AUTOLOAD AddAutoload Client 8 => Opaque;
            54 REMOVE_AUTOLOAD RemoveAutoload Client 8 => Ack;
            55 GET_AUTOLOAD_INFO GetAutoloadInfo Client 8 => Opaque;
            56 GET_AUTOLOAD_INFO_LIST GetAutoloadInfoList Client 8 => Opaque;
            57 GET_RECORD_LATENCY GetRecordLatency Client 8 => RecordLatency;
            58 CORK_RECORD_STREAM CorkRecordStream Client 8 => Ack;
            59 FLUSH_RECORD_STREAM FlushRecordStream Client 8 => Ack;
            60 PREBUF_PLAYBACK_STREAM PrebufPlaybackStream Client 8 => Ack;
            61 REQUEST Request Server 8;
            62 OVERFLOW Overflow Server 8;
            63 UNDERFLOW Underflow Server 8;
            64 PLAYBACK_STREAM_KILLED PlaybackStreamKilled Server 8;
            65 RECORD_STREAM_KILLED RecordStreamKilled Server 8;
            66 SUBSCRIBE_EVENT SubscribeEvent Server 8;
            67 MOVE_SINK_INPUT MoveSinkInput Client 10 => Ack;
            68 MOVE_SOURCE_OUTPUT MoveSourceOutput Client 10 => Ack;
            69 SET_SINK_INPUT_MUTE SetSinkInputMute Client 11 => Ack;
            70 SUSPEND_SINK SuspendSink Client 11 => Ack;
            71 SUSPEND_SOURCE SuspendSource Client 11 => Ack;
            72 SET_PLAYBACK_STREAM_BUFFER_ATTR SetPlaybackStreamBufferAttr Client 12
                => SetPlaybackStreamBufferAttrReply;
            73 SET_RECORD_STREAM_BUFFER_ATTR SetRecordStreamBufferAttr Client 12
                => SetRecordStreamBufferAttrReply;
            74 UPDATE_PLAYBACK_STREAM_SAMPLE_RATE UpdatePlaybackStreamSampleRate Client 12 => Ack;
            75 UPDATE_RECORD_STREAM_SAMPLE_RATE UpdateRecordStreamSampleRate Client 12 => Ack;
            76 PLAYBACK_STREAM_SUSPENDED PlaybackStreamSuspended Server 12;
            77 RECORD_STREAM_SUSPENDED RecordStreamSuspended Server 12;
            78 PLAYBACK_STREAM_MOVED PlaybackStreamMoved Server 12;
            79 RECORD_STREAM_MOVED RecordStreamMoved Server 12;
            80 UPDATE_RECORD_STREAM_PROPLIST UpdateRecordStreamProplist Client 13 => Ack;
            81 UPDATE_PLAYBACK_STREAM_PROPLIST UpdatePlaybackStreamProplist Client 13 => Ack;
            82 UPDATE_CLIENT_PROPLIST UpdateClientProplist Client 13 => Ack;
            83 REMOVE_RECORD_STREAM_PROPLIST RemoveRecordStreamProplist Client 13 => Ack;
            84 REMOVE_PLAYBACK_STREAM_PROPLIST RemovePlaybackStreamProplist Client 13 => Ack;
            85 REMOVE_CLIENT_PROPLIST RemoveClientProplist Client 13 => Ack;
            86 STARTED Started Server 13;
            87 EXTENSION Extension Both 14 => Opaque;
            88 GET_CARD_INFO GetCardInfo Client 15 => CardInfo;
            89 GET_CARD_INFO_LIST GetCardInfoList Client 15 => Vec<CardInfo>;
            90 SET_CARD_PROFILE SetCardProfile Client 15 => Ack;
            91 CLIENT_EVENT ClientEvent Server 15;
            92 PLAYBACK_STREAM_EVENT PlaybackStreamEvent Server 15;
            93 RECORD_STREAM_EVENT RecordStreamEvent Server 15;
            94 PLAYBACK_BUFFER_ATTR_CHANGED PlaybackBufferAttrChanged Server 15;
            95 RECORD_BUFFER_ATTR_CHANGED RecordBufferAttrChanged Server 15;
            96 SET_SINK_PORT SetSinkPort Client 16 => Ack;
            97 SET_SOURCE_PORT SetSourcePort Client 16 => Ack;
            98 SET_SOURCE_OUTPUT_VOLUME SetSourceOutputVolume Client 22 => Ack;
            99 SET_SOURCE_OUTPUT_MUTE SetSourceOutputMute Client 22 => Ack;
            100 SET_PORT_LATENCY_OFFSET SetPortLatencyOffset Client 27 => Ack;
            101 ENABLE_SRBCHANNEL EnableSrbchannel Both 30;
            102 DISABLE_SRBCHANNEL DisableSrbchannel Both 30;
            103 REGISTER_MEMFD_SHMID RegisterMemfdShmid Both 31;
            104 SEND_OBJECT_MESSAGE SendObjectMessage Client 35 => SendObjectMessageReply;
        }
    };
}

pub(crate) use for_each_command;
