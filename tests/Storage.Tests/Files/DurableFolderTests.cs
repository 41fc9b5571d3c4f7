using FaceSearch.Storage.Files;
using FaceSearch.Storage.Tests.Sqlite;

namespace FaceSearch.Storage.Tests.Files;

public sealed class DurableFolderTests
{
    [Fact]
    public void Many_that_delete_and_sweep_the_same_folders_at_once_leave_nothing_and_none_fails()
    {
        using TempFolder temp = new();
        for (int round = 0; round < 60; round++)
        {
            for (int i = 0; i < 4; i++)
            {
                string folder = Directory.CreateDirectory(Path.Combine(temp.Path, i % 2 == 0 ? $"kept-{i}" : $"{DurableFolder.DoomedPrefix}{i}", "inner")).FullName;
                for (int file = 0; file < 8; file++)
                    File.WriteAllText(Path.Combine(folder, $"{file}"), "x");
            }
            Parallel.For(0, 8, i =>
            {
                if (i < 2)
                    DurableFolder.Delete(Path.Combine(temp.Path, $"kept-{2 * i}"));
                DurableFolder.Sweep(temp.Path);
            });
            DurableFolder.Sweep(temp.Path);
            Directory.EnumerateFileSystemEntries(temp.Path).ShouldBeEmpty();
        }
    }
}
