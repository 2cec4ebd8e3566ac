-- name: open
SELECT state, count(*) AS orders FROM orders WHERE ended_at IS NULL GROUP BY state ORDER BY state

-- name: totals
SELECT
    (SELECT count(*) FROM orders
     WHERE next_at <= $1 AND state IN ('received', 'held', 'validated', 'reconciling', 'UNCONFIRMED')) AS due,
    (SELECT min(next_at) FROM orders
     WHERE next_at <= $1 AND state IN ('received', 'held', 'validated', 'reconciling', 'UNCONFIRMED')) AS due_since,
    (SELECT count(*) FROM results WHERE published_at IS NULL) AS unpublished,
    (SELECT count(*) FROM inbox WHERE next_at IS NOT NULL) AS unanswered,
    (SELECT count(*) FROM orders WHERE ended_at > $2) AS ended,
    (SELECT count(*) FROM processes p WHERE is_there(p.id)) AS processes

-- name: lanes
SELECT lane,
       count(*) FILTER (WHERE next_at IS NOT NULL) AS waiting,
       min(next_at) FILTER (WHERE next_at <= $1) AS due_since,
       count(*) FILTER (WHERE state IN ('dispatched', 'in_progress', 'reconciling')) AS out
FROM orders
WHERE lane <> '' AND state IN ('received', 'held', 'validated', 'dispatched', 'in_progress', 'reconciling', 'UNCONFIRMED')
  AND (ended_at IS NULL OR next_at IS NOT NULL)
GROUP BY lane
ORDER BY 3 NULLS LAST, 2 DESC, lane LIMIT $2
