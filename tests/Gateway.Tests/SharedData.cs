namespace FaceSearch.Gateway.Tests;

/// <summary>Real faces and models kept outside the repository.</summary>
internal static class SharedData
{
    private static readonly string? Root = FindRoot();

    /// <summary>Skips the calling test where there is none.</summary>
    public static string Folder
    {
        get
        {
            if (Root is null)
                Assert.Skip("Needs the real data: set FACESEARCH_DATA, or place shared/data beside or above the checkout.");
            return Root!;
        }
    }

    public static byte[] Scene(string name) => File.ReadAllBytes(Path.Combine(Folder, "scenes", name));

    /// <summary>The n-th LFW image of a person.</summary>
    public static byte[] Lfw(string person, int n) =>
        File.ReadAllBytes(Path.Combine(Folder, "faces", "lfw", person, string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{person}_{n:0000}.jpg")));

    private static string? FindRoot()
    {
        string? set = Environment.GetEnvironmentVariable("FACESEARCH_DATA");
        if (!string.IsNullOrEmpty(set))
            return Directory.Exists(set) ? set : null;
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            string candidate = Path.Combine(folder.FullName, "shared", "data");
            if (Directory.Exists(candidate))
                return candidate;
        }
        return null;
    }
}
