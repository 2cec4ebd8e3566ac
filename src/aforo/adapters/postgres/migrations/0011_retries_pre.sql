-- Number of the earlier order, of the same source, that this one gives again.

ALTER TABLE orders ADD COLUMN retry_of text CHECK (retry_of <> '');
