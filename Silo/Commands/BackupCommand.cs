using FaceSearch.Silo.Hosting;
using FaceSearch.Storage;
using FaceSearch.Storage.Backup;

namespace FaceSearch.Silo.Commands;

/// <summary>
/// <c>backup</c>, <c>restore</c> and <c>verify-backup</c>: everything to a folder and back, whatever the storage, by a process that is no silo (docs/backup.md).
/// Exit code 0: done and verified; 1: not; 2: wrong use.
/// </summary>
internal static class BackupCommand
{
    /// <summary>Environment variable of the passphrase: a command line can be read by other users.</summary>
    public const string PassphraseVariable = "FACESEARCH_BACKUP_PASSPHRASE";

    public static bool Asked(string[] args) => args is ["backup" or "restore" or "verify-backup", ..];

    public static async Task<int> RunAsync(string[] args)
    {
        try
        {
            BackupArguments arguments = BackupArguments.Parse(args);
            if (args[0] == "verify-backup")
            {
                BackupManifest whole = await new BackupReader(arguments.Folder, arguments.Secret, Print).VerifyAsync();
                return Report("verified", arguments.Folder, whole);
            }
            await using OfflineStores stores = await OfflineStores.OpenAsync(arguments.Settings);
            return args[0] == "backup"
                ? Report("written to", arguments.Folder, await new BackupWriter(stores.Stores(arguments.WithModels), arguments.Folder, arguments.Secret, TimeProvider.System, Print).RunAsync())
                : Report("restored from", arguments.Folder, await new BackupReader(arguments.Folder, arguments.Secret, Print).RestoreAsync(stores.Stores(withModels: true)));
        }
        catch (Exception e) when (e is StorageException or FaceSearchException or ConfigurationException or IOException or UnauthorizedAccessException)
        {
            await Console.Error.WriteLineAsync(e.Message);
            return e is ConfigurationException ? 2 : 1;
        }
    }

    private static void Print(BackupProgress progress) => Console.WriteLine(progress.Line);

    private static int Report(string done, string folder, BackupManifest manifest)
    {
        Console.WriteLine($"{done} {folder}: {manifest.Logs.Count} shards, {manifest.Logs.Sum(l => l.Identities)} identities, {manifest.Logs.Sum(l => l.Templates)} templates, "
            + $"{manifest.Images.Sum(i => i.Images)} images, {manifest.GrainStates} grain states; made {manifest.CreatedAt:u} from {manifest.Source}"
            + (manifest.Encryption is null ? "; NOT ENCRYPTED: it holds biometrics that anybody who has the folder can read" : ""));
        return 0;
    }
}

/// <summary>The command line of <see cref="BackupCommand"/>.</summary>
internal sealed record BackupArguments(string Folder, BackupSecret? Secret, bool WithModels, string[] Settings)
{
    private const string Use = """
        Use: backup        --to=FOLDER   [--key-file=FILE | --plain] [--without-models] [--Silo:DataFolder=... --Storage:Provider=... --Storage:ConnectionString=...]
             restore       --from=FOLDER [--key-file=FILE | --plain] [--Silo:DataFolder=... --Storage:Provider=... --Storage:ConnectionString=...]
             verify-backup --from=FOLDER [--key-file=FILE | --plain]
        Without --key-file and --plain the passphrase is in the environment variable FACESEARCH_BACKUP_PASSPHRASE.
        """;

    /// <exception cref="ConfigurationException">It is not understood, or no passphrase is there.</exception>
    public static BackupArguments Parse(string[] args)
    {
        string folderOption = args[0] == "backup" ? "--to=" : "--from=";
        string? folder = null, keyFile = null;
        (bool plain, bool models) = (false, true);
        List<string> settings = [];
        foreach (string arg in args.Skip(1))
        {
            if (arg.StartsWith(folderOption, StringComparison.Ordinal))
                folder = arg[folderOption.Length..];
            else if (arg.StartsWith("--key-file=", StringComparison.Ordinal))
                keyFile = arg["--key-file=".Length..];
            else if (arg == "--plain")
                plain = true;
            else if (arg == "--without-models" && args[0] == "backup")
                models = false;
            else if (arg.StartsWith("--", StringComparison.Ordinal) && arg.Contains(':', StringComparison.Ordinal) && arg.Contains('=', StringComparison.Ordinal))
                settings.Add(arg);
            else
                throw new ConfigurationException(Use);
        }
        if (string.IsNullOrWhiteSpace(folder) || (plain && keyFile is not null))
            throw new ConfigurationException(Use);
        return new(Path.GetFullPath(folder), plain ? null : SecretOf(keyFile), models, [.. settings]);
    }

    private static BackupSecret SecretOf(string? keyFile) => keyFile is not null ? BackupSecret.OfKeyFile(keyFile)
        : Environment.GetEnvironmentVariable(BackupCommand.PassphraseVariable) is { Length: > 0 } passphrase ? BackupSecret.OfPassphrase(passphrase)
        : throw new ConfigurationException($"A backup is encrypted: set {BackupCommand.PassphraseVariable} or give --key-file=FILE (--plain: not encrypted).");
}
