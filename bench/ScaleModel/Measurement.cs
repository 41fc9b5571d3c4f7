using System.Diagnostics;
using FaceSearch.VectorIndex;

namespace FaceSearch.ScaleModel;

/// <summary>
/// Measures one shard: this repository's own index over face-like templates, one search at a time on one thread. Wall time, the least of
/// several rounds for each query, which leaves out most of what other processes of the machine add.
/// </summary>
internal static class Measurement
{
    private const int Dimension = 128;

    /// <summary>Seconds a query.</summary>
    /// <param name="templates">In the shard.</param>
    /// <param name="queries">Timed, after as many untimed.</param>
    /// <param name="ef">Beam of the graph walk; 0: exact scan.</param>
    /// <param name="rounds">Times each query is timed; the least counts, since other processes can only add.</param>
    public static double[] Run(int templates, int queries, int ef, int rounds, ulong seed)
    {
        using IVectorIndex index = ef == 0
            ? new FlatIndex(new IndexOptions { Dimension = Dimension, InitialCapacity = templates })
            : new HnswIndex(new HnswOptions { Dimension = Dimension, InitialCapacity = templates });
        RandomSource random = new(seed);
        float[] vector = new float[Dimension], centre = new float[Dimension];
        float[][] probes = new float[queries][];
        int probe = 0, every = Math.Max(1, templates / queries);
        for (int i = 0; i < templates; i++)
        {
            // Four templates a person, as near to each other as faces of one person are.
            if (i % 4 == 0)
                Draw(random, centre, 30, null, 0);
            Draw(random, vector, 60, centre, 0.55);
            index.Add(i, vector);
            if (i % every == 0 && probe < queries)
                Draw(random, probes[probe++] = new float[Dimension], 60, centre, 0.55);
        }
        return Quietest(index, probes, ef, rounds);
    }

    private static double[] Quietest(IVectorIndex index, float[][] probes, int ef, int rounds)
    {
        double[] least = new double[probes.Length];
        Array.Fill(least, double.PositiveInfinity);
        Neighbour[] results = new Neighbour[10];
        SearchOptions options = new() { EfSearch = ef };
        for (int round = -1; round < rounds; round++)
        {
            for (int q = 0; q < probes.Length; q++)
            {
                long began = Stopwatch.GetTimestamp();
                index.Search(probes[q], results, options);
                double took = Stopwatch.GetElapsedTime(began).TotalSeconds;
                if (round >= 0)
                    least[q] = Math.Min(least[q], took);
            }
        }
        return least;
    }

    /// <summary>A unit vector: Gaussian components of variance exp(-i / decay), about a centre if there is one.</summary>
    private static void Draw(RandomSource random, float[] into, double decay, float[]? centre, double spread)
    {
        double trace = 0, norm = 0;
        for (int i = 0; i < Dimension; i++)
            trace += Math.Exp(-i / decay);
        for (int i = 0; i < Dimension; i++)
        {
            double noise = random.Normal() * Math.Sqrt(Math.Exp(-i / decay) / trace);
            double value = centre is null ? noise : centre[i] + (spread * noise);
            into[i] = (float)value;
            norm += value * value;
        }
        norm = Math.Sqrt(norm);
        for (int i = 0; i < Dimension; i++)
            into[i] = (float)(into[i] / norm);
    }
}
