namespace FaceSearch.Grains.Tests;

/// <summary>A folder of its own that is gone afterwards.</summary>
internal sealed class TempFolder : IDisposable
{
    public string Root { get; } = Directory.CreateTempSubdirectory("facesearch-test-").FullName;

    public void Dispose() => Directory.Delete(Root, recursive: true);

    /// <summary>Names of the files in which the bytes occur.</summary>
    public IReadOnlyList<string> FilesContaining(ReadOnlySpan<byte> bytes)
    {
        List<string> found = [];
        foreach (string file in Directory.EnumerateFiles(Root, "*", SearchOption.AllDirectories).Where(f => Path.GetFileName(f) != "lock"))
        {
            using FileStream stream = new(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            byte[] content = new byte[stream.Length];
            stream.ReadExactly(content);
            if (content.AsSpan().IndexOf(bytes) >= 0)
                found.Add(file);
        }
        return found;
    }
}
