using FaceSearch.EndToEnd.Tests.Server;

namespace FaceSearch.Cli.Tests;

/// <summary>Small folders of real people, made of links to the data beside the checkout; nothing is copied.</summary>
internal static class RealFaces
{
    /// <summary>Environment that names the real models.</summary>
    public static Dictionary<string, string> Models() => new() { ["FACESEARCH_MODELS"] = ModelsFolder };

    /// <summary>Folder of the real models; skips the test where there is none.</summary>
    public static string ModelsFolder => SharedData.Models;

    /// <summary>Links the first images of the first people who have enough of them, and returns the folder.</summary>
    public static string LinkSome(TemporaryFolder folder, int people, int imagesEach)
    {
        string root = folder.Below("people");
        IEnumerable<string> chosen = Directory.GetDirectories(SharedData.Faces)
            .Order(StringComparer.Ordinal)
            .Where(person => Directory.GetFiles(person).Length >= imagesEach)
            .Take(people);
        foreach (string person in chosen)
        {
            string target = Directory.CreateDirectory(Path.Combine(root, Path.GetFileName(person))).FullName;
            foreach (string image in Directory.GetFiles(person).Order(StringComparer.Ordinal).Take(imagesEach))
                File.CreateSymbolicLink(Path.Combine(target, Path.GetFileName(image)), image);
        }
        return root;
    }

    /// <summary>An image of the data folder.</summary>
    public static string Scene(string name) => SharedData.Scene(name);
}
