using FaceSearch.Evaluation;
using FaceSearch.TrainingJob.Augmentation;
using FaceSearch.TrainingJob.Data;
using FaceSearch.TrainingJob.Networks;
using FaceSearch.TrainingJob.Objectives;
using FaceSearch.TrainingJob.Torch;
using FaceSearch.TrainingJob.Training;
using FaceSearch.Vision;

namespace FaceSearch.TrainingJob.Modes;

/// <summary>What every mode works with.</summary>
/// <param name="Options">The run's options.</param>
/// <param name="Set">All faces.</param>
/// <param name="Runtime">Device and precision.</param>
/// <param name="Progress">Told about the preparation.</param>
/// <param name="Cancellation">Stops the preparation.</param>
internal sealed record RunContext(TrainingOptions Options, FaceSet Set, TorchRuntime Runtime, IProgress<TrainingProgress>? Progress, CancellationToken Cancellation)
{
    /// <summary>The training faces that have an aligned crop.</summary>
    public int[] Training { get; } = Set.Of(Split.Train, Options);

    /// <summary>An installed embedder.</summary>
    /// <param name="name">Null for the folder's preferred one.</param>
    /// <exception cref="TrainingException">It is not there.</exception>
    public InstalledModel Embedder(string? name)
    {
        string folder = Options.ModelsFolder ?? throw new TrainingException($"The mode '{Options.Mode}' needs an installed embedder: name the folder of models.");
        return new ModelStore(folder).Find(ModelKind.Embedder, name)
            ?? throw new TrainingException($"There is no embedder {(name is null ? "" : $"'{name}' ")}in the models folder. Pull one with: facesearch models pull {name ?? ModelCatalogue.MobileFaceNet}");
    }

    /// <summary>A model's embeddings of varied views of the training faces, computed once and kept in the run's folder.</summary>
    public TeacherViews Views(InstalledModel model, string file, int views, int mixed)
    {
        return TeacherViews.Load(Set, Training, model, views, mixed, Options.Seed, Path.Combine(Options.RunFolder, file), Embedding(), Cancellation);
    }

    /// <summary>A teacher's maps of features of those views, computed once and kept in the run's folder.</summary>
    /// <param name="check">Told the maps' shapes before the long work begins.</param>
    public TeacherMaps Maps(InstalledModel teacher, TeacherViews views, IReadOnlyList<string> values, Action<IReadOnlyList<FeatureShape>> check) =>
        TeacherMaps.Load(views, teacher, values, Path.Combine(Options.RunFolder, "maps.bin"), check, Embedding(), Cancellation);

    /// <summary>Tells how many of the training faces are done, from now on.</summary>
    private Action<int> Embedding()
    {
        var clock = System.Diagnostics.Stopwatch.StartNew();
        return n => Progress?.Report(new TrainingProgress("embedding", n, Training.Length, Remaining: clock.Elapsed / n * (Training.Length - n)));
    }

    /// <summary>A new network of the options' name.</summary>
    public Network NewNetwork()
    {
        try
        {
            return new Network(NetworkCatalogue.Find(Options.Network).Define(new NetworkOptions { Dimension = Options.Dimension }), Options.Seed);
        }
        catch (ArgumentException e)
        {
            throw new TrainingException(e.Message, e);
        }
    }

    /// <summary>Embeds faces by an image network under training.</summary>
    public EmbeddingMatrix Embed(Network network, int[] faces)
    {
        int side = network.Definition.Input.Height;
        return NetworkEmbedder.Embed(network, Runtime, faces.Length, network.Definition.Input.Length,
            (i, values, at) => FaceRenderer.Encode(Set.Faces[faces[i]].Aligned!, side, values.AsSpan(at, side * side * 3)));
    }

    /// <summary>What an image network sees of a training face: varied, sometimes its centre crop.</summary>
    public RenderFace RenderImage(int side) => (face, random, values) =>
    {
        LabelledFace one = Set.Faces[Training[face]];
        bool thumbnail = random.NextSingle() < Options.ThumbnailShare && one.Thumbnail is not null;
        Jitter jitter = Jitter.Draw(random, thumbnail ? JitterStrength.Thumbnail : JitterStrength.Aligned);
        FaceRenderer.Encode(FaceRenderer.Render(thumbnail ? one.Thumbnail! : one.Aligned!, jitter), side, values);
    };

    /// <summary>The person of each training face.</summary>
    public int[] TrainingIdentities => [.. Training.Select(i => Set.Identities[i])];
}
