using System.Net;
using System.Net.Sockets;
using FaceSearch.EndToEnd.Tests.Server;
using FaceSearch.Silo.Messaging;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace FaceSearch.EndToEnd.Tests.Messaging;

/// <summary>What a message can make the server read, and what not. Real files, links, pipes and a real HTTP server.</summary>
public sealed class ImageReferenceTests : IAsyncLifetime
{
    private readonly string _folder = Directory.CreateTempSubdirectory("facesearch-references-").FullName;
    private readonly string _root, _outside;
    private WebApplication _origin = null!, _elsewhere = null!;
    private int _fetchedElsewhere;

    public ImageReferenceTests() => (_root, _outside) = (Path.Combine(_folder, "inbox"), Path.Combine(_folder, "private"));

    public async ValueTask InitializeAsync()
    {
        Directory.CreateDirectory(_root);
        Directory.CreateDirectory(_outside);
        Directory.CreateDirectory(Path.Combine(_folder, "inbox-2"));
        File.WriteAllText(Path.Combine(_root, "a.jpg"), "picture");
        File.WriteAllText(Path.Combine(_outside, "secret"), "secret");
        File.WriteAllText(Path.Combine(_folder, "inbox-2", "secret"), "secret");
        File.CreateSymbolicLink(Path.Combine(_root, "link.jpg"), Path.Combine(_outside, "secret"));
        File.CreateSymbolicLink(Path.Combine(_root, "inner.jpg"), Path.Combine(_root, "a.jpg"));
        Directory.CreateSymbolicLink(Path.Combine(_root, "folder"), _outside);
        using (System.Diagnostics.Process pipe = System.Diagnostics.Process.Start("mkfifo", [Path.Combine(_root, "pipe.jpg")])!)
            await pipe.WaitForExitAsync();
        _elsewhere = await ServeAsync(app => app.MapGet("/{**path}", () =>
        {
            Interlocked.Increment(ref _fetchedElsewhere);
            return "elsewhere";
        }));
        string elsewhere = Address(_elsewhere);
        _origin = await ServeAsync(app =>
        {
            app.MapGet("/a.jpg", () => "picture");
            app.MapGet("/moved", () => Results.Redirect("/a.jpg"));
            app.MapGet("/loop", () => Results.Redirect("/loop"));
            app.MapGet("/out", () => Results.Redirect(elsewhere + "/b.jpg"));
            app.MapGet("/file", () => Results.Redirect("file:///etc/hostname"));
            app.MapGet("/large", () => Results.Bytes(new byte[2_000]));
            app.MapGet("/endless", async (HttpContext context) =>
            {
                while (!context.RequestAborted.IsCancellationRequested)
                    await context.Response.Body.WriteAsync(new byte[100]);
            });
            app.MapGet("/slow", async (HttpContext context) => await Task.Delay(Timeout.Infinite, context.RequestAborted));
            app.MapGet("/busy", () => Results.StatusCode(503));
        });
    }

    public async ValueTask DisposeAsync()
    {
        await _origin.DisposeAsync();
        await _elsewhere.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task A_file_of_the_folder_is_read_and_a_link_that_stays_inside_too()
    {
        using ImageReferences references = References();
        (await TextAsync(references, new Uri(Path.Combine(_root, "a.jpg")).AbsoluteUri)).ShouldBe("picture");
        (await TextAsync(references, new Uri(Path.Combine(_root, "inner.jpg")).AbsoluteUri)).ShouldBe("picture");
    }

    [Theory]
    [InlineData("file://{0}/../private/secret", "not-allowed")]
    [InlineData("file://{0}/%2e%2e/private/secret", "not-allowed")]
    [InlineData("file://{0}/..%2fprivate%2fsecret", "not-allowed")]
    [InlineData("file://{0}-2/secret", "not-allowed")]
    [InlineData("file://{0}/link.jpg", "not-allowed")]
    [InlineData("file://{0}/folder/secret", "not-allowed")]
    [InlineData("file:///etc/hostname", "not-allowed")]
    [InlineData("file:///proc/self/environ", "not-allowed")]
    [InlineData("file://server/share/a.jpg", "not-allowed")]
    [InlineData("file://{0}", "not-allowed")]
    [InlineData("file://{0}/pipe.jpg", "not-a-file")]
    [InlineData("file://{0}/missing.jpg", "not-found")]
    [InlineData("a.jpg", "malformed")]
    [InlineData("", "malformed")]
    [InlineData("ftp://127.0.0.1/a.jpg", "scheme")]
    [InlineData("data:image/png;base64,AAAA", "scheme")]
    public async Task Nothing_else_is_read_from_the_disk(string reference, string reason)
    {
        using ImageReferences references = References();
        ImageReferenceException refused = await Should.ThrowAsync<ImageReferenceException>(() => references.ReadAsync(string.Format(null, reference, _root), CancellationToken.None));
        refused.Reason.ShouldBe(reason);
        refused.Message.ShouldNotContain(_folder);
    }

    [Fact]
    public async Task An_allowed_origin_is_fetched_and_followed_within_itself()
    {
        using ImageReferences references = References();
        (await TextAsync(references, Address(_origin) + "/a.jpg")).ShouldBe("picture");
        (await TextAsync(references, Address(_origin) + "/moved?sig=secret")).ShouldBe("picture");
    }

    [Theory]
    [InlineData("/out", "not-allowed")]
    [InlineData("/file", "not-allowed")]
    [InlineData("/loop", "redirects")]
    [InlineData("/large", "too-large")]
    [InlineData("/endless", "too-large")]
    [InlineData("/missing", "not-found")]
    public async Task Nothing_else_is_fetched(string path, string reason)
    {
        using ImageReferences references = References();
        (await Should.ThrowAsync<ImageReferenceException>(() => references.ReadAsync(Address(_origin) + path, CancellationToken.None))).Reason.ShouldBe(reason);
        _fetchedElsewhere.ShouldBe(0);
    }

    [Fact]
    public async Task Another_port_scheme_or_user_is_another_origin()
    {
        using ImageReferences references = References();
        string origin = Address(_origin);
        foreach (string reference in new[] { Address(_elsewhere) + "/a.jpg", origin.Replace("http:", "https:", StringComparison.Ordinal) + "/a.jpg", origin.Replace("127.0.0.1", "localhost", StringComparison.Ordinal) + "/a.jpg" })
            (await Should.ThrowAsync<ImageReferenceException>(() => references.ReadAsync(reference, CancellationToken.None))).Reason.ShouldBe("not-allowed");
        (await Should.ThrowAsync<ImageReferenceException>(() => references.ReadAsync(origin.Replace("//", "//user:password@", StringComparison.Ordinal) + "/a.jpg", CancellationToken.None))).Reason.ShouldBe("malformed");
        _fetchedElsewhere.ShouldBe(0);
    }

    [Fact]
    public async Task A_name_that_leads_to_a_private_address_is_refused_unless_the_network_is_allowed()
    {
        string named = Address(_origin).Replace("127.0.0.1", "localhost", StringComparison.Ordinal);
        using ImageReferences careful = References(origins: [named]);
        (await Should.ThrowAsync<ImageReferenceException>(() => careful.ReadAsync(named + "/a.jpg", CancellationToken.None))).Reason.ShouldBe("private-address");
        using ImageReferences explicitly = References(origins: [named], networks: ["127.0.0.0/8"]);
        (await TextAsync(explicitly, named + "/a.jpg")).ShouldBe("picture");
    }

    [Fact]
    public async Task What_may_come_later_is_no_refusal()
    {
        using ImageReferences references = References();
        foreach (string path in new[] { "/slow", "/busy" })
            await Should.ThrowAsync<ImageUnavailableException>(() => references.ReadAsync(Address(_origin) + path, CancellationToken.None));
        string closed = $"http://127.0.0.1:{ServerProcess.FreePort()}";
        using ImageReferences gone = References(origins: [closed]);
        await Should.ThrowAsync<ImageUnavailableException>(() => gone.ReadAsync(closed + "/a.jpg", CancellationToken.None));
    }

    [Theory]
    [InlineData("10.1.2.3"), InlineData("172.31.0.1"), InlineData("192.168.1.1"), InlineData("169.254.169.254"), InlineData("100.64.0.1"), InlineData("0.0.0.0")]
    [InlineData("::1"), InlineData("fe80::1"), InlineData("fd00::1"), InlineData("::ffff:10.0.0.1"), InlineData("::ffff:127.0.0.1"), InlineData("64:ff9b::a00:1"), InlineData("224.0.0.1")]
    public void Private_addresses_are_known(string address) => ImageOrigin.IsPrivate(IPAddress.Parse(address)).ShouldBeTrue();

    [Theory]
    [InlineData("1.1.1.1"), InlineData("172.32.0.1"), InlineData("100.128.0.1"), InlineData("2606:4700:4700::1111"), InlineData("::ffff:8.8.8.8")]
    public void Public_addresses_are_not_private(string address) => ImageOrigin.IsPrivate(IPAddress.Parse(address)).ShouldBeFalse();

    private ImageReferences References(string[]? origins = null, string[]? networks = null) => new(Options.Create(new MessagingOptions
    {
        Images = new ImageSourceOptions { Roots = [_root], Origins = origins ?? [Address(_origin)], PrivateNetworks = networks ?? [], MaxBytes = 1_000, Timeout = TimeSpan.FromSeconds(1) },
    }));

    private static async Task<string> TextAsync(ImageReferences references, string reference) =>
        System.Text.Encoding.UTF8.GetString((await references.ReadAsync(reference, CancellationToken.None)).Span);

    private static string Address(WebApplication app) => app.Urls.First();

    private static async Task<WebApplication> ServeAsync(Action<WebApplication> map)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Logging.ClearProviders();
        WebApplication app = builder.Build();
        map(app);
        await app.StartAsync();
        return app;
    }
}
