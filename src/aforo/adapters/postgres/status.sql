-- name: open
-- In two halves, each of which has an index of its own: what has ended, which is nearly everything, is not read.
SELECT state, count(*) AS orders FROM (
    SELECT state FROM orders WHERE state IN ('received', 'held', 'validated') AND next_at IS NOT NULL
    UNION ALL
    SELECT state FROM orders WHERE state IN ('dispatched', 'in_progress', 'reconciling')
) AS open GROUP BY state ORDER BY state

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
       count(*) FILTER (WHERE is_out) AS out
FROM (
    SELECT lane, next_at, state = 'reconciling' AS is_out FROM orders
    WHERE state IN ('received', 'held', 'validated', 'reconciling', 'UNCONFIRMED') AND next_at IS NOT NULL
    UNION ALL
    SELECT lane, next_at, true FROM orders WHERE state IN ('dispatched', 'in_progress', 'reconciling') AND next_at IS NULL
) AS open
WHERE lane <> ''
GROUP BY lane
ORDER BY 3 NULLS LAST, 2 DESC, lane LIMIT $2
