using Microsoft.ML.OnnxRuntime;

namespace FaceSearch.Vision;

/// <summary>Proves that a model whose batch dimension was freed computes what the original did.</summary>
internal static class BatchEquality
{
    private const int Rows = 4;

    /// <summary>Kernels may sum in another order for another batch size; anything above this is a changed model.</summary>
    private const float Tolerance = 1e-4f;

    /// <summary>Runs random inputs one by one through the original and as one batch through the freed model.</summary>
    /// <exception cref="ModelException">The outputs differ, or one of the two does not run.</exception>
    public static void Prove(byte[] original, byte[] freed, ModelManifest manifest)
    {
        float difference;
        try
        {
            difference = LargestDifference(original, freed, manifest);
        }
        catch (OnnxRuntimeException e)
        {
            throw new ModelException($"Model '{manifest.Name}' has a batch dimension fixed at 1, and it does not run after that dimension is freed: {e.Message}", e);
        }
        if (!(difference <= Tolerance))
            throw new ModelException($"Model '{manifest.Name}' has a batch dimension fixed at 1, and freeing it changed its outputs (by {difference:g3} of their norm). Export it with a dynamic batch axis and import that.");
    }

    /// <summary>Largest absolute difference of an output element, relative to the norm of its row.</summary>
    public static float LargestDifference(byte[] original, byte[] freed, ModelManifest manifest)
    {
        int row = 3 * manifest.Input.Width * manifest.Input.Height;
        float[] inputs = new float[Rows * row];
        var random = new Random(20_150_312);
        for (int i = 0; i < inputs.Length; i++)
            inputs[i] = (float)(random.NextDouble() * 4 - 2);

        using InferenceSession one = OnnxSessions.Create(original, manifest.Name, new InferenceOptions());
        using InferenceSession many = OnnxSessions.Create(freed, manifest.Name, new InferenceOptions());
        float[] batch = Run(many, inputs, Rows, manifest);
        float largest = 0;
        for (int i = 0; i < Rows; i++)
        {
            float[] single = Run(one, inputs[(i * row)..((i + 1) * row)], 1, manifest);
            if (batch.Length != Rows * single.Length)
                return float.PositiveInfinity;
            float norm = MathF.Sqrt(single.Sum(x => x * x));
            for (int d = 0; d < single.Length; d++)
                largest = MathF.Max(largest, MathF.Abs(single[d] - batch[i * single.Length + d]) / norm);
        }
        return largest;
    }

    private static float[] Run(InferenceSession session, float[] input, int rows, ModelManifest manifest)
    {
        using OrtValue value = OrtValue.CreateTensorValueFromMemory(input, [rows, 3, manifest.Input.Height, manifest.Input.Width]);
        using var options = new RunOptions();
        using IDisposableReadOnlyCollection<OrtValue> outputs = session.Run(options, [manifest.Input.Name], [value], [manifest.Output!]);
        return outputs[0].GetTensorDataAsSpan<float>().ToArray();
    }
}
