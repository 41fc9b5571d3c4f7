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

    private static string FindRoot()
    {
        DirectoryInfo? folder = new(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "FaceSearch.sln")))
            folder = folder.Parent;
        return folder?.FullName ?? throw new DirectoryNotFoundException("The tests run inside a checkout of FaceSearch.");
    }
}
