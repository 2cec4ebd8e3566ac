-- name: open_epoch
INSERT INTO lane_epochs (lane, epoch) SELECT asked.lane, 1 FROM unnest($1::text[]) AS asked(lane) ORDER BY asked.lane
ON CONFLICT (lane) DO UPDATE SET epoch = lane_epochs.epoch + 1 RETURNING lane, epoch

-- name: fences
-- For each session that is still the lane's latest.
SELECT asked.place, nextval('fences') AS fence
FROM unnest($1::text[], $2::bigint[]) WITH ORDINALITY AS asked(lane, epoch, place)
JOIN lane_epochs e ON e.lane = asked.lane AND e.epoch = asked.epoch

-- name: reserve_counters
UPDATE invocation_counters c SET next = c.next + asked.count
FROM unnest($1::text[], $2::bigint[]) AS asked(device, count) WHERE c.device = asked.device RETURNING c.device, c.next

-- name: raise_counter
INSERT INTO invocation_counters (device, next) VALUES ($1, $2::bigint + $3)
ON CONFLICT (device) DO UPDATE SET next = GREATEST(invocation_counters.next, $2) + $3 RETURNING next

-- name: counter_on_record
SELECT next FROM invocation_counters WHERE device = $1
