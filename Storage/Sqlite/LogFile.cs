using System.Buffers.Binary;
using FaceSearch.Storage.Files;
using Microsoft.Data.Sqlite;

namespace FaceSearch.Storage.Sqlite;

/// <summary>Makes, checks and opens a log's files.</summary>
internal static class LogFile
{
    public const string Database = "log.db", Wal = "log.db-wal", Mark = "log.ack";

    /// <summary>Makes an empty log beside its place and renames it in: a log folder is complete or absent.</summary>
    public static void Create(ShardId shard, string folder) => CreateAsync(shard, folder, writer =>
    {
        writer.Begin();
        writer.SaveMeta(new MetaRow { Shard = shard });
        writer.Commit();
        return Task.CompletedTask;
    }).GetAwaiter().GetResult();

    /// <summary>As above with content, which must end with a head.</summary>
    public static async Task CreateAsync(ShardId shard, string folder, Func<LogWriter, Task> fill)
    {
        string parent = Path.GetDirectoryName(folder)!;
        DurableFolder.Create(parent);
        string draft = Path.Combine(parent, DurableFolder.DoomedPrefix + Guid.NewGuid().ToString("n"));
        Directory.CreateDirectory(draft);
        string file = Path.Combine(draft, Database);
        File.WriteAllBytes(file, []);
        using (var bare = new SqliteConnection($"Data Source={file};Pooling=False"))
        {
            bare.Open();
            foreach (string sql in (IEnumerable<string>)[.. LogSchema.Creation, "BEGIN", .. LogSchema.Statements, "COMMIT", "PRAGMA journal_mode=WAL"])
            {
                using var statement = new Statement(bare, sql, 0);
                statement.Run();
            }
        }
        MetaRow head;
        using (var writer = new LogWriter(shard, file))
        {
            await fill(writer).ConfigureAwait(false);
            head = writer.State;
        }
        using (var mark = AcknowledgementMark.Open(Path.Combine(draft, Mark)))
            mark.Write(head.Lsn, head.Digest);
        DurableFolder.Flush(draft);
        DurableFolder.Rename(draft, folder);
    }

    /// <summary>
    /// Looks at the raw files before SQLite may change them. Only for a log that nobody has open: closing a file drops
    /// the locks that SQLite holds on it in the same process.
    /// </summary>
    /// <returns>What recovery will discard; null if nothing.</returns>
    public static string? Inspect(ShardId shard, string folder)
    {
        CheckHeader(shard, Path.Combine(folder, Database));
        WalFile.Report wal = WalFile.Inspect(Path.Combine(folder, Wal));
        if (wal.Damage is { } damage)
            throw new LogDamagedException(shard, damage);
        return wal.TornBytes == 0 ? null
            : $"{wal.TornBytes} bytes ({wal.TornFrames} frames) after the last complete commit were discarded from the write-ahead log.";
    }

    /// <summary>Compares what recovery left with the checksums, the schema and the acknowledgement mark. Needs an open transaction.</summary>
    public static string? Check(LogConnection log, MetaRow head, AcknowledgementMark mark)
    {
        CheckSchema(log);
        if (head.Shard != log.Shard)
            throw log.Damaged($"it belongs to shard {head.Shard}");
        CommitRow? last = head.Lsn == 0 ? null : log.CommitAt(head.Lsn) ?? throw log.Damaged("its last commit row is missing");
        if ((last?.Digest ?? 0) != head.Digest)
            throw log.Damaged("its digest is not that of its last commit");
        if (mark.Read(out bool markDamaged) is not { } acknowledged)
            return markDamaged ? "The acknowledgement mark was missing or unreadable and has been made anew." : null;
        if (acknowledged.Lsn > head.Lsn)
            throw log.Damaged($"it ends at LSN {head.Lsn}, but commits up to LSN {acknowledged.Lsn} had been acknowledged");
        ulong digest = acknowledged.Lsn == 0 ? 0 : log.CommitAt(acknowledged.Lsn)?.Digest ?? throw log.Damaged("an acknowledged commit row is missing");
        return digest == acknowledged.Digest ? null : throw log.Damaged($"its history at LSN {acknowledged.Lsn} is not the acknowledged one");
    }

    /// <summary>Copies the write-ahead log into the database without waiting. False if readers keep it from finishing.</summary>
    public static bool Checkpoint(LogConnection log, string mode)
    {
        log.Execute("PRAGMA busy_timeout=0");
        try
        {
            return TryCheckpoint(log, mode);
        }
        finally
        {
            log.Execute(LogConnection.Patience);
        }
    }

    private static bool TryCheckpoint(LogConnection log, string mode)
    {
        using var statement = new Statement(log.Connection, $"PRAGMA wal_checkpoint({mode})", 0);
        using SqliteDataReader r = statement.Query();
        return r.Read() && r.GetInt64(0) == 0;
    }

    private static void CheckSchema(LogConnection log)
    {
        var stored = new List<string>();
        using (var schema = new Statement(log.Connection, "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL", 0))
        using (SqliteDataReader r = schema.Query())
        {
            while (r.Read())
                stored.Add(r.GetString(0));
        }
        if (!stored.Order(StringComparer.Ordinal).SequenceEqual(LogSchema.Statements.Order(StringComparer.Ordinal)))
            throw log.Damaged($"its schema is not version {LogSchema.Version}");
        if (log.Scalar("PRAGMA journal_mode") is not "wal")
            throw log.Damaged("it is not in write-ahead mode");
    }

    /// <summary>The constant bytes of SQLite's file header (sqlite.org/fileformat2.html, section 1.3).</summary>
    private static void CheckHeader(ShardId shard, string file)
    {
        if (!File.Exists(file))
            throw new LogDamagedException(shard, $"{Database} is missing");
        Span<byte> h = stackalloc byte[100];
        using FileStream stream = new(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, 0);
        if (stream.ReadAtLeast(h, h.Length, throwOnEndOfStream: false) < h.Length)
            throw new LogDamagedException(shard, $"{Database} has only {stream.Length} bytes");
        if (!h.StartsWith("SQLite format 3\0"u8) || BinaryPrimitives.ReadUInt16BigEndian(h[16..]) != LogSchema.PageSize
            || !h[18..24].SequenceEqual((ReadOnlySpan<byte>)[2, 2, 0, 64, 32, 32]) || U32(h[44..]) != 4 || U32(h[52..]) != 0
            || U32(h[56..]) != 1 || U32(h[64..]) != 0 || U32(h[68..]) != LogSchema.ApplicationId)
            throw new LogDamagedException(shard, $"the file header of {Database}");
        if (U32(h[60..]) is var version && version != LogSchema.Version)
            throw new LogDamagedException(shard, $"{Database} says schema version {version}; this program knows {LogSchema.Version}");
    }

    private static uint U32(ReadOnlySpan<byte> at) => BinaryPrimitives.ReadUInt32BigEndian(at);
}
