using FaceSearch.TrainingJob.Training;

namespace FaceSearch.TrainingJob.Objectives;

/// <summary>Two places that should hold the same: a layer of the network under training and a value of the teacher's ONNX graph.</summary>
/// <param name="Layer">Name of a layer whose output is a map of features.</param>
/// <param name="TeacherValue">Name of a value in the teacher's graph: a map of the same height and width, of any number of channels.</param>
public sealed record HintPair(string Layer, string TeacherValue)
{
    /// <summary>Reads <c>layer=value</c>, several of them separated by commas.</summary>
    /// <exception cref="TrainingException">The text has another form.</exception>
    public static IReadOnlyList<HintPair> Parse(string? text)
    {
        if (string.IsNullOrWhiteSpace(text))
            return [];
        return [.. text.Split(',', StringSplitOptions.TrimEntries).Select(One)];
    }

    private static HintPair One(string text) => text.Split('=', 2, StringSplitOptions.TrimEntries) is [{ Length: > 0 } layer, { Length: > 0 } value]
        ? new HintPair(layer, value)
        : throw new TrainingException($"The options are wrong: a hint is layer=value (a layer of the network, a value in the teacher's ONNX graph); got '{text}'.");
}
