//! Any bytes as a script: no panic, no hang, places inside the file.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    fuzzing::read(bytes);
});
