//! What elector and guard tell each other: one line a message, over a socket pair. The elector's first byte carries the
//! command's standard input along, because the guard's own one is the socket.

use std::fmt;
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::str::FromStr;

use leader_elector_core::Instant;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags,
    recvmsg, sendmsg,
};

/// From the elector. The end of the stream says [`Order::Kill`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// Kill everything at this moment of the boot clock; it replaces the one before. The first one starts the command.
    HoldUntil(Instant),
    /// Send this signal to the command.
    Signal(i32),
    /// Kill everything now.
    Kill,
}

/// From the guard. The end of the stream without [`Report::Gone`] says that the guard is dead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Report {
    /// The command has ended, with this exit code (128 + n for a signal); what it left behind is being killed.
    Ended(u8),
    /// Nothing is left.
    Gone,
    /// `/proc` hides the elector from it, so it would hide others: it starts nothing.
    Blind,
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HoldUntil(at) => write!(f, "until {}", at.as_nanos()),
            Self::Signal(number) => write!(f, "signal {number}"),
            Self::Kill => f.write_str("kill"),
        }
    }
}

impl FromStr for Order {
    type Err = Unreadable;

    fn from_str(line: &str) -> Result<Self, Unreadable> {
        match line.split_once(' ') {
            Some(("until", nanos)) => Ok(Self::HoldUntil(Instant::from_nanos(nanos.parse().map_err(|_| Unreadable)?))),
            Some(("signal", number)) => Ok(Self::Signal(number.parse().map_err(|_| Unreadable)?)),
            None if line == "kill" => Ok(Self::Kill),
            _ => Err(Unreadable),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ended(code) => write!(f, "ended {code}"),
            Self::Gone => f.write_str("gone"),
            Self::Blind => f.write_str("blind"),
        }
    }
}

impl FromStr for Report {
    type Err = Unreadable;

    fn from_str(line: &str) -> Result<Self, Unreadable> {
        match line.split_once(' ') {
            Some(("ended", code)) => Ok(Self::Ended(code.parse().map_err(|_| Unreadable)?)),
            None if line == "gone" => Ok(Self::Gone),
            None if line == "blind" => Ok(Self::Blind),
            _ => Err(Unreadable),
        }
    }
}

/// No message of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unreadable;

/// Sends a file descriptor along with one byte.
pub(super) fn send_descriptor(socket: &UnixStream, descriptor: BorrowedFd<'_>) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    let descriptors = [descriptor];
    if !ancillary.push(SendAncillaryMessage::ScmRights(&descriptors)) {
        return Err(io::Error::other("no room for a file descriptor"));
    }
    sendmsg(socket, &[IoSlice::new(b"\n")], &mut ancillary, SendFlags::empty())?;
    Ok(())
}

/// Receives what [`send_descriptor`] sent. It waits for it.
pub(super) fn receive_descriptor(socket: &UnixStream) -> io::Result<OwnedFd> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0];
    recvmsg(socket, &mut [IoSliceMut::new(&mut byte)], &mut ancillary, RecvFlags::CMSG_CLOEXEC)?;
    let descriptor = ancillary.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut descriptors) => descriptors.next(),
        _ => None,
    });
    descriptor.ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_message_is_read_as_it_was_written() {
        for order in [Order::HoldUntil(Instant::from_nanos(u64::MAX)), Order::Signal(15), Order::Kill] {
            assert_eq!(order.to_string().parse(), Ok(order));
        }
        for report in [Report::Ended(255), Report::Gone, Report::Blind] {
            assert_eq!(report.to_string().parse(), Ok(report));
        }
    }

    #[test]
    fn anything_else_is_no_message() {
        for line in ["", "until", "until x", "until -1", "signal", "kill 9", "KILL", "gone now", "ended 256"] {
            assert_eq!(line.parse::<Order>(), Err(Unreadable), "{line}");
            assert_eq!(line.parse::<Report>(), Err(Unreadable), "{line}");
        }
    }
}
