using System.Buffers.Text;
using System.Globalization;
using System.Net;
using System.Runtime.InteropServices;
using System.Text;
using FaceSearch.Evaluation;
using FaceSearch.Http;

namespace FaceSearch.ServerBench;

/// <summary>Seeded face-like templates, one an identity: row i of a matrix belongs to <see cref="Identity"/>(i).</summary>
internal sealed class Templates(int count, int seed = 1)
{
    private readonly EmbeddingMatrix _rows = SyntheticFaces.Generate(count, 1, 1, seed).Templates;

    public int Count => count;

    public static string Identity(int i) => string.Create(CultureInfo.InvariantCulture, $"p{i:D9}");

    public ReadOnlySpan<float> this[int i] => _rows.Row(i);

    /// <summary>A new photograph of person <paramref name="i"/>: the template with noise, so that it scores about 0.8 against it.</summary>
    public Embedding Probe(int i, Random random)
    {
        float[] probe = this[i].ToArray();
        for (int j = 0; j < probe.Length; j++)
            probe[j] += 0.115f * (random.NextSingle() - 0.5f);
        return Embedding.Normalise(probe);
    }

    /// <summary>A part of the templates as the body of a bulk request.</summary>
    public HttpContent Bulk(int from, int to, ConflictPolicy onConflict) => new NdjsonContent(this, from, to, onConflict);

    /// <summary>Encodes lines as they are sent: the client's share of the work is part of the measurement.</summary>
    private sealed class NdjsonContent : HttpContent
    {
        private readonly Templates _templates;
        private readonly int _from, _to;
        private readonly byte[] _end;

        public NdjsonContent(Templates templates, int from, int to, ConflictPolicy onConflict)
        {
            (_templates, _from, _to) = (templates, from, to);
            _end = Encoding.ASCII.GetBytes($"\",\"onConflict\":\"{(onConflict == ConflictPolicy.Allow ? "allow" : "report")}\"}}\n");
            Headers.ContentType = new(HttpApi.NdjsonMediaType);
        }

        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        {
            byte[] buffer = new byte[64 << 10];
            int used = 0;
            for (int i = _from; i < _to; i++)
            {
                if (buffer.Length - used < 2048)
                {
                    await stream.WriteAsync(buffer.AsMemory(0, used));
                    used = 0;
                }
                used += WriteLine(i, buffer.AsSpan(used));
            }
            await stream.WriteAsync(buffer.AsMemory(0, used));
        }

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }

        private int WriteLine(int i, Span<byte> line)
        {
            int used = 0;
            Put(line, "{\"operationId\":\"op-"u8, ref used);
            used += Encoding.ASCII.GetBytes(Identity(i), line[used..]);
            Put(line, "\",\"identity\":\""u8, ref used);
            used += Encoding.ASCII.GetBytes(Identity(i), line[used..]);
            Put(line, "\",\"embedding\":\""u8, ref used);
            Base64.EncodeToUtf8(MemoryMarshal.AsBytes(_templates[i]), line[used..], out _, out int written);
            used += written;
            Put(line, _end, ref used);
            return used;
        }

        private static void Put(Span<byte> line, ReadOnlySpan<byte> text, ref int used)
        {
            text.CopyTo(line[used..]);
            used += text.Length;
        }
    }
}
