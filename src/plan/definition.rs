//! Routines, triggers and policies: what is defined as a whole, and replaced as a whole.

use std::collections::BTreeSet;

use crate::{
    catalog::{self, Object, RelationKind, RoutineKind},
    diagnostic::Code,
    goal::{
        ArgumentMode, Expr, Expression, GoalKind, ObjectRef, Policy, Routine, RoutineBody, RoutineWord, Sameness,
        StatementGoals, Trigger, parse_expression, read_definition, same_meaning_on,
    },
    pg::{Ident, LockMode, ObjectName, QualifiedName, TypeName, quote_literal},
    script::Span,
};

use super::{
    Act, CheckedKind, Form, Planner, Purpose, Question, Sql, Transaction, Verb, comment::signature, declared::Aspect,
    dependents::Address, regclass,
};

/// How what is there stands to what the script writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Likeness {
    /// The same.
    Same,
    /// Something else: in which points.
    Different(Vec<String>),
    /// It could not be found out: why.
    Unknown(String),
}

impl Likeness {
    /// Puts the points together: a difference is certain whatever else is not known.
    pub(super) fn of(differences: Vec<String>, unknown: Option<String>) -> Self {
        match unknown {
            _ if !differences.is_empty() => Self::Different(differences),
            Some(why) => Self::Unknown(why),
            None => Self::Same,
        }
    }
}

/// What a routine returns: its type, whether a set of it, and its columns.
type Returned = (Option<TypeName>, bool, Vec<(Option<Ident>, TypeName)>);

/// What is to be done about an object that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Remedy {
    /// Nothing.
    None,
    /// `CREATE OR REPLACE`.
    Replace,
    /// Drop it and make it anew, as the scripts say: a DROP stands before.
    Recreate,
}

/// What is said of an object that is to be replaced.
pub(super) struct Replaceable<'a> {
    pub(super) statement: &'a StatementGoals,
    pub(super) span: Span,
    pub(super) words: String,
    pub(super) aspect: &'a Aspect,
    /// `OR REPLACE` is written, and the server has it.
    pub(super) or_replace: bool,
    /// Why it cannot be replaced in place.
    pub(super) obstacle: Option<String>,
    /// What to do about a difference where nothing is to be replaced.
    pub(super) help: String,
}

impl Planner<'_> {
    /// Settles what is to be done about an object that is there.
    pub(super) fn remedy(&mut self, likeness: Likeness, object: Replaceable<'_>) -> Remedy {
        let differences = match likeness {
            Likeness::Same => return Remedy::None,
            // A later statement makes it what it is to be.
            _ if self.declared.made_after(self.order, object.aspect) => {
                self.superseded = true;
                return Remedy::None;
            }
            // Its guard decides, where it has one.
            Likeness::Unknown(_) if !object.statement.directives.guards.is_empty() => {
                let words: Vec<&str> = object.statement.text.split_whitespace().take(2).collect();
                self.opaque(object.statement, &words.join(" ").to_uppercase());
                return Remedy::None;
            }
            Likeness::Unknown(why) => {
                self.unverified = Some(why);
                return Remedy::None;
            }
            Likeness::Different(differences) => differences,
        };
        let anew = self.declared.dropped_before(self.order, object.aspect);
        if object.or_replace && object.obstacle.is_none() {
            return Remedy::Replace;
        }
        if anew {
            return Remedy::Recreate;
        }
        let mut why = differences;
        why.extend(object.obstacle);
        let what = format!("{} is otherwise than the script asks for", object.words);
        self.find(object.span, Code::DefinitionConflict, what, "", why, object.help);
        Remedy::None
    }

    /// Adds a step that is the statement itself, with the name that it makes under its schema.
    pub(super) fn as_written(&mut self, statement: &StatementGoals, names: &[(Span, String)], act: Act<'_>) {
        let mut sql = Sql::default();
        let mut at = statement.span.start;
        let text = |from: usize, to: usize| {
            statement.text.get(from - statement.span.start..to - statement.span.start).unwrap_or_default().to_owned()
        };
        for (span, name) in names {
            sql = sql.source(&text(at, span.start), at).push(name);
            at = span.end;
        }
        sql = sql.source(&text(at, statement.span.end), at);
        self.step(statement.span, sql, act);
    }

    pub(super) fn act<'a>(&self, verb: Verb, object: String, table: Option<&'a ObjectName>, lock: LockMode) -> Act<'a> {
        Act {
            verb,
            object,
            table,
            form: Form::CatalogOnly,
            lock: table.filter(|table| !self.made.contains(*table)).map(|_| lock),
            timeout: self.policy.timeouts.catalog,
            hazards: Vec::new(),
            transaction: Transaction::Shared,
        }
    }

    // Routines.

    pub(super) fn routine(&mut self, statement: &StatementGoals, routine: &Routine) {
        let span = statement.span;
        let name = routine.name.name.resolve(&self.target);
        let types: Vec<TypeName> = routine.signature().iter().map(|type_name| self.resolve_type(type_name)).collect();
        let reference = ObjectRef::Routine {
            kind: RoutineWord::Routine,
            name: routine.name.name.clone(),
            arguments: Some(routine.signature()),
        };
        let aspect = Aspect::Object(self.declared.object_named(self.order, &reference, &self.target));
        let key = (name.clone(), types.clone());
        let object = Object::Routine(name.clone(), types.clone());
        let existing = self.world.objects.routines.get(&key).cloned();
        if existing.is_none()
            && self.declared.dropped_after(self.order, &aspect)
            && !self.declared.made_after(self.order, &aspect)
        {
            self.superseded = true;
            return;
        }
        let word = if routine.procedure { "procedure" } else { "function" };
        let words = format!("{word} {}", signature(&name, &types));
        self.check(None, CheckedKind::Routine, &Ident::new(signature(&name, &types)), || {
            format!("{word}, language {}", routine.language)
        });
        let Some(existing) = existing else {
            self.create_routine(statement, routine, key, Verb::Add, &words);
            return;
        };
        let kind = if routine.procedure { RoutineKind::Procedure } else { RoutineKind::Function };
        if existing.kind != kind {
            let is = match existing.kind {
                RoutineKind::Function => "a function",
                RoutineKind::Procedure => "a procedure",
                RoutineKind::Aggregate => "an aggregate",
            };
            let what = format!("{} is {is}; the script asks for a {word}", signature(&name, &types));
            self.find(span, Code::KindConflict, what, "", Vec::new(), "use another name in the script");
            return;
        }
        let stored = existing.definition.as_deref().and_then(read_definition);
        let Some(GoalKind::Routine(stored)) = stored else {
            self.unverified = Some(format!("the definition of {words} cannot be read back"));
            return;
        };
        let likeness = self.compare_routines(routine, &stored);
        let obstacle = self.in_the_way(routine, &stored);
        let object_words = words.clone();
        let remedy = self.remedy(
            likeness,
            Replaceable {
                statement,
                span,
                words,
                aspect: &aspect,
                or_replace: routine.or_replace,
                obstacle,
                help: format!(
                    "write CREATE OR REPLACE, or a DROP {} above it where that is not enough",
                    word.to_uppercase()
                ),
            },
        );
        if remedy == Remedy::None || !self.owns_object(span, &object) {
            return;
        }
        if remedy == Remedy::Recreate {
            self.drop_routine(span, &object);
        }
        self.create_routine(statement, routine, key, Verb::Alter, &object_words);
    }

    fn create_routine(
        &mut self,
        statement: &StatementGoals,
        routine: &Routine,
        key: (ObjectName, Vec<TypeName>),
        verb: Verb,
        words: &str,
    ) {
        let all = routine.arguments.iter().map(|argument| (&argument.type_name, argument.type_span));
        let types: Vec<_> =
            all.chain(routine.returns.iter().map(|(type_name, _)| (type_name, statement.span))).collect();
        let mut there = verb == Verb::Alter || self.may_create(statement.span, &key.0.schema);
        for (type_name, span) in types {
            let resolved = self.resolve_type(type_name);
            there &= self.has_type(span, &resolved);
        }
        there &= self.may_use_language(statement.span, &routine.language);
        if there {
            let act = self.act(verb, words.to_owned(), None, LockMode::AccessShare);
            self.as_written(statement, &[(routine.name.span, key.0.to_string())], act);
        }
        let kind = if routine.procedure { RoutineKind::Procedure } else { RoutineKind::Function };
        let state = catalog::Routine { kind, definition: Some(statement.text.clone()), owned: true };
        self.world.routines_at(&key.clone()).insert(key, state);
    }

    fn may_use_language(&mut self, span: Span, language: &str) -> bool {
        if matches!(language, "sql" | "plpgsql") && self.world.server.superuser {
            return true;
        }
        let sql = format!(
            "SELECT pg_catalog.json_agg(pg_catalog.has_language_privilege(l.oid, 'USAGE')::text) \
             FROM pg_catalog.pg_language l WHERE l.lanname = {}",
            quote_literal(language)
        );
        let answer = self.ask(Question::new(sql, Purpose::Names, None));
        match answer.and_then(|answer| answer.as_names()).as_deref() {
            None => true,
            Some([right]) if right == "true" => true,
            Some([]) => {
                let what = format!("language {language} is not there");
                let help = format!("create it in an earlier statement: CREATE EXTENSION {}", Ident::new(language));
                self.find(span, Code::ObjectMissing, what, "", Vec::new(), help);
                false
            }
            Some(_) => {
                let role = self.world.server.role.clone();
                let what = format!("permission denied for language {language}: role {role} lacks USAGE");
                let help = format!("let its owner run: GRANT USAGE ON LANGUAGE {language} TO {}", Ident::new(role));
                self.find(span, Code::PermissionDenied, what, "", Vec::new(), help);
                false
            }
        }
    }

    /// Returns why CREATE OR REPLACE cannot make one routine of the other.
    fn in_the_way(&self, written: &Routine, stored: &Routine) -> Option<String> {
        if self.result(written) != self.result(stored) {
            return Some("CREATE OR REPLACE cannot change what a function returns".to_owned());
        }
        let input = |routine: &Routine| -> Vec<_> {
            routine
                .arguments
                .iter()
                .filter(|a| a.mode.is_input())
                .map(|a| (a.name.clone(), a.default.is_some()))
                .collect()
        };
        for ((new, has_default), (old, had_default)) in input(written).into_iter().zip(input(stored)) {
            if old.is_some() && old != new {
                return Some("CREATE OR REPLACE cannot change the names of arguments".to_owned());
            }
            if had_default && !has_default {
                return Some("CREATE OR REPLACE cannot take a default from an argument".to_owned());
            }
        }
        None
    }

    /// Returns what a routine returns, as the server would print it: the type, whether a set, and the columns.
    fn result(&self, routine: &Routine) -> Returned {
        let output: Vec<(Option<Ident>, TypeName)> = routine
            .arguments
            .iter()
            .filter(|a| matches!(a.mode, ArgumentMode::Out | ArgumentMode::InOut | ArgumentMode::Table))
            .map(|a| (a.name.clone(), self.resolve_type(&a.type_name)))
            .collect();
        let table = routine.arguments.iter().any(|a| a.mode == ArgumentMode::Table);
        match &routine.returns {
            Some((type_name, set)) => (Some(self.resolve_type(type_name)), *set, output),
            None if table || routine.procedure => (None, table, output),
            None => match output.as_slice() {
                [(_, only)] => (Some(only.clone()), false, output.clone()),
                _ => (Some(TypeName::builtin("record")), false, output),
            },
        }
    }

    fn compare_routines(&self, written: &Routine, stored: &Routine) -> Likeness {
        let mut differences = Vec::new();
        let mut unknown = None;
        let mut point = |same: bool, words: String| {
            if !same {
                differences.push(words);
            }
        };
        point(self.result(written) == self.result(stored), "it returns something else".to_owned());
        point(written.language == stored.language, format!("its language is {}", stored.language));
        point(written.volatility == stored.volatility, format!("it is {}", stored.volatility));
        point(written.strict == stored.strict, format!("it is {}STRICT", if stored.strict { "" } else { "not " }));
        let security = if stored.security_definer { "DEFINER" } else { "INVOKER" };
        point(written.security_definer == stored.security_definer, format!("it is SECURITY {security}"));
        let leakproof = if stored.leakproof { "LEAKPROOF" } else { "NOT LEAKPROOF" };
        point(written.leakproof == stored.leakproof, format!("it is {leakproof}"));
        point(written.parallel == stored.parallel, format!("it is PARALLEL {}", stored.parallel));
        // The server prints no cost and no rows that are those of every function.
        let usual = if matches!(written.language.as_str(), "internal" | "c") { "1" } else { "100" };
        let cost = |routine: &Routine| routine.cost.clone().unwrap_or_else(|| usual.to_owned());
        point(cost(written) == cost(stored), format!("its COST is {}", cost(stored)));
        let rows = |routine: &Routine| routine.rows.clone().unwrap_or_else(|| "1000".to_owned());
        point(rows(written) == rows(stored), format!("its ROWS are {}", rows(stored)));
        point(written.settings == stored.settings, "its settings (SET) are others".to_owned());
        let shape = |routine: &Routine| -> Vec<_> {
            let arguments = routine.arguments.iter();
            arguments.map(|a| (mode_rank(a.mode), a.name.clone(), self.resolve_type(&a.type_name))).collect()
        };
        point(shape(written) == shape(stored), "its arguments are others".to_owned());
        for (a, b) in written.arguments.iter().zip(&stored.arguments) {
            let type_name = self.resolve_type(&a.type_name);
            match self.same_expressions(a.default.as_ref(), b.default.as_ref(), None, Some(&type_name)) {
                Sameness::Same => {}
                Sameness::Different => differences.push("an argument has another default".to_owned()),
                Sameness::Unknown => {
                    unknown = Some("the default of an argument cannot be compared with what is there".to_owned());
                }
            }
        }
        match (&written.body, &stored.body) {
            (RoutineBody::Text(a), RoutineBody::Text(b)) => {
                if a != b {
                    differences.push("its body is another".to_owned());
                }
            }
            (RoutineBody::Parsed(a), RoutineBody::Parsed(b)) => {
                if a != b {
                    unknown = Some("the server keeps this body parsed, and prints it in its own way".to_owned());
                }
            }
            _ => differences.push("its body is another".to_owned()),
        }
        Likeness::of(differences, unknown)
    }

    /// Compares two expressions of one table, or of none; there or not is a difference.
    pub(super) fn same_expressions(
        &self,
        written: Option<&Expression>,
        stored: Option<&Expression>,
        table: Option<&ObjectName>,
        result_type: Option<&TypeName>,
    ) -> Sameness {
        match (written, stored) {
            (None, None) => Sameness::Same,
            (Some(written), Some(stored)) => {
                let columns = |name: &Ident| {
                    let name =
                        name.as_str().rsplit_once('.').map_or_else(|| name.clone(), |(_, name)| Ident::new(name));
                    let state = self.world.tables.get(table?)?;
                    state.column(&name).map(|column| column.type_name.clone())
                };
                same_meaning_on(self.world.server.version, &written.tree, &stored.tree, &columns, result_type)
            }
            _ => Sameness::Different,
        }
    }

    fn drop_routine(&mut self, span: Span, object: &Object) {
        let Object::Routine(name, types) = object else { return };
        let sql = Sql::new(format!("DROP {}", self.object_sql(object)));
        let words = self.object_words(object);
        self.catalog_step(span, sql, Verb::Drop, words, None);
        {
            let key = (name.clone(), types.clone());
            self.world.routines_at(&key).remove(&key)
        };
        self.world.forget_object(object);
    }

    // Triggers.

    pub(super) fn trigger(&mut self, statement: &StatementGoals, trigger: &Trigger) {
        let span = statement.span;
        let view = trigger.table.name.resolve(&self.target);
        let table = match self.world.relations.get(&view) {
            Some(RelationKind::View) => view,
            _ => match self.existing_table(trigger.table.span, &trigger.table.name) {
                Some(table) => table,
                None => return,
            },
        };
        let name = trigger.name.ident.clone();
        let last = self.declared.table_name(self.order, &table);
        let aspect = Aspect::Object(Object::Trigger(last, name.clone()));
        let key = (table.clone(), name.clone());
        let words = format!("trigger {name} on {table}");
        let existing = self.world.objects.triggers.get(&key).cloned();
        if existing.is_none()
            && self.declared.dropped_after(self.order, &aspect)
            && !self.declared.made_after(self.order, &aspect)
        {
            self.superseded = true;
            return;
        }
        self.check(Some(&table), CheckedKind::Trigger, &name, || {
            let events: Vec<&str> = trigger.events.iter().copied().collect();
            format!("{} {}", trigger.timing, events.join(" or ")).to_lowercase()
        });
        let function = self.find_routine(RoutineWord::Function, &trigger.function.name, Some(&[]));
        let function = function.into_iter().next().map(|(function, _)| function);
        let mut recreate = false;
        if let Some(existing) = &existing {
            let Some(GoalKind::Trigger(stored)) = read_definition(&existing.definition) else {
                self.unverified = Some(format!("the definition of {words} cannot be read back"));
                return;
            };
            let likeness = self.compare_triggers(trigger, &stored, existing.enabled, &table, function.as_ref());
            let constraint = trigger.constraint || stored.constraint;
            let obstacle = constraint.then(|| "a constraint trigger cannot be replaced".to_owned());
            let help = format!("write CREATE OR REPLACE TRIGGER, or DROP TRIGGER IF EXISTS {name} ON {table} above it");
            let object = Replaceable {
                statement,
                span,
                words: words.clone(),
                aspect: &aspect,
                or_replace: trigger.or_replace,
                obstacle,
                help,
            };
            match self.remedy(likeness, object) {
                Remedy::None => return,
                Remedy::Replace => {}
                Remedy::Recreate => recreate = true,
            }
        }
        let Some(function) = function else {
            let written = trigger.function.name.resolve(&self.target);
            self.missing(trigger.function.span, Code::ObjectMissing, &format!("function {written}()"));
            return;
        };
        if !self.may_trigger(span, &table) {
            return;
        }
        if recreate {
            let sql = Sql::new(format!("DROP TRIGGER {name} ON {table}"));
            let act = self.act(Verb::Drop, words.clone(), Some(&table), LockMode::AccessExclusive);
            self.step(span, sql, act);
            self.world.forget_object(&Object::Trigger(table.clone(), name.clone()));
        }
        let verb = if existing.is_some() { Verb::Alter } else { Verb::Add };
        let act = self.act(verb, words, Some(&table), LockMode::ShareRowExclusive);
        let names = [(trigger.table.span, table.to_string()), (trigger.function.span, function.to_string())];
        self.as_written(statement, &names, act);
        let state = catalog::Trigger { definition: statement.text.clone(), enabled: 'O' };
        self.world.triggers_at(&key.clone()).insert(key, state);
    }

    fn compare_triggers(
        &self,
        written: &Trigger,
        stored: &Trigger,
        enabled: char,
        table: &ObjectName,
        function: Option<&ObjectName>,
    ) -> Likeness {
        let mut differences = Vec::new();
        let mut point = |same: bool, words: String| {
            if !same {
                differences.push(words);
            }
        };
        let list = |events: &BTreeSet<&'static str>| events.iter().copied().collect::<Vec<_>>().join(" or ");
        point(written.timing == stored.timing, format!("it fires {}", stored.timing));
        point(written.events == stored.events, format!("it fires on {}", list(&stored.events)));
        let columns: BTreeSet<Ident> = written.columns.iter().map(|column| self.locate_column(table, column)).collect();
        point(columns == stored.columns, "it fires on an update of other columns".to_owned());
        let each = if stored.for_each_row { "ROW" } else { "STATEMENT" };
        point(written.for_each_row == stored.for_each_row, format!("it fires FOR EACH {each}"));
        point(written.constraint == stored.constraint, "one is a constraint trigger, the other is not".to_owned());
        point(written.deferral == stored.deferral, "it is deferred otherwise".to_owned());
        let from = |name: &Option<QualifiedName>| name.as_ref().map(|name| name.resolve(&self.target));
        point(from(&written.from) == from(&stored.from), "it refers to another table".to_owned());
        point(
            (&written.old_table, &written.new_table) == (&stored.old_table, &stored.new_table),
            "its transition tables are others".to_owned(),
        );
        let executes = self.find_routine(RoutineWord::Function, &stored.function.name, Some(&[]));
        let executes =
            executes.first().map_or_else(|| stored.function.name.resolve(&self.target), |(name, _)| name.clone());
        point(function == Some(&executes), format!("it executes {executes}"));
        point(written.arguments == stored.arguments, "its function is given other arguments".to_owned());
        point(enabled != 'D', "it is disabled".to_owned());
        let sides = |condition: &Option<Expression>| {
            condition.clone().map(|mut condition| {
                keep_sides(&mut condition.tree);
                condition
            })
        };
        let (a, b) = (sides(&written.condition), sides(&stored.condition));
        let unknown = match self.same_expressions(a.as_ref(), b.as_ref(), Some(table), None) {
            Sameness::Same => None,
            Sameness::Different => {
                differences.push("its WHEN is another".to_owned());
                None
            }
            Sameness::Unknown => Some(format!("its WHEN cannot be compared with what is there: {}", shown(b.as_ref()))),
        };
        Likeness::of(differences, unknown)
    }

    /// Returns whether our role may make triggers on the table; a finding where it may not.
    fn may_trigger(&mut self, span: Span, table: &ObjectName) -> bool {
        let owned = self.world.tables.get(table).is_some_and(|state| state.owned);
        if owned || self.made.contains(table) {
            return true;
        }
        let sql = format!(
            "SELECT pg_catalog.json_build_array(pg_catalog.has_table_privilege({}, 'TRIGGER')::text)",
            regclass(table)
        );
        let answer = self.ask(Question::new(sql, Purpose::Names, None));
        if answer.and_then(|answer| answer.as_names()).is_none_or(|words| words == ["true"]) {
            return true;
        }
        let role = self.world.server.role.clone();
        let what = format!("permission denied for table {}: role {role} lacks TRIGGER", table.name);
        let help = format!("let its owner run: GRANT TRIGGER ON {table} TO {}", Ident::new(role));
        self.find(span, Code::PermissionDenied, what, "", Vec::new(), help);
        false
    }

    // Policies and row-level security.

    pub(super) fn policy_goal(&mut self, statement: &StatementGoals, policy: &Policy) {
        let span = statement.span;
        let Some(table) = self.existing_table(policy.table.span, &policy.table.name) else { return };
        let name = policy.name.ident.clone();
        let last = self.declared.table_name(self.order, &table);
        let aspect = Aspect::Object(Object::Policy(last, name.clone()));
        let key = (table.clone(), name.clone());
        let words = format!("policy {name} on {table}");
        let existing = self.world.objects.policies.get(&key).cloned();
        if existing.is_none()
            && self.declared.dropped_after(self.order, &aspect)
            && !self.declared.made_after(self.order, &aspect)
        {
            self.superseded = true;
            return;
        }
        self.check(Some(&table), CheckedKind::Policy, &name, || policy.command.to_lowercase());
        let mut recreate = false;
        if let Some(existing) = &existing {
            let likeness = self.compare_policies(policy, existing, &table);
            let object = Replaceable {
                statement,
                span,
                words: words.clone(),
                aspect: &aspect,
                or_replace: false,
                obstacle: None,
                help: format!("write DROP POLICY IF EXISTS {name} ON {table} above it to have it made anew"),
            };
            match self.remedy(likeness, object) {
                Remedy::None => return,
                Remedy::Replace | Remedy::Recreate => recreate = true,
            }
        }
        for role in policy.roles.iter().flatten() {
            if !self.world.objects.roles.contains(role) {
                let what = format!("role {role} is not there");
                self.find(span, Code::ObjectMissing, what, "", Vec::new(), format!("create it: CREATE ROLE {role}"));
                return;
            }
        }
        if !self.owns(span, &table) {
            return;
        }
        if recreate {
            let sql = Sql::new(format!("DROP POLICY {name} ON {table}"));
            let act = self.act(Verb::Drop, words.clone(), Some(&table), LockMode::AccessExclusive);
            self.step(span, sql, act);
            self.world.forget_object(&Object::Policy(table.clone(), name.clone()));
        }
        let verb = if existing.is_some() { Verb::Alter } else { Verb::Add };
        let act = self.act(verb, words, Some(&table), LockMode::AccessExclusive);
        self.as_written(statement, &[(policy.table.span, table.to_string())], act);
        let text = |expression: &Option<Expression>| expression.as_ref().map(|e| e.source.text.clone());
        let state = catalog::Policy {
            permissive: policy.permissive,
            command: command_letter(policy.command),
            roles: policy.roles.clone(),
            using: text(&policy.using),
            check: text(&policy.check),
        };
        self.world.policies_at(&key.clone()).insert(key, state);
    }

    fn compare_policies(&self, written: &Policy, stored: &catalog::Policy, table: &ObjectName) -> Likeness {
        let mut differences = Vec::new();
        if written.permissive != stored.permissive {
            differences.push(format!("it is {}", if stored.permissive { "PERMISSIVE" } else { "RESTRICTIVE" }));
        }
        if command_letter(written.command) != stored.command {
            differences.push("it is for another command".to_owned());
        }
        if written.roles != stored.roles {
            let roles: Vec<String> = stored
                .roles
                .iter()
                .map(|role| role.as_ref().map_or("PUBLIC".to_owned(), ToString::to_string))
                .collect();
            differences.push(format!("it is for {}", roles.join(", ")));
        }
        let mut unknown = None;
        for (word, ours, theirs) in
            [("USING", &written.using, &stored.using), ("WITH CHECK", &written.check, &stored.check)]
        {
            let sameness = match (ours, theirs.as_deref().map(|text| (text, parse_expression(text)))) {
                (None, None) => Sameness::Same,
                (Some(ours), Some((_, Some(theirs)))) => {
                    let mut ours = ours.tree.clone();
                    self.under_current_names(table, &mut ours);
                    let columns = |name: &Ident| {
                        self.world.tables.get(table)?.column(name).map(|column| column.type_name.clone())
                    };
                    same_meaning_on(self.world.server.version, &ours, &theirs, &columns, None)
                }
                (Some(_), Some((_, None))) => Sameness::Unknown,
                _ => Sameness::Different,
            };
            match sameness {
                Sameness::Same => {}
                Sameness::Different => differences.push(format!("its {word} is another")),
                Sameness::Unknown => {
                    let is = theirs.as_deref().unwrap_or_default();
                    unknown = Some(format!("its {word} cannot be compared with what is there: {is}"));
                }
            }
        }
        Likeness::of(differences, unknown)
    }

    pub(super) fn row_security(&mut self, span: Span, table: &QualifiedName, force: bool, on: bool) {
        let Some(table) = self.existing_table(span, table) else { return };
        let last = self.declared.table_name(self.order, &table);
        if self.declared.altered_after(self.order, &Aspect::RowSecurity(last, force)).is_some() {
            self.superseded = true;
            return;
        }
        let word = if force { "forced row-level security" } else { "row-level security" };
        self.check(Some(&table), CheckedKind::Policy, &Ident::new(word), || if on { "on" } else { "off" }.to_owned());
        let (enabled, forced) = self.world.objects.row_security.get(&table).copied().unwrap_or_default();
        if (if force { forced } else { enabled }) == on || !self.owns(span, &table) {
            return;
        }
        let action = match (force, on) {
            (false, true) => "ENABLE",
            (false, false) => "DISABLE",
            (true, true) => "FORCE",
            (true, false) => "NO FORCE",
        };
        let sql = Sql::new(format!("ALTER TABLE {table} {action} ROW LEVEL SECURITY"));
        let act = self.act(
            Verb::Alter,
            format!("{word} of {table} {}", if on { "on" } else { "off" }),
            Some(&table),
            LockMode::AccessExclusive,
        );
        self.step(span, sql, act);
        let state = if force { (enabled, on) } else { (on, forced) };
        self.world.row_security_at(&table.clone()).insert(table, state);
    }

    // Dropping any of them.

    pub(super) fn object_absent(&mut self, span: Span, object: &ObjectRef, cascade: bool) {
        let last = self.declared.object_named(self.order, object, &self.target);
        let found = match object {
            ObjectRef::Trigger { table, name } => {
                let table = self.locate(table);
                let there = self.world.objects.triggers.contains_key(&(table.clone(), name.clone()));
                there.then(|| Object::Trigger(table, name.clone()))
            }
            ObjectRef::Policy { table, name } => {
                let table = self.locate(table);
                let there = self.world.objects.policies.contains_key(&(table.clone(), name.clone()));
                there.then(|| Object::Policy(table, name.clone()))
            }
            ObjectRef::Routine { kind, name, arguments } => {
                let found = self.find_routine(*kind, name, arguments.as_deref());
                if found.len() > 1 {
                    let what = format!(
                        "{} {name} is not unique: {} of that name are there",
                        kind.sql().to_lowercase(),
                        found.len()
                    );
                    self.find(span, Code::KindConflict, what, "", Vec::new(), "write the types of its arguments");
                    return;
                }
                found.into_iter().next().map(|(name, types)| Object::Routine(name, types))
            }
            _ => None,
        };
        let Some(object) = found else { return };
        // Without its arguments a routine is dropped whatever they are.
        let made_again = match &object {
            Object::Routine(name, types) => {
                let written = ObjectRef::Routine {
                    kind: RoutineWord::Routine,
                    name: QualifiedName { schema: Some(name.schema.clone()), name: name.name.clone() },
                    arguments: Some(types.clone()),
                };
                let by_types = self.declared.object_named(self.order, &written, &self.target);
                self.declared.made_after(self.order, &Aspect::Object(by_types))
            }
            _ => false,
        };
        if made_again || self.declared.made_after(self.order, &Aspect::Object(last)) {
            self.superseded = true;
            return;
        }
        if !self.owns_object(span, &object) {
            return;
        }
        let words = self.object_words(&object);
        if !cascade
            && let Object::Routine(name, types) = &object
            && !self.no_dependents_of(span, &words, &Address::routine(name, types))
        {
            return;
        }
        let cascade_word = if cascade { " CASCADE" } else { "" };
        let sql = Sql::new(format!("DROP {}{cascade_word}", self.object_sql(&object)));
        if cascade && !self.drop_allowed(span, &format!("{words} and everything that depends on it")) {
            return;
        }
        let table = object.table().filter(|table| self.world.tables.contains_key(*table)).cloned();
        let act = self.act(Verb::Drop, words, table.as_ref(), LockMode::AccessExclusive);
        self.step(span, sql, act);
        match &object {
            Object::Trigger(table, name) => {
                {
                    let key = (table.clone(), name.clone());
                    self.world.triggers_at(&key).remove(&key)
                };
            }
            Object::Policy(table, name) => {
                {
                    let key = (table.clone(), name.clone());
                    self.world.policies_at(&key).remove(&key)
                };
            }
            Object::Routine(name, types) => {
                {
                    let key = (name.clone(), types.clone());
                    self.world.routines_at(&key).remove(&key)
                };
            }
            _ => {}
        }
        self.world.forget_object(&object);
    }
}

/// Keeps `old.a` and `new.a` apart, which comparison by meaning would take for one column.
fn keep_sides(tree: &mut Expr) {
    tree.map_columns(&|parts| match parts {
        [side, column] => Some(vec![Ident::new(format!("{}.{}", side.as_str(), column.as_str()))]),
        _ => None,
    });
}

fn shown(expression: Option<&Expression>) -> String {
    expression.map(|expression| expression.source.text.clone()).unwrap_or_default()
}

const fn mode_rank(mode: ArgumentMode) -> u8 {
    mode as u8
}

fn command_letter(command: &str) -> char {
    match command {
        "SELECT" => 'r',
        "INSERT" => 'a',
        "UPDATE" => 'w',
        "DELETE" => 'd',
        _ => '*',
    }
}
