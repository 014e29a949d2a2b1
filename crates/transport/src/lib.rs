//! A link to one peer: socket, descriptors, srbchannel rings and block references.
