//! Objects as SQL writes them.

use crate::pg::{Ident, quote_literal};

use super::{Constraint, ConstraintKind, ForeignKey, IndexStructure, IndexTarget, Policy, Sequence, View};

fn list(idents: &[Ident]) -> String {
    idents.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn including(columns: &[Ident]) -> String {
    if columns.is_empty() { String::new() } else { format!(" INCLUDE ({})", list(columns)) }
}

impl Constraint {
    /// Returns what stands behind its name.
    #[must_use]
    pub fn definition(&self) -> String {
        let mut text = match &self.kind {
            ConstraintKind::PrimaryKey { columns, include } => {
                format!("PRIMARY KEY ({}){}", list(columns), including(include))
            }
            ConstraintKind::Unique { columns, include, nulls_not_distinct } => {
                let nulls = if *nulls_not_distinct { "NULLS NOT DISTINCT " } else { "" };
                format!("UNIQUE {nulls}({}){}", list(columns), including(include))
            }
            ConstraintKind::Check { expression } => format!("CHECK ({expression})"),
            ConstraintKind::ForeignKey(key) => key.definition(),
            // It is complete.
            ConstraintKind::Other { definition } => return definition.clone(),
        };
        for (is, words) in [
            (self.no_inherit && matches!(self.kind, ConstraintKind::Check { .. }), " NO INHERIT"),
            (self.deferrable, " DEFERRABLE"),
            (self.initially_deferred, " INITIALLY DEFERRED"),
            (!self.validated, " NOT VALID"),
        ] {
            if is {
                text.push_str(words);
            }
        }
        text
    }
}

impl ForeignKey {
    /// Returns its words.
    #[must_use]
    pub fn definition(&self) -> String {
        let mut words =
            format!("FOREIGN KEY ({}) REFERENCES {} ({})", list(&self.columns), self.table, list(&self.referenced));
        if self.match_full {
            words.push_str(" MATCH FULL");
        }
        for (event, letter) in [("UPDATE", self.on_update), ("DELETE", self.on_delete)] {
            let action = match letter {
                'r' => "RESTRICT",
                'c' => "CASCADE",
                'n' => "SET NULL",
                'd' => "SET DEFAULT",
                _ => continue,
            };
            words = format!("{words} ON {event} {action}");
        }
        words
    }
}

impl IndexStructure {
    /// Returns what stands behind the table of CREATE INDEX.
    #[must_use]
    pub fn definition(&self, tablespace: Option<&Ident>) -> String {
        let keys: Vec<String> = self
            .keys
            .iter()
            .map(|key| {
                let mut words = vec![match &key.target {
                    IndexTarget::Column(column) => column.to_string(),
                    IndexTarget::Expression(text) => format!("({text})"),
                }];
                words.extend(key.collation.as_ref().map(|collation| format!("COLLATE {collation}")));
                words.extend(key.operator_class.as_ref().map(ToString::to_string));
                words.extend(key.operator_class_parameters.as_ref().map(|parameters| format!("({parameters})")));
                // NULL comes last in ascending order, and first in descending order.
                match (key.descending, key.nulls_first) {
                    (false, false) => {}
                    (false, true) => words.push("NULLS FIRST".to_owned()),
                    (true, true) => words.push("DESC".to_owned()),
                    (true, false) => words.push("DESC NULLS LAST".to_owned()),
                }
                words.join(" ")
            })
            .collect();
        let mut text = format!("USING {} ({}){}", self.method, keys.join(", "), including(&self.include));
        if self.nulls_not_distinct {
            text.push_str(" NULLS NOT DISTINCT");
        }
        if !self.storage.is_empty() {
            let options = self.storage.iter().map(|(name, value)| format!("{name} = {}", quote_literal(value)));
            text = format!("{text} WITH ({})", options.collect::<Vec<_>>().join(", "));
        }
        if let Some(tablespace) = tablespace {
            text = format!("{text} TABLESPACE {tablespace}");
        }
        if let Some(predicate) = &self.predicate {
            text = format!("{text} WHERE {predicate}");
        }
        text
    }
}

impl Sequence {
    /// Returns what stands behind its name.
    #[must_use]
    pub fn definition(&self) -> String {
        let cycle = if self.cycle { " CYCLE" } else { "" };
        format!(
            "AS {} INCREMENT BY {} MINVALUE {} MAXVALUE {} START WITH {} CACHE {}{cycle}",
            self.data_type, self.increment, self.min_value, self.max_value, self.start, self.cache
        )
    }
}

impl View {
    /// Returns what stands behind its name.
    #[must_use]
    pub fn definition(&self) -> String {
        let query = self.query.trim().trim_end_matches(';');
        if self.options.is_empty() {
            return format!("AS {query}");
        }
        let options: Vec<_> = self.options.iter().map(|(name, value)| format!("{name} = {value}")).collect();
        format!("WITH ({}) AS {query}", options.join(", "))
    }
}

impl Policy {
    /// Returns what stands behind its table.
    #[must_use]
    pub fn definition(&self) -> String {
        let command = match self.command {
            'r' => "SELECT",
            'a' => "INSERT",
            'w' => "UPDATE",
            'd' => "DELETE",
            _ => "ALL",
        };
        let roles: Vec<String> =
            self.roles.iter().map(|role| role.as_ref().map_or("PUBLIC".to_owned(), ToString::to_string)).collect();
        let kind = if self.permissive { "PERMISSIVE" } else { "RESTRICTIVE" };
        let mut text = format!("AS {kind} FOR {command} TO {}", roles.join(", "));
        if let Some(using) = &self.using {
            text = format!("{text} USING ({using})");
        }
        if let Some(check) = &self.check {
            text = format!("{text} WITH CHECK ({check})");
        }
        text
    }
}
