-- Facts as a hash chain for each order, and seals over the heads of all chains. See `aforo.domain.audit`.

CREATE TABLE chains (
    order_id  bigint PRIMARY KEY REFERENCES orders (id),
    length    integer NOT NULL CHECK (length > 0),
    head      bytea NOT NULL CHECK (length(head) = 32),
    sealed    integer NOT NULL DEFAULT 0 CHECK (sealed BETWEEN 0 AND length)
) WITH (fillfactor = 70);
CREATE INDEX chains_unsealed ON chains (order_id) WHERE length > sealed;

-- What was written before stands outside of the chain: facts up to this one, of orders up to this one.
CREATE TABLE audit_start (
    serial    bigint NOT NULL,
    order_id  bigint NOT NULL
);
INSERT INTO audit_start SELECT COALESCE(max(serial), 0), COALESCE(max(order_id), 0) FROM facts;
CREATE TRIGGER audit_start_is_append_only BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON audit_start
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

ALTER TABLE facts ADD COLUMN digest bytea CHECK (length(digest) = 32);
ALTER TABLE facts ADD COLUMN place integer;
ALTER TABLE facts ADD COLUMN link bytea;

CREATE FUNCTION chain_fact() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.digest IS NOT NULL THEN
        INSERT INTO chains AS c (order_id, length, head)
        VALUES (NEW.order_id, 1, sha256(decode(repeat('00', 32), 'hex') || NEW.digest))
        ON CONFLICT (order_id) DO UPDATE SET length = c.length + 1, head = sha256(c.head || NEW.digest)
        RETURNING c.length, c.head INTO NEW.place, NEW.link;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER facts_are_chained BEFORE INSERT ON facts FOR EACH ROW EXECUTE FUNCTION chain_fact();

CREATE TABLE seals (
    number    bigint PRIMARY KEY,
    at        timestamptz NOT NULL,
    previous  bytea NOT NULL,
    root      bytea NOT NULL,
    hash      bytea NOT NULL
);
CREATE TABLE sealed_heads (
    seal      bigint NOT NULL REFERENCES seals (number),
    order_id  bigint NOT NULL REFERENCES orders (id),
    length    integer NOT NULL,
    link      bytea NOT NULL,
    PRIMARY KEY (seal, order_id)
);
CREATE INDEX sealed_heads_of_order ON sealed_heads (order_id, seal);
CREATE TRIGGER seals_are_append_only BEFORE UPDATE OR DELETE ON seals FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER seals_are_not_truncated BEFORE TRUNCATE ON seals FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER sealed_heads_are_append_only BEFORE UPDATE OR DELETE ON sealed_heads
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER sealed_heads_are_not_truncated BEFORE TRUNCATE ON sealed_heads
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
