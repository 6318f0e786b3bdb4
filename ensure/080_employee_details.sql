-- ensure:title Employee details
-- ensure:allow drop -- an index that is invalid or differs from the one declared is replaced, nothing else is dropped
-- Columns that exist keep their own default and nullability.
-- ensure:accept employee_details.user_id integer
-- ensure:accept employee_details.created_at timestamptz

-- ensure:waive foreign-key-index -- users are hardly ever deleted, so two indexes more would cost more than they give
-- One row for each user. Salary, bank account and settlement are secret: no value of this table belongs in a log.
CREATE TABLE IF NOT EXISTS employee_details (
    id                             serial PRIMARY KEY,
    user_id                        integer NOT NULL REFERENCES users (id) UNIQUE,
    employee_id                    varchar,
    date_of_birth                  date,
    gender                         varchar,
    marital_status                 varchar,
    nationality                    varchar,
    personal_email                 varchar,
    emergency_contact_name         varchar,
    emergency_contact_phone        varchar,
    emergency_contact_relation     varchar,
    current_address                text,
    permanent_address              text,
    city                           varchar,
    state                          varchar,
    postal_code                    varchar,
    country                        varchar,
    department                     varchar,
    manager_id                     integer REFERENCES users (id),
    employment_type                varchar,
    work_location                  varchar,
    work_schedule                  varchar,
    basic_salary                   varchar,
    currency                       varchar,
    bank_name                      varchar,
    bank_account_number            varchar,
    ifsc_code                      varchar,
    skills                         text,
    certifications                 text,
    education_qualification        varchar,
    previous_experience_years      integer,
    probation_period_months        integer,
    probation_start_date           date,
    probation_end_date             date,
    probation_status               varchar,
    probation_review_date          date,
    probation_review_notes         text,
    probation_reviewer_id          integer REFERENCES users (id),
    termination_date               date,
    termination_reason             varchar,
    termination_type               varchar,
    termination_notice_period_days integer,
    last_working_date              date,
    termination_notes              text,
    termination_initiated_by       integer REFERENCES users (id),
    exit_interview_date            date,
    exit_interview_notes           text,
    clearance_status               varchar,
    final_settlement_amount        varchar,
    final_settlement_date          date,
    is_active                      boolean,
    created_at                     timestamptz DEFAULT now(),
    updated_at                     timestamptz
);

-- In a varchar database the unique constraint employee_details_employee_id_key does the work of
-- ix_employee_details_employee_id.
CREATE INDEX IF NOT EXISTS idx_employee_active ON employee_details (is_active);
CREATE INDEX IF NOT EXISTS idx_employee_clearance_status ON employee_details (clearance_status);
CREATE INDEX IF NOT EXISTS idx_employee_created_at ON employee_details (created_at);
CREATE INDEX IF NOT EXISTS idx_employee_department ON employee_details (department);
CREATE INDEX IF NOT EXISTS idx_employee_employee_id ON employee_details (employee_id);
CREATE INDEX IF NOT EXISTS idx_employee_manager ON employee_details (manager_id);
CREATE INDEX IF NOT EXISTS idx_employee_probation_end_date ON employee_details (probation_end_date);
CREATE INDEX IF NOT EXISTS idx_employee_probation_status ON employee_details (probation_status);
CREATE INDEX IF NOT EXISTS idx_employee_termination_date ON employee_details (termination_date);
CREATE INDEX IF NOT EXISTS idx_employee_user_id ON employee_details (user_id);
CREATE UNIQUE INDEX IF NOT EXISTS ix_employee_details_employee_id ON employee_details (employee_id);

-- The plain index on the primary key is part of the enum flavour only.
-- ensure:unless SELECT EXISTS (SELECT FROM pg_catalog.pg_attribute WHERE attrelid = to_regclass(quote_ident(current_schema()) || '.users') AND attname = 'role' AND atttypid = 'varchar'::regtype AND NOT attisdropped)
CREATE INDEX IF NOT EXISTS ix_employee_details_id ON employee_details (id);
