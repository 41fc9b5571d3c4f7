using Microsoft.Extensions.Configuration;

namespace FaceSearch.Gateway.Tests.Security;

public sealed class GatewayExposureTests
{
    [Theory]
    [InlineData("http://localhost:5000", true)]
    [InlineData("http://127.0.0.1:5000", true)]
    [InlineData("http://127.9.9.9", true)]
    [InlineData("https://[::1]:5001", true)]
    [InlineData("http://unix:/run/facesearch.sock", true)]
    [InlineData("http://*:5000", false)]
    [InlineData("http://+:5000", false)]
    [InlineData("http://0.0.0.0:5000", false)]
    [InlineData("http://[::]:5000", false)]
    [InlineData("http://192.168.1.7:80", false)]
    [InlineData("http://localhost.example.org:80", false)]
    [InlineData("http://gateway:80/base", false)]
    public void Only_loopback_is_private(string address, bool loopback) => GatewayExposure.IsLoopback(address).ShouldBe(loopback);

    [Fact]
    public void An_open_address_without_an_admin_key_is_refused_with_the_way_out()
    {
        string refusal = GatewayExposure.Check(["http://localhost:1", "http://0.0.0.0:8080"], adminKeyExists: false).ShouldNotBeNull();
        refusal.ShouldContain("http://0.0.0.0:8080");
        refusal.ShouldContain("facesearch keys create");
        GatewayExposure.Check(["http://0.0.0.0:8080"], adminKeyExists: true).ShouldBeNull();
        GatewayExposure.Check(["http://localhost:8080"], adminKeyExists: false).ShouldBeNull();
    }

    [Fact]
    public void Addresses_are_read_as_the_web_server_reads_them()
    {
        Addresses(("urls", "http://localhost:1;http://*:2")).ShouldBe(["http://localhost:1", "http://*:2"]);
        Addresses(("http_ports", "8080")).ShouldBe(["http://*:8080"]);
        Addresses(("urls", "http://localhost:1"), ("Kestrel:Endpoints:Public:Url", "http://*:3")).ShouldBe(["http://*:3"]);
        Addresses().ShouldBe(["http://localhost:5000"]);
    }

    private static IReadOnlyList<string> Addresses(params (string, string)[] settings) => GatewayExposure.ConfiguredAddresses(
        new ConfigurationBuilder().AddInMemoryCollection(settings.Select(s => KeyValuePair.Create(s.Item1, (string?)s.Item2))).Build());
}
