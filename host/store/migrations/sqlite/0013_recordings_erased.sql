-- A recording that was deleted is a row in state 'gone' until its audio is erased.
CREATE INDEX recording_gone ON recording (id) WHERE state = 'gone';
