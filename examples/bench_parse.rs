use hrms_migrate::{script::Script, sql};
fn main() {
    let one = "ALTER TABLE t ADD COLUMN IF NOT EXISTS c INTEGER DEFAULT 0;\nCREATE INDEX IF NOT EXISTS i ON t (c);\n".repeat(25);
    let scripts: Vec<Script> = (0..200).map(|n| Script { path: String::new(), number: Some(n), name: String::new(), text: one.clone() }).collect();
    let start = std::time::Instant::now();
    let count: usize = scripts.iter().map(|s| sql::parse(s).unwrap().statements.len()).sum();
    println!("{count} statements in {:?}", start.elapsed());
    let judged = Script { path: String::new(), number: None, name: String::new(), text: "CREATE OR REPLACE VIEW v AS SELECT a, b FROM t WHERE a > 1;\n".repeat(10_000) };
    let start = std::time::Instant::now();
    println!("{} judged in {:?}", sql::parse(&judged).unwrap().statements.len(), start.elapsed());
    let big = Script { path: String::new(), number: None, name: String::new(), text: "INSERT INTO t (a, b, c) VALUES (1, 'some text here', now()) ON CONFLICT (a) DO NOTHING;\n".repeat(600_000) };
    let start = std::time::Instant::now();
    println!("{} MB: {} in {:?}", big.text.len() / 1_000_000, sql::parse(&big).unwrap().statements.len(), start.elapsed());
    let rss = std::fs::read_to_string("/proc/self/status").unwrap();
    println!("{}", rss.lines().find(|l| l.starts_with("VmHWM")).unwrap());
}
