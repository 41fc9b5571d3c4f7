using FaceSearch.Storage.Tests.Conformance;

namespace FaceSearch.Storage.Tests.Sqlite;

public sealed class SqliteTemplateLogTests : TemplateLogConformance
{
    protected override ValueTask<TemplateLogStore> CreateStoreAsync() => new(new SqliteStore());
}
