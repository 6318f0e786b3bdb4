//! Private directories for Unix sockets.

use std::io;
use std::path::Path;

use tempfile::TempDir;

use super::EngineError;

/// Longest socket path that every supported system accepts, in bytes.
///
/// `sun_path` has 104 bytes on macOS and the BSDs and 108 on Linux, one of them for the final NUL. A longer path fails in
/// `bind` and, as libpq truncates nothing, in the client too.
const MAX_SOCKET_PATH: usize = 103;

/// Length of the file name that libpq appends: a slash and `.s.PGSQL.` with a port of five digits.
const SOCKET_NAME: usize = "/.s.PGSQL.65535".len();

/// Creates a directory with mode 0700 whose path is short enough for a Unix socket in it.
///
/// It is removed with the value. Tries the system's directory for temporary files, then the two that nearly every Unix
/// has: the first may be very long, or not there.
pub(crate) fn private_directory(prefix: &str) -> Result<TempDir, EngineError> {
    let mut last = io::Error::new(io::ErrorKind::InvalidFilename, "every candidate's path is too long for a socket");
    for candidate in [None, Some(Path::new("/tmp")), Some(Path::new("/var/tmp"))] {
        let mut builder = tempfile::Builder::new();
        builder.prefix(prefix).rand_bytes(8);
        match candidate.map_or_else(|| builder.tempdir(), |parent| builder.tempdir_in(parent)) {
            // A path that is not UTF-8 cannot stand in a connection URL.
            Ok(directory)
                if directory.path().as_os_str().len() + SOCKET_NAME <= MAX_SOCKET_PATH
                    && directory.path().to_str().is_some() =>
            {
                return Ok(directory);
            }
            Ok(_) => {}
            Err(error) => last = error,
        }
    }
    Err(EngineError::NoSocketDirectory { source: last })
}

/// Writes `text` so that it can stand as a parameter's value in a connection URL.
pub(crate) fn percent_encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}
