//! Any text as a connection URL or string: what is read is what libpq reads, is read back, and shows no secret.

#![no_main]

use std::{
    collections::BTreeMap,
    ffi::{CStr, CString},
    ptr,
};

use hrms_migrate::pg::{ConnectionTarget, is_secret_keyword};

/// Lets libpq read a conninfo string; `None` where it refuses.
fn libpq(text: &str) -> Option<BTreeMap<String, String>> {
    let text = CString::new(text).ok()?;
    let mut error = ptr::null_mut();
    // SAFETY: the text ends with a NUL; libpq allocates the answer and the error, and both are given back.
    unsafe {
        let options = pq_sys::PQconninfoParse(text.as_ptr(), &raw mut error);
        if !error.is_null() {
            pq_sys::PQfreemem(error.cast());
        }
        if options.is_null() {
            return None;
        }
        let mut found = BTreeMap::new();
        let mut option = options;
        while !(*option).keyword.is_null() {
            if !(*option).val.is_null() {
                let words = |text| CStr::from_ptr(text).to_string_lossy().into_owned();
                found.insert(words((*option).keyword), words((*option).val));
            }
            option = option.add(1);
        }
        pq_sys::PQconninfoFree(options);
        Some(found)
    }
}

libfuzzer_sys::fuzz_target!(|text: &str| {
    // Neither an argument nor a variable holds one.
    if text.contains('\0') {
        return;
    }
    let target = match ConnectionTarget::parse(text) {
        Ok(target) => target,
        Err(error) => {
            assert!(!error.to_string().is_empty() && !error.help().is_empty());
            return;
        }
    };
    let ours: BTreeMap<String, String> =
        target.parameters().map(|(keyword, value)| (keyword.to_owned(), value.to_owned())).collect();
    let written = target.conninfo();
    if !written.is_empty() {
        assert_eq!(ConnectionTarget::parse(&written).as_ref().map(|read| read.conninfo()), Ok(written.clone()));
    }
    // The string ends at a NUL for libpq; nothing that is read holds one.
    assert!(!written.contains('\0'), "a NUL");
    assert_eq!(libpq(&written).as_ref(), Some(&ours), "libpq reads {written:?} otherwise");
    let shown = format!("{target} {target:?} {}", target.mask(&written));
    for (keyword, value) in &ours {
        // A short secret may stand in a name of another parameter.
        if is_secret_keyword(keyword)
            && value.len() >= 8
            && !ours.iter().any(|(other, open)| {
                !is_secret_keyword(other) && (open.contains(value.as_str()) || value.contains(open.as_str()))
            })
        {
            assert!(!shown.contains(value.as_str()), "{keyword} is shown: {shown}");
        }
    }
});
