using System.Globalization;
using Npgsql;

namespace FaceSearch.Storage.Postgres;

/// <summary>
/// The database behind the PostgreSQL stores: one pool of connections a process, whose sessions wait for the disk at every commit.
/// Nothing that it says of itself holds a password.
/// </summary>
public sealed class PostgresDatabase : IAsyncDisposable, IDisposable
{
    /// <summary>The schema that holds everything of ours.</summary>
    public const string Schema = "facesearch";

    /// <summary>Connections a process opens at most, unless the connection string says otherwise: PostgreSQL allows 100 by default.</summary>
    private const int DefaultPool = 40;

    /// <summary>
    /// A session waits for the disk at every commit. One whose client has vanished, or stopped in the middle of a transaction, is ended
    /// by the server within half a minute, so that its locks do not keep the next opener of a shard out.
    /// </summary>
    private const string SessionOptions = "-c synchronous_commit=on -c idle_in_transaction_session_timeout=30000 -c tcp_keepalives_idle=10 "
        + "-c tcp_keepalives_interval=5 -c tcp_keepalives_count=3 -c tcp_user_timeout=25000";

    /// <exception cref="ArgumentException">It is not a connection string of Npgsql's; the message does not repeat it.</exception>
    public PostgresDatabase(string connectionString)
    {
        NpgsqlConnectionStringBuilder settings;
        try
        {
            settings = new NpgsqlConnectionStringBuilder(connectionString);
        }
        catch (Exception e) when (e is ArgumentException or FormatException or KeyNotFoundException)
        {
            throw new ArgumentException("It is not a PostgreSQL connection string (Host=...;Database=...;Username=...;Password=...).", nameof(connectionString));
        }
        if (string.IsNullOrEmpty(settings.Host))
            throw new ArgumentException("The connection string names no Host.", nameof(connectionString));
        settings.SearchPath = Schema;
        settings.Options = $"{settings.Options} {SessionOptions}".Trim();
        settings.PersistSecurityInfo = false;
        settings.IncludeErrorDetail = false;
        settings.ApplicationName ??= "facesearch";
        settings.Enlist = false;
        if (!settings.ContainsKey("Maximum Pool Size"))
            settings.MaxPoolSize = DefaultPool;
        if (!settings.ContainsKey("Max Auto Prepare"))
            settings.MaxAutoPrepare = 64;
        Source = NpgsqlDataSource.Create(settings);
        Place = string.Create(CultureInfo.InvariantCulture, $"database '{settings.Database ?? settings.Username}' at {settings.Host}:{settings.Port}");
    }

    /// <summary>Where it is: "database 'facesearch' at db.example:5432".</summary>
    public string Place { get; }

    /// <summary>What of the server's configuration endangers what was acknowledged; null if nothing is known to. Set by <see cref="CheckServerAsync"/>.</summary>
    public string? Warning { get; private set; }

    /// <summary>The pool.</summary>
    public NpgsqlDataSource Source { get; }

    /// <summary>Refuses a server whose sessions of ours would not wait for the disk, and notes what else is amiss.</summary>
    /// <exception cref="StorageUnavailableException">It cannot be reached, or its sessions do not wait.</exception>
    public async ValueTask CheckServerAsync(CancellationToken cancellationToken = default)
    {
        try
        {
            await using NpgsqlCommand command = Source.CreateCommand(
                "SELECT current_setting('synchronous_commit'), current_setting('fsync'), current_setting('full_page_writes'), current_setting('server_encoding')");
            await using NpgsqlDataReader r = await command.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false);
            await r.ReadAsync(cancellationToken).ConfigureAwait(false);
            if (r.GetString(0) is not ("on" or "remote_apply"))
                throw new StorageUnavailableException($"Sessions at {Place} have synchronous_commit={r.GetString(0)}: what is acknowledged could be lost.", null);
            if (r.GetString(3) != "UTF8")
                throw new StorageUnavailableException($"The {Place} has the encoding {r.GetString(3)}; make it with ENCODING 'UTF8'.", null);
            Warning = r.GetString(1) != "on" ? "fsync is off: a crash of the server's machine loses what was acknowledged"
                : r.GetString(2) != "on" ? "full_page_writes is off: a crash of the server's machine can damage tables"
                : null;
        }
        catch (Exception e) when (PostgresErrors.IsOfTheServer(e))
        {
            throw new StorageUnavailableException($"The {Place} cannot be used now: {PostgresErrors.Reason(e)}.", e);
        }
    }

    public ValueTask DisposeAsync() => Source.DisposeAsync();

    public void Dispose() => Source.Dispose();
}
