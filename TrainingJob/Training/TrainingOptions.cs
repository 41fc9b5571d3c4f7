namespace FaceSearch.TrainingJob.Training;

/// <summary>What a run does.</summary>
public enum TrainingMode
{
    /// <summary>A small head on a frozen embedder, by triplet loss: minutes on a CPU.</summary>
    Head,

    /// <summary>A new network reproduces a teacher's embeddings; no labels needed.</summary>
    Distil,

    /// <summary>A new network by triplet loss from random weights.</summary>
    Scratch,

    /// <summary>A network goes on from a checkpoint, by triplet loss.</summary>
    FineTune,

    /// <summary>A new network whose vectors compare with an old model's (FaceNet's harmonic embedding).</summary>
    Compatible,
}

/// <summary>Which optimiser steps.</summary>
public enum OptimiserKind { AdamW, Sgd, AdaGrad }

/// <summary>How the learning rate moves over a run.</summary>
public enum ScheduleKind
{
    /// <summary>Linear warm-up, then half a cosine down to a hundredth.</summary>
    Cosine,

    /// <summary>The same rate throughout.</summary>
    Constant,

    /// <summary>A tenth at half of the run, a hundredth at three quarters.</summary>
    Steps,
}

/// <summary>Which negatives a triplet takes.</summary>
public enum NegativeKind { SemiHard, Hard, All }

/// <summary>Everything that decides how a run goes; the same options, data and code give the same model.</summary>
public sealed record TrainingOptions
{
    /// <summary>What the run does.</summary>
    public required TrainingMode Mode { get; init; }

    /// <summary>The folder of this run: checkpoints, metrics, report, model. A run found there is resumed.</summary>
    public required string RunFolder { get; init; }

    /// <summary>Name of the model that comes out, as in its manifest.</summary>
    public required string ModelName { get; init; }

    /// <summary>Licence written into the manifest.</summary>
    public string Licence { get; init; } = "none: trained on faces whose use is the operator's responsibility";

    /// <summary>Folder of installed models, in which <see cref="BaseModel"/> and a detector lie.</summary>
    public string? ModelsFolder { get; init; }

    /// <summary>Head: the frozen embedder. Distil: the teacher. Null: the folder's preferred embedder.</summary>
    public string? BaseModel { get; init; }

    /// <summary>Compatible: the old model, whose vectors the new ones must compare with.</summary>
    public string? OldModel { get; init; }

    /// <summary>Fine-tune, distil: the run folder, or file of weights, to start from; null (distil only): random weights.</summary>
    public string? StartFrom { get; init; }

    /// <summary>Network to train, of <c>trainingjob networks</c>; <c>head</c> is a head on <see cref="BaseModel"/>.</summary>
    public string Network { get; init; } = "mobile";

    /// <summary>Width of a head's hidden layer; 0: a linear map, which starts as the identity.</summary>
    public int HeadHidden { get; init; }

    /// <summary>Fine-tune: weight of 1 - cosine to the teacher's vector beside the triplets, so that little data does not undo what was learnt; 0: none.</summary>
    public float TeacherWeight { get; init; }

    /// <summary>Distil: layers that should hold what the teacher holds at a place, as <c>layer=value,layer=value</c>; see <see cref="Objectives.HintPair"/>. Null: none.</summary>
    public string? Hints { get; init; }

    /// <summary>Distil: weight of the hints beside 1 - cosine.</summary>
    public float HintWeight { get; init; } = 1;

    /// <summary>Dimension of the embedding. FaceNet: 128 was the best of 64 to 512.</summary>
    public int Dimension { get; init; } = 128;

    /// <summary>Seed of weights, order and augmentation.</summary>
    public int Seed { get; init; } = 1;

    /// <summary>Passes over the training faces.</summary>
    public int Epochs { get; init; } = 20;

    /// <summary>Faces a step (distil).</summary>
    public int BatchSize { get; init; } = 128;

    /// <summary>People a step (triplets).</summary>
    public int PeoplePerBatch { get; init; } = 24;

    /// <summary>Faces of each person a step (triplets). FaceNet: about 40; fewer where people have few.</summary>
    public int FacesPerPerson { get; init; } = 4;

    /// <summary>Randomly drawn faces added to each batch as negatives (triplets).</summary>
    public int RandomNegatives { get; init; } = 32;

    /// <summary>Which negatives to train on.</summary>
    public NegativeKind Negatives { get; init; } = NegativeKind.SemiHard;

    /// <summary>Steps between offline minings, which begin with an epoch; their negatives take the place of random ones. 0: mine in the batch only (triplets).</summary>
    public int OfflineEvery { get; init; }

    /// <summary>Training faces that an offline mining looks at, drawn anew each time.</summary>
    public int OfflineSubset { get; init; } = 4096;

    /// <summary>Margin alpha on squared distances. FaceNet: 0.2.</summary>
    public float Margin { get; init; } = 0.2f;

    /// <summary>Optimiser.</summary>
    public OptimiserKind Optimiser { get; init; } = OptimiserKind.AdamW;

    /// <summary>Highest learning rate.</summary>
    public double LearningRate { get; init; } = 1e-3;

    /// <summary>Decoupled (AdamW) or L2 (others) weight decay.</summary>
    public double WeightDecay { get; init; } = 1e-4;

    /// <summary>Schedule of the learning rate.</summary>
    public ScheduleKind Schedule { get; init; } = ScheduleKind.Cosine;

    /// <summary>Share of thumbnails (no alignment) among the training faces: the rest are aligned.</summary>
    public float ThumbnailShare { get; init; } = 0.2f;

    /// <summary>Decay of the running mean of the weights that is evaluated and exported; 0 takes the last weights.</summary>
    public double AverageDecay { get; init; } = 0.999;

    /// <summary>Shares of the people in the validation and the test split.</summary>
    public float ValidationShare { get; init; } = 0.05f;

    /// <summary>See <see cref="ValidationShare"/>.</summary>
    public float TestShare { get; init; } = 0.2f;

    /// <summary>Threads of Torch; 0: as many as there are processors.</summary>
    public int Threads { get; init; }

    /// <summary>Varied views of each face that the teacher embeds once (distil).</summary>
    public int TeacherViews { get; init; } = 4;

    /// <summary>Convolve in bfloat16; null: where the processor does that quickly.</summary>
    public bool? MixedPrecision { get; init; }

    /// <summary>Epochs between validations.</summary>
    public int ValidateEvery { get; init; } = 1;

    /// <summary>cpu, cuda, or null for CUDA where there is one.</summary>
    public string? Device { get; init; }
}
