namespace FaceSearch.Grains.Shards;

/// <summary>What a shard gives to a clustering: its templates in pages, and who still owns them.</summary>
internal static class ShardExporter
{
    /// <summary>The least <paramref name="count"/> template ids greater than <paramref name="after"/>, ascending.</summary>
    public static long[] List(Shard shard, long after, int count)
    {
        List<long> ids = [];
        foreach (long id in shard.Directory.TemplateIds)
        {
            if (id > after)
                ids.Add(id);
        }
        ids.Sort();
        return [.. ids.Take(count)];
    }

    /// <summary>A template that was removed meanwhile is left out.</summary>
    public static ShardExport Export(Shard shard, long[] templates)
    {
        using ReaderGate.Lease reading = shard.Readers.Enter();
        List<long> ids = new(templates.Length);
        List<string> identities = new(templates.Length);
        float[] vectors = new float[templates.Length * Embedding.Dimension];
        foreach (long template in templates)
        {
            Span<float> vector = vectors.AsSpan(ids.Count * Embedding.Dimension, Embedding.Dimension);
            if (!shard.Directory.TryGetOwner(template, out IdentityEntry? owner) || !shard.Index.TryGetVector(template, vector))
                continue;
            ids.Add(template);
            identities.Add(owner.Id);
        }
        return new ShardExport([.. ids], [.. identities], vectors[..(ids.Count * Embedding.Dimension)]);
    }

    public static string?[] Owners(Shard shard, long[] templates) =>
        Array.ConvertAll(templates, template => shard.Directory.TryGetOwner(template, out IdentityEntry? owner) ? owner.Id : null);
}
