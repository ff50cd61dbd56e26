-- Whether keys of a phone are looked for in its audio: off, auto or on; and its codecs, the best first, with
-- commas between, or nothing for all. Those of a trunk are among its settings.
ALTER TABLE phone ADD COLUMN inband_digits TEXT NOT NULL DEFAULT 'auto';
ALTER TABLE phone ADD COLUMN codecs TEXT NOT NULL DEFAULT '';
