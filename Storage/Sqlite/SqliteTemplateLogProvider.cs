using FaceSearch.Storage.Files;

namespace FaceSearch.Storage.Sqlite;

/// <summary>Settings of <see cref="SqliteTemplateLogProvider"/>.</summary>
public sealed record SqliteTemplateLogOptions
{
    /// <summary>How long the id of an operation is remembered for idempotency. Default 30 days.</summary>
    public TimeSpan OperationRetention { get; init; } = TimeSpan.FromDays(30);
}

/// <summary>
/// Template logs as SQLite files, one a shard, under a data folder (docs/log-format.md). One process at a time: see
/// <see cref="DataFolderLock"/>.
/// </summary>
public sealed partial class SqliteTemplateLogProvider(DataFolder data, TimeProvider time, SqliteTemplateLogOptions? options = null) : ITemplateLogProvider
{
    /// <summary>Open handles of this process by folder, whichever provider opened them.</summary>
    private static readonly Dictionary<string, HashSet<SqliteTemplateLog>> Open = [];
    private static readonly Dictionary<string, List<Reading>> Readings = [];
    private static readonly SemaphoreSlim Opening = new(1);
    private readonly SqliteTemplateLogOptions _options = options ?? new();

    public string Description => $"SQLite files under {data.Root}";

    public async ValueTask<ITemplateLog> OpenAsync(ShardId shard, CancellationToken cancellationToken = default)
    {
        string folder = data.ShardLog(shard);
        await Opening.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            return await Task.Run(() => OpenLog(shard, folder), CancellationToken.None).ConfigureAwait(false);
        }
        catch (Exception e) when (SqliteErrors.Translate(shard, e) is var translated && !ReferenceEquals(translated, e))
        {
            throw translated;
        }
        finally
        {
            Opening.Release();
        }
    }

    public ILogFollower Follow(ShardId shard) => new SqliteLogFollower(shard, Path.Combine(data.ShardLog(shard), LogFile.Database));

    public ValueTask DeleteGalleryAsync(string gallery, CancellationToken cancellationToken = default) => DeleteAsync(data.GalleryLogs(gallery), cancellationToken);

    public ValueTask DeleteGenerationAsync(string gallery, int generation, CancellationToken cancellationToken = default) =>
        DeleteAsync(data.GenerationLogs(gallery, generation), cancellationToken);

    private static async ValueTask DeleteAsync(string folder, CancellationToken cancellationToken)
    {
        await Opening.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            FenceUnder(folder);
            await Task.Run(() => DurableFolder.Delete(folder), CancellationToken.None).ConfigureAwait(false);
        }
        finally
        {
            Opening.Release();
        }
    }

    private SqliteTemplateLog OpenLog(ShardId shard, string folder)
    {
        string? torn = null;
        bool owned = FenceUnder(folder); // Stopping them here spares a wait for their transactions; other processes meet the epoch.
        List<Reading>? readings;
        lock (Open)
            Readings.TryGetValue(folder, out readings);
        if (readings is not null)
        {
            torn = readings[0].Torn;
        }
        else if (!owned)
        {
            if (!Directory.Exists(folder))
                LogFile.Create(shard, folder);
            torn = LogFile.Inspect(shard, folder);
        }
        string file = Path.Combine(folder, LogFile.Database);
        LogWriter? writer = null;
        AcknowledgementMark? mark = null;
        try
        {
            writer = new LogWriter(shard, file);
            mark = AcknowledgementMark.Open(Path.Combine(folder, LogFile.Mark));
            string? notice = TakeOver(writer, mark);
            // Whatever the write-ahead log holds is copied and flushed anew: after a failed flush its pages may be in memory only.
            LogFile.Checkpoint(writer, "TRUNCATE");
            var log = new SqliteTemplateLog(shard, file, writer.State, Join(torn, notice),
                new GroupCommit(writer, mark, writer.State, time, _options.OperationRetention), log => Closed(folder, log));
            lock (Open)
            {
                if (!Open.TryGetValue(folder, out HashSet<SqliteTemplateLog>? logs))
                    Open[folder] = logs = [];
                logs.Add(log);
            }
            return log;
        }
        catch
        {
            mark?.Dispose();
            writer?.Dispose();
            throw;
        }
    }

    /// <summary>Checks what is stored and raises the epoch, in one transaction.</summary>
    private static string? TakeOver(LogWriter writer, AcknowledgementMark mark)
    {
        writer.BeginUnder(epoch: null);
        string? notice = LogFile.Check(writer, writer.State, mark);
        writer.SaveMeta(writer.State with { Epoch = writer.State.Epoch + 1 });
        writer.Commit();
        if (notice is not null)
            mark.Reset();
        mark.Write(writer.State.Lsn, writer.State.Digest);
        return notice;
    }

    /// <summary>Stops this process's handles on logs in a folder; false if there are none.</summary>
    private static bool FenceUnder(string folder)
    {
        lock (Open)
        {
            List<SqliteTemplateLog> logs = [.. Open.Where(o => o.Key == folder || o.Key.StartsWith(folder + Path.DirectorySeparatorChar, StringComparison.Ordinal))
                .SelectMany(o => o.Value)];
            logs.ForEach(log => log.Fence());
            return logs.Count > 0;
        }
    }

    private static string? Join(string? first, string? second) => first is null ? second : second is null ? first : $"{first} {second}";

    private static void Closed(string folder, SqliteTemplateLog log)
    {
        lock (Open)
        {
            HashSet<SqliteTemplateLog> logs = Open[folder];
            logs.Remove(log);
            if (logs.Count == 0)
                Open.Remove(folder);
        }
    }
}
