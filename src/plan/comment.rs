//! Comments, and finding the object that COMMENT, GRANT or DROP means.

use crate::{
    catalog::{Object, RelationKind, RoutineKind},
    diagnostic::Code,
    goal::{Comment, ObjectRef, RelationWord, RoutineWord},
    pg::{Ident, LockMode, ObjectName, QualifiedName, TypeName, quote_literal},
    script::Span,
};

use super::{Act, CheckedKind, Form, Planner, Sql, Transaction, Verb, declared::Aspect};

impl Planner<'_> {
    pub(super) fn comment(&mut self, span: Span, comment: &Comment) {
        let Some(object) = self.existing_object(span, &comment.on, true) else { return };
        let last = self.declared.object_named(self.order, &comment.on, &self.target);
        if self.declared.altered_after(self.order, &Aspect::Comment(last)).is_some() {
            self.superseded = true;
            return;
        }
        let words = self.object_words(&object);
        self.check_object(CheckedKind::Comment, &object, || comment.text.clone().unwrap_or_default());
        if self.world.objects.comments.get(&object) == comment.text.as_ref() {
            return;
        }
        if !self.owns_object(span, &object) {
            return;
        }
        let table = object.table().filter(|table| self.world.tables.contains_key(*table)).cloned();
        let old = table.as_ref().is_some_and(|table| !self.made.contains(table));
        let text = comment.text.as_deref().map_or_else(|| "NULL".to_owned(), quote_literal);
        let act = Act {
            verb: Verb::Alter,
            object: format!("comment on {words}"),
            table: table.as_ref(),
            form: Form::CatalogOnly,
            lock: old.then_some(LockMode::ShareUpdateExclusive),
            timeout: self.policy.timeouts.catalog,
            hazards: Vec::new(),
            transaction: Transaction::Shared,
        };
        self.step(span, Sql::new(format!("COMMENT ON {} IS {text}", self.object_sql(&object))), act);
        match &comment.text {
            Some(text) => self.world.comments_at(&object.clone()).insert(object, text.clone()),
            None => self.world.comments_at(&object).remove(&object),
        };
    }

    /// Notes that something of an object was looked at.
    pub(super) fn check_object(&mut self, kind: CheckedKind, object: &Object, details: impl FnOnce() -> String) {
        let words = self.object_words(object);
        let (table, name) = match object {
            Object::Relation(table) => {
                (self.world.tables.contains_key(table).then(|| table.clone()), Ident::new(words))
            }
            Object::Column(table, part)
            | Object::Constraint(table, part)
            | Object::Trigger(table, part)
            | Object::Policy(table, part) => (Some(table.clone()), part.clone()),
            _ => (None, Ident::new(words)),
        };
        self.check(table.as_ref(), kind, &name, details);
    }

    /// Returns the object, or tells what is there in its place. `None` also where a later statement drops it. `strict`: the
    /// word for it must be the right one.
    #[expect(clippy::too_many_lines, reason = "one short arm for each kind of object")]
    pub(super) fn existing_object(&mut self, span: Span, object: &ObjectRef, strict: bool) -> Option<Object> {
        match object {
            ObjectRef::Relation { kind, name } => self.existing_relation(span, *kind, name, strict),
            ObjectRef::Column { table, column } => {
                let view = table.resolve(&self.target);
                if let Some(state) = self.world.objects.views.get(&view) {
                    // The columns of a view that this plan makes are the server's to name.
                    if self.made.contains(&view) || state.columns.iter().any(|(name, _)| name == column) {
                        return Some(Object::Column(view, column.clone()));
                    }
                    self.missing(span, Code::ColumnMissing, &format!("column {view}.{column}"));
                    return None;
                }
                let table = self.existing_table(span, table)?;
                let column = self.locate_column(&table, column);
                if self.table_state(&table)?.column(&column).is_some() {
                    return Some(Object::Column(table, column));
                }
                if self.column_dropped_after(&table, &column) {
                    self.superseded = true;
                } else {
                    self.missing(span, Code::ColumnMissing, &format!("column {table}.{column}"));
                }
                None
            }
            ObjectRef::Constraint { table, name } => {
                let table = self.existing_table(span, table)?;
                let last = self.declared.table_name(self.order, &table);
                let state = self.table_state(&table)?;
                let has = |name: &Ident| state.constraint(name).is_some();
                let found = self.declared.constraint_name_until(self.order, &last, name, &has);
                if has(&found) {
                    return Some(Object::Constraint(table, found));
                }
                if self.declared.dropped_after(self.order, &Aspect::Constraint(last, found)) {
                    self.superseded = true;
                } else {
                    self.missing(span, Code::ObjectMissing, &format!("constraint {name} of table {table}"));
                }
                None
            }
            ObjectRef::Trigger { table, name } => {
                let view = table.resolve(&self.target);
                let table = match self.world.relations.get(&view) {
                    Some(RelationKind::View) => view,
                    _ => self.existing_table(span, table)?,
                };
                let there = self.world.objects.triggers.contains_key(&(table.clone(), name.clone()));
                self.part(span, Object::Trigger(table, name.clone()), there)
            }
            ObjectRef::Policy { table, name } => {
                let table = self.existing_table(span, table)?;
                let there = self.world.objects.policies.contains_key(&(table.clone(), name.clone()));
                self.part(span, Object::Policy(table, name.clone()), there)
            }
            ObjectRef::Routine { kind, name, arguments } => {
                let found = self.find_routine(*kind, name, arguments.as_deref());
                if let [only] = found.as_slice() {
                    return Some(Object::Routine(only.0.clone(), only.1.clone()));
                }
                let last = self.declared.object_named(self.order, object, &self.target);
                let words = routine_words(*kind, &name.resolve(&self.target), arguments.as_deref());
                if found.len() > 1 {
                    let what = format!("{words} is not unique: {} of that name are there", found.len());
                    self.find(span, Code::KindConflict, what, "", Vec::new(), "write the types of its arguments");
                } else if self.declared.dropped_after(self.order, &Aspect::Object(last)) {
                    self.superseded = true;
                } else {
                    self.missing(span, Code::ObjectMissing, &words);
                }
                None
            }
            ObjectRef::Type(name) => {
                let found = self.type_object(name);
                if self.world.types.contains_key(&found) {
                    return Some(Object::Type(found));
                }
                if self.declared.dropped_after(self.order, &Aspect::Type(found.clone())) {
                    self.superseded = true;
                } else {
                    self.missing(span, Code::ObjectMissing, &format!("type {found}"));
                }
                None
            }
            ObjectRef::Schema(name) => {
                if self.world.schemas.contains_key(name) {
                    return Some(Object::Schema(name.clone()));
                }
                if self.declared.dropped_after(self.order, &Aspect::Schema(name.clone())) {
                    self.superseded = true;
                } else {
                    self.missing(span, Code::SchemaMissing, &format!("schema {name}"));
                }
                None
            }
            ObjectRef::Extension(name) => {
                if self.world.extensions.contains_key(name) {
                    return Some(Object::Extension(name.clone()));
                }
                if self.declared.dropped_after(self.order, &Aspect::Extension(name.clone())) {
                    self.superseded = true;
                } else {
                    self.missing(span, Code::ObjectMissing, &format!("extension {name}"));
                }
                None
            }
            ObjectRef::Database(name) => {
                if name.as_str() == self.world.server.database {
                    return Some(Object::Database(name.clone()));
                }
                let what = format!("database {name} is not the one that this run works on");
                let why = vec![format!("that is {}", self.world.server.database)];
                self.find(
                    span,
                    Code::ObjectMissing,
                    what,
                    "",
                    why,
                    "guard the statement with `-- ensure:when <query>`",
                );
                None
            }
        }
    }

    /// A trigger or policy that is there, or is not.
    fn part(&mut self, span: Span, object: Object, there: bool) -> Option<Object> {
        if there {
            return Some(object);
        }
        if self.declared.dropped_after(self.order, &Aspect::Object(object.clone())) {
            self.superseded = true;
        } else {
            let words = self.object_words(&object);
            self.missing(span, Code::ObjectMissing, &words);
        }
        None
    }

    fn existing_relation(
        &mut self,
        span: Span,
        word: RelationWord,
        name: &QualifiedName,
        strict: bool,
    ) -> Option<Object> {
        let table = self.locate(name);
        if self.world.tables.contains_key(&table) {
            if strict && word != RelationWord::Table {
                let what = format!("{table} is a table; the script calls it {}", word.sql());
                self.find(span, Code::KindConflict, what, "", Vec::new(), "correct the script");
                return None;
            }
            return Some(Object::Relation(table));
        }
        if word == RelationWord::Index
            && let Some(index) = self.existing_index(name)
        {
            return Some(Object::Relation(index));
        }
        if let Some(kind) = self.world.relations.get(&table) {
            let right = match word {
                RelationWord::Table => *kind == RelationKind::ForeignTable || !strict,
                RelationWord::View => *kind == RelationKind::View,
                RelationWord::MaterializedView => *kind == RelationKind::MaterializedView,
                RelationWord::Index => matches!(kind, RelationKind::Index { .. }),
                RelationWord::Sequence => *kind == RelationKind::Sequence,
            };
            if right {
                return Some(Object::Relation(table));
            }
            let what = format!("{table} is {}; the script calls it {}", kind.described(), word.sql());
            self.find(span, Code::KindConflict, what, "", Vec::new(), "correct the script");
            return None;
        }
        let last = self.declared.index_name(self.order, &self.declared.table_name(self.order, &table));
        if self.declared.dropped_after(self.order, &Aspect::Relation(last)) {
            self.superseded = true;
        } else if word == RelationWord::Table {
            self.no_table(span, &table);
        } else {
            self.missing(span, Code::ObjectMissing, &format!("{} {table}", word.sql().to_lowercase()));
        }
        None
    }

    /// Returns the index that a statement means, under the name that it has now.
    fn existing_index(&self, name: &QualifiedName) -> Option<ObjectName> {
        let written = name.resolve(&self.target);
        let there = |index: &ObjectName| {
            matches!(self.world.relations.get(index), Some(RelationKind::Index { .. }))
                || self
                    .world
                    .tables
                    .iter()
                    .any(|(table, state)| table.schema == index.schema && state.indexes.contains_key(&index.name))
        };
        let found = self.declared.index_name_until(self.order, &written, &there);
        there(&found).then_some(found)
    }

    /// Returns the routines that a name means: of the first schema where one of that name is.
    pub(super) fn find_routine(
        &self,
        word: RoutineWord,
        name: &QualifiedName,
        arguments: Option<&[TypeName]>,
    ) -> Vec<(ObjectName, Vec<TypeName>)> {
        let arguments: Option<Vec<TypeName>> =
            arguments.map(|types| types.iter().map(|type_name| self.resolve_type(type_name)).collect());
        let catalog = Ident::new("pg_catalog");
        let schemas: Vec<&Ident> = match &name.schema {
            Some(schema) => vec![schema],
            None => [&catalog, &self.target].into_iter().chain(&self.world.search_path).collect(),
        };
        for schema in schemas {
            let object = ObjectName { schema: schema.clone(), name: name.name.clone() };
            let found: Vec<_> = self
                .world
                .objects
                .routines
                .iter()
                .filter(|((other, types), state)| {
                    *other == object
                        && arguments.as_ref().is_none_or(|arguments| arguments == types)
                        && match word {
                            RoutineWord::Function => state.kind != RoutineKind::Procedure,
                            RoutineWord::Procedure => state.kind == RoutineKind::Procedure,
                            RoutineWord::Routine => true,
                        }
                })
                .map(|(key, _)| key.clone())
                .collect();
            if !found.is_empty() {
                return found;
            }
        }
        Vec::new()
    }

    pub(super) fn missing(&mut self, span: Span, code: Code, words: &str) {
        let what = format!("{words} is not there");
        self.find(span, code, what, "", Vec::new(), "create it in an earlier statement");
    }

    /// Returns whether our role may change the object; a finding where it may not.
    pub(super) fn owns_object(&mut self, span: Span, object: &Object) -> bool {
        let table = object.table().filter(|table| self.world.tables.contains_key(*table)).cloned();
        if let Some(table) = table {
            return self.owns(span, &table);
        }
        let owned = match object {
            Object::Routine(name, types) => {
                self.world.objects.routines.get(&(name.clone(), types.clone())).map(|state| state.owned)
            }
            Object::Type(name) => self.world.types.get(name).map(|state| state.owned),
            Object::Relation(name) | Object::Column(name, _) | Object::Trigger(name, _) => {
                let view = self.world.objects.views.get(name).map(|state| state.owned);
                view.or_else(|| self.world.sequences.get(name).map(|state| state.owned))
            }
            _ => None,
        };
        if owned != Some(false) {
            return true;
        }
        let what = format!("must be owner of {}", self.object_words(object));
        self.find(span, Code::NotOwner, what, "", Vec::new(), "run as its owner");
        false
    }

    /// Returns the object for messages: `column public.users.email`.
    pub(super) fn object_words(&self, object: &Object) -> String {
        match object {
            Object::Trigger(table, name) => format!("trigger {name} on {table}"),
            Object::Policy(table, name) => format!("policy {name} on {table}"),
            Object::Constraint(table, name) => format!("constraint {name} on {table}"),
            _ => {
                let sql = self.object_sql(object);
                let at = sql.find(|char: char| !(char.is_ascii_uppercase() || char == ' ')).unwrap_or(0);
                format!("{}{}", sql[..at].to_lowercase(), &sql[at..])
            }
        }
    }

    /// Returns the object as COMMENT ON and GRANT name it.
    pub(super) fn object_sql(&self, object: &Object) -> String {
        match object {
            Object::Relation(name) => {
                let word = if self.world.tables.contains_key(name) {
                    "TABLE"
                } else {
                    match self.world.relations.get(name) {
                        Some(RelationKind::View) => "VIEW",
                        Some(RelationKind::MaterializedView) => "MATERIALIZED VIEW",
                        Some(RelationKind::Sequence) => "SEQUENCE",
                        Some(RelationKind::ForeignTable) => "FOREIGN TABLE",
                        _ => "INDEX",
                    }
                };
                format!("{word} {name}")
            }
            Object::Column(table, column) => format!("COLUMN {table}.{column}"),
            Object::Constraint(table, name) => format!("CONSTRAINT {name} ON {table}"),
            Object::Trigger(table, name) => format!("TRIGGER {name} ON {table}"),
            Object::Policy(table, name) => format!("POLICY {name} ON {table}"),
            Object::Routine(name, types) => {
                let state = self.world.objects.routines.get(&(name.clone(), types.clone()));
                let procedure = state.is_some_and(|state| state.kind == RoutineKind::Procedure);
                let word = if procedure { RoutineWord::Procedure } else { RoutineWord::Function };
                format!("{} {}", word.sql(), signature(name, types))
            }
            Object::Type(name) => format!("TYPE {name}"),
            Object::Schema(name) => format!("SCHEMA {name}"),
            Object::Extension(name) => format!("EXTENSION {name}"),
            Object::Database(name) => format!("DATABASE {name}"),
        }
    }
}

/// Returns a routine as `name(types)`.
pub(super) fn signature(name: &ObjectName, types: &[TypeName]) -> String {
    format!("{name}({})", types.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))
}

fn routine_words(word: RoutineWord, name: &ObjectName, types: Option<&[TypeName]>) -> String {
    let word = word.sql().to_lowercase();
    match types {
        Some(types) => format!("{word} {}", signature(name, types)),
        None => format!("{word} {name}"),
    }
}
