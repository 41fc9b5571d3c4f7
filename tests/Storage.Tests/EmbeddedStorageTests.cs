using System.Diagnostics;
using FaceSearch.Storage.Files;
using FaceSearch.Storage.Tests.Conformance;
using FaceSearch.Storage.Tests.Sqlite;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Orleans.Hosting;
using Orleans.Runtime;
using Orleans.Storage;

namespace FaceSearch.Storage.Tests;

public sealed class EmbeddedStorageTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_silo_finds_its_storage_and_gives_the_folder_back_when_it_stops()
    {
        for (int start = 0; start < 2; start++)
        {
            using IHost host = Host.CreateDefaultBuilder().UseOrleans(silo => silo.UseLocalhostClustering().AddFaceSearchEmbeddedStorage(_folder.Path)).Build();
            var storage = host.Services.GetRequiredKeyedService<IGrainStorage>("Default");
            var state = new GrainState<Dictionary<string, string>> { State = [] };
            GrainId grain = GrainId.Create("gallery", "people");
            await storage.ReadStateAsync("settings", grain, state);
            state.RecordExists.ShouldBe(start == 1);
            state.State["start"] = "1";
            await storage.WriteStateAsync("settings", grain, state);
            host.Services.GetRequiredService<ITemplateLogProvider>().Description.ShouldBe($"SQLite files under {_folder.Path}");
            host.Services.GetRequiredService<ISnapshotStore>().ShouldBeOfType<FileSnapshotStore>();
            await using ITemplateLog log = await host.Services.GetRequiredService<ITemplateLogProvider>().OpenAsync(new("people", 1, 0));
            log.Epoch.ShouldBe(start + 1);
        }
    }

    [Fact]
    public void A_second_holder_of_the_folder_is_refused_by_name()
    {
        var data = new DataFolder(_folder.Path);
        using (DataFolderLock.Take(data))
        {
            Should.Throw<StorageUnavailableException>(() => DataFolderLock.Take(data)).Message
                .ShouldContain($"in use by process {Environment.ProcessId}");
        }
        DataFolderLock.Take(data).Dispose();
    }

    [Fact]
    public async Task A_killed_process_leaves_the_folder_free()
    {
        using (Process child = Child.Start("hold", _folder.Path))
        {
            (await child.StandardOutput.ReadLineAsync()).ShouldBe("held");
            Should.Throw<StorageUnavailableException>(() => DataFolderLock.Take(new DataFolder(_folder.Path))).Message
                .ShouldContain($"in use by process {child.Id}");
            child.Kill();
            await child.WaitForExitAsync();
        }
        DataFolderLock.Take(new DataFolder(_folder.Path)).Dispose();
    }

    [Theory]
    [InlineData("../up")]
    [InlineData("a/b")]
    [InlineData("..")]
    [InlineData("")]
    [InlineData("Upper")]
    public async Task A_gallery_name_that_could_leave_the_folder_is_refused(string gallery)
    {
        var provider = new Storage.Sqlite.SqliteTemplateLogProvider(new DataFolder(_folder.Path), new FixedTime(Make.Day));
        await Should.ThrowAsync<ArgumentException>(async () => await provider.OpenAsync(new(gallery, 1, 0)));
        await Should.ThrowAsync<ArgumentException>(async () => await provider.DeleteGalleryAsync(gallery));
        Directory.EnumerateFileSystemEntries(_folder.Path).ShouldBeEmpty();
    }
}
