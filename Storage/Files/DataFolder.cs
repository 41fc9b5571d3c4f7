using System.Globalization;

namespace FaceSearch.Storage.Files;

/// <summary>
/// Where things lie under one data folder:
/// <code>
/// galleries/GALLERY/gN/sN/log.db   template logs
/// snapshots/GALLERY/gN/sN/NAME/    snapshots
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

    internal string GalleryLogs(string gallery) => Path.Combine(Galleries, Checked(gallery));

    internal string ShardLog(ShardId shard) => Under(GalleryLogs(shard.Gallery), shard);

    internal string GallerySnapshots(string gallery) => Path.Combine(AllSnapshots, Checked(gallery));

    internal string ShardSnapshots(ShardId shard) => Under(GallerySnapshots(shard.Gallery), shard);

    private static string Under(string gallery, ShardId shard)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(shard.Generation);
        ArgumentOutOfRangeException.ThrowIfNegative(shard.Shard);
        return Path.Combine(gallery, string.Create(CultureInfo.InvariantCulture, $"g{shard.Generation}"), string.Create(CultureInfo.InvariantCulture, $"s{shard.Shard}"));
    }

    /// <summary>A gallery id as a folder name. Valid ids hold nothing that a path gives a meaning to; a final dot, which Windows would drop, is escaped.</summary>
    private static string Checked(string gallery)
    {
        if (!Ids.IsGallery(gallery))
            throw new ArgumentException("Not a gallery id: lower-case letters, digits, '-', '_' and '.', starting with a letter or digit, at most 63.", nameof(gallery));
        return gallery.EndsWith('.') ? gallery[..^1] + "%2e" : gallery;
    }
}
