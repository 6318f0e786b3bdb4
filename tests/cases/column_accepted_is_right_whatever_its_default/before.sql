CREATE TABLE t (status varchar(10) DEFAULT 'old');
