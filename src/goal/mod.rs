//! Statements turned into what must hold.
//!
//! A [`StatementGoals`] is one statement of a script with the goals it states; a CREATE TABLE states its columns and
//! constraints one by one, so that a table that exists but lacks some of them gets those. Nothing here knows a database.

mod contradiction;
mod data;
mod read;
mod scope;
mod twice;

use std::collections::BTreeSet;

use crate::{
    pg::{Hazard, Ident, QualifiedName, TypeName},
    script::{ScriptId, Span},
};

pub use crate::sql::{
    ArgumentMode, Comment, DropKind, Expr, Expression, Fragment, FromItem, GrantTerms, LabelPosition, ObjectRef,
    OnlineMode, Policy, Query, ReferentialAction, RelationWord, Routine, RoutineBody, RoutineWord, Sameness,
    SequenceOptions, Since, Target, Timing, TransactionGrouping, Trigger, Verify, View, Volatility, parse_expression,
    parse_query, same_meaning, same_meaning_on, same_tokens,
};
pub use contradiction::contradictions;
pub use data::{Backfill, Probe, Seed};
pub use read::{read, read_definition, read_down};
pub use scope::{Names, ObjectKind, scope};

/// A statement by its script and its place there, counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StatementId {
    /// The script.
    pub script: ScriptId,
    /// The place of the statement in it.
    pub index: usize,
}

/// A script as goals.
#[derive(Clone, Debug, PartialEq)]
pub struct ScriptGoals {
    /// The script.
    pub id: ScriptId,
    /// What `-- ensure:title` says.
    pub title: Option<String>,
    /// Whether its statements share transactions.
    pub grouping: TransactionGrouping,
    /// Columns that are right as they are.
    pub accepts: Vec<Accept>,
    /// The directives that `check` judges.
    pub sites: Vec<DirectiveSite>,
    /// Its statements in order.
    pub statements: Vec<StatementGoals>,
    /// Its `verify` queries.
    pub verifies: Vec<Verify>,
}

/// A directive that `check` judges, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectiveSite {
    /// The comment.
    pub span: Span,
    /// The statement below it, counted from 0; `None` for the whole file.
    pub statement: Option<usize>,
    /// What it says.
    pub kind: SiteKind,
}

/// What such a directive says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SiteKind {
    /// `allow`.
    Allow(Hazard),
    /// `waive`: the rule.
    Waive(String),
}

/// `-- ensure:accept table.column type`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accept {
    /// The table.
    pub table: QualifiedName,
    /// The column.
    pub column: Ident,
    /// The type; without modifiers it takes any.
    pub type_name: TypeName,
}

/// A statement as goals.
#[derive(Clone, Debug, PartialEq)]
pub struct StatementGoals {
    /// Which statement.
    pub id: StatementId,
    /// Its text in the script.
    pub span: Span,
    /// Its text, without the semicolon.
    pub text: String,
    /// What the directives say.
    pub directives: Directives,
    /// What must hold, in the order of the statement.
    pub goals: Vec<Goal>,
    /// What in it not every supported server knows.
    pub since: Option<Box<Since>>,
}

/// What directives say of one statement, those of its file included.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Directives {
    /// The hazards that are accepted.
    pub allow: BTreeSet<Hazard>,
    /// How forms are chosen.
    pub online: OnlineMode,
    /// The guards: all must let the statement through.
    pub guards: Vec<Guard>,
    /// Runs on every run.
    pub always: bool,
    /// Keeps the old values of a backfill.
    pub keep_old: bool,
    /// Rows a batch of a backfill.
    pub batch: Option<u64>,
    /// What the script says takes the statement back, in order.
    pub down: Vec<Down>,
}

/// One statement of `down`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Down {
    /// Its text, without the semicolon.
    pub text: String,
    /// Whether it finds for itself that it holds already; otherwise it does its work whenever it is sent.
    pub repeatable: bool,
}

/// `when` or `unless`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guard {
    /// The query.
    pub query: Fragment,
    /// What the query has to return for the statement to apply: true for `when`.
    pub applies_if: bool,
}

impl Guard {
    /// Returns the query that asks it. The server refuses it where the guard returns something else than a boolean.
    #[must_use]
    pub fn question(&self) -> String {
        format!("SELECT ({}\n) IS TRUE", self.query.text)
    }
}

/// One thing that must hold.
#[derive(Clone, Debug, PartialEq)]
pub struct Goal {
    /// The part of the statement that asks for it.
    pub span: Span,
    /// What must hold.
    pub kind: GoalKind,
}

/// What must hold.
#[derive(Clone, Debug, PartialEq)]
pub enum GoalKind {
    /// The schema exists.
    Schema(Ident),
    /// The extension is installed.
    Extension {
        /// Its name.
        name: Ident,
        /// The schema of its objects, where written.
        schema: Option<Ident>,
        /// Its version, where written.
        version: Option<String>,
    },
    /// The enum type exists with at least these labels, in this order.
    Enum {
        /// The type.
        name: QualifiedName,
        /// The labels.
        labels: Vec<String>,
    },
    /// The enum type has this label.
    EnumLabel {
        /// The type.
        name: QualifiedName,
        /// The label.
        label: String,
        /// Where it stands among the others.
        position: Option<EnumPosition>,
    },
    /// The enum type's label has its new name.
    EnumLabelRenamed {
        /// The type.
        name: QualifiedName,
        /// The old name.
        from: String,
        /// The new name.
        to: String,
    },
    /// The sequence exists with the options written.
    Sequence {
        /// The sequence.
        name: QualifiedName,
        /// What is written.
        options: SequenceOptions,
    },
    /// The table exists. The goals after it in the same statement are its columns and constraints.
    Table {
        /// The table.
        name: QualifiedName,
    },
    /// The column exists as written.
    Column {
        /// The table.
        table: QualifiedName,
        /// The column.
        column: Box<ColumnGoal>,
        /// `ALTER TABLE IF EXISTS`: nothing to do where the table is not there.
        if_exists: bool,
    },
    /// The column does not exist.
    ColumnAbsent {
        /// The table.
        table: QualifiedName,
        /// The column.
        column: Ident,
        /// `CASCADE`.
        cascade: bool,
    },
    /// The column has this type.
    ColumnType {
        /// The table.
        table: QualifiedName,
        /// The column.
        column: Ident,
        /// The type.
        type_name: TypeName,
        /// How its values are converted.
        using: Option<Expression>,
        /// `COLLATE`.
        collation: Option<QualifiedName>,
    },
    /// The column is NOT NULL, or may hold NULL.
    ColumnNullability {
        /// The table.
        table: QualifiedName,
        /// The column.
        column: Ident,
        /// Whether NULL is forbidden.
        not_null: bool,
    },
    /// The column has this default, or none.
    ColumnDefault {
        /// The table.
        table: QualifiedName,
        /// The column.
        column: Ident,
        /// The default.
        default: Option<Expression>,
    },
    /// The column is an identity, or is none.
    ColumnIdentity {
        /// The table.
        table: QualifiedName,
        /// The column.
        column: Ident,
        /// `Some(true)` for ALWAYS, `Some(false)` for BY DEFAULT, `None` for no identity.
        always: Option<bool>,
    },
    /// The constraint exists as written.
    Constraint {
        /// The table.
        table: QualifiedName,
        /// The constraint.
        constraint: Box<ConstraintGoal>,
    },
    /// The constraint does not exist.
    ConstraintAbsent {
        /// The table.
        table: QualifiedName,
        /// The constraint.
        name: Ident,
        /// `CASCADE`.
        cascade: bool,
    },
    /// The constraint's rows have been checked.
    ConstraintValidated {
        /// The table.
        table: QualifiedName,
        /// The constraint.
        name: Ident,
    },
    /// The index exists as written, and is valid.
    Index(Box<IndexGoal>),
    /// The object does not exist.
    Absent {
        /// What kind of object.
        kind: DropKind,
        /// The object.
        name: QualifiedName,
        /// `CASCADE`.
        cascade: bool,
    },
    /// The column has its new name.
    ColumnRenamed {
        /// The table.
        table: QualifiedName,
        /// The old name.
        from: Ident,
        /// The new name.
        to: Ident,
    },
    /// The table has its new name.
    TableRenamed {
        /// The old name.
        from: QualifiedName,
        /// The new name.
        to: Ident,
    },
    /// The constraint has its new name.
    ConstraintRenamed {
        /// The table.
        table: QualifiedName,
        /// The old name.
        from: Ident,
        /// The new name.
        to: Ident,
    },
    /// The index has its new name.
    IndexRenamed {
        /// The old name.
        from: QualifiedName,
        /// The new name.
        to: Ident,
    },
    /// The view exists as written.
    View(Box<View>),
    /// The function or procedure exists as written.
    Routine(Box<Routine>),
    /// The trigger exists as written.
    Trigger(Box<Trigger>),
    /// The policy exists as written.
    Policy(Box<Policy>),
    /// Row-level security of the table is enabled, or is not.
    RowSecurity {
        /// The table.
        table: QualifiedName,
        /// Whether it holds for the owner too (`FORCE`), rather than at all (`ENABLE`).
        force: bool,
        /// Whether it is on.
        on: bool,
    },
    /// The object has this comment, or none.
    Comment(Box<Comment>),
    /// The roles have these privileges on the object, or have them not.
    Privileges {
        /// The object.
        object: ObjectRef,
        /// Which privileges, whose.
        terms: Box<GrantTerms>,
    },
    /// The routine, trigger or policy does not exist.
    ObjectAbsent {
        /// The object.
        object: ObjectRef,
        /// `CASCADE`.
        cascade: bool,
    },
    /// No row is left that the backfill would change.
    Backfill(Box<Backfill>),
    /// The rows are there.
    Seed(Box<Seed>),
    /// Nothing that could be read from the catalog: the statement runs when its guard says so.
    Opaque {
        /// Its first words.
        verb: String,
    },
}

/// Where an enum label stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EnumPosition {
    /// Before another.
    Before(String),
    /// After another.
    After(String),
}

/// A column as CREATE TABLE or ADD COLUMN asks for it. What is not written is not asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct ColumnGoal {
    /// Its name.
    pub name: Ident,
    /// Its type; of `serial` the integer beneath.
    pub type_name: TypeName,
    /// Where the type stands.
    pub type_span: Span,
    /// Whether the type is written as `serial` or one of its kin.
    pub serial: bool,
    /// Whether NOT NULL is written or implied by PRIMARY KEY, `serial` or an identity.
    pub not_null: bool,
    /// The default, where written (`DEFAULT NULL` counts as not written).
    pub default: Option<Expression>,
    /// `Some(true)` for an identity ALWAYS, `Some(false)` for BY DEFAULT.
    pub identity: Option<bool>,
    /// The expression of a generated column, and whether it is stored.
    pub generated: Option<(Expression, bool)>,
    /// `COLLATE`.
    pub collation: Option<QualifiedName>,
    /// The whole definition, as written.
    pub definition: Fragment,
}

impl ColumnGoal {
    /// Returns whether its values are the numbers of a sequence of its own with the usual settings: a serial or an identity.
    #[must_use]
    pub fn is_numbered(&self) -> bool {
        let settings = || {
            let text = self.definition.text.to_ascii_uppercase();
            text.split_once("IDENTITY").is_some_and(|(_, rest)| rest.trim_start().starts_with('('))
        };
        self.serial || (self.identity.is_some() && !settings())
    }
}

/// A constraint as a script asks for it.
#[derive(Clone, Debug, PartialEq)]
pub struct ConstraintGoal {
    /// Its name, where written.
    pub name: Option<Ident>,
    /// The column whose definition holds it; adding that column makes it too.
    pub inline: Option<Ident>,
    /// What it says.
    pub kind: ConstraintGoalKind,
    /// When it is checked.
    pub timing: Timing,
    /// As a table constraint, without its name and without `NOT VALID`.
    pub definition: String,
    /// Where the definition stands.
    pub span: Span,
}

/// What a constraint says.
#[derive(Clone, Debug, PartialEq)]
pub enum ConstraintGoalKind {
    /// A primary key.
    PrimaryKey {
        /// The key.
        columns: Vec<Ident>,
        /// `INCLUDE`.
        include: Vec<Ident>,
    },
    /// A unique constraint.
    Unique {
        /// The key.
        columns: Vec<Ident>,
        /// `INCLUDE`.
        include: Vec<Ident>,
        /// `NULLS NOT DISTINCT`.
        nulls_not_distinct: bool,
    },
    /// A check.
    Check(Expression),
    /// A foreign key.
    ForeignKey {
        /// The referencing columns.
        columns: Vec<Ident>,
        /// The referenced table.
        table: QualifiedName,
        /// The referenced columns; empty for the primary key.
        referenced: Vec<Ident>,
        /// `ON UPDATE`.
        on_update: ReferentialAction,
        /// `ON DELETE`.
        on_delete: ReferentialAction,
        /// `MATCH FULL`.
        match_full: bool,
    },
}

impl ConstraintGoalKind {
    /// Returns every column of its table that it is made of.
    #[must_use]
    pub fn columns(&self) -> Vec<&Ident> {
        match self {
            Self::PrimaryKey { columns, include } | Self::Unique { columns, include, .. } => {
                columns.iter().chain(include).collect()
            }
            Self::Check(expression) => expression.tree.columns(),
            Self::ForeignKey { columns, .. } => columns.iter().collect(),
        }
    }

    /// Returns the words for messages.
    #[must_use]
    pub const fn described(&self) -> &'static str {
        match self {
            Self::PrimaryKey { .. } => "primary key",
            Self::Unique { .. } => "unique constraint",
            Self::Check(_) => "check",
            Self::ForeignKey { .. } => "foreign key",
        }
    }
}

/// An index as a script asks for it.
#[derive(Clone, Debug, PartialEq)]
pub struct IndexGoal {
    /// Its name, where written.
    pub name: Option<Ident>,
    /// The table.
    pub table: QualifiedName,
    /// The access method.
    pub method: Ident,
    /// Unique.
    pub unique: bool,
    /// `NULLS NOT DISTINCT`.
    pub nulls_not_distinct: bool,
    /// The key.
    pub keys: Vec<IndexKeyGoal>,
    /// `INCLUDE`.
    pub include: Vec<Ident>,
    /// `WHERE`.
    pub predicate: Option<Expression>,
    /// `WITH (…)`.
    pub storage: Vec<(String, String)>,
    /// Whether the script writes CONCURRENTLY.
    pub concurrently: bool,
    /// From the access method or the key's parenthesis to the end, as written.
    pub definition: Fragment,
}

impl IndexGoal {
    /// Returns every column that it is made of, the predicate's included.
    #[must_use]
    pub fn columns(&self) -> Vec<&Ident> {
        let mut columns: Vec<&Ident> = self.include.iter().collect();
        for key in &self.keys {
            match &key.target {
                IndexKeyTarget::Column(column) => columns.push(column),
                IndexKeyTarget::Expression(expression) => columns.extend(expression.tree.columns()),
            }
        }
        columns.extend(self.predicate.iter().flat_map(|predicate| predicate.tree.columns()));
        columns
    }
}

/// One part of an index's key.
#[derive(Clone, Debug, PartialEq)]
pub struct IndexKeyGoal {
    /// The column or expression.
    pub target: IndexKeyTarget,
    /// `COLLATE`.
    pub collation: Option<Ident>,
    /// The operator class.
    pub operator_class: Option<Ident>,
    /// Its parameters.
    pub operator_class_parameters: Option<String>,
    /// `DESC`.
    pub descending: bool,
    /// `NULLS FIRST`.
    pub nulls_first: bool,
}

/// What one part of an index's key is.
#[derive(Clone, Debug, PartialEq)]
pub enum IndexKeyTarget {
    /// A column.
    Column(Ident),
    /// An expression.
    Expression(Expression),
}
