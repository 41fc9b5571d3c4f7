using System.Text.Json;
using FaceSearch.TrainingJob.Networks;
using TorchSharp.Modules;

namespace FaceSearch.TrainingJob.Training;

/// <summary>Where a run stood at the end of an epoch.</summary>
/// <param name="Epoch">Epochs done.</param>
/// <param name="Step">Steps done.</param>
/// <param name="Seconds">Time trained so far.</param>
public sealed record CheckpointState(int Epoch, long Step, double Seconds);

/// <summary>
/// Weights, their mean, the optimiser's state and the place of a run, in a folder of its own; a small file that is
/// replaced in one rename names the last complete one, so a run killed at any moment resumes from a whole checkpoint.
/// </summary>
internal sealed class Checkpoint(string runFolder)
{
    private string Pointer => Path.Combine(runFolder, "checkpoint.json");

    /// <summary>The last checkpoint's state, or null.</summary>
    public CheckpointState? Last => File.Exists(Pointer) ? JsonSerializer.Deserialize<CheckpointState>(File.ReadAllBytes(Pointer)) : null;

    /// <summary>File of the mean weights of the last checkpoint.</summary>
    public string? AverageFile => Last is { } last ? Path.Combine(Folder(last), "average.bin") : null;

    public void Save(CheckpointState state, Network trained, Network average, OptimizerHelper optimiser)
    {
        CheckpointState? before = Last;
        string folder = Folder(state);
        Directory.CreateDirectory(folder);
        trained.save(Path.Combine(folder, "weights.bin"));
        average.save(Path.Combine(folder, "average.bin"));
        optimiser.save_state_dict(Path.Combine(folder, "optimiser.bin"));
        File.WriteAllBytes(Pointer + ".tmp", JsonSerializer.SerializeToUtf8Bytes(state));
        File.Move(Pointer + ".tmp", Pointer, overwrite: true);
        if (before is not null && before.Epoch != state.Epoch)
            Directory.Delete(Folder(before), recursive: true);
    }

    public void Load(CheckpointState state, Network trained, Network average, OptimizerHelper optimiser)
    {
        string folder = Folder(state);
        trained.load(Path.Combine(folder, "weights.bin"));
        average.load(Path.Combine(folder, "average.bin"));
        optimiser.load_state_dict(Path.Combine(folder, "optimiser.bin"));
    }

    private string Folder(CheckpointState state) => Path.Combine(runFolder, $"checkpoint-{state.Epoch:D5}");
}
