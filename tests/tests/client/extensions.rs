//! Extensions and object messages.

use crate::stage::{connect, get, scenarios, until, wait};
use sealpulse_client::extension::{ExtensionEvent, StreamRestoreEntry};
use sealpulse_client::{ChannelMap, ChannelVolumes, News, UpdateMode, Volume};
use sealpulse_tests::Server;

scenarios! {
    volumes_of_streams_are_remembered
    changes_of_what_is_remembered_are_told
    formats_of_sinks_are_remembered
    objects_take_messages
    a_message_to_nobody_is_refused
}

const NAME: &str = "sink-input-by-media-role:event";

fn entry() -> StreamRestoreEntry {
    let mut entry = StreamRestoreEntry::new(NAME);
    entry.map = ChannelMap::mono();
    entry.volume = ChannelVolumes::all(1, Volume(0x6000));
    entry
}

fn volumes_of_streams_are_remembered(server: &Server) {
    let context = connect(server);
    assert!(get(context.stream_restore_version()) >= 1);
    get(context.stream_restore_write(UpdateMode::Replace, &[entry()], true));
    let find = || get(context.stream_restore_read()).into_iter().find(|entry| entry.name == NAME);
    assert_eq!(until("entry", find).volume, entry().volume);
    get(context.stream_restore_delete(&[NAME]));
    until("end of the entry", || find().is_none().then_some(()));
}

fn changes_of_what_is_remembered_are_told(server: &Server) {
    let context = connect(server);
    let mut events = get(context.stream_restore_subscribe());
    get(context.stream_restore_write(UpdateMode::Replace, &[entry()], true));
    while wait(events.next()) != Some(News::Extension(ExtensionEvent::StreamRestore)) {}
}

fn formats_of_sinks_are_remembered(server: &Server) {
    let context = connect(server);
    assert!(get(context.device_restore_version()) >= 1);
    let sink = get(context.sink("out")).index;
    let formats = get(context.device_restore_read_formats(sink));
    assert_eq!(formats.index, sink);
}

fn objects_take_messages(server: &Server) {
    let context = connect(server);
    let handlers = get(context.message("/core", "list-handlers", ""));
    assert!(handlers.contains("/core"), "{handlers}");
}

fn a_message_to_nobody_is_refused(server: &Server) {
    let context = connect(server);
    assert!(wait(context.message("/nowhere", "hello", "")).is_err());
    get(context.server_info());
}
