using FaceSearch.TrainingJob.Training;

namespace FaceSearch.TrainingJob.Worker;

/// <summary>
/// The folders of runs. What shows people (faces, embeddings) is erased as soon as a run has ended; figures, report and model stay.
/// </summary>
internal sealed class RunFolders(string root)
{
    /// <summary>Faces and embeddings lie in the folder itself; checkpoints, which show nobody, in folders of their own.</summary>
    private const string Biometric = "*.bin*";

    /// <summary>The folder of a run, for this user's eyes only.</summary>
    public string Of(string run)
    {
        string folder = Path.Combine(root, run);
        if (OperatingSystem.IsWindows())
            Directory.CreateDirectory(folder);
        else
            Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        return folder;
    }

    /// <summary>Keeps a second worker of this file system out of a folder while the first one still writes into it.</summary>
    /// <exception cref="TrainingBusyException">Somebody is at it.</exception>
    public FileStream Lock(string run)
    {
        try
        {
            return new FileStream(Path.Combine(Of(run), "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, 1, FileOptions.DeleteOnClose);
        }
        catch (IOException e)
        {
            throw new TrainingBusyException($"The folder of {run} is still in use by another worker.", e);
        }
    }

    /// <summary>Erases what shows people.</summary>
    public void Erase(string run)
    {
        string folder = Path.Combine(root, run);
        if (!Directory.Exists(folder))
            return;
        foreach (string file in Directory.EnumerateFiles(folder, Biometric))
            File.Delete(file);
    }

    /// <summary>Erases it of every run that has ended, whoever worked on it: after a kill nobody else does.</summary>
    public async Task SweepAsync(ITrainingQueueGrain queue)
    {
        if (!Directory.Exists(root))
            return;
        foreach (string folder in Directory.EnumerateDirectories(root))
        {
            string run = Path.GetFileName(folder);
            if (Directory.EnumerateFiles(folder, Biometric).Any() && !await IsLiveAsync(queue, run).ConfigureAwait(false))
                Erase(run);
        }
    }

    private static async Task<bool> IsLiveAsync(ITrainingQueueGrain queue, string run)
    {
        try
        {
            return (await queue.GetAsync(run).ConfigureAwait(false)).FinishedAt is null;
        }
        catch (FaceSearchException e) when (e.Type == ProblemTypes.TrainingNotFound)
        {
            return false;
        }
    }
}

/// <summary>A run's folder is in use.</summary>
public sealed class TrainingBusyException(string message, Exception inner) : Exception(message, inner);
