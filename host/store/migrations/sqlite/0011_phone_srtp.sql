-- Whether the audio of a phone is encrypted: off, offer or require. That of a trunk is among its settings.
ALTER TABLE phone ADD COLUMN srtp TEXT NOT NULL DEFAULT 'off';
