namespace FaceSearch.EndToEnd.Tests.Server;

/// <summary>Where things are, seen from a running test.</summary>
internal static class Repository
{
    /// <summary>The checkout: the folder that holds FaceSearch.sln.</summary>
    public static string Root { get; } = FindRoot();

    /// <summary>Debug or Release, as this test was built.</summary>
    public static string Configuration { get; } =
        AppContext.BaseDirectory.Contains($"{Path.DirectorySeparatorChar}Release{Path.DirectorySeparatorChar}", StringComparison.Ordinal) ? "Release" : "Debug";

    /// <summary>The built assembly of a room.</summary>
    public static string Assembly(string room) => Path.Combine(Root, room, "bin", Configuration, "net10.0", $"FaceSearch.{room}.dll");

    /// <summary>The folder of real faces and models; the test is skipped where there is none.</summary>
    public static string Data()
    {
        string? found = TryData();
        if (found is null)
            Assert.Skip("Needs real faces: set FACESEARCH_DATA, or put shared/data beside the checkout.");
        return found;
    }

    /// <summary>As <see cref="Data"/>; null where there is none.</summary>
    public static string? TryData()
    {
        string[] places = [Environment.GetEnvironmentVariable("FACESEARCH_DATA") ?? "", Path.Combine(Root, "..", "shared", "data"), Path.Combine(Root, "shared", "data")];
        string? found = places.FirstOrDefault(p => p.Length > 0 && Directory.Exists(p));
        return found is null ? null : Path.GetFullPath(found);
    }

    private static string FindRoot()
    {
        DirectoryInfo? folder = new(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "FaceSearch.sln")))
            folder = folder.Parent;
        return folder?.FullName ?? throw new DirectoryNotFoundException("The tests run inside a checkout of FaceSearch.");
    }
}
