-- When a concentrator last answered.

ALTER TABLE concentrators ADD COLUMN heard_at timestamptz;
