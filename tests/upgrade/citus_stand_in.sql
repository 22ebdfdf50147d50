-- Stands in for the catalog and the functions of Citus that Carillon calls: they keep what they were called for.
CREATE TABLE pg_dist_partition (logicalrel regclass PRIMARY KEY, partmethod "char", repmodel "char", colocated_with text);
CREATE TABLE pg_dist_local_group (groupid integer);
INSERT INTO pg_dist_local_group VALUES (0);

-- As Citus does, refuses a foreign key to a table that isn't distributed yet.
CREATE FUNCTION create_distributed_table(table_name regclass, distribution_column text, colocate_with text DEFAULT 'default')
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM pg_constraint k WHERE k.conrelid = table_name AND k.contype = 'f'
               AND k.confrelid NOT IN (SELECT p.logicalrel FROM pg_dist_partition p)) THEN
        RAISE 'cannot create foreign key constraint';
    END IF;
    DELETE FROM pg_dist_partition WHERE logicalrel = table_name;
    INSERT INTO pg_dist_partition VALUES (table_name, 'h', 's', colocate_with);
END $$;

CREATE FUNCTION create_reference_table(table_name regclass) RETURNS void LANGUAGE sql AS
$$ INSERT INTO pg_dist_partition VALUES (table_name, 'n', 't') $$;

CREATE FUNCTION citus_add_local_table_to_metadata(table_name regclass) RETURNS void LANGUAGE sql AS
$$ INSERT INTO pg_dist_partition VALUES (table_name, 'n', 's') $$;
