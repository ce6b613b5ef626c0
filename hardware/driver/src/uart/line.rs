//! Lines that carry bytes.

use std::fmt::Debug;
use std::io;
use std::time::Duration;

/// A serial line, or what stands for one.
pub trait Line: Debug + Send {
    /// Waits for bytes, and puts some of them at the beginning of `buffer`. Their number; 0 if none came in time.
    ///
    /// # Errors
    /// If the line is broken.
    fn read(&mut self, buffer: &mut [u8], patience: Duration) -> io::Result<usize>;

    /// Sends all of the bytes.
    ///
    /// # Errors
    /// If the line is broken.
    fn write(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Opens a broken line again; what was on its way may be lost.
    ///
    /// # Errors
    /// If it cannot be opened (yet).
    fn reopen(&mut self) -> io::Result<()>;
}

/// A serial port of this machine, 8 bits, no parity, one stop bit.
#[cfg(feature = "serial")]
#[derive(Debug)]
pub struct SerialLine {
    path: std::path::PathBuf,
    baud: u32,
    port: serial2::SerialPort,
}

#[cfg(feature = "serial")]
impl SerialLine {
    /// The port at a path (`/dev/ttyUSB0`, `COM3`), at so many bits a second.
    ///
    /// # Errors
    /// If there is none, or it cannot do that.
    pub fn open(path: impl Into<std::path::PathBuf>, baud: u32) -> io::Result<Self> {
        let path = path.into();
        let port = serial2::SerialPort::open(&path, baud)?;
        port.discard_buffers()?;
        Ok(Self { path, baud, port })
    }
}

#[cfg(feature = "serial")]
impl Line for SerialLine {
    fn read(&mut self, buffer: &mut [u8], patience: Duration) -> io::Result<usize> {
        self.port.set_read_timeout(patience)?;
        match self.port.read(buffer) {
            Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
            Err(error) if error.kind() == io::ErrorKind::TimedOut => Ok(0),
            other => other,
        }
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.port.write_all(bytes)
    }

    fn reopen(&mut self) -> io::Result<()> {
        self.port = Self::open(&self.path, self.baud)?.port;
        Ok(())
    }
}
