-- name: meters
SELECT m.*, l.concentrator FROM meters m
LEFT JOIN meter_links l ON l.meter = m.number AND l.valid_to IS NULL
WHERE m.number = ANY($1::text[])

-- name: meters_at
SELECT number FROM meters WHERE usage_point = $1 ORDER BY number

-- name: list_meters
SELECT m.*, l.concentrator FROM meters m
LEFT JOIN meter_links l ON l.meter = m.number AND l.valid_to IS NULL
WHERE $2::text IS NULL OR m.number > $2 ORDER BY m.number LIMIT $1

-- name: concentrators
SELECT * FROM concentrators WHERE number = ANY($1::text[])

-- name: note_heard
UPDATE concentrators c SET heard_at = h.at FROM unnest($1::text[], $2::timestamptz[]) AS h(number, at)
WHERE c.number = h.number AND (c.heard_at IS NULL OR c.heard_at < h.at)

-- name: last_heard
SELECT heard_at FROM concentrators WHERE number = $1

-- name: list_concentrators
SELECT * FROM concentrators WHERE $2::text IS NULL OR number > $2 ORDER BY number LIMIT $1

-- name: incoming_meters
-- Meters to be put, as COPY brings them: of this connection, and empty again after its transaction.
CREATE TEMP TABLE IF NOT EXISTS incoming_meters (
    number text, usage_point text, link text, concentrator text, host text, port integer, client_sap integer, server_sap integer,
    framing text, physical_device integer, model text, system_title bytea, encryption_key bytea, authentication_key bytea,
    commissioned boolean, max_power_w bigint, contracted_power_w bigint, time_zone text, protected boolean
) ON COMMIT DELETE ROWS

-- name: unknown_concentrator
SELECT g.concentrator FROM incoming_meters g
WHERE g.concentrator IS NOT NULL AND NOT EXISTS (SELECT 1 FROM concentrators c WHERE c.number = g.concentrator) LIMIT 1

-- name: forget_meter_counters
-- A new encryption key begins a new sequence of invocation counters. Another authentication key under the same
-- encryption key does not: the nonces are the same, also those of messages that the device has refused.
DELETE FROM invocation_counters WHERE device IN (
    SELECT 'meter:' || m.number FROM meters m JOIN incoming_meters g USING (number)
    WHERE m.encryption_key <> g.encryption_key)

-- name: forget_concentrator_counters
DELETE FROM invocation_counters WHERE device IN (
    SELECT 'concentrator:' || c.number FROM concentrators c
    JOIN jsonb_to_recordset($1) AS g(number text, encryption_key text) USING (number)
    WHERE c.encryption_key <> decode(g.encryption_key, 'hex'))

-- name: put_concentrators
INSERT INTO concentrators (number, host, port, client_sap, server_sap, system_title, encryption_key,
                           authentication_key, time_zone, framing, physical_device, registered_at, changed_at)
SELECT number, host, port, client_sap, server_sap, decode(system_title, 'hex'), decode(encryption_key, 'hex'),
       decode(authentication_key, 'hex'), time_zone, framing, physical_device, $2, $2
FROM jsonb_to_recordset($1) AS g(number text, host text, port integer, client_sap integer, server_sap integer,
     system_title text, encryption_key text, authentication_key text, time_zone text, framing text, physical_device integer)
ON CONFLICT (number) DO UPDATE SET
    host = excluded.host, port = excluded.port, client_sap = excluded.client_sap, server_sap = excluded.server_sap,
    system_title = excluded.system_title, encryption_key = excluded.encryption_key,
    authentication_key = excluded.authentication_key, time_zone = excluded.time_zone,
    framing = excluded.framing, physical_device = excluded.physical_device, changed_at = excluded.changed_at

-- name: put_meters
INSERT INTO meters (number, usage_point, link, host, port, client_sap, server_sap, model, system_title, encryption_key,
                    authentication_key, commissioned, max_power_w, contracted_power_w, time_zone, protected,
                    framing, physical_device, registered_at, changed_at)
SELECT number, usage_point, link, host, port, client_sap, server_sap, model, system_title, encryption_key,
       authentication_key, commissioned, max_power_w, contracted_power_w, time_zone, protected,
       framing, physical_device, $1, $1
FROM incoming_meters
ON CONFLICT (number) DO UPDATE SET
    usage_point = excluded.usage_point, link = excluded.link, host = excluded.host, port = excluded.port,
    client_sap = excluded.client_sap, server_sap = excluded.server_sap, model = excluded.model,
    system_title = excluded.system_title, encryption_key = excluded.encryption_key,
    authentication_key = excluded.authentication_key, commissioned = excluded.commissioned,
    max_power_w = excluded.max_power_w, contracted_power_w = excluded.contracted_power_w,
    time_zone = excluded.time_zone, protected = excluded.protected, framing = excluded.framing,
    physical_device = excluded.physical_device, changed_at = excluded.changed_at

-- name: close_links
UPDATE meter_links l SET valid_to = GREATEST($1, l.valid_from)
FROM incoming_meters g
WHERE l.meter = g.number AND l.valid_to IS NULL AND l.concentrator IS DISTINCT FROM g.concentrator

-- name: open_links
INSERT INTO meter_links (meter, concentrator, valid_from)
SELECT g.number, g.concentrator, $1 FROM incoming_meters g
WHERE g.concentrator IS NOT NULL
  AND NOT EXISTS (SELECT 1 FROM meter_links l WHERE l.meter = g.number AND l.valid_to IS NULL)

-- name: analyze
ANALYZE meters, meter_links
