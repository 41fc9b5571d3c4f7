namespace FaceSearch.Storage.Sqlite;

/// <summary>Schema version 1 of <c>log.db</c>; docs/log-format.md explains it. The stored text must be this text, letter for letter.</summary>
internal static class LogSchema
{
    /// <summary>Bytes a page; the write-ahead log is parsed with it.</summary>
    public const int PageSize = 4096;

    /// <summary>"FSlg", SQLite's application id.</summary>
    public const int ApplicationId = 0x46536C67;

    public const int Version = 1;

    public static IReadOnlyList<string> Statements { get; } =
    [
        """
        CREATE TABLE meta (one INTEGER PRIMARY KEY, gallery TEXT NOT NULL, generation INTEGER NOT NULL, shard INTEGER NOT NULL,
        epoch INTEGER NOT NULL, lsn INTEGER NOT NULL, identities INTEGER NOT NULL, templates INTEGER NOT NULL,
        tombstones INTEGER NOT NULL, commits INTEGER NOT NULL, outbox INTEGER NOT NULL, pruned INTEGER NOT NULL,
        digest INTEGER NOT NULL, hash INTEGER NOT NULL)
        """,
        "CREATE TABLE templates (lsn INTEGER PRIMARY KEY, id INTEGER NOT NULL, identity INTEGER NOT NULL, body BLOB NOT NULL)",
        "CREATE UNIQUE INDEX templates_by_id ON templates (id)",
        """
        CREATE TABLE identities (key INTEGER PRIMARY KEY, id TEXT NOT NULL, lsn INTEGER NOT NULL, version INTEGER NOT NULL,
        created INTEGER NOT NULL, updated INTEGER NOT NULL, metadata TEXT NOT NULL, members BLOB NOT NULL, hash INTEGER NOT NULL)
        """,
        "CREATE UNIQUE INDEX identities_by_id ON identities (id)",
        "CREATE INDEX identities_by_id_twin ON identities (id, key)",
        "CREATE INDEX identities_by_lsn ON identities (lsn)",
        """
        CREATE TABLE commits (lsn INTEGER PRIMARY KEY, prior INTEGER NOT NULL, at INTEGER NOT NULL, identity INTEGER NOT NULL,
        owner INTEGER NOT NULL, kind INTEGER NOT NULL, operation TEXT, fingerprint INTEGER NOT NULL, version INTEGER NOT NULL,
        templates BLOB NOT NULL, was_lsn INTEGER NOT NULL, was_hash INTEGER NOT NULL, digest INTEGER NOT NULL, hash INTEGER NOT NULL)
        """,
        "CREATE UNIQUE INDEX commits_by_operation ON commits (operation)",
        "CREATE INDEX commits_by_identity ON commits (identity, operation)",
        """
        CREATE TABLE tombstones (lsn INTEGER PRIMARY KEY, template INTEGER NOT NULL, added INTEGER NOT NULL,
        was_hash INTEGER NOT NULL, hash INTEGER NOT NULL)
        """,
        """
        CREATE TABLE outbox (lsn INTEGER PRIMARY KEY, kind INTEGER NOT NULL, identity TEXT NOT NULL, templates BLOB NOT NULL,
        at INTEGER NOT NULL, hash INTEGER NOT NULL)
        """,
    ];

    /// <summary>Pragmas of a new, empty database, before its first table.</summary>
    public static IReadOnlyList<string> Creation { get; } =
    [
        $"PRAGMA page_size={PageSize}",
        "PRAGMA encoding='UTF-8'",
        "PRAGMA auto_vacuum=NONE",
        $"PRAGMA application_id={ApplicationId}",
        $"PRAGMA user_version={Version}",
    ];
}
