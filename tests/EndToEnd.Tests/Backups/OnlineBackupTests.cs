using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using FaceSearch.EndToEnd.Tests.Cluster;
using FaceSearch.EndToEnd.Tests.Durability;
using FaceSearch.EndToEnd.Tests.Server;
using FaceSearch.Storage;

namespace FaceSearch.EndToEnd.Tests.Backups;

/// <summary>A real server is backed up while it enrols, erases and identifies, and another one goes on with what was restored, on another store.</summary>
public sealed class OnlineBackupTests
{
    private const string AdminKey = "an-admin-key-of-the-backup-tests";
    private const int Fillers = 980, MostOfAShard = 1000, Filler = 5_000_000;
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(3);

    [Theory, Trait("Category", "Slow")]
    [InlineData("Embedded", "Postgres")]
    [InlineData("Postgres", "Azure")]
    [InlineData("Azure", "Embedded")]
    public async Task A_restored_server_has_what_was_acknowledged_and_nothing_of_what_was_erased_before_the_backup(string from, string into)
    {
        using Keys keys = new();
        await using StorePlace source = await StorePlace.CreateAsync(from, keys, $"--Silo:AdminKey={AdminKey}", $"--Backup:KeyFile={keys.Backup}", $"--Backup:Folder={keys.Backups}");
        await using StorePlace target = await StorePlace.CreateAsync(into, keys);
        await StartAsync(source.Server);
        await FillAsync(source.Server);
        Ledger ledger = new();
        using FaceLoad faces = new(source.Server);
        using CancellationTokenSource stop = new();
        Task[] load = [.. Enumerable.Range(0, 3).Select(_ => ledger.WorkAsync(source.Server, source.Server, stop.Token)), faces.WorkAsync(stop.Token), IdentifyAsync(source.Server, stop.Token)];
        await source.Server.WaitAsync(() => Task.FromResult(ledger.Settled().Count(s => s.Erased) >= 5 && faces.Erased().Count >= 2), Limit);

        ((int Person, bool Erased)[] people, Dictionary<string, TemplateId> kept, Dictionary<string, TemplateId> erased) = (ledger.Settled(), faces.Kept(), faces.Erased());
        int acknowledged = ledger.Acknowledged;
        string folder = await BackupAsync(source.Server);
        ledger.Acknowledged.ShouldBeGreaterThan(acknowledged, "the server went on enrolling");
        await stop.CancelAsync();
        await Task.WhenAll(load);
        (await source.Server.StopAsync()).ShouldBe(0);

        await RefusesDamagedAsync(folder, target);
        (int code, string output) = await target.RestoreAsync(folder);
        code.ShouldBe(0, output);
        await StartAsync(target.Server);
        (await target.Server.TrySendAsync(HttpMethod.Get, "/api/v1/galleries/faces", null)).StatusCode.ShouldBe(HttpStatusCode.Unauthorized, "keys are asked for");
        target.Server.Http.DefaultRequestHeaders.Add("X-Api-Key", AdminKey);
        Stopwatch since = Stopwatch.StartNew();
        foreach ((int person, bool wasErased) in people)
            await Ledger.FindAsync(target.Server, person, wasErased, since);
        // Opens the shard, which then finishes in the background what was erased between the copy of images and that of the log.
        TemplateId[] templates = [.. (await IdentitiesAsync(target.Server, FaceLoad.Gallery)).SelectMany(i => i.GetProperty("templates").EnumerateArray()).Select(t => FaceLoad.Template(t.GetProperty("id").GetString()!))];
        await EveryoneIsFoundAsync(target.Server);
        await GalleriesAsync(target.Server);
        foreach (string name in erased.Keys)
            (await target.Server.TrySendAsync(HttpMethod.Get, $"/api/v1/galleries/{FaceLoad.Gallery}/identities/{name}", null)).StatusCode.ShouldBe(HttpStatusCode.NotFound);
        (await target.Server.StopAsync()).ShouldBe(0);

        RetainedImages images = await target.ImagesAsync(FaceLoad.Gallery, [.. kept.Values]);
        images.Damaged.ShouldBeEmpty();
        images.Images.Count.ShouldBe(kept.Count);
        images.Images.Select(i => Convert.ToHexString(i.Bytes)).ShouldBe((await source.ImagesAsync(FaceLoad.Gallery, [.. kept.Values])).Images.Select(i => Convert.ToHexString(i.Bytes)));
        (await target.ImagesAsync(FaceLoad.Gallery, [.. erased.Values])).Images.ShouldBeEmpty();
        (await target.ImagesAsync(FaceLoad.Gallery, templates)).Damaged.ShouldBeEmpty();
        // Whoever was erased while it ran is in the log as erased: no image of him is left either.
        (await target.ImagesAsync(FaceLoad.Gallery, [.. faces.Erased().Values.Except(templates)])).Images.ShouldBeEmpty();
    }

    private static async Task StartAsync(ServerProcess server)
    {
        await server.StartAgainAsync();
        server.Http.DefaultRequestHeaders.Remove("X-Api-Key");
        if (server.Output.Contains(AdminKey, StringComparison.Ordinal))
            throw new InvalidOperationException("The admin key was printed.");
    }

    /// <summary>Galleries whose names read as one number, one that is deleted, and one about to grow by a shard.</summary>
    private static async Task FillAsync(ServerProcess server)
    {
        server.Http.DefaultRequestHeaders.Add("X-Api-Key", AdminKey);
        foreach (string gallery in (string[])["a", "0a", "a1", "0f8fad5b-d9cb-469f-a165-70867728950e", "plain"])
        {
            await server.CreateGalleryAsync(gallery, new { description = $"of {gallery}", model = "external" });
            await server.EnrolAsync(gallery, $"somebody-{gallery}", Synthetic.Face(1));
        }
        await server.CreateGalleryAsync("deleted", new { model = "external" });
        await server.EnrolAsync("deleted", "somebody", Synthetic.Face(1));
        await server.SendAsync(HttpMethod.Delete, "/api/v1/galleries/deleted", null);
        await server.CreateGalleryAsync("ledger", new { model = "external", maxTemplatesPerShard = MostOfAShard });
        string lines = string.Concat(Enumerable.Range(0, Fillers).Select(i => Api.Line(new { operationId = $"filler-{i}", identity = $"filler-{i}", embedding = Api.Base64(Synthetic.Face(Filler + i)), onConflict = "allow" })));
        (await server.BulkAsync("ledger", lines)).GetProperty("enrolled").GetInt32().ShouldBe(Fillers);
        await server.CreateGalleryAsync(FaceLoad.Gallery, new { retention = "crop" });
    }

    private static async Task IdentifyAsync(ServerProcess server, CancellationToken stop)
    {
        for (int i = 0; !stop.IsCancellationRequested; i = (i + 1) % Fillers)
        {
            using HttpResponseMessage answer = await server.TrySendAsync(HttpMethod.Post, "/api/v1/galleries/ledger/identify", JsonContent.Create(new { embedding = Synthetic.Face(Filler + i), top = 1 }));
            if (answer.IsSuccessStatusCode) // A machine that is busy with other things may be too late; a wrong answer is wrong.
                Ledger.Best(JsonDocument.Parse(await answer.Content.ReadAsStringAsync(CancellationToken.None)).RootElement).ShouldBe($"filler-{i}");
        }
    }

    /// <summary>Takes a backup by the API and follows it; its folder.</summary>
    private static async Task<string> BackupAsync(ServerProcess server)
    {
        JsonElement backup = await server.SendAsync(HttpMethod.Post, "/api/v1/backups", JsonContent.Create(new { }));
        string path = $"/api/v1/backups/{backup.GetProperty("id").GetString()}";
        using (HttpResponseMessage second = await server.TrySendAsync(HttpMethod.Post, "/api/v1/backups", JsonContent.Create(new { })))
            second.StatusCode.ShouldBe(HttpStatusCode.Conflict);
        await server.WaitAsync(async () => (backup = await server.GetAsync(path)).GetProperty("state").GetString() is not ("running" or "verifying"), Limit);
        backup.GetProperty("state").GetString().ShouldBe("done", backup.GetRawText());
        backup.GetProperty("encrypted").GetBoolean().ShouldBeTrue();
        backup.GetProperty("identities").GetInt64().ShouldBeGreaterThan(Fillers);
        backup.TryGetProperty("verifiedAt", out _).ShouldBeTrue();
        (await server.GetAsync("/api/v1/backups")).GetProperty("items").GetArrayLength().ShouldBe(1);
        return backup.GetProperty("folder").GetString()!;
    }

    private static async Task RefusesDamagedAsync(string folder, StorePlace target)
    {
        string file = Directory.EnumerateFiles(Path.Combine(folder, "logs"), "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal).First();
        byte[] whole = await File.ReadAllBytesAsync(file), damaged = [.. whole];
        damaged[^20] ^= 1;
        await File.WriteAllBytesAsync(file, damaged);
        (int code, string output) = await StorePlace.SiloAsync("verify-backup", $"--from={folder}", $"--key-file={target.Keys.Backup}");
        code.ShouldBe(1, output);
        output.ShouldContain(Path.GetRelativePath(folder, file));
        (code, output) = await target.RestoreAsync(folder);
        code.ShouldBe(1, output);
        output.ShouldContain(Path.GetRelativePath(folder, file));
        await File.WriteAllBytesAsync(file, whole);
        (await StorePlace.SiloAsync("verify-backup", $"--from={folder}", $"--key-file={target.Keys.Backup}")).Code.ShouldBe(0);
    }

    /// <summary>Whoever the directory of the gallery names is found by the search of its shards.</summary>
    private static async Task EveryoneIsFoundAsync(ServerProcess server)
    {
        List<JsonElement> all = await IdentitiesAsync(server, "ledger");
        all.Count.ShouldBeGreaterThan(Fillers);
        (await server.GetAsync("/api/v1/galleries/ledger")).GetProperty("identities").GetInt64().ShouldBe(all.Count);
        foreach (string name in all.Select(i => i.GetProperty("id").GetString()!))
        {
            int number = int.Parse(name[(name.IndexOf('-', StringComparison.Ordinal) + 1)..], CultureInfo.InvariantCulture);
            int face = name.StartsWith("filler-", StringComparison.Ordinal) ? Filler + number : number;
            Ledger.Best(await server.IdentifyAsync("ledger", Synthetic.Face(face))).ShouldBe(name);
        }
    }

    private static async Task GalleriesAsync(ServerProcess server)
    {
        foreach (string gallery in (string[])["a", "0a", "a1", "0f8fad5b-d9cb-469f-a165-70867728950e", "plain"])
        {
            (await server.GetAsync($"/api/v1/galleries/{gallery}")).GetProperty("settings").GetProperty("description").GetString().ShouldBe($"of {gallery}");
            (await IdentitiesAsync(server, gallery)).ShouldHaveSingleItem().GetProperty("id").GetString().ShouldBe($"somebody-{gallery}");
        }
        (await server.GetAsync("/api/v1/galleries")).GetProperty("items").EnumerateArray().Select(g => g.GetProperty("id").GetString())
            .ShouldBe(["0a", "0f8fad5b-d9cb-469f-a165-70867728950e", "a", "a1", FaceLoad.Gallery, "ledger", "plain"]);
    }

    private static async Task<List<JsonElement>> IdentitiesAsync(ServerProcess server, string gallery)
    {
        List<JsonElement> all = [];
        string? after = null;
        do
        {
            JsonElement page = await server.GetAsync($"/api/v1/galleries/{gallery}/identities?limit=1000{(after is null ? "" : $"&after={after}")}");
            all.AddRange(page.GetProperty("items").EnumerateArray());
            after = page.TryGetProperty("next", out JsonElement next) ? next.GetString() : null;
        }
        while (after is not null);
        return all;
    }
}
