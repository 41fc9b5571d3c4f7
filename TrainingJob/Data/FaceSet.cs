using System.Security.Cryptography;
using FaceSearch.TrainingJob.Training;
using FaceSearch.Vision;

namespace FaceSearch.TrainingJob.Data;

/// <summary>
/// All faces of a run in memory (75 KB a face: both crops), people numbered in order of appearance. They are kept in
/// the run's folder, so that a resumed run reads no pictures again.
/// </summary>
public sealed class FaceSet
{
    private const string Magic = "facesearch faces 1";

    private FaceSet(IReadOnlyList<LabelledFace> faces, string fingerprint)
    {
        Faces = faces;
        Fingerprint = fingerprint;
        var numbers = new Dictionary<string, int>(StringComparer.Ordinal);
        Identities = [.. faces.Select(f => numbers.TryGetValue(f.Person, out int n) ? n : numbers[f.Person] = numbers.Count)];
        People = numbers.Count;
    }

    /// <summary>Every face, in the source's order.</summary>
    public IReadOnlyList<LabelledFace> Faces { get; }

    /// <summary>The person of each face, 0 .. <see cref="People"/> - 1.</summary>
    public IReadOnlyList<int> Identities { get; }

    /// <summary>Number of people.</summary>
    public int People { get; }

    /// <summary>SHA-256 over names and pixels.</summary>
    public string Fingerprint { get; }

    /// <summary>Faces of a split for which the crop exists, in order.</summary>
    public int[] Of(Split split, TrainingOptions options, bool aligned = true) =>
        [.. Enumerable.Range(0, Faces.Count).Where(i =>
            (aligned ? Faces[i].Aligned : Faces[i].Thumbnail) is not null
            && IdentitySplit.Of(Faces[i].Person, options.ValidationShare, options.TestShare) == split)];

    /// <summary>Reads the file, or the source (and then writes the file).</summary>
    /// <param name="progress">Told the number of faces read.</param>
    public static async Task<FaceSet> LoadAsync(IFaceSource source, string file, Action<int>? progress = null, CancellationToken cancellation = default)
    {
        if (!File.Exists(file))
            await WriteAsync(source, file, progress, cancellation).ConfigureAwait(false);
        return Read(file);
    }

    private static async Task WriteAsync(IFaceSource source, string file, Action<int>? progress, CancellationToken cancellation)
    {
        string temporary = file + ".tmp";
        int count = 0;
        using (var writer = new BinaryWriter(File.Create(temporary)))
        {
            writer.Write(Magic);
            await foreach (LabelledFace face in source.ReadAsync(cancellation).ConfigureAwait(false))
            {
                writer.Write(true);
                writer.Write(face.Person);
                writer.Write(face.Name);
                writer.Write(face.Cohort ?? "");
                Write(writer, face.Aligned);
                Write(writer, face.Thumbnail);
                if (++count % 50 == 0)
                    progress?.Invoke(count);
            }
            writer.Write(false);
        }
        File.Move(temporary, file, overwrite: true);
    }

    private static FaceSet Read(string file)
    {
        using FileStream stream = File.OpenRead(file);
        string fingerprint = Convert.ToHexStringLower(SHA256.HashData(stream));
        stream.Position = 0;
        using var reader = new BinaryReader(new BufferedStream(stream, 1 << 20));
        if (reader.ReadString() != Magic)
            throw new TrainingException($"'{file}' is not a file of faces; delete it, and it is made anew.");
        List<LabelledFace> faces = [];
        while (reader.ReadBoolean())
        {
            string person = reader.ReadString(), name = reader.ReadString(), cohort = reader.ReadString();
            faces.Add(new LabelledFace(person, name, ReadCrop(reader), ReadCrop(reader), cohort.Length == 0 ? null : cohort));
        }
        return new FaceSet(faces, fingerprint);
    }

    private static void Write(BinaryWriter writer, AlignedFace? crop)
    {
        writer.Write(crop?.Size ?? 0);
        writer.Write(crop?.Rgb ?? []);
    }

    private static AlignedFace? ReadCrop(BinaryReader reader)
    {
        int size = reader.ReadInt32();
        return size == 0 ? null : new AlignedFace(size, reader.ReadBytes(size * size * 3));
    }
}
