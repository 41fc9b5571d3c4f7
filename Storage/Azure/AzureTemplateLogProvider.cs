using System.Globalization;
using Azure.Storage.Blobs;
using FaceSearch.Storage.Sqlite;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace FaceSearch.Storage.Azure;

/// <summary>
/// Template logs in append blobs, one log a shard (docs/azure.md): <c>GALLERY/gN/sN/head</c> names the blobs
/// <c>GALLERY/gN/sN/INCARNATION/EPOCH-KIND-RANDOM</c>. Any number of processes may use one account.
/// </summary>
public sealed partial class AzureTemplateLogProvider : ITemplateLogProvider
{
    private readonly AzureAccount _account;
    private readonly LocalCache _cache;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly SemaphoreSlim _first = new(1);
    private bool _ready;

    /// <param name="options">The account.</param>
    /// <param name="cache">Where the local states of open logs are.</param>
    /// <param name="time">The clock for the retention of operation ids.</param>
    /// <param name="logger">Null: none.</param>
    public AzureTemplateLogProvider(AzureStorageOptions options, LocalCache cache, TimeProvider time, ILogger<AzureTemplateLogProvider>? logger = null)
    {
        (_account, _cache, _time, _logger) = (new AzureAccount(options), cache, time, logger ?? NullLogger<AzureTemplateLogProvider>.Instance);
    }

    private AzureStorageOptions Options => _account.Options;

    public string Description => $"Azure blobs in {Container.Uri.GetLeftPart(UriPartial.Path)}";

    private BlobContainerClient Container => _account.Blobs.GetBlobContainerClient(Options.LogContainer);

    public async ValueTask<ITemplateLog> OpenAsync(ShardId shard, CancellationToken cancellationToken = default)
    {
        string prefix = Prefix(shard);
        return await AzureErrors.GuardAsync(shard, () => Task.Run(() => OpenLogAsync(shard, prefix, cancellationToken), cancellationToken), cancellationToken).ConfigureAwait(false);
    }

    public ILogFollower Follow(ShardId shard) => new AzureLogFollower(shard, new LogHeadBlob(shard, _account, Prefix(shard)), Container, () => _cache.NewFolder("follower"));

    public ValueTask DeleteGalleryAsync(string gallery, CancellationToken cancellationToken = default) => DeleteAsync($"{Checked(gallery)}/", cancellationToken);

    public ValueTask DeleteGenerationAsync(string gallery, int generation, CancellationToken cancellationToken = default) =>
        DeleteAsync(string.Create(CultureInfo.InvariantCulture, $"{Checked(gallery)}/g{generation}/"), cancellationToken);

    private async Task<ITemplateLog> OpenLogAsync(ShardId shard, string prefix, CancellationToken cancellationToken)
    {
        await PrepareAsync(cancellationToken).ConfigureAwait(false);
        var head = new LogHeadBlob(shard, _account, prefix);
        var parts = new LogParts(shard, _account, head, prefix, _logger);
        await parts.ClaimAsync(cancellationToken).ConfigureAwait(false);
        await CheckRetentionAsync(head.WrittenVersion, cancellationToken).ConfigureAwait(false);
        await IfThereAsync(shard, head, parts, parts.TakeOverAsync, cancellationToken).ConfigureAwait(false);
        await parts.SweepAsync(cancellationToken).ConfigureAwait(false);
        var local = new LocalLog(shard, _cache.NewFolder("log"));
        try
        {
            var reader = new LogPartReader(shard, Container);
            await IfThereAsync(shard, head, parts, () => reader.LoadAsync(parts.All, parts.Segment.Length, local, cancellationToken), cancellationToken).ConfigureAwait(false);
            parts.Segment.Chain = reader.Position.Chain;
            parts.Removes = reader.Removes;
            LogWriter writer = local.Writer;
            writer.BeginUnder(epoch: null);
            if (writer.State.Shard != shard)
                throw writer.Damaged($"it belongs to shard {writer.State.Shard}");
            writer.SaveMeta(writer.State with { Epoch = parts.Epoch });
            writer.Commit();
            var commits = new AzureGroupCommit(local, parts, _time, Options.OperationRetention);
            return new AzureTemplateLog(head.Known!, local, parts, new LogHeadBlob(shard, _account, prefix), commits, () => _cache.NewFolder("verification"));
        }
        catch
        {
            local.Dispose();
            throw;
        }
    }

    /// <summary>A missing part is damage, unless another opener has replaced it by now.</summary>
    private static async Task IfThereAsync(ShardId shard, LogHeadBlob head, LogParts parts, Func<Task> read, CancellationToken cancellationToken)
    {
        try
        {
            await read().ConfigureAwait(false);
        }
        catch (Exception e) when (AzureErrors.IsNotFound(e))
        {
            LogManifest? now = await head.PeekAsync(cancellationToken).ConfigureAwait(false);
            throw now?.Token == head.Known!.Token ? new LogDamagedException(shard, "a part of its blobs is missing", e) : new EpochFencedException(shard, parts.Epoch);
        }
    }

    private async Task PrepareAsync(CancellationToken cancellationToken)
    {
        await _first.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (_ready)
                return;
            await _account.EnsureContainerAsync(Options.LogContainer, cancellationToken).ConfigureAwait(false);
            await CheckRetentionAsync(null, cancellationToken).ConfigureAwait(false);
            _ready = true;
        }
        finally
        {
            _first.Release();
        }
    }

    private async Task CheckRetentionAsync(string? writtenVersion, CancellationToken cancellationToken)
    {
        if (_ready && writtenVersion is null)
            return;
        if (await _account.RetainedDeletesAsync(writtenVersion, _logger, cancellationToken).ConfigureAwait(false) is not { } wrong)
            return;
        if (Options.RefuseRetainedDeletes)
            throw new StorageUnavailableException($"The storage account would keep what is erased: {wrong}. Switch it off.", new InvalidOperationException(wrong));
        AzureLogs.RetentionOn(_logger, wrong);
    }

    /// <summary>
    /// Heads first: from then on the logs are gone for every opener. Then the blobs that were listed before and belong to no log that
    /// is there now; one that has been made anew meanwhile is left alone.
    /// </summary>
    private async ValueTask DeleteAsync(string prefix, CancellationToken cancellationToken)
    {
        const string Head = "/" + LogManifest.BlobName;
        try
        {
            if (!await Container.ExistsAsync(cancellationToken).ConfigureAwait(false))
                return;
            foreach (string name in (await LogParts.ListAsync(Container, prefix, cancellationToken).ConfigureAwait(false)).Where(n => n.EndsWith(Head, StringComparison.Ordinal)))
                await LogParts.DeleteBlobAsync(Container, name, cancellationToken).ConfigureAwait(false);
            List<string> rest = await LogParts.ListAsync(Container, prefix, cancellationToken).ConfigureAwait(false);
            foreach (IGrouping<string, string> log in rest.Where(n => !n.EndsWith(Head, StringComparison.Ordinal)).GroupBy(n => string.Join('/', n.Split('/')[..3]) + "/"))
            {
                LogManifest? now = await new LogHeadBlob(ShardOf(log.Key), _account, log.Key).PeekAsync(cancellationToken).ConfigureAwait(false);
                foreach (string name in log.Where(n => now is null || !n.StartsWith($"{log.Key}{now.Incarnation}/", StringComparison.Ordinal)))
                    await LogParts.DeleteBlobAsync(Container, name, cancellationToken).ConfigureAwait(false);
            }
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested && AzureErrors.IsService(e))
        {
            throw AzureErrors.Unavailable("The template logs", e);
        }
    }

    /// <summary>What the names of a shard's blobs begin with.</summary>
    internal static string Prefix(ShardId shard)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(shard.Generation);
        ArgumentOutOfRangeException.ThrowIfNegative(shard.Shard);
        return string.Create(CultureInfo.InvariantCulture, $"{Checked(shard.Gallery)}/g{shard.Generation}/s{shard.Shard}/");
    }

    private static ShardId ShardOf(string prefix)
    {
        string[] parts = prefix.Split('/');
        return new(Unchecked(parts[0]), int.Parse(parts[1].AsSpan(1), CultureInfo.InvariantCulture), int.Parse(parts[2].AsSpan(1), CultureInfo.InvariantCulture));
    }

    /// <summary>A gallery id as part of a blob's name: the service drops dots before a '/', so a final one is written as "%2e".</summary>
    internal static string Checked(string gallery)
    {
        if (!Ids.IsGallery(gallery))
            throw new ArgumentException("Not a gallery id.", nameof(gallery));
        return gallery.EndsWith('.') ? gallery[..^1] + "%2e" : gallery;
    }

    internal static string Unchecked(string name) => name.EndsWith("%2e", StringComparison.Ordinal) ? name[..^3] + "." : name;
}
