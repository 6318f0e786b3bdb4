CREATE TABLE t (a character varying(20) DEFAULT 'x'::character varying NOT NULL, b timestamp with time zone DEFAULT now(), c numeric(5,0), d boolean DEFAULT true);
