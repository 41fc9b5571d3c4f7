using System.Runtime.InteropServices;

namespace FaceSearch.IndexBench.Data;

/// <summary>One data set on disk, written once and read by every side: rows of little-endian float32, and what is known of the queries.</summary>
internal sealed class DataSet
{
    public const int Dimension = 128;
    private readonly Lazy<float[]> _base;
    private readonly Lazy<float[]> _queries;
    private readonly Lazy<float[]> _extra;

    private DataSet(string name, string folder)
    {
        Name = name;
        Folder = folder;
        _base = new(() => ReadFloats(BasePath));
        _queries = new(() => ReadFloats(QueryPath));
        _extra = new(() => ReadFloats(ExtraPath));
    }

    /// <summary>Such as "face-100000".</summary>
    public string Name { get; }
    public string Folder { get; }

    /// <summary>The targets speak of face-like data; the other sets are reported beside them.</summary>
    public bool HasTargets => Name.StartsWith("face-", StringComparison.Ordinal);
    public string BasePath => Path.Combine(Folder, "base.f32");
    public string QueryPath => Path.Combine(Folder, "queries.f32");
    public string ExtraPath => Path.Combine(Folder, "extra.f32");
    public float[] Base => _base.Value;
    public float[] Queries => _queries.Value;
    public float[] Extra => _extra.Value;
    public int Count => (int)(new FileInfo(BasePath).Length / (Dimension * sizeof(float)));
    public int QueryCount => (int)(new FileInfo(QueryPath).Length / (Dimension * sizeof(float)));

    /// <summary>Whether each query's identity is enrolled.</summary>
    public bool[] Mated => [.. File.ReadAllBytes(MatedPath).Select(b => b != 0)];

    private string MatedPath => Path.Combine(Folder, "mated.u8");

    /// <summary>Opens a data set, generating it if it is not there.</summary>
    /// <param name="kind">face, uniform or real.</param>
    /// <param name="size">Rows; the real set has the size it has.</param>
    /// <param name="settings">Where files go.</param>
    public static DataSet Open(string kind, int size, BenchSettings settings)
    {
        string name = kind == "real" ? "real" : $"{kind}-{size}";
        var set = new DataSet(name, Path.Combine(settings.WorkFolder, name));
        string done = Path.Combine(set.Folder, "complete");
        if (File.Exists(done)) return set;
        Console.WriteLine($"generating {name} ...");
        Directory.CreateDirectory(set.Folder);
        if (kind == "real") RealTemplates.Write(set);
        else if (kind == "uniform") UniformVectors.Write(set, size, queries: 10_000, extra: 20_000);
        else FaceLike.Write(set, size, queries: 10_000, extra: 20_000);
        File.WriteAllText(done, "");
        return set;
    }

    public void WriteMated(bool[] mated) => File.WriteAllBytes(MatedPath, [.. mated.Select(m => m ? (byte)1 : (byte)0)]);

    public static void WriteFloats(string path, ReadOnlySpan<float> values)
    {
        using FileStream file = File.Create(path);
        file.Write(MemoryMarshal.AsBytes(values));
    }

    public static float[] ReadFloats(string path)
    {
        using FileStream file = File.OpenRead(path);
        float[] values = GC.AllocateUninitializedArray<float>((int)(file.Length / sizeof(float)));
        file.ReadExactly(MemoryMarshal.AsBytes(values.AsSpan()));
        return values;
    }
}
