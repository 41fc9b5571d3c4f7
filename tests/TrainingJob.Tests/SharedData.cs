namespace FaceSearch.TrainingJob.Tests;

/// <summary>Real faces and models kept outside the repository.</summary>
internal static class SharedData
{
    private static readonly string? Root = FindRoot();

    /// <summary>The data folder; the calling test is skipped where there is none.</summary>
    public static string Folder
    {
        get
        {
            if (Root is null)
                Assert.Skip("Needs the real data: set FACESEARCH_DATA, or place shared/data beside or above the checkout.");
            return Root!;
        }
    }

    public static string Models => Path.Combine(Folder, "models");

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
