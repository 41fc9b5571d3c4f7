using FaceSearch.Grains.Embedders;
using FaceSearch.Grains.Galleries;

namespace FaceSearch.Grains.Identities;

/// <summary>
/// The embeddings of an enrolment's templates in whichever generation they are needed: the one that the caller pinned has them; for
/// another the faces are embedded again, or the vectors serve as they are where the models are compatible.
/// </summary>
internal sealed class CommandVectors(IGrainFactory grains, CropFitter fitter, string model, EnrolCommand command)
{
    private const int Attempts = 8;
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(250);

    private readonly Dictionary<int, Embedding?[]> _known = new() { [command.Generation] = [.. command.Templates.Select(t => t.Embedding)] };

    /// <summary>The model that the caller embedded and aligned with.</summary>
    public string Model => model;

    /// <summary>One embedding a template in the given generation; null where there is no way to one.</summary>
    public async Task<Embedding?[]> InAsync(GalleryView generation, bool compatible)
    {
        if (_known.TryGetValue(generation.Generation, out Embedding?[]? known))
            return known;
        Embedding?[] vectors = new Embedding?[command.Templates.Count];
        int[] faces = [.. Enumerable.Range(0, vectors.Length).Where(i => command.Templates[i].Crop is not null)];
        if (faces.Length > 0)
        {
            IReadOnlyList<Embedding> embedded = await EmbedAsync(generation.Model, [.. faces.Select(i => command.Templates[i].Crop!)]);
            for (int i = 0; i < faces.Length; i++)
                vectors[faces[i]] = embedded[i];
        }
        for (int i = 0; compatible && i < vectors.Length; i++)
            vectors[i] ??= command.Templates[i].Embedding;
        return _known[generation.Generation] = vectors;
    }

    /// <summary>The command with the embeddings of the generation that is active now.</summary>
    /// <exception cref="FaceSearchException">generation-mismatch: the caller must embed again.</exception>
    public async Task<EnrolCommand> ForAsync(string gallery, GalleryRoute route)
    {
        if (command.Generation == route.View.Generation)
            return command;
        Embedding?[] vectors = await InAsync(route.View, route.View.Other!.Compatible);
        if (Array.IndexOf(vectors, null) >= 0)
            throw Conflicts.WrongGeneration(gallery, command.Generation, route.View.Generation);
        return command with { Generation = route.View.Generation, Templates = [.. command.Templates.Zip(vectors, (t, v) => t with { Embedding = v! })] };
    }

    private async Task<IReadOnlyList<Embedding>> EmbedAsync(string other, FaceCrop[] crops)
    {
        for (int i = 0; i < crops.Length; i++)
            crops[i] = await fitter.FitAsync(crops[i], model, other);
        for (int attempt = 1; ; attempt++)
        {
            try
            {
                return await grains.GetGrain<IEmbedderGrain>(other).EmbedAsync(crops);
            }
            catch (FaceSearchException e) when (e.Type == ProblemTypes.Overloaded && attempt < Attempts)
            {
                await Task.Delay(Patience);
            }
        }
    }
}
