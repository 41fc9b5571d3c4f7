using System.Buffers;
using System.IO.Pipelines;
using System.Text.Json;
using FaceSearch.Gateway.Problems;
using FaceSearch.Http;

namespace FaceSearch.Gateway.Bulk;

/// <summary>One line: an item, or why it is none.</summary>
internal readonly record struct BulkRead(BulkItem? Item, Problem? Problem);

/// <summary>Cuts an NDJSON body into items without copying lines; a bad line is a problem of its own and the next one is read.</summary>
internal sealed class NdjsonReader(PipeReader pipe, int maxLineBytes)
{
    // A pipe's examined bytes stay buffered until consumed: a line that passes the limit is dropped piece by piece instead.
    private bool _dropping;

    /// <summary>The next line that is not blank; null at the end of the body.</summary>
    public async ValueTask<BulkRead?> NextAsync(CancellationToken cancellation)
    {
        while (true)
        {
            ReadResult read = await pipe.ReadAsync(cancellation);
            ReadOnlySequence<byte> buffer = read.Buffer;
            if (TryTake(ref buffer, read.IsCompleted, out BulkRead? line))
            {
                pipe.AdvanceTo(buffer.Start);
                return line;
            }
            if (read.IsCompleted)
            {
                pipe.AdvanceTo(buffer.End);
                return null;
            }
            if (buffer.Length > maxLineBytes)
            {
                _dropping = true;
                pipe.AdvanceTo(buffer.End);
            }
            else
            {
                pipe.AdvanceTo(buffer.Start, buffer.End);
            }
        }
    }

    private bool TryTake(ref ReadOnlySequence<byte> buffer, bool last, out BulkRead? line)
    {
        line = null;
        while (!buffer.IsEmpty)
        {
            ReadOnlySequence<byte> text = buffer;
            if (buffer.PositionOf((byte)'\n') is { } end)
            {
                text = buffer.Slice(0, end);
                buffer = buffer.Slice(buffer.GetPosition(1, end));
            }
            else if (last)
            {
                buffer = buffer.Slice(buffer.End);
            }
            else
            {
                return false;
            }
            bool dropped = _dropping || text.Length > maxLineBytes;
            _dropping = false;
            if (dropped)
                line = new BulkRead(null, ProblemFactory.Create(ProblemTypes.TooLarge, $"A line may have up to {maxLineBytes:N0} bytes."));
            else if (!IsBlank(text))
                line = Parse(text);
            if (line is not null)
                return true;
        }
        // The end of a dropped last line without a line feed.
        if (last && _dropping)
        {
            _dropping = false;
            line = new BulkRead(null, ProblemFactory.Create(ProblemTypes.TooLarge, $"A line may have up to {maxLineBytes:N0} bytes."));
            return true;
        }
        return false;
    }

    private static BulkRead Parse(ReadOnlySequence<byte> text)
    {
        try
        {
            Utf8JsonReader reader = new(text);
            return JsonSerializer.Deserialize(ref reader, FaceSearchJson.Default.BulkItem) is { } item && IsBlank(text.Slice(reader.Position))
                ? new(item, null)
                : new(null, ProblemFactory.Create(ProblemTypes.InvalidRequest, "A line must hold exactly one JSON object."));
        }
        catch (JsonException e)
        {
            return new(null, ProblemFactory.From(e));
        }
    }

    private static bool IsBlank(ReadOnlySequence<byte> text)
    {
        foreach (ReadOnlyMemory<byte> part in text)
        {
            if (part.Span.ContainsAnyExcept(" \t\r"u8))
                return false;
        }
        return true;
    }
}
