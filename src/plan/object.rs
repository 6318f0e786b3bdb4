//! Schemas, extensions, enum types, sequences, and dropping whole objects.

use crate::{
    catalog::{Extension, RelationKind, Schema, Sequence, Type, TypeKind},
    diagnostic::Code,
    goal::{DropKind, EnumPosition, SequenceOptions, StatementGoals},
    pg::{Ident, LockMode, ObjectName, QualifiedName, quote_literal},
    script::Span,
};

use super::{
    Act, CheckedKind, Form, Planner, Purpose, Question, Sql, Transaction, Verb, declared::Aspect, dependents::Address,
};

impl Planner<'_> {
    pub(super) fn schema(&mut self, span: Span, name: &Ident) {
        if self.declared.dropped_after(self.order, &Aspect::Schema(name.clone())) {
            self.superseded = true;
            return;
        }
        self.check(None, CheckedKind::Schema, name, String::new);
        if self.world.schemas.contains_key(name) {
            return;
        }
        if !self.world.server.may_create_schema {
            let (role, database) = (self.world.server.role.clone(), self.world.server.database.clone());
            self.find(
                span,
                Code::PermissionDenied,
                format!("permission denied for database {database}: role {role} lacks CREATE"),
                "",
                vec!["a schema is created in the database".to_owned()],
                format!(
                    "let its owner run: GRANT CREATE ON DATABASE {} TO {}",
                    Ident::new(database.as_str()),
                    Ident::new(role.as_str())
                ),
            );
            return;
        }
        self.catalog_step(span, Sql::new(format!("CREATE SCHEMA {name}")), Verb::Add, format!("schema {name}"), None);
        self.world.schemas_at(name).insert(name.clone(), Schema { may_create: true, may_use: true });
    }

    pub(super) fn extension(
        &mut self,
        statement: &StatementGoals,
        span: Span,
        name: &Ident,
        schema: Option<&Ident>,
        version: Option<&str>,
    ) {
        if self.declared.dropped_after(self.order, &Aspect::Extension(name.clone())) {
            self.superseded = true;
            return;
        }
        self.check(None, CheckedKind::Extension, name, || version.unwrap_or_default().to_owned());
        if let Some(existing) = self.world.extensions.get(name).cloned() {
            if version.is_some_and(|version| version != existing.version)
                || schema.is_some_and(|schema| *schema != existing.schema)
            {
                self.find(
                    span,
                    Code::KindConflict,
                    format!("extension {name} is version {} in schema {}", existing.version, existing.schema),
                    "the script asks for another",
                    Vec::new(),
                    format!("run ALTER EXTENSION {name} UPDATE or SET SCHEMA by hand, or write what is there"),
                );
            }
            return;
        }
        let literal = quote_literal(name.as_str());
        let sql = format!(
            "SELECT pg_catalog.json_agg(w.word) FROM (SELECT 'files' AS word FROM pg_catalog.pg_available_extensions WHERE name = {literal} \
             UNION ALL SELECT 'right' FROM pg_catalog.pg_available_extension_versions v WHERE v.name = {literal} \
               AND (NOT v.superuser OR v.trusted AND has_database_privilege(current_database(), 'CREATE') \
                    OR (SELECT r.rolsuper FROM pg_catalog.pg_roles r WHERE r.rolname = current_user)) \
             GROUP BY 1) w"
        );
        let answer = self.ask(Question::new(sql, Purpose::Names, None));
        if let Some(words) = answer.and_then(|answer| answer.as_names()) {
            let role = self.world.server.role.clone();
            if !words.iter().any(|word| word == "files") {
                let what = format!("extension {name} is not available on this server");
                self.find(span, Code::ObjectMissing, what, "", Vec::new(), "install its package on the server");
                return;
            }
            if !words.iter().any(|word| word == "right") {
                let what = format!("permission denied to create extension {name}: {role} is not a superuser");
                let help = format!("let a superuser run: CREATE EXTENSION {name}");
                self.find(span, Code::PermissionDenied, what, "", Vec::new(), help);
                return;
            }
        }
        let sql = Sql::default().source(&statement.text, statement.span.start);
        self.catalog_step(span, sql, Verb::Add, format!("extension {name}"), None);
        self.world.extensions_at(name).insert(
            name.clone(),
            Extension {
                version: version.unwrap_or_default().to_owned(),
                schema: schema.unwrap_or(&self.target).clone(),
            },
        );
    }

    pub(super) fn type_object(&self, name: &QualifiedName) -> ObjectName {
        let written = name.resolve(&self.target);
        if name.schema.is_some() || self.world.types.contains_key(&written) {
            return written;
        }
        let elsewhere = self
            .world
            .search_path
            .iter()
            .map(|schema| ObjectName { schema: schema.clone(), name: name.name.clone() })
            .find(|candidate| self.world.types.contains_key(candidate));
        elsewhere.unwrap_or(written)
    }

    pub(super) fn enum_type(&mut self, span: Span, name: &QualifiedName, labels: &[String]) {
        let object = name.resolve(&self.target);
        if self.declared.dropped_after(self.order, &Aspect::Type(object.clone())) {
            self.superseded = true;
            return;
        }
        self.check(None, CheckedKind::Enum, &object.name, || labels.join(", "));
        match self.world.types.get(&object).map(|state| (state.kind.clone(), state.owned)) {
            None => {
                if let Some(kind) = self.world.relations.get(&object) {
                    let described = kind.described();
                    let what = format!("{object} is {described}; the script asks for a type of that name");
                    self.find(span, Code::KindConflict, what, "", Vec::new(), "use another name in the script");
                    return;
                }
                if !self.may_create(span, &object.schema) {
                    // One reason is told, not every statement that needs the type.
                    let state = Type { kind: TypeKind::Enum(labels.to_vec()), owned: true };
                    self.world.types_at(&object.clone()).insert(object, state);
                    return;
                }
                let list = labels.iter().map(|label| quote_literal(label)).collect::<Vec<_>>().join(", ");
                let sql = Sql::new(format!("CREATE TYPE {object} AS ENUM ({list})"));
                self.catalog_step(span, sql, Verb::Add, format!("enum type {object}"), None);
                let state = Type { kind: TypeKind::Enum(labels.to_vec()), owned: true };
                self.world.types_at(&object.clone()).insert(object, state);
            }
            Some((TypeKind::Other, _)) => self.find(
                span,
                Code::KindConflict,
                format!("type {object} is no enum; the script asks for one"),
                "",
                Vec::new(),
                "use another name in the script",
            ),
            Some((TypeKind::Enum(existing), _)) => {
                let labels: Vec<String> =
                    labels.iter().map(|label| self.current_label(&object, label, &existing)).collect();
                let places: Vec<_> =
                    labels.iter().filter_map(|label| existing.iter().position(|other| other == label)).collect();
                if !places.is_sorted() {
                    self.find(
                        span,
                        Code::EnumConflict,
                        format!("enum type {object} has its labels in another order"),
                        "",
                        vec![format!("they are {}", existing.join(", "))],
                        "write the labels in the order that is there; PostgreSQL cannot reorder them",
                    );
                    return;
                }
                let mut before: Option<&String> = None;
                for label in &labels {
                    if !existing.contains(label) {
                        let position = before.map_or_else(
                            || existing.first().map(|first| EnumPosition::Before(first.clone())),
                            |before| Some(EnumPosition::After(before.clone())),
                        );
                        self.add_label(span, &object, label, position.as_ref());
                    }
                    before = Some(label);
                }
            }
        }
    }

    /// Returns the label as it is called now: by its later name, where it has been renamed already.
    pub(super) fn current_label(&self, enum_type: &ObjectName, label: &str, existing: &[String]) -> String {
        let has = |label: &str| existing.iter().any(|other| other == label);
        let found = self.declared.label_name_until(self.order, enum_type, label, &|label| has(label));
        if has(&found) { found } else { label.to_owned() }
    }

    pub(super) fn enum_label(
        &mut self,
        span: Span,
        name: &QualifiedName,
        label: &str,
        position: Option<&EnumPosition>,
    ) {
        let object = self.type_object(name);
        let Some(Type { kind: TypeKind::Enum(labels), .. }) = self.world.types.get(&object) else {
            self.no_type(span, &object);
            return;
        };
        let current = |label: &str| self.current_label(&object, label, labels);
        let position = position.map(|position| match position {
            EnumPosition::Before(other) => EnumPosition::Before(current(other)),
            EnumPosition::After(other) => EnumPosition::After(current(other)),
        });
        let position = position.as_ref();
        let label = &current(label);
        if let Some(place) = labels.iter().position(|other| other == label) {
            let place_of = |other: &String| labels.iter().position(|label| label == other);
            let right = match position {
                None => true,
                Some(EnumPosition::Before(other)) => place_of(other).is_none_or(|other| place < other),
                Some(EnumPosition::After(other)) => place_of(other).is_none_or(|other| place > other),
            };
            if !right {
                let why = vec![format!("they are {}", labels.join(", "))];
                let what = format!("label {label} of enum type {object} stands in another place");
                self.find(span, Code::EnumConflict, what, "", why, "write the place that it has");
            }
            return;
        }
        self.add_label(span, &object, label, position);
    }

    fn no_type(&mut self, span: Span, object: &ObjectName) {
        if self.declared.dropped_after(self.order, &Aspect::Type(object.clone())) {
            self.superseded = true;
            return;
        }
        self.find(
            span,
            Code::ObjectMissing,
            format!("enum type {object} is not there"),
            "",
            Vec::new(),
            "create it in an earlier statement",
        );
    }

    fn add_label(&mut self, span: Span, object: &ObjectName, label: &str, position: Option<&EnumPosition>) {
        let Some(state) = self.world.types.get(object) else { return };
        if !state.owned {
            let what = format!("must be owner of type {}", object.name);
            self.find(span, Code::NotOwner, what, "", Vec::new(), "run as its owner");
            return;
        }
        let place = match position {
            None => String::new(),
            Some(EnumPosition::Before(other)) => format!(" BEFORE {}", quote_literal(other)),
            Some(EnumPosition::After(other)) => format!(" AFTER {}", quote_literal(other)),
        };
        let act = Act {
            verb: Verb::Add,
            object: format!("label {label} of enum type {object}"),
            table: None,
            form: Form::CatalogOnly,
            lock: None,
            timeout: self.policy.timeouts.catalog,
            hazards: Vec::new(),
            // A new label cannot be used before it is committed.
            transaction: if self.policy.atomic { Transaction::Shared } else { Transaction::Own },
        };
        let sql = Sql::new(format!("ALTER TYPE {object} ADD VALUE {}{place}", quote_literal(label)));
        self.step(span, sql, act);
        if let Some(Type { kind: TypeKind::Enum(labels), .. }) = self.world.types_at(object).get_mut(object) {
            let place = match position {
                Some(EnumPosition::Before(other)) => labels.iter().position(|label| label == other),
                Some(EnumPosition::After(other)) => {
                    labels.iter().position(|label| label == other).map(|place| place + 1)
                }
                None => None,
            };
            labels.insert(place.unwrap_or(labels.len()), label.to_owned());
        }
    }

    pub(super) fn enum_label_renamed(&mut self, span: Span, name: &QualifiedName, from: &str, to: &str) {
        let object = self.type_object(name);
        let Some(Type { kind: TypeKind::Enum(labels), owned }) = self.world.types.get(&object).cloned() else {
            self.no_type(span, &object);
            return;
        };
        let has = |label: &str| labels.iter().any(|other| other == label);
        let words = |label: &str| format!("label {label} of enum type {object}");
        match (has(from), has(to)) {
            (true, false) if !owned => {
                let what = format!("must be owner of type {}", object.name);
                self.find(span, Code::NotOwner, what, "", Vec::new(), "run as its owner");
            }
            (true, false) => {
                let sql = format!("ALTER TYPE {object} RENAME VALUE {} TO {}", quote_literal(from), quote_literal(to));
                self.catalog_step(span, Sql::new(sql), Verb::Alter, format!("{} renamed to {to}", words(from)), None);
                if let Some(Type { kind: TypeKind::Enum(labels), .. }) = self.world.types_at(&object).get_mut(&object) {
                    labels.iter_mut().filter(|label| *label == from).for_each(|label| to.clone_into(label));
                }
                let back = format!("ALTER TYPE {object} RENAME VALUE {} TO {}", quote_literal(to), quote_literal(from));
                self.world.rename_objects(&[], back);
            }
            (false, true) => {}
            (true, true) => self.both_names(span, &words(from), &words(to)),
            (false, false) if has(&self.current_label(&object, to, &labels)) => self.superseded = true,
            (false, false) => self.neither_name(span, &words(from), &words(to)),
        }
    }

    pub(super) fn sequence(&mut self, span: Span, name: &QualifiedName, options: &SequenceOptions) {
        let object = name.resolve(&self.target);
        if self.declared.dropped_after(self.order, &Aspect::Relation(object.clone())) {
            self.superseded = true;
            return;
        }
        self.check(None, CheckedKind::Sequence, &object.name, || options.source.clone());
        if let Some(existing) = self.world.sequences.get(&object).cloned() {
            let differences = sequence_differences(options, &existing);
            if !differences.is_empty() {
                let what = format!("sequence {object} has other settings than the script asks for");
                let help = format!("run ALTER SEQUENCE {object} by hand, or write what is there");
                self.find(span, Code::SequenceConflict, what, "", differences, help);
            }
            return;
        }
        if self.world.tables.contains_key(&object) || self.world.relations.contains_key(&object) {
            let described = self.world.relations.get(&object).map_or("a table", RelationKind::described);
            let what = format!("{object} is {described}; the script asks for a sequence");
            self.find(span, Code::KindConflict, what, "", Vec::new(), "use another name in the script");
            return;
        }
        if !self.may_create(span, &object.schema) {
            return;
        }
        let sql = Sql::new(format!("CREATE SEQUENCE {object} {}", options.source).trim_end().to_owned());
        self.catalog_step(span, sql, Verb::Add, format!("sequence {object}"), None);
        let data_type = options.data_type.as_ref().map_or_else(|| "bigint".to_owned(), ToString::to_string);
        let state = Sequence {
            data_type,
            start: options.start.unwrap_or(1),
            increment: options.increment.unwrap_or(1),
            min_value: options.min_value.flatten().unwrap_or(1),
            max_value: options.max_value.flatten().unwrap_or(i64::MAX),
            cache: options.cache.unwrap_or(1),
            cycle: options.cycle.unwrap_or(false),
            owned: true,
            owned_by: None,
        };
        self.world.sequences_at(&object).insert(object.clone(), state);
        self.world.relations_mut().insert(object, RelationKind::Sequence);
    }

    pub(super) fn absent(&mut self, span: Span, kind: DropKind, name: &QualifiedName, cascade: bool) {
        let cascade_word = if cascade { " CASCADE" } else { "" };
        let object = name.resolve(&self.target);
        match kind {
            DropKind::Index => self.index_absent(span, &object, cascade),
            DropKind::Table => {
                if self.other_kind(span, &object, None, "table") {
                    return;
                }
                if self.world.tables.contains_key(&object) {
                    let again = self.declared.made_after(self.order, &Aspect::Relation(object.clone()));
                    if again {
                        self.superseded = true;
                        return;
                    }
                    let words = format!("table {object}");
                    if !self.owns(span, &object)
                        || !self.drop_allowed(span, &words)
                        || !(cascade || self.no_dependents_of(span, &words, &Address::relation(&object)))
                    {
                        return;
                    }
                    let sql = Sql::new(format!("DROP TABLE {object}{cascade_word}"));
                    self.catalog_step(span, sql, Verb::Drop, words, Some(&object));
                    self.world.tables_at(&object).remove(&object);
                    self.world.forget(&object);
                    self.world.types_at(&object).remove(&object);
                    self.made.remove(&object);
                    self.seeded.remove(&object);
                }
            }
            DropKind::Type => {
                let object = self.type_object(name);
                if self.world.types.contains_key(&object) {
                    if self.declared.made_after(self.order, &Aspect::Type(object.clone())) {
                        self.superseded = true;
                        return;
                    }
                    let words = format!("type {object}");
                    if !cascade && !self.no_dependents_of(span, &words, &Address::type_of(&object)) {
                        return;
                    }
                    let sql = Sql::new(format!("DROP TYPE {object}{cascade_word}"));
                    self.dropped(span, sql, &words, cascade);
                    self.world.types_at(&object).remove(&object);
                }
            }
            DropKind::Schema => {
                if self.world.schemas.contains_key(&name.name) {
                    let sql = Sql::new(format!("DROP SCHEMA {}{cascade_word}", name.name));
                    self.dropped(span, sql, &format!("schema {}", name.name), cascade);
                    self.world.schemas_at(&name.name).remove(&name.name);
                }
            }
            DropKind::Extension => {
                if self.world.extensions.contains_key(&name.name) {
                    let sql = Sql::new(format!("DROP EXTENSION {}{cascade_word}", name.name));
                    self.dropped(span, sql, &format!("extension {}", name.name), cascade);
                    self.world.extensions_at(&name.name).remove(&name.name);
                }
            }
            DropKind::Sequence | DropKind::View | DropKind::MaterializedView => {
                let (wanted, words) = match kind {
                    DropKind::Sequence => (RelationKind::Sequence, "SEQUENCE"),
                    DropKind::View => (RelationKind::View, "VIEW"),
                    _ => (RelationKind::MaterializedView, "MATERIALIZED VIEW"),
                };
                if self.other_kind(span, &object, Some(&wanted), &words.to_lowercase())
                    || !self.world.relations.contains_key(&object)
                {
                    return;
                }
                if self.declared.made_after(self.order, &Aspect::Relation(object.clone())) {
                    self.superseded = true;
                    return;
                }
                let sql = Sql::new(format!("DROP {words} {object}{cascade_word}"));
                let what = format!("{} {object}", words.to_lowercase());
                if kind == DropKind::Sequence
                    && !cascade
                    && !self.no_dependents_of(span, &what, &Address::relation(&object))
                {
                    return;
                }
                // A view holds nothing that could not be made again; a sequence holds where it stood.
                if kind == DropKind::Sequence || cascade {
                    self.dropped(span, sql, &what, cascade);
                } else if self.may_drop_view(span, &object, &what) {
                    let act = self.act(Verb::Drop, what, Some(&object), LockMode::AccessExclusive);
                    self.step(span, sql, act);
                }
                self.world.forget(&object);
                self.world.relations_mut().remove(&object);
                self.indexes_go(&object);
                self.world.types_at(&object).remove(&object);
                self.world.sequences_at(&object).remove(&object);
            }
        }
    }

    /// Returns whether the name is that of something else than what is to be dropped (`None`: a table); a finding then.
    fn other_kind(&mut self, span: Span, object: &ObjectName, wanted: Option<&RelationKind>, words: &str) -> bool {
        let described = match self.world.relations.get(object) {
            Some(found) if wanted != Some(found) => found.described(),
            None if wanted.is_some() && self.world.tables.contains_key(object) => "a table",
            _ => return false,
        };
        let what = format!("{object} is {described}; the script drops a {words}");
        self.find(span, Code::KindConflict, what, "", Vec::new(), "correct the script");
        true
    }

    fn dropped(&mut self, span: Span, sql: Sql, what: &str, cascade: bool) {
        let shown = if cascade { format!("{what} and everything that depends on it") } else { what.to_owned() };
        if self.drop_allowed(span, &shown) {
            self.catalog_step(span, sql, Verb::Drop, what.to_owned(), None);
        }
    }
}

/// Returns what of the written options is otherwise in the database.
fn sequence_differences(options: &SequenceOptions, existing: &Sequence) -> Vec<String> {
    let mut differences = Vec::new();
    let mut number = |word: &str, written: Option<i64>, is: i64| {
        if let Some(written) = written
            && written != is
        {
            differences.push(format!("{word} is {is}, not {written}"));
        }
    };
    number("START", options.start, existing.start);
    number("INCREMENT", options.increment, existing.increment);
    number("MINVALUE", options.min_value.flatten(), existing.min_value);
    number("MAXVALUE", options.max_value.flatten(), existing.max_value);
    number("CACHE", options.cache, existing.cache);
    if let Some(cycle) = options.cycle
        && cycle != existing.cycle
    {
        differences.push(format!("it is {}", if existing.cycle { "CYCLE" } else { "NO CYCLE" }));
    }
    if let Some(data_type) = &options.data_type
        && data_type.to_string() != existing.data_type
    {
        differences.push(format!("its type is {}, not {data_type}", existing.data_type));
    }
    differences
}
