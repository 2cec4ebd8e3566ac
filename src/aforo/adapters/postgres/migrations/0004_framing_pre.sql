-- How APDUs go over a device's line.

ALTER TABLE meters ADD COLUMN framing text NOT NULL DEFAULT 'wrapper' CHECK (framing IN ('wrapper', 'hdlc'));
ALTER TABLE concentrators ADD COLUMN framing text NOT NULL DEFAULT 'wrapper' CHECK (framing IN ('wrapper', 'hdlc'));
