-- The Legacy Integration Database: devices, orders, what happened to them, and results on their way.

CREATE TABLE concentrators (
    number              text PRIMARY KEY CHECK (number <> ''),
    host                text NOT NULL,
    port                integer NOT NULL CHECK (port BETWEEN 0 AND 65535),
    client_sap          integer NOT NULL CHECK (client_sap BETWEEN 0 AND 65535),
    server_sap          integer NOT NULL CHECK (server_sap BETWEEN 0 AND 65535),
    system_title        bytea NOT NULL CHECK (length(system_title) IN (0, 8)),
    -- Wrapped under the key-encryption key (RFC 3394), or empty; never in clear.
    encryption_key      bytea NOT NULL,
    authentication_key  bytea NOT NULL,
    time_zone           text NOT NULL,
    registered_at       timestamptz NOT NULL,
    changed_at          timestamptz NOT NULL
);

CREATE TABLE meters (
    number              text PRIMARY KEY CHECK (number <> ''),
    usage_point         text NOT NULL,
    link                text NOT NULL CHECK (link IN ('direct', 'delegated', 'transparent')),
    host                text,
    port                integer CHECK (port BETWEEN 0 AND 65535),
    client_sap          integer CHECK (client_sap BETWEEN 0 AND 65535),
    server_sap          integer CHECK (server_sap BETWEEN 0 AND 65535),
    model               text NOT NULL,
    system_title        bytea NOT NULL CHECK (length(system_title) IN (0, 8)),
    encryption_key      bytea NOT NULL,
    authentication_key  bytea NOT NULL,
    commissioned        boolean NOT NULL,
    max_power_w         bigint NOT NULL CHECK (max_power_w > 0),
    contracted_power_w  bigint NOT NULL CHECK (contracted_power_w > 0),
    time_zone           text NOT NULL,
    protected           boolean NOT NULL,
    registered_at       timestamptz NOT NULL,
    changed_at          timestamptz NOT NULL,
    CHECK ((host IS NULL) = (port IS NULL) AND (host IS NULL) = (client_sap IS NULL)
           AND (host IS NULL) = (server_sap IS NULL))
);

-- Which concentrator a meter was linked to, and when. At most one link is open.
CREATE TABLE meter_links (
    meter         text NOT NULL REFERENCES meters (number),
    concentrator  text NOT NULL REFERENCES concentrators (number),
    valid_from    timestamptz NOT NULL,
    valid_to      timestamptz CHECK (valid_to >= valid_from)
);
CREATE UNIQUE INDEX meter_links_open ON meter_links (meter) WHERE valid_to IS NULL;
CREATE INDEX meter_links_history ON meter_links (meter, valid_from);

CREATE SEQUENCE order_ids AS bigint;
CREATE SEQUENCE fences AS bigint;

CREATE TABLE orders (
    id              bigint PRIMARY KEY,
    version         integer NOT NULL CHECK (version > 0),
    source          text NOT NULL CHECK (source <> ''),
    number          text NOT NULL CHECK (number <> ''),
    kind            text NOT NULL CHECK (kind IN ('LIMIT', 'READ')),
    meter           text NOT NULL CHECK (meter <> ''),
    limit_w         bigint CHECK (limit_w BETWEEN 1 AND 10000000),
    reason          text NOT NULL,
    priority        smallint NOT NULL,
    special         text,
    not_after       timestamptz,
    until           timestamptz,
    message_id      text NOT NULL,
    correlation_id  text NOT NULL,
    reply_address   text,
    language        text NOT NULL,
    digest          text NOT NULL,
    state           text NOT NULL CHECK (state IN (
                        'received', 'held', 'validated', 'dispatched', 'in_progress', 'reconciling', 'VERIFIED',
                        'REFUSED', 'FAILED', 'UNCONFIRMED', 'EXPIRED', 'CANCELLED', 'SUPERSEDED')),
    received_at     timestamptz NOT NULL,
    lane            text NOT NULL,
    attempts        integer NOT NULL CHECK (attempts >= 0),
    next_at         timestamptz,
    fence           bigint,
    command_fence   bigint,
    cause           text,
    detail          text NOT NULL,
    evidence        jsonb,
    ended_at        timestamptz,
    UNIQUE (source, number),
    CHECK ((kind = 'LIMIT') = (limit_w IS NOT NULL)),
    -- Ends are written in capitals.
    CHECK ((ended_at IS NOT NULL) = (state = upper(state))),
    CHECK (ended_at IS NULL OR next_at IS NULL),
    CHECK (state NOT IN ('received', 'held', 'validated') OR next_at IS NOT NULL),
    CHECK (state <> 'VERIFIED' OR evidence IS NOT NULL)
) WITH (fillfactor = 70);

-- Truth rule 1: of each meter, one order is out at a time.
CREATE UNIQUE INDEX orders_one_out_per_meter ON orders (meter)
    WHERE state IN ('dispatched', 'in_progress', 'reconciling');
CREATE INDEX orders_waiting ON orders (lane, next_at)
    WHERE state IN ('received', 'held', 'validated', 'reconciling') AND next_at IS NOT NULL;
CREATE INDEX orders_next ON orders (next_at)
    WHERE state IN ('received', 'held', 'validated', 'reconciling') AND next_at IS NOT NULL;
CREATE INDEX orders_out ON orders (lane) WHERE state IN ('dispatched', 'in_progress', 'reconciling');
CREATE INDEX orders_number ON orders (number);
CREATE INDEX orders_verified ON orders (meter, id) WHERE state = 'VERIFIED';

CREATE TABLE facts (
    serial    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    order_id  bigint NOT NULL REFERENCES orders (id),
    step      smallint NOT NULL CHECK (step BETWEEN 1 AND 9),
    at        timestamptz NOT NULL,
    sender    text NOT NULL,
    receiver  text NOT NULL,
    name      text NOT NULL,
    payload   jsonb NOT NULL
);
CREATE INDEX facts_of_order ON facts (order_id, serial);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a fact is written once and never changed';
END $$;
CREATE TRIGGER facts_are_append_only BEFORE UPDATE OR DELETE ON facts
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER facts_are_not_truncated BEFORE TRUNCATE ON facts
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- One row per result from its birth: outbox while unpublished, then wherever its delivery stands.
CREATE TABLE results (
    id            text PRIMARY KEY,
    order_id      bigint NOT NULL REFERENCES orders (id),
    serial        bigint GENERATED ALWAYS AS IDENTITY,
    body          jsonb NOT NULL,
    published_at  timestamptz
);
CREATE INDEX results_outbox ON results (serial) WHERE published_at IS NULL;
CREATE INDEX results_of_order ON results (order_id);

-- Integration's own side of the embedded queue.
CREATE TABLE inbox (
    id           text PRIMARY KEY,
    order_id     bigint NOT NULL,
    body         jsonb NOT NULL,
    received_at  timestamptz NOT NULL,
    state        text NOT NULL CHECK (state IN ('published', 'answered', 'kept')),
    attempts     integer NOT NULL DEFAULT 0,
    next_at      timestamptz,
    CHECK ((next_at IS NOT NULL) = (state = 'published'))
);
CREATE INDEX inbox_due ON inbox (next_at) WHERE next_at IS NOT NULL;

-- Numbers that only ever rise.
CREATE TABLE invocation_counters (
    device  text PRIMARY KEY,
    next    bigint NOT NULL CHECK (next BETWEEN 0 AND 4294967296)
);
CREATE TABLE lane_epochs (
    lane   text PRIMARY KEY,
    epoch  bigint NOT NULL CHECK (epoch > 0)
);
