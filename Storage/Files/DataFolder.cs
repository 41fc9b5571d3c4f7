using System.Globalization;

namespace FaceSearch.Storage.Files;

/// <summary>
/// Where things lie under one data folder:
/// <code>
/// galleries/GALLERY/gN/sN/log.db   template logs
/// snapshots/GALLERY/gN/sN/NAME/    snapshots
/// crops/GALLERY/crops.db           retained images, encrypted
/// crops/master.key                 wraps the keys of their identities, unless it is kept elsewhere
/// grains.db                        grain state
/// lock, lock.owner                 one process at a time
/// </code>
/// </summary>
public sealed class DataFolder(string root)
{
    /// <summary>Absolute path of the folder.</summary>
    public string Root { get; } = Path.GetFullPath(root);

    internal string GrainStorage => Path.Combine(Root, "grains.db");

    internal string Galleries => Path.Combine(Root, "galleries");

    internal string AllSnapshots => Path.Combine(Root, "snapshots");

    internal string Crops => Path.Combine(Root, "crops");

    internal string GalleryCrops(string gallery) => Path.Combine(Crops, Checked(gallery));

    internal string GenerationLogs(string gallery, int generation) => Generation(GalleryLogs(gallery), generation);

    internal string GenerationSnapshots(string gallery, int generation) => Generation(GallerySnapshots(gallery), generation);

    internal string GalleryLogs(string gallery) => Path.Combine(Galleries, Checked(gallery));

    internal string ShardLog(ShardId shard) => Under(GalleryLogs(shard.Gallery), shard);

    internal string GallerySnapshots(string gallery) => Path.Combine(AllSnapshots, Checked(gallery));

    internal string ShardSnapshots(ShardId shard) => Under(GallerySnapshots(shard.Gallery), shard);

    /// <summary>Shards that have a log.</summary>
    internal IEnumerable<ShardId> Shards()
    {
        foreach (string gallery in Folders(Galleries))
        {
            foreach (string generation in Folders(gallery))
            {
                foreach (string shard in Folders(generation))
                    yield return new ShardId(Unchecked(Path.GetFileName(gallery)), Number(generation, 'g'), Number(shard, 's'));
            }
        }
    }

    /// <summary>Galleries that have retained images.</summary>
    internal IEnumerable<string> GalleriesWithCrops() => Folders(Crops).Select(f => Unchecked(Path.GetFileName(f)));

    private static IEnumerable<string> Folders(string parent) => !Directory.Exists(parent) ? []
        : Directory.EnumerateDirectories(parent).Where(f => !Path.GetFileName(f).StartsWith(DurableFolder.DoomedPrefix, StringComparison.Ordinal)).Order(StringComparer.Ordinal);

    private static int Number(string folder, char letter) => Path.GetFileName(folder) is var name && name.StartsWith(letter)
        && int.TryParse(name.AsSpan(1), NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number
        : throw new StorageUnavailableException($"{folder} is not a folder of a log; what is it?", null);

    private static string Unchecked(string name) => name.EndsWith("%2e", StringComparison.Ordinal) ? name[..^3] + "." : name;

    private static string Under(string gallery, ShardId shard)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(shard.Shard);
        return Path.Combine(Generation(gallery, shard.Generation), string.Create(CultureInfo.InvariantCulture, $"s{shard.Shard}"));
    }

    private static string Generation(string gallery, int generation)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(generation);
        return Path.Combine(gallery, string.Create(CultureInfo.InvariantCulture, $"g{generation}"));
    }

    /// <summary>A gallery id as a folder name. Valid ids hold nothing that a path gives a meaning to; a final dot, which Windows would drop, is escaped.</summary>
    private static string Checked(string gallery)
    {
        if (!Ids.IsGallery(gallery))
            throw new ArgumentException("Not a gallery id: lower-case letters, digits, '-', '_' and '.', starting with a letter or digit, at most 63.", nameof(gallery));
        return gallery.EndsWith('.') ? gallery[..^1] + "%2e" : gallery;
    }
}
