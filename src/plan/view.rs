//! Views and materialised views.

use std::cell::Cell;

use crate::{
    catalog::{self, Object, RelationKind, Table},
    diagnostic::Code,
    goal::{Expr, FromItem, Query, Sameness, StatementGoals, Target, View, parse_query, same_meaning_on, same_tokens},
    pg::{Ident, LockMode, ObjectName},
    script::Span,
};

use super::{
    CheckedKind, Planner, Sql, Verb,
    declared::Aspect,
    definition::{Likeness, Remedy, Replaceable},
    dependents::Address,
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
            statement,
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
            if !self.no_dependents_of(span, &words, &Address::relation(&name)) {
                return;
            }
            let sql = Sql::new(format!("DROP {} {name}", word.to_uppercase()));
            let act = self.act(Verb::Drop, words.clone(), Some(&name), LockMode::AccessExclusive);
            self.step(span, sql, act);
            self.world.forget(&name);
            self.indexes_go(&name);
        }
        let act = self.act(Verb::Alter, words, Some(&name), LockMode::AccessExclusive);
        self.as_written(statement, &[(view.name.span, name.to_string())], act);
        self.view_made(&name, view, wanted);
    }

    /// Frees the names of the indexes that go with a materialised view.
    pub(super) fn indexes_go(&mut self, name: &ObjectName) {
        let Some(view) = self.world.materialized_at(name).remove(name) else { return };
        for index in view.indexes.into_keys().map(|index| name.sibling(index)) {
            self.world.relations_mut().remove(&index);
            self.freed.insert(index);
        }
    }

    fn view_made(&mut self, name: &ObjectName, view: &View, kind: RelationKind) {
        let state = catalog::View {
            columns: Vec::new(),
            options: view.options.clone(),
            query: view.query.text.clone(),
            populated: view.with_data,
            owned: true,
        };
        if kind == RelationKind::MaterializedView {
            // Its indexes have gone with the one that it replaces.
            let made =
                Table { owner: self.world.server.role.clone(), owned: true, may_select: true, ..Table::default() };
            self.world.materialized_at(name).insert(name.clone(), made);
        }
        self.world.relations_mut().insert(name.clone(), kind);
        self.world.views_at(name).insert(name.clone(), state);
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
        let same = same_tokens(&written.query.text, &stored.query);
        if self.made.contains(name) {
            if !same {
                differences.push("an earlier statement makes it with another query".to_owned());
            }
            return (Likeness::of(differences, None), None);
        }
        let (likeness, columns) = self.compare_queries(written, stored);
        let unknown = match likeness {
            Likeness::Same => None,
            Likeness::Different(more) => {
                differences.extend(more);
                None
            }
            Likeness::Unknown(why) => Some(why).filter(|_| !same),
        };
        let kept = columns.iter().take(stored.columns.len()).eq(stored.columns.iter().map(|(column, _)| column));
        let obstacle = (!columns.is_empty() && !kept).then(|| {
            let list = stored.columns.iter().map(|(column, _)| column.to_string()).collect::<Vec<_>>().join(", ");
            format!("CREATE OR REPLACE VIEW keeps the columns that are there, in their order: {list}")
        });
        (Likeness::of(differences, unknown), obstacle)
    }

    /// Compares the queries, where both are plain; and returns the names of the columns that the written one gives, where
    /// they are known.
    fn compare_queries(&self, written: &View, stored: &catalog::View) -> (Likeness, Vec<Ident>) {
        let undecided = |why: &str| {
            let why = format!("its query cannot be compared with what the server prints: {why}");
            (Likeness::Unknown(why), Vec::new())
        };
        let (Some(ours), Some(theirs)) = (parse_query(&written.query.text), parse_query(&stored.query)) else {
            return undecided("it is no plain SELECT");
        };
        let (from, stored_from) = (self.sources(&ours), self.sources(&theirs));
        let same_source = |(a, b): (&Source, &Source)| {
            a.table == b.table
                // A table that no script names may be anywhere on the search path.
                || a.columns.is_none() && !a.qualified && a.table.name == b.table.name
                    && self.world.search_path.contains(&b.table.schema)
        };
        if from.len() != stored_from.len() || !from.iter().zip(&stored_from).all(same_source) {
            return (Likeness::Different(vec!["it reads other tables".to_owned()]), Vec::new());
        }
        // The columns of a table are the same on both sides, wherever they are known from.
        let aliases_equal = from.iter().zip(&stored_from).all(|(a, b)| a.alias == b.alias);
        let Some(mut ours) = placed(&ours, &from, true) else {
            return undecided("a column could belong to several tables");
        };
        let Some(theirs) = placed(&theirs, &stored_from, false) else {
            return undecided("a column could belong to several tables");
        };
        let Some(targets) = expanded(&ours.targets, &from) else {
            return undecided("it has a * over a table whose columns are not known");
        };
        let mut names = Vec::new();
        let mut values = Vec::new();
        for (place, (value, name)) in targets.into_iter().enumerate() {
            let name = written.columns.get(place).cloned().or(name).or_else(|| output_name(&value));
            let Some(name) = name else { return undecided("the name of a column is not written") };
            names.push(name);
            values.push(value);
        }
        by_name(&mut ours, &values, &names);
        let theirs_values: Vec<Expr> = theirs
            .targets
            .iter()
            .filter_map(|target| match target {
                Target::Value(value, _) => Some(value.clone()),
                Target::Star(_) => None,
            })
            .collect();
        let mut differences = Vec::new();
        let mut unknown = false;
        if names.iter().ne(stored.columns.iter().map(|(column, _)| column)) {
            differences.push("its columns are others".to_owned());
        } else if theirs_values.len() != values.len() {
            return undecided("the server prints a *");
        }
        if ours.distinct != theirs.distinct {
            differences.push("only one of the two is DISTINCT".to_owned());
        }
        if !same_joins(&ours.from, &theirs.from) {
            differences.push("its tables are joined otherwise".to_owned());
        }
        let mut compare = |words: &str, ours: &[Expr], theirs: &[Expr]| {
            if ours.len() != theirs.len() {
                differences.push(format!("its {words} is another"));
                return;
            }
            for (ours, theirs) in ours.iter().zip(theirs) {
                match self.same_in_query(ours, theirs, &from, aliases_equal) {
                    Sameness::Same => {}
                    Sameness::Different => {
                        differences.push(format!("its {words} is another"));
                        return;
                    }
                    Sameness::Unknown => unknown = true,
                }
            }
        };
        let list = |expr: &Option<Expr>| expr.iter().cloned().collect::<Vec<_>>();
        if values.len() == theirs_values.len() {
            compare("SELECT", &values, &theirs_values);
        }
        compare("WHERE", &list(&ours.filter), &list(&theirs.filter));
        compare("GROUP BY", &ours.groups, &theirs.groups);
        compare("HAVING", &list(&ours.having), &list(&theirs.having));
        compare("LIMIT", &list(&ours.limit), &list(&theirs.limit));
        compare("OFFSET", &list(&ours.offset), &list(&theirs.offset));
        let order = |orders: &[(Expr, bool, bool)]| orders.iter().map(|(value, ..)| value.clone()).collect::<Vec<_>>();
        compare("ORDER BY", &order(&ours.orders), &order(&theirs.orders));
        compare("join condition", &conditions(&ours.from), &conditions(&theirs.from));
        let directions = |orders: &[(Expr, bool, bool)]| orders.iter().map(|(_, a, b)| (*a, *b)).collect::<Vec<_>>();
        if ours.orders.len() == theirs.orders.len() && directions(&ours.orders) != directions(&theirs.orders) {
            differences.push("its ORDER BY is another".to_owned());
        }
        let unknown = unknown.then(|| "its query cannot be compared with what the server prints".to_owned());
        (Likeness::of(differences, unknown), names)
    }

    fn same_in_query(&self, ours: &Expr, theirs: &Expr, from: &[Source], aliases_equal: bool) -> Sameness {
        if let (Expr::Column(a), Expr::Column(b)) = (ours, theirs) {
            return if a == b { Sameness::Same } else { Sameness::Different };
        }
        let types = |name: &Ident| {
            let (place, column) = name.as_str().split_once('.')?;
            let source = from.get(place.trim_start_matches('#').parse::<usize>().ok()?)?;
            self.world.tables.get(&source.table)?.column(&Ident::new(column)).map(|column| column.type_name.clone())
        };
        let sameness = same_meaning_on(self.world.server.version, ours, theirs, &types, None);
        // Names inside of what is not read may mean other tables under the same alias.
        if sameness == Sameness::Same && !aliases_equal && ours.has_unread() { Sameness::Unknown } else { sameness }
    }

    /// Returns the tables of a query in order.
    fn sources(&self, query: &Query) -> Vec<Source> {
        let tables = query.from.iter().flat_map(FromItem::tables);
        tables
            .map(|(name, alias)| {
                let table = self.locate(name);
                let columns = match (self.world.tables.get(&table), self.world.objects.views.get(&table)) {
                    (Some(state), _) => Some(state.columns.iter().map(|column| column.name.clone()).collect()),
                    (None, Some(view)) if !view.columns.is_empty() => {
                        Some(view.columns.iter().map(|(column, _)| column.clone()).collect())
                    }
                    _ => None,
                };
                Source {
                    alias: alias.unwrap_or(&name.name).clone(),
                    aliased: alias.is_some(),
                    qualified: name.schema.is_some(),
                    table,
                    columns,
                }
            })
            .collect()
    }

    /// Drops a view, where it is there and nothing depends on it.
    pub(super) fn may_drop_view(&mut self, span: Span, name: &ObjectName, words: &str) -> bool {
        self.owns_object(span, &Object::Relation(name.clone()))
            && (self.made.contains(name) || self.no_dependents_of(span, words, &Address::relation(name)))
    }
}

/// A table of a query.
#[derive(Clone, Debug)]
struct Source {
    /// The name by which the query calls it.
    alias: Ident,
    /// Whether that is an alias.
    aliased: bool,
    /// Whether its schema is written.
    qualified: bool,
    table: ObjectName,
    /// Its columns, where they are known.
    columns: Option<Vec<Ident>>,
}

/// Names every column by the place of its table in FROM: `#0.id`. `None` where that is not certain.
/// In a `written` query, GROUP BY and ORDER BY may name a column of the result; the server prints what that stands for.
fn placed(query: &Query, from: &[Source], written: bool) -> Option<Query> {
    let using: Vec<Ident> = query.from.iter().flat_map(used).collect();
    let certain = Cell::new(true);
    let place = |parts: &[Ident]| {
        let found = match parts {
            [column] if from.iter().any(|source| source.alias == *column) => None,
            [column] if using.contains(column) => Some(0).filter(|_| from.len() == 2),
            [_] if from.len() == 1 => Some(0),
            [column] => {
                let mut has = from
                    .iter()
                    .enumerate()
                    .filter(|(_, source)| source.columns.as_ref().is_some_and(|columns| columns.contains(column)));
                let known = from.iter().all(|source| source.columns.is_some());
                has.next().map(|(place, _)| place).filter(|_| known && has.next().is_none())
            }
            [table, _] => from.iter().position(|source| source.alias == *table),
            [schema, table, _] => from
                .iter()
                .position(|source| !source.aliased && source.table.schema == *schema && source.table.name == *table),
            _ => None,
        };
        let column = parts.last()?;
        if found.is_none() {
            certain.set(false);
        }
        found.map(|place| vec![Ident::new(format!("#{place}.{}", column.as_str()))])
    };
    let mut placed = query.clone();
    {
        let mut all: Vec<&mut Expr> = Vec::new();
        for target in &mut placed.targets {
            if let Target::Value(value, _) = target {
                all.push(value);
            }
        }
        all.extend(placed.filter.as_mut());
        all.extend(placed.having.as_mut());
        all.extend(placed.limit.as_mut());
        all.extend(placed.offset.as_mut());
        for item in &mut placed.from {
            conditions_mut(item, &mut all);
        }
        // A name that the query gives to a column of its own is settled later.
        let names: Vec<Ident> = query
            .targets
            .iter()
            .filter_map(|target| if let Target::Value(_, name) = target { name.clone() } else { None })
            .collect();
        let own = |expr: &Expr| {
            written && matches!(expr, Expr::Column(parts) if parts.len() == 1 && names.contains(&parts[0]))
        };
        // GROUP BY means a column of a table first, ORDER BY one of the result.
        let of_table = |expr: &Expr| {
            matches!(expr, Expr::Column(parts) if from.iter().any(|source| {
                source.columns.as_ref().is_none_or(|columns| columns.contains(&parts[0]))
            }))
        };
        all.extend(placed.groups.iter_mut().filter(|expr| !own(expr) || of_table(expr)));
        all.extend(placed.orders.iter_mut().map(|(value, ..)| value).filter(|expr| !own(expr)));
        for expr in all {
            expr.map_columns(&place);
        }
    }
    certain.get().then_some(placed)
}

/// Returns the columns of USING.
fn used(item: &FromItem) -> Vec<Ident> {
    match item {
        FromItem::Table { .. } => Vec::new(),
        FromItem::Join { sides, using, .. } => {
            used(&sides.0).into_iter().chain(used(&sides.1)).chain(using.iter().cloned()).collect()
        }
    }
}

fn conditions_mut<'a>(item: &'a mut FromItem, all: &mut Vec<&'a mut Expr>) {
    if let FromItem::Join { sides, on, .. } = item {
        conditions_mut(&mut sides.0, all);
        conditions_mut(&mut sides.1, all);
        all.extend(on.as_mut());
    }
}

fn conditions(from: &[FromItem]) -> Vec<Expr> {
    fn add(item: &FromItem, all: &mut Vec<Expr>) {
        if let FromItem::Join { sides, on, .. } = item {
            add(&sides.0, all);
            add(&sides.1, all);
            all.extend(on.clone());
        }
    }
    let mut all = Vec::new();
    for item in from {
        add(item, &mut all);
    }
    all
}

fn same_joins(ours: &[FromItem], theirs: &[FromItem]) -> bool {
    fn same(a: &FromItem, b: &FromItem) -> bool {
        match (a, b) {
            (FromItem::Table { .. }, FromItem::Table { .. }) => true,
            (
                FromItem::Join { kind, sides, on, using },
                FromItem::Join { kind: other, sides: others, on: other_on, using: other_using },
            ) => {
                kind == other
                    && using == other_using
                    && on.is_some() == other_on.is_some()
                    && same(&sides.0, &others.0)
                    && same(&sides.1, &others.1)
            }
            _ => false,
        }
    }
    ours.len() == theirs.len() && ours.iter().zip(theirs).all(|(a, b)| same(a, b))
}

/// Writes out every star; `None` where the columns are not known.
fn expanded(targets: &[Target], from: &[Source]) -> Option<Vec<(Expr, Option<Ident>)>> {
    let mut all = Vec::new();
    for target in targets {
        match target {
            Target::Value(value, name) => all.push((value.clone(), name.clone())),
            Target::Star(table) => {
                for (place, source) in from.iter().enumerate() {
                    if table.as_ref().is_some_and(|table| source.alias != *table) {
                        continue;
                    }
                    for column in source.columns.as_ref()? {
                        let placed = Ident::new(format!("#{place}.{}", column.as_str()));
                        all.push((Expr::Column(vec![placed]), Some(column.clone())));
                    }
                }
            }
        }
    }
    Some(all)
}

/// Returns the name that the server gives to a column without one, where that is plain.
fn output_name(value: &Expr) -> Option<Ident> {
    match value {
        Expr::Column(parts) => {
            let name = parts.last()?.as_str();
            Some(Ident::new(name.split_once('.').map_or(name, |(_, column)| column)))
        }
        Expr::Call(name, _) => Some(name.name.clone()),
        Expr::Cast(inner, _) => output_name(inner),
        _ => None,
    }
}

/// Puts in the place of numbers and names of columns, in GROUP BY and ORDER BY, what they stand for.
fn by_name(query: &mut Query, values: &[Expr], names: &[Ident]) {
    let settle = |expr: &mut Expr| {
        let place = match expr {
            Expr::Number(text) => text.parse::<usize>().ok().and_then(|place| place.checked_sub(1)),
            Expr::Column(parts) => match parts.as_slice() {
                [name] => names.iter().position(|other| other == name),
                _ => None,
            },
            _ => None,
        };
        if let Some(value) = place.and_then(|place| values.get(place)) {
            *expr = value.clone();
        }
    };
    query.groups.iter_mut().for_each(settle);
    query.orders.iter_mut().map(|(value, ..)| value).for_each(settle);
}
