using System.Diagnostics;
using FaceSearch.Storage.Files;
using FaceSearch.Storage.Sqlite;
using FaceSearch.Storage.Tests.Conformance;

namespace FaceSearch.Storage.Tests.Sqlite;

/// <summary>A data folder in the temp directory.</summary>
internal sealed class SqliteStore : TemplateLogStore
{
    public TempFolder Folder { get; } = new();

    public override ITemplateLogProvider Connect(TimeProvider time) => new SqliteTemplateLogProvider(new DataFolder(Folder.Path), time);

    /// <summary>
    /// Looks at a copy made by another process: closing a database file in this one would drop SQLite's locks on it.
    /// </summary>
    public override ValueTask<bool?> HoldsAsync(ReadOnlyMemory<byte> needle)
    {
        using var copy = new TempFolder();
        Folder.CopyTo(copy.Path);
        return new(Directory.EnumerateFiles(copy.Path, "*", SearchOption.AllDirectories).Any(f => File.ReadAllBytes(f).AsSpan().IndexOf(needle.Span) >= 0));
    }

    public override ValueTask DisposeAsync()
    {
        Folder.Dispose();
        return ValueTask.CompletedTask;
    }
}

/// <summary>A folder that is deleted at the end; in memory where there is such a file system and no flush matters.</summary>
internal sealed class TempFolder(bool inMemory = false) : IDisposable
{
    private const string Memory = "/dev/shm";

    public string Path { get; } = inMemory && Directory.Exists(Memory)
        ? Directory.CreateDirectory($"{Memory}/facesearch-storage-{Guid.NewGuid():n}").FullName
        : Directory.CreateTempSubdirectory("facesearch-storage-").FullName;

    /// <summary>Copies the content with cp, without this process opening any of the files.</summary>
    public void CopyTo(string target)
    {
        using Process cp = Process.Start("cp", ["-r", System.IO.Path.Combine(Path, "."), target]);
        cp.WaitForExit();
        cp.ExitCode.ShouldBe(0);
    }

    public void Dispose()
    {
        if (Directory.Exists(Path))
            Directory.Delete(Path, recursive: true);
    }
}
