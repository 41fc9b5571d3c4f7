using FaceSearch.Storage;
using FaceSearch.Storage.Postgres;

namespace FaceSearch.Silo.Hosting;

/// <summary>Databases that the silo uses, each checked before anything else starts.</summary>
internal static class PostgresHosting
{
    /// <summary>The pool for a setting; the start fails for a database that cannot be used as it is.</summary>
    /// <exception cref="ConfigurationException">The setting is missing or no connection string; its value is not repeated.</exception>
    public static PostgresDatabase Open(IServiceCollection services, string setting, string? connectionString)
    {
        if (string.IsNullOrWhiteSpace(connectionString))
            throw new ConfigurationException($"{setting} is missing: Host=...;Database=...;Username=...;Password=...");
        PostgresDatabase database;
        try
        {
            database = new PostgresDatabase(connectionString);
        }
        catch (ArgumentException e)
        {
            throw new ConfigurationException($"{setting}: {e.Message}");
        }
        // Before Orleans, whose providers read the schema when they start: hosted services start in the order of their registration.
        services.Insert(0, ServiceDescriptor.Singleton<IHostedService>(_ => new SchemaCheck(database, setting)));
        return database;
    }

    /// <summary>Refuses the start unless the database has this program's schema.</summary>
    internal sealed class SchemaCheck(PostgresDatabase database, string setting) : IHostedService, IStorageCheck
    {
        public async Task StartAsync(CancellationToken cancellationToken)
        {
            await database.CheckServerAsync(cancellationToken);
            SchemaStatus status = await new DatabaseSchema(database).StatusAsync(cancellationToken);
            if (status.State != SchemaState.Current)
                throw new StorageUnavailableException($"The {database.Place} ({setting}) is not ready. {status.Sentence} {Advice(status.State)}", null);
        }

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        private static string Advice(SchemaState state) => state is SchemaState.Missing or SchemaState.Older
            ? "Run: Silo database apply --Storage:ConnectionString=..."
            : "See: Silo database status --Storage:ConnectionString=...";
    }
}
