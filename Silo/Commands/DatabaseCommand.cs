using FaceSearch.Silo.Hosting;
using FaceSearch.Storage;
using FaceSearch.Storage.Postgres;

namespace FaceSearch.Silo.Commands;

/// <summary><c>database apply</c> and <c>database status</c>: the schema of a PostgreSQL database. Exit code 0: as this program wants it; 1: not; 2: wrong use.</summary>
internal static class DatabaseCommand
{
    public static bool Asked(string[] args) => args is ["database", ..];

    public static async Task<int> RunAsync(string[] args)
    {
        if (args is not ["database", "apply" or "status", ..])
            return Fail(2, "Use: database apply --Storage:ConnectionString=...   or: database status --Storage:ConnectionString=...");
        IConfiguration configuration = new ConfigurationBuilder()
            .AddJsonFile(Path.Combine(AppContext.BaseDirectory, "appsettings.json"), optional: true)
            .AddEnvironmentVariables()
            .AddCommandLine(args[2..])
            .Build();
        string? connectionString = configuration["Storage:ConnectionString"] ?? configuration["Cluster:ConnectionString"];
        if (string.IsNullOrWhiteSpace(connectionString))
            return Fail(2, "Storage:ConnectionString is missing: --Storage:ConnectionString=Host=...;Database=...;Username=..., or the environment variable Storage__ConnectionString.");
        try
        {
            await using PostgresDatabase database = new(connectionString);
            await database.CheckServerAsync();
            DatabaseSchema schema = new(database);
            return args[1] == "apply" ? await ApplyAsync(database, schema) : await StatusAsync(database, schema);
        }
        catch (Exception e) when (e is StorageException or ArgumentException)
        {
            return Fail(e is ArgumentException ? 2 : 1, e.Message);
        }
    }

    private static async Task<int> ApplyAsync(PostgresDatabase database, DatabaseSchema schema)
    {
        (IReadOnlyList<SchemaStep> applied, SchemaStatus status) = await schema.ApplyAsync();
        foreach (SchemaStep step in applied)
            Console.WriteLine($"applied {step.Version:d3} {step.Name}");
        return Report(database, status);
    }

    private static async Task<int> StatusAsync(PostgresDatabase database, DatabaseSchema schema) => Report(database, await schema.StatusAsync());

    private static int Report(PostgresDatabase database, SchemaStatus status)
    {
        Console.WriteLine($"{database.Place}: {status.Sentence}");
        if (database.Warning is { } warning)
            Console.WriteLine($"WARNING: {warning}");
        return status.State == SchemaState.Current ? 0 : 1;
    }

    private static int Fail(int code, string why)
    {
        Console.Error.WriteLine(why);
        return code;
    }
}
