using System.Globalization;
using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;
using FaceSearch.Storage.Sqlite;
using Microsoft.Extensions.Logging;

namespace FaceSearch.Storage.Azure;

/// <summary>
/// The blobs of one log under one epoch: its head, its open segment and what came before. All but <see cref="WritePartsAsync"/> and
/// <see cref="DeleteAsync"/> run in the log's one writer.
/// </summary>
internal sealed class LogParts(ShardId shard, AzureAccount account, LogHeadBlob head, string prefix, ILogger logger)
{
    private const int MostAttempts = 16;
    private readonly List<string> _doomed = [];

    public BlobContainerClient Container { get; } = account.Blobs.GetBlobContainerClient(account.Options.LogContainer);

    public LogSegment Segment { get; private set; } = null!;

    public long Epoch => head.Known!.Epoch;

    public IReadOnlyList<LogPart> All => head.Known!.Parts;

    /// <summary>Whether a stored part holds something that was removed since.</summary>
    public bool Removes { get; set; }

    /// <summary>Claims the next epoch: from here on no earlier opener can change the head.</summary>
    public async Task ClaimAsync(CancellationToken cancellationToken)
    {
        for (int attempt = 0; attempt < MostAttempts; attempt++)
        {
            LogManifest? found = await head.ReadAsync(cancellationToken).ConfigureAwait(false);
            LogManifest next = found is null
                ? new() { Shard = shard, Incarnation = LogManifest.Draw(), Epoch = 1, Token = "", Parts = [] }
                : found with { Epoch = found.Epoch + 1 };
            if (await head.TryReplaceAsync(next).ConfigureAwait(false))
                return;
        }
        throw new StorageUnavailableException($"The log of shard {shard} is being opened by many at once.", new TimeoutException());
    }

    /// <summary>Takes the open segment over, or makes the first: from here on no append of an earlier opener is accepted.</summary>
    public async Task TakeOverAsync()
    {
        if (All is [.., { Kind: LogPartKind.Groups } open])
            Segment = await LogSegment.TakeOverAsync(shard, Epoch, account, open.Name, logger).ConfigureAwait(false);
        else
            await OpenSegmentAsync(All).ConfigureAwait(false);
    }

    public async Task AppendAsync(LogFrameKind kind, byte[] payload)
    {
        if (Segment.Blocks >= account.Options.BlocksPerSegment)
            await RollAsync().ConfigureAwait(false);
        await Segment.AppendAsync(new LogFrame(kind, Epoch, payload)).ConfigureAwait(false);
    }

    /// <summary>Closes the open segment and goes on in another.</summary>
    public Task RollAsync()
    {
        LogPart closed = All[^1] with { Length = Segment.Length, End = LogFrame.Hex(Segment.Chain) };
        return OpenSegmentAsync(Segment.Length == 0 ? [.. All.SkipLast(1)] : [.. All.SkipLast(1), closed]);
    }

    /// <summary>Writes the state that a view sees into new blobs, which nothing names yet.</summary>
    public async Task<List<LogPart>> WritePartsAsync(LogConnection view, IReadOnlyList<LogPart> before, CancellationToken cancellationToken)
    {
        var writer = new LogPartWriter(view, Container, Draw, Epoch, account.Options.TemplatesPerPart);
        try
        {
            return await writer.WriteAsync(before, cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            lock (_doomed)
                _doomed.AddRange(writer.Made);
            throw;
        }
    }

    /// <summary>Puts parts in the place of others; those are to be deleted by <see cref="DeleteAsync"/> then.</summary>
    public async Task ReplaceAsync(IReadOnlyList<LogPart> before, IReadOnlyList<LogPart> parts)
    {
        HashSet<string> replaced = [.. before.Select(p => p.Name)];
        List<LogPart> next = [.. parts, .. All.Where(p => !replaced.Contains(p.Name))];
        HashSet<string> kept = [.. next.Select(p => p.Name)];
        await CompareAndSetAsync(next).ConfigureAwait(false);
        lock (_doomed)
            _doomed.AddRange(replaced.Where(n => !kept.Contains(n)));
    }

    /// <summary>Deletes the blobs that were replaced, for good.</summary>
    /// <exception cref="StorageUnavailableException">One could not be deleted; calling again tries again.</exception>
    public async Task DeleteAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            string? name;
            lock (_doomed)
                name = _doomed.Count > 0 ? _doomed[^1] : null;
            if (name is null)
                return;
            await DeleteBlobAsync(Container, name, cancellationToken).ConfigureAwait(false);
            lock (_doomed)
                _doomed.Remove(name);
        }
    }

    /// <summary>
    /// Deletes blobs that earlier openers left: of other incarnations, or of lower epochs and not named by the head. The blobs are
    /// listed before the head is read again, so that one of a newer incarnation is never among them.
    /// </summary>
    public async Task SweepAsync(CancellationToken cancellationToken)
    {
        List<string> listed = await ListAsync(Container, prefix, cancellationToken).ConfigureAwait(false);
        LogManifest? now = await head.PeekAsync(cancellationToken).ConfigureAwait(false);
        if (now?.Incarnation != head.Known!.Incarnation || now.Epoch != Epoch)
            throw new EpochFencedException(shard, Epoch);
        HashSet<string> named = [.. now.Parts.Select(p => p.Name), prefix + LogManifest.BlobName];
        foreach (string name in listed.Where(n => !named.Contains(n)))
        {
            if (!name.StartsWith($"{prefix}{now.Incarnation}/", StringComparison.Ordinal) || EpochOf(name) < Epoch)
                await DeleteBlobAsync(Container, name, cancellationToken).ConfigureAwait(false);
        }
    }

    public static async Task<List<string>> ListAsync(BlobContainerClient container, string prefix, CancellationToken cancellationToken)
    {
        List<string> names = [];
        await foreach (BlobItem item in container.GetBlobsAsync(BlobTraits.None, BlobStates.None, prefix, cancellationToken).ConfigureAwait(false))
            names.Add(item.Name);
        return names;
    }

    public static Task DeleteBlobAsync(BlobContainerClient container, string name, CancellationToken cancellationToken) =>
        container.GetBlobClient(name).DeleteIfExistsAsync(DeleteSnapshotsOption.IncludeSnapshots, cancellationToken: cancellationToken);

    private async Task OpenSegmentAsync(IReadOnlyList<LogPart> before)
    {
        LogSegment made = await LogSegment.CreateAsync(shard, Epoch, account, () => Draw(LogPartKind.Groups), logger).ConfigureAwait(false);
        string? left = before.Any(p => p.Name == Segment?.Name) ? null : Segment?.Name;
        string after = Segment is null ? "" : LogFrame.Hex(Segment.Chain);
        await CompareAndSetAsync([.. before, new LogPart(made.Name, LogPartKind.Groups, After: after)]).ConfigureAwait(false);
        Segment = made;
        if (left is not null)
        {
            lock (_doomed)
                _doomed.Add(left);
        }
    }

    private async Task CompareAndSetAsync(IReadOnlyList<LogPart> parts)
    {
        if (!await head.TryReplaceAsync(head.Known! with { Parts = parts }).ConfigureAwait(false))
            throw new EpochFencedException(shard, Epoch);
    }

    private string Draw(LogPartKind kind) => Name(prefix, head.Known!.Incarnation, Epoch, kind);

    /// <summary>A new name for a part.</summary>
    public static string Name(string prefix, string incarnation, long epoch, LogPartKind kind) =>
        string.Create(CultureInfo.InvariantCulture, $"{prefix}{incarnation}/{epoch:x8}-{kind.ToString().ToLowerInvariant()}-{LogManifest.Draw()}");

    private static long EpochOf(string name)
    {
        string file = name[(name.LastIndexOf('/') + 1)..];
        int end = file.IndexOf('-', StringComparison.Ordinal);
        return end > 0 && long.TryParse(file.AsSpan(0, end), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out long epoch) ? epoch : 0;
    }
}
