using FaceSearch.Storage.Sqlite;

namespace FaceSearch.Storage.Logs;

/// <summary>
/// The rows of a log as <see cref="ChangeApplier"/> sees and changes them inside one transaction. Rows that were read have been compared
/// with their checksums.
/// </summary>
internal interface ILogTables
{
    ShardId Shard { get; }

    RowHasher Hasher { get; }

    /// <summary>The commit that carried an operation id.</summary>
    CommitRow? FindOperation(string operation, ulong identity);

    IdentityRow? FindIdentity(string id);

    /// <summary>The live templates of an identity, oldest first.</summary>
    List<TemplateRow> Members(IdentityRow identity);

    /// <summary>Whether a template id is or was in use.</summary>
    bool Exists(TemplateId id);

    /// <summary>The commits of one life of an identity.</summary>
    IReadOnlyList<CommitRow> CommitsOf(ulong identity, long owner);

    /// <summary>The oldest commits after an LSN.</summary>
    IReadOnlyList<CommitRow> OldCommits(long after, int limit);

    void PutTemplate(TemplateRow row);

    void RemoveTemplate(TemplateRow row);

    /// <param name="row">The row as it is to be.</param>
    /// <param name="isNew">Whether there is none with its key yet.</param>
    void PutIdentity(IdentityRow row, bool isNew);

    void DropIdentity(IdentityRow row);

    void PutCommit(CommitRow row);

    /// <summary>Replaces kind, operation, fingerprint, version and templates of a commit.</summary>
    void RewriteCommit(CommitRow row);

    void PutTombstone(TombstoneRow row);

    void PutOutbox(OutboxRow row);
}
