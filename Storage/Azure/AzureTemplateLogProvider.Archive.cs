using System.Globalization;
using System.Runtime.CompilerServices;
using FaceSearch.Storage.Backup;
using FaceSearch.Storage.Sqlite;

namespace FaceSearch.Storage.Azure;

public sealed partial class AzureTemplateLogProvider : ILogArchive
{
    async Task<IReadOnlyList<ShardId>> ILogArchive.ListAsync(string? gallery, CancellationToken cancellationToken)
    {
        const string Head = "/" + LogManifest.BlobName;
        try
        {
            if (!await Container.ExistsAsync(cancellationToken).ConfigureAwait(false))
                return [];
            List<string> names = await LogParts.ListAsync(Container, gallery is null ? "" : $"{Checked(gallery)}/", cancellationToken).ConfigureAwait(false);
            return [.. names.Where(n => n.EndsWith(Head, StringComparison.Ordinal)).Select(ShardOf).OrderBy(s => s.Gallery, StringComparer.Ordinal).ThenBy(s => s.Generation).ThenBy(s => s.Shard)];
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested && AzureErrors.IsService(e))
        {
            throw AzureErrors.Unavailable("The template logs", e);
        }
    }

    /// <summary>Downloads the log into a local state of its own, which needs room for it in the cache folder.</summary>
    async IAsyncEnumerable<LogChunk> ILogArchive.ExportAsync(ShardId shard, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using LocalLog local = await AzureErrors.GuardAsync(shard, () => Task.Run(() => DownloadAsync(shard, cancellationToken), cancellationToken), cancellationToken).ConfigureAwait(false);
        using LogConnection view = new(shard, local.File, write: false);
        foreach (LogChunk chunk in LogRowCopy.Read(view))
        {
            cancellationToken.ThrowIfCancellationRequested();
            yield return chunk;
        }
    }

    Task ILogArchive.ImportAsync(MetaRow head, IAsyncEnumerable<LogChunk> rows, CancellationToken cancellationToken) => AzureErrors.GuardAsync(head.Shard, async () =>
    {
        string prefix = Prefix(head.Shard);
        await PrepareAsync(cancellationToken).ConfigureAwait(false);
        LogHeadBlob blob = new(head.Shard, _account, prefix);
        if (await blob.ReadAsync(cancellationToken).ConfigureAwait(false) is not null)
            throw new BackupRefusedException($"Shard {head.Shard} has a log already.");
        using LocalLog local = new(head.Shard, _cache.NewFolder("restore"));
        await LogRowCopy.WriteAsync(local.Writer, head, rows, cancellationToken).ConfigureAwait(false);
        using LogConnection view = new(head.Shard, local.File, write: false);
        view.Begin();
        string incarnation = LogManifest.Draw();
        LogPartWriter writer = new(view, Container, Name, head.Epoch, Options.TemplatesPerPart);
        IReadOnlyList<LogPart> parts = await writer.WriteAsync([], cancellationToken).ConfigureAwait(false);
        // From here on it is there.
        if (!await blob.TryReplaceAsync(new LogManifest { Shard = head.Shard, Incarnation = incarnation, Epoch = head.Epoch, Token = "", Parts = parts }).ConfigureAwait(false))
            throw new BackupRefusedException($"Shard {head.Shard} has a log already.");
        return true;

        string Name(LogPartKind kind) => LogParts.Name(prefix, incarnation, head.Epoch, kind);
    }, cancellationToken);

    /// <summary>The log as its blobs say at one moment; its owner is not fenced.</summary>
    private async Task<LocalLog> DownloadAsync(ShardId shard, CancellationToken cancellationToken) =>
        await new LogHeadBlob(shard, _account, Prefix(shard)).ReadPartsAsync(async now =>
        {
            LocalLog local = new(shard, _cache.NewFolder("backup"));
            try
            {
                await new LogPartReader(shard, Container).LoadAsync(now.Parts, openLength: -1, local, cancellationToken).ConfigureAwait(false);
                local.Writer.BeginUnder(epoch: null);
                local.Writer.SaveMeta(local.Writer.State with { Epoch = now.Epoch });
                local.Writer.Commit();
                return local;
            }
            catch
            {
                local.Dispose();
                throw;
            }
        }, cancellationToken).ConfigureAwait(false) ?? throw new StorageUnavailableException($"Shard {shard} has no log any more.", null);
}
