//! From statements to goals.

use crate::{
    diagnostic::{Code, Finding},
    pg::{Ident, MAX_IDENTIFIER_BYTES, QualifiedName, SerialKind},
    script::{Script, ScriptId, Span},
    sql::{
        AlterAction, AlterActionKind, ColumnConstraintKind, ColumnDef, ConstraintDef, ConstraintKind, CreateIndex,
        CreateTable, Directive, DirectiveKind, IndexTarget, Label, LabelPosition, Name, ParsedScript, References,
        Relation, Statement, StatementKind, Timing, TransactionGrouping,
    },
};

use super::{
    Accept, ColumnGoal, ConstraintGoal, ConstraintGoalKind, DirectiveSite, Directives, Down, EnumPosition, Fragment,
    Goal, GoalKind, Guard, IndexGoal, IndexKeyGoal, IndexKeyTarget, ReferentialAction, ScriptGoals, SiteKind,
    StatementGoals, StatementId, data,
    twice::{Twice, said_twice},
};

/// Turns a script into goals.
///
/// # Errors
/// Every statement that may not stand in an ensure script or would do its work again on every run; all of them.
pub fn read(id: ScriptId, script: &Script, parsed: ParsedScript) -> Result<ScriptGoals, Vec<Finding>> {
    let mut reader = Reader { id, script, errors: Vec::new() };
    let mut goals = ScriptGoals {
        id,
        title: None,
        grouping: TransactionGrouping::default(),
        accepts: Vec::new(),
        sites: Vec::new(),
        statements: Vec::with_capacity(parsed.statements.len()),
        verifies: parsed.verifies,
    };
    let mut for_file = Directives::default();
    for directive in &parsed.directives {
        match &directive.kind {
            DirectiveKind::Title(title) => goals.title = Some(title.clone()),
            DirectiveKind::Transaction(grouping) => goals.grouping = *grouping,
            DirectiveKind::Accept { table, column, type_name } => goals.accepts.push(Accept {
                table: table.clone(),
                column: column.clone(),
                type_name: type_name.clone(),
            }),
            _ => {
                goals.sites.extend(site(directive, None));
                apply(&mut for_file, directive);
            }
        }
    }
    // Each statement is dropped when its goals are read: a script may be large.
    for (index, statement) in parsed.statements.into_iter().enumerate() {
        let mut directives = for_file.clone();
        for directive in &statement.directives {
            goals.sites.extend(site(directive, Some(index)));
            apply(&mut directives, directive);
            if let DirectiveKind::Down(statements) = &directive.kind {
                directives.down.extend(statements.iter().filter_map(|statement| reader.down(statement)));
            }
        }
        let statement_goals = reader.statement(&statement, &directives);
        goals.statements.push(StatementGoals {
            id: StatementId { script: id, index },
            span: statement.span,
            text: script.slice(statement.span).to_owned(),
            directives,
            goals: statement_goals,
            since: statement.since,
        });
    }
    if reader.errors.is_empty() { Ok(goals) } else { Err(reader.errors) }
}

/// Reads what takes a whole script back: each of its statements may be of any kind that can stand in a script.
///
/// # Errors
/// Statements that cannot.
pub fn read_down(id: ScriptId, script: &Script, parsed: &ParsedScript) -> Result<Vec<Down>, Vec<Finding>> {
    let mut reader = Reader { id, script, errors: Vec::new() };
    let text = |span: Span| Fragment { text: script.slice(span).to_owned(), span };
    let downs = parsed.statements.iter().filter_map(|statement| reader.down(&text(statement.span))).collect();
    if reader.errors.is_empty() { Ok(downs) } else { Err(reader.errors) }
}

fn apply(directives: &mut Directives, directive: &Directive) {
    match &directive.kind {
        DirectiveKind::Allow { hazard, .. } => {
            directives.allow.insert(*hazard);
        }
        DirectiveKind::Online(mode) => directives.online = *mode,
        DirectiveKind::When(query) => directives.guards.push(Guard { query: query.clone(), applies_if: true }),
        DirectiveKind::Unless(query) => directives.guards.push(Guard { query: query.clone(), applies_if: false }),
        DirectiveKind::Always => directives.always = true,
        DirectiveKind::KeepOld => directives.keep_old = true,
        DirectiveKind::Batch(rows) => directives.batch = Some(*rows),
        // These belong to the file and were read there; the last is of use to `check` only.
        DirectiveKind::Title(_)
        | DirectiveKind::Transaction(_)
        | DirectiveKind::Accept { .. }
        | DirectiveKind::Waive { .. }
        // It is read as a statement is.
        | DirectiveKind::Down(_) => {}
    }
}

/// Returns where a directive stands that `check` judges.
fn site(directive: &Directive, statement: Option<usize>) -> Option<DirectiveSite> {
    let kind = match &directive.kind {
        DirectiveKind::Allow { hazard, .. } => SiteKind::Allow(*hazard),
        DirectiveKind::Waive { rule, .. } => SiteKind::Waive(rule.clone()),
        _ => return None,
    };
    Some(DirectiveSite { span: directive.span, statement, kind })
}

struct Reader<'a> {
    id: ScriptId,
    script: &'a Script,
    errors: Vec<Finding>,
}

impl Reader<'_> {
    fn error(
        &mut self,
        code: Code,
        span: Span,
        what: impl Into<String>,
        label: &str,
        why: &str,
        help: impl Into<String>,
    ) {
        self.errors.push(Finding {
            script: self.id,
            span,
            code,
            what: what.into(),
            subject: None,
            label: label.to_owned(),
            why: vec![why.to_owned(), "nothing was sent to the database".to_owned()],
            related: None,
            help: help.into(),
        });
    }

    /// The first line of a statement, which is what a message marks.
    fn head(&self, span: Span) -> Span {
        let text = self.script.slice(span);
        Span::new(span.start, span.start + text.find('\n').unwrap_or(text.len()))
    }

    fn statement(&mut self, statement: &Statement, directives: &Directives) -> Vec<Goal> {
        let forbidden = matches!(statement.kind, StatementKind::Forbidden { .. });
        if directives.always && !forbidden {
            return vec![Goal { span: statement.span, kind: GoalKind::Opaque { verb: self.verb(statement) } }];
        }
        let goals = match &statement.kind {
            StatementKind::Forbidden { verb, why, help } => {
                self.error(
                    Code::ForbiddenStatement,
                    self.head(statement.span),
                    format!("{verb} may not stand in an ensure script"),
                    "",
                    why,
                    *help,
                );
                return Vec::new();
            }
            StatementKind::Query => {
                self.error(
                    Code::QueryWithoutVerify,
                    self.head(statement.span),
                    "this query has no use",
                    "its rows would go nowhere",
                    "a query in an ensure script is a check, and needs to say what it checks",
                    "write `-- ensure:verify <what holds>` above it, or remove it",
                );
                return Vec::new();
            }
            kind => {
                self.never_taken(kind);
                Self::goals(statement)
            }
        };
        if let Some(goals) = goals {
            return goals;
        }
        if directives.guards.is_empty() {
            self.not_repeatable(statement);
        }
        vec![Goal { span: statement.span, kind: GoalKind::Opaque { verb: self.verb(statement) } }]
    }

    /// Reads a statement of `down`: it may be of any kind that can stand in a script.
    fn down(&mut self, text: &Fragment) -> Option<Down> {
        let kind = crate::sql::parse_statement(&text.text);
        let statement = Statement { span: text.span, kind, directives: Vec::new(), since: None };
        let errors = self.errors.len();
        let repeatable = match &statement.kind {
            StatementKind::Forbidden { .. } | StatementKind::Query => {
                self.statement(&statement, &Directives::default());
                false
            }
            _ => Self::goals(&statement).is_some(),
        };
        (self.errors.len() == errors).then(|| Down { text: text.text.clone(), repeatable })
    }

    fn verb(&self, statement: &Statement) -> String {
        match &statement.kind {
            StatementKind::Opaque { verb } | StatementKind::Forbidden { verb, .. } => verb.clone(),
            _ => self
                .script
                .slice(statement.span)
                .split_whitespace()
                .take(2)
                .collect::<Vec<_>>()
                .join(" ")
                .to_ascii_uppercase(),
        }
    }

    fn not_repeatable(&mut self, statement: &Statement) {
        let head = self.head(statement.span);
        match &statement.kind {
            StatementKind::Insert(insert) => {
                let columns =
                    insert.columns.iter().map(|column| column.ident.to_string()).collect::<Vec<_>>().join(", ");
                self.error(
                    Code::NotRepeatable,
                    head,
                    "this INSERT would add the same row on every run",
                    "no ON CONFLICT, and no guard",
                    "ensure scripts run on every deployment",
                    if columns.is_empty() {
                        "name the columns, add ON CONFLICT (key) DO NOTHING, or write `-- ensure:unless <query>` above it"
                            .to_owned()
                    } else {
                        "add a unique key and ON CONFLICT (key) DO NOTHING, or write `-- ensure:unless <query>` above it"
                            .to_owned()
                    },
                );
            }
            StatementKind::Update(_) => self.error(
                Code::NotRepeatable,
                head,
                "this UPDATE would do its work again on every run",
                "what it sets does not make its WHERE false",
                "a backfill is an UPDATE whose WHERE is false for every row that it has changed, such as \
                 SET c = 1 WHERE c IS NULL",
                "add such a condition, or write `-- ensure:unless <query>`, `when <query>` or `always` above it",
            ),
            _ => {
                let verb = self.verb(statement);
                self.error(
                    Code::NotRepeatable,
                    head,
                    format!("{verb} would run again on every run"),
                    "cannot be compared with the catalog",
                    "ensure scripts run on every deployment, and this version reads no goal from such a statement",
                    "write `-- ensure:unless <query>`, `-- ensure:when <query>` or `-- ensure:always` above it",
                );
            }
        }
    }

    /// Refuses what no server takes, and what would be found out only when it is sent.
    fn never_taken(&mut self, kind: &StatementKind) {
        for Twice { span, what, why } in said_twice(kind) {
            self.error(Code::Contradiction, span, format!("{what} is said twice"), "again", why, "remove one of them");
        }
        let labels = match kind {
            StatementKind::CreateEnum { labels, .. } => labels.as_slice(),
            StatementKind::AddEnumValue { label, .. } => std::slice::from_ref(label),
            StatementKind::RenameEnumValue { to, .. } => std::slice::from_ref(to),
            _ => &[],
        };
        for Label { text, span } in labels.iter().filter(|label| label.text.len() > MAX_IDENTIFIER_BYTES) {
            self.error(
                Code::NameTooLong,
                *span,
                format!("a label of an enum has at most {MAX_IDENTIFIER_BYTES} bytes"),
                &format!("this has {}", text.len()),
                "PostgreSQL refuses it",
                "shorten it",
            );
        }
    }

    /// Reads the goals of a statement; `None` where it counts as opaque.
    fn goals(statement: &Statement) -> Option<Vec<Goal>> {
        let one = |kind| Some(vec![Goal { span: statement.span, kind }]);
        match &statement.kind {
            StatementKind::CreateSchema { name, .. } => one(GoalKind::Schema(name.ident.clone())),
            StatementKind::CreateExtension { name, schema, version, .. } => one(GoalKind::Extension {
                name: name.ident.clone(),
                schema: schema.as_ref().map(|schema| schema.ident.clone()),
                version: version.clone(),
            }),
            StatementKind::CreateEnum { name, labels } => one(GoalKind::Enum {
                name: name.name.clone(),
                labels: labels.iter().map(|label| label.text.clone()).collect(),
            }),
            StatementKind::AddEnumValue { name, label, position, .. } => one(GoalKind::EnumLabel {
                name: name.name.clone(),
                label: label.text.clone(),
                position: position.as_ref().map(|position| match position {
                    LabelPosition::Before(other) => EnumPosition::Before(other.text.clone()),
                    LabelPosition::After(other) => EnumPosition::After(other.text.clone()),
                }),
            }),
            StatementKind::RenameEnumValue { name, from, to } => one(GoalKind::EnumLabelRenamed {
                name: name.name.clone(),
                from: from.text.clone(),
                to: to.text.clone(),
            }),
            StatementKind::CreateSequence { name, options } => {
                one(GoalKind::Sequence { name: name.name.clone(), options: options.clone() })
            }
            StatementKind::CreateTable(table) => create_table(table),
            StatementKind::AlterTable { table, if_exists, only, actions } => {
                alter_table(table, *if_exists, *only, actions)
            }
            StatementKind::CreateIndex(index) => {
                Some(vec![Goal { span: statement.span, kind: GoalKind::Index(Box::new(index_goal(index)?)) }])
            }
            StatementKind::RenameIndex { name, to, .. } => {
                one(GoalKind::IndexRenamed { from: name.name.clone(), to: to.ident.clone() })
            }
            StatementKind::Drop { kind, names, cascade, .. } => Some(
                names
                    .iter()
                    .map(|name| Goal {
                        span: name.span,
                        kind: GoalKind::Absent { kind: *kind, name: name.name.clone(), cascade: *cascade },
                    })
                    .collect(),
            ),
            StatementKind::CreateView(view) => one(GoalKind::View(Box::new(view.clone()))),
            StatementKind::CreateRoutine(routine) => one(GoalKind::Routine(routine.clone())),
            StatementKind::CreateTrigger(trigger) => one(GoalKind::Trigger(trigger.clone())),
            StatementKind::CreatePolicy(policy) => one(GoalKind::Policy(policy.clone())),
            StatementKind::Comment(comment) => one(GoalKind::Comment(Box::new(comment.clone()))),
            StatementKind::Grant(grant) => Some(
                grant
                    .objects
                    .iter()
                    .map(|(object, span)| Goal {
                        span: *span,
                        kind: GoalKind::Privileges { object: object.clone(), terms: Box::new(grant.terms.clone()) },
                    })
                    .collect(),
            ),
            StatementKind::DropObjects(drop) => Some(
                drop.objects
                    .iter()
                    .map(|(object, span)| Goal {
                        span: *span,
                        kind: GoalKind::ObjectAbsent { object: object.clone(), cascade: drop.cascade },
                    })
                    .collect(),
            ),
            StatementKind::Update(update) => one(GoalKind::Backfill(Box::new(data::backfill(update)?))),
            StatementKind::Insert(insert) => one(GoalKind::Seed(Box::new(data::seed(insert)?))),
            StatementKind::Query | StatementKind::Opaque { .. } | StatementKind::Forbidden { .. } => None,
        }
    }
}

/// Reads the definition of a view, routine, trigger or index as the server prints it; `None` where it is none that becomes a goal.
#[must_use]
pub fn read_definition(text: &str) -> Option<GoalKind> {
    match crate::sql::parse_statement(text) {
        StatementKind::CreateView(view) => Some(GoalKind::View(Box::new(view))),
        StatementKind::CreateRoutine(routine) => Some(GoalKind::Routine(routine)),
        StatementKind::CreateTrigger(trigger) => Some(GoalKind::Trigger(trigger)),
        // That of a partitioned table stands there without its partitions.
        StatementKind::CreateIndex(index) => {
            Some(GoalKind::Index(Box::new(index_goal(&CreateIndex { only: false, ..index })?)))
        }
        _ => None,
    }
}

fn create_table(table: &CreateTable) -> Option<Vec<Goal>> {
    if table.unlogged || table.options.is_some() {
        return None;
    }
    let name = &table.name.name;
    let mut goals = vec![Goal { span: table.name.span, kind: GoalKind::Table { name: name.clone() } }];
    for column in &table.columns {
        goals.extend(column_goals(name, column, false)?);
    }
    for constraint in &table.constraints {
        goals.push(constraint_goal(name, constraint)?);
    }
    // Columns of a primary key are NOT NULL without saying so.
    let key: Vec<Ident> = goals
        .iter()
        .filter_map(|goal| match &goal.kind {
            GoalKind::Constraint { constraint, .. } => match &constraint.kind {
                ConstraintGoalKind::PrimaryKey { columns, .. } => Some(columns.clone()),
                _ => None,
            },
            _ => None,
        })
        .flatten()
        .collect();
    for goal in &mut goals {
        if let GoalKind::Column { column, .. } = &mut goal.kind
            && key.contains(&column.name)
        {
            column.not_null = true;
        }
    }
    Some(goals)
}

/// The goals of a column: itself first, then the constraints that its definition holds.
fn column_goals(table: &QualifiedName, def: &ColumnDef, if_exists: bool) -> Option<Vec<Goal>> {
    let serial = def.type_name.serial();
    let mut column = ColumnGoal {
        name: def.name.ident.clone(),
        type_name: serial.map_or_else(|| def.type_name.clone(), SerialKind::underlying),
        type_span: def.type_span,
        serial: serial.is_some(),
        not_null: serial.is_some(),
        default: None,
        identity: None,
        generated: None,
        collation: def.collation.clone(),
        definition: def.source.clone(),
    };
    let mut constraints = Vec::new();
    let own = || vec![def.name.ident.clone()];
    for constraint in &def.constraints {
        let (kind, definition) = match &constraint.kind {
            ColumnConstraintKind::NotNull => {
                column.not_null = true;
                continue;
            }
            ColumnConstraintKind::Null => continue,
            ColumnConstraintKind::Default(expression) => {
                if !expression.tree.is_null() {
                    column.default = Some(expression.clone());
                }
                continue;
            }
            ColumnConstraintKind::Identity(identity) => {
                column.identity = Some(identity.always);
                column.not_null = true;
                continue;
            }
            ColumnConstraintKind::Generated { expression, stored } => {
                column.generated = Some((expression.clone(), *stored));
                continue;
            }
            ColumnConstraintKind::PrimaryKey => {
                column.not_null = true;
                let kind = ConstraintGoalKind::PrimaryKey { columns: own(), include: Vec::new() };
                (kind, format!("PRIMARY KEY ({})", column.name))
            }
            ColumnConstraintKind::Unique { nulls_not_distinct } => {
                let kind = ConstraintGoalKind::Unique {
                    columns: own(),
                    include: Vec::new(),
                    nulls_not_distinct: *nulls_not_distinct,
                };
                let nulls = if *nulls_not_distinct { "NULLS NOT DISTINCT " } else { "" };
                (kind, format!("UNIQUE {nulls}({})", column.name))
            }
            ColumnConstraintKind::Check(expression) => {
                (ConstraintGoalKind::Check(expression.clone()), check_definition(&expression.source.text))
            }
            ColumnConstraintKind::References(references) => {
                (foreign_key(&own(), references)?, foreign_key_definition(&own(), references))
            }
        };
        constraints.push(Goal {
            span: constraint.span,
            kind: GoalKind::Constraint {
                table: table.clone(),
                constraint: Box::new(ConstraintGoal {
                    name: constraint.name.as_ref().map(|name| name.ident.clone()),
                    inline: Some(column.name.clone()),
                    kind,
                    timing: constraint.timing,
                    definition: definition + &timing_words(constraint.timing),
                    span: constraint.span,
                }),
            },
        });
    }
    let mut goals = vec![Goal {
        span: def.source.span,
        kind: GoalKind::Column { table: table.clone(), column: Box::new(column), if_exists },
    }];
    goals.extend(constraints);
    Some(goals)
}

fn check_definition(expression: &str) -> String {
    format!("CHECK ({expression})")
}

fn names(names: &[Name]) -> Vec<Ident> {
    names.iter().map(|name| name.ident.clone()).collect()
}

fn list(idents: &[Ident]) -> String {
    idents.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn foreign_key(columns: &[Ident], references: &References) -> Option<ConstraintGoalKind> {
    if !references.on_delete_columns.is_empty() {
        return None;
    }
    Some(ConstraintGoalKind::ForeignKey {
        columns: columns.to_vec(),
        table: references.table.name.clone(),
        referenced: names(&references.columns),
        on_update: references.on_update,
        on_delete: references.on_delete,
        match_full: references.match_full,
    })
}

fn foreign_key_definition(columns: &[Ident], references: &References) -> String {
    let mut text = format!("FOREIGN KEY ({}) REFERENCES {}", list(columns), references.table.name);
    if !references.columns.is_empty() {
        text.push_str(" (");
        text.push_str(&list(&names(&references.columns)));
        text.push(')');
    }
    if references.match_full {
        text.push_str(" MATCH FULL");
    }
    for (event, action) in [("UPDATE", references.on_update), ("DELETE", references.on_delete)] {
        if let Some(words) = action_words(action) {
            text.extend([" ON ", event, " ", words]);
        }
    }
    text
}

const fn action_words(action: ReferentialAction) -> Option<&'static str> {
    match action {
        ReferentialAction::NoAction => None,
        ReferentialAction::Restrict => Some("RESTRICT"),
        ReferentialAction::Cascade => Some("CASCADE"),
        ReferentialAction::SetNull => Some("SET NULL"),
        ReferentialAction::SetDefault => Some("SET DEFAULT"),
    }
}

fn timing_words(timing: Timing) -> String {
    let mut words = String::new();
    if timing.no_inherit {
        words.push_str(" NO INHERIT");
    }
    if timing.deferrable {
        words.push_str(" DEFERRABLE");
    }
    if timing.initially_deferred {
        words.push_str(" INITIALLY DEFERRED");
    }
    words
}

fn constraint_goal(table: &QualifiedName, def: &ConstraintDef) -> Option<Goal> {
    let (kind, definition) = match &def.kind {
        ConstraintKind::PrimaryKey { columns, include } => {
            let kind = ConstraintGoalKind::PrimaryKey { columns: names(columns), include: names(include) };
            (kind, format!("PRIMARY KEY ({}){}", list(&names(columns)), include_words(include)))
        }
        ConstraintKind::Unique { columns, include, nulls_not_distinct } => {
            let kind = ConstraintGoalKind::Unique {
                columns: names(columns),
                include: names(include),
                nulls_not_distinct: *nulls_not_distinct,
            };
            let nulls = if *nulls_not_distinct { "NULLS NOT DISTINCT " } else { "" };
            (kind, format!("UNIQUE {nulls}({}){}", list(&names(columns)), include_words(include)))
        }
        ConstraintKind::Check(expression) => {
            (ConstraintGoalKind::Check(expression.clone()), check_definition(&expression.source.text))
        }
        ConstraintKind::ForeignKey { columns, references } => {
            (foreign_key(&names(columns), references)?, foreign_key_definition(&names(columns), references))
        }
        ConstraintKind::UsingIndex { .. } | ConstraintKind::Other => return None,
    };
    Some(Goal {
        span: def.source.span,
        kind: GoalKind::Constraint {
            table: table.clone(),
            constraint: Box::new(ConstraintGoal {
                name: def.name.as_ref().map(|name| name.ident.clone()),
                inline: None,
                kind,
                timing: def.timing,
                definition: definition + &timing_words(def.timing),
                span: def.source.span,
            }),
        },
    })
}

fn include_words(include: &[Name]) -> String {
    if include.is_empty() { String::new() } else { format!(" INCLUDE ({})", list(&names(include))) }
}

fn alter_table(table: &Relation, if_exists: bool, only: bool, actions: &[AlterAction]) -> Option<Vec<Goal>> {
    // ONLY asks for a table and not its children, and IF EXISTS for nothing where there is no table: both are read where
    // they make no difference to a goal, which is adding columns.
    let adds_only = actions.iter().all(|action| matches!(action.kind, AlterActionKind::AddColumn { .. }));
    if only || (if_exists && !adds_only) {
        return None;
    }
    let mut goals = Vec::with_capacity(actions.len());
    for action in actions {
        let table = table.name.clone();
        let kind = match &action.kind {
            AlterActionKind::AddColumn { column, .. } => {
                goals.extend(column_goals(&table, column, if_exists)?);
                continue;
            }
            AlterActionKind::AddConstraint(def) => {
                goals.push(constraint_goal(&table, def)?);
                continue;
            }
            AlterActionKind::DropColumn { column, cascade } => {
                GoalKind::ColumnAbsent { table, column: column.ident.clone(), cascade: *cascade }
            }
            AlterActionKind::AlterType { column, type_name, collation, using, .. } => GoalKind::ColumnType {
                table,
                column: column.ident.clone(),
                type_name: type_name.clone(),
                using: using.clone(),
                collation: collation.clone(),
            },
            AlterActionKind::SetNotNull { column } => {
                GoalKind::ColumnNullability { table, column: column.ident.clone(), not_null: true }
            }
            AlterActionKind::DropNotNull { column } => {
                GoalKind::ColumnNullability { table, column: column.ident.clone(), not_null: false }
            }
            AlterActionKind::SetDefault { column, expression } => GoalKind::ColumnDefault {
                table,
                column: column.ident.clone(),
                default: (!expression.tree.is_null()).then(|| expression.clone()),
            },
            AlterActionKind::DropDefault { column } => {
                GoalKind::ColumnDefault { table, column: column.ident.clone(), default: None }
            }
            AlterActionKind::AddIdentity { column, identity } => {
                GoalKind::ColumnIdentity { table, column: column.ident.clone(), always: Some(identity.always) }
            }
            AlterActionKind::DropIdentity { column } => {
                GoalKind::ColumnIdentity { table, column: column.ident.clone(), always: None }
            }
            AlterActionKind::DropConstraint { name, cascade } => {
                GoalKind::ConstraintAbsent { table, name: name.ident.clone(), cascade: *cascade }
            }
            AlterActionKind::ValidateConstraint { name } => {
                GoalKind::ConstraintValidated { table, name: name.ident.clone() }
            }
            AlterActionKind::RenameColumn { from, to } => {
                GoalKind::ColumnRenamed { table, from: from.ident.clone(), to: to.ident.clone() }
            }
            AlterActionKind::RenameConstraint { from, to } => {
                GoalKind::ConstraintRenamed { table, from: from.ident.clone(), to: to.ident.clone() }
            }
            AlterActionKind::RenameTable { to } => GoalKind::TableRenamed { from: table, to: to.ident.clone() },
            AlterActionKind::RowSecurity { enable } => GoalKind::RowSecurity { table, force: false, on: *enable },
            AlterActionKind::ForceRowSecurity { force } => GoalKind::RowSecurity { table, force: true, on: *force },
            AlterActionKind::Other { .. } => return None,
        };
        goals.push(Goal { span: action.source.span, kind });
    }
    Some(goals)
}

fn index_goal(index: &CreateIndex) -> Option<IndexGoal> {
    if index.only || index.tablespace.is_some() {
        return None;
    }
    Some(IndexGoal {
        name: index.name.as_ref().map(|name| name.ident.clone()),
        table: index.table.name.clone(),
        method: index.method.clone(),
        unique: index.unique,
        nulls_not_distinct: index.nulls_not_distinct,
        keys: index
            .keys
            .iter()
            .map(|key| IndexKeyGoal {
                target: match &key.target {
                    IndexTarget::Column(column) => IndexKeyTarget::Column(column.clone()),
                    IndexTarget::Expression(expression) => IndexKeyTarget::Expression(expression.clone()),
                },
                collation: key.collation.as_ref().map(|collation| collation.name.clone()),
                operator_class: key.operator_class.as_ref().map(|class| class.name.clone()),
                operator_class_parameters: key.operator_class_parameters.clone(),
                descending: key.descending,
                nulls_first: key.nulls_first,
            })
            .collect(),
        include: names(&index.include),
        predicate: index.predicate.clone(),
        storage: index.storage.clone(),
        concurrently: index.concurrently,
        definition: index.definition.clone(),
    })
}
