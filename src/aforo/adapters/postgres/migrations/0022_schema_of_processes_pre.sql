-- The last migration that a process knows of: what would break an older one waits until none is there.
ALTER TABLE processes ADD COLUMN schema text NOT NULL DEFAULT '';
