"""The statements that are measured. Plain SQL that psql can run again and again without an error."""

# One line a fact; what differs here differs in the database.
FINGERPRINT = """
SELECT format('column %s.%s %s %s %s', c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
              pg_get_expr(d.adbin, d.adrelid)) AS fact
  FROM pg_attribute a
  JOIN pg_class c ON c.oid = a.attrelid AND c.relkind = 'r'
  JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'public'
  LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
 WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relname NOT LIKE 'unrelated%' AND c.relname NOT LIKE '\\_\\_%'
UNION ALL
SELECT format('index %s %s', pg_get_indexdef(i.indexrelid), i.indisvalid)
  FROM pg_index i
  JOIN pg_class c ON c.oid = i.indrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'public'
 WHERE c.relname NOT LIKE 'unrelated%' AND c.relname NOT LIKE '\\_\\_%'
UNION ALL
SELECT format('constraint %s.%s %s', c.relname, k.conname, pg_get_constraintdef(k.oid))
  FROM pg_constraint k
  JOIN pg_class c ON c.oid = k.conrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'public'
 WHERE k.contype IN ('p', 'u', 'f', 'c') AND c.relname NOT LIKE 'unrelated%' AND c.relname NOT LIKE '\\_\\_%'
 ORDER BY 1;
"""

_AUDIT = "created_at timestamptz DEFAULT now(), updated_at timestamptz"

# Table, the columns of its CREATE TABLE, columns added later, indexed column lists.
_TABLES = [
    ("people", "id serial PRIMARY KEY, email varchar(255) NOT NULL, full_name varchar(255) NOT NULL, phone varchar(40)",
     ["designation varchar(120)", "joining_date date", "portal_id varchar(60)", "is_active boolean DEFAULT true"],
     ["is_active", "created_at", "portal_id", "full_name, is_active"]),
    ("absences", "id serial PRIMARY KEY, person_id integer NOT NULL REFERENCES people (id), starts_on date NOT NULL, "
                 "ends_on date NOT NULL, reason text, status varchar(20) NOT NULL DEFAULT 'pending'",
     ["total_days integer DEFAULT 1 NOT NULL", "approved_by integer", "comments text"],
     ["person_id", "status", "starts_on, ends_on", "person_id, status", "created_at"]),
    ("free_days", "id serial PRIMARY KEY, day date NOT NULL, title varchar(200) NOT NULL, description text",
     ["is_active boolean"], ["day", "is_active"]),
    ("papers", "id serial PRIMARY KEY, person_id integer NOT NULL REFERENCES people (id), kind varchar(60) NOT NULL, "
               "file_name varchar(255)",
     ["status varchar(20) DEFAULT 'pending'", "reviewed_at timestamptz"], ["person_id", "status", "kind, status"]),
    ("mail_settings", "id serial PRIMARY KEY, host varchar(255) NOT NULL, port integer NOT NULL, sender varchar(255) NOT NULL",
     ["use_tls boolean DEFAULT true"], ["sender"]),
    ("mail_texts", "id serial PRIMARY KEY, name varchar(100) NOT NULL, subject varchar(255) NOT NULL, body text NOT NULL",
     ["is_active boolean DEFAULT true", "kind varchar(50)"], ["kind", "is_active"]),
    ("mail_log", "id serial PRIMARY KEY, recipient varchar(255) NOT NULL, subject varchar(255), status varchar(20) NOT NULL",
     ["sent_at timestamptz", "error text"], ["recipient", "status", "created_at", "status, sent_at"]),
    ("person_details", "id serial PRIMARY KEY, person_id integer NOT NULL REFERENCES people (id), city varchar(100), "
                       "department varchar(100)",
     ["manager_id integer", "last_day date", "probation_ends date"],
     ["department", "manager_id", "probation_ends", "city, department"]),
    ("chores", "id serial PRIMARY KEY, person_id integer NOT NULL REFERENCES people (id), name varchar(200) NOT NULL, "
               "status varchar(20) NOT NULL DEFAULT 'open'",
     ["due_on date", "priority varchar(20)", "category varchar(60)"],
     ["person_id", "status", "due_on", "priority", "category", "person_id, status", "person_id, created_at"]),
]


def _index(table, columns, unique=False):
    name = "ix_" + table + "_" + columns.replace(", ", "_")
    return f"CREATE {'UNIQUE ' if unique else ''}INDEX IF NOT EXISTS {name} ON {table} ({columns});"


def flow():
    """Returns the scripts of one small schema: nine tables, their later columns, indexes, a type change, data."""
    scripts = []
    for number, (table, columns, added, indexes) in enumerate(_TABLES, start=1):
        statements = [f"CREATE TABLE IF NOT EXISTS {table} ({columns}, {_AUDIT});"]
        statements += [f"ALTER TABLE {table} ADD COLUMN IF NOT EXISTS {column};" for column in added]
        statements += [_index(table, columns) for columns in indexes]
        scripts.append((f"{number * 10:03}_{table}.sql", "\n".join(statements) + "\n"))
    scripts.append(("100_keys.sql", "\n".join([
        _index("people", "email", unique=True),
        _index("mail_texts", "name", unique=True),
        _index("person_details", "person_id", unique=True),
    ]) + "\n"))
    scripts.append(("110_half_days.sql", "\n".join([
        "ALTER TABLE absences ALTER COLUMN total_days TYPE numeric(4,1);",
        "ALTER TABLE absences ALTER COLUMN status SET DEFAULT 'pending';",
    ]) + "\n"))
    scripts.append(("120_data.sql", "\n".join([
        "UPDATE free_days SET is_active = true WHERE is_active IS NULL;",
        "INSERT INTO mail_texts (name, subject, body) VALUES ('welcome', 'Welcome', 'Hello') ON CONFLICT (name) DO NOTHING;",
        "INSERT INTO mail_texts (name, subject, body) VALUES ('absence', 'Absence', 'Note') ON CONFLICT (name) DO NOTHING;",
    ]) + "\n"))
    return scripts


def many(statements, tables):
    """Returns `statements` repeatable statements over `tables` tables, one script a table."""
    scripts = []
    for number in range(tables):
        # The first tables take one more where it does not come out even.
        share = statements // tables + (1 if number < statements % tables else 0)
        table = f"area_{number:04}"
        lines = [f"CREATE TABLE IF NOT EXISTS {table} (id serial PRIMARY KEY, name varchar(120) NOT NULL, {_AUDIT});"]
        column = 0
        while len(lines) < share:
            lines.append(f"ALTER TABLE {table} ADD COLUMN IF NOT EXISTS note_{column:03} varchar({40 + column % 60});")
            if column % 5 == 0 and len(lines) < share:
                lines.append(_index(table, f"note_{column:03}"))
            column += 1
        scripts.append((f"{number + 1:05}_{table}.sql", "\n".join(lines) + "\n"))
    return scripts


def unrelated_tables(count):
    """Returns batches of SQL that make tables which no script names; one transaction each, for the lock table's sake."""
    step = 1_000
    for first in range(0, count, step):
        last = min(first + step, count) - 1
        yield (
            f"DO $$ BEGIN FOR n IN {first}..{last} LOOP EXECUTE format("
            "'CREATE TABLE unrelated_%s (id integer PRIMARY KEY, name varchar(80), amount numeric(10,2), made timestamptz)', n); "
            "END LOOP; END $$;"
        )
