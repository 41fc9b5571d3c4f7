using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;
using Azure.Storage.Blobs.Specialized;
using FaceSearch.Storage.Sqlite;
using Microsoft.Data.Sqlite;

namespace FaceSearch.Storage.Azure;

/// <summary>
/// Writes a log's state, as one read transaction sees it, into new blobs: one of all tables but <c>templates</c>, and templates in
/// ranges of LSNs. A range that has lost no template since it was written stays as it is.
/// </summary>
internal sealed class LogPartWriter(LogConnection view, BlobContainerClient container, Func<LogPartKind, string> draw, long epoch, int templatesPerPart)
{
    private const int FrameLength = 4 << 20;

    /// <summary>Names of the blobs made so far.</summary>
    public List<string> Made { get; } = [];

    /// <returns>The parts that hold the whole state, in order.</returns>
    public async Task<List<LogPart>> WriteAsync(IReadOnlyList<LogPart> before, CancellationToken cancellationToken)
    {
        MetaRow head = view.Meta();
        List<LogPart> parts = [];
        List<TombstoneRow> removed = view.Tombstones();
        long covered = 0;
        foreach (LogPart part in before.Where(p => p.Kind == LogPartKind.Templates))
        {
            bool touched = removed.Exists(t => t.Lsn > part.At && t.Added > part.First && t.Added <= part.Last);
            if (part.Count < templatesPerPart)
                continue; // The last one: it goes on.
            parts.Add(touched ? (await TemplatesAsync(part.First, part.Last, part.Count, head.Lsn, cancellationToken).ConfigureAwait(false))! : part);
            covered = part.Last;
        }
        while (await TemplatesAsync(covered, head.Lsn, templatesPerPart, head.Lsn, cancellationToken).ConfigureAwait(false) is { } part)
        {
            parts.Add(part);
            covered = part.Last;
        }
        parts.Insert(0, await RowsAsync(head, cancellationToken).ConfigureAwait(false));
        return parts;
    }

    private async Task<LogPart?> TemplatesAsync(long first, long last, int limit, long at, CancellationToken cancellationToken)
    {
        using Statement select = new(view.Connection, $"{LogConnection.SelectTemplates} WHERE lsn > @0 AND lsn <= @1 ORDER BY lsn LIMIT @2", 3);
        using SqliteDataReader r = select.Query(first, last, (long)limit);
        if (!r.Read())
            return null;
        await using PartStream part = await PartStream.OpenAsync(this, LogPartKind.Templates, cancellationToken).ConfigureAwait(false);
        int count = 0;
        long end = first;
        do
        {
            end = view.ReadTemplate(r).Lsn; // Its checksum is compared: a rotten local row must not replace a sound stored one.
            part.Rows.Write(1, r);
            count++;
            await part.FlushAtNeedAsync(cancellationToken).ConfigureAwait(false);
        }
        while (r.Read());
        // A full part ends with its last row and stays as it is from then on; the last one covers all there is.
        return await part.EndAsync(LogPartKind.Templates, first, count == limit ? end : last, count, at, cancellationToken).ConfigureAwait(false);
    }

    private async Task<LogPart> RowsAsync(MetaRow head, CancellationToken cancellationToken)
    {
        await using PartStream part = await PartStream.OpenAsync(this, LogPartKind.Rows, cancellationToken).ConfigureAwait(false);
        await TableAsync(part, 0, "SELECT * FROM meta", _ => { }, cancellationToken).ConfigureAwait(false);
        long identities = await TableAsync(part, 2, LogConnection.SelectIdentities, r => view.ReadIdentity(r), cancellationToken).ConfigureAwait(false);
        long commits = await TableAsync(part, 3, LogConnection.SelectCommits, r => view.ReadCommit(r), cancellationToken).ConfigureAwait(false);
        long tombstones = await TableAsync(part, 4, LogConnection.SelectTombstones, r => view.ReadTombstone(r), cancellationToken).ConfigureAwait(false);
        long outbox = await TableAsync(part, 5, LogConnection.SelectOutbox, r => view.ReadOutbox(r), cancellationToken).ConfigureAwait(false);
        if ((identities, commits, tombstones, outbox) != (head.Identities, head.Commits, head.Tombstones, head.Outbox))
            throw view.Damaged("rows are missing from its local state");
        return await part.EndAsync(LogPartKind.Rows, 0, head.Lsn, 0, head.Lsn, cancellationToken).ConfigureAwait(false);
    }

    private async Task<long> TableAsync(PartStream part, int table, string sql, Action<SqliteDataReader> check, CancellationToken cancellationToken)
    {
        using Statement select = new(view.Connection, sql, 0);
        using SqliteDataReader r = select.Query();
        long rows = 0;
        for (; r.Read(); rows++)
        {
            check(r);
            part.Rows.Write(table, r);
            await part.FlushAtNeedAsync(cancellationToken).ConfigureAwait(false);
        }
        return rows;
    }

    /// <summary>A block blob that is being written frame by frame; it exists when it has ended.</summary>
    private sealed class PartStream : IAsyncDisposable
    {
        private readonly BlockBlobClient _blob;
        private readonly List<string> _blocks = [];
        private readonly long _epoch;
        private ulong _chain;
        private long _length;

        private PartStream(BlockBlobClient blob, long epoch) => (_blob, _epoch, _chain) = (blob, epoch, LogFrame.Beginning(blob.Name));

        public LogRowsCodec Rows { get; } = new();

        public static Task<PartStream> OpenAsync(LogPartWriter writer, LogPartKind kind, CancellationToken cancellationToken)
        {
            cancellationToken.ThrowIfCancellationRequested();
            string name = writer.Draw(kind);
            writer.Made.Add(name);
            return Task.FromResult(new PartStream(writer.Container.GetBlockBlobClient(name), writer.Epoch));
        }

        public async Task FlushAtNeedAsync(CancellationToken cancellationToken)
        {
            if (Rows.Length >= FrameLength)
                await FlushAsync(cancellationToken).ConfigureAwait(false);
        }

        public async Task<LogPart> EndAsync(LogPartKind kind, long first, long last, int count, long at, CancellationToken cancellationToken)
        {
            if (Rows.Length > 0 || _blocks.Count == 0)
                await FlushAsync(cancellationToken).ConfigureAwait(false);
            await _blob.CommitBlockListAsync(_blocks, new CommitBlockListOptions(), cancellationToken).ConfigureAwait(false);
            return new(_blob.Name, kind, _length, LogFrame.Hex(_chain), first, last, count, at);
        }

        public ValueTask DisposeAsync()
        {
            Rows.Dispose();
            return ValueTask.CompletedTask;
        }

        private async Task FlushAsync(CancellationToken cancellationToken)
        {
            byte[] bytes = new LogFrame(LogFrameKind.Rows, _epoch, Rows.Take()).Encode(_chain, out _chain);
            string id = Convert.ToBase64String(BitConverter.GetBytes((long)_blocks.Count));
            using MemoryStream stream = new(bytes, writable: false);
            await _blob.StageBlockAsync(id, stream, cancellationToken: cancellationToken).ConfigureAwait(false);
            _blocks.Add(id);
            _length += bytes.Length;
        }
    }

    private BlobContainerClient Container => container;

    private long Epoch => epoch;

    private string Draw(LogPartKind kind) => draw(kind);
}
