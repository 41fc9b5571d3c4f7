using System.Collections.Concurrent;
using FaceSearch.Storage.Postgres;
using FaceSearch.Storage.Tests.Conformance;
using FaceSearch.Tests.Servers;

namespace FaceSearch.Storage.Tests.Postgres;

/// <summary>A server that is killed and sessions that are ended, in the middle of concurrent commits.</summary>
public sealed class PostgresFaultTests
{
    private static readonly ShardId Shard = new("people", 1, 0);

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task What_was_acknowledged_is_there_after_the_server_was_killed_and_nothing_is_half(bool kill)
    {
        await using PostgresServer server = await PostgresServer.StartAsync();
        await using TestDatabase test = new(server, await server.CreateDatabaseAsync());
        await test.ApplyAsync();
        PostgresTemplateLogProvider provider = new(test.Connect(), new FixedTime(Make.Day));
        ConcurrentDictionary<string, (IdentityChange Change, bool Acknowledged)> tried = [];
        for (int round = 0; round < 3; round++)
        {
            await using ITemplateLog log = await provider.OpenAsync(Shard);
            Task[] writers = [.. Enumerable.Range(0, 8).Select(w => Task.Run(() => WriteAsync(log, new Make((round * 100) + w), $"r{round}w{w}", tried)))];
            int wanted = tried.Count(t => t.Value.Acknowledged) + 150;
            while (tried.Count(t => t.Value.Acknowledged) < wanted)
                await Task.Delay(5);
            await (kill ? server.KillAsync() : server.StopAtOnceAsync());
            await Task.WhenAll(writers);
            await server.StartAgainAsync();
            await ShouldHoldAsync(provider, tried);
        }
    }

    [Fact]
    public async Task After_a_session_is_ended_the_operation_ids_tell_what_was_applied()
    {
        await using PostgresServer server = await PostgresServer.StartAsync();
        await using TestDatabase test = new(server, await server.CreateDatabaseAsync());
        await test.ApplyAsync();
        PostgresTemplateLogProvider provider = new(test.Connect(), new FixedTime(Make.Day));
        ConcurrentDictionary<string, (IdentityChange Change, bool Acknowledged)> tried = [];
        int ended = 0;
        for (int round = 0; round < 4; round++)
        {
            await using ITemplateLog log = await provider.OpenAsync(Shard);
            using CancellationTokenSource stop = new();
            Task[] writers = [.. Enumerable.Range(0, 6).Select(w => Task.Run(() => WriteAsync(log, new Make((round * 100) + w), $"r{round}w{w}", tried, stop.Token)))];
            for (int i = 0; i < 15; i++)
            {
                int wanted = tried.Count + 20;
                while (tried.Count < wanted && !writers.All(w => w.IsCompleted))
                    await Task.Delay(2);
                ended += Convert.ToInt32(await PostgresServer.ExecuteAsync(test.ConnectionString, "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'facesearch'"), System.Globalization.CultureInfo.InvariantCulture);
            }
            await stop.CancelAsync();
            await Task.WhenAll(writers);
            await ShouldHoldAsync(provider, tried);
        }
        ended.ShouldBeGreaterThan(0);
    }

    [Fact]
    public async Task A_session_that_ends_after_its_commit_was_sent_leaves_the_outcome_unknown_and_the_log_poisoned()
    {
        await using PostgresServer server = await PostgresServer.StartAsync();
        await using TestDatabase test = new(server, await server.CreateDatabaseAsync());
        await test.ApplyAsync();
        PostgresTemplateLogProvider provider = new(test.Connect(), new FixedTime(Make.Day));
        Make make = new(1);
        IdentityChange change = make.Enrol("ada");
        await using (ITemplateLog log = await provider.OpenAsync(Shard))
        {
            await log.CommitAsync(make.Enrol("grace"));
            // A commit cannot end while its trigger waits for a lock that another session holds.
            await PostgresServer.ExecuteAsync(test.ConnectionString, """
                CREATE FUNCTION facesearch.wait() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_advisory_xact_lock(77); RETURN NULL; END';
                CREATE CONSTRAINT TRIGGER wait AFTER INSERT ON facesearch.log_1_templates DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION facesearch.wait();
                """);
            await using Npgsql.NpgsqlConnection holder = new(test.ConnectionString);
            await holder.OpenAsync();
            await using (Npgsql.NpgsqlCommand hold = new("SELECT pg_advisory_lock(77)", holder))
                await hold.ExecuteNonQueryAsync();
            Task<CommitResult> commit = log.CommitAsync(change).AsTask();
            while (await PostgresServer.ExecuteAsync(test.ConnectionString, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query ILIKE 'commit%' AND state = 'active'") is not true)
                await Task.Delay(5);
            await Should.ThrowAsync<LogPoisonedException>(() => commit);
            await Should.ThrowAsync<LogPoisonedException>(async () => await log.CommitAsync(make.Enrol("lin")));
        }
        await PostgresServer.ExecuteAsync(test.ConnectionString, "DROP TRIGGER wait ON facesearch.log_1_templates");
        await using ITemplateLog again = await provider.OpenAsync(Shard);
        (await again.CommitAsync(change)).Status.ShouldBeOneOf(CommitStatus.Applied, CommitStatus.Replayed);
        (await again.VerifyAsync()).Identities.ShouldBe(2);
    }

    /// <summary>Enrols and erases until the log fails for good or is asked to stop.</summary>
    private static async Task WriteAsync(
        ITemplateLog log, Make make, string prefix, ConcurrentDictionary<string, (IdentityChange Change, bool Acknowledged)> tried, CancellationToken stop = default)
    {
        int refusals = 0;
        for (int i = 0; !stop.IsCancellationRequested && refusals < 50; i++)
        {
            IdentityChange change = i % 4 == 3 ? make.Erase($"{prefix}-{i - 1}") : make.Enrol($"{prefix}-{i}", 2);
            tried[change.OperationId] = (change, false);
            try
            {
                CommitStatus status = (await log.CommitAsync(change, CancellationToken.None)).Status;
                if (status == CommitStatus.Applied)
                    tried[change.OperationId] = (change, true);
            }
            catch (StorageUnavailableException)
            {
                refusals++;
            }
            catch (StorageException)
            {
                return;
            }
        }
    }

    private static async Task ShouldHoldAsync(PostgresTemplateLogProvider provider, ConcurrentDictionary<string, (IdentityChange Change, bool Acknowledged)> tried)
    {
        await using ITemplateLog log = await provider.OpenAsync(Shard);
        (await log.VerifyAsync()).ShouldBe(log.Head);
        HashSet<string> erased = [.. tried.Values.Where(t => t.Change.Erase && t.Acknowledged).Select(t => t.Change.Identity)];
        HashSet<string> maybe = [.. tried.Values.Where(t => t.Change.Erase).Select(t => t.Change.Identity)];
        foreach ((IdentityChange change, bool acknowledged) in tried.Values.Where(t => !t.Change.Erase))
        {
            StoredIdentity? stored = await log.GetIdentityAsync(change.Identity);
            if (erased.Contains(change.Identity))
                stored.ShouldBeNull($"{change.Identity} came back");
            else if (acknowledged && !maybe.Contains(change.Identity))
                stored.ShouldNotBeNull($"{change.Identity} is lost");
            stored?.Templates.Select(t => t.Id).ShouldBe(change.Add.Select(t => t.Id), $"{change.Identity} is half");
        }
    }
}
