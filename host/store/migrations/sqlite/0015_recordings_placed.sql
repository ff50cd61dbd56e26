-- Where the audio of a recording is: 'node', 'both', or 'store', the archive alone.
ALTER TABLE recording ADD COLUMN place TEXT NOT NULL DEFAULT 'node';
CREATE INDEX recording_waiting ON recording (id) WHERE state = 'ready' AND place <> 'store';
