namespace FaceSearch.IndexBench.Data;

/// <summary>Random directions: the worst case for any graph, since nothing is near anything. No query is mated.</summary>
internal static class UniformVectors
{
    public static void Write(DataSet files, int rows, int queries, int extra)
    {
        WriteRows(files.BasePath, rows, 1);
        WriteRows(files.QueryPath, queries, 2);
        WriteRows(files.ExtraPath, extra, 3);
        files.WriteMated(new bool[queries]);
    }

    private static void WriteRows(string path, int rows, int seed)
    {
        float[] values = new float[rows * DataSet.Dimension];
        Parallel.For(0, rows, i =>
        {
            Span<double> x = stackalloc double[DataSet.Dimension];
            var random = new Gaussian(((long)seed << 40) + i);
            for (int d = 0; d < x.Length; d++) x[d] = random.Next();
            FaceLike.Normalise(x);
            for (int d = 0; d < x.Length; d++) values[(i * x.Length) + d] = (float)x[d];
        });
        DataSet.WriteFloats(path, values);
    }
}
