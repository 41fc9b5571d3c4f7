using System.Collections.Concurrent;
using FaceSearch.EndToEnd.Tests.Recognition;
using FaceSearch.EndToEnd.Tests.Server;
using Microsoft.Playwright;

namespace FaceSearch.EndToEnd.Tests.Console;

/// <summary>The console page in Debian's Chromium, against the real server.</summary>
public sealed class ConsolePageTests(ServerWithModels models) : IClassFixture<ServerWithModels>, IAsyncLifetime
{
    private static readonly string[] Quiet =
        ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];

    private readonly ConcurrentBag<string> _requests = [];
    private readonly ConcurrentBag<string> _errors = [];
    private IPlaywright? _playwright;
    private IBrowser? _browser;
    private IPage _page = null!;

    public async ValueTask InitializeAsync()
    {
        const string Chromium = "/usr/bin/chromium";
        if (!File.Exists(Chromium))
            Assert.Skip("Needs Debian's chromium: apt-get install chromium.");
        _playwright = await Playwright.CreateAsync();
        _browser = await _playwright.Chromium.LaunchAsync(new() { ExecutablePath = Chromium, Args = Quiet });
        _page = await _browser.NewPageAsync();
        _page.SetDefaultTimeout(60_000);
        _page.Request += (_, request) => _requests.Add(request.Url);
        _page.Console += (_, message) =>
        {
            if (message.Type == "error")
                _errors.Add(message.Text);
        };
        _page.PageError += (_, error) => _errors.Add(error);
    }

    public async ValueTask DisposeAsync()
    {
        if (_browser is not null)
            await _browser.DisposeAsync();
        _playwright?.Dispose();
    }

    [Fact]
    public async Task A_person_is_enrolled_recognised_browsed_and_erased_on_the_page()
    {
        ServerProcess server = models.Server;
        string faces = SharedData.Faces;
        await _page.GotoAsync(server.Url);
        await CreateGalleryAsync("page-people");
        await EnrolAsync("Colin_Powell", Path.Combine(faces, "Colin_Powell", "Colin_Powell_0001.jpg"));

        await _page.GetByRole(AriaRole.Tab, new() { Name = "Identify" }).ClickAsync();
        await _page.SetInputFilesAsync("#identify-photo-file", Path.Combine(faces, "Colin_Powell", "Colin_Powell_0003.jpg"));
        await _page.WaitForSelectorAsync("#identify-results article.match");
        (await _page.InnerTextAsync("#identify-results article.match header strong")).ShouldBe("Colin_Powell");
        (await _page.Locator("#identify-photo svg rect.face-box.match").CountAsync()).ShouldBe(1);
        await _page.SetInputFilesAsync("#identify-photo-file", SharedData.Scene("astronaut_512x512.png"));
        await _page.WaitForSelectorAsync("#identify-results article.unknown");

        await _page.GetByRole(AriaRole.Tab, new() { Name = "People" }).ClickAsync();
        await _page.GetByRole(AriaRole.Button, new() { Name = "Erase Colin_Powell" }).ClickAsync();
        await _page.Locator("#erase-dialog button[value=erase]").ClickAsync();
        await _page.WaitForSelectorAsync("#people-list .empty");
        using HttpResponseMessage gone = await server.TrySendAsync(HttpMethod.Get, "/api/v1/galleries/page-people/identities/Colin_Powell", null);
        ((int)gone.StatusCode).ShouldBe(404);

        _requests.ShouldAllBe(url => url.StartsWith(server.Url, StringComparison.Ordinal) || url.StartsWith("blob:", StringComparison.Ordinal));
        _errors.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_refusal_shows_its_reason_and_the_faces_found()
    {
        ServerProcess server = models.Server;
        await _page.GotoAsync(server.Url);
        await CreateGalleryAsync("page-refusals");
        await _page.GetByRole(AriaRole.Tab, new() { Name = "Enrol" }).ClickAsync();
        await _page.SetInputFilesAsync("#enrol-photo-file", SharedData.Scene("solvay_1927_1024x741.jpg"));
        await _page.ClickAsync("#enrol-submit");
        await _page.WaitForSelectorAsync("#enrol-results .problem");
        (await _page.InnerTextAsync("#enrol-results")).ShouldContain("29 faces");
        (await _page.Locator("#enrol-photo svg rect.face-box").CountAsync()).ShouldBe(29);
    }

    [Fact]
    public async Task The_status_is_live_the_tabs_follow_the_keyboard_and_nothing_overflows_a_phone()
    {
        ServerProcess server = models.Server;
        await _page.SetViewportSizeAsync(360, 740);
        await _page.GotoAsync(server.Url);
        await _page.GetByRole(AriaRole.Tab, new() { Name = "Identify" }).FocusAsync();
        for (int i = 0; i < 3; i++)
            await _page.Keyboard.PressAsync("ArrowRight");
        await _page.WaitForSelectorAsync("#panel-status:not([hidden]) #status-checks li");
        string checks = await _page.InnerTextAsync("#status-checks");
        checks.ShouldContain("embedder");
        checks.ShouldContain("storage");
        (await _page.InnerTextAsync("#health-text")).ShouldNotBe("connecting");
        (await _page.EvaluateAsync<int>("document.documentElement.scrollWidth")).ShouldBeLessThanOrEqualTo(360);
        (await _page.Locator("input:visible:not([aria-label])").EvaluateAllAsync<bool>("all => all.every(i => i.labels && i.labels.length > 0)")).ShouldBeTrue();
    }

    [Fact]
    public async Task The_API_reference_needs_nobody_else()
    {
        ServerProcess server = models.Server;
        await _page.GotoAsync($"{server.Url}/reference");
        await _page.WaitForSelectorAsync("text=identify");
        _requests.ShouldAllBe(url => url.StartsWith(server.Url, StringComparison.Ordinal) || url.StartsWith("blob:", StringComparison.Ordinal) || url.StartsWith("data:", StringComparison.Ordinal));
    }

    private async Task CreateGalleryAsync(string name)
    {
        await _page.ClickAsync("#new-gallery");
        await _page.FillAsync("#gallery-name", name);
        await _page.Locator("#gallery-form button[type=submit]").ClickAsync();
        await _page.WaitForFunctionAsync("name => document.getElementById('gallery').value === name", name);
    }

    private async Task EnrolAsync(string identity, string photo)
    {
        await _page.GetByRole(AriaRole.Tab, new() { Name = "Enrol" }).ClickAsync();
        await _page.SetInputFilesAsync("#enrol-photo-file", photo);
        await _page.FillAsync("#enrol-identity", identity);
        await _page.SelectOptionAsync("#enrol-faces", "central");
        await _page.ClickAsync("#enrol-submit");
        await _page.WaitForSelectorAsync("#enrol-results .success");
    }
}
