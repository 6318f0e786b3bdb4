//! What a statement says, as plain data. Every node keeps the place in the script that it came from.

use crate::{
    pg::{Hazard, Ident, QualifiedName, TypeName},
    script::Span,
};

use super::{
    expr::Expr,
    object::{Comment, DropObjects, Grant, Policy, Routine, Trigger, View},
};

/// A file, read: its statements in order, its directives.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ParsedScript {
    /// The statements in the order of the file, without what a `verify` directive owns.
    pub statements: Vec<Statement>,
    /// Directives that hold for the whole file: those in the block of comments before the first statement that is
    /// followed by an empty line, and `title`, `tx`, `accept` wherever they stand.
    pub directives: Vec<Directive>,
    /// The `verify` queries.
    pub verifies: Vec<Verify>,
}

/// One statement.
#[derive(Clone, Debug, PartialEq)]
pub struct Statement {
    /// From its first token to its last, without the semicolon and without comments around it.
    pub span: Span,
    /// What it says.
    pub kind: StatementKind,
    /// The directives written directly above it.
    pub directives: Vec<Directive>,
    /// What in it not every supported server knows.
    pub since: Option<Box<Since>>,
}

/// A form of SQL that came with a later version than the oldest one supported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Since {
    /// The major version that it came with.
    pub major: u32,
    /// How people call it.
    pub what: &'static str,
    /// Its words in the script.
    pub span: Span,
}

/// `-- ensure:<key> <value>`, checked and read.
#[derive(Clone, Debug, PartialEq)]
pub struct Directive {
    /// The comment, from `--` to the end of the line.
    pub span: Span,
    /// What it says.
    pub kind: DirectiveKind,
}

/// The keys of DESIGN section 3.
#[derive(Clone, Debug, PartialEq)]
pub enum DirectiveKind {
    /// Shown in plan, run and history.
    Title(String),
    /// `tx step` (the default) or `tx none`: each statement by itself.
    Transaction(TransactionGrouping),
    /// Accepts a named hazard, with the reason after ` -- `.
    Allow {
        /// The hazard.
        hazard: Hazard,
        /// The author's reason.
        reason: Option<String>,
    },
    /// Takes out what a rule of `check` says, with the reason after ` -- `.
    Waive {
        /// The rule.
        rule: String,
        /// The author's reason.
        reason: String,
    },
    /// How the form of a change is chosen.
    Online(OnlineMode),
    /// An existing column of this type is right, whatever its default and nullability.
    Accept {
        /// The table.
        table: QualifiedName,
        /// The column.
        column: Ident,
        /// The type; a bare `varchar` takes any length.
        type_name: TypeName,
    },
    /// Applies only where the query returns true.
    When(Fragment),
    /// Applies only where the query returns false.
    Unless(Fragment),
    /// Runs on every run.
    Always,
    /// Keeps the old values of a backfill.
    KeepOld,
    /// Rows a batch.
    Batch(u64),
    /// What takes the statement back, statement by statement.
    Down(Vec<Fragment>),
}

/// What a directive `tx` says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TransactionGrouping {
    /// A script's statements share transactions as far as they can.
    #[default]
    Step,
    /// Every statement by itself.
    None,
}

/// What a directive `online` says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnlineMode {
    /// By the size of the table.
    #[default]
    Auto,
    /// Online even where it costs.
    Always,
    /// As written.
    Off,
}

/// A query that must return no rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Verify {
    /// What it shows when it holds.
    pub message: String,
    /// The query, without its semicolon.
    pub query: Fragment,
}

/// A piece of the script's text, exactly as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fragment {
    /// The text. For a query in a comment over several lines: without the `--` of each line.
    pub text: String,
    /// Where it stands.
    pub span: Span,
}

/// An expression: as written, and as a tree to compare by meaning.
#[derive(Clone, Debug, PartialEq)]
pub struct Expression {
    /// As written.
    pub source: Fragment,
    /// Read.
    pub tree: Expr,
}

/// A name with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// The identifier.
    pub ident: Ident,
    /// Where it stands.
    pub span: Span,
}

/// A possibly qualified name with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relation {
    /// The name.
    pub name: QualifiedName,
    /// Where it stands.
    pub span: Span,
}

/// What a statement says.
#[derive(Clone, Debug, PartialEq)]
pub enum StatementKind {
    /// `CREATE SCHEMA`, without elements inside.
    CreateSchema {
        /// The schema; `None` is never produced (`AUTHORIZATION` without a name is opaque).
        name: Name,
        /// `IF NOT EXISTS`.
        if_not_exists: bool,
    },
    /// `CREATE EXTENSION`.
    CreateExtension {
        /// The extension.
        name: Name,
        /// `SCHEMA`.
        schema: Option<Name>,
        /// `VERSION`.
        version: Option<String>,
        /// `CASCADE`.
        cascade: bool,
    },
    /// `CREATE TYPE … AS ENUM`.
    CreateEnum {
        /// The type.
        name: Relation,
        /// The labels in order, decoded.
        labels: Vec<Label>,
    },
    /// `ALTER TYPE … ADD VALUE`.
    AddEnumValue {
        /// The type.
        name: Relation,
        /// The label.
        label: Label,
        /// `IF NOT EXISTS`.
        if_not_exists: bool,
        /// `BEFORE` or `AFTER` another label.
        position: Option<LabelPosition>,
    },
    /// `ALTER TYPE … RENAME VALUE`.
    RenameEnumValue {
        /// The type.
        name: Relation,
        /// The label as it was.
        from: Label,
        /// The label as it shall be.
        to: Label,
    },
    /// `CREATE SEQUENCE`.
    CreateSequence {
        /// The sequence.
        name: Relation,
        /// Its options.
        options: SequenceOptions,
    },
    /// `CREATE TABLE` with a list of columns.
    CreateTable(CreateTable),
    /// `ALTER TABLE`.
    AlterTable {
        /// The table.
        table: Relation,
        /// `IF EXISTS`.
        if_exists: bool,
        /// `ONLY`.
        only: bool,
        /// Its actions in order.
        actions: Vec<AlterAction>,
    },
    /// `CREATE INDEX`.
    CreateIndex(CreateIndex),
    /// `ALTER INDEX … RENAME TO`.
    RenameIndex {
        /// The index.
        name: Relation,
        /// `IF EXISTS`.
        if_exists: bool,
        /// The new name.
        to: Name,
    },
    /// `DROP TABLE`, `DROP INDEX`, `DROP TYPE` and their kin.
    Drop {
        /// What kind of object.
        kind: DropKind,
        /// The objects.
        names: Vec<Relation>,
        /// `IF EXISTS`.
        if_exists: bool,
        /// `CASCADE`.
        cascade: bool,
        /// `CONCURRENTLY`.
        concurrently: bool,
    },
    /// `CREATE VIEW`, `CREATE MATERIALIZED VIEW`.
    CreateView(View),
    /// `CREATE FUNCTION`, `CREATE PROCEDURE`.
    CreateRoutine(Box<Routine>),
    /// `CREATE TRIGGER`.
    CreateTrigger(Box<Trigger>),
    /// `CREATE POLICY`.
    CreatePolicy(Box<Policy>),
    /// `COMMENT ON`.
    Comment(Comment),
    /// `GRANT` and `REVOKE` of privileges.
    Grant(Grant),
    /// `DROP FUNCTION`, `DROP TRIGGER`, `DROP POLICY` and their kin.
    DropObjects(DropObjects),
    /// `UPDATE`.
    Update(Update),
    /// `INSERT`.
    Insert(Insert),
    /// A lone `SELECT`, `VALUES` or `TABLE`.
    Query,
    /// Valid SQL that is not read as a goal: `DO`, `CREATE RULE`, `DELETE`, ….
    Opaque {
        /// Its first words, upper case: `CREATE FUNCTION`.
        verb: String,
    },
    /// What an ensure script may not hold: transaction control, `COPY … FROM STDIN`, `TRUNCATE`, `VACUUM FULL`, ….
    Forbidden {
        /// Its first words, upper case.
        verb: String,
        /// Why, as a clause: "the runner opens and ends transactions itself".
        why: &'static str,
        /// What to do, beginning with a verb.
        help: &'static str,
    },
}

/// An enum label, decoded, with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// The label.
    pub text: String,
    /// Where it stands.
    pub span: Span,
}

/// Where `ADD VALUE` puts a label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LabelPosition {
    /// `BEFORE 'x'`.
    Before(Label),
    /// `AFTER 'x'`.
    After(Label),
}

/// The options of a sequence; `None` is not written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SequenceOptions {
    /// `AS smallint | integer | bigint`.
    pub data_type: Option<TypeName>,
    /// `INCREMENT BY`.
    pub increment: Option<i64>,
    /// `MINVALUE`; `Some(None)` is `NO MINVALUE`.
    pub min_value: Option<Option<i64>>,
    /// `MAXVALUE`; `Some(None)` is `NO MAXVALUE`.
    pub max_value: Option<Option<i64>>,
    /// `START WITH`.
    pub start: Option<i64>,
    /// `CACHE`.
    pub cache: Option<i64>,
    /// `CYCLE` or `NO CYCLE`.
    pub cycle: Option<bool>,
    /// `OWNED BY table.column`; `Some(None)` is `OWNED BY NONE`.
    pub owned_by: Option<Option<(QualifiedName, Ident)>>,
    /// All options exactly as written, empty where there are none.
    pub source: String,
}

/// `CREATE TABLE` with a list of columns, neither temporary nor partitioned, without INHERITS, LIKE, OF or AS.
#[derive(Clone, Debug, PartialEq)]
pub struct CreateTable {
    /// The table.
    pub name: Relation,
    /// `IF NOT EXISTS`.
    pub if_not_exists: bool,
    /// `UNLOGGED`.
    pub unlogged: bool,
    /// The columns in order.
    pub columns: Vec<ColumnDef>,
    /// The table constraints in order.
    pub constraints: Vec<ConstraintDef>,
    /// What follows the closing parenthesis (`WITH (…)`, `TABLESPACE …`), as written.
    pub options: Option<Fragment>,
}

/// A column as CREATE TABLE or ADD COLUMN writes it.
#[derive(Clone, Debug, PartialEq)]
pub struct ColumnDef {
    /// The whole definition, as written.
    pub source: Fragment,
    /// The column.
    pub name: Name,
    /// Its type, `serial` and its kin included.
    pub type_name: TypeName,
    /// Where the type stands.
    pub type_span: Span,
    /// `COLLATE`.
    pub collation: Option<QualifiedName>,
    /// Its constraints in order.
    pub constraints: Vec<ColumnConstraint>,
}

/// One constraint of a column.
#[derive(Clone, Debug, PartialEq)]
pub struct ColumnConstraint {
    /// From `CONSTRAINT` or the first word to the last.
    pub span: Span,
    /// `CONSTRAINT name`.
    pub name: Option<Name>,
    /// What it says.
    pub kind: ColumnConstraintKind,
    /// `DEFERRABLE`, `INITIALLY DEFERRED`, `NOT VALID`, `NO INHERIT`.
    pub timing: Timing,
}

/// What a column constraint says.
#[derive(Clone, Debug, PartialEq)]
pub enum ColumnConstraintKind {
    /// `NOT NULL`.
    NotNull,
    /// `NULL`.
    Null,
    /// `DEFAULT`.
    Default(Expression),
    /// `PRIMARY KEY`.
    PrimaryKey,
    /// `UNIQUE`.
    Unique {
        /// `NULLS NOT DISTINCT`.
        nulls_not_distinct: bool,
    },
    /// `CHECK`.
    Check(Expression),
    /// `REFERENCES`.
    References(References),
    /// `GENERATED … AS IDENTITY`.
    Identity(Identity),
    /// `GENERATED ALWAYS AS (…)`.
    Generated {
        /// The expression.
        expression: Expression,
        /// `STORED`, rather than `VIRTUAL`.
        stored: bool,
    },
}

/// `GENERATED { ALWAYS | BY DEFAULT } AS IDENTITY`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// `ALWAYS`, rather than `BY DEFAULT`.
    pub always: bool,
    /// The options in parentheses.
    pub options: SequenceOptions,
}

/// What a foreign key refers to.
#[derive(Clone, Debug, PartialEq)]
pub struct References {
    /// The referenced table.
    pub table: Relation,
    /// Its columns; empty where the script leaves them out: the primary key.
    pub columns: Vec<Name>,
    /// `MATCH FULL`.
    pub match_full: bool,
    /// `ON UPDATE`.
    pub on_update: ReferentialAction,
    /// `ON DELETE`.
    pub on_delete: ReferentialAction,
    /// The columns of `ON DELETE SET NULL (…)`; empty where not written.
    pub on_delete_columns: Vec<Ident>,
}

/// What happens to a referencing row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReferentialAction {
    /// `NO ACTION`.
    #[default]
    NoAction,
    /// `RESTRICT`.
    Restrict,
    /// `CASCADE`.
    Cascade,
    /// `SET NULL`.
    SetNull,
    /// `SET DEFAULT`.
    SetDefault,
}

/// When and how far a constraint is enforced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::struct_excessive_bools, reason = "these are four independent words of the grammar")]
pub struct Timing {
    /// `DEFERRABLE`.
    pub deferrable: bool,
    /// `INITIALLY DEFERRED`.
    pub initially_deferred: bool,
    /// `NOT VALID`.
    pub not_valid: bool,
    /// `NO INHERIT`.
    pub no_inherit: bool,
}

/// A table constraint.
#[derive(Clone, Debug, PartialEq)]
pub struct ConstraintDef {
    /// The whole definition, as written, from `CONSTRAINT` or the first word.
    pub source: Fragment,
    /// `CONSTRAINT name`.
    pub name: Option<Name>,
    /// What it says.
    pub kind: ConstraintKind,
    /// `DEFERRABLE`, `INITIALLY DEFERRED`, `NOT VALID`, `NO INHERIT`.
    pub timing: Timing,
}

/// What a table constraint says.
#[derive(Clone, Debug, PartialEq)]
pub enum ConstraintKind {
    /// `PRIMARY KEY (…)`.
    PrimaryKey {
        /// The key.
        columns: Vec<Name>,
        /// `INCLUDE`.
        include: Vec<Name>,
    },
    /// `UNIQUE (…)`.
    Unique {
        /// The key.
        columns: Vec<Name>,
        /// `INCLUDE`.
        include: Vec<Name>,
        /// `NULLS NOT DISTINCT`.
        nulls_not_distinct: bool,
    },
    /// `CHECK (…)`.
    Check(Expression),
    /// `FOREIGN KEY (…) REFERENCES …`.
    ForeignKey {
        /// The referencing columns.
        columns: Vec<Name>,
        /// What they refer to.
        references: References,
    },
    /// `PRIMARY KEY | UNIQUE USING INDEX …`.
    UsingIndex {
        /// `PRIMARY KEY`, rather than `UNIQUE`.
        primary: bool,
        /// The index.
        index: Name,
    },
    /// `EXCLUDE …`, `NOT NULL column` (18) and whatever else is not read.
    Other,
}

/// One action of ALTER TABLE.
#[derive(Clone, Debug, PartialEq)]
pub struct AlterAction {
    /// The whole action, as written.
    pub source: Fragment,
    /// What it says.
    pub kind: AlterActionKind,
}

/// What an action of ALTER TABLE says.
#[derive(Clone, Debug, PartialEq)]
pub enum AlterActionKind {
    /// `ADD COLUMN`.
    AddColumn {
        /// `IF NOT EXISTS`.
        if_not_exists: bool,
        /// The column.
        column: ColumnDef,
    },
    /// `DROP COLUMN`.
    DropColumn {
        /// The column.
        column: Name,
        /// `CASCADE`.
        cascade: bool,
    },
    /// `ALTER COLUMN … TYPE`.
    AlterType {
        /// The column.
        column: Name,
        /// The type.
        type_name: TypeName,
        /// Where the type stands.
        type_span: Span,
        /// `COLLATE`.
        collation: Option<QualifiedName>,
        /// `USING`.
        using: Option<Expression>,
    },
    /// `ALTER COLUMN … SET NOT NULL`.
    SetNotNull {
        /// The column.
        column: Name,
    },
    /// `ALTER COLUMN … DROP NOT NULL`.
    DropNotNull {
        /// The column.
        column: Name,
    },
    /// `ALTER COLUMN … SET DEFAULT`.
    SetDefault {
        /// The column.
        column: Name,
        /// The default.
        expression: Expression,
    },
    /// `ALTER COLUMN … DROP DEFAULT`.
    DropDefault {
        /// The column.
        column: Name,
    },
    /// `ALTER COLUMN … ADD GENERATED … AS IDENTITY`.
    AddIdentity {
        /// The column.
        column: Name,
        /// The identity.
        identity: Identity,
    },
    /// `ALTER COLUMN … DROP IDENTITY`.
    DropIdentity {
        /// The column.
        column: Name,
    },
    /// `ADD CONSTRAINT`, or `ADD` and a constraint without a name.
    AddConstraint(ConstraintDef),
    /// `DROP CONSTRAINT`.
    DropConstraint {
        /// The constraint.
        name: Name,
        /// `CASCADE`.
        cascade: bool,
    },
    /// `VALIDATE CONSTRAINT`.
    ValidateConstraint {
        /// The constraint.
        name: Name,
    },
    /// `RENAME COLUMN … TO`.
    RenameColumn {
        /// The old name.
        from: Name,
        /// The new name.
        to: Name,
    },
    /// `RENAME CONSTRAINT … TO`.
    RenameConstraint {
        /// The old name.
        from: Name,
        /// The new name.
        to: Name,
    },
    /// `RENAME TO`.
    RenameTable {
        /// The new name.
        to: Name,
    },
    /// `ENABLE | DISABLE ROW LEVEL SECURITY`.
    RowSecurity {
        /// `ENABLE`.
        enable: bool,
    },
    /// `FORCE | NO FORCE ROW LEVEL SECURITY`.
    ForceRowSecurity {
        /// `FORCE`.
        force: bool,
    },
    /// Any other action: the statement counts as opaque.
    Other {
        /// Its first words, upper case: `ENABLE TRIGGER`.
        verb: String,
    },
}

/// `CREATE INDEX`.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "these are independent words of the grammar")]
pub struct CreateIndex {
    /// The index; `None` where the script leaves the name to the server.
    pub name: Option<Name>,
    /// `UNIQUE`.
    pub unique: bool,
    /// `CONCURRENTLY`.
    pub concurrently: bool,
    /// `IF NOT EXISTS`.
    pub if_not_exists: bool,
    /// `ON ONLY`.
    pub only: bool,
    /// The table.
    pub table: Relation,
    /// The access method, `btree` where not written.
    pub method: Ident,
    /// The key, in order.
    pub keys: Vec<IndexKey>,
    /// `INCLUDE`.
    pub include: Vec<Name>,
    /// `NULLS NOT DISTINCT`.
    pub nulls_not_distinct: bool,
    /// `WITH (…)`: names folded, values unquoted, in the order written.
    pub storage: Vec<(String, String)>,
    /// `TABLESPACE`.
    pub tablespace: Option<Name>,
    /// `WHERE`.
    pub predicate: Option<Expression>,
    /// From the access method (`USING …`) or the opening parenthesis of the key to the end, as written.
    pub definition: Fragment,
}

/// One part of an index's key.
#[derive(Clone, Debug, PartialEq)]
pub struct IndexKey {
    /// A column.
    pub target: IndexTarget,
    /// Where it stands.
    pub span: Span,
    /// `COLLATE`.
    pub collation: Option<QualifiedName>,
    /// The operator class, without its parameters.
    pub operator_class: Option<QualifiedName>,
    /// The parameters of the operator class, as written in the parentheses.
    pub operator_class_parameters: Option<String>,
    /// `DESC`.
    pub descending: bool,
    /// `NULLS FIRST` (also where `DESC` implies it).
    pub nulls_first: bool,
}

/// What one part of an index's key is.
#[derive(Clone, Debug, PartialEq)]
pub enum IndexTarget {
    /// A column.
    Column(Ident),
    /// An expression.
    Expression(Expression),
}

/// What `DROP` drops.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DropKind {
    /// `DROP TABLE`.
    Table,
    /// `DROP INDEX`.
    Index,
    /// `DROP TYPE` and `DROP DOMAIN`.
    Type,
    /// `DROP SEQUENCE`.
    Sequence,
    /// `DROP VIEW`.
    View,
    /// `DROP MATERIALIZED VIEW`.
    MaterializedView,
    /// `DROP SCHEMA`.
    Schema,
    /// `DROP EXTENSION`.
    Extension,
}

/// `UPDATE`.
#[derive(Clone, Debug, PartialEq)]
pub struct Update {
    /// The table.
    pub table: Relation,
    /// `AS alias`.
    pub alias: Option<Ident>,
    /// `SET column = expression`, in order; empty when a form is used that is not read (`SET (a, b) = …`).
    pub assignments: Vec<Assignment>,
    /// `WHERE`.
    pub predicate: Option<Expression>,
    /// `FROM`, `WITH`, `RETURNING`, `WHERE CURRENT OF` or `ONLY` is there: not a plain backfill.
    pub complex: bool,
}

/// `column = expression` of a SET clause.
#[derive(Clone, Debug, PartialEq)]
pub struct Assignment {
    /// The column.
    pub column: Name,
    /// The value.
    pub value: Expression,
}

/// `INSERT`.
#[derive(Clone, Debug, PartialEq)]
pub struct Insert {
    /// The table.
    pub table: Relation,
    /// The columns; empty where not written.
    pub columns: Vec<Name>,
    /// The rows of VALUES; `None` for a query or DEFAULT VALUES. `DEFAULT` as a value is `Expr::Default`.
    pub rows: Option<Vec<Vec<Expression>>>,
    /// `ON CONFLICT`.
    pub on_conflict: Option<OnConflict>,
    /// `WITH`, `RETURNING`, `OVERRIDING` or an alias is there.
    pub complex: bool,
}

/// `ON CONFLICT`.
#[derive(Clone, Debug, PartialEq)]
pub struct OnConflict {
    /// The columns of the conflict target; empty for none, a constraint's name or expressions.
    pub columns: Vec<Name>,
    /// `ON CONFLICT ON CONSTRAINT name`.
    pub constraint: Option<Name>,
    /// The assignments of `DO UPDATE SET`; `None` for `DO NOTHING`.
    pub update: Option<Vec<Assignment>>,
    /// A `WHERE` or an expression in the target or the update is there, which is not read.
    pub complex: bool,
}
