//! PipeWire as a sound server: the daemon, WirePlumber, and pipewire-pulse, without D-Bus and without devices.

use crate::{Application, Client, wait};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

/// Keeps WirePlumber from looking for hardware, and from D-Bus, without which it would end.
const MAIN_LUA: &str = "\
default_access.properties['enable-flatpak-portal'] = false
alsa_monitor.enabled = false
v4l2_monitor.enabled = false
libcamera_monitor.enabled = false
";
const BLUETOOTH_LUA: &str = "bluez_monitor.enabled = false\n";

/// The processes that pipewire-pulse needs. Dropped, they are ended, WirePlumber first.
#[derive(Debug)]
pub(crate) struct Companions {
    session_manager: Application,
    daemon: Application,
}

impl Companions {
    /// Starts the daemon in `root`, and WirePlumber when it listens.
    pub(crate) fn start(root: &Path, command: impl Fn(&str) -> Command) -> Companions {
        let configuration = root.join("home/.config/wireplumber");
        for (name, text) in [("main", MAIN_LUA), ("bluetooth", BLUETOOTH_LUA)] {
            let directory = configuration.join(format!("{name}.lua.d"));
            std::fs::create_dir_all(&directory).expect("WirePlumber's configuration can be made");
            std::fs::write(directory.join("80-tests.lua"), text).expect("and written");
        }
        let mut daemon = Application::start("pipewire", root, command("pipewire"));
        wait_for_socket(&root.join("runtime/pipewire-0"), &mut [&mut daemon]);
        let session_manager = Application::start("wireplumber", root, command("wireplumber"));
        Companions { session_manager, daemon }
    }

    /// Waits until `server`, which is pipewire-pulse, accepts clients at `socket`.
    pub(crate) fn wait_ready(&mut self, server: &mut Application, socket: &Path) {
        wait_for_socket(socket, &mut [server, &mut self.session_manager, &mut self.daemon]);
    }

    /// Waits until WirePlumber has chosen a default sink: before, there may be no device to link streams to.
    pub(crate) fn wait_for_default(&mut self, client: &Client) {
        let end = Instant::now() + wait::LIMIT;
        loop {
            // A round trip through pipewire-pulse and the daemon each time.
            let info = client.pactl_json(&["info"]);
            if info["default_sink_name"].as_str().is_some_and(|name| !name.is_empty() && !name.contains('@'))
            {
                return;
            }
            assert!(self.session_manager.is_running(), "WirePlumber ended: {}", self.log());
            assert!(Instant::now() < end, "no default sink after {:?}: {}", wait::LIMIT, self.log());
        }
    }

    /// What both have logged so far.
    pub(crate) fn log(&self) -> String {
        format!("{}{}", self.daemon.errors(), self.session_manager.errors())
    }
}

/// Waits until something listens at `socket`; none of `processes` may end before.
fn wait_for_socket(socket: &Path, processes: &mut [&mut Application]) {
    let directory = socket.parent().expect("a socket lies in a directory");
    let end = Instant::now() + wait::LIMIT;
    // Binding makes an event, listening none: so look now and then, too.
    let look = || UnixStream::connect(socket).ok();
    while wait::on_directory(directory, std::time::Duration::from_millis(20), look).is_none() {
        for process in &mut *processes {
            assert!(process.is_running(), "a process of PipeWire's ended: {}", process.errors());
        }
        assert!(Instant::now() < end, "nobody listens at {}", socket.display());
    }
}
