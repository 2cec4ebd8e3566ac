-- Facts in tables of a million orders each: an order's facts lie in one of them, and the indexes into which new facts go stay as
-- small as the year that they are of. Orders are numbered as they come, so that a range of them is a time, too.
DROP TRIGGER facts_are_append_only ON facts;
DROP TRIGGER facts_are_not_truncated ON facts;
DROP TRIGGER facts_are_chained ON facts;
DROP INDEX facts_of_order;
ALTER TABLE facts DROP CONSTRAINT facts_pkey;
ALTER TABLE facts ALTER COLUMN serial DROP IDENTITY;
ALTER TABLE facts RENAME TO facts_0;

CREATE SEQUENCE facts_serial;
SELECT setval('facts_serial', (SELECT COALESCE(max(serial), 0) + 1 FROM facts_0), false);

CREATE TABLE facts (LIKE facts_0 INCLUDING CONSTRAINTS) PARTITION BY RANGE (order_id);
ALTER TABLE facts ALTER COLUMN serial SET DEFAULT nextval('facts_serial');
ALTER TABLE facts ADD PRIMARY KEY (order_id, serial);
ALTER TABLE facts ADD CONSTRAINT facts_order_id_fkey FOREIGN KEY (order_id) REFERENCES orders (id);
CREATE TRIGGER facts_are_append_only BEFORE UPDATE OR DELETE ON facts FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER facts_are_not_truncated BEFORE TRUNCATE ON facts FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER facts_are_chained BEFORE INSERT ON facts FOR EACH ROW EXECUTE FUNCTION chain_fact();

-- Those of before, whatever range they are of, are the first table.
DO $$
DECLARE
    million CONSTANT bigint := 1000000;
    ends bigint := (SELECT (COALESCE(max(order_id), 0) / million + 1) * million FROM facts_0);
BEGIN
    EXECUTE format('ALTER TABLE facts ATTACH PARTITION facts_0 FOR VALUES FROM (MINVALUE) TO (%s)', ends);
END $$;
CREATE TRIGGER facts_are_not_truncated BEFORE TRUNCATE ON facts_0 FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Every table up to the one after that of the order given. Before an order has its number there is room for its facts.
CREATE FUNCTION make_room_for_facts(order_id bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    million CONSTANT bigint := 1000000;
    wanted CONSTANT bigint := order_id / million + 1;
    place bigint;
BEGIN
    IF to_regclass('facts_' || wanted) IS NOT NULL THEN
        RETURN;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('make_room_for_facts'));
    SELECT max(substring(bound FROM 'TO \(''(\d+)''\)')::bigint) / million INTO place
    FROM (SELECT pg_get_expr(c.relpartbound, c.oid) AS bound
          FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'facts'::regclass) AS parts;
    WHILE place <= wanted LOOP
        EXECUTE format('CREATE TABLE facts_%s (LIKE facts INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', place);
        EXECUTE format('ALTER TABLE facts ATTACH PARTITION facts_%s FOR VALUES FROM (%s) TO (%s)',
                       place, place * million, (place + 1) * million);
        EXECUTE format('CREATE TRIGGER facts_are_not_truncated BEFORE TRUNCATE ON facts_%s
                        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()', place);
        place := place + 1;
    END LOOP;
END $$;
SELECT make_room_for_facts(last_value) FROM order_ids;
