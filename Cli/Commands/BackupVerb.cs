using System.CommandLine;
using FaceSearch.Cli.Terminal;
using FaceSearch.Http;
using Spectre.Console;

namespace FaceSearch.Cli.Commands;

/// <summary><c>facesearch backup</c>: back up the running server, follow, list, verify, cancel. A restore is the stopped server's: <c>Silo restore</c>.</summary>
internal static class BackupVerb
{
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(300);

    public static Command Build(GlobalOptions options)
    {
        Option<bool> wait = new("--wait") { Description = "Follow it to its end, with a progress bar; exit code 1 if it fails." };
        Option<bool> noModels = new("--without-models") { Description = "Leave the models folder out." };
        return new Command("backup", "Back up the running server into its backup folder, while it goes on serving (needs an admin key). 'Silo restore' restores: docs/backup.md.")
        {
            wait, noModels, List(options), Verify(options), Cancel(options),
        }.WithExamples(
            "facesearch backup --wait",
            "# every night, from cron",
            "facesearch backup --wait --json >> backups.log").Runs(options, async (run, cancellation) =>
        {
            BackupRequest request = new() { Models = run.Parse.GetValue(noModels) ? false : null };
            BackupDescription backup = await run.Client.StartBackupAsync(request, cancellation);
            if (run.Parse.GetValue(wait))
                backup = await FollowAsync(run, backup, cancellation);
            run.Output.Result(backup, Draw);
            return IsBad(backup) ? ExitCodes.Failed : ExitCodes.Ok;
        });
    }

    private static Command List(GlobalOptions options) => new Command("list", "The backups in the server's backup folder, newest first.")
        .WithExamples("facesearch backup list").Runs(options, async (run, cancellation) =>
        {
            run.Output.Result(await run.Client.ListBackupsAsync(cancellation), (console, list) =>
            {
                Table table = Tables.Create("id", "state", ">shards", ">identities", ">templates", ">images", ">MB", "verified", "folder");
                foreach (BackupDescription b in list.Items)
                {
                    table.Row(b.Id, b.State.ToString(), Tables.Count(b.Shards), Tables.Count(b.Identities), Tables.Count(b.Templates), Tables.Count(b.Images), Megabytes(b),
                        b.VerifiedAt is { } at ? Tables.Time(at) : null, $"{b.Host}:{b.Folder}");
                }
                console.Write(table);
            });
            return ExitCodes.Ok;
        });

    private static Command Verify(GlobalOptions options)
    {
        Argument<string> id = new("id") { Description = "Backup id, see 'backup list'." };
        return new Command("verify", "Have the server read a backup again: compare, decrypt and prove every file. Exit code 1 if it is damaged.") { id }
            .WithExamples("facesearch backup verify 20260301T020000Z").Runs(options, async (run, cancellation) =>
            {
                BackupDescription backup = await FollowAsync(run, await run.Client.CheckBackupAsync(run.Parse.GetRequiredValue(id), cancellation), cancellation);
                run.Output.Result(backup, Draw);
                return IsBad(backup) ? ExitCodes.Failed : ExitCodes.Ok;
            });
    }

    private static Command Cancel(GlobalOptions options)
    {
        Argument<string> id = new("id") { Description = "Backup id." };
        return new Command("cancel", "End a backup that is being written, or its verification. Finished backups are not deleted.") { id }
            .WithExamples("facesearch backup cancel 20260301T020000Z").Runs(options, async (run, cancellation) =>
            {
                run.Output.Result(await run.Client.CancelBackupAsync(run.Parse.GetRequiredValue(id), cancellation), Draw);
                return ExitCodes.Ok;
            });
    }

    /// <summary>One bar while it is written and one while it is verified.</summary>
    private static async Task<BackupDescription> FollowAsync(Invocation run, BackupDescription backup, CancellationToken cancellation)
    {
        while (backup.State is BackupState.Running or BackupState.Verifying)
        {
            BackupState state = backup.State;
            if (backup.PartsTotal == 0)
            {
                await Task.Delay(Poll, cancellation);
                backup = await run.Client.GetBackupAsync(backup.Id, cancellation);
                continue;
            }
            int total = backup.PartsTotal;
            await run.Output.WithProgressAsync($"{state} {backup.Id}", total, async progress =>
            {
                int shown = 0;
                while (backup.State == state)
                {
                    int done = Math.Min(backup.Parts, total);
                    progress.Report(Math.Max(done - shown, 0));
                    shown = Math.Max(done, shown);
                    await Task.Delay(Poll, cancellation);
                    backup = await run.Client.GetBackupAsync(backup.Id, cancellation);
                }
                progress.Report(total - shown);
            });
        }
        return backup;
    }

    private static bool IsBad(BackupDescription backup) => backup.State is BackupState.Failed or BackupState.Damaged or BackupState.Cancelled;

    private static void Draw(IAnsiConsole console, BackupDescription backup)
    {
        Table facts = Tables.Create("backup", backup.Id);
        facts.Row("state", backup.State.ToString());
        facts.Row("folder", $"{backup.Host}:{backup.Folder}");
        facts.Row("as of", Tables.Time(backup.StartedAt));
        if (backup.FinishedAt is { } finished)
            facts.Row("finished", Tables.Time(finished));
        if (backup.VerifiedAt is { } verified)
            facts.Row("verified", Tables.Time(verified));
        facts.Row("encrypted", backup.Encrypted ? "yes" : "NO: whoever has the folder can read the biometrics in it");
        facts.Row("holds", $"{Tables.Count(backup.Shards)} shards, {Tables.Count(backup.Identities)} identities, {Tables.Count(backup.Templates)} templates, {Tables.Count(backup.Images)} images, {Megabytes(backup)} MB");
        if (backup.Reason is { } reason)
            facts.Row("reason", reason);
        console.Write(facts);
    }

    private static string Megabytes(BackupDescription backup) => Tables.PerSecond(backup.Bytes / 1e6);
}
