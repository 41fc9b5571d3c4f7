using FaceSearch.Storage.Files;
using FaceSearch.Storage.Sqlite;
using FaceSearch.Storage.Tests.Conformance;

namespace FaceSearch.Storage.Tests.Sqlite;

/// <summary>The files of a small log, what it served after every commit, and a way to serve from damaged copies.</summary>
internal sealed class DamageImage : IDisposable
{
    private static readonly ShardId Shard = new("people", 1, 0);
    private readonly TempFolder _files = new(inMemory: true);
    private readonly List<State> _states = [];

    public byte[] OldMark { get; private set; } = [];

    public LogHead Last { get; private set; }

    public string Folder => _files.Path;

    /// <summary>What came of opening and reading everything.</summary>
    /// <param name="Refused">The first refusal; null if everything was served.</param>
    public sealed record Outcome(string? Refused, string? Notice, long Lsn);

    /// <param name="closed">Everything in log.db; else the last commits in the write-ahead log, as a crash leaves them.</param>
    public static async Task<DamageImage> MakeAsync(bool closed)
    {
        var image = new DamageImage();
        using var live = new TempFolder(inMemory: true);
        var provider = new SqliteTemplateLogProvider(new DataFolder(live.Path), new FixedTime(Make.Day));
        ITemplateLog log = await provider.OpenAsync(Shard);
        var make = new Make(77);
        IdentityChange ada = make.Enrol("ada", 2, "op-1", ("name", "Ada")), grace = make.Enrol("grace", 1, "op-2");
        IdentityChange[] first = [ada, grace, make.Enrol("lin", 1, "op-3"), make.Erase("lin") with { OperationId = "op-4" }];
        IdentityChange[] second = [make.Enrol("ada", 1, "op-5") with { Remove = [ada.Add[0].Id] }, make.Enrol("zoe", 1, "op-6", ("k", "v")), make.Erase("grace") with { OperationId = "op-7" }];
        foreach (IdentityChange change in first)
            await image.RememberAsync(log, change);
        await log.ClearOutboxAsync(log.Head.Lsn);
        await log.DisposeAsync();
        image.OldMark = File.ReadAllBytes(Path.Combine(new DataFolder(live.Path).ShardLog(Shard), LogFile.Mark));
        log = await provider.OpenAsync(Shard);
        foreach (IdentityChange change in second)
            await image.RememberAsync(log, change);
        image.Last = log.Head;
        if (closed)
            await log.DisposeAsync();
        live.CopyTo(image._files.Path);
        if (!closed)
            await log.DisposeAsync();
        return image;
    }

    public byte[] Bytes(string file) => File.ReadAllBytes(Path.Combine(new DataFolder(_files.Path).ShardLog(Shard), file));

    /// <summary>
    /// Opens a copy with some files replaced and reads everything in every way. Whatever is not refused must be what the
    /// log held at the LSN it opened at.
    /// </summary>
    public async Task<Outcome> TryAsync(params (string File, byte[] Content)[] replaced)
    {
        using var copy = new TempFolder(inMemory: true);
        var data = new DataFolder(copy.Path);
        Directory.CreateDirectory(data.ShardLog(Shard));
        foreach (string file in (string[])[LogFile.Database, LogFile.Wal, LogFile.Mark])
        {
            string source = Path.Combine(new DataFolder(_files.Path).ShardLog(Shard), file);
            byte[]? content = replaced.FirstOrDefault(r => r.File == file).Content;
            if (content is not null || File.Exists(source))
                await File.WriteAllBytesAsync(Path.Combine(data.ShardLog(Shard), file), content ?? await File.ReadAllBytesAsync(source));
        }
        ITemplateLog log;
        try
        {
            log = await new SqliteTemplateLogProvider(data, new FixedTime(Make.Day)).OpenAsync(Shard);
        }
        catch (LogDamagedException e)
        {
            return new(e.Message, null, 0);
        }
        await using (log)
        {
            long lsn = log.Head.Lsn;
            int state = _states.FindIndex(s => s.Head.Lsn == lsn) + 1;
            state.ShouldBePositive("the log opened at an LSN that was never a commit's");
            string? refused = await CompareAsync(log, state);
            return new(refused, log.RecoveryNotice, lsn);
        }
    }

    public void Dispose() => _files.Dispose();

    private async Task RememberAsync(ITemplateLog log, IdentityChange change)
    {
        (await log.CommitAsync(change)).Status.ShouldBe(CommitStatus.Applied);
        _states.Add(new(log.Head, change, []));
        foreach ((string name, Func<ITemplateLog, Task<string>> read) in Reads(_states.Count))
            _states[^1].Served[name] = await read(log);
    }

    /// <summary>Null if everything was served as remembered; else the first refusal. Fails the test if something else was served.</summary>
    private async Task<string?> CompareAsync(ITemplateLog log, int state)
    {
        var refusals = new List<string>();
        foreach ((string name, Func<ITemplateLog, Task<string>> read) in Reads(state))
            await ServedAsync(async () => (await read(log)).ShouldBe(_states[state - 1].Served[name], name));
        for (int i = 0; i < state; i++)
        {
            IdentityChange change = _states[i].Change;
            bool erased = !change.Erase && _states.Take(state).Skip(i).Any(s => s.Change.Erase && s.Change.Identity == change.Identity);
            await ServedAsync(async () =>
                (await log.CommitAsync(change)).Status.ShouldBe(erased ? CommitStatus.Superseded : CommitStatus.Replayed, change.OperationId));
        }
        await ServedAsync(async () =>
        {
            (await log.CommitAsync(new Make(5).Enrol("newcomer"))).Status.ShouldBe(CommitStatus.Applied);
            (await log.GetIdentityAsync("newcomer")).ShouldNotBeNull();
        });
        return refusals.FirstOrDefault();

        async Task ServedAsync(Func<Task> serve)
        {
            try
            {
                await serve();
            }
            catch (StorageException e) when (e is LogDamagedException or LogPoisonedException)
            {
                refusals.Add(e.Message);
            }
        }
    }

    /// <summary>Every way to read a log that has had the given number of changes.</summary>
    private IEnumerable<(string Name, Func<ITemplateLog, Task<string>> Read)> Reads(int state)
    {
        yield return ("content", log => log.ContentAsync());
        foreach (LogHead past in _states.Take(state).Select(s => s.Head))
            yield return ($"since {past.Lsn}", async log => string.Join('\n', (await log.AllAsync(past.Lsn, past.Digest)).Select(LogReading.Line)));
        foreach (string name in (string[])["ada", "grace", "lin", "zoe", "nobody", "a", "zz"])
            yield return ($"identity {name}", async log => await log.GetIdentityAsync(name) is { } found ? LogReading.Line(found) : "none");
        yield return ("list", async log => string.Join('\n', (await log.ListIdentitiesAsync(null, 100)).Select(LogReading.Line)));
        yield return ("page", async log => string.Join('\n', (await log.ListIdentitiesAsync("ada", 1)).Select(LogReading.Line)));
        yield return ("verify", async log => (await log.VerifyAsync()).ToString());
    }

    private sealed record State(LogHead Head, IdentityChange Change, Dictionary<string, string> Served);
}
