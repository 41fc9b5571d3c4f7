using FaceSearch.Storage.Logs;
using Microsoft.Data.Sqlite;

namespace FaceSearch.Storage.Sqlite;

/// <summary>Reads a whole log: structure, indexes, every row's checksum, every reference, every count, the chain, the digest.</summary>
internal sealed class LogVerification(LogConnection log)
{
    /// <summary>Needs a free connection.</summary>
    public LogHead Run(CancellationToken cancellationToken)
    {
        log.Begin();
        try
        {
            var tally = new LogTally(log.Meta(), log.Hasher);
            if (log.Scalar("PRAGMA integrity_check(1)") is not "ok")
                throw log.Damaged("SQLite's integrity check found a broken page or index");
            Each(LogConnection.SelectIdentities, r => tally.Add(log.ReadIdentity(r)), cancellationToken);
            Each(LogConnection.SelectTemplates, r => tally.Add(log.ReadTemplate(r)), cancellationToken);
            Each(LogConnection.SelectTombstones, r => tally.Add(log.ReadTombstone(r)), cancellationToken);
            Each(LogConnection.SelectOutbox, r => tally.Add(log.ReadOutbox(r)), cancellationToken);
            Each($"{LogConnection.SelectCommits} ORDER BY lsn", r => tally.Add(log.ReadCommit(r)), cancellationToken);
            return tally.Prove();
        }
        finally
        {
            log.Rollback();
        }
    }

    private void Each(string sql, Action<SqliteDataReader> visit, CancellationToken cancellationToken)
    {
        using var statement = new Statement(log.Connection, sql, 0);
        using SqliteDataReader r = statement.Query();
        for (long count = 0; r.Read(); count++)
        {
            if ((count & 1023) == 0)
                cancellationToken.ThrowIfCancellationRequested();
            visit(r);
        }
    }
}
