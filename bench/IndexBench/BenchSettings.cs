namespace FaceSearch.IndexBench;

/// <summary>What every row of the bench needs to know.</summary>
/// <param name="WorkFolder">Generated data, saved indexes and compiled peers; deleting it costs time only.</param>
/// <param name="ResultFolder">Where tables and plots are written.</param>
/// <param name="Size">Rows of the generated data.</param>
/// <param name="Rounds">Timed rounds; each side runs once a round, and medians are reported.</param>
/// <param name="Core">Processor that single-threaded measurements are pinned to.</param>
/// <param name="KeepIndex">Reopen our saved index even if another build of the library wrote it.</param>
internal sealed record BenchSettings(string WorkFolder, string ResultFolder, int Size, int Rounds, int Core, bool KeepIndex)
{
    /// <summary>M of both graphs.</summary>
    public const int M = 16;

    /// <summary>hnswlib's efConstruction, as the targets name it.</summary>
    public const int PeerEfConstruction = 200;

    /// <summary>Ours: the library's default, wider because it builds on quantised codes. Recall at equal ef and build speed are compared with it.</summary>
    public static int EfConstruction { get; } = new VectorIndex.HnswOptions { Dimension = 128 }.EfConstruction;

    /// <summary>Threads of builds and joins.</summary>
    public const int Threads = 2;
}
