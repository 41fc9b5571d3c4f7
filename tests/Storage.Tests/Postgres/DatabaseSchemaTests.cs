using FaceSearch.Storage.Postgres;
using FaceSearch.Storage.Tests.Conformance;
using FaceSearch.Tests.Servers;

namespace FaceSearch.Storage.Tests.Postgres;

public sealed class DatabaseSchemaTests(SharedServer server)
{
    [Fact]
    public async Task It_is_applied_once_however_many_try_at_once()
    {
        await using TestDatabase test = await server.CreateAsync(withSchema: false);
        (await new DatabaseSchema(test.Connect()).StatusAsync()).State.ShouldBe(SchemaState.Missing);
        var results = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => new DatabaseSchema(test.Connect()).ApplyAsync()));
        results.ShouldAllBe(r => r.Status.State == SchemaState.Current);
        results.Count(r => r.Applied.Count > 0).ShouldBe(1);
        (await new DatabaseSchema(test.Connect()).StatusAsync()).ShouldBe(new(SchemaState.Current, DatabaseSchema.Steps.Count, DatabaseSchema.Steps.Count));
    }

    [Theory]
    [InlineData("DELETE FROM facesearch.schema_version WHERE version = 3", SchemaState.Older)]
    [InlineData("INSERT INTO facesearch.schema_version VALUES (1000, 'future', 'x')", SchemaState.Newer)]
    [InlineData("UPDATE facesearch.schema_version SET checksum = 'x' WHERE version = 1", SchemaState.Different)]
    public async Task Another_schema_is_named(string change, SchemaState expected)
    {
        await using TestDatabase test = await server.CreateAsync();
        await PostgresServer.ExecuteAsync(test.ConnectionString, change);
        (await new DatabaseSchema(test.Connect()).StatusAsync()).State.ShouldBe(expected);
    }

    [Fact]
    public async Task Neither_the_description_nor_an_exception_holds_the_password()
    {
        await using TestDatabase test = await server.CreateAsync();
        PostgresDatabase database = test.Connect();
        await database.CheckServerAsync();
        PostgresTemplateLogProvider provider = new(database, new FixedTime(Make.Day));
        provider.Description.ShouldStartWith("PostgreSQL database 'test_");
        provider.Description.ShouldNotContain(PostgresServer.Password);
        await using PostgresDatabase wrong = new(test.ConnectionString.Replace("Username=facesearch", "Username=nobody"));
        Should.Throw<StorageUnavailableException>(() => new DatabaseSchema(wrong).StatusAsync()).ToString().ShouldNotContain(PostgresServer.Password);
        Should.Throw<ArgumentException>(() => new PostgresDatabase($"Hots=x;Password={PostgresServer.Password}")).ToString().ShouldNotContain(PostgresServer.Password);
    }

    [Fact]
    public async Task A_server_without_fsync_is_used_under_a_warning()
    {
        await using TestDatabase test = await server.CreateAsync();
        await PostgresServer.ExecuteAsync(test.ConnectionString, "ALTER SYSTEM SET fsync = off");
        try
        {
            await PostgresServer.ExecuteAsync(test.ConnectionString, "SELECT pg_reload_conf()");
            PostgresDatabase database = test.Connect();
            for (int i = 0; i < 200 && database.Warning is null; i++)
            {
                await Task.Delay(25);
                await database.CheckServerAsync();
            }
            new PostgresTemplateLogProvider(database, TimeProvider.System).Description.ShouldContain("WARNING: fsync is off");
        }
        finally
        {
            await PostgresServer.ExecuteAsync(test.ConnectionString, "ALTER SYSTEM RESET fsync");
            await PostgresServer.ExecuteAsync(test.ConnectionString, "SELECT pg_reload_conf()");
        }
    }
}
