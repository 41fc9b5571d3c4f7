namespace FaceSearch.Storage.Tests.Conformance;

/// <summary>What a template log is, in a hundred lines of memory: the oracle of the random-operation test.</summary>
internal sealed class LogModel
{
    private readonly Dictionary<string, (ulong Fingerprint, string Identity, CommitResult? Result)> _operations = [];
    private readonly HashSet<TemplateId> _taken = [];

    public SortedDictionary<string, (StoredIdentity Identity, List<TemplateRecord> Templates)> Identities { get; } = new(StringComparer.Ordinal);

    public List<OutboxEvent> Outbox { get; } = [];

    /// <summary>Expected status, version and templates; the LSN is the log's to choose.</summary>
    public CommitResult Apply(IdentityChange c, long lsn)
    {
        if (_operations.TryGetValue(c.OperationId, out var earlier))
        {
            return earlier.Result is null ? Refused(CommitStatus.Superseded, 0)
                : earlier.Fingerprint != c.Fingerprint || earlier.Identity != c.Identity ? Refused(CommitStatus.OperationReused, 0)
                : earlier.Result with { Status = CommitStatus.Replayed, Current = null };
        }
        bool exists = Identities.TryGetValue(c.Identity, out var was);
        long version = exists ? was.Identity.Version : 0;
        if (c.ExpectedVersion is { } expected && expected != version)
            return Refused(CommitStatus.VersionConflict, version);
        List<TemplateRecord> templates = exists ? [.. was.Templates] : [];
        if ((!exists && (c.Erase || c.Add.Count == 0)) || !c.Remove.All(id => templates.Any(t => t.Id == id)))
            return Refused(CommitStatus.NotFound, version);
        if (c.Add.Any(t => _taken.Contains(t.Id)))
            return Refused(CommitStatus.TemplateIdTaken, version);
        return Change(c, lsn, was.Identity, version + 1, templates);
    }

    private CommitResult Change(IdentityChange c, long lsn, StoredIdentity? was, long version, List<TemplateRecord> templates)
    {
        TemplateId[] ids = [.. (c.Erase ? templates : c.Add).Select(t => t.Id)];
        StoredIdentity? now = null;
        if (c.Erase)
        {
            Identities.Remove(c.Identity);
            foreach ((string id, var operation) in _operations.Where(o => o.Value.Identity == c.Identity && o.Value.Result?.Current is not null).ToList())
                _operations[id] = operation with { Result = null };
        }
        else
        {
            templates.RemoveAll(t => c.Remove.Contains(t.Id));
            templates.AddRange(c.Add);
            _taken.UnionWith(ids);
            now = new(c.Identity, c.Metadata ?? was?.Metadata ?? new Dictionary<string, string>(), version, was?.CreatedAt ?? c.At, c.At,
                [.. templates.Select(t => new StoredTemplate(t.Id, t.Quality, t.CreatedAt))]);
            Identities[c.Identity] = (now, templates);
        }
        var result = new CommitResult(CommitStatus.Applied, lsn, version, ids, now);
        _operations[c.OperationId] = (c.Fingerprint, c.Identity, result);
        if (c.Erase || c.Add.Count > 0)
            Outbox.Add(new(lsn, c.Erase ? OutboxKind.Erased : OutboxKind.Enrolled, c.Identity, ids, c.At));
        return result;
    }

    private static CommitResult Refused(CommitStatus status, long version) => new(status, 0, version, [], null);
}

/// <summary>What a shard derives from a log: templates and identities, brought up to date by differences.</summary>
internal sealed class Replica
{
    private readonly Dictionary<TemplateId, string> _templates = [];
    private readonly Dictionary<string, string> _identities = [];

    public LogHead At { get; private set; }

    public async Task FollowAsync(ITemplateLog log)
    {
        LogHead head = log.Head;
        Take(await log.AllAsync(At.Lsn, At.Digest));
        At = head;
    }

    public async Task FollowAsync(ILogFollower log)
    {
        List<LogEntry> entries = [];
        LogHead head = (await log.ReadAsync(At.Lsn, At.Digest, entries.AddRange)).ShouldNotBeNull();
        Take(entries);
        At = head;
    }

    private void Take(IReadOnlyList<LogEntry> entries)
    {
        foreach (LogEntry entry in entries)
        {
            switch (entry)
            {
                case LogEntry.TemplateAdded t:
                    _templates[t.Template.Id] = $"{t.Identity} {LogReading.Line(t.Template)}";
                    break;
                case LogEntry.TemplateRemoved t:
                    _templates.Remove(t.Template);
                    break;
                case LogEntry.IdentityChanged i:
                    _identities[i.Identity] = $"v{i.Version} {string.Join(',', i.Metadata.OrderBy(m => m.Key).Select(m => $"{m.Key}:{m.Value}"))}";
                    break;
                case LogEntry.IdentityGone gone:
                    foreach (string name in _identities.Keys.Where(k => IdentityHash.Of(k) == gone.IdentityHash).ToList())
                        _identities.Remove(name);
                    break;
            }
        }
    }

    public void ShouldEqual(Replica other)
    {
        _identities.OrderBy(i => i.Key).ShouldBe(other._identities.OrderBy(i => i.Key));
        _templates.OrderBy(t => t.Key.Value).ShouldBe(other._templates.OrderBy(t => t.Key.Value));
    }

    public void ShouldEqual(LogModel model)
    {
        _identities.Keys.Order().ShouldBe(model.Identities.Keys.Order());
        _templates.OrderBy(t => t.Key.Value).Select(t => t.Value).ShouldBe(model.Identities
            .SelectMany(i => i.Value.Templates.Select(t => (t.Id, Text: $"{i.Key} {LogReading.Line(t)}"))).OrderBy(t => t.Id.Value).Select(t => t.Text));
    }
}
