-- Whether a credential was bound to its audience by whoever made it. What an earlier version has made, or makes until it is gone,
-- is read as bound unless the audience is the default one.
ALTER TABLE credential ADD COLUMN confined boolean;
