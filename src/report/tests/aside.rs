//! What a run did besides its changes.

use super::*;

/// A run with a backup and commands, one of which failed.
pub(super) fn backed_up() -> Report {
    let mut report = changing_run();
    report.aside = Aside {
        begun: true,
        run: Some(41),
        backup: Some(Backup {
            file: "/backups/hrms_db-20261122T053000Z.dump".to_owned(),
            bytes: Some(39_845_888),
            elapsed: millis(4_321),
        }),
        hooks: vec![
            HookReport { hook: "before-run", failure: None, elapsed: millis(12) },
            HookReport { hook: "after-run", failure: Some("ended with 3".to_owned()), elapsed: millis(7) },
        ],
    };
    report
}

const BACKUP: &str = "backup  /backups/hrms_db-20261122T053000Z.dump, 38 MB, 4.3 s\n";
const HOOKS: &str = "hooks   before-run 12 ms; after-run ended with 3, 7 ms\n";

#[test]
fn a_run_says_where_its_backup_is_and_what_commands_came_to() {
    let text = render_report(&backed_up(), &piped());
    assert!(text.contains(&format!("{BACKUP}{HOOKS}")), "{text}");
    let text = render_markdown(&backed_up());
    assert!(text.contains("\nbackup: /backups/hrms\\_db-20261122T053000Z.dump, 38 MB, 4.3 s\n"), "{text}");
    let text = crate::report::render_html(&backed_up());
    assert!(text.contains("<span>backup /backups/hrms_db-20261122T053000Z.dump, 38 MB, 4.3 s</span>"), "{text}");
    let json: serde_json::Value = serde_json::from_str(&render_json(&backed_up())).unwrap();
    assert_eq!(json["run"], 41);
    assert_eq!(json["backup"]["bytes"], 39_845_888);
    assert_eq!(json["hooks"][1], serde_json::json!({"name": "after-run", "failure": "ended with 3", "elapsed_ms": 7}));
}

#[test]
fn a_plan_says_that_a_backup_would_be_made() {
    let backup = Backup { file: "/backups/x.dump".to_owned(), bytes: None, elapsed: Duration::ZERO };
    let report = Report { aside: Aside { backup: Some(backup), ..Aside::default() }, ..plan() };
    let text = render_report(&report, &piped());
    assert!(text.contains("backup  a run would make one first: /backups/x.dump\n"), "{text}");
}

#[test]
fn a_backup_is_told_while_it_is_made() {
    let told = |style: Style| {
        let mut out = Vec::new();
        let mut progress = Progress::new(&mut out, style);
        for seconds in [0, 1, 2, 11] {
            let elapsed = Duration::from_secs(seconds);
            progress.tell(&Event::BackingUp { file: "x.dump", bytes: seconds << 20, elapsed });
        }
        progress.tell(&Event::HookBegins { hook: "after-run" });
        drop(progress);
        String::from_utf8(out).unwrap()
    };
    // A log is told now and then, a terminal all the time.
    let log = told(piped());
    assert_eq!(log.matches("making a backup: x.dump").count(), 2, "{log}");
    assert!(
        log.contains("making a backup: x.dump, 11 MB so far, 11.0 s\nrunning the command of --after-run\n"),
        "{log}"
    );
    let terminal = told(terminal(80));
    assert_eq!(terminal.matches("making a backup: x.dump").count(), 4, "{terminal}");
    assert!(terminal.ends_with("\r\u{1b}[Krunning the command of --after-run\n"), "{terminal}");
}
