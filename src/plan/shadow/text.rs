//! The SQL of a type change beside writers: the same objects once more, on the new column.

use crate::{
    catalog::{ForeignKey, Index, IndexTarget},
    goal::{Expression, Fragment, parse_expression},
    pg::{Ident, ObjectName, TypeName},
    script::Span,
};

/// Returns whether an expression, as the server prints it, names a column.
pub(in crate::plan) fn mentions(text: &str, column: &Ident) -> bool {
    // Most name others, and reading an expression takes its time.
    if !text.contains(column.as_str()) && !text.contains(&column.to_string()) {
        return false;
    }
    match parse_expression(text) {
        Some(tree) => tree.columns().contains(&column) || tree.has_unread(),
        None => true,
    }
}

/// Returns whether an index is made of a column, or has an expression or a condition with it.
pub(super) fn index_mentions(index: &Index, column: &Ident) -> bool {
    let structure = &index.structure;
    let in_key = |target: &IndexTarget| matches!(target, IndexTarget::Expression(text) if mentions(text, column));
    index.uses(column)
        || structure.keys.iter().any(|key| in_key(&key.target))
        || structure.predicate.as_deref().is_some_and(|text| mentions(text, column))
}

/// Returns an expression of the server's with another column in the place of one; `None` where that cannot be written with
/// certainty.
pub(super) fn with_column(text: &str, from: &Ident, to: &Ident) -> Option<String> {
    if !mentions(text, from) {
        return Some(text.to_owned());
    }
    let tree = parse_expression(text).filter(|tree| !tree.has_unread())?;
    let source = Fragment { text: text.to_owned(), span: Span::new(0, text.len()) };
    let expression = Expression { source, tree };
    expression.renamed(&|name| (name == from).then(|| to.clone())).map(|renamed| renamed.source.text)
}

/// Returns the statement that builds an index once more, on the new column.
pub(super) fn index(
    table: &ObjectName,
    name: &Ident,
    index: &Index,
    from: &Ident,
    to: &Ident,
    tablespace: Option<&String>,
) -> Option<String> {
    let mut structure = index.structure.clone();
    for key in &mut structure.keys {
        match &mut key.target {
            IndexTarget::Column(column) if column == from => *column = to.clone(),
            IndexTarget::Column(_) => {}
            IndexTarget::Expression(text) => *text = with_column(text, from, to)?,
        }
    }
    structure.include.iter_mut().filter(|column| *column == from).for_each(|column| *column = to.clone());
    structure.predicate = match &structure.predicate {
        Some(predicate) => Some(with_column(predicate, from, to)?),
        None => None,
    };
    let unique = if structure.unique { "UNIQUE " } else { "" };
    let tablespace = tablespace.map(|name| Ident::new(name.as_str()));
    let definition = structure.definition(tablespace.as_ref());
    Some(format!("CREATE {unique}INDEX CONCURRENTLY {name} ON {table} {definition}"))
}

/// Returns the words of a foreign key, on the new column.
pub(super) fn foreign_key(key: &ForeignKey, from: &Ident, to: &Ident) -> String {
    let mut key = key.clone();
    key.columns.iter_mut().filter(|column| *column == from).for_each(|column| *column = to.clone());
    key.definition()
}

/// How a value becomes one of the new type.
pub(super) struct Conversion<'c> {
    /// The column whose type changes.
    pub(super) column: &'c Ident,
    /// The new type.
    pub(super) wanted: &'c TypeName,
    /// What is written after USING, where it is more than a cast of the column.
    pub(super) using: Option<&'c Expression>,
    /// The condition under which a value would lose something, where that is not allowed.
    pub(super) loses: Option<String>,
}

impl Conversion<'_> {
    /// Returns what is assigned to the new column.
    pub(super) fn assigned(&self) -> String {
        match self.using {
            None => format!("{}::{}", self.column, self.wanted),
            // It may end in a comment: the parenthesis then stands on a line of its own.
            Some(using) if using.source.text.contains("--") => format!("({}\n)", using.source.text),
            Some(using) => format!("({})", using.source.text),
        }
    }

    /// Returns the condition that the new column holds what the old one says, NULL included. Types without an equality of their
    /// own are compared as text.
    pub(super) fn holds(&self, shadow: &Ident, negated: bool) -> String {
        const WITHOUT: &[&str] = &["json", "xml", "point", "box", "lseg", "line", "path", "polygon", "circle"];
        let mut value = self.assigned();
        if self.using.is_some() {
            value = format!("{value}::{}", self.wanted);
        }
        let not = if negated { "" } else { "NOT " };
        if WITHOUT.contains(&self.wanted.name()) {
            format!("{shadow}::text IS {not}DISTINCT FROM ({value})::text")
        } else {
            format!("{shadow} IS {not}DISTINCT FROM {value}")
        }
    }

    /// Returns the body of the function that keeps the new column in step.
    pub(super) fn body(&self, table: &ObjectName, shadow: &Ident) -> String {
        let assign = match self.using {
            // As quick as an assignment can be.
            None => format!("NEW.{shadow} := NEW.{};", self.assigned()),
            Some(_) => {
                format!("SELECT {} INTO NEW.{shadow} FROM (SELECT NEW.*) AS {};", self.assigned(), table.name)
            }
        };
        format!(
            "
#variable_conflict use_column
BEGIN
  BEGIN
    {assign}
  EXCEPTION WHEN data_exception OR integrity_constraint_violation THEN
    -- No write fails because of a change that is not done yet; all rows are compared before it is.
    NEW.{shadow} := NULL;
  END;
  RETURN NEW;
END
"
        )
    }
}
#[cfg(test)]
mod tests {
    use super::*;

    fn renamed(text: &str) -> Option<String> {
        with_column(text, &Ident::new("days"), &Ident::new("days__hm"))
    }

    #[test]
    fn a_column_is_replaced_wherever_it_is_named_and_nothing_else_is() {
        for (text, expected) in [
            ("(days >= 0)", "(days__hm >= 0)"),
            ("((days > 0) AND (word <> 'days'::text))", "((days__hm > 0) AND (word <> 'days'::text))"),
            ("(\"days\" > 0)", "(days__hm > 0)"),
            ("(days_off > 0)", "(days_off > 0)"),
        ] {
            assert_eq!(renamed(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_not_written_anew() {
        for text in ["(days[1] > 0)", "(days(days) > 0)"] {
            assert_eq!(renamed(text), None, "{text}");
        }
    }

    #[test]
    fn values_without_an_equality_are_compared_as_text() {
        let column = Ident::new("a");
        let holds = |wanted: &str| {
            let wanted = TypeName::parse(wanted).unwrap();
            let conversion = Conversion { column: &column, wanted: &wanted, using: None, loses: None };
            conversion.holds(&Ident::new("a__hm"), true)
        };
        assert_eq!(holds("json"), "a__hm::text IS DISTINCT FROM (a::json)::text");
        assert_eq!(holds("numeric(4,1)"), "a__hm IS DISTINCT FROM a::numeric(4,1)");
    }
}
