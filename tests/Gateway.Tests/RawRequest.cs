using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace FaceSearch.Gateway.Tests;

/// <summary>A POST on a bare socket, for what HttpClient will not do.</summary>
internal sealed class RawRequest : IAsyncDisposable
{
    private readonly TcpClient _tcp;
    private readonly NetworkStream _stream;
    private readonly StringBuilder _read = new();

    private RawRequest(TcpClient tcp)
    {
        _tcp = tcp;
        _stream = tcp.GetStream();
    }

    public static async Task<RawRequest> OpenAsync(Uri server, string path, string mediaType)
    {
        TcpClient tcp = new() { NoDelay = true };
        await tcp.ConnectAsync(server.Host, server.Port);
        RawRequest raw = new(tcp);
        await raw.WriteAsync($"POST {path} HTTP/1.1\r\nHost: {server.Authority}\r\nContent-Type: {mediaType}\r\nTransfer-Encoding: chunked\r\n\r\n");
        return raw;
    }

    /// <summary>Sends what the content writes, a chunk a write.</summary>
    public async Task SendChunksAsync(HttpContent content)
    {
        await content.CopyToAsync(new ChunkStream(this));
        await WriteAsync("0\r\n\r\n");
    }

    /// <summary>Everything read since the last call, once it holds the text.</summary>
    public async Task<string> ReadUntilAsync(string text)
    {
        using CancellationTokenSource patience = new(TimeSpan.FromSeconds(20));
        byte[] buffer = new byte[8192];
        while (!_read.ToString().Contains(text, StringComparison.Ordinal))
        {
            int n = await _stream.ReadAsync(buffer, patience.Token);
            if (n == 0)
                throw new IOException($"The server closed the connection before '{text}': {_read}");
            _read.Append(Encoding.UTF8.GetString(buffer, 0, n));
        }
        string read = _read.ToString();
        _read.Clear();
        return read;
    }

    public ValueTask DisposeAsync()
    {
        _tcp.Dispose();
        return ValueTask.CompletedTask;
    }

    private Task WriteAsync(string text) => _stream.WriteAsync(Encoding.UTF8.GetBytes(text)).AsTask();

    private sealed class ChunkStream(RawRequest raw) : MemoryStream
    {
        public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            await raw.WriteAsync(buffer.Length.ToString("x", CultureInfo.InvariantCulture) + "\r\n");
            await raw._stream.WriteAsync(buffer, cancellationToken);
            await raw.WriteAsync("\r\n");
        }

        public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();
    }
}

/// <summary>A body that is written as it goes.</summary>
internal sealed class StreamedContent(Func<Stream, Task> write) : HttpContent
{
    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) => write(stream);

    protected override bool TryComputeLength(out long length)
    {
        length = 0;
        return false;
    }
}
