-- Which process holds what only one may hold at a time: lanes and roles. A process is there while the connection by which it joined is, and
-- while it says so often enough, by this server's clock.
CREATE TABLE processes (
    id             text PRIMARY KEY,
    backend        integer NOT NULL,
    backend_start  timestamptz NOT NULL,
    alive_until    timestamptz NOT NULL
);
CREATE TABLE leases (
    name    text PRIMARY KEY,
    holder  text NOT NULL
);
CREATE INDEX leases_of_holder ON leases (holder);

CREATE FUNCTION is_there(process text) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (
        SELECT FROM processes p, pg_stat_get_activity(p.backend) a
        WHERE p.id = process AND a.backend_start = p.backend_start AND p.alive_until > clock_timestamp())
$$;
