-- ensure:title E-mail server settings
-- ensure:allow drop -- an index that is invalid or differs from the one declared is replaced, nothing else is dropped
-- Columns that exist keep their own default and nullability.
-- ensure:accept email_settings.smtp_server varchar
-- ensure:accept email_settings.smtp_port integer
-- ensure:accept email_settings.smtp_username varchar
-- ensure:accept email_settings.smtp_password varchar
-- ensure:accept email_settings.from_email varchar
-- ensure:accept email_settings.from_name varchar
-- ensure:accept email_settings.created_at timestamptz

-- smtp_password is secret: no value of this table belongs in a log.
CREATE TABLE IF NOT EXISTS email_settings (
    id            serial PRIMARY KEY,
    smtp_server   varchar NOT NULL,
    smtp_port     integer NOT NULL,
    smtp_username varchar NOT NULL,
    smtp_password varchar NOT NULL,
    smtp_use_tls  boolean,
    smtp_use_ssl  boolean,
    from_email    varchar NOT NULL,
    from_name     varchar NOT NULL,
    is_active     boolean,
    created_at    timestamptz DEFAULT now(),
    updated_at    timestamptz
);

CREATE INDEX IF NOT EXISTS idx_email_settings_active ON email_settings (is_active);

-- The plain index on the primary key is part of the enum flavour only.
-- ensure:unless SELECT EXISTS (SELECT FROM pg_catalog.pg_attribute WHERE attrelid = to_regclass(quote_ident(current_schema()) || '.users') AND attname = 'role' AND atttypid = 'varchar'::regtype AND NOT attisdropped)
CREATE INDEX IF NOT EXISTS ix_email_settings_id ON email_settings (id);
