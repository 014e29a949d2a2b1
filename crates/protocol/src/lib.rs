//! PulseAudio's native protocol, 8 to 35, without I/O.
