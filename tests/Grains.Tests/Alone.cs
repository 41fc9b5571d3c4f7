namespace FaceSearch.Grains.Tests;

/// <summary>Tests that several silos or a deadline make sensitive to what else the processors do; none of this assembly runs beside them.</summary>
[CollectionDefinition(nameof(Alone), DisableParallelization = true)]
public sealed class Alone;
