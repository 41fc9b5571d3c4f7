using System.Security.Cryptography;
using FaceSearch.Storage.Postgres;
using FaceSearch.Storage.Tests.Conformance;
using FaceSearch.Storage.Tests.Sqlite;
using FaceSearch.Tests.Servers;
using Npgsql;
using Orleans.Runtime;
using Orleans.Storage;

namespace FaceSearch.Storage.Tests.Postgres;

/// <summary>A server that really has no disk, no memory or no connection left, and has them again: the same log goes on.</summary>
public sealed class PostgresShortageTests
{
    private static readonly ShardId Shard = new("people", 1, 0);

    [Fact]
    public async Task A_full_disk_refuses_changes_as_full_still_reads_and_takes_changes_again_with_space()
    {
        using SmallDisk disk = new(megabytes: 40);
        await using PostgresServer server = await PostgresServer.StartAsync();
        await using TestDatabase test = new(server, await server.CreateDatabaseOnAsync(disk.Path));
        await test.ApplyAsync();
        Make make = new(3);
        await using ITemplateLog log = await new PostgresTemplateLogProvider(test.Connect(), new FixedTime(Make.Day)).OpenAsync(Shard);
        IdentityChange ada = make.Enrol("ada", 8);
        (await log.CommitAsync(ada)).Status.ShouldBe(CommitStatus.Applied);
        string ballast = Path.Combine(disk.Path, "ballast");
        Fill(ballast);

        List<IdentityChange> acknowledged = [ada];
        IdentityChange refused = ada;
        await Should.ThrowAsync<StorageFullException>(async () =>
        {
            for (int i = 0; i < 10_000; i++)
            {
                refused = make.Enrol($"p{i}", 8);
                await log.CommitAsync(refused);
                acknowledged.Add(refused);
            }
        });
        await Should.ThrowAsync<StorageFullException>(async () => await log.CommitAsync(make.Enrol("another", 8)));
        (await log.IsCurrentAsync()).ShouldBeTrue();
        (await log.GetIdentityAsync("ada")).ShouldNotBeNull().Templates.Count.ShouldBe(8);
        (await log.GetIdentityAsync(refused.Identity)).ShouldBeNull();

        File.Delete(ballast);
        (await log.CommitAsync(refused)).Status.ShouldBe(CommitStatus.Applied);
        (await log.VerifyAsync()).ShouldBe(log.Head);
        log.Head.Identities.ShouldBe(acknowledged.Count + 1);
    }

    [Fact]
    public async Task A_full_disk_refuses_grain_states_as_a_grain_s_caller_hears_it_and_takes_them_again_with_space()
    {
        using SmallDisk disk = new(megabytes: 40);
        await using PostgresServer server = await PostgresServer.StartAsync();
        await using TestDatabase test = new(server, await server.CreateDatabaseOnAsync(disk.Path));
        await test.ApplyAsync();
        IGrainStorage storage = new PostgresGrainStorageTests.Fixture(test).Connect(new GrainStorageConformance.Json(), new GrainStorageConformance.NewActivators());
        string ballast = Path.Combine(disk.Path, "ballast");
        Fill(ballast);
        GrainState<GrainStorageConformance.Settings> state = new();
        FaceSearchException full = await Should.ThrowAsync<FaceSearchException>(async () =>
        {
            for (int i = 0; i < 10_000; i++)
            {
                state = new() { State = new() { Name = RandomNumberGenerator.GetHexString(4_000) } };
                await storage.WriteStateAsync("settings", GrainId.Create("gallery", $"g{i}"), state);
            }
        });
        (full.Type, full.Status, full.RetryAfter).ShouldBe((ProblemTypes.StorageFull, 507, TimeSpan.FromSeconds(30)));
        full.Message.ShouldNotContain(state.State!.Name[..20]);
        await storage.ReadStateAsync("settings", GrainId.Create("gallery", "g0"), state);
        File.Delete(ballast);
        await storage.WriteStateAsync("settings", GrainId.Create("gallery", "later"), new GrainState<GrainStorageConformance.Settings> { State = new() });
    }

    [Fact]
    public async Task Without_a_free_connection_a_change_is_refused_for_a_moment_and_the_log_goes_on_with_one()
    {
        await using PostgresServer server = await PostgresServer.StartAsync();
        await using TestDatabase test = new(server, await server.CreateDatabaseAsync());
        await test.ApplyAsync();
        PostgresDatabase database = test.Connect();
        Make make = new(4);
        await using ITemplateLog log = await new PostgresTemplateLogProvider(database, new FixedTime(Make.Day)).OpenAsync(Shard);
        List<NpgsqlConnection> others = [];
        try
        {
            database.Source.Clear();
            PostgresException none = await Should.ThrowAsync<PostgresException>(async () =>
            {
                while (true)
                {
                    NpgsqlConnection other = new(test.ConnectionString + ";Pooling=false");
                    others.Add(other);
                    await other.OpenAsync();
                }
            });
            none.SqlState.ShouldBe(PostgresErrorCodes.TooManyConnections);
            await RefusedAsync(log, make.Enrol("ada"), PostgresErrorCodes.TooManyConnections);
        }
        finally
        {
            foreach (NpgsqlConnection other in others)
                await other.DisposeAsync();
        }
        await TakesAsync(log, make.Enrol("ada"));
    }

    [Fact]
    public async Task Without_memory_a_change_is_refused_for_a_moment_and_the_log_goes_on_with_some()
    {
        await using PostgresServer server = await PostgresServer.StartAsync();
        await using TestDatabase test = new(server, await server.CreateDatabaseAsync());
        await test.ApplyAsync();
        Make make = new(5);
        await using ITemplateLog log = await new PostgresTemplateLogProvider(test.Connect(), new FixedTime(Make.Day)).OpenAsync(Shard);
        await using (NpgsqlConnection greedy = new(test.ConnectionString + ";Pooling=false"))
        {
            await greedy.OpenAsync();
            // A session keeps its locks when taking the next one fails: the shared memory for locks is used up.
            await using NpgsqlCommand locks = new("""
                DO $$
                DECLARE
                    failures int := 0;
                    i bigint := 0;
                BEGIN
                    WHILE failures < 5 LOOP
                        BEGIN
                            LOOP
                                i := i + 1;
                                PERFORM pg_advisory_lock(i);
                            END LOOP;
                        EXCEPTION WHEN out_of_memory THEN
                            failures := failures + 1;
                        END;
                    END LOOP;
                END $$
                """, greedy) { CommandTimeout = 0 };
            await locks.ExecuteNonQueryAsync();
            await RefusedAsync(log, make.Enrol("ada"), PostgresErrorCodes.OutOfMemory);
        }
        await TakesAsync(log, make.Enrol("ada"));
    }

    private static async Task RefusedAsync(ITemplateLog log, IdentityChange change, string code)
    {
        StorageBusyException refused = await Should.ThrowAsync<StorageBusyException>(async () => await log.CommitAsync(change));
        refused.Message.ShouldContain(code);
        refused.ToString().ShouldNotContain(PostgresServer.Password);
        log.Head.Identities.ShouldBe(0);
    }

    /// <summary>The server notices a moment later that the others have gone.</summary>
    private static async Task TakesAsync(ITemplateLog log, IdentityChange change)
    {
        using CancellationTokenSource limit = new(TimeSpan.FromSeconds(30));
        while (true)
        {
            try
            {
                (await log.CommitAsync(change)).Status.ShouldBe(CommitStatus.Applied);
                (await log.VerifyAsync()).ShouldBe(log.Head);
                return;
            }
            catch (StorageBusyException)
            {
                await Task.Delay(20, limit.Token);
            }
        }
    }

    /// <summary>Writes until nothing more fits.</summary>
    private static void Fill(string ballast)
    {
        byte[] block = new byte[4096];
        using FileStream file = new(ballast, FileMode.Append, FileAccess.Write, FileShare.None, bufferSize: 0);
        try
        {
            while (true)
                file.Write(block);
        }
        catch (IOException)
        {
            // Full.
        }
    }
}
