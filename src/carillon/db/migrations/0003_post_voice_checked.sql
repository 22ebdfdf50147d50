-- Reads the tables, but lets everybody write meanwhile.
ALTER TABLE suppression VALIDATE CONSTRAINT suppression_channel_check;
ALTER TABLE suppression_entry VALIDATE CONSTRAINT suppression_entry_channel_check;
