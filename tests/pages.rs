//! Pages for a browser, in a browser: on a phone and on a desk, light and dark. Screenshots are kept for somebody to look at.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![expect(clippy::disallowed_methods, reason = "the test writes pages, and limits how long a browser may take")]

mod support;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use support::{TestDatabase, cli, say_left_out};

/// Measures a page that stands in the frame `f`, and writes what it finds where `--dump-dom` shows it.
const MEASURE: &str = include_str!("pages/measure.js");

/// How long a browser may take for one page.
const PATIENCE: Duration = Duration::from_mins(2);

fn browser() -> Option<PathBuf> {
    let named = std::env::var_os("HRMS_TEST_CHROMIUM").map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).flat_map(|directory| {
        ["chromium", "chromium-browser", "google-chrome", "chrome"].map(|name| directory.join(name))
    });
    named.into_iter().chain(found).find(|program| program.is_file())
}

/// Runs the browser without a window and returns what it prints.
fn browse(browser: &Path, arguments: &[String]) -> String {
    let user = tempfile::tempdir().unwrap();
    let mut command = Command::new(browser);
    command
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--disable-dev-shm-usage",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--hide-scrollbars",
            "--no-first-run",
        ])
        .arg(format!("--user-data-dir={}", user.path().display()))
        .args(arguments);
    let out = user.path().join("stdout");
    let file = fs::File::create(&out).unwrap();
    let mut child = command.stdin(Stdio::null()).stdout(file).stderr(Stdio::null()).spawn().unwrap();
    let started = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            assert!(status.success(), "the browser ended with {status}");
            return fs::read_to_string(&out).unwrap();
        }
        if started.elapsed() > PATIENCE {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("the browser took longer than {PATIENCE:?}");
        }
        thread::sleep(Duration::from_millis(50));
    }
}

/// Shows a page in a frame of that width; returns what was measured. A picture of it is kept under `name`.
fn show(browser: &Path, page: &str, name: &str, width: u32, dark: bool) -> Value {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pages");
    fs::create_dir_all(&directory).unwrap();
    let quoted = page.replace('&', "&amp;").replace('"', "&quot;");
    let wrapper = directory.join(format!("{name}.html"));
    let html = format!(
        "<!DOCTYPE html><html style=\"color-scheme:{}\"><body style=\"margin:0\"><iframe id=\"f\" style=\"border:0;display:\
         block\" width=\"{width}\" height=\"2600\" srcdoc=\"{quoted}\"></iframe><pre id=\"result\"></pre>\
         <script>{MEASURE}</script>",
        if dark { "dark" } else { "light" }
    );
    fs::write(&wrapper, html).unwrap();
    let mut arguments = vec![format!("--window-size={},2600", width.max(500))];
    if dark {
        arguments.push("--blink-settings=preferredColorScheme=0".to_owned());
    }
    let place = format!("file://{}", wrapper.display());
    let picture = directory.join(format!("{name}.png"));
    arguments.extend([format!("--screenshot={}", picture.display()), "--dump-dom".to_owned(), place]);
    let dom = browse(browser, &arguments);
    let bytes = fs::read(&picture).unwrap();
    assert!(bytes.starts_with(b"\x89PNG") && bytes.len() > 20_000, "{}", picture.display());
    let result = dom.split_once("<pre id=\"result\">").unwrap().1.split_once("</pre>").unwrap().0;
    serde_json::from_str(&result.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")).unwrap()
}

#[test]
fn pages_are_readable_on_a_phone_and_on_a_desk_light_and_dark() {
    let Some(browser) = browser() else { return say_left_out("no chromium found; set HRMS_TEST_CHROMIUM") };
    let Some(database) = TestDatabase::new("pages") else { return };
    cli(&["run"]).database(&database).run().expect(0);
    database.execute(
        "ALTER TABLE leaves ALTER COLUMN total_days TYPE integer; ALTER TABLE users DROP COLUMN designation;
         ALTER TABLE users ADD COLUMN \"<b>shoe & size</b>\" integer; DROP TABLE tasks; DROP INDEX idx_leave_status",
    );
    let directory = tempfile::tempdir().unwrap();
    let page = |command: &str, code: i32| {
        let file = directory.path().join(format!("{command}.html"));
        cli(&[command, &format!("--report=html={}", file.display())]).database(&database).run().expect(code);
        fs::read_to_string(file).unwrap()
    };
    let pages = [("verify", page("verify", 3)), ("plan", page("plan", 0))];
    for (command, page) in &pages {
        let mut backgrounds = Vec::new();
        for (screen, width) in [("phone", 390), ("desk", 1280)] {
            for dark in [false, true] {
                let name = format!("{command}_{screen}_{}", if dark { "dark" } else { "light" });
                let found = show(&browser, page, &name, width, dark);
                let number = |key: &str| found[key].as_f64().unwrap_or_else(|| panic!("{name}: {found}"));
                assert!(number("scroll_width") <= number("width"), "{name} is wider than the screen: {found}");
                assert_eq!(
                    found["pictures"],
                    serde_json::json!([if width == 390 { "narrow" } else { "wide" }]),
                    "{name}"
                );
                assert!(number("picture_width") <= number("width"), "{name}: the picture is wider than the screen");
                assert_eq!(found["boxes"], 9, "{name}");
                assert_eq!(found["added_boxes"], 1, "{name}");
                // Of employee_details five, of employment_history two, leaves and tasks one each: see HRMS.
                assert!(number("lines") >= 8.0, "{name}: {found}");
                assert_eq!(found["overlaps"], serde_json::json!([]), "{name}");
                assert_eq!(found["faint"], serde_json::json!([]), "{name}: too little contrast");
                assert_eq!(found["hostile"], serde_json::json!("\"<b>shoe & size</b>\""), "{name}");
                backgrounds.push(found["background"].clone());
            }
        }
        assert_eq!(backgrounds[0], backgrounds[2]);
        assert_ne!(backgrounds[0], backgrounds[1], "dark is as light");
    }
}
