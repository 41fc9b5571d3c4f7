using NetVips;

namespace FaceSearch.Vision;

/// <summary>Process-wide libvips settings, applied once: only fuzz-tested loaders, no cache, one thread a picture.</summary>
internal static class LibVips
{
    private static readonly Lazy<bool> Ready = new(Configure);

    /// <summary>Kept alive for the native side.</summary>
    private static readonly Log.LogDelegate Discard = (_, _, _) => { };

    /// <summary>Applies the settings on first use.</summary>
    /// <exception cref="DllNotFoundException">libvips' native library is not beside the application.</exception>
    public static void EnsureConfigured() => _ = Ready.Value;

    private static bool Configure()
    {
        NetVips.NetVips.BlockUntrusted = true;
        Operation.Block("VipsForeignLoad", true);
        foreach (string loader in (string[])["Jpeg", "Png", "Webp", "Nsgif", "Tiff", "Heif"])
            Operation.Block("VipsForeignLoad" + loader, false);

        // Uploads never repeat within a useful time, and cached operations would keep their pixels in memory.
        Cache.Max = 0;
        Cache.MaxMem = 0;
        Cache.MaxFiles = 0;

        // Each damaged upload would write a line to stderr; the rejection already tells its sender.
        Log.SetLogHandler("VIPS", Enums.LogLevelFlags.Warning | Enums.LogLevelFlags.Info, Discard);

        // Concurrency comes from the requests, not from inside one picture.
        NetVips.NetVips.Concurrency = 1;
        return true;
    }
}
