-- Template logs: one row a shard here, and six tables of its own for each (log_KEY_...), so that a shard can be scrubbed and a gallery
-- dropped without touching the others. docs/log-format.md explains the columns; times are .NET ticks (100 ns since year 1, UTC) and
-- hash is XxHash3-64 over the row.
CREATE TABLE template_logs (
    key bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    gallery text COLLATE "C" NOT NULL,
    generation bigint NOT NULL,
    shard bigint NOT NULL,
    epoch bigint NOT NULL DEFAULT 0,
    lsn bigint NOT NULL DEFAULT 0,
    identities bigint NOT NULL DEFAULT 0,
    templates bigint NOT NULL DEFAULT 0,
    tombstones bigint NOT NULL DEFAULT 0,
    commits bigint NOT NULL DEFAULT 0,
    outbox bigint NOT NULL DEFAULT 0,
    pruned bigint NOT NULL DEFAULT 0,
    digest bigint NOT NULL DEFAULT 0,
    hash bigint NOT NULL,
    -- What dead rows still lie in the tables' files: of removed templates and identities, of published events.
    dead_people boolean NOT NULL DEFAULT false,
    dead_events boolean NOT NULL DEFAULT false,
    UNIQUE (gallery, generation, shard)
);

CREATE FUNCTION make_template_log(log bigint) RETURNS void LANGUAGE plpgsql AS $make$
BEGIN
    EXECUTE format($ddl$
        CREATE TABLE log_%1$s_templates (
            lsn bigint PRIMARY KEY, id bigint NOT NULL UNIQUE, identity bigint NOT NULL, body bytea NOT NULL);
        CREATE TABLE log_%1$s_identities (
            key bigint PRIMARY KEY, id text COLLATE "C" NOT NULL UNIQUE, lsn bigint NOT NULL UNIQUE, version bigint NOT NULL,
            created bigint NOT NULL, updated bigint NOT NULL, metadata text NOT NULL, members bytea NOT NULL, hash bigint NOT NULL);
        CREATE TABLE log_%1$s_commits (
            lsn bigint PRIMARY KEY, prior bigint NOT NULL, at bigint NOT NULL, identity bigint NOT NULL, owner bigint NOT NULL,
            kind bigint NOT NULL, operation text COLLATE "C" UNIQUE, fingerprint bigint NOT NULL, version bigint NOT NULL,
            templates bytea NOT NULL, was_lsn bigint NOT NULL, was_hash bigint NOT NULL, digest bigint NOT NULL, hash bigint NOT NULL);
        CREATE INDEX ON log_%1$s_commits (identity);
        CREATE TABLE log_%1$s_tombstones (
            lsn bigint PRIMARY KEY, template bigint NOT NULL UNIQUE, added bigint NOT NULL, was_hash bigint NOT NULL, hash bigint NOT NULL);
        CREATE TABLE log_%1$s_outbox (
            lsn bigint PRIMARY KEY, kind bigint NOT NULL, identity text NOT NULL, templates bytea NOT NULL, at bigint NOT NULL, hash bigint NOT NULL);
        $ddl$, log);
END
$make$;

CREATE FUNCTION drop_template_log(log bigint) RETURNS void LANGUAGE plpgsql AS $drop$
BEGIN
    EXECUTE format(
        'DROP TABLE IF EXISTS log_%1$s_templates, log_%1$s_identities, log_%1$s_commits, log_%1$s_tombstones, log_%1$s_outbox', log);
END
$drop$;

-- Writes the live rows of a table into new files and lets the old files go with everything dead in them. A plain VACUUM would free the
-- place and leave the bytes there until something else is written over them; VACUUM FULL would keep dead rows that any old transaction of
-- the database might still see. The column must be a bigint; adding nothing to it is what makes ALTER TABLE rewrite. Readers must hold
-- their lock on the table before they take their snapshot.
CREATE FUNCTION rewrite_table(rewritten text, number_column text) RETURNS void LANGUAGE plpgsql AS $rewrite$
BEGIN
    EXECUTE format('ALTER TABLE %1$I ALTER COLUMN %2$I TYPE bigint USING %2$I + 0', rewritten, number_column);
END
$rewrite$;
