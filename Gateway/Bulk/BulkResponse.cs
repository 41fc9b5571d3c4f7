using System.Buffers;
using System.IO.Pipelines;
using System.Text.Json;
using System.Threading.Channels;
using FaceSearch.Http;

namespace FaceSearch.Gateway.Bulk;

/// <summary>
/// Writes bulk answers as NDJSON in the order in which they come. Between the items and the connection lies a buffer of
/// <see cref="MaxBuffered"/> bytes, so that a client that sends everything before it reads anything (HTTP/1.1 clients do)
/// is not stuck after a few thousand items; when it is full, items wait and reading stops.
/// </summary>
internal sealed class BulkResponse
{
    private const int MaxBuffered = 32 << 20;

    private readonly Channel<BulkLine> _lines = Channel.CreateBounded<BulkLine>(new BoundedChannelOptions(1_024) { SingleReader = true });
    private readonly Pipe _pipe = new(new PipeOptions(pauseWriterThreshold: MaxBuffered, resumeWriterThreshold: MaxBuffered / 2, useSynchronizationContext: false));
    private readonly Task _done;

    public BulkResponse(PipeWriter connection, CancellationToken cancellation)
    {
        Task writing = WriteAsync(cancellation);
        Task sending = SendAsync(connection, cancellation);
        _done = Task.WhenAll(writing, sending);
    }

    /// <summary>Queues a line; waits when the client does not read.</summary>
    public ValueTask AddAsync(BulkLine line, CancellationToken cancellation) => _lines.Writer.WriteAsync(line, cancellation);

    /// <summary>No more lines: returns when the last is with the connection.</summary>
    public Task CompleteAsync()
    {
        _lines.Writer.TryComplete();
        return _done;
    }

    private async Task WriteAsync(CancellationToken cancellation)
    {
        Exception? failure = null;
        try
        {
            using Utf8JsonWriter json = new(_pipe.Writer);
            while (await _lines.Reader.WaitToReadAsync(cancellation))
            {
                while (_lines.Reader.TryRead(out BulkLine? line))
                {
                    JsonSerializer.Serialize(json, line, FaceSearchJson.Default.BulkLine);
                    json.Flush();
                    json.Reset();
                    _pipe.Writer.Write("\n"u8);
                }
                FlushResult flushed = await _pipe.Writer.FlushAsync(cancellation);
                if (flushed.IsCompleted)
                    break;
            }
        }
        catch (Exception e)
        {
            failure = e;
        }
        // Items that still want to write learn that nobody reads any more.
        _lines.Writer.TryComplete(failure);
        await _pipe.Writer.CompleteAsync(failure);
    }

    private async Task SendAsync(PipeWriter connection, CancellationToken cancellation)
    {
        Exception? failure = null;
        try
        {
            while (true)
            {
                ReadResult read = await _pipe.Reader.ReadAsync(cancellation);
                foreach (ReadOnlyMemory<byte> part in read.Buffer)
                    connection.Write(part.Span);
                _pipe.Reader.AdvanceTo(read.Buffer.End);
                FlushResult flushed = await connection.FlushAsync(cancellation);
                if (read.IsCompleted || flushed.IsCompleted)
                    break;
            }
        }
        catch (Exception e)
        {
            failure = e;
        }
        await _pipe.Reader.CompleteAsync(failure);
        if (failure is not null)
            throw failure;
    }
}
