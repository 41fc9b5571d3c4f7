using System.Text;
using System.Text.Json;
using Orleans.Runtime;
using Orleans.Serialization.Activators;
using Orleans.Serialization.Serializers;
using Orleans.Storage;

namespace FaceSearch.Storage.Tests.Conformance;

/// <summary>A grain store under test.</summary>
public abstract class GrainStorageFixture : IAsyncDisposable
{
    /// <summary>A storage on the same place; each call makes another one, as another silo would.</summary>
    public abstract IGrainStorage Connect(IGrainStorageSerializer serializer, IActivatorProvider activators);

    /// <summary>Whether the store's raw bytes hold a sequence; null where they cannot be looked at.</summary>
    public abstract ValueTask<bool?> HoldsAsync(ReadOnlyMemory<byte> needle);

    public abstract ValueTask DisposeAsync();
}

/// <summary>What every grain storage does; each provider runs all of it, unchanged.</summary>
public abstract class GrainStorageConformance : IAsyncLifetime
{
    private static readonly GrainId Grain = GrainId.Create("gallery", "people");
    private GrainStorageFixture _fixture = null!;
    private IGrainStorage _storage = null!;

    protected abstract ValueTask<GrainStorageFixture> CreateStoreAsync();

    public async ValueTask InitializeAsync()
    {
        _fixture = await CreateStoreAsync();
        _storage = Connect();
    }

    public async ValueTask DisposeAsync()
    {
        (_storage as IDisposable)?.Dispose();
        await _fixture.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    [Fact]
    public async Task A_state_that_was_never_written_is_new_and_has_no_etag()
    {
        var state = new GrainState<Settings> { State = new() { Name = "left over" }, ETag = "x", RecordExists = true };
        await _storage.ReadStateAsync("settings", Grain, state);
        (state.RecordExists, state.ETag, state.State!.Name).ShouldBe((false, null, ""));
    }

    [Fact]
    public async Task A_written_state_is_read_by_another_silo()
    {
        var written = State("a", "b\u0000c", "😀");
        await _storage.WriteStateAsync("settings", Grain, written);
        written.RecordExists.ShouldBeTrue();
        written.ETag.ShouldNotBeNullOrEmpty();
        IGrainStorage other = Connect();
        var read = new GrainState<Settings>();
        await other.ReadStateAsync("settings", Grain, read);
        (read.RecordExists, read.ETag).ShouldBe((true, written.ETag));
        read.State.ShouldBeEquivalentTo(written.State);
        (other as IDisposable)?.Dispose();
    }

    [Fact]
    public async Task States_of_other_names_and_grains_are_apart()
    {
        await _storage.WriteStateAsync("settings", Grain, State("a"));
        await _storage.WriteStateAsync("other", Grain, State("b"));
        await _storage.WriteStateAsync("settings", GrainId.Create("gallery", "people2"), State("c"));
        var read = new GrainState<Settings>();
        await _storage.ReadStateAsync("settings", Grain, read);
        read.State!.Name.ShouldBe("a");
        await _storage.ClearStateAsync("settings", Grain, read);
        await _storage.ReadStateAsync("other", Grain, read);
        read.State!.Name.ShouldBe("b");
    }

    /// <summary>Keys that a provider may take for the same number: the names are ours, so every name is a grain of its own.</summary>
    [Fact]
    public async Task Keys_that_read_as_one_number_are_different_grains()
    {
        string[] keys = ["a", "0a", "A", "A1", "a1", "10", "010", "16", "0", "00", "0+1", "people", "0f8fad5b-d9cb-469f-a165-70867728950e", "0f8fad5bd9cb469fa16570867728950e", "0F8FAD5BD9CB469FA16570867728950E"];
        foreach (string key in keys)
            await _storage.WriteStateAsync("settings", GrainId.Create("gallery", key), State($"of {key}"));
        foreach (string key in keys)
        {
            GrainState<Settings> read = new();
            await _storage.ReadStateAsync("settings", GrainId.Create("gallery", key), read);
            read.State!.Name.ShouldBe($"of {key}");
            if (key != keys[^1])
                await _storage.ClearStateAsync("settings", GrainId.Create("gallery", key), read);
        }
        GrainState<Settings> last = new();
        await _storage.ReadStateAsync("settings", GrainId.Create("gallery", keys[^1]), last);
        last.RecordExists.ShouldBeTrue();
    }

    [Fact]
    public async Task A_write_under_an_old_etag_is_refused_and_changes_nothing()
    {
        GrainState<Settings> mine = State("first");
        await _storage.WriteStateAsync("settings", Grain, mine);
        var stale = new GrainState<Settings> { State = new() { Name = "stale" }, ETag = mine.ETag, RecordExists = true };
        mine.State!.Name = "second";
        await _storage.WriteStateAsync("settings", Grain, mine);
        await Should.ThrowAsync<InconsistentStateException>(() => _storage.WriteStateAsync("settings", Grain, stale));
        await Should.ThrowAsync<InconsistentStateException>(() => _storage.ClearStateAsync("settings", Grain, stale));
        await Should.ThrowAsync<InconsistentStateException>(() => _storage.WriteStateAsync("settings", Grain, State("without etag")));
        await Should.ThrowAsync<InconsistentStateException>(() => _storage.WriteStateAsync("new", Grain, new GrainState<Settings> { State = new(), ETag = mine.ETag }));
        await _storage.ReadStateAsync("settings", Grain, stale);
        (stale.State!.Name, stale.ETag).ShouldBe(("second", mine.ETag));
    }

    [Fact]
    public async Task Of_racing_writers_one_wins_each_round()
    {
        GrainState<Settings> seed = State("0");
        await _storage.WriteStateAsync("settings", Grain, seed);
        IGrainStorage other = Connect();
        int wins = 0, losses = 0;
        for (int round = 0; round < 10; round++)
        {
            await Task.WhenAll(Enumerable.Range(0, 4).Select(w => Task.Run(async () =>
            {
                var state = new GrainState<Settings> { State = new() { Name = $"{round}-{w}" }, ETag = seed.ETag, RecordExists = true };
                try
                {
                    await (w % 2 == 0 ? _storage : other).WriteStateAsync("settings", Grain, state);
                    Interlocked.Increment(ref wins);
                }
                catch (InconsistentStateException)
                {
                    Interlocked.Increment(ref losses);
                }
            })));
            await _storage.ReadStateAsync("settings", Grain, seed);
        }
        (wins, losses).ShouldBe((10, 30));
        (other as IDisposable)?.Dispose();
    }

    [Fact]
    public async Task A_cleared_state_is_gone_with_its_bytes_and_its_etag_never_comes_back()
    {
        GrainState<Settings> state = State("the-name-to-forget");
        await _storage.WriteStateAsync("settings", Grain, state);
        string etag = state.ETag!;
        byte[] needle = Encoding.UTF8.GetBytes("the-name-to-forget");
        (await _fixture.HoldsAsync(needle)).ShouldNotBe(false);
        await _storage.ClearStateAsync("settings", Grain, state);
        (state.RecordExists, state.ETag, state.State!.Name).ShouldBe((false, null, ""));
        (await _fixture.HoldsAsync(needle)).ShouldNotBe(true);
        await _storage.ClearStateAsync("settings", Grain, state);
        await _storage.WriteStateAsync("settings", Grain, State("again"));
        await Should.ThrowAsync<InconsistentStateException>(() =>
            _storage.WriteStateAsync("settings", Grain, new GrainState<Settings> { State = new(), ETag = etag, RecordExists = true }));
    }

    [Fact]
    public async Task A_large_state_survives()
    {
        GrainState<Settings> state = State("big", [.. Enumerable.Range(0, 1024).Select(i => $"bucket {i} lives in shard {i % 7}")]);
        for (int i = 0; i < 70; i++)
            await _storage.WriteStateAsync("settings", Grain, state);
        var read = new GrainState<Settings>();
        await _storage.ReadStateAsync("settings", Grain, read);
        read.State!.Items.ShouldBe(state.State!.Items);
    }

    private IGrainStorage Connect() => _fixture.Connect(new Json(), new NewActivators());

    private static GrainState<Settings> State(string name, params string[] items) => new() { State = new() { Name = name, Items = [.. items] } };

    public sealed class Settings
    {
        public string Name { get; set; } = "";

        public List<string> Items { get; set; } = [];
    }

    internal sealed class Json : IGrainStorageSerializer
    {
        public BinaryData Serialize<T>(T? input) => new(JsonSerializer.SerializeToUtf8Bytes(input));

        public T Deserialize<T>(BinaryData input) => JsonSerializer.Deserialize<T>(input)!;
    }

    internal sealed class NewActivators : IActivatorProvider
    {
        public IActivator<T> GetActivator<T>() => new NewActivator<T>();
    }

    private sealed class NewActivator<T> : IActivator<T>
    {
        public T Create() => Activator.CreateInstance<T>();
    }
}
