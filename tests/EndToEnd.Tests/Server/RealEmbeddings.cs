using System.Runtime.InteropServices;

namespace FaceSearch.EndToEnd.Tests.Server;

/// <summary>Real templates: the people of the LFW subset, one row an image.</summary>
internal sealed class RealEmbeddings
{
    private readonly float[] _values;

    private RealEmbeddings(float[] values, string[] people)
    {
        _values = values;
        People = people;
    }

    /// <summary>The person of each row.</summary>
    public string[] People { get; }

    public float[] Row(int row) => _values[(row * 128)..((row + 1) * 128)];

    public static RealEmbeddings Load()
    {
        string folder = Path.Combine(SharedData.Folder, "embeddings");
        byte[] bytes = File.ReadAllBytes(Path.Combine(folder, "lfw_mobilefacenet128_f32.bin"));
        string[] names = File.ReadAllLines(Path.Combine(folder, "lfw_mobilefacenet128_names.txt"));
        return new RealEmbeddings(MemoryMarshal.Cast<byte, float>(bytes).ToArray(), [.. names.Select(Person)]);
    }

    /// <summary>"Jane_Doe/Jane_Doe_0001.jpg" and "Jane_Doe_0001.jpg" are both of Jane_Doe.</summary>
    private static string Person(string name)
    {
        string file = Path.GetFileNameWithoutExtension(name.Trim());
        return file[..file.LastIndexOf('_')];
    }
}
