namespace FaceSearch.FaultBench.Servers;

/// <summary>
/// A trigger on the table of logs, in the harness's own database, that notes which process (by the name of its connection) wrote under which epoch.
/// It sees only what was committed, in the order of the row's lock.
/// </summary>
internal static class Audit
{
    public static Task InstallAsync(FaultDatabase postgres) => postgres.ExecuteAsync("""
        CREATE SCHEMA audit;
        CREATE TABLE audit.heads (id bigserial PRIMARY KEY, log bigint NOT NULL, epoch bigint NOT NULL, lsn bigint NOT NULL, writer text NOT NULL, at timestamptz NOT NULL DEFAULT clock_timestamp());
        CREATE FUNCTION audit.note() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
        BEGIN
            INSERT INTO audit.heads (log, epoch, lsn, writer) VALUES (NEW.key, NEW.epoch, NEW.lsn, current_setting('application_name'));
            RETURN NULL;
        END $$;
        CREATE TRIGGER note AFTER INSERT OR UPDATE ON facesearch.template_logs FOR EACH ROW EXECUTE FUNCTION audit.note();
        """);

    /// <summary>What is wrong with the history of epochs; empty: nothing. Each epoch of a shard has one writer, and epochs and log positions never go back.</summary>
    public static async Task<List<string>> FindAsync(FaultDatabase postgres)
    {
        return Find(await postgres.QueryAsync("SELECT log, epoch, lsn, writer FROM audit.heads ORDER BY log, id", r => (r.GetInt64(0), r.GetInt64(1), r.GetInt64(2), r.GetString(3))));
    }

    /// <param name="heads">By log, in the order in which they were written.</param>
    internal static List<string> Find(IEnumerable<(long Log, long Epoch, long Lsn, string Writer)> heads)
    {
        List<string> wrong = [];
        (long Log, long Epoch, long Lsn, string Writer) last = (-1, 0, 0, "");
        foreach ((long log, long epoch, long lsn, string writer) in heads)
        {
            if (log == last.Log && epoch < last.Epoch)
                wrong.Add($"two epochs: log {log}: {writer} wrote under epoch {epoch} after {last.Writer} under {last.Epoch}");
            if (log == last.Log && epoch == last.Epoch && epoch > 0 && writer != last.Writer)
                wrong.Add($"two writers: log {log}, epoch {epoch}: {last.Writer} and {writer}");
            if (log == last.Log && lsn < last.Lsn)
                wrong.Add($"log {log} went back from {last.Lsn} to {lsn}");
            last = (log, epoch, lsn, writer);
        }
        return wrong;
    }

    public static async Task<long> EpochsAsync(FaultDatabase postgres) => (long)(await postgres.ExecuteAsync("SELECT coalesce(sum(epoch), 0)::bigint FROM facesearch.template_logs"))!;
}
