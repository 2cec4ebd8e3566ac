-- A wrapper over UDP, and the lower HDLC address of a device that shares its line.

ALTER TABLE meters DROP CONSTRAINT meters_framing_check;
ALTER TABLE meters ADD CONSTRAINT meters_framing_check CHECK (framing IN ('wrapper', 'udp', 'hdlc'));
ALTER TABLE meters ADD COLUMN physical_device integer CHECK (physical_device BETWEEN 1 AND 16381);
ALTER TABLE concentrators DROP CONSTRAINT concentrators_framing_check;
ALTER TABLE concentrators ADD CONSTRAINT concentrators_framing_check CHECK (framing IN ('wrapper', 'udp', 'hdlc'));
ALTER TABLE concentrators ADD COLUMN physical_device integer CHECK (physical_device BETWEEN 1 AND 16381);
