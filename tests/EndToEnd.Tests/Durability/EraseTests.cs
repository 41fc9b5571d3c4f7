using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using FaceSearch.EndToEnd.Tests.Server;

namespace FaceSearch.EndToEnd.Tests.Durability;

public sealed class EraseTests
{
    [Fact]
    public async Task After_an_erasure_the_template_is_in_no_file_of_the_running_server_and_no_answer()
    {
        await using ServerProcess server = await ServerProcess.StartAsync(null, "--Shards:SnapshotAfterChanges=50", "--Shards:SnapshotAfterShare=0");
        await server.CreateGalleryAsync("people");
        float[] marker = Synthetic.Face(77);
        for (int person = 0; person < 120; person++)
            await server.EnrolAsync("people", Api.Name(person), Synthetic.Face(person));
        await server.WaitAsync(() => Task.FromResult(FilesWith(server.DataFolder, marker).Count >= 2), TimeSpan.FromMinutes(1));
        JsonElement receipt = await server.SendAsync(HttpMethod.Delete, $"/api/v1/galleries/people/identities/{Api.Name(77)}", null, "erase-77");
        receipt.GetProperty("templatesErased").GetInt32().ShouldBe(1);
        receipt.GetProperty("snapshotsRewritten").GetInt32().ShouldBeGreaterThanOrEqualTo(1);
        FilesWith(server.DataFolder, marker).ShouldBeEmpty();
        FilesWith(server.DataFolder, Encoding.UTF8.GetBytes(Api.Name(77))).ShouldBeEmpty();
        JsonElement answer = await server.IdentifyAsync("people", marker, top: 100);
        answer.GetProperty("results")[0].GetProperty("candidates").EnumerateArray().ShouldAllBe(c => c.GetProperty("identity").GetString() != Api.Name(77));
        using HttpResponseMessage missing = await server.TrySendAsync(HttpMethod.Get, $"/api/v1/galleries/people/identities/{Api.Name(77)}", null);
        ((int)missing.StatusCode).ShouldBe(404);
        server.Output.ShouldNotContain(Api.Base64(marker)[..40]);
    }

    private static List<string> FilesWith(string folder, float[] embedding) => FilesWith(folder, MemoryMarshal.AsBytes(embedding.AsSpan()).ToArray());

    private static List<string> FilesWith(string folder, byte[] bytes)
    {
        List<string> found = [];
        foreach (string file in Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Where(f => Path.GetFileName(f) != "lock"))
        {
            try
            {
                using FileStream stream = new(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
                byte[] content = new byte[stream.Length];
                stream.ReadExactly(content);
                if (content.AsSpan().IndexOf(bytes) >= 0)
                    found.Add(file);
            }
            catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException or EndOfStreamException)
            {
                // A snapshot that was being written or deleted at this moment.
            }
        }
        return found;
    }
}
