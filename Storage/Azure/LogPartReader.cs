using Azure;
using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;
using FaceSearch.Storage.Sqlite;

namespace FaceSearch.Storage.Azure;

/// <summary>How far a log's blobs have been read.</summary>
/// <param name="Part">Name of the blob that was read last.</param>
/// <param name="Length">Bytes of it.</param>
/// <param name="Chain">Hash of the last frame.</param>
internal readonly record struct LogPosition(string Part, long Length, ulong Chain)
{
    public static LogPosition Beginning(string part) => new(part, 0, LogFrame.Beginning(part));
}

/// <summary>Rebuilds a log's state from its blobs, and goes on with them.</summary>
internal sealed class LogPartReader(ShardId shard, BlobContainerClient container)
{
    private const int Buffer = 4 << 20;
    private LogPosition _settled;

    /// <summary>Whether what was read removes something that older parts still hold: a scrub has something to do.</summary>
    public bool Removes { get; private set; }

    /// <summary>Where it is; what was loaded into the state ends there.</summary>
    public LogPosition Position { get; private set; }

    /// <summary>
    /// Whether the segment that was read last, or the one that continues it from where it was read to, is among the parts. What stands
    /// before it is the state that was there when it was begun, in whatever blobs.
    /// </summary>
    public bool GoesOn(IReadOnlyList<LogPart> parts) => Position.Part is not null && Next(parts) >= 0;

    /// <summary>Loads parts in order into an empty state, or what came after <see cref="Position"/> into the state that was loaded up to there.</summary>
    /// <param name="parts">The last one is the open segment; <see cref="GoesOn"/>, or nothing has been loaded.</param>
    /// <param name="openLength">Bytes to read of the open segment; -1: all there are.</param>
    /// <param name="into">The state.</param>
    /// <param name="cancellationToken">Ends it early.</param>
    public async Task LoadAsync(IReadOnlyList<LogPart> parts, long openLength, LocalLog into, CancellationToken cancellationToken)
    {
        IReadOnlyList<Statement>? inserts = null;
        foreach (LogPart part in parts.Skip(Position.Part is null ? 0 : Next(parts)))
        {
            cancellationToken.ThrowIfCancellationRequested();
            int rows = 0;
            await ReadAsync(part, part.Length >= 0 ? part.Length : openLength, frame =>
            {
                if (part.Kind == LogPartKind.Groups)
                {
                    Removes |= into.Replay(frame);
                    return;
                }
                into.Writer.Begin();
                rows += LogRowsCodec.Load(frame.Payload, inserts ??= LogRowsCodec.Inserts(into.Writer));
                into.Writer.Commit();
            }, cancellationToken).ConfigureAwait(false);
            if (part.Kind == LogPartKind.Templates && rows != part.Count)
                throw new LogDamagedException(shard, "rows are missing from a part");
            if (Position != _settled)
                LogFile.Checkpoint(into.Writer, "PASSIVE");
        }
        if (Position == _settled)
            return;
        LogFile.Checkpoint(into.Writer, "TRUNCATE");
        into.Writer.BeginUnder(epoch: null); // Reads the head row.
        into.Writer.Rollback();
        _settled = Position;
    }

    private int Next(IReadOnlyList<LogPart> parts)
    {
        string end = LogFrame.Hex(Position.Chain);
        for (int i = 0; i < parts.Count; i++)
        {
            if (parts[i].Kind == LogPartKind.Groups && (parts[i].Name == Position.Part || parts[i].After == end))
                return i;
        }
        return -1;
    }

    private async Task ReadAsync(LogPart part, long length, Action<LogFrame> take, CancellationToken cancellationToken)
    {
        BlobClient blob = container.GetBlobClient(part.Name);
        long stored = (await blob.GetPropertiesAsync(cancellationToken: cancellationToken).ConfigureAwait(false)).Value.ContentLength;
        length = length < 0 ? stored : length;
        LogPosition at = Position.Part == part.Name ? Position : LogPosition.Beginning(part.Name);
        if (stored < length || length < at.Length || (part.Length >= 0 && stored != length))
            throw new LogDamagedException(shard, $"a part has {stored} bytes instead of {length}");
        Position = at;
        if (length > at.Length)
        {
            BlobOpenReadOptions options = new(allowModifications: true) { BufferSize = Buffer, Position = at.Length };
            await using Stream stream = await blob.OpenReadAsync(options, cancellationToken).ConfigureAwait(false);
            try
            {
                while (LogFrame.Read(stream, length - at.Length, at.Chain) is { } read)
                {
                    take(read.Frame);
                    Position = at = at with { Length = at.Length + read.Bytes, Chain = read.Hash };
                }
            }
            catch (Exception e) when (e is InvalidDataException or EndOfStreamException)
            {
                throw new LogDamagedException(shard, $"in a part of its blobs {e.Message}");
            }
        }
        if (part.Length >= 0 && part.End != LogFrame.Hex(at.Chain))
            throw new LogDamagedException(shard, "frames are missing from a part");
    }
}
