//! What depends on an object that is to be dropped: the server refuses to drop it without CASCADE, and so is the run, before its first
//! change.

use std::collections::BTreeSet;

use crate::{
    diagnostic::Code,
    pg::{Ident, ObjectName, TypeName, quote_literal},
    script::Span,
};

use super::{
    Planner, Verb,
    question::{Purpose, Question},
};

/// What goes with each of some objects by itself, and what stops it from being dropped: what depends on all that, and what it is a part of.
/// A list for each, in order. An element is one of these: its catalog, OID and column; of what stands in the way also, a line each, the names by which steps may call it, or what
/// it belongs to, and last what `pg_describe_object` calls it. What a partition or an heir has from its parent goes with that.
const DEPENDENTS: &str = "\
WITH RECURSIVE seed (place, classid, objid, objsubid) AS (VALUES
{seeds}
), gone (place, classid, objid, objsubid) AS (
    SELECT s.place, s.classid, s.objid, s.objsubid FROM seed s
    UNION
    SELECT g.place, d.classid, d.objid, d.objsubid
      FROM gone g JOIN pg_catalog.pg_depend d ON d.refclassid = g.classid AND d.refobjid = g.objid
           AND (g.objsubid = 0 OR d.refobjsubid = g.objsubid)
     WHERE d.deptype <> 'n'
       -- Before 15 a generated column, or its expression, goes silently with a column that it is made from.
       AND NOT (g.objsubid <> 0 AND (d.objsubid <> 0
            OR d.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass AND d.objid <> ALL (ARRAY(
               SELECT f.oid FROM pg_catalog.pg_attrdef f WHERE f.adrelid = g.objid AND f.adnum = g.objsubid))))
), dependent (place, classid, objid, objsubid) AS (
    SELECT g.place, d.classid, d.objid, d.objsubid
      FROM gone g JOIN pg_catalog.pg_depend d ON d.refclassid = g.classid AND d.refobjid = g.objid
           AND (g.objsubid = 0 OR d.refobjsubid = g.objsubid)
     WHERE (d.deptype = 'n' OR d.objsubid <> 0 OR d.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass)
       AND NOT EXISTS (
           SELECT FROM gone x
            WHERE x.place = g.place AND x.classid = d.classid AND x.objid = d.objid AND x.objsubid IN (0, d.objsubid))
    UNION
    SELECT s.place, d.refclassid, d.refobjid, d.refobjsubid
      FROM seed s JOIN pg_catalog.pg_depend d ON d.classid = s.classid AND d.objid = s.objid
     WHERE s.objsubid = 0 AND d.deptype = 'i'
)
SELECT pg_catalog.json_agg(l.things ORDER BY l.place) FROM (SELECT s.place, pg_catalog.json_agg(s.thing) AS things FROM (
SELECT x.place, pg_catalog.concat_ws(' ', x.classid, x.objid, x.objsubid) AS thing FROM gone x
UNION ALL
SELECT d.place, pg_catalog.concat_ws(E'\\n', pg_catalog.concat_ws(' ', d.classid, d.objid, d.objsubid),
           CASE WHEN c.relname IS NOT NULL THEN pg_catalog.format('%s %I.%I',
                CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' WHEN 'S' THEN 'sequence' ELSE 'table' END,
                n.nspname, c.relname) END,
           CASE WHEN a.attname IS NOT NULL THEN pg_catalog.format('column %I.%I.%I', n.nspname, c.relname, a.attname) END,
           CASE WHEN f.oid IS NOT NULL THEN pg_catalog.format('default of %I.%I.%I', n.nspname, c.relname, a.attname) END,
           CASE WHEN k.oid IS NOT NULL THEN pg_catalog.format('constraint %I of %I.%I', k.conname, n.nspname, c.relname) END,
           CASE WHEN r.oid IS NOT NULL THEN pg_catalog.pg_describe_object('pg_catalog.pg_class'::pg_catalog.regclass, c.oid, 0)
                WHEN a.attgenerated <> '' THEN pg_catalog.pg_describe_object('pg_catalog.pg_class'::pg_catalog.regclass, c.oid, a.attnum)
                ELSE pg_catalog.pg_describe_object(d.classid, d.objid, d.objsubid) END)
  FROM dependent d
  LEFT JOIN pg_catalog.pg_rewrite r ON d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND r.oid = d.objid
  LEFT JOIN pg_catalog.pg_attrdef f ON d.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass AND f.oid = d.objid
  LEFT JOIN pg_catalog.pg_constraint k ON d.classid = 'pg_catalog.pg_constraint'::pg_catalog.regclass AND k.oid = d.objid
  LEFT JOIN pg_catalog.pg_trigger t ON d.classid = 'pg_catalog.pg_trigger'::pg_catalog.regclass AND t.oid = d.objid
  LEFT JOIN pg_catalog.pg_policy p ON d.classid = 'pg_catalog.pg_policy'::pg_catalog.regclass AND p.oid = d.objid
  LEFT JOIN pg_catalog.pg_class c ON c.oid = coalesce(r.ev_class, f.adrelid, k.conrelid, t.tgrelid, p.polrelid,
       CASE WHEN d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass THEN d.objid END)
  LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = coalesce(f.adnum, nullif(d.objsubid, 0))
 WHERE NOT EXISTS (
       SELECT FROM gone x
        WHERE x.place = d.place AND x.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND x.objid = c.oid AND x.objsubid = 0)
   AND coalesce(k.conparentid, 0) = 0 AND coalesce(a.attinhcount, 0) = 0
) s GROUP BY s.place) l";

/// An object as the catalog finds it: NULL where it is not there (yet, or under that name).
#[derive(Clone, Debug)]
pub(super) struct Address {
    class: &'static str,
    object: String,
    column: String,
}

impl Address {
    pub(super) fn relation(name: &ObjectName) -> Self {
        Self::whole("pg_class", found("to_regclass", name))
    }

    pub(super) fn column(table: &ObjectName, column: &Ident) -> Self {
        let object = found("to_regclass", table);
        let column = format!(
            "SELECT a.attnum FROM pg_catalog.pg_attribute a WHERE a.attrelid = {object} AND a.attname = {}",
            quote_literal(column.as_str())
        );
        Self { class: "pg_class", object, column }
    }

    pub(super) fn constraint(table: &ObjectName, constraint: &Ident) -> Self {
        Self::whole(
            "pg_constraint",
            format!(
                "SELECT k.oid FROM pg_catalog.pg_constraint k WHERE k.conrelid = {} AND k.conname = {}",
                found("to_regclass", table),
                quote_literal(constraint.as_str())
            ),
        )
    }

    pub(super) fn type_of(name: &ObjectName) -> Self {
        Self::whole("pg_type", found("to_regtype", name))
    }

    pub(super) fn routine(name: &ObjectName, types: &[TypeName]) -> Self {
        // Through the catalog's own spelling of the types, so that nothing depends on the search path.
        let list: Vec<String> = types.iter().map(|type_name| quote_literal(&type_name.to_string())).collect();
        let oid = format!(
            "SELECT p.oid FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace \
              WHERE n.nspname = {} AND p.proname = {} AND p.proargtypes::text = \
              (SELECT coalesce(string_agg(t.name::pg_catalog.regtype::oid::text, ' ' ORDER BY t.place), '') \
                 FROM unnest(ARRAY[{}]::text[]) WITH ORDINALITY t(name, place)) LIMIT 1",
            quote_literal(name.schema.as_str()),
            quote_literal(name.name.as_str()),
            list.join(", ")
        );
        Self::whole("pg_proc", oid)
    }

    fn whole(class: &'static str, object: String) -> Self {
        Self { class, object, column: "0".to_owned() }
    }

    /// Returns it as fields of a row: catalog, OID, number of a column.
    fn fields(&self) -> String {
        let Self { class, object, column } = self;
        format!("'pg_catalog.{class}'::pg_catalog.regclass::oid, ({object})::oid, ({column})::integer")
    }
}

fn found(by: &str, name: &ObjectName) -> String {
    format!("pg_catalog.{by}({})", quote_literal(&name.to_string()))
}

/// Returns the query that answers several questions for dependents: to plan one takes the server longer than to answer it. Each is an
/// address, as fields of a row.
#[must_use]
pub fn dependents_query(questions: &[&str]) -> String {
    let seeds: Vec<String> =
        questions.iter().enumerate().map(|(place, fields)| format!("({place}, {fields})")).collect();
    DEPENDENTS.replace("{seeds}", &seeds.join(",\n"))
}

/// Returns the answer to each of them.
#[must_use]
pub fn dependents_answers(answer: &str) -> Vec<Option<String>> {
    let lists: Vec<Vec<String>> = serde_json::from_str(answer).unwrap_or_default();
    lists.iter().map(|list| serde_json::to_string(list).ok()).collect()
}

impl Planner<'_> {
    /// Returns whether nothing depends on an object that would stop it from being dropped; a finding where something does.
    /// Otherwise it is about to be dropped, and what goes with it is no dependent of what is dropped later.
    pub(super) fn no_dependents_of(&mut self, span: Span, words: &str, address: &Address) -> bool {
        // What cannot be read, or takes more along than is known, may have dropped or renamed it by then.
        let cascades = self.plan.steps().chain(&self.steps).any(|step| step.sql.ends_with(" CASCADE"));
        if cascades || self.opaque_before.is_some() {
            return true;
        }
        let answer = self.ask(Question::new(address.fields(), Purpose::Dependents, None));
        let things = answer.and_then(|answer| answer.as_names()).unwrap_or_default();
        let left: BTreeSet<&str> = things.iter().filter_map(|thing| self.still_there(thing)).collect();
        if left.is_empty() {
            self.dropped.extend(things.into_iter().filter(|thing| !thing.contains('\n')));
            return true;
        }
        let left = left.into_iter().collect::<Vec<_>>().join(", ");
        let what = format!("{words} cannot be dropped: other objects depend on it");
        let why = vec![left, "nothing was changed".to_owned()];
        self.find(
            span,
            Code::DependentObjects,
            what,
            "",
            why,
            "drop them first, in an earlier statement or by hand; CASCADE takes them along",
        );
        false
    }

    /// Returns what a dependent is called, unless it goes with something that was dropped, or an earlier step drops or changes it.
    fn still_there<'n>(&self, thing: &'n str) -> Option<&'n str> {
        let (address, names) = thing.split_once('\n')?;
        let whole = address.rsplit_once(' ').map(|(object, _)| format!("{object} 0")).unwrap_or_default();
        if self.dropped.contains(address) || self.dropped.contains(&whole) {
            return None;
        }
        let (own, description) = names.rsplit_once('\n').unwrap_or(("", names));
        let mut planned = self.plan.steps().chain(&self.steps);
        let touched = planned.any(|step| {
            own.lines()
                .any(|name| step.object.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with(' ')))
        });
        (!touched && !self.is_gone(description)).then_some(description)
    }

    /// Returns whether an earlier step drops what `pg_describe_object` calls so, which leaves out a schema that is on the path.
    pub(super) fn is_gone(&self, description: &str) -> bool {
        let path = || self.world.search_path.iter().chain([&self.target]);
        let bare = |words: &str| {
            let words = words.split('(').next().unwrap_or_default().trim_end().replace(" on table ", " on ");
            path().fold(words, |words, schema| words.replace(&format!(" {schema}."), " "))
        };
        let gone = bare(description);
        let mut planned = self.plan.steps().chain(&self.steps);
        planned.any(|step| step.verb == Verb::Drop && bare(&step.object) == gone)
    }
}
