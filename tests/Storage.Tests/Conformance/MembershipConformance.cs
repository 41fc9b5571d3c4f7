using System.Net;
using Orleans;
using Orleans.Runtime;

namespace FaceSearch.Storage.Tests.Conformance;

/// <summary>A membership table under test.</summary>
public abstract class MembershipFixture : IAsyncDisposable
{
    /// <summary>A table of a cluster on the same place, not yet initialised; each call makes another one, as another silo would.</summary>
    public abstract IMembershipTable Connect(string clusterId);

    public abstract ValueTask DisposeAsync();
}

/// <summary>What every cluster membership table does; each provider runs all of it, unchanged.</summary>
public abstract class MembershipConformance : IAsyncLifetime
{
    private const string Cluster = "cluster-1";
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;
    private static readonly DateTime Day = new(2026, 3, 1, 12, 0, 0, DateTimeKind.Utc);
    private MembershipFixture _fixture = null!;
    private IMembershipTable _table = null!;

    protected abstract ValueTask<MembershipFixture> CreateStoreAsync();

    public async ValueTask InitializeAsync()
    {
        _fixture = await CreateStoreAsync();
        _table = await ConnectAsync();
    }

    public ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        return _fixture.DisposeAsync();
    }

    [Fact]
    public async Task A_new_table_is_empty_has_a_version_and_is_made_once()
    {
        MembershipTableData first = await _table.ReadAllAsync(Cancellation);
        (first.Members.Count, first.Version.Version).ShouldBe((0, 0));
        MembershipTableData again = await (await ConnectAsync()).ReadAllAsync(Cancellation);
        again.Version.ShouldBe(first.Version);
        again.Version.VersionEtag.ShouldNotBeNullOrEmpty();
    }

    [Fact]
    public async Task An_inserted_silo_is_read_by_another_with_everything_it_says()
    {
        MembershipEntry silo = Silo(1);
        silo.AddSuspector(Address(7), Day.AddMinutes(3));
        silo.AddSuspector(Address(8), Day.AddMinutes(4));
        (await InsertAsync(silo)).ShouldBeTrue();
        MembershipTableData all = await (await ConnectAsync()).ReadAllAsync(Cancellation);
        all.Version.Version.ShouldBe(1);
        MembershipEntry read = all.Members.ShouldHaveSingleItem().Item1;
        read.ToFullString().ShouldBe(silo.ToFullString());
        (read.SiloAddress, read.Status, read.ProxyPort, read.HostName, read.SiloName, read.RoleName).ShouldBe((silo.SiloAddress, silo.Status, silo.ProxyPort, silo.HostName, silo.SiloName, silo.RoleName));
        (read.StartTime, read.IAmAliveTime).ShouldBe((silo.StartTime, silo.IAmAliveTime));
        read.SuspectTimes.ShouldBe(silo.SuspectTimes);
    }

    [Fact]
    public async Task One_silo_is_read_alone_and_with_the_version()
    {
        await InsertAsync(Silo(1));
        await InsertAsync(Silo(2));
        MembershipTableData one = await _table.ReadRowAsync(Address(2), Cancellation);
        one.Version.Version.ShouldBe(2);
        one.Members.ShouldHaveSingleItem().Item1.SiloAddress.ShouldBe(Address(2));
        (await _table.ReadRowAsync(Address(3), Cancellation)).Members.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_second_insert_of_a_silo_is_refused_and_leaves_row_and_version()
    {
        await InsertAsync(Silo(1));
        MembershipEntry other = Silo(1);
        other.HostName = "another";
        (await InsertAsync(other)).ShouldBeFalse();
        MembershipTableData all = await _table.ReadAllAsync(Cancellation);
        (all.Version.Version, all.Members.Single().Item1.HostName).ShouldBe((1, "host-1"));
    }

    [Fact]
    public async Task An_insert_under_an_old_version_is_refused_and_leaves_no_row()
    {
        TableVersion old = (await _table.ReadAllAsync(Cancellation)).Version;
        await InsertAsync(Silo(1));
        (await _table.InsertRowAsync(Silo(2), old.Next(), Cancellation)).ShouldBeFalse();
        MembershipTableData all = await _table.ReadAllAsync(Cancellation);
        (all.Version.Version, all.Members.Count).ShouldBe((1, 1));
    }

    [Fact]
    public async Task An_update_needs_the_present_version_and_a_row_that_is_there()
    {
        await InsertAsync(Silo(1));
        MembershipTableData before = await _table.ReadAllAsync(Cancellation);
        string etag = before.Members.Single().Item2;
        MembershipEntry active = Silo(1, SiloStatus.Active);
        (await _table.UpdateRowAsync(active, etag, before.Version.Next(), Cancellation)).ShouldBeTrue();
        MembershipTableData after = await _table.ReadAllAsync(Cancellation);
        after.Members.Single().Item2.ShouldNotBe(etag);

        MembershipEntry dead = Silo(1, SiloStatus.Dead);
        (await _table.UpdateRowAsync(dead, after.Members.Single().Item2, before.Version.Next(), Cancellation)).ShouldBeFalse("the version row has another etag");
        (await _table.UpdateRowAsync(Silo(2), after.Members.Single().Item2, after.Version.Next(), Cancellation)).ShouldBeFalse("there is no such row");
        MembershipTableData last = await _table.ReadAllAsync(Cancellation);
        (last.Version, last.Members.Single().Item1.Status).ShouldBe((after.Version, SiloStatus.Active));
    }

    [Fact]
    public async Task The_version_counts_every_change_and_never_goes_back()
    {
        List<int> versions = [(await _table.ReadAllAsync(Cancellation)).Version.Version];
        for (int i = 1; i <= 4; i++)
        {
            (await InsertAsync(Silo(i))).ShouldBeTrue();
            versions.Add((await _table.ReadAllAsync(Cancellation)).Version.Version);
            MembershipTableData now = await _table.ReadRowAsync(Address(i), Cancellation);
            (await _table.UpdateRowAsync(Silo(i, SiloStatus.Active), now.Members.Single().Item2, now.Version.Next(), Cancellation)).ShouldBeTrue();
            versions.Add((await _table.ReadAllAsync(Cancellation)).Version.Version);
        }
        versions.ShouldBe(Enumerable.Range(0, 9));
    }

    [Fact]
    public async Task Of_concurrent_changes_exactly_one_wins_each_round()
    {
        await InsertAsync(Silo(1));
        IMembershipTable[] silos = [_table, await ConnectAsync(), await ConnectAsync()];
        for (int round = 0; round < 8; round++)
        {
            MembershipTableData seen = await _table.ReadAllAsync(Cancellation);
            string etag = seen.Members.Single(m => m.Item1.SiloAddress.Equals(Address(1))).Item2;
            bool[] won = await Task.WhenAll(Enumerable.Range(0, 6).Select(i => Task.Run(() => i % 2 == 0
                ? silos[i / 2].UpdateRowAsync(Silo(1, i == 0 ? SiloStatus.Active : SiloStatus.ShuttingDown), etag, seen.Version.Next(), Cancellation)
                : silos[i / 2].InsertRowAsync(Silo(100 + (10 * round) + i), seen.Version.Next(), Cancellation))));
            won.Count(w => w).ShouldBe(1, $"round {round}");
            (await _table.ReadAllAsync(Cancellation)).Version.Version.ShouldBe(seen.Version.Version + 1);
        }
    }

    [Fact]
    public async Task A_sign_of_life_changes_the_time_and_neither_the_rest_nor_the_version()
    {
        await InsertAsync(Silo(1, SiloStatus.Active));
        MembershipEntry alive = Silo(1);
        alive.HostName = "not to be written";
        alive.IAmAliveTime = Day.AddHours(1);
        await _table.UpdateIAmAliveAsync(alive, Cancellation);
        MembershipTableData all = await _table.ReadAllAsync(Cancellation);
        MembershipEntry read = all.Members.Single().Item1;
        (read.IAmAliveTime, read.HostName, read.Status, all.Version.Version).ShouldBe((Day.AddHours(1), "host-1", SiloStatus.Active, 1));
    }

    [Fact]
    public async Task Defunct_silos_are_cleaned_up_and_active_ones_stay()
    {
        await InsertAsync(Silo(1, SiloStatus.Active));
        await InsertAsync(Silo(2, SiloStatus.Dead));
        await _table.CleanupDefunctSiloEntriesAsync(Day.AddYears(-10), Cancellation);
        (await _table.ReadAllAsync(Cancellation)).Members.Count.ShouldBe(2);
        // Providers compare the time of the row or of the last sign of life: both are before this one.
        await _table.CleanupDefunctSiloEntriesAsync(DateTimeOffset.UtcNow.AddDays(400), Cancellation);
        MembershipTableData left = await _table.ReadAllAsync(Cancellation);
        left.Members.ShouldHaveSingleItem().Item1.SiloAddress.ShouldBe(Address(1));
        left.Version.Version.ShouldBe(2);
    }

    [Fact]
    public async Task Clusters_are_apart_and_a_deleted_one_leaves_the_others()
    {
        await InsertAsync(Silo(1));
        IMembershipTable other = _fixture.Connect("cluster-2");
        await other.InitializeMembershipTableAsync(true, Cancellation);
        MembershipTableData empty = await other.ReadAllAsync(Cancellation);
        empty.Members.ShouldBeEmpty();
        (await other.InsertRowAsync(Silo(2), empty.Version.Next(), Cancellation)).ShouldBeTrue();
        await other.DeleteMembershipTableEntriesAsync("cluster-2", Cancellation);
        (await _table.ReadAllAsync(Cancellation)).Members.ShouldHaveSingleItem().Item1.SiloAddress.ShouldBe(Address(1));
    }

    private async Task<IMembershipTable> ConnectAsync()
    {
        IMembershipTable table = _fixture.Connect(Cluster);
        await table.InitializeMembershipTableAsync(true, Cancellation);
        return table;
    }

    private async Task<bool> InsertAsync(MembershipEntry silo) => await _table.InsertRowAsync(silo, (await _table.ReadAllAsync(Cancellation)).Version.Next(), Cancellation);

    private static SiloAddress Address(int number) => SiloAddress.New(IPAddress.Loopback, 11000 + number, 1000 + number);

    private static MembershipEntry Silo(int number, SiloStatus status = SiloStatus.Joining) => new()
    {
        SiloAddress = Address(number),
        HostName = $"host-{number}",
        SiloName = $"silo-{number}",
        RoleName = "storage",
        Status = status,
        ProxyPort = 30000 + number,
        StartTime = Day,
        IAmAliveTime = Day.AddSeconds(number),
    };
}
