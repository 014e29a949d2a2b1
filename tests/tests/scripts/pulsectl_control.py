"""What a program that controls a server by pulsectl does: each step checks itself, and prints what was answered.

Run with the index of a stream that plays the loudest sample there is on the sink `speaker`, on a server with the
sinks `speaker` and `hdmi`.
"""

import sys

from pulsectl import Pulse, PulseError, PulseIndexError, PulseLoopStop, PulseOperationFailed, PulseVolumeInfo


def shown(thing, *names):
    print(type(thing).__name__, *(f'{name}={getattr(thing, name)}' for name in names))


def lists(pulse):
    """Everything that can be listed, and each by its index."""
    info = pulse.server_info()
    shown(info, 'default_sink_name', 'default_source_name')
    for sink in pulse.sink_list():
        shown(sink, 'index', 'name', 'description', 'mute', 'owner_module', 'driver', 'flags', 'state',
              'channel_count', 'channel_list', 'monitor_source_name', 'port_list', 'proplist')
        assert pulse.sink_info(sink.index).name == sink.name
        assert pulse.get_sink_by_name(sink.name).index == sink.index
    for source in pulse.source_list():
        shown(source, 'index', 'name', 'description', 'monitor_of_sink_name', 'volume', 'proplist')
        assert pulse.source_info(source.index).name == source.name
    for module in pulse.module_list():
        assert pulse.module_info(module.index).name == module.name
        if module.name == 'module-null-sink':
            shown(module, 'name', 'argument')
    assert pulse.card_list() == []
    assert any(client.name == 'controller' for client in pulse.client_list())
    for wrong in pulse.sink_info, pulse.source_info, pulse.module_info, pulse.sink_input_info, pulse.card_info:
        try:
            wrong(7777)
            raise AssertionError(f'{wrong} is there')
        except PulseIndexError as error:
            print('not there:', error)


def devices(pulse):
    """Volume, mute and the default."""
    speaker, hdmi = (pulse.get_sink_by_name(name) for name in ('speaker', 'hdmi'))
    pulse.volume_set_all_chans(speaker, 0.4)
    assert abs(pulse.get_sink_by_name('speaker').volume.value_flat - 0.4) < 0.001
    pulse.volume_change_all_chans(pulse.get_sink_by_name('speaker'), 0.25)
    pulse.volume_set(hdmi, PulseVolumeInfo([0.1, 0.2, 0.3, 0.4, 0.5, 0.6]))
    pulse.mute(hdmi)
    source = pulse.get_source_by_name('hdmi.monitor')
    pulse.volume_set_all_chans(source, 0.7)
    pulse.mute(source)
    pulse.default_set(hdmi)
    pulse.default_set(pulse.get_source_by_name('speaker.monitor'))
    shown(pulse.server_info(), 'default_sink_name', 'default_source_name')
    for device in pulse.sink_list() + pulse.source_list():
        shown(device, 'name', 'mute', 'volume')
    assert pulse.get_sink_by_name('hdmi').mute == 1
    assert pulse.server_info().default_sink_name == 'hdmi'
    pulse.default_set(speaker)
    pulse.volume_set_all_chans(speaker, 1)


def streams(pulse, index):
    """A stream that plays: its volume, and where it plays."""
    stream = pulse.sink_input_info(index)
    shown(stream, 'name', 'mute', 'corked', 'channel_list', 'volume')
    pulse.volume_set_all_chans(stream, 0.5)
    pulse.mute(stream)
    shown(pulse.sink_input_info(index), 'mute', 'volume')
    pulse.mute(stream, False)
    pulse.sink_input_move(index, pulse.get_sink_by_name('hdmi').index)
    assert pulse.sink_input_info(index).sink == pulse.get_sink_by_name('hdmi').index
    pulse.sink_input_move(index, pulse.get_sink_by_name('speaker').index)
    assert pulse.sink_input_info(index).sink == pulse.get_sink_by_name('speaker').index
    for wrong in (index, 7777), (7777, 0):
        try:
            pulse.sink_input_move(*wrong)
            raise AssertionError(f'moved {wrong}')
        except PulseOperationFailed:
            print('not moved', wrong[1])


def peaks(pulse, index):
    """What is heard, whole and of one stream: half the volume is an eighth of the amplitude."""
    monitor = pulse.get_sink_by_name('speaker').monitor_source
    for wanted, volume in (0.125, 0.5), (0.512, 0.8):
        pulse.volume_set_all_chans(pulse.sink_input_info(index), volume)
        # The first may be from before the change. If it never comes, the test has a limit.
        while abs(pulse.get_peak_sample(monitor, 0.2) - wanted) > 0.002:
            pass
        # And one stream alone.
        while abs(pulse.get_peak_sample(monitor, 0.2, index) - wanted) > 0.002:
            pass
        print('heard:', wanted)
    assert pulse.get_peak_sample('hdmi.monitor', 0.2) == 0
    print('not heard on the other')


def modules_and_events(pulse):
    """Modules come and go, and another connection hears of it."""
    seen = []

    def until(facility, kind):
        def hear(event):
            seen.append((event.facility._value, event.t._value, event.index))
            if seen[-1][:2] == (facility, kind):
                raise PulseLoopStop
        watcher.event_callback_set(hear)
        watcher.event_listen()

    with Pulse('watcher') as watcher:
        watcher.event_mask_set('sink', 'source', 'module', 'server')
        index = pulse.module_load('module-null-sink', 'sink_name=third rate=44100')
        until('module', 'new')
        third = pulse.get_sink_by_name('third')
        assert third.owner_module == index
        pulse.volume_set_all_chans(third, 0.3)
        until('sink', 'change')
        pulse.default_set(third)
        until('server', 'change')
        pulse.module_unload(index)
        until('module', 'remove')
    for facility, of in ('sink', third.index), ('source', third.monitor_source), ('module', index):
        kinds = [kind for *which, kind, number in seen if (*which, number) == (facility, of)]
        assert [kind for kind in kinds if kind != 'change'] == ['new', 'remove'], (facility, seen)
    assert all(sink.name != 'third' for sink in pulse.sink_list())
    for wrong in ('module-nonsense', ''), ('module-null-sink', 'nonsense=1'):
        try:
            pulse.module_load(*wrong)
            raise AssertionError(f'loaded {wrong}')
        except PulseError as error:
            print('not loaded:', error)
    try:
        pulse.module_unload(7777)
        raise AssertionError('unloaded nothing')
    except PulseOperationFailed:
        print('not unloaded')


def restore(pulse):
    """The volumes that module-stream-restore remembers."""
    index = pulse.module_load('module-stream-restore')
    print('stream-restore', pulse.stream_restore_test())
    name = 'sink-input-by-application-name:nobody'
    pulse.stream_restore_write(name, volume=0.5, mute=True, device='hdmi', channel_list='mono')
    entry, = (entry for entry in pulse.stream_restore_read() if entry.name == name)
    shown(entry, 'name', 'volume', 'mute', 'device', 'channel_list')
    pulse.stream_restore_delete(name)
    assert all(entry.name != name for entry in pulse.stream_restore_read())
    pulse.module_unload(index)


def main():
    index = int(sys.argv[1])
    with Pulse('controller') as pulse:
        lists(pulse)
        devices(pulse)
        streams(pulse, index)
        peaks(pulse, index)
        modules_and_events(pulse)
        restore(pulse)
    print('all is well')


main()
