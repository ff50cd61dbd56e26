-- How SIP travels to a trunk, and to and from a line: udp or tcp.
ALTER TABLE trunk ADD COLUMN transport TEXT NOT NULL DEFAULT 'udp';
ALTER TABLE phone ADD COLUMN transport TEXT NOT NULL DEFAULT 'udp';
