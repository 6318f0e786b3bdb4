//! Views and materialised views.

use crate::{
    catalog::{self, Object, RelationKind},
    diagnostic::Code,
    goal::{StatementGoals, View},
    pg::{Ident, LockMode, ObjectName},
    script::Span,
};

use super::{
    CheckedKind, Planner, Sql, Verb,
    declared::Aspect,
    definition::{Likeness, Remedy, Replaceable},
    regclass,
};

impl Planner<'_> {
    pub(super) fn view(&mut self, statement: &StatementGoals, view: &View) {
        let span = statement.span;
        let name = view.name.name.resolve(&self.target);
        let aspect = Aspect::Relation(name.clone());
        let (wanted, word) = if view.materialized {
            (RelationKind::MaterializedView, "materialized view")
        } else {
            (RelationKind::View, "view")
        };
        let there = self.world.relations.get(&name).cloned();
        if there.is_none()
            && self.declared.dropped_after(self.order, &aspect)
            && !self.declared.made_after(self.order, &aspect)
        {
            self.superseded = true;
            return;
        }
        let taken = match &there {
            Some(kind) => (*kind != wanted).then(|| kind.described()),
            None => self.world.tables.contains_key(&name).then_some("a table"),
        };
        if let Some(described) = taken {
            let what = format!("{name} is {described}; the script asks for a {word}");
            self.find(span, Code::KindConflict, what, "", Vec::new(), "use another name in the script");
            return;
        }
        self.check(None, CheckedKind::View, &Ident::new(name.to_string()), || word.to_owned());
        let words = format!("{word} {name}");
        let existing = self.world.objects.views.get(&name).cloned();
        let Some(existing) = existing.filter(|_| there.is_some()) else {
            if self.may_create(span, &name.schema) {
                let act = self.act(Verb::Add, words, None, LockMode::AccessShare);
                self.as_written(statement, &[(view.name.span, name.to_string())], act);
            }
            self.view_made(&name, view, wanted);
            return;
        };
        let (likeness, obstacle) = self.compare_views(view, &existing, &name);
        let help = if view.materialized {
            format!("a materialized view cannot be replaced: write DROP MATERIALIZED VIEW IF EXISTS {name} above it")
        } else if obstacle.is_some() {
            format!("add columns at the end, or write DROP VIEW IF EXISTS {name} above it")
        } else {
            "write CREATE OR REPLACE VIEW to have it replaced".to_owned()
        };
        let object = Replaceable {
            span,
            words: words.clone(),
            aspect: &aspect,
            or_replace: view.or_replace,
            obstacle,
            help,
        };
        let remedy = self.remedy(likeness, object);
        if remedy == Remedy::None || !self.owns_object(span, &Object::Relation(name.clone())) {
            return;
        }
        if remedy == Remedy::Recreate {
            if !self.no_dependents_of(span, &words, &relation_oid(&name)) {
                return;
            }
            let sql = Sql::new(format!("DROP {} {name}", word.to_uppercase()));
            let act = self.act(Verb::Drop, words.clone(), Some(&name), LockMode::AccessExclusive);
            self.step(span, sql, act);
            self.world.objects.forget(&name);
        }
        let act = self.act(Verb::Alter, words, Some(&name), LockMode::AccessExclusive);
        self.as_written(statement, &[(view.name.span, name.to_string())], act);
        self.view_made(&name, view, wanted);
    }

    fn view_made(&mut self, name: &ObjectName, view: &View, kind: RelationKind) {
        let state = catalog::View {
            columns: Vec::new(),
            options: view.options.clone(),
            query: view.query.text.clone(),
            populated: view.with_data,
            owned: true,
        };
        self.world.relations.insert(name.clone(), kind);
        self.world.objects.views.insert(name.clone(), state);
        self.made.insert(name.clone());
    }

    /// Compares a view with what is there; and says why it cannot be replaced in place.
    fn compare_views(&self, written: &View, stored: &catalog::View, name: &ObjectName) -> (Likeness, Option<String>) {
        let mut differences = Vec::new();
        if written.options != stored.options {
            differences.push("its options (WITH) are others".to_owned());
        }
        if written.with_data && !stored.populated {
            differences.push("it holds no rows: it has not been refreshed".to_owned());
        }
        let same = crate::goal::same_tokens(&written.query.text, &stored.query);
        if !same && self.made.contains(name) {
            differences.push("an earlier statement makes it with another query".to_owned());
        }
        let unknown = (!same).then(|| "its query cannot be compared with what the server prints".to_owned());
        (Likeness::of(differences, unknown), None)
    }

    /// Drops a view, where it is there and nothing depends on it.
    pub(super) fn may_drop_view(&mut self, span: Span, name: &ObjectName, words: &str) -> bool {
        self.owns_object(span, &Object::Relation(name.clone()))
            && (self.made.contains(name) || self.no_dependents_of(span, words, &relation_oid(name)))
    }
}

fn relation_oid(name: &ObjectName) -> (String, String) {
    ("pg_catalog.pg_class".to_owned(), regclass(name))
}
