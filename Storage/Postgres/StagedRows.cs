using FaceSearch.Storage.Logs;
using FaceSearch.Storage.Sqlite;

namespace FaceSearch.Storage.Postgres;

/// <summary>
/// The rows that a batch of changes needs, read beforehand, and those it makes, written afterwards: between the two nothing waits for
/// the server, however many changes there are.
/// </summary>
internal sealed class StagedRows(ShardId shard, RowHasher hasher) : ILogTables
{
    private readonly Dictionary<string, CommitRow> _operations = new(StringComparer.Ordinal);
    private readonly Dictionary<string, IdentityRow> _identities = new(StringComparer.Ordinal);
    private readonly Dictionary<long, TemplateRow> _templates = [];
    private readonly Dictionary<(ulong Identity, long Owner), SortedDictionary<long, CommitRow>> _histories = [];
    private readonly HashSet<long> _taken = [];
    private readonly List<CommitRow> _old = [];
    private readonly SortedDictionary<long, TemplateRow> _newTemplates = [];
    private readonly Dictionary<long, IdentityRow> _newIdentities = [], _changedIdentities = [];
    private readonly SortedDictionary<long, CommitRow> _newCommits = [];
    private readonly Dictionary<long, CommitRow> _rewrittenCommits = [];

    public ShardId Shard { get; } = shard;

    public RowHasher Hasher { get; } = hasher;

    public List<TemplateRow> NewTemplates => [.. _newTemplates.Values];

    public List<long> RemovedTemplates { get; } = [];

    public List<IdentityRow> NewIdentities => [.. _newIdentities.Values.OrderBy(i => i.Key)];

    public List<IdentityRow> ChangedIdentities => [.. _changedIdentities.Values.OrderBy(i => i.Key)];

    public List<long> DroppedIdentities { get; } = [];

    public List<CommitRow> NewCommits => [.. _newCommits.Values];

    public List<CommitRow> RewrittenCommits => [.. _rewrittenCommits.Values.OrderBy(c => c.Lsn)];

    public List<TombstoneRow> NewTombstones { get; } = [];

    public List<OutboxRow> NewOutbox { get; } = [];

    /// <summary>Whether rows of people were removed, in this transaction or from what was made in it.</summary>
    public bool HasRemoved => NewTombstones.Count > 0 || DroppedIdentities.Count > 0;

    public void Read(IdentityRow row) => _identities.Add(row.Id, row);

    public void Read(TemplateRow row) => _templates.Add(row.Lsn, row);

    public void ReadTaken(long template) => _taken.Add(template);

    public void ReadOperation(CommitRow row) => _operations.Add(row.Operation!, row);

    public void ReadHistory(CommitRow row) => History(row)[row.Lsn] = row;

    public void ReadOld(CommitRow row) => _old.Add(row);

    public CommitRow? FindOperation(string operation, ulong identity) => _operations.GetValueOrDefault(operation);

    public IdentityRow? FindIdentity(string id) => _identities.GetValueOrDefault(id);

    public List<TemplateRow> Members(IdentityRow identity)
    {
        var rows = new List<TemplateRow>(identity.MemberLsns.Length);
        foreach (long lsn in identity.MemberLsns)
        {
            if (!_templates.TryGetValue(lsn, out TemplateRow row))
                throw new LogDamagedException(Shard, $"template row {lsn} is missing");
            if (!row.IsLive || row.Identity != identity.Key)
                throw new LogDamagedException(Shard, $"template row {lsn} is not of the identity that names it");
            rows.Add(row);
        }
        return rows;
    }

    public bool Exists(TemplateId id) => _taken.Contains(id.Value);

    public IReadOnlyList<CommitRow> CommitsOf(ulong identity, long owner) =>
        _histories.TryGetValue((identity, owner), out SortedDictionary<long, CommitRow>? rows) ? [.. rows.Values] : [];

    public IReadOnlyList<CommitRow> OldCommits(long after, int limit) => _old;

    public void PutTemplate(TemplateRow row)
    {
        _templates.Add(row.Lsn, row);
        _newTemplates.Add(row.Lsn, row);
        _taken.Add(row.Id);
    }

    public void RemoveTemplate(TemplateRow row)
    {
        _templates.Remove(row.Lsn);
        if (!_newTemplates.Remove(row.Lsn))
            RemovedTemplates.Add(row.Lsn);
    }

    public void PutIdentity(IdentityRow row, bool isNew)
    {
        _identities[row.Id] = row;
        if (isNew || _newIdentities.ContainsKey(row.Key))
            _newIdentities[row.Key] = row;
        else
            _changedIdentities[row.Key] = row;
    }

    public void DropIdentity(IdentityRow row)
    {
        _identities.Remove(row.Id);
        _changedIdentities.Remove(row.Key);
        if (!_newIdentities.Remove(row.Key))
            DroppedIdentities.Add(row.Key);
    }

    public void PutCommit(CommitRow row)
    {
        _newCommits.Add(row.Lsn, row);
        Remember(row);
    }

    public void RewriteCommit(CommitRow row)
    {
        if (_newCommits.ContainsKey(row.Lsn))
            _newCommits[row.Lsn] = row;
        else
            _rewrittenCommits[row.Lsn] = row;
        Remember(row);
    }

    public void PutTombstone(TombstoneRow row) => NewTombstones.Add(row);

    public void PutOutbox(OutboxRow row) => NewOutbox.Add(row);

    private void Remember(CommitRow row)
    {
        if (row.Operation is not null)
            _operations[row.Operation] = row;
        History(row)[row.Lsn] = row;
    }

    private SortedDictionary<long, CommitRow> History(CommitRow row)
    {
        if (!_histories.TryGetValue((row.Identity, row.Owner), out SortedDictionary<long, CommitRow>? rows))
            _histories[(row.Identity, row.Owner)] = rows = [];
        return rows;
    }
}
