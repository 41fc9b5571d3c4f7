using System.Buffers.Binary;
using FaceSearch.Vision;

namespace FaceSearch.Grains.Tests.Reembedding;

/// <summary>
/// Embedders without a network: a crop says in its pixels whom it shows, and each model has directions of its own for people, so that
/// embeddings of two models have nothing to do with each other.
/// </summary>
internal static class TestModels
{
    public const string First = "first", Second = "second", Compatible = "compatible", Fussy = "fussy", Confused = "confused";
    public const int Side = 8;

    /// <summary>Vectors as they would come from the network.</summary>
    public static Embedding Vector(string model, int person, int sample) => model switch
    {
        First or Compatible => Faces.Of(person, sample),
        // Everybody looks the same to it.
        Confused => Faces.Of(0, person + (1000 * sample)),
        _ => Faces.Of(person + 500_000, sample),
    };

    public static FaceCrop Crop(int person, int sample)
    {
        byte[] rgb = new byte[Side * Side * 3];
        new Random((person * 1000) + sample).NextBytes(rgb);
        BinaryPrimitives.WriteInt32LittleEndian(rgb, person);
        BinaryPrimitives.WriteInt32LittleEndian(rgb.AsSpan(4), sample);
        return new FaceCrop(Side, rgb);
    }

    public static NewTemplate Template(string model, int person, int sample) =>
        new(Vector(model, person, sample), TemplateQuality.Unknown, Crop(person, sample));

    /// <summary>Null if there is no such model.</summary>
    public static IFaceEmbedder? Open(string name) => name is First or Second or Compatible or Fussy or Confused ? new Network(name) : null;

    public static async Task RegisterAsync(IGrainFactory grains)
    {
        IModelRegistryGrain registry = grains.GetGrain<IModelRegistryGrain>(IModelRegistryGrain.Key);
        foreach (string name in (string[])[First, Second, Compatible, Fussy, Confused])
        {
            await registry.RegisterAsync(new ModelDescription(name, "embedder", name, "none", "a test", ModelStatus.Candidate, DateTimeOffset.UnixEpoch, null, [],
                CompatibleWith: name == Compatible ? First : null));
        }
    }

    private sealed class Network(string name) : IFaceEmbedder
    {
        public ModelManifest Manifest { get; } = new()
        {
            Name = name,
            Kind = ModelKind.Embedder,
            File = name,
            Bytes = 0,
            Sha256 = name,
            Licence = "none",
            Input = new ModelInput { Name = "in", Width = Side, Height = Side },
            Dimension = Embedding.Dimension,
        };

        public ExecutionProvider Provider => ExecutionProvider.Cpu;

        public void Embed(IReadOnlyList<AlignedFace> batch, Span<float> unitEmbeddings)
        {
            for (int i = 0; i < batch.Count; i++)
            {
                int person = BinaryPrimitives.ReadInt32LittleEndian(batch[i].Rgb), sample = BinaryPrimitives.ReadInt32LittleEndian(batch[i].Rgb.AsSpan(4));
                if (name == Fussy && person % 10 == 0)
                    throw new ModelException("it does not take this face");
                Vector(name, person, sample).Values.CopyTo(unitEmbeddings[(i * Embedding.Dimension)..]);
            }
        }

        public void Dispose()
        {
        }
    }
}
