using FaceSearch.Vision.Tests;

namespace FaceSearch.EndToEnd.Tests.Messaging;

/// <summary>A folder of made-up face thumbnails, as the allow-listed folder of a server without a detector.</summary>
internal sealed class Pictures : IDisposable
{
    public string Folder { get; } = Directory.CreateTempSubdirectory("facesearch-inbox-").FullName;

    public string Root => $"--Messaging:Images:Roots:0={Folder}";

    /// <summary>The reference of a picture; each number is another one.</summary>
    public string Make(int number)
    {
        string file = Path.Combine(Folder, $"picture-{number}.png");
        if (!File.Exists(file))
            File.WriteAllBytes(file, BadImages.Save(BadImages.Pattern(160 + (4 * (number % 40)), 160 + (4 * (number / 40 % 40))), ".png"));
        return new Uri(file).AbsoluteUri;
    }

    public void Dispose() => Directory.Delete(Folder, recursive: true);
}
