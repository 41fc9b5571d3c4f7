using System.Diagnostics;

namespace FaceSearch.Storage.Tests.Sqlite;

/// <summary>A small file system in memory; the test is skipped where none can be mounted.</summary>
internal sealed class SmallDisk : IDisposable
{
    private readonly TempFolder _folder = new();

    public SmallDisk(int megabytes) =>
        Assert.SkipUnless(OperatingSystem.IsLinux() && Tool("mount", "-t", "tmpfs", "-o", $"size={megabytes}m", "tmpfs", Path), "A small file system cannot be mounted here.");

    public string Path => _folder.Path;

    public void Dispose()
    {
        Tool("umount", Path).ShouldBeTrue();
        _folder.Dispose();
    }

    /// <summary>Whether a program ran and succeeded.</summary>
    public static bool Tool(string name, params string[] arguments)
    {
        try
        {
            using Process process = Process.Start(new ProcessStartInfo(name, arguments) { RedirectStandardError = true })!;
            process.WaitForExit();
            return process.ExitCode == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false;
        }
    }
}
