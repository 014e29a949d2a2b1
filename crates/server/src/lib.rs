//! The control thread: sessions, object registry, policy, modules, status.
