//! Recognises what the server says.
