using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace FaceSearch.TrainingJob.Torch;

/// <summary>
/// Makes TorchSharp load on hosts whose libstdc++ is older than the one it was linked with (Debian 12 has GCC 12's).
/// <para>
/// TorchSharp's libLibTorchSharp.so wants exactly one symbol of GLIBCXX_3.4.32 (GCC 13):
/// std::ios_base_library_init(), which newer headers call once so that iostreams are initialised. An older
/// libstdc++ initialises them by itself, so the call may go to any harmless function without arguments; here
/// std::get_new_handler() of GLIBCXX_3.4.20. The edit is made in a private copy, and only where the original
/// cannot be loaded. TorchSharp then finds the loaded copy by its name, as any later dlopen does.
/// </para>
/// </summary>
public static class NativeTorch
{
    private const string Bridge = "libLibTorchSharp.so";
    private const string MissingVersion = "GLIBCXX_3.4.32";

    /// <summary>libtorch's parts in the order in which they need one another.</summary>
    private static readonly string[] Parts = ["libgomp-98b21ff3.so.1", "libc10.so", "libtorch_cpu.so", "libtorch.so"];

    /// <summary>Whether the copy was needed on this host; null before TorchSharp is first used.</summary>
    public static bool? Patched { get; private set; }

    /// <summary>
    /// Runs before anything of this assembly; a program that touches TorchSharp before this assembly calls it first
    /// (calling it again does nothing). A failure is left to TorchSharp's own loading,
    /// whose message says what it looked for: `trainingjob --help` must work without libtorch.
    /// </summary>
#pragma warning disable CA2255 // TorchSharp offers no hook of its own.
    [ModuleInitializer]
#pragma warning restore CA2255
    public static void Prepare()
    {
        if (Patched is not null || !OperatingSystem.IsLinux() || RuntimeInformation.ProcessArchitecture != Architecture.X64 || Find(Bridge) is not { } bridge)
            return;
        foreach (string part in Parts)
        {
            if (Find(part) is { } path)
                NativeLibrary.TryLoad(path, out _);
        }
        Patched = !NativeLibrary.TryLoad(bridge, out _) && TryLoadPatchedCopy(bridge);
    }

    /// <summary>The same library without the demand for GCC 13's libstdc++.</summary>
    /// <exception cref="InvalidDataException">The library is another build than the one this was written for.</exception>
    internal static byte[] Patch(byte[] library)
    {
        byte[] copy = [.. library];
        new ElfSymbols(copy).Redirect("_ZSt21ios_base_library_initv", MissingVersion, "_ZSt15get_new_handlerv", "GLIBCXX_3.4.20");
        return copy;
    }

    /// <summary>Full path of a native file of this program, or null.</summary>
    internal static string? Find(string file)
    {
        string[] folders =
        [
            .. (AppContext.GetData("NATIVE_DLL_SEARCH_DIRECTORIES") as string ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries),
            AppContext.BaseDirectory,
            Path.Combine(AppContext.BaseDirectory, "runtimes", "linux-x64", "native"),
        ];
        return folders.Select(folder => Path.Combine(folder, file)).FirstOrDefault(File.Exists);
    }

    /// <summary>The copy lies in a folder only this user can read, and is removed once it is mapped.</summary>
    private static bool TryLoadPatchedCopy(string bridge)
    {
        string folder = Directory.CreateTempSubdirectory("facesearch-torch-").FullName;
        try
        {
            string copy = Path.Combine(folder, Bridge);
            File.WriteAllBytes(copy, Patch(File.ReadAllBytes(bridge)));
            return NativeLibrary.TryLoad(copy, out _);
        }
        catch (Exception e) when (e is InvalidDataException or IOException)
        {
            return false;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
