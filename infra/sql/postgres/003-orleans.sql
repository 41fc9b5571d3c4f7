-- What the ADO.NET providers of Orleans 10.4 ask a database for: statements by key, with the parameters and result columns that
-- the providers bind and read. The statements below and the tables behind them are ours.
CREATE TABLE OrleansQuery (QueryKey text PRIMARY KEY, QueryText text NOT NULL);

-- Cluster membership: one versioned row a cluster, one row a silo.
CREATE TABLE clusters (
    deployment_id text PRIMARY KEY,
    version integer NOT NULL DEFAULT 0,
    changed_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE silos (
    deployment_id text NOT NULL REFERENCES clusters,
    address text NOT NULL,
    port integer NOT NULL,
    generation integer NOT NULL,
    silo_name text NOT NULL,
    host_name text NOT NULL,
    status integer NOT NULL,
    proxy_port integer NOT NULL,
    suspect_times text,
    start_time timestamptz NOT NULL,
    i_am_alive_time timestamptz NOT NULL,
    PRIMARY KEY (deployment_id, address, port, generation)
);

-- Both answer whether the change was made: the table must still have the version that the caller saw.
CREATE FUNCTION insert_silo(
    deployment text, silo_address text, silo_port integer, silo_generation integer, name text, host text, new_status integer,
    gateway_port integer, started timestamptz, alive timestamptz, expected integer) RETURNS boolean LANGUAGE plpgsql AS $insert$
BEGIN
    PERFORM FROM clusters WHERE deployment_id = deployment AND version = expected FOR UPDATE;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    INSERT INTO silos VALUES (
        deployment, silo_address, silo_port, silo_generation, name, host, new_status, gateway_port, NULL, started, alive)
        ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    UPDATE clusters SET version = version + 1, changed_at = now() WHERE deployment_id = deployment;
    RETURN true;
END
$insert$;

CREATE FUNCTION update_silo(
    deployment text, silo_address text, silo_port integer, silo_generation integer, new_status integer, suspects text,
    alive timestamptz, expected integer) RETURNS boolean LANGUAGE plpgsql AS $update$
BEGIN
    PERFORM FROM clusters WHERE deployment_id = deployment AND version = expected FOR UPDATE;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    UPDATE silos SET status = new_status, suspect_times = suspects, i_am_alive_time = alive
        WHERE deployment_id = deployment AND address = silo_address AND port = silo_port AND generation = silo_generation;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    UPDATE clusters SET version = version + 1, changed_at = now() WHERE deployment_id = deployment;
    RETURN true;
END
$update$;

CREATE FUNCTION begin_cluster(deployment text) RETURNS boolean LANGUAGE plpgsql AS $begin$
BEGIN
    INSERT INTO clusters (deployment_id) VALUES (deployment) ON CONFLICT DO NOTHING;
    RETURN FOUND;
END
$begin$;

INSERT INTO OrleansQuery VALUES
('InsertMembershipVersionKey', 'SELECT begin_cluster(@DeploymentId)'),
('InsertMembershipKey',
 'SELECT insert_silo(@DeploymentId, @Address, @Port, @Generation, @SiloName, @HostName, @Status, @ProxyPort, @StartTime, @IAmAliveTime, @Version)'),
('UpdateMembershipKey',
 'SELECT update_silo(@DeploymentId, @Address, @Port, @Generation, @Status, @SuspectTimes, @IAmAliveTime, @Version)'),
('UpdateIAmAlivetimeKey',
 'UPDATE silos SET i_am_alive_time = @IAmAliveTime
  WHERE deployment_id = @DeploymentId AND address = @Address AND port = @Port AND generation = @Generation'),
('MembershipReadRowKey',
 'SELECT s.address AS Address, s.port AS Port, s.generation AS Generation, s.silo_name AS SiloName, s.host_name AS HostName,
         s.status AS Status, s.proxy_port AS ProxyPort, s.suspect_times AS SuspectTimes, s.start_time AS StartTime,
         s.i_am_alive_time AS IAmAliveTime, c.version AS Version
  FROM clusters c LEFT JOIN silos s ON s.deployment_id = c.deployment_id AND s.address = @Address AND s.port = @Port AND s.generation = @Generation
  WHERE c.deployment_id = @DeploymentId'),
('MembershipReadAllKey',
 'SELECT s.address AS Address, s.port AS Port, s.generation AS Generation, s.silo_name AS SiloName, s.host_name AS HostName,
         s.status AS Status, s.proxy_port AS ProxyPort, s.suspect_times AS SuspectTimes, s.start_time AS StartTime,
         s.i_am_alive_time AS IAmAliveTime, c.version AS Version
  FROM clusters c LEFT JOIN silos s USING (deployment_id) WHERE c.deployment_id = @DeploymentId'),
('GatewaysQueryKey',
 'SELECT address AS Address, proxy_port AS ProxyPort, generation AS Generation FROM silos
  WHERE deployment_id = @DeploymentId AND status = @Status AND proxy_port > 0'),
('DeleteMembershipTableEntriesKey',
 'WITH gone AS (DELETE FROM silos WHERE deployment_id = @DeploymentId) DELETE FROM clusters WHERE deployment_id = @DeploymentId'),
-- 6 is SiloStatus.Dead.
('CleanupDefunctSiloEntriesKey',
 'DELETE FROM silos WHERE deployment_id = @DeploymentId AND status = 6 AND i_am_alive_time < @IAmAliveTime AND start_time < @IAmAliveTime'),
('CleanupDefunctSiloEntryKey',
 'DELETE FROM silos WHERE deployment_id = @DeploymentId AND address = @Address AND port = @Port AND generation = @Generation AND status = 6
  AND suspect_times IS NOT DISTINCT FROM @SuspectTimes AND start_time = @StartTime AND i_am_alive_time = @IAmAliveTime');

-- Grain state. Versions come from one sequence, so that the ETag of a state that was deleted never fits a later one.
CREATE SEQUENCE grain_versions AS integer CYCLE;

CREATE TABLE grain_states (
    service_id text NOT NULL,
    grain_type text NOT NULL,
    grain_n0 bigint NOT NULL,
    grain_n1 bigint NOT NULL,
    grain_key text NOT NULL,
    version integer NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT now(),
    payload bytea,
    PRIMARY KEY (service_id, grain_type, grain_n0, grain_n1, grain_key)
);

-- The version after the write; null if the stored version is not the expected one.
CREATE FUNCTION write_grain_state(
    service text, type text, n0 bigint, n1 bigint, key text, expected integer, body bytea) RETURNS integer LANGUAGE plpgsql AS $write$
DECLARE
    fresh integer := nextval('grain_versions');
BEGIN
    IF expected IS NULL THEN
        INSERT INTO grain_states (service_id, grain_type, grain_n0, grain_n1, grain_key, version, payload)
            VALUES (service, type, n0, n1, coalesce(key, ''), fresh, body) ON CONFLICT DO NOTHING;
    ELSE
        UPDATE grain_states SET version = fresh, changed_at = now(), payload = body
            WHERE service_id = service AND grain_type = type AND grain_n0 = n0 AND grain_n1 = n1 AND grain_key = coalesce(key, '') AND version = expected;
    END IF;
    RETURN CASE WHEN FOUND THEN fresh END;
END
$write$;

-- As above; something else than the expected version if the row was deleted.
CREATE FUNCTION delete_grain_state(
    service text, type text, n0 bigint, n1 bigint, key text, expected integer) RETURNS integer LANGUAGE plpgsql AS $delete$
BEGIN
    DELETE FROM grain_states
        WHERE service_id = service AND grain_type = type AND grain_n0 = n0 AND grain_n1 = n1 AND grain_key = coalesce(key, '') AND version = expected;
    RETURN CASE WHEN FOUND THEN 0 END;
END
$delete$;

INSERT INTO OrleansQuery VALUES
('ReadFromStorageKey',
 'SELECT payload AS PayloadBinary, version AS Version FROM grain_states
  WHERE service_id = @ServiceId AND grain_type = @GrainTypeString AND grain_n0 = @GrainIdN0 AND grain_n1 = @GrainIdN1
    AND grain_key = coalesce(@GrainIdExtensionString, '''')'),
('WriteToStorageKey',
 'SELECT write_grain_state(@ServiceId, @GrainTypeString, @GrainIdN0, @GrainIdN1, @GrainIdExtensionString, @GrainStateVersion, @PayloadBinary)
  AS NewGrainStateVersion'),
('ClearStorageKey',
 'SELECT write_grain_state(@ServiceId, @GrainTypeString, @GrainIdN0, @GrainIdN1, @GrainIdExtensionString, @GrainStateVersion, NULL)
  AS NewGrainStateVersion'),
('DeleteStorageKey',
 'SELECT delete_grain_state(@ServiceId, @GrainTypeString, @GrainIdN0, @GrainIdN1, @GrainIdExtensionString, @GrainStateVersion)');

-- Reminders.
CREATE TABLE reminders (
    service_id text NOT NULL,
    grain_id text NOT NULL,
    reminder_name text NOT NULL,
    grain_hash integer NOT NULL,
    start_time timestamptz NOT NULL,
    period bigint NOT NULL, -- milliseconds
    version integer NOT NULL,
    PRIMARY KEY (service_id, grain_id, reminder_name)
);
CREATE INDEX ON reminders (service_id, grain_hash);

CREATE FUNCTION delete_reminder(service text, grain text, name text, expected integer) RETURNS boolean LANGUAGE plpgsql AS $delete$
BEGIN
    DELETE FROM reminders WHERE service_id = service AND grain_id = grain AND reminder_name = name AND version = expected;
    RETURN FOUND;
END
$delete$;

INSERT INTO OrleansQuery VALUES
('UpsertReminderRowKey',
 'INSERT INTO reminders VALUES (@ServiceId, @GrainId, @ReminderName, @GrainHash, @StartTime, @Period, 0)
  ON CONFLICT (service_id, grain_id, reminder_name) DO UPDATE SET
    grain_hash = excluded.grain_hash, start_time = excluded.start_time, period = excluded.period, version = reminders.version + 1
  RETURNING version AS Version'),
('ReadReminderRowKey',
 'SELECT grain_id AS GrainId, reminder_name AS ReminderName, start_time AS StartTime, period AS Period, version AS Version FROM reminders
  WHERE service_id = @ServiceId AND grain_id = @GrainId AND reminder_name = @ReminderName'),
('ReadReminderRowsKey',
 'SELECT grain_id AS GrainId, reminder_name AS ReminderName, start_time AS StartTime, period AS Period, version AS Version FROM reminders
  WHERE service_id = @ServiceId AND grain_id = @GrainId'),
('ReadRangeRows1Key',
 'SELECT grain_id AS GrainId, reminder_name AS ReminderName, start_time AS StartTime, period AS Period, version AS Version FROM reminders
  WHERE service_id = @ServiceId AND grain_hash > @BeginHash AND grain_hash <= @EndHash'),
('ReadRangeRows2Key',
 'SELECT grain_id AS GrainId, reminder_name AS ReminderName, start_time AS StartTime, period AS Period, version AS Version FROM reminders
  WHERE service_id = @ServiceId AND (grain_hash > @BeginHash OR grain_hash <= @EndHash)'),
('DeleteReminderRowKey', 'SELECT delete_reminder(@ServiceId, @GrainId, @ReminderName, @Version)'),
('DeleteReminderRowsKey', 'DELETE FROM reminders WHERE service_id = @ServiceId');
