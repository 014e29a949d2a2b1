//! The socket: bytes, descriptors and credentials in and out, never blocking.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, UCred, sockopt,
};

use crate::error::LinkError;
use crate::queue::Ancillary;

/// Bytes that the kernel keeps in each direction, as PulseAudio sets it.
const SOCKET_BUFFER: usize = 64 * 1024;

/// Most descriptors that the kernel passes in one message (`SCM_MAX_FD`). With less room for them, closing what
/// does not fit would be left to chance.
const KERNEL_DESCRIPTORS_MAX: usize = 253;

/// Most descriptors that a packet of the protocol has.
pub(crate) const DESCRIPTORS_MAX: usize = 2;

/// Who is at the other end, or sent a packet, as the kernel says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Credentials {
    /// Process.
    pub pid: i32,
    /// User.
    pub uid: u32,
    /// Group.
    pub gid: u32,
}

impl From<UCred> for Credentials {
    fn from(from: UCred) -> Credentials {
        Credentials { pid: from.pid.as_raw_nonzero().get(), uid: from.uid.as_raw(), gid: from.gid.as_raw() }
    }
}

/// Sets the socket up: without blocking, with credentials, with PulseAudio's buffer sizes.
pub(crate) fn configure(socket: BorrowedFd<'_>) -> io::Result<()> {
    rustix::io::ioctl_fionbio(socket, true)?;
    if sockopt::socket_domain(socket)? == AddressFamily::UNIX {
        sockopt::set_socket_passcred(socket, true)?;
    } else {
        sockopt::set_tcp_nodelay(socket, true)?;
    }
    // Only as good as the kernel's limits allow.
    let _ = sockopt::set_socket_recv_buffer_size(socket, SOCKET_BUFFER);
    let _ = sockopt::set_socket_send_buffer_size(socket, SOCKET_BUFFER);
    Ok(())
}

/// Who connected; none over TCP, or where the kernel cannot tell.
pub(crate) fn peer(socket: BorrowedFd<'_>) -> Option<Credentials> {
    match sockopt::socket_domain(socket) {
        Ok(AddressFamily::UNIX) => sockopt::socket_peercred(socket).ok().map(Credentials::from),
        _ => None,
    }
}

/// What one read brought.
#[derive(Debug)]
pub(crate) struct Received {
    /// Bytes; 0 at the end of the stream.
    pub(crate) count: usize,
    pub(crate) credentials: Option<Credentials>,
    /// Descriptors that belong to the frame in which the last byte lies: the kernel ends a read behind the
    /// message that has descriptors, and that message holds no other frame behind theirs.
    pub(crate) descriptors: Vec<OwnedFd>,
}

/// Reads once. None: there is nothing now.
pub(crate) fn receive(socket: BorrowedFd<'_>, buffer: &mut [u8]) -> Result<Option<Received>, LinkError> {
    let mut space =
        [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(KERNEL_DESCRIPTORS_MAX), ScmCredentials(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let flags = RecvFlags::CMSG_CLOEXEC | RecvFlags::DONTWAIT;
    let message = loop {
        match rustix::net::recvmsg(socket, &mut [IoSliceMut::new(buffer)], &mut control, flags) {
            Ok(message) => break message,
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => return Ok(None),
            Err(Errno::CONNRESET) => {
                return Ok(Some(Received { count: 0, credentials: None, descriptors: Vec::new() }));
            }
            Err(errno) => return Err(LinkError::Io(errno.into())),
        }
    };
    let mut received = Received { count: message.bytes, credentials: None, descriptors: Vec::new() };
    let mut excess = 0;
    for part in control.drain() {
        match part {
            RecvAncillaryMessage::ScmRights(descriptors) => {
                for descriptor in descriptors {
                    if received.descriptors.len() < DESCRIPTORS_MAX {
                        received.descriptors.push(descriptor);
                    } else {
                        excess += 1;
                    }
                }
            }
            RecvAncillaryMessage::ScmCredentials(from) => received.credentials = Some(from.into()),
            _ => {}
        }
    }
    if message.flags.contains(ReturnFlags::CTRUNC) {
        return Err(LinkError::AncillaryTruncated);
    }
    if excess > 0 {
        return Err(LinkError::TooManyDescriptors {
            count: DESCRIPTORS_MAX + excess,
            limit: DESCRIPTORS_MAX,
        });
    }
    Ok(Some(received))
}

/// Sends what the kernel takes. None: it takes nothing now.
pub(crate) fn send(
    socket: BorrowedFd<'_>,
    bytes: &[u8],
    ancillary: Option<&Ancillary>,
) -> Result<Option<usize>, LinkError> {
    let mut space =
        [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS_MAX), ScmCredentials(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let borrowed: Vec<BorrowedFd<'_>>;
    match ancillary {
        Some(Ancillary::Descriptors(descriptors)) => {
            borrowed = descriptors.iter().map(AsFd::as_fd).collect();
            if !control.push(SendAncillaryMessage::ScmRights(&borrowed)) {
                let count = borrowed.len();
                return Err(LinkError::TooManyDescriptors { count, limit: DESCRIPTORS_MAX });
            }
        }
        Some(Ancillary::Credentials) => {
            let own = UCred {
                pid: rustix::process::getpid(),
                uid: rustix::process::getuid(),
                gid: rustix::process::getgid(),
            };
            // There is room for it, and without it the kernel says the same of us.
            let _ = control.push(SendAncillaryMessage::ScmCredentials(own));
        }
        None => {}
    }
    let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
    loop {
        match rustix::net::sendmsg(socket, &[IoSlice::new(bytes)], &mut control, flags) {
            Ok(count) => return Ok(Some(count)),
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => return Ok(None),
            Err(Errno::PIPE | Errno::CONNRESET) => return Err(LinkError::Closed),
            Err(errno) => return Err(LinkError::Io(errno.into())),
        }
    }
}
