-- ensure:title E-mail templates
-- ensure:allow drop -- an index that is invalid or differs from the one declared is replaced, nothing else is dropped
-- Columns that exist keep their own default and nullability.
-- ensure:accept email_templates.name varchar
-- ensure:accept email_templates.subject varchar
-- ensure:accept email_templates.body text
-- ensure:accept email_templates.template_type varchar
-- ensure:accept email_templates.created_at timestamptz

CREATE TABLE IF NOT EXISTS email_templates (
    id            serial PRIMARY KEY,
    name          varchar NOT NULL UNIQUE,
    subject       varchar NOT NULL,
    body          text NOT NULL,
    template_type varchar NOT NULL,
    is_active     boolean,
    created_at    timestamptz DEFAULT now(),
    updated_at    timestamptz
);

CREATE INDEX IF NOT EXISTS idx_email_template_active ON email_templates (is_active);
CREATE INDEX IF NOT EXISTS idx_email_template_type ON email_templates (template_type);

-- The plain index on the primary key is part of the enum flavour only.
-- ensure:unless SELECT EXISTS (SELECT FROM pg_catalog.pg_attribute WHERE attrelid = to_regclass(quote_ident(current_schema()) || '.users') AND attname = 'role' AND atttypid = 'varchar'::regtype AND NOT attisdropped)
CREATE INDEX IF NOT EXISTS ix_email_templates_id ON email_templates (id);
