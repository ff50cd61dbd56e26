-- What a trunk may have beside what every trunk has, as a JSON object: its other gateways and the like.
ALTER TABLE trunk ADD COLUMN settings TEXT NOT NULL DEFAULT '{}';
