using System.Globalization;
using FaceSearch.Storage.Logs;
using FaceSearch.Storage.Sqlite;
using Npgsql;

namespace FaceSearch.Storage.Postgres;

/// <summary>What changed after an LSN: four tables read page by page in one view and merged by LSN.</summary>
internal sealed class PostgresDiff
{
    private readonly LogView _view;
    private readonly DiffProof _proof;
    private readonly bool _all;
    private readonly Source<(TemplateRow Row, string Owner)> _templates;
    private readonly Source<IdentityRow> _identities;
    private readonly Source<TombstoneRow> _tombstones;
    private readonly Source<CommitRow> _commits;

    /// <summary>Names that templates came with, by key, until the identity itself has come.</summary>
    private readonly Dictionary<long, string> _claimed = [];

    private PostgresDiff(LogView view, DiffProof proof, long after)
    {
        (_view, _proof, _all) = (view, proof, after == 0);
        string columns = string.Join(", ", RowReader.TemplateColumns.Split(", ").Select(c => "t." + c));
        LogTables tables = view.Tables;
        _templates = new(view, $"SELECT {columns}, i.id FROM {tables.Templates} t LEFT JOIN {tables.Identities} i ON i.key = t.identity", "t.lsn", ReadTemplate, r => r.Row.Lsn, after);
        _identities = new(view, tables.SelectIdentities, "lsn", view.Rows.Identity, r => r.Lsn, after);
        // Nothing can be gone for a reader that starts with nothing.
        _tombstones = new(view, tables.SelectTombstones, "lsn", r => view.Rows.Tombstone(r), r => r.Lsn, _all ? long.MaxValue : after);
        _commits = new(view, tables.SelectCommits, "lsn", view.Rows.Commit, r => r.Lsn, _all ? long.MaxValue : after);
    }

    public static async Task<PostgresDiff> BeginAsync(LogView view, long after, ulong digest, CancellationToken cancellationToken)
    {
        DiffProof proof = new(await view.MetaAsync(cancellationToken).ConfigureAwait(false), after, digest, view.Hasher);
        proof.CheckAnchor(await view.CommitAtAsync(after, cancellationToken).ConfigureAwait(false));
        return new PostgresDiff(view, proof, after);
    }

    /// <summary>Where the view ends.</summary>
    public LogHead Head => _proof.Head;

    /// <summary>The next entries, at most <paramref name="limit"/>; empty at the (then verified) end.</summary>
    public async Task<List<LogEntry>> NextAsync(int limit, CancellationToken cancellationToken)
    {
        var entries = new List<LogEntry>(limit);
        while (entries.Count < limit)
        {
            long template = await _templates.NextAsync(cancellationToken).ConfigureAwait(false), identity = await _identities.NextAsync(cancellationToken).ConfigureAwait(false),
                tombstone = await _tombstones.NextAsync(cancellationToken).ConfigureAwait(false), commit = await _commits.NextAsync(cancellationToken).ConfigureAwait(false);
            long lsn = Math.Min(Math.Min(template, identity), Math.Min(tombstone, commit));
            if (lsn == long.MaxValue)
            {
                if (entries.Count == 0)
                    CheckEnd();
                return entries;
            }
            if (template == lsn)
                entries.Add(Take(_templates.Take()));
            if (tombstone == lsn)
                entries.Add(_proof.Take(_tombstones.Take()));
            if (identity == lsn)
                entries.Add(Take(_identities.Take()));
            if (commit == lsn && _proof.Take(_commits.Take()) is { } gone)
                entries.Add(gone);
        }
        return entries;
    }

    private (TemplateRow Row, string Owner) ReadTemplate(NpgsqlDataReader r) =>
        (_view.Rows.Template(r), r.IsDBNull(4) ? throw _view.Damaged(string.Create(CultureInfo.InvariantCulture, $"identity row {r.GetInt64(2)} is missing")) : r.GetString(4));

    private LogEntry Take((TemplateRow Row, string Owner) template)
    {
        if (_claimed.TryAdd(template.Row.Identity, template.Owner) || _claimed[template.Row.Identity] == template.Owner)
            return _proof.Take(template.Row, template.Owner);
        throw _view.Damaged("an identity has two names");
    }

    /// <summary>The name that its templates came with is compared with the one that the row's checksum covers.</summary>
    private LogEntry Take(IdentityRow identity)
    {
        if (_claimed.Remove(identity.Key, out string? name) && name != identity.Id)
            throw _view.Damaged("an identity has two names");
        return _proof.Take(identity);
    }

    private void CheckEnd()
    {
        if (_claimed.Count > 0)
            throw _view.Damaged("identity rows are missing");
        _proof.CheckEnd(withCommits: !_all);
    }

    private sealed class Source<T>(LogView view, string select, string column, Func<NpgsqlDataReader, T> read, Func<T, long> lsn, long after)
    {
        private readonly Queue<T> _page = [];
        private long _after = after;
        private bool _ended = after == long.MaxValue;

        /// <summary>LSN of the next row; the greatest number at the end.</summary>
        public async ValueTask<long> NextAsync(CancellationToken cancellationToken)
        {
            if (_page.Count == 0 && !_ended)
            {
                foreach (T row in await view.PageAsync(select, column, read, _after, cancellationToken).ConfigureAwait(false))
                {
                    _after = lsn(row);
                    _page.Enqueue(row);
                }
                _ended = _page.Count == 0;
            }
            return _page.TryPeek(out T? next) ? lsn(next) : long.MaxValue;
        }

        public T Take() => _page.Dequeue();
    }
}
