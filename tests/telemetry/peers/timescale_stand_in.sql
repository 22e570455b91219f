-- Stand-ins for what Coolwright uses of TimescaleDB, by its reference of 2.13 to 2.17: the signatures as they are
-- documented, so that a wrong name, order or type of an argument fails here as it would there, and of the
-- behavior what can be had in SQL: a unique key must contain the partitioning column, a table with rows wants
-- migrate_data, a repeated call wants if_not_exists, and drop_chunks drops whole partitions and nothing else.
-- The option timescaledb.compress of ALTER TABLE cannot be had without the extension's library.
CREATE TABLE told (n serial PRIMARY KEY, call text NOT NULL, relation text, argument text);
CREATE TABLE partitioned (relation regclass PRIMARY KEY, by_column name NOT NULL, width bigint NOT NULL,
                          now_func regproc);
CREATE TYPE dimension_info AS (by_column name, width bigint);

CREATE FUNCTION by_range(column_name name, partition_interval bigint DEFAULT NULL, partition_func regproc DEFAULT NULL)
RETURNS dimension_info LANGUAGE sql IMMUTABLE AS $$ SELECT ROW(column_name, partition_interval)::dimension_info $$;

CREATE FUNCTION create_hypertable(relation regclass, dimension dimension_info,
                                  create_default_indexes boolean DEFAULT true,
                                  if_not_exists boolean DEFAULT false, migrate_data boolean DEFAULT false)
RETURNS TABLE (hypertable_id integer, created boolean) LANGUAGE plpgsql AS $$
DECLARE rows_there boolean;
BEGIN
  INSERT INTO told (call, relation, argument) VALUES ('create_hypertable', relation::text, dimension::text);
  IF EXISTS (SELECT 1 FROM partitioned p WHERE p.relation = create_hypertable.relation) THEN
    IF NOT if_not_exists THEN RAISE 'table "%" is already a hypertable', relation; END IF;
    RETURN QUERY SELECT 1, false;
    RETURN;
  END IF;
  IF EXISTS (SELECT 1 FROM pg_index i WHERE i.indrelid = create_hypertable.relation AND i.indisunique AND NOT EXISTS (
      SELECT 1 FROM pg_attribute a WHERE a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
        AND a.attname = dimension.by_column)) THEN
    RAISE 'cannot create a unique index without the column "%" (used in partitioning)', dimension.by_column;
  END IF;
  EXECUTE format('SELECT EXISTS (SELECT 1 FROM %s)', relation) INTO rows_there;
  IF rows_there AND NOT migrate_data THEN RAISE 'table "%" is not empty', relation; END IF;
  INSERT INTO partitioned VALUES (relation, dimension.by_column, dimension.width);
  RETURN QUERY SELECT 1, true;
END $$;

CREATE FUNCTION set_integer_now_func(hypertable regclass, integer_now_func regproc,
                                     replace_if_exists boolean DEFAULT false)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO told (call, relation, argument) VALUES ('set_integer_now_func', hypertable::text, integer_now_func::text);
  UPDATE partitioned SET now_func = integer_now_func
   WHERE relation = hypertable AND (now_func IS NULL OR replace_if_exists);
  IF NOT FOUND THEN RAISE 'integer_now_func already set, or no hypertable'; END IF;
END $$;

CREATE FUNCTION add_compression_policy(hypertable regclass, compress_after anyelement,
                                       if_not_exists boolean DEFAULT false)
RETURNS integer LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO told (call, relation, argument)
  VALUES ('add_compression_policy', hypertable::text, compress_after::text || ' ' || pg_typeof(compress_after)::text);
  IF NOT EXISTS (SELECT 1 FROM partitioned WHERE relation = hypertable AND now_func IS NOT NULL) THEN
    RAISE 'integer_now function not set on hypertable "%"', hypertable;
  END IF;
  RETURN 1000;
END $$;

CREATE FUNCTION drop_chunks(relation regclass, older_than anyelement)
RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE known partitioned; dropped bigint;
BEGIN
  INSERT INTO told (call, relation, argument)
  VALUES ('drop_chunks', relation::text, older_than::text || ' ' || pg_typeof(older_than)::text);
  SELECT * INTO known FROM partitioned p WHERE p.relation = drop_chunks.relation;
  IF NOT FOUND THEN RAISE '"%" is not a hypertable', relation; END IF;
  FOR dropped IN EXECUTE format('SELECT DISTINCT %1$I / %2$s FROM %3$s WHERE (%1$I / %2$s + 1) * %2$s <= $1',
                                known.by_column, known.width, relation) USING older_than LOOP
    EXECUTE format('DELETE FROM %s WHERE %I / %s = $1', relation, known.by_column, known.width) USING dropped;
    RETURN NEXT dropped::text;
  END LOOP;
END $$;

-- The administrator's CREATE EXTENSION, as far as a client can see it.
SET allow_system_table_mods = on;
INSERT INTO pg_extension (oid, extname, extowner, extnamespace, extrelocatable, extversion)
SELECT 4242424242, 'timescaledb', oid, 'public'::regnamespace, false, '2.17.2' FROM pg_roles WHERE rolname = current_user;
