-- Of a meter's orders, those that a later one replaces: asked for at the door, for every order.
CREATE INDEX orders_unsent ON orders (meter) WHERE state IN ('received', 'held', 'validated');

-- A chain grows with every fact. With length in the predicate of an index no such update was heap-only; with a flag that stays
-- as it is until the next seal, all but the first are.
ALTER TABLE chains ADD COLUMN is_sealed boolean NOT NULL DEFAULT false;
UPDATE chains SET is_sealed = true WHERE sealed = length;
DROP INDEX chains_unsealed;
CREATE INDEX chains_unsealed ON chains (order_id) WHERE NOT is_sealed;

CREATE OR REPLACE FUNCTION chain_fact() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.digest IS NOT NULL THEN
        UPDATE chains c SET length = c.length + 1, head = sha256(c.head || NEW.digest), is_sealed = false
        WHERE c.order_id = NEW.order_id RETURNING c.length, c.head INTO NEW.place, NEW.link;
        IF NOT FOUND THEN
            INSERT INTO chains AS c (order_id, length, head)
            VALUES (NEW.order_id, 1, sha256(decode(repeat('00', 32), 'hex') || NEW.digest))
            RETURNING c.length, c.head INTO NEW.place, NEW.link;
        END IF;
    END IF;
    RETURN NEW;
END $$;
