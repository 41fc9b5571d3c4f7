namespace FaceSearch.Tests;

/// <summary>Real faces, scenes, templates and models, which are kept outside the repository: FACESEARCH_DATA, or shared/data beside or above the checkout.</summary>
internal static class SharedData
{
    /// <summary>The data folder; null where there is none.</summary>
    public static string? FolderOrNull { get; } = Find();

    /// <summary>The data folder; the calling test is skipped where there is none.</summary>
    public static string Folder
    {
        get
        {
            if (FolderOrNull is null)
                Assert.Skip("Needs the real data: set FACESEARCH_DATA, or place shared/data beside or above the checkout.");
            return FolderOrNull!;
        }
    }

    public static string Models => Path.Combine(Folder, "models");

    /// <summary>One folder a person.</summary>
    public static string Faces => Path.Combine(Folder, "faces", "lfw");

    /// <summary>Path of a photograph.</summary>
    public static string Scene(string name) => Path.Combine(Folder, "scenes", name);

    /// <summary>Path of an LFW image, from its name: George_W_Bush_0001.jpg.</summary>
    public static string Lfw(string fileName) => Path.Combine(Faces, fileName[..fileName.LastIndexOf('_')], fileName);

    private static string? Find()
    {
        if (Environment.GetEnvironmentVariable("FACESEARCH_DATA") is { Length: > 0 } set)
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
