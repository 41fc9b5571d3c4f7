using FaceSearch.Storage.Sqlite;

namespace FaceSearch.Storage.Azure;

/// <summary>
/// A log's state on this machine, derived from its blobs: the tables of docs/log-format.md in a SQLite file that is rebuilt at every
/// opening, never flushed and never trusted afterwards. It decides changes, answers reads, and overwrites what is erased.
/// </summary>
internal sealed class LocalLog : IDisposable
{
    private readonly string _folder;

    public LocalLog(ShardId shard, string folder)
    {
        _folder = folder;
        LogFile.Create(shard, folder);
        File = Path.Combine(folder, LogFile.Database);
        Writer = new LogWriter(shard, File);
        Writer.Execute("PRAGMA synchronous=OFF");
    }

    /// <summary>The database file.</summary>
    public string File { get; }

    /// <summary>The only writing connection.</summary>
    public LogWriter Writer { get; }

    /// <summary>Applies one frame of groups in a transaction of its own and compares the state after it with what the frame says.</summary>
    /// <returns>Whether the frame removed something that older parts still hold.</returns>
    /// <exception cref="LogDamagedException">It leads elsewhere.</exception>
    public bool Replay(LogFrame frame)
    {
        Writer.BeginUnder(epoch: null);
        bool removes;
        if (frame.Kind == LogFrameKind.ClearOutbox)
        {
            Writer.ClearOutbox(BitConverter.ToInt64(frame.Payload));
            removes = true;
        }
        else
        {
            removes = Replay(ChangeGroup.Decode(frame.Payload));
        }
        Writer.Commit();
        return removes;
    }

    public void Dispose()
    {
        Writer.Dispose();
        LocalCache.Delete(_folder);
    }

    private bool Replay(ChangeGroup group)
    {
        bool removes = false;
        foreach (byte[] bytes in group.Changes)
        {
            IdentityChange change = ChangeCodec.Decode(bytes);
            removes |= Removes(change);
            if (Writer.Changes.Apply(change).Status != CommitStatus.Applied)
                throw Writer.Damaged("a stored change cannot be applied again");
        }
        Writer.Changes.Prune(group.PruneBefore, group.PruneLimit);
        if (Writer.State.Lsn != group.Lsn || Writer.State.Digest != group.Digest)
            throw Writer.Damaged($"applying its changes again leads to another state than LSN {group.Lsn} had");
        Writer.SaveMeta(Writer.State);
        return removes;
    }

    /// <summary>Whether a change takes something away that must not stay in older parts.</summary>
    public static bool Removes(IdentityChange change) => change.Erase || change.Remove.Count > 0;
}
