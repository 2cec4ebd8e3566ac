-- name: open_epoch
INSERT INTO lane_epochs (lane, epoch) VALUES ($1, 1)
ON CONFLICT (lane) DO UPDATE SET epoch = lane_epochs.epoch + 1 RETURNING epoch

-- name: fences
-- For each session that is still the lane's latest.
SELECT asked.place, nextval('fences') AS fence
FROM unnest($1::text[], $2::bigint[]) WITH ORDINALITY AS asked(lane, epoch, place)
JOIN lane_epochs e ON e.lane = asked.lane AND e.epoch = asked.epoch

-- name: reserve_counters
UPDATE invocation_counters SET next = next + $2 WHERE device = $1 RETURNING next

-- name: raise_counter
INSERT INTO invocation_counters (device, next) VALUES ($1, $2::bigint + $3)
ON CONFLICT (device) DO UPDATE SET next = GREATEST(invocation_counters.next, $2) + $3 RETURNING next

-- name: counter_on_record
SELECT next FROM invocation_counters WHERE device = $1
