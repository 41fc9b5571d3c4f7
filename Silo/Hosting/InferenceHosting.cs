using FaceSearch.Gateway;
using FaceSearch.Grains.Embedders;
using FaceSearch.Vision;
using Microsoft.Extensions.Options;

namespace FaceSearch.Silo.Hosting;

/// <summary>The silo's embedder sessions, from the models folder.</summary>
internal static class InferenceHosting
{
    /// <summary>Models that any process needs: a gateway detects, and aligns for an embedder by its manifest.</summary>
    public static void AddModels(this WebApplicationBuilder builder, SiloOptions options)
    {
        builder.Services.AddSingleton(new ModelStore(options.EffectiveModelsFolder, ModelStore.BundledFolder));
        builder.Services.PostConfigure<GatewayOptions>(o =>
        {
            o.ModelsFolder = options.EffectiveModelsFolder;
            o.Inference = new() { Provider = options.Provider };
        });
    }

    /// <summary>The embedders of a silo.</summary>
    public static void AddEmbedders(this WebApplicationBuilder builder, SiloOptions options)
    {
        InferenceOptions inference = new() { Provider = options.Provider };
        builder.Services.AddSingleton(services => Load(services, options, inference));
    }

    private static EmbedderPool Load(IServiceProvider services, SiloOptions options, InferenceOptions inference)
    {
        ModelStore store = services.GetRequiredService<ModelStore>();
        InstalledModel? model = store.Find(ModelKind.Embedder, options.Embedder);
        if (model is null && options.Embedder is not null)
            throw new ModelException($"Silo:Embedder names '{options.Embedder}', but {options.EffectiveModelsFolder} does not hold it. Run 'facesearch models list'.");
        return new EmbedderPool(
            model is null ? null : new OnnxFaceEmbedder(model, inference),
            name => store.Find(ModelKind.Embedder, name) is { } other ? new OnnxFaceEmbedder(other, inference) : null,
            services.GetRequiredService<IOptions<EmbedderOptions>>());
    }
}
