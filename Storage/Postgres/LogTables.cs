using System.Globalization;
using FaceSearch.Storage.Logs;

namespace FaceSearch.Storage.Postgres;

/// <summary>The names of one log's tables and the statements on them.</summary>
internal sealed class LogTables(long key)
{
    public const string SelectMeta = $"SELECT {RowReader.MetaColumns} FROM template_logs WHERE key = $1";

    public long Key { get; } = key;

    public string Templates { get; } = Name(key, "templates");

    public string Identities { get; } = Name(key, "identities");

    public string Commits { get; } = Name(key, "commits");

    public string Tombstones { get; } = Name(key, "tombstones");

    public string Outbox { get; } = Name(key, "outbox");

    public string SelectTemplates => $"SELECT {RowReader.TemplateColumns} FROM {Templates}";

    public string SelectIdentities => $"SELECT {RowReader.IdentityColumns} FROM {Identities}";

    public string SelectCommits => $"SELECT {RowReader.CommitColumns} FROM {Commits}";

    public string SelectTombstones => $"SELECT {RowReader.TombstoneColumns} FROM {Tombstones}";

    public string SelectOutbox => $"SELECT {RowReader.OutboxColumns} FROM {Outbox}";

    /// <summary>
    /// Holds off a rewrite, before the transaction takes its snapshot: rows that a rewrite wrote are invisible to older snapshots.
    /// </summary>
    public string LockForReading => $"LOCK TABLE {Templates}, {Identities}, {Commits}, {Tombstones}, {Outbox} IN ACCESS SHARE MODE";

    private static string Name(long key, string table) => string.Create(CultureInfo.InvariantCulture, $"log_{key}_{table}");
}
