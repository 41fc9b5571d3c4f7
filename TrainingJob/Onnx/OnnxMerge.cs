using FaceSearch.TrainingJob.Networks;
using FaceSearch.Vision;
using FaceSearch.Vision.Onnx;
using Google.Protobuf;

namespace FaceSearch.TrainingJob.Onnx;

/// <summary>Appends a trained head to a frozen ONNX embedder, so that the two are one model.</summary>
public static class OnnxMerge
{
    /// <summary>
    /// First opset in which every operator of a head means what the writer means by it (PRelu and BatchNormalization
    /// last changed before it).
    /// </summary>
    private const int OldestOpset = 9;

    /// <summary>IR version from which a constant need not be listed among the inputs.</summary>
    private const int OldestIr = 4;

    /// <summary>One graph that computes the base model and then the head; a batch dimension fixed at 1 is freed.</summary>
    /// <param name="baseModel">An ONNX embedder, from any exporter.</param>
    /// <param name="outputName">Its output that the head reads (batch x length).</param>
    /// <param name="head">A network whose input is a vector of that length; see <see cref="HeadNetwork"/>.</param>
    /// <returns>A model with the base model's input and one output, <see cref="OnnxExport.OutputName"/>.</returns>
    /// <exception cref="ModelException">The bytes are no ONNX model, or it has no such output.</exception>
    /// <exception cref="ArgumentException">The head does not fit the output.</exception>
    public static byte[] Append(byte[] baseModel, string outputName, Network head)
    {
        if (!head.Definition.Input.IsVector)
            throw new ArgumentException($"A head reads a vector; '{head.Definition.Name}' reads {head.Definition.Input}.", nameof(head));
        ModelProto model = Parse(BatchDimension.Free(baseModel));
        ValueInfoProto output = model.Graph.Output.FirstOrDefault(o => o.Name == outputName)
            ?? throw new ModelException($"The base model has no output '{outputName}'; it has: {string.Join(", ", model.Graph.Output.Select(o => o.Name))}.");
        CheckLength(output, head.Definition.Input.Length);
        CheckVersions(model);
        // Recorded shapes of values that change their names would mislead the runtime, which infers them anyway.
        model.Graph.ValueInfo.Clear();

        string value = OnnxExport.Emit(head, new OnnxGraph(model.Graph, "head/"), outputName);
        OnnxExport.NameOutput(model.Graph, value, head.Definition.Output);
        return model.ToByteArray();
    }

    private static ModelProto Parse(byte[] bytes)
    {
        try
        {
            return ModelProto.Parser.ParseFrom(bytes);
        }
        catch (InvalidProtocolBufferException e)
        {
            throw new ModelException("The base model is not an ONNX model (its protobuf cannot be read).", e);
        }
    }

    private static void CheckLength(ValueInfoProto output, int expected)
    {
        if (output.Type?.TensorType?.Shape is { Dim: { Count: > 0 } dims } && dims[^1].DimValue is > 0 and long got && got != expected)
            throw new ArgumentException($"The head reads vectors of {expected}; the base model's output '{output.Name}' has {got}.");
    }

    private static void CheckVersions(ModelProto model)
    {
        long opset = model.OpsetImport.FirstOrDefault(o => o.Domain is "" or "ai.onnx")?.Version ?? 1;
        if (opset < OldestOpset)
            throw new ModelException($"The base model is of opset {opset}; a head needs {OldestOpset} or later. Export it anew.");
        model.IrVersion = Math.Max(model.IrVersion, OldestIr);
    }
}
