using FaceSearch.Evaluation;
using FaceSearch.TrainingJob.Networks;
using FaceSearch.TrainingJob.Training;
using FaceSearch.TrainingJob.Triplets;
using static TorchSharp.torch;

namespace FaceSearch.TrainingJob.Objectives;

/// <summary>Writes what a network sees of a training face.</summary>
public delegate void RenderFace(int face, Random random, Span<float> values);

/// <summary>Vectors that belong to the training faces: one of <paramref name="face"/>, of unit length.</summary>
public delegate ReadOnlySpan<float> FaceVector(int face);

/// <summary>
/// FaceNet's triplets: P people x K faces a batch, every anchor-positive pair with the miner's negatives. With an old
/// model's vectors beside it (harmonic embedding, the paper's appendix), each face of the batch is there twice, as the
/// network embeds it and as the old model did, and triplets mix both.
/// </summary>
/// <param name="identities">Whose each training face is.</param>
/// <param name="render">What the network sees of a face.</param>
/// <param name="options">Batches, margin, negatives, seed.</param>
public sealed class TripletObjective(int[] identities, RenderFace render, TrainingOptions options) : Objective
{
    private readonly IdentityBatches _batches = Batches(identities, options);
    private readonly TripletMiner _miner = TripletMiner.Of(options.Negatives, options.Margin);
    private readonly CollapseDetector _collapse = new();
    private HardNegatives? _hard;

    /// <summary>The old model's vectors, for a compatible network; null otherwise.</summary>
    public FaceVector? Old { get; init; }

    /// <summary>A teacher's vectors to stay near to, with <see cref="TrainingOptions.TeacherWeight"/>; null for none.</summary>
    public FaceVector? Teacher { get; init; }

    /// <summary>Embeds training faces as they are, for offline mining; null: none is done.</summary>
    public Func<Network, int[], EmbeddingMatrix>? Embed { get; init; }

    /// <summary>Offline mining, when its steps have passed.</summary>
    public override void Prepare(int epoch, long step, Network latest)
    {
        if (options.OfflineEvery == 0 || Embed is null)
            return;
        _hard ??= HardNegatives.Read(options.RunFolder);
        if (_hard is not null && step - _hard.Step < options.OfflineEvery)
            return;
        int[] faces = [.. Enumerable.Range(0, identities.Length)];
        new Random(Seeds.Mix(options.Seed, epoch, 3)).Shuffle(faces);
        // Person by person, so that there are positives.
        faces = [.. faces.GroupBy(f => identities[f]).SelectMany(person => person).Take(options.OfflineSubset)];
        _hard = HardNegatives.Mine(step, faces, Embed(latest, faces), identities, options.Negatives, options.Margin);
        _hard.Write(options.RunFolder);
    }

    /// <inheritdoc/>
    public override IReadOnlyList<int[]> Epoch(int epoch) => _batches.Epoch(epoch, _hard?.Of);

    /// <inheritdoc/>
    public override void Render(int example, Random random, Span<float> values) => render(example, random, values);

    /// <inheritdoc/>
    public override BatchLoss Loss(Tensor embeddings, int[] batch)
    {
        int[] people = [.. batch.Select(face => identities[face])];
        Tensor all = embeddings;
        if (Old is not null)
        {
            all = cat([embeddings, Vectors(Old, batch, embeddings)]);
            people = [.. people, .. people];
        }
        MinedTriplets mined = _miner.Mine(SquaredDistances.Of(all), people);
        // A triplet of old vectors only has nothing to teach.
        List<Triplet> useful = [.. mined.Triplets.Where(t => Math.Min(t.Anchor, Math.Min(t.Positive, t.Negative)) < batch.Length)];
        Tensor loss = TripletLoss.Of(all, useful, options.Margin);
        string? trouble = _collapse.Observe(CollapseDetector.Variance(embeddings), mined, loss.item<float>());
        if (Old is not null)
            loss = loss + Distance(embeddings, Vectors(Old, batch, embeddings));
        if (Teacher is not null && options.TeacherWeight > 0)
            loss = loss + (options.TeacherWeight * Distance(embeddings, Vectors(Teacher, batch, embeddings)));
        return new BatchLoss(loss, mined.ActiveShare, trouble);
    }

    private static Tensor Distance(Tensor embeddings, Tensor vectors) => 1 - (embeddings * vectors).sum(1).mean();

    private static Tensor Vectors(FaceVector of, int[] batch, Tensor like)
    {
        int dimension = (int)like.shape[1];
        float[] values = new float[batch.Length * dimension];
        for (int i = 0; i < batch.Length; i++)
            of(batch[i]).CopyTo(values.AsSpan(i * dimension));
        return tensor(values, [batch.Length, dimension], device: like.device);
    }

    private static IdentityBatches Batches(int[] identities, TrainingOptions options)
    {
        try
        {
            return new IdentityBatches(identities, options.PeoplePerBatch, options.FacesPerPerson, options.RandomNegatives, options.Seed);
        }
        catch (ArgumentException e)
        {
            throw new TrainingException($"{e.Message} Enrol more pictures of the same people, or lower --validation-share and --test-share.", e);
        }
    }
}
