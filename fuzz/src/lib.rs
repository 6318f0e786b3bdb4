//! What the targets share: everything that is done with a text before a database is asked, and what has to hold of it.

#[path = "../../tests/support/picture.rs"]
pub mod picture;

use hrms_migrate::{
    diagnostic::Finding,
    goal::{self, ScriptGoals},
    lint::{self, Rules},
    script::{File, Script, ScriptId, Span, assemble},
    sql::{self, ParsedScript},
};

/// The longest input. Nesting, names and statements longer than any limit of ours fit into it.
const LONGEST: usize = 64 * 1024;

/// Reads bytes as the program reads the file of a script: to goals, findings and what `check` says.
pub fn read(bytes: &[u8]) -> Option<(Vec<Script>, Vec<ScriptGoals>)> {
    if bytes.len() > LONGEST {
        return None;
    }
    let name = "010_fuzz.sql".to_owned();
    let file = File { path: format!("ensure/{name}"), name, bytes: bytes.to_vec() };
    let scripts = assemble(Vec::new(), vec![file]).ok()?;
    let [script] = scripts.as_slice() else { panic!("one file is {} scripts", scripts.len()) };
    let id = ScriptId(0);
    let parsed = match sql::parse(script) {
        Ok(parsed) => parsed,
        Err(errors) => {
            assert!(!errors.is_empty(), "refused without a word");
            for error in errors {
                is_inside(script, error.span());
                assert!(!error.to_string().is_empty() && !error.code().is_empty());
            }
            return None;
        }
    };
    judge(script, &parsed);
    let goals = match goal::read(id, script, parsed) {
        Ok(goals) => vec![goals],
        Err(findings) => {
            assert!(!findings.is_empty(), "refused without a word");
            tell(&scripts, &findings);
            return None;
        }
    };
    let contradictions = goal::contradictions(&goals, &|_| None);
    if !contradictions.is_empty() {
        tell(&scripts, &contradictions);
        return None;
    }
    tell(&scripts, &lint::lint(&goals, &Rules::default()));
    Some((scripts, goals))
}

/// What holds of every script that is read: places are in the file, in its order, and nothing that was read is lost.
fn judge(script: &Script, parsed: &ParsedScript) {
    let mut end = 0;
    for statement in &parsed.statements {
        is_inside(script, statement.span);
        assert!(statement.span.start >= end && statement.span.start < statement.span.end, "statements overlap");
        end = statement.span.end;
        let text = script.slice(statement.span);
        assert_eq!(text.trim(), text, "a statement begins and ends with a word");
        assert!(sql::same_tokens(text, text));
        if let Some(since) = &statement.since {
            is_inside(script, since.span);
        }
        for directive in &statement.directives {
            is_inside(script, directive.span);
        }
        // What the server prints of a statement is read by the same reader.
        let _ = sql::parse_statement(text);
        let _ = sql::parse_expression(text);
    }
    // Comments and spaces are no part of what a script says.
    let spaced = Script { text: script.text.clone() + "\n-- the end\n ", ..script.clone() };
    assert_eq!(sql::checksum(script), sql::checksum(&spaced), "a comment changes the checksum");
}

/// Draws every finding, which reads the lines that it is about.
fn tell(scripts: &[Script], findings: &[Finding]) {
    for finding in findings {
        is_inside(&scripts[finding.script.0], finding.span);
        let diagnostic = finding.diagnostic(scripts);
        let drawn = hrms_migrate::report::render_diagnostic(&diagnostic, &hrms_migrate::report::Style::default());
        assert!(!drawn.chars().any(|char| char.is_control() && char != '\n'), "{drawn:?} acts on a terminal");
    }
}

/// Asserts that a place can be shown.
fn is_inside(script: &Script, span: Span) {
    assert!(span.start <= span.end && span.end <= script.text.len(), "{span:?} is not in the file");
    let is_boundary = |byte| script.text.is_char_boundary(byte);
    assert!(is_boundary(span.start) && is_boundary(span.end), "{span:?} cuts a character");
    let location = script.location(span.start);
    assert!(location.line >= 1 && location.column >= 1);
    assert!(location.line <= script.text.lines().count() + 1, "{location} is behind the end");
}
