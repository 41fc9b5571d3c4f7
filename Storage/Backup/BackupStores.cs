using Orleans.Runtime;
using Orleans.Storage;

namespace FaceSearch.Storage.Backup;

/// <summary>Everything that a backup reads and a restore writes.</summary>
/// <param name="Logs">Template logs.</param>
/// <param name="Images">Retained images.</param>
/// <param name="Grains">Grain state, over a <see cref="RawGrainStateSerializer"/>.</param>
/// <param name="GrainStates">What grain states there are.</param>
/// <param name="Types">The grain type that keeps a state of a name.</param>
/// <param name="Frame">What they say.</param>
/// <param name="ModelsFolder">Model files; null: none.</param>
public sealed record BackupStores(
    ITemplateLogProvider Logs, ICropStore Images, IGrainStorage Grains, IGrainStateList GrainStates, IReadOnlyDictionary<string, GrainType> Types, IBackupFrame Frame, string? ModelsFolder)
{
    internal ILogArchive LogArchive => Logs as ILogArchive ?? throw Unsupported(Logs);

    internal ICropArchive ImageArchive => Images as ICropArchive ?? throw Unsupported(Images);

    internal GrainStateCopy States => new(Grains);

    /// <summary>Files of the models, relative with '/'.</summary>
    internal IEnumerable<string> Models() => ModelsFolder is null || !Directory.Exists(ModelsFolder) ? []
        : Directory.EnumerateFiles(ModelsFolder, "*", SearchOption.AllDirectories).Select(f => Path.GetRelativePath(ModelsFolder, f).Replace('\\', '/')).Order(StringComparer.Ordinal);

    private static BackupRefusedException Unsupported(object store) => new($"{store.GetType().Name} cannot be backed up or restored in this build.");
}
