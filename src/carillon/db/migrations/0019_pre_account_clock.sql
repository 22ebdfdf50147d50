-- An account may have a clock of its own: the real time plus an offset, which a sandbox moves forward.
ALTER TABLE account ADD COLUMN clock_offset interval NOT NULL DEFAULT '0';
