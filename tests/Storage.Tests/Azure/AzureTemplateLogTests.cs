using FaceSearch.Storage.Tests.Conformance;

namespace FaceSearch.Storage.Tests.Azure;

public sealed class AzureTemplateLogTests : TemplateLogConformance
{
    protected override async ValueTask<TemplateLogStore> CreateStoreAsync() => await AzureStore.CreateAsync();
}
