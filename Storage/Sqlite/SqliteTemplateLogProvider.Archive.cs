using System.Runtime.CompilerServices;
using FaceSearch.Storage.Backup;
using Microsoft.Data.Sqlite;

namespace FaceSearch.Storage.Sqlite;

public sealed partial class SqliteTemplateLogProvider : ILogArchive
{
    Task<IReadOnlyList<ShardId>> ILogArchive.ListAsync(string? gallery, CancellationToken cancellationToken) =>
        Task.FromResult<IReadOnlyList<ShardId>>([.. data.Shards().Where(s => gallery is null || s.Gallery == gallery)]);

    async IAsyncEnumerable<LogChunk> ILogArchive.ExportAsync(ShardId shard, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        string folder = data.ShardLog(shard);
        using Reading reading = await OpenToReadAsync(shard, folder, cancellationToken).ConfigureAwait(false);
        using LogConnection log = reading.Log;
        using IEnumerator<LogChunk> chunks = LogRowCopy.Read(log).GetEnumerator();
        while (Next())
        {
            cancellationToken.ThrowIfCancellationRequested();
            yield return chunks.Current;
        }

        bool Next()
        {
            try
            {
                return chunks.MoveNext();
            }
            catch (SqliteException e)
            {
                throw SqliteErrors.Translate(shard, e);
            }
        }
    }

    async Task ILogArchive.ImportAsync(MetaRow head, IAsyncEnumerable<LogChunk> rows, CancellationToken cancellationToken)
    {
        string folder = data.ShardLog(head.Shard);
        await Opening.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (Directory.Exists(folder))
                throw new BackupRefusedException($"Shard {head.Shard} has a log already.");
            await LogFile.CreateAsync(head.Shard, folder, writer => LogRowCopy.WriteAsync(writer, head, rows, cancellationToken)).ConfigureAwait(false);
        }
        catch (Exception e) when (SqliteErrors.Translate(head.Shard, e) is var translated && !ReferenceEquals(translated, e))
        {
            throw translated;
        }
        finally
        {
            Opening.Release();
        }
    }

    /// <summary>A reading connection. A log that this process has not open is looked at first, as at an opening, but keeps its epoch.</summary>
    private static async Task<Reading> OpenToReadAsync(ShardId shard, string folder, CancellationToken cancellationToken)
    {
        await Opening.WaitAsync(cancellationToken).ConfigureAwait(false);
        LogConnection? log = null;
        try
        {
            bool owned;
            lock (Open)
                owned = Open.ContainsKey(folder) || Readings.ContainsKey(folder);
            string? torn = owned ? null : LogFile.Inspect(shard, folder);
            log = new LogConnection(shard, Path.Combine(folder, LogFile.Database), write: false);
            if (!owned)
            {
                using AcknowledgementMark mark = AcknowledgementMark.Open(Path.Combine(folder, LogFile.Mark));
                log.Begin();
                LogFile.Check(log, log.Meta(), mark);
                log.Rollback();
            }
            return new Reading(folder, log, torn);
        }
        catch (Exception e)
        {
            log?.Dispose();
            if (SqliteErrors.Translate(shard, e) is var translated && !ReferenceEquals(translated, e))
                throw translated;
            throw;
        }
        finally
        {
            Opening.Release();
        }
    }

    /// <summary>
    /// A log that is being copied. Whoever opens it meanwhile does not look at its raw files: that would drop SQLite's locks on them, and
    /// the copy has looked already.
    /// </summary>
    private sealed class Reading : IDisposable
    {
        private readonly string _folder;

        public Reading(string folder, LogConnection log, string? torn)
        {
            (_folder, Log, Torn) = (folder, log, torn);
            lock (Open)
            {
                if (!Readings.TryGetValue(folder, out List<Reading>? readings))
                    Readings[folder] = readings = [];
                readings.Add(this);
            }
        }

        public LogConnection Log { get; }

        /// <summary>What recovery discarded when the copy opened the log.</summary>
        public string? Torn { get; }

        public void Dispose()
        {
            lock (Open)
            {
                List<Reading> readings = Readings[_folder];
                readings.Remove(this);
                if (readings.Count == 0)
                    Readings.Remove(_folder);
            }
        }
    }
}
