-- Snapshots: the manifest row is written last; the files lie in a table of their own (snapshot_KEY), which is dropped with the snapshot.
CREATE TABLE snapshots (
    key bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    gallery text COLLATE "C" NOT NULL,
    generation bigint NOT NULL,
    shard bigint NOT NULL,
    name text COLLATE "C" NOT NULL UNIQUE,
    manifest bytea NOT NULL
);
CREATE INDEX ON snapshots (gallery, generation, shard);

CREATE FUNCTION make_snapshot(snapshot bigint) RETURNS void LANGUAGE plpgsql AS $make$
BEGIN
    EXECUTE format($ddl$
        CREATE TABLE snapshot_%1$s (file text COLLATE "C" NOT NULL, number bigint NOT NULL, bytes bytea NOT NULL, PRIMARY KEY (file, number));
        ALTER TABLE snapshot_%1$s ALTER COLUMN bytes SET STORAGE EXTERNAL;
        $ddl$, snapshot);
END
$make$;

CREATE FUNCTION drop_snapshot(snapshot bigint) RETURNS void LANGUAGE plpgsql AS $drop$
BEGIN
    EXECUTE format('DROP TABLE IF EXISTS snapshot_%1$s', snapshot);
END
$drop$;

-- Retained images: three tables a gallery (crops_KEY_...). What is in them is sealed; the master key is not in the database.
CREATE TABLE crop_galleries (
    key bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    gallery text COLLATE "C" NOT NULL UNIQUE,
    -- Keys were ended whose dead rows still lie in the tables' files.
    dead_keys boolean NOT NULL DEFAULT false
);
CREATE SEQUENCE crop_people;

CREATE FUNCTION make_crops(crops bigint) RETURNS void LANGUAGE plpgsql AS $make$
BEGIN
    EXECUTE format($ddl$
        CREATE TABLE crops_%1$s_people (key bigint PRIMARY KEY, person bytea NOT NULL UNIQUE, wrapped bytea NOT NULL);
        CREATE TABLE crops_%1$s_keys (template bigint PRIMARY KEY, person bigint NOT NULL, live boolean NOT NULL, wrapped bytea NOT NULL);
        CREATE INDEX ON crops_%1$s_keys (person) WHERE live;
        CREATE TABLE crops_%1$s_images (template bigint NOT NULL, kind bigint NOT NULL, body bytea NOT NULL, PRIMARY KEY (template, kind));
        ALTER TABLE crops_%1$s_images ALTER COLUMN body SET STORAGE EXTERNAL;
        $ddl$, crops);
END
$make$;

CREATE FUNCTION drop_crops(crops bigint) RETURNS void LANGUAGE plpgsql AS $drop$
BEGIN
    EXECUTE format('DROP TABLE IF EXISTS crops_%1$s_people, crops_%1$s_keys, crops_%1$s_images', crops);
END
$drop$;
