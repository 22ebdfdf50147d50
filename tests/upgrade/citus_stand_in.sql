-- Stands in for the catalog and the functions of Citus that Carillon calls: they keep what they were called for.
CREATE TABLE pg_dist_partition (logicalrelid regclass PRIMARY KEY, partmethod "char", repmodel "char", colocated_with text);
CREATE TABLE pg_dist_local_group (groupid integer);
INSERT INTO pg_dist_local_group VALUES (0);

-- As Citus does, refuses a foreign key to a table that isn't distributed yet.
CREATE FUNCTION create_distributed_table(table_name regclass, distribution_column text, colocate_with text DEFAULT 'default')
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM pg_constraint k WHERE k.conrelid = table_name AND k.contype = 'f'
               AND k.confrelid NOT IN (SELECT p.logicalrelid FROM pg_dist_partition p)) THEN
        RAISE 'cannot create foreign key constraint';
    END IF;
    DELETE FROM pg_dist_partition WHERE logicalrelid = table_name;
    INSERT INTO pg_dist_partition VALUES (table_name, 'h', 's', colocate_with);
    -- A shard has the columns, and none of their planner's hints. One is enough here, and it stays empty.
    EXECUTE format('DROP TABLE IF EXISTS %1$s_1; CREATE TABLE %1$s_1 (LIKE %1$s)', table_name);
END $$;

CREATE FUNCTION create_reference_table(table_name regclass) RETURNS void LANGUAGE sql AS
$$ INSERT INTO pg_dist_partition VALUES (table_name, 'n', 't') $$;

CREATE FUNCTION citus_add_local_table_to_metadata(table_name regclass) RETURNS void LANGUAGE sql AS
$$ INSERT INTO pg_dist_partition VALUES (table_name, 'n', 's') $$;

CREATE FUNCTION run_command_on_shards(table_name regclass, command text, OUT shardid bigint, OUT success bool, OUT result text)
RETURNS SETOF record LANGUAGE plpgsql AS $$
BEGIN
    shardid := 1;
    success := true;
    IF command LIKE 'SELECT %' THEN
        EXECUTE format(command, table_name || '_1') INTO result;
    ELSE
        EXECUTE format(command, table_name || '_1');
    END IF;
    RETURN NEXT;
EXCEPTION WHEN OTHERS THEN
    success := false;
    result := SQLERRM;
    RETURN NEXT;
END $$;

-- Three shards: that of account 0, and two more.
CREATE FUNCTION get_shard_id_for_distribution_column(table_name regclass, distribution_value bigint) RETURNS bigint
LANGUAGE sql AS $$ SELECT abs(distribution_value) % 3 $$;
