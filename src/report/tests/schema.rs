//! `docs/report.schema.json` says what `render_json` writes, and nothing else.

use std::collections::BTreeSet;

use serde_json::Value;

use super::*;

const SCHEMA: &str = include_str!("../../../docs/report.schema.json");

/// The parts of JSON Schema that our schema uses; anything else in it fails the test, so that nothing is believed unchecked.
struct Schema {
    root: Value,
    /// The paths of the properties that were met.
    met: BTreeSet<String>,
}

impl Schema {
    fn check(&mut self, schema: &Value, value: &Value, path: &str) {
        let schema = schema.as_object().unwrap_or_else(|| panic!("{path}: the schema is no object"));
        for (key, rule) in schema {
            match key.as_str() {
                "description" | "$schema" | "$id" | "$defs" | "title" => {}
                "$ref" => {
                    let name = rule.as_str().and_then(|name| name.strip_prefix("#/$defs/")).unwrap();
                    let target = self.root["$defs"][name].clone();
                    self.check(&target, value, &format!("#{name}"));
                }
                "anyOf" => {
                    // Ours are all "null or".
                    let [null, other] = rule.as_array().unwrap().as_slice() else { panic!("{path}: anyOf") };
                    assert_eq!(null["type"], "null");
                    if !value.is_null() {
                        self.check(&other.clone(), value, path);
                    }
                }
                "type" => {
                    let types = rule.as_array().cloned().unwrap_or_else(|| vec![rule.clone()]);
                    let is = |name: &Value| match name.as_str().unwrap() {
                        "null" => value.is_null(),
                        "integer" => value.is_i64() || value.is_u64(),
                        "string" => value.is_string(),
                        "boolean" => value.is_boolean(),
                        "number" => value.is_number(),
                        "array" => value.is_array(),
                        "object" => value.is_object(),
                        other => panic!("{path}: type {other}"),
                    };
                    assert!(types.iter().any(is), "{path}: {value} is not {rule}");
                }
                "const" => assert_eq!(rule, value, "{path}"),
                "enum" => assert!(rule.as_array().unwrap().contains(value), "{path}: {value} is not listed"),
                "minimum" => assert!(value.as_i64().unwrap() >= rule.as_i64().unwrap(), "{path}: {value} is too small"),
                "items" => {
                    for item in value.as_array().unwrap() {
                        self.check(rule, item, &format!("{path}[]"));
                    }
                }
                "additionalProperties" => assert_eq!(rule, &Value::Bool(false), "{path}"),
                "required" => {
                    // Every property is always there, so that a reader need not ask whether.
                    let required: BTreeSet<_> = rule.as_array().unwrap().iter().filter_map(Value::as_str).collect();
                    let properties: BTreeSet<_> =
                        schema["properties"].as_object().unwrap().keys().map(String::as_str).collect();
                    assert_eq!(required, properties, "{path}");
                    let Value::Object(object) = value else { continue };
                    assert_eq!(required, object.keys().map(String::as_str).collect(), "{path}");
                }
                "properties" => {
                    let Value::Object(object) = value else { continue };
                    for (name, property) in rule.as_object().unwrap() {
                        let path = format!("{path}.{name}");
                        let value = &object.get(name).unwrap_or_else(|| panic!("{path} is missing"));
                        if !value.is_null() {
                            self.met.insert(path.clone());
                        }
                        self.check(property, value, &path);
                    }
                }
                other => panic!("{path}: the test does not know {other}"),
            }
        }
    }

    /// Returns the paths of all properties that the schema names.
    fn named(&self) -> BTreeSet<String> {
        let of = |schema: &Value, path: &str| -> Vec<String> {
            let properties = schema["properties"].as_object();
            properties.into_iter().flatten().map(|(name, _)| format!("{path}.{name}")).collect()
        };
        let mut named: BTreeSet<_> = of(&self.root, "").into_iter().collect();
        for (name, schema) in self.root["$defs"].as_object().unwrap() {
            named.extend(of(schema, &format!("#{name}")));
        }
        named
    }
}

#[test]
fn the_schema_says_what_is_written() {
    let root: Value = serde_json::from_str(SCHEMA).unwrap();
    let mut schema = Schema { root: root.clone(), met: BTreeSet::new() };
    let mut interrupted = failed_run();
    interrupted.interrupted = Some(15);
    let mut unverified = plan();
    unverified.scripts[0] =
        unverified.scripts[0].clone().statement(3, State::Unverified("table locked by pid 4".to_owned()));
    let step = unverified.scripts.iter_mut().flat_map(|script| &mut script.steps).next().unwrap();
    step.guards = vec![GuardReport { query: "SELECT true".to_owned(), applies_if: true }];
    step.size = Some(TableSize { pages: 3, rows: Some(RowCount(40)), limits: crate::pg::TableLimits::default() });
    let mut empty = report(Command::Run);
    (empty.place, empty.base) = (None, None);
    let all = [
        changing_run(),
        no_op_run(),
        refused_run(),
        failed_run(),
        plan(),
        verify(),
        diff(),
        unmanaged(Command::Diff),
        rehearsed(),
        hostile(),
        remembered(),
        backed_up(),
        interrupted,
        unverified,
        empty,
        Report { command: Command::Check, ..no_op_run() },
    ];
    for report in all {
        let value: Value = serde_json::from_str(&render_json(&report)).unwrap();
        schema.check(&root, &value, "");
    }
    assert_eq!(schema.met, schema.named(), "a property is never written, or the samples do not show it");
}

#[test]
fn the_schema_lists_every_hazard() {
    let root: Value = serde_json::from_str(SCHEMA).unwrap();
    let hazards: Vec<_> = crate::pg::Hazard::ALL.iter().map(|hazard| hazard.name()).collect();
    assert_eq!(root["$defs"]["step"]["properties"]["hazards"]["items"]["enum"], serde_json::json!(hazards));
}

#[test]
fn json_of_a_failed_run() {
    let json = render_json(&failed_run());
    insta::assert_snapshot!("run_failed_json", json.replace(env!("CARGO_PKG_VERSION"), "<version>"));
}
