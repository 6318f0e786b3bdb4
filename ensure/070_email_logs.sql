-- ensure:title E-mail log
-- ensure:allow drop -- an index that is invalid or differs from the one declared is replaced, nothing else is dropped
-- Columns that exist keep their own default and nullability.
-- ensure:accept email_logs.recipient_email varchar
-- ensure:accept email_logs.subject varchar
-- ensure:accept email_logs.status varchar
-- ensure:accept email_logs.created_at timestamptz

CREATE TABLE IF NOT EXISTS email_logs (
    id              serial PRIMARY KEY,
    recipient_email varchar NOT NULL,
    recipient_name  varchar,
    subject         varchar NOT NULL,
    template_type   varchar,
    status          varchar NOT NULL,
    error_message   text,
    sent_at         timestamptz,
    created_at      timestamptz DEFAULT now()
);

CREATE INDEX IF NOT EXISTS idx_email_log_created ON email_logs (created_at);
CREATE INDEX IF NOT EXISTS idx_email_log_recipient ON email_logs (recipient_email);
CREATE INDEX IF NOT EXISTS idx_email_log_status ON email_logs (status);
CREATE INDEX IF NOT EXISTS idx_email_log_template ON email_logs (template_type);

-- The plain index on the primary key is part of the enum flavour only.
-- ensure:unless SELECT EXISTS (SELECT FROM pg_catalog.pg_attribute WHERE attrelid = to_regclass(quote_ident(current_schema()) || '.users') AND attname = 'role' AND atttypid = 'varchar'::regtype AND NOT attisdropped)
CREATE INDEX IF NOT EXISTS ix_email_logs_id ON email_logs (id);
