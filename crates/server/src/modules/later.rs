//! Modules of PulseAudio's that are not there yet, each with what it needs.

const HARDWARE: &str = "hardware devices come with a later version";
const NETWORK: &str = "RTP, discovery and other network protocols come with a later version";
const FILTERS: &str = "LADSPA, echo cancelling, equalizers and surround come with a later version";
const DESKTOP: &str = "it belongs to a desktop's hardware or session, which come with a later version";

/// By name: what it needs.
pub(super) fn reason(name: &str) -> Option<(&'static str, &'static str)> {
    const LATER: &[(&[&str], &str)] = &[
        (
            &[
                "module-alsa-card",
                "module-alsa-sink",
                "module-alsa-source",
                "module-bluetooth-discover",
                "module-bluetooth-policy",
                "module-bluez5-device",
                "module-bluez5-discover",
                "module-detect",
                "module-hal-detect",
                "module-jack-sink",
                "module-jack-source",
                "module-jackdbus-detect",
                "module-oss",
                "module-udev-detect",
                "module-switch-on-port-available",
            ],
            HARDWARE,
        ),
        (
            &[
                "module-esound-compat-spawnfd",
                "module-esound-compat-spawnpid",
                "module-esound-protocol-tcp",
                "module-esound-protocol-unix",
                "module-esound-sink",
                "module-http-protocol-tcp",
                "module-http-protocol-unix",
                "module-raop-discover",
                "module-raop-sink",
                "module-rtp-recv",
                "module-rtp-send",
                "module-rygel-media-server",
                "module-zeroconf-discover",
                "module-zeroconf-publish",
            ],
            NETWORK,
        ),
        (
            &[
                "module-echo-cancel",
                "module-equalizer-sink",
                "module-ladspa-sink",
                "module-virtual-surround-sink",
            ],
            FILTERS,
        ),
        (
            &[
                "module-allow-passthrough",
                "module-console-kit",
                "module-dbus-protocol",
                "module-gsettings",
                "module-lirc",
                "module-mmkbd-evdev",
                "module-systemd-login",
                "module-x11-bell",
                "module-x11-cork-request",
                "module-x11-publish",
                "module-x11-xsmp",
            ],
            DESKTOP,
        ),
    ];
    LATER
        .iter()
        .find_map(|(names, reason)| names.iter().find(|known| **known == name).map(|known| (*known, *reason)))
}
