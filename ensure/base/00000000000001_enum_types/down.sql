DROP TYPE IF EXISTS taskstatus;
DROP TYPE IF EXISTS documentstatus;
DROP TYPE IF EXISTS leavestatus;
DROP TYPE IF EXISTS userrole;
