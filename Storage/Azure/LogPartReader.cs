using System.Globalization;
using Azure;
using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;
using FaceSearch.Storage.Sqlite;

namespace FaceSearch.Storage.Azure;

/// <summary>Rebuilds a log's state from its blobs.</summary>
internal sealed class LogPartReader(ShardId shard, BlobContainerClient container)
{
    private const int Buffer = 4 << 20;

    /// <summary>Whether what was read removes something that older parts still hold: a scrub has something to do.</summary>
    public bool Removes { get; private set; }

    /// <summary>Hash of the last frame of the part that was read last.</summary>
    public ulong Chain { get; private set; }

    /// <summary>Loads parts in order into an empty state.</summary>
    /// <param name="parts">The last one is the open segment.</param>
    /// <param name="openLength">Bytes to read of the open segment; -1: all there are.</param>
    /// <param name="into">The state.</param>
    /// <param name="cancellationToken">Ends it early.</param>
    public async Task LoadAsync(IReadOnlyList<LogPart> parts, long openLength, LocalLog into, CancellationToken cancellationToken)
    {
        IReadOnlyList<Statement> inserts = LogRowsCodec.Inserts(into.Writer);
        foreach (LogPart part in parts)
        {
            cancellationToken.ThrowIfCancellationRequested();
            await ReadAsync(part, part.Length >= 0 ? part.Length : openLength, frame =>
            {
                if (part.Kind == LogPartKind.Groups)
                {
                    Removes |= into.Replay(frame);
                    return;
                }
                into.Writer.Begin();
                int rows = LogRowsCodec.Load(frame.Payload, inserts);
                into.Writer.Commit();
                _rows += part.Kind == LogPartKind.Templates ? rows : 0;
            }, cancellationToken).ConfigureAwait(false);
            if (part.Kind == LogPartKind.Templates && _rows != part.Count)
                throw new LogDamagedException(shard, "rows are missing from a part");
            _rows = 0;
            LogFile.Checkpoint(into.Writer, "PASSIVE");
        }
        LogFile.Checkpoint(into.Writer, "TRUNCATE");
        into.Writer.BeginUnder(epoch: null); // Reads the head row.
        into.Writer.Rollback();
    }

    private int _rows;

    private async Task ReadAsync(LogPart part, long length, Action<LogFrame> take, CancellationToken cancellationToken)
    {
        BlobClient blob = container.GetBlobClient(part.Name);
        long stored = (await blob.GetPropertiesAsync(cancellationToken: cancellationToken).ConfigureAwait(false)).Value.ContentLength;
        length = length < 0 ? stored : length;
        if (stored < length || (part.Length >= 0 && stored != length))
            throw new LogDamagedException(shard, $"a part has {stored} bytes instead of {length}");
        Chain = LogFrame.Beginning(part.Name);
        if (length > 0)
        {
            await using Stream stream = await blob.OpenReadAsync(new BlobOpenReadOptions(allowModifications: true) { BufferSize = Buffer }, cancellationToken).ConfigureAwait(false);
            try
            {
                for (long left = length; LogFrame.Read(stream, left, Chain) is { } read; left -= read.Bytes)
                {
                    Chain = read.Hash;
                    take(read.Frame);
                }
            }
            catch (Exception e) when (e is InvalidDataException or EndOfStreamException)
            {
                throw new LogDamagedException(shard, $"in a part of its blobs {e.Message}");
            }
        }
        if (part.Length >= 0 && part.End != Chain.ToString("x16", CultureInfo.InvariantCulture))
            throw new LogDamagedException(shard, "frames are missing from a part");
    }
}
